/* SPDX-License-Identifier: MIT */
/* The machines of anything.h: their truth, their digests, their lives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <page/prep.h>

#include "anything.h"
#include "model_buddy.h"
#include "page_state.h"

#define ZONES_MAX 24

/* ---- decisions ---- */

void any_add_text(void *ctx, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		any_add(ctx, (unsigned char)text[i]);
}

static void any_add_events(struct anything *t)
{
	for (unsigned int e = 0; e < QUARRY_NR_VM_EVENTS; e++)
		any_add(t, quarry_vm_event(t->m.q, (enum quarry_vm_event)e));
}

/* Where all steps so far have led to, in words too. */
static void any_add_texts(struct anything *t)
{
	struct quarry_out out = {.write = any_add_text, .ctx = t};

	quarry_show_zoneinfo(t->m.q, &out);
	quarry_show_pagetypeinfo(t->m.q, &out);
	quarry_show_vmstat(t->m.q, &out);
	quarry_show_mem(t->m.q, &out);
	quarry_show_refusal(t->m.q, &out);
}

/* QUARRY_TEST_DECISIONS tells the digest of all states on the way, events, texts. */
static void any_decided(struct anything *t, uint64_t want)
{
	if (!ANY_USUAL || getenv("QUARRY_TEST_SEED") != NULL)
		return;
	if (getenv("QUARRY_TEST_DECISIONS") != NULL)
		print_message("0x%016llx\n", (unsigned long long)t->digest);
	else if (t->digest != want)
		ANY_FAIL(t, "other decisions than written down: 0x%016llx",
			 (unsigned long long)t->digest);
}

/* ---- the truth ---- */

static bool any_is_managed(const struct anything *t, pfn_t pfn)
{
	return t->memory[pfn] && !t->reserved[pfn] &&
	       quarry_memory_block_state(t->m.q, pfn) == QUARRY_BLOCK_ONLINE;
}

/* Frames that somebody has, by the test's own books. */
static void any_used(struct anything *t, bool *used)
{
	for (unsigned int i = 0; i < t->nr_held; i++)
		memset(&used[quarry_page_to_pfn(t->m.q, t->held[i].page)], 1,
		       (size_t)1 << t->held[i].order);
	for (size_t i = 0; i < t->owner.nr_blocks; i++) {
		const struct owner_block *b = &t->owner.block[i];

		if (b->page != NULL)
			memset(&used[quarry_page_to_pfn(t->m.q, b->page)], 1,
			       (size_t)1 << b->order);
	}
	for (unsigned int i = 0; i < t->nr_taken; i++)
		memset(&used[t->taken[i].start], 1, (size_t)(t->taken[i].end - t->taken[i].start));
}

struct any_zone {
	int nid;
	enum quarry_zone_type type;
	struct quarry_zone_info info;
	struct model_buddy model;
	unsigned long managed, isolated, unaccepted;
};

static unsigned int any_zones(struct anything *t, struct any_zone *z)
{
	unsigned int n = 0;

	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (unsigned int k = 0; k < QUARRY_NR_ZONES; k++) {
			memset(&z[n], 0, sizeof(z[n]));
			if (!quarry_zone_info(t->m.q, nid, (enum quarry_zone_type)k, &z[n].info))
				continue;
			z[n].nid = nid;
			z[n].type = (enum quarry_zone_type)k;
			assert_true(model_buddy_init(&z[n].model, z[n].info.start_pfn,
						     z[n].info.start_pfn + z[n].info.spanned));
			n++;
		}
	}
	assert_true(n <= ZONES_MAX);
	return n;
}

static unsigned char *any_bytes(struct anything *t, pfn_t pfn)
{
	return quarry_address(t->m.q, (phys_addr_t)pfn << QUARRY_PAGE_SHIFT);
}

void any_write(struct anything *t, pfn_t pfn, unsigned long n)
{
	for (; t->spec.ram_bytes != 0 && n > 0; n--, pfn++)
		memset(any_bytes(t, pfn) + pfn % QUARRY_PAGE_SIZE, 0x5c, 1);
}

