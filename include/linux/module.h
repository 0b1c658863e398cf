/* SPDX-License-Identifier: MIT */
/* Boot code includes it for EXPORT_SYMBOL(). */
#ifndef _QUARRY_LINUX_MODULE_H
#define _QUARRY_LINUX_MODULE_H

#include <linux/export.h>
#include <linux/init.h>

#endif
