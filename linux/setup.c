/* SPDX-License-Identifier: MIT */
/*
 * What an architecture's setup code calls between firmware's map and the hand-off: the command line,
 * free_area_init(), the RAM disk, the default CMA area. It only takes notes: zones are made by
 * memblock_free_all(), which asks linux_setup_params().
 */
#include "setup.h"

#include <ctype.h>
#include <string.h>

#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/efi.h>
#include <linux/init.h>
#include <linux/initrd.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/of_fdt.h>
#include <linux/sizes.h>

#include <linux/smp.h>

#include <asm/setup.h>

#include <quarry_host.h>

#define SETUP_MEMTEST_ALL 17 /* rounds of a bare "memtest": one for each pattern */

/* SIZE, N% or mirror. */
struct setup_share {
	phys_addr_t bytes;
	unsigned int percent;
};

static struct {
	bool parsed, has_zones, mirror, movable_node;
	phys_addr_t dma_limit, dma32_limit;
	struct setup_share kernelcore, movablecore;
	phys_addr_t cma_size, cma_base, cma_limit;
} setup_said;

char boot_command_line[COMMAND_LINE_SIZE];
char *saved_command_line = boot_command_line;
struct cma *dma_contiguous_default_area;
struct efi efi;

/* Of a program without parameters of its own there is no such section. */
extern const struct quarry_linux_param __start_quarry_params[] __attribute__((__weak__));
extern const struct quarry_linux_param __stop_quarry_params[] __attribute__((__weak__));

void linux_setup_reset(void)
{
	memset(&setup_said, 0, sizeof(setup_said));
	dma_contiguous_default_area = NULL;
	initial_boot_params = NULL;
}

static phys_addr_t setup_share(const struct setup_share *s)
{
	u64 pages = memblock_phys_mem_size() >> PAGE_SHIFT;

	return s->percent != 0 ? (pages * s->percent / 100) << PAGE_SHIFT : s->bytes;
}

void linux_setup_params(struct quarry_boot_params *params)
{
	if (setup_said.has_zones) {
		params->dma_limit = setup_said.dma_limit;
		params->dma32_limit = setup_said.dma32_limit;
	}
	if (setup_share(&setup_said.kernelcore) != 0)
		params->kernelcore = setup_share(&setup_said.kernelcore);
	if (setup_share(&setup_said.movablecore) != 0)
		params->movablecore = setup_share(&setup_said.movablecore);
	params->kernelcore_mirror |= setup_said.mirror;
	params->movable_node |= setup_said.movable_node;
	/* Boot code that looked for nodes has said which there are; at first there is node 0. */
	if (params->possible_nodes == 0 && nodes_weight(node_states[N_POSSIBLE]) > 1)
		params->possible_nodes = (uint64_t)node_states[N_POSSIBLE].bits[0];
}

/* ---- the command line ---- */

static int setup_take_share(char *s, struct setup_share *share)
{
	char *end;
	u64 n;

	if (s == NULL)
		return -EINVAL;
	n = memparse(s, &end);
	if (end == s || (*end != '\0' && strcmp(end, "%") != 0) || (*end == '%' && n > 100))
		return -EINVAL;
	*share = *end == '%' ? (struct setup_share){.percent = (unsigned int)n}
			     : (struct setup_share){.bytes = n};
	return 0;
}

static int __init setup_kernelcore(char *s)
{
	if (s != NULL && strcmp(s, "mirror") == 0) {
		setup_said.mirror = true;
		return 0;
	}
	return setup_take_share(s, &setup_said.kernelcore);
}

static int __init setup_movablecore(char *s)
{
	return setup_take_share(s, &setup_said.movablecore);
}

static int __init setup_movable_node(char *s)
{
	(void)s;
	setup_said.movable_node = true;
	movable_node_enabled = true;
	return 0;
}

static int __init setup_memblock(char *s)
{
	if (s != NULL && strstr(s, "debug") != NULL)
		quarry_memblock_set_debug(quarry_linux(), true);
	return 0;
}

static int __init setup_memtest(char *s)
{
	quarry_linux_memtest = s != NULL ? (unsigned int)memparse(s, NULL) : SETUP_MEMTEST_ALL;
	return 0;
}

/* SIZE[@START[-END]] */
static int __init setup_cma(char *s)
{
	if (s == NULL)
		return -EINVAL;
	setup_said.cma_size = memparse(s, &s);
	setup_said.cma_base = *s == '@' ? memparse(s + 1, &s) : 0;
	setup_said.cma_limit = *s == '-' ? memparse(s + 1, &s)
			       : setup_said.cma_base != 0
				       ? setup_said.cma_base + setup_said.cma_size
				       : 0;
	return *s == '\0' ? 0 : -EINVAL;
}

