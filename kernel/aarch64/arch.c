/* SPDX-License-Identifier: MIT */
/*
 * AArch64 as on QEMU's virt machine: PL011, GICv2, the virtual generic timer, PSCI, semihosting to end.
 * Where devices are, the devicetree says.
 *
 * Interrupts of the GIC's group 1 come as IRQs, which the port's pin holds off: the timer's. Group 0
 * comes as FIQs, which nothing holds off but the first and last instructions of a handler: the software
 * interrupt of arch_send_nmi(). A handler of an IRQ lets them in: its CPU may wait for a lock, whose
 * holder waits for an FIQ to be taken here.
 */
#include <quarry/firmware.h>

#include "kernel.h"

#define ARM_TIMER_INTERRUPT 27u /* of the virtual timer, on every such machine */
#define ARM_SPURIOUS 1020u
#define ARM_VECTOR_IRQ 5u /* taken from EL1 on its own stack */
#define ARM_VECTOR_FIQ 6u
#define ARM_PSCI_CPU_ON 0xc4000003u
#define ARM_MPIDR_MASK 0xff00ffffffu
#define ARM_FDT_MOST ((size_t)2 << 20)
#define ARM_MAPPED ((phys_addr_t)256 << 30) /* start.S */

/* Registers of the two halves of a GICv2, in words. */
enum {
	GICD_CTLR = 0,
	GICD_IGROUPR = 0x80 / 4,
	GICD_ISENABLER = 0x100 / 4,
	GICD_IPRIORITYR = 0x400 / 4,
	GICD_ITARGETSR = 0x800 / 4,
	GICD_SGIR = 0xf00 / 4,
	GICC_CTLR = 0,
	GICC_PMR = 1,
	GICC_IAR = 3,
	GICC_EOIR = 4,
};

struct arm_frame {
	uint64_t x[31], pc, state;
};

struct arm_start {
	void *stack;
	uint64_t number;
};

const char arch_name[] = "aarch64";
const bool arch_has_nmi = true;

extern char arm_secondary[];
void arm_main(const void *fdt);
void arm_trap(unsigned int vector, const struct arm_frame *frame);

static struct arm_start arm_starts[KERNEL_MAX_CPUS];
static volatile uint32_t *arm_uart = (volatile uint32_t *)0x09000000; /* until it is looked up */
static volatile uint32_t *arm_gicd, *arm_gicc;
static bool arm_psci_smc;
static uint32_t arm_gic_target[KERNEL_MAX_CPUS]; /* a bit for each CPU, as the GIC numbers them */

