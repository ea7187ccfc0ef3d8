/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unwind.h - inside the room: one step up the stack of the thread whose run it is.  Hot.
 */
#ifndef SKEP_HELPER_UNWIND_H
#define SKEP_HELPER_UNWIND_H

#include "helper/helper_int.h"

/* A frame: what its function has in registers. */
struct unwind_frame {
	uint64_t ip;
	uint64_t sp;  /* 0: not known, and nothing but frame pointers to go by */
	uint64_t fp;  /* the frame pointer, if it is one */
	bool returns; /* ip is behind a call, which may be the end of its function */
};

/** Goes to its caller's; false: there is none, or where it is cannot be known. */
bool unwind_step(struct skep_run *run, struct unwind_frame *f);
/** What the address is in a file: 0 and the build id and offset, or the address itself. */
void unwind_name(const struct skep_run *run, uint64_t ip, struct bpf_stack_build_id *ret);

#endif
