/* SPDX-License-Identifier: BSD-2-Clause */
/* target.c - one libbpf, three kernels: the linker sends its syscall() here (--wrap). */
#include "bench/bench.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <skep/skep.h>

#include "core/known.h"
#include "model/model.h"

static struct skep_kernel *kernels[_TARGET_MAX];
static bool available[_TARGET_MAX];
static enum target current;

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

long target_bpf(int cmd, union bpf_attr *attr, unsigned size)
{
	long r;

	if (kernels[current])
		return skep_kernel_bpf(kernels[current], cmd, attr, size);
	r = __real_syscall(__NR_bpf, cmd, attr, size);
	return r < 0 ? -errno : r;
}

long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == __NR_bpf && kernels[current]) {
		long r = target_bpf((int)a[0], (union bpf_attr *)a[1], (unsigned)a[2]);

		if (r >= 0)
			return r;
		errno = (int)-r;
		return -1;
	}
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Where libbpf reads the types of the kernel that it speaks to. */
FILE *__real_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);

FILE *__wrap_fopen64(const char *path, const char *mode)
{
	size_t size;
	const void *types = model_btf(&size);

	if (kernels[current] && !strcmp(path, "/sys/kernel/btf/vmlinux"))
		return fmemopen((void *)types, size, mode);
	return __real_fopen64(path, mode);
}

/* What src/bpf does of descriptors that end, for every program that it is linked into. */
int __real_close(int fd);
int __wrap_close(int fd);
int __real_dup2(int from, int to);
int __wrap_dup2(int from, int to);
int __real_dup3(int from, int to, int flags);
int __wrap_dup3(int from, int to, int flags);

int __wrap_close(int fd)
{
	known_forget((unsigned)fd, (unsigned)fd);
	return __real_close(fd);
}

int __wrap_dup2(int from, int to)
{
	known_forget((unsigned)to, (unsigned)to);
	return __real_dup2(from, to);
}

int __wrap_dup3(int from, int to, int flags)
{
	known_forget((unsigned)to, (unsigned)to);
	return __real_dup3(from, to, flags);
}

__attribute__((constructor)) static void know(void)
{
	known_start();
}

/* A program of two instructions: what any kernel that lets us in will take. */
static bool host_lets_us(void)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)insns,
		.insn_cnt = 2,
		.license = (uintptr_t) "GPL",
	};
	long fd = __real_syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (fd < 0) {
		printf("# no host kernel beside us: bpf(2) says %s\n", strerror(errno));
		return false;
	}
	close((int)fd);
	return true;
}

int target_init(void)
{
	static const int engine[] = {
		[TARGET_JIT] = SKEP_ENGINE_JIT,
		[TARGET_INTERP] = SKEP_ENGINE_INTERP,
	};

	for (unsigned t = 0; t < sizeof(engine) / sizeof(engine[0]); t++) {
		struct skep_kernel_opts opts = { .sz = sizeof(opts), .engine = engine[t] };
		int r = skep_kernel_new(&opts, &kernels[t]);

		if (r)
			return r;
		available[t] = true;
	}
	available[TARGET_KERNEL] = host_lets_us();
	return 0;
}

void target_use(enum target t)
{
	current = t;
}

bool target_available(enum target t)
{
	return available[t];
}

struct skep_kernel *target_kernel(enum target t)
{
	return kernels[t];
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}
