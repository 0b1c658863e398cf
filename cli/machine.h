/* SPDX-License-Identifier: MIT */
/* From a memory map and a kernel command line to a booted, simulated machine. */
#ifndef CLI_MACHINE_H
#define CLI_MACHINE_H

#include <cmdline.h>
#include <map.h>
#include <policy.h>
#include <quarry/posix.h>
#include <quarry/quarry.h>

struct machine;

struct machine_options {
	const char *map_path; /* "-": standard input */
	const char *map_text; /* the map itself, map_len bytes; NULL: read map_path */
	size_t map_len;
	const char *cmdline;         /* kernel parameters; NULL: none */
	const struct policy *policy; /* NULL: Linux's */
	enum map_source map_source;
	enum map_arch arch;    /* MAP_ARCH_UNKNOWN: what the map says, else x86_64 */
	bool bootmem;          /* boot by bootmem instead of memblock; the zones are the same */
	unsigned int nr_cpus;  /* --cpus; 0: what the log says, else 2 or one for each node */
	unsigned int min_cpus; /* not fewer, unless nr_cpus says so (CPUs of a trace); 0: no wish */
	bool concurrent;       /* more than one thread will call */
	bool quiet;            /* no warnings on standard error */
	struct diag *diag;     /* takes all messages; NULL: standard error does */
	/* The map is read and m->ram known, memblock still empty; NULL: nobody cares. */
	void (*on_map)(void *ctx, const struct machine *m);
	/* The library's log and damage reports; NULL: nowhere, and to log. */
	void (*log)(void *ctx, enum quarry_log_level level, const char *line);
	void (*report)(void *ctx, const char *line);
	void *log_ctx; /* of all three */
	/* Only the hooks of memory pressure: reclaim, reclaimable, oom, wake and hook_ctx; NULL: none. */
	const struct quarry_posix_options *hooks;
};

/* A change of the table between firmware and memblock, for the log. */
struct machine_change {
	uint64_t start, end;
	uint32_t from, to; /* to 0: removed */
};

/* A stretch of RAM that belongs to one node. */
struct machine_ram {
	uint64_t start, end;
	int nid;
};

/* A region of /reserved-memory, a crash kernel's, or a named one: where it came to lie. */
struct machine_reservation {
	char name[64];
	uint64_t start, end;
	const char *kind; /* "reserved", "no-map", "CMA", "crash kernel", "reserve_mem" */
	bool cma_default;
};

struct machine {
	struct quarry *q;
	struct diag *diag; /* from the options */
	const struct policy *policy;
	struct map map;
	struct cmdline cmdline;
	struct map_table table;      /* the map after the command line, sorted, without overlaps */
	struct map_table user_table; /* as mem= and memmap= left it; empty without them */
	bool pc;                     /* the first MiB is a PC's */
	struct machine_change *changes;
	size_t nr_changes;
	struct machine_ram *ram; /* as given to memblock */
	size_t nr_ram;
	int nr_nodes;            /* highest node number + 1, of RAM, CPUs, or SRAT */
	uint64_t possible_nodes; /* a bit for each that one of these names */
	unsigned int nr_cpus;
	int *cpu_node;           /* of each CPU; NULL: the library's default */
	unsigned int *node_cpus; /* CPUs of each node's mask; NULL: those of cpu_node */
	bool bootmem;
	phys_addr_t kernelcore, movablecore;
	uint64_t ram_bytes;
	enum map_arch arch; /* never MAP_ARCH_UNKNOWN */
	uint8_t *distance;  /* nr_distance x nr_distance; NULL: 10 and 20 */
	unsigned int nr_distance;
	size_t nr_phys_nodes;            /* ranges of memory that name a node; 0: no NUMA */
	bool fake;                       /* numa=fake= was carried out */
	int fake_node[QUARRY_MAX_NODES]; /* the real node of each fake one; -1: there is none */
	struct machine_reservation *reservations;
	size_t nr_reservations;
	/* Bytes that Linux let go after the hand-off: of its image, of memblock's arrays, for CMA. */
	uint64_t released, late, lent;
	uint64_t map_ns, memblock_ns,
		boot_ns; /* time taken by reading, by memblock, by quarry_boot() */
};

/*
 * Read the map, make the memory system, fill memblock (and bootmem). Messages go to standard error.
 * Returns CLI_OK; CLI_INPUT if map or command line are bad; CLI_FAILED if the host is out of
 * memory. Then @m holds nothing, and machine_destroy() is allowed but not needed.
 */
int machine_prepare(const struct machine_options *options, struct machine *m);

/* quarry_boot() with what the command line says. Results as machine_prepare(); @m stays to be
 * destroyed. */
int machine_boot(struct machine *m);

/* Both. On failure @m holds nothing. */
int machine_create(const struct machine_options *options, struct machine *m);
void machine_destroy(struct machine *m);

/*
 * What Linux prints as "Zone ranges:": [*start, *end) of DMA, DMA32 or NORMAL, in bytes, cut to the
 * RAM there is. False: empty. Needs only m->ram.
 */
bool machine_zone_range(const struct machine *m, enum quarry_zone_type zone, uint64_t *start,
			uint64_t *end);

#endif
