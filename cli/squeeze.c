/* SPDX-License-Identifier: MIT */
/*
 * quarry pressure: asks a machine that is full of page cache for blocks until it has no more to give.
 *
 * Requests	of each order, as GFP_KERNEL, GFP_ATOMIC and movable ones, at random: most are movable, as
 *		user memory is, and small orders come more often, so that each order asks for as many
 *		pages. Nothing is freed. A kind that was refused SQUEEZE_PATIENCE times in a row is not
 *		asked for again; the end is when all are.
 *
 * Served	at once: neither reclaim nor compaction was needed; after reclaim: the request reclaimed
 *		in its own time; after compaction: a block was made for it, whatever came before.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <quarry/vmstat.h>

#include <engine.h>
#include <engine_places.h>
#include <pressure.h>
#include <progress.h>
#include <refusal.h>
#include <verbs.h>

#define SQUEEZE_PATIENCE 16u
#define SQUEEZE_MAX_GROUPS 10u

enum {
	SQUEEZE_OPT_CACHE = 256,
	SQUEEZE_OPT_PINNED,
	SQUEEZE_OPT_SEED,
	SQUEEZE_OPT_RATE,
	SQUEEZE_OPT_CMDLINE,
	SQUEEZE_OPT_JSON,
	SQUEEZE_OPT_PROGRESS,
	SQUEEZE_OPT_NO_PROGRESS,
};

static const struct argp_option squeeze_options[] = {
	{"page-cache", SQUEEZE_OPT_CACHE, "SIZE", 0,
	 "File pages in memory at the start: bytes, a share (50%), or fill: all that is free "
	 "(fill)",
	 0},
	{"no-compaction", SQUEEZE_OPT_PINNED, NULL, 0, "No page can be moved", 0},
	{"order", 'o', "LIST", 0, "Orders to ask for (0,3,9)", 0},
	{"rate", SQUEEZE_OPT_RATE, "N", 0, "File pages that are read after each request (1)", 0},
	{"seed", SQUEEZE_OPT_SEED, "N", 0, "Of all random choices (1)", 0},
	{"cpus", 'c', "N", 0, "CPUs of the machine", 0},
	{"cmdline", SQUEEZE_OPT_CMDLINE, "TEXT", 0,
	 "Kernel parameters, such as \"mem=400M\"; see quarry(1)", 0},
	{"json", SQUEEZE_OPT_JSON, NULL, 0, "Print one JSON object instead of the report", 0},
	{"no-progress", SQUEEZE_OPT_NO_PROGRESS, NULL, 0, "No progress bar", 0},
	{"progress", SQUEEZE_OPT_PROGRESS, NULL, 0,
	 "A progress bar even if standard error is no terminal, and leave it there", 0},
	{0},
};

static const struct {
	const char *name;
	gfp_t gfp;
	unsigned int share; /* how often, in relation to the others */
} squeeze_kinds[] = {
	{"GFP_KERNEL", GFP_KERNEL, 1},
	{"GFP_ATOMIC", GFP_ATOMIC, 1},
	{"GFP_HIGHUSER_MOVABLE", GFP_HIGHUSER_MOVABLE, 6},
};

#define SQUEEZE_NR_KINDS (sizeof(squeeze_kinds) / sizeof(squeeze_kinds[0]))

struct squeeze_args {
	struct machine_options machine;
	struct pressure_options pressure;
	unsigned int orders; /* bit o: order o is asked for */
	enum progress_mode progress;
	bool json;
};

/* What became of the requests of one order and kind. */
struct squeeze_class {
	unsigned int order, kind;
	uint64_t asked, at_once, reclaimed, compacted, refused;
	unsigned int in_vain; /* refusals in a row */
};

/* Refusals of one class for one reason. */
struct squeeze_group {
	const struct squeeze_class *class;
	unsigned int reason;
	uint64_t count, first;
	char *text;
};

