/* SPDX-License-Identifier: MIT */
/*
 * Firmware's words about memory, on their way to memblock.
 *
 * Problem    Each boot protocol says which memory there is in a form of its own: tables of ranges in
 *            any order, of any length, that overlap, end within a page, contradict each other, or are
 *            damaged. A kernel wants memblock filled, or not touched and told why. There is no memory to
 *            sort in: not a byte can be allocated before memblock knows what there is.
 *
 * Terms      A source is a description that can be walked again and again: each walk gives the same
 *            ranges in the same order. A point is what all ranges together say about one address, and
 *            up to which address that holds. A piece is a longest run of addresses that are memory
 *            with the same node and flags.
 *
 *            ranges     |== RAM, node 0 =========|   |==== RAM, node 1 ====|
 *                              |= RAM, node 0 =|  |= taken =|
 *            points     |------|---------------|-|---|------|--------------|
 *            pieces     |========================|          |==============|
 *
 * Theory     Pieces are found in ascending order without sorting: from one point the walk for the next
 *            finds the nearest address above at which any range begins or ends. What is no memory wins
 *            over what is. A piece that borders on no memory is trimmed to whole pages there; one that borders
 *            on another piece is not, so that memblock sees them touch.
 *
 * Invariant  First the whole source is checked and the regions are counted that it takes in memblock's
 *            arrays as they are; from then on nothing can fail. Arrays are not doubled here: a new one
 *            might come to lie on what is about to be reserved.
 *
 * Locks      None: boot has one thread.
 * Cost       O(n) for each point, so O(n^2) for n ranges, at most QUARRY_FIRMWARE_MAX_RANGES.
 * Failure    An error and one line in the log; memblock is as it was.
 */
#include <quarry/page.h>

#include <base/format.h>

#include "internal.h"

#define FIRMWARE_NO_MORE (~(phys_addr_t)0)
#define FIRMWARE_MAX_PHYS ((phys_addr_t)1 << QUARRY_MAX_PHYS_BITS)
#define FIRMWARE_LINE 256

/* ---- complaints ---- */

static void firmware_say(struct quarry *q, enum quarry_log_level level, const char *fmt, va_list ap)
{
	char line[FIRMWARE_LINE];

	quarry_vformat(line, sizeof(line), fmt, ap);
	quarry_log(q, level, "firmware: %s", line);
}

int firmware_fail(struct quarry *q, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	firmware_say(q, QUARRY_LOG_ERR, fmt, ap);
	va_end(ap);
	return err;
}

void firmware_warn(struct quarry *q, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	firmware_say(q, QUARRY_LOG_WARN, fmt, ap);
	va_end(ap);
}

/* ---- what callers are told beside ---- */

void firmware_begin_info(struct quarry_firmware_info *info)
{
	if (info == NULL)
		return;
	*info = (struct quarry_firmware_info){.cmdline = info->cmdline,
					      .cmdline_room = info->cmdline_room,
					      .module = info->module,
					      .module_room = info->module_room};
	if (info->cmdline != NULL && info->cmdline_room != 0)
		info->cmdline[0] = '\0';
}

void firmware_cmdline(struct quarry_firmware_info *info, const uint8_t *text, size_t size)
{
	size_t n = 0, fits;

	if (info == NULL)
		return;
	while (n < size && text[n] != '\0')
		n++;
	info->cmdline_length = n;
	if (info->cmdline == NULL || info->cmdline_room == 0)
		return;
	fits = quarry_min(n, info->cmdline_room - 1);
	quarry_memcpy(info->cmdline, text, fits);
	info->cmdline[fits] = '\0';
}

void firmware_module(struct quarry_firmware_info *info, struct quarry_range module)
{
	if (info == NULL)
		return;
	if (info->nr_modules == 0)
		info->initrd = module;
	if (info->module != NULL && info->nr_modules < info->module_room)
		info->module[info->nr_modules] = module;
	info->nr_modules++;
}

const uint8_t *firmware_map(struct quarry *q, const struct quarry_firmware_memory *memory,
			    phys_addr_t phys, size_t size)
{
	if (size == 0 || phys == 0 || size - 1 > ~(phys_addr_t)0 - phys)
		return NULL;
	if (memory != NULL)
		return memory->map(memory->ctx, phys, size);
	if (phys + (size - 1) > UINTPTR_MAX)
		return NULL;
	return quarry_phys_to_virt(q, phys);
}

