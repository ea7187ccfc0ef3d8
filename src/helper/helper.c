/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper.c - the tables: helpers by number (helpers.def), names of all numbers that the kernel's
 * list has, and which program types may call what.
 */
#include "helper/helper_int.h"

#define GPL	  1
#define READS_PKT 2
#define MOVES_PKT 4

/* helpers.def's short words as the door's long ones. */
#define BASE				       HELPER_BASE
#define TRACING				       HELPER_TRACING
#define XDP				       HELPER_XDP
#define TC				       HELPER_TC
#define SOCKET				       HELPER_SOCKET
#define SYSCALL				       HELPER_SYSCALL

#define ARGS(...)			       ARGS_PICK(0, ##__VA_ARGS__, 5, 4, 3, 2, 1, 0)(__VA_ARGS__)
#define ARGS_PICK(zero, a, b, c, d, e, n, ...) ARGS_N(n)
#define ARGS_N(n)			       ARGS_##n
#define ARGS_0()         \
	{                \
		ARG_NONE \
	}
#define ARGS_1(a)       \
	{               \
		ARG_##a \
	}
#define ARGS_2(a, b)             \
	{                        \
		ARG_##a, ARG_##b \
	}
#define ARGS_3(a, b, c)                   \
	{                                 \
		ARG_##a, ARG_##b, ARG_##c \
	}
#define ARGS_4(a, b, c, d)                         \
	{                                          \
		ARG_##a, ARG_##b, ARG_##c, ARG_##d \
	}
#define ARGS_5(a, b, c, d, e)                               \
	{                                                   \
		ARG_##a, ARG_##b, ARG_##c, ARG_##d, ARG_##e \
	}

static const struct helper_proto protos[] = {
#define HELPER(func, impl, result, args, who, flags) \
	[BPF_FUNC_##func] = {                        \
		.id = BPF_FUNC_##func,               \
		.name = #func,                       \
		.fn = helper_##impl,                 \
		.ret = RET_##result,                 \
		.arg = args,                         \
		.sets = (who),                       \
		.gpl_only = (flags)&GPL,             \
		.pkt_access = (flags)&READS_PKT,     \
		.changes_pkt = (flags)&MOVES_PKT,    \
	},
#include "helper/helpers.def"
#undef HELPER
};

/* The numbers and names of the kernel's own list. */
#ifdef ___BPF_FUNC_MAPPER
#define NAME(x, id, ...) [id] = #x,
#define NAMES		 ___BPF_FUNC_MAPPER(NAME)
#else /* headers before 6.2: the list's last two are newer */
#define NAME(x) [BPF_FUNC_##x] = #x
#define NAMES	__BPF_FUNC_MAPPER(NAME)[210] = "cgrp_storage_get", [211] = "cgrp_storage_delete"
#endif
static const char *const names[] = { NAMES };

/* Which sets a program type sees, beside BASE. */
static const uint8_t type_sets[] = {
	[BPF_PROG_TYPE_SOCKET_FILTER] = HELPER_SOCKET,
	[BPF_PROG_TYPE_CGROUP_SKB] = HELPER_SOCKET,
	[BPF_PROG_TYPE_SCHED_CLS] = HELPER_TC,
	[BPF_PROG_TYPE_SCHED_ACT] = HELPER_TC,
	[BPF_PROG_TYPE_XDP] = HELPER_XDP,
	[BPF_PROG_TYPE_KPROBE] = HELPER_TRACING,
	[BPF_PROG_TYPE_TRACEPOINT] = HELPER_TRACING,
	[BPF_PROG_TYPE_PERF_EVENT] = HELPER_TRACING,
	[BPF_PROG_TYPE_RAW_TRACEPOINT] = HELPER_TRACING,
	[BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE] = HELPER_TRACING,
	[BPF_PROG_TYPE_TRACING] = HELPER_TRACING,
	[BPF_PROG_TYPE_LSM] = HELPER_TRACING,
	[BPF_PROG_TYPE_SYSCALL] = HELPER_SYSCALL | HELPER_TRACING,
};

const struct helper_proto *helper_by_id(uint32_t id)
{
	return id < ARRAY_SIZE(protos) && protos[id].fn ? &protos[id] : NULL;
}

const struct helper_proto *helper_of_linux(uint32_t id)
{
	return id < ARRAY_SIZE(protos) && protos[id].name ? &protos[id] : NULL;
}

bool helper_allowed(const struct helper_proto *h, uint32_t prog_type)
{
	uint32_t sees = HELPER_BASE;

	if (prog_type < ARRAY_SIZE(type_sets))
		sees |= type_sets[prog_type];
	return h->sets & sees;
}

uint32_t helper_id_count(void)
{
	return ARRAY_SIZE(names);
}

const char *helper_name(uint32_t id)
{
	return id < ARRAY_SIZE(names) ? names[id] : NULL;
}
