/* SPDX-License-Identifier: MIT */
/*
 * Requests that fail by will, and the parameters of all debugging aids.
 *
 * The rules are those of Linux's fail_page_alloc: only requests of some order and without some flags may
 * fail by chance, and then as base/inject.c says. fail-nth takes any.
 */
#include "prep.h"

void fault_defaults(struct prep_config *c)
{
	*c = (struct prep_config){
		.warn_limit = WARN_LIMIT,
		.fault = {.attr = INJECT_DEFAULTS,
			  .min_order = 1,
			  .ignore_wait = true,
			  .ignore_highmem = true},
	};
}

/* ---- parameters ---- */

/* Parameters of fail_page_alloc, behind its name and a point. */
static bool fault_parse_attr(struct prep_fault *f, const char *name, size_t len, const char *v,
			     size_t n)
{
	if (inject_is(name, len, "min-order"))
		return inject_number(v, n, &f->min_order) && f->min_order <= QUARRY_MAX_ORDER;
	if (inject_is(name, len, "ignore-gfp-wait"))
		return inject_switch(v, n, &f->ignore_wait);
	if (inject_is(name, len, "ignore-gfp-highmem"))
		return inject_switch(v, n, &f->ignore_highmem);
	return inject_attr(&f->attr, name, len, v, n);
}

bool fault_parse(struct prep_config *c, const char *name, size_t len, const char *value,
		 size_t value_len)
{
	static const char prefix[] = "fail_page_alloc.";
	const size_t skip = sizeof(prefix) - 1;

	if (inject_is(name, len, "init_on_alloc"))
		return inject_switch(value, value_len, &c->init_on_alloc);
	if (inject_is(name, len, "init_on_free"))
		return inject_switch(value, value_len, &c->init_on_free);
	if (inject_is(name, len, "page_poison"))
		return inject_switch(value, value_len, &c->poison);
	if (inject_is(name, len, "page_owner"))
		return inject_switch(value, value_len, &c->owner);
	if (inject_is(name, len, "warn_alloc"))
		return inject_number(value, value_len, &c->warn_limit);
	if (inject_is(name, len, "debug_guardpage_minorder"))
		return inject_number(value, value_len, &c->guard_minorder) &&
		       c->guard_minorder <= PAGE_GUARD_ORDERS;
	if (inject_is(name, len, "fail-nth"))
		return inject_number(value, value_len, &c->fault.attr.nth);
	if (inject_is(name, len, "fail_page_alloc"))
		return inject_four(&c->fault.attr, value, value_len);
	return len > skip && inject_is(name, skip, prefix) &&
	       fault_parse_attr(&c->fault, name + skip, len - skip, value, value_len);
}

/* ---- requests ---- */

bool fault_refuses(struct quarry *q, gfp_t gfp, unsigned int order)
{
	struct page_prep *p = q->pages->prep;
	struct prep_fault *f = &p->config.fault;
	quarry_pin_t pin;
	bool fails;

	if ((gfp & __GFP_NOFAIL) != 0 || !inject_on(&f->attr))
		return false;
	/* The Nth is anybody's; chance keeps away from those that Linux spares. */
	if (f->attr.nth == 0 &&
	    (order < f->min_order || (f->ignore_highmem && (gfp & __GFP_HIGHMEM) != 0) ||
	     (f->ignore_wait && (gfp & __GFP_DIRECT_RECLAIM) != 0)))
		return false;
	pin = quarry_lock(q->concurrent, &p->lock);
	fails = inject_now(&f->attr, (uint64_t)1 << order);
	p->injected += fails;
	quarry_unlock(q->concurrent, &p->lock, pin);
	if (!fails)
		return false;
	page_event(q, QUARRY_VM_FAULT_INJECTED, 1);
	if ((gfp & __GFP_NOWARN) == 0)
		quarry_log(q, QUARRY_LOG_WARN,
			   "FAULT_INJECTION: forcing a failure: name fail_page_alloc, order %u, "
			   "gfp %#x",
			   order, (unsigned int)gfp);
	return true;
}
