/* SPDX-License-Identifier: MIT */
/*
 * bootmem: the older boot allocator, one bitmap per node.
 *
 * Problem    The same as memblock's, in the shape that Linux had from 2.6.27 to 4.19: which pages
 *            may be handed out, and small allocations before there is a page allocator. It knows
 *            pages of nodes, not regions with flags; who needs more uses memblock.
 *
 * Terms      A node covers the pages [node_min_pfn, node_low_pfn); bit i of its bitmap is page
 *            node_min_pfn + i; 1 is reserved. The hint is the bit where the next search starts. The
 *            last end is the byte offset in the node where the last allocation ended.
 *
 *            page        0   1   2   3   4   5   6   7
 *            bitmap      1   1   1   0   0   0   1   1
 *                                ^ last end: 2.25 pages      a request for 1.5 pages packs itself
 *                                    ^ hint: 3               into [2.25, 3.75) and takes one page
 *
 * Invariant  Nodes are linked by rising node_min_pfn and disjoint. Bits beyond the last page are 1.
 *            If the last end lies inside a page, that page is reserved: freeing it resets the last
 *            end, so that nothing is ever packed into a page that is free, or is somebody else's
 *            by now. quarry_check_bootmem() checks this.
 *
 * Life       quarry_init_bootmem_node() begins a node with all pages reserved; its bitmap lies in
 *            pages that the caller names and reserves. quarry_free_bootmem() tells of RAM,
 *            quarry_reserve_bootmem() of what is in use. quarry_free_all_bootmem() hands over the
 *            free pages and the bitmaps themselves, and the node is closed.
 *
 * Locks      None: boot has one thread.
 *
 * A mark     Freeing and reserving walk the nodes twice: first to see whether every page can be
 *            marked, then to do it. So a refusal on the last node leaves no trace on the first.
 *
 * An alloc   bootmem_alloc_bdata(): from the goal or the hint, the first run of free bits at the
 *            wanted alignment; once more from the goal if the hint lay above it. Alignment is of
 *            absolute addresses, not of offsets in the node.
 *
 * Costs      A bit per page; searches and marks go by words, and over long stretches of one kind without
 *            touching the bitmap (bootmem_bits.c).
 *
 * Failure    What would be a kernel bug (double free, a page of no node, size 0) is reported, and
 *            nothing is changed. Only the calls without _nopanic panic.
 */
#include <quarry/bootmem.h>

#include <base/bits.h>
#include <base/quarry_state.h>
#include <base/string.h>

#include <boot/internal.h>

struct bootmem_request {
	size_t size;
	size_t align;
	phys_addr_t goal;
	phys_addr_t limit;
};

/* What is to become of the pages [start, end). */
struct bootmem_mark {
	pfn_t start;
	pfn_t end;
	bool reserve;
	bool exclusive;
};

/* Nodes. */

void bootmem_init(struct quarry *q)
{
	quarry_bootmem_use(q, q->bootmem_own, &q->bootmem.bdata_own);
}

void quarry_bootmem_use(struct quarry *q, bootmem_data_t *node_data, struct list_head *bdata_list)
{
	struct bootmem *bm = &q->bootmem;
	bool debug = bm->debug;

	quarry_memset(node_data, 0, sizeof(*node_data) * QUARRY_MAX_NODES);
	quarry_memset(bm, 0, sizeof(*bm));
	bm->bootmem_node_data = node_data;
	bm->bdata_list = bdata_list;
	bm->debug = debug;
	bdata_list->next = bdata_list->prev = bdata_list;
}

struct bootmem *quarry_bootmem(struct quarry *q)
{
	return &q->bootmem;
}

void quarry_bootmem_set_debug(struct quarry *q, bool enable)
{
	q->bootmem.debug = enable;
}

uint64_t quarry_bootmap_bytes(pfn_t pages)
{
	return bits_align_up(pages / 8 + (pages % 8 != 0), sizeof(unsigned long));
}

