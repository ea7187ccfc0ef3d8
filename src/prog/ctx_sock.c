/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctx_sock.c - contexts around sockets, and the socket structs that programs get pointers to
 * (net/core/filter.c).  Programs of these types are judged, not run: nothing stands behind a
 * field, so its real place is the UAPI's.
 */
#include "prog/ctx_int.h"

#define A(type) (UINT64_C(1) << BPF_CGROUP_##type)
#define ALL	0
#define NOBODY	UINT64_MAX
#define LIFE	(A(INET_SOCK_CREATE) | A(INET_SOCK_RELEASE))
#define BIND4	A(INET4_POST_BIND)
#define BIND6	A(INET6_POST_BIND)

/* n bytes from field f of a struct on; w: attach types that may write, NOBODY. */
#define SPAN(s, f, n, k, r, w)                                                                  \
	{                                                                                       \
		.name = #f, .off = offsetof(struct s, f), .size = (n),                          \
		.real_off = offsetof(struct s, f), .real_size = (n), .kind = CTX_##k,           \
		.writable = (w) != NOBODY, .read_by = (r), .write_by = (w) == NOBODY ? 0 : (w), \
	}
#define FIELD(s, f, k, r, w) SPAN(s, f, sizeof_field(struct s, f), k, r, w)
#define READ(s, f, k)	     FIELD(s, f, k, ALL, NOBODY)
/* From field f up to field g, which is not among them. */
#define UNTIL(s, f, g, k, w) SPAN(s, f, offsetof(struct s, g) - offsetof(struct s, f), k, ALL, w)

/* --- struct bpf_sock ------------------------------------------------------------------------ */

const struct ctx_field sock_fields[SOCK_FIELDS] = {
#define SOCK_FIELD(f, bytes, k, r, w) SPAN(bpf_sock, f, bytes, k, r, w),
#include "prog/ctx_sock.def"
#undef SOCK_FIELD
};

const struct ctx_field socket_object_fields[SOCK_FIELDS] = {
#define SOCK_FIELD(f, bytes, k, r, w) SPAN(bpf_sock, f, bytes, k, ALL, NOBODY),
#include "prog/ctx_sock.def"
#undef SOCK_FIELD
};

/* Of a socket that may be a request or a timewait one: nothing that only full ones have. */
#define FULL_ONLY(f)                                                        \
	(offsetof(struct bpf_sock, f) >= offsetof(struct bpf_sock, type) && \
	 offsetof(struct bpf_sock, f) <= offsetof(struct bpf_sock, priority))
#define COMMON(f, bytes, k)                                                       \
	{                                                                         \
		.name = #f, .off = offsetof(struct bpf_sock, f), .size = (bytes), \
		.real_off = offsetof(struct bpf_sock, f), .real_size = (bytes),   \
		.kind = FULL_ONLY(f) ? CTX_NONE : CTX_##k,                        \
	}

const struct ctx_field sock_common_fields[SOCK_FIELDS] = {
#define SOCK_FIELD(f, bytes, k, r, w) COMMON(f, bytes, k),
#include "prog/ctx_sock.def"
#undef SOCK_FIELD
};

const struct ctx_field tcp_sock_fields[4] = {
	UNTIL(bpf_tcp_sock, snd_cwnd, bytes_received, CELLS, NOBODY),
	READ(bpf_tcp_sock, bytes_received, EXACT),
	READ(bpf_tcp_sock, bytes_acked, EXACT),
	SPAN(bpf_tcp_sock, dsack_dups, 16, CELLS, ALL, NOBODY),
};

const struct ctx_field xdp_sock_fields[1] = {
	READ(bpf_xdp_sock, queue_id, EXACT),
};

/* --- struct bpf_sock_addr ------------------------------------------------------------------- */

#define ADDR4                                                                             \
	(A(INET4_BIND) | A(INET4_CONNECT) | A(INET4_GETPEERNAME) | A(INET4_GETSOCKNAME) | \
	 A(UDP4_SENDMSG) | A(UDP4_RECVMSG))
#define ADDR6                                                                             \
	(A(INET6_BIND) | A(INET6_CONNECT) | A(INET6_GETPEERNAME) | A(INET6_GETSOCKNAME) | \
	 A(UDP6_SENDMSG) | A(UDP6_RECVMSG))

const struct ctx_field sock_addr_fields[SOCK_ADDR_FIELDS] = {
	READ(bpf_sock_addr, user_family, EXACT),
	FIELD(bpf_sock_addr, user_ip4, SCALAR, ADDR4, ALL),
	FIELD(bpf_sock_addr, user_ip6, ADDRESS, ADDR6, ALL),
	FIELD(bpf_sock_addr, user_port, SCALAR, ALL, ALL),
	READ(bpf_sock_addr, family, EXACT),
	READ(bpf_sock_addr, type, EXACT),
	READ(bpf_sock_addr, protocol, EXACT),
	FIELD(bpf_sock_addr, msg_src_ip4, SCALAR, A(UDP4_SENDMSG), ALL),
	FIELD(bpf_sock_addr, msg_src_ip6, ADDRESS, A(UDP6_SENDMSG), ALL),
	READ(bpf_sock_addr, sk, SOCK),
};

/* --- struct bpf_sock_ops -------------------------------------------------------------------- */

#define SOCK_OPS_HWTSTAMP 216 /* skb_hwtstamp, which headers before 6.2 do not have */

