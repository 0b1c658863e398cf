/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <firmware_bed.h>

static void bed_log(void *ctx, enum quarry_log_level level, const char *line)
{
	struct firmware_bed *bed = ctx;
	char *to = level <= QUARRY_LOG_WARN ? bed->log : bed->info;
	size_t room = level <= QUARRY_LOG_WARN ? sizeof(bed->log) : sizeof(bed->info),
	       n = strlen(to);

	snprintf(to + n, room - n, "%s\n", line);
}

static const void *bed_map(void *ctx, phys_addr_t phys, size_t size)
{
	struct firmware_bed *bed = ctx;
	unsigned int i;

	free(bed->mapped);
	bed->mapped = NULL;
	for (i = 0; i < bed->nr; i++) {
		uint64_t start = bed->chunk[i].phys;

		if (phys >= start && phys - start <= bed->chunk[i].size &&
		    size <= bed->chunk[i].size - (phys - start)) {
			bed->mapped = malloc(size);
			assert_non_null(bed->mapped);
			memcpy(bed->mapped, bed->chunk[i].data + (phys - start), size);
			break;
		}
	}
	return bed->mapped;
}

static void bed_new(struct firmware_bed *bed)
{
	struct quarry_posix_options o = {.log = bed_log, .log_ctx = bed};

	bed->log[0] = bed->info[0] = '\0';
	bed->q = quarry_posix_new(&o);
	assert_non_null(bed->q);
}

void bed_begin(struct firmware_bed *bed)
{
	memset(bed, 0, sizeof(*bed));
	bed->memory = (struct quarry_firmware_memory){bed_map, bed};
	bed_new(bed);
}

void bed_again(struct firmware_bed *bed)
{
	assert_int_equal(quarry_check_memblock(bed->q, NULL), 0);
	quarry_posix_delete(bed->q);
	bed_new(bed);
}

void bed_end(struct firmware_bed *bed)
{
	unsigned int i;

	assert_int_equal(quarry_check_memblock(bed->q, NULL), 0);
	quarry_posix_delete(bed->q);
	free(bed->mapped);
	for (i = 0; i < bed->nr; i++)
		free(bed->chunk[i].data);
}

uint8_t *bed_put(struct firmware_bed *bed, uint64_t phys, const void *data, size_t size)
{
	uint8_t *copy = malloc(size);

	assert_non_null(copy);
	assert_true(bed->nr < BED_CHUNKS);
	memcpy(copy, data, size);
	bed->chunk[bed->nr].phys = phys;
	bed->chunk[bed->nr].size = size;
	bed->chunk[bed->nr++].data = copy;
	return copy;
}

void bed_cut(struct firmware_bed *bed, uint64_t phys, size_t size)
{
	unsigned int i;

	for (i = 0; i < bed->nr; i++)
		if (bed->chunk[i].phys == phys)
			bed->chunk[i].size = size;
}

static void bed_list(const struct memblock_type *t, char *text, size_t size)
{
	unsigned long i;
	size_t n = strlen(text);

	for (i = 0; i < t->cnt && n < size; i++)
		if (t->regions[i].size != 0)
			n += (size_t)snprintf(text + n, size - n,
					      "%s 0x%" PRIx64 "-0x%" PRIx64 " nid %d flags %u\n",
					      t->name, t->regions[i].base,
					      t->regions[i].base + t->regions[i].size,
					      t->regions[i].nid, t->regions[i].flags);
}

void bed_lists(struct quarry *q, char *text, size_t size)
{
	text[0] = '\0';
	bed_list(&quarry_memblock(q)->memory, text, size);
	bed_list(&quarry_memblock(q)->reserved, text, size);
}

void bed_expect(struct firmware_bed *bed, const char *lists)
{
	char text[16384];

	bed_lists(bed->q, text, sizeof(text));
	assert_string_equal(text, lists);
}

void bed_expect_log(struct firmware_bed *bed, const char *text)
{
	if (strstr(bed->log, text) == NULL)
		fail_msg("the log has \"%s\" instead of \"%s\"", bed->log, text);
	bed->log[0] = '\0';
}

