/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_PROCESSOR_H
#define _QUARRY_ASM_PROCESSOR_H

#include <linux/cache.h>
#include <linux/compiler.h>

#define cpu_relax() barrier()

#endif
