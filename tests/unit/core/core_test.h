/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core_test.h - a kernel for a test, and short words for bpf(2) on it.
 */
#ifndef SKEP_TESTS_CORE_TEST_H
#define SKEP_TESTS_CORE_TEST_H

#include <skep/skep.h>

#include "base/uapi.h"
#include "core/attr.h"
#include "tests/harness/test.h"

#include <errno.h>
#include <unistd.h>

#define PTR(p) ((uint64_t)(uintptr_t)(p))

/* The test's kernel; each test is a process of its own. */
extern struct skep_kernel *k;

/** Makes k with these options (sz is filled in); NULL: the defaults. */
void core_start(struct skep_kernel_opts *opts);
/** Frees k: at the end of a test, so that leaks show. */
void core_stop(void);

/* Attributes begin as a copy of this: an initialiser of a union leaves bytes undefined. */
extern const union core_attr attr_zero;

/** bpf(2) on k with all of the attributes. */
long bpf_call(int cmd, union core_attr *attr);

long map_create(uint32_t type, uint32_t key, uint32_t value, uint32_t max, uint32_t flags);
long map_update(long fd, const void *key, const void *value, uint64_t flags);
long map_lookup(long fd, const void *key, void *value, uint64_t flags);
long map_delete(long fd, const void *key);
long map_next(long fd, const void *key, void *next);

/** The first id after `start` by *_GET_NEXT_ID, or -errno. */
long next_id(int cmd, uint32_t start);
/** *_GET_FD_BY_ID */
long fd_by_id(int cmd, uint32_t id);
/** OBJ_GET_INFO_BY_FD; *len in and out. */
long obj_info(long fd, void *info, uint32_t *len);
/** The id of a map, program or BTF (all have type and id first, BTF has it at its place). */
uint32_t map_id(long fd);
uint32_t prog_id(long fd);

/** PROG_LOAD of instructions under "GPL". */
long prog_load(uint32_t type, const struct bpf_insn *insns, uint32_t cnt);
/** A program of that type that returns `ret`. */
long prog_return(uint32_t type, int32_t ret);
/** PROG_TEST_RUN on 64 zero bytes; the program's result in *ret. */
long prog_run_once(long fd, uint32_t *ret);

/* The few instructions that tests are made of. */
#define MOV(dst, i)                                                               \
	{                                                                         \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (dst), .imm = (i) \
	}
#define MOVR(dst, src)                                                                  \
	{                                                                               \
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (dst), .src_reg = (src) \
	}
#define ADD(dst, i)                                                               \
	{                                                                         \
		.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (dst), .imm = (i) \
	}
#define LDX(size, dst, src, o)                                                                     \
	{                                                                                          \
		.code = BPF_LDX | BPF_MEM | (size), .dst_reg = (dst), .src_reg = (src), .off = (o) \
	}
#define STX(size, dst, src, o)                                                                     \
	{                                                                                          \
		.code = BPF_STX | BPF_MEM | (size), .dst_reg = (dst), .src_reg = (src), .off = (o) \
	}
#define ST(size, dst, o, i)                                                                 \
	{                                                                                   \
		.code = BPF_ST | BPF_MEM | (size), .dst_reg = (dst), .off = (o), .imm = (i) \
	}
#define JEQ(dst, i, o)                                                                      \
	{                                                                                   \
		.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = (dst), .off = (o), .imm = (i) \
	}
#define CALL(id)                                        \
	{                                               \
		.code = BPF_JMP | BPF_CALL, .imm = (id) \
	}
#define EXIT                               \
	{                                  \
		.code = BPF_JMP | BPF_EXIT \
	}
#define LD_PSEUDO(dst, src, lo, hi)                                                             \
	{ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = (dst), .src_reg = (src), .imm = (lo) }, \
	{                                                                                       \
		.imm = (hi)                                                                     \
	}
#define LD_MAP(dst, fd) LD_PSEUDO(dst, BPF_PSEUDO_MAP_FD, (int32_t)(fd), 0)

#endif
