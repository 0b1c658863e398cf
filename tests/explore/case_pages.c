/* SPDX-License-Identifier: MIT */
/* Pages: what CPUs keep to themselves against those who take it away, and what two do at once. */
#include "machine.h"

#include <page/internal.h>

#include "cases.h"

#define MIB 1024u

/* CPUs whose sheaves are filled, so that a request is short. */
static void warm(unsigned int cpus)
{
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		struct page *page;

		machine_cpu(cpu);
		page = quarry_alloc_pages(mq, GFP_KERNEL, 0);
		quarry_free_pages(mq, page, 0);
	}
	machine_cpu(0);
}

/* A block that thread @t holds, taken on its CPU. */
static void hold(unsigned int t, unsigned int i, gfp_t gfp, unsigned int order)
{
	machine_cpu(t);
	has[t].page[i] = quarry_alloc_pages(mq, gfp, order);
	has[t].order[i] = order;
	EXPLORE_CHECK(has[t].page[i] != NULL);
	machine_cpu(0);
}

/* ---- sheaves ---- */

static void sheaves_setup(unsigned int flags)
{
	machine_make(4 * MIB, 3, flags);
	for (unsigned int t = 0; t < 3; t++) {
		hold(t, 0, GFP_KERNEL, 0);
		hold(t, 1, GFP_KERNEL, 0);
	}
	warm(3);
}

static void take_one(void)
{
	EXPLORE_CHECK(take(2, GFP_KERNEL, 0));
}

static void give_one(void)
{
	give(0);
}

static void give_two(void)
{
	give(0);
	give(1);
}

static void give_take(void)
{
	give(0);
	take_one();
}

static void drain_0(void)
{
	quarry_drain_pages(mq, 0);
}

static void age_all(void)
{
	quarry_age_pages(mq);
}

static void count_all(void)
{
	struct quarry_totals totals;

	quarry_totals(mq, &totals);
	EXPLORE_CHECK(totals.pgalloc - totals.pgfree <= totals.managed);
}

static void feature_on_off(void)
{
	page_set_feature(mq, PAGE_FEATURE_SCOPE, true);
	page_set_feature(mq, PAGE_FEATURE_SCOPE, false);
}

static void late_setup(unsigned int flags)
{
	sheaves_setup(flags);
	page_this_cpu(mq)->late_on = true;
}

static void late_settle_all(void)
{
	late_settle(mq);
}

static void huge_setup(unsigned int flags)
{
	machine_make(8 * MIB, 2, flags);
	hold(0, 0, GFP_KERNEL, QUARRY_PAGEBLOCK_ORDER);
	hold(1, 0, GFP_KERNEL, 0);
}

static void take_huge(void)
{
	take(1, GFP_KERNEL, QUARRY_PAGEBLOCK_ORDER);
}

static void give_take_huge(void)
{
	give(0);
	take_huge();
}

static void round_setup(unsigned int flags)
{
	machine_make(8 * MIB, 2, flags);
	mq->pages->zone[0].sheaf_cap[PAGE_PCP_HUGE] = 1; /* as in a GiB */
	hold(0, 0, GFP_KERNEL, QUARRY_PAGEBLOCK_ORDER);
	hold(1, 0, GFP_KERNEL, 0);
	for (unsigned int i = 0; i < 2; i++) {
		give(0);
		hold(0, 0, GFP_KERNEL, QUARRY_PAGEBLOCK_ORDER);
	}
	EXPLORE_CHECK(page_this_cpu(mq)->round.sheaf != NULL);
}

static void late_huge_setup(unsigned int flags)
{
	huge_setup(flags);
	page_this_cpu(mq)->late_huge_on = true;
}

/* ---- the first allocation ever ---- */

static void virgin_setup(unsigned int flags)
{
	machine_make(4 * MIB, 3, flags);
}

static void take_movable(void)
{
	EXPLORE_CHECK(take(3, GFP_HIGHUSER_MOVABLE, 0));
}

static void take_order4(void)
{
	EXPLORE_CHECK(take(4, GFP_KERNEL, 4));
}

static void take_reclaimable(void)
{
	EXPLORE_CHECK(take(5, GFP_KERNEL | __GFP_RECLAIMABLE, 0));
}

