/* SPDX-License-Identifier: MIT */
/* Pages that their owners can move, and compaction, which moves them to make large free blocks. */
#ifndef QUARRY_COMPACTION_H
#define QUARRY_COMPACTION_H

#include <quarry/mmzone.h>
#include <quarry/types.h>

#define QUARRY_MAX_MOVERS 63

/**
 * struct quarry_mover - how an owner of pages has them moved (Linux: struct movable_operations)
 * @isolate:  pin block @page, whose pages must stay as they are until @migrate or @putback; false: not
 *	      now. May run for a block that the owner is about to free
 * @migrate:  copy the contents of block @src to @dst, which has the same order, and make every
 *	      reference to @src one to @dst; 0, or an error (-QUARRY_EAGAIN ...) with nothing changed
 * @putback:  @page was isolated and stays where it is
 *
 * Who owns which race:
 *
 * The library  A block that is freed, or gets another owner, between being seen and being isolated is
 *	      noticed: isolation takes a reference by compare-exchange, and only of an allocated block
 *	      with this mover. While a block is isolated that reference keeps it from being used again.
 * The owner    @isolate, @migrate and @putback run on any CPU, at the same time for different blocks, for
 *	      one block one after the other. What tells the owner that a block is his, and
 *	      where it is (his table, his list), he changes under a lock that they take too. In @isolate he
 *	      finds out whether @page is still his, and refuses if not. He may free an isolated block;
 *	      @migrate must then refuse it. References to an isolated block are taken and dropped under
 *	      that lock only; with @migrate's success all that there are, but the library's one, are
 *	      references to @dst. An owner who hands out references to others must refuse while there are
 *	      such: quarry_page_count() is then above his own count plus one.
 *
 * The callbacks run without locks of Quarry's. They may ask about pages and take locks of the owner's; they
 * must neither allocate or free through the memory system under a lock that a callback takes, nor
 * start a compaction.
 */
struct quarry_mover {
	bool (*isolate)(void *ctx, struct page *page);
	int (*migrate)(void *ctx, struct page *dst, struct page *src);
	void (*putback)(void *ctx, struct page *page);
};

/**
 * quarry_register_mover() - make known how an owner moves his pages
 * @q:	 memory system, booted
 * @ops: stays in use until @q is thrown away; no member is NULL
 * @ctx: passed to its functions
 *
 * Context: any but interrupt; two registrations not at once. Return: its number, 1..QUARRY_MAX_MOVERS; -QUARRY_EINVAL: a
 * function is missing; -QUARRY_ENOSPC: there are QUARRY_MAX_MOVERS; -QUARRY_ENOMEM: no memory for the
 * table, which the first one makes; nothing changed.
 */
QUARRY_MUST_CHECK int quarry_register_mover(struct quarry *q, const struct quarry_mover *ops,
					    void *ctx);

/**
 * quarry_set_page_mover() - say that block @page can be moved (Linux: __SetPageMovable())
 * @q:	    memory system
 * @page:   first page of an allocated block of order QUARRY_PAGEBLOCK_ORDER at most, owned by the caller
 * @number: of a registered mover; 0: it can no longer be moved (Linux: __ClearPageMovable())
 *
 * The block moves with its order, type, references and mover. Freeing it forgets the mover; before
 * quarry_split_page() the owner must take it off, under his lock and while the block is not isolated.
 * Context: any; the owner's lock against @page's isolation, for number 0.
 * Return: 0; -QUARRY_EINVAL: no such mover or no such block, nothing changed.
 */
int quarry_set_page_mover(struct quarry *q, struct page *page, unsigned int number);

/** quarry_page_mover() - number of the mover of block @page of @q; 0: none, or no allocated block.
 * Context: any. */
unsigned int quarry_page_mover(struct quarry *q, const struct page *page);

/**
 * quarry_compact_node() - compact all zones of node @nid (Linux: its "compact" file)
 * @q:	 memory system, booted
 * @nid: node
 *
 * Empties as many pageblocks as the others have room for, the emptiest first, into the fullest.
 * Context: any but interrupt, no lock of a mover held. O(pages moved + pageblocks).
 * Return: 0; -QUARRY_EINVAL: no node with memory, nothing changed.
 */
int quarry_compact_node(struct quarry *q, int nid);

/** quarry_compact_memory() - quarry_compact_node() of all nodes of @q (Linux: vm.compact_memory).
 * Same context. */
void quarry_compact_memory(struct quarry *q);

/**
 * quarry_kcompactd_run() - one round of the background compaction of a node
 * @q:	 memory system, booted
 * @nid: node
 *
 * Compacts zones for which a request has asked for larger blocks since; else, if the node's
 * fragmentation score is above its high mark (110 - proactiveness, at most 100), each of its zones
 * until the share of its free pages in smaller blocks is at the low mark (100 - proactiveness, at
 * least 5). To be called when the port's wake callback says so, and now and then.
 * Context: as quarry_compact_node().
 * Return: pageblocks, or blocks that were asked for, that were made; 0 also if there is no such node.
 */
unsigned long quarry_kcompactd_run(struct quarry *q, int nid);

/**
 * quarry_fragmentation_score() - how broken a node's free memory is, in percent
 * @q:	 memory system, booted
 * @nid: node
 *
 * Each zone's share of free pages that lie in no free block of QUARRY_PAGEBLOCK_ORDER, weighted by its
 * part of the node's present pages, rounded down. Context: any but interrupt. Return: 0..100.
 */
unsigned int quarry_fragmentation_score(struct quarry *q, int nid);

/**
 * quarry_fragmentation_index() - why a request of @order would fail in a zone (Linux: extfrag_index)
 * @q:	   memory system, booted
 * @nid:   node
 * @zone:  zone type
 * @order: 0..QUARRY_MAX_ORDER
 *
 * 1000 - (1000 + 1000 * free pages / 2^order) / free blocks: towards 0 for lack of memory, towards 1000
 * for fragmentation. Context: any but interrupt.
 * Return: -1000: it would not fail; 0: nothing is free, or there is no such zone or order; else the index.
 */
int quarry_fragmentation_index(struct quarry *q, int nid, enum quarry_zone_type zone,
			       unsigned int order);

/** quarry_unusable_index() - thousandths of the free pages of zone @zone of node @nid of @q that lie in
 * no free block of @order or more (Linux: unusable_index); 1000 if nothing is free, 0 if there is no
 * such zone or order. Context: any but interrupt. */
int quarry_unusable_index(struct quarry *q, int nid, enum quarry_zone_type zone,
			  unsigned int order);

#endif
