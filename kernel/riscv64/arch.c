/* SPDX-License-Identifier: MIT */
/*
 * RISC-V as on QEMU's virt machine: SBI for timer and CPUs, a 16550 as console, the test device to end.
 * Where devices are, the devicetree says.
 */
#include <quarry/firmware.h>

#include "kernel.h"

#define RISCV_SBI_TIME 0x54494d45
#define RISCV_SBI_HSM 0x48534d
#define RISCV_SBI_PUTCHAR 1
#define RISCV_SBI_STARTED (-6)
#define RISCV_HARTS 64u /* as in start.S */
#define RISCV_INTERRUPT ((uint64_t)1 << 63)
#define RISCV_TIMER 5u
#define RISCV_FDT_MOST ((size_t)2 << 20)

struct riscv_frame {
	uint64_t x[31], pc, state;
};

struct riscv_start {
	void *stack;
	uint64_t number;
};

struct riscv_sbi {
	long error, value;
};

const char arch_name[] = "riscv64";
const bool arch_has_nmi = false; /* none that reaches supervisor mode */

extern char riscv_secondary[], riscv_trap_entry[];
void riscv_main(uint64_t hart, const void *fdt);
void riscv_trap(const struct riscv_frame *frame);

/* By hart: what one that firmware let go by itself waits for. */
extern struct riscv_start *volatile riscv_called[RISCV_HARTS];
static struct riscv_start riscv_starts[KERNEL_MAX_CPUS];
static uint64_t riscv_boot_hart;
static volatile uint8_t *riscv_uart; /* NULL: not found yet, SBI writes */
static volatile uint32_t *riscv_test;
static uint64_t riscv_ticks_per_us = 10;

#define RISCV_READ(name)                                                 \
	(__extension__({                                                 \
		uint64_t riscv_value;                                    \
		__asm__ volatile("csrr %0, " #name : "=r"(riscv_value)); \
		riscv_value;                                             \
	}))

static struct riscv_sbi riscv_sbi(long extension, long function, long a, long b, long c)
{
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a6 __asm__("a6") = function;
	register long a7 __asm__("a7") = extension;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
	return (struct riscv_sbi){a0, a1};
}

void arch_putc(char c)
{
	if (riscv_uart == NULL) {
		riscv_sbi(RISCV_SBI_PUTCHAR, 0, c, 0, 0);
		return;
	}
	while ((riscv_uart[5] & 0x20) == 0)
		;
	riscv_uart[0] = (uint8_t)c;
}

void arch_irq_enable(void)
{
	__asm__ volatile("csrsi sstatus, 2" : : : "memory");
}

void arch_irq_disable(void)
{
	__asm__ volatile("csrci sstatus, 2" : : : "memory");
}

void arch_send_nmi(const struct kernel_cpu *to)
{
	(void)to;
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

uint64_t arch_count(void)
{
	return RISCV_READ(instret);
}

/* 0x5555 is success, 0x3333 a failure with the status above it. */
_Noreturn void arch_exit(int status)
{
	if (riscv_test != NULL)
		*riscv_test = status == KERNEL_PASS ? 0x5555 : (uint32_t)status << 16 | 0x3333;
	arch_park();
}

/* ---- traps ---- */

void riscv_trap(const struct riscv_frame *frame)
{
	uint64_t cause = RISCV_READ(scause);

	if (cause != (RISCV_INTERRUPT | RISCV_TIMER))
		kernel_fault((cause & RISCV_INTERRUPT) != 0 ? "interrupt" : "exception",
			     cause & ~RISCV_INTERRUPT, frame->pc, RISCV_READ(stval));
	kernel_tick(frame->pc); /* which arms it anew, and so ends this one */
}

/* ---- CPUs ---- */

void arch_cpu_init(struct kernel_cpu *cpu)
{
	__asm__ volatile("mv tp, %0" : : "r"(&cpu->bare));
	__asm__ volatile("csrw stvec, %0" : : "r"(riscv_trap_entry));
}

void arch_timer_init(void)
{
	__asm__ volatile("csrs sie, %0" : : "r"(1u << RISCV_TIMER));
}

void arch_timer_arm(unsigned int us)
{
	riscv_sbi(RISCV_SBI_TIME, 0, (long)(RISCV_READ(time) + riscv_ticks_per_us * us), 0, 0);
}

int arch_start_cpu(struct kernel_cpu *cpu)
{
	struct riscv_start *start = &riscv_starts[cpu - kernel.cpu];
	long error;

	start->stack = cpu->stack_top;
	start->number = (uint64_t)(cpu - kernel.cpu);
	__asm__ volatile("fence rw, w" : : : "memory");
	if (cpu->hwid < RISCV_HARTS)
		riscv_called[cpu->hwid] = start;
	error = riscv_sbi(RISCV_SBI_HSM, 0, (long)cpu->hwid, (long)riscv_secondary, (long)start)
			.error;
	return error == RISCV_SBI_STARTED ? 0 : (int)error;
}

/* ---- firmware ---- */

static int riscv_add_cpu(void *arg, const struct quarry_firmware_cpu *cpu)
{
	(void)arg;
	cpu_add(cpu->id, cpu->nid);
	return 0;
}

/* The first @bytes bytes of a property as a number; 0: there is none. */
static uint64_t riscv_number(struct quarry *q, const void *fdt, const char *path, const char *name,
			     unsigned int bytes)
{
	size_t size;
	const unsigned char *p =
		quarry_firmware_fdt_property(q, fdt, RISCV_FDT_MOST, path, name, &size);
	uint64_t v = 0;

	if (p == NULL || size < bytes)
		return 0;
	for (unsigned int i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static void riscv_find_devices(struct quarry *q, const void *fdt)
{
	uint64_t hz = riscv_number(q, fdt, "/cpus", "timebase-frequency", 4);

	riscv_uart = (volatile uint8_t *)riscv_number(q, fdt, "/soc/serial", "reg", 8);
	riscv_test = (volatile uint32_t *)riscv_number(q, fdt, "/soc/test", "reg", 8);
	if (hz >= 1000000)
		riscv_ticks_per_us = hz / 1000000;
}

bool arch_firmware(struct quarry *q, const void *firmware)
{
	struct quarry_firmware_info info = {.cmdline = kernel.command_line,
					    .cmdline_room = sizeof(kernel.command_line)};

	riscv_find_devices(q, firmware);
	if (quarry_firmware_fdt(q, firmware, RISCV_FDT_MOST, (uintptr_t)firmware, &info) != 0 ||
	    quarry_firmware_fdt_cpus(q, firmware, RISCV_FDT_MOST, riscv_add_cpu, NULL) != 0)
		return false;
	kprintf("Firmware: devicetree at %lx, %u ranges of memory, SBI %lx\n", (uintptr_t)firmware,
		info.nr_ranges, riscv_sbi(0x10, 0, 0, 0, 0).value);
	cpu_set_boot(riscv_boot_hart);
	if (quarry_firmware_fdt_distances(q, firmware, RISCV_FDT_MOST, kernel.distance,
					  kernel_nr_nodes()) != 0)
		kprintf("No distance-map: all other nodes are equally far\n");
	return true;
}

void riscv_main(uint64_t hart, const void *fdt)
{
	riscv_boot_hart = hart;
	cpu_init(&kernel.cpu[0]);
	kernel_main(fdt);
}
