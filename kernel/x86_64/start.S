/* SPDX-License-Identifier: MIT */
/*
 * From the loader to C: PVH's entry, in 32-bit protected mode without paging, ebx = start info; and the
 * entry of the other CPUs, in 16-bit mode at X86_TRAMPOLINE. Both come to 64-bit mode on an identity map.
 *
 * The map is by pages of 2 MiB up to 4 GiB; arch.c adds the rest where the CPU has pages of 1 GiB.
 */
	.section .note.pvh, "a", @note
	.balign	4
	.long	4, 4, 18		/* bytes of name and value; XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	_start

/* Uses eax, ecx, edx. */
	.macro	enter_long_mode
	mov	%cr4, %eax
	or	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx	/* EFER */
	rdmsr
	or	$0x100, %eax		/* LME */
	wrmsr
	mov	%cr0, %eax
	and	$0x9fffffff, %eax	/* caches on */
	or	$0x80010001, %eax	/* paging, write protection, protected mode */
	mov	%eax, %cr0
	.endm

	.section .head, "ax"
	.code32
	.globl	_start
_start:	cli
	cld
	mov	$boot_stack_top, %esp
	mov	%ebx, %ebp
	xor	%eax, %eax
	mov	$kernel_bss_start, %edi
	mov	$kernel_bss_end, %ecx
	sub	%edi, %ecx
	rep	stosb
	movl	$x86_pdpt + 3, pml4
	mov	$pd + 3, %eax
	mov	$x86_pdpt, %edi
	mov	$4, %ecx
1:	mov	%eax, (%edi)
	add	$4096, %eax
	add	$8, %edi
	loop	1b
	mov	$0x83, %eax		/* present, writable, large */
	mov	$pd, %edi
	mov	$2048, %ecx
2:	mov	%eax, (%edi)
	add	$0x200000, %eax
	add	$8, %edi
	loop	2b
	enter_long_mode
	lgdt	gdt_pointer
	ljmp	$8, $3f
	.code64
3:	call	x86_segments
	mov	%ebp, %edi
	call	x86_main

	/* Copied to X86_TRAMPOLINE, so by offsets from there; what it names lies below 4 GiB. */
	.code16
	.globl	x86_trampoline, x86_trampoline_end
x86_trampoline:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	gdt_pointer - x86_trampoline + 0x8000
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	$0x18, $secondary32
gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	gdt, 0
x86_trampoline_end:

	.code32
secondary32:
	mov	$0x10, %ax
	mov	%ax, %ds
	enter_long_mode
	ljmp	$8, $4f
	.code64
4:	mov	x86_start_stack, %rsp
	call	x86_segments
	mov	x86_start_number, %edi
	call	cpu_secondary

x86_segments:
	mov	$0x10, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	xor	%ax, %ax
	mov	%ax, %fs
	mov	%ax, %gs
	ret

	.balign	8
gdt:	.quad	0
	.quad	0x00af9a000000ffff	/* 0x08: code, 64 bits */
	.quad	0x00cf92000000ffff	/* 0x10: data */
	.quad	0x00cf9a000000ffff	/* 0x18: code, 32 bits */
	.globl	x86_gdt_tss
x86_gdt_tss:
	.quad	0, 0			/* 0x20: by arch.c */
gdt_end:

	.section .bss
	.balign	4096
pml4:	.space	4096
	.globl	x86_pdpt
x86_pdpt:
	.space	4096
pd:	.space	4096 * 4
	.space	32768
boot_stack_top:
	.section .note.GNU-stack, "", @progbits
