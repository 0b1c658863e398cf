/* SPDX-License-Identifier: MIT */
/*
 * quarry record: records a kernel's allocations while a command runs.
 *
 * perf records and prints; this finds out beforehand whether it can, with which events, and keeps beside the
 * recording what a replay wants to know of the machine: NAME.snap.txt.zst with the files of /proc
 * before and after, NAME.machine.txt with its memory map. Each file is written whole or not at all.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linuxfacts.h>
#include <output.h>
#include <progress.h>
#include <record.h>
#include <verbs.h>

#define RECORD_NOT_FOUND 127 /* as a shell says that there is no such command */
#define RECORD_NOT_RUN 126

enum {
	RECORD_OPT_PERF = 256,
	RECORD_OPT_TRACEFS,
	RECORD_OPT_PROC,
	RECORD_OPT_OWN,
};

static const struct argp_option record_options[] = {
	{"output", 'o', "FILE", 0,
	 "The recording (quarry-record.txt.zst): KMT1 if its name ends in .kmt or .kmt.zst, else "
	 "perf's text; packed by zstd if it ends in .zst",
	 0},
	{"buffer", 'm', "SIZE", 0, "Buffer of each CPU (32M); a larger one loses fewer events", 0},
	{"all-cpus", 'a', NULL, 0, "Events of all processes: the default", 0},
	{"command-only", RECORD_OPT_OWN, NULL, 0,
	 "Only events of the command's own processes. Much is then freed and allocated by others, "
	 "unseen",
	 0},
	{"perf", RECORD_OPT_PERF, "PROGRAM", 0, "perf (perf)", 0},
	{"tracefs", RECORD_OPT_TRACEFS, "DIR", 0, "Where tracefs is mounted (/sys/kernel/tracing)",
	 0},
	{"proc", RECORD_OPT_PROC, "DIR", 0, "Where snapshots are taken from (/proc)", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

struct record_args {
	char *path;
	char **command;
	uint64_t buffer;
	bool own;
	struct record_host host;
};

static error_t record_parse(int key, char *arg, struct argp_state *state)
{
	struct record_args *a = state->input;

	switch (key) {
	case 'o':
		a->path = arg;
		return 0;
	case 'm':
		if (!util_parse_size(arg, &a->buffer) || a->buffer < 4096 || a->buffer > 1u << 30)
			argp_error(state, "--buffer=%s: expected 4K to 1G", arg);
		return 0;
	case 'a':
		a->own = false;
		return 0;
	case RECORD_OPT_OWN:
		a->own = true;
		return 0;
	case RECORD_OPT_PERF:
		a->host.perf = arg;
		return 0;
	case RECORD_OPT_TRACEFS:
		a->host.tracefs = arg;
		return 0;
	case RECORD_OPT_PROC:
		a->host.proc = arg;
		return 0;
	case ARGP_KEY_ARG:
		/* The command and all behind it. */
		a->command = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (a->command == NULL)
			argp_error(state, "which COMMAND? For example: quarry record -- sleep 10");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp record_argp = {
	.options = record_options,
	.parser = record_parse,
	.args_doc = "[--] COMMAND [ARGUMENT...]",
	.doc = "Record what the kernel allocates and frees while COMMAND runs, with perf.\v"
	       "Beside the recording NAME.txt.zst, NAME.snap.txt.zst keeps slabinfo, buddyinfo, "
	       "pagetypeinfo and more from before and after, and NAME.machine.txt the machine: "
	       "quarry replay finds both.\n\n"
	       "Example:\n"
	       "  sudo quarry record -o build.txt.zst -- make -j8\n"
	       "  quarry replay build.txt.zst\n\n"
	       "Exit status: that of COMMAND, 127 if there is no such command, 126 if it could not "
	       "be "
	       "run; 1, nothing could be recorded; 2, an option is wrong.",
};

/* ---- children ---- */

/* Run @argv; its standard output goes to @out if that is not below 0. */
static pid_t record_spawn(char *const *argv, int out)
{
	pid_t pid;

	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (pid != 0)
		return pid;
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	execv(argv[0], argv);
	fprintf(stderr, "quarry: %s: %s\n", argv[0], strerror(errno));
	_exit(RECORD_NOT_RUN);
}

/* Exit status as a shell gives it. */
static int record_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return RECORD_NOT_RUN;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* perf record with @data as its file. */
static int record_perf(const struct record_args *a, char *data)
{
	char *argv[64] = {0}, buffer[32];
	size_t n = 0, words = 0;
	char **all;
	int status;

	/* perf takes a power of two of pages. */
	snprintf(buffer, sizeof(buffer), "%" PRIu64 "K", a->buffer >> 10);
	argv[n++] = a->host.perf_path;
	argv[n++] = "record";
	argv[n++] = "-q";
	if (!a->own)
		argv[n++] = "-a";
	argv[n++] = "-k";
	argv[n++] = "mono";
	argv[n++] = "-m";
	argv[n++] = buffer;
	argv[n++] = "-o";
	argv[n++] = data;
	argv[n++] = "-e";
	argv[n++] = a->host.events.s;
	argv[n++] = "--";
	while (a->command[words] != NULL)
		words++;
	all = xcalloc(n + words + 1, sizeof(*all));
	memcpy(all, argv, n * sizeof(*all));
	memcpy(all + n, a->command, words * sizeof(*all));
	/* An interrupt is for the command: perf ends with it, and what it has is kept. */
	signal(SIGINT, SIG_IGN);
	status = record_wait(record_spawn(all, -1));
	signal(SIGINT, SIG_DFL);
	free(all);
	return status;
}

struct record_count {
	uint64_t events, lost;
};

static void record_count(struct record_count *c, const char *line)
{
	const char *lost = strstr(line, "PERF_RECORD_LOST lost ");

	if (lost != NULL)
		c->lost += strtoull(lost + 22, NULL, 10);
	else
		c->events += strstr(line, " kmem:") != NULL;
}

/* perf script's text of @data into @o. */
static int record_script(const struct record_args *a, char *data, struct output *o,
			 struct record_count *count)
{
	char *argv[] = {a->host.perf_path,
			"script",
			"-i",
			data,
			"--ns",
			"--show-lost-events",
			"-F",
			"trace:comm,tid,cpu,time,event,trace",
			NULL};
	struct progress bar;
	char *line = NULL;
	size_t cap = 0;
	int fds[2], status;
	ssize_t n;
	FILE *in;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return RECORD_NOT_RUN;
	pid = record_spawn(argv, fds[1]);
	close(fds[1]);
	in = fdopen(fds[0], "r");
	progress_start(&bar, "record: writing", "events", 0, PROGRESS_AUTO);
	while (in != NULL && (n = getline(&line, &cap, in)) > 0) {
		record_count(count, line);
		output_write(o, line, (size_t)n);
		if (count->events % 4096 == 0)
			progress_update(&bar, 0, count->events);
	}
	free(line);
	if (in != NULL)
		fclose(in);
	status = record_wait(pid);
	progress_end(&bar);
	return status;
}

/* ---- files ---- */

static int record_write(const char *path, const struct strbuf *text)
{
	struct output o;
	int err = output_open(&o, path);

	if (err == 0) {
		output_write(&o, text->s, text->len);
		err = output_finish(&o);
	}
	if (err != 0)
		util_error("%s: %s", path, strerror(err));
	return err == 0 ? CLI_OK : CLI_FAILED;
}

/* What stands beside the recording. */
static int record_sides(const struct record_args *a, const struct strbuf *snapshots,
			const struct strbuf *machine)
{
	char *snap = linuxfacts_beside(a->path, ".snap.txt.zst");
	char *map = linuxfacts_beside(a->path, ".machine.txt");
	int status = CLI_OK;

	if (snapshots->len > 0)
		status = record_write(snap, snapshots);
	if (status == CLI_OK && machine->len > 0)
		status = record_write(map, machine);
	free(snap);
	free(map);
	return status;
}

static void record_tell(const struct record_args *a, const struct record_count *count,
			bool have_machine)
{
	fprintf(stderr, "quarry: %" PRIu64 " events in %s", count->events, a->path);
	if (count->lost > 0)
		fprintf(stderr, "; %" PRIu64 " were LOST: give a larger --buffer", count->lost);
	fprintf(stderr, "\nquarry: now: quarry replay %s%s\n", a->path,
		have_machine ? "" : " --machine MAP");
}

static bool record_is_binary(const char *path)
{
	const char *zst = strstr(path, ".kmt.zst"), *dot = strrchr(path, '.');

	return (zst != NULL && zst[8] == '\0') || (dot != NULL && strcmp(dot, ".kmt") == 0);
}

/* From the text at @text to KMT1 at @path. */
static int record_convert(char *text, const char *path)
{
	char *out = xstrdup(path), *argv[] = {"quarry convert", text, out, NULL};
	int status = convert_main(3, argv);

	free(out);
	return status;
}

/* perf has run with status @status: write its text of @data to @path, and what stands beside a->path. */
static int record_finish(const struct record_args *a, char *data, char *path, int status,
			 const struct strbuf *snapshots, const struct strbuf *machine)
{
	struct record_count count = {0, 0};
	struct output o;
	struct stat st;
	int err;

	if (stat(data, &st) != 0 || st.st_size == 0) {
		util_error("perf recorded nothing (status %d). It needs rights: run it as root, or "
			   "set "
			   "kernel.perf_event_paranoid to -1 (sysctl) and make tracefs readable",
			   status);
		return CLI_FAILED;
	}
	err = output_open(&o, path);
	if (err != 0) {
		util_error("%s: %s", path, strerror(err));
		return CLI_FAILED;
	}
	if (record_script(a, data, &o, &count) != 0 || count.events == 0) {
		output_abandon(&o);
		util_error("perf script printed no event: was COMMAND run? Nothing is written");
		return status != 0 ? status : CLI_FAILED;
	}
	if (record_sides(a, snapshots, machine) != CLI_OK) {
		output_abandon(&o);
		return CLI_FAILED;
	}
	err = output_finish(&o);
	if (err != 0) {
		util_error("%s: %s", path, strerror(err));
		return CLI_FAILED;
	}
	if (path != a->path && record_convert(path, a->path) != CLI_OK)
		return CLI_FAILED;
	record_tell(a, &count, machine->len > 0);
	return status;
}

static int record_run(struct record_args *a)
{
	struct strbuf snapshots = {0}, machine = {0}, missing = {0}, dir = {0}, data = {0};
	struct strbuf text = {0};
	char *command = record_find(a->command[0]);
	int status;

	if (command == NULL) {
		util_error("%s: no such command", a->command[0]);
		return RECORD_NOT_FOUND;
	}
	free(command);
	/* perf.data may be large: it lies where the recording will. */
	strbuf_addf(&dir, "%s.XXXXXX", a->path);
	if (mkdtemp(dir.s) == NULL) {
		util_error("%s: %s", dir.s, strerror(errno));
		strbuf_free(&dir);
		return CLI_FAILED;
	}
	strbuf_addf(&data, "%s/perf.data", dir.s);
	if (!record_machine(&a->host, &machine))
		util_warn("%s/iomem does not tell where memory is: a replay needs --machine",
			  a->host.proc);
	record_snapshot(&a->host, &snapshots, 0, "start", &missing);
	status = record_perf(a, data.s);
	record_snapshot(&a->host, &snapshots, 1, "end", &missing);
	if (missing.len > 0)
		util_warn("cannot be read, and is missing beside the recording:%s", missing.s);
	if (record_is_binary(a->path))
		strbuf_addf(&text, "%s/text.txt.zst", dir.s);
	status = record_finish(a, data.s, text.len > 0 ? text.s : a->path, status, &snapshots,
			       &machine);
	unlink(data.s);
	if (text.len > 0)
		unlink(text.s);
	rmdir(dir.s);
	strbuf_free(&snapshots);
	strbuf_free(&machine);
	strbuf_free(&missing);
	strbuf_free(&data);
	strbuf_free(&dir);
	strbuf_free(&text);
	return status;
}

int record_main(int argc, char **argv)
{
	struct record_args args = {
		.path = "quarry-record.txt.zst",
		.buffer = 32 << 20,
		.host = {.proc = "/proc", .perf = "perf"},
	};
	int status;

	if (argp_parse(&record_argp, argc, argv, ARGP_IN_ORDER, NULL, &args) != 0)
		return CLI_INPUT;
	status = record_check(&args.host);
	if (status == CLI_OK)
		status = record_run(&args);
	record_host_free(&args.host);
	return status;
}
