/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * btf.c - BTF objects: BTF_LOAD, and the BTF of the kernel that programs see, which has id 1 as
 * vmlinux has in Linux and is parsed when somebody first asks for it.  That is Skep's model, or for
 * a kernel that judges for Linux the BTF of the machine's own kernel, where it has one.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "base/sys.h"
#include "core/log.h"
#include "hive/space.h"
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

/*
 * The BTF of the machine's own kernel, NULL where it has none.  By system calls themselves, because
 * under the preload library open(2) of that path would lead back here.
 */
static struct skep_btf *host_btf(void)
{
	_cleanup_(skep_free_p) char *data = NULL;
	struct skep_btf *btf = NULL;
	size_t n = 0;
	long fd, r;

	fd = sys_call6(SYS_openat, AT_FDCWD, (long)"/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC,
		       0, 0, 0);
	if (fd < 0)
		return NULL;
	data = skep_alloc(BTF_BYTES_MAX);
	do {
		r = data ? sys_call6(SYS_read, fd, (long)(data + n), (long)(BTF_BYTES_MAX - n), 0,
				     0, 0)
			 : -ENOMEM;
		n += r > 0 ? (size_t)r : 0;
	} while (r > 0);
	sys_call6(SYS_close, fd, 0, 0, 0, 0, 0);
	if (r || btf_new(data, (uint32_t)n, NULL, NULL, &btf, NULL))
		return NULL;
	return btf;
}

void types_init(struct skep_kernel *k)
{
	k->types = space_alloc(k->space, HIVE_META, sizeof(*k->types));
	k->env.types = k->types;
	if (k->space)
		space_meta(k->space)->types = (uintptr_t)k->types;
}

void types_fini(struct skep_kernel *k)
{
	if (k->types_size)
		space_give(k->space, HIVE_META, (void *)k->types->types, k->types_size);
	space_give(k->space, HIVE_META, k->types, sizeof(*k->types));
}

/* They are k->vmlinux now.  Without memory helpers say that there are none. */
static void show_types_locked(struct skep_kernel *k)
{
	const size_t size = btf_view_size(k->vmlinux);
	void *mem = k->types ? space_alloc(k->space, HIVE_META, size) : NULL;

	if (!mem)
		return;
	btf_view_fill(k->types, k->vmlinux, mem);
	k->types_size = size;
}

struct skep_btf *core_vmlinux(struct skep_kernel *k)
{
	_cleanup_(btf_put_p) struct skep_btf *made = NULL;
	struct skep_btf *btf = vmlinux_made(k);
	size_t size;
	const void *data = model_btf(&size);

	if (btf)
		return btf;
	if (k->judge)
		made = host_btf();
	if (!made && btf_new(data, (uint32_t)size, NULL, NULL, &made, NULL))
		return NULL;
	pthread_mutex_lock(&k->lock);
	if (!k->vmlinux && object_keep_locked(k, OBJ_BTF, made, VMLINUX_BTF_ID) == 0) {
		k->vmlinux = TAKE_PTR(made);
		show_types_locked(k);
	}
	btf = k->vmlinux;
	pthread_mutex_unlock(&k->lock);
	return btf;
}

int core_take_btf(struct skep_kernel *k, const void *data, uint32_t size,
		  struct skep_diag *reterr_diag)
{
	_cleanup_(btf_put_p) struct skep_btf *made = NULL;
	int err = btf_new(data, size, NULL, NULL, &made, reterr_diag);

	if (err)
		return err;
	pthread_mutex_lock(&k->lock);
	err = object_keep_locked(k, OBJ_BTF, made, VMLINUX_BTF_ID);
	if (!err)
		k->vmlinux = TAKE_PTR(made);
	pthread_mutex_unlock(&k->lock);
	return err;
}

/* What an older kernel would have stumbled over. */
static int check_release(struct call *c, const struct skep_btf *btf)
{
	int err = 0;

	for (uint32_t id = 1; id < btf_type_count(btf) && !err; id++) {
		const struct btf_type *t = btf_type(btf, id);
		const uint32_t kind = BTF_INFO_KIND(t->info);

		err = core_too_new(c, release_since(RELEASE_BTF_KIND, kind),
				   "BTF: type %u: kind %s", id, btf_kind_name(kind));
		if (!err && kind == BTF_KIND_FUNC && BTF_INFO_VLEN(t->info))
			err = core_too_new(c, RELEASE_GLOBAL_FUNCS, "BTF: type %u: linkage", id);
	}
	return err;
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
	const struct skep_btf *kernel = core_vmlinux(c->k);
	int err;

	if (!data || !kernel)
		return -ENOMEM;
	if (user_read(data, a->btf, a->btf_size))
		return FAIL(c, -EFAULT, "BTF at a bad address");
	err = btf_new(data, a->btf_size, kernel, &sink, ret, c->diag);
	return err ? err : check_release(c, *ret);
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

const void *core_kernel_btf(struct skep_kernel *k, size_t *ret_size)
{
	const struct skep_btf *btf;
	const void *data;
	uint32_t size;

	if (!k->judge)
		return model_btf(ret_size);
	btf = core_vmlinux(k);
	if (!btf)
		return NULL;
	data = btf_data(btf, &size);
	*ret_size = size;
	return data;
}

const char *core_kernel_function(struct skep_kernel *k, uint32_t *id)
{
	const struct skep_btf *btf = core_vmlinux(k);

	while (btf && ++*id < btf_type_count(btf)) {
		const struct btf_type *t = btf_type(btf, *id);

		if (BTF_INFO_KIND(t->info) == BTF_KIND_FUNC)
			return btf_str(btf, t->name_off);
	}
	return NULL;
}

const void *skep_kernel_btf(size_t *ret_size)
{
	return model_btf(ret_size);
}
