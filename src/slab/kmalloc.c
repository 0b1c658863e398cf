/* SPDX-License-Identifier: MIT */
/*
 * kmalloc: caches by size class, whole pages above the largest.
 *
 * Classes are Linux 6.1's: powers of two from 8 bytes to two pages, and 96 and 192, each in four types
 * (normal, cgroup, reclaimable, DMA). A class number i means 2^i bytes; 1 is 96 and 2 is 192.
 *
 * Boot makes none of the caches. Those of the normal type come with the first request; of the others, 39 of 52, each
 * when it is first asked for; and all when somebody asks for the list of caches: so nobody sees that one was not
 * there. If there is no memory for one, the request gets pages.
 */
#include <base/format.h>

#include "sheaf.h"

#define KMALLOC_NAME 32u /* room for a name */

#define KMALLOC_NOT_NORMAL (__GFP_DMA | __GFP_RECLAIMABLE | __GFP_ACCOUNT)
#define KMALLOC_MAX_CLASS (QUARRY_PAGE_SHIFT + 1u)

static const struct kmalloc_class {
	uint32_t size;
	const char *name[SLAB_KMALLOC_ROWS];
} kmalloc_classes[] = {
#if QUARRY_TINY
#define KMALLOC_CLASS(size, n)       \
	{                            \
		size,                \
		{                    \
			"kmalloc-" n \
		}                    \
	}
#else
#define KMALLOC_CLASS(size, n)                                                            \
	{                                                                                 \
		size,                                                                     \
		{                                                                         \
			"kmalloc-" n, "kmalloc-cg-" n, "kmalloc-rcl-" n, "dma-kmalloc-" n \
		}                                                                         \
	}
#endif
	KMALLOC_CLASS(0, "0"),         KMALLOC_CLASS(96, "96"),   KMALLOC_CLASS(192, "192"),
	KMALLOC_CLASS(8, "8"),         KMALLOC_CLASS(16, "16"),   KMALLOC_CLASS(32, "32"),
	KMALLOC_CLASS(64, "64"),       KMALLOC_CLASS(128, "128"), KMALLOC_CLASS(256, "256"),
	KMALLOC_CLASS(512, "512"),     KMALLOC_CLASS(1024, "1k"), KMALLOC_CLASS(2048, "2k"),
	KMALLOC_CLASS(4096, "4k"),     KMALLOC_CLASS(8192, "8k"),
#if QUARRY_PAGE_SHIFT > 12
	KMALLOC_CLASS(16384, "16k"),
#endif
#if QUARRY_PAGE_SHIFT > 13
	KMALLOC_CLASS(32768, "32k"),
#endif
#if QUARRY_PAGE_SHIFT > 14
	KMALLOC_CLASS(65536, "64k"),
#endif
#if QUARRY_PAGE_SHIFT > 15
	KMALLOC_CLASS(131072, "128k"),
#endif
};

_Static_assert(QUARRY_ARRAY_SIZE(kmalloc_classes) == SLAB_KMALLOC_CLASSES, "a name for each class");

static const uint32_t kmalloc_flags[SLAB_KMALLOC_TYPES] = {
	0,
	SLAB_ACCOUNT,
	SLAB_RECLAIM_ACCOUNT,
	SLAB_CACHE_DMA,
};

#define KMALLOC_RANDOM_COPIES 15u /* beside the normal type; a power of two with it */
#define KMALLOC_RANDOM_SHIFT 4u
#define KMALLOC_FIBONACCI 0x9e3779b97f4a7c15u

static enum slab_kmalloc_type kmalloc_type(gfp_t gfp)
{
	if (SLAB_KMALLOC_ROWS == 1 || likely((gfp & KMALLOC_NOT_NORMAL) == 0))
		return SLAB_KMALLOC_NORMAL;
	if ((gfp & __GFP_DMA) != 0)
		return SLAB_KMALLOC_DMA;
	return (gfp & __GFP_RECLAIMABLE) != 0 ? SLAB_KMALLOC_RECLAIM : SLAB_KMALLOC_CGROUP;
}

