/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hive.c - `skep hive`: the hives of this user (hive/place.h).
 */
#include <dirent.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "hive/place.h"
#include "hive/proto.h"

/* One request without arguments; the answer's data in p.  0 or -errno. */
static int request(int sock, enum hive_op op, struct hive_packet *p)
{
	int fd, r;

	hive_begin(p, op);
	r = hive_send(sock, p, -1);
	r = r ? r : hive_recv(sock, p, &fd);
	if (r)
		return r;
	close_fd_p(&fd);
	return p->msg.op == HIVE_DONE ? (int)p->msg.arg[0] : -EPROTO;
}

static int status_of(const char *name, struct hive_status *ret)
{
	struct hive_packet *p = malloc(sizeof(*p));
	char dir[PATH_MAX];
	int r = p ? hive_find(name, dir) : -ENOMEM;
	_cleanup_(close_fd_p) int sock = r ? -1 : hive_connect(dir);

	r = r ? r : sock < 0 ? sock : request(sock, HIVE_STATUS, p);
	if (!r && p->msg.len != sizeof(*ret))
		r = -EPROTO;
	if (!r)
		memcpy(ret, p->data, sizeof(*ret));
	free(p);
	return r;
}

static void add_json(struct cli *c, const char *name, const struct hive_status *st)
{
	cJSON *o = cJSON_CreateObject();

	json_string(o, "name", name);
	json_u64(o, "pid", st->pid);
	json_u64(o, "members", st->members);
	json_u64(o, "taken", st->taken);
	json_u64(o, "programs", st->progs);
	json_u64(o, "maps", st->maps);
	json_u64(o, "links", st->links);
	json_u64(o, "pins", st->pins);
	json_u64(o, "since", st->since);
	cJSON_AddItemToArray(c->answer, o);
}

static void print_row(const char *name, const struct hive_status *st)
{
	time_t t = (time_t)st->since;
	char when[32] = "";
	struct tm tm;

	strftime(when, sizeof(when), "%F %T", localtime_r(&t, &tm));
	printf("%-20s %8u %8u %8u %8u %8u %8u %8u  %s\n", name, st->pid, st->members, st->taken,
	       st->progs, st->maps, st->links, st->pins, when);
}

static void show(struct cli *c, const char *name, const struct hive_status *st, bool *begun)
{
	if (c->json) {
		add_json(c, name, st);
		return;
	}
	if (!*begun)
		printf("%-20s %8s %8s %8s %8s %8s %8s %8s  %s\n", "HIVE", "SERVER", "MEMBERS",
		       "TAKEN", "PROGRAMS", "MAPS", "LINKS", "PINS", "SINCE");
	*begun = true;
	print_row(name, st);
}

static int hive_list(struct cli *c, const void *conf, struct words *w)
{
	char root[PATH_MAX];
	struct dirent **at;
	bool begun = false;
	int r = words_end(c, w), n;

	if (r)
		return r;
	r = hive_root(root);
	if (r)
		return cli_fail(c, "%s: %s", root, strerror(-r));
	if (c->json)
		c->answer = cJSON_CreateArray();
	n = scandir(root, &at, NULL, versionsort);
	for (int i = 0; i < n; i++) {
		struct hive_status st;

		if (hive_name_ok(at[i]->d_name) && !status_of(at[i]->d_name, &st))
			show(c, at[i]->d_name, &st, &begun);
		free(at[i]);
	}
	if (n >= 0)
		free(at);
	return CLI_OK;
}

static int hive_show(struct cli *c, const void *conf, struct words *w)
{
	const char *name = words_take(c, w, "the name of a hive (skep hive list)");
	struct hive_status st;
	bool begun = false;
	int r = name ? words_end(c, w) : CLI_USAGE;

	if (r)
		return r;
	if (status_of(name, &st))
		return cli_fail(c, "no hive %s runs (skep hive list)", name);
	if (c->json)
		c->answer = cJSON_CreateArray();
	show(c, name, &st, &begun);
	return CLI_OK;
}

static int hive_stop(struct cli *c, const void *conf, struct words *w)
{
	const char *name = words_take(c, w, "the name of a hive (skep hive list)");
	_cleanup_(close_fd_p) int sock = -1;
	struct hive_packet *p;
	char dir[PATH_MAX];
	int r = name ? words_end(c, w) : CLI_USAGE, fd;

	if (r)
		return r;
	sock = hive_find(name, dir) ? -1 : hive_connect(dir);
	if (sock < 0)
		return cli_fail(c, "no hive %s runs (skep hive list)", name);
	p = malloc(sizeof(*p));
	if (!p)
		return cli_oom(c);
	r = request(sock, HIVE_STOP, p);
	/* It is gone when the connection ends. */
	if (!r && !hive_recv(sock, p, &fd))
		close_fd_p(&fd);
	free(p);
	return r ? cli_fail(c, "hive %s does not stop: %s", name, strerror(-r)) : CLI_OK;
}

static int hive_enter_run(struct cli *c, const void *conf, struct words *w)
{
	const char *name = words_take(c, w, "the name of a hive (skep hive list)");
	int r = name ? words_end(c, w) : CLI_USAGE;

	return r ? r : hive_enter(c, name);
}

static const struct cmd list_cmd = {
	.name = "list",
	.args = "",
	.help = "the hives that run",
	.run = hive_list,
};

static const struct cmd show_cmd = {
	.name = "show",
	.args = "NAME",
	.help = "one hive: its server, how many live in it, what it holds",
	.run = hive_show,
};

static const struct cmd enter_cmd = {
	.name = "enter",
	.args = "NAME",
	.help = "a shell in the hive",
	.run = hive_enter_run,
};

static const struct cmd stop_cmd = {
	.name = "stop",
	.args = "NAME",
	.help = "end a hive; processes in it go on without their objects",
	.run = hive_stop,
};

static const struct cmd *const hive_commands[] = {
	&list_cmd, &show_cmd, &enter_cmd, &stop_cmd, NULL,
};

const struct cmd hive_cmd = {
	.name = "hive",
	.help = "hives: list, show, enter, stop",
	.sub = hive_commands,
};
