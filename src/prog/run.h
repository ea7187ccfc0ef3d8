/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.h - one run of a program: what helpers and engines find through the run register.
 *
 * It lives on the stack of whoever runs the program (hook, test run) and is borrowed by
 * everything below.  Nothing in here is thread-local or global, so two kernels, or two runs,
 * cannot meet by accident.
 */
#ifndef SKEP_PROG_RUN_H
#define SKEP_PROG_RUN_H

#include "hive/vcpu.h"
#include "prog/image.h"

struct btf_view;
struct skep_prog;
struct interp_frame;
struct obj_store;
struct obj_timer;
struct skep_seq;
struct unwind_maps;

/* Memory that programs of a run may reach besides stack and map values: packet, context... */
struct run_region {
	uintptr_t base; /* address */
	size_t size;	/* bytes; 0: the row is unused */
};

#define RUN_REGIONS 8

/* Room for the task that runs the program, as programs see it (helper/task.h). */
#define RUN_TASK_SIZE 832

/* What the emulated kernel offers to helpers; core fills it, the run carries it. Hot. */
struct run_env {
	/* One line of bpf_trace_printk, without prefix; n bytes, not terminated. May be NULL. */
	void (*trace)(void *arg, const struct skep_run *run, const char *line, size_t n);
	void *arg;
	const struct vcpus *vcpus; /* of all runs of the kernel; NULL: this one is alone */
	/* bpf_sys_bpf for SYSCALL programs: nested bpf(2); NULL where not offered. */
	long (*sys_bpf)(void *arg, uint32_t cmd, void *attr, uint32_t size);
	int (*sys_close)(void *arg, uint32_t fd);
	/* Where programs allocate (obj/obj.h); NULL: nowhere, they get nothing. */
	struct obj_store *objects;
	/* The types of the kernel that programs see; NULL: helpers show none. */
	const struct btf_view *types;
	/* What the process has mapped, for who walks its stacks (hive/unwind.h); NULL: unknown. */
	const struct unwind_maps *unwind;
	/* What stands in place of return addresses that were exchanged; 0: none ever is... */
	uint64_t returned;
	uint64_t (*return_of)(uint64_t at); /* ...and what stood at that place before */
	/* Does user space hold the map, by a descriptor or a pin?  May be NULL: it does. */
	bool (*map_used)(void *arg, struct skep_map *m);
};

/* A task of another process, on whose behalf a program runs. */
struct run_task {
	uint32_t tid, tgid, ppid;
	uint32_t uid, gid;
	char comm[16];	   /* padded with zeroes */
	uint64_t identity; /* to local storage (map/storage.h); 0: not known */
};

/* Where a thread was when it entered its kernel: what a walk over its stack begins with. */
struct run_frame {
	uint64_t ip;	 /* it goes on there */
	uint64_t fp;	 /* its frame pointer, or whatever the register held */
	uint64_t caller; /* where that was called from, if fp is the caller's still; else 0 */
	uint64_t sp;	 /* its stack pointer, where `caller` stands, if it does; 0: not known */
};

/* What a run wants done to its task when it is over. */
struct run_acts {
	uint64_t to_process, to_thread; /* signals, bit sig - 1 */
	bool may_override;		/* what the program is at can be left out... */
	bool overrides;			/* ...and is: */
	uint64_t result;		/* that is what comes of it */
};

struct skep_run {
	/* -- two lines of the cache: what is set for each program at a hook -- */
	const struct skep_prog *prog; /* runs now; a tail call sets it anew */
	struct vcpu *vcpu;	      /* the slot held for this run */
	uint32_t cpu;		      /* vcpu->id, at hand for compiled code */
	uint32_t tail_calls;	      /* taken so far in this run, at most SKEP_TAIL_CALLS_MAX */
	void *ctx;		      /* the context: struct xdp_ctx, struct skb_ctx, ... */
	uint32_t tid, tgid;	      /* of the thread that runs; 0: nobody asked yet */
	uint64_t *task; /* room for RUN_TASK_SIZE bytes: bpf_get_current_task()'s answer */
	const struct run_frame *user; /* where that task is; NULL: not known */
	uint64_t sp; /* the stack pointer of the thread's own stack, where the run's is another; or
			0 */
	struct run_acts *acts; /* NULL: nobody looks at the end */
	uint64_t func;	       /* address of the function, or instruction, that is probed; or 0 */
	uint64_t cookie;       /* of what the program is attached to, or 0 */
	struct skep_map *ring; /* in which the run reserved last, or NULL */
	bool regioned;	       /* some row of region was ever used */
	int32_t exit_code;     /* of a task that ends, as task_struct has it; else 0 */
	const struct run_task *as; /* whose run it is; NULL: this thread's */
	const struct run_env *env; /* never NULL */

	/* -- the rest -- */
	/* A callback that was left for later (a timer's): the map that it is told of.  Or NULL. */
	struct skep_map *later;
	const struct obj_timer *timer; /* whose callback this run is, or NULL */
	struct skep_seq *seq;	       /* an iterator: where it writes (helper/seq.h); else NULL */
	/*
	 * Set by the interpreter while it runs: how a helper calls back into it.  NULL under
	 * compiled code, where a callback is a function that C can call.
	 */
	uint64_t (*callback)(uint64_t func, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
			     uint64_t r5, struct skep_run *run);
	struct interp_frame *frame; /* the interpreter's innermost frame */
	int fault;		    /* interpreter: -EFAULT when a memory check failed, else 0 */
	uint32_t fault_insn;	    /* where */
	uintptr_t fault_addr;	    /* on which address */
	struct run_region region[RUN_REGIONS];
};
static_assert(offsetof(struct skep_run, later) <= 128, "those two lines");

/** Calls a BPF function that a program handed to a helper (bpf_loop and its like). Hot. */
static inline uint64_t run_callback(struct skep_run *run, uint64_t func, uint64_t r1, uint64_t r2,
				    uint64_t r3, uint64_t r4, uint64_t r5)
{
	if (run->callback)
		return run->callback(func, r1, r2, r3, r4, r5, run);
	return ((skep_call_fn)(uintptr_t)func)(r1, r2, r3, r4, r5, run);
}

/** Lets the interpreter's programs reach one more piece of memory in this run. Hot. */
static inline void run_region_add(struct skep_run *run, const void *base, size_t size)
{
	for (int i = 0; i < RUN_REGIONS; i++) {
		struct run_region *r = &run->region[i];

		if (r->size == 0 || r->base == (uintptr_t)base) {
			*r = (struct run_region){ (uintptr_t)base, size };
			run->regioned = true;
			return;
		}
	}
}

/** Takes it back. Hot. */
static inline void run_region_drop(struct skep_run *run, const void *base)
{
	for (int i = 0; i < RUN_REGIONS; i++)
		if (run->region[i].base == (uintptr_t)base)
			run->region[i] = (struct run_region){ 0 };
}

/** True where all of [base, base + size) lies in one region of the run. Hot. */
static inline bool run_region_has(const struct skep_run *run, uintptr_t base, size_t size)
{
	for (int i = 0; i < RUN_REGIONS; i++) {
		const struct run_region *r = &run->region[i];

		if (base - r->base < r->size && size <= r->size - (base - r->base))
			return true;
	}
	return false;
}

#endif
