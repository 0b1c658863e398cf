/* SPDX-License-Identifier: MIT */
/* Linux's shrinkers over the library's: their control structure differs in a name. */
#include <linux/errno.h>
#include <linux/shrinker.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct shrink_control shrinker_control(const struct quarry_shrink_control *sc)
{
	return (struct shrink_control){
		.gfp_mask = sc->gfp,
		.nid = sc->nid,
		.nr_to_scan = sc->nr_to_scan,
		.nr_scanned = sc->nr_scanned,
	};
}

static unsigned long shrinker_count(struct quarry_shrinker *own, struct quarry_shrink_control *sc)
{
	struct shrinker *s = own->ctx;
	struct shrink_control c = shrinker_control(sc);

	return s->count_objects(s, &c);
}

static unsigned long shrinker_scan(struct quarry_shrinker *own, struct quarry_shrink_control *sc)
{
	struct shrinker *s = own->ctx;
	struct shrink_control c = shrinker_control(sc);
	unsigned long freed = s->scan_objects(s, &c);

	sc->nr_scanned = c.nr_scanned;
	return freed;
}

static int shrinker_start(struct shrinker *s)
{
	if (s->count_objects == NULL || s->scan_objects == NULL)
		return -EINVAL;
	s->own = (struct quarry_shrinker){
		.count_objects = shrinker_count,
		.scan_objects = shrinker_scan,
		.batch = s->batch > 0 ? (unsigned long)s->batch : 0,
		.seeks = (unsigned int)s->seeks,
		.flags = s->flags & SHRINKER_NUMA_AWARE,
		.name = s->name,
		.ctx = s,
		.deferred = s->deferred,
	};
	return quarry_register_shrinker(quarry_linux(), &s->own);
}

int register_shrinker(struct shrinker *shrinker, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(shrinker->name, sizeof(shrinker->name), fmt, args);
	va_end(args);
	return shrinker_start(shrinker);
}

void unregister_shrinker(struct shrinker *shrinker)
{
	quarry_unregister_shrinker(quarry_linux(), &shrinker->own);
}

struct shrinker *shrinker_alloc(unsigned int flags, const char *fmt, ...)
{
	struct shrinker *s = calloc(1, sizeof(*s));
	va_list args;

	if (s == NULL)
		return NULL;
	va_start(args, fmt);
	vsnprintf(s->name, sizeof(s->name), fmt, args);
	va_end(args);
	s->flags = flags;
	s->seeks = DEFAULT_SEEKS;
	return s;
}

void shrinker_register(struct shrinker *shrinker)
{
	(void)shrinker_start(shrinker);
}

void shrinker_free(struct shrinker *shrinker)
{
	if (shrinker != NULL)
		unregister_shrinker(shrinker);
	free(shrinker);
}
