/* SPDX-License-Identifier: MIT */
/*
 * The page frames of the recorded machine: the blocks that they are in, and the objects that lie in them.
 *
 * Problem	Each event of a recording names a frame or an object in one, and asks what is known of it. A hash
 *		table scatters what lies together; the kernel that was recorded did not: objects of a slab lie side
 *		by side, and blocks in rows.
 *
 * Picture	group[pfn >> 6] -> 64 records, one for each frame -> objects[] of the frame
 *
 *		The places of a frame's objects are as far apart as the first object seen there was large, so that
 *		8 of them share a cache line. Where that turns out to be too coarse, because two objects want one
 *		place, the frame gets a place for every 8 bytes.
 *
 * Empty	Group 0 and places 0 to 511 are never written: so what is not there reads as 0 like what is empty, and
 *		a look-up needs no branch.
 *
 * Bounds	FRAMES_MAX frames have a record, those whose group was ever touched have memory: 16 bytes for a
 *		page, and 8 for each place of an object. A frame's places are given back when its block is freed
 *		and no object is left in it.
 */
#ifndef CLI_ENGINE_FRAMES_H
#define CLI_ENGINE_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <bigtable.h>

#define FRAMES_GROUP_BITS 6
#define FRAMES_GROUP ((uint64_t)1 << FRAMES_GROUP_BITS)
#define FRAMES_MAX ((uint64_t)1 << 34) /* 64 TiB: x86-64 has no more */
#define FRAMES_MAX_GROUPS (1u << 21)   /* 512 GiB of them */
#define FRAMES_MAX_PLACES (1u << 28)   /* of objects */
#define FRAMES_PLACE_BITS 9            /* of one frame, at most: one every 8 bytes */
#define FRAMES_PLACES (1u << FRAMES_PLACE_BITS)
#define FRAMES_OFFSET_MASK ((uint64_t)FRAMES_PLACES - 1)
#define FRAMES_CLASSES 10 /* of numbers of places: powers of two */

/* Bits of struct frame.bits. */
#define FRAME_LIVE 1u       /* in a block that is alive */
#define FRAME_OURS 2u       /* and that block was replayed */
#define FRAME_SEEN 4u       /* was allocated or freed before */
#define FRAME_OLDER 8u      /* a slab from before the recording that is known to the population */
#define FRAME_ORDER_SHIFT 4 /* of that block, above */

struct frame {
	uint64_t block;   /* BLOCK_*, if a block starts here; 0: none does */
	uint32_t objects; /* number of its first place; 0: it has none */
	uint16_t
		scale; /* place of an object: its offset in units of 8 bytes times this, over 2^15 */
	uint8_t class; /* log2 of the number of places */
	uint8_t bits;  /* FRAME_* */
};

struct frames {
	uint32_t *group;     /* by pfn over FRAMES_GROUP; 0: none */
	struct frame *frame; /* of each group, one after the other */
	uint64_t *
		object; /* places: 0 is empty; in the low 9 bits the object's offset, in units of 8 bytes */
	uint32_t nr_groups, nr_places;
	struct bigtable groups, frames, objects;
	uint32_t free
		[FRAMES_CLASSES]; /* places given back: the first, the next in place 0; 0: none */
};

void frames_init(struct frames *fs);
/* Take now the memory that the first blocks and objects will need. */
void frames_warm(struct frames *fs);
void frames_free(struct frames *fs);

/* The record of @pfn, below FRAMES_MAX, to read. */
static inline struct frame *frames_at(const struct frames *fs, uint64_t pfn)
{
	return &fs->frame[(uint64_t)fs->group[pfn >> FRAMES_GROUP_BITS] << FRAMES_GROUP_BITS |
			  (pfn & (FRAMES_GROUP - 1))];
}

/* Whether @f is in group 0, that is of no frame. */
static inline bool frames_is_none(const struct frames *fs, const struct frame *f)
{
	return f < fs->frame + FRAMES_GROUP;
}

/* Give the group of @pfn its records; false: there are too many. */
bool frames_add_group(struct frames *fs, uint64_t pfn);

/* The record of @pfn, below FRAMES_MAX, to write; NULL: there are too many. */
static inline struct frame *frames_get(struct frames *fs, uint64_t pfn)
{
	if (__builtin_expect(fs->group[pfn >> FRAMES_GROUP_BITS] == 0, 0) &&
	    !frames_add_group(fs, pfn))
		return NULL;
	return frames_at(fs, pfn);
}

/* The place of an object at @offset, in units of 8 bytes. */
static inline uint64_t *frames_place(const struct frames *fs, const struct frame *f,
				     unsigned int offset)
{
	return &fs->object[f->objects + (offset * f->scale >> 15)];
}

/* Take the object at @offset away; what was put there, 0: there is none. */
static inline uint64_t frames_take(struct frames *fs, const struct frame *f, unsigned int offset)
{
	uint64_t *place = frames_place(fs, f, offset), value = *place;

	if (value == 0 || (value & FRAMES_OFFSET_MASK) != offset)
		return 0;
	*place = 0;
	return value;
}

/* The slow part of frames_put(). */
uint64_t *frames_make_place(struct frames *fs, struct frame *f, unsigned int offset,
			    unsigned int stride);

/*
 * Put @value, whose low 9 bits are 0 and which is not 0, at @offset, where there is none. Objects of this kind are
 * @stride apart, 1 to FRAMES_PLACES, in units of 8 bytes as @offset. False: there are too many.
 */
static inline bool frames_put(struct frames *fs, struct frame *f, unsigned int offset,
			      unsigned int stride, uint64_t value)
{
	uint64_t *place = frames_place(fs, f, offset);

	if (__builtin_expect(f->objects == 0 || *place != 0, 0)) {
		place = frames_make_place(fs, f, offset, stride);
		if (place == NULL)
			return false;
	}
	*place = value | offset;
	return true;
}

/* The block of @f was freed: its places too, if they are empty. */
void frames_trim(struct frames *fs, struct frame *f);

#endif
