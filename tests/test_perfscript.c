/* SPDX-License-Identifier: MIT */
/* The reader of text recordings: layouts and variants of the tools, wrong lines, a real recording. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <gfp.h>
#include <trace.h>

/* An open text, all events of which fit one batch. */
struct text {
	struct trace t;
	struct diag diag;
	size_t nr;
};

static void text_open_len(struct text *x, const char *s, size_t len)
{
	memset(x, 0, sizeof(*x));
	assert_int_equal(trace_open_memory(&x->t, "test", s, len, &x->diag), CLI_OK);
	x->nr = trace_next(&x->t);
}

static void text_open(struct text *x, const char *s)
{
	text_open_len(x, s, strlen(s));
}

static void text_close(struct text *x)
{
	trace_close(&x->t);
	diag_free(&x->diag);
}

static const struct trace_desc *text_desc(const struct text *x, size_t i)
{
	return &x->t.descs[x->t.batch[i].desc];
}

static void test_perf_script(void **state)
{
	struct text x;
	const struct trace_desc *d;

	(void)state;
	text_open(&x,
		  "            perf 31194 [000]  7770.170608:      kmem:kmalloc: call_site=f+0x127"
		  " ptr=0xffff88810467e280 bytes_req=30 bytes_alloc=32 "
		  "gfp_flags=GFP_KERNEL|__GFP_ZERO"
		  " node=-1 accounted=true\n"
		  " a [9] c: b 31194 [001]  7770.170610:        kmem:kfree: call_site=f+0x17b"
		  " ptr=0xffff88810467e280\n"
		  "sh 1 [001] 7771.000000001: kmem:kmem_cache_alloc: call_site=x+0x24 [ext4]"
		  " ptr=0xffff88810087b000 name=names_cache bytes_req=4096 bytes_alloc=4096"
		  " gfp_flags=GFP_ATOMIC node=3 accounted=false\n"
		  "sh 1 [001] 7771.1: kmem:mm_page_alloc: page=0x28d0ae pfn=0x28d0a8 order=3"
		  " migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_COMP\n"
		  "sh 1 [001] 7771.2: kmem:mm_page_free: page=0x28d0a8 pfn=0x28d0a8 order=3\n"
		  "sh 1 [001] 7771.3: kmem:rss_stat: mm_id=3105598847 curr=1 size=3846144B\n");
	assert_int_equal(x.nr, 6);
	assert_int_equal(x.t.format, TRACE_FORMAT_PERF);
	assert_int_equal(x.t.batch[0].time_ns, 7770170608000);
	assert_int_equal(x.t.batch[0].addr, 0xffff88810467e280);
	assert_int_equal(x.t.batch[0].cpu, 0);
	d = text_desc(&x, 0);
	assert_int_equal(d->type, TRACE_KMALLOC);
	assert_int_equal(d->bytes_req, 30);
	assert_int_equal(d->bytes_alloc, 32);
	assert_int_equal(d->gfp, GFP_KERNEL | __GFP_ZERO);
	assert_int_equal(d->node, -1);
	assert_int_equal(d->flags, TRACE_F_ACCOUNTED);
	assert_int_equal(x.t.batch[1].type, TRACE_KFREE);
	assert_int_equal(x.t.batch[1].cpu, 1);
	assert_int_equal(x.t.batch[2].time_ns, 7771000000001);
	d = text_desc(&x, 2);
	assert_string_equal(trace_name(&x.t.caches, d->cache), "names_cache");
	assert_int_equal(d->node, 3);
	assert_int_equal(d->gfp, GFP_ATOMIC);
	d = text_desc(&x, 3);
	assert_int_equal(x.t.batch[3].addr, 0x28d0a8);
	assert_int_equal(d->order, 3);
	assert_int_equal(d->migratetype, 1);
	assert_int_equal(d->gfp, GFP_HIGHUSER_MOVABLE | __GFP_COMP);
	assert_int_equal(x.t.batch[4].type, TRACE_PAGE_FREE);
	assert_int_equal(x.t.batch[5].type, TRACE_OTHER);
	assert_int_equal(x.t.object_shift, 12);
	assert_int_equal(x.diag.nr_warnings + x.diag.nr_errors, 0);
	text_close(&x);
}

