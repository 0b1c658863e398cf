/* SPDX-License-Identifier: MIT */
/*
 * Contents of pages, failures by will, and what the log says of refusals: init_on_alloc, init_on_free,
 * page_poison, fail_page_alloc (spec 2b), warn_alloc. Each is switched by its Linux name, and none is left
 * on the common path when all are off.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "owner.h"

static const struct machine_spec real = {
	.memory = {{64 * MACHINE_KIB, 636 * MACHINE_KIB, 0},
		   {1 * MACHINE_MIB, 64 * MACHINE_MIB, 0}},
	.reserved = {{2 * MACHINE_MIB, 2 * MACHINE_MIB + 64 * MACHINE_KIB}},
	.ram_bytes = 64 << 20,
	.boot = {.nr_cpus = 2},
};

static unsigned char *bytes(struct machine *m, struct page *page)
{
	return quarry_page_address(m->q, page);
}

static bool all_are(const unsigned char *p, size_t size, unsigned char value)
{
	for (size_t i = 0; i < size; i++) {
		if (p[i] != value)
			return false;
	}
	return true;
}

/* Any common path open? */
static bool short_way(struct machine *m)
{
	quarry_posix_set_cpu(0);
	quarry_free_pages(m->q, quarry_alloc_pages(m->q, GFP_KERNEL, 0), 0);
	return m->q->pages->features == 0;
}

/* ---- switches ---- */

static void switches_by_name(void **state)
{
	static const char *const good[] = {
		"init_on_alloc=1 init_on_free=on",
		"init_on_alloc=0 init_on_free=off",
		"page_poison=1",
		"page_poison=0",
		"page_owner=on",
		"page_owner=off",
		"fail_page_alloc=1,100,0,-1",
		"fail_page_alloc=1,0,0,0",
		"fail-nth=7",
		"fail-nth=0",
		"debug_guardpage_minorder=5",
		"debug_guardpage_minorder=0",
		"  warn_alloc=3\n",
		"warn_alloc=10",
		"fail_page_alloc=1,0,0,999999999999999999",
		"fail_page_alloc.interval=3 fail_page_alloc.space=7",
	};
	struct machine m;

	(void)state;
	machine_build(&m, &real);
	assert_true(short_way(&m));
	assert_int_equal(quarry_page_debug(m.q, ""), 0);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (quarry_page_debug(m.q, good[i]) != 0)
			fail_msg("%s", good[i]);
		if (i < 12)
			assert_int_equal(m.q->pages->features != 0, i % 2 == 0);
		machine_check(&m);
	}
	assert_true(short_way(&m));
	machine_fini(&m);
}

/* One wrong word, and none of the others is taken. */
static void wrong_switches_change_nothing(void **state)
{
	static const char *const bad[] = {
		"page_poison=1 nonsense=1",
		"page_poison=1 page_owner=maybe",
		"page_poison=1 page_owner",
		"page_poison=1 page_owner=",
		"page_poison=1 =1",
		"page_poison=1 fail_page_alloc=1,2,3",
		"page_poison=1 fail_page_alloc=1,2,3,4,5",
		"page_poison=1 fail_page_alloc=1,101,0,1",
		"page_poison=1 fail_page_alloc=1,10,0,-2",
		"page_poison=1 fail_page_alloc.probability=101",
		"page_poison=1 fail_page_alloc.min-order=11",
		"page_poison=1 fail_page_alloc.colour=1",
		"page_poison=1 fail_page_alloc.",
		"page_poison=1 fail-nth=x",
		"page_poison=1 warn_alloc=1234567890123456789",
		"page_poison=1 debug_guardpage_minorder=6",
		"page_poison=1 debug_guardpage_minorder=-1",
	};
	struct machine m;

	(void)state;
	machine_build(&m, &real);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (quarry_page_debug(m.q, bad[i]) != -QUARRY_EINVAL)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(m.q->pages->features, 0);
	}
	assert_true(short_way(&m));
	/* The largest that is right. */
	assert_int_equal(quarry_page_debug(m.q, "fail_page_alloc.probability=100"), 0);
	assert_int_equal(quarry_page_debug(m.q, "fail_page_alloc.probability=0"), 0);
	machine_fini(&m);
}

