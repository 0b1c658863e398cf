/* SPDX-License-Identifier: MIT */
/*
 * The hoard: blocks that are taken so that others lack them, and given back when quarry asks for reclaim.
 * It stands for a page cache, which the demo kernel does not have.
 *
 * While it is open, threads add to it what they can have without waiting, so free memory stays near the
 * watermarks: requests that may wait come here by port.reclaim, those that may not are served by the
 * reserves, or refused, and the background reclaimers are woken and run.
 */
#include "kernel.h"

#define HOARD_BLOCKS 2048u

static struct {
	uint32_t lock;
	uint32_t nr; /* under lock; read by anybody */
	struct {
		struct page *page;
		unsigned int order;
	} block[HOARD_BLOCKS];
	uint32_t open;                     /* atomic */
	uint32_t woken[KERNEL_MAX_NODES];  /* atomic: a run is wanted */
	uint32_t daemon[KERNEL_MAX_NODES]; /* atomic: one is under way */
	uint64_t runs, reclaimed;          /* atomic */
} hoard;

static quarry_pin_t hoard_lock(void)
{
	quarry_pin_t pin = quarry_pin();

	while (__atomic_exchange_n(&hoard.lock, 1u, __ATOMIC_ACQUIRE) != 0)
		quarry_relax();
	return pin;
}

static void hoard_unlock(quarry_pin_t pin)
{
	__atomic_store_n(&hoard.lock, 0u, __ATOMIC_RELEASE);
	quarry_unpin(pin);
}

/* Pages given back; 0: there is nothing. */
static unsigned long hoard_give(void)
{
	quarry_pin_t pin = hoard_lock();
	struct page *page = NULL;
	unsigned int order = 0;

	if (hoard.nr > 0) {
		hoard.nr--;
		page = hoard.block[hoard.nr].page;
		order = hoard.block[hoard.nr].order;
	}
	hoard_unlock(pin);
	if (page == NULL)
		return 0;
	quarry_free_pages(kernel.q, page, order);
	return 1ul << order;
}

bool hoard_take(unsigned int order)
{
	struct page *page;
	quarry_pin_t pin;
	bool room;

	if (__atomic_load_n(&hoard.open, __ATOMIC_ACQUIRE) == 0)
		return false;
	page = quarry_alloc_pages(
		kernel.q, (GFP_HIGHUSER_MOVABLE & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN, order);
	if (page == NULL)
		return false;
	pin = hoard_lock();
	room = hoard.nr < HOARD_BLOCKS;
	if (room) {
		hoard.block[hoard.nr].page = page;
		hoard.block[hoard.nr].order = order;
		hoard.nr++;
	}
	hoard_unlock(pin);
	if (!room)
		quarry_free_pages(kernel.q, page, order);
	return room;
}

void hoard_open(void)
{
	__atomic_store_n(&hoard.open, 1u, __ATOMIC_RELEASE);
	for (unsigned int order = QUARRY_MAX_ORDER + 1; order-- > 2;) {
		while (hoard_take(order))
			;
	}
}

void hoard_close(void)
{
	__atomic_store_n(&hoard.open, 0u, __ATOMIC_RELEASE);
	while (hoard_give() != 0)
		;
}

unsigned long hoard_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
			    unsigned long nr_pages)
{
	unsigned long pages = 0, more = 1;

	(void)ctx;
	(void)nid;
	(void)gfp;
	(void)order;
	if (kernel_this_cpu()->irq_depth != 0)
		kernel_damaged("reclaim in an interrupt");
	while (pages < nr_pages && more != 0) {
		more = hoard_give();
		pages += more;
	}
	__atomic_fetch_add(&hoard.reclaimed, pages, __ATOMIC_RELAXED);
	return pages;
}

void hoard_wake(void *ctx, int nid, unsigned int order)
{
	(void)ctx;
	(void)order;
	if (nid >= 0 && nid < (int)KERNEL_MAX_NODES)
		__atomic_store_n(&hoard.woken[nid], 1u, __ATOMIC_RELEASE);
}

void hoard_daemon(int nid)
{
	if (__atomic_load_n(&hoard.woken[nid], __ATOMIC_ACQUIRE) == 0 ||
	    __atomic_exchange_n(&hoard.daemon[nid], 1u, __ATOMIC_ACQUIRE) != 0)
		return;
	__atomic_store_n(&hoard.woken[nid], 0u, __ATOMIC_RELAXED);
	quarry_kswapd_run(kernel.q, nid);
	quarry_kcompactd_run(kernel.q, nid);
	__atomic_fetch_add(&hoard.runs, 1u, __ATOMIC_RELAXED);
	__atomic_store_n(&hoard.daemon[nid], 0u, __ATOMIC_RELEASE);
}

bool hoard_says(void)
{
	uint64_t runs = __atomic_load_n(&hoard.runs, __ATOMIC_RELAXED);
	uint64_t reclaimed = __atomic_load_n(&hoard.reclaimed, __ATOMIC_RELAXED);

	kprintf("# storm: %lu runs of background reclaimers, %lu pages reclaimed\n", runs,
		reclaimed);
	return runs != 0 && reclaimed != 0;
}
