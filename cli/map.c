/* SPDX-License-Identifier: MIT */
/*
 * The parser of memory maps.
 *
 * Problem    A map comes as what a user can copy: a boot log or /proc/iomem, with or without time
 *            stamps, complete or a few lines of it, from a kernel of any age. So lines are looked
 *            at one by one. One of a known kind must parse to its end, or the whole map is refused
 *            with the line's number; any other is counted and passed over. A devicetree is told by
 *            its first bytes and is fdt.c's affair.
 *
 * Terms      A source is one way in which firmware described RAM: e820, EFI, iomem. A file may hold
 *            several; one of them counts, the others are dropped. Reservations, nodes and what the
 *            log says that the kernel did (ops, updates) count with each source. What Linux made of
 *            it all is kept in map_expected, which nothing but tests and reports may read.
 *
 * Ranges     Half-open here, whatever the file has. An inclusive end of all ones becomes an
 *            exclusive one of all ones: that byte lies beyond any memory that can be managed.
 *
 * Bounds     MAP_MAX_BYTES, MAP_MAX_LINE and MAP_MAX_RANGES. Time is O(n log n) in ranges.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <devtree.h>
#include <map_parser.h>

static const char *const map_source_names[MAP_NR_SOURCES] = {"auto",  "e820",     "efi",
							     "iomem", "memblock", "devicetree"};
static const char *const map_arch_names[MAP_NR_ARCHS] = {"auto", "x86_64", "arm64", "riscv64"};

const char *map_source_name(enum map_source source)
{
	return map_source_names[source];
}

enum map_source map_source_by_name(const char *name)
{
	int i;

	for (i = 0; i < MAP_NR_SOURCES; i++)
		if (strcmp(name, map_source_names[i]) == 0)
			break;
	return (enum map_source)i;
}

const char *map_arch_name(enum map_arch arch)
{
	return map_arch_names[arch];
}

enum map_arch map_arch_by_name(const char *name)
{
	int i;

	for (i = 0; i < MAP_NR_ARCHS; i++)
		if (strcmp(name, map_arch_names[i]) == 0)
			break;
	return (enum map_arch)i;
}

void map_set_distance(struct map *map, int from, int to, uint8_t distance)
{
	unsigned int n = (unsigned int)(from > to ? from : to) + 1, i;
	uint8_t *grown;

	if (n > map->nr_distance) {
		grown = xcalloc(n, n);
		for (i = 0; i < map->nr_distance; i++)
			memcpy(grown + i * n, map->distance + i * map->nr_distance,
			       map->nr_distance);
		free(map->distance);
		map->distance = grown;
		map->nr_distance = n;
	}
	map->distance[(unsigned int)from * map->nr_distance + (unsigned int)to] = distance;
}

const char *map_type_name(uint32_t type, char *buf, size_t size)
{
	switch (type) {
	case MAP_RAM:
		return "usable";
	case MAP_RESERVED:
		return "reserved";
	case MAP_ACPI:
		return "ACPI data";
	case MAP_NVS:
		return "ACPI NVS";
	case MAP_UNUSABLE:
		return "unusable";
	case MAP_SOFT_RESERVED:
		return "soft reserved";
	case MAP_PMEM:
	case MAP_PRAM:
		snprintf(buf, size, "persistent (type %" PRIu32 ")", type);
		return buf;
	default:
		snprintf(buf, size, "type %" PRIu32, type);
		return buf;
	}
}

#define MAP_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool map_is_weekday(const char *p)
{
	static const char *const days[] = {"Sun ", "Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat "};
	size_t i;

	for (i = 0; i < 7; i++)
		if (strncmp(p, days[i], 4) == 0)
			return true;
	return false;
}

/* "[    0.000000] ", also "[    0.000000][    T0] " and dmesg -T's "[Fri Apr  7 00:04:12 2023] " */
static bool map_skip_stamp(const char **p)
{
	const char *q = *p, *digits;

	if (*q != '[')
		return false;
	q++;
	map_blanks(&q);
	digits = q;
	if (map_is_weekday(q))
		q += strspn(q, "0123456789: " MAP_LETTERS);
	else
		q += strspn(q, "0123456789.TC");
	if (q == digits || *q != ']')
		return false;
	*p = q + 1;
	return true;
}

