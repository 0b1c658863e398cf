/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_PAGE_H
#define _QUARRY_ASM_PAGE_H

#include <linux/mm.h>

#endif
