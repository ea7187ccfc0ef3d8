/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd.c - finds the command that a line names, explains it, runs it.
 */
#include "cli/cli.h"

#include "base/alloc.h"

/* An exact word wins over a shortened one, and the first row over later ones. */
static const struct cmd *find_cmd(const struct cmd *const *table, const char *word)
{
	for (const struct cmd *const *t = table; *t; t++)
		if (!strcmp(word, (*t)->name) || ((*t)->alias && !strcmp(word, (*t)->alias)))
			return *t;
	for (const struct cmd *const *t = table; *t; t++)
		if (is_prefix(word, (*t)->name) || ((*t)->alias && is_prefix(word, (*t)->alias)))
			return *t;
	return NULL;
}

static const char *cmd_name_at(const void *arg, size_t i)
{
	const struct cmd *const *table = arg;

	return table[i] ? table[i]->name : NULL;
}

static void print_table(FILE *out, const struct cmd *const *table, const char *path)
{
	fprintf(out, "usage: skep%s COMMAND [OPTIONS]\n\ncommands:\n", path);
	for (const struct cmd *const *t = table; *t; t++)
		fprintf(out, "  %-10s %s\n", (*t)->name, (*t)->help);
	fprintf(out, "\noptions of every command:\n");
	opt_print(out, cli_options);
	fprintf(out, "\n'skep%s COMMAND --help' explains one; skep(1) explains all.\n", path);
}

static void print_cmd(FILE *out, const struct cmd *cmd, const char *path)
{
	fprintf(out, "usage: skep%s %s %s\n\n%s\n", path, cmd->name, cmd->args, cmd->help);
	if (cmd->notes)
		fprintf(out, "\n%s\n", cmd->notes);
	if (cmd->opts) {
		fprintf(out, "\noptions:\n");
		opt_print(out, cmd->opts);
	}
	fprintf(out, "\noptions of every command:\n");
	opt_print(out, cli_options);
}

static int run_cmd(struct cli *c, const struct cmd *cmd, const char *path, int argc, char **argv)
{
	void *conf = skep_alloc(cmd->conf_size);
	struct words w;
	int r;

	if (!conf)
		return cli_oom(c);
	r = opt_parse(c, cmd->opts, conf, cmd->raw, &argc, argv);
	if (r == CLI_OK && c->help) {
		print_cmd(stdout, cmd, path);
	} else if (r == CLI_OK) {
		w = (struct words){ argv, argc };
		r = cmd->run(c, conf, &w);
	}
	opt_free(cmd->opts, conf);
	skep_free(conf);
	return r;
}

int cmd_dispatch(struct cli *c, const struct cmd *const *table, const char *path, int argc,
		 char **argv)
{
	_cleanup_(skep_free_p) char *deeper = NULL;
	const struct cmd *cmd;
	const char *near;
	int r;

	/* Options may stand before the command's word, their values too. */
	r = opt_parse(c, NULL, NULL, true, &argc, argv);
	if (r)
		return r;
	if (c->version) {
		printf("skep %s\n", SKEP_VERSION);
		return CLI_OK;
	}
	if (!argc && !c->help) {
		print_table(stderr, table, path);
		return CLI_USAGE;
	}
	if (!argc || !strcmp(argv[0], "help")) {
		print_table(stdout, table, path);
		return CLI_OK;
	}
	cmd = find_cmd(table, argv[0]);
	if (!cmd) {
		near = words_suggest(argv[0], cmd_name_at, table);
		return near ? cli_usage(c, "skep%s: unknown command '%s': did you mean '%s'?", path,
					argv[0], near)
			    : cli_usage(c,
					"skep%s: unknown command '%s' (skep%s --help lists them)",
					path, argv[0], path);
	}
	if (!cmd->sub)
		return run_cmd(c, cmd, path, argc - 1, argv + 1);
	deeper = skep_alloc(strlen(path) + strlen(cmd->name) + 2);
	if (!deeper)
		return cli_oom(c);
	sprintf(deeper, "%s %s", path, cmd->name);
	return cmd_dispatch(c, cmd->sub, deeper, argc - 1, argv + 1);
}
