/* SPDX-License-Identifier: MIT */
/*
 * True accounting: at any quiet moment the texts of /proc say what is there. The other side of each
 * comparison is counted page by page through quarry_pfn_state(), or by a model that sees the requests
 * alone. Rows X5 (i)-(v), X5 (x), P5.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"
#include "procparse.h"
#include "text.h"

#define HOARD 600

/* Three zones on two nodes, a third node with CPUs alone; a hole. */
static const struct machine_spec nodes = {
	.memory = {{64 * MACHINE_KIB, 636 * MACHINE_KIB, 0},
		   {1 * MACHINE_MIB, 64 * MACHINE_MIB, 0},
		   {65 * MACHINE_MIB, 96 * MACHINE_MIB, 1},
		   {4096 * MACHINE_MIB, 4160 * MACHINE_MIB, 1}},
	.reserved = {{2 * MACHINE_MIB, 2 * MACHINE_MIB + 300 * MACHINE_KIB}},
	.boot = {.nr_cpus = 4, .nr_nodes = 3, .cpu_node = (const int[]){0, 1, 1, 2}},
};

static const int cpu_node[] = {0, 1, 1, 2};

struct block {
	struct page *page;
	unsigned int order;
};

/* What the requests alone tell, by node and zone. */
struct model {
	struct machine m;
	struct block hoard[HOARD];
	unsigned int held;
	uint64_t seed;
	struct quarry_numa_stat numa[3][QUARRY_NR_ZONES];
	uint64_t pgalloc[QUARRY_NR_ZONES], pgfree;
	struct procparse *p;
};

/* ---- texts ---- */

/* To be freed. */
static char *text_of(struct quarry *q, void (*show)(struct quarry *, const struct quarry_out *))
{
	static struct text t;
	struct quarry_out out = text_out(&t);

	show(q, &out);
	return strdup(t.s);
}

static void read_view(struct model *s, enum procparse_kind kind,
		      void (*show)(struct quarry *, const struct quarry_out *))
{
	char *text = text_of(s->m.q, show);

	if (!procparse(s->p, kind, text))
		fail_msg("%s", s->p->error);
	free(text);
}

static long long get(const struct model *s, int nid, const char *zone, const char *key, int column)
{
	long long v = procparse_get(s->p, nid, zone, key, column);

	if (v < 0)
		fail_msg("no number %s[%d] of node %d %s", key, column, nid, zone);
	return v;
}

/* ---- page by page ---- */

struct count {
	unsigned long free, pcp, owned, slab; /* pages */
	unsigned long blocks[QUARRY_NR_ORDERS];
	unsigned long of_type[QUARRY_MIGRATE_TYPES][QUARRY_NR_ORDERS];
};

static bool is_free(struct quarry *q, pfn_t pfn)
{
	return quarry_pfn_state(q, pfn, NULL) == QUARRY_PAGE_FREE;
}

