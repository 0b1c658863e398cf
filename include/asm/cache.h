/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_CACHE_H
#define _QUARRY_ASM_CACHE_H

#include <linux/cache.h>

#endif