/* perf script -F: any of comm, pid, cpu and time may be missing; stacks and other events between. */
static void test_perf_variants(void **state)
{
	struct text x;

	(void)state;
	text_open(&x, "kmem:kfree: call_site=f+0x1 ptr=0x10\n"
		      "[003] kmem:kfree: call_site=f+0x1 ptr=(nil)\n"
		      "sh  5.5:  kmem:kfree: call_site=ffffffff81650020 ptr=0xffff888100000008\n"
		      "\tffffffff81650020 kmem_cache_alloc_noprof+0x230 ([kernel.kallsyms])\n"
		      "\n"
		      "sh 28686/28690 [000]  7.9:  1 kmem:kfree:  ffff f+0x1 ([kernel])"
		      " call_site=f+0x1 ptr=0xffff888100000010\r\n"
		      "sh 1 [000] 8.0: sched:sched_switch: prev_comm=kmem prev_pid=1\n"
		      "sh 1 [000] 8.0: kmem:mm_alloc_contig_migrate_range_info: start=0x1 end=0x2\n"
		      "sh  PERF_RECORD_LOST lost 12\n");
	assert_int_equal(x.nr, 5);
	assert_int_equal(x.t.batch[0].addr, x.t.zero_size_addr);
	assert_int_equal(x.t.batch[1].cpu, 3);
	assert_int_equal(x.t.batch[1].addr, 0);
	assert_int_equal(x.t.batch[2].time_ns, 5500000000);
	assert_int_equal(x.t.batch[3].time_ns, 7900000000);
	assert_int_equal(x.t.batch[3].cpu, 0);
	assert_int_equal(x.t.batch[3].addr, 0xffff888100000010);
	assert_int_equal(x.t.batch[4].type, TRACE_OTHER);
	assert_int_equal(x.t.nr_foreign_lines, 4);
	assert_int_equal(x.t.lost_events, 12);
	assert_int_equal(x.t.nr_bad_lines, 0);
	text_close(&x);
}

/* Lines that are older than the one before them: replayed in the order of the lines, and told. */
static void test_time_goes_back(void **state)
{
	struct text x;

	(void)state;
	text_open(&x, "sh 1 [000] 8.0: kmem:kfree: call_site=f+0x1 ptr=0xffff888100000010\n"
		      "sh 1 [000] 8.0: kmem:kfree: call_site=f+0x1 ptr=0xffff888100000018\n"
		      "sh 1 [001] 7.5: kmem:kfree: call_site=f+0x1 ptr=0xffff888100000020\n"
		      "kmem:kfree: call_site=f+0x1 ptr=0xffff888100000028\n"
		      "sh 1 [001] 7.9: kmem:kfree: call_site=f+0x1 ptr=0xffff888100000030\n"
		      "sh 1 [001] 7.8: kmem:kfree: call_site=f+0x1 ptr=0xffff888100000038\n");
	assert_int_equal(x.nr, 6);
	assert_int_equal(x.t.batch[2].time_ns, 7500000000);
	assert_int_equal(x.t.nr_back, 2);
	assert_int_equal(x.t.back_ns, 500000000);
	assert_int_equal(x.t.nr_bad_lines, 0);
	text_close(&x);
}

