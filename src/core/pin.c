/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin.c - OBJ_PIN and OBJ_GET: names of objects below the kernel's pin root, as in a bpffs.
 *
 * Where a folder was chosen for them they are files in it (pin_file.c).  Else the names are this
 * kernel's own, and no file is made: folders are the root, those made here, and those of the real
 * file system where something below the root exists there.
 */
#include "core/core_int.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Appends the parts of path to out, a normalised absolute path ("" is the root); 0 or -errno. */
static int path_walk(char out[PATH_MAX], const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/"), len = strlen(out);

		if (n == 2 && path[0] == '.' && path[1] == '.') {
			char *slash = strrchr(out, '/');

			if (slash)
				*slash = '\0';
		} else if (n > 0 && !(n == 1 && path[0] == '.')) {
			if (len + n + 2 > PATH_MAX)
				return -ENAMETOOLONG;
			out[len] = '/';
			memcpy(out + len + 1, path, n);
			out[len + 1 + n] = '\0';
		}
		path += n + (path[n] == '/');
	}
	return 0;
}

/* Where a relative path begins: path_fd's directory, or the working directory; 0 or -errno. */
static int path_base(char out[PATH_MAX], bool by_fd, int path_fd)
{
	const bool from_cwd = !by_fd || path_fd == AT_FDCWD;
	const int fd = from_cwd ? -1 : caller_fd(path_fd);
	char link[48], base[PATH_MAX];
	ssize_t n;

	if (!from_cwd)
		snprintf(link, sizeof(link), "/proc/thread-self/fd/%d", fd);
	else if (caller_is_far())
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)caller_pid());
	else
		snprintf(link, sizeof(link), "/proc/thread-self/cwd");
	n = readlink(link, base, sizeof(base) - 1);
	caller_release(fd);
	if (n < 0)
		return from_cwd ? -errno : -EBADF;
	base[n] = '\0';
	return base[0] == '/' ? path_walk(out, base) : -ENOTDIR;
}

/* The caller's path, made absolute and normalised. */
static int path_take(struct call *c, char out[PATH_MAX])
{
	bool by_fd = c->attr.a.file_flags & SKEP_F_PATH_FD;
	char path[PATH_MAX];
	long n = user_string(path, c->attr.a.pathname, sizeof(path));
	int err = 0;

	if (n < 0)
		return -EFAULT;
	if (n == sizeof(path))
		return -ENAMETOOLONG;
	if (n == 0)
		return -ENOENT;
	out[0] = '\0';
	if (path[0] != '/')
		err = path_base(out, by_fd, c->attr.obj.path_fd);
	return err ? err : path_walk(out, path);
}