struct squeeze {
	const struct squeeze_args *args;
	struct machine machine;
	struct pressure pressure;
	struct squeeze_class class[QUARRY_NR_ORDERS * SQUEEZE_NR_KINDS];
	unsigned int nr_classes;
	struct squeeze_group group[SQUEEZE_MAX_GROUPS];
	unsigned int nr_groups;
	uint64_t other_refusals; /* of groups beyond */
	struct engine_places places;
	struct idmap blocks;
	uint64_t random, requests, held, faults;
};

/* ---- options ---- */

static void squeeze_number(struct argp_state *state, const char *option, const char *arg,
			   uint64_t least, uint64_t most, uint64_t *out)
{
	if (!util_parse_u64(arg, out) || *out < least || *out > most)
		argp_error(state, "--%s=%s: expected a number from %" PRIu64 " to %" PRIu64, option,
			   arg, least, most);
}

static void squeeze_orders(struct argp_state *state, const char *arg, unsigned int *orders)
{
	const char *s = arg;
	uint64_t order;

	for (*orders = 0;; s++) {
		if (!util_scan_dec(&s, &order) || order > QUARRY_MAX_ORDER ||
		    (*s != ',' && *s != '\0')) {
			argp_error(state, "--order=%s: expected orders from 0 to %d, such as 0,3,9",
				   arg, QUARRY_MAX_ORDER);
			return;
		}
		*orders |= 1u << order;
		if (*s == '\0')
			return;
	}
}

static error_t squeeze_parse_map(int key, char *arg, struct argp_state *state,
				 struct machine_options *m)
{
	uint64_t n = 0;

	switch (key) {
	case 'c':
		squeeze_number(state, "cpus", arg, 1, QUARRY_MAX_CPUS, &n);
		m->nr_cpus = (unsigned int)n;
		return 0;
	case SQUEEZE_OPT_CMDLINE:
		m->cmdline = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (m->map_path != NULL)
			argp_error(state, "one MAP only: %s is one too many", arg);
		m->map_path = arg;
		return 0;
	case ARGP_KEY_END:
		if (m->map_path == NULL)
			argp_error(state, "which MAP? For example: quarry pressure "
					  "maps/qemu-512m-1node.boot.txt");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t squeeze_parse(int key, char *arg, struct argp_state *state)
{
	struct squeeze_args *a = state->input;
	uint64_t n = 0;

	switch (key) {
	case SQUEEZE_OPT_CACHE:
		if (!pressure_parse(arg, &a->pressure))
			argp_error(state, PRESSURE_EXPECTED, arg);
		return 0;
	case SQUEEZE_OPT_PINNED:
		a->pressure.pinned = true;
		return 0;
	case SQUEEZE_OPT_RATE:
		squeeze_number(state, "rate", arg, 0, 1000, &n);
		a->pressure.reads = (unsigned int)n;
		return 0;
	case SQUEEZE_OPT_SEED:
		squeeze_number(state, "seed", arg, 0, UINT64_MAX, &a->pressure.seed);
		return 0;
	case 'o':
		squeeze_orders(state, arg, &a->orders);
		return 0;
	case SQUEEZE_OPT_JSON:
		a->json = true;
		return 0;
	case SQUEEZE_OPT_PROGRESS:
		a->progress = PROGRESS_ALWAYS;
		return 0;
	case SQUEEZE_OPT_NO_PROGRESS:
		a->progress = PROGRESS_NEVER;
		return 0;
	default:
		return squeeze_parse_map(key, arg, state, &a->machine);
	}
}

static const struct argp squeeze_argp = {
	.options = squeeze_options,
	.parser = squeeze_parse,
	.args_doc = "MAP",
	.doc = "Fill a simulated machine with page cache, then ask it for blocks until there are "
	       "no "
	       "more, and tell what served them: free memory, reclaim, compaction, or nothing, and "
	       "why.\v"
	       "MAP is what quarry boot takes. Nothing that was asked for is freed. The same "
	       "machine, options and seed give the same result.\n\n"
	       "Exit status: 0, done; 1, the host lacks memory; 2, the map or an option is wrong.",
};

/* ---- the requests ---- */

static void squeeze_add_classes(struct squeeze *s)
{
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
		for (unsigned int k = 0; (s->args->orders >> o & 1) != 0 && k < SQUEEZE_NR_KINDS;
		     k++)
			s->class[s->nr_classes++] = (struct squeeze_class){.order = o, .kind = k};
	}
}

/* How often a class is asked for, in relation to others; 0: no longer. */
static uint64_t squeeze_weight(const struct squeeze_class *c)
{
	if (c->in_vain >= SQUEEZE_PATIENCE)
		return 0;
	return (uint64_t)squeeze_kinds[c->kind].share << (QUARRY_MAX_ORDER - c->order);
}

/* A class at random; NULL: the machine has nothing left for any. */
static struct squeeze_class *squeeze_pick(struct squeeze *s)
{
	uint64_t all = 0, at;

