/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <progress.h>
#include <util.h>

#define PROGRESS_WIDTH 30
#define PROGRESS_FIRST_NS 200000000u
#define PROGRESS_EVERY_NS 100000000u

void progress_start(struct progress *p, const char *what, const char *unit, uint64_t total,
		    enum progress_mode mode)
{
	*p = (struct progress){.what = what, .unit = unit, .total = total};
	p->shown = mode == PROGRESS_ALWAYS || (mode == PROGRESS_AUTO && isatty(STDERR_FILENO) == 1);
	p->start_ns = util_now_ns();
	/* Work that is done at once shows no bar, unless one was asked for. */
	p->next_ns = p->start_ns + (mode == PROGRESS_ALWAYS ? 0 : PROGRESS_FIRST_NS);
}

static void progress_eta(const struct progress *p, double share, double seconds)
{
	double left;

	if (p->total == 0 || share < 0.001 || seconds <= 0)
		return;
	left = seconds / share - seconds + 0.5;
	if (left < 3600 * 100)
		fprintf(stderr, "  %" PRIu64 ":%02" PRIu64 " left", (uint64_t)left / 60,
			(uint64_t)left % 60);
}

static void progress_draw(struct progress *p, uint64_t done, uint64_t count, uint64_t now)
{
	double seconds = (double)(now - p->start_ns) / 1e9, share = 0;
	char total[UTIL_SIZE_BUF], rate[UTIL_SIZE_BUF], bar[PROGRESS_WIDTH + 1];
	size_t filled;

	util_human_count((double)count, total);
	util_human_count(seconds > 0 ? (double)count / seconds : 0, rate);
	fprintf(stderr, "\r%s ", p->what);
	if (p->total != 0) {
		share = done >= p->total ? 1 : (double)done / (double)p->total;
		filled = (size_t)(share * PROGRESS_WIDTH);
		memset(bar, '.', PROGRESS_WIDTH);
		memset(bar, '#', filled);
		bar[PROGRESS_WIDTH] = '\0';
		fprintf(stderr, "[%s] %3.0f%%", bar, share * 100);
	}
	fprintf(stderr, "  %s %s  %s/s", total, p->unit, rate);
	progress_eta(p, share, seconds);
	fputs("\033[K", stderr);
	fflush(stderr);
	p->on_screen = true;
}

void progress_update(struct progress *p, uint64_t done, uint64_t count)
{
	uint64_t now;

	if (!p->shown)
		return;
	now = util_now_ns();
	if (now < p->next_ns)
		return;
	p->next_ns = now + PROGRESS_EVERY_NS;
	progress_draw(p, done, count, now);
}

void progress_end(struct progress *p)
{
	if (p->on_screen) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	p->shown = p->on_screen = false;
}
