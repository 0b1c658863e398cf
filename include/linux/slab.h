/* SPDX-License-Identifier: MIT */
/* Slab caches and kmalloc. The flags are those of quarry/slab.h. */
#ifndef _QUARRY_LINUX_SLAB_H
#define _QUARRY_LINUX_SLAB_H

#include <quarry/linux.h>

#include <linux/gfp.h>
#include <linux/types.h>

typedef uint32_t slab_flags_t;

#define ZERO_SIZE_PTR QUARRY_ZERO_SIZE_PTR
#define ZERO_OR_NULL_PTR(p) ((uintptr_t)(p) <= (uintptr_t)ZERO_SIZE_PTR)
#define KMALLOC_MAX_CACHE_SIZE QUARRY_KMALLOC_MAX_CACHE_SIZE
#define KMALLOC_MAX_SIZE QUARRY_KMALLOC_MAX_SIZE

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
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kmalloc(bytes, gfp);
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

static inline struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
						   unsigned int align, slab_flags_t flags,
						   void (*ctor)(void *))
{
	struct kmem_cache_args args = {.align = align, .ctor = ctor};

	return quarry_kmem_cache_create(quarry_linux(), name, size, flags, &args);
}

#define KMEM_CACHE(type, flags) \
	kmem_cache_create(#type, sizeof(struct type), _Alignof(struct type), (flags), NULL)

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

/* Objects taken: @nr or 0. */
static inline int kmem_cache_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t nr, void **p)
{
	return quarry_kmem_cache_alloc_bulk(quarry_linux(), s, gfp, nr, p) ? (int)nr : 0;
}

static inline void kmem_cache_free_bulk(struct kmem_cache *s, size_t nr, void **p)
{
	quarry_kmem_cache_free_bulk(quarry_linux(), s, nr, p);
}

#endif
