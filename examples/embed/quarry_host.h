/* SPDX-License-Identifier: MIT */
/* The compile-time half of a port: four functions over what the kernel has. */
#ifndef QUARRY_HOST_H
#define QUARRY_HOST_H

#include "kernel.h"

typedef unsigned long quarry_pin_t;

/* Interrupts are off while pinned, so an interrupt handler may call Quarry too. */
static inline quarry_pin_t quarry_pin(void)
{
	return irq_save();
}

static inline void quarry_unpin(quarry_pin_t was)
{
	irq_restore(was);
}

static inline unsigned int quarry_cpu(void)
{
	return cpu_number();
}

static inline void quarry_relax(void)
{
	cpu_pause();
}

#endif
