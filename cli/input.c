/* SPDX-License-Identifier: MIT */
/*
 * Buffered input, unpacked on the way.
 *
 * Picture	file -> raw[] -> zstd -> buf[], or file -> buf[]
 *
 *		buf	[ read already | p ... end | room ]
 *
 * Bounds	raw[] is one block. buf[] holds what one input_fill() asked for and one block more, and
 *		grows only when the bytes are really there, so a length that lies costs nothing. The
 *		window of a zstd frame is limited by the library (128 MiB).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* For memory of our own; the library exports it, though it calls it experimental. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include <input.h>

#define INPUT_BLOCK ((size_t)256 << 10)
#define INPUT_ZSTD_MAGIC 0xfd2fb528u

#define INPUT_HUGE ((size_t)2 << 20)

static void input_fail(struct input *in, const char *what)
{
	in->failed = true;
	in->eof = true;
	snprintf(in->error, sizeof(in->error), "%s", what);
}

/*
 * zstd's memory. Its window is megabytes that are written once from end to end, in a short time: in small pages the faults
 * would cost more than the unpacking.
 */
static void *input_zstd_alloc(void *ctx, size_t size)
{
	void *p;

	(void)ctx;
	if (size < INPUT_HUGE)
		return malloc(size);
	if (posix_memalign(&p, INPUT_HUGE, size) != 0)
		return NULL;
	(void)madvise(p, size, MADV_HUGEPAGE);
	return p;
}

static void input_zstd_free(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

static void input_start_zstd(struct input *in)
{
	const ZSTD_customMem memory = {input_zstd_alloc, input_zstd_free, NULL};

	in->zstd = ZSTD_createDStream_advanced(memory);
	if (in->zstd == NULL)
		input_fail(in, "out of memory");
}

/* Read up to @size bytes of the file; 0 at its end. */
static size_t input_read(struct input *in, unsigned char *to, size_t size)
{
	ssize_t n;

	if (in->fd < 0)
		return 0;
	do
		n = read(in->fd, to, size);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		input_fail(in, strerror(errno));
		return 0;
	}
	in->raw_done += (uint64_t)n;
	return (size_t)n;
}

static bool input_zstd_starts(const unsigned char *p, size_t len)
{
	return len >= 4 && ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			    (uint32_t)p[3] << 24) == INPUT_ZSTD_MAGIC;
}

/* Read the first bytes and decide whether they are zstd's. */
static void input_begin(struct input *in)
{
	size_t n;

	in->raw = xmalloc(INPUT_BLOCK);
	while (in->raw_len < 4) {
		n = input_read(in, in->raw + in->raw_len, INPUT_BLOCK - in->raw_len);
		if (n == 0)
			break;
		in->raw_len += n;
	}
	if (input_zstd_starts(in->raw, in->raw_len))
		input_start_zstd(in);
	in->cap = INPUT_BLOCK;
	in->buf = xmalloc(in->cap + INPUT_SLACK);
	memset(in->buf, 0, INPUT_SLACK);
	in->p = in->end = in->buf;
}

int input_open(struct input *in, const char *path)
{
	struct stat st;

	memset(in, 0, sizeof(*in));
	in->own_fd = strcmp(path, "-") != 0;
	in->fd = in->own_fd ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (in->fd < 0)
		return errno;
	if (fstat(in->fd, &st) == 0) {
		if (S_ISDIR(st.st_mode)) {
			if (in->own_fd)
				close(in->fd);
			return EISDIR;
		}
		if (S_ISREG(st.st_mode) && st.st_size > 0)
			in->raw_total = (uint64_t)st.st_size;
	}
	input_begin(in);
	return 0;
}

void input_open_memory(struct input *in, const void *data, size_t len)
{
	memset(in, 0, sizeof(*in));
	in->fd = -1;
	in->raw_total = in->raw_done = len;
	in->cap = INPUT_BLOCK;
	in->buf = xmalloc(in->cap + INPUT_SLACK);
	in->p = in->end = in->buf;
	in->raw = xmalloc(len + 1);
	memcpy(in->raw, data, len);
	in->raw_len = len;
	if (input_zstd_starts(in->raw, len))
		input_start_zstd(in);
}

