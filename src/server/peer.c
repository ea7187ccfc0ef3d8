/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer.c - one connection: a member's calls, and what they want to know of the member.
 *
 * Memory of a member is read and written with process_vm_readv(2) where the machine lets us, else
 * the member is asked.  A member that does not answer in time is given up: nothing may wait for it.
 */
#include "base/alloc.h"
#include "base/sys.h"
#include "bpf/entry.h"
#include "core/caller.h"
#include "core/core.h"
#include "hook/hook.h"
#include "server/reaper.h"
#include "server/server_int.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ANSWER_MS 10000
#define ENDING_MS 100 /* from the end of a connection to that of its process */

struct peer {
	struct caller caller; /* first: what its ops get */
	struct server *s;
	int sock;
	bool direct;	 /* its memory is within reach */
	bool lost;	 /* it broke the protocol, or is gone */
	bool member;	 /* it said hello */
	int32_t guess;	 /* a descriptor whose position came with the call... */
	int64_t guessed; /* ...and that */
	int came;	 /* the descriptor that came with the request, -1: none */
	struct hive_packet packet;
};

/* --- questions -------------------------------------------------------------------------------- */

/* Sends p->packet with fd, waits for the answer; its result, or -EFAULT where there is none. */
static int64_t ask(struct peer *p, int fd, int *ret_fd)
{
	struct pollfd wait = { .fd = p->sock, .events = POLLIN };
	int got = -1, err;

	err = p->lost ? -EPIPE : hive_send(p->sock, &p->packet, fd);
	if (!err)
		err = poll(&wait, 1, ANSWER_MS) == 1 ? 0 : -ETIMEDOUT;
	if (!err)
		err = hive_recv(p->sock, &p->packet, &got);
	if (!err && p->packet.msg.op != HIVE_ANSWER)
		err = -EPROTO;
	if (err || !ret_fd)
		close_fd_p(&got);
	if (ret_fd)
		*ret_fd = err ? -1 : got;
	p->lost |= err != 0;
	return err ? -EFAULT : (int64_t)p->packet.msg.arg[0];
}

static struct hive_msg *question(struct peer *p, enum hive_op op, uint64_t arg)
{
	hive_begin(&p->packet, op);
	p->packet.msg.arg[0] = arg;
	return &p->packet.msg;
}

/* True where the member's memory was reached: *ret says whether all of it is there. */
static bool reach(struct peer *p, void *here, uint64_t there, size_t n, bool write, int *ret)
{
	const struct iovec local = { here, n }, remote = { (void *)(uintptr_t)there, n };
	ssize_t done;

	if (!p->direct)
		return false;
	done = write ? process_vm_writev(p->caller.pid, &local, 1, &remote, 1, 0)
		     : process_vm_readv(p->caller.pid, &local, 1, &remote, 1, 0);
	if (done < 0 && errno != EFAULT) {
		p->direct = false;
		return false;
	}
	*ret = done == (ssize_t)n ? 0 : -EFAULT;
	return true;
}

static int peer_read(struct caller *c, void *dst, uint64_t src, size_t n)
{
	struct peer *p = (struct peer *)c;
	int ret = 0;

	if (reach(p, dst, src, n, false, &ret))
		return ret;
	for (size_t at = 0, part; at < n && !ret; at += part) {
		part = MIN(n - at, HIVE_DATA_MAX);
		question(p, HIVE_READ, src + at)->arg[1] = part;
		ret = ask(p, -1, NULL) || p->packet.msg.len != part ? -EFAULT : 0;
		if (!ret)
			memcpy((char *)dst + at, p->packet.data, part);
	}
	return ret;
}

static int peer_write(struct caller *c, uint64_t dst, const void *src, size_t n)
{
	struct peer *p = (struct peer *)c;
	int ret = 0;

	if (reach(p, (void *)(uintptr_t)src, dst, n, true, &ret))
		return ret;
	for (size_t at = 0, part; at < n && !ret; at += part) {
		part = MIN(n - at, HIVE_DATA_MAX);
		question(p, HIVE_WRITE, dst + at)->len = (uint32_t)part;
		memcpy(p->packet.data, (const char *)src + at, part);
		ret = ask(p, -1, NULL) ? -EFAULT : 0;
	}
	return ret;
}

