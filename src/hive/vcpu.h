/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vcpu.h - the "CPU" of a running program.
 *
 * The kernel's programs do not migrate: what is per-CPU needs no atomics.  Here a thread that
 * runs programs first takes a slot, the one of the CPU it is on when that is free and the next
 * free one otherwise, and holds it for the run.  "CPU n" is that slot.  A slot owns the
 * program's stack and takes part in reclamation: who wants to free something that programs may
 * see waits in vcpus_synchronize() until every slot that ran at that moment has ended its run
 * (the kernel's synchronize_rcu()).
 *
 *	free --compare and exchange of owner--> running --epoch + 2, owner = 0--> free
 *				 epoch odd: paused ^--+
 *
 * The exchange is the one barrier of a run: either a synchronize sees the owner and waits, or the
 * run sees what that caller had unpublished before.
 *
 * Who owns: threads are told apart by where their thread-local storage is, which costs no system
 * call; processes that share slots by a number that their hive gave them (vcpu_who).  Children that
 * have their parent's memory and storage are told apart by their thread's number (vcpu_who_asked).
 * A thread that ended in a run, and whose storage another one has now, is taken for that one, which
 * may take the slot over.
 */
#ifndef SKEP_HIVE_VCPU_H
#define SKEP_HIVE_VCPU_H

#include "base/base.h"
#include "base/uapi.h"

#include <stdatomic.h>

/* Stack of the interpreter's frames: one per bpf2bpf depth, callbacks included. */
#define VCPU_STACK_SIZE (2 * SKEP_FRAMES_MAX * SKEP_STACK_MAX)

#define VCPU_RUN_STACK	(64u << 10)

/* The number of no slot: where a CPU is asked for, the kernel's own threads say it. */
#define VCPU_NONE UINT32_MAX

struct vcpu {
	_Atomic uint64_t owner; /* 0 free, else vcpu_who() of who holds the slot */
	_Atomic uint64_t epoch; /* even, from 2: goes on at the end of a run; odd: paused */
	_Atomic(void *) waits;	/* for which bpf_res_spin_lock its run waits, or NULL */
	uint64_t prandom[2];	/* state of bpf_get_prandom_u32 */
	uint8_t stack[VCPU_STACK_SIZE] __attribute__((aligned(64)));
	/* Of compiled programs and helpers in members, whose threads' own may be small. */
	uint8_t run_stack[VCPU_RUN_STACK] __attribute__((aligned(64)));
} __attribute__((aligned(64)));

struct vcpus {
	uint32_t nr;   /* slots; as many as the machine has possible CPUs */
	bool rdpid;    /* the machine has that instruction */
	bool fsgsbase; /* ...and user space may read where its thread-local storage is */
	uint8_t pad[2];
	struct vcpu *slot; /* [nr] */
	/* Of a hive: who waits for long counts at `asked`, then rings: who holds slots is looked
	 * at. */
	_Atomic uint32_t *asked, *bell;
};

struct space;

/** The program's CPU number.  By where it is: what stands in slots, members can change. */
static inline uint32_t vcpu_id(const struct vcpus *v, const struct vcpu *c)
{
	return (uint32_t)(c - v->slot);
}

/** The number of possible CPUs: what libbpf_num_possible_cpus() reads. At least 1. */
uint32_t vcpus_possible(void);

/** Allocates nr slots, of a hive's data or, where space is NULL, of the heap. 0 or -ENOMEM. */
int vcpus_init(struct vcpus *v, struct space *space, uint32_t nr);
void vcpus_fini(struct vcpus *v, struct space *space);

/**
 * The number of the kernel's own process, 0 unless its hive gives it another: members write to what
 * owners are in, so theirs is one that nobody writes by chance.
 */
extern uint32_t vcpu_kernel;

#define VCPU_MEMBERS	 (UINT32_C(1) << 20) /* what numbers of processes are below */
#define VCPU_THREAD_BITS 43

/** The calling thread's number, by a system call: where its storage says nothing. */
uint64_t vcpu_thread_asked(void);

/** The calling thread, of the process with that number, below 2^20. Hot. */
static inline uint64_t vcpu_who(const struct vcpus *v, uint32_t member)
{
	uint64_t thread = 0;

#if defined(__x86_64__)
	if (likely(v->fsgsbase))
		/* A multiple of 16 below 2^47. */
		__asm__ volatile("rdfsbase %0\n\tshr $4, %0" : "=r"(thread)::"cc");
#endif
	if (unlikely(!thread))
		thread = vcpu_thread_asked();
	return (uint64_t)member << VCPU_THREAD_BITS | thread;
}

/** The same by the thread's number, where another task may have its storage too. */
static inline uint64_t vcpu_who_asked(uint32_t member)
{
	return (uint64_t)member << VCPU_THREAD_BITS | vcpu_thread_asked();
}

/** Is that owner the calling thread, which is called `who` by now? */
bool vcpu_is_same(const struct vcpus *v, uint64_t owner, uint64_t who);

/** The process of an owner. */
static inline uint32_t vcpu_who_member(uint64_t who)
{
	return (uint32_t)(who >> VCPU_THREAD_BITS);
}

/** Its thread: where its storage is / 16, or its number. */
static inline uint64_t vcpu_who_thread(uint64_t who)
{
	return who & ((UINT64_C(1) << VCPU_THREAD_BITS) - 1);
}

/** Takes a slot and begins a run; waits while all are held. Never NULL. Hot. */
struct vcpu *vcpu_get(struct vcpus *v);
/** The same of slot `id`, which is below nr: waits while it is held. */
struct vcpu *vcpu_get_at(struct vcpus *v, uint32_t id);

/** The CPU that the calling thread is on, by a system call. */
uint32_t vcpu_cpu_asked(void);

/** The slot of the CPU that the calling thread is on, or was just now. Hot. */
static inline uint32_t vcpu_home(const struct vcpus *v)
{
	uint32_t cpu;

#if defined(__x86_64__)
	if (likely(v->rdpid)) {
		uint64_t pid;

		__asm__ volatile("rdpid %q0" : "=r"(pid));
		cpu = (uint32_t)pid & 0xfff; /* above are the node's bits */
	} else
#endif
		cpu = vcpu_cpu_asked();
	return likely(cpu < v->nr) ? cpu : cpu % MAX(v->nr, 1);
}

/**
 * Takes that slot and begins a run: false, it is not free.  Sequentially consistent: see the head.
 * Pairs with the release in vcpu_put too.  Hot.
 */
static inline bool vcpu_try(struct vcpu *c, uint64_t who)
{
	uint64_t unowned = 0;

	if (atomic_load_explicit(&c->owner, memory_order_relaxed) != 0 ||
	    !atomic_compare_exchange_strong(&c->owner, &unowned, who))
		return false;
	/* Not as anybody leaves it: nobody would wait for this run. */
	if (unlikely(atomic_load_explicit(&c->epoch, memory_order_relaxed) % 2))
		atomic_fetch_add(&c->epoch, 1);
	return true;
}

/** What vcpu_enter() does where slot i is not free. */
struct vcpu *vcpu_enter_elsewhere(struct vcpus *v, uint32_t i, uint64_t who);

/**
 * The same as vcpu_get() for a member's thread, that may have been interrupted in a run: NULL where
 * it holds the slot of its CPU already, or another one and no other is free.  Hot.
 */
static inline struct vcpu *vcpu_enter(struct vcpus *v, uint64_t who)
{
	const uint32_t i = vcpu_home(v);
	struct vcpu *c = &v->slot[i];

	return likely(vcpu_try(c, who)) ? c : vcpu_enter_elsewhere(v, i, who);
}

/**
 * The run in the slot, which that thread holds, never goes on: it is nobody's from now on, and the
 * hive's server is told, which lets others have it when what the run held is mended.  Hot.
 */
void vcpu_abandon(struct vcpus *v, struct vcpu *c, uint64_t who);
/** Ends the run and gives the slot back. Hot. */
static inline void vcpu_put(struct vcpu *c)
{
	const uint64_t epoch = atomic_load_explicit(&c->epoch, memory_order_relaxed);

	atomic_store_explicit(&c->epoch, epoch + 2, memory_order_release);
	atomic_store_explicit(&c->owner, 0, memory_order_release);
}

/** Passes a quiescent point without giving the slot back: for long series of runs. */
void vcpu_quiesce(struct vcpu *c);

/** The slot that the calling thread, of the kernel's own process, holds; it must hold one. */
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

/** Which run is under way in the slot; 0: none.  After a sequentially consistent fence.  Hot. */
static inline uint64_t vcpu_run(const struct vcpu *c)
{
	const uint64_t epoch = atomic_load(&c->epoch);

	return epoch % 2 || !atomic_load(&c->owner) ? 0 : epoch;
}

/**
 * Has that run ended?  Hot.
 *
 * Also where the slot is free: vcpu_run() between the two writes that end a run sees the owner of
 * that one and the number of the next, which may not begin for a long time.
 */
static inline bool vcpu_run_over(const struct vcpu *c, uint64_t run)
{
	/* Acquire pairs with the releases in vcpu_put: what the run did is done. */
	return !run || atomic_load_explicit(&c->epoch, memory_order_acquire) != run ||
	       !atomic_load_explicit(&c->owner, memory_order_acquire);
}

#endif
