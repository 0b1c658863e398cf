/* SPDX-License-Identifier: MIT */
/* What the readers of recordings share, and the choice between them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <kmt.h>
#include <perfscript.h>
#include <trace.h>
#include <trace_keep.h>
#include <umt.h>

static const char *const trace_type_names[TRACE_NR_TYPES] = {
	[TRACE_NONE] = "(none)",
	[TRACE_KMALLOC] = "kmalloc",
	[TRACE_KFREE] = "kfree",
	[TRACE_CACHE_ALLOC] = "kmem_cache_alloc",
	[TRACE_CACHE_FREE] = "kmem_cache_free",
	[TRACE_PAGE_ALLOC] = "mm_page_alloc",
	[TRACE_PAGE_FREE] = "mm_page_free",
	[TRACE_PAGE_FREE_BATCHED] = "mm_page_free_batched",
	[TRACE_EXTFRAG] = "mm_page_alloc_extfrag",
	[TRACE_PCPU_DRAIN] = "mm_page_pcpu_drain",
	[TRACE_ZONE_LOCKED] = "mm_page_alloc_zone_locked",
	[TRACE_FREE_IMPLIED] = "free_implied",
	[TRACE_SNAPSHOT] = "snapshot",
	[TRACE_FREE_BULK] = "free_bulk",
	[TRACE_OTHER] = "other",
};

const char *trace_type_name(enum trace_type type)
{
	return (unsigned int)type < TRACE_NR_TYPES ? trace_type_names[type] : "?";
}

const char *trace_format_name(enum trace_format format)
{
	switch (format) {
	case TRACE_FORMAT_KMT:
		return "KMT1 binary";
	case TRACE_FORMAT_PERF:
		return "perf script text";
	case TRACE_FORMAT_FTRACE:
		return "ftrace text";
	case TRACE_FORMAT_UMT:
		return "UMT1 binary";
	}
	return "?";
}

const char *trace_name(const struct trace_names *names, uint32_t i)
{
	return i < names->nr ? names->text + names->at[i] : "";
}

bool trace_name_add(struct trace_names *names, const char *s, size_t len)
{
	if (names->len + len + 1 > TRACE_MAX_NAMES_LEN || names->nr == TRACE_MAX_NAMES)
		return false;
	if (names->nr == names->cap_at) {
		names->cap_at = names->cap_at > 0 ? names->cap_at * 2 : 64;
		names->at = xrealloc(names->at, names->cap_at, sizeof(names->at[0]));
	}
	if (names->cap < names->len + len + 1) {
		names->cap = (names->len + len + 1) * 2;
		names->text = xrealloc(names->text, 1, names->cap);
	}
	names->at[names->nr++] = (uint32_t)names->len;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		/* Names are printed: keep control characters away from terminals. */
		names->text[names->len++] = (char)(c < 32 || c == 127 ? '?' : c);
	}
	names->text[names->len++] = '\0';
	return true;
}

struct trace_desc *trace_desc_add(struct trace *t)
{
	if (t->nr_descs == TRACE_MAX_DESCS)
		return NULL;
	if (t->nr_descs == t->cap_descs) {
		t->cap_descs = t->cap_descs > 0 ? t->cap_descs * 2 : 256;
		t->descs = xrealloc(t->descs, t->cap_descs, sizeof(t->descs[0]));
	}
	memset(&t->descs[t->nr_descs], 0, sizeof(t->descs[0]));
	return &t->descs[t->nr_descs++];
}

void trace_damage(struct trace *t, uint64_t offset, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (t->damaged)
		return;
	t->damaged = true;
	t->damage_offset = offset;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_error(t->diag, t->path, 0, "byte %llu: %s", (unsigned long long)offset, text);
}

