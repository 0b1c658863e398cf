/* SPDX-License-Identifier: MIT */
/* Firmware memory maps: e820, EFI, /proc/iomem, SRAT, memblock=debug logs as Linux prints them, and
 * devicetrees. */
#ifndef CLI_MAP_H
#define CLI_MAP_H

#include <quarry/types.h>
#include <util.h>

/* e820 types; where ranges overlap, the numerically largest wins, as in Linux. */
enum map_type {
	MAP_RAM = 1,
	MAP_RESERVED = 2,
	MAP_ACPI = 3,
	MAP_NVS = 4,
	MAP_UNUSABLE = 5,
	MAP_PMEM = 7,
	MAP_PRAM = 12,
};
#define MAP_SOFT_RESERVED 0xefffffffu

/* Where the map of RAM is taken from. */
enum map_source {
	MAP_SOURCE_AUTO, /* the first of the following that the file has */
	MAP_SOURCE_E820,
	MAP_SOURCE_EFI,
	MAP_SOURCE_IOMEM,
	MAP_SOURCE_MEMBLOCK,   /* memblock_add lines of a debug log */
	MAP_SOURCE_DEVICETREE, /* the /memory nodes; such a file has no other source */
	MAP_NR_SOURCES
};

/* Whose rules for zones and for mem= hold. */
enum map_arch {
	MAP_ARCH_UNKNOWN, /* the map does not say */
	MAP_ARCH_X86_64,
	MAP_ARCH_ARM64,
	MAP_ARCH_RISCV64,
	MAP_NR_ARCHS
};

/* What a reservation is for. */
enum map_reserve { MAP_RESERVE_RAMDISK, MAP_RESERVE_KERNEL, MAP_RESERVE_CRASH, MAP_RESERVE_OTHER };

/* Bounds on what a map may hold; more is an error. */
#define MAP_MAX_BYTES ((size_t)64 << 20)
#define MAP_MAX_LINE ((size_t)64 << 10)
#define MAP_MAX_RANGES 100000
#define MAP_MAX_UPDATES 1000 /* "e820: update" and "e820: remove" lines */

/* Half-open. */
struct map_range {
	uint64_t start, end;
	uint32_t type;
	unsigned int line; /* of the file; 0: not from the file */
};

struct map_table {
	struct map_range *r;
	size_t nr, cap;
};

/* One SRAT memory line. */
struct map_srat {
	uint64_t start, end;
	int nid;
	bool hotplug, nonvolatile;
	unsigned int line;
};

/* What was done to memblock, in order. */
enum map_op_kind { MAP_OP_RESERVE, MAP_OP_FREE, MAP_OP_ADD, MAP_OP_REMOVE };

struct map_op {
	enum map_op_kind kind;
	uint64_t start, end;
	unsigned int line;
	unsigned int list; /* the how manieth list of reserved regions it stands in; 0: a call */
	bool allocated;    /* by a call that the log tells of; else somebody reserved by himself */
};

/* A change that the kernel made to the e820 table and logged. */
struct map_update {
	uint64_t start, end;
	uint32_t from, to; /* to 0: removed */
	unsigned int line;
};

/* A child of /reserved-memory. */
enum map_resmem_kind {
	MAP_RESMEM_RESERVED,
	MAP_RESMEM_NOMAP, /* not in the kernel's direct map */
	MAP_RESMEM_CMA,   /* lent to movable pages: "shared-dma-pool" that is reusable */
};

struct map_resmem {
	char name[48];
	enum map_resmem_kind kind;
	bool cma_default;
	bool dynamic;                  /* the kernel chooses its place */
	uint64_t start, end;           /* not dynamic: one range of reg */
	uint64_t size, align;          /* dynamic; align 0: any */
	size_t first_range, nr_ranges; /* dynamic: of map.alloc_ranges; none: anywhere */
};

/* What one node says about its distance to each node that has such a line. */
struct map_distance_row {
	int nid;
	unsigned int nr, line;
	uint8_t to[QUARRY_MAX_NODES];
};

#define MAP_EXPECT_ZONES 512

/* What Linux made of the map: results, for comparison, never input. */
struct map_expected {
	struct map_range zone_range[8]; /* type: 0 DMA, 1 DMA32, 2 Normal, 3 Movable, 4 Device */
	size_t nr_zone_ranges;          /* those that are not empty */
	struct map_table node_ranges;   /* type: the node */
	uint64_t totalpages[QUARRY_MAX_NODES];        /* ~0: not said */
	uint64_t available_kb, total_kb, reserved_kb; /* of the "Memory:" line; ~0: not said */
	uint64_t
		freed_kb; /* sum of the "Freeing ... memory" lines after it, released_kb included */
	struct map_expect_zone {
		int nid;
		char name[8];
		uint64_t min, low, high, spanned, present, managed, start_pfn;
	} * zones;
	size_t nr_zones;
};