/* Each table that switching on makes may be refused: nothing is on then. */
static void no_memory_for_tables(void **state)
{
	struct machine_spec spec = {
		.memory = {{1 * MACHINE_MIB, 64 * MACHINE_MIB, 0}},
		.port = MACHINE_COUNTED,
		.budget = -1,
	};
	unsigned int refused = 0;
	struct machine m;

	(void)state;
	for (long budget = 0; budget < 8; budget++) {
		int err;

		machine_build(&m, &spec);
		m.budget = budget;
		err = quarry_page_debug(m.q, "page_owner=on");
		if (err != 0) {
			assert_int_equal(err, -QUARRY_ENOMEM);
			assert_int_equal(m.q->pages->features, 0);
			refused++;
		}
		m.budget = 0;
		if (err == 0 || budget > 0)
			assert_int_equal(quarry_trace_set(m.q, NULL, NULL), 0);
		else
			assert_int_equal(quarry_trace_set(m.q, NULL, NULL), -QUARRY_ENOMEM);
		m.budget = -1;
		machine_check(&m);
		machine_fini(&m);
	}
	assert_int_equal(refused, 3);
}

/* ---- contents ---- */

static void init_on_alloc_clears(void **state)
{
	struct page *page;
	struct machine m;

	(void)state;
	machine_build(&m, &real);
	assert_int_equal(quarry_page_debug(m.q, "init_on_alloc=1"), 0);
	for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
		for (int round = 0; round < 3; round++) {
			page = quarry_alloc_pages(m.q, GFP_KERNEL, order);
			assert_non_null(page);
			assert_true(all_are(bytes(&m, page), QUARRY_PAGE_SIZE << order, 0));
			memset(bytes(&m, page), 0x5a, QUARRY_PAGE_SIZE << order);
			quarry_free_pages(m.q, page, order);
			/* Free pages are left alone. */
			assert_true(all_are(bytes(&m, page), QUARRY_PAGE_SIZE << order, 0x5a));
		}
	}
	machine_check(&m);
	machine_fini(&m);
}

static void init_on_free_clears(void **state)
{
	struct page *page, *before;
	struct machine m;

	(void)state;
	machine_build(&m, &real);
	before = quarry_alloc_pages(m.q, GFP_KERNEL, 3);
	memset(bytes(&m, before), 0x5a, QUARRY_PAGE_SIZE << 3);
	quarry_free_pages(m.q, before, 3);
	/* What was free, or in a sheaf, before the switch is cleared by it. */
	assert_int_equal(quarry_page_debug(m.q, "init_on_free=1"), 0);
	assert_true(all_are(bytes(&m, before), QUARRY_PAGE_SIZE << 3, 0));
	for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
		page = quarry_alloc_pages(m.q, GFP_KERNEL, order);
		assert_non_null(page);
		assert_true(all_are(bytes(&m, page), QUARRY_PAGE_SIZE << order, 0));
		memset(bytes(&m, page), 0x5a, QUARRY_PAGE_SIZE << order);
		quarry_free_pages(m.q, page, order);
		assert_true(all_are(bytes(&m, page), QUARRY_PAGE_SIZE << order, 0));
	}
	machine_check(&m);
	machine_fini(&m);
}