/* Class of a size from 1 to QUARRY_KMALLOC_MAX_CACHE_SIZE. */
unsigned int kmalloc_class(size_t size)
{
	if (size > 64 && size <= 96)
		return 1;
	if (size > 128 && size <= 192)
		return 2;
	return size <= 8 ? 3 : bits_fls(size - 1);
}

const char *kmalloc_class_name(unsigned int class, uint32_t *size)
{
	*size = kmalloc_classes[class].size;
	return kmalloc_classes[class].name[SLAB_KMALLOC_NORMAL] + sizeof("kmalloc-") - 1;
}

/* @row: the type, or beyond those the copy: rows stand on the list of caches one after the other. */
static struct kmem_cache *kmalloc_create(struct quarry *q, const char *name, unsigned int type,
					 unsigned int class, unsigned int row)
{
	uint32_t size = kmalloc_classes[class].size;
	struct kmem_cache_args args = {0};

	if (bits_is_power_of_2(size))
		args.align = size;
	/* In a row they are in the order of powers, each odd size behind the next one above it. */
	return cache_create(q, name, size, SLAB_KMALLOC | kmalloc_flags[type], &args,
			    1 + row * 64 + (class <= 2 ? 2 * (class + 5) + 1 : 2 * class));
}

unsigned int kmalloc_class_after(unsigned int class)
{
	switch (class) { /* by size: 8 16 32 64 96 128 192 256 ... */
	case 0:
		return 3;
	case 6:
		return 1;
	case 1:
		return 7;
	case 7:
		return 2;
	case 2:
		return 8;
	default:
		return class < KMALLOC_MAX_CLASS ? class + 1 : 0;
	}
}

#if !QUARRY_TINY

/* "kmalloc-rnd-07-" and the class. */
static const char *kmalloc_random_name(char *buf, unsigned int copy, unsigned int class)
{
	uint32_t size;

	quarry_format(buf, KMALLOC_NAME, "kmalloc-rnd-%02u-%s", copy + 1,
		      kmalloc_class_name(class, &size));
	return buf;
}

static int kmalloc_init_random(struct quarry *q, uint64_t seed)
{
	struct slab_layer *layer = q->slabs;
	size_t row = sizeof(struct kmem_cache *) * SLAB_KMALLOC_CLASSES;
	unsigned int copy, class, n = 0;
	char *names;

	layer->random = slab_pool_alloc(
		q, (size_t)bits_align_up(KMALLOC_RANDOM_COPIES * row, SLAB_CACHE_LINE));
	names = slab_pool_alloc(q, KMALLOC_RANDOM_COPIES * SLAB_KMALLOC_CLASSES * KMALLOC_NAME);
	if (layer->random == NULL || names == NULL)
		return -QUARRY_ENOMEM;
	layer->random_seed = seed;
	layer->max_others -= KMALLOC_RANDOM_COPIES * (SLAB_KMALLOC_CLASSES - 1);
	for (copy = 0; copy < KMALLOC_RANDOM_COPIES; copy++) {
		for (class = kmalloc_class_after(0); class != 0;
		     class = kmalloc_class_after(class)) {
			const char *name =
				kmalloc_random_name(names + KMALLOC_NAME * n++, copy, class);

			layer->random[copy * SLAB_KMALLOC_CLASSES + class] = kmalloc_create(
				q, name, SLAB_KMALLOC_NORMAL, class, SLAB_KMALLOC_TYPES + copy);
			if (layer->random[copy * SLAB_KMALLOC_CLASSES + class] == NULL)
				return -QUARRY_ENOMEM;
		}
	}
	return 0;
}

#endif

/* kmalloc's cache of a class, made if there is none yet; NULL: no memory for it. */
static QUARRY_COLD struct kmem_cache *kmalloc_make(struct quarry *q, unsigned int type,
						   unsigned int class)
{
	struct kmem_cache **place = &q->slabs->kmalloc[type][class];
	struct kmem_cache *s = quarry_load_acquire(place);

	if (s != NULL)
		return s;
	/* All who come at once get the same one. */
	s = kmalloc_create(q, kmalloc_classes[class].name[type], type, class, type);
	if (s != NULL)
		quarry_store_release(place, s);
	return s;
}