/* Type of the pageblock that @pfn lies in. */
static unsigned int type_of(struct quarry *q, pfn_t pfn)
{
	const struct page_arena *a = memmap_arena(q->pages, pfn);

	return a->virgin ? a->type : a->pb[(pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER].type;
}

/* The largest order of an aligned free run that begins at @pfn and ends before @end. */
static unsigned int run_order(struct quarry *q, pfn_t pfn, pfn_t end)
{
	unsigned int order = 0;

	while (order < QUARRY_MAX_ORDER && (pfn & (((pfn_t)2 << order) - 1)) == 0 &&
	       pfn + ((pfn_t)2 << order) <= end) {
		for (pfn_t k = (pfn_t)1 << order; k < (pfn_t)2 << order; k++) {
			if (!is_free(q, pfn + k))
				return order;
		}
		order++;
	}
	return order;
}

/* Walks the zone as a textbook buddy system would hold it: maximal aligned free runs. */
static void count_zone(struct quarry *q, const struct quarry_zone_info *z, struct count *c)
{
	pfn_t end = z->start_pfn + z->spanned;

	memset(c, 0, sizeof(*c));
	for (pfn_t pfn = z->start_pfn; pfn < end;) {
		unsigned int order;

		switch (quarry_pfn_state(q, pfn, NULL)) {
		case QUARRY_PAGE_FREE:
			order = run_order(q, pfn, end);
			c->free += 1ul << order;
			c->blocks[order]++;
			c->of_type[type_of(q, pfn)][order]++;
			pfn += (pfn_t)1 << order;
			continue;
		case QUARRY_PAGE_PCP:
			c->pcp++;
			break;
		case QUARRY_PAGE_ALLOCATED:
		case QUARRY_PAGE_TAIL:
			c->owned++;
			break;
		case QUARRY_PAGE_SLAB:
			c->slab++;
			break;
		default:
			break;
		}
		pfn++;
	}
}

static void check_zone(struct model *s, int nid, enum quarry_zone_type zone, struct count *c)
{
	const char *name = quarry_zone_name(zone);
	struct quarry_zone_info z;
	long long count = 0;
	char key[32];

	if (!quarry_zone_info(s->m.q, nid, zone, &z))
		return;
	count_zone(s->m.q, &z, c);
	read_view(s, PROCPARSE_ZONEINFO, quarry_show_zoneinfo);
	/* X5 (i) */
	assert_int_equal(get(s, nid, name, "free", 0), c->free);
	assert_int_equal(get(s, nid, name, "nr_free_pages", 0), c->free);
	assert_int_equal(c->free, z.managed - c->owned - c->slab - c->pcp);
	for (int cpu = 0; cpu < 4; cpu++) {
		snprintf(key, sizeof(key), "cpu %d count", cpu);
		assert_int_equal(get(s, nid, name, key, 0),
				 quarry_pageset_count(s->m.q, nid, zone, (unsigned int)cpu));
		count += get(s, nid, name, key, 0);
	}
	assert_int_equal(count, c->pcp);
	/* X5 (ii), (iii): the blocks are the maximal aligned runs inside the zone. */
	read_view(s, PROCPARSE_BUDDYINFO, quarry_show_buddyinfo);
	for (int o = 0; o <= QUARRY_MAX_ORDER; o++)
		assert_int_equal(get(s, nid, name, "free blocks", o), c->blocks[o]);
	/* X5 (iv), (v), P5: by the type of their pageblock; the lists make up the area's count. */
	read_view(s, PROCPARSE_PAGETYPEINFO, quarry_show_pagetypeinfo);
	for (int o = 0; o <= QUARRY_MAX_ORDER; o++) {
		long long sum = 0;

		for (unsigned int t = 0; t < QUARRY_MIGRATE_TYPES; t++) {
			const char *type = quarry_migratetype_name((enum quarry_migratetype)t);

			if (t == QUARRY_MIGRATE_CMA)
				continue;
			assert_int_equal(get(s, nid, name, type, o), c->of_type[t][o]);
			sum += get(s, nid, name, type, o);
		}
		assert_int_equal(sum, c->blocks[o]);
	}
}

/* All views of a quiet machine against what was counted. */
static void check_views(struct model *s)
{
	unsigned long free = 0, pcp = 0, managed = 0;
	struct quarry_totals totals;
	struct count c;

	for (int nid = 0; nid < 3; nid++) {
		unsigned long node_free = 0;

		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			memset(&c, 0, sizeof(c));
			check_zone(s, nid, (enum quarry_zone_type)t, &c);
			node_free += c.free;
			pcp += c.pcp;
		}
		free += node_free;
	}
	quarry_totals(s->m.q, &totals);
	managed = totals.managed;
	read_view(s, PROCPARSE_MEMINFO, quarry_show_meminfo);
	assert_int_equal(get(s, -1, "", "MemFree", 0), free * 4);
	assert_int_equal(get(s, -1, "", "MemTotal", 0), managed * 4);
	read_view(s, PROCPARSE_SHOWMEM, quarry_show_mem);
	assert_int_equal(get(s, -1, "", "free", 0), free);
	assert_int_equal(get(s, -1, "", "free_pcp", 0), pcp);
	read_view(s, PROCPARSE_VMSTAT, quarry_show_vmstat);
	assert_int_equal(get(s, -1, "", "nr_free_pages", 0), free);
	/* What came and did not go is there. */
	assert_int_equal(get(s, -1, "", "pgfree", 0) - get(s, -1, "", "pgalloc_dma", 0) -
				 get(s, -1, "", "pgalloc_dma32", 0) -
				 get(s, -1, "", "pgalloc_normal", 0),
			 free + pcp);
}

/* ---- the model of counts ---- */

static void zone_of(struct quarry *q, pfn_t pfn, int *nid, unsigned int *zone)
{
	struct quarry_zone_info z;

	for (*nid = 0; *nid < 3; ++*nid) {
		for (*zone = 0; *zone < QUARRY_NR_ZONES; ++*zone) {
			if (quarry_zone_info(q, *nid, (enum quarry_zone_type) * zone, &z) &&
			    pfn >= z.start_pfn && pfn < z.start_pfn + z.spanned)
				return;
		}
	}
	fail_msg("pfn %llu is in no zone", (unsigned long long)pfn);
}

static unsigned int highest_zone(gfp_t gfp)
{
	return (gfp & __GFP_DMA) != 0     ? QUARRY_ZONE_DMA
	       : (gfp & __GFP_DMA32) != 0 ? QUARRY_ZONE_DMA32
					  : QUARRY_ZONE_NORMAL;
}

/* The zone that the request would like best. */
static void preferred(struct quarry *q, int nid, gfp_t gfp, uint64_t mask, int *pnid,
		      unsigned int *pzone)
{
	struct quarry_zoneref refs[16];
	unsigned int n = quarry_zonelist(q, nid, (gfp & __GFP_THISNODE) != 0, refs, 16);

	for (unsigned int i = 0; i < n; i++) {
		if (refs[i].zone <= highest_zone(gfp) && (mask >> refs[i].nid & 1) != 0) {
			*pnid = refs[i].nid;
			*pzone = refs[i].zone;
			return;
		}
	}
	fail_msg("no zone may serve");
}

static void model_alloc(struct model *s, unsigned int cpu, int nid, gfp_t gfp, uint64_t mask,
			struct page *page, unsigned int order)
{
	unsigned int zone, want_zone = 0;
	int got, want = 0;

