/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * door.c - see door.h.
 *
 * The connection belongs to one process: a child that was forked makes its own.  Programs close
 * descriptors that they do not know, and take their numbers: the socket's cookie tells whether it
 * is still ours.  Signals wait during a call, so no handler's call comes between.
 */
#include "bpf/door.h"
#include "base/sys.h"
#include "base/vec.h"
#include "bpf/calls_int.h"
#include "bpf/glue.h"
#include "bpf/view.h"
#include "core/core.h"
#include "core/known.h"
#include "core/user.h"
#include "core/view.h"
#include "hive/place.h"
#include "hive/proto.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where the connection's number is: out of the way of programs that count on small ones. */
#define FD_MIN 200

/* What a descriptor is waited on by. */
struct wait {
	int64_t position; /* of the map's descriptor */
	int fd;
};

static struct {
	pthread_mutex_t lock;
	pid_t pid;	  /* whose connection it is; 0: nobody's yet */
	int fd;		  /* -1: there is none */
	uint64_t cookie;  /* of that socket */
	char release[64]; /* from the server */
	struct {
		VEC(struct wait);
	} waits; /* descriptors to wait on, by position */
	struct hive_packet packet;
} far = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static const char *hive; /* its folder; NULL: there is none */

/* Once: programs change their environment, and every call asks. */
static void read_hive(void)
{
	const char *dir = getenv("SKEP_HIVE");

	hive = dir && *dir ? skep_strdup(dir) : NULL;
}

const char *door_hive(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_hive);
	return hive;
}

/* --- the connection --------------------------------------------------------------------------- */

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t n = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &n) ? 0 : cookie;
}

static void disconnect_locked(void)
{
	if (far.fd >= 0 && cookie_of(far.fd) == far.cookie)
		close(far.fd);
	far.fd = -1;
}

/* The answer to one of the server's questions goes into far.packet. */
static void answer_locked(int *fd)
{
	struct hive_packet *p = &far.packet;
	const uint64_t a = p->msg.arg[0], n = MIN(p->msg.arg[1], sizeof(p->data));
	const enum hive_op op = p->msg.op;
	int64_t ret = -EINVAL;
	uint32_t len = 0;

	if (op == HIVE_READ) {
		ret = user_read(p->data, a, n);
		len = ret ? 0 : (uint32_t)n;
	} else if (op == HIVE_WRITE) {
		ret = user_write(a, p->data, p->msg.len);
	} else if (op == HIVE_POSITION) {
		ret = sys_call6(SYS_lseek, (int)a, 0, SEEK_CUR, 0, 0, 0);
	} else if (op == HIVE_TAKE) {
		*fd = (int)a;
		ret = fcntl(*fd, F_GETFD) < 0 ? -EBADF : 0;
		*fd = ret ? -1 : *fd;
	} else if (op == HIVE_GIVE) {
		ret = *fd;
		*fd = -1;
	} else if (op == HIVE_CLOSE) {
		ret = sys_call6(SYS_close, (int)a, 0, 0, 0, 0, 0);
	}
	hive_begin(p, HIVE_ANSWER);
	p->msg.arg[0] = (uint64_t)ret;
	p->msg.len = len;
}

/* Sends far.packet and answers until the call is done; its result, a descriptor in *ret_fd. */
static int64_t call_locked(int *ret_fd)
{
	struct hive_packet *p = &far.packet;
	int err, fd = -1, mine;

	*ret_fd = -1;
	err = hive_send(far.fd, p, -1);
	while (!err) {
		err = hive_recv(far.fd, p, &fd);
		if (err)
			break;
		if (p->msg.op == HIVE_DONE) {
			*ret_fd = fd;
			return (int64_t)p->msg.arg[0];
		}
		mine = fd;
		answer_locked(&mine);
		err = hive_send(far.fd, p, mine);
	}
	disconnect_locked();
	return -ENODEV;
}

/* Where only parents may trace (Yama), members let their server: hooks need it for a moment. */
static void let_trace(int fd)
{
	struct ucred server;
	socklen_t n = sizeof(server);

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &n))
		prctl(PR_SET_PTRACER, (unsigned long)server.pid, 0, 0, 0);
}

static int connect_locked(void)
{
	struct hive_packet *p = &far.packet;
	int fd = hive_connect(door_hive()), up;
	const bool began = !far.pid; /* in this process, or in whom it was forked from */

	if (fd < 0)
		return -ENODEV;
	up = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);
	if (up >= 0) {
		close(fd);
		fd = up;
	}
	far.fd = fd;
	far.pid = getpid();
	far.cookie = cookie_of(fd);
	let_trace(fd);
	hive_begin(p, HIVE_HELLO);
	p->msg.arg[0] = HIVE_VERSION;
	p->msg.arg[1] = began;
	if (call_locked(&fd) || p->msg.len >= sizeof(far.release)) {
		disconnect_locked();
		return -ENODEV;
	}
	memcpy(far.release, p->data, p->msg.len);
	far.release[p->msg.len] = '\0';
	return 0;
}

