/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files.c - the files that a process has open, as programs see them: task->files->fdt->fd[n].
 *
 * Linux has them in its memory; here they are made as they are read.  Their addresses are in the
 * kernel's half, where no process has memory, so who reads there has had a fault already and
 * nobody else pays for it (probe.c).
 *
 *	FILES_AT	struct files_struct
 *	 + TABLE	struct fdtable
 *	 + ARRAY	struct file *fd[FILES_MAX]: where the file is; NULL: that one is not open
 *	 + OPEN		struct open_file[FILES_MAX], FILE_ROOM bytes each
 */
#include "helper/files.h"
#include "base/sys.h"
#include "helper/helper_int.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>
#include <sys/resource.h>

#define TABLE	  UINT64_C(0x100)
#define ARRAY	  UINT64_C(0x1000000)
#define OPEN	  UINT64_C(0x10000000)
#define FILE_ROOM UINT64_C(512)
static_assert(OPEN + FILES_MAX * FILE_ROOM == FILES_SIZE, "files are the last");
static_assert(ARRAY + FILES_MAX * 8 <= OPEN, "the array ends before them");
static_assert(sizeof(struct open_file) <= FILE_ROOM, "one file's room");

/* --- one file --------------------------------------------------------------------------------- */

/* What /proc says behind the path of a file that is gone is none of it. */
static size_t without_tail(const char *path, size_t len, bool gone)
{
	static const char deleted[] = " (deleted)";
	const size_t tail = sizeof(deleted) - 1;

	return gone && len > tail && !memcmp(path + len - tail, deleted, tail) ? len - tail : len;
}

/* The last part of a path; of "anon_inode:[eventfd]" what is behind; of "socket:[1]" nothing. */
static uint32_t name_of(const char *path, size_t len, bool gone, char name[256])
{
	static const char anon[] = "anon_inode:";
	const size_t n = sizeof(anon) - 1;
	size_t at;

	len = without_tail(path, len, gone);
	for (at = len; at && path[at - 1] != '/'; at--)
		;
	if (!at)
		at = len >= n && !memcmp(path, anon, n) ? n : len;
	len = MIN(len - at, (size_t)255);
	memcpy(name, path + at, len);
	name[len] = '\0';
	return (uint32_t)len;
}

bool file_ask(const char *link, struct open_file *f, uint64_t at)
{
	const struct open_file *there = PTR(at);
	char path[PATH_MAX];
	struct statx st = { 0 };
	const long len =
		sys_call6(SYS_readlinkat, AT_FDCWD, (long)link, (long)path, sizeof(path), 0, 0);

	if (len <= 0 ||
	    sys_call6(SYS_statx, AT_FDCWD, (long)link, 0, STATX_BASIC_STATS, (long)&st, 0))
		return false;
	f->super.s_dev = st.stx_dev_major << 20 | st.stx_dev_minor;
	f->inode = (struct model_inode){ st.stx_ino, (struct model_super_block *)&there->super };
	f->dentry.d_name.len = name_of(path, (size_t)len, !st.stx_nlink, f->name);
	f->dentry.d_name.name = there->name;
	f->dentry.d_inode = (struct model_inode *)&there->inode;
	f->file.f_inode = (struct model_inode *)&there->inode;
	f->file.f_path.dentry = (struct model_dentry *)&there->dentry;
	return true;
}

static uint64_t file_at(uint64_t n)
{
	return FILES_AT + OPEN + n * FILE_ROOM;
}

static bool is_open(uint64_t n)
{
	return sys_call6(SYS_fcntl, (long)n, F_GETFD, 0, 0, 0, 0) >= 0;
}

static bool ask_open(uint64_t n, struct open_file *ret)
{
	static const char folder[] = "/proc/thread-self/fd/";
	char link[sizeof(folder) + 8], digits[8];
	const uint64_t at = file_at(n);
	size_t len = sizeof(folder) - 1;
	int i = 0;

	memcpy(link, folder, len);
	do
		digits[i++] = (char)('0' + n % 10);
	while (n /= 10);
	while (i)
		link[len++] = digits[--i];
	link[len] = '\0';
	return file_ask(link, ret, at);
}

/* --- reads ------------------------------------------------------------------------------------ */

static bool read_head(void *to, uint64_t off, size_t n)
{
	const struct model_files files = { PTR(FILES_AT + TABLE) };
	struct model_fdtable table = { FILES_MAX, PTR(FILES_AT + ARRAY) };
	struct rlimit most = { 0 };

	if (off < TABLE)
		return made_bytes(to, n, &files, sizeof(files), off);
	if (!sys_call6(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&most, 0, 0))
		table.max_fds = (uint32_t)MIN((uint64_t)most.rlim_cur, FILES_MAX);
	return made_bytes(to, n, &table, sizeof(table), off - TABLE);
}

static bool read_array(void *to, uint64_t off, size_t n)
{
	uint8_t *at = to;

	if (off > FILES_MAX * 8 || n > FILES_MAX * 8 - off)
		return false;
	while (n) {
		const uint64_t fd = off / 8, file = is_open(fd) ? file_at(fd) : 0;
		const size_t some = MIN(n, (size_t)(8 - off % 8));

		memcpy(at, (const uint8_t *)&file + off % 8, some);
		at += some;
		off += some;
		n -= some;
	}
	return true;
}

static bool read_file(void *to, uint64_t off, size_t n)
{
	struct open_file f = { 0 };

	return ask_open(off / FILE_ROOM, &f) && made_bytes(to, n, &f, sizeof(f), off % FILE_ROOM);
}

long files_read(void *to, uint64_t addr, size_t n)
{
	const uint64_t off = addr - FILES_AT;
	bool there;

	if (off >= FILES_SIZE)
		return -EFAULT;
	there = off >= OPEN    ? read_file(to, off - OPEN, n)
		: off >= ARRAY ? read_array(to, off - ARRAY, n)
			       : read_head(to, off, n);
	return there ? 0 : -EFAULT;
}