static void poison_is_there_and_whole(void **state)
{
	struct quarry_page_debug_info info;
	struct page *page;
	struct machine m;

	(void)state;
	machine_build(&m, &real);
	assert_int_equal(quarry_page_debug(m.q, "page_poison=1 init_on_free=1"), 0);
	for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
		page = quarry_alloc_pages(m.q, GFP_KERNEL, order);
		assert_non_null(page);
		assert_true(all_are(bytes(&m, page), QUARRY_PAGE_SIZE << order, 0xaa));
		memset(bytes(&m, page), 0, QUARRY_PAGE_SIZE << order);
		quarry_free_pages(m.q, page, order);
		assert_true(all_are(bytes(&m, page), QUARRY_PAGE_SIZE << order, 0xaa));
	}
	/* A caller who wants zeros gets them. */
	page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_ZERO, 2);
	assert_true(all_are(bytes(&m, page), QUARRY_PAGE_SIZE << 2, 0));
	quarry_free_pages(m.q, page, 2);
	/* With init_on_alloc too: checked, then cleared. */
	assert_int_equal(quarry_page_debug(m.q, "init_on_alloc=1"), 0);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 2);
	assert_true(all_are(bytes(&m, page), QUARRY_PAGE_SIZE << 2, 0));
	quarry_free_pages(m.q, page, 2);
	/* Pages that a reservation gives up are filled. */
	assert_int_equal(quarry_free_reserved(m.q, 512, 528), 16);
	assert_true(all_are(m.ram != NULL ? m.ram + (2 << 20)
					  : (unsigned char *)quarry_address(m.q, 2 << 20),
			    64 << 10, 0xaa));
	quarry_page_debug_info(m.q, &info);
	assert_int_equal(info.poison_found, 0);
	assert_int_equal(m.reports, 0);
	machine_check(&m);
	machine_fini(&m);
}

/* Memory that comes, and a page that was thought damaged, hold what free pages hold. */
static void pages_that_come_are_filled(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 128 << 20, 0}},
		.ram_bytes = 256 << 20,
		.boot = {.nr_cpus = 2,
			 .dma_limit = ~(phys_addr_t)0,
			 .dma32_limit = ~(phys_addr_t)0,
			 .max_hotplug_phys = 256 << 20},
	};
	struct quarry_page_debug_info info;
	struct machine m;
	unsigned char *ram;

	(void)state;
	machine_build(&m, &spec);
	ram = quarry_address(m.q, 0);
	memset(ram + (128 << 20), 0x5a, 4 << 20);
	assert_int_equal(quarry_memory_failure(m.q, 5000, QUARRY_MF_SW_SIMULATED), 0);
	ram[5000 << 12] = 0x5a;
	assert_int_equal(quarry_page_debug(m.q, "page_poison=1"), 0);
	assert_int_equal(quarry_add_memory(m.q, 0, 128 << 20, 128 << 20), 0);
	assert_int_equal(quarry_online_pages(m.q, 32768, 32768, QUARRY_ONLINE_KERNEL), 0);
	assert_true(all_are(ram + (128 << 20), 4 << 20, 0xaa));
	assert_int_equal(quarry_unpoison_memory(m.q, 5000), 0);
	assert_true(all_are(ram + (5000 << 12), 4096, 0xaa));
	quarry_page_debug_info(m.q, &info);
	assert_int_equal(info.poison_found, 0);
	machine_check(&m);
	machine_fini(&m);
}

/* A write after free is found when the page is handed out: place, length, and who had it. */
static void poison_finds_a_write(void **state)
{
	static const struct quarry_page_site *site;
	struct quarry_page_debug_info info;
	struct page *page[64];
	unsigned char *victim;
	unsigned int n = 0;
	struct machine m;

	(void)state;
	machine_build(&m, &real);
	assert_int_equal(quarry_page_debug(m.q, "page_poison=1 page_owner=on"), 0);
	site = QUARRY_PAGE_SITE();
	page[0] = quarry_alloc_pages_at(m.q, GFP_KERNEL, 0, site);
	victim = bytes(&m, page[0]);
	quarry_free_pages(m.q, page[0], 0);
	victim[0x123] = 0x41;
	victim[0x127] = 0x42;
	quarry_drain_all_pages(m.q);
	while (m.reports == 0 && n < 64)
		page[n++] = quarry_alloc_pages(m.q, GFP_KERNEL, 10);
	/* One line for what, one of hex, two for whom. */
	assert_int_equal(m.reports, 4);
	assert_non_null(strstr(m.last_report, "it was last freed by a call from"));
	quarry_page_debug_info(m.q, &info);
	assert_int_equal(info.poison_found, 1);
	while (n-- > 0)
		quarry_free_pages(m.q, page[n], 10);
	/* It is whole again. */
	assert_int_equal(victim[0x123], 0xaa);
	machine_check(&m);
	machine_fini(&m);
}

