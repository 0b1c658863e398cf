/* SPDX-License-Identifier: MIT */
/* One run of a replay: the recording, the machine, the engine. What replay, compare and others share. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <argp.h>

#include <engine.h>
#include <heap.h>
#include <linuxfacts.h>
#include <machine.h>
#include <pressure.h>
#include <progress.h>
#include <report.h>
#include <trace.h>

struct session_options {
	const char *trace_path;
	struct machine_options machine;
	uint64_t limit; /* events; 0: all */
	enum progress_mode progress;
	struct pressure_options pressure;
	struct policy policy;
	const char *policy_text; /* NULL: Linux's */
	bool empty_start;        /* nothing is put on the machine from the starting snapshot */
	bool wrong;              /* an option was, and that was said; for who does not exit then */
	enum heap_kind heap;     /* what plays the recording of a user program */
};

void session_defaults(struct session_options *o);

/*
 * The options that choose machine and recording, as an argp child: its input is the struct
 * session_options. It takes no arguments: the verb's own parser sets trace_path.
 */
extern const struct argp session_argp;

/* For ARGP_KEY_ARG of a verb that takes one TRACE. */
void session_take_trace(struct session_options *o, struct argp_state *state, char *arg);

/*
 * For ARGP_KEY_END of it. Without --machine the machine is the one that quarry record left beside the recording,
 * NAME.machine.txt, if it is there; its path is *@own then, which the caller frees. False: something is missing or
 * does not go together, and argp_error() has said it.
 */
bool session_complete(struct session_options *o, struct argp_state *state, char **own);

struct session {
	const struct session_options *options;
	struct diag diag;
	struct trace trace;
	struct linuxfacts facts;
	struct machine machine;
	struct engine *engine; /* NULL: a user program's recording */
	struct heap *heap;     /* plays that; else NULL */
	struct pressure pressure;
	uint64_t start_ns, wall_ns; /* of the host */
	uint64_t left;              /* events until the limit */
	uint64_t faults;            /* damage that the library reported */
	bool limited;               /* the limit came before the end */
	bool ended;
	/* session_run() calls it after each step; NULL: nobody cares. Set after session_open(). */
	void (*after_step)(void *ctx);
	void *step_ctx;
};

/*
 * Open the recording, boot the machine, make the engine. Messages go to standard error. CLI_OK; else a
 * status, with nothing to close. @o must stay.
 */
int session_open(struct session *s, const struct session_options *o);

/* Play the next events, at most TRACE_BATCH; false: that was the end, and session_end() is due. */
bool session_step(struct session *s);
/* Events that will be played, as recording and limit say before; 0: not known. */
uint64_t session_expected(const struct session *s);
/* Events played so far. */
uint64_t session_events(const struct session *s);
/* Sum up; once. */
void session_end(struct session *s);
/* All steps with a progress bar, and session_end(). */
void session_run(struct session *s);

/* After the end: find what stood where addresses collide, for a report that tells it; reads the recording again. */
void session_look_back(struct session *s);
/* What report.h needs of the run; what is asked for (rows, caches) is the caller's to set. */
void session_report(struct session *s, struct report *r);
/* CLI_OK, or CLI_FAILED if the recording was not played to its end or the library found damage. */
int session_status(const struct session *s);
void session_close(struct session *s);

#endif