pfn_t quarry_bootmem_bootmap_pages(pfn_t pages)
{
	return bits_pfn_up(quarry_bootmap_bytes(pages));
}

static bool bootmem_is_linked(const bootmem_data_t *bdata)
{
	return bdata->node_low_pfn > bdata->node_min_pfn;
}

/* The node that @link is of; NULL if it is the head. */
static bootmem_data_t *bootmem_of_link(struct bootmem *bm, struct list_head *link)
{
	return link == bm->bdata_list ? NULL : QUARRY_CONTAINER_OF(link, bootmem_data_t, list);
}

static bootmem_data_t *bootmem_first(struct bootmem *bm)
{
	return bootmem_of_link(bm, bm->bdata_list->next);
}

static bootmem_data_t *bootmem_next(struct bootmem *bm, const bootmem_data_t *bdata)
{
	return bootmem_of_link(bm, bdata->list.next);
}

/* Node @nid if it is open, else NULL. */
static bootmem_data_t *bootmem_open_node(struct quarry *q, int nid)
{
	if (nid < 0 || nid >= QUARRY_MAX_NODES ||
	    q->bootmem.bootmem_node_data[nid].node_bootmem_map == NULL)
		return NULL;
	return &q->bootmem.bootmem_node_data[nid];
}

/* Before the first node that starts higher, else at the tail (Linux: link_bootmem). */
static void bootmem_link(struct bootmem *bm, bootmem_data_t *bdata)
{
	struct list_head *next = bm->bdata_list->next;

	while (next != bm->bdata_list &&
	       bootmem_of_link(bm, next)->node_min_pfn <= bdata->node_min_pfn)
		next = next->next;
	bdata->list = (struct list_head){.next = next, .prev = next->prev};
	next->prev->next = &bdata->list;
	next->prev = &bdata->list;
}

static bool bootmem_overlap(pfn_t a, pfn_t a_pages, pfn_t b, pfn_t b_pages)
{
	return a < b + b_pages && b < a + a_pages;
}

/* Why node @nid cannot begin there; NULL if it can. */
static const char *bootmem_refuse_node(struct quarry *q, int nid, pfn_t freepfn, pfn_t start,
				       pfn_t end)
{
	struct bootmem *bm = &q->bootmem;
	bootmem_data_t *b;

	if (q->stage > QUARRY_STAGE_BOOT)
		return "boot is over";
	if (nid < 0 || nid >= QUARRY_MAX_NODES)
		return "no such node";
	if (bootmem_is_linked(&bm->bootmem_node_data[nid]))
		return "node is in use";
	if (start >= end)
		return "no pages";
	if (freepfn >= (pfn_t)1 << (QUARRY_MAX_PHYS_BITS - QUARRY_PAGE_SHIFT))
		return "bitmap beyond memory";
	for (b = bootmem_first(bm); b != NULL; b = bootmem_next(bm, b)) {
		pfn_t pages = b->node_low_pfn - b->node_min_pfn;

		if (bootmem_overlap(b->node_min_pfn, pages, start, end - start))
			return "pages of another node";
		if (bootmem_overlap(bm->map_pfn[b - bm->bootmem_node_data],
				    quarry_bootmem_bootmap_pages(pages), freepfn,
				    quarry_bootmem_bootmap_pages(end - start)))
			return "bitmap of another node";
	}
	return NULL;
}

