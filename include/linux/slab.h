/* SPDX-License-Identifier: MIT */
/* Slab caches and kmalloc. The flags are those of quarry/slab.h. */
#ifndef _QUARRY_LINUX_SLAB_H
#define _QUARRY_LINUX_SLAB_H

#include <quarry/linux.h>

#include <linux/gfp.h>
#include <linux/types.h>

#include <stddef.h>

typedef uint32_t slab_flags_t;

struct quarry_list_lru;

#define ZERO_SIZE_PTR QUARRY_ZERO_SIZE_PTR
#define ZERO_OR_NULL_PTR(p) ((uintptr_t)(p) <= (uintptr_t)ZERO_SIZE_PTR)
#define ARCH_KMALLOC_MINALIGN 8
#define ARCH_SLAB_MINALIGN 8
#define KMALLOC_SHIFT_LOW 3
#define KMALLOC_MIN_SIZE (1 << KMALLOC_SHIFT_LOW)
#define KMALLOC_SHIFT_HIGH (QUARRY_PAGE_SHIFT + 1)
#define KMALLOC_SHIFT_MAX (QUARRY_PAGE_SHIFT + QUARRY_MAX_ORDER)
#define KMALLOC_MAX_CACHE_SIZE QUARRY_KMALLOC_MAX_CACHE_SIZE
#define KMALLOC_MAX_SIZE QUARRY_KMALLOC_MAX_SIZE

/* Flags that ask for nothing here. */
#define SLAB_TEMPORARY SLAB_RECLAIM_ACCOUNT
#define SLAB_MEM_SPREAD 0
#define SLAB_DEBUG_OBJECTS 0
#define SLAB_KASAN 0
#define SLAB_NO_USER_FLAGS 0
#define SLAB_SKIP_KFENCE 0

static inline bool slab_is_available(void)
{
	return quarry_stage(quarry_linux()) >= QUARRY_STAGE_SLAB;
}

static inline void *kmalloc(size_t size, gfp_t gfp)
{
	return quarry_kmalloc(quarry_linux(), size, gfp);
}

static inline void *kmalloc_node(size_t size, gfp_t gfp, int nid)
{
	return quarry_kmalloc_node(quarry_linux(), size, gfp, nid);
}

static inline void *kzalloc(size_t size, gfp_t gfp)
{
	return quarry_kzalloc(quarry_linux(), size, gfp);
}

static inline void *kzalloc_node(size_t size, gfp_t gfp, int nid)
{
	return quarry_kmalloc_node(quarry_linux(), size, gfp | __GFP_ZERO, nid);
}

static inline void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return quarry_kcalloc(quarry_linux(), n, size, gfp);
}

static inline void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return quarry_kmalloc_array(quarry_linux(), n, size, gfp);
}

static inline void *krealloc(const void *p, size_t size, gfp_t gfp)
{
	return quarry_krealloc(quarry_linux(), (void *)(uintptr_t)p, size, gfp);
}

static inline void kfree(const void *p)
{
	quarry_kfree(quarry_linux(), (void *)(uintptr_t)p);
}

static inline size_t ksize(const void *p)
{
	return quarry_ksize(quarry_linux(), p);
}

static inline void *kmalloc_array_node(size_t n, size_t size, gfp_t gfp, int nid)
{
	return quarry_kmalloc_array_node(quarry_linux(), n, size, gfp, nid);
}

static inline void *kcalloc_node(size_t n, size_t size, gfp_t gfp, int nid)
{
	return quarry_kmalloc_array_node(quarry_linux(), n, size, gfp | __GFP_ZERO, nid);
}

/* For whom the caller's caller is to answer, and where that is. */
#define kmalloc_track_caller(size, gfp) \
	quarry_kmalloc_track_caller(quarry_linux(), (size), (gfp), __builtin_return_address(0))
