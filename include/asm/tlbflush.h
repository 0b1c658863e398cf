/* SPDX-License-Identifier: MIT */
/* There is no TLB to flush. */
#ifndef _QUARRY_ASM_TLBFLUSH_H
#define _QUARRY_ASM_TLBFLUSH_H

#define flush_tlb_all() ((void)0)
#define local_flush_tlb_all() ((void)0)

#endif
