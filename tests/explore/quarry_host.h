/* SPDX-License-Identifier: MIT */
/* Compile-time half of the explorer's port: a virtual thread is a CPU, and who waits lets others run. */
#ifndef QUARRY_HOST_H
#define QUARRY_HOST_H

#include <stdint.h>

typedef unsigned long quarry_pin_t;

quarry_pin_t explore_pin(void);
void explore_unpin(quarry_pin_t was);
void explore_relax(void);
extern unsigned int explore_cpu; /* of the thread that runs */
extern uint64_t *explore_held;   /* its word for lock order */

static inline quarry_pin_t quarry_pin(void)
{
	return explore_pin();
}

static inline void quarry_unpin(quarry_pin_t was)
{
	explore_unpin(was);
}

static inline unsigned int quarry_cpu(void)
{
	return explore_cpu;
}

static inline void quarry_relax(void)
{
	explore_relax();
}

#define QUARRY_HOST_HAS_LOCKS_HELD 1
static inline uint64_t *quarry_locks_held(void)
{
	return explore_held;
}

#endif
