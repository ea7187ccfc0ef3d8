/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * member.c - a process in a hive that does what processes do: TAP for each of the cases that its
 * arguments name.  It speaks bpf(2) alone, so that nothing stands between it and the door.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(cond)                                                                               \
	do {                                                                                      \
		if (!(cond)) {                                                                    \
			printf("# %s:%d: %s (%s)\n", __func__, __LINE__, #cond, strerror(errno)); \
			return 1;                                                                 \
		}                                                                                 \
	} while (0)

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int map_create(uint32_t type, uint32_t value, uint32_t max, const char *name)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = type;
	a.key_size = 4;
	a.value_size = value;
	a.max_entries = max;
	strncpy(a.map_name, name, sizeof(a.map_name) - 1);
	return bpf(BPF_MAP_CREATE, &a);
}

static int element(int cmd, int fd, const void *key, void *value)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)fd;
	a.key = (uintptr_t)key;
	a.value = (uintptr_t)value;
	return bpf(cmd, &a);
}

static int load(const struct bpf_insn *insns, uint32_t n)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_XDP;
	a.insns = (uintptr_t)insns;
	a.insn_cnt = n;
	a.license = (uintptr_t) "GPL";
	return bpf(BPF_PROG_LOAD, &a);
}

static int test_run(int fd, uint32_t *ret)
{
	char packet[64] = { 0 };
	union bpf_attr a;
	int r;

	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (uint32_t)fd;
	a.test.data_in = (uintptr_t)packet;
	a.test.data_size_in = sizeof(packet);
	r = bpf(BPF_PROG_TEST_RUN, &a);
	*ret = a.test.retval;
	return r;
}

/* --- cases ------------------------------------------------------------------------------------ */

static int elements(void)
{
	const int fd = map_create(BPF_MAP_TYPE_HASH, 8, 1000, "elements");
	uint64_t v, sum = 0;
	uint32_t next, key;
	union bpf_attr a;
	int n = 0;

	CHECK(fd >= 0);
	for (uint32_t i = 0; i < 500; i++) {
		v = i;
		CHECK(!element(BPF_MAP_UPDATE_ELEM, fd, &i, &v));
	}
	for (uint32_t i = 0; i < 500; i++) {
		CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &i, &v));
		sum += v;
	}
	CHECK(sum == 499 * 500 / 2);
	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)fd;
	a.next_key = (uintptr_t)&next;
	while (!bpf(BPF_MAP_GET_NEXT_KEY, &a)) {
		key = next;
		a.key = (uintptr_t)&key;
		n++;
	}
	CHECK(errno == ENOENT && n == 500);
	key = 7;
	CHECK(!element(BPF_MAP_DELETE_ELEM, fd, &key, NULL));
	CHECK(element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) && errno == ENOENT);
	close(fd);
	return 0;
}

/* A value of many packets, and programs of many pages. */
static int large(void)
{
	const uint32_t size = 3 << 20, n = 20000, key = 0;
	const int fd = map_create(BPF_MAP_TYPE_ARRAY, size, 1, "large");
	uint8_t *value = malloc(size), *back = calloc(1, size);
	struct bpf_insn *insns = calloc(n, sizeof(*insns));
	uint32_t ret;
	int prog;

	CHECK(fd >= 0 && value && back && insns);
	for (uint32_t i = 0; i < size; i++)
		value[i] = (uint8_t)(i * 7 + i / 251);
	CHECK(!element(BPF_MAP_UPDATE_ELEM, fd, &key, value));
	CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &key, back));
	CHECK(!memcmp(value, back, size));
	for (uint32_t i = 0; i < n; i++)
		insns[i] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = (int)i };
	insns[n - 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	prog = load(insns, n);
	CHECK(prog >= 0);
	CHECK(!test_run(prog, &ret) && ret == n - 2);
	close(prog);
	close(fd);
	return 0;
}

static int bad_addresses(void)
{
	const int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1, "bad");
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint32_t key = 0;
	uint64_t v = 1;

	CHECK(fd >= 0 && edge != MAP_FAILED && !munmap(edge + 4096, 4096));
	CHECK(element(BPF_MAP_LOOKUP_ELEM, fd, &key, (void *)8) && errno == EFAULT);
	CHECK(element(BPF_MAP_LOOKUP_ELEM, fd, (void *)8, &v) && errno == EFAULT);
	CHECK(element(BPF_MAP_LOOKUP_ELEM, fd, &key, edge + 4092) && errno == EFAULT);
	CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &key, edge + 4088));
	CHECK(syscall(SYS_bpf, BPF_MAP_CREATE, 8, 64) == -1 && errno == EFAULT);
	CHECK(element(BPF_MAP_LOOKUP_ELEM, 12345, &key, &v) && errno == EBADF);
	CHECK(element(BPF_MAP_LOOKUP_ELEM, 1, &key, &v) && errno == EINVAL);
	close(fd);
	return 0;
}

/* The server cannot look into a process that may not be traced: it asks. */
static int out_of_reach(void)
{
	CHECK(!prctl(PR_SET_DUMPABLE, 0));
	return elements() || large() || bad_addresses();
}

