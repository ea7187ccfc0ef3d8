/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit.h - the compiler: an engine that turns an image into machine code.
 *
 * A second architecture plugs in as a `struct jit_target` (jit_int.h).  On one without a target
 * jit_engine.compile gives -EOPNOTSUPP.  Code memory is W^X: written through one mapping, run
 * through another (jit/mcode.c).
 */
#ifndef SKEP_JIT_JIT_H
#define SKEP_JIT_JIT_H

#include "prog/prog.h"

extern const struct engine_ops jit_engine;

/** True where this machine has a target. */
bool jit_available(void);

#endif
