/* SPDX-License-Identifier: MIT */
/* Linux's page reporting over the library's: ranges become a scatterlist. */
#include <linux/page_reporting.h>

#include <quarry/linux.h>

static int reporting_tell(void *ctx, const struct quarry_range *ranges, unsigned int nr)
{
	struct scatterlist sg[PAGE_REPORTING_CAPACITY];
	struct page_reporting_dev_info *prdev = ctx;

	sg_init_table(sg, nr);
	for (unsigned int i = 0; i < nr; i++)
		sg_set_page(&sg[i], pfn_to_page(PHYS_PFN(ranges[i].start)),
			    (unsigned int)ranges[i].size, 0);
	return prdev->report(prdev, sg, nr);
}

int page_reporting_register(struct page_reporting_dev_info *prdev)
{
	struct quarry_reporting_dev dev = {
		.report = prdev->report != NULL ? reporting_tell : NULL,
		.ctx = prdev,
		.order = prdev->order,
	};

	return quarry_page_reporting_register(quarry_linux(), &dev);
}

void page_reporting_unregister(struct page_reporting_dev_info *prdev)
{
	(void)prdev;
	quarry_page_reporting_unregister(quarry_linux());
}
