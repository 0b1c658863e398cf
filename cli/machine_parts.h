/* SPDX-License-Identifier: MIT */
/* Between the files that make a machine: machine.c calls, in this order. */
#ifndef CLI_MACHINE_PARTS_H
#define CLI_MACHINE_PARTS_H

#include <machine.h>

/* An error about the map, to the machine's diag or standard error. */
void machine_error(const struct machine *m, const char *fmt, ...) UTIL_PRINTF(2, 3);

/* machine_nodes.c: from m->table to m->ram, m->nr_nodes, m->distance. */
void machine_split_nodes(struct machine *m, struct diag *diag);
/* m->nr_cpus and m->cpu_node. */
void machine_set_cpus(struct machine *m, const struct machine_options *o);

/* machine_reserve.c: flags and reservations of a memblock that has the memory. Returns a status. */
int machine_reserve(struct machine *m, struct diag *diag);

/* What Linux had freed when init started: its RAM disk, and of its image what is for starting it. */
void machine_free_started(struct machine *m);

/* machine.c: ends of ZONE_DMA and ZONE_DMA32 in bytes, 0: there is none. */
void machine_zone_limits(const struct machine *m, uint64_t *dma, uint64_t *dma32);

#endif
