/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_IO_H
#define _QUARRY_LINUX_IO_H

#include <linux/ioport.h>
#include <linux/mm.h>

#include <asm/early_ioremap.h>

#endif
