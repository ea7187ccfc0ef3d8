/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor.c - `skep doctor`: what this machine permits, and the way round what it does not.
 */
#include "cli/doctor.h"
#include "cli/commands.h"
#include "inject/permit.h"
#include "inject/tracee.h"

#include <stdlib.h>
#include <unistd.h>

#define STOP_MS 2000

struct doctor_conf {
	uint64_t pid; /* 0: the machine */
};

static const char *const marks[] = {
	[FINDING_OK] = "ok",
	[FINDING_NOTE] = "note",
	[FINDING_BAD] = "FAIL",
};

static void show(struct cli *c, const char *name, const char *title, enum finding f,
		 const char *found, const char *round)
{
	cJSON *o;

	if (!c->json) {
		printf("%-4s  %-22s %s\n", marks[f], title, found);
		if (f != FINDING_OK && *round)
			printf("      %-22s -> %s\n", "", round);
		return;
	}
	o = cJSON_CreateObject();
	json_string(o, "check", name);
	json_string(o, "result", f == FINDING_BAD ? "fail" : marks[f]);
	json_string(o, "found", found);
	if (f != FINDING_OK && *round)
		json_string(o, "fix", round);
	cJSON_AddItemToArray(c->answer, o);
}

static int check_machine(struct cli *c)
{
	bool good = true;

	for (const struct check *k = doctor_checks; k->name; k++) {
		char found[256] = "", round[256] = "";
		enum finding f = k->ask(found, sizeof(found), round, sizeof(round));

		f = f == FINDING_BAD && !k->needed ? FINDING_NOTE : f;
		good &= f != FINDING_BAD;
		show(c, k->name, k->title, f, found, round);
	}
	if (!c->json)
		printf("\n%s\n", good ? "skep run works here"
				      : "skep run does not work here: see FAIL above");
	return good ? CLI_OK : CLI_FAILED;
}

static int can_be_called(struct tracee *t, void *arg)
{
	struct skep_diag *why = arg;

	return tracee_has_shadow_stack(t) ? diag_set(why, -EOPNOTSUPP, SKEP_AT_NONE, 0,
						     "process %d has shadow stacks (CET)", t->pid)
					  : 0;
}

/* What the server would do, up to where it would change something. */
static int check_process(struct cli *c, pid_t pid)
{
	struct skep_diag why = { 0 }, other = { 0 };
	struct tracee t;
	int err = permit_look(pid, 0, &why);

	if (!err) {
		err = tracee_still(&t, pid, STOP_MS, can_be_called, &other, &other);
		if (err == -EPERM || err == -ESRCH)
			permit_refused(pid, err, &why);
		else
			why = other;
	}
	show(c, "process", "process", err ? FINDING_BAD : FINDING_OK,
	     err ? why.msg : "it can be taken in: skep attach -p PID", why.hint);
	return err ? CLI_FAILED : CLI_OK;
}

static int doctor(struct cli *c, const void *conf, struct words *w)
{
	const struct doctor_conf *d = conf;
	int r = words_end(c, w);

	if (r)
		return r;
	if (c->json)
		c->answer = cJSON_CreateArray();
	return d->pid ? check_process(c, (pid_t)d->pid) : check_machine(c);
}

static const struct opt doctor_opts[] = {
	OPT(struct doctor_conf, pid, opt_number, "pid", 'p', .value = "PID", .min = 1,
	    .max = INT32_MAX, .help = "may this process be taken into a hive?"),
	{ 0 },
};

const struct cmd doctor_cmd = {
	.name = "doctor",
	.args = "[-p PID]",
	.help = "what this machine permits, and the way round what it does not",
	.notes = "Each line is something that was tried. FAIL: `skep run` needs it; note: some of\n"
		 "what Skep does needs it. The exit status is 1 where a line says FAIL.",
	.opts = doctor_opts,
	.conf_size = sizeof(struct doctor_conf),
	.run = doctor,
};
