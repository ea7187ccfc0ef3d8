/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * member.c - a process in a hive that does what processes do: TAP for each of the cases that its
 * arguments name.
 */
#include "check.h"
#include "tests/hive/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static int map_create_flags(uint32_t type, uint32_t value, uint32_t max, uint32_t flags,
			    const char *name)
{
	return map_make(&(struct map_shape){ type, 4, value, max, flags }, name);
}

static int map_create(uint32_t type, uint32_t value, uint32_t max, const char *name)
{
	return map_create_flags(type, value, max, 0, name);
}

static int run_prog(int fd, uint32_t *ret)
{
	static const char packet[64];

	return test_run(fd, packet, ret);
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
	CHECK(!run_prog(prog, &ret) && ret == n - 2);
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
	CHECK(!run_prog(prog, &ret) && ret == 9);
	close(fd);
	close(prog);
	close(other);
	return 0;
}

static int mapped(void)
{
	const int fd = map_create_flags(BPF_MAP_TYPE_ARRAY, 8, 1, BPF_F_MMAPABLE, "mapped");
	uint32_t key = 0;
	uint64_t v = 5, *mem;

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

static int count_up_key(int fd, uint64_t key, int n)
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

static int count_up(int fd, uint32_t key, int n)
{
	return count_up_key(fd, key, n);
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

/* --- views ------------------------------------------------------------------------------------ */

#define ENOUGH 50 /* calls after which a map that can be viewed is */

/* An array of 8 elements with a view, element 0 of which is v. */
static int viewed(uint64_t v)
{
	const int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 8, "viewed");
	uint32_t key = 0;

	for (int i = 0; i < ENOUGH; i++)
		if (element(BPF_MAP_UPDATE_ELEM, fd, &key, &v))
			return -1;
	return fd;
}

static int freeze(int fd)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)fd;
	return bpf(BPF_MAP_FREEZE, &a);
}

/* Waits until element `key` is v or what follows; false after ten seconds. */
static int await(int fd, uint32_t key, uint64_t v)
{
	const time_t end = time(NULL) + 10;
	uint64_t now = 0;

	while (time(NULL) < end) {
		if (element(BPF_MAP_LOOKUP_ELEM, fd, &key, &now))
			return 0;
		if (now >= v)
			return now <= v + 1;
	}
	return 0;
}

/* Writes mine and waits for the other's, again and again. */
static int volley(int fd, uint32_t mine, uint32_t other)
{
	for (uint64_t i = 1; i <= 500; i++) {
		if (element(BPF_MAP_UPDATE_ELEM, fd, &mine, &i) || !await(fd, other, i))
			return 1;
	}
	return 0;
}

/* The far end, in a program of its own: `member far FD`. */
static int far(int fd)
{
	return volley(fd, 2, 1);
}

static int views_are_shared(void)
{
	const int fd = viewed(0), plain = dup(fd); /* survives exec */
	char number[16];
	uint64_t v;
	uint32_t key;
	int status;

	CHECK(fd >= 0 && plain >= 0);
	snprintf(number, sizeof(number), "%d", plain);
	if (fork() == 0)
		_exit(volley(fd, 2, 1)); /* with its parent's views */
	CHECK(!volley(fd, 1, 2));
	CHECK(wait(&status) > 0 && status == 0);
	for (key = 1; key <= 2; key++) {
		v = 0;
		CHECK(!element(BPF_MAP_UPDATE_ELEM, fd, &key, &v));
	}
	if (fork() == 0) {
		execl("/proc/self/exe", "member", "far", number, NULL);
		_exit(1);
	}
	CHECK(!volley(fd, 1, 2));
	CHECK(wait(&status) > 0 && status == 0);
	return 0;
}