struct lines {
	char text[4096];
	unsigned int n;
};

static void keep_line(void *ctx, const char *line)
{
	struct lines *l = ctx;

	l->n++;
	snprintf(l->text + strlen(l->text), sizeof(l->text) - strlen(l->text), "%s\n", line);
}

static void keep_log(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)level;
	keep_line(ctx, line);
}

/* 32 MiB of real RAM whose log and reports are kept. */
static struct quarry *told(struct lines *l)
{
	struct quarry_posix_options options = {
		.ram_bytes = 32 << 20, .log = keep_log, .report = keep_line, .log_ctx = l};
	struct quarry *q = quarry_posix_new(&options);

	assert_non_null(q);
	memset(l, 0, sizeof(*l));
	assert_int_equal(quarry_memblock_add(q, 1 << 20, 31 << 20), 0);
	assert_int_equal(quarry_boot(q, NULL), 0);
	memset(l, 0, sizeof(*l));
	return q;
}

static void poison_report_in_words(void **state)
{
	struct lines l;
	struct quarry *q = told(&l);
	struct page *page;
	unsigned char *p;

	(void)state;
	assert_int_equal(quarry_page_debug(q, "page_poison=1"), 0);
	page = quarry_alloc_pages(q, GFP_KERNEL, 10);
	p = quarry_page_address(q, page);
	quarry_free_pages(q, page, 10);
	p[2 * QUARRY_PAGE_SIZE + 0x345] ^= 0x10;
	page = quarry_alloc_pages(q, GFP_KERNEL, 10);
	assert_non_null(strstr(l.text, "was written to while it was free: byte 0x345 is 0xba, not "
				       "0xaa; 1 bytes up to the last; single bit error"));
	assert_non_null(strstr(l.text, " + 0x340: aa aa aa aa aa ba aa aa"));
	assert_int_equal(l.n, 2);
	quarry_free_pages(q, page, 10);
	quarry_posix_delete(q);
}

/* Memory that is not there is never touched. */
static void no_access_no_contents(void **state)
{
	static const struct machine_spec simulated = {.memory = {{0, 8 * MACHINE_MIB, 0}}};
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &simulated);
	assert_int_equal(quarry_page_debug(m.q, "page_poison=1 init_on_alloc=1 init_on_free=1"), 0);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 3);
	assert_non_null(page);
	quarry_free_pages(m.q, page, 3);
	machine_check(&m);
	machine_fini(&m);
}

/* A random life with poison: the allocator itself writes into no free page (DESIGN: decision 1). */
static void allocator_writes_into_no_free_page(void **state)
{
	struct machine_spec inside = real;
	struct quarry_page_debug_info info;
	uint64_t seed = 7;
	struct machine m;

	(void)state;
	for (int port = 0; port < 2; port++) {
		struct page *page[200] = {NULL};
		unsigned int order[200] = {0};
		void *object[200] = {NULL};

		inside.port = port == 0 ? MACHINE_POSIX : MACHINE_INSIDE;
		machine_build(&m, &inside);
		assert_int_equal(quarry_page_debug(m.q, "page_poison=1 page_owner=on"), 0);
		for (int step = 0; step < 4000; step++) {
			uint64_t r = machine_random(&seed);
			unsigned int i = (unsigned int)(r % 200);

			quarry_posix_set_cpu(r >> 8 & 1);
			if ((r >> 9 & 1) != 0 && object[i] != NULL) {
				quarry_kfree(m.q, object[i]);
				object[i] = NULL;
			} else if ((r >> 9 & 1) != 0) {
				object[i] = quarry_kmalloc(m.q, 1 + (r >> 10) % 9000, GFP_KERNEL);
			} else if (page[i] != NULL) {
				quarry_free_pages(m.q, page[i], order[i]);
				page[i] = NULL;
			} else {
				order[i] = (unsigned int)(r >> 10) % 6;
				page[i] = quarry_alloc_pages(
					m.q, (r >> 20 & 1) != 0 ? GFP_KERNEL : GFP_HIGHUSER_MOVABLE,
					order[i]);
				if (page[i] != NULL)
					memset(bytes(&m, page[i]), (int)step,
					       QUARRY_PAGE_SIZE << order[i]);
			}
			if (step % 400 == 0)
				machine_check(&m);
		}
		for (int i = 0; i < 200; i++) {
			quarry_free_pages(m.q, page[i], order[i]);
			quarry_kfree(m.q, object[i]);
		}
		quarry_page_debug_info(m.q, &info);
		assert_int_equal(info.poison_found, 0);
		assert_int_equal(m.reports, 0);
		machine_fini(&m);
	}
}

