/* SPDX-License-Identifier: MIT */
/*
 * Around kmalloc: resizing, copies, blocks of any size, private sets of classes, and objects put by.
 * Every pointer that these calls give, but for those of kvmalloc's family, goes back with quarry_kfree().
 *
 * Context of every call: any, as its gfp allows, unless it says otherwise.
 */
#ifndef QUARRY_KMEM_H
#define QUARRY_KMEM_H

#include <quarry/gfp.h>
#include <quarry/slab.h>
#include <quarry/types.h>

/* ---- arrays and resizing ---- */

/** quarry_kmalloc_array() - quarry_kmalloc() of @q with @gfp for @n elements of @size bytes; NULL if the
 * product overflows. */
QUARRY_MUST_CHECK void *quarry_kmalloc_array(struct quarry *q, size_t n, size_t size, gfp_t gfp);

/** quarry_kmalloc_array_node() - quarry_kmalloc_array() of @q with @n, @size and @gfp, from node @nid if
 * it has room. */
QUARRY_MUST_CHECK void *quarry_kmalloc_array_node(struct quarry *q, size_t n, size_t size,
						  gfp_t gfp, int nid);

/** quarry_krealloc_array() - quarry_krealloc() of @p of @q with @gfp to @n elements of @size bytes; NULL
 * if the product overflows, @p stays. */
QUARRY_MUST_CHECK void *quarry_krealloc_array(struct quarry *q, void *p, size_t n, size_t size,
					      gfp_t gfp);

/**
 * quarry_krealloc_node_align() - quarry_krealloc() that also minds place and alignment
 * @q:	   memory system
 * @p:	   block to be resized; NULL: a new one
 * @size:  bytes; 0 frees @p and gives QUARRY_ZERO_SIZE_PTR
 * @align: power of two, 0 for none; up to QUARRY_KMALLOC_MAX_SIZE
 * @gfp:   as for quarry_kmalloc(). With __GFP_ZERO, which every call for this block must have had, all
 *	   bytes that become usable are zero
 * @nid:   node that the block should lie on, if it has room; QUARRY_NO_NODE: any
 *
 * @p stays in place if it holds @size bytes, is aligned and lies on @nid. With __GFP_ZERO what is past
 * @size in it is cleared then, so that it is zero when the block grows again.
 *
 * Context: as quarry_kmalloc(). O(bytes copied or cleared).
 * Return:  the block; NULL: no memory, @align is no power of two, or @p is no allocation, which is
 *	    reported; @p stays as it was.
 */
QUARRY_MUST_CHECK void *quarry_krealloc_node_align(struct quarry *q, void *p, size_t size,
						   size_t align, gfp_t gfp, int nid);

/** quarry_kmalloc_track_caller() - quarry_kmalloc() of @q with @size and @gfp on behalf of @caller, an address
 * in the code that wants the block: where kmalloc has copies (quarry_boot_params.random_kmalloc_seed), it
 * says which. */
QUARRY_MUST_CHECK void *quarry_kmalloc_track_caller(struct quarry *q, size_t size, gfp_t gfp,
						    const void *caller);

/** quarry_kmalloc_node_track_caller() - quarry_kmalloc_track_caller() of @q with @size, @gfp and @caller,
 * from node @nid if it has room. */
QUARRY_MUST_CHECK void *quarry_kmalloc_node_track_caller(struct quarry *q, size_t size, gfp_t gfp,
							 int nid, const void *caller);

/** quarry_kmalloc_size_roundup() - bytes that quarry_kmalloc() of @q would really give for @size: all of
 * them may be used if asked for. 0 for 0; @size itself if it is too large to be had. Context: any. */
size_t quarry_kmalloc_size_roundup(struct quarry *q, size_t size);

/** quarry_kfree_sensitive() - clear all bytes of @p of @q, then quarry_kfree() it. NULL does nothing.
 * Context: any. */
void quarry_kfree_sensitive(struct quarry *q, void *p);

/* ---- copies ---- */

/** quarry_kmemdup() - copy of @size bytes at @src in a block of @q, with @gfp; NULL: no memory. */
QUARRY_MUST_CHECK void *quarry_kmemdup(struct quarry *q, const void *src, size_t size, gfp_t gfp);

/** quarry_kmemdup_array() - quarry_kmemdup() of @q with @gfp of @n elements of @size bytes at @src; NULL
 * also if the product overflows. */
QUARRY_MUST_CHECK void *quarry_kmemdup_array(struct quarry *q, const void *src, size_t n,
					     size_t size, gfp_t gfp);

