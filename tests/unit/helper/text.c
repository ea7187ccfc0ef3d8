/* SPDX-License-Identifier: BSD-2-Clause */
/* text.c - formats and numbers: by themselves, and beside the host's helpers */
#include "tests/harness/host.h"
#include "tests/unit/helper/helper_test.h"

#include <unistd.h>

#define OUT_SIZE 1000

/* bpf_snprintf: what came back, and the text. */
struct formatted {
	int64_t ret;
	char text[OUT_SIZE];
};

static void ours(struct formatted *f, const char *fmt, const uint64_t *args, uint32_t n,
		 uint32_t size)
{
	memset(f, 0, sizeof(*f));
	f->ret = (int64_t)CALL(snprintf, P(f->text), size, P(fmt), P(args), n * 8);
}

/* What the host's program finds in its map. */
struct host_io {
	uint64_t args[3];
	uint8_t pointee[48];
	struct formatted f;
};

/* An address of either family, and a string from byte 16 on. */
static const uint8_t pointee[48] = { 0x20, 1, 0xd, 0xb8, [15] = 1, [16] = 'h', 'o', 'n', 'e', 'y' };

/* args[i] = the address of pointee + off. */
#define ARG_AT(i, off)                                                                     \
	I_MOV_REG(1, 6), I_ALU_IMM(BPF_ADD, 1, offsetof(struct host_io, pointee) + (off)), \
		I_STX(BPF_DW, 6, 1, (i)*8)

/*
 * bpf_snprintf of the host: the format in a frozen map, arguments and text in another.  What the
 * verifier refuses gives its -EINVAL.  With at_pointee the arguments are offsets into pointee.
 */
static void host_snprintf(struct formatted *f, const char *fmt, const uint64_t args[3],
			  bool at_pointee, uint32_t size)
{
	struct host_io io = { 0 };
	char fmt_value[128] = { 0 };
	int fmt_map = host_array(sizeof(fmt_value), BPF_F_RDONLY_PROG);
	int io_map = host_array(sizeof(io), 0);
	struct bpf_insn insns[] = {
		I_MAP_VALUE(6, io_map),
		I_MAP_VALUE(3, fmt_map),
		I_MOV_IMM(0, at_pointee),
		I_JMP_IMM(BPF_JEQ, 0, 0, 9),
		ARG_AT(0, (int32_t)args[0]),
		ARG_AT(1, (int32_t)args[1]),
		ARG_AT(2, (int32_t)args[2]),
		I_MOV_REG(1, 6),
		I_ALU_IMM(BPF_ADD, 1, offsetof(struct host_io, f.text)),
		I_MOV_IMM(2, (int32_t)size),
		I_MOV_REG(4, 6),
		I_MOV_IMM(5, sizeof(io.args)),
		I_CALL(BPF_FUNC_snprintf),
		I_STX(BPF_DW, 6, 0, offsetof(struct host_io, f.ret)),
		I_MOV_IMM(0, 0),
		I_EXIT,
	};
	struct host_run r = { 0 };
	int fd;

	memcpy(fmt_value, fmt, strlen(fmt));
	host_write(fmt_map, fmt_value);
	host_freeze(fmt_map);
	memcpy(io.args, args, sizeof(io.args));
	memcpy(io.pointee, pointee, sizeof(pointee));
	host_write(io_map, &io);
	fd = host_load(&(struct host_prog){ BPF_PROG_TYPE_SYSCALL, 0, BPF_F_SLEEPABLE, insns,
					    ARRAY_SIZE(insns) });
	io.f.ret = fd;
	if (fd >= 0) {
		ASSERT_EQ(host_run(fd, BPF_PROG_TYPE_SYSCALL, &r), 0);
		host_read(io_map, &io);
		close(fd);
	}
	*f = io.f;
	close(fmt_map);
	close(io_map);
}

static const uint8_t ip4[4] = { 192, 168, 1, 7 };
static const uint8_t ip6[16] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };

