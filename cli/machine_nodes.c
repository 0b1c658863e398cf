/* SPDX-License-Identifier: MIT */
/*
 * Which node each stretch of RAM and each CPU belongs to, and how far nodes are apart.
 *
 * Nodes come from SRAT or a devicetree's numa-node-id, unless numa=off. numa=fake= cuts these, or the
 * one node there is, into smaller ones by Linux's rules on x86: in steps of 32 MiB, a node that would
 * leave less than that below 4 GiB, or less than its own size in the real node, reaches on to that
 * border. A fake node is as far from another as the real ones they lie in.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <machine_parts.h>

#define NODES_FAKE_UNIT ((uint64_t)32 << 20)
#define NODES_MAX_LOST ((uint64_t)1 << 20) /* RAM that SRAT may leave out */
#define NODES_4G ((uint64_t)4 << 30)
#define NODES_MAX_BLOCKS (2 * QUARRY_MAX_NODES) /* Linux's bound too */

/* Node @nid is, or can be. */
static void nodes_possible(struct machine *m, int nid)
{
	m->possible_nodes |= (uint64_t)1 << nid;
	if (nid >= m->nr_nodes)
		m->nr_nodes = nid + 1;
}

static void machine_add_ram(struct machine *m, size_t *cap, uint64_t start, uint64_t end, int nid)
{
	struct machine_ram *last = m->nr_ram ? &m->ram[m->nr_ram - 1] : NULL;

	if (start >= end)
		return;
	nodes_possible(m, nid);
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
		s[i].start &= ~((uint64_t)QUARRY_PAGE_SIZE - 1);
		s[i].end &= ~((uint64_t)QUARRY_PAGE_SIZE - 1);
	}
	return n;
}

/*
 * Bytes of RAM that SRAT gives to no node. As in Linux, what lies between two stretches of one node's
 * RAM is that node's. Both lists are sorted.
 */
static uint64_t machine_uncovered(const struct machine *m, const struct map_srat *s, size_t n)
{
	uint64_t lost = 0, pending = 0;
	size_t i, j = 0;
	int last = -1;

	for (i = 0; i < m->table.nr; i++) {
		const struct map_range *r = &m->table.r[i];
		uint64_t at = r->start, stop;

		for (; r->type == MAP_RAM && at < r->end; at = stop) {
			while (j < n && s[j].end <= at)
				j++;
			if (j == n || s[j].start > at) {
				stop = j < n && s[j].start < r->end ? s[j].start : r->end;
				pending += stop - at;
				continue;
			}
			stop = s[j].end < r->end ? s[j].end : r->end;
			lost += s[j].nid == last ? 0 : pending;
			pending = 0;
			last = s[j].nid;
		}
	}
	return lost + pending;
}

/* Whether SRAT is believed: as in Linux, not if it leaves out 1 MiB of RAM or more. */
static bool machine_srat_covers(const struct machine *m, const struct map_srat *s, size_t n,
				struct diag *diag)
{
	uint64_t lost = machine_uncovered(m, s, n);

	if (lost < NODES_MAX_LOST)
		return true;
	diag_warn(diag, m->map.path, s[0].line,
		  "NUMA: nodes only cover %" PRIu64 "MB of your %" PRIu64 "MB e820 RAM. Not used.",
		  (m->ram_bytes - lost) >> 20, m->ram_bytes >> 20);
	return false;
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
static void machine_split_srat(struct machine *m, const struct map_srat *s, size_t n,
			       struct diag *diag)
{
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

/* ---- fake nodes ---- */

/* While memory is being cut: what is left of the real nodes, and the fake ones. */
struct nodes_fake {
	struct machine *m;
	struct map_srat *phys; /* in address order; start moves up as memory is taken */
	size_t nr_phys;
	struct map_srat out[NODES_MAX_BLOCKS];
	size_t nr_out;
	int to_phys[QUARRY_MAX_NODES]; /* the real node of each fake one; -1: not made */
};

/* RAM in [start, end). */
static uint64_t nodes_ram_in(const struct machine *m, uint64_t start, uint64_t end)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < m->table.nr; i++) {
		const struct map_range *r = &m->table.r[i];
		uint64_t lo = r->start > start ? r->start : start;
		uint64_t hi = r->end < end ? r->end : end;

		if (r->type == MAP_RAM && lo < hi)
			sum += hi - lo;
	}
	return sum;
}

