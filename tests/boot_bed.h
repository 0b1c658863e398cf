/* SPDX-License-Identifier: MIT */
/* Machines for the tests of memblock and bootmem: with real memory or none, and what they said. */
#ifndef BOOT_BED_H
#define BOOT_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <quarry/posix.h>

#include <base/quarry_state.h>

#define K ((phys_addr_t)1024)
#define M (1024 * K)
#define G (1024 * M)
#define TOP (~(phys_addr_t)0)

static struct {
	char log[64][256];
	unsigned int logs;
	char report[256];
	unsigned int reports;
} said;

static jmp_buf panicked;

static void test_log(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	snprintf(said.log[said.logs++ % 64], sizeof(said.log[0]), "%s", line);
}

static void test_report(void *ctx, const char *line)
{
	(void)ctx;
	snprintf(said.report, sizeof(said.report), "%s", line);
	said.reports++;
}

static void test_panic(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
	longjmp(panicked, 1);
}

static struct quarry *machine(size_t ram_bytes)
{
	struct quarry_posix_options options = {
		.ram_bytes = ram_bytes, .log = test_log, .report = test_report};
	struct quarry *q;

	memset(&said, 0, sizeof(said));
	q = quarry_posix_new(&options);
	assert_non_null(q);
	q->port.panic = test_panic;
	return q;
}

static int setup(void **state)
{
	*state = machine(0);
	return 0;
}

static int setup_ram(void **state)
{
	*state = machine(16 * M);
	return 0;
}

static int teardown(void **state)
{
	quarry_posix_delete(*state);
	return 0;
}

static void print_text(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	fprintf(stderr, "%.*s", (int)len, text);
}

static const struct quarry_out to_stderr = {print_text, NULL};

#endif