static const struct quarry_linux_param setup_params[] = {
	{"kernelcore", setup_kernelcore},     {"movablecore", setup_movablecore},
	{"movable_node", setup_movable_node}, {"memblock", setup_memblock},
	{"memtest", setup_memtest},           {"cma", setup_cma},
};

/* Cuts the next parameter off *@s, quotes removed; NULL: none is left. */
static char *setup_next(char **s)
{
	char *in = *s, *out, *start;
	bool quoted = false;

	while (isspace((unsigned char)*in))
		in++;
	if (*in == '\0')
		return NULL;
	for (start = out = in; *in != '\0' && (quoted || !isspace((unsigned char)*in)); in++) {
		if (*in == '"')
			quoted = !quoted;
		else
			*out++ = *in;
	}
	*s = *in != '\0' ? in + 1 : in;
	*out = '\0';
	return start;
}

/* '-' and '_' are the same in a name. */
static bool setup_is(const char *name, const char *known)
{
	while (*name != '\0' && (*name == *known || (*name == '-' && *known == '_') ||
				 (*name == '_' && *known == '-')))
		name++, known++;
	return *name == *known;
}

static void setup_call(const struct quarry_linux_param *p, const struct quarry_linux_param *end,
		       const char *name, char *value)
{
	for (; p < end; p++)
		if (setup_is(name, p->str) && p->setup(value) != 0)
			pr_warn("Malformed early option '%s'\n", name);
}

void parse_early_options(char *cmdline)
{
	char *name, *value;

	while ((name = setup_next(&cmdline)) != NULL && strcmp(name, "--") != 0) {
		value = strchr(name, '=');
		if (value != NULL)
			*value++ = '\0';
		setup_call(setup_params, setup_params + ARRAY_SIZE(setup_params), name, value);
		setup_call(__start_quarry_params, __stop_quarry_params, name, value);
	}
}

void parse_early_param(void)
{
	char copy[COMMAND_LINE_SIZE];

	if (setup_said.parsed)
		return;
	setup_said.parsed = true;
	memcpy(copy, boot_command_line, sizeof(copy));
	copy[sizeof(copy) - 1] = '\0';
	parse_early_options(copy);
}

/* ---- nodes and zones ---- */

int smp_processor_id(void)
{
	return (int)quarry_cpu();
}

/* Memory of which nothing is said is node 0's. */
static unsigned int setup_nid(int nid)
{
	return numa_valid_node(nid) ? (unsigned int)nid : 0;
}

void get_pfn_range_for_nid(unsigned int nid, unsigned long *start_pfn, unsigned long *end_pfn)
{
	unsigned long start, end;
	int i, of;

	*start_pfn = ~0ul;
	*end_pfn = 0;
	for_each_mem_pfn_range(i, MAX_NUMNODES, &start, &end, &of)
	{
		if (nid != MAX_NUMNODES && nid != setup_nid(of))
			continue;
		*start_pfn = min(*start_pfn, start);
		*end_pfn = max(*end_pfn, end);
	}
	if (*end_pfn == 0)
		*start_pfn = 0;
}

unsigned long absent_pages_in_range(unsigned long start_pfn, unsigned long end_pfn)
{
	unsigned long absent = end_pfn - start_pfn, start, end;
	int i;

	for_each_mem_pfn_range(i, MAX_NUMNODES, &start, &end, NULL)
	{
		start = clamp(start, start_pfn, end_pfn);
		end = clamp(end, start_pfn, end_pfn);
		absent -= end - start;
	}
	return absent;
}

int early_pfn_to_nid(unsigned long pfn)
{
	unsigned long start, end;
	int nid = memblock_search_pfn_nid(pfn, &start, &end);

	return numa_valid_node(nid) ? nid : (int)first_online_node;
}

void setup_nr_node_ids(void)
{
	/* nr_node_ids is computed from node_possible_map when asked. */
}

static void setup_node(int nid)
{
	unsigned long start, end, node_start, node_end;
	struct pglist_data *node = NODE_DATA(nid);
	int i, of;

	get_pfn_range_for_nid((unsigned int)nid, &node_start, &node_end);
	if (node_end == 0)
		return;
	node->node_start_pfn = node_start;
	node->node_spanned_pages = node_end - node_start;
	node->node_present_pages = 0;
	for_each_mem_pfn_range(i, MAX_NUMNODES, &start, &end, &of) node->node_present_pages +=
		setup_nid(of) == (unsigned int)nid ? end - start : 0;
	node_set_state(nid, N_MEMORY);
	pr_info("Initmem setup node %d [mem %#018llx-%#018llx]\n", nid,
		(unsigned long long)PFN_PHYS(node_start),
		(unsigned long long)PFN_PHYS(node_end) - 1);
}

