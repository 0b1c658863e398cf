/* SPDX-License-Identifier: MIT */
/* quarry selftest: the library's self-test, on a machine with real memory or on a simulated one. */
#include <argp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <machine.h>
#include <quarry/selftest.h>
#include <util.h>
#include <verbs.h>

#define SELFTEST_RAM ((uint64_t)64 << 20)
#define SELFTEST_RAM_LEAST ((uint64_t)2 << 20)
#define SELFTEST_RAM_MOST ((uint64_t)1 << 40)
#define SELFTEST_MAX_THREADS 256u

enum {
	SELFTEST_OPT_RAM = 256,
	SELFTEST_OPT_SEED,
};

struct selftest_args {
	const char *filter;
	struct machine_options machine;
	uint64_t ram_bytes, rounds, seed;
	bool list;
};

/* A machine by either way. */
struct selftest_bed {
	struct machine machine;
	struct quarry *own;
	struct quarry *q;
	unsigned int nr_cpus;
	struct quarry_selftest_env env;
};

struct selftest_thread {
	pthread_t thread;
	struct quarry_selftest_env env;
	unsigned int rounds, failures;
};

static void selftest_print(void *ctx, const char *line)
{
	(void)ctx;
	puts(line);
}

static void selftest_relax(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static const struct argp_option selftest_options[] = {
	{"machine", 'm', "MAP", 0, "Test the simulated machine of this memory map", 0},
	{"ram", SELFTEST_OPT_RAM, "SIZE", 0, "Without a map: bytes of real memory (64M)", 0},
	{"cpus", 'c', "N", 0, "CPUs of the machine, and threads of the stress", 0},
	{"stress", 's', "N", 0,
	 "Afterwards N rounds of stress on all CPUs at once (2000 steps each)", 0},
	{"seed", SELFTEST_OPT_SEED, "N", 0, "Of all random choices (1)", 0},
	{"list", 'l', NULL, 0, "Only say which tests there are", 0},
	{0},
};

static void selftest_number(struct argp_state *state, const char *option, const char *arg,
			    uint64_t least, uint64_t most, uint64_t *out)
{
	if (!util_parse_size(arg, out) || *out < least || *out > most)
		argp_error(state, "--%s=%s: expected a number from %llu to %llu", option, arg,
			   (unsigned long long)least, (unsigned long long)most);
}

static error_t selftest_parse(int key, char *arg, struct argp_state *state)
{
	struct selftest_args *a = state->input;
	uint64_t n;

	switch (key) {
	case 'm':
		a->machine.map_path = arg;
		return 0;
	case 'c':
		selftest_number(state, "cpus", arg, 1, SELFTEST_MAX_THREADS, &n);
		a->machine.nr_cpus = (unsigned int)n;
		return 0;
	case 's':
		selftest_number(state, "stress", arg, 1, 1000000, &a->rounds);
		return 0;
	case 'l':
		a->list = true;
		return 0;
	case SELFTEST_OPT_RAM:
		selftest_number(state, "ram", arg, SELFTEST_RAM_LEAST, SELFTEST_RAM_MOST,
				&a->ram_bytes);
		return 0;
	case SELFTEST_OPT_SEED:
		selftest_number(state, "seed", arg, 0, ~(uint64_t)0, &a->seed);
		return 0;
	case ARGP_KEY_ARG:
		if (a->filter != NULL)
			argp_error(state, "one FILTER only: %s is one too many", arg);
		a->filter = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp selftest_argp = {
	.options = selftest_options,
	.parser = selftest_parse,
	.args_doc = "[FILTER]",
	.doc = "Run the library's self-test, one line a test, as TAP has it.\v"
	       "FILTER is a row of the hierarchy (P2), the letter of a layer (B bootmem, M "
	       "memblock, "
	       "P pages, S slab, X all of them), 2b for what goes beyond, or a part of a test's "
	       "name.\n\n"
	       "Exit status: 0, all passed; 1, a test failed or the host lacks memory; 2, an "
	       "option "
	       "or the map is wrong.",
};

static void selftest_report(void *ctx, const char *line)
{
	(void)ctx;
	printf("# report: %s\n", line);
}

/* A machine with memory that really exists. */
static int selftest_boot_real(const struct selftest_args *a, struct selftest_bed *bed)
{
	const struct quarry_posix_options options = {
		.ram_bytes = (size_t)a->ram_bytes & ~(QUARRY_PAGE_SIZE - 1),
		.concurrent = a->rounds != 0,
		.report = selftest_report,
	};
	struct quarry_boot_params params = {.nr_cpus = a->machine.nr_cpus};

	if (params.nr_cpus == 0)
		params.nr_cpus = 2;
	bed->own = quarry_posix_new(&options);
	if (bed->own == NULL || quarry_memblock_add(bed->own, 0, options.ram_bytes) != 0 ||
	    quarry_boot(bed->own, &params) != 0) {
		util_error("no memory for a machine of %llu bytes",
			   (unsigned long long)a->ram_bytes);
		quarry_posix_delete(bed->own);
		return CLI_FAILED;
	}
	bed->q = bed->own;
	bed->nr_cpus = params.nr_cpus;
	return CLI_OK;
}

static int selftest_boot(const struct selftest_args *a, struct selftest_bed *bed)
{
	struct machine_options o = a->machine;
	int status;

	if (o.map_path == NULL)
		return selftest_boot_real(a, bed);
	o.concurrent = a->rounds != 0;
	o.report = selftest_report;
	status = machine_create(&o, &bed->machine);
	if (status != CLI_OK)
		return status;
	bed->q = bed->machine.q;
	bed->nr_cpus = bed->machine.nr_cpus;
	if (bed->nr_cpus > SELFTEST_MAX_THREADS)
		bed->nr_cpus = SELFTEST_MAX_THREADS;
	bed->env.no_access = true;
	return CLI_OK;
}

static void *selftest_thread(void *arg)
{
	struct selftest_thread *th = arg;

	quarry_posix_set_cpu(th->env.cpu);
	th->failures = quarry_selftest_stress(&th->env, th->rounds);
	return NULL;
}

/* All threads meet in every round, so none may be missing. */
static int selftest_start(struct selftest_thread *threads, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		int err = pthread_create(&threads[i].thread, NULL, selftest_thread, &threads[i]);

		if (err != 0) {
			util_error("thread %u of %u: %s", i + 1, nr, strerror(err));
			exit(CLI_FAILED);
		}
	}
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].thread, NULL);
	return threads[0].failures == 0 ? CLI_OK : CLI_FAILED;
}

