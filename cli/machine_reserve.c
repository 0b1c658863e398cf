/* SPDX-License-Identifier: MIT */
/*
 * What is kept from the page allocator before it starts, in Linux's order:
 *
 *	mirrored and hot-pluggable memory marked -> the kernel's own places, RAM disk -> the calls of
 *	a memblock=debug log -> fixed regions of /reserved-memory -> /memreserve/ -> its dynamic
 *	regions -> cma= -> crashkernel= -> reserve_mem=
 *
 * A region that finds no room is a warning, as in Linux; a memblock that cannot grow is an error.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <machine_parts.h>

#define RESERVE_PC_END ((uint64_t)1 << 20)
#define RESERVE_4G ((uint64_t)4 << 30)
#define RESERVE_CMA_ALIGN ((uint64_t)QUARRY_PAGE_SIZE << QUARRY_PAGEBLOCK_ORDER)
#define RESERVE_CRASH_LOW ((uint64_t)256 << 20) /* beside a crash kernel above 4 GiB */

static void reserve_note(struct machine *m, const char *name, const char *kind, uint64_t start,
			 uint64_t end, bool cma_default)
{
	struct machine_reservation *r;

	m->reservations =
		xrealloc(m->reservations, m->nr_reservations + 1, sizeof(*m->reservations));
	r = &m->reservations[m->nr_reservations++];
	*r = (struct machine_reservation){
		.start = start, .end = end, .kind = kind, .cma_default = cma_default};
	snprintf(r->name, sizeof(r->name), "%s", name);
}

/* What is reserved at [start, end) becomes a CMA area: quarry_boot() lends its pages out. */
static int reserve_cma(struct machine *m, const char *name, uint64_t start, uint64_t end,
		       bool is_default, struct diag *diag)
{
	int err = quarry_cma_init_reserved_mem(m->q, start, end - start, 0, name, NULL);

	reserve_note(m, name, "CMA", start, end, is_default);
	if (err == -QUARRY_EINVAL || err == -QUARRY_ENOSPC) {
		diag_warn(diag, m->map.path, 0, "CMA area %s: %s, its pages stay reserved", name,
			  err == -QUARRY_ENOSPC ? "there are too many"
						: "it is not of whole pageblocks");
		err = 0;
	}
	return err;
}

/* ---- marks ---- */

typedef int (*reserve_mark_fn)(struct quarry *q, phys_addr_t base, phys_addr_t size);

static int reserve_mark(struct machine *m, const struct map_table *t, reserve_mark_fn mark)
{
	size_t i;
	int err = 0;

	for (i = 0; i < t->nr && err == 0; i++)
		err = mark(m->q, t->r[i].start, t->r[i].end - t->r[i].start);
	return err;
}

/* Nodes that hold what the kernel already uses cannot be unplugged. */
static int reserve_clear_kernel_nodes(struct machine *m)
{
	const struct memblock_type *reserved = &quarry_memblock(m->q)->reserved;
	bool kernel[QUARRY_MAX_NODES] = {false};
	unsigned long j = 0;
	size_t i;
	int err = 0;

	for (i = 0; i < m->nr_ram; i++) {
		const struct machine_ram *r = &m->ram[i];

		while (j < reserved->cnt &&
		       reserved->regions[j].base + reserved->regions[j].size <= r->start)
			j++;
		if (j < reserved->cnt && reserved->regions[j].base < r->end &&
		    reserved->regions[j].size != 0)
			kernel[r->nid] = true;
	}
	for (i = 0; i < m->nr_ram && err == 0; i++)
		if (kernel[m->ram[i].nid])
			err = quarry_memblock_clear_hotplug(m->q, m->ram[i].start,
							    m->ram[i].end - m->ram[i].start);
	return err;
}

