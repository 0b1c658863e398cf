/* SPDX-License-Identifier: MIT */
/* Names of what becomes of events, and of the reasons of refusals: for tables and for JSON. */
#include <engine.h>

static const struct {
	const char *name, *text;
} fate_names[ENGINE_NR_FATES] = {
	[ENGINE_REPLAYED] = {"replayed", "replayed"},
	[ENGINE_REFUSED] = {"refused", "refused here"},
	[ENGINE_FAILED] = {"failed_in_recording", "refused by Linux itself, not tried"},
	[ENGINE_BEFORE] = {"freed_before_recording",
			   "freed, but allocated before the recording began"},
	[ENGINE_FROM_BEFORE] = {"freed_from_snapshot", "freed from what the snapshot had"},
	[ENGINE_UNTRACED] = {"freed_untraced", "freed, but twice or allocated without an event"},
	[ENGINE_FREE_REFUSED] = {"freed_refused", "freed, but had been refused"},
	[ENGINE_SLAB_PAGE] = {"slab_page", "of the recorded kernel's own slabs"},
	[ENGINE_DUPLICATE] = {"duplicate", "the same page as another event"},
	[ENGINE_NULL] = {"null", "kfree(NULL)"},
	[ENGINE_ZERO_SIZE] = {"zero_size", "of zero bytes"},
	[ENGINE_INFORMATION] = {"information", "for information only"},
	[ENGINE_NO_ID] = {"no_address", "address was not printed"},
	[ENGINE_BAD_ORDER] = {"bad_block", "larger than order 10, or not aligned to its size"},
};

const char *engine_fate_name(enum engine_fate fate)
{
	return fate_names[fate].name;
}

const char *engine_fate_text(enum engine_fate fate)
{
	return fate_names[fate].text;
}

static const struct {
	const char *name, *text;
} fate_reasons[ENGINE_NR_REASONS] = {
	[QUARRY_REFUSED_NONE] = {"none", "no reason known"},
	[QUARRY_REFUSED_NODE] = {"node", "no node that it may use"},
	[QUARRY_REFUSED_WATERMARK] = {"watermark",
				      "free pages would fall below watermark + reserve"},
	[QUARRY_REFUSED_ORDER] = {"order", "enough free pages, but no free block of the order"},
	[QUARRY_REFUSED_TYPE] = {"type", "only blocks of types that the request may not break"},
	[QUARRY_REFUSED_METADATA] = {"metadata", "no memory for Quarry's own tables"},
	[ENGINE_REASON_TOO_LARGE] = {"too_large", "larger than any block or class"},
	[ENGINE_REASON_NO_CACHE] = {"no_cache", "the cache could not be made"},
	[ENGINE_REASON_OTHER] = {"other", "refused above the page allocator"},
};

const char *engine_reason_name(unsigned int reason)
{
	return reason < ENGINE_NR_REASONS ? fate_reasons[reason].name : "?";
}

const char *engine_reason_text(unsigned int reason)
{
	return reason < ENGINE_NR_REASONS ? fate_reasons[reason].text : "?";
}
