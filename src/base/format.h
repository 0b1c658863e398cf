/* SPDX-License-Identifier: MIT */
/*
 * A small formatter, since src/ has no libc: %s %c %d %i %u %x %p %%, lengths h hh l ll z, width,
 * '*', precision for %s, flags '-', '0', '#'.
 */
#ifndef QUARRY_BASE_FORMAT_H
#define QUARRY_BASE_FORMAT_H

#include <stdarg.h>

#include <quarry/debug.h>
#include <quarry/types.h>

/* Writes at most @size bytes, the ending 0 included; returns the length without it, cut or not. */
size_t quarry_vformat(char *buf, size_t size, const char *fmt, va_list ap) QUARRY_PRINTF(3, 0);
size_t quarry_format(char *buf, size_t size, const char *fmt, ...) QUARRY_PRINTF(3, 4);
/* Formats to @out, lines of up to 255 bytes; does nothing if @out is NULL. */
void quarry_out_printf(const struct quarry_out *out, const char *fmt, ...) QUARRY_PRINTF(2, 3);

#endif