/* Files that people are likely to try, and what to do instead. */
static const char *trace_known_stranger(const unsigned char *p, size_t n)
{
	static const unsigned char dat[] = {0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g'};

	if (n >= 8 && memcmp(p, "PERFILE2", 8) == 0)
		return "this is perf.data; give the output of `perf script' instead";
	if (n >= sizeof(dat) && memcmp(p, dat, sizeof(dat)) == 0)
		return "this is trace.dat; give the output of `trace-cmd report' instead";
	if (n >= 13 && memcmp(p, "# quarry UMT1", 13) == 0)
		return "this is the text of a user program's recording; make UMT1 of it with "
		       "`quarry "
		       "convert'";
	if (memchr(p, 0, n) != NULL)
		return "not a recording: expected KMT1 binary (KMTRACE1) or the text of `perf "
		       "script'";
	return NULL;
}

static int trace_detect(struct trace *t)
{
	size_t n = input_fill(&t->in, 4096);
	const char *stranger;

	if (t->in.failed && n == 0) {
		diag_error(t->diag, t->path, 0, "%s", t->in.error);
		return CLI_INPUT;
	}
	if (n == 0) {
		diag_error(t->diag, t->path, 0,
			   "the file is empty; expected a recording of kmem events");
		return CLI_INPUT;
	}
	t->batch = xcalloc(TRACE_BATCH, sizeof(t->batch[0]));
	if (n >= 8 && memcmp(t->in.p, "KMTRACE1", 8) == 0) {
		t->format = TRACE_FORMAT_KMT;
		kmt_open(t);
		return CLI_OK;
	}
	if (n >= 8 && memcmp(t->in.p, "UMTRACE1", 8) == 0) {
		t->format = TRACE_FORMAT_UMT;
		umt_open(t);
		return CLI_OK;
	}
	if (n < 8 && (memcmp(t->in.p, "KMTRACE1", n) == 0 || memcmp(t->in.p, "UMTRACE1", n) == 0)) {
		diag_error(t->diag, t->path, 0, "byte %zu: the file ends in its first word", n);
		return CLI_INPUT;
	}
	stranger = trace_known_stranger(t->in.p, n < 4096 ? n : 4096);
	if (stranger != NULL) {
		diag_error(t->diag, t->path, 0, "%s", stranger);
		return CLI_INPUT;
	}
	t->format = TRACE_FORMAT_PERF;
	if (perfscript_open(t))
		return CLI_OK;
	diag_error(t->diag, t->path, t->nr_lines,
		   "no kmem event in %llu lines; expected KMT1 binary, or lines such as"
		   " `sh 1 [000] 1.000000: kmem:kfree: call_site=f+0x1 ptr=0xffff888100000000'",
		   (unsigned long long)t->nr_lines);
	return CLI_INPUT;
}

static void trace_init(struct trace *t, const char *path, struct diag *diag)
{
	memset(t, 0, sizeof(*t));
	t->path = xstrdup(strcmp(path, "-") == 0 ? "(standard input)" : path);
	t->diag = diag;
	trace_name_add(&t->caches, "", 0);
	trace_name_add(&t->sites, "", 0);
}

static int trace_open_file(struct trace *t, const char *path, struct diag *diag)
{
	int err;

	err = input_open(&t->in, path);
	if (err != 0) {
		diag_error(diag, t->path, 0, "%s", strerror(err));
		t->in.fd = -1;
	} else if (trace_detect(t) == CLI_OK) {
		return CLI_OK;
	}
	trace_close(t);
	return CLI_INPUT;
}

int trace_open(struct trace *t, const char *path, struct diag *diag)
{
	trace_init(t, path, diag);
	return trace_open_file(t, path, diag);
}

int trace_open_kept(struct trace *t, const char *path, struct diag *diag,
		    void (*line)(void *ctx, const char *line, size_t len, bool event), void *ctx)
{
	trace_init(t, path, diag);
	t->keep = trace_keep_new();
	t->keep->line = line;
	t->keep->line_ctx = ctx;
	t->batch_task = xcalloc(TRACE_BATCH, sizeof(t->batch_task[0]));
	return trace_open_file(t, path, diag);
}

int trace_open_memory(struct trace *t, const char *path, const void *data, size_t len,
		      struct diag *diag)
{
	trace_init(t, path, diag);
	input_open_memory(&t->in, data, len);
	if (trace_detect(t) == CLI_OK)
		return CLI_OK;
	trace_close(t);
	return CLI_INPUT;
}

size_t trace_next(struct trace *t)
{
	switch (t->format) {
	case TRACE_FORMAT_KMT:
		return kmt_next(t);
	case TRACE_FORMAT_UMT:
		return 0;
	default:
		return perfscript_next(t);
	}
}

static void trace_names_free(struct trace_names *names)
{
	free(names->text);
	free(names->at);
	memset(names, 0, sizeof(*names));
}

void trace_stop(struct trace *t)
{
	if (t->reader != NULL) {
		if (t->format == TRACE_FORMAT_KMT)
			kmt_close(t);
		else if (t->format == TRACE_FORMAT_UMT)
			umt_close(t);
		else
			perfscript_close(t);
	}
	input_close(&t->in);
}

void trace_close(struct trace *t)
{
	trace_stop(t);
	trace_names_free(&t->caches);
	trace_names_free(&t->sites);
	free(t->descs);
	free(t->batch);
	free(t->batch_task);
	free(t->batch_line);
	if (t->keep != NULL)
		trace_keep_free(t->keep);
	free(t->name);
	free(t->description);
	free(t->kernel);
	free(t->machine);
	free(t->path);
	memset(t, 0, sizeof(*t));
	t->in.fd = -1;
}
