/* SPDX-License-Identifier: MIT */
/*
 * CPUs: starting them, giving them work, their ticks, and the end.
 *
 * Work       CPU 0 publishes a job and its number; the others, which sleep between two ticks, see a
 *            number that is not the last one they did. There is no scheduler: a CPU is one thread of
 *            control, and its interrupts.
 *
 * Ticks      One shot each, armed anew at the end of the handler: however slow the machine is, the
 *            thread gets on between two. The time between them is random, so that they come at every
 *            place of the library in the course of time.
 *
 * Barrier    Each other CPU gets an interrupt that nothing holds off, and fences there. Ordinary interrupts
 *            would not do: quarry asks for it pinned, and two CPUs would wait for each other. On real
 *            processors it takes a microsecond or two; where virtual CPUs share processors, those that
 *            spin meanwhile keep the one that is to answer from running, for milliseconds. So it is an
 *            option: without it CPUs fence for themselves when they enter their sheaves.
 *
 * The end    A CPU that is asked to stop parks at its next tick: with interrupts off, in a state that
 *            costs the host nothing.
 */
#include "kernel.h"

#define CPU_IDLE_US 5000u
#define CPU_START_WAIT 200000000u /* steps of a spin loop */
#define CPU_SPIN 500u

struct kernel kernel = {.tick_us = CPU_IDLE_US};

void cpu_add(uint64_t hwid, int nid)
{
	struct kernel_cpu *cpu = &kernel.cpu[kernel.nr_cpus];

	if (kernel.nr_cpus == KERNEL_MAX_CPUS) {
		kprintf("CPU %lx is one too many, left off\n", hwid);
		return;
	}
	cpu->hwid = hwid;
	cpu->nid = nid == QUARRY_NO_NODE ? 0 : nid;
	kernel.nr_cpus++;
}

void cpu_set_boot(uint64_t hwid)
{
	for (unsigned int i = 0; i < kernel.nr_cpus; i++) {
		struct kernel_cpu other = kernel.cpu[0];

		if (kernel.cpu[i].hwid != hwid || i == 0)
			continue;
		kernel.cpu[0].hwid = hwid;
		kernel.cpu[0].nid = kernel.cpu[i].nid;
		kernel.cpu[i].hwid = other.hwid;
		kernel.cpu[i].nid = other.nid;
	}
}

void cpu_init(struct kernel_cpu *cpu)
{
	unsigned int number = (unsigned int)(cpu - kernel.cpu);

	cpu->bare.cpu = number;
	cpu->bare.cpu_times_64 = (uintptr_t)number * 64;
	cpu->random = 0x9e3779b97f4a7c15u + number;
	arch_cpu_init(cpu);
}

static void cpu_start_ticks(void)
{
	arch_timer_init();
	arch_timer_arm(CPU_IDLE_US);
	arch_irq_enable();
}

/* The stack is the CPU's own memory: pages of its node. */
static bool cpu_start(struct kernel_cpu *cpu)
{
	struct page *stack =
		quarry_alloc_pages_node(kernel.q, cpu->nid, GFP_KERNEL, KERNEL_STACK_ORDER);
	int err;

	if (stack == NULL)
		return false;
	cpu->stack_top = (char *)quarry_page_address(kernel.q, stack) + KERNEL_STACK_BYTES;
	err = arch_start_cpu(cpu);
	for (unsigned int i = 0; err == 0 && i < CPU_START_WAIT; i++) {
		if (__atomic_load_n(&cpu->up, __ATOMIC_ACQUIRE) != 0) {
			kprintf("CPU %u: hardware id 0x%lx, node %d, stack at pfn 0x%lx of node "
				"%d\n",
				cpu->bare.cpu, cpu->hwid, cpu->nid,
				quarry_page_to_pfn(kernel.q, stack),
				quarry_page_nid(kernel.q, stack));
			return true;
		}
		quarry_relax();
	}
	kprintf("CPU with hardware id 0x%lx does not start: error %d\n", cpu->hwid, err);
	return false;
}

bool cpu_start_all(void)
{
	bool ok = true;

	/* The firmware's choice: on RISC-V any of them may be the one that boots. */
	kprintf("CPU 0: hardware id 0x%lx, node %d, booted here\n", kernel.cpu[0].hwid,
		kernel.cpu[0].nid);
	__atomic_store_n(&kernel.cpu[0].up, 1u, __ATOMIC_RELEASE);
	cpu_start_ticks();
	for (unsigned int i = 1; i < kernel.nr_cpus; i++)
		ok &= cpu_start(&kernel.cpu[i]);
	return ok;
}

_Noreturn void cpu_secondary(unsigned int number)
{
	struct kernel_cpu *cpu = &kernel.cpu[number];
	uint32_t done = 0;

	cpu_init(cpu);
	cpu_start_ticks();
	__atomic_store_n(&cpu->up, 1u, __ATOMIC_RELEASE);
	__sync_synchronize(); /* cpu_barrier() sees it, or what it is to order is seen from here on */
	for (;;) {
		uint32_t serial = __atomic_load_n(&kernel.job_serial, __ATOMIC_ACQUIRE);

		if (serial != done) {
			done = serial;
			kernel.job(cpu);
			__atomic_fetch_add(&kernel.job_done, 1u, __ATOMIC_RELEASE);
		}
		arch_idle();
	}
}