/* Blocks that compaction moves leave pages behind that are as freed ones, and take their owner along. */
static void compaction_keeps_poison_and_owners(void **state)
{
	struct quarry_page_site_info site;
	struct quarry_page_debug_info info;
	unsigned long moved, live = 0;
	struct page *page[4096];
	unsigned int n = 0;
	struct owner o;
	struct machine m;

	(void)state;
	machine_build(&m, &real);
	assert_int_equal(quarry_page_debug(m.q, "page_poison=1 page_owner=on"), 0);
	owner_init(&o, &m, 6000, (64 << 20) / QUARRY_PAGE_SIZE, true);
	for (size_t i = 0; i < 6000; i++)
		assert_true(owner_alloc(&o, i, GFP_HIGHUSER_MOVABLE, i % 3 == 0 ? 1 : 0));
	for (size_t i = 0; i < 6000; i++) {
		if (i % 4 != 0)
			owner_free(&o, i);
	}
	quarry_drain_all_pages(m.q);
	moved = o.migrated;
	quarry_compact_memory(m.q);
	assert_true(o.migrated > moved + 100);
	machine_check(&m);
	assert_int_equal(owner_check(&o), 0);
	for (unsigned int i = 0; quarry_page_site(m.q, i, &site); i++)
		live += site.live_blocks;
	assert_int_equal(live, 1500);
	/* All that is free is looked at. */
	while (n < 4096 &&
	       (page[n] = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_NOWARN, 0)) != NULL)
		n++;
	quarry_page_debug_info(m.q, &info);
	assert_int_equal(info.poison_found, 0);
	assert_int_equal(m.reports, 0);
	while (n-- > 0)
		quarry_free_pages(m.q, page[n], 0);
	owner_free_all(&o);
	owner_fini(&o);
	machine_fini(&m);
}

/* ---- failures by will ---- */

/* Which of @n requests fail, as a string of . and F. */
static void failures(struct machine *m, gfp_t gfp, unsigned int order, int n, char *out)
{
	for (int i = 0; i < n; i++) {
		struct page *page = quarry_alloc_pages(m->q, gfp, order);

		out[i] = page == NULL ? 'F' : '.';
		quarry_free_pages(m->q, page, order);
	}
	out[n] = '\0';
}

static void fails(struct machine *m, const char *text)
{
	assert_int_equal(quarry_page_debug(m->q, "fail_page_alloc=1,0,0,1 fail-nth=0 "
						 "fail_page_alloc.min-order=0 "
						 "fail_page_alloc.ignore-gfp-wait=N "
						 "fail_page_alloc.ignore-gfp-highmem=N "
						 "fail_page_alloc.seed=1"),
			 0);
	assert_int_equal(quarry_page_debug(m->q, text), 0);
}

