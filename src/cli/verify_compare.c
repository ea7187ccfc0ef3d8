/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify_compare.c - two verifications of the same programs: what changed between them.
 *
 * Times are not compared: they differ from run to run.
 */
#include "cli/verify.h"

#include <stdlib.h>

/* A program as the file of then tells it; all but `json` borrowed from it. */
struct then {
	cJSON *json; /* owned */
	const char *file, *prog, *verdict;
	uint64_t insns, states;
	bool matched; /* it is there now too */
};

struct thens {
	VEC(struct then);
};

static void thens_free(struct thens *t)
{
	vec_foreach (row, t)
		cJSON_Delete(row->json);
	vec_free(t);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Numbers of JSON as they were written: cJSON keeps doubles, which hold these exactly. */
static uint64_t number(const cJSON *o, const char *name)
{
	const double v = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return v >= 0 && v < 9e15 ? (uint64_t)v : 0;
}

static const char *string(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static int take_line(struct cli *c, struct thens *t, const char *path, unsigned nr,
		     const char *line)
{
	struct then row = { .json = cJSON_Parse(line) };
	struct then *slot;

	row.file = string(row.json, "file");
	row.prog = string(row.json, "prog");
	row.verdict = string(row.json, "verdict");
	row.insns = number(row.json, "insns");
	row.states = number(row.json, "states");
	if (!row.file || !row.prog || !row.verdict) {
		cJSON_Delete(row.json);
		return cli_fail(c, "%s:%u: not a line of skep verify --json", path, nr);
	}
	slot = vec_push(t);
	if (!slot) {
		cJSON_Delete(row.json);
		return cli_oom(c);
	}
	*slot = row;
	return CLI_OK;
}

static int read_thens(struct cli *c, const char *path, struct thens *t)
{
	FILE *in = fopen(path, "r");
	char *line = NULL;
	unsigned nr = 0;
	size_t cap = 0;
	int r = CLI_OK;

	if (!in)
		return cli_fail(c, "%s: %s", path, strerror(errno));
	while (r == CLI_OK && getline(&line, &cap, in) > 0) {
		nr++;
		if (line[strspn(line, " \t\r\n")])
			r = take_line(c, t, path, nr, line);
	}
	free(line);
	fclose(in);
	return r;
}

static struct then *find_then(const struct thens *t, const struct row *r)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->at[i].matched && !strcmp(t->at[i].prog, r->prog) &&
		    !strcmp(base_name(t->at[i].file), base_name(r->file)))
			return &t->at[i];
	return NULL;
}

/* "123 -> 456 (+270.7%)", or one number where nothing changed. */
static void print_change(FILE *out, const char *what, uint64_t then, uint64_t now)
{
	if (then == now)
		return;
	fprintf(out, "  %s %llu -> %llu", what, (unsigned long long)then, (unsigned long long)now);
	if (then)
		fprintf(out, " (%+.1f%%)", ((double)now - (double)then) * 100 / (double)then);
}

/* Was anything of that file verified now? Then its other programs are gone, not left out. */
static bool file_seen(const struct rows *now, const char *file)
{
	for (size_t i = 0; i < now->n; i++)
		if (!strcmp(base_name(now->at[i].file), base_name(file)))
			return true;
	return false;
}

/* One program that is there both times; true: its verdict changed. */
static bool compare_row(FILE *out, const struct then *t, const struct row *r)
{
	const char *verdict = row_verdicts[r->verdict];
	const bool changed = strcmp(t->verdict, verdict) != 0;

	if (!changed && t->insns == r->insns && t->states == r->states)
		return false;
	fprintf(out, "%s: %s:", r->file, r->prog);
	if (changed)
		fprintf(out, "  verdict %s -> %s", t->verdict, verdict);
	print_change(out, "insns", t->insns, r->insns);
	print_change(out, "states", t->states, r->states);
	fputc('\n', out);
	return changed;
}

int rows_compare(struct cli *c, const struct rows *now, const char *path)
{
	_cleanup_(thens_free) struct thens thens = { 0 };
	/* JSON is for programs: what changed is said beside it. */
	FILE *out = c->json ? stderr : stdout;
	size_t same = 0, verdicts = 0, added = 0;
	int r = read_thens(c, path, &thens);

	if (r)
		return r;
	fprintf(out, "%scompared with %s:\n", c->json ? "" : "\n", path);
	for (size_t i = 0; i < now->n; i++) {
		struct then *t = find_then(&thens, &now->at[i]);

		if (!t) {
			added++;
			fprintf(out, "%s: %s:  new, %s\n", now->at[i].file, now->at[i].prog,
				row_verdicts[now->at[i].verdict]);
			continue;
		}
		t->matched = true;
		same++;
		verdicts += compare_row(out, t, &now->at[i]);
	}
	vec_foreach (t, &thens) {
		if (t->matched || !file_seen(now, t->file))
			continue;
		verdicts++;
		fprintf(out, "%s: %s:  gone, was %s\n", t->file, t->prog, t->verdict);
	}
	fprintf(out, "%zu programs in both, %zu new; %zu verdicts changed\n", same, added,
		verdicts);
	return verdicts ? CLI_FAILED : CLI_OK;
}
