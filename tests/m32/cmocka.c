/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the boot layer need of cmocka, for 32-bit programs: Debian's library is of the
 * machine's own width. Its header is used as it is, and its output is imitated so that run.sh counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static jmp_buf failed;

void print_message(const char *const format, ...)
{
	va_list ap;

	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
}

void print_error(const char *const format, ...)
{
	va_list ap;

	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
}

void _fail(const char *const file, const int line)
{
	printf("[   LINE   ] --- %s:%d: error: Failure!\n", file, line);
	longjmp(failed, 1);
}

void _assert_true(const LargestIntegralType result, const char *const expression,
		  const char *const file, const int line)
{
	if (result)
		return;
	printf("%s\n", expression);
	_fail(file, line);
}

void _assert_int_equal(const LargestIntegralType a, const LargestIntegralType b,
		       const char *const file, const int line)
{
	if (a == b)
		return;
	printf("%#llx != %#llx\n", (unsigned long long)a, (unsigned long long)b);
	_fail(file, line);
}

void _assert_int_not_equal(const LargestIntegralType a, const LargestIntegralType b,
			   const char *const file, const int line)
{
	if (a != b)
		return;
	printf("%#llx == %#llx\n", (unsigned long long)a, (unsigned long long)b);
	_fail(file, line);
}

void _assert_in_range(const LargestIntegralType value, const LargestIntegralType minimum,
		      const LargestIntegralType maximum, const char *const file, const int line)
{
	if (value >= minimum && value <= maximum)
		return;
	printf("%#llx is not within %#llx-%#llx\n", (unsigned long long)value,
	       (unsigned long long)minimum, (unsigned long long)maximum);
	_fail(file, line);
}

void _assert_string_equal(const char *const a, const char *const b, const char *const file,
			  const int line)
{
	if (strcmp(a, b) == 0)
		return;
	printf("\"%s\" != \"%s\"\n", a, b);
	_fail(file, line);
}

void _assert_memory_equal(const void *const a, const void *const b, const size_t size,
			  const char *const file, const int line)
{
	if (memcmp(a, b, size) == 0)
		return;
	printf("%zu bytes differ\n", size);
	_fail(file, line);
}

/* Whether the test passed. */
static bool run_one(const struct CMUnitTest *test)
{
	void *state = test->initial_state;

	if (setjmp(failed) != 0)
		return false;
	if (test->setup_func != NULL && test->setup_func(&state) != 0)
		return false;
	test->test_func(&state);
	return test->teardown_func == NULL || test->teardown_func(&state) == 0;
}

int _cmocka_run_group_tests(const char *group_name, const struct CMUnitTest *const tests,
			    const size_t num_tests, CMFixtureFunction group_setup,
			    CMFixtureFunction group_teardown)
{
	static const char *broken[1000];
	int nr = 0;

	(void)group_name;
	setvbuf(stdout, NULL, _IOLBF, 0); /* nothing is lost in a crash */
	if (group_setup != NULL || group_teardown != NULL)
		return -1; /* none of these tests has one */
	for (size_t i = 0; i < num_tests; i++) {
		bool ok = run_one(&tests[i]);

		printf(ok ? "[       OK ] %s\n" : "[  FAILED  ] %s\n", tests[i].name);
		if (!ok && nr < 1000)
			broken[nr++] = tests[i].name;
	}
	for (int i = 0; i < nr; i++)
		printf("[  FAILED  ] %s\n", broken[i]);
	return nr;
}
