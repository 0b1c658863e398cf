/* SPDX-License-Identifier: MIT */
/*
 * quarry report: a replay as one page of HTML that needs nothing else.
 *
 * The page is cli/web/report.html, whose marks are replaced: style, scripts, the text report, and the data
 * as JSON, in which every < is written as \u003c so that nothing in a recording can end the script
 * element. The page's own policy forbids it to fetch anything.
 */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <history.h>
#include <plot.h>
#include <report.h>
#include <report_data.h>
#include <session.h>
#include <verbs.h>
#include <webassets.h>

enum { HTML_OPT_TITLE = 256 };

static const struct argp_option html_options[] = {
	{"output", 'o', "FILE", 0, "Where the page goes (needed, or --plot); - is standard output",
	 0},
	{"title", HTML_OPT_TITLE, "TEXT", 0, "Title of the page (default: name of the recording)",
	 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

struct html_args {
	struct session_options session;
	struct plot_options plot;
	const char *output, *title;
	char *map_path; /* found beside the recording; NULL: given */
};

static error_t html_parse(int key, char *arg, struct argp_state *state)
{
	struct html_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->session;
		state->child_inputs[1] = &a->plot;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case HTML_OPT_TITLE:
		a->title = arg;
		return 0;
	case ARGP_KEY_ARG:
		session_take_trace(&a->session, state, arg);
		return 0;
	case ARGP_KEY_END:
		if (session_complete(&a->session, state, &a->map_path) && a->output == NULL &&
		    a->plot.path == NULL)
			argp_error(state, "where does the page go? For example: -o report.html");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child html_children[] = {
	{&session_argp, 0, NULL, 0},
	{&plot_argp, 0, NULL, 0},
	{NULL, 0, NULL, 0},
};

static const struct argp html_argp = {
	.options = html_options,
	.parser = html_parse,
	.children = html_children,
	.args_doc = "TRACE [--machine MAP] -o FILE",
	.doc = "Replay a recording and write what happened as one page of HTML: a map of memory "
	       "over time, free blocks, fragmentation, watermarks, slabs, call sites, refused "
	       "requests.\vThe page needs no network and no other file. docs/report.md tells "
	       "what it shows and which keys it takes.\n\n"
	       "Example:\n"
	       "  quarry report traces/g61-build.kmt.zst \\\n"
	       "      --machine maps/qemu-1g-1node.boot.txt -o report.html\n\n"
	       "Exit status: 0, written; 1, written, but the trace is damaged and the page "
	       "incomplete, or it could not be written; 2, trace, map or an option is wrong.",
};

/* ---- text in HTML ---- */

static void html_escape(struct strbuf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		switch (s[i]) {
		case '<':
			strbuf_addf(out, "&lt;");
			break;
		case '>':
			strbuf_addf(out, "&gt;");
			break;
		case '&':
			strbuf_addf(out, "&amp;");
			break;
		case '"':
			strbuf_addf(out, "&quot;");
			break;
		default:
			strbuf_add(out, &s[i], 1);
		}
	}
}

static void html_add_json(struct strbuf *out, const char *json)
{
	while (*json != '\0') {
		size_t n = strcspn(json, "<");

		strbuf_add(out, json, n);
		json += n;
		if (*json == '<') {
			strbuf_addf(out, "\\u003c");
			json++;
		}
	}
}

static void html_add_report(struct strbuf *out, const struct report *r)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f != NULL) {
		report_text(f, r);
		fclose(f);
		html_escape(out, text, len);
	}
	free(text);
}

static void html_add_asset(struct strbuf *out, enum webasset asset)
{
	size_t len;
	const char *text = webasset_text(asset, &len);

	strbuf_add(out, text, len);
}

/* ---- the page ---- */

struct html_page {
	const char *title;
	const char *data; /* JSON */
	const struct report *report;
};

