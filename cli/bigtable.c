/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <sys/mman.h>

#include <bigtable.h>
#include <util.h>

#define BIGTABLE_STEP ((size_t)256 << 10)

void bigtable_init(struct bigtable *b, size_t size, const char *what)
{
	b->p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	b->reached = 0;
	b->size = size;
	if (b->p == MAP_FAILED) {
		util_error("no address space for %s", what);
		exit(CLI_FAILED);
	}
	/* What is looked up all over it would miss the TLB at each step. */
	(void)madvise(b->p, size, MADV_HUGEPAGE);
}

void bigtable_free(struct bigtable *b)
{
	munmap(b->p, b->size);
}

void bigtable_take(struct bigtable *b, size_t bytes)
{
	size_t end = (bytes + BIGTABLE_STEP - 1) / BIGTABLE_STEP * BIGTABLE_STEP;

	if (end > b->size)
		end = b->size;
#ifdef MADV_POPULATE_WRITE
	/* A kernel before 5.14 takes them one by one, when they are written. */
	(void)madvise(b->p + b->reached, end - b->reached, MADV_POPULATE_WRITE);
#endif
	b->reached = end;
}
