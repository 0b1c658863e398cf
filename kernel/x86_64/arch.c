/* SPDX-License-Identifier: MIT */
/*
 * x86-64: PVH and ACPI, COM1, the local APIC as timer and to start CPUs, isa-debug-exit.
 *
 * A double fault gets a stack of its own, so that one from an overrun stack is told, too.
 */
#include <quarry/firmware.h>

#include "kernel.h"

#define X86_TRAMPOLINE 0x8000u /* start.S */
#define X86_COM1 0x3f8u
#define X86_DEBUG_EXIT 0xf4u
#define X86_MSR_APIC_BASE 0x1bu
#define X86_MSR_GS_BASE 0xc0000101u
#define X86_VECTOR_TIMER 32u
#define X86_VECTOR_SPURIOUS 33u
#define X86_NR_VECTORS 34u
#define X86_APIC_TICKS_PER_US 1000u /* QEMU's; elsewhere the ticks come at another pace */

/* Offsets of the local APIC's registers. */
enum {
	APIC_ID = 0x20,
	APIC_EOI = 0xb0,
	APIC_SPURIOUS = 0xf0,
	APIC_COMMAND = 0x300,
	APIC_COMMAND_TO = 0x310,
	APIC_TIMER = 0x320,
	APIC_TIMER_COUNT = 0x380,
	APIC_TIMER_DIVIDE = 0x3e0,
};

struct x86_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, code;
	uint64_t rip, cs, flags, rsp, ss;
};

struct x86_gate {
	uint16_t offset_low, selector;
	uint8_t stack, type;
	uint16_t offset_mid;
	uint32_t offset_high, zero;
};

/* Only its first stack for gates is used. */
struct x86_tss {
	uint32_t reserved0;
	uint64_t stacks[3], reserved1, gate_stacks[7], reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));

struct x86_table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

const char arch_name[] = "x86_64";
const bool arch_has_nmi = true;

extern char x86_trampoline[], x86_trampoline_end[], x86_trap_entries[];
extern uint64_t x86_pdpt[512], x86_gdt_tss[2];
void x86_main(uintptr_t start_info);
void x86_trap(const struct x86_frame *frame);

/* What a starting CPU finds, start.S. */
void *x86_start_stack;
uint32_t x86_start_number;

static struct x86_gate x86_idt[X86_NR_VECTORS];
static struct x86_tss x86_tss;
static char x86_fault_stack[8192] __attribute__((aligned(16)));
static uintptr_t x86_apic;

static inline void x86_outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void x86_outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t x86_inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint64_t x86_rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void x86_wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "a"((uint32_t)v), "d"((uint32_t)(v >> 32)), "c"(msr));
}

static volatile uint32_t *x86_apic_register(unsigned int offset)
{
	return (volatile uint32_t *)(x86_apic + offset);
}

void arch_putc(char c)
{
	while ((x86_inb(X86_COM1 + 5) & 0x20) == 0)
		;
	x86_outb(X86_COM1, (uint8_t)c);
}

void arch_irq_enable(void)
{
	__asm__ volatile("sti" : : : "memory");
}

void arch_irq_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

void arch_idle(void)
{
	__asm__ volatile("hlt" : : : "memory");
}

