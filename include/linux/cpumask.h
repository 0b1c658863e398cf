/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_CPUMASK_H
#define _QUARRY_LINUX_CPUMASK_H

#include <quarry/linux.h>

#include <linux/smp.h>

/* CPUs of the machine: those of quarry_linux_params, one at least. */
#define nr_cpu_ids (quarry_linux_params.nr_cpus != 0 ? quarry_linux_params.nr_cpus : 1u)
#define num_possible_cpus() nr_cpu_ids
#define num_present_cpus() nr_cpu_ids
#define num_online_cpus() nr_cpu_ids
#define cpu_possible(cpu) ((unsigned int)(cpu) < nr_cpu_ids)
#define cpu_online(cpu) cpu_possible(cpu)
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (unsigned int)(cpu) < nr_cpu_ids; (cpu)++)
#define for_each_present_cpu(cpu) for_each_possible_cpu(cpu)
#define for_each_online_cpu(cpu) for_each_possible_cpu(cpu)

#endif
