/* SPDX-License-Identifier: BSD-2-Clause */
/* perf_event_open(2) for programs' output: descriptors, the map that holds them, the ring. */
#include "core/core.h"
#include "tests/unit/core/core_test.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static struct perf_event_attr output_attr(void)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(struct perf_event_attr),
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW,
		.wakeup_events = 1,
	};
}

static long event_open(struct perf_event_attr *attr, int cpu)
{
	return core_perf_event_open(k, PTR(attr), -1, cpu, PERF_FLAG_FD_CLOEXEC);
}

#define PAGE 4096u

/* Maps as who stands before mmap(2) lets a program do. */
static struct perf_event_mmap_page *event_map(long fd, size_t pages, int prot)
{
	const size_t len = (1 + pages) * PAGE;
	void *p;

	ASSERT_EQ(core_perf_mmap(k, (int)fd, len, prot, MAP_SHARED, 0), 0);
	p = mmap(NULL, len, prot, MAP_SHARED, (int)fd, 0);
	ASSERT(p != MAP_FAILED);
	return p;
}

TEST(perf_open_takes_events_for_output_alone)
{
	struct perf_event_attr a = output_attr();
	long fd;

	core_start(NULL);
	fd = event_open(&a, 0);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(fcntl((int)fd, F_GETFD), FD_CLOEXEC);
	ASSERT_EQ(event_open(&a, 100000), -ENODEV);
	ASSERT_EQ(core_perf_event_open(k, PTR(&a), -1, -1, 0), -EINVAL);
	ASSERT_EQ(core_perf_event_open(k, PTR(&a), -1, 0, 1u << 30), -EINVAL);
	ASSERT_EQ(core_perf_event_open(k, 8, -1, 0, 0), -EFAULT);
	ASSERT_EQ(core_perf_event_open(k, PTR(&a), 0, 0, 0), -EOPNOTSUPP);
	a.type = PERF_TYPE_TRACEPOINT;
	ASSERT_EQ(event_open(&a, 0), -EOPNOTSUPP);
	a = output_attr();
	a.sample_type |= PERF_SAMPLE_CALLCHAIN;
	ASSERT_EQ(event_open(&a, 0), -EOPNOTSUPP);
	a = output_attr();
	a.size = 8;
	ASSERT_EQ(event_open(&a, 0), -E2BIG);
	ASSERT_EQ(a.size, sizeof(a));
	core_stop();
}

TEST(perf_events_are_no_objects_of_bpf)
{
	struct perf_event_attr a = output_attr();
	union core_attr pin = attr_zero;
	uint32_t len = 64;
	uint8_t info[64];
	long fd;

	core_start(NULL);
	fd = event_open(&a, 0);
	ASSERT_EQ(obj_info(fd, info, &len), -EINVAL);
	pin.a.pathname = PTR("/sys/fs/bpf/x");
	pin.a.bpf_fd = (uint32_t)fd;
	ASSERT_EQ(bpf_call(BPF_OBJ_PIN, &pin), -EINVAL);
	ASSERT_EQ(map_lookup(fd, &fd, &fd, 0), -EINVAL);
	core_stop();
}

TEST(perf_array_holds_events)
{
	struct perf_event_attr a = output_attr();
	uint32_t key = 1, far = 4, next, fd, bad = 999;
	long map;

	core_start(NULL);
	map = map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0);
	fd = (uint32_t)event_open(&a, 0);
	ASSERT_EQ(map_update(map, &key, &bad, 0), -EBADF);
	bad = (uint32_t)map;
	ASSERT_EQ(map_update(map, &key, &bad, 0), -EBADF);
	ASSERT_EQ(map_update(map, &far, &fd, 0), -E2BIG);
	ASSERT_EQ(map_update(map, &key, &fd, BPF_NOEXIST), -EINVAL);
	ASSERT_EQ(map_delete(map, &key), -ENOENT);
	ASSERT_EQ(map_update(map, &key, &fd, 0), 0);
	ASSERT_EQ(map_update(map, &key, &fd, BPF_ANY), 0);
	ASSERT_EQ(map_lookup(map, &key, &bad, 0), -ENOTSUPP);
	ASSERT_EQ(map_next(map, &key, &next), 0);
	ASSERT_EQ(next, 2);
	ASSERT_EQ(map_delete(map, &key), 0);
	ASSERT_EQ(map_delete(map, &key), -ENOENT);
	ASSERT_EQ(map_delete(map, &far), -E2BIG);
	/* The last descriptor of the map lets the event go, though nobody closed that. */
	ASSERT_EQ(map_update(map, &key, &fd, 0), 0);
	close((int)map);
	core_stop();
}

