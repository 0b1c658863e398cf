/* SPDX-License-Identifier: MIT */
/*
 * Limine's memory map. The boot loader and the kernel share an address space and a layout: entries are
 * reached by pointers. They lie in memory that the boot loader can give back, and so do its responses, the
 * page tables and the stack on which the kernel was entered; that memory is handed over last.
 */
#include "internal.h"

enum limine_type {
	LIMINE_USABLE = 0,
	LIMINE_RECLAIMABLE = 5,
	LIMINE_KERNEL = 6, /* and its modules */
};

struct limine_source {
	struct firmware_source src;
	const struct quarry_limine_entry *const *entries;
	uint64_t count;
};

static int limine_see(const struct quarry_limine_entry *e, firmware_see_fn see, void *arg)
{
	bool loader = e->type == LIMINE_RECLAIMABLE, kernel = e->type == LIMINE_KERNEL;
	struct firmware_range r = {.start = e->base,
				   .size = e->length,
				   .kind = e->type == LIMINE_USABLE || loader || kernel
						   ? FIRMWARE_RAM
						   : FIRMWARE_TAKEN,
				   .nid = QUARRY_NO_NODE};
	int err = see(arg, &r);

	if (err == 0 && (loader || kernel))
		err = firmware_see_used(see, arg, e->base, e->length,
					loader ? FIRMWARE_LOADER : FIRMWARE_RESERVED);
	return err;
}

static int limine_walk(const struct firmware_source *src, firmware_see_fn see, void *arg)
{
	const struct limine_source *l = QUARRY_CONTAINER_OF(src, const struct limine_source, src);
	int err = 0;

	for (uint64_t i = 0; i < l->count && err == 0; i++)
		err = limine_see(l->entries[i], see, arg);
	return err;
}

int quarry_firmware_limine(struct quarry *q, const struct quarry_limine_entry *const *entries,
			   uint64_t count)
{
	struct limine_source l = {
		.src = {.q = q, .name = "limine", .walk = limine_walk},
		.entries = entries,
		.count = count,
	};

	if (count > QUARRY_FIRMWARE_MAX_RANGES)
		return firmware_fail(q, -QUARRY_E2BIG, "limine: %llu entries, expected at most %d",
				     (unsigned long long)count, QUARRY_FIRMWARE_MAX_RANGES);
	return firmware_apply(&l.src, NULL);
}
