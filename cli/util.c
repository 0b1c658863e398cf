/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <newfile.h>
#include <util.h>

static void util_no_memory(void)
{
	fputs("quarry: out of memory\n", stderr);
	exit(CLI_FAILED);
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (p == NULL)
		util_no_memory();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (p == NULL)
		util_no_memory();
	return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n ? n : 1, size ? size : 1);
	if (p == NULL)
		util_no_memory();
	return p;
}

char *xstrndup(const char *s, size_t n)
{
	char *copy = strndup(s, n);

	if (copy == NULL)
		util_no_memory();
	return copy;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

/* Room for @more bytes and the ending 0. */
static void strbuf_grow(struct strbuf *b, size_t more)
{
	size_t need;

	if (__builtin_add_overflow(b->len, more, &need) || need >= SIZE_MAX / 2)
		util_no_memory();
	if (need + 1 <= b->cap)
		return;
	b->cap = need + 1 < 64 ? 64 : (need + 1) * 2;
	b->s = xrealloc(b->s, b->cap, 1);
}

void strbuf_add(struct strbuf *b, const char *s, size_t len)
{
	strbuf_grow(b, len);
	memcpy(b->s + b->len, s, len);
	b->len += len;
	b->s[b->len] = '\0';
}

void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap)
{
	char *text;
	int n = vasprintf(&text, fmt, ap);

	if (n < 0)
		util_no_memory();
	strbuf_add(b, text, (size_t)n);
	free(text);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(b, fmt, ap);
	va_end(ap);
}

void strbuf_free(struct strbuf *b)
{
	free(b->s);
	*b = (struct strbuf){0};
}

static void diag_start(struct diag *d, const char *file, unsigned long line)
{
	if (file != NULL && line != 0)
		strbuf_addf(&d->text, "%s:%lu: ", file, line);
	else if (file != NULL)
		strbuf_addf(&d->text, "%s: ", file);
}

void diag_error(struct diag *d, const char *file, unsigned long line, const char *fmt, ...)
{
	va_list ap;

	d->nr_errors++;
	diag_start(d, file, line);
	va_start(ap, fmt);
	strbuf_vaddf(&d->text, fmt, ap);
	va_end(ap);
	strbuf_add(&d->text, "\n", 1);
}

void diag_warn(struct diag *d, const char *file, unsigned long line, const char *fmt, ...)
{
	va_list ap;

	if (d->nr_warnings++ >= DIAG_MAX_WARNINGS)
		return;
	diag_start(d, file, line);
	strbuf_addf(&d->text, "warning: ");
	va_start(ap, fmt);
	strbuf_vaddf(&d->text, fmt, ap);
	va_end(ap);
	strbuf_add(&d->text, "\n", 1);
}

void diag_print(struct diag *d, FILE *out, const char *prefix)
{
	const char *s = d->text.s;

	while (s != NULL && *s != '\0') {
		const char *end = strchr(s, '\n');
		size_t len = end != NULL ? (size_t)(end - s) : strlen(s);

		fprintf(out, "%s%.*s\n", prefix, (int)len, s);
		s += len + (end != NULL);
	}
	if (d->nr_warnings > DIAG_MAX_WARNINGS)
		fprintf(out, "%s... and %u more warnings\n", prefix,
			d->nr_warnings - DIAG_MAX_WARNINGS);
	diag_free(d);
}

void diag_free(struct diag *d)
{
	strbuf_free(&d->text);
	*d = (struct diag){0};
}

static void util_message(const char *kind, const char *fmt, va_list ap)
{
	fflush(stdout);
	fprintf(stderr, "quarry: %s", kind);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void util_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	util_message("", fmt, ap);
	va_end(ap);
}

void util_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	util_message("warning: ", fmt, ap);
	va_end(ap);
}

static int util_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static bool util_scan_digits(const char **s, uint64_t base, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;

	if ((uint64_t)util_digit(*p) >= base)
		return false;
	for (; (uint64_t)util_digit(*p) < base; p++)
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)util_digit(*p), &v))
			return false;
	*s = p;
	*out = v;
	return true;
}

bool util_scan_dec(const char **s, uint64_t *out)
{
	return util_scan_digits(s, 10, out);
}

bool util_scan_hex(const char **s, uint64_t *out)
{
	const char *p = *s;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	if (!util_scan_digits(&p, 16, out))
		return false;
	*s = p;
	return true;
}

static bool util_scan_u64(const char **s, uint64_t *out)
{
	if ((*s)[0] == '0' && ((*s)[1] == 'x' || (*s)[1] == 'X'))
		return util_scan_hex(s, out);
	return util_scan_dec(s, out);
}

bool util_parse_u64(const char *s, uint64_t *out)
{
	uint64_t v;

	if (!util_scan_u64(&s, &v) || *s != '\0')
		return false;
	*out = v;
	return true;
}

bool util_scan_size(const char **s, uint64_t *out)
{
	static const char units[] = "KMGTPE";
	const char *p = *s, *unit;
	uint64_t v;

	if (!util_scan_u64(&p, &v))
		return false;
	unit = *p != '\0' ? strchr(units, *p >= 'a' ? *p - 'a' + 'A' : *p) : NULL;
	if (unit != NULL) {
		if (__builtin_mul_overflow(v, (uint64_t)1 << (10 * (unit - units + 1)), &v))
			return false;
		p++;
	}
	*s = p;
	*out = v;
	return true;
}

bool util_parse_size(const char *s, uint64_t *out)
{
	uint64_t v;

	if (!util_scan_size(&s, &v) || *s != '\0')
		return false;
	*out = v;
	return true;
}

const char *util_human_size(uint64_t bytes, char *buf)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1024 && u < 6) {
		v /= 1024;
		u++;
	}
	if (u == 0 || v >= 100 || v == (double)(uint64_t)v)
		snprintf(buf, UTIL_SIZE_BUF, "%.0f %s", v, units[u]);
	else
		snprintf(buf, UTIL_SIZE_BUF, "%.1f %s", v, units[u]);
	return buf;
}

const char *util_human_count(double n, char *buf)
{
	static const char *const units[] = {"", " k", " M", " G", " T"};
	size_t u = 0;

	while (n >= 1000 && u < 4) {
		n /= 1000;
		u++;
	}
	snprintf(buf, UTIL_SIZE_BUF, u == 0 || n >= 100 ? "%.0f%s" : "%.1f%s", n, units[u]);
	return buf;
}

uint64_t util_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int util_write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int util_write_file(const char *path, const void *data, size_t len)
{
	struct newfile f;
	int err = newfile_open(&f, path);

	if (err != 0)
		return err;
	err = util_write_all(f.fd, data, len);
	if (err == 0 && f.temporary != NULL && fsync(f.fd) != 0)
		err = errno;
	if (close(f.fd) != 0 && err == 0)
		err = errno;
	if (err == 0)
		err = newfile_keep(&f);
	else
		newfile_drop(&f);
	return err;
}

int util_close_stdout(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_OK;
	/* A reader that has seen enough (| head) is no news. */
	if (poll(&out, 1, 0) != 1 || !(out.revents & POLLERR))
		util_error("standard output: cannot write all of it");
	return CLI_FAILED;
}
