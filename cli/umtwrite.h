/* SPDX-License-Identifier: MIT */
/* The writer of UMT1. */
#ifndef CLI_UMTWRITE_H
#define CLI_UMTWRITE_H

#include <output.h>
#include <umt.h>

struct umtwrite;

/* Write the head to @o; @meta is the JSON object of the recording. */
struct umtwrite *umtwrite_begin(struct output *o, const char *meta, size_t len);
/*
 * The next event. What must hold: numbers of blocks in ev->made go up by one from 1, times do not go down.
 */
void umtwrite_event(struct umtwrite *w, const struct umt_event *ev);
/* The last block and the end. Errors are output_finish()'s to tell. */
void umtwrite_end(struct umtwrite *w);

#endif
