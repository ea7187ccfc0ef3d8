/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper.h - the door to helpers and kfuncs: helpers.def has one row each.
 *
 * Adding a helper costs a row in helpers.def, one function in its family's file, one test.
 * Rows carry what the verifier needs (kinds of arguments and of the result) and who may call
 * (program types).  Helpers are hot: no libc beyond mem*, no malloc, no blocking.
 */
#ifndef SKEP_HELPER_HELPER_H
#define SKEP_HELPER_HELPER_H

#include "base/base.h"
#include "prog/image.h"

/* What an argument must be (the kernel's enum bpf_arg_type, include/linux/bpf.h). */
enum helper_arg {
	ARG_NONE,
	ARG_ANYTHING,
	ARG_CONST_MAP_PTR,
	ARG_MAP_KEY,
	ARG_MAP_VALUE,
	ARG_MAP_VALUE_UNINIT, /* the helper writes it */
	ARG_MEM,	      /* readable memory, its size in the next argument */
	ARG_MEM_OR_NULL,
	ARG_MEM_UNINIT, /* the helper writes it; size in the next argument */
	ARG_SIZE,	/* > 0 */
	ARG_SIZE_OR_ZERO,
	ARG_CTX,
	ARG_CTX_OR_NULL,
	ARG_CONST_STR,
	ARG_FUNC,	   /* a callback of the program */
	ARG_STACK_OR_NULL, /* pointer to the caller's stack, for a callback */
	ARG_ALLOC_MEM,	   /* what ringbuf_reserve gave */
	ARG_ALLOC_SIZE,	   /* constant, its size */
	ARG_SPIN_LOCK,
	ARG_LONG_PTR, /* pointer to 8 bytes that the helper writes */
	ARG_BTF_ID,   /* pointer to a kernel object (helper_object) */
	ARG_BTF_ID_OR_NULL,
	ARG_MEM_WRITE, /* memory that the helper reads and writes; size in the next argument */
	ARG_MEM_WRITE_OR_NULL,
	ARG_MAP_VALUE_OR_NULL, /* as ARG_MAP_VALUE: what a new element begins with */
	ARG_U32_WRITE,	       /* pointer to 4 bytes that the helper reads and writes */
	ARG_IPHDR,	       /* pointer to a struct iphdr, ... */
	ARG_IP6HDR,
	ARG_TCPHDR,
	ARG_SOCK_COMMON, /* pointer to a socket, of any of its shapes */
	ARG_SOCKET_OR_NULL,
	ARG_BTF_SOCK, /* the same, or a struct sock_common by BTF */
	ARG_BTF_SOCK_OR_NULL,
	ARG_BTF_SOCK_RELEASE,
	ARG_TIMER,
	ARG_PERCPU_BTF_ID,
	ARG_KPTR_DEST,
	ARG_KPTR_RELEASE,
	ARG_DYNPTR,
	ARG_DYNPTR_UNINIT, /* 16 bytes where the callee makes one */
	ARG_DYNPTR_LOCAL_UNINIT,
	ARG_DYNPTR_RINGBUF_UNINIT,
	ARG_DYNPTR_RINGBUF_RELEASE,
	/* What kfuncs take; their types say the same to the verifier. */
	ARG_OBJECT,	/* an object of the program's that is held */
	ARG_OBJECT_RCU, /* ... or was, when the run began */
	ARG_GRAPH_ROOT, /* a list head or a tree's root */
	ARG_LIST_NODE,	/* inside an object that is held */
	ARG_RB_NODE,
	_ARG_MAX,
};

/* What comes back in r0. */
enum helper_ret {
	RET_INTEGER,
	RET_VOID,
	RET_MAP_VALUE_OR_NULL,
	RET_MAP_VALUE,
	RET_ALLOC_MEM_OR_NULL, /* its size is the ARG_ALLOC_SIZE argument */
	RET_BTF_ID,	       /* helper_object */
	RET_BTF_ID_TRUSTED,
	RET_BTF_ID_OR_NULL,
	RET_SOCKET_OR_NULL,
	RET_SOCK_COMMON_OR_NULL,
	RET_TCP_SOCK_OR_NULL,
	RET_PERCPU, /* this CPU's copy of the ARG_PERCPU_BTF_ID */
	RET_PERCPU_OR_NULL,
	RET_DYNPTR_MEM_OR_NULL,
	_RET_MAX,
};

