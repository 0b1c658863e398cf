/* SPDX-License-Identifier: MIT */
/* Who is measured with objects: caches and kmalloc of ours, and the allocators of Debian. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "bench.h"

enum peer_kind {
	PEER_CACHE,
	PEER_KMALLOC,
	PEER_GLIBC,
	PEER_MIMALLOC,
	PEER_JEMALLOC,
	PEER_TCMALLOC,
	PEER_KINDS
};

struct peer {
	enum peer_kind kind;
	struct quarry *q;
	struct kmem_cache *cache;
	size_t size;
	void *(*alloc)(size_t size);
	void (*free)(void *p);
	void (*trim)(void); /* gives unused memory back to the system; NULL: it has no such call */
};

/* For objects of @size bytes; ours on @q, with a cache of its own. False: not installed. */
bool peer_open(struct peer *p, enum peer_kind kind, struct quarry *q, size_t size);
void peer_close(struct peer *p);

/* The head of a table: @what, and the names of all. */
void peer_print_head(const char *what);
/* A row of @figure by kind, negative: none; and the best of the others over ours of kmalloc. */
void peer_print_row(size_t size, const char *what, const double figure[PEER_KINDS],
		    bool more_is_better);

static inline void *peer_alloc(const struct peer *p)
{
	void *o = p->kind == PEER_CACHE     ? quarry_kmem_cache_alloc(p->q, p->cache, GFP_KERNEL)
		  : p->kind == PEER_KMALLOC ? quarry_kmalloc(p->q, p->size, GFP_KERNEL)
					    : p->alloc(p->size);

	if (o == NULL)
		bench_die("out of objects");
	*(uint64_t *)o = 1;
	bench_use(o);
	return o;
}

static inline void peer_free(const struct peer *p, void *o)
{
	if (p->kind == PEER_CACHE)
		quarry_kmem_cache_free(p->q, p->cache, o);
	else if (p->kind == PEER_KMALLOC)
		quarry_kfree(p->q, o);
	else
		p->free(o);
}

#endif
