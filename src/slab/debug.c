/* SPDX-License-Identifier: MIT */
/*
 * Debugging of single caches: what lies around and in their objects, and who had them.
 *
 * Problem    Say of damage, once and precisely, which object, which bytes, who took it and who gave it
 *            back; and go on. A cache that nobody wants to debug pays nothing and is not written to.
 *
 * Layout     One place, as Linux lays it out; p is what the caller gets. Parts that no flag asks for
 *            are not there.
 *
 *            |left red zone|    object    |right red zone|word|alloc|free|size|  padding  |red zone|
 *            p-red_left_pad p             p+object_size  inuse  32    32    4              |<- of the
 *            |<----------------------------------- size -------------------------------------->| next
 *
 *            Red zones hold 0xcc while a caller has the object and 0xbb while nobody has; a free object
 *            0x6b up to its last byte, 0xa5, if the cache has neither constructor nor RCU readers; what is
 *            left over 0x5a. The word is where Linux keeps a free pointer; here it is padding.
 *
 * States     Two bits an object, free and active, under node->lock:
 *            free                in its slab; contents are as above, or somebody used it after free
 *            active              a caller has it
 *            neither             on the way, or taken out of use for good because of damage
 *            A call has the object to itself while it is on the way: it is filled and checked without
 *            the lock.
 *
 * Damage     Free of what is not active, or not of this cache, is refused. An object whose red zones were
 *            written to is not put back, one that was written to after its free is not handed out again:
 *            what others do with it can harm nobody then. A slab is looked at once more when it is given back. Everything is put right that was found, so
 *            that it is told once.
 *
 * Cost       Two more locks a call; a loop over the bytes of the place.
 * Failure    None of its own: without memory for stacks there are only return addresses.
 */
#include "debug.h"

#include <base/format.h>

#define DEBUG_RED_INACTIVE 0xbbu
#define DEBUG_RED_ACTIVE 0xccu
#define DEBUG_POISON_INUSE 0x5au
#define DEBUG_POISON_FREE 0x6bu
#define DEBUG_POISON_END 0xa5u
#define DEBUG_LEAKS_TOLD 32u

/* Who did something to an object. Lies in its place. */
struct debug_track {
	uint64_t ns;
	uint64_t address; /* 0: nobody */
	uint32_t cpu;
	uint32_t stack; /* number of a stack, from 1; 0: not known */
	uint64_t spare;
};

_Static_assert(sizeof(struct debug_track) == SLAB_TRACK_BYTES, "as large as Linux's");

enum debug_user { DEBUG_ALLOC, DEBUG_FREE };

/* Where bytes are not what they should be; offsets from the object. */
struct debug_damage {
	const char *what;
	long first, last;
	unsigned int want;
};

/* ---- layout ---- */

static bool debug_writes(const struct quarry *q, const struct kmem_cache *s)
{
	return (s->flags & SLAB_DEBUG_LAYOUT) != 0 && !q->no_access;
}

static bool debug_poisons(const struct kmem_cache *s)
{
	return (s->flags & SLAB_POISON) != 0 && (s->flags & SLAB_TYPESAFE_BY_RCU) == 0 &&
	       s->ctor == NULL;
}

static long debug_tracks_at(const struct kmem_cache *s)
{
	return (long)s->inuse + (s->offset >= s->inuse ? (long)sizeof(uint64_t) : 0);
}

/* Where the padding begins, and where it ends. */
static long debug_padding_at(const struct kmem_cache *s)
{
	long at = debug_tracks_at(s);

	if ((s->flags & SLAB_STORE_USER) != 0)
		at += 2 * (long)SLAB_TRACK_BYTES +
		      ((s->flags & SLAB_KMALLOC) != 0 ? (long)SLAB_SIZE_BYTES : 0);
	return at;
}

static long debug_place_end(const struct kmem_cache *s)
{
	return (long)s->size - (long)s->red_left_pad;
}

static struct debug_track *debug_track(const struct kmem_cache *s, void *obj, enum debug_user user)
{
	return (struct debug_track *)(void *)((char *)obj + debug_tracks_at(s)) + user;
}

/* ---- filling and checking ---- */

