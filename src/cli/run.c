/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.c - `skep run -- CMD`: an unmodified program and all that it starts, in a hive of their own;
 * `skep exec -n HIVE -- CMD`: the same in a hive that is there.
 *
 * libskep-bpf.so is put in LD_PRELOAD, the hive's folder in SKEP_HIVE, and CMD takes this process's
 * place, so its exit status, signals and terminal are its own.  The hive's server is nobody's child
 * and ends by itself.  With --private there is no hive: each process of CMD has a kernel of its
 * own.
 */
#include <stdlib.h>
#include <unistd.h>

#include "bpf/glue.h"
#include "cli/commands.h"
#include "hive/place.h"
#include "server/server.h"

#define PRELOAD "libskep-bpf.so"

struct run_conf {
	bool trace;	  /* lines of bpf_trace_printk go to standard error */
	bool private;	  /* a kernel for each process */
	bool keep;	  /* the hive stays when all have left */
	const char *name; /* of the hive; NULL: a number */
};

struct exec_conf {
	const char *name; /* of the hive; NULL: the first word */
};

/* The library beside this executable (in a build tree), else where it is installed. */
int find_preload(char *buf, size_t n)
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

/* Puts libskep-bpf.so before what is preloaded already; CLI_*. */
static int preload(struct cli *c)
{
	const char *before = getenv("LD_PRELOAD");
	char path[4352], *value;
	int r = find_preload(path, sizeof(path));

	if (r)
		return cli_fail(c, "%s: %s (it is installed with skep)", path, strerror(-r));
	if (asprintf(&value, "%s%s%s", path, before && *before ? ":" : "", before ? before : "") <
	    0)
		return cli_oom(c);
	setenv("LD_PRELOAD", value, 1);
	free(value);
	return CLI_OK;
}

/* CMD takes this process's place. */
static int become(struct cli *c, char **argv)
{
	int r;

	fflush(stdout);
	execvp(argv[0], argv);
	r = errno;
	cli_fail(c, "cannot run %s: %s", argv[0], strerror(r));
	/* As a shell says it. */
	return r == ENOENT ? 127 : 126;
}

static int found(struct cli *c, const struct run_conf *rc)
{
	struct skep_kernel_opts kernel;
	const struct server_opts opts = {
		.name = rc->name,
		.keep = rc->keep,
		.talk = getenv("SKEP_TRACE"),
		.first = getpid(),
		.kernel = &kernel,
	};
	char dir[PATH_MAX];
	int r;

	bpf_kernel_opts(&kernel);
	r = server_start(&opts, dir);
	if (r == -EEXIST)
		return cli_fail(c, "hive %s runs already: skep exec %s -- ... joins it", rc->name,
				rc->name);
	if (r == -EINVAL && rc->name)
		return cli_usage(c,
				 "a hive's name has letters, digits, '-', '_' and '.', %d at most",
				 HIVE_NAME_MAX);
	if (r)
		return cli_fail(c, "cannot start a hive in %s: %s", dir, strerror(-r));
	setenv("SKEP_HIVE", dir, 1);
	return CLI_OK;
}

static int run(struct cli *c, const void *conf, struct words *w)
{
	const struct run_conf *rc = conf;
	int r;

	if (!w->n)
		return cli_usage(c, "which command? skep run [OPTIONS] -- CMD [ARGS]");
	if (rc->private && (rc->name || rc->keep))
		return cli_usage(c, "--private is without a hive, so without --name and --keep");
	unsetenv("SKEP_HIVE");
	if (c->interp)
		setenv("SKEP_ENGINE", "interp", 1);
	if (rc->trace)
		setenv("SKEP_TRACE", "1", 1);
	r = preload(c);
	if (!r && !rc->private)
		r = found(c, rc);
	return r ? r : become(c, w->at);
}

/* The environment of a process in that hive; CLI_*. */
static int join(struct cli *c, const char *name)
{
	char dir[PATH_MAX];
	int r = hive_find(name, dir), fd = r ? r : hive_connect(dir);

	if (fd < 0)
		return cli_fail(c, "no hive %s runs (skep hive list)", name);
	close(fd);
	setenv("SKEP_HIVE", dir, 1);
	return preload(c);
}

static int exec(struct cli *c, const void *conf, struct words *w)
{
	const struct exec_conf *ec = conf;
	const char *name = ec->name;
	int r;

	if (!name)
		name = words_take(c, w, "the name of a hive (skep hive list)");

	if (!name)
		return CLI_USAGE;
	if (w->n && !strcmp(w->at[0], "--")) {
		w->at++;
		w->n--;
	}
	if (!w->n)
		return cli_usage(c, "which command? skep exec -n HIVE -- CMD [ARGS]");
	r = join(c, name);
	return r ? r : become(c, w->at);
}

int hive_enter(struct cli *c, const char *name)
{
	const char *shell = getenv("SHELL");
	char *argv[] = { (char *)(shell && *shell ? shell : "/bin/sh"), NULL };
	int r = join(c, name);

	return r ? r : become(c, argv);
}

static const struct opt run_opts[] = {
	OPT(struct run_conf, trace, opt_flag, "trace", 't',
	    .help = "write lines of bpf_trace_printk to standard error"),
	OPT(struct run_conf, name, opt_string, "name", 'n', .value = "NAME",
	    .help = "what the hive is called (a number)"),
	OPT(struct run_conf, keep, opt_flag, "keep", 'k',
	    .help = "the hive stays until `skep hive stop`"),
	OPT(struct run_conf, private, opt_flag, "private", 0,
	    .help = "no hive: each process has a kernel of its own"),
	{ 0 },
};

const struct cmd run_cmd = {
	.name = "run",
	.args = "[OPTIONS] -- CMD [ARGS]",
	.help = "run a program, and all that it starts, with this kernel behind bpf(2)",
	.notes = "Programs are dynamically linked: bpftool, a tool that uses libbpf.so, a shell, "
		 "...\n"
		 "They see the same objects. The hive lives while one of them does, or a pin.\n"
		 "The exit status is CMD's own; 127: not found, 126: cannot be run.",
	.opts = run_opts,
	.conf_size = sizeof(struct run_conf),
	.raw = true,
	.run = run,
};

static const struct opt exec_opts[] = {
	OPT(struct exec_conf, name, opt_string, "name", 'n', .value = "HIVE",
	    .help = "which hive (the first word)"),
	{ 0 },
};

const struct cmd exec_cmd = {
	.name = "exec",
	.args = "[-n] HIVE -- CMD [ARGS]",
	.help = "run a program in a hive that is there",
	.notes = "The exit status is CMD's own; 127: not found, 126: cannot be run.",
	.opts = exec_opts,
	.conf_size = sizeof(struct exec_conf),
	.raw = true,
	.run = exec,
};
