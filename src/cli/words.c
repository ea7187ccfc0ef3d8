/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.c - the words of a command line, in bpftool's manner: keywords may be shortened.
 */
#include "cli/cli.h"

#include <stdlib.h>

bool is_prefix(const char *s, const char *word)
{
	return *s && !strncmp(s, word, strlen(s));
}

const char *words_take(struct cli *c, struct words *w, const char *what)
{
	if (!w->n) {
		cli_usage(c, "%s is missing (--help explains)", what);
		return NULL;
	}
	w->n--;
	return *w->at++;
}

bool words_accept(struct words *w, const char *word)
{
	if (!w->n || !is_prefix(*w->at, word))
		return false;
	w->n--;
	w->at++;
	return true;
}

int words_end(struct cli *c, const struct words *w)
{
	return w->n ? cli_usage(c, "unexpected word '%s' (--help explains)", *w->at) : CLI_OK;
}

int words_number(struct cli *c, const char *word, const char *what, uint64_t max, uint64_t *ret)
{
	uint64_t v;
	char *end;

	errno = 0;
	v = strtoull(word, &end, 0);
	if (end == word || *end || errno || *word == '-' || v > max)
		return cli_usage(c, "%s: '%s' is no number from 0 to %llu", what, word,
				 (unsigned long long)max);
	*ret = v;
	return CLI_OK;
}

/* Edit distance with neighbours swapped counting once; up to 31 characters are looked at. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strnlen(a, 31), m = strnlen(b, 31), d[32][32];

	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			best = MIN(best, d[i - 1][j] + 1);
			best = MIN(best, d[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, d[i - 2][j - 2] + 1);
			d[i][j] = best;
		}
	}
	return d[n][m];
}

const char *words_suggest(const char *word, const char *(*at)(const void *arg, size_t i),
			  const void *arg)
{
	const char *name, *best = NULL;
	size_t best_d = strlen(word) / 2 + 1;

	for (size_t i = 0; (name = at(arg, i)); i++) {
		size_t d = distance(word, name);

		if (d < best_d) {
			best_d = d;
			best = name;
		}
	}
	return best;
}
