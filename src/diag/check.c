/* SPDX-License-Identifier: MIT */
/* All validators, from below. */
#include "diag.h"

#if QUARRY_VALIDATORS

unsigned int quarry_check(struct quarry *q, const struct quarry_out *out)
{
	unsigned int faults = quarry_check_memblock(q, out);

	if (!QUARRY_TINY)
		faults += quarry_check_bootmem(q, out);
	if (quarry_stage(q) >= QUARRY_STAGE_PAGES)
		faults += quarry_check_pages(q, out);
	if (quarry_stage(q) >= QUARRY_STAGE_SLAB)
		faults += quarry_check_slab(q, out);
	return faults;
}

#endif
