/* SPDX-License-Identifier: MIT */
/*
 * bootmem by Linux's names only, as boot code of 4.19 uses it: nodes are named by their pglist_data,
 * bitmaps and hints are read directly. Rows B1 to B19; and the page and slab names after the hand-off.
 */
/* A leak tracker that counts, in place of the one that is not there. */
#define _QUARRY_LINUX_KMEMLEAK_H
static unsigned int leak_roots;
#define kmemleak_alloc(...) (leak_roots++)
#define kmemleak_alloc_phys(...) (leak_roots++)

#include <linux/bootmem.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <string.h>

#include "linux_runner.h"

/* Each test boots a new machine: the kernel's own code boots once. */
static void new_machine(void)
{
	quarry_linux_use(NULL);
}

static bool is_reserved(const bootmem_data_t *b, unsigned long pfn)
{
	const unsigned long *map = b->node_bootmem_map;
	unsigned long i = pfn - (unsigned long)b->node_min_pfn;

	return (map[i / (8 * sizeof(long))] >> i % (8 * sizeof(long)) & 1) != 0;
}

static unsigned long reserved_pages(const bootmem_data_t *b)
{
	unsigned long n = 0;

	for (unsigned long pfn = (unsigned long)b->node_min_pfn; pfn < b->node_low_pfn; pfn++)
		n += is_reserved(b, pfn);
	return n;
}

/* 16 MiB on node 0, all RAM, with the first page and the bitmap (pages 1 and on) reserved. */
static bootmem_data_t *one_node(void)
{
	unsigned long pages = SZ_16M >> PAGE_SHIFT;
	unsigned long map_bytes = init_bootmem(1, pages);

	IS(map_bytes, pages / 8);
	free_bootmem(0, SZ_16M);
	IS(reserve_bootmem(0, PAGE_SIZE + map_bytes, BOOTMEM_DEFAULT), 0);
	return NODE_DATA(0)->bdata;
}

static unsigned long phys(const void *p)
{
	return (unsigned long)virt_to_phys(p);
}

static void B1_B6_nodes_are_entries_of_bootmem_node_data(void)
{
	static const int order[] = {1, 3};
	const bootmem_data_t *b;
	unsigned int i = 0;

	IS(init_bootmem_node(NODE_DATA(3), 0x100, 0x1000, 0x2000), 0x1000 / 8);
	IS(init_bootmem_node(NODE_DATA(1), 0x200, 0x0800, 0x1000), 0x800 / 8);
	OK(NODE_DATA(3)->bdata == &bootmem_node_data[3]);
	IS(bootmem_node_data[3].node_min_pfn, 0x1000);
	IS(bootmem_node_data[3].node_low_pfn, 0x2000);
	IS(bootmem_node_data[3].last_end_off, 0);
	IS(bootmem_node_data[3].hint_idx, 0);
	/* All ones, through the direct map of the page that was named. */
	OK((void *)bootmem_node_data[3].node_bootmem_map == phys_to_virt(PFN_PHYS(0x100)));
	IS(reserved_pages(&bootmem_node_data[3]), 0x1000);
	/* By rising address. */
	OK(bdata_list.next == &bootmem_node_data[1].list);
	list_for_each_entry(b, &bdata_list, list) OK(b == &bootmem_node_data[order[i++]]);
	IS(i, 2);
	OK(list_is_last(&bootmem_node_data[3].list, &bdata_list));
	OK(list_entry(bootmem_node_data[3].list.prev, bootmem_data_t, list) ==
	   bootmem_node_data + 1);
	OK(contig_page_data.bdata == &bootmem_node_data[0]);
}

static void B7_B8_init_bootmem_says_what_there_is(void)
{
	IS(init_bootmem(1, SZ_16M >> PAGE_SHIFT), SZ_16M >> PAGE_SHIFT >> 3);
	IS(min_low_pfn, 1);
	IS(max_low_pfn, SZ_16M >> PAGE_SHIFT);
	IS(bootmem_bootmap_pages(8 * PAGE_SIZE), 1);
	IS(bootmem_bootmap_pages(8 * PAGE_SIZE + 1), 2);
	IS(init_bootmem(1, SZ_16M >> PAGE_SHIFT), 0); /* node 0 is in use */
}