const struct ctx_field sock_ops_fields[SOCK_OPS_FIELDS] = {
	READ(bpf_sock_ops, op, EXACT),
	FIELD(bpf_sock_ops, reply, EXACT, ALL, ALL),
	UNTIL(bpf_sock_ops, args[1], sk_txhash, CELLS, NOBODY),
	FIELD(bpf_sock_ops, sk_txhash, EXACT, ALL, ALL),
	READ(bpf_sock_ops, bytes_received, EXACT),
	READ(bpf_sock_ops, bytes_acked, EXACT),
	READ(bpf_sock_ops, sk, SOCK_NULL),
	READ(bpf_sock_ops, skb_data, PKT),
	READ(bpf_sock_ops, skb_data_end, PKT_END),
	READ(bpf_sock_ops, skb_len, EXACT),
	READ(bpf_sock_ops, skb_tcp_flags, HEAD),
	{ .name = "skb_hwtstamp",
	  .off = SOCK_OPS_HWTSTAMP,
	  .size = 8,
	  .real_off = SOCK_OPS_HWTSTAMP,
	  .real_size = 8,
	  .kind = CTX_EXACT },
};

/* --- struct bpf_sk_lookup ------------------------------------------------------------------- */

const struct ctx_field sk_lookup_fields[SOCK_LOOKUP_FIELDS] = {
	READ(bpf_sk_lookup, sk, SOCK_NULL),
	READ(bpf_sk_lookup, family, SCALAR),
	READ(bpf_sk_lookup, protocol, SCALAR),
	READ(bpf_sk_lookup, remote_ip4, SCALAR),
	READ(bpf_sk_lookup, remote_ip6[0], SCALAR),
	READ(bpf_sk_lookup, remote_ip6[1], SCALAR),
	READ(bpf_sk_lookup, remote_ip6[2], SCALAR),
	READ(bpf_sk_lookup, remote_ip6[3], SCALAR),
	UNTIL(bpf_sk_lookup, remote_port, local_ip4, SCALAR, NOBODY), /* and its padding */
	READ(bpf_sk_lookup, local_ip4, SCALAR),
	READ(bpf_sk_lookup, local_ip6[0], SCALAR),
	READ(bpf_sk_lookup, local_ip6[1], SCALAR),
	READ(bpf_sk_lookup, local_ip6[2], SCALAR),
	READ(bpf_sk_lookup, local_ip6[3], SCALAR),
	READ(bpf_sk_lookup, local_port, SCALAR),
	READ(bpf_sk_lookup, ingress_ifindex, SCALAR),
};

/* --- struct sk_msg_md, struct sk_reuseport_md, the flow dissector's struct __sk_buff ---------- */

const struct ctx_field sk_msg_fields[SK_MSG_FIELDS] = {
	READ(sk_msg_md, data, PKT),
	READ(sk_msg_md, data_end, PKT_END),
	UNTIL(sk_msg_md, family, remote_port, CELLS, NOBODY),
	READ(sk_msg_md, remote_port, EXACT),
	READ(sk_msg_md, local_port, EXACT),
	READ(sk_msg_md, size, EXACT),
	READ(sk_msg_md, sk, SOCK),
};

const struct ctx_field reuseport_fields[REUSEPORT_FIELDS] = {
	READ(sk_reuseport_md, data, PKT),
	READ(sk_reuseport_md, data_end, PKT_END),
	READ(sk_reuseport_md, len, SCALAR),
	READ(sk_reuseport_md, eth_protocol, HALVES),
	READ(sk_reuseport_md, ip_protocol, SCALAR),
	READ(sk_reuseport_md, bind_inany, SCALAR),
	READ(sk_reuseport_md, hash, EXACT),
	READ(sk_reuseport_md, sk, SOCK),
	READ(sk_reuseport_md, migrating_sk, SOCK_COMMON_NULL),
};

const struct ctx_field dissector_fields[DISSECTOR_FIELDS] = {
	READ(__sk_buff, data, PKT),
	READ(__sk_buff, data_end, PKT_END),
	READ(__sk_buff, flow_keys, FLOW_KEYS),
};

/* --- cgroups -------------------------------------------------------------------------------- */

const struct ctx_field device_fields[DEVICE_FIELDS] = {
	READ(bpf_cgroup_dev_ctx, access_type, SCALAR),
	SPAN(bpf_cgroup_dev_ctx, major, 8, CELLS, ALL, NOBODY),
};

const struct ctx_field sysctl_fields[SYSCTL_FIELDS] = {
	READ(bpf_sysctl, write, SCALAR),
	FIELD(bpf_sysctl, file_pos, SCALAR, ALL, ALL),
};

const struct ctx_field sockopt_fields[SOCKOPT_FIELDS] = {
	READ(bpf_sockopt, sk, SOCK),
	READ(bpf_sockopt, optval, PKT),
	READ(bpf_sockopt, optval_end, PKT_END),
	FIELD(bpf_sockopt, level, EXACT, ALL, A(SETSOCKOPT)),
	FIELD(bpf_sockopt, optname, EXACT, ALL, A(SETSOCKOPT)),
	FIELD(bpf_sockopt, optlen, EXACT, ALL, ALL),
	FIELD(bpf_sockopt, retval, EXACT, A(GETSOCKOPT), ALL),
};
