/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Command lines: options, words, suggestions, and objects that are looked at before they are
 * opened.
 */
#include "tests/harness/test.h"

#include <linux/btf.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/objcheck.h"

struct conf {
	bool flag;
	const char *text;
	uint64_t number;
	struct hex_bytes hex;
};

static const struct opt opts[] = {
	OPT(struct conf, flag, opt_flag, "flag", 'f', .help = ""),
	OPT(struct conf, text, opt_string, "text", 't', .value = "T", .help = ""),
	OPT(struct conf, number, opt_number, "number", 'n', .value = "N", .help = "", .min = 2,
	    .max = 20),
	OPT(struct conf, hex, opt_hex, "hex", 0, .value = "HEX", .help = ""),
	{ 0 },
};

/* Parses the words, which end with NULL; errors are kept, as in JSON. */
static int parse(struct cli *c, struct conf *conf, char **argv, int *argc)
{
	*c = (struct cli){ .json = true };
	*conf = (struct conf){ 0 };
	for (*argc = 0; argv[*argc]; ++*argc)
		;
	return opt_parse(c, opts, conf, false, argc, argv);
}

#define PARSE(...) parse(&c, &conf, (char **)(const char *[]){ __VA_ARGS__, NULL }, &argc)

TEST(options_in_all_their_forms)
{
	struct cli c;
	struct conf conf;
	int argc;

	ASSERT_EQ(PARSE("a", "-ft", "x", "b", "--number=0x10", "--", "-f"), CLI_OK);
	ASSERT_EQ(argc, 3);
	ASSERT(conf.flag && conf.number == 16);
	ASSERT_STREQ(conf.text, "x");
	ASSERT_EQ(PARSE("-tvalue", "-", "-pd"), CLI_OK);
	ASSERT_STREQ(conf.text, "value");
	ASSERT(c.pretty && c.json && c.debug && argc == 1);
}

TEST(what_is_left_ends_with_null)
{
	const char *argv[] = { "a", "-f", "b", "--text", "t", "c", NULL };
	struct cli c;
	struct conf conf;
	int argc;

	ASSERT_EQ(parse(&c, &conf, (char **)argv, &argc), CLI_OK);
	ASSERT_EQ(argc, 3);
	ASSERT_STREQ(argv[2], "c");
	ASSERT(!argv[3]);
}

static void expect_refused(const char *why, char **argv)
{
	struct cli c;
	struct conf conf;
	int argc;

	ASSERT_EQ(parse(&c, &conf, (char **)argv, &argc), CLI_USAGE);
	ASSERT_STRHAS(c.error, why);
	opt_free(opts, &conf);
	free(c.error);
}

#define REFUSED(why, ...) expect_refused(why, (char **)(const char *[]){ __VA_ARGS__, NULL })

TEST(options_that_are_refused)
{
	REFUSED("did you mean --number?", "--nubmer", "3");
	REFUSED("unknown option -x", "-x");
	REFUSED("a number from 2 to 20", "--number", "1");
	REFUSED("a number from 2 to 20", "--number", "21");
	REFUSED("a number from 2 to 20", "--number", "-3");
	REFUSED("a number from 2 to 20", "--number", "3x");
	REFUSED("a number from 2 to 20", "--number", "");
	REFUSED("needs a value: N", "--number");
	REFUSED("needs a value: T", "-t");
	REFUSED("takes no value", "--flag=1");
	REFUSED("byte 1", "--hex", "00f");
	REFUSED("byte 0", "--hex", "xy");
}

TEST(bytes_in_hex)
{
	struct cli c;
	struct conf conf;
	int argc;

	ASSERT_EQ(PARSE("--hex", "00:fF 10", "--hex=ABcd"), CLI_OK);
	ASSERT_EQ(conf.hex.size, 2);
	ASSERT_MEMEQ(conf.hex.data, "\xab\xcd", 2);
	opt_free(opts, &conf);
	ASSERT_EQ(PARSE("--hex", ""), CLI_OK);
	ASSERT(conf.hex.data && !conf.hex.size);
	opt_free(opts, &conf);
	skep_alloc_fail_at(1);
	ASSERT_EQ(PARSE("--hex", "00"), CLI_USAGE);
	skep_alloc_fail_at(0);
	ASSERT_STRHAS(c.error, "out of memory");
	free(c.error);
}

static const char *word_at(const void *arg, size_t i)
{
	return ((const char *const *)arg)[i];
}