/* ---- points ---- */

struct firmware_plan {
	const struct firmware_source *src;
	bool loader;               /* pieces are what the boot loader uses, not memory */
	unsigned long nr_ranges;   /* RAM and taken, as they stand there */
	unsigned long nr_limits;   /* ranges to which memory is limited */
	unsigned long nr_regions;  /* that memory takes in memblock */
	unsigned long nr_reserved; /* and reservations */
	unsigned long nr_loader;   /* ranges of the boot loader */
	unsigned long nr_overlaps; /* points at which more than one range says what they are */
	phys_addr_t ram, ram_end;  /* bytes of all pieces, end of the last */
	phys_addr_t lost;          /* memory beyond the highest address */
	phys_addr_t conflict;      /* memory of two nodes; FIRMWARE_NO_MORE: none */
	bool frame_0;              /* is memory */
};

struct firmware_point {
	phys_addr_t at, next;
	bool loader;       /* asked: whether the boot loader uses it; else, whether it is memory */
	unsigned int said; /* ranges that say whether it is memory */
	bool ram, taken, inside, conflict, used;
	uint32_t flags;
	int nid;
};

static void firmware_point_covered(struct firmware_point *p, const struct firmware_range *r)
{
	switch (r->kind) {
	case FIRMWARE_RAM:
		p->conflict = p->conflict || (p->ram && p->nid != r->nid);
		p->ram = true;
		p->nid = r->nid;
		p->flags |= r->flags;
		p->said++;
		break;
	case FIRMWARE_TAKEN:
		p->taken = true;
		p->said++;
		break;
	case FIRMWARE_LIMIT:
		p->inside = true;
		break;
	case FIRMWARE_NOMAP:
		p->flags |= MEMBLOCK_NOMAP;
		break;
	case FIRMWARE_LOADER:
		p->used = true;
		break;
	case FIRMWARE_RESERVED:
		break;
	}
}

static int firmware_point_see(void *arg, const struct firmware_range *r)
{
	struct firmware_point *p = arg;
	phys_addr_t end = firmware_end(r->start, r->size);

	if (r->start >= end || end <= p->at || r->kind == FIRMWARE_RESERVED ||
	    (r->kind == FIRMWARE_LOADER) != p->loader)
		return 0;
	if (r->start > p->at) {
		p->next = quarry_min(p->next, r->start);
		return 0;
	}
	p->next = quarry_min(p->next, end);
	firmware_point_covered(p, r);
	return 0;
}

/* Whether @at is of what is looked for; *@p says what all ranges say of it. */
static bool firmware_point(const struct firmware_plan *plan, phys_addr_t at,
			   struct firmware_point *p)
{
	*p = (struct firmware_point){
		.at = at, .next = FIRMWARE_NO_MORE, .loader = plan->loader, .nid = QUARRY_NO_NODE};
	(void)plan->src->walk(plan->src, firmware_point_see, p);
	if (plan->loader)
		return p->used;
	return p->ram && !p->taken && (plan->nr_limits == 0 || p->inside);
}

/* ---- pieces ---- */

struct firmware_piece {
	phys_addr_t start, end;
	uint32_t flags;
	int nid;
};

struct firmware_cursor {
	phys_addr_t at;
	bool joined; /* memory ends at @at */
};

static void firmware_note_point(struct firmware_plan *plan, const struct firmware_point *p,
				bool memory)
{
	plan->nr_overlaps += p->said > 1;
	if (memory && p->conflict && plan->conflict == FIRMWARE_NO_MORE)
		plan->conflict = p->at;
}

/* Trims to pages where no memory borders, and to the highest address. False: nothing is left. */
static bool firmware_trim(struct firmware_plan *plan, struct firmware_piece *piece, bool before,
			  bool after)
{
	if (!before)
		piece->start = piece->start > FIRMWARE_MAX_PHYS
				       ? piece->start
				       : bits_align_up(piece->start, QUARRY_PAGE_SIZE);
	if (!after)
		piece->end = bits_align_down(piece->end, QUARRY_PAGE_SIZE);
	if (piece->end > FIRMWARE_MAX_PHYS) {
		plan->lost += piece->end - quarry_max(piece->start, FIRMWARE_MAX_PHYS);
		piece->end = FIRMWARE_MAX_PHYS;
	}
	return piece->start < piece->end;
}