/* The same, but of others: CPU 0 has never been here. */
static void late_comer_setup(unsigned int flags)
{
	virgin_setup(flags);
	for (unsigned int t = 1; t < 3; t++) {
		hold(t, 0, GFP_KERNEL, 0);
		hold(t, 1, GFP_KERNEL, 0);
	}
}

/* The first arena's only pageblock is taken: CPU 1 will be the first in the second one. */
static void look_up_setup(unsigned int flags)
{
	virgin_setup(flags);
	hold(2, 0, GFP_KERNEL, QUARRY_PAGEBLOCK_ORDER);
}

/* A descriptor that can be found is whole: it names its arena. */
static void look_up(void)
{
	const pfn_t pfn = ((pfn_t)1 << PAGE_ARENA_ORDER) + 100;
	struct page *page = quarry_pfn_to_page(mq, pfn);

	EXPLORE_CHECK(page == NULL || quarry_page_to_pfn(mq, page) == pfn);
}

/* ---- arenas, summaries, fallback ---- */

/* One block of order 5 is free, all else is taken by single pages that nobody gives back. */
static void scarce_setup(unsigned int flags)
{
	struct page *page;

	machine_make(512, 2, flags);
	hold(0, 0, GFP_KERNEL, 5);
	hold(1, 0, GFP_KERNEL, 5);
	while ((page = quarry_alloc_pages(mq, GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN, 4)) !=
	       NULL)
		;
	give_of(0, 0);
}

static void scarce_take(void)
{
	take(1, GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN, 5);
}

/* One of the two blocks is free at any time: whoever gives one back can have one. */
static void scarce_give_take(void)
{
	give(0);
	EXPLORE_CHECK(take(1, GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN, 5));
}

/* No account of pages: most of them are nobody's. */
static void scarce_check(void)
{
	char line[1];

	EXPLORE_CHECK(has[0].page[1] == NULL || has[0].page[1] != has[1].page[1]);
	EXPLORE_CHECK(quarry_check(mq, &(struct quarry_out){.write = NULL, .ctx = line}) == 0);
}

/* ---- references ---- */

static void refs_setup(unsigned int flags)
{
	sheaves_setup(flags);
	quarry_get_page(mq, has[0].page[0]);
	has[1].page[2] = has[0].page[0]; /* the other reference */
	has[0].page[0] = NULL;
	has[0].page[3] = has[1].page[2];
}

static void refs_put0(void)
{
	give(3);
}

static void refs_put1(void)
{
	give(2);
}

static void refs_get_put(void)
{
	struct page *page = has[0].page[3];

	has[0].page[3] = NULL;
	quarry_get_page(mq, page);
	quarry_free_pages(mq, page, 0);
	quarry_free_pages(mq, page, 0);
}

/* ---- without waiting ---- */

static void nolock_take(void)
{
	struct held *h = &has[explore_self()];

	h->page[6] = quarry_alloc_pages_nolock(mq, QUARRY_NO_NODE, 0);
}

static void nolock_take_give(void)
{
	struct page *page = quarry_alloc_pages_nolock(mq, QUARRY_NO_NODE, 0);

	if (page != NULL)
		quarry_free_pages_nolock(mq, page, 0);
}

static void nolock_give(void)
{
	struct page *page = has[explore_self()].page[1];

	has[explore_self()].page[1] = NULL;
	quarry_free_pages_nolock(mq, page, 0);
}

static void nolock_give_two(void)
{
	struct held *h = &has[explore_self()];

	nolock_give();
	quarry_free_pages_nolock(mq, h->page[0], 0);
	h->page[0] = NULL;
}

static void drain_all(void)
{
	quarry_drain_all_pages(mq);
}

static void irq_take(void)
{
	has[2].page[7] = quarry_alloc_pages(mq, GFP_ATOMIC, 0);
}

static void irq_give(void)
{
	give_of(2, 0);
}

static void irq_take_give(void)
{
	struct page *page = quarry_alloc_pages(mq, GFP_ATOMIC, 0);

	if (page != NULL)
		quarry_free_pages(mq, page, 0);
}

static void irq_nolock_give(void)
{
	struct page *page = has[2].page[1];

	has[2].page[1] = NULL;
	quarry_free_pages_nolock(mq, page, 0);
}

