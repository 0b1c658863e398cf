/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *fuzz_name = "fuzz";
static uint64_t fuzz_seed = 1;

void fuzz_fail(void *ctx, const char *what)
{
	(void)ctx;
	fprintf(stderr, "%s: %s\n", fuzz_name, what);
	abort();
}

struct quarry *fuzz_machine(void)
{
	const struct quarry_posix_options o = {.report = fuzz_fail};
	const struct quarry_boot_params p = {.nr_cpus = 2};
	struct quarry *q = quarry_posix_new(&o);

	if (q == NULL || quarry_memblock_add(q, 1 << 20, 15 << 20) != 0 || quarry_boot(q, &p) != 0)
		fuzz_fail(NULL, "no machine");
	return q;
}

uint64_t fuzz_random(uint64_t below)
{
	fuzz_seed ^= fuzz_seed << 13;
	fuzz_seed ^= fuzz_seed >> 7;
	fuzz_seed ^= fuzz_seed << 17;
	return below == 0 ? 0 : (fuzz_seed >> 11) % below;
}

void fuzz_splice(struct strbuf *b, size_t at, size_t cut, const void *bytes, size_t n)
{
	char *s;

	if (at > b->len || cut > b->len - at)
		return;
	s = xmalloc(b->len - cut + n + 1);
	if (at != 0)
		memcpy(s, b->s, at);
	if (n != 0)
		memcpy(s + at, bytes, n);
	if (b->len - at - cut != 0)
		memcpy(s + at + n, b->s + at + cut, b->len - at - cut);
	s[b->len - cut + n] = '\0';
	n += b->len - cut;
	strbuf_free(b);
	b->s = s;
	b->len = n;
	b->cap = n + 1;
}

void fuzz_damage(struct strbuf *b, size_t from)
{
	static const unsigned char edges[] = {0, 1, 2, 4, 7, 8, 9, 0x7f, 0x80, 0xfe, 0xff};
	size_t at, other, n;

	if (b->len <= from)
		return;
	at = from + fuzz_random(b->len - from);
	other = from + fuzz_random(b->len - from);
	n = 1 + fuzz_random(48);
	switch (fuzz_random(7)) {
	case 0:
		b->s[at] = (char)(b->s[at] ^ (1 << fuzz_random(8)));
		break;
	case 1:
		b->s[at] = (char)fuzz_random(256);
		break;
	case 2:
		b->s[at] = (char)FUZZ_PICK(edges);
		break;
	case 3:
		if (fuzz_random(8) == 0)
			b->len = at + 1;
		break;
	case 4:
		n = n < b->len - at ? n : b->len - at;
		fuzz_splice(b, at, n % 16, NULL, 0);
		break;
	case 5: /* over others */
		if (at + n <= b->len && other + n <= b->len)
			memmove(b->s + at, b->s + other, n);
		break;
	default:
		n %= 9;
		if (at + n <= b->len)
			memset(b->s + at, FUZZ_PICK(edges), n);
		break;
	}
}

void fuzz_read(struct strbuf *b, const char *path)
{
	char buf[4096];
	size_t n;
	FILE *in = fopen(path, "rb");

	if (in == NULL) {
		fprintf(stderr, "%s: %s: cannot open\n", fuzz_name, path);
		exit(2);
	}
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		strbuf_add(b, buf, n);
	fclose(in);
}

/* A block of the exact size, so that a read beyond its end is seen. */
static void fuzz_try(const struct strbuf *b, int (*one)(const uint8_t *data, size_t size))
{
	uint8_t *exact = xmalloc(b->len);

	if (b->len != 0)
		memcpy(exact, b->s, b->len);
	one(exact, b->len);
	free(exact);
}

static unsigned long fuzz_try_kept(const struct fuzz_target *t,
				   int (*one)(const uint8_t *data, size_t size))
{
	glob_t kept = {0};
	char pattern[200];
	unsigned long n;

	snprintf(pattern, sizeof(pattern), "tests/data/fuzz/%s/*", t->name);
	(void)glob(pattern, 0, NULL, &kept);
	for (n = 0; n < kept.gl_pathc; n++) {
		struct strbuf b = {0};

		fuzz_read(&b, kept.gl_pathv[n]);
		fuzz_try(&b, one);
		strbuf_free(&b);
	}
	globfree(&kept);
	return n;
}

static void fuzz_save(const struct strbuf *b, const char *dir, unsigned long i)
{
	char path[300];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%05lu", dir, i);
	out = fopen(path, "wb");
	if (out == NULL || fwrite(b->s, 1, b->len, out) != b->len || fclose(out) != 0)
		fuzz_fail(NULL, "an input cannot be saved");
}

int fuzz_main(int argc, char **argv, const struct fuzz_target *t,
	      int (*one)(const uint8_t *data, size_t size))
{
	unsigned long inputs = argc > 1 ? strtoul(argv[1], NULL, 10) : t->inputs, kept;
	const char *save = getenv("FUZZ_SAVE");

	fuzz_name = t->name;
	if (argc > 2)
		fuzz_seed = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15u | 1;
	if (t->begin != NULL)
		t->begin();
	kept = fuzz_try_kept(t, one);
	for (unsigned long i = 0; i < inputs; i++) {
		struct strbuf b = {0};

		t->make(&b);
		if (save != NULL)
			fuzz_save(&b, save, i);
		else
			fuzz_try(&b, one);
		strbuf_free(&b);
	}
	printf("fuzz_%s: %lu inputs kept, %lu made: ", t->name, kept, inputs);
	return t->end(kept + inputs) || save != NULL ? 0 : 1;
}