	zone_of(s->m.q, quarry_page_to_pfn(s->m.q, page), &got, &zone);
	preferred(s->m.q, nid < 0 ? cpu_node[cpu] : nid, gfp, mask, &want, &want_zone);
	s->pgalloc[zone] += 1ull << order;
	if (got == want) {
		s->numa[got][zone].hit++;
	} else {
		s->numa[got][zone].miss++;
		s->numa[want][want_zone].foreign++;
	}
	if (got == cpu_node[cpu])
		s->numa[got][zone].local++;
	else
		s->numa[got][zone].other++;
}

static void step_alloc(struct model *s)
{
	static const gfp_t kinds[] = {GFP_KERNEL,           GFP_HIGHUSER_MOVABLE,
				      GFP_ATOMIC,           GFP_KERNEL | __GFP_RECLAIMABLE,
				      GFP_KERNEL | GFP_DMA, GFP_KERNEL | GFP_DMA32};
	uint64_t r = machine_random(&s->seed);
	unsigned int cpu = r & 3, order = (r >> 2) % 100 < 60 ? 0 : (unsigned int)(r >> 10) % 11;
	gfp_t gfp = kinds[(r >> 20) % 6] | ((r >> 26) % 8 == 0 ? __GFP_THISNODE : 0u);
	int nid = (int)(r >> 32) % 3 - 1;
	uint64_t mask = (r >> 36) % 4 == 0 ? 2 : ~(uint64_t)0;
	struct page *page;

	quarry_posix_set_cpu(cpu);
	if (mask != 2 && nid < 0)
		page = quarry_alloc_pages(s->m.q, gfp, order);
	else if (mask != 2)
		page = quarry_alloc_pages_node(s->m.q, nid, gfp, order);
	else
		page = quarry_alloc_pages_nodemask(s->m.q, gfp, order, nid, &mask);
	if (page == NULL)
		return;
	model_alloc(s, cpu, nid, gfp, mask, page, order);
	s->hoard[s->held++] = (struct block){page, order};
}

static void step_free(struct model *s)
{
	uint64_t r = machine_random(&s->seed);
	unsigned int i = (unsigned int)(r >> 8) % s->held;

	quarry_posix_set_cpu(r & 3);
	quarry_free_pages(s->m.q, s->hoard[i].page, s->hoard[i].order);
	s->pgfree += 1ull << s->hoard[i].order;
	s->hoard[i] = s->hoard[--s->held];
}

static void check_counts(struct model *s)
{
	struct quarry_numa_stat stat, sum = {0};
	uint64_t handed_over = s->m.q->pages->handed_over;

	for (int nid = 0; nid < 3; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			const struct quarry_numa_stat *want = &s->numa[nid][t];

			quarry_zone_numa(s->m.q, nid, (enum quarry_zone_type)t, &stat);
			if (memcmp(&stat, want, sizeof(stat)) != 0)
				fail_msg("node %d zone %u: hit %llu %llu miss %llu %llu foreign "
					 "%llu %llu local %llu %llu other %llu %llu",
					 nid, t, (unsigned long long)stat.hit,
					 (unsigned long long)want->hit,
					 (unsigned long long)stat.miss,
					 (unsigned long long)want->miss,
					 (unsigned long long)stat.foreign,
					 (unsigned long long)want->foreign,
					 (unsigned long long)stat.local,
					 (unsigned long long)want->local,
					 (unsigned long long)stat.other,
					 (unsigned long long)want->other);
			sum.hit += want->hit;
			sum.miss += want->miss;
			sum.foreign += want->foreign;
			sum.local += want->local;
			sum.other += want->other;
		}
	}
	read_view(s, PROCPARSE_VMSTAT, quarry_show_vmstat);
	assert_int_equal(get(s, -1, "", "numa_hit", 0), sum.hit);
	assert_int_equal(get(s, -1, "", "numa_miss", 0), sum.miss);
	assert_int_equal(get(s, -1, "", "numa_foreign", 0), sum.foreign);
	assert_int_equal(get(s, -1, "", "numa_local", 0), sum.local);
	assert_int_equal(get(s, -1, "", "numa_other", 0), sum.other);
	assert_int_equal(get(s, -1, "", "pgalloc_dma", 0), s->pgalloc[QUARRY_ZONE_DMA]);
	assert_int_equal(get(s, -1, "", "pgalloc_dma32", 0), s->pgalloc[QUARRY_ZONE_DMA32]);
	assert_int_equal(get(s, -1, "", "pgalloc_normal", 0), s->pgalloc[QUARRY_ZONE_NORMAL]);
	assert_int_equal(get(s, -1, "", "pgfree", 0), s->pgfree + handed_over);
}

static void model_begin(struct model *s, const struct machine_spec *spec, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->p = malloc(sizeof(*s->p));
	assert_non_null(s->p);
	s->seed = seed;
	machine_build(&s->m, spec);
}

static void model_end(struct model *s)
{
	quarry_posix_set_cpu(0);
	machine_fini(&s->m);
	free(s->p);
}

