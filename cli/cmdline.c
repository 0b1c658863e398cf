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
	c->ops[c->nr_ops++] =
		(struct cmdline_op){.kind = kind, .start = start, .end = end, .type = type};
	return NULL;
}

static const char *cmdline_mem(struct cmdline *c, const char *value)
{
	uint64_t size;

	if (!util_parse_size(value, &size) || size == 0)
		return "mem=SIZE, such as mem=512M";
	return cmdline_op(c, CMDLINE_LIMIT, size, UINT64_MAX, MAP_RAM);
}

/* "-OLD+NEW" of memmap=SIZE%START-OLD+NEW; either may lack. */
static bool cmdline_scan_change(const char *s, uint64_t *from, uint64_t *to)
{
	*from = *to = 0;
	if (*s == '-') {
		s++;
		if (!util_scan_size(&s, from) || *from > UINT32_MAX)
			return false;
	}
	if (*s == '+') {
		s++;
		if (!util_scan_size(&s, to) || *to > UINT32_MAX)
			return false;
	}
	return *s == '\0';
}

/* Only a new type: an entry more. Else a change of what is there, or its end. */
static const char *cmdline_memmap_change(struct cmdline *c, uint64_t start, uint64_t end,
					 const char *s)
{
	uint64_t from, to;
	const char *full;

	if (!cmdline_scan_change(s, &from, &to))
		return "memmap=SIZE%START-OLDTYPE+NEWTYPE with numbers for the types";
	if (from == 0 && to != 0)
		return cmdline_op(c, CMDLINE_ADD, start, end, (uint32_t)to);
	full = cmdline_op(c, CMDLINE_CHANGE, start, end, (uint32_t)to);
	if (full == NULL)
		c->ops[c->nr_ops - 1].from = (uint32_t)from;
	return full;
}

