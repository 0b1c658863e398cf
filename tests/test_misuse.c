/* SPDX-License-Identifier: MIT */
/*
 * Each kind of misuse at each level of debugging: what is said, in every word, when, and whether the machine goes
 * on. The table of docs/reliability.md is this one: `test_misuse --table` prints it, and a test compares.
 *
 * A case does something wrong; then, one after the other, objects and pages are taken and given back, sheaves are
 * emptied, the cache's contents are looked at, the validators run. The first of these that has something to say is
 * the answer. Damaged metadata is put right again before the machine has to show that nothing is lost.
 */
#include <page/internal.h>
#include <slab/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <quarry/posix.h>

#define SIZE 100u
#define BYTES ((size_t)32 << 20)
#define FEW 64u
#define PAGEBLOCK ((phys_addr_t)QUARRY_PAGEBLOCK_PAGES << QUARRY_PAGE_SHIFT)

/* ---- levels ---- */

enum { PLAIN, LEVEL_F, LEVEL_FZ, LEVEL_FZPU, LEVELS };

static const struct {
	const char *name, *slab, *page;
} levels[LEVELS] = {
	{"none", NULL, ""},
	{"`F`", "F,thing", "page_owner=on"},
	{"`FZ`", "FZ,thing", "page_owner=on"},
	{"`FZPU`", "FZPU,thing", "page_owner=on page_poison=1"},
};

/* ---- when it is noticed ---- */

enum when { NEVER, NO_SUCH, AT_ONCE, AT_REUSE, AT_FLUSH, AT_VALIDATE, AT_CHECK };

static const char *const when_text[] = {
	"not seen",     "-", "at once", "at reuse", "at flush", "by `quarry_cache_validate()`",
	"by validator",
};

/* ---- the world ---- */

struct world {
	struct quarry *q, *other;
	struct kmem_cache *thing, *second;
	unsigned char *p;                /* an object of thing */
	struct page *page;               /* a single page */
	struct page *block;              /* and one of order 3 */
	bool has_p, has_page, has_block; /* they are still the test's */
	unsigned char *bit_at;           /* what was flipped, and is to be put right */
	unsigned char bit;
	bool no_such;     /* there is nothing to be damaged at this level */
	bool idle;        /* nothing is reused before a flush */
	const void *told; /* what {q} stands for */
	unsigned int told_pfn;
	unsigned int reports;
	char text[1024]; /* all that was said */
	int level;
	unsigned long free_pages;
};

static void take_report(void *ctx, const char *line)
{
	struct world *w = ctx;

	size_t have = strlen(w->text);

	snprintf(w->text + have, sizeof(w->text) - have, "%s%s", w->reports++ != 0 ? "\n" : "",
		 line);
}

static void take_fault(void *ctx, const char *text, size_t len)
{
	struct world *w = ctx;
	size_t have = strlen(w->text);

	snprintf(w->text + have, sizeof(w->text) - have, "%.*s", (int)len, text);
}

static struct quarry *machine(struct world *w)
{
	struct quarry_posix_options options = {
		.ram_bytes = BYTES, .report = take_report, .log_ctx = w};
	struct quarry_boot_params params = {.nr_cpus = 2};
	struct quarry *q = quarry_posix_new(&options);

