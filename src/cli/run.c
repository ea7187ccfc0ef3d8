/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.c - `skep run -- CMD`: an unmodified program, with our kernel behind its bpf(2).
 *
 * libskep-bpf.so is put in LD_PRELOAD and CMD takes this process's place, so its exit status and
 * signals are its own.  Each process of CMD has a kernel of its own.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"

#define PRELOAD "libskep-bpf.so"

struct run_conf {
	bool trace; /* lines of bpf_trace_printk go to standard error */
};

/* The library beside this executable (in a build tree), else where it is installed. */
static int find_preload(char *buf, size_t n)
{
	static const char *const beside[] = { "../bpf", ("../" SKEP_LIBDIR), "../lib" };
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (len > 0) {
		self[len] = '\0';
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
			snprintf(buf, n, "%s/%s/" PRELOAD, self, beside[i]);
			if (!access(buf, R_OK))
				return 0;
		}
	}
	snprintf(buf, n, SKEP_PREFIX "/" SKEP_LIBDIR "/" PRELOAD);
	return access(buf, R_OK) ? -errno : 0;
}

static int run(struct cli *c, const void *conf, struct words *w)
{
	const struct run_conf *rc = conf;
	const char *before = getenv("LD_PRELOAD");
	char path[4352], *value;
	int r;

	if (!w->n)
		return cli_usage(c, "which command? skep run [OPTIONS] -- CMD [ARGS]");
	r = find_preload(path, sizeof(path));
	if (r)
		return cli_fail(c, "%s: %s (it is installed with skep)", path, strerror(-r));
	if (asprintf(&value, "%s%s%s", path, before && *before ? ":" : "", before ? before : "") <
	    0)
		return cli_oom(c);
	setenv("LD_PRELOAD", value, 1);
	free(value);
	if (c->interp)
		setenv("SKEP_ENGINE", "interp", 1);
	if (rc->trace)
		setenv("SKEP_TRACE", "1", 1);
	fflush(stdout);
	execvp(w->at[0], w->at);
	r = errno;
	cli_fail(c, "cannot run %s: %s", w->at[0], strerror(r));
	/* As a shell says it. */
	return r == ENOENT ? 127 : 126;
}

static const struct opt run_opts[] = {
	OPT(struct run_conf, trace, opt_flag, "trace", 't',
	    .help = "write lines of bpf_trace_printk to standard error"),
	{ 0 },
};

const struct cmd run_cmd = {
	.name = "run",
	.args = "[OPTIONS] -- CMD [ARGS]",
	.help = "run a program with this kernel behind its bpf(2)",
	.notes = "CMD is dynamically linked: bpftool, a tool that uses libbpf.so, ...\n"
		 "The exit status is CMD's own; 127: not found, 126: cannot be run.",
	.opts = run_opts,
	.conf_size = sizeof(struct run_conf),
	.raw = true,
	.run = run,
};