/** quarry_kmemdup_nul() - copy of @size bytes at @src in a block of @q, with @gfp, and a zero byte after
 * them; NULL: no memory, or @src is NULL. */
QUARRY_MUST_CHECK char *quarry_kmemdup_nul(struct quarry *q, const char *src, size_t size,
					   gfp_t gfp);

/** quarry_kstrdup() - copy of the string @src in a block of @q, with @gfp; NULL: no memory, or @src is
 * NULL. */
QUARRY_MUST_CHECK char *quarry_kstrdup(struct quarry *q, const char *src, gfp_t gfp);

/** quarry_kstrndup() - copy of the string @src in a block of @q, with @gfp, cut after @max bytes; NULL:
 * no memory, or @src is NULL. */
QUARRY_MUST_CHECK char *quarry_kstrndup(struct quarry *q, const char *src, size_t max, gfp_t gfp);

/* ---- blocks of any size ---- */

/**
 * quarry_kvmalloc_node() - take @size bytes, however large
 * @q:	  memory system
 * @size: bytes
 * @gfp:  as for quarry_kmalloc()
 * @nid:  preferred node; QUARRY_NO_NODE: the CPU's
 *
 * Above a page, quarry_kmalloc() is tried without effort and without a warning. If it does not have the
 * block, or the size is above QUARRY_KMALLOC_MAX_SIZE, what stands here where Linux maps scattered pages
 * (vmalloc) is a contiguous range of just enough whole pages, cleared by moving movable pages out of it, of any
 * length (see quarry_alloc_contig_pages()): addresses are those of the direct map, so there is nothing to map.
 * Unlike vmalloc this can fail while enough pages are free, if unmovable ones lie between them.
 *
 * Context: as quarry_kmalloc(); the range only with __GFP_DIRECT_RECLAIM.
 * Return: the block, NULL: no memory. Give it back with quarry_kvfree().
 */
QUARRY_MUST_CHECK void *quarry_kvmalloc_node(struct quarry *q, size_t size, gfp_t gfp, int nid);

/** quarry_kvmalloc() - quarry_kvmalloc_node() of @q with @size and @gfp on the CPU's node. */
QUARRY_MUST_CHECK void *quarry_kvmalloc(struct quarry *q, size_t size, gfp_t gfp);

/** quarry_kvmalloc_array() - quarry_kvmalloc() of @q with @gfp for @n elements of @size bytes; NULL if the
 * product overflows. */
QUARRY_MUST_CHECK void *quarry_kvmalloc_array(struct quarry *q, size_t n, size_t size, gfp_t gfp);

/** quarry_kvrealloc() - quarry_krealloc() of @p, from kvmalloc's family of @q, to @size bytes with @gfp;
 * the result goes back with quarry_kvfree(). NULL: no memory, @p stays. */
QUARRY_MUST_CHECK void *quarry_kvrealloc(struct quarry *q, void *p, size_t size, gfp_t gfp);

/** quarry_kvfree() - give back @p of @q, from kvmalloc's or kmalloc's family; NULL does nothing. Context:
 * any for what kmalloc gave, else not interrupt. */
void quarry_kvfree(struct quarry *q, void *p);

/** quarry_kvfree_sensitive() - clear @size bytes at @p of @q, then quarry_kvfree() it. */
void quarry_kvfree_sensitive(struct quarry *q, void *p, size_t size);

/** quarry_is_vmalloc_addr() - whether @p of @q lies in a range that kvmalloc's family took since kmalloc
 * could not serve it. Context: any but interrupt. O(such ranges). */
bool quarry_is_vmalloc_addr(struct quarry *q, const void *p);

/**
 * quarry_check_object_size() - whether a copy to or from user space stays inside what it should
 * @q:	     memory system
 * @p:	     first byte, of an allocation that the caller has
 * @n:	     bytes; 0: nothing is copied, nothing is wrong
 * @to_user: whether they go to user space; else they come from there; for the report
 *
 * Of an object of a cache, all @n bytes must lie in its window: kmem_cache_args.useroffset and usersize; a cache without
 * has none. A block of kmalloc's is all window, as far as its class goes. A block of pages and a range of kvmalloc() end where they
 * end; single pages that are neighbours count as one. Of memory that Quarry does not know, and of boot's, nothing is
 * said. What is wrong is reported, once a call. Example: 8 bytes at 60 of kmalloc(64) do not.
 *
 * Context: any. Return: true; false: NULL, a free page, or outside.
 */
QUARRY_MUST_CHECK bool quarry_check_object_size(struct quarry *q, const void *p, size_t n,
						bool to_user);

/* ---- private sets of classes ---- */

struct quarry_kmem_buckets; /* a cache for each of kmalloc's classes, shared with nobody */

