/* SPDX-License-Identifier: MIT */
/*
 * Text that loses nothing.
 *
 * The lines are those of perf script or trace-cmd report, so that every tool for these reads them. What they have no
 * field for stands in comments at the head (META, and the tables in their order) and in one more field at
 * the end of each line, quarry=DESCRIPTOR,CONTEXT,TASK,ADDRESS,TIME,CPU. Events that the kernel does not have are comments.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <convert.h>

#define CONVERT_X86_BASE ((uint64_t)0xffff888000000000u)
#define CONVERT_TAG " quarry="

void convert_flags_read(struct convert_flags *f, const char *meta, size_t len)
{
	json_t *o = json_loadb(meta, len, 0, NULL), *pair;
	size_t i;

	f->nr = 0;
	json_array_foreach(json_object_get(o, "gfp_names"), i, pair)
	{
		const char *name = json_string_value(json_array_get(pair, 1));

		if (name == NULL || f->nr == 64 || strlen(name) >= sizeof(f->name[0]))
			continue;
		f->mask[f->nr] = (uint64_t)json_integer_value(json_array_get(pair, 0));
		strcpy(f->name[f->nr++], name);
	}
	json_decref(o);
}

static void convert_put_flags(struct output *o, const struct convert_flags *f, uint64_t mask)
{
	const char *bar = "";

	if (mask == 0)
		output_printf(o, "none");
	for (size_t i = 0; i < f->nr; i++) {
		if (f->mask[i] == 0 || (mask & f->mask[i]) != f->mask[i])
			continue;
		output_printf(o, "%s%s", bar, f->name[i]);
		mask &= ~f->mask[i];
		bar = "|";
	}
	if (mask != 0)
		output_printf(o, "%s0x%" PRIx64, bar, mask);
}

void convert_escape(struct output *o, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] < 32 || s[i] == '%')
			output_printf(o, "%%%02X", (unsigned char)s[i]);
		else
			output_write(o, &s[i], 1);
	}
}

char *convert_unescape(const char *s, size_t len, size_t *out)
{
	char *text = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned int byte;

		if (s[i] == '%' && i + 2 < len && sscanf(s + i + 1, "%2x", &byte) == 1) {
			text[n++] = (char)byte;
			i += 2;
		} else {
			text[n++] = s[i];
		}
	}
	text[n] = '\0';
	*out = n;
	return text;
}

/* ---- writing ---- */

static void convert_names(struct output *o, const char *what, const struct trace_names *names)
{
	for (uint32_t i = 0; i < names->nr; i++)
		output_printf(o, "# quarry %s %s\n", what, trace_name(names, i));
}

void convert_text_head(struct output *o, const struct kmtwrite_tables *t)
{
	output_printf(o, CONVERT_KMT_WORD);
	convert_escape(o, t->meta, t->meta_len);
	output_printf(o, "\n");
	convert_names(o, "site", t->sites);
	convert_names(o, "cache", t->caches);
	for (uint32_t i = 0; i < t->tasks->nr; i++)
		output_printf(o, "# quarry task %u %s\n",
			      t->task_class != NULL ? t->task_class[i] : 2,
			      trace_name(t->tasks, i));
	for (uint32_t i = 0; i < t->nr_descs; i++) {
		const struct trace_desc *d = &t->descs[i];

		output_printf(o,
			      "# quarry desc %u %u %u %u %" PRIu64 " %" PRIu64 " %" PRIu64
			      " %d %u %d %d %d\n",
			      d->type, d->flags, d->site, d->cache, d->bytes_req, d->bytes_alloc,
			      d->raw_gfp, d->node, d->order, d->migratetype, d->fallback_order,
			      d->fallback_migratetype);
	}
	for (size_t at = 0; at < t->text_len;) {
		const char *nl = memchr(t->text + at, '\n', t->text_len - at);
		size_t len = nl != NULL ? (size_t)(nl + 1 - (t->text + at)) : t->text_len - at;

		output_printf(o, "# quarry text ");
		convert_escape(o, t->text + at, len);
		output_printf(o, "\n");
		at += len;
	}
}

static void convert_pointer(struct output *o, uint64_t addr)
{
	if (addr == 0)
		output_printf(o, " ptr=(nil)");
	else if (addr == 2)
		output_printf(o, " ptr=0x10");
	else
		output_printf(o, " ptr=0x%" PRIx64, CONVERT_X86_BASE + (addr << 3));
}

