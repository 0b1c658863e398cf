/* SPDX-License-Identifier: MIT */
/*
 * Sums of tables that change rarely, with QUARRY_HARDENED: who changes one on purpose seals it anew, so what does not fit its sum
 * was written to by somebody who should not. One step is a bijection of the sum for each value, and of the value for each
 * sum: a change of a single value is always seen.
 */
#ifndef QUARRY_BASE_SEAL_H
#define QUARRY_BASE_SEAL_H

#include <base/compiler.h>

#if QUARRY_HARDENED
static inline uint64_t seal_add(uint64_t sum, uint64_t value)
{
	sum = (sum ^ value) * 0x9e3779b97f4a7c15u;
	return sum ^ sum >> 29;
}
#endif

#endif
