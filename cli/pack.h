/* SPDX-License-Identifier: MIT */
/* Numbers and bytes made small enough to stand inside a page of HTML. */
#ifndef CLI_PACK_H
#define CLI_PACK_H

#include <util.h>

/* 7 bits a byte, lowest first, the top bit set in all but the last. */
void pack_u64(struct strbuf *b, uint64_t v);
/* 0, -1, 1, -2 ... as 0, 1, 2, 3 ... */
void pack_s64(struct strbuf *b, int64_t v);

/* @in as a zlib stream (RFC 1950), the same bytes for the same input, in base64; to be freed. */
char *pack_text(const void *in, size_t len);

#endif
