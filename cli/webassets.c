/* SPDX-License-Identifier: MIT */
/*
 * Files put into the program as they are: cli/web, and what scripts/uplot.sh brought. The assembler is told
 * where to find them.
 */
#include <webassets.h>

#define WEBASSETS_DEFINE(symbol, name)                        \
	extern const char symbol[], symbol##_end[];           \
	__asm__(".pushsection .rodata\n"                      \
		".global " #symbol "\n" #symbol ":\n"         \
		".incbin \"" name "\"\n"                      \
		".global " #symbol "_end\n" #symbol "_end:\n" \
		".byte 0\n"                                   \
		".popsection\n")

WEBASSETS_DEFINE(webassets_page, "report.html");
WEBASSETS_DEFINE(webassets_style, "report.css");
WEBASSETS_DEFINE(webassets_script, "report.js");
WEBASSETS_DEFINE(webassets_uplot, "uplot.js");
WEBASSETS_DEFINE(webassets_uplot_style, "uplot.css");
WEBASSETS_DEFINE(webassets_uplot_licence, "uplot.LICENSE");

const char *webasset_text(enum webasset asset, size_t *len)
{
	static const struct {
		const char *text, *end;
	} assets[WEBASSET_NR] = {
		[WEBASSET_PAGE] = {webassets_page, webassets_page_end},
		[WEBASSET_STYLE] = {webassets_style, webassets_style_end},
		[WEBASSET_SCRIPT] = {webassets_script, webassets_script_end},
		[WEBASSET_UPLOT] = {webassets_uplot, webassets_uplot_end},
		[WEBASSET_UPLOT_STYLE] = {webassets_uplot_style, webassets_uplot_style_end},
		[WEBASSET_UPLOT_LICENCE] = {webassets_uplot_licence, webassets_uplot_licence_end},
	};

	*len = (size_t)(assets[asset].end - assets[asset].text);
	return assets[asset].text;
}