/* Descriptors stay what they are, wherever their position is. */
static int moved_positions(void)
{
	const int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1, "moved");
	struct bpf_insn two[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 9 },
				  { .code = BPF_JMP | BPF_EXIT } };
	const int prog = load(two, 2), other = load(two, 2);
	uint32_t ret, key = 0;
	uint64_t v;

	CHECK(fd >= 0 && prog >= 0 && other >= 0);
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && lseek(prog, 0, SEEK_SET) == 0);
	CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v));
	CHECK(!test_run(prog, &ret) && ret == 9);
	close(fd);
	close(prog);
	close(other);
	return 0;
}

static int mapped(void)
{
	union bpf_attr a;
	uint32_t key = 0;
	uint64_t v = 5, *mem;
	int fd;

	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_ARRAY;
	a.key_size = 4;
	a.value_size = 8;
	a.max_entries = 1;
	a.map_flags = BPF_F_MMAPABLE;
	fd = bpf(BPF_MAP_CREATE, &a);
	CHECK(fd >= 0);
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(mem != MAP_FAILED);
	CHECK(!element(BPF_MAP_UPDATE_ELEM, fd, &key, &v) && *mem == 5);
	*mem = 6;
	CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) && v == 6);
	close(fd);
	return 0;
}

static int closes_everything(void)
{
	int fd;

	for (fd = 3; fd < 1024; fd++)
		close(fd);
	/* And then somebody else has all those numbers. */
	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd < 512)
		;
	fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1, "closes");
	CHECK(fd >= 0);
	return elements();
}

static int count_up(int fd, uint32_t key, int n)
{
	uint64_t v = 0;

	for (int i = 1; i <= n; i++) {
		v = (uint64_t)i;
		if (element(BPF_MAP_UPDATE_ELEM, fd, &key, &v) ||
		    element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) || v != (uint64_t)i)
			return 1;
	}
	return 0;
}

static int children(void)
{
	const int fd = map_create(BPF_MAP_TYPE_HASH, 8, 64, "children");
	uint64_t v;
	int status;

	CHECK(fd >= 0);
	for (uint32_t i = 0; i < 8; i++)
		if (fork() == 0)
			_exit(count_up(fd, i, 100));
	for (int i = 0; i < 8; i++)
		CHECK(wait(&status) > 0 && status == 0);
	for (uint32_t i = 0; i < 8; i++)
		CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &i, &v) && v == 100);
	close(fd);
	return 0;
}

static int shared_fd;

static void *thread(void *arg)
{
	return (void *)(intptr_t)count_up(shared_fd, (uint32_t)(intptr_t)arg, 200);
}

static int threads(void)
{
	pthread_t t[8];
	void *ret;

	shared_fd = map_create(BPF_MAP_TYPE_HASH, 8, 64, "threads");
	CHECK(shared_fd >= 0);
	for (intptr_t i = 0; i < 8; i++)
		CHECK(!pthread_create(&t[i], NULL, thread, (void *)i));
	for (int i = 0; i < 8; i++)
		CHECK(!pthread_join(t[i], &ret) && !ret);
	close(shared_fd);
	return 0;
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	uint64_t v;
	uint32_t key = 99;

	element(BPF_MAP_LOOKUP_ELEM, shared_fd, &key, &v);
	alarms++;
}

/* A handler that calls the kernel too. */
static int signals(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { { 0, 0 }, { 0, 0 } };

	shared_fd = map_create(BPF_MAP_TYPE_HASH, 8, 64, "signals");
	CHECK(shared_fd >= 0 && !sigaction(SIGALRM, &sa, NULL));
	setitimer(ITIMER_REAL, &often, NULL);
	CHECK(!count_up(shared_fd, 1, 2000));
	setitimer(ITIMER_REAL, &never, NULL);
	CHECK(alarms > 0);
	close(shared_fd);
	return 0;
}

/* Until somebody ends it. */
static int hammer(void)
{
	for (uint32_t i = 0;; i++) {
		int fd = map_create(BPF_MAP_TYPE_HASH, 8, 64, "hammer");

		if (fd < 0 || count_up(fd, i, 5))
			return 1;
		close(fd);
	}
}

/* Calls that fail, and the process that lives on, when the hive is gone. */
static int orphan(void)
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1, "orphan");
	char c;

	CHECK(fd >= 0);
	printf("ready\n");
	fflush(stdout);
	CHECK(read(0, &c, 1) == 1);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1, "orphan");
	CHECK(fd < 0 && errno == ENODEV);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} cases[] = {
	{ "elements", elements },
	{ "large", large },
	{ "bad_addresses", bad_addresses },
	{ "out_of_reach", out_of_reach },
	{ "moved_positions", moved_positions },
	{ "mapped", mapped },
	{ "closes_everything", closes_everything },
	{ "children", children },
	{ "threads", threads },
	{ "signals", signals },
	{ "hammer", hammer },
	{ "orphan", orphan },
};

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
			if (strcmp(cases[n].name, argv[i]))
				continue;
			if (cases[n].run())
				return 1;
			printf("did %s\n", argv[i]);
		}
	}
	return 0;
}
