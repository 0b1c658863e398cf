/* SPDX-License-Identifier: MIT */
/*
 * failslab: requests for objects that fail by will.
 *
 * The rules are Linux's: a request that must not fail does not, one that may wait only if that is asked
 * for, with the filter only those of caches with SLAB_FAILSLAB; which of them, base/inject.c says. Sizes
 * are object sizes. While failslab is on, the caches that it may touch have no sheaves, so that each request
 * comes by here; when it is off again they get them back.
 */
#include "debug.h"

void fail_defaults(struct slab_fail *f)
{
	*f = (struct slab_fail){.attr = INJECT_DEFAULTS, .ignore_wait = true};
}

static bool fail_parse(struct slab_fail *f, const struct inject_word *w)
{
	static const char prefix[] = "failslab.";
	const size_t skip = sizeof(prefix) - 1;
	const char *name = w->name + skip;

	if (inject_is(w->name, w->name_len, "failslab"))
		return inject_four(&f->attr, w->value, w->value_len);
	if (inject_is(w->name, w->name_len, "fail-nth"))
		return inject_number(w->value, w->value_len, &f->attr.nth);
	if (w->name_len <= skip || !inject_is(w->name, skip, prefix))
		return false;
	if (inject_is(name, w->name_len - skip, "ignore-gfp-wait"))
		return inject_switch(w->value, w->value_len, &f->ignore_wait);
	if (inject_is(name, w->name_len - skip, "cache-filter"))
		return inject_switch(w->value, w->value_len, &f->filter);
	return inject_attr(&f->attr, name, w->name_len - skip, w->value, w->value_len);
}

bool fail_applies(const struct quarry *q, const struct kmem_cache *s)
{
	const struct slab_debug *d = q->slabs->debug;

	return d != NULL && inject_on(&d->fail.attr) &&
	       (!d->fail.filter || (s->flags & SLAB_FAILSLAB) != 0);
}

bool fail_refuses(struct quarry *q, const struct kmem_cache *s, gfp_t gfp)
{
	struct slab_debug *d = q->slabs->debug;
	struct slab_fail *f = &d->fail;
	bool fails = false;
	quarry_pin_t pin;

	if ((gfp & __GFP_NOFAIL) != 0)
		return false;
	pin = quarry_lock(q->concurrent, &d->lock);
	/* The Nth is anybody's; chance keeps away from those that Linux spares. */
	if (f->attr.nth != 0 || !f->ignore_wait || (gfp & __GFP_DIRECT_RECLAIM) == 0)
		fails = inject_now(&f->attr, cache_object_size(s));
	f->injected += fails;
	quarry_unlock(q->concurrent, &d->lock, pin);
	if (fails && (gfp & __GFP_NOWARN) == 0)
		quarry_log(q, QUARRY_LOG_WARN,
			   "FAULT_INJECTION: forcing a failure: name failslab, cache %s, size %u, "
			   "gfp %#x",
			   s->name, cache_object_size(s), (unsigned int)gfp);
	return fails;
}

int quarry_failslab(struct quarry *q, const char *text)
{
	struct slab_debug *d;
	struct slab_fail new;
	struct inject_word w;
	struct kmem_cache *s;
	int found;

	if (q->slabs == NULL)
		return -QUARRY_EINVAL;
	d = debug_state(q);
	if (d == NULL)
		return -QUARRY_ENOMEM;
	new = d->fail;
	while ((found = inject_next_word(&text, &w)) > 0)
		if (!fail_parse(&new, &w))
			return -QUARRY_EINVAL;
	if (found < 0)
		return -QUARRY_EINVAL;
	d->fail = new;
	for (s = q->slabs->list; s != NULL; s = s->list_next)
		cache_debug_again(q, s);
	return 0;
}

uint64_t quarry_failslab_injected(const struct quarry *q)
{
	return q->slabs == NULL || q->slabs->debug == NULL ? 0 : q->slabs->debug->fail.injected;
}
