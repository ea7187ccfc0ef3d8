/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor_checks.c - the rows: what is tried, and what is to be done where it fails.
 *
 * What may harm the process that tries it (filters, namespaces, code) is tried in a child, which is
 * waited for.  Files are read only to say why something failed.
 */
#include "cli/doctor.h"
#include "base/sys.h"
#include "cli/commands.h"
#include "hive/place.h"
#include "hive/space.h"
#include "inject/permit.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#define SHADOW_STACK_STATUS 0x5005 /* of arch_prctl(2), since Linux 6.6 */
#define FILES_MIN	    1024

#define ASK(name)	    static enum finding ask_##name(char *found, size_t n, char *round, size_t m)
#define FOUND(...)	    snprintf(found, n, __VA_ARGS__)
#define ROUND(...)	    snprintf(round, m, __VA_ARGS__)

/* --- children --------------------------------------------------------------------------------- */

static int end_of(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EFAULT;
}

/* What fn says in a child; -EFAULT where that dies. */
static int in_child(int (*fn)(void))
{
	const pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(-fn());
	return end_of(pid);
}

/* A child that stands there with our memory and descriptors, to be looked at. */
static pid_t begin_child(void)
{
	const pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	return pid < 0 ? -errno : pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	end_of(pid);
}

static enum finding verdict(int err, char *found, size_t n, const char *good)
{
	FOUND("%s", err ? strerror(-err) : good);
	return err ? FINDING_BAD : FINDING_OK;
}

/* --- what `skep run` needs -------------------------------------------------------------------- */

ASK(preload)
{
	char path[4352];
	int err = find_preload(path, sizeof(path)), fd;
	void *p;

	fd = err ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	p = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	err = p == MAP_FAILED ? -errno : 0;
	if (p != MAP_FAILED)
		munmap(p, 1);
	if (fd >= 0)
		close(fd);
	FOUND("%.200s%s%s", path, err ? ": " : "", err ? strerror(-err) : "");
	ROUND(err == -EPERM ? "its file system is mounted noexec: install skep elsewhere"
			    : "install libskep-bpf.so with skep: ninja -C build install");
	return err ? FINDING_BAD : FINDING_OK;
}

/* A socket where hives have theirs. */
ASK(runtime)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char root[PATH_MAX];
	int err = hive_root(root), fd = -1, len;

	len = snprintf(a.sun_path, sizeof(a.sun_path), "%.90s/.doctor-%d", root, (int)getpid());
	if (!err && (strlen(root) > 70 || len >= (int)sizeof(a.sun_path)))
		err = -ENAMETOOLONG;
	fd = err ? -1 : socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (!err && (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a))))
		err = -errno;
	if (fd >= 0) {
		close(fd);
		unlink(a.sun_path);
	}
	FOUND("%.180s%s%s", root, err ? ": " : "", err ? strerror(-err) : "");
	ROUND("set XDG_RUNTIME_DIR to a folder of yours, with a short name, that nobody else may "
	      "enter");
	return err ? FINDING_BAD : FINDING_OK;
}

ASK(memory)
{
	struct rlimit as = { RLIM_INFINITY, RLIM_INFINITY };
	struct space *s = NULL;
	const int err = space_new(&s);

	getrlimit(RLIMIT_AS, &as);
	space_free(s);
	if (as.rlim_cur != RLIM_INFINITY)
		ROUND("ulimit -v unlimited: a hive reserves addresses, which costs no memory");
	else
		ROUND("vm.overcommit_memory=2 or a memfd policy may forbid it (sysctl -a)");
	return verdict(err, found, n, "a hive's range of addresses is free");
}