static void irq_nolock_take(void)
{
	has[2].page[7] = quarry_alloc_pages_nolock(mq, QUARRY_NO_NODE, 0);
}

/* ---- CPUs that come and go ---- */

static void cpu2_leaves_comes(void)
{
	EXPLORE_CHECK(quarry_cpu_offline(mq, 2) == 0);
	EXPLORE_CHECK(quarry_cpu_online(mq, 2) == 0);
}

/* ---- pageblocks that are set apart ---- */

static void isolate(void)
{
	if (quarry_start_isolate_page_range(mq, 512, 1024, QUARRY_MIGRATE_MOVABLE, 0) == 0)
		quarry_undo_isolate_page_range(mq, 512, 1024);
}

static void isolate_setup(unsigned int flags)
{
	machine_make(6 * MIB, 2, flags);
	hold(0, 0, GFP_HIGHUSER_MOVABLE, 0);
	hold(1, 0, GFP_HIGHUSER_MOVABLE, 3);
}

/* ---- blocks that are moved while their owner frees them ---- */

#define OWNER_RANGE 16u /* pages */

static struct owner {
	struct quarry_lock lock;
	struct page *page;
	pfn_t start; /* of the range that it lies in, at first */
} * owner;

static struct page *owner_change(struct page *from, struct page *to)
{
	quarry_pin_t pin = quarry_lock(true, &owner->lock);
	struct page *page = owner->page;

	if (from == NULL || from == page)
		owner->page = to;
	quarry_unlock(true, &owner->lock, pin);
	return page;
}

static bool owner_isolate(void *ctx, struct page *page)
{
	(void)ctx;
	return owner_change(page, page) == page;
}

static int owner_migrate(void *ctx, struct page *dst, struct page *src)
{
	(void)ctx;
	return owner_change(src, dst) == src ? 0 : -QUARRY_EAGAIN;
}

static void owner_putback(void *ctx, struct page *page)
{
	(void)ctx;
	(void)page;
}

static void owner_page(void)
{
	static const struct quarry_mover ops = {owner_isolate, owner_migrate, owner_putback};
	int number;

	owner = explore_alloc(sizeof(*owner), 64);
	quarry_lock_init(&owner->lock, QUARRY_LOCK_UNRANKED);
	number = quarry_register_mover(mq, &ops, NULL);
	owner->page = quarry_alloc_pages(mq, GFP_HIGHUSER_MOVABLE, 0);
	owner->start = quarry_page_to_pfn(mq, owner->page) & ~((pfn_t)OWNER_RANGE - 1);
	EXPLORE_CHECK(quarry_set_page_mover(mq, owner->page, (unsigned int)number) == 0);
}

static void owner_setup(unsigned int flags)
{
	machine_make(6 * MIB, 2, flags);
	owner_page();
}

static void owner_free(void)
{
	struct page *page = owner_change(NULL, NULL);

	quarry_free_pages(mq, page, 0);
}

static void owner_range(void)
{
	pfn_t start = owner->start;

	if (quarry_alloc_contig_range(mq, start, start + OWNER_RANGE, QUARRY_MIGRATE_MOVABLE,
				      GFP_KERNEL) == 0)
		quarry_free_contig_range(mq, start, OWNER_RANGE);
}

/* ---- memory that comes ---- */

#define BLOCK_START ((pfn_t)QUARRY_MEMORY_BLOCK_PAGES)

static void grow_setup(unsigned int flags)
{
	sheaves_setup(flags);
	EXPLORE_CHECK(quarry_add_memory(mq, 0, QUARRY_MEMORY_BLOCK_BYTES,
					QUARRY_MEMORY_BLOCK_BYTES) == 0);
}

static void grow(void)
{
	EXPLORE_CHECK(quarry_online_pages(mq, BLOCK_START, QUARRY_MEMORY_BLOCK_PAGES,
					  QUARRY_ONLINE_DEFAULT) == 0);
}

/* ---- turns, and shrinkers that go ---- */

static struct shrinking {
	struct quarry_mempolicy policy;
	struct quarry_shrinker shrinker, other;
	uint64_t gone, other_gone;
} * sh;

