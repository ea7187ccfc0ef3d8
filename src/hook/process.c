/* SPDX-License-Identifier: BSD-2-Clause */
/* process.c - brings the agent into a process that stands still; see process.h. */
#include "hook/process.h"
#include "agent/agent.h"
#include "hook/dispatch.h"
#include "hook/filter.h"
#include "base/sys.h"

#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STOP_MS 2000 /* that a process may take to stop */
#define AUX_MAX 64   /* of the kernel's rows for a program, which are some 20 */

static int64_t call(struct tracee *t, long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		    uint64_t e, uint64_t f, struct skep_diag *diag)
{
	const uint64_t args[6] = { a, b, c, d, e, f };
	int64_t ret;
	int err = tracee_syscall(t, nr, args, &ret, diag);

	return err ? err : ret;
}

/* Is the hive's memory there already?  The preload library may have mapped it. */
static bool is_mapped(struct tracee *t, struct space *s)
{
	struct hive_head head;

	return !tracee_read(t, space_base(s) + HIVE_META_AT, &head, sizeof(head)) &&
	       head.magic == HIVE_MEM_MAGIC && head.base == space_base(s);
}

/* As the kernel told the program at its start. */
static uint64_t vdso_of(pid_t pid)
{
	_cleanup_(close_fd_p) int fd = -1;
	Elf64_auxv_t aux[AUX_MAX];
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, aux, sizeof(aux));
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(*aux); i++)
		if (aux[i].a_type == AT_SYSINFO_EHDR)
			return aux[i].a_un.a_val;
	return 0;
}

/* A program may have moved it, or done without. */
static uint64_t vdso_there(struct tracee *t, uint64_t at)
{
	uint8_t magic[SELFMAG];

	return at && !tracee_read(t, at, magic, sizeof(magic)) && !memcmp(magic, ELFMAG, SELFMAG)
		       ? at
		       : 0;
}

/* What is on the desk for a process to join. */
struct join_data {
	struct agent_join how;
	char path[_HIVE_SEGMENTS][40];
};

enum { OP_OPEN, OP_MAP, OP_CLOSE, OPS_SEGMENT };

/* The file of a segment is opened, mapped, and closed. */
static void segment_ops(struct space *s, int seg, uint64_t path, struct tracee_op *ops)
{
	const struct hive_part *part = &hive_part[seg];
	const int how = part->prot & PROT_WRITE ? O_RDWR : O_RDONLY;
	const uint8_t fd = (uint8_t)(seg * OPS_SEGMENT + OP_OPEN + 1);

	ops[OP_OPEN] = (struct tracee_op){ .what = SYS_openat,
					   .args = { (uint64_t)AT_FDCWD, path,
						     (uint64_t)(how | O_CLOEXEC) } };
	ops[OP_MAP] = (struct tracee_op){
		.what = SYS_mmap,
		.args = { space_base(s) + part->at, part->end - part->at, (uint64_t)part->prot,
			  MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE },
		.take = { 0, fd },
	};
	ops[OP_CLOSE] = (struct tracee_op){ .what = SYS_close, .take = { fd } };
}

/* Which of them failed, in words. */
static int first_failure(const struct tracee *t, struct space *s, const struct join_data *d,
			 const struct tracee_op *ops, size_t n, struct skep_diag *diag)
{
	size_t i = 0;
	uint64_t at;

	while (i < n && (ops[i].ret >= 0 || ops[i].ret < -4095))
		i++;
	if (i == n)
		return 0;
	at = space_base(s) + hive_part[MIN(i / OPS_SEGMENT, (size_t)HIVE_DATA)].at;
	if (i % OPS_SEGMENT == OP_MAP)
		return diag_set(diag, (int)ops[i].ret, SKEP_AT_NONE, 0,
				"process %d has no room at 0x%llx, where the hive's memory lies",
				(int)t->pid, (unsigned long long)at);
	return diag_set(diag, (int)ops[i].ret, SKEP_AT_NONE, 0,
			"process %d cannot open the hive's memory, which is for one user, by %s: "
			"%s",
			(int)t->pid, d->path[MIN(i / OPS_SEGMENT, (size_t)_HIVE_SEGMENTS - 1)],
			strerror((int)-ops[i].ret));
}

