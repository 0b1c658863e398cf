/* SPDX-License-Identifier: MIT */
/*
 * The default instance behind Linux's names, and what those names need of a C library.
 *
 * The library has no globals; Linux's memblock and bootmem are globals that their callers read and
 * write. So they stand here, and the instance is told to keep its state in them. memblock is valid
 * before the instance is made: programs write to it first, to begin from a known state.
 *
 * This is the one place with a global. Whoever links it gets the names memblock, bootmem_node_data,
 * bdata_list, min_low_pfn, max_low_pfn, max_pfn, max_mapnr, max_possible_pfn, high_memory, initrd_start and its like, node_states
 * and, weakly, movable_node_enabled.
 */
#include <quarry/linux.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bootmem.h>
#include <linux/initrd.h>
#include <linux/list.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>

#include "setup.h"

struct memblock memblock = QUARRY_MEMBLOCK_INIT_NID(memblock, MAX_NUMNODES);
bootmem_data_t bootmem_node_data[QUARRY_MAX_NODES];
struct list_head bdata_list = LIST_HEAD_INIT(bdata_list);
struct quarry_boot_params quarry_linux_params;
unsigned int quarry_linux_memtest;
unsigned long min_low_pfn, max_low_pfn, max_pfn, max_mapnr;
unsigned long long max_possible_pfn;
void *high_memory;
unsigned long initrd_start, initrd_end, phys_initrd_size;
phys_addr_t phys_initrd_start;
/* Weak: a test program may define the switch itself. */
__attribute__((weak)) bool movable_node_enabled;

static struct pglist_data linux_nodes[QUARRY_MAX_NODES];
static struct quarry *linux_instance;
static bool linux_owned; /* made here: to be deleted here */
static unsigned long linux_serial;

static void linux_log(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	fprintf(stderr, "%s\n", line);
}

static void linux_bind(struct quarry *q, bool owned)
{
	if (linux_owned)
		quarry_posix_delete(linux_instance);
	linux_instance = q;
	linux_owned = owned;
	linux_serial += q != NULL;
	if (q == NULL)
		return;
	quarry_memblock_use(q, &memblock);
	quarry_bootmem_use(q, bootmem_node_data, &bdata_list);
}

void quarry_linux_use(struct quarry *q)
{
	linux_bind(q, false);
	memblock = (struct memblock)QUARRY_MEMBLOCK_INIT_NID(memblock, MAX_NUMNODES);
	memset(linux_nodes, 0, sizeof(linux_nodes));
	min_low_pfn = max_low_pfn = max_pfn = max_mapnr = 0;
	max_possible_pfn = 0;
	high_memory = NULL;
	initrd_start = initrd_end = phys_initrd_size = 0;
	phys_initrd_start = 0;
	linux_setup_reset();
	memset(node_states, 0, sizeof(node_states));
	node_set(0, node_states[N_POSSIBLE]);
	node_set(0, node_states[N_ONLINE]);
}

int quarry_linux_start(const struct quarry_posix_options *options)
{
	/* The old one goes first: both may be large. */
	quarry_linux_use(NULL);
	linux_bind(quarry_posix_new(options), true);
	linux_owned = linux_instance != NULL;
	return linux_owned ? 0 : -QUARRY_ENOMEM;
}

static struct quarry *linux_make(const struct quarry_posix_options *options)
{
	struct quarry *q = quarry_posix_new(options);

	if (q == NULL) {
		fprintf(stderr, "quarry: no memory for the default instance\n");
		abort();
	}
	/* What the program may have written to memblock and the nodes already, stays. */
	linux_bind(q, true);
	return q;
}

struct quarry *quarry_linux(void)
{
	static const struct quarry_posix_options options = {.identity = true, .log = linux_log};

	return linux_instance != NULL ? linux_instance : linux_make(&options);
}

struct quarry *quarry_linux_current(void)
{
	return linux_instance;
}

unsigned long quarry_linux_serial(void)
{
	return linux_serial;
}

struct quarry *quarry_linux_bootmem(void)
{
	static const struct quarry_posix_options options = {.ram_bytes = QUARRY_LINUX_RAM,
							    .log = linux_log};

	return linux_instance != NULL ? linux_instance : linux_make(&options);
}

struct pglist_data *quarry_linux_node(int nid)
{
	struct pglist_data *node = &linux_nodes[nid];

	if (node->bdata == NULL) {
		node->node_id = nid;
		node->bdata = &bootmem_node_data[nid];
	}
	return node;
}

