/* SPDX-License-Identifier: MIT */
/* What is common to all layers: the port's services and the direct map. */
#include <base/quarry_state.h>

void *quarry_storage(struct quarry *q, phys_addr_t phys, size_t size)
{
	if (q->port.storage != NULL)
		return q->port.storage(q->port.ctx, phys, size);
	return quarry_phys_to_virt(q, phys);
}

enum quarry_stage quarry_stage(const struct quarry *q)
{
	return q->stage;
}
