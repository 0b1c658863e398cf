/* SPDX-License-Identifier: MIT */
/*
 * A run of a replay, from options to the end: opens, boots, plays, sums up.
 *
 * The order matters: the trace's tables say how many CPUs there must be, so it is opened before the
 * machine is made; the engine's caches refer to names of the trace, so it is closed last.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <record.h>
#include <session.h>

#define SESSION_MAX_FAULTS 10 /* damage reports that are printed */

enum {
	SESSION_OPT_ALLOCATOR = 512,
	SESSION_OPT_CMDLINE,
	SESSION_OPT_SOURCE,
	SESSION_OPT_POLICY,
	SESSION_OPT_LIMIT,
	SESSION_OPT_NO_PROGRESS,
	SESSION_OPT_PROGRESS,
	SESSION_OPT_CACHE,
	SESSION_OPT_SEED,
	SESSION_OPT_PINNED,
	SESSION_OPT_MOVABLE,
	SESSION_OPT_HEAP,
	SESSION_OPT_START,
};

static const struct argp_option session_argp_options[] = {
	{"machine", 'm', "MAP", 0,
	 "Memory map of the machine to replay on; needed unless NAME.machine.txt lies beside the "
	 "recording, or root replays standard input, on this machine",
	 0},
	{"cpus", 'c', "N", 0, "CPUs of the machine (default: what map and recording say)", 0},
	{"allocator", SESSION_OPT_ALLOCATOR, "NAME", 0,
	 "Boot allocator: memblock (default) or bootmem; the result is the same", 0},
	{"cmdline", SESSION_OPT_CMDLINE, "TEXT", 0,
	 "Kernel parameters, such as \"mem=400M\"; see quarry(1)", 0},
	{"policy", SESSION_OPT_POLICY, "KEY=VALUE,...", 0,
	 "What to do otherwise than Linux: grouping=off, arenas=off, min_order=N, "
	 "slab_max_order=N, "
	 "slab_min_objects=N, sheaf=N, slab_free_limit=on, slab_colour=on, or a tunable such as "
	 "watermark_scale_factor=N",
	 0},
	{"map-source", SESSION_OPT_SOURCE, "NAME", 0,
	 "Take RAM from e820, efi, iomem or memblock lines (default: the first that the map has)",
	 0},
	{"page-cache", SESSION_OPT_CACHE, "SIZE", 0,
	 "Fill SIZE of memory with file pages before: bytes, a share (50%), or fill: all that is "
	 "free. They are given back, and moved, when memory is short",
	 0},
	{"no-compaction", SESSION_OPT_PINNED, NULL, 0, "With --page-cache: no page can be moved",
	 0},
	{"compaction", SESSION_OPT_MOVABLE, NULL, 0,
	 "Undo --no-compaction, in a variant of quarry compare", 0},
	{"seed", SESSION_OPT_SEED, "N", 0, "Of the page cache's random choices (1)", 0},
	{"start", SESSION_OPT_START, "STATE", 0,
	 "What is on the machine before: snapshot, what the snapshot beside the recording says "
	 "(default, if it was taken then and the machine is the recorded one), or empty",
	 0},
	{"heap", SESSION_OPT_HEAP, "NAME", 0,
	 "What plays the recording of a user program: kmalloc (default), or fine: eight classes to "
	 "a doubling",
	 0},
	{"limit", SESSION_OPT_LIMIT, "EVENTS", 0, "Stop after this many events", 0},
	{"no-progress", SESSION_OPT_NO_PROGRESS, NULL, 0, "No progress bar", 0},
	{"progress", SESSION_OPT_PROGRESS, NULL, 0,
	 "A progress bar even if standard error is no terminal, and leave it there", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

/* argp_error(), which need not end the program: then the caller finds it in the options. */
static void UTIL_PRINTF(2, 3) session_error(struct argp_state *state, const char *fmt, ...)
{
	struct session_options *o = state->input;
	struct strbuf b = {0};
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&b, fmt, ap);
	va_end(ap);
	o->wrong = true;
	argp_error(state, "%s", b.s);
	strbuf_free(&b);
}

static void session_number(struct argp_state *state, const char *option, const char *arg,
			   uint64_t max, uint64_t *out)
{
	uint64_t n;

	if (!util_parse_u64(arg, &n) || n < 1 || n > max)
		session_error(state, "--%s=%s: expected a number from 1 to %" PRIu64, option, arg,
			      max);
	else
		*out = n;
}

static void session_allocator(struct argp_state *state, const char *arg, bool *bootmem)
{
	*bootmem = strcmp(arg, "bootmem") == 0;
	if (!*bootmem && strcmp(arg, "memblock") != 0)
		session_error(state, "--allocator=%s: expected memblock or bootmem", arg);
}

static error_t session_parse_machine(int key, char *arg, struct argp_state *state,
				     struct machine_options *m)
{
	uint64_t n = 0;

	switch (key) {
	case 'm':
		m->map_path = arg;
		return 0;
	case 'c':
		session_number(state, "cpus", arg, QUARRY_MAX_CPUS, &n);
		m->nr_cpus = (unsigned int)n;
		return 0;
	case SESSION_OPT_ALLOCATOR:
		session_allocator(state, arg, &m->bootmem);
		return 0;
	case SESSION_OPT_CMDLINE:
		m->cmdline = arg;
		return 0;
	case SESSION_OPT_SOURCE:
		m->map_source = map_source_by_name(arg);
		if (m->map_source == MAP_NR_SOURCES)
			session_error(
				state,
				"--map-source=%s: expected e820, efi, iomem, memblock or auto",
				arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t session_parse_pressure(int key, const char *arg, struct argp_state *state,
				      struct pressure_options *o)
{
	switch (key) {
	case SESSION_OPT_CACHE:
		o->on = true;
		if (!pressure_parse(arg, o))
			session_error(state, PRESSURE_EXPECTED, arg);
		return 0;
	case SESSION_OPT_PINNED:
		o->pinned = true;
		return 0;
	case SESSION_OPT_MOVABLE:
		o->pinned = false;
		return 0;
	case SESSION_OPT_SEED:
		if (!util_parse_u64(arg, &o->seed))
			session_error(state, "--seed=%s: expected a number", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void session_policy(struct argp_state *state, const char *arg, struct session_options *o)
{
	char why[POLICY_WHY];

	if (!policy_parse(&o->policy, arg, why))
		session_error(state, "--policy=%s", why);
	o->policy_text = arg;
}

static error_t session_parse(int key, char *arg, struct argp_state *state)
{
	struct session_options *o = state->input;

	switch (key) {
	case SESSION_OPT_POLICY:
		session_policy(state, arg, o);
		return 0;
	case SESSION_OPT_LIMIT:
		session_number(state, "limit", arg, INT64_MAX, &o->limit);
		return 0;
	case SESSION_OPT_START:
		o->empty_start = strcmp(arg, "empty") == 0;
		if (!o->empty_start && strcmp(arg, "snapshot") != 0)
			session_error(state, "--start=%s: expected snapshot or empty", arg);
		return 0;
	case SESSION_OPT_HEAP:
		if (!heap_kind_by_name(arg, &o->heap))
			session_error(state, "--heap=%s: expected kmalloc or fine", arg);
		return 0;
	case SESSION_OPT_NO_PROGRESS:
		o->progress = PROGRESS_NEVER;
		return 0;
	case SESSION_OPT_PROGRESS:
		o->progress = PROGRESS_ALWAYS;
		return 0;
	default:
		if (session_parse_pressure(key, arg, state, &o->pressure) == 0)
			return 0;
		return session_parse_machine(key, arg, state, &o->machine);
	}
}

const struct argp session_argp = {
	.options = session_argp_options,
	.parser = session_parse,
};

void session_defaults(struct session_options *o)
{
	memset(o, 0, sizeof(*o));
	o->progress = PROGRESS_AUTO;
	o->pressure.seed = 1;
	o->pressure.read_every = PRESSURE_READ_EVERY;
	o->pressure.reads = 1;
}

void session_take_trace(struct session_options *o, struct argp_state *state, char *arg)
{
	if (o->trace_path != NULL)
		argp_error(state, "one TRACE only: %s is one too many", arg);
	o->trace_path = arg;
}

/* What comes from perf is of this machine, as a rule. Its map is for root alone. */
static bool session_knows_host(void)
{
	struct record_host host = {.proc = "/proc"};
	struct strbuf map = {0};
	bool good = record_machine(&host, &map);

	strbuf_free(&map);
	return good;
}

static void session_find_machine(struct session_options *o, char **own)
{
	char *path;

	*own = NULL;
	if (o->machine.map_path != NULL || o->trace_path == NULL)
		return;
	if (strcmp(o->trace_path, "-") == 0) {
		if (session_knows_host())
			o->machine.map_path = *own = xstrdup("/proc/iomem");
		return;
	}
	path = linuxfacts_beside(o->trace_path, ".machine.txt");
	if (access(path, R_OK) == 0)
		o->machine.map_path = *own = path;
	else
		free(path);
}

static const char *session_missing(const struct session_options *o)
{
	if (o->trace_path == NULL)
		return "which TRACE? For example: traces/g61-build.kmt.zst --machine "
		       "maps/qemu-1g-1node.boot.txt";
	if (o->machine.map_path == NULL && strcmp(o->trace_path, "-") == 0)
		return "on which machine? As root this one is taken; or for example: --machine "
		       "maps/vm-24g-2cpu.txt";
	if (o->machine.map_path == NULL)
		return "on which machine? For example: --machine maps/vm-24g-2cpu.txt";
	if (o->pressure.pinned && !o->pressure.on)
		return "--no-compaction needs --page-cache";
	if (strcmp(o->trace_path, "-") == 0 && strcmp(o->machine.map_path, "-") == 0)
		return "TRACE and --machine cannot both be standard input";
	return NULL;
}

bool session_complete(struct session_options *o, struct argp_state *state, char **own)
{
	const char *missing;

	session_find_machine(o, own);
	missing = session_missing(o);
	if (missing != NULL)
		argp_error(state, "%s", missing);
	return missing == NULL;
}

static void session_fault(void *ctx, const char *line)
{
	struct session *s = ctx;

	if (s->faults++ < SESSION_MAX_FAULTS)
		util_error("%s", line);
}

/* What goes on beside the recording; whether a file page could not be read for want of memory. */
static bool session_background(void *ctx)
{
	struct pressure *p = ctx;
	uint64_t before = pagecache_stats(p->cache)->refused;

	pressure_step(p);
	return pagecache_stats(p->cache)->refused != before;
}

/* The machine is there. */
static int session_start(struct session *s)
{
	const struct session_options *o = s->options;
	int status = o->pressure.on ? pressure_start(&s->pressure, &s->machine) : CLI_OK;

	if (status != CLI_OK)
		return status;
	if (s->trace.format == TRACE_FORMAT_UMT) {
		s->heap = heap_new(s->machine.q, s->machine.nr_cpus, o->heap);
		return CLI_OK;
	}
	linuxfacts_load(&s->facts, o->trace_path, &s->diag);
	s->engine = engine_new(s->machine.q, s->machine.nr_cpus, &s->trace, &s->facts);
	if (!o->pressure.on && !o->empty_start)
		engine_set_population(s->engine);
	if (o->pressure.on)
		engine_set_background(s->engine, session_background, &s->pressure);
	if (o->pressure.on && !o->pressure.pinned)
		engine_set_movable(s->engine);
	return CLI_OK;
}

/* The trace is open. */
static int session_boot(struct session *s)
{
	const struct session_options *o = s->options;
	struct machine_options m = o->machine;
	int status;

	m.min_cpus = s->trace.cpus <= QUARRY_MAX_CPUS ? s->trace.cpus : 0;
	m.policy = o->policy_text != NULL ? &o->policy : NULL;
	m.report = session_fault;
	m.log_ctx = s;
	pressure_init(&s->pressure, &o->pressure);
	if (o->pressure.on)
		m.hooks = &s->pressure.hooks;
	status = machine_create(&m, &s->machine);
	if (status != CLI_OK)
		return status;
	status = session_start(s);
	if (status != CLI_OK) {
		machine_destroy(&s->machine);
		pressure_free(&s->pressure);
	}
	return status;
}

int session_open(struct session *s, const struct session_options *o)
{
	int status;

	memset(s, 0, sizeof(*s));
	s->options = o;
	s->left = o->limit;
	status = trace_open(&s->trace, o->trace_path, &s->diag);
	if (status == CLI_OK) {
		status = session_boot(s);
		if (status != CLI_OK)
			trace_close(&s->trace);
	}
	if (status != CLI_OK)
		diag_print(&s->diag, stderr, "");
	s->start_ns = util_now_ns();
	return status;
}

uint64_t session_expected(const struct session *s)
{
	uint64_t n = s->trace.declared_events, limit = s->options->limit;

	return limit > 0 && (n == 0 || n > limit) ? limit : n;
}

uint64_t session_events(const struct session *s)
{
	return s->heap != NULL ? heap_result(s->heap)->events : engine_result(s->engine)->events;
}

bool session_step(struct session *s)
{
	const struct umt_event *user = NULL;
	size_t n = s->heap != NULL ? umt_next(&s->trace, &user) : trace_next(&s->trace);

	if (n == 0)
		return false;
	if (s->options->limit > 0 && n > s->left) {
		n = (size_t)s->left;
		s->limited = true;
	}
	s->left -= s->options->limit > 0 ? n : 0;
	if (s->heap != NULL)
		return heap_play(s->heap, user, n) && !s->limited;
	return engine_play(s->engine, n) && !s->limited;
}

void session_end(struct session *s)
{
	if (s->heap != NULL)
		heap_finish(s->heap);
	else
		engine_finish(s->engine);
	s->wall_ns = util_now_ns() - s->start_ns;
	/* What was put there before is no part of the replay. */
	if (s->engine != NULL && engine_population(s->engine) != NULL)
		s->wall_ns -= engine_population(s->engine)->seconds_ns;
	s->ended = true;
	if (s->trace.declared_events > 0 && !s->trace.damaged && !s->limited &&
	    s->trace.declared_events != session_events(s))
		diag_warn(&s->diag, s->trace.path, 0,
			  "META promises %" PRIu64 " events, but %" PRIu64 " are there",
			  s->trace.declared_events, session_events(s));
	if (s->options->pressure.on)
		pressure_end(&s->pressure);
	diag_print(&s->diag, stderr, "");
}

void session_run(struct session *s)
{
	struct progress bar;
	uint64_t steps = 0;

	s->start_ns = util_now_ns();
	progress_start(&bar, "replay", "events", input_total(&s->trace.in), s->options->progress);
	while (session_step(s)) {
		if (s->after_step != NULL)
			s->after_step(s->step_ctx);
		if (++steps % 16 == 0)
			progress_update(&bar, input_done(&s->trace.in), session_events(s));
	}
	if (s->options->progress == PROGRESS_ALWAYS) {
		bar.next_ns = 0;
		progress_update(&bar, input_done(&s->trace.in), session_events(s));
		fputc('\n', stderr);
		bar.on_screen = false;
	}
	progress_end(&bar);
	session_end(s);
}

void session_look_back(struct session *s)
{
	if (s->engine == NULL)
		return;
	trace_stop(&s->trace);
	engine_look_back(s->engine, s->options->trace_path);
}

void session_report(struct session *s, struct report *r)
{
	const struct session_options *o = s->options;

	r->trace = &s->trace;
	r->heap = s->heap;
	r->events = session_events(s);
	if (s->heap != NULL) {
		const struct heap_result *h = heap_result(s->heap);

		r->recorded_ns = util_since(h->first_ns, h->last_ns);
		r->full = h->full;
	} else {
		r->result = engine_result(s->engine);
		r->recorded_ns = util_since(r->result->first_ns, r->result->last_ns);
		r->full = r->result->full;
	}
	r->facts = &s->facts;
	r->population = s->engine != NULL ? engine_population(s->engine) : NULL;
	r->machine = &s->machine;
	r->trace_path = o->trace_path;
	r->map_path = o->machine.map_path;
	r->cmdline = o->machine.cmdline;
	r->policy = o->policy_text;
	r->pressure = o->pressure.on ? &s->pressure : NULL;
	r->wall_ns = s->wall_ns;
	r->faults = s->faults;
	r->limit = o->limit;
	r->limited = s->limited;
	r->digest = report_digest(s->machine.q, s->heap != NULL ? heap_result(s->heap)->digest
								: r->result->digest);
}

int session_status(const struct session *s)
{
	bool full = s->heap != NULL ? heap_result(s->heap)->full : engine_result(s->engine)->full;
	bool complete = !s->trace.damaged && !full;

	return complete && s->faults == 0 ? CLI_OK : CLI_FAILED;
}

void session_close(struct session *s)
{
	machine_destroy(&s->machine);
	pressure_free(&s->pressure);
	if (s->heap != NULL)
		heap_delete(s->heap);
	else
		engine_delete(s->engine);
	linuxfacts_free(&s->facts);
	trace_close(&s->trace);
	diag_print(&s->diag, stderr, "");
}
