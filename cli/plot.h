/* SPDX-License-Identifier: MIT */
/* Single pictures of a replay, for papers: --plot FILE --picture NAME. */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include <argp.h>

#include <history.h>
#include <report.h>

enum plot_picture {
	PLOT_MAP,        /* every pageblock at the end */
	PLOT_MAPTIME,    /* every pageblock over time */
	PLOT_ORDERS,     /* free blocks of each order */
	PLOT_UNUSABLE,   /* unusable free index */
	PLOT_WATERMARKS, /* free pages and watermarks */
	PLOT_SLABS,      /* bytes of the largest caches */
	PLOT_WASTE,      /* what of them nobody owns */
	PLOT_NR_PICTURES
};

struct plot_options {
	const char *path; /* NULL: no picture */
	enum plot_picture picture;
	bool png; /* else SVG; by the name */
};

/* --plot and --picture, as an argp child; its input is the struct plot_options, zeroed before. */
extern const struct argp plot_argp;

/* Draw what history_end() left. CLI_OK, or CLI_FAILED after a message, and no file then. */
int plot_write(const struct plot_options *o, const struct history *h, const struct report *r);

/* ---- the canvas: between plot.c and plot_canvas.c ---- */

enum plot_anchor { PLOT_START, PLOT_MIDDLE, PLOT_END };

/* A picture in points, from the upper left corner; colours are 0xrrggbb. */
struct plot_canvas;
struct plot_canvas *plot_canvas_new(bool png, double width, double height, const char *title);
void plot_rect(struct plot_canvas *c, double x, double y, double w, double h, uint32_t colour);
/* @dash: length of strokes and gaps; 0: a whole line. */
void plot_line(struct plot_canvas *c, const double *x, const double *y, size_t n, uint32_t colour,
	       double width, double dash);
void plot_text(struct plot_canvas *c, double x, double y, enum plot_anchor anchor, double size,
	       uint32_t colour, const char *text);
/* Write it and free it; 0 or an errno. */
int plot_canvas_end(struct plot_canvas *c, const char *path);

#endif
