/* SPDX-License-Identifier: MIT */
/* Runs tests that know nothing but Linux's headers, and counts them as the others are counted. */
#ifndef TESTS_LINUX_RUNNER_H
#define TESTS_LINUX_RUNNER_H

#include <stddef.h>

struct linux_test {
	const char *name;
	void (*run)(void);
};

/* Runs @before and then the test, for each; returns the exit status. */
int linux_run(const char *group, const struct linux_test *tests, size_t nr, void (*before)(void));

/* Ends the running test without success. */
_Noreturn void linux_fail(const char *file, int line, const char *what, unsigned long long is,
			  unsigned long long wanted);

#define LINUX_TEST(fn)  \
	{               \
#fn, fn \
	}

#define IS(value, wanted)                                                                  \
	do {                                                                               \
		unsigned long long is_a = (unsigned long long)(value);                     \
		unsigned long long is_b = (unsigned long long)(wanted);                    \
		if (is_a != is_b)                                                          \
			linux_fail(__FILE__, __LINE__, #value " == " #wanted, is_a, is_b); \
	} while (0)

#define OK(cond)                                                     \
	do {                                                         \
		if (!(cond))                                         \
			linux_fail(__FILE__, __LINE__, #cond, 0, 1); \
	} while (0)

#endif
