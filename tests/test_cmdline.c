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
	bad("memmap=1M&2M", "expected memmap=exactmap");
	good("memmap=1M%2M-1+7 memmap=1M%2M+2 memmap=1M%2M-2 memmap=1M%2M");
	assert_int_equal(c.nr_ops, 4);
	op(0, CMDLINE_CHANGE, 2 << 20, 3 << 20, MAP_PMEM);
	assert_int_equal(c.ops[0].from, MAP_RAM);
	op(1, CMDLINE_ADD, 2 << 20, 3 << 20, MAP_RESERVED);
	op(2, CMDLINE_CHANGE, 2 << 20, 3 << 20, 0);
	assert_int_equal(c.ops[2].from, MAP_RESERVED);
	op(3, CMDLINE_CHANGE, 2 << 20, 3 << 20, 0);
	assert_int_equal(c.ops[3].from, 0);
	assert_true(c.ops[3].memmap);
	done();
	bad("memmap=1M%2M-x", "OLDTYPE+NEWTYPE");
	bad("memmap=1M%2M+99999999999", "OLDTYPE+NEWTYPE");
	bad("memmap=1M%2M-1+2,", "expected memmap=exactmap");
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
	bad("kernelcore=mirrors", "kernelcore=SIZE");
	good("kernelcore=mirror movable_node");
	assert_true(c.kernelcore_mirror && c.movable_node);
	assert_int_equal(c.kernelcore.bytes, 0);
	done();
	bad("movable_node=1", "movable_node without a value");
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
	assert_false(c.set_min_free_kbytes); /* not before it has booted */
	assert_int_equal(c.nr_sysctls, 2);
	assert_string_equal(c.sysctls[0].name, "min_free_kbytes");
	assert_string_equal(c.sysctls[1].value, "2");
	assert_int_equal(c.numa_fake, 64);
	assert_false(c.no_thp);
	assert_int_equal(c.nr_cpus, 1);
	done();
	good("sysctl.vm.lowmem_reserve_ratio=64,64,8 \"sysctl.vm.lowmem_reserve_ratio=1 2 3\"");
	assert_string_equal(c.sysctls[0].value, "64 64 8");
	assert_string_equal(c.sysctls[1].value, "1 2 3");
	done();
	good("sysctl.vm.swappiness=1 sysctl.kernel.panic=1");
	assert_int_equal(c.nr_sysctls, 0);
	assert_non_null(strstr(c.unknown.s, "swappiness"));
	done();
	bad("sysctl.vm.min_free_kbytes=lots", "min_free_kbytes=N");
	bad("sysctl.vm.watermark_scale_factor=0", "1 to 3000");
	bad("min_free_kbytes=lots", "min_free_kbytes=N");
	bad("watermark_scale_factor=0", "1 to 3000");
	bad("watermark_scale_factor=3001", "1 to 3000");
	bad("lowmem_reserve_ratio=1,2,3,4,5", "up to four");
	bad("lowmem_reserve_ratio=1,,3", "up to four");
	good("min_free_kbytes=0 numa=nohmat lowmem_reserve_ratio=-1,-256,8");
	assert_true(c.set_min_free_kbytes);
	assert_int_equal(c.min_free_kbytes, 0);
	assert_int_equal(c.lowmem_reserve_ratio[0], 0);
	assert_int_equal(c.lowmem_reserve_ratio[1], 0);
	assert_int_equal(c.lowmem_reserve_ratio[2], 8);
	assert_false(c.numa_off);
	done();
	good("min_free_kbytes=2147483647");
	done();
	good("");
	assert_false(c.set_min_free_kbytes);
	done();
	bad("min_free_kbytes=2147483648", "0 to 2147483647");
	bad("lowmem_reserve_ratio=--1", "up to four");
	bad("lowmem_reserve_ratio=-", "up to four");
	bad("numa=maybe", "expected numa=off, numa=noacpi, numa=nohmat, numa=fake=N");
	bad("transparent_hugepage=huge", "always, madvise or never");
	bad("memblock=quiet", "memblock=debug");
	bad("nr_cpus=two", "a number of CPUs");
}

static void test_fake(void **state)
{
	(void)state;
	good("numa=fake=4");
	assert_int_equal(c.numa_fake_kind, CMDLINE_FAKE_NODES);
	assert_int_equal(c.numa_fake, 4);
	done();
	good("numa=fake=2U");
	assert_int_equal(c.numa_fake_kind, CMDLINE_FAKE_UNIFORM);
	assert_int_equal(c.numa_fake, 2);
	done();
	good("numa=fake=512M");
	assert_int_equal(c.numa_fake_kind, CMDLINE_FAKE_SIZE);
	assert_int_equal(c.numa_fake_size, 512 << 20);
	done();
	good("numa=noacpi memtest=0");
	assert_true(c.numa_noacpi && !c.memtest);
	done();
	good("memtest memtest=17");
	assert_true(c.memtest);
	done();
	bad("memtest=all", "memtest=N");
	good("numa=fake=0x4");
	assert_int_equal(c.numa_fake_kind, CMDLINE_FAKE_NODES);
	assert_int_equal(c.numa_fake, 4);
	done();
	good("numa=fake=4 numa=fake=0");
	assert_int_equal(c.numa_fake_kind, CMDLINE_FAKE_NONE);
	done();
	bad("numa=fake=0x", "numa=fake=N");
	/* As in Linux, more nodes than there can be are fewer, and that is said. */
	good("numa=fake=0x41");
	assert_int_equal(c.numa_fake, 64);
	assert_int_equal(c.numa_fake_asked, 65);
	done();
	good("numa=fake=65 numa=fake=2");
	assert_int_equal(c.numa_fake, 2);
	assert_int_equal(c.numa_fake_asked, 0);
	done();
	good("numa=fake=65U");
	assert_int_equal(c.numa_fake, 65);
	done();
	good("numa=fake=2:10,30,31,10");
	assert_int_equal(c.numa_fake, 2);
	assert_string_equal(c.numa_fake_distances.s, "10,30,31,10");
	done();
	bad("numa=fake=2:10,x", "numa=fake=N");
	bad("numa=fake=:10", "numa=fake=N");
	bad("numa=fake=00000000000000000000000000000002", "numa=fake=N");
	bad("numa=fake=0U", "numa=fake=N");
	bad("numa=fake=512K", "numa=fake=SIZE in M or G");
	bad("numa=fake=0M", "numa=fake=SIZE");
	bad("numa=fake=2Ux", "numa=fake=N");
	bad("numa=fake=99999999999999G", "numa=fake=N");
}

