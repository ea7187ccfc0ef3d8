/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Has show.bpf.c show types that all releases of Linux and Skep have alike: whatever kernel is
 * below, the text is to be the same.  An ordinary user of libbpf.
 *
 * usage: show OBJECT
 */
#include "tests/e2e/notes.h"

#include <linux/bpf.h>

#define BYTES 256

static struct btf *kernel;

static void show_with(const char *program, const char *type, __u32 kind)
{
	const int id = type ? btf__find_by_name_kind(kernel, type, kind) : (int)kind;
	struct bpf_program *p = bpf_object__find_program_by_name(obj, program);
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	char *text = (char *)variable("text");

	*(__u32 *)variable("type_id") = (__u32)id;
	memset(text, '?', 64);
	text[64] = '\0';
	if (bpf_prog_test_run_opts(bpf_program__fd(p), &opts))
		abort();
	printf("%s %s %#llx: %lld\n%s\n", program, type ? type : "", *variable("flags"),
	       (long long)*variable("ret"), text);
}

static void set(const __u8 *bytes, size_t n)
{
	__u8 *data = (__u8 *)variable("data");

	memset(data, 0, BYTES);
	memcpy(data, bytes, n);
}

/* Bytes of which none is zero, or only some are not. */
static void fill(int how)
{
	__u8 bytes[BYTES];

	for (int i = 0; i < BYTES; i++)
		bytes[i] = (__u8)(how == 0 ? 0 : how == 1 ? i * 7 % 250 + 1 : i % 5 == how ? i : 0);
	set(bytes, BYTES);
}

static const struct {
	const char *type;
	__u32 kind;
} types[] = {
	{ "int", BTF_KIND_INT },
	{ "unsigned int", BTF_KIND_INT },
	{ "u64", BTF_KIND_TYPEDEF },
	{ "s64", BTF_KIND_TYPEDEF },
	{ "s32", BTF_KIND_TYPEDEF },
	{ "s16", BTF_KIND_TYPEDEF },
	{ "s8", BTF_KIND_TYPEDEF },
	{ "bool", BTF_KIND_TYPEDEF },
	{ "pid_t", BTF_KIND_TYPEDEF },
	{ "size_t", BTF_KIND_TYPEDEF },
	{ "kuid_t", BTF_KIND_TYPEDEF },
	{ "__be16", BTF_KIND_TYPEDEF },
	{ "bpf_cmd", BTF_KIND_ENUM },
	{ "xdp_action", BTF_KIND_ENUM },
	{ "bpf_insn", BTF_KIND_STRUCT },
	{ "bpf_spin_lock", BTF_KIND_STRUCT },
	{ "bpf_sock_tuple", BTF_KIND_STRUCT },
	{ "__sk_buff", BTF_KIND_STRUCT },
	{ "ethhdr", BTF_KIND_STRUCT },
	{ "iphdr", BTF_KIND_STRUCT },
	{ "ipv6hdr", BTF_KIND_STRUCT },
	{ "icmphdr", BTF_KIND_STRUCT },
	{ "icmp6hdr", BTF_KIND_STRUCT },
	{ "in6_addr", BTF_KIND_STRUCT },
};

/* Addresses as they are: Linux makes others of them where it is not told so. */
static void show_all(void)
{
	for (__u64 flags = 0; flags < 16; flags++) {
		if (!(flags & BTF_F_PTR_RAW))
			continue;
		*variable("flags") = flags;
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
			for (int how = 0; how < 4; how++) {
				fill(how);
				show_with("show", types[i].type, types[i].kind);
			}
	}
}

static void show_some(void)
{
	static const __u8 minus[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };

	*variable("flags") = BTF_F_COMPACT;
	set(minus, sizeof(minus));
	show_with("show", "int", BTF_KIND_INT);
	show_with("show", "s64", BTF_KIND_TYPEDEF);
	show_with("show", "u64", BTF_KIND_TYPEDEF);
	show_with("show", "bpf_cmd", BTF_KIND_ENUM);
	show_with("show_short", "bpf_insn", BTF_KIND_STRUCT);
	show_with("show_one", "bpf_insn", BTF_KIND_STRUCT);
}

static void show_wrong(void)
{
	show_with("show_small", "int", BTF_KIND_INT);
	show_with("show", NULL, 0);
	show_with("show", NULL, 99999999);
	show_with("show", NULL, ~0u);
	*variable("flags") = 16;
	show_with("show", "int", BTF_KIND_INT);
	*variable("flags") = 1ull << 32;
	show_with("show", "int", BTF_KIND_INT);
	*variable("flags") = 0;
	*variable("at") = 0xffff800000000000;
	show_with("show", "int", BTF_KIND_INT);
	show_with("show", "in6_addr", BTF_KIND_STRUCT);
	show_with("show", "__sk_buff", BTF_KIND_STRUCT);
}

int main(int argc, char **argv)
{
	if (!load_notes(argc, argv))
		return 1;
	kernel = btf__load_vmlinux_btf();
	if (!kernel)
		return 1;
	show_all();
	show_some();
	show_wrong();
	btf__free(kernel);
	bpf_object__close(obj);
	return 0;
}
