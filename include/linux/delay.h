/* SPDX-License-Identifier: MIT */
/* Waiting, which takes no time here. */
#ifndef _QUARRY_LINUX_DELAY_H
#define _QUARRY_LINUX_DELAY_H

/* Boot code waits for devices; a simulated machine has none to wait for. */
#define ndelay(n) ((void)(n))
#define udelay(n) ((void)(n))
#define mdelay(n) ((void)(n))
#define msleep(n) ((void)(n))
#define usleep_range(min, max) ((void)(min), (void)(max))

#endif
