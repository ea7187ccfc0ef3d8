/* SPDX-License-Identifier: BSD-2-Clause */
/* mcode.c - code memory: packing, reuse, W^X, threads, fork. */
#include "tests/harness/test.h"

#include "base/alloc.h"
#include "jit/mcode.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct mcode *take(size_t size)
{
	struct mcode *m = NULL;

	ASSERT_EQ(mcode_alloc(size, false, &m), 0);
	return m;
}

static bool is_int3(const struct mcode *m)
{
	for (uint32_t i = 0; i < m->size; i++)
		if (m->rx[i] != 0xcc)
			return false;
	return true;
}

TEST(both_mappings_show_the_same_bytes)
{
	struct mcode *m = take(100);

	ASSERT_EQ(m->size, 128);
	ASSERT_EQ((uintptr_t)m->rx % MCODE_ALIGN, 0);
	ASSERT(is_int3(m));
	memset(m->rw, 0x90, m->size);
	ASSERT_EQ(m->rx[127], 0x90);
	mcode_free(m);
}

TEST(freed_memory_is_int3_and_reused)
{
	struct mcode *a = take(64), *b = take(64), *c = take(64), *d;
	const uint8_t *at = b->rx;

	memset(b->rw, 0x90, b->size);
	mcode_free(b);
	ASSERT_EQ(at[0], 0xcc);
	ASSERT_EQ(at[63], 0xcc);
	d = take(64);
	ASSERT(is_int3(d));
	mcode_free(a);
	mcode_free(c);
	mcode_free(d);
	mcode_free(NULL);
}

/* Random sizes come and go; no two overlap, and in the end all of it is one piece again. */
TEST(many_come_and_go)
{
	struct mcode *held[200] = { 0 };
	uint32_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		struct mcode **m = &held[seed >> 16 & 127];

		if (*m) {
			for (uint32_t k = 0; k < (*m)->size; k++)
				ASSERT_EQ((*m)->rx[k], (uint8_t)(m - held));
			mcode_free(*m);
			*m = NULL;
		} else {
			*m = take(1 + (seed >> 3 & 0xfff));
			ASSERT(is_int3(*m));
			memset((*m)->rw, (int)(m - held), (*m)->size);
		}
	}
	for (unsigned i = 0; i < 200; i++)
		mcode_free(held[i]);
	held[0] = take(200 << 10);
	ASSERT(is_int3(held[0]));
	mcode_free(held[0]);
}

TEST(larger_than_an_arena)
{
	struct mcode *m = take(100u << 20), *n = take(64);

	ASSERT_EQ(m->rx[(100u << 20) - 1], 0xcc);
	mcode_free(m);
	mcode_free(n);
}

TEST(nothing_is_writable_and_executable)
{
	FILE *f = fopen("/proc/self/maps", "re");
	struct mcode *m = take(64);
	char line[512], perms[8];
	unsigned text = 0;

	rewind(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %7s", perms) == 1)
			ASSERT_MSG(!(perms[1] == 'w' && perms[2] == 'x'), "%s", line);
		text += strstr(line, "skep-text") != NULL;
	}
	ASSERT_EQ(text, 2);
	fclose(f);
	mcode_free(m);
}

TEST(lies_near_our_text)
{
	struct mcode *m = NULL;

	if (mcode_alloc(64, true, &m) == -EAGAIN)
		test_skip("the address space near the program's text is taken");
	ASSERT(mcode_is_near((const void *)(uintptr_t)mcode_free));
	ASSERT(mcode_is_near(m->rx));
	mcode_free(m);
}

static void *churn(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		struct mcode *m = take((size_t)(i * 37 % 1000));

		memset(m->rw, (int)(uintptr_t)arg, m->size);
		ASSERT_EQ(m->rx[m->size - 1], (uint8_t)(uintptr_t)arg);
		mcode_free(m);
	}
	return NULL;
}

TEST(threads_share_it)
{
	pthread_t thread[4];

	for (uintptr_t i = 0; i < 4; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, churn, (void *)i), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}

TEST(child_does_not_touch_the_parents)
{
	struct mcode *m = take(64);
	int status = -1;
	pid_t pid;

	memset(m->rw, 0x90, m->size);
	pid = fork();
	if (pid == 0) {
		struct mcode *mine = take(64);

		memset(mine->rw, 0x11, mine->size);
		mcode_free(m);
		mcode_free(mine);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ASSERT_EQ(status, 0);
	ASSERT_EQ(m->rx[0], 0x90);
	mcode_free(m);
}

TEST(every_allocation_may_fail)
{
	struct mcode *m = NULL;
	int r = -ENOMEM;

	for (long at = 1; r < 0; at++) {
		skep_alloc_fail_at(at);
		r = mcode_alloc(64, false, &m);
		skep_alloc_fail_at(0);
		ASSERT(r == 0 || r == -ENOMEM);
		ASSERT_LT(at, 20);
	}
	mcode_free(m);
}

/* Callers make room for a descriptor and try again: they must see that this is what is missing. */
TEST(no_descriptor_left_is_emfile)
{
	struct rlimit was, none;
	struct mcode *m = NULL;

	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	ASSERT_EQ(mcode_alloc(64, false, &m), -EMFILE);
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	ASSERT_EQ(mcode_alloc(64, false, &m), 0);
	mcode_free(m);
}
