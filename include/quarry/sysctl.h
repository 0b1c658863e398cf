/* SPDX-License-Identifier: MIT */
/*
 * What can be tuned at run time, by Linux's names.
 *
 *	name				values		what follows from a write
 *	min_free_kbytes			0..		watermarks, totalreserve, limits of pagesets
 *	watermark_scale_factor		1..3000		the same
 *	watermark_boost_factor		0..		the next boost; 0: none
 *	lowmem_reserve_ratio		a list		reserves, totalreserve
 *	percpu_pagelist_high_fraction	0, 8..		limits of pagesets
 *	defrag_mode			0, 1		requests do not mix types until reclaim has failed
 *	extfrag_threshold		0..1000		read by compaction
 *	compaction_proactiveness	0..100		read by compaction
 *	compact_unevictable_allowed	0, 1		read by compaction
 *	transparent_hugepage/enabled	always, madvise, never
 *						as the huge-page daemon starts or stops: min_free_kbytes
 *
 * All but the last are files of /proc/sys/vm; the last is one of /sys/kernel/mm.
 */
#ifndef QUARRY_SYSCTL_H
#define QUARRY_SYSCTL_H

#include <quarry/types.h>

/* Room for what any name reads. */
#define QUARRY_SYSCTL_SIZE 128

/**
 * quarry_sysctl_set() - write a tunable (Linux: /proc/sys/vm/NAME)
 * @q:	   memory system, booted
 * @name:  as in the table above
 * @value: decimal, 0x or 0 for other bases, white space around it allowed. lowmem_reserve_ratio takes
 *	   one number for each zone, DMA first; zones that are not named keep theirs, and a number below 1
 *	   means no reserve
 *
 * Like Linux, min_free_kbytes is taken as it is, and outlives computations that come to less: hotplug,
 * and a huge-page daemon that stops. A daemon that starts may raise it. Every write that computes
 * watermarks takes all boosts away. Example: scale factor 200 makes the gap between min and low a
 * fiftieth of the zone.
 *
 * Context: any but interrupt; takes the tuning lock. O(zones x CPUs).
 * Return:  0; -QUARRY_ENOENT: there is no such name; -QUARRY_EINVAL: no number, or out of range. After an
 *	    error nothing has changed.
 */
int quarry_sysctl_set(struct quarry *q, const char *name, const char *value);

/**
 * quarry_sysctl_get() - read a tunable, as the file reads: numbers apart by tabs, a line end at the end
 * @q:	  memory system, booted
 * @name: as for quarry_sysctl_set()
 * @buf:  room for @size bytes; what does not fit is cut, a 0 ends it
 * @size: QUARRY_SYSCTL_SIZE is always enough; 0: nothing is written
 *
 * Context: any. Return: length of the whole text; -QUARRY_ENOENT: there is no such name, @buf untouched.
 */
int quarry_sysctl_get(struct quarry *q, const char *name, char *buf, size_t size);

#endif
