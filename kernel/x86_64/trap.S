/* SPDX-License-Identifier: MIT */
/* One entry for each vector: exceptions 0 to 31, the timer, the APIC's spurious one. x86_trap() does the rest. */
	.text
	.macro	entry vector, has_code
	.balign	16
	.if	\has_code == 0
	push	$0
	.endif
	push	$\vector
	jmp	trap_common
	.endm

	.balign	16
	.globl	x86_trap_entries
x86_trap_entries:
	.set	n, 0
	.rept	34
	.if	n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21 || n == 29 || n == 30
	entry	n, 1
	.else
	entry	n, 0
	.endif
	.set	n, n + 1
	.endr

/* struct x86_frame, from the last push on. */
trap_common:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rbx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	cld
	mov	%rsp, %rdi
	call	x86_trap
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rbx
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq
	.section .note.GNU-stack, "", @progbits
