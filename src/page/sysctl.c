/* SPDX-License-Identifier: MIT */
/*
 * Tunables by Linux's names. A value is read whole and checked before anything is stored; then what
 * depends on it is computed by watermark.c. One write at a time: tune_lock.
 */
#include "internal.h"

#include <base/format.h>
#include <base/string.h>

#include <quarry/sysctl.h>

enum sysctl_kind {
	SYSCTL_STORED, /* read by who needs it, at the next use */
	SYSCTL_MIN_FREE,
	SYSCTL_MARKS,
	SYSCTL_RESERVES,
	SYSCTL_PCP,
	SYSCTL_THP,
};

struct sysctl_entry {
	const char *name;
	enum sysctl_kind kind;
	size_t offset; /* of the unsigned int in struct page_layer */
	int min, max;
};

#define SYSCTL_INT_MAX 0x7fffffff
#define SYSCTL_MIN_HIGH_FRACTION 8
#define SYSCTL_ENTRY(field, kind, min, max)                                \
	{                                                                  \
#field, kind, offsetof(struct page_layer, field), min, max \
	}

static const struct sysctl_entry sysctl_table[] = {
	{"min_free_kbytes", SYSCTL_MIN_FREE, 0, 0, SYSCTL_INT_MAX},
	{"lowmem_reserve_ratio", SYSCTL_RESERVES, 0, -SYSCTL_INT_MAX, SYSCTL_INT_MAX},
	{"transparent_hugepage/enabled", SYSCTL_THP, 0, 0, 0},
	SYSCTL_ENTRY(watermark_scale_factor, SYSCTL_MARKS, 1, 3000),
	SYSCTL_ENTRY(watermark_boost_factor, SYSCTL_STORED, 0, SYSCTL_INT_MAX),
	SYSCTL_ENTRY(percpu_pagelist_high_fraction, SYSCTL_PCP, 0, SYSCTL_INT_MAX),
	SYSCTL_ENTRY(defrag_mode, SYSCTL_STORED, 0, 1),
	SYSCTL_ENTRY(extfrag_threshold, SYSCTL_STORED, 0, 1000),
	SYSCTL_ENTRY(compaction_proactiveness, SYSCTL_STORED, 0, 100),
	SYSCTL_ENTRY(compact_unevictable_allowed, SYSCTL_STORED, 0, 1),
};

/* In the order of enum page_thp. */
static const char *const sysctl_thp_names[] = {"never", "madvise", "always"};

static bool sysctl_is(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static const struct sysctl_entry *sysctl_find(const char *name)
{
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(sysctl_table); i++) {
		if (sysctl_is(sysctl_table[i].name, name))
			return &sysctl_table[i];
	}
	return NULL;
}

static bool sysctl_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int sysctl_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* One number of @*s, which is moved behind it. False: there is none, or no int. */
static bool sysctl_number(const char **s, int *number)
{
	const char *p = *s;
	bool negative;
	int64_t n = 0;
	int base = 10, digits = 0;

	while (sysctl_is_space(*p))
		p++;
	negative = *p == '-';
	p += negative;
	if (*p == '0' && (p[1] | 32) == 'x') {
		base = 16;
		p += 2;
	} else if (*p == '0') {
		base = 8;
	}
	for (; sysctl_digit(*p) < base; p++, digits++) {
		n = n * base + sysctl_digit(*p);
		if (n > SYSCTL_INT_MAX)
			return false;
	}
	if (digits == 0 || (*p != '\0' && !sysctl_is_space(*p)))
		return false;
	*number = (int)(negative ? -n : n);
	*s = p;
	return true;
}

static bool sysctl_at_end(const char *s)
{
	while (sysctl_is_space(*s))
		s++;
	return *s == '\0';
}

static unsigned int *sysctl_field(struct page_layer *pl, const struct sysctl_entry *e)
{
	return (unsigned int *)(void *)((char *)pl + e->offset);
}

