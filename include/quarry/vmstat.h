/* SPDX-License-Identifier: MIT */
/*
 * What happened since boot, counted by the CPU on which it happened. Names are those of /proc/vmstat,
 * with the exceptions marked so; amounts are pages where the name says pg..., else events.
 */
#ifndef QUARRY_VMSTAT_H
#define QUARRY_VMSTAT_H

#include <quarry/mmzone.h>
#include <quarry/types.h>

/* QUARRY_VM_EVENTS(X) applies X(symbol, "name") to every event, in the order of the enumeration. */
#define QUARRY_VM_EVENTS(X)                                                                        \
	X(ALLOCSTALL_DMA, "allocstall_dma")                                                        \
	X(ALLOCSTALL_DMA32, "allocstall_dma32")                                                    \
	X(ALLOCSTALL, "allocstall_normal")                                                         \
	X(ALLOCSTALL_MOVABLE, "allocstall_movable")                                                \
	X(ALLOCSTALL_DEVICE, "allocstall_device")                                                  \
	X(PGSTEAL_KSWAPD, "pgsteal_kswapd")                                                        \
	X(PGSTEAL_DIRECT, "pgsteal_direct")                                                        \
	X(PGSCAN_KSWAPD, "pgscan_kswapd")                                                          \
	X(PGSCAN_DIRECT, "pgscan_direct")                                                          \
	X(SLABS_SCANNED, "slabs_scanned")                                                          \
	X(KSWAPD_LOW_HIT, "kswapd_low_wmark_hit_quickly")                                          \
	X(KSWAPD_HIGH_HIT, "kswapd_high_wmark_hit_quickly")                                        \
	X(PAGEOUTRUN, "pageoutrun")                                                                \
	X(KSWAPD_WAKE, "kswapd_wake") /* ours */                                                   \
	X(DROP_SLAB, "drop_slab")                                                                  \
	X(OOM_KILL, "oom_kill")                                                                    \
	X(PGMIGRATE_SUCCESS, "pgmigrate_success")                                                  \
	X(PGMIGRATE_FAIL, "pgmigrate_fail")                                                        \
	X(COMPACT_MIGRATE_SCANNED, "compact_migrate_scanned")                                      \
	X(COMPACT_FREE_SCANNED, "compact_free_scanned")                                            \
	X(COMPACT_ISOLATED, "compact_isolated")                                                    \
	X(COMPACT_STALL, "compact_stall")                                                          \
	X(COMPACT_FAIL, "compact_fail")                                                            \
	X(COMPACT_SUCCESS, "compact_success")                                                      \
	X(COMPACT_DAEMON_WAKE, "compact_daemon_wake")                                              \
	X(COMPACT_DAEMON_MIGRATE, "compact_daemon_migrate_scanned")                                \
	X(COMPACT_DAEMON_FREE, "compact_daemon_free_scanned")                                      \
	X(CMA_ALLOC_SUCCESS, "cma_alloc_success")                                                  \
	X(CMA_ALLOC_FAIL, "cma_alloc_fail")                                                        \
	X(FALLBACK_CLAIMED, "extfrag_claimed") /* ours: pageblocks that changed their type */      \
	X(FALLBACK_STOLEN, "extfrag_stolen")   /* ours: blocks out of another type's pageblock */  \
	X(WATERMARK_BOOST, "watermark_boost")  /* ours */                                          \
	X(HIGHATOMIC_RESERVE, "highatomic_reserve")     /* ours: pageblocks */                     \
	X(HIGHATOMIC_UNRESERVE, "highatomic_unreserve") /* ours */                                 \
	X(PCP_REFILL, "pcp_refill")                     /* ours */                                 \
	X(PCP_DRAIN, "pcp_drain")                       /* ours */                                 \
	X(PAGE_REPORTED, "balloon_reported")            /* ours: pages told to the port as free */ \
	X(PAGE_ACCEPTED, "pages_accepted")              /* ours */                                 \
	X(FAULT_INJECTED, "fail_page_alloc")            /* ours */                                 \
	X(NUMA_INTERLEAVE, "numa_interleave")

enum quarry_vm_event {
#define QUARRY_VM_EVENT_SYMBOL(symbol, name) QUARRY_VM_##symbol,
	QUARRY_VM_EVENTS(QUARRY_VM_EVENT_SYMBOL)
#undef QUARRY_VM_EVENT_SYMBOL
		QUARRY_NR_VM_EVENTS
};

/** quarry_vm_event() - how often @event happened since boot, over all CPUs of @q. Context: any,
 * booted. O(CPUs). */
uint64_t quarry_vm_event(struct quarry *q, enum quarry_vm_event event);

/** quarry_vm_event_name() - name of @event, as in /proc/vmstat. Context: any. */
const char *quarry_vm_event_name(enum quarry_vm_event event);

/*
 * Where requests for pages were served, in requests, by the zone that served them. As in Linux: hit +
 * miss = local + other = requests served. A miss is counted by the zone that gave, and as foreign by
 * the zone that was wanted.
 */
struct quarry_numa_stat {
	uint64_t hit;        /* on the node that was preferred */
	uint64_t miss;       /* on another */
	uint64_t foreign;    /* wanted here, served elsewhere */
	uint64_t interleave; /* hits that a policy of interleaving sent here */
	uint64_t local;      /* on the node of the CPU that asked */
	uint64_t other;      /* on another node than that CPU's */
};

/** quarry_zone_numa() - fill @stat for @zone of node @nid of @q. False, and zeros, if there is no such
 * zone. Context: any, booted. O(CPUs). */
bool quarry_zone_numa(struct quarry *q, int nid, enum quarry_zone_type zone,
		      struct quarry_numa_stat *stat);

/** quarry_pgalloc() - pages of zones of type @zone of @q that were handed out since boot (Linux:
 * pgalloc_normal ...). Context: any, booted. O(CPUs). */
uint64_t quarry_pgalloc(struct quarry *q, enum quarry_zone_type zone);

/** quarry_pgfree() - pages that came to the allocator of @q: those freed since boot, and, as in Linux,
 * those handed over at boot and afterwards. Context: any, booted. O(CPUs). */
uint64_t quarry_pgfree(struct quarry *q);

/** quarry_pageset_count() - pages of @zone of node @nid in the sheaves of CPU @cpu of @q (Linux: the
 * count of a pageset); 0 if any of them does not exist. Context: any but interrupt, booted. */
unsigned long quarry_pageset_count(struct quarry *q, int nid, enum quarry_zone_type zone,
				   unsigned int cpu);

/** quarry_stat_threshold() - by how much a CPU's share of Linux's counters for @zone of node @nid of @q
 * may be off, by Linux's formula: min(125, 2 * fls(CPUs) * (1 + fls(managed / 128 MiB))). Quarry's own
 * are exact. 0 if there is no such zone. Context: any, booted. */
unsigned int quarry_stat_threshold(struct quarry *q, int nid, enum quarry_zone_type zone);

#endif
