/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_STRING_H
#define _QUARRY_LINUX_STRING_H

#include <string.h>

#endif
