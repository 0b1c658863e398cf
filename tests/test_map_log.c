/* SPDX-License-Identifier: MIT */
/* What a memblock=debug log means beyond its calls: lists of memory, the hand-off, what comes after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <machine.h>

static struct machine m;
static struct diag diag;

static int boot(const char *text, const char *cmdline, enum map_arch arch)
{
	struct machine_options o = {.map_path = "t",
				    .map_text = text,
				    .map_len = strlen(text),
				    .cmdline = cmdline,
				    .arch = arch,
				    .quiet = true,
				    .diag = &diag};

	return machine_create(&o, &m);
}

static void done(void)
{
	machine_destroy(&m);
	diag_free(&diag);
}

static unsigned long managed(void)
{
	struct quarry_totals t;

	quarry_totals(m.q, &t);
	return t.managed;
}

#define PC "BIOS-e820: [mem 0x0-0xffffff] usable\nBIOS-e820: [mem 0x1000000-0x3ffffff] usable\n"
#define PC_PAGES (16384ul - 256)

/* Without e820 mem= is an amount, and a log that has it taken off already stays as it is. */
static void test_mem_is_an_amount_on_arm64(void **state)
{
	static const char *const both =
		"memory[0x0] [0x40000000-0x7fffffff], 0x40000000 bytes on node 0 flags: 0x0\n"
		"memory[0x1] [0x100000000-0x13fffffff], 0x40000000 bytes on node 1 flags: 0x0\n";

	(void)state;
	assert_int_equal(boot(both, "mem=1536M", MAP_ARCH_ARM64), CLI_OK);
	assert_int_equal(m.nr_ram, 2);
	assert_int_equal(m.ram[0].end, 0x80000000);
	assert_int_equal(m.ram[1].start, 0x100000000);
	assert_int_equal(m.ram[1].end, 0x120000000);
	done();
	assert_int_equal(boot("memory[0x0] [0x40000000-0x5fffffff], 0x20000000 bytes\n", "mem=512M",
			      MAP_ARCH_ARM64),
			 CLI_OK);
	assert_int_equal(managed(), 0x20000);
	done();
	/* A PC counts addresses, whichever lines its memory is taken from. */
	assert_int_equal(boot(both, "mem=1536M", MAP_ARCH_X86_64), CLI_OK);
	assert_int_equal(managed(), 0x20000);
	done();
}

static void test_lists_of_memory(void **state)
{
	struct quarry_zone_info info;

	(void)state;
	/* The last list counts; what was added after it is more. */
	assert_int_equal(
		boot("memblock_add: [0x0-0xffffffff]\n"
		     " memory[0x0]\t[0x0000000000000000-0x00000000ffffffff], 0x100000000 bytes\n"
		     " memory[0x0]\t[0x40000000-0x4fffffff], 0x10000000 bytes on node 0 flags: "
		     "0x0\n"
		     " memory[0x1]\t[0x50000000-0x57ffffff], 0x8000000 bytes on node 2 flags: 0x0\n"
		     "memblock_add: [0x58000000-0x58ffffff]\n",
		     "", MAP_ARCH_ARM64),
		CLI_OK);
	assert_int_equal(managed(), (0x10000 + 0x8000 + 0x1000));
	assert_true(quarry_zone_info(m.q, 2, QUARRY_ZONE_DMA, &info));
	assert_int_equal(info.start_pfn, 0x50000);
	assert_int_equal(info.present, 0x9000); /* the nearest node has what none claims */
	assert_false(quarry_node_present(m.q, 1));
	done();
	/* Other words of nodes, or of memory, come first. */
	assert_int_equal(boot("memory[0x0] [0x0-0xfffffff] on node 1\n"
			      "SRAT: Node 0 PXM 0 [mem 0x0-0xfffffff]\n",
			      "", MAP_ARCH_ARM64),
			 CLI_OK);
	assert_true(quarry_node_present(m.q, 0));
	assert_int_equal(m.nr_nodes, 1);
	done();
	assert_int_equal(boot(PC "memory[0x0] [0x0-0xfffffff] on node 1\n", "", 0), CLI_OK);
	assert_int_equal(managed(), PC_PAGES);
	done();
	/* An empty memblock lists one region of no bytes. */
	assert_int_equal(boot("memory[0x0] [0x0-0xffffffffffffffff], 0x0 bytes\n"
			      "memory[0x0] [0x1000-0xfff]\nmemblock_add: [0x1000-0xffffff]\n",
			      "", MAP_ARCH_ARM64),
			 CLI_OK);
	assert_int_equal(managed(), 4095);
	done();
}

