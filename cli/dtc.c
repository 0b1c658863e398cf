/* SPDX-License-Identifier: MIT */
/*
 * Devicetree source, compiled by the program dtc.
 *
 * The text is given to it as a file without a name on its standard input, so that a source from a
 * pipe and one from disk go the same way, and no name can be taken for an option. Its output and its
 * messages come through two pipes. What it may take is bounded: bytes written, memory, time; beyond
 * that it is killed, and the source refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <devtree.h>

#define DTC_MAX_TEXT ((size_t)64 << 10) /* of its messages */
#define DTC_MAX_MESSAGES 8

extern char **environ;

/* One run of dtc. */
struct dtc {
	pid_t pid;
	int in;         /* the source; -1: closed, as the others */
	int out[2];     /* pipe of the blob */
	int err[2];     /* pipe of the messages */
	uint64_t until; /* deadline, on util_now_ns()'s clock */
	bool too_big, too_slow;
};

/* ---- recognising a source ---- */

/* Past blanks and comments at the start of a source; *title is the first useful line of these. */
static const char *dtc_skip_comments(const char *p, const char *end, const char **title)
{
	while (p < end) {
		if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') {
			p++;
		} else if (end - p >= 2 && p[0] == '/' && (p[1] == '*' || p[1] == '/')) {
			const char *close = p[1] == '*'
						    ? memmem(p + 2, (size_t)(end - p - 2), "*/", 2)
						    : memchr(p, '\n', (size_t)(end - p));

			if (*title == NULL)
				*title = p;
			if (close == NULL)
				return end;
			p = close + (p[1] == '*' ? 2 : 1);
		} else {
			break;
		}
	}
	return p;
}

bool devtree_is_source(const char *path, const char *text, size_t len)
{
	static const char mark[] = "/dts-v1/";
	const char *title = NULL, *p = dtc_skip_comments(text, text + len, &title);
	size_t n = strlen(path);

	if ((size_t)(text + len - p) >= strlen(mark) && memcmp(p, mark, strlen(mark)) == 0)
		return true;
	return n >= 4 && strcmp(path + n - 4, ".dts") == 0;
}

/* Whether the comment's line [p, end) says nothing of the machine. */
static bool dtc_dull_line(const char *p, const char *end)
{
	static const char *const dull[] = {"memmap v", "SPDX-", "Copyright", "dts file"};
	size_t i, n = (size_t)(end - p);

	for (i = 0; i < sizeof(dull) / sizeof(dull[0]); i++)
		if (n >= strlen(dull[i]) && memcmp(p, dull[i], strlen(dull[i])) == 0)
			return true;
	return n == 0;
}

char *devtree_title(const char *text, size_t len)
{
	const char *title = NULL, *end = dtc_skip_comments(text, text + len, &title), *p = title;

	while (p != NULL && p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop;

		nl = nl != NULL ? nl : end;
		while (p < nl && strchr(" \t\r*/", *p) != NULL && *p != '\0')
			p++;
		for (stop = p; stop < nl && !(*stop == '*' && stop + 1 < nl && stop[1] == '/');)
			stop++;
		while (stop > p && (stop[-1] == ' ' || stop[-1] == '\r'))
			stop--;
		if (!dtc_dull_line(p, stop))
			return xstrndup(p, (size_t)(stop - p));
		p = nl + (nl < end);
	}
	return NULL;
}

/* ---- the process ---- */

static void dtc_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Make the pipes and the file it reads. Returns 0 or an errno. */
static int dtc_open(struct dtc *d, const char *text, size_t len)
{
	d->in = memfd_create("dts", MFD_CLOEXEC);
	if (d->in < 0 || pipe2(d->out, O_CLOEXEC) != 0 || pipe2(d->err, O_CLOEXEC) != 0)
		return errno;
	while (len > 0) {
		ssize_t n = write(d->in, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		text += n;
		len -= (size_t)n;
	}
	return lseek(d->in, 0, SEEK_SET) < 0 ? errno : 0;
}

/* Returns 0 or an errno; ENOENT: there is no dtc. */
static int dtc_spawn(struct dtc *d, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash != NULL ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup("./");
	char *argv[] = {(char *)"dtc", (char *)"-q", (char *)"-I", (char *)"dts", (char *)"-O",
			(char *)"dtb", (char *)"-i", folder,       (char *)"-",   NULL};
	const struct rlimit memory = {DEVTREE_MAX_MEMORY, DEVTREE_MAX_MEMORY};
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err != 0) {
		free(folder);
		return err;
	}
	err = posix_spawn_file_actions_adddup2(&actions, d->in, STDIN_FILENO);
	if (err == 0)
		err = posix_spawn_file_actions_adddup2(&actions, d->out[1], STDOUT_FILENO);
	if (err == 0)
		err = posix_spawn_file_actions_adddup2(&actions, d->err[1], STDERR_FILENO);
	if (err == 0)
		err = posix_spawnp(&d->pid, "dtc", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	free(folder);
	if (err != 0) {
		d->pid = 0;
		return err;
	}
	prlimit(d->pid, RLIMIT_AS, &memory, NULL);
	dtc_close(&d->out[1]);
	dtc_close(&d->err[1]);
	return 0;
}

/* One read from @fd into @b; closes it at its end. False: @b would pass @max. */
static bool dtc_read(int *fd, struct strbuf *b, size_t max)
{
	char chunk[16384];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0) {
		dtc_close(fd);
		return true;
	}
	if (b->len + (size_t)n > max)
		return false;
	strbuf_add(b, chunk, (size_t)n);
	return true;
}