static const struct {
	const char *fmt;
	uint64_t args[3];
	const char *text; /* NULL: -EINVAL */
} formats[] = {
	{ "plain", { 0 }, "plain" },
	{ "100%%", { 0 }, "100%" },
	{ "%d %d", { 1, (uint64_t)-2 }, "1 -2" },
	{ "%i|%u", { (uint64_t)-1, (uint64_t)-1 }, "-1|4294967295" },
	{ "%d", { 0x1ffffffff }, "-1" },
	{ "%ld %lld", { (uint64_t)-5, INT64_MIN }, "-5 -9223372036854775808" },
	{ "%lu %llu", { UINT64_MAX, 0 }, "18446744073709551615 0" },
	{ "%x %X %lx %llX", { 0xbeef, 0xbeef, 0x123456789abcdef }, NULL },
	{ "%x %X %lx", { 0xbeef, 0xbeef, 0x123456789abcdef }, "beef BEEF 123456789abcdef" },
	{ "[%5d][%-5d][%05d]", { 42, 42, 42 }, "[   42][42   ][00042]" },
	{ "[%+d][% d][%+5d]", { 42, 42, (uint64_t)-42 }, "[+42][ 42][  -42]" },
	{ "[%-05d][%+05d][%0+5d]", { 42, 42, 42 }, "[42   ][+0042][+0042]" },
	{ "[% 05d][%+u][% x]", { 42, 42, 42 }, "[ 0042][42][2a]" },
	{ "[%3d][%-3d][%03d]", { 12345, 12345, 12345 }, "[12345][12345][12345]" },
	{ "[%c][%3c][%-3c]", { 'a', 'b', 'c' }, "[a][  b][c  ]" },
	{ "[%c]", { 0x141 }, "[A]" },
	{ "[%px]", { 0x1234 }, "[0000000000001234]" },
	{ "[%20px][%-20px]", { 0x1234, 0x1234 }, "[                1234][1234                ]" },
	{ "%px", { 0 }, "0000000000000000" },
	{ "\t%d\n", { 3 }, "\t3\n" },
	{ "\001%d", { 3 }, NULL },
	{ "%", { 0 }, NULL },
	{ "%5", { 0 }, NULL },
	{ "%5%", { 0 }, NULL },
	{ "%l", { 0 }, NULL },
	{ "%llld", { 0 }, NULL },
	{ "%hd", { 0 }, NULL },
	{ "%#x", { 0 }, NULL },
	{ "%.3d", { 0 }, NULL },
	{ "%*d", { 0 }, NULL },
	{ "%f", { 0 }, NULL },
	{ "%n", { 0 }, NULL },
	{ "%o", { 0 }, NULL },
	{ "%pX", { 0 }, NULL },
	{ "%pI", { 0 }, NULL },
	{ "%pI5", { 0 }, NULL },
	{ "%pk", { 0 }, NULL },
	{ "%sx", { 0 }, NULL },
	{ "%d %d %d %d", { 0 }, NULL },
};

TEST(formats_follow_the_kernels_rules)
{
	struct formatted f;

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		ours(&f, formats[i].fmt, formats[i].args, 3, OUT_SIZE);
		if (!formats[i].text) {
			ASSERT_MSG(f.ret == -EINVAL && !f.text[0], "%s: %lld", formats[i].fmt,
				   (long long)f.ret);
			continue;
		}
		ASSERT_STREQ(f.text, formats[i].text);
		ASSERT_EQ(f.ret, strlen(f.text) + 1);
	}
}

