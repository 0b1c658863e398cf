/* SPDX-License-Identifier: MIT */
/*
 * A machine out of a map: the steps are those of Linux on the map's architecture, in its order.
 *
 *	table of the chosen source -> overlaps resolved -> mem=, memmap= -> page 0 and the hole below
 *	1 MiB of a PC -> changes that the log tells of -> cut to what can be managed, to whole pages ->
 *	split into nodes (machine_nodes.c) -> memblock: memory, then reservations (machine_reserve.c)
 *	-> bootmem -> quarry_boot()
 *
 * Reservations: if the map is the log of a kernel that ran with memblock=debug, they are that
 * kernel's own calls, in order, so that the machine has the pages that Linux had. Otherwise the
 * first MiB of a PC, the initial RAM disk and what iomem says of the kernel's image are reserved, or
 * what a devicetree asks for.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <machine_parts.h>

#define MACHINE_PAGE ((uint64_t)QUARRY_PAGE_SIZE)
/* A GiB less than there are arenas for: the border of ZONE_DMA within a GiB takes one more. */
#define MACHINE_MAX_PHYS (((uint64_t)1 << QUARRY_MAX_PHYS_BITS) - ((uint64_t)1 << 30))
#define MACHINE_MAX_BOOTMEM ((uint64_t)16 << 40) /* bitmaps of 512 MiB */
#define MACHINE_ISA_START 0xa0000u               /* a PC's video memory and ROMs */
#define MACHINE_ISA_END 0x100000u
#define MACHINE_4G ((uint64_t)4 << 30)

static void machine_verror(const struct machine *m, unsigned int line, const char *fmt, va_list ap)
	UTIL_PRINTF(3, 0);
static void machine_error_at(const struct machine *m, unsigned int line, const char *fmt, ...)
	UTIL_PRINTF(3, 4);

static void machine_verror(const struct machine *m, unsigned int line, const char *fmt, va_list ap)
{
	struct strbuf text = {0};

	strbuf_vaddf(&text, fmt, ap);
	if (m->diag != NULL)
		diag_error(m->diag, m->map.path, line, "%s", text.s);
	else if (line != 0)
		util_error("%s:%u: %s", m->map.path, line, text.s);
	else
		util_error("%s: %s", m->map.path, text.s);
	strbuf_free(&text);
}

void machine_error(const struct machine *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	machine_verror(m, 0, fmt, ap);
	va_end(ap);
}

/* @line of the map; 0: not known */
static void machine_error_at(const struct machine *m, unsigned int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	machine_verror(m, line, fmt, ap);
	va_end(ap);
}

static void machine_change(struct machine *m, uint64_t start, uint64_t end, uint32_t from,
			   uint32_t to)
{
	m->changes = xrealloc(m->changes, m->nr_changes + 1, sizeof(*m->changes));
	m->changes[m->nr_changes++] = (struct machine_change){start, end, from, to};
}

/* Leave [lo, hi) of the RAM there is, as by memblock's cap. */
static void machine_cap(struct machine *m, const struct map_table *keep)
{
	struct map_table out = {0};
	size_t i, j;

	for (i = 0; i < m->table.nr; i++)
		for (j = 0; j < keep->nr; j++) {
			const struct map_range *r = &m->table.r[i], *k = &keep->r[j];

			map_table_add(&out, r->start > k->start ? r->start : k->start,
				      r->end < k->end ? r->end : k->end, r->type, r->line);
		}
	map_table_free(&m->table);
	m->table = out;
	map_table_update(&m->table, m->map.path, NULL);
}

/* mem= where there is no e820: the amount that is kept, from the lowest address on. */
static void machine_keep_amount(struct machine *m, uint64_t amount)
{
	size_t i;

	amount &= ~(MACHINE_PAGE - 1);
	for (i = 0; i < m->table.nr; i++) {
		struct map_range *r = &m->table.r[i];

		if (r->end - r->start > amount)
			r->end = r->start + amount;
		amount -= r->end - r->start;
	}
}

