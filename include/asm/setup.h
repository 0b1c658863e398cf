/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_SETUP_H
#define _QUARRY_ASM_SETUP_H

#ifndef COMMAND_LINE_SIZE
#define COMMAND_LINE_SIZE 2048
#endif

#endif