/* One step of a life that grows and shrinks by turns, and sometimes a look. */
static void step_and_look(struct model *s, unsigned int step)
{
	bool grow = (step / 600) % 2 == 0;
	bool alloc = machine_random(&s->seed) % 8 < (grow ? 6u : 2u);

	if (s->held == 0 || (alloc && s->held < HOARD))
		step_alloc(s);
	else
		step_free(s);
	if (step % 150 == 0)
		check_views(s);
	if (step % 150 == 0)
		check_counts(s);
	if (step % 50 == 0)
		machine_check(&s->m);
}

/* X5 (i)-(v): a random life, looked at again and again. */
static void x5_views_are_exact(void **state)
{
	struct model *s = malloc(sizeof(*s));

	(void)state;
	assert_non_null(s);
	for (uint64_t seed = 1; seed <= 3; seed++) {
		print_message("seed %llu\n", (unsigned long long)seed);
		model_begin(s, &nodes, seed);
		for (unsigned int step = 0; step < 2400; step++)
			step_and_look(s, step);
		while (s->held > 0)
			step_free(s);
		quarry_drain_all_pages(s->m.q);
		check_views(s);
		check_counts(s);
		model_end(s);
	}
	free(s);
}

/* The same where tables lie in the managed memory: they are taken from zones too. */
static void x5_tables_inside(void **state)
{
	static const struct machine_spec inside = {
		.memory = {{1 * MACHINE_MIB, 32 * MACHINE_MIB, 0}},
		.port = MACHINE_INSIDE,
		.ram_bytes = 32 << 20,
		.boot = {.nr_cpus = 2},
	};
	struct model *s = malloc(sizeof(*s));
	struct quarry_totals t;
	void *p[64];

	(void)state;
	assert_non_null(s);
	model_begin(s, &inside, 1);
	for (int i = 0; i < 64; i++)
		p[i] = quarry_kmalloc(s->m.q, (size_t)64 << i % 8, GFP_KERNEL);
	quarry_totals(s->m.q, &t);
	read_view(s, PROCPARSE_VMSTAT, quarry_show_vmstat);
	assert_int_equal(get(s, -1, "", "pgfree", 0) - get(s, -1, "", "pgalloc_dma", 0) -
				 get(s, -1, "", "pgalloc_dma32", 0),
			 t.free + t.pcp + s->m.q->pages->carved);
	machine_check(&s->m);
	for (int i = 0; i < 64; i++)
		quarry_kfree(s->m.q, p[i]);
	model_end(s);
	free(s);
}

/* Whole pages of kmalloc() are unreclaimable slab, as in Linux. */
static void large_blocks_count_as_slab(struct quarry *q)
{
	unsigned long r, before, u;
	void *p;

	for (int nid = 0; nid < 2; nid++) {
		quarry_slab_pages(q, nid, &r, &before);
		p = quarry_kmalloc_node(q, 100000, GFP_KERNEL | __GFP_THISNODE, nid);
		assert_non_null(p);
		quarry_slab_pages(q, nid, &r, &u);
		assert_int_equal(u, before + 32);
		quarry_kfree(q, p);
		quarry_slab_pages(q, nid, &r, &u);
		assert_int_equal(u, before);
	}
}

static void show_node_meminfo(struct quarry *q, const struct quarry_out *out)
{
	for (int nid = 0; nid < 2; nid++)
		quarry_show_node_meminfo(q, nid, out);
}

static void show_node1_vmstat(struct quarry *q, const struct quarry_out *out)
{
	quarry_show_node_vmstat(q, 1, out);
}

/* What vmstat, meminfo and SysRq-m say of slabs and of all pages, the machine's and each node's. */
static void slab_pages_in_texts(struct model *s)
{
	unsigned long r[2], u[2], present = 0, managed = 0, low = 0, k = QUARRY_PAGE_SIZE / 1024;
	char line[80], *text = text_of(s->m.q, show_node1_vmstat);
	struct quarry_totals totals;
	long long available;

	for (int nid = 0; nid < 2; nid++)
		quarry_slab_pages(s->m.q, nid, &r[nid], &u[nid]);
	snprintf(line, sizeof(line), "nr_slab_reclaimable %lu\nnr_slab_unreclaimable %lu\n", r[1],
		 u[1]);
	assert_non_null(strstr(text, line));
	free(text);
	read_view(s, PROCPARSE_VMSTAT, quarry_show_vmstat);
	assert_int_equal(get(s, -1, "", "nr_slab_reclaimable", 0), r[0] + r[1]);
	assert_int_equal(get(s, -1, "", "nr_slab_unreclaimable", 0), u[0] + u[1]);
	read_view(s, PROCPARSE_NODE_MEMINFO, show_node_meminfo);
	for (int nid = 0; nid < 2; nid++) {
		assert_int_equal(get(s, nid, "", "SReclaimable", 0), r[nid] * k);
		assert_int_equal(get(s, nid, "", "SUnreclaim", 0), u[nid] * k);
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			struct quarry_zone_info z;

			if (!quarry_zone_info(s->m.q, nid, (enum quarry_zone_type)t, &z))
				continue;
			present += z.present;
			managed += z.managed;
			low += z.wmark[QUARRY_WMARK_LOW];
		}
	}
	read_view(s, PROCPARSE_MEMINFO, quarry_show_meminfo);
	assert_int_equal(get(s, -1, "", "SReclaimable", 0), (r[0] + r[1]) * k);
	assert_int_equal(get(s, -1, "", "SUnreclaim", 0), (u[0] + u[1]) * k);
	assert_int_equal(get(s, -1, "", "Slab", 0), (r[0] + r[1] + u[0] + u[1]) * k);
	quarry_totals(s->m.q, &totals);
	available = get(s, -1, "", "MemFree", 0) / (long long)k + (long long)(r[0] + r[1]) -
		    (long long)((r[0] + r[1]) / 2 < low ? (r[0] + r[1]) / 2 : low);
	assert_int_equal(get(s, -1, "", "MemAvailable", 0) / (long long)k,
			 available - (long long)totals.totalreserve);
	read_view(s, PROCPARSE_SHOWMEM, quarry_show_mem);
	assert_int_equal(get(s, -1, "", "slab_reclaimable", 0), r[0] + r[1]);
	assert_int_equal(get(s, -1, "", "slab_unreclaimable", 0), u[0] + u[1]);
	assert_int_equal(get(s, -1, "", " pages RAM\n", 0), present);
	assert_int_equal(get(s, -1, "", " pages reserved\n", 0), present - managed);
}

