/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_PGTABLE_H
#define _QUARRY_ASM_PGTABLE_H

#include <linux/pgtable.h>

#endif
