/* SPDX-License-Identifier: MIT */
/* Operations of the interpreter on what stands around the allocators: bootmem, unaccepted memory, policies, list_lru, mempools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ops_world.h"

#define PAGE ((phys_addr_t)QUARRY_PAGE_SIZE)

/* ---- bootmem: memblock's memory of that moment, a node each, the bitmap in its first page ---- */

static phys_addr_t page_up(phys_addr_t x)
{
	return (x + PAGE - 1) / PAGE * PAGE;
}

/* Pages without memory, those that are NOMAP, and those that lie in two regions stay reserved. */
static bool bootmem_is_memory(const struct ops_world *w, pfn_t start, pfn_t end)
{
	const struct model_unit *unit = w->map->memory.unit;
	const size_t units = PAGE / MODEL_UNIT;

	for (size_t i = (size_t)start * units; i < (size_t)end * units; i++) {
		const struct model_unit *first = &unit[i / units * units];

		if (i >= MODEL_UNITS || !unit[i].present || (unit[i].flags & MEMBLOCK_NOMAP) != 0 ||
		    unit[i].flags != first->flags || unit[i].nid != first->nid)
			return false;
	}
	return true;
}

/* Spans of the nodes in pages, lowest first; false: they overlap, or their numbers do not follow their addresses. */
static bool bootmem_spans(const struct ops_world *w, pfn_t (*span)[2])
{
	const struct memblock_type *t = &quarry_memblock(w->m.q)->memory;
	pfn_t last = 0;

	for (unsigned long i = 0; i < t->cnt && t->total_size != 0; i++) {
		const struct memblock_region *r = &t->regions[i];
		pfn_t start = page_up(r->base) / PAGE, end = (r->base + r->size) / PAGE;

		if (r->nid < 0 || r->nid >= MODEL_BOOTMEM_NODES)
			return false;
		if (start >= end)
			continue;
		span[r->nid][0] = span[r->nid][1] == 0 ? start : span[r->nid][0];
		span[r->nid][1] = end;
	}
	for (int nid = 0; nid < MODEL_BOOTMEM_NODES; nid++) {
		if (span[nid][1] == 0)
			continue;
		if (span[nid][0] < last || !bootmem_is_memory(w, span[nid][0], span[nid][0] + 1))
			return false;
		last = span[nid][1];
	}
	return last != 0;
}

static bool bootmem_mark(struct ops_world *w, phys_addr_t start, phys_addr_t end, bool reserve,
			 bool exclusive)
{
	int want, got;

	if (reserve) {
		want = model_bootmem_mark(w->bootmem, start / PAGE, page_up(end) / PAGE, true,
					  exclusive);
		got = quarry_reserve_bootmem(w->m.q, start, end - start,
					     exclusive ? BOOTMEM_EXCLUSIVE : BOOTMEM_DEFAULT);
	} else {
		want = model_bootmem_mark(w->bootmem, page_up(start) / PAGE, end / PAGE, false,
					  false);
		got = quarry_free_bootmem(w->m.q, start, end - start);
	}
	w->reports += want == -QUARRY_EINVAL;
	return want == got || OPS_BAD(w, "bootmem: %d, model %d", got, want);
}

