/* SPDX-License-Identifier: MIT */
#include "owner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct owner_block *owner_find(struct owner *o, const struct page *page)
{
	pfn_t pfn = quarry_page_to_pfn(o->m->q, page);
	uint32_t slot = pfn < o->nr_pfns ? o->slot_of[pfn] : 0;

	return slot != 0 ? &o->block[slot - 1] : NULL;
}

static bool owner_chance(struct owner *o, unsigned int percent)
{
	return percent != 0 && machine_random(&o->seed) % 100 < percent;
}

static bool owner_isolate(void *ctx, struct page *page)
{
	struct owner *o = ctx;
	struct owner_block *b;
	bool ok = false;

	pthread_mutex_lock(&o->lock);
	b = owner_find(o, page);
	if (b != NULL) {
		o->wrong += b->pinned || b->page != page;
		ok = !owner_chance(o, o->refuse_percent);
		b->pinned = ok;
		o->isolated += ok;
		o->refused += !ok;
	}
	pthread_mutex_unlock(&o->lock);
	return ok;
}

static int owner_migrate(void *ctx, struct page *dst, struct page *src)
{
	struct owner *o = ctx;
	struct owner_block *b;
	int err = -QUARRY_EAGAIN;

	if (o->before != NULL)
		o->before(o, src);
	pthread_mutex_lock(&o->lock);
	b = owner_find(o, src);
	if (b != NULL && o->has_ram) /* also where it fails after that */
		*(char *)quarry_page_address(o->m->q, dst) = 0x5c;
	if (b != NULL && !owner_chance(o, o->fail_percent)) {
		pfn_t from = quarry_page_to_pfn(o->m->q, src);
		pfn_t to = quarry_page_to_pfn(o->m->q, dst);

		o->wrong += !b->pinned || b->page != src || o->slot_of[to] != 0;
		if (o->has_ram)
			memcpy(quarry_page_address(o->m->q, dst), quarry_page_address(o->m->q, src),
			       QUARRY_PAGE_SIZE << b->order);
		o->slot_of[to] = o->slot_of[from];
		o->slot_of[from] = 0;
		b->page = dst;
		b->pinned = false;
		o->migrated += 1ul << b->order;
		err = 0;
	}
	o->failed += err != 0;
	pthread_mutex_unlock(&o->lock);
	return err;
}

static void owner_putback(void *ctx, struct page *page)
{
	struct owner *o = ctx;
	struct owner_block *b;

	pthread_mutex_lock(&o->lock);
	b = owner_find(o, page);
	if (b != NULL) {
		o->wrong += !b->pinned;
		b->pinned = false;
	}
	o->put_back++;
	pthread_mutex_unlock(&o->lock);
}

static const struct quarry_mover owner_ops = {owner_isolate, owner_migrate, owner_putback};

void owner_init(struct owner *o, struct machine *m, size_t slots, pfn_t nr_pfns, bool has_ram)
{
	int number = quarry_register_mover(m->q, &owner_ops, o);

	assert_true(number > 0);
	*o = (struct owner){.m = m,
			    .number = (unsigned int)number,
			    .nr_blocks = slots,
			    .nr_pfns = nr_pfns,
			    .has_ram = has_ram,
			    .seed = 1};
	pthread_mutex_init(&o->lock, NULL);
	o->block = calloc(slots, sizeof(*o->block));
	o->slot_of = calloc((size_t)nr_pfns, sizeof(*o->slot_of));
	assert_non_null(o->block);
	assert_non_null(o->slot_of);
}

void owner_fini(struct owner *o)
{
	owner_free_all(o);
	pthread_mutex_destroy(&o->lock);
	free(o->block);
	free(o->slot_of);
}

static uint64_t *owner_word(struct owner *o, const struct owner_block *b, unsigned int page,
			    bool last)
{
	char *p = (char *)quarry_page_address(o->m->q, b->page) + page * QUARRY_PAGE_SIZE;

	return (uint64_t *)(void *)(p + (last ? QUARRY_PAGE_SIZE - 8 : 0));
}

void owner_adopt(struct owner *o, size_t slot, struct page *page, unsigned int order)
{
	struct owner_block *b = &o->block[slot];

	pthread_mutex_lock(&o->lock);
	*b = (struct owner_block){.page = page, .order = order, .stamp = machine_random(&o->seed)};
	for (unsigned int k = 0; o->has_ram && k < 1u << order; k++) {
		*owner_word(o, b, k, false) = b->stamp + k;
		*owner_word(o, b, k, true) = b->stamp - k;
	}
	o->slot_of[quarry_page_to_pfn(o->m->q, page)] = (uint32_t)slot + 1;
	pthread_mutex_unlock(&o->lock);
	if (quarry_set_page_mover(o->m->q, page, o->number) != 0)
		__atomic_fetch_add(&o->wrong, 1ul, __ATOMIC_RELAXED);
}

bool owner_alloc(struct owner *o, size_t slot, gfp_t gfp, unsigned int order)
{
	struct page *page = quarry_alloc_pages(o->m->q, gfp, order);

	if (page != NULL)
		owner_adopt(o, slot, page, order);
	return page != NULL;
}

static unsigned long owner_check_block(struct owner *o, const struct owner_block *b)
{
	unsigned long faults = b->pinned;

	for (unsigned int k = 0; o->has_ram && k < 1u << b->order; k++) {
		faults += *owner_word(o, b, k, false) != b->stamp + k;
		faults += *owner_word(o, b, k, true) != b->stamp - k;
	}
	return faults;
}

void owner_free(struct owner *o, size_t slot)
{
	struct owner_block b;

	pthread_mutex_lock(&o->lock);
	b = o->block[slot];
	if (b.page != NULL) {
		o->slot_of[quarry_page_to_pfn(o->m->q, b.page)] = 0;
		o->block[slot].page = NULL;
		o->block[slot].pinned = false;
		b.pinned = false; /* it may be: an isolated block may be freed */
		o->wrong += owner_check_block(o, &b) != 0;
	}
	pthread_mutex_unlock(&o->lock);
	quarry_free_pages(o->m->q, b.page, b.order);
}

void owner_free_all(struct owner *o)
{
	for (size_t i = 0; i < o->nr_blocks; i++)
		owner_free(o, i);
}

unsigned long owner_check(struct owner *o)
{
	unsigned long faults;

	pthread_mutex_lock(&o->lock);
	faults = o->wrong;
	for (size_t i = 0; i < o->nr_blocks; i++) {
		const struct owner_block *b = &o->block[i];

		if (b->page == NULL)
			continue;
		faults += owner_check_block(o, b);
		faults += quarry_page_mover(o->m->q, b->page) != o->number;
		faults += quarry_page_count(o->m->q, b->page) != 1;
	}
	pthread_mutex_unlock(&o->lock);
	return faults;
}
