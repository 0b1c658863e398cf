/* SPDX-License-Identifier: MIT */
/* Telling the host of free memory. A run is made by quarry_page_reporting_run(). */
#ifndef _QUARRY_LINUX_PAGE_REPORTING_H
#define _QUARRY_LINUX_PAGE_REPORTING_H

#include <linux/mmzone.h>
#include <linux/scatterlist.h>

#define PAGE_REPORTING_CAPACITY QUARRY_REPORTING_CAPACITY

struct page_reporting_dev_info {
	/* Called with ranges that nobody gets at until it returns. */
	int (*report)(struct page_reporting_dev_info *prdev, struct scatterlist *sg,
		      unsigned int nents);
	unsigned int order; /* of the smallest block to tell; 0: a pageblock */
};

/* 0; -EBUSY: there is one already; -EINVAL: no function, or an order that cannot be had. */
int page_reporting_register(struct page_reporting_dev_info *prdev);
void page_reporting_unregister(struct page_reporting_dev_info *prdev);

#endif