#define kmalloc_node_track_caller(size, gfp, nid)                              \
	quarry_kmalloc_node_track_caller(quarry_linux(), (size), (gfp), (nid), \
					 __builtin_return_address(0))

static inline void *krealloc_array(void *p, size_t n, size_t size, gfp_t gfp)
{
	return quarry_krealloc_array(quarry_linux(), p, n, size, gfp);
}

static inline void *krealloc_node_align(const void *p, size_t size, unsigned long align, gfp_t gfp,
					int nid)
{
	return quarry_krealloc_node_align(quarry_linux(), (void *)(uintptr_t)p, size, align, gfp,
					  nid);
}

/* 6.18: typed, checked for overflow. flex: with @count elements of the array @member behind. */
#define kmalloc_obj(type, gfp) ((type *)kmalloc(sizeof(type), (gfp)))
#define kzalloc_obj(type, gfp) ((type *)kzalloc(sizeof(type), (gfp)))
#define kmalloc_objs(type, count, gfp) ((type *)kmalloc_array((count), sizeof(type), (gfp)))
#define kzalloc_objs(type, count, gfp) ((type *)kcalloc((count), sizeof(type), (gfp)))
#define kmalloc_flex(type, member, count, gfp)                                                     \
	((type *)kmalloc(kmalloc_flex_size(sizeof(type), sizeof(((type *)0)->member[0]), (count)), \
			 (gfp)))

/* SIZE_MAX, which cannot be had, if it overflows. */
static inline size_t kmalloc_flex_size(size_t head, size_t element, size_t count)
{
	size_t bytes;

	if (__builtin_mul_overflow(element, count, &bytes) ||
	    __builtin_add_overflow(bytes, head, &bytes))
		return SIZE_MAX;
	return bytes;
}

static inline size_t kmalloc_size_roundup(size_t size)
{
	return quarry_kmalloc_size_roundup(quarry_linux(), size);
}

static inline void kfree_sensitive(const void *p)
{
	quarry_kfree_sensitive(quarry_linux(), (void *)(uintptr_t)p);
}

static inline void *kmemdup(const void *src, size_t len, gfp_t gfp)
{
	return quarry_kmemdup(quarry_linux(), src, len, gfp);
}

static inline void *kmemdup_array(const void *src, size_t count, size_t size, gfp_t gfp)
{
	return quarry_kmemdup_array(quarry_linux(), src, count, size, gfp);
}

static inline char *kmemdup_nul(const char *s, size_t len, gfp_t gfp)
{
	return quarry_kmemdup_nul(quarry_linux(), s, len, gfp);
}

static inline char *kstrdup(const char *s, gfp_t gfp)
{
	return quarry_kstrdup(quarry_linux(), s, gfp);
}

static inline char *kstrndup(const char *s, size_t max, gfp_t gfp)
{
	return quarry_kstrndup(quarry_linux(), s, max, gfp);
}

static inline void *kvmalloc(size_t size, gfp_t gfp)
{
	return quarry_kvmalloc(quarry_linux(), size, gfp);
}

static inline void *kvmalloc_node(size_t size, gfp_t gfp, int nid)
{
	return quarry_kvmalloc_node(quarry_linux(), size, gfp, nid);
}

static inline void *kvzalloc(size_t size, gfp_t gfp)
{
	return kvmalloc(size, gfp | __GFP_ZERO);
}

static inline void *kvzalloc_node(size_t size, gfp_t gfp, int nid)
{
	return kvmalloc_node(size, gfp | __GFP_ZERO, nid);
}

static inline void *kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return quarry_kvmalloc_array(quarry_linux(), n, size, gfp);
}

static inline void *kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return kvmalloc_array(n, size, gfp | __GFP_ZERO);
}

/* The form of 6.12; before it, the old size came second. */
static inline void *kvrealloc(const void *p, size_t size, gfp_t gfp)
{
	return quarry_kvrealloc(quarry_linux(), (void *)(uintptr_t)p, size, gfp);
}