#if !QUARRY_TINY

static bool kmalloc_make_row(struct quarry *q, unsigned int type)
{
	for (unsigned int class = kmalloc_class_after(0); class != 0;
	     class = kmalloc_class_after(class)) {
		if (kmalloc_make(q, type, class) == NULL)
			return false;
	}
	return true;
}

void kmalloc_make_all(struct quarry *q)
{
	kmalloc_open(q);
	for (unsigned int type = SLAB_KMALLOC_NORMAL; type < SLAB_KMALLOC_TYPES; type++) {
		if (!kmalloc_make_row(q, type))
			return;
	}
}

int kmalloc_init(struct quarry *q, uint64_t random_seed)
{
	if (random_seed == 0)
		return 0;
	return kmalloc_make_row(q, SLAB_KMALLOC_NORMAL) ? kmalloc_init_random(q, random_seed)
							: -QUARRY_ENOMEM;
}

static void kmalloc_make_short(struct quarry *q)
{
	struct kmem_cache *const *normal = q->slabs->kmalloc[SLAB_KMALLOC_NORMAL];
	size_t bytes = SLAB_BY_SIZE_SLOTS * sizeof(struct kmem_cache *);
	struct kmem_cache **by_size;

	if (!kmalloc_make_row(q, SLAB_KMALLOC_NORMAL))
		return;
	by_size = slab_pool_alloc(q, (size_t)bits_align_up(bytes, SLAB_CACHE_LINE));
	if (by_size == NULL)
		return;
	for (size_t i = 0; i < SLAB_BY_SIZE_SLOTS; i++)
		by_size[i] = normal[kmalloc_class(i < SLAB_BY_SIZE_FINE / 8
							  ? (i + 1) * 8
							  : (i + 1 - SLAB_BY_SIZE_BASE) * 256)];
	quarry_store_release(&q->kmalloc_short, by_size);
}

QUARRY_COLD void kmalloc_open(struct quarry *q)
{
	uint32_t nobody = 0;

	/* Copies of the normal type: there is no short way. And one CPU does it; others make what they need. */
	if (q->slabs == NULL || q->slabs->random != NULL ||
	    quarry_load_acquire(&q->kmalloc_short) != NULL ||
	    !quarry_cmpxchg(&q->slabs->opening, &nobody, 1u))
		return;
	if (q->kmalloc_short == NULL)
		kmalloc_make_short(q);
	quarry_store_release(&q->slabs->opening, 0u);
}

#endif

struct kmem_cache *quarry_kmalloc_cache(struct quarry *q, size_t size, gfp_t gfp)
{
	unsigned int type = kmalloc_type(gfp);
	struct kmem_cache *s;

	if (q->slabs == NULL || size == 0 || size > QUARRY_KMALLOC_MAX_CACHE_SIZE)
		return NULL;
	s = quarry_load_acquire(&q->slabs->kmalloc[type][kmalloc_class(size)]);
	return likely(s != NULL) ? s : kmalloc_make(q, type, kmalloc_class(size));
}

#if !QUARRY_TINY

/* The same for a request from @caller: with copies of the normal type, one of them. */
static struct kmem_cache *kmalloc_cache_for(struct quarry *q, size_t size, gfp_t gfp,
					    const void *caller)
{
	struct kmem_cache *s;
	unsigned int copy;

	kmalloc_open(q);
	s = quarry_kmalloc_cache(q, size, gfp);
	if (s == NULL || q->slabs->random == NULL || (gfp & KMALLOC_NOT_NORMAL) != 0)
		return s;
	copy = (unsigned int)((((uintptr_t)caller ^ q->slabs->random_seed) * KMALLOC_FIBONACCI) >>
			      (64 - KMALLOC_RANDOM_SHIFT));
	if (copy == KMALLOC_RANDOM_COPIES)
		return s;
	return q->slabs->random[copy * SLAB_KMALLOC_CLASSES + kmalloc_class(size)];
}

