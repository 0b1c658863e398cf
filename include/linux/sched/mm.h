/* SPDX-License-Identifier: MIT */
/* Scopes in which a task's requests are changed. */
#ifndef _QUARRY_LINUX_SCHED_MM_H
#define _QUARRY_LINUX_SCHED_MM_H

#include <linux/gfp.h>

#define might_alloc(gfp) ((void)(gfp))

static inline gfp_t current_gfp_context(gfp_t flags)
{
	return quarry_gfp_context(quarry_linux(), flags);
}

static inline unsigned int memalloc_noio_save(void)
{
	return quarry_memalloc_save(quarry_linux(), QUARRY_TASK_NOIO);
}

static inline void memalloc_noio_restore(unsigned int flags)
{
	quarry_memalloc_restore(quarry_linux(), QUARRY_TASK_NOIO, flags);
}

static inline unsigned int memalloc_nofs_save(void)
{
	return quarry_memalloc_save(quarry_linux(), QUARRY_TASK_NOFS);
}

static inline void memalloc_nofs_restore(unsigned int flags)
{
	quarry_memalloc_restore(quarry_linux(), QUARRY_TASK_NOFS, flags);
}

static inline unsigned int memalloc_noreclaim_save(void)
{
	return quarry_memalloc_save(quarry_linux(), QUARRY_TASK_MEMALLOC);
}

static inline void memalloc_noreclaim_restore(unsigned int flags)
{
	quarry_memalloc_restore(quarry_linux(), QUARRY_TASK_MEMALLOC, flags);
}

static inline unsigned int memalloc_pin_save(void)
{
	return quarry_memalloc_save(quarry_linux(), QUARRY_TASK_PIN);
}

static inline void memalloc_pin_restore(unsigned int flags)
{
	quarry_memalloc_restore(quarry_linux(), QUARRY_TASK_PIN, flags);
}

#endif
