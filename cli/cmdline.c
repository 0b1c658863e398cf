/* SPDX-License-Identifier: MIT */
/*
 * Kernel parameters, split and spelled as Linux does it: blanks separate, double quotes hold a
 * value together, '-' and '_' are the same in a name, "--" ends the parameters. The table at the
 * end of the file lists those that have a meaning here.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <cmdline.h>
#include <map.h>
#include <quarry/config.h>

#define CMDLINE_MAX_OPS 1000

/* NULL: fine; else what was expected. */
typedef const char *(*cmdline_set_fn)(struct cmdline *c, const char *value);

static const char *cmdline_op(struct cmdline *c, enum cmdline_op_kind kind, uint64_t start,
			      uint64_t end, uint32_t type)
{
	if (c->nr_ops == CMDLINE_MAX_OPS)
		return "at most 1000 changes of the memory map";
	if (c->nr_ops == c->cap_ops) {
		c->cap_ops = c->cap_ops ? c->cap_ops * 2 : 8;
		c->ops = xrealloc(c->ops, c->cap_ops, sizeof(*c->ops));
	}
	c->ops[c->nr_ops++] = (struct cmdline_op){kind, start, end, type};
	return NULL;
}

static const char *cmdline_mem(struct cmdline *c, const char *value)
{
	uint64_t size;

	if (!util_parse_size(value, &size) || size == 0)
		return "mem=SIZE, such as mem=512M";
	return cmdline_op(c, CMDLINE_LIMIT, size, UINT64_MAX, MAP_RAM);
}

/* One of memmap='s comma-separated parts. */
static const char *cmdline_memmap_one(struct cmdline *c, const char *s)
{
	static const char expected[] = "memmap=exactmap, or SIZE followed by @START (RAM), $START "
				       "(reserved), #START (ACPI) or !START (persistent)";
	uint64_t size, start, end;
	uint32_t type;
	char kind;

	if (strcmp(s, "exactmap") == 0)
		return cmdline_op(c, CMDLINE_EXACTMAP, 0, UINT64_MAX, 0);
	if (!util_scan_size(&s, &size) || size == 0)
		return expected;
	kind = *s;
	if (kind == '\0')
		return cmdline_op(c, CMDLINE_LIMIT, size, UINT64_MAX, MAP_RAM);
	if (!util_parse_size(s + 1, &start))
		return expected;
	if (__builtin_add_overflow(start, size, &end))
		return "memmap= with an end below 2^64";
	if (kind == '@')
		type = MAP_RAM;
	else if (kind == '$')
		type = MAP_RESERVED;
	else if (kind == '#')
		type = MAP_ACPI;
	else if (kind == '!')
		type = MAP_PRAM;
	else
		return expected;
	return cmdline_op(c, CMDLINE_ADD, start, end, type);
}

static const char *cmdline_memmap(struct cmdline *c, const char *value)
{
	char *copy = xstrdup(value), *rest = copy, *part;
	const char *expected = NULL;

	while (expected == NULL && (part = strsep(&rest, ",")) != NULL)
		expected = cmdline_memmap_one(c, part);
	free(copy);
	return expected;
}

static bool cmdline_parse_share(const char *value, struct cmdline_share *share)
{
	const char *s = value;
	uint64_t n;

	if (util_scan_dec(&s, &n) && strcmp(s, "%") == 0) {
		if (n > 100)
			return false;
		*share = (struct cmdline_share){.percent = (unsigned int)n};
		return true;
	}
	if (!util_parse_size(value, &n))
		return false;
	*share = (struct cmdline_share){.bytes = n};
	return true;
}

static const char *cmdline_kernelcore(struct cmdline *c, const char *value)
{
	return cmdline_parse_share(value, &c->kernelcore)
		       ? NULL
		       : "kernelcore=SIZE or kernelcore=N% with N up to 100";
}

static const char *cmdline_movablecore(struct cmdline *c, const char *value)
{
	return cmdline_parse_share(value, &c->movablecore)
		       ? NULL
		       : "movablecore=SIZE or movablecore=N% with N up to 100";
}

/* A number in [min, max]. */
static bool cmdline_number(const char *value, uint64_t min, uint64_t max, uint64_t *out)
{
	return util_parse_u64(value, out) && *out >= min && *out <= max;
}

static const char *cmdline_numa(struct cmdline *c, const char *value)
{
	uint64_t n;

	if (strcmp(value, "off") == 0 || strcmp(value, "noacpi") == 0) {
		c->numa_off = true;
		return NULL;
	}
	if (strncmp(value, "fake=", 5) == 0 && cmdline_number(value + 5, 1, QUARRY_MAX_NODES, &n)) {
		c->numa_fake = (unsigned int)n;
		return NULL;
	}
	return "numa=off or numa=fake=N with N nodes, at most 64";
}

static const char *cmdline_min_free(struct cmdline *c, const char *value)
{
	/* More than 64 TiB of reserve means nothing on any machine. */
	return cmdline_number(value, 0, (uint64_t)1 << 36, &c->min_free_kbytes)
		       ? NULL
		       : "min_free_kbytes=N in KiB";
}

static const char *cmdline_scale_factor(struct cmdline *c, const char *value)
{
	uint64_t n;

	if (!cmdline_number(value, 1, 3000, &n))
		return "watermark_scale_factor=N, 1 to 3000 ten-thousandths";
	c->watermark_scale_factor = (unsigned int)n;
	return NULL;
}

