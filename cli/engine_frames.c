/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <bigtable.h>
#include <engine_frames.h>

#define FRAMES_GROUP_BYTES ((FRAMES_MAX >> FRAMES_GROUP_BITS) * sizeof(uint32_t))
#define FRAMES_FRAME_BYTES (((size_t)FRAMES_MAX_GROUPS << FRAMES_GROUP_BITS) * sizeof(struct frame))
#define FRAMES_OBJECT_BYTES (FRAMES_MAX_PLACES * sizeof(uint64_t))

_Static_assert(sizeof(struct frame) == 16, "four records to a cache line");

void frames_init(struct frames *fs)
{
	memset(fs, 0, sizeof(*fs));
	bigtable_init(&fs->groups, FRAMES_GROUP_BYTES, "the groups of recorded page frames");
	bigtable_init(&fs->frames, FRAMES_FRAME_BYTES, "the table of recorded page frames");
	bigtable_init(&fs->objects, FRAMES_OBJECT_BYTES, "the table of recorded objects");
	fs->group = (uint32_t *)(void *)fs->groups.p;
	fs->frame = (struct frame *)(void *)fs->frames.p;
	fs->object = (uint64_t *)(void *)fs->objects.p;
	fs->nr_groups = 1;
	fs->nr_places = FRAMES_PLACES;
}

void frames_warm(struct frames *fs)
{
	bigtable_reach(&fs->groups, sizeof(fs->group[0]));
	bigtable_reach(&fs->frames, sizeof(fs->frame[0]));
	bigtable_reach(&fs->objects, sizeof(fs->object[0]));
}

void frames_free(struct frames *fs)
{
	bigtable_free(&fs->groups);
	bigtable_free(&fs->frames);
	bigtable_free(&fs->objects);
}

bool frames_add_group(struct frames *fs, uint64_t pfn)
{
	if (fs->nr_groups == FRAMES_MAX_GROUPS)
		return false;
	fs->group[pfn >> FRAMES_GROUP_BITS] = fs->nr_groups++;
	bigtable_reach(&fs->frames,
		       ((size_t)fs->nr_groups << FRAMES_GROUP_BITS) * sizeof(struct frame));
	return true;
}

/* 2^@class empty places; 0: there are too many. */
static uint32_t frames_places(struct frames *fs, unsigned int class)
{
	const uint32_t nr = 1u << class, line = nr < 8 ? nr : 8;
	uint32_t first = fs->free[class];

	if (first != 0) {
		fs->free[class] = (uint32_t)fs->object[first];
		fs->object[first] = 0;
		return first;
	}
	first = (fs->nr_places + line - 1) / line * line;
	if (first > FRAMES_MAX_PLACES - nr)
		return 0;
	fs->nr_places = first + nr;
	bigtable_reach(&fs->objects, fs->nr_places * sizeof(uint64_t));
	return first;
}

static void frames_give_places(struct frames *fs, struct frame *f)
{
	fs->object[f->objects] = fs->free[f->class];
	fs->free[f->class] = f->objects;
	f->objects = 0;
	f->scale = 0;
}

/* Give @f places for objects @stride apart; those that it has stay. False: there are too many. */
static bool frames_place_objects(struct frames *fs, struct frame *f, unsigned int stride)
{
	struct frame old = *f;
	unsigned int scale = ((1u << 15) + stride - 1) / stride, class = 0;

	while (1u << class <= (FRAMES_PLACES - 1) * scale >> 15)
		class ++;
	f->objects = frames_places(fs, class);
	if (f->objects == 0) {
		f->objects = old.objects;
		return false;
	}
	f->scale = (uint16_t)scale;
	f->class = (uint8_t) class;
	if (old.objects == 0)
		return true;
	for (uint32_t i = 0; i < 1u << old.class; i++) {
		uint64_t value = fs->object[old.objects + i];

		fs->object[old.objects + i] = 0;
		if (value != 0)
			*frames_place(fs, f, value & FRAMES_OFFSET_MASK) = value;
	}
	frames_give_places(fs, &old);
	return true;
}

uint64_t *frames_make_place(struct frames *fs, struct frame *f, unsigned int offset,
			    unsigned int stride)
{
	/* Of two that want one place, one is not where the others of its kind are. */
	if (!frames_place_objects(fs, f, f->objects == 0 ? stride : 1))
		return NULL;
	return frames_place(fs, f, offset);
}

void frames_trim(struct frames *fs, struct frame *f)
{
	for (uint32_t i = 0; f->objects != 0 && i < 1u << f->class; i++) {
		if (fs->object[f->objects + i] != 0)
			return;
	}
	if (f->objects != 0)
		frames_give_places(fs, f);
}
