/* SPDX-License-Identifier: MIT */
/* Events whose address goes against what is alive in a replay: how many there were, and where the first. */
#ifndef CLI_COLLISIONS_H
#define CLI_COLLISIONS_H

#include <jansson.h>

#include <trace.h>

enum collision {
	COLLISION_OBJECT_ON_OBJECT, /* an object is given out where one is alive */
	COLLISION_BLOCK_ON_BLOCK,   /* a block is, over frames that are alive */
	COLLISION_OBJECT_ON_BLOCK,  /* an object is met in a block that was replayed */
	COLLISION_NO_OBJECT, /* an object is freed that is not alive, though its memory is the recording's */
	COLLISION_NO_BLOCK, /* a block is, as far as none of it is alive */
	COLLISION_NR
};

#define COLLISION_PLACES 5 /* of each kind */
#define COLLISION_NAME_MAX 80
#define COLLISION_WAS_MAX 64

struct collision_event {
	uint64_t number; /* from 1; 0: it is not known */
	uint8_t type;    /* enum trace_type */
	uint8_t order;
	char cache[COLLISION_NAME_MAX], site[COLLISION_NAME_MAX]; /* empty: not known */
};

struct collision_place {
	struct collision_event event;
	struct collision_event before; /* the last one before that took it or freed it */
	uint64_t time_ns;
	uint64_t line; /* of a text; else 0 */
	uint64_t addr;
	uint16_t cpu;
	char was[COLLISION_WAS_MAX]; /* what is alive there, in words; empty: nothing */
};

struct collisions {
	uint64_t count[COLLISION_NR];
	struct collision_place place[COLLISION_NR][COLLISION_PLACES];
};

/* One more of @kind, by @e, event number @event; its place, if it is one of the first, to be filled further; else NULL. */
struct collision_place *collisions_add(struct collisions *c, enum collision kind,
				       const struct trace *t, const struct trace_event *e,
				       uint64_t event);

/*
 * Read the recording at @path, of @format, again, up to the last place, and find what events came before. One that cannot
 * be read again, "-", is left alone.
 */
void collisions_look_back(struct collisions *c, const char *path, enum trace_format format);

void collisions_text(FILE *out, const struct collisions *c, const struct trace *t);
/* By kind: "count", "text", "effect", "places". */
json_t *collisions_json(const struct collisions *c, const struct trace *t);

#endif
