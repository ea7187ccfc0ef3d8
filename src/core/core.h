/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core.h - the door to the kernel proper: bpf(2) and the objects behind it.
 *
 * The public half of this door is <skep/skep.h>; here is what the rest of the project (the
 * command, tests, benches, later the hooks) may use besides.  One struct skep_kernel holds
 * everything: there is no other process-wide state.
 */
#ifndef SKEP_CORE_CORE_H
#define SKEP_CORE_CORE_H

#include <sys/types.h>

#include <skep/skep.h>

#include "base/diag.h"
#include "hive/space.h"
#include "prog/prog.h"
#include "verifier/report.h"

/**
 * As skep_kernel_new(), in the memory of a hive: the space outlives the kernel.  NULL: in memory of
 * this process.
 */
int core_kernel_new(const struct skep_kernel_opts *opts, struct space *space,
		    struct skep_kernel **ret);

/** Borrowed object of a descriptor: -EBADF for no descriptor, -EINVAL for another kind. */
int core_prog_by_fd(struct skep_kernel *k, int fd, struct skep_prog **ret);
int core_map_by_fd(struct skep_kernel *k, int fd, struct skep_map **ret);

/**
 * From now on pins are files in that folder: what is below the pin root is there.  Before the first
 * pin.  0 or -errno.
 */
int core_pins_in(struct skep_kernel *k, const char *dir);
/** Notices files that are not there any more. */
void core_pins_look(struct skep_kernel *k);
/** Notices attachments that no descriptor and no pin holds any more: they end now. */
void core_attachments_look(struct skep_kernel *k);

/*
 * Without such a folder, names of objects below the pin root are the kernel's own: who stands
 * between a program and its system calls asks here.  Paths are absolute.
 */

/** What has that name: S_IFREG an object, S_IFDIR a folder (the root is one), 0 nothing. */
mode_t core_pin_type(struct skep_kernel *k, const char *path);
/** unlink(2) of an object's name; 0, -ENOENT, -EISDIR. */
int core_unpin(struct skep_kernel *k, const char *path);
/** open(2) of the name of an iterator's link: a descriptor of its text; -EIO for other objects. */
long core_iter_open(struct skep_kernel *k, const char *path);
/** mkdir(2) below the root; 0, -EEXIST, -ENOENT, -ENOTDIR, -EPERM (elsewhere), -ENOMEM. */
int core_pin_mkdir(struct skep_kernel *k, const char *path);
/** rmdir(2) below the root; 0, -ENOENT, -ENOTDIR, -ENOTEMPTY, -EBUSY (the root). */
int core_pin_rmdir(struct skep_kernel *k, const char *path);

/*
 * Perf events that programs write to (PERF_COUNT_SW_BPF_OUTPUT); their descriptors are maps' kin,
 * so who stands between a program and its system calls asks here too.
 */

/** bpf(2), by who stands there: where it goes on, and its frame pointer. */
long core_bpf(struct skep_kernel *k, int cmd, uint64_t uattr, uint32_t size, uint64_t ip,
	      uint64_t fp);
/** perf_event_open(2): a descriptor, or -errno; -EOPNOTSUPP for events that are not here. */
long core_perf_event_open(struct skep_kernel *k, uint64_t uattr, pid_t pid, int cpu,
			  unsigned long flags);
/** Before mmap(2) of a descriptor: 0 where it may go on, -ENOTTY where fd is no such event, or
 *  what mmap(2) says: -EINVAL, -ENOMEM. */
int core_perf_mmap(struct skep_kernel *k, int fd, size_t len, int prot, int flags, off_t off);
/** ioctl(2): -ENOTTY where fd is no such event, or the request is not known. */
long core_perf_ioctl(struct skep_kernel *k, int fd, unsigned long request, uint64_t arg);

/** A process maps a descriptor there: 0, -ENOTTY where it is no arena, or what mmap(2) says. */
int core_arena_mmap(struct skep_kernel *k, int fd, uint64_t addr, size_t len, off_t off);

