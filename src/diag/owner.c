/* SPDX-License-Identifier: MIT */
/* Owners of pages and events as text: page_owner, /proc/allocinfo, perf script. */
#include "diag.h"

#include <base/bits.h>

#define OWNER_GFP_MAX 160

/* "file:line func:name", or the address that a call returned to. */
static void owner_show_place(const struct quarry_out *out, const struct quarry_page_site *site,
			     const void *address)
{
	if (site != NULL)
		quarry_out_printf(out, "%s:%u func:%s", site->file, site->line, site->function);
	else if (address != NULL)
		quarry_out_printf(out, "%p:0 func:?", address);
	else
		quarry_out_printf(out, "unknown:0 func:?");
}

static void owner_show_block(struct quarry *q, const struct quarry_out *out, pfn_t pfn,
			     const struct quarry_page_owner *o)
{
	static const char *const names[] = {"Unmovable", "Reclaimable", "Movable", "Movable"};
	const char *type = names[((o->gfp & __GFP_MOVABLE) != 0 ? 2 : 0) +
				 ((o->gfp & __GFP_RECLAIMABLE) != 0 ? 1 : 0)];
	int block = quarry_pageblock_type(q, pfn);
	char gfp[OWNER_GFP_MAX];

	quarry_gfp_format(o->gfp, gfp, sizeof(gfp));
	quarry_out_printf(out, "Page allocated via order %u, mask %#x(%s), ", o->order,
			  (unsigned int)o->gfp, gfp);
	quarry_out_printf(out, "pid %u, tgid %u (cpu%u), ts %llu ns, free_ts %llu ns\n",
			  o->alloc.cpu, o->alloc.cpu, o->alloc.cpu, (unsigned long long)o->alloc.ns,
			  (unsigned long long)o->free.ns);
	quarry_out_printf(out, "PFN %llu type %s Block %llu type %s Flags 0x0()\n ",
			  (unsigned long long)pfn, type,
			  (unsigned long long)(pfn >> QUARRY_PAGEBLOCK_ORDER),
			  quarry_migratetype_name((enum quarry_migratetype)block));
	owner_show_place(out, o->alloc.site, o->alloc.address);
	quarry_out_printf(out, "\n\n");
}

void quarry_show_page_owner(struct quarry *q, const struct quarry_out *out)
{
	struct quarry_page_owner o;
	pfn_t pfn = 0;

	while (quarry_page_owner_next(q, &pfn, &o)) {
		owner_show_block(q, out, pfn, &o);
		pfn += (pfn_t)1 << o.order;
	}
}

/* The first of the places stands for what has none: told if there is any. */
static void owner_show_sites(struct quarry *q, const struct quarry_out *out,
			     bool (*site)(struct quarry *q, unsigned int index,
					  struct quarry_page_site_info *info))
{
	struct quarry_page_site_info s;

	for (unsigned int i = 0; site(q, i, &s); i++) {
		if (i == 0 && s.blocks == 0)
			continue;
		quarry_out_printf(out, "%12lld %8llu ", (long long)s.live_bytes,
				  (unsigned long long)s.live_blocks);
		owner_show_place(out, s.site, s.address);
		quarry_out_printf(out, " \n");
	}
}

void quarry_show_allocinfo(struct quarry *q, const struct quarry_out *out)
{
	quarry_out_printf(out, "allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n");
	owner_show_sites(q, out, quarry_page_site);
	owner_show_sites(q, out, quarry_slab_site);
}

void quarry_show_page_sites(struct quarry *q, unsigned int max, const struct quarry_out *out)
{
	uint64_t last_bytes = ~(uint64_t)0;
	unsigned int last = 0;

	for (unsigned int n = 0; n < max; n++) {
		struct quarry_page_site_info s, best = {0};
		unsigned int best_i = 0;
		bool found = false;

		for (unsigned int i = 0; quarry_page_site(q, i, &s); i++) {
			bool after = n == 0 || s.live_bytes < last_bytes ||
				     (s.live_bytes == last_bytes && i > last);

			/* Of places with as many bytes alive the oldest is first. */
			if (s.blocks == 0 || !after || (found && s.live_bytes <= best.live_bytes))
				continue;
			best = s;
			best_i = i;
			found = true;
		}
		if (!found)
			break;
		quarry_out_printf(out, "%10llu KiB in %8llu blocks, of %10llu KiB in %8llu: ",
				  (unsigned long long)best.live_bytes >> 10,
				  (unsigned long long)best.live_blocks,
				  (unsigned long long)best.bytes >> 10,
				  (unsigned long long)best.blocks);
		owner_show_place(out, best.site, best.address);
		quarry_out_printf(out, "\n");
		last_bytes = best.live_bytes;
		last = best_i;
	}
}

