/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * btf_write.c - members of the kernel's structs that programs may write (btf_struct_access of
 * each program type's operations).
 */
#include "verifier/verifier_int.h"

/* Who writes which members; rows of one writer stand together. */
enum writer {
	BY_NOBODY,
	BY_CONGESTION, /* members of struct tcp_congestion_ops */
	BY_DUMMY,      /* members of struct bpf_dummy_ops */
	BY_PACKET,     /* TC and XDP */
};

static const struct {
	const char *of, *member;
	uint8_t who; /* enum writer */
	bool inside; /* an access may begin in its middle */
} members[] = {
	{ "sock", "sk_pacing_rate", BY_CONGESTION, false },
	{ "sock", "sk_pacing_status", BY_CONGESTION, false },
	{ "inet_connection_sock", "icsk_ca_priv", BY_CONGESTION, true },
	{ "inet_connection_sock", "icsk_ack.pending", BY_CONGESTION, false },
	{ "tcp_sock", "snd_cwnd", BY_CONGESTION, false },
	{ "tcp_sock", "snd_cwnd_cnt", BY_CONGESTION, false },
	{ "tcp_sock", "snd_cwnd_stamp", BY_CONGESTION, false },
	{ "tcp_sock", "snd_ssthresh", BY_CONGESTION, false },
	{ "tcp_sock", "ecn_flags", BY_CONGESTION, false },
	{ "tcp_sock", "app_limited", BY_CONGESTION, false },
	{ "nf_conn", "mark", BY_PACKET, false },
};

static enum writer writer_of(const struct verifier *v)
{
	if (v->prog->type == BPF_PROG_TYPE_SCHED_CLS || v->prog->type == BPF_PROG_TYPE_SCHED_ACT ||
	    v->prog->type == BPF_PROG_TYPE_XDP)
		return BY_PACKET;
	return struct_ops_is(v, "tcp_congestion_ops") ? BY_CONGESTION
	       : struct_ops_is(v, "bpf_dummy_ops")    ? BY_DUMMY
						      : BY_NOBODY;
}

/* The struct whose members the writer has, whatever it is derived from. */
static const char *object_of(enum writer who)
{
	return who == BY_CONGESTION ? "tcp_sock" : "nf_conn";
}

/* Where a member of the struct lies, "outer.inner" too; false: there is none. */
static bool find_member(const struct verifier *v, uint32_t id, const char *path, uint32_t *ret_off,
			uint32_t *ret_end)
{
	const struct skep_btf *btf = v->opts->vmlinux;
	const struct btf_type *t = btf_type(btf, id);
	const struct btf_member *m = (const struct btf_member *)(t + 1);
	const size_t n = strcspn(path, ".");

	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++) {
		const char *name = btf_str(btf, m[i].name_off);
		const uint32_t bits =
			BTF_INFO_KFLAG(t->info) ? m[i].offset & 0xffffff : m[i].offset;
		const uint32_t type = btf_resolve(btf, m[i].type);
		uint32_t off = 0, end = (uint32_t)btf_size(btf, type);

		/* A union or struct without a name, or the outer part of the path. */
		if (strncmp(name, path, n) || name[n]) {
			if (*name || !find_member(v, type, path, &off, &end))
				continue;
		} else if (path[n] && !find_member(v, type, path + n + 1, &off, &end)) {
			continue;
		}
		*ret_off = bits / 8 + off;
		*ret_end = bits / 8 + end;
		return true;
	}
	return false;
}

static int write_member(struct verifier *v, enum writer who, const char *name, int off,
			unsigned size)
{
	const char *object = object_of(who);

	if (strcmp(name, object) && (who != BY_PACKET || strcmp(name, "nf_conn___init")))
		return fail(v, -EACCES, "only read is supported");
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		uint32_t from, end;

		if (members[i].who != who ||
		    !find_member(v, btf_ptr_find(v, members[i].of), members[i].member, &from,
				 &end) ||
		    (uint32_t)off < from ||
		    (members[i].inside ? (uint32_t)off >= end : (uint32_t)off != from))
			continue;
		if ((uint32_t)off + size > end)
			return fail(v, -EACCES,
				    "write access at off %d with size %u beyond the member of %s "
				    "ended at %u",
				    off, size, object, end);
		return 0;
	}
	return fail(v, -EACCES, "no write support to %s at off %d", object, off);
}

int btf_write(struct verifier *v, uint32_t id, int off, unsigned size)
{
	const char *name = btf_ptr_name(v, id);
	const enum writer who = writer_of(v);

	if (who == BY_NOBODY)
		return fail(v, -EACCES, "only read is supported");
	if (who != BY_DUMMY)
		return write_member(v, who, name, off, size);
	if (strcmp(name, "bpf_dummy_ops_state"))
		return fail(v, -EACCES, "only access to bpf_dummy_ops_state is supported");
	if (off + (int64_t)size > btf_size(v->opts->vmlinux, id))
		return fail(v, -EACCES, "write access at off %d with size %u", off, size);
	return 0;
}
