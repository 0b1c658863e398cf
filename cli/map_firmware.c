/* SPDX-License-Identifier: MIT */
/*
 * The words and ranges that lines of a memory map are made of, and the lines in which firmware's tables and
 * /proc/iomem are listed. Each function takes what follows the words by which the kind is known: maplines.c.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include <map_parser.h>

static const struct map_type_word {
	const char *word;
	uint32_t type;
} map_type_words[] = {
	{"usable", MAP_RAM},        {"System RAM", MAP_RAM},
	{"reserved", MAP_RESERVED}, {"device reserved", MAP_RESERVED},
	{"ACPI data", MAP_ACPI},    {"ACPI NVS", MAP_NVS},
	{"unusable", MAP_UNUSABLE}, {"persistent memory", MAP_PMEM},
	{"persistent", MAP_PMEM},   {"soft reserved", MAP_SOFT_RESERVED},
};

bool map_lit(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) != 0)
		return false;
	*p += n;
	return true;
}

void map_blanks(const char **p)
{
	while (**p == ' ' || **p == '\t')
		(*p)++;
}

/* An error about the text at @at. */
enum map_line map_bad(struct map_parser *ps, const char *at, const char *expected)
{
	char found[41];
	size_t i;

	map_blanks(&at);
	for (i = 0; i < sizeof(found) - 1 && at[i] != '\0'; i++)
		found[i] = isprint((unsigned char)at[i]) ? at[i] : '?';
	found[i] = '\0';
	if (i == 0)
		diag_error(ps->diag, ps->map->path, ps->line,
			   "the line ends too early, expected %s", expected);
	else
		diag_error(ps->diag, ps->map->path, ps->line, "found \"%s%s\", expected %s", found,
			   at[i] != '\0' ? "..." : "", expected);
	return MAP_LINE_BAD;
}

enum map_line map_bad_range(struct map_parser *ps, uint64_t start, uint64_t end, bool inclusive)
{
	diag_error(ps->diag, ps->map->path, ps->line,
		   "the range %#" PRIx64 "-%#" PRIx64
		   " is empty or inverted, expected its end (%s) above "
		   "its start",
		   start, end, inclusive ? "inclusive" : "exclusive");
	return MAP_LINE_BAD;
}

uint64_t map_exclusive(uint64_t end)
{
	return end == UINT64_MAX ? end : end + 1;
}

/* "START-END" after an optional "[mem ", then "]": end inclusive; sets both as they stand. */
bool map_scan_bracket(const char **p, const char *open, uint64_t *start, uint64_t *end)
{
	const char *q = *p;

	if (!map_lit(&q, open))
		return false;
	*p = q;
	map_blanks(&q);
	if (!util_scan_hex(&q, start))
		return false;
	*p = q;
	if (!map_lit(&q, "-") || !util_scan_hex(&q, end))
		return false;
	*p = q;
	if (!map_lit(&q, "]"))
		return false;
	*p = q;
	return true;
}

/* One more range of any kind; false if there are too many. */
bool map_count(struct map_parser *ps)
{
	if (++ps->map->nr_ranges <= MAP_MAX_RANGES)
		return true;
	diag_error(ps->diag, ps->map->path, ps->line, "more than %u ranges, expected fewer",
		   MAP_MAX_RANGES);
	return false;
}

enum map_line map_take(struct map_parser *ps, struct map_table *t, uint64_t start, uint64_t end,
		       uint32_t type)
{
	if (!map_count(ps))
		return MAP_LINE_BAD;
	map_table_add(t, start, end, type, ps->line);
	return MAP_LINE_TAKEN;
}

/* The word at *p, compared without case; the next character must not continue it. */
bool map_word(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncasecmp(*p, word, n) != 0 || isalnum((unsigned char)(*p)[n]))
		return false;
	*p += n;
	return true;
}

