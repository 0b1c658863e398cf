/* SPDX-License-Identifier: MIT */
/* Text on the serial line. */
#include <stdarg.h>

#include "kernel.h"

static uint32_t print_lock;
static uint32_t print_forced;

/* One conversion: flags and width, as far as the kernel uses them. */
struct print_spec {
	unsigned int width;
	unsigned int longs;
	bool zero, left;
};

/* Interrupts off, so that one of this CPU's does not wait for its own thread. */
static quarry_pin_t print_begin(void)
{
	quarry_pin_t pin = quarry_pin();

	while (__atomic_exchange_n(&print_lock, 1u, __ATOMIC_ACQUIRE) != 0) {
		if (__atomic_load_n(&print_forced, __ATOMIC_RELAXED) != 0)
			break;
		quarry_relax();
	}
	return pin;
}

static void print_end(quarry_pin_t pin)
{
	__atomic_store_n(&print_lock, 0u, __ATOMIC_RELEASE);
	quarry_unpin(pin);
}

void print_force(void)
{
	__atomic_store_n(&print_forced, 1u, __ATOMIC_RELAXED);
}

static void print_char(char c)
{
	if (c == '\n')
		arch_putc('\r');
	arch_putc(c);
}

static void print_pad(unsigned int n, char c)
{
	while (n-- > 0)
		print_char(c);
}

static void print_text(const struct print_spec *spec, const char *s)
{
	unsigned int n = 0;

	while (s[n] != '\0')
		n++;
	if (!spec->left && n < spec->width)
		print_pad(spec->width - n, ' ');
	for (unsigned int i = 0; i < n; i++)
		print_char(s[i]);
	if (spec->left && n < spec->width)
		print_pad(spec->width - n, ' ');
}

static void print_number(const struct print_spec *spec, uint64_t v, unsigned int base, bool minus)
{
	char digits[24];
	unsigned int i = sizeof(digits) - 1;
	struct print_spec rest = *spec;

	digits[i] = '\0';
	do {
		digits[--i] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0);
	while (spec->zero && sizeof(digits) - 1 - i < spec->width && i > 1)
		digits[--i] = '0';
	if (minus)
		digits[--i] = '-';
	print_text(&rest, &digits[i]);
}

static const char *print_parse(const char *f, struct print_spec *spec)
{
	*spec = (struct print_spec){.width = 0};
	for (; *f == '-' || *f == '0'; f++) {
		spec->left |= *f == '-';
		spec->zero |= *f == '0';
	}
	for (; *f >= '0' && *f <= '9'; f++)
		spec->width = spec->width * 10 + (unsigned int)(*f - '0');
	for (; *f == 'l' || *f == 'z'; f++)
		spec->longs++;
	return f;
}

/* All that is longer than int is 64 bits wide on these machines. */
static void print_convert(const struct print_spec *spec, char c, va_list *ap)
{
	char one[2] = {0};
	int64_t v;

	switch (c) {
	case 's':
		print_text(spec, va_arg(*ap, const char *));
		break;
	case 'c':
		one[0] = (char)va_arg(*ap, int);
		print_text(spec, one);
		break;
	case 'd':
		v = spec->longs != 0 ? va_arg(*ap, long) : va_arg(*ap, int);
		print_number(spec, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, v < 0);
		break;
	case 'u':
	case 'x':
		print_number(spec,
			     spec->longs != 0 ? va_arg(*ap, unsigned long)
					      : va_arg(*ap, unsigned int),
			     c == 'u' ? 10 : 16, false);
		break;
	case 'p':
		print_number(spec, (uintptr_t)va_arg(*ap, void *), 16, false);
		break;
	default:
		print_char(c);
	}
}

void kprintf(const char *fmt, ...)
{
	struct print_spec spec;
	quarry_pin_t pin;
	va_list ap;

	if (kernel.quiet)
		return;
	pin = print_begin();
	va_start(ap, fmt);
	for (; *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			print_char(*fmt);
			continue;
		}
		fmt = print_parse(fmt + 1, &spec);
		print_convert(&spec, *fmt, &ap);
	}
	va_end(ap);
	print_end(pin);
}

static void print_write(void *ctx, const char *text, size_t len)
{
	quarry_pin_t pin = print_begin();

	(void)ctx;
	while (len-- > 0)
		print_char(*text++);
	print_end(pin);
}

const struct quarry_out print_out = {.write = print_write};