/* With page_poison or init_on_free each byte of a free page is what it was filled with. */
static void any_contents(struct anything *t, pfn_t pfn)
{
	const struct page_prep *p = t->m.q->pages->prep;
	const unsigned char *bytes = any_bytes(t, pfn);

	if (t->spec.ram_bytes == 0 || p == NULL || (!p->config.poison && !p->config.init_on_free))
		return;
	if (bytes[0] != (p->config.poison ? 0xaa : 0) ||
	    memcmp(bytes, bytes + 1, QUARRY_PAGE_SIZE - 1) != 0)
		ANY_FAIL(t, "pfn %#llx is free, and was written to", (unsigned long long)pfn);
}

/* Frame @pfn of zone @z is free, or not, as it should be; free ones go to the model. */
static void any_frame(struct anything *t, struct any_zone *z, pfn_t pfn, bool used)
{
	unsigned int order = 0;
	enum quarry_page_state state = quarry_pfn_state(t->m.q, pfn, &order);
	int type = quarry_pageblock_type(t->m.q, pfn);
	bool own = t->spec.port == MACHINE_INSIDE &&
		   (state == QUARRY_PAGE_ALLOCATED || state == QUARRY_PAGE_TAIL ||
		    state == QUARRY_PAGE_RESERVED); /* the library's tables */
	bool free = !used && !own && !t->poison[pfn] && state != QUARRY_PAGE_GUARD &&
		    state != QUARRY_PAGE_UNACCEPTED;

	any_add(t, (uint64_t)state << 32 | order << 8 | (unsigned int)type);
	if (free != (state == QUARRY_PAGE_FREE))
		ANY_FAIL(t, "pfn %#llx: state %d, used %d, poisoned %d", (unsigned long long)pfn,
			 (int)state, used, t->poison[pfn]);
	z->managed++;
	z->unaccepted += state == QUARRY_PAGE_UNACCEPTED;
	if ((state == QUARRY_PAGE_GUARD || state == QUARRY_PAGE_UNACCEPTED) && used)
		ANY_FAIL(t, "pfn %#llx in use: state %d", (unsigned long long)pfn, (int)state);
	if (!free)
		return;
	if (model_buddy_type(&z->model, pfn) != (unsigned int)type)
		model_buddy_set_type(&z->model, pfn, (unsigned int)type);
	assert_true(model_buddy_free(&z->model, pfn, 0));
	any_contents(t, pfn);
	z->isolated += type == QUARRY_MIGRATE_ISOLATE;
}

static void any_compare_zone(struct anything *t, struct any_zone *z)
{
	if (t->spec.port == MACHINE_INSIDE) /* some tables of the library's are managed, some not */
		z->managed = z->info.managed;
	if (z->unaccepted != z->info.unaccepted)
		ANY_FAIL(t, "zone %d %s: unaccepted %lu (%lu)", z->nid, z->info.name,
			 z->info.unaccepted, z->unaccepted);
	if (z->managed != z->info.managed || z->isolated != z->info.isolated ||
	    z->model.free != z->info.free + z->info.isolated || z->info.pcp != 0)
		ANY_FAIL(t,
			 "zone %d %s: managed %lu (%lu), isolated %lu (%lu), free %lu (%lu), pcp "
			 "%lu",
			 z->nid, z->info.name, z->info.managed, z->managed, z->info.isolated,
			 z->isolated, z->info.free, z->model.free - z->isolated, z->info.pcp);
	for (unsigned int k = 0; k < QUARRY_MIGRATE_TYPES; k++) {
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
			if (z->info.nr_free_type[k][o] != z->model.nr_free_type[k][o])
				ANY_FAIL(t, "zone %d %s type %u order %u: %lu, model %lu", z->nid,
					 z->info.name, k, o, z->info.nr_free_type[k][o],
					 z->model.nr_free_type[k][o]);
		}
	}
}

