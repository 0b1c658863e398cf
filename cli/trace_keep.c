/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <trace_keep.h>

struct trace_keep *trace_keep_new(void)
{
	struct trace_keep *k = xcalloc(1, sizeof(*k));
	struct trace_intern *all[] = {&k->sites, &k->tasks, &k->flags};

	for (int i = 0; i < 3; i++) {
		idmap_init(&all[i]->map);
		trace_name_add(&all[i]->names, "", 0);
	}
	return k;
}

void trace_keep_free(struct trace_keep *k)
{
	struct trace_intern *all[] = {&k->sites, &k->tasks, &k->flags};

	for (int i = 0; i < 3; i++) {
		idmap_free(&all[i]->map);
		free(all[i]->names.text);
		free(all[i]->names.at);
	}
	free(k->task_class);
	free(k->meta);
	strbuf_free(&k->text);
	free(k);
}

uint32_t trace_intern(struct trace_intern *t, const char *s, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;
	struct idmap_slot *slot;

	if (len == 0)
		return 0;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
	for (;; h++) {
		const char *name;

		slot = idmap_add(&t->map, h);
		if (slot == NULL)
			return 0;
		if (slot->value == 0)
			break;
		name = trace_name(&t->names, (uint32_t)slot->value - 1);
		if (strlen(name) == len && memcmp(name, s, len) == 0)
			return (uint32_t)slot->value - 1;
	}
	if (!trace_name_add(&t->names, s, len)) {
		idmap_delete(&t->map, slot);
		return 0;
	}
	slot->value = t->names.nr;
	return t->names.nr - 1;
}

/* The value of " key=" in [s, end), up to the next space; its length in *@len. */
static const char *trace_keep_value(const char *s, const char *end, const char *key, size_t *len)
{
	size_t n = strlen(key);
	const char *at = memmem(s, (size_t)(end - s), key, n), *stop;

	*len = 0;
	if (at == NULL)
		return NULL;
	at += n;
	stop = memchr(at, ' ', (size_t)(end - at));
	*len = (size_t)((stop != NULL ? stop : end) - at);
	return at;
}

void trace_keep_fields(struct trace_keep *k, const char *fields, const char *end,
		       struct trace_desc *d)
{
	const char *v;
	size_t len;

	v = trace_keep_value(fields, end, " call_site=", &len);
	d->site = trace_intern(&k->sites, v, len);
	v = trace_keep_value(fields, end, " gfp_flags=", &len);
	d->raw_gfp = trace_intern(&k->flags, v, len);
}

uint32_t trace_keep_task(struct trace_keep *k, const char *line, const char *end)
{
	const char *stop = line;

	while ((stop = memchr(stop, '[', (size_t)(end - stop))) != NULL) {
		const char *digit = stop + 1;

		while (digit < end && *digit >= '0' && *digit <= '9')
			digit++;
		if (digit > stop + 1 && digit < end && *digit == ']')
			break;
		stop++;
	}
	if (stop == NULL)
		return 0;
	while (line < stop && *line == ' ')
		line++;
	while (stop > line && stop[-1] == ' ')
		stop--;
	return trace_intern(&k->tasks, line, (size_t)(stop - line));
}
