/* SPDX-License-Identifier: MIT */
/*
 * What Linux had: the files beside a recording.
 *
 * NAME.snap.txt holds snapshots, each a line "@@SNAP n=N mono_ns=T file=F bytes=B" and B bytes of
 * /proc/F. slabinfo, buddyinfo, pagetypeinfo and zoneinfo are looked at; the first snapshot and the last
 * are kept.
 */
#include <stdlib.h>
#include <string.h>

#include <input.h>
#include <linuxfacts.h>

#define LINUXFACTS_MAX_FILE ((size_t)64 << 20)
#define LINUXFACTS_MAX_ROWS 65536u
#define LINUXFACTS_MAX_ZONES 512u

static void linuxfacts_drop(struct linuxfacts_snapshot *f)
{
	for (size_t i = 0; i < f->nr_caches; i++)
		free(f->caches[i].name);
	free(f->caches);
	free(f->zones);
	memset(f, 0, sizeof(*f));
}

/* Up to @max words of the line [s, end) into @word and @len. */
static size_t linuxfacts_words(const char *s, const char *end, const char **word, size_t *len,
			       size_t max)
{
	size_t n = 0;

	while (s < end && n < max) {
		while (s < end && (*s == ' ' || *s == '\t'))
			s++;
		if (s == end)
			break;
		word[n] = s;
		while (s < end && *s != ' ' && *s != '\t')
			s++;
		len[n] = (size_t)(s - word[n]);
		n++;
	}
	return n;
}