static void any_compare(struct anything *t)
{
	static struct any_zone z[ZONES_MAX + 1];
	bool *used = calloc((size_t)t->end_pfn, sizeof(*used));
	unsigned int n, cur = 0;

	assert_non_null(used);
	quarry_drain_all_pages(t->m.q);
	any_used(t, used);
	n = any_zones(t, z);
	for (pfn_t pfn = 0; pfn < t->end_pfn; pfn++) {
		enum quarry_zone_type type;
		int nid;

		if (!any_is_managed(t, pfn)) {
			assert_false(used[pfn]);
			continue;
		}
		assert_true(quarry_pfn_zone(t->m.q, pfn, &nid, &type));
		if (z[cur].nid != nid || z[cur].type != type) {
			for (cur = 0; cur < n && (z[cur].nid != nid || z[cur].type != type); cur++)
				;
			assert_true(cur < n);
		}
		any_frame(t, &z[cur], pfn, used[pfn]);
	}
	for (unsigned int i = 0; i < n; i++) {
		any_compare_zone(t, &z[i]);
		model_buddy_fini(&z[i].model);
	}
	assert_int_equal(owner_check(&t->owner), 0);
	free(used);
}

/* ---- a machine's life ---- */

static void any_know_memory(struct anything *t)
{
	for (const struct machine_range *r = t->spec.memory; r->start < r->end; r++) {
		pfn_t start = (r->start + QUARRY_PAGE_SIZE - 1) >> QUARRY_PAGE_SHIFT;

		for (pfn_t pfn = start; pfn < r->end >> QUARRY_PAGE_SHIFT; pfn++)
			t->memory[pfn] = true;
	}
	for (const struct machine_range *r = t->spec.reserved; r->start < r->end; r++) {
		pfn_t end = (r->end + QUARRY_PAGE_SIZE - 1) >> QUARRY_PAGE_SHIFT;

		for (pfn_t pfn = r->start >> QUARRY_PAGE_SHIFT; pfn < end; pfn++)
			t->reserved[pfn] = true;
	}
}

/* An area that a zone's border runs through is none: it is memory like all other, or not to be touched. */
static void any_know_cma(struct anything *t)
{
	for (unsigned int i = t->nr_cma; i-- > 0;) {
		struct quarry_cma_info info;

		quarry_cma_info(t->m.q, t->cma[i], &info);
		if (info.active)
			continue;
		if (t->spec.boot.nr_unaccepted != 0)
			memset(&t->reserved[info.base_pfn], true, info.count);
		t->cma[i] = t->cma[--t->nr_cma];
	}
}

/*
 * What the host did not accept at boot is reserved, and with it what else of its pageblock was free beside it. How much
 * that is the library says; the zones' counts must agree.
 */
static void any_know_refused(struct anything *t)
{
	for (unsigned int i = 0; i < t->spec.boot.nr_unaccepted; i++) {
		const struct quarry_range *r = &t->spec.boot.unaccepted[i];
		pfn_t pfn = (r->start >> QUARRY_PAGE_SHIFT) & ~(QUARRY_PAGEBLOCK_PAGES - 1);

		for (; pfn < t->end_pfn &&
		       pfn < (r->start + r->size) / QUARRY_PAGE_SIZE + QUARRY_PAGEBLOCK_PAGES;
		     pfn++) {
			if (quarry_pfn_state(t->m.q, pfn, NULL) == QUARRY_PAGE_RESERVED)
				t->reserved[pfn] = true;
		}
	}
}

static void any_declare_cma(struct anything *t)
{
	for (t->nr_cma = 0; t->nr_cma < t->life->cmas; t->nr_cma++) {
		struct quarry_cma_spec area = {.size = (8 + 8 * t->nr_cma) * MIB,
					       .order_per_bit = t->nr_cma % 2,
					       .nid = QUARRY_NO_NODE};

		int err = quarry_cma_declare_contiguous(t->m.q, &area, &t->cma[t->nr_cma]);

		/* For larger pageblocks there may be no place. */
		if ((t->life->odd || QUARRY_PAGE_SHIFT + QUARRY_PAGEBLOCK_ORDER > 21) && err != 0)
			break;
		assert_int_equal(err, 0);
	}
}

