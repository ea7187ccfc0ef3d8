/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.h - inside the room: a member as hooks see it, with the agent in it.
 */
#ifndef SKEP_HOOK_PROCESS_H
#define SKEP_HOOK_PROCESS_H

#include "agent/agent.h"
#include "hive/space.h"
#include "hive/unwind.h"
#include "hook/spot.h"
#include "inject/image.h"
#include "inject/patch.h"

/** The agent's, which is at one address in all members. */
static inline const struct agent_door *agent_of(struct space *space)
{
	return (const struct agent_door *)(uintptr_t)space_meta(space)->door;
}

struct seen_image {
	uint64_t start;
	struct image_file file;
	uint32_t wanted; /* which change of what is wanted it was */
};

struct unwind_maps_list {
	VEC(struct unwind_map);
};

struct process {
	struct process *next;
	pid_t pid;
	int fd;		 /* its pidfd, which says when the number is no longer its own */
	bool joined;	 /* the agent is in it... */
	uint64_t vdso;	 /* ...and was when its vDSO began there, which tells programs apart */
	bool watched;	 /* it has the jumps of landmarks */
	uint32_t change; /* hive_meta.change, when it had mapped all maps */
	bool inherits;	 /* jumps may be there that were put before the process was */
	bool guarded;	 /* its faults are the agent's first... */
	bool unseen;	 /* ...which cannot be: some of its text cannot be read */
	bool forced;	 /* whatever its seccomp filters say of our system calls */
	bool taken;	 /* it runs without the preload library, which would tell of it */
	bool alone; /* a filter of its own may end it for what we would have it do (filter.h) */
	uint32_t filters;  /* that it has of its own, and that let us do all of that */
	unsigned int left; /* jumps that could not be put, when it was last told of */
	struct patches patches;
	/* Images whose system calls have the jumps that were wanted by then (syscall.c). */
	struct {
		VEC(struct seen_image);
	} seen;
	struct unwind_maps_list unwind; /* what it was told of its text (unwind.c) */
};

/* A process that stands still. */
struct still {
	struct process *p;
	struct space *space; /* of the hive; NULL: the agent is not looked for */
	struct tracee t;
	struct images images;
	bool yields; /* what is put now is not put where others' jumps are */
	/* What was put, but for these, and of the first one why not. */
	unsigned int left;
	struct skep_diag why;
};

/** A process that lives; NULL: it does not, or memory is out. */
struct process *process_new(pid_t pid);
void process_free(struct process *p);
bool process_lives(const struct process *p);
/** As /proc/PID/comm has it; "?": it is gone. */
void process_name(pid_t pid, char comm[16]);
/** Forgets what was done to it: it is another program by now. */
void process_forget(struct process *p);

/* How a process stands still. */
enum still_how {
	STILL_READY,   /* with the agent in it, which comes if it has none yet */
	STILL_ADOPTED, /* the same, of one that the calling thread has seized, at the end of
			  execve(2) */
	STILL_UNDO,    /* for jumps to be taken out again, for which it makes no system call */
	STILL_BARE,    /* without the agent */
};
typedef int (*still_fn)(struct still *s, void *arg);

/** What fn(s, arg) does, while the process stands still; or -errno, and it goes on. */
int still_do(struct still *s, struct process *p, struct space *space, enum still_how how,
	     still_fn fn, void *arg, struct skep_diag *reterr_diag);
/** Calls the agent's handler for a system call's end, as if the process came there. */
void still_tell_exit(struct still *s, uint64_t handler, long nr);
/** Calls the agent's handler for its becoming another program. */
void still_tell_exec(struct still *s, uint64_t handler, const struct agent_exec *how);
/** Is it the program that it was when the agent came? */
bool process_is_same(const struct process *p);
/**
 * A jump to a stub with these calls at the site, unless it is there: 0 or the errors of
 * patch_put().  The other way round: the original text.
 */
int still_put(struct still *s, const struct site *site, const struct stub_calls *calls,
	      struct skep_diag *reterr_diag);
int still_undo(struct still *s, const struct site *site, const struct stub_calls *calls,
	       struct skep_diag *reterr_diag);
typedef int (*spot_fn)(struct still *s, const struct site *site, const struct spot *spot,
		       uint64_t handler, struct skep_diag *diag);
/** One more that could not be put; some other one could. */
void still_leave_out(struct still *s, const struct skep_diag *why);
/** At each of the sites of a file, where that is `by` bytes from their offsets. */
int still_at_spots(struct still *s, struct spots *spots, const struct image_file *file,
		   const struct sites *sites, uint64_t by, spot_fn fn, struct skep_diag *diag);
/** The same for a spot, whose counter is told. */
int still_put_spot(struct still *s, const struct site *site, const struct spot *spot,
		   uint64_t handler, struct skep_diag *reterr_diag);
int still_undo_spot(struct still *s, const struct site *site, const struct spot *spot,
		    uint64_t handler, struct skep_diag *reterr_diag);

#endif