void cpu_run_all(void (*job)(struct kernel_cpu *cpu))
{
	__atomic_store_n(&kernel.job_done, 0u, __ATOMIC_RELAXED);
	kernel.job = job;
	__atomic_fetch_add(&kernel.job_serial, 1u, __ATOMIC_RELEASE);
	job(&kernel.cpu[0]);
	while (__atomic_load_n(&kernel.job_done, __ATOMIC_ACQUIRE) != kernel.nr_cpus - 1)
		cpu_relax(NULL);
}

/* Short waits spin; long ones sleep until the next tick and leave the host to CPUs that work. */
void cpu_relax(void *ctx)
{
	struct kernel_cpu *cpu = kernel_this_cpu();

	(void)ctx;
	if (++cpu->spins % CPU_SPIN == 0)
		arch_idle();
	else
		quarry_relax();
}

static void cpu_no_job(struct kernel_cpu *cpu)
{
	(void)cpu;
}

/* A CPU that runs a job has come back from all its interrupts. */
void cpu_set_tick(void (*tick)(struct kernel_cpu *cpu), unsigned int us)
{
	__atomic_store_n(&kernel.tick_us, tick != NULL ? us : CPU_IDLE_US, __ATOMIC_RELAXED);
	__atomic_store_n(&kernel.tick, tick, __ATOMIC_RELEASE);
	if (tick == NULL)
		cpu_run_all(cpu_no_job);
}

static _Noreturn void cpu_park(void)
{
	__atomic_fetch_add(&kernel.parked, 1u, __ATOMIC_RELEASE);
	arch_park();
}

void kernel_tick(uintptr_t pc)
{
	struct kernel_cpu *cpu = kernel_this_cpu();
	void (*tick)(struct kernel_cpu * cpu) = __atomic_load_n(&kernel.tick, __ATOMIC_ACQUIRE);
	uint32_t us = __atomic_load_n(&kernel.tick_us, __ATOMIC_RELAXED);

	if (__atomic_load_n(&kernel.stop, __ATOMIC_ACQUIRE) != 0)
		cpu_park();
	cpu->irq_depth++;
	cpu->ticks++;
	cpu->ticks_inside +=
		pc >= (uintptr_t)kernel_library_start && pc < (uintptr_t)kernel_library_end;
	if (tick != NULL) {
		tick(cpu);
		us = 1 + (uint32_t)(kernel_random(&cpu->random) % us);
	}
	cpu->irq_depth--;
	arch_timer_arm(us);
}

void cpu_barrier(void *ctx)
{
	quarry_pin_t pin = quarry_pin();
	struct kernel_cpu *self = kernel_this_cpu();
	uint32_t wanted[KERNEL_MAX_CPUS] = {0};

	(void)ctx;
	__sync_synchronize();
	for (unsigned int i = 0; i < kernel.nr_cpus; i++) {
		struct kernel_cpu *cpu = &kernel.cpu[i];

		if (cpu == self || __atomic_load_n(&cpu->up, __ATOMIC_ACQUIRE) == 0)
			continue;
		wanted[i] = __atomic_add_fetch(&cpu->fence_wanted, 1u, __ATOMIC_ACQ_REL);
		arch_send_nmi(cpu);
	}
	for (unsigned int i = 0; i < kernel.nr_cpus; i++) {
		while (wanted[i] != 0 &&
		       (int32_t)(__atomic_load_n(&kernel.cpu[i].fence_done, __ATOMIC_ACQUIRE) -
				 wanted[i]) < 0)
			quarry_relax();
	}
	__sync_synchronize();
	quarry_unpin(pin);
}

void kernel_nmi(uintptr_t pc, bool pinned)
{
	struct kernel_cpu *cpu = kernel_this_cpu();
	void (*nmi)(struct kernel_cpu * cpu) = __atomic_load_n(&kernel.nmi, __ATOMIC_ACQUIRE);

	uint32_t wanted = __atomic_load_n(&cpu->fence_wanted, __ATOMIC_ACQUIRE);

	__sync_synchronize();
	__atomic_store_n(&cpu->fence_done, wanted, __ATOMIC_RELEASE);
	cpu->irq_depth++;
	cpu->nmis++;
	cpu->nmis_pinned += pinned && pc >= (uintptr_t)kernel_library_start &&
			    pc < (uintptr_t)kernel_library_end;
	if (nmi != NULL)
		nmi(cpu);
	cpu->irq_depth--;
}

_Noreturn void kernel_exit(int status)
{
	unsigned int running = 0;

	arch_irq_disable();
	__atomic_store_n(&kernel.stop, 1u, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < kernel.nr_cpus; i++)
		running += __atomic_load_n(&kernel.cpu[i].up, __ATOMIC_ACQUIRE);
	/* After a fault one of them may hold a lock for ever, and this CPU may be any. */
	for (unsigned int i = 0; i < CPU_START_WAIT / 10; i++) {
		if (__atomic_load_n(&kernel.parked, __ATOMIC_ACQUIRE) + 1 >= running)
			break;
		quarry_relax();
	}
	arch_exit(status);
}

_Noreturn void kernel_fault(const char *what, uint64_t number, uint64_t pc, uint64_t address)
{
	/* A second fault, in here, ends it. */
	if (__atomic_exchange_n(&kernel.faulted, 1u, __ATOMIC_RELAXED) != 0)
		arch_exit(KERNEL_FAULT);
	print_force();
	kprintf("\nFAULT: %s %lu at pc %016lx, address %016lx, CPU %u%s\n", what, number, pc,
		address, quarry_cpu(),
		kernel_this_cpu()->irq_depth != 0 ? ", in an interrupt" : "");
	kernel_exit(KERNEL_FAULT);
}
