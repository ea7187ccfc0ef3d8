/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine.c - what maps ask of the machine below: devices, AF_XDP sockets, cgroups.  Cold.
 */
#include "map/map_int.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

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

int map_cgroup_id(int fd, uint64_t *ret_id)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC || fstat(fd, &st) ||
	    !S_ISDIR(st.st_mode))
		return -EBADF;
	*ret_id = st.st_ino;
	return 0;
}
