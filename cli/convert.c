/* SPDX-License-Identifier: MIT */
/*
 * quarry convert: recordings from one format to another, without loss.
 *
 * What a format has no place for goes along in another way: KMT1 takes the text that it comes from in sections of its own
 * (TEXT); text takes tables and numbers in comments and in a field of its own (convert_text.c). What cannot go along at
 * all is refused: then nothing is written.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <convert.h>
#include <progress.h>
#include <umtwrite.h>
#include <verbs.h>

enum convert_form {
	CONVERT_NONE,
	CONVERT_KMT,
	CONVERT_PERF,
	CONVERT_TRACE_CMD,
	CONVERT_UMT,
	CONVERT_TEXT,    /* of a user recording */
	CONVERT_FOREIGN, /* what perf or ftrace printed */
	CONVERT_TAGGED,
	CONVERT_USER_TAGGED,
};

static const struct {
	const char *name;
	enum convert_form form;
} convert_names[] = {
	{"kmt", CONVERT_KMT}, {"perf", CONVERT_PERF}, {"trace-cmd", CONVERT_TRACE_CMD},
	{"umt", CONVERT_UMT}, {"text", CONVERT_TEXT},
};

struct convert {
	const char *in, *out;
	enum convert_form from, to;
	bool asked; /* the format was given by --to */
	struct diag diag;
	struct output o;
	struct progress bar;
	uint64_t events;
};

