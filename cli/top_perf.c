/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own count of its allocators' events, on all CPUs: a counter of perf_event_open() for each tracepoint and
 * CPU. It needs tracefs, and root, CAP_PERFMON or kernel.perf_event_paranoid below 0.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <top.h>

#define PERF_MAX_CPUS 512

static const char *const perf_events[] = {
	"mm_page_alloc", "mm_page_free",     "mm_page_alloc_extfrag", "kmalloc",
	"kfree",         "kmem_cache_alloc", "kmem_cache_free",
};

#define PERF_NR_EVENTS (sizeof(perf_events) / sizeof(perf_events[0]))

struct top_perf {
	long nr_cpus;
	int fd[PERF_NR_EVENTS][PERF_MAX_CPUS]; /* -1: none */
};

static bool perf_id(const char *event, uint64_t *id)
{
	static const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	char path[128];

	for (size_t i = 0; i < 2; i++) {
		unsigned long long n;
		FILE *f;
		int got;

		snprintf(path, sizeof(path), "%s/events/kmem/%s/id", roots[i], event);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		got = fscanf(f, "%llu", &n);
		fclose(f);
		*id = n;
		if (got == 1)
			return true;
	}
	return false;
}

static int perf_open_event(uint64_t id, int cpu)
{
	struct perf_event_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.type = PERF_TYPE_TRACEPOINT;
	attr.size = sizeof(attr);
	attr.config = id;
	return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

struct top_perf *top_perf_open(const char **why)
{
	struct top_perf *p = xcalloc(1, sizeof(*p));
	bool any = false;

	memset(p->fd, -1, sizeof(p->fd));
	p->nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (p->nr_cpus > PERF_MAX_CPUS)
		p->nr_cpus = PERF_MAX_CPUS;
	*why = "no tracepoints kmem:* below /sys/kernel/tracing";
	for (size_t e = 0; e < PERF_NR_EVENTS; e++) {
		uint64_t id;

		if (!perf_id(perf_events[e], &id))
			continue;
		for (int cpu = 0; cpu < p->nr_cpus; cpu++) {
			p->fd[e][cpu] = perf_open_event(id, cpu);
			any |= p->fd[e][cpu] >= 0;
			if (p->fd[e][cpu] < 0)
				*why = errno == EACCES || errno == EPERM
					       ? "counting events needs root or CAP_PERFMON"
					       : "perf_event_open() does not work here";
		}
	}
	if (any)
		return p;
	free(p);
	return NULL;
}

void top_perf_close(struct top_perf *p)
{
	for (size_t e = 0; e < PERF_NR_EVENTS; e++) {
		for (int cpu = 0; cpu < p->nr_cpus; cpu++) {
			if (p->fd[e][cpu] >= 0)
				close(p->fd[e][cpu]);
		}
	}
	free(p);
}

bool top_perf_count(struct top_perf *p, unsigned int i, const char **name, uint64_t *count)
{
	if (i >= PERF_NR_EVENTS)
		return false;
	*name = perf_events[i];
	*count = 0;
	for (int cpu = 0; cpu < p->nr_cpus; cpu++) {
		uint64_t n;

		if (p->fd[i][cpu] >= 0 && read(p->fd[i][cpu], &n, sizeof(n)) == sizeof(n))
			*count += n;
	}
	return true;
}
