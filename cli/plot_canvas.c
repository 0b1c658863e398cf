/* SPDX-License-Identifier: MIT */
/*
 * Where pictures are drawn: SVG is written here, with text as text, so that its bytes depend on nothing but the
 * picture; PNG by cairo, at twice the size in pixels.
 */
#include <cairo/cairo.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <plot.h>

#define CANVAS_SCALE 2.0
#define CANVAS_FONT "DejaVu Sans"

struct plot_canvas {
	struct strbuf svg;
	cairo_surface_t *surface; /* NULL: SVG */
	cairo_t *cr;
};

static void canvas_escape(struct strbuf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<')
			strbuf_addf(b, "&lt;");
		else if (*text == '>')
			strbuf_addf(b, "&gt;");
		else if (*text == '&')
			strbuf_addf(b, "&amp;");
		else if ((unsigned char)*text >= 0x20)
			strbuf_add(b, text, 1);
	}
}

struct plot_canvas *plot_canvas_new(bool png, double width, double height, const char *title)
{
	struct plot_canvas *c = xcalloc(1, sizeof(*c));

	if (png) {
		c->surface =
			cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(width * CANVAS_SCALE),
						   (int)(height * CANVAS_SCALE));
		c->cr = cairo_create(c->surface);
		cairo_scale(c->cr, CANVAS_SCALE, CANVAS_SCALE);
	} else {
		strbuf_addf(
			&c->svg,
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" "
			"viewBox=\"0 0 %g %g\" role=\"img\" font-family=\"'%s', 'Helvetica Neue', "
			"Arial, sans-serif\">\n<title>",
			width, height, width, height, CANVAS_FONT);
		canvas_escape(&c->svg, title);
		strbuf_addf(&c->svg, "</title>\n");
	}
	plot_rect(c, 0, 0, width, height, 0xffffff);
	return c;
}

static void canvas_colour(struct plot_canvas *c, uint32_t colour)
{
	cairo_set_source_rgb(c->cr, (colour >> 16) / 255.0, (colour >> 8 & 255) / 255.0,
			     (colour & 255) / 255.0);
}

void plot_rect(struct plot_canvas *c, double x, double y, double w, double h, uint32_t colour)
{
	if (c->cr == NULL) {
		strbuf_addf(&c->svg,
			    "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" "
			    "fill=\"#%06x\" shape-rendering=\"crispEdges\"/>\n",
			    x, y, w, h, colour);
		return;
	}
	canvas_colour(c, colour);
	/* Squares that touch must not mix their colours. */
	cairo_set_antialias(c->cr, CAIRO_ANTIALIAS_NONE);
	cairo_rectangle(c->cr, x, y, w, h);
	cairo_fill(c->cr);
	cairo_set_antialias(c->cr, CAIRO_ANTIALIAS_DEFAULT);
}

void plot_line(struct plot_canvas *c, const double *x, const double *y, size_t n, uint32_t colour,
	       double width, double dash)
{
	if (c->cr == NULL) {
		strbuf_addf(&c->svg,
			    "<polyline fill=\"none\" stroke=\"#%06x\" stroke-width=\"%g\" ", colour,
			    width);
		if (dash > 0)
			strbuf_addf(&c->svg, "stroke-dasharray=\"%g\" ", dash);
		strbuf_addf(&c->svg, "stroke-linejoin=\"round\" points=\"");
		for (size_t i = 0; i < n; i++)
			strbuf_addf(&c->svg, "%s%.2f,%.2f", i > 0 ? " " : "", x[i], y[i]);
		strbuf_addf(&c->svg, "\"/>\n");
		return;
	}
	canvas_colour(c, colour);
	cairo_set_line_width(c->cr, width);
	cairo_set_line_join(c->cr, CAIRO_LINE_JOIN_ROUND);
	cairo_set_dash(c->cr, &dash, dash > 0 ? 1 : 0, 0);
	for (size_t i = 0; i < n; i++)
		cairo_line_to(c->cr, x[i], y[i]);
	cairo_stroke(c->cr);
}

void plot_text(struct plot_canvas *c, double x, double y, enum plot_anchor anchor, double size,
	       uint32_t colour, const char *text)
{
	static const char *const names[] = {"start", "middle", "end"};
	cairo_text_extents_t box;

	if (c->cr == NULL) {
		strbuf_addf(&c->svg,
			    "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%g\" text-anchor=\"%s\" "
			    "fill=\"#%06x\">",
			    x, y, size, names[anchor], colour);
		canvas_escape(&c->svg, text);
		strbuf_addf(&c->svg, "</text>\n");
		return;
	}
	canvas_colour(c, colour);
	cairo_select_font_face(c->cr, CANVAS_FONT, CAIRO_FONT_SLANT_NORMAL,
			       CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(c->cr, size);
	cairo_text_extents(c->cr, text, &box);
	cairo_move_to(c->cr, x - box.x_advance * (double)anchor / 2, y);
	cairo_show_text(c->cr, text);
	cairo_new_path(c->cr);
}

static cairo_status_t canvas_png(void *ctx, const unsigned char *data, unsigned int len)
{
	strbuf_add(ctx, (const char *)data, len);
	return CAIRO_STATUS_SUCCESS;
}

int plot_canvas_end(struct plot_canvas *c, const char *path)
{
	int err = 0;

	if (c->cr == NULL) {
		strbuf_addf(&c->svg, "</svg>\n");
	} else {
		if (cairo_status(c->cr) != CAIRO_STATUS_SUCCESS ||
		    cairo_surface_write_to_png_stream(c->surface, canvas_png, &c->svg) !=
			    CAIRO_STATUS_SUCCESS)
			err = ENOMEM;
		cairo_destroy(c->cr);
		cairo_surface_destroy(c->surface);
	}
	if (err == 0 && strcmp(path, "-") == 0)
		fwrite(c->svg.s, 1, c->svg.len, stdout);
	else if (err == 0)
		err = util_write_file(path, c->svg.s, c->svg.len);
	strbuf_free(&c->svg);
	free(c);
	return err;
}
