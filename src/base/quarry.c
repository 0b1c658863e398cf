/* SPDX-License-Identifier: MIT */
/* What is common to all layers: the port's services and the direct map. */
#include <base/quarry_state.h>

void *quarry_storage(struct quarry *q, phys_addr_t phys, size_t size)
{
	if (q->port.storage != NULL)
		return q->port.storage(q->port.ctx, phys, size);
	if (phys > UINTPTR_MAX || size > UINTPTR_MAX - phys)
		return NULL; /* no pointer reaches so far */
	return quarry_phys_to_virt(q, phys);
}

void *quarry_address(const struct quarry *q, phys_addr_t phys)
{
	return quarry_phys_to_virt(q, phys);
}

phys_addr_t quarry_physical(const struct quarry *q, const void *p)
{
	return quarry_virt_to_phys(q, p);
}

enum quarry_stage quarry_stage(const struct quarry *q)
{
	return q->stage;
}
