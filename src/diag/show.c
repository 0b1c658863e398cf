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

static void show_refused_zone(const struct quarry_refusal *f, const struct quarry_refused_zone *z,
			      const struct quarry_out *out)
{
	quarry_out_printf(out, "  node %d zone %-7s ", z->nid, quarry_zone_name(z->zone));
	switch (z->reason) {
	case QUARRY_REFUSED_WATERMARK:
		quarry_out_printf(out, "%lu pages free, must stay above min %lu + reserve %lu",
				  z->free, z->watermark, z->reserve);
		if (z->free > 0)
			quarry_out_printf(out, " (short by %lu)",
					  z->watermark + z->reserve + (1ul << f->order) - z->free);
		break;
	case QUARRY_REFUSED_ORDER:
		quarry_out_printf(out, "%lu pages free, but no block of order %u: the largest is ",
				  z->free, f->order);
		if (z->largest_order < 0)
			quarry_out_printf(out, "none");
		else
			quarry_out_printf(out, "order %d", z->largest_order);
		break;
	case QUARRY_REFUSED_TYPE:
		quarry_out_printf(out, "free blocks are of types that this request may not use");
		break;
	case QUARRY_REFUSED_METADATA:
		quarry_out_printf(out, "no memory for the tables of an arena that nobody had used");
		break;
	default:
		quarry_out_printf(out, "was not asked");
	}
	quarry_out_printf(out, "\n");
}

void quarry_show_refusal(struct quarry *q, const struct quarry_out *out)
{
	struct quarry_refusal f;

	if (!quarry_explain(q, &f))
		return;
	quarry_out_printf(out,
			  "refused: order %u, gfp %#x, preferred node %d, refusal number %llu\n",
			  f.order, (unsigned int)f.gfp, f.nid, (unsigned long long)f.serial);
	if (f.nr_zones == 0)
		quarry_out_printf(out, "  no zone may serve this request\n");
	for (unsigned int i = 0; i < f.nr_zones && i < QUARRY_EXPLAIN_ZONES; i++)
		show_refused_zone(&f, &f.zones[i], out);
	if (f.nr_zones > QUARRY_EXPLAIN_ZONES)
		quarry_out_printf(out, "  and %u more zones\n", f.nr_zones - QUARRY_EXPLAIN_ZONES);
}

unsigned int quarry_check(struct quarry *q, const struct quarry_out *out)
{
	unsigned int faults = quarry_check_memblock(q, out);

	faults += quarry_check_bootmem(q, out);
	if (quarry_stage(q) >= QUARRY_STAGE_PAGES)
		faults += quarry_check_pages(q, out);
	if (quarry_stage(q) >= QUARRY_STAGE_SLAB)
		faults += quarry_check_slab(q, out);
	return faults;
}
