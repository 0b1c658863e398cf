/* SPDX-License-Identifier: MIT */
/*
 * The peers are loaded into the process, each under its own handle, so that all run in one go and none
 * replaces the C library's malloc().
 */
#include <dlfcn.h>
#include <malloc.h>

#include "peers.h"

static const struct peer_library {
	const char *name, *file, *alloc, *free;
} peer_libraries[PEER_KINDS] = {
	[PEER_CACHE] = {.name = "cache"},
	[PEER_KMALLOC] = {.name = "kmalloc"},
	[PEER_GLIBC] = {.name = "glibc"},
	[PEER_MIMALLOC] = {"mimalloc", "libmimalloc.so.2", "mi_malloc", "mi_free"},
	[PEER_JEMALLOC] = {"jemalloc", "libjemalloc.so.2", "malloc", "free"},
	[PEER_TCMALLOC] = {"tcmalloc", "libtcmalloc_minimal.so.4", "tc_malloc", "tc_free"},
};

static void *peer_handles[PEER_KINDS];

static void peer_trim_glibc(void)
{
	malloc_trim(0);
}

static void peer_trim_mimalloc(void)
{
	void (*collect)(bool force);

	*(void **)&collect = dlsym(peer_handles[PEER_MIMALLOC], "mi_collect");
	if (collect != NULL)
		collect(true);
}

static void peer_trim_jemalloc(void)
{
	int (*ctl)(const char *name, void *old, size_t *old_len, void *new, size_t new_len);

	*(void **)&ctl = dlsym(peer_handles[PEER_JEMALLOC], "mallctl");
	if (ctl == NULL)
		return;
	ctl("thread.tcache.flush", NULL, NULL, NULL, 0);
	ctl("arena.4096.purge", NULL, NULL, NULL, 0); /* MALLCTL_ARENAS_ALL */
}

static void peer_trim_tcmalloc(void)
{
	void (*release)(void);

	*(void **)&release =
		dlsym(peer_handles[PEER_TCMALLOC], "MallocExtension_ReleaseFreeMemory");
	if (release != NULL)
		release();
}

static bool peer_load(struct peer *p)
{
	static void (*const trims[PEER_KINDS])(void) = {NULL,
							NULL,
							peer_trim_glibc,
							peer_trim_mimalloc,
							peer_trim_jemalloc,
							peer_trim_tcmalloc};
	const struct peer_library *lib = &peer_libraries[p->kind];

	p->trim = trims[p->kind];
	if (p->kind == PEER_GLIBC) {
		p->alloc = malloc;
		p->free = free;
		return true;
	}
	if (peer_handles[p->kind] == NULL)
		peer_handles[p->kind] = dlopen(lib->file, RTLD_NOW | RTLD_LOCAL);
	if (peer_handles[p->kind] == NULL) {
		static bool told[PEER_KINDS];

		if (!told[p->kind])
			fprintf(stderr, "bench: %s\n", dlerror());
		told[p->kind] = true;
		return false;
	}
	*(void **)&p->alloc = dlsym(peer_handles[p->kind], lib->alloc);
	*(void **)&p->free = dlsym(peer_handles[p->kind], lib->free);
	return p->alloc != NULL && p->free != NULL;
}

bool peer_open(struct peer *p, enum peer_kind kind, struct quarry *q, size_t size)
{
	*p = (struct peer){.kind = kind, .q = q, .size = size};
	if (kind == PEER_CACHE) {
		p->cache = quarry_kmem_cache_create(q, "bench", (unsigned int)size, SLAB_NO_MERGE,
						    NULL);
		if (p->cache == NULL)
			bench_die("no cache");
	} else if (kind == PEER_KMALLOC) {
		p->cache = quarry_kmalloc_cache(q, size, GFP_KERNEL);
	} else {
		return peer_load(p);
	}
	return true;
}

void peer_close(struct peer *p)
{
	if (p->kind == PEER_CACHE && quarry_kmem_cache_destroy(p->q, p->cache) != 0)
		bench_die("the cache still has objects");
}

void peer_print_head(const char *what)
{
	printf("%s\n%6s  %-18s", what, "bytes", "");
	for (unsigned int k = 0; k < PEER_KINDS; k++)
		printf(" %8s", peer_libraries[k].name);
	printf(" %7s\n", "ratio");
}

void peer_print_row(size_t size, const char *what, const double figure[PEER_KINDS],
		    bool more_is_better)
{
	double best = -1, ours = figure[PEER_KMALLOC];

	printf("%6zu  %-18s", size, what);
	for (unsigned int k = 0; k < PEER_KINDS; k++) {
		double f = figure[k];

		if (f < 0)
			printf(" %8s", "-");
		else
			printf(" %8.1f", f);
		if (k >= PEER_GLIBC && f >= 0 &&
		    (best < 0 || (more_is_better ? f > best : f < best)))
			best = f;
	}
	if (best > 0 && ours > 0)
		printf(" %7.2f", more_is_better ? ours / best : best / ours);
	printf("\n");
	fflush(stdout);
}