/* False: the machine is too poor for its own tables. */
static bool any_begin(struct anything *t)
{
	struct quarry_reporting_dev dev = {.report = any_tell, .ctx = t};
	struct quarry_totals totals;
	int err;

	t->spec = t->life->spec;
	t->end_pfn = t->life->end >> QUARRY_PAGE_SHIFT;
	t->nr_cpus = t->spec.boot.nr_cpus;
	t->memory = calloc((size_t)t->end_pfn, 1);
	t->reserved = calloc((size_t)t->end_pfn, 1);
	t->poison = calloc((size_t)t->end_pfn, 1);
	assert_true(t->memory != NULL && t->reserved != NULL && t->poison != NULL);
	if (t->life->helps)
		any_help(&t->spec);
	machine_init(&t->m, &t->spec);
	t->m.hook = t;
	any_declare_cma(t);
	err = quarry_boot(t->m.q, &t->spec.boot);
	assert_true(err == 0 || (err == -QUARRY_ENOMEM && t->spec.port == MACHINE_INSIDE));
	if (err != 0)
		return false;
	quarry_totals(t->m.q, &totals);
	if (t->life->odd && t->spec.port == MACHINE_INSIDE && totals.free < 300)
		return false;
	if (t->life->taste != ANY_PLAIN) {
		owner_init(&t->owner, &t->m, OWNER_SLOTS, t->end_pfn, t->spec.ram_bytes != 0);
		t->owner.refuse_percent = 3;
		t->owner.fail_percent = 3;
	}
	assert_int_equal(quarry_page_reporting_register(t->m.q, &dev), 0);
	if (t->life->debug)
		any_watch(t);
	if (t->life->helps)
		any_host_begin(t);
	any_know_memory(t);
	any_know_cma(t);
	if (t->boot_refused)
		any_know_refused(t);
	any_compare(t);
	return true;
}

static void any_forget(struct anything *t)
{
	machine_fini(&t->m);
	free(t->memory);
	free(t->reserved);
	free(t->poison);
}

static void any_end(struct anything *t)
{
	any_give_all(t);
	t->last = "all back";
	machine_check(&t->m);
	any_compare(t);
	if (t->life->taste != ANY_PLAIN)
		owner_fini(&t->owner);
	any_forget(t);
}

/* The life's, or what the environment says. */
static unsigned long any_given(const char *name, unsigned long usual)
{
	const char *given = getenv(name);

	return given != NULL ? strtoul(given, NULL, 0) : usual;
}

static void any_run_step(struct anything *t)
{
	unsigned int cpu;
	char why[256];

	do
		cpu = (unsigned int)any_random(t, t->nr_cpus);
	while (!quarry_cpu_is_online(t->m.q, cpu));
	quarry_posix_set_cpu(cpu);
	quarry_posix_lockings = 0;
	any_step(t);
	any_add(t, quarry_posix_lockings);
	if (t->m.reports != 0)
		ANY_FAIL(t, "reported: %s", t->m.last_report);
	if (!machine_is_sound(&t->m, why))
		ANY_FAIL(t, "%s", why);
	any_add_events(t);
	if (ANY_USUAL && t->step < ANY_DIGEST_AT)
		page_state_add(t->m.q, &t->digest);
}

static struct anything any;

void any_live(const struct any_life *life)
{
	struct anything *t = &any;
	unsigned long nr = any_given("QUARRY_TEST_STEPS", life->steps);
	unsigned int every = life->compare_every != 0 ? life->compare_every : 16;

	memset(t, 0, sizeof(*t));
	t->life = life;
	t->seed = any_given("QUARRY_TEST_SEED", 0) + life->seed;
	t->last = "boot";
	assert_true(any_begin(t));
	for (t->step = 0; t->step < nr; t->step++) {
		any_run_step(t);
		if (t->step % every == 0)
			any_compare(t);
		if (t->step + 1 == ANY_DIGEST_AT) {
			any_add_texts(t);
			any_decided(t, life->digest);
		}
	}
	any_end(t);
}

