/* SPDX-License-Identifier: MIT */
/*
 * The resource tree. Children lie within their parent, sorted by address, without overlap. Nothing is
 * allocated: a resource belongs to whoever made it, and the tree only links it.
 */
#include <linux/errno.h>
#include <linux/ioport.h>

struct resource iomem_resource = {
	.name = "PCI mem", .end = ~(resource_size_t)0, .flags = IORESOURCE_MEM};
struct resource ioport_resource = {.name = "PCI IO", .end = 0xffff, .flags = IORESOURCE_IO};

/* The link to the first child of @root that ends at or above @start. */
static struct resource **resource_place(struct resource *root, resource_size_t start)
{
	struct resource **p = &root->child;

	while (*p != NULL && (*p)->end < start)
		p = &(*p)->sibling;
	return p;
}

struct resource *request_resource_conflict(struct resource *root, struct resource *new_res)
{
	struct resource **p;

	if (new_res->end < new_res->start || new_res->start < root->start ||
	    new_res->end > root->end)
		return root;
	p = resource_place(root, new_res->start);
	if (*p != NULL && (*p)->start <= new_res->end)
		return *p;
	new_res->sibling = *p;
	new_res->parent = root;
	*p = new_res;
	return NULL;
}

int request_resource(struct resource *root, struct resource *new_res)
{
	return request_resource_conflict(root, new_res) != NULL ? -EBUSY : 0;
}

/* Makes @new_res hold the children of @parent from *@p on that lie within it. */
static void resource_adopt(struct resource *parent, struct resource **p, struct resource *new_res)
{
	struct resource *first = *p, *last = first;

	while (last->sibling != NULL && last->sibling->start <= new_res->end)
		last = last->sibling;
	new_res->parent = parent;
	new_res->sibling = last->sibling;
	new_res->child = first;
	last->sibling = NULL;
	for (struct resource *r = first; r != NULL; r = r->sibling)
		r->parent = new_res;
	*p = new_res;
}

int insert_resource(struct resource *parent, struct resource *new_res)
{
	for (;;) {
		struct resource *hit = request_resource_conflict(parent, new_res);

		if (hit == NULL)
			return 0;
		if (hit == parent || hit == new_res)
			return -EBUSY;
		if (hit->start <= new_res->start && new_res->end <= hit->end &&
		    (hit->start != new_res->start || hit->end != new_res->end)) {
			parent = hit;
			continue;
		}
		/* Whoever is met must lie within. */
		for (struct resource *r = hit; r != NULL && r->start <= new_res->end;
		     r = r->sibling)
			if (r->start < new_res->start || r->end > new_res->end)
				return -EBUSY;
		resource_adopt(parent, resource_place(parent, new_res->start), new_res);
		return 0;
	}
}

int release_resource(struct resource *old)
{
	struct resource **p = old->parent != NULL ? &old->parent->child : NULL;

	while (p != NULL && *p != NULL && *p != old)
		p = &(*p)->sibling;
	if (p == NULL || *p == NULL)
		return -EINVAL;
	*p = old->sibling;
	old->parent = old->sibling = NULL;
	return 0;
}
