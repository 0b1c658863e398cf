/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_IO_H
#define _QUARRY_ASM_IO_H

#include <linux/io.h>

#endif
