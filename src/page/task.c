/* SPDX-License-Identifier: MIT */
/*
 * Tasks and their scopes: what the flow of control that runs here has said about all its requests.
 *
 * The port knows which task runs; on a host that does not say, a CPU is one task. Interrupt context has
 * none: nothing it asks for waits, and the scopes of the task that it interrupted are not its own.
 */
#include "internal.h"

struct quarry_task *task_current(struct quarry *q)
{
	struct quarry_task *task;
	quarry_pin_t pin;

	if (q->port.task != NULL)
		return q->port.task(q->port.ctx);
	pin = quarry_pin();
	task = &q->pages->cpu_place[quarry_cpu()].task;
	quarry_unpin(pin);
	return task;
}

uint32_t task_flags(struct quarry *q)
{
	const struct quarry_task *task = task_current(q);

	return task != NULL ? quarry_load_relaxed(&task->flags) : 0;
}

/* Machine-wide number of pin scopes; while there are any, no request may take the short way. */
static void task_count_pins(struct quarry *q, int32_t change)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->scope_lock);

	pl->pin_scopes += (uint32_t)change;
	page_set_feature(q, PAGE_FEATURE_SCOPE, pl->pin_scopes != 0);
	quarry_unlock(q->concurrent, &pl->scope_lock, pin);
}

uint32_t quarry_memalloc_save(struct quarry *q, uint32_t flags)
{
	struct quarry_task *task = task_current(q);
	uint32_t saved;

	if (task == NULL)
		return 0;
	saved = task->flags;
	quarry_store_relaxed(&task->flags, saved | flags);
	if ((flags & ~saved & QUARRY_TASK_PIN) != 0)
		task_count_pins(q, 1);
	return saved;
}

void quarry_memalloc_restore(struct quarry *q, uint32_t flags, uint32_t saved)
{
	struct quarry_task *task = task_current(q);
	uint32_t was;

	if (task == NULL)
		return;
	was = task->flags;
	quarry_store_relaxed(&task->flags, (was & ~flags) | (saved & flags));
	if ((was & ~task->flags & QUARRY_TASK_PIN) != 0)
		task_count_pins(q, -1);
}

gfp_t quarry_gfp_context(struct quarry *q, gfp_t gfp)
{
	uint32_t flags = task_flags(q);

	if (likely((flags & (QUARRY_TASK_NOIO | QUARRY_TASK_NOFS | QUARRY_TASK_PIN)) == 0))
		return gfp;
	if ((flags & QUARRY_TASK_NOIO) != 0)
		gfp &= ~(__GFP_IO | __GFP_FS);
	if ((flags & QUARRY_TASK_NOFS) != 0)
		gfp &= ~__GFP_FS;
	if ((flags & QUARRY_TASK_PIN) != 0)
		gfp &= ~__GFP_MOVABLE;
	return gfp;
}
