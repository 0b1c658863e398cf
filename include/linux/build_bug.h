/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_BUILD_BUG_H
#define _QUARRY_LINUX_BUILD_BUG_H

#define BUILD_BUG_ON_MSG(cond, msg) _Static_assert(!(cond), msg)
#define BUILD_BUG_ON(cond) BUILD_BUG_ON_MSG(cond, #cond)
#define BUILD_BUG_ON_ZERO(e) ((int)sizeof(struct { int : (-!!(e)); }))
#ifndef static_assert
#define static_assert _Static_assert
#endif

#endif
