/* SPDX-License-Identifier: MIT */
/*
 * What fuzz targets share. A target, tests/fuzz_NAME.c, is LLVMFuzzerTestOneInput(), which libFuzzer and AFL++
 * call, and a maker of inputs, for `make test`, which has neither:
 *
 *	fuzz_NAME [INPUTS [SEED]]
 *
 * takes the kept inputs in tests/data/fuzz/NAME, then so many that it makes. With FUZZ_SAVE=DIR it writes those
 * there, for a campaign to begin with. Compiled with FUZZ_LIBFUZZER it has no main().
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <util.h>

#include <quarry/posix.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_target {
	const char *name;
	unsigned long inputs; /* that are made if no number is given */
	/* Once, before the first input; may be NULL. */
	void (*begin)(void);
	/* The next input, into @b, which is empty. */
	void (*make)(struct strbuf *b);
	/* Says what was seen; false: too little. */
	bool (*end)(unsigned long inputs);
};

/* The target's own. */
extern const struct fuzz_target fuzz_target;

int fuzz_main(int argc, char **argv, const struct fuzz_target *t,
	      int (*one)(const uint8_t *data, size_t size));

#ifdef FUZZ_LIBFUZZER
#define FUZZ_MAIN
#else
#define FUZZ_MAIN                                                                   \
	int main(int argc, char **argv)                                             \
	{                                                                           \
		return fuzz_main(argc, argv, &fuzz_target, LLVMFuzzerTestOneInput); \
	}
#endif

/* What was promised is not so. As a port's report too. */
void fuzz_fail(void *ctx, const char *what) __attribute__((noreturn));

/* A booted machine of 16 MiB and 2 CPUs, simulated; damage ends the program. */
struct quarry *fuzz_machine(void);

/* ---- for makers ---- */

uint64_t fuzz_random(uint64_t below); /* 0 for 0 */
#define FUZZ_PICK(list) (list)[fuzz_random(sizeof(list) / sizeof((list)[0]))]

/* Replaces @cut bytes from @at on by @n others. */
void fuzz_splice(struct strbuf *b, size_t at, size_t cut, const void *bytes, size_t n);
/* One small damage at or after @from: a bit, a byte, bytes lost, twice or in another place. */
void fuzz_damage(struct strbuf *b, size_t from);
/* A whole file; ends the program if there is none. */
void fuzz_read(struct strbuf *b, const char *path);

#endif
