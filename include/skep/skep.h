/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * skep.h - eBPF without the kernel: the public C API of libskep.
 *
 * bpf(2) is the API.  A struct skep_kernel is one eBPF kernel in user space: its programs, maps,
 * BTF objects, links and pins.  skep_bpf() is the system call of the process's own kernel, made
 * on first use; skep_kernel_bpf() is the same on a kernel of your own.
 *
 * Link libbpf statically with -Wl,--wrap=syscall (see docs/architecture.md, "libbpf is the
 * loader") and its bpf(2) calls land here.
 *
 * C99, usable from C++.  Thread-safe unless a function says otherwise.
 */
#ifndef SKEP_SKEP_H
#define SKEP_SKEP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SKEP_API
#define SKEP_API __attribute__((visibility("default")))
#endif

union bpf_attr;
struct skep_kernel;

/** How a kernel runs programs. */
enum skep_engine {
	SKEP_ENGINE_DEFAULT = 0, /* the compiler where this machine has one, else the interpreter */
	SKEP_ENGINE_JIT,
	SKEP_ENGINE_INTERP, /* checks every memory access while the program runs */
};

/** What callers of a kernel may do. */
enum skep_rights {
	SKEP_RIGHTS_ALL = 0, /* everything: who made the kernel is root in it */
	SKEP_RIGHTS_NONE,    /* what a user without capabilities may */
	SKEP_RIGHTS_CALLER,  /* what the calling thread's effective capabilities allow */
	/* CAP_BPF and CAP_NET_ADMIN only: programs are judged by the rules for the unprivileged */
	SKEP_RIGHTS_BPF,
};

/** Which kernel programs are loaded for. */
enum skep_model {
	SKEP_MODEL_SELF = 0, /* Skep's own: what is loaded runs here */
	/*
	 * Linux: PROG_LOAD and MAP_CREATE judge as Linux does, also where Skep has no such
	 * program type, helper or map.  Nothing runs (-EOPNOTSUPP).
	 */
	SKEP_MODEL_LINUX,
};

/** Options of skep_kernel_new.  Zero is the default of every field. */
struct skep_kernel_opts {
	size_t sz;	      /* sizeof(struct skep_kernel_opts); bytes beyond ours must be 0 */
	int engine;	      /* enum skep_engine */
	int rights;	      /* enum skep_rights */
	const char *pin_root; /* where pins live, by default "/sys/fs/bpf"; copied */
	/* Lines of bpf_trace_printk, n bytes, as trace_pipe shows them; NULL drops them. */
	void (*trace)(void *arg, const char *line, size_t n);
	void *trace_arg;
	int model; /* enum skep_model */
	/*
	 * SKEP_MODEL_LINUX: the release that is judged for, major << 8 | minor (0x060c is 6.12);
	 * from 4.4 on.  0: the newest that is known.
	 */
	unsigned release;
	/*
	 * SKEP_MODEL_LINUX: types of that kernel, raw BTF of btf_size bytes, copied.  NULL: those
	 * of this machine's kernel or, where it shows none, those of Skep.
	 */
	const void *btf;
	size_t btf_size;
};

/**
 * Makes a kernel.
 *
 * @param opts  may be NULL
 * @param ret   the kernel; the caller frees it with skep_kernel_free
 * @return 0, or -EINVAL (opts), -EOPNOTSUPP (no compiler here), -ENOMEM, -EMFILE
 */
SKEP_API int skep_kernel_new(const struct skep_kernel_opts *opts, struct skep_kernel **ret);

/** Frees a kernel and all that it holds; its file descriptors become stale. Accepts NULL. */
SKEP_API void skep_kernel_free(struct skep_kernel *k);

/**
 * bpf(2) on a kernel of your own.
 *
 * @param cmd   BPF_* of <linux/bpf.h>
 * @param attr  as bpf(2) takes it; written to where bpf(2) writes
 * @param size  bytes of attr; what lies beyond the known attributes must be zero
 * @return 0 or a new file descriptor, or -errno exactly as Linux gives it
 */
SKEP_API long skep_kernel_bpf(struct skep_kernel *k, int cmd, union bpf_attr *attr, unsigned size);

/** The kernel of this process, made on first use; NULL when that failed. Never freed. */
SKEP_API struct skep_kernel *skep_kernel_self(void);

/** bpf(2) on skep_kernel_self(). */
SKEP_API long skep_bpf(int cmd, union bpf_attr *attr, unsigned size);

/**
 * What the last failed call of this thread had to say to people: "insn 12: ... (hint)".
 * Empty when it said nothing.  Valid until the thread's next call.
 */
SKEP_API const char *skep_last_error(void);

/**
 * The descriptor to wait on for a descriptor of a ring buffer map, of either kind, or of a perf
 * event (epoll cannot wait on their own memfds): an eventfd that the kernel keeps; borrowed.
 *
 * @return the eventfd, or -EBADF, or -EPERM where the object is nothing to wait on
 */
SKEP_API int skep_kernel_wait_fd(struct skep_kernel *k, int fd);

/** Raw BTF of the kernel that programs see, as /sys/kernel/btf/vmlinux would hold it. Static. */
SKEP_API const void *skep_kernel_btf(size_t *ret_size);

/** "0.1.0" */
SKEP_API const char *skep_version(void);

#ifdef __cplusplus
}
#endif

#endif
