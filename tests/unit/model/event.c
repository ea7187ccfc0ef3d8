/* SPDX-License-Identifier: BSD-2-Clause */
/* Tracepoints: names, ids, records, and what their format says. */
#include "model/event.h"
#include "tests/harness/test.h"

static struct model_event by_name(const char *name)
{
	struct model_event e = { 0 };

	ASSERT_MSG(model_event_by_name(name, strlen(name), &e), "%s", name);
	return e;
}

TEST(event_names_and_ids)
{
	static const struct {
		const char *name;
		int32_t nr;
		bool exit;
		uint32_t size;
	} rows[] = {
		{ "raw_syscalls/sys_enter", -1, false, 64 },
		{ "raw_syscalls/sys_exit", -1, true, 24 },
		{ "syscalls/sys_enter_openat", 257, false, 48 },
		{ "syscalls/sys_exit_openat", 257, true, 24 },
		{ "syscalls/sys_enter_newfstat", 5, false, 32 },
		{ "syscalls/sys_enter_sync", 162, false, 16 },
		/* Sizes of Linux's records, up to the last field. */
		{ "sched/sched_process_fork", MODEL_PROCESS, false, 48 },
		{ "sched/sched_process_exec", MODEL_PROCESS, false, 20 },
		{ "sched/sched_process_exit", MODEL_PROCESS, false, 32 },
		{ "task/task_newtask", MODEL_PROCESS, false, 42 },
		{ "task/task_rename", MODEL_PROCESS, false, 46 },
		{ "signal/signal_generate", MODEL_PROCESS, false, 48 },
	};
	static const char *const none[] = { "syscalls/sys_enter_",
					    "syscalls/sys_enter_open_",
					    "raw_syscalls/sys_enter_",
					    "sched/none",
					    "sched/sched_process_for",
					    "task/sched_process_fork",
					    "",
					    "syscalls" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct model_event e = by_name(rows[i].name);
		struct model_event same;

		ASSERT_EQ(e.nr, rows[i].nr);
		ASSERT_EQ(e.exit, rows[i].exit);
		ASSERT_EQ(model_event_size(&e), rows[i].size);
		ASSERT(model_event_by_id(e.id, &same));
		ASSERT_EQ(same.nr, e.nr);
		ASSERT_EQ(same.exit, e.exit);
		ASSERT_EQ(same.process, e.process);
		ASSERT(!model_event_refusal(e.id));
	}
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct model_event e;

		ASSERT_MSG(!model_event_by_name(none[i], strlen(none[i]), &e), "%s", none[i]);
	}
}

TEST(events_that_only_a_kernel_has)
{
	const struct model_event e = by_name("sched/sched_switch");
	struct model_event none;

	ASSERT(model_event_refusal(e.id));
	ASSERT(!model_event_by_id(e.id, &none));
	ASSERT(model_raw_refusal("sched_switch"));
	ASSERT(!model_raw_refusal("sys_enter"));
	ASSERT(!model_event_by_id(0, &none));
	ASSERT(!model_event_by_id(UINT32_MAX, &none));
}

/* As Linux writes it, but for the id. */
TEST(event_format)
{
	static const char want[] =
		"format:\n"
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
		"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
		"\n"
		"\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;\n"
		"\tfield:int dfd;\toffset:16;\tsize:8;\tsigned:0;\n"
		"\tfield:const char * filename;\toffset:24;\tsize:8;\tsigned:0;\n"
		"\tfield:int flags;\toffset:32;\tsize:8;\tsigned:0;\n"
		"\tfield:umode_t mode;\toffset:40;\tsize:8;\tsigned:0;\n"
		"\n"
		"print fmt: \"dfd: 0x%08lx, filename: 0x%08lx, flags: 0x%08lx, mode: 0x%08lx\", "
		"((unsigned long)(REC->dfd)), ((unsigned long)(REC->filename)), "
		"((unsigned long)(REC->flags)), ((unsigned long)(REC->mode))\n";
	const struct model_event e = by_name("syscalls/sys_enter_openat");
	char text[4096];
	struct strbuf to = { text, sizeof(text), 0 };

	model_event_format(&e, &to);
	ASSERT(!strncmp(text, "name: sys_enter_openat\nID: ", 27));
	ASSERT_STREQ(strstr(text, "format:"), want);
	/* Each of them fits the reader's buffer. */
	for (uint32_t id = 0; id < 4096; id++) {
		struct model_event one;

		to.len = 0;
		if (!model_event_by_id(id, &one))
			continue;
		model_event_format(&one, &to);
		ASSERT_MSG(!strbuf_truncated(&to), "%u", id);
	}
}