/* The next piece at or above the cursor. False: there is none. */
static bool firmware_next(struct firmware_plan *plan, struct firmware_cursor *c,
			  struct firmware_piece *piece)
{
	struct firmware_point p;
	bool before, memory;

	while (c->at != FIRMWARE_NO_MORE) {
		memory = firmware_point(plan, c->at, &p);
		firmware_note_point(plan, &p, memory);
		before = c->joined;
		c->joined = memory;
		if (!memory) {
			c->at = p.next;
			continue;
		}
		*piece = (struct firmware_piece){c->at, p.next, p.flags, p.nid};
		for (;;) {
			c->at = p.next;
			if (c->at == FIRMWARE_NO_MORE)
				break;
			c->joined = firmware_point(plan, c->at, &p);
			if (!c->joined || p.flags != piece->flags || p.nid != piece->nid)
				break;
			firmware_note_point(plan, &p, true);
			piece->end = p.next;
		}
		if (plan->loader ||
		    firmware_trim(plan, piece, before, c->at != FIRMWARE_NO_MORE && c->joined))
			return true;
	}
	return false;
}

/* ---- checking ---- */

/* Regions of @type that [@start, @end) meets. */
static unsigned long firmware_met(const struct memblock_type *type, phys_addr_t start,
				  phys_addr_t end)
{
	unsigned long i, n = 0;

	for (i = 0; i < type->cnt; i++)
		n += type->regions[i].base < end &&
		     start < type->regions[i].base + type->regions[i].size;
	return n;
}

unsigned long firmware_reserve_needs(struct quarry *q, phys_addr_t start, phys_addr_t size)
{
	return 1 + firmware_met(&quarry_memblock(q)->reserved, start, firmware_end(start, size));
}

static int firmware_check_range(void *arg, const struct firmware_range *r)
{
	struct firmware_plan *plan = arg;
	const struct firmware_source *src = plan->src;

	if (r->size != 0 && r->size - 1 > ~(phys_addr_t)0 - r->start)
		return firmware_fail(src->q, -QUARRY_ERANGE,
				     "%s: 0x%llx bytes at 0x%llx end beyond the address space",
				     src->name, (unsigned long long)r->size,
				     (unsigned long long)r->start);
	plan->nr_ranges += r->kind == FIRMWARE_RAM || r->kind == FIRMWARE_TAKEN;
	plan->nr_limits += r->kind == FIRMWARE_LIMIT;
	plan->nr_loader += r->kind == FIRMWARE_LOADER;
	if (r->kind == FIRMWARE_RESERVED && r->size != 0)
		plan->nr_reserved += firmware_reserve_needs(src->q, r->start, r->size);
	if (plan->nr_ranges + plan->nr_limits + plan->nr_reserved + plan->nr_loader >
	    QUARRY_FIRMWARE_MAX_RANGES)
		return firmware_fail(src->q, -QUARRY_E2BIG, "%s: more than %d ranges", src->name,
				     QUARRY_FIRMWARE_MAX_RANGES);
	return 0;
}

static int firmware_check_pieces(struct firmware_plan *plan)
{
	const struct firmware_source *src = plan->src;
	const struct memblock *mb = quarry_memblock(src->q);
	struct firmware_cursor c = {.at = 0};
	struct firmware_piece piece;

	while (firmware_next(plan, &c, &piece)) {
		plan->nr_regions += 1 + firmware_met(&mb->memory, piece.start, piece.end);
		plan->ram += piece.end - piece.start;
		plan->ram_end = piece.end;
		if (piece.start == 0)
			plan->frame_0 = true;
	}
	if (plan->conflict != FIRMWARE_NO_MORE)
		return firmware_fail(src->q, -QUARRY_EINVAL,
				     "%s: memory at 0x%llx is said to be of two nodes", src->name,
				     (unsigned long long)plan->conflict);
	if (plan->ram == 0)
		return firmware_fail(src->q, -QUARRY_ENXIO, "%s: no memory in %lu ranges",
				     src->name, plan->nr_ranges);
	return 0;
}

