/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes devicetree blobs, from the parser to a booted machine.
 *
 * LLVMFuzzerTestOneInput() is libFuzzer's entry. Without libFuzzer (compile without
 * FUZZ_LIBFUZZER) a driver of its own compiles the sources it is given and mutates the blobs, with a
 * seeded generator, for so many inputs: fuzz_fdt [INPUTS [SEED]] [DTS...], by default 4000 of those in
 * maps/ and of one in this file that has all that is understood.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <devtree.h>
#include <machine.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long fuzz_booted, fuzz_refused;

static void fuzz_fail(const char *what)
{
	fprintf(stderr, "fuzz_fdt: %s\n", what);
	abort();
}

static void fuzz_check_machine(struct machine *m)
{
	uint64_t ram = 0;
	size_t i;

	for (i = 0; i < m->nr_ram; i++) {
		if (m->ram[i].start >= m->ram[i].end ||
		    (i > 0 && m->ram[i - 1].end > m->ram[i].start))
			fuzz_fail("nodes' memory is not sorted and disjoint");
		ram += m->ram[i].end - m->ram[i].start;
	}
	if (ram != m->ram_bytes)
		fuzz_fail("nodes have more or less memory than the map");
	for (i = 0; i < m->nr_reservations; i++)
		if (m->reservations[i].start >= m->reservations[i].end)
			fuzz_fail("an empty reservation");
	if (quarry_check(m->q, NULL) != 0)
		fuzz_fail("a validator found a fault");
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
		fuzz_fail("refused without a word");
	} else {
		fuzz_refused++;
	}
	diag_free(&diag);
	return 0;
}

#ifndef FUZZ_LIBFUZZER

#define FUZZ_MAX ((size_t)64 << 10)

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

static uint64_t fuzz_seed = 1;

static size_t fuzz_random(size_t below)
{
	fuzz_seed ^= fuzz_seed << 13;
	fuzz_seed ^= fuzz_seed >> 7;
	fuzz_seed ^= fuzz_seed << 17;
	return below == 0 ? 0 : (size_t)(fuzz_seed >> 11) % below;
}

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

static void fuzz_mutate(char *buf, size_t *len)
{
	uint32_t word = fuzz_words[fuzz_random(sizeof(fuzz_words) / sizeof(fuzz_words[0]))];
	size_t at, from, n;

	if (*len < 64)
		return;
	at = fuzz_random(*len / 4) * 4;
	switch (fuzz_random(10)) {
	case 0:
		buf[fuzz_random(*len)] = (char)fuzz_random(256);
		break;
	case 1: /* the header */
		fuzz_put(buf, fuzz_random(10) * 4, word);
		break;
	case 2: /* cells copied over others */
		from = fuzz_random(*len / 4) * 4;
		n = 4 * (1 + fuzz_random(8));
		if (at + n <= *len && from + n <= *len)
			memmove(buf + at, buf + from, n);
		break;
	case 3:
		if (fuzz_random(16) == 0)
			*len = at > 4 ? at : 4;
		break;
	case 4: /* a bit */
		buf[fuzz_random(*len)] ^= (char)(1 << fuzz_random(8));
		break;
	case 5:
		fuzz_put(buf, at, (uint32_t)fuzz_random(16));
		break;
	case 6: /* FDT_NOP: a tag, or a value, that is passed over */
		fuzz_put(buf, at, 4);
		break;
	default: /* mostly values, which are most of the structure */
		fuzz_put(buf, at, word);
		break;
	}
}

static struct strbuf fuzz_compile(const char *path, const char *text, size_t len)
{
	struct diag diag = {0};
	struct strbuf blob;

	if (devtree_compile(path, text, len, &blob, &diag) != CLI_OK || blob.len > FUZZ_MAX) {
		diag_print(&diag, stderr, "fuzz_fdt: ");
		exit(2);
	}
	return blob;
}

static struct strbuf fuzz_read(const char *path)
{
	char *text = xmalloc(FUZZ_MAX + 1);
	FILE *in = fopen(path, "rb");
	struct strbuf blob;
	size_t len;

	if (in == NULL) {
		fprintf(stderr, "fuzz_fdt: %s: cannot open\n", path);
		exit(2);
	}
	len = fread(text, 1, FUZZ_MAX, in);
	text[len] = '\0';
	fclose(in);
	blob = fuzz_compile(path, text, len);
	free(text);
	return blob;
}

static void fuzz_one(const struct strbuf *blob, char *buf)
{
	size_t len = blob->len, rounds = 1 + fuzz_random(3);
	uint8_t *exact;

	memcpy(buf, blob->s, len);
	while (rounds-- > 0)
		fuzz_mutate(buf, &len);
	/* A block of the exact size, so that a read beyond its end is seen. */
	exact = xmalloc(len);
	memcpy(exact, buf, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

int main(int argc, char **argv)
{
	uint64_t inputs = 4000, seed = 1, i;
	struct strbuf *blobs;
	int arg = 1, nr, k;
	glob_t maps = {0};
	char *buf;

	if (arg < argc && util_parse_u64(argv[arg], &inputs))
		arg++;
	if (arg < argc && util_parse_u64(argv[arg], &seed))
		arg++;
	nr = argc - arg;
	argv += arg;
	if (nr < 1 && glob("maps/*.dts", 0, NULL, &maps) == 0) {
		nr = (int)maps.gl_pathc;
		argv = maps.gl_pathv;
	}
	fuzz_seed = seed * 0x9e3779b97f4a7c15u + 1;
	blobs = xcalloc((size_t)nr + 1, sizeof(*blobs));
	buf = xmalloc(FUZZ_MAX + 1);
	for (k = 0; k < nr; k++)
		blobs[k] = fuzz_read(argv[k]);
	blobs[nr] = fuzz_compile("all.dts", fuzz_all, strlen(fuzz_all));
	for (k = 0; k <= nr; k++)
		LLVMFuzzerTestOneInput((const uint8_t *)blobs[k].s, blobs[k].len);
	if (fuzz_refused != 0)
		fuzz_fail("an unharmed devicetree was refused");
	/* Half of them from the tree that has everything. */
	for (i = 0; i < inputs; i++)
		fuzz_one(&blobs[i & 1 ? fuzz_random((size_t)nr + 1) : (size_t)nr], buf);
	for (k = 0; k <= nr; k++)
		strbuf_free(&blobs[k]);
	free(blobs);
	free(buf);
	globfree(&maps);
	printf("fuzz_fdt: %llu inputs from %d trees, seed %llu: %lu booted, %lu refused, no "
	       "fault\n",
	       (unsigned long long)inputs, nr + 1, (unsigned long long)seed, fuzz_booted,
	       fuzz_refused);
	return 0;
}

#endif
