/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.c - `skep batch`: many commands in one process, so that what one loads the next can see.
 *
 * One command a line, in the words of a command line without "skep"; # begins a comment, quotes
 * ('...' and "...") hold blanks together.  It stops at the first line that fails.  With --json
 * the answer is a list of { "command": [...], "output": ... }, as bpftool's.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "cli/commands.h"

#define WORDS_MAX 512

/* Cuts a line in place.  The number of words, or -EINVAL (open quote), -E2BIG. */
static int split(char *line, char **words)
{
	char *in = line, *out;
	int n = 0;

	for (;;) {
		while (isspace((unsigned char)*in))
			in++;
		if (!*in || *in == '#')
			return n;
		if (n == WORDS_MAX)
			return -E2BIG;
		words[n++] = out = in;
		while (*in && !isspace((unsigned char)*in)) {
			char quote = *in == '"' || *in == '\'' ? *in++ : '\0';

			while (quote && *in && *in != quote)
				*out++ = *in++;
			if (quote && !*in++)
				return -EINVAL;
			if (!quote)
				*out++ = *in++;
		}
		if (*in)
			in++;
		*out = '\0';
	}
}

static cJSON *command_json(int n, char **words)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "command");

	for (int i = 0; i < n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(words[i]));
	return o;
}

/* One line; its answer joins `answers` in JSON. */
static int run_line(struct cli *c, int n, char **words, cJSON *answers)
{
	cJSON *o = answers ? command_json(n, words) : NULL;
	int r = cmd_dispatch(c, cli_commands, "", n, words);

	/* Options of one line are not the next one's. */
	c->help = c->version = false;
	if (o) {
		if (c->error)
			json_string(o, "error", c->error);
		else if (c->answer)
			cJSON_AddItemToObject(o, "output", TAKE_PTR(c->answer));
		cJSON_AddItemToArray(answers, o);
		free(TAKE_PTR(c->error));
	}
	return r;
}

static int run_lines(struct cli *c, FILE *in, const char *name, cJSON *answers)
{
	char *words[WORDS_MAX], *line = NULL;
	size_t cap = 0;
	int nr = 0, done = 0, n, r = CLI_OK;

	while (r == CLI_OK && getline(&line, &cap, in) >= 0) {
		nr++;
		n = split(line, words);
		if (n < 0)
			r = cli_usage(c, "%s",
				      n == -EINVAL ? "a quote is not closed" : "too many words");
		else if (n)
			r = run_line(c, n, words, answers);
		done += n > 0 && r == CLI_OK;
	}
	if (r && !c->json)
		cli_fail(c, "%s: line %d failed, %d before it went well", name, nr, done);
	if (!r && ferror(in))
		r = cli_fail(c, "%s: cannot read", name);
	free(line);
	return r;
}

static int batch(struct cli *c, const void *conf, struct words *w)
{
	const char *name = words_take(c, w, "the file (- is standard input)");
	cJSON *answers;
	FILE *in;
	int r;

	if (!name || words_end(c, w))
		return CLI_USAGE;
	if (c->batch)
		return cli_usage(c, "a batch cannot hold a batch");
	in = strcmp(name, "-") ? fopen(name, "re") : stdin;
	if (!in)
		return cli_fail(c, "%s: %s", name, strerror(errno));
	c->batch = true;
	answers = c->json ? cJSON_CreateArray() : NULL;
	r = run_lines(c, in, name, answers);
	if (answers && !c->error)
		c->answer = answers;
	else
		cJSON_Delete(answers);
	if (in != stdin)
		fclose(in);
	return r;
}

const struct cmd batch_cmd = {
	.name = "batch",
	.args = "{ FILE | - }",
	.help = "run commands from a file, one a line, in one process",
	.notes = "Programs and maps that a line loads stay for the lines after it.",
	.run = batch,
};
