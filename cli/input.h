/* SPDX-License-Identifier: MIT */
/* Buffered input from a file, standard input or memory; zstd frames are unpacked on the way. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <util.h>

/* Bytes that may be read, though they mean nothing, after what input_fill() provides. */
#define INPUT_SLACK 128

struct input {
	const unsigned char *p, *end; /* what is buffered: read at p, then move it */
	bool at_end;                  /* nothing follows what is buffered */
	bool failed;                  /* as at_end, but because of what error says */
	char error[160];
	/* private to input.c */
	int fd; /* -1: memory */
	bool own_fd, eof;
	unsigned char *buf;
	size_t cap;
	uint64_t base; /* offset of buf[0] in the unpacked stream */
	void *zstd;    /* NULL: not compressed */
	unsigned char *raw;
	size_t raw_pos, raw_len;
	uint64_t raw_done, raw_total;
	bool in_frame;
};

/*
 * Open @path ("-": standard input); a file that begins with zstd's magic number is unpacked.
 * Returns 0, or an errno with nothing to close. input_open_memory() reads @len bytes at @data,
 * which must stay.
 */
int input_open(struct input *in, const char *path);
void input_open_memory(struct input *in, const void *data, size_t len);
void input_close(struct input *in);

/*
 * Try to have at least @want bytes from p on; returns how many there are. Fewer than @want means
 * that the input ends there: at_end is set then, and failed if it is not a proper end. The buffer
 * grows only as bytes arrive, up to @want and one block. Pointers into the buffer are void after
 * the call.
 */
size_t input_fill(struct input *in, size_t want);

/* Offset of p in the unpacked stream. */
uint64_t input_offset(const struct input *in);

/* Bytes of the file read so far, and in all (0: not known), for a progress bar. */
uint64_t input_done(const struct input *in);
uint64_t input_total(const struct input *in);
bool input_is_compressed(const struct input *in);

#endif