static void debug_fill(const struct kmem_cache *s, void *obj, bool active)
{
	unsigned int red = active ? DEBUG_RED_ACTIVE : DEBUG_RED_INACTIVE;
	unsigned char *p = obj;

	if ((s->flags & SLAB_RED_ZONE) != 0) {
		quarry_memset(p - s->red_left_pad, (int)red, s->red_left_pad);
		quarry_memset(p + s->object_size, (int)red, s->inuse - s->object_size);
	}
	if (debug_poisons(s) && !active) {
		quarry_memset(p, DEBUG_POISON_FREE, s->object_size - 1);
		p[s->object_size - 1] = DEBUG_POISON_END;
	}
}

/* Puts right what lies behind the object; its users are kept. */
static void debug_fill_padding(const struct kmem_cache *s, void *obj)
{
	char *p = obj;

	if ((s->flags & SLAB_POISON) == 0)
		return;
	if ((s->flags & SLAB_RED_ZONE) == 0)
		quarry_memset(p + s->object_size, DEBUG_POISON_INUSE, s->inuse - s->object_size);
	quarry_memset(p + s->inuse, DEBUG_POISON_INUSE,
		      (size_t)(debug_tracks_at(s) - (long)s->inuse));
	quarry_memset(p + debug_padding_at(s), DEBUG_POISON_INUSE,
		      (size_t)(debug_place_end(s) - debug_padding_at(s)));
}

/* Whether each byte of [@from, @to) is @want; else @d tells. */
static bool debug_bytes_good(const unsigned char *p, long from, long to, unsigned int want,
			     const char *what, struct debug_damage *d)
{
	while (from < to && p[from] == want)
		from++;
	if (from >= to)
		return true;
	while (p[to - 1] == want)
		to--;
	*d = (struct debug_damage){what, from, to - 1, want};
	return false;
}

/* The object first: who writes to it after its free often writes further. */
static bool debug_good(const struct kmem_cache *s, const void *obj, bool active,
		       struct debug_damage *d)
{
	const unsigned char *p = obj;
	long size = (long)s->object_size, inuse = (long)s->inuse;
	bool guarded = (s->flags & SLAB_RED_ZONE) != 0, poison = (s->flags & SLAB_POISON) != 0;
	unsigned int red = active ? DEBUG_RED_ACTIVE : DEBUG_RED_INACTIVE;

	if (debug_poisons(s) && !active &&
	    (!debug_bytes_good(p, 0, size - 1, DEBUG_POISON_FREE, "use after free of", d) ||
	     !debug_bytes_good(p, size - 1, size, DEBUG_POISON_END, "use after free of", d)))
		return false;
	if (guarded &&
	    (!debug_bytes_good(p, -(long)s->red_left_pad, 0, red, "overrun to the left of", d) ||
	     !debug_bytes_good(p, size, inuse, red, "overrun to the right of", d)))
		return false;
	if (poison && !guarded &&
	    !debug_bytes_good(p, size, inuse, DEBUG_POISON_INUSE, "overrun to the right of", d))
		return false;
	return !poison || (debug_bytes_good(p, inuse, debug_tracks_at(s), DEBUG_POISON_INUSE,
					    "overrun to the right of", d) &&
			   debug_bytes_good(p, debug_padding_at(s), debug_place_end(s),
					    DEBUG_POISON_INUSE, "overrun behind", d));
}

/* ---- users ---- */

/* Whether the place of an object of @s has room for who had it. */
static bool debug_keeps_users(const struct quarry *q, const struct kmem_cache *s)
{
	return (s->flags & SLAB_STORE_USER) != 0 && !q->no_access;
}

/* Number of the stack that led here, kept if there is room; 0: none. */
static uint32_t debug_keep_stack(struct quarry *q)
{
	struct slab_debug *d = q->slabs->debug;
	struct debug_stack now = {0};
	uint32_t hash = 0, found = 0;
	quarry_pin_t pin;

	if (d == NULL || d->stack == NULL)
		return 0;
	now.nr = q->port.stack(q->port.ctx, now.frame, DEBUG_FRAMES);
	now.nr = quarry_min(now.nr, DEBUG_FRAMES);
	if (now.nr == 0)
		return 0;
	for (uint32_t i = 0; i < now.nr; i++)
		hash = (hash ^ (uint32_t)(uintptr_t)now.frame[i]) * 0x9e3779b1u;
	pin = quarry_lock(q->concurrent, &d->lock);
	for (uint32_t i = 0; i < 16 && found == 0; i++) {
		uint32_t slot = ((hash >> 16) + i) % DEBUG_STACKS;

		if (d->stack[slot].nr == 0)
			d->stack[slot] = now;
		if (quarry_memcmp(&d->stack[slot], &now, sizeof(now)) == 0)
			found = slot + 1;
	}
	quarry_unlock(q->concurrent, &d->lock, pin);
	return found;
}