bool op_bootmem(struct ops_world *w, const uint32_t *arg)
{
	pfn_t span[MODEL_BOOTMEM_NODES][2] = {{0}};
	const struct memblock *mb = quarry_memblock(w->m.q);
	bool good = true;

	(void)arg;
	if (w->scale != 1 || ops_map_is_full(w) || !bootmem_spans(w, span))
		return true;
	w->bootmem = calloc(1, sizeof(*w->bootmem));
	assert_non_null(w->bootmem);
	for (int nid = 0; nid < MODEL_BOOTMEM_NODES; nid++) {
		if (span[nid][1] == 0)
			continue;
		if (quarry_init_bootmem_node(w->m.q, nid, span[nid][0], span[nid][0],
					     span[nid][1]) == 0)
			return OPS_BAD(w, "no bootmem on node %d", nid);
		model_bootmem_node(w->bootmem, nid, span[nid][0], span[nid][1]);
	}
	for (unsigned long i = 0; i < mb->memory.cnt && good; i++) {
		const struct memblock_region *r = &mb->memory.regions[i];

		if ((r->flags & MEMBLOCK_NOMAP) == 0 &&
		    page_up(r->base) < (r->base + r->size) / PAGE * PAGE)
			good = bootmem_mark(w, r->base, r->base + r->size, false, false);
	}
	for (int nid = 0; nid < MODEL_BOOTMEM_NODES && good; nid++) {
		if (span[nid][1] != 0)
			good = bootmem_mark(w, span[nid][0] * PAGE, (span[nid][0] + 1) * PAGE, true,
					    false);
	}
	for (unsigned long i = 0; i < mb->reserved.cnt && mb->reserved.total_size != 0 && good;
	     i++) {
		const struct memblock_region *r = &mb->reserved.regions[i];

		/* Page by page: it may reach into holes. */
		for (phys_addr_t p = r->base / PAGE * PAGE; p < r->base + r->size && good;
		     p += PAGE) {
			if (model_bootmem_page(w->bootmem, p / PAGE) != NULL)
				good = bootmem_mark(w, p, p + PAGE, true, false);
		}
	}
	return good;
}

/* Whether [@start, @end) has the page of a bitmap. */
static bool bootmem_has_map(const struct ops_world *w, pfn_t start, pfn_t end)
{
	for (int nid = 0; nid < MODEL_BOOTMEM_NODES; nid++) {
		const struct model_bootmem_node *n = &w->bootmem->node[nid];

		if (n->low != 0 && start <= n->min && n->min < end)
			return true;
	}
	return false;
}

bool op_bmfree(struct ops_world *w, const uint32_t *arg)
{
	phys_addr_t start = ops_at(arg[0]), end = start + ops_at(arg[1] % 64);
	pfn_t first = page_up(start) / PAGE, last = end / PAGE;

	if (w->bootmem == NULL || first >= last || bootmem_has_map(w, first, last) ||
	    !bootmem_is_memory(w, first, last))
		return true;
	return bootmem_mark(w, start, end, false, false);
}

bool op_bmreserve(struct ops_world *w, const uint32_t *arg)
{
	phys_addr_t start = ops_at(arg[0]), size = ops_at(arg[1] % 256);

	if (w->bootmem == NULL || size == 0)
		return true;
	return bootmem_mark(w, start, start + size, true, (arg[2] & 1) != 0);
}

bool op_bmalloc(struct ops_world *w, const uint32_t *arg)
{
	uint64_t align = (uint64_t)16 << 2 * arg[1], goal = ops_at(arg[2]), want, got;
	int nid = (int)arg[3];
	void *p;

	if (w->bootmem == NULL || arg[0] == 0)
		return true;
	goal = arg[2] % 3 == 0 ? goal : 0;
	if (w->bootmem->node[nid].low != 0) {
		want = model_bootmem_prefer(w->bootmem, nid, arg[0], align, goal);
		p = quarry___alloc_bootmem_node_nopanic(w->m.q, nid, arg[0], align, goal);
	} else {
		want = model_bootmem_any(w->bootmem, arg[0], align, goal);
		p = quarry___alloc_bootmem_nopanic(w->m.q, arg[0], align, goal);
	}
	got = p != NULL ? quarry_physical(w->m.q, p) : 0;
	for (uint32_t i = 0; p != NULL && i < arg[0]; i++) {
		if (((unsigned char *)p)[i] != 0)
			return OPS_BAD(w, "bootmem gave %#llx, which is not cleared",
				       (unsigned long long)got);
	}
	if (p != NULL)
		memset(p, 0xb0, arg[0]);
	return want == got || OPS_BAD(w, "bootmem gave %#llx, model %#llx", (unsigned long long)got,
				      (unsigned long long)want);
}

