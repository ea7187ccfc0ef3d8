/* SPDX-License-Identifier: BSD-2-Clause */
/* map_differ_ops.c - see map_differ.h */
#include "tests/fuzz/map_differ.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- keys and values ---------------------------------------------------------------------------
 */

static void make_prefix(uint8_t *key, unsigned k)
{
	static const uint32_t lengths[] = { 0, 8, 16, 20, 24, 31, 32, 33 };
	static const uint8_t addrs[2][4] = { { 10, 1, 2, 3 }, { 10, 1, 255, 3 } };

	memcpy(key, &lengths[k % ARRAY_SIZE(lengths)], 4);
	memcpy(key + 4, addrs[k / ARRAY_SIZE(lengths) % 2], 4);
}

static void make_key(const struct row *row, uint8_t key[KEY_MAX], unsigned k)
{
	memset(key, 0, KEY_MAX);
	if (row->like & PREFIX) {
		make_prefix(key, k);
		return;
	}
	/* Long keys differ at both ends. */
	key[0] = (uint8_t)k;
	if (row->key_size > 4)
		key[row->key_size - 1] = (uint8_t)(k / 3);
	/* An index far beyond an array. */
	if (row->like & ORDERED && k == KEYS - 1)
		memset(key, 0xff, 4);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 31) * UINT64_C(0x7fb5d329728ea185);
	x = (x ^ x >> 27) * UINT64_C(0x81dadef4bc2dd44d);
	return x ^ x >> 33;
}

/* The value v as bpf(2) takes it; of all CPUs where there are more. */
static void make_value(const struct side *s, uint8_t *value, unsigned v)
{
	if (s->row->like & OBJECTS) {
		/* Now and then what is no map at all. */
		const int fd = v == VALUES - 1	 ? -1
			       : v == VALUES - 2 ? s->args
						 : s->inner[v % INNERS];

		memcpy(value, &fd, sizeof(fd));
		return;
	}
	for (uint32_t i = 0; i < s->sys_size; i++)
		value[i] = (uint8_t)mix((uint64_t)v << 32 | i);
}

/*
 * A value that bpf(2) gave: ids become the numbers of maps.  What pads a CPU's value is nobody's:
 * Linux leaves there what was in the element before.
 */
static void show_value(const struct side *s, uint8_t *value)
{
	uint32_t n = s->row->value_size, each = ALIGN_UP(n, 8), id, i = 0;

	for (uint32_t at = 0; n < s->sys_size && at < s->sys_size; at += each)
		memset(value + at + n, 0, each - n);
	if (!(s->row->like & OBJECTS))
		return;
	memcpy(&id, value, sizeof(id));
	while (i < INNERS && s->id[i] != id)
		i++;
	if (i < INNERS)
		memcpy(value, &(uint32_t){ 0xf00 + i }, sizeof(i));
}

/* --- one element -------------------------------------------------------------------------------
 */

static union bpf_attr elem(const struct side *s, const void *key, const void *value, uint64_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)s->map;
	attr.key = s->row->like & KEYLESS ? 0 : (uintptr_t)key;
	attr.value = (uintptr_t)value;
	attr.flags = flags;
	return attr;
}

static void update(struct side *s, const struct op *op, struct outcome *o)
{
	uint8_t key[KEY_MAX], value[SYS_MAX];
	union bpf_attr attr = elem(s, key, value, op->flags);

	make_key(s->row, key, op->key);
	make_value(s, value, op->value);
	o->err = side_bpf(s, BPF_MAP_UPDATE_ELEM, &attr);
}

/* A command that gives a value. */
static void give(struct side *s, int cmd, const struct op *op, struct outcome *o)
{
	uint8_t key[KEY_MAX];
	union bpf_attr attr = elem(s, key, o->data, op->flags);

	make_key(s->row, key, op->key);
	memset(o->data, 0x77, s->sys_size);
	if (s->row->like & GUESSES)
		make_value(s, o->data, op->value);
	o->err = side_bpf(s, cmd, &attr);
	o->n = s->sys_size;
	if (!o->err)
		show_value(s, o->data);
}

static void lookup(struct side *s, const struct op *op, struct outcome *o)
{
	give(s, BPF_MAP_LOOKUP_ELEM, op, o);
}

static void lookup_delete(struct side *s, const struct op *op, struct outcome *o)
{
	give(s, BPF_MAP_LOOKUP_AND_DELETE_ELEM, op, o);
}

static void delete (struct side *s, const struct op *op, struct outcome *o)
{
	uint8_t key[KEY_MAX];
	union bpf_attr attr = elem(s, key, NULL, 0);

	make_key(s->row, key, op->key);
	o->err = side_bpf(s, BPF_MAP_DELETE_ELEM, &attr);
}

