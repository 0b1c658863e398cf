/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <record.h>

#define RECORD_MAX_FILE ((size_t)16 << 20)

/* The events that a replay wants; without the needed ones there is nothing to replay. */
static const struct {
	const char *name;
	bool needed;
} record_events[] = {
	{"kmalloc", true},
	{"kmalloc_node", false}, /* before 6.1 */
	{"kfree", true},
	{"kmem_cache_alloc", true},
	{"kmem_cache_alloc_node", false}, /* before 6.1 */
	{"kmem_cache_free", true},
	{"mm_page_alloc", true},
	{"mm_page_free", true},
	{"mm_page_free_batched", false},
	{"mm_page_pcpu_drain", false},
	{"mm_page_alloc_extfrag", false},
};

#define RECORD_NR_EVENTS (sizeof(record_events) / sizeof(record_events[0]))

char *record_find(const char *name)
{
	const char *path = getenv("PATH");
	struct strbuf b = {0};

	if (strchr(name, '/') != NULL)
		return access(name, X_OK) == 0 ? xstrdup(name) : NULL;
	for (path = path != NULL ? path : "/usr/bin:/bin"; *path != '\0';) {
		size_t len = strcspn(path, ":");
		struct stat st;

		b.len = 0;
		strbuf_addf(&b, "%.*s/%s", len > 0 ? (int)len : 1, len > 0 ? path : ".", name);
		if (access(b.s, X_OK) == 0 && stat(b.s, &st) == 0 && S_ISREG(st.st_mode))
			return b.s;
		path += len;
		path += *path == ':';
	}
	strbuf_free(&b);
	return NULL;
}

/* Whether the tracepoint is there: 1, 0, or -1 if that cannot be seen. */
static int record_has_event(const char *tracefs, const char *name)
{
	struct strbuf b = {0};
	int there;

	strbuf_addf(&b, "%s/events/kmem/%s/format", tracefs, name);
	there = access(b.s, R_OK) == 0 ? 1 : errno == ENOENT ? 0 : -1;
	strbuf_free(&b);
	return there;
}

static const char *record_tracefs(const struct record_host *h)
{
	static const char *const usual[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

	if (h->tracefs != NULL)
		return h->tracefs;
	for (size_t i = 0; i < 2; i++) {
		if (record_has_event(usual[i], "kfree") == 1)
			return usual[i];
	}
	return usual[0];
}

/* Why no event can be seen below @tracefs. */
static void record_no_events(const char *tracefs)
{
	struct strbuf b = {0};

	strbuf_addf(&b, "%s/events/kmem", tracefs);
	if (access(tracefs, R_OK | X_OK) != 0 && errno == EACCES)
		util_error(
			"%s cannot be read: tracepoints need rights. Run it as root: sudo quarry "
			"record ...",
			tracefs);
	else if (access(tracefs, F_OK) != 0)
		util_error("%s is not there: this kernel has no tracing (CONFIG_FTRACE), or it is "
			   "hidden "
			   "from this container. Record on the host",
			   tracefs);
	else if (access(b.s, F_OK) != 0)
		util_error("%s is not there: tracefs is not mounted, or this kernel has no kmem "
			   "events. As "
			   "root: mount -t tracefs nodev %s",
			   b.s, tracefs);
	else
		util_error("%s cannot be read: run it as root: sudo quarry record ...", b.s);
	strbuf_free(&b);
}

static int record_check_events(struct record_host *h)
{
	const char *tracefs = record_tracefs(h);
	struct strbuf lacking = {0};
	int status = CLI_OK, seen = 0;

	for (size_t i = 0; i < RECORD_NR_EVENTS; i++) {
		int there = record_has_event(tracefs, record_events[i].name);

		seen += there == 1;
		if (there == 1)
			strbuf_addf(&h->events, "%skmem:%s", h->events.len > 0 ? "," : "",
				    record_events[i].name);
		else if (record_events[i].needed)
			strbuf_addf(&lacking, " %s", record_events[i].name);
	}
	if (seen == 0) {
		record_no_events(tracefs);
		status = CLI_FAILED;
	} else if (lacking.len > 0) {
		util_error("this kernel lacks events that a replay needs:%s", lacking.s);
		status = CLI_FAILED;
	}
	strbuf_free(&lacking);
	return status;
}

int record_check(struct record_host *h)
{
	h->perf_path = record_find(h->perf);
	if (h->perf_path == NULL) {
		util_error("%s: no such program. perf is in the package linux-perf (Debian), "
			   "linux-tools-generic (Ubuntu) or perf (Fedora)",
			   h->perf);
		return CLI_FAILED;
	}
	return record_check_events(h);
}

void record_host_free(struct record_host *h)
{
	free(h->perf_path);
	strbuf_free(&h->events);
}

/* All of @path into @out; false: it cannot be read. */
static bool record_read(const char *path, struct strbuf *out)
{
	size_t before = out->len;
	char buf[65536];
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	while (out->len - before < RECORD_MAX_FILE && (n = read(fd, buf, sizeof(buf))) > 0)
		strbuf_add(out, buf, (size_t)n);
	close(fd);
	return n >= 0;
}

void record_snapshot(const struct record_host *h, struct strbuf *out, unsigned int n,
		     const char *at, struct strbuf *missing)
{
	static const char *const files[] = {"slabinfo", "buddyinfo", "pagetypeinfo",
					    "zoneinfo", "meminfo",   "vmstat"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct strbuf path = {0}, text = {0};
		struct timespec ts;

		clock_gettime(CLOCK_MONOTONIC, &ts);
		strbuf_addf(&path, "%s/%s", h->proc, files[i]);
		if (record_read(path.s, &text) && text.len > 0) {
			strbuf_addf(out,
				    "@@SNAP n=%u mono_ns=%" PRIu64 " at=%s file=%s bytes=%zu\n", n,
				    (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec, at,
				    files[i], text.len);
			strbuf_add(out, text.s, text.len);
		} else {
			strbuf_addf(missing, " %s", path.s);
		}
		strbuf_free(&path);
		strbuf_free(&text);
	}
}

bool record_machine(const struct record_host *h, struct strbuf *out)
{
	struct strbuf path = {0}, text = {0}, cmdline = {0};
	bool good;

	strbuf_addf(&path, "%s/cmdline", h->proc);
	if (!record_read(path.s, &cmdline) || cmdline.len == 0)
		strbuf_addf(&cmdline, "(not known)\n");
	path.len = 0;
	strbuf_addf(&path, "%s/iomem", h->proc);
	good = record_read(path.s, &text) && text.len > 0 && strstr(text.s, "System RAM") != NULL;
	/* Without rights every address reads as 0. */
	for (const char *s = good ? text.s : NULL; s != NULL && (s = strstr(s, "System RAM"));
	     s++) {
		const char *line = s;

		while (line > text.s && line[-1] != '\n')
			line--;
		if (strspn(line, " 0-") >= (size_t)(strchr(line, ':') - line))
			good = false;
	}
	if (good)
		strbuf_addf(out,
			    "# The recorded machine: /proc/iomem. Its command line was\n# %.*s\n%s",
			    (int)strcspn(cmdline.s, "\n"), cmdline.s, text.s);
	strbuf_free(&path);
	strbuf_free(&text);
	strbuf_free(&cmdline);
	return good;
}
