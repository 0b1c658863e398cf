/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <newfile.h>
#include <util.h>

#define NEWFILE_MAX 8 /* at once; more are written as well, and stay if a signal comes */

/* What a signal has to take away. Forked processes have a copy, which is not theirs. */
static char *volatile newfile_names[NEWFILE_MAX];
static pid_t newfile_owner;
static const int newfile_signals[] = {SIGINT, SIGTERM, SIGHUP};

static void newfile_stopped(int sig)
{
	int saved = errno;

	for (int i = 0; i < NEWFILE_MAX && getpid() == newfile_owner; i++) {
		if (newfile_names[i] != NULL)
			unlink(newfile_names[i]);
	}
	signal(sig, SIG_DFL);
	raise(sig); /* is delivered when this returns: the status tells of it */
	errno = saved;
}

/* A signal that is ignored, or that someone else catches, stays so. */
static void newfile_catch(void)
{
	for (size_t i = 0; i < sizeof(newfile_signals) / sizeof(newfile_signals[0]); i++) {
		struct sigaction now,
			then = {.sa_handler = newfile_stopped, .sa_flags = SA_RESTART};

		if (sigaction(newfile_signals[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
			sigaction(newfile_signals[i], &then, NULL);
	}
	newfile_owner = getpid();
}

static void newfile_hold(sigset_t *before)
{
	sigset_t all;

	sigemptyset(&all);
	for (size_t i = 0; i < sizeof(newfile_signals) / sizeof(newfile_signals[0]); i++)
		sigaddset(&all, newfile_signals[i]);
	sigprocmask(SIG_BLOCK, &all, before);
}

/* @from NULL: a free place. */
static void newfile_name(const char *from, char *to)
{
	for (int i = 0; i < NEWFILE_MAX; i++) {
		if (newfile_names[i] == from) {
			newfile_names[i] = to;
			return;
		}
	}
}

static int newfile_temporary(struct newfile *f)
{
	struct strbuf name = {0};
	sigset_t before;
	int err;

	strbuf_addf(&name, "%s.XXXXXX", f->target);
	newfile_catch();
	newfile_hold(&before);
	f->fd = mkstemp(name.s);
	err = f->fd < 0 ? errno : 0;
	if (err == 0)
		newfile_name(NULL, name.s);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (err != 0)
		strbuf_free(&name);
	else
		f->temporary = name.s;
	return err;
}

int newfile_open(struct newfile *f, const char *path)
{
	struct stat st;
	bool there = stat(path, &st) == 0;
	int err;

	memset(f, 0, sizeof(*f));
	if (there && S_ISDIR(st.st_mode))
		return EISDIR;
	if (there && !S_ISREG(st.st_mode)) {
		f->fd = open(path, O_WRONLY | O_CLOEXEC);
		return f->fd < 0 ? errno : 0;
	}
	f->target = there ? realpath(path, NULL) : NULL;
	if (f->target == NULL)
		f->target = xstrdup(path);
	err = newfile_temporary(f);
	if (err != 0) {
		free(f->target);
		f->target = NULL;
	}
	return err;
}

/* Of @f nothing is left. @keep: of the file it is. */
static int newfile_end(struct newfile *f, bool keep)
{
	mode_t mask = umask(0);
	sigset_t before;
	int err = 0;

	umask(mask);
	if (f->temporary == NULL)
		return 0;
	newfile_hold(&before);
	/* As open() would have made it. */
	if (keep &&
	    (chmod(f->temporary, 0666 & ~mask) != 0 || rename(f->temporary, f->target) != 0))
		err = errno;
	if (!keep || err != 0)
		unlink(f->temporary);
	newfile_name(f->temporary, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	free(f->temporary);
	free(f->target);
	f->temporary = f->target = NULL;
	return err;
}

int newfile_keep(struct newfile *f)
{
	return newfile_end(f, true);
}

void newfile_drop(struct newfile *f)
{
	newfile_end(f, false);
}
