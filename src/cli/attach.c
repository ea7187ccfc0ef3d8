/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach.c - `skep attach -p PID`: processes that run come into a hive.
 *
 * The hive's server does it (hook/hook.h); here is which hive that is: the one that is named, else
 * the one that this process is in, else a new one, which lives as long as they do.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/sys.h"
#include "bpf/glue.h"
#include "cli/commands.h"
#include "hive/place.h"
#include "hive/proto.h"
#include "inject/permit.h"
#include "server/server.h"

struct attach_conf {
	const char *name;
	const char *pids; /* the first of them */
	bool force, verbose;
};

/* Where they go. */
struct goal {
	char dir[PATH_MAX];
	int sock;
	bool founded; /* by us */
};

static const char *name_of(const struct goal *g)
{
	return strrchr(g->dir, '/') + 1;
}

/* A new hive is nobody's until the first process is in: it waits a second for that. */
static int found(struct cli *c, const char *name, struct goal *ret)
{
	struct skep_kernel_opts kernel;
	const struct server_opts opts = { .name = name, .kernel = &kernel };
	int r;

	bpf_kernel_opts(&kernel);
	r = server_start(&opts, ret->dir);
	if (r == -EINVAL && name)
		return cli_usage(c,
				 "a hive's name has letters, digits, '-', '_' and '.', %d at most",
				 HIVE_NAME_MAX);
	if (r)
		return cli_fail(c, "cannot start a hive in %s: %s", ret->dir, strerror(-r));
	ret->sock = hive_connect(ret->dir);
	ret->founded = true;
	return ret->sock < 0 ? cli_fail(c, "hive %s does not answer", name_of(ret)) : CLI_OK;
}

static int choose(struct cli *c, const char *name, struct goal *ret)
{
	const char *inside = getenv("SKEP_HIVE");
	int r = 0;

	ret->sock = -1;
	if (name)
		r = hive_find(name, ret->dir);
	else if (inside && *inside)
		r = snprintf(ret->dir, PATH_MAX, "%s", inside) >= PATH_MAX ? -ENAMETOOLONG : 0;
	else
		return found(c, NULL, ret);
	if (!r)
		ret->sock = hive_connect(ret->dir);
	if (ret->sock >= 0)
		return CLI_OK;
	if (!name)
		return cli_fail(c,
				"the hive of SKEP_HIVE, %s, has ended: unset SKEP_HIVE, or name "
				"another one with -n",
				inside);
	return found(c, name, ret);
}

static int ask(struct goal *g, pid_t pid, bool force, struct hive_taken_in *ret)
{
	_cleanup_(skep_free_p) struct hive_packet *p = skep_alloc(sizeof(*p));
	_cleanup_(close_fd_p) int process = sys_pidfd(pid);
	int fd = -1, r;

	if (!p)
		return -ENOMEM;
	if (process < 0)
		return process;
	hive_begin(p, HIVE_TAKE_IN);
	p->msg.arg[0] = force;
	r = hive_send(g->sock, p, process);
	r = r ? r : hive_recv(g->sock, p, &fd);
	close_fd_p(&fd);
	if (!r && (p->msg.op != HIVE_DONE || p->msg.len != sizeof(*ret)))
		r = -EPROTO;
	if (r)
		return r;
	memcpy(ret, p->data, sizeof(*ret));
	ret->msg[sizeof(ret->msg) - 1] = ret->hint[sizeof(ret->hint) - 1] = '\0';
	return (int)p->msg.arg[0];
}

static void say(struct cli *c, const struct attach_conf *a, const struct goal *g, pid_t pid,
		const struct hive_taken_in *in)
{
	cJSON *o;

	if (c->json) {
		o = cJSON_CreateObject();
		json_string(o, "hive", name_of(g));
		json_u64(o, "pid", (uint64_t)pid);
		json_u64(o, "threads", in->threads);
		json_u64(o, "stopped_us", in->stop_ns / 1000);
		json_bool(o, "known", in->known);
		cJSON_AddItemToArray(c->answer, o);
		return;
	}
	printf("process %d is in hive %s%s\n", pid, name_of(g),
	       in->known ? ", as it was before" : "");
	if (a->verbose)
		printf("  %u threads stood still for %.2f ms\n", in->threads,
		       (double)in->stop_ns / 1e6);
}

static int take(struct cli *c, const struct attach_conf *a, struct goal *g, const char *word)
{
	struct hive_taken_in in = { 0 };
	struct skep_diag why = { 0 };
	uint64_t pid;
	int r = words_number(c, word, "a process id", INT32_MAX, &pid);

	if (r)
		return r;
	/* Before a hive is founded for nobody; filters are the server's to read. */
	if (permit_look((pid_t)pid, a->force || permit_reads_filters() ? PERMIT_FILTERED : 0, &why))
		return cli_diag(c, &why);
	if (g->sock < 0)
		r = choose(c, a->name, g);
	if (r)
		return r;
	r = ask(g, (pid_t)pid, a->force, &in);
	if (r)
		return cli_fail(c, "%s%s%s%s", *in.msg ? in.msg : strerror(-r),
				*in.hint ? " (" : "", in.hint, *in.hint ? ")" : "");
	say(c, a, g, (pid_t)pid, &in);
	return CLI_OK;
}

static int attach(struct cli *c, const void *conf, struct words *w)
{
	const struct attach_conf *a = conf;
	struct goal g = { .sock = -1 };
	int r;

	if (!a->pids)
		return cli_usage(c, "which process? skep attach -p PID [PID...]");
	if (c->json)
		c->answer = cJSON_CreateArray();
	r = take(c, a, &g, a->pids);
	while (!r && w->n)
		r = take(c, a, &g, words_take(c, w, "a process id"));
	close_fd_p(&g.sock);
	if (!r && !c->json && g.founded)
		printf("run tools there: skep exec %s -- TOOL; skep hive enter %s\n", name_of(&g),
		       name_of(&g));
	return r;
}

static const struct opt attach_opts[] = {
	OPT(struct attach_conf, pids, opt_string, "pid", 'p', .value = "PID",
	    .help = "the process; others may follow as words"),
	OPT(struct attach_conf, name, opt_string, "name", 'n', .value = "HIVE",
	    .help = "the hive, made where there is none (the one we are in, or a new one)"),
	OPT(struct attach_conf, force, opt_flag, "force", 'f',
	    .help = "also one with seccomp filters of its own, which may end it"),
	OPT(struct attach_conf, verbose, opt_flag, "verbose", 'v',
	    .help = "say how long it stood still"),
	{ 0 },
};

const struct cmd attach_cmd = {
	.name = "attach",
	.args = "[-n HIVE] -p PID [PID...]",
	.help = "take a process that runs into a hive, with the children that it makes",
	.notes = "It stands still for a few milliseconds. Programs that tools of the hive attach\n"
		 "reach it from then on. When the hive ends its text is what it was.\n"
		 "A new hive lives as long as the process. `skep doctor -p PID` says whether this "
		 "works.",
	.opts = attach_opts,
	.conf_size = sizeof(struct attach_conf),
	.run = attach,
};
