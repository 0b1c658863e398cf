/* SPDX-License-Identifier: MIT */
/*
 * A machine out of a map: the steps are those of Linux on x86, in its order.
 *
 *	table of the chosen source -> overlaps resolved -> mem=, memmap= -> page 0 and the hole
 *below 1 MiB -> changes that the log tells of -> cut to what can be managed, to whole pages ->
 *	split by SRAT into nodes -> memblock: memory, then reservations -> bootmem -> quarry_boot()
 *
 * Reservations: if the map is the log of a kernel that ran with memblock=debug, they are that
 * kernel's own calls, in order, so that the machine has the pages that Linux had. Otherwise the
 *first MiB of a PC, the initial RAM disk and what iomem says of the kernel's image are reserved.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <machine.h>

#define MACHINE_PAGE ((uint64_t)QUARRY_PAGE_SIZE)
#define MACHINE_MAX_PHYS ((uint64_t)1 << QUARRY_MAX_PHYS_BITS)
#define MACHINE_ISA_START 0xa0000u /* a PC's video memory and ROMs */
#define MACHINE_ISA_END 0x100000u
#define MACHINE_FAKE_UNIT ((uint64_t)32 << 20) /* fake nodes are multiples of it, as in Linux */

static void machine_error(const struct machine *m, const char *fmt, ...) UTIL_PRINTF(2, 3);

static void machine_error(const struct machine *m, const char *fmt, ...)
{
	struct strbuf text = {0};
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	if (m->diag != NULL)
		diag_error(m->diag, m->map.path, 0, "%s", text.s);
	else
		util_error("%s: %s", m->map.path, text.s);
	strbuf_free(&text);
}