static void debug_note_user(struct quarry *q, const struct kmem_cache *s, void *obj,
			    enum debug_user user, const void *caller)
{
	quarry_pin_t pin;

	if (!debug_keeps_users(q, s))
		return;
	pin = quarry_pin();
	*debug_track(s, obj, user) = (struct debug_track){
		.ns = q->port.now != NULL ? q->port.now(q->port.ctx) : 0,
		.address = (uintptr_t)caller,
		.cpu = quarry_cpu(),
		.stack = debug_keep_stack(q),
	};
	quarry_unpin(pin);
}

/* "; allocated by 0x.. on CPU 0, 17 ns ago; freed by ..", as far as it is known. */
static void debug_format_users(struct quarry *q, const struct kmem_cache *s, void *obj, char *text,
			       size_t size)
{
	uint64_t now = q->port.now != NULL ? q->port.now(q->port.ctx) : 0;
	size_t len = 0;

	text[0] = '\0';
	if (!debug_keeps_users(q, s))
		return;
	for (enum debug_user user = DEBUG_ALLOC; user <= DEBUG_FREE; user++) {
		const struct debug_track *t = debug_track(s, obj, user);

		if (t->address == 0)
			continue;
		len += quarry_format(text + len, size - len, "; %s by %p on CPU %u, %llu ns ago",
				     user == DEBUG_ALLOC ? "allocated" : "freed",
				     (void *)(uintptr_t)t->address, t->cpu,
				     (unsigned long long)(now - t->ns));
		if (len >= size)
			return;
	}
}

/* The stacks of both users, to the log. */
static void debug_log_stacks(struct quarry *q, const struct kmem_cache *s, void *obj)
{
	const struct slab_debug *d = q->slabs->debug;
	char text[DEBUG_FRAMES * 20];

	if (!debug_keeps_users(q, s) || d == NULL || d->stack == NULL)
		return;
	for (enum debug_user user = DEBUG_ALLOC; user <= DEBUG_FREE; user++) {
		uint32_t number = debug_track(s, obj, user)->stack;
		const struct debug_stack *stack = &d->stack[number - 1];
		size_t len = 0;

		if (number == 0 || number > DEBUG_STACKS)
			continue;
		for (uint32_t i = 0; i < stack->nr && len < sizeof(text); i++)
			len += quarry_format(text + len, sizeof(text) - len, " %p",
					     stack->frame[i]);
		quarry_log(q, QUARRY_LOG_ERR, "slab: %s: object %p %s at%s", s->name, obj,
			   user == DEBUG_ALLOC ? "allocated" : "freed", text);
	}
}

/* ---- reports ---- */

#define DEBUG_USERS 160

/* Reports @d of @obj, then puts it right. */
static void debug_report(struct quarry *q, const struct kmem_cache *s, void *obj, bool active,
			 const struct debug_damage *d)
{
	const unsigned char *p = obj;
	char hex[64], users[DEBUG_USERS];
	size_t len = 0;
	long at;

	for (at = d->first; at <= d->last && at < d->first + 16; at++)
		len += quarry_format(hex + len, sizeof(hex) - len, " %02x", p[at]);
	debug_format_users(q, s, obj, users, sizeof(users));
	quarry_report(
		q,
		"slab: %s: %s object %p of %u bytes: offset %ld is %02x, not %02x; %u bytes to "
		"the last:%s%s",
		s->name, d->what, obj, s->object_size, d->first, p[d->first], d->want,
		(unsigned int)(d->last - d->first + 1), hex, users);
	debug_log_stacks(q, s, obj);
	debug_fill(s, obj, active);
	debug_fill_padding(s, obj);
}

/* The object that @p lies in, or NULL; its slab in *@slab. */
static void *debug_object_at(const struct quarry *q, const struct kmem_cache *s, const void *p,
			     struct slab **slab)
{
	unsigned int id;
	uint32_t index, number;
	uintptr_t off;

