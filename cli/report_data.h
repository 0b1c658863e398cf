/* SPDX-License-Identifier: MIT */
/* All that a page or a picture of a replay shows, as one JSON object: docs/report.md. */
#ifndef CLI_REPORT_DATA_H
#define CLI_REPORT_DATA_H

#include <jansson.h>

#include <history.h>
#include <report.h>

/* The replay is over and history_end() was called. NULL: the host is out of memory. */
json_t *report_data(const struct history *h, const struct report *r);

#endif
