/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_ERRNO_H
#define _QUARRY_LINUX_ERRNO_H

#if defined(__has_include_next)
#if __has_include_next(<linux/errno.h>)
#include_next <linux/errno.h>
#endif
#endif

#include <quarry/types.h>

#ifndef ENOMEM
#define ENOMEM QUARRY_ENOMEM
#define EBUSY QUARRY_EBUSY
#define EEXIST QUARRY_EEXIST
#define EINVAL QUARRY_EINVAL
#define ENOSPC QUARRY_ENOSPC
#define ERANGE QUARRY_ERANGE
#endif

#endif