	if (!page_slab_of(q, p, &id, &index) || id != s->id)
		return NULL;
	*slab = slab_record(q->slabs, index);
	off = (uintptr_t)p - ((*slab)->base - s->red_left_pad);
	number = slab_object_index(s, off);
	if (number >= slab_objects(s, *slab))
		return NULL;
	return (void *)((*slab)->base + (uintptr_t)number * s->size);
}

void debug_complain(struct quarry *q, const struct kmem_cache *s, const void *obj,
		    enum slab_fault fault, const void *caller)
{
	const struct kmem_cache *owner = quarry_virt_to_cache(q, obj);
	char users[DEBUG_USERS] = "";
	struct slab *slab;
	void *object = NULL;

	if (owner != NULL)
		object = debug_object_at(q, owner, obj, &slab);
	if (object != NULL)
		debug_format_users(q, owner, object, users, sizeof(users));
	switch (fault) {
	case SLAB_FAULT_NONE:
		break;
	case SLAB_FAULT_FOREIGN:
		quarry_report(q, "slab: %s: free of foreign pointer %p by %p", s->name, obj,
			      caller);
		break;
	case SLAB_FAULT_CACHE:
		quarry_report(q, "slab: %s: free of %p, which belongs to %s, by %p%s", s->name, obj,
			      owner != NULL ? owner->name : "nobody", caller, users);
		break;
	case SLAB_FAULT_INTERIOR:
		if (object == NULL)
			quarry_report(q,
				      "slab: %s: free of %p, not the start of an object, by %p: "
				      "behind the last one of its slab",
				      s->name, obj, caller);
		else
			quarry_report(q,
				      "slab: %s: free of %p, not the start of an object, by %p: "
				      "%zd bytes into object %p%s",
				      s->name, obj, caller, (const char *)obj - (char *)object,
				      object, users);
		break;
	case SLAB_FAULT_DOUBLE:
		if (caller == NULL)
			quarry_report(q,
				      "slab: %s: double free of %p, found as it went back to its "
				      "slab: who did it is not known%s",
				      s->name, obj, users);
		else
			quarry_report(q, "slab: %s: double free of %p by %p%s", s->name, obj,
				      caller, users);
		break;
	}
	if (object != NULL && users[0] != '\0')
		debug_log_stacks(q, owner, object);
}

/* ---- slabs ---- */

void debug_slab_start(struct quarry *q, const struct kmem_cache *s, struct slab *slab)
{
	uintptr_t block = slab_block(q, slab);
	size_t bytes = QUARRY_PAGE_SIZE << slab->order;

	quarry_memset(slab_active(s, slab), 0, slab_words(s, slab) * sizeof(uint64_t));
	if (debug_writes(q, s)) {
		if ((s->flags & SLAB_POISON) != 0)
			quarry_memset((void *)block, DEBUG_POISON_INUSE, bytes);
		for (unsigned int i = 0; i < slab_objects(s, slab); i++) {
			void *obj = (void *)(slab->base + (uintptr_t)i * s->size);

			debug_fill(s, obj, false);
			if ((s->flags & SLAB_STORE_USER) != 0)
				quarry_memset(debug_track(s, obj, DEBUG_ALLOC), 0,
					      2 * SLAB_TRACK_BYTES);
		}
	}
}

/* ---- guarded objects of the port ---- */

void *debug_guard_alloc(struct quarry *q, const struct kmem_cache *s, gfp_t gfp, const void *caller)
{
	if (s->ctor != NULL || q->no_access || (gfp & (__GFP_DMA | __GFP_THISNODE)) != 0 ||
	    (s->flags & (SLAB_TYPESAFE_BY_RCU | SLAB_CACHE_DMA | SLAB_CACHE_DMA32)) != 0)
		return NULL;
	return q->port.guard_alloc(q->port.ctx, cache_object_size(s), s->align, s->name, caller);
}

bool debug_guard_free(struct quarry *q, void *p, const void *caller)
{
	return debug_guards(q) && q->port.guard_free(q->port.ctx, p, caller);
}

/* ---- objects ---- */