/*
 * Where there is no e820, mem= is an amount. Of several, arm64 takes the last and riscv64 the smallest. A
 * log of memblock's lists has it taken off already, which does no harm.
 */
static void machine_user_amount(struct machine *m, struct diag *diag)
{
	uint64_t limit = UINT64_MAX;
	bool memmap = false;
	size_t i;

	if (m->map.usable.nr != 0)
		machine_cap(m, &m->map.usable);
	for (i = 0; i < m->cmdline.nr_ops; i++) {
		const struct cmdline_op *op = &m->cmdline.ops[i];

		if (op->kind != CMDLINE_LIMIT || op->memmap)
			memmap = true;
		else if (m->arch == MAP_ARCH_ARM64 || op->start < limit)
			limit = op->start;
	}
	if (memmap)
		diag_warn(diag, "command line", 0, "memmap= means nothing on %s, ignored",
			  map_arch_name(m->arch));
	if (limit == UINT64_MAX)
		return;
	machine_keep_amount(m, limit);
	map_table_update(&m->table, m->map.path, NULL);
	map_table_copy(&m->user_table, &m->table);
}

/* mem= and memmap=, in the order given. */
static void machine_user_map(struct machine *m)
{
	size_t i;

	for (i = 0; i < m->cmdline.nr_ops; i++) {
		const struct cmdline_op *op = &m->cmdline.ops[i];

		switch (op->kind) {
		case CMDLINE_LIMIT:
			map_table_remove(&m->table, op->start, UINT64_MAX, MAP_RAM);
			break;
		case CMDLINE_EXACTMAP:
			m->table.nr = 0;
			break;
		case CMDLINE_ADD:
			map_table_add(&m->table, op->start, op->end, op->type, 0);
			break;
		case CMDLINE_CHANGE:
			map_table_change(&m->table, op->start, op->end, op->from, op->type);
			break;
		}
	}
	map_table_update(&m->table, m->map.path, NULL);
	if (m->cmdline.nr_ops != 0)
		map_table_copy(&m->user_table, &m->table);
}

/* RAM below 640K and none in the hole above it: only a PC looks so. e820 exists only on PCs. */
static bool machine_is_pc(const struct machine *m)
{
	bool low = false, hole = true;
	size_t i;

	if (m->map.source == MAP_SOURCE_E820)
		return true;
	for (i = 0; i < m->table.nr; i++) {
		const struct map_range *r = &m->table.r[i];

		if (r->type != MAP_RAM)
			continue;
		low = low || r->start < MACHINE_ISA_START;
		hole = hole && (r->end <= MACHINE_ISA_START || r->start >= MACHINE_ISA_END);
	}
	return low && hole;
}

/* What the kernel changes in the table before it believes it. */
static void machine_fix_table(struct machine *m)
{
	struct map_table *t = &m->table;
	size_t i;

	m->pc = machine_is_pc(m);
	if (m->pc) {
		map_table_change(t, 0, MACHINE_PAGE, MAP_RAM, MAP_RESERVED);
		machine_change(m, 0, MACHINE_PAGE, MAP_RAM, MAP_RESERVED);
		map_table_remove(t, MACHINE_ISA_START, MACHINE_ISA_END, MAP_RAM);
		machine_change(m, MACHINE_ISA_START, MACHINE_ISA_END, MAP_RAM, 0);
	}
	for (i = 0; i < m->map.nr_updates; i++) {
		const struct map_update *u = &m->map.updates[i];

		if (map_table_change(t, u->start, u->end, u->from, u->to) != 0)
			machine_change(m, u->start, u->end, u->from, u->to);
	}
	map_table_update(t, m->map.path, NULL);
}

