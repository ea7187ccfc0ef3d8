/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * func.h - the context of programs at a function of the kernel (fentry, fexit, fmod_ret): its
 * arguments.  What helpers ask of them stands before it, and what came of the function behind it.
 */
#ifndef SKEP_HELPER_FUNC_H
#define SKEP_HELPER_FUNC_H

#include "base/base.h"

#define FUNC_ARGS 1 /* a system call's body is handed its registers */

struct func_args {
	uint64_t n;
	uint64_t arg[FUNC_ARGS + 1]; /* the context; behind the last one: what was returned */
};

#endif