/* Skip what log programs put before the kernel's words. */
static const char *map_skip_prefix(const char *p, unsigned int *indent)
{
	const char *start = p, *q = strstr(p, " kernel: ");
	bool stamped = false;

	if (q != NULL && q - p < 80)
		p = start = q + strlen(" kernel: ");
	for (;;) {
		q = p;
		map_blanks(&q);
		if (*q == '<' && isdigit((unsigned char)q[1]) && strchr(q, '>') != NULL &&
		    strchr(q, '>') - q <= 4) {
			p = start = strchr(q, '>') + 1;
		} else if (strncmp(q, "kern", 4) == 0 &&
			   (q[4] == '.' || q[4] == ' ' || q[4] == ':') &&
			   strcspn(q + 5, " \t:") < 8) {
			/* "kern.info:", "kern  :info  :" */
			q += 4;
			q += strspn(q, " .:");
			q += strspn(q, "abcdefghijklmnopqrstuvwxyz");
			q += strspn(q, " ");
			if (*q != ':')
				break;
			p = start = q + 1;
			stamped = true;
		} else if (map_skip_stamp(&q)) {
			p = start = q;
			stamped = true;
		} else {
			break;
		}
	}
	if (stamped && *start == ' ')
		start++;
	*indent = (unsigned int)(q - start);
	return q;
}

static enum map_line map_comment(struct map_parser *ps, const char *p)
{
	map_blanks(&p);
	if (ps->map->title == NULL && *p != '\0' && strncmp(p, "memmap v", 8) != 0)
		ps->map->title = xstrdup(p);
	return MAP_LINE_TAKEN;
}

/* @text is one line, ended by 0. */
static enum map_line map_one_line(struct map_parser *ps, const char *text)
{
	const char *p = map_skip_prefix(text, &ps->indent);

	if (*p == '\0')
		return MAP_LINE_TAKEN;
	if (*p == '#')
		return map_comment(ps, p + 1);
	return map_take_line(ps, p);
}

/* Cut lines out of @text and give each to map_one_line(). False: an error was reported. */
static bool map_lines(struct map_parser *ps, const char *text, size_t len)
{
	char *line = xmalloc(MAP_MAX_LINE + 1);
	bool ok = true;

	while (len > 0 && ok) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl != NULL ? (size_t)(nl - text) : len;
		const char *nul = memchr(text, '\0', n < MAP_MAX_LINE ? n : MAP_MAX_LINE);

		ps->line++;
		ok = false;
		if (nul != NULL) {
			diag_error(ps->diag, ps->map->path, ps->line,
				   "a zero byte at column %zu: binary data, expected the text of a "
				   "boot "
				   "log or of /proc/iomem",
				   (size_t)(nul - text) + 1);
		} else if (n > MAP_MAX_LINE) {
			diag_error(ps->diag, ps->map->path, ps->line,
				   "the line is longer than %zu bytes, expected the text of a boot "
				   "log or "
				   "of /proc/iomem",
				   MAP_MAX_LINE);
		} else {
			memcpy(line, text, n);
			while (n > 0 && line[n - 1] == '\r')
				n--;
			line[n] = '\0';
			switch (map_one_line(ps, line)) {
			case MAP_LINE_UNKNOWN:
				ps->map->nr_ignored++;
				ok = true;
				break;
			case MAP_LINE_TAKEN:
				ok = true;
				break;
			case MAP_LINE_BAD:
				break;
			}
			n = nl != NULL ? (size_t)(nl - text) : len;
		}
		len -= n + (nl != NULL);
		text += n + (nl != NULL);
	}
	ps->map->nr_lines = ps->line;
	free(line);
	return ok;
}

