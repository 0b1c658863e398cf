/* SPDX-License-Identifier: MIT */
/* Code that is built with CONFIG_MEM_ALLOC_PROFILING: /proc/allocinfo has its lines. Row 2c. */
#define CONFIG_MEM_ALLOC_PROFILING 1
#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <stdio.h>
#include <string.h>

#include "linux_runner.h"
#include "text.h"

static void new_machine(void)
{
	const struct quarry_posix_options options = {.ram_bytes = SZ_32M};

	OK(quarry_linux_start(&options) == 0);
	quarry_linux_params = (struct quarry_boot_params){.nr_cpus = 1};
	memblock_add(0, SZ_32M);
	memblock_free_all();
}

static struct text text;

/* Whether the text has that line, as Linux prints it. */
static bool tells(unsigned long bytes, unsigned long calls, int line, const char *function)
{
	const struct quarry_out out = text_out(&text);
	char want[200];

	snprintf(want, sizeof(want), "\n%12lu %8lu %s:%d func:%s \n", bytes, calls, __FILE__, line,
		 function);
	quarry_show_allocinfo(quarry_linux(), &out);
	return strstr(text.s, "allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n") ==
		       text.s &&
	       strstr(text.s, want) != NULL;
}

static void *fill_ring(size_t size)
{
	return kmalloc(size, GFP_KERNEL);
}

static void allocinfo_has_file_and_line(void)
{
	struct kmem_cache *s;
	void *p[4], *ring[3];
	int line;

	OK(kmalloc(SIZE_MAX, GFP_KERNEL) == NULL); /* before it is switched on */
	IS(quarry_slab_profiling(quarry_linux(), true), 0);
	s = kmem_cache_create("thing", 200, 0, SLAB_NO_MERGE, NULL);
	line = __LINE__ + 1;
	p[0] = kmem_cache_zalloc(s, GFP_KERNEL);
	p[1] = kzalloc(100, GFP_KERNEL);
	p[2] = kcalloc(3, 20000, GFP_KERNEL);
	p[3] = kmalloc_array(2, 100, GFP_KERNEL);
	OK(kmalloc_array(SIZE_MAX, 2, GFP_KERNEL) == NULL);
	OK(p[0] != NULL && p[1] != NULL && p[2] != NULL && p[3] != NULL);
	IS(((char *)p[0])[199] | ((char *)p[1])[99] | ((char *)p[2])[59999], 0);
	OK(tells(200, 1, line, __func__));
	OK(tells(128, 1, line + 1, __func__));
	OK(tells(65536, 1, line + 2, __func__));
	OK(tells(256, 1, line + 3, __func__));
	for (size_t i = 0; i < ARRAY_SIZE(ring); i++)
		OK((ring[i] = fill_ring(1000 + 10000 * i)) != NULL);
	OK(tells(1024 + 16384 + 32768, 3, __LINE__ - 26, "fill_ring"));
	for (size_t i = 0; i < ARRAY_SIZE(ring); i++)
		kfree(ring[i]);
	OK(tells(0, 0, __LINE__ - 29, "fill_ring"));
	kmem_cache_free(s, p[0]);
	for (int i = 1; i < 4; i++)
		kfree(p[i]);
	OK(tells(0, 0, line + 2, __func__));
	kmem_cache_destroy(s);
	IS(quarry_check(quarry_linux(), NULL), 0);
}

int main(void)
{
	static const struct linux_test tests[] = {LINUX_TEST(allocinfo_has_file_and_line)};

	return linux_run("linux_allocinfo", tests, ARRAY_SIZE(tests), new_machine);
}