static void refused(const char *text, const char *message)
{
	assert_int_equal(boot(text, "", 0), CLI_INPUT);
	if (strstr(diag.text.s, message) == NULL)
		fail_msg("got \"%s\" instead of \"%s\"", diag.text.s, message);
	diag_free(&diag);
}

static void test_bad_lists(void **state)
{
	(void)state;
	refused("memory[x] [0x0-0xfff]\n", "t:1: found");
	refused("memory[0x0] 0x0\n", "t:1: found");
	refused("memory[0x0] [0x0-0xfff] on node 64\n", "t:1: ");
	refused("memory[0x0] [0x0-0xfff] on node one\n", "expected a node number");
}

static void test_after_the_handoff(void **state)
{
	static const char log[] = PC " reserved[0x0] [0x0-0xfffff]\n"
				     " reserved[0x1] [0x1000000-0x17fffff]\n"
				     "RAMDISK: [mem 0x2000000-0x2ffffff]\n"
				     " reserved[0x2] [0x2000000-0x2ffffff]\n"
				     "memblock_reserve: [0x3c00000-0x3ffffff]\n";
	struct strbuf text = {0};
	unsigned long before;

	(void)state;
	assert_int_equal(boot(log, "", 0), CLI_OK);
	before = managed();
	assert_int_equal(before, PC_PAGES - 0x800 - 0x1000 - 0x400);
	done();
	strbuf_addf(&text,
		    "%sMemory: 1K/2K available (3K reserved, 0K cma-reserved)\n"
		    "memblock_phys_free: [0x2000000-0x2ffffff]\n"
		    "Freeing initrd memory: 16384K\n",
		    log);
	assert_int_equal(boot(text.s, "", 0), CLI_OK);
	assert_int_equal(managed(), before);
	done();
	/* Of the image, not of the larger RAM disk, and counted as not yet there at the hand-off. */
	strbuf_addf(&text, "Freeing SMP alternatives memory: 39K\n");
	assert_int_equal(boot(text.s, "", 0), CLI_OK);
	assert_int_equal(managed(), before + 9);
	assert_int_equal(m.released, 9 * 4096);
	assert_false(quarry_memblock_is_region_reserved(m.q, 0x17f7000, 0x9000));
	assert_true(quarry_memblock_is_reserved(m.q, 0x17f6000));
	done();
	/* What memblock gives back of its grown arrays counts too; what is not reserved, never. */
	strbuf_addf(&text, "memblock_free_late: [0x3c01000-0x3c02fff] memblock_discard+0x67/0xd7\n"
			   "memblock_free_late: [0x500000-0x500fff] x+0x1/0x2\n"
			   "memblock_free_late: [0xf00000000-0xf00000fff] x+0x1/0x2\n"
			   "memblock_free_late: [0x3c04000-0x3c03fff] x+0x1/0x2\n");
	assert_int_equal(boot(text.s, "", 0), CLI_OK);
	assert_int_equal(managed(), before + 9 + 2);
	assert_int_equal(m.late, 2 * 4096);
	done();
	strbuf_free(&text);
	/* More than there is of it. */
	strbuf_addf(&text, "%sFreeing SMP alternatives memory: 99999K\n", log);
	assert_int_equal(boot(text.s, "", 0), CLI_OK);
	assert_int_equal(managed(), before);
	done();
	strbuf_free(&text);
}

static void test_cma(void **state)
{
	struct strbuf text = {0};

	(void)state;
	strbuf_addf(&text, PC "memblock_reserve: [0x3000000-0x33fffff]\n"
			      "memblock_reserve: [0x3800000-0x3ffffff]\n"
			      "Memory: 1K/2K available (3K reserved, 8192K cma-reserved)\n");
	assert_int_equal(boot(text.s, "", 0), CLI_OK);
	assert_int_equal(managed(), PC_PAGES - 0x400);
	assert_int_equal(m.lent, 8 << 20);
	done();
	strbuf_free(&text);
	assert_int_equal(
		boot(PC "Memory: 1K/2K available (3K reserved, 8192K cma-reserved)\n", "", 0),
		CLI_OK);
	assert_int_equal(managed(), PC_PAGES);
	assert_non_null(strstr(diag.text.s, "no reservation of that size"));
	done();
}

