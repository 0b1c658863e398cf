/* SPDX-License-Identifier: MIT */
/* Ours beside Linux's, at the end of a recording; and how much of the machine was known at its start. */
#ifndef CLI_FAITHFUL_H
#define CLI_FAITHFUL_H

#include <jansson.h>

#include <report.h>

/* Both print nothing, or give null, for a recording without snapshots. */
void faithful_text(FILE *out, const struct report *r);
json_t *faithful_json(const struct report *r);

/* What was on the machine before the first event. */
void faithful_start_text(FILE *out, const struct report *r);
json_t *faithful_start_json(const struct report *r);

#endif
