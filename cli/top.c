/* SPDX-License-Identifier: MIT */
/*
 * quarry top: a running replay, or this machine, in a terminal.
 *
 * A replay is played at the speed of the recording times a factor: whenever the terminal is due for a new picture, as
 * many events are played as have become due. So the keys are answered at any speed. With --batch nothing is paced: a
 * picture is printed each --delay of recorded time, and the same recording gives the same text.
 */
#include <argp.h>
#include <curses.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <time.h>
#include <unistd.h>

/* term.h makes macros of short words. */
#undef columns
#undef lines

#include <top.h>
#include <verbs.h>

#define TOP_FRAME_MS 100 /* between two pictures of a replay */
#define TOP_SPEED_MIN (1.0 / 1024)
#define TOP_SPEED_MAX (1024.0 * 1024)
#define TOP_BATCH_WIDTH 100
#define TOP_PERF_MAX 16u

enum {
	TOP_OPT_BATCH = 256,
	TOP_OPT_SPEED,
	TOP_OPT_PROC,
	TOP_OPT_PANEL,
};

static const struct argp_option top_options[] = {
	{"batch", TOP_OPT_BATCH, NULL, 0, "Print plain text instead, for pipes and files", 0},
	{"iterations", 'n', "N", 0, "Pictures until the end (default: no end)", 0},
	{"delay", 'd', "SECONDS", 0,
	 "Between two pictures (1); with --batch and a TRACE: of recorded time", 0},
	{"speed", TOP_OPT_SPEED, "X", 0,
	 "Of the recording: 1 as it was recorded (default), 0 as fast as it goes", 0},
	{"panel", TOP_OPT_PANEL, "NAME", 0, "all (default), caches, map, events", 0},
	{"proc", TOP_OPT_PROC, "DIR", 0,
	 "Without a TRACE: read buddyinfo, zoneinfo ... in DIR (/proc)", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

struct top_args {
	struct session_options session;
	bool batch;
	uint64_t iterations; /* 0: no end */
	double delay, speed; /* speed 0: as fast as it goes */
	const char *proc;
	char *map_path; /* found beside the recording; NULL: given */
	enum top_panel panel;
};

struct top {
	const struct top_args *args;
	struct session *session; /* NULL: this machine */
	struct top_look looks[2];
	unsigned int at; /* looks[at] is the newest */
	struct top_view view;
	struct top_frame frame;
	char title[TOP_WIDTH];
	double speed;
	bool paused, ended, quit;
	uint64_t paced_ns;    /* the clock when the pace was last set */
	uint64_t paced_event; /* and the recorded time that was due then */
	uint64_t pictures;
};

static bool top_seconds(const char *arg, double *out)
{
	char *end;
	double v = strtod(arg, &end);

	if (end == arg || *end != '\0' || !(v >= 0) || v > 1e6)
		return false;
	*out = v;
	return true;
}

static void top_parse_panel(struct argp_state *state, const char *arg, enum top_panel *panel)
{
	static const char *const names[] = {"all", "caches", "map", "events"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(arg, names[i]) == 0) {
			*panel = (enum top_panel)i;
			return;
		}
	}
	argp_error(state, "--panel=%s: expected all, caches, map or events", arg);
}

static void top_parse_end(struct top_args *a, struct argp_state *state)
{
	if (a->session.trace_path == NULL) {
		if (a->session.machine.map_path != NULL)
			argp_error(state,
				   "--machine needs a TRACE: without one this machine is shown");
		return;
	}
	session_complete(&a->session, state, &a->map_path);
}

static error_t top_parse(int key, char *arg, struct argp_state *state)
{
	struct top_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->session;
		return 0;
	case TOP_OPT_BATCH:
		a->batch = true;
		return 0;
	case 'n':
		if (!util_parse_u64(arg, &a->iterations) || a->iterations == 0)
			argp_error(state, "--iterations=%s: expected a number from 1", arg);
		return 0;
	case 'd':
		if (!top_seconds(arg, &a->delay) || a->delay < 0.01)
			argp_error(state, "--delay=%s: expected seconds, 0.01 or more", arg);
		return 0;
	case TOP_OPT_SPEED:
		if (!top_seconds(arg, &a->speed))
			argp_error(state, "--speed=%s: expected a number, 0 or more", arg);
		return 0;
	case TOP_OPT_PANEL:
		top_parse_panel(state, arg, &a->panel);
		return 0;
	case TOP_OPT_PROC:
		a->proc = arg;
		return 0;
	case ARGP_KEY_ARG:
		session_take_trace(&a->session, state, arg);
		return 0;
	case ARGP_KEY_END:
		top_parse_end(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child top_children[] = {
	{&session_argp, 0, NULL, 0},
	{NULL, 0, NULL, 0},
};

static const struct argp top_argp = {
	.options = top_options,
	.parser = top_parse,
	.children = top_children,
	.args_doc = "[TRACE [--machine MAP]]",
	.doc = "Show memory management at work in the terminal: zones with their watermarks, free "
	       "blocks, slab "
	       "caches, a map of pageblocks, events.\vWith a TRACE a replay is shown, else this "
	       "machine, from "
	       "/proc; slabinfo, pagetypeinfo and the count of kmem:* events need root. h lists "
	       "the keys.\n\n"
	       "Examples:\n"
	       "  quarry top traces/g61-build.kmt.zst \\\n"
	       "      --machine maps/qemu-1g-1node.boot.txt --speed 10\n"
	       "  sudo quarry top\n"
	       "  quarry top --batch -n 3 -d 10\n\n"
	       "Exit status: 0, done; 1, the trace is damaged, /proc or the terminal cannot be "
	       "used; 2, trace, map or "
	       "an option is wrong.",
};

/* ---- looking ---- */

static uint64_t top_recorded_ns(const struct top *t)
{
	const struct session *s = t->session;
	uint64_t first, last;

	if (s->heap != NULL) {
		first = heap_result(s->heap)->first_ns;
		last = heap_result(s->heap)->last_ns;
	} else {
		first = engine_result(s->engine)->first_ns;
		last = engine_result(s->engine)->last_ns;
	}
	return util_since(first, last);
}

static uint64_t top_refused(const struct session *s)
{
	uint64_t n = 0;

	if (s->heap != NULL)
		return heap_result(s->heap)->refused;
	for (unsigned int i = 0; i < ENGINE_NR_REASONS; i++)
		n += engine_result(s->engine)->reasons[i];
	return n;
}

static void top_status(struct top *t)
{
	char speed[48];

	if (t->session == NULL) {
		snprintf(t->view.status, sizeof(t->view.status), "every %g s%s", t->args->delay,
			 t->paused ? ", paused" : "");
		return;
	}
	t->view.refused = top_refused(t->session);
	if (t->speed == 0)
		snprintf(speed, sizeof(speed), "as fast as it goes");
	else
		snprintf(speed, sizeof(speed), "speed %g", t->speed);
	snprintf(t->view.status, sizeof(t->view.status), "event %" PRIu64 ", %.3f s, %s%s",
		 session_events(t->session), (double)top_recorded_ns(t) / 1e9,
		 t->args->batch ? "replay" : speed,
		 t->ended    ? ", at the end"
		 : t->paused ? ", paused"
			     : "");
}

static double top_done(const struct top *t)
{
	uint64_t total = input_total(&t->session->trace.in);

	if (t->ended)
		return 1;
	return total > 0 ? (double)input_done(&t->session->trace.in) / (double)total : 0;
}

static int top_look(struct top *t)
{
	struct top_look *look = &t->looks[t->at ^ 1];
	const char *name;

	for (unsigned int i = 0; t->view.perf != NULL && i < TOP_PERF_MAX && t->pictures > 0; i++)
		if (!top_perf_count(t->view.perf, i, &name, &t->view.perf_before[i]))
			break;
	if (t->session == NULL) {
		if (top_look_live(look, t->args->proc) != CLI_OK)
			return CLI_FAILED;
	} else {
		top_look_at(look, t->session->machine.q);
		look->ns = top_recorded_ns(t);
		t->view.done = top_done(t);
	}
	t->view.before = t->pictures > 0 ? &t->looks[t->at] : NULL;
	t->at ^= 1;
	t->view.now = look;
	t->pictures++;
	return CLI_OK;
}

static void top_step(struct top *t)
{
	if (t->ended)
		return;
	if (!session_step(t->session)) {
		session_end(t->session);
		t->ended = true;
	}
}

/* ---- batch ---- */

static void top_print(struct top *t)
{
	t->frame.width = TOP_BATCH_WIDTH;
	t->frame.height = TOP_MAX_LINES;
	top_status(t);
	top_draw(&t->frame, &t->view);
	for (unsigned int i = 0; i < t->frame.nr; i++)
		puts(t->frame.lines[i].text);
	putchar('\n');
	fflush(stdout);
}

static bool top_last(const struct top *t)
{
	return t->ended || (t->args->iterations > 0 && t->pictures >= t->args->iterations);
}

static void top_sleep(double seconds)
{
	struct timespec s = {.tv_sec = (time_t)seconds,
			     .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};

	nanosleep(&s, NULL);
}

static int top_batch(struct top *t)
{
	uint64_t delay = (uint64_t)(t->args->delay * 1e9), due = delay;

	do {
		if (t->session == NULL && t->pictures > 0)
			top_sleep(t->args->delay);
		if (t->session != NULL) {
			while (!t->ended && top_recorded_ns(t) < due)
				top_step(t);
			due = top_recorded_ns(t) + delay;
		}
		if (top_look(t) != CLI_OK)
			return CLI_FAILED;
		top_print(t);
	} while (!top_last(t) && !ferror(stdout));
	return CLI_OK;
}

/* ---- terminal ---- */

static void top_colours(int *attrs)
{
	static const short colours[TOP_NR_ATTRS] = {
		[TOP_TITLE] = COLOR_CYAN,    [TOP_HEAD] = COLOR_CYAN,
		[TOP_GOOD] = COLOR_GREEN,    [TOP_WARN] = COLOR_YELLOW,
		[TOP_BAD] = COLOR_RED,       [TOP_UNMOVABLE] = COLOR_RED,
		[TOP_MOVABLE] = COLOR_BLUE,  [TOP_RECLAIMABLE] = COLOR_GREEN,
		[TOP_OTHER] = COLOR_MAGENTA,
	};

	for (int i = 0; i < TOP_NR_ATTRS; i++)
		attrs[i] = (int)A_NORMAL;
	attrs[TOP_TITLE] = attrs[TOP_BAD] = (int)A_BOLD;
	attrs[TOP_HEAD] = (int)(A_BOLD | A_UNDERLINE);
	if (!has_colors() || getenv("NO_COLOR") != NULL)
		return;
	start_color();
	use_default_colors();
	for (short i = 1; i < TOP_NR_ATTRS; i++) {
		init_pair(i, colours[i], -1);
		attrs[i] = (int)((chtype)attrs[i] | COLOR_PAIR(i));
	}
}

static void top_show(struct top *t, const int *attrs)
{
	int rows, columns;

	getmaxyx(stdscr, rows, columns);
	t->frame.height = rows > 1 ? (unsigned int)rows - 1 : 1;
	t->frame.width = (unsigned int)columns;
	top_status(t);
	top_draw(&t->frame, &t->view);
	erase();
	for (unsigned int i = 0; i < t->frame.nr; i++) {
		const struct top_line *l = &t->frame.lines[i];

		for (unsigned int c = 0; c < l->len && c < t->frame.width; c++)
			mvaddch((int)i, (int)c,
				(chtype)(unsigned char)l->text[c] | (chtype)attrs[l->attr[c]]);
	}
	attrset(A_REVERSE);
	mvaddnstr(rows - 1, 0,
		  t->session != NULL
			  ? " 1 all 2 caches 3 map 4 events  space pause  . step  + - speed  h "
			    "help  q quit"
			  : " 1 all 2 caches 4 events  space pause  s sort  h help  q quit",
		  columns);
	attrset(A_NORMAL);
	refresh();
}

/* The recorded time that is due by now is counted from here. */
static void top_pace(struct top *t)
{
	t->paced_ns = util_now_ns();
	t->paced_event = t->session != NULL ? top_recorded_ns(t) : 0;
}

static void top_faster(struct top *t, double factor)
{
	if (t->speed == 0)
		t->speed = TOP_SPEED_MAX;
	t->speed *= factor;
	if (t->speed > TOP_SPEED_MAX)
		t->speed = TOP_SPEED_MAX;
	if (t->speed < TOP_SPEED_MIN)
		t->speed = TOP_SPEED_MIN;
	top_pace(t);
}

static void top_scroll(struct top *t, int by)
{
	if (by < 0 && t->view.scroll < (unsigned int)-by)
		t->view.scroll = 0;
	else
		t->view.scroll += (unsigned int)by;
	if (t->view.scroll > TOP_MAX_CACHES)
		t->view.scroll = TOP_MAX_CACHES;
}

static void top_panel_key(struct top *t, enum top_panel panel)
{
	t->view.panel = panel;
	t->view.scroll = 0;
}

/* Keys that choose a panel, by number and by letter; false: another one. */
static bool top_choose_key(struct top *t, int key)
{
	static const char numbers[] = "1234", letters[] = "acme";
	const char *at = NULL;

	if (key > 0 && key < 128) {
		at = strchr(numbers, key);
		at = at != NULL ? at : strchr(letters, key);
	}
	if (at == NULL)
		return false;
	top_panel_key(t, (enum top_panel)(*at >= 'a' ? at - letters : at - numbers));
	return true;
}

/* Keys that have to do with time; false: another one. */
static bool top_time_key(struct top *t, int key)
{
	switch (key) {
	case ' ':
		t->paused = !t->paused;
		top_pace(t);
		return true;
	case '.':
	case KEY_RIGHT:
		if (t->session != NULL) {
			t->paused = true;
			top_step(t);
		}
		return true;
	case '+':
	case '=':
		top_faster(t, 2);
		return true;
	case '-':
		top_faster(t, 0.5);
		return true;
	case 'f':
		t->speed = 0;
		return true;
	default:
		return false;
	}
}

static void top_key(struct top *t, int key)
{
	if (top_time_key(t, key) || top_choose_key(t, key))
		return;
	switch (key) {
	case 'q':
	case 27:
		t->quit = true;
		break;
	case '\t':
		top_panel_key(t,
			      t->view.panel < TOP_PANEL_EVENTS ? t->view.panel + 1 : TOP_PANEL_ALL);
		break;
	case 'h':
	case '?':
		top_panel_key(t, t->view.panel == TOP_PANEL_HELP ? TOP_PANEL_ALL : TOP_PANEL_HELP);
		break;
	case 's':
		t->view.sort = (t->view.sort + 1) % TOP_NR_SORTS;
		break;
	case KEY_UP:
	case KEY_DOWN:
		top_scroll(t, key == KEY_UP ? -1 : 1);
		break;
	case KEY_PPAGE:
	case KEY_NPAGE:
		top_scroll(t, key == KEY_PPAGE ? -15 : 15);
		break;
	default:
		break;
	}
}

/* Play what is due, but no longer than until the next picture is. */
static void top_play(struct top *t, uint64_t until)
{
	while (!t->ended && !t->paused && util_now_ns() < until) {
		double due = (double)(util_now_ns() - t->paced_ns) * t->speed;

		if (t->speed != 0 && (double)(top_recorded_ns(t) - t->paced_event) >= due)
			return;
		top_step(t);
	}
}

static int top_loop(struct top *t, const int *attrs)
{
	uint64_t every = t->session != NULL ? TOP_FRAME_MS : (uint64_t)(t->args->delay * 1000);
	uint64_t due = 0;

	top_pace(t);
	while (!t->quit) {
		uint64_t now = util_now_ns();
		int key, wait;

		if (now >= due && (t->session != NULL || !t->paused || t->pictures == 0)) {
			due = now + every * 1000000;
			if (t->session != NULL)
				top_play(t, due - every * 500000);
			if (top_look(t) != CLI_OK)
				return CLI_FAILED;
		}
		top_show(t, attrs);
		if (t->args->iterations > 0 && t->pictures >= t->args->iterations)
			break;
		now = util_now_ns();
		wait = now < due ? (int)((due - now) / 1000000) + 1 : 0;
		timeout(t->session == NULL && t->paused ? 500 : wait);
		for (key = getch(); key != ERR; timeout(0), key = getch())
			top_key(t, key);
	}
	return CLI_OK;
}

static int top_terminal(struct top *t)
{
	int attrs[TOP_NR_ATTRS], status;
	SCREEN *screen;

	if (!isatty(STDOUT_FILENO)) {
		util_error("standard output is no terminal: use --batch");
		return CLI_FAILED;
	}
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL) {
		util_error("the terminal %s is not known: set TERM, or use --batch",
			   getenv("TERM") != NULL ? getenv("TERM") : "(TERM is not set)");
		return CLI_FAILED;
	}
	if (tigetstr("cup") == NULL) {
		endwin();
		delscreen(screen);
		util_error("the terminal %s cannot place its cursor: use --batch", getenv("TERM"));
		return CLI_FAILED;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	top_colours(attrs);
	status = top_loop(t, attrs);
	endwin();
	delscreen(screen);
	return status;
}

/* ---- the verb ---- */

static void top_name(struct top *t)
{
	char host[64] = "this machine";

	if (t->session != NULL) {
		snprintf(t->title, sizeof(t->title), "%.80s on %.80s", t->args->session.trace_path,
			 t->args->session.machine.map_path);
		return;
	}
	if (gethostname(host, sizeof(host) - 1) != 0)
		snprintf(host, sizeof(host), "this machine");
	snprintf(t->title, sizeof(t->title), "%s, from %.100s", host, t->args->proc);
}

static int top_run(struct top *t)
{
	int status;

	top_name(t);
	t->view.title = t->title;
	t->view.panel = t->args->panel;
	t->view.done = -1;
	t->speed = t->args->speed;
	if (t->session != NULL) {
		t->view.q = t->session->machine.q;
	} else {
		t->view.perf = top_perf_open(&t->view.no_perf);
		if (t->view.perf != NULL)
			t->view.no_perf = NULL;
	}
	status = t->args->batch ? top_batch(t) : top_terminal(t);
	if (t->view.perf != NULL)
		top_perf_close(t->view.perf);
	return status;
}

int top_main(int argc, char **argv)
{
	struct top_args args = {.delay = 1, .speed = 1, .proc = "/proc"};
	struct top *t;
	struct session s;
	int status;

	session_defaults(&args.session);
	if (argp_parse(&top_argp, argc, argv, 0, NULL, &args) != 0)
		return CLI_INPUT;
	args.session.progress = PROGRESS_NEVER;
	t = xcalloc(1, sizeof(*t));
	t->args = &args;
	if (args.session.trace_path == NULL) {
		status = top_run(t);
		free(t);
		return status;
	}
	status = session_open(&s, &args.session);
	if (status == CLI_OK) {
		t->session = &s;
		status = top_run(t);
		if (!t->ended) {
			s.limited = true; /* by will: that there are more events is no fault */
			session_end(&s);
		}
		if (status == CLI_OK)
			status = session_status(&s);
		session_close(&s);
	}
	free(args.map_path);
	free(t);
	return status;
}
