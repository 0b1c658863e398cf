/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_SMP_H
#define _QUARRY_LINUX_SMP_H

#define raw_smp_processor_id() smp_processor_id()
#define get_cpu() smp_processor_id()
#define put_cpu() ((void)0)

/* The virtual CPU that this thread plays. */
int smp_processor_id(void);

#endif