/* A hash is looked up here, and changed by another process through the server. */
static int views_of_hashes(void)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH };
	uint32_t key = 1, gone = 2;
	uint64_t v;
	int status;

	for (int t = 0; t < 2; t++) {
		const int fd = map_create(types[t], 8, 64, "hash");

		v = 3;
		CHECK(fd >= 0 && !element(BPF_MAP_UPDATE_ELEM, fd, &gone, &v));
		for (int i = 0; i < ENOUGH; i++)
			CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &gone, &v) && v == 3);
		CHECK(element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) && errno == ENOENT);
		if (fork() == 0)
			_exit(count_up(fd, key, 500) ||
			      element(BPF_MAP_DELETE_ELEM, fd, &gone, NULL));
		while (element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) || v < 500)
			CHECK(element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) ? errno == ENOENT
									 : v >= 1 && v <= 500);
		CHECK(wait(&status) > 0 && status == 0);
		CHECK(element(BPF_MAP_LOOKUP_ELEM, fd, &gone, &v) && errno == ENOENT);
		CHECK(!count_up(fd, 7, ENOUGH));
		close(fd);
	}
	return 0;
}

/* Takes a token and puts it back, n times. */
static int pass_on(int fd, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		if (element(BPF_MAP_LOOKUP_ELEM, fd, NULL, &v) || v >= 40 ||
		    element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, NULL, &v) || v >= 40 ||
		    element(BPF_MAP_UPDATE_ELEM, fd, NULL, &v))
			return 1;
	return 0;
}

/* What processes do at the same time, each by runs of its own, is all there in the end. */
static int views_write(void)
{
	static const struct map_shape maps[] = {
		{ BPF_MAP_TYPE_HASH, 8, 8, 64, 0 },
		{ BPF_MAP_TYPE_HASH, 8, 8, 64, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_LRU_HASH, 8, 8, 64, 0 },
		{ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 64, BPF_F_NO_PREALLOC },
	};
	uint64_t key, v;
	int status;

	for (size_t m = 0; m < sizeof(maps) / sizeof(maps[0]); m++) {
		const int fd = map_make(&maps[m], "write");

		/* Keys are prefixes of 32 bits to who wants such. */
		CHECK(fd >= 0 && !count_up_key(fd, 32, ENOUGH));
		for (uint64_t i = 1; i <= 4; i++)
			if (fork() == 0) /* with its parent's view */
				_exit(count_up_key(fd, 32 + (i << 32), 3000));
		for (int i = 0; i < 4; i++)
			CHECK(wait(&status) > 0 && status == 0);
		for (uint64_t i = 1; i <= 4; i++) {
			key = 32 + (i << 32);
			CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) && v == 3000);
			CHECK(!element(BPF_MAP_DELETE_ELEM, fd, &key, NULL));
			CHECK(element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) && errno == ENOENT);
			CHECK(element(BPF_MAP_DELETE_ELEM, fd, &key, NULL) && errno == ENOENT);
		}
		key = 32;
		if (fork() == 0)
			_exit(freeze(fd) != 0);
		CHECK(wait(&status) > 0 && status == 0);
		CHECK(element(BPF_MAP_UPDATE_ELEM, fd, &key, &v) && errno == EPERM);
		CHECK(element(BPF_MAP_DELETE_ELEM, fd, &key, NULL) && errno == EPERM);
		CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) && v == ENOUGH);
		close(fd);
	}
	return 0;
}

/* Tokens that processes take and put back: none is lost, and none is there twice. */
static int views_of_queues(void)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK };
	uint64_t v, seen;
	int status;

	for (int t = 0; t < 2; t++) {
		const int fd = map_make(&(struct map_shape){ types[t], 0, 8, 40, 0 }, "queue");

		CHECK(fd >= 0);
		for (v = 0; v < 40; v++)
			CHECK(!element(BPF_MAP_UPDATE_ELEM, fd, NULL, &v));
		CHECK(element(BPF_MAP_UPDATE_ELEM, fd, NULL, &v) && errno == E2BIG);
		for (int i = 0; i < 4; i++)
			if (fork() == 0)
				_exit(pass_on(fd, 3000));
		for (int i = 0; i < 4; i++)
			CHECK(wait(&status) > 0 && status == 0);
		seen = 0;
		for (int i = 0; i < 40; i++) {
			CHECK(!element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, NULL, &v) && v < 40);
			seen |= UINT64_C(1) << v;
		}
		CHECK(seen == (UINT64_C(1) << 40) - 1);
		CHECK(element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, NULL, &v) && errno == ENOENT);
		close(fd);
	}
	return 0;
}