/* ---- trace ---- */

/* What Linux's array of descriptors begins at on x86-64: pointers are printed as if it were there. */
#define OWNER_VMEMMAP 0xffffea0000000000u
#define OWNER_PAGE_STRUCT 64u

static const char *const owner_trace_names[QUARRY_NR_TRACE_TYPES] = {
	[QUARRY_TRACE_PAGE_ALLOC] = "mm_page_alloc",
	[QUARRY_TRACE_PAGE_FREE] = "mm_page_free",
	[QUARRY_TRACE_PAGE_FREE_BATCHED] = "mm_page_free_batched",
	[QUARRY_TRACE_PCPU_DRAIN] = "mm_page_pcpu_drain",
	[QUARRY_TRACE_ZONE_LOCKED] = "mm_page_alloc_zone_locked",
	[QUARRY_TRACE_EXTFRAG] = "mm_page_alloc_extfrag",
};

/* What follows page= and pfn=. */
static size_t owner_trace_fields(const struct quarry_trace_event *e, char *buf, size_t size)
{
	char gfp[OWNER_GFP_MAX];

	switch (e->type) {
	case QUARRY_TRACE_PAGE_ALLOC:
		quarry_gfp_format(e->gfp, gfp, sizeof(gfp));
		return quarry_format(buf, size, "order=%u migratetype=%d gfp_flags=%s", e->order,
				     e->migratetype, gfp);
	case QUARRY_TRACE_PCPU_DRAIN:
		return quarry_format(buf, size, "order=%u migratetype=%d", e->order,
				     e->migratetype);
	case QUARRY_TRACE_ZONE_LOCKED:
		return quarry_format(buf, size, "order=%u migratetype=%d percpu_refill=%d",
				     e->order, e->migratetype, e->percpu_refill);
	case QUARRY_TRACE_EXTFRAG:
		return quarry_format(buf, size,
				     "alloc_order=%u fallback_order=%u pageblock_order=%d "
				     "alloc_migratetype=%d fallback_migratetype=%d "
				     "fragmenting=%d change_ownership=%d",
				     e->order, e->fallback_order, QUARRY_PAGEBLOCK_ORDER,
				     e->migratetype, e->fallback_migratetype,
				     e->fallback_order < QUARRY_PAGEBLOCK_ORDER,
				     e->change_ownership);
	default:
		return quarry_format(buf, size, "order=%u", e->order);
	}
}

size_t quarry_trace_format(const struct quarry_trace_event *event, char *buf, size_t size)
{
	bool known = (unsigned int)event->type < QUARRY_NR_TRACE_TYPES;
	char page[24] = "(nil)", name[40];
	size_t len, left;

	if (event->page != NULL)
		quarry_format(page, sizeof(page), "%#llx",
			      (unsigned long long)(OWNER_VMEMMAP + event->pfn * OWNER_PAGE_STRUCT));
	quarry_format(name, sizeof(name), "kmem:%s", known ? owner_trace_names[event->type] : "?");
	len = quarry_format(buf, size, "%16s %5u [%03u] %5llu.%09llu: %26s: page=%s pfn=%#llx ",
			    "quarry", event->cpu, event->cpu,
			    (unsigned long long)bits_div64(event->ns, 1000000000),
			    (unsigned long long)bits_mod64(event->ns, 1000000000), name, page,
			    (unsigned long long)event->pfn);
	left = len < size ? size - len : 0;
	return len + owner_trace_fields(event, left != 0 ? buf + len : buf, left);
}
