/* SPDX-License-Identifier: MIT */
/* Lists of cases; an entry without a name ends each. */
#ifndef TESTS_EXPLORE_CASES_H
#define TESTS_EXPLORE_CASES_H

#include "explore.h"

/* Limits of make test. */
#define EVERY_ORDER          \
	{                    \
		-1, 1, 20000 \
	}
#define ONE_PREEMPTION     \
	{                  \
		1, 1, 1000 \
	}

extern const struct explore_case cases_litmus[];
extern const struct explore_case cases_pages[];
extern const struct explore_case cases_slabs[];

#endif