static int dtc_time_left(const struct dtc *d)
{
	uint64_t now = util_now_ns();

	return now >= d->until ? 0 : (int)((d->until - now) / 1000000 + 1);
}

/* Take what it writes until it closes both pipes, or goes too far. */
static void dtc_collect(struct dtc *d, struct strbuf *blob, struct strbuf *text)
{
	while ((d->out[0] >= 0 || d->err[0] >= 0) && !d->too_big && !d->too_slow) {
		struct pollfd fds[2] = {{.fd = d->out[0], .events = POLLIN},
					{.fd = d->err[0], .events = POLLIN}};
		int left = dtc_time_left(d);

		if (left == 0)
			d->too_slow = true;
		else if (poll(fds, 2, left) > 0) {
			if (fds[0].revents != 0)
				d->too_big = !dtc_read(&d->out[0], blob, DEVTREE_MAX_BLOB);
			/* Messages beyond the bound say no more than those before. */
			if (fds[1].revents != 0 && !dtc_read(&d->err[0], text, DTC_MAX_TEXT))
				dtc_close(&d->err[0]);
		}
	}
}

/* Wait for its end, or make it. Returns its exit status, -1 if it was killed. */
static int dtc_wait(struct dtc *d)
{
	int status = 0;
	pid_t got;

	while (!d->too_big && !d->too_slow) {
		got = waitpid(d->pid, &status, WNOHANG);
		if (got == d->pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		if (got < 0 && errno != EINTR)
			return -1;
		if (dtc_time_left(d) == 0)
			d->too_slow = true;
		else
			poll(NULL, 0, 1);
	}
	kill(d->pid, SIGKILL);
	while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
		;
	return -1;
}

/* ---- its messages ---- */

/* Past a word that says that this is an error. */
static const char *dtc_skip_word(const char *p)
{
	static const char *const words[] = {"Error: ", "ERROR: ", "FATAL ERROR: ", "ERROR "};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(p, words[i], strlen(words[i])) == 0)
			return p + strlen(words[i]);
	return p;
}

/* "Error: <stdin>:3.1-5 syntax error" -> "PATH:3: dtc: syntax error". */
static void dtc_message(const char *path, const char *line, size_t len, struct diag *diag)
{
	static const char stdin_name[] = "<stdin>:";
	const char *end = line + len, *p = dtc_skip_word(line);
	uint64_t number = 0;

	if ((size_t)(end - p) > strlen(stdin_name) &&
	    memcmp(p, stdin_name, strlen(stdin_name)) == 0) {
		p += strlen(stdin_name);
		if (util_scan_dec(&p, &number))
			p = dtc_skip_word(p + strspn(p, "0123456789.-: "));
	}
	if (p > end)
		p = end;
	diag_error(diag, path, number, "dtc: %.*s", (int)(end - p > 400 ? 400 : end - p), p);
}

static void dtc_messages(const char *path, const struct strbuf *text, struct diag *diag)
{
	const char *p = text->s;
	unsigned int n = 0;

	while (p != NULL && *p != '\0' && n < DTC_MAX_MESSAGES) {
		const char *nl = strchrnul(p, '\n');

		/* After the error itself, dtc says that it could not go on. */
		if (nl > p && (n == 0 || (strncmp(p, "FATAL ERROR: ", 13) != 0 &&
					  strncmp(p, "ERROR: Input tree", 17) != 0))) {
			dtc_message(path, p, (size_t)(nl - p), diag);
			n++;
		}
		p = *nl != '\0' ? nl + 1 : nl;
	}
	if (n == 0)
		diag_error(diag, path, 0, "dtc failed without a message");
}

static int dtc_verdict(const struct dtc *d, const char *path, int exited, const struct strbuf *blob,
		       const struct strbuf *text, struct diag *diag)
{
	if (d->too_slow)
		diag_error(diag, path, 0, "dtc took more than %d seconds, stopped",
			   DEVTREE_SECONDS);
	else if (d->too_big)
		diag_error(diag, path, 0, "dtc wrote more than %zu MiB, stopped",
			   DEVTREE_MAX_BLOB >> 20);
	else if (exited == 127 && text->len == 0)
		diag_error(diag, path, 0, "the program dtc cannot be run");
	else if (exited != 0)
		dtc_messages(path, text, diag);
	else if (blob->len == 0)
		diag_error(diag, path, 0, "dtc wrote nothing");
	else
		return CLI_OK;
	return CLI_INPUT;
}

int devtree_compile(const char *path, const char *text, size_t len, struct strbuf *blob,
		    struct diag *diag)
{
	struct dtc d = {.in = -1,
			.out = {-1, -1},
			.err = {-1, -1},
			.until = util_now_ns() + (uint64_t)DEVTREE_SECONDS * 1000000000u};
	struct strbuf messages = {0};
	int err, exited, status = CLI_FAILED;

	*blob = (struct strbuf){0};
	err = dtc_open(&d, text, len);
	if (err == 0)
		err = dtc_spawn(&d, path);
	if (err == ENOENT) {
		diag_error(diag, path, 0,
			   "devicetree source needs the program dtc (Debian package "
			   "device-tree-compiler), which is not installed");
	} else if (err != 0) {
		diag_error(diag, path, 0, "cannot run dtc: %s", strerror(err));
	} else {
		dtc_collect(&d, blob, &messages);
		exited = dtc_wait(&d);
		status = dtc_verdict(&d, path, exited, blob, &messages, diag);
	}
	dtc_close(&d.in);
	dtc_close(&d.out[0]);
	dtc_close(&d.out[1]);
	dtc_close(&d.err[0]);
	dtc_close(&d.err[1]);
	strbuf_free(&messages);
	if (status != CLI_OK)
		strbuf_free(blob);
	return status;
}