/* The first address by which [start, ...) has @size bytes of RAM; all ones: nowhere. */
static uint64_t nodes_ram_reaches(const struct machine *m, uint64_t start, uint64_t size)
{
	size_t i;

	for (i = 0; i < m->table.nr; i++) {
		const struct map_range *r = &m->table.r[i];
		uint64_t lo = r->start > start ? r->start : start;

		if (r->type != MAP_RAM || lo >= r->end)
			continue;
		if (r->end - lo >= size)
			return lo + size;
		size -= r->end - lo;
	}
	return UINT64_MAX;
}

/* [start, @end) grown in steps until it has @size bytes of RAM, at most to @limit. */
static uint64_t nodes_fake_end(const struct machine *m, uint64_t start, uint64_t end,
			       uint64_t limit, uint64_t size)
{
	uint64_t reach = nodes_ram_reaches(m, start, size);

	if (reach <= end)
		return end;
	if (reach == UINT64_MAX)
		return limit;
	end += (reach - end + NODES_FAKE_UNIT - 1) & ~(NODES_FAKE_UNIT - 1);
	return end < limit ? end : limit;
}

/* Where a fake node that would end at @end really does. */
static uint64_t nodes_fake_border(const struct nodes_fake *f, uint64_t end, uint64_t limit,
				  uint64_t size, bool to_limit)
{
	if (end < NODES_4G && nodes_ram_in(f->m, end, NODES_4G) < NODES_FAKE_UNIT)
		end = NODES_4G;
	if (to_limit && (end >= limit || nodes_ram_in(f->m, end, limit) < size))
		end = limit;
	return end < limit ? end : limit;
}

/* Make [start of @p, @end) a part of fake node @nid. False: too many pieces. */
static bool nodes_fake_take(struct nodes_fake *f, struct map_srat *p, uint64_t end, int nid)
{
	if (f->nr_out == NODES_MAX_BLOCKS)
		return false;
	if (f->to_phys[nid] < 0)
		f->to_phys[nid] = p->nid;
	f->out[f->nr_out++] = (struct map_srat){.start = p->start, .end = end, .nid = nid};
	p->start = end;
	return true;
}

/* What is left of real node @nid: its lowest piece; NULL: nothing. */
static struct map_srat *nodes_fake_next(struct nodes_fake *f, int nid)
{
	size_t i;

	for (i = 0; i < f->nr_phys; i++)
		if (f->phys[i].nid == nid && f->phys[i].start < f->phys[i].end)
			return &f->phys[i];
	return NULL;
}

/* numa=fake=N. The real nodes take turns. */
static bool nodes_fake_count(struct nodes_fake *f, uint64_t max, unsigned int nr)
{
	uint64_t share = nodes_ram_in(f->m, 0, max) / QUARRY_PAGE_SIZE / nr * QUARRY_PAGE_SIZE;
	uint64_t big = (share & (NODES_FAKE_UNIT - 1)) * nr / NODES_FAKE_UNIT;
	unsigned int n = 0;
	bool more = true;
	int i;

	share &= ~(NODES_FAKE_UNIT - 1);
	if (share == 0)
		return false;
	while (more) {
		more = false;
		for (i = 0; i < QUARRY_MAX_NODES; i++) {
			struct map_srat *p = nodes_fake_next(f, i);
			uint64_t end;

			if (p == NULL)
				continue;
			more = true;
			end = p->start + share + (n < big ? NODES_FAKE_UNIT : 0);
			end = nodes_fake_end(f->m, p->start, end, p->end, share);
			end = nodes_fake_border(f, end, p->end, share, true);
			if (!nodes_fake_take(f, p, end, (int)(n++ % nr)))
				return false;
		}
	}
	return true;
}