/* "type 20", "persistent (type 12)", "usable": 0 if it is none, *p stays then. */
uint32_t map_scan_type(const char **p)
{
	const char *q = *p;
	uint64_t number;
	size_t i;

	map_blanks(&q);
	for (i = 0; i < sizeof(map_type_words) / sizeof(map_type_words[0]); i++) {
		if (!map_word(&q, map_type_words[i].word))
			continue;
		*p = q;
		if (map_lit(&q, " (type ") && util_scan_dec(&q, &number) && map_lit(&q, ")") &&
		    number > 0 && number <= UINT32_MAX) {
			*p = q;
			return (uint32_t)number;
		}
		return map_type_words[i].type;
	}
	if (map_lit(&q, "type ") && util_scan_dec(&q, &number) && number > 0 &&
	    number <= UINT32_MAX) {
		*p = q;
		return (uint32_t)number;
	}
	return 0;
}

static bool map_at_end(const char *p)
{
	map_blanks(&p);
	return *p == '\0';
}

/* ---- kinds of lines ---- */

#define MAP_EXPECT_TYPE \
	"a type: usable, reserved, ACPI data, ACPI NVS, unusable, persistent (type N) or type N"

enum map_line map_e820(struct map_parser *ps, const char *p)
{
	bool inclusive;
	uint64_t start, end;
	uint32_t type;

	map_blanks(&p);
	if (strncmp(p, "[gap ", 5) == 0) /* since Linux 7.0: what no entry covers */
		return MAP_LINE_TAKEN;
	inclusive = *p == '[';
	if (inclusive) {
		if (!map_scan_bracket(&p, "[mem ", &start, &end))
			return map_bad(ps, p, "[mem 0xSTART-0xEND] TYPE");
		if (end < start)
			return map_bad_range(ps, start, end, true);
		type = map_scan_type(&p);
	} else {
		if (!util_scan_hex(&p, &start) || !map_lit(&p, " - ") || !util_scan_hex(&p, &end))
			return map_bad(ps, p, "[mem 0xSTART-0xEND] TYPE or START - END (TYPE)");
		if (end <= start)
			return map_bad_range(ps, start, end, false);
		map_blanks(&p);
		if (map_lit(&p, "(")) {
			type = map_scan_type(&p);
			if (type != 0 && !map_lit(&p, ")"))
				return map_bad(ps, p, "\")\" after the type");
		} else {
			type = map_scan_type(&p);
		}
	}
	if (type == 0 || !map_at_end(p))
		return map_bad(ps, p, type == 0 ? MAP_EXPECT_TYPE : "the end of the line");
	return map_take(ps, &ps->map->by_source[MAP_SOURCE_E820], start,
			inclusive ? map_exclusive(end) : end, type);
}

/* A Xen guest prints its map under another name. */
enum map_line map_xen(struct map_parser *ps, const char *p)
{
	return strncmp(p, " [mem ", 6) == 0 ? map_e820(ps, p) : MAP_LINE_UNKNOWN;
}

#define MAP_EFI_WB ((uint64_t)0x8)
#define MAP_EFI_SP ((uint64_t)0x40000)
#define MAP_EFI_MR ((uint64_t)0x10000) /* more reliable: mirrored */

/* EFI's memory types, by number; names as Linux prints them, of any age. */
static const struct map_efi_name {
	const char *name;
	unsigned int type;
} map_efi_names[] = {
	{"Reserved", 0},    {"Loader Code", 1},  {"Loader Data", 2},        {"Boot Code", 3},
	{"Boot Data", 4},   {"Runtime Code", 5}, {"Runtime Data", 6},       {"Conventional", 7},
	{"Unusable", 8},    {"ACPI Reclaim", 9}, {"ACPI Mem", 10},          {"ACPI Memory NVS", 10},
	{"MMIO Port", 12},  {"MMIO", 11},        {"Memory Mapped I/O", 11}, {"PAL Code", 13},
	{"Persistent", 14}, {"Unaccepted", 15},
};

