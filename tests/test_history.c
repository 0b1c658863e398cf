/* SPDX-License-Identifier: MIT */
/* What a page of a replay is made of: samples of zones, caches and pageblocks, in bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <history.h>
#include <pack.h>
#include <report_data.h>
#include <session.h>

#define MAP "maps/qemu-512m-1node.boot.txt"
#define TRACE "traces/k618-thp.kmt.zst"

struct run {
	struct session_options options;
	struct session session;
	struct history history;
};

static void play_this(struct run *r, const char *trace, uint64_t limit, uint64_t expected)
{
	session_defaults(&r->options);
	r->options.trace_path = trace;
	r->options.machine.map_path = MAP;
	r->options.limit = limit;
	r->options.progress = PROGRESS_NEVER;
	assert_int_equal(session_open(&r->session, &r->options), CLI_OK);
	history_start(&r->history, &r->session, expected);
	session_run(&r->session);
	history_end(&r->history);
}

static void play(struct run *r, uint64_t limit, uint64_t expected)
{
	play_this(r, TRACE, limit, expected);
}

static void end(struct run *r)
{
	history_free(&r->history);
	session_close(&r->session);
}

/* The last sample is the machine as it is. */
static void last_sample_is_the_machine(const struct history *h)
{
	struct quarry_zone_info info;
	uint64_t index = 0;

	for (unsigned int z = 0; z < h->nr_zones; z++) {
		assert_true(quarry_zone_info(h->q, h->zone[z].nid, h->zone[z].type, &info));
		assert_int_equal(history_value(h, h->nr - 1, history_zone_at(z, HISTORY_FREE)),
				 info.free);
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			assert_int_equal(
				history_value(h, h->nr - 1, history_zone_at(z, HISTORY_BLOCKS + o)),
				info.nr_free[o]);
	}
	assert_int_equal(h->cell_shift, 0);
	for (unsigned int s = 0; s < h->nr_spans; s++) {
		for (uint64_t b = 0; b < h->spans[s].nr; b++, index++) {
			const uint8_t *v = h->cells + (size_t)(h->nr - 1) * h->nr_cells * 5 + index;
			struct quarry_pageblock_info block;
			pfn_t pfn;

			/* The first and the last one are not whole. */
			pfn = (pfn_t)(h->spans[s].first + b) << QUARRY_PAGEBLOCK_ORDER;
			assert_true(quarry_pageblock_info(h->q, pfn, &block) ||
				    quarry_pageblock_info(h->q, pfn + 511, &block));
			assert_int_equal(v[h->nr_cells] | v[h->nr_cells * 2] << 8, block.nr_free);
			if (v[0] != HISTORY_NO_TYPE)
				assert_int_equal(v[0], block.type);
		}
	}
	assert_int_equal(index, h->nr_blocks);
}

static uint64_t varint(const char **s)
{
	uint64_t v = 0;
	unsigned int shift = 0;

	do {
		v |= (uint64_t)(**s & 0x7f) << shift;
		shift += 7;
	} while (*(*s)++ & 0x80);
	return v;
}

/* Pages that a row speaks of; the free ones in *free. */
static uint64_t row_pages(const struct history *h, const struct history_row *row, uint64_t *free)
{
	const char *s = h->row_text.s + row->at, *end = s + row->len;
	uint64_t pages = 0;

	*free = 0;
	while (s < end) {
		unsigned int byte = (unsigned char)*s++, order = byte >> 4;
		uint64_t nr = varint(&s), owner = varint(&s);

		assert_in_range(byte & 15, 0, HISTORY_NR_KINDS - 1);
		assert_true(owner < h->nr_owners);
		pages += order == 15 ? nr : nr << order;
		*free += (byte & 15) == HISTORY_PAGE_FREE ? nr : 0;
	}
	assert_ptr_equal(s, end);
	return pages;
}

static void rows_agree_with_cells(const struct history *h)
{
	uint32_t sample = 0;

	assert_true(h->nr_rows > 0);
	for (size_t i = 0; i < h->nr_rows; i++) {
		const struct history_row *row = &h->rows[i];
		const uint8_t *v = h->cells + (size_t)row->sample * h->nr_cells * 5 + row->block;
		uint64_t free, pages = row_pages(h, row, &free);

		assert_true(row->sample >= sample && row->sample < h->nr);
		sample = row->sample;
		/* Blocks above a pageblock's size reach beyond it. */
		assert_true(pages == QUARRY_PAGEBLOCK_PAGES || pages == 2 * QUARRY_PAGEBLOCK_PAGES);
		assert_int_equal(free, v[h->nr_cells] | v[h->nr_cells * 2] << 8);
	}
}

