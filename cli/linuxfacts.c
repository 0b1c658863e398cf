/* SPDX-License-Identifier: MIT */
/*
 * What Linux had: the files beside a recording.
 *
 * NAME.snap.txt holds snapshots, each a line "@@SNAP n=N mono_ns=T file=F bytes=B" and B bytes of
 * /proc/F. Only slabinfo and buddyinfo are looked at, and only the last of each is kept.
 */
#include <stdlib.h>
#include <string.h>

#include <input.h>
#include <linuxfacts.h>

#define LINUXFACTS_MAX_FILE ((size_t)64 << 20)
#define LINUXFACTS_MAX_ROWS 65536u

static void linuxfacts_drop_caches(struct linuxfacts *f)
{
	for (size_t i = 0; i < f->nr_caches; i++)
		free(f->caches[i].name);
	f->nr_caches = 0;
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
static void linuxfacts_slab_line(struct linuxfacts *f, const char *s, const char *end)
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

/* "Node 0, zone  DMA32  1 0 1 ...": one number for each order. */
static void linuxfacts_buddy_line(struct linuxfacts *f, const char *s, const char *end)
{
	const char *word[4 + QUARRY_NR_ORDERS];
	size_t len[4 + QUARRY_NR_ORDERS];
	size_t n = linuxfacts_words(s, end, word, len, 4 + QUARRY_NR_ORDERS);
	struct linuxfacts_zone *z;
	uint64_t nid;

	if (n < 5 || len[1] < 2 || !linuxfacts_number(word[1], len[1] - 1, &nid) ||
	    nid >= QUARRY_MAX_NODES || len[3] >= sizeof(z->name) ||
	    f->nr_zones == LINUXFACTS_MAX_ROWS)
		return;
	if (f->nr_zones == f->cap_zones) {
		f->cap_zones = f->cap_zones > 0 ? f->cap_zones * 2 : 8;
		f->zones = xrealloc(f->zones, f->cap_zones, sizeof(f->zones[0]));
	}
	z = &f->zones[f->nr_zones++];
	memset(z, 0, sizeof(*z));
	z->nid = (int)nid;
	memcpy(z->name, word[3], len[3]);
	for (size_t i = 4; i < n; i++)
		linuxfacts_number(word[i], len[i], &z->nr_free[i - 4]);
}

static void linuxfacts_lines(struct linuxfacts *f, const char *s, const char *end,
			     void (*line)(struct linuxfacts *f, const char *s, const char *end))
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

/* One file of a snapshot. */
static void linuxfacts_part(struct linuxfacts *f, const char *name, size_t len, uint64_t snapshot,
			    const char *s, const char *end)
{
	if (len == 8 && memcmp(name, "slabinfo", 8) == 0) {
		linuxfacts_drop_caches(f);
		linuxfacts_lines(f, s, end, linuxfacts_slab_line);
	} else if (len == 9 && memcmp(name, "buddyinfo", 9) == 0) {
		f->nr_zones = 0;
		linuxfacts_lines(f, s, end, linuxfacts_buddy_line);
	} else {
		return;
	}
	f->have_snapshot = true;
	f->snapshot = snapshot;
}

void linuxfacts_parse_snapshots(struct linuxfacts *f, const char *file, const char *text,
				size_t len, struct diag *diag)
{
	const char *s = text, *end = text + len;

	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s)), *v, *name;
		uint64_t snapshot = 0, bytes = 0;
		size_t n, name_len;

		if (nl == NULL || nl - s < 6 || memcmp(s, "@@SNAP", 6) != 0)
			goto bad;
		v = linuxfacts_value(s, nl, " n=", &n);
		if (v == NULL || !linuxfacts_number(v, n, &snapshot))
			goto bad;
		v = linuxfacts_value(s, nl, " bytes=", &n);
		if (v == NULL || !linuxfacts_number(v, n, &bytes))
			goto bad;
		name = linuxfacts_value(s, nl, " file=", &name_len);
		if (name == NULL || bytes > (uint64_t)(end - nl - 1))
			goto bad;
		s = nl + 1 + bytes;
		linuxfacts_part(f, name, name_len, snapshot, nl + 1, s);
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

		if (!(i == 1 && f->have_snapshot) && linuxfacts_read(path, &text, &len, diag)) {
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
	linuxfacts_drop_caches(f);
	for (size_t i = 0; i < f->nr_made; i++)
		free(f->made[i].name);
	free(f->caches);
	free(f->zones);
	free(f->made);
	memset(f, 0, sizeof(*f));
}

const struct linuxfacts_cache *linuxfacts_cache(const struct linuxfacts *f, const char *name)
{
	for (size_t i = 0; i < f->nr_caches; i++) {
		if (strcmp(f->caches[i].name, name) == 0)
			return &f->caches[i];
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