static void html_fill(struct strbuf *out, const char *mark, size_t len, const struct html_page *p)
{
	static const struct {
		const char *mark;
		enum webasset asset;
	} assets[] = {
		{"STYLE", WEBASSET_STYLE},
		{"SCRIPT", WEBASSET_SCRIPT},
		{"UPLOT", WEBASSET_UPLOT},
		{"UPLOT_STYLE", WEBASSET_UPLOT_STYLE},
	};
	size_t size;
	const char *text;

	for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++) {
		if (strlen(assets[i].mark) == len && memcmp(assets[i].mark, mark, len) == 0) {
			html_add_asset(out, assets[i].asset);
			return;
		}
	}
	if (len == 5 && memcmp(mark, "TITLE", len) == 0) {
		html_escape(out, p->title, strlen(p->title));
	} else if (len == 4 && memcmp(mark, "DATA", len) == 0) {
		html_add_json(out, p->data);
	} else if (len == 4 && memcmp(mark, "TEXT", len) == 0) {
		html_add_report(out, p->report);
	} else if (len == 7 && memcmp(mark, "LICENCE", len) == 0) {
		text = webasset_text(WEBASSET_UPLOT_LICENCE, &size);
		html_escape(out, text, size);
	} else if (len == 7 && memcmp(mark, "VERSION", len) == 0) {
		strbuf_addf(out, CLI_VERSION);
	}
}

/* The page with its marks, @@NAME@@, replaced. */
static void html_page(struct strbuf *out, const struct html_page *p)
{
	size_t len;
	const char *s = webasset_text(WEBASSET_PAGE, &len), *end = s + len;

	while (s < end) {
		const char *mark = memmem(s, (size_t)(end - s), "@@", 2);
		const char *close =
			mark != NULL ? memmem(mark + 2, (size_t)(end - mark - 2), "@@", 2) : NULL;

		if (close == NULL) {
			strbuf_add(out, s, (size_t)(end - s));
			return;
		}
		strbuf_add(out, s, (size_t)(mark - s));
		html_fill(out, mark + 2, (size_t)(close - mark - 2), p);
		s = close + 2;
	}
}

static int html_write(const char *path, const struct strbuf *page)
{
	int err;

	if (strcmp(path, "-") == 0) {
		fwrite(page->s, 1, page->len, stdout);
		return CLI_OK; /* main() looks at standard output */
	}
	err = util_write_file(path, page->s, page->len);
	if (err != 0) {
		util_error("%s: %s", path, strerror(err));
		return CLI_FAILED;
	}
	return CLI_OK;
}

static const char *html_title(const struct html_args *a, const struct session *s)
{
	if (a->title != NULL)
		return a->title;
	return s->trace.name != NULL && s->trace.name[0] != '\0' ? s->trace.name : s->trace.path;
}

static int html_finish(struct session *s, const struct html_args *a, struct history *h)
{
	struct report report = {.top = 20};
	struct html_page page = {.title = html_title(a, s), .report = &report};
	struct strbuf out = {0};
	json_t *data;
	char *text = NULL;
	size_t len;
	int status = CLI_FAILED;

	session_look_back(s);
	session_report(s, &report);
	if (a->plot.path != NULL && plot_write(&a->plot, h, &report) != CLI_OK)
		return CLI_FAILED;
	if (a->output == NULL)
		return session_status(s);
	data = report_data(h, &report);
	if (data != NULL)
		text = json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(data);
	if (text == NULL) {
		util_error("out of memory");
		return CLI_FAILED;
	}
	page.data = text;
	html_page(&out, &page);
	status = html_write(a->output, &out);
	webasset_text(WEBASSET_UPLOT, &len);
	if (len == 0)
		util_warn("this program was built without uPlot: the page has the map and all "
			  "tables, "
			  "but no curves; see docs/report.md");
	free(text);
	strbuf_free(&out);
	return status == CLI_OK ? session_status(s) : status;
}

int report_main(int argc, char **argv)
{
	struct html_args args = {0};
	struct history history;
	struct session s;
	int status;

	session_defaults(&args.session);
	if (argp_parse(&html_argp, argc, argv, 0, NULL, &args) != 0)
		return CLI_INPUT;
	status = session_open(&s, &args.session);
	if (status == CLI_OK) {
		history_start(&history, &s, session_expected(&s));
		session_run(&s);
		history_end(&history);
		status = html_finish(&s, &args, &history);
		history_free(&history);
		session_close(&s);
	}
	free(args.map_path);
	return status;
}
