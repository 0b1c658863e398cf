/* SPDX-License-Identifier: MIT */
/* quarry compare: one recording on several machines, and one table. */
#include <argp.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <compare.h>
#include <verbs.h>

enum {
	COMPARE_OPT_VARIANT = 'v',
	COMPARE_OPT_JOBS = 'j',
	COMPARE_OPT_JSON = 256,
	COMPARE_OPT_LEAST,
	COMPARE_OPT_ALLOWED,
};

static const struct argp_option compare_options[] = {
	{"variant", COMPARE_OPT_VARIANT, "NAME[: OPTIONS]", 0,
	 "A machine to compare: the same one with other options of quarry replay; or one of "
	 "half-ram, "
	 "two-nodes, no-grouping, no-arenas, watermarks, without OPTIONS. May be given several "
	 "times; "
	 "without it, all of those",
	 0},
	{"least-ram", COMPARE_OPT_LEAST, NULL, 0,
	 "Find the least RAM with which the recording runs, by cutting memory with mem=", 0},
	{"allow-refused", COMPARE_OPT_ALLOWED, "N", 0,
	 "With --least-ram: it runs if at most N requests are refused (0)", 0},
	{"jobs", COMPARE_OPT_JOBS, "N", 0, "Processes at once (CPUs of the host)", 0},
	{"json", COMPARE_OPT_JSON, NULL, 0, "Print one JSON object instead of the table", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

struct compare_args {
	struct session_options session;
	char *map_path; /* found beside the recording; NULL: given */
	const char *text[COMPARE_MAX_VARIANTS];
	size_t nr;
	uint64_t jobs, allowed;
	bool json, least_ram;
};

static void compare_number(struct argp_state *state, const char *option, const char *arg,
			   uint64_t low, uint64_t high, uint64_t *out)
{
	uint64_t n;

	if (!util_parse_u64(arg, &n) || n < low || n > high)
		argp_error(state, "--%s=%s: expected a number from %" PRIu64 " to %" PRIu64, option,
			   arg, low, high);
	else
		*out = n;
}

static void compare_end(struct argp_state *state, struct compare_args *a)
{
	if (session_complete(&a->session, state, &a->map_path) &&
	    (strcmp(a->session.trace_path, "-") == 0 ||
	     strcmp(a->session.machine.map_path, "-") == 0))
		argp_error(state, "standard input can be read only once: give files");
}

static error_t compare_parse(int key, char *arg, struct argp_state *state)
{
	struct compare_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->session;
		return 0;
	case COMPARE_OPT_VARIANT:
		if (a->nr == COMPARE_MAX_VARIANTS - 1)
			argp_error(state, "at most %d variants", COMPARE_MAX_VARIANTS - 1);
		else
			a->text[a->nr++] = arg;
		return 0;
	case COMPARE_OPT_JOBS:
		compare_number(state, "jobs", arg, 1, COMPARE_MAX_VARIANTS, &a->jobs);
		return 0;
	case COMPARE_OPT_ALLOWED:
		compare_number(state, "allow-refused", arg, 0, INT64_MAX, &a->allowed);
		return 0;
	case COMPARE_OPT_LEAST:
		a->least_ram = true;
		return 0;
	case COMPARE_OPT_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		session_take_trace(&a->session, state, arg);
		return 0;
	case ARGP_KEY_END:
		compare_end(state, a);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child compare_children[] = {
	{&session_argp, 0, "Of all variants:", 0},
	{NULL, 0, NULL, 0},
};

static const struct argp compare_argp = {
	.options = compare_options,
	.parser = compare_parse,
	.children = compare_children,
	.args_doc = "TRACE [--machine MAP]",
	.doc = "Replay a recording on several machines at once, and set the results side by side.\v"
	       "Each variant is a process of its own. The first row is the machine as given.\n\n"
	       "Example:\n"
	       "  quarry compare traces/k618-thp.kmt.zst --machine maps/vm-24g-2cpu.txt \\\n"
	       "      --variant half-ram --variant \"tight: --cmdline mem=512M\" \\\n"
	       "      --variant \"big slabs: --policy min_order=3\"\n\n"
	       "Exit status: 0, all variants ran to the end; 1, one did not; 2, trace, map, "
	       "variant "
	       "or an option is wrong.",
};

/* ---- variants ---- */

/* The words of @text, where quotes hold words together; the caller's. */
static char **compare_words(const char *text, size_t *nr)
{
	char **words = xcalloc(strlen(text) / 2 + 2, sizeof(*words));
	struct strbuf b = {0};

	*nr = 0;
	for (;;) {
		char quote = '\0';

		text += strspn(text, " \t");
		if (*text == '\0')
			break;
		b.len = 0;
		for (; *text != '\0' && (quote != '\0' || (*text != ' ' && *text != '\t'));
		     text++) {
			if (quote == '\0' && (*text == '"' || *text == '\''))
				quote = *text;
			else if (*text == quote)
				quote = '\0';
			else
				strbuf_add(&b, text, 1);
		}
		words[(*nr)++] = xstrndup(b.s != NULL ? b.s : "", b.len);
	}
	strbuf_free(&b);
	return words;
}

static error_t compare_parse_variant(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_INIT)
		state->child_inputs[0] = state->input;
	if (key == ARGP_KEY_ARG) {
		util_error("a variant has options only: %s is none", arg);
		return CLI_INPUT;
	}
	return key == ARGP_KEY_INIT ? 0 : ARGP_ERR_UNKNOWN;
}

/* "name: --option ..." */
static int compare_own(struct compare_variant *v, const char *text)
{
	const struct argp_child children[] = {{&session_argp, 0, NULL, 0}, {NULL, 0, NULL, 0}};
	const struct argp argp = {.parser = compare_parse_variant, .children = children};
	const char *colon = strchr(text, ':');
	char **argv;
	int status;

	v->name = xstrndup(text, (size_t)(colon - text));
	v->words = compare_words(colon + 1, &v->nr_words);
	argv = xcalloc(v->nr_words + 2, sizeof(*argv));
	argv[0] = v->name;
	memcpy(argv + 1, v->words, v->nr_words * sizeof(*argv));
	status = argp_parse(&argp, (int)v->nr_words + 1, argv, ARGP_NO_EXIT | ARGP_NO_HELP, NULL,
			    &v->options);
	free(argv);
	if (v->options.wrong)
		status = CLI_INPUT;
	if (status != 0)
		util_error("variant \"%s\" is wrong", text);
	return status != 0 ? CLI_INPUT : CLI_OK;
}

static const char *const compare_known[] = {"half-ram", "two-nodes", "no-grouping", "no-arenas",
					    "watermarks"};
#define COMPARE_NR_KNOWN (sizeof(compare_known) / sizeof(compare_known[0]))

static void compare_append(struct compare_variant *v, const char *parameter)
{
	const char *old = v->options.machine.cmdline;
	struct strbuf b = {0};

	strbuf_addf(&b, "%s%s%s", old != NULL ? old : "", old != NULL ? " " : "", parameter);
	v->cmdline = b.s;
	v->options.machine.cmdline = b.s;
}

static int compare_builtin(struct compare_variant *v, const char *name)
{
	static const char *const policies[] = {"grouping=off", "arenas=off",
					       "watermark_scale_factor=200"};
	char why[POLICY_WHY], parameter[40];
	uint64_t ram = 0;
	size_t i;

	for (i = 0; i < COMPARE_NR_KNOWN && strcmp(name, compare_known[i]) != 0; i++)
		;
	if (i == COMPARE_NR_KNOWN) {
		util_error("variant \"%s\": expected NAME: OPTIONS, or half-ram, two-nodes, "
			   "no-grouping, "
			   "no-arenas, watermarks",
			   name);
		return CLI_INPUT;
	}
	v->name = xstrdup(name);
	if (i == 0) {
		if (compare_cut(&v->options, UINT64_MAX, &ram) == 0)
			return CLI_INPUT;
		snprintf(parameter, sizeof(parameter), "mem=%" PRIu64,
			 compare_cut(&v->options, ram / 2, NULL));
		compare_append(v, parameter);
	} else if (i == 1) {
		compare_append(v, "numa=fake=2");
	} else {
		policy_parse(&v->options.policy, policies[i - 2], why);
		v->options.policy_text = policies[i - 2];
	}
	return CLI_OK;
}

static int compare_variants(const struct compare_args *a, struct compare_variant *v, size_t *nr)
{
	size_t n = a->nr > 0 ? a->nr : a->least_ram ? 0 : COMPARE_NR_KNOWN;

	v[0].name = xstrdup("as given");
	v[0].options = a->session;
	for (*nr = 1; *nr <= n; (*nr)++) {
		const char *text = a->nr > 0 ? a->text[*nr - 1] : compare_known[*nr - 1];
		int status;

		v[*nr].options = a->session;
		if (strchr(text, ':') != NULL)
			status = compare_own(&v[*nr], text);
		else
			status = compare_builtin(&v[*nr], text);
		v[*nr].options.progress = PROGRESS_NEVER;
		if (status != CLI_OK) {
			(*nr)++;
			return status;
		}
	}
	v[0].options.progress = PROGRESS_NEVER;
	return CLI_OK;
}

static void compare_free(struct compare_variant *v)
{
	for (size_t i = 0; i < v->nr_words; i++)
		free(v->words[i]);
	free(v->words);
	free(v->cmdline);
	free(v->name);
}

/* ---- output ---- */

/* "never", or seconds. */
static const char *compare_when(uint64_t ns, char *buf, size_t size)
{
	if (ns == COMPARE_NEVER)
		snprintf(buf, size, "never");
	else
		snprintf(buf, size, "%.3f s", (double)ns / 1e9);
	return buf;
}

static void compare_row(const struct compare_variant *v)
{
	const struct compare_result *r = &v->result;
	char first[24], huge[24], none[24];

	if (r->status < 0 || r->events == 0) {
		printf("%-18.18s did not run\n", v->name);
		return;
	}
	printf("%-18.18s %8" PRIu64 " %2" PRIu64 "/%-3" PRIu64 " %9" PRIu64
	       " %11s %11s %11s %7" PRIu64 " %5.1f%% %6" PRIu64 " %7" PRIu64 " %5.1f%%%s\n",
	       v->name, r->ram_bytes >> 20, r->nr_nodes, r->nr_cpus, r->refused,
	       compare_when(r->first_refused_ns, first, sizeof(first)),
	       compare_when(r->first_huge_refused_ns, huge, sizeof(huge)),
	       compare_when(r->first_no_huge_ns, none, sizeof(none)),
	       r->free_pages * QUARRY_PAGE_SIZE >> 20, (double)r->unusable / 10, r->fallbacks,
	       r->slab_bytes >> 10,
	       r->slab_bytes > 0 ? 100.0 * (double)r->slab_active_bytes / (double)r->slab_bytes : 0,
	       r->complete ? "" : "  INCOMPLETE");
}

static void compare_table(const struct compare_args *a, const struct compare_variant *v, size_t n)
{
	printf("Comparison of %s on %s: %" PRIu64 " events of %.1f s\n\n", a->session.trace_path,
	       a->session.machine.map_path, v[0].result.events,
	       (double)v[0].result.recorded_ns / 1e9);
	printf("%-18s %8s %6s %9s %11s %11s %11s %7s %6s %6s %7s %6s\n", "", "RAM", "nodes/",
	       "refused", "first", "order 9", "no order 9", "free", "un-", "mixed", "slabs",
	       "slab");
	printf("%-18s %8s %6s %9s %11s %11s %11s %7s %6s %6s %7s %6s\n", "variant", "MiB", "CPUs",
	       "requests", "refused", "refused", "block free", "MiB", "usable", "types", "KiB",
	       "effic.");
	for (size_t i = 0; i < n; i++)
		compare_row(&v[i]);
	puts("\nunusable: of the free pages, those in blocks below order 9. no order 9 block free: "
	     "seen every "
	     "1024\nevents. mixed types: requests served from a pageblock of another type. slab "
	     "effic.: "
	     "bytes of objects\nin use over bytes of slabs.");
}

static void compare_set(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, n == COMPARE_NEVER ? json_null() : json_integer((json_int_t)n));
}

static json_t *compare_json_one(const struct compare_variant *v)
{
	const struct compare_result *r = &v->result;
	json_t *o = json_object(), *reasons = json_object();
	char digest[17];

	snprintf(digest, sizeof(digest), "%016" PRIx64, r->digest);
	json_object_set_new(o, "name", json_string(v->name));
	json_object_set_new(o, "map", json_string(v->options.machine.map_path));
	json_object_set_new(
		o, "command_line",
		json_string(v->options.machine.cmdline != NULL ? v->options.machine.cmdline : ""));
	json_object_set_new(
		o, "policy",
		json_string(v->options.policy_text != NULL ? v->options.policy_text : ""));
	json_object_set_new(o, "status", json_integer(r->status));
	json_object_set_new(o, "complete", json_boolean(r->complete));
	json_object_set_new(o, "digest", json_string(digest));
	compare_set(o, "events", r->events);
	compare_set(o, "ram_bytes", r->ram_bytes);
	compare_set(o, "nr_nodes", r->nr_nodes);
	compare_set(o, "nr_cpus", r->nr_cpus);
	compare_set(o, "refused", r->refused);
	for (unsigned int i = 1; i < ENGINE_NR_REASONS; i++)
		compare_set(reasons, engine_reason_name(i), r->reasons[i]);
	json_object_set_new(o, "reasons", reasons);
	compare_set(o, "first_refused_ns", r->first_refused_ns);
	compare_set(o, "first_order9_refused_ns", r->first_huge_refused_ns);
	compare_set(o, "first_no_order9_block_ns", r->first_no_huge_ns);
	compare_set(o, "free_pages", r->free_pages);
	compare_set(o, "free_order9_blocks", r->free_blocks_huge);
	compare_set(o, "unusable_order9_per_mille", r->unusable);
	compare_set(o, "extfrag", r->fallbacks);
	compare_set(o, "unmovable_pageblocks", r->unmovable_blocks);
	compare_set(o, "slab_bytes", r->slab_bytes);
	compare_set(o, "slab_active_bytes", r->slab_active_bytes);
	compare_set(o, "max_live_bytes", r->live_bytes);
	compare_set(o, "max_held_bytes", r->held_bytes);
	return o;
}

static int compare_json(const struct compare_args *a, const struct compare_variant *v, size_t n,
			uint64_t least)
{
	json_t *o = json_object(), *variants = json_array();
	int err;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(variants, compare_json_one(&v[i]));
	json_object_set_new(o, "trace", json_string(a->session.trace_path));
	json_object_set_new(o, "variants", variants);
	if (a->least_ram)
		json_object_set_new(o, "least_ram_bytes",
				    least > 0 ? json_integer((json_int_t)least) : json_null());
	err = json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
	return err == 0 ? CLI_OK : CLI_FAILED;
}

static void compare_least_text(const struct compare_args *a, uint64_t least, uint64_t limit)
{
	if (least > 0)
		printf("\nLeast RAM with which it runs, with at most %" PRIu64
		       " requests refused: %" PRIu64 " MiB, by mem=%" PRIu64 "M.\n",
		       a->allowed, least >> 20, limit >> 20);
	else
		printf("\nEven with all RAM more than %" PRIu64 " requests are refused.\n",
		       a->allowed);
}

/* ---- the verb ---- */

static int compare_all_of(const struct compare_args *a, struct compare_variant *v, size_t n)
{
	bool bar = !a->json && a->session.progress != PROGRESS_NEVER;
	int status = CLI_OK, err = CLI_OK;
	uint64_t least = 0, limit = 0;

	compare_run(v, n, (unsigned int)a->jobs, bar);
	for (size_t i = 0; i < n; i++) {
		if (v[i].result.status != CLI_OK) {
			util_error("variant %s did not run to its end", v[i].name);
			status = v[i].result.status == CLI_INPUT ? CLI_INPUT : CLI_FAILED;
		}
	}
	if (a->least_ram && v[0].result.status == CLI_OK)
		least = compare_least_ram(&v[0], a->allowed, (unsigned int)a->jobs, bar, &limit);
	if (a->json) {
		err = compare_json(a, v, n, least);
	} else {
		compare_table(a, v, n);
		if (a->least_ram)
			compare_least_text(a, least, limit);
	}
	return status != CLI_OK ? status : err;
}

int compare_main(int argc, char **argv)
{
	struct compare_args args = {0};
	struct compare_variant *v = xcalloc(COMPARE_MAX_VARIANTS, sizeof(*v));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = 0;
	int status;

	session_defaults(&args.session);
	/* Variants are other machines than the recorded one: all start alike. */
	args.session.empty_start = true;
	args.jobs = cpus > 0 && cpus <= COMPARE_MAX_VARIANTS ? (uint64_t)cpus : 1;
	if (argp_parse(&compare_argp, argc, argv, 0, NULL, &args) != 0) {
		free(v);
		return CLI_INPUT;
	}
	status = compare_variants(&args, v, &n);
	if (status == CLI_OK)
		status = compare_all_of(&args, v, n);
	for (size_t i = 0; i < n; i++)
		compare_free(&v[i]);
	free(v);
	free(args.map_path);
	return status;
}
