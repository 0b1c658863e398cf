/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_BUG_H
#define _QUARRY_ASM_BUG_H

#include <linux/bug.h>

#endif
