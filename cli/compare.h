/* SPDX-License-Identifier: MIT */
/* One recording on several machines: the parts of quarry compare. */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include <session.h>

#define COMPARE_MAX_VARIANTS 64
#define COMPARE_ORDER 9 /* the block of a huge page */
#define COMPARE_NEVER UINT64_MAX

/* What a run comes to; plain numbers, for they travel through a pipe. */
struct compare_result {
	int32_t status; /* CLI_*; below 0: the process died */
	bool complete, limited;
	uint64_t events, recorded_ns, digest;
	uint64_t ram_bytes, nr_nodes, nr_cpus;
	uint64_t refused, reasons[ENGINE_NR_REASONS];
	uint64_t first_refused_ns;      /* since the start of the recording; COMPARE_NEVER: none */
	uint64_t first_huge_refused_ns; /* of order COMPARE_ORDER or more */
	uint64_t first_no_huge_ns;      /* no free block of that order in any zone, as sampled */
	uint64_t free_pages, free_blocks_huge; /* at the end */
	uint64_t unusable; /* index at COMPARE_ORDER over all zones, in 1/1000 */
	uint64_t fallbacks, unmovable_blocks;
	uint64_t slab_bytes, slab_active_bytes;
	uint64_t live_bytes, held_bytes; /* of a user program's heap */
};

struct compare_variant {
	char *name;
	struct session_options options;
	char **words; /* of its text, which options point into */
	size_t nr_words;
	char *cmdline;
	struct compare_result result;
};

/* Run @n variants in at most @jobs processes at once; each gets its result. */
void compare_run(struct compare_variant *v, size_t n, unsigned int jobs, bool progress);

/*
 * The least RAM, in bytes, with which @base runs with at most @allowed requests refused; found by cutting
 * memory at ever closer addresses, to a MiB; @limit is that address, for mem=. 0: not even with all.
 */
uint64_t compare_least_ram(const struct compare_variant *base, uint64_t allowed, unsigned int jobs,
			   bool progress, uint64_t *limit);

/*
 * An address with about @bytes of @o's RAM below it, for mem=; 0: the machine cannot be made, and that was
 * said. *@ram, which may be NULL, gets its RAM.
 */
uint64_t compare_cut(const struct session_options *o, uint64_t bytes, uint64_t *ram);

#endif