/*
 * A hive's memory, for who maps it (hive/layout.h).
 */

/** The memfd of an enum hive_segment, the kernel's: -EINVAL, -EOPNOTSUPP where there is no hive. */
int core_segment(struct skep_kernel *k, uint64_t segment);
/**
 * Where in meta the program of a descriptor lies, for members to run: -EBADF, -EINVAL, -EOPNOTSUPP
 * where members cannot run it.  It stays as long as somebody holds it.
 */
long core_prog_at(struct skep_kernel *k, int fd);

/** Lines that members' programs write come here from now on: 0 or -errno.  Once. */
int core_trace_share(struct skep_kernel *k);
/** Takes them, where somebody rang (map/bell.c).  One thread at a time. */
void core_trace_look(struct skep_kernel *k);
/** A line of the server's own among them: what it says of task tid. */
void core_trace_say(struct skep_kernel *k, uint32_t tid, const char *comm, const char *text);
/**
 * A pipe that lines of bpf_trace_printk() come through from now on, and before them those that
 * nobody has read: its end to read, or -errno.
 */
int core_trace_open(struct skep_kernel *k);

/** Makes the table of tasks that members and the server keep (hive/site.h): 0 or -errno.  Once. */
int core_tasks_share(struct skep_kernel *k);

/** The run of that vCPU, a member's, has died: what it held of maps comes back. */
void core_cpu_died(struct skep_kernel *k, uint32_t cpu);
/** Now and then, where there are members: maps that one of them wrote over become new. */
void core_scrub(struct skep_kernel *k);

/*
 * What probes do to processes: the owner of the kernel gives it this, before anybody else uses it,
 * a row for each of enum probe_what (core/probe.h).
 * All may be called from several threads at once, never from within a run.
 */
struct probe_spec;
struct core_hooks {
	/* Runs prog at all those places from now on, or at none: 0 and *ret, or -errno; nothing is
	 * counted here. */
	int (*attach)(const struct probe_spec *spec, struct skep_prog *prog, void **ret,
		      struct skep_diag *reterr_diag);
	/* No longer: when it returns, no run of the program is under way there. */
	void (*detach)(void *hooked);
};
void core_set_hooks(struct skep_kernel *k, const struct core_hooks *hooks);

/* A verification, as who watches sees it; all borrowed for the time of the call. */
struct core_verdict {
	const struct skep_prog *prog; /* as far as it came */
	int err;		      /* what the verifier said: 0 or -errno */
	const struct verifier_report *report;
	struct verifier_lines lines; /* the program's source */
};
typedef void (*core_verdict_fn)(void *arg, const struct core_verdict *v);

/**
 * Calls fn at the end of every verification in PROG_LOAD, in the loading thread, with what the
 * verifier found out; fn NULL ends that.  `count`: also how often each instruction was walked.
 * For who owns the kernel, before others load into it.
 */
void core_watch_verdicts(struct skep_kernel *k, core_verdict_fn fn, void *arg, bool count);

/* What there is in a kernel, without its own BTF. */
struct core_counts {
	uint32_t progs, maps, links, btfs, pins;
};

/** Counts what lives, after a collection.  Not from inside a program's run. */
void core_count(struct skep_kernel *k, struct core_counts *ret);

/** Raw BTF of the kernel that k's programs see, as long as k lives; NULL: out of memory. */
const void *core_kernel_btf(struct skep_kernel *k, size_t *ret_size);
/** The release that k is, as uname(2) says it: "6.12.0-skep". */
const char *core_release(const struct skep_kernel *k);
/** The name of the kernel's first function after type *id, which becomes its id; NULL: the last. */
const char *core_kernel_function(struct skep_kernel *k, uint32_t *id);
/** The slots that programs of this kernel run in. */
struct vcpus *core_vcpus(struct skep_kernel *k);
/** What runs of this kernel carry in run->env. */
const struct run_env *core_run_env(struct skep_kernel *k);

#endif
