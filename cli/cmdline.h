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
};

struct cmdline_op {
	enum cmdline_op_kind kind;
	uint64_t start, end;
	uint32_t type; /* enum map_type */
};

/* A share of RAM: bytes, or percent if that is not 0. */
struct cmdline_share {
	uint64_t bytes;
	unsigned int percent;
};

struct cmdline {
	struct cmdline_op *ops;
	size_t nr_ops, cap_ops;
	struct cmdline_share kernelcore, movablecore;
	bool numa_off;
	unsigned int numa_fake;              /* nodes; 0: not asked for */
	uint64_t min_free_kbytes;            /* 0: not given */
	unsigned int watermark_scale_factor; /* 0: not given */
	unsigned int lowmem_reserve_ratio[4];
	bool set_lowmem_reserve_ratio;
	bool no_thp;
	bool memblock_debug;
	unsigned int nr_cpus;  /* limit; 0: none */
	struct strbuf unknown; /* parameters without a meaning here, separated by spaces */
};

/*
 * Parse @text (NULL: empty) into @c. A bad value is an error in @diag and CLI_INPUT; unknown
 * parameters are collected and warned about. cmdline_free() is allowed on either result.
 */
int cmdline_parse(struct cmdline *c, const char *text, struct diag *diag);
void cmdline_free(struct cmdline *c);

#endif
