/* SPDX-License-Identifier: MIT */
/* What Linux itself had during a recording: files that lie beside it. */
#ifndef CLI_LINUXFACTS_H
#define CLI_LINUXFACTS_H

#include <quarry/types.h>
#include <util.h>

/* A line of /proc/slabinfo. */
struct linuxfacts_cache {
	char *name;
	uint64_t active_objs, num_objs, objsize, objs_per_slab, pages_per_slab;
	uint64_t active_slabs, num_slabs;
};

#define LINUXFACTS_TYPES 6 /* migratetypes that pagetypeinfo may name, by Quarry's numbers */

/* What /proc/buddyinfo, pagetypeinfo and zoneinfo say of a zone. */
struct linuxfacts_zone {
	int nid;
	char name[16];
	uint64_t nr_free[QUARRY_NR_ORDERS];
	bool have_types; /* pagetypeinfo was there */
	uint64_t free_type[LINUXFACTS_TYPES][QUARRY_NR_ORDERS];
	uint64_t blocks[LINUXFACTS_TYPES]; /* pageblocks */
	uint64_t managed, pcp;             /* zoneinfo: pages; 0: not known */
};

struct linuxfacts_snapshot {
	bool there;
	bool start; /* it says of itself that it was taken before the recording */
	uint64_t number, mono_ns;
	struct linuxfacts_cache *caches;
	size_t nr_caches, cap_caches;
	struct linuxfacts_zone *zones;
	size_t nr_zones, cap_zones;
	/* while it is read */
	bool begun;
	struct linuxfacts_zone *at_zone; /* zoneinfo: the one that the lines are about */
	int8_t column[LINUXFACTS_TYPES]; /* pagetypeinfo: types of the columns; -1: unknown */
};

/* A line of NAME.caches.tsv: how a cache was made. */
struct linuxfacts_made {
	char *name;
	bool reclaim_account, cache_dma, destroy_by_rcu, hwcache_align;
};

struct linuxfacts {
	struct linuxfacts_snapshot first,
		last; /* not there: there is none; first: there is only one */
	struct linuxfacts_made *made;
	size_t nr_made, cap_made;
};

/*
 * Look for NAME.snap.txt, NAME.snap.txt.zst and NAME.caches.tsv beside @trace_path, which is NAME with
 * one or more endings, and read what is there. Damage gives a warning to @diag and what came before it.
 */
void linuxfacts_load(struct linuxfacts *f, const char *trace_path, struct diag *diag);
void linuxfacts_free(struct linuxfacts *f);

/* The file of that @ending beside recording @path: "a.d/x.kmt.zst" -> "a.d/x" and it. The caller's. */
char *linuxfacts_beside(const char *path, const char *ending);

/* Of the last snapshot: NULL if Linux had no such cache, or nothing is known. */
const struct linuxfacts_cache *linuxfacts_cache(const struct linuxfacts *f, const char *name);
/* The zone of a snapshot; NULL: not known. */
const struct linuxfacts_zone *linuxfacts_zone(const struct linuxfacts_snapshot *s, int nid,
					      const char *name);
const struct linuxfacts_made *linuxfacts_made(const struct linuxfacts *f, const char *name);

/* For tests: parse @len bytes of a snapshot file. */
void linuxfacts_parse_snapshots(struct linuxfacts *f, const char *file, const char *text,
				size_t len, struct diag *diag);

#endif