/* Names and layouts of older kernels. */
static void test_old_kernels(void **state)
{
	struct text x;
	const struct trace_desc *d;

	(void)state;
	text_open(&x,
		  "sh 1 [000] 1.0: kmem:kmalloc_node: call_site=ffffffff812c ptr=0xffff9a0100000040"
		  " bytes_req=56 bytes_alloc=64 gfp_flags=GFP_KERNEL|GFP_ZERO node=0\n"
		  "sh 1 [000] 1.0: kmem:kmem_cache_alloc_node: call_site=ffffffff812c"
		  " ptr=0xffff9a0100000080 bytes_req=256 bytes_alloc=256 gfp_flags=__GFP_REPEAT"
		  " node=1\n"
		  "sh 1 [000] 1.0: kmem:kmem_cache_alloc: call_site=f+0x1 ptr=0xffff9a0100000180"
		  " bytes_req=256 bytes_alloc=256 gfp_flags=GFP_NOFS|0x1000000 accounted=true\n"
		  "sh 1 [000] 1.0: kmem:mm_page_alloc: page=0xffffea0004000040 pfn=1048577 order=0"
		  " migratetype=0 gfp_flags=GFP_KERNEL|__GFP_SOMETHING\n"
		  "sh 1 [000] 1.0: kmem:mm_page_free: page=0xffffea0004000040 order=0\n"
		  "sh 1 [000] 1.0: kmem:mm_page_alloc: page=(nil) pfn=18446744073709551615 order=9"
		  " migratetype=1 gfp_flags=GFP_TRANSHUGE\n"
		  "sh 1 [000] 1.0: kmem:kmalloc: call_site=f ptr=(nil) bytes_req=1 bytes_alloc=8"
		  " gfp_flags=none\n"
		  "sh 1 [000] 1.0: kmem:kfree: call_site=f ptr=(____ptrval____)\n");
	assert_int_equal(x.nr, 8);
	d = text_desc(&x, 0);
	assert_int_equal(d->type, TRACE_KMALLOC);
	assert_int_equal(d->gfp, GFP_KERNEL | __GFP_ZERO);
	assert_int_equal(text_desc(&x, 1)->type, TRACE_CACHE_ALLOC);
	assert_int_equal(text_desc(&x, 1)->gfp, __GFP_RETRY_MAYFAIL);
	assert_int_equal(text_desc(&x, 1)->node, 1);
	assert_int_equal(text_desc(&x, 2)->cache, 0);
	assert_int_equal(text_desc(&x, 2)->gfp, GFP_NOFS);
	assert_int_equal(x.t.batch[3].addr, 1048577);
	assert_int_equal(x.t.batch[4].addr, 0x100001);
	assert_int_equal(text_desc(&x, 5)->flags, TRACE_F_FAILED);
	assert_int_equal(text_desc(&x, 6)->flags, TRACE_F_FAILED);
	assert_int_equal(text_desc(&x, 7)->flags, TRACE_F_NO_ID);
	assert_int_equal(x.t.unknown_gfp, 2);
	assert_int_equal(x.t.nr_bad_lines, 0);
	text_close(&x);
}

static void test_ftrace(void **state)
{
	struct text x;

	(void)state;
	text_open(&x,
		  "cpus=2\n"
		  "# tracer: nop\n"
		  "kmtx:     bash-30342 [001]  7772.305518: kmem_cache_free:      (__fput+0x141)"
		  " call_site=__fput+0x141 ptr=0xffff888100d47510 name=lsm_file_cache\n"
		  "   bash [x] [1] y-30342   [001] d.s2.  7772.305520: kmem_cache_free:"
		  " call_site=task_work_run+0x59/0x90 ptr=0000000096248f33 name=filp\n"
		  "   bash-30342 (  30342) [000] ..H1  7772.305520: mm_page_alloc_extfrag:"
		  " page=00000000a66b0278 pfn=0x1f4a00 alloc_order=2 fallback_order=9 "
		  "pageblock_order=9"
		  " alloc_migratetype=0 fallback_migratetype=1 fragmenting=0 change_ownership=1\n"
		  "   bash-1 [000] .....  7772.305520: mm_page_alloc_zone_locked:"
		  " page=00000000314c3fc5 pfn=0x182e14 order=2 migratetype=1 percpu_refill=1\n"
		  "   bash-1 [000] .....  7772.305520: sched_switch: prev_comm=a\n"
		  "CPU:1 [LOST 77 EVENTS]\n"
		  "   bash-1 [000] .....  7772.305521: mm_page_free_batched: page=1 pfn=0x7 "
		  "order=0\n");
	assert_int_equal(x.nr, 5);
	assert_int_equal(x.t.format, TRACE_FORMAT_FTRACE);
	assert_int_equal(x.t.batch[0].type, TRACE_CACHE_FREE);
	assert_int_equal(x.t.batch[0].cpu, 1);
	assert_int_equal(x.t.batch[0].time_ns, 7772305518000);
	assert_string_equal(trace_name(&x.t.caches, text_desc(&x, 1)->cache), "filp");
	assert_int_equal(x.t.batch[1].addr, 0x96248f33);
	assert_int_equal(x.t.batch[1].context, 1);
	assert_int_equal(x.t.batch[2].context, 2);
	assert_int_equal(x.t.batch[2].type, TRACE_EXTFRAG);
	assert_int_equal(text_desc(&x, 2)->order, 2);
	assert_int_equal(text_desc(&x, 2)->fallback_order, 9);
	assert_int_equal(text_desc(&x, 2)->fallback_migratetype, 1);
	assert_int_equal(text_desc(&x, 2)->flags, TRACE_F_OWNERSHIP);
	assert_int_equal(text_desc(&x, 3)->flags, TRACE_F_PERCPU);
	assert_int_equal(x.t.batch[4].type, TRACE_PAGE_FREE_BATCHED);
	assert_int_equal(x.t.lost_events, 77);
	assert_int_equal(x.t.object_shift, 0);
	text_close(&x);
}

