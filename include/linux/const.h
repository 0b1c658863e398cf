/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_CONST_H
#define _QUARRY_LINUX_CONST_H

#if defined(__has_include_next)
#if __has_include_next(<linux/const.h>)
#include_next <linux/const.h>
#endif
#endif

#ifndef UL
#define UL(x) x##UL
#define ULL(x) x##ULL
#endif

#endif