static int map_all(struct tracee *t, struct space *s, struct join_data *d, struct skep_diag *diag)
{
	const struct hive_meta *m = space_meta(s);
	const uint64_t paths = t->desk + TRACEE_DATA + offsetof(struct join_data, path);
	struct tracee_op ops[_HIVE_SEGMENTS * OPS_SEGMENT + 1];
	size_t n = 0;
	int err;

	for (int seg = 0; seg < _HIVE_SEGMENTS; seg++, n += OPS_SEGMENT) {
		snprintf(d->path[seg], sizeof(d->path[seg]), "/proc/%d/fd/%d", (int)getpid(),
			 space_fd(s, (enum hive_segment)seg));
		segment_ops(s, seg, paths + (size_t)seg * sizeof(d->path[seg]), &ops[n]);
	}
	ops[n++] = (struct tracee_op){
		.what = SYS_mmap,
		.args = { m->private_at, m->private_size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX },
	};
	err = tracee_run(t, ops, n, d, sizeof(*d), diag);
	return err ? err : first_failure(t, s, d, ops, n, diag);
}

/* The agent is called only when it is known to be there. */
static int join(struct process *p, struct space *s, struct tracee *t, struct skep_diag *diag)
{
	const struct agent_door *door = agent_of(s);
	const uint64_t vdso = p->vdso = vdso_of(p->pid);
	struct join_data d = {
		.how = { .meta = space_meta(s), .vdso = vdso_there(t, vdso), .filters = p->filters }
	};
	struct tracee_op op = { .what = (uintptr_t)door->join,
				.args = { t->desk + TRACEE_DATA },
				.calls = true };
	int err;

	p->inherits = is_mapped(t, s);
	err = p->inherits ? 0 : map_all(t, s, &d, diag);
	if (!err)
		err = tracee_run(t, &op, 1, &d, sizeof(d), diag);
	return err ? err : (int)op.ret;
}

/* --- its life --------------------------------------------------------------------------------- */

struct process *process_new(pid_t pid)
{
	const int fd = sys_pidfd(pid);
	struct process *p = fd < 0 ? NULL : skep_alloc(sizeof(*p));

	if (!p) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	p->pid = pid;
	p->fd = fd;
	return p;
}

void process_name(pid_t pid, char comm[16])
{
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(comm, 16, f))
		snprintf(comm, 16, "?");
	if (f)
		fclose(f);
	comm[strcspn(comm, "\n")] = '\0';
}

void process_free(struct process *p)
{
	process_forget(p);
	close(p->fd);
	skep_free(p);
}

bool process_lives(const struct process *p)
{
	struct pollfd end = { .fd = p->fd, .events = POLLIN };

	return poll(&end, 1, 0) == 0;
}

void process_forget(struct process *p)
{
	patches_fini(&p->patches);
	vec_free(&p->seen);
	vec_free(&p->unwind);
	p->change = 0;
	p->left = 0;
	p->patches = (struct patches){ 0 };
	p->joined = p->watched = p->guarded = p->unseen = p->alone = false;
}

/* --- standing still --------------------------------------------------------------------------- */

/* The agent is in it, and has mapped the maps that came since. */
static int make_ready(struct still *s, struct space *space, struct skep_diag *diag)
{
	const struct agent_door *door = agent_of(space);
	const uint32_t change = atomic_load(&space_meta(space)->change);
	uint64_t ret = 0;
	int err = s->p->joined ? 0 : join(s->p, space, &s->t, diag);

	s->p->joined |= !err;
	if (!err && (!change || change != s->p->change))
		err = tracee_call(&s->t, (uintptr_t)door->sync, 0, 0, &ret, diag);
	if (!err && ret)
		err = diag_set(diag, (int)ret, SKEP_AT_NONE, 0,
			       "process %d cannot map the hive's maps", (int)s->p->pid);
	if (!err)
		s->p->change = change;
	return err ? err : images_read(&s->images, s->p->pid, diag);
}

bool process_is_same(const struct process *p)
{
	return p->joined && p->vdso == vdso_of(p->pid);
}

