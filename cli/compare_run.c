/* SPDX-License-Identifier: MIT */
/*
 * Runs of a comparison. Each is a process of its own: they share nothing, run side by side, and a machine
 * that breaks takes only its own row with it. The result comes back through a pipe.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <compare.h>

#define COMPARE_EVERY 1024 /* events between two looks for free blocks */
#define COMPARE_GRAIN ((uint64_t)1 << 20)

/* ---- in the child ---- */

struct compare_watch {
	struct engine_observer observer;
	struct session *s;
	struct compare_result *r;
	uint64_t allowed; /* refusals, before the run is given up */
	uint64_t refused;
	uint64_t first_ns;
	bool started;
};

static bool compare_any_huge(struct session *s)
{
	struct quarry_zone_info z;

	for (int nid = 0; nid < s->machine.nr_nodes; nid++) {
		for (int type = 0; type < QUARRY_NR_ZONES; type++) {
			if (!quarry_zone_info(s->machine.q, nid, (enum quarry_zone_type)type, &z))
				continue;
			for (int o = COMPARE_ORDER; o < QUARRY_NR_ORDERS; o++) {
				if (z.nr_free[o] > 0)
					return true;
			}
		}
	}
	return false;
}

static void compare_sample(void *ctx, const struct engine_moment *m)
{
	struct compare_watch *w = ctx;

	if (!w->started)
		w->first_ns = m->time_ns;
	w->started = true;
	if (w->r->first_no_huge_ns == COMPARE_NEVER && !compare_any_huge(w->s))
		w->r->first_no_huge_ns = util_since(w->first_ns, m->time_ns);
}

static void compare_refused(void *ctx, const struct engine_moment *m,
			    const struct engine_refused *refused)
{
	struct compare_watch *w = ctx;

	if (w->r->first_refused_ns == COMPARE_NEVER)
		w->r->first_refused_ns = util_since(w->first_ns, m->time_ns);
	if (refused->order >= COMPARE_ORDER && w->r->first_huge_refused_ns == COMPARE_NEVER)
		w->r->first_huge_refused_ns = util_since(w->first_ns, m->time_ns);
	w->refused++;
}

static void compare_zones(struct session *s, struct compare_result *r)
{
	struct quarry_zone_info z;
	uint64_t usable = 0;

	for (int nid = 0; nid < s->machine.nr_nodes; nid++) {
		for (int type = 0; type < QUARRY_NR_ZONES; type++) {
			if (!quarry_zone_info(s->machine.q, nid, (enum quarry_zone_type)type, &z))
				continue;
			r->free_pages += z.free;
			r->unmovable_blocks += z.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE];
			for (int o = COMPARE_ORDER; o < QUARRY_NR_ORDERS; o++) {
				r->free_blocks_huge += z.nr_free[o] << (o - COMPARE_ORDER);
				usable += (uint64_t)z.nr_free[o] << o;
			}
		}
	}
	r->unusable = r->free_pages > 0 ? (r->free_pages - usable) * 1000 / r->free_pages : 0;
}

static void compare_slabs(struct session *s, struct compare_result *r)
{
	struct kmem_cache *c = NULL;
	struct quarry_cache_info info;

	while ((c = quarry_kmem_cache_next(s->machine.q, c)) != NULL) {
		quarry_kmem_cache_info(s->machine.q, c, &info);
		r->slab_bytes += (uint64_t)info.pages * QUARRY_PAGE_SIZE;
		r->slab_active_bytes += (uint64_t)info.active_objs * info.object_size;
	}
}

