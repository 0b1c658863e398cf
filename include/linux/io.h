/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_IO_H
#define _QUARRY_LINUX_IO_H

#include <linux/mm.h>

#endif