static int64_t peer_position(struct caller *c, int fd)
{
	struct peer *p = (struct peer *)c;

	if (fd == p->guess)
		return p->guessed;
	question(p, HIVE_POSITION, (uint64_t)fd);
	return ask(p, -1, NULL);
}

static int peer_take(struct caller *c, int fd)
{
	struct peer *p = (struct peer *)c;
	int copy;

	question(p, HIVE_TAKE, (uint64_t)fd);
	ask(p, -1, &copy);
	return copy < 0 ? -EBADF : copy;
}

static int peer_give(struct caller *c, int fd)
{
	struct peer *p = (struct peer *)c;
	int64_t there;

	question(p, HIVE_GIVE, 0);
	there = ask(p, fd, NULL);
	return there < 0 ? -EMFILE : (int)there;
}

static int peer_close(struct caller *c, int fd)
{
	struct peer *p = (struct peer *)c;

	question(p, HIVE_CLOSE, (uint64_t)fd);
	return (int)ask(p, -1, NULL);
}

static const struct caller_ops peer_ops = {
	.read = peer_read,
	.write = peer_write,
	.position = peer_position,
	.take = peer_take,
	.give = peer_give,
	.close = peer_close,
};

/* --- requests --------------------------------------------------------------------------------- */

/* The reply, with a descriptor unless it is negative, and `len` bytes that lie in the packet. */
static int done(struct peer *p, int64_t ret, int fd, uint32_t len)
{
	hive_begin(&p->packet, HIVE_DONE);
	p->packet.msg.arg[0] = (uint64_t)ret;
	p->packet.msg.len = len;
	return hive_send(p->sock, &p->packet, fd);
}

/* Connections that only ask about the hive do not keep it alive. */
static void count(struct peer *p, bool member)
{
	pthread_mutex_lock(&p->s->lock);
	p->s->peers += (uint32_t)member - (uint32_t)p->member;
	pthread_mutex_unlock(&p->s->lock);
	p->member = member;
}

static int do_hello(struct peer *p)
{
	const char *release = core_release(p->s->k);
	const uint32_t n = (uint32_t)strlen(release);

	if (p->packet.msg.arg[0] != HIVE_VERSION)
		return done(p, -EPROTO, -1, 0);
	if (!p->member) {
		server_member(p->s, p->caller.pid, false);
		if (p->packet.msg.arg[1] && !hook_knows(p->caller.pid))
			reaper_reborn(p->caller.pid);
		hook_member(p->caller.pid);
	}
	count(p, true);
	memcpy(p->packet.data, release, n);
	return done(p, 0, -1, n);
}

static int do_enter(struct peer *p)
{
	const struct hive_msg m = p->packet.msg;
	uint64_t a[ENTRY_ARGS];
	char path[PATH_MAX];
	bool keep, fd;
	long ret;
	int err;

	static_assert(ENTRY_ARGS == HIVE_ARGS, "what a door asks fits a packet");
	if (m.len >= sizeof(path))
		return -EPROTO;
	memcpy(a, m.arg, sizeof(a));
	memcpy(path, p->packet.data, m.len);
	path[m.len] = '\0';
	p->guess = m.fd;
	p->guessed = m.pos;
	p->caller.tid = (pid_t)m.tid;
	p->caller.cpu = m.cpu;
	caller_set(&p->caller);
	ret = entry_run(m.nr, a, path);
	caller_set(NULL);
	p->guess = -1;
	fd = ret >= 0 && entry_gives_fd(m.nr, a, &keep);
	err = p->lost ? -EPIPE : done(p, ret, fd ? (int)ret : -1, 0);
	if (fd && !keep)
		close((int)ret);
	return err;
}

static int do_status(struct peer *p)
{
	struct hive_status st;

	server_status(p->s, &st);
	memcpy(p->packet.data, &st, sizeof(st));
	return done(p, 0, -1, sizeof(st));
}