int bed_take_cpu(void *cpus, const struct quarry_firmware_cpu *cpu)
{
	struct bed_cpus *c = cpus;

	assert_true(c->nr < BED_CPUS);
	c->cpu[c->nr++] = *cpu;
	return c->nr == c->stop ? 7 : 0;
}

void bed_note(struct bed_outcomes *o, const void *data, size_t size)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < size; i++)
		o->sum = (o->sum ^ p[i]) * 0x100000001b3u;
}

void bed_note_info(struct bed_outcomes *o, const struct quarry_firmware_info *info)
{
	const uint64_t numbers[] = {info->cmdline_length, info->nr_modules, info->initrd.start,
				    info->initrd.size,    info->rsdp,       info->ram_bytes,
				    info->ram_end,        info->nr_ranges};

	bed_note(o, numbers, sizeof(numbers));
	if (info->cmdline != NULL)
		bed_note(o, info->cmdline, strlen(info->cmdline));
	for (unsigned int i = 0; i < info->module_room; i++)
		bed_note(o, &info->module[i], sizeof(info->module[i]));
}

void bed_outcome(struct firmware_bed *bed, struct bed_outcomes *o, int err)
{
	char lists[16384];

	o->tried++;
	o->taken += err == 0;
	bed_lists(bed->q, lists, sizeof(lists));
	bed_note(o, &(int32_t){err}, sizeof(int32_t));
	bed_note(o, bed->log, strlen(bed->log));
	bed_note(o, bed->info, strlen(bed->info));
	bed_note(o, lists, strlen(lists));
}

void bed_expect_outcomes(const struct bed_outcomes *o, struct bed_outcomes expected)
{
	if (o->tried != expected.tried || o->taken != expected.taken || o->sum != expected.sum)
		fail_msg("outcomes are now {%u, %u, 0x%" PRIx64 "}", o->tried, o->taken, o->sum);
}

int bed_note_cpu(void *outcomes, const struct quarry_firmware_cpu *cpu)
{
	bed_note(outcomes, &cpu->id, sizeof(cpu->id));
	bed_note(outcomes, &cpu->nid, sizeof(cpu->nid));
	return cpu->nid >= QUARRY_MAX_NODES;
}

void bed_le16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

void bed_le32(uint8_t *p, uint32_t v)
{
	bed_le16(p, v);
	bed_le16(p + 2, v >> 16);
}

void bed_le64(uint8_t *p, uint64_t v)
{
	bed_le32(p, (uint32_t)v);
	bed_le32(p + 4, (uint32_t)(v >> 32));
}

void bed_be32(uint8_t *p, uint32_t v)
{
	bed_le32(p, __builtin_bswap32(v));
}

void bed_sum(uint8_t *b, size_t n, size_t at)
{
	uint8_t sum = 0;

	b[at] = 0;
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + b[i]);
	b[at] = (uint8_t)-sum;
}

void bed_e820(uint8_t *e, uint64_t start, uint64_t size, uint32_t type)
{
	bed_le64(e, start);
	bed_le64(e + 8, size);
	bed_le32(e + 16, type);
}

void bed_efi(uint8_t *e, uint32_t type, uint64_t start, uint64_t pages, uint64_t attributes)
{
	bed_le32(e, type);
	bed_le64(e + 8, start);
	bed_le64(e + 24, pages);
	bed_le64(e + 32, attributes);
}

uint8_t *bed_file(const char *name, size_t *size)
{
	uint8_t *data = malloc((size_t)1 << 20);
	char path[256];
	FILE *in;

	assert_non_null(data);
	snprintf(path, sizeof(path), "tests/data/firmware/%s", name);
	in = fopen(path, "rb");
	if (in == NULL)
		fail_msg("%s cannot be opened", path);
	*size = fread(data, 1, (size_t)1 << 20, in);
	fclose(in);
	data = realloc(data, *size);
	assert_non_null(data);
	return data;
}
