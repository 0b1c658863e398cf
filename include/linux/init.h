/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_INIT_H
#define _QUARRY_LINUX_INIT_H

/* Sections of the kernel's image mean nothing in a process. */
#include <linux/compiler.h>

#define __init
#define __exit
#define __initdata
#define __initconst
#define __exitdata
#define __ref
#define __refdata
#define __meminit
#define __meminitdata
#define __meminitconst
#define __init_or_module

/* Handlers of parameters and initcalls compile, and are for the program to call. */
#define early_param(str, fn) \
	static int (*const quarry_param_##fn)(char *) __attribute__((__unused__)) = (fn)
#define __setup(str, fn) early_param(str, fn)
#define early_initcall(fn) \
	static int (*const quarry_initcall_##fn)(void) __attribute__((__unused__)) = (fn)
#define core_initcall(fn) early_initcall(fn)
#define subsys_initcall(fn) early_initcall(fn)
#define late_initcall(fn) early_initcall(fn)

#endif
