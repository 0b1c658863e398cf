/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <zlib.h>

#include <pack.h>

#define PACK_LEVEL 9

void pack_u64(struct strbuf *b, uint64_t v)
{
	char bytes[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (char)(v | 0x80);
	bytes[n++] = (char)v;
	strbuf_add(b, bytes, n);
}

void pack_s64(struct strbuf *b, int64_t v)
{
	pack_u64(b, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static char *pack_base64(const unsigned char *in, size_t len)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = xmalloc((len + 2) / 3 * 4 + 1), *p = out;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;

		v |= i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0;
		v |= i + 2 < len ? in[i + 2] : 0;
		*p++ = digit[v >> 18];
		*p++ = digit[v >> 12 & 63];
		*p++ = i + 1 < len ? digit[v >> 6 & 63] : '=';
		*p++ = i + 2 < len ? digit[v & 63] : '=';
	}
	*p = '\0';
	return out;
}

char *pack_text(const void *in, size_t len)
{
	uLongf size = compressBound((uLong)len);
	unsigned char *small = xmalloc(size);
	char *text;

	/* It fails for want of memory or of room only, and there is room. */
	if (compress2(small, &size, in, (uLong)len, PACK_LEVEL) != Z_OK) {
		util_error("out of memory");
		exit(CLI_FAILED);
	}
	text = pack_base64(small, size);
	free(small);
	return text;
}
