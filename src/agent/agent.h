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

#define AGENT_VERSION 4 /* of the door */

struct hive_meta;

/* How a process joins. */
struct agent_join {
	const struct hive_meta *meta; /* the hive's, mapped */
	uintptr_t vdso;		      /* AT_SYSINFO_EHDR, 0: not known */
	bool server;		      /* it is the kernel's own process */
};

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
	/* What stubs call: regs is a struct pt_regs, cookie the address of a struct hive_site. */
	void (*probe)(void *regs, uint64_t cookie);
	/*
	 * The same before and behind a system call: cookie is its number or HIVE_ANY (hive/site.h);
	 * before it %rip and %rax are the instruction's, behind it what it left.
	 */
	void (*sys_enter)(void *regs, uint64_t cookie);
	void (*sys_exit)(void *regs, uint64_t cookie);
	/* The process has become another program: exec is the address of a struct agent_exec. */
	void (*became)(void *regs, uint64_t exec);
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
