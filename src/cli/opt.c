/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt.c - options as table rows: one row is what parses, checks and explains an option.
 */
#include "cli/cli.h"

#include <stdlib.h>

#include "base/alloc.h"

static int parse_flag(const struct opt *o, const char *text, void *dst, char *why, size_t n)
{
	*(bool *)dst = true;
	return 0;
}

static int parse_string(const struct opt *o, const char *text, void *dst, char *why, size_t n)
{
	*(const char **)dst = text;
	return 0;
}

static int parse_number(const struct opt *o, const char *text, void *dst, char *why, size_t n)
{
	uint64_t v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (end == text || *end || errno || *text == '-' || v < o->min || v > o->max) {
		snprintf(why, n, "a number from %llu to %llu", (unsigned long long)o->min,
			 (unsigned long long)o->max);
		return -EINVAL;
	}
	*(uint64_t *)dst = v;
	return 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Pairs of digits; blanks and colons between pairs are skipped. */
static int parse_hex(const struct opt *o, const char *text, void *dst, char *why, size_t n)
{
	struct hex_bytes *h = dst;
	uint8_t *data = skep_alloc(strlen(text) / 2 + 1);
	size_t size = 0;

	if (!data) {
		snprintf(why, n, "less: out of memory");
		return -ENOMEM;
	}
	while (*text) {
		if (*text == ' ' || *text == ':') {
			text++;
			continue;
		}
		if (hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0) {
			skep_free(data);
			snprintf(why, n, "bytes as pairs of hex digits; byte %zu is not", size);
			return -EINVAL;
		}
		data[size++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
		text += 2;
	}
	skep_free(h->data);
	h->data = data;
	h->size = size;
	return 0;
}

const struct opt_type opt_flag = { false, parse_flag };
const struct opt_type opt_string = { true, parse_string };
const struct opt_type opt_number = { true, parse_number };
const struct opt_type opt_hex = { true, parse_hex };

const struct opt cli_options[] = {
	OPT(struct cli, json, opt_flag, "json", 'j', .help = "answer in JSON"),
	OPT(struct cli, pretty, opt_flag, "pretty", 'p', .help = "answer in JSON for people"),
	OPT(struct cli, debug, opt_flag, "debug", 'd', .help = "show all that libbpf says"),
	OPT(struct cli, object, opt_string, "object", 'O', .value = "OBJ",
	    .help = "load OBJ before the command"),
	OPT(struct cli, interp, opt_flag, "interp", 0,
	    .help = "run programs in the interpreter, which checks memory accesses"),
	OPT(struct cli, help, opt_flag, "help", 'h', .help = "explain the command"),
	OPT(struct cli, version, opt_flag, "version", 'V', .help = "print the version"),
	{ 0 },
};

/* An option in a table, and the struct that its row fills. */
struct found {
	const struct opt *row;
	void *base;
};

static const struct opt *find_row(const struct opt *rows, const char *name, size_t len, char letter)
{
	for (; rows && rows->name; rows++)
		if (letter ? rows->letter == letter
			   : strlen(rows->name) == len && !memcmp(rows->name, name, len))
			return rows;
	return NULL;
}

static struct found find_opt(struct cli *c, const struct opt *own, void *conf, const char *name,
			     size_t len, char letter)
{
	struct found f = { find_row(own, name, len, letter), conf };

	if (!f.row)
		f = (struct found){ find_row(cli_options, name, len, letter), c };
	return f;
}

/* Candidates for a mistyped long option: the command's own, then everybody's. */
static const char *opt_name_at(const void *arg, size_t i)
{
	const struct opt *own = arg;

	for (; own && own->name; own++)
		if (!i--)
			return own->name;
	return i < 7 ? cli_options[i].name : NULL;
}

static int unknown_option(struct cli *c, const struct opt *own, const char *arg)
{
	const char *near = words_suggest(arg + 2, opt_name_at, own);

	static_assert(sizeof(cli_options) / sizeof(cli_options[0]) == 7 + 1, "see opt_name_at");
	if (arg[1] == '-' && near)
		return cli_usage(c, "unknown option %s: did you mean --%s?", arg, near);
	return cli_usage(c, "unknown option %s (--help lists them)", arg);
}

static int take_value(struct cli *c, const struct found *f, const char *text)
{
	char why[128] = "";
	int r = f->row->type->parse(f->row, text, (char *)f->base + f->row->off, why, sizeof(why));

	return r ? cli_usage(c, "--%s %s: it takes %s", f->row->name, text, why) : CLI_OK;
}

/* "--name", "--name=value", "--name value"; *i is the index of the last argument used. */
static int parse_long(struct cli *c, const struct opt *own, void *conf, int argc, char **argv,
		      int *i)
{
	const char *name = argv[*i] + 2, *eq = strchr(name, '=');
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	struct found f = find_opt(c, own, conf, name, len, 0);

	if (!f.row)
		return unknown_option(c, own, argv[*i]);
	if (!f.row->type->takes_value) {
		if (eq)
			return cli_usage(c, "--%s takes no value", f.row->name);
		return take_value(c, &f, "");
	}
	if (eq)
		return take_value(c, &f, eq + 1);
	if (*i + 1 >= argc)
		return cli_usage(c, "--%s needs a value: %s", f.row->name, f.row->value);
	return take_value(c, &f, argv[++*i]);
}

/* "-jp", "-O value", "-Ovalue". */
static int parse_short(struct cli *c, const struct opt *own, void *conf, int argc, char **argv,
		       int *i)
{
	for (const char *s = argv[*i] + 1; *s; s++) {
		struct found f = find_opt(c, own, conf, NULL, 0, *s);
		int r;

		if (!f.row)
			return unknown_option(c, own, argv[*i]);
		if (!f.row->type->takes_value) {
			r = take_value(c, &f, "");
			if (r)
				return r;
			continue;
		}
		if (s[1])
			return take_value(c, &f, s + 1);
		if (*i + 1 >= argc)
			return cli_usage(c, "-%c needs a value: %s", *s, f.row->value);
		return take_value(c, &f, argv[++*i]);
	}
	return CLI_OK;
}

int opt_parse(struct cli *c, const struct opt *own, void *conf, bool raw, int *argc, char **argv)
{
	bool only_words = false;
	int n = 0, r = CLI_OK;

	for (int i = 0; i < *argc && r == CLI_OK; i++) {
		char *arg = argv[i];

		if (only_words || arg[0] != '-' || !arg[1]) {
			argv[n++] = arg;
			only_words |= raw;
		} else if (!strcmp(arg, "--")) {
			only_words = true;
		} else if (arg[1] == '-') {
			r = parse_long(c, own, conf, *argc, argv, &i);
		} else {
			r = parse_short(c, own, conf, *argc, argv, &i);
		}
	}
	c->json |= c->pretty;
	/* What is left is still a vector that NULL ends, as execvp wants it. */
	if (n < *argc)
		argv[n] = NULL;
	*argc = n;
	return r;
}

void opt_free(const struct opt *own, void *conf)
{
	for (; own && own->name; own++)
		if (own->type == &opt_hex)
			skep_free(((struct hex_bytes *)((char *)conf + own->off))->data);
}

void opt_print(FILE *out, const struct opt *rows)
{
	char left[64];

	for (; rows && rows->name; rows++) {
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", rows->letter ? '-' : ' ',
			 rows->letter ? rows->letter : ' ', rows->letter ? "," : " ", rows->name,
			 rows->value ? " " : "", rows->value ? rows->value : "");
		fprintf(out, "  %-26s %s\n", left, rows->help);
	}
}
