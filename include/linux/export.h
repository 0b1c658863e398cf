/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_EXPORT_H
#define _QUARRY_LINUX_EXPORT_H

#define EXPORT_SYMBOL(name) extern int quarry_exported_##name
#define EXPORT_SYMBOL_GPL(name) EXPORT_SYMBOL(name)

#endif
