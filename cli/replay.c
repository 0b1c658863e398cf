/* SPDX-License-Identifier: MIT */
/* quarry replay: plays a recording on a simulated machine and tells what happened. */
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <engine.h>
#include <linuxfacts.h>
#include <machine.h>
#include <pressure.h>
#include <progress.h>
#include <report.h>
#include <trace.h>
#include <verbs.h>
#include <views.h>

#define REPLAY_MAX_FAULTS 10 /* damage reports that are printed */

enum {
	REPLAY_OPT_ALLOCATOR = 256,
	REPLAY_OPT_CMDLINE,
	REPLAY_OPT_SOURCE,
	REPLAY_OPT_JSON,
	REPLAY_OPT_LIMIT,
	REPLAY_OPT_NO_PROGRESS,
	REPLAY_OPT_PROGRESS,
	REPLAY_OPT_TOP,
	REPLAY_OPT_SLABINFO,
	REPLAY_OPT_PROC,
	REPLAY_OPT_CACHE,
	REPLAY_OPT_SEED,
	REPLAY_OPT_PINNED,
};

static const struct argp_option replay_options[] = {
	{"machine", 'm', "MAP", 0, "Memory map of the machine to replay on (needed)", 0},
	{"cpus", 'c', "N", 0, "CPUs of the machine (default: what map and recording say)", 0},
	{"allocator", REPLAY_OPT_ALLOCATOR, "NAME", 0,
	 "Boot allocator: memblock (default) or bootmem; the result is the same", 0},
	{"cmdline", REPLAY_OPT_CMDLINE, "TEXT", 0,
	 "Kernel parameters, such as \"mem=400M\"; see quarry(1)", 0},
	{"map-source", REPLAY_OPT_SOURCE, "NAME", 0,
	 "Take RAM from e820, efi, iomem or memblock lines (default: the first that the map has)",
	 0},
	{"page-cache", REPLAY_OPT_CACHE, "SIZE", 0,
	 "Fill SIZE of memory with file pages before: bytes, a share (50%), or fill: all that is "
	 "free. They are given back, and moved, when memory is short",
	 0},
	{"no-compaction", REPLAY_OPT_PINNED, NULL, 0, "With --page-cache: no page can be moved", 0},
	{"seed", REPLAY_OPT_SEED, "N", 0, "Of the page cache's random choices (1)", 0},
	{"limit", REPLAY_OPT_LIMIT, "EVENTS", 0, "Stop after this many events", 0},
	{"top", REPLAY_OPT_TOP, "N", 0, "Rows in the tables of largest caches and refusals (10)",
	 0},
	{"slabinfo", REPLAY_OPT_SLABINFO, NULL, 0, "Show caches without objects too", 0},
	{"json", REPLAY_OPT_JSON, NULL, 0, "Print one JSON object instead of the report", 0},
	{"proc", REPLAY_OPT_PROC, "DIR", 0,
	 "Write buddyinfo, zoneinfo, vmstat, meminfo ... at the end into DIR, as in /proc", 0},
	{"no-progress", REPLAY_OPT_NO_PROGRESS, NULL, 0, "No progress bar", 0},
	{"progress", REPLAY_OPT_PROGRESS, NULL, 0,
	 "A progress bar even if standard error is no terminal, and leave it there", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

struct replay_args {
	const char *trace_path;
	struct machine_options machine;
	const char *proc_dir; /* where the texts of /proc go; NULL: nowhere */
	uint64_t limit;       /* 0: none */
	unsigned int top;
	enum progress_mode progress;
	bool json, all_caches;
	struct pressure_options pressure;
};

/* Everything that a run holds. */
struct replay {
	const struct replay_args *args;
	struct diag diag;
	struct trace trace;
	struct linuxfacts facts;
	struct machine machine;
	struct engine *engine;
	struct pressure pressure;
	uint64_t wall_ns, faults;
	bool limited;
};

static void replay_number(struct argp_state *state, const char *option, const char *arg,
			  uint64_t max, uint64_t *out)
{
	uint64_t n;

	if (!util_parse_u64(arg, &n) || n < 1 || n > max)
		argp_error(state, "--%s=%s: expected a number from 1 to %" PRIu64, option, arg,
			   max);
	else
		*out = n;
}

static void replay_allocator(struct argp_state *state, const char *arg, bool *bootmem)
{
	*bootmem = strcmp(arg, "bootmem") == 0;
	if (!*bootmem && strcmp(arg, "memblock") != 0)
		argp_error(state, "--allocator=%s: expected memblock or bootmem", arg);
}

static error_t replay_parse_machine(int key, char *arg, struct argp_state *state,
				    struct machine_options *m)
{
	uint64_t n = 0;

	switch (key) {
	case 'm':
		m->map_path = arg;
		return 0;
	case 'c':
		replay_number(state, "cpus", arg, QUARRY_MAX_CPUS, &n);
		m->nr_cpus = (unsigned int)n;
		return 0;
	case REPLAY_OPT_ALLOCATOR:
		replay_allocator(state, arg, &m->bootmem);
		return 0;
	case REPLAY_OPT_CMDLINE:
		m->cmdline = arg;
		return 0;
	case REPLAY_OPT_SOURCE:
		m->map_source = map_source_by_name(arg);
		if (m->map_source == MAP_NR_SOURCES)
			argp_error(state,
				   "--map-source=%s: expected e820, efi, iomem, memblock or auto",
				   arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t replay_parse_pressure(int key, const char *arg, struct argp_state *state,
				     struct pressure_options *o)
{
	switch (key) {
	case REPLAY_OPT_CACHE:
		o->on = true;
		if (!pressure_parse(arg, o))
			argp_error(state, PRESSURE_EXPECTED, arg);
		return 0;
	case REPLAY_OPT_PINNED:
		o->pinned = true;
		return 0;
	case REPLAY_OPT_SEED:
		if (!util_parse_u64(arg, &o->seed))
			argp_error(state, "--seed=%s: expected a number", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t replay_parse_end(const struct replay_args *a, struct argp_state *state)
{
	if (a->trace_path == NULL)
		argp_error(state, "which TRACE? For example: quarry replay "
				  "traces/g61-build.kmt.zst --machine maps/qemu-1g-1node.boot.txt");
	else if (a->machine.map_path == NULL)
		argp_error(state, "on which machine? For example: --machine maps/vm-24g-2cpu.txt");
	else if (a->pressure.pinned && !a->pressure.on)
		argp_error(state, "--no-compaction needs --page-cache");
	else if (strcmp(a->trace_path, "-") == 0 && strcmp(a->machine.map_path, "-") == 0)
		argp_error(state, "TRACE and --machine cannot both be standard input");
	return 0;
}

static error_t replay_parse(int key, char *arg, struct argp_state *state)
{
	struct replay_args *a = state->input;
	uint64_t n = 10;

	switch (key) {
	case REPLAY_OPT_LIMIT:
		replay_number(state, "limit", arg, INT64_MAX, &a->limit);
		return 0;
	case REPLAY_OPT_TOP:
		replay_number(state, "top", arg, 10000, &n);
		a->top = (unsigned int)n;
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
	case REPLAY_OPT_NO_PROGRESS:
		a->progress = PROGRESS_NEVER;
		return 0;
	case REPLAY_OPT_PROGRESS:
		a->progress = PROGRESS_ALWAYS;
		return 0;
	case ARGP_KEY_ARG:
		if (a->trace_path != NULL)
			argp_error(state, "one TRACE only: %s is one too many", arg);
		a->trace_path = arg;
		return 0;
	case ARGP_KEY_END:
		return replay_parse_end(a, state);
	default:
		if (replay_parse_pressure(key, arg, state, &a->pressure) == 0)
			return 0;
		return replay_parse_machine(key, arg, state, &a->machine);
	}
}

static const struct argp replay_argp = {
	.options = replay_options,
	.parser = replay_parse,
	.args_doc = "TRACE --machine MAP",
	.doc = "Replay a recording of a kernel's kmem:* events on a simulated machine.\v"
	       "TRACE is a KMT1 file, or the text of perf script, trace-cmd report or the tracefs "
	       "file trace; it may be compressed with zstd; - is standard input. MAP is what "
	       "quarry boot takes. NAME.snap.txt and NAME.caches.tsv beside the trace tell what "
	       "Linux itself had.\n\n"
	       "Example:\n"
	       "  perf record -a -e 'kmem:*' -- sleep 10\n"
	       "  perf script | quarry replay - --machine maps/vm-24g-2cpu.txt\n\n"
	       "Exit status: 0, replayed; 1, the trace is damaged and the report incomplete, or "
	       "the "
	       "host lacks memory; 2, trace, map or an option is wrong.",
};

static void replay_report(void *ctx, const char *line)
{
	struct replay *r = ctx;

	if (r->faults++ < REPLAY_MAX_FAULTS)
		util_error("%s", line);
}

static void replay_loop(struct replay *r)
{
	uint64_t start = util_now_ns(), left = r->args->limit, batches = 0;
	const struct engine_result *result = engine_result(r->engine);
	struct progress bar;
	size_t n;

	progress_start(&bar, "replay", "events", input_total(&r->trace.in), r->args->progress);
	while ((n = trace_next(&r->trace)) > 0) {
		if (r->args->limit > 0 && n > left) {
			n = (size_t)left;
			r->limited = true;
		}
		left -= r->args->limit > 0 ? n : 0;
		if (!engine_play(r->engine, n) || r->limited)
			break;
		if (++batches % 16 == 0)
			progress_update(&bar, input_done(&r->trace.in), result->events);
	}
	engine_finish(r->engine);
	r->wall_ns = util_now_ns() - start;
	if (r->trace.declared_events > 0 && !r->trace.damaged && !r->limited &&
	    r->trace.declared_events != result->events)
		diag_warn(&r->diag, r->trace.path, 0,
			  "META promises %" PRIu64 " events, but %" PRIu64 " are there",
			  r->trace.declared_events, result->events);
	if (r->args->progress == PROGRESS_ALWAYS) {
		bar.next_ns = 0;
		progress_update(&bar, input_done(&r->trace.in), result->events);
		fputc('\n', stderr);
		bar.on_screen = false;
	}
	progress_end(&bar);
}

static int replay_finish(struct replay *r)
{
	const struct engine_result *result = engine_result(r->engine);
	struct report report = {
		.trace = &r->trace,
		.result = result,
		.facts = &r->facts,
		.machine = &r->machine,
		.trace_path = r->args->trace_path,
		.map_path = r->args->machine.map_path,
		.cmdline = r->args->machine.cmdline,
		.pressure = r->args->pressure.on ? &r->pressure : NULL,
		.wall_ns = r->wall_ns,
		.faults = r->faults,
		.limit = r->args->limit,
		.limited = r->limited,
		.all_caches = r->args->all_caches,
		.top = r->args->top,
		.digest = report_digest(r->machine.q, result),
	};

	if (!r->args->json)
		report_text(stdout, &report);
	else if (report_json(stdout, &report) != 0)
		return CLI_FAILED;
	if (r->args->proc_dir != NULL && views_write(r->machine.q, r->args->proc_dir) != CLI_OK)
		return CLI_FAILED;
	return report_complete(&report) && r->faults == 0 ? CLI_OK : CLI_FAILED;
}

/* What goes on beside the recording; whether a file page could not be read for want of memory. */
static bool replay_background(void *ctx)
{
	struct pressure *p = ctx;
	uint64_t before = pagecache_stats(p->cache)->refused;

	pressure_step(p);
	return pagecache_stats(p->cache)->refused != before;
}

/* The machine is there. */
static int replay_machine(struct replay *r)
{
	int status = r->args->pressure.on ? pressure_start(&r->pressure, &r->machine) : CLI_OK;

	if (status != CLI_OK)
		return status;
	linuxfacts_load(&r->facts, r->args->trace_path, &r->diag);
	r->engine = engine_new(r->machine.q, r->machine.nr_cpus, &r->trace, &r->facts);
	if (r->args->pressure.on)
		engine_set_background(r->engine, replay_background, &r->pressure);
	if (r->args->pressure.on && !r->args->pressure.pinned)
		engine_set_movable(r->engine);
	replay_loop(r);
	if (r->args->pressure.on)
		pressure_end(&r->pressure);
	diag_print(&r->diag, stderr, "");
	return replay_finish(r);
}

/* The trace is open. */
static int replay_run(struct replay *r)
{
	struct machine_options o = r->args->machine;
	int status;

	o.min_cpus = r->trace.cpus <= QUARRY_MAX_CPUS ? r->trace.cpus : 0;
	o.report = replay_report;
	o.log_ctx = r;
	pressure_init(&r->pressure, &r->args->pressure);
	if (r->args->pressure.on)
		o.hooks = &r->pressure.hooks;
	status = machine_create(&o, &r->machine);
	if (status != CLI_OK)
		return status;
	status = replay_machine(r);
	machine_destroy(&r->machine);
	pressure_free(&r->pressure);
	if (r->engine != NULL)
		engine_delete(r->engine);
	linuxfacts_free(&r->facts);
	return status;
}

int replay_main(int argc, char **argv)
{
	struct replay_args args = {
		.top = 10,
		.progress = PROGRESS_AUTO,
		.pressure = {.seed = 1, .read_every = PRESSURE_READ_EVERY, .reads = 1},
	};
	struct replay r = {.args = &args};
	int status;

	if (argp_parse(&replay_argp, argc, argv, 0, NULL, &args) != 0)
		return CLI_INPUT;
	if (args.json && args.progress == PROGRESS_AUTO)
		args.progress = PROGRESS_NEVER;
	status = trace_open(&r.trace, args.trace_path, &r.diag);
	if (status == CLI_OK) {
		status = replay_run(&r);
		trace_close(&r.trace);
	}
	diag_print(&r.diag, stderr, "");
	return status;
}
