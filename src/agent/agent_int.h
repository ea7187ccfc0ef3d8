/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * agent_int.h - inside the room: what the process that the agent is in is to the hive.
 */
#ifndef SKEP_AGENT_AGENT_INT_H
#define SKEP_AGENT_AGENT_INT_H

#include "agent/agent.h"
#include "helper/func.h"
#include "helper/process.h"
#include "hive/filter.h"
#include "hive/layout.h"
#include "hive/site.h"
#include "hive/unwind.h"

#include <signal.h>
#include <ucontext.h>

struct pt_regs;

/* What a child of fork() has not: a page that the kernel empties for it. */
struct agent_child {
	uint32_t member; /* its number, 0: it has none yet */
	uint32_t pid;	 /* getpid(), once it has a number */
	struct helper_process process;
} __attribute__((aligned(4096)));

#define AGENT_RUNS 1024

/* What runs on a vCPU have in the process. */
struct agent_run {
	struct skep_run run;
} __attribute__((aligned(64)));

/* A return address that is ours: see ret.c. */
struct agent_return {
	uint64_t back; /* the function's own */
	uint64_t func; /* where it began */
	const struct hive_site *site;
	uint64_t who;	/* vcpu_who() of the thread */
	uint32_t depth; /* of two at one place, the later one is the higher */
	uint32_t pad;
};
#define AGENT_RETURNS 16384

/* A system call whose number no site says, from its beginning to its end: by the stack pointer. */
struct agent_call {
	_Atomic uint64_t sp; /* 0: the row is free */
	uint64_t nr;
};
#define AGENT_CALLS 8192

/* Signals that are the agent's first. */
#define AGENT_FAULTS 4 /* SIGTRAP, SIGBUS, SIGSEGV, SIGSYS: by index */
#define AGENT_ACTS   16

/* What the program wants of one: rows are written once, until all of them were. */
struct agent_fault {
	_Atomic uint32_t acts; /* that there ever were */
	_Atomic uint32_t now;  /* the row that counts */
	struct agent_act act[AGENT_ACTS];
};

/* A thread that holds such a signal back, or was left to a handler of the program's for one. */
struct agent_thread {
	_Atomic uint64_t who;	      /* vcpu_who() with no member; 0: the row is free */
	_Atomic uint32_t held, waits; /* bits by index: held back; came meanwhile */
	struct {
		uint64_t at;		  /* the handler's frame; 0: there is none */
		uint64_t restorer, state; /* what stands in it */
	} frame[AGENT_FAULTS];
};
#define AGENT_THREADS 2048

/* Who is about to make a task whose stack begins there: see process.c. */
struct agent_birth {
	_Atomic uint64_t sp; /* 0: the row is free, 1: it is being written */
	uint64_t flags;	     /* CLONE_* */
	struct run_task parent;
};
#define AGENT_BIRTHS 64

#define AGENT_JUDGED 16

/* One filter at a time is judged; filter.c. */
struct agent_judge {
	_Atomic uint32_t lock;
	/* Of threads that are in the call which puts one that was found good; 0: free. */
	_Atomic uint64_t sp[AGENT_JUDGED];
	struct sock_filter insn[BPF_MAXINSNS];
	struct filter_room room;
};

/* A handler of SIGSYS whose frame has the program's address in place of a stub's. */
struct agent_moved {
	_Atomic uint64_t frame; /* 0: the row is free, 1: it is being written */
	uint64_t rip, stub;
};
#define AGENT_MOVED 256

/* Where a system call goes back to that the kernel made a signal of: by the stack pointer. */
struct agent_back {
	_Atomic uint64_t sp; /* 0: the row is free */
	uint64_t back;
	uint32_t uses; /* threads that come there: both, of a parent and a child that has its stack
			*/
};
#define AGENT_BACKS 4096

/* What a process has, and a child of fork() inherits. */
struct agent_process {
	/* -- what is read each time that programs run: together, as little else is in a cache -- */
	const struct hive_meta *meta;
	struct vcpus vcpus;    /* the hive's */
	_Atomic uint32_t lent; /* children that have this memory, and may be asked who they are */
	_Atomic bool guarded;  /* faults are the agent's first... */
	_Atomic bool left;     /* ...and some were left to handlers of the program's */
	_Atomic bool clears;   /* some clone3() asked for children without handlers */
	_Atomic bool replaced; /* some call's result once was another one */
	_Atomic bool ret_used; /* some row of `ret` ever was */
	struct agent_filters filters;
	struct run_env env; /* what its runs carry */
	/* Of each vCPU, as its last one left it here: to fill one anew costs more. */
	struct agent_run run[AGENT_RUNS];