/* With KASLR the direct map starts elsewhere; a slab page and its first object tell where. */
static void test_direct_map(void **state)
{
	static const char line[] =
		"s 1 [000] 1.0: kmem:mm_page_alloc: pfn=0x%x order=1 migratetype=0"
		" gfp_flags=GFP_KERNEL|__GFP_COMP\n"
		"s 1 [000] 1.0: kmem:kmem_cache_alloc: ptr=0xffff9a41%08x name=a bytes_req=8"
		" bytes_alloc=8 gfp_flags=GFP_KERNEL node=-1\n";
	char text[1024];
	struct text x;
	int len;

	(void)state;
	len = snprintf(text, sizeof(text), line, 0x1234u, 0x01235008u);
	len += snprintf(text + len, sizeof(text) - (size_t)len, line, 0x2000u, 0x02000ff8u);
	text_open(&x, text);
	assert_int_equal(x.nr, 4);
	assert_int_equal(x.t.object_base, 0xffff9a4100000000);
	assert_int_equal((x.t.batch[1].addr - x.t.object_base) >> x.t.object_shift, 0x1235);
	text_close(&x);
}

static void test_wrong_lines(void **state)
{
	static const struct {
		const char *line, *expected;
	} wrong[] = {
		{"s 1 [000] 1.0: kmem:kfree: call_site=f\n", "ptr=ADDRESS"},
		{"s 1 [000] 1.0: kmem:kfree: call_site=f ptr=0xxyz\n", "ptr=ADDRESS"},
		{"s 1 [000] 1.0: kmem:kfree: call_site=f ptr=\n", "ptr=ADDRESS"},
		{"s 1 [000] 1.0: kmem:kfree: ptr=0x11112222333344445\n", "ptr=ADDRESS"},
		{"s 1 [70000] 1.0: kmem:kfree: ptr=0x1\n", "a CPU number"},
		{"s 1 [000] 1.0: kmem:mm_page_free: pfn=-5 order=0\n", "pfn=NUMBER"},
		{"s 1 [000] 1.0: kmem:mm_page_free: pfn=5 order=-1\n", "order=0..10"},
		{"s 1 [000] 1.0: kmem:mm_page_free: pfn=5 order=64\n", "order=0..10"},
		{"s 1 [000] 1.0: kmem:mm_page_alloc: pfn=5 order=1 gfp_flags=what\n",
		 "gfp_flags=FLAGS"},
		{"s 1 [000] 1.0: kmem:kmalloc: ptr=0x8 bytes_req=1 bytes_alloc=99999999999999999999"
		 " gfp_flags=GFP_KERNEL\n",
		 "bytes_alloc=BYTES"},
	};
	static const char good[] = "s 1 [000] 1.0: kmem:kfree: call_site=f ptr=0x88\n";

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[512];
		struct text x;

		snprintf(text, sizeof(text), "%s%s%s", good, wrong[i].line, good);
		text_open(&x, text);
		assert_int_equal(x.nr, 2);
		assert_int_equal(x.t.nr_bad_lines, 1);
		assert_int_equal(x.diag.nr_warnings, 1);
		assert_non_null(strstr(x.diag.text.s, "test:2: "));
		if (strstr(x.diag.text.s, wrong[i].expected) == NULL)
			fail_msg("expected \"%s\" in \"%s\"", wrong[i].expected, x.diag.text.s);
		text_close(&x);
	}
}