TEST(perf_mmap_is_a_page_and_a_power_of_two)
{
	struct perf_event_attr a = output_attr();
	struct perf_event_mmap_page *h;
	long fd;

	core_start(NULL);
	fd = event_open(&a, 0);
	ASSERT_EQ(core_perf_mmap(k, (int)fd, 4 * PAGE, PROT_READ, MAP_SHARED, 0), -EINVAL);
	ASSERT_EQ(core_perf_mmap(k, (int)fd, PAGE + 1, PROT_READ, MAP_SHARED, 0), -EINVAL);
	ASSERT_EQ(core_perf_mmap(k, (int)fd, 3 * PAGE, PROT_READ, MAP_PRIVATE, 0), -EINVAL);
	ASSERT_EQ(core_perf_mmap(k, (int)fd, 3 * PAGE, PROT_READ, MAP_SHARED, PAGE), -EINVAL);
	ASSERT_EQ(core_perf_mmap(k, 0, 3 * PAGE, PROT_READ, MAP_SHARED, 0), -ENOTTY);
	h = event_map(fd, 2, PROT_READ | PROT_WRITE);
	ASSERT_EQ(h->data_offset, PAGE);
	ASSERT_EQ(h->data_size, 2 * PAGE);
	/* Another look at it is fine, another size is not. */
	event_map(fd, 2, PROT_READ | PROT_WRITE);
	ASSERT_EQ(core_perf_mmap(k, (int)fd, 5 * PAGE, PROT_READ, MAP_SHARED, 0), -EINVAL);
	core_stop();
}

/* --- what programs write ---------------------------------------------------------------------- */

#define CPUS_MAX 256

/* Events on all CPUs, in a map; a program that writes 8 bytes of 0x2a. */
struct rig {
	long map, prog;
	long fd[CPUS_MAX];
	struct perf_event_mmap_page *h[CPUS_MAX];
	uint32_t cpus;
};

static void rig_make(struct rig *r, struct perf_event_attr attr, size_t pages, uint64_t flags)
{
	r->map = map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, CPUS_MAX, 0);
	for (r->cpus = 0; r->cpus < CPUS_MAX; r->cpus++) {
		struct perf_event_attr a = attr;
		long fd = event_open(&a, (int)r->cpus);
		uint32_t value = (uint32_t)fd;

		if (fd == -ENODEV)
			break;
		ASSERT_GE(fd, 0);
		r->fd[r->cpus] = fd;
		r->h[r->cpus] = pages ? event_map(fd, pages, PROT_READ | PROT_WRITE) : NULL;
		ASSERT_EQ(map_update(r->map, &r->cpus, &value, 0), 0);
	}
	const struct bpf_insn insns[] = {
		ST(BPF_DW, 10, -8, 0x2a),
		LD_MAP(2, r->map),
		LD_PSEUDO(3, 0, (int32_t)flags, (int32_t)(flags >> 32)),
		MOVR(4, 10),
		ADD(4, -8),
		MOV(5, 8),
		CALL(BPF_FUNC_perf_event_output),
		EXIT,
	};
	r->prog = prog_load(BPF_PROG_TYPE_SOCKET_FILTER, insns, sizeof(insns) / sizeof(insns[0]));
	ASSERT_GE(r->prog, 0);
}

