/* SPDX-License-Identifier: BSD-2-Clause */
/* test.c - see test.h.  Exit status of a test's process: 0 passed, 77 skipped, else failed. */
#include "tests/harness/test.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_SKIPPED 77
#define LIST_MAX     8192

struct arg_case {
	struct test_case t;
	void (*fn)(void *arg);
	void *arg;
};

static struct test_case *cases[LIST_MAX];
static int nr_cases;
static struct arg_case *arg_running;
static int reason_fd = -1;

void test_register(struct test_case *t)
{
	if (nr_cases == LIST_MAX)
		abort();
	cases[nr_cases++] = t;
}

static void run_arg_case(void)
{
	arg_running->fn(arg_running->arg);
}

void test_register_arg(const char *name, void (*fn)(void *arg), void *arg, unsigned seconds)
{
	struct arg_case *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->t = (struct test_case){ strdup(name), run_arg_case, seconds, NULL };
	c->fn = fn;
	c->arg = arg;
	test_register(&c->t);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "# %s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	fflush(stderr);
	_exit(1);
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(reason_fd < 0 ? STDOUT_FILENO : reason_fd, fmt, ap);
	va_end(ap);
	fflush(NULL);
	_exit(EXIT_SKIPPED);
}

static const char *root_path(const char *env, const char *built_in, const char *relative)
{
	static char buf[4][4096];
	static unsigned turn;
	char *p = buf[turn++ % 4];
	const char *root = getenv(env);

	snprintf(p, sizeof(buf[0]), "%s/%s", root ? root : built_in, relative);
	return p;
}

const char *test_source_path(const char *relative)
{
	return root_path("SKEP_SOURCE_ROOT", SKEP_SOURCE_ROOT, relative);
}

const char *test_build_path(const char *relative)
{
	return root_path("SKEP_BUILD_ROOT", SKEP_BUILD_ROOT, relative);
}

static void run_case(struct test_case *t)
{
	/* Function pointer members are set for cases with an argument only. */
	if (t->fn == run_arg_case)
		arg_running = (struct arg_case *)t;
	t->fn();
}

/* Runs t in a child; its wait status, and the reason of a skip in `reason`. */
static int run_forked(struct test_case *t, char *reason, size_t size)
{
	struct rlimit no_core = { 0, 0 };
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(fds))
		abort();
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		reason_fd = fds[1];
		setrlimit(RLIMIT_CORE, &no_core);
		alarm(t->seconds);
		run_case(t);
		/* exit, not _exit: the leak checker reports at exit */
		exit(0);
	}
	close(fds[1]);
	n = read(fds[0], reason, size - 1);
	reason[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static bool wanted(const char *name, int argc, char **argv)
{
	bool any = false;

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-')
			continue;
		any = true;
		if (!strcmp(argv[i], name))
			return true;
	}
	return !any;
}

static bool report(int nr, const struct test_case *t, int status, const char *reason)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		printf("ok %d %s\n", nr, t->name);
		return true;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED) {
		printf("ok %d %s # SKIP %s\n", nr, t->name, reason);
		return true;
	}
	printf("not ok %d %s\n", nr, t->name);
	if (WIFSIGNALED(status))
		printf("# %s: killed by signal %d%s\n", t->name, WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? " (time limit)" : "");
	return false;
}

int main(int argc, char **argv)
{
	bool no_fork = false, ok = true;
	int total = 0, nr = 0;
	char reason[512];

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		no_fork |= !strcmp(argv[i], "--no-fork");
		if (!strcmp(argv[i], "--list")) {
			for (int c = 0; c < nr_cases; c++)
				puts(cases[c]->name);
			return 0;
		}
	}
	for (int c = 0; c < nr_cases; c++)
		total += wanted(cases[c]->name, argc, argv);
	printf("1..%d\n", total);
	for (int c = 0; c < nr_cases; c++) {
		if (!wanted(cases[c]->name, argc, argv))
			continue;
		nr++;
		if (no_fork)
			run_case(cases[c]);
		else
			ok &= report(nr, cases[c], run_forked(cases[c], reason, sizeof(reason)),
				     reason);
	}
	return ok ? 0 : 1;
}
