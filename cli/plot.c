/* SPDX-License-Identifier: MIT */
/*
 * Single pictures of a replay.
 *
 * A picture is 720 points wide: title, plot, legend at the right, and a caption that says which recording on which machine
 * with which options it shows. Those of zones show the largest zone. Colours are Okabe and Ito's, and viridis for orders.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <plot.h>
#include <verbs.h>

#define PLOT_WIDTH 720.0
#define PLOT_HEIGHT 400.0
#define PLOT_LEFT 78.0
#define PLOT_TOP 40.0
#define PLOT_AREA_WIDTH 486.0
#define PLOT_AREA_HEIGHT 276.0
#define PLOT_INK 0x16202c
#define PLOT_SOFT 0x526070
#define PLOT_GRID 0xe4e8ed
#define PLOT_MAX_SERIES 16
#define PLOT_MAP_ROWS 256u
#define PLOT_MAP_COLUMNS 250u

static const struct {
	const char *name, *title;
} plot_pictures[PLOT_NR_PICTURES] = {
	[PLOT_MAP] = {"map", "Pageblocks at the end, by migratetype"},
	[PLOT_MAPTIME] = {"maptime", "Pageblocks over time, by migratetype"},
	[PLOT_ORDERS] = {"orders", "Free blocks of each order"},
	[PLOT_UNUSABLE] = {"unusable", "Unusable free index"},
	[PLOT_WATERMARKS] = {"watermarks", "Free memory and watermarks"},
	[PLOT_SLABS] = {"slabs", "Memory in slabs"},
	[PLOT_WASTE] = {"waste", "Waste in slabs"},
};

static const uint32_t plot_palette[] = {0x0072b2, 0xe69f00, 0x009e73, 0xcc79a7, 0x56b4e9,
					0xd55e00, 0x7a5cc4, 0x8c6d31, 0x1b9e9e, 0xa3475c};
static const uint32_t plot_orders[] = {0x440154, 0x482475, 0x414487, 0x355f8d, 0x2a788e, 0x21908d,
				       0x22a884, 0x43bf71, 0x7ad151, 0xbbdf27, 0xe6c81e};
static const uint32_t plot_types[] = {0xd55e00, 0x2f8fd0, 0x009e73, 0xcc79a7, 0xe69f00, 0x8a8a8a};

/* ---- options ---- */

enum { PLOT_OPT_PLOT = 768, PLOT_OPT_PICTURE };

