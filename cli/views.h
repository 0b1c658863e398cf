/* SPDX-License-Identifier: MIT */
/* The texts of /proc and /sys on memory, written as files. */
#ifndef CLI_VIEWS_H
#define CLI_VIEWS_H

#include <quarry/quarry.h>

/*
 * Writes @dir/buddyinfo, zoneinfo, vmstat ... and @dir/node/node0/meminfo ..., as Linux would show @q.
 * @dir is made if there is none; files of these names are replaced. Returns CLI_OK, or CLI_FAILED after a
 * message on standard error.
 */
int views_write(struct quarry *q, const char *dir);

#endif
