/* SPDX-License-Identifier: MIT */
/* CPUs and distances of a devicetree. */
#include "fdt.h"

/* ---- /cpus ---- */

static int fdt_cpu(const struct fdt *t, uint32_t node, uint32_t address_cells,
		   struct quarry_firmware_cpu *cpu)
{
	bool found;
	int err = fdt_number(t, node, "reg", address_cells, &cpu->id, &found);

	if (err == 0 && !found)
		err = firmware_fail(t->q, -QUARRY_EINVAL, "fdt: %s: a CPU without a reg",
				    fdt_node_name(t, node));
	return err == 0 ? fdt_node_id(t, node, &cpu->nid) : err;
}

static uint32_t fdt_first_cpu(const struct fdt *t, uint32_t *cpus)
{
	*cpus = fdt_named_child(t, fdt_root(t), "cpus", 4);
	return *cpus != 0 ? fdt_child(t, *cpus) : 0;
}

int quarry_firmware_fdt_cpus(struct quarry *q, const void *blob, size_t max,
			     quarry_firmware_cpu_fn fn, void *arg)
{
	struct quarry_firmware_cpu cpu;
	uint32_t a = 1, s = 0, cpus, node;
	struct fdt t;
	int err = fdt_open(&t, q, blob, max);

	if (err != 0)
		return err;
	node = fdt_first_cpu(&t, &cpus);
	if (cpus == 0)
		return firmware_fail(q, -QUARRY_ENXIO, "fdt: no /cpus");
	err = fdt_cells(&t, cpus, &a, &s);
	for (; node != 0 && err == 0; node = fdt_sibling(&t, node)) {
		if (!fdt_is(&t, node, "device_type", "cpu") || !fdt_available(&t, node))
			continue;
		err = fdt_cpu(&t, node, a, &cpu);
		if (err == 0)
			err = fn(arg, &cpu);
	}
	return err;
}

/* ---- distance-map ---- */

#define FDT_LOCAL 10u
#define FDT_REMOTE 20u

static int fdt_distance_map(const struct fdt *t, struct fdt_property *p)
{
	uint32_t node = fdt_root(t);

	while (node != 0 && !fdt_is(t, node, "compatible", "numa-distance-map-v1"))
		node = fdt_following(t, node);
	if (node == 0)
		return firmware_fail(t->q, -QUARRY_ENXIO, "fdt: no distance-map");
	*p = fdt_get(t, node, "distance-matrix");
	if (p->size == 0 || p->size % 12 != 0)
		return firmware_fail(t->q, -QUARRY_EINVAL,
				     "fdt: distance-matrix has %u bytes, expected a multiple of 12",
				     p->size);
	return 0;
}

/* Triples of from, to, distance. */
static int fdt_check_distances(const struct fdt *t, const struct fdt_property *p)
{
	for (const uint8_t *d = p->data; d < p->data + p->size; d += 12) {
		uint32_t a = firmware_be32(d), b = firmware_be32(d + 4), far = firmware_be32(d + 8);

		if (a >= QUARRY_MAX_NODES || b >= QUARRY_MAX_NODES ||
		    (a == b ? far != FDT_LOCAL : far <= FDT_LOCAL || far > UINT8_MAX))
			return firmware_fail(
				t->q, -QUARRY_EINVAL,
				"fdt: distance %u from node %u to node %u, expected 10 "
				"to itself, 11 to 255, nodes below %d",
				far, a, b, QUARRY_MAX_NODES);
	}
	return 0;
}

int quarry_firmware_fdt_distances(struct quarry *q, const void *blob, size_t max, uint8_t *distance,
				  unsigned int nr_nodes)
{
	struct fdt_property p = {NULL, 0};
	struct fdt t;
	int err = fdt_open(&t, q, blob, max);

	if (err == 0)
		err = fdt_distance_map(&t, &p);
	if (err == 0)
		err = fdt_check_distances(&t, &p);
	if (err != 0)
		return err;
	for (size_t i = 0; i < nr_nodes; i++)
		for (size_t j = 0; j < nr_nodes; j++)
			distance[i * nr_nodes + j] = i == j ? FDT_LOCAL : FDT_REMOTE;
	for (const uint8_t *d = p.data; d < p.data + p.size; d += 12) {
		uint32_t a = firmware_be32(d), b = firmware_be32(d + 4), far = firmware_be32(d + 8);

		if (a >= nr_nodes || b >= nr_nodes)
			continue;
		distance[(size_t)a * nr_nodes + b] = (uint8_t)far;
		/* The way back is as long, unless a later triple says otherwise. */
		if (b > a)
			distance[(size_t)b * nr_nodes + a] = (uint8_t)far;
	}
	return 0;
}
