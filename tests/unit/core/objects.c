/* SPDX-License-Identifier: BSD-2-Clause */
/* What holds an object: descriptors wherever they go, pins, other objects. */
#include "core/core.h"
#include "tests/unit/core/core_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static bool map_lives(uint32_t id)
{
	long fd = fd_by_id(BPF_MAP_GET_FD_BY_ID, id);

	if (fd < 0)
		ASSERT_EQ(fd, -ENOENT);
	else
		close((int)fd);
	return fd >= 0;
}

TEST(object_dies_with_its_last_descriptor)
{
	uint32_t id;
	int copy;
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	id = map_id(fd);
	copy = dup((int)fd);
	close((int)fd);
	ASSERT(map_lives(id));
	ASSERT_EQ(map_id(copy), id);
	close(copy);
	ASSERT(!map_lives(id));
	ASSERT_EQ(next_id(BPF_MAP_GET_NEXT_ID, 0), -ENOENT);
	core_stop();
}

TEST(object_descriptors_are_ordinary_ones)
{
	char link[64], name[128] = "";
	long map, prog;

	core_start(NULL);
	map = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	prog = prog_return(BPF_PROG_TYPE_XDP, 0);
	ASSERT(fcntl((int)map, F_GETFD) & FD_CLOEXEC);
	ASSERT(fcntl((int)prog, F_GETFD) & FD_CLOEXEC);
	snprintf(link, sizeof(link), "/proc/self/fd/%ld", map);
	ASSERT_GT(readlink(link, name, sizeof(name) - 1), 0);
	ASSERT_STRHAS(name, "bpf-map");
	snprintf(link, sizeof(link), "/proc/self/fd/%ld", prog);
	memset(name, 0, sizeof(name));
	ASSERT_GT(readlink(link, name, sizeof(name) - 1), 0);
	ASSERT_STRHAS(name, "bpf-prog");
	core_stop();
}

TEST(object_is_found_wherever_its_position_is)
{
	uint32_t key = 0, id;
	uint64_t value = 0;
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_RDONLY);
	id = map_id(fd);
	ASSERT_EQ(lseek((int)fd, 0, SEEK_SET), 0);
	ASSERT_EQ(map_lookup(fd, &key, &value, 0), 0);
	ASSERT_EQ(map_update(fd, &key, &value, 0), -EPERM);
	ASSERT_EQ(map_id(fd), id);
	ASSERT(map_lives(id));
	core_stop();
}

TEST(object_lives_while_a_child_holds_it)
{
	int pipefd[2], status;
	uint32_t id;
	pid_t child;
	long fd;
	char c;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	id = map_id(fd);
	ASSERT_EQ(pipe(pipefd), 0);
	child = fork();
	ASSERT_GE(child, 0);
	if (child == 0) {
		close(pipefd[1]);
		_exit(read(pipefd[0], &c, 1) != 0); /* until the parent closes its end */
	}
	close((int)fd);
	ASSERT(map_lives(id));
	close(pipefd[1]);
	ASSERT_EQ(waitpid(child, &status, 0), child);
	ASSERT(!map_lives(id));
	core_stop();
}

static void send_fd(int sock, int fd)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} ctl = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)),
			 .cmsg_level = SOL_SOCKET,
			 .cmsg_type = SCM_RIGHTS } };
	char c = 'x';
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof(ctl)
	};

	memcpy(CMSG_DATA(&ctl.h), &fd, sizeof(fd));
	ASSERT_EQ(sendmsg(sock, &msg, 0), 1);
}

static int receive_fd(int sock)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} ctl;
	char c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof(ctl)
	};
	int fd;

	ASSERT_EQ(recvmsg(sock, &msg, 0), 1);
	memcpy(&fd, CMSG_DATA(&ctl.h), sizeof(fd));
	return fd;
}

TEST(object_lives_in_a_message)
{
	uint32_t id, key = 0;
	uint64_t value = 11;
	int sock[2], got;
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	id = map_id(fd);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sock), 0);
	send_fd(sock[0], (int)fd);
	close((int)fd);
	ASSERT(map_lives(id));
	got = receive_fd(sock[1]);
	ASSERT_EQ(map_update(got, &key, &value, 0), 0);
	ASSERT_EQ(map_id(got), id);
	close(got);
	ASSERT(!map_lives(id));
	core_stop();
}