static void B9_B12_mark(void)
{
	bootmem_data_t *b = one_node();

	IS(reserved_pages(b), 2);
	IS(reserve_bootmem(SZ_1M + 1, SZ_4K, BOOTMEM_DEFAULT), 0); /* outwards: two pages */
	IS(reserved_pages(b), 4);
	IS(reserve_bootmem(SZ_1M - SZ_8K, SZ_16K, BOOTMEM_EXCLUSIVE), -EBUSY);
	IS(reserved_pages(b), 4); /* rolled back */
	IS(reserve_bootmem(SZ_1M, SZ_8K, BOOTMEM_DEFAULT), 0);
	IS(reserved_pages(b), 4);
	free_bootmem(SZ_1M + 1, SZ_8K - 1); /* inwards: one page */
	IS(reserved_pages(b), 3);
	OK(is_reserved(b, SZ_1M >> PAGE_SHIFT));
	free_bootmem_node(NODE_DATA(0), SZ_1M, PAGE_SIZE);
	free_bootmem(SZ_1M, PAGE_SIZE); /* double: reported, refused */
	IS(reserved_pages(b), 2);
	IS(reserve_bootmem_node(NODE_DATA(0), SZ_1M, SZ_1M, BOOTMEM_EXCLUSIVE), 0);
	IS(reserved_pages(b), 2 + 256);
}

static void B12_marks_span_nodes_that_touch(void)
{
	IS(init_bootmem_node(NODE_DATA(0), 1, 0, 256), 32);
	IS(init_bootmem_node(NODE_DATA(1), 2, 256, 512), 32);
	free_bootmem(0, SZ_2M);
	IS(reserve_bootmem(SZ_1M - SZ_4K, SZ_8K, BOOTMEM_EXCLUSIVE), 0);
	IS(reserved_pages(&bootmem_node_data[0]), 1);
	IS(reserved_pages(&bootmem_node_data[1]), 1);
	IS(reserve_bootmem(SZ_1M - SZ_8K, SZ_16K, BOOTMEM_EXCLUSIVE), -EBUSY);
	/* A later node refuses: the first is as it was. */
	free_bootmem(SZ_1M - SZ_4K, SZ_4K);
	IS(reserve_bootmem(SZ_1M - SZ_8K, SZ_16K, BOOTMEM_EXCLUSIVE), -EBUSY);
	IS(reserved_pages(&bootmem_node_data[0]), 0);
	IS(reserved_pages(&bootmem_node_data[1]), 1);
}

static void B13_B17_small_allocations_share_pages(void)
{
	bootmem_data_t *b = one_node();
	char *p, *next;

	p = __alloc_bootmem(SZ_4K + SZ_2K, SMP_CACHE_BYTES, 0);
	IS(phys(p), SZ_8K); /* page 2 is the first free one */
	IS(b->last_end_off, SZ_8K + SZ_4K + SZ_2K);
	IS(b->hint_idx, 4);
	memset(p, 0xff, SZ_4K + SZ_2K);
	next = __alloc_bootmem(SZ_4K, SMP_CACHE_BYTES, 0);
	OK(next == p + SZ_4K + SZ_2K); /* packed into the rest of page 3 */
	for (unsigned int i = 0; i < SZ_4K; i++)
		IS(next[i], 0);
	IS(reserved_pages(b), 2 + 3);
	OK(IS_ALIGNED(phys(alloc_bootmem_pages(1)), PAGE_SIZE));
	IS(phys(__alloc_bootmem(SZ_1K, SZ_64K, 0)) % SZ_64K, 0);
	OK(alloc_bootmem_nopanic(SZ_32M) == NULL);
	OK(__alloc_bootmem_nopanic(SZ_1K, 3, 0) == NULL); /* no power of two: reported */
	OK(__alloc_bootmem_nopanic(0, SZ_1K, 0) == NULL);
}

