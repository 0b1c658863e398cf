/* SPDX-License-Identifier: MIT */
/* What ops_world.c and ops_layers.c share: a world as the interpreter of ops.h sees it. */
#ifndef TESTS_OPS_WORLD_H
#define TESTS_OPS_WORLD_H

#include <stdio.h>

#include "model_bootmem.h"
#include "model_buddy.h"
#include "ops_table.h"

#define BLOCK QUARRY_MEMORY_BLOCK_PAGES
#define SCALE_LARGE 64u /* bytes of the machine for one of the model of memblock */
#define LARGE_BLOCKS 4u /* memory blocks that the large machine has room for */
#define MAP_REGIONS 90u /* fewer than memblock's arrays hold */

#define SMALL_PFNS 1024u /* machines of so many frames are compared after each operation */

#define NR_PAGES 48u
#define NR_OBJECTS 64u
#define NR_CACHES 5u
#define NR_MOVABLE 24u
#define NR_RANGES 8u
#define NR_ISOLATED 4u
#define NR_BOOT 8u
#define NR_ZONES 16u
#define NR_ITEMS 16u
#define NR_POOLS 2u
#define NR_OUT 24u

/* Blocks that were taken together. */
struct blocks {
	struct page **page; /* NULL: empty */
	size_t n;
	unsigned int order, refs;
};

struct object {
	unsigned char *at; /* NULL: empty */
	size_t size;
	int cache; /* slot; -1: of kmalloc */
};

struct cache {
	struct kmem_cache *cache; /* NULL: empty */
	unsigned int kind, live;
};

/* Frames in a row. */
struct range {
	pfn_t start, end; /* equal: empty */
	bool cma;
};

enum frame { FRAME_NONE, FRAME_RESERVED, FRAME_OURS, FRAME_HALVES };

struct zone {
	int nid;
	enum quarry_zone_type type;
	struct quarry_zone_info info;
	struct model_buddy model;
	unsigned long managed, isolated, unaccepted;
};

/* Items of list_lru: by node those that are on its list, oldest first. */
struct lru {
	struct quarry_list_lru lru;
	struct list_head item[NR_ITEMS];
	int nid[NR_ITEMS]; /* -1: on none */
	unsigned int order[QUARRY_MAX_NODES][NR_ITEMS], nr[QUARRY_MAX_NODES];
	bool up;
	int how; /* of the walk that runs, what it is to show and how much it has */
	unsigned int show[64], nr_show, nr_shown;
	bool wrong;
};

struct pool {
	struct quarry_mempool *pool; /* NULL: empty */
	size_t size;
	unsigned int curr, nr_out;
	unsigned char *out[NR_OUT];
};

struct ops_world {
	struct machine m;
	struct owner owner;
	struct model_memblock *map;
	unsigned int scale;
	bool up, dead; /* dead: boot failed half-way */
	unsigned int nr_cpus, cpu;
	pfn_t end_pfn;
	unsigned char *frame; /* enum frame, by page frame */
	bool *poison;
	bool halves;  /* a page is half hotplug memory: it may be handed over, or not */
	bool mixed;   /* a pageblock has pages of two zones: types are not compared */
	bool sheaves; /* something may lie in one */
	bool armed;   /* a failure by will may come in this operation */
	bool refused; /* a request that may use all reserves was refused in it */
	gfp_t refused_gfp;
	unsigned int refused_order, reports, step;
	struct quarry_cma *cma;
	struct blocks pages[NR_PAGES];
	struct object object[NR_OBJECTS];
	struct cache cache[NR_CACHES];
	struct range range[NR_RANGES], isolated[NR_ISOLATED];
	struct quarry_range boot[NR_BOOT];
	/* ops_layers.c */
	struct model_bootmem *bootmem; /* NULL: memblock alone */
	struct quarry_range unaccepted;
	bool unaccepted_early; /* told before quarry_boot() */
	bool *accepted;        /* by page frame; NULL: nothing is unaccepted */
	bool twice;            /* something was accepted that was so already */
	struct lru lru;
	struct pool pool[NR_POOLS];
	struct quarry_mempolicy policy;
	uint64_t turn; /* the model's node of last time, of interleave */
	bool has_policy;
	char why[OPS_WHY];
};

#define OPS_BAD(w, ...) (snprintf((w)->why, sizeof((w)->why), __VA_ARGS__), false)

/* ---- ops_world.c ---- */
phys_addr_t ops_at(uint32_t units);
gfp_t ops_gfp(const struct ops_world *w, uint32_t arg);
bool ops_keep(struct ops_world *w, uint32_t slot, struct page *page, unsigned int order, gfp_t gfp);
bool ops_refuse(struct ops_world *w, gfp_t gfp, unsigned int order);
bool ops_map_is_full(const struct ops_world *w);

/* ---- ops_layers.c ---- */
bool op_bootmem(struct ops_world *w, const uint32_t *arg);
bool op_bmfree(struct ops_world *w, const uint32_t *arg);
bool op_bmreserve(struct ops_world *w, const uint32_t *arg);
bool op_bmalloc(struct ops_world *w, const uint32_t *arg);
bool op_unaccepted(struct ops_world *w, const uint32_t *arg);
bool op_accept(struct ops_world *w, const uint32_t *arg);
bool op_policy(struct ops_world *w, const uint32_t *arg);
bool op_mpalloc(struct ops_world *w, const uint32_t *arg);
bool op_lruadd(struct ops_world *w, const uint32_t *arg);
bool op_lrudel(struct ops_world *w, const uint32_t *arg);
bool op_lruwalk(struct ops_world *w, const uint32_t *arg);
bool op_mkpool(struct ops_world *w, const uint32_t *arg);
bool op_poolget(struct ops_world *w, const uint32_t *arg);
bool op_poolput(struct ops_world *w, const uint32_t *arg);
bool op_poolsize(struct ops_world *w, const uint32_t *arg);
bool op_rmpool(struct ops_world *w, const uint32_t *arg);
/* Before quarry_boot(): what it is to know of these layers. */
void layers_tell(struct ops_world *w, struct quarry_boot_params *p);
/* What bootmem hands over, of a page that memblock takes for @frame. */
enum frame layers_frame(const struct ops_world *w, pfn_t pfn, enum frame frame);
int layers_accept(void *ctx, phys_addr_t phys, phys_addr_t size);
bool layers_compare(struct ops_world *w);
bool layers_compare_bootmem(struct ops_world *w);
bool layers_end(struct ops_world *w);
void layers_delete(struct ops_world *w);

#endif
