/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netdev.c - what maps of XDP's targets ask of the machine: devices and AF_XDP sockets.  Cold.
 */
#include "map/map_int.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/socket.h>

bool map_device_exists(uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	return if_indextoname(ifindex, name);
}

int map_xsk_open(int fd)
{
	socklen_t len = sizeof(int);
	int domain, ours;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len))
		return -errno;
	if (domain != AF_XDP)
		return -EOPNOTSUPP;
	ours = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return ours < 0 ? -errno : ours;
}

void map_socket_close(int fd)
{
	close_fd_p(&fd);
}