	assert_non_null(q);
	assert_int_equal(quarry_memblock_add(q, 0, BYTES), 0);
	/* The last page of each pageblock. */
	for (phys_addr_t end = PAGEBLOCK; end <= BYTES; end += PAGEBLOCK)
		assert_int_equal(quarry_memblock_reserve(q, end - QUARRY_PAGE_SIZE, 1), 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	return q;
}

/* Pages that somebody has; exact, as nobody else is at work. */
static unsigned long pages_in_use(struct quarry *q)
{
	unsigned long n = 0;

	for (pfn_t pfn = 0; pfn < BYTES / QUARRY_PAGE_SIZE; pfn++) {
		enum quarry_page_state state = quarry_pfn_state(q, pfn, NULL);

		n += state == QUARRY_PAGE_ALLOCATED || state == QUARRY_PAGE_SLAB;
	}
	return n;
}

static void world_begin(struct world *w, int level)
{
	memset(w, 0, sizeof(*w));
	w->level = level;
	w->q = machine(w);
	w->other = machine(w);
	quarry_posix_set_cpu(0);
	assert_int_equal(quarry_page_debug(w->q, levels[level].page), 0);
	if (levels[level].slab != NULL)
		assert_int_equal(quarry_slab_debug(w->q, levels[level].slab), 0);
	w->thing = quarry_kmem_cache_create(w->q, "thing", SIZE, SLAB_NO_MERGE, NULL);
	w->second = quarry_kmem_cache_create(w->q, "second", SIZE, SLAB_NO_MERGE, NULL);
	assert_true(w->thing != NULL && w->second != NULL);
	w->p = quarry_kmem_cache_alloc(w->q, w->thing, GFP_KERNEL);
	w->page = quarry_alloc_pages(w->q, GFP_KERNEL, 0);
	w->block = quarry_alloc_pages(w->q, GFP_KERNEL, 3);
	assert_true(w->p != NULL && w->page != NULL && w->block != NULL);
	w->has_p = w->has_page = w->has_block = true;
	w->told = w->p;
	assert_int_equal(quarry_check(w->q, NULL), 0);
	assert_int_equal(w->reports, 0);
}

/* ---- what follows ---- */

/* Objects and pages are taken, looked at and given back, more than a sheaf or a slab holds. */
static void reuse(struct world *w)
{
	unsigned char *obj[FEW];
	struct page *page[FEW];

	for (unsigned int i = 0; i < FEW; i++) {
		obj[i] = quarry_kmem_cache_alloc(w->q, w->thing, GFP_KERNEL);
		page[i] = quarry_alloc_pages(w->q, GFP_KERNEL, 0);
		assert_true(obj[i] != NULL && page[i] != NULL);
	}
	for (unsigned int i = 0; i < FEW; i++) {
		quarry_kmem_cache_free(w->q, w->thing, obj[i]);
		quarry_free_pages(w->q, page[i], 0);
	}
}

static void flush(struct world *w)
{
	quarry_kmem_cache_shrink(w->q, w->thing);
	quarry_drain_all_pages(w->q);
}

static enum when notice(struct world *w)
{
	const struct quarry_out out = {take_fault, w};