uint64_t quarry_init_bootmem_node(struct quarry *q, int nid, pfn_t freepfn, pfn_t start, pfn_t end)
{
	pfn_t max_pfn = (pfn_t)1 << (QUARRY_MAX_PHYS_BITS - QUARRY_PAGE_SHIFT);
	const char *refusal;
	unsigned long *map;
	bootmem_data_t *bdata;
	uint64_t bytes;

	start = quarry_min(start, max_pfn);
	end = quarry_min(end, max_pfn);
	refusal = bootmem_refuse_node(q, nid, freepfn, start, end);
	if (refusal != NULL) {
		quarry_report(q, "bootmem: init of node %d refused: %s", nid, refusal);
		return 0;
	}
	bytes = quarry_bootmap_bytes(end - start);
	map = quarry_storage(q, freepfn << QUARRY_PAGE_SHIFT, (size_t)bytes);
	if (map == NULL) {
		quarry_report(q, "bootmem: init of node %d refused: no storage", nid);
		return 0;
	}
	bdata = &q->bootmem.bootmem_node_data[nid];
	*bdata = (bootmem_data_t){
		.node_min_pfn = start, .node_low_pfn = end, .node_bootmem_map = map};
	q->bootmem.map_pfn[nid] = freepfn;
	bootmem_link(&q->bootmem, bdata);
	bootmem_init_bits(q, bdata);
	if (q->bootmem.debug)
		quarry_log(q, QUARRY_LOG_DEBUG,
			   "bootmem::init nid=%d start=%llx map=%llx end=%llx mapsize=%llx", nid,
			   (unsigned long long)start, (unsigned long long)freepfn,
			   (unsigned long long)end, (unsigned long long)bytes);
	return bytes;
}

uint64_t quarry_init_bootmem(struct quarry *q, pfn_t start, pfn_t pages)
{
	uint64_t bytes = quarry_init_bootmem_node(q, 0, start, 0, pages);

	if (bytes != 0) {
		q->bootmem.min_low_pfn = start;
		q->bootmem.max_low_pfn = pages;
	}
	return bytes;
}

/* Marking. */

static int bootmem_nid(const struct quarry *q, const bootmem_data_t *bdata)
{
	return (int)(bdata - q->bootmem.bootmem_node_data);
}

/* Whether the pages [start, end) of @bdata can be marked so. */
static int bootmem_test_mark(struct quarry *q, const bootmem_data_t *bdata, pfn_t start, pfn_t end,
			     const struct bootmem_mark *mark)
{
	pfn_t sidx = start - bdata->node_min_pfn, eidx = end - bdata->node_min_pfn, bad;

	if (bdata->node_bootmem_map == NULL) {
		quarry_report(q, "bootmem: node %d is closed", bootmem_nid(q, bdata));
		return -QUARRY_EINVAL;
	}
	if (mark->reserve && !mark->exclusive)
		return 0;
	bad = bootmem_next_bit(q, bdata, sidx, eidx, mark->reserve);
	if (bad == eidx)
		return 0;
	if (mark->reserve)
		return -QUARRY_EBUSY;
	quarry_report(q, "bootmem: double free of pfn 0x%llx on node %d",
		      (unsigned long long)(bdata->node_min_pfn + bad), bootmem_nid(q, bdata));
	return -QUARRY_EINVAL;
}

static void bootmem_trace_double_reserve(struct quarry *q, const bootmem_data_t *bdata, pfn_t sidx,
					 pfn_t eidx)
{
	pfn_t i = bootmem_next_bit(q, bdata, sidx, eidx, true), past;

	for (; i < eidx; i = bootmem_next_bit(q, bdata, past, eidx, true)) {
		past = bootmem_next_bit(q, bdata, i, eidx, false);
		quarry_log(q, QUARRY_LOG_DEBUG,
			   "bootmem::reserve silent double reserve of %llx-%llx",
			   (unsigned long long)(bdata->node_min_pfn + i),
			   (unsigned long long)(bdata->node_min_pfn + past - 1));
	}
}

