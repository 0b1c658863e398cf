/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_BUG_H
#define _QUARRY_LINUX_BUG_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/printk.h>

#define panic(fmt, ...)                                                         \
	do {                                                                    \
		printk("Kernel panic - not syncing: " fmt "\n", ##__VA_ARGS__); \
		__builtin_trap();                                               \
	} while (0)

#define BUG()                                                                   \
	do {                                                                    \
		printk("BUG at %s:%d in %s()\n", __FILE__, __LINE__, __func__); \
		__builtin_trap();                                               \
	} while (0)
#define BUG_ON(cond)                \
	do {                        \
		if (unlikely(cond)) \
			BUG();      \
	} while (0)

/* Says so and goes on; its value is the condition. */
#define WARN_ON(cond)                                                                       \
	__extension__({                                                                     \
		int warn_on = !!(cond);                                                     \
		if (unlikely(warn_on))                                                      \
			printk("WARNING at %s:%d in %s()\n", __FILE__, __LINE__, __func__); \
		unlikely(warn_on);                                                          \
	})
#define WARN(cond, fmt, ...)                        \
	__extension__({                             \
		int warn = !!(cond);                \
		if (unlikely(warn))                 \
			printk(fmt, ##__VA_ARGS__); \
		unlikely(warn);                     \
	})
#define WARN_ON_ONCE(cond) WARN_ON(cond)
#define WARN_ONCE(cond, fmt, ...) WARN(cond, fmt, ##__VA_ARGS__)
#define VM_BUG_ON(cond) BUG_ON(cond)
#define VM_WARN_ON(cond) ((void)WARN_ON(cond))

#endif