/* Leave only RAM that can be managed: below the limit, in whole pages. */
static void machine_trim(struct machine *m, struct diag *diag)
{
	char size[UTIL_SIZE_BUF];
	struct map_table out = {0};
	uint64_t lost = 0;
	size_t i;

	for (i = 0; i < m->table.nr; i++) {
		struct map_range r = m->table.r[i];

		if (r.type == MAP_RAM && r.end > MACHINE_MAX_PHYS) {
			lost += r.end - (r.start > MACHINE_MAX_PHYS ? r.start : MACHINE_MAX_PHYS);
			r.end = MACHINE_MAX_PHYS;
		}
		if (r.type == MAP_RAM) {
			r.start = r.start > MACHINE_MAX_PHYS ? MACHINE_MAX_PHYS : r.start;
			r.start = (r.start + MACHINE_PAGE - 1) & ~(MACHINE_PAGE - 1);
			r.end &= ~(MACHINE_PAGE - 1);
		}
		map_table_add(&out, r.start, r.end, r.type, r.line);
	}
	map_table_free(&m->table);
	m->table = out;
	if (lost != 0)
		diag_warn(diag, m->map.path, 0, "%s of memory above %#" PRIx64 " ignored",
			  util_human_size(lost, size), MACHINE_MAX_PHYS);
	m->ram_bytes = map_table_bytes(&m->table, MAP_RAM);
}

/* ---- memblock and bootmem ---- */

static int machine_memblock_failed(const struct machine *m, int err, const char *what)
{
	if (err == -QUARRY_ENOMEM)
		machine_error(m,
			      "memblock has no room to %s: its lists of ranges must grow, expected "
			      "fewer ranges or free memory of at least a few pages",
			      what);
	else
		machine_error(
			m, "memblock refused to %s (error %d), expected ranges that lie in memory",
			what, -err);
	return CLI_INPUT;
}

static int machine_fill_memblock(struct machine *m, struct diag *diag)
{
	size_t i;
	int err = 0;

	quarry_memblock_set_debug(m->q, m->cmdline.memblock_debug);
	quarry_memblock_allow_resize(m->q);
	for (i = 0; i < m->nr_ram && err == 0; i++)
		err = quarry_memblock_add_node(m->q, m->ram[i].start,
					       m->ram[i].end - m->ram[i].start, m->ram[i].nid,
					       MEMBLOCK_NONE);
	if (err != 0)
		return machine_memblock_failed(m, err, "add memory");
	err = machine_reserve(m, diag);
	return err == 0 ? CLI_OK : machine_memblock_failed(m, err, "reserve memory");
}

/* The line of SRAT that says whose memory @addr is; 0: none does. */
static unsigned int machine_srat_line(const struct machine *m, uint64_t addr)
{
	size_t i;

	for (i = 0; i < m->nr_phys_nodes && !m->fake; i++)
		if (addr >= m->map.srat[i].start && addr < m->map.srat[i].end)
			return m->map.srat[i].line;
	return 0;
}

/* What bootmem can describe: nodes in one piece, and not more than bitmaps are sensible for. */
static int machine_bootmem_fits(const struct machine *m)
{
	uint64_t first[QUARRY_MAX_NODES], span = 0;
	bool seen[QUARRY_MAX_NODES] = {false};
	char size[UTIL_SIZE_BUF];
	size_t i;

	for (i = 0; i < m->nr_ram; i++) {
		const struct machine_ram *r = &m->ram[i];

		if (!seen[r->nid])
			first[r->nid] = r->start;
		else if (m->ram[i - 1].nid != r->nid) {
			machine_error_at(
				m, machine_srat_line(m, r->start),
				"memory of node %d at %#" PRIx64
				" lies above that of node %d, which lies above other memory of "
				"node %d: bootmem needs each node's memory in one piece, expected "
				"no other node's memory within; use --allocator memblock",
				r->nid, r->start, m->ram[i - 1].nid, r->nid);
			return CLI_INPUT;
		}
		seen[r->nid] = true;
		if (i + 1 == m->nr_ram || m->ram[i + 1].nid != r->nid)
			span += r->end - first[r->nid];
	}
	if (span <= MACHINE_MAX_BOOTMEM)
		return CLI_OK;
	machine_error(m,
		      "bootmem's bitmaps would span %s of addresses, expected at most 16 TiB; use "
		      "--allocator memblock",
		      util_human_size(span, size));
	return CLI_INPUT;
}

