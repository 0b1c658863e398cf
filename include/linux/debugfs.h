/* SPDX-License-Identifier: MIT */
/* There is no debugfs: quarry_show_memblock_list() gives what memblock's files there hold. */
#ifndef _QUARRY_LINUX_DEBUGFS_H
#define _QUARRY_LINUX_DEBUGFS_H

#include <linux/seq_file.h>

#endif
