/* SPDX-License-Identifier: MIT */
/*
 * A small kernel around the library, to show it on bare metal: from the firmware's map of memory to
 * kmalloc() in the interrupts of all CPUs.
 *
 *	arch_firmware()   the adapters of quarry/firmware.h fill memblock and name the CPUs
 *	quarry_boot()     zones, nodes, caches
 *	cpu_start_all()   the other CPUs, on stacks of their own nodes' pages; a timer on each
 *	second phase      what the boot loader used becomes free
 *	self-test         quarry/selftest.h, the same as on a host; then its stress on all CPUs
 *	storm()           threads and interrupts of all CPUs at once
 *	the end           the texts of /proc, PASS or FAIL, and a status for who started the machine
 *
 * It has no paging beyond the identity, no processes, no drivers but a serial line, a timer and a way out.
 * On the command line:
 *
 *	counts		only the table of counts.c, as for one CPU; with smp as for many
 *	barrier		the port has a barrier_cpus
 *	quick		no self-test, short storms
 *	fault		a wrong instruction, to see it told
 */
#include "kernel.h"

#define MAIN_STRESS_ROUNDS 3u
#define MAIN_STORM_ROUNDS 4u
#define MAIN_QUICK_ROUNDS 2u /* of the storm; and one of the stress */

static char main_quarry[QUARRY_STORAGE_SIZE] __attribute__((aligned(64)));
static struct quarry_selftest_stress main_stress_shared;
static uint32_t main_stress_failures;
static unsigned int main_stress_rounds = MAIN_STRESS_ROUNDS;

/* ---- the port: what quarry asks of this kernel at run time ---- */

static void port_log(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)ctx;
	if (level < QUARRY_LOG_DEBUG)
		kprintf("quarry: %s\n", line);
}

static void port_panic(void *ctx, const char *line)
{
	(void)ctx;
	(void)line; /* it has been logged */
	kernel_exit(KERNEL_FAULT);
}

void kernel_damaged(const char *what)
{
	kprintf("damage: %s\n", what);
	__atomic_store_n(&kernel.damaged, 1u, __ATOMIC_RELAXED);
}

/* Nothing here does damage. */
static void port_report(void *ctx, const char *line)
{
	(void)ctx;
	kernel_damaged(line);
}

/* In an interrupt nobody may wait, and the thread's scopes do not apply. */
static struct quarry_task *port_task(void *ctx)
{
	quarry_pin_t pin = quarry_pin();
	struct kernel_cpu *cpu = kernel_this_cpu();

	(void)ctx;
	quarry_unpin(pin);
	return cpu->irq_depth != 0 ? NULL : &cpu->task;
}

static const struct quarry_port main_port = {
	.log = port_log,
	.panic = port_panic,
	.report = port_report,
	.task = port_task,
	.wake = hoard_wake,
	.reclaim = hoard_reclaim,
};

/* ---- odds and ends ---- */

uint64_t kernel_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

bool kernel_option(const char *word)
{
	const char *s = kernel.command_line;

	while (*s != '\0') {
		const char *w = word;

		while (*w != '\0' && *s == *w) {
			s++;
			w++;
		}
		if (*w == '\0' && (*s == '\0' || *s == ' '))
			return true;
		while (*s != '\0' && *s != ' ')
			s++;
		while (*s == ' ')
			s++;
	}
	return false;
}

uint64_t kernel_possible_nodes(void)
{
	uint64_t nodes = 0;
	pfn_t start, end;
	int i = -1, nid;

	while (quarry_memblock_next_mem_pfn_range(kernel.q, &i, QUARRY_NO_NODE, &start, &end, &nid))
		nodes |= (uint64_t)1 << (nid >= 0 ? nid : 0);
	for (unsigned int c = 0; c < kernel.nr_cpus; c++)
		nodes |= (uint64_t)1 << kernel.cpu[c].nid;
	return nodes;
}

unsigned int kernel_nr_nodes(void)
{
	uint64_t nodes = kernel_possible_nodes();
	unsigned int nr = 1;

	while (nr < KERNEL_MAX_NODES && nodes >> nr != 0)
		nr++;
	return nr;
}