	if (w->reports != 0)
		return AT_ONCE;
	if (w->bit_at == NULL) { /* else what is damaged is not used before it is found */
		if (!w->idle)
			reuse(w);
		if (w->reports != 0)
			return AT_REUSE;
		flush(w);
		if (w->reports != 0)
			return AT_FLUSH;
		(void)quarry_cache_validate(w->q, w->thing);
		if (w->reports != 0)
			return AT_VALIDATE;
	}
	if (quarry_check(w->q, &out) + quarry_check(w->other, &out) != 0) {
		w->text[strlen(w->text) - 1] = 0;
		return AT_CHECK;
	}
	return w->no_such ? NO_SUCH : NEVER;
}

/* Everything else goes on, and in the end nothing is lost. */
static void goes_on(struct world *w)
{
	unsigned char *obj[FEW];
	struct page *page[FEW];

	w->reports = 0;
	w->text[0] = 0;
	for (unsigned int i = 0; i < FEW; i++) {
		obj[i] = quarry_kmem_cache_alloc(w->q, i % 2 ? w->thing : w->second, GFP_KERNEL);
		page[i] = quarry_alloc_pages(w->q, GFP_KERNEL, i % 3);
		assert_true(obj[i] != NULL && page[i] != NULL);
		for (unsigned int k = 0; k < i; k++)
			assert_true(obj[i] != obj[k] && page[i] != page[k]);
		memset(obj[i], (int)i, SIZE);
	}
	for (unsigned int i = 0; i < FEW; i++) {
		for (unsigned int k = 0; k < SIZE; k++)
			assert_int_equal(obj[i][k], i);
		quarry_kmem_cache_free(w->q, i % 2 ? w->thing : w->second, obj[i]);
		quarry_free_pages(w->q, page[i], i % 3);
	}
	if (w->has_p)
		quarry_kmem_cache_free(w->q, w->thing, w->p);
	if (w->has_page)
		quarry_free_pages(w->q, w->page, 0);
	if (w->has_block)
		quarry_free_pages(w->q, w->block, 3);
	(void)quarry_check(w->q, &(struct quarry_out){take_fault, w});
	if (w->text[0] == 0) {
		assert_int_equal(quarry_kmem_cache_destroy(w->q, w->thing), 0);
		assert_int_equal(quarry_kmem_cache_destroy(w->q, w->second), 0);
		quarry_drain_all_pages(w->q);
		assert_int_equal(pages_in_use(w->q), 0);
		(void)quarry_check(w->q, &(struct quarry_out){take_fault, w});
		(void)quarry_check(w->other, &(struct quarry_out){take_fault, w});
	}
	if (w->text[0] != 0)
		fail_msg("afterwards: %s", w->text);
	quarry_posix_delete(w->other);
	quarry_posix_delete(w->q);
}

/* ---- misuse of objects ---- */

static void free_p(struct world *w)
{
	quarry_kmem_cache_free(w->q, w->thing, w->p);
	w->has_p = false;
}

static void double_free(struct world *w)
{
	free_p(w);
	quarry_kmem_cache_free(w->q, w->thing, w->p);
}

static void double_kfree(struct world *w)
{
	free_p(w);
	quarry_kfree(w->q, w->p);
}

static void free_interior(struct world *w)
{
	w->told = w->p + 8;
	quarry_kmem_cache_free(w->q, w->thing, w->p + 8);
}

static void free_misaligned(struct world *w)
{
	w->told = w->p + 3;
	quarry_kfree(w->q, w->p + 3);
}

static void free_foreign(struct world *w)
{
	w->told = w;
	quarry_kmem_cache_free(w->q, w->thing, w);
}

static void kfree_foreign(struct world *w)
{
	w->told = w;
	quarry_kfree(w->q, w);
}

static void free_wrong_cache(struct world *w)
{
	quarry_kmem_cache_free(w->q, w->second, w->p);
}

static void free_wrong_machine(struct world *w)
{
	quarry_kfree(w->other, w->p);
}

static void free_as_page(struct world *w)
{
	struct page *page = quarry_virt_to_page(w->q, w->p);

	w->told_pfn = (unsigned int)quarry_page_to_pfn(w->q, page);
	quarry_free_pages(w->q, page, 0);
}

static void overrun(struct world *w)
{
	w->p[SIZE] = 0x41;
	free_p(w);
}

static void underrun(struct world *w)
{
	w->p[-1] = 0x41;
	free_p(w);
}

static void overrun_held(struct world *w)
{
	w->p[SIZE] = 0x41;
}

static void use_after_free(struct world *w)
{
	free_p(w);
	w->p[40] = 0x41;
}

/* Written to after its free, and nobody takes it again. */
static void use_after_free_idle(struct world *w)
{
	use_after_free(w);
	w->idle = true;
}

static void overrun_slab(struct world *w)
{
	struct slab *slab;
	uint32_t number;

	assert_int_equal(slab_find(w->q, w->thing, w->p, &slab, &number), SLAB_FAULT_NONE);
	w->told = (unsigned char *)slab_block(w->q, slab) + (QUARRY_PAGE_SIZE << slab->order) - 1;
	*(unsigned char *)(uintptr_t)w->told = 0x41;
	w->p = (unsigned char *)slab_block(w->q, slab); /* {p}: where it begins */
	w->has_p = false;
	quarry_kmem_cache_free(w->q, w->thing,
			       (void *)(slab->base + (uintptr_t)number * w->thing->size));
}

/* ---- misuse of pages ---- */

static void tell_pfn(struct world *w, const struct page *page)
{
	w->told_pfn = (unsigned int)quarry_page_to_pfn(w->q, page);
}

static void page_double_free(struct world *w)
{
	tell_pfn(w, w->page);
	quarry_free_pages(w->q, w->page, 0);
	w->has_page = false;
	quarry_free_pages(w->q, w->page, 0);
}

static void page_order_low(struct world *w)
{
	tell_pfn(w, w->block);
	quarry_free_pages(w->q, w->block, 2);
}

static void page_order_high(struct world *w)
{
	tell_pfn(w, w->block);
	quarry_free_pages(w->q, w->block, 4);
}

static void page_tail(struct world *w)
{
	tell_pfn(w, w->block + 5);
	quarry_free_pages(w->q, w->block + 5, 0);
}

static void page_foreign(struct world *w)
{
	static struct page page[2];

	page[0].word = w->page->word;
	w->told = &page[0];
	quarry_free_pages(w->q, &page[0], 0);
}

static void page_wrong_machine(struct world *w)
{
	struct page *theirs = quarry_alloc_pages(w->other, GFP_KERNEL, 0);

	w->told = theirs;
	quarry_free_pages(w->q, theirs, 0);
	w->told_pfn = (unsigned int)theirs->word & 7; /* it is theirs still */
	assert_int_equal(w->told_pfn, PAGE_WORD_ALLOC);
	quarry_free_pages(w->other, theirs, 0);
}

static void page_address_foreign(struct world *w)
{
	w->told = w;
	quarry_free_pages_addr(w->q, w, 0);
}

static void page_address_interior(struct world *w)
{
	w->told = (char *)quarry_page_address(w->q, w->page) + 16;
	quarry_free_pages_addr(w->q, (void *)(uintptr_t)w->told, 0);
}

static void page_reserved(struct world *w)
{
	pfn_t pfn = quarry_page_to_pfn(w->q, w->page) | (QUARRY_PAGEBLOCK_PAGES - 1);
	struct page *page = quarry_pfn_to_page(w->q, pfn);

	assert_non_null(page);
	tell_pfn(w, page);
	quarry_free_pages(w->q, page, 0);
}

static void page_use_after_free(struct world *w)
{
	unsigned char *at = quarry_page_address(w->q, w->page);

	tell_pfn(w, w->page);
	quarry_free_pages(w->q, w->page, 0);
	w->has_page = false;
	at[40] = 0x41;
}

/* ---- bits ---- */

static void flip(struct world *w, void *at, unsigned int bit)
{
	w->bit_at = (unsigned char *)at + bit / 8;
	w->bit = (unsigned char)(1u << bit % 8);
	*w->bit_at ^= w->bit;
}

static struct page_arena *arena_of(struct world *w)
{
	return page_arena_of(w->q->pages, w->page);
}

static unsigned int pageblock_of(struct world *w)
{
	return (unsigned int)((quarry_page_to_pfn(w->q, w->page) - arena_of(w)->base_pfn) >>
			      QUARRY_PAGEBLOCK_ORDER);
}

static struct slab *slab_of(struct world *w)
{
	struct slab *slab;
	uint32_t number;