/* nr_slab_reclaimable and nr_slab_unreclaimable against the pages' descriptors. */
static void slab_pages_by_node(void **state)
{
	struct model *s = malloc(sizeof(*s));
	struct kmem_cache *cache;
	struct count c;
	unsigned long r, u;
	void *object[300];

	(void)state;
	assert_non_null(s);
	model_begin(s, &nodes, 1);
	cache = quarry_kmem_cache_create(s->m.q, "inodes", 600, SLAB_RECLAIM_ACCOUNT, NULL);
	assert_non_null(cache);
	for (int i = 0; i < 300; i++) {
		quarry_posix_set_cpu(i % 3 == 0 ? 0 : 1);
		object[i] = i % 2 != 0 ? quarry_kmem_cache_alloc(s->m.q, cache, GFP_KERNEL)
				       : quarry_kmalloc(s->m.q, 500, GFP_KERNEL);
		assert_non_null(object[i]);
	}
	for (int nid = 0; nid < 3; nid++) {
		struct quarry_zone_info z;
		unsigned long slab = 0;

		quarry_slab_pages(s->m.q, nid, &r, &u);
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			if (quarry_zone_info(s->m.q, nid, (enum quarry_zone_type)t, &z)) {
				count_zone(s->m.q, &z, &c);
				slab += c.slab;
			}
		}
		assert_int_equal(r + u, slab);
		assert_int_equal(r != 0, nid < 2);
		assert_int_equal(u != 0, nid < 2);
	}
	slab_pages_in_texts(s);
	quarry_slab_pages(s->m.q, 7, &r, &u);
	assert_int_equal(r + u, 0);
	large_blocks_count_as_slab(s->m.q);
	for (int i = 0; i < 300; i++)
		quarry_kfree(s->m.q, object[i]);
	assert_int_equal(quarry_kmem_cache_destroy(s->m.q, cache), 0);
	model_end(s);
	free(s);
}

static unsigned long bootmem_bits(struct quarry *q)
{
	const bootmem_data_t *b = &q->bootmem.bootmem_node_data[0];
	const unsigned char *map = (const unsigned char *)b->node_bootmem_map;
	unsigned long set = 0;

	for (pfn_t i = 0; i < b->node_low_pfn - b->node_min_pfn; i++)
		set += (unsigned int)map[i / 8] >> (i % 8) & 1u;
	return set;
}

/* X5 (x): bits of the map are set for what was handed out and what is reserved, and for nothing else. */
static void x5_bootmem_bits(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 64 * MACHINE_MIB, 0}},
		.port = MACHINE_INSIDE,
		.ram_bytes = 64 << 20,
		.boot = {.bootmem = true},
	};
	unsigned long expected;
	struct machine m;
	void *p[20];

	(void)state;
	machine_init(&m, &spec);
	expected = bootmem_bits(m.q);
	for (size_t i = 0; i < 20; i++) {
		p[i] = quarry_alloc_bootmem_pages_nopanic(m.q, QUARRY_PAGE_SIZE * (i + 1));
		assert_non_null(p[i]);
		expected += i + 1;
		assert_int_equal(bootmem_bits(m.q), expected);
		assert_int_equal(quarry_check_bootmem(m.q, NULL), 0);
	}
	assert_int_equal(quarry_reserve_bootmem(m.q, 40 << 20, 3 << 20, BOOTMEM_EXCLUSIVE), 0);
	expected += 768;
	assert_int_equal(bootmem_bits(m.q), expected);
	for (size_t i = 0; i < 20; i += 2) {
		quarry_free_bootmem(m.q, quarry_physical(m.q, p[i]), QUARRY_PAGE_SIZE * (i + 1));
		expected -= i + 1;
		assert_int_equal(bootmem_bits(m.q), expected);
	}
	machine_fini(&m);
}

