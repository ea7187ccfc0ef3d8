/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.h - a struct skep_prog from assembler text, without core: for tests of verifier and
 * engines.
 */
#ifndef SKEP_TESTS_PROGRAM_H
#define SKEP_TESTS_PROGRAM_H

#include "base/alloc.h"
#include "isa/isa.h"
#include "map/map.h"
#include "prog/prog.h"
#include "tests/harness/test.h"
#include "verifier/verifier.h"

/** A program of n instructions (copied), nothing resolved; the caller puts it. */
static inline struct skep_prog *program_of(uint32_t type, const struct bpf_insn *insns, uint32_t n)
{
	struct skep_prog *p;

	ASSERT_EQ(prog_new(type, NULL, &p), 0);
	p->gpl_compatible = true;
	p->image.insns = skep_memdup(insns, n * sizeof(*insns));
	p->image.aux = skep_alloc_array(n, sizeof(*p->image.aux));
	ASSERT(p->image.insns && p->image.aux);
	p->image.insn_cnt = n;
	return p;
}

/** The same from text (isa_asm). */
static inline struct skep_prog *program(uint32_t type, const char *text)
{
	struct bpf_insn *insns = NULL;
	struct skep_diag diag = { 0 };
	struct skep_prog *p;
	uint32_t n = 0;
	int err = isa_asm(text, strlen(text), NULL, &insns, &n, &diag);

	ASSERT_MSG(!err, "line %llu: %s\n%s", (unsigned long long)diag.index, diag.msg, text);
	p = program_of(type, insns, n);
	skep_free(insns);
	return p;
}

/** The i-th instruction is an LD_IMM64 of this map, as core resolves map fds. */
static inline void program_map(struct skep_prog *p, uint32_t i, struct skep_map *map)
{
	p->image.aux[i].ref = INSN_REF_MAP;
	p->image.aux[i].map = map;
	p->maps = skep_realloc_array(p->maps, p->map_cnt + 1, sizeof(struct skep_map *));
	ASSERT(p->maps);
	p->maps[p->map_cnt++] = map_get(map);
}

/** The same for the address of its value at off. */
static inline void program_map_value(struct skep_prog *p, uint32_t i, struct skep_map *map,
				     uint32_t off)
{
	program_map(p, i, map);
	p->image.aux[i].ref = INSN_REF_MAP_VALUE;
	ASSERT_EQ(map->sys->value_addr(map, &p->image.aux[i].addr, off), 0);
}

/** Verifies as the privileged; fails the test with the log where the verifier does. */
static inline void program_check_with(struct skep_prog *p, bool trusted)
{
	const struct verifier_opts opts = {
		.rights = VERIFIER_RIGHTS_ALL, .callx = true, .no_btf = true, .trusted = trusted
	};
	char text[4096] = "";
	struct verifier_log log = { .level = 1, .buf = text, .size = sizeof(text) };
	int err = verifier_check(p, &opts, &log, NULL);

	ASSERT_MSG(!err, "verifier: %d\n%s", err, text);
}

static inline void program_check(struct skep_prog *p)
{
	program_check_with(p, false);
}

static inline struct skep_prog *program_compile(struct skep_prog *p,
						const struct engine_ops *engine, bool trusted)
{
	struct skep_diag diag = { 0 };
	int err;

	program_check_with(p, trusted);
	err = engine->compile(p, &diag);
	ASSERT_MSG(!err, "%s: %d %s", engine->name, err, diag.msg);
	p->engine = engine;
	return p;
}

/** Verifies, compiles. */
static inline struct skep_prog *program_ready(struct skep_prog *p, const struct engine_ops *engine)
{
	return program_compile(p, engine, false);
}

/** Takes the program as it is, for the engine to find what is wrong with it. */
static inline struct skep_prog *program_trusted(struct skep_prog *p,
						const struct engine_ops *engine)
{
	return program_compile(p, engine, true);
}

/** A map as MAP_CREATE makes it. */
static inline struct skep_map *program_new_map(uint32_t type, uint32_t key, uint32_t value,
					       uint32_t entries, uint32_t flags)
{
	const struct map_deps deps = { .nr_cpus = 2 };
	union bpf_attr attr;
	struct skep_map *m;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	attr.map_flags = flags;
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), 0);
	return m;
}

#endif
