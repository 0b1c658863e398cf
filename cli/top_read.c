/* SPDX-License-Identifier: MIT */
/* The texts of /proc on memory, as quarry top reads them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <top.h>

/* Calls @fn for each line of @text, as a string of its own. */
static void top_lines(struct top_look *look, const char *text,
		      void (*fn)(struct top_look *look, const char *line, int *state))
{
	char line[4096];
	int state = -1;

	while (*text != '\0') {
		size_t len = strcspn(text, "\n"), n = len < sizeof(line) ? len : sizeof(line) - 1;

		memcpy(line, text, n);
		line[n] = '\0';
		fn(look, line, &state);
		text += len + (text[len] == '\n');
	}
}

/* The next number of *s, which is moved behind it. */
static bool top_number(const char **s, uint64_t *out)
{
	while (**s == ' ' || **s == '\t' || **s == '>')
		(*s)++;
	return util_scan_dec(s, out);
}

static int top_zone(struct top_look *look, int nid, const char *name)
{
	struct top_zone *z;

	for (unsigned int i = 0; i < look->nr_zones; i++) {
		if (look->zones[i].nid == nid && strcmp(look->zones[i].name, name) == 0)
			return (int)i;
	}
	if (look->nr_zones == TOP_MAX_ZONES)
		return -1;
	z = &look->zones[look->nr_zones];
	z->nid = nid;
	snprintf(z->name, sizeof(z->name), "%s", name);
	return (int)look->nr_zones++;
}

/* "Node 0, zone   Normal" and what follows; NULL: another line. */
static const char *top_zone_line(struct top_look *look, const char *line, int *zone)
{
	char name[16];
	int nid, used = 0;

	if (sscanf(line, "Node %d, zone %15[A-Za-z0-9]%n", &nid, name, &used) != 2)
		return NULL;
	*zone = top_zone(look, nid, name);
	return *zone >= 0 ? line + used : NULL;
}

static void top_buddyinfo_line(struct top_look *look, const char *line, int *state)
{
	const char *s;
	int zone;

	(void)state;
	s = top_zone_line(look, line, &zone);
	for (unsigned int o = 0; s != NULL && o < TOP_ORDERS; o++) {
		if (!top_number(&s, &look->zones[zone].blocks[o]))
			return;
	}
}

void top_read_buddyinfo(struct top_look *look, const char *text)
{
	top_lines(look, text, top_buddyinfo_line);
}

static void top_zoneinfo_line(struct top_look *look, const char *line, int *state)
{
	struct top_zone *z;
	uint64_t n;
	char name[32];

	if (top_zone_line(look, line, state) != NULL || *state < 0)
		return;
	z = &look->zones[*state];
	if (sscanf(line, " pages free %" SCNu64, &n) == 1) {
		z->free = n;
		return;
	}
	if (sscanf(line, " %31[a-z_] %" SCNu64, name, &n) != 2 &&
	    sscanf(line, " %31[a-z_]: %" SCNu64, name, &n) != 2)
		return;
	if (strcmp(name, "min") == 0)
		z->min = n;
	else if (strcmp(name, "low") == 0)
		z->low = n;
	else if (strcmp(name, "high") == 0 && strchr(line, ':') == NULL)
		z->high = n;
	else if (strcmp(name, "boost") == 0)
		z->boost = n;
	else if (strcmp(name, "managed") == 0)
		z->managed = n;
	else if (strcmp(name, "count") == 0)
		z->pcp += n;
}

void top_read_zoneinfo(struct top_look *look, const char *text)
{
	top_lines(look, text, top_zoneinfo_line);
}

/* The heading names the types, the lines below it have a number for each. */
static void top_pagetypeinfo_line(struct top_look *look, const char *line, int *state)
{
	static const char head[] = "Number of blocks type";
	const char *s;
	int zone;

	if (strncmp(line, head, sizeof(head) - 1) == 0) {
		int used = 0;

		*state = 0;
		look->nr_types = 0;
		s = line + sizeof(head) - 1;
		while (look->nr_types < TOP_MAX_TYPES &&
		       sscanf(s, " %15s%n", look->types[look->nr_types], &used) == 1) {
			look->nr_types++;
			s += used;
		}
		return;
	}
	s = *state == 0 ? top_zone_line(look, line, &zone) : NULL;
	for (unsigned int t = 0; s != NULL && t < look->nr_types; t++) {
		if (!top_number(&s, &look->zones[zone].types[t]))
			return;
	}
}

void top_read_pagetypeinfo(struct top_look *look, const char *text)
{
	top_lines(look, text, top_pagetypeinfo_line);
}

