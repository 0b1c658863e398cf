/* SPDX-License-Identifier: MIT */
/*
 * One small language of operations for all layers, an interpreter that runs it on the library and on
 * textbook models side by side, and what is built on it: random programs that are shrunk when they fail, all
 * programs over a few operations, every Nth request or table refused.
 *
 * A program is a list of operations, "map 1; add 0 64 n0; boot 1; alloc 3 MOVABLE n0 -> p4; free p4". It begins with
 * memblock alone; boot makes a machine of what memblock knows then. Results go to slots, named by a letter
 * and a number; an operation whose slot is empty, or full, or that comes at another stage, does nothing, so that any part of a
 * program is a program.
 *
 *	p  blocks of pages		o  objects of caches and of kmalloc
 *	w  blocks that can be moved	c  caches
 *	r  ranges, CMA pages		i  isolated ranges
 *	b  blocks of memblock
 *
 * Policy, items of list_lru, mempools and what is unaccepted are one each, or go by number. "bootmem" hands memblock's
 * memory to bootmem; from then on to boot that is what is asked.
 *
 * failpage N, failslab N and failonetable N make the Nth request for pages, for objects or for one of
 * the library's tables fail that the next operation makes; failtable N all requests for tables from the Nth on.
 *
 * After each operation the validators pass, all slots hold what they held, and both sides agree: memblock's lists
 * unit by unit; where nothing lies in per-CPU sheaves, the state of every page frame, free blocks by zone, order and type,
 * and a refusal that may use every reserve only if there is no block for it; objects of each cache.
 */
#ifndef TESTS_OPS_H
#define TESTS_OPS_H

#include "machine_build.h"
#include "model_memblock.h"
#include "owner.h"

#define OPS_ARGS 4
#define OPS_WHY 400

struct ops_op {
	uint8_t kind;
	uint32_t arg[OPS_ARGS];
};

struct ops_list {
	struct ops_op *op;
	size_t n, room;
};

struct ops_world; /* the library, the models and the slots */

/* Where chance comes from: a number below @below, which is not 0. False in @end: there are no more. */
struct ops_source {
	uint64_t (*next)(struct ops_source *s, uint64_t below);
	uint64_t seed;
	const uint8_t *data;
	size_t size;
	bool end;
};

struct ops_source ops_random(uint64_t seed);
struct ops_source ops_bytes(const uint8_t *data, size_t size);

/* ---- the language ---- */

unsigned int ops_kinds(void);
const char *ops_name(unsigned int kind);
/* Adds the operations of @text; false: it is wrong from *@bad on. */
bool ops_parse(struct ops_list *l, const char *text, const char **bad);
/* The text of @l, to be freed. */
char *ops_print(const struct ops_list *l);
void ops_add(struct ops_list *l, const struct ops_op *op);
void ops_free(struct ops_list *l);

/* ---- the interpreter ---- */

struct ops_world *ops_begin(void);
/* Runs one operation. False: library and model part, ops_why() tells. */
bool ops_run(struct ops_world *w, const struct ops_op *op);
/* Gives all back; false: something is missing then. */
bool ops_end(struct ops_world *w);
void ops_delete(struct ops_world *w);
const char *ops_why(const struct ops_world *w);
/* An operation that makes sense now. */
struct ops_op ops_pick(struct ops_world *w, struct ops_source *s);
/* Its slots are full, that of its result empty. */
bool ops_does_something(const struct ops_world *w, const struct ops_op *op);
/* A state seen from outside: frames, types, sheaves, objects. */
uint64_t ops_hash(struct ops_world *w);
/* Of all that /proc shows of it. */
uint64_t ops_hash_texts(struct ops_world *w);
/* Adds what the last operation has led to: its state, and the counts of events. */
void ops_note(struct ops_world *w, uint64_t *digest);
/* Failures by will that have happened in this world. */
unsigned long ops_injected(struct ops_world *w);

/* ---- programs ---- */

/* Runs @l. Index of the operation that failed, l->n if the end did, -1: all is well. */
long ops_play(const struct ops_list *l, char *why);
/* The shortest program that still fails; what it was found by goes to the message. Does not return. */
void ops_shrink_and_fail(struct ops_list *l, const char *found_by);
/*
 * Runs a program of at most @n operations made from @s, as it is made, into @l. False: it failed. *@digest, unless
 * NULL, is of every state on the way.
 */
bool ops_try(struct ops_source s, size_t n, struct ops_list *l, uint64_t *digest);

/* A program as a test: OPS("map 1; add 0 64 n0; boot 1; alloc 2 KERNEL n0 -> p0"). */
#define OPS(text) ops_must_pass(text)
void ops_must_pass(const char *text);

#endif
