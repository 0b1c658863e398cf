/* SPDX-License-Identifier: MIT */
/*
 * A program without a C library: it stands for a kernel that has nothing but what it brings itself. It runs
 * the self-test on 64 MiB of its own; the status is the number of tests that failed.
 */
#include "quarry.h"
#include "quarry_selftest.h"

#define RAM_BYTES ((size_t)64 << 20)

static _Alignas(2 << 20) unsigned char ram[RAM_BYTES];
static _Alignas(4096) unsigned char scratch[QUARRY_SELFTEST_SCRATCH];
static _Alignas(64) unsigned char room[QUARRY_STORAGE_SIZE];

/* The four functions that a host must bring, written so that no compiler makes a call to them of them. */
void *memcpy(void *to, const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile unsigned char *)to)[i] = ((const unsigned char *)from)[i];
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	if ((uintptr_t)to <= (uintptr_t)from)
		return memcpy(to, from, n);
	while (n-- != 0)
		((volatile unsigned char *)to)[n] = ((const unsigned char *)from)[n];
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile unsigned char *)to)[i] = (unsigned char)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return x[i] - y[i];
	return 0;
}

static long system_call(long number, long a, long b, long c)
{
#if defined(__x86_64__)
	__asm__ volatile("syscall"
			 : "+a"(number)
			 : "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return number;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
			 x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
#elif defined(__riscv)
	register long a7 __asm__("a7") = number, a0 __asm__("a0") = a, a1 __asm__("a1") = b,
			 a2 __asm__("a2") = c;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
	return a0;
#else
#error "not written for this machine"
#endif
}

#ifdef __x86_64__
enum { CALL_WRITE = 1, CALL_EXIT = 231 };
#else
enum { CALL_WRITE = 64, CALL_EXIT = 94 };
#endif

static void print(void *ctx, const char *line)
{
	size_t n = 0;

	(void)ctx;
	while (line[n] != 0)
		n++;
	system_call(CALL_WRITE, 1, (long)line, (long)n);
	system_call(CALL_WRITE, 1, (long)"\n", 1);
}

static void report(void *ctx, const char *line)
{
	(void)ctx;
	print(NULL, line);
}

/* As many as failed, and 100 if it did not come so far. */
static long test(void)
{
	const struct quarry_port port = {.direct_map = (uintptr_t)ram, .report = report};
	struct quarry *q = quarry_init(room, sizeof(room), &port);
	struct quarry_selftest_env env = {
		.q = q,
		.print = print,
		.nr_cpus = 1,
		.seed = 1,
		.scratch = scratch,
		.scratch_bytes = sizeof(scratch),
	};

	if (q == NULL || quarry_memblock_add(q, 1 << 20, RAM_BYTES - (1 << 20)) != 0 ||
	    quarry_boot(q, NULL) != 0)
		return 100;
	return (long)quarry_selftest(&env, NULL);
}

__attribute__((noreturn, used)) static void start(void)
{
	for (;;)
		system_call(CALL_EXIT, test(), 0, 0);
}

#ifdef __x86_64__
__asm__(".globl _start\n_start: xor %ebp, %ebp\n and $-16, %rsp\n call start\n");
#elif defined(__riscv)
__asm__(".globl _start\n_start: call start\n");
#else
__asm__(".globl _start\n_start: bl start\n");
#endif
