/* SPDX-License-Identifier: MIT */
/* Of a devicetree only its memory: `quarry boot FILE.dtb` and quarry/firmware.h read whole ones. */
#ifndef _QUARRY_LINUX_OF_FDT_H
#define _QUARRY_LINUX_OF_FDT_H

#include <linux/types.h>

/* RAM that firmware tells of: its whole pages go to memblock. */
void early_init_dt_add_memory_arch(u64 base, u64 size);

#endif
