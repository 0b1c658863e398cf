/* SPDX-License-Identifier: MIT */
/*
 * A malloc on a memory system.
 *
 * Problem	A user program's recording says which blocks it asked for. Here they are asked of a memory
 *		system: what does it hold for them, over time, and how much of that was asked for?
 *
 * Kinds	kmalloc	what the kernel gives its own: quarry_kvmalloc(), 13 classes up to two pages, then
 *			blocks of 2^order pages
 *		fine	what a malloc would build of caches: a class every 16 bytes up to 256, then eight
 *			to a doubling, up to two pages; then just enough pages
 *
 * Held		Pages that are neither free nor in a CPU's sheaf of free pages, less those before the first
 *		event: slabs with all that they cache, and blocks. Live bytes over held bytes is the
 *		efficiency.
 *
 * Contents	There are none: the machine has no bytes. A realloc that moves is an allocation and a free.
 *
 * Bounds	Memory follows the blocks that are alive, at most IDMAP_MAX.
 */
#include <stdlib.h>
#include <string.h>

#include <quarry/posix.h>

#include <heap.h>
#include <idmap.h>

#define HEAP_SMALL QUARRY_KMALLOC_MAX_CACHE_SIZE /* larger: pages */
#define HEAP_GRAIN 16
#define HEAP_STEPS 8 /* classes to a doubling */
#define HEAP_MAX_CACHES 64
#define HEAP_AHEAD 8 /* events between a prefetch and its use */
#define HEAP_REAP_NS ((uint64_t)2000000000)
#define HEAP_FIRST_EVERY 512 /* events between two samples, at first */
#define HEAP_DIGEST_PRIME 0x100000001b3u

struct heap_block {
	void *ptr; /* NULL: refused */
	uint64_t size;
	uint32_t class; /* of result.class */
	uint16_t thread;
	bool alive;
	bool small; /* kmalloc() gave it, not kvmalloc() */
};

/*
 * Blocks whose numbers follow each other, as those of blocks that are made one after the other do: most are freed soon, and
 * a page with them.
 */
#define HEAP_PAGE 32u
#define HEAP_FIRST_PAGES 1024u
struct heap_page {
	struct heap_block block[HEAP_PAGE];
	uint64_t number; /* of its first block, over HEAP_PAGE */
	uint32_t nr_alive;
	uint32_t next_free; /* place + 1; 0: none */
};

struct heap_cache {
	char name[16];
	struct kmem_cache *cache; /* NULL: it could not be made */
};

struct heap {
	struct quarry *q;
	unsigned int nr_cpus;
	unsigned int cpu; /* ~0: none yet */
	enum heap_kind kind;
	struct idmap pages; /* number -> place in page[] + 1 */
	struct heap_page *page;
	uint32_t nr_pages, cap_pages;
	uint32_t free_page, last_page; /* place + 1; 0: none. Last: where blocks are made */
	struct idmap classes;          /* size -> number + 1 */
	/* Of requests up to HEAP_SMALL, by size in units of 8 bytes: number of the class + 1; 0: not known yet. */
	uint8_t small[HEAP_SMALL / 8 + 1];
	struct idmap caches;                      /* size -> place in cache[] + 1 */
	struct heap_cache cache[HEAP_MAX_CACHES]; /* 56 classes there are */
	uint32_t nr_caches;
	uint64_t base_pages; /* free before the first event */
	uint64_t every, next_sample, reap_at;
	struct heap_result result;
};

static const char *const heap_kind_names[] = {"kmalloc", "fine"};

const char *heap_kind_name(enum heap_kind kind)
{
	return heap_kind_names[kind];
}

bool heap_kind_by_name(const char *name, enum heap_kind *kind)
{
	for (int i = 0; i < 2; i++) {
		if (strcmp(name, heap_kind_names[i]) == 0) {
			*kind = (enum heap_kind)i;
			return true;
		}
	}
	return false;
}

/* ---- blocks of memory ---- */