bool layers_compare_bootmem(struct ops_world *w)
{
	return w->bootmem == NULL || model_bootmem_same(w->bootmem, w->m.q, NULL) ||
	       OPS_BAD(w, "bootmem's pages, hints or ends part from the model's");
}

enum frame layers_frame(const struct ops_world *w, pfn_t pfn, enum frame frame)
{
	const bool *taken = model_bootmem_page(w->bootmem, pfn);

	if (!bootmem_is_memory(w, pfn, pfn + 1))
		return frame;
	/* Bitmaps are handed over too. */
	return (taken != NULL && !*taken) || bootmem_has_map(w, pfn, pfn + 1) ? FRAME_OURS
									      : FRAME_RESERVED;
}

/* ---- unaccepted memory ---- */

bool op_unaccepted(struct ops_world *w, const uint32_t *arg)
{
	phys_addr_t start = page_up(ops_at(arg[0]) * w->scale);
	phys_addr_t end = (ops_at(arg[0]) + ops_at(arg[1])) * w->scale / PAGE * PAGE;

	if (quarry_memblock_phys_mem_size(w->m.q) == 0 || start >= end)
		return true;
	w->unaccepted = (struct quarry_range){start, end - start};
	w->unaccepted_early = start / PAGE % 2 != 0;
	free(w->accepted);
	w->accepted = malloc(sizeof(bool) * (size_t)(LARGE_BLOCKS * BLOCK));
	assert_non_null(w->accepted);
	for (pfn_t pfn = 0; pfn < LARGE_BLOCKS * BLOCK; pfn++)
		w->accepted[pfn] = pfn < start / PAGE || pfn >= end / PAGE;
	/* At once, or with quarry_boot(). */
	if (quarry_memblock_set_unaccepted(w->m.q, &w->unaccepted, w->unaccepted_early) != 0)
		return OPS_BAD(w, "unaccepted memory refused");
	return true;
}

void layers_tell(struct ops_world *w, struct quarry_boot_params *p)
{
	p->bootmem = w->bootmem != NULL;
	if (w->unaccepted.size == 0 || w->unaccepted_early)
		return;
	p->unaccepted = &w->unaccepted;
	p->nr_unaccepted = 1;
}

int layers_accept(void *ctx, phys_addr_t phys, phys_addr_t size)
{
	struct ops_world *w = ((struct machine *)ctx)->hook;

	for (pfn_t pfn = phys / PAGE; pfn < (phys + size) / PAGE; pfn++) {
		w->twice |= w->accepted == NULL || (w->up && w->accepted[pfn]);
		if (w->accepted != NULL)
			w->accepted[pfn] = true;
	}
	return phys % PAGE == 0 && size % PAGE == 0 ? 0 : -1;
}

bool op_accept(struct ops_world *w, const uint32_t *arg)
{
	pfn_t start = arg[0] % w->end_pfn;

	(void)quarry_accept_memory(w->m.q, start, start + arg[1]);
	return true;
}

/* ---- policies ---- */