static bool linuxfacts_number(const char *word, size_t len, uint64_t *out)
{
	uint64_t n = 0;

	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (word[i] < '0' || word[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(word[i] - '0');
	}
	*out = n;
	return true;
}

/* A copy of a name that is safe to print. */
static char *linuxfacts_name(const char *s, size_t len)
{
	char *name = xstrndup(s, len);

	for (char *c = name; *c != '\0'; c++) {
		if ((unsigned char)*c < 32 || *c == 127)
			*c = '?';
	}
	return name;
}

/* "dentry 100 105 192 21 1 : tunables 0 0 0 : slabdata 5 5 0" */
static void linuxfacts_slab_line(struct linuxfacts_snapshot *f, const char *s, const char *end)
{
	const char *word[16];
	size_t len[16], n = linuxfacts_words(s, end, word, len, 16);
	struct linuxfacts_cache *c;

	if (n < 16 || f->nr_caches == LINUXFACTS_MAX_ROWS)
		return;
	if (f->nr_caches == f->cap_caches) {
		f->cap_caches = f->cap_caches > 0 ? f->cap_caches * 2 : 256;
		f->caches = xrealloc(f->caches, f->cap_caches, sizeof(f->caches[0]));
	}
	c = &f->caches[f->nr_caches];
	memset(c, 0, sizeof(*c));
	if (!linuxfacts_number(word[1], len[1], &c->active_objs) ||
	    !linuxfacts_number(word[2], len[2], &c->num_objs) ||
	    !linuxfacts_number(word[3], len[3], &c->objsize) ||
	    !linuxfacts_number(word[4], len[4], &c->objs_per_slab) ||
	    !linuxfacts_number(word[5], len[5], &c->pages_per_slab) ||
	    !linuxfacts_number(word[13], len[13], &c->active_slabs) ||
	    !linuxfacts_number(word[14], len[14], &c->num_slabs))
		return;
	c->name = linuxfacts_name(word[0], len[0]);
	f->nr_caches++;
}

/* The zone of "Node 0, zone DMA32", words 1 and 3, made if there is none; NULL: no such line, or too many. */
static struct linuxfacts_zone *linuxfacts_zone_of(struct linuxfacts_snapshot *f,
						  const char *const *word, const size_t *len)
{
	struct linuxfacts_zone *z;
	char name[16] = {0};
	size_t n = len[3];
	uint64_t nid;

	if (len[1] > 0 && word[1][len[1] - 1] == ',')
		n = len[1] - 1;
	else
		return NULL;
	if (!linuxfacts_number(word[1], n, &nid) || nid >= QUARRY_MAX_NODES)
		return NULL;
	n = len[3] > 0 && word[3][len[3] - 1] == ',' ? len[3] - 1 : len[3];
	if (n == 0 || n >= sizeof(name))
		return NULL;
	memcpy(name, word[3], n);
	for (size_t i = 0; i < f->nr_zones; i++) {
		if (f->zones[i].nid == (int)nid && strcmp(f->zones[i].name, name) == 0)
			return &f->zones[i];
	}
	if (f->nr_zones == LINUXFACTS_MAX_ZONES)
		return NULL;
	if (f->nr_zones == f->cap_zones) {
		f->cap_zones = f->cap_zones > 0 ? f->cap_zones * 2 : 8;
		f->zones = xrealloc(f->zones, f->cap_zones, sizeof(f->zones[0]));
	}
	z = &f->zones[f->nr_zones++];
	memset(z, 0, sizeof(*z));
	z->nid = (int)nid;
	memcpy(z->name, name, sizeof(name));
	return z;
}

/* "Node 0, zone  DMA32  1 0 1 ...": one number for each order. */
static void linuxfacts_buddy_line(struct linuxfacts_snapshot *f, const char *s, const char *end)
{
	const char *word[4 + QUARRY_NR_ORDERS];
	size_t len[4 + QUARRY_NR_ORDERS];
	size_t n = linuxfacts_words(s, end, word, len, 4 + QUARRY_NR_ORDERS);
	struct linuxfacts_zone *z = n >= 5 ? linuxfacts_zone_of(f, word, len) : NULL;

	for (size_t i = 4; z != NULL && i < n; i++)
		linuxfacts_number(word[i], len[i], &z->nr_free[i - 4]);
}

static int linuxfacts_type(const char *word, size_t len)
{
	static const char *const names[LINUXFACTS_TYPES] = {
		"Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate",
	};

	for (int i = 0; i < LINUXFACTS_TYPES; i++) {
		if (len == strlen(names[i]) && memcmp(word, names[i], len) == 0)
			return i;
	}
	return -1;
}

/*
 * "Node    0, zone   Normal, type    Unmovable  1 0 ...", counts by order, where ">100000" is no number but a
 * bound; then "Number of blocks type  Unmovable Movable ..." and "Node 0, zone  Normal  66 494 ...".
 */
static void linuxfacts_type_line(struct linuxfacts_snapshot *f, const char *s, const char *end)
{
	const char *word[6 + QUARRY_NR_ORDERS];
	size_t len[6 + QUARRY_NR_ORDERS];
	size_t n = linuxfacts_words(s, end, word, len, 6 + QUARRY_NR_ORDERS);
	struct linuxfacts_zone *z;
	int type;

	if (n >= 5 && len[0] == 6 && memcmp(word[0], "Number", 6) == 0) {
		memset(f->column, -1, sizeof(f->column));
		for (size_t i = 4; i < n && i - 4 < LINUXFACTS_TYPES; i++)
			f->column[i - 4] = (int8_t)linuxfacts_type(word[i], len[i]);
		return;
	}
	if (n < 5 || (z = linuxfacts_zone_of(f, word, len)) == NULL)
		return;
	if (len[4] == 4 && memcmp(word[4], "type", 4) == 0) {
		type = n > 5 ? linuxfacts_type(word[5], len[5]) : -1;
		for (size_t i = 6; type >= 0 && i < n; i++) {
			bool bound = word[i][0] == '>';

			linuxfacts_number(word[i] + bound, len[i] - bound,
					  &z->free_type[type][i - 6]);
			z->have_types = true;
		}
		return;
	}
	for (size_t i = 4; i < n && i - 4 < LINUXFACTS_TYPES; i++) {
		if (f->column[i - 4] >= 0)
			linuxfacts_number(word[i], len[i], &z->blocks[f->column[i - 4]]);
	}
}

/* "Node 0, zone Normal", then "managed N" and "count: N" of each CPU. */
static void linuxfacts_info_line(struct linuxfacts_snapshot *f, const char *s, const char *end)
{
	const char *word[5];
	size_t len[5], n = linuxfacts_words(s, end, word, len, 5);
	uint64_t count;

	if (n == 4 && len[0] == 4 && memcmp(word[0], "Node", 4) == 0) {
		f->at_zone = linuxfacts_zone_of(f, word, len);
		return;
	}
	if (f->at_zone == NULL || n != 2 || !linuxfacts_number(word[1], len[1], &count))
		return;
	if (len[0] == 7 && memcmp(word[0], "managed", 7) == 0)
		f->at_zone->managed = count;
	else if (len[0] == 6 && memcmp(word[0], "count:", 6) == 0)
		f->at_zone->pcp += count;
}

static void linuxfacts_lines(struct linuxfacts_snapshot *f, const char *s, const char *end,
			     void (*line)(struct linuxfacts_snapshot *f, const char *s,
					  const char *end))
{
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));

		line(f, s, nl != NULL ? nl : end);
		s = nl != NULL ? nl + 1 : end;
	}
}

/* The value of " key=" in a head line; its length in *len. */
static const char *linuxfacts_value(const char *s, const char *end, const char *key, size_t *len)
{
	size_t n = strlen(key);
	const char *at = memmem(s, (size_t)(end - s), key, n), *stop;

	if (at == NULL)
		return NULL;
	at += n;
	for (stop = at; stop < end && *stop != ' '; stop++)
		;
	*len = (size_t)(stop - at);
	return at;
}