/* Only whether there is one, where keys come in an order of each kernel's own. */
static void next_key(struct side *s, const struct op *op, struct outcome *o)
{
	const bool first = op->value % 4 == 0 || !(s->row->like & ORDERED);
	uint8_t key[KEY_MAX];
	union bpf_attr attr = elem(s, first ? NULL : key, o->data, 0);

	make_key(s->row, key, op->key);
	o->err = side_bpf(s, BPF_MAP_GET_NEXT_KEY, &attr);
	if (s->row->like & ORDERED && !o->err)
		o->n = s->row->key_size;
}

static void freeze(struct side *s, const struct op *op, struct outcome *o)
{
	union bpf_attr attr = elem(s, NULL, NULL, 0);

	(void)op;
	o->err = side_bpf(s, BPF_MAP_FREEZE, &attr);
}

/* --- many elements -----------------------------------------------------------------------------
 */

static int compare_elems(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(size_t *)size);
}

static void sort_elems(const struct side *s, struct outcome *o)
{
	size_t size = s->row->key_size + s->sys_size;

	o->n = (uint32_t)(o->count * size);
	if (!(s->row->like & ORDERED))
		qsort_r(o->data, o->count, size, compare_elems, &size);
}

/* Room for one more element. */
static bool has_room(const struct side *s, const struct outcome *o)
{
	const size_t size = s->row->key_size + s->sys_size;

	return (o->count + 1) * size <= DATA_MAX;
}

static void add_elem(const struct side *s, struct outcome *o, const uint8_t *key, uint8_t *value)
{
	uint8_t *to = o->data + (size_t)o->count++ * (s->row->key_size + s->sys_size);

	show_value(s, value);
	memcpy(to, key, s->row->key_size);
	memcpy(to + s->row->key_size, value, s->sys_size);
}

/* Keys by GET_NEXT_KEY, values by lookups; an empty slot of an array of maps has none. */
void op_contents(struct side *s, struct outcome *o)
{
	uint8_t last[KEY_MAX], key[KEY_MAX], value[SYS_MAX];
	bool first = true;

	while (has_room(s, o)) {
		union bpf_attr attr = elem(s, first ? NULL : last, key, 0);

		o->err = side_bpf(s, BPF_MAP_GET_NEXT_KEY, &attr);
		if (o->err)
			break;
		attr = elem(s, key, value, 0);
		memset(value, 0x77, sizeof(value));
		o->err = side_bpf(s, BPF_MAP_LOOKUP_ELEM, &attr);
		if (o->err && o->err != -ENOENT)
			break;
		add_elem(s, o, key, value);
		memcpy(last, key, s->row->key_size);
		first = false;
	}
	sort_elems(s, o);
}

static void walk(struct side *s, const struct op *op, struct outcome *o)
{
	(void)op;
	op_contents(s, o);
}

static union bpf_attr batch(const struct side *s, void *keys, void *values, uint32_t count,
			    const struct op *op)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.batch.map_fd = (uint32_t)s->map;
	attr.batch.keys = (uintptr_t)keys;
	attr.batch.values = (uintptr_t)values;
	attr.batch.count = count;
	attr.batch.elem_flags = op->flags;
	return attr;
}

#define BATCH_MAX 64

/* The whole map, op->count elements a call, more where a bucket has more. */
static void batch_walk(struct side *s, int cmd, const struct op *op, struct outcome *o)
{
	static uint8_t keys[BATCH_MAX * KEY_MAX], values[BATCH_MAX * SYS_MAX];
	uint8_t token[2][KEY_MAX];
	uint32_t room = op->count;

	for (unsigned call = 0; call < 2 * BATCH_MAX; call++) {
		union bpf_attr attr = batch(s, keys, values, room, op);

		attr.batch.in_batch = call ? (uintptr_t)token[call % 2] : 0;
		attr.batch.out_batch = (uintptr_t)token[(call + 1) % 2];
		o->err = side_bpf(s, cmd, &attr);
		if (o->err == -ENOSPC && room < BATCH_MAX) {
			room = MIN(2 * room, (uint32_t)BATCH_MAX);
			memcpy(token[(call + 1) % 2], token[call % 2], KEY_MAX);
			call -= call == 0; /* still at the start */
			continue;
		}
		if (o->err && o->err != -ENOENT)
			break;
		for (uint32_t i = 0; i < attr.batch.count && has_room(s, o); i++)
			add_elem(s, o, keys + (size_t)i * s->row->key_size,
				 values + (size_t)i * s->sys_size);
		if (o->err || room == 0)
			break;
	}
	sort_elems(s, o);
}

static void lookup_batch(struct side *s, const struct op *op, struct outcome *o)
{
	batch_walk(s, BPF_MAP_LOOKUP_BATCH, op, o);
}

static void lookup_delete_batch(struct side *s, const struct op *op, struct outcome *o)
{
	batch_walk(s, BPF_MAP_LOOKUP_AND_DELETE_BATCH, op, o);
}