/* Which source counts. False: an error was reported. */
static bool map_choose_source(struct map *map, enum map_source wish, struct diag *diag)
{
	int s;

	for (s = MAP_SOURCE_E820; s < MAP_NR_SOURCES; s++)
		if (map->by_source[s].nr != 0 && (wish == MAP_SOURCE_AUTO || (int)wish == s))
			break;
	if (s < MAP_NR_SOURCES) {
		map->source = (enum map_source)s;
		return true;
	}
	if (wish != MAP_SOURCE_AUTO)
		diag_error(diag, map->path, 0, "no %s lines in this map (--map-source)",
			   map_source_name(wish));
	else
		diag_error(
			diag, map->path, map->nr_lines,
			"the file ends without a memory map, expected lines like \"BIOS-e820: [mem "
			"0x0-0x9fbff] usable\", \"efi: mem00: ...\" or /proc/iomem's \"START-END : "
			"System RAM\"");
	return false;
}

/* Where a log has no other word of nodes, those of memblock's own list of regions. */
static void map_listed_nodes(struct map *map)
{
	const struct map_table *t = &map->listed;
	size_t i;

	if (map->nr_srat != 0 || t->nr == 0)
		return;
	map->nr_srat = map->cap_srat = t->nr;
	map->srat = xcalloc(t->nr, sizeof(*map->srat));
	for (i = 0; i < t->nr; i++)
		map->srat[i] = (struct map_srat){.start = t->r[i].start,
						 .end = t->r[i].end,
						 .nid = (int)t->r[i].type,
						 .line = t->r[i].line};
}

