/* SPDX-License-Identifier: BSD-2-Clause */
/* place.c - see place.h */
#include "hive/place.h"

#include <ctype.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

bool hive_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > HIVE_NAME_MAX || name[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	return true;
}

/* A folder of this user's that nobody else may enter; 0 or -errno. */
static int own_folder(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	if (lstat(path, &st))
		return -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077) ? 0 : -EPERM;
}

int hive_root(char ret[PATH_MAX])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int n;

	if (runtime && runtime[0] == '/' && !access(runtime, W_OK))
		n = snprintf(ret, PATH_MAX, "%s/skep", runtime);
	else
		n = snprintf(ret, PATH_MAX, "/tmp/skep-%u", (unsigned)geteuid());
	return n >= PATH_MAX ? -ENAMETOOLONG : own_folder(ret);
}

static int door_address(const char *dir, struct sockaddr_un *ret)
{
	const char *slash = strrchr(dir, '/');
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!slash)
		return -EINVAL;
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "%.*s/.%s", (int)(slash - dir), dir,
		     slash + 1);
	return (size_t)n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

int hive_connect(const char *dir)
{
	_cleanup_(close_fd_p) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	int err = door_address(dir, &a);

	if (fd < 0)
		return -errno;
	if (err)
		return err;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return -errno;
	return TAKE_FD(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type;
	return at->level ? remove(path) && errno != ENOENT : 0;
}

/* Removes all that is in a folder. */
static void empty(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* The door of a folder where nobody listens: it is not there, or its server died. */
static int listen_in(const char *dir)
{
	_cleanup_(close_fd_p) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	_cleanup_(close_fd_p) int other = -1;
	struct sockaddr_un a;
	int err = door_address(dir, &a);

	if (fd < 0)
		return -errno;
	if (err)
		return err;
	other = hive_connect(dir);
	if (other >= 0)
		return -EEXIST;
	if (other == -ECONNREFUSED && unlink(a.sun_path))
		return -errno;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, SOMAXCONN))
		return -errno;
	return TAKE_FD(fd);
}

static int found_as(const char *root, const char *name, char dir[PATH_MAX])
{
	int err, fd;

	if (snprintf(dir, PATH_MAX, "%s/%s", root, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	err = own_folder(dir);
	fd = err ? err : listen_in(dir);
	/* Pins of a server that was killed are names of nothing. */
	if (fd >= 0)
		empty(dir);
	return fd;
}

int hive_found(const char *name, char dir[PATH_MAX])
{
	char root[PATH_MAX], number[12];
	int fd = hive_root(root);

	memcpy(dir, root, sizeof(root));
	if (fd)
		return fd;
	if (name)
		return hive_name_ok(name) ? found_as(root, name, dir) : -EINVAL;
	for (unsigned i = 1; i < 10000; i++) {
		snprintf(number, sizeof(number), "%u", i);
		fd = found_as(root, number, dir);
		if (fd != -EEXIST && fd != -EADDRINUSE)
			return fd;
	}
	return -ENOSPC;
}

bool hive_has_door(const char *dir)
{
	struct sockaddr_un a;

	return door_address(dir, &a) || !access(a.sun_path, F_OK);
}

void hive_leave(const char *dir)
{
	struct sockaddr_un a;

	empty(dir);
	rmdir(dir);
	if (!door_address(dir, &a))
		unlink(a.sun_path);
}

int hive_find(const char *name, char dir[PATH_MAX])
{
	char root[PATH_MAX];
	int err = hive_root(root);

	if (err)
		return err;
	if (!hive_name_ok(name))
		return -EINVAL;
	return snprintf(dir, PATH_MAX, "%s/%s", root, name) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static bool is_server(const char *dir, int server)
{
	_cleanup_(close_fd_p) int fd = hive_connect(dir);
	struct ucred cred;
	socklen_t n = sizeof(cred);

	return fd >= 0 && !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) && cred.pid == server;
}

int hive_name_of(int server, char ret[HIVE_NAME_MAX + 1])
{
	char root[PATH_MAX], dir[PATH_MAX];
	const struct dirent *e;
	int err = hive_root(root);
	DIR *all = err ? NULL : opendir(root);

	err = -ENOENT;
	while (all && err && (e = readdir(all))) {
		if (!hive_name_ok(e->d_name) || hive_find(e->d_name, dir) ||
		    !is_server(dir, server))
			continue;
		snprintf(ret, HIVE_NAME_MAX + 1, "%s", e->d_name);
		err = 0;
	}
	if (all)
		closedir(all);
	return err;
}