static int reserve_marks(struct machine *m, struct diag *diag)
{
	/* What SRAT says goes with it where it is not believed. */
	bool known = m->map.hotplug.nr != 0 &&
		     (m->nr_phys_nodes != 0 || m->map.source == MAP_SOURCE_DEVICETREE);
	int err = 0;

	if (m->cmdline.movable_node && known)
		err = reserve_mark(m, &m->map.hotplug, quarry_memblock_mark_hotplug);
	if (err == 0 && m->cmdline.movable_node && !known)
		diag_warn(diag, "command line", 0,
			  "movable_node: this map has no hot-pluggable memory, nothing done");
	if (!m->cmdline.kernelcore_mirror || err != 0)
		return err;
	if (m->map.mirror.nr == 0) {
		diag_warn(diag, "command line", 0,
			  "kernelcore=mirror: the system has no mirror memory, all above 4 GiB is "
			  "movable");
		return 0;
	}
	return reserve_mark(m, &m->map.mirror, quarry_memblock_mark_mirror);
}

/* ---- the kernel's places and its log ---- */

/* Entries of @type; MAP_RESERVE_OTHER + 1: all. */
static int reserve_table(struct machine *m, uint32_t type)
{
	const struct map_table *t = &m->map.reserve;
	int err = 0;
	size_t i;

	for (i = 0; i < t->nr && err == 0; i++)
		if (t->r[i].type == type || type > MAP_RESERVE_OTHER)
			err = quarry_memblock_reserve(m->q, t->r[i].start,
						      t->r[i].end - t->r[i].start);
	return err;
}

/* What a kernel reserves before its log begins. */
static int reserve_base(struct machine *m)
{
	int err = 0;

	if (m->pc)
		err = quarry_memblock_reserve(m->q, 0, RESERVE_PC_END);
	return err == 0 ? reserve_table(m, MAP_RESERVE_OTHER + 1) : err;
}

static int reserve_apply_op(struct machine *m, const struct map_op *op, struct diag *diag)
{
	uint64_t size = op->end - op->start;
	int err = 0;

	switch (op->kind) {
	case MAP_OP_RESERVE:
		return quarry_memblock_reserve(m->q, op->start, size);
	case MAP_OP_FREE:
		err = quarry_memblock_phys_free(m->q, op->start, size);
		break;
	case MAP_OP_REMOVE:
		return quarry_memblock_remove(m->q, op->start, size);
	case MAP_OP_ADD: /* RAM is added by the map */
		return 0;
	}
	if (err == -QUARRY_EBUSY) {
		diag_warn(diag, m->map.path, op->line, "not freed: a table of memblock lies there");
		err = 0;
	}
	return err;
}

/*
 * The log's call that reserves exactly @size bytes, and better one that is nobody's allocation: of such, the
 * last before the last list of regions, which Linux prints when the default CMA area has its place. NULL:
 * there is none.
 */
static const struct map_op *reserve_logged_call(const struct machine *m, uint64_t size)
{
	const struct map_op *best = NULL;
	size_t i, listed = 0;

	while (listed < m->map.nr_ops &&
	       (m->map.ops[listed].list == 0 || m->map.ops[listed].list != m->map.nr_lists))
		listed++;
	for (i = 0; i < m->map.nr_ops; i++) {
		const struct map_op *op = &m->map.ops[i];

		if (op->kind != MAP_OP_RESERVE || op->list != 0 || op->end - op->start != size)
			continue;
		if (best == NULL || (best->allocated && !op->allocated) ||
		    (best->allocated == op->allocated && i < listed))
			best = op;
	}
	return best;
}

