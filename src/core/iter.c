/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iter.c - iterators: links of BPF_TRACE_ITER, and what is read through them
 * (kernel/bpf/bpf_iter.c).
 *
 * BPF_ITER_CREATE runs the program over all elements at once and gives a descriptor of the text,
 * so that read(2) is the machine's own, in whatever process.  What Linux says of a read,
 * BPF_ITER_CREATE says.
 *
 * Invariant: text goes to the file only as whole elements, in the order of Linux's reads: a buffer
 * of so many elements as fit; one that does not fit is shown again in the next one.
 */
#include "core/iter_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEQ_SIZE  (8u << 12) /* Linux's: eight pages */
#define AGAIN_MAX 16	     /* times that a program may ask for the same element in a row */

static const struct iter_ops *const targets[] = {
	&iter_bpf_map, &iter_bpf_prog,	&iter_bpf_link, &iter_bpf_map_elem,
	&iter_task,    &iter_task_file, &iter_task_vma,
};

static const struct iter_ops *target_of(struct skep_kernel *k, const struct skep_prog *p)
{
	const struct skep_btf *btf = core_vmlinux(k);
	const struct btf_type *t = btf ? btf_type(btf, p->attach_btf_id) : NULL;
	const char *name = t ? btf_str(btf, t->name_off) : "";

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strncmp(name, "bpf_iter_", 9) && !strcmp(name + 9, targets[i]->target))
			return targets[i];
	return NULL;
}

/* --- one read --------------------------------------------------------------------------------- */

static void iter_free(struct iter *it)
{
	if (!it)
		return;
	object_put(&it->ref);
	skep_free(it->mem.seq.buf);
	skep_free(it->keys);
	skep_free(it->tasks);
	skep_free(it->parts);
	skep_free(it->key);
	skep_free(it->value);
	skep_free(it);
}
DEFINE_CLEANUP(struct iter, iter_free)

/* One run: 0, -EAGAIN where the program wants the element again, -EFAULT. */
static int show(struct iter *it, const struct skep_prog *p, bool last)
{
	struct skep_kernel *k = it->c->k;
	struct run_task as;
	struct vcpu *vcpu = vcpu_get(k->vcpus);
	uint64_t task[RUN_TASK_SIZE / 8], ret = 0;
	struct skep_run run = {
		.task = task,
		.vcpu = vcpu,
		.cpu = vcpu_id(k->vcpus, vcpu),
		.ctx = it->mem.ctx,
		.env = &k->env,
		.as = caller_task(&as),
		.seq = &it->mem.seq,
		.region = { { (uintptr_t)&it->mem, sizeof(it->mem) } },
	};

	if (last)
		memset(&it->mem.ctx[1], 0, ITER_ARGS * sizeof(*it->mem.ctx));
	it->mem.ctx[0] = (uintptr_t)&it->mem.meta;
	if (last || !it->ops->enter || it->ops->enter(it, run.cpu)) {
		for (size_t i = 0; i < ARRAY_SIZE(it->extra) && !last; i++)
			run.region[1 + i] = it->extra[i];
		ret = prog_run(p, it->mem.ctx, &run);
	}
	vcpu_put(vcpu);
	if (run.fault)
		return FAIL(it->c, -EFAULT, "address 0x%llx is not the program's memory",
			    (unsigned long long)run.fault_addr);
	return ret ? -EAGAIN : 0;
}

