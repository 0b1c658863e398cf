/* SPDX-License-Identifier: MIT */
/* A file that takes its name when it is complete, and leaves nothing if the program is stopped before. */
#ifndef CLI_NEWFILE_H
#define CLI_NEWFILE_H

struct newfile {
	int fd;
	char *target;    /* what @temporary becomes: @path, or the file that it is a link to */
	char *temporary; /* NULL: a device or pipe, which is written to as it is */
};

/*
 * Begin what is to be @path. A link stays one: the file behind it is replaced. Returns 0 or an errno, with
 * nothing to close.
 */
int newfile_open(struct newfile *f, const char *path);

/* @fd is the caller's, to close before. The file takes its name, or is forgotten. newfile_keep() returns 0 or an errno. */
int newfile_keep(struct newfile *f);
void newfile_drop(struct newfile *f);

#endif
