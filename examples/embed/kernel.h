/* SPDX-License-Identifier: MIT */
/* What any kernel has before it has memory management. machine.c plays it in a process. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

unsigned long irq_save(void);             /* interrupts off; returns how they were */
void irq_restore(unsigned long was);      /* as they were */
unsigned int cpu_number(void);            /* of this CPU */
void cpu_pause(void);                     /* one step of a spin loop */
bool in_interrupt(void);                  /* this CPU is in an interrupt handler */
struct quarry_task *current_memory(void); /* a zeroed struct quarry_task in each thread's record */
void console_line(const char *line);      /* on the serial line */
void halt(void);                          /* the machine stops */

/* The firmware's map, and what of it is the kernel's own. */
struct kernel_range {
	uint64_t base, size;
};

/* memory.c */
bool memory_init(const struct kernel_range *ram, unsigned int nr_ram,
		 const struct kernel_range *used, unsigned int nr_used, uintptr_t direct_map,
		 unsigned int nr_cpus);
void *kmalloc(size_t size_bytes, bool may_wait);
void kfree(void *p);
extern struct quarry *kernel_memory;

#endif
