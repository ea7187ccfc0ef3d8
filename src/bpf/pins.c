/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pins.c - the file system of pins, as programs find it in PIN_ROOT.
 *
 * In a hive it is the hive's folder (core/pin_file.c): calls on a path below the root are made on
 * one below the folder, so that what such a call says, and every descriptor of a directory, is the
 * system's own.  A process without a hive has its kernel ask; that one knows names alone.
 *
 * Linux's file system has rules that the folder's does not, and they are kept here:
 *
 *	names with a dot are not looked up		EPERM
 *	nobody but OBJ_PIN makes files			EPERM
 *	pins are not opened				EIO
 *	nothing is moved in or out			EXDEV
 *
 * Paths that a directory's descriptor or the working directory leads into the folder are looked
 * at where something is made or moved, with one more system call; else they go by.
 */
#include "bpf/calls_int.h"

#include <linux/magic.h>

#include "bpf/door.h"
#include "bpf/glue.h"

#define PIN_ROOT "/sys/fs/bpf"

static long fail(int err)
{
	errno = -err;
	return -1;
}

/* True at and below a directory. */
static bool is_below(const char *path, const char *dir)
{
	const size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

bool pins_path(const char *path)
{
	return path && is_below(path, PIN_ROOT);
}

/* Pins are in a hive's folder. */
static bool in_folder(void)
{
	return door_hive() && !bpf_kernel();
}

/* The names are those of a kernel in this process. */
static bool is_emulated(const char *path)
{
	return pins_path(path) && !in_folder();
}

/*
 * What is below the root may be looked up: 0, -EPERM, or 1 where the path leads out again.
 * Nothing but "." and ".." has dots.
 */
static int check_name(const char *name)
{
	int depth = 0;

	while (*name) {
		const size_t n = strcspn(name, "/");

		if (n == 2 && !strncmp(name, "..", 2))
			depth--;
		else if (n > 1 && memchr(name, '.', n))
			return -EPERM;
		else
			depth += n > 0 && name[0] != '.';
		if (depth < 0)
			return 1;
		name += n + (name[n] == '/');
	}
	return 0;
}

bool pins_place(const char **path, char place[PATH_MAX])
{
	const char *name;
	int err;

	if (!pins_path(*path) || !in_folder())
		return true;
	name = *path + strlen(PIN_ROOT);
	err = check_name(name);
	if (err > 0)
		return true;
	if (!err && snprintf(place, PATH_MAX, "%s%s", door_hive(), name) >= PATH_MAX)
		err = -ENAMETOOLONG;
	if (err)
		return !fail(err);
	*path = place;
	return true;
}

/* The root itself, which is mounted. */
static bool is_root(const char *path)
{
	return pins_path(path) && in_folder() &&
	       strspn(path + strlen(PIN_ROOT), "/.") == strlen(path + strlen(PIN_ROOT));
}

/* Does the path, from a directory on, lead to pins? */
static bool leads_there(int dir, const char *path)
{
	char link[40], base[PATH_MAX], folder[PATH_MAX];
	const int saved = errno;
	ssize_t n;

	if (!path || path[0] == '/')
		return pins_path(path);
	if (dir == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/self/cwd");
	else
		snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = bpf_real.readlink(link, base, sizeof(base) - 1);
	base[n < 0 ? 0 : n] = '\0';
	errno = saved;
	return realpath(door_hive(), folder) && is_below(base, folder);
}

/* What Linux's file system says before the folder's is asked; 0: nothing. */
static int open_error(int dir, const char *path, int flags)
{
	struct stat st;

	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EOPNOTSUPP;
	if (bpf_real.fstatat(dir, path, &st, 0))
		return flags & O_CREAT && errno == ENOENT ? -EPERM : 0;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	return S_ISREG(st.st_mode) && !(flags & O_PATH) ? -EIO : 0;
}

int pins_iter(const char *path, int flags)
{
	const int saved = errno;
	long fd;

	if (!pins_path(path) || flags & (O_ACCMODE | O_CREAT | O_DIRECTORY | O_PATH))
		return -1;
	fd = DOOR(ENTRY_ITER, path, 0);
	errno = saved;
	return (int)fd;
}

bool pins_open(int dir, const char **path, int flags, char place[PATH_MAX])
{
	int err;

	if (!pins_path(*path) && (!(flags & O_CREAT) || !in_folder() || !leads_there(dir, *path)))
		return true;
	if (!pins_place(path, place))
		return false;
	err = in_folder() ? open_error(dir, *path, flags) : 0;
	return !err || !fail(err);
}

/* Both in the file system of pins, or neither is; both at their place. */
static bool place_both(int dir, const char **path, char place[PATH_MAX], int to_dir,
		       const char **to, char to_place[PATH_MAX])
{
	if (!in_folder())
		return true;
	if (is_root(*path) || is_root(*to))
		return !fail(-EBUSY);
	if (leads_there(dir, *path) != leads_there(to_dir, *to))
		return !fail(-EXDEV);
	return pins_place(path, place) && pins_place(to, to_place);
}

/* --- calls that only go elsewhere ------------------------------------------------------------- */

#define CALL_PATH(ret, name, params, args)                                 \
	ret call_##name params                                             \
	{                                                                  \
		char place[PATH_MAX];                                      \
                                                                           \
		return pins_place(&path, place) ? bpf_real.name args : -1; \
	}
#define CALL_PATHS(ret, name, params, args, dir, to_dir)                                         \
	ret call_##name params                                                                   \
	{                                                                                        \
		char place[PATH_MAX], to_place[PATH_MAX];                                        \
                                                                                                 \
		return place_both(dir, &path, place, to_dir, &to, to_place) ? bpf_real.name args \
									    : -1;                \
	}
#define CALL_NODE(ret, name, params, args, dir)                                                    \
	ret call_##name params                                                                     \
	{                                                                                          \
		char place[PATH_MAX];                                                              \
                                                                                                   \
		return pins_open(dir, &path, O_CREAT | O_WRONLY, place) ? bpf_real.name args : -1; \
	}
#include "bpf/calls.def"

DIR *call_opendir(const char *path)
{
	char place[PATH_MAX];

	return pins_place(&path, place) ? bpf_real.opendir(path) : NULL;
}

int call_unlinkat(int dir, const char *path, int flags)
{
	char place[PATH_MAX];

	if (is_root(path))
		return (int)fail(-EBUSY);
	return pins_place(&path, place) ? bpf_real.unlinkat(dir, path, flags) : -1;
}

int call_remove(const char *path)
{
	char place[PATH_MAX];

	if (is_root(path))
		return (int)fail(-EBUSY);
	return pins_place(&path, place) ? bpf_real.remove(path) : -1;
}

/* --- calls that a kernel in this process answers ---------------------------------------------- */

static int ask(enum entry nr, const char *path)
{
	const long r = DOOR(nr, path, 0);

	return r < 0 ? (int)fail((int)r) : (int)r;
}

static mode_t type_of(const char *path)
{
	const long type = DOOR(ENTRY_PIN_TYPE, path, 0);

	return type < 0 ? 0 : (mode_t)type;
}

/* libbpf asks for the folder that it is about to pin in, which may be ".". */
static bool is_of_pins(const char *path)
{
	return in_folder() ? leads_there(AT_FDCWD, path) : pins_path(path);
}

static int answer_statfs(const char *path, struct statfs *st)
{
	char place[PATH_MAX];

	if (is_emulated(path)
		    ? !type_of(path)
		    : !pins_place(&path, place) || bpf_real.faccessat(AT_FDCWD, path, F_OK, 0))
		return is_emulated(path) ? (int)fail(-ENOENT) : -1;
	*st = (struct statfs){ .f_type = BPF_FS_MAGIC, .f_bsize = 4096, .f_namelen = 255 };
	return 0;
}

int call_statfs64(const char *path, struct statfs64 *st)
{
	static_assert(sizeof(struct statfs64) == sizeof(struct statfs), "64-bit hosts only");
	return is_of_pins(path) ? answer_statfs(path, (struct statfs *)st)
				: bpf_real.statfs64(path, st);
}

int call_statfs(const char *path, struct statfs *st)
{
	return is_of_pins(path) ? answer_statfs(path, st) : bpf_real.statfs(path, st);
}

/* Of a file that files.c holds, or of a name. */
static int answer_access(const char *path, int mode)
{
	if (!bpf_file_is(path))
		return type_of(path) ? 0 : (int)fail(-ENOENT);
	return mode & (W_OK | X_OK) ? (int)fail(-EACCES) : 0;
}

static bool is_ours(const char *path)
{
	return bpf_file_is(path) || is_emulated(path);
}

int call_faccessat(int dir, const char *path, int mode, int flags)
{
	char place[PATH_MAX];

	if (is_ours(path))
		return answer_access(path, mode);
	return pins_place(&path, place) ? bpf_real.faccessat(dir, path, mode, flags) : -1;
}

int call_access(const char *path, int mode)
{
	char place[PATH_MAX];

	if (is_ours(path))
		return answer_access(path, mode);
	return pins_place(&path, place) ? bpf_real.access(path, mode) : -1;
}

static int answer_stat(const char *path, struct stat *st)
{
	_cleanup_(close_fd_p) int fd = -1;
	mode_t type;

	if (bpf_file_is(path)) {
		fd = ask(ENTRY_FILE, path);
		return fd < 0 ? -1 : fstat(fd, st);
	}
	type = type_of(path);
	if (!type)
		return (int)fail(-ENOENT);
	*st = (struct stat){ .st_mode = type | (type == S_IFDIR ? 0700 : 0600), .st_nlink = 1 };
	return 0;
}

int call_stat(const char *path, struct stat *st)
{
	char place[PATH_MAX];

	if (is_ours(path))
		return answer_stat(path, st);
	return pins_place(&path, place) ? bpf_real.stat(path, st) : -1;
}

int call_stat64(const char *path, struct stat64 *st)
{
	char place[PATH_MAX];

	static_assert(sizeof(struct stat64) == sizeof(struct stat), "64-bit hosts only");
	if (is_ours(path))
		return answer_stat(path, (struct stat *)st);
	return pins_place(&path, place) ? bpf_real.stat64(path, st) : -1;
}

int call_mkdir(const char *path, mode_t mode)
{
	char place[PATH_MAX];

	if (is_emulated(path))
		return ask(ENTRY_PIN_MKDIR, path);
	return pins_place(&path, place) ? bpf_real.mkdir(path, mode) : -1;
}

int call_rmdir(const char *path)
{
	char place[PATH_MAX];

	if (is_emulated(path))
		return ask(ENTRY_PIN_RMDIR, path);
	if (is_root(path))
		return (int)fail(-EBUSY);
	return pins_place(&path, place) ? bpf_real.rmdir(path) : -1;
}

int call_unlink(const char *path)
{
	char place[PATH_MAX];

	if (is_emulated(path))
		return ask(ENTRY_PIN_REMOVE, path);
	return pins_place(&path, place) ? bpf_real.unlink(path) : -1;
}
