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
#define SKEP_ADDR_SPACE_CAST 1	       /* MOV64 off: arena cast (6.9), whose imm is one of... */
#define SKEP_CAST_TO_ARENA   1	       /* ...from address space 1 to 0 */
#define SKEP_CAST_TO_USER    (1 << 16) /* ...and back */

/* Numbers of newer headers, as enumerators cannot be tested for: SKEP_ and the kernel's name. */
#define SKEP_TOKEN_CREATE	     36 /* bpf(2) command (6.9) */
#define SKEP_CMD_COUNT		     37 /* __MAX_BPF_CMD of 6.12 */
#define SKEP_MAP_TYPE_CGRP_STORAGE   32 /* 6.2 */
#define SKEP_MAP_TYPE_ARENA	     33 /* 6.9 */
#define SKEP_NETFILTER		     45 /* attach types */
#define SKEP_TCX_INGRESS	     46
#define SKEP_TCX_EGRESS		     47
#define SKEP_TRACE_UPROBE_MULTI	     48
#define SKEP_F_UPROBE_MULTI_RETURN   1
#define SKEP_LINK_TYPE_UPROBE_MULTI  12
#define SKEP_CGROUP_UNIX_CONNECT     49
#define SKEP_CGROUP_UNIX_GETSOCKNAME 53
#define SKEP_NETKIT_PRIMARY	     54
#define SKEP_NETKIT_PEER	     55
#define SKEP_TRACE_KPROBE_SESSION    56
#define SKEP_TRACE_UPROBE_SESSION    57
#define SKEP_F_PATH_FD		     (1u << 14) /* file_flags of OBJ_PIN, OBJ_GET */
#define SKEP_F_TOKEN_FD		     (1u << 16)
#define SKEP_F_XDP_DEV_BOUND_ONLY    (1u << 6) /* prog_flags */
#define SKEP_F_TEST_REG_INVARIANTS   (1u << 7)
#define SKEP_TEST_SKB_CSUM_COMPLETE  (1u << 2) /* BPF_F_TEST_SKB_CHECKSUM_COMPLETE */

/* The verifier's log (include/linux/bpf_verifier.h). */
#define SKEP_LOG_LEVEL1 1
#define SKEP_LOG_LEVEL2 2
#define SKEP_LOG_STATS	4
#define SKEP_LOG_FIXED	8
#define SKEP_LOG_MASK	15

/* Registers as numbers; the eleventh is the verifier's private one and never reaches a program. */
#define SKEP_REG_CNT	    11
#define SKEP_STACK_MAX	    512	    /* bytes of stack per frame (MAX_BPF_STACK) */
#define SKEP_FRAMES_MAX	    8	    /* depth of bpf2bpf calls (MAX_CALL_FRAMES) */
#define SKEP_TAIL_CALLS_MAX 33	    /* MAX_TAIL_CALL_CNT */
#define SKEP_INSNS_MAX	    1000000 /* BPF_COMPLEXITY_LIMIT_INSNS: program length for the privileged */
#define SKEP_MAY_GOTO_MAX   (8 * 1024 * 1024) /* BPF_MAX_LOOPS */

#endif