/* Whole pages came or went: they count with the slabs, as in Linux. */
static void kmalloc_count_large(struct quarry *q, const struct page *page, unsigned int order,
				int times)
{
	uint64_t *pages = &q->slabs->large_pages[quarry_page_nid(q, page)];

	quarry_fetch_add_relaxed(pages, (uint64_t)(int64_t)times << order);
}

#else

static void kmalloc_count_large(struct quarry *q, const struct page *page, unsigned int order,
				int times)
{
	(void)q;
	(void)page;
	(void)order;
	(void)times;
}

#endif

/* Sizes without a cache: none, too large, or pages. */
QUARRY_COLD void *kmalloc_odd(struct quarry *q, size_t size, gfp_t gfp, int nid)
{
	struct page *page;

	if (size == 0)
		return QUARRY_ZERO_SIZE_PTR;
	if (q->slabs == NULL || size > QUARRY_KMALLOC_MAX_SIZE)
		return NULL;
	if (nid < 0 || nid >= page_nr_nodes(q))
		nid = QUARRY_NO_NODE;
	page = quarry_alloc_pages_node(q, nid, gfp | __GFP_COMP, bits_get_order(size));
	if (page == NULL)
		return NULL;
	kmalloc_count_large(q, page, bits_get_order(size), 1);
	return quarry_page_address(q, page);
}

#if !QUARRY_TINY

QUARRY_COLD void *kmalloc_odd_for(struct quarry *q, size_t size, gfp_t gfp, int nid,
				  const void *caller)
{
	void *p = kmalloc_odd(q, size, gfp, nid);

	if (p != NULL && p != QUARRY_ZERO_SIZE_PTR)
		profile_block_alloc(q, p, (size_t)1 << bits_get_order(size), caller);
	return p;
}

#endif

#if !QUARRY_TINY

QUARRY_NOINLINE void *quarry_kmalloc_track_caller(struct quarry *q, size_t size, gfp_t gfp,
						  const void *caller)
{
	struct kmem_cache *s = kmalloc_cache_for(q, size, gfp, caller);

	if (s == NULL)
		return kmalloc_odd_for(q, size, gfp, QUARRY_NO_NODE, caller);
	return sheaf_alloc_for(q, s, gfp, caller);
}

/* The normal type here, with the test for clearing folded into that for the type. */
void *quarry_kmalloc(struct quarry *q, size_t size, gfp_t gfp)
{
	struct kmem_cache **by_size = quarry_load_acquire(&q->kmalloc_short);
	size_t slot = size - 1;

	if (unlikely(by_size == NULL || (gfp & (KMALLOC_NOT_NORMAL | __GFP_ZERO)) != 0))
		goto any;
	if (likely(slot < SLAB_BY_SIZE_FINE))
		slot /= 8;
	else if (likely(slot < QUARRY_KMALLOC_MAX_CACHE_SIZE))
		slot = SLAB_BY_SIZE_BASE + slot / 256;
	else
		goto any;
	return sheaf_alloc(q, by_size[slot], gfp & ~__GFP_ZERO);
any:
	return quarry_kmalloc_track_caller(q, size, gfp, QUARRY_RETURN_ADDRESS());
}

void *quarry_kmalloc_node_track_caller(struct quarry *q, size_t size, gfp_t gfp, int nid,
				       const void *caller)
{
	struct kmem_cache *s = kmalloc_cache_for(q, size, gfp, caller);

	if (s == NULL)
		return kmalloc_odd_for(q, size, gfp, nid, caller);
	return sheaf_alloc_node(q, s, gfp, nid, caller);
}

void *quarry_kmalloc_node(struct quarry *q, size_t size, gfp_t gfp, int nid)
{
	return quarry_kmalloc_node_track_caller(q, size, gfp, nid, QUARRY_RETURN_ADDRESS());
}