/* numa=fake=SIZE */
static bool nodes_fake_size(struct nodes_fake *f, uint64_t max, uint64_t size, struct diag *diag)
{
	uint64_t min = nodes_ram_in(f->m, 0, max) / QUARRY_MAX_NODES;
	unsigned int n = 0;
	bool more = true;
	char text[UTIL_SIZE_BUF];
	int i;

	min = (min + NODES_FAKE_UNIT - 1) & ~(NODES_FAKE_UNIT - 1);
	min = min < NODES_FAKE_UNIT ? NODES_FAKE_UNIT : min;
	if (size < min) {
		diag_warn(diag, "command line", 0,
			  "numa=fake=: nodes of %s instead, for 64 at most",
			  util_human_size(min, text));
		size = min;
	}
	size &= ~(NODES_FAKE_UNIT - 1);
	while (more) {
		more = false;
		for (i = 0; i < QUARRY_MAX_NODES; i++) {
			struct map_srat *p = nodes_fake_next(f, i);
			uint64_t end;

			if (p == NULL)
				continue;
			more = true;
			if (__builtin_add_overflow(p->start, size, &end))
				end = p->end;
			end = nodes_fake_end(f->m, p->start, end, p->end, size);
			end = nodes_fake_border(f, end, p->end, size, true);
			if (!nodes_fake_take(f, p, end, (int)(n++ % QUARRY_MAX_NODES)))
				return false;
		}
	}
	return true;
}

/* The lowest piece of which something is left; NULL: none. */
static struct map_srat *nodes_fake_lowest(struct nodes_fake *f)
{
	size_t i;

	for (i = 0; i < f->nr_phys; i++)
		if (f->phys[i].start < f->phys[i].end)
			return &f->phys[i];
	return NULL;
}

/*
 * numa=fake=NU: each real node, the lowest first, in @nr parts of its first piece's size, by addresses and not by
 * RAM. All must have them.
 */
static bool nodes_fake_uniform(struct nodes_fake *f, unsigned int nr)
{
	struct map_srat *p;
	unsigned int n = 0;

	while ((p = nodes_fake_lowest(f)) != NULL) {
		unsigned int first = n;
		int nid = p->nid;
		uint64_t size;

		size = (p->end - p->start) / QUARRY_PAGE_SIZE / nr * QUARRY_PAGE_SIZE;
		size = size < NODES_FAKE_UNIT ? NODES_FAKE_UNIT : size;
		size = (size + NODES_FAKE_UNIT - 1) & ~(NODES_FAKE_UNIT - 1);
		for (; p != NULL; p = nodes_fake_next(f, nid)) {
			uint64_t end = nodes_fake_border(f, p->start + size, p->end, size, false);

			if (!nodes_fake_take(f, p, end, (int)(n++ % QUARRY_MAX_NODES)))
				return false;
		}
		if (n - first < nr)
			return false;
	}
	return true;
}

/* The real nodes as Linux sees them after clean-up: pieces of one node joined over holes. */
static void nodes_fake_start(struct nodes_fake *f, const struct map_srat *s, size_t n, uint64_t max)
{
	size_t i;

	f->phys = xcalloc(n + 1, sizeof(*f->phys));
	for (i = 0; i < QUARRY_MAX_NODES; i++)
		f->to_phys[i] = -1;
	for (i = 0; i < n; i++) {
		struct map_srat p = s[i];

		p.end = p.end < max ? p.end : max;
		if (p.start >= p.end || nodes_ram_in(f->m, p.start, p.end) == 0)
			continue;
		if (f->nr_phys > 0 && f->phys[f->nr_phys - 1].nid == p.nid)
			f->phys[f->nr_phys - 1].end = p.end;
		else
			f->phys[f->nr_phys++] = p;
	}
	if (n == 0)
		f->phys[f->nr_phys++] = (struct map_srat){.end = max};
}

/* The next of the command line's distances, if a comma ends it; one that cannot be counts as 0, not said. */
static bool nodes_fake_said(const char **s, bool local, uint8_t *d)
{
	uint64_t v;

	if (*s == NULL || !util_scan_dec(s, &v) || **s != ',')
		return false;
	++*s;
	*d = v <= UINT8_MAX && (v == 10 || !local) ? (uint8_t)v : 0;
	return true;
}

