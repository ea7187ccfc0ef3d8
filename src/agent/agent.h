/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * agent.h - the agent: what runs programs inside the members of a hive.
 *
 * It is one image (agent.elf) of the hot rooms and the files here, without libc and without a
 * symbol that it would need from elsewhere.  The server puts it at the beginning of the hive's
 * text, so it lies at one address in the server and in every member; what compiled programs call
 * and what maps' descriptors point to is the image's.  Only its door is known outside.
 *
 * The image has no data but zeroes: hive_meta.private_at, which each process has for itself.
 */
#ifndef SKEP_AGENT_AGENT_H
#define SKEP_AGENT_AGENT_H

#include "helper/event.h"
#include "helper/helper.h"
#include "map/map.h"
#include "prog/prog.h"

#define AGENT_VERSION 6 /* of the door */

struct hive_meta;
struct unwind_maps;

/* How a process joins. */
struct agent_join {
	const struct hive_meta *meta; /* the hive's, mapped */
	uintptr_t vdso;		      /* AT_SYSINFO_EHDR, 0: not known */
	uint32_t filters; /* that it has from the program before (agent_filters.known) */
	bool server;	  /* it is the kernel's own process */
};

/* An int3 that the server has put, and the stub that the thread goes on in; fault.c. */
struct agent_trap {
	uint64_t at; /* its address; 0: the row is free */
	uint64_t to;
};
#define AGENT_TRAPS 4096 /* rows: that of an address is the first free one from its hash on */

/** The first row to look at for an int3 at that address. */
static inline uint32_t agent_trap_row(uint64_t at)
{
	return (uint32_t)(at * UINT64_C(0x9e3779b97f4a7c15) >> 52);
}
static_assert(AGENT_TRAPS == 1u << (64 - 52), "a hash is a row");

/* The kernel's struct sigaction (<asm/signal.h>). */
struct agent_act {
	uint64_t handler, flags, restorer, mask;
};

/* What the process has put before its own system calls, and so before ours; filter.c. */
struct agent_filters {
	_Atomic uint32_t known; /* seccomp filters that let all of ours pass */
	_Atomic bool muted;	/* one does not, or nobody knows: nothing of ours runs there... */
	uint32_t why;		/* ...enum filter_says... */
	int32_t nr;		/* ...and FILTER_FORBIDS: which system call; -1: not known */
};

/* Calls of code that was made at run time; dispatch.c. */
struct agent_dispatch {
	_Atomic uint64_t from,
		size;	       /* the stretch that has it, the server's to write; size 0: none */
	_Atomic uint32_t asks; /* for more, so far */
};
#define AGENT_DISPATCH_ON \
	2 /* PR_SYS_DISPATCH_INCLUSIVE_ON, since Linux 6.17: of a stretch's calls */

/* Why the agent looks at a system call, whoever else does: bits, by number. */
#define AGENT_CALL_EXECS   1u  /* the process may become another program */
#define AGENT_CALL_MAKES   2u  /* makes threads or processes */
#define AGENT_CALL_FILTERS 4u  /* may forbid what the agent does */
#define AGENT_CALL_SIGNALS 8u  /* says what happens to signals */
#define AGENT_CALL_MAPS	   16u /* maps text, which is of interest where all calls are */
#define AGENT_CALL_NEEDED  (AGENT_CALL_MAPS - 1) /* by the agent itself */

/** Where the argument of that index is, of 6, in struct pt_regs and in ptrace(2)'s registers. */
static inline size_t agent_arg_at(uint32_t arg)
{
	static const uint8_t at[] = { 14, 13, 12, 7, 9, 8 }; /* rdi, rsi, rdx, r10, r8, r9 */

	return at[arg] * sizeof(uint64_t);
}

/* A system call of the program whose argument is ours until it ends: see signal.c. */
struct agent_swap {
	_Atomic uint64_t sp; /* of the thread; 0: the row is free */
	uint32_t nr;
	uint32_t arg;	 /* which one, from 0; SWAP_RESULT: the call is another one... */
	uint64_t was;	 /* ...and what it was */
	uint64_t old_at; /* where the program wants the old mask or action, or 0 */
	uint64_t mask, pair[2];
	struct agent_act act, old;
	uint32_t held[2]; /* faults that the thread holds back, before and after */
};
#define AGENT_SWAPS 1024
#define SWAP_RESULT 6