TEST(formats_of_pointers)
{
	const uint64_t args[] = { P(ip4), P(ip6), P("honey"), P(test_bad_address()) };
	struct formatted f;

	ours(&f, "%pI4 %pi4 %pI4", (uint64_t[]){ P(ip4), P(ip4), 0 }, 3, OUT_SIZE);
	ASSERT_STREQ(f.text, "192.168.1.7 192.168.001.007 0.0.0.0");
	ours(&f, "%pI6 %pi6", (uint64_t[]){ P(ip6), P(ip6) }, 2, OUT_SIZE);
	ASSERT_STREQ(f.text, "2001:0db8:0000:0000:0000:0000:0000:0001 "
			     "20010db8000000000000000000000001");
	ours(&f, "[%s][%8s][%-8s]", (uint64_t[]){ args[2], args[2], args[2] }, 3, OUT_SIZE);
	ASSERT_STREQ(f.text, "[honey][   honey][honey   ]");
	ours(&f, "[%pks][%pus][%s]", (uint64_t[]){ args[2], args[2], args[3] }, 3, OUT_SIZE);
	ASSERT_STREQ(f.text, "[honey][honey][]");
	ours(&f, "[%pB][%ps][%12pS]", (uint64_t[]){ 0x12ab, 0x12ab, 0x12ab }, 3, OUT_SIZE);
	ASSERT_STREQ(f.text, "[0x12ab][0x12ab][      0x12ab]");
	ours(&f, "[%p][%pK]", (uint64_t[]){ 0x12ab, 0x12ab }, 2, OUT_SIZE);
	ASSERT_STREQ(f.text, "[00000000000012ab][00000000000012ab]");
}

TEST(snprintf_cuts_but_counts)
{
	const uint64_t args[] = { 123456 };
	struct formatted f;

	ours(&f, "<%d>", args, 1, 4);
	ASSERT_STREQ(f.text, "<12");
	ASSERT_EQ(f.ret, 9);
	ours(&f, "<%d>", args, 1, 0);
	ASSERT_EQ(f.ret, 9);
	ASSERT_EQ(f.text[0], 0);
	ASSERT_EQ(CALL(snprintf, 0, 0, P("%300d"), P(args), 8), 301);
	/* A huge width neither hangs nor overflows. */
	ours(&f, "%99999999999999d", args, 1, OUT_SIZE);
	ASSERT_EQ(f.ret, 1 << 23);
}

TEST(snprintf_checks_its_arguments)
{
	uint64_t args[13] = { 0 };
	char buf[8];

	ASSERT_EQ(CALL(snprintf, P(buf), 8, P("x"), P(args), 7), -EINVAL);
	ASSERT_EQ(CALL(snprintf, P(buf), 8, P("x"), P(args), 13 * 8), -EINVAL);
	ASSERT_EQ(CALL(snprintf, P(buf), 8, P("x"), 0, 8), -EINVAL);
	ASSERT_EQ(CALL(snprintf, P(buf), 8, P("x"), 0, 0), 2);
	ASSERT_EQ(CALL(snprintf, P(buf), 8, P("x"), P(args), 12 * 8), 2);
}

TEST(strings_share_512_bytes)
{
	char big[600];
	uint64_t args[3] = { P(big), P(big), 7 };
	struct formatted f;

	memset(big, 'b', sizeof(big));
	big[300] = 0;
	ours(&f, "%s|%s", args, 2, OUT_SIZE); /* 301 + 211 */
	ASSERT_EQ(f.ret, 300 + 1 + 210 + 1);
	ours(&f, "%s|%s|%d", args, 3, OUT_SIZE);
	ASSERT_EQ(f.ret, -ENOSPC);
	ours(&f, "%s|%s|%s", args, 3, OUT_SIZE);
	ASSERT_EQ(f.ret, -ENOSPC);
}