static unsigned long shrink_count(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	(void)s;
	(void)sc;
	EXPLORE_CHECK(sh->gone == 0); /* who runs it after it has gone races with who wrote this */
	return 0;
}

static unsigned long shrink_other(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	(void)s;
	(void)sc;
	EXPLORE_CHECK(sh->other_gone == 0);
	return 0;
}

static void shrinker_setup(unsigned int flags)
{
	sheaves_setup(flags);
	sh = explore_alloc(sizeof(*sh), 64);
	sh->shrinker = (struct quarry_shrinker){
		.count_objects = shrink_count, .scan_objects = shrink_count, .name = "explored"};
	EXPLORE_CHECK(quarry_register_shrinker(mq, &sh->shrinker) == 0);
}

static void shrinker_goes(void)
{
	quarry_unregister_shrinker(mq, &sh->shrinker);
	sh->gone = 1;
}

static void shrinkers_run(void)
{
	quarry_drop_slab(mq);
}

static void policy_setup(unsigned int flags)
{
	sheaves_setup(flags);
	sh = explore_alloc(sizeof(*sh), 64);
	EXPLORE_CHECK(quarry_mpol_init(mq, &sh->policy, MPOL_INTERLEAVE, 0, 3) == 0);
}

/* Two pages in turn come from two nodes, whoever asks. */
static void policy_take(void)
{
	struct held *h = &has[explore_self()];

	h->page[9] = quarry_alloc_pages_mpol(mq, GFP_KERNEL, 0, &sh->policy, QUARRY_MPOL_NO_INDEX,
					     QUARRY_NO_NODE);
	EXPLORE_CHECK(h->page[9] != NULL);
}

static void policy_check(void)
{
	EXPLORE_CHECK(quarry_page_nid(mq, has[0].page[9]) != quarry_page_nid(mq, has[1].page[9]));
	machine_check();
}

/* ---- memory that goes ---- */

static void shrink_setup(unsigned int flags)
{
	grow_setup(flags);
	EXPLORE_CHECK(quarry_online_pages(mq, BLOCK_START, QUARRY_MEMORY_BLOCK_PAGES,
					  QUARRY_ONLINE_MOVABLE) == 0);
}

static void offline_block(void)
{
	int err = quarry_offline_pages(mq, BLOCK_START, QUARRY_MEMORY_BLOCK_PAGES);

	EXPLORE_CHECK(err == 0 || err == -QUARRY_EBUSY);
}

/* ---- compaction against who frees, and who takes ---- */

/* Above the movable block that lies lowest there is room. */
static void compact_setup(unsigned int flags)
{
	owner_setup(flags);
	warm(2);
}

static void compact(void)
{
	quarry_compact_node(mq, 0);
}

static void take_order3(void)
{
	EXPLORE_CHECK(take(4, GFP_HIGHUSER_MOVABLE, 3));
}

/* The owner's page is where its descriptor says, whether it was moved or not. */
static void owner_check(void)
{
	has[2].page[10] = owner->page;
	has[2].order[10] = 0;
	machine_check();
}

/* ---- pages with errors ---- */

static pfn_t *bad;

static void poison_setup(unsigned int flags)
{
	sheaves_setup(flags);
	bad = explore_alloc(sizeof(*bad), 64);
	*bad = quarry_page_to_pfn(mq, has[1].page[0]);
}

/* The page that thread 1 will take next lies in its sheaf. */
static void poison_free_setup(unsigned int flags)
{
	struct page *page;

	poison_setup(flags);
	machine_cpu(1);
	page = quarry_alloc_pages(mq, GFP_KERNEL, 0);
	*bad = quarry_page_to_pfn(mq, page);
	quarry_free_pages(mq, page, 0);
	machine_cpu(0);
}

static void poison(void)
{
	int err = quarry_memory_failure(mq, *bad, QUARRY_MF_SW_SIMULATED);

	EXPLORE_CHECK(err == 0 || err == -QUARRY_EBUSY || err == -QUARRY_EHWPOISON);
}

static void poison_softly(void)
{
	int err = quarry_soft_offline_page(mq, *bad);

	EXPLORE_CHECK(err == 0 || err == -QUARRY_EBUSY);
}

