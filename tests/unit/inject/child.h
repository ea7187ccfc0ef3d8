/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.h - a process to trace: a child of the test, which has the test's functions where the test
 * has them.  It ends with the test.
 */
#ifndef SKEP_TESTS_INJECT_CHILD_H
#define SKEP_TESTS_INJECT_CHILD_H

#include "inject/patch.h"

#include <asm/ptrace.h>
#include <stdatomic.h>

#define CHILD_THREADS 8

/* What both see. */
struct shared {
	_Atomic uint64_t hits;	  /* of handlers */
	_Atomic uint32_t ready;	  /* threads of the child that began */
	_Atomic uint32_t go;	  /* counts what the child is told */
	_Atomic uint32_t done;	  /* counts what it did */
	_Atomic uint32_t stop;	  /* it is to end */
	_Atomic uint64_t wrong;	  /* results that were not right */
	_Atomic uint64_t calls;	  /* that it made */
	_Atomic uint64_t signals; /* that its handler got */
	int64_t result;		  /* of what it was told */
	uint64_t align;		  /* of a handler's stack, and... */
	struct pt_regs regs;	  /* ...what it saw */
	uint64_t in[18], out[18]; /* registers, flags */
	uint64_t red_zone[16];	  /* what was in it afterwards */
	int fd[2];		  /* a pipe */
};

/** Begins fn in a child; skips the test where ptrace is not permitted. */
struct shared *child_start(void (*fn)(struct shared *s), pid_t *ret);
/** Tells it to do its thing once more, and waits until it did. */
void child_do(struct shared *s);
/** In the child: waits until it is told, false: it is to end. */
bool child_told(struct shared *s, uint32_t *seen);
/** Kills it, and fails if it had died before. */
void child_end(pid_t pid);

/** tracee_stop(), which must succeed. */
void child_stop(struct tracee *t, pid_t pid);

/* An asm function of the test's, from NAME to NAME_end. */
#define FUNC(name) extern const uint8_t name[], name##_end[]
static inline struct func func_of(const uint8_t *begin, const uint8_t *end)
{
	return (struct func){ .at = (uintptr_t)begin,
			      .text = begin,
			      .size = (size_t)(end - begin),
			      .room = (size_t)(end - begin) + 16 };
}
#define ASM_FUNC(name, body)                                                          \
	__asm__(".pushsection .text\n.balign 16\n.globl " #name "\n" #name ":\n" body \
		"\n.globl " #name "_end\n" #name                                      \
		"_end:\n.balign 16, 0xcc\n.fill 16, 1, 0xcc\n.popsection\n")

#endif