static void machine_change(struct machine *m, uint64_t start, uint64_t end, uint32_t from,
			   uint32_t to)
{
	m->changes = xrealloc(m->changes, m->nr_changes + 1, sizeof(*m->changes));
	m->changes[m->nr_changes++] = (struct machine_change){start, end, from, to};
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

/* ---- nodes ---- */

static void machine_add_ram(struct machine *m, size_t *cap, uint64_t start, uint64_t end, int nid)
{
	struct machine_ram *last = m->nr_ram ? &m->ram[m->nr_ram - 1] : NULL;

	if (start >= end)
		return;
	if (nid >= m->nr_nodes)
		m->nr_nodes = nid + 1;
	if (last != NULL && last->end == start && last->nid == nid) {
		last->end = end;
		return;
	}
	if (m->nr_ram == *cap) {
		*cap = *cap ? *cap * 2 : 32;
		m->ram = xrealloc(m->ram, *cap, sizeof(*m->ram));
	}
	m->ram[m->nr_ram++] = (struct machine_ram){start, end, nid};
}

static int machine_srat_cmp(const void *a, const void *b)
{
	const struct map_srat *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/*
 * Sort, join neighbours of one node, reach inward to whole pages. Returns the number left; 0 if two
 * nodes claim the same memory: then, as in Linux, none is believed.
 */
static size_t machine_clean_srat(struct machine *m, struct diag *diag)
{
	struct map_srat *s = m->map.srat;
	size_t i, n = 0;

	if (m->map.nr_srat == 0)
		return 0;
	qsort(s, m->map.nr_srat, sizeof(*s), machine_srat_cmp);
	for (i = 0; i < m->map.nr_srat; i++) {
		if (n > 0 && s[i].start < s[n - 1].end && s[i].nid != s[n - 1].nid) {
			diag_warn(diag, m->map.path, s[i].line,
				  "SRAT: node %d overlaps node %d of line %u; NUMA is off",
				  s[i].nid, s[n - 1].nid, s[n - 1].line);
			return 0;
		}
		if (n > 0 && s[i].start <= s[n - 1].end && s[i].nid == s[n - 1].nid &&
		    s[i].nonvolatile == s[n - 1].nonvolatile) {
			if (s[i].end > s[n - 1].end)
				s[n - 1].end = s[i].end;
			continue;
		}
		s[n++] = s[i];
	}
	m->map.nr_srat = n;
	/* Both neighbours round alike, so that no page falls between two nodes. */
	for (i = 0; i < n; i++) {
		s[i].start &= ~(MACHINE_PAGE - 1);
		s[i].end &= ~(MACHINE_PAGE - 1);
	}
	return n;
}

/* The node whose memory is nearest to [start, end), which no SRAT range covers; @above: first
 * above. */
static int machine_nearest(const struct map_srat *s, size_t n, size_t above, uint64_t start,
			   uint64_t end)
{
	uint64_t best = UINT64_MAX;
	size_t i = above;
	int nid = s[0].nid;

	while (i > 0 && s[i - 1].nonvolatile)
		i--;
	if (i > 0) {
		best = start - s[i - 1].end;
		nid = s[i - 1].nid;
	}
	for (i = above; i < n && s[i].nonvolatile; i++)
		;
	if (i < n && s[i].start - end < best)
		nid = s[i].nid;
	return nid;
}

static void machine_warn_uncovered(const struct machine *m, struct diag *diag, uint64_t start,
				   uint64_t end, int nid)
{
	diag_warn(diag, m->map.path, 0,
		  "SRAT: no node for [mem 0x%016" PRIx64 "-0x%016" PRIx64 "]; given to node %d",
		  start, end - 1, nid);
}

/* Split each range of RAM at the borders of nodes. Both lists are sorted. */
static void machine_split_srat(struct machine *m, size_t n, struct diag *diag)
{
	const struct map_srat *s = m->map.srat;
	size_t i, j = 0, cap = 0;

	for (i = 0; i < m->table.nr; i++) {
		const struct map_range *r = &m->table.r[i];
		uint64_t at = r->start;

		while (r->type == MAP_RAM && at < r->end) {
			uint64_t stop;
			int nid;

			while (j < n && s[j].end <= at)
				j++;
			if (j < n && s[j].start <= at) {
				stop = s[j].end < r->end ? s[j].end : r->end;
				nid = s[j].nid;
			} else {
				stop = j < n && s[j].start < r->end ? s[j].start : r->end;
				nid = machine_nearest(s, n, j, at, stop);
				machine_warn_uncovered(m, diag, at, stop, nid);
			}
			machine_add_ram(m, &cap, at, stop, nid);
			at = stop;
		}
	}
}

/* numa=fake=N: nodes of about equal amounts of RAM, in address order. False: too little RAM. */
static bool machine_split_fake(struct machine *m, unsigned int nodes)
{
	uint64_t share = m->ram_bytes / nodes & ~(MACHINE_FAKE_UNIT - 1);
	uint64_t big =
		(m->ram_bytes - share * nodes) / MACHINE_FAKE_UNIT; /* so many get one more */
	uint64_t left;
	unsigned int nid = 0;
	size_t i, cap = 0;

	if (share == 0)
		return false;
	left = share + (big > 0 ? MACHINE_FAKE_UNIT : 0);
	for (i = 0; i < m->table.nr; i++) {
		const struct map_range *r = &m->table.r[i];
		uint64_t at = r->start;

		while (r->type == MAP_RAM && at < r->end) {
			uint64_t take = r->end - at;

			if (nid + 1 < nodes && take > left)
				take = left;
			machine_add_ram(m, &cap, at, at + take, (int)nid);
			at += take;
			left -= take < left ? take : left;
			if (left == 0 && nid + 1 < nodes) {
				nid++;
				left = share + (nid < big ? MACHINE_FAKE_UNIT : 0);
			}
		}
	}
	return true;
}

static void machine_one_node(struct machine *m)
{
	size_t i, cap = 0;

	for (i = 0; i < m->table.nr; i++)
		if (m->table.r[i].type == MAP_RAM)
			machine_add_ram(m, &cap, m->table.r[i].start, m->table.r[i].end, 0);
}

static void machine_split_nodes(struct machine *m, struct diag *diag)
{
	size_t n;

	if (m->cmdline.numa_fake > 0) {
		if (machine_split_fake(m, m->cmdline.numa_fake))
			return;
		diag_warn(diag, "command line", 0,
			  "numa=fake=%u: not enough memory for nodes of 32 MiB, one node made",
			  m->cmdline.numa_fake);
	} else if (!m->cmdline.numa_off) {
		n = machine_clean_srat(m, diag);
		if (n > 0) {
			machine_split_srat(m, n, diag);
			return;
		}
	}
	machine_one_node(m);
}

/* ---- CPUs ---- */

static bool machine_has_node(const struct machine *m, int nid)
{
	size_t i;

	for (i = 0; i < m->nr_ram; i++)
		if (m->ram[i].nid == nid)
			return true;
	return false;
}

static void machine_set_cpus(struct machine *m, const struct machine_options *o)
{
	int map_node[QUARRY_MAX_NODES], nid, last = -1;
	unsigned int n = o->nr_cpus, nodes = 0;
	size_t i;

	for (nid = QUARRY_MAX_NODES - 1; nid >= 0; nid--)
		last = machine_has_node(m, nid) ? nid : last;
	/* A node without memory lends its CPUs to the node below, or the lowest. */
	for (nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		if (machine_has_node(m, nid)) {
			last = nid;
			nodes++;
		}
		map_node[nid] = last;
	}
	if (n == 0) {
		n = m->map.logged_cpus;
		if (n == 0) {
			n = m->map.nr_cpu_nodes > 2 ? (unsigned int)m->map.nr_cpu_nodes : 2;
			n = n < nodes ? nodes : n;
		}
		if (m->cmdline.nr_cpus != 0 && n > m->cmdline.nr_cpus)
			n = m->cmdline.nr_cpus;
	}
	n = n < o->min_cpus ? o->min_cpus : n;
	m->nr_cpus = n > QUARRY_MAX_CPUS ? QUARRY_MAX_CPUS : n;
	if (m->map.nr_cpu_nodes < m->nr_cpus || m->cmdline.numa_off || m->cmdline.numa_fake != 0)
		return;
	m->cpu_node = xmalloc(m->nr_cpus * sizeof(*m->cpu_node));
	for (i = 0; i < m->nr_cpus; i++)
		m->cpu_node[i] = map_node[m->map.cpu_node[i]];
}

/* ---- memblock and bootmem ---- */

static int machine_memblock_failed(const struct machine *m, int err, const char *what)
{
	if (err == -QUARRY_ENOMEM)
		machine_error(m, "memblock has no room to %s", what);
	else
		machine_error(m, "memblock refused to %s (error %d)", what, -err);
	return err == -QUARRY_ENOMEM ? CLI_FAILED : CLI_INPUT;
}

/* What a kernel reserves before its log begins. */
static int machine_reserve_base(struct machine *m)
{
	const struct map_table *t = &m->map.reserve;
	int err = 0;
	size_t i;

	if (m->pc)
		err = quarry_memblock_reserve(m->q, 0, MACHINE_ISA_END);
	for (i = 0; i < t->nr && err == 0; i++)
		err = quarry_memblock_reserve(m->q, t->r[i].start, t->r[i].end - t->r[i].start);
	return err;
}

static int machine_apply_op(struct machine *m, const struct map_op *op, struct diag *diag)
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

static int machine_fill_memblock(struct machine *m, struct diag *diag)
{
	bool logged = false;
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
	for (i = 0; i < m->map.nr_ops; i++)
		logged = logged || m->map.ops[i].kind == MAP_OP_RESERVE;
	if (!logged || !m->map.has_dump)
		err = machine_reserve_base(m);
	for (i = 0; i < m->map.nr_ops && err == 0; i++)
		err = machine_apply_op(m, &m->map.ops[i], diag);
	return err == 0 ? CLI_OK : machine_memblock_failed(m, err, "reserve memory");
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
				"bootmem cannot describe node %d: its pages lie between those of "
				"another node, or there is no room for its bitmap",
				nid);
			return CLI_FAILED;
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
	return share->bytes;
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
	machine_user_map(m);
	machine_fix_table(m);
	machine_trim(m, diag);
	if (m->ram_bytes == 0) {
		diag_error(diag, m->map.path, 0,
			   "no usable memory is left, expected at least one page");
		return CLI_INPUT;
	}
	machine_split_nodes(m, diag);
	machine_set_cpus(m, o);
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

	*m = (struct machine){.bootmem = o->bootmem, .diag = o->diag};
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

int machine_boot(struct machine *m)
{
	struct quarry_boot_params p = {.nr_cpus = m->nr_cpus,
				       .nr_possible_cpus = m->map.possible_cpus,
				       .cpu_node = m->cpu_node};
	const struct cmdline *c = &m->cmdline;
	uint64_t start = util_now_ns();
	int err;

	p.bootmem = m->bootmem;
	p.kernelcore = m->kernelcore;
	p.movablecore = m->movablecore;
	p.min_free_kbytes = c->min_free_kbytes;
	p.watermark_scale_factor = c->watermark_scale_factor;
	p.set_lowmem_reserve_ratio = c->set_lowmem_reserve_ratio;
	memcpy(p.lowmem_reserve_ratio, c->lowmem_reserve_ratio, sizeof(p.lowmem_reserve_ratio));
	p.no_thp = c->no_thp;
	err = quarry_boot(m->q, &p);
	m->boot_ns = util_now_ns() - start;
	if (err == -QUARRY_EINVAL)
		machine_error(m,
			      "this machine cannot boot: a parameter is out of range, or the map "
			      "has more memory than the page allocator can manage");
	else if (err != 0)
		machine_error(m, "the host has no memory for the machine's tables");
	return err == 0 ? CLI_OK : err == -QUARRY_EINVAL ? CLI_INPUT : CLI_FAILED;
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

bool machine_zone_range(const struct machine *m, enum quarry_zone_type zone, uint64_t *start,
			uint64_t *end)
{
	static const uint64_t limit[] = {0, (uint64_t)16 << 20, (uint64_t)4 << 30, UINT64_MAX};
	uint64_t first, last;

	if (m->nr_ram == 0 || zone > QUARRY_ZONE_NORMAL)
		return false;
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
	*m = (struct machine){0};
}