/* One of memmap='s comma-separated parts. */
static const char *cmdline_memmap_one(struct cmdline *c, const char *s)
{
	static const char expected[] =
		"memmap=exactmap, or SIZE followed by @START (RAM), $START (reserved), #START "
		"(ACPI), !START (persistent) or %START-OLDTYPE+NEWTYPE";
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
	s++;
	if (!util_scan_size(&s, &start) || (kind != '%' && *s != '\0'))
		return expected;
	if (__builtin_add_overflow(start, size, &end))
		return "memmap= with an end below 2^64";
	if (kind == '%')
		return cmdline_memmap_change(c, start, end, s);
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
	size_t i = c->nr_ops;

	while (expected == NULL && (part = strsep(&rest, ",")) != NULL)
		expected = cmdline_memmap_one(c, part);
	for (; i < c->nr_ops; i++)
		c->ops[i].memmap = true;
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
	if (strcmp(value, "mirror") == 0) {
		c->kernelcore_mirror = true;
		return NULL;
	}
	return cmdline_parse_share(value, &c->kernelcore)
		       ? NULL
		       : "kernelcore=SIZE, kernelcore=mirror, or kernelcore=N% with N up to 100";
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

static const char *cmdline_movable_node(struct cmdline *c, const char *value)
{
	if (*value != '\0')
		return "movable_node without a value";
	c->movable_node = true;
	return NULL;
}

/* numa=fake=N, numa=fake=NU, numa=fake=SIZE with M or G. 0: as if it were not there. */
static bool cmdline_fake(struct cmdline *c, const char *s)
{
	const char *number = s;
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	uint64_t n;

	c->numa_fake_asked = 0;
	if (!(hex ? util_scan_hex(&s, &n) : util_scan_dec(&s, &n)))
		return false;
	if (n == 0 && *s == '\0') {
		c->numa_fake_kind = CMDLINE_FAKE_NONE;
		c->numa_fake = 0;
		return true;
	}
	if (n == 0)
		return false;
	if ((s[0] == 'M' || s[0] == 'G') && s[1] == '\0') {
		if (!util_parse_size(number, &c->numa_fake_size))
			return false;
		c->numa_fake_kind = CMDLINE_FAKE_SIZE;
		c->numa_fake = 0;
		return true;
	}
	if (n > INT32_MAX || (*s != '\0' && strcmp(s, "U") != 0))
		return false;
	c->numa_fake_kind = *s == 'U' ? CMDLINE_FAKE_UNIFORM : CMDLINE_FAKE_NODES;
	c->numa_fake = (unsigned int)n;
	if (*s != 'U' && n > QUARRY_MAX_NODES) {
		c->numa_fake_asked = n;
		c->numa_fake = QUARRY_MAX_NODES;
	}
	return true;
}

/* Distances may follow a colon. */
static bool cmdline_fake_nodes(struct cmdline *c, const char *value)
{
	const char *colon = strchr(value, ':');
	size_t len = colon != NULL ? (size_t)(colon - value) : strlen(value);
	char nodes[32];

	strbuf_free(&c->numa_fake_distances);
	if (len >= sizeof(nodes))
		return false;
	memcpy(nodes, value, len);
	nodes[len] = '\0';
	if (colon != NULL && colon[1 + strspn(colon + 1, "0123456789,")] != '\0')
		return false;
	if (colon != NULL)
		strbuf_add(&c->numa_fake_distances, colon + 1, strlen(colon + 1));
	return cmdline_fake(c, nodes);
}

static const char *cmdline_numa(struct cmdline *c, const char *value)
{
	if (strcmp(value, "off") == 0) {
		c->numa_off = true;
		return NULL;
	}
	if (strcmp(value, "noacpi") == 0) {
		c->numa_noacpi = true;
		return NULL;
	}
	if (strcmp(value, "nohmat") == 0) /* of heterogeneous memory, which no map tells of */
		return NULL;
	if (strncmp(value, "fake=", 5) == 0 && cmdline_fake_nodes(c, value + 5))
		return NULL;
	return "numa=off, numa=noacpi, numa=nohmat, numa=fake=N with N nodes, numa=fake=NU (N in "
	       "each node) or numa=fake=SIZE in M or G";
}

/* reserve_mem=SIZE:ALIGN:NAME */
static const char *cmdline_reserve_mem(struct cmdline *c, const char *s)
{
	static const char expected[] =
		"reserve_mem=SIZE:ALIGN:NAME with a power of two, and a name of at most 15 "
		"characters that is not taken";
	struct cmdline_named r = {0};
	size_t i, len;

	if (c->nr_named == CMDLINE_MAX_NAMED)
		return "at most 8 reserve_mem=";
	if (!util_scan_size(&s, &r.size) || r.size == 0 || *s++ != ':' ||
	    !util_scan_size(&s, &r.align) || (r.align & (r.align - 1)) != 0 || *s++ != ':')
		return expected;
	len = strlen(s);
	if (len == 0 || len >= sizeof(r.name) || strspn(s, " \t") == len)
		return expected;
	for (i = 0; i < c->nr_named; i++)
		if (strcmp(c->named[i].name, s) == 0)
			return expected;
	memcpy(r.name, s, len);
	c->named[c->nr_named++] = r;
	return NULL;
}

/* "START-[END]:SIZE" of crashkernel=, by the RAM there is. */
static bool cmdline_crash_range(struct cmdline_crash *k, const char **s)
{
	uint64_t start, end = UINT64_MAX, size;

	if (k->nr == CMDLINE_MAX_CRASH || !util_scan_size(s, &start) || *(*s)++ != '-')
		return false;
	if (**s != ':' && (!util_scan_size(s, &end) || end <= start))
		return false;
	if (*(*s)++ != ':' || !util_scan_size(s, &size))
		return false;
	k->range[k->nr].start = start;
	k->range[k->nr].end = end;
	k->range[k->nr++].size = size;
	return true;
}

/* SIZE[@OFFSET], SIZE,high, SIZE,low, START-END:SIZE[,...][@OFFSET] */
static const char *cmdline_crashkernel(struct cmdline *c, const char *s)
{
	static const char expected[] = "crashkernel=SIZE, SIZE@OFFSET, SIZE,high, SIZE,low or "
				       "START-END:SIZE,...[@OFFSET]";
	struct cmdline_crash k = {.set_low = c->crash.set_low, .low = c->crash.low};
	const char *at = s;
	uint64_t size;

	if (!util_scan_size(&at, &size))
		return expected;
	if (strcmp(at, ",low") == 0) {
		c->crash.set_low = true;
		c->crash.low = size;
		return NULL;
	}
	if (*at == '-') {
		at = s;
		for (;; at++) {
			if (!cmdline_crash_range(&k, &at))
				return expected;
			if (*at != ',')
				break;
		}
	} else {
		k.range[k.nr].end = UINT64_MAX;
		k.range[k.nr++].size = size;
		k.high = strcmp(at, ",high") == 0;
		at += k.high ? strlen(at) : 0;
	}
	if (*at == '@') {
		at++;
		k.fixed = true;
		if (!util_scan_size(&at, &k.base))
			return expected;
	}
	if (*at != '\0')
		return expected;
	c->crash = k;
	return NULL;
}

/* SIZE[@START[-END]]: with START alone exactly there, else anywhere in between. */
static const char *cmdline_cma(struct cmdline *c, const char *s)
{
	static const char expected[] = "cma=SIZE, SIZE@START or SIZE@START-END";
	struct cmdline_cma k = {.set = true};

	if (!util_scan_size(&s, &k.size))
		return expected;
	if (*s == '@') {
		s++;
		if (!util_scan_size(&s, &k.base) ||
		    __builtin_add_overflow(k.base, k.size, &k.limit))
			return expected;
		if (*s == '-') {
			s++;
			if (!util_scan_size(&s, &k.limit) || k.limit <= k.base)
				return expected;
		}
	}
	if (*s != '\0')
		return expected;
	c->cma = k;
	return NULL;
}

uint64_t cmdline_crash_size(const struct cmdline *c, uint64_t ram)
{
	/* As in Linux, for firmware that keeps a little of the RAM for itself. */
	const uint64_t unit = (uint64_t)128 << 20;
	size_t i;

	ram = (ram + unit - 1) & ~(unit - 1);
	for (i = 0; i < c->crash.nr; i++)
		if (ram >= c->crash.range[i].start && ram < c->crash.range[i].end)
			return c->crash.range[i].size;
	return 0;
}

/* Known, and of no consequence: huge pages are taken from the booted page allocator. */
static const char *cmdline_hugepages(struct cmdline *c, const char *value)
{
	(void)value;
	c->hugepages = true;
	return NULL;
}

/* memtest, memtest=N: simulated memory is never bad, so all of N rounds find nothing. */
static const char *cmdline_memtest(struct cmdline *c, const char *value)
{
	uint64_t n;

	if (*value != '\0' && !cmdline_number(value, 0, INT32_MAX, &n))
		return "memtest or memtest=N with a number of rounds";
	c->memtest = *value == '\0' || n != 0;
	return NULL;
}

static const char *cmdline_min_free(struct cmdline *c, const char *value)
{
	if (!cmdline_number(value, 0, INT32_MAX, &c->min_free_kbytes))
		return "min_free_kbytes=N in KiB, 0 to 2147483647";
	c->set_min_free_kbytes = true;
	return NULL;
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
		bool negative = *s == '-';

		s += negative;
		if (!util_scan_dec(&s, &n) || n > INT32_MAX)
			break;
		/* As in Linux, less than 1 reserves nothing. */
		ratio[i] = negative ? 0 : (unsigned int)n;
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
	{"movable_node", cmdline_movable_node},
	{"reserve_mem", cmdline_reserve_mem},
	{"cma", cmdline_cma},
	{"crashkernel", cmdline_crashkernel},
	{"memtest", cmdline_memtest},
	{"hugepages", cmdline_hugepages},
	{"hugepagesz", cmdline_hugepages},
	{"default_hugepagesz", cmdline_hugepages},
	{"numa", cmdline_numa},
	{"min_free_kbytes", cmdline_min_free},
	{"watermark_scale_factor", cmdline_scale_factor},
	{"lowmem_reserve_ratio", cmdline_reserve_ratio},
	{"transparent_hugepage", cmdline_thp},
	{"memblock", cmdline_memblock},
	{"nr_cpus", cmdline_cpus},
	{"maxcpus", cmdline_cpus},
};

/* Compare names; '-' is '_'. */
static bool cmdline_is(const char *name, const char *known)
{
	for (; *name != '\0' && *known != '\0'; name++, known++) {
		char c = *name == '-' ? '_' : *name;

		if (c != *known)
			return false;
	}
	return *name == *known;
}

/* Whether @name begins with @with, '/' taken for '.'. */
static bool cmdline_starts(const char *name, const char *with)
{
	for (; *with != '\0'; name++, with++) {
		if ((*name == '/' ? '.' : *name) != *with)
			return false;
	}
	return true;
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

/*
 * sysctl.vm.NAME=VALUE: taken when the machine has booted, by the rules of the tunable. Returns what was
 * expected. *@known: whether there is such a one.
 */
static const char *cmdline_sysctl(struct cmdline *c, const char *name, const char *value,
				  bool *known)
{
	static const char *const names[] = {"min_free_kbytes", "watermark_scale_factor",
					    "lowmem_reserve_ratio", "percpu_pagelist_high_fraction",
					    "watermark_boost_factor"};
	struct cmdline probe = {0};
	const char *expected = NULL;
	char *blank;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]) && strcmp(name, names[i]) != 0; i++)
		;
	*known = i < sizeof(names) / sizeof(names[0]);
	if (!*known)
		return NULL;
	if (i == 0)
		expected = cmdline_min_free(&probe, value);
	else if (i == 1)
		expected = cmdline_scale_factor(&probe, value);
	if (expected != NULL)
		return expected;
	c->sysctls = xrealloc(c->sysctls, c->nr_sysctls + 1, sizeof(*c->sysctls));
	c->sysctls[c->nr_sysctls] = (struct cmdline_sysctl){xstrdup(name), xstrdup(value)};
	/* Lists are written with blanks there, with commas here. */
	while ((blank = strchr(c->sysctls[c->nr_sysctls].value, ',')) != NULL)
		*blank = ' ';
	c->nr_sysctls++;
	return NULL;
}

