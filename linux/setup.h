/* SPDX-License-Identifier: MIT */
/* Between the files of this folder: what boot code has said before the machine boots. */
#ifndef LINUX_SETUP_H
#define LINUX_SETUP_H

#include <quarry/linux.h>

/* Forgets all of it: a new machine begins. */
void linux_setup_reset(void);
/* Puts it into @params, which the program may have filled already. */
void linux_setup_params(struct quarry_boot_params *params);

#endif
