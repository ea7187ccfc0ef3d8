/* SPDX-License-Identifier: BSD-2-Clause */
/* report.c - medians, spreads, the table for people and build/bench.json for machines. */
#include "bench/bench.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define ROWS_MAX 512

static struct report_row rows[ROWS_MAX];
static unsigned nr_rows;

void series_add(struct series *s, double v)
{
	if (s->n < SERIES_MAX)
		s->v[s->n++] = v;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double series_median(struct series *s)
{
	if (!s->n)
		return NAN;
	qsort(s->v, s->n, sizeof(s->v[0]), compare);
	return s->n % 2 ? s->v[s->n / 2] : (s->v[s->n / 2 - 1] + s->v[s->n / 2]) / 2;
}

double series_spread(struct series *s)
{
	double m = series_median(s);

	return s->n ? (s->v[s->n - 1] - s->v[0]) / m : NAN;
}

void report_add(const struct report_row *row)
{
	if (nr_rows < ROWS_MAX)
		rows[nr_rows++] = *row;
}

void report_add_targets(struct report_row *row, struct series s[_TARGET_MAX])
{
	row->skep = series_median(&s[TARGET_JIT]);
	row->spread = series_spread(&s[TARGET_JIT]);
	if (s[TARGET_KERNEL].n) {
		row->peer[row->nr_peers].name = "kernel";
		row->peer[row->nr_peers].value = series_median(&s[TARGET_KERNEL]);
		row->peer[row->nr_peers++].spread = series_spread(&s[TARGET_KERNEL]);
	}
	report_add(row);
}

/* The peer's value in a row, NaN where the row has no such peer. */
static double peer_value(const struct report_row *row, const char *name)
{
	for (unsigned p = 0; p < row->nr_peers; p++)
		if (!strcmp(row->peer[p].name, name))
			return row->peer[p].value;
	return NAN;
}

/* Every peer that some row of the suite has, in order of appearance. */
static unsigned peers_of(const char *suite, const char **names)
{
	unsigned n = 0;

	for (unsigned r = 0; r < nr_rows; r++) {
		if (strcmp(rows[r].suite, suite))
			continue;
		for (unsigned p = 0; p < rows[r].nr_peers; p++) {
			unsigned i = 0;

			while (i < n && strcmp(names[i], rows[r].peer[p].name))
				i++;
			if (i == n && n < PEERS_MAX)
				names[n++] = rows[r].peer[p].name;
		}
	}
	return n;
}

static void print_means(const char *suite, const char **names, unsigned n)
{
	for (unsigned p = 0; p < n; p++) {
		double sum = 0, worst = 0;
		const char *where = "";
		unsigned count = 0;

		for (unsigned r = 0; r < nr_rows; r++) {
			double ratio = rows[r].skep / peer_value(&rows[r], names[p]);

			if (strcmp(rows[r].suite, suite) || !isfinite(ratio) || ratio <= 0)
				continue;
			sum += log(ratio);
			count++;
			if (ratio > worst) {
				worst = ratio;
				where = rows[r].name;
			}
		}
		if (count)
			printf("%s: skep / %s: geometric mean %.3f over %u cases, worst %.2f "
			       "(%s)\n",
			       suite, names[p], exp(sum / count), count, worst, where);
	}
}

static void print_suite(const char *suite)
{
	const char *names[PEERS_MAX];
	unsigned n = peers_of(suite, names);

	printf("\n%-22s %12s %7s", suite, "skep", "spread");
	for (unsigned p = 0; p < n; p++)
		printf("  %12s %6s", names[p], "ratio");
	putchar('\n');
	for (unsigned r = 0; r < nr_rows; r++) {
		if (strcmp(rows[r].suite, suite))
			continue;
		printf("%-22s %9.1f %-2s ", rows[r].name, rows[r].skep, rows[r].unit);
		if (isfinite(rows[r].spread))
			printf("%6.1f%%", rows[r].spread * 100);
		else
			printf("%7s", "");
		for (unsigned p = 0; p < n; p++) {
			double v = peer_value(&rows[r], names[p]);

			if (isfinite(v))
				printf("  %12.1f %6.2f", v, rows[r].skep / v);
			else
				printf("  %12s %6s", "-", "-");
		}
		putchar('\n');
	}
	print_means(suite, names, n);
}

void report_print(void)
{
	for (unsigned r = 0; r < nr_rows; r++) {
		bool first = true;

		for (unsigned q = 0; q < r && first; q++)
			first = strcmp(rows[q].suite, rows[r].suite) != 0;
		if (first)
			print_suite(rows[r].suite);
	}
}

static cJSON *row_json(const struct report_row *row)
{
	cJSON *o = cJSON_CreateObject(), *peers = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "suite", row->suite);
	cJSON_AddStringToObject(o, "case", row->name);
	cJSON_AddStringToObject(o, "unit", row->unit);
	cJSON_AddNumberToObject(o, "skep", row->skep);
	for (unsigned p = 0; p < row->nr_peers; p++)
		if (isfinite(row->peer[p].value))
			cJSON_AddNumberToObject(peers, row->peer[p].name, row->peer[p].value);
	cJSON_AddItemToObject(o, "peers", peers);
	cJSON_AddNumberToObject(o, "spread", row->spread);
	return o;
}

static bool suite_ran(const char *suite)
{
	for (unsigned r = 0; r < nr_rows; r++)
		if (suite && !strcmp(rows[r].suite, suite))
			return true;
	return false;
}

/* The rows of the file at path whose suites did not run now; an empty list for no file. */
static cJSON *other_rows(const char *path)
{
	cJSON *list = NULL, *item, *next;
	char *text = NULL;
	size_t cap = 0;
	FILE *f = fopen(path, "re");

	if (f && getdelim(&text, &cap, '\0', f) > 0)
		list = cJSON_Parse(text);
	if (f)
		fclose(f);
	free(text);
	if (!cJSON_IsArray(list)) {
		cJSON_Delete(list);
		return cJSON_CreateArray();
	}
	for (item = list->child; item; item = next) {
		next = item->next;
		if (suite_ran(cJSON_GetStringValue(cJSON_GetObjectItem(item, "suite"))))
			cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
	}
	return list;
}

int report_write(const char *path)
{
	cJSON *list = other_rows(path);
	char *text;
	FILE *f;
	int r = 0;

	for (unsigned i = 0; i < nr_rows; i++)
		cJSON_AddItemToArray(list, row_json(&rows[i]));
	text = cJSON_Print(list);
	cJSON_Delete(list);
	f = fopen(path, "we");
	if (!text || !f || fprintf(f, "%s\n", text) < 0)
		r = -errno;
	if (f && fclose(f))
		r = -errno;
	free(text);
	return r;
}