/* One file of snapshot @f. */
static void linuxfacts_part(struct linuxfacts_snapshot *f, const char *name, size_t len,
			    const char *s, const char *end)
{
	static const struct {
		const char *name;
		void (*line)(struct linuxfacts_snapshot *f, const char *s, const char *end);
	} files[] = {
		{"slabinfo", linuxfacts_slab_line},
		{"buddyinfo", linuxfacts_buddy_line},
		{"pagetypeinfo", linuxfacts_type_line},
		{"zoneinfo", linuxfacts_info_line},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (len != strlen(files[i].name) || memcmp(name, files[i].name, len) != 0)
			continue;
		f->there = true;
		f->at_zone = NULL;
		linuxfacts_lines(f, s, end, files[i].line);
	}
}

/* The snapshot that part number @number belongs to; the last one begins anew at each number. */
static struct linuxfacts_snapshot *linuxfacts_snapshot(struct linuxfacts *f, uint64_t number,
						       uint64_t mono_ns, bool start)
{
	struct linuxfacts_snapshot *s = &f->last;

	if (f->last.begun && f->last.number == number)
		return s;
	if (f->last.begun && !f->first.begun) {
		f->first = f->last;
		memset(&f->last, 0, sizeof(f->last));
	}
	linuxfacts_drop(s);
	s->begun = true;
	s->number = number;
	s->mono_ns = mono_ns;
	s->start = start;
	return s;
}

void linuxfacts_parse_snapshots(struct linuxfacts *f, const char *file, const char *text,
				size_t len, struct diag *diag)
{
	const char *s = text, *end = text + len;

	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s)), *v, *name;
		uint64_t snapshot = 0, bytes = 0, mono_ns = 0;
		size_t n, name_len;
		bool start;

		if (nl == NULL || nl - s < 6 || memcmp(s, "@@SNAP", 6) != 0)
			goto bad;
		v = linuxfacts_value(s, nl, " n=", &n);
		if (v == NULL || !linuxfacts_number(v, n, &snapshot))
			goto bad;
		v = linuxfacts_value(s, nl, " bytes=", &n);
		if (v == NULL || !linuxfacts_number(v, n, &bytes))
			goto bad;
		v = linuxfacts_value(s, nl, " mono_ns=", &n);
		if (v != NULL)
			linuxfacts_number(v, n, &mono_ns);
		v = linuxfacts_value(s, nl, " at=", &n);
		start = v != NULL && n == 5 && memcmp(v, "start", 5) == 0;
		name = linuxfacts_value(s, nl, " file=", &name_len);
		if (name == NULL || bytes > (uint64_t)(end - nl - 1))
			goto bad;
		s = nl + 1 + bytes;
		linuxfacts_part(linuxfacts_snapshot(f, snapshot, mono_ns, start), name, name_len,
				nl + 1, s);
	}
	return;
bad:
	diag_warn(diag, file, 0,
		  "byte %td: expected a snapshot: @@SNAP n=N ... file=F bytes=B; "
		  "the rest is ignored",
		  s - text);
}

/* ---- NAME.caches.tsv ---- */

/* Columns are found by their names in the first line. */
enum { MADE_NAME, MADE_RECLAIM, MADE_DMA, MADE_HWCACHE, MADE_RCU, MADE_NR };

static const char *const linuxfacts_columns[MADE_NR] = {
	"name", "reclaim_account", "cache_dma", "hwcache_align", "destroy_by_rcu",
};

/* Field number @i of a line of tab-separated ones; "" if there are fewer. */
static const char *linuxfacts_field(const char *s, const char *end, size_t i, size_t *len)
{
	const char *tab;

	while (i-- > 0) {
		tab = memchr(s, '\t', (size_t)(end - s));
		if (tab == NULL) {
			*len = 0;
			return end;
		}
		s = tab + 1;
	}
	tab = memchr(s, '\t', (size_t)(end - s));
	*len = (size_t)((tab != NULL ? tab : end) - s);
	return s;
}

static bool linuxfacts_flag(const char *s, const char *end, size_t column)
{
	size_t len;
	const char *v = linuxfacts_field(s, end, column, &len);

	return len > 0 && *v != '0' && *v != '-';
}

static void linuxfacts_made_line(struct linuxfacts *f, const char *s, const char *end,
				 const size_t *column)
{
	struct linuxfacts_made *m;
	const char *name;
	size_t len;

	name = linuxfacts_field(s, end, column[MADE_NAME], &len);
	if (len == 0 || f->nr_made == LINUXFACTS_MAX_ROWS)
		return;
	if (f->nr_made == f->cap_made) {
		f->cap_made = f->cap_made > 0 ? f->cap_made * 2 : 256;
		f->made = xrealloc(f->made, f->cap_made, sizeof(f->made[0]));
	}
	m = &f->made[f->nr_made++];
	m->name = linuxfacts_name(name, len);
	m->reclaim_account = linuxfacts_flag(s, end, column[MADE_RECLAIM]);
	m->cache_dma = linuxfacts_flag(s, end, column[MADE_DMA]);
	m->hwcache_align = linuxfacts_flag(s, end, column[MADE_HWCACHE]);
	m->destroy_by_rcu = linuxfacts_flag(s, end, column[MADE_RCU]);
}

