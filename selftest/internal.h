/* SPDX-License-Identifier: MIT */
/* What the self-test's files share. They use the library's public headers only. */
#ifndef SELFTEST_INTERNAL_H
#define SELFTEST_INTERNAL_H

#include <quarry/quarry.h>
#include <quarry/selftest.h>

#include "names.h"

#if !QUARRY_VALIDATORS /* then no damage is looked for */
#define quarry_check(q, out) ((void)(q), (void)(out), 0u)
#define quarry_check_memblock(q, out) quarry_check(q, out)
#define quarry_check_slab(q, out) quarry_check(q, out)
#endif

#define SELFTEST_HELD 64
#define SELFTEST_RANGES 6
#define SELFTEST_STORES 8
#define SELFTEST_PAGE ((phys_addr_t)QUARRY_PAGE_SIZE)
/* 256 pages, a MiB if they have 4 KiB: machines have as many pages whatever their size. */
#define SELFTEST_M (256 * SELFTEST_PAGE)
/* For the spec's boot: no zone but Normal. */
#define SELFTEST_ONE_ZONE .dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0
#define SELFTEST_PB ((pfn_t)QUARRY_PAGEBLOCK_PAGES)
#define SELFTEST_KIB ((phys_addr_t)1 << 10)
#define SELFTEST_MIB ((phys_addr_t)1 << 20)
#define SELFTEST_GIB ((phys_addr_t)1 << 30)

/* One line of output that grows; what does not fit is cut. */
struct selftest_text {
	char s[200];
	size_t n;
};

void selftest_add(struct selftest_text *t, const char *s);
void selftest_add_number(struct selftest_text *t, uint64_t n);
void selftest_print(const struct quarry_selftest_env *env, const struct selftest_text *t);

/* A small machine in the scratch memory. */
struct selftest_spec {
	struct selftest_range {
		phys_addr_t base, size;
		int nid;
	} memory[SELFTEST_RANGES]; /* ends with size 0 */
	/* Memory has no contents, and tables come out of the scratch; else both lie in it. */
	bool simulated;
	unsigned long (*reclaim)(void *ctx, int nid, gfp_t gfp, unsigned int order,
				 unsigned long nr_pages);
	void (*wake)(void *ctx, int nid, unsigned int order);
	bool (*oom)(void *ctx, int nid, gfp_t gfp, unsigned int order);
	int (*accept)(void *ctx, phys_addr_t phys, phys_addr_t size_bytes);
	struct quarry_boot_params boot;
};

struct selftest_machine {
	struct quarry *q;
	unsigned char *room, *end; /* scratch not used yet; of a real machine: its memory */
	phys_addr_t ram_bytes;
	unsigned int reports, logs;
	struct selftest_store {
		phys_addr_t phys;
		size_t size;
		void *p;
	} store[SELFTEST_STORES]; /* tables of boot in simulated memory */
	unsigned int nr_stores;
	/* for the test's own wake and reclaim */
	unsigned int woken, reclaims;
	void *pile; /* pages linked through their first words */
};

/* One test under way. */
struct selftest_run {
	const struct quarry_selftest_env *env;
	struct quarry *q; /* env->q */
	uint64_t random;
	struct selftest_text why; /* of a failure, or of a skip */
	bool failed, skipped;
	struct selftest_held {
		struct page *page;
		unsigned int order;
	} held[SELFTEST_HELD]; /* given back to q when the test ends */
	unsigned int nr_held;
	struct selftest_machine m; /* thrown away when the test ends */
};

struct selftest {
	const char *row;  /* "P2", "P10 P11" */
	const char *name; /* in words */
	void (*fn)(struct selftest_run *t);
	unsigned int needs; /* SELFTEST_NEEDS_*: of the configuration, or the test is skipped */
};

#define SELFTEST_NEEDS_NODES 1u /* node numbers up to 7 */
#define SELFTEST_NEEDS_CPUS 2u  /* CPU numbers up to 7 */
#define SELFTEST_NEEDS_BITS 4u  /* memory above 4 GiB */
#define SELFTEST_NEEDS_FULL 8u  /* what QUARRY_TINY leaves out; by SELFTEST_FULL() */

/* In a table: a test of what QUARRY_TINY leaves out, and its needs. The test is not compiled there. */
#if QUARRY_TINY
#define SELFTEST_FULL(fn, needs) selftest_left_out, SELFTEST_NEEDS_FULL
#else
#define SELFTEST_FULL(fn, needs) fn, needs
#endif

/* Ended by an entry without fn. */
extern const struct selftest selftest_bootmem[], selftest_memblock[], selftest_pages[],
	selftest_zones[], selftest_slabs[], selftest_layers[], selftest_pressure[],
	selftest_moving[], selftest_numa[], selftest_debug[], selftest_machines[];

uint64_t selftest_random(uint64_t *state);
size_t selftest_length(const char *s);
bool selftest_contains(const char *s, const char *part);
void selftest_set(void *p, int byte, size_t size);
bool selftest_all(const void *p, int byte, size_t size);

/* Say why, once, and return @cond. */
bool selftest_check(struct selftest_run *t, bool cond, const char *file, unsigned int line,
		    const char *what);
bool selftest_is(struct selftest_run *t, uint64_t is, uint64_t wanted, const char *file,
		 unsigned int line, const char *what);
void selftest_skip(struct selftest_run *t, const char *why);

#if QUARRY_TINY
static inline void selftest_left_out(struct selftest_run *t)
{
	selftest_skip(t, "QUARRY_TINY does without");
}
#endif

/* For the body of a test: end it here without success. */
#define OK(cond)                                                           \
	do {                                                               \
		if (!selftest_check(t, (cond), __FILE__, __LINE__, #cond)) \
			return;                                            \
	} while (0)
#define IS(value, wanted)                                                                      \
	do {                                                                                   \
		if (!selftest_is(t, (uint64_t)(value), (uint64_t)(wanted), __FILE__, __LINE__, \
				 #value " == " #wanted))                                       \
			return;                                                                \
	} while (0)

/* A block of the machine under test, given back at the end; NULL: refused, or 64 are held. */
struct page *selftest_take(struct selftest_run *t, gfp_t gfp, unsigned int order);
/* The test gives @page back itself. */
void selftest_forget(struct selftest_run *t, const struct page *page);
/* Empties caches and sheaves. */
void selftest_quiesce(struct quarry *q);
/* Free blocks of each order, all zones. */
void selftest_blocks(struct quarry *q, unsigned long *nr_free);
/* Some text of the library holds @part. */
bool selftest_shows(struct quarry *q, void (*show)(struct quarry *q, const struct quarry_out *out),
		    const char *part);

/* ---- scratch.c ---- */

/* Makes t->m by @spec, at QUARRY_STAGE_BOOT. False: skipped or failed. */
bool selftest_machine(struct selftest_run *t, const struct selftest_spec *spec);
/* And boots it. */
bool selftest_boot(struct selftest_run *t, const struct selftest_spec *spec);
/* Validates and throws away t->m, if there is one. */
void selftest_machine_fini(struct selftest_run *t);
/* Takes single pages of t->m, which has contents, onto its pile until there are none; returns how many. */
unsigned long selftest_pile_up(struct selftest_run *t, gfp_t gfp);
/* Gives back up to @max of them. */
unsigned long selftest_pile_down(struct selftest_machine *m, unsigned long max);

#endif
