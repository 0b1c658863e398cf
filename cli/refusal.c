/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <refusal.h>
#include <util.h>

#define REFUSAL_WIDTH 100
#define REFUSAL_HANG 4 /* further lines of a long one stand so much to the right */

static void refusal_write(void *ctx, const char *text, size_t len)
{
	strbuf_add(ctx, text, len);
}

char *refusal_text(struct quarry *q)
{
	struct strbuf text = {0};
	struct quarry_out out = {refusal_write, &text};

	quarry_show_refusal(q, &out);
	return text.s;
}

static void refusal_print_line(FILE *out, int indent, const char *line, size_t len)
{
	int own = (int)strspn(line, " "), column = indent + own;
	size_t at = (size_t)own;

	fprintf(out, "%*s", column, "");
	while (at < len) {
		size_t word = strcspn(line + at, " \n");

		if (at > (size_t)own && column + 1 + (int)word > REFUSAL_WIDTH) {
			column = indent + own + REFUSAL_HANG;
			fprintf(out, "\n%*s", column, "");
		} else if (at > (size_t)own) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", (int)word, line + at);
		column += (int)word;
		at += word + strspn(line + at + word, " ");
	}
	fputc('\n', out);
}

void refusal_print(FILE *out, int indent, const char *text)
{
	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, "\n");

		refusal_print_line(out, indent, text, len);
		text += len + (text[len] == '\n');
	}
}