static const char *cmdline_reserve_ratio(struct cmdline *c, const char *value)
{
	unsigned int ratio[4] = {256, 256, 32, 0};
	const char *s = value;
	uint64_t n;
	int i;

	for (i = 0; i < 4; i++) {
		if (!util_scan_dec(&s, &n) || n > INT32_MAX)
			break;
		ratio[i] = (unsigned int)n;
		if (*s == '\0') {
			memcpy(c->lowmem_reserve_ratio, ratio, sizeof(ratio));
			c->set_lowmem_reserve_ratio = true;
			return NULL;
		}
		if (*s++ != ',')
			break;
	}
	return "lowmem_reserve_ratio=DMA,DMA32,NORMAL,MOVABLE, up to four numbers";
}

static const char *cmdline_thp(struct cmdline *c, const char *value)
{
	if (strcmp(value, "never") == 0)
		c->no_thp = true;
	else if (strcmp(value, "always") == 0 || strcmp(value, "madvise") == 0)
		c->no_thp = false;
	else
		return "transparent_hugepage=always, madvise or never";
	return NULL;
}

static const char *cmdline_memblock(struct cmdline *c, const char *value)
{
	if (strcmp(value, "debug") != 0)
		return "memblock=debug";
	c->memblock_debug = true;
	return NULL;
}

static const char *cmdline_cpus(struct cmdline *c, const char *value)
{
	uint64_t n;

	if (!cmdline_number(value, 0, INT32_MAX, &n))
		return "a number of CPUs";
	if (n == 0) /* maxcpus=0: the boot CPU alone */
		n = 1;
	if (c->nr_cpus == 0 || n < c->nr_cpus)
		c->nr_cpus = (unsigned int)n;
	return NULL;
}

static const struct cmdline_param {
	const char *name;
	cmdline_set_fn set;
} cmdline_params[] = {
	{"mem", cmdline_mem},
	{"memmap", cmdline_memmap},
	{"kernelcore", cmdline_kernelcore},
	{"movablecore", cmdline_movablecore},
	{"numa", cmdline_numa},
	{"min_free_kbytes", cmdline_min_free},
	{"sysctl.vm.min_free_kbytes", cmdline_min_free},
	{"watermark_scale_factor", cmdline_scale_factor},
	{"sysctl.vm.watermark_scale_factor", cmdline_scale_factor},
	{"lowmem_reserve_ratio", cmdline_reserve_ratio},
	{"sysctl.vm.lowmem_reserve_ratio", cmdline_reserve_ratio},
	{"transparent_hugepage", cmdline_thp},
	{"memblock", cmdline_memblock},
	{"nr_cpus", cmdline_cpus},
	{"maxcpus", cmdline_cpus},
};

/* Compare names; '-' is '_', and sysctl's '/' is '.'. */
static bool cmdline_is(const char *name, const char *known)
{
	for (; *name != '\0' && *known != '\0'; name++, known++) {
		char c = *name == '-' ? '_' : *name == '/' ? '.' : *name;

		if (c != *known)
			return false;
	}
	return *name == *known;
}

/* Cut the next parameter off *s, quotes removed; NULL: none is left. */
static char *cmdline_next(char **s)
{
	char *in = *s, *out, *start;
	bool quoted = false;

	while (isspace((unsigned char)*in))
		in++;
	if (*in == '\0')
		return NULL;
	start = out = in;
	for (; *in != '\0' && (quoted || !isspace((unsigned char)*in)); in++) {
		if (*in == '"')
			quoted = !quoted;
		else
			*out++ = *in;
	}
	*s = *in != '\0' ? in + 1 : in;
	*out = '\0';
	return start;
}

static bool cmdline_one(struct cmdline *c, char *param, struct diag *diag)
{
	char *value = strchr(param, '=');
	const char *expected;
	size_t i;

	if (value != NULL)
		*value++ = '\0';
	for (i = 0; i < sizeof(cmdline_params) / sizeof(cmdline_params[0]); i++)
		if (cmdline_is(param, cmdline_params[i].name))
			break;
	if (i < sizeof(cmdline_params) / sizeof(cmdline_params[0])) {
		expected = cmdline_params[i].set(c, value != NULL ? value : "");
		if (expected == NULL)
			return true;
		diag_error(diag, "command line", 0, "\"%.60s%s%.60s\" is wrong, expected %s", param,
			   value != NULL ? "=" : "", value != NULL ? value : "", expected);
		return false;
	}
	strbuf_addf(&c->unknown, "%s%s%s%s", c->unknown.len != 0 ? " " : "", param,
		    value != NULL ? "=" : "", value != NULL ? value : "");
	return true;
}

int cmdline_parse(struct cmdline *c, const char *text, struct diag *diag)
{
	char *copy = xstrdup(text != NULL ? text : ""), *s = copy, *param;
	bool ok = true;

	*c = (struct cmdline){0};
	while (ok && (param = cmdline_next(&s)) != NULL && strcmp(param, "--") != 0)
		ok = cmdline_one(c, param, diag);
	free(copy);
	if (!ok) {
		cmdline_free(c);
		return CLI_INPUT;
	}
	if (c->unknown.len != 0)
		diag_warn(diag, "command line", 0,
			  "Unknown kernel command line parameters \"%s\", without effect here",
			  c->unknown.s);
	return CLI_OK;
}

void cmdline_free(struct cmdline *c)
{
	free(c->ops);
	strbuf_free(&c->unknown);
	*c = (struct cmdline){0};
}
