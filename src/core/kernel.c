/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.c - one eBPF kernel: its making, the entry of bpf(2), what the last error said.
 */
#include "base/bytes.h"
#include "base/sys.h"
#include "core/core_int.h"
#include "core/view.h"
#include "interp/interp.h"
#include "jit/jit.h"
#include "model/model.h"
#include "obj/obj.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ADMIN  1
#define FD     2
#define VIEW   4
#define WRITES 8

struct command {
	const char *name;
	command_fn run;
	uint32_t end;	/* bytes of the attributes that it uses */
	uint32_t flags; /* ADMIN, FD, VIEW, WRITES */
};

static const struct command commands[] = {
#define COMMAND(nr, name, handler, end, flags) [nr] = { #name, handler, end, flags },
#include "core/commands.def"
#undef COMMAND
};
static_assert(ARRAY_SIZE(commands) == SKEP_CMD_COUNT, "a row for every command");

/* The numbers of commands.def are the header's. */
static_assert(BPF_MAP_CREATE == 0 && BPF_OBJ_GET_INFO_BY_FD == 15 && BPF_PROG_BIND_MAP == 35,
	      "commands keep their numbers");

/* What the thread's last call had to say, and its text once somebody asked. */
static _Thread_local struct skep_diag last;
static _Thread_local char last_text[512];

static const struct command *command_of(int cmd)
{
	return cmd >= 0 && (size_t)cmd < ARRAY_SIZE(commands) ? &commands[cmd] : NULL;
}

static long run_command(struct call *c, int cmd)
{
	const struct command *row = command_of(cmd);

	if (!row)
		return FAIL(c, -EINVAL, "bpf(2) has no command %d", cmd);
	/* What is answered on views is as old as bpf(2). */
	if (!c->view &&
	    core_too_new(c, release_since(RELEASE_COMMAND, (uint32_t)cmd), "%s", row->name))
		return -EINVAL;
	if (c->size > row->end && !bytes_zero(c->attr.bytes + row->end, c->size - row->end))
		return FAIL(c, -EINVAL, "%s: attributes beyond byte %u must be zero", row->name,
			    row->end);
	if (row->flags & ADMIN && !core_may(c, RIGHT_ADMIN))
		return FAIL(c, -EPERM, "%s needs CAP_SYS_ADMIN", row->name);
	return row->run(c);
}

bool core_gives_fd(int cmd)
{
	const struct command *row = command_of(cmd);

	return row && row->flags & FD;
}

int core_too_new(const struct call *c, uint16_t since, const char *fmt, ...)
{
	char what[96];
	va_list ap;

	if (since <= c->k->release)
		return 0;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return FAIL(c, -EINVAL, "%s came with Linux %u.%u", what, RELEASE_MAJOR(since),
		    RELEASE_MINOR(since));
}

const char *core_release(const struct skep_kernel *k)
{
	return k->release_name;
}

/* Copies the caller's attributes: 0, -EFAULT, -E2BIG. */
static int call_begin(struct call *c, struct skep_kernel *k, uint64_t uattr, uint32_t size)
{
	int err;

	c->k = k;
	c->uattr = uattr;
	c->size = MIN(size, ATTR_SIZE);
	c->diag = &last;
	c->view = NULL;
	last.err = 0;
	memset(&c->attr, 0, sizeof(c->attr));

	err = size > ATTR_SIZE ? user_tail_zero(uattr, ATTR_SIZE, size) : 0;
	return err ? err : user_read(&c->attr, uattr, c->size);
}

bool core_view_call(const struct core_views *v, int cmd, uint64_t uattr, uint32_t size, long *ret)
{
	const struct command *row = command_of(cmd);
	struct call c;
	void *use;

	if (!row || !(row->flags & VIEW) || call_begin(&c, NULL, uattr, size))
		return false;
	c.view = v->begin((int)c.attr.a.map_fd, row->flags & WRITES, &use);
	if (!c.view)
		return false;
	*ret = run_command(&c, cmd);
	v->end(use);
	return *ret != -EAGAIN;
}

bool core_view_helps(int cmd)
{
	const struct command *row = command_of(cmd);

	return row && row->flags & VIEW;
}

long core_call(struct skep_kernel *k, int cmd, uint64_t uattr, uint32_t size)
{
	struct call c;
	long ret = call_begin(&c, k, uattr, size);

	if (unlikely(ret))
		return FAIL(&c, (int)ret,
			    ret == -EFAULT ? "attributes at a bad address"
					   : "attributes longer than they can be");
	ret = run_command(&c, cmd);
	if (unlikely(ret == -EMFILE || ret == -ENFILE)) {
		/* Some descriptors of ours may belong to the dead. */
		objects_collect(k);
		last.err = 0;
		ret = run_command(&c, cmd);
	}
	if (likely(ret >= 0))
		last.err = 0;
	return ret;
}

