/* SPDX-License-Identifier: MIT */
/*
 * A formatter of our own, since src/ has no libc. It knows what the logs and the /proc texts need:
 * %s %c %d %i %u %x %X %p %%, lengths hh h l ll z, '-', '0', '#', width, '*' and precision of %s.
 */
#include <base/format.h>

#include <base/bits.h>

struct format_sink {
	char *buf;
	size_t size;
	size_t len; /* characters produced, kept or not */
};

struct format_spec {
	bool left, zero, alt;
	unsigned int width;
	unsigned int precision;
	bool has_precision;
	unsigned int longs; /* 0 int, 1 long, 2 long long, 3 size_t */
};

static void format_put(struct format_sink *s, char c)
{
	if (s->len < s->size)
		s->buf[s->len] = c;
	s->len++;
}

static void format_pad(struct format_sink *s, char c, unsigned int n)
{
	while (n-- > 0)
		format_put(s, c);
}

static void format_text(struct format_sink *s, const struct format_spec *f, const char *t,
			unsigned int n)
{
	unsigned int pad = f->width > n ? f->width - n : 0;

	if (!f->left)
		format_pad(s, ' ', pad);
	for (unsigned int i = 0; i < n; i++)
		format_put(s, t[i]);
	if (f->left)
		format_pad(s, ' ', pad);
}

static void format_number(struct format_sink *s, const struct format_spec *f, uint64_t v,
			  bool negative, unsigned int base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char t[24];
	unsigned int n = sizeof(t), len, pad;
	const char *prefix = negative ? "-" : f->alt && base == 16 ? "0x" : "";
	unsigned int prefix_len = negative ? 1 : f->alt && base == 16 ? 2 : 0;

	do {
		uint64_t rest = bits_div64(v, base);

		t[--n] = digits[v - rest * base];
		v = rest;
	} while (v != 0);
	len = (unsigned int)sizeof(t) - n + prefix_len;
	pad = f->width > len ? f->width - len : 0;
	if (!f->left && !f->zero)
		format_pad(s, ' ', pad);
	while (*prefix != '\0')
		format_put(s, *prefix++);
	if (!f->left && f->zero)
		format_pad(s, '0', pad);
	while (n < sizeof(t))
		format_put(s, t[n++]);
	if (f->left)
		format_pad(s, ' ', pad);
}

static unsigned int format_strlen(const char *t, const struct format_spec *f)
{
	unsigned int n = 0;

	while ((!f->has_precision || n < f->precision) && t[n] != '\0')
		n++;
	return n;
}

/* Parses what stands between '%' and the conversion; returns the conversion's place. */
static const char *format_parse(const char *p, struct format_spec *f, int star)
{
	for (;; p++) {
		if (*p == '-')
			f->left = true;
		else if (*p == '0')
			f->zero = true;
		else if (*p == '#')
			f->alt = true;
		else
			break;
	}
	if (*p == '*') {
		f->left = f->left || star < 0;
		f->width = star < 0 ? 0u - (unsigned int)star : (unsigned int)star;
		p++;
	}
	while (*p >= '0' && *p <= '9')
		f->width = f->width * 10 + (unsigned int)(*p++ - '0');
	if (*p == '.') {
		f->has_precision = true;
		p++;
		if (*p == '*') {
			f->has_precision = star >= 0;
			f->precision = (unsigned int)star;
			p++;
		}
		while (*p >= '0' && *p <= '9')
			f->precision = f->precision * 10 + (unsigned int)(*p++ - '0');
	}
	for (;; p++) {
		if (*p == 'l')
			f->longs++;
		else if (*p == 'z')
			f->longs = 3;
		else if (*p != 'h')
			return p;
	}
}

/* Whether the specification after '%' at @p takes its width or precision from the arguments. */
static bool format_has_star(const char *p)
{
	while (*p == '-' || *p == '0' || *p == '#' || *p == '.' || (*p >= '1' && *p <= '9'))
		p++;
	return *p == '*';
}

size_t quarry_vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct format_sink s = {buf, size, 0};

	for (const char *p = fmt; *p != '\0'; p++) {
		struct format_spec f = {0};
		uint64_t v;
		char c;

		if (*p != '%') {
			format_put(&s, *p);
			continue;
		}
		p = format_parse(p + 1, &f, format_has_star(p + 1) ? va_arg(ap, int) : 0);
		switch (*p) {
		case 's': {
			const char *t = va_arg(ap, const char *);

			t = t != NULL ? t : "(null)";
			format_text(&s, &f, t, format_strlen(t, &f));
			continue;
		}
		case 'c':
			c = (char)va_arg(ap, int);
			format_text(&s, &f, &c, 1);
			continue;
		case 'p':
			f.alt = true;
			format_number(&s, &f, (uintptr_t)va_arg(ap, void *), false, 16, false);
			continue;
		case 'd':
		case 'i': {
			int64_t i = f.longs == 0   ? va_arg(ap, int)
				    : f.longs == 1 ? va_arg(ap, long)
				    : f.longs == 2 ? va_arg(ap, long long)
						   : (int64_t)va_arg(ap, size_t);

			v = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
			format_number(&s, &f, v, i < 0, 10, false);
			continue;
		}
		case 'u':
		case 'x':
		case 'X':
			v = f.longs == 0   ? va_arg(ap, unsigned int)
			    : f.longs == 1 ? va_arg(ap, unsigned long)
			    : f.longs == 2 ? va_arg(ap, unsigned long long)
					   : va_arg(ap, size_t);
			format_number(&s, &f, v, false, *p == 'u' ? 10 : 16, *p == 'X');
			continue;
		case '\0':
			goto out;
		default:
			format_put(&s, *p);
		}
	}
out:
	if (size > 0)
		buf[s.len < size ? s.len : size - 1] = '\0';
	return s.len;
}

size_t quarry_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = quarry_vformat(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

void quarry_out_printf(const struct quarry_out *out, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	size_t n;

	if (out == NULL)
		return;
	va_start(ap, fmt);
	n = quarry_vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	out->write(out->ctx, line, quarry_min(n, sizeof(line) - 1));
}
