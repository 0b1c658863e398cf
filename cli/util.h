/* SPDX-License-Identifier: MIT */
/* What every verb of the quarry program shares: messages, exit status, strings, sizes, files. */
#ifndef CLI_UTIL_H
#define CLI_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit status of the program. */
enum cli_status {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the work could not be done, or not to its end */
	CLI_INPUT = 2,  /* wrong usage, or an input that cannot be read or understood */
};

#define UTIL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* A string that grows; always 0-terminated once something was added. */
struct strbuf {
	char *s;
	size_t len, cap;
};

void strbuf_add(struct strbuf *b, const char *s, size_t len);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) UTIL_PRINTF(2, 3);
void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap) UTIL_PRINTF(2, 0);
void strbuf_free(struct strbuf *b);

/*
 * Messages about an input, kept until they are printed, so that a parser can be tested. At most
 * DIAG_MAX_WARNINGS warnings are kept; the others are counted and diag_print() says how many.
 */
#define DIAG_MAX_WARNINGS 8

struct diag {
	struct strbuf text; /* finished lines */
	unsigned int nr_warnings, nr_errors;
};

/* "FILE:LINE: message"; line 0 leaves the line out, file NULL both. */
void diag_error(struct diag *d, const char *file, unsigned long line, const char *fmt, ...)
	UTIL_PRINTF(4, 5);
void diag_warn(struct diag *d, const char *file, unsigned long line, const char *fmt, ...)
	UTIL_PRINTF(4, 5);
/* Print and forget what was collected; @prefix is put before each line. */
void diag_print(struct diag *d, FILE *out, const char *prefix);
void diag_free(struct diag *d);

/* "quarry: message" on standard error. */
void util_error(const char *fmt, ...) UTIL_PRINTF(1, 2);
void util_warn(const char *fmt, ...) UTIL_PRINTF(1, 2);

/* Never return NULL: out of memory ends the program with CLI_FAILED. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);

/*
 * Numbers. Each returns false on no digits, overflow or anything left over, and leaves *out alone.
 * util_parse_u64() takes decimal, or hexadecimal after 0x. util_parse_size() also takes one of the
 * suffixes K M G T P E, powers of 1024. util_scan_*() stop at the first character that does not
 * belong and move *s there.
 */
bool util_parse_u64(const char *s, uint64_t *out);
bool util_parse_size(const char *s, uint64_t *out);
bool util_scan_size(const char **s, uint64_t *out);
bool util_scan_hex(const char **s, uint64_t *out); /* with or without 0x */
bool util_scan_dec(const char **s, uint64_t *out);

/* What passed from @first to @now; 0 if time went back, as in a recording whose lines are not in order. */
static inline uint64_t util_since(uint64_t first, uint64_t now)
{
	return now > first ? now - first : 0;
}

#define UTIL_SIZE_BUF 32

/* "812 B", "4 KiB", "1.5 GiB". Returns @buf, of UTIL_SIZE_BUF bytes. */
const char *util_human_size(uint64_t bytes, char *buf);
/* "812", "5.3 k", "12.1 M": a count, powers of 1000. Returns @buf, of UTIL_SIZE_BUF bytes. */
const char *util_human_count(double n, char *buf);

/* Nanoseconds of the monotonic clock. */
uint64_t util_now_ns(void);

/* Replace @path by @len bytes of @data, at once or not at all; 0 or an errno. */
int util_write_file(const char *path, const void *data, size_t len);

/* Flush standard output; says what failed and returns CLI_FAILED if that was not all written. */
int util_close_stdout(void);

#endif
