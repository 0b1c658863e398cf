/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "linux_runner.h"

static void (*runner_before)(void);

static void runner_one(void **state)
{
	const struct linux_test *t = *state;

	if (runner_before != NULL)
		runner_before();
	t->run();
}

int linux_run(const char *group, const struct linux_test *tests, size_t nr, void (*before)(void))
{
	struct CMUnitTest *list = calloc(nr, sizeof(*list));
	int failed;

	if (list == NULL)
		return 1;
	runner_before = before;
	for (size_t i = 0; i < nr; i++) {
		list[i].name = tests[i].name;
		list[i].test_func = runner_one;
		list[i].initial_state = (void *)(uintptr_t)&tests[i];
	}
	failed = _cmocka_run_group_tests(group, list, nr, NULL, NULL);
	free(list);
	return failed;
}

_Noreturn void linux_fail(const char *file, int line, const char *what, unsigned long long is,
			  unsigned long long wanted)
{
	print_error("%s:%d: %s: %#llx, not %#llx\n", file, line, what, is, wanted);
	_fail(file, line);
	abort();
}
