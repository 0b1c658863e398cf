/* SPDX-License-Identifier: MIT */
/* A progress bar on standard error: only if that is a terminal, or when forced. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum progress_mode {
	PROGRESS_AUTO, /* if standard error is a terminal */
	PROGRESS_NEVER,
	PROGRESS_ALWAYS, /* also into a pipe or a file */
};

struct progress {
	const char *what; /* "replay" */
	const char *unit; /* of the rate: "events" */
	uint64_t total;   /* work in all, in any unit (bytes of a file); 0: unknown */
	uint64_t start_ns, next_ns;
	bool shown, on_screen;
};

/* @what and @unit must outlive @p. */
void progress_start(struct progress *p, const char *what, const char *unit, uint64_t total,
		    enum progress_mode mode);

/* The clock is read at each call: call every few thousand events. @done is of total, @count is what
 * the rate counts. */
void progress_update(struct progress *p, uint64_t done, uint64_t count);

/* Remove the bar. */
void progress_end(struct progress *p);

#endif
