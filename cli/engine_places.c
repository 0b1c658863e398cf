/* SPDX-License-Identifier: MIT */
/*
 * The mover of a replay's blocks. The map leads from our page frame to the recorded block, whose value in
 * the engine's own map names our frame: a move changes both. One thread plays, and no call of the
 * engine's is under way that holds a value across a request: so there is no lock.
 */
#include <engine_places.h>

static uint64_t places_head(const struct engine_places *p, const struct page *page)
{
	return idmap_get(&p->at, quarry_page_to_pfn(p->q, page));
}

static bool places_isolate(void *ctx, struct page *page)
{
	return places_head(ctx, page) != 0;
}

static int places_migrate(void *ctx, struct page *dst, struct page *src)
{
	struct engine_places *p = ctx;
	uint64_t pfn = quarry_page_to_pfn(p->q, dst), head = places_head(p, src);
	uint64_t *value;

	if (head == 0)
		return -QUARRY_EAGAIN;
	idmap_take(&p->at, quarry_page_to_pfn(p->q, src));
	idmap_add(&p->at, pfn)->value = head;
	if (p->owners != NULL) /* a life without a trace has no owners to tell apart */
		engine_owners_block_moved(p->owners, quarry_page_to_pfn(p->q, src), pfn);
	value = p->value(p->ctx, head - 1);
	*value = (*value & (((uint64_t)1 << BLOCK_SHIFT) - 1)) | pfn << BLOCK_SHIFT;
	return 0;
}

static void places_putback(void *ctx, struct page *page)
{
	(void)ctx;
	(void)page;
}

static const struct quarry_mover places_mover = {
	.isolate = places_isolate,
	.migrate = places_migrate,
	.putback = places_putback,
};

void engine_places_start(struct engine_places *p, struct quarry *q,
			 uint64_t *(*value)(void *ctx, uint64_t head), void *ctx,
			 struct engine_owners *owners)
{
	int number = quarry_register_mover(q, &places_mover, p);

	p->q = q;
	p->value = value;
	p->ctx = ctx;
	p->owners = owners;
	idmap_init(&p->at);
	p->mover = number > 0 ? (unsigned int)number : 0;
}

void engine_places_free(struct engine_places *p)
{
	if (p->value != NULL)
		idmap_free(&p->at);
}

void engine_places_add(struct engine_places *p, uint64_t pfn, uint64_t head)
{
	struct page *page = quarry_pfn_to_page(p->q, pfn);
	struct idmap_slot *s;

	/* A block of more than a pageblock is not moved. */
	if (quarry_set_page_mover(p->q, page, p->mover) != 0)
		return;
	s = idmap_add(&p->at, pfn);
	if (s != NULL)
		s->value = head + 1;
	else
		(void)quarry_set_page_mover(p->q, page, 0);
}

bool engine_places_forget(struct engine_places *p, uint64_t pfn)
{
	if (idmap_take(&p->at, pfn) == 0)
		return false;
	(void)quarry_set_page_mover(p->q, quarry_pfn_to_page(p->q, pfn), 0);
	return true;
}
