/* SPDX-License-Identifier: MIT */
/* What may be decided otherwise than Linux does, for questions of "what if". */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include <quarry/quarry.h>

#define POLICY_MAX_SYSCTLS 16
#define POLICY_WHY 256

struct policy {
	bool no_grouping, one_home, slab_free_limit, slab_colour;
	unsigned int slab_min_order, slab_max_order, slab_min_objects, sheaf_objects;
	struct {
		char name[32], value[64];
	} sysctl[POLICY_MAX_SYSCTLS];
	size_t nr_sysctls;
};

/*
 * Add "key=value,key=value" of @text to @p: grouping=on|off, arenas=on|off, slab_min_order=N (or min_order),
 * slab_max_order=N, slab_min_objects=N, sheaf=N, slab_free_limit=on|off, slab_colour=on|off, or a tunable of quarry/sysctl.h. False: @why says what is
 * wrong, in POLICY_WHY bytes.
 */
bool policy_parse(struct policy *p, const char *text, char *why);

/* Before and after quarry_boot(). policy_run_time() returns 0, or an error and what is wrong in @why. */
void policy_boot(const struct policy *p, struct quarry_boot_params *params);
int policy_run_time(const struct policy *p, struct quarry *q, char *why);

#endif
