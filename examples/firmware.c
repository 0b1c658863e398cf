/* SPDX-License-Identifier: MIT */
/*
 * What a kernel does with the devicetree that its boot loader hands it, here with one from a file: memory and
 * nodes into memblock, CPUs and distances read, the machine booted, the tree's own pages given back.
 * Usage: firmware FILE.dtb
 */
#include <quarry/posix.h>
#include <stdio.h>
#include <stdlib.h>

static void say(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)ctx;
	if (level <= QUARRY_LOG_WARN)
		fprintf(stderr, "%s\n", line);
}

static int show_cpu(void *arg, const struct quarry_firmware_cpu *cpu)
{
	unsigned int *nr = arg;

	printf("cpu %u: id %#llx, node %d\n", (*nr)++, (unsigned long long)cpu->id, cpu->nid);
	return 0;
}

static void show(const struct memblock_type *type)
{
	for (unsigned long i = 0; i < type->cnt; i++) {
		const struct memblock_region *r = &type->regions[i];

		if (r->size != 0)
			printf("%s: [%#llx-%#llx], node %d\n", type->name,
			       (unsigned long long)r->base,
			       (unsigned long long)(r->base + r->size - 1), r->nid);
	}
}

/* The tree, at most 1 MiB of it; 0 bytes: it cannot be read. */
static size_t load(const char *path, unsigned char *tree, size_t room)
{
	FILE *in = fopen(path, "rb");
	size_t size = in != NULL ? fread(tree, 1, room, in) : 0;

	if (in != NULL)
		fclose(in);
	return size;
}

int main(int argc, char **argv)
{
	static unsigned char tree[1 << 20];
	size_t size = argc == 2 ? load(argv[1], tree, sizeof(tree)) : 0;
	struct quarry_posix_options options = {.log = say};
	struct quarry *q = quarry_posix_new(&options); /* a machine without real memory */
	struct quarry_firmware_info info = {.cmdline = NULL};
	uint8_t distance[4] = {10, 20, 20, 10};
	struct quarry_boot_params params = {.distance = distance, .nr_nodes = 2};
	struct quarry_totals totals;

	if (size == 0 || q == NULL) {
		fprintf(stderr, "usage: firmware FILE.dtb, which must exist\n");
		return 2;
	}
	/* As if the boot loader had put it 128 MiB above the start of QEMU's memory. */
	if (quarry_firmware_fdt(q, tree, size, 0x48000000, &info) != 0 ||
	    quarry_firmware_fdt_cpus(q, tree, size, show_cpu, &params.nr_cpus) != 0)
		return 1;
	if (quarry_firmware_fdt_distances(q, tree, size, distance, 2) != 0)
		puts("distances: not said");
	show(&quarry_memblock(q)->memory);
	show(&quarry_memblock(q)->reserved);
	if (quarry_boot(q, &params) != 0)
		return 1;
	quarry_totals(q, &totals);
	printf("%lu of %llu pages are managed", totals.managed,
	       (unsigned long long)(info.ram_bytes / QUARRY_PAGE_SIZE));
	printf(", and %lu after the tree is no longer needed\n",
	       totals.managed + quarry_firmware_release(q));
	quarry_posix_delete(q);
	return 0;
}