/* The default CMA area starts at @at, of three reservations of its size. */
static void cma_lies_at(const char *said, const char *announced, uint64_t at)
{
	struct strbuf text = {0};

	strbuf_addf(&text,
		    PC "%smemblock_reserve: [0x1000000-0x17fffff] memmap\n"
		       "memblock_reserve: [0x2000000-0x27fffff] cma_declare\n%s"
		       "MEMBLOCK configuration:\n reserved[0x0]\t[0x1000000-0x17fffff], x\n"
		       "%smemblock_reserve: [0x3000000-0x37fffff] swiotlb\n"
		       "Memory: 1K/2K available (3K reserved, 8192K cma-reserved)\n",
		    announced, said, announced);
	assert_int_equal(boot(text.s, "", 0), CLI_OK);
	assert_int_equal(m.nr_reservations, 1);
	assert_int_equal(m.reservations[0].start, at);
	assert_int_equal(m.lent, 8 << 20);
	done();
	strbuf_free(&text);
}

/* On a machine of 4 GiB the table of descriptors, the area and the bounce buffer are of one size. */
static void test_cma_among_others(void **state)
{
	static const char asked[] = "memblock_alloc_try_nid: 8388608 bytes align=0x1000 nid=-1\n";

	(void)state;
	cma_lies_at("", "", 0x2000000);
	cma_lies_at("", asked, 0x2000000);
	cma_lies_at("cma: Reserved 8 MiB at 0x0000000002000000\n", asked, 0x2000000);
	cma_lies_at("cma: Reserved 8 MiB at 0x3000000 on node -1\n", "", 0x3000000);
	cma_lies_at("cma: Reserved nothing\n", "", 0x2000000);
}

#define ARM64_5G "memblock_add: [0x40000000-0x17fffffff]\n"

static void test_movable(void **state)
{
	struct quarry_zone_info info;

	(void)state;
	/* Only the highest zone may give movable memory, also where DMA ends at 4 GiB. */
	assert_int_equal(boot(ARM64_5G, "kernelcore=1G", MAP_ARCH_ARM64), CLI_OK);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	assert_int_equal(info.start_pfn, 0x100000);
	assert_int_equal(info.present, 0x80000);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info));
	assert_int_equal(info.present, 0xc0000);
	done();
	/* Less than a page is nothing, and odd bytes of a page do not count. */
	assert_int_equal(boot(ARM64_5G, "kernelcore=4095", MAP_ARCH_ARM64), CLI_OK);
	assert_false(quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	done();
	assert_int_equal(boot(ARM64_5G, "kernelcore=4294967297", MAP_ARCH_ARM64), CLI_OK);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	assert_int_equal(info.start_pfn, 0x140000);
	done();
}

/* Nodes of which SRAT knows have zonelists, whether they have memory or not. */
static void test_possible_nodes(void **state)
{
	struct quarry_zoneref refs[4];

	(void)state;
	assert_int_equal(boot(PC "SRAT: Node 0 PXM 0 [mem 0x0-0x3ffffff]\n"
				 "SRAT: Node 2 PXM 2 [mem 0x100000000-0x1ffffffff] hotplug\n",
			      "", 0),
			 CLI_OK);
	assert_int_equal(m.nr_nodes, 3);
	assert_false(quarry_node_present(m.q, 2));
	assert_int_equal(quarry_zonelist(m.q, 2, false, refs, 4), 2);
	assert_int_equal(refs[0].nid, 0);
	assert_int_equal(refs[0].zone, QUARRY_ZONE_DMA32);
	assert_int_equal(quarry_zonelist(m.q, 2, true, refs, 4), 0);
	assert_int_equal(quarry_zonelist(m.q, 3, false, refs, 4), 0);
	done();
}

/* What was asked for stays, small or large; the huge-page daemon changes only the default. */
static void test_min_free_kbytes(void **state)
{
	static const unsigned long asked[] = {1, 100, 300000};
	struct quarry_totals t;
	char cmdline[64];
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		snprintf(cmdline, sizeof(cmdline), "min_free_kbytes=%lu", asked[i]);
		assert_int_equal(boot(ARM64_5G, cmdline, MAP_ARCH_ARM64), CLI_OK);
		quarry_totals(m.q, &t);
		assert_int_equal(t.min_free_kbytes, asked[i]);
		done();
	}
	assert_int_equal(boot(ARM64_5G, "", MAP_ARCH_ARM64), CLI_OK);
	quarry_totals(m.q, &t);
	assert_int_equal(t.min_free_kbytes, 2 * 11 * 512 * 4);
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mem_is_an_amount_on_arm64),
		cmocka_unit_test(test_lists_of_memory),
		cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_after_the_handoff),
		cmocka_unit_test(test_cma),
		cmocka_unit_test(test_cma_among_others),
		cmocka_unit_test(test_movable),
		cmocka_unit_test(test_possible_nodes),
		cmocka_unit_test(test_min_free_kbytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
