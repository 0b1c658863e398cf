/* SPDX-License-Identifier: MIT */
/* Machines of all shapes, each for a moment: anything.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "anything.h"

static void all_shapes(void **state)
{
	(void)state;
	any_live_short(12000, ANY_USUAL ? 800 : 20, 15, 0xc0a96ae552e60041);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