/* Begin bootmem on each node: its bitmap in free memory, all RAM free. */
static int machine_bootmem_nodes(struct machine *m, phys_addr_t *bitmap, phys_addr_t *bitmap_size)
{
	int nid, i;

	for (nid = 0; nid < m->nr_nodes; nid++) {
		pfn_t start, end, first = UINT64_MAX, last = 0;

		quarry_for_each_mem_pfn_range(m->q, i, nid, &start, &end, NULL)
		{
			first = start < first ? start : first;
			last = end > last ? end : last;
		}
		if (first >= last)
			continue;
		bitmap_size[nid] = quarry_bootmem_bootmap_pages(last - first) * MACHINE_PAGE;
		/* Reserved in memblock for as long as the other bitmaps look for a place. */
		bitmap[nid] = quarry_memblock_phys_alloc_try_nid(m->q, bitmap_size[nid],
								 MACHINE_PAGE, nid);
		if (bitmap[nid] == 0 ||
		    quarry_init_bootmem_node(m->q, nid, bitmap[nid] / MACHINE_PAGE, first, last) ==
			    0) {
			machine_error(
				m,
				"bootmem has no room for the bitmap of node %d, expected %" PRIu64
				" KiB of free memory there; use --allocator memblock",
				nid, (uint64_t)bitmap_size[nid] >> 10);
			return CLI_INPUT;
		}
		quarry_for_each_mem_pfn_range(m->q, i, nid, &start, &end, NULL)
		{
			if (quarry_free_bootmem_node(m->q, nid, start * MACHINE_PAGE,
						     (end - start) * MACHINE_PAGE) != 0) {
				machine_error(m, "bootmem refused the memory of node %d", nid);
				return CLI_FAILED;
			}
		}
	}
	return CLI_OK;
}

/* What the kernel may not map is not bootmem's to give. */
static int machine_bootmem_nomap(struct machine *m)
{
	const struct memblock_type *memory = &quarry_memblock(m->q)->memory;
	unsigned long i;

	for (i = 0; i < memory->cnt; i++) {
		const struct memblock_region *r = &memory->regions[i];

		if ((r->flags & MEMBLOCK_NOMAP) != 0 &&
		    quarry_reserve_bootmem_node(m->q, r->nid, r->base, r->size, BOOTMEM_DEFAULT) !=
			    0) {
			machine_error(m, "bootmem refused the no-map memory at %#" PRIx64,
				      (uint64_t)r->base);
			return CLI_FAILED;
		}
	}
	return CLI_OK;
}

/* Carry memblock's reservations, the bitmaps among them, over to bootmem. Both lists are sorted. */
static int machine_bootmem_reserve(struct machine *m)
{
	const struct memblock_type *memory = &quarry_memblock(m->q)->memory;
	const struct memblock_type *reserved = &quarry_memblock(m->q)->reserved;
	unsigned long i = 0, j = 0;

	while (i < memory->cnt && j < reserved->cnt) {
		const struct memblock_region *a = &memory->regions[i], *b = &reserved->regions[j];
		phys_addr_t a_end = a->base + a->size, b_end = b->base + b->size;
		phys_addr_t lo = a->base > b->base ? a->base : b->base;
		phys_addr_t hi = a_end < b_end ? a_end : b_end;

		if (lo < hi &&
		    quarry_reserve_bootmem_node(m->q, a->nid, lo, hi - lo, BOOTMEM_DEFAULT) != 0) {
			machine_error(m, "bootmem refused a reservation at %#" PRIx64,
				      (uint64_t)lo);
			return CLI_FAILED;
		}
		if (a_end < b_end)
			i++;
		else
			j++;
	}
	return CLI_OK;
}

static int machine_fill_bootmem(struct machine *m)
{
	phys_addr_t bitmap[QUARRY_MAX_NODES] = {0}, size[QUARRY_MAX_NODES] = {0};
	int nid, status;

	quarry_bootmem_set_debug(m->q, m->cmdline.memblock_debug);
	status = machine_bootmem_nodes(m, bitmap, size);
	if (status == CLI_OK)
		status = machine_bootmem_nomap(m);
	if (status == CLI_OK)
		status = machine_bootmem_reserve(m);
	for (nid = 0; nid < m->nr_nodes && status == CLI_OK; nid++)
		if (bitmap[nid] != 0 &&
		    quarry_memblock_phys_free(m->q, bitmap[nid], size[nid]) != 0) {
			machine_error(m, "memblock refused to give back bootmem's bitmap");
			status = CLI_FAILED;
		}
	return status;
}

