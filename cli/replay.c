/* SPDX-License-Identifier: MIT */
/* quarry replay: plays a recording on a simulated machine and tells what happened. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include <plot.h>
#include <report.h>
#include <session.h>
#include <verbs.h>
#include <views.h>

enum {
	REPLAY_OPT_JSON = 256,
	REPLAY_OPT_TOP,
	REPLAY_OPT_SLABINFO,
	REPLAY_OPT_PROC,
};

static const struct argp_option replay_options[] = {
	{"top", REPLAY_OPT_TOP, "N", 0, "Rows in the tables of largest caches and refusals (10)",
	 0},
	{"slabinfo", REPLAY_OPT_SLABINFO, NULL, 0, "Show caches without objects too", 0},
	{"json", REPLAY_OPT_JSON, NULL, 0, "Print one JSON object instead of the report", 0},
	{"proc", REPLAY_OPT_PROC, "DIR", 0,
	 "Write buddyinfo, zoneinfo, vmstat, meminfo ... at the end into DIR, as in /proc", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

struct replay_args {
	struct session_options session;
	struct plot_options plot;
	char *map_path;       /* found beside the recording; NULL: given */
	const char *proc_dir; /* where the texts of /proc go; NULL: nowhere */
	unsigned int top;
	bool json, all_caches;
};

static void replay_top(struct argp_state *state, const char *arg, unsigned int *top)
{
	uint64_t n;

	if (!util_parse_u64(arg, &n) || n < 1 || n > 10000)
		argp_error(state, "--top=%s: expected a number from 1 to 10000", arg);
	else
		*top = (unsigned int)n;
}

static error_t replay_parse(int key, char *arg, struct argp_state *state)
{
	struct replay_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->session;
		state->child_inputs[1] = &a->plot;
		return 0;
	case REPLAY_OPT_TOP:
		replay_top(state, arg, &a->top);
		return 0;
	case REPLAY_OPT_SLABINFO:
		a->all_caches = true;
		return 0;
	case REPLAY_OPT_JSON:
		a->json = true;
		return 0;
	case REPLAY_OPT_PROC:
		a->proc_dir = arg;
		return 0;
	case ARGP_KEY_ARG:
		session_take_trace(&a->session, state, arg);
		return 0;
	case ARGP_KEY_END:
		session_complete(&a->session, state, &a->map_path);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child replay_children[] = {
	{&session_argp, 0, NULL, 0},
	{&plot_argp, 0, NULL, 0},
	{NULL, 0, NULL, 0},
};

static const struct argp replay_argp = {
	.options = replay_options,
	.parser = replay_parse,
	.children = replay_children,
	.args_doc = "TRACE [--machine MAP]",
	.doc = "Replay a recording of a kernel's kmem:* events, or of a program's malloc, on a "
	       "simulated machine.\v"
	       "TRACE is a KMT1 or UMT1 file, or the text of perf script, trace-cmd report or the "
	       "tracefs "
	       "file trace; it may be compressed with zstd; - is standard input. MAP is what "
	       "quarry boot takes. NAME.snap.txt and NAME.caches.tsv beside the trace tell what "
	       "Linux itself had.\n\n"
	       "Example:\n"
	       "  perf record -a -e 'kmem:*' -- sleep 10\n"
	       "  perf script | quarry replay -\n\n"
	       "Exit status: 0, replayed; 1, the trace is damaged and the report incomplete, or "
	       "the "
	       "host lacks memory; 2, trace, map or an option is wrong.",
};

/* @h is NULL without --plot. */
static int replay_finish(struct session *s, const struct replay_args *args, const struct history *h)
{
	struct report report = {.all_caches = args->all_caches, .top = args->top};

	session_look_back(s);
	session_report(s, &report);
	if (!args->json)
		report_text(stdout, &report);
	else if (report_json(stdout, &report) != 0)
		return CLI_FAILED;
	if (args->proc_dir != NULL && views_write(s->machine.q, args->proc_dir) != CLI_OK)
		return CLI_FAILED;
	if (h != NULL && plot_write(&args->plot, h, &report) != CLI_OK)
		return CLI_FAILED;
	return session_status(s);
}

static int replay_run(struct session *s, const struct replay_args *args)
{
	struct history h;
	int status;

	if (args->plot.path == NULL) {
		session_run(s);
		return replay_finish(s, args, NULL);
	}
	history_start(&h, s, session_expected(s));
	session_run(s);
	history_end(&h);
	status = replay_finish(s, args, &h);
	history_free(&h);
	return status;
}

int replay_main(int argc, char **argv)
{
	struct replay_args args = {.top = 10};
	struct session s;
	int status;

	session_defaults(&args.session);
	if (argp_parse(&replay_argp, argc, argv, 0, NULL, &args) != 0)
		return CLI_INPUT;
	if (args.json && args.session.progress == PROGRESS_AUTO)
		args.session.progress = PROGRESS_NEVER;
	status = session_open(&s, &args.session);
	if (status == CLI_OK) {
		status = replay_run(&s, &args);
		session_close(&s);
	}
	free(args.map_path);
	return status;
}