struct map {
	char *path;
	char *title;   /* the first comment that is not a format mark; may be NULL */
	char *cmdline; /* the kernel's own command line, for information; may be NULL */
	size_t nr_lines, nr_ignored, nr_ranges;

	struct map_table by_source[MAP_NR_SOURCES]; /* as read, in file order */
	enum map_source source;                     /* the one that counts */

	struct map_table reserve; /* RAMDISK, kernel image, crash kernel; type: enum map_reserve */
	struct map_table listed; /* memory of the last list of memblock's regions; type: the node */
	struct map_table late;   /* freed by memblock itself when it was done: its grown arrays */
	struct map_table nested; /* "Reserved" inside "System RAM" of iomem, moved to reserve */
	struct map_srat *srat;
	size_t nr_srat, cap_srat;
	int *cpu_node; /* by "SRAT: PXM n -> APIC m -> Node k", in order */
	size_t nr_cpu_nodes, cap_cpu_nodes;
	unsigned int
		bad_node; /* the first line that names a node more than there can be; 0: none */
	unsigned int possible_cpus; /* CPUs that Linux had room for (nr_cpu_ids); 0: not said */
	unsigned int logged_cpus;   /* CPUs that the log says Linux set up; 0: not said */
	struct map_op *ops;
	size_t nr_ops, cap_ops;
	bool has_dump;         /* the log lists the reserved regions: early ones are in ops too */
	unsigned int nr_lists; /* such lists */
	bool handed_over;      /* the log has come to where the page allocator took over */
	uint64_t released_kb;  /* of its image that the kernel freed before it set watermarks */
	uint64_t unused_kb;    /* of its image that it freed before user space */
	bool initrd_freed;     /* and its RAM disk */
	uint64_t cma_kb;       /* reserved, but lent to the page allocator */
	struct map_table cma;  /* where that is, if the log says it */
	struct map_update *updates;
	size_t nr_updates, cap_updates;
	struct map_expected expected;

	struct map_table mirror;       /* mirrored memory, by EFI's attributes */
	struct map_table hotplug;      /* memory that may be unplugged, by SRAT or devicetree */
	struct map_distance_row *rows; /* as read */
	size_t nr_rows, cap_rows;
	uint8_t *
		distance; /* nr_distance x nr_distance, row by row; 0: not said; NULL: nothing is */
	unsigned int nr_distance;
	enum map_arch arch; /* that the text betrays */
	/* devicetree alone */
	struct map_resmem *resmem; /* in the order of the tree */
	size_t nr_resmem, cap_resmem;
	struct map_table alloc_ranges;
	struct map_table usable; /* linux,usable-memory-range: memory outside does not count */
};

/*
 * Read @path ("-": standard input) into @map, taking RAM from @source. Messages go to @diag.
 * Returns CLI_OK, or CLI_INPUT with @map empty. map_free() is allowed on either.
 */
int map_load(struct map *map, const char *path, enum map_source source, struct diag *diag);

/* map_load() of @len bytes at @text; @path is for messages. */
int map_parse(struct map *map, const char *path, const char *text, size_t len,
	      enum map_source source, struct diag *diag);
void map_free(struct map *map);

/* "e820", "efi", "iomem", "memblock", "devicetree", "auto". */
const char *map_source_name(enum map_source source);
/* MAP_NR_SOURCES if there is none of that name. */
enum map_source map_source_by_name(const char *name);
/* "x86_64", "arm64", "riscv64", "auto" for the unknown; MAP_NR_ARCHS if there is none of that name. */
const char *map_arch_name(enum map_arch arch);
enum map_arch map_arch_by_name(const char *name);
/* Note that node @from is @distance away from node @to; both below QUARRY_MAX_NODES. */
void map_set_distance(struct map *map, int from, int to, uint8_t distance);
/* "usable", "reserved", "ACPI data", "persistent (type 7)", "type 20", as Linux prints them. */
const char *map_type_name(uint32_t type, char *buf, size_t size);

/* Tables: the four operations of Linux's e820 code. They keep no order; map_table_update() makes
 * it. */
void map_table_add(struct map_table *t, uint64_t start, uint64_t end, uint32_t type,
		   unsigned int line);
/* Remove [start, end) from entries of @type, or of any type if @type is 0. */
void map_table_remove(struct map_table *t, uint64_t start, uint64_t end, uint32_t type);
/* Entries of type @from become @to within [start, end). Returns the bytes that changed. */
uint64_t map_table_change(struct map_table *t, uint64_t start, uint64_t end, uint32_t from,
			  uint32_t to);
/* Sort, resolve overlaps (largest type wins), merge. Warns about each to @diag, which may be NULL.
 */
void map_table_update(struct map_table *t, const char *file, struct diag *diag);
void map_table_copy(struct map_table *to, const struct map_table *from);
void map_table_free(struct map_table *t);
/* Bytes of @type. */
uint64_t map_table_bytes(const struct map_table *t, uint32_t type);

#endif
