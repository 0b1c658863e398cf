/* SPDX-License-Identifier: MIT */
/* The posix port: a memory system inside a process. Hosted code only. */
#ifndef QUARRY_POSIX_H
#define QUARRY_POSIX_H

#include <quarry/quarry.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct quarry_posix_options - what kind of machine to make
 * @ram_bytes:	bytes of memory that really exist, from physical address 0 on, given by mmap();
 *		0: nothing exists but the tables (a simulated machine of any size)
 * @identity:	physical addresses are this process's own: memory is what the caller allocated and tells
 *		memblock of; @ram_bytes must be 0
 * @concurrent:	more than one thread will call
 * @no_barrier:	CPUs fence for themselves, as on a host without barrier_cpus() (see port.h); for tests
 * @log:	where log lines go; NULL: nowhere
 * @log_ctx:	passed to @log
 * @report:	where damage reports go; NULL: to @log
 */
struct quarry_posix_options {
	size_t ram_bytes;
	bool identity;
	bool concurrent;
	bool no_barrier;
	void (*log)(void *ctx, enum quarry_log_level level, const char *line);
	void (*report)(void *ctx, const char *line);
	void *log_ctx;
};

/** quarry_posix_new() - a memory system at QUARRY_STAGE_BOOT as @options say (NULL: simulated).
 * NULL if the host is out of memory. */
QUARRY_MUST_CHECK struct quarry *quarry_posix_new(const struct quarry_posix_options *options);

/**
 * quarry_posix_report_free() - give the memory of free pageblocks back to the host when they are told
 * @q: a booted system, from quarry_posix_new() with ram_bytes
 *
 * Registers a device whose ranges are given to madvise(MADV_DONTNEED): quarry_page_reporting_run() then
 * makes the process smaller.
 * Return: 0; -QUARRY_EINVAL: no memory of its own; else as quarry_page_reporting_register().
 */
int quarry_posix_report_free(struct quarry *q);

/** quarry_posix_delete() - throw away @q, from quarry_posix_new(), and all its memory. */
void quarry_posix_delete(struct quarry *q);

/** quarry_posix_set_cpu() - this thread now plays virtual CPU @cpu. */
void quarry_posix_set_cpu(unsigned int cpu);

#ifdef __cplusplus
}
#endif

#endif