TEST(suggestions)
{
	static const char *const words[] = { "load", "show", "dump", "delete", NULL };

	ASSERT_STREQ(words_suggest("laod", word_at, words), "load");
	ASSERT_STREQ(words_suggest("sho", word_at, words), "show");
	ASSERT_STREQ(words_suggest("deelte", word_at, words), "delete");
	ASSERT(!words_suggest("quux", word_at, words));
	ASSERT(!words_suggest("", word_at, words));
	/* Longer than what is compared. */
	ASSERT(!words_suggest("dddddddddddddddddddddddddddddddddddddddddddd", word_at,
			      (const char *const[]){ "x", NULL }));
}

/* --- objects ------------------------------------------------------------------------------------
 */

static char path[64];

/* A file of BTF alone: these types and strings. */
static void write_btf(const uint32_t *types, size_t types_size, const char *strings, size_t n)
{
	struct btf_header h = { .magic = BTF_MAGIC,
				.version = 1,
				.hdr_len = sizeof(h),
				.type_len = (uint32_t)types_size,
				.str_off = (uint32_t)types_size,
				.str_len = (uint32_t)n };
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/skep-cli-XXXXXX");
	f = fdopen(mkstemp(path), "wb");
	ASSERT(f && fwrite(&h, sizeof(h), 1, f) == 1);
	ASSERT(fwrite(types, 1, types_size, f) == types_size && fwrite(strings, 1, n, f) == n);
	fclose(f);
}

#define INFO(kind, vlen) ((uint32_t)(kind) << 24 | (vlen))

static void expect_btf(int err, const char *why, const uint32_t *types, size_t size)
{
	struct skep_diag d = { 0 };

	write_btf(types, size, "\0name", 6);
	ASSERT_EQ(objcheck_btf(path, &d), err);
	if (err)
		ASSERT_STRHAS(d.msg, why);
	unlink(path);
}

#define BTF_IS(err, why, ...) \
	expect_btf(err, why, (uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }))

TEST(btf_that_can_be_followed)
{
	/* int; typedef of it; struct { name: typedef }; pointer to that */
	BTF_IS(0, "", 1, INFO(BTF_KIND_INT, 0), 4, 32, 1, INFO(BTF_KIND_TYPEDEF, 0), 1, 1,
	       INFO(BTF_KIND_STRUCT, 1), 4, 1, 2, 0, 0, INFO(BTF_KIND_PTR, 0), 3);
	/* A struct may point to itself. */
	BTF_IS(0, "", 1, INFO(BTF_KIND_STRUCT, 1), 8, 1, 2, 0, 0, INFO(BTF_KIND_PTR, 0), 1);
}

TEST(btf_that_leads_astray)
{
	BTF_IS(-EINVAL, "refers to", 0, INFO(BTF_KIND_PTR, 0), 7);
	BTF_IS(-EINVAL, "refers to itself", 0, INFO(BTF_KIND_CONST, 0), 2, 0,
	       INFO(BTF_KIND_VOLATILE, 0), 1);
	BTF_IS(-EINVAL, "its name", 6, INFO(BTF_KIND_INT, 0), 4, 32);
	BTF_IS(-EINVAL, "cut off", 1, INFO(BTF_KIND_STRUCT, 2), 8, 1, 0, 0);
	BTF_IS(-EINVAL, "unknown kind", 0, INFO(31, 0), 0);
	BTF_IS(-EINVAL, "member's type", 1, INFO(BTF_KIND_STRUCT, 1), 8, 1, 9, 0);
	BTF_IS(-EINVAL, "member's name", 1, INFO(BTF_KIND_ENUM, 1), 4, 99, 0);
	BTF_IS(-EINVAL, "array", 0, INFO(BTF_KIND_ARRAY, 0), 0, 5, 0, 1);
	BTF_IS(-EINVAL, "without a prototype", 1, INFO(BTF_KIND_INT, 0), 4, 32, 1,
	       INFO(BTF_KIND_FUNC, 0), 1);
	BTF_IS(-EINVAL, "no variable", 1, INFO(BTF_KIND_DATASEC, 1), 4, 0, 0, 4);
}

TEST(btf_without_memory)
{
	const uint32_t types[] = { 1, INFO(BTF_KIND_INT, 0), 4, 32 };
	struct skep_diag d = { 0 };

	write_btf(types, sizeof(types), "\0name", 6);
	skep_alloc_fail_at(1);
	ASSERT_EQ(objcheck_btf(path, &d), -ENOMEM);
	skep_alloc_fail_at(0);
	ASSERT_EQ(objcheck_btf(path, NULL), 0);
	unlink(path);
}
