/* Calls of any signature: all integers go to the integer registers in order, all reals to the vector registers in
   order, independently of how they interleave (System V AMD64 ABI, 3.2.3).  So one routine serves every signature. */

	.text

/* void call_block(void *function, const pn_block *block, pn_result *result) */
	.globl	call_block
	.hidden	call_block
	.type	call_block, @function
call_block:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	pushq	%rbx
	.cfi_offset %rbx, -24
	pushq	%rdx			/* result */
	movq	%rdi, %rax		/* function */
	movq	%rsi, %rbx		/* block */
	movq	136(%rbx), %rcx		/* stack words */
	cmpq	$64, %rcx		/* PN_STACK_WORDS; what stands there may be anything */
	jbe	1f
	movq	$64, %rcx
1:	leaq	1(%rcx), %rdx
	andq	$-2, %rdx		/* 16-byte alignment */
	shlq	$3, %rdx
	subq	%rdx, %rsp
	leaq	144(%rbx), %rsi
	movq	%rsp, %rdi
	cld
	rep movsq
	movsd	64(%rbx), %xmm0
	movsd	72(%rbx), %xmm1
	movsd	80(%rbx), %xmm2
	movsd	88(%rbx), %xmm3
	movsd	96(%rbx), %xmm4
	movsd	104(%rbx), %xmm5
	movsd	112(%rbx), %xmm6
	movsd	120(%rbx), %xmm7
	movq	%rax, %r11
	movq	0(%rbx), %rdi
	movq	8(%rbx), %rsi
	movq	16(%rbx), %rdx
	movq	24(%rbx), %rcx
	movq	32(%rbx), %r8
	movq	40(%rbx), %r9
	movl	$8, %eax		/* variadic functions want to know */
	call	*%r11
	movq	-16(%rbp), %rbx
	movq	%rax, 0(%rbx)
	movq	%rdx, 8(%rbx)
	movsd	%xmm0, 16(%rbx)
	movsd	%xmm1, 24(%rbx)
	movq	-8(%rbp), %rbx
	leave
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size	call_block, .-call_block

/* 64 entry points for callbacks: code cannot be made at run time.  Each tells its number and goes on below. */
	.globl	callback_stubs
	.hidden	callback_stubs
	.type	callback_stubs, @function
	.balign	16
callback_stubs:
	.set	slot, 0
	.rept	64
	.balign	16
	endbr64
	movl	$slot, %r11d
	jmp	callback_common
	.set	slot, slot + 1
	.endr

/* Saves the argument registers as a pn_block begins, calls
   void callback_entry(uint32_t slot, uint64_t *registers, const uint64_t *stack, pn_result *result). */
	.type	callback_common, @function
callback_common:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	subq	$176, %rsp
	movq	%rdi, 0(%rsp)
	movq	%rsi, 8(%rsp)
	movq	%rdx, 16(%rsp)
	movq	%rcx, 24(%rsp)
	movq	%r8, 32(%rsp)
	movq	%r9, 40(%rsp)
	movsd	%xmm0, 64(%rsp)
	movsd	%xmm1, 72(%rsp)
	movsd	%xmm2, 80(%rsp)
	movsd	%xmm3, 88(%rsp)
	movsd	%xmm4, 96(%rsp)
	movsd	%xmm5, 104(%rsp)
	movsd	%xmm6, 112(%rsp)
	movsd	%xmm7, 120(%rsp)
	movl	%r11d, %edi
	movq	%rsp, %rsi
	leaq	16(%rbp), %rdx
	leaq	128(%rsp), %rcx
	call	callback_entry
	movq	128(%rsp), %rax
	movq	136(%rsp), %rdx
	movsd	144(%rsp), %xmm0
	movsd	152(%rsp), %xmm1
	leave
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size	callback_common, .-callback_common

	.section .note.GNU-stack,"",@progbits