	assert_int_equal(slab_find(w->q, w->thing, w->p, &slab, &number), SLAB_FAULT_NONE);
	return slab;
}

static void bit_descriptor(struct world *w)
{
	tell_pfn(w, w->page);
	flip(w, &w->page->word, 0);
}

/* ... and the block is freed before anybody looks. */
static void bit_descriptor_freed(struct world *w)
{
	bit_descriptor(w);
	quarry_free_pages(w->q, w->page, 0);
}

static void bit_bitmap(struct world *w)
{
	size_t page = (size_t)(w->page - arena_of(w)->map) % QUARRY_PAGEBLOCK_PAGES;

	w->told_pfn = (unsigned int)(arena_of(w)->base_pfn +
				     (pfn_t)pageblock_of(w) * QUARRY_PAGEBLOCK_PAGES);
	flip(w, arena_of(w)->bits[pageblock_of(w)], (unsigned int)page);
}

static void bit_pageblock(struct world *w)
{
	w->told_pfn = (unsigned int)(arena_of(w)->base_pfn +
				     (pfn_t)pageblock_of(w) * QUARRY_PAGEBLOCK_PAGES);
	flip(w, &arena_of(w)->pb[pageblock_of(w)].nr_free, 3);
}

static void bit_list(struct world *w)
{
	w->told_pfn = (unsigned int)(arena_of(w)->base_pfn +
				     (pfn_t)pageblock_of(w) * QUARRY_PAGEBLOCK_PAGES);
	flip(w, &arena_of(w)->pb[pageblock_of(w)].next, 2);
}

static void bit_hand(struct world *w)
{
	const struct page_pcp *pcp = w->q->pages->cpu[0]->pcp[arena_of(w)->zone->index];
	const struct page_hand *cur = &pcp->out[QUARRY_MIGRATE_UNMOVABLE][0].cur;

	assert_ptr_equal(cur->base, page_word_base(w->page));
	tell_pfn(w, w->page);
	flip(w, (void *)(uintptr_t)&cur->mask, page_word_bit(w->page)); /* it is in use */
}

static void bit_slab_cache(struct world *w)
{
	flip(w, &slab_of(w)->cache, 1);
}

static void bit_slab_free(struct world *w)
{
	flip(w, slab_of(w)->free, 1);
}

static void bit_slab_list(struct world *w)
{
	void *obj[200];

	/* Such that its slab is on a list. */
	for (unsigned int i = 0; i < 200; i++)
		assert_non_null(obj[i] = quarry_kmem_cache_alloc(w->q, w->thing, GFP_KERNEL));
	for (unsigned int i = 0; i < 200; i++)
		quarry_kmem_cache_free(w->q, w->thing, obj[i]);
	(void)quarry_kmem_cache_shrink(w->q, w->thing);
	assert_int_not_equal(slab_of(w)->list, SLAB_UNLISTED);
	flip(w, &slab_of(w)->prev, 4);
}

static void bit_sheaf(struct world *w)
{
	struct slab_cpu *c = slab_this_cpu_of(w->thing);

	free_p(w);
	w->no_such = c->top == c->base; /* caches that are debugged have none */
	if (!w->no_such)
		flip(w, &c->top[-1], 1);
}

/* ---- the table ---- */

/*
 * Text: {p} the object, {q} what was handed over, {f} told_pfn; {x} any address, {n} any number; {A} and {F} who took
 * and gave back the object, at levels that keep users; {U} the same of a page. NULL: as at the level before.
 */
struct misuse {
	const char *name;
	void (*act)(struct world *w);
	enum when when[LEVELS];
	const char *text[LEVELS];
};

/* clang-format off */
static const struct misuse kinds[] = {
	{"object freed twice",
	 double_free,
	 {AT_FLUSH, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"slab: thing: double free of {p}, found as it went back to its slab: who did it is not known",
	  "slab: thing: double free of {p} by {x}{A}{F}"}},
	{"object freed twice, by kfree",
	 double_kfree,
	 {AT_FLUSH, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"slab: thing: double free of {p}, found as it went back to its slab: who did it is not known",
	  "slab: thing: double free of {p} by {x}{A}{F}"}},
	{"free of an address inside an object",
	 free_interior,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"slab: thing: free of {q}, not the start of an object, by {x}: 8 bytes into object {p}{A}"}},
	{"free of an odd address",
	 free_misaligned,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"slab: thing: free of {q}, not the start of an object, by {x}: 3 bytes into object {p}{A}"}},
	{"free of a foreign pointer",
	 free_foreign,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"slab: thing: free of foreign pointer {q} by {x}"}},
	{"kfree of a foreign pointer",
	 kfree_foreign,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"kfree of {q}, which is no allocation"}},
	{"free to the wrong cache",
	 free_wrong_cache,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"slab: second: free of {p}, which belongs to thing, by {x}{A}"}},
	{"kfree in the wrong instance",
	 free_wrong_machine,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"kfree of {p}, which is no allocation"}},
	{"object freed as a page",
	 free_as_page,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"page: pfn {f} belongs to a slab cache, freed as a page; kept",
	  "page: pfn {f} belongs to a slab cache, freed as a page; kept\n"
	  "page: it was taken {U}"}},
	{"write past an object, which is freed",
	 overrun,
	 {NEVER, NEVER, AT_ONCE, AT_ONCE},
	 {"",
	  NULL,
	  "slab: thing: overrun to the right of object {p} of 100 bytes: offset 100 is 41, not cc; 1 bytes to the last: 41{A}{F}"}},
	{"write before an object, which is freed",
	 underrun,
	 {NEVER, NEVER, AT_ONCE, AT_ONCE},
	 {"",
	  NULL,
	  "slab: thing: overrun to the left of object {p} of 100 bytes: offset -1 is 41, not cc; 1 bytes to the last: 41{A}{F}"}},
	{"write past an object that is kept",
	 overrun_held,
	 {NEVER, NEVER, AT_VALIDATE, AT_VALIDATE},
	 {"",
	  NULL,
	  "slab: thing: overrun to the right of object {p} of 100 bytes: offset 100 is 41, not cc; 1 bytes to the last: 41{A}"}},
	{"write to an object after its free",
	 use_after_free,
	 {NEVER, NEVER, NEVER, AT_REUSE},
	 {"",
	  NULL,
	  NULL,
	  "slab: thing: use after free of object {p} of 100 bytes: offset 40 is 41, not 6b; 1 bytes to the last: 41{A}{F}"}},
	{"the same, and nobody takes it again",
	 use_after_free_idle,
	 {NEVER, NEVER, NEVER, AT_FLUSH},
	 {"",
	  NULL,
	  NULL,
	  "slab: thing: use after free of object {p} of 100 bytes: offset 40 is 41, not 6b; 1 bytes to the last: 41{A}{F}"}},
	{"write past the last object of a slab",
	 overrun_slab,
	 {NEVER, NEVER, NEVER, AT_FLUSH},
	 {"",
	  NULL,
	  NULL,
	  "slab: thing: overrun behind the last object of the slab at {p}: {q} is 41"}},
	{"page freed twice",
	 page_double_free,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"page: pfn {f} order 0 is not allocated (double free, or inside a block)",
	  "page: pfn {f} order 0 is not allocated (double free, or inside a block)\n"
	  "page: it was last taken {U}\n"
	  "page: it was last freed {U}"}},
	{"block freed with too low an order",
	 page_order_low,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"page: pfn {f} is a block of order 3, freed as order 2; kept",
	  "page: pfn {f} is a block of order 3, freed as order 2; kept\n"
	  "page: it was taken {U}"}},
	{"block freed with too high an order",
	 page_order_high,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"page: pfn {f} is a block of order 3, freed as order 4; kept",
	  "page: pfn {f} is a block of order 3, freed as order 4; kept\n"
	  "page: it was taken {U}"}},
	{"free of a later page of a block",
	 page_tail,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"page: pfn {f} order 0 is not allocated (double free, or inside a block)",
	  "page: pfn {f} order 0 is not allocated (double free, or inside a block)\n"
	  "page: it was taken {U}"}},
	{"free of a descriptor that is none",
	 page_foreign,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"page: free of a foreign descriptor {q}"}},
	{"page freed in the wrong instance",
	 page_wrong_machine,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"page: free of a foreign descriptor {q}"}},
	{"free of an address that is no page's",
	 page_address_foreign,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"page: free of {q}, which is no page of this machine"}},
	{"free of an address inside a page",
	 page_address_interior,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"page: free of {q}, which is no page of this machine"}},
	{"free of a reserved page",
	 page_reserved,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"page: pfn {f} order 0 is not allocated (double free, or inside a block)"}},
	{"write to a page after its free",
	 page_use_after_free,
	 {NEVER, NEVER, NEVER, AT_REUSE},
	 {"",
	  NULL,
	  NULL,
	  "page: pfn {f} was written to while it was free: byte 0x28 is 0x41, not 0xaa; 1 bytes up to the last\n"
	  "page: pfn {f} + 0x20: aa aa aa aa aa aa aa aa 41 aa aa aa aa aa aa aa\n"
	  "page: it was last taken {U}\n"
	  "page: it was last freed {U}"}},
	{"a bit of a descriptor",
	 bit_descriptor,
	 {AT_CHECK, AT_CHECK, AT_CHECK, AT_CHECK},
	 {"slab: -: slabs have not as many pages as are marked (2)"}},
	{"the same, and the page is freed",
	 bit_descriptor_freed,
	 {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE},
	 {"page: pfn {f} belongs to a slab cache, freed as a page; kept",
	  "page: pfn {f} belongs to a slab cache, freed as a page; kept\n"
	  "page: it was taken {U}"}},
	{"a bit of a bitmap",
	 bit_bitmap,
	 {AT_CHECK, AT_CHECK, AT_CHECK, AT_CHECK},
	 {"page: count of a pageblock at {f}: {n}, expected {n}"}},
	{"a bit of a pageblock's record",
	 bit_pageblock,
	 {AT_CHECK, AT_CHECK, AT_CHECK, AT_CHECK},
	 {"page: count of a pageblock at {f}: {n}, expected {n}"}},
	{"a bit of a pageblock's list link",
	 bit_list,
	 {AT_CHECK, AT_CHECK, AT_CHECK, AT_CHECK},
	 {"page: list link at 0x0: {n}, expected {n}"}},
	{"a bit of a CPU's sheaf of pages",
	 bit_hand,
	 {AT_CHECK, AT_CHECK, AT_CHECK, AT_CHECK},
	 {"page: state of a page in a sheaf at {f}: 2, expected 0"}},
	{"a bit of a slab's record",
	 bit_slab_cache,
	 {AT_CHECK, AT_CHECK, AT_CHECK, AT_CHECK},
	 {"slab: -: a slab belongs to no cache ({n})"}},
	{"a bit of a slab's bitmap",
	 bit_slab_free,
	 {AT_CHECK, AT_CHECK, AT_CHECK, AT_CHECK},
	 {"slab: thing: free bits and their count differ in slab ({n})"}},
	{"a bit of a slab's list link",
	 bit_slab_list,
	 {AT_CHECK, AT_CHECK, AT_CHECK, AT_CHECK},
	 {"slab: thing: a foreign slab or a bad link on a partial list ({n})"}},
	{"a bit of a pointer in a sheaf of objects",
	 bit_sheaf,
	 {AT_CHECK, NO_SUCH, NO_SUCH, NO_SUCH},
	 {"slab: thing: a sheaf holds what is no object of the cache ({n})",
	  ""}},
};
/* clang-format on */

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* With QUARRY_HARDENED and without debugging, the answer is that of level F. */
static bool sooner_hardened(const struct misuse *kind)
{
	return kind->act == double_free || kind->act == double_kfree;
}

