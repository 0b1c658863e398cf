/* SPDX-License-Identifier: MIT */
/* The run-time half of a port, and the kernel's own names over it. */
#include "kernel.h"
#include "quarry.h"

static _Alignas(64) unsigned char memory_room[QUARRY_STORAGE_SIZE];
struct quarry *kernel_memory;

static void memory_log(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)ctx;
	if (level <= QUARRY_LOG_INFO)
		console_line(line);
}

static void memory_panic(void *ctx, const char *line)
{
	(void)ctx;
	console_line(line);
	halt();
}

/* Nobody waits in an interrupt handler. */
static struct quarry_task *memory_task(void *ctx)
{
	(void)ctx;
	return in_interrupt() ? NULL : current_memory();
}

bool memory_init(const struct kernel_range *ram, unsigned int nr_ram,
		 const struct kernel_range *used, unsigned int nr_used, uintptr_t direct_map,
		 unsigned int nr_cpus)
{
	const struct quarry_port port = {
		.direct_map = direct_map,
		.concurrent = nr_cpus > 1,
		.log = memory_log,
		.panic = memory_panic,
		.task = memory_task,
	};
	const struct quarry_boot_params params = {.nr_cpus = nr_cpus};
	struct quarry *q = quarry_init(memory_room, sizeof(memory_room), &port);
	int err = 0;

	for (unsigned int i = 0; i < nr_ram && err == 0; i++)
		err = quarry_memblock_add(q, ram[i].base, ram[i].size);
	for (unsigned int i = 0; i < nr_used && err == 0; i++)
		err = quarry_memblock_reserve(q, used[i].base, used[i].size);
	if (err == 0)
		err = quarry_boot(q, &params);
	if (err != 0)
		return false;
	kernel_memory = q;
	return true;
}

void *kmalloc(size_t size_bytes, bool may_wait)
{
	return quarry_kmalloc(kernel_memory, size_bytes, may_wait ? GFP_KERNEL : GFP_ATOMIC);
}

void kfree(void *p)
{
	quarry_kfree(kernel_memory, p);
}
