/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_BITOPS_H
#define _QUARRY_ASM_BITOPS_H

#include <linux/bitops.h>

#endif