static inline void kvfree(const void *p)
{
	quarry_kvfree(quarry_linux(), (void *)(uintptr_t)p);
}

static inline void kvfree_sensitive(const void *p, size_t len)
{
	quarry_kvfree_sensitive(quarry_linux(), (void *)(uintptr_t)p, len);
}

static inline struct kmem_cache *kmem_cache_create_ctor(const char *name, unsigned int size,
							unsigned int align, slab_flags_t flags,
							void (*ctor)(void *))
{
	struct kmem_cache_args args; /* no initialiser is without a warning in C and in C++ */

	__builtin_memset(&args, 0, sizeof(args));
	args.align = align;
	args.ctor = ctor;
	return quarry_kmem_cache_create(quarry_linux(), name, size, flags, &args);
}

static inline struct kmem_cache *kmem_cache_create_args(const char *name, unsigned int size,
							const struct kmem_cache_args *args,
							slab_flags_t flags)
{
	return quarry_kmem_cache_create(quarry_linux(), name, size, flags, args);
}

static inline struct kmem_cache *kmem_cache_create_usercopy(const char *name, unsigned int size,
							    unsigned int align, slab_flags_t flags,
							    unsigned int useroffset,
							    unsigned int usersize,
							    void (*ctor)(void *))
{
	struct kmem_cache_args args; /* no initialiser is without a warning in C and in C++ */

	__builtin_memset(&args, 0, sizeof(args));
	args.align = align;
	args.ctor = ctor;
	args.useroffset = useroffset;
	args.usersize = usersize;
	return quarry_kmem_cache_create(quarry_linux(), name, size, flags, &args);
}

/* (name, size, align, flags, ctor), or as since 6.12 (name, size, args, flags). */
#define KMEM_CACHE_CREATE_FORM(a, b, c, d, e, form, ...) form
#define kmem_cache_create(...)                                                              \
	KMEM_CACHE_CREATE_FORM(__VA_ARGS__, kmem_cache_create_ctor, kmem_cache_create_args, \
			       kmem_cache_create_args, 0)                                   \
	(__VA_ARGS__)

#define KMEM_CACHE(type, flags) \
	kmem_cache_create_ctor(#type, sizeof(struct type), _Alignof(struct type), (flags), NULL)
#define KMEM_CACHE_USERCOPY(type, flags, field)                                                \
	kmem_cache_create_usercopy(#type, sizeof(struct type), _Alignof(struct type), (flags), \
				   offsetof(struct type, field),                               \
				   sizeof(((struct type *)0)->field), NULL)

static inline void kmem_cache_destroy(struct kmem_cache *s)
{
	(void)quarry_kmem_cache_destroy(quarry_linux(), s);
}

static inline int kmem_cache_shrink(struct kmem_cache *s)
{
	return quarry_kmem_cache_shrink(quarry_linux(), s) != 0;
}

static inline void *kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp)
{
	return quarry_kmem_cache_alloc(quarry_linux(), s, gfp);
}

static inline void *kmem_cache_alloc_node(struct kmem_cache *s, gfp_t gfp, int nid)
{
	return quarry_kmem_cache_alloc_node(quarry_linux(), s, gfp, nid);
}

static inline void *kmem_cache_zalloc(struct kmem_cache *s, gfp_t gfp)
{
	return kmem_cache_alloc(s, gfp | __GFP_ZERO);
}

static inline void kmem_cache_free(struct kmem_cache *s, void *objp)
{
	quarry_kmem_cache_free(quarry_linux(), s, objp);
}

static inline void *kmem_cache_alloc_lru(struct kmem_cache *s, struct quarry_list_lru *lru,
					 gfp_t gfp)
{
	(void)lru; /* of a memory cgroup, in Linux */
	return kmem_cache_alloc(s, gfp);
}

static inline unsigned int kmem_cache_size(struct kmem_cache *s)
{
	struct quarry_cache_info info;

	quarry_kmem_cache_info(quarry_linux(), s, &info);
	return info.object_size;
}