/* Marks; bootmem_test_mark() agreed. */
static void bootmem_do_mark(struct quarry *q, bootmem_data_t *bdata, pfn_t start, pfn_t end,
			    bool reserve)
{
	pfn_t sidx = start - bdata->node_min_pfn, eidx = end - bdata->node_min_pfn;
	pfn_t last = bits_pfn_down(bdata->last_end_off);

	if (q->bootmem.debug) {
		quarry_log(q, QUARRY_LOG_DEBUG, "bootmem::%s nid=%d start=%llx end=%llx",
			   reserve ? "reserve" : "free", bootmem_nid(q, bdata),
			   (unsigned long long)start, (unsigned long long)end);
		if (reserve)
			bootmem_trace_double_reserve(q, bdata, sidx, eidx);
	}
	bootmem_fill_bits(q, bdata, sidx, eidx, reserve);
	if (reserve)
		return;
	bdata->hint_idx = quarry_min(bdata->hint_idx, sidx);
	if (last >= sidx && last < eidx)
		bdata->last_end_off = 0; /* no packing into a page that is free */
}

/* One pass over the nodes that hold the pages: test, or do. */
static int bootmem_walk_mark(struct quarry *q, const struct bootmem_mark *mark, bool test)
{
	pfn_t pos = mark->start, end;
	bootmem_data_t *b;
	int err;

	for (b = bootmem_first(&q->bootmem); b != NULL; b = bootmem_next(&q->bootmem, b)) {
		if (pos < b->node_min_pfn)
			break;
		if (pos >= b->node_low_pfn)
			continue;
		end = quarry_min(mark->end, b->node_low_pfn);
		if (test) {
			err = bootmem_test_mark(q, b, pos, end, mark);
			if (err)
				return err;
		} else {
			bootmem_do_mark(q, b, pos, end, mark->reserve);
		}
		pos = end;
		if (pos == mark->end)
			return 0;
	}
	quarry_report(q, "bootmem: %s of pfn 0x%llx, which is of no node",
		      mark->reserve ? "reserve" : "free", (unsigned long long)pos);
	return -QUARRY_EINVAL;
}

static int bootmem_mark(struct quarry *q, const struct bootmem_mark *mark)
{
	int err;

	if (mark->start >= mark->end)
		return 0; /* no whole page */
	err = bootmem_walk_mark(q, mark, true);
	if (err)
		return err;
	return bootmem_walk_mark(q, mark, false);
}

static int bootmem_mark_node(struct quarry *q, int nid, const struct bootmem_mark *mark)
{
	bootmem_data_t *bdata = bootmem_open_node(q, nid);

	if (mark->start >= mark->end)
		return 0;
	if (bdata == NULL || mark->start < bdata->node_min_pfn || mark->end > bdata->node_low_pfn) {
		quarry_report(q, "bootmem: %s of pfn 0x%llx-0x%llx, which is not of node %d",
			      mark->reserve ? "reserve" : "free", (unsigned long long)mark->start,
			      (unsigned long long)mark->end - 1, nid);
		return -QUARRY_EINVAL;
	}
	return bootmem_mark(q, mark);
}

/* Whole pages only: what is partly outside stays reserved. */
static struct bootmem_mark bootmem_free_mark(phys_addr_t physaddr, phys_addr_t size)
{
	return (struct bootmem_mark){
		.start = bits_pfn_up(physaddr),
		.end = bits_pfn_down(physaddr + memblock_cap_size(physaddr, size))};
}

static struct bootmem_mark bootmem_reserve_mark(phys_addr_t physaddr, phys_addr_t size, int flags)
{
	return (struct bootmem_mark){
		.start = bits_pfn_down(physaddr),
		.end = size == 0 ? 0 : bits_pfn_up(physaddr + memblock_cap_size(physaddr, size)),
		.reserve = true,
		.exclusive = (flags & BOOTMEM_EXCLUSIVE) != 0};
}

int quarry_free_bootmem(struct quarry *q, phys_addr_t physaddr, phys_addr_t size)
{
	struct bootmem_mark mark = bootmem_free_mark(physaddr, size);

	return bootmem_mark(q, &mark);
}

int quarry_free_bootmem_node(struct quarry *q, int nid, phys_addr_t physaddr, phys_addr_t size)
{
	struct bootmem_mark mark = bootmem_free_mark(physaddr, size);

	return bootmem_mark_node(q, nid, &mark);
}

