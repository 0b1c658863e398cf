/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_POISON_H
#define _QUARRY_LINUX_POISON_H

/* What stands in a link that was taken out. */
#define LIST_POISON1 ((void *)0x100)
#define LIST_POISON2 ((void *)0x122)

#endif
