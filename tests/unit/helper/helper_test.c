/* SPDX-License-Identifier: BSD-2-Clause */
/* helper_test.c - see helper_test.h; also stands in for the ring buffer of the map room */
#include "tests/unit/helper/helper_test.h"

#include <sys/mman.h>

char traced[2048];
int traced_lines;

static void record(void *arg, const struct skep_run *run, const char *line, size_t n)
{
	ASSERT_LT(n, sizeof(traced));
	memcpy(traced, line, n);
	traced[n] = '\0';
	traced_lines++;
}

static struct vcpus vcpus;

struct skep_run *test_run(void)
{
	static const struct run_env env = { .trace = record, .vcpus = &vcpus };
	static _Thread_local struct skep_prog prog = { .type = BPF_PROG_TYPE_XDP };
	static _Thread_local struct skep_run run;
	static _Thread_local uint64_t task[RUN_TASK_SIZE / 8];

	if (!vcpus.nr)
		ASSERT_EQ(vcpus_init(&vcpus, NULL, 4), 0);
	prog.kind = prog_type(prog.type);
	if (!run.vcpu) {
		run = (struct skep_run){
			.prog = &prog, .env = &env, .vcpu = vcpu_get(&vcpus), .task = task
		};
		run.cpu = vcpu_id(&vcpus, run.vcpu);
	}
	return &run;
}

void test_run_end(void)
{
	vcpu_put(test_run()->vcpu);
	test_run()->vcpu = NULL;
}

uint64_t test_call(uint32_t id, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	const struct helper_proto *h = helper_by_id(id);

	ASSERT_MSG(h, "no helper %u", id);
	return h->fn(a, b, c, d, e, test_run());
}

uint64_t test_kfunc(const char *name, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	const struct kfunc *k = kfunc_by_name(name);

	ASSERT_MSG(k, "no kfunc %s", name);
	return k->fn(a, b, c, d, e, test_run());
}

static char *two_pages(void)
{
	static char *p;

	if (!p) {
		p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT(p != MAP_FAILED);
		ASSERT_EQ(mprotect(p + 4096, 4096, PROT_NONE), 0);
	}
	return p;
}

void *test_bad_address(void)
{
	return two_pages() + 4096 + 128;
}

char *test_page_end(void)
{
	return two_pages() + 4096;
}