/* ---- the whole ---- */

static phys_addr_t machine_share(const struct machine *m, const struct cmdline_share *share)
{
	uint64_t pages = m->ram_bytes / MACHINE_PAGE;

	if (share->percent != 0)
		return pages * share->percent / 100 * MACHINE_PAGE;
	/* Whole pages: less than one is none, as in Linux. */
	return share->bytes & ~(MACHINE_PAGE - 1);
}

/* numa= is read by each architecture on its own: in 6.1 only x86 knows more than "off". */
static void machine_numa_arch(struct machine *m, struct diag *diag)
{
	struct cmdline *c = &m->cmdline;

	if (m->arch == MAP_ARCH_X86_64) {
		c->numa_off |= c->numa_noacpi;
		return;
	}
	if (c->numa_noacpi || c->numa_fake_kind != CMDLINE_FAKE_NONE)
		diag_warn(diag, "command line", 0, "numa=%s means nothing on %s, ignored",
			  c->numa_noacpi ? "noacpi" : "fake=", map_arch_name(m->arch));
	c->numa_fake_kind = CMDLINE_FAKE_NONE;
}

/* From the files to a list of RAM by node. */
static int machine_read(const struct machine_options *o, struct machine *m, struct diag *diag)
{
	int status = cmdline_parse(&m->cmdline, o->cmdline, diag);

	if (status != CLI_OK)
		return status;
	if (o->map_text != NULL)
		status = map_parse(&m->map, o->map_path, o->map_text, o->map_len, o->map_source,
				   diag);
	else
		status = map_load(&m->map, o->map_path, o->map_source, diag);
	if (status != CLI_OK)
		return status;
	map_table_copy(&m->table, &m->map.by_source[m->map.source]);
	map_table_update(&m->table, m->map.path, diag);
	m->arch = o->arch != MAP_ARCH_UNKNOWN       ? o->arch
		  : m->map.arch != MAP_ARCH_UNKNOWN ? m->map.arch
						    : MAP_ARCH_X86_64;
	if (m->map.source == MAP_SOURCE_DEVICETREE || m->arch != MAP_ARCH_X86_64)
		machine_user_amount(m, diag);
	else
		machine_user_map(m);
	if (m->map.source != MAP_SOURCE_DEVICETREE)
		machine_fix_table(m);
	machine_trim(m, diag);
	if (m->ram_bytes == 0) {
		diag_error(diag, m->map.path, 0,
			   "no usable memory is left, expected at least one page");
		return CLI_INPUT;
	}
	machine_numa_arch(m, diag);
	machine_split_nodes(m, diag);
	machine_set_cpus(m, o);
	if (m->bootmem && machine_bootmem_fits(m) != CLI_OK)
		return CLI_INPUT;
	m->kernelcore = machine_share(m, &m->cmdline.kernelcore);
	m->movablecore = machine_share(m, &m->cmdline.movablecore);
	return CLI_OK;
}