static void samples_rise(const struct history *h)
{
	for (unsigned int i = 1; i < h->nr; i++) {
		assert_true(history_value(h, i, HISTORY_EVENT) >
			    history_value(h, i - 1, HISTORY_EVENT));
		assert_true(history_value(h, i, HISTORY_TIME_NS) >=
			    history_value(h, i - 1, HISTORY_TIME_NS));
	}
}

static void a_known_number_of_events(void **state)
{
	struct run r;
	const struct history *h = &r.history;

	(void)state;
	play(&r, 0, 385641);
	assert_in_range(h->nr, 390, 410);
	assert_int_equal(history_value(h, 0, HISTORY_EVENT), 0);
	assert_int_equal(history_value(h, h->nr - 1, HISTORY_EVENT),
			 engine_result(r.session.engine)->events);
	samples_rise(h);
	last_sample_is_the_machine(h);
	rows_agree_with_cells(h);
	end(&r);
}

/* Nobody says how many will come: thinned, and the end is exact all the same. */
static void an_unknown_number_of_events(void **state)
{
	struct run r;
	const struct history *h = &r.history;

	(void)state;
	play(&r, 0, 1); /* a sample every other event, at first */
	assert_true(h->nr > h->cap / 2 && h->nr <= h->cap);
	assert_int_equal(history_value(h, 0, HISTORY_EVENT), 0);
	samples_rise(h);
	last_sample_is_the_machine(h);
	rows_agree_with_cells(h);
	for (unsigned int c = 0; c < h->nr_caches; c++) {
		struct quarry_cache_info info;

		quarry_kmem_cache_info(h->q, h->caches[c].cache, &info);
		assert_int_equal(h->caches[c].value[h->nr - 1][HISTORY_OBJECTS], info.active_objs);
		assert_int_equal(h->caches[c].value[h->nr - 1][HISTORY_SLABS], info.num_slabs);
	}
	end(&r);
}

/* A user program's recording has no events of the kernel, but the machine has a history all the same. */
static void a_user_program(void **state)
{
	struct run r;
	const struct history *h = &r.history;
	const struct heap_result *result;

	(void)state;
	play_this(&r, "traces/user-sqlite.umt.zst", 0, 0);
	result = heap_result(r.session.heap);
	assert_true(h->nr > 10 && h->nr <= h->cap);
	samples_rise(h);
	last_sample_is_the_machine(h);
	rows_agree_with_cells(h);
	assert_int_equal(history_value(h, h->nr - 1, HISTORY_EVENT), result->events);
	assert_int_equal(history_value(h, h->nr - 1, HISTORY_LIVE_BYTES), result->live_bytes);
	end(&r);
}

static void numbers_are_packed(void **state)
{
	struct strbuf b = {0};
	const char *s;
	char *text;

	(void)state;
	pack_u64(&b, 0);
	pack_u64(&b, 127);
	pack_u64(&b, 128);
	pack_u64(&b, UINT64_MAX);
	pack_s64(&b, -1);
	pack_s64(&b, 1);
	pack_s64(&b, INT64_MIN);
	s = b.s;
	assert_int_equal(varint(&s), 0);
	assert_int_equal(varint(&s), 127);
	assert_int_equal(varint(&s), 128);
	assert_true(varint(&s) == UINT64_MAX);
	assert_int_equal(varint(&s), 1);
	assert_int_equal(varint(&s), 2);
	assert_true(varint(&s) == UINT64_MAX);
	assert_ptr_equal(s, b.s + b.len);
	strbuf_free(&b);
	text = pack_text("abc", 3);
	assert_string_equal(text, "eNpLTEoGAAJNASc=");
	free(text);
}

/* The same recording gives the same data; what depends on the clock is not in it. */
static void the_data_is_the_same_again(void **state)
{
	static const char *const packed[] = {"series", "map", "rows"};
	struct report report = {.top = 10};
	json_t *data[2];
	struct run r;

	(void)state;
	for (int i = 0; i < 2; i++) {
		play(&r, 50000, 50000);
		session_report(&r.session, &report);
		data[i] = report_data(&r.history, &report);
		assert_non_null(data[i]);
		end(&r);
	}
	for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++)
		assert_string_equal(json_string_value(json_object_get(data[0], packed[i])),
				    json_string_value(json_object_get(data[1], packed[i])));
	assert_true(
		json_equal(json_object_get(data[0], "sites"), json_object_get(data[1], "sites")));
	assert_true(json_array_size(json_object_get(data[0], "sites")) > 10);
	json_decref(data[0]);
	json_decref(data[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_packed),
		cmocka_unit_test(a_known_number_of_events),
		cmocka_unit_test(an_unknown_number_of_events),
		cmocka_unit_test(a_user_program),
		cmocka_unit_test(the_data_is_the_same_again),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