/* The kernel's image: the largest of the first list but for a PC's first MiB and the RAM disk. */
static const struct map_op *reserve_image(const struct machine *m)
{
	const struct map_op *best = NULL;
	size_t i, j;

	for (i = 0; i < m->map.nr_ops; i++) {
		const struct map_op *op = &m->map.ops[i];

		if (op->list != 1 || op->start < RESERVE_PC_END)
			continue;
		for (j = 0; j < m->map.reserve.nr; j++)
			if (m->map.reserve.r[j].type == MAP_RESERVE_RAMDISK &&
			    op->end - m->map.reserve.r[j].start <=
				    m->map.reserve.r[j].end - m->map.reserve.r[j].start +
					    QUARRY_PAGE_SIZE)
				break;
		if (j == m->map.reserve.nr &&
		    (best == NULL || op->end - op->start > best->end - best->start))
			best = op;
	}
	return best;
}

/* What memblock gave back of itself after the hand-off. */
static int reserve_late(struct machine *m, struct diag *diag)
{
	const uint64_t page = QUARRY_PAGE_SIZE;
	int err = 0;
	size_t i;

	for (i = 0; i < m->map.late.nr && err == 0; i++) {
		const struct map_range *r = &m->map.late.r[i];
		struct map_op op = {.kind = MAP_OP_FREE,
				    .start = (r->start + page - 1) & ~(page - 1),
				    .end = r->end & ~(page - 1),
				    .line = r->line};

		/* Only whole pages that are kept: a log may be cut, or tell twice. */
		if (op.start >= op.end ||
		    !quarry_memblock_is_region_memory(m->q, op.start, op.end - op.start) ||
		    !quarry_memblock_is_region_reserved(m->q, op.start, op.end - op.start))
			continue;
		err = reserve_apply_op(m, &op, diag);
		m->late += op.end - op.start;
	}
	return err;
}

/* CMA areas of which the log says where they are; a part of them may not be reserved here. */
static int reserve_said_cma(struct machine *m, struct diag *diag)
{
	int err = 0;
	size_t i;

	for (i = 0; i < m->map.cma.nr && err == 0; i++) {
		const struct map_range *r = &m->map.cma.r[i];

		err = reserve_cma(m, "reserved", r->start, r->end, i == 0, diag);
	}
	return err;
}

/*
 * What Linux gives to the page allocator between the hand-off and its watermarks, and so counts in
 * them: a part of its image (the log says how much, not where), and the default CMA area, which it
 * reserves by one call of that size.
 */
static int reserve_released(struct machine *m, struct diag *diag)
{
	const struct map_op *image = m->map.released_kb != 0 ? reserve_image(m) : NULL, *cma;
	uint64_t size = m->map.released_kb * 1024 & ~(uint64_t)(QUARRY_PAGE_SIZE - 1);
	struct map_op op = {.kind = MAP_OP_FREE};
	int err = 0;

	if (image != NULL && size != 0 && size < image->end - image->start) {
		op.end = image->end & ~(uint64_t)(QUARRY_PAGE_SIZE - 1);
		op.start = op.end - size;
		m->released = size;
		err = reserve_apply_op(m, &op, diag);
	}
	if (m->map.cma_kb == 0 || err != 0)
		return err;
	if (m->map.cma.nr != 0)
		return reserve_said_cma(m, diag);
	cma = reserve_logged_call(m, m->map.cma_kb * 1024);
	if (cma == NULL) {
		diag_warn(diag, m->map.path, 0,
			  "cma-reserved: no reservation of that size, its pages stay reserved");
		return 0;
	}
	return reserve_cma(m, "reserved", cma->start, cma->end, true, diag);
}

void machine_free_started(struct machine *m)
{
	const struct map_op *image = m->map.unused_kb != 0 ? reserve_image(m) : NULL;
	const uint64_t page = QUARRY_PAGE_SIZE;
	size_t i;

	for (i = 0; i < m->map.reserve.nr && m->map.initrd_freed; i++) {
		const struct map_range *r = &m->map.reserve.r[i];

		if (r->type == MAP_RESERVE_RAMDISK)
			quarry_free_reserved(m->q, (r->start + page - 1) / page, r->end / page);
	}
	/* The log says how much of the image, not where. */
	if (image != NULL && m->map.unused_kb * 1024 < image->end - image->start)
		quarry_free_reserved(m->q, (image->start + page - 1) / page,
				     image->start / page + m->map.unused_kb * 1024 / page);
}