static void test_reserve_mem(void **state)
{
	(void)state;
	good("reserve_mem=64M:4K:trace reserve_mem=1M:0:other hugepages=64 hugepagesz=2M");
	assert_int_equal(c.nr_named, 2);
	assert_int_equal(c.named[0].size, 64 << 20);
	assert_int_equal(c.named[0].align, 4096);
	assert_string_equal(c.named[1].name, "other");
	assert_int_equal(diag.nr_warnings, 1);
	assert_non_null(strstr(diag.text.s, "hugepages= is ignored"));
	done();
	bad("reserve_mem=64M:4K", "reserve_mem=SIZE:ALIGN:NAME");
	bad("reserve_mem=64M:4K:", "reserve_mem=SIZE:ALIGN:NAME");
	bad("reserve_mem=64M:3:x", "a power of two");
	bad("reserve_mem=0:4K:x", "reserve_mem=SIZE");
	bad("reserve_mem=1M:4K:sixteen-letters-x", "at most 15");
	bad("reserve_mem=1M:4K:a reserve_mem=1M:4K:a", "not taken");
	bad("reserve_mem=1:1:a reserve_mem=1:1:b reserve_mem=1:1:c reserve_mem=1:1:d "
	    "reserve_mem=1:1:e reserve_mem=1:1:f reserve_mem=1:1:g reserve_mem=1:1:h "
	    "reserve_mem=1:1:i",
	    "at most 8");
}

static void test_crash(void **state)
{
	const uint64_t g = (uint64_t)1 << 30;

	(void)state;
	good("crashkernel=128M");
	assert_int_equal(cmdline_crash_size(&c, g), 128 << 20);
	assert_false(c.crash.fixed || c.crash.high);
	done();
	good("crashkernel=64M@16M");
	assert_true(c.crash.fixed);
	assert_int_equal(c.crash.base, 16 << 20);
	done();
	good("crashkernel=1G,high crashkernel=72M,low");
	assert_true(c.crash.high && c.crash.set_low);
	assert_int_equal(c.crash.low, 72 << 20);
	assert_int_equal(cmdline_crash_size(&c, g), g);
	done();
	good("crashkernel=512M-2G:64M,2G-:128M@32M");
	assert_int_equal(cmdline_crash_size(&c, g / 4), 0);
	assert_int_equal(cmdline_crash_size(&c, g), 64 << 20);
	/* A little short of 2 GiB, by what firmware keeps. */
	assert_int_equal(cmdline_crash_size(&c, 2 * g - 65536), 128 << 20);
	assert_int_equal(c.crash.base, 32 << 20);
	done();
	bad("crashkernel=auto", "crashkernel=SIZE");
	bad("crashkernel=1M@", "crashkernel=SIZE");
	bad("crashkernel=1M,middle", "crashkernel=SIZE");
	bad("crashkernel=2G-1G:64M", "crashkernel=SIZE");
	bad("crashkernel=1G-", "crashkernel=SIZE");
	bad("crashkernel=1G-2G", "crashkernel=SIZE");
	bad("crashkernel=1G-2G:64M,", "crashkernel=SIZE");
}

static void test_cma(void **state)
{
	(void)state;
	good("");
	assert_false(c.cma.set);
	done();
	good("cma=0");
	assert_true(c.cma.set);
	assert_int_equal(c.cma.size, 0);
	done();
	good("cma=64M");
	assert_int_equal(c.cma.size, 64 << 20);
	assert_int_equal(c.cma.base + c.cma.limit, 0);
	done();
	good("cma=64M@1G cma=16M@512M-1G");
	assert_int_equal(c.cma.size, 16 << 20);
	assert_int_equal(c.cma.base, 512 << 20);
	assert_int_equal(c.cma.limit, 1 << 30);
	done();
	good("cma=64M@1G");
	assert_int_equal(c.cma.limit, (1 << 30) + (64 << 20));
	done();
	bad("cma=", "cma=SIZE");
	bad("cma=much", "cma=SIZE");
	bad("cma=1M@", "cma=SIZE");
	bad("cma=1M@1G-", "cma=SIZE");
	bad("cma=1M@1G-1G", "cma=SIZE");
	bad("cma=1M@1G-2G,", "cma=SIZE");
	bad("cma=16E@1G-2G", "cma=SIZE");
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
		cmocka_unit_test(test_empty),       cmocka_unit_test(test_mem),
		cmocka_unit_test(test_memmap),      cmocka_unit_test(test_shares),
		cmocka_unit_test(test_numbers),     cmocka_unit_test(test_fake),
		cmocka_unit_test(test_reserve_mem), cmocka_unit_test(test_crash),
		cmocka_unit_test(test_cma),         cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
