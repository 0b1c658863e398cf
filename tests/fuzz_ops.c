/* SPDX-License-Identifier: MIT */
/* Fuzzes all layers with programs of operations (ops.h), each made from the bytes of an input. */
#include <stdio.h>

#include "fuzz.h"
#include "ops.h"

#define FUZZ_OPS 250

static unsigned long fuzz_run;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ops_list l = {0};

	if (!ops_try(ops_bytes(data, size), FUZZ_OPS, &l, NULL)) {
		char *text = ops_print(&l);

		fprintf(stderr, "OPS(\"%s\")\n", text);
		fuzz_fail(NULL, "library and model part");
	}
	fuzz_run += l.n;
	ops_free(&l);
	return 0;
}

static void fuzz_make(struct strbuf *b)
{
	for (uint64_t n = fuzz_random(1000); n > 0; n--) {
		char byte = (char)fuzz_random(256);

		strbuf_add(b, &byte, 1);
	}
}

static bool fuzz_end(unsigned long inputs)
{
	printf("%lu operations\n", fuzz_run);
	return fuzz_run > inputs;
}

const struct fuzz_target fuzz_target = {
	.name = "ops", .inputs = 60, .make = fuzz_make, .end = fuzz_end};

FUZZ_MAIN