static int reserve_logged(struct machine *m, struct diag *diag)
{
	bool logged = false;
	int err = 0;
	size_t i;

	for (i = 0; i < m->map.nr_ops; i++)
		logged = logged || m->map.ops[i].kind == MAP_OP_RESERVE;
	if (!logged || !m->map.has_dump)
		err = reserve_base(m);
	if (err == 0 && m->cmdline.movable_node)
		err = reserve_clear_kernel_nodes(m);
	for (i = 0; i < m->map.nr_ops && err == 0; i++)
		err = reserve_apply_op(m, &m->map.ops[i], diag);
	err = err == 0 ? reserve_late(m, diag) : err;
	return err == 0 ? reserve_released(m, diag) : err;
}

/* ---- /reserved-memory ---- */

static const char *reserve_kind(const struct map_resmem *r)
{
	return r->kind == MAP_RESMEM_NOMAP ? "no-map"
	       : r->kind == MAP_RESMEM_CMA ? "CMA"
					   : "reserved";
}

/* A pool must consist of whole pageblocks. False: it does not, which was said. */
static bool reserve_cma_fits(struct machine *m, const struct map_resmem *r, uint64_t start,
			     uint64_t size, struct diag *diag)
{
	if (r->kind != MAP_RESMEM_CMA || ((start | size) & (RESERVE_CMA_ALIGN - 1)) == 0)
		return true;
	diag_warn(diag, m->map.path, 0,
		  "/reserved-memory/%s: a CMA pool must lie on and consist of whole %" PRIu64
		  " MiB, passed over",
		  r->name, RESERVE_CMA_ALIGN >> 20);
	return false;
}

/* Region @r came to lie at [start, end). */
static int reserve_done(struct machine *m, const struct map_resmem *r, uint64_t start, uint64_t end,
			struct diag *diag)
{
	if (r->kind == MAP_RESMEM_CMA)
		return reserve_cma(m, r->name, start, end, r->cma_default, diag);
	reserve_note(m, r->name, reserve_kind(r), start, end, false);
	return 0;
}

/* With cma= the default pool of a Devicetree is not taken. */
static bool reserve_bypassed(const struct machine *m, const struct map_resmem *r)
{
	return m->cmdline.cma.set && r->kind == MAP_RESMEM_CMA && r->cma_default;
}

static int reserve_fixed(struct machine *m, const struct map_resmem *r, struct diag *diag)
{
	const struct memblock *mb = quarry_memblock(m->q);
	uint64_t size = r->end - r->start;
	int err;

	if (!reserve_cma_fits(m, r, r->start, size, diag))
		return 0;
	if (r->kind == MAP_RESMEM_NOMAP) {
		if (quarry_memblock_overlaps_region(&mb->memory, r->start, size) &&
		    quarry_memblock_is_region_reserved(m->q, r->start, size)) {
			diag_warn(diag, m->map.path, 0,
				  "/reserved-memory/%s: reserved already, not taken from the map",
				  r->name);
			return 0;
		}
		err = quarry_memblock_mark_nomap(m->q, r->start, size);
	} else {
		err = quarry_memblock_reserve(m->q, r->start, size);
	}
	return err == 0 ? reserve_done(m, r, r->start, r->end, diag) : err;
}

