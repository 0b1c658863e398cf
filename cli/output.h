/* SPDX-License-Identifier: MIT */
/* A file that is written whole or not at all, and packed by zstd if its name ends in .zst. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <newfile.h>
#include <util.h>

struct output {
	const char *path; /* for messages */
	struct newfile place;
	struct strbuf *memory;
	FILE *file; /* NULL: memory */
	void *zstd; /* NULL: not packed */
	char *packed;
	uint64_t written; /* bytes before packing */
	int error;        /* the first errno; nothing is written from then on */
};

/*
 * Begin to write @path ("-": standard output), which stays as it is until output_finish(). Returns 0 or an
 * errno, with nothing to close. @path must stay. output_open_memory() appends to @memory.
 */
int output_open(struct output *o, const char *path);
void output_open_memory(struct output *o, struct strbuf *memory);

/* Errors are kept for output_finish(). */
void output_write(struct output *o, const void *data, size_t len);
void output_printf(struct output *o, const char *fmt, ...) UTIL_PRINTF(2, 3);

/* The file is complete and takes its name. Returns 0, or an errno: then there is no new file. */
int output_finish(struct output *o);
/* Forget it: the file of that name is what it was. */
void output_abandon(struct output *o);

#endif
