/* SPDX-License-Identifier: MIT */
/* Linux's movable pages, isolation and CMA areas over the library's. */
#include <linux/cma.h>
#include <linux/migrate.h>
#include <linux/page-isolation.h>
#include <linux/printk.h>

#include <string.h>

/* Operations, and the numbers of their movers in the instance with serial number moving_serial. */
static const struct movable_operations *moving_ops[QUARRY_MAX_MOVERS + 1];
static unsigned int moving_number[QUARRY_MAX_MOVERS + 1];
static unsigned int moving_nr;
static unsigned long moving_serial;

static bool moving_isolate(void *ctx, struct page *page)
{
	const struct movable_operations *ops = *(const struct movable_operations **)ctx;

	return ops->isolate_page(page, 0);
}

static int moving_migrate(void *ctx, struct page *dst, struct page *src)
{
	const struct movable_operations *ops = *(const struct movable_operations **)ctx;

	return ops->migrate_page(dst, src, MIGRATE_SYNC);
}

static void moving_putback(void *ctx, struct page *page)
{
	const struct movable_operations *ops = *(const struct movable_operations **)ctx;

	ops->putback_page(page);
}

/* The number of the mover for @ops, registered at its first use; 0: no room. */
static unsigned int moving_mover(const struct movable_operations *ops)
{
	static const struct quarry_mover mover = {moving_isolate, moving_migrate, moving_putback};
	int number;

	if (moving_serial != quarry_linux_serial()) {
		moving_serial = quarry_linux_serial();
		moving_nr = 0;
	}
	for (unsigned int i = 0; i < moving_nr; i++) {
		if (moving_ops[i] == ops)
			return moving_number[i];
	}
	if (moving_nr > QUARRY_MAX_MOVERS)
		return 0;
	moving_ops[moving_nr] = ops;
	number = quarry_register_mover(quarry_linux(), &mover, &moving_ops[moving_nr]);
	if (number <= 0)
		return 0;
	moving_number[moving_nr++] = (unsigned int)number;
	return (unsigned int)number;
}

void __SetPageMovable(struct page *page, const struct movable_operations *ops)
{
	unsigned int number = moving_mover(ops);

	if (number == 0 || quarry_set_page_mover(quarry_linux(), page, number) != 0)
		pr_warn("page %#lx cannot be made movable\n", page_to_pfn(page));
}

void __ClearPageMovable(struct page *page)
{
	(void)quarry_set_page_mover(quarry_linux(), page, 0);
}

int start_isolate_page_range(unsigned long start_pfn, unsigned long end_pfn, int migratetype,
			     int flags, gfp_t gfp_flags)
{
	unsigned int own = (flags & MEMORY_OFFLINE) != 0 ? QUARRY_ISOLATE_OFFLINE : 0;
	struct quarry_unmovable why;
	int err;

	(void)gfp_flags;
	err = quarry_start_isolate_page_range(quarry_linux(), start_pfn, end_pfn,
					      (enum quarry_migratetype)migratetype, own);
	if (err == -QUARRY_EBUSY && (flags & REPORT_FAILURE) != 0 &&
	    quarry_has_unmovable_pages(quarry_linux(), start_pfn, end_pfn,
				       (enum quarry_migratetype)migratetype, own, &why))
		pr_warn("page dumped because: unmovable page, pfn:%#llx\n",
			(unsigned long long)why.pfn);
	return err;
}

int cma_declare_contiguous_nid(phys_addr_t base, phys_addr_t size, phys_addr_t limit,
			       phys_addr_t alignment, unsigned int order_per_bit, bool fixed,
			       const char *name, struct cma **res_cma, int nid)
{
	const struct quarry_cma_spec spec = {
		.base = base,
		.size = size,
		.limit = limit,
		.alignment = alignment,
		.order_per_bit = order_per_bit,
		.fixed = fixed,
		.name = name,
		.nid = nid,
	};

	return quarry_cma_declare_contiguous(quarry_linux(), &spec, res_cma);
}

phys_addr_t cma_get_base(const struct cma *area)
{
	struct quarry_cma_info info;

	quarry_cma_info(quarry_linux(), area, &info);
	return PFN_PHYS(info.base_pfn);
}

unsigned long cma_get_size(const struct cma *area)
{
	struct quarry_cma_info info;

	quarry_cma_info(quarry_linux(), area, &info);
	return info.count << PAGE_SHIFT;
}

const char *cma_get_name(const struct cma *area)
{
	static _Thread_local char name[QUARRY_CMA_NAME];
	struct quarry_cma_info info;

	quarry_cma_info(quarry_linux(), area, &info);
	memcpy(name, info.name, sizeof(name));
	return name;
}
