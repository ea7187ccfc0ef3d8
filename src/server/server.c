/* SPDX-License-Identifier: BSD-2-Clause */
/* server.c - see server.h */
#include "bpf/glue.h"
#include "core/core.h"
#include "hook/hook.h"
#include "server/reaper.h"
#include "server/server_int.h"
#include "server/slice.h"
#include "server/text.h"
#include "base/sys.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 250  /* how often it looks who lives */
#define IDLE_MS 1000 /* how long nobody has to, before it ends */
/* --- who lives -------------------------------------------------------------------------------- */

/* Forgets those that have ended; how many live. */
static uint32_t members_locked(struct server *s)
{
	size_t n = 0;

	vec_foreach (m, &s->members) {
		struct pollfd p = { .fd = m->fd, .events = POLLIN };

		if (poll(&p, 1, 0) == 0)
			s->members.at[n++] = *m;
		else
			close(m->fd);
	}
	s->members.n = n;
	return (uint32_t)n;
}

/* One that becomes another program by exec(2) knocks again. */
static bool is_member_locked(struct server *s, pid_t pid)
{
	members_locked(s);
	vec_foreach (m, &s->members)
		if (m->pid == pid)
			return true;
	return false;
}

void server_member(struct server *s, pid_t pid, bool taken)
{
	const int fd = sys_pidfd(pid);
	struct server_member *m = NULL;

	if (fd < 0)
		return;
	pthread_mutex_lock(&s->lock);
	if (!is_member_locked(s, pid))
		m = vec_push(&s->members);
	if (m)
		*m = (struct server_member){ .pid = pid, .fd = fd, .taken = taken };
	pthread_mutex_unlock(&s->lock);
	if (!m)
		close(fd);
}

void server_status(struct server *s, struct hive_status *ret)
{
	struct core_counts counts;

	core_count(s->k, &counts);
	*ret = (struct hive_status){
		.pid = (uint32_t)getpid(),
		.progs = counts.progs,
		.maps = counts.maps,
		.links = counts.links,
		.pins = counts.pins,
		.since = (uint64_t)s->since,
	};
	pthread_mutex_lock(&s->lock);
	ret->members = members_locked(s);
	vec_foreach (m, &s->members)
		ret->taken += m->taken;
	pthread_mutex_unlock(&s->lock);
}

/* Somebody needs the hive. */
static bool needed(struct server *s)
{
	struct core_counts counts;
	bool alive;

	pthread_mutex_lock(&s->lock);
	/* Those that have ended are forgotten whoever is connected: each keeps a descriptor. */
	alive = members_locked(s) > 0;
	alive |= s->peers > 0;
	pthread_mutex_unlock(&s->lock);
	/* Children of who was taken in, which never knock. */
	alive = alive || reaper_any_member();
	if (alive || !hive_has_door(s->dir))
		return alive;
	if (s->keep)
		return true;
	core_count(s->k, &counts);
	return counts.progs || counts.maps || counts.links || counts.btfs || counts.pins;
}

/* By a signal, as another way to `skep hive stop`. */
static volatile sig_atomic_t told_to_stop;

static void on_stop(int sig)
{
	(void)sig;
	told_to_stop = 1;
}

static bool stopped(struct server *s)
{
	bool stop;

	pthread_mutex_lock(&s->lock);
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop || told_to_stop;
}

/* --- its life --------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void serve(struct server *s)
{
	struct pollfd wait = { .fd = s->listener, .events = POLLIN };
	int64_t last = now_ms(), looked = last;

	while (looked - last < IDLE_MS && !stopped(s)) {
		int sock = poll(&wait, 1, LOOK_MS) == 1
				   ? accept4(s->listener, NULL, NULL, SOCK_CLOEXEC)
				   : -1;

		if (sock >= 0)
			peer_start(s, sock);
		if (now_ms() - looked < LOOK_MS)
			continue;
		looked = now_ms();
		core_attachments_look(s->k);
		hook_look();
		if (needed(s))
			last = looked;
	}
}

/* What the server keeps open of what it was started with. */
static void detach(const struct server *s, bool talk)
{
	int null = open("/dev/null", O_RDWR);
	setsid();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_stop);
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		if (fd < 2 || !talk)
			dup2(null, fd);
	if (null > 2)
		close(null);
	if (chdir("/"))
		return;
}

/* For members, objects and pins. */
static void take_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* Beyond the members' numbers. */
static void name_self(void)
{
	uint32_t n;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		n = (uint32_t)getpid() * 2654435761u;
	vcpu_kernel = HIVE_MEMBERS + 1 + n % (VCPU_MEMBERS - HIVE_MEMBERS - 1);
}

static _Noreturn void live(struct server *s, const struct server_opts *o, int ready)
{
	int err;

	take_descriptors();
	slice_take_short();
	/* Once more, by this process: SO_PEERCRED tells members who that is. */
	listen(s->listener, SOMAXCONN);
	name_self();
	err = space_new(&s->space);

	if (!err)
		err = text_load(s->space);
	if (!err)
		err = core_kernel_new(o->kernel, s->space, &s->k);
	if (!err)
		err = core_trace_share(s->k);
	if (!err)
		err = core_tasks_share(s->k);
	if (!err)
		err = reaper_start(s->space, s->k);
	if (!err)
		hook_start(s->space, s->k, s->dir, reaper_reborn);
	err = err ? err : core_pins_in(s->k, s->dir);
	if (!err) {
		detach(s, o->talk);
		bpf_kernel_set(s->k);
		if (o->first)
			server_member(s, o->first, false);
	}
	if (write(ready, &err, sizeof(err)) != sizeof(err))
		err = -EPIPE;
	close(ready);
	if (!err)
		serve(s);
	if (!err)
		hook_stop();
	hive_leave(s->dir);
	_exit(err ? 1 : 0); /* members' threads may be in the kernel */
}

/* Reads what the server says about itself, once its parent is gone. */
static int started(pid_t pid, int ready)
{
	int err = -EPIPE, status;

	waitpid(pid, &status, 0);
	if (read(ready, &err, sizeof(err)) != sizeof(err))
		err = -EPIPE;
	return err;
}

int server_start(const struct server_opts *o, char ret_dir[PATH_MAX])
{
	static struct server s = { .lock = PTHREAD_MUTEX_INITIALIZER };
	_cleanup_(close_fd_p) int listener = hive_found(o->name, s.dir);
	int ready[2], err;
	pid_t pid;

	memcpy(ret_dir, s.dir, PATH_MAX);
	if (listener < 0)
		return listener;
	if (pipe2(ready, O_CLOEXEC)) {
		err = -errno;
		hive_leave(s.dir);
		return err;
	}
	s.listener = listener;
	s.keep = o->keep;
	s.since = time(NULL);
	pid = fork();
	if (pid == 0) {
		close(ready[0]);
		if (fork())
			_exit(0);
		live(&s, o, ready[1]);
	}
	close(ready[1]);
	err = pid < 0 ? -errno : started(pid, ready[0]);
	close(ready[0]);
	if (err)
		hive_leave(s.dir);
	return err;
}
