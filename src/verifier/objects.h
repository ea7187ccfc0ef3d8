/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.h - objects of the kernel that live in a program's stack: dynptrs, iterators.
 *
 * Functions of the kernel make them there, are handed them and end them; the program itself knows
 * neither how large they are nor what is in them.  An object fills whole slots, and the slot at
 * its lowest address says what it is.
 */
#ifndef SKEP_VERIFIER_OBJECTS_H
#define SKEP_VERIFIER_OBJECTS_H

#include "verifier/verifier_int.h"

/* -- objects.c -- */

/* Where one is, or could be: n slots, first the one at the lowest address. */
struct object_place {
	struct frame *f;
	uint32_t first, n;
};

/**
 * The n slots that register reg points to; `what` stands in complaints.
 *
 * @return 0; -EINVAL (said in the log) when it cannot be one; -ERANGE when the stack was not used
 *	   that far yet
 */
int object_place(struct verifier *v, uint32_t reg, const char *what, uint32_t n,
		 struct object_place *ret);
/** What is there is needed: 0 or -ENOMEM. */
int object_read(struct verifier *v, const struct object_place *p);
/** All bytes of the place are of that kind. */
bool object_is(struct verifier *v, const struct object_place *p, uint8_t kind);
/** Some are. */
bool object_overlaps(const struct object_place *p, uint8_t kind);
/** n slots at register reg are written, as if by the program: 0 or what is wrong with that. */
int object_write(struct verifier *v, uint32_t reg, uint32_t n);
/** All bytes become of that kind, the slots' registers `r`. */
void object_mark(struct verifier *v, const struct object_place *p, uint8_t kind,
		 const struct reg *r);
/** Nothing is left there. */
void object_wipe(struct verifier *v, const struct object_place *p);
/** The slot belongs to some object. */
static inline bool slot_is_object(const struct slot *s)
{
	return s->kind[7] >= STACK_ITER;
}

/* -- iter.c -- */
/** The kind of an iterator by its struct: "num". */
const char *iter_text(const struct verifier *v, uint32_t id);
/** Some iterator was asked more often in one of the two states. */
bool iter_depths_differ(const struct vstate *old, const struct vstate *cur);

/* -- dynptr.c -- */

/* What a function does with a dynptr that is its argument. */
enum dynptr_use {
	DYNPTR_READ,   /* leaves it as it is (MEM_RDONLY) */
	DYNPTR_CHANGE, /* may change or end it */
	DYNPTR_MAKE,   /* makes one there (MEM_UNINIT) */
};

/* One dynptr. */
struct dynptr {
	enum dynptr_kind kind;
	uint32_t id;	 /* slices carry it */
	uint32_t ref_id; /* its reference, 0: none */
};

/**
 * The argument in register reg: of that kind, or DYNPTR_NONE for any.  A clone shares the
 * reference `clone_of` with its original, 0: one of its own.
 */
int dynptr_arg(struct verifier *v, uint32_t reg, enum dynptr_use use, enum dynptr_kind kind,
	       uint32_t clone_of);
/** The one in register reg, which dynptr_arg() let pass. */
struct dynptr dynptr_at(const struct verifier *v, uint32_t reg);
/** Register reg points to a dynptr that can be given back. */
int dynptr_releasable(struct verifier *v, uint32_t reg);
/** It is given back: it, its clones and all slices are gone. */
int dynptr_release(struct verifier *v, uint32_t reg);
/** Slot n of the frame is about to be overwritten: a dynptr there is destroyed. */
int dynptr_overwrite(struct verifier *v, struct frame *f, uint32_t n);
/** A pointer to a dynptr that is not the program's to change. */
void dynptr_const(struct verifier *v, struct reg *r, enum dynptr_kind kind);
/** "ringbuf" */
const char *dynptr_text(enum dynptr_kind kind);

#endif
