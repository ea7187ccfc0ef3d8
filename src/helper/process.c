/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.c - what only /proc knows of the process: the namespaces of its threads, and its memory.
 *
 * To look there takes tens of microseconds.  So namespaces are asked for once a second, as
 * unshare(2) and setns(2) change them, and memory once: after execve(2) nothing is remembered.
 */
#include "helper/process.h"
#include "base/proc.h"
#include "helper/helper_int.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

/* --- what is remembered of threads ------------------------------------------------------------ */

bool own_recall(struct own_row *row, uint32_t tid, uint64_t now, uint32_t *word, int n)
{
	if (atomic_load_explicit(&row->tid, memory_order_acquire) != tid ||
	    now - atomic_load_explicit(&row->since, memory_order_relaxed) >= OWN_TASKS_FRESH)
		return false;
	for (int i = 0; i < n; i++)
		word[i] = atomic_load_explicit(&row->word[i], memory_order_relaxed);
	/* Another thread may have taken the row meanwhile. */
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&row->tid, memory_order_relaxed) == tid;
}

void own_keep(struct own_row *row, uint32_t tid, uint64_t now, const uint32_t *word, int n)
{
	uint32_t had = atomic_load_explicit(&row->tid, memory_order_relaxed);

	/* Who is not alone there remembers nothing. */
	if (had == OWN_TASKS_BUSY ||
	    !atomic_compare_exchange_strong(&row->tid, &had, OWN_TASKS_BUSY))
		return;
	atomic_thread_fence(memory_order_release);
	for (int i = 0; i < n; i++)
		atomic_store_explicit(&row->word[i], word[i], memory_order_relaxed);
	atomic_store_explicit(&row->since, now, memory_order_relaxed);
	atomic_store_explicit(&row->tid, tid, memory_order_release);
}

/* --- namespaces ------------------------------------------------------------------------------- */

/* Of what a link says: "uts:[4026531838]"; 0: it does not. */
static uint32_t inode_in(const char *text, long len)
{
	uint32_t n = 0;
	long at = 0;

	while (at < len && text[at] != '[')
		at++;
	for (at++; at < len && text[at] >= '0' && text[at] <= '9'; at++)
		n = n * 10 + (uint32_t)(text[at] - '0');
	return n;
}

/* The folder is looked up once, and links are read, not followed: a third of the time. */
static void ask_namespaces(uint32_t inum[TASK_NS])
{
	static const char links[TASK_NS][24] = {
		[NS_UTS] = "uts",
		[NS_IPC] = "ipc",
		[NS_MNT] = "mnt",
		[NS_PID] = "pid",
		[NS_PID_FOR_CHILDREN] = "pid_for_children",
		[NS_NET] = "net",
		[NS_TIME] = "time",
		[NS_TIME_FOR_CHILDREN] = "time_for_children",
		[NS_CGROUP] = "cgroup",
	};
	const long dir = sys_call6(SYS_openat, AT_FDCWD, (long)"/proc/thread-self/ns",
				   O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
	char text[48] = "";

	for (int i = 0; i < TASK_NS; i++) {
		const long len = dir < 0 ? dir
					 : sys_call6(SYS_readlinkat, dir, (long)links[i],
						     (long)text, sizeof(text), 0, 0);

		inum[i] = inode_in(text, len);
	}
	if (dir >= 0)
		sys_call6(SYS_close, dir, 0, 0, 0, 0, 0);
}

void process_namespaces(uint32_t tid, uint32_t inum[TASK_NS])
{
	const uint64_t now = clock_ns(CLOCK_MONOTONIC_COARSE);
	struct own_row *row = helper_process ? &helper_process->namespaces[tid % OWN_TASKS] : NULL;

	if (row && own_recall(row, tid, now, inum, TASK_NS))
		return;
	ask_namespaces(inum);
	if (row)
		own_keep(row, tid, now, inum, TASK_NS);
}

/* --- memory ----------------------------------------------------------------------------------- */

#define ARG_START 48 /* the field of stat; arg_end, env_start and env_end follow */

static void ask_addresses(struct skep_mm *mm)
{
	uint64_t *const to[] = { &mm->arg_start, &mm->arg_end, &mm->env_start, &mm->env_end };
	char text[1024];
	const long len = proc_read("/proc/thread-self/stat", text, sizeof(text));

	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		const int64_t n = proc_stat_field(text, len, ARG_START + (int)i);

		*to[i] = n < 0 ? 0 : (uint64_t)n;
	}
}

/* Of m, which is going to be at `at`. */
static void fill_mm(struct process_mm *m, struct process_mm *at)
{
	ask_addresses(&m->mm);
	if (file_ask("/proc/self/exe", &m->exe, (uintptr_t)&at->exe))
		m->mm.exe_file = &at->exe.file;
}

#define MM_LOOKS 100

/* Of threads that come at once all ask, and one writes. */
static bool learn_mm(struct helper_process *p)
{
	struct process_mm m = { 0 };
	uint32_t is = MM_UNKNOWN;

	fill_mm(&m, &p->mm);
	if (atomic_compare_exchange_strong(&p->mm_is, &is, MM_WRITTEN)) {
		memcpy(&p->mm, &m, sizeof(m));
		atomic_store_explicit(&p->mm_is, MM_KNOWN, memory_order_release);
		return true;
	}
	/* Not for long: it may be this very thread, below a signal's handler. */
	for (int i = 0; i < MM_LOOKS && is != MM_KNOWN; i++) {
		sys_rest();
		is = atomic_load_explicit(&p->mm_is, memory_order_acquire);
	}
	return is == MM_KNOWN;
}

struct skep_mm *process_mm(struct skep_run *run)
{
	struct helper_process *p = helper_process;

	if (!p || (unlikely(atomic_load_explicit(&p->mm_is, memory_order_acquire) != MM_KNOWN) &&
		   !learn_mm(p)))
		return NULL;
	run_region_add(run, &p->mm, sizeof(p->mm));
	return &p->mm.mm;
}