TEST(trace_printk_hands_out_the_line)
{
	const uint64_t args[] = { 1, 2, 3, 4 };
	char big[600];

	ASSERT_EQ(CALL(trace_printk, P("pid %d %s"), 10, 7, P("bee")), 9);
	ASSERT_STREQ(traced, "pid 7 bee");
	/* Not terminated within its size. */
	ASSERT_EQ(CALL(trace_printk, P("pid %d"), 6, 7), -EINVAL);
	ASSERT_EQ(CALL(trace_printk, P("%d %d %d %d"), 12, 7), -EINVAL);
	ASSERT_EQ(traced_lines, 1);

	ASSERT_EQ(CALL(trace_vprintk, P("%d %d %d %d"), 12, P(args), sizeof(args)), 7);
	ASSERT_STREQ(traced, "1 2 3 4");
	ASSERT_EQ(CALL(trace_vprintk, P("hello"), 6, 0, 0), 5);
	ASSERT_EQ(CALL(trace_vprintk, P("hello"), 6, 0, 8), -EINVAL);
	ASSERT_EQ(CALL(trace_vprintk, P("hello"), 6, P(args), 9), -EINVAL);
	ASSERT_EQ(CALL(trace_vprintk, P("hello"), 6, P(args), 13 * 8), -EINVAL);

	/* Longer than a line: cut, counted whole. */
	memset(big, 'b', sizeof(big));
	big[200] = 0;
	ASSERT_EQ(CALL(trace_printk, P("%900s%900s"), 11, P(big), P(big)), 1800);
	ASSERT_EQ(strlen(traced), 1023);
}

TEST(formats_are_the_hosts)
{
	struct formatted a, b;

	host_required();
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		ours(&a, formats[i].fmt, formats[i].args, 3, 64);
		host_snprintf(&b, formats[i].fmt, formats[i].args, false, 64);
		ASSERT_MSG(a.ret == b.ret, "\"%s\": host %lld, ours %lld", formats[i].fmt,
			   (long long)b.ret, (long long)a.ret);
		ASSERT_STREQ(a.text, b.text);
	}
}

static uint64_t rnd_state = 0x5eed;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rnd_state >> 33) % below;
}

/* A format of pieces that are likely to mean something together. */
static void random_format(char *fmt, size_t size)
{
	static const char *const pieces[] = {
		"%",   "%",   "%",  "d",  "i",	"u",  "x",    "X",	  "l",	 "ll",
		"s",   "c",   "px", "p",  "I4", "i6", "pI4",  "pi4",	  "pI6", "pi6",
		"pks", "pus", "0",  "-",  "+",	" ",  "5",    "12",	  "a",	 "Z",
		".",   ":",   "%%", "\n", "k",	"B",  "\x7f", "\xc3\xa9", "*",	 "#",
	};
	uint32_t n = 1 + rnd(9);

	for (*fmt = 0; n--;)
		strncat(fmt, pieces[rnd(ARRAY_SIZE(pieces))], size - strlen(fmt) - 1);
}

/* The host hides what %p and %pK show, and knows symbols. */
static bool hides_addresses(const char *fmt)
{
	for (const char *p = fmt; (p = strchr(p, 'p')); p++)
		if (!strchr("xiIku", p[1]) || !p[1])
			return true;
	return false;
}

TEST(random_formats_are_the_hosts)
{
	/* No addresses: what is read there is empty or zero. */
	const uint64_t args[] = { 7, (uint64_t)-123456789, 0x3132333435363738 };
	struct formatted a, b;
	char fmt[64];
	int good = 0;

	host_required();
	for (int i = 0; i < 3000; i++) {
		random_format(fmt, sizeof(fmt));
		ours(&a, fmt, args, 3, 80);
		host_snprintf(&b, fmt, args, false, 80);
		ASSERT_MSG((a.ret < 0 && a.ret == b.ret) || (a.ret > 0 && b.ret > 0),
			   "\"%s\": host %lld, ours %lld", fmt, (long long)b.ret, (long long)a.ret);
		if (!hides_addresses(fmt))
			ASSERT_MSG(a.ret == b.ret && !strcmp(a.text, b.text),
				   "\"%s\": host \"%s\", ours \"%s\"", fmt, b.text, a.text);
		good += a.ret > 0;
	}
	ASSERT_GT(good, 300); /* the formats are not all nonsense */
}

