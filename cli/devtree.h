/* SPDX-License-Identifier: MIT */
/* Devicetrees as memory maps: .dtb blobs by libfdt, .dts sources through the program dtc. */
#ifndef CLI_DEVTREE_H
#define CLI_DEVTREE_H

#include <map.h>

/* Bounds on dtc: what it may write, its memory, and how long it may run. */
#define DEVTREE_MAX_BLOB ((size_t)16 << 20)
#define DEVTREE_MAX_MEMORY ((size_t)1 << 30)
#define DEVTREE_SECONDS 10

/* Whether @len bytes at @data begin like a devicetree blob. */
bool devtree_is_blob(const void *data, size_t len);
/* Whether @text is devicetree source: /dts-v1/ is its first word, or @path ends in .dts. */
bool devtree_is_source(const char *path, const char *text, size_t len);

/* The first line of the comment at the start of a source that is not a format mark; NULL: none. To
 * be freed. */
char *devtree_title(const char *text, size_t len);

/*
 * Run dtc on @len bytes of source at @text; its messages go to @diag as "@path:LINE: ...". Included
 * files are looked for beside @path. Returns CLI_OK and the blob, which the caller frees; CLI_INPUT
 * if dtc refuses the text or takes too much; CLI_FAILED if there is no dtc.
 */
int devtree_compile(const char *path, const char *text, size_t len, struct strbuf *blob,
		    struct diag *diag);

/*
 * Fill @map, which has its path, from a blob of @len bytes. Returns CLI_OK; or CLI_INPUT, a message
 * in @diag and @map to be freed.
 */
int devtree_parse(struct map *map, const void *blob, size_t len, struct diag *diag);

#endif
