/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_SEQ_FILE_H
#define _QUARRY_LINUX_SEQ_FILE_H

/* Nothing: for sources that include it in passing. */

#endif
