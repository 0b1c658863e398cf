/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <policy.h>
#include <stdlib.h>
#include <util.h>

#define POLICY_KEYS                                                                                \
	"expected grouping=on|off, arenas=on|off, min_order=0..3, slab_max_order=1..5, "           \
	"slab_min_objects=1..10000, sheaf=1..508, slab_free_limit=on|off, slab_colour=on|off, or " \
	"a tunable "                                                                               \
	"of /proc/sys/vm such as min_free_kbytes=N"

static bool policy_switch(const char *value, bool *off)
{
	*off = strcmp(value, "off") == 0;
	return *off || strcmp(value, "on") == 0;
}

/* The same of what is off by default. */
static bool policy_extra(const char *value, bool *on)
{
	bool off, good = policy_switch(value, &off);

	*on = good && !off;
	return good;
}

static bool policy_number(const char *value, unsigned int low, unsigned int high, unsigned int *out)
{
	uint64_t n;

	if (!util_parse_u64(value, &n) || n < low || n > high)
		return false;
	*out = (unsigned int)n;
	return true;
}

/* The names of quarry/sysctl.h, which a machine that has not booted cannot be asked for. */
static bool policy_sysctl(struct policy *p, const char *key, const char *value)
{
	static const char *const names[] = {
		"min_free_kbytes",
		"watermark_scale_factor",
		"watermark_boost_factor",
		"percpu_pagelist_high_fraction",
		"defrag_mode",
		"extfrag_threshold",
		"compaction_proactiveness",
		"compact_unevictable_allowed",
		"transparent_hugepage/enabled",
	};

	if (p->nr_sysctls == POLICY_MAX_SYSCTLS || strlen(value) >= sizeof(p->sysctl[0].value))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(key, names[i]) != 0)
			continue;
		strcpy(p->sysctl[p->nr_sysctls].name, key);
		strcpy(p->sysctl[p->nr_sysctls].value, value);
		p->nr_sysctls++;
		return true;
	}
	return false;
}

static bool policy_key(struct policy *p, const char *key, const char *value)
{
	if (strcmp(key, "grouping") == 0)
		return policy_switch(value, &p->no_grouping);
	if (strcmp(key, "arenas") == 0)
		return policy_switch(value, &p->one_home);
	if (strcmp(key, "min_order") == 0 || strcmp(key, "slab_min_order") == 0)
		return policy_number(value, 0, 3, &p->slab_min_order);
	if (strcmp(key, "slab_max_order") == 0)
		return policy_number(value, 1, 5, &p->slab_max_order);
	if (strcmp(key, "slab_min_objects") == 0)
		return policy_number(value, 1, 10000, &p->slab_min_objects);
	if (strcmp(key, "sheaf") == 0)
		return policy_number(value, 1, 508, &p->sheaf_objects);
	if (strcmp(key, "slab_free_limit") == 0)
		return policy_extra(value, &p->slab_free_limit);
	if (strcmp(key, "slab_colour") == 0)
		return policy_extra(value, &p->slab_colour);
	return policy_sysctl(p, key, value);
}

bool policy_parse(struct policy *p, const char *text, char *why)
{
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		char *pair = xstrndup(text, len), *value = strchr(pair, '=');
		bool good = false;

		if (value != NULL) {
			*value++ = '\0';
			good = policy_key(p, pair, value);
		}
		if (!good)
			snprintf(why, POLICY_WHY, "%.*s: %s", (int)(len < 40 ? len : 40), text,
				 POLICY_KEYS);
		free(pair);
		if (!good)
			return false;
		text += len;
		text += *text == ',';
	}
	return true;
}

void policy_boot(const struct policy *p, struct quarry_boot_params *params)
{
	params->no_grouping = p->no_grouping;
	params->one_home = p->one_home;
	params->slab_min_order = p->slab_min_order;
	params->slab_max_order = p->slab_max_order;
	params->slab_min_objects = p->slab_min_objects;
	params->sheaf_objects = p->sheaf_objects;
	params->slab_free_limit = p->slab_free_limit;
	params->slab_colour = p->slab_colour;
}

int policy_run_time(const struct policy *p, struct quarry *q, char *why)
{
	for (size_t i = 0; i < p->nr_sysctls; i++) {
		int err = quarry_sysctl_set(q, p->sysctl[i].name, p->sysctl[i].value);

		if (err != 0) {
			snprintf(why, POLICY_WHY, "--policy: %s=%s is out of range",
				 p->sysctl[i].name, p->sysctl[i].value);
			return -QUARRY_EINVAL;
		}
	}
	return 0;
}
