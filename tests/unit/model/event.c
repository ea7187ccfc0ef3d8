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
	};
	static const char *const none[] = { "syscalls/sys_enter_",
					    "syscalls/sys_enter_open_",
					    "raw_syscalls/sys_enter_",
					    "sched/none",
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

TEST(event_functions)
{
	ASSERT_EQ(model_syscall_of("__x64_sys_openat"), 257);
	ASSERT_EQ(model_syscall_of("__x64_sys_nothing"), -1);
	ASSERT_EQ(model_syscall_of("do_sys_openat2"), -1);
	ASSERT_STREQ(model_syscall_name(1), "write");
	ASSERT(!model_syscall_name(-1));
	ASSERT(!model_syscall_name(MODEL_SYSCALLS));
}