TEST(object_lives_while_it_is_mapped)
{
	uint32_t id;
	void *mem;
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE);
	id = map_id(fd);
	mem = mmap(NULL, 4096, PROT_READ, MAP_SHARED, (int)fd, 0);
	ASSERT_NE(mem, MAP_FAILED);
	close((int)fd);
	ASSERT(map_lives(id));
	munmap(mem, 4096);
	ASSERT(!map_lives(id));
	core_stop();
}

TEST(object_write_only_descriptors_count)
{
	union core_attr attr = attr_zero;
	long fd, wo, wo2;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	attr.a.map_id = map_id(fd);
	attr.a.open_flags = BPF_F_WRONLY;
	wo = bpf_call(BPF_MAP_GET_FD_BY_ID, &attr);
	wo2 = bpf_call(BPF_MAP_GET_FD_BY_ID, &attr);
	ASSERT_GE(wo2, 0);
	close((int)fd);
	close((int)wo);
	ASSERT(map_lives(attr.a.map_id));
	close((int)wo2);
	ASSERT(!map_lives(attr.a.map_id));
	core_stop();
}

TEST(program_holds_its_maps)
{
	uint32_t id;
	long map, prog;

	core_start(NULL);
	map = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	id = map_id(map);
	{
		const struct bpf_insn insns[] = { LD_MAP(1, map), MOV(0, 0), EXIT };

		prog = prog_load(BPF_PROG_TYPE_XDP, insns, 4);
	}
	ASSERT_GE(prog, 0);
	close((int)map);
	ASSERT(map_lives(id));
	close((int)prog);
	ASSERT(!map_lives(id));
	ASSERT_EQ(next_id(BPF_PROG_GET_NEXT_ID, 0), -ENOENT);
	core_stop();
}

TEST(program_and_its_array_do_not_hold_each_other)
{
	uint32_t map, prog, key = 0, fd32;
	long array, fd;

	core_start(NULL);
	array = map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1, 0);
	map = map_id(array);
	{
		const struct bpf_insn insns[] = { LD_MAP(2, array), MOV(3, 0),
						  CALL(BPF_FUNC_tail_call), MOV(0, 0), EXIT };

		fd = prog_load(BPF_PROG_TYPE_XDP, insns, 6);
	}
	ASSERT_GE(fd, 0);
	prog = prog_id(fd);
	fd32 = (uint32_t)fd;
	ASSERT_EQ(map_update(array, &key, &fd32, 0), 0);
	close((int)fd);
	fd = fd_by_id(BPF_PROG_GET_FD_BY_ID, prog); /* held by the array */
	ASSERT_GE(fd, 0);
	close((int)fd);
	close((int)array);
	ASSERT(!map_lives(map));
	ASSERT_EQ(fd_by_id(BPF_PROG_GET_FD_BY_ID, prog), -ENOENT);
	core_stop();
}

TEST(ids_grow_and_are_not_used_again)
{
	uint32_t first, second;
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	first = map_id(fd);
	close((int)fd);
	ASSERT_EQ(next_id(BPF_MAP_GET_NEXT_ID, 0), -ENOENT);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	second = map_id(fd);
	ASSERT_EQ(first, 1);
	ASSERT_EQ(second, 2);
	ASSERT_EQ(next_id(BPF_MAP_GET_NEXT_ID, 0), 2);
	ASSERT_EQ(next_id(BPF_MAP_GET_NEXT_ID, 2), -ENOENT);
	ASSERT_EQ(next_id(BPF_MAP_GET_NEXT_ID, INT32_MAX), -EINVAL);
	ASSERT_EQ(fd_by_id(BPF_MAP_GET_FD_BY_ID, 0), -ENOENT);
	core_stop();
}

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST(many_objects_leave_no_trace)
{
	int before;

	core_start(NULL);
	before = open_descriptors();
	for (int i = 0; i < 2000; i++) {
		long fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);

		ASSERT_GE(fd, 0);
		close((int)fd);
	}
	ASSERT_EQ(next_id(BPF_MAP_GET_NEXT_ID, 0), -ENOENT);
	ASSERT_EQ(open_descriptors(), before);
	core_stop();
}

