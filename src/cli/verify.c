/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify.c - `skep verify`: would the kernel take these programs, and why not?
 *
 * Each program of an object is loaded alone, from an object opened anew, so that a bad one does
 * not hide the others.  What the verifier found out comes by core_watch_verdicts(), not from its
 * log, which may be cut.
 */
#include "cli/verify.h"

#include <bpf/libbpf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/sys.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "core/core.h"
#include "model/release.h"
#include "verifier/explain.h"

#define LOG_BYTES (4u << 20) /* the end of a longer log is kept */

/* BPF_LOG_*, which the UAPI lacks. */
#define LOG_FAILED_PATH 1
#define LOG_ALL_PATHS	2
#define LOG_STATS	4

struct verify_conf {
	bool verbose;	     /* -v */
	bool unpriv;	     /* --unpriv */
	bool explain;	     /* --explain */
	uint64_t level;	     /* --log-level */
	const char *compare; /* --compare */
	const char *kernel;  /* --kernel */
	const char *btf;     /* --btf */
};

/* The program under verification, for the watcher. */
struct watch {
	const struct verify_conf *conf;
	char prog[BPF_OBJ_NAME_LEN]; /* its name as the kernel keeps it */
	struct row *row;
	bool seen; /* the verifier has spoken */
};

static void on_verdict(void *arg, const struct core_verdict *v)
{
	struct watch *w = arg;
	struct row *r = w->row;
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	/* libbpf asks the kernel for its features with little programs of its own. */
	if (strcmp(v->prog->name, w->prog) != 0)
		return;
	w->seen = true;
	r->verdict = v->err ? ROW_REJECT : ROW_ACCEPT;
	r->err = -v->err;
	r->insns = v->report->processed;
	r->states = v->report->total_states;
	r->us = v->report->ns / 1000;
	r->stack = v->report->stack;
	if (!v->err && !w->conf->explain)
		return;
	out = open_memstream(&text, &len);
	if (!out)
		return;
	if (v->err)
		explain_fault(out, v->prog, &v->lines, &v->report->fault);
	else
		explain_cost(out, v->prog, &v->lines, v->report);
	fclose(out);
	free(r->text);
	r->text = text;
}

/* The one program that is loaded of this object; NULL: it cannot be. */
static struct bpf_program *pick_program(struct bpf_object *obj, const char *name)
{
	struct bpf_program *prog, *ret = NULL;

	bpf_object__for_each_program(prog, obj)
	{
		bool it = !strcmp(bpf_program__name(prog), name);

		bpf_program__set_autoload(prog, it);
		if (it)
			ret = prog;
	}
	return ret;
}

/* Why the verifier never saw the program. */
static char *no_verdict(int err)
{
	const char *why = skep_last_error(), *said = session_libbpf_text();
	char *text = NULL;

	if (asprintf(&text, "%s%s%s%s%s\n", strerror(-err), *why ? "\n  " : "", why,
		     *said ? "\n" : "", said) < 0)
		return NULL;
	return text;
}

static void load_one(struct watch *w, struct bpf_object *obj, struct bpf_program *prog, char *log)
{
	const struct verify_conf *conf = w->conf;
	const uint32_t level =
		conf->level ? (uint32_t)conf->level : (conf->verbose ? LOG_FAILED_PATH : 0);
	int err;

	if (bpf_program__type(prog) == BPF_PROG_TYPE_UNSPEC) {
		w->row->err = EINVAL;
		if (asprintf(&w->row->text,
			     "section '%s' does not tell the program's type (SEC(\"xdp\"), ...)\n",
			     bpf_program__section_name(prog)) < 0)
			w->row->text = NULL;
		return;
	}
	snprintf(w->prog, sizeof(w->prog), "%s", bpf_program__name(prog));
	*log = '\0';
	bpf_program__set_log_buf(prog, log, LOG_BYTES);
	bpf_program__set_log_level(prog, level | LOG_STATS);
	err = bpf_object__load(obj);
	if (w->seen)
		return;
	w->row->err = err ? -err : EINVAL;
	w->row->text = no_verdict(-w->row->err);
}

/* Loads `prog` of the object at path alone and appends its row. */
static int verify_prog(struct cli *c, const struct verify_conf *conf, const char *path,
		       const char *prog, char *log, struct rows *rows)
{
	struct bpf_object *obj = NULL;
	struct watch w = { .conf = conf };
	int r;

	w.row = vec_push(rows);
	if (!w.row)
		return cli_oom(c);
	*w.row = (struct row){ .file = skep_strdup(path),
			       .prog = skep_strdup(prog),
			       .verdict = ROW_ERROR };
	if (!w.row->file || !w.row->prog)
		return cli_oom(c);
	r = session_open_object(c, path, &obj);
	if (r)
		return r;
	core_watch_verdicts(session_kernel(c), on_verdict, &w, conf->explain);
	load_one(&w, obj, pick_program(obj, prog), log);
	core_watch_verdicts(session_kernel(c), NULL, NULL, false);
	bpf_object__close(obj);
	w.row->log = skep_strdup(log);
	return w.row->log ? CLI_OK : cli_oom(c);
}

/* Every program of an object; an object without one is no mistake. */
static int verify_file(struct cli *c, const struct verify_conf *conf, const char *path, char *log,
		       struct rows *rows)
{
	struct bpf_object *obj = NULL;
	struct bpf_program *prog;
	int r = session_open_object(c, path, &obj);