static uint32_t map_efi_type(uint64_t efi, uint64_t attr)
{
	switch (efi) {
	case 1: /* loader and boot services: free once the kernel runs */
	case 2:
	case 3:
	case 4:
	case 7:
		if (efi == 7 && (attr & MAP_EFI_SP))
			return MAP_SOFT_RESERVED;
		return attr & MAP_EFI_WB ? MAP_RAM : MAP_RESERVED;
	case 8:
		return MAP_UNUSABLE;
	case 9:
		return MAP_ACPI;
	case 10:
		return MAP_NVS;
	case 14:
		return MAP_PMEM;
	case 15: /* accepted when first used */
		return MAP_RAM;
	default:
		return MAP_RESERVED;
	}
}

/* "[Conventional|  |...|WB|WT|WC|UC]" */
static bool map_scan_efi_words(const char **p, uint64_t *type, uint64_t *attr)
{
	const char *q = *p, *close = strchr(q, ']'), *bar;
	size_t i, n = sizeof(map_efi_names) / sizeof(map_efi_names[0]);

	if (!map_lit(&q, "[") || close == NULL)
		return false;
	map_blanks(&q);
	for (i = 0; i < n; i++)
		if (strncasecmp(q, map_efi_names[i].name, strlen(map_efi_names[i].name)) == 0)
			break;
	if (i < n)
		*type = map_efi_names[i].type;
	else if (!map_lit(&q, "type=") || !util_scan_dec(&q, type))
		return false;
	*attr = 0;
	for (bar = memchr(q, '|', (size_t)(close - q)); bar != NULL;
	     bar = memchr(bar + 1, '|', (size_t)(close - bar - 1))) {
		q = bar + 1;
		map_blanks(&q);
		if (strncmp(q, "WB", 2) == 0)
			*attr |= MAP_EFI_WB;
		else if (strncmp(q, "SP", 2) == 0)
			*attr |= MAP_EFI_SP;
		else if (strncmp(q, "MR", 2) == 0)
			*attr |= MAP_EFI_MR;
		else if (strncmp(q, "attr=", 5) == 0 && (q += 5) && !util_scan_hex(&q, attr))
			return false;
	}
	*p = close + 1;
	return true;
}

enum map_line map_efi(struct map_parser *ps, const char *p)
{
	uint64_t number, type, attr, start, end;
	bool inclusive;

	if (!isdigit((unsigned char)*p))
		return MAP_LINE_UNKNOWN; /* "efi: memattr: ..." and the like */
	if (!util_scan_dec(&p, &number) || !map_lit(&p, ":"))
		return map_bad(ps, p, "efi: memNN: and a description of memory");
	map_blanks(&p);
	if (*p == '[') {
		if (!map_scan_efi_words(&p, &type, &attr))
			return map_bad(ps, p, "[EFI TYPE|ATTRIBUTES] range=[0xSTART-0xEND]");
	} else if (!map_lit(&p, "type=") || !util_scan_dec(&p, &type) || !map_lit(&p, ", attr=") ||
		   !util_scan_hex(&p, &attr) || !map_lit(&p, ",")) {
		return map_bad(ps, p, "type=N, attr=0xN, range=[0xSTART-0xEND)");
	}
	map_blanks(&p);
	if (!map_lit(&p, "range=[") || !util_scan_hex(&p, &start) || !map_lit(&p, "-") ||
	    !util_scan_hex(&p, &end) || (*p != ']' && *p != ')'))
		return map_bad(ps, p, "range=[0xSTART-0xEND) or range=[0xSTART-0xEND]");
	inclusive = *p == ']';
	if (end < start || (!inclusive && end == start))
		return map_bad_range(ps, start, end, inclusive);
	if (attr & MAP_EFI_MR)
		map_table_add(&ps->map->mirror, start, inclusive ? map_exclusive(end) : end,
			      MAP_RAM, ps->line);
	return map_take(ps, &ps->map->by_source[MAP_SOURCE_EFI], start,
			inclusive ? map_exclusive(end) : end, map_efi_type(type, attr));
}