/*
 * As the command line says, row by row; else by SRAT's distances: nodes in one real node are as near as can
 * be.
 */
static void nodes_fake_distances(struct machine *m, const int *to_phys)
{
	unsigned int n = (unsigned int)m->nr_nodes, i, j;
	const char *said = m->cmdline.numa_fake_distances.s;

	m->nr_distance = n;
	m->distance = xcalloc(n, n);
	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++) {
			unsigned int a = to_phys[i] < 0 ? 0 : (unsigned int)to_phys[i];
			unsigned int b = to_phys[j] < 0 ? 0 : (unsigned int)to_phys[j];
			uint8_t d = 0;

			if (nodes_fake_said(&said, i == j, &d)) {
				m->distance[i * n + j] = d != 0 ? d : i == j ? 10 : 20;
				continue;
			}
			if (a < m->map.nr_distance && b < m->map.nr_distance)
				d = m->map.distance[a * m->map.nr_distance + b];
			m->distance[i * n + j] = d != 0 ? d : a == b ? 10 : 20;
		}
}

/* numa=fake=: false if memory is too small for it; then nothing has changed. */
static bool machine_split_fake(struct machine *m, const struct map_srat *s, size_t n,
			       struct diag *diag)
{
	struct nodes_fake f = {.m = m};
	const struct cmdline *c = &m->cmdline;
	uint64_t max = 0;
	bool ok = false;
	size_t i;

	for (i = 0; i < m->table.nr; i++)
		if (m->table.r[i].type == MAP_RAM)
			max = m->table.r[i].end;
	nodes_fake_start(&f, s, n, max);
	if (c->numa_fake_kind == CMDLINE_FAKE_NODES)
		ok = nodes_fake_count(&f, max, c->numa_fake);
	else if (c->numa_fake_kind == CMDLINE_FAKE_SIZE)
		ok = nodes_fake_size(&f, max, c->numa_fake_size, diag);
	else
		ok = nodes_fake_uniform(&f, c->numa_fake);
	free(f.phys);
	if (!ok)
		return false;
	qsort(f.out, f.nr_out, sizeof(f.out[0]), machine_srat_cmp);
	machine_split_srat(m, f.out, f.nr_out, diag);
	m->fake = true;
	memcpy(m->fake_node, f.to_phys, sizeof(m->fake_node));
	nodes_fake_distances(m, f.to_phys);
	return true;
}

/* ---- the whole ---- */

static void machine_one_node(struct machine *m)
{
	size_t i, cap = 0;

	for (i = 0; i < m->table.nr; i++)
		if (m->table.r[i].type == MAP_RAM)
			machine_add_ram(m, &cap, m->table.r[i].start, m->table.r[i].end, 0);
}

static void machine_map_distances(struct machine *m)
{
	unsigned int n = m->map.nr_distance;
	size_t i;

	if (n == 0)
		return;
	m->nr_distance = n;
	m->distance = xmalloc((size_t)n * n);
	memcpy(m->distance, m->map.distance, (size_t)n * n);
	for (i = 0; i < (size_t)n * n; i++)
		if (m->distance[i] == 0)
			m->distance[i] = i / n == i % n ? 10 : 20;
}

/* Nodes of which the firmware knows have zonelists even if they have neither memory nor a CPU yet. */
static void nodes_of_firmware(struct machine *m, size_t nr_srat)
{
	size_t i;

	for (i = 0; i < nr_srat; i++)
		nodes_possible(m, m->map.srat[i].nid);
	for (i = 0; i < m->map.nr_cpu_nodes; i++)
		nodes_possible(m, m->map.cpu_node[i]);
}

void machine_split_nodes(struct machine *m, struct diag *diag)
{
	size_t n = m->cmdline.numa_off ? 0 : machine_clean_srat(m, diag);

	/* A devicetree's nodes are those of its memory. */
	/* Nodes of a Devicetree or of memblock's own lists are no claim of firmware's. */
	if (n != 0 && m->map.source < MAP_SOURCE_MEMBLOCK &&
	    !machine_srat_covers(m, m->map.srat, n, diag))
		n = 0;
	m->nr_phys_nodes = n;
	/* numa=off turns off the real ones alone. */
	if (m->cmdline.numa_fake_kind != CMDLINE_FAKE_NONE) {
		if (machine_split_fake(m, m->map.srat, n, diag))
			return;
		diag_warn(diag, "command line", 0,
			  "numa=fake=: not enough memory for nodes of 32 MiB, no fake nodes made");
	}
	if (n == 0) {
		machine_one_node(m);
		return;
	}
	machine_split_srat(m, m->map.srat, n, diag);
	machine_map_distances(m);
	nodes_of_firmware(m, n);
}

