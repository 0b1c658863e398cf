/* SPDX-License-Identifier: MIT */
/*
 * Blocks of any size: kmalloc's, or else contiguous ranges of whole pages.
 *
 * Who frees a block does not say how long it is. kmalloc's tell it by their descriptors; the pages of a
 * range are blocks of order 0 each, so a range has a record: in a table by the hash of its address, under
 * a lock that nothing is called under. kmalloc gives no block of order 0, so a free of any of its blocks
 * need not look there.
 */
#include "sheaf.h"

#define KV_FIBONACCI 0x9e3779b97f4a7c15u

struct slab_kv_area {
	struct slab_kv_area *next;
	uintptr_t addr;
	size_t nr_pages;
};

static struct slab_kv_area **kv_bucket(struct quarry *q, uintptr_t addr)
{
	uint64_t hash = (uint64_t)(addr >> QUARRY_PAGE_SHIFT) * KV_FIBONACCI;

	return &q->slabs->kv[hash >> (64 - SLAB_KV_SHIFT)];
}

/* The area that begins at @addr, unlinked with @take; NULL: none does. */
static struct slab_kv_area *kv_find(struct quarry *q, uintptr_t addr, bool take)
{
	struct slab_kv_area **link, *area;
	quarry_pin_t pin;

	if (q->slabs == NULL || (addr & (QUARRY_PAGE_SIZE - 1)) != 0 ||
	    quarry_load_relaxed(&q->slabs->kv_areas) == 0)
		return NULL;
	pin = quarry_lock(q->concurrent, &q->slabs->kv_lock);
	link = kv_bucket(q, addr);
	while (*link != NULL && (*link)->addr != addr)
		link = &(*link)->next;
	area = *link;
	if (area != NULL && take) {
		*link = area->next;
		quarry_store_relaxed(&q->slabs->kv_areas, q->slabs->kv_areas - 1);
	}
	quarry_unlock(q->concurrent, &q->slabs->kv_lock, pin);
	return area;
}

/* Whether there is a table of buckets; made by the first who needs it. */
static bool kv_make_table(struct quarry *q)
{
	struct slab_layer *layer = q->slabs;
	struct slab_kv_area **kv;
	quarry_pin_t pin;

	if (quarry_load_relaxed(&layer->kv) != NULL)
		return true;
	kv = quarry_meta_alloc(q, SLAB_KV_BUCKETS * sizeof(kv[0]));
	if (kv == NULL)
		return false;
	pin = quarry_lock(q->concurrent, &layer->kv_lock);
	if (layer->kv == NULL) {
		quarry_store_relaxed(&layer->kv, kv);
		kv = NULL;
	}
	quarry_unlock(q->concurrent, &layer->kv_lock, pin);
	quarry_meta_free(q, kv); /* somebody was faster */
	return true;
}

static void *kv_alloc_range(struct quarry *q, size_t size, gfp_t gfp, int nid, const void *caller)
{
	size_t nr_pages = (size >> QUARRY_PAGE_SHIFT) + ((size & (QUARRY_PAGE_SIZE - 1)) != 0);
	struct slab_kv_area *area, **bucket;
	struct page *page;
	quarry_pin_t pin;

	if (!kv_make_table(q))
		return NULL;
	area = slab_side_alloc(q, sizeof(*area), gfp & ~__GFP_ZERO);
	if (area == NULL)
		return NULL;
	page = quarry_alloc_contig_pages(q, nr_pages, gfp & ~__GFP_NOFAIL, nid, NULL);
	if (page == NULL) {
		slab_side_free(q, area);
		return NULL;
	}
	area->addr = (uintptr_t)quarry_page_address(q, page);
	area->nr_pages = nr_pages;
	pin = quarry_lock(q->concurrent, &q->slabs->kv_lock);
	bucket = kv_bucket(q, area->addr);
	area->next = *bucket;
	*bucket = area;
	quarry_store_relaxed(&q->slabs->kv_areas, q->slabs->kv_areas + 1);
	quarry_unlock(q->concurrent, &q->slabs->kv_lock, pin);
	profile_block_alloc(q, quarry_page_address(q, page), nr_pages, caller);
	return quarry_page_address(q, page);
}

void *kv_alloc(struct quarry *q, size_t size, gfp_t gfp, int nid, const void *caller)
{
	gfp_t wish = gfp;
	void *p = NULL;

	if (q->slabs == NULL)
		return quarry_kmalloc_track_caller(q, size, gfp, caller);
	if (nid < 0 || nid >= page_nr_nodes(q))
		nid = QUARRY_NO_NODE;
	if (size > QUARRY_PAGE_SIZE) {
		wish = (gfp | __GFP_NOWARN) & ~__GFP_NOFAIL;
		if ((gfp & __GFP_RETRY_MAYFAIL) == 0)
			wish |= __GFP_NORETRY;
	}
	if (size <= QUARRY_KMALLOC_MAX_SIZE)
		p = quarry_kmalloc_node_track_caller(q, size, wish, nid, caller);
	if (p != NULL || size <= QUARRY_PAGE_SIZE || (gfp & __GFP_DIRECT_RECLAIM) == 0)
		return p;
	return kv_alloc_range(q, size, gfp, nid, caller);
}

