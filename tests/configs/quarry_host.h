/* SPDX-License-Identifier: MIT */
/* The least that a host can say at compile time: one CPU, nothing to hold off. For objects that nobody links. */
#ifndef QUARRY_HOST_H
#define QUARRY_HOST_H

typedef unsigned long quarry_pin_t;

static inline quarry_pin_t quarry_pin(void)
{
	return 0;
}

static inline void quarry_unpin(quarry_pin_t was)
{
	(void)was;
}

static inline unsigned int quarry_cpu(void)
{
	return 0;
}

static inline void quarry_relax(void)
{
}

#endif