/* On a bootmem machine nobody may have told memblock what there is: what the nodes cover. */
static void linux_describe_nodes(struct quarry *q)
{
	if (quarry_memblock_phys_mem_size(q) != 0)
		return;
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		const bootmem_data_t *b = &bootmem_node_data[nid];

		if (b->node_bootmem_map == NULL)
			continue;
		if (quarry_memblock_add_node(q, b->node_min_pfn << QUARRY_PAGE_SHIFT,
					     (b->node_low_pfn - b->node_min_pfn)
						     << QUARRY_PAGE_SHIFT,
					     nid, MEMBLOCK_NONE) != 0)
			fprintf(stderr, "quarry: node %d is too much for memblock\n", nid);
	}
}

/* The sizes of a node, from its zones. */
static void linux_size_node(struct quarry *q, int nid)
{
	struct pglist_data *node = quarry_linux_node(nid);
	unsigned long start = ~0ul, end = 0;
	struct quarry_zone_info info;

	node->node_present_pages = 0;
	for (unsigned int z = 0; z < QUARRY_NR_ZONES; z++) {
		if (!quarry_zone_info(q, nid, (enum quarry_zone_type)z, &info))
			continue;
		if (info.start_pfn < start)
			start = (unsigned long)info.start_pfn;
		if (info.start_pfn + info.spanned > end)
			end = (unsigned long)info.start_pfn + info.spanned;
		node->node_present_pages += info.present;
	}
	if (end == 0)
		return;
	node->node_start_pfn = start;
	node->node_spanned_pages = end - start;
	max_pfn = end > max_pfn ? end : max_pfn;
	max_possible_pfn = max_pfn > max_possible_pfn ? max_pfn : max_possible_pfn;
}

unsigned long quarry_linux_boot(bool bootmem)
{
	struct quarry *q = bootmem ? quarry_linux_bootmem() : quarry_linux();
	struct quarry_boot_params params = quarry_linux_params;
	struct quarry_totals totals;
	int err;

	linux_setup_params(&params);
	params.bootmem = bootmem;
	if (bootmem)
		linux_describe_nodes(q);
	err = quarry_boot(q, &params);
	if (err != 0) {
		fprintf(stderr, "quarry: boot failed: error %d\n", err);
		return 0;
	}
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		if (quarry_node_present(q, nid))
			linux_size_node(q, nid);
	}
	quarry_linux_node_states();
	quarry_totals(q, &totals);
	return totals.managed;
}

/* Pages of memory that a table may be sized by: Linux takes off what it keeps descriptors in. */
static unsigned long linux_table_pages(void)
{
	unsigned long pages = (unsigned long)(memblock_phys_mem_size() >> PAGE_SHIFT);

	for (int nid = 0; nid < QUARRY_MAX_NODES && memblock_phys_mem_size() == 0; nid++)
		pages += (unsigned long)(bootmem_node_data[nid].node_low_pfn -
					 bootmem_node_data[nid].node_min_pfn);
	return pages - pages / 64;
}

/* Entries by the memory there is: one for 2^@scale bytes. */
static unsigned long linux_table_entries(unsigned long bucketsize, int scale, int flags,
					 unsigned int least, bool adapt)
{
	unsigned long n = round_up(linux_table_pages(), SZ_1M / PAGE_SIZE);

	for (u64 step = SZ_64G / PAGE_SIZE; adapt && step < n; step <<= 2)
		scale++;
	n = scale > PAGE_SHIFT ? n >> (scale - PAGE_SHIFT) : n << (PAGE_SHIFT - scale);
	if ((flags & HASH_SMALL) != 0)
		return max(n, 1ul << least);
	return n * bucketsize < PAGE_SIZE ? PAGE_SIZE / bucketsize : n;
}

static void *linux_table_room(unsigned long size, int flags)
{
	void *p;

	if ((flags & HASH_EARLY) == 0)
		return alloc_pages_exact(size,
					 GFP_ATOMIC | ((flags & HASH_ZERO) != 0 ? __GFP_ZERO : 0));
	p = memblock_phys_mem_size() != 0 ? memblock_alloc_raw(size, SMP_CACHE_BYTES)
					  : alloc_bootmem_nopanic(size);
	if (p != NULL && (flags & HASH_ZERO) != 0)
		memset(p, 0, size);
	return p;
}