static int run_memfd(void)
{
	static const uint8_t code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42,%eax; ret */
	int fd = memfd_create("skep-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	int (*fn)(void);
	void *p;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("skep-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || write(fd, code, sizeof(code)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK))
		return -errno;
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*(void **)&fn = p;
	return fn() == 42 ? 0 : -EFAULT;
}

ASK(memfd)
{
	ROUND("sysctl vm.memfd_noexec=0; SELinux: setsebool allow_execmem; systemd: "
	      "MemoryDenyWriteExecute=no");
	return verdict(in_child(run_memfd), found, n, "sealed, mapped and run");
}

ASK(pidfd)
{
	const int fd = sys_pidfd(getpid());

	if (fd >= 0)
		close(fd);
	ROUND("Linux 5.3 or newer, and no seccomp filter that forbids pidfd_open");
	return verdict(MIN(fd, 0), found, n, "deaths of processes are seen");
}

static int memfd_there = -1;

/* As members map the hive's memory. */
ASK(proc_fd)
{
	char path[64];
	pid_t pid;
	int err, fd;

	memfd_there = memfd_create("skep-doctor", MFD_CLOEXEC);
	pid = begin_child();
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, memfd_there);
	fd = pid > 0 ? open(path, O_RDWR | O_CLOEXEC) : -1;
	err = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (pid > 0)
		end_child(pid);
	close(memfd_there);
	ROUND("/proc has to be mounted, without hidepid for your own processes");
	return verdict(err, found, n, "descriptors of other processes open");
}

ASK(files)
{
	struct rlimit r = { 0, 0 };

	getrlimit(RLIMIT_NOFILE, &r);
	FOUND("%llu descriptors", (unsigned long long)r.rlim_max);
	ROUND("ulimit -Hn %d: each process, map and pin of a hive takes one", FILES_MIN);
	return r.rlim_max < FILES_MIN ? FINDING_NOTE : FINDING_OK;
}

/* --- what probes need ------------------------------------------------------------------------- */

static void say_who_may(char *round, size_t m, int yama)
{
	if (yama > YAMA_ALL)
		ROUND("kernel.yama.ptrace_scope is %d; as root: sysctl kernel.yama.ptrace_scope=0",
		      yama);
	else
		ROUND("docker run --cap-add SYS_PTRACE; or a seccomp profile that permits ptrace");
}

ASK(trace_child)
{
	say_who_may(round, m, permit_yama() == YAMA_PARENTS ? YAMA_NONE : permit_yama());
	return verdict(permit_trace_child(), found, n, "processes that skep starts can be probed");
}

/* The child of a child that has ended is nobody's. */
static pid_t begin_stranger(void)
{
	pid_t pid, stranger = -1;
	int way[2];

	if (pipe2(way, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		stranger = begin_child();
		_exit(write(way[1], &stranger, sizeof(stranger)) < 0);
	}
	close(way[1]);
	if (pid < 0 || read(way[0], &stranger, sizeof(stranger)) != sizeof(stranger))
		stranger = -EAGAIN;
	close(way[0]);
	if (pid > 0)
		end_of(pid);
	return stranger;
}

ASK(trace_stranger)
{
	const pid_t pid = begin_stranger();
	int err = MIN(pid, 0);

	if (!err && ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL))
		err = -errno;
	if (pid > 0) {
		kill(pid, SIGKILL);
		if (!err)
			end_of(pid);
	}
	say_who_may(round, m, permit_yama());
	return verdict(err, found, n, "skep attach -p PID takes processes of this user in");
}

ASK(vm_read)
{
	const pid_t pid = begin_child();
	uint64_t word = 0;
	const struct iovec to = { &word, sizeof(word) }, from = { (void *)doctor_checks, 8 };
	int err = MIN(pid, 0);

	if (pid > 0) {
		if (process_vm_readv(pid, &to, 1, &from, 1, 0) != sizeof(word))
			err = -errno;
		end_child(pid);
	}
	ROUND("calls of bpf(2) ask for memory by messages instead, which is slower");
	return verdict(err, found, n, "memory of processes is read at once");
}

ASK(proc_mem)
{
	const pid_t pid = begin_child();
	uint64_t word = 0;
	char path[32];
	int err = MIN(pid, 0), fd;

	if (pid > 0) {
		snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || pread(fd, &word, sizeof(word), (off_t)(uintptr_t)doctor_checks) < 0 ||
		    pwrite(fd, &word, sizeof(word), (off_t)(uintptr_t)doctor_checks) < 0)
			err = -errno;
		if (fd >= 0)
			close(fd);
		end_child(pid);
	}
	ROUND("jumps are written there: permit ptrace; a kernel with proc_mem.force_override=never "
	      "cannot be probed");
	return verdict(err, found, n, "text of processes can be written");
}