/* A place for @r, reserved; 0: there is none. */
static uint64_t reserve_find(struct machine *m, const struct map_resmem *r)
{
	uint64_t align = r->align != 0 ? r->align : MEMBLOCK_CACHE_LINE, at = 0;
	size_t i;

	if (r->kind == MAP_RESMEM_CMA && align < RESERVE_CMA_ALIGN)
		align = RESERVE_CMA_ALIGN;
	if (r->nr_ranges == 0)
		return quarry_memblock_phys_alloc_range(m->q, r->size, align, 0,
							MEMBLOCK_ALLOC_ANYWHERE);
	for (i = 0; i < r->nr_ranges && at == 0; i++) {
		const struct map_range *range = &m->map.alloc_ranges.r[r->first_range + i];

		at = quarry_memblock_phys_alloc_range(m->q, r->size, align, range->start,
						      range->end);
	}
	return at;
}

static int reserve_dynamic(struct machine *m, const struct map_resmem *r, struct diag *diag)
{
	uint64_t at = reserve_find(m, r);
	int err = 0;

	if (at == 0) {
		diag_warn(diag, m->map.path, 0,
			  "/reserved-memory/%s: no room for %#" PRIx64 " bytes, passed over",
			  r->name, r->size);
		return 0;
	}
	if (!reserve_cma_fits(m, r, at, r->size, diag))
		return quarry_memblock_phys_free(m->q, at, r->size);
	if (r->kind == MAP_RESMEM_NOMAP) {
		err = quarry_memblock_mark_nomap(m->q, at, r->size);
		if (err == 0)
			err = quarry_memblock_phys_free(m->q, at, r->size);
	}
	return err == 0 ? reserve_done(m, r, at, at + r->size, diag) : err;
}

static int reserve_devicetree(struct machine *m, struct diag *diag)
{
	int err = reserve_table(m, MAP_RESERVE_RAMDISK);
	size_t i;

	for (i = 0; i < m->map.nr_resmem && err == 0; i++)
		if (!m->map.resmem[i].dynamic && !reserve_bypassed(m, &m->map.resmem[i]))
			err = reserve_fixed(m, &m->map.resmem[i], diag);
	if (err == 0)
		err = reserve_table(m, MAP_RESERVE_OTHER);
	for (i = 0; i < m->map.nr_resmem && err == 0; i++)
		if (m->map.resmem[i].dynamic && !reserve_bypassed(m, &m->map.resmem[i]))
			err = reserve_dynamic(m, &m->map.resmem[i], diag);
	return err;
}

/* ---- cma=, crashkernel= and reserve_mem= ---- */

/* The default area that cma= asks for; not beside one of the log's kernel. */
static int reserve_cma_param(struct machine *m, struct diag *diag)
{
	const struct cmdline_cma *k = &m->cmdline.cma;
	struct quarry_cma_spec spec = {
		.base = k->base,
		.size = k->size,
		.limit = k->limit,
		.fixed = k->base != 0 && k->limit == k->base + k->size,
		.name = "reserved",
		.nid = QUARRY_NO_NODE,
	};
	struct quarry_cma_info info;
	struct quarry_cma *cma;
	int err;

	if (!k->set || k->size == 0)
		return 0;
	if (m->map.cma_kb != 0) {
		diag_warn(diag, "command line", 0, "cma=: the log has one already, which is taken");
		return 0;
	}
	err = quarry_cma_declare_contiguous(m->q, &spec, &cma);
	if (err == 0) {
		quarry_cma_info(m->q, cma, &info);
		reserve_note(m, info.name, "CMA", info.base_pfn << QUARRY_PAGE_SHIFT,
			     (info.base_pfn + info.count) << QUARRY_PAGE_SHIFT, true);
	} else {
		diag_warn(diag, "command line", 0, "cma=: no room for %#" PRIx64 " bytes%s",
			  k->size, spec.fixed ? " there" : "");
	}
	return 0;
}

/* Beside a crash kernel above 4 GiB, some memory below for its devices. False: no room. */
static bool reserve_crash_low(struct machine *m, uint64_t align)
{
	const struct cmdline_crash *k = &m->cmdline.crash;
	uint64_t size = k->set_low ? k->low : RESERVE_CRASH_LOW, at;

	if (size == 0)
		return true;
	at = quarry_memblock_phys_alloc_range(m->q, size, align, 0, RESERVE_4G);
	if (at != 0)
		reserve_note(m, "crashkernel,low", "crash kernel", at, at + size, false);
	return at != 0;
}