/* How a process became another program. */
struct agent_exec {
	uint32_t old_pid; /* the thread that called exec */
	char comm[16];	  /* its name by then */
	char path[EVENT_PATH_MAX];
};

/* The image's entry point, as ELF calls it, is this. */
struct agent_door {
	uint32_t version, size;

	/* -- for the server: what programs and maps refer to, by the doors of the rooms -- */
	const struct helper_proto *(*helper_by_id)(uint32_t id);
	const struct kfunc *(*kfunc_at)(uint32_t i);
	const struct map_ops *(*map_ops_at)(uint32_t i);
	skep_call_fn (*helper_target)(uint64_t id);
	uint64_t (*helper_probe_load)(struct skep_run *run, uint64_t addr, uint32_t how);
	uint64_t (*helper_kptr_load)(struct skep_run *run, uint64_t addr, uint32_t how);
	bool (*helper_ld_abs)(struct skep_run *run, void *ctx, int32_t off, uint32_t size,
			      uint64_t *ret);

	/* -- for every process -- */
	/*
	 * Once, when segments and private memory are mapped, and again in a child of fork(), before
	 * anything else: 0, or -EAGAIN where the hive has as many members as it can.
	 */
	int (*join)(const struct agent_join *how);
	/* The hive's, as join() was told; NULL: it never was. */
	const struct hive_meta *(*meta)(void);
	/* Maps what the hive shows its members by now; 0 or -errno. */
	int (*sync)(void);
	/*
	 * Runs a program on ctx in the calling thread: what it returns in *ret, or -EBUSY, counted
	 * in recursion_misses, where the thread was interrupted in a run on this CPU.
	 */
	int (*run)(const struct skep_prog *p, void *ctx, uint64_t *ret);
	/* What struct map_far calls: bpf(2)'s operations of this process, as runs of its own. */
	long (*map_call)(const struct map_far *f, enum map_op op, const void *key, void *value,
			 uint64_t flags);
	/*
	 * What stubs call: regs is a struct pt_regs, cookie the address of a struct hive_site.
	 * True: the function that begins there is left out, by a jump to return_now with %rsp at
	 * regs.
	 */
	bool (*probe)(void *regs, uint64_t cookie);
	const void *return_now;
	/*
	 * The same before and behind a system call: cookie is its number or HIVE_ANY (hive/site.h);
	 * before it %rip and %rax are the instruction's, behind it what it left.
	 */
	void (*sys_enter)(void *regs, uint64_t cookie);
	void (*sys_exit)(void *regs, uint64_t cookie);
	/* Both of munmap(2) of the thread's own stack, and of exit(2) so many bytes further. */
	void (*sys_last)(void *regs, uint64_t cookie);
	/* The process has become another program: exec is the address of a struct agent_exec. */
	void (*became)(void *regs, uint64_t exec);
	/*
	 * Takes SIGSEGV, SIGBUS, SIGTRAP and SIGSYS, and gives them back (fault.c); while all
	 * threads stand still, and none of them holds these signals back.  0.
	 */
	int (*guard)(void);
	int (*unguard)(void);
	/* In each process, the server's to write, while it stands still... */
	struct agent_trap *traps;
	/* ...and to read: arguments that threads have for a while. */
	struct agent_swap *swaps;
	const uint8_t *calls; /* [HIVE_SYSCALLS] AGENT_CALL_* */
	const struct agent_filters *filters;
	struct agent_dispatch *dispatch;
	/* In each process, the server's to write, while it stands still. */
	struct unwind_maps *unwind;
	/*
	 * The agent is about to be taken away while all threads stand still, none of them in it: no
	 * return address leads to it any more.  0.
	 */
	int (*leave)(void);
};

extern const struct agent_door agent_door;

/** The image that agent.elf holds, as a file: in programs that found hives. */
extern const uint8_t agent_image[], agent_image_end[];

#endif