/* What the names of /proc/iomem mean. */
static const struct map_iomem_name {
	const char *name;
	uint32_t type; /* of the map; 0: it is a reservation */
	enum map_reserve reserve;
} map_iomem_names[] = {
	{"System RAM", MAP_RAM, 0},
	{"System RAM (boot alias)", MAP_RAM, 0},
	{"Reserved", MAP_RESERVED, 0},
	{"ACPI Tables", MAP_ACPI, 0},
	{"ACPI Non-volatile Storage", MAP_NVS, 0},
	{"Unusable memory", MAP_UNUSABLE, 0},
	{"Persistent Memory", MAP_PMEM, 0},
	{"Persistent Memory (legacy)", MAP_PRAM, 0},
	{"Soft Reserved", MAP_SOFT_RESERVED, 0},
	{"Kernel code", 0, MAP_RESERVE_KERNEL},
	{"Kernel rodata", 0, MAP_RESERVE_KERNEL},
	{"Kernel data", 0, MAP_RESERVE_KERNEL},
	{"Kernel bss", 0, MAP_RESERVE_KERNEL},
	{"Crash kernel", 0, MAP_RESERVE_CRASH},
};

static enum map_line map_iomem_take(struct map_parser *ps, uint64_t start, uint64_t end,
				    const char *name)
{
	struct map *map = ps->map;
	size_t i, n = sizeof(map_iomem_names) / sizeof(map_iomem_names[0]);

	for (i = 0; i < n; i++)
		if (strcasecmp(name, map_iomem_names[i].name) == 0)
			break;
	if (i == n)
		return MAP_LINE_TAKEN; /* devices and buses hold no RAM */
	if (map_iomem_names[i].type == MAP_RAM && start == 0 && end == 0) {
		diag_error(ps->diag, map->path, ps->line,
			   "all addresses are hidden, expected /proc/iomem as root reads it");
		return MAP_LINE_BAD;
	}
	if (map_iomem_names[i].type == 0)
		return map_take(ps, &map->reserve, start, map_exclusive(end),
				map_iomem_names[i].reserve);
	/* Inside RAM, "Reserved" is what the kernel keeps from its allocator, not a hole. */
	if (map_iomem_names[i].type == MAP_RESERVED && ps->indent > 0)
		return map_take(ps, &map->nested, start, map_exclusive(end), MAP_RESERVE_OTHER);
	return map_take(ps, &map->by_source[MAP_SOURCE_IOMEM], start, map_exclusive(end),
			map_iomem_names[i].type);
}

enum map_line map_iomem(struct map_parser *ps, const char *p)
{
	uint64_t start, end;
	size_t len;
	char name[64];

	if (!util_scan_hex(&p, &start) || !map_lit(&p, "-") || !util_scan_hex(&p, &end))
		return map_bad(ps, p, "START-END : NAME as in /proc/iomem");
	map_blanks(&p);
	if (!map_lit(&p, ":"))
		return map_bad(ps, p, "\" : NAME\" as in /proc/iomem");
	map_blanks(&p);
	if (*p == '\0')
		return map_bad(ps, p, "a name as in /proc/iomem");
	if (end < start)
		return map_bad_range(ps, start, end, true);
	len = strlen(p);
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name)), p);
	return map_iomem_take(ps, start, end, name);
}

enum map_line map_iomem_prefixed(struct map_parser *ps, const char *p)
{
	const char *text = p;

	map_blanks(&text);
	ps->indent = text - p > 1 ? (unsigned int)(text - p - 1) : 0;
	return map_iomem(ps, text);
}

/* Whether a line without a known start is one of /proc/iomem: eight digits or more and a dash. */
bool map_looks_like_iomem(const char *p)
{
	size_t n = strspn(p, "0123456789abcdefABCDEF");

	return n >= 8 && n <= 16 && p[n] == '-' && isxdigit((unsigned char)p[n + 1]);
}