_Noreturn void arch_park(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

uint64_t arch_count(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* QEMU ends with 2 * value + 1: never 0, which is the status after a triple fault. */
_Noreturn void arch_exit(int status)
{
	x86_outl(X86_DEBUG_EXIT, status == KERNEL_PASS ? 0x10 : (uint32_t)status);
	arch_park();
}

/* ---- traps ---- */

static void x86_set_gates(void)
{
	uintptr_t tss = (uintptr_t)&x86_tss;

	x86_tss.gate_stacks[0] = (uintptr_t)x86_fault_stack + sizeof(x86_fault_stack);
	x86_tss.io_map = sizeof(x86_tss);
	x86_gdt_tss[0] = (sizeof(x86_tss) - 1) | (tss & 0xffffff) << 16 | (uint64_t)0x89 << 40 |
			 (tss >> 24 & 0xff) << 56;
	x86_gdt_tss[1] = tss >> 32;
	for (unsigned int i = 0; i < X86_NR_VECTORS; i++) {
		uintptr_t entry = (uintptr_t)x86_trap_entries + (uintptr_t)16 * i;

		x86_idt[i] = (struct x86_gate){
			.offset_low = (uint16_t)entry,
			.selector = 8,
			.stack = i == 8, /* a double fault */
			.type = 0x8e,    /* present, interrupts off */
			.offset_mid = (uint16_t)(entry >> 16),
			.offset_high = (uint32_t)(entry >> 32),
		};
	}
}

void x86_trap(const struct x86_frame *frame)
{
	uint64_t address = 0;

	if (frame->vector == X86_VECTOR_SPURIOUS)
		return;
	if (frame->vector == X86_VECTOR_TIMER) {
		*x86_apic_register(APIC_EOI) = 0;
		kernel_tick(frame->rip);
		return;
	}
	if (frame->vector == 2) {
		kernel_nmi(frame->rip, (frame->flags & QUARRY_BARE_IF) == 0);
		return;
	}
	if (frame->vector == 14)
		__asm__ volatile("mov %%cr2, %0" : "=r"(address));
	kernel_fault("exception", frame->vector, frame->rip, address);
}

/* ---- CPUs ---- */

void arch_cpu_init(struct kernel_cpu *cpu)
{
	const struct x86_table idt = {sizeof(x86_idt) - 1, (uintptr_t)x86_idt};

	cpu->bare.self = &cpu->bare;
	x86_wrmsr(X86_MSR_GS_BASE, (uintptr_t)&cpu->bare);
	__asm__ volatile("lidt %0" : : "m"(idt));
	x86_gdt_tss[0] &= ~((uint64_t)2 << 40); /* not busy: all CPUs use the one, to die on */
	__asm__ volatile("ltr %w0" : : "r"(0x20));
	*x86_apic_register(APIC_SPURIOUS) = 0x100 | X86_VECTOR_SPURIOUS; /* switched on */
}

void arch_timer_init(void)
{
	*x86_apic_register(APIC_TIMER_DIVIDE) = 0xb; /* by 1 */
	*x86_apic_register(APIC_TIMER) = X86_VECTOR_TIMER;
}

void arch_timer_arm(unsigned int us)
{
	*x86_apic_register(APIC_TIMER_COUNT) = us * X86_APIC_TICKS_PER_US;
}

/* A read of this port takes a microsecond. */
static void x86_wait_us(unsigned int us)
{
	while (us-- > 0)
		x86_inb(0x80);
}

/* Pinned, as an interrupt may send one, too. */
static void x86_send(uint32_t to, uint32_t what)
{
	quarry_pin_t pin = quarry_pin();

	*x86_apic_register(APIC_COMMAND_TO) = to << 24;
	*x86_apic_register(APIC_COMMAND) = what;
	while ((*x86_apic_register(APIC_COMMAND) & 0x1000) != 0)
		quarry_relax();
	quarry_unpin(pin);
}

void arch_send_nmi(const struct kernel_cpu *to)
{
	x86_send((uint32_t)to->hwid, 0x4400);
}

/* INIT, then STARTUP twice unless the first did it. */
int arch_start_cpu(struct kernel_cpu *cpu)
{
	char *to = (char *)(uintptr_t)X86_TRAMPOLINE;

	for (const char *from = x86_trampoline; from < x86_trampoline_end;)
		*to++ = *from++;
	x86_start_stack = cpu->stack_top;
	x86_start_number = (uint32_t)(cpu - kernel.cpu);
	x86_send((uint32_t)cpu->hwid, 0x4500);
	x86_wait_us(10000);
	for (unsigned int i = 0; i < 2 && __atomic_load_n(&cpu->up, __ATOMIC_ACQUIRE) == 0; i++) {
		x86_send((uint32_t)cpu->hwid, 0x4600 | X86_TRAMPOLINE >> 12);
		x86_wait_us(200);
	}
	return 0;
}

/* ---- firmware ---- */

static int x86_add_cpu(void *arg, const struct quarry_firmware_cpu *cpu)
{
	(void)arg;
	cpu_add(cpu->id, cpu->nid);
	return 0;
}

/* Returns the end of what is mapped. */
static phys_addr_t x86_map_rest(void)
{
	uint32_t a = 0x80000000u, b, c, d = 0;

	__asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	if (a < 0x80000001u)
		return (phys_addr_t)4 << 30;
	a = 0x80000001u;
	__asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	if ((d & 1u << 26) == 0)
		return (phys_addr_t)4 << 30;
	for (uint64_t i = 4; i < 512; i++)
		x86_pdpt[i] = i << 30 | 0x83;
	return (phys_addr_t)512 << 30;
}

bool arch_firmware(struct quarry *q, const void *firmware)
{
	struct quarry_firmware_info info = {.cmdline = kernel.command_line,
					    .cmdline_room = sizeof(kernel.command_line)};
	phys_addr_t mapped = x86_map_rest();

	if (quarry_memblock_reserve(q, X86_TRAMPOLINE, QUARRY_PAGE_SIZE) != 0 ||
	    quarry_firmware_pvh(q, (uintptr_t)firmware, NULL, &info) != 0)
		return false;
	kprintf("Firmware: PVH, %u entries of E820, RSDP at %lx\n", info.nr_ranges, info.rsdp);
	if (info.ram_end > mapped)
		quarry_memblock_cap_memory_range(q, 0, mapped);
	if (quarry_firmware_acpi(q, info.rsdp, NULL) != 0)
		kprintf("ACPI has no SRAT: one node\n");
	if (quarry_firmware_acpi_cpus(q, info.rsdp, NULL, x86_add_cpu, NULL) != 0)
		return false;
	cpu_set_boot(*x86_apic_register(APIC_ID) >> 24);
	if (quarry_firmware_acpi_distances(q, info.rsdp, NULL, kernel.distance,
					   kernel_nr_nodes()) != 0)
		kprintf("ACPI has no SLIT: all other nodes are equally far\n");
	return true;
}

void x86_main(uintptr_t start_info)
{
	x86_outb(X86_COM1 + 1, 0);
	x86_outb(X86_COM1 + 3, 3); /* 8 bits, no parity, one stop bit */
	x86_outb(0x21, 0xff);      /* the old interrupt controllers are silent */
	x86_outb(0xa1, 0xff);
	x86_apic = x86_rdmsr(X86_MSR_APIC_BASE) & ~(uintptr_t)0xfff;
	x86_set_gates();
	cpu_init(&kernel.cpu[0]);
	kernel_main((const void *)start_info);
}
