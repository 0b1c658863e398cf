/* SPDX-License-Identifier: MIT */
/*
 * A test of memory at boot, Linux's memtest=: patterns are written to all free memory and read back; what
 * does not hold them is reserved, so that nobody gets it.
 *
 * Writing and reading are two calls: a host whose caches are larger than what is tested flushes them in
 * between. Free memory is what memblock says; it is reached through the direct map, word by word.
 */
#include <quarry/memblock.h>

#include <base/bits.h>
#include <base/quarry_state.h>

#include <boot/internal.h>

typedef void (*memtest_fn)(struct quarry *q, phys_addr_t start, phys_addr_t end, uint64_t pattern,
			   phys_addr_t *bad);

static volatile uint64_t *memtest_word(struct quarry *q, phys_addr_t phys)
{
	return quarry_phys_to_virt(q, phys);
}

static void memtest_fill(struct quarry *q, phys_addr_t start, phys_addr_t end, uint64_t pattern,
			 phys_addr_t *bad)
{
	(void)bad;
	for (; start < end; start += sizeof(pattern))
		*memtest_word(q, start) = pattern;
}

static void memtest_reserve(struct quarry *q, phys_addr_t start, phys_addr_t end, uint64_t pattern,
			    phys_addr_t *bad)
{
	quarry_log(q, QUARRY_LOG_INFO, "  %016llx bad mem addr 0x%016llx - 0x%016llx reserved",
		   (unsigned long long)pattern, (unsigned long long)start, (unsigned long long)end);
	if (quarry_memblock_reserve(q, start, end - start) != 0)
		quarry_report(q, "memtest: no room to reserve bad memory at 0x%llx",
			      (unsigned long long)start);
	*bad += end - start;
}

static void memtest_check(struct quarry *q, phys_addr_t start, phys_addr_t end, uint64_t pattern,
			  phys_addr_t *bad)
{
	phys_addr_t first = end; /* of the bad words that end at start */

	for (; start < end; start += sizeof(pattern)) {
		if (*memtest_word(q, start) != pattern) {
			first = quarry_min(first, start);
		} else if (first < start) {
			memtest_reserve(q, first, start, pattern, bad);
			first = end;
		}
	}
	if (first < end)
		memtest_reserve(q, first, end, pattern, bad);
}

/* The next free stretch in whole words at or above @pos, within @limit. */
static bool memtest_next(struct quarry *q, phys_addr_t pos, phys_addr_t limit, phys_addr_t *start,
			 phys_addr_t *end)
{
	const struct memblock *mb = q->memblock;
	uint64_t i = (uint64_t)(uint32_t)memblock_lower_end(&mb->memory, pos) |
		     (uint64_t)memblock_lower_base(&mb->reserved, pos) << 32;

	while (quarry_memblock_next_range(q, &i, QUARRY_NO_NODE, MEMBLOCK_NONE, &mb->memory,
					  &mb->reserved, start, end, NULL)) {
		*start = bits_align_up(quarry_max(*start, pos), sizeof(uint64_t));
		*end = bits_align_down(quarry_min(*end, limit), sizeof(uint64_t));
		if (*start < *end)
			return true;
	}
	return false;
}

static phys_addr_t memtest_each(struct quarry *q, phys_addr_t start, phys_addr_t end,
				uint64_t pattern, memtest_fn fn)
{
	phys_addr_t limit = quarry_min(end, MEMBLOCK_REACH), pos = start, bad = 0;

	if (q->no_access || q->stage > QUARRY_STAGE_BOOT)
		return 0;
	/* The lists change where memory is bad: go on by address. */
	for (; memtest_next(q, pos, limit, &start, &end); pos = end) {
		if (boot_accept(q, start, end - start))
			fn(q, start, end, pattern, &bad);
	}
	return bad;
}

void quarry_memblock_memtest_fill(struct quarry *q, phys_addr_t start, phys_addr_t end,
				  uint64_t pattern)
{
	memtest_each(q, start, end, pattern, memtest_fill);
}

phys_addr_t quarry_memblock_memtest_check(struct quarry *q, phys_addr_t start, phys_addr_t end,
					  uint64_t pattern)
{
	return memtest_each(q, start, end, pattern, memtest_check);
}

phys_addr_t quarry_memblock_memtest(struct quarry *q, phys_addr_t start, phys_addr_t end,
				    unsigned int passes)
{
	/* All bits of a word at both values, alone, in pairs, by nibbles and by halves. */
	static const uint64_t patterns[] = {0,
					    ~(uint64_t)0,
					    0x5555555555555555u,
					    0xaaaaaaaaaaaaaaaau,
					    0x3333333333333333u,
					    0xccccccccccccccccu,
					    0x0f0f0f0f0f0f0f0fu,
					    0xf0f0f0f0f0f0f0f0u,
					    0x00ff00ff00ff00ffu,
					    0xff00ff00ff00ff00u,
					    0x0000ffff0000ffffu,
					    0xffff0000ffff0000u,
					    0x00000000ffffffffu,
					    0xffffffff00000000u,
					    0x0123456789abcdefu,
					    0xfedcba9876543210u,
					    0x8000000000000001u};
	phys_addr_t bad = 0;

	/* The zeros come last, as in Linux: memory is clear afterwards. */
	while (passes-- > 0) {
		uint64_t pattern = patterns[passes % QUARRY_ARRAY_SIZE(patterns)];

		quarry_memblock_memtest_fill(q, start, end, pattern);
		bad += quarry_memblock_memtest_check(q, start, end, pattern);
	}
	return bad;
}