/* A freeze by another process. */
static int views_freeze(void)
{
	const int fd = viewed(7);
	uint64_t v = 8;
	uint32_t key = 0;
	int status;

	CHECK(fd >= 0);
	if (fork() == 0)
		_exit(freeze(fd) != 0);
	CHECK(wait(&status) > 0 && status == 0);
	for (int i = 0; i < ENOUGH; i++)
		CHECK(element(BPF_MAP_UPDATE_ELEM, fd, &key, &v) && errno == EPERM);
	CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) && v == 7);
	CHECK(freeze(fd) && errno == EPERM);
	/* A view that begins on a frozen map. */
	if (fork() == 0) {
		for (int i = 0; i < ENOUGH; i++)
			if (element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) || v != 7 ||
			    !element(BPF_MAP_UPDATE_ELEM, fd, &key, &v) || errno != EPERM)
				_exit(1);
		_exit(0);
	}
	CHECK(wait(&status) > 0 && status == 0);
	/* And one whose freezing goes on while others write. */
	for (int round = 0; round < 20; round++) {
		const int other = viewed(0);

		CHECK(other >= 0);
		if (fork() == 0)
			_exit(freeze(other) != 0);
		v = 0;
		while (!element(BPF_MAP_UPDATE_ELEM, other, &key, &v))
			v++;
		CHECK(errno == EPERM);
		CHECK(wait(&status) > 0 && status == 0);
		close(other);
	}
	close(fd);
	return 0;
}

static int views_follow_descriptors(void)
{
	const int a = viewed(1), b = viewed(2), null = open("/dev/null", O_RDWR);
	const int file = memfd_create("file", 0);
	uint32_t key = 0;
	uint64_t v = 0;

	CHECK(a >= 0 && b >= 0 && null >= 0 && file >= 0);
	CHECK(!element(BPF_MAP_LOOKUP_ELEM, a, &key, &v) && v == 1);
	CHECK(dup2(b, a) == a);
	CHECK(!element(BPF_MAP_LOOKUP_ELEM, a, &key, &v) && v == 2);
	CHECK(dup2(null, a) == a);
	CHECK(element(BPF_MAP_LOOKUP_ELEM, a, &key, &v) && errno == EINVAL);
	CHECK(dup2(file, a) == a);
	CHECK(element(BPF_MAP_UPDATE_ELEM, a, &key, &v) && errno == EINVAL);
	CHECK(!close(a));
	CHECK(element(BPF_MAP_LOOKUP_ELEM, a, &key, &v) && errno == EBADF);
	/* The next map has the number. */
	CHECK(map_create(BPF_MAP_TYPE_ARRAY, 8, 8, "next") == a);
	for (int i = 0; i < ENOUGH; i++)
		CHECK(!element(BPF_MAP_LOOKUP_ELEM, a, &key, &v) && v == 0);
	/* A position that somebody moved. */
	CHECK(lseek(b, 0, SEEK_SET) == 0);
	CHECK(!element(BPF_MAP_LOOKUP_ELEM, b, &key, &v) && v == 2);
	close(a);
	close(b);
	return 0;
}

#define MANY 100 /* maps: more than there are views */
static int many[MANY];

static void *visit_all(void *arg)
{
	const uint32_t own = (uint32_t)(intptr_t)arg, zero = 0;
	uint64_t v;

	for (uint64_t i = 0; i < 3 * MANY; i++) {
		const int fd = many[(i * 7 + own * 13) % MANY];

		/* Often enough that the map is viewed. */
		for (uint64_t n = 0; n < 20; n++) {
			v = i * n;
			if (element(BPF_MAP_UPDATE_ELEM, fd, &own, &v) ||
			    element(BPF_MAP_LOOKUP_ELEM, fd, &own, &v) || v != i * n ||
			    element(BPF_MAP_LOOKUP_ELEM, fd, &zero, &v) || many[v] != fd)
				return arg;
		}
	}
	return NULL;
}

