/* SPDX-License-Identifier: MIT */
/*
 * Pages that their owners can move.
 *
 * Problem    Only the owner of a block knows who refers to it. He registers how to move his blocks and
 *            says of each block that it can be moved; the number of his mover stands in its descriptor.
 *
 * Life       in use -> isolated: a reference is taken and the owner asked to pin it
 *            isolated -> in use again (putback), or moved: its order, type, references and mover go to
 *            another block, and the old place is the library's.
 *
 * Invariant  PAGE_WORD_ISOLATED is set exactly while one CPU is between isolate and the end of putback
 *            or of a move; it holds one reference meanwhile, so the block cannot be used again. The
 *            last reference to a block with a mover is dropped by compare-exchange (alloc.c), so either
 *            isolation comes first and the block stays, or the free does and isolation fails.
 *
 * Moving     The new block's descriptor is complete, with its references and one of ours, before the
 *            owner's callback publishes it: he may free it, or take references, from that moment on.
 *            References that he took or dropped under his lock before the callback are seen in the old
 *            descriptor afterwards, and made good.
 */
#include "internal.h"

int quarry_register_mover(struct quarry *q, const struct quarry_mover *ops, void *ctx)
{
	struct page_layer *pl = q->pages;
	uint32_t n = pl->nr_movers;

	if (ops == NULL || ops->isolate == NULL || ops->migrate == NULL || ops->putback == NULL)
		return -QUARRY_EINVAL;
	if (n == QUARRY_MAX_MOVERS)
		return -QUARRY_ENOSPC;
	if (pl->mover == NULL) {
		struct page_mover *table = quarry_meta_alloc(q, sizeof(*table) * QUARRY_MAX_MOVERS);

		if (table == NULL)
			return -QUARRY_ENOMEM;
		pl->mover = table;
	}
	pl->mover[n] = (struct page_mover){ops, ctx};
	quarry_store_release(&pl->nr_movers, n + 1);
	late_stop(q); /* nothing that is freed already is to be asked about */
	return (int)n + 1;
}

/* Changes @page's word from @word; false: it has changed, @word is new. */
static bool mover_change(struct quarry *q, struct page *page, uint64_t *word, uint64_t to)
{
	if (q->concurrent)
		return quarry_cmpxchg(&page->word, word, to);
	page_set_word(page, to);
	return true;
}

int quarry_set_page_mover(struct quarry *q, struct page *page, unsigned int number)
{
	uint64_t word, to;

	if (page == NULL || number > quarry_load_acquire(&q->pages->nr_movers))
		return -QUARRY_EINVAL;
	word = page_word(page);
	do {
		if ((word & PAGE_WORD_STATE_MASK) != PAGE_WORD_ALLOC ||
		    page_word_order(word) > QUARRY_PAGEBLOCK_ORDER)
			return -QUARRY_EINVAL;
		to = (word & ~PAGE_WORD_MOVER_MASK) | (uint64_t)number << PAGE_WORD_MOVER_SHIFT;
	} while (!mover_change(q, page, &word, to));
	return 0;
}

unsigned int quarry_page_mover(struct quarry *q, const struct page *page)
{
	uint64_t word = page_word(page);

	(void)q;
	return mover_can(word) ? page_word_mover(word) : 0;
}

static const struct page_mover *mover_of(const struct quarry *q, uint64_t word)
{
	return &q->pages->mover[page_word_mover(word) - 1];
}

/*
 * Ends isolation: our reference goes, and the block with it if it was the last. Mark and reference go
 * at once: whoever isolates the block next may move it, and counts the references that it has.
 */
static void mover_let_go(struct quarry *q, struct page *page)
{
	uint64_t word = page_word(page), to;
	unsigned int order;

	do {
		order = page_word_order(word);
		if (page_word_refs(word) > 1)
			to = (word & ~PAGE_WORD_ISOLATED) - PAGE_WORD_REF_ONE;
		else
			to = (word & PAGE_WORD_ARENA_MASK) |
			     page_word_alloc(order, page_word_type(word));
	} while (!mover_change(q, page, &word, to));
	if (page_word_refs(word) == 1)
		quarry_free_pages(q, page, order);
}

bool mover_isolate(struct quarry *q, struct page *page)
{
	uint64_t word = quarry_load_acquire(&page->word);
	const struct page_mover *m;

	do {
		if (!mover_can(word) || (word & PAGE_WORD_ISOLATED) != 0 ||
		    page_word_mover(word) > quarry_load_acquire(&q->pages->nr_movers) ||
		    page_word_refs(word) == PAGE_WORD_REF_MAX)
			return false;
	} while (!mover_change(q, page, &word, (word + PAGE_WORD_REF_ONE) | PAGE_WORD_ISOLATED));
	m = mover_of(q, word);
	if (m->ops->isolate(m->ctx, page))
		return true;
	mover_let_go(q, page);
	return false;
}

void mover_putback(struct quarry *q, struct page *page)
{
	uint64_t word = page_word(page);

	/* Without a mover the owner has given the block up, and with it what isolate() pinned. */
	if (page_word_mover(word) != 0) {
		const struct page_mover *m = mover_of(q, word);

		m->ops->putback(m->ctx, page);
	}
	mover_let_go(q, page);
}

/* @page loses or wins @refs references: those that its old place lost or won while it was moved. */
static void mover_make_good(struct quarry *q, struct page *page, uint64_t refs)
{
	uint64_t word = page_word(page);

	while (refs != 0 && !mover_change(q, page, &word, word + (refs << PAGE_WORD_REF_SHIFT)))
		;
}

int mover_move(struct quarry *q, struct page *dst, struct page *src)
{
	uint64_t word = page_word(src), arena = page_word(dst) & PAGE_WORD_ARENA_MASK, last;
	const struct page_mover *m;
	int err = -QUARRY_EAGAIN;

	if (page_word_mover(word) != 0) {
		m = mover_of(q, word);
		page_set_word(dst, arena | (word & ~PAGE_WORD_ARENA_MASK));
		err = m->ops->migrate(m->ctx, dst, src);
	}
	page_event(q, err == 0 ? QUARRY_VM_PGMIGRATE_SUCCESS : QUARRY_VM_PGMIGRATE_FAIL,
		   (uint64_t)1 << page_word_order(word));
	if (err != 0) {
		page_set_word(dst, arena | PAGE_WORD_FREE);
		return err;
	}
	if (page_prep_on(q))
		prep_moved(q, dst, src, page_word_order(word));
	last = page_word(src);
	while (!mover_change(q, src, &last,
			     (word & PAGE_WORD_ARENA_MASK) |
				     page_word_alloc(page_word_order(word), page_word_type(word))))
		;
	mover_make_good(q, dst, (uint64_t)page_word_refs(last) - page_word_refs(word));
	mover_let_go(q, dst);
	return 0;
}

void mover_discard(struct quarry *q, struct page *page, unsigned int order)
{
	uint64_t mask = order < 6 ? ((uint64_t)1 << (1u << order)) - 1 : ~(uint64_t)0;
	pfn_t pfn = quarry_page_to_pfn(q, page);

	for (unsigned int i = 0; page_prep_on(q) && i < 1u << order; i += 64)
		prep_release(q, pfn + i, mask);
}