/* A place for @size bytes, reserved; 0: there is none. */
static uint64_t reserve_crash_find(struct machine *m, uint64_t size, uint64_t align)
{
	const struct cmdline_crash *k = &m->cmdline.crash;
	bool x86 = m->arch == MAP_ARCH_X86_64;
	uint64_t at = 0, end;

	if (k->fixed) {
		if (__builtin_add_overflow(k->base, size, &end))
			return 0;
		return quarry_memblock_phys_alloc_range(m->q, size, x86 ? (uint64_t)1 << 20 : align,
							k->base, end);
	}
	if (!k->high)
		at = quarry_memblock_phys_alloc_range(m->q, size, align, x86 ? align : 0,
						      RESERVE_4G);
	if (at == 0 && (k->high || m->arch != MAP_ARCH_ARM64))
		at = quarry_memblock_phys_alloc_range(m->q, size, align, x86 ? align : 0,
						      MEMBLOCK_ALLOC_ANYWHERE);
	return at;
}

static int reserve_crash(struct machine *m, struct diag *diag)
{
	uint64_t size = cmdline_crash_size(&m->cmdline, m->ram_bytes), at;
	uint64_t align = m->arch == MAP_ARCH_X86_64 ? (uint64_t)16 << 20 : (uint64_t)2 << 20;

	if (size == 0)
		return 0;
	if (m->map.has_dump && reserve_logged_call(m, size) != NULL)
		return 0; /* the log's kernel ran with the same parameter */
	if (m->map.has_dump && m->map.cmdline != NULL &&
	    strstr(m->map.cmdline, "crashkernel=") != NULL) {
		diag_warn(diag, "command line", 0,
			  "crashkernel=: the log has one already, which is taken");
		return 0;
	}
	at = reserve_crash_find(m, size, align);
	if (at != 0 && at >= RESERVE_4G && m->arch != MAP_ARCH_RISCV64 &&
	    !reserve_crash_low(m, align)) {
		int err = quarry_memblock_phys_free(m->q, at, size);

		if (err != 0)
			return err;
		at = 0;
	}
	if (at == 0)
		diag_warn(diag, "command line", 0,
			  "crashkernel=: no room for %#" PRIx64 " bytes%s, not reserved", size,
			  m->cmdline.crash.fixed ? " there" : "");
	else
		reserve_note(m, "crashkernel", "crash kernel", at, at + size, false);
	return 0;
}

static int reserve_named(struct machine *m, struct diag *diag)
{
	size_t i;

	for (i = 0; i < m->cmdline.nr_named; i++) {
		const struct cmdline_named *n = &m->cmdline.named[i];
		phys_addr_t start, size;
		int err = quarry_memblock_reserve_mem(m->q, n->size, n->align, n->name);

		if (err != 0)
			diag_warn(diag, "command line", 0,
				  "reserve_mem=: %s for \"%s\", not reserved",
				  err == -QUARRY_EINVAL ? "a bad name or size" : "no room",
				  n->name);
		else if (quarry_memblock_reserve_mem_find(m->q, n->name, &start, &size))
			reserve_note(m, n->name, "reserve_mem", start, start + size, false);
	}
	return 0;
}

int machine_reserve(struct machine *m, struct diag *diag)
{
	int err = reserve_marks(m, diag);

	if (err == 0)
		err = m->map.source == MAP_SOURCE_DEVICETREE ? reserve_devicetree(m, diag)
							     : reserve_logged(m, diag);
	if (err == 0)
		err = reserve_cma_param(m, diag);
	if (err == 0)
		err = reserve_crash(m, diag);
	if (err == 0)
		err = reserve_named(m, diag);
	return err;
}