/* Views come and go under threads that use them. */
static int views_are_many(void)
{
	pthread_t t[4];
	void *ret;

	for (uint64_t i = 0; i < MANY; i++) {
		const uint32_t zero = 0;

		many[i] = map_create(BPF_MAP_TYPE_ARRAY, 8, 8, "many");
		CHECK(many[i] >= 0 && !element(BPF_MAP_UPDATE_ELEM, many[i], &zero, &i));
	}
	for (intptr_t i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, visit_all, (void *)(i + 1)));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(t[i], &ret) && !ret);
	for (int i = 0; i < MANY; i++)
		close(many[i]);
	return 0;
}

/* A handler that makes and uses views while views are made and used. */
static int views_and_signals(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { { 0, 0 }, { 0, 0 } };

	shared_fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 100, "signals");
	CHECK(shared_fd >= 0 && !sigaction(SIGALRM, &sa, NULL));
	alarms = 0;
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 50; i++) {
		const int fd = viewed((uint64_t)i);

		CHECK(fd >= 0 && !count_up(fd, 1, 20) && !count_up(shared_fd, 1, 500));
		close(fd);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	CHECK(alarms > 0);
	close(shared_fd);
	return 0;
}

/* Everything that may be wrong with a call: a line for what came of each. */
static void try_call(int cmd, int fd, uint64_t key, uint64_t value, uint64_t flags, unsigned size)
{
	char attr[256];
	union bpf_attr *a = (union bpf_attr *)attr;
	int r;

	memset(attr, 0, sizeof(attr));
	a->map_fd = (uint32_t)fd;
	a->key = key;
	a->value = value;
	a->flags = flags;
	if (size == 200)
		attr[180] = 1; /* beyond all attributes that there are */
	else if (size == 100)
		attr[90] = 1; /* beyond the command's */
	r = (int)syscall(SYS_bpf, cmd, attr, size);
	printf(" %d", r ? errno : 0);
}

static int try_all(const char *what, int fd, bool keys_are_none)
{
	static const int cmds[] = { BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_GET_NEXT_KEY,
				    BPF_MAP_DELETE_ELEM, BPF_MAP_LOOKUP_AND_DELETE_ELEM };
	static const uint64_t flags[] = { 0, 1, 2, 3, 4, 5, 8, UINT64_C(1) << 32 };
	static const unsigned sizes[] = { 4, 16, 24, 32, 100, 128, 152, 200, 5000 };
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t value[4096] = { 0 };		      /* of all CPUs */
	uint32_t keys[] = { 0, 3, 4, UINT32_MAX, 0 }; /* of 8 bytes where there is one behind */
	const uint64_t bad[] = { 0, 8, (uintptr_t)edge + 4094 };
	const void *first = keys_are_none ? NULL : &keys[0];

	CHECK(fd >= 0 && edge != MAP_FAILED && !mprotect(edge + 4096, 4096, PROT_NONE));
	for (int i = 0; i < ENOUGH; i++)
		if (element(BPF_MAP_LOOKUP_ELEM, fd, first, value))
			element(BPF_MAP_UPDATE_ELEM, fd, first, value);
	for (size_t c = 0; c < sizeof(cmds) / sizeof(cmds[0]); c++) {
		printf("%s, command %d:", what, cmds[c]);
		for (int k = 0; k < 5; k++) {
			const uint64_t key = k < 4 ? (uintptr_t)&keys[k] : 0;

			for (int f = 0; f < 8; f++)
				try_call(cmds[c], fd, key, (uintptr_t)value, flags[f], 32);
			for (int b = 0; b < 3; b++)
				try_call(cmds[c], fd, key, bad[b], 0, 32);
		}
		for (int b = 0; b < 3; b++)
			try_call(cmds[c], fd, bad[b], (uintptr_t)value, 0, 32);
		for (int i = 0; i < 9; i++)
			try_call(cmds[c], fd, (uintptr_t)keys, (uintptr_t)value, 0, sizes[i]);
		printf("\n");
	}
	return 0;
}