/* ---- texts ---- */

/* What a {letter} stands for, as a text with no letters but {x} and {n}. */
static const char *stands_for(const struct world *w, char letter, char *buf, size_t size)
{
	bool users = w->level == LEVEL_FZPU;

	switch (letter) {
	case 'p':
		snprintf(buf, size, "%p", (void *)w->p);
		return buf;
	case 'q':
		snprintf(buf, size, "%p", w->told);
		return buf;
	case 'f':
		snprintf(buf, size, "%#x", w->told_pfn);
		return buf;
	case 'A':
		return users ? "; allocated by {x} on CPU 0, {n} ns ago" : "";
	case 'F':
		return users ? "; freed by {x} on CPU 0, {n} ns ago" : "";
	default:
		return "by a call from {x}, CPU 0, {n} ns"; /* U */
	}
}

/* Where @got goes on behind @want; NULL: it is not so. */
static const char *match(const struct world *w, const char *want, const char *got)
{
	char buf[32];

	for (; *want != '\0' && got != NULL; want++) {
		bool hex = want[0] == '{' && want[1] == 'x';
		size_t n;

		if (*want != '{') {
			got = *want == *got ? got + 1 : NULL;
			continue;
		}
		if (hex || want[1] == 'n') {
			n = hex && strncmp(got, "0x", 2) == 0 ? 2 : 0;
			n += strspn(got + n, hex ? "0123456789abcdef" : "0123456789");
			got = n > (hex ? 2u : 0u) ? got + n : NULL;
		} else {
			got = match(w, stands_for(w, want[1], buf, sizeof(buf)), got);
		}
		want += 2;
	}
	return got;
}