	for (unsigned int i = 0; i < s->nr_classes; i++)
		all += squeeze_weight(&s->class[i]);
	if (all == 0)
		return NULL;
	at = (pagecache_random(&s->random) >> 32) * all >> 32;
	for (unsigned int i = 0;; i++) {
		uint64_t weight = squeeze_weight(&s->class[i]);

		if (at < weight)
			return &s->class[i];
		at -= weight;
	}
}

static void squeeze_refused(struct squeeze *s, struct squeeze_class *c)
{
	struct quarry_refusal why;
	unsigned int reason, i;

	c->refused++;
	c->in_vain++;
	reason = quarry_explain(s->machine.q, &why) && why.nearest >= 0
			 ? (unsigned int)why.zones[why.nearest].reason
			 : (unsigned int)ENGINE_REASON_OTHER;
	for (i = 0; i < s->nr_groups; i++) {
		if (s->group[i].class == c && s->group[i].reason == reason)
			break;
	}
	if (i == SQUEEZE_MAX_GROUPS) {
		s->other_refusals++;
		return;
	}
	if (i == s->nr_groups)
		s->group[s->nr_groups++] =
			(struct squeeze_group){.class = c,
					       .reason = reason,
					       .first = s->requests,
					       .text = refusal_text(s->machine.q)};
	s->group[i].count++;
}

static uint64_t *squeeze_value(void *ctx, uint64_t request)
{
	struct squeeze *s = ctx;

	return &idmap_find(&s->blocks, request)->value;
}

/* The block is kept for good; a movable one can be moved. */
static void squeeze_keep(struct squeeze *s, const struct squeeze_class *c, struct page *page)
{
	uint64_t pfn = quarry_page_to_pfn(s->machine.q, page);
	struct idmap_slot *slot;

	s->held += (uint64_t)1 << c->order;
	if (s->places.mover == 0 || (squeeze_kinds[c->kind].gfp & __GFP_MOVABLE) == 0)
		return;
	slot = idmap_add(&s->blocks, s->requests);
	if (slot == NULL)
		return;
	slot->value = pfn << BLOCK_SHIFT | BLOCK_OURS | c->order;
	engine_places_add(&s->places, pfn, s->requests);
}

static void squeeze_request(struct squeeze *s, struct squeeze_class *c)
{
	struct pressure *p = &s->pressure;
	uint64_t reclaims = p->direct_runs, made;
	struct page *page;

	s->requests++;
	c->asked++;
	quarry_posix_set_cpu((unsigned int)(pagecache_random(&s->random) % s->machine.nr_cpus));
	made = quarry_vm_event(s->machine.q, QUARRY_VM_COMPACT_SUCCESS);
	page = quarry_alloc_pages(s->machine.q, squeeze_kinds[c->kind].gfp, c->order);
	if (page == NULL) {
		squeeze_refused(s, c);
		return;
	}
	c->in_vain = 0;
	if (quarry_vm_event(s->machine.q, QUARRY_VM_COMPACT_SUCCESS) != made)
		c->compacted++;
	else if (p->direct_runs != reclaims)
		c->reclaimed++;
	else
		c->at_once++;
	squeeze_keep(s, c, page);
}

static void squeeze_loop(struct squeeze *s)
{
	struct squeeze_class *c;
	struct quarry_totals totals;
	struct progress bar;

	quarry_totals(s->machine.q, &totals);
	progress_start(&bar, "pressure", "requests", totals.managed, s->args->progress);
	while ((c = squeeze_pick(s)) != NULL) {
		squeeze_request(s, c);
		pressure_step(&s->pressure);
		if (s->requests % 1024 == 0)
			progress_update(&bar, s->held, s->requests);
	}
	quarry_posix_set_cpu(0);
	if (s->args->progress == PROGRESS_ALWAYS) {
		bar.next_ns = 0;
		progress_update(&bar, s->held, s->requests);
		fputc('\n', stderr);
		bar.on_screen = false;
	}
	progress_end(&bar);
}

/* ---- the report ---- */

static void squeeze_title(FILE *out, const char *title)
{
	fprintf(out, "\n%s\n", title);
	for (size_t i = 0; i < strlen(title); i++)
		fputc('-', out);
	fputc('\n', out);
}

static void squeeze_text_refusals(FILE *out, const struct squeeze *s)
{
	squeeze_title(out, "Refused requests");
	if (s->nr_groups == 0)
		fputs("None.\n", out);
	for (unsigned int i = 0; i < s->nr_groups; i++) {
		const struct squeeze_group *g = &s->group[i];

		fprintf(out, "%9" PRIu64 " x order %u, %s: %s\n", g->count, g->class->order,
			squeeze_kinds[g->class->kind].name, engine_reason_text(g->reason));
		fprintf(out, "%12sfirst at request %" PRIu64 ":\n", "", g->first);
		refusal_print(out, 12, g->text);
	}
	if (s->other_refusals > 0)
		fprintf(out, "%9" PRIu64 " of other kinds\n", s->other_refusals);
}

static void squeeze_text(FILE *out, const struct squeeze *s)
{
	const struct machine *m = &s->machine;
	char ram[UTIL_SIZE_BUF], held[UTIL_SIZE_BUF];

	fprintf(out, "Pressure on  %s (%s of RAM, %d node%s, %u CPU%s), seed %" PRIu64 "\n",
		m->map.path, util_human_size(m->ram_bytes, ram), m->nr_nodes,
		m->nr_nodes > 1 ? "s" : "", m->nr_cpus, m->nr_cpus > 1 ? "s" : "",
		s->args->pressure.seed);
	if (s->args->machine.cmdline != NULL)
		fprintf(out, "             with %s\n", s->args->machine.cmdline);
	fprintf(out, "Done         %" PRIu64 " requests hold %s\n", s->requests,
		util_human_size(s->held * QUARRY_PAGE_SIZE, held));
	squeeze_title(out, "Requests: what served them");
	fprintf(out, "%-30s %9s %9s %14s %17s %9s\n", "", "asked", "at once", "after reclaim",
		"after compaction", "refused");
	for (unsigned int i = 0; i < s->nr_classes; i++) {
		const struct squeeze_class *c = &s->class[i];

		fprintf(out,
			"order %-3u %-20s %9" PRIu64 " %9" PRIu64 " %14" PRIu64 " %17" PRIu64
			" %9" PRIu64 "\n",
			c->order, squeeze_kinds[c->kind].name, c->asked, c->at_once, c->reclaimed,
			c->compacted, c->refused);
	}
	squeeze_title(out, "Memory pressure");
	pressure_text(out, &s->pressure, "request");
	squeeze_text_refusals(out, s);
}

static void squeeze_set(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer((json_int_t)v));
}