static void fault_injection_by_the_rules(void **state)
{
	struct quarry_page_debug_info info;
	struct machine m;
	char out[400], again[400];

	(void)state;
	machine_build(&m, &real);
	fails(&m, "fail_page_alloc=1,100,0,3"); /* times */
	failures(&m, GFP_KERNEL, 0, 8, out);
	assert_string_equal(out, "FFF.....");
	fails(&m, "fail_page_alloc=1,100,0,-1"); /* without end */
	failures(&m, GFP_KERNEL, 0, 8, out);
	assert_string_equal(out, "FFFFFFFF");
	fails(&m, "fail_page_alloc=1,100,0,-1 fail_page_alloc.min-order=2");
	failures(&m, GFP_KERNEL, 1, 3, out);
	assert_string_equal(out, "...");
	failures(&m, GFP_KERNEL, 2, 3, out);
	assert_string_equal(out, "FFF");
	fails(&m, "fail_page_alloc=1,100,9,-1"); /* space: two blocks of four pages, then no more */
	failures(&m, GFP_KERNEL, 2, 4, out);
	assert_string_equal(out, "..FF");
	fails(&m, "fail_page_alloc=1,100,0,-1 fail_page_alloc.ignore-gfp-wait=Y");
	failures(&m, GFP_KERNEL, 0, 2, out);
	assert_string_equal(out, "..");
	failures(&m, GFP_ATOMIC, 0, 2, out);
	assert_string_equal(out, "FF");
	fails(&m, "fail_page_alloc=1,100,0,-1 fail_page_alloc.ignore-gfp-highmem=Y");
	failures(&m, GFP_HIGHUSER, 0, 2, out);
	assert_string_equal(out, "..");
	failures(&m, GFP_KERNEL | __GFP_NOFAIL, 0, 2, out);
	assert_string_equal(out, "..");
	fails(&m, "fail_page_alloc=3,100,0,-1"); /* every third */
	failures(&m, GFP_KERNEL, 0, 60, out);
	for (int i = 3; i < 60; i++)
		assert_int_equal(out[i], out[i - 3]);
	assert_int_equal((out[0] == 'F') + (out[1] == 'F') + (out[2] == 'F'), 1);
	fails(&m,
	      "fail_page_alloc=1,25,0,-1"); /* by chance, and the same again from the same seed */
	failures(&m, GFP_KERNEL, 0, 399, out);
	fails(&m, "fail_page_alloc=1,25,0,-1");
	failures(&m, GFP_KERNEL, 0, 399, again);
	assert_string_equal(out, again);
	quarry_page_debug_info(m.q, &info);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FAULT_INJECTED), info.injected);
	assert_in_range(info.injected, 150, 320);
	/* Each by its name. */
	fails(&m, "fail_page_alloc=1,100,0,-1 fail_page_alloc.interval=2 fail_page_alloc.space=2");
	failures(&m, GFP_KERNEL, 0, 8, out);
	assert_true(strcmp(out, "..F.F.F.") == 0 || strcmp(out, "...F.F.F") == 0);
	fails(&m, "fail-nth=3");
	failures(&m, GFP_KERNEL, 0, 6, out);
	assert_string_equal(out, "..F...");
	machine_check(&m);
	machine_fini(&m);
}

/* What a caller of kmalloc() sees: NULL, and nothing is lost. */
static void fail_nth_through_kmalloc(void **state)
{
	struct machine m;
	char text[32];

	(void)state;
	machine_build(&m, &real);
	/* Forty objects of 4000 bytes are five slabs. */
	for (unsigned int nth = 1; nth <= 5; nth++) {
		void *p[40];

		snprintf(text, sizeof(text), "fail-nth=%u", nth);
		assert_int_equal(quarry_page_debug(m.q, text), 0);
		for (int i = 0; i < 40; i++)
			p[i] = quarry_kmalloc(m.q, 4000, GFP_NOWAIT);
		assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FAULT_INJECTED), nth);
		for (int i = 0; i < 40; i++)
			quarry_kfree(m.q, p[i]);
		for (struct kmem_cache *c = NULL; (c = quarry_kmem_cache_next(m.q, c)) != NULL;)
			quarry_kmem_cache_shrink(m.q, c);
		machine_check(&m);
	}
	machine_fini(&m);
}

/* ---- the log ---- */