static void top_slabinfo_line(struct top_look *look, const char *line, int *state)
{
	struct top_cache *c = &look->caches[look->nr_caches];
	uint64_t pages;
	const char *data = strstr(line, ": slabdata");

	(void)state;
	if (look->nr_caches == TOP_MAX_CACHES || line[0] == '#' || data == NULL)
		return;
	if (sscanf(line, "%47s %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %" SCNu64, c->name,
		   &c->active, &c->objects, &c->object_size, &pages) != 5 ||
	    sscanf(data, ": slabdata %*u %" SCNu64, &c->slabs) != 1)
		return;
	c->bytes = c->slabs * pages * look->page_size;
	look->nr_caches += c->slabs > 0;
}

void top_read_slabinfo(struct top_look *look, const char *text)
{
	top_lines(look, text, top_slabinfo_line);
}

static void top_vmstat_line(struct top_look *look, const char *line, int *state)
{
	struct top_counter *c = &look->counters[look->nr_counters];

	(void)state;
	if (look->nr_counters < TOP_MAX_COUNTERS &&
	    sscanf(line, "%47s %" SCNu64, c->name, &c->value) == 2)
		look->nr_counters++;
}

void top_read_vmstat(struct top_look *look, const char *text)
{
	top_lines(look, text, top_vmstat_line);
}

uint64_t top_counter(const struct top_look *look, const char *name)
{
	for (unsigned int i = 0; i < look->nr_counters; i++) {
		if (strcmp(look->counters[i].name, name) == 0)
			return look->counters[i].value;
	}
	return 0;
}

/* ---- where the texts come from ---- */

static void top_collect(void *ctx, const char *text, size_t len)
{
	strbuf_add(ctx, text, len);
}

void top_look_at(struct top_look *look, struct quarry *q)
{
	static const struct {
		void (*show)(struct quarry *q, const struct quarry_out *out);
		void (*read)(struct top_look *look, const char *text);
	} texts[] = {
		{quarry_show_buddyinfo, top_read_buddyinfo},
		{quarry_show_zoneinfo, top_read_zoneinfo},
		{quarry_show_pagetypeinfo, top_read_pagetypeinfo},
		{quarry_show_slabinfo, top_read_slabinfo},
		{quarry_show_vmstat, top_read_vmstat},
	};

	memset(look, 0, sizeof(*look));
	look->page_size = QUARRY_PAGE_SIZE;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct strbuf text = {0};
		struct quarry_out out = {top_collect, &text};

		texts[i].show(q, &out);
		if (text.s != NULL)
			texts[i].read(look, text.s);
		strbuf_free(&text);
	}
	/* Quarry counts them by other names than Linux. */
	for (int e = 0; e < QUARRY_NR_VM_EVENTS && look->nr_counters < TOP_MAX_COUNTERS; e++) {
		const char *name = quarry_vm_event_name((enum quarry_vm_event)e);
		struct top_counter *c = &look->counters[look->nr_counters];

		if (top_counter(look, name) != 0)
			continue;
		snprintf(c->name, sizeof(c->name), "%s", name);
		c->value = quarry_vm_event(q, (enum quarry_vm_event)e);
		look->nr_counters++;
	}
}

/* A file of /proc, whose size is not known before; false: it cannot be read. */
static bool top_slurp(const char *proc, const char *name, struct strbuf *text)
{
	char path[256], part[16384];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		strbuf_add(text, part, n);
	fclose(f);
	return text->len > 0;
}

int top_look_live(struct top_look *look, const char *proc)
{
	static const struct {
		const char *name;
		void (*read)(struct top_look *look, const char *text);
	} texts[] = {
		{"buddyinfo", top_read_buddyinfo},
		{"zoneinfo", top_read_zoneinfo},
		{"pagetypeinfo", top_read_pagetypeinfo},
		{"slabinfo", top_read_slabinfo},
		{"vmstat", top_read_vmstat},
	};

	memset(look, 0, sizeof(*look));
	look->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	look->ns = util_now_ns();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct strbuf text = {0};

		if (top_slurp(proc, texts[i].name, &text)) {
			texts[i].read(look, text.s);
		} else if (i < 2) {
			util_error("%s/%s: cannot be read: is this Linux?", proc, texts[i].name);
			return CLI_FAILED;
		}
		strbuf_free(&text);
	}
	if (look->nr_caches == 0)
		look->no_caches = "slabinfo cannot be read: only root may";
	if (look->nr_types == 0)
		look->no_types = "pagetypeinfo cannot be read: only root may";
	return CLI_OK;
}
