/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event.c - see event.h.
 *
 * Of raw tracepoints' arguments tasks cost most to fill, so none is that nobody looks at.
 */
#include "helper/event.h"
#include "helper/helper_int.h"

#include <fcntl.h>

static void run_all(struct skep_run *run, const struct hive_probes *list, uint64_t *raw,
		    void *record)
{
	for (uint32_t i = 0; list && i < list->n; i++) {
		const struct hive_probe *p = &list->probe[i];

		if (atomic_load_explicit(&p->pid, memory_order_relaxed) != HIVE_ALL)
			continue;
		run->cookie = p->cookie;
		run->func = 0;
		run->ctx = p->ctx == HIVE_RAW ? (void *)raw : record;
		prog_run(p->prog, run->ctx, run);
	}
}

/* Who runs there now; *ret_raw: somebody of them gets a raw tracepoint's arguments. */
static const struct hive_probes *list_of(const struct hive_site *at, bool *ret_raw)
{
	const struct hive_probes *list =
		atomic_load_explicit(&at->probes[HIVE_HERE], memory_order_acquire);

	*ret_raw = false;
	for (uint32_t i = 0; list && i < list->n; i++)
		*ret_raw |= list->probe[i].ctx == HIVE_RAW;
	return list;
}

/* oom_score_adj of this process; 0 where it does not say. */
static int16_t oom_score_adj(void)
{
	char text[8] = "";
	int16_t n = 0;
	long len, fd = sys_call6(SYS_openat, AT_FDCWD, (long)"/proc/self/oom_score_adj",
				 O_RDONLY | O_CLOEXEC, 0, 0, 0);

	if (fd < 0)
		return 0;
	len = sys_call6(SYS_read, fd, (long)text, sizeof(text), 0, 0, 0);
	sys_call6(SYS_close, fd, 0, 0, 0, 0, 0);
	for (long i = text[0] == '-'; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		n = (int16_t)(n * 10 + text[i] - '0');
	return len > 0 && text[0] == '-' ? (int16_t)-n : n;
}

static size_t length(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

/* --- events ----------------------------------------------------------------------------------- */

void event_fork(struct skep_run *run, const struct hive_site *at, const struct run_task *child)
{
	struct event_fork record = { .parent_pid = (int32_t)task_tid(run),
				     .child_pid = (int32_t)child->tid };
	uint64_t raw[2] = { 0 };
	bool is_raw;
	const struct hive_probes *list = list_of(at, &is_raw);

	task_comm(run, record.parent_comm);
	memcpy(record.child_comm, child->comm, sizeof(record.child_comm));
	if (is_raw) {
		raw[0] = (uintptr_t)task_current(run);
		raw[1] = (uintptr_t)task_other(run, child);
	}
	run_all(run, list, raw, &record);
}

void event_newtask(struct skep_run *run, const struct hive_site *at, const struct run_task *child,
		   uint64_t clone_flags)
{
	struct event_newtask record = { .pid = (int32_t)child->tid,
					.clone_flags = clone_flags,
					.oom_score_adj = oom_score_adj() };
	uint64_t raw[2] = { 0, clone_flags };
	bool is_raw;
	const struct hive_probes *list = list_of(at, &is_raw);

	memcpy(record.comm, child->comm, sizeof(record.comm));
	if (is_raw)
		raw[0] = (uintptr_t)task_other(run, child);
	run_all(run, list, raw, &record);
}

void event_exec(struct skep_run *run, const struct hive_site *at, uint32_t old_pid,
		const char *filename)
{
	/* Aligned as records are. */
	uint64_t room[(sizeof(struct event_exec) + EVENT_PATH_MAX) / 8 + 1];
	struct event_exec *record = (struct event_exec *)room;
	const size_t n = length(filename, EVENT_PATH_MAX - 1);
	struct event_binprm bprm = { record->data };
	uint64_t raw[3] = { 0, old_pid, (uintptr_t)&bprm };
	bool is_raw;
	const struct hive_probes *list = list_of(at, &is_raw);

	record->common = 0;
	record->filename = (uint32_t)((n + 1) << 16 | offsetof(struct event_exec, data));
	record->pid = (int32_t)task_tid(run);
	record->old_pid = (int32_t)old_pid;
	memcpy(record->data, filename, n);
	memset(record->data + n, 0, 8); /* up to the next word, as Linux's are */
	if (is_raw)
		raw[0] = (uintptr_t)task_current(run);
	run_all(run, list, raw, record);
}

void event_exit(struct skep_run *run, const struct hive_site *at, int32_t prio)
{
	struct event_exit record = { .pid = (int32_t)task_tid(run), .prio = prio };
	uint64_t raw[1] = { 0 };
	bool is_raw;
	const struct hive_probes *list = list_of(at, &is_raw);

	task_comm(run, record.comm);
	if (is_raw)
		raw[0] = (uintptr_t)task_current(run);
	run_all(run, list, raw, &record);
}

/* Whose run it was may have been another task. */
static void begin_as(struct skep_run *run, const struct run_task *as, int32_t exit_code)
{
	run_region_drop(run, run->task);
	run->as = as;
	run->exit_code = exit_code;
}

static struct run_task task_of(const struct hive_task *row, uint32_t tid)
{
	struct run_task ret = { .tid = tid,
				.tgid = row->tgid,
				.ppid = row->ppid,
				.uid = row->uid,
				.gid = row->gid,
				.identity = row->identity };

	memcpy(ret.comm, row->comm, sizeof(ret.comm));
	return ret;
}

void event_late_birth(struct skep_run *run, const struct hive_events *e, struct hive_task *row,
		      uint32_t tid)
{
	const uint32_t had = atomic_fetch_or(&row->state, HIVE_TASK_TOLD | HIVE_TASK_NEW);
	const struct run_task child = task_of(row, tid);
	struct run_task by = child;

	if (had & HIVE_TASK_TOLD || !row->by)
		return;
	by.tid = row->by;
	by.tgid = row->tgid == tid ? row->ppid : row->tgid;
	by.ppid = row->tgid == tid ? 0 : row->ppid;
	by.identity = 0;
	begin_as(run, &by, 0);
	if (!(had & HIVE_TASK_NEW))
		event_newtask(run, &e->site[HIVE_NEWTASK], &child, row->flags);
	event_fork(run, &e->site[HIVE_FORK], &child);
	begin_as(run, NULL, 0);
}

void event_killed(struct skep_run *run, const struct hive_events *e, struct hive_task *row,
		  uint32_t tid, int32_t exit_code, int32_t prio)
{
	const struct run_task as = task_of(row, tid);

	event_late_birth(run, e, row, tid);
	begin_as(run, &as, exit_code);
	event_exit(run, &e->site[HIVE_EXIT_TASK], prio);
	begin_as(run, NULL, 0);
}

void event_rename(struct skep_run *run, const struct hive_site *at, const char newcomm[16])
{
	struct event_rename record = { .pid = (int32_t)task_tid(run),
				       .oom_score_adj = oom_score_adj() };
	uint64_t raw[2] = { 0, (uintptr_t)record.newcomm };
	bool is_raw;
	const struct hive_probes *list = list_of(at, &is_raw);

	task_comm(run, record.oldcomm);
	memcpy(record.newcomm, newcomm, sizeof(record.newcomm));
	if (is_raw)
		raw[0] = (uintptr_t)task_current(run);
	run_all(run, list, raw, &record);
}

void event_signal(struct skep_run *run, const struct hive_site *at, struct event_signal *record,
		  uint32_t tgid)
{
	struct event_siginfo info = { record->sig, record->error, record->code };
	struct run_task target = { .tid = (uint32_t)record->pid, .tgid = tgid };
	uint64_t raw[5] = { (uint64_t)record->sig, (uintptr_t)&info, 0, (uint64_t)record->group,
			    (uint64_t)record->result };
	bool is_raw;
	const struct hive_probes *list = list_of(at, &is_raw);

	memcpy(target.comm, record->comm, sizeof(target.comm));
	if (is_raw)
		raw[2] = (uintptr_t)task_other(run, &target);
	run_all(run, list, raw, record);
}
