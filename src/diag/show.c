/* SPDX-License-Identifier: MIT */
/* Views that are ours: memblock's lists, why a request was refused; and all validators at once. */
#include <base/format.h>
#include <base/quarry_state.h>

static void show_memblock_type(const struct memblock_type *type, const struct quarry_out *out)
{
	quarry_out_printf(out, " %s.cnt  = %#lx\n", type->name, type->cnt);
	for (unsigned long i = 0; i < type->cnt; i++) {
		const struct memblock_region *r = &type->regions[i];

		quarry_out_printf(out, " %s[%#lx]\t[%#018llx-%#018llx], %#018llx bytes", type->name,
				  i, (unsigned long long)r->base,
				  (unsigned long long)(r->base + r->size - 1),
				  (unsigned long long)r->size);
		if (r->nid >= 0 && r->nid < QUARRY_MAX_NODES)
			quarry_out_printf(out, " on node %d", (int)r->nid);
		quarry_out_printf(out, " flags: %#x\n", (unsigned int)r->flags);
	}
}

void quarry_show_memblock(struct quarry *q, const struct quarry_out *out)
{
	const struct memblock *m = quarry_memblock(q);

	quarry_out_printf(out, "MEMBLOCK configuration:\n");
	quarry_out_printf(out, " memory size = %#018llx reserved size = %#018llx\n",
			  (unsigned long long)m->memory.total_size,
			  (unsigned long long)m->reserved.total_size);
	show_memblock_type(&m->memory, out);
	show_memblock_type(&m->reserved, out);
}

/* Names of the flags, by bit. */
static const char *const show_memblock_flags[] = {"HOTPLUG", "MIRROR",   "NOMAP",      "DRV_MNG",
						  "RSV_NIT", "RSV_KERN", "KHO_SCRATCH"};

static void show_memblock_region(const struct memblock_region *r, unsigned long i,
				 const struct quarry_out *out)
{
	const char *separator = "";

	quarry_out_printf(out, "%4lu: %#018llx..%#018llx ", i, (unsigned long long)r->base,
			  (unsigned long long)(r->base + r->size - 1));
	if (r->nid >= 0 && r->nid < QUARRY_MAX_NODES)
		quarry_out_printf(out, "%4d ", (int)r->nid);
	else
		quarry_out_printf(out, "%4s ", "x");
	if (r->flags == 0)
		quarry_out_printf(out, "NONE");
	for (unsigned int b = 0; b < QUARRY_ARRAY_SIZE(show_memblock_flags); b++) {
		if ((r->flags >> b & 1) == 0)
			continue;
		quarry_out_printf(out, "%s%s", separator, show_memblock_flags[b]);
		separator = "|";
	}
	quarry_out_printf(out, "\n");
}

void quarry_show_memblock_list(struct quarry *q, bool reserved, const struct quarry_out *out)
{
	const struct memblock *m = quarry_memblock(q);
	const struct memblock_type *type = reserved ? &m->reserved : &m->memory;

	for (unsigned long i = 0; i < type->cnt; i++) {
		if (type->regions[i].size != 0)
			show_memblock_region(&type->regions[i], i, out);
	}
}

static void show_largest(const struct quarry_out *out, const char *what, int order)
{
	if (order < 0)
		quarry_out_printf(out, "%snone", what);
	else
		quarry_out_printf(out, "%sorder %d", what, order);
}

/* Pages that are free, or would be, and were not for the request. */
static void show_refused_kept(const struct quarry_refused_zone *z, const struct quarry_out *out)
{
	const struct {
		unsigned long pages;
		const char *text;
	} kept[] = {
		{z->highatomic, "kept for requests that cannot wait"},
		{z->cma, "in CMA areas"},
		{z->isolated, "isolated"},
		{z->unaccepted, "not accepted"},
	};
	const char *separator = "; of its pages ";

	if (z->reason == QUARRY_REFUSED_NODE)
		return;
	for (unsigned int i = 0; i < QUARRY_ARRAY_SIZE(kept); i++) {
		if (kept[i].pages == 0)
			continue;
		quarry_out_printf(out, "%s%lu %s", separator, kept[i].pages, kept[i].text);
		separator = ", ";
	}
}

