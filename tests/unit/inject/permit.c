/* SPDX-License-Identifier: BSD-2-Clause */
/* What may be taken in, and what is said of what may not: the rules, on machines that are not here.
 */
#include "inject/permit.h"
#include "tests/harness/test.h"

#include <string.h>
#include <unistd.h>

/* A process of the same user's, and what is different about it. */
#define PROCESS .pid = 100, .leader = 100, .parent = 1, .uid = { 7, 7, 7 }
static const struct permit_facts us = { .pid = 50, .leader = 50, .uid = { 7, 7, 7 } };

static const struct {
	struct permit_facts them;
	unsigned flags;
	int err;
	const char *msg, *hint;
} before[] = {
	{ { PROCESS }, 0, 0, "", "" },
	{ { .pid = 100, .leader = 99, .uid = { 7, 7, 7 } },
	  0,
	  -EINVAL,
	  "thread of process 99",
	  "-p 99" },
	{ { .pid = 50, .leader = 50, .uid = { 7, 7, 7 } },
	  0,
	  -EINVAL,
	  "process 50 is the one",
	  "" },
	{ { PROCESS, .dead = true }, 0, -ESRCH, "has ended", "" },
	{ { PROCESS, .kernel = true }, 0, -EOPNOTSUPP, "thread of the kernel", "" },
	{ { .pid = 100, .leader = 100, .uid = { 4000000, 4000000, 4000000 } },
	  0,
	  -EPERM,
	  "#4000000's",
	  "sudo -u" },
	{ { .pid = 100, .leader = 100, .uid = { 7, 0, 0 } }, 0, -EPERM, "set-user-ID", "cannot" },
	{ { PROCESS, .tracer = 4194303 }, 0, -EBUSY, "by process 4194303", "one tracer" },
	{ { PROCESS, .narrow = true }, 0, -EOPNOTSUPP, "32-bit", "64-bit" },
	{ { PROCESS, .seccomp = 1 }, PERMIT_FILTERED, -EACCES, "strict", "end it" },
	{ { PROCESS, .seccomp = 2, .filters = 1 },
	  0,
	  -EACCES,
	  "filters of its own (1)",
	  "--force" },
	{ { PROCESS, .seccomp = 2, .filters = 1 }, PERMIT_FILTERED, 0, "", "" },
};

TEST(permit_before)
{
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		struct skep_diag d = { 0 };

		ASSERT_EQ(permit_judge(&before[i].them, &us, before[i].flags, &d), before[i].err);
		ASSERT(strstr(d.msg, before[i].msg));
		ASSERT(strstr(d.hint, before[i].hint));
	}
}

/* A container's filter is everybody's in it. */
TEST(permit_inherited_filters)
{
	const struct permit_facts in = {
		.pid = 50, .leader = 50, .uid = { 7, 7, 7 }, .seccomp = 2, .filters = 1
	};
	struct permit_facts them = { PROCESS, .seccomp = 2, .filters = 1 };

	ASSERT_EQ(permit_judge(&them, &in, 0, NULL), 0);
	them.filters = 2;
	ASSERT_EQ(permit_judge(&them, &in, 0, NULL), -EACCES);
}

TEST(permit_namespaces)
{
	const struct permit_facts here = {
		.pid = 50, .leader = 50, .uid = { 7, 7, 7 }, .pid_ns = 1, .user_ns = 2
	};
	const struct permit_facts away = { PROCESS, .pid_ns = 3, .user_ns = 2 };
	const struct permit_facts hidden = { PROCESS };
	struct skep_diag d = { 0 };

	ASSERT_EQ(permit_judge(&hidden, &here, 0, NULL), 0);
	ASSERT_EQ(permit_judge(&away, &here, 0, &d), -EPERM);
	ASSERT(strstr(d.msg, "another PID namespace"));
	ASSERT(strstr(d.hint, "nsenter -t 100"));
}

static const struct {
	struct permit_facts them;
	int yama;
	bool traces_children;
	const char *msg, *hint;
} after[] = {
	{ { PROCESS }, YAMA_NONE, false, "even of own children", "SYS_PTRACE" },
	{ { PROCESS }, YAMA_PARENTS, true, "ptrace_scope is 1: only a parent", "skep run -- CMD" },
	{ { PROCESS }, YAMA_CAPABLE, true, "ptrace_scope is 2", "sysctl" },
	{ { PROCESS }, YAMA_NOBODY, true, "ptrace_scope is 3: nobody", "boot" },
	{ { PROCESS, .caps = 0x10 },
	  YAMA_ALL,
	  true,
	  "capabilities that skep has not (10)",
	  "sudo" },
	{ { PROCESS, .hidden = true }, YAMA_NONE, true, "not dumpable", "PR_SET_DUMPABLE" },
	{ { PROCESS }, YAMA_NONE, true, "may not be traced", "security module" },
};

TEST(permit_after)
{
	for (size_t i = 0; i < ARRAY_SIZE(after); i++) {
		struct skep_diag d = { 0 };

		ASSERT_EQ(permit_refusal(&after[i].them, &us, after[i].yama,
					 after[i].traces_children, -EPERM, &d),
			  -EPERM);
		ASSERT(strstr(d.msg, after[i].msg));
		ASSERT(strstr(d.hint, after[i].hint));
	}
}

TEST(permit_facts_of_this_process)
{
	struct permit_facts f;

	ASSERT_EQ(permit_facts(getpid(), &f), 0);
	ASSERT_EQ(f.leader, getpid());
	ASSERT_EQ(f.parent, getppid());
	ASSERT_EQ(f.uid[1], geteuid());
	ASSERT(!f.dead && !f.kernel && !f.narrow);
	ASSERT_EQ(permit_facts(-1, &f), -ESRCH);
	ASSERT_EQ(permit_look(getpid(), 0, NULL), -EINVAL);
}
