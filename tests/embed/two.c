/* SPDX-License-Identifier: MIT */
/*
 * One of two copies of the library in one program. Compiled twice, with the header of either copy and COPY
 * as the name of the one function that main() calls; with MAIN once more.
 */
#ifdef MAIN
int left(void), right(void);

int main(void)
{
	int first = left() | right(); /* machines are made */

	return first | left() | right();
}
#else
#include "quarry.h"

#define RAM_BYTES ((size_t)RAM_MIB << 20)

int COPY(void);

static _Alignas(2 << 20) unsigned char ram[RAM_BYTES];
static _Alignas(64) unsigned char room[QUARRY_STORAGE_SIZE];
static struct quarry *q;
static unsigned char *kept;

static void no_text(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	(void)text;
	(void)len;
}

static int boot(void)
{
	const struct quarry_port port = {.direct_map = (uintptr_t)ram};

	q = quarry_init(room, sizeof(room), &port);
	if (q == NULL || quarry_memblock_add(q, 0, RAM_BYTES) != 0 || quarry_boot(q, NULL) != 0)
		return 1;
	kept = quarry_kmalloc(q, 1000, GFP_KERNEL);
	if (kept == NULL)
		return 2;
	kept[999] = RAM_MIB;
	return 0;
}

/* At first a machine is made that keeps an object; then the object is still there, and goes. */
int COPY(void)
{
	const struct quarry_out out = {.write = no_text};
	struct quarry_totals totals;

	if (q == NULL)
		return boot();
	if (kept < ram || kept >= ram + RAM_BYTES || kept[999] != RAM_MIB)
		return 3;
	quarry_kfree(q, kept);
	quarry_totals(q, &totals);
	return totals.present == RAM_BYTES / QUARRY_PAGE_SIZE && quarry_check(q, &out) == 0 ? 0 : 4;
}
#endif