TEST(descriptors_run_out)
{
	struct rlimit old, few = { 64, 64 };
	long fd, n = 0, fds[64];

	core_start(NULL);
	ASSERT_GE(prog_return(BPF_PROG_TYPE_XDP, 0), 0); /* the compiler has its memory now */
	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0)) >= 0)
		fds[n++] = fd;
	ASSERT_EQ(fd, -EMFILE);
	while (dup(STDOUT_FILENO) >= 0)
		;
	ASSERT_EQ(prog_return(BPF_PROG_TYPE_XDP, 0), -EMFILE);
	ASSERT_GT(n, 16);
	/* What was closed meanwhile is taken back when nothing else helps. */
	for (long i = 0; i < n; i++)
		close((int)fds[i]);
	for (long i = 0; i < n; i++)
		ASSERT_GE(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), 0);
	core_stop();
}

TEST(kernel_goes_before_its_descriptors)
{
	struct skep_kernel *other;
	uint32_t key = 0;
	uint64_t value = 0;
	long map, prog;

	core_start(NULL);
	ASSERT_EQ(skep_kernel_new(NULL, &other), 0);
	map = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	prog = prog_return(BPF_PROG_TYPE_XDP, 0);
	core_stop();
	k = other;
	ASSERT_EQ(map_lookup(map, &key, &value, 0), -EINVAL);
	ASSERT_EQ(map_lookup(prog, &key, &value, 0), -EINVAL);
	ASSERT_EQ(fcntl((int)map, F_GETFD), FD_CLOEXEC);
	core_stop();
}

TEST(foreign_descriptors_are_refused)
{
	int pipefd[2], mem = memfd_create("bpf-map", 0);
	uint32_t key = 0;
	uint64_t value = 0;

	core_start(NULL);
	map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	ASSERT_EQ(pipe(pipefd), 0);
	ASSERT_EQ(map_lookup(-1, &key, &value, 0), -EBADF);
	ASSERT_EQ(map_lookup(999, &key, &value, 0), -EBADF);
	ASSERT_EQ(map_lookup(pipefd[0], &key, &value, 0), -EINVAL);
	ASSERT_EQ(map_lookup(mem, &key, &value, 0), -EINVAL);
	ASSERT_EQ(map_lookup(open("/", O_RDONLY), &key, &value, 0), -EINVAL);
	ASSERT_EQ(map_lookup(open("/etc/passwd", O_RDONLY), &key, &value, 0), -EINVAL);
	core_stop();
}

/* --- pins ------------------------------------------------------------------------------------ */

static long pin(int cmd, long fd, const char *path, uint32_t flags)
{
	union core_attr attr = attr_zero;

	attr.a.pathname = PTR(path);
	attr.a.bpf_fd = (uint32_t)fd;
	attr.a.file_flags = flags;
	return bpf_call(cmd, &attr);
}

TEST(pins_hold_objects)
{
	uint32_t id;
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	id = map_id(fd);
	ASSERT_EQ(pin(BPF_OBJ_PIN, fd, "/sys/fs/bpf/counts", 0), 0);
	ASSERT_EQ(pin(BPF_OBJ_PIN, fd, "/sys/fs/bpf/counts", 0), -EEXIST);
	ASSERT_EQ(pin(BPF_OBJ_PIN, fd, "/sys//fs/./bpf/x/../counts", 0), -EEXIST);
	close((int)fd);
	fd = pin(BPF_OBJ_GET, 0, "/sys/fs/bpf/counts", BPF_F_RDONLY);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(map_id(fd), id);
	ASSERT_EQ(map_update(fd, &(uint32_t){ 0 }, &(uint64_t){ 0 }, 0), -EPERM);
	close((int)fd);
	ASSERT(map_lives(id));
	core_stop();
}

