/* SPDX-License-Identifier: BSD-2-Clause */
/* raw.c - see raw.h */
#include "raw.h"

#include <errno.h>
#include <unistd.h>

#include "tests/harness/host.h"
#include "tests/harness/test.h"

void raw_make(struct raw *r, const uint32_t *types, size_t n, const char *str, size_t str_len)
{
	struct btf_header h = {
		.magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = sizeof(h),
		.type_len = (uint32_t)(n * 4),
		.str_off = (uint32_t)(n * 4),
		.str_len = (uint32_t)str_len,
	};

	r->size = (uint32_t)(sizeof(h) + n * 4 + str_len);
	ASSERT_LE(r->size, sizeof(r->data));
	memcpy(r->data, &h, sizeof(h));
	memcpy(r->data + sizeof(h), types, n * 4);
	memcpy(r->data + sizeof(h) + n * 4, str, str_len);
}

static void append(void *arg, const char *text, size_t n)
{
	struct verdict *v = arg;
	size_t len = strlen(v->log);

	n = MIN(n, sizeof(v->log) - 1 - len);
	memcpy(v->log + len, text, n);
	v->log[len + n] = '\0';
}

struct skep_btf *judge_kernel;

void judge_ours(const void *data, uint32_t size, struct verdict *v, struct skep_btf **ret)
{
	struct btf_log log = { append, v };
	struct skep_diag diag = { 0 };
	struct skep_btf *b = NULL;

	v->log[0] = '\0';
	v->err = btf_new(data, size, judge_kernel, &log, &b, &diag);
	ASSERT_EQ(diag.err, v->err);
	ASSERT_EQ(!b, v->err != 0);
	if (ret)
		*ret = b;
	else
		btf_put(b);
}

bool judge_host(const void *data, uint32_t size, struct verdict *v, const char **why)
{
	union bpf_attr a;
	long fd;

	memset(&a, 0, sizeof(a));
	a.btf = (uintptr_t)data;
	a.btf_size = size;
	a.btf_log_buf = (uintptr_t)v->log;
	a.btf_log_size = sizeof(v->log);
	a.btf_log_level = 1;
	v->log[0] = '\0';
	fd = host_bpf(BPF_BTF_LOAD, &a);
	v->err = fd < 0 ? (int)fd : 0;
	if (fd >= 0)
		close((int)fd);
	if (v->err != -EPERM && v->err != -ENOSYS)
		return true;
	*why = "the host's kernel does not permit BPF_BTF_LOAD";
	return false;
}
