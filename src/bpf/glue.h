/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * glue.h - the door to the glue between libbpf and our kernel (<bpf/bpf.h> is libbpf's name).
 *
 * libbpf knows one kernel: the one behind the C library's calls.  This room stands between the
 * two.  calls.def lists the calls that it answers, calls.c answers them, and there are two ways
 * in:
 *
 *	wrap.c	   __wrap_NAME, for programs that link libbpf statically with -Wl,--wrap=NAME
 *	preload.c  NAME itself, in libskep-bpf.so, for LD_PRELOAD into unmodified programs
 *
 * Both pass on, unchanged, all that is not about eBPF.  files.c holds the files that libbpf and
 * its users read to learn about the kernel.
 */
#ifndef SKEP_BPF_GLUE_H
#define SKEP_BPF_GLUE_H

#include <skep/skep.h>

/**
 * The options of a kernel that the environment asks for: SKEP_ENGINE=jit|interp,
 * SKEP_RIGHTS=caller, SKEP_MODEL=linux, and SKEP_TRACE, with which lines of bpf_trace_printk go to
 * standard error.
 */
void bpf_kernel_opts(struct skep_kernel_opts *ret);

/** Lets k, instead of skep_kernel_self(), answer this process's libbpf; NULL: back to that. */
void bpf_kernel_set(struct skep_kernel *k);

/** The kernel that answers; NULL where none could be made. */
struct skep_kernel *bpf_kernel(void);

#endif