static void show_refused_zone(const struct quarry_refusal *f, const struct quarry_refused_zone *z,
			      const struct quarry_out *out)
{
	quarry_out_printf(out, "  node %d zone %-7s ", z->nid, quarry_zone_name(z->zone));
	switch (z->reason) {
	case QUARRY_REFUSED_NODE:
		quarry_out_printf(out, "not among the nodes of the request");
		break;
	case QUARRY_REFUSED_WATERMARK:
		quarry_out_printf(out, "%lu pages free, must stay above min %lu + reserve %lu",
				  z->free, z->watermark, z->reserve);
		if (z->unusable != 0)
			quarry_out_printf(out, " + %lu in blocks that are not for it", z->unusable);
		quarry_out_printf(out, " (short by %lu)", z->lacking);
		break;
	case QUARRY_REFUSED_ORDER:
		quarry_out_printf(out, "%lu pages free, but no block of order %u", z->free,
				  f->order);
		show_largest(out, ": the largest is ", z->largest_order);
		break;
	case QUARRY_REFUSED_TYPE:
		show_largest(out, "free blocks are of types that it may not use: the largest is ",
			     z->largest_order);
		show_largest(out, ", of its own types ", z->largest_allowed);
		break;
	case QUARRY_REFUSED_METADATA:
		quarry_out_printf(out, "no memory for the tables of an arena that nobody had used");
		break;
	default:
		quarry_out_printf(out, "was not asked");
	}
	show_refused_kept(z, out);
	quarry_out_printf(out, "\n");
}

/* What would have helped, as clauses of one sentence. */
static void show_remedies(const struct quarry_refusal *f, const struct quarry_out *out)
{
	static const struct {
		unsigned int remedy;
		const char *text;
	} rights[] = {
		{QUARRY_REMEDY_COMPACT, "moving pages together (enough are free)"},
		{QUARRY_REMEDY_HIGH, "__GFP_HIGH"},
		{QUARRY_REMEDY_ATOMIC, "GFP_ATOMIC"},
		{QUARRY_REMEDY_MEMALLOC, "__GFP_MEMALLOC"},
		{QUARRY_REMEDY_MOVABLE, "__GFP_MOVABLE (CMA, ZONE_MOVABLE)"},
		{QUARRY_REMEDY_HIGHER_ZONE, "a higher zone"},
	};
	const char *separator = " ";

	quarry_out_printf(out, "  would have helped:");
	if ((f->remedies & QUARRY_REMEDY_RECLAIM) != 0) {
		quarry_out_printf(out, " %lu more free pages in node %d zone %s", f->lacking,
				  f->zones[f->nearest].nid,
				  quarry_zone_name(f->zones[f->nearest].zone));
		separator = ", ";
	}
	if ((f->remedies & QUARRY_REMEDY_SMALLER) != 0) {
		quarry_out_printf(out, "%sorder %u", separator, f->smaller_order);
		separator = ", ";
	}
	if ((f->remedies & QUARRY_REMEDY_OTHER_NODE) != 0) {
		quarry_out_printf(out, "%snode %d", separator, f->other_nid);
		separator = ", ";
	}
	for (unsigned int i = 0; i < QUARRY_ARRAY_SIZE(rights); i++) {
		if ((f->remedies & rights[i].remedy) == 0)
			continue;
		quarry_out_printf(out, "%s%s", separator, rights[i].text);
		separator = ", ";
	}
	quarry_out_printf(out, "%s\n", f->remedies == 0 ? " nothing that was tried" : "");
}

void quarry_show_refusal(struct quarry *q, const struct quarry_out *out)
{
	struct quarry_refusal f;

	if (!quarry_explain(q, &f))
		return;
	quarry_out_printf(
		out, "refused: order %u, %s, gfp %#x, preferred node %d, refusal number %llu\n",
		f.order, quarry_migratetype_name(f.type), (unsigned int)f.gfp, f.nid,
		(unsigned long long)f.serial);
	if (f.nr_zones == 0)
		quarry_out_printf(out, "  no zone may serve this request\n");
	for (unsigned int i = 0; i < f.nr_zones && i < QUARRY_EXPLAIN_ZONES; i++)
		show_refused_zone(&f, &f.zones[i], out);
	if (f.nr_zones > QUARRY_EXPLAIN_ZONES)
		quarry_out_printf(out, "  and %u more zones\n", f.nr_zones - QUARRY_EXPLAIN_ZONES);
	if (f.nearest >= 0 && f.nr_zones > 1)
		quarry_out_printf(out, "  nearest: node %d zone %s\n", f.zones[f.nearest].nid,
				  quarry_zone_name(f.zones[f.nearest].zone));
	if (f.reclaim_rounds != 0)
		quarry_out_printf(out, "  reclaim: %u rounds freed %lu pages\n", f.reclaim_rounds,
				  f.reclaimed);
	show_remedies(&f, out);
}