int quarry_reserve_bootmem(struct quarry *q, phys_addr_t addr, phys_addr_t size, int flags)
{
	struct bootmem_mark mark = bootmem_reserve_mark(addr, size, flags);

	return bootmem_mark(q, &mark);
}

int quarry_reserve_bootmem_node(struct quarry *q, int nid, phys_addr_t physaddr, phys_addr_t size,
				int flags)
{
	struct bootmem_mark mark = bootmem_reserve_mark(physaddr, size, flags);

	return bootmem_mark_node(q, nid, &mark);
}

/* Allocation. */

/* The first bit at or above @idx whose page number is a multiple of @step. */
static pfn_t bootmem_align_idx(const bootmem_data_t *bdata, pfn_t idx, pfn_t step)
{
	return bits_align_up(bdata->node_min_pfn + idx, step) - bdata->node_min_pfn;
}

/* The same for a byte offset: the physical address is aligned, not the offset. */
static uint64_t bootmem_align_off(const bootmem_data_t *bdata, uint64_t off, size_t align)
{
	phys_addr_t base = bdata->node_min_pfn << QUARRY_PAGE_SHIFT;

	return bits_align_up(base + off, align) - base;
}

/* The first aligned run of @pages free bits in [from, to); @to if there is none. */
static pfn_t bootmem_find_run(struct quarry *q, const bootmem_data_t *bdata, pfn_t from, pfn_t to,
			      pfn_t pages, pfn_t step)
{
	pfn_t idx = from, taken;

	for (;;) {
		idx = bootmem_align_idx(bdata, bootmem_next_bit(q, bdata, idx, to, false), step);
		if (idx >= to || pages > to - idx)
			return to;
		taken = bootmem_next_bit(q, bdata, idx, idx + pages, true);
		if (taken == idx + pages)
			return idx;
		idx = bootmem_align_idx(bdata, taken, step);
		if (idx == taken)
			idx += step;
	}
}

/* Takes the run at @idx; starts in the page before if the last allocation ended there. */
static void *bootmem_take_run(struct quarry *q, bootmem_data_t *bdata, pfn_t idx,
			      const struct bootmem_request *req)
{
	uint64_t off = idx << QUARRY_PAGE_SHIFT, last = bdata->last_end_off;
	void *region;

	if ((last & (QUARRY_PAGE_SIZE - 1)) != 0 && bits_pfn_down(last) + 1 == idx)
		off = bootmem_align_off(bdata, last, req->align);
	if (!boot_accept(q, (bdata->node_min_pfn << QUARRY_PAGE_SHIFT) + off, req->size))
		return NULL;
	/* A run that was packed may end a page sooner; the page it starts in is taken already. */
	bootmem_fill_bits(q, bdata, idx, bits_pfn_up(off + req->size), true);
	bdata->last_end_off = off + req->size;
	bdata->hint_idx = bits_pfn_up(bdata->last_end_off);
	region = quarry_phys_to_virt(q, (bdata->node_min_pfn << QUARRY_PAGE_SHIFT) + off);
	if (!q->no_access)
		quarry_memset(region, 0, req->size);
	return region;
}

