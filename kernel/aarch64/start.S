/* SPDX-License-Identifier: MIT */
/*
 * From the loader to C, at EL1, and the vectors. The first bytes are the header of Linux's Image format:
 * whoever knows it loads the kernel to a multiple of 2 MiB and passes the devicetree in x0.
 *
 * The map is the identity by blocks of 1 GiB: the first is devices, the others up to 256 GiB memory.
 */
	.section .head, "ax"
	.globl	_start
_start:	b	1f
	.long	0
	.quad	0			/* from a multiple of 2 MiB on */
	.quad	kernel_image_size
	.quad	0xa			/* little-endian, pages of 4 KiB, anywhere in memory */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0
1:	mov	x19, x0
	adrp	x9, boot_stack_top
	add	sp, x9, :lo12:boot_stack_top
	adrp	x1, kernel_bss_start
	add	x1, x1, :lo12:kernel_bss_start
	adrp	x2, kernel_bss_end
	add	x2, x2, :lo12:kernel_bss_end
2:	cmp	x1, x2
	b.hs	3f
	str	xzr, [x1], #8
	b	2b
3:	bl	enable_mmu
	mov	x0, x19
	bl	arm_main

	/* PSCI passes in x0 a struct arm_start: stack and number. */
	.globl	arm_secondary
arm_secondary:
	mov	x19, x0
	bl	enable_mmu
	ldr	x9, [x19]
	mov	sp, x9
	ldr	w0, [x19, #8]
	bl	cpu_secondary

enable_mmu:
	mov	x1, #0xff00		/* kind 0: device; kind 1: memory, cached */
	msr	mair_el1, x1
	ldr	x1, =0x200803519	/* TCR: 39 bits by TTBR0 alone, 4 KiB, cached, 40 bits physical */
	msr	tcr_el1, x1
	adrp	x1, map
	msr	ttbr0_el1, x1
	dsb	ish
	isb
	tlbi	vmalle1
	ic	iallu
	dsb	ish
	isb
	mrs	x1, sctlr_el1
	mov	x2, #0x1005		/* MMU, caches for data and instructions */
	orr	x1, x1, x2
	msr	sctlr_el1, x1
	isb
	adrp	x1, vectors
	add	x1, x1, :lo12:vectors
	msr	vbar_el1, x1
	isb
	ret

	/* struct arm_frame: x0 to x30, where it came, the state then. */
	.macro	vector kind
	.balign	128
	sub	sp, sp, #272
	stp	x0, x1, [sp]
	mov	x0, #\kind
	b	trap_common
	.endm

	.text
	.balign	2048
vectors:
	.set	n, 0
	.rept	16
	vector	n
	.set	n, n + 1
	.endr

trap_common:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x30, x1, [sp, #240]
	str	x2, [sp, #256]
	mov	x1, sp
	bl	arm_trap
	ldr	x2, [sp, #256]
	ldp	x30, x1, [sp, #240]
	msr	spsr_el1, x2
	msr	elr_el1, x1
	ldp	x28, x29, [sp, #224]
	ldp	x26, x27, [sp, #208]
	ldp	x24, x25, [sp, #192]
	ldp	x22, x23, [sp, #176]
	ldp	x20, x21, [sp, #160]
	ldp	x18, x19, [sp, #144]
	ldp	x16, x17, [sp, #128]
	ldp	x14, x15, [sp, #112]
	ldp	x12, x13, [sp, #96]
	ldp	x10, x11, [sp, #80]
	ldp	x8, x9, [sp, #64]
	ldp	x6, x7, [sp, #48]
	ldp	x4, x5, [sp, #32]
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp]
	add	sp, sp, #272
	eret

	.section .data
	.balign	4096
map:	.quad	0x0060000000000401	/* device: accessed, never executed, kind 0 */
	.set	n, 1
	.rept	255
	.quad	(n << 30) | 0x705	/* memory: accessed, inner shareable, kind 1 */
	.set	n, n + 1
	.endr
	.rept	256
	.quad	0
	.endr

	.section .bss
	.balign	16
	.space	32768
boot_stack_top:
	.section .note.GNU-stack, "", %progbits