void *quarry_kvmalloc_node(struct quarry *q, size_t size, gfp_t gfp, int nid)
{
	return kv_alloc(q, size, gfp, nid, QUARRY_RETURN_ADDRESS());
}

void *quarry_kvmalloc(struct quarry *q, size_t size, gfp_t gfp)
{
	return kv_alloc(q, size, gfp, QUARRY_NO_NODE, QUARRY_RETURN_ADDRESS());
}

void *quarry_kvmalloc_array(struct quarry *q, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return quarry_mul_overflows(n, size, &bytes)
		       ? NULL
		       : kv_alloc(q, bytes, gfp, QUARRY_NO_NODE, QUARRY_RETURN_ADDRESS());
}

void quarry_kvfree(struct quarry *q, void *p)
{
	struct slab_kv_area *area = kv_find(q, (uintptr_t)p, true);

	if (area == NULL) {
		quarry_kfree(q, p);
		return;
	}
	profile_block_free(q, p);
	quarry_free_contig_range(q, quarry_virt_to_phys(q, p) >> QUARRY_PAGE_SHIFT, area->nr_pages);
	slab_side_free(q, area);
}

void quarry_kvfree_sensitive(struct quarry *q, void *p, size_t size)
{
	if (p != NULL && p != QUARRY_ZERO_SIZE_PTR && !q->no_access)
		quarry_memset(p, 0, size);
	quarry_compiler_barrier();
	quarry_kvfree(q, p);
}

void *quarry_kvrealloc(struct quarry *q, void *p, size_t size, gfp_t gfp)
{
	struct slab_kv_area *area = kv_find(q, (uintptr_t)p, false);
	size_t old = area != NULL ? area->nr_pages << QUARRY_PAGE_SHIFT : quarry_ksize(q, p);
	const void *caller = QUARRY_RETURN_ADDRESS();
	void *new;

	if (old == 0 || (area == NULL && size <= QUARRY_PAGE_SIZE))
		return old == 0 && (p == NULL || p == QUARRY_ZERO_SIZE_PTR)
			       ? kv_alloc(q, size, gfp, QUARRY_NO_NODE, caller)
			       : realloc_any(q, p, size, 0, gfp, QUARRY_NO_NODE, caller);
	if (size == 0) {
		quarry_kvfree(q, p);
		return QUARRY_ZERO_SIZE_PTR;
	}
	if (size <= old) {
		if ((gfp & __GFP_ZERO) != 0 && !q->no_access)
			quarry_memset((char *)p + size, 0, old - size);
		return p;
	}
	new = kv_alloc(q, size, gfp, QUARRY_NO_NODE, caller);
	if (new == NULL)
		return NULL;
	if (!q->no_access)
		quarry_memcpy(new, p, old);
	quarry_kvfree(q, p);
	return new;
}

size_t kv_range_left(struct quarry *q, const void *p)
{
	const struct slab_kv_area *area;
	size_t left = 0, off, bytes;
	quarry_pin_t pin;
	unsigned int i;

	if (q->slabs == NULL || quarry_load_relaxed(&q->slabs->kv_areas) == 0)
		return 0;
	pin = quarry_lock(q->concurrent, &q->slabs->kv_lock);
	for (i = 0; i < SLAB_KV_BUCKETS && left == 0; i++) {
		for (area = q->slabs->kv[i]; area != NULL && left == 0; area = area->next) {
			off = (uintptr_t)p - area->addr;
			bytes = area->nr_pages << QUARRY_PAGE_SHIFT;
			left = off < bytes ? bytes - off : 0;
		}
	}
	quarry_unlock(q->concurrent, &q->slabs->kv_lock, pin);
	return left;
}

#if QUARRY_VALIDATORS
bool kv_is_sound(struct quarry *q)
{
	const struct slab_layer *layer = q->slabs;
	unsigned long left = layer->kv_areas;
	const struct slab_kv_area *area;

	for (unsigned int i = 0; layer->kv != NULL && i < SLAB_KV_BUCKETS; i++) {
		for (area = layer->kv[i]; area != NULL; area = area->next) {
			if (left-- == 0 || kv_bucket(q, area->addr) != &layer->kv[i])
				return false;
		}
	}
	return left == 0;
}
#endif

bool quarry_is_vmalloc_addr(struct quarry *q, const void *p)
{
	return kv_range_left(q, p) != 0;
}

/* ---- what belongs to callers' things and must be readable ---- */

void *slab_side_alloc(struct quarry *q, size_t size, gfp_t gfp)
{
	return q->no_access ? quarry_meta_alloc(q, size) : quarry_kmalloc(q, size, gfp);
}

void slab_side_free(struct quarry *q, void *p)
{
	if (q->no_access)
		quarry_meta_free(q, p);
	else
		quarry_kfree(q, p);
}