static void *bootmem_alloc_bdata(struct quarry *q, bootmem_data_t *bdata,
				 const struct bootmem_request *req)
{
	pfn_t min = bdata->node_min_pfn, max = bdata->node_low_pfn;
	pfn_t goal = bits_pfn_down(req->goal), limit = bits_pfn_down(req->limit);
	pfn_t step = quarry_max(bits_pfn_down(req->align), (pfn_t)1);
	pfn_t pages = bits_pfn_up(req->size), start, end, from, idx;

	if (bdata->node_bootmem_map == NULL)
		return NULL;
	if (limit != 0)
		max = quarry_min(max, limit);
	max = quarry_min(max, bits_pfn_down(MEMBLOCK_REACH));
	if (max <= min)
		return NULL;
	start = min < goal && goal < max ? goal : min;
	/* Page 0 is not given where its address could not be told from failure. */
	if (start == 0 && quarry_phys_to_virt(q, 0) == NULL)
		start = 1;
	start = bits_align_up(start, step) - min;
	end = max - min;
	from = start;
	if (bdata->hint_idx > start)
		from = bootmem_align_idx(bdata, bdata->hint_idx, step);
	idx = bootmem_find_run(q, bdata, from, end, pages, step);
	if (idx == end && from != start)
		idx = bootmem_find_run(q, bdata, start, end, pages, step);
	return idx != end ? bootmem_take_run(q, bdata, idx, req) : NULL;
}

/* Every node in turn, none that is wholly below the goal or above the limit. */
static void *bootmem_alloc_core(struct quarry *q, const struct bootmem_request *req)
{
	struct bootmem *bm = &q->bootmem;
	bootmem_data_t *b;
	void *region;

	for (b = bootmem_first(bm); b != NULL; b = bootmem_next(bm, b)) {
		if (req->goal != 0 && b->node_low_pfn <= bits_pfn_down(req->goal))
			continue;
		if (req->limit != 0 && b->node_min_pfn >= bits_pfn_down(req->limit))
			break;
		region = bootmem_alloc_bdata(q, b, req);
		if (region != NULL)
			return region;
	}
	return NULL;
}

static bool bootmem_beyond_limit(const struct bootmem_request *req)
{
	phys_addr_t end;

	return req->limit != 0 &&
	       (quarry_add_overflows(req->goal, req->size, &end) || end > req->limit);
}

/* Alignment 0 means any. */
static bool bootmem_request_ok(struct quarry *q, struct bootmem_request *req)
{
	if (req->align == 0)
		req->align = 1;
	if (req->size != 0 && bits_is_power_of_2(req->align) && !bootmem_beyond_limit(req))
		return true;
	quarry_report(q, "bootmem: bad request: %zu bytes, align %zu, goal 0x%llx, limit 0x%llx",
		      req->size, req->align, (unsigned long long)req->goal,
		      (unsigned long long)req->limit);
	return false;
}

static void bootmem_trace_alloc(struct quarry *q, int nid, const struct bootmem_request *req)
{
	if (q->bootmem.debug)
		quarry_log(q, QUARRY_LOG_DEBUG,
			   "bootmem::alloc nid=%d size=%zx [%llu pages] align=%zx goal=%llx "
			   "limit=%llx",
			   nid, req->size, (unsigned long long)bits_pfn_up(req->size), req->align,
			   (unsigned long long)req->goal, (unsigned long long)req->limit);
}

static void *bootmem_alloc(struct quarry *q, struct bootmem_request req)
{
	void *region;

	if (memblock_is_late(q, "alloc_bootmem"))
		return memblock_late_alloc(q, req.size, QUARRY_NO_NODE);
	bootmem_trace_alloc(q, QUARRY_NO_NODE, &req);
	if (!bootmem_request_ok(q, &req))
		return NULL;
	region = bootmem_alloc_core(q, &req);
	if (region == NULL && req.goal != 0) {
		req.goal = 0;
		region = bootmem_alloc_core(q, &req);
	}
	return region;
}

/* On the node, then anywhere; then both without the goal. */
static void *bootmem_alloc_node(struct quarry *q, int nid, struct bootmem_request req)
{
	bootmem_data_t *bdata = bootmem_open_node(q, nid);
	void *region = NULL;

	if (memblock_is_late(q, "alloc_bootmem_node"))
		return memblock_late_alloc(q, req.size, nid);
	bootmem_trace_alloc(q, nid, &req);
	/* A goal beyond the limit is the stronger wish here. */
	if (bootmem_beyond_limit(&req))
		req.limit = 0;
	if (!bootmem_request_ok(q, &req))
		return NULL;
	for (;;) {
		if (bdata != NULL)
			region = bootmem_alloc_bdata(q, bdata, &req);
		if (region == NULL)
			region = bootmem_alloc_core(q, &req);
		if (region != NULL || req.goal == 0)
			return region;
		req.goal = 0;
	}
}

