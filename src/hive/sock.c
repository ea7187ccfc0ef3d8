/* SPDX-License-Identifier: BSD-2-Clause */
/* sock.c - packets of proto.h over a socket */
#include "base/sys.h"
#include "hive/proto.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Room for one descriptor. */
union control {
	struct cmsghdr head;
	uint8_t bytes[CMSG_SPACE(sizeof(int))];
};

int hive_send(int sock, struct hive_packet *p, int fd)
{
	struct iovec v = { p, sizeof(p->msg) + p->msg.len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	union control control = { 0 };
	long n;

	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	do
		n = sys_call6(SYS_sendmsg, sock, (long)&m, MSG_NOSIGNAL, 0, 0, 0);
	while (n == -EINTR);
	return n < 0 ? (int)n : 0;
}

/* The first descriptor that came; any others are closed. */
static int received(struct msghdr *m)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (fd < 0)
				fd = one;
			else
				close(one);
		}
	}
	return fd;
}

int hive_recv(int sock, struct hive_packet *p, int *ret_fd)
{
	struct iovec v = { p, sizeof(*p) };
	union control control = { 0 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	long n;

	do
		n = sys_call6(SYS_recvmsg, sock, (long)&m, MSG_CMSG_CLOEXEC, 0, 0, 0);
	while (n == -EINTR);
	*ret_fd = n > 0 ? received(&m) : -1;
	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return (int)n;
	if ((size_t)n < sizeof(p->msg) || p->msg.magic != HIVE_MAGIC ||
	    p->msg.len != (size_t)n - sizeof(p->msg)) {
		close_fd_p(ret_fd);
		*ret_fd = -1;
		return -EPROTO;
	}
	return 0;
}
