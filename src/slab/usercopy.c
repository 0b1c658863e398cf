/* SPDX-License-Identifier: MIT */
/*
 * Copies to and from user space, looked at before they are made.
 *
 * Problem    How much is copied is often said by user space. Say whether the bytes lie in one allocation, and in that
 *            part of an object which its cache lets out.
 *
 * Terms      The window of an object is usersize bytes from useroffset on; of kmalloc's it is all, of a cache that
 *            named none nothing. Pages of a block, and of a range of kvmalloc(), are all window. So are single pages
 *            that are neighbours, as alloc_pages_exact() and contiguous ranges consist of these.
 *
 * Unknown    What the library does not manage, and what it never handed out: stacks, globals, boot's own memory. Of
 *            that nothing can be said, and the copy may be made.
 *
 * Locks      The caller has the object: its slab and its block stay. An arena's lock for a page, that of ranges.
 * Cost       For an object the way of kfree() and a division.
 */
#include "internal.h"

struct usercopy {
	uintptr_t addr;
	size_t nr_bytes;
	const char *way;
};

static bool usercopy_object(struct quarry *q, const struct kmem_cache *s, const struct slab *slab,
			    const struct usercopy *c)
{
	bool whole = (s->flags & SLAB_KMALLOC) != 0;
	size_t from = whole ? 0 : s->useroffset,
	       window = whole ? cache_object_size(s) : s->usersize;
	uintptr_t off = c->addr - slab->base;
	uint32_t all = slab_objects(s, slab);
	uint32_t number = c->addr < slab->base ? all : slab_object_index(s, off);
	size_t into = off - (uintptr_t)number * s->size;

	if (number >= all) {
		quarry_report(q, "usercopy: %s: %zu bytes %s user space at %p, in no object",
			      s->name, c->nr_bytes, c->way, (void *)c->addr);
		return false;
	}
	if (into >= from && into - from <= window && c->nr_bytes <= window - (into - from))
		return true;
	quarry_report(
		q,
		"usercopy: %s: %zu bytes %s user space at %p, %zu bytes into object %p, whose "
		"window is %zu bytes from %zu on",
		s->name, c->nr_bytes, c->way, (void *)c->addr, into, (void *)(c->addr - into),
		window, from);
	return false;
}

static bool usercopy_of_nothing(struct quarry *q, const struct usercopy *c)
{
	quarry_report(q, "usercopy: %zu bytes %s user space at %p, which is no allocation",
		      c->nr_bytes, c->way, (void *)c->addr);
	return false;
}

/* What begins at c->addr or contains it has @left bytes from there on. */
static bool usercopy_inside(struct quarry *q, const char *what, size_t left,
			    const struct usercopy *c)
{
	if (c->nr_bytes <= left)
		return true;
	quarry_report(q, "usercopy: %zu bytes %s user space at %p, %zu before the end of %s",
		      c->nr_bytes, c->way, (void *)c->addr, left, what);
	return false;
}

/* Whole pages, from c->addr on. */
static bool usercopy_pages(struct quarry *q, const struct usercopy *c)
{
	phys_addr_t phys = c->addr - q->direct_map, end = phys + c->nr_bytes;
	pfn_t pfn = phys >> QUARRY_PAGE_SHIFT;
	unsigned int order;

	for (; pfn << QUARRY_PAGE_SHIFT < end; pfn++) {
		phys_addr_t at = quarry_max(phys, pfn << QUARRY_PAGE_SHIFT);

		switch (quarry_pfn_state(q, pfn, &order)) {
		case QUARRY_PAGE_ALLOCATED:
		case QUARRY_PAGE_TAIL:
			if (order == 0)
				break;
			end = ((pfn >> order) + 1) << (QUARRY_PAGE_SHIFT + order);
			return usercopy_inside(q, "the pages", (size_t)(end - phys), c);
		case QUARRY_PAGE_RESERVED:
		case QUARRY_PAGE_OFFLINE:
			return true;
		default:
			return at == phys ? usercopy_of_nothing(q, c)
					  : usercopy_inside(q, "the pages", (size_t)(at - phys), c);
		}
	}
	return true;
}

static bool usercopy_check(struct quarry *q, const void *p, const struct usercopy *c)
{
	struct kmem_cache *s;
	unsigned int id;
	uint32_t index;
	size_t left;

	if (p == NULL || p == QUARRY_ZERO_SIZE_PTR)
		return usercopy_of_nothing(q, c);
	if (!usercopy_inside(q, "the address space", (size_t)(0 - c->addr), c))
		return false;
	if (page_slab_of(q, p, &id, &index)) {
		s = slab_cache(q->slabs, id);
		return s == NULL || usercopy_object(q, s, slab_record(q->slabs, index), c);
	}
	left = debug_guards(q) ? q->port.guard_size(q->port.ctx, p) : 0;
	if (left != 0)
		return usercopy_inside(q, "a guarded object", left, c);
	left = kv_range_left(q, p);
	if (left != 0)
		return usercopy_inside(q, "a range of kvmalloc()", left, c);
	return usercopy_pages(q, c);
}

bool quarry_check_object_size(struct quarry *q, const void *p, size_t n, bool to_user)
{
	struct usercopy copy = {(uintptr_t)p, n, to_user ? "to" : "from"};

	return n == 0 || q->slabs == NULL || usercopy_check(q, p, &copy);
}