/* What /sys/kernel/tracing/events/GROUP/NAME/format of Linux 6.12 has behind the common fields. */
TEST(event_formats_of_processes)
{
	static const struct {
		const char *name, *fields;
	} rows[] = {
		{ "sched/sched_process_fork",
		  "\tfield:char parent_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
		  "\tfield:pid_t parent_pid;\toffset:24;\tsize:4;\tsigned:1;\n"
		  "\tfield:char child_comm[16];\toffset:28;\tsize:16;\tsigned:0;\n"
		  "\tfield:pid_t child_pid;\toffset:44;\tsize:4;\tsigned:1;\n"
		  "\nprint fmt: \"comm=%s pid=%d child_comm=%s child_pid=%d\", REC->parent_comm, "
		  "REC->parent_pid, REC->child_comm, REC->child_pid\n" },
		{ "sched/sched_process_exec",
		  "\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;\n"
		  "\tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;\n"
		  "\tfield:pid_t old_pid;\toffset:16;\tsize:4;\tsigned:1;\n"
		  "\nprint fmt: \"filename=%s pid=%d old_pid=%d\", __get_str(filename), REC->pid, "
		  "REC->old_pid\n" },
		{ "sched/sched_process_exit",
		  "\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
		  "\tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;\n"
		  "\tfield:int prio;\toffset:28;\tsize:4;\tsigned:1;\n"
		  "\nprint fmt: \"comm=%s pid=%d prio=%d\", REC->comm, REC->pid, REC->prio\n" },
		{ "task/task_newtask",
		  "\tfield:pid_t pid;\toffset:8;\tsize:4;\tsigned:1;\n"
		  "\tfield:char comm[16];\toffset:12;\tsize:16;\tsigned:0;\n"
		  "\tfield:unsigned long clone_flags;\toffset:32;\tsize:8;\tsigned:0;\n"
		  "\tfield:short oom_score_adj;\toffset:40;\tsize:2;\tsigned:1;\n" },
		{ "task/task_rename",
		  "\tfield:pid_t pid;\toffset:8;\tsize:4;\tsigned:1;\n"
		  "\tfield:char oldcomm[16];\toffset:12;\tsize:16;\tsigned:0;\n"
		  "\tfield:char newcomm[16];\toffset:28;\tsize:16;\tsigned:0;\n"
		  "\tfield:short oom_score_adj;\toffset:44;\tsize:2;\tsigned:1;\n" },
		{ "signal/signal_generate",
		  "\tfield:int sig;\toffset:8;\tsize:4;\tsigned:1;\n"
		  "\tfield:int errno;\toffset:12;\tsize:4;\tsigned:1;\n"
		  "\tfield:int code;\toffset:16;\tsize:4;\tsigned:1;\n"
		  "\tfield:char comm[16];\toffset:20;\tsize:16;\tsigned:0;\n"
		  "\tfield:pid_t pid;\toffset:36;\tsize:4;\tsigned:1;\n"
		  "\tfield:int group;\toffset:40;\tsize:4;\tsigned:1;\n"
		  "\tfield:int result;\toffset:44;\tsize:4;\tsigned:1;\n" },
	};
	char text[4096];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct model_event e = by_name(rows[i].name);
		struct strbuf to = { text, sizeof(text), 0 };
		const char *common;

		model_event_format(&e, &to);
		ASSERT_STRHAS(text, strchr(rows[i].name, '/') + 1);
		common = strstr(text, "common_pid");
		ASSERT(common && strstr(common, "\n\n"));
		ASSERT_MSG(!strncmp(strstr(common, "\n\n") + 2, rows[i].fields,
				    strlen(rows[i].fields)),
			   "%s", text);
	}
}

TEST(events_as_raw_tracepoints)
{
	static const struct {
		const char *name;
		uint8_t args; /* of Linux's TP_PROTO */
	} rows[] = {
		{ "sys_enter", 2 },	     { "sys_exit", 2 },
		{ "sched_process_fork", 2 }, { "sched_process_exec", 3 },
		{ "sched_process_exit", 1 }, { "task_newtask", 2 },
		{ "task_rename", 2 },	     { "signal_generate", 5 },
	};
	struct model_event e;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_MSG(model_event_raw(rows[i].name, &e), "%s", rows[i].name);
		ASSERT_EQ(e.n, rows[i].args);
	}
	ASSERT(!model_event_raw("sched_switch", &e));
	ASSERT(!model_event_raw("", &e));
	ASSERT(model_raw_refusal("signal_deliver"));
}

TEST(event_functions)
{
	ASSERT_EQ(model_syscall_of("__x64_sys_openat"), 257);
	ASSERT_EQ(model_syscall_of("__x64_sys_nothing"), -1);
	ASSERT_EQ(model_syscall_of("do_sys_openat2"), -1);
	ASSERT_STREQ(model_syscall_name(1), "write");
	ASSERT(!model_syscall_name(-1));
	ASSERT(!model_syscall_name(MODEL_SYSCALLS));
}
