/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_map_remote.c - events of 8 bytes from a program to a consumer in another process: the rows
 * of suite "map" that are millions of events a second.
 *
 * Programs write into a ring buffer on one CPU, and on another a child maps the map's descriptor
 * and reads as libbpf's ring_buffer does.  The peer "C" is what the machine has to give: the same
 * memory and the same protocol, written by a loop in C that is the only producer and therefore
 * takes no lock.
 *
 * ringbuf_remote spins where the ring is empty (ring_buffer__consume), so nobody has to be woken;
 * ringbuf_remote_poll sleeps (ring_buffer__poll).
 */
#include "bench/maps/maps.h"
#include "bench/suite_map.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <skep/skep.h>

#define BATCH_NS 50000000 /* length of a batch */
#define BATCHES	 5
#define PAGE	 4096

static const struct remote_case {
	struct map_case map;
	bool polls; /* the consumer sleeps where there is nothing */
} cases[] = {
	{ { "ringbuf_remote", "ringbuf_output_8", "records8", "ring", 1, 0, OPS }, false },
	{ { "ringbuf_remote_poll", "ringbuf_output_8", "records8", "ring", 1, 0, OPS }, true },
};

/* --- the consumer ------------------------------------------------------------------------------
 */

/* A ring as it is mapped, and who waits for it. */
struct ring {
	uint64_t *consumer, *producer; /* positions, each in its page */
	uint8_t *data;		       /* RING_BYTES, twice */
	int wait_fd;		       /* for epoll; -1: nobody sleeps */
};

/* Between the two processes. */
struct shared {
	uint64_t events; /* consumed */
	uint64_t sum;	 /* of them, so that they are read */
	bool stop;
};

/* All that is committed, as libbpf's ringbuf_process_ring(): the position after it. */
static uint64_t consume(const struct ring *r, uint64_t pos, struct shared *s)
{
	uint64_t end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE), n = 0, sum = 0;

	while (pos < end) {
		const uint8_t *at = r->data + (pos & (RING_BYTES - 1));
		const uint32_t len = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		sum += *(const uint64_t *)(at + BPF_RINGBUF_HDR_SZ);
		n++;
		pos += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7u;
		__atomic_store_n(r->consumer, pos, __ATOMIC_RELEASE);
	}
	s->sum += sum;
	__atomic_store_n(&s->events, s->events + n, __ATOMIC_RELAXED);
	return pos;
}

static void consume_until_told(const struct ring *r, struct shared *s)
{
	/* An eventfd in a set stands for the ring: it is never read. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	uint64_t pos = 0, end;
	int set = epoll_create1(0);

	if (set < 0 || (r->wait_fd >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, r->wait_fd, &event)))
		_exit(1);
	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		if (r->wait_fd >= 0)
			epoll_wait(set, &event, 1, 10);
		do {
			end = pos;
			pos = consume(r, pos, s);
		} while (pos != end);
	}
	_exit(0);
}

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* A child that reads the ring: its pid, or -errno. */
static pid_t consumer_start(const struct ring *r, struct shared *s, int cpu)
{
	pid_t pid = fork();

	if (pid)
		return pid < 0 ? -errno : pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin_to(cpu);
	consume_until_told(r, s);
	return 0;
}

/* --- producers ---------------------------------------------------------------------------------
 */

typedef int (*produce_fn)(void *producer);

/* Skep's, or the host's: a run of a program. */
static int produce_program(void *producer)
{
	const struct map_load *l = producer;
	char packet[64] = { 0 };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)l->prog;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = 50;
	return (int)target_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
}

/* The floor's. */
struct writer {
	const struct ring *ring;
	uint64_t pos, seen; /* its own position, and the consumer's when it last looked */
	uint64_t x;	    /* the last number */
};

static void write_record(struct writer *w)
{
	const struct ring *r = w->ring;
	uint32_t *hdr = (uint32_t *)(r->data + (w->pos & (RING_BYTES - 1)));
	const uint64_t at = w->pos, end = at + 16, one = 1;

	if (end - w->seen > RING_BYTES - 1) {
		w->seen = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
		if (end - w->seen > RING_BYTES - 1)
			return;
	}
	__atomic_store_n(hdr, 8 | BPF_RINGBUF_BUSY_BIT, __ATOMIC_RELAXED);
	w->pos = end;
	__atomic_store_n(r->producer, end, __ATOMIC_RELEASE);
	*(uint64_t *)(hdr + 2) = w->x;
	__atomic_exchange_n(hdr, 8, __ATOMIC_SEQ_CST);
	if (r->wait_fd >= 0 && __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE) == at &&
	    write(r->wait_fd, &one, sizeof(one)) < 0)
		abort();
}

static int produce_floor(void *producer)
{
	struct writer *w = producer;

	for (unsigned i = 0; i < 50 * OPS; i++) {
		w->x = w->x * 6364136223846793005u + 1;
		write_record(w);
	}
	return 0;
}

/* --- measuring ---------------------------------------------------------------------------------
 */