static int32_t rig_run(const struct rig *r)
{
	uint32_t ret;

	ASSERT_EQ(prog_run_once(r->prog, &ret), 0);
	return (int32_t)ret;
}

/* The ring that has something unread. */
static struct perf_event_mmap_page *rig_ring(const struct rig *r)
{
	for (uint32_t i = 0; i < r->cpus; i++)
		if (r->h[i]->data_head != r->h[i]->data_tail)
			return r->h[i];
	return NULL;
}

static uint64_t word(const struct perf_event_mmap_page *h, uint64_t at)
{
	uint64_t v;

	memcpy(&v, (const uint8_t *)h + PAGE + at % h->data_size, sizeof(v));
	return v;
}

TEST(perf_samples_have_linux_s_layout)
{
	struct perf_event_attr a = output_attr();
	const struct perf_event_mmap_page *h;
	struct rig r;
	uint64_t at;

	core_start(NULL);
	a.sample_type |= PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU;
	/* 14 bytes of the packet, which is zeroes, behind the program's 8. */
	rig_make(&r, a, 1, UINT64_C(14) << 32 | (uint32_t)BPF_F_CURRENT_CPU);
	ASSERT_EQ(rig_run(&r), 0);
	h = rig_ring(&r);
	ASSERT(h);
	at = h->data_tail;
	/* Header, pid and tid, time, CPU, size and 28 bytes: 22 of data and padding. */
	ASSERT_EQ(h->data_head, 8 + 8 + 8 + 8 + 4 + 28);
	ASSERT_EQ(word(h, at), PERF_RECORD_SAMPLE | (uint64_t)PERF_RECORD_MISC_KERNEL << 32 |
				       h->data_head << 48);
	ASSERT_EQ(word(h, at + 8), (uint64_t)gettid() << 32 | (uint32_t)getpid());
	ASSERT_GT(word(h, at + 16), 0);
	ASSERT_LT(word(h, at + 24), r.cpus);
	ASSERT_EQ(word(h, at + 32), 28 | UINT64_C(0x2a) << 32);
	for (int i = 40; i < 64; i += 8)
		ASSERT_EQ(word(h, at + (uint64_t)i), 0);
	core_stop();
}

TEST(perf_output_says_why_it_fails)
{
	struct perf_event_attr a = output_attr();
	struct rig r;

	core_start(NULL);
	a.disabled = 1;
	rig_make(&r, a, 0, (uint32_t)BPF_F_CURRENT_CPU);
	ASSERT_EQ(rig_run(&r), -EOPNOTSUPP);
	for (uint32_t i = 0; i < r.cpus; i++)
		ASSERT_EQ(core_perf_ioctl(k, (int)r.fd[i], PERF_EVENT_IOC_ENABLE, 0), 0);
	/* Not mapped. */
	ASSERT_EQ(rig_run(&r), -ENOSPC);
	for (uint32_t i = 0; i < r.cpus; i++)
		ASSERT_EQ(map_delete(r.map, &i), 0);
	ASSERT_EQ(rig_run(&r), -ENOENT);
	core_stop();
}

