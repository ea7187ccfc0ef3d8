/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uapi.h - <linux/bpf.h>, and the constants of newer kernels that the installed one may lack.
 *
 * Numbers only; they are the kernel's ABI (include/uapi/linux/bpf.h, bpf_common.h, RFC 9669).
 */
#ifndef SKEP_BASE_UAPI_H
#define SKEP_BASE_UAPI_H

#include <linux/bpf.h>
#include <linux/btf.h>

/* The kernel's own "not supported", which user space has no name for but bpf(2) returns. */
#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

#define BPF_PROG_TYPE_NETFILTER 32 /* 6.4 */

#ifndef BPF_MEMSX
#define BPF_MEMSX 0x80 /* LDX: load with sign extension (RFC 9669 5.2) */
#endif
#ifndef BPF_LOAD_ACQ
#define BPF_LOAD_ACQ  0x100 /* atomic: load-acquire (6.14) */
#define BPF_STORE_REL 0x110 /* atomic: store-release (6.14) */
#endif
#ifndef BPF_JCOND
#define BPF_JCOND 0xe0 /* JMP: conditional pseudo jumps, may_goto (6.9) */
#endif
#define SKEP_MAY_GOTO 0 /* src_reg of JCOND */
#ifndef BPF_ADDR_PERCPU
#define BPF_ADDR_PERCPU (-1) /* MOV64 off: per-CPU address (6.10, internal to the kernel) */
#endif
#define SKEP_ADDR_SPACE_CAST 1 /* MOV64 off: arena cast (6.9) */

/* Registers as numbers; the eleventh is the verifier's private one and never reaches a program. */
#define SKEP_REG_CNT	    11
#define SKEP_STACK_MAX	    512	    /* bytes of stack per frame (MAX_BPF_STACK) */
#define SKEP_FRAMES_MAX	    8	    /* depth of bpf2bpf calls (MAX_CALL_FRAMES) */
#define SKEP_TAIL_CALLS_MAX 33	    /* MAX_TAIL_CALL_CNT */
#define SKEP_INSNS_MAX	    1000000 /* BPF_COMPLEXITY_LIMIT_INSNS: program length for the privileged */
#define SKEP_MAY_GOTO_MAX   (8 * 1024 * 1024) /* BPF_MAX_LOOPS */

#endif
