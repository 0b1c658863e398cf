/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes devicetree blobs, from the parser to a booted machine: those of maps/, and one in this file that has all
 * that is understood.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <devtree.h>
#include <machine.h>

#include "fuzz.h"

static unsigned long fuzz_booted, fuzz_refused;

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
	for (i = 0; i < m->nr_reservations; i++)
		if (m->reservations[i].start >= m->reservations[i].end)
			fuzz_fail(NULL, "an empty reservation");
	if (quarry_check(m->q, NULL) != 0)
		fuzz_fail(NULL, "a validator found a fault");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag = {0};
	struct machine_options o = {.map_path = "fuzz",
				    .map_text = (const char *)data,
				    .map_len = size,
				    .cmdline =
					    size & 2 ? "mem=6G movable_node" : "mem=8G numa=fake=3",
				    .bootmem = size & 1,
				    .diag = &diag};
	struct machine m;

	/* Anything else is for fuzz_map. */
	if (!devtree_is_blob(data, size))
		return 0;
	if (machine_create(&o, &m) == CLI_OK) {
		fuzz_check_machine(&m);
		fuzz_booted++;
		machine_destroy(&m);
	} else if (diag.nr_errors == 0) {
		fuzz_fail(NULL, "refused without a word");
	} else {
		fuzz_refused++;
	}
	diag_free(&diag);
	return 0;
}

static const char fuzz_all[] =
	"/dts-v1/; /memreserve/ 0x48000000 0x1000; / { #address-cells = <2>; #size-cells = <2>;\n"
	"compatible = \"riscv-virtio\"; model = \"all of it\";\n"
	"a { device_type = \"memory\"; reg = <0 0x40000000 0 0x10000000>; numa-node-id = <0>; };\n"
	"b { device_type = \"memory\"; reg = <1 0 0 0x8000000>, <2 0 0 0x4000000>;\n"
	"numa-node-id = <1>; hotpluggable; };\n"
	"cpus { #address-cells = <1>; #size-cells = <0>;\n"
	"c@0 { device_type = \"cpu\"; numa-node-id = <0>; reg = <0>; };\n"
	"c@1 { device_type = \"cpu\"; numa-node-id = <1>; reg = <1>; riscv,isa = \"rv64\"; }; };\n"
	"distance-map { compatible = \"numa-distance-map-v1\";\n"
	"distance-matrix = <0 0 10>, <0 1 20>, <1 1 10>; };\n"
	"reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;\n"
	"f@41000000 { reg = <0 0x41000000 0 0x100000>; no-map; };\n"
	"g@42000000 { reg = <0 0x42000000 0 0x100000>, <0 0x43000000 0 0x1000>; };\n"
	"p { compatible = \"shared-dma-pool\"; reusable; size = <0 0x800000>;\n"
	"alignment = <0 0x400000>; alloc-ranges = <0 0x40000000 0 0x8000000>;\n"
	"linux,cma-default; };\n"
	"q { size = <0 0x1000>; no-map; }; };\n"
	"chosen { linux,initrd-start = <0x44000000>; linux,initrd-end = <0x44100000>;\n"
	"linux,usable-memory-range = <0 0x40000000 3 0>; bootargs = \"quiet\"; }; };\n";

/* Numbers at which something ends. */
static const uint32_t fuzz_words[] = {0,          1,          2,      3,          4,
				      8,          9,          10,     63,         64,
				      0xff,       0xfff,      0x1000, 0x7fffffff, 0x80000000,
				      0xffffffff, 0xfffff000, 0x3fff, 0x40000000, 0x20};

static void fuzz_put(char *buf, size_t at, uint32_t v)
{
	buf[at] = (char)(v >> 24);
	buf[at + 1] = (char)(v >> 16);
	buf[at + 2] = (char)(v >> 8);
	buf[at + 3] = (char)v;
}

static void fuzz_mutate(struct strbuf *b)
{
	uint32_t word = FUZZ_PICK(fuzz_words);
	size_t at = fuzz_random(b->len / 4) * 4, from = fuzz_random(b->len / 4) * 4;
	size_t n = 4 * (1 + fuzz_random(8));

	if (b->len < 64)
		return;
	switch (fuzz_random(8)) {
	case 0: /* the header */
		fuzz_put(b->s, fuzz_random(10) * 4, word);
		break;
	case 1: /* cells copied over others */
		if (at + n <= b->len && from + n <= b->len)
			memmove(b->s + at, b->s + from, n);
		break;
	case 2:
		fuzz_put(b->s, at, (uint32_t)fuzz_random(16));
		break;
	case 3: /* FDT_NOP: a tag, or a value, that is passed over */
		fuzz_put(b->s, at, 4);
		break;
	case 4:
		fuzz_damage(b, 0);
		break;
	default: /* mostly values, which are most of the structure */
		fuzz_put(b->s, at, word);
		break;
	}
}

static struct strbuf *fuzz_blobs;
static size_t fuzz_nr; /* the last one is that which has all */

static void fuzz_compile(const char *path, struct strbuf *text, struct strbuf *blob)
{
	struct diag diag = {0};

	if (devtree_compile(path, text->s, text->len, blob, &diag) != CLI_OK) {
		diag_print(&diag, stderr, "fuzz_fdt: ");
		exit(2);
	}
	strbuf_free(text);
	LLVMFuzzerTestOneInput((const uint8_t *)blob->s, blob->len);
}

static void fuzz_begin(void)
{
	struct strbuf text = {0};
	glob_t maps = {0};

	if (glob("maps/*.dts", 0, NULL, &maps) != 0)
		fuzz_fail(NULL, "there is no maps/ here");
	fuzz_nr = maps.gl_pathc + 1;
	fuzz_blobs = xcalloc(fuzz_nr, sizeof(*fuzz_blobs));
	for (size_t i = 0; i + 1 < fuzz_nr; i++) {
		fuzz_read(&text, maps.gl_pathv[i]);
		fuzz_compile(maps.gl_pathv[i], &text, &fuzz_blobs[i]);
	}
	globfree(&maps);
	strbuf_add(&text, fuzz_all, strlen(fuzz_all));
	fuzz_compile("all.dts", &text, &fuzz_blobs[fuzz_nr - 1]);
	if (fuzz_refused != 0)
		fuzz_fail(NULL, "an unharmed devicetree was refused");
}

static void fuzz_make(struct strbuf *b)
{
	/* Half of them from the tree that has everything. */
	const struct strbuf *blob =
		&fuzz_blobs[fuzz_random(2) != 0 ? fuzz_random(fuzz_nr) : fuzz_nr - 1];

	strbuf_add(b, blob->s, blob->len);
	for (uint64_t rounds = 1 + fuzz_random(3); rounds > 0; rounds--)
		fuzz_mutate(b);
}

static bool fuzz_end(unsigned long inputs)
{
	for (size_t i = 0; i < fuzz_nr; i++)
		strbuf_free(&fuzz_blobs[i]);
	free(fuzz_blobs);
	printf("%lu booted, %lu refused, no fault\n", fuzz_booted, fuzz_refused);
	return fuzz_booted > inputs / 8;
}

const struct fuzz_target fuzz_target = {
	.name = "fdt", .inputs = 4000, .begin = fuzz_begin, .make = fuzz_make, .end = fuzz_end};

FUZZ_MAIN