static int do_stop(struct peer *p)
{
	pthread_mutex_lock(&p->s->lock);
	p->s->stop = true;
	pthread_mutex_unlock(&p->s->lock);
	return done(p, 0, -1, 0);
}

/* Which process a pidfd is of: -1 where it is none. */
static pid_t process_of(int pidfd)
{
	char path[40], line[128];
	int pid = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = pidfd < 0 ? NULL : fopen(path, "re");
	while (f && pid < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pid: %d", &pid) != 1)
			pid = -1;
	if (f)
		fclose(f);
	return pid;
}

/* A process is disturbed: who asks holds it, which a number that anybody could write does not show.
 */
static int do_take_in(struct peer *p)
{
	const pid_t pid = process_of(p->came);
	const bool force = p->packet.msg.arg[0] == 1;
	struct hive_taken_in ret = { 0 };
	struct skep_diag why = { 0 };
	struct hook_taken taken;
	int err;

	if (pid <= 0)
		return -EPROTO;
	err = hook_take(pid, force, &taken, &why);
	if (!err)
		server_member(p->s, pid, true);
	ret.stop_ns = taken.stop_ns;
	ret.threads = taken.threads;
	ret.known = taken.known;
	snprintf(ret.msg, sizeof(ret.msg), "%s", why.msg);
	snprintf(ret.hint, sizeof(ret.hint), "%s", why.hint);
	memcpy(p->packet.data, &ret, sizeof(ret));
	return done(p, err, -1, sizeof(ret));
}

static int (*const requests[])(struct peer *p) = {
	[HIVE_HELLO] = do_hello, [HIVE_ENTER] = do_enter,     [HIVE_STATUS] = do_status,
	[HIVE_STOP] = do_stop,	 [HIVE_TAKE_IN] = do_take_in,
};

/* What it held may end: all its descriptors are closed once it has ended, if that is why. */
static void look_behind(const struct peer *p)
{
	struct pollfd end = { .fd = sys_pidfd(p->caller.pid), .events = POLLIN };

	if (end.fd >= 0) {
		poll(&end, 1, ENDING_MS);
		close(end.fd);
	}
	core_attachments_look(p->s->k);
}

static void peer_free(struct peer *p)
{
	if (p->member)
		look_behind(p);
	count(p, false);
	close(p->sock);
	skep_free(p);
}

static void answer(struct peer *p)
{
	int err = 0, fd;

	while (!err) {
		err = hive_recv(p->sock, &p->packet, &fd);
		if (err)
			break;
		p->came = fd;
		err = p->packet.msg.op < ARRAY_SIZE(requests) && requests[p->packet.msg.op]
			      ? requests[p->packet.msg.op](p)
			      : -EPROTO;
		close_fd_p(&fd);
	}
	peer_free(p);
}

/* The other end of a connection; the socket is its own, and closed where this fails. */
static int peer_new(struct server *s, int sock, struct peer **ret)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	struct peer *p;

	/* The folder is the user's alone; root gets in anyway. */
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &n) ||
	    (cred.uid != geteuid() && cred.uid != 0)) {
		close(sock);
		return -EPERM;
	}
	p = skep_alloc(sizeof(*p));
	if (!p) {
		close(sock);
		return -ENOMEM;
	}
	p->caller = (struct caller){
		.ops = &peer_ops, .pid = cred.pid, .uid = cred.uid, .gid = cred.gid
	};
	p->s = s;
	p->sock = sock;
	p->direct = cred.pid > 0;
	p->guess = -1;
	*ret = p;
	return 0;
}

int peer_serve(struct server *s, int sock)
{
	struct peer *p;
	int err = peer_new(s, sock, &p);

	if (err)
		return err;
	p->direct = false;
	answer(p);
	return 0;
}

static void *thread_of(void *arg)
{
	answer(arg);
	return NULL;
}

int peer_start(struct server *s, int sock)
{
	pthread_t thread;
	struct peer *p;
	int err = peer_new(s, sock, &p);

	if (err)
		return err;
	err = -pthread_create(&thread, NULL, thread_of, p);
	if (err)
		peer_free(p);
	else
		pthread_detach(thread);
	return err;
}