static int dispatch(void)
{
	static char selector; /* SYSCALL_DISPATCH_FILTER_ALLOW */

	return prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &selector) ? -errno : 0;
}

ASK(dispatch)
{
	ROUND("Linux 5.11 or newer on x86-64");
	return verdict(in_child(dispatch), found, n, "there is Syscall User Dispatch");
}

static int notify(void)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	const struct sock_fprog prog = { 1, all };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return (int)MIN(sys_call6(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				  SECCOMP_FILTER_FLAG_NEW_LISTENER, (long)&prog, 0, 0, 0),
			0);
}

ASK(notify)
{
	ROUND("Linux 5.0 or newer; -EBUSY: an outer filter has a listener already");
	return verdict(in_child(notify), found, n, "filters can ask a supervisor");
}

/* Other arguments than any registration has: EINVAL, EPERM or EBUSY where there is rseq(2). */
ASK(rseq)
{
	const long r = sys_call6(SYS_rseq, 0, 0, 1, 0, 0, 0);

	ROUND("Linux 4.18 or newer: the CPU is asked by a slower call otherwise");
	return verdict(r == -ENOSYS ? -ENOSYS : 0, found, n, "there is rseq(2)");
}

/* --- what is good to know --------------------------------------------------------------------- */

ASK(filter)
{
	struct permit_facts f = { 0 };

	permit_facts(getpid(), &f);
	FOUND("seccomp mode %u, %u filters; no_new_privs %d", f.seccomp, f.filters,
	      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	ROUND("lines above say what they forbid; a container: --security-opt seccomp=unconfined");
	return f.seccomp ? FINDING_NOTE : FINDING_OK;
}

static int unshare_user(void)
{
	return unshare(CLONE_NEWUSER) ? -errno : 0;
}

ASK(userns)
{
	ROUND("sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces; skep does not "
	      "need them");
	return verdict(in_child(unshare_user), found, n, "user namespaces can be made");
}

/* The machine's own, past what links stand before it. */
static int host_map(void)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	return (int)MIN(sys_call6(SYS_bpf, BPF_MAP_CREATE, (long)&a, sizeof(a), 0, 0, 0), 0);
}

ASK(host_bpf)
{
	ROUND("it takes CAP_BPF, or kernel.unprivileged_bpf_disabled=0; skep does not need it");
	return verdict(in_child(host_map), found, n, "the machine's own bpf(2) is allowed, too");
}

ASK(shadow)
{
	uint64_t features = 0;
	const long r = sys_call6(SYS_arch_prctl, SHADOW_STACK_STATUS, (long)&features, 0, 0, 0, 0);
	const bool on = !r && features;

	FOUND(on ? "processes have shadow stacks" : "not used");
	ROUND("such processes cannot be probed: GLIBC_TUNABLES=glibc.cpu.x86_shstk=off");
	return on ? FINDING_NOTE : FINDING_OK;
}

const struct check doctor_checks[] = {
	{ "preload", "preload library", true, ask_preload },
	{ "runtime", "folder of hives", true, ask_runtime },
	{ "memory", "memory of a hive", true, ask_memory },
	{ "memfd", "code in a memfd", true, ask_memfd },
	{ "pidfd", "pidfd_open", true, ask_pidfd },
	{ "proc_fd", "/proc/PID/fd", true, ask_proc_fd },
	{ "files", "open files", false, ask_files },
	{ "trace_child", "ptrace, own children", false, ask_trace_child },
	{ "trace_stranger", "ptrace, other processes", false, ask_trace_stranger },
	{ "vm_read", "process_vm_readv", false, ask_vm_read },
	{ "proc_mem", "/proc/PID/mem", false, ask_proc_mem },
	{ "dispatch", "Syscall User Dispatch", false, ask_dispatch },
	{ "notify", "seccomp notification", false, ask_notify },
	{ "rseq", "rseq", false, ask_rseq },
	{ "filter", "filters on us", false, ask_filter },
	{ "userns", "user namespaces", false, ask_userns },
	{ "host_bpf", "the machine's bpf(2)", false, ask_host_bpf },
	{ "shadow_stack", "shadow stacks (CET)", false, ask_shadow },
	{ 0 },
};
