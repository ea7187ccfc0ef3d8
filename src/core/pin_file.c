/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin_file.c - pins of a kernel that has a folder for them: each is a file there.
 *
 *	DIR/xdp/flow	"prog 5\n", mode 0600
 *
 * Files are what is true.  Whoever may write to the folder renames, links and removes them with
 * the system's own calls, and nobody tells us: an object is pinned while a file that was made for
 * it has a name.  So the kernel keeps a descriptor of each file, which keeps its inode from being
 * another's, and looks at the number of its names when it would show (pins_look()).  What stands in
 * a file is for people; OBJ_GET goes by the inode, and all other files are none of ours.
 *
 * Under k->lock.
 */
#include "core/caller.h"
#include "core/core_int.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a file says of itself. */
static const char *const kind_names[_OBJ_KINDS] = {
	[OBJ_LINK] = "link",
	[OBJ_PROG] = "prog",
	[OBJ_MAP] = "map",
};

int core_pins_in(struct skep_kernel *k, const char *dir)
{
	char real[PATH_MAX];

	if (!realpath(dir, real))
		return -errno;
	k->pin_dir = skep_strdup(real);
	return k->pin_dir ? 0 : -ENOMEM;
}

/* Where the pin of that name stands.  Dots are reserved, as Linux says. */
static int place(const struct skep_kernel *k, const char *name, char ret[PATH_MAX])
{
	if (strchr(name, '.'))
		return -EPERM;
	return snprintf(ret, PATH_MAX, "%s/%s", k->pin_dir, name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static void forget_locked(struct skep_kernel *k, struct pin_file *p)
{
	close(p->fd);
	object_unpin_locked(p->obj);
	*p = k->pin_files.at[--k->pin_files.n];
}

static void look_locked(struct skep_kernel *k)
{
	for (size_t i = k->pin_files.n; i-- > 0;) {
		struct pin_file *p = &k->pin_files.at[i];
		struct stat st;

		if (!fstat(p->fd, &st) && st.st_nlink == 0)
			forget_locked(k, p);
	}
}

void core_pins_look(struct skep_kernel *k)
{
	pthread_mutex_lock(&k->lock);
	look_locked(k);
	pthread_mutex_unlock(&k->lock);
}

/* Makes the file, and keeps it: a descriptor, or -errno. */
static int make_file(const char *path, mode_t mode, const struct object *o)
{
	_cleanup_(close_fd_p) int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode) || dprintf(fd, "%s %u\n", kind_names[o->kind], o->id) < 0) {
		const int err = -errno;

		unlink(path);
		return err;
	}
	return TAKE_FD(fd);
}

static int add_locked(struct skep_kernel *k, const char *path, mode_t mode, struct object *o)
{
	struct pin_file *p = vec_push(&k->pin_files);
	struct stat st;
	int fd;

	if (!p)
		return -ENOMEM;
	fd = make_file(path, mode, o);
	if (fd < 0 || fstat(fd, &st)) {
		k->pin_files.n--;
		return fd < 0 ? fd : -EIO;
	}
	*p = (struct pin_file){ .fd = fd, .dev = st.st_dev, .ino = st.st_ino, .obj = o };
	object_pin_locked(o);
	return 0;
}

int pin_file_add(struct skep_kernel *k, const char *name, const struct object_ref *r)
{
	const mode_t mode = 0600 & ~caller_umask();
	char path[PATH_MAX];
	int err = place(k, name, path);

	if (err)
		return err;
	pthread_mutex_lock(&k->lock);
	err = add_locked(k, path, mode, r->obj);
	pthread_mutex_unlock(&k->lock);
	return err;
}

/* May the server, who is the same user as its members, use the file like this? */
static int may_open(const char *path, int mode)
{
	const int rw = mode == O_RDONLY ? R_OK : mode == O_WRONLY ? W_OK : R_OK | W_OK;

	return faccessat(AT_FDCWD, path, rw, AT_EACCESS) ? -errno : 0;
}

int pin_file_get(struct skep_kernel *k, const char *name, int mode, struct object_ref *ret)
{
	char path[PATH_MAX];
	struct stat st;
	int err = place(k, name, path);

	err = err ? err : may_open(path, mode);
	if (err)
		return err;
	err = -EACCES;
	pthread_mutex_lock(&k->lock);
	look_locked(k);
	if (stat(path, &st)) {
		err = -errno;
	} else {
		vec_foreach (p, &k->pin_files) {
			if (p->ino != st.st_ino || p->dev != st.st_dev)
				continue;
			object_ref_locked(p->obj, ret);
			err = 0;
			break;
		}
	}
	pthread_mutex_unlock(&k->lock);
	return err;
}

void pin_files_fini(struct skep_kernel *k)
{
	while (k->pin_files.n)
		forget_locked(k, &k->pin_files.at[0]);
	vec_free(&k->pin_files);
	skep_free(k->pin_dir);
}
