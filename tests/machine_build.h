/* SPDX-License-Identifier: MIT */
/* Machines for tests: memory, holes, nodes and CPUs in one literal; reports counted, validators run. */
#ifndef TESTS_MACHINE_BUILD_H
#define TESTS_MACHINE_BUILD_H

#include <quarry/posix.h>

#define MACHINE_KIB ((phys_addr_t)1 << 10)
#define MACHINE_MIB ((phys_addr_t)1 << 20)
#define MACHINE_GIB ((phys_addr_t)1 << 30)

/* [start, end) in bytes. */
struct machine_range {
	phys_addr_t start, end;
	int nid;
};

enum machine_port {
	MACHINE_POSIX,   /* quarry_posix_new(); tables outside */
	MACHINE_COUNTED, /* own port; tables outside, counted, and refused when the budget is spent */
	MACHINE_INSIDE, /* own port with real RAM; tables come out of the managed memory */
};

#define MACHINE_RANGES 64

/* What to build. Lists end with an empty range. */
struct machine_spec {
	struct machine_range memory[MACHINE_RANGES];
	struct machine_range reserved[MACHINE_RANGES];
	enum machine_port port;
	size_t ram_bytes; /* real memory from address 0 on; 0: simulated (not for MACHINE_INSIDE) */
	bool concurrent;
	bool no_barrier; /* MACHINE_POSIX: CPUs fence for themselves */
	long budget; /* MACHINE_COUNTED: tables that meta_alloc gives before it refuses; -1: all */
	/* The port's, for machines with an own port; ctx is the struct machine. */
	void (*wake)(void *ctx, int nid, unsigned int order);
	unsigned long (*reclaim)(void *ctx, int nid, gfp_t gfp, unsigned int order,
				 unsigned long nr_pages);
	unsigned long (*reclaimable)(void *ctx, int nid, enum quarry_zone_type zone);
	bool (*oom)(void *ctx, int nid, gfp_t gfp, unsigned int order);
	void (*wait)(void *ctx, int nid);
	struct quarry_task *(*task)(void *ctx);
	int (*accept)(void *ctx, phys_addr_t phys, phys_addr_t size_bytes);
	uint64_t (*now)(void *ctx);
	void (*log)(void *ctx, enum quarry_log_level level, const char *line);
	struct quarry_boot_params boot;
};

struct machine {
	struct quarry *q;
	unsigned int reports; /* damage reports since machine_init() */
	char last_report[256];
	/* of the own ports */
	bool own;
	void *storage;
	unsigned char *ram;
	size_t ram_bytes;
	long budget;
	unsigned long refuse_one; /* the table that is refused, alone, counted from 1; 0: none */
	size_t refuse_below; /* smaller tables are refused: those of CPUs, but not descriptors */
	unsigned long tables_out, tables_given, tables_refused;
	bool fail_storage; /* MACHINE_INSIDE: quarry's tables cannot be reached */
	void *hook;        /* for the test's own wake and reclaim */
	/* MACHINE_COUNTED: runs before a table of more than 64 KiB is given, or any; another CPU, say. */
	void (*before_table)(struct machine *m);
	bool before_any;
};

/* Up to QUARRY_STAGE_BOOT, memory and reservations known to memblock, or bootmem if the spec's boot says so. */
void machine_init(struct machine *m, const struct machine_spec *spec);
/* machine_init() and a boot that must work. */
void machine_build(struct machine *m, const struct machine_spec *spec);
/* Throws it away; no table of a counted machine may be left. */
void machine_fini(struct machine *m);

/* All validators pass; fails the test with the first fault otherwise. */
void machine_check(struct machine *m);
/* As a question; the first fault goes to @why, which has room for 256. */
bool machine_is_sound(struct machine *m, char *why);

/* Free blocks of all zones by order. */
void machine_free_blocks(struct machine *m, unsigned long nr_free[QUARRY_NR_ORDERS]);
/* Free pages of the buddy system, sheaves not counted. */
unsigned long machine_free_pages(struct machine *m);
void machine_assert_same_blocks(const unsigned long *a, const unsigned long *b);

/* A pseudo-random sequence. */
uint64_t machine_random(uint64_t *state);

#endif
