/* SPDX-License-Identifier: MIT */
/* Between map.c, which cuts a file into lines, and maplines.c, which knows the kinds of lines. */
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

/* Move *p over blanks. */
void map_blanks(const char **p);

/* Take the line @p, without prefixes and leading blanks, into ps->map. */
enum map_line map_take_line(struct map_parser *ps, const char *p);

#endif
