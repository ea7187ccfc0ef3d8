/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel_btf.c - see kernel_btf.h */
#include "tests/harness/kernel_btf.h"
#include "helper/helper.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct skep_btf *kernel_btf_host(void)
{
	static uint8_t data[16 << 20];
	struct skep_btf *btf = NULL;
	const int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t n;

	while (fd >= 0 && (n = read(fd, data + size, sizeof(data) - size)) > 0)
		size += (size_t)n;
	if (fd < 0 || btf_new(data, (uint32_t)size, NULL, NULL, &btf, NULL))
		btf = NULL;
	close(fd);
	return btf;
}

bool kernel_btf_call(void *btf, const char *name, size_t n, struct bpf_insn *insn)
{
	char text[64];
	int32_t id;

	snprintf(text, sizeof(text), "%.*s", (int)n, name);
	for (uint32_t h = 1; h < helper_id_count(); h++)
		if (helper_name(h) && !strcmp(helper_name(h), text)) {
			insn->imm = (int)h;
			return true;
		}
	id = btf_find(btf, text, BTF_KIND_FUNC);
	if (id < 0)
		return false;
	insn->src_reg = BPF_PSEUDO_KFUNC_CALL;
	insn->imm = id;
	return true;
}
