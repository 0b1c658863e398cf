/* SPDX-License-Identifier: MIT */
/* Fuzzes the reader of text recordings and the engine behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <engine.h>

#include "fuzz.h"

static unsigned long fuzz_events, fuzz_no_trace;

static void fuzz_play(struct trace *t)
{
	struct quarry *q = fuzz_machine();
	struct engine *e = engine_new(q, 2, t, NULL);
	const struct engine_result *r = engine_result(e);
	uint64_t sum = 0;
	size_t n;

	while ((n = trace_next(t)) > 0) {
		fuzz_events += n;
		engine_play(e, n);
	}
	engine_finish(e);
	for (int type = 0; type < TRACE_NR_TYPES; type++) {
		for (int fate = 0; fate < ENGINE_NR_FATES; fate++)
			sum += r->fate[type][fate];
	}
	if (sum != r->events)
		fuzz_fail(NULL, "an event has no fate, or two");
	if (quarry_check(q, NULL) != 0)
		fuzz_fail(NULL, "a validator found a fault");
	quarry_posix_delete(q);
	engine_delete(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag = {0};
	struct trace t;

	if (trace_open_memory(&t, "fuzz", data, size, &diag) == CLI_OK) {
		fuzz_play(&t);
		if ((t.damaged && diag.nr_errors == 0) || t.damage_offset > size)
			fuzz_fail(NULL, "damaged without a word, or elsewhere");
		trace_close(&t);
	} else if (diag.nr_errors == 0) {
		fuzz_fail(NULL, "refused without a word");
	} else {
		fuzz_no_trace++;
	}
	diag_free(&diag);
	return 0;
}

#define FUZZ_LINES 60

static const char *const fuzz_heads[] = {
	"  sh 28650 [001]  7324.850237:      kmem:",
	"a b 1/2 [000] 1.5: kmem:",
	"kmem:",
	"[003] kmem:",
	" bash-30342   [001] d.s2.  7772.305520: ",
	"kmtx:  bash-30342 [000]  7772.305518: ",
};

static const char *const fuzz_names[] = {
	"kmalloc: call_site=f+0x1",
	"kfree: call_site=f+0x1/0x2",
	"kmem_cache_alloc: (f+0x1) call_site=f [x]",
	"kmem_cache_free: call_site=f",
	"kmalloc_node:",
	"mm_page_alloc: page=0x1",
	"mm_page_free: page=0000000012345678",
	"mm_page_free_batched:",
	"mm_page_alloc_extfrag: change_ownership=1 fallback_order=9 alloc_order=0",
	"mm_page_pcpu_drain:",
	"rss_stat: size=4096B",
};

static const char *const fuzz_odd[] = {
	"# tracer: nop\n",
	"\tffffffff81650020 kmem_cache_alloc_noprof+0x230 ([kernel.kallsyms])\n",
	"\n",
	"\r\n",
	"cpus=2\n",
	"CPU:1 [LOST 18446744073709551615 EVENTS]\n",
	"[[[[[0] [1] [2]\n",
	"kmem:kmem:kmem:kfree: ptr=0x8\n",
	"= = == a= =b\n",
	"[99999999999999999999] .: kfree: ptr=0x8\n",
};

static const char *const fuzz_mutants[] = {
	"ptr=",      "pfn=0xffffffffffffffff",
	" order=10", " order=99999999999",
	"(nil)",     "=",
	" ",         "kmem:",
	":",         "[",
	"]",         "\n",
	"|",         "0x",
	"-",         "gfp_flags=",
	"none",      "(____ptrval____)",
};

static void fuzz_line(struct strbuf *b)
{
	static const char *const gfp[] = {"GFP_KERNEL",
					  "GFP_HIGHUSER_MOVABLE|__GFP_COMP",
					  "GFP_NOWAIT|__GFP_NOWARN|__GFP_NORETRY",
					  "0x1000000",
					  "none",
					  "__GFP_FUTURE"};
	unsigned int order = (unsigned int)(fuzz_random(2) ? fuzz_random(12) : 0);
	unsigned int pfn = (unsigned int)fuzz_random(256) >> order << order;
	unsigned int size = (unsigned int)fuzz_random(10000);

	if (fuzz_random(12) == 0) {
		strbuf_addf(b, "%s", FUZZ_PICK(fuzz_odd));
		return;
	}
	strbuf_addf(b, "%s%s", FUZZ_PICK(fuzz_heads), FUZZ_PICK(fuzz_names));
	strbuf_addf(b, " ptr=0x%llx name=c%u bytes_req=%u bytes_alloc=%u gfp_flags=%s node=%d",
		    0xffff888000000000ull + fuzz_random(256) * 4072, (unsigned int)fuzz_random(3),
		    size, size + (unsigned int)fuzz_random(9), FUZZ_PICK(gfp),
		    (int)fuzz_random(3) - 1);
	strbuf_addf(b, " pfn=0x%x order=%u migratetype=%u\n", pfn, order,
		    (unsigned int)fuzz_random(7));
}

static void fuzz_make(struct strbuf *b)
{
	for (uint64_t k = 1 + fuzz_random(FUZZ_LINES); k > 0; k--)
		fuzz_line(b);
	for (uint64_t k = fuzz_random(8); k > 0 && b->len > 0; k--) {
		const char *word = FUZZ_PICK(fuzz_mutants);
		size_t n = strlen(word);

		if (fuzz_random(4) == 0)
			fuzz_splice(b, fuzz_random(b->len), fuzz_random(2) * n, word, n);
		else
			fuzz_damage(b, 0);
	}
}

static bool fuzz_end(unsigned long inputs)
{
	printf("%lu events, %lu refused\n", fuzz_events, fuzz_no_trace);
	return fuzz_events > inputs;
}

const struct fuzz_target fuzz_target = {
	.name = "perfscript", .inputs = 1500, .make = fuzz_make, .end = fuzz_end};

FUZZ_MAIN
