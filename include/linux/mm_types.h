/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_MM_TYPES_H
#define _QUARRY_LINUX_MM_TYPES_H

/* struct page is opaque here, see quarry/page.h. */
#include <linux/list.h>
#include <linux/types.h>

#endif
