/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the map parser and the way from a map to a booted machine.
 *
 * LLVMFuzzerTestOneInput() is libFuzzer's entry. Without libFuzzer (compile without
 * FUZZ_LIBFUZZER) a driver of its own mutates the files it is given, with a seeded generator, for
 * so many inputs: fuzz_map [INPUTS [SEED]] [MAP...], by default 3000 of those in maps/.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <machine.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long fuzz_booted, fuzz_refused;

static void fuzz_fail(const char *what)
{
	fprintf(stderr, "fuzz_map: %s\n", what);
	abort();
}

static void fuzz_check_table(const struct map_table *t)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		if (t->r[i].start >= t->r[i].end || (i > 0 && t->r[i - 1].end > t->r[i].start))
			fuzz_fail("the table is not sorted and disjoint");
}

/* All of the machine's pages are where the map has RAM, each once. */
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
	if (quarry_check(m->q, NULL) != 0)
		fuzz_fail("a validator found a fault");
}

static void fuzz_machine(const uint8_t *data, size_t size, bool bootmem)
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
		fuzz_fail("refused without a word");
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
		fuzz_machine(data, size, size & 1);
	} else if (diag.nr_errors == 0) {
		fuzz_fail("refused without a word");
	} else {
		fuzz_refused++;
	}
	map_free(&map);
	diag_free(&diag);
	return 0;
}

#ifndef FUZZ_LIBFUZZER

#define FUZZ_MAX ((size_t)64 << 10)

static uint64_t fuzz_seed = 1;

static size_t fuzz_random(size_t below)
{
	fuzz_seed ^= fuzz_seed << 13;
	fuzz_seed ^= fuzz_seed >> 7;
	fuzz_seed ^= fuzz_seed << 17;
	return below == 0 ? 0 : (size_t)(fuzz_seed >> 11) % below;
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

/* Replace [at, at + cut) of the *len bytes by @add, within FUZZ_MAX. */
static void fuzz_splice(char *buf, size_t *len, size_t at, size_t cut, const char *add, size_t n)
{
	if (at + cut > *len || *len - cut + n > FUZZ_MAX)
		return;
	memmove(buf + at + n, buf + at + cut, *len - at - cut);
	memcpy(buf + at, add, n);
	*len = *len - cut + n;
}

static size_t fuzz_line_start(const char *buf, size_t len)
{
	size_t at = fuzz_random(len);

	while (at > 0 && buf[at - 1] != '\n')
		at--;
	return at;
}

static size_t fuzz_line_length(const char *buf, size_t len, size_t at)
{
	const char *end = memchr(buf + at, '\n', len - at);

	return end != NULL ? (size_t)(end - buf) - at + 1 : len - at;
}

static void fuzz_mutate(char *buf, size_t *len)
{
	const char *word = fuzz_words[fuzz_random(sizeof(fuzz_words) / sizeof(fuzz_words[0]))];
	size_t at = fuzz_random(*len), line, n;
	char copy[512];

	if (*len == 0)
		return;
	line = fuzz_line_start(buf, *len);
	n = fuzz_line_length(buf, *len, line);
	switch (fuzz_random(8)) {
	case 0:
		buf[at] = (char)fuzz_random(256);
		break;
	case 1: /* another digit */
		at += strcspn(buf + at, "0123456789abcdef");
		if (at < *len)
			buf[at] = "0123456789abcdef"[fuzz_random(16)];
		break;
	case 2:
		fuzz_splice(buf, len, line, n, "", 0);
		break;
	case 3: /* a line twice, or moved */
		n = n < sizeof(copy) ? n : sizeof(copy);
		memcpy(copy, buf + line, n);
		if (fuzz_random(2))
			fuzz_splice(buf, len, line, n, "", 0);
		if (*len > 0)
			fuzz_splice(buf, len, fuzz_line_start(buf, *len), 0, copy, n);
		break;
	case 4:
		fuzz_splice(buf, len, at, fuzz_random(4), word, strlen(word));
		break;
	case 5: /* a number replaced */
		at += strcspn(buf + at, "0");
		n = at < *len ? strspn(buf + at, "0123456789abcdefx") : 0;
		fuzz_splice(buf, len, at, n, word, strlen(word));
		break;
	case 6:
		if (fuzz_random(8) == 0)
			*len = at;
		break;
	default:
		fuzz_splice(buf, len, at, fuzz_random(16), "", 0);
		break;
	}
	buf[*len] = '\0';
}

struct fuzz_file {
	char *text;
	size_t len;
};

static struct fuzz_file fuzz_read(const char *path)
{
	struct fuzz_file f = {.text = xmalloc(FUZZ_MAX + 1)};
	FILE *in = fopen(path, "rb");

	if (in == NULL) {
		fprintf(stderr, "fuzz_map: %s: cannot open\n", path);
		exit(2);
	}
	f.len = fread(f.text, 1, FUZZ_MAX, in);
	fclose(in);
	return f;
}

int main(int argc, char **argv)
{
	uint64_t inputs = 3000, seed = 1, i;
	struct fuzz_file *files;
	int arg = 1, nr, k;
	glob_t maps = {0};
	char *buf;

	if (arg < argc && util_parse_u64(argv[arg], &inputs))
		arg++;
	if (arg < argc && util_parse_u64(argv[arg], &seed))
		arg++;
	nr = argc - arg;
	argv += arg;
	if (nr < 1 && glob("maps/*.txt", 0, NULL, &maps) == 0) {
		nr = (int)maps.gl_pathc;
		argv = maps.gl_pathv;
	}
	if (nr < 1) {
		fputs("usage: fuzz_map [INPUTS [SEED]] [MAP...], in the directory that has maps/\n",
		      stderr);
		return 2;
	}
	fuzz_seed = seed * 0x9e3779b97f4a7c15u + 1;
	files = xcalloc((size_t)nr, sizeof(*files));
	buf = xmalloc(FUZZ_MAX + 1);
	for (k = 0; k < nr; k++) {
		files[k] = fuzz_read(argv[k]);
		LLVMFuzzerTestOneInput((const uint8_t *)files[k].text, files[k].len);
	}
	for (i = 0; i < inputs; i++) {
		const struct fuzz_file *f = &files[fuzz_random((size_t)nr)];
		size_t len = f->len, rounds = 1 + fuzz_random(6);
		char *exact;

		memcpy(buf, f->text, len);
		buf[len] = '\0';
		while (rounds-- > 0)
			fuzz_mutate(buf, &len);
		/* A block of the exact size, so that a read beyond its end is seen. */
		exact = xmalloc(len);
		memcpy(exact, buf, len);
		LLVMFuzzerTestOneInput((const uint8_t *)exact, len);
		free(exact);
	}
	for (k = 0; k < nr; k++)
		free(files[k].text);
	free(files);
	free(buf);
	globfree(&maps);
	printf("fuzz_map: %llu inputs from %d maps, seed %llu: %lu booted, %lu refused, no fault\n",
	       (unsigned long long)inputs, nr, (unsigned long long)seed, fuzz_booted, fuzz_refused);
	return 0;
}

#endif
