/* SPDX-License-Identifier: MIT */
/* Symbols that the self-test's files share, as src/base/names.h has them. Made by scripts/names.py. */
#ifndef SELFTEST_NAMES_H
#define SELFTEST_NAMES_H

#include <quarry/names.h>

#ifdef QUARRY_PREFIX
#define SELFTEST_NAME(name) QUARRY_PASTE(QUARRY_NAME(quarry_priv_), name)
#else
#define SELFTEST_NAME(name) quarry_priv_##name
#endif

#define selftest_add SELFTEST_NAME(selftest_add)
#define selftest_add_number SELFTEST_NAME(selftest_add_number)
#define selftest_all SELFTEST_NAME(selftest_all)
#define selftest_blocks SELFTEST_NAME(selftest_blocks)
#define selftest_boot SELFTEST_NAME(selftest_boot)
#define selftest_bootmem SELFTEST_NAME(selftest_bootmem)
#define selftest_check SELFTEST_NAME(selftest_check)
#define selftest_contains SELFTEST_NAME(selftest_contains)
#define selftest_debug SELFTEST_NAME(selftest_debug)
#define selftest_forget SELFTEST_NAME(selftest_forget)
#define selftest_is SELFTEST_NAME(selftest_is)
#define selftest_layers SELFTEST_NAME(selftest_layers)
#define selftest_length SELFTEST_NAME(selftest_length)
#define selftest_machine SELFTEST_NAME(selftest_machine)
#define selftest_machine_fini SELFTEST_NAME(selftest_machine_fini)
#define selftest_machines SELFTEST_NAME(selftest_machines)
#define selftest_memblock SELFTEST_NAME(selftest_memblock)
#define selftest_moving SELFTEST_NAME(selftest_moving)
#define selftest_numa SELFTEST_NAME(selftest_numa)
#define selftest_pages SELFTEST_NAME(selftest_pages)
#define selftest_pile_down SELFTEST_NAME(selftest_pile_down)
#define selftest_pile_up SELFTEST_NAME(selftest_pile_up)
#define selftest_pressure SELFTEST_NAME(selftest_pressure)
#define selftest_print SELFTEST_NAME(selftest_print)
#define selftest_quiesce SELFTEST_NAME(selftest_quiesce)
#define selftest_random SELFTEST_NAME(selftest_random)
#define selftest_set SELFTEST_NAME(selftest_set)
#define selftest_shows SELFTEST_NAME(selftest_shows)
#define selftest_skip SELFTEST_NAME(selftest_skip)
#define selftest_slabs SELFTEST_NAME(selftest_slabs)
#define selftest_take SELFTEST_NAME(selftest_take)
#define selftest_zones SELFTEST_NAME(selftest_zones)

#endif