/* A batch of keys one after the other, beginning with op->key. */
static void batch_of(struct side *s, int cmd, const struct op *op, struct outcome *o)
{
	static uint8_t keys[BATCH_MAX * KEY_MAX], values[BATCH_MAX * SYS_MAX];
	union bpf_attr attr = batch(s, keys, values, op->count, op);

	for (uint32_t i = 0; i < op->count; i++) {
		uint8_t key[KEY_MAX];

		make_key(s->row, key, (op->key + i) % KEYS);
		memcpy(keys + (size_t)i * s->row->key_size, key, s->row->key_size);
		make_value(s, values + (size_t)i * s->sys_size, (op->value + i) % VALUES);
	}
	o->err = side_bpf(s, cmd, &attr);
	o->count = attr.batch.count;
}

static void update_batch(struct side *s, const struct op *op, struct outcome *o)
{
	batch_of(s, BPF_MAP_UPDATE_BATCH, op, o);
}

static void delete_batch(struct side *s, const struct op *op, struct outcome *o)
{
	batch_of(s, BPF_MAP_DELETE_BATCH, op, o);
}

/* --- by programs -------------------------------------------------------------------------------
 */

static long args_elem(const struct side *s, int cmd, struct args *args)
{
	const uint32_t zero = 0;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)s->args;
	attr.key = (uintptr_t)&zero;
	attr.value = (uintptr_t)args;
	return side_bpf(s, cmd, &attr);
}

static void by_prog(struct side *s, enum prog p, const struct op *op, struct outcome *o)
{
	uint8_t packet[64] = { 0 }, value[SYS_MAX];
	struct args args = { .flags = op->flags, .ret = 0x7777 };
	union bpf_attr attr;

	make_key(s->row, args.key, op->key);
	memset(value, 0, sizeof(value));
	make_value(s, value, op->value);
	memcpy(args.value, value, VALUE_MAX);
	if (s->row->like & OBJECTS) /* descriptors differ */
		memset(args.value, 0, sizeof(args.value));
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)s->prog[p];
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	o->err = args_elem(s, BPF_MAP_UPDATE_ELEM, &args);
	o->err = o->err ?: side_bpf(s, BPF_PROG_TEST_RUN, &attr);
	o->err = o->err ?: args_elem(s, BPF_MAP_LOOKUP_ELEM, &args);
	o->n = sizeof(args);
	memcpy(o->data, &args, sizeof(args));
}

#define BY_PROG(name, prog)                                                      \
	static void name(struct side *s, const struct op *op, struct outcome *o) \
	{                                                                        \
		by_prog(s, prog, op, o);                                         \
	}
BY_PROG(prog_lookup, PROG_LOOKUP)
BY_PROG(prog_update, PROG_UPDATE)
BY_PROG(prog_delete, PROG_DELETE)
BY_PROG(prog_push, PROG_PUSH)
BY_PROG(prog_pop, PROG_POP)
BY_PROG(prog_peek, PROG_PEEK)

/* Of a CPU that there may be or not. */
static void prog_lookup_cpu(struct side *s, const struct op *op, struct outcome *o)
{
	struct op at = *op;

	at.flags = op->value % 4;
	by_prog(s, PROG_LOOKUP_CPU, &at, o);
}

/* --- the table ---------------------------------------------------------------------------------
 */

const struct op_kind kinds[] = {
	{ "update", 20, 0, true, -1, update },
	{ "lookup", 12, 0, true, -1, lookup },
	{ "delete", 12, 0, false, -1, delete },
	{ "lookup_delete", 6, 0, true, -1, lookup_delete },
	{ "next_key", 4, 0, false, -1, next_key },
	{ "walk", 2, KEYLESS, false, -1, walk },
	{ "lookup_batch", 2, KEYLESS, true, -1, lookup_batch },
	{ "lookup_delete_batch", 1, KEYLESS, true, -1, lookup_delete_batch },
	{ "update_batch", 3, KEYLESS, true, -1, update_batch },
	{ "delete_batch", 2, KEYLESS, true, -1, delete_batch },
	{ "freeze", 1, 0, false, -1, freeze },
	{ "prog_lookup", 8, 0, false, PROG_LOOKUP, prog_lookup },
	{ "prog_lookup_cpu", 6, 0, false, PROG_LOOKUP_CPU, prog_lookup_cpu },
	{ "prog_update", 12, 0, true, PROG_UPDATE, prog_update },
	{ "prog_delete", 8, 0, false, PROG_DELETE, prog_delete },
	{ "prog_push", 20, 0, true, PROG_PUSH, prog_push },
	{ "prog_pop", 12, 0, false, PROG_POP, prog_pop },
	{ "prog_peek", 8, 0, false, PROG_PEEK, prog_peek },
};
const unsigned nr_kinds = ARRAY_SIZE(kinds);