/* Sets or clears an object's active bit; returns what it was. */
static bool debug_mark(struct quarry *q, struct kmem_cache *s, struct slab *slab, uint32_t i,
		       bool active)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &s->node[slab->node].lock);
	uint64_t *word = &slab_active(s, slab)[i / 64], bit = (uint64_t)1 << i % 64;
	bool was = slab->cache == s->id && i < slab_objects(s, slab) && (*word & bit) != 0;

	if (active)
		*word |= bit;
	else if (was)
		*word &= ~bit;
	quarry_unlock(q->concurrent, &s->node[slab->node].lock, pin);
	return was;
}

static void debug_trace(struct quarry *q, const struct kmem_cache *s, const char *what,
			const void *obj, const void *caller)
{
	if ((s->flags & SLAB_TRACE) != 0)
		quarry_log(q, QUARRY_LOG_INFO, "TRACE %s %s %p by %p", s->name, what, obj, caller);
}

/* An object that comes out of its slab; false: it was written to, and stays out of use. */
static bool debug_hand_out(struct quarry *q, struct kmem_cache *s, void *obj, const void *caller)
{
	struct debug_damage d;
	struct slab *slab;
	uint32_t number;

	if (debug_writes(q, s)) {
		if (!debug_good(s, obj, false, &d)) {
			debug_report(q, s, obj, false, &d);
			return false;
		}
		debug_fill(s, obj, true);
		debug_note_user(q, s, obj, DEBUG_ALLOC, caller);
	}
	if (slab_find(q, s, obj, &slab, &number) == SLAB_FAULT_NONE)
		debug_mark(q, s, slab, number, true);
	if ((s->debug & SLAB_DEBUG_HOOKS) != 0)
		q->port.object_alloc(q->port.ctx, obj, cache_object_size(s), s->ctor != NULL);
	debug_trace(q, s, "alloc", obj, caller);
	return true;
}

void *debug_alloc(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid, const void *caller)
{
	void *obj;

	if ((s->debug & SLAB_DEBUG_FAIL) != 0 && fail_refuses(q, s, gfp))
		return NULL;
	do
		obj = sheaf_alloc_direct(q, s, gfp, nid);
	while (obj != NULL && (s->debug & SLAB_DEBUG_RECORDS) != 0 &&
	       !debug_hand_out(q, s, obj, caller));
	if (obj != NULL && (s->debug & SLAB_DEBUG_PLACES) != 0)
		profile_alloc(q, s, obj, caller);
	return obj;
}

void debug_free(struct quarry *q, struct kmem_cache *s, void *obj, const void *caller)
{
	enum slab_fault fault;
	struct debug_damage d;
	struct slab *slab;
	uint32_t number;

	fault = slab_find(q, s, obj, &slab, &number);
	if (fault == SLAB_FAULT_NONE && (s->debug & SLAB_DEBUG_RECORDS) != 0 &&
	    !debug_mark(q, s, slab, number, false))
		fault = SLAB_FAULT_DOUBLE;
	if (fault == SLAB_FAULT_NONE && (s->debug & SLAB_DEBUG_PLACES) != 0 &&
	    !profile_free(q, s, slab, number))
		fault = SLAB_FAULT_DOUBLE;
	if (fault == SLAB_FAULT_FOREIGN && debug_guard_free(q, obj, caller))
		return;
	if (fault != SLAB_FAULT_NONE) {
		debug_complain(q, s, obj, fault, caller);
		return;
	}
	debug_trace(q, s, "free", obj, caller);
	if ((s->debug & SLAB_DEBUG_HOOKS) != 0)
		q->port.object_free(q->port.ctx, obj, cache_object_size(s));
	if (debug_writes(q, s)) {
		bool good = debug_good(s, obj, true, &d);

		debug_note_user(q, s, obj, DEBUG_FREE, caller);
		if (!good) {
			debug_report(q, s, obj, false, &d);
			return;
		}
		debug_fill(s, obj, false);
	}
	slab_flush(q, s, &obj, 1);
}

/* ---- whole caches ---- */