/* A connection of this process. */
static int ready_locked(void)
{
	if (far.fd >= 0 && far.pid == getpid() && cookie_of(far.fd) == far.cookie)
		return 0;
	disconnect_locked();
	return connect_locked();
}

/* A child that was forked while another thread was in a call must not wait for that thread. */
static void unlock_in_child(void)
{
	pthread_mutex_init(&far.lock, NULL);
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, unlock_in_child);
}

static void lock(sigset_t *old)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	sigset_t all;

	pthread_once(&once, watch_forks);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, old);
	pthread_mutex_lock(&far.lock);
}

static void unlock(const sigset_t *old)
{
	pthread_mutex_unlock(&far.lock);
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* --- calls ------------------------------------------------------------------------------------ */

/* The server will ask for what a descriptor is: most commands of bpf(2) begin with one. */
static int guess(enum entry nr, const uint64_t a[ENTRY_ARGS])
{
	int fd = -1;

	if (nr == ENTRY_BPF)
		user_read(&fd, a[1], sizeof(fd));
	else if (nr != ENTRY_PERF_OPEN)
		fd = (int)a[0];
	return fd;
}

static long enter_far(enum entry nr, const uint64_t a[ENTRY_ARGS], const char *path)
{
	struct hive_packet *p = &far.packet;
	const size_t n = strlen(path);
	int fd, named = -1;
	int64_t pos = -1;
	sigset_t old;
	long ret;

	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	lock(&old);
	ret = ready_locked();
	if (!ret) {
		hive_begin(p, HIVE_ENTER);
		p->msg.nr = (uint16_t)nr;
		p->msg.tid = (uint32_t)sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);
		memcpy(p->msg.arg, a, ENTRY_ARGS * sizeof(*a));
		p->msg.cpu = (uint32_t)sched_getcpu();
		named = p->msg.fd = guess(nr, a);
		pos = p->msg.pos = sys_call6(SYS_lseek, named, 0, SEEK_CUR, 0, 0, 0);
		p->msg.len = (uint32_t)n;
		memcpy(p->data, path, n);
		ret = call_locked(&fd);
		if (fd >= 0)
			ret = fd;
	}
	unlock(&old);
	if (ret >= 0 && nr == ENTRY_BPF && core_view_helps((int)a[0]))
		view_consider(named, pos);
	return ret;
}

long door_enter(enum entry nr, const uint64_t a[ENTRY_ARGS], const char *path)
{
	long ret;
	bool keep;

	if (nr == ENTRY_BPF && view_answer((int)a[0], a[1], (uint32_t)a[2], &ret))
		return ret;
	ret = bpf_kernel() || !door_hive() ? entry_run(nr, a, path) : enter_far(nr, a, path);
	/* Whatever that number was, if its end was not seen. */
	if (ret >= 0 && entry_gives_fd(nr, a, &keep))
		known_forget((unsigned)ret, (unsigned)ret);
	return ret;
}

/* Makes the connection where there is none yet. */
static int reach(void)
{
	sigset_t old;
	int err;

	lock(&old);
	err = ready_locked();
	unlock(&old);
	return err;
}

const char *door_release(void)
{
	struct skep_kernel *k = bpf_kernel();

	if (k)
		return core_release(k);
	return door_hive() && !reach() ? far.release : NULL;
}

void door_knock(void)
{
	if (door_hive() && !bpf_kernel())
		reach();
}

void door_closed(void)
{
	const bool near = bpf_kernel() || !door_hive();
	bool connected;
	sigset_t old;

	lock(&old);
	connected = far.fd >= 0 && far.pid == getpid();
	unlock(&old);
	if (near || connected)
		DOOR(ENTRY_CLOSED, "");
}

/* One that was asked for before, or -1. */
static int known_wait_locked(int64_t position)
{
	vec_foreach (w, &far.waits)
		if (w->position == position && fcntl(w->fd, F_GETFD) >= 0)
			return w->fd;
	return -1;
}

int door_wait_fd(int fd)
{
	const int64_t position = sys_call6(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
	struct wait *w;
	sigset_t old;
	int ret;

	if (bpf_kernel() || !door_hive())
		return (int)DOOR(ENTRY_WAIT_FD, "", (uint64_t)fd);
	lock(&old);
	ret = known_wait_locked(position);
	unlock(&old);
	if (ret >= 0)
		return ret;
	ret = (int)DOOR(ENTRY_WAIT_FD, "", (uint64_t)fd);
	lock(&old);
	w = ret < 0 ? NULL : vec_push(&far.waits);
	if (w)
		*w = (struct wait){ position, ret };
	unlock(&old);
	return ret;
}