/* ---- tests ---- */

static void test_kind(void **state)
{
	const struct misuse *kind = *state;
	const char *want = "", *end;

	for (int level = 0; level < LEVELS; level++) {
		struct world w;
		enum when when;

		int as = QUARRY_HARDENED && sooner_hardened(kind) && level == PLAIN ? LEVEL_F
										    : level;

		want = kind->text[as] != NULL ? kind->text[as] : want;
		world_begin(&w, level);
		kind->act(&w);
		when = notice(&w);
		end = match(&w, want, w.text);
		if (when != kind->when[as] || end == NULL || *end != '\0')
			fail_msg("%s, level %s: noticed %s, expected %s;\nsaid:\n%s\nexpected:\n%s",
				 kind->name, levels[level].name, when_text[when],
				 when_text[kind->when[as]], w.text, want);
		if (w.bit_at != NULL)
			*w.bit_at ^= w.bit;
		goes_on(&w);
	}
}

static void row_of(const struct misuse *kind, char *row, size_t size)
{
	int n = snprintf(row, size, "| %s |", kind->name);

	for (int level = 0; level < LEVELS; level++)
		n += snprintf(row + n, size - (size_t)n, " %s%s |", when_text[kind->when[level]],
			      sooner_hardened(kind) && level == PLAIN ? "; hardened: at once" : "");
}

/* docs/reliability.md has these rows, one after the other. */
static void test_table_is_documented(void **state)
{
	static char page[1 << 17];
	FILE *f = fopen("docs/reliability.md", "r");
	const char *at = page;
	char row[256];

	(void)state;
	assert_non_null(f); /* tests run from the top of the tree */
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	for (size_t k = 0; k < KINDS; k++) {
		row_of(&kinds[k], row, sizeof(row));
		at = k == 0 ? strstr(page, row) : at;
		if (at == NULL || strncmp(at, row, strlen(row)) != 0)
			fail_msg("docs/reliability.md lacks: %s (test_misuse --table)", row);
		at += strlen(row) + 1;
	}
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[KINDS + 1] = {cmocka_unit_test(test_table_is_documented)};
	char row[256];

	for (size_t k = 0; k < KINDS; k++) {
		tests[k + 1] = (struct CMUnitTest){.name = kinds[k].name,
						   .test_func = test_kind,
						   .initial_state = (void *)(uintptr_t)&kinds[k]};
		row_of(&kinds[k], row, sizeof(row));
		if (argc > 1 && strcmp(argv[1], "--table") == 0)
			puts(row);
	}
	return argc > 1 ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
