/* SPDX-License-Identifier: MIT */
/*
 * Blocks of kmalloc that are resized or made as copies.
 *
 * Nobody knows what a caller asked for, only what it got: a block is resized in place while its class holds
 * the size. So under __GFP_ZERO everything past the size is cleared whenever a block is resized, and a
 * new one is cleared as a whole: what a block grows into is zero.
 */
#include "sheaf.h"

void *quarry_kmalloc_array(struct quarry *q, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return quarry_mul_overflows(n, size, &bytes)
		       ? NULL
		       : quarry_kmalloc_track_caller(q, bytes, gfp, QUARRY_RETURN_ADDRESS());
}

void *quarry_kmalloc_array_node(struct quarry *q, size_t n, size_t size, gfp_t gfp, int nid)
{
	size_t bytes;

	return quarry_mul_overflows(n, size, &bytes)
		       ? NULL
		       : quarry_kmalloc_node_track_caller(q, bytes, gfp, nid,
							  QUARRY_RETURN_ADDRESS());
}

/* A new block; classes that are powers of two, and pages, are aligned to their size. */
static void *realloc_new(struct quarry *q, size_t size, size_t align, gfp_t gfp, int nid,
			 const void *caller)
{
	if (align > SLAB_MIN_ALIGN) {
		size = quarry_max(size, align);
		if (size > QUARRY_KMALLOC_MAX_SIZE)
			return NULL;
		size = (size_t)1 << bits_fls(size - 1);
	}
	return nid == QUARRY_NO_NODE ? quarry_kmalloc_track_caller(q, size, gfp, caller)
				     : quarry_kmalloc_node_track_caller(q, size, gfp, nid, caller);
}

static bool realloc_fits(struct quarry *q, void *p, size_t align, int nid)
{
	return ((uintptr_t)p & (align - 1)) == 0 &&
	       (nid == QUARRY_NO_NODE || page_nid(q, quarry_virt_to_page(q, p)) == nid);
}

void *realloc_any(struct quarry *q, void *p, size_t size, size_t align, gfp_t gfp, int nid,
		  const void *caller)
{
	size_t old = quarry_ksize(q, p);
	void *new;

	align = quarry_max(align, (size_t)1);
	if (!bits_is_power_of_2(align))
		return NULL;
	if (size == 0) {
		quarry_kfree(q, p);
		return QUARRY_ZERO_SIZE_PTR;
	}
	if (nid < 0 || q->slabs == NULL || nid >= page_nr_nodes(q))
		nid = QUARRY_NO_NODE;
	if (old == 0) {
		if (p == NULL || p == QUARRY_ZERO_SIZE_PTR)
			return realloc_new(q, size, align, gfp, nid, caller);
		quarry_report(q, "krealloc of %p, which is no allocation", p);
		return NULL;
	}
	if (size <= old && realloc_fits(q, p, align, nid)) {
		if ((gfp & __GFP_ZERO) != 0 && !q->no_access)
			quarry_memset((char *)p + size, 0, old - size);
		return p;
	}
	if (old == QUARRY_PAGE_SIZE && kv_is_range(q, p)) {
		quarry_report(q, "krealloc of %p, which is a range of kvmalloc()", p);
		return NULL;
	}
	new = realloc_new(q, size, align, gfp, nid, caller);
	if (new == NULL)
		return NULL;
	if (!q->no_access)
		quarry_memcpy(new, p, quarry_min(old, size));
	quarry_kfree(q, p);
	return new;
}

void *quarry_krealloc_node_align(struct quarry *q, void *p, size_t size, size_t align, gfp_t gfp,
				 int nid)
{
	return realloc_any(q, p, size, align, gfp, nid, QUARRY_RETURN_ADDRESS());
}

void *quarry_krealloc(struct quarry *q, void *p, size_t size, gfp_t gfp)
{
	return realloc_any(q, p, size, 0, gfp, QUARRY_NO_NODE, QUARRY_RETURN_ADDRESS());
}

void *quarry_krealloc_array(struct quarry *q, void *p, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return quarry_mul_overflows(n, size, &bytes)
		       ? NULL
		       : realloc_any(q, p, bytes, 0, gfp, QUARRY_NO_NODE, QUARRY_RETURN_ADDRESS());
}

size_t quarry_kmalloc_size_roundup(struct quarry *q, size_t size)
{
	struct kmem_cache *s = quarry_kmalloc_cache(q, size, GFP_KERNEL);

	if (s != NULL)
		return cache_object_size(s);
	if (size == 0 || size > QUARRY_KMALLOC_MAX_SIZE)
		return size;
	return QUARRY_PAGE_SIZE << bits_get_order(size);
}

void quarry_kfree_sensitive(struct quarry *q, void *p)
{
	size_t size = quarry_ksize(q, p);

	if (size != 0 && !q->no_access)
		quarry_memset(p, 0, size);
	quarry_compiler_barrier();
	quarry_kfree(q, p);
}

/* ---- copies ---- */

static void *realloc_dup(struct quarry *q, const void *src, size_t size, gfp_t gfp,
			 const void *caller)
{
	void *p = quarry_kmalloc_track_caller(q, size, gfp, caller);

	if (p != NULL && size != 0 && !q->no_access)
		quarry_memcpy(p, src, size);
	return p;
}

void *quarry_kmemdup(struct quarry *q, const void *src, size_t size, gfp_t gfp)
{
	return realloc_dup(q, src, size, gfp, QUARRY_RETURN_ADDRESS());
}

void *quarry_kmemdup_array(struct quarry *q, const void *src, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return quarry_mul_overflows(n, size, &bytes)
		       ? NULL
		       : realloc_dup(q, src, bytes, gfp, QUARRY_RETURN_ADDRESS());
}

static char *realloc_dup_nul(struct quarry *q, const char *src, size_t size, gfp_t gfp,
			     const void *caller)
{
	char *p;

	if (src == NULL || size == SIZE_MAX)
		return NULL;
	p = quarry_kmalloc_track_caller(q, size + 1, gfp, caller);
	if (p != NULL && !q->no_access) {
		quarry_memcpy(p, src, size);
		p[size] = 0;
	}
	return p;
}

char *quarry_kmemdup_nul(struct quarry *q, const char *src, size_t size, gfp_t gfp)
{
	return realloc_dup_nul(q, src, size, gfp, QUARRY_RETURN_ADDRESS());
}

static size_t realloc_strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != 0)
		n++;
	return n;
}

static char *realloc_strndup(struct quarry *q, const char *src, size_t max, gfp_t gfp,
			     const void *caller)
{
	return src == NULL ? NULL : realloc_dup_nul(q, src, realloc_strnlen(src, max), gfp, caller);
}

char *quarry_kstrndup(struct quarry *q, const char *src, size_t max, gfp_t gfp)
{
	return realloc_strndup(q, src, max, gfp, QUARRY_RETURN_ADDRESS());
}

char *quarry_kstrdup(struct quarry *q, const char *src, gfp_t gfp)
{
	return realloc_strndup(q, src, SIZE_MAX, gfp, QUARRY_RETURN_ADDRESS());
}