/* A page given by a reservation later counts as freed, as Linux counts it. */
static void released_pages_count(void **state)
{
	struct model *s = malloc(sizeof(*s));
	uint64_t before;

	(void)state;
	assert_non_null(s);
	model_begin(s, &nodes, 1);
	before = quarry_pgfree(s->m.q);
	assert_int_equal(quarry_free_reserved(s->m.q, 512, 512 + 75), 75);
	assert_int_equal(quarry_pgfree(s->m.q), before + 75);
	check_views(s);
	model_end(s);
	free(s);
}

/* Where zonelists are built anew, what was counted stays. */
static void numa_counts_outlive_zonelists(void **state)
{
	struct model *s = malloc(sizeof(*s));
	struct page_zonelist *list;

	(void)state;
	assert_non_null(s);
	model_begin(s, &nodes, 5);
	for (unsigned int step = 0; step < 400; step++)
		step_alloc(s);
	check_counts(s);
	event_homes_leave(s->m.q);
	/* Node 2 has CPUs alone: turn its list round. */
	list = (struct page_zonelist *)(uintptr_t)zonelist_of(&s->m.q->pages->node[2], false);
	for (unsigned int i = 0, j = list->nr - 1u; i < j; i++, j--) {
		struct page_zone *z = list->zone[i];

		list->zone[i] = list->zone[j];
		list->zone[j] = z;
	}
	event_homes_enter(s->m.q);
	check_counts(s);
	while (s->held > 0)
		step_free(s);
	model_end(s);
	free(s);
}

/* CPUs have nothing of their own while there is no memory for it: all is served and counted as ever. */
static void x5_cpus_without_tables(void **state)
{
	struct machine_spec spec = nodes;
	struct model *s = malloc(sizeof(*s));

	(void)state;
	assert_non_null(s);
	spec.port = MACHINE_COUNTED;
	spec.budget = -1;
	model_begin(s, &spec, 4);
	s->m.refuse_below = 16 * MACHINE_KIB;
	for (unsigned int step = 0; step < 1600; step++) {
		if (step == 600) { /* CPU 1 finds memory, much later all of them do */
			quarry_posix_set_cpu(1);
			s->m.refuse_below = 0;
			cpu_make(s->m.q);
			s->m.refuse_below = 16 * MACHINE_KIB;
		} else if (step == 1200) {
			s->m.refuse_below = 0;
		}
		step_and_look(s, step);
		for (unsigned int cpu = 0; cpu < 4 && step < 1200; cpu++)
			assert_true((page_cpu_of(s->m.q->pages, cpu) != NULL) ==
				    (cpu == 1 && step >= 600));
	}
	assert_true(s->m.tables_refused > 0);
	for (unsigned int cpu = 0; cpu < 4; cpu++)
		assert_non_null(page_cpu_of(s->m.q->pages, cpu));
	while (s->held > 0)
		step_free(s);
	quarry_drain_all_pages(s->m.q);
	check_views(s);
	check_counts(s);
	model_end(s);
	free(s);
}

/* Out of range is nothing; Linux's thresholds by its formula. */
static void questions_out_of_range(void **state)
{
	struct quarry_numa_stat stat;
	struct machine m;

	(void)state;
	machine_build(&m, &nodes);
	assert_false(quarry_zone_numa(m.q, 3, QUARRY_ZONE_NORMAL, &stat));
	assert_false(quarry_zone_numa(m.q, -1, QUARRY_ZONE_NORMAL, &stat));
	assert_int_equal(stat.hit, 0);
	assert_int_equal(quarry_pageset_count(m.q, 0, QUARRY_ZONE_NORMAL, 0), 0);
	assert_int_equal(quarry_pageset_count(m.q, 0, QUARRY_ZONE_DMA, 99), 0);
	assert_int_equal(quarry_stat_threshold(m.q, 2, QUARRY_ZONE_DMA), 0);
	/* 4 CPUs, below 128 MiB: 2 * 3 * 1 */
	assert_int_equal(quarry_stat_threshold(m.q, 0, QUARRY_ZONE_DMA), 6);
	assert_int_equal(quarry_pgalloc(m.q, QUARRY_NR_ZONES), 0);
	assert_true(quarry_node_online(m.q, 2));
	assert_false(quarry_node_present(m.q, 2));
	assert_false(quarry_node_online(m.q, 3));
	assert_false(quarry_node_online(m.q, -1));
	assert_int_equal(quarry_fragmentation_index(m.q, 3, QUARRY_ZONE_DMA, 0), 0);
	assert_int_equal(quarry_fragmentation_index(m.q, 0, QUARRY_ZONE_DMA, 11), 0);
	assert_int_equal(quarry_unusable_index(m.q, 0, QUARRY_ZONE_DMA, 11), 0);
	machine_fini(&m);
}

static void show_node1_numastat(struct quarry *q, const struct quarry_out *out)
{
	quarry_show_node_numastat(q, 1, out);
}