void kernel_quiesce(void)
{
	struct kmem_cache *cache = NULL;

	while ((cache = quarry_kmem_cache_next(kernel.q, cache)) != NULL)
		quarry_kmem_cache_quiesce(kernel.q, cache);
	quarry_drain_all_pages(kernel.q);
}

/* ---- boot ---- */

static bool main_describe(const void *firmware, bool concurrent)
{
	const uintptr_t start = (uintptr_t)kernel_image_start;
	struct quarry_port port = main_port;

	port.concurrent = concurrent;
	port.barrier_cpus = kernel_option("barrier") ? cpu_barrier : NULL;
	kernel.nr_cpus = 0;
	kernel.q = quarry_init(main_quarry, sizeof(main_quarry), &port);
	return kernel.q != NULL &&
	       quarry_memblock_reserve(kernel.q, start, (uintptr_t)kernel_image_end - start) == 0 &&
	       arch_firmware(kernel.q, firmware);
}

static void main_boot_memory(const void *firmware)
{
	int cpu_node[KERNEL_MAX_CPUS];
	struct quarry_boot_params params = {.cpu_node = cpu_node};

	/* The command line comes with the memory, and says how the machine is to be: first in silence. */
	kernel.quiet = true;
	main_describe(firmware, true);
	kernel.quiet = false;
	if (!main_describe(firmware, !kernel_option("counts") || kernel_option("smp"))) {
		kprintf("FAIL: the firmware's tables make no sense\n");
		kernel_exit(KERNEL_FAULT);
	}
	if (kernel_option("barrier") && kernel.nr_cpus > 1 && !arch_has_nmi) {
		kprintf("FAIL: no interrupt for a barrier here\n");
		kernel_exit(KERNEL_FAULT);
	}
	if (kernel_option("counts"))
		params.dma_limit = params.dma32_limit = ~(phys_addr_t)0;
	kprintf("Command line: %s\n", kernel.command_line);
	quarry_show_memblock(kernel.q, &print_out);
	for (unsigned int i = 0; i < kernel.nr_cpus; i++)
		cpu_node[i] = kernel.cpu[i].nid;
	params.nr_cpus = kernel.nr_cpus;
	params.nr_nodes = kernel_nr_nodes();
	params.possible_nodes = kernel_possible_nodes();
	params.distance = kernel.distance[0] != 0 ? kernel.distance : NULL;
	if (quarry_boot(kernel.q, &params) != 0) {
		kprintf("FAIL: quarry_boot() has no memory for its tables\n");
		kernel_exit(KERNEL_FAULT);
	}
}

static void main_show_zone(int nid, enum quarry_zone_type zone)
{
	struct quarry_zone_info z;

	if (!quarry_zone_info(kernel.q, nid, zone, &z))
		return;
	kprintf("  node %d %-8s [mem %016lx-%016lx] present %lu managed %lu min %lu low %lu high "
		"%lu\n",
		nid, z.name, z.start_pfn << QUARRY_PAGE_SHIFT,
		((z.start_pfn + z.spanned) << QUARRY_PAGE_SHIFT) - 1, z.present, z.managed,
		z.wmark[QUARRY_WMARK_MIN], z.wmark[QUARRY_WMARK_LOW], z.wmark[QUARRY_WMARK_HIGH]);
}

static void main_show_machine(void)
{
	struct quarry_totals t;

	quarry_totals(kernel.q, &t);
	kprintf("Zones:\n");
	for (int nid = 0; nid < t.nr_nodes; nid++) {
		for (unsigned int z = 0; z < QUARRY_NR_ZONES; z++)
			main_show_zone(nid, (enum quarry_zone_type)z);
	}
	for (int from = 0; from < t.nr_nodes; from++) {
		kprintf("Distances from node %d:", from);
		for (int to = 0; to < t.nr_nodes; to++)
			kprintf(" %u", quarry_node_distance(kernel.q, from, to));
		kprintf("\n");
	}
	kprintf("Memory: %lu KiB, %lu KiB free, tables %lu bytes; %u CPUs, %d nodes\n",
		t.present << (QUARRY_PAGE_SHIFT - 10), t.free << (QUARRY_PAGE_SHIFT - 10),
		t.meta_bytes, kernel.nr_cpus, t.nr_nodes);
}

