/* SPDX-License-Identifier: MIT */
/* Kernel parameters: what is understood, what is refused and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cmdline.h>
#include <map.h>

static struct cmdline c;
static struct diag diag;

static void good(const char *text)
{
	if (cmdline_parse(&c, text, &diag) != CLI_OK)
		fail_msg("\"%s\": %s", text != NULL ? text : "", diag.text.s);
}

static void done(void)
{
	cmdline_free(&c);
	diag_free(&diag);
}

static void bad(const char *text, const char *message)
{
	assert_int_equal(cmdline_parse(&c, text, &diag), CLI_INPUT);
	assert_int_equal(diag.nr_errors, 1);
	if (strstr(diag.text.s, message) == NULL)
		fail_msg("got \"%s\" instead of \"%s\"", diag.text.s, message);
	done();
}

static void op(size_t i, enum cmdline_op_kind kind, uint64_t start, uint64_t end, uint32_t type)
{
	assert_true(i < c.nr_ops);
	assert_int_equal(c.ops[i].kind, kind);
	assert_int_equal(c.ops[i].start, start);
	assert_int_equal(c.ops[i].end, end);
	assert_int_equal(c.ops[i].type, type);
}

static void test_empty(void **state)
{
	(void)state;
	good(NULL);
	assert_int_equal(c.nr_ops, 0);
	done();
	good("  \t ");
	assert_int_equal(diag.nr_warnings, 0);
	done();
}

static void test_mem(void **state)
{
	(void)state;
	good("mem=512M mem=0x100000 mem=2g");
	assert_int_equal(c.nr_ops, 3);
	op(0, CMDLINE_LIMIT, 512u << 20, UINT64_MAX, MAP_RAM);
	op(1, CMDLINE_LIMIT, 1u << 20, UINT64_MAX, MAP_RAM);
	op(2, CMDLINE_LIMIT, (uint64_t)2 << 30, UINT64_MAX, MAP_RAM);
	done();
	bad("mem", "\"mem\" is wrong, expected mem=SIZE");
	bad("mem=", "expected mem=SIZE");
	bad("mem=0", "expected mem=SIZE");
	bad("mem=1Z", "\"mem=1Z\" is wrong");
	bad("mem=99999999999G", "expected mem=SIZE");
}

static void test_memmap(void **state)
{
	(void)state;
	good("memmap=exactmap memmap=640K@0 memmap=1M$0x1000000,2M#3M memmap=4G!8G memmap=16G");
	assert_int_equal(c.nr_ops, 6);
	op(0, CMDLINE_EXACTMAP, 0, UINT64_MAX, 0);
	op(1, CMDLINE_ADD, 0, 640 << 10, MAP_RAM);
	op(2, CMDLINE_ADD, 0x1000000, 0x1100000, MAP_RESERVED);
	op(3, CMDLINE_ADD, 3 << 20, 5 << 20, MAP_ACPI);
	op(4, CMDLINE_ADD, (uint64_t)8 << 30, (uint64_t)12 << 30, MAP_PRAM);
	op(5, CMDLINE_LIMIT, (uint64_t)16 << 30, UINT64_MAX, MAP_RAM);
	done();
	bad("memmap=", "expected memmap=exactmap");
	bad("memmap=1M@", "expected memmap=exactmap");
	bad("memmap=1M%2M", "expected memmap=exactmap");
	bad("memmap=1M@2Mx", "expected memmap=exactmap");
	bad("memmap=0@2M", "expected memmap=exactmap");
	bad("memmap=15E@15E", "below 2^64");
}

static void test_shares(void **state)
{
	(void)state;
	good("kernelcore=512M movablecore=25%");
	assert_int_equal(c.kernelcore.bytes, 512u << 20);
	assert_int_equal(c.movablecore.percent, 25);
	done();
	good("kernelcore=100%");
	assert_int_equal(c.kernelcore.percent, 100);
	done();
	bad("kernelcore=101%", "N up to 100");
	bad("movablecore=%", "movablecore=SIZE");
	bad("kernelcore=mirror", "kernelcore=SIZE");
}

static void test_numbers(void **state)
{
	(void)state;
	good("min_free_kbytes=4096 watermark-scale-factor=100 lowmem_reserve_ratio=100,64 numa=off "
	     "transparent_hugepage=never memblock=debug nr_cpus=8 maxcpus=4");
	assert_int_equal(c.min_free_kbytes, 4096);
	assert_int_equal(c.watermark_scale_factor, 100);
	assert_true(c.set_lowmem_reserve_ratio);
	assert_int_equal(c.lowmem_reserve_ratio[0], 100);
	assert_int_equal(c.lowmem_reserve_ratio[1], 64);
	assert_int_equal(c.lowmem_reserve_ratio[2], 32);
	assert_int_equal(c.lowmem_reserve_ratio[3], 0);
	assert_true(c.numa_off && c.no_thp && c.memblock_debug);
	assert_int_equal(c.nr_cpus, 4);
	done();
	good("sysctl.vm.min_free_kbytes=1 sysctl/vm/watermark_scale_factor=2 numa=fake=64 "
	     "transparent_hugepage=never transparent_hugepage=always maxcpus=0");
	assert_int_equal(c.min_free_kbytes, 1);
	assert_int_equal(c.watermark_scale_factor, 2);
	assert_int_equal(c.numa_fake, 64);
	assert_false(c.no_thp);
	assert_int_equal(c.nr_cpus, 1);
	done();
	bad("min_free_kbytes=lots", "min_free_kbytes=N");
	bad("watermark_scale_factor=0", "1 to 3000");
	bad("watermark_scale_factor=3001", "1 to 3000");
	bad("lowmem_reserve_ratio=1,2,3,4,5", "up to four");
	bad("lowmem_reserve_ratio=1,,3", "up to four");
	bad("numa=fake=65", "at most 64");
	bad("numa=fake=0", "at most 64");
	bad("numa=maybe", "numa=off or");
	bad("transparent_hugepage=huge", "always, madvise or never");
	bad("memblock=quiet", "memblock=debug");
	bad("nr_cpus=two", "a number of CPUs");
}

static void test_unknown(void **state)
{
	(void)state;
	good("quiet console=ttyS0,115200 mem=1G root=\"a b\" \"x y=z\" -- mem=oops");
	assert_int_equal(c.nr_ops, 1);
	assert_string_equal(c.unknown.s, "quiet console=ttyS0,115200 root=a b x y=z");
	assert_int_equal(diag.nr_warnings, 1);
	assert_non_null(
		strstr(diag.text.s, "Unknown kernel command line parameters \"quiet console="));
	done();
	good("mem=\"512M\"");
	op(0, CMDLINE_LIMIT, 512u << 20, UINT64_MAX, MAP_RAM);
	done();
	good("a=\"unfinished");
	done();
}

static void test_sizes(void **state)
{
	char buf[UTIL_SIZE_BUF];
	uint64_t v = 7;

	(void)state;
	assert_true(util_parse_size("0x10K", &v));
	assert_int_equal(v, 16384);
	assert_true(util_parse_size("15E", &v));
	assert_false(util_parse_size("16E", &v));
	assert_false(util_parse_size("", &v));
	assert_false(util_parse_size("-1", &v));
	assert_false(util_parse_size("1KK", &v));
	assert_false(util_parse_u64("18446744073709551616", &v));
	assert_true(util_parse_u64("18446744073709551615", &v));
	assert_int_equal(v, UINT64_MAX);
	assert_string_equal(util_human_size(812, buf), "812 B");
	assert_string_equal(util_human_size(4096, buf), "4 KiB");
	assert_string_equal(util_human_size(1536, buf), "1.5 KiB");
	assert_string_equal(util_human_size(UINT64_MAX, buf), "16 EiB");
	assert_string_equal(util_human_count(5300000, buf), "5.3 M");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),   cmocka_unit_test(test_mem),
		cmocka_unit_test(test_memmap),  cmocka_unit_test(test_shares),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