static void compare_sum(struct session *s, struct compare_result *r)
{
	struct report report = {0};

	session_report(s, &report);
	r->complete = report_complete(&report);
	r->limited = s->limited;
	r->events = report.events;
	r->recorded_ns = report.recorded_ns;
	r->digest = report.digest;
	r->ram_bytes = s->machine.ram_bytes;
	r->nr_nodes = (uint64_t)s->machine.nr_nodes;
	r->nr_cpus = s->machine.nr_cpus;
	if (s->heap != NULL) {
		r->refused = heap_result(s->heap)->refused;
		r->live_bytes = heap_result(s->heap)->max_live_bytes;
		r->held_bytes = heap_result(s->heap)->max_held_bytes;
	} else {
		r->fallbacks = report.result->extfrag_ours;
		for (int i = 0; i < ENGINE_NR_REASONS; i++) {
			r->reasons[i] = report.result->reasons[i];
			r->refused += r->reasons[i];
		}
	}
	compare_zones(s, r);
	compare_slabs(s, r);
}

/* The run, given up after more than @allowed refusals. */
static void compare_child(const struct session_options *o, struct compare_result *r,
			  uint64_t allowed)
{
	struct session s;
	struct compare_watch w = {
		.observer = {.every_events = COMPARE_EVERY,
			     .sample = compare_sample,
			     .refused = compare_refused},
		.s = &s,
		.r = r,
	};

	memset(r, 0, sizeof(*r));
	r->first_refused_ns = r->first_huge_refused_ns = r->first_no_huge_ns = COMPARE_NEVER;
	r->status = session_open(&s, o);
	if (r->status != CLI_OK)
		return;
	w.observer.ctx = &w;
	if (s.engine != NULL)
		engine_set_observer(s.engine, &w.observer);
	while (session_step(&s)) {
		if (s.heap != NULL)
			w.refused = heap_result(s.heap)->refused;
		if (w.refused > allowed) {
			s.limited = true;
			break;
		}
	}
	session_end(&s);
	compare_sum(&s, r);
	r->status = session_status(&s);
	session_close(&s);
}

/* ---- in the parent ---- */

struct compare_process {
	pid_t pid; /* 0: none */
	int fd;
	struct compare_variant *v;
};

/* False: the host has no process to spare. */
static bool compare_start(struct compare_process *p, struct compare_variant *v, uint64_t allowed)
{
	struct compare_result r;
	int fds[2];

	if (pipe(fds) != 0)
		return false;
	fflush(stdout);
	fflush(stderr);
	p->pid = fork();
	if (p->pid < 0) {
		close(fds[0]);
		close(fds[1]);
		p->pid = 0;
		return false;
	}
	if (p->pid == 0) {
		ssize_t n;

		close(fds[0]);
		compare_child(&v->options, &r, allowed);
		n = write(fds[1], &r, sizeof(r));
		_exit(n == (ssize_t)sizeof(r) ? 0 : 1);
	}
	close(fds[1]);
	p->fd = fds[0];
	p->v = v;
	return true;
}