void input_close(struct input *in)
{
	if (in->own_fd)
		close(in->fd);
	ZSTD_freeDStream(in->zstd);
	free(in->raw);
	free(in->buf);
	memset(in, 0, sizeof(*in));
	in->fd = -1;
}

/* Unpack into @to; 0 at the end or on an error. */
static size_t input_unpack(struct input *in, unsigned char *to, size_t size)
{
	ZSTD_outBuffer out = {to, size, 0};

	while (out.pos == 0) {
		ZSTD_inBuffer raw = {in->raw, in->raw_len, in->raw_pos};
		size_t left;

		if (raw.pos == raw.size && in->fd >= 0) {
			in->raw_pos = 0;
			in->raw_len = input_read(in, in->raw, INPUT_BLOCK);
			raw.pos = 0;
			raw.size = in->raw_len;
			if (in->failed)
				return 0;
		}
		if (raw.size == raw.pos && !in->in_frame)
			break;
		left = ZSTD_decompressStream(in->zstd, &out, &raw);
		if (ZSTD_isError(left)) {
			char text[120];

			snprintf(text, sizeof(text),
				 "zstd data damaged near byte %llu of the file: %s",
				 (unsigned long long)(in->raw_done - (in->raw_len - raw.pos)),
				 ZSTD_getErrorName(left));
			input_fail(in, text);
			break;
		}
		if (raw.size == in->raw_pos && out.pos == 0 && left != 0) {
			input_fail(in, "the zstd data ends in the middle of a frame");
			break;
		}
		in->in_frame = left != 0;
		in->raw_pos = raw.pos;
	}
	return out.pos;
}

/* Copy what is left of raw[], then read the file directly. */
static size_t input_copy(struct input *in, unsigned char *to, size_t size)
{
	size_t n = in->raw_len - in->raw_pos;

	if (n == 0)
		return input_read(in, to, size);
	if (n > size)
		n = size;
	memcpy(to, in->raw + in->raw_pos, n);
	in->raw_pos += n;
	return n;
}

/* Make room for a block behind end: by moving what is buffered down, else by growing. */
static void input_make_room(struct input *in)
{
	size_t have = (size_t)(in->end - in->p);
	size_t begin = (size_t)(in->p - in->buf);

	if (in->cap - (size_t)(in->end - in->buf) >= INPUT_BLOCK / 4)
		return;
	in->base += begin;
	memmove(in->buf, in->p, have);
	if (in->cap - have < INPUT_BLOCK / 4) {
		in->cap *= 2;
		in->buf = xrealloc(in->buf, 1, in->cap + INPUT_SLACK);
	}
	in->p = in->buf;
	in->end = in->buf + have;
}

size_t input_fill(struct input *in, size_t want)
{
	while ((size_t)(in->end - in->p) < want && !in->eof) {
		unsigned char *to;
		size_t room, n;

		input_make_room(in);
		to = in->buf + (in->end - in->buf);
		room = in->cap - (size_t)(in->end - in->buf);
		n = in->zstd != NULL ? input_unpack(in, to, room) : input_copy(in, to, room);
		if (n == 0)
			in->eof = true;
		in->end += n;
		memset(in->buf + (in->end - in->buf), 0, INPUT_SLACK);
	}
	in->at_end = in->eof;
	return (size_t)(in->end - in->p);
}

uint64_t input_offset(const struct input *in)
{
	return in->base + (uint64_t)(in->p - in->buf);
}

uint64_t input_done(const struct input *in)
{
	return in->raw_done - (in->raw_len - in->raw_pos);
}

uint64_t input_total(const struct input *in)
{
	return in->raw_total;
}

bool input_is_compressed(const struct input *in)
{
	return in->zstd != NULL;
}
