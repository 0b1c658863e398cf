/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_SECTIONS_H
#define _QUARRY_ASM_SECTIONS_H

/* The image is the process's: the linker's own names say where its parts begin and end. */
extern char _text[] __asm__("__executable_start");
extern char _stext[] __asm__("__executable_start");
extern char _etext[], _edata[], _end[], __bss_start[];

#endif