int firmware_room(struct quarry *q, const char *name, const struct memblock_type *type,
		  unsigned long more)
{
	/* An empty list may have one region of size 0. */
	unsigned long nr = type->cnt - (type->cnt == 1 && type->regions[0].size == 0);

	if (nr + more <= type->max)
		return 0;
	return firmware_fail(
		q, -QUARRY_ENOMEM,
		"%s: memblock's %s list has %lu of %lu regions, and %lu more are needed", name,
		type->name, nr, type->max, more);
}

/* Reservations that pieces of the boot loader's take; one that stays may cut one in two. */
static unsigned long firmware_count_loader(const struct firmware_plan *plan)
{
	struct firmware_plan uses = {.src = plan->src, .loader = true};
	struct firmware_cursor c = {.at = 0};
	struct firmware_piece piece;
	unsigned long n = 0;

	while (firmware_next(&uses, &c, &piece))
		n += firmware_reserve_needs(plan->src->q, piece.start, piece.end - piece.start);
	return n != 0 ? n + plan->nr_reserved : 0;
}

static int firmware_check(struct firmware_plan *plan)
{
	const struct firmware_source *src = plan->src;
	const struct memblock *mb = quarry_memblock(src->q);
	int err;

	if (src->q->stage != QUARRY_STAGE_BOOT)
		return firmware_fail(src->q, -QUARRY_EINVAL, "%s: too late, boot is over",
				     src->name);
	err = src->walk(src, firmware_check_range, plan);
	if (err == 0)
		err = firmware_check_pieces(plan);
	if (err == 0)
		err = firmware_room(src->q, src->name, &mb->memory, plan->nr_regions);
	plan->nr_reserved += plan->frame_0;
	if (err == 0)
		err = firmware_room(src->q, src->name, &mb->reserved,
				    plan->nr_reserved + firmware_count_loader(plan));
	return err;
}

/* ---- applying ---- */

/* No more regions than firmware_reserve_needs() counts. */
int firmware_reserve(struct quarry *q, phys_addr_t start, phys_addr_t end, bool loader)
{
	const struct memblock_type *type = &quarry_memblock(q)->reserved;
	unsigned long i = 0;
	int err = 0;

	while (start < end && err == 0) {
		const struct memblock_region *r = &type->regions[i];
		phys_addr_t stop = end;

		if (i < type->cnt && r->base + r->size <= start) {
			i++;
			continue;
		}
		if (i < type->cnt && r->base <= start) {
			start = r->base + r->size;
			continue;
		}
		if (i < type->cnt)
			stop = quarry_min(stop, r->base);
		err = loader ? quarry_memblock_reserve_firmware(q, start, stop - start)
			     : quarry_memblock_reserve(q, start, stop - start);
		/* Region i ends here now. If it was joined with its neighbours, the last of them is met again. */
		start = stop;
	}
	return err;
}

int firmware_see_used(firmware_see_fn see, void *arg, phys_addr_t start, phys_addr_t size,
		      enum firmware_kind kind)
{
	struct firmware_range r = {.start = start, .size = size, .kind = kind};

	return see(arg, &r);
}

static int firmware_reserve_see(void *arg, const struct firmware_range *r)
{
	struct quarry *q = arg;

	if (r->kind != FIRMWARE_RESERVED)
		return 0;
	return firmware_reserve(q, r->start, firmware_end(r->start, r->size), false);
}

/* What stays reserved comes first: it keeps what a range of the boot loader's covers too. */
static int firmware_reserve_all(const struct firmware_plan *plan)
{
	struct firmware_plan uses = {.src = plan->src, .loader = true};
	struct quarry *q = plan->src->q;
	struct firmware_cursor c = {.at = 0};
	struct firmware_piece piece;
	int err = plan->frame_0 ? firmware_reserve(q, 0, QUARRY_PAGE_SIZE, false) : 0;

	if (err == 0)
		err = plan->src->walk(plan->src, firmware_reserve_see, q);
	while (err == 0 && firmware_next(&uses, &c, &piece))
		err = firmware_reserve(q, piece.start, piece.end, true);
	return err;
}