	/* -- the rest -- */
	_Atomic uint32_t lock;	  /* of what follows: 1 while a thread maps */
	uint32_t change;	  /* hive_meta.change, when all was mapped */
	uint32_t gen[HIVE_AREAS]; /* of the rows that are mapped; 0: it is not */
	/* Where each row's address stands; 0: the row is free, 1: it is being written. */
	_Atomic uint64_t ret_at[AGENT_RETURNS] __attribute__((aligned(128)));
	struct agent_return ret[AGENT_RETURNS];
	struct agent_call call[AGENT_CALLS];
	struct agent_birth birth[AGENT_BIRTHS];
	struct agent_fault fault[AGENT_FAULTS];
	uint8_t masked[65]; /* by signal: faults that the program's handler of it would hold back */
	struct agent_thread thread[AGENT_THREADS];
	struct agent_swap swap[AGENT_SWAPS];
	struct agent_trap trap[AGENT_TRAPS];
	struct agent_moved moved[AGENT_MOVED];
	struct agent_dispatch dispatch;
	struct agent_back back[AGENT_BACKS];
	struct unwind_maps unwind; /* the server's to write */
	struct agent_judge judge;
} __attribute__((aligned(4096)));

/* Does nothing of the agent's run there? */
static inline bool agent_muted(const struct agent_process *p)
{
	return atomic_load_explicit(&p->filters.muted, memory_order_relaxed);
}

extern struct agent_process agent_process;
extern struct agent_child agent_child;

/* What vCPUs know the calling thread by: a child that has its memory may have its storage too. */
static inline uint64_t agent_who(void)
{
	if (unlikely(atomic_load_explicit(&agent_process.lent, memory_order_relaxed)))
		return vcpu_who_asked(agent_child.member);
	return vcpu_who(&agent_process.vcpus, agent_child.member);
}

/* The agent's half of agent.h's door. */
int agent_join(const struct agent_join *how);
const struct hive_meta *agent_meta(void);
int agent_sync(void);
/* Gives the process its number: false where the hive has as many members as it can. */
bool agent_enrol(void);
bool agent_probe(void *regs, uint64_t cookie);

/* What runs on the other stack. */
struct hit {
	void *regs;  /* struct pt_regs */
	uint64_t sp; /* of the thread's own stack, when programs run on another one */
	struct vcpu *vcpu;
	const struct hive_probes *probes;
	struct run_acts acts;
	union {
		uint64_t base; /* of a site: where the file's offset 0 would be */
		struct {       /* of a system call */
			int64_t nr;
			enum hive_side side;
		};
		struct { /* who runs the programs, in the run */
			void (*tell)(struct skep_run *run, void *arg);
			void *arg;
		};
	};
};

/* Begins one; what is filled later is left alone, as most of what a hit costs are such stores. */
static inline void hit_begin(struct hit *h, void *regs)
{
	h->regs = regs;
	h->acts.to_process = h->acts.to_thread = 0;
	h->acts.overrides = false;
}

/* Room for what programs at system calls are handed. */
struct sys_ctx {
	uint64_t raw[2];
	uint64_t record[8];
	uint64_t call[21];
	struct func_args func;
	struct run_frame user;
	uint32_t tgid; /* the caller's; 0: as ever */
};

/* Fills it, and the pointers to its parts. */
void agent_sys_ctx(const struct hit *h, struct sys_ctx *c, void *ret[_HIVE_CTX]);
/* Runs the programs of a system call, on the vCPU's stack. */
void agent_run_call(struct hit *h, const _Atomic(const struct hive_probes *) *list);
/* Calls tell(run, arg) in a run of its own, on the vCPU's stack. */
void agent_tell(void *regs, void (*tell)(struct skep_run *run, void *arg), void *arg);
/*
 * Runs the programs of the site, which is at that address.  True: the function that begins
 * there is not called, and returns what is in %rax.
 */
bool agent_run_site(struct pt_regs *regs, const struct hive_site *site, enum hive_when when,
		    uint64_t at);
