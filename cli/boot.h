/* SPDX-License-Identifier: MIT */
/* What the boot verb prints, for others that boot a machine first. */
#ifndef CLI_BOOT_H
#define CLI_BOOT_H

#include <machine.h>
#include <stdio.h>

/* Where and how a boot log is written. */
struct boot_log {
	FILE *out;
	uint64_t start_ns; /* of the time stamps */
	bool verbose;      /* every entry of every list */
	bool quiet;        /* the summary alone */
};

/* machine_options.on_map and .log with a struct boot_log as log_ctx. */
void boot_log_map(void *log, const struct machine *m);
void boot_log_line(void *log, enum quarry_log_level level, const char *line);
/* Between machine_prepare() and machine_boot(): memblock's lists. */
void boot_log_memblock(struct boot_log *log, struct machine *m);
/* After machine_boot(): nodes, zones, zonelists, the summary. */
void boot_log_zones(struct boot_log *log, struct machine *m);

#endif
