/* SPDX-License-Identifier: MIT */
/* Why a request was refused, in words: kept, and printed within the width of a report. */
#ifndef CLI_REFUSAL_H
#define CLI_REFUSAL_H

#include <stdio.h>

#include <quarry/quarry.h>

/* What quarry_show_refusal() says of @q's last refusal; to be freed. NULL: there was none. */
char *refusal_text(struct quarry *q);

/* The lines of @text behind @indent spaces, broken between words where they would be too long. NULL: nothing. */
void refusal_print(FILE *out, int indent, const char *text);

#endif
