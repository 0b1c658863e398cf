/* SPDX-License-Identifier: MIT */
/*
 * Requests that fail by will, and the parameters of all debugging aids.
 *
 * The rules are those of Linux's fail_page_alloc: a request that may fail at all (order, flags) first uses
 * up the space, then every interval'th is looked at, and of those some, by chance, fail, until the times
 * are used up. The numbers of chance come from a seed, so that a run can be had again. fail-nth counts
 * requests that may fail and takes one, whatever chance would say.
 */
#include "prep.h"

#define FAULT_SEED 0x9e3779b97f4a7c15u

void fault_defaults(struct prep_config *c)
{
	*c = (struct prep_config){
		.warn_limit = WARN_LIMIT,
		.fault = {.interval = 1,
			  .times = 1,
			  .min_order = 1,
			  .ignore_wait = true,
			  .ignore_highmem = true,
			  .seed = FAULT_SEED},
	};
}

/* ---- parameters ---- */

static bool fault_is(const char *text, size_t len, const char *name)
{
	size_t i = 0;

	while (i < len && name[i] != '\0' && text[i] == name[i])
		i++;
	return i == len && name[i] == '\0';
}

static bool fault_number(const char *text, size_t len, uint64_t *out)
{
	uint64_t v = 0;

	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*out = v;
	return true;
}

/* A number, or -1. */
static bool fault_times(const char *text, size_t len, int64_t *out)
{
	uint64_t v;

	if (fault_is(text, len, "-1")) {
		*out = -1;
		return true;
	}
	if (!fault_number(text, len, &v))
		return false;
	*out = (int64_t)v;
	return true;
}

static bool fault_switch(const char *text, size_t len, bool *out)
{
	static const char *const words[] = {"1", "0", "y", "n", "Y", "N", "on", "off"};

	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(words); i++) {
		if (fault_is(text, len, words[i])) {
			*out = i % 2 == 0;
			return true;
		}
	}
	return false;
}

/* "INTERVAL,PROBABILITY,SPACE,TIMES" */
static bool fault_four(struct prep_fault *f, const char *text, size_t len)
{
	struct prep_fault n = *f;
	size_t from = 0;

	for (unsigned int field = 0; field < 4; field++) {
		size_t end = from;
		bool good;

		while (end < len && text[end] != ',')
			end++;
		if ((field < 3) != (end < len))
			return false;
		good = field == 0   ? fault_number(text, end, &n.interval)
		       : field == 1 ? fault_number(text + from, end - from, &n.probability)
		       : field == 2 ? fault_number(text + from, end - from, &n.space)
				    : fault_times(text + from, end - from, &n.times);
		if (!good)
			return false;
		from = end + 1;
	}
	*f = n;
	return f->probability <= 100;
}

/* Parameters of fail_page_alloc, behind its name and a point. */
static bool fault_parse_attr(struct prep_fault *f, const char *name, size_t len, const char *v,
			     size_t n)
{
	if (fault_is(name, len, "interval"))
		return fault_number(v, n, &f->interval);
	if (fault_is(name, len, "probability"))
		return fault_number(v, n, &f->probability) && f->probability <= 100;
	if (fault_is(name, len, "space"))
		return fault_number(v, n, &f->space);
	if (fault_is(name, len, "times"))
		return fault_times(v, n, &f->times);
	if (fault_is(name, len, "min-order"))
		return fault_number(v, n, &f->min_order) && f->min_order <= QUARRY_MAX_ORDER;
	if (fault_is(name, len, "ignore-gfp-wait"))
		return fault_switch(v, n, &f->ignore_wait);
	if (fault_is(name, len, "ignore-gfp-highmem"))
		return fault_switch(v, n, &f->ignore_highmem);
	return fault_is(name, len, "seed") && fault_number(v, n, &f->seed);
}

bool fault_parse(struct prep_config *c, const char *name, size_t len, const char *value,
		 size_t value_len)
{
	static const char prefix[] = "fail_page_alloc.";
	const size_t skip = sizeof(prefix) - 1;

	if (fault_is(name, len, "init_on_alloc"))
		return fault_switch(value, value_len, &c->init_on_alloc);
	if (fault_is(name, len, "init_on_free"))
		return fault_switch(value, value_len, &c->init_on_free);
	if (fault_is(name, len, "page_poison"))
		return fault_switch(value, value_len, &c->poison);
	if (fault_is(name, len, "page_owner"))
		return fault_switch(value, value_len, &c->owner);
	if (fault_is(name, len, "warn_alloc"))
		return fault_number(value, value_len, &c->warn_limit);
	if (fault_is(name, len, "debug_guardpage_minorder"))
		return fault_number(value, value_len, &c->guard_minorder) &&
		       c->guard_minorder <= PAGE_GUARD_ORDERS;
	if (fault_is(name, len, "fail-nth"))
		return fault_number(value, value_len, &c->fault.nth);
	if (fault_is(name, len, "fail_page_alloc"))
		return fault_four(&c->fault, value, value_len);
	return len > skip && fault_is(name, skip, prefix) &&
	       fault_parse_attr(&c->fault, name + skip, len - skip, value, value_len);
}

/* ---- requests ---- */

/* xorshift64*: never 0 from a seed that is not. */
static uint64_t fault_random(struct prep_fault *f)
{
	uint64_t x = f->seed != 0 ? f->seed : FAULT_SEED;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	f->seed = x;
	return x * 0x2545f4914f6cdd1du >> 32;
}

static bool fault_now(struct prep_fault *f, unsigned int order)
{
	if (f->nth != 0)
		return --f->nth == 0;
	if (f->probability == 0 || f->times == 0)
		return false;
	if (f->space > (uint64_t)1 << order) {
		f->space -= (uint64_t)1 << order;
		return false;
	}
	f->count++;
	if ((f->interval > 1 && bits_mod64(f->count, f->interval) != 0) ||
	    f->probability <= bits_mod64(fault_random(f), 100))
		return false;
	f->times -= f->times > 0;
	return true;
}

bool fault_refuses(struct quarry *q, gfp_t gfp, unsigned int order)
{
	struct page_prep *p = q->pages->prep;
	struct prep_fault *f = &p->config.fault;
	quarry_pin_t pin;
	bool fails;

	if ((gfp & __GFP_NOFAIL) != 0 || (f->probability == 0 && f->nth == 0))
		return false;
	/* The Nth is anybody's; chance keeps away from those that Linux spares. */
	if (f->nth == 0 &&
	    (order < f->min_order || (f->ignore_highmem && (gfp & __GFP_HIGHMEM) != 0) ||
	     (f->ignore_wait && (gfp & __GFP_DIRECT_RECLAIM) != 0)))
		return false;
	pin = quarry_lock(q->concurrent, &p->lock);
	fails = fault_now(f, order);
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