static int map_row_cmp(const void *a, const void *b)
{
	const struct map_distance_row *x = a, *y = b;

	if (x->nid != y->nid)
		return x->nid < y->nid ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* Columns stand for the nodes that have a row, in order. False: an error was reported. */
static bool map_join_distances(struct map *map, struct diag *diag)
{
	struct map_distance_row *r = map->rows;
	size_t i, j;

	if (map->nr_rows > 1)
		qsort(r, map->nr_rows, sizeof(*r), map_row_cmp);
	for (i = 0; i < map->nr_rows; i++) {
		if (i > 0 && r[i].nid == r[i - 1].nid) {
			diag_error(diag, map->path, r[i].line,
				   "a second line of distances of node %d, expected one", r[i].nid);
			return false;
		}
		if (r[i].nr != map->nr_rows) {
			diag_error(diag, map->path, r[i].line,
				   "%u distances, expected %zu: one to each node that has such a "
				   "line",
				   r[i].nr, map->nr_rows);
			return false;
		}
	}
	for (i = 0; i < map->nr_rows; i++)
		for (j = 0; j < map->nr_rows; j++)
			map_set_distance(map, r[i].nid, r[j].nid, r[i].to[j]);
	return true;
}

/* As in Linux, one node too many and nothing that was said of nodes is believed. */
static void map_drop_nodes(struct map *map, struct diag *diag)
{
	if (map->bad_node == 0)
		return;
	diag_warn(diag, map->path, map->bad_node,
		  "SRAT: Too many proximity domains: a node above %d. NUMA is off",
		  QUARRY_MAX_NODES - 1);
	map->nr_srat = map->nr_cpu_nodes = map->nr_rows = 0;
	map->listed.nr = map->hotplug.nr = 0;
}

/* A devicetree, as text or as a blob. */
static int map_parse_devicetree(struct map *map, const char *text, size_t len,
				enum map_source source, struct diag *diag)
{
	int status = CLI_OK;

	if (source != MAP_SOURCE_AUTO && source != MAP_SOURCE_DEVICETREE) {
		diag_error(diag, map->path, 0, "no %s lines in this map (--map-source)",
			   map_source_name(source));
		status = CLI_INPUT;
	} else if (devtree_is_blob(text, len)) {
		status = devtree_parse(map, text, len, diag);
	} else {
		struct strbuf blob = {0};

		map->title = devtree_title(text, len);
		status = devtree_compile(map->path, text, len, &blob, diag);
		if (status == CLI_OK)
			status = devtree_parse(map, blob.s, blob.len, diag);
		strbuf_free(&blob);
	}
	if (status != CLI_OK)
		map_free(map);
	return status;
}

int map_parse(struct map *map, const char *path, const char *text, size_t len,
	      enum map_source source, struct diag *diag)
{
	struct map_parser ps = {.map = map, .diag = diag};
	size_t i;

	*map = (struct map){.path = xstrdup(path)};
	map->expected.available_kb = map->expected.total_kb = map->expected.reserved_kb =
		UINT64_MAX;
	for (i = 0; i < QUARRY_MAX_NODES; i++)
		map->expected.totalpages[i] = UINT64_MAX;
	if (devtree_is_blob(text, len) || devtree_is_source(path, text, len))
		return map_parse_devicetree(map, text, len, source, diag);
	if (!map_lines(&ps, text, len) || !map_choose_source(map, source, diag)) {
		map_free(map);
		return CLI_INPUT;
	}
	map_drop_nodes(map, diag);
	if (!map_join_distances(map, diag)) {
		map_free(map);
		return CLI_INPUT;
	}
	if (map->by_source[MAP_SOURCE_E820].nr != 0) /* only PCs have it */
		map->arch = MAP_ARCH_X86_64;
	if (map->source == MAP_SOURCE_MEMBLOCK)
		map_listed_nodes(map);
	for (i = 0; i < map->nested.nr && map->source == MAP_SOURCE_IOMEM; i++)
		map_table_add(&map->reserve, map->nested.r[i].start, map->nested.r[i].end,
			      map->nested.r[i].type, map->nested.r[i].line);
	return CLI_OK;
}

/* All of @fd, at most MAP_MAX_BYTES + 1. Returns 0 or an errno. */
static int map_read(int fd, struct strbuf *text)
{
	char *chunk = xmalloc(MAP_MAX_LINE);
	int err = 0;

	while (text->len <= MAP_MAX_BYTES) {
		ssize_t n = read(fd, chunk, MAP_MAX_LINE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = errno;
		if (n <= 0)
			break;
		strbuf_add(text, chunk, (size_t)n);
	}
	free(chunk);
	return err;
}

int map_load(struct map *map, const char *path, enum map_source source, struct diag *diag)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "<stdin>" : path;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct strbuf text = {0};
	int err, status = CLI_INPUT;

	*map = (struct map){0};
	if (fd < 0) {
		diag_error(diag, name, 0, "cannot open: %s", strerror(errno));
		return CLI_INPUT;
	}
	err = map_read(fd, &text);
	if (err != 0)
		diag_error(diag, name, 0, "cannot read: %s", strerror(err));
	else if (text.len > MAP_MAX_BYTES)
		diag_error(diag, name, 0, "larger than %zu MiB, expected the text of a boot log",
			   MAP_MAX_BYTES >> 20);
	else if (text.len == 0)
		diag_error(diag, name, 0,
			   "empty, expected the text of a boot log or of /proc/iomem");
	else
		status = map_parse(map, name, text.s, text.len, source, diag);
	strbuf_free(&text);
	if (!is_stdin)
		close(fd);
	return status;
}

void map_free(struct map *map)
{
	int s;

	for (s = 0; s < MAP_NR_SOURCES; s++)
		map_table_free(&map->by_source[s]);
	map_table_free(&map->reserve);
	map_table_free(&map->listed);
	map_table_free(&map->late);
	map_table_free(&map->cma);
	map_table_free(&map->nested);
	map_table_free(&map->mirror);
	map_table_free(&map->hotplug);
	map_table_free(&map->alloc_ranges);
	map_table_free(&map->usable);
	free(map->rows);
	free(map->distance);
	free(map->resmem);
	map_table_free(&map->expected.node_ranges);
	free(map->expected.zones);
	free(map->srat);
	free(map->cpu_node);
	free(map->ops);
	free(map->updates);
	free(map->title);
	free(map->cmdline);
	free(map->path);
	*map = (struct map){0};
}