#define ARM_READ(name)                                                \
	(__extension__({                                              \
		uint64_t arm_value;                                   \
		__asm__ volatile("mrs %0, " #name : "=r"(arm_value)); \
		arm_value;                                            \
	}))
#define ARM_WRITE(name, value) \
	__asm__ volatile("msr " #name ", %0" : : "r"((uint64_t)(value)) : "memory")

void arch_putc(char c)
{
	while ((arm_uart[6] & 0x20) != 0)
		;
	arm_uart[0] = (uint32_t)(unsigned char)c;
}

void arch_irq_enable(void)
{
	__asm__ volatile("msr daifclr, #2" : : : "memory");
}

void arch_irq_disable(void)
{
	__asm__ volatile("msr daifset, #2" : : : "memory");
}

/* Software interrupt 0, of group 0. */
void arch_send_nmi(const struct kernel_cpu *to)
{
	__asm__ volatile("dsb ish" : : : "memory");
	arm_gicd[GICD_SGIR] = arm_gic_target[to->bare.cpu] << 16;
}

void arch_idle(void)
{
	__asm__ volatile("wfi" : : : "memory");
}

_Noreturn void arch_park(void)
{
	arch_irq_disable();
	for (;;)
		__asm__ volatile("wfi");
}

/* Cycles; QEMU with -icount shift=0 has a cycle for each instruction. */
uint64_t arch_count(void)
{
	__asm__ volatile("isb" : : : "memory");
	return ARM_READ(pmccntr_el0);
}

/* SYS_EXIT with ADP_Stopped_ApplicationExit carries a status. */
_Noreturn void arch_exit(int status)
{
	uint64_t block[2] = {0x20026, (uint64_t)status};
	register uint64_t x0 __asm__("x0") = 0x18;
	register void *x1 __asm__("x1") = block;

	__asm__ volatile("hlt #0xf000" : : "r"(x0), "r"(x1) : "memory");
	arch_park();
}

/* ---- traps ---- */

void arm_trap(unsigned int vector, const struct arm_frame *frame)
{
	uint32_t interrupt;

	if (vector != ARM_VECTOR_IRQ && vector != ARM_VECTOR_FIQ)
		kernel_fault("exception class", ARM_READ(esr_el1) >> 26, frame->pc,
			     ARM_READ(far_el1));
	interrupt = arm_gicc[GICC_IAR];
	if ((interrupt & 0x3ff) >= ARM_SPURIOUS)
		return;
	/* The GIC names what is most urgent, which may be an FIQ's while an IRQ is taken. */
	if ((interrupt & 0x3ff) == 0) {
		arm_gicc[GICC_EOIR] = interrupt;
		kernel_nmi(frame->pc, (frame->state & QUARRY_BARE_DAIF_I) != 0);
		return;
	}
	if ((interrupt & 0x3ff) != ARM_TIMER_INTERRUPT)
		kernel_fault("interrupt", interrupt & 0x3ff, frame->pc, 0);
	if (vector == ARM_VECTOR_FIQ) { /* this one may be held off: it will come again */
		arm_gicc[GICC_EOIR] = interrupt;
		return;
	}
	ARM_WRITE(cntv_ctl_el0, 0);
	arm_gicc[GICC_EOIR] = interrupt;
	__asm__ volatile("msr daifclr, #1" : : : "memory"); /* FIQs, from here */
	kernel_tick(frame->pc);
	__asm__ volatile("msr daifset, #1"
			 :
			 :
			 : "memory"); /* to here: the return is not to be disturbed */
}

/* ---- CPUs ---- */

void arch_cpu_init(struct kernel_cpu *cpu)
{
	ARM_WRITE(tpidr_el1, (uintptr_t)&cpu->bare);
	/* The cycle counter runs. */
	ARM_WRITE(pmccfiltr_el0, 0);
	ARM_WRITE(pmcntenset_el0, (uint64_t)1 << 31);
	ARM_WRITE(pmcr_el0, ARM_READ(pmcr_el0) | 0x41);
}

void arch_timer_init(void)
{
	arm_gicd[GICD_CTLR] = 3; /* both groups */
	arm_gicd[GICD_IGROUPR] = 1u << ARM_TIMER_INTERRUPT;
	arm_gicd[GICD_ISENABLER] = 1u << ARM_TIMER_INTERRUPT | 1u;
	arm_gicd[GICD_IPRIORITYR + ARM_TIMER_INTERRUPT / 4] = 0xa0a0a0a0u; /* less urgent than 0 */
	arm_gicd[GICD_IPRIORITYR] = 0;
	arm_gic_target[quarry_cpu()] = arm_gicd[GICD_ITARGETSR] & 0xff;
	arm_gicc[GICC_PMR] = 0xff;
	arm_gicc[GICC_CTLR] = 0xf; /* both groups, acknowledged alike; group 0 as FIQs */
	__asm__ volatile("msr daifclr, #1" : : : "memory");
}

void arch_timer_arm(unsigned int us)
{
	ARM_WRITE(cntv_tval_el0, ARM_READ(cntfrq_el0) / 1000000 * us + 1);
	ARM_WRITE(cntv_ctl_el0, 1);
}

static int64_t arm_psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a;
	register uint64_t x2 __asm__("x2") = b;
	register uint64_t x3 __asm__("x3") = c;

	if (arm_psci_smc)
		__asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
	else
		__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
	return (int64_t)x0;
}

int arch_start_cpu(struct kernel_cpu *cpu)
{
	struct arm_start *start = &arm_starts[cpu - kernel.cpu];

	start->stack = cpu->stack_top;
	start->number = (uint64_t)(cpu - kernel.cpu);
	/* The other CPU reads it with its caches off. */
	__asm__ volatile("dc civac, %0; dsb sy" : : "r"(start) : "memory");
	return (int)arm_psci(ARM_PSCI_CPU_ON, cpu->hwid, (uintptr_t)arm_secondary,
			     (uintptr_t)start);
}

/* ---- firmware ---- */

static int arm_add_cpu(void *arg, const struct quarry_firmware_cpu *cpu)
{
	(void)arg;
	cpu_add(cpu->id, cpu->nid);
	return 0;
}

/* Address number @n of the reg of a node whose parent has two cells for each address and size. */
static uintptr_t arm_device(struct quarry *q, const void *fdt, const char *path, unsigned int n)
{
	size_t size;
	const unsigned char *reg =
		quarry_firmware_fdt_property(q, fdt, ARM_FDT_MOST, path, "reg", &size);
	uintptr_t address = 0;

	if (reg == NULL || size < (size_t)16 * (n + 1))
		return 0;
	for (unsigned int i = 0; i < 8; i++)
		address = address << 8 | reg[16 * n + i];
	return address;
}

static bool arm_find_devices(struct quarry *q, const void *fdt)
{
	const char *method =
		quarry_firmware_fdt_property(q, fdt, ARM_FDT_MOST, "/psci", "method", NULL);
	uintptr_t uart = arm_device(q, fdt, "/pl011", 0);

	arm_gicd = (volatile uint32_t *)arm_device(q, fdt, "/intc", 0);
	arm_gicc = (volatile uint32_t *)arm_device(q, fdt, "/intc", 1);
	if (uart != 0)
		arm_uart = (volatile uint32_t *)uart;
	arm_psci_smc = method != NULL && method[0] == 's';
	return method != NULL && arm_gicd != NULL && arm_gicc != NULL;
}

bool arch_firmware(struct quarry *q, const void *firmware)
{
	struct quarry_firmware_info info = {.cmdline = kernel.command_line,
					    .cmdline_room = sizeof(kernel.command_line)};

	if (quarry_firmware_fdt(q, firmware, ARM_FDT_MOST, (uintptr_t)firmware, &info) != 0 ||
	    quarry_firmware_fdt_cpus(q, firmware, ARM_FDT_MOST, arm_add_cpu, NULL) != 0)
		return false;
	kprintf("Firmware: devicetree at %lx, %u ranges of memory, EL%lu\n", (uintptr_t)firmware,
		info.nr_ranges, ARM_READ(CurrentEL) >> 2);
	if (info.ram_end > ARM_MAPPED)
		quarry_memblock_cap_memory_range(q, 0, ARM_MAPPED);
	cpu_set_boot(ARM_READ(mpidr_el1) & ARM_MPIDR_MASK);
	if (quarry_firmware_fdt_distances(q, firmware, ARM_FDT_MOST, kernel.distance,
					  kernel_nr_nodes()) != 0)
		kprintf("No distance-map: all other nodes are equally far\n");
	return arm_find_devices(q, firmware);
}

void arm_main(const void *fdt)
{
	cpu_init(&kernel.cpu[0]);
	kernel_main(fdt);
}