/* ---- machines of all shapes ---- */

#define SHAPE_MAX (64 * MIB)

static phys_addr_t any_pages(struct anything *t, phys_addr_t below)
{
	return any_random(t, below >> QUARRY_PAGE_SHIFT) << QUARRY_PAGE_SHIFT;
}

static bool any_one_in(struct anything *t, unsigned int n)
{
	return any_random(t, n) == 0;
}

/*
 * Up to six pieces, of up to three nodes; holes between them are large or small. A pageblock is of one node: what two
 * parts of it in one zone would be typed as, the model cannot say.
 */
static void any_shape_memory(struct anything *t, struct any_life *life)
{
	const phys_addr_t pageblock = (phys_addr_t)QUARRY_PAGEBLOCK_PAGES << QUARRY_PAGE_SHIFT;
	unsigned int pieces = 1 + (unsigned int)any_random(t, 6);
	uint64_t nodes = 1 + any_random(t, QUARRY_MAX_NODES < 3 ? QUARRY_MAX_NODES : 3);
	phys_addr_t at = any_one_in(t, 2) ? 0 : any_pages(t, 4 * MIB);
	int nid = 0;

	for (unsigned int i = 0; i < pieces && at < SHAPE_MAX - 3 * MIB; i++) {
		struct machine_range *r = &life->spec.memory[i];

		r->nid = (int)any_random(t, nodes);
		r->start = at + (any_one_in(t, 3) ? any_random(t, QUARRY_PAGE_SIZE) : 0);
		if (i > 0 && r->nid != nid)
			r->start = at = (at + pageblock - 1) & ~(pageblock - 1);
		at += 2 * QUARRY_PAGE_SIZE + any_pages(t, any_one_in(t, 4) ? MIB : 24 * MIB);
		r->end = at + (any_one_in(t, 3) ? any_random(t, QUARRY_PAGE_SIZE) : 0);
		nid = r->nid;
		life->end = at;
		at += 2 * QUARRY_PAGE_SIZE + any_pages(t, any_one_in(t, 2) ? MIB / 4 : 6 * MIB);
	}
}

static void any_shape_reserved(struct anything *t, struct any_life *life)
{
	unsigned int n = (unsigned int)any_random(t, 5);
	phys_addr_t at = 0;

	for (unsigned int i = 0; i < n; i++) {
		at += any_random(t, life->end / 2);
		life->spec.reserved[i].start = at;
		at += 1 + any_random(t, any_one_in(t, 3) ? 3 * MIB : MIB / 4);
		if (at >= life->end) {
			life->spec.reserved[i].start = 0;
			break;
		}
		life->spec.reserved[i].end = at++;
	}
}

/* Nodes without memory, CPUs anywhere, distances that are no table's. */
static void any_shape_nodes(struct anything *t, struct quarry_boot_params *p)
{
	enum { NODES = QUARRY_MAX_NODES < 5 ? QUARRY_MAX_NODES : 5 };
	static int cpu_node[4];
	static unsigned int node_cpus[QUARRY_MAX_NODES];
	static uint8_t distance[NODES * NODES];

	if (any_one_in(t, 3)) {
		for (unsigned int c = 0; c < 4; c++)
			cpu_node[c] = (int)any_random(t, NODES);
		p->cpu_node = cpu_node;
	}
	if (any_one_in(t, 6)) {
		for (unsigned int n = 0; n < NODES; n++)
			node_cpus[n] = (unsigned int)any_random(t, 9);
		p->node_cpus = node_cpus;
	}
	if (any_one_in(t, 3)) {
		for (unsigned int i = 0; i < NODES * NODES; i++)
			distance[i] = (uint8_t)(i % (NODES + 1) == 0 ? 10 : 11 + any_random(t, 30));
		p->nr_nodes = NODES;
		p->distance = distance;
		p->possible_nodes = any_one_in(t, 2) ? any_random(t, 1u << NODES) : 0;
	}
}