/* What is in the buffer goes to the file. */
static int flush(struct iter *it, int fd)
{
	struct skep_seq *s = &it->mem.seq;
	size_t done = 0;

	while (done < s->count) {
		const ssize_t n = write(fd, s->buf + done, s->count - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	s->count = 0;
	return 0;
}

/* Shows an element until it is shown: as a whole, behind what is in the buffer or at its start. */
static int show_whole(struct iter *it, const struct skep_prog *p, int fd, bool last)
{
	struct skep_seq *s = &it->mem.seq;

	for (unsigned again = 0;;) {
		const size_t before = s->count;
		int err = show(it, p, last);

		if (last && err == -EAGAIN)
			err = 0;
		if (!err && !seq_is_full(s))
			return 0;
		if (err && err != -EAGAIN)
			return err;
		s->count = before;
		if (before)
			err = flush(it, fd);
		else if (!err)
			return FAIL(it->c, -E2BIG, "one element has more than %u bytes of text",
				    SEQ_SIZE);
		else if (++again < AGAIN_MAX)
			err = 0;
		if (err)
			return err;
	}
}

static int render(struct iter *it, const struct skep_prog *p, int fd)
{
	bool first = true;
	int err = it->ops->begin ? it->ops->begin(it) : 0;

	while (!err && it->ops->next(it)) {
		it->mem.meta.seq_num += !first;
		first = false;
		err = show_whole(it, p, fd, false);
		it->mem.seq.index++;
	}
	err = err ? err : it->err;
	err = err ? err : show_whole(it, p, fd, true);
	return err ? err : flush(it, fd);
}

static int iter_new(struct call *c, const struct iter_link *l, struct iter **ret)
{
	static _Atomic uint64_t sessions;
	struct iter *it = skep_alloc(sizeof(*it));

	if (!it)
		return -ENOMEM;
	it->c = c;
	it->ops = l->ops;
	it->link = l;
	it->mem.seq.size = SEQ_SIZE;
	it->mem.seq.buf = skep_alloc(SEQ_SIZE);
	it->mem.meta.seq = &it->mem.seq;
	it->mem.meta.session_id = atomic_fetch_add_explicit(&sessions, 1, memory_order_relaxed);
	if (!it->mem.seq.buf) {
		iter_free(it);
		return -ENOMEM;
	}
	*ret = it;
	return 0;
}

/* The text from its beginning, for reading alone. */
static int reader_of(int fd)
{
	char path[40];
	int reader;

	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	return reader < 0 ? -errno : reader;
}

static long iter_open(struct call *c, struct skep_link *l)
{
	_cleanup_(iter_free_p) struct iter *it = NULL;
	_cleanup_(prog_put_p) struct skep_prog *p = NULL;
	_cleanup_(close_fd_p) int fd = memfd_create("bpf_iter", MFD_CLOEXEC);
	int err = fd < 0 ? -errno : iter_new(c, l->hook, &it);

	if (err || !it)
		return err;
	p = link_prog(c->k, l);
	err = render(it, p, fd);
	return err ? err : reader_of(fd);
}

long core_iter_open(struct skep_kernel *k, const char *path)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	struct skep_diag diag = { 0 };
	struct call c = { .k = k, .diag = &diag };
	struct skep_link *l;
	int err = core_pin_object(k, path, O_RDONLY, &ref);

	if (err)
		return err;
	l = ref.payload;
	return ref.kind == OBJ_LINK && l->ops->iter ? l->ops->iter(&c, l) : -EIO;
}

/* --- links ------------------------------------------------------------------------------------ */

static void iter_link_free(struct iter_link *l)
{
	if (!l)
		return;
	map_put(l->map);
	skep_free(l);
}
DEFINE_CLEANUP(struct iter_link, iter_link_free)

static void link_release(struct skep_link *l)
{
	iter_link_free(l->hook);
}

/* bpf_iter_link_replace, which does not ask whether the new one fits the map. */
static int link_update(struct call *c, struct skep_link *l, struct skep_prog *prog,
		       struct skep_prog *old)
{
	const struct iter_link *il = l->hook;
	struct skep_prog *was;
	int err = 0;

	if (il->ops->fits && target_of(c->k, prog) == il->ops)
		err = il->ops->fits(c, prog, il->map);
	pthread_mutex_lock(&c->k->lock);
	was = l->prog;
	if (old && old != was)
		err = -EPERM;
	else if (prog->type != was->type ||
		 prog->expected_attach_type != was->expected_attach_type ||
		 prog->attach_btf_id != was->attach_btf_id)
		err = -EINVAL;
	if (!err)
		l->prog = prog_get(prog);
	pthread_mutex_unlock(&c->k->lock);
	if (!err)
		prog_put(was);
	return err;
}

static int link_info(struct skep_link *l, struct bpf_link_info *info)
{
	const struct iter_link *il = l->hook;
	const int err =
		link_name_out(info->iter.target_name, &info->iter.target_name_len, il->ops->target);

	if (!err && il->ops->info)
		il->ops->info(il, info);
	return err;
}

static const struct link_ops iter_ops = {
	.type = BPF_LINK_TYPE_ITER,
	.release = link_release,
	.update = link_update,
	.info = link_info,
	.iter = iter_open,
};

static int read_info(struct call *c, union bpf_iter_link_info *ret)
{
	const uint64_t at = c->attr.a.link_create.iter_info;
	const uint32_t n = c->attr.a.link_create.iter_info_len;
	int err;

	if (!at != !n)
		return FAIL(c, -EINVAL, "iter_info and its length go together");
	if (!n)
		return 0;
	err = user_tail_zero(at, sizeof(*ret), n);
	return err ? err : user_read(ret, at, MIN(n, (uint32_t)sizeof(*ret)));
}

long iter_link(struct call *c, struct skep_prog *p)
{
	_cleanup_(iter_link_free_p) struct iter_link *il = NULL;
	_cleanup_(link_put_p) struct skep_link *l = NULL;
	union bpf_iter_link_info info = { 0 };
	const struct iter_ops *ops = target_of(c->k, p);
	long fd;
	int err;

	if (p->expected_attach_type != BPF_TRACE_ITER)
		return FAIL(c, -EINVAL, "the program is no iterator");
	if (c->attr.a.link_create.target_fd || c->attr.a.link_create.flags)
		return FAIL(c, -EINVAL, "iterators take neither target_fd nor flags");
	err = read_info(c, &info);
	if (err)
		return err;
	if (!p->engine)
		return FAIL(c, -EOPNOTSUPP, "this kernel judges programs, it does not run them");
	if (!ops)
		return FAIL(c, -ENOENT, "Skep has no such iterator yet");
	if (p->flags & BPF_F_SLEEPABLE && !ops->may_sleep)
		return FAIL(c, -EINVAL, "iterators over %s do not sleep", ops->target);
	il = skep_alloc(sizeof(*il));
	if (!il)
		return -ENOMEM;
	il->ops = ops;
	err = ops->attach ? ops->attach(c, p, &info, il) : 0;
	err = err ? err : link_new(&iter_ops, p, &l);
	if (err)
		return err;
	l->hook = TAKE_PTR(il);
	fd = object_publish(c, OBJ_LINK, l, -1, O_RDWR);
	if (fd >= 0)
		TAKE_PTR(l);
	return fd;
}