/* "Node 0 DMA: 3*4kB (UM) ... = 12kB", as SysRq-m has it. */
static void zone_line(const struct quarry_zone_info *z, int nid, char *line, size_t size)
{
	static const char letters[] = "UMEHCI";
	unsigned long kib = 0;
	size_t n = (size_t)snprintf(line, size, "Node %d %s: ", nid, z->name);

	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
		char types[16] = "";

		for (unsigned int t = 0; t < QUARRY_MIGRATE_TYPES; t++)
			if (z->nr_free_type[t][o] != 0)
				strncat(types, &letters[t], 1);
		n += (size_t)snprintf(line + n, size - n, "%lu*%ukB %s%s%s", z->nr_free[o], 4u << o,
				      types[0] != '\0' ? "(" : "", types,
				      types[0] != '\0' ? ") " : "");
		kib += z->nr_free[o] * (4ul << o);
	}
	snprintf(line + n, size - n, "= %lukB\n", kib);
}

/* One zone in the texts that s->p has not read: SysRq-m's, and pagetypeinfo's blocks. */
static void zone_in_texts(struct model *s, const char *showmem, int nid, enum quarry_zone_type zone,
			  const struct quarry_zone_info *z)
{
	const struct {
		const char *key;
		unsigned long pages;
	} want[] = {
		{"free", z->free},
		{"boost", z->boost},
		{"min", z->wmark[QUARRY_WMARK_MIN]},
		{"low", z->wmark[QUARRY_WMARK_LOW]},
		{"high", z->wmark[QUARRY_WMARK_HIGH]},
		{"reserved_highatomic", z->nr_pageblocks[QUARRY_MIGRATE_HIGHATOMIC] * 512},
		{"present", z->present},
		{"managed", z->managed},
		{"free_pcp", z->pcp},
		{"local_pcp", quarry_pageset_count(s->m.q, nid, zone, 1)},
		{"free_cma", 0},
	};
	char line[1000];

	read_view(s, PROCPARSE_SHOWMEM, quarry_show_mem);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(get(s, nid, z->name, want[i].key, 0), want[i].pages * 4);
	for (int j = 0; j < QUARRY_NR_ZONES; j++)
		assert_int_equal(get(s, nid, z->name, "lowmem_reserve", j), z->lowmem_reserve[j]);
	zone_line(z, nid, line, sizeof(line));
	if (strstr(showmem, line) == NULL)
		fail_msg("no \"%s\" in %s", line, showmem);
	read_view(s, PROCPARSE_PAGETYPEINFO, quarry_show_pagetypeinfo);
	for (unsigned int t = 0; t < QUARRY_MIGRATE_TYPES; t++) {
		if (t != QUARRY_MIGRATE_CMA)
			assert_int_equal(get(s, nid, z->name, "blocks", (int)t),
					 z->nr_pageblocks[t]);
	}
}

/* Whatever the questions answer stands in the texts, zone by zone and node by node. */
static void zones_in_all_texts(void **state)
{
	struct model *s = malloc(sizeof(*s));
	char *showmem, *text, line[200];
	struct quarry_numa_stat sum = {0}, one;
	unsigned long movable = 0;

	(void)state;
	assert_non_null(s);
	model_begin(s, &nodes, 6);
	for (unsigned int step = 0; step < 500; step++)
		step_alloc(s);
	quarry_posix_set_cpu(1);
	showmem = text_of(s->m.q, quarry_show_mem);
	for (int nid = 0; nid < 2; nid++) {
		unsigned long managed = 0, free_pages = 0;

		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			struct quarry_zone_info z;

			if (!quarry_zone_info(s->m.q, nid, (enum quarry_zone_type)t, &z))
				continue;
			zone_in_texts(s, showmem, nid, (enum quarry_zone_type)t, &z);
			managed += z.managed;
			free_pages += z.free;
			movable += t == QUARRY_ZONE_MOVABLE ? z.managed : 0;
			assert_true(quarry_zone_numa(s->m.q, nid, (enum quarry_zone_type)t, &one));
			if (nid == 1) {
				sum.hit += one.hit;
				sum.miss += one.miss;
				sum.foreign += one.foreign;
				sum.local += one.local;
				sum.other += one.other;
			}
		}
		read_view(s, PROCPARSE_NODE_MEMINFO, show_node_meminfo);
		assert_int_equal(get(s, nid, "", "MemTotal", 0), managed * 4);
		assert_int_equal(get(s, nid, "", "MemFree", 0), free_pages * 4);
		assert_int_equal(get(s, nid, "", "MemUsed", 0), (managed - free_pages) * 4);
	}
	read_view(s, PROCPARSE_SHOWMEM, quarry_show_mem);
	assert_int_equal(get(s, -1, "", " pages HighMem/MovableOnly\n", 0), movable);
	text = text_of(s->m.q, show_node1_numastat);
	snprintf(line, sizeof(line),
		 "numa_hit %llu\nnuma_miss %llu\nnuma_foreign %llu\ninterleave_hit 0\n"
		 "local_node %llu\nother_node %llu\n",
		 (unsigned long long)sum.hit, (unsigned long long)sum.miss,
		 (unsigned long long)sum.foreign, (unsigned long long)sum.local,
		 (unsigned long long)sum.other);
	assert_string_equal(text, line);
	free(text);
	free(showmem);
	while (s->held > 0)
		step_free(s);
	model_end(s);
	free(s);
}

