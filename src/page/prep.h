/* SPDX-License-Identifier: MIT */
/* State of the debugging aids, shared by prep.c, fault.c and pageowner.c. */
#ifndef QUARRY_PAGE_PREP_H
#define QUARRY_PAGE_PREP_H

#include "internal.h"

#include <base/inject.h>

/* Requests that fail by will. Names and meanings of Linux's fail_page_alloc. */
struct prep_fault {
	struct inject attr;
	uint64_t min_order;
	bool ignore_wait, ignore_highmem;
};

/* What was asked for. */
struct prep_config {
	bool init_on_alloc, init_on_free, poison, owner;
	uint64_t warn_limit, guard_minorder;
	struct prep_fault fault;
};

#define WARN_LIMIT 10 /* refusals that are told in the log, if nobody says otherwise */

struct page_prep {
	struct prep_config config; /* fault's counts change: under lock */
	struct quarry_lock lock;
	struct page_owner *owner; /* pageowner.c; NULL: off */
	quarry_trace_fn trace;
	void *trace_ctx;
	uint64_t injected, poison_found;
};

/* ---- fault.c ---- */
/* Takes one parameter; false: it is none, or its value is wrong. */
bool fault_parse(struct prep_config *c, const char *name, size_t len, const char *value,
		 size_t value_len);
void fault_defaults(struct prep_config *c);

/* ---- prep.c ---- */
/* Completes @e by CPU and time, and tells it; p->trace is set. */
void prep_trace(struct quarry *q, struct quarry_trace_event *e);

/* ---- pageowner.c ---- */
struct page_owner *pageowner_new(struct quarry *q);
void pageowner_delete(struct quarry *q, struct page_owner *o);
void pageowner_alloc(struct quarry *q, struct page *page, unsigned int order, gfp_t gfp,
		     const struct page_caller *caller);
void pageowner_free(struct quarry *q, struct page *page, unsigned int order, const void *address);
void pageowner_split(struct quarry *q, struct page *page, unsigned int order);
void pageowner_moved(struct quarry *q, const struct page *dst, const struct page *src);
void pageowner_info(const struct page_owner *o, struct quarry_page_debug_info *info);

static inline uint64_t prep_now(struct quarry *q)
{
	return q->port.now != NULL ? q->port.now(q->port.ctx) : 0;
}

#endif
