/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h - the host kernel as judge, where it lets us: raw bpf(2), never an attachment.
 *
 * Everything returns what bpf(2) does, with -errno for failure; descriptors close with the test's
 * process.  host_required() ends a test as skipped, with the reason, where loading is forbidden.
 */
#ifndef SKEP_TESTS_HOST_H
#define SKEP_TESTS_HOST_H

#include "base/uapi.h"

#include <stdint.h>

void host_required(void);

long host_bpf(int cmd, union bpf_attr *attr);

struct host_prog {
	uint32_t type, expected_attach_type;
	uint32_t flags; /* BPF_F_* */
	const struct bpf_insn *insns;
	uint32_t n;
	const char *license; /* NULL: GPL */
	char *log;	     /* where the verifier's log goes, log_size bytes; NULL: nowhere */
	uint32_t log_size;
};
/** Loads, quietly; the verifier's log goes to stderr where HOST_LOG is in the environment. */
int host_load(const struct host_prog *p);

/** An array of one element; flags as BPF_F_RDONLY_PROG. Fails the test where it cannot be made. */
int host_array(uint32_t value_size, uint32_t flags);
void host_write(int map, const void *value);
void host_read(int map, void *value);
void host_freeze(int map);

struct host_run {
	const void *in; /* packet or context arguments, n_in bytes */
	uint32_t n_in;
	void *out; /* packet afterwards, n_out bytes of room, then what there were */
	uint32_t n_out;
	uint32_t retval;
};
/** PROG_TEST_RUN; for SYSCALL programs `in` is the context. */
int host_run(int prog, uint32_t type, struct host_run *r);

/* Instructions, in the words of include/linux/filter.h. */
#define I_MOV_IMM(d, i)                                                         \
	{                                                                       \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (d), .imm = (i) \
	}
#define I_MOV_REG(d, s)                                                             \
	{                                                                           \
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (d), .src_reg = (s) \
	}
#define I_ALU_IMM(o, d, i)                                                  \
	{                                                                   \
		.code = BPF_ALU64 | (o) | BPF_K, .dst_reg = (d), .imm = (i) \
	}
#define I_LDX(z, d, s, o)                                                                   \
	{                                                                                   \
		.code = BPF_LDX | (z) | BPF_MEM, .dst_reg = (d), .src_reg = (s), .off = (o) \
	}
#define I_LDSX(z, d, s, o)                                                                    \
	{                                                                                     \
		.code = BPF_LDX | (z) | BPF_MEMSX, .dst_reg = (d), .src_reg = (s), .off = (o) \
	}
#define I_STX(z, d, s, o)                                                                   \
	{                                                                                   \
		.code = BPF_STX | (z) | BPF_MEM, .dst_reg = (d), .src_reg = (s), .off = (o) \
	}
#define I_ST(z, d, o, i)                                                               \
	{                                                                              \
		.code = BPF_ST | (z) | BPF_MEM, .dst_reg = (d), .off = (o), .imm = (i) \
	}
#define I_JMP_IMM(c, d, i, o)                                                         \
	{                                                                             \
		.code = BPF_JMP | (c) | BPF_K, .dst_reg = (d), .off = (o), .imm = (i) \
	}
#define I_CALL(id)                                      \
	{                                               \
		.code = BPF_JMP | BPF_CALL, .imm = (id) \
	}
#define I_EXIT                             \
	{                                  \
		.code = BPF_JMP | BPF_EXIT \
	}
#define I_MAP_VALUE(d, fd)                   \
	{ .code = BPF_LD | BPF_IMM | BPF_DW, \
	  .dst_reg = (d),                    \
	  .src_reg = BPF_PSEUDO_MAP_VALUE,   \
	  .imm = (fd) },                     \
	{                                    \
	}

#endif
