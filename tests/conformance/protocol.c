/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * protocol.c - skep-conformance as bpf_conformance drives it, and what only it can run: callx, and
 * immediates that Linux refuses.
 */
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/base.h"
#include "base/strbuf.h"
#include "isa/isa.h"
#include "tests/harness/test.h"

static const char *const engines[] = { "--interp", "--jit" };

struct result {
	int status; /* of exit */
	char out[256], err[1024];
};

static void slurp(int fd, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t r;

	while (n < size - 1 && (r = read(fd, buf + n, size - 1 - n)) > 0)
		n += (size_t)r;
	buf[n] = '\0';
	close(fd);
}

/* Runs the plugin; arguments end with NULL. */
static struct result plugin(const char *input, const char *const argv[])
{
	struct result r = { 0 };
	int in[2], out[2], err[2], status;
	pid_t pid;

	ASSERT(!pipe(in) && !pipe(out) && !pipe(err));
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		execv(test_build_path("tests/conformance/skep-conformance"), (char **)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	/* every input here is shorter than a pipe */
	ASSERT_EQ(write(in[1], input, strlen(input)), strlen(input));
	close(in[1]);
	slurp(out[0], r.out, sizeof(r.out));
	slurp(err[0], r.err, sizeof(r.err));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	r.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	return r;
}

/* text as bpf_conformance hands it over: "b7  00  ...", in one line. */
static char *as_hex(const char *text)
{
	struct bpf_insn *insns;
	uint32_t cnt;
	char *hex, *p;

	ASSERT_EQ(isa_asm(text, strlen(text), NULL, &insns, &cnt, NULL), 0);
	p = hex = malloc(cnt * sizeof(*insns) * 4 + 2);
	ASSERT(hex);
	for (size_t i = 0; i < cnt * sizeof(*insns); i++)
		p += sprintf(p, "%02x  ", ((const uint8_t *)insns)[i]);
	strcpy(p, "\n");
	skep_free(insns);
	return hex;
}

static const struct {
	const char *text, *memory, *out;
} cases[] = {
	{ "r0 = 0x123456789abcdef0 ll\nexit", "", "123456789abcdef0\n" },
	{ "r0 = *(u16 *)(r1 +1)\nexit", "01  02  03  ", "302\n" },
	{ "r0 = r2\nexit", "01 02 03 04 05", "5\n" },
	{ "r0 = r2\nexit", "", "0\n" },
	{ "r0 = r1\nr0 &= 7\nexit", "0102030405060708", "0\n" },
	/* helper 5, ktime_get_ns, through a register: anything but a crash is right */
	{ "r2 = 5\ncallx r2\nr0 = 2\nexit", "", "2\n" },
	{ "r7 = 8\nr6 = 3\ncallx r7\nr0 = r6\nexit", "", "3\n" },
	{ "r0 = 7\ncall kernel-function#42\nexit", "", "0\n" },
	/* code that cannot be reached */
	{ "r0 = 7\nexit\nr0 = 8\nr1 = 1 ll\nexit", "", "7\n" },
	/* a division by an immediate 0 gives 0, a modulo the dividend; shifts are masked */
	{ "r0 = 7\nr0 /= 0\nexit", "", "0\n" },
	{ "w0 = -1\nw0 s/= 0\nexit", "", "0\n" },
	{ "r0 = -7\nr0 %= 0\nexit", "", "fffffffffffffff9\n" },
	{ "r0 = -7\nw0 s%= 0\nexit", "", "fffffff9\n" },
	{ "r0 = -1\nw0 >>= 40\nexit", "", "ffffff\n" },
	{ "r0 = 1\nr0 <<= 65\nexit", "", "2\n" },
	{ "r0 = -16\nr0 s>>= 66\nexit", "", "fffffffffffffffc\n" },
};

TEST(programs_run_on_both_engines)
{
	for (size_t e = 0; e < ARRAY_SIZE(engines); e++) {
		for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
			const char *const argv[] = { "skep-conformance", cases[c].memory,
						     engines[e], NULL };
			char *hex = as_hex(cases[c].text);
			struct result r = plugin(hex, argv);

			ASSERT_MSG(!strcmp(r.out, cases[c].out) && r.status == 0,
				   "%s\n%s: \"%s\", expected \"%s\", exit %d, %s", cases[c].text,
				   engines[e], r.out, cases[c].out, r.status, r.err);
			free(hex);
		}
	}
}

/* Any white space, several lines, none at all; the memory may be left out. */
TEST(hex_is_read_generously)
{
	static const char *const inputs[] = {
		"b70000000700000095000000000000000",
		"b700000007000000\n9500000000000000\n",
		"b7 00 00 00 07 00 00 00 95 00 00 00 00 00 00 00",
		"B7  00 00 00\t07 00 00 00\r\n95 00 00 00 00 00 00 00",
	};
	const char *const with_engine[] = { "skep-conformance", "--interp", NULL };
	const char *const bare[] = { "skep-conformance", NULL };
	const char *const by_option[] = { "skep-conformance", "--program",
					  "b7000000070000009500000000000000", NULL };

	for (size_t i = 1; i < ARRAY_SIZE(inputs); i++)
		ASSERT_STREQ(plugin(inputs[i], with_engine).out, "7\n");
	ASSERT_EQ(plugin(inputs[0], with_engine).status, 1);
	ASSERT_STREQ(plugin(inputs[1], bare).out, "7\n");
	ASSERT_STREQ(plugin("", by_option).out, "7\n");
}

TEST(errors_go_to_stderr)
{
	static const struct {
		const char *input, *option, *err;
		int status;
	} wrong[] = {
		{ "", "--jit", "not made of 8-byte instructions", 1 },
		{ "b7 00 00", "--jit", "not made of 8-byte instructions", 1 },
		{ "b7 zz", "--jit", "the program is not hex", 1 },
		{ "ff00000000000000 9500000000000000", "--jit", "unknown opcode ff", 1 },
		{ "ff00000000000000 9500000000000000", "--interp", "unknown opcode ff", 1 },
		{ "b700000007000000", "--interp", "last insn is not an exit or jmp", 1 },
		{ "9500000000000000", "--fast", "unknown argument \"--fast\"", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const char *const argv[] = { "skep-conformance", "", wrong[i].option, NULL };
		struct result r = plugin(wrong[i].input, argv);

		ASSERT_EQ(r.status, wrong[i].status);
		ASSERT_STREQ(r.out, "");
		ASSERT_STRHAS(r.err, wrong[i].err);
	}
}

TEST(help_says_how)
{
	const char *const argv[] = { "skep-conformance", "--help", NULL };
	struct result r = plugin("", argv);

	ASSERT_EQ(r.status, 0);
	ASSERT_STRHAS(r.out, "--interp");
}