/* ---- tests ---- */

static void main_print(void *ctx, const char *line)
{
	(void)ctx;
	kprintf("%s\n", line);
}

static const struct quarry_selftest_env main_env = {
	.print = main_print,
	.relax = cpu_relax,
	.seed = 1,
	.scratch_bytes = QUARRY_SELFTEST_SCRATCH,
	.stress = &main_stress_shared,
};

static unsigned int main_selftest(void)
{
	struct quarry_selftest_env env = main_env;
	unsigned int order = 0, failed;
	struct page *scratch;

	while (((size_t)QUARRY_PAGE_SIZE << order) < env.scratch_bytes)
		order++;
	scratch = quarry_alloc_pages(kernel.q, GFP_KERNEL, order);
	if (scratch != NULL)
		env.scratch = quarry_page_address(kernel.q, scratch);
	env.q = kernel.q;
	env.nr_cpus = kernel.nr_cpus;
	failed = quarry_selftest(&env, NULL);
	quarry_free_pages(kernel.q, scratch, order);
	kprintf("%s - self-test: %u failed\n", failed == 0 ? "ok" : "not ok", failed);
	return failed;
}

static void main_stress_job(struct kernel_cpu *cpu)
{
	struct quarry_selftest_env env = main_env;

	env.q = kernel.q;
	env.nr_cpus = kernel.nr_cpus;
	env.cpu = cpu->bare.cpu;
	if (quarry_selftest_stress(&env, main_stress_rounds) != 0)
		__atomic_store_n(&main_stress_failures, 1u, __ATOMIC_RELAXED);
}

static unsigned int main_stress(void)
{
	cpu_run_all(main_stress_job);
	kprintf("%s - stress: %u CPUs, %u rounds, %u steps, %u refused\n",
		main_stress_failures == 0 ? "ok" : "not ok", kernel.nr_cpus, main_stress_rounds,
		main_stress_shared.steps, main_stress_shared.refused);
	return main_stress_failures;
}

/* ---- the end ---- */

static void main_show(const char *name,
		      void (*show)(struct quarry *q, const struct quarry_out *out))
{
	kprintf("== /proc/%s\n", name);
	show(kernel.q, &print_out);
}

static void main_show_proc(void)
{
	main_show("buddyinfo", quarry_show_buddyinfo);
	main_show("pagetypeinfo", quarry_show_pagetypeinfo);
	main_show("zoneinfo", quarry_show_zoneinfo);
	main_show("slabinfo", quarry_show_slabinfo);
	main_show("meminfo", quarry_show_meminfo);
	main_show("vmstat", quarry_show_vmstat);
}

static _Noreturn void main_tests(void)
{
	bool quick = kernel_option("quick");
	unsigned int failed = quick ? 0 : main_selftest();

	if (quick)
		main_stress_rounds = 1;
	failed += main_stress();
	failed += storm(quick ? MAIN_QUICK_ROUNDS : MAIN_STORM_ROUNDS);
	failed += __atomic_load_n(&kernel.damaged, __ATOMIC_RELAXED);
	main_show_proc();
	if (failed == 0)
		kprintf("PASS: %s, %u CPUs\n", arch_name, kernel.nr_cpus);
	else
		kprintf("FAIL: %u\n", failed);
	kernel_exit(failed == 0 ? KERNEL_PASS : KERNEL_FAIL);
}

_Noreturn void kernel_main(const void *firmware)
{
	kprintf("\nQuarry on bare metal: %s, image %lx-%lx\n", arch_name,
		(uintptr_t)kernel_image_start, (uintptr_t)kernel_image_end - 1);
	main_boot_memory(firmware);
	main_show_machine();
	if (kernel_option("counts"))
		counts();
	if (kernel_option("fault"))
		__builtin_trap();
	if (!cpu_start_all()) {
		kprintf("FAIL: not all CPUs are up\n");
		kernel_exit(KERNEL_FAIL);
	}
	/* All that the tables said is copied by now, and nobody stands on the boot loader's stack. */
	kprintf("Boot loader: %lu pages given back\n", quarry_firmware_release(kernel.q));
	main_tests();
}
