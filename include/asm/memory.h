/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_MEMORY_H
#define _QUARRY_ASM_MEMORY_H

#include <linux/mm.h>

#endif