/* Wait for @p, whose result is then there. */
static void compare_reap(struct compare_process *p)
{
	struct compare_result r;
	size_t have = 0;
	int status;

	while (have < sizeof(r)) {
		ssize_t n = read(p->fd, (char *)&r + have, sizeof(r) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	close(p->fd);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	memset(&p->v->result, 0, sizeof(p->v->result));
	p->v->result.status = -1;
	if (have == sizeof(r))
		p->v->result = r;
	p->pid = 0;
}

static void compare_all(struct compare_variant *v, size_t n, unsigned int jobs, uint64_t allowed,
			struct progress *bar)
{
	struct compare_process *p = xcalloc(jobs, sizeof(*p));
	size_t started = 0, done = 0;

	/* In order, so the oldest is waited for first: the pipe holds what others have to say. */
	while (done < n) {
		while (started < n && started - done < jobs &&
		       compare_start(&p[started % jobs], &v[started], allowed))
			started++;
		if (started == done) {
			util_error("no process for variant %s: %s", v[done].name, strerror(errno));
			v[done].result.status = -1;
			started++;
		} else {
			compare_reap(&p[done % jobs]);
		}
		done++;
		if (bar != NULL)
			progress_update(bar, done, done);
	}
	free(p);
}

void compare_run(struct compare_variant *v, size_t n, unsigned int jobs, bool progress)
{
	struct progress bar;

	progress_start(&bar, "compare", "runs", n, progress ? PROGRESS_AUTO : PROGRESS_NEVER);
	compare_all(v, n, jobs, UINT64_MAX, &bar);
	progress_end(&bar);
}

/* ---- less memory ---- */

static int compare_lower(const void *a, const void *b)
{
	const struct machine_ram *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

uint64_t compare_cut(const struct session_options *o, uint64_t bytes, uint64_t *ram)
{
	struct machine m;
	uint64_t below = 0, cut = 0;

	if (machine_create(&o->machine, &m) != CLI_OK)
		return 0;
	if (ram != NULL)
		*ram = m.ram_bytes;
	qsort(m.ram, m.nr_ram, sizeof(m.ram[0]), compare_lower);
	for (size_t i = 0; i < m.nr_ram; i++) {
		uint64_t size = m.ram[i].end - m.ram[i].start;

		if (below + size >= bytes) {
			cut = m.ram[i].start + (bytes - below);
			break;
		}
		below += size;
		cut = m.ram[i].end;
	}
	machine_destroy(&m);
	return cut / COMPARE_GRAIN * COMPARE_GRAIN;
}

/* The variant @v is @base with less than @limit bytes of addresses. */
static void compare_limited(struct compare_variant *v, const struct compare_variant *base,
			    uint64_t limit)
{
	struct strbuf b = {0};

	*v = *base;
	strbuf_addf(&b, "%s%smem=%" PRIu64,
		    base->options.machine.cmdline != NULL ? base->options.machine.cmdline : "",
		    base->options.machine.cmdline != NULL ? " " : "", limit);
	v->cmdline = b.s;
	v->options.machine.cmdline = b.s;
	v->options.machine.quiet = true;
	v->options.progress = PROGRESS_NEVER;
}

static bool compare_runs(const struct compare_result *r, uint64_t allowed)
{
	return r->status == CLI_OK && r->complete && r->refused <= allowed;
}

uint64_t compare_least_ram(const struct compare_variant *base, uint64_t allowed, unsigned int jobs,
			   bool progress, uint64_t *limit)
{
	struct compare_variant *v = xcalloc(jobs, sizeof(*v));
	uint64_t high = compare_cut(&base->options, UINT64_MAX, NULL), low = 0, best = 0;
	struct progress bar;

	progress_start(&bar, "least RAM", "runs", 0, progress ? PROGRESS_AUTO : PROGRESS_NEVER);
	high = (high + COMPARE_GRAIN - 1) / COMPARE_GRAIN;
	compare_limited(&v[0], base, high * COMPARE_GRAIN);
	compare_all(v, 1, 1, allowed, &bar);
	free(v[0].cmdline);
	if (compare_runs(&v[0].result, allowed))
		best = v[0].result.ram_bytes;
	/* At low it does not run, at high it does. All jobs at once, each at its own part between. */
	while (best != 0 && high - low > 1) {
		uint64_t span = high - low, at[COMPARE_MAX_VARIANTS];
		unsigned int n = jobs < span - 1 ? jobs : (unsigned int)(span - 1);

		for (unsigned int i = 0; i < n; i++) {
			at[i] = low + span * (i + 1) / (n + 1);
			compare_limited(&v[i], base, at[i] * COMPARE_GRAIN);
		}
		compare_all(v, n, n, allowed, &bar);
		for (unsigned int i = 0; i < n; i++) {
			free(v[i].cmdline);
			if (compare_runs(&v[i].result, allowed) && at[i] < high) {
				high = at[i];
				best = v[i].result.ram_bytes;
			}
		}
		for (unsigned int i = 0; i < n; i++) {
			if (!compare_runs(&v[i].result, allowed) && at[i] > low && at[i] < high)
				low = at[i];
		}
	}
	progress_end(&bar);
	free(v);
	*limit = high * COMPARE_GRAIN;
	return best;
}
