/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_KCONFIG_H
#define _QUARRY_LINUX_KCONFIG_H

/* 1 if the CONFIG_ option is defined as 1, else 0; also in expressions. */
#define QUARRY_LINUX_PROBE_1 0,
#define QUARRY_LINUX_SECOND(unused, value, ...) value
#define QUARRY_LINUX_IS(pair) QUARRY_LINUX_SECOND(pair 1, 0, 0)
#define QUARRY_LINUX_PASTE(value) QUARRY_LINUX_IS(QUARRY_LINUX_PROBE_##value)
#define IS_BUILTIN(option) QUARRY_LINUX_PASTE(option)
#define IS_ENABLED(option) IS_BUILTIN(option)

#endif
