/* SPDX-License-Identifier: MIT */
/* The parts of a page, kept in the program: cli/web and the drawing library that the build brought. */
#ifndef CLI_WEBASSETS_H
#define CLI_WEBASSETS_H

#include <stddef.h>

enum webasset {
	WEBASSET_PAGE,   /* HTML with @@MARKS@@ */
	WEBASSET_STYLE,  /* CSS */
	WEBASSET_SCRIPT, /* JavaScript */
	WEBASSET_UPLOT,  /* empty if the build could not have it */
	WEBASSET_UPLOT_STYLE,
	WEBASSET_UPLOT_LICENCE,
	WEBASSET_NR
};

/* The text, @len bytes of it. */
const char *webasset_text(enum webasset asset, size_t *len);

#endif
