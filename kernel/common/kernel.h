/* SPDX-License-Identifier: MIT */
/*
 * The demo kernel: what its parts share. main.c tells what it does; each architecture's folder has the
 * functions named arch_.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <quarry/quarry.h>
#include <quarry/selftest.h>
#include <quarry_host.h>

#define KERNEL_MAX_CPUS 16u
#define KERNEL_STACK_ORDER 3u /* 32 KiB, interrupts included */
#define KERNEL_STACK_BYTES (QUARRY_PAGE_SIZE << KERNEL_STACK_ORDER)
#define KERNEL_COMMAND_LINE 128u
#define KERNEL_MAX_NODES 8u

#define KERNEL_PASS 0
#define KERNEL_FAIL 1  /* a test failed, and the text says which */
#define KERNEL_FAULT 2 /* the kernel itself met a fault, or could not start */

/* One CPU. The first member is what the port's registers lead to. */
struct kernel_cpu {
	struct quarry_bare_cpu bare;
	uint64_t hwid; /* as the firmware calls it: APIC number, MPIDR, hart */
	int nid;
	uint32_t up; /* atomic: it has said so */
	void *stack_top;
	struct quarry_task task; /* of the thread of control */
	unsigned int irq_depth;
	unsigned int spins;                /* of cpu_relax() */
	uint64_t ticks;                    /* timer interrupts taken */
	uint64_t ticks_inside;             /* of these, while the CPU was inside the library */
	uint32_t fence_wanted, fence_done; /* atomic: numbers of cpu_barrier() */
	uint64_t nmis;                     /* interrupts taken that nothing holds off */
	uint64_t nmis_pinned; /* of these, while the CPU was pinned, inside the library */
	uint64_t random;      /* of the time between two ticks */
};

struct kernel {
	struct quarry *q;
	struct kernel_cpu cpu[KERNEL_MAX_CPUS]; /* 0 boots */
	unsigned int nr_cpus;
	char command_line[KERNEL_COMMAND_LINE];
	uint8_t distance[KERNEL_MAX_NODES * KERNEL_MAX_NODES]; /* kernel_nr_nodes() each way */
	bool quiet;                                            /* kprintf() says nothing */
	void (*job)(struct kernel_cpu *cpu);  /* what all CPUs but 0 are to do; by job_serial */
	uint32_t job_serial, job_done;        /* atomic */
	uint32_t stop;                        /* atomic: every CPU parks at its next tick */
	uint32_t parked;                      /* atomic */
	uint32_t damaged;                     /* atomic: quarry has reported damage */
	uint32_t faulted;                     /* atomic: kernel_fault() is under way */
	uint32_t tick_us;                     /* atomic: time between ticks, at most */
	void (*tick)(struct kernel_cpu *cpu); /* atomic: work of an interrupt, or NULL */
	void (*nmi)(
		struct kernel_cpu *cpu); /* atomic: work of one that nothing holds off, or NULL */
};

extern struct kernel kernel;

/* The image, and in it the library's code (link.ld). */
extern char kernel_image_start[], kernel_image_end[];
extern char kernel_library_start[], kernel_library_end[];

/* ---- print.c ---- */

/* Text on the serial line, whole calls at a time. %s %c %d %u %x %p, with l and ll, width, - and 0. */
void kprintf(const char *fmt, ...) QUARRY_PRINTF(1, 2);
/* From now on without the lock, whoever holds it. */
void print_force(void);
/* To the serial line; for quarry_show_*(). */
extern const struct quarry_out print_out;

/* ---- cpu.c ---- */

static inline struct kernel_cpu *kernel_this_cpu(void)
{
	return &kernel.cpu[quarry_cpu()];
}