/**
 * quarry_kmem_buckets_create() - kmalloc's classes once more, for one user
 * @q:	   memory system, at QUARRY_STAGE_SLAB
 * @name:  copied; the caches are called by it and their class: "name-64"
 * @flags: SLAB_* of the caches; SLAB_NO_MERGE is added
 * @useroffset: first byte of each object that may be copied to user space
 * @usersize: how many of them may, as far as an object has them
 * @ctor:  as in struct kmem_cache_args
 *
 * What an attacker puts into blocks of a size that he chooses then never lies where others' blocks of that
 * size were. Context: not interrupt. Return: the set; NULL: no memory, or no room for its caches in
 * the table; nothing changed.
 */
QUARRY_MUST_CHECK struct quarry_kmem_buckets *quarry_kmem_buckets_create(
	struct quarry *q, const char *name, uint32_t flags, unsigned int useroffset,
	unsigned int usersize, void (*ctor)(void *object));

/** quarry_kmem_buckets_destroy() - give back the set @buckets of @q; NULL is allowed. Return: 0;
 * -QUARRY_EBUSY: a block is out, which is reported; nothing changed. Context: as
 * quarry_kmem_cache_destroy(). */
int quarry_kmem_buckets_destroy(struct quarry *q, struct quarry_kmem_buckets *buckets);

/** quarry_kmem_buckets_alloc() - quarry_kmalloc() of @q with @size and @gfp out of @buckets; back with
 * quarry_kfree(). Above QUARRY_KMALLOC_MAX_CACHE_SIZE whole pages. NULL: no memory. */
QUARRY_MUST_CHECK void *quarry_kmem_buckets_alloc(struct quarry *q,
						  struct quarry_kmem_buckets *buckets, size_t size,
						  gfp_t gfp);

/** quarry_kmem_buckets_valloc() - quarry_kvmalloc() of @q with @size and @gfp out of @buckets; back with
 * quarry_kvfree(). NULL: no memory. */
QUARRY_MUST_CHECK void *quarry_kmem_buckets_valloc(struct quarry *q,
						   struct quarry_kmem_buckets *buckets, size_t size,
						   gfp_t gfp);

/* ---- objects put by ---- */

struct slab_sheaf; /* objects of one cache, for one caller */

/**
 * quarry_kmem_cache_prefill_sheaf() - put objects by, which can then be taken without fail
 * @q:	   memory system
 * @cache: their cache
 * @gfp:   as for quarry_kmem_cache_alloc(), without __GFP_ZERO
 * @size:  how many; may be above the capacity of the cache's own sheaves
 *
 * For work that must not fail or wait half-way. The objects count as the caller's from now on. The sheaf
 * is for one user at a time. Context: as quarry_kmem_cache_alloc(). O(@size).
 * Return: the sheaf, with at least @size objects; NULL: no memory, nothing changed.
 */
QUARRY_MUST_CHECK struct slab_sheaf *quarry_kmem_cache_prefill_sheaf(struct quarry *q,
								     struct kmem_cache *cache,
								     gfp_t gfp, unsigned int size);

/** quarry_kmem_cache_refill_sheaf() - have at least @size objects of @cache of @q in the sheaf at @sheaf
 * again, with @gfp; a sheaf that is too small is replaced by a larger one. Return: 0; -QUARRY_ENOMEM: the sheaf
 * is as it was. */
QUARRY_MUST_CHECK int quarry_kmem_cache_refill_sheaf(struct quarry *q, struct kmem_cache *cache,
						     gfp_t gfp, struct slab_sheaf **sheaf,
						     unsigned int size);

/** quarry_kmem_cache_alloc_from_sheaf() - an object of @cache of @q out of @sheaf; @gfp: __GFP_ZERO clears
 * it, the rest does not matter. Back with quarry_kmem_cache_free(). NULL only if the sheaf is empty.
 * Context: any. */
QUARRY_MUST_CHECK void *quarry_kmem_cache_alloc_from_sheaf(struct quarry *q,
							   struct kmem_cache *cache, gfp_t gfp,
							   struct slab_sheaf *sheaf);

/** quarry_kmem_cache_sheaf_size() - objects in @sheaf. */
unsigned int quarry_kmem_cache_sheaf_size(const struct slab_sheaf *sheaf);

/** quarry_kmem_cache_return_sheaf() - give back @sheaf of @cache of @q with what is left in it; NULL is
 * allowed. Context: any. */
void quarry_kmem_cache_return_sheaf(struct quarry *q, struct kmem_cache *cache,
				    struct slab_sheaf *sheaf);

#endif