/* What it had there: other text is there by now, or none. */
static void forget_unmapped(struct still *s)
{
	size_t n = 0;

	patches_look(&s->p->patches, &s->t, &s->images);
	vec_foreach (seen, &s->p->seen) {
		const struct image *i = images_at(&s->images, seen->start);

		if (i && !i->fresh)
			s->p->seen.at[n++] = *seen;
	}
	s->p->seen.n = n;
}

static int bring_agent(struct still *s, struct space *space, struct skep_diag *diag)
{
	struct agent_filters f;
	int err;

	filters_look(s->p, space, &f);
	s->p->alone |= atomic_load(&f.muted) || dispatch_is_theirs(s, space);
	err = filters_permit(s->p, diag);
	return err ? err : make_ready(s, space, diag);
}

/* What is done, and with whom. */
struct doing {
	struct still *s;
	struct space *space;
	enum still_how how;
	still_fn fn;
	void *arg;
	struct skep_diag *diag;
};

static int get_ready(struct still *s, const struct doing *d)
{
	int err;

	if (d->how != STILL_BARE) {
		s->space = d->space;
		s->t.desk = space_base(d->space) + HIVE_DESK_AT;
	}
	err = d->how == STILL_READY || d->how == STILL_ADOPTED
		      ? bring_agent(s, d->space, d->diag)
		      : images_read(&s->images, s->p->pid, d->diag);
	if (!err)
		forget_unmapped(s);
	if (!err && d->how == STILL_UNDO && !s->p->joined)
		s->p->inherits = is_mapped(&s->t, d->space);
	return err;
}

/* It has stopped: who has the number now may be somebody else. */
static int stands(struct tracee *t, void *arg)
{
	const struct doing *d = arg;
	int err = process_lives(d->s->p) ? get_ready(d->s, d) : -ESRCH;

	(void)t; /* d->s has it */
	if (!err)
		err = d->fn(d->s, d->arg);
	images_fini(&d->s->images);
	return err;
}

static int adopted(struct still *s, pid_t pid, struct doing *d)
{
	int err = tracee_adopt(&s->t, pid, STOP_MS, d->diag);

	if (err)
		return err;
	err = stands(&s->t, d);
	tracee_go(&s->t);
	return err;
}

int still_do(struct still *s, struct process *p, struct space *space, enum still_how how,
	     still_fn fn, void *arg, struct skep_diag *reterr_diag)
{
	struct doing d = { s, space, how, fn, arg, reterr_diag };

	*s = (struct still){ .p = p };
	return how == STILL_ADOPTED ? adopted(s, p->pid, &d)
				    : tracee_still(&s->t, p->pid, STOP_MS, stands, &d, reterr_diag);
}

/* handler(registers of the first thread, what), both in memory of the process. */
struct told {
	struct user_regs_struct regs; /* begins as struct pt_regs does, up to ss */
	struct agent_exec exec;
};

static void tell(struct still *s, uint64_t handler, const struct told *what, uint64_t arg)
{
	const int64_t at = call(&s->t, SYS_mmap, 0, sizeof(*what), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0, NULL);
	uint64_t ret;

	if (at < 0)
		return;
	s->t.catches = s->p->guarded;
	if (!arg)
		arg = (uint64_t)at + offsetof(struct told, exec);
	if (!tracee_write(&s->t, (uint64_t)at, what, sizeof(*what)))
		tracee_call(&s->t, handler, (uint64_t)at, arg, &ret, NULL);
	call(&s->t, SYS_munmap, (uint64_t)at, sizeof(*what), 0, 0, 0, 0, NULL);
}

void still_tell_exit(struct still *s, uint64_t handler, long nr)
{
	struct told what = { 0 };

	if (!s->t.n)
		return;
	what.regs = s->t.at[0].regs;
	what.regs.rax = 0;
	tell(s, handler, &what, (uint64_t)nr);
}

void still_tell_exec(struct still *s, uint64_t handler, const struct agent_exec *how)
{
	struct told what = { .exec = *how };

	if (!s->t.n)
		return;
	what.regs = s->t.at[0].regs;
	tell(s, handler, &what, 0);
}
