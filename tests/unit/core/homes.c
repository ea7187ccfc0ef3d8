/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * homes.c - many programs share a memfd: each is found, lives and dies alone, whatever the process
 * does to the descriptors that it does not know.
 */
#include "core_test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define XDP BPF_PROG_TYPE_XDP

static uint64_t inode(long fd)
{
	struct stat st;

	ASSERT_EQ(fstat((int)fd, &st), 0);
	return st.st_ino;
}

static bool lives(uint32_t id)
{
	const long fd = fd_by_id(BPF_PROG_GET_FD_BY_ID, id);

	if (fd >= 0)
		close((int)fd);
	return fd >= 0;
}

static uint32_t result(long fd)
{
	uint32_t ret = UINT32_MAX;

	ASSERT_EQ(prog_run_once(fd, &ret), 0);
	return ret;
}

/* The kernel's own descriptor of the memfd that fd is a description of. */
static int own_descriptor(long fd)
{
	for (int i = 0; i < 256; i++) {
		struct stat st;

		if (i != fd && fstat(i, &st) == 0 && st.st_ino == inode(fd))
			return i;
	}
	return -1;
}

TEST(neighbours_die_alone)
{
	uint32_t id[3];
	long fd[3];

	core_start(NULL);
	for (int i = 0; i < 3; i++) {
		fd[i] = prog_return(XDP, 10 + i);
		id[i] = prog_id(fd[i]);
	}
	ASSERT_EQ(inode(fd[0]), inode(fd[2]));
	close((int)fd[1]);
	ASSERT(lives(id[0]) && !lives(id[1]) && lives(id[2]));
	ASSERT_EQ(result(fd[0]), 10);
	ASSERT_EQ(result(fd[2]), 12);
	core_stop();
}

TEST(neighbours_are_told_apart_without_their_positions)
{
	long fd[3];

	core_start(NULL);
	for (int i = 0; i < 3; i++)
		fd[i] = prog_return(XDP, 10 + i);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(lseek((int)fd[i], 0, SEEK_SET), 0);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(result(fd[i]), 10 + i);
	core_stop();
}

TEST(a_descriptor_without_its_lock_is_foreign)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
	uint32_t ret;
	long fd;

	core_start(NULL);
	fd = prog_return(XDP, 1);
	ASSERT_EQ(fcntl((int)fd, F_OFD_SETLK, &lock), 0);
	ASSERT_EQ(lseek((int)fd, 0, SEEK_SET), 0);
	ASSERT_EQ(prog_run_once(fd, &ret), -EINVAL);
	core_stop();
}

/* As daemons do that close whatever they do not know. */
TEST(a_process_closes_the_kernels_own)
{
	long a, b;
	int own;

	core_start(NULL);
	a = prog_return(XDP, 1);
	own = own_descriptor(a);
	ASSERT_GE(own, 0);
	close(own);
	b = prog_return(XDP, 2);
	ASSERT_NE(inode(a), inode(b));
	ASSERT_EQ(result(a), 1);
	ASSERT_EQ(result(b), 2);
	core_stop();
	ASSERT_GE(fcntl((int)b, F_GETFD), 0);
}

TEST(a_process_takes_the_kernels_numbers)
{
	int other = open("/dev/null", O_RDWR), dir = open("/", O_PATH | O_DIRECTORY), own;
	long a, b;

	core_start(NULL);
	a = prog_return(XDP, 1);
	own = own_descriptor(a);
	/* Whatever else the kernel has open, from its first descriptor on. */
	for (int i = 0; i < own; i++)
		if (i > 2 && i != other && i != dir)
			ASSERT_EQ(dup2(dir, i), i);
	ASSERT_EQ(dup2(other, own), own);
	b = prog_return(XDP, 2);
	ASSERT_EQ(result(a), 1);
	ASSERT_EQ(result(b), 2);
	core_stop();
	/* They are the process's now, so they stay open. */
	ASSERT_EQ(inode(own), inode(other));
	for (int i = 3; i < own; i++)
		ASSERT_GE(fcntl(i, F_GETFD), 0);
}

TEST(a_child_loads_after_its_parent_closed)
{
	int go[2], status;
	char c;
	pid_t pid;
	long fd;

	core_start(NULL);
	fd = prog_return(XDP, 1);
	ASSERT_EQ(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		bool ok = read(go[0], &c, 1) == 1;

		fd = prog_return(XDP, 7);
		_exit(ok && fd >= 0 && result(fd) == 7 ? 0 : 1);
	}
	/* In the parent that number is another file by the time that the child loads. */
	ASSERT_GE(dup2(go[1], own_descriptor(fd)), 0);
	ASSERT_EQ(write(go[1], "", 1), 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(status, 0);
	core_stop();
}

TEST(a_limit_on_files_hurts_nobody)
{
	struct rlimit none = { 0, 0 };
	long fd;

	core_start(NULL);
	ASSERT_GE(prog_return(XDP, 0), 0); /* the compiler has its memory now */
	ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (int i = 0; i < 64; i++) /* the next home is made */
		ASSERT_GE(prog_return(XDP, 0), 0);
	fd = prog_return(XDP, 3);
	ASSERT_EQ(result(fd), 3);
	core_stop();
}