/* Five warnings, and a count of the others. */
static void test_many_wrong_lines(void **state)
{
	struct strbuf text = {0};
	struct text x;

	(void)state;
	strbuf_addf(&text, "kmem:kfree: ptr=0x88\n");
	for (int i = 0; i < 100; i++)
		strbuf_addf(&text, "kmem:kfree: ptr=oops\n");
	text_open_len(&x, text.s, text.len);
	assert_int_equal(x.nr, 1);
	assert_int_equal(x.t.nr_bad_lines, 100);
	assert_int_equal(x.diag.nr_warnings, 5);
	text_close(&x);
	strbuf_free(&text);
}

/* Cut anywhere but at a line's end: what came before, and damage. */
static void test_truncated(void **state)
{
	static const char text[] = "s 1 [000] 1.0: kmem:kfree: ptr=0x88\n"
				   "s 1 [000] 1.1: kmem:kfree: ptr=0x90\n"
				   "s 1 [000] 1.2: kmem:kfree: ptr=0x98\n";
	size_t line = sizeof(text) / 3;

	(void)state;
	for (size_t len = line; len < sizeof(text); len++) {
		struct text x;

		text_open_len(&x, text, len);
		assert_int_equal(x.nr, len / line);
		assert_int_equal(trace_next(&x.t), 0);
		assert_int_equal(x.t.damaged, len % line != 0);
		if (x.t.damaged)
			assert_int_equal(x.t.damage_offset, len);
		assert_int_equal(x.diag.nr_errors, x.t.damaged);
		text_close(&x);
	}
}

static void test_long_lines(void **state)
{
	struct strbuf text = {0};
	char *filler = xmalloc(100000);
	struct text x;

	(void)state;
	memset(filler, 'x', 100000);
	strbuf_addf(&text, "kmem:kfree: ptr=0x88\n");
	for (int i = 0; i < 10; i++)
		strbuf_add(&text, filler, 100000);
	strbuf_addf(&text, "\nkmem:kfree: ptr=0x90\n");
	text_open_len(&x, text.s, text.len);
	assert_int_equal(x.nr, 2);
	assert_int_equal(x.t.nr_lines, 3);
	assert_int_equal(x.t.nr_bad_lines, 1);
	assert_int_equal(x.t.batch[1].addr, 0x90);
	text_close(&x);
	strbuf_free(&text);
	free(filler);
}

/* 20,000 lines of perf script; the sums were taken by other means. */
static void test_real_recording(void **state)
{
	uint64_t by_type[TRACE_NR_TYPES] = {0}, req = 0, alloc = 0, null = 0;
	static const uint64_t expected[TRACE_NR_TYPES] = {
		[TRACE_KMALLOC] = 1616,     [TRACE_KFREE] = 2511,
		[TRACE_CACHE_ALLOC] = 8333, [TRACE_CACHE_FREE] = 3229,
		[TRACE_PAGE_ALLOC] = 3349,  [TRACE_PAGE_FREE] = 65,
		[TRACE_ZONE_LOCKED] = 108,  [TRACE_PAGE_FREE_BATCHED] = 1,
		[TRACE_OTHER] = 788,
	};
	struct diag diag = {0};
	struct trace t;
	size_t n;

	(void)state;
	if (trace_open(&t, "traces/perf-compile.txt.zst", &diag) != CLI_OK)
		fail_msg("%s", diag.text.s);
	while ((n = trace_next(&t)) > 0) {
		for (size_t i = 0; i < n; i++) {
			const struct trace_event *e = &t.batch[i];

			by_type[e->type]++;
			req += t.descs[e->desc].bytes_req;
			alloc += t.descs[e->desc].bytes_alloc;
			null += trace_type_is_object(e->type) && e->addr == 0;
		}
	}
	assert_memory_equal(by_type, expected, sizeof(by_type));
	assert_int_equal(req, 7987560);
	assert_int_equal(alloc, 8012392);
	assert_int_equal(null, 948);
	assert_int_equal(t.nr_lines, 20000);
	assert_int_equal(t.nr_bad_lines, 0);
	assert_int_equal(t.unknown_gfp, 0);
	assert_false(t.damaged);
	trace_close(&t);
	diag_free(&diag);
}

