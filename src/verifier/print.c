/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print.c - values as text, in the kernel's words (kernel/bpf/log.c).
 */
#include "base/strbuf.h"
#include "verifier/verifier_int.h"

const char *const alu_texts[16] = {
	"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian",
};

static const char *const names[_REG_TYPE_MAX] = {
	[NOT_INIT] = "?",
	[SCALAR_VALUE] = "scalar",
	[PTR_TO_CTX] = "ctx",
	[CONST_PTR_TO_MAP] = "map_ptr",
	[PTR_TO_MAP_VALUE] = "map_value",
	[PTR_TO_MAP_KEY] = "map_key",
	[PTR_TO_STACK] = "fp",
	[PTR_TO_PACKET_META] = "pkt_meta",
	[PTR_TO_PACKET] = "pkt",
	[PTR_TO_PACKET_END] = "pkt_end",
	[PTR_TO_MEM] = "mem",
	[PTR_TO_BTF_ID] = "ptr_",
	[PTR_TO_FUNC] = "func",
	[PTR_TO_SOCKET] = "sock",
	[PTR_TO_SOCK_COMMON] = "sock_common",
	[PTR_TO_TCP_SOCK] = "tcp_sock",
	[PTR_TO_XDP_SOCK] = "xdp_sock",
	[PTR_TO_FLOW_KEYS] = "flow_keys",
	[PTR_TO_ARENA] = "arena",
	[PTR_TO_TP_BUFFER] = "tp_buffer",
	[PTR_TO_BUF] = "buf",
	[CONST_PTR_TO_DYNPTR] = "dynptr_ptr",
};

const char *type_name(uint32_t type, char *buf)
{
	struct strbuf s = { buf, 64, 0 };

	if (type & MEM_RDONLY)
		strbuf_add(&s, "rdonly_");
	if (type & MEM_RINGBUF)
		strbuf_add(&s, "ringbuf_");
	if (type & MEM_USER)
		strbuf_add(&s, "user_");
	if (type & MEM_PERCPU)
		strbuf_add(&s, "percpu_");
	if (type & MEM_RCU)
		strbuf_add(&s, "rcu_");
	if (type & PTR_UNTRUSTED)
		strbuf_add(&s, "untrusted_");
	if (type & PTR_TRUSTED)
		strbuf_add(&s, "trusted_");
	strbuf_add(&s, "%s", names[base_type(type)]);
	if (may_be_null(type))
		strbuf_add(&s, base_type(type) == PTR_TO_BTF_ID ? "or_null_" : "_or_null");
	return buf;
}

const char *tnum_text(struct tnum t, char *buf)
{
	struct strbuf s = { buf, 48, 0 };

	if (tnum_is_const(t))
		strbuf_add(&s, "%llu", (unsigned long long)t.value);
	else
		strbuf_add(&s, "(0x%llx; 0x%llx)", (unsigned long long)t.value,
			   (unsigned long long)t.mask);
	return buf;
}