static void B14_B18_goals_and_nodes(void)
{
	IS(init_bootmem_node(NODE_DATA(0), 1, 0, SZ_32M >> PAGE_SHIFT), SZ_32M >> PAGE_SHIFT >> 3);
	IS(init_bootmem_node(NODE_DATA(1), 2, SZ_32M >> PAGE_SHIFT, SZ_64M >> PAGE_SHIFT),
	   SZ_32M >> PAGE_SHIFT >> 3);
	free_bootmem_node(NODE_DATA(0), 0, SZ_32M);
	free_bootmem_node(NODE_DATA(1), SZ_32M, SZ_32M);
	IS(reserve_bootmem(0, 3 * PAGE_SIZE, BOOTMEM_DEFAULT), 0);
	IS(phys(alloc_bootmem(SZ_4K)), BOOTMEM_LOW_LIMIT); /* out of ZONE_DMA */
	IS(phys(alloc_bootmem_node(NODE_DATA(1), SZ_4K)), SZ_32M);
	/* No goal: on from the hint. */
	IS(phys(alloc_bootmem_low(SZ_4K)), BOOTMEM_LOW_LIMIT + SZ_4K);
	IS(phys(__alloc_bootmem(SZ_4K, SZ_4K, SZ_32M + SZ_1M)), SZ_32M + SZ_1M);
	/* A goal beyond all memory is dropped; a node without room is left. */
	OK(__alloc_bootmem_nopanic(SZ_4K, SZ_4K, SZ_1G) != NULL);
	IS(reserve_bootmem_node(NODE_DATA(1), SZ_32M, SZ_32M, BOOTMEM_DEFAULT), 0);
	OK(phys(alloc_bootmem_pages_node(NODE_DATA(1), SZ_4K)) < SZ_32M);
	OK(alloc_bootmem_node_nopanic(NODE_DATA(1), SZ_64M) == NULL);
	OK(phys(__alloc_bootmem_node_high(NODE_DATA(0), SZ_4K, SZ_4K, 0)) < SZ_32M);
	/* Below a limit; a goal beyond it is the stronger wish. */
	IS(phys(___alloc_bootmem_node_nopanic(NODE_DATA(0), SZ_4K, SZ_4K, SZ_8M, SZ_8M + SZ_8K)),
	   SZ_8M);
	OK(phys(___alloc_bootmem_node_nopanic(NODE_DATA(0), SZ_1M, SZ_4K, SZ_8M, SZ_16M)) < SZ_16M);
	OK(___alloc_bootmem_node_nopanic(NODE_DATA(0), SZ_16M, SZ_4K, 0, SZ_8M) == NULL);
	OK(___alloc_bootmem_node_nopanic(NODE_DATA(0), SZ_4M, SZ_4K, SZ_8M, SZ_8M) != NULL);
}

static void B19_hand_off_to_pages_and_slabs(void)
{
	unsigned long pages, used;
	struct kmem_cache *cache;
	struct page *page;
	void *objects[8];
	char *p;

	one_node();
	OK(!slab_is_available());
	IS(totalram_pages(), 0);
	p = alloc_bootmem_low_pages(SZ_64K);
	used = reserved_pages(NODE_DATA(0)->bdata);
	pages = free_all_bootmem();
	IS(pages, (SZ_16M >> PAGE_SHIFT) - used + 1); /* the bitmap's page is given too */
	IS(totalram_pages(), pages);
	OK(NODE_DATA(0)->bdata->node_bootmem_map == NULL);
	IS(node_present_pages(0), SZ_16M >> PAGE_SHIFT);
	IS(max_pfn, SZ_16M >> PAGE_SHIFT);
	OK(slab_is_available());

	page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 3);
	OK(page != NULL && page_count(page) == 1);
	OK(pfn_to_page(page_to_pfn(page)) == page && virt_to_page(page_address(page)) == page);
	IS(page_to_pfn(page) % 8, 0);
	OK((char *)page_address(page) + 8 * PAGE_SIZE <= p ||
	   (char *)page_address(page) >= p + SZ_64K);
	__free_pages(page, 3);
	free_page(get_zeroed_page(GFP_KERNEL));
	IS(get_order(SZ_16K + 1), 3);

	free_bootmem_late(__pa(p), SZ_64K - 1); /* the last page is not whole: it stays */
	IS(totalram_pages(), pages + 15);

	cache = kmem_cache_create("things", 200, 0, SLAB_HWCACHE_ALIGN, NULL);
	OK(cache != NULL);
	IS(kmem_cache_alloc_bulk(cache, GFP_KERNEL, ARRAY_SIZE(objects), objects), 8);
	kmem_cache_free_bulk(cache, ARRAY_SIZE(objects), objects);
	kmem_cache_free(cache, kmem_cache_zalloc(cache, GFP_KERNEL));
	kmem_cache_destroy(cache);
	p = kzalloc(100, GFP_KERNEL);
	OK(p != NULL && p[99] == 0 && ksize(p) == 128);
	p = krealloc(p, 1000, GFP_KERNEL);
	OK(p != NULL && ksize(p) == 1024);
	kfree(p);
	kfree(ZERO_SIZE_PTR);
	OK(kmalloc_array(SIZE_MAX / 2, 4, GFP_KERNEL) == NULL);
}

static void B18_late_calls_are_served_by_slab(void)
{
	void *p;

	one_node();
	OK(free_all_bootmem() != 0);
	p = alloc_bootmem(100);
	OK(p != NULL && ksize(p) >= 100);
	kfree(p);
}

