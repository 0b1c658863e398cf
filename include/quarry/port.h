/* SPDX-License-Identifier: MIT */
/*
 * The port contract: what a host must supply.
 *
 * Compile time, in the host's own "quarry_host.h", found by include path (port/posix has one):
 *
 *	quarry_pin_t quarry_pin(void)		no migration and no re-entry on this CPU; nests
 *	void quarry_unpin(quarry_pin_t was)
 *	unsigned quarry_cpu(void)		number of this CPU, called pinned, < nr_cpus
 *	void quarry_relax(void)			one step of a spin loop; where threads stand for CPUs it
 *						must let others run now and then
 *
 * and, if it wants the order of locks checked in debug builds, QUARRY_HOST_HAS_LOCKS_HELD defined and
 *
 *	uint64_t *quarry_locks_held(void)	a word of the thread's own, or of the CPU's where locks
 *						are held pinned; 0 at first
 *
 * and, if it has it at hand in one load, QUARRY_HOST_HAS_CPU_TIMES_64 defined and
 *
 *	uintptr_t quarry_cpu_times_64(void)	quarry_cpu() * 64, called pinned
 *
 * Run time: struct quarry_port, copied by quarry_init(). Beyond these, memcpy, memset, memmove and
 * memcmp are the only undefined symbols of the library.
 */
#ifndef QUARRY_PORT_H
#define QUARRY_PORT_H

#include <quarry/reclaim.h>
#include <quarry/types.h>

enum quarry_log_level {
	QUARRY_LOG_ERR = 3,
	QUARRY_LOG_WARN = 4,
	QUARRY_LOG_INFO = 6,
	QUARRY_LOG_DEBUG = 7,
};

/**
 * struct quarry_port - run-time services of the host
 * @ctx:	passed back to every function below
 * @direct_map:	virtual address of physical address 0; virtual = physical + direct_map. The page frame whose
 *		address would be NULL is reserved at boot
 * @no_access:	managed memory has no contents here (simulation, device memory): nothing is zeroed
 *		and no constructor runs; addresses are handed out all the same
 * @concurrent:	more than one thread will call; false lets locks and shared counters be plain
 *		loads and stores, for a machine that one thread plays
 * @log:	take one finished line, no newline; any context, may be NULL (silence)
 * @panic:	the machine cannot go on; must not return; NULL: quarry spins for ever
 * @report:	damage was found (double free, foreign pointer ...) and repaired or refused; one
 *		line; NULL: goes to @log
 * @meta_alloc:	zeroed memory for Quarry's own tables, outside the managed memory, @align a power
 *		of two; 2 MiB says that large pages would pay; NULL: tables are taken out of the managed memory, through @direct_map
 * @meta_free:	give back what @meta_alloc gave; needed if @meta_alloc is set
 * @storage:	address through which the tables that lie at [phys, phys + size) are read and
 *		written (memblock's doubled arrays, bootmem's bitmaps); NULL: phys + @direct_map.
 *		Without @meta_alloc all tables lie there, and it must give that very address, or NULL
 * @wake:	free pages of node @nid fell below the low watermark while order @order was asked
 *		for, or pages are free but no block: quarry_kswapd_run() and quarry_kcompactd_run()
 *		are wanted; any context; may be NULL
 * @reclaim:	free about @nr_pages of node @nid, for a request with @gfp and @order that may
 *		wait; returns pages freed, 0 if nothing can be done; may call back into quarry;
 *		may be NULL
 * @reclaimable: pages of zone @zone of node @nid that @reclaim could free, at most; NULL: not known, and
 *		as long as reclaim makes progress it is taken to be enough
 * @oom:	nothing helps: end something that holds memory. True: memory was freed, or will be, and
 *		the request is tried again; may be NULL. It decides about requests without __GFP_FS (Linux
 *		ends nothing for these, and tries again for ever). Context: task, no lock held
 * @wait:	let time pass, so that others can free memory of node @nid; NULL: there is nothing to
 *		wait for, and a request with __GFP_NOFAIL that cannot be served gives NULL
 * @task:	the task that runs here; NULL result: interrupt context, where nothing waits and no scope
 *		applies; NULL pointer: each CPU is one task
 * @barrier_cpus: every CPU that may be inside quarry runs a full memory fence before this returns
 *		(Linux: membarrier()). With it, a CPU's own sheaves cost the CPU no fence. Called seldom,
 *		when one CPU wants to look at another's, and pinned: where that means interrupts off, an
 *		interrupt to each is no way to do it, for two CPUs would wait for each other. NULL: CPUs
 *		fence for themselves. Not used unless @concurrent
 * @accept:	make [phys, phys + size), whole pages that boot was told are unaccepted, usable (TDX,
 *		SEV-SNP); 0 or an error. Pages that the boot allocators gave may be named more than once, and again
 *		after quarry_boot() if they came back; each pageblock once after it. No lock is held. NULL if
 *		no memory is unaccepted
 * @now:	nanoseconds, for ages in reports; may be NULL
 * @stack:	return addresses of the calls that led here, innermost first, at most @max into @frames;
 *		returns how many; any context, locks may be held; NULL: reports name the caller alone
 * @object_alloc: [p, p + size) is an object that a caller now gets; @defined: its contents are what its
 *		constructor and its last owner left. For checkers of memory (AddressSanitizer, Valgrind). If it
 *		is set, @object_free, @slab_alloc and @slab_free are too, all caches go the long way without
 *		sheaves, and none is laid out with red zones, poison or users: the checker knows better.
 *		Any context, no lock of Quarry's held. Not called with @no_access
 * @object_free: the object is nobody's from here on
 * @slab_alloc:	[p, p + size) becomes a slab: nothing in it is anybody's
 * @slab_free:	[p, p + size) is a slab no longer, and may be used as pages
 * @guard_alloc: asked whenever a CPU's sheaf is empty, so not for each object: an object of @size_bytes
 *		bytes from elsewhere, under guard, or NULL, most of the time; @cache and @caller are for
 *		reports. It is not in the counts of its cache. Any context, no lock of Quarry's held. If it is
 *		set, @guard_free and @guard_size are too. Not called for constructors, RCU readers or DMA
 * @guard_free:	takes back @p from @guard_alloc; false: it is none
 * @guard_size:	bytes at @p from @guard_alloc; 0: it is none
 */