/* ---- CPUs ---- */

static unsigned int nodes_count_ram(const struct machine *m, bool has_ram[QUARRY_MAX_NODES])
{
	unsigned int nodes = 0;
	size_t i;

	memset(has_ram, 0, QUARRY_MAX_NODES * sizeof(has_ram[0]));
	for (i = 0; i < m->nr_ram; i++) {
		nodes += !has_ram[m->ram[i].nid];
		has_ram[m->ram[i].nid] = true;
	}
	return nodes;
}

static unsigned int nodes_cpu_count(const struct machine *m, const struct machine_options *o,
				    unsigned int nodes)
{
	unsigned int n = o->nr_cpus;

	if (n == 0) {
		n = m->map.logged_cpus;
		if (n == 0) {
			n = m->map.nr_cpu_nodes > 2 ? (unsigned int)m->map.nr_cpu_nodes : 2;
			n = n < nodes && !m->fake ? nodes : n;
		}
		if (m->cmdline.nr_cpus != 0 && n > m->cmdline.nr_cpus)
			n = m->cmdline.nr_cpus;
	}
	/* Who asks for fewer than the trace had gets them: its CPUs then share ours. */
	if (o->nr_cpus == 0 && n < o->min_cpus)
		n = o->min_cpus;
	return n > QUARRY_MAX_CPUS ? QUARRY_MAX_CPUS : n;
}

/* The lowest fake node in real node @nid. */
static int nodes_first_fake(const struct machine *m, int nid)
{
	int i;

	for (i = 0; i < m->nr_nodes; i++)
		if (m->fake_node[i] == nid)
			return i;
	return 0;
}

/* CPUs of which nothing is said go round the nodes one by one, as in Linux. */
static void nodes_fake_cpus(struct machine *m, const bool has_ram[QUARRY_MAX_NODES])
{
	bool known = m->nr_phys_nodes != 0 && m->map.nr_cpu_nodes >= m->nr_cpus;
	int nid = m->nr_nodes - 1;
	size_t i;

	for (i = 0; i < m->nr_cpus; i++) {
		do
			nid = nid + 1 < m->nr_nodes ? nid + 1 : 0;
		while (!has_ram[nid]);
		m->cpu_node[i] = known ? nodes_first_fake(m, m->map.cpu_node[i]) : nid;
	}
	/* Each fake node has the CPUs of its real node in its mask. */
	m->node_cpus = xcalloc(QUARRY_MAX_NODES, sizeof(*m->node_cpus));
	for (i = 0; i < m->nr_cpus; i++)
		for (nid = 0; nid < m->nr_nodes; nid++)
			m->node_cpus[nid] += m->fake_node[nid] == m->fake_node[m->cpu_node[i]];
}

void machine_set_cpus(struct machine *m, const struct machine_options *o)
{
	bool has_ram[QUARRY_MAX_NODES];
	unsigned int nodes = nodes_count_ram(m, has_ram);
	size_t i;

	m->nr_cpus = nodes_cpu_count(m, o, nodes);
	if (m->cmdline.numa_off && !m->fake)
		return;
	if (!m->fake && (m->nr_phys_nodes == 0 || m->map.nr_cpu_nodes < m->nr_cpus))
		return;
	m->cpu_node = xmalloc(m->nr_cpus * sizeof(*m->cpu_node));
	if (m->fake) {
		nodes_fake_cpus(m, has_ram);
		return;
	}
	for (i = 0; i < m->nr_cpus; i++) {
		m->cpu_node[i] = m->map.cpu_node[i];
		nodes_possible(m, m->cpu_node[i]);
	}
}
