/* SPDX-License-Identifier: MIT */
/*
 * The default instance: what the headers of include/linux/ bind Linux's names to. Hosted code only.
 *
 * A program that uses only Linux's names needs none of this: the first call makes an instance whose
 * physical addresses are the process's own, so that memblock_add() of malloc()ed memory makes it
 * memory; the first bootmem call makes one with QUARRY_LINUX_RAM bytes of memory from address 0 on.
 *
 * Context of every call: a thread, not a signal handler, unless it says otherwise.
 */
#ifndef QUARRY_LINUX_H
#define QUARRY_LINUX_H

#include <quarry/posix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Address space for bootmem programs, less on 32 bits; the host backs what is touched. */
#define QUARRY_LINUX_RAM ((size_t)1 << (sizeof(void *) == 8 ? 36 : 30))

/* memblock's lists and settings of the default instance; may be read and written. */
extern struct memblock memblock;

/* bootmem's nodes of the default instance, QUARRY_MAX_NODES of them. */
extern bootmem_data_t bootmem_node_data[];
/* They, linked by rising address. */
extern struct list_head bdata_list;

/* Patterns that early_memtest() writes; 0: none. */
extern unsigned int quarry_linux_memtest;

/* How memblock_free_all() and free_all_bootmem() boot; set it before. */
extern struct quarry_boot_params quarry_linux_params;

/** quarry_linux() - the default instance, made if there is none. Ends the program if the host is out
 * of memory. Context: one thread until it is made. */
struct quarry *quarry_linux(void);

/** quarry_linux_current() - the default instance, or NULL if there is none. Context: any. */
struct quarry *quarry_linux_current(void);

/** quarry_linux_serial() - how many default instances there have been: state of one instance is not
 * another's, even at the same address. Context: any. */
unsigned long quarry_linux_serial(void);

/** quarry_linux_bootmem() - quarry_linux() that, if there is none, makes one with QUARRY_LINUX_RAM
 * bytes of memory. */
struct quarry *quarry_linux_bootmem(void);

/**
 * quarry_linux_start() - throw the default instance away and begin a new one
 * @options: as for quarry_posix_new()
 *
 * memblock and bootmem are empty then. Context: one thread, nothing of the old instance in use.
 * Return: 0; -QUARRY_ENOMEM: the host is out of memory, and there is no default instance.
 */
QUARRY_MUST_CHECK int quarry_linux_start(const struct quarry_posix_options *options);

/** quarry_linux_use() - make @q, of any port and at QUARRY_STAGE_BOOT, the default instance, with
 * memblock and bootmem empty; NULL: there is none. The old one is thrown away if it was made here;
 * @q stays the caller's. */
void quarry_linux_use(struct quarry *q);

/** quarry_linux_boot() - quarry_boot() of the default instance with quarry_linux_params; from
 * bootmem's free pages if @bootmem. Nodes that memblock does not know are told to it then, holes
 * included. Failure is logged. Return: pages managed, 0 on failure. */
unsigned long quarry_linux_boot(bool bootmem);

/** quarry_linux_printk() - print to standard output by @fmt: printf() of the host, Linux's level
 * prefixes dropped, and %pa, %pap, %pad of phys_addr_t. Return: bytes printed. */
int quarry_linux_printk(const char *fmt, ...);

#ifdef __cplusplus
}
#endif

#endif
