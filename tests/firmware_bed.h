/* SPDX-License-Identifier: MIT */
/*
 * What tests of firmware adapters share: a system with an empty memblock, its log, and a physical memory of
 * which each piece lies in a block of its exact size. What is mapped is a fresh copy, and the one before
 * is gone, so that reading too far, or too late, is seen.
 */
#ifndef FIRMWARE_BED_H
#define FIRMWARE_BED_H

#include <quarry/posix.h>
#include <quarry/quarry.h>

#define BED_CHUNKS 32
#define BED_CPUS 16

struct firmware_bed {
	struct quarry *q;
	char log[16384]; /* errors and warnings, a line each */
	char info[4096]; /* the rest */
	struct {
		uint64_t phys;
		size_t size;
		uint8_t *data;
	} chunk[BED_CHUNKS];
	unsigned int nr;
	uint8_t *mapped;
	struct quarry_firmware_memory memory;
};

void bed_begin(struct firmware_bed *bed);
/* Checks memblock, and that no call failed without a word. */
void bed_end(struct firmware_bed *bed);
/* memblock anew, an empty log; the physical memory stays. */
void bed_again(struct firmware_bed *bed);

/* @size bytes lie at @phys; returns the copy. */
uint8_t *bed_put(struct firmware_bed *bed, uint64_t phys, const void *data, size_t size);
/* What lies at @phys is cut to @size bytes. */
void bed_cut(struct firmware_bed *bed, uint64_t phys, size_t size);

/* Both lists as text: "memory 0x1000-0x9f000 nid 0 flags 0\n" ... */
void bed_lists(struct quarry *q, char *text, size_t size);
/* Fails unless the lists are these. */
void bed_expect(struct firmware_bed *bed, const char *lists);
/* Fails unless the log has @text; forgets the log. */
void bed_expect_log(struct firmware_bed *bed, const char *text);

/* What an adapter tells of CPUs; bed_take_cpu() ends it with 7 after @stop of them. */
struct bed_cpus {
	unsigned int nr, stop;
	struct quarry_firmware_cpu cpu[BED_CPUS];
};
int bed_take_cpu(void *cpus, const struct quarry_firmware_cpu *cpu);

/*
 * What came of many damaged inputs: how many there were, how many of them were taken, and a sum over all that was
 * answered, logged and entered. Another sum is no fault by itself: it asks for a look at what changed, and why.
 */
struct bed_outcomes {
	unsigned int tried, taken;
	uint64_t sum;
};
/* Adds anything to the sum. */
void bed_note(struct bed_outcomes *o, const void *data, size_t size);
void bed_note_info(struct bed_outcomes *o, const struct quarry_firmware_info *info);
/* One more input, for which an adapter answered @err: with the log and the lists as they are. */
void bed_outcome(struct firmware_bed *bed, struct bed_outcomes *o, int err);
/* Fails unless all is as it was. */
void bed_expect_outcomes(const struct bed_outcomes *o, struct bed_outcomes expected);
/* A quarry_firmware_cpu_fn for the same: adds the CPU to the sum. */
int bed_note_cpu(void *outcomes, const struct quarry_firmware_cpu *cpu);

void bed_le16(uint8_t *p, uint32_t v);
void bed_le32(uint8_t *p, uint32_t v);
void bed_le64(uint8_t *p, uint64_t v);
void bed_be32(uint8_t *p, uint32_t v);
/* Makes the sum of @n bytes 0 by the one at @at. */
void bed_sum(uint8_t *b, size_t n, size_t at);
/* The first 20 bytes of an entry of E820; a descriptor of UEFI. */
void bed_e820(uint8_t *e, uint64_t start, uint64_t size, uint32_t type);
void bed_efi(uint8_t *e, uint32_t type, uint64_t start, uint64_t pages, uint64_t attributes);

/* The bytes of the file of tests/data/firmware, which must be there. Caller frees. */
uint8_t *bed_file(const char *name, size_t *size);

#endif
