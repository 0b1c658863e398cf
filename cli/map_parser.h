/* SPDX-License-Identifier: MIT */
/* Between map.c, which cuts a file into lines, and map_firmware.c and maplines.c, which know the kinds of lines. */
#ifndef CLI_MAP_PARSER_H
#define CLI_MAP_PARSER_H

#include <map.h>

enum map_section { MAP_SECTION_NONE, MAP_SECTION_ZONES, MAP_SECTION_NODES };

/* What a line was. */
enum map_line { MAP_LINE_UNKNOWN, MAP_LINE_TAKEN, MAP_LINE_BAD };

struct map_parser {
	struct map *map;
	struct diag *diag;
	unsigned int line;
	unsigned int indent; /* blanks before the text, prefixes not counted */
	enum map_section section;
	uint64_t
		announced; /* bytes that memblock was last asked for, until something is reserved */
};

/* ---- map_firmware.c ---- */

/* Move *p over blanks. */
void map_blanks(const char **p);
/* Move *p over @word; false, and it stays, if it does not stand there. */
bool map_lit(const char **p, const char *word);
/* The same whatever its case, and the next character must not continue it. */
bool map_word(const char **p, const char *word);
/* "START-END" after an optional "[mem ", then "]": end inclusive; sets both as they stand. */
bool map_scan_bracket(const char **p, const char *open, uint64_t *start, uint64_t *end);
/* "type 20", "persistent (type 12)", "usable": 0 if it is none, *p stays then. */
uint32_t map_scan_type(const char **p);
uint64_t map_exclusive(uint64_t end);
/* One more range of any kind; false if there are too many, and that was said. */
bool map_count(struct map_parser *ps);
/* Add a range to @t. */
enum map_line map_take(struct map_parser *ps, struct map_table *t, uint64_t start, uint64_t end,
		       uint32_t type);
/* Say what was expected in place of the text at @at, or that a range is wrong; MAP_LINE_BAD. */
enum map_line map_bad(struct map_parser *ps, const char *at, const char *expected);
enum map_line map_bad_range(struct map_parser *ps, uint64_t start, uint64_t end, bool inclusive);

/* Whether a line without a known start is one of /proc/iomem. */
bool map_looks_like_iomem(const char *p);
enum map_line map_e820(struct map_parser *ps, const char *p);
enum map_line map_xen(struct map_parser *ps, const char *p);
enum map_line map_efi(struct map_parser *ps, const char *p);
enum map_line map_iomem(struct map_parser *ps, const char *p);
enum map_line map_iomem_prefixed(struct map_parser *ps, const char *p);

/* ---- maplines.c ---- */

/* Take the line @p, without prefixes and leading blanks, into ps->map. */
enum map_line map_take_line(struct map_parser *ps, const char *p);

#endif