static void cmdline_bad(struct diag *diag, const char *param, const char *value,
			const char *expected)
{
	diag_error(diag, "command line", 0, "\"%.60s%s%.60s\" is wrong, expected %s", param,
		   value != NULL ? "=" : "", value != NULL ? value : "", expected);
}

/* Whether quarry_page_debug() knows it. Its value is looked at there. */
static bool cmdline_is_page_debug(const char *param)
{
	static const char *const names[] = {
		"init_on_alloc",   "init_on_free", "page_poison", "page_owner",
		"fail_page_alloc", "fail-nth",     "warn_alloc",  "debug_guardpage_minorder"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (cmdline_is(param, names[i]))
			return true;
	return strncmp(param, "fail_page_alloc.", 16) == 0;
}

static bool cmdline_one(struct cmdline *c, char *param, struct diag *diag)
{
	char *value = strchr(param, '=');
	const char *expected;
	bool known;
	size_t i;

	if (value != NULL)
		*value++ = '\0';
	if (strncmp(param, "sysctl", 6) == 0 && cmdline_starts(param + 6, ".vm.")) {
		expected = cmdline_sysctl(c, param + 10, value != NULL ? value : "", &known);
		if (expected != NULL)
			cmdline_bad(diag, param, value, expected);
		if (known)
			return expected == NULL;
	}
	for (i = 0; i < sizeof(cmdline_params) / sizeof(cmdline_params[0]); i++)
		if (cmdline_is(param, cmdline_params[i].name))
			break;
	if (i < sizeof(cmdline_params) / sizeof(cmdline_params[0])) {
		expected = cmdline_params[i].set(c, value != NULL ? value : "");
		if (expected == NULL)
			return true;
		cmdline_bad(diag, param, value, expected);
		return false;
	}
	if (cmdline_is(param, "slab_debug") || cmdline_is(param, "slub_debug")) {
		strbuf_free(&c->slab_debug);
		strbuf_addf(&c->slab_debug, "%s", value != NULL ? value : "");
		c->set_slab_debug = true;
		return true;
	}
	if (cmdline_is(param, "failslab") || strncmp(param, "failslab.", 9) == 0) {
		strbuf_addf(&c->failslab, "%s%s=%s", c->failslab.len != 0 ? " " : "", param,
			    value != NULL ? value : "");
		return true;
	}
	if (cmdline_is_page_debug(param)) {
		strbuf_addf(&c->page_debug, "%s%s=%s", c->page_debug.len != 0 ? " " : "", param,
			    value != NULL ? value : "");
		return true;
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
	if (c->hugepages)
		diag_warn(diag, "command line", 0,
			  "hugepages= is ignored: huge pages are taken after the zones are set up");
	if (c->memtest)
		diag_warn(diag, "command line", 0,
			  "memtest= has no effect: simulated memory is never bad");
	if (c->numa_fake_asked != 0)
		diag_warn(diag, "command line", 0,
			  "numa=fake=%" PRIu64 " too large, reducing to %u", c->numa_fake_asked,
			  c->numa_fake);
	if (c->unknown.len != 0)
		diag_warn(diag, "command line", 0,
			  "Unknown kernel command line parameters \"%s\", without effect here",
			  c->unknown.s);
	return CLI_OK;
}

void cmdline_free(struct cmdline *c)
{
	for (size_t i = 0; i < c->nr_sysctls; i++) {
		free(c->sysctls[i].name);
		free(c->sysctls[i].value);
	}
	free(c->sysctls);
	free(c->ops);
	strbuf_free(&c->slab_debug);
	strbuf_free(&c->failslab);
	strbuf_free(&c->page_debug);
	strbuf_free(&c->numa_fake_distances);
	strbuf_free(&c->unknown);
	*c = (struct cmdline){0};
}
