/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interp.h - the interpreter: an engine, and the one that checks every memory access.
 *
 * compile() decodes the image into 24-byte threaded instructions.  A load or store outside the
 * program's memory (its stack, context, packet, map values, what helpers handed out) ends the
 * run with r0 = 0 and run->fault set.
 */
#ifndef SKEP_INTERP_INTERP_H
#define SKEP_INTERP_INTERP_H

#include "prog/prog.h"

extern const struct engine_ops interp_engine;

#endif