static void memblock_virt_alloc_family(void)
{
	void *p;

	/* Machine with memory from address 0 on, told to memblock. */
	quarry_linux_bootmem();
	IS(memblock_add_node(0, SZ_16M, 0, MEMBLOCK_NONE), 0);
	p = memblock_virt_alloc(SZ_4K, 0);
	IS(phys(p), SZ_16M - SZ_4K);
	memblock_free_early(phys(p), SZ_4K);
	IS(memblock_reserved_size(), 0);
	OK(memblock_virt_alloc_nopanic(SZ_32M, 0) == NULL);
	IS(phys(memblock_virt_alloc_node(SZ_1K, 0)), SZ_16M - SZ_1K);
	memblock_free_all();
	IS(totalram_pages(), (SZ_16M >> PAGE_SHIFT) - 1);
}

/*
 * B17: nothing that bootmem gives is a root of a leak tracker. The headers call none; that the library
 * calls nothing at all but mem* and the port is what scripts/check_symbols.py looks at.
 */
static void B17_nothing_is_registered_with_a_leak_tracker(void)
{
	one_node();
	leak_roots = 0;
	OK(alloc_bootmem(SZ_4K) != NULL && alloc_bootmem_low_pages(SZ_4K) != NULL);
	OK(alloc_bootmem_node(NODE_DATA(0), SZ_1K) != NULL);
	OK(__alloc_bootmem_nopanic(SZ_1K, SZ_1K, 0) != NULL);
	OK(free_all_bootmem() != 0);
	IS(leak_roots, 0);
}

/* What Linux 6.1 printed on machines of 128 MiB, 1 GiB and 16 GiB: tests/data/oracle. */
static void large_hash_tables_are_sized_as_linux_does(void)
{
	static const struct {
		unsigned long ram_kb, dentry, inode, mount;
	} linux_had[] = {{130552, 16384, 8192, 512},
			 {1048056, 131072, 65536, 2048},
			 {4193784, 524288, 262144, 8192},
			 {16776696, 2097152, 1048576, 32768}};

	for (unsigned int i = 0; i < ARRAY_SIZE(linux_had); i++) {
		unsigned int shift = 0, mask = 0;
		char *table;

		if (linux_had[i].ram_kb > QUARRY_LINUX_RAM >> 10)
			break; /* of 32 bits */
		new_machine();
		quarry_linux_bootmem();
		IS(memblock_add(0, (phys_addr_t)linux_had[i].ram_kb << 10), 0);
		table = alloc_large_system_hash("Dentry cache", 8, 0, 13, HASH_EARLY | HASH_ZERO,
						&shift, &mask, 0, 0);
		IS(mask + 1, linux_had[i].dentry);
		IS(1ul << shift, linux_had[i].dentry);
		OK(memblock_is_region_reserved(phys(table), linux_had[i].dentry * 8));
		IS(table[8 * mask], 0);
		alloc_large_system_hash("Inode-cache", 8, 0, 14, HASH_EARLY, NULL, &mask, 0, 0);
		IS(mask + 1, linux_had[i].inode);
		alloc_large_system_hash("Mount-cache", 8, 0, 19, HASH_EARLY, NULL, &mask, 0, 0);
		IS(mask + 1, linux_had[i].mount);
		/* Limits; a number of its own; the least of a small one. */
		alloc_large_system_hash("a", 8, 0, 13, HASH_EARLY, NULL, &mask, 0, 4096);
		IS(mask + 1, 4096);
		alloc_large_system_hash("b", 8, 100, 13, HASH_EARLY, NULL, &mask, 256, 0);
		IS(mask + 1, 256);
		shift = 4;
		alloc_large_system_hash("c", 8, 0, 40, HASH_EARLY | HASH_SMALL, &shift, &mask, 0,
					0);
		IS(mask + 1, 16);
	}
}

/* After the hand-off from the buddy system; halved until it fits. */
static void large_hash_tables_shrink_until_they_fit(void)
{
	unsigned int mask;

	one_node();
	alloc_large_system_hash("early", 8, 0, 13, HASH_EARLY, NULL, &mask, 0, 0);
	IS(mask + 1, 2048);
	reset_node_managed_pages(NODE_DATA(0));
	reset_all_zones_managed_pages();
	OK(free_all_bootmem() != 0);
	alloc_large_system_hash("late", 8, 0, 13, 0, NULL, &mask, 0, 0);
	IS(mask + 1, 2048);
	/* 8 MiB asked for, more than the largest block. */
	alloc_large_system_hash("large", 8, 1 << 20, 13, 0, NULL, &mask, 0, 1 << 20);
	OK(mask + 1 <= 4 * SZ_1M / 8 && mask + 1 >= SZ_64K / 8);
}

