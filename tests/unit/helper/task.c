/* SPDX-License-Identifier: BSD-2-Clause */
/* task.c - time, the calling task, loops, locks, memory that may not be there */
#include "helper/task.h"
#include "base/lock.h"
#include "helper/process.h"
#include "tests/unit/helper/helper_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int signals_seen;

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

TEST(clocks_run_beside_libcs)
{
	static const struct {
		uint32_t id;
		clockid_t clock;
	} clocks[] = {
		{ BPF_FUNC_ktime_get_ns, CLOCK_MONOTONIC },
		{ BPF_FUNC_ktime_get_boot_ns, CLOCK_BOOTTIME },
		{ BPF_FUNC_ktime_get_tai_ns, CLOCK_TAI },
		{ BPF_FUNC_ktime_get_coarse_ns, CLOCK_MONOTONIC_COARSE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		uint64_t before = now(clocks[i].clock);
		uint64_t t = test_call(clocks[i].id, 0, 0, 0, 0, 0);

		ASSERT_LE(before, t);
		ASSERT_LE(t, now(clocks[i].clock));
	}
}

TEST(jiffies_tick_250_times_a_second)
{
	uint64_t j = CALL(jiffies64), t = now(CLOCK_MONOTONIC_COARSE);
	uint64_t boot = (uint32_t)(-300 * 250);

	ASSERT_LE(t / 4000000 - (j - boot), 1);
}

TEST(current_ids_are_ours)
{
	ASSERT_EQ(CALL(get_current_pid_tgid), (uint64_t)getpid() << 32 | (uint32_t)gettid());
	ASSERT_EQ(CALL(get_current_uid_gid), (uint64_t)getgid() << 32 | getuid());
	ASSERT_EQ(CALL(get_smp_processor_id), test_run()->cpu);
	ASSERT_LT(CALL(get_numa_node_id), 1024);
}

TEST(ids_in_a_namespace_of_processes)
{
	struct bpf_pidns_info ids = { 1, 1 };
	struct stat st;

	ASSERT_EQ(stat("/proc/self/ns/pid", &st), 0);
	ASSERT_EQ(CALL(get_ns_current_pid_tgid, st.st_dev, st.st_ino, (uintptr_t)&ids, sizeof(ids)),
		  0);
	ASSERT_EQ(ids.pid, (uint32_t)gettid());
	ASSERT_EQ(ids.tgid, (uint32_t)getpid());
	/* Another one, or no room for the answer: zeroes. */
	ASSERT_EQ(CALL(get_ns_current_pid_tgid, st.st_dev, st.st_ino + 1, (uintptr_t)&ids,
		       sizeof(ids)),
		  (uint64_t)-EINVAL);
	ASSERT_EQ(ids.pid | ids.tgid, 0);
	ids.pid = 1;
	ASSERT_EQ(CALL(get_ns_current_pid_tgid, st.st_dev, st.st_ino, (uintptr_t)&ids, 4),
		  (uint64_t)-EINVAL);
	ASSERT_EQ(ids.pid, 0);
}

static void count_signal(int sig)
{
	__atomic_fetch_add(&signals_seen, 1, __ATOMIC_SEQ_CST);
}

/* Sanitizers hand them on in their own time. */
static void await_signals(int n)
{
	for (int i = 0; i < 500 && signals_seen < n; i++)
		usleep(10000);
	ASSERT_EQ(signals_seen, n);
}

TEST(signals_reach_process_and_thread)
{
	const struct sigaction sa = { .sa_handler = count_signal };

	ASSERT_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	ASSERT_EQ(CALL(send_signal, SIGUSR1), 0);
	await_signals(1);
	ASSERT_EQ(CALL(send_signal_thread, SIGUSR1), 0);
	await_signals(2);
	ASSERT_EQ(CALL(send_signal, 65), (uint64_t)-EINVAL);
	ASSERT_EQ(CALL(override_return, 0, 5), (uint64_t)-EOPNOTSUPP);
}

TEST(memory_of_users_is_written)
{
	uint64_t to = 1, from = 2;

	ASSERT_EQ(CALL(probe_write_user, (uintptr_t)&to, (uintptr_t)&from, 8), 0);
	ASSERT_EQ(to, 2);
	ASSERT_EQ(CALL(probe_write_user, 16, (uintptr_t)&from, 8), (uint64_t)-EFAULT);
	ASSERT_EQ(CALL(probe_write_user, (uintptr_t) "read only", (uintptr_t)&from, 8),
		  (uint64_t)-EFAULT);
}

static void *in_thread(void *arg)
{
	struct skep_task *t = (void *)(uintptr_t)CALL(get_current_task);

	ASSERT_EQ(CALL(get_current_pid_tgid), (uint64_t)getpid() << 32 | (uint32_t)gettid());
	ASSERT(t->pid == gettid() && t->tgid == getpid());
	ASSERT(t->group_leader != t && t->group_leader->pid == getpid());
	test_run_end();
	return arg;
}

TEST(current_ids_in_a_thread_and_after_a_fork)
{
	pthread_t t;
	int status;
	pid_t pid;

	test_run();
	ASSERT_EQ(pthread_create(&t, NULL, in_thread, NULL), 0);
	pthread_join(t, NULL);
	ASSERT_EQ(CALL(get_current_pid_tgid) >> 32, getpid());
	test_run_end();
	pid = fork();
	if (pid == 0)
		_exit(CALL(get_current_pid_tgid) !=
		      ((uint64_t)getpid() << 32 | (uint32_t)gettid()));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(status, 0);
}

TEST(current_comm_is_cut_and_padded)
{
	char buf[24];

	prctl(PR_SET_NAME, "beekeeper");
	memset(buf, 'x', sizeof(buf));
	ASSERT_EQ(CALL(get_current_comm, P(buf), 16), 0);
	ASSERT_STREQ(buf, "beekeeper");
	ASSERT(buf[15] == 0 && buf[16] == 'x');
	ASSERT_EQ(CALL(get_current_comm, P(buf), 4), 0);
	ASSERT_STREQ(buf, "bee");
	ASSERT_EQ(CALL(get_current_comm, P(buf), 1), 0);
	ASSERT_STREQ(buf, "");
	ASSERT_EQ(CALL(get_current_comm, P(buf), 24), 0);
	ASSERT_STREQ(buf, "beekeeper");
	ASSERT_EQ(buf[23], 0);
}

TEST(current_task_tells_what_it_knows)
{
	struct skep_run *run = test_run();
	struct skep_task *t = (void *)(uintptr_t)CALL(get_current_task);

	prctl(PR_SET_NAME, "later");
	ASSERT_EQ(P(t), CALL(get_current_task_btf)); /* one and the same in a run */
	ASSERT(t->pid == gettid() && t->tgid == getpid());
	ASSERT(t->group_leader == t && t->real_parent->tgid == getppid());
	ASSERT(t->cred->uid == getuid() && t->cred->egid == getegid());
	ASSERT(t->real_cred->fsuid == geteuid());
	ASSERT(strcmp(t->comm, "later"));
	ASSERT(run_region_has(run, P(t), sizeof(*t)));

	memset(run->region, 0, sizeof(run->region)); /* the next run */
	t = (void *)(uintptr_t)CALL(get_current_task);
	ASSERT_STREQ(t->comm, "later");
}

static const struct skep_task *task_of_new_run(void)
{
	memset(test_run()->region, 0, sizeof(test_run()->region));
	return (const struct skep_task *)(uintptr_t)CALL(get_current_task);
}

/* Of this thread, as stat(2) sees it; 0: this machine has none such. */
static uint32_t inode_of(const char *ns)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", ns);
	return stat(path, &st) ? 0 : (uint32_t)st.st_ino;
}

