/* SPDX-License-Identifier: BSD-2-Clause */
/* members.c - programs of struct_ops: members of a struct of the kernel's. */
#include "tests/unit/verifier/rules.h"

#define OPS BPF_PROG_TYPE_STRUCT_OPS
#define OUT "r0 = 0\nexit"
/* what a rule ends with */
#define MEMBER(of, member, flags) flags, 0, NULL, 0, of, member
#define TCP(member)		  MEMBER("tcp_congestion_ops", member, 0)
#define DUMMY(member)		  MEMBER("bpf_dummy_ops", member, 0)

static const struct rule rules[] = {
	{ "a member", OPS, 0, NULL, OUT, TCP("ssthresh") },
	{ "no such member", OPS, -EINVAL, "attach to invalid member idx", OUT, TCP("none") },
	{ "a member that is not for programs", OPS, -524,
	  "attach to unsupported member get_info of struct tcp_congestion_ops", OUT,
	  TCP("get_info") },
	{ "a struct that is not for programs", OPS, -524, "is not a supported struct", OUT,
	  MEMBER("tcp_sock", "x", 0) },
	{ "a member that may sleep", OPS, 0, NULL, OUT,
	  MEMBER("bpf_dummy_ops", "test_sleepable", BPF_F_SLEEPABLE) },
	{ "a member that may not", OPS, -EINVAL,
	  "attach to unsupported member test_2 of struct bpf_dummy_ops", OUT,
	  MEMBER("bpf_dummy_ops", "test_2", BPF_F_SLEEPABLE) },

	/* results */
	{ "a member without a result", OPS, 0, NULL, "exit", TCP("release") },
	{ "a result is missing", OPS, -EACCES, "R0 !read_ok", "exit", TCP("ssthresh") },

	/* arguments */
	{ "beyond the arguments", OPS, -EACCES, "func 'ssthresh' doesn't have 2-th argument",
	  "r0 = *(u64 *)(r1 +8)\n" OUT, TCP("ssthresh") },
	{ "half an argument", OPS, -EACCES, "func 'ssthresh' size 4 must be 8",
	  "r0 = *(u32 *)(r1 +0)\n" OUT, TCP("ssthresh") },
	{ "an argument that may be NULL", OPS, -EACCES,
	  "R1 invalid mem access 'trusted_ptr_or_null_'",
	  "r1 = *(u64 *)(r1 +0)\nr0 = *(u32 *)(r1 +0)\nexit", DUMMY("test_1") },
	{ "an argument that is not NULL", OPS, 0, NULL,
	  "r1 = *(u64 *)(r1 +0)\nif r1 == 0 goto +2\nr0 = *(u32 *)(r1 +0)\nexit\n" OUT,
	  DUMMY("test_1") },
	{ "an argument that is never NULL", OPS, 0, NULL,
	  "r1 = *(u64 *)(r1 +0)\nr0 = *(u32 *)(r1 +0)\nexit", DUMMY("test_2") },

	/* what may be written */
	{ "a state is written", OPS, 0, NULL, "r1 = *(u64 *)(r1 +0)\n*(u32 *)(r1 +0) = 1\n" OUT,
	  DUMMY("test_2") },
	{ "beyond a state", OPS, -EACCES, "write access at off 0 with size 8",
	  "r1 = *(u64 *)(r1 +0)\n*(u64 *)(r1 +0) = 1\n" OUT, DUMMY("test_2") },
	{ "something else is written", OPS, -EACCES, "no write support to tcp_sock at off 1",
	  "r1 = *(u64 *)(r1 +0)\n*(u8 *)(r1 +1) = 1\n" OUT, TCP("ssthresh") },

	/* helpers */
	{ "a helper of congestion control", OPS, 0, NULL,
	  "r1 = *(u64 *)(r1 +0)\nr2 = 0\ncall tcp_send_ack\n" OUT, TCP("ssthresh") },
	{ "a helper of another struct", OPS, -EINVAL,
	  "program of this type cannot use helper bpf_tcp_send_ack#116",
	  "r1 = *(u64 *)(r1 +0)\nr2 = 0\ncall tcp_send_ack\n" OUT, DUMMY("test_2") },
};

/* Of structs as rules.c has them: places of members, and arguments that the host's have not. */
static const struct rule own[] = {
	{ "a socket's rate is written", OPS, 0, NULL,
	  "r1 = *(u64 *)(r1 +0)\nr0 = 1\n*(u64 *)(r1 +0) = r0\n" OUT, TCP("ssthresh") },
	{ "a socket's rate and then some", OPS, -EACCES, "no write support to tcp_sock at off 4",
	  "r1 = *(u64 *)(r1 +0)\n*(u32 *)(r1 +4) = 1\n" OUT, TCP("ssthresh") },
	{ "a socket's window", OPS, 0, NULL, "r1 = *(u64 *)(r1 +0)\n*(u32 *)(r1 +16) = 1\n" OUT,
	  TCP("ssthresh") },
	{ "a socket's window and what is behind", OPS, -EACCES,
	  "write access at off 16 with size 8 beyond the member of tcp_sock ended at 20",
	  "r1 = *(u64 *)(r1 +0)\n*(u64 *)(r1 +16) = 1\n" OUT, TCP("ssthresh") },
	{ "a reference is not given back", OPS, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak", OUT,
	  MEMBER("own_ops", "keep", 0) },
	{ "a reference is returned", OPS, 0, NULL, "r0 = *(u64 *)(r1 +0)\nexit",
	  MEMBER("own_ops", "give", 0) },
	{ "a reference moved is returned", OPS, -EACCES,
	  "dereference of modified trusted_ptr_ ptr R0 off=4 disallowed",
	  "r0 = *(u64 *)(r1 +0)\nr0 += 4\nexit", MEMBER("own_ops", "give", 0) },
	{ "neither is returned", OPS, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak", OUT,
	  MEMBER("own_ops", "give", 0) },
	{ "something else is returned", OPS, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak", "r0 = 7\nexit",
	  MEMBER("own_ops", "give", 0) },
	{ "the next program wants it too", OPS, -EINVAL,
	  "program with __ref argument cannot tail call",
	  "r2 = MAP ll\nr3 = 0\ncall tail_call\n" OUT, MEMBER("own_ops", "give", 0) },
};

TEST(member_rules)
{
	rules_ours(rules, ARRAY_SIZE(rules));
}

TEST(member_rules_are_the_hosts)
{
	rules_host(rules, ARRAY_SIZE(rules));
}

TEST(members_write_and_own)
{
	rules_ours(own, ARRAY_SIZE(own));
}