/* pagetypeinfo stops counting where Linux does. */
static void many_free_blocks(void **state)
{
	const struct machine_spec spec = {.memory = {{0, 512 * MACHINE_GIB, 0}}};
	struct machine m;
	char *text;

	(void)state;
	machine_build(&m, &spec);
	text = text_of(m.q, quarry_show_pagetypeinfo);
	assert_non_null(strstr(text, " >100000 \n"));
	assert_null(strstr(strstr(text, ">100000") + 1, ">"));
	free(text);
	machine_fini(&m);
	/* At the number itself, from which on they are not counted. */
	for (phys_addr_t blocks = 99999; blocks <= 100001; blocks++) {
		static const char *const want[] = {"  99999 \n", " >100000 \n", " >100000 \n"};
		struct machine_spec many = {
			.memory = {
				{4 * MACHINE_GIB, 4 * MACHINE_GIB + blocks * 4 * MACHINE_MIB, 0}}};

		machine_build(&m, &many);
		text = text_of(m.q, quarry_show_pagetypeinfo);
		assert_non_null(strstr(text, want[blocks - 99999]));
		free(text);
		machine_fini(&m);
	}
}

/* /proc/iomem: nodes are not told apart, what is not mapped is; each piece of RAM has its own reservations. */
static void iomem_tells_ranges(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{1 * MACHINE_MIB, 64 * MACHINE_MIB, 0},
			   {64 * MACHINE_MIB, 96 * MACHINE_MIB, 1},
			   {128 * MACHINE_MIB, 160 * MACHINE_MIB, 1}},
		.reserved = {{63 * MACHINE_MIB, 65 * MACHINE_MIB},
			     {95 * MACHINE_MIB, 129 * MACHINE_MIB},
			     {150 * MACHINE_MIB, 151 * MACHINE_MIB}},
		.boot = {.nr_nodes = 2},
	};
	struct machine m;
	char *text;

	(void)state;
	machine_init(&m, &spec);
	assert_int_equal(quarry_memblock_mark_nomap(m.q, 140 << 20, 2 << 20), 0);
	assert_int_equal(quarry_memblock_phys_free(m.q, 150 << 20, 1 << 20), 0);
	text = text_of(m.q, quarry_show_iomem);
	assert_string_equal(text, "00100000-05ffffff : System RAM\n"
				  "  03f00000-040fffff : reserved\n"
				  "  05f00000-05ffffff : reserved\n"
				  "08000000-08bfffff : System RAM\n"
				  "  08000000-080fffff : reserved\n"
				  "08c00000-08dfffff : reserved\n"
				  "08e00000-09ffffff : System RAM\n");
	free(text);
	machine_fini(&m);
}

/* Both indices on a zone whose every second page is free. */
static void indices_by_hand(void **state)
{
	static const struct machine_spec small = {.memory = {{0, 8 * MACHINE_MIB, 0}}};
	struct page *page[2048];
	unsigned int n = 0;
	struct machine m;

	(void)state;
	machine_build(&m, &small);
	assert_int_equal(quarry_fragmentation_index(m.q, 0, QUARRY_ZONE_DMA, 10), -1000);
	assert_int_equal(quarry_unusable_index(m.q, 0, QUARRY_ZONE_DMA, 10), 0);
	while (n < 2048 && (page[n] = quarry_alloc_pages(m.q, GFP_KERNEL | GFP_DMA | __GFP_MEMALLOC,
							 0)) != NULL)
		n++;
	assert_int_equal(quarry_fragmentation_index(m.q, 0, QUARRY_ZONE_DMA, 0), 0);
	assert_int_equal(quarry_unusable_index(m.q, 0, QUARRY_ZONE_DMA, 0), 1000);
	for (unsigned int i = 0; i < n; i++) {
		if ((quarry_page_to_pfn(m.q, page[i]) & 1) != 0) {
			quarry_free_pages(m.q, page[i], 0);
			page[i] = NULL;
		}
	}
	quarry_drain_all_pages(m.q);
	/* N blocks, N pages: 1000 - (1000 + N * 1000 / 2) / N. */
	assert_in_range(quarry_fragmentation_index(m.q, 0, QUARRY_ZONE_DMA, 1), 498, 501);
	assert_in_range(quarry_fragmentation_index(m.q, 0, QUARRY_ZONE_DMA, 3), 873, 876);
	assert_int_equal(quarry_unusable_index(m.q, 0, QUARRY_ZONE_DMA, 1), 1000);
	assert_int_equal(quarry_unusable_index(m.q, 0, QUARRY_ZONE_DMA, 0), 0);
	for (unsigned int i = 0; i < n; i++)
		quarry_free_pages(m.q, page[i], 0);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x5_views_are_exact),
		cmocka_unit_test(x5_tables_inside),
		cmocka_unit_test(x5_cpus_without_tables),
		cmocka_unit_test(x5_bootmem_bits),
		cmocka_unit_test(slab_pages_by_node),
		cmocka_unit_test(released_pages_count),
		cmocka_unit_test(numa_counts_outlive_zonelists),
		cmocka_unit_test(questions_out_of_range),
		cmocka_unit_test(zones_in_all_texts),
		cmocka_unit_test(many_free_blocks),
		cmocka_unit_test(iomem_tells_ranges),
		cmocka_unit_test(indices_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