static void expect_namespace(const struct skep_ns *ns, const char *name)
{
	const uint32_t inode = inode_of(name);

	ASSERT_MSG(inode ? ns && ns->inum == inode : !ns, "%s: %u, not %u", name, ns ? ns->inum : 0,
		   inode);
}

static void expect_namespaces(const struct skep_task *t)
{
	const struct skep_nsproxy *p = t->nsproxy;

	ASSERT(p && inode_of("mnt"));
	expect_namespace(p->uts_ns, "uts");
	expect_namespace(p->ipc_ns, "ipc");
	expect_namespace(p->mnt_ns, "mnt");
	expect_namespace(p->pid_ns_for_children, "pid_for_children");
	expect_namespace(p->net_ns, "net");
	expect_namespace(p->time_ns, "time");
	expect_namespace(p->time_ns_for_children, "time_for_children");
	expect_namespace(p->cgroup_ns, "cgroup");
	expect_namespace(t->thread_pid->numbers[t->thread_pid->level].ns, "pid");
}

TEST(current_task_has_namespaces_and_its_number_there)
{
	const struct skep_task *t = task_of_new_run();

	expect_namespaces(t);
	ASSERT_EQ(t->thread_pid->numbers[t->thread_pid->level].nr, gettid());
	ASSERT_EQ(t->real_parent->thread_pid->numbers[0].nr, getppid());
	ASSERT(!t->real_parent->nsproxy && !t->real_parent->mm);
	expect_namespaces(task_of_new_run()); /* as it remembers them */
}