/* What comes of bad calls, for somebody to compare. */
static int errors(void)
{
	static const struct {
		const char *what;
		struct map_shape shape;
	} maps[] = {
		{ "array", { BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0 } },
		{ "odd array", { BPF_MAP_TYPE_ARRAY, 4, 13, 4, 0 } },
		{ "large array", { BPF_MAP_TYPE_ARRAY, 4, 4000, 4, 0 } },
		{ "mapped array", { BPF_MAP_TYPE_ARRAY, 4, 8, 4, BPF_F_MMAPABLE } },
		{ "read-only descriptor", { BPF_MAP_TYPE_ARRAY, 4, 8, 4, BPF_F_RDONLY } },
		{ "write-only descriptor", { BPF_MAP_TYPE_ARRAY, 4, 8, 4, BPF_F_WRONLY } },
		{ "read-only to programs", { BPF_MAP_TYPE_ARRAY, 4, 8, 4, BPF_F_RDONLY_PROG } },
		{ "per-CPU array", { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 12, 4, 0 } },
		{ "read-only per-CPU array",
		  { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 12, 4, BPF_F_RDONLY } },
		{ "hash", { BPF_MAP_TYPE_HASH, 4, 8, 4, 0 } },
		{ "read-only hash", { BPF_MAP_TYPE_HASH, 4, 13, 4, BPF_F_RDONLY } },
		{ "write-only hash", { BPF_MAP_TYPE_HASH, 4, 13, 4, BPF_F_WRONLY } },
		{ "LRU hash", { BPF_MAP_TYPE_LRU_HASH, 4, 8, 4, 0 } },
		{ "per-CPU hash", { BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 4, 0 } },
		{ "trie", { BPF_MAP_TYPE_LPM_TRIE, 8, 8, 4, BPF_F_NO_PREALLOC } },
		{ "queue", { BPF_MAP_TYPE_QUEUE, 0, 8, 4, 0 } },
		{ "read-only queue", { BPF_MAP_TYPE_QUEUE, 0, 8, 4, BPF_F_RDONLY } },
		{ "stack", { BPF_MAP_TYPE_STACK, 0, 8, 4, 0 } },
		{ "bloom filter", { BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 4, 0 } },
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (try_all(maps[i].what, map_make(&maps[i].shape, "errors"),
			    maps[i].shape.key == 0))
			return 1;
	return 0;
}

/* Values that are seen to be whole: each of a per-CPU array's too. */
static int views_have_values(void)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY };
	uint8_t in[4096], out[4096];

	for (int t = 0; t < 2; t++) {
		const uint32_t size = 13;
		const int fd = map_create(types[t], size, 100, "values");
		uint32_t next;
		union bpf_attr a;

		CHECK(fd >= 0);
		for (int round = 0; round < 3; round++) {
			for (uint32_t k = 0; k < 100; k++) {
				for (size_t i = 0; i < sizeof(in); i++)
					in[i] = (uint8_t)(i * 31 + k * 7 + (uint32_t)round);
				memset(out, 0, sizeof(out));
				CHECK(!element(BPF_MAP_UPDATE_ELEM, fd, &k, in));
				CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &k, out));
				CHECK(!memcmp(in, out, size));
				if (types[t] == BPF_MAP_TYPE_ARRAY)
					CHECK(!out[size]); /* nothing behind it is touched */
				else
					CHECK(!memcmp(in, out,
						      16 * (size_t)sysconf(_SC_NPROCESSORS_CONF)));
			}
		}
		memset(&a, 0, sizeof(a));
		a.map_fd = (uint32_t)fd;
		a.next_key = (uintptr_t)&next;
		for (uint32_t k = 0; k < 100; k++) {
			CHECK(!bpf(BPF_MAP_GET_NEXT_KEY, &a) && next == k);
			a.key = (uintptr_t)&next;
		}
		CHECK(bpf(BPF_MAP_GET_NEXT_KEY, &a) && errno == ENOENT);
		close(fd);
	}
	return 0;
}

