/* SPDX-License-Identifier: MIT */
/* What Quarry's own data take in this configuration: bytes of struct quarry, and of tables after boot of machines
 * with one CPU for each GiB, 8 at most. Printed as "storage 2M 128M 4G 1T"; 0: no such machine. */
#include <stdio.h>
#include <stdlib.h>

#include "quarry.h"

#if !QUARRY_TINY
static void *meta_alloc(void *ctx, size_t size_bytes, size_t align)
{
	void *p = aligned_alloc(align < 64 ? 64 : align, (size_bytes + align + 63) & ~(size_t)63);

	(void)ctx;
	for (size_t i = 0; p != NULL && i < size_bytes; i++)
		((unsigned char *)p)[i] = 0;
	return p;
}

static void meta_free(void *ctx, void *p, size_t size_bytes)
{
	(void)ctx;
	(void)size_bytes;
	free(p);
}
#endif

static size_t boot(phys_addr_t ram)
{
	static _Alignas(64) unsigned char room[QUARRY_STORAGE_SIZE];
#if QUARRY_TINY /* its tables lie in the memory itself */
	static _Alignas(QUARRY_PAGE_SIZE) unsigned char memory[2 << 20];
	const struct quarry_port port = {.direct_map = (uintptr_t)memory};
	const phys_addr_t most = sizeof(memory);
#else
	const struct quarry_port port = {
		.no_access = true, .meta_alloc = meta_alloc, .meta_free = meta_free};
	const phys_addr_t most = (phys_addr_t)1 << QUARRY_MAX_PHYS_BITS;
#endif
	struct quarry_boot_params params = {.nr_cpus = ram >> 30 < 1 ? 1 : ram >> 30 > 8 ? 8 : 4};
	struct quarry *q = quarry_init(room, sizeof(room), &port);
	struct quarry_totals totals = {0};

	if (params.nr_cpus > QUARRY_MAX_CPUS)
		params.nr_cpus = QUARRY_MAX_CPUS;
	if (ram > most || quarry_memblock_add(q, 0, ram) != 0 || quarry_boot(q, &params) != 0)
		return 0;
	quarry_totals(q, &totals);
	quarry_destroy(q);
	return totals.meta_bytes;
}

int main(void)
{
	printf("%zu %zu %zu %zu %zu\n", QUARRY_STORAGE_SIZE, boot((phys_addr_t)2 << 20),
	       boot((phys_addr_t)128 << 20), boot((phys_addr_t)4 << 30),
	       boot((phys_addr_t)1 << 40));
	return 0;
}
