/* SPDX-License-Identifier: MIT */
/* What the log says of requests that fail, or wait for long; and flags in Linux's words. */
#include "prep.h"

#include <base/format.h>

struct warn_flag {
	const char *name;
	gfp_t gfp;
};

/* Combinations first. */
static const struct warn_flag warn_flags[] = {
	{"GFP_TRANSHUGE", GFP_TRANSHUGE},
	{"GFP_TRANSHUGE_LIGHT", GFP_TRANSHUGE_LIGHT},
	{"GFP_HIGHUSER_MOVABLE", GFP_HIGHUSER_MOVABLE},
	{"GFP_HIGHUSER", GFP_HIGHUSER},
	{"GFP_USER", GFP_USER},
	{"GFP_KERNEL_ACCOUNT", GFP_KERNEL_ACCOUNT},
	{"GFP_KERNEL", GFP_KERNEL},
	{"GFP_NOFS", GFP_NOFS},
	{"GFP_ATOMIC", GFP_ATOMIC},
	{"GFP_NOIO", GFP_NOIO},
	{"GFP_NOWAIT", GFP_NOWAIT},
	{"GFP_DMA", GFP_DMA},
	{"__GFP_HIGHMEM", __GFP_HIGHMEM},
	{"GFP_DMA32", GFP_DMA32},
	{"__GFP_HIGH", __GFP_HIGH},
	{"__GFP_ATOMIC", __GFP_ATOMIC},
	{"__GFP_IO", __GFP_IO},
	{"__GFP_FS", __GFP_FS},
	{"__GFP_NOWARN", __GFP_NOWARN},
	{"__GFP_RETRY_MAYFAIL", __GFP_RETRY_MAYFAIL},
	{"__GFP_NOFAIL", __GFP_NOFAIL},
	{"__GFP_NORETRY", __GFP_NORETRY},
	{"__GFP_COMP", __GFP_COMP},
	{"__GFP_ZERO", __GFP_ZERO},
	{"__GFP_NOMEMALLOC", __GFP_NOMEMALLOC},
	{"__GFP_MEMALLOC", __GFP_MEMALLOC},
	{"__GFP_HARDWALL", __GFP_HARDWALL},
	{"__GFP_THISNODE", __GFP_THISNODE},
	{"__GFP_RECLAIMABLE", __GFP_RECLAIMABLE},
	{"__GFP_MOVABLE", __GFP_MOVABLE},
	{"__GFP_ACCOUNT", __GFP_ACCOUNT},
	{"__GFP_WRITE", __GFP_WRITE},
	{"__GFP_RECLAIM", __GFP_RECLAIM},
	{"__GFP_DIRECT_RECLAIM", __GFP_DIRECT_RECLAIM},
	{"__GFP_KSWAPD_RECLAIM", __GFP_KSWAPD_RECLAIM},
	{"__GFP_ZEROTAGS", __GFP_ZEROTAGS},
};

static size_t warn_add(char *buf, size_t size, size_t len, const char *text)
{
	size_t left = len < size ? size - len : 0;

	return len + quarry_format(left != 0 ? buf + len : buf, left, "%s", text);
}

size_t quarry_gfp_format(gfp_t gfp, char *buf, size_t size)
{
	size_t len = 0;
	char rest[16];

	if (gfp == 0)
		return warn_add(buf, size, 0, "none");
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(warn_flags) && gfp != 0; i++) {
		if ((gfp & warn_flags[i].gfp) != warn_flags[i].gfp)
			continue;
		len = warn_add(buf, size, len, len != 0 ? "|" : "");
		len = warn_add(buf, size, len, warn_flags[i].name);
		gfp &= ~warn_flags[i].gfp;
	}
	if (gfp != 0) {
		quarry_format(rest, sizeof(rest), "%s%#x", len != 0 ? "|" : "", (unsigned int)gfp);
		len = warn_add(buf, size, len, rest);
	}
	return len;
}

bool quarry_gfp_by_name(const char *name, size_t len, gfp_t *gfp)
{
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(warn_flags); i++) {
		const char *s = warn_flags[i].name;
		size_t n = 0;

		while (n < len && s[n] != '\0' && s[n] == name[n])
			n++;
		if (n == len && s[n] == '\0') {
			*gfp = warn_flags[i].gfp;
			return true;
		}
	}
	return false;
}

/* "mode:0xcc0(GFP_KERNEL), nodemask=(null)" and which request it is. */
static void warn_request(struct quarry *q, const struct alloc_request *r, const char *what)
{
	char gfp[160], nodes[24] = "(null)";

	quarry_gfp_format(r->gfp, gfp, sizeof(gfp));
	if (r->nodes != ~(uint64_t)0)
		quarry_format(nodes, sizeof(nodes), "%#llx", (unsigned long long)r->nodes);
	quarry_log(q, QUARRY_LOG_WARN, "%s, order:%u, mode:%#x(%s), nodemask=%s, node %d", what,
		   r->order, (unsigned int)r->gfp, gfp, nodes, r->nid);
}

static void warn_zone(struct quarry *q, const struct page_zone *z)
{
	unsigned long k = QUARRY_PAGE_SIZE >> 10;

	quarry_log(q, QUARRY_LOG_WARN,
		   "Node %d %s free:%lukB min:%lukB low:%lukB high:%lukB present:%lukB "
		   "managed:%lukB largest free block: order %d",
		   z->nid, quarry_zone_name((enum quarry_zone_type)z->type),
		   (unsigned long)quarry_load_relaxed(&z->nr_free) * k,
		   zone_mark(z, QUARRY_WMARK_MIN) * k, zone_mark(z, QUARRY_WMARK_LOW) * k,
		   zone_mark(z, QUARRY_WMARK_HIGH) * k, quarry_load_relaxed(&z->present) * k,
		   quarry_load_relaxed(&z->managed) * k, zone_largest_order(z));
}

QUARRY_COLD void warn_alloc(struct quarry *q, const struct alloc_request *r)
{
	struct page_layer *pl = q->pages;
	uint64_t limit = pl->prep != NULL ? pl->prep->config.warn_limit : WARN_LIMIT;
	uint64_t n;

	if ((r->gfp & __GFP_NOWARN) != 0 || q->port.log == NULL)
		return;
	n = quarry_fetch_add_relaxed(&pl->warned, (uint64_t)1);
	if (n >= limit) {
		if (n == limit && limit != 0)
			quarry_log(q, QUARRY_LOG_WARN,
				   "page allocation failures: no more are told");
		return;
	}
	warn_request(q, r, "page allocation failure");
	for (unsigned int i = 0; i < r->nr_list; i++) {
		if (r->list[i]->type <= r->highest && (r->nodes >> r->list[i]->nid & 1) != 0)
			warn_zone(q, r->list[i]);
	}
}

#define WARN_STALL_NS 10000000000u

void warn_stall(struct quarry *q, const struct alloc_request *r, uint64_t *since, uint64_t *next)
{
	uint64_t now = prep_now(q);
	char what[64];

	if ((r->gfp & __GFP_NOWARN) != 0)
		return;
	if (*since == 0) {
		*since = now;
		*next = now + WARN_STALL_NS;
	}
	if (now < *next)
		return;
	*next = now + WARN_STALL_NS;
	quarry_format(what, sizeof(what), "page allocation stalls for %llums",
		      (unsigned long long)bits_div64(now - *since, 1000000));
	warn_request(q, r, what);
}
