/* SPDX-License-Identifier: MIT */
#include <quarry/posix.h>
#include <stdio.h>

int main(void)
{
	struct quarry_posix_options options = {.ram_bytes = 64 << 20};
	struct quarry *q = quarry_posix_new(&options); /* 64 MiB of real memory in this process */

	if (q == NULL || quarry_memblock_add(q, 1 << 20, 63 << 20) || quarry_boot(q, NULL))
		return 1;
	char *text = quarry_kmalloc(q, 100, GFP_KERNEL);
	struct page *pages = quarry_alloc_pages(q, GFP_KERNEL, 3);

	if (text == NULL || pages == NULL)
		return 1;
	printf("kmalloc(100) gave %zu bytes, order 3 gave 8 pages at pfn %#llx\n",
	       quarry_ksize(q, text), (unsigned long long)quarry_page_to_pfn(q, pages));
	quarry_free_pages(q, pages, 3);
	quarry_kfree(q, text);
	quarry_posix_delete(q);
}