static void convert_request(struct output *o, const struct convert_flags *flags,
			    const struct trace_desc *d)
{
	output_printf(o, " bytes_req=%" PRIu64 " bytes_alloc=%" PRIu64 " gfp_flags=", d->bytes_req,
		      d->bytes_alloc);
	convert_put_flags(o, flags, d->raw_gfp);
	output_printf(o, " node=%d accounted=%s", d->node,
		      (d->flags & TRACE_F_ACCOUNTED) != 0 ? "true" : "false");
}

static void convert_object(struct output *o, const struct kmtwrite_tables *t,
			   const struct convert_flags *flags, const struct trace_desc *d,
			   uint64_t addr)
{
	output_printf(o, " call_site=%s", trace_name(t->sites, d->site));
	convert_pointer(o, addr);
	if ((d->type == TRACE_CACHE_ALLOC || d->type == TRACE_CACHE_FREE) && d->cache != 0)
		output_printf(o, " name=%s", trace_name(t->caches, d->cache));
	if (d->type == TRACE_KMALLOC || d->type == TRACE_CACHE_ALLOC)
		convert_request(o, flags, d);
}

static void convert_page(struct output *o, const struct convert_flags *flags,
			 const struct trace_desc *d, uint64_t pfn)
{
	if ((d->flags & TRACE_F_FAILED) != 0)
		output_printf(o, " page=(nil) pfn=0x0");
	else
		output_printf(o, " page=0x%" PRIx64 " pfn=0x%" PRIx64, pfn, pfn);
	if (d->type == TRACE_EXTFRAG) {
		output_printf(
			o,
			" alloc_order=%u fallback_order=%d pageblock_order=9 alloc_migratetype=%d "
			"fallback_migratetype=%d fragmenting=%d change_ownership=%d",
			d->order, d->fallback_order, d->migratetype, d->fallback_migratetype,
			d->fallback_order < 9, (d->flags & TRACE_F_OWNERSHIP) != 0);
		return;
	}
	output_printf(o, " order=%u", d->order);
	if (d->type == TRACE_PAGE_ALLOC || d->type == TRACE_PCPU_DRAIN ||
	    d->type == TRACE_ZONE_LOCKED)
		output_printf(o, " migratetype=%d", d->migratetype);
	if (d->type == TRACE_ZONE_LOCKED)
		output_printf(o, " percpu_refill=%d", (d->flags & TRACE_F_PERCPU) != 0);
	if (d->type == TRACE_PAGE_ALLOC) {
		output_printf(o, " gfp_flags=");
		convert_put_flags(o, flags, d->raw_gfp);
	}
}

void convert_text_event(struct output *o, const struct kmtwrite_tables *t,
			const struct convert_flags *flags, const struct trace_event *ev,
			uint32_t task, bool trace_cmd)
{
	static const char flag[4] = {'.', 's', 'h', 'H'};
	const struct trace_desc *d = &t->descs[ev->desc];
	const char *comm = trace_name(t->tasks, task),
		   *name = trace_type_name((enum trace_type)d->type);
	uint64_t s = ev->time_ns / 1000000000, ns = ev->time_ns % 1000000000;

	if (d->type > TRACE_ZONE_LOCKED)
		output_printf(o, "# quarry event %s", name);
	else if (trace_cmd)
		output_printf(o, "%16s-%-5u [%03u] d..%c. %5" PRIu64 ".%09" PRIu64 ": %s:",
			      comm[0] ? comm : "?", task, ev->cpu, flag[ev->context & 3], s, ns,
			      name);
	else
		output_printf(o, "%16s %5u [%03u] %5" PRIu64 ".%09" PRIu64 ": kmem:%s:",
			      comm[0] != '\0' ? comm : "?", task, ev->cpu, s, ns, name);
	if (d->type <= TRACE_CACHE_FREE)
		convert_object(o, t, flags, d, ev->addr);
	else if (d->type <= TRACE_ZONE_LOCKED)
		convert_page(o, flags, d, ev->addr);
	output_printf(o, CONVERT_TAG "%u,%u,%u,%" PRIx64 ",%" PRIu64 ",%u\n", ev->desc, ev->context,
		      task, ev->addr, ev->time_ns, ev->cpu);
}

/* ---- reading ---- */

static bool convert_rest(const char *line, size_t len, const char *word, const char **rest)
{
	size_t n = strlen(word);

	if (len < n || memcmp(line, word, n) != 0)
		return false;
	*rest = line + n;
	return true;
}