static int firmware_add(struct firmware_plan *plan)
{
	const struct firmware_source *src = plan->src;
	struct firmware_cursor c = {.at = 0};
	struct firmware_piece piece;
	int err = 0;

	while (err == 0 && firmware_next(plan, &c, &piece)) {
		int nid = piece.nid != QUARRY_NO_NODE ? piece.nid : quarry_memblock(src->q)->no_nid;

		err = quarry_memblock_add_node(src->q, piece.start, piece.end - piece.start, nid,
					       piece.flags);
	}
	return err;
}

/* Once each, whatever the number of ranges. */
static void firmware_tell(const struct firmware_plan *plan)
{
	const struct firmware_source *src = plan->src;

	if (plan->nr_overlaps != 0)
		firmware_warn(src->q, "%s: ranges overlap; what is no memory wins", src->name);
	if (plan->lost != 0)
		firmware_warn(src->q, "%s: %llu KiB of memory above 0x%llx ignored", src->name,
			      (unsigned long long)(plan->lost >> 10),
			      (unsigned long long)FIRMWARE_MAX_PHYS);
	quarry_log(src->q, QUARRY_LOG_INFO, "firmware: %s: %llu KiB of memory in %lu ranges",
		   src->name, (unsigned long long)(plan->ram >> 10), plan->nr_ranges);
}

int firmware_apply(const struct firmware_source *src, struct quarry_firmware_info *info)
{
	struct firmware_plan plan = {.src = src, .conflict = FIRMWARE_NO_MORE};
	int err = firmware_check(&plan);

	if (err != 0)
		return err;
	firmware_tell(&plan);
	err = firmware_add(&plan);
	if (err == 0)
		err = firmware_reserve_all(&plan);
	if (err != 0)
		return firmware_fail(src->q, err, "%s: memblock refuses what was counted",
				     src->name);
	if (info != NULL) {
		info->ram_bytes = plan.ram;
		info->ram_end = plan.ram_end;
		info->nr_ranges = (unsigned int)plan.nr_ranges;
	}
	return 0;
}

/* ---- the second phase ---- */

/* The first reservation that stays and meets page @pfn; NULL: the page is the boot loader's alone. */
static const struct memblock_region *firmware_kept(struct quarry *q, pfn_t pfn)
{
	const struct memblock_type *type = &quarry_memblock(q)->reserved;
	phys_addr_t page = (phys_addr_t)pfn << QUARRY_PAGE_SHIFT;

	for (unsigned long i = 0; i < type->cnt; i++) {
		const struct memblock_region *r = &type->regions[i];

		if ((r->flags & MEMBLOCK_RSRV_FIRMWARE) == 0 && r->size != 0 &&
		    r->base < page + QUARRY_PAGE_SIZE && page < r->base + r->size)
			return r;
	}
	return NULL;
}

/* Where the next reservation that stays begins, above page @pfn and at most @end. */
static pfn_t firmware_next_kept(struct quarry *q, pfn_t pfn, pfn_t end)
{
	const struct memblock_type *type = &quarry_memblock(q)->reserved;

	for (unsigned long i = 0; i < type->cnt; i++) {
		const struct memblock_region *r = &type->regions[i];

		if ((r->flags & MEMBLOCK_RSRV_FIRMWARE) == 0 && r->size != 0 &&
		    bits_pfn_down(r->base) > pfn)
			end = quarry_min(end, bits_pfn_down(r->base));
	}
	return end;
}

unsigned long quarry_firmware_release(struct quarry *q)
{
	const struct memblock_type *type = &quarry_memblock(q)->reserved;
	unsigned long freed = 0;

	if (q->stage < QUARRY_STAGE_PAGES)
		return 0;
	for (unsigned long i = 0; i < type->cnt; i++) {
		const struct memblock_region *r = &type->regions[i];
		pfn_t pfn = bits_pfn_down(r->base), end = bits_pfn_up(r->base + r->size);

		while ((r->flags & MEMBLOCK_RSRV_FIRMWARE) != 0 && pfn < end) {
			const struct memblock_region *kept = firmware_kept(q, pfn);
			pfn_t stop;

			if (kept != NULL) {
				pfn = bits_pfn_up(kept->base + kept->size);
				continue;
			}
			stop = firmware_next_kept(q, pfn, end);
			freed += quarry_free_reserved(q, pfn, stop);
			pfn = stop;
		}
	}
	return freed;
}
