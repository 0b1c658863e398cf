/* SPDX-License-Identifier: MIT */
/* What the adapters share: numbers in bytes, ranges on their way to memblock, complaints. */
#ifndef QUARRY_FIRMWARE_INTERNAL_H
#define QUARRY_FIRMWARE_INTERNAL_H

#include <quarry/firmware.h>
#include <quarry/memblock.h>

#include <base/bits.h>
#include <base/quarry_state.h>
#include <base/string.h>

/* Numbers at any address, whatever the host's byte order. */

static inline uint32_t firmware_le16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t firmware_le32(const uint8_t *p)
{
	return firmware_le16(p) | firmware_le16(p + 2) << 16;
}

static inline uint64_t firmware_le64(const uint8_t *p)
{
	return firmware_le32(p) | (uint64_t)firmware_le32(p + 4) << 32;
}

static inline uint32_t firmware_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t firmware_be64(const uint8_t *p)
{
	return (uint64_t)firmware_be32(p) << 32 | firmware_be32(p + 4);
}

/* What a range is. */
enum firmware_kind {
	FIRMWARE_RAM,      /* memory, with node and flags */
	FIRMWARE_TAKEN,    /* no memory, whatever else says so */
	FIRMWARE_LIMIT,    /* if there are such ranges, there is no memory outside them */
	FIRMWARE_NOMAP,    /* if it is memory, then MEMBLOCK_NOMAP */
	FIRMWARE_RESERVED, /* in use, memory or not */
	FIRMWARE_LOADER,   /* the same, until quarry_firmware_release() */
};

struct firmware_range {
	phys_addr_t start, size; /* may be empty */
	enum firmware_kind kind;
	uint32_t flags; /* FIRMWARE_RAM: of memblock */
	int nid;        /* FIRMWARE_RAM: QUARRY_NO_NODE, or the node */
};

/* Takes one range. Other than 0 ends the walk, which returns it. */
typedef int (*firmware_see_fn)(void *arg, const struct firmware_range *r);

/* A description of memory that can be walked any number of times, each time with the same result. */
struct firmware_source {
	struct quarry *q;
	const char *name;
	/* Gives each range to @see. Errors are logged; what the first walk accepts, later ones do. */
	int (*walk)(const struct firmware_source *src, firmware_see_fn see, void *arg);
};

/* Adds memory and reservations of @src to memblock, or nothing. @info may be NULL. */
int firmware_apply(const struct firmware_source *src, struct quarry_firmware_info *info);

/* Whether memory or reserved has room for @more regions, and says so if not. */
int firmware_room(struct quarry *q, const char *name, const struct memblock_type *type,
		  unsigned long more);

/* Regions that firmware_reserve() adds to the list at most. */
unsigned long firmware_reserve_needs(struct quarry *q, phys_addr_t start, phys_addr_t size);
/* Reserves [@start, @end), gap by gap, where it is not yet; @loader: until quarry_firmware_release(). */
int firmware_reserve(struct quarry *q, phys_addr_t start, phys_addr_t end, bool loader);

/* Tells @see of a range that is in use. */
int firmware_see_used(firmware_see_fn see, void *arg, phys_addr_t start, phys_addr_t size,
		      enum firmware_kind kind);

/* Logs the line and returns @err. */
int firmware_fail(struct quarry *q, int err, const char *fmt, ...) QUARRY_PRINTF(3, 4);
/* Logs the line, as a warning. */
void firmware_warn(struct quarry *q, const char *fmt, ...) QUARRY_PRINTF(2, 3);

/* The outputs of @info are what an empty description gives; @info may be NULL. */
void firmware_begin_info(struct quarry_firmware_info *info);
/* The command line is the text of up to @size bytes at @text, which a 0 may end sooner. */
void firmware_cmdline(struct quarry_firmware_info *info, const uint8_t *text, size_t size);

/* Module number @info->nr_modules; the first is the RAM disk. */
void firmware_module(struct quarry_firmware_info *info, struct quarry_range module);

/* efi.c: 0, or an error that was logged; then whether entry @i of @map means something, and what. */
struct firmware_efi {
	const uint8_t *map;
	size_t count, stride;
};

int firmware_efi_check(struct quarry *q, struct firmware_efi *efi, const void *map, size_t size,
		       size_t stride, uint32_t version);
/* Gives all ranges to @see. */
int firmware_efi_walk(const struct firmware_efi *efi, firmware_see_fn see, void *arg);

/* What an entry of an E820 map says, by its first 20 bytes: e820.c. */
void firmware_e820_range(struct firmware_range *r, const uint8_t *entry);

/* @size bytes at @phys, by @memory or the direct map of @q; NULL if they cannot be read. */
const uint8_t *firmware_map(struct quarry *q, const struct quarry_firmware_memory *memory,
			    phys_addr_t phys, size_t size);

/* Exclusive end of a range that does not wrap; that of the last byte is not used, as in memblock. */
static inline phys_addr_t firmware_end(phys_addr_t start, phys_addr_t size)
{
	return size > ~(phys_addr_t)0 - start ? ~(phys_addr_t)0 : start + size;
}

/* Whether [@start, @start + @size) and [@start2, @start2 + @size2) meet. */
static inline bool firmware_meet(phys_addr_t start, phys_addr_t size, phys_addr_t start2,
				 phys_addr_t size2)
{
	return start < firmware_end(start2, size2) && start2 < firmware_end(start, size);
}

#endif