static const char *convert_desc(struct convert_tagged *c, const char *s)
{
	unsigned int type, flags, site, cache, order;
	uint64_t req, alloc, gfp;
	int node, mt, fo, fmt;
	struct trace_desc *d;

	if (sscanf(s, "%u %u %u %u %" SCNu64 " %" SCNu64 " %" SCNu64 " %d %u %d %d %d", &type,
		   &flags, &site, &cache, &req, &alloc, &gfp, &node, &order, &mt, &fo,
		   &fmt) != 12 ||
	    type == 0 || type > TRACE_FREE_BULK || site >= c->sites.nr || cache >= c->caches.nr ||
	    order > 63 || node < -1 || node > UINT16_MAX || mt < -1 || mt > 127 || fo < -1 ||
	    fo > 127 || fmt < -1 || fmt > 127)
		return "a descriptor of twelve numbers, which names sites and caches above it";
	if (c->tables.nr_descs == TRACE_MAX_DESCS)
		return "fewer descriptors";
	if (c->tables.nr_descs == c->cap_descs) {
		c->cap_descs = c->cap_descs > 0 ? c->cap_descs * 2 : 256;
		c->descs = xrealloc(c->descs, c->cap_descs, sizeof(c->descs[0]));
	}
	d = &c->descs[c->tables.nr_descs++];
	*d = (struct trace_desc){
		.bytes_req = req,
		.bytes_alloc = alloc,
		.raw_gfp = gfp,
		.site = site,
		.cache = cache,
		.node = node,
		.type = (uint8_t)type,
		.flags = (uint8_t)flags,
		.order = (uint8_t)order,
		.migratetype = (int8_t)mt,
		.fallback_order = (int8_t)fo,
		.fallback_migratetype = (int8_t)fmt,
	};
	return NULL;
}

static void convert_original(struct convert_tagged *c, const char *s, size_t len)
{
	size_t n;
	char *text = convert_unescape(s, len, &n);

	strbuf_add(&c->text, text, n);
	c->tables.text = c->text.s;
	c->tables.text_len = c->text.len;
	free(text);
}

static const char *convert_task(struct convert_tagged *c, const char *s, const char *end)
{
	uint64_t class;

	if (!util_scan_dec(&s, &class) || class > UINT8_MAX || s == end || *s != ' ' ||
	    !trace_name_add(&c->tasks, s + 1, (size_t)(end - s - 1)))
		return "a class and the name of a task";
	c->task_class = xrealloc(c->task_class, c->tasks.nr, 1);
	c->task_class[c->tasks.nr - 1] = (uint8_t) class;
	return NULL;
}

/* A line of the head: what is wrong, or NULL. */
static const char *convert_head_line(struct convert_tagged *c, const char *line, size_t len)
{
	const char *rest, *end = line + len;

	if (c->line == 1 && convert_rest(line, len, CONVERT_KMT_WORD, &rest)) {
		c->meta = convert_unescape(rest, (size_t)(end - rest), &c->tables.meta_len);
		c->tables.meta = c->meta;
		return NULL;
	}
	if (convert_rest(line, len, "# quarry site ", &rest))
		return trace_name_add(&c->sites, rest, (size_t)(end - rest)) ? NULL : "fewer sites";
	if (convert_rest(line, len, "# quarry cache ", &rest))
		return trace_name_add(&c->caches, rest, (size_t)(end - rest)) ? NULL
									      : "fewer caches";
	if (convert_rest(line, len, "# quarry task ", &rest))
		return convert_task(c, rest, end);
	if (convert_rest(line, len, "# quarry text ", &rest))
		convert_original(c, rest, (size_t)(end - rest));
	if (convert_rest(line, len, "# quarry desc ", &rest))
		return convert_desc(c, rest);
	return NULL;
}

int convert_tagged_line(struct convert_tagged *c, const char *line, size_t len,
			struct trace_event *ev, uint32_t *task, const char **why)
{
	const char *at = memmem(line, len, CONVERT_TAG, sizeof(CONVERT_TAG) - 1), *next = at;
	unsigned int desc, context, cpu;
	uint64_t addr, time_ns;

