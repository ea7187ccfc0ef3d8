/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify_row.c - programs and what came of them: as a table, as JSON.
 */
#include "cli/verify.h"

#include <stdlib.h>

#include "base/alloc.h"

const char *const row_verdicts[] = {
	[ROW_ACCEPT] = "accept",
	[ROW_REJECT] = "reject",
	[ROW_ERROR] = "error",
};

void rows_free(struct rows *rows)
{
	vec_foreach (r, rows) {
		skep_free(r->file);
		skep_free(r->prog);
		skep_free(r->log);
		free(r->text); /* open_memstream's and asprintf's */
	}
	vec_free(rows);
}

void rows_print(FILE *out, const struct rows *rows)
{
	int file = 4, prog = 7;

	for (size_t i = 0; i < rows->n; i++) {
		file = MAX(file, (int)strlen(rows->at[i].file));
		prog = MAX(prog, (int)strlen(rows->at[i].prog));
	}
	fprintf(out, "%-*s  %-*s  VERDICT  %9s  %9s  %7s  %6s\n", file, "FILE", prog, "PROGRAM",
		"TIME (us)", "INSNS", "STATES", "STACK");
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->at[i];

		fprintf(out, "%-*s  %-*s  %-7s", file, r->file, prog, r->prog,
			row_verdicts[r->verdict]);
		/* Of what was not verified there are no numbers. */
		if (r->verdict == ROW_ERROR)
			fprintf(out, "  %9s  %9s  %7s  %6s\n", "-", "-", "-", "-");
		else
			fprintf(out, "  %9llu  %9llu  %7llu  %6llu\n", (unsigned long long)r->us,
				(unsigned long long)r->insns, (unsigned long long)r->states,
				(unsigned long long)r->stack);
	}
}

void row_print_json(FILE *out, const struct row *r)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	json_string(o, "file", r->file);
	json_string(o, "prog", r->prog);
	json_string(o, "verdict", row_verdicts[r->verdict]);
	json_u64(o, "errno", (uint64_t)r->err);
	json_u64(o, "insns", r->insns);
	json_u64(o, "states", r->states);
	json_u64(o, "time_us", r->us);
	json_u64(o, "stack", r->stack);
	json_string(o, "log", r->log);
	if (r->text)
		json_string(o, "text", r->text);
	text = cJSON_PrintUnformatted(o);
	if (text)
		fprintf(out, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(o);
}
