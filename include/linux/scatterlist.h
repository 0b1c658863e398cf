/* SPDX-License-Identifier: MIT */
/* Lists of ranges of pages, as far as page reporting has them: one array, no chains. */
#ifndef _QUARRY_LINUX_SCATTERLIST_H
#define _QUARRY_LINUX_SCATTERLIST_H

#include <linux/mm.h>

/* A range of memory. Read it through the calls below. */
struct scatterlist {
	struct page *page;
	unsigned int offset;
	unsigned int length; /* bytes */
	bool last;
};

static inline void sg_init_table(struct scatterlist *sgl, unsigned int nents)
{
	for (unsigned int i = 0; i < nents; i++)
		sgl[i] = (struct scatterlist){NULL, 0, 0, i + 1 == nents};
}

static inline void sg_set_page(struct scatterlist *sg, struct page *page, unsigned int len,
			       unsigned int offset)
{
	sg->page = page;
	sg->length = len;
	sg->offset = offset;
}

static inline struct page *sg_page(const struct scatterlist *sg)
{
	return sg->page;
}

static inline phys_addr_t sg_phys(const struct scatterlist *sg)
{
	return page_to_phys(sg->page) + sg->offset;
}

static inline struct scatterlist *sg_next(struct scatterlist *sg)
{
	return sg->last ? NULL : sg + 1;
}

#define for_each_sg(sglist, sg, nr, i) \
	for ((i) = 0, (sg) = (sglist); (i) < (nr); (i)++, (sg) = sg_next(sg))

#endif