static void linuxfacts_parse_made(struct linuxfacts *f, const char *file, const char *text,
				  size_t len, struct diag *diag)
{
	const char *s = text, *end = text + len, *nl = memchr(text, '\n', len);
	size_t column[MADE_NR], n;

	for (int i = 0; i < MADE_NR; i++)
		column[i] = SIZE_MAX;
	for (size_t i = 0; nl != NULL && i < 64; i++) {
		const char *v = linuxfacts_field(s, nl, i, &n);

		for (int k = 0; k < MADE_NR; k++) {
			if (n == strlen(linuxfacts_columns[k]) &&
			    memcmp(v, linuxfacts_columns[k], n) == 0)
				column[k] = i;
		}
	}
	for (int k = 0; k < MADE_NR; k++) {
		if (column[k] == SIZE_MAX) {
			diag_warn(diag, file, 1, "expected a column %s; the file is ignored",
				  linuxfacts_columns[k]);
			return;
		}
	}
	for (s = nl + 1; s < end; s = nl + 1) {
		nl = memchr(s, '\n', (size_t)(end - s));
		if (nl == NULL)
			break;
		linuxfacts_made_line(f, s, nl, column);
	}
}

/* ---- finding the files ---- */

/* Read all of @path into *text, which is the caller's; false if there is no such file. */
static bool linuxfacts_read(const char *path, char **text, size_t *len, struct diag *diag)
{
	struct input in;

	if (input_open(&in, path) != 0)
		return false;
	*len = input_fill(&in, LINUXFACTS_MAX_FILE);
	if (*len > LINUXFACTS_MAX_FILE)
		*len = LINUXFACTS_MAX_FILE;
	if (in.failed)
		diag_warn(diag, path, 0, "%s; the rest is ignored", in.error);
	*text = xmalloc(*len + 1);
	memcpy(*text, in.p, *len);
	(*text)[*len] = '\0';
	input_close(&in);
	return true;
}

char *linuxfacts_beside(const char *path, const char *ending)
{
	const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
	static const char *const endings[] = {".zst", ".kmt", ".txt", ".umt"};
	size_t len = strlen(path);
	struct strbuf b = {0};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t n = strlen(endings[i]);

		if (len > n && path + len - n > file && memcmp(path + len - n, endings[i], n) == 0)
			len -= n;
	}
	strbuf_addf(&b, "%.*s%s", (int)len, path, ending);
	return b.s;
}

void linuxfacts_load(struct linuxfacts *f, const char *trace_path, struct diag *diag)
{
	static const char *const endings[] = {".snap.txt", ".snap.txt.zst", ".caches.tsv"};
	char *text;
	size_t len;

	memset(f, 0, sizeof(*f));
	if (strcmp(trace_path, "-") == 0)
		return;
	for (int i = 0; i < 3; i++) {
		char *path = linuxfacts_beside(trace_path, endings[i]);

		if (!(i == 1 && f->last.there) && linuxfacts_read(path, &text, &len, diag)) {
			if (i < 2)
				linuxfacts_parse_snapshots(f, path, text, len, diag);
			else
				linuxfacts_parse_made(f, path, text, len, diag);
			free(text);
		}
		free(path);
	}
}

void linuxfacts_free(struct linuxfacts *f)
{
	linuxfacts_drop(&f->first);
	linuxfacts_drop(&f->last);
	for (size_t i = 0; i < f->nr_made; i++)
		free(f->made[i].name);
	free(f->made);
	memset(f, 0, sizeof(*f));
}

const struct linuxfacts_cache *linuxfacts_cache(const struct linuxfacts *f, const char *name)
{
	for (size_t i = 0; i < f->last.nr_caches; i++) {
		if (strcmp(f->last.caches[i].name, name) == 0)
			return &f->last.caches[i];
	}
	return NULL;
}

const struct linuxfacts_zone *linuxfacts_zone(const struct linuxfacts_snapshot *s, int nid,
					      const char *name)
{
	for (size_t i = 0; i < s->nr_zones; i++) {
		if (s->zones[i].nid == nid && strcmp(s->zones[i].name, name) == 0)
			return &s->zones[i];
	}
	return NULL;
}

const struct linuxfacts_made *linuxfacts_made(const struct linuxfacts *f, const char *name)
{
	for (size_t i = 0; i < f->nr_made; i++) {
		if (strcmp(f->made[i].name, name) == 0)
			return &f->made[i];
	}
	return NULL;
}
