/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracing.c - prints what tracing.bpf.c tells of a process, and what that knows of itself.
 *
 *	tracing OBJECT [CMD ARGS]	attaches all of it, and prints both, in order: lines "own
 *..." of the process, "seen ..." of the programs; then runs CMD
 */
#include "tracing.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void print(const char *who, const struct told *t)
{
	static const char *const names[_WHATS] = { "enter", "exit", "fentry", "fexit",	"fmod_ret",
						   "fork",  "exec", "end",    "rename", "signal" };

	printf("%s %s %d %ld %ld %ld %s\n", who, names[t->what], t->pid, t->a, t->b, t->c, t->text);
}

static void say(enum what what, int pid, long a, long b, long c, const char *text)
{
	struct told t = { what, pid, a, b, c, "" };

	snprintf(t.text, sizeof(t.text), "%s", text);
	print("own", &t);
}

/* --- what is seen ----------------------------------------------------------------------------- */

static void call(int who)
{
	const int pid = getpid(), nr = SYS_getpriority;
	const long ret = syscall(nr, WHICH, who) < 0 ? -errno : ANSWER;

	say(TP_ENTER, pid, nr, who, nr, "");
	say(FENTRY, pid, who, 1, COOKIE, "");
	if (who == REPLACED)
		say(FMOD_RET, pid, who, 0, 0, "");
	say(FEXIT, pid, who, ret, 1, "");
	say(TP_EXIT, pid, ret, who, nr, "");
}

static void make_child(void)
{
	static char path[] = "/bin/sh";
	int status = 0, pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		execl(path, path, "-c", "exit 3", NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	say(TP_FORK, getpid(), pid, pid, 0, "");
	say(TP_EXEC, pid, pid, 0, 0, path);
	say(TP_TASK_EXIT, pid, status, 0, 0, "");
}

static int be(void)
{
	char go;

	/* Until the programs know whom to look at. */
	if (read(STDIN_FILENO, &go, 1) != 1)
		return 1;
	call(1);
	call(REPLACED);
	call(2);
	make_child();
	prctl(PR_SET_NAME, "renamed");
	say(TP_RENAME, getpid(), 0, 0, 0, "renamed");
	kill(getpid(), SIGWINCH);
	say(TP_SIGNAL, getpid(), SIGWINCH, SI_USER, 1, "");
	fflush(stdout);
	return 0;
}

/* --- the tool --------------------------------------------------------------------------------- */

static int on_event(void *arg, void *data, size_t size)
{
	print("seen", data);
	return 0;
}

/* Does the link say where it is? */
static bool is_there(const struct bpf_link *l)
{
	const int id = libbpf_find_vmlinux_btf_id("__x64_sys_getpriority", BPF_TRACE_FENTRY);
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);

	return l && !bpf_obj_get_info_by_fd(bpf_link__fd(l), &info, &len) &&
	       info.type == BPF_LINK_TYPE_TRACING && info.tracing.attach_type == BPF_TRACE_FENTRY &&
	       info.tracing.target_obj_id == 1 && (int)info.tracing.target_btf_id == id;
}

/* The one with a cookie by its own call. */
static bool attach(struct bpf_program *p)
{
	LIBBPF_OPTS(bpf_trace_opts, opts, .cookie = COOKIE);

	if (!strcmp(bpf_program__name(p), "before"))
		return is_there(bpf_program__attach_trace_opts(p, &opts));
	return bpf_program__attach(p) != NULL;
}

/* As often as it likes is at a raw tracepoint; once, and again, at a function. */
static bool attaches_once(struct bpf_program *p)
{
	const bool raw = bpf_program__expected_attach_type(p) == BPF_TRACE_RAW_TP;
	struct bpf_link *l = bpf_program__attach(p), *again = bpf_program__attach(p);
	const int err = errno;

	if (!l || raw != !!again || (!raw && err != EBUSY))
		return false;
	bpf_link__destroy(again);
	bpf_link__destroy(l);
	l = bpf_program__attach(p);
	return l && !bpf_link__destroy(l);
}

static pid_t start(int *ret_go)
{
	int go[2];
	pid_t pid;

	if (pipe(go))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(go[0], STDIN_FILENO);
		close(go[0]);
		close(go[1]);
		_exit(be());
	}
	close(go[0]);
	*ret_go = go[1];
	return pid;
}

int main(int argc, char **argv)
{
	struct bpf_program *p;
	struct bpf_object *obj;
	struct ring_buffer *rb;
	int status = 1, go = -1, target, zero = 0;

	if (argc < 2)
		return 2;
	target = start(&go);
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || target < 0 || bpf_object__load(obj))
		return 1;
	if (bpf_map_update_elem(bpf_map__fd(bpf_object__find_map_by_name(obj, ".bss")), &zero,
				&target, 0))
		return 1;
	bpf_object__for_each_program(p, obj)
	{
		if (!attaches_once(p) || !attach(p))
			return 1;
	}
	rb = ring_buffer__new(bpf_map__fd(bpf_object__find_map_by_name(obj, "events")), on_event,
			      NULL, NULL);
	if (!rb || write(go, "!", 1) != 1 || waitpid(target, &status, 0) != target)
		return 1;
	ring_buffer__consume(rb);
	fflush(stdout);
	if (argc > 2 && !fork()) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	while (wait(NULL) > 0)
		;
	return status != 0;
}
