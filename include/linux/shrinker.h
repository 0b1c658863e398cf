/* SPDX-License-Identifier: MIT */
/* Caches that give objects back under memory pressure. */
#ifndef _QUARRY_LINUX_SHRINKER_H
#define _QUARRY_LINUX_SHRINKER_H

#include <quarry/linux.h>

#include <linux/types.h>

struct mem_cgroup;

struct shrink_control {
	gfp_t gfp_mask;
	int nid;
	unsigned long nr_to_scan;
	unsigned long nr_scanned;
	struct mem_cgroup *memcg; /* NULL */
};

#define SHRINK_STOP QUARRY_SHRINK_STOP
#define SHRINK_EMPTY QUARRY_SHRINK_EMPTY
#define DEFAULT_SEEKS QUARRY_DEFAULT_SEEKS
#define SHRINKER_NUMA_AWARE QUARRY_SHRINKER_NUMA_AWARE

struct shrinker {
	unsigned long (*count_objects)(struct shrinker *s, struct shrink_control *sc);
	unsigned long (*scan_objects)(struct shrinker *s, struct shrink_control *sc);
	long batch;
	int seeks;
	unsigned flags;
	void *private_data; /* 6.7 */
	/* the library's */
	struct quarry_shrinker own;
	unsigned long deferred[QUARRY_MAX_NODES];
	char name[32];
};

/* 0 or an error. The name is for reports. */
int register_shrinker(struct shrinker *shrinker, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));
void unregister_shrinker(struct shrinker *shrinker);

/* 6.7 */
struct shrinker *shrinker_alloc(unsigned int flags, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));
void shrinker_register(struct shrinker *shrinker);
void shrinker_free(struct shrinker *shrinker);

/* Asks all of them for all they can give. */
static inline void drop_slab(void)
{
	quarry_drop_slab(quarry_linux());
}

#endif