static void *bootmem_or_panic(struct quarry *q, void *region, size_t size)
{
	if (region == NULL)
		quarry_panic(q, "bootmem: out of memory, alloc of %zu bytes failed", size);
	return region;
}

void *quarry___alloc_bootmem_nopanic(struct quarry *q, size_t size, size_t align, phys_addr_t goal)
{
	return bootmem_alloc(q, (struct bootmem_request){size, align, goal, 0});
}

void *quarry___alloc_bootmem(struct quarry *q, size_t size, size_t align, phys_addr_t goal)
{
	return bootmem_or_panic(q, quarry___alloc_bootmem_nopanic(q, size, align, goal), size);
}

void *quarry____alloc_bootmem_node_nopanic(struct quarry *q, int nid, size_t size, size_t align,
					   phys_addr_t goal, phys_addr_t limit)
{
	return bootmem_alloc_node(q, nid, (struct bootmem_request){size, align, goal, limit});
}

void *quarry___alloc_bootmem_node_nopanic(struct quarry *q, int nid, size_t size, size_t align,
					  phys_addr_t goal)
{
	return bootmem_alloc_node(q, nid, (struct bootmem_request){size, align, goal, 0});
}

void *quarry___alloc_bootmem_node(struct quarry *q, int nid, size_t size, size_t align,
				  phys_addr_t goal)
{
	return bootmem_or_panic(q, quarry___alloc_bootmem_node_nopanic(q, nid, size, align, goal),
				size);
}

void *quarry___alloc_bootmem_node_high(struct quarry *q, int nid, size_t size, size_t align,
				       phys_addr_t goal)
{
	struct bootmem_request high = {size, align, BOOTMEM_LOW_ADDRESS_LIMIT, 0};
	bootmem_data_t *bdata = bootmem_open_node(q, nid);
	void *region;

	if (q->stage <= QUARRY_STAGE_BOOT && bdata != NULL && goal < BOOTMEM_LOW_ADDRESS_LIMIT &&
	    bdata->node_low_pfn > bits_pfn_down(BOOTMEM_LOW_ADDRESS_LIMIT)) {
		if (!bootmem_request_ok(q, &high))
			return bootmem_or_panic(q, NULL, size);
		region = bootmem_alloc_bdata(q, bdata, &high);
		if (region != NULL)
			return region;
	}
	return quarry___alloc_bootmem_node(q, nid, size, align, goal);
}

void *quarry___alloc_bootmem_low_nopanic(struct quarry *q, size_t size, size_t align,
					 phys_addr_t goal)
{
	return bootmem_alloc(
		q, (struct bootmem_request){size, align, goal, BOOTMEM_LOW_ADDRESS_LIMIT});
}

void *quarry___alloc_bootmem_low(struct quarry *q, size_t size, size_t align, phys_addr_t goal)
{
	return bootmem_or_panic(q, quarry___alloc_bootmem_low_nopanic(q, size, align, goal), size);
}

void *quarry___alloc_bootmem_low_node(struct quarry *q, int nid, size_t size, size_t align,
				      phys_addr_t goal)
{
	struct bootmem_request req = {size, align, goal, BOOTMEM_LOW_ADDRESS_LIMIT};

	return bootmem_or_panic(q, bootmem_alloc_node(q, nid, req), size);
}

/* Hand-off. */

/* The node, open or closed, that covers @pfn. */
static bootmem_data_t *bootmem_node_of(struct quarry *q, pfn_t pfn)
{
	bootmem_data_t *b;

	for (b = bootmem_first(&q->bootmem); b != NULL; b = bootmem_next(&q->bootmem, b)) {
		if (pfn >= b->node_min_pfn && pfn < b->node_low_pfn)
			return b;
	}
	return NULL;
}