long core_bpf(struct skep_kernel *k, int cmd, uint64_t uattr, uint32_t size, uint64_t ip,
	      uint64_t fp)
{
	long ret;

	caller_called_at(ip, fp);
	ret = core_call(k, cmd, uattr, size);
	caller_called_at(0, 0);
	return ret;
}

/* A frame begins with the caller's frame pointer. */
long skep_kernel_bpf(struct skep_kernel *k, int cmd, union bpf_attr *attr, unsigned size)
{
	const uint64_t *fp = __builtin_frame_address(0);

	return core_bpf(k, cmd, (uintptr_t)attr, size, (uintptr_t)__builtin_return_address(0), *fp);
}

const char *skep_last_error(void)
{
	last_text[0] = '\0';
	if (last.err)
		diag_format(&last, last_text, sizeof(last_text));
	return last_text;
}

/* --- what programs ask of their kernel ------------------------------------------------------- */

/*
 * The calling program sleeps meanwhile: its run holds nothing that the kernel waits for, as a
 * sleepable program's does in Linux.
 */
static long env_sys_bpf(void *arg, uint32_t cmd, void *attr, uint32_t size)
{
	struct skep_kernel *k = arg;
	struct vcpu *mine = vcpu_mine(k->vcpus);
	bool ours;
	long ret;

	vcpu_pause(mine);
	ours = caller_memory_ours(true);
	ret = core_call(k, (int)cmd, (uintptr_t)attr, size);
	caller_memory_ours(ours);
	if (ret >= 0 && core_gives_fd((int)cmd))
		ret = caller_give((int)ret);
	vcpu_resume(mine);
	return ret;
}

static int env_sys_close(void *arg, uint32_t fd)
{
	return caller_close((int)fd);
}

struct vcpus *core_vcpus(struct skep_kernel *k)
{
	return k->vcpus;
}

void core_watch_verdicts(struct skep_kernel *k, core_verdict_fn fn, void *arg, bool count)
{
	k->verdict = fn;
	k->verdict_arg = arg;
	k->verdict_count = count;
}

const struct run_env *core_run_env(struct skep_kernel *k)
{
	return &k->env;
}

/* --- making and freeing ---------------------------------------------------------------------- */

/* The engine for SKEP_ENGINE_*; 0, -EINVAL, or -EOPNOTSUPP where this machine lacks it. */
static int pick_engine(int engine, const struct engine_ops **ret)
{
	switch (engine) {
	case SKEP_ENGINE_DEFAULT:
		*ret = jit_available() ? &jit_engine : &interp_engine;
		return 0;
	case SKEP_ENGINE_JIT:
		*ret = &jit_engine;
		return jit_available() ? 0 : -EOPNOTSUPP;
	case SKEP_ENGINE_INTERP:
		*ret = &interp_engine;
		return 0;
	default:
		return -EINVAL;
	}
}

/* The caller's options in our size: bytes that we do not know must be zero. */
static int take_opts(const struct skep_kernel_opts *opts, struct skep_kernel_opts *ret)
{
	if (!opts)
		return 0;
	if (opts->sz < sizeof(opts->sz) ||
	    (opts->sz > sizeof(*opts) &&
	     !bytes_zero((const uint8_t *)opts + sizeof(*opts), opts->sz - sizeof(*opts))))
		return -EINVAL;
	memcpy(ret, opts, MIN(opts->sz, sizeof(*opts)));
	if (ret->rights < SKEP_RIGHTS_ALL || ret->rights > SKEP_RIGHTS_BPF)
		return -EINVAL;
	if (ret->model == SKEP_MODEL_SELF)
		return ret->release || ret->btf ? -EINVAL : 0;
	if (ret->model != SKEP_MODEL_LINUX || ret->btf_size > UINT32_MAX)
		return -EINVAL;
	return ret->release && (ret->release < RELEASE_FIRST || ret->release > RELEASE_NEWEST)
		       ? -EINVAL
		       : 0;
}