/* Objects taken: @nr or 0. */
static inline int kmem_cache_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t nr, void **p)
{
	return quarry_kmem_cache_alloc_bulk(quarry_linux(), s, gfp, nr, p) ? (int)nr : 0;
}

/* Without a cache, of any that the objects come from. */
static inline void kmem_cache_free_bulk(struct kmem_cache *s, size_t nr, void **p)
{
	if (s != NULL) {
		quarry_kmem_cache_free_bulk(quarry_linux(), s, nr, p);
		return;
	}
	while (nr-- > 0)
		kfree(p[nr]);
}

static inline void kfree_bulk(size_t nr, void **p)
{
	kmem_cache_free_bulk(NULL, nr, p);
}

static inline struct slab_sheaf *kmem_cache_prefill_sheaf(struct kmem_cache *s, gfp_t gfp,
							  unsigned int size)
{
	return quarry_kmem_cache_prefill_sheaf(quarry_linux(), s, gfp, size);
}

static inline int kmem_cache_refill_sheaf(struct kmem_cache *s, gfp_t gfp,
					  struct slab_sheaf **sheafp, unsigned int size)
{
	return quarry_kmem_cache_refill_sheaf(quarry_linux(), s, gfp, sheafp, size);
}

static inline void kmem_cache_return_sheaf(struct kmem_cache *s, gfp_t gfp,
					   struct slab_sheaf *sheaf)
{
	(void)gfp;
	quarry_kmem_cache_return_sheaf(quarry_linux(), s, sheaf);
}

static inline void *kmem_cache_alloc_from_sheaf(struct kmem_cache *s, gfp_t gfp,
						struct slab_sheaf *sheaf)
{
	return quarry_kmem_cache_alloc_from_sheaf(quarry_linux(), s, gfp, sheaf);
}

static inline unsigned int kmem_cache_sheaf_size(struct slab_sheaf *sheaf)
{
	return quarry_kmem_cache_sheaf_size(sheaf);
}

typedef struct quarry_kmem_buckets kmem_buckets;

static inline kmem_buckets *kmem_buckets_create(const char *name, slab_flags_t flags,
						unsigned int useroffset, unsigned int usersize,
						void (*ctor)(void *))
{
	return quarry_kmem_buckets_create(quarry_linux(), name, flags, useroffset, usersize, ctor);
}

static inline void *kmem_buckets_alloc(kmem_buckets *b, size_t size, gfp_t gfp)
{
	return quarry_kmem_buckets_alloc(quarry_linux(), b, size, gfp);
}

static inline void *kmem_buckets_valloc(kmem_buckets *b, size_t size, gfp_t gfp)
{
	return quarry_kmem_buckets_valloc(quarry_linux(), b, size, gfp);
}

/*
 * 6.10: with this option in the sources that are to be counted, allocinfo has file, line and function of each call. Counted
 * is from quarry_slab_profiling() on. Calls that are not here answer by their address.
 */
#ifdef CONFIG_MEM_ALLOC_PROFILING
#define kmalloc(size, gfp) quarry_kmalloc_at(quarry_linux(), (size), (gfp), QUARRY_PAGE_SITE())
#define kzalloc(size, gfp) kmalloc((size), (gfp) | __GFP_ZERO)
#define kmalloc_array(n, size, gfp) kmalloc(kmalloc_flex_size(0, (size), (n)), (gfp))
#define kcalloc(n, size, gfp) kmalloc_array((n), (size), (gfp) | __GFP_ZERO)
#define kmem_cache_alloc(s, gfp) \
	quarry_kmem_cache_alloc_at(quarry_linux(), (s), (gfp), QUARRY_PAGE_SITE())
#define kmem_cache_zalloc(s, gfp) kmem_cache_alloc((s), (gfp) | __GFP_ZERO)
#endif

#endif