/* The bitmap of @bdata lies in [start, end); cut to the first run of one node. */
static bootmem_data_t *bootmem_map_run(struct quarry *q, pfn_t *start, pfn_t *end)
{
	bootmem_data_t *holder;

	for (; *start < *end; (*start)++) {
		holder = bootmem_node_of(q, *start);
		if (holder != NULL) {
			*end = quarry_min(*end, holder->node_low_pfn);
			return holder;
		}
	}
	return NULL;
}

static void bootmem_map_pages(struct quarry *q, const bootmem_data_t *bdata, pfn_t *start,
			      pfn_t *end)
{
	*start = q->bootmem.map_pfn[bootmem_nid(q, bdata)];
	*end = *start + quarry_bootmem_bootmap_pages(bdata->node_low_pfn - bdata->node_min_pfn);
}

/* A bitmap that its owner forgot to reserve would be given twice. */
static void bootmem_protect_map(struct quarry *q, const bootmem_data_t *bdata)
{
	pfn_t pos, past, end;
	bootmem_data_t *holder;

	bootmem_map_pages(q, bdata, &pos, &end);
	for (past = end; (holder = bootmem_map_run(q, &pos, &past)) != NULL;
	     pos = past, past = end) {
		pfn_t sidx = pos - holder->node_min_pfn, eidx = past - holder->node_min_pfn;

		if (holder->node_bootmem_map == NULL ||
		    bootmem_next_bit(q, holder, sidx, eidx, false) == eidx)
			continue;
		quarry_report(q, "bootmem: bitmap of node %d at pfn 0x%llx was not reserved",
			      bootmem_nid(q, bdata), (unsigned long long)pos);
		bootmem_fill_bits(q, holder, sidx, eidx, true);
	}
}

static unsigned long bootmem_give_node(struct quarry *q, bootmem_data_t *bdata, quarry_give_fn give,
				       void *arg)
{
	pfn_t end = bdata->node_low_pfn - bdata->node_min_pfn, idx, past, pos;
	unsigned long pages = 0;

	idx = bootmem_next_bit(q, bdata, 0, end, false);
	for (; idx < end; idx = bootmem_next_bit(q, bdata, past, end, false)) {
		past = bootmem_next_bit(q, bdata, idx, end, true);
		give(q, bdata->node_min_pfn + idx, bdata->node_min_pfn + past, arg);
		pages += (unsigned long)(past - idx);
	}
	bdata->node_bootmem_map = NULL;
	bootmem_map_pages(q, bdata, &pos, &end);
	for (past = end; bootmem_map_run(q, &pos, &past) != NULL; pos = past, past = end) {
		give(q, pos, past, arg);
		pages += (unsigned long)(past - pos);
	}
	return pages;
}

unsigned long quarry_free_all_bootmem(struct quarry *q, quarry_give_fn give, void *arg)
{
	struct bootmem *bm = &q->bootmem;
	unsigned long pages = 0;
	bootmem_data_t *b;

	for (b = bootmem_first(bm); b != NULL; b = bootmem_next(bm, b)) {
		if (b->node_bootmem_map != NULL)
			bootmem_protect_map(q, b);
	}
	for (b = bootmem_first(bm); b != NULL; b = bootmem_next(bm, b)) {
		if (b->node_bootmem_map != NULL)
			pages += bootmem_give_node(q, b, give, arg);
	}
	return pages;
}

unsigned long quarry_free_bootmem_late(struct quarry *q, phys_addr_t physaddr, phys_addr_t size,
				       quarry_give_fn give, void *arg)
{
	struct bootmem_mark mark = bootmem_free_mark(physaddr, size);

	if (mark.start >= mark.end)
		return 0;
	give(q, mark.start, mark.end, arg);
	return (unsigned long)(mark.end - mark.start);
}