int machine_prepare(const struct machine_options *o, struct machine *m)
{
	struct quarry_posix_options posix = {.concurrent = o->concurrent,
					     .log = o->log,
					     .report = o->report,
					     .log_ctx = o->log_ctx};
	struct diag own = {0}, *diag = o->diag != NULL ? o->diag : &own;
	uint64_t start = util_now_ns(), now;
	int status;

	if (o->hooks != NULL) {
		posix.reclaim = o->hooks->reclaim;
		posix.reclaimable = o->hooks->reclaimable;
		posix.oom = o->hooks->oom;
		posix.wake = o->hooks->wake;
		posix.hook_ctx = o->hooks->hook_ctx;
	}
	*m = (struct machine){.bootmem = o->bootmem, .diag = o->diag, .policy = o->policy};
	status = machine_read(o, m, diag);
	now = util_now_ns();
	m->map_ns = now - start;
	if (status == CLI_OK && o->on_map != NULL)
		o->on_map(o->log_ctx, m);
	now = util_now_ns();
	if (status == CLI_OK && (m->q = quarry_posix_new(&posix)) == NULL) {
		machine_error(m, "out of memory");
		status = CLI_FAILED;
	}
	if (status == CLI_OK)
		status = machine_fill_memblock(m, diag);
	if (status == CLI_OK && m->bootmem)
		status = machine_fill_bootmem(m);
	m->memblock_ns = util_now_ns() - now;
	if (status == CLI_OK && o->quiet)
		diag_free(&own);
	diag_print(&own, stderr, "");
	if (status != CLI_OK)
		machine_destroy(m);
	return status;
}

/* End of the memory that firmware says may be plugged in; 0: none is to be. */
static uint64_t machine_hotplug_end(const struct machine *m)
{
	uint64_t end = 0;
	size_t i;

	for (i = 0; i < m->map.hotplug.nr; i++)
		end = m->map.hotplug.r[i].end > end ? m->map.hotplug.r[i].end : end;
	return end;
}

/* sysctl.vm.NAME=: written when the kernel has let go of what it needed to start. */
static int machine_write_sysctls(struct machine *m)
{
	size_t i;

	if (m->cmdline.nr_sysctls == 0)
		return CLI_OK;
	machine_free_started(m);
	for (i = 0; i < m->cmdline.nr_sysctls; i++) {
		const struct cmdline_sysctl *s = &m->cmdline.sysctls[i];

		if (quarry_sysctl_set(m->q, s->name, s->value) != 0) {
			machine_error(m, "sysctl.vm.%s=%.60s is wrong, expected numbers in range",
				      s->name, s->value);
			return CLI_INPUT;
		}
	}
	return CLI_OK;
}

static int machine_add_lent(struct quarry_cma *cma, void *arg)
{
	struct machine *m = arg;
	struct quarry_cma_info info;

	quarry_cma_info(m->q, cma, &info);
	if (info.active)
		m->lent += (uint64_t)info.count * QUARRY_PAGE_SIZE;
	return 0;
}

/* While kmalloc's caches are still empty. */
static int machine_debug_slabs(struct machine *m, const struct cmdline *c)
{
	int err = 0;

	if (c->set_slab_debug) {
		err = quarry_slab_debug(m->q, c->slab_debug.len != 0 ? c->slab_debug.s : "");
		if (err < 0)
			machine_error(m,
				      "\"slab_debug=%.200s\" is wrong, expected letters of "
				      "FZPUTAO, or -, and names of caches",
				      c->slab_debug.s);
	}
	if (err >= 0 && c->failslab.len != 0) {
		err = quarry_failslab(m->q, c->failslab.s);
		if (err < 0)
			machine_error(m,
				      "\"%.200s\": one of them is wrong, expected values as "
				      "Linux takes them",
				      c->failslab.s);
	}
	return err < 0 ? err : 0;
}

static int machine_policy(struct machine *m)
{
	char why[POLICY_WHY];
	int err = policy_run_time(m->policy, m->q, why);

	if (err != 0)
		machine_error(m, "%s", why);
	return err;
}

