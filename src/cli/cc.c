/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cc.c - `skep cc`: C to BPF with the user's clang and the flags that it needs.
 *
 *	clang -target bpf -O2 -g -mcpu=v3 -D__TARGET_ARCH_x86
 *	      -idirafter /usr/include/<multiarch>	asm/ of the system headers
 *	      -idirafter DIR				DIR/vmlinux.h: the types of our kernel
 *
 * vmlinux.h is written to a folder of its own for the time of the call.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "cli/btf.h"
#include "cli/commands.h"

#if defined(__x86_64__)
#define TARGET_ARCH "x86"
#elif defined(__aarch64__)
#define TARGET_ARCH "arm64"
#endif

struct cc_conf {
	const char *out;   /* NULL: the input's name with .o */
	const char *clang; /* NULL: found in PATH */
	const char *cpu;   /* NULL: v3 */
	bool print;	   /* show the command, too */
};

/* Names that clang goes by, the plain one first. */
static const char *const clangs[] = {
	"clang",    "clang-19", "clang-18", "clang-17", "clang-16",
	"clang-15", "clang-14", "clang-13", "clang-12", "clang-11",
};

static bool in_path(const char *name)
{
	const char *path = getenv("PATH");
	char file[4096];

	while (path && *path) {
		size_t n = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, name);
		if (!access(file, X_OK))
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static const char *find_clang(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(clangs); i++)
		if (in_path(clangs[i]))
			return clangs[i];
	return NULL;
}

/* Runs argv and waits; its exit status, or -errno where it could not be run. */
static int spawn(char **argv)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* vmlinux.h in a new folder: their names are put into dir and file (n bytes). */
static int write_vmlinux(struct cli *c, char *dir, char *file, size_t n)
{
	struct btf *btf = btf_of_kernel();
	FILE *f;
	int r;

	if (!btf)
		return cli_fail(c, "cannot read the kernel's types: %s", strerror(errno));
	if (!mkdtemp(dir)) {
		btf__free(btf);
		return cli_fail(c, "%s: %s", dir, strerror(errno));
	}
	snprintf(file, n, "%s/vmlinux.h", dir);
	f = fopen(file, "wbe");
	r = f ? btf_write_c(f, btf) : -errno;
	if (f && fclose(f))
		r = -EIO;
	btf__free(btf);
	return r ? cli_fail(c, "%s: %s", file, strerror(-r)) : CLI_OK;
}

struct argv {
	VEC(char *);
};

static void add(struct argv *a, const char *word)
{
	char **slot = vec_push(a);

	if (slot)
		*slot = (char *)word;
}

static int compile(struct cli *c, const struct cc_conf *conf, const char *in, const char *out,
		   const char *dir, const struct words *extra)
{
	const char *clang = conf->clang ? conf->clang : find_clang();
	char cpu[32];
	struct argv a = { 0 };
	int r;

	if (!clang)
		return cli_fail(c, "clang is not installed (Debian: apt-get install clang)");
	snprintf(cpu, sizeof(cpu), "-mcpu=%s", conf->cpu ? conf->cpu : "v3");
	add(&a, clang);
	add(&a, "-target");
	add(&a, "bpf");
	add(&a, "-O2");
	add(&a, "-g");
	add(&a, cpu);
	add(&a, "-D__TARGET_ARCH_" TARGET_ARCH);
	add(&a, "-Wall");
	add(&a, "-idirafter");
	add(&a, "/usr/include/" SKEP_MULTIARCH);
	add(&a, "-idirafter");
	add(&a, dir);
	for (int i = 0; i < extra->n; i++)
		add(&a, extra->at[i]);
	add(&a, "-c");
	add(&a, in);
	add(&a, "-o");
	add(&a, out);
	for (size_t i = 0; conf->print && i < a.n; i++)
		fprintf(stderr, "%s%s", a.at[i], i + 1 < a.n ? " " : "\n");
	if (!vec_push(&a)) {
		vec_free(&a);
		return cli_oom(c);
	}
	r = spawn(a.at);
	vec_free(&a);
	if (r < 0)
		return cli_fail(c, "%s: %s", clang, strerror(-r));
	if (r == 127)
		return cli_fail(c, "%s cannot be run (is it installed?)", clang);
	return r ? cli_fail(c, "%s: %s says no (exit status %d)", in, clang, r) : CLI_OK;
}

/* "flow.bpf.c" -> "flow.bpf.o" */
static char *object_name(const char *in)
{
	size_t n = strlen(in);
	char *out = skep_alloc(n + 3);

	if (n > 2 && !strcmp(in + n - 2, ".c"))
		n -= 2;
	if (out)
		sprintf(out, "%.*s.o", (int)n, in);
	return out;
}

static int cc(struct cli *c, const void *conf, struct words *w)
{
	_cleanup_(skep_free_p) char *out_name = NULL;
	const struct cc_conf *cc = conf;
	const char *in = words_take(c, w, "the C file");
	char dir[] = "/tmp/skep-cc-XXXXXX", file[64] = "";
	int r;

	if (!in)
		return CLI_USAGE;
	out_name = object_name(in);
	if (!out_name)
		return cli_oom(c);
	if (access(in, R_OK))
		return cli_fail(c, "%s: %s", in, strerror(errno));
	r = write_vmlinux(c, dir, file, sizeof(file));
	if (!r)
		r = compile(c, cc, in, cc->out ? cc->out : out_name, dir, w);
	if (*file) {
		unlink(file);
		rmdir(dir);
	}
	return r;
}

static const struct opt cc_opts[] = {
	OPT(struct cc_conf, out, opt_string, "output", 'o', .value = "FILE",
	    .help = "the object to write (FILE.c becomes FILE.o)"),
	OPT(struct cc_conf, clang, opt_string, "clang", 0, .value = "PROGRAM",
	    .help = "the clang to call"),
	OPT(struct cc_conf, cpu, opt_string, "cpu", 0, .value = "v1|v2|v3|v4",
	    .help = "instruction set (v3)"),
	OPT(struct cc_conf, print, opt_flag, "print", 0, .help = "show clang's command line"),
	{ 0 },
};

const struct cmd cc_cmd = {
	.name = "cc",
	.args = "FILE.c [-o FILE.o] [-- CLANG OPTIONS]",
	.help = "compile C to BPF with clang, against this kernel's vmlinux.h",
	.opts = cc_opts,
	.conf_size = sizeof(struct cc_conf),
	.run = cc,
};