static const struct argp_option convert_options[] = {
	{"to", 't', "FORMAT", 0,
	 "kmt, perf, trace-cmd; of a user recording umt, text. Default: by OUT's name (.kmt, .umt, "
	 ".txt)",
	 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static error_t convert_parse(int key, char *arg, struct argp_state *state)
{
	struct convert *c = state->input;

	switch (key) {
	case 't':
		for (size_t i = 0; i < sizeof(convert_names) / sizeof(convert_names[0]); i++) {
			if (strcmp(arg, convert_names[i].name) == 0)
				c->to = convert_names[i].form;
		}
		if (c->to == CONVERT_NONE)
			argp_error(state, "--to=%s: expected kmt, perf, trace-cmd, umt or text",
				   arg);
		c->asked = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, "%s is one too many", arg);
		else if (state->arg_num == 0)
			c->in = arg;
		else
			c->out = arg;
		return 0;
	case ARGP_KEY_END:
		if (c->in == NULL || c->out == NULL)
			argp_error(state, "from which file IN to which OUT?");
		else if (strcmp(c->in, "-") == 0)
			argp_error(state, "IN is read twice, so it cannot be standard input");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp convert_argp = {
	.options = convert_options,
	.parser = convert_parse,
	.args_doc = "IN OUT",
	.doc = "Convert a recording between KMT1, the text of perf script or trace-cmd report, and "
	       "UMT1 and "
	       "its text, without loss.\v"
	       "OUT is packed by zstd if its name ends in .zst; - is standard output. It is "
	       "written whole or "
	       "not at all.\n\n"
	       "Example:\n"
	       "  perf script >rec.txt\n"
	       "  quarry convert rec.txt rec.kmt.zst\n\n"
	       "Exit status: 0; 1, not written: the recording is damaged, or has something that "
	       "the format "
	       "cannot carry; 2, an argument is wrong or no recording.",
};

static bool convert_has(const char *path, const char *ending)
{
	size_t len = strlen(path), n = strlen(ending);

	if (len > 4 && strcmp(path + len - 4, ".zst") == 0)
		len -= 4;
	return len > n && strncmp(path + len - n, ending, n) == 0;
}

static int convert_detect(struct convert *c)
{
	struct input in;
	int err = input_open(&in, c->in);
	size_t n;

	if (err != 0) {
		util_error("%s: %s", c->in, strerror(err));
		return CLI_INPUT;
	}
	n = input_fill(&in, 32);
	c->from = CONVERT_FOREIGN;
	if (n >= 8 && memcmp(in.p, "KMTRACE1", 8) == 0)
		c->from = CONVERT_KMT;
	else if (n >= 8 && memcmp(in.p, "UMTRACE1", 8) == 0)
		c->from = CONVERT_UMT;
	else if (n >= 14 && memcmp(in.p, CONVERT_KMT_WORD, 14) == 0)
		c->from = CONVERT_TAGGED;
	else if (n >= 14 && memcmp(in.p, CONVERT_UMT_WORD, 14) == 0)
		c->from = CONVERT_USER_TAGGED;
	input_close(&in);
	return CLI_OK;
}

static int convert_choose(struct convert *c)
{
	bool user = c->from == CONVERT_UMT || c->from == CONVERT_USER_TAGGED;

	if (c->to == CONVERT_NONE) {
		if (convert_has(c->out, ".kmt"))
			c->to = CONVERT_KMT;
		else if (convert_has(c->out, ".umt"))
			c->to = CONVERT_UMT;
		else if (convert_has(c->out, ".txt"))
			c->to = user ? CONVERT_TEXT : CONVERT_PERF;
	}
	if (c->to == CONVERT_NONE) {
		util_error("%s: which format? Its name ends neither in .kmt, .umt nor .txt, with "
			   "or without .zst; "
			   "give --to",
			   c->out);
		return CLI_INPUT;
	}
	if (user != (c->to == CONVERT_UMT || c->to == CONVERT_TEXT)) {
		util_error("%s records %s, and that format is for the other kind", c->in,
			   user ? "a user program" : "a kernel");
		return CLI_INPUT;
	}
	return CLI_OK;
}

/* ---- where events go ---- */

struct convert_sink {
	struct convert *c;
	struct kmtwrite_tables tables;
	struct convert_flags flags;
	struct kmtwrite *w; /* NULL: text */
	uint64_t last_ns;
};

static void convert_begin(struct convert_sink *s)
{
	if (s->c->to == CONVERT_KMT) {
		s->w = kmtwrite_begin(&s->c->o, &s->tables);
		return;
	}
	convert_flags_read(&s->flags, s->tables.meta, s->tables.meta_len);
	convert_text_head(&s->c->o, &s->tables);
}

/* NULL, or why the event cannot go. */
static const char *convert_event(struct convert_sink *s, const struct trace_event *ev,
				 uint32_t task)
{
	s->c->events++;
	if (ev->time_ns < s->last_ns)
		return "its time goes back, and KMT1 holds only steps forward: sort the lines by "
		       "time";
	s->last_ns = ev->time_ns;
	if (s->w != NULL)
		kmtwrite_event(s->w, ev, task);
	else
		convert_text_event(&s->c->o, &s->tables, &s->flags, ev, task,
				   s->c->to == CONVERT_TRACE_CMD);
	return NULL;
}

static void convert_end(struct convert_sink *s)
{
	if (s->w != NULL)
		kmtwrite_end(s->w);
	s->w = NULL;
}

static int convert_refuse(struct convert *c, const char *why)
{
	util_error("%s: event %" PRIu64 ": %s. Nothing is written", c->in, c->events, why);
	return CLI_FAILED;
}

static int convert_damaged(const struct convert *c)
{
	util_error("%s is damaged: nothing is written", c->in);
	return CLI_FAILED;
}

/* Lines or blocks that are wholly gone are no damage: said, if META tells how many events there were. */
static void convert_count(struct convert *c, const char *meta_text, size_t len)
{
	json_t *meta = json_loadb(meta_text, len, 0, NULL);
	json_int_t promised = json_integer_value(json_object_get(meta, "events_in_file"));

	json_decref(meta);
	if (promised > 0 && (uint64_t)promised != c->events)
		diag_warn(&c->diag, c->in, 0,
			  "META promises %" JSON_INTEGER_FORMAT " events, but %" PRIu64
			  " are there",
			  promised, c->events);
}

/* ---- from KMT1 ---- */

/* The layout of the text that a recording comes from is the one that is wanted. */
static bool convert_same_text(const struct convert *c, const struct trace_keep *k)
{
	json_t *meta = json_loadb(k->meta, k->meta_len, 0, NULL);
	const char *from = json_string_value(json_object_get(meta, "converted_from"));
	bool trace_cmd = from != NULL && strncmp(from, "ftrace", 6) == 0;

	json_decref(meta);
	return k->text.len > 0 && c->to != CONVERT_KMT &&
	       (!c->asked || trace_cmd == (c->to == CONVERT_TRACE_CMD));
}

static int convert_from_kmt(struct convert *c)
{
	struct convert_sink s = {.c = c};
	const char *why = NULL;
	struct trace t;
	int status = CLI_OK;
	size_t n;

	if (trace_open_kept(&t, c->in, &c->diag, NULL, NULL) != CLI_OK)
		return CLI_INPUT;
	if (t.damaged || t.keep->meta == NULL) {
		trace_close(&t);
		return convert_damaged(c);
	}
	if (convert_same_text(c, t.keep)) {
		output_write(&c->o, t.keep->text.s, t.keep->text.len);
		trace_close(&t);
		return CLI_OK;
	}
	s.tables = (struct kmtwrite_tables){
		.meta = t.keep->meta,
		.meta_len = t.keep->meta_len,
		.sites = &t.sites,
		.caches = &t.caches,
		.tasks = &t.keep->tasks.names,
		.task_class = t.keep->task_class,
		.descs = t.descs,
		.nr_descs = t.nr_descs,
		.text = t.keep->text.s,
		.text_len = t.keep->text.len,
	};
	convert_begin(&s);
	while (why == NULL && (n = trace_next(&t)) > 0) {
		for (size_t i = 0; i < n && why == NULL; i++)
			why = convert_event(&s, &t.batch[i], t.batch_task[i]);
		progress_update(&c->bar, input_done(&t.in), c->events);
	}
	convert_end(&s);
	if (why != NULL)
		status = convert_refuse(c, why);
	else if (t.damaged)
		status = convert_damaged(c);
	else
		convert_count(c, t.keep->meta, t.keep->meta_len);
	trace_close(&t);
	return status;
}

/* ---- from text that quarry convert wrote ---- */

/* The next line of @in into @b, without its end; false: there is none. A line without an end is none. */
static bool convert_line(struct input *in, struct strbuf *b)
{
	b->len = 0;
	for (;;) {
		size_t n = input_fill(in, 1);
		const unsigned char *nl = n > 0 ? memchr(in->p, '\n', n) : NULL;

		if (n == 0)
			return false;
		strbuf_add(b, (const char *)in->p, nl != NULL ? (size_t)(nl - in->p) : n);
		in->p = nl != NULL ? nl + 1 : in->end;
		if (nl != NULL) {
			if (b->s == NULL)
				strbuf_add(b, "", 0);
			return true;
		}
	}
}

static int convert_wrong_line(const struct convert *c, unsigned long line, const char *why)
{
	util_error("%s:%lu: expected %s. Nothing is written", c->in, line, why);
	return CLI_FAILED;
}

static int convert_tagged_events(struct convert *c, struct input *in, struct convert_tagged *tagged)
{
	struct convert_sink s = {.c = c};
	const char *why = NULL;
	struct trace_event ev;
	struct strbuf b = {0};
	bool begun = false;
	uint32_t task;
	int status = CLI_OK, got;

	while (status == CLI_OK && convert_line(in, &b)) {
		got = convert_tagged_line(tagged, b.s, b.len, &ev, &task, &why);
		if (got < 0)
			status = convert_wrong_line(c, tagged->line, why);
		if (got <= 0)
			continue;
		if (!begun) {
			tagged->tables.sites = &tagged->sites;
			tagged->tables.caches = &tagged->caches;
			tagged->tables.tasks = &tagged->tasks;
			tagged->tables.task_class = tagged->task_class;
			tagged->tables.descs = tagged->descs;
			s.tables = tagged->tables;
			convert_begin(&s);
			begun = true;
		}
		why = convert_event(&s, &ev, task);
		if (why != NULL)
			status = convert_refuse(c, why);
		if (c->events % 4096 == 0)
			progress_update(&c->bar, input_done(in), c->events);
	}
	if (status == CLI_OK && b.len > 0)
		status = convert_wrong_line(c, tagged->line + 1,
					    "an end of the last line: the file is cut");
	if (status == CLI_OK && !begun)
		status = convert_wrong_line(c, tagged->line, "events");
	convert_end(&s);
	if (status == CLI_OK)
		convert_count(c, tagged->tables.meta, tagged->tables.meta_len);
	strbuf_free(&b);
	return status;
}

static int convert_from_tagged(struct convert *c)
{
	struct convert_tagged tagged = {.meta = NULL};
	struct input in;
	int status;

	if (input_open(&in, c->in) != 0)
		return CLI_INPUT;
	status = convert_tagged_events(c, &in, &tagged);
	if (status == CLI_OK && in.failed)
		status = convert_damaged(c);
	convert_tagged_free(&tagged);
	input_close(&in);
	return status;
}

/* ---- from perf's and ftrace's text ---- */

struct convert_spool {
	FILE *events; /* struct trace_event and the task, one after the other */
	FILE *lines; /* the text itself, which may be longer than memory: mapped when it is complete */
	char *text;
	size_t text_len;
};

static void convert_spool_line(void *ctx, const char *line, size_t len, bool event)
{
	struct convert_spool *spool = ctx;

	(void)event;
	spool->text_len += fwrite(line, 1, len, spool->lines);
}

/* The flags of all descriptors as bits, each name one; the names go to META. */
static const char *convert_make_flags(struct trace *t, json_t *meta)
{
	struct trace_intern names = {.names = {0}};
	json_t *list = json_array();
	const char *why = NULL;

	idmap_init(&names.map);
	trace_name_add(&names.names, "", 0);
	for (uint32_t i = 0; i < t->nr_descs && why == NULL; i++) {
		const char *s = trace_name(&t->keep->flags.names, (uint32_t)t->descs[i].raw_gfp);
		uint64_t mask = 0;

		while (*s != '\0') {
			size_t len = strcspn(s, "|");
			uint32_t bit = trace_intern(&names, s, len);

			if (bit > 64)
				why = "more than 64 different names of flags";
			else if (bit > 0)
				mask |= (uint64_t)1 << (bit - 1);
			s += len;
			s += *s == '|';
		}
		t->descs[i].raw_gfp = mask;
	}
	for (uint32_t i = 1; i < names.names.nr && i <= 64; i++)
		json_array_append_new(list,
				      json_pack("[I, s]", (json_int_t)((uint64_t)1 << (i - 1)),
						trace_name(&names.names, i)));
	json_object_set_new(meta, "gfp_names", list);
	idmap_free(&names.map);
	free(names.names.text);
	free(names.names.at);
	return why;
}

/* @ev as KMT1 has it; NULL, or why it cannot be. */
static const char *convert_address(const struct trace *t, struct trace_event *ev)
{
	if (t->descs[ev->desc].flags & TRACE_F_NO_ID)
		return "its address was not printed";
	if (!trace_type_is_object(ev->type))
		return NULL;
	if (ev->addr != 0 && ev->addr != t->zero_size_addr) {
		if (t->object_shift == 0)
			return "addresses are hashes, and KMT1 holds physical ones (echo 0 > "
			       "/proc/sys/kernel/kptr_restrict, or use perf)";
		if (ev->addr < t->object_base || (ev->addr & 7) != 0)
			return "its address is not in the direct map";
		ev->addr -= t->object_base;
	}
	ev->addr >>= 3;
	return NULL;
}

static char *convert_meta(struct trace *t, uint64_t events, const char **why)
{
	json_t *meta = json_object();
	char base[32], *text;

	snprintf(base, sizeof(base), "0x%" PRIx64, t->object_base);
	json_object_set_new(meta, "name", json_string("converted"));
	json_object_set_new(meta, "converted_from", json_string(trace_format_name(t->format)));
	json_object_set_new(meta, "lost_events", json_integer((json_int_t)t->lost_events));
	json_object_set_new(meta, "events_in_file", json_integer((json_int_t)events));
	json_object_set_new(meta, "object_base", json_string(base));
	*why = convert_make_flags(t, meta);
	text = json_dumps(meta, JSON_COMPACT);
	json_decref(meta);
	return text;
}

/* All events into the spool. */
static uint64_t convert_read(struct convert *c, struct trace *t, struct convert_spool *spool)
{
	uint64_t events = 0;
	size_t n;

	while ((n = trace_next(t)) > 0) {
		for (size_t i = 0; i < n; i++) {
			/* What is no event of KMT1 is in the text. */
			if (t->batch[i].type > TRACE_ZONE_LOCKED)
				continue;
			fwrite(&t->batch[i], sizeof(t->batch[i]), 1, spool->events);
			fwrite(&t->batch_task[i], sizeof(t->batch_task[i]), 1, spool->events);
			events++;
		}
		progress_update(&c->bar, input_done(&t->in), events);
	}
	return events;
}

/* And from there to the sink. */
static const char *convert_unspool(struct convert_sink *s, const struct trace *t,
				   struct convert_spool *spool)
{
	const char *why = NULL;
	struct trace_event ev;
	uint32_t task;

	rewind(spool->events);
	while (why == NULL && fread(&ev, sizeof(ev), 1, spool->events) == 1 &&
	       fread(&task, sizeof(task), 1, spool->events) == 1) {
		why = convert_address(t, &ev);
		if (why != NULL)
			s->c->events++;
		else
			why = convert_event(s, &ev, task);
	}
	return why;
}

/* Types that KMT1 does not have go, for descriptors are numbered. */
static void convert_clean_descs(struct trace *t)
{
	for (uint32_t i = 0; i < t->nr_descs; i++) {
		if (t->descs[i].type > TRACE_ZONE_LOCKED)
			t->descs[i].type = TRACE_SNAPSHOT;
	}
}

/* All is written: false, if the host had no room. */
static bool convert_spool_done(struct convert_spool *spool)
{
	if (fflush(spool->events) != 0 || ferror(spool->events) != 0 || fflush(spool->lines) != 0 ||
	    ferror(spool->lines) != 0)
		return false;
	spool->text = mmap(NULL, spool->text_len, PROT_READ, MAP_PRIVATE, fileno(spool->lines), 0);
	return spool->text != MAP_FAILED;
}

static int convert_spooled(struct convert *c, struct trace *t, struct convert_spool *spool)
{
	struct convert_sink s = {.c = c};
	const char *why = NULL;
	uint64_t events = convert_read(c, t, spool);
	char *meta;

	if (t->damaged)
		return convert_damaged(c);
	if (!convert_spool_done(spool)) {
		util_error("temporary file: %s", strerror(errno));
		return CLI_FAILED;
	}
	meta = convert_meta(t, events, &why);
	if (why != NULL) {
		free(meta);
		return convert_refuse(c, why);
	}
	convert_clean_descs(t);
	s.tables = (struct kmtwrite_tables){
		.meta = meta,
		.meta_len = strlen(meta),
		.sites = &t->keep->sites.names,
		.caches = &t->caches,
		.tasks = &t->keep->tasks.names,
		.descs = t->descs,
		.nr_descs = t->nr_descs,
		.text = spool->text,
		.text_len = spool->text_len,
	};
	convert_begin(&s);
	why = convert_unspool(&s, t, spool);
	convert_end(&s);
	free(meta);
	return why != NULL ? convert_refuse(c, why) : CLI_OK;
}

static int convert_from_foreign(struct convert *c)
{
	struct convert_spool spool = {.events = tmpfile(), .lines = tmpfile(), .text = MAP_FAILED};
	struct trace t;
	int status = CLI_FAILED;

	if (spool.events == NULL || spool.lines == NULL) {
		util_error("temporary file: %s", strerror(errno));
	} else {
		status = trace_open_kept(&t, c->in, &c->diag, convert_spool_line, &spool);
		if (status == CLI_OK) {
			status = convert_spooled(c, &t, &spool);
			trace_close(&t);
		}
	}
	if (spool.text != MAP_FAILED)
		munmap(spool.text, spool.text_len);
	if (spool.events != NULL)
		fclose(spool.events);
	if (spool.lines != NULL)
		fclose(spool.lines);
	return status;
}

/* ---- user recordings ---- */

static void convert_user_begin(struct convert *c, const char *meta, size_t len, struct umtwrite **w)
{
	*w = NULL;
	if (c->to == CONVERT_UMT) {
		*w = umtwrite_begin(&c->o, meta, len);
		return;
	}
	output_printf(&c->o, CONVERT_UMT_WORD);
	convert_escape(&c->o, meta, len);
	output_printf(&c->o, "\n");
}

static void convert_user_event(struct convert *c, struct umtwrite *w, const struct umt_event *ev)
{
	c->events++;
	if (w != NULL)
		umtwrite_event(w, ev);
	else
		convert_user_line(&c->o, ev);
}

static int convert_from_umt(struct convert *c)
{
	const struct umt_event *ev;
	struct umtwrite *w;
	struct trace t;
	bool damaged;
	size_t n;

	if (trace_open_kept(&t, c->in, &c->diag, NULL, NULL) != CLI_OK)
		return CLI_INPUT;
	if (t.damaged || t.keep->meta == NULL) {
		trace_close(&t);
		return convert_damaged(c);
	}
	convert_user_begin(c, t.keep->meta, t.keep->meta_len, &w);
	while ((n = umt_next(&t, &ev)) > 0) {
		for (size_t i = 0; i < n; i++)
			convert_user_event(c, w, &ev[i]);
		progress_update(&c->bar, input_done(&t.in), c->events);
	}
	if (w != NULL)
		umtwrite_end(w);
	damaged = t.damaged;
	if (!damaged)
		convert_count(c, t.keep->meta, t.keep->meta_len);
	trace_close(&t);
	return damaged ? convert_damaged(c) : CLI_OK;
}

/* What must hold for umtwrite_event(): NULL, or what is wrong. */
static const char *convert_user_check(const struct umt_event *ev, uint64_t last_ns, uint64_t made)
{
	if (ev->time_ns < last_ns)
		return "times that do not go back";
	if (ev->op != UMT_FREE && ev->made != made + 1)
		return "blocks numbered one after the other from 1";
	if (ev->block != UMT_UNSEEN && ev->block > made)
		return "a block that was made above";
	return NULL;
}

static int convert_user_events(struct convert *c, struct input *in, struct strbuf *b)
{
	size_t len, word = sizeof(CONVERT_UMT_WORD) - 1;
	uint64_t last_ns = 0, made = 0;
	unsigned long line = 1;
	struct umtwrite *w;
	int status = CLI_OK;
	char *meta;

	if (!convert_line(in, b))
		return convert_wrong_line(c, 1, "an end of the first line");
	meta = convert_unescape(b->s + word, b->len - word, &len);
	convert_user_begin(c, meta, len, &w);
	while (status == CLI_OK && convert_line(in, b)) {
		struct umt_event ev;
		const char *why;
		int got = convert_user_parse(b->s, b->len, &ev, &why);

		line++;
		if (got == 0)
			continue;
		if (got > 0)
			why = convert_user_check(&ev, last_ns, made);
		if (why != NULL) {
			status = convert_wrong_line(c, line, why);
			break;
		}
		last_ns = ev.time_ns;
		made += ev.op != UMT_FREE;
		convert_user_event(c, w, &ev);
		if (c->events % 4096 == 0)
			progress_update(&c->bar, input_done(in), c->events);
	}
	if (status == CLI_OK && b->len > 0 && !in->failed)
		status =
			convert_wrong_line(c, line + 1, "an end of the last line: the file is cut");
	if (w != NULL)
		umtwrite_end(w);
	if (status == CLI_OK)
		convert_count(c, meta, len);
	free(meta);
	return status;
}

static int convert_from_user_text(struct convert *c)
{
	struct strbuf b = {0};
	struct input in;
	int status;

	if (input_open(&in, c->in) != 0)
		return CLI_INPUT;
	status = convert_user_events(c, &in, &b);
	if (status == CLI_OK && in.failed)
		status = convert_damaged(c);
	strbuf_free(&b);
	input_close(&in);
	return status;
}

/* ---- the verb ---- */

static int convert_run(struct convert *c)
{
	int err = output_open(&c->o, c->out), status;

	if (err != 0) {
		util_error("%s: %s", c->out, strerror(err));
		return CLI_FAILED;
	}
	progress_start(&c->bar, "convert", "events", 0, PROGRESS_AUTO);
	if (c->from == CONVERT_KMT)
		status = convert_from_kmt(c);
	else if (c->from == CONVERT_TAGGED)
		status = convert_from_tagged(c);
	else if (c->from == CONVERT_UMT)
		status = convert_from_umt(c);
	else if (c->from == CONVERT_USER_TAGGED)
		status = convert_from_user_text(c);
	else
		status = convert_from_foreign(c);
	progress_end(&c->bar);
	diag_print(&c->diag, stderr, "");
	if (status != CLI_OK) {
		output_abandon(&c->o);
		return status;
	}
	err = output_finish(&c->o);
	if (err != 0 && strcmp(c->out, "-") != 0) /* else util_close_stdout() tells */
		util_error("%s: %s", c->out, strerror(err));
	return err == 0 ? CLI_OK : CLI_FAILED;
}

int convert_main(int argc, char **argv)
{
	struct convert c = {.from = CONVERT_NONE};
	int status;

	if (argp_parse(&convert_argp, argc, argv, 0, NULL, &c) != 0)
		return CLI_INPUT;
	status = convert_detect(&c);
	if (status == CLI_OK)
		status = convert_choose(&c);
	return status == CLI_OK ? convert_run(&c) : status;
}
