/* SPDX-License-Identifier: MIT */
/* The texts of /proc and /sys on memory, written as files. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <util.h>
#include <views.h>

struct views_file {
	const char *name;
	void (*show)(struct quarry *q, const struct quarry_out *out);
};

static const struct views_file views_files[] = {
	{"buddyinfo", quarry_show_buddyinfo},
	{"extfrag_index", quarry_show_extfrag_index},
	{"iomem", quarry_show_iomem},
	{"meminfo", quarry_show_meminfo},
	{"pagetypeinfo", quarry_show_pagetypeinfo},
	{"showmem", quarry_show_mem},
	{"slabinfo", quarry_show_slabinfo},
	{"unusable_index", quarry_show_unusable_index},
	{"vmstat", quarry_show_vmstat},
	{"zoneinfo", quarry_show_zoneinfo},
};

/* With page_owner=on. */
static const struct views_file views_owner_files[] = {
	{"allocinfo", quarry_show_allocinfo},
	{"page_owner", quarry_show_page_owner},
};

struct views_node_file {
	const char *name;
	void (*show)(struct quarry *q, int nid, const struct quarry_out *out);
};

static void views_distance(struct quarry *q, int nid, const struct quarry_out *out)
{
	struct quarry_totals t;
	const char *space = "";
	char text[24];

	quarry_totals(q, &t);
	for (int n = 0; n < t.nr_nodes; n++) {
		if (!quarry_node_online(q, n))
			continue;
		snprintf(text, sizeof(text), "%s%u", space, quarry_node_distance(q, nid, n));
		out->write(out->ctx, text, strlen(text));
		space = " ";
	}
	out->write(out->ctx, "\n", 1);
}

static const struct views_node_file views_node_files[] = {
	{"distance", views_distance},
	{"meminfo", quarry_show_node_meminfo},
	{"numastat", quarry_show_node_numastat},
	{"vmstat", quarry_show_node_vmstat},
};

static void views_collect(void *ctx, const char *text, size_t len)
{
	strbuf_add(ctx, text, len);
}

static bool views_mkdir(const char *path)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return true;
	util_error("%s: %s", path, strerror(errno));
	return false;
}

/* Takes what @text holds. */
static bool views_save(struct strbuf *text, const char *dir, const char *name)
{
	struct strbuf path = {0};
	int err;

	strbuf_addf(&path, "%s/%s", dir, name);
	err = util_write_file(path.s, text->s != NULL ? text->s : "", text->len);
	if (err != 0)
		util_error("%s: %s", path.s, strerror(err));
	strbuf_free(&path);
	strbuf_free(text);
	return err == 0;
}

static bool views_write_node(struct quarry *q, const char *parent, int nid)
{
	struct strbuf dir = {0};
	bool good;

	strbuf_addf(&dir, "%s/node%d", parent, nid);
	good = views_mkdir(dir.s);
	for (size_t i = 0; good && i < sizeof(views_node_files) / sizeof(views_node_files[0]);
	     i++) {
		struct strbuf text = {0};
		struct quarry_out out = {views_collect, &text};

		views_node_files[i].show(q, nid, &out);
		good = views_save(&text, dir.s, views_node_files[i].name);
	}
	strbuf_free(&dir);
	return good;
}

/* "0-1,3": nodes that are online, or only those with memory. */
static void views_node_list(struct quarry *q, int nr_nodes, bool memory, struct strbuf *text)
{
	const char *comma = "";

	for (int n = 0; n < nr_nodes; n++) {
		int last = n;

		if (!(memory ? quarry_node_present(q, n) : quarry_node_online(q, n)))
			continue;
		while (last + 1 < nr_nodes && (memory ? quarry_node_present(q, last + 1)
						      : quarry_node_online(q, last + 1)))
			last++;
		strbuf_addf(text, last > n ? "%s%d-%d" : "%s%d", comma, n, last);
		comma = ",";
		n = last;
	}
	strbuf_add(text, "\n", 1);
}

static bool views_write_nodes(struct quarry *q, const char *dir)
{
	struct strbuf path = {0}, list = {0};
	struct quarry_totals t;
	bool good;

	quarry_totals(q, &t);
	strbuf_addf(&path, "%s/node", dir);
	good = views_mkdir(path.s);
	for (int nid = 0; good && nid < t.nr_nodes; nid++)
		good = !quarry_node_online(q, nid) || views_write_node(q, path.s, nid);
	if (good) {
		views_node_list(q, t.nr_nodes, false, &list);
		good = views_save(&list, path.s, "online");
	}
	if (good) {
		views_node_list(q, t.nr_nodes, true, &list);
		good = views_save(&list, path.s, "has_memory");
	}
	strbuf_free(&path);
	return good;
}

static bool views_write_files(struct quarry *q, const char *dir, const struct views_file *files,
			      size_t nr)
{
	bool good = true;

	for (size_t i = 0; good && i < nr; i++) {
		struct strbuf text = {0};
		struct quarry_out out = {views_collect, &text};

		files[i].show(q, &out);
		good = views_save(&text, dir, files[i].name);
	}
	return good;
}

int views_write(struct quarry *q, const char *dir)
{
	struct quarry_page_debug_info info;
	bool good =
		views_mkdir(dir) && views_write_files(q, dir, views_files,
						      sizeof(views_files) / sizeof(views_files[0]));

	quarry_page_debug_info(q, &info);
	if (good && info.owner_bytes != 0)
		good = views_write_files(q, dir, views_owner_files,
					 sizeof(views_owner_files) / sizeof(views_owner_files[0]));
	return good && views_write_nodes(q, dir) ? CLI_OK : CLI_FAILED;
}
