/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin.c - OBJ_PIN and OBJ_GET: names of objects below the kernel's pin root, as in a bpffs.
 *
 * The names are this kernel's own; no file is made.  Directories are those of the real file
 * system, where the root or something below it exists there; the root itself always does.
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
	char link[48], base[PATH_MAX];
	ssize_t n;

	if (!by_fd || path_fd == AT_FDCWD) {
		if (!getcwd(base, sizeof(base)))
			return -errno;
		return path_walk(out, base);
	}
	snprintf(link, sizeof(link), "/proc/thread-self/fd/%d", path_fd);
	n = readlink(link, base, sizeof(base) - 1);
	if (n < 0)
		return -EBADF;
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

/* The name below the root, or NULL for a path elsewhere. */
static const char *below_root(const struct skep_kernel *k, const char *path)
{
	size_t n = strlen(k->pin_root);

	return strncmp(path, k->pin_root, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static struct pin *pin_find(struct skep_kernel *k, const char *name)
{
	vec_foreach (p, &k->pins)
		if (strcmp(p->path, name) == 0)
			return p;
	return NULL;
}

/* May a name stand at path?  What Linux answers for its parent, or for a file of that name. */
static int parent_check(struct call *c, const char *path, bool below)
{
	char parent[PATH_MAX];
	struct stat st;

	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (below && strcmp(parent, c->k->pin_root) == 0)
		return 0;
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
	*p = (struct pin){ .path = copy, .kind = r->kind, .obj = r->obj };
	object_pin_locked(r->obj);
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
	if (err || ref.kind == OBJ_BTF || ref.kind == OBJ_STATS)
		return FAIL(c, -EINVAL, "descriptor %d is no program, map or link",
			    (int)c->attr.a.bpf_fd);
	err = path_take(c, path);
	if (err)
		return err;
	name = below_root(k, path);
	err = path[0] ? parent_check(c, path, name) : -EEXIST;
	if (err)
		return err;
	pthread_mutex_lock(&k->lock);
	err = pin_add_locked(k, name, &ref);
	pthread_mutex_unlock(&k->lock);
	return err;
}

/* The object of a name, kept alive by a reference of the caller's. */
static int pin_get(struct skep_kernel *k, const char *name, struct object_ref *ret)
{
	const struct pin *p;

	pthread_mutex_lock(&k->lock);
	p = name ? pin_find(k, name) : NULL;
	if (p)
		object_ref_locked(p->obj, ret);
	pthread_mutex_unlock(&k->lock);
	return p ? 0 : -ENOENT;
}

long core_obj_get(struct call *c)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	char path[PATH_MAX];
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
	err = pin_get(c->k, below_root(c->k, path), &ref);
	if (err) {
		if (stat(path[0] ? path : "/", &st))
			return FAIL(c, -errno, "nothing is pinned as '%s'", path);
		return FAIL(c, -EACCES, "'%s' is not the name of an object", path);
	}
	if (ref.kind == OBJ_LINK && mode != O_RDWR)
		return -EINVAL;
	return object_open(c, &ref, ref.kind == OBJ_MAP ? mode : O_RDWR);
}

int core_unpin(struct skep_kernel *k, const char *path)
{
	char norm[PATH_MAX] = "";
	struct pin *p = NULL;
	const char *name;

	if (path[0] != '/' || path_walk(norm, path))
		return -ENOENT;
	name = below_root(k, norm);
	pthread_mutex_lock(&k->lock);
	if (name)
		p = pin_find(k, name);
	if (p) {
		object_unpin_locked(p->obj);
		skep_free(p->path);
		*p = k->pins.at[--k->pins.n];
	}
	pthread_mutex_unlock(&k->lock);
	return p ? 0 : -ENOENT;
}

bool core_pinned(struct skep_kernel *k, const char *path)
{
	char norm[PATH_MAX] = "";
	const char *name;
	bool found;

	if (path[0] != '/' || path_walk(norm, path))
		return false;
	name = below_root(k, norm);
	pthread_mutex_lock(&k->lock);
	found = name && pin_find(k, name);
	pthread_mutex_unlock(&k->lock);
	return found;
}

void pins_fini(struct skep_kernel *k)
{
	vec_foreach (p, &k->pins)
		skep_free(p->path);
	vec_free(&k->pins);
}
