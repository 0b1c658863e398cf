/* SPDX-License-Identifier: MIT */
/*
 * Named reservations, Linux's reserve_mem=size:align:name.
 *
 * Who wants memory that lies at the same place in every boot of a machine (a crash log, a trace
 * buffer) names it on the command line and finds it by that name later. The table is small and stands
 * in struct memblock; a released place keeps its slot with an empty name, and is taken again first.
 */
#include <quarry/memblock.h>

#include <base/bits.h>
#include <base/quarry_state.h>
#include <base/string.h>

#include <boot/internal.h>

/* Bytes of @name, at most QUARRY_RESERVE_MEM_NAME. */
static size_t reserve_mem_strlen(const char *name)
{
	size_t n = 0;

	while (name[n] != '\0' && ++n < QUARRY_RESERVE_MEM_NAME)
		;
	return n;
}

/* Digits alone look like a forgotten colon. */
static bool reserve_mem_name_ok(const char *name)
{
	size_t n = reserve_mem_strlen(name), i;

	if (n == 0 || n == QUARRY_RESERVE_MEM_NAME)
		return false;
	for (i = 0; i < n; i++) {
		if (name[i] < '0' || name[i] > '9')
			return true;
	}
	return false;
}

/* The reservation called @name, "" for a slot that was released; NULL if there is none. */
static struct memblock_reserve_mem *reserve_mem_slot(struct memblock *mb, const char *name)
{
	size_t bytes = reserve_mem_strlen(name) + 1;
	unsigned int i;

	if (bytes > QUARRY_RESERVE_MEM_NAME)
		return NULL;
	for (i = 0; i < mb->nr_reserve_mem; i++) {
		if (quarry_memcmp(mb->reserve_mem[i].name, name, bytes) == 0)
			return &mb->reserve_mem[i];
	}
	return NULL;
}

int quarry_memblock_reserve_mem(struct quarry *q, phys_addr_t size, phys_addr_t align,
				const char *name)
{
	struct memblock *mb = q->memblock;
	struct memblock_reserve_mem *slot;
	phys_addr_t start;

	align = quarry_max(align, MEMBLOCK_CACHE_LINE);
	if (size == 0 || !bits_is_power_of_2(align) || !reserve_mem_name_ok(name))
		return -QUARRY_EINVAL;
	if (reserve_mem_slot(mb, name) != NULL)
		return -QUARRY_EEXIST;
	slot = reserve_mem_slot(mb, "");
	if (slot == NULL && mb->nr_reserve_mem == QUARRY_RESERVE_MEM_MAX)
		return -QUARRY_ENOSPC;
	start = quarry_memblock_phys_alloc(q, size, align);
	if (start == 0)
		return -QUARRY_ENOMEM;
	if (slot == NULL)
		slot = &mb->reserve_mem[mb->nr_reserve_mem++];
	*slot = (struct memblock_reserve_mem){.start = start, .size = size};
	quarry_memcpy(slot->name, name, reserve_mem_strlen(name));
	return 0;
}

static unsigned int reserve_mem_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a') + 10 : 16;
}

/* Bits that a unit shifts by; 0: @c is none. */
static unsigned int reserve_mem_unit(char c)
{
	static const char units[] = "KMGTPE";
	unsigned int i;

	for (i = 0; units[i] != '\0'; i++) {
		if (c == units[i] || c == (units[i] | 0x20))
			return 10 * (i + 1);
	}
	return 0;
}

/* A number with its unit and the colon after it; *@text is behind that then. */
static bool reserve_mem_number(const char **text, phys_addr_t *value)
{
	const char *p = *text;
	unsigned int base = 10, shift, digits;
	phys_addr_t v = 0;

	if (p[0] == '0' && (p[1] | 0x20) == 'x') {
		base = 16;
		p += 2;
	} else if (p[0] == '0') {
		base = 8;
	}
	for (digits = 0; reserve_mem_digit(*p) < base; digits++, p++) {
		if (v > bits_div64(MEMBLOCK_ADDR_MAX - reserve_mem_digit(*p), base))
			return false;
		v = v * base + reserve_mem_digit(*p);
	}
	shift = reserve_mem_unit(*p);
	p += shift != 0;
	if (digits == 0 || *p != ':' || v > MEMBLOCK_ADDR_MAX >> shift)
		return false;
	*value = v << shift;
	*text = p + 1;
	return true;
}

int quarry_memblock_reserve_mem_param(struct quarry *q, const char *text)
{
	phys_addr_t size, align;

	if (!reserve_mem_number(&text, &size) || !reserve_mem_number(&text, &align))
		return -QUARRY_EINVAL;
	return quarry_memblock_reserve_mem(q, size, align, text);
}

bool quarry_memblock_reserve_mem_find(struct quarry *q, const char *name, phys_addr_t *start,
				      phys_addr_t *size)
{
	const struct memblock_reserve_mem *slot = NULL;

	if (name[0] != '\0')
		slot = reserve_mem_slot(q->memblock, name);
	if (slot == NULL)
		return false;
	*start = slot->start;
	*size = slot->size;
	return true;
}

int quarry_memblock_reserve_mem_release(struct quarry *q, const char *name)
{
	struct memblock_reserve_mem *slot = NULL;
	int err;

	if (name[0] != '\0')
		slot = reserve_mem_slot(q->memblock, name);
	if (slot == NULL)
		return -QUARRY_EINVAL;
	err = quarry_memblock_phys_free(q, slot->start, slot->size);
	if (err == 0)
		*slot = (struct memblock_reserve_mem){.size = 0};
	return err;
}
