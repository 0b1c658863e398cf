/* SPDX-License-Identifier: MIT */
/* Events, counted without atomics by the CPU on which they happen, and added up when asked. */
#include "internal.h"

static const char *const event_names[QUARRY_NR_VM_EVENTS] = {
#define EVENT_NAME(symbol, name) [QUARRY_VM_##symbol] = name,
	QUARRY_VM_EVENTS(EVENT_NAME)
#undef EVENT_NAME
};

void page_event(struct quarry *q, enum quarry_vm_event event, uint64_t n)
{
	quarry_pin_t pin = quarry_pin();
	uint64_t *count = &q->pages->cpu[quarry_cpu()].events[event];

	quarry_store_relaxed(count, *count + n);
	quarry_unpin(pin);
}

uint64_t quarry_vm_event(struct quarry *q, enum quarry_vm_event event)
{
	uint64_t sum = 0;

	if ((unsigned int)event >= QUARRY_NR_VM_EVENTS)
		return 0;
	for (unsigned int cpu = 0; cpu < q->pages->nr_cpus; cpu++)
		sum += quarry_load_relaxed(&q->pages->cpu[cpu].events[event]);
	return sum;
}

const char *quarry_vm_event_name(enum quarry_vm_event event)
{
	return (unsigned int)event < QUARRY_NR_VM_EVENTS ? event_names[event] : "?";
}