TEST(formats_of_pointers_are_the_hosts)
{
	static const char *const fmts[] = {
		"%pI4 %pi4 %pI4x",	   "%pI6 %pi6|%pI4",	"[%8pI4][%-30pi4]",
		"[%pks][%12pks][%-12pks]", "[%s][%12s][%-12s]", "[%012s][%+s][% s]",
		"%pI4abc%pI6:%pi6",	   "%pi4%%%pI4,%pI4",
	};
	static const uint64_t offsets[][3] = { { 0, 0, 0 }, { 16, 16, 16 }, { 17, 0, 20 } };
	struct formatted a, b;

	host_required();
	for (size_t i = 0; i < ARRAY_SIZE(fmts); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(offsets); k++) {
			uint64_t args[3];

			for (int n = 0; n < 3; n++)
				args[n] = P(pointee + offsets[k][n]);
			ours(&a, fmts[i], args, 3, 200);
			host_snprintf(&b, fmts[i], offsets[k], true, 200);
			ASSERT_EQ(a.ret, b.ret);
			ASSERT_STREQ(a.text, b.text);
		}
	}
}

TEST(random_bytes_as_formats_do_no_harm)
{
	const uint64_t args[] = { P(ip6), P(test_bad_address()), 0 };
	struct formatted f;
	char fmt[40];

	for (int i = 0; i < 200000; i++) {
		uint32_t n = rnd(sizeof(fmt)), size = rnd(OUT_SIZE);

		for (uint32_t k = 0; k < n; k++)
			fmt[k] = rnd(3) ? "%%%pIsduxlcks0-+ 123456789"[rnd(26)]
					: (char)(1 + rnd(255));
		fmt[n] = 0;
		ours(&f, fmt, args, 3, size);
		ASSERT(f.ret > 0 || f.ret == -EINVAL || f.ret == -ENOSPC);
		ASSERT(f.ret < 0 || strnlen(f.text, OUT_SIZE) < OUT_SIZE);
		for (uint32_t k = size; k < OUT_SIZE; k++)
			ASSERT_EQ(f.text[k], 0);
	}
}

/* --- numbers -----------------------------------------------------------------------------------
 */

static const struct {
	const char *text;
	uint64_t flags;
} numbers[] = {
	{ "0", 0 },
	{ "42", 0 },
	{ "-42", 0 },
	{ "+42", 0 },
	{ " \t\n42 ", 0 },
	{ "--1", 0 },
	{ "- 1", 0 },
	{ "", 0 },
	{ "   ", 0 },
	{ "-", 0 },
	{ "x", 0 },
	{ "0x", 0 },
	{ "0x1f", 0 },
	{ "0X1F", 16 },
	{ "0xg", 0 },
	{ "0xg", 16 },
	{ "1f", 16 },
	{ "1f", 10 },
	{ "017", 0 },
	{ "018", 0 },
	{ "08", 0 },
	{ "17", 8 },
	{ "018", 10 },
	{ "42abc", 10 },
	{ "42abc", 16 },
	{ "9223372036854775807", 0 },
	{ "9223372036854775808", 0 },
	{ "-9223372036854775808", 0 },
	{ "-9223372036854775809", 0 },
	{ "18446744073709551615", 0 },
	{ "18446744073709551616", 0 },
	{ "0xffffffffffffffff", 0 },
	{ "0x10000000000000000", 0 },
	{ "42", 2 },
	{ "42", 7 },
	{ "42", 31 },
	{ "42", 32 },
	{ "42", 1ull << 40 },
	{ "\xa0"
	  "42",
	  0 },
	{ "00000000000000000000000000000000000000000000000000000000000000009", 10 },
	{ "1111111111111111111111111111111111111111111111111111111111111111", 10 },
};

struct number_io {
	uint64_t len, flags;
	int64_t ret;
	uint64_t value;
	char text[64];
};

