/* SPDX-License-Identifier: MIT */
/*
 * Guarded objects: a few at a time, each alone on a page between two that cannot be touched.
 *
 *	| none | slot 0 | none | slot 1 | none | ...
 *
 * An object lies at the end of its page or at its start, by turns, so that overruns to either side hit the
 * page beside; the rest of its page holds a pattern that is looked at when it is freed. A freed page cannot
 * be touched until its slot is used again; slots are used in turn, so that this takes as long as can be.
 * With a handler an access that is wrong is reported, and the page opened so that the program goes on.
 *
 * Locks: one for each pool. The handler takes none: what it reads of a slot stands still unless that slot is
 * handed out in the same moment.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "watch.h"

#define GUARD_PAGE ((size_t)4096)
#define GUARD_FILL 0xaa
#define GUARD_INTERVAL 100u

enum guard_state { GUARD_UNUSED, GUARD_ALLOCATED, GUARD_FREED };

struct guard_slot {
	enum guard_state state;
	char *object;
	size_t size;
	const char *cache;
	const void *taker, *giver;
};

struct posix_guard {
	struct posix_guard *next; /* all that catch */
	char *pool;
	unsigned int slots, interval, turn;
	bool catches;
	pthread_mutex_t lock;
	struct quarry_posix_guard_info info;
	void (*report)(void *ctx, const char *line);
	void *ctx;
	struct guard_slot slot[];
};

/* Pools whose accesses are caught; pools come and go under the lock. */
static pthread_mutex_t guard_lock = PTHREAD_MUTEX_INITIALIZER;
static struct posix_guard *guard_all;
static struct sigaction guard_before;

static size_t guard_bytes(const struct posix_guard *g)
{
	return (2 * (size_t)g->slots + 1) * GUARD_PAGE;
}

static char *guard_page(const struct posix_guard *g, unsigned int slot)
{
	return g->pool + (2 * (size_t)slot + 1) * GUARD_PAGE;
}

static bool guard_has(const struct posix_guard *g, const void *p)
{
	return (uintptr_t)p - (uintptr_t)g->pool < guard_bytes(g);
}

static void guard_say(struct posix_guard *g, const struct guard_slot *s, const char *what,
		      const void *p, const void *caller)
{
	char line[384];
	int n;

	n = snprintf(line, sizeof(line),
		     "guard: %s: %s of object %p of %zu bytes: offset %td; allocated by %p",
		     s->cache, what, (void *)s->object, s->size, (const char *)p - s->object,
		     s->taker);
	if (s->giver != NULL)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "; freed by %p", s->giver);
	if (caller != NULL)
		snprintf(line + n, sizeof(line) - (size_t)n, "; found by %p", caller);
	__atomic_fetch_add(&g->info.reports, 1, __ATOMIC_RELAXED);
	g->report(g->ctx, line);
}

/* ---- accesses ---- */

/* The slot that an access to @p has to do with: its own, or beside a guard page the nearer object's. */
static struct guard_slot *guard_blame(struct posix_guard *g, const void *p)
{
	size_t page = ((uintptr_t)p - (uintptr_t)g->pool) / GUARD_PAGE;
	struct guard_slot *left, *right;

	if (page % 2 == 1)
		return &g->slot[page / 2];
	left = page != 0 ? &g->slot[page / 2 - 1] : NULL;
	right = page / 2 < g->slots ? &g->slot[page / 2] : NULL;
	if (left == NULL || left->state == GUARD_UNUSED)
		return right;
	if (right == NULL || right->state == GUARD_UNUSED)
		return left;
	return (const char *)p - (left->object + left->size) < right->object - (const char *)p
		       ? left
		       : right;
}

static bool guard_caught(const void *p)
{
	struct posix_guard *g;
	struct guard_slot *s;
	char *page;

	for (g = guard_all; g != NULL && !guard_has(g, p); g = g->next)
		;
	if (g == NULL)
		return false;
	s = guard_blame(g, p);
	if (s->state == GUARD_UNUSED)
		return false;
	guard_say(g, s,
		  s->state == GUARD_FREED       ? "use after free"
		  : (const char *)p < s->object ? "overrun to the left"
						: "overrun to the right",
		  p, NULL);
	page = g->pool + ((uintptr_t)p - (uintptr_t)g->pool) / GUARD_PAGE * GUARD_PAGE;
	return mprotect(page, GUARD_PAGE, PROT_READ | PROT_WRITE) == 0;
}

static void guard_handler(int sig, siginfo_t *info, void *context)
{
	if (guard_caught(info->si_addr))
		return;
	if ((guard_before.sa_flags & SA_SIGINFO) != 0)
		guard_before.sa_sigaction(sig, info, context);
	else if (guard_before.sa_handler != SIG_DFL && guard_before.sa_handler != SIG_IGN)
		guard_before.sa_handler(sig);
	else
		sigaction(sig, &guard_before, NULL); /* it comes again */
}

static void guard_catch(struct posix_guard *g)
{
	struct sigaction action = {.sa_sigaction = guard_handler,
				   .sa_flags = SA_SIGINFO | SA_NODEFER};

	pthread_mutex_lock(&guard_lock);
	if (guard_all == NULL)
		sigaction(SIGSEGV, &action, &guard_before);
	g->next = guard_all;
	guard_all = g;
	g->catches = true;
	pthread_mutex_unlock(&guard_lock);
}

