/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deaths.c - a run dies behind each of its instructions, one after the other.
 *
 * A process does what a run of a hive does, step by step under ptrace(2).  Behind each instruction
 * the run is taken for dead: the kernel gives back what it had, others go on, and all that is left
 * is drained.  Expected: nothing is held by nobody.  Then all is as it was, up to the next
 * instruction.
 */
#include "tests/harness/test.h"
#include "things.h"
#include "base/lock.h"
#include "hive/lock.h"
#include "obj/obj_int.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN 0 /* the vCPU that dies */

/* Behind every instruction, but where a sanitizer makes many of each. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define STRIDE 61
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define STRIDE 61
#endif
#endif
#ifndef STRIDE
#define STRIDE 1
#endif

/* What the run and the others see. */
static struct scene {
	struct owner box; /* a map's value */
} * scene;
static struct obj_store *store;
static struct thing *common; /* which we hold as well */

static bool is_value(void *arg, uintptr_t addr, size_t len)
{
	return addr - (uintptr_t)scene < sizeof(*scene);
}

/* --- what runs do ----------------------------------------------------------------------------- */

static void lock(uint32_t cpu)
{
	lock_take((struct spinlock *)&scene->box.lock, &vcpus, cpu);
}

static void unlock(void)
{
	spin_unlock((struct spinlock *)&scene->box.lock);
}

static void push(uint32_t cpu, bool back)
{
	struct thing *t = new_thing_on(store, 5, cpu);

	lock(cpu);
	obj_list_push(store, scene->box.list, t->list, back, cpu);
	unlock();
}

static void pop(uint32_t cpu, bool back)
{
	struct thing *t;

	lock(cpu);
	t = of_list(obj_list_pop(store, scene->box.list, back, cpu));
	unlock();
	if (t)
		obj_put(store, t, cpu);
}

static void push_and_pop(uint32_t cpu)
{
	push(cpu, true);
	pop(cpu, false);
	push(cpu, false);
	pop(cpu, true);
}

static void add_and_remove(uint32_t cpu)
{
	struct thing *t = new_thing_on(store, 5, cpu);

	lock(cpu);
	obj_tree_add(store, scene->box.tree, t->tree, by_key, NULL, cpu);
	t = of_tree(obj_tree_remove(store, scene->box.tree, obj_tree_root(store, scene->box.tree),
				    cpu));
	unlock();
	obj_put(store, t, cpu);
}

static void exchange(uint32_t cpu)
{
	struct owner *o = new_owner_on(store, cpu);

	obj_kptr_xchg(store, &o->kptr, new_owner_on(store, cpu), cpu);
	obj_put(store, obj_kptr_xchg(store, &scene->box.kptr, o, cpu), cpu);
}

/* One object in a list, a tree and the hands. */
static void share(uint32_t cpu)
{
	struct thing *t = obj_get(store, common, cpu);

	obj_get(store, t, cpu);
	obj_get(store, t, cpu);
	lock(cpu);
	obj_list_push(store, scene->box.list, t->list, false, cpu);
	obj_tree_add(store, scene->box.tree, t->tree, by_key, NULL, cpu);
	unlock();
	obj_put(store, t, cpu);
}

/* An element goes, and a list, a tree and a chain of kptrs with it. */
static void clear(uint32_t cpu)
{
	obj_fields_free(store, owner_record, &scene->box, cpu);
}

static const struct run {
	const char *name;
	void (*fn)(uint32_t cpu);
} runs[] = {
	{ "push and pop", push_and_pop },
	{ "add and remove", add_and_remove },
	{ "exchange", exchange },
	{ "share", share },
	{ "clear", clear },
};

/* --- one death -------------------------------------------------------------------------------- */

/* As it is before each death: three in the list, five in the tree, two owners. */
static void furnish(void)
{
	for (uint64_t i = 0; i < 3; i++)
		obj_list_push(store, scene->box.list, new_thing(store, i)->list, true, CPU);
	for (uint64_t i = 0; i < 5; i++)
		obj_tree_add(store, scene->box.tree, new_thing(store, 2 * i)->tree, by_key, NULL,
			     CPU);
	exchange(CPU);
}

static uint32_t in_list(void)
{
	uint32_t n = 0;
	void *t;

	for (; (t = of_list(obj_list_pop(store, scene->box.list, n % 2, CPU))); n++)
		obj_put(store, t, CPU);
	return n;
}

static uint32_t in_tree(void)
{
	uint32_t n = 0;
	uint64_t last = 0;
	struct thing *t;

	for (; (t = of_tree(obj_tree_first(store, scene->box.tree))); n++) {
		ASSERT(last <= t->key);
		last = t->key;
		ASSERT(obj_tree_remove(store, scene->box.tree, t->tree, CPU));
		obj_put(store, t, CPU);
	}
	return n;
}