static int sysctl_set_number(struct quarry *q, const struct sysctl_entry *e, const char *value)
	QUARRY_REQUIRES(q->pages->tune_lock)
{
	struct page_layer *pl = q->pages;
	int n;

	if (!sysctl_number(&value, &n) || !sysctl_at_end(value) || n < e->min || n > e->max ||
	    (e->kind == SYSCTL_PCP && n != 0 && n < SYSCTL_MIN_HIGH_FRACTION))
		return -QUARRY_EINVAL;
	if (e->kind == SYSCTL_MIN_FREE) {
		pl->user_min_free_kbytes = n;
		quarry_store_relaxed(&pl->min_free_kbytes, (unsigned long)n);
	} else {
		quarry_store_relaxed(sysctl_field(pl, e), (unsigned int)n);
	}
	if (e->kind == SYSCTL_PCP)
		watermark_reset_pcp(q);
	else if (e->kind != SYSCTL_STORED)
		watermark_reset(q);
	return 0;
}

static int sysctl_set_ratios(struct quarry *q, const char *value)
	QUARRY_REQUIRES(q->pages->tune_lock)
{
	struct page_layer *pl = q->pages;
	int ratio[QUARRY_NR_ZONES];
	unsigned int n = 0;

	while (n < QUARRY_NR_ZONES && !sysctl_at_end(value)) {
		if (!sysctl_number(&value, &ratio[n++]))
			return -QUARRY_EINVAL;
	}
	if (n == 0 || !sysctl_at_end(value))
		return -QUARRY_EINVAL;
	for (unsigned int i = 0; i < n; i++)
		quarry_store_relaxed(&pl->lowmem_reserve_ratio[i],
				     (unsigned int)quarry_max(ratio[i], 0));
	watermark_reset_reserves(q);
	return 0;
}

static int sysctl_set_thp(struct quarry *q, const char *value) QUARRY_REQUIRES(q->pages->tune_lock)
{
	char word[16];
	size_t n = 0;

	while (sysctl_is_space(*value))
		value++;
	while (*value != '\0' && !sysctl_is_space(*value) && n < sizeof(word) - 1)
		word[n++] = *value++;
	word[n] = '\0';
	for (unsigned int i = 0; i < QUARRY_ARRAY_SIZE(sysctl_thp_names); i++) {
		if (!sysctl_is(sysctl_thp_names[i], word) || !sysctl_at_end(value))
			continue;
		quarry_store_relaxed(&q->pages->thp, (uint8_t)i);
		watermark_reset_daemon(q);
		return 0;
	}
	return -QUARRY_EINVAL;
}

int quarry_sysctl_set(struct quarry *q, const char *name, const char *value)
{
	const struct sysctl_entry *e = sysctl_find(name);
	quarry_pin_t pin;
	int err;

	if (e == NULL)
		return -QUARRY_ENOENT;
	pin = quarry_lock(q->concurrent, &q->pages->tune_lock);
	if (e->kind == SYSCTL_RESERVES)
		err = sysctl_set_ratios(q, value);
	else if (e->kind == SYSCTL_THP)
		err = sysctl_set_thp(q, value);
	else
		err = sysctl_set_number(q, e, value);
	quarry_unlock(q->concurrent, &q->pages->tune_lock, pin);
	return err;
}

static int sysctl_get_thp(uint8_t thp, char *buf, size_t size)
{
	return (int)quarry_format(buf, size,
				  thp == PAGE_THP_ALWAYS    ? "[always] madvise never\n"
				  : thp == PAGE_THP_MADVISE ? "always [madvise] never\n"
							    : "always madvise [never]\n");
}

int quarry_sysctl_get(struct quarry *q, const char *name, char *buf, size_t size)
{
	const struct sysctl_entry *e = sysctl_find(name);
	struct page_layer *pl = q->pages;
	const unsigned int *r = pl->lowmem_reserve_ratio;

	if (e == NULL)
		return -QUARRY_ENOENT;
	_Static_assert(QUARRY_NR_ZONES == 5, "one number for each zone");
	if (e->kind == SYSCTL_RESERVES)
		return (int)quarry_format(buf, size, "%u\t%u\t%u\t%u\t%u\n",
					  quarry_load_relaxed(&r[0]), quarry_load_relaxed(&r[1]),
					  quarry_load_relaxed(&r[2]), quarry_load_relaxed(&r[3]),
					  quarry_load_relaxed(&r[4]));
	if (e->kind == SYSCTL_THP)
		return sysctl_get_thp(quarry_load_relaxed(&pl->thp), buf, size);
	if (e->kind == SYSCTL_MIN_FREE)
		return (int)quarry_format(buf, size, "%lu\n",
					  quarry_load_relaxed(&pl->min_free_kbytes));
	return (int)quarry_format(buf, size, "%u\n", quarry_load_relaxed(sysctl_field(pl, e)));
}