/* What is left over at the end of a slab. */
static unsigned int debug_check_rest(struct quarry *q, const struct kmem_cache *s,
				     const struct slab *slab)
{
	uintptr_t rest = slab->base - s->red_left_pad + (uintptr_t)slab_objects(s, slab) * s->size;
	uintptr_t end = slab_block(q, slab) + (QUARRY_PAGE_SIZE << slab->order);
	struct debug_damage d;

	if ((s->flags & SLAB_POISON) == 0 ||
	    debug_bytes_good((void *)rest, 0, (long)(end - rest), DEBUG_POISON_INUSE, "", &d))
		return 0;
	quarry_report(q, "slab: %s: overrun behind the last object of the slab at %p: %p is %02x",
		      s->name, (void *)slab_block(q, slab), (void *)(rest + (uintptr_t)d.first),
		      ((const unsigned char *)rest)[d.first]);
	quarry_memset((void *)rest, DEBUG_POISON_INUSE, end - rest);
	return 1;
}

static unsigned int debug_check_slab(struct quarry *q, const struct kmem_cache *s,
				     struct slab *slab)
{
	unsigned int bad = debug_check_rest(q, s, slab);
	struct debug_damage d;

	for (unsigned int i = 0; i < slab_objects(s, slab); i++) {
		void *obj = (void *)(slab->base + (uintptr_t)i * s->size);
		uint64_t bit = (uint64_t)1 << i % 64;
		bool active = (slab_active(s, slab)[i / 64] & bit) != 0;

		if ((!active && (slab->free[i / 64] & bit) == 0) || debug_good(s, obj, active, &d))
			continue;
		debug_report(q, s, obj, active, &d);
		bad++;
	}
	return bad;
}

void debug_slab_end(struct quarry *q, const struct kmem_cache *s, struct slab *slab)
{
	if (debug_writes(q, s))
		(void)debug_check_slab(q, s, slab);
}

int quarry_cache_validate(struct quarry *q, struct kmem_cache *cache)
{
	unsigned int bad = 0;
	uint32_t index = 0;
	struct slab *slab;

	if ((cache->flags & SLAB_DEBUG_FLAGS) == 0)
		return -QUARRY_EINVAL;
	while (debug_writes(q, cache) && (slab = slab_next_of(q, cache, &index)) != NULL)
		bad += debug_check_slab(q, cache, slab);
	return (int)bad;
}

void debug_release_bad(struct quarry *q, struct kmem_cache *s)
{
	uint32_t index = 0;
	struct slab *slab;

	while ((slab = slab_next_of(q, s, &index)) != NULL) {
		/* It may go with its last object. */
		for (unsigned int i = 0; slab->cache == s->id && i < slab_objects(s, slab); i++) {
			void *obj = (void *)(slab->base + (uintptr_t)i * s->size);
			uint64_t used = slab->free[i / 64] | slab_active(s, slab)[i / 64];

			if ((used >> i % 64 & 1) == 0)
				slab_flush(q, s, &obj, 1);
		}
	}
}

unsigned long debug_leaks(struct quarry *q, struct kmem_cache *s)
{
	bool records = (s->debug & SLAB_DEBUG_RECORDS) != 0;
	char users[DEBUG_USERS];
	unsigned long leaks = 0;
	uint32_t index = 0;
	struct slab *slab;

	while ((slab = slab_next_of(q, s, &index)) != NULL) {
		for (unsigned int i = 0; i < slab_objects(s, slab); i++) {
			void *obj = (void *)(slab->base + (uintptr_t)i * s->size);
			uint64_t word =
				records ? slab_active(s, slab)[i / 64] : ~slab->free[i / 64];

			if ((word >> i % 64 & 1) == 0 || leaks++ >= DEBUG_LEAKS_TOLD)
				continue;
			debug_format_users(q, s, obj, users, sizeof(users));
			quarry_log(q, QUARRY_LOG_ERR, "slab: %s: object %p was not freed%s",
				   s->name, obj, users);
			debug_log_stacks(q, s, obj);
		}
	}
	quarry_log(q, QUARRY_LOG_ERR, "slab: %s: %lu objects were not freed", s->name, leaks);
	return leaks;
}

void debug_settle(const struct quarry *q, struct kmem_cache *s)
{
	s->debug = s->flags & SLAB_DEBUG_FLAGS;
	if (debug_hooked(q))
		s->debug |= SLAB_DEBUG_HOOKS;
	if (fail_applies(q, s))
		s->debug |= SLAB_DEBUG_FAIL;
	if (q->slabs->profiling)
		s->debug |= SLAB_DEBUG_PLACES;
}
