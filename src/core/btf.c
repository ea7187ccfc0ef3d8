/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * btf.c - BTF objects: BTF_LOAD, and the BTF of the kernel that programs see, which has id 1 as
 * vmlinux has in Linux and is parsed when somebody first asks for it.
 */
#include "core/log.h"
#include "model/model.h"

#define BTF_BYTES_MAX (16u << 20) /* BTF_MAX_SIZE */

static struct skep_btf *vmlinux_made(struct skep_kernel *k)
{
	struct skep_btf *btf;

	pthread_mutex_lock(&k->lock);
	btf = k->vmlinux;
	pthread_mutex_unlock(&k->lock);
	return btf;
}

struct skep_btf *core_vmlinux(struct skep_kernel *k)
{
	_cleanup_(btf_put_p) struct skep_btf *made = NULL;
	struct skep_btf *btf = vmlinux_made(k);
	size_t size;
	const void *data = model_btf(&size);

	if (btf || btf_new(data, (uint32_t)size, NULL, &made, NULL))
		return btf;
	pthread_mutex_lock(&k->lock);
	if (!k->vmlinux && object_keep_locked(k, OBJ_BTF, made, VMLINUX_BTF_ID) == 0)
		k->vmlinux = TAKE_PTR(made);
	btf = k->vmlinux;
	pthread_mutex_unlock(&k->lock);
	return btf;
}

static void log_write(void *arg, const char *text, size_t n)
{
	verifier_log(arg, "%.*s", (int)MIN(n, (size_t)INT32_MAX), text);
}

/* Copies and parses the caller's bytes. */
static int load(struct call *c, struct call_log *log, struct skep_btf **ret)
{
	const union bpf_attr *a = &c->attr.a;
	const struct btf_log sink = { log_write, &log->v };
	_cleanup_(skep_free_p) void *data = skep_alloc(a->btf_size);

	if (!data)
		return -ENOMEM;
	if (user_read(data, a->btf, a->btf_size))
		return FAIL(c, -EFAULT, "BTF at a bad address");
	return btf_new(data, a->btf_size, &sink, ret, c->diag);
}

long core_btf_load(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(btf_put_p) struct skep_btf *btf = NULL;
	_cleanup_(log_free) struct call_log log = { 0 };
	long ret;

	if (c->attr.btf_load.flags & ~SKEP_F_TOKEN_FD)
		return FAIL(c, -EINVAL, "unknown btf_flags");
	if (c->attr.btf_load.flags)
		return core_token(c, c->attr.btf_load.token_fd);
	if (!core_may(c, RIGHT_BPF))
		return FAIL(c, -EPERM, "BTF_LOAD needs CAP_BPF");
	if (a->btf_size > BTF_BYTES_MAX)
		return FAIL(c, -E2BIG, "BTF of %u bytes; %u is the limit", a->btf_size,
			    BTF_BYTES_MAX);
	ret = log_begin(c, &log, a->btf_log_level, a->btf_log_buf, a->btf_log_size);
	if (ret)
		return ret;
	ret = load(c, &log, &btf);
	ret = log_end(c, &log, offsetof(union core_attr, btf_load.log_true_size), (int)ret);
	if (ret)
		return ret;
	ret = object_publish(c, OBJ_BTF, btf, -1, O_RDWR);
	if (ret >= 0)
		TAKE_PTR(btf);
	return ret;
}

long core_btf_next_id(struct call *c)
{
	core_vmlinux(c->k);
	return core_next_id(c, OBJ_BTF);
}

long core_btf_fd_by_id(struct call *c)
{
	if (c->attr.a.btf_id == VMLINUX_BTF_ID)
		core_vmlinux(c->k);
	return object_open_id(c, OBJ_BTF, c->attr.a.btf_id, O_RDWR);
}

const void *skep_kernel_btf(size_t *ret_size)
{
	return model_btf(ret_size);
}
