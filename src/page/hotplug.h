/* SPDX-License-Identifier: MIT */
/* What the parts of a machine that changes share: hotplug.c offline.c cpu.c. */
#ifndef QUARRY_PAGE_HOTPLUG_H
#define QUARRY_PAGE_HOTPLUG_H

#include "internal.h"

/* One section, that is memory block, of physical addresses. All zero: of boot, or absent. */
struct hotplug_section {
	uint32_t held; /* number + 1 of the arena that its pages are in; while it is offline */
	uint32_t own;  /* number + 1 of the arena that was made for it alone */
	int16_t nid;
	bool offline;
};

struct hotplug_layer {
	uint32_t busy; /* somebody changes the machine */
	uint32_t nr_slots;
	struct hotplug_section section[];
};

/* Sections of a range of page frames: [first, last). */
struct hotplug_range {
	pfn_t first, last;
};

/* False: empty, not aligned, or beyond all sections. */
bool hotplug_range_of(const struct page_layer *pl, pfn_t start, unsigned long nr,
		      struct hotplug_range *r);

#endif