/* How often CPUs found the lock of an arena taken. */
static unsigned long long selftest_contended(struct quarry *q)
{
	struct quarry_totals totals;
	unsigned long long n = 0;

	quarry_totals(q, &totals);
	for (int i = 0; i < totals.nr_nodes * QUARRY_NR_ZONES; i++) {
		struct quarry_zone_info info;

		if (quarry_zone_info(q, i / QUARRY_NR_ZONES,
				     (enum quarry_zone_type)(i % QUARRY_NR_ZONES), &info))
			n += info.contended;
	}
	return n;
}

static int selftest_stress(const struct selftest_args *a, struct selftest_bed *bed)
{
	struct selftest_thread *threads = xcalloc(bed->nr_cpus, sizeof(*threads));
	struct quarry_selftest_stress shared = {0};
	int status;

	for (unsigned int i = 0; i < bed->nr_cpus; i++) {
		threads[i].env = bed->env;
		threads[i].env.cpu = i;
		threads[i].env.stress = &shared;
		threads[i].rounds = (unsigned int)a->rounds;
	}
	status = selftest_start(threads, bed->nr_cpus);
	printf("%s - stress: %u CPUs, %u rounds, %u steps, %u requests refused, %llu locks found "
	       "taken\n",
	       status == CLI_OK ? "ok" : "not ok", bed->nr_cpus, threads[0].rounds, shared.steps,
	       shared.refused, selftest_contended(bed->q));
	free(threads);
	return status;
}

static int selftest_run(const struct selftest_args *a)
{
	struct selftest_bed bed = {.q = NULL};
	unsigned int failed;
	int status = selftest_boot(a, &bed);

	if (status != CLI_OK)
		return status;
	bed.env.q = bed.q;
	bed.env.print = selftest_print;
	bed.env.relax = selftest_relax;
	bed.env.nr_cpus = bed.nr_cpus;
	bed.env.seed = a->seed;
	bed.env.scratch_bytes = QUARRY_SELFTEST_SCRATCH;
	if (posix_memalign(&bed.env.scratch, QUARRY_PAGE_SIZE, bed.env.scratch_bytes) != 0)
		bed.env.scratch = NULL;
	quarry_posix_set_cpu(0);
	failed = quarry_selftest(&bed.env, a->filter);
	status = failed == 0 ? CLI_OK : CLI_FAILED;
	if (a->rounds != 0 && selftest_stress(a, &bed) != CLI_OK)
		status = CLI_FAILED;
	free(bed.env.scratch);
	if (bed.own != NULL)
		quarry_posix_delete(bed.own);
	else
		machine_destroy(&bed.machine);
	return status;
}

int selftest_main(int argc, char **argv)
{
	const struct quarry_selftest_env said = {.print = selftest_print}, silent = {.q = NULL};
	struct selftest_args a = {.ram_bytes = SELFTEST_RAM, .seed = 1};

	if (argp_parse(&selftest_argp, argc, argv, 0, NULL, &a) != 0)
		return CLI_INPUT;
	if (quarry_selftest_list(a.list ? &said : &silent, a.filter) == 0) {
		util_error("no test fits \"%s\"; quarry selftest --list names all", a.filter);
		return CLI_INPUT;
	}
	return a.list ? CLI_OK : selftest_run(&a);
}
