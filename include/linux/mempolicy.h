/* SPDX-License-Identifier: MIT */
/*
 * NUMA memory policies. MPOL_* are those of quarry/mempolicy.h. There is no task to have a policy:
 * one is an argument. It has one owner, who lets it go by mpol_put().
 */
#ifndef _QUARRY_LINUX_MEMPOLICY_H
#define _QUARRY_LINUX_MEMPOLICY_H

#include <quarry/linux.h>

#include <linux/nodemask.h>
#include <linux/types.h>

#define mempolicy quarry_mempolicy
#define NO_INTERLEAVE_INDEX QUARRY_MPOL_NO_INDEX

typedef unsigned long pgoff_t;

/* By the words of tmpfs's mpol=: "interleave=static:0-2". Returns 0; 1: not understood, or it cannot be. */
int mpol_parse_str(char *str, struct mempolicy **mpol);
struct mempolicy *mpol_dup(struct mempolicy *old);
void mpol_put(struct mempolicy *pol);

static inline void mpol_to_str(char *buffer, int maxlen, struct mempolicy *pol)
{
	quarry_mpol_to_str(pol, buffer, (size_t)maxlen);
}

/* 6.7 */
static inline struct page *alloc_pages_mpol(gfp_t gfp, unsigned int order, struct mempolicy *pol,
					    pgoff_t ilx, int nid)
{
	return quarry_alloc_pages_mpol(quarry_linux(), gfp, order, pol, ilx, nid);
}

#endif
