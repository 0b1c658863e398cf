/* SPDX-License-Identifier: MIT */
/*
 * A machine to try a port on, in a process: CPUs are threads, RAM is an array, an interrupt is a signal. While
 * a CPU has its interrupts off the signal waits, as hardware's would. Every CPU allocates and frees until
 * it has been interrupted often enough, and its interrupt handler does the same.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "quarry.h"

#define RAM_BYTES (32ul << 20)
#define NR_CPUS 4u
#define INTERRUPTS 100u /* on each CPU */
#define HELD 32u

static _Alignas(2 << 20) unsigned char ram[RAM_BYTES];

static _Thread_local struct cpu {
	unsigned int number;
	atomic_bool off, pending, inside;
	atomic_uint interrupts;
	struct quarry_task task;
	void *kept;    /* by the interrupt handler */
} cpu = {.off = true}; /* till it knows which one it is */

static atomic_uint failures, working;

static void cpu_interrupt(void)
{
	cpu.inside = true;
	kfree(cpu.kept);
	cpu.kept = kmalloc(100 + cpu.interrupts % 1000, false);
	cpu.interrupts++;
	cpu.inside = false;
}

static void cpu_signal(int number)
{
	(void)number;
	if (cpu.off || cpu.inside)
		cpu.pending = true;
	else
		cpu_interrupt();
}

unsigned long irq_save(void)
{
	return atomic_exchange(&cpu.off, true);
}

void irq_restore(unsigned long was)
{
	cpu.off = was != 0;
	while (was == 0 && !cpu.inside && atomic_exchange(&cpu.pending, false))
		cpu_interrupt();
}

unsigned int cpu_number(void)
{
	return cpu.number;
}

void cpu_pause(void)
{
	sched_yield();
}

bool in_interrupt(void)
{
	return cpu.inside;
}

struct quarry_task *current_memory(void)
{
	return &cpu.task;
}

void console_line(const char *line)
{
	puts(line);
}

void halt(void)
{
	abort();
}

static void cpu_work(unsigned int number)
{
	unsigned char *held[HELD] = {NULL};

	for (unsigned int i = 0; cpu.interrupts < INTERRUPTS || i < 5000; i++) {
		unsigned int slot = i % HELD, size = i * 37 % 3000 + 1;

		if (held[slot] != NULL && held[slot][0] != (unsigned char)(number + slot))
			failures++; /* somebody else wrote here */
		kfree(held[slot]);
		held[slot] = kmalloc(size, true);
		if (held[slot] == NULL)
			failures++;
		else
			memset(held[slot], (int)(number + slot), size);
	}
	for (unsigned int i = 0; i < HELD; i++)
		kfree(held[i]);
}

static void *cpu_start(void *arg)
{
	cpu.number = (unsigned int)(uintptr_t)arg;
	irq_restore(0);
	cpu_work(cpu.number);
	irq_save(); /* and so it stays */
	kfree(cpu.kept);
	working--;
	while (working != 0)
		sched_yield(); /* there may be a signal on its way */
	return NULL;
}

static void print(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	fwrite(text, 1, len, stdout);
}

int main(void)
{
	const struct kernel_range map[] = {{0x100000, RAM_BYTES - 0x100000}};
	const struct kernel_range image[] = {{0x100000, 0x80000}};
	const struct quarry_out out = {.write = print};
	pthread_t thread[NR_CPUS];

	signal(SIGUSR1, cpu_signal);
	if (!memory_init(map, 1, image, 1, (uintptr_t)ram, NR_CPUS))
		return 1;
	working = NR_CPUS;
	for (unsigned int i = 0; i < NR_CPUS; i++)
		if (pthread_create(&thread[i], NULL, cpu_start, (void *)(uintptr_t)i) != 0)
			return 1;
	while (working != 0) { /* the timer */
		for (unsigned int i = 0; i < NR_CPUS; i++)
			pthread_kill(thread[i], SIGUSR1);
		sched_yield();
	}
	for (unsigned int i = 0; i < NR_CPUS; i++)
		pthread_join(thread[i], NULL);
	quarry_show_buddyinfo(kernel_memory, &out);
	if (quarry_check(kernel_memory, &out) != 0 || failures != 0)
		return 1;
	printf("%u CPUs allocated, in interrupts too; the validators find nothing\n", NR_CPUS);
	return 0;
}