	c->line++;
	*why = NULL;
	if (at == NULL) {
		*why = convert_head_line(c, line, len);
		return *why != NULL ? -1 : 0;
	}
	/* A name may hold the word: the last one counts. */
	while ((next = memmem(at + 1, (size_t)(line + len - at - 1), CONVERT_TAG,
			      sizeof(CONVERT_TAG) - 1)) != NULL)
		at = next;
	if (sscanf(at + sizeof(CONVERT_TAG) - 1, "%u,%u,%u,%" SCNx64 ",%" SCNu64 ",%u", &desc,
		   &context, task, &addr, &time_ns, &cpu) != 6 ||
	    desc >= c->tables.nr_descs || *task >= c->tasks.nr || context > 3 || cpu > UINT16_MAX) {
		*why = "quarry=DESCRIPTOR,CONTEXT,TASK,ADDRESS,TIME,CPU, as the head names them";
		return -1;
	}
	*ev = (struct trace_event){
		.addr = addr,
		.time_ns = time_ns,
		.desc = desc,
		.cpu = (uint16_t)cpu,
		.type = c->descs[desc].type,
		.context = (uint8_t)context,
	};
	return 1;
}

void convert_tagged_free(struct convert_tagged *c)
{
	struct trace_names *names[] = {&c->sites, &c->caches, &c->tasks};

	for (int i = 0; i < 3; i++) {
		free(names[i]->text);
		free(names[i]->at);
	}
	strbuf_free(&c->text);
	free(c->meta);
	free(c->task_class);
	free(c->descs);
}

/* ---- user recordings ---- */

static void convert_block(struct output *o, uint64_t block)
{
	if (block == UMT_NULL)
		output_printf(o, " NULL");
	else if (block == UMT_UNSEEN)
		output_printf(o, " unseen");
	else
		output_printf(o, " %" PRIu64, block);
}

void convert_user_line(struct output *o, const struct umt_event *ev)
{
	output_printf(o, "%" PRIu64 " %u %s", ev->time_ns, ev->thread, umt_op_name(ev->op));
	if (ev->op == UMT_FREE || ev->op == UMT_REALLOC)
		convert_block(o, ev->block);
	if (ev->op == UMT_MEMALIGN)
		output_printf(o, " %u", ev->align_log2);
	if (ev->op != UMT_FREE)
		output_printf(o, " %" PRIu64 " -> %" PRIu64, ev->size, ev->made);
	output_printf(o, "\n");
}

static bool convert_user_block(const char **s, uint64_t *block)
{
	*s += strspn(*s, " ");
	if (strncmp(*s, "NULL", 4) == 0) {
		*block = UMT_NULL;
		*s += 4;
		return true;
	}
	if (strncmp(*s, "unseen", 6) == 0) {
		*block = UMT_UNSEEN;
		*s += 6;
		return true;
	}
	return util_scan_dec(s, block) && *block != UMT_NULL;
}

static bool convert_user_number(const char **s, uint64_t max, uint64_t *n)
{
	*s += strspn(*s, " ");
	return util_scan_dec(s, n) && *n <= max;
}

int convert_user_parse(const char *line, size_t len, struct umt_event *ev, const char **why)
{
	char *copy = xstrndup(line, len);
	const char *s = copy;
	uint64_t thread, align = 0;
	bool good = copy[0] == '#' || copy[0] == '\0';
	int result = good ? 0 : -1;

	memset(ev, 0, sizeof(*ev));
	if (!good && convert_user_number(&s, UINT64_MAX, &ev->time_ns) &&
	    convert_user_number(&s, UINT16_MAX, &thread)) {
		ev->thread = (uint16_t)thread;
		s += strspn(s, " ");
		for (unsigned int op = UMT_MALLOC; op < UMT_NR_OPS; op++) {
			size_t n = strlen(umt_op_name(op));

			if (strncmp(s, umt_op_name(op), n) == 0 && s[n] == ' ') {
				ev->op = (uint8_t)op;
				s += n;
				break;
			}
		}
		good = ev->op != 0;
		if (good && (ev->op == UMT_FREE || ev->op == UMT_REALLOC))
			good = convert_user_block(&s, &ev->block);
		if (good && ev->op == UMT_MEMALIGN)
			good = convert_user_number(&s, 47, &align);
		ev->align_log2 = (uint8_t)align;
		if (good && ev->op != UMT_FREE)
			good = convert_user_number(&s, (uint64_t)1 << 47, &ev->size) &&
			       strncmp(s, " -> ", 4) == 0 && (s += 4) != NULL &&
			       convert_user_number(&s, UINT64_MAX, &ev->made);
		if (good && s[strspn(s, " \r")] == '\0')
			result = 1;
	}
	*why = "TIME THREAD malloc|calloc SIZE -> BLOCK, free BLOCK, realloc BLOCK SIZE -> BLOCK, "
	       "or memalign "
	       "LOG2 SIZE -> BLOCK";
	free(copy);
	return result;
}