/* It is gone, or marked in its owner's hands; nobody got it after that. When it is well again nothing is missing. */
static void poison_check(void)
{
	bool known = quarry_page_is_poisoned(mq, *bad);
	char line[1];

	quarry_drain_all_pages(mq);
	EXPLORE_CHECK(quarry_check(mq, &(struct quarry_out){.write = NULL, .ctx = line}) == 0);
	EXPLORE_CHECK(quarry_unpoison_memory(mq, *bad) == (known ? 0 : -QUARRY_EBUSY));
	machine_check();
}

/* ---- who has a page ---- */

static void pageowner_setup(unsigned int flags)
{
	virgin_setup(flags);
	EXPLORE_CHECK(quarry_page_debug(mq, "page_owner=on") == 0);
}

static void pageowner_used_setup(unsigned int flags)
{
	sheaves_setup(flags);
	EXPLORE_CHECK(quarry_page_debug(mq, "page_owner=on") == 0);
}

static void take_give(void)
{
	take_one();
	give(2);
}

static void pageowner_look(void)
{
	struct quarry_page_owner seen;
	pfn_t pfn = 0;

	for (unsigned int i = 0; i < 4 && quarry_page_owner_next(mq, &pfn, &seen); i++)
		pfn++;
}

/* ---- arenas that are near, and others ---- */

/* CPU 0 has what is left of its own arena in hand, and must go to the other's. */
static void far_setup(unsigned int flags)
{
	machine_make(4 * MIB, 2, flags);
	warm(2);
	hold(0, 0, GFP_KERNEL, QUARRY_PAGEBLOCK_ORDER - 1);
}

static void take_far(void)
{
	take(1, GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN, QUARRY_PAGEBLOCK_ORDER - 1);
	take(2, GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN, QUARRY_PAGEBLOCK_ORDER - 1);
}

/* ---- pages wanted from outside ---- */

static void kswapd(void)
{
	(void)quarry_kswapd_run(mq, 0);
}

static void shrinker_comes_goes(void)
{
	struct quarry_shrinker *s = &sh->other;

	*s = (struct quarry_shrinker){
		.count_objects = shrink_other, .scan_objects = shrink_other, .name = "comes"};
	EXPLORE_CHECK(quarry_register_shrinker(mq, s) == 0);
	quarry_unregister_shrinker(mq, s);
	sh->other_gone = 1;
}

#define CHECKED(name_, place_, n, setup_, arg_, t0, t1, check_)                                \
	{                                                                                      \
		.name = name_, .place = place_, .nr_threads = n, .arg = arg_, .setup = setup_, \
		.thread = {t0, t1}, .check = check_, .quick = ONE_PREEMPTION                   \
	}
#define CASE(name_, place_, n, setup_, arg_, t0, t1, t2)                                       \
	{                                                                                      \
		.name = name_, .place = place_, .nr_threads = n, .arg = arg_, .setup = setup_, \
		.thread = {t0, t1, t2}, .check = machine_check, .quick = ONE_PREEMPTION        \
	}
#define IRQ(name_, place_, setup_, t0, irq_, nmi_)                                                 \
	{                                                                                          \
		.name = name_, .place = place_, .nr_threads = 1, .arg = MACHINE_FENCED,            \
		.setup = setup_, .thread = {t0}, .irq = irq_, .nmi = nmi_, .check = machine_check, \
		.quick = EVERY_ORDER                                                               \
	}