bool op_policy(struct ops_world *w, const uint32_t *arg)
{
	static const unsigned int how[] = {0, MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES};
	unsigned int mode = arg[0] % MPOL_MAX;
	struct quarry_mempolicy was = w->policy;
	quarry_nodemask_t nodes = arg[1] % 16, there = 0;
	int err = quarry_mpol_init(w->m.q, &w->policy, mode, how[arg[2]], nodes);
	bool none = mode == MPOL_DEFAULT || mode == MPOL_LOCAL;

	for (int nid = 0; nid < 4; nid++)
		there |= (quarry_nodemask_t)quarry_node_present(w->m.q, nid) << nid;
	if (err == -QUARRY_EINVAL) {
		bool may_fail = (none && nodes != 0) || (none && arg[2] != 0) || nodes == 0 ||
				(nodes & there) == 0 || there == 0;

		w->policy = was;
		return may_fail || OPS_BAD(w, "policy %u of nodes %#llx: refused", mode,
					   (unsigned long long)nodes);
	}
	w->has_policy = true;
	w->turn = 4; /* before the first node */
	if (err != 0 || (none && nodes != 0) || (w->policy.nodes & ~there) != 0)
		return OPS_BAD(w, "policy %u of nodes %#llx: %d", mode, (unsigned long long)nodes,
			       err);
	return arg[2] == 2 || none || nodes == 0 || mode == MPOL_PREFERRED ||
	       w->policy.nodes == (nodes & there) ||
	       OPS_BAD(w, "policy %u of nodes %#llx has %#llx", mode, (unsigned long long)nodes,
		       (unsigned long long)w->policy.nodes);
}

/* The node after @last among @nodes, round and round. */
static unsigned int next_node(quarry_nodemask_t nodes, uint64_t last)
{
	for (unsigned int k = 1; k <= 5; k++) {
		if ((nodes >> ((last + k) % 5) & 1) != 0)
			return (unsigned int)((last + k) % 5);
	}
	return 5;
}

/* Half of what node @nid has for ordinary requests is free, in sheaves too: then it need not send a request away. */
static bool node_has_plenty(struct ops_world *w, int nid)
{
	unsigned long free = 0, managed = 0;
	struct quarry_zone_info info;

	for (unsigned int t = 0; t <= QUARRY_ZONE_NORMAL; t++) {
		if (!quarry_zone_info(w->m.q, nid, (enum quarry_zone_type)t, &info))
			continue;
		free += info.free > info.wmark[QUARRY_WMARK_HIGH] +
						info.lowmem_reserve[QUARRY_ZONE_NORMAL]
				? info.free - info.wmark[QUARRY_WMARK_HIGH] -
					  info.lowmem_reserve[QUARRY_ZONE_NORMAL]
				: 0;
		managed += info.managed;
	}
	return free > managed / 2 && free > 100;
}

bool op_mpalloc(struct ops_world *w, const uint32_t *arg)
{
	struct quarry_mempolicy *pol = &w->policy;
	gfp_t gfp = ops_gfp(w, arg[1]);
	bool by_index = arg[2] != 0, plain = gfp == GFP_KERNEL && arg[0] <= 3;
	quarry_nodemask_t nodes = pol->nodes;
	unsigned int want = 5;
	struct page *page;
	int nid;

	if (!w->has_policy || w->pages[arg[3]].page != NULL)
		return true;
	if (pol->mode == MPOL_INTERLEAVE && by_index) {
		uint64_t n = (arg[2] - 1) % (uint64_t)__builtin_popcountll(nodes);

		for (want = next_node(nodes, 4); n > 0; n--)
			want = next_node(nodes, want);
	} else if (pol->mode == MPOL_INTERLEAVE) {
		want = next_node(nodes, w->turn);
		w->turn = want;
	} else if (pol->mode == MPOL_PREFERRED) {
		want = next_node(nodes, 4);
	}
	if (want < 5 && !node_has_plenty(w, (int)want))
		want = 5;
	page = quarry_alloc_pages_mpol(w->m.q, gfp, arg[0], pol,
				       by_index ? arg[2] - 1 : QUARRY_MPOL_NO_INDEX,
				       QUARRY_NO_NODE);
	if (page == NULL)
		return true;
	nid = quarry_page_nid(w->m.q, page);
	if (!ops_keep(w, arg[3], page, arg[0], gfp))
		return false;
	if (pol->mode == MPOL_BIND && (gfp & (__GFP_MEMALLOC | __GFP_ATOMIC)) == 0 && plain &&
	    (nodes >> nid & 1) == 0 && node_has_plenty(w, nid) && nodes != 0)
		return OPS_BAD(w, "bound to %#llx, node %d gave it", (unsigned long long)nodes,
			       nid);
	return !plain || w->armed || w->mixed || want == 5 || (int)want == nid ||
	       OPS_BAD(w, "node %d was to give it, node %d did", (int)want, nid);
}

