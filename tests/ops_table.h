/* SPDX-License-Identifier: MIT */
/* The language of ops.h: what operations there are, and what their arguments can be. */
#ifndef TESTS_OPS_TABLE_H
#define TESTS_OPS_TABLE_H

#include "ops.h"

/* Kinds of arguments. */
enum ops_arg_kind {
	OPS_NONE,
	OPS_SCALE,
	OPS_UNIT, /* units of memblock's map */
	OPS_UNITS,
	OPS_NODE,
	OPS_FLAG,
	OPS_ALIGN,
	OPS_CPU,
	OPS_CPUS,
	OPS_ORDER,
	OPS_GFP,
	OPS_PFN, /* of the machine's frames, modulo their number */
	OPS_COUNT,
	OPS_FEW,
	OPS_BYTES,
	OPS_BLOCK, /* memory blocks */
	OPS_HOW,
	OPS_TUNABLE,
	OPS_VALUE,
	OPS_CACHE_KIND,
	OPS_NTH,
	OPS_SLOT_PAGES,
	OPS_SLOT_OBJECT,
	OPS_SLOT_CACHE,
	OPS_SLOT_MOVABLE,
	OPS_SLOT_RANGE,
	OPS_SLOT_ISOLATED,
	OPS_SLOT_BOOT,
	OPS_ARG_KINDS
};

struct ops_arg {
	uint32_t below;
	char prefix;
	const char *const *names;
};

enum ops_stage { OPS_ALWAYS, OPS_BOOT, OPS_UP };

struct ops_desc {
	const char *name;
	unsigned int weight; /* in random programs */
	enum ops_stage stage;
	uint8_t makes; /* the argument, from 1, that names the slot of the result; 0: none */
	bool (*run)(struct ops_world *w, const uint32_t *arg);
	enum ops_arg_kind arg[OPS_ARGS];
};

extern const struct ops_arg ops_args[OPS_ARG_KINDS];
extern const struct ops_desc ops_table[];
extern const unsigned int ops_nr; /* in it */

#endif