static const struct argp_option plot_argp_options[] = {
	{"plot", PLOT_OPT_PLOT, "FILE", 0,
	 "Draw one picture of the replay into FILE, which ends in .svg or .png", 0},
	{"picture", PLOT_OPT_PICTURE, "NAME", 0,
	 "Which: map (default), maptime, orders, unusable, watermarks, slabs, waste", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static bool plot_ends(const char *path, const char *end)
{
	size_t len = strlen(path), n = strlen(end);

	return len > n && strcmp(path + len - n, end) == 0;
}

static error_t plot_parse(int key, char *arg, struct argp_state *state)
{
	struct plot_options *o = state->input;

	switch (key) {
	case PLOT_OPT_PLOT:
		o->path = arg;
		o->png = plot_ends(arg, ".png");
		if (!o->png && !plot_ends(arg, ".svg"))
			argp_error(state, "--plot=%s: expected a name that ends in .svg or .png",
				   arg);
		return 0;
	case PLOT_OPT_PICTURE:
		for (int i = 0; i < PLOT_NR_PICTURES; i++) {
			if (strcmp(arg, plot_pictures[i].name) == 0) {
				o->picture = (enum plot_picture)i;
				return 0;
			}
		}
		argp_error(
			state,
			"--picture=%s: expected map, maptime, orders, unusable, watermarks, slabs "
			"or waste",
			arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp plot_argp = {.options = plot_argp_options, .parser = plot_parse};

/* ---- curves ---- */

struct plot_series {
	const char *name;
	uint32_t colour;
	double dash, *y;
};

enum plot_scale { PLOT_COUNTS_LOG, PLOT_PERCENT, PLOT_BYTES };

struct plot_curves {
	struct plot_canvas *canvas;
	enum plot_scale scale;
	struct plot_series series[PLOT_MAX_SERIES];
	unsigned int nr_series, nr;
	double *x;    /* seconds */
	double top;   /* of the y axis, in y */
	double x_end; /* of the x axis */
};

static double plot_scaled(const struct plot_curves *p, double y)
{
	return p->scale == PLOT_COUNTS_LOG ? log10(1 + y) : y;
}

static double plot_y(const struct plot_curves *p, double y)
{
	return PLOT_TOP + PLOT_AREA_HEIGHT * (1 - plot_scaled(p, y) / plot_scaled(p, p->top));
}

static double plot_x(const struct plot_curves *p, double x)
{
	return PLOT_LEFT + (p->x_end > 0 ? PLOT_AREA_WIDTH * x / p->x_end : 0);
}

/* 1, 2 or 5 times a power of ten: about @n of them up to @end. */
static double plot_step(double end, double n)
{
	double raw = end / n, base = pow(10, floor(log10(raw > 0 ? raw : 1)));

	if (raw <= base)
		return base;
	return raw <= 2 * base ? 2 * base : raw <= 5 * base ? 5 * base : 10 * base;
}

static void plot_y_label(const struct plot_curves *p, double v, const char *text)
{
	double x[2] = {PLOT_LEFT, PLOT_LEFT + PLOT_AREA_WIDTH}, y[2] = {plot_y(p, v), plot_y(p, v)};

	plot_line(p->canvas, x, y, 2, PLOT_GRID, 0.8, 0);
	plot_text(p->canvas, PLOT_LEFT - 7, y[0] + 4, PLOT_END, 11, PLOT_SOFT, text);
}

static void plot_y_axis(const struct plot_curves *p)
{
	char text[UTIL_SIZE_BUF];
	double step;

	if (p->scale == PLOT_COUNTS_LOG) {
		plot_y_label(p, 0, "0");
		for (double v = 1; v <= p->top; v *= 10) {
			snprintf(text, sizeof(text), "%.0f", v);
			plot_y_label(p, v, text);
		}
		return;
	}
	step = p->scale == PLOT_BYTES ? exp2(ceil(log2(p->top / 6))) : plot_step(p->top, 5);
	for (double v = 0; v <= p->top * 1.0001; v += step) {
		if (p->scale == PLOT_BYTES)
			util_human_size((uint64_t)v, text);
		else
			snprintf(text, sizeof(text), "%g %%", round(v * 1000) / 10);
		plot_y_label(p, v, text);
	}
}

static void plot_x_axis(struct plot_canvas *c, double x_end)
{
	double step = plot_step(x_end, 7);
	char text[32];

	for (double v = 0; x_end > 0 && v <= x_end * 1.0001; v += step) {
		double at = PLOT_LEFT + PLOT_AREA_WIDTH * v / x_end;

		snprintf(text, sizeof(text), "%g s", round(v * 1e6) / 1e6);
		plot_text(c, at, PLOT_TOP + PLOT_AREA_HEIGHT + 17, PLOT_MIDDLE, 11, PLOT_SOFT,
			  text);
	}
}

static void plot_legend(struct plot_canvas *c, unsigned int i, uint32_t colour, double dash,
			const char *name)
{
	double x[2] = {PLOT_LEFT + PLOT_AREA_WIDTH + 14, PLOT_LEFT + PLOT_AREA_WIDTH + 34};
	double y[2] = {PLOT_TOP + 8 + 18 * i, PLOT_TOP + 8 + 18 * i};
	char text[20];

	snprintf(text, sizeof(text), "%s", name);
	plot_line(c, x, y, 2, colour, 2.4, dash);
	plot_text(c, x[1] + 6, y[1] + 4, PLOT_START, 11, PLOT_INK, text);
}

static struct plot_series *plot_add(struct plot_curves *p, const char *name, uint32_t colour,
				    double dash)
{
	struct plot_series *s = &p->series[p->nr_series++];

	s->name = name;
	s->colour = colour;
	s->dash = dash;
	s->y = xcalloc(p->nr + 1, sizeof(s->y[0]));
	return s;
}

static void plot_curves_draw(struct plot_curves *p)
{
	double *x = xcalloc(p->nr + 1, sizeof(*x)), *y = xcalloc(p->nr + 1, sizeof(*y));
	double most = 0;

	for (unsigned int s = 0; s < p->nr_series; s++) {
		for (unsigned int i = 0; i < p->nr; i++)
			most = fmax(most, p->series[s].y[i]);
	}
	p->top = most > 0 ? most * 1.06 : 1;
	if (p->scale == PLOT_PERCENT)
		p->top = fmin(1, fmax(most * 1.1, 0.05));
	plot_y_axis(p);
	plot_x_axis(p->canvas, p->x_end);
	for (unsigned int s = 0; s < p->nr_series; s++) {
		for (unsigned int i = 0; i < p->nr; i++) {
			x[i] = plot_x(p, p->x[i]);
			y[i] = plot_y(p, p->series[s].y[i]);
		}
		plot_line(p->canvas, x, y, p->nr, p->series[s].colour, 1.4, p->series[s].dash);
		plot_legend(p->canvas, s, p->series[s].colour, p->series[s].dash,
			    p->series[s].name);
		free(p->series[s].y);
	}
	free(x);
	free(y);
}

/* ---- what the curves are ---- */

static unsigned int plot_zone(const struct history *h)
{
	unsigned int best = 0;

	for (unsigned int z = 1; z < h->nr_zones; z++) {
		if (h->zone[z].managed > h->zone[best].managed)
			best = z;
	}
	return best;
}

static void plot_of_orders(struct plot_curves *p, const struct history *h, bool unusable)
{
	static const char *const names[] = {"order 0", "order 1", "order 2", "order 3",
					    "order 4", "order 5", "order 6", "order 7",
					    "order 8", "order 9", "order 10"};
	unsigned int z = plot_zone(h);

	p->scale = unusable ? PLOT_PERCENT : PLOT_COUNTS_LOG;
	for (unsigned int o = unusable; o < QUARRY_NR_ORDERS; o++) {
		struct plot_series *s = plot_add(p, names[o], plot_orders[o], 0);

		for (unsigned int i = 0; i < p->nr; i++) {
			unsigned long blocks[QUARRY_NR_ORDERS];

			for (unsigned int k = 0; k < QUARRY_NR_ORDERS; k++)
				blocks[k] = (unsigned long)history_value(
					h, i, history_zone_at(z, HISTORY_BLOCKS + k));
			s->y[i] = unusable ? report_unusable(blocks, o) : (double)blocks[o];
		}
	}
}

static void plot_of_watermarks(struct plot_curves *p, const struct history *h)
{
	static const struct {
		const char *name;
		unsigned int column, colour;
		double dash;
	} lines[] = {
		{"free", HISTORY_FREE, 0, 0},
		{"high", HISTORY_HIGH, 2, 2},
		{"low", HISTORY_LOW, 1, 6},
		{"min", HISTORY_MIN, 5, 0},
	};

	p->scale = PLOT_BYTES;
	for (size_t l = 0; l < sizeof(lines) / sizeof(lines[0]); l++) {
		struct plot_series *s =
			plot_add(p, lines[l].name, plot_palette[lines[l].colour], lines[l].dash);

		for (unsigned int i = 0; i < p->nr; i++)
			s->y[i] = (double)history_value(
					  h, i, history_zone_at(plot_zone(h), lines[l].column)) *
				  QUARRY_PAGE_SIZE;
	}
}

static double plot_cache(const struct history_cache *c, unsigned int i, bool waste)
{
	uint64_t used = c->value[i][HISTORY_OBJECTS] * c->object_size,
		 all = c->value[i][HISTORY_BYTES];

	if (!waste)
		return (double)all;
	return all > used ? (double)(all - used) : 0;
}

static double plot_cache_peak(const struct history *h, const struct history_cache *c, bool waste)
{
	double most = 0;

	for (unsigned int i = 0; i < h->nr; i++)
		most = fmax(most, plot_cache(c, i, waste));
	return most;
}

/* All caches together, then the nine largest. */
static void plot_of_caches(struct plot_curves *p, const struct history *h, bool waste)
{
	bool *taken = xcalloc(h->nr_caches + 1, sizeof(*taken));
	struct plot_series *all = plot_add(p, "all caches", PLOT_INK, 4);

	p->scale = PLOT_BYTES;
	for (unsigned int c = 0; c < h->nr_caches; c++) {
		for (unsigned int i = 0; i < p->nr; i++)
			all->y[i] += plot_cache(&h->caches[c], i, waste);
	}
	for (unsigned int k = 0; k < 9 && k < h->nr_caches; k++) {
		unsigned int best = h->nr_caches;
		double most = -1;
		struct plot_series *s;

		for (unsigned int c = 0; c < h->nr_caches; c++) {
			double peak = taken[c] ? -2 : plot_cache_peak(h, &h->caches[c], waste);

			if (peak > most) {
				most = peak;
				best = c;
			}
		}
		taken[best] = true;
		s = plot_add(p, h->caches[best].name, plot_palette[k], 0);
		for (unsigned int i = 0; i < p->nr; i++)
			s->y[i] = plot_cache(&h->caches[best], i, waste);
	}
	free(taken);
}

static void plot_curves(struct plot_canvas *c, enum plot_picture picture, const struct history *h)
{
	struct plot_curves p = {.canvas = c, .nr = h->nr};

	p.x = xcalloc(h->nr + 1, sizeof(p.x[0]));
	for (unsigned int i = 0; i < h->nr; i++)
		p.x[i] = (double)history_value(h, i, HISTORY_TIME_NS) / 1e9;
	p.x_end = h->nr > 0 ? p.x[h->nr - 1] : 0;
	if (picture == PLOT_ORDERS || picture == PLOT_UNUSABLE)
		plot_of_orders(&p, h, picture == PLOT_UNUSABLE);
	else if (picture == PLOT_WATERMARKS)
		plot_of_watermarks(&p, h);
	else
		plot_of_caches(&p, h, picture == PLOT_WASTE);
	plot_curves_draw(&p);
	free(p.x);
}

/* ---- maps ---- */

static uint32_t plot_mix(uint32_t from, uint32_t to, double t)
{
	uint32_t out = 0;

	for (unsigned int shift = 0; shift < 24; shift += 8) {
		double a = from >> shift & 255, b = to >> shift & 255;

		out |= (uint32_t)lround(a + (b - a) * t) << shift;
	}
	return out;
}

/* Colour of a cell at a sample: its type, paler the more of it is free, in five steps. */
static uint32_t plot_cell(const struct history *h, unsigned int sample, unsigned int cell)
{
	const uint8_t *v = h->cells + (size_t)sample * h->nr_cells * HISTORY_CELL_BYTES + cell;
	unsigned int free = v[h->nr_cells] | (unsigned int)v[h->nr_cells * 2] << 8;
	double used = ceil((1 - free / (double)QUARRY_PAGEBLOCK_PAGES) * 4) / 4;

	if (v[0] == HISTORY_NO_TYPE)
		return 0xf0f1f3;
	return plot_mix(0xe9edf2, plot_types[v[0]], 0.18 + 0.82 * used);
}

static void plot_type_legend(struct plot_canvas *c)
{
	static const char *const names[] = {"Unmovable", "Movable", "Reclaimable"};
	double x = PLOT_LEFT + PLOT_AREA_WIDTH + 14;

	for (unsigned int t = 0; t < 3; t++) {
		plot_rect(c, x, PLOT_TOP + 18 * t, 12, 12, plot_types[t]);
		plot_text(c, x + 18, PLOT_TOP + 10 + 18 * t, PLOT_START, 11, PLOT_INK, names[t]);
	}
	plot_text(c, x, PLOT_TOP + 70, PLOT_START, 10, PLOT_SOFT, "paler: more is free");
	plot_rect(c, x, PLOT_TOP + 80, 12, 12, 0xf0f1f3);
	plot_text(c, x + 18, PLOT_TOP + 90, PLOT_START, 10, PLOT_SOFT, "not the allocator's");
}

static void plot_map(struct plot_canvas *c, const struct history *h)
{
	double size = floor(sqrt(PLOT_AREA_WIDTH * PLOT_AREA_HEIGHT / (h->nr_cells + 1)) * 2) / 2;
	unsigned int columns, last = h->nr - 1;

	size = fmin(fmax(size, 2), 26);
	columns = (unsigned int)(PLOT_AREA_WIDTH / size);
	while (h->nr_cells > columns * (unsigned int)(PLOT_AREA_HEIGHT / size) && size > 1.5) {
		size -= 0.25;
		columns = (unsigned int)(PLOT_AREA_WIDTH / size);
	}
	for (unsigned int cell = 0; cell < h->nr_cells; cell++)
		plot_rect(c, PLOT_LEFT + cell % columns * size, PLOT_TOP + cell / columns * size,
			  size > 4 ? size - 0.8 : size, size > 4 ? size - 0.8 : size,
			  plot_cell(h, last, cell));
	plot_text(c, PLOT_LEFT - 7, PLOT_TOP + 10, PLOT_END, 11, PLOT_SOFT, "0");
	plot_type_legend(c);
}

/* The sample that was newest at recorded time @t. */
static unsigned int plot_sample_at(const struct history *h, double ns, unsigned int from)
{
	while (from + 1 < h->nr && (double)history_value(h, from + 1, HISTORY_TIME_NS) <= ns)
		from++;
	return from;
}

static void plot_maptime(struct plot_canvas *c, const struct history *h)
{
	unsigned int rows = h->nr_cells < PLOT_MAP_ROWS ? h->nr_cells : PLOT_MAP_ROWS;
	double end = (double)history_value(h, h->nr - 1, HISTORY_TIME_NS);
	double height = PLOT_AREA_HEIGHT / rows, width = PLOT_AREA_WIDTH / PLOT_MAP_COLUMNS;
	char text[64];

	for (unsigned int row = 0; row < rows; row++) {
		unsigned int cell = (unsigned int)((uint64_t)row * h->nr_cells / rows), start = 0;
		unsigned int sample = 0;
		uint32_t colour = 0;

		for (unsigned int i = 0; i <= PLOT_MAP_COLUMNS; i++) {
			uint32_t now = 0;

			if (i < PLOT_MAP_COLUMNS) {
				sample =
					plot_sample_at(h, end * (i + 1) / PLOT_MAP_COLUMNS, sample);
				now = plot_cell(h, sample, cell);
			}
			if (i > 0 && (i == PLOT_MAP_COLUMNS || now != colour)) {
				plot_rect(c, PLOT_LEFT + start * width, PLOT_TOP + row * height,
					  (i - start) * width, height, colour);
				start = i;
			}
			colour = now;
		}
	}
	plot_text(c, PLOT_LEFT - 7, PLOT_TOP + 10, PLOT_END, 11, PLOT_SOFT, "pageblock 0");
	snprintf(text, sizeof(text), "%" PRIu64, h->nr_blocks - 1);
	plot_text(c, PLOT_LEFT - 7, PLOT_TOP + PLOT_AREA_HEIGHT, PLOT_END, 11, PLOT_SOFT, text);
	plot_x_axis(c, end / 1e9);
	plot_type_legend(c);
}

/* ---- the picture ---- */

static void plot_title(struct strbuf *b, const struct plot_options *o, const struct history *h)
{
	unsigned int z = plot_zone(h);

	strbuf_addf(b, "%s", plot_pictures[o->picture].title);
	if (o->picture == PLOT_ORDERS || o->picture == PLOT_UNUSABLE ||
	    o->picture == PLOT_WATERMARKS)
		strbuf_addf(b, ", node %d %s", h->zone[z].nid, quarry_zone_name(h->zone[z].type));
	if (h->cell_shift > 0 && (o->picture == PLOT_MAP || o->picture == PLOT_MAPTIME))
		strbuf_addf(b, " (%u to a square)", 1u << h->cell_shift);
}

static void plot_caption(struct plot_canvas *c, const struct history *h, const struct report *r)
{
	char size[UTIL_SIZE_BUF], line[160];

	snprintf(line, sizeof(line), "%.60s on %.60s (%s)", r->trace_path, r->map_path,
		 util_human_size(r->machine->ram_bytes, size));
	plot_text(c, PLOT_LEFT, PLOT_HEIGHT - 30, PLOT_START, 10, PLOT_SOFT, line);
	snprintf(line, sizeof(line), "%s%.80s%s%s%" PRIu64 " events, quarry %s",
		 r->cmdline != NULL ? "\"" : "", r->cmdline != NULL ? r->cmdline : "",
		 r->cmdline != NULL ? "\", " : "", r->pressure != NULL ? "with page cache, " : "",
		 history_value(h, h->nr - 1, HISTORY_EVENT), CLI_VERSION);
	plot_text(c, PLOT_LEFT, PLOT_HEIGHT - 14, PLOT_START, 10, PLOT_SOFT, line);
}

int plot_write(const struct plot_options *o, const struct history *h, const struct report *r)
{
	struct strbuf title = {0};
	struct plot_canvas *c;
	int err;

	if (h->nr == 0 || h->nr_cells == 0) {
		util_error("%s: there is nothing to draw", o->path);
		return CLI_FAILED;
	}
	plot_title(&title, o, h);
	c = plot_canvas_new(o->png, PLOT_WIDTH, PLOT_HEIGHT, title.s);
	plot_text(c, PLOT_LEFT, 24, PLOT_START, 15, PLOT_INK, title.s);
	if (o->picture == PLOT_MAP)
		plot_map(c, h);
	else if (o->picture == PLOT_MAPTIME)
		plot_maptime(c, h);
	else
		plot_curves(c, o->picture, h);
	plot_caption(c, h, r);
	strbuf_free(&title);
	err = plot_canvas_end(c, o->path);
	if (err != 0) {
		util_error("%s: %s", o->path, strerror(err));
		return CLI_FAILED;
	}
	return CLI_OK;
}
