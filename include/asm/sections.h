/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_SECTIONS_H
#define _QUARRY_ASM_SECTIONS_H

/* The image is the process's: where it begins and ends, by the linker's names. */
extern char __executable_start[] __attribute__((__visibility__("hidden")));
extern char etext[], edata[], end[];

#define _text __executable_start
#define _stext __executable_start
#define _etext etext
#define _edata edata
#define _end end

#endif