static void drain(void)
{
	in_list();
	in_tree();
	obj_put(store, obj_kptr_xchg(store, &scene->box.kptr, NULL, CPU), CPU);
}

/* What others hold of a dead run's can go wherever it likes. */
static void check_common(const struct run *r, uint32_t n)
{
	drain();
	if (refs_of(common) != 1)
		test_fail(__FILE__, __LINE__, "%s, dead behind instruction %u: held %u times",
			  r->name, n, refs_of(common));
	share(1);
	ASSERT_EQ(refs_of(common), 3);
	drain();
}

static uint32_t length(_Atomic uint32_t *list)
{
	uint32_t n = 0;

	for (uint32_t unit = *list; unit; n++)
		unit = atomic_load(&((struct block *)unit_at(store, unit))->next);
	return n;
}

/* Blocks of plain objects, and how many of them are in a list. */
struct tally {
	uint32_t there, listed;
};

static struct tally tally(void)
{
	struct tally t = { 0 };

	for (uint32_t i = 0; i < (CPUS + 1) * CLASSES; i++) {
		struct blocks *l = &store->sh->row[i / CLASSES].blocks[0][i % CLASSES];

		ASSERT_NE(atomic_load(&l->ticket), UINT64_MAX); /* it would wait for ever */
		t.there += atomic_load(&l->used);
		for (int role = 0; role < 3; role++)
			t.listed += length(&l->list[role]);
	}
	return t;
}

/* The run is dead: what is left when the others have gone on? */
static void death(const struct run *r, uint32_t n)
{
	atomic_fetch_add(&vcpus.slot[RUN].epoch, 2);
	/* Somebody else may be faster than who mends. */
	if (n % 2) {
		push_and_pop(1);
		obj_put(store, obj_kptr_xchg(store, &scene->box.kptr, NULL, 1), 1);
	}
	obj_cpu_died(store, RUN, is_value, NULL);
	add_and_remove(1);
	push_and_pop(1);
	check_common(r, n);
	if (obj_live(store) != 1)
		test_fail(__FILE__, __LINE__, "%s, dead behind instruction %u: %u objects are lost",
			  r->name, n, obj_live(store) - 1);
	if (tally().listed + 1 != tally().there)
		test_fail(__FILE__, __LINE__, "%s, dead behind instruction %u: %u blocks of %u",
			  r->name, n, tally().listed + 1, tally().there);
}

/* --- many deaths of one run ------------------------------------------------------------------- */

#define KEPT ((size_t)8192) /* of each row's range of a class */

static struct {
	uint8_t *rows, *ranges; /* copies */
	struct scene scene;
} kept;

static uint8_t *range(size_t i)
{
	return store->pool[0].mem + (i << store->pool[0].shift);
}

static size_t rows_size(void)
{
	return (size_t)(store->pool[0].mem - (uint8_t *)store->sh);
}

/* All is as it was at this instruction, and the run goes on from there. */
static void keep(void)
{
	memcpy(kept.rows, store->sh, rows_size());
	for (size_t i = 0; i < (CPUS + 1) * CLASSES; i++)
		memcpy(kept.ranges + i * KEPT, range(i), KEPT);
	kept.scene = *scene;
}

static void restore(void)
{
	memcpy(store->sh, kept.rows, rows_size());
	for (size_t i = 0; i < (CPUS + 1) * CLASSES; i++)
		memcpy(range(i), kept.ranges + i * KEPT, KEPT);
	*scene = kept.scene;
	atomic_fetch_sub(&vcpus.slot[RUN].epoch, 2);
}

static _Noreturn void live(const struct run *r)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	r->fn(RUN);
	_exit(0);
}

/* How many instructions it has; behind each of them it dies. */
static uint32_t die_everywhere(const struct run *r)
{
	const pid_t pid = fork();
	uint32_t n = 0;
	int status;

	if (!pid)
		live(r);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	for (; WIFSTOPPED(status); n++) {
		if (n % STRIDE == 0) {
			keep();
			death(r, n);
			restore();
		}
		ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
	}
	ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return n;
}

TEST(nothing_is_lost_with_who_dies_anywhere)
{
	uint32_t n;

	store = make_hive_store();
	scene = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	kept.rows = malloc(rows_size());
	kept.ranges = malloc((CPUS + 1) * CLASSES * KEPT);
	ASSERT(scene != MAP_FAILED && kept.rows && kept.ranges);
	common = new_thing(store, 7);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		/* Those who die find some blocks that were never used, and others that were. */
		furnish();
		n = die_everywhere(&runs[i]);
		ASSERT_GE(n, 200);
		drain();
		ASSERT_EQ(obj_live(store), 1);
	}
	/* None of them was left out of what was kept. */
	for (size_t i = 0; i < (CPUS + 1) * CLASSES; i++)
		ASSERT_LE(atomic_load(&store->sh->row[i / CLASSES].blocks[0][i % CLASSES].used),
			  16);
}