/* Events a second that the consumer got while the producer produced; the best of some batches. */
static int measure(const struct ring *r, const int cpus[2], produce_fn produce, void *producer,
		   double *best)
{
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = s == MAP_FAILED ? -ENOMEM : consumer_start(r, s, cpus[1]);
	int err = child < 0 ? child : 0, status;

	pin_to(cpus[0]);
	*best = 0;
	for (unsigned b = 0; b < BATCHES + 1 && err == 0; b++) {
		const uint64_t start = now_ns(),
			       events = __atomic_load_n(&s->events, __ATOMIC_RELAXED);
		uint64_t end = start;

		for (; end - start < BATCH_NS && err == 0; end = now_ns())
			err = produce(producer);
		/* The first one warms up. */
		if (b)
			*best = fmax(*best, (double)(__atomic_load_n(&s->events, __ATOMIC_RELAXED) -
						     events) /
						    (double)(end - start) * 1e3);
	}
	if (child > 0) {
		__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
		if (waitpid(child, &status, 0) != child || status)
			err = err ?: -ECHILD;
	}
	if (s != MAP_FAILED)
		munmap(s, sizeof(*s));
	return err;
}

/* What stands for the map in a set of epoll: of the host's, the map itself. */
static int wait_fd_of(enum target t, int map)
{
	struct skep_kernel *k = target_kernel(t);

	return k ? skep_kernel_wait_fd(k, map) : map;
}

static int measure_map(const struct remote_case *c, const int cpus[2], enum target t, double *ret)
{
	struct ring r = { .wait_fd = -1 };
	struct map_load l;
	uint8_t *mem;
	int err;

	target_use(t);
	err = map_open(&c->map, &l);
	if (err)
		return err;
	mem = mmap(NULL, PAGE + 2 * RING_BYTES, PROT_READ, MAP_SHARED, l.map, PAGE);
	if (mem == MAP_FAILED) {
		err = -errno;
	} else {
		r.consumer = l.ring;
		r.producer = (uint64_t *)mem;
		r.data = mem + PAGE;
		if (c->polls)
			r.wait_fd = wait_fd_of(t, l.map);
		err = c->polls && r.wait_fd < 0 ? r.wait_fd
						: measure(&r, cpus, produce_program, &l, ret);
		munmap(mem, PAGE + 2 * RING_BYTES);
	}
	map_close(&l);
	return err;
}

static int measure_floor(const struct remote_case *c, const int cpus[2], double *ret)
{
	const size_t size = 2 * PAGE + 2 * RING_BYTES;
	uint8_t *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct ring r = { .wait_fd = c->polls ? eventfd(0, EFD_NONBLOCK) : -1 };
	struct writer w = { .ring = &r };
	int err;

	if (mem == MAP_FAILED || (c->polls && r.wait_fd < 0)) {
		err = -errno;
	} else {
		r.consumer = (uint64_t *)mem;
		r.producer = (uint64_t *)(mem + PAGE);
		r.data = mem + 2 * PAGE;
		err = measure(&r, cpus, produce_floor, &w, ret);
	}
	if (mem != MAP_FAILED)
		munmap(mem, size);
	if (r.wait_fd >= 0)
		close(r.wait_fd);
	return err;
}

static int bench_round(const struct remote_case *c, const int cpus[2], struct series s[_TARGET_MAX],
		       struct series *floor)
{
	double rate = 0;
	int err;

	for (enum target t = 0; t < _TARGET_MAX; t++) {
		if (t == TARGET_INTERP || !target_available(t))
			continue;
		err = measure_map(c, cpus, t, &rate);
		if (err)
			return err;
		series_add(&s[t], rate);
	}
	err = measure_floor(c, cpus, &rate);
	if (err == 0)
		series_add(floor, rate);
	return err;
}

static int bench_case(const struct bench_opts *o, const struct remote_case *c, const int cpus[2])
{
	struct report_row row = { .suite = "remote", .name = c->map.name, .unit = "M/s" };
	struct series s[_TARGET_MAX] = { 0 }, floor = { 0 };
	cpu_set_t before;
	int err = sched_getaffinity(0, sizeof(before), &before) ? -errno : 0;

	for (unsigned round = 0; round < o->rounds && err == 0; round++)
		err = bench_round(c, cpus, s, &floor);
	sched_setaffinity(0, sizeof(before), &before);
	if (err) {
		fprintf(stderr, "bench: %s: %s\n", c->map.name, strerror(-err));
		return err;
	}
	row.peer[row.nr_peers].name = "C";
	row.peer[row.nr_peers].value = series_median(&floor);
	row.peer[row.nr_peers++].spread = series_spread(&floor);
	report_add_targets(&row, s);
	return 0;
}

int suite_map_remote(const struct bench_opts *o)
{
	int cpus[2], err = 0;

	if (!bench_two_cpus(cpus)) {
		printf("# no rows of two processes: there is one CPU\n");
		return 0;
	}
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]) && err == 0; i++)
		if (!o->only || !strcmp(o->only, cases[i].map.name))
			err = bench_case(o, &cases[i], cpus);
	return err;
}
