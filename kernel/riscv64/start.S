/* SPDX-License-Identifier: MIT */
/* From OpenSBI to C, in supervisor mode without paging, and the trap's entry. */
	.equ	RISCV_HARTS, 64
	.section .head, "ax"
	.globl	_start
_start:					/* a0: hart, a1: devicetree */
	la	t0, riscv_taken
	li	t1, 1
	amoswap.w.aqrl t1, t1, (t0)
	bnez	t1, riscv_uncalled
	la	sp, boot_stack_top
	la	t0, kernel_bss_start
	la	t1, kernel_bss_end
1:	bgeu	t0, t1, 2f
	sd	zero, 0(t0)
	addi	t0, t0, 8
	j	1b
2:	call	riscv_main

	.globl	riscv_secondary		/* a1: struct riscv_start, stack and number */
riscv_secondary:
	ld	sp, 0(a1)
	lw	a0, 8(a1)
	call	cpu_secondary

	/* Firmware has been seen to let a second hart come here, on a busy host: it waits until it is wanted. */
riscv_uncalled:				/* a0: hart */
	la	t0, riscv_called
	li	t1, RISCV_HARTS
	bgeu	a0, t1, 2f
	slli	t1, a0, 3
	add	t0, t0, t1
1:	ld	a1, 0(t0)
	beqz	a1, 1b
	fence	r, rw
	j	riscv_secondary
2:	wfi
	j	2b

	/* struct riscv_frame: x1 to x31, where it came, the state then. */
	.macro	each, what
	\what	x1, 0(sp)
	\what	x3, 16(sp)
	\what	x4, 24(sp)
	\what	x5, 32(sp)
	\what	x6, 40(sp)
	\what	x7, 48(sp)
	\what	x8, 56(sp)
	\what	x9, 64(sp)
	\what	x10, 72(sp)
	\what	x11, 80(sp)
	\what	x12, 88(sp)
	\what	x13, 96(sp)
	\what	x14, 104(sp)
	\what	x15, 112(sp)
	\what	x16, 120(sp)
	\what	x17, 128(sp)
	\what	x18, 136(sp)
	\what	x19, 144(sp)
	\what	x20, 152(sp)
	\what	x21, 160(sp)
	\what	x22, 168(sp)
	\what	x23, 176(sp)
	\what	x24, 184(sp)
	\what	x25, 192(sp)
	\what	x26, 200(sp)
	\what	x27, 208(sp)
	\what	x28, 216(sp)
	\what	x29, 224(sp)
	\what	x30, 232(sp)
	\what	x31, 240(sp)
	.endm

	.text
	.balign	4
	.globl	riscv_trap_entry
riscv_trap_entry:
	addi	sp, sp, -272
	each	sd
	csrr	t0, sepc
	csrr	t1, sstatus
	sd	t0, 248(sp)
	sd	t1, 256(sp)
	mv	a0, sp
	call	riscv_trap
	ld	t0, 248(sp)
	ld	t1, 256(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	each	ld
	addi	sp, sp, 272
	sret

	.data				/* not cleared */
	.balign	8
	.globl	riscv_called
riscv_called:				/* by hart: struct riscv_start, or NULL */
	.space	8 * RISCV_HARTS
riscv_taken:
	.word	0

	.section .bss
	.balign	16
	.space	32768
boot_stack_top:
	.section .note.GNU-stack, "", @progbits