struct helper_proto {
	uint32_t id;	  /* BPF_FUNC_* */
	const char *name; /* "map_lookup_elem", without bpf_ */
	skep_call_fn fn;
	uint8_t ret;	/* enum helper_ret */
	uint8_t arg[5]; /* enum helper_arg */
	uint64_t types; /* bit n: BPF_PROG_TYPE_* n may call it */
	bool gpl_only;
	bool pkt_access;  /* memory arguments may be packet memory */
	bool changes_pkt; /* packet pointers are stale after it */
	bool might_sleep; /* only for programs that may */
	bool acquires;	  /* r0 is a reference */
	bool releases;	  /* an argument was one */
	bool casts;	  /* r0 is the socket of r1: the same reference */
	bool takes_more;  /* whatever is in the registers up to r5, which nobody checks */
};

/** The row of BPF_FUNC_* id, or NULL where Skep has no such helper. */
const struct helper_proto *helper_by_id(uint32_t id);
/**
 * The row of any helper of Linux, as programs of this type see it; fn is NULL where Skep cannot
 * run it.  NULL beyond the list.
 */
const struct helper_proto *helper_of_linux(uint32_t id, uint32_t prog_type);
/** What a call of helper id through a register calls; never NULL, for no such helper -EINVAL.  Hot.
 */
skep_call_fn helper_target(uint64_t id);
/** True when programs of this BPF_PROG_TYPE_* and expected_attach_type may call it. */
bool helper_allowed(const struct helper_proto *h, uint32_t prog_type, uint32_t attach_type);
/** The kernel's struct that the helper's ARG_BTF_ID* names ("task_struct"), or NULL. */
const char *helper_arg_object(uint32_t id);
/** The same of its RET_BTF_ID*. */
const char *helper_ret_object(uint32_t id);
/** Numbers known to the kernel's list run from 1 below this; names of all of them. */
uint32_t helper_id_count(void);
/** The kernel's name of helper id ("map_lookup_elem"), known here or not; NULL beyond the list. */
const char *helper_name(uint32_t id);

struct kfunc {
	const char *name; /* as the program's BTF has it: "bpf_iter_num_new" */
	skep_call_fn fn;
	uint8_t arg[5]; /* enum helper_arg: what the interpreter holds them to */
};

/** The i-th row of kfuncs.def, or NULL past the end; by name. */
const struct kfunc *kfunc_at(uint32_t i);
const struct kfunc *kfunc_by_name(const char *name);

/*
 * LD_ABS and LD_IND: loads size (1, 2, 4) bytes in network order at off of the packet.  True and
 * *ret on success; false: the program ends with r0 = 0.  Engines call it.
 */
bool helper_ld_abs(struct skep_run *run, void *ctx, int32_t off, uint32_t size, uint64_t *ret);

/* How helper_probe_load() loads: so many bytes, and */
#define PROBE_SIGNED 16u /* with their sign */
/** The same of a load's opcode. */
static inline uint32_t probe_how(uint8_t code)
{
	static const uint8_t size[4] = { 4, 2, 1, 8 };

	return size[BPF_SIZE(code) >> 3] | (BPF_MODE(code) == BPF_MEMSX ? PROBE_SIGNED : 0);
}
/**
 * A load through a pointer that may be any number at all (the kernel's BPF_PROBE_MEM): what is
 * there, or 0.
 */
uint64_t helper_probe_load(struct skep_run *run, uint64_t addr, uint32_t how);
/** A load of a kptr, at an address that is right: the object's, or 0 (obj_kptr_load()). */
uint64_t helper_kptr_load(struct skep_run *run, uint64_t addr, uint32_t how);

#endif
