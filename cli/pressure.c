/* SPDX-License-Identifier: MIT */
/*
 * What a kernel does between requests.
 *
 * Order	A request that finds memory short wakes its node's kswapd: the port's hook notes it. When
 *		the request is over, kswapd and then kcompactd of each such node run to their end, before
 *		the next request. So a run depends on the requests and the seed alone. Requests that are
 *		refused by the low watermark but served by min go on in between, as on a machine whose
 *		kswapd is slow; those that need more reclaim directly.
 *
 * Reads	Every so many requests a file page is used, and read in if it is not cached: so that the
 *		cache takes back what memory becomes free.
 *
 * Samples	At most PRESSURE_MAX_SAMPLES, at equal distances: when there are so many, every second one
 *		is dropped and the distance doubles.
 */
#include <inttypes.h>
#include <string.h>

#include <quarry/pageinfo.h>
#include <quarry/vmstat.h>

#include <pressure.h>

#define PRESSURE_BATCH 32ul /* pages that one call gives kswapd at least */
#define PRESSURE_BATCH_SHIFT 10

bool pressure_parse(const char *text, struct pressure_options *o)
{
	size_t len = strlen(text);
	char number[24];
	uint64_t n;

	o->percent = 0;
	if (strcmp(text, "fill") == 0) {
		o->bytes = PAGECACHE_FILL;
		return true;
	}
	if (len > 1 && len < sizeof(number) && text[len - 1] == '%') {
		memcpy(number, text, len - 1);
		number[len - 1] = '\0';
		if (!util_parse_u64(number, &n) || n < 1 || n > 100)
			return false;
		o->percent = (unsigned int)n;
		return true;
	}
	if (!util_parse_size(text, &n) || n / QUARRY_PAGE_SIZE < 1 ||
	    n / QUARRY_PAGE_SIZE > PAGECACHE_MAX)
		return false;
	o->bytes = n;
	return true;
}

/* ---- hooks ---- */

static void pressure_note_low(struct pressure *p, int nid)
{
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		struct pressure_low *low = &p->low[nid][t];
		uint64_t free = quarry_zone_free_pages(p->q, nid, (enum quarry_zone_type)t);

		if (!low->seen || free < low->free)
			*low = (struct pressure_low){free, p->request, true};
	}
}

static void pressure_wake(void *ctx, int nid, unsigned int order)
{
	struct pressure *p = ctx;

	(void)order;
	if (p->cache == NULL || nid < 0 || nid >= QUARRY_MAX_NODES)
		return;
	pressure_note_low(p, nid);
	p->wanted |= (uint64_t)1 << nid;
}

static unsigned long pressure_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				      unsigned long nr_pages)
{
	struct pressure *p = ctx;
	unsigned long pages, most;

	(void)order;
	if (p->cache == NULL)
		return 0;
	/* kswapd asks for much, and looks after each call whether it was enough: it gets a little each time. */
	most = (unsigned long)(pagecache_stats(p->cache)->cached >> PRESSURE_BATCH_SHIFT);
	most = most > PRESSURE_BATCH ? most : PRESSURE_BATCH;
	if (p->background && nr_pages > most)
		nr_pages = most;
	pages = pagecache_reclaim(p->cache, nid, gfp, nr_pages);
	if (p->background) {
		p->kswapd_pages += pages;
	} else {
		p->direct_runs++;
		p->direct_pages += pages;
	}
	return pages;
}

static unsigned long pressure_reclaimable(void *ctx, int nid, enum quarry_zone_type zone)
{
	const struct pressure *p = ctx;

	return p->cache != NULL ? pagecache_reclaimable(p->cache, nid, zone) : 0;
}

/* ---- between requests ---- */

void pressure_run_daemons(struct pressure *p)
{
	p->background = true;
	while (p->wanted != 0) {
		int nid = __builtin_ctzll(p->wanted);

		p->wanted &= p->wanted - 1;
		p->kswapd_runs += quarry_kswapd_wanted(p->q, nid);
		quarry_kswapd_run(p->q, nid);
		quarry_kcompactd_run(p->q, nid);
	}
	p->background = false;
}

void pressure_read(struct pressure *p)
{
	p->until_read = p->options.read_every;
	for (unsigned int i = 0; i < p->options.reads; i++)
		pagecache_read_any(p->cache);
	if (p->wanted != 0)
		pressure_run_daemons(p);
}

static void pressure_add_sample(struct pressure *p)
{
	struct quarry_totals totals;

	quarry_totals(p->q, &totals);
	p->sample[p->nr_samples++] = (struct pressure_sample){
		p->request, pagecache_stats(p->cache)->cached, totals.free + totals.pcp};
}

void pressure_take_sample(struct pressure *p)
{
	if (p->nr_samples == PRESSURE_MAX_SAMPLES) {
		for (unsigned int i = 0; i < PRESSURE_MAX_SAMPLES / 2; i++)
			p->sample[i] = p->sample[2 * i];
		p->nr_samples /= 2;
		p->sample_every *= 2;
	}
	pressure_add_sample(p);
	p->until_sample = p->sample_every;
}

/* ---- the whole ---- */

void pressure_init(struct pressure *p, const struct pressure_options *o)
{
	*p = (struct pressure){.options = *o, .sample_every = 64, .until_sample = 64};
	p->hooks = (struct quarry_posix_options){.reclaim = pressure_reclaim,
						 .reclaimable = pressure_reclaimable,
						 .wake = pressure_wake,
						 .hook_ctx = p};
}

int pressure_start(struct pressure *p, const struct machine *m)
{
	const struct pressure_options *o = &p->options;
	const struct pagecache_options cache = {
		.seed = o->seed, .dirty_percent = 10, .pinned = o->pinned};
	struct quarry_totals totals;
	uint64_t want;

	p->q = m->q;
	p->nr_nodes = m->nr_nodes;
	quarry_totals(p->q, &totals);
	want = o->percent != 0 ? (uint64_t)totals.managed * o->percent / 100
			       : o->bytes / QUARRY_PAGE_SIZE;
	if (o->percent == 0 && o->bytes == PAGECACHE_FILL)
		want = PAGECACHE_FILL;
	p->cache = pagecache_new(p->q, &cache);
	/* Filling is not pressure: nothing is counted or woken yet. */
	if (!pagecache_fill(p->cache, want)) {
		util_error("--page-cache: this machine has more memory than a cache can fill, "
			   "expected at most 32G");
		return CLI_INPUT;
	}
	p->wanted = 0;
	p->direct_runs = p->direct_pages = 0;
	p->start = *pagecache_stats(p->cache);
	p->until_read = o->read_every;
	for (unsigned int i = 0; i < QUARRY_NR_VM_EVENTS; i++)
		p->base[i] = quarry_vm_event(p->q, (enum quarry_vm_event)i);
	memset(p->low, 0, sizeof(p->low));
	for (int nid = 0; nid < p->nr_nodes; nid++)
		pressure_note_low(p, nid);
	pressure_take_sample(p);
	return CLI_OK;
}

void pressure_end(struct pressure *p)
{
	if (p->nr_samples == PRESSURE_MAX_SAMPLES ||
	    p->sample[p->nr_samples - 1].request == p->request)
		p->nr_samples--;
	pressure_add_sample(p);
	for (int nid = 0; nid < p->nr_nodes; nid++)
		pressure_note_low(p, nid);
}

void pressure_free(struct pressure *p)
{
	pagecache_delete(p->cache);
	p->cache = NULL;
}

uint64_t pressure_count(const struct pressure *p, enum quarry_vm_event event)
{
	return quarry_vm_event(p->q, event) - p->base[event];
}
