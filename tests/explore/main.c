/* SPDX-License-Identifier: MIT */
/*
 * The program: explore [--deep] [--table] [--weak] [--limits P:S:N] [CASE...]
 *
 * Prints a line for each case, as cmocka's programs do, or with --table a row for docs/reliability.md. With --deep the bounds are wide; with --weak each
 * acquire, release and fence of src/ is made relaxed in turn, and a case must notice. --limits sets others: P
 * preemptions, S stale loads (-1: all), N executions.
 * EXPLORE_SCHEDULE=CASE@SCHEDULE runs one schedule and says what happens in it.
 */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct explore_case *const lists[] = {cases_litmus, cases_pages, cases_slabs};
static const struct explore_case *explore_cases[EXPLORE_CASES]; /* all of them; NULL ends them */
static bool deep, table;
static struct explore_limits wished; /* executions 0: those of the cases */

static void cases_list(void)
{
	unsigned int n = 0;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (const struct explore_case *c = lists[i];
		     c->name != NULL && n < EXPLORE_CASES - 1; c++)
			explore_cases[n++] = c;
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Searches with --deep, one after the other until one is complete; then none that is narrower is needed. */
static const struct explore_limits deep_limits[] = {
	{-1, 1, 4000}, {2, 1, 4000}, {2, 0, 4000}, {1, 1, 4000}, {1, 0, 4000},
};

/* Search number @i of a case; false: there is none. */
static bool limits_of(const struct explore_case *c, unsigned int i, struct explore_limits *limits)
{
	bool asked = wished.executions != 0;

	if (deep && !asked && c->finds == NULL) {
		if (i < sizeof(deep_limits) / sizeof(deep_limits[0]))
			*limits = deep_limits[i];
		return i < sizeof(deep_limits) / sizeof(deep_limits[0]);
	}
	*limits = asked && c->finds == NULL ? wished : c->quick;
	return i == 0;
}

/* Runs searches until one is complete, or has failed. */
static void case_search(const struct explore_case *c, struct explore_limits *limits,
			struct explore_result *r)
{
	struct explore_limits next;

	*r = (struct explore_result){0};
	for (unsigned int i = 0; !r->failed && !r->complete && limits_of(c, i, &next); i++) {
		*limits = next;
		engine_run(c, limits, r);
	}
}

static const struct explore_case *case_find(const char *name, size_t n)
{
	for (size_t i = 0; explore_cases[i] != NULL; i++) {
		if (strlen(explore_cases[i]->name) == n &&
		    memcmp(explore_cases[i]->name, name, n) == 0)
			return explore_cases[i];
	}
	return NULL;
}

/* "bound" in words. */
static const char *limits_say(const struct explore_limits *l, char *to, size_t size)
{
	char bound[32] = "all orders";

	if (l->preemptions >= 0)
		snprintf(bound, sizeof(bound), "%d preemptions", l->preemptions);
	if (l->stale < 0)
		snprintf(to, size, "%s, any stale loads", bound);
	else
		snprintf(to, size, "%s, %d stale loads", bound, l->stale);
	return to;
}

static bool case_run(const struct explore_case *c)
{
	static struct explore_result r;
	double start = seconds();
	struct explore_limits limits;
	char said[64];
	bool ok;

	if (!table)
		printf("[ RUN      ] %s\n", c->name);
	fflush(stdout);
	case_search(c, &limits, &r);
	limits_say(&limits, said, sizeof(said));
	ok = c->finds != NULL ? r.failed && strstr(r.message, c->finds) != NULL : !r.failed;
	if (table && c->finds == NULL && ok) {
		printf("| %s | `%s` | %u | %s%s | %lu | %u |\n", c->place, c->name, c->nr_threads,
		       said, r.complete ? "" : ", not complete", r.executions, r.longest);
		return true;
	}
	printf("    %lu executions (%lu cut short), up to %u events; %s; %s; %.2f s\n",
	       r.executions, r.pruned, r.longest, said,
	       r.failed     ? "found"
	       : r.complete ? "complete"
			    : "NOT complete",
	       seconds() - start);
	if (r.failed)
		printf("    %s\n", r.message);
	if (r.failed && !ok)
		printf("    EXPLORE_SCHEDULE=%s@%s\n", c->name, r.schedule);
	if (!ok && !r.failed)
		printf("    expected to find: %s\n", c->finds);
	printf(ok ? "[       OK ] %s\n" : "[  FAILED  ] %s\n", c->name);
	fflush(stdout);
	return ok;
}

static int replay(const char *what)
{
	static struct explore_result r;
	const char *at = strchr(what, '@');
	const struct explore_case *c = at != NULL ? case_find(what, (size_t)(at - what)) : NULL;

	if (c == NULL) {
		fprintf(stderr, "explore: no case in %s\n", what);
		return 2;
	}
	engine_replay(c, at + 1, true, &r);
	printf("    %s\n", r.failed ? r.message : "it does not fail");
	return r.failed;
}

/* ---- weakened sites ---- */

/* Where the code of each site stands: "function file:line"; the innermost of inlined ones. */
static void sites_name(char (*name)[96])
{
	char command[64 + 24 * 64];

	for (unsigned int from = 0; from < explore_nr_sites; from += 64) {
		FILE *f;
		int at = snprintf(command, sizeof(command), "addr2line -s -f -p -e /proc/%d/exe",
				  getpid());

		for (unsigned int i = from; i < from + 64 && i < explore_nr_sites; i++)
			at += snprintf(command + at, sizeof(command) - (size_t)at, " %#lx",
				       (unsigned long)explore_site[i].pc - 1);
		f = popen(command, "r");
		for (unsigned int i = from; f != NULL && i < from + 64 && i < explore_nr_sites;
		     i++) {
			if (fgets(name[i], sizeof(name[i]), f) != NULL)
				name[i][strcspn(name[i], "\n")] = 0;
		}
		if (f != NULL)
			pclose(f);
	}
}

/* Whether a case has come by a site of the group that is weakened. */
static bool weak_reached(size_t number)
{
	for (unsigned int i = 0; i < explore_nr_sites; i++) {
		if (explore_site[i].group == explore_weak &&
		    (explore_site[i].reached[number / 8] >> number % 8 & 1) != 0)
			return true;
	}
	return false;
}

/* All cases with one group of sites weakened; says who notices. */
static bool weak_run(const char *name, struct explore_case const *const *cases)
{
	static struct explore_result r;
	struct explore_limits limits;
	unsigned long executions = 0;

	for (size_t i = 0; cases[i] != NULL; i++) {
		explore_number = (unsigned int)i;
		if (cases[i]->finds != NULL || !weak_reached(i))
			continue;
		case_search(cases[i], &limits, &r);
		executions += r.executions;
		if (r.failed) {
			printf("    %-52s found by %s, execution %lu: %.60s\n", name,
			       cases[i]->name, r.executions, r.message);
			return true;
		}
	}
	printf("    %-52s NOT found in %lu executions\n", name, executions);
	return false;
}

static int weak_all(struct explore_case const *const *cases)
{
	static char name[EXPLORE_SITES][96];
	static struct explore_result r;
	struct explore_limits limits;
	unsigned int groups = 0, found = 0;

	for (size_t i = 0; cases[i] != NULL; i++) { /* the sites are learned */
		explore_number = (unsigned int)i;
		case_search(cases[i], &limits, &r);
	}
	sites_name(name);
	for (unsigned int i = 0; i < explore_nr_sites; i++) {
		struct explore_site *s = &explore_site[i];

		/* The explorer's own code holds the port's fence, and cases their own protocols. */
		if (strstr(name[i], "case_") != NULL)
			continue;
		for (unsigned int k = 0; k < i && s->group == 0; k++) {
			if (strcmp(name[k], name[i]) == 0)
				s->group = explore_site[k].group;
		}
		if (s->group == 0)
			s->group = (uint16_t)++groups;
	}
	for (unsigned int g = 1; g <= groups; g++) {
		unsigned int i = 0;

		while (explore_site[i].group != g)
			i++;
		explore_weak = g;
		found += weak_run(name[i], cases);
		fflush(stdout);
	}
	explore_weak = 0;
	printf("    %u of %u weakened places are noticed\n", found, groups);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct explore_case *cases[EXPLORE_CASES];
	const char *schedule = getenv("EXPLORE_SCHEDULE");
	unsigned int nr = 0, failed = 0;
	bool weak = false;

	cases_list();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--deep") == 0)
			deep = true;
		else if (strcmp(argv[i], "--table") == 0)
			table = true;
		else if (strcmp(argv[i], "--weak") == 0)
			weak = true;
		else if (strcmp(argv[i], "--limits") == 0 && i + 1 < argc)
			sscanf(argv[++i], "%d:%d:%lu", &wished.preemptions, &wished.stale,
			       &wished.executions);
		else
			cases[nr++] = case_find(argv[i], strlen(argv[i]));
		if (nr != 0 && cases[nr - 1] == NULL) {
			fprintf(stderr, "explore: no case %s\n", argv[i]);
			return 2;
		}
	}
	if (schedule != NULL && schedule[0] != 0)
		return replay(schedule);
	if (nr == 0)
		memcpy(cases, explore_cases, sizeof(cases));
	if (weak)
		return weak_all(cases);
	for (size_t i = 0; cases[i] != NULL; i++)
		failed += !case_run(cases[i]);
	return failed != 0;
}