static void max_dma_address_is_16_mib(void)
{
	IS(init_bootmem(1, SZ_32M >> PAGE_SHIFT), SZ_32M >> PAGE_SHIFT >> 3);
	free_bootmem(SZ_1M, SZ_32M - SZ_1M);
	IS(__pa(MAX_DMA_ADDRESS), SZ_16M);
	IS(phys(__alloc_bootmem(SZ_4K, SZ_4K, __pa(MAX_DMA_ADDRESS))), SZ_16M);
}

/* B19: what is not reserved is refused, whole. */
static void B19_late_free_of_what_is_not_reserved_is_refused(void)
{
	unsigned long pages, start;
	char *p;

	one_node();
	p = alloc_bootmem_low_pages(SZ_64K);
	pages = free_all_bootmem();
	start = phys(p);
	free_bootmem_late(start + SZ_64K, SZ_4K); /* free already */
	IS(totalram_pages(), pages);
	free_bootmem_late(start + SZ_32K, SZ_64K); /* in part */
	IS(totalram_pages(), pages);
	free_bootmem_late(SZ_64M, SZ_4K); /* no memory */
	IS(totalram_pages(), pages);
	free_bootmem_late(start, SZ_64K);
	IS(totalram_pages(), pages + 16);
	free_bootmem_late(start, SZ_64K); /* twice */
	memblock_free_late(start, SZ_64K);
	IS(totalram_pages(), pages + 16);
}

/* linux/list.h */
struct item {
	int n;
	struct list_head link;
};

static int sum(struct list_head *head)
{
	struct item *i;
	int n = 0;

	list_for_each_entry(i, head, link) n = n * 10 + i->n;
	return n;
}

static void lists_are_rings(void)
{
	struct item i[5] = {{.n = 1}, {.n = 2}, {.n = 3}, {.n = 4}, {.n = 5}}, *a, *b;
	struct list_head *pos, *next;
	LIST_HEAD(head);
	LIST_HEAD(other);
	int n = 0;

	OK(list_empty(&head));
	OK(list_first_entry_or_null(&head, struct item, link) == NULL);
	list_add(&i[0].link, &head);
	OK(list_is_singular(&head));
	list_add_tail(&i[1].link, &head);
	list_add(&i[2].link, &head);
	IS(sum(&head), 312);
	OK(list_is_first(&i[2].link, &head) && list_is_last(&i[1].link, &head));
	list_for_each_entry_reverse(a, &head, link) n = n * 10 + a->n;
	IS(n, 213);
	list_move_tail(&i[2].link, &head);
	IS(sum(&head), 123);
	list_move(&i[1].link, &head);
	IS(sum(&head), 213);
	list_replace(&i[0].link, &i[3].link);
	IS(sum(&head), 243);
	list_for_each_entry_safe(a, b, &head, link) if (a->n != 4) list_del(&a->link);
	IS(sum(&head), 4);
	OK(i[1].link.next == LIST_POISON1);
	list_add(&i[4].link, &other);
	list_splice_tail_init(&other, &head);
	OK(list_empty(&other));
	IS(sum(&head), 45);
	list_splice_init(&head, &other);
	IS(sum(&other), 45);
	n = 0;
	list_for_each(pos, &other) n++;
	list_for_each_prev(pos, &other) n++;
	list_for_each_safe(pos, next, &other) list_del_init(pos);
	IS(n, 4);
	OK(list_empty(&other) && list_empty(&i[4].link));
}

static const struct linux_test tests[] = {
	LINUX_TEST(B1_B6_nodes_are_entries_of_bootmem_node_data),
	LINUX_TEST(B7_B8_init_bootmem_says_what_there_is),
	LINUX_TEST(B9_B12_mark),
	LINUX_TEST(B12_marks_span_nodes_that_touch),
	LINUX_TEST(B13_B17_small_allocations_share_pages),
	LINUX_TEST(B14_B18_goals_and_nodes),
	LINUX_TEST(B19_hand_off_to_pages_and_slabs),
	LINUX_TEST(B18_late_calls_are_served_by_slab),
	LINUX_TEST(memblock_virt_alloc_family),
	LINUX_TEST(large_hash_tables_are_sized_as_linux_does),
	LINUX_TEST(large_hash_tables_shrink_until_they_fit),
	LINUX_TEST(B17_nothing_is_registered_with_a_leak_tracker),
	LINUX_TEST(max_dma_address_is_16_mib),
	LINUX_TEST(B19_late_free_of_what_is_not_reserved_is_refused),
	LINUX_TEST(lists_are_rings),
};

int main(void)
{
	int status = linux_run("linux_bootmem", tests, ARRAY_SIZE(tests), new_machine);

	new_machine();
	return status;
}