void free_area_init(unsigned long *max_zone_pfn)
{
	unsigned long start, end;
	int i, nid;

	setup_said.has_zones = true;
	setup_said.dma_limit =
		max_zone_pfn[ZONE_DMA] != 0 ? PFN_PHYS(max_zone_pfn[ZONE_DMA]) : ~(phys_addr_t)0;
	setup_said.dma32_limit = max_zone_pfn[ZONE_DMA32] != 0 ? PFN_PHYS(max_zone_pfn[ZONE_DMA32])
							       : ~(phys_addr_t)0;
	pr_info("Early memory node ranges\n");
	for_each_mem_pfn_range(i, MAX_NUMNODES, &start, &end, &nid)
		pr_info("  node %3u: [mem %#018llx-%#018llx]\n", setup_nid(nid),
			(unsigned long long)PFN_PHYS(start), (unsigned long long)PFN_PHYS(end) - 1);
	for (nid = 0; nid < MAX_NUMNODES; nid++)
		setup_node(nid);
}

void mem_init_print_info(void)
{
	struct quarry_totals t;
	unsigned long k = PAGE_SIZE / 1024;

	quarry_totals(quarry_linux(), &t);
	pr_info("Memory: %luK/%luK available (%luK reserved)\n", t.managed * k, t.present * k,
		(t.present - t.managed) * k);
}

/* ---- memory with a purpose ---- */

void reserve_initrd_mem(void)
{
	phys_addr_t start = phys_initrd_start & PAGE_MASK;
	phys_addr_t size = PAGE_ALIGN(phys_initrd_start + phys_initrd_size) - start;

	initrd_start = initrd_end = 0;
	if (phys_initrd_size == 0)
		return;
	if (!memblock_is_region_memory(start, size)) {
		pr_err("INITRD: %pa+0x%lx is not a memory region - disabling initrd\n",
		       &phys_initrd_start, phys_initrd_size);
	} else if (memblock_is_region_reserved(start, size)) {
		pr_err("INITRD: %pa+0x%lx overlaps in-use memory region - disabling initrd\n",
		       &phys_initrd_start, phys_initrd_size);
	} else if (memblock_reserve(start, size) == 0) {
		initrd_start = (unsigned long)__va(phys_initrd_start);
		initrd_end = initrd_start + phys_initrd_size;
	}
}

void early_init_dt_add_memory_arch(u64 base, u64 size)
{
	u64 end = base + size < base ? ~(u64)0 : base + size;

	base = base > ~(u64)0 - PAGE_SIZE ? ~(u64)0 & PAGE_MASK : PAGE_ALIGN(base);
	end &= PAGE_MASK;
	if (end > base)
		memblock_add(base, end - base);
	else
		pr_warn("Ignoring memory block 0x%llx, smaller than a page\n",
			(unsigned long long)base);
}

void dma_contiguous_reserve(phys_addr_t limit)
{
	bool fixed = setup_said.cma_base != 0 &&
		     setup_said.cma_limit == setup_said.cma_base + setup_said.cma_size;
	phys_addr_t most = setup_said.cma_limit;

	if (setup_said.cma_size == 0 || dma_contiguous_default_area != NULL)
		return;
	if (limit != 0 && (most == 0 || most > limit))
		most = limit;
	if (cma_declare_contiguous(setup_said.cma_base, setup_said.cma_size, most, 0, 0, fixed,
				   "reserved", &dma_contiguous_default_area) != 0)
		pr_err("cma: Failed to reserve %llu MiB\n",
		       (unsigned long long)setup_said.cma_size >> 20);
}

static efi_memory_desc_t *setup_efi_find(unsigned long phys_addr)
{
	efi_memory_desc_t *md;

	for_each_efi_memory_desc(md)
	{
		if (md->phys_addr <= phys_addr && phys_addr < efi_mem_desc_end(md))
			return md;
	}
	return NULL;
}

int efi_mem_type(unsigned long phys_addr)
{
	efi_memory_desc_t *md = setup_efi_find(phys_addr);

	return md != NULL ? (int)md->type : -EINVAL;
}

u64 efi_mem_attributes(unsigned long phys_addr)
{
	efi_memory_desc_t *md = setup_efi_find(phys_addr);

	return md != NULL ? md->attribute : 0;
}