TEST(pins_are_files_in_a_folder)
{
	char dir[] = "/tmp/skep-pins-XXXXXX", path[64], other[64];
	struct core_counts counts;
	uint32_t id;
	long fd;

	ASSERT(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/counts", dir);
	snprintf(other, sizeof(other), "%s/moved", dir);
	core_start(NULL);
	ASSERT_EQ(core_pins_in(k, "/no/such/folder"), -ENOENT);
	ASSERT_EQ(core_pins_in(k, dir), 0);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	id = map_id(fd);
	ASSERT_EQ(pin(BPF_OBJ_PIN, fd, "/sys/fs/bpf/counts", 0), 0);
	ASSERT_EQ(pin(BPF_OBJ_PIN, fd, path, 0), -EEXIST);
	close((int)fd);
	ASSERT(map_lives(id));
	/* A file that was moved is the pin still, and one that took its place is none. */
	ASSERT_EQ(rename(path, other), 0);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ASSERT_EQ(pin(BPF_OBJ_GET, 0, "/sys/fs/bpf/counts", 0), -EACCES);
	fd = pin(BPF_OBJ_GET, 0, "/sys/fs/bpf/moved", 0);
	ASSERT_EQ(map_id(fd), id);
	ASSERT_EQ(unlink(other), 0);
	core_count(k, &counts);
	ASSERT_EQ(counts.pins, 0);
	ASSERT_EQ(counts.maps, 1);
	close((int)fd);
	ASSERT(!map_lives(id));
	core_stop();
	ASSERT_EQ(unlink(path), 0);
	ASSERT_EQ(rmdir(dir), 0);
}

TEST(pins_answer_as_files_do)
{
	long map, btf_like = dup(0);

	core_start(NULL);
	map = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	ASSERT_EQ(pin(BPF_OBJ_GET, 0, "/sys/fs/bpf/none", 0), -ENOENT);
	ASSERT_EQ(pin(BPF_OBJ_PIN, map, "/sys/fs/bpf/no/such", 0), -ENOENT);
	ASSERT_EQ(pin(BPF_OBJ_PIN, map, "/tmp/skep-not-a-bpffs", 0), -EPERM);
	ASSERT_EQ(pin(BPF_OBJ_PIN, map, "/tmp", 0), -EEXIST);
	ASSERT_EQ(pin(BPF_OBJ_PIN, map, "/nowhere/x", 0), -ENOENT);
	ASSERT_EQ(pin(BPF_OBJ_PIN, map, "", 0), -ENOENT);
	ASSERT_EQ(pin(BPF_OBJ_PIN, map, (char *)8, 0), -EFAULT);
	ASSERT_EQ(pin(BPF_OBJ_PIN, btf_like, "/sys/fs/bpf/x", 0), -EINVAL);
	ASSERT_EQ(pin(BPF_OBJ_PIN, 999, "/sys/fs/bpf/x", 0), -EINVAL);
	ASSERT_EQ(pin(BPF_OBJ_PIN, map, "/sys/fs/bpf/x", 1), -EINVAL);
	ASSERT_EQ(pin(BPF_OBJ_GET, map, "/sys/fs/bpf/x", 0), -EINVAL);
	ASSERT_EQ(pin(BPF_OBJ_GET, 0, "/tmp", 0), -EACCES);
	ASSERT_EQ(pin(BPF_OBJ_GET, 0, "/tmp", BPF_F_RDONLY | BPF_F_WRONLY), -EINVAL);
	core_stop();
}

TEST(pins_live_below_a_root_of_ones_own)
{
	struct skep_kernel_opts opts = { .pin_root = "/tmp/" };
	union core_attr attr = attr_zero;
	char dir[] = "/tmp/skep-pins-XXXXXX", path[64];
	long map;

	core_start(&opts);
	ASSERT(mkdtemp(dir));
	map = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	snprintf(path, sizeof(path), "%s/m", dir);
	ASSERT_EQ(pin(BPF_OBJ_PIN, map, path, 0), 0);
	ASSERT_GE(pin(BPF_OBJ_GET, 0, path, 0), 0);
	/* Relative to a directory's descriptor. */
	attr.a.pathname = PTR("m");
	attr.a.file_flags = SKEP_F_PATH_FD;
	attr.obj.path_fd = open(dir, O_PATH);
	ASSERT_GE(bpf_call(BPF_OBJ_GET, &attr), 0);
	attr.a.file_flags = 0;
	ASSERT_EQ(bpf_call(BPF_OBJ_GET, &attr), -EINVAL);
	rmdir(dir);
	core_stop();
}