static void *in_thread_of_ns(void *arg)
{
	const struct skep_task *t = task_of_new_run();

	expect_namespaces(t);
	ASSERT(!t->group_leader->nsproxy); /* its threads may be in others */
	ASSERT_EQ(t->group_leader->thread_pid->numbers[0].nr, getpid());
	ASSERT(t->mm && t->group_leader->mm == t->mm);
	test_run_end();
	return arg;
}

/* More threads than are remembered at a time. */
TEST(threads_have_namespaces_of_their_own)
{
	pthread_t t[2 * OWN_TASKS];

	test_run(); /* slots for all */
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		ASSERT_EQ(pthread_create(&t[i], NULL, in_thread_of_ns, NULL), 0);
		if (i % 4 == 3)
			for (size_t j = i - 3; j <= i; j++)
				pthread_join(t[j], NULL);
	}
}

/* A child with one namespace that its parent is not in; what it finds wrong, it says. */
static int unshared(int flags)
{
	int status;
	pid_t pid;

	expect_namespaces(task_of_new_run());
	pid = fork();
	if (!pid) {
		if (unshare(flags))
			_exit(errno);
		expect_namespaces(task_of_new_run());
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT(WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(a_child_has_forgotten_its_parents_namespaces)
{
	int err = unshared(CLONE_NEWUTS);

	if (err == EPERM)
		err = unshared(CLONE_NEWUSER | CLONE_NEWUTS);
	if (err == EPERM || err == ENOSPC || err == EINVAL)
		test_skip("unshare(CLONE_NEWUTS): %s", strerror(err));
	ASSERT_EQ(err, 0);
}

/* Within a second, as nobody tells of it. */
TEST(namespaces_that_change_are_seen)
{
	const uint32_t before = inode_of("uts");
	const struct skep_task *t = task_of_new_run();

	expect_namespaces(t);
	if (unshare(CLONE_NEWUTS) && unshare(CLONE_NEWUSER | CLONE_NEWUTS))
		test_skip("unshare(CLONE_NEWUTS): %s", strerror(errno));
	ASSERT(inode_of("uts") != before);
	while (t->nsproxy->uts_ns->inum == before) {
		usleep(50000);
		t = task_of_new_run();
	}
	expect_namespaces(t);
}

TEST(current_task_has_its_programs_file_and_arguments)
{
	const struct skep_task *t = task_of_new_run();
	const struct model_file *exe = t->mm->exe_file;
	const struct model_dentry *d = exe->f_path.dentry;
	char path[4096] = "", line[4096];
	const char *name;
	struct stat st;
	size_t n;
	FILE *f;

	ASSERT_EQ(stat("/proc/self/exe", &st), 0);
	ASSERT_GT(readlink("/proc/self/exe", path, sizeof(path) - 1), 0);
	name = strrchr(path, '/') + 1;
	ASSERT_STREQ(d->d_name.name, name);
	ASSERT_EQ(d->d_name.len, strlen(name));
	ASSERT_EQ(exe->f_inode->i_ino, st.st_ino);
	ASSERT(d->d_inode == exe->f_inode);
	ASSERT_EQ(exe->f_inode->i_sb->s_dev, major(st.st_dev) << 20 | minor(st.st_dev));
	ASSERT(run_region_has(test_run(), P(t->mm), sizeof(*t->mm)));
	ASSERT(run_region_has(test_run(), P(d->d_name.name), d->d_name.len + 1));

	f = fopen("/proc/self/cmdline", "r");
	ASSERT(f);
	n = fread(line, 1, sizeof(line), f);
	fclose(f);
	ASSERT(n && n < sizeof(line));
	ASSERT_EQ(t->mm->arg_end - t->mm->arg_start, n);
	ASSERT_MEMEQ((const char *)(uintptr_t)t->mm->arg_start, line, n);
	ASSERT_LE(t->mm->arg_end, t->mm->env_start);
	ASSERT_LT(t->mm->env_start, t->mm->env_end);
}

TEST(other_tasks_have_no_namespaces_and_no_memory)
{
	const struct run_task as = { .tid = 5, .tgid = 4, .ppid = 3 };
	const struct skep_task *t;

	test_run()->as = &as;
	t = task_of_new_run();
	test_run()->as = NULL;
	ASSERT(!t->nsproxy && !t->mm && !t->group_leader->mm);
	ASSERT_EQ(t->thread_pid->numbers[0].nr, 5);
	ASSERT_EQ(t->group_leader->thread_pid->numbers[0].nr, 4);
	ASSERT_EQ(t->real_parent->thread_pid->numbers[0].nr, 3);
	ASSERT(!t->thread_pid->numbers[0].ns);
}

TEST(prandom_varies)
{
	uint32_t bits = 0, a = (uint32_t)CALL(get_prandom_u32);

	for (int i = 0; i < 64; i++) {
		uint64_t v = CALL(get_prandom_u32);

		ASSERT_LE(v, UINT32_MAX);
		bits |= (uint32_t)v ^ a;
	}
	ASSERT_EQ(bits, UINT32_MAX);
}

/* --- loops and locks ---------------------------------------------------------------------------
 */

static uint64_t turns;

static uint64_t turn(uint64_t i, uint64_t ctx, uint64_t c, uint64_t d, uint64_t e,
		     struct skep_run *run)
{
	ASSERT_EQ(i, turns);
	turns++;
	return ctx && i == ctx;
}

TEST(loop_counts_and_stops)
{
	ASSERT_EQ(CALL(loop, 0, P(turn), 0, 0), 0);
	ASSERT_EQ(CALL(loop, 10, P(turn), 0, 0), 10);
	turns = 0;
	ASSERT_EQ(CALL(loop, 10, P(turn), 4, 0), 5);
	ASSERT_EQ(turns, 5);
	ASSERT_EQ(CALL(loop, 10, P(turn), 0, 1), -EINVAL);
	ASSERT_EQ(CALL(loop, (8 << 20) + 1, P(turn), 0, 0), -E2BIG);
	turns = 0;
	ASSERT_EQ(CALL(loop, 8 << 20, P(turn), 0, 0), 8 << 20);
	turns = 0;
	test_run()->fault = -EFAULT;
	ASSERT_EQ(CALL(loop, 10, P(turn), 0, 0), 1);
}

static uint64_t by_interpreter(uint64_t func, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
			       uint64_t r5, struct skep_run *run)
{
	ASSERT_EQ(func, 1234);
	return r1 == 2;
}

TEST(loop_calls_back_through_the_interpreter)
{
	test_run()->callback = by_interpreter;
	ASSERT_EQ(CALL(loop, 10, 1234, 0, 0), 3);
}

static struct bpf_spin_lock lock;
static int guarded;

static void *bump(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		CALL(spin_lock, P(&lock));
		guarded++;
		CALL(spin_unlock, P(&lock));
	}
	test_run_end();
	return arg;
}

TEST(spin_lock_excludes)
{
	pthread_t t[2];

	static_assert(sizeof(struct spinlock) == sizeof(struct bpf_spin_lock), "must fit");
	test_run();
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, bump, NULL), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	ASSERT_EQ(guarded, 40000);
	ASSERT_EQ(lock.val, 0);
}

TEST(tail_call_as_a_function_has_nothing_to_jump_to)
{
	ASSERT_EQ(CALL(tail_call, 0, 0, 0), -EINVAL);
}

static long nested(void *arg, uint32_t cmd, void *attr, uint32_t size)
{
	return cmd == BPF_MAP_CREATE && attr == &lock && size == 4 ? 42 : -EPERM;
}

static int closer(void *arg, uint32_t fd)
{
	return fd == 7 ? 0 : -EBADF;
}

TEST(sys_bpf_offers_the_commands_of_linux)
{
	static const struct run_env env = { .sys_bpf = nested, .sys_close = closer };
	uint32_t allowed = 0;

	ASSERT_EQ(CALL(sys_bpf, BPF_MAP_CREATE, P(&lock), 4), -EINVAL); /* not offered */
	ASSERT_EQ(CALL(sys_close, 7), -EBADF);
	test_run()->env = &env;
	ASSERT_EQ(CALL(sys_bpf, BPF_MAP_CREATE, P(&lock), 4), 42);
	for (uint32_t cmd = 0; cmd < 200; cmd++)
		allowed += CALL(sys_bpf, cmd, 0, 0) != (uint64_t)-EINVAL;
	ASSERT_EQ(allowed, 9);
	ASSERT_EQ(CALL(sys_close, 7), 0);
	ASSERT_EQ(CALL(sys_close, 8), -EBADF);
}

/* --- memory that may not be there --------------------------------------------------------------
 */

TEST(probe_read_reads_or_clears)
{
	static const uint32_t ids[] = { BPF_FUNC_probe_read, BPF_FUNC_probe_read_user,
					BPF_FUNC_probe_read_kernel };
	uint64_t src = 0x1122334455667788, dst;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		dst = 0;
		ASSERT_EQ(test_call(ids[i], P(&dst), 8, P(&src), 0, 0), 0);
		ASSERT_EQ(dst, src);
		ASSERT_EQ(test_call(ids[i], P(&dst), 8, P(test_bad_address()), 0, 0), -EFAULT);
		ASSERT_EQ(dst, 0);
		dst = src;
		ASSERT_EQ(test_call(ids[i], P(&dst), 8, 0, 0, 0), -EFAULT);
		ASSERT_EQ(dst, 0);
		/* No address at all, and one in the kernel's half. */
		ASSERT_EQ(test_call(ids[i], P(&dst), 8, 0x8000000000000000, 0, 0), -EFAULT);
		ASSERT_EQ(test_call(ids[i], P(&dst), 8, UINT64_MAX - 3, 0, 0), -EFAULT);
		ASSERT_EQ(test_call(ids[i], P(&dst), 0, 0, 0, 0), 0);
	}
	/* Half of it is there. */
	memcpy(test_page_end() - 4, "abcd", 4);
	dst = src;
	ASSERT_EQ(CALL(probe_read, P(&dst), 8, P(test_page_end() - 4)), -EFAULT);
	ASSERT_EQ(dst, 0);
	ASSERT_EQ(CALL(probe_read, P(&dst), 4, P(test_page_end() - 4)), 0);
	ASSERT_MEMEQ(&dst, "abcd", 4);
}

