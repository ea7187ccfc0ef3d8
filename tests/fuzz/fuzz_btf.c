/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_btf.c - BTF from foreign bytes.
 *
 * What is refused is refused with a reason, the same with a log and without.  What is accepted
 * answers every question about every type, and the answers fit together.
 */
#include "base/alloc.h"
#include "btf/btf.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

static void must(bool ok, const char *what, uint64_t place)
{
	if (ok)
		return;
	fprintf(stderr, "%s (%llu)\n", what, (unsigned long long)place);
	abort();
}

static void count(void *arg, const char *text, size_t n)
{
	must(strnlen(text, n) == n, "a NUL in the log", n);
	*(size_t *)arg += n;
}

static void ask_record(const struct btf_record *r, uint32_t size, uint32_t id)
{
	uint32_t end = 0;

	must(r->cnt && r->mask, "an empty record", id);
	for (uint32_t i = 0; i < r->cnt; i++) {
		const struct btf_field *f = &r->field[i];

		must(f->off >= end && f->size && f->off + f->size <= size, "a field outside", id);
		must(f->type & r->mask, "a field that the mask has not", id);
		must(btf_record_find(r, f->off, f->type) == f, "a field that is not found", id);
		must(!(f->type & FIELD_GRAPH_ROOT) || f->held, "a root that holds nothing", id);
		end = f->off + f->size;
	}
}

static void ask_type(const struct skep_btf *b, uint32_t id)
{
	const struct btf_type *t = btf_type(b, id);
	const char *name = btf_str(b, t->name_off);
	uint32_t kind = BTF_INFO_KIND(t->info), to = btf_resolve(b, id);
	int32_t first = btf_find(b, name, kind);
	int64_t size = btf_size(b, id);

	must(first > 0 && (uint32_t)first <= id, "not found by name", id);
	must(BTF_INFO_KIND(btf_type(b, (uint32_t)first)->info) == kind, "another kind", id);
	must(!strcmp(btf_str(b, btf_type(b, (uint32_t)first)->name_off), name), "another name", id);
	must(btf_resolve(b, to) == to, "half resolved", id);
	must(size >= -EINVAL && size <= UINT32_MAX, "no size", id);
	must(kind == BTF_KIND_VAR || size == btf_size(b, to), "a size of its own", id);
	if (btf_struct_record(b, id))
		ask_record(btf_struct_record(b, id), (uint32_t)size, id);
}

static void ask_map(const struct skep_btf *b, uint32_t value_id, uint32_t type)
{
	int64_t size = btf_size(b, value_id);
	struct btf_record *r = NULL;
	union bpf_attr a = {
		.map_type = type,
		.value_size = size > 0 ? (uint32_t)size : 0,
		.max_entries = 1,
		.btf_value_type_id = value_id,
	};

	if (btf_check_map(b, NULL, &a, &r))
		return;
	if (r)
		ask_record(r, (uint32_t)size, value_id);
	skep_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct skep_btf *b = NULL, *again = NULL;
	struct skep_diag diag = { 0 };
	size_t text = 0;
	struct btf_log log = { count, &text };
	int err = btf_new(data, (uint32_t)size, NULL, NULL, &b, &diag);

	must(diag.err == err && !err == !diag.msg[0], "fails without a word", (uint64_t)-err);
	must(btf_new(data, (uint32_t)size, NULL, &log, &again, NULL) == err, "the log changes it",
	     0);
	for (uint32_t id = 1; b && id < btf_type_count(b); id++) {
		ask_type(b, id);
		if (id < 1000)
			ask_map(b, id, data[id % size] % 35);
	}
	btf_put(b);
	btf_put(again);
	return 0;
}