void *quarry_kzalloc(struct quarry *q, size_t size, gfp_t gfp)
{
	return quarry_kmalloc_track_caller(q, size, gfp | __GFP_ZERO, QUARRY_RETURN_ADDRESS());
}

void *quarry_kcalloc(struct quarry *q, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (quarry_mul_overflows(n, size, &bytes))
		return NULL;
	return quarry_kmalloc_track_caller(q, bytes, gfp | __GFP_ZERO, QUARRY_RETURN_ADDRESS());
}

#endif

/* What is no object of a cache: a large block, nothing, or damage. */
static QUARRY_NOINLINE void kmalloc_free_odd(struct quarry *q, void *p, const void *caller)
{
	struct kmem_cache *s;
	unsigned int order;
	struct page *page;
	pfn_t pfn;

	if (p == NULL || p == QUARRY_ZERO_SIZE_PTR)
		return;
	s = quarry_virt_to_cache(q, p);
	if (s != NULL) {
		sheaf_free_far(q, s, p, caller); /* of another arena, or it tells what is wrong */
		return;
	}
	if (debug_guard_free(q, p, caller))
		return;
	pfn = quarry_virt_to_phys(q, p) >> QUARRY_PAGE_SHIFT;
	if (q->slabs == NULL || (quarry_virt_to_phys(q, p) & (QUARRY_PAGE_SIZE - 1)) != 0 ||
	    quarry_pfn_state(q, pfn, &order) != QUARRY_PAGE_ALLOCATED) {
		quarry_report(q, "kfree of %p, which is no allocation", p);
		return;
	}
	if (order == 0 && kv_is_range(q, p)) {
		quarry_report(q, "kfree of %p, which is a range of kvmalloc()", p);
		return;
	}
	page = quarry_pfn_to_page(q, pfn);
	kmalloc_count_large(q, page, order, -1);
	profile_block_free(q, p);
	quarry_free_pages(q, page, order);
}

#if !QUARRY_TINY

void quarry_kfree(struct quarry *q, void *p)
{
	struct slab_layer *layer = q->slabs;
	const struct slab_span *near;
	struct kmem_cache *s;
	uintptr_t off, cpu;
	quarry_pin_t pin;
	unsigned int tag;

	if (unlikely(layer == NULL)) {
		kmalloc_free_odd(q, p, QUARRY_RETURN_ADDRESS());
		return;
	}
	pin = quarry_pin();
	cpu = quarry_cpu_times_64();
	near = &slab_cpu_hot_at(layer, cpu)->near;
	off = (uintptr_t)p - near->base;
	tag = sheaf_tag(near, off);
	if (unlikely((tag & PAGE_WORD_STATE_MASK) != PAGE_WORD_SLAB))
		goto odd;
	s = slab_cache_of_tag(layer, tag);
	if (unlikely(!sheaf_on_boundary(s, off)))
		goto odd;
	sheaf_push(s, slab_cpu_at(s, cpu), pin, p);
	return;
odd:
	quarry_unpin(pin);
	kmalloc_free_odd(q, p, QUARRY_RETURN_ADDRESS());
}

#else

void quarry_kfree(struct quarry *q, void *p)
{
	kmalloc_free_odd(q, p, NULL);
}

#endif

size_t quarry_ksize(struct quarry *q, const void *p)
{
	struct kmem_cache *s;
	unsigned int order;
	phys_addr_t phys;

	if (p == NULL || p == QUARRY_ZERO_SIZE_PTR || q->slabs == NULL)
		return 0;
	s = quarry_virt_to_cache(q, p);
	if (s != NULL)
		return cache_object_size(s);
	if (debug_guards(q) && q->port.guard_size(q->port.ctx, p) != 0)
		return q->port.guard_size(q->port.ctx, p);
	phys = quarry_virt_to_phys(q, p);
	if ((phys & (QUARRY_PAGE_SIZE - 1)) != 0 ||
	    quarry_pfn_state(q, phys >> QUARRY_PAGE_SHIFT, &order) != QUARRY_PAGE_ALLOCATED)
		return 0;
	return QUARRY_PAGE_SIZE << order;
}