static uint64_t heap_round(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static uint64_t heap_power(uint64_t n)
{
	uint64_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* The class of @size bytes of the fine heap. Example: 100 -> 112, 300 -> 320, 1000 -> 1024. */
static uint64_t heap_fine_class(uint64_t size)
{
	uint64_t grain = HEAP_GRAIN, top = (uint64_t)HEAP_GRAIN * HEAP_STEPS * 2;

	while (size > top) {
		top *= 2;
		grain *= 2;
	}
	return heap_round(size, grain);
}

static struct kmem_cache *heap_fine_cache(struct heap *h, uint64_t size)
{
	struct idmap_slot *s = idmap_add(&h->caches, size);
	struct kmem_cache_args args = {.align = HEAP_GRAIN};
	struct heap_cache *c;

	if (s->value == 0) {
		c = &h->cache[h->nr_caches];
		s->value = ++h->nr_caches;
		snprintf(c->name, sizeof(c->name), "heap-%u", (unsigned int)size);
		c->cache = quarry_kmem_cache_create(h->q, c->name, (unsigned int)size,
						    SLAB_NO_MERGE, &args);
	}
	return h->cache[s->value - 1].cache;
}

/* What a request of @size bytes gets, for one whose alignment is no matter. */
static uint64_t heap_usable(struct heap *h, uint64_t size)
{
	if (h->kind == HEAP_FINE)
		return size <= HEAP_SMALL ? heap_fine_class(size)
					  : heap_round(size, QUARRY_PAGE_SIZE);
	if (size > QUARRY_KMALLOC_MAX_SIZE)
		return heap_round(size, QUARRY_PAGE_SIZE);
	return quarry_kmalloc_size_roundup(h->q, (size_t)size);
}

/* @size as it must be asked for: never 0, and so that the block is aligned. */
static uint64_t heap_wanted(const struct umt_event *ev)
{
	uint64_t size = ev->size > 0 ? ev->size : 1, align = (uint64_t)1 << ev->align_log2;

	if (align <= HEAP_GRAIN)
		return size;
	return heap_power(size > align ? size : align);
}

/* Such blocks are kmalloc()'s: kvmalloc() does no more for them. */
static bool heap_is_small(const struct heap *h, uint64_t size)
{
	return h->kind == HEAP_KMALLOC && size <= QUARRY_PAGE_SIZE;
}

static void *heap_take(struct heap *h, uint64_t size)
{
	struct kmem_cache *cache;

	if (heap_is_small(h, size))
		return quarry_kmalloc(h->q, (size_t)size, GFP_KERNEL | __GFP_NOWARN);
	if (h->kind == HEAP_KMALLOC || size > QUARRY_KMALLOC_MAX_SIZE)
		return quarry_kvmalloc(h->q, (size_t)size, GFP_KERNEL | __GFP_NOWARN);
	if (size > HEAP_SMALL)
		return quarry_alloc_pages_exact(h->q, (size_t)size, GFP_KERNEL | __GFP_NOWARN);
	cache = heap_fine_cache(h, heap_fine_class(size));
	return cache != NULL ? quarry_kmem_cache_alloc(h->q, cache, GFP_KERNEL | __GFP_NOWARN)
			     : NULL;
}

static void heap_give(struct heap *h, void *ptr, uint64_t size, bool small)
{
	if (small || (h->kind == HEAP_FINE && size <= HEAP_SMALL))
		quarry_kfree(h->q, ptr);
	else if (h->kind == HEAP_KMALLOC || size > QUARRY_KMALLOC_MAX_SIZE)
		quarry_kvfree(h->q, ptr);
	else
		quarry_free_pages_exact(h->q, ptr, (size_t)size);
}

/* ---- what is alive ---- */

static struct heap_class *heap_class(struct heap *h, uint64_t usable, uint32_t *number)
{
	struct idmap_slot *s;

	/* Of what is larger than any class there are too many sizes for a row each. */
	if (usable > HEAP_SMALL)
		usable = heap_power(usable);
	s = idmap_add(&h->classes, usable);
	if (s->value == 0) {
		s->value = ++h->result.nr_classes;
		h->result.class[s->value - 1].size = usable;
	}
	*number = (uint32_t)s->value - 1;
	return &h->result.class[*number];
}

/* Place + 1 of a page for blocks from number @number * HEAP_PAGE on. */
static uint32_t heap_page_new(struct heap *h, uint64_t number)
{
	uint32_t i = h->free_page;

	if (i != 0) {
		h->free_page = h->page[i - 1].next_free;
	} else {
		if (h->nr_pages == h->cap_pages) {
			h->cap_pages *= 2;
			h->page = xrealloc(h->page, h->cap_pages, sizeof(h->page[0]));
		}
		i = ++h->nr_pages;
	}
	memset(&h->page[i - 1], 0, sizeof(h->page[0]));
	h->page[i - 1].number = number;
	return i;
}

/* Page @place - 1 has no block any more, and none is made there. What it says stays readable. */
static void heap_page_end(struct heap *h, uint32_t place)
{
	struct heap_page *p = &h->page[place - 1];

	(void)idmap_take(&h->pages, p->number);
	p->next_free = h->free_page;
	h->free_page = place;
}

/* Room for block @made, the next one; NULL: too many are alive. */
static struct heap_block *heap_block_new(struct heap *h, uint64_t made)
{
	uint64_t number = made / HEAP_PAGE;
	struct idmap_slot *s;
	struct heap_page *p;

	if (h->last_page == 0 || h->page[h->last_page - 1].number != number) {
		if (h->last_page != 0 && h->page[h->last_page - 1].nr_alive == 0)
			heap_page_end(h, h->last_page);
		h->last_page = 0;
		s = idmap_add(&h->pages, number);
		if (s == NULL)
			return NULL;
		if (s->value == 0)
			s->value = heap_page_new(h, number);
		h->last_page = (uint32_t)s->value;
	}
	p = &h->page[h->last_page - 1];
	p->nr_alive++;
	return &p->block[made % HEAP_PAGE];
}

/* Block number @block is alive no more, but stays readable; NULL: it was not alive. */
static struct heap_block *heap_block_end(struct heap *h, uint64_t block)
{
	uint64_t number = block / HEAP_PAGE;
	uint32_t place = h->last_page;
	struct heap_block *b;

	if (place == 0 || h->page[place - 1].number != number)
		place = (uint32_t)idmap_get(&h->pages, number);
	if (place == 0)
		return NULL;
	b = &h->page[place - 1].block[block % HEAP_PAGE];
	if (!b->alive)
		return NULL;
	b->alive = false;
	if (--h->page[place - 1].nr_alive == 0 && place != h->last_page)
		heap_page_end(h, place);
	return b;
}

/* The class of a block of @size bytes. */
static struct heap_class *heap_class_of(struct heap *h, uint64_t size, uint32_t *number)
{
	uint8_t *known = &h->small[(size + 7) / 8 <= HEAP_SMALL / 8 ? (size + 7) / 8 : 0];
	struct heap_class *c;

	if (size <= HEAP_SMALL && *known != 0) {
		*number = *known - 1u;
		return &h->result.class[*number];
	}
	c = heap_class(h, heap_usable(h, size), number);
	if (size <= HEAP_SMALL)
		*known = (uint8_t)(*number + 1);
	return c;
}

static void heap_account(struct heap *h, struct heap_block *b)
{
	struct heap_class *c = heap_class_of(h, b->size, &b->class);
	struct heap_result *r = &h->result;

	c->allocs++;
	c->asked += b->size;
	c->live++;
	c->live_bytes += b->size;
	if (c->max_live < c->live)
		c->max_live = c->live;
	r->live++;
	r->live_bytes += b->size;
	if (r->max_live < r->live)
		r->max_live = r->live;
	if (r->max_live_bytes < r->live_bytes)
		r->max_live_bytes = r->live_bytes;
}

static void heap_forget(struct heap *h, const struct heap_block *b)
{
	struct heap_class *c = &h->result.class[b->class];

	c->live--;
	c->live_bytes -= b->size;
	h->result.live--;
	h->result.live_bytes -= b->size;
}

/* Block number ev->made comes to life; @ptr NULL: it was refused. */
static void heap_born(struct heap *h, const struct umt_event *ev, void *ptr, uint64_t want,
		      bool small)
{
	struct heap_block *b = heap_block_new(h, ev->made);

	if (b == NULL) {
		h->result.full = true;
		if (ptr != NULL)
			heap_give(h, ptr, want, small);
		return;
	}
	*b = (struct heap_block){
		.ptr = ptr, .size = want, .thread = ev->thread, .alive = true, .small = small};
	if (ptr == NULL) {
		h->result.refused++;
		h->result.refused_bytes += want;
		return;
	}
	heap_account(h, b);
	h->result.digest = (h->result.digest ^ quarry_physical(h->q, ptr)) * HEAP_DIGEST_PRIME;
}

static __attribute__((noinline)) void heap_unknown(struct heap_result *r,
						   const struct umt_event *ev)
{
	if (r->free_unknown < HEAP_PLACES)
		r->unknown[r->free_unknown] = (struct heap_place){
			.event = r->events,
			.time_ns = ev->time_ns,
			.block = ev->block,
			.thread = ev->thread,
			.op = ev->op,
		};
	r->free_unknown++;
}

/* The block that @ev ends, taken out of the map; its place stays readable. NULL: there is none. */
static struct heap_block *heap_ends(struct heap *h, const struct umt_event *ev)
{
	struct heap_block *b = NULL;

	if (ev->block == UMT_NULL) {
		h->result.free_null += ev->op == UMT_FREE;
		return NULL;
	}
	if (ev->block != UMT_UNSEEN)
		b = heap_block_end(h, ev->block);
	if (b == NULL) {
		if (ev->block == UMT_UNSEEN)
			h->result.free_unseen++;
		else
			heap_unknown(&h->result, ev);
		return NULL;
	}
	if (b->ptr == NULL) {
		h->result.free_refused += ev->op == UMT_FREE;
		return NULL;
	}
	h->result.other_thread += b->thread != ev->thread;
	heap_forget(h, b);
	return b;
}

static void heap_free(struct heap *h, const struct umt_event *ev)
{
	const struct heap_block *b = heap_ends(h, ev);

	if (b != NULL)
		heap_give(h, b->ptr, b->size, b->small);
}

/* Whether a block of @usable bytes may stay where it is and be one of @size. */
static bool heap_stays(const struct heap *h, uint64_t usable, uint64_t size, uint64_t old)
{
	/* Whole pages are freed by their number: so it may not change. */
	if (h->kind == HEAP_FINE && (old > HEAP_SMALL || size > HEAP_SMALL))
		return old > HEAP_SMALL && size > HEAP_SMALL &&
		       heap_round(size, QUARRY_PAGE_SIZE) == usable;
	if (size > usable || (old > QUARRY_KMALLOC_MAX_SIZE) != (size > QUARRY_KMALLOC_MAX_SIZE))
		return false;
	return h->kind == HEAP_KMALLOC || size * 2 >= usable;
}

static void heap_realloc(struct heap *h, const struct umt_event *ev)
{
	const struct heap_block *b = heap_ends(h, ev);
	uint64_t want = heap_wanted(ev), usable;
	struct heap_block old;
	void *ptr;

	if (b == NULL) {
		heap_born(h, ev, heap_take(h, want), want, heap_is_small(h, want));
		return;
	}
	old = *b;
	usable = h->result.class[old.class].size;
	if (old.size > HEAP_SMALL)
		usable = heap_usable(h, old.size);
	if (heap_stays(h, usable, want, old.size)) {
		h->result.in_place++;
		heap_born(h, ev, old.ptr, want, old.small);
		return;
	}
	ptr = heap_take(h, want);
	if (ptr != NULL) {
		h->result.moved++;
		h->result.moved_bytes += old.size < want ? old.size : want;
	}
	heap_give(h, old.ptr, old.size, old.small);
	heap_born(h, ev, ptr, want, heap_is_small(h, want));
}

/* ---- playing ---- */

static uint64_t heap_free_pages(struct heap *h)
{
	struct quarry_totals t;

	quarry_totals(h->q, &t);
	return t.free + t.pcp;
}

static void heap_sample(struct heap *h, uint64_t time_ns)
{
	struct heap_result *r = &h->result;
	struct heap_sample *s;

	if (r->nr_samples == HEAP_MAX_SAMPLES) {
		for (size_t i = 0; i < HEAP_MAX_SAMPLES / 2; i++)
			r->sample[i] = r->sample[2 * i + 1];
		r->nr_samples /= 2;
		h->every *= 2;
	}
	s = &r->sample[r->nr_samples++];
	s->event = r->events;
	s->time_ns = time_ns - r->first_ns;
	s->live_bytes = r->live_bytes;
	s->held_bytes = (h->base_pages - heap_free_pages(h)) * QUARRY_PAGE_SIZE;
	if (r->max_held_bytes < s->held_bytes)
		r->max_held_bytes = s->held_bytes;
	h->next_sample = r->events + h->every;
}

static void heap_set_cpu(struct heap *h, unsigned int cpu)
{
	if (h->cpu != cpu) {
		h->cpu = cpu;
		quarry_posix_set_cpu(cpu);
	}
}

/* The timer that would have fired on each CPU by now. */
static void heap_reap(struct heap *h, uint64_t time_ns)
{
	for (unsigned int cpu = 0; cpu < h->nr_cpus; cpu++) {
		heap_set_cpu(h, cpu);
		quarry_slab_reap(h->q, cpu);
	}
	h->reap_at = time_ns + HEAP_REAP_NS;
}

static void heap_event(struct heap *h, const struct umt_event *ev)
{
	uint64_t want;

	if (ev->time_ns >= h->reap_at)
		heap_reap(h, ev->time_ns);
	heap_set_cpu(h, (ev->thread > 0 ? ev->thread - 1u : 0) % h->nr_cpus);
	h->result.events++;
	h->result.ops[ev->op]++;
	switch (ev->op) {
	case UMT_FREE:
		heap_free(h, ev);
		break;
	case UMT_REALLOC:
		heap_realloc(h, ev);
		break;
	default:
		want = heap_wanted(ev);
		heap_born(h, ev, heap_take(h, want), want, heap_is_small(h, want));
		break;
	}
}

bool heap_play(struct heap *h, const struct umt_event *ev, size_t n)
{
	struct heap_result *r = &h->result;

	if (r->events == 0 && n > 0) {
		r->first_ns = ev[0].time_ns;
		h->reap_at = r->first_ns + HEAP_REAP_NS;
	}
	for (size_t i = 0; i < n && !r->full; i++) {
		if (i + HEAP_AHEAD < n && ev[i + HEAP_AHEAD].op == UMT_FREE)
			idmap_prefetch(&h->pages, ev[i + HEAP_AHEAD].block / HEAP_PAGE);
		heap_event(h, &ev[i]);
		r->last_ns = ev[i].time_ns;
		if (r->events >= h->next_sample)
			heap_sample(h, ev[i].time_ns);
	}
	return !r->full;
}

static int heap_smaller(const void *a, const void *b)
{
	const struct heap_class *x = a, *y = b;

	return x->size < y->size ? -1 : x->size > y->size;
}

void heap_finish(struct heap *h)
{
	struct heap_result *r = &h->result;

	if (r->events > 0)
		heap_sample(h, r->last_ns);
	if (r->nr_samples > 0)
		r->held_bytes = r->sample[r->nr_samples - 1].held_bytes;
	qsort(r->class, r->nr_classes, sizeof(r->class[0]), heap_smaller);
}

const struct heap_result *heap_result(const struct heap *h)
{
	return &h->result;
}

enum heap_kind heap_kind(const struct heap *h)
{
	return h->kind;
}

struct heap *heap_new(struct quarry *q, unsigned int nr_cpus, enum heap_kind kind)
{
	struct heap *h = xcalloc(1, sizeof(*h));

	h->q = q;
	h->nr_cpus = nr_cpus > 0 ? nr_cpus : 1;
	h->cpu = ~0u;
	h->kind = kind;
	h->every = h->next_sample = HEAP_FIRST_EVERY;
	h->result.digest = 0xcbf29ce484222325u;
	idmap_init(&h->pages);
	/* In memory before the first event. */
	h->cap_pages = HEAP_FIRST_PAGES;
	h->page = xmalloc(HEAP_FIRST_PAGES * sizeof(h->page[0]));
	memset(h->page, 0xff, HEAP_FIRST_PAGES * sizeof(h->page[0]));
	idmap_init(&h->classes);
	idmap_init(&h->caches);
	h->base_pages = heap_free_pages(h);
	return h;
}

void heap_delete(struct heap *h)
{
	idmap_free(&h->pages);
	idmap_free(&h->classes);
	idmap_free(&h->caches);
	free(h->page);
	free(h);
}
