/* SPDX-License-Identifier: MIT */
/* Recordings as text: perf script, trace-cmd report, the tracefs file trace. */
#ifndef CLI_PERFSCRIPT_H
#define CLI_PERFSCRIPT_H

#include <trace.h>

/* Reads up to the first batch of events. Returns whether there is an event at all. */
bool perfscript_open(struct trace *t);
size_t perfscript_next(struct trace *t);
void perfscript_close(struct trace *t);

#endif
