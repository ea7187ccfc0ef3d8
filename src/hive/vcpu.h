/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vcpu.h - the "CPU" of a running program.
 *
 * The kernel's programs do not migrate: what is per-CPU needs no atomics.  Here a thread that
 * runs programs first takes a slot, the one of the CPU it is on when that is free and the next
 * free one otherwise, and holds it for the run.  "CPU n" is that slot.  A slot owns the
 * program's stack and takes part in reclamation: `epoch` is odd while a program runs, so who
 * wants to free something that programs may see waits in vcpus_synchronize() until every slot
 * that ran at that moment has ended its run (the kernel's synchronize_rcu()).
 */
#ifndef SKEP_HIVE_VCPU_H
#define SKEP_HIVE_VCPU_H

#include "base/base.h"
#include "base/uapi.h"

#include <stdatomic.h>

/* Stack of the interpreter's frames: one per bpf2bpf depth, callbacks included. */
#define VCPU_STACK_SIZE (2 * SKEP_FRAMES_MAX * SKEP_STACK_MAX)

/* Room for the task that runs the program, as programs see it. */
#define VCPU_TASK_SIZE 512

struct vcpu {
	_Atomic uint32_t owner;		   /* 0 free, else the thread id that holds the slot */
	uint32_t id;			   /* the program's CPU number */
	_Atomic uint64_t epoch;		   /* odd while a program runs in this slot */
	_Atomic(void *) waits;		   /* for which bpf_res_spin_lock its run waits, or NULL */
	uint64_t prandom[2];		   /* state of bpf_get_prandom_u32 */
	uint64_t task[VCPU_TASK_SIZE / 8]; /* bpf_get_current_task's answer (helper/task.h) */
	uint8_t stack[VCPU_STACK_SIZE] __attribute__((aligned(64)));
} __attribute__((aligned(64)));

struct vcpus {
	uint32_t nr;	   /* slots; as many as the machine has possible CPUs */
	struct vcpu *slot; /* [nr] */
};

/** The number of possible CPUs: what libbpf_num_possible_cpus() reads. At least 1. */
uint32_t vcpus_possible(void);

/** Allocates nr slots. 0 or -ENOMEM. */
int vcpus_init(struct vcpus *v, uint32_t nr);
void vcpus_fini(struct vcpus *v);

/** Takes a slot and begins a run; waits while all are held. Never NULL. Hot. */
struct vcpu *vcpu_get(struct vcpus *v);
/** The same of slot `id`, which is below nr: waits while it is held. */
struct vcpu *vcpu_get_at(struct vcpus *v, uint32_t id);
/** Ends the run and gives the slot back. Hot. */
void vcpu_put(struct vcpu *c);
/** Passes a quiescent point without giving the slot back: for long series of runs. */
void vcpu_quiesce(struct vcpu *c);

/** The slot that the calling thread holds; it must hold one. */
struct vcpu *vcpu_mine(struct vcpus *v);
/**
 * The program in the slot sleeps (it called something that may wait for other runs): until
 * vcpu_resume it keeps the slot, but nobody waits for its run, so it must hold nothing that
 * would be freed under it.
 */
void vcpu_pause(struct vcpu *c);
void vcpu_resume(struct vcpu *c);

/** Waits until every run that was under way at the call has ended.  Not from inside a run. */
void vcpus_synchronize(struct vcpus *v);

#endif