/* ---- list_lru ---- */

/* Whether all classes have their caches: for what kmalloc() gives in whole pages instead, no slot stands. */
static bool classes_are_there(struct ops_world *w, gfp_t gfp)
{
	for (size_t size = 8; size <= QUARRY_KMALLOC_MAX_CACHE_SIZE; size *= 2) {
		if (quarry_kmalloc_cache(w->m.q, size, gfp) == NULL ||
		    (size > 32 && quarry_kmalloc_cache(w->m.q, size / 4 * 3, gfp) == NULL))
			return false;
	}
	return true;
}

static bool lru_is_up(struct ops_world *w)
{
	struct lru *l = &w->lru;

	if (l->up)
		return true;
	if (!classes_are_there(w, GFP_KERNEL) || quarry_list_lru_init(w->m.q, &l->lru) != 0)
		return false;
	l->up = true;
	for (unsigned int i = 0; i < NR_ITEMS; i++) {
		l->item[i].next = l->item[i].prev = &l->item[i];
		l->nid[i] = -1;
	}
	return true;
}

static void lru_drop(struct lru *l, unsigned int i)
{
	unsigned int *order = l->order[l->nid[i]], n = 0;

	for (unsigned int k = 0; k < l->nr[l->nid[i]]; k++) {
		if (order[k] != i)
			order[n++] = order[k];
	}
	l->nr[l->nid[i]] = n;
	l->nid[i] = -1;
}

static void lru_append(struct lru *l, unsigned int i, int nid)
{
	l->order[nid][l->nr[nid]++] = i;
	l->nid[i] = nid;
}

bool op_lruadd(struct ops_world *w, const uint32_t *arg)
{
	unsigned int i = arg[0] % NR_ITEMS;
	int nid = (int)arg[1] - 1;
	struct lru *l = &w->lru;
	bool want, got;

	if (!lru_is_up(w))
		return true;
	want = l->nid[i] < 0 && nid >= 0 && nid < (int)l->lru.nr_nodes;
	got = quarry_list_lru_add(w->m.q, &l->lru, &l->item[i], nid);
	if (want)
		lru_append(l, i, nid);
	return want == got || OPS_BAD(w, "list_lru add of %u: %d", i, got);
}

bool op_lrudel(struct ops_world *w, const uint32_t *arg)
{
	unsigned int i = arg[0] % NR_ITEMS;
	struct lru *l = &w->lru;
	bool want, got;

	if (!lru_is_up(w))
		return true;
	want = l->nid[i] >= 0;
	got = quarry_list_lru_del(w->m.q, &l->lru, &l->item[i], want ? l->nid[i] : 0);
	if (want)
		lru_drop(l, i);
	return want == got || OPS_BAD(w, "list_lru del of %u: %d", i, got);
}

/* What becomes of an item: of each kind some. */
static enum quarry_lru_status lru_fate(const struct lru *l, unsigned int i)
{
	static const enum quarry_lru_status fate[] = {QUARRY_LRU_SKIP, QUARRY_LRU_ROTATE,
						      QUARRY_LRU_REMOVED};

	return fate[(i + (unsigned int)l->how) % 3];
}

/* As the model's walk went. */
static enum quarry_lru_status lru_show(struct quarry *q, struct list_head *item,
				       struct quarry_list_lru_one *one, void *arg)
{
	struct lru *l = arg;
	unsigned int i = (unsigned int)(item - l->item);

	(void)q;
	l->wrong |= l->nr_shown >= l->nr_show || l->show[l->nr_shown] != i;
	l->nr_shown++;
	if (lru_fate(l, i) == QUARRY_LRU_REMOVED)
		quarry_list_lru_isolate(one, item);
	return lru_fate(l, i);
}

