/* SPDX-License-Identifier: MIT */
/* Kernel parameters that have a meaning for memory, as Linux spells them. */
#ifndef CLI_CMDLINE_H
#define CLI_CMDLINE_H

#include <util.h>

/* A change of the memory map by mem= or memmap=, in the order in which they stand. */
enum cmdline_op_kind {
	CMDLINE_LIMIT,    /* mem=SIZE, memmap=SIZE: no RAM at or above start */
	CMDLINE_EXACTMAP, /* forget the firmware's map */
	CMDLINE_ADD,      /* [start, end) becomes an entry of that type */
	CMDLINE_CHANGE, /* within [start, end), entries of type from (0: all) become type (0: go) */
};

struct cmdline_op {
	enum cmdline_op_kind kind;
	uint64_t start, end;
	uint32_t type; /* enum map_type */
	uint32_t from; /* CMDLINE_CHANGE */
	bool memmap;   /* CMDLINE_LIMIT: by memmap=, not mem= */
};

/* A share of RAM: bytes, or percent if that is not 0. */
struct cmdline_share {
	uint64_t bytes;
	unsigned int percent;
};

/* How numa=fake= cuts memory into nodes. */
enum cmdline_fake {
	CMDLINE_FAKE_NONE,
	CMDLINE_FAKE_NODES,   /* N nodes of about equal size */
	CMDLINE_FAKE_SIZE,    /* nodes of numa_fake_size bytes */
	CMDLINE_FAKE_UNIFORM, /* each node of the machine in N equal parts */
};

/* reserve_mem=SIZE:ALIGN:NAME */
#define CMDLINE_MAX_NAMED 8
#define CMDLINE_NAME_SIZE 16

struct cmdline_named {
	uint64_t size, align;
	char name[CMDLINE_NAME_SIZE];
};

/* crashkernel=: a size for each amount of RAM; one range for the plain form. */
#define CMDLINE_MAX_CRASH 16

struct cmdline_crash {
	struct {
		uint64_t start, end, size; /* of RAM; what is reserved then */
	} range[CMDLINE_MAX_CRASH];
	size_t nr;
	bool fixed; /* at base, nowhere else */
	uint64_t base;
	bool high; /* ",high": anywhere */
	bool set_low;
	uint64_t low; /* ",low": below 4 GiB, beside one above */
};

/* A tunable that init writes, after boot. */
struct cmdline_sysctl {
	char *name, *value;
};

/* cma=: the default CMA area; a size of 0: none. */
struct cmdline_cma {
	bool set;
	uint64_t size, base, limit; /* base and limit 0: no matter */
};

struct cmdline {
	struct cmdline_op *ops;
	size_t nr_ops, cap_ops;
	struct cmdline_share kernelcore, movablecore;
	bool numa_off, numa_noacpi;
	unsigned int numa_fake; /* nodes; 0: not asked for, or by size */
	uint64_t
		numa_fake_asked; /* more nodes than there can be, reduced to numa_fake; 0: not so */
	enum cmdline_fake numa_fake_kind;
	uint64_t numa_fake_size;
	struct strbuf numa_fake_distances; /* what follows its colon: "10,20," */
	bool kernelcore_mirror;
	bool movable_node;
	bool hugepages; /* asked for; ignored */
	bool memtest;   /* asked for; there is nothing to find */
	struct cmdline_named named[CMDLINE_MAX_NAMED];
	size_t nr_named;
	struct cmdline_crash crash;
	struct cmdline_cma cma;
	uint64_t min_free_kbytes; /* as given, even 0, if set_min_free_kbytes */
	bool set_min_free_kbytes;
	unsigned int watermark_scale_factor; /* 0: not given */
	unsigned int lowmem_reserve_ratio[4];
	bool set_lowmem_reserve_ratio;
	bool no_thp;
	struct cmdline_sysctl *sysctls; /* sysctl.vm.NAME=VALUE, in their order */
	size_t nr_sysctls;
	bool memblock_debug;
	unsigned int nr_cpus;     /* limit; 0: none */
	struct strbuf slab_debug; /* what slab_debug= or slub_debug= says, the last one */
	bool set_slab_debug;
	struct strbuf failslab;   /* for quarry_failslab() */
	struct strbuf page_debug; /* those of quarry_page_debug(), separated by spaces */
	struct strbuf unknown;    /* parameters without a meaning here, separated by spaces */
};

/*
 * Parse @text (NULL: empty) into @c. A bad value is an error in @diag and CLI_INPUT; unknown
 * parameters are collected and warned about. cmdline_free() is allowed on either result.
 */
int cmdline_parse(struct cmdline *c, const char *text, struct diag *diag);
/* Bytes that crashkernel= wants of a machine with @ram bytes; 0: none. */
uint64_t cmdline_crash_size(const struct cmdline *c, uint64_t ram);
void cmdline_free(struct cmdline *c);

#endif