TEST(perf_lost_samples_are_told)
{
	struct perf_event_mmap_page *h;
	struct rig r;
	uint64_t at = 0, lost = 0, told = 0;
	uint64_t samples = 0, id[CPUS_MAX];
	int32_t err = 0;

	core_start(NULL);
	rig_make(&r, output_attr(), 1, (uint32_t)BPF_F_CURRENT_CPU);
	/* Several rings may fill; each loses its own. */
	for (int i = 0; i < 2000; i++) {
		err = rig_run(&r);
		ASSERT(err == 0 || err == -ENOSPC);
		samples += !err;
		lost += err == -ENOSPC;
	}
	ASSERT_GT(lost, 0);
	/* 24 bytes each, and never all of the page. */
	ASSERT_LE(samples, r.cpus * (uint64_t)(PAGE / 24));
	for (uint32_t i = 0; i < r.cpus; i++) {
		ASSERT_EQ(core_perf_ioctl(k, (int)r.fd[i], PERF_EVENT_IOC_ID, PTR(&id[i])), 0);
		__atomic_store_n(&r.h[i]->data_tail, r.h[i]->data_head, __ATOMIC_RELEASE);
	}
	for (int i = 0; i < 200; i++)
		rig_run(&r);
	for (uint32_t i = 0; i < r.cpus; i++) {
		h = r.h[i];
		for (at = h->data_tail; at < h->data_head; at += word(h, at) >> 48) {
			if ((uint32_t)word(h, at) != PERF_RECORD_LOST)
				continue;
			ASSERT_EQ(word(h, at) >> 48, 24);
			ASSERT_EQ(word(h, at + 8), id[i]);
			told += word(h, at + 16);
		}
		ASSERT_EQ(at, h->data_head);
	}
	ASSERT_GT(told, 0);
	ASSERT_LE(told, lost);
	core_stop();
}

TEST(perf_pause_and_other_requests)
{
	struct rig r;

	core_start(NULL);
	rig_make(&r, output_attr(), 1, (uint32_t)BPF_F_CURRENT_CPU);
	for (uint32_t i = 0; i < r.cpus; i++)
		ASSERT_EQ(core_perf_ioctl(k, (int)r.fd[i], PERF_EVENT_IOC_PAUSE_OUTPUT, 1), 0);
	ASSERT_EQ(rig_run(&r), -ENOSPC);
	for (uint32_t i = 0; i < r.cpus; i++)
		ASSERT_EQ(core_perf_ioctl(k, (int)r.fd[i], PERF_EVENT_IOC_PAUSE_OUTPUT, 0), 0);
	ASSERT_EQ(rig_run(&r), 0);
	for (uint32_t i = 0; i < r.cpus; i++)
		ASSERT_EQ(core_perf_ioctl(k, (int)r.fd[i], PERF_EVENT_IOC_DISABLE, 0), 0);
	ASSERT_EQ(rig_run(&r), -EOPNOTSUPP);
	ASSERT_EQ(core_perf_ioctl(k, (int)r.fd[0], PERF_EVENT_IOC_SET_FILTER, 0), -ENOTTY);
	ASSERT_EQ(core_perf_ioctl(k, (int)r.map, PERF_EVENT_IOC_ENABLE, 0), -ENOTTY);
	ASSERT_EQ(core_perf_ioctl(k, (int)r.fd[0], PERF_EVENT_IOC_ID, 8), -EFAULT);
	core_stop();
}

/* How many samples it takes until the descriptor to wait on is readable. */
static int samples_until_woken(struct perf_event_attr a)
{
	struct rig r;
	int n = 0;
	bool woken = false;

	rig_make(&r, a, 1, (uint32_t)BPF_F_CURRENT_CPU);
	/* Made before the samples: they do not wake by themselves. */
	for (uint32_t i = 0; i < r.cpus; i++)
		ASSERT_GE(skep_kernel_wait_fd(k, (int)r.fd[i]), 0);
	while (!woken && !rig_run(&r)) {
		n++;
		for (uint32_t i = 0; i < r.cpus; i++) {
			struct pollfd p = { skep_kernel_wait_fd(k, (int)r.fd[i]), POLLIN, 0 };

			woken |= poll(&p, 1, 0) == 1;
		}
	}
	return woken ? n : -1;
}

TEST(perf_wakes_at_samples_or_bytes)
{
	struct perf_event_attr a = output_attr();
	int n;

	core_start(NULL);
	ASSERT_EQ(samples_until_woken(a), 1);
	a.watermark = 1;
	a.wakeup_watermark = 100;
	/* 24 bytes each: the fifth goes beyond 100, on the one ring where that is first so. */
	n = samples_until_woken(a);
	ASSERT_GE(n, 5);
	core_stop();
}
