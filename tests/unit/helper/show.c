/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show.c - data by its type, for types that Linux and Skep have no one of in common.  The texts are
 * what Linux 6.18 says of types of the same shape; what both have is compared in tests/e2e/show.
 */
#include "btf/view.h"
#include "tests/unit/btf/raw.h"
#include "tests/unit/helper/helper_test.h"

#include <stdlib.h>

enum {
	T_INT = 1,
	T_CHAR,
	T_CONST,
	T_VOLATILE,
	T_VOID_PTR,
	T_CHARS,
	T_PAIR,
	T_PAIRS,
	T_HOLDER,
	T_ENUM,
	T_FWD,
	T_WIDE,
	T_LONG,
	T_VAR,
	T_SECTION,
	T_NOTHING,
	T_PTRS,
	T_TYPES,
};

/* Strings, each by where it begins. */
enum {
	INT_ = 1,
	CHAR_ = 5,
	PAIR_ = 10,
	A = 15,
	B = 17,
	FWD_ = 19,
	BIG = 23,
	WIDE = 27,
	SEC = 32,
	LONG_ = 37
};
#define LONG                                                                                    \
	"a_name_that_is_longer_than_anybody_will_want_to_read_in_a_single_line_of_the_text_at_" \
	"once"
static const char strings[] = "\0int\0char\0pair\0a\0b\0fwd\0BIG\0wide\0.sec\0" LONG;

static const uint32_t types[] = {
	INT(INT_, BTF_INT_SIGNED, 0, 32, 4),
	INT(CHAR_, BTF_INT_SIGNED, 0, 8, 1),
	CONST(T_INT),
	VOLATILE(T_INT),
	PTR(0),
	ARRAY(T_CHAR, T_INT, 8),
	STRUCT(PAIR_, 2, 8),
	MEMBER(A, T_CONST, 0),
	MEMBER(B, T_VOLATILE, 32),
	ARRAY(T_PAIR, T_INT, 2),
	STRUCT(0, 2, 20),
	MEMBER(A, T_PAIRS, 0),
	MEMBER(B, T_INT, 128),
	ENUM64(WIDE, 1, 8),
	BIG,
	0,
	1,
	FWD(FWD_, 0),
	INT(WIDE, 0, 0, 128, 16),
	TYPEDEF(LONG_, T_INT),
	VAR(A, T_INT, 1),
	DATASEC(SEC, 1, 4),
	VSI(T_VAR, 0, 4),
	CONST(0),
	ARRAY(T_VOID_PTR, T_INT, 2),
};

static char text[1024];

/* An environment with these types. */
static void know_types(void)
{
	static struct run_env env;
	static struct btf_view view;
	struct skep_btf *btf = NULL;
	struct raw raw;

	raw_make(&raw, types, ARRAY_SIZE(types), strings, sizeof(strings));
	ASSERT_EQ(btf_new(raw.data, raw.size, NULL, NULL, &btf, NULL), 0);
	ASSERT_EQ(btf_type_count(btf), T_TYPES);
	env = *test_run()->env;
	env.types = &view;
	btf_view_fill(&view, btf, malloc(btf_view_size(btf)));
	btf_put(btf);
	test_run()->env = &env;
}

static int64_t show(uint32_t type, const void *at, uint64_t flags)
{
	struct btf_ptr p = { (void *)(uintptr_t)at, type, 0 };

	if (!test_run()->env->types)
		know_types();
	strcpy(text, "untouched");
	return (int64_t)CALL(snprintf_btf, P(text), sizeof(text), P(&p), sizeof(p), flags);
}

#define ASSERT_SHOWN(type, at, want)                                             \
	do {                                                                     \
		ASSERT_EQ(show(type, at, BTF_F_COMPACT), (int64_t)strlen(want)); \
		ASSERT_STREQ(text, want);                                        \
	} while (0)

TEST(what_qualifies_a_type_takes_its_name)
{
	ASSERT_SHOWN(T_PAIR, ((int[]){ 1, -2 }), "(struct pair){.a = ()1,.b = ()-2,}");
	ASSERT_SHOWN(T_CONST, &(int){ 7 }, "()7");
	ASSERT_SHOWN(T_VOID_PTR, &(uint64_t){ 16 }, "( *)0x0000000000000010");
}

TEST(structs_of_an_array_have_no_names_within)
{
	ASSERT_SHOWN(T_HOLDER, ((int[]){ 1, 2, 0, 3, 4 }),
		     "(struct){.a = (struct pair[])[1,2,},3,},],.b = (int)4,}");
	ASSERT_SHOWN(T_HOLDER, ((int[]){ 0, 0, 0, 0, 4 }), "(struct){.b = (int)4,}");
	ASSERT_EQ(show(T_HOLDER, ((int[]){ 0, 0, 0, 0, 4 }), 0), 26);
	ASSERT_STREQ(text, "(struct){\n .b = (int)4,\n}\n");
}

TEST(arrays_of_characters_end_with_a_nul)
{
	ASSERT_SHOWN(T_CHARS, "foo\0bar", "(char[])['f','o','o',]");
	ASSERT_SHOWN(T_CHARS, "\1\xe9\x9f 0123", "(char[])[1,'\xe9',-97,' ','0','1','2','3',]");
	ASSERT_SHOWN(T_PTRS, ((uint64_t[]){ 1, 2 }),
		     "( *[])0x0000000000000001,0x0000000000000002,]");
}

TEST(wide_numbers)
{
	ASSERT_SHOWN(T_WIDE, ((uint64_t[]){ 0xff, 1 }), "(wide)0x100000000000000ff");
	ASSERT_SHOWN(T_ENUM, &(uint64_t){ UINT64_C(1) << 32 }, "(enum wide)BIG");
	ASSERT_SHOWN(T_ENUM, &(uint64_t){ UINT64_MAX }, "(enum wide)18446744073709551615");
}

TEST(names_are_cut_off)
{
	ASSERT_EQ(show(T_LONG, &(int){ 5 }, BTF_F_COMPACT), 80);
	ASSERT(!strncmp(text + 1, LONG, 78) && text[79] == '5');
}

TEST(what_cannot_be_shown)
{
	int there[2] = { 1, 2 };

	ASSERT_SHOWN(T_FWD, there, "<unsupported kind:7>");
	ASSERT_EQ(show(T_VAR, there, 0), -EINVAL);
	ASSERT_EQ(show(T_SECTION, there, 0), -EINVAL);
	ASSERT_EQ(show(T_NOTHING, there, 0), -EINVAL);
	ASSERT_EQ(show(0, there, 0), -EINVAL);
	ASSERT_EQ(show(T_TYPES, there, 0), -ENOENT);
	ASSERT_EQ(show(T_INT, there, 16), -EINVAL);
	ASSERT_EQ(show(T_INT, test_bad_address(), 0), -EFAULT);
	ASSERT_STREQ(text, "untouched");
}

TEST(half_of_it_is_there)
{
	memcpy(test_page_end() - 4, &(int){ 1 }, 4);
	ASSERT_EQ(show(T_PAIR, test_page_end() - 4, BTF_F_COMPACT), -EFAULT);
	ASSERT_STREQ(text, "(struct pair){.a = ()1,}");
}

TEST(without_types_there_is_nothing)
{
	struct btf_ptr p = { text, T_INT, 0 };

	ASSERT_EQ(CALL(snprintf_btf, P(text), sizeof(text), P(&p), sizeof(p), 0), -EINVAL);
}
