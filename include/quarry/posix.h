/* SPDX-License-Identifier: MIT */
/*
 * The posix port: a memory system inside a process. Hosted code only.
 *
 * Context of every call: a thread, not a signal handler.
 */
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
 * @reclaim:	as in struct quarry_port, but with @hook_ctx; so are @reclaimable, @oom and @wake
 * @reclaimable: as there
 * @oom:	as there
 * @wake:	as there; the caller runs quarry_kswapd_run() himself then, and
 *		quarry_posix_start_kswapd()'s threads are not woken. NULL: they are, if @concurrent
 * @hook_ctx:	passed to these four
 * @annotate:	tell AddressSanitizer (if the port is built with it) or Valgrind (if it runs) of objects, so
 *		that they see them as malloc()'s; memory must exist; objects go the long way then
 * @guard_slots: objects that can be under guard at a time, each on a page of its own between pages that
 *		cannot be touched; 0: none. Memory must exist
 * @guard_interval: every so many times that a CPU's sheaf is empty, an object comes from there; 0: 100
 * @guard_catch: catch SIGSEGV: an access out of a guarded object, or to one after its free, is reported and
 *		the program goes on; else, and for other addresses, the signal is what it was before
 * @log:	where log lines go; NULL: nowhere
 * @log_ctx:	passed to @log
 * @report:	where damage reports go; NULL: to @log
 */
struct quarry_posix_options {
	size_t ram_bytes;
	bool identity;
	bool concurrent;
	bool no_barrier;
	unsigned long (*reclaim)(void *ctx, int nid, gfp_t gfp, unsigned int order,
				 unsigned long nr_pages);
	unsigned long (*reclaimable)(void *ctx, int nid, enum quarry_zone_type zone);
	bool (*oom)(void *ctx, int nid, gfp_t gfp, unsigned int order);
	void (*wake)(void *ctx, int nid, unsigned int order);
	void *hook_ctx;
	bool annotate;
	unsigned int guard_slots;
	unsigned int guard_interval;
	bool guard_catch;
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
 * makes the process smaller, and quarry_slab_reporting_run() by pages inside slabs.
 * Return: 0; -QUARRY_EINVAL: no memory of its own; else as quarry_page_reporting_register().
 */
int quarry_posix_report_free(struct quarry *q);

/* What became of guarded objects. */
struct quarry_posix_guard_info {
	unsigned long asked, given, freed; /* guard_alloc() calls, objects */
	unsigned long reports;             /* overruns, uses after free, wrong frees */
	unsigned int used;                 /* slots with an object now */
};

/** quarry_posix_guard_info() - fill @info for @q; zeros without guards. */
void quarry_posix_guard_info(struct quarry *q, struct quarry_posix_guard_info *info);

/** quarry_posix_delete() - throw away @q, from quarry_posix_new(), and all its memory. */
void quarry_posix_delete(struct quarry *q);

/** quarry_posix_set_cpu() - this thread now plays virtual CPU @cpu. */
void quarry_posix_set_cpu(unsigned int cpu);

/**
 * quarry_posix_start_kswapd() - start a background reclaimer for each node with memory
 * @q:		from quarry_posix_new() with @concurrent, booted
 * @first_cpu:	the threads play CPUs @first_cpu, @first_cpu + 1 ... in the order of the nodes; nobody else
 *		may play these
 *
 * Each thread sleeps until a request finds its node below the low watermark, or without a block, and then
 * makes a quarry_kswapd_run() and a quarry_kcompactd_run(). quarry_posix_delete() ends them.
 * Context: one call. Return: 0; -QUARRY_EINVAL: the machine is not concurrent or not booted, has too few CPUs, or the
 * threads run already; -QUARRY_ENOMEM: the host gives no thread; none runs then.
 */
QUARRY_MUST_CHECK int quarry_posix_start_kswapd(struct quarry *q, unsigned int first_cpu);

/** quarry_posix_stop_kswapd() - end the background reclaimers of @q, if there are any. */
void quarry_posix_stop_kswapd(struct quarry *q);

#ifdef __cplusplus
}
#endif

#endif
