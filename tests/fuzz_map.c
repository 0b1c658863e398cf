/* SPDX-License-Identifier: MIT */
/* Fuzzes the map parser and the way from a map to a booted machine. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <machine.h>

#include "fuzz.h"

static unsigned long fuzz_booted, fuzz_refused;

static void fuzz_check_table(const struct map_table *t)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		if (t->r[i].start >= t->r[i].end || (i > 0 && t->r[i - 1].end > t->r[i].start))
			fuzz_fail(NULL, "the table is not sorted and disjoint");
}

/* All of the machine's pages are where the map has RAM, each once. */
static void fuzz_check_machine(struct machine *m)
{
	uint64_t ram = 0;
	size_t i;

	for (i = 0; i < m->nr_ram; i++) {
		if (m->ram[i].start >= m->ram[i].end ||
		    (i > 0 && m->ram[i - 1].end > m->ram[i].start))
			fuzz_fail(NULL, "nodes' memory is not sorted and disjoint");
		ram += m->ram[i].end - m->ram[i].start;
	}
	if (ram != m->ram_bytes)
		fuzz_fail(NULL, "nodes have more or less memory than the map");
	if (quarry_check(m->q, NULL) != 0)
		fuzz_fail(NULL, "a validator found a fault");
}

static void fuzz_boot(const uint8_t *data, size_t size, bool bootmem)
{
	struct diag diag = {0};
	static const char *const lines[] = {
		"mem=6G",
		"kernelcore=mirror",
		"mem=8G numa=fake=3",
		"kernelcore=30% mem=6G",
		"mem=4G movable_node kernelcore=mirror",
		"memmap=1M$4M,2M@6M mem=6G numa=fake=64M",
		"mem=5G numa=fake=2U movablecore=1G",
		"memmap=4M%16M-1+2 mem=6G crashkernel=64M reserve_mem=1M:4K:x"};
	struct machine_options o = {.map_path = "fuzz",
				    .map_text = (const char *)data,
				    .map_len = size,
				    .cmdline = lines[size % (sizeof(lines) / sizeof(lines[0]))],
				    .bootmem = bootmem,
				    .diag = &diag};
	struct machine m;

	if (machine_create(&o, &m) == CLI_OK) {
		fuzz_check_machine(&m);
		fuzz_booted++;
		machine_destroy(&m);
	} else if (diag.nr_errors == 0) {
		fuzz_fail(NULL, "refused without a word");
	}
	diag_free(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag = {0};
	struct map map;

	if (map_parse(&map, "fuzz", (const char *)data, size, MAP_SOURCE_AUTO, &diag) == CLI_OK) {
		map_table_update(&map.by_source[map.source], "fuzz", &diag);
		fuzz_check_table(&map.by_source[map.source]);
		fuzz_boot(data, size, size & 1);
	} else if (diag.nr_errors == 0) {
		fuzz_fail(NULL, "refused without a word");
	} else {
		fuzz_refused++;
	}
	map_free(&map);
	diag_free(&diag);
	return 0;
}

static const char *const fuzz_words[] = {
	"0x0",
	"0xffffffffffffffff",
	"0xfff",
	"0x100000",
	"0x3fffffffffff",
	"0x8000000000000000",
	"10000000000000000",
	"[mem ",
	"]",
	" usable",
	" reserved",
	" type 20",
	"persistent (type 7)",
	"\n",
	"\r\n",
	"[    0.000000] ",
	"<6>",
	" kernel: ",
	"efi: mem00: type=7, attr=0xf, range=[0x0-0x1000)",
	"efi: mem00: [Conventional|WB] range=[0x0-0xfff]",
	"\nefi: mem01: [Conventional|MR|WB] range=[0x100000-0x3fffffff]\n",
	"\nefi: mem02: [Conventional|MR|WB] range=[0x100001000-0x13fffffff]\n",
	"\n00001000-0009fbff : System RAM\n",
	"\n  00100000-001fffff : Kernel code\n",
	"\nSRAT: Node 3 PXM 1 [mem 0x0-0xffffffff]\n",
	"\nSRAT: Node 63 PXM 1 [mem 0x10000000-0x1fffffff]\n",
	"\nmemblock_reserve: [0x0-0x1fffff] x\n",
	"\nmemblock_phys_free: [0x1000-0x1fffff] x\n",
	"\nmemblock_remove: [0x1000000-0x1ffffff] x\n",
	"\ne820: update [mem 0x1000000-0x2ffffff] usable ==> reserved\n",
	"\nRAMDISK: [mem 0x1000000-0x1ffffff]\n",
	"\nSRAT: Node 2 PXM 1 [mem 0x20000000-0x2fffffff] hotplug\n",
	"\nNUMA: Node 0 distance: 10 20\n",
	"\nnode1/distance:20 10\n",
	"\n/dts-v1/;\n",
	"\nZone ranges:\n",
	"\nEarly memory node ranges\n",
};

static struct strbuf *fuzz_maps;
static size_t fuzz_nr;

static void fuzz_begin(void)
{
	glob_t maps = {0};

	if (glob("maps/*.txt", 0, NULL, &maps) != 0)
		fuzz_fail(NULL, "there is no maps/ here");
	fuzz_nr = maps.gl_pathc;
	fuzz_maps = xcalloc(fuzz_nr, sizeof(*fuzz_maps));
	for (size_t i = 0; i < fuzz_nr; i++) {
		fuzz_read(&fuzz_maps[i], maps.gl_pathv[i]);
		LLVMFuzzerTestOneInput((const uint8_t *)fuzz_maps[i].s, fuzz_maps[i].len);
	}
	globfree(&maps);
	if (fuzz_booted != fuzz_nr)
		fuzz_fail(NULL, "an unharmed map does not boot");
}

static size_t fuzz_line_start(const struct strbuf *b)
{
	size_t at = fuzz_random(b->len);

	while (at > 0 && b->s[at - 1] != '\n')
		at--;
	return at;
}

/* A line twice, or moved, or gone. */
static void fuzz_move_line(struct strbuf *b)
{
	size_t line = fuzz_line_start(b);
	const char *end = memchr(b->s + line, '\n', b->len - line);
	size_t n = end != NULL ? (size_t)(end - b->s) - line + 1 : b->len - line;
	char *copy = xstrndup(b->s + line, n);

	n = strlen(copy);
	if (fuzz_random(2) != 0)
		fuzz_splice(b, line, n, NULL, 0);
	if (b->len > 0 && fuzz_random(3) != 0)
		fuzz_splice(b, fuzz_line_start(b), 0, copy, n);
	free(copy);
}

static void fuzz_mutate(struct strbuf *b)
{
	const char *word = FUZZ_PICK(fuzz_words);
	size_t at = fuzz_random(b->len), n;

	switch (fuzz_random(5)) {
	case 0: /* another digit */
		at += strcspn(b->s + at, "0123456789abcdef");
		fuzz_splice(b, at, 1, &"0123456789abcdef"[fuzz_random(16)], 1);
		break;
	case 1:
		fuzz_move_line(b);
		break;
	case 2:
		fuzz_splice(b, at, fuzz_random(4), word, strlen(word));
		break;
	case 3: /* a number replaced */
		at += strcspn(b->s + at, "0");
		n = at < b->len ? strspn(b->s + at, "0123456789abcdefx") : 0;
		fuzz_splice(b, at, n, word, strlen(word));
		break;
	default:
		fuzz_damage(b, 0);
		break;
	}
}

static void fuzz_make(struct strbuf *b)
{
	const struct strbuf *map = &fuzz_maps[fuzz_random(fuzz_nr)];

	strbuf_add(b, map->s, map->len);
	for (uint64_t rounds = 1 + fuzz_random(6); rounds > 0 && b->len > 0; rounds--)
		fuzz_mutate(b);
}

static bool fuzz_end(unsigned long inputs)
{
	for (size_t i = 0; i < fuzz_nr; i++)
		strbuf_free(&fuzz_maps[i]);
	free(fuzz_maps);
	printf("%lu booted, %lu refused, no fault\n", fuzz_booted, fuzz_refused);
	return fuzz_booted > inputs / 8;
}

const struct fuzz_target fuzz_target = {
	.name = "map", .inputs = 3000, .begin = fuzz_begin, .make = fuzz_make, .end = fuzz_end};

FUZZ_MAIN