struct quarry_port {
	void *ctx;
	uintptr_t direct_map;
	bool no_access;
	bool concurrent;
	void (*log)(void *ctx, enum quarry_log_level level, const char *line);
	void (*panic)(void *ctx, const char *line);
	void (*report)(void *ctx, const char *line);
	void *(*meta_alloc)(void *ctx, size_t size_bytes, size_t align);
	void (*meta_free)(void *ctx, void *p, size_t size_bytes);
	void *(*storage)(void *ctx, phys_addr_t phys, size_t size_bytes);
	void (*wake)(void *ctx, int nid, unsigned int order);
	unsigned long (*reclaim)(void *ctx, int nid, gfp_t gfp, unsigned int order,
				 unsigned long nr_pages);
	unsigned long (*reclaimable)(void *ctx, int nid, enum quarry_zone_type zone);
	bool (*oom)(void *ctx, int nid, gfp_t gfp, unsigned int order);
	void (*wait)(void *ctx, int nid);
	struct quarry_task *(*task)(void *ctx);
	void (*barrier_cpus)(void *ctx);
	int (*accept)(void *ctx, phys_addr_t phys, phys_addr_t size_bytes);
	uint64_t (*now)(void *ctx);
	unsigned int (*stack)(void *ctx, void **frames, unsigned int max);
	void (*object_alloc)(void *ctx, void *p, size_t size_bytes, bool defined);
	void (*object_free)(void *ctx, void *p, size_t size_bytes);
	void (*slab_alloc)(void *ctx, void *p, size_t size_bytes);
	void (*slab_free)(void *ctx, void *p, size_t size_bytes);
	void *(*guard_alloc)(void *ctx, size_t size_bytes, size_t align, const char *cache,
			     const void *caller);
	bool (*guard_free)(void *ctx, void *p, const void *caller);
	size_t (*guard_size)(void *ctx, const void *p);
};

#endif
