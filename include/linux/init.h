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
/*
 * A parameter of the command line: parse_early_param() calls @fn with what stands behind "=", NULL if
 * nothing does. Those of __setup() and initcalls are not called by anybody.
 */
struct quarry_linux_param {
	const char *str;
	int (*setup)(char *value);
};

#define early_param(str, fn)                                                              \
	static int (*const quarry_param_##fn)(char *) __attribute__((__unused__)) = (fn); \
	static const struct quarry_linux_param quarry_early_##fn                          \
		__attribute__((__used__, __section__("quarry_params"),                    \
			       __aligned__(sizeof(void *)))) = {(str), (fn)}
#define __setup(str, fn) \
	static int (*const quarry_param_##fn)(char *) __attribute__((__unused__)) = (fn)

/* What the boot loader says; a program writes it. At most COMMAND_LINE_SIZE, 0 included. */
extern char boot_command_line[];
extern char *saved_command_line;

/*
 * Calls the early_param() of each parameter in boot_command_line, once a machine. The library's own are memblock=debug,
 * kernelcore=, movablecore=, movable_node, memtest= and cma=.
 */
void parse_early_param(void);
/* The same with each parameter of @cmdline, any number of times; @cmdline is cut up. */
void parse_early_options(char *cmdline);
#define early_initcall(fn) \
	static int (*const quarry_initcall_##fn)(void) __attribute__((__unused__)) = (fn)
#define core_initcall(fn) early_initcall(fn)
#define subsys_initcall(fn) early_initcall(fn)
#define late_initcall(fn) early_initcall(fn)

#endif