const struct explore_case cases_pages[] = {
	CASE("sheaf_take_drain", "pcp.c, lock.c: a CPU's own against others", 2, sheaves_setup, 0,
	     take_one, drain_0, NULL),
	CASE("sheaf_take_drain_fenced", "pcp.c, lock.c: a CPU's own against others", 2,
	     sheaves_setup, MACHINE_FENCED, take_one, drain_0, NULL),
	CASE("sheaf_give_drain", "pcp.c, lock.c: a CPU's own against others", 2, sheaves_setup, 0,
	     give_two, drain_0, NULL),
	CASE("sheaf_give_drain_fenced", "pcp.c, lock.c: a CPU's own against others", 2,
	     sheaves_setup, MACHINE_FENCED, give_two, drain_0, NULL),
	CASE("sheaf_two_drains", "pcp.c, lock.c: a CPU's own against others", 3, sheaves_setup, 0,
	     give_one, drain_0, drain_0),
	CASE("sheaf_age", "pcp.c, lock.c: a CPU's own against others", 2, sheaves_setup, 0,
	     give_take, age_all, NULL),
	CASE("sheaf_count", "pcp.c, lock.c: a CPU's own against others", 2, sheaves_setup, 0,
	     give_take, count_all, NULL),
	CASE("sheaf_feature", "pcp.c, lock.c: a CPU's own against others", 2, sheaves_setup, 0,
	     give_take, feature_on_off, NULL),
	CASE("late_drain", "late.c: frees that are only written down", 2, late_setup, 0, give_two,
	     drain_0, NULL),
	CASE("late_settle", "late.c: frees that are only written down", 2, late_setup,
	     MACHINE_FENCED, give_two, late_settle_all, NULL),
	CASE("huge", "pcp.c, lock.c: a CPU's own against others", 2, huge_setup, 0, give_take_huge,
	     take_huge, NULL),
	CASE("round_drain", "pcp.c, lock.c: a CPU's own against others", 2, round_setup, 0,
	     give_take_huge, drain_0, NULL),
	CASE("late_huge_drain", "late.c: frees that are only written down", 2, late_huge_setup, 0,
	     give_take_huge, drain_0, NULL),
	CASE("virgin", "memmap.c, arena.c: descriptors and arenas at first use", 2, virgin_setup, 0,
	     take_order4, take_order4, NULL),
	CASE("virgin_sheaves", "memmap.c, arena.c: descriptors and arenas at first use", 2,
	     virgin_setup, 0, take_one, take_movable, NULL),
	CASE("fallback", "fallback.c: types taken from each other", 3, virgin_setup, 0, take_one,
	     take_reclaimable, take_movable),
	CASE("cpu_first_drain", "cpu.c: CPUs at first use, and those that leave", 2, virgin_setup,
	     0, take_one, drain_0, NULL),
	CASE("cpu_first_feature", "cpu.c: CPUs at first use, and those that leave", 2, virgin_setup,
	     0, take_one, feature_on_off, NULL),
	CASE("arenas", "zone.c: the summary of arenas", 2, virgin_setup, MACHINE_ARENAS,
	     take_movable, take_movable, NULL),
	CASE("look_up", "memmap.c, arena.c: descriptors and arenas at first use", 2, look_up_setup,
	     MACHINE_ARENAS, look_up, take_movable, NULL),
	CASE("references", "alloc.c: counts of references", 2, refs_setup, 0, refs_put0, refs_put1,
	     NULL),
	CASE("references_get", "alloc.c: counts of references", 2, refs_setup, 0, refs_get_put,
	     refs_put1, NULL),
	CASE("nolock_give", "nolock.c: blocks put aside", 3, sheaves_setup, 0, nolock_give_two,
	     nolock_give_two, drain_all),
	CASE("nolock_take", "nolock.c: blocks put aside", 3, sheaves_setup, 0, nolock_take, drain_0,
	     nolock_take_give),
	CASE("cpu_offline", "cpu.c: CPUs at first use, and those that leave", 2, sheaves_setup, 0,
	     cpu2_leaves_comes, give_take, NULL),
	CASE("isolate", "isolate.c: pageblocks set apart", 2, isolate_setup, 0, isolate, give_one,
	     NULL),
	CASE("mover_free", "mover.c: a block moved while it is freed", 2, owner_setup, 0,
	     owner_range, owner_free, NULL),
	CASE("grow", "hotplug.c: memory that comes", 2, grow_setup, MACHINE_GROWS, grow, give_take,
	     NULL),
	CASE("shrinker_goes", "shrinker.c: shrinkers that come and go", 2, shrinker_setup, 0,
	     shrinker_goes, shrinkers_run, NULL),
	CASE("shrinker_comes", "shrinker.c: shrinkers that come and go", 2, shrinker_setup, 0,
	     shrinker_comes_goes, shrinkers_run, NULL),
	CASE("shrinkers_two", "shrinker.c: shrinkers that come and go", 2, shrinker_setup, 0,
	     shrinker_comes_goes, shrinker_goes, NULL),
	CASE("offline_take", "offline.c: memory that goes", 2, shrink_setup, MACHINE_GROWS,
	     offline_block, take_movable, NULL),
	CASE("offline_look", "offline.c: memory that goes", 2, shrink_setup, MACHINE_GROWS,
	     offline_block, count_all, NULL),
	CHECKED("compact_free", "compaction.c, mover.c: blocks moved together", 2, compact_setup, 0,
		compact, owner_free, owner_check),
	CHECKED("compact_take", "compaction.c, mover.c: blocks moved together", 2, compact_setup, 0,
		compact, take_order3, owner_check),
	CHECKED("poison_give", "hwpoison.c: pages with errors", 2, poison_setup, 0, poison,
		give_one, poison_check),
	CHECKED("poison_take", "hwpoison.c: pages with errors", 2, poison_free_setup, 0, poison,
		take_one, poison_check),
	CHECKED("poison_two", "hwpoison.c: pages with errors", 2, poison_free_setup, 0, poison,
		poison_softly, poison_check),
	CHECKED("poison_drain", "hwpoison.c: pages with errors", 2, poison_free_setup, 0,
		poison_softly, drain_all, poison_check),
	CASE("owner_first", "pageowner.c: who has a page", 2, pageowner_setup, 0, take_one,
	     take_one, NULL),
	CASE("owner_look", "pageowner.c: who has a page", 2, pageowner_used_setup, 0, take_give,
	     pageowner_look, NULL),
	CASE("arenas_far", "zone.c: the summary of arenas", 2, far_setup, MACHINE_ARENAS, take_far,
	     take_far, NULL),
	CASE("virgin_isolate", "memmap.c, arena.c: descriptors and arenas at first use", 2,
	     virgin_setup, 0, isolate, take_one, NULL),
	CASE("virgin_count", "memmap.c, arena.c: descriptors and arenas at first use", 2,
	     virgin_setup, 0, take_order4, count_all, NULL),
	CASE("cpu_offline_drain", "cpu.c: CPUs at first use, and those that leave", 2,
	     sheaves_setup, 0, cpu2_leaves_comes, drain_all, NULL),
	CASE("cpu_offline_age", "cpu.c: CPUs at first use, and those that leave", 2, sheaves_setup,
	     0, cpu2_leaves_comes, age_all, NULL),
	CASE("kswapd", "reclaim.c: pages wanted back", 2, sheaves_setup, 0, kswapd, give_take,
	     NULL),
	{.name = "policy_turns",
	 .place = "mempolicy.c: turns",
	 .nr_threads = 2,
	 .arg = MACHINE_NODES,
	 .setup = policy_setup,
	 .thread = {policy_take, policy_take},
	 .check = policy_check,
	 .quick = ONE_PREEMPTION},
	{.name = "summary",
	 .place = "zone.c: the summary of arenas",
	 .nr_threads = 2,
	 .setup = scarce_setup,
	 .thread = {scarce_take, scarce_give_take},
	 .check = scarce_check,
	 .quick = ONE_PREEMPTION},
	IRQ("irq_take", "interrupts", sheaves_setup, give_take, irq_take, false),
	IRQ("irq_give", "interrupts", sheaves_setup, give_take, irq_give, false),
	IRQ("irq_drain", "interrupts", sheaves_setup, drain_0, irq_take_give, false),
	IRQ("irq_first", "interrupts", late_comer_setup, take_one, irq_take, false),
	IRQ("irq_virgin", "interrupts", virgin_setup, take_one, irq_take_give, false),
	IRQ("nmi_give", "nolock.c: calls from anywhere", sheaves_setup, give_take, irq_nolock_give,
	    true),
	IRQ("nmi_take", "nolock.c: calls from anywhere", sheaves_setup, give_take, irq_nolock_take,
	    true),
	IRQ("nmi_late", "nolock.c: calls from anywhere", late_setup, give_two, irq_nolock_give,
	    true),
	IRQ("nmi_drain", "nolock.c: calls from anywhere", sheaves_setup, drain_0, irq_nolock_give,
	    true),
	IRQ("nmi_virgin", "nolock.c: calls from anywhere", virgin_setup, take_one, nolock_take_give,
	    true),
	{.name = NULL},
};