TEST(probe_read_str_stops_at_the_nul)
{
	char dst[600], *end = test_page_end();
	char big[600];

	memset(dst, 'x', sizeof(dst));
	ASSERT_EQ(CALL(probe_read_str, P(dst), 10, P("hive")), 5);
	ASSERT_STREQ(dst, "hive");
	ASSERT_EQ(dst[5], 'x'); /* nothing behind the NUL */
	ASSERT_EQ(CALL(probe_read_user_str, P(dst), 4, P("hive")), 4);
	ASSERT_STREQ(dst, "hiv");
	ASSERT_EQ(CALL(probe_read_kernel_str, P(dst), 1, P("hive")), 1);
	ASSERT_STREQ(dst, "");
	ASSERT_EQ(CALL(probe_read_str, P(dst), 0, P("hive")), 0);

	/* The string ends with the last byte of what is mapped. */
	memcpy(end - 6, "honey", 6);
	ASSERT_EQ(CALL(probe_read_str, P(dst), 100, P(end - 6)), 6);
	ASSERT_STREQ(dst, "honey");
	/* It does not end there. */
	memset(end - 5, 'y', 5);
	ASSERT_EQ(CALL(probe_read_str, P(dst), 100, P(end - 5)), -EFAULT);
	ASSERT_EQ(dst[0], 0);
	ASSERT_EQ(CALL(probe_read_str, P(dst), 5, P(end - 5)), 5);
	ASSERT_STREQ(dst, "yyyy");
	ASSERT_EQ(CALL(probe_read_str, P(dst), 8, P(test_bad_address())), -EFAULT);

	memset(big, 'b', sizeof(big));
	big[599] = 0;
	ASSERT_EQ(CALL(probe_read_str, P(dst), 600, P(big)), 600);
	ASSERT_STREQ(dst, big);
}
