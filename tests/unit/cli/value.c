/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values by their types.  The types are built with libbpf's BTF writer, the bytes by hand.
 */
#include "tests/harness/test.h"

#include <arpa/inet.h>

#include "cli/value.h"

static struct btf *btf;
static int t_int, t_u8, t_u64, t_char, t_bool, t_be16, t_in6;

static void types(void)
{
	int u16, bytes;

	btf = btf__new_empty();
	ASSERT(btf);
	t_int = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	t_u8 = btf__add_int(btf, "unsigned char", 1, 0);
	t_u64 = btf__add_int(btf, "unsigned long", 8, 0);
	t_char = btf__add_int(btf, "char", 1, BTF_INT_SIGNED);
	t_bool = btf__add_int(btf, "_Bool", 1, BTF_INT_BOOL);
	u16 = btf__add_int(btf, "unsigned short", 2, 0);
	t_be16 = btf__add_typedef(btf, "__be16", u16);
	bytes = btf__add_array(btf, t_int, t_u8, 16);
	t_in6 = btf__add_struct(btf, "in6_addr", 16);
	btf__add_field(btf, "bytes", bytes, 0, 0);
}

/* What the value is as JSON text. */
static void expect_json(int type, const void *data, size_t n, bool plain, const char *expected)
{
	cJSON *tree = value_json(btf, (uint32_t)type, data, n, plain);
	char *text = cJSON_PrintUnformatted(tree);

	ASSERT_STREQ(text, expected);
	cJSON_free(text);
	cJSON_Delete(tree);
}

TEST(json_of_scalars)
{
	const int32_t minus = -5;
	const uint64_t most = UINT64_MAX;
	int e, p;

	types();
	expect_json(t_int, &minus, 4, false, "-5");
	/* No double holds this one. */
	expect_json(t_u64, &most, 8, false, "18446744073709551615");
	expect_json(t_bool, "\x01", 1, false, "true");
	e = btf__add_enum(btf, "e", 4);
	btf__add_enum_value(btf, "MINUS", -5);
	expect_json(e, &minus, 4, false, "\"MINUS\"");
	p = btf__add_ptr(btf, t_int);
	expect_json(p, &most, 8, false, "18446744073709551615");
	expect_json(p, &most, 8, true, "\"0xffffffffffffffff\"");
	btf__free(btf);
}

TEST(json_of_bit_fields)
{
	/* a: 3 bits, b: 7 bits signed across a byte, both of int */
	const uint8_t data[4] = { 0xf5, 0x03 };
	int s;

	types();
	s = btf__add_struct(btf, "s", 4);
	btf__add_field(btf, "a", t_u8, 0, 3);
	btf__add_field(btf, "b", t_int, 3, 7);
	expect_json(s, data, sizeof(data), false, "{\"a\":5,\"b\":-2}");
	btf__free(btf);
}

TEST(json_of_arrays_and_strings)
{
	const uint8_t bytes[3] = { 1, 2, 3 };
	int text, array;

	types();
	array = btf__add_array(btf, t_int, t_u8, 3);
	expect_json(array, bytes, 3, false, "[1,2,3]");
	text = btf__add_array(btf, t_int, t_char, 8);
	expect_json(text, "hello\0\0", 8, false, "\"hello\"");
	/* Not ended: no string. */
	expect_json(text, "abcdefgh", 8, false, "[97,98,99,100,101,102,103,104]");
	btf__free(btf);
}

TEST(json_of_values_that_are_cut_off)
{
	const uint8_t bytes[8] = { 1 };
	int s;

	types();
	s = btf__add_struct(btf, "s", 12);
	btf__add_field(btf, "a", t_int, 0, 0);
	btf__add_field(btf, "b", t_u64, 32, 0);
	expect_json(s, bytes, 8, false, "null");
	expect_json(t_u64, bytes, 7, false, "null");
	expect_json(9999, bytes, 8, false, "null");
	btf__free(btf);
}

TEST(cells_of_a_key)
{
	struct {
		uint8_t addr[16];
		uint16_t port;
		uint8_t flags;
		char name[5];
	} key = { .port = htons(443), .flags = 0x21, .name = "eth0" };
	struct value_cell cells[8];
	char text[64];
	uint64_t v;
	int s, name;

	types();
	inet_pton(AF_INET6, "::ffff:192.0.2.1", key.addr);
	name = btf__add_array(btf, t_int, t_char, 5);
	s = btf__add_struct(btf, "key", sizeof(key));
	btf__add_field(btf, "addr", t_in6, 0, 0);
	btf__add_field(btf, "port", t_be16, 128, 0);
	btf__add_field(btf, "low", t_u8, 144, 4);
	btf__add_field(btf, "high", t_u8, 148, 4);
	btf__add_field(btf, "name", name, 152, 0);
	ASSERT_EQ(value_cells(btf, (uint32_t)s, "", cells, 8), 5);
	ASSERT_STREQ(cells[0].name, "addr");
	ASSERT(!value_text(btf, &cells[0], &key, text, sizeof(text)));
	ASSERT_STREQ(text, "192.0.2.1");
	ASSERT(value_text(btf, &cells[1], &key, text, sizeof(text)));
	ASSERT_STREQ(text, "443");
	ASSERT(value_number(btf, &cells[2], &key, &v) && v == 1);
	ASSERT(value_number(btf, &cells[3], &key, &v) && v == 2);
	ASSERT(!value_number(btf, &cells[1], &key, &v));
	value_text(btf, &cells[4], &key, text, sizeof(text));
	ASSERT_STREQ(text, "eth0");
	inet_pton(AF_INET6, "2001:db8::1", key.addr);
	value_text(btf, &cells[0], &key, text, sizeof(text));
	ASSERT_STREQ(text, "2001:db8::1");
	ASSERT_EQ(value_cells(btf, (uint32_t)s, "", cells, 4), -E2BIG);
	ASSERT_EQ(value_cells(btf, 9999, "", cells, 8), -EINVAL);
	btf__free(btf);
}