int machine_boot(struct machine *m)
{
	struct quarry_boot_params p = {.nr_cpus = m->nr_cpus,
				       .nr_possible_cpus = m->map.possible_cpus,
				       .cpu_node = m->cpu_node};
	const struct cmdline *c = &m->cmdline;
	uint64_t start = util_now_ns(), dma, dma32;
	int err;

	/* An empty ZONE_DMA32 ends where ZONE_DMA does; one that is not there never begins. */
	machine_zone_limits(m, &dma, &dma32);
	p.dma_limit = dma != 0 ? dma : ~(phys_addr_t)0;
	p.dma32_limit = dma32;
	p.node_cpus = m->node_cpus;
	p.distance = m->distance;
	p.nr_nodes = m->distance != NULL ? m->nr_distance : (unsigned int)m->nr_nodes;
	p.possible_nodes = m->possible_nodes;
	p.bootmem = m->bootmem;
	p.kernelcore = m->kernelcore;
	p.movablecore = m->movablecore;
	p.kernelcore_mirror = c->kernelcore_mirror;
	p.movable_node = c->movable_node;
	p.min_free_kbytes = c->min_free_kbytes;
	p.set_min_free_kbytes = c->set_min_free_kbytes;
	p.watermark_scale_factor = c->watermark_scale_factor;
	p.set_lowmem_reserve_ratio = c->set_lowmem_reserve_ratio;
	memcpy(p.lowmem_reserve_ratio, c->lowmem_reserve_ratio, sizeof(p.lowmem_reserve_ratio));
	p.no_thp = c->no_thp;
	p.max_hotplug_phys = machine_hotplug_end(m);
	if (m->policy != NULL)
		policy_boot(m->policy, &p);
	err = quarry_boot(m->q, &p);
	m->boot_ns = util_now_ns() - start;
	quarry_cma_for_each_area(m->q, machine_add_lent, m);
	if (err == -QUARRY_EINVAL)
		machine_error(
			m, "this machine cannot boot: expected at most 65536 stretches of 1 GiB, "
			   "each border of a node or zone inside one counted too, with at least a "
			   "page that is memory");
	else if (err != 0)
		machine_error(m, "the host has no memory for the machine's tables");
	if (err == 0 && c->page_debug.len != 0) {
		err = quarry_page_debug(m->q, c->page_debug.s);
		if (err != 0)
			machine_error(m, "\"%.200s\": %s", c->page_debug.s,
				      err == -QUARRY_EINVAL
					      ? "one of them is wrong, expected values as Linux "
						"takes them"
					      : "the host has no memory for their tables");
	}
	if (err == 0)
		err = machine_debug_slabs(m, c);
	if (err == 0 && m->policy != NULL)
		err = machine_policy(m);
	return err == 0 ? machine_write_sysctls(m) : err == -QUARRY_EINVAL ? CLI_INPUT : CLI_FAILED;
}

int machine_create(const struct machine_options *options, struct machine *m)
{
	int status = machine_prepare(options, m);

	if (status == CLI_OK) {
		status = machine_boot(m);
		if (status != CLI_OK)
			machine_destroy(m);
	}
	return status;
}

void machine_zone_limits(const struct machine *m, uint64_t *dma, uint64_t *dma32)
{
	*dma32 = MACHINE_4G;
	if (m->arch == MAP_ARCH_RISCV64)
		*dma = 0;
	else if (m->arch != MAP_ARCH_ARM64)
		*dma = (uint64_t)16 << 20;
	else /* where RAM begins above 4 GiB, devices must be able to reach it */
		*dma = *dma32 = m->nr_ram > 0 && m->ram[0].start >= MACHINE_4G ? MACHINE_MAX_PHYS
									       : MACHINE_4G;
}

bool machine_zone_range(const struct machine *m, enum quarry_zone_type zone, uint64_t *start,
			uint64_t *end)
{
	uint64_t limit[4] = {0, 0, 0, UINT64_MAX}, first, last;

	if (m->nr_ram == 0 || zone > QUARRY_ZONE_NORMAL)
		return false;
	machine_zone_limits(m, &limit[1], &limit[2]);
	first = m->ram[0].start;
	last = m->ram[m->nr_ram - 1].end;
	*start = limit[zone] > first ? limit[zone] : first;
	*end = limit[zone + 1] < last ? limit[zone + 1] : last;
	return *start < *end;
}

void machine_destroy(struct machine *m)
{
	if (m->q != NULL)
		quarry_posix_delete(m->q);
	map_free(&m->map);
	cmdline_free(&m->cmdline);
	map_table_free(&m->table);
	map_table_free(&m->user_table);
	free(m->changes);
	free(m->ram);
	free(m->cpu_node);
	free(m->node_cpus);
	free(m->distance);
	free(m->reservations);
	*m = (struct machine){0};
}