/* Flags to text and back, and every name that Linux prints. */
static void test_gfp(void **state)
{
	static const char *const texts[] = {
		"none",
		"GFP_KERNEL",
		"GFP_KERNEL|__GFP_ZERO",
		"GFP_TRANSHUGE",
		"GFP_HIGHUSER_MOVABLE|__GFP_WRITE|__GFP_COMP",
		"GFP_NOWAIT|__GFP_NOWARN",
	};
	static const char *const ignored[] = {
		"__GFP_SKIP_ZERO",
		"__GFP_SKIP_KASAN",
		"__GFP_NOLOCKDEP",
		"__GFP_NO_OBJ_EXT",
	};
	char buf[GFP_TEXT_MAX];
	unsigned int unknown;
	gfp_t gfp, again;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_true(gfp_parse(texts[i], strlen(texts[i]), &gfp, &unknown));
		assert_int_equal(unknown, 0);
		gfp_to_text(gfp, buf);
		assert_true(gfp_parse(buf, strlen(buf), &again, &unknown));
		assert_int_equal(gfp, again);
	}
	for (unsigned int bit = 0; bit < 24; bit++) {
		gfp_to_text((gfp_t)1 << bit, buf);
		assert_true(gfp_parse(buf, strlen(buf), &again, &unknown));
		assert_int_equal(again, (gfp_t)1 << bit);
	}
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		assert_true(gfp_parse(ignored[i], strlen(ignored[i]), &gfp, &unknown));
		assert_int_equal(gfp, 0);
		assert_int_equal(unknown, 0);
	}
	gfp_to_text(~(gfp_t)0, buf);
	assert_true(gfp_parse(buf, strlen(buf), &gfp, &unknown));
	assert_int_equal(gfp, QUARRY_GFP_BITS);
	assert_false(gfp_parse("", 0, &gfp, &unknown));
	assert_false(gfp_parse("a|b", 3, &gfp, &unknown));
	assert_true(gfp_parse("0xcc0", 5, &gfp, &unknown));
	assert_int_equal(gfp, GFP_KERNEL);
}

static void test_no_event(void **state)
{
	static const char *const texts[] = {
		"name\tvalue\n1\t2\n",
		"sh 1 [000] 1.0: sched:sched_switch: a=b\n",
		"kmem:kfree: ptr=what\n",
		"kmem:kfree: ptr=0x8",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct diag diag = {0};
		struct trace t;

		assert_int_equal(trace_open_memory(&t, "test", texts[i], strlen(texts[i]), &diag),
				 CLI_INPUT);
		assert_non_null(strstr(diag.text.s, "no kmem event in"));
		diag_free(&diag);
	}
}

/* A zero byte in a name ends neither the name nor the comparison. */
static void zero_byte_in_a_flag(void **state)
{
	gfp_t gfp = 0;

	(void)state;
	assert_true(gfp_by_name("GFP_KERNEL", 10, &gfp));
	assert_false(gfp_by_name("GFP_KERNEL\0AAAAAAAAAAAAAAA", 25, &gfp));
	assert_false(gfp_by_name("GFP_KERNE", 9, &gfp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_perf_script),
		cmocka_unit_test(zero_byte_in_a_flag),
		cmocka_unit_test(test_perf_variants),
		cmocka_unit_test(test_time_goes_back),
		cmocka_unit_test(test_old_kernels),
		cmocka_unit_test(test_ftrace),
		cmocka_unit_test(test_direct_map),
		cmocka_unit_test(test_wrong_lines),
		cmocka_unit_test(test_many_wrong_lines),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_real_recording),
		cmocka_unit_test(test_gfp),
		cmocka_unit_test(test_no_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