/* The model's walk; returns items that it took off. Who was rotated comes once more if there are enough to be shown. */
static unsigned int lru_walk_model(struct lru *l, int nid, unsigned int nr)
{
	unsigned int at = 0, removed = 0;

	for (l->nr_show = 0; l->nr_show < nr && at < l->nr[nid];) {
		unsigned int i = l->order[nid][at];
		enum quarry_lru_status fate = lru_fate(l, i);
		bool last = at + 1 == l->nr[nid];

		l->show[l->nr_show++] = i;
		removed += fate == QUARRY_LRU_REMOVED;
		if (fate != QUARRY_LRU_SKIP)
			lru_drop(l, i);
		if (fate == QUARRY_LRU_ROTATE)
			lru_append(l, i, nid);
		if (last)
			break;
		at += fate == QUARRY_LRU_SKIP;
	}
	return removed;
}

bool op_lruwalk(struct ops_world *w, const uint32_t *arg)
{
	unsigned long left = arg[1], got;
	struct lru *l = &w->lru;
	int nid = (int)arg[0];
	unsigned int removed;

	if (!lru_is_up(w) || nid >= (int)l->lru.nr_nodes)
		return true;
	l->how = (int)arg[2];
	l->nr_shown = 0;
	l->wrong = false;
	removed = lru_walk_model(l, nid, arg[1]);
	got = quarry_list_lru_walk_node(w->m.q, &l->lru, nid, lru_show, l, &left);
	return (!l->wrong && l->nr_shown == l->nr_show && got == removed &&
		left == arg[1] - l->nr_show) ||
	       OPS_BAD(w, "list_lru walk: shown %u of %u, removed %lu of %u", l->nr_shown,
		       l->nr_show, got, removed);
}

static bool lru_compare(struct ops_world *w)
{
	struct lru *l = &w->lru;

	for (unsigned int nid = 0; l->up && nid < l->lru.nr_nodes; nid++) {
		const struct list_head *head = &l->lru.node[nid].list, *at = head->next;

		if (quarry_list_lru_count_node(&l->lru, (int)nid) != l->nr[nid])
			return OPS_BAD(w, "list_lru: count of node %u", nid);
		for (unsigned int k = 0; k < l->nr[nid]; k++, at = at->next) {
			if (at != &l->item[l->order[nid][k]])
				return OPS_BAD(w, "list_lru: place %u of node %u", k, nid);
		}
		if (at != head)
			return OPS_BAD(w, "list_lru: node %u is longer", nid);
	}
	return true;
}

/* ---- mempools, of kmalloc ---- */

bool op_mkpool(struct ops_world *w, const uint32_t *arg)
{
	struct pool *p = &w->pool[arg[0] % NR_POOLS];
	unsigned int min = 1 + arg[2] % 16;

	if (p->pool != NULL || !classes_are_there(w, GFP_KERNEL))
		return true;
	*p = (struct pool){.size = 8 + arg[1] % 2000, .curr = min};
	p->pool = quarry_mempool_create_kmalloc_pool(w->m.q, min, p->size);
	return true;
}

bool op_poolget(struct ops_world *w, const uint32_t *arg)
{
	struct pool *p = &w->pool[arg[0] % NR_POOLS];
	gfp_t gfp = ops_gfp(w, arg[1]) & ~__GFP_DIRECT_RECLAIM;
	unsigned int had = p->curr;
	unsigned char *e;

	if (p->pool == NULL || p->nr_out == NR_OUT || !classes_are_there(w, gfp))
		return true;
	e = quarry_mempool_alloc(w->m.q, p->pool, gfp);
	/* Of the source, or of the reserve: never refused while that has any. */
	p->curr = p->pool->curr_nr;
	if (e == NULL)
		return (had == 0 && p->curr == 0) || OPS_BAD(w, "a pool with %u refused", had);
	if (p->curr != had && p->curr + 1 != had)
		return OPS_BAD(w, "a pool went from %u to %u", had, p->curr);
	memset(e, 0xe0 + (int)(p - w->pool), p->size);
	p->out[p->nr_out++] = e;
	return true;
}

