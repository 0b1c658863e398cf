/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_MMDEBUG_H
#define _QUARRY_LINUX_MMDEBUG_H

#include <linux/bug.h>

#endif
