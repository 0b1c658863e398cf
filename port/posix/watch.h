/* SPDX-License-Identifier: MIT */
/* What watches objects from outside: checkers of memory (watch.c) and guard pages (guard.c). */
#ifndef QUARRY_POSIX_WATCH_H
#define QUARRY_POSIX_WATCH_H

#include <quarry/posix.h>

/* ---- watch.c ---- */
void quarry_posix_watch_hooks(struct quarry_port *port);
/* [@p, @p + @size) may be anything again. */
void quarry_posix_watch_forget(void *p, size_t size);

/* ---- guard.c ---- */
struct posix_guard;

/* NULL: the host has no memory. @report gets one line for each damage. */
struct posix_guard *quarry_posix_guard_new(const struct quarry_posix_options *options,
					   void (*report)(void *ctx, const char *line), void *ctx);
void quarry_posix_guard_delete(struct posix_guard *g);
void *quarry_posix_guard_alloc(struct posix_guard *g, size_t size, size_t align, const char *cache,
			       const void *caller);
bool quarry_posix_guard_free(struct posix_guard *g, void *p, const void *caller);
size_t quarry_posix_guard_size(struct posix_guard *g, const void *p);
void quarry_posix_guard_tell(struct posix_guard *g, struct quarry_posix_guard_info *info);

#endif