static char *copy_root(const char *root)
{
	char *copy = skep_strdup(root ? root : "/sys/fs/bpf");

	for (size_t n = copy ? strlen(copy) : 0; n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	return copy;
}

static void name_release(struct skep_kernel *k)
{
	if (k->release == RELEASE_NEWEST)
		snprintf(k->release_name, sizeof(k->release_name), "%s", MODEL_RELEASE);
	else
		snprintf(k->release_name, sizeof(k->release_name), "%u.%u.0-skep",
			 RELEASE_MAJOR(k->release), RELEASE_MINOR(k->release));
}

int skep_kernel_new(const struct skep_kernel_opts *opts, struct skep_kernel **ret)
{
	return core_kernel_new(opts, NULL, ret);
}

int core_kernel_new(const struct skep_kernel_opts *opts, struct space *space,
		    struct skep_kernel **ret)
{
	struct skep_kernel_opts o = { 0 };
	struct skep_kernel *k;
	int err = take_opts(opts, &o);

	last.err = 0;
	if (err)
		return err;
	k = skep_alloc(sizeof(*k));
	if (!k)
		return -ENOMEM;
	pthread_mutex_init(&k->lock, NULL);
	pthread_mutex_init(&k->bind_lock, NULL);
	pthread_mutex_init(&k->sweep_lock, NULL);
	k->space = space;
	k->vcpus = space ? &space_meta(space)->vcpus : &k->own_vcpus;
	k->rights = o.rights;
	k->judge = o.model == SKEP_MODEL_LINUX;
	k->release = o.release ? (uint16_t)o.release : RELEASE_NEWEST;
	name_release(k);
	k->fallback = o.engine == SKEP_ENGINE_DEFAULT;
	trace_init(&k->trace, &o);
	k->env = (struct run_env){
		.trace = trace_write,
		.arg = k,
		.vcpus = k->vcpus,
		.sys_bpf = env_sys_bpf,
		.sys_close = env_sys_close,
	};
	timers_init(k);
	objects_init(&k->objects);
	k->pin_root = copy_root(o.pin_root);
	err = pick_engine(o.engine, &k->engine);
	if (!err)
		err = k->pin_root ? vcpus_init(k->vcpus, space, vcpus_possible()) : -ENOMEM;
	if (!err && o.btf)
		err = core_take_btf(k, o.btf, (uint32_t)o.btf_size, &last);
	if (err) {
		skep_kernel_free(k);
		return err;
	}
	if (!k->judge) {
		store_init(k);
		types_init(k);
	}
	*ret = k;
	return 0;
}

void skep_kernel_free(struct skep_kernel *k)
{
	if (!k)
		return;
	timers_fini(k);
	trace_fini(&k->trace);
	map_put(k->tasks);
	pins_fini(k);
	pin_files_fini(k);
	objects_fini(k);
	types_fini(k);
	store_fini(k);
	vcpus_fini(k->vcpus, k->space);
	skep_free(k->pin_root);
	pthread_mutex_destroy(&k->bind_lock);
	pthread_mutex_destroy(&k->sweep_lock);
	pthread_mutex_destroy(&k->lock);
	skep_free(k);
}

static struct skep_kernel *self;

static void self_init(void)
{
	if (skep_kernel_new(NULL, &self))
		self = NULL;
}

struct skep_kernel *skep_kernel_self(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, self_init);
	return self;
}

long skep_bpf(int cmd, union bpf_attr *attr, unsigned size)
{
	struct skep_kernel *k = skep_kernel_self();

	return k ? skep_kernel_bpf(k, cmd, attr, size) : -ENOMEM;
}

const char *skep_version(void)
{
	return SKEP_VERSION;
}

/* --- small things that several handlers share ------------------------------------------------ */

int core_file_mode(uint32_t flags)
{
	switch (flags & (BPF_F_RDONLY | BPF_F_WRONLY)) {
	case 0:
		return O_RDWR;
	case BPF_F_RDONLY:
		return O_RDONLY;
	case BPF_F_WRONLY:
		return O_WRONLY;
	default:
		return -EINVAL;
	}
}

int core_name(char dst[BPF_OBJ_NAME_LEN], const char src[BPF_OBJ_NAME_LEN])
{
	size_t n = strnlen(src, BPF_OBJ_NAME_LEN);

	if (n == BPF_OBJ_NAME_LEN)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)src[i]) && src[i] != '_' && src[i] != '.')
			return -EINVAL;
	memset(dst, 0, BPF_OBJ_NAME_LEN);
	memcpy(dst, src, n);
	return 0;
}

int core_token(struct call *c, int fd)
{
	if (caller_lacks(fd))
		return FAIL(c, -EBADF, "descriptor %d of the BPF token is not open", fd);
	return FAIL(c, -EINVAL, "descriptor %d is not a BPF token: Skep has none", fd);
}

uint64_t core_boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