static bool pool_put(struct ops_world *w, struct pool *p, unsigned int i)
{
	unsigned char *e = p->out[i];
	unsigned int want = p->curr + (p->curr < p->pool->min_nr);

	for (size_t k = 0; k < p->size; k++) {
		if (e[k] != 0xe0 + (int)(p - w->pool))
			return OPS_BAD(w, "byte %zu of a pool's element is %#x", k, e[k]);
	}
	p->out[i] = p->out[--p->nr_out];
	quarry_mempool_free(w->m.q, e, p->pool);
	p->curr = p->pool->curr_nr;
	return p->curr == want || OPS_BAD(w, "a pool has %u, model %u", p->curr, want);
}

bool op_poolput(struct ops_world *w, const uint32_t *arg)
{
	struct pool *p = &w->pool[arg[0] % NR_POOLS];

	return p->pool == NULL || p->nr_out == 0 || pool_put(w, p, arg[1] % p->nr_out);
}

bool op_poolsize(struct ops_world *w, const uint32_t *arg)
{
	struct pool *p = &w->pool[arg[0] % NR_POOLS];
	unsigned int min = 1 + arg[1] % 24, was = p->pool != NULL ? p->pool->min_nr : 0;
	int err;

	if (p->pool == NULL)
		return true;
	err = quarry_mempool_resize(w->m.q, p->pool, min);
	if (err != 0)
		return (err == -QUARRY_ENOMEM && min > was && p->pool->min_nr == was &&
			p->pool->curr_nr == p->curr) ||
		       OPS_BAD(w, "poolsize: %d", err);
	if (p->pool->min_nr != min || p->pool->curr_nr > min ||
	    p->pool->curr_nr < (p->curr < min ? p->curr : min))
		return OPS_BAD(w, "a pool of %u has %u after poolsize, before %u", min,
			       p->pool->curr_nr, p->curr);
	p->curr = p->pool->curr_nr;
	return true;
}

bool op_rmpool(struct ops_world *w, const uint32_t *arg)
{
	struct pool *p = &w->pool[arg[0] % NR_POOLS];

	while (p->pool != NULL && p->nr_out != 0) {
		if (!pool_put(w, p, 0))
			return false;
	}
	quarry_mempool_destroy(w->m.q, p->pool);
	p->pool = NULL;
	return true;
}

static bool pools_compare(struct ops_world *w)
{
	for (unsigned int i = 0; i < NR_POOLS; i++) {
		struct pool *p = &w->pool[i];

		if (p->pool != NULL && p->pool->curr_nr != p->curr)
			return OPS_BAD(w, "a pool has %u, model %u", p->pool->curr_nr, p->curr);
	}
	return true;
}

/* ---- all ---- */

bool layers_compare(struct ops_world *w)
{
	if (w->twice)
		return OPS_BAD(w, "memory was accepted that was so already");
	return lru_compare(w) && pools_compare(w);
}

bool layers_end(struct ops_world *w)
{
	for (uint32_t i = 0; i < NR_POOLS; i++) {
		if (!op_rmpool(w, &i))
			return false;
	}
	for (uint32_t i = 0; i < NR_ITEMS; i++) {
		if (w->lru.up && w->lru.nid[i] >= 0 && !op_lrudel(w, &i))
			return false;
	}
	if (w->lru.up)
		quarry_list_lru_destroy(w->m.q, &w->lru.lru);
	w->lru.up = false;
	return true;
}

void layers_delete(struct ops_world *w)
{
	free(w->bootmem);
	free(w->accepted);
}