void *alloc_large_system_hash(const char *tablename, unsigned long bucketsize,
			      unsigned long numentries, int scale, int flags,
			      unsigned int *_hash_shift, unsigned int *_hash_mask,
			      unsigned long low_limit, unsigned long high_limit)
{
	u64 most = high_limit;
	unsigned int log2qty;
	void *table;

	if (numentries == 0)
		numentries = linux_table_entries(bucketsize, scale, flags,
						 _hash_shift != NULL ? *_hash_shift : 0,
						 high_limit == 0);
	numentries = roundup_pow_of_two(numentries);
	if (most == 0)
		most = ((u64)linux_table_pages() << PAGE_SHIFT >> 4) / bucketsize;
	most = min_t(u64, most, 0x80000000);
	numentries = max(numentries, low_limit);
	numentries = min_t(u64, numentries, most);
	log2qty = numentries != 0 ? (unsigned int)ilog2(numentries) : 0;
	do {
		table = linux_table_room(bucketsize << log2qty, flags);
	} while (table == NULL && bucketsize << log2qty > PAGE_SIZE && log2qty-- > 0);
	if (table == NULL)
		panic("Failed to allocate %s hash table", tablename);
	pr_info("%s hash table entries: %lu (order: %d, %lu bytes, linear)\n", tablename,
		1ul << log2qty, ilog2(bucketsize << log2qty) - PAGE_SHIFT, bucketsize << log2qty);
	if (_hash_shift != NULL)
		*_hash_shift = log2qty;
	if (_hash_mask != NULL)
		*_hash_mask = (1u << log2qty) - 1;
	return table;
}

/* Prints one conversion, @spec, with its argument. Returns bytes. */
static int linux_print_one(const char *spec, va_list *args)
{
	size_t n = strlen(spec);
	char kind = spec[n - 1];
	int longs = 0;

	for (const char *p = spec; *p != '\0'; p++) {
		longs += *p == 'l';
		if (*p == 'z' || *p == 'j' || *p == 't' || *p == 'L')
			longs = 1;
	}
	if (strchr("diuxXoc", kind) == NULL)
		return printf(spec, va_arg(*args, void *)); /* s, p */
	if (longs == 0)
		return printf(spec, va_arg(*args, int));
	if (longs == 1)
		return printf(spec, va_arg(*args, long));
	return printf(spec, va_arg(*args, long long));
}

/* Copies the conversion at @fmt to @spec, widths given as arguments filled in. Returns its end. */
static const char *linux_take_spec(const char *fmt, char *spec, size_t room, va_list *args)
{
	size_t n = 0;

	do {
		if (n + 16 > room)
			break;
		if (*fmt == '*')
			n += (size_t)snprintf(spec + n, room - n, "%d", va_arg(*args, int));
		else
			spec[n++] = *fmt;
		fmt++;
	} while (fmt[-1] == '%' ||
		 (fmt[-1] != '\0' && strchr("-+ #0123456789.*hlzjtL", fmt[-1]) != NULL));
	spec[n] = '\0';
	return fmt;
}

int quarry_linux_printk(const char *fmt, ...)
{
	char spec[64];
	int bytes = 0;
	va_list args;

	va_start(args, fmt);
	while (*fmt != '\0') {
		if (*fmt == '\001' && fmt[1] != '\0') { /* KERN_SOH and a level */
			fmt += 2;
		} else if (*fmt != '%' || fmt[1] == '%') {
			fmt += *fmt == '%';
			putchar(*fmt++);
			bytes++;
		} else if (fmt[1] == 'p' && fmt[2] == 'a') {
			fmt += fmt[3] == 'p' || fmt[3] == 'd' ? 4 : 3;
			bytes += printf("0x%016llx",
					(unsigned long long)*va_arg(args, const phys_addr_t *));
		} else {
			fmt = linux_take_spec(fmt, spec, sizeof(spec), &args);
			bytes += linux_print_one(spec, &args);
		}
	}
	va_end(args);
	return bytes;
}

unsigned long long memparse(const char *ptr, char **retptr)
{
	static const char units[] = "kmgtpe";
	const char *unit;
	char *end;
	unsigned long long n = 0;

	/* strtoull() would take blanks and signs as well. */
	if (*ptr >= '0' && *ptr <= '9')
		n = strtoull(ptr, &end, 0);
	else
		end = (char *)ptr;
	unit = *end != '\0' ? strchr(units, *end | 32) : NULL;
	if (unit != NULL) {
		n <<= 10 * (unit - units + 1);
		end++;
	}
	if (retptr != NULL)
		*retptr = end;
	return n;
}