static json_t *squeeze_json_class(const struct squeeze_class *c)
{
	json_t *o = json_object();

	squeeze_set(o, "order", c->order);
	json_object_set_new(o, "gfp_flags", json_string(squeeze_kinds[c->kind].name));
	squeeze_set(o, "asked", c->asked);
	squeeze_set(o, "at_once", c->at_once);
	squeeze_set(o, "after_reclaim", c->reclaimed);
	squeeze_set(o, "after_compaction", c->compacted);
	squeeze_set(o, "refused", c->refused);
	return o;
}

static json_t *squeeze_json_group(const struct squeeze_group *g)
{
	json_t *o = json_object();

	squeeze_set(o, "order", g->class->order);
	json_object_set_new(o, "gfp_flags", json_string(squeeze_kinds[g->class->kind].name));
	json_object_set_new(o, "reason", json_string(engine_reason_name(g->reason)));
	squeeze_set(o, "count", g->count);
	squeeze_set(o, "first_request", g->first);
	json_object_set_new(o, "explanation", json_string(g->text != NULL ? g->text : ""));
	return o;
}

static int squeeze_json(FILE *out, const struct squeeze *s)
{
	json_t *o = json_object(), *classes = json_array(), *groups = json_array();
	int err;

	for (unsigned int i = 0; i < s->nr_classes; i++)
		json_array_append_new(classes, squeeze_json_class(&s->class[i]));
	for (unsigned int i = 0; i < s->nr_groups; i++)
		json_array_append_new(groups, squeeze_json_group(&s->group[i]));
	squeeze_set(o, "requests", s->requests);
	squeeze_set(o, "held_pages", s->held);
	squeeze_set(o, "damage_reports", s->faults);
	json_object_set_new(o, "classes", classes);
	json_object_set_new(o, "refusals", groups);
	json_object_set_new(o, "pressure", pressure_json(&s->pressure));
	err = json_dumpf(o, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(o);
	return err;
}

/* ---- the verb ---- */

static void squeeze_report(void *ctx, const char *line)
{
	struct squeeze *s = ctx;

	s->faults++;
	util_error("%s", line);
}

/* The machine is there. */
static int squeeze_machine(struct squeeze *s)
{
	int status = pressure_start(&s->pressure, &s->machine);

	if (status != CLI_OK)
		return status;
	idmap_init(&s->blocks);
	if (!s->args->pressure.pinned)
		engine_places_start(&s->places, s->machine.q, squeeze_value, s, NULL);
	s->random = ~s->args->pressure.seed;
	squeeze_add_classes(s);
	squeeze_loop(s);
	pressure_end(&s->pressure);
	if (!s->args->json)
		squeeze_text(stdout, s);
	else if (squeeze_json(stdout, s) != 0)
		status = CLI_FAILED;
	return s->faults == 0 ? status : CLI_FAILED;
}

int pressure_main(int argc, char **argv)
{
	struct squeeze_args a = {
		.orders = 1u << 0 | 1u << 3 | 1u << 9,
		.pressure = {.on = true,
			     .bytes = PAGECACHE_FILL,
			     .seed = 1,
			     .read_every = 1,
			     .reads = 1},
	};
	struct squeeze s = {.args = &a};
	int status;

	if (argp_parse(&squeeze_argp, argc, argv, 0, NULL, &a) != 0)
		return CLI_INPUT;
	if (a.json && a.progress == PROGRESS_AUTO)
		a.progress = PROGRESS_NEVER;
	pressure_init(&s.pressure, &a.pressure);
	a.machine.hooks = &s.pressure.hooks;
	a.machine.report = squeeze_report;
	a.machine.log_ctx = &s;
	status = machine_create(&a.machine, &s.machine);
	if (status != CLI_OK)
		return status;
	status = squeeze_machine(&s);
	machine_destroy(&s.machine);
	pressure_free(&s.pressure);
	engine_places_free(&s.places);
	idmap_free(&s.blocks);
	for (unsigned int i = 0; i < s.nr_groups; i++)
		free(s.group[i].text);
	return status;
}