/* From the firmware's tables, in any order; the CPU that booted becomes number 0 by cpu_set_boot(). */
void cpu_add(uint64_t hwid, int nid);
void cpu_set_boot(uint64_t hwid);
/* Registers of this CPU that the port wants, and its own. */
void cpu_init(struct kernel_cpu *cpu);
/* Starts all others; false: one did not come up. */
bool cpu_start_all(void);
/* Where a started CPU arrives, on its own stack. */
_Noreturn void cpu_secondary(unsigned int number);
/* Every CPU runs @job, CPU 0 too; returns when all are done. */
void cpu_run_all(void (*job)(struct kernel_cpu *cpu));
/* Interrupts find @tick to do; the time between two is random, up to @us. NULL: nothing. Waits until none
 * of the former is under way. */
void cpu_set_tick(void (*tick)(struct kernel_cpu *cpu), unsigned int us);
/* One step of a wait for other CPUs. */
void cpu_relax(void *ctx);
/* For the port: when it returns, every CPU has run a full fence since it was called. Only with
 * arch_has_nmi, if there are others; not from interrupts. */
void cpu_barrier(void *ctx);
/* Ends the machine with @status, the other CPUs parked first. */
_Noreturn void kernel_exit(int status);
/* From the timer's interrupt; @pc is where it came. */
void kernel_tick(uintptr_t pc);
/* From an interrupt that nothing holds off; @pinned: other interrupts were off. */
void kernel_nmi(uintptr_t pc, bool pinned);
/* From an exception that nobody expected. */
_Noreturn void kernel_fault(const char *what, uint64_t number, uint64_t pc, uint64_t address);

/* ---- others ---- */

/* main.c: on the boot CPU's first stack, traps set up. @firmware: what the loader gave. */
_Noreturn void kernel_main(const void *firmware);
/* storm.c: threads and interrupts of all CPUs take and give back; @rounds. Returns faults found. */
unsigned int storm(unsigned int rounds);
/* Something is wrong that the machine survives: it will end with failure. */
void kernel_damaged(const char *what);

/* ---- hoard.c ---- */

/* Memory becomes scarce: nearly all goes to the hoard, until it is closed. */
void hoard_open(void);
void hoard_close(void);
/* While it is open: one block more, if it is to be had without waiting. */
bool hoard_take(unsigned int order);
/* Runs the background reclaimer of node @nid, if it is wanted. Thread of control only. */
void hoard_daemon(int nid);
/* How much was reclaimed, in words; false: nothing was. */
bool hoard_says(void);
/* For the port. */
unsigned long hoard_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
			    unsigned long nr_pages);
void hoard_wake(void *ctx, int nid, unsigned int order);

/* counts.c: instructions for each operation, in a table. */
_Noreturn void counts(void);
/* Nodes that have memory by memblock, or CPUs: the highest number + 1. */
uint64_t kernel_possible_nodes(void); /* those of memory and of CPUs */
unsigned int kernel_nr_nodes(void);   /* the highest of them + 1 */
/* Whether @word stands on the command line. */
bool kernel_option(const char *word);
uint64_t kernel_random(uint64_t *state);
/* Empties caches and sheaves. */
void kernel_quiesce(void);

/* ---- the architecture ---- */

extern const char arch_name[];
void arch_putc(char c);
/* Traps, the port's register; each CPU for itself. */
void arch_cpu_init(struct kernel_cpu *cpu);
/* The timer's interrupt, this CPU's; off until arch_timer_arm(). */
void arch_timer_init(void);
/* The next tick comes in @us microseconds or so. */
void arch_timer_arm(unsigned int us);
void arch_irq_enable(void);
void arch_irq_disable(void);
/* Whether there are interrupts that come while interrupts are off: arch_send_nmi() to @to. */
extern const bool arch_has_nmi;
void arch_send_nmi(const struct kernel_cpu *to);
/* Waits for an interrupt, which are on. */
void arch_idle(void);
/* This CPU does nothing any more. */
_Noreturn void arch_park(void);
/* 0, or an error of the firmware's. */
int arch_start_cpu(struct kernel_cpu *cpu);
/* Memory into memblock, CPUs by cpu_add(), the command line; false: the tables make no sense. */
bool arch_firmware(struct quarry *q, const void *firmware);
/* A number that grows by one with each instruction if the machine counts so, see counts.c. */
uint64_t arch_count(void);
_Noreturn void arch_exit(int status);

#endif