	if (r)
		return r;
	bpf_object__for_each_program(prog, obj)
	{
		r = verify_prog(c, conf, path, bpf_program__name(prog), log, rows);
		if (r)
			break;
		if (c->json)
			row_print_json(stdout, &rows->at[rows->n - 1]);
	}
	bpf_object__close(obj);
	return r;
}

/* Below the table: explanations, and with -v logs. */
static void print_texts(const struct verify_conf *conf, const struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->at[i];
		const bool log = (conf->verbose || conf->level) && *r->log;

		if (!r->text && !log)
			continue;
		printf("\n%s: %s: %s\n", r->file, r->prog, row_verdicts[r->verdict]);
		if (r->text)
			fputs(r->text, stdout);
		if (log)
			printf("\nlog of the verifier:\n%s", r->log);
	}
}

/* The kernel to judge for: by --kernel, and where that is not said, by --btf. */
static int choose_kernel(struct cli *c, const struct verify_conf *conf)
{
	const char *word = conf->kernel ? conf->kernel : conf->btf ? "linux" : "skep";
	struct utsname host;
	uint16_t release = 0;

	if ((conf->unpriv || conf->kernel || conf->btf) && c->session)
		return cli_usage(
			c, "--unpriv, --kernel, --btf: in a batch, the kernel is there already");
	if (conf->btf && !strcmp(word, "skep"))
		return cli_usage(c,
				 "--btf %s: of Skep's kernel the types are known; "
				 "say --kernel linux, or a release",
				 conf->btf);
	if (!strcmp(word, "host"))
		word = sys_call6(SYS_uname, (long)&host, 0, 0, 0, 0, 0) ? "unknown" : host.release;
	c->judge = strcmp(word, "skep") != 0;
	if (c->judge && strcmp(word, "linux") != 0 && release_parse(word, &release))
		return cli_usage(c,
				 "--kernel %s: the kernels are 'skep', 'linux' (the newest "
				 "known), 'host' and releases from %u.%u on, such as 6.12",
				 word, RELEASE_MAJOR(RELEASE_FIRST), RELEASE_MINOR(RELEASE_FIRST));
	c->release = release;
	c->unprivileged = conf->unpriv;
	return conf->btf ? session_types(c, conf->btf) : CLI_OK;
}

static int verify(struct cli *c, const void *arg, struct words *w)
{
	_cleanup_(skep_free_p) char *log = NULL;
	_cleanup_(rows_free) struct rows rows = { 0 };
	const struct verify_conf *conf = arg;
	const char *path = words_take(c, w, "the object file");
	int r = path ? choose_kernel(c, conf) : CLI_USAGE;

	if (r)
		return r;
	log = skep_alloc(LOG_BYTES);
	if (!log)
		return cli_oom(c);
	r = session_open(c);
	while (!r && path) {
		r = verify_file(c, conf, path, log, &rows);
		path = w->n ? words_take(c, w, "the object file") : NULL;
	}
	if (r)
		return r;
	if (!c->json) {
		rows_print(stdout, &rows);
		print_texts(conf, &rows);
	}
	if (conf->compare)
		return rows_compare(c, &rows, conf->compare);
	vec_foreach (row, &rows)
		if (row->verdict != ROW_ACCEPT)
			r = CLI_FAILED;
	return r;
}

static const struct opt verify_opts[] = {
	OPT(struct verify_conf, verbose, opt_flag, "verbose", 'v',
	    .help = "show the verifier's log: the path that failed"),
	OPT(struct verify_conf, level, opt_number, "log-level", 'l', .value = "N", .max = 7,
	    .help = "show its log as log_level N says: 1 the path that failed, 2 all paths"),
	OPT(struct verify_conf, explain, opt_flag, "explain", 'e',
	    .help = "of accepted programs too: the lines that cost most"),
	OPT(struct verify_conf, unpriv, opt_flag, "unpriv", 'u',
	    .help = "by the rules for callers with CAP_BPF, but without CAP_PERFMON"),
	OPT(struct verify_conf, kernel, opt_string, "kernel", 'k', .value = "KERNEL",
	    .help = "judge for 'skep' (what runs here), 'linux' (the newest), 'host', or a "
		    "release"),
	OPT(struct verify_conf, btf, opt_string, "btf", 'b', .value = "FILE",
	    .help = "... whose types are in FILE: raw BTF, or an ELF file such as vmlinux"),
	OPT(struct verify_conf, compare, opt_string, "compare", 'C', .value = "FILE",
	    .help = "show what is different from an earlier --json in FILE"),
	{ 0 },
};

const struct cmd verify_cmd = {
	.name = "verify",
	.args = "OBJ... [-v] [--explain] [--kernel KERNEL [--btf FILE]] [--unpriv] [--json] "
		"[--compare FILE]",
	.help = "judge each program of the objects as the kernel's verifier does",
	.notes = "KERNEL is 'skep', the default: what can run here; 'linux': the newest that is\n"
		 "known; 'host': as new as this machine's; or a release such as 5.15.\n"
		 "One row a program: verdict, time, instructions walked, states kept, stack.\n"
		 "A rejected program is explained: the line, the value, where it came from, the\n"
		 "way that led there, and what would make it safe.\n"
		 "With --json: a line {file, prog, verdict, errno, insns, states, time_us, stack,\n"
		 "log, text} per program.\n"
		 "Exit status: 0 all accepted, 1 some not (with --compare: some verdict changed),\n"
		 "2 usage.",
	.opts = verify_opts,
	.conf_size = sizeof(struct verify_conf),
	.run = verify,
};
