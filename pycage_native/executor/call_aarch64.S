/* Calls of any signature (AAPCS64, 6.8.2): integers in x0-x7, reals in d0-d7, a large result's address in x8.  Compiles;
   never run by us on this machine type. */

	.text

/* void call_block(void *function, const pn_block *block, pn_result *result) */
	.globl	call_block
	.hidden	call_block
	.type	call_block, %function
call_block:
	.cfi_startproc
	stp	x29, x30, [sp, #-32]!
	.cfi_def_cfa_offset 32
	.cfi_offset 29, -32
	.cfi_offset 30, -24
	mov	x29, sp
	.cfi_def_cfa_register 29
	str	x2, [x29, #16]
	mov	x16, x0
	mov	x17, x1
	ldr	x9, [x17, #136]
	cmp	x9, #64
	mov	x10, #64
	csel	x9, x9, x10, ls
	add	x10, x9, #1
	and	x10, x10, #-2
	sub	sp, sp, x10, lsl #3
	add	x11, x17, #144
	mov	x12, sp
	cbz	x9, 2f
1:	ldr	x13, [x11], #8
	str	x13, [x12], #8
	subs	x9, x9, #1
	b.ne	1b
2:	ldp	d0, d1, [x17, #64]
	ldp	d2, d3, [x17, #80]
	ldp	d4, d5, [x17, #96]
	ldp	d6, d7, [x17, #112]
	ldr	x8, [x17, #128]
	ldp	x0, x1, [x17, #0]
	ldp	x2, x3, [x17, #16]
	ldp	x4, x5, [x17, #32]
	ldp	x6, x7, [x17, #48]
	blr	x16
	ldr	x9, [x29, #16]
	stp	x0, x1, [x9]
	stp	d0, d1, [x9, #16]
	stp	d2, d3, [x9, #32]
	mov	sp, x29
	ldp	x29, x30, [sp], #32
	.cfi_def_cfa sp, 0
	ret
	.cfi_endproc
	.size	call_block, .-call_block

/* 64 entry points for callbacks: code cannot be made at run time. */
	.globl	callback_stubs
	.hidden	callback_stubs
	.type	callback_stubs, %function
	.balign	16
callback_stubs:
	.set	slot, 0
	.rept	64
	.balign	16
	hint	#34			/* bti c */
	mov	w16, #slot
	b	callback_common
	.set	slot, slot + 1
	.endr

	.type	callback_common, %function
callback_common:
	.cfi_startproc
	stp	x29, x30, [sp, #-16]!
	.cfi_def_cfa_offset 16
	.cfi_offset 29, -16
	.cfi_offset 30, -8
	mov	x29, sp
	.cfi_def_cfa_register 29
	sub	sp, sp, #176
	stp	x0, x1, [sp, #0]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	d0, d1, [sp, #64]
	stp	d2, d3, [sp, #80]
	stp	d4, d5, [sp, #96]
	stp	d6, d7, [sp, #112]
	mov	w0, w16
	mov	x1, sp
	add	x2, x29, #16
	add	x3, sp, #128
	bl	callback_entry
	ldp	x0, x1, [sp, #128]
	ldp	d0, d1, [sp, #144]
	ldp	d2, d3, [sp, #160]
	mov	sp, x29
	ldp	x29, x30, [sp], #16
	.cfi_def_cfa sp, 0
	ret
	.cfi_endproc
	.size	callback_common, .-callback_common

	.section .note.GNU-stack,"",%progbits