static const char *below(const char *root, const char *path)
{
	size_t n = strlen(root);

	return strncmp(path, root, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

/* The name below the root, or NULL for a path elsewhere. */
static const char *below_root(const struct skep_kernel *k, const char *path)
{
	const char *name = below(k->pin_root, path);

	/* The working directory of a program may be in the folder. */
	return name || !k->pin_dir ? name : below(k->pin_dir, path);
}

static struct pin *pin_find(struct skep_kernel *k, const char *name)
{
	vec_foreach (p, &k->pins)
		if (strcmp(p->path, name) == 0)
			return p;
	return NULL;
}

/* What the name is, as core_pin_type() says it. */
static mode_t pin_type_locked(struct skep_kernel *k, const char *name)
{
	const struct pin *p = pin_find(k, name);

	return !p ? 0 : p->obj ? S_IFREG : S_IFDIR;
}

static mode_t pin_type(struct skep_kernel *k, const char *path)
{
	const char *name = below_root(k, path);
	mode_t type;

	if (!name)
		return strcmp(path, k->pin_root) ? 0 : S_IFDIR;
	pthread_mutex_lock(&k->lock);
	type = pin_type_locked(k, name);
	pthread_mutex_unlock(&k->lock);
	return type;
}

/* May a name stand at path?  What Linux answers for its parent, or for a file of that name. */
static int parent_check(struct call *c, const char *path, bool below)
{
	char parent[PATH_MAX];
	struct stat st;
	mode_t type;

	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
	type = below ? pin_type(c->k, parent) : 0;
	if (type)
		return type == S_IFDIR ? 0 : -ENOTDIR;
	if (stat(parent[0] ? parent : "/", &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (lstat(path, &st) == 0)
		return -EEXIST;
	return below ? 0
		     : FAIL(c, -EPERM, "'%s' is not below '%s', where names of objects live", path,
			    c->k->pin_root);
}

/* r is NULL for a folder. */
static int pin_add_locked(struct skep_kernel *k, const char *name, const struct object_ref *r)
{
	struct pin *p;
	char *copy;

	if (pin_find(k, name))
		return -EEXIST;
	copy = skep_strdup(name);
	p = copy ? vec_push(&k->pins) : NULL;
	if (!p) {
		skep_free(copy);
		return -ENOMEM;
	}
	*p = (struct pin){ .path = copy };
	if (r) {
		p->kind = r->kind;
		p->obj = r->obj;
		object_pin_locked(r->obj);
	}
	return 0;
}

/* file_flags beyond `known`, or a path_fd without its flag. */
static bool bad_flags(const struct call *c, uint32_t known)
{
	uint32_t flags = c->attr.a.file_flags;

	return flags & ~(known | SKEP_F_PATH_FD) ||
	       (!(flags & SKEP_F_PATH_FD) && c->attr.obj.path_fd);
}

long core_obj_pin(struct call *c)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	struct skep_kernel *k = c->k;
	char path[PATH_MAX];
	const char *name;
	int err;

	if (bad_flags(c, 0))
		return FAIL(c, -EINVAL, "file_flags or path_fd do not fit OBJ_PIN");
	err = object_get(k, (int)c->attr.a.bpf_fd, OBJ_ANY, &ref);
	if (err || ref.kind == OBJ_BTF || ref.kind == OBJ_STATS || ref.kind == OBJ_PERF ||
	    ref.kind == OBJ_PROBE)
		return FAIL(c, -EINVAL, "descriptor %d is no program, map or link",
			    (int)c->attr.a.bpf_fd);
	err = path_take(c, path);
	if (err)
		return err;
	name = below_root(k, path);
	if (name && k->pin_dir)
		return pin_file_add(k, name, &ref);
	err = path[0] ? parent_check(c, path, name) : -EEXIST;
	if (err)
		return err;
	pthread_mutex_lock(&k->lock);
	err = pin_add_locked(k, name, &ref);
	pthread_mutex_unlock(&k->lock);
	return err;
}

/* The object of a name, kept alive by a reference of the caller's. */
static int pin_get(struct skep_kernel *k, const char *name, int mode, struct object_ref *ret)
{
	const struct pin *p;

	if (name && k->pin_dir)
		return pin_file_get(k, name, mode, ret);
	pthread_mutex_lock(&k->lock);
	p = name ? pin_find(k, name) : NULL;
	if (p && p->obj)
		object_ref_locked(p->obj, ret);
	pthread_mutex_unlock(&k->lock);
	return !p ? -ENOENT : p->obj ? 0 : -EACCES;
}

long core_obj_get(struct call *c)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	char path[PATH_MAX];
	const char *name;
	struct stat st;
	int mode, err;

	if (c->attr.a.bpf_fd || bad_flags(c, BPF_F_RDONLY | BPF_F_WRONLY))
		return FAIL(c, -EINVAL, "bpf_fd, file_flags or path_fd do not fit OBJ_GET");
	mode = core_file_mode(c->attr.a.file_flags);
	if (mode < 0)
		return mode;
	err = path_take(c, path);
	if (err)
		return err;
	name = below_root(c->k, path);
	err = pin_get(c->k, name, mode, &ref);
	/* Without a folder of their own, what pins are not may be files. */
	if (err == -ENOENT && !(name && c->k->pin_dir))
		err = stat(path[0] ? path : "/", &st) ? -errno : -EACCES;
	if (err)
		return FAIL(c, err,
			    err == -EACCES ? "'%s' is not the name of an object"
					   : "nothing is pinned as '%s'",
			    path);
	if (ref.kind == OBJ_LINK && mode != O_RDWR)
		return -EINVAL;
	return object_open(c, &ref, ref.kind == OBJ_MAP ? mode : O_RDWR);
}

/* An absolute path, normalised into norm; NULL where that cannot be. */
static const char *absolute(char norm[PATH_MAX], const char *path)
{
	norm[0] = '\0';
	return path[0] == '/' && !path_walk(norm, path) ? norm : NULL;
}

int core_pin_object(struct skep_kernel *k, const char *path, int mode, struct object_ref *ret)
{
	char norm[PATH_MAX];
	const char *name = absolute(norm, path) ? below_root(k, norm) : NULL;

	return name ? pin_get(k, name, mode, ret) : -ENOENT;
}

mode_t core_pin_type(struct skep_kernel *k, const char *path)
{
	char norm[PATH_MAX];

	return absolute(norm, path) ? pin_type(k, norm) : 0;
}

static void pin_remove_locked(struct skep_kernel *k, struct pin *p)
{
	if (p->obj)
		object_unpin_locked(p->obj);
	skep_free(p->path);
	*p = k->pins.at[--k->pins.n];
}

int core_unpin(struct skep_kernel *k, const char *path)
{
	char norm[PATH_MAX];
	const char *name = absolute(norm, path) ? below_root(k, norm) : NULL;
	struct pin *p;
	int err = 0;

	if (!name)
		return -ENOENT;
	pthread_mutex_lock(&k->lock);
	p = pin_find(k, name);
	if (!p || !p->obj)
		err = p ? -EISDIR : -ENOENT;
	else
		pin_remove_locked(k, p);
	pthread_mutex_unlock(&k->lock);
	return err;
}

int core_pin_mkdir(struct skep_kernel *k, const char *path)
{
	char norm[PATH_MAX], parent[PATH_MAX];
	const char *name = absolute(norm, path) ? below_root(k, norm) : NULL;
	mode_t type;
	int err;

	if (!name)
		return core_pin_type(k, path) ? -EEXIST : -EPERM;
	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(norm, '/') - norm), norm);
	type = pin_type(k, parent);
	if (type != S_IFDIR)
		return type ? -ENOTDIR : -ENOENT;
	pthread_mutex_lock(&k->lock);
	err = pin_add_locked(k, name, NULL);
	pthread_mutex_unlock(&k->lock);
	return err;
}

static bool has_names_locked(struct skep_kernel *k, const char *folder)
{
	size_t n = strlen(folder);

	vec_foreach (p, &k->pins)
		if (strncmp(p->path, folder, n) == 0 && p->path[n] == '/')
			return true;
	return false;
}

int core_pin_rmdir(struct skep_kernel *k, const char *path)
{
	char norm[PATH_MAX];
	const char *name = absolute(norm, path) ? below_root(k, norm) : NULL;
	struct pin *p;
	int err = 0;

	if (!name)
		return core_pin_type(k, path) ? -EBUSY : -ENOENT;
	pthread_mutex_lock(&k->lock);
	p = pin_find(k, name);
	if (!p || p->obj)
		err = p ? -ENOTDIR : -ENOENT;
	else if (has_names_locked(k, name))
		err = -ENOTEMPTY;
	else
		pin_remove_locked(k, p);
	pthread_mutex_unlock(&k->lock);
	return err;
}

void pins_fini(struct skep_kernel *k)
{
	vec_foreach (p, &k->pins)
		skep_free(p->path);
	vec_free(&k->pins);
}