static void guard_uncatch(struct posix_guard *g)
{
	struct posix_guard **link;

	pthread_mutex_lock(&guard_lock);
	for (link = &guard_all; *link != g; link = &(*link)->next)
		;
	*link = g->next;
	if (guard_all == NULL)
		sigaction(SIGSEGV, &guard_before, NULL);
	pthread_mutex_unlock(&guard_lock);
}

/* ---- pool ---- */

struct posix_guard *quarry_posix_guard_new(const struct quarry_posix_options *options,
					   void (*report)(void *ctx, const char *line), void *ctx)
{
	unsigned int slots = options->guard_slots;
	struct posix_guard *g = calloc(1, sizeof(*g) + slots * sizeof(g->slot[0]));

	if (g == NULL)
		return NULL;
	g->slots = slots;
	g->interval = options->guard_interval != 0 ? options->guard_interval : GUARD_INTERVAL;
	g->report = report;
	g->ctx = ctx;
	g->pool = mmap(NULL, guard_bytes(g), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);
	if (g->pool == MAP_FAILED) {
		free(g);
		return NULL;
	}
	pthread_mutex_init(&g->lock, NULL);
	if (options->guard_catch)
		guard_catch(g);
	return g;
}

void quarry_posix_guard_delete(struct posix_guard *g)
{
	if (g == NULL)
		return;
	if (g->catches)
		guard_uncatch(g);
	munmap(g->pool, guard_bytes(g));
	free(g);
}

/* ---- objects ---- */

/* The next slot without an object, from the one after the last on. */
static struct guard_slot *guard_free_slot(struct posix_guard *g)
{
	for (unsigned int i = 0; i < g->slots; i++) {
		unsigned int slot = (g->turn + i) % g->slots;

		if (g->slot[slot].state != GUARD_ALLOCATED) {
			g->turn = slot + 1;
			return &g->slot[slot];
		}
	}
	return NULL;
}

static char *guard_place(struct posix_guard *g, unsigned int slot, size_t size, size_t align)
{
	char *page = guard_page(g, slot);

	if (mprotect(page, GUARD_PAGE, PROT_READ | PROT_WRITE) != 0)
		return NULL;
	/* An access that was caught may have opened the pages beside. */
	mprotect(page - GUARD_PAGE, GUARD_PAGE, PROT_NONE);
	mprotect(page + GUARD_PAGE, GUARD_PAGE, PROT_NONE);
	memset(page, GUARD_FILL, GUARD_PAGE);
	return g->info.given % 2 == 0 ? page + (GUARD_PAGE - size) / align * align : page;
}

void *quarry_posix_guard_alloc(struct posix_guard *g, size_t size, size_t align, const char *cache,
			       const void *caller)
{
	struct guard_slot *s = NULL;
	char *object = NULL;

	pthread_mutex_lock(&g->lock);
	if (size <= GUARD_PAGE && align <= GUARD_PAGE && ++g->info.asked % g->interval == 0)
		s = guard_free_slot(g);
	if (s != NULL)
		object = guard_place(g, (unsigned int)(s - g->slot), size, align);
	if (object != NULL) {
		*s = (struct guard_slot){GUARD_ALLOCATED, object, size, cache, caller, NULL};
		g->info.given++;
		g->info.used++;
	}
	pthread_mutex_unlock(&g->lock);
	return object;
}

/* The first byte of the page that is not the object's and was written to; NULL: none. */
static const char *guard_spoilt(const struct guard_slot *s, const char *page)
{
	for (const char *p = page; p < page + GUARD_PAGE; p++)
		if ((p < s->object || p >= s->object + s->size) &&
		    *(const unsigned char *)p != GUARD_FILL)
			return p;
	return NULL;
}

bool quarry_posix_guard_free(struct posix_guard *g, void *p, const void *caller)
{
	struct guard_slot *s;
	const char *spoilt;
	char *page;

	if (!guard_has(g, p))
		return false;
	pthread_mutex_lock(&g->lock);
	s = guard_blame(g, p);
	if (s->state != GUARD_ALLOCATED || p != s->object) {
		guard_say(g, s, s->state == GUARD_FREED ? "double free" : "wrong free", p, caller);
		pthread_mutex_unlock(&g->lock);
		return true;
	}
	page = guard_page(g, (unsigned int)(s - g->slot));
	spoilt = guard_spoilt(s, page);
	s->giver = caller;
	s->state = GUARD_FREED;
	if (spoilt != NULL)
		guard_say(g, s, spoilt < s->object ? "overrun to the left" : "overrun to the right",
			  spoilt, caller);
	mprotect(page, GUARD_PAGE, PROT_NONE);
	g->info.freed++;
	g->info.used--;
	pthread_mutex_unlock(&g->lock);
	return true;
}

size_t quarry_posix_guard_size(struct posix_guard *g, const void *p)
{
	const struct guard_slot *s;
	size_t size;

	if (!guard_has(g, p))
		return 0;
	pthread_mutex_lock(&g->lock);
	s = guard_blame(g, p);
	size = s->state == GUARD_ALLOCATED && s->object == p ? s->size : 0;
	pthread_mutex_unlock(&g->lock);
	return size;
}

void quarry_posix_guard_tell(struct posix_guard *g, struct quarry_posix_guard_info *info)
{
	*info = (struct quarry_posix_guard_info){0};
	if (g == NULL)
		return;
	pthread_mutex_lock(&g->lock);
	*info = g->info;
	pthread_mutex_unlock(&g->lock);
}
