/* SPDX-License-Identifier: MIT */
/* Two mistakes with an object, for a checker of memory to find: watched overrun, watched after-free. */
#include <stdio.h>
#include <string.h>

#include <quarry/posix.h>

int main(int argc, char **argv)
{
	struct quarry_posix_options options = {.ram_bytes = 16 << 20, .annotate = true};
	struct quarry *q = quarry_posix_new(&options);
	const char *mistake = argc > 1 ? argv[1] : "none";
	volatile char *p;

	if (q == NULL || quarry_memblock_add(q, 0, options.ram_bytes) != 0 ||
	    quarry_boot(q, NULL) != 0)
		return 1;
	p = quarry_kmalloc(q, 64, GFP_KERNEL);
	if (p == NULL)
		return 1;
	memset((char *)p, 0, 64);
	if (strcmp(mistake, "overrun") == 0)
		p[64] = 1;
	quarry_kfree(q, (char *)p);
	if (strcmp(mistake, "after-free") == 0)
		p[8] = 1;
	quarry_posix_delete(q);
	printf("mistake: %s\n", mistake);
	return 0;
}