void agent_sys_enter(void *regs, uint64_t cookie);
void agent_sys_exit(void *regs, uint64_t cookie);
void agent_sys_last(void *regs, uint64_t cookie);
extern const uint8_t agent_calls[HIVE_SYSCALLS];
/* What a program does about signals that are ours first, and what that comes to; signal.c. */
void agent_signal_enter(struct pt_regs *regs, int64_t nr);
void agent_signal_exit(struct pt_regs *regs, int64_t nr);
/* The call is not made, and returns `result`: false, where no row is free. */
bool agent_replace(struct pt_regs *regs, int64_t nr, uint64_t result);
void agent_replaced(struct pt_regs *regs, int64_t nr);
/* The stub's way out of a function that is not called. */
extern const uint8_t agent_return_now[] __attribute__((visibility("hidden")));
/* The calling thread is a child that may have begun with all signals as they are by default. */
void agent_signal_again(void);
/* The thread is about to become another program, or did not. */
void agent_signal_exec(bool failed);
/* Before a system call that may put a seccomp filter, and behind it; filter.c. */
void agent_filter_enter(const struct pt_regs *regs, int64_t nr);
void agent_filter_exit(const struct pt_regs *regs, int64_t nr);
/* A handler of SIGSYS is about to begin, whose frame is there; and to return. */
void agent_trapped(siginfo_t *info, ucontext_t *uc, uint64_t frame);
void agent_untrapped(uint64_t frame);
/* A SIGSYS that is a system call of code that was made at run time: true, and it will be made. */
bool agent_dispatch(const siginfo_t *info, ucontext_t *uc);
/* The calling thread, which is new, has it as the server wants. */
void agent_dispatch_here(void);
/* Memory was made executable that is no file's: is the server to look?  */
bool agent_dispatch_lacks(uint64_t at, uint64_t size);
int agent_guard(void);
int agent_unguard(void);
/* Index of the signal, or -1; and back. */
int agent_fault_of(int sig);
extern const uint8_t agent_fault_signal[AGENT_FAULTS];
/* What the program wants of it. */
const struct agent_act *agent_act_of(int fault);
void agent_act_set(int fault, const struct agent_act *act);
/* The calling thread's row; NULL: it has none, and `make` is false, or no row is free. */
struct agent_thread *agent_thread_row(bool make);
/* Copies what may not be there, either of the two: 0, -EFAULT; -EAGAIN: not now. */
long agent_copy(struct skep_run *run, void *to, const void *from, size_t n);
/* The same at any time, by the kernel: 0 or -EFAULT. */
long agent_copy_here(void *to, const void *from, size_t n);
/* The kernel's handler of faults. */
extern const uint8_t agent_fault_entry[] __attribute__((visibility("hidden")));
/*
 * Events of processes (process.c): which somebody looks at, a bit each, and where its programs are.
 */
uint32_t agent_events_on(void);
const struct hive_site *agent_event_site(enum hive_event what);
/* Before a system call that may be one. */
void agent_process_enter(struct pt_regs *regs, int64_t nr);
/* ...and behind it. */
void agent_process_exit(struct pt_regs *regs, int64_t nr);
/* A system call that makes a task. */
struct task_call {
	uint64_t flags; /* CLONE_* */
	uint64_t sp;	/* the task's stack pointer where it begins */
};
/* What a call that makes one says of it. */
void agent_read_clone(const struct pt_regs *regs, int64_t nr, struct task_call *ret);
/* Is it one? */
static inline bool agent_is_birth(int64_t nr)
{
	return nr >= 0 && nr < HIVE_SYSCALLS && agent_calls[nr] & AGENT_CALL_MAKES;
}
/* The thread is about to make that task... */
void agent_expect(const struct task_call *c);
/* ...and has, or failed; or is that task, which knows its stack pointer alone. */
void agent_born(struct pt_regs *regs, const struct task_call *c);
/* The process has become another program; exec is the address of a struct agent_exec. */
void agent_became(void *regs, uint64_t exec);
/* ...sends a signal (generate.c). */
void agent_generates(struct pt_regs *regs, int64_t nr);
/* Who the calling thread is. */
void agent_self(struct run_task *ret);
/* A process was born: the server is to look. */
void agent_ring_births(void);
/* Libraries may have come: waits until the server has put its jumps into them, a second at most. */
void agent_loaded(void);
/* The thread is about to become another program: waits until the server comes along, or declines.
 */
void agent_follow(uint64_t path, int dir);
/* It could not, and is still this one. */
void agent_stays(void);
/* The function that begins with these registers is seen when it returns: false, there is no room.
 */
bool agent_catch_return(const struct pt_regs *regs, const struct hive_site *site);
extern const uint8_t agent_returned[] __attribute__((visibility("hidden")));
/* The return address of the function that was called with the one that is agent_returned now. */
uint64_t agent_exchanged(uint64_t at);
/* The return address that stands there, as the function was called with it. */
static inline uint64_t agent_return_of(uint64_t sp)
{
	const uint64_t back = *(const uint64_t *)(uintptr_t)sp;

	return unlikely(back == (uintptr_t)agent_returned) ? agent_exchanged(sp) : back;
}
/* The thread's frames from sp on get their own return addresses again, and are not seen. */
void agent_put_back(uint64_t sp);
/* The same of all frames of all threads, as the agent is about to go. */
int agent_leave(void);
long agent_map_call(const struct map_far *f, enum map_op op, const void *key, void *value,
		    uint64_t flags);
void agent_trace(void *arg, const struct skep_run *run, const char *text, size_t n);
int agent_run(const struct skep_prog *p, void *ctx, uint64_t *ret);

#endif