/* The maps of a hive that is gone: those that are viewed are memory still. */
static int views_alone(void)
{
	const int fd = viewed(5), hash = map_create(BPF_MAP_TYPE_HASH, 8, 8, "hash");
	uint64_t v = 9;
	uint32_t key = 0;
	char c;

	CHECK(fd >= 0 && hash >= 0);
	CHECK(!element(BPF_MAP_UPDATE_ELEM, hash, &key, &v));
	printf("ready\n");
	fflush(stdout);
	CHECK(read(0, &c, 1) == 1);
	CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) && v == 5);
	CHECK(element(BPF_MAP_LOOKUP_ELEM, hash, &key, &v) && errno == ENODEV);
	return 0;
}

/* A map that was viewed, and closed. */
static int views_let_go(void)
{
	const int fd = viewed(5);
	char c;

	CHECK(fd >= 0);
	close(fd);
	printf("ready\n");
	fflush(stdout);
	CHECK(read(0, &c, 1) == 1);
	return 0;
}

static int pinned_as(int cmd, int fd, const char *path, uint32_t flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.pathname = (uintptr_t)path;
	a.bpf_fd = (uint32_t)fd;
	a.file_flags = flags;
	return bpf(cmd, &a);
}

static int pinned(int cmd, int fd)
{
	return pinned_as(cmd, fd, "/sys/fs/bpf/views", 0);
}

/* What OBJ_PIN and OBJ_GET say of names: Linux's answers. */
static int pins(void)
{
	const int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 8, "pins");
	struct stat st;
	int again;

	CHECK(fd >= 0);
	umask(0);
	CHECK(!pinned_as(BPF_OBJ_PIN, fd, "/sys/fs/bpf/one", 0));
	CHECK(!stat("/sys/fs/bpf/one", &st) && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600);
	umask(0277);
	CHECK(!pinned_as(BPF_OBJ_PIN, fd, "/sys/fs/bpf/two", 0));
	CHECK(!stat("/sys/fs/bpf/two", &st) && (st.st_mode & 0777) == 0400);
	umask(022);
	CHECK(pinned_as(BPF_OBJ_PIN, fd, "/sys/fs/bpf/one", 0) && errno == EEXIST);
	CHECK(pinned_as(BPF_OBJ_PIN, fd, "/sys/fs/bpf/a.b", 0) && errno == EPERM);
	CHECK(pinned_as(BPF_OBJ_PIN, fd, "/tmp/skep-nothing", 0) && errno == EPERM);
	CHECK(pinned_as(BPF_OBJ_PIN, fd, "/sys/fs/bpf/no/one", 0) && errno == ENOENT);
	CHECK(pinned_as(BPF_OBJ_PIN, fd, "/sys/fs/bpf/one/in", 0) && errno == ENOTDIR);
	CHECK(!mkdir("/sys/fs/bpf/dir", 0700));
	CHECK(pinned_as(BPF_OBJ_PIN, fd, "/sys/fs/bpf/dir", 0) && errno == EEXIST);
	CHECK(pinned_as(BPF_OBJ_GET, 0, "/sys/fs/bpf/dir", 0) < 0 && errno == EACCES);
	CHECK(pinned_as(BPF_OBJ_GET, 0, "/sys/fs/bpf/none", 0) < 0 && errno == ENOENT);
	CHECK(pinned_as(BPF_OBJ_GET, 0, "/etc/passwd", 0) < 0 && errno == EACCES);
	/* The mode counts, but for root. */
	again = pinned_as(BPF_OBJ_GET, 0, "/sys/fs/bpf/two", 0);
	CHECK(getuid() ? again < 0 && errno == EACCES : again >= 0);
	CHECK(pinned_as(BPF_OBJ_GET, 0, "/sys/fs/bpf/two", BPF_F_RDONLY) >= 0);
	/* The working directory may be one of pins. */
	CHECK(!chdir("/sys/fs/bpf/dir") && !pinned_as(BPF_OBJ_PIN, fd, "here", 0));
	CHECK(!stat("/sys/fs/bpf/dir/here", &st) && !unlink("here") && !chdir("/"));
	CHECK(!unlink("/sys/fs/bpf/one") && !unlink("/sys/fs/bpf/two"));
	CHECK(!rmdir("/sys/fs/bpf/dir"));
	return 0;
}