static void any_shape_boot(struct anything *t, struct any_life *life)
{
	static struct quarry_range some[2];
	struct quarry_boot_params *p = &life->spec.boot;

	p->nr_cpus = 1 + (unsigned int)any_random(t, CPUS(4));
	p->dma_limit = any_one_in(t, 2) ? any_pages(t, life->end) + QUARRY_PAGE_SIZE : 0;
	p->dma32_limit = any_one_in(t, 2) ? any_pages(t, life->end) + QUARRY_PAGE_SIZE : 0;
	p->kernelcore = any_one_in(t, 4) ? any_random(t, life->end) : 0;
	p->movablecore = any_one_in(t, 4) ? any_random(t, life->end) : 0;
	p->no_thp = any_one_in(t, 2);
	p->no_grouping = any_one_in(t, 8);
	p->one_home = any_one_in(t, 4);
	p->watermark_scale_factor = any_one_in(t, 4) ? 1 + (unsigned int)any_random(t, 1000) : 0;
	p->min_free_kbytes = any_one_in(t, 5) ? any_random(t, life->end >> 13) : 0;
	p->set_min_free_kbytes = any_one_in(t, 8);
	p->set_lowmem_reserve_ratio = any_one_in(t, 4);
	for (unsigned int i = 0; i < 4; i++)
		p->lowmem_reserve_ratio[i] = (unsigned int)any_random(t, 300);
	any_shape_nodes(t, p);
	if (life->helps && any_one_in(t, 2)) {
		for (unsigned int i = 0; i < 2; i++) {
			some[i].start = (i == 0 ? 0 : some[0].start + some[0].size) +
					any_pages(t, life->end / 2 + QUARRY_PAGE_SIZE);
			some[i].size = QUARRY_PAGE_SIZE + any_pages(t, life->end);
		}
		p->unaccepted = some;
		p->nr_unaccepted = 2;
	}
	if (any_one_in(t, 4))
		p->max_hotplug_phys = life->end = 2 * QUARRY_MEMORY_BLOCK_BYTES;
}

static void any_shape(struct anything *t, struct any_life *life)
{
	*life = (struct any_life){.odd = true};
	life->taste = (enum any_taste)any_random(t, ANY_TASTES);
	life->helps = any_one_in(t, 2);
	life->debug = any_one_in(t, 4);
	life->cmas = (unsigned int)any_random(t, 3);
	life->spec.concurrent = any_one_in(t, 2);
	any_shape_memory(t, life);
	any_shape_reserved(t, life);
	any_shape_boot(t, life);
	if (life->debug)
		life->spec.ram_bytes = (size_t)life->end + MIB;
	if (!life->helps && any_one_in(t, 2)) {
		life->spec.port = MACHINE_INSIDE;
		/* A table may lie on the rest of a page. */
		for (struct machine_range *r = life->spec.reserved; r->start < r->end; r++) {
			r->start &= ~(QUARRY_PAGE_SIZE - 1);
			r->end = (r->end + QUARRY_PAGE_SIZE - 1) & ~(QUARRY_PAGE_SIZE - 1);
		}
		life->spec.ram_bytes = (size_t)life->end + MIB;
	}
}

void any_live_short(uint64_t seed, unsigned int machines, unsigned int steps, uint64_t digest)
{
	struct anything *t = &any;
	struct any_life life;

	t->digest = 0;
	seed += any_given("QUARRY_TEST_SEED", 0);
	for (unsigned int n = 0; n < machines; n++) {
		uint64_t so_far = t->digest;

		memset(t, 0, sizeof(*t));
		t->digest = so_far;
		t->seed = seed + n;
		t->life = &life;
		t->last = "boot";
		t->machine = n;
		any_shape(t, &life);
		if (!any_begin(t)) {
			any_forget(t);
			continue;
		}
		page_state_add(t->m.q, &t->digest);
		for (t->step = 0; t->step < steps; t->step++)
			any_run_step(t);
		any_compare(t);
		any_add_texts(t);
		any_end(t);
	}
	any_decided(t, digest);
}
