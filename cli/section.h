/* SPDX-License-Identifier: MIT */
/* What the binary recordings have in common: sections with a tag and a length, up to one named END. */
#ifndef CLI_SECTION_H
#define CLI_SECTION_H

#include <trace.h>
#include <varint.h>

#define SECTION_MAX ((uint64_t)64 << 20)     /* bytes of a section */
#define SECTION_MAX_META ((uint64_t)4 << 20) /* of META */
#define SECTION_MAX_BLOCK 65536u             /* events of a block */
#define SECTION_MAX_COLUMNS 6

struct section {
	char tag[5];
	struct varint_cursor c; /* its bytes, in the input's buffer, as far as they are not read */
	const unsigned char *start; /* the first */
	uint64_t offset;            /* of that in the stream */
	uint64_t missing; /* bytes of an EVTS that the file lacks; other sections are whole */
};

/*
 * The next section whose tag is in @known, four characters each. Others are passed over, with a
 * warning. False: the recording is damaged there, and that was said; or it was an unknown one.
 */
bool section_next(struct trace *t, const char *known, struct section *s);
/* Go on behind @s. */
void section_done(struct trace *t, const struct section *s);
/* The file ends in @where: say so. */
void section_cut(struct trace *t, const char *where);
/* Offset in the stream of @p, which lies in @s. */
uint64_t section_offset(const struct section *s, const unsigned char *p);
/* Say that a section came again, if *@have; true if not, and set it. */
bool section_once(struct trace *t, const struct section *s, bool *have);

/*
 * The head of an EVTS section: the number of events, at most SECTION_MAX_BLOCK, and @nr columns. False: it
 * is damaged, and that was said.
 */
bool section_columns(struct trace *t, struct section *s, unsigned int nr,
		     struct varint_cursor *column, uint32_t *events);

/* Member @key of @meta, without control characters; NULL if there is none. The caller's. */
char *section_json_string(const void *meta, const char *key);
/* Member @key, 0 if it is no number above 0. */
uint64_t section_json_count(const void *meta, const char *key);
/* The JSON object in @s, to be freed by json_decref(); NULL: damaged, and that was said. */
void *section_json(struct trace *t, struct section *s);

#endif