/*
 * What is changed by runs, beside the array.  There is room for what the dead had in their hands,
 * and the living take out, beside the eight elements that are ever in.
 */
static const struct {
	const char *path;
	struct map_shape shape;
} hammered[] = {
	{ "/sys/fs/bpf/hash", { BPF_MAP_TYPE_HASH, 8, 8, 16, 0 } },
	{ "/sys/fs/bpf/lru", { BPF_MAP_TYPE_LRU_HASH, 8, 8, 16, 0 } },
	{ "/sys/fs/bpf/trie", { BPF_MAP_TYPE_LPM_TRIE, 8, 8, 16, BPF_F_NO_PREALLOC } },
};
#define HAMMERED (sizeof(hammered) / sizeof(hammered[0]))

static int views_pin(void)
{
	const int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 8, "pinned");

	CHECK(fd >= 0 && !pinned(BPF_OBJ_PIN, fd));
	for (size_t i = 0; i < HAMMERED; i++)
		CHECK(!pinned_as(BPF_OBJ_PIN, map_make(&hammered[i].shape, "pinned"),
				 hammered[i].path, 0));
	return 0;
}

/* Until somebody ends it. */
static int views_hammer(void)
{
	const int fd = pinned(BPF_OBJ_GET, 0);
	int more[HAMMERED];
	uint64_t v = 0, wide;

	CHECK(fd >= 0);
	for (size_t i = 0; i < HAMMERED; i++)
		more[i] = pinned_as(BPF_OBJ_GET, 0, hammered[i].path, 0);
	for (uint32_t key = 0;; v++, key = (key + 1) % 8) {
		CHECK(!element(BPF_MAP_UPDATE_ELEM, fd, &key, &v) &&
		      !element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v));
		wide = 32 | (uint64_t)key << 32;
		for (size_t i = 0; i < HAMMERED; i++) {
			CHECK(!element(BPF_MAP_UPDATE_ELEM, more[i], &wide, &v));
			if (v % 3 == 0)
				CHECK(!element(BPF_MAP_DELETE_ELEM, more[i], &wide, NULL) ||
				      errno == ENOENT);
		}
	}
}

/* As many elements fit as ever, and each of them can go. */
static int fills(int fd)
{
	uint64_t key, v = 1;

	for (uint64_t i = 0; i < 16; i++) {
		key = 32 | i << 32;
		CHECK(!element(BPF_MAP_UPDATE_ELEM, fd, &key, &v));
	}
	for (uint64_t i = 0; i < 16; i++) {
		key = 32 | i << 32;
		CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) && v == 1);
		CHECK(!element(BPF_MAP_DELETE_ELEM, fd, &key, NULL));
	}
	CHECK(element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) && errno == ENOENT);
	return 0;
}

/* The map is as good as new. */
static int views_survive(void)
{
	const int fd = pinned(BPF_OBJ_GET, 0);
	uint64_t v;

	CHECK(fd >= 0);
	for (uint32_t i = 0; i < 8; i++)
		CHECK(!count_up(fd, i, ENOUGH));
	for (size_t i = 0; i < HAMMERED; i++)
		CHECK(!fills(pinned_as(BPF_OBJ_GET, 0, hammered[i].path, 0)));
	CHECK(!freeze(fd));
	CHECK(!element(BPF_MAP_LOOKUP_ELEM, fd, &(uint32_t){ 3 }, &v) && v == ENOUGH);
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
	{ "pins", pins },
	{ "views_are_shared", views_are_shared },
	{ "views_of_hashes", views_of_hashes },
	{ "views_write", views_write },
	{ "views_of_queues", views_of_queues },
	{ "views_freeze", views_freeze },
	{ "views_follow_descriptors", views_follow_descriptors },
	{ "views_are_many", views_are_many },
	{ "views_and_signals", views_and_signals },
	{ "views_have_values", views_have_values },
	{ "views_alone", views_alone },
	{ "views_let_go", views_let_go },
	{ "views_pin", views_pin },
	{ "views_hammer", views_hammer },
	{ "views_survive", views_survive },
	{ "errors", errors },
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "far"))
		return far(atoi(argv[2]));
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