static void refusals_are_told(void **state)
{
	struct lines l;
	struct quarry *q = told(&l);

	(void)state;
	for (int i = 0; i < 3; i++) {
		while (quarry_alloc_pages(q, GFP_KERNEL | __GFP_NOWARN, 10) != NULL)
			;
	}
	assert_int_equal(l.n, 0); /* __GFP_NOWARN */
	assert_null(quarry_alloc_pages(q, GFP_KERNEL | __GFP_ZERO, 10));
	assert_non_null(strstr(l.text, "page allocation failure, order:10, mode:0xdc0"
				       "(GFP_KERNEL|__GFP_ZERO), nodemask=(null), node 0"));
	assert_non_null(strstr(l.text, "Node 0 DMA32 free:"));
	assert_non_null(strstr(l.text, "Node 0 DMA free:"));
	assert_int_equal(l.n, 3);
	/* Told often enough: one line says so, then silence. */
	for (int i = 0; i < 30; i++)
		assert_null(quarry_alloc_pages(q, GFP_KERNEL, 10));
	assert_int_equal(l.n, 31);
	assert_non_null(strstr(l.text, "no more are told"));
	quarry_posix_delete(q);

	q = told(&l);
	assert_int_equal(quarry_page_debug(q, "warn_alloc=0"), 0);
	while (quarry_alloc_pages(q, GFP_KERNEL, 10) != NULL)
		;
	assert_int_equal(l.n, 0);
	quarry_posix_delete(q);
}

static uint64_t stall_clock;
static struct lines stall_lines;

static void stall_log(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)ctx;
	keep_log(&stall_lines, level, line);
}

static uint64_t stall_now(void *ctx)
{
	(void)ctx;
	return stall_clock;
}

static unsigned long stall_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				   unsigned long nr)
{
	struct machine *m = ctx;

	(void)nid, (void)gfp, (void)order, (void)nr;
	stall_clock += 4000000000u; /* four seconds */
	return --*(int *)m->hook > 0 ? 1 : 0;
}

/* A request that waits for more than ten seconds says so, and again every ten. */
static void stalls_are_told(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{1 * MACHINE_MIB, 16 * MACHINE_MIB, 0}},
		.port = MACHINE_COUNTED,
		.budget = -1,
		.reclaim = stall_reclaim,
	};
	unsigned int n = 0;
	struct machine m;
	int rounds = 9;
	char *line;

	(void)state;
	machine_build(&m, &spec);
	m.hook = &rounds;
	while (quarry_alloc_pages(m.q, GFP_NOWAIT | __GFP_NOWARN, 0) != NULL)
		;
	m.q->port.now = stall_now;
	m.q->port.log = stall_log;
	memset(&stall_lines, 0, sizeof(stall_lines));
	stall_clock = 1;
	assert_null(quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_NOWARN, 0));
	assert_int_equal(stall_lines.n, 0);
	stall_clock = 1;
	rounds = 60;
	assert_null(quarry_alloc_pages(m.q, GFP_KERNEL, 0));
	assert_true(rounds <= 0);
	/* Told when a round begins more than ten seconds after the last time. */
	line = strstr(stall_lines.text, "page allocation stalls for ");
	for (uint64_t last = 0; line != NULL; n++) {
		uint64_t ms = strtoull(line + 27, &line, 10);

		assert_true(ms >= last + 10000);
		assert_int_equal(
			strncmp(line, "ms, order:0, mode:0xcc0(GFP_KERNEL), nodemask=(null)", 52),
			0);
		last = ms;
		line = strstr(line, "page allocation stalls for ");
	}
	assert_true(n >= 2);
	/* Beside them one of failing, with its zone. */
	assert_int_equal(stall_lines.n, n + 2);
	machine_fini(&m);
}

