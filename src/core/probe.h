/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.h - perf events that run a program when a process comes to a place in a file (uprobes), as
 * perf_event_open(2), ioctl(2) and BPF_LINK_CREATE speak of them.
 *
 * What such an event does to processes is a hook's: who owns the kernel gives it one
 * (core_set_hooks).  Without, there are no such events.
 */
#ifndef SKEP_CORE_PROBE_H
#define SKEP_CORE_PROBE_H

#include "base/base.h"
#include "base/diag.h"
#include "hive/site.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

struct call;
struct model_event;
struct perf_event_attr;
struct skep_kernel;
struct skep_link;
struct skep_prog;

/* The dynamic PMU that /sys/bus/event_source/devices/uprobe/type names. */
#define PROBE_UPROBE_TYPE 8
/* ...and .../kprobe/type. */
#define PROBE_KPROBE_TYPE 6

/* One place of a file. */
struct probe_point {
	uint64_t off;	  /* of the instruction in the file, bytes */
	uint64_t ref_ctr; /* offset of a counter that says how many probe it; 0: there is none */
	uint64_t cookie;  /* bpf_get_attach_cookie() there */
};

/* What a probe sees. */
enum probe_what { PROBE_FILE, PROBE_SYSCALL, PROBE_PROCESS };

/* Where a probe is. */
struct probe_spec {
	enum probe_what what;
	/* -- a system call, or an event of processes -- */
	int32_t nr;   /* which one; -1: every call; else enum hive_event */
	uint32_t ctx; /* enum hive_ctx: what programs are handed */
	/* -- places in a file -- */
	char path[PATH_MAX]; /* of the file */
	bool returns;	     /* at the functions' returns, or behind the system call */
	pid_t pid;	     /* in this process; -1: in all of the hive */
	uint32_t n;
	struct probe_point *points; /* n of them, the spec's owner's */
};

struct probe {
	_Atomic uint32_t refs;
	uint32_t id;
	struct probe_spec spec;
	uint32_t type;		  /* of its programs, BPF_PROG_TYPE_* */
	uint32_t record;	  /* bytes that a tracepoint's have */
	struct probe_point point; /* spec's only one; its cookie is that of the link */
	struct skep_kernel *k;
	pthread_mutex_t lock;	/* of what follows */
	struct skep_prog *prog; /* counted; NULL: none yet */
	bool enabled;
	void *hooked; /* what the hook gave; NULL: it is nowhere */
	/* -- of links that have no event -- */
	char name[64];	      /* the raw tracepoint */
	uint32_t attach_type; /* the function's: BPF_TRACE_... */
	uint32_t btf_id;      /* ...and its type */
	_Atomic bool *taken; /* false again when the probe goes; NULL: nobody's.  Its owner outlives
				the probe */
};

void probe_put(struct probe *p);
DEFINE_CLEANUP(struct probe, probe_put)

/** Is it an event that runs programs: a uprobe, a kprobe, a tracepoint? */
bool probe_is(const struct perf_event_attr *a);
/** A descriptor of such a new event, or -errno. */
long probe_open(struct call *c, const struct perf_event_attr *a, pid_t pid);
/** ioctl(2) on it; -ENOTTY where the request is not known. */
long probe_ioctl(struct call *c, struct probe *p, unsigned long request, uint64_t arg);

/** BPF_LINK_CREATE with it as target (probe_link.c): a link's descriptor, or -errno. */
long probe_link(struct call *c, struct probe *p, struct skep_prog *prog);
/** The same of the raw tracepoint of that name. */
long probe_link_raw(struct call *c, struct skep_prog *prog, const char *name, uint64_t cookie);
/** ...of what a program of type tracing was loaded for: tp_btf, fentry, fexit, fmod_ret. */
long probe_link_tracing(struct call *c, struct skep_prog *prog, uint64_t cookie);

/* For links: one that is nowhere yet, and what it will see. */
struct probe *probe_new(struct skep_kernel *k);
void probe_see_event(struct probe *p, const struct model_event *e, enum hive_ctx ctx);
void probe_see_call(struct probe *p, int32_t nr, enum hive_ctx ctx);
/* Its program comes, with what bpf_get_attach_cookie() says there, and goes. */
int probe_set_prog(struct call *c, struct probe *p, struct skep_prog *prog, uint64_t cookie);
void probe_unset_prog(struct probe *p);

/* For who reads a spec from the caller: the path of a file as every process here can open it. */
int probe_path(struct call *c, uint64_t upath, char ret[PATH_MAX]);
/** May the program run in members?  0, or -errno and why not. */
int probe_prog(struct call *c, const struct skep_prog *prog);
/** BPF_LINK_CREATE of BPF_TRACE_UPROBE_MULTI (uprobe_multi.c): a link's descriptor, or -errno. */
long uprobe_multi_link(struct call *c, struct skep_prog *prog);

#endif