/* Any text and base through the host's helper. */
static int number_prog(uint32_t helper, int map)
{
	const struct bpf_insn insns[] = {
		I_MAP_VALUE(6, map),
		I_LDX(BPF_DW, 2, 6, 0),
		I_JMP_IMM(BPF_JEQ, 2, 0, 8),
		I_JMP_IMM(BPF_JGT, 2, 64, 7),
		I_MOV_REG(1, 6),
		I_ALU_IMM(BPF_ADD, 1, offsetof(struct number_io, text)),
		I_LDX(BPF_DW, 3, 6, offsetof(struct number_io, flags)),
		I_MOV_REG(4, 6),
		I_ALU_IMM(BPF_ADD, 4, offsetof(struct number_io, value)),
		I_CALL((int32_t)helper),
		I_STX(BPF_DW, 6, 0, offsetof(struct number_io, ret)),
		I_MOV_IMM(0, 0),
		I_EXIT,
	};
	int fd = host_load(&(struct host_prog){ BPF_PROG_TYPE_SYSCALL, 0, BPF_F_SLEEPABLE, insns,
						ARRAY_SIZE(insns) });
	ASSERT_GE(fd, 0);
	return fd;
}

static void numbers_are_the_hosts(uint32_t helper)
{
	int map, fd;

	host_required();
	map = host_array(sizeof(struct number_io), 0);
	fd = number_prog(helper, map);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct number_io io = { .flags = numbers[i].flags };
		struct host_run r = { 0 };
		uint64_t value = 99;
		int64_t ret;

		io.len = MIN(strlen(numbers[i].text), 64);
		memcpy(io.text, numbers[i].text, io.len);
		if (!io.len)
			continue; /* the verifier refuses it */
		host_write(map, &io);
		ASSERT_EQ(host_run(fd, BPF_PROG_TYPE_SYSCALL, &r), 0);
		host_read(map, &io);
		ret = (int64_t)test_call(helper, P(io.text), io.len, io.flags, P(&value), 0);
		ASSERT_MSG(ret == io.ret && value == io.value,
			   "\"%s\" %llu: host %lld %llx, ours %lld %llx", numbers[i].text,
			   (unsigned long long)io.flags, (long long)io.ret,
			   (unsigned long long)io.value, (long long)ret, (unsigned long long)value);
	}
}

TEST(strtol_is_the_hosts)
{
	numbers_are_the_hosts(BPF_FUNC_strtol);
}

TEST(strtoul_is_the_hosts)
{
	numbers_are_the_hosts(BPF_FUNC_strtoul);
}

TEST(strtol_by_itself)
{
	int64_t v = 99;
	uint64_t u = 99;

	ASSERT_EQ(CALL(strtol, P("-42x"), 4, 0, P(&v)), 3);
	ASSERT_EQ(v, -42);
	ASSERT_EQ(CALL(strtol, P("42"), 1, 10, P(&v)), 1); /* only what its size spans */
	ASSERT_EQ(v, 4);
	ASSERT_EQ(CALL(strtol, P("x"), 1, 0, P(&v)), -EINVAL);
	ASSERT_EQ(v, 0);
	ASSERT_EQ(CALL(strtol, P("9223372036854775808"), 19, 0, P(&v)), -ERANGE);
	ASSERT_EQ(CALL(strtol, 0, 1, 0, P(&v)), -EINVAL);
	ASSERT_EQ(CALL(strtol, P("1"), 0, 0, P(&v)), -EINVAL);
	ASSERT_EQ(CALL(strtoul, P("0x10"), 4, 0, P(&u)), 4);
	ASSERT_EQ(u, 16);
	ASSERT_EQ(CALL(strtoul, P("-1"), 2, 0, P(&u)), -EINVAL);
	ASSERT_EQ(u, 0);
}

TEST(strncmp_compares_bytes)
{
	ASSERT_EQ(CALL(strncmp, P("abc"), 3, P("abc")), 0);
	ASSERT_EQ(CALL(strncmp, P("abc"), 3, P("abd")), -1);
	ASSERT_EQ(CALL(strncmp, P("abd"), 3, P("abc")), 1);
	ASSERT_EQ(CALL(strncmp, P("abd"), 2, P("abc")), 0);
	ASSERT_EQ(CALL(strncmp, P("ab"), 3, P("abc")), -1);
	ASSERT_EQ(CALL(strncmp, P("ab\0x"), 4, P("ab\0y")), 0);
	ASSERT_EQ(CALL(strncmp, P("\x80"), 1, P("a")), 1); /* unsigned */
}