static void flags_in_words(void **state)
{
	static const struct {
		gfp_t gfp;
		const char *text;
	} cases[] = {
		{0, "none"},
		{GFP_KERNEL, "GFP_KERNEL"},
		{GFP_ATOMIC | __GFP_NOWARN | __GFP_COMP, "GFP_ATOMIC|__GFP_NOWARN|__GFP_COMP"},
		{GFP_HIGHUSER_MOVABLE, "GFP_HIGHUSER_MOVABLE"},
		{GFP_TRANSHUGE, "GFP_TRANSHUGE"},
		{GFP_TRANSHUGE_LIGHT, "GFP_TRANSHUGE_LIGHT"},
		{GFP_KERNEL | __GFP_ACCOUNT, "GFP_KERNEL_ACCOUNT"},
		{__GFP_DIRECT_RECLAIM, "__GFP_DIRECT_RECLAIM"},
		{GFP_NOIO | GFP_DMA32, "GFP_NOIO|GFP_DMA32"},
		{(gfp_t)0x80000000u, "0x80000000"},
		{GFP_KERNEL | (gfp_t)0x2000000u, "GFP_KERNEL|0x2000000"},
	};
	char buf[160];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(quarry_gfp_format(cases[i].gfp, buf, sizeof(buf)),
				 strlen(cases[i].text));
		assert_string_equal(buf, cases[i].text);
	}
	assert_int_equal(quarry_gfp_format(GFP_KERNEL | __GFP_ZERO, buf, 8), 21);
	assert_string_equal(buf, "GFP_KER");
	/* And back: whole names only. */
	for (unsigned int bit = 0; bit < 24; bit++) {
		size_t len = quarry_gfp_format((gfp_t)1 << bit, buf, sizeof(buf));
		gfp_t gfp = 0;

		assert_true(quarry_gfp_by_name(buf, len, &gfp));
		assert_int_equal(gfp, 1u << bit);
		gfp = 77;
		assert_false(quarry_gfp_by_name(buf, len - 1, &gfp));
		buf[len] = 'X';
		assert_false(quarry_gfp_by_name(buf, len + 1, &gfp));
		assert_int_equal(gfp, 77);
	}
	for (size_t i = 1; i <= 8; i++) {
		gfp_t gfp = 0;

		assert_true(quarry_gfp_by_name(cases[i].text, strcspn(cases[i].text, "|"), &gfp));
		assert_int_equal(gfp & ~cases[i].gfp, 0);
	}
}

/* Each end of a page counts: its first byte, its last one. */
static void every_byte_of_a_free_page_counts(void **state)
{
	static const size_t at[] = {0, 1, QUARRY_PAGE_SIZE - 2, QUARRY_PAGE_SIZE - 1};
	struct machine m;

	(void)state;
	machine_build(&m, &real);
	assert_int_equal(quarry_page_debug(m.q, "page_poison=1"), 0);
	for (unsigned int i = 0; i < 4; i++) {
		struct page *page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		unsigned int told = m.reports;

		assert_non_null(page);
		quarry_free_pages(m.q, page, 0);
		bytes(&m, page)[at[i]] = 0x41;
		quarry_drain_all_pages(m.q);
		/* Whoever gets it next is told. */
		for (unsigned int k = 0; k < 4096 && m.reports == told; k++)
			assert_non_null(quarry_alloc_pages(m.q, GFP_KERNEL, 0));
		assert_true(m.reports > told);
	}
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_of_a_free_page_counts),
		cmocka_unit_test(switches_by_name),
		cmocka_unit_test(wrong_switches_change_nothing),
		cmocka_unit_test(no_memory_for_tables),
		cmocka_unit_test(init_on_alloc_clears),
		cmocka_unit_test(init_on_free_clears),
		cmocka_unit_test(poison_is_there_and_whole),
		cmocka_unit_test(pages_that_come_are_filled),
		cmocka_unit_test(poison_finds_a_write),
		cmocka_unit_test(poison_report_in_words),
		cmocka_unit_test(no_access_no_contents),
		cmocka_unit_test(allocator_writes_into_no_free_page),
		cmocka_unit_test(compaction_keeps_poison_and_owners),
		cmocka_unit_test(fault_injection_by_the_rules),
		cmocka_unit_test(fail_nth_through_kmalloc),
		cmocka_unit_test(refusals_are_told),
		cmocka_unit_test(stalls_are_told),
		cmocka_unit_test(flags_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
