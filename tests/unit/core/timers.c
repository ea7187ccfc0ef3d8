/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timers.c - timers in values of maps: what fires, what does not any more, and what is left when
 * maps, programs and kernels go.  What the calls give is compared with the host's in tests/e2e.
 */
#include "base/alloc.h"
#include "base/sys.h"
#include "core/core_int.h"
#include "isa/isa.h"
#include "obj/timer_int.h"
#include "prog/prog.h"
#include "tests/harness/kernel_btf.h"
#include "tests/unit/btf/build.h"
#undef PTR /* a type there, a number here */
#include "tests/unit/core/core_test.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#define MS	1000000u
#define FOREVER UINT64_C(3600000000000)
#define ABS	1
#define CPU_PIN 2

struct value {
	uint64_t period; /* the callback starts its timer again after as many nanoseconds; 0: not */
	uint64_t timer[2];
	uint64_t fired; /* calls */
	uint64_t cpu;	/* of the last one */
};

/* The program's context. */
struct ask {
	uint32_t key, cancel; /* cancel it, rather than start it */
	uint64_t nsecs, flags;
	uint64_t cpu; /* where it ran */
};

/* Initialises and starts, or cancels, the timer of a key: what the last call gave. */
static const char text[] = "r6 = r1\n"
			   "call get_smp_processor_id\n"
			   "*(u64 *)(r6 +24) = r0\n"
			   "r0 = *(u32 *)(r6 +0)\n"
			   "*(u32 *)(r10 -4) = r0\n"
			   "r1 = 1 ll\n"
			   "r2 = r10\n"
			   "r2 += -4\n"
			   "call map_lookup_elem\n"
			   "if r0 == 0 goto none\n"
			   "r7 = r0\n"
			   "r7 += 8\n"
			   "r1 = *(u32 *)(r6 +4)\n"
			   "if r1 != 0 goto cancel\n"
			   "r1 = r7\n"
			   "r2 = 1 ll\n"
			   "r3 = 1\n"
			   "call timer_init\n"
			   "if r0 == 0 goto set\n"
			   "if r0 != -16 goto out\n"
			   "set:\n"
			   "r1 = r7\n"
			   "r2 = subprog[back]\n"
			   "call timer_set_callback\n"
			   "if r0 != 0 goto out\n"
			   "r1 = r7\n"
			   "r2 = *(u64 *)(r6 +8)\n"
			   "r3 = *(u64 *)(r6 +16)\n"
			   "call timer_start\n"
			   "exit\n"
			   "cancel:\n"
			   "r1 = r7\n"
			   "call timer_cancel\n"
			   "exit\n"
			   "none:\n"
			   "r0 = -2\n"
			   "out:\n"
			   "exit\n"
			   "back:\n"
			   "r6 = r3\n"
			   "call get_smp_processor_id\n"
			   "*(u64 *)(r6 +32) = r0\n"
			   "r1 = 1\n"
			   "lock *(u64 *)(r6 +24) += r1\n"
			   "r2 = *(u64 *)(r6 +0)\n"
			   "if r2 == 0 goto end\n"
			   "r1 = r6\n"
			   "r1 += 8\n"
			   "r3 = 0\n"
			   "call timer_start\n"
			   "end:\n"
			   "r0 = 0\n"
			   "exit\n";

/* --- a map and its program -------------------------------------------------------------------- */

static struct raw raw;
static uint32_t key_id, value_id, func_id[2];
static long btf, map, prog;

static void make_types(void)
{
	static struct build b;
	uint32_t u64, timer, proto;

	memset(&b, 0, sizeof(b));
	key_id = build_int(&b, "int", 4);
	u64 = build_int(&b, "u64", 8);
	timer = build_type(&b, BTF_KIND_STRUCT, "bpf_timer", 16);
	build_part(&b, "a", u64, 0);
	build_part(&b, "b", u64, 64);
	value_id = build_type(&b, BTF_KIND_STRUCT, "value", sizeof(struct value));
	build_part(&b, "period", u64, 0);
	build_part(&b, "timer", timer, 64);
	build_part(&b, "fired", u64, 192);
	build_part(&b, "cpu", u64, 256);
	proto = build_type(&b, BTF_KIND_FUNC_PROTO, "", u64);
	build_arg(&b, "n", u64);
	func_id[0] = build_type(&b, BTF_KIND_FUNC, "main", proto);
	func_id[1] = build_type(&b, BTF_KIND_FUNC, "back", proto);
	build_done(&b, &raw);
}

static long load_types(void)
{
	union core_attr a = attr_zero;

	make_types();
	a.a.btf = PTR(raw.data);
	a.a.btf_size = raw.size;
	return bpf_call(BPF_BTF_LOAD, &a);
}

static long make_map(uint32_t type, uint32_t entries)
{
	union core_attr a = attr_zero;

	a.a.map_type = type;
	a.a.key_size = 4;
	a.a.value_size = sizeof(struct value);
	a.a.max_entries = entries;
	a.a.btf_fd = (uint32_t)btf;
	a.a.btf_key_type_id = key_id;
	a.a.btf_value_type_id = value_id;
	return bpf_call(BPF_MAP_CREATE, &a);
}

static long load_prog(void)
{
	const struct isa_symbols symbols = { .call = kernel_btf_call };
	struct bpf_func_info info[2] = { { 0, func_id[0] }, { 0, func_id[1] } };
	struct bpf_insn *insns = NULL;
	struct skep_diag diag = { 0 };
	union core_attr a = attr_zero;
	static char log[4096];
	uint32_t n = 0;
	long fd;

	ASSERT_MSG(!isa_asm(text, strlen(text), &symbols, &insns, &n, &diag), "line %llu: %s",
		   (unsigned long long)diag.index, diag.msg);
	for (uint32_t i = 0; i < n; i++) {
		if (insns[i].code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		if (insns[i].src_reg == BPF_PSEUDO_FUNC) {
			info[1].insn_off = i + 1 + (uint32_t)insns[i].imm;
			continue;
		}
		insns[i].src_reg = BPF_PSEUDO_MAP_FD;
		insns[i].imm = (int32_t)map;
	}
	a.a.prog_type = BPF_PROG_TYPE_SYSCALL;
	a.a.prog_flags = BPF_F_SLEEPABLE;
	a.a.insns = PTR(insns);
	a.a.insn_cnt = n;
	a.a.license = PTR("GPL");
	a.a.prog_btf_fd = (uint32_t)btf;
	a.a.func_info = PTR(info);
	a.a.func_info_cnt = 2;
	a.a.func_info_rec_size = sizeof(info[0]);
	a.a.log_level = 1;
	a.a.log_buf = PTR(log);
	a.a.log_size = sizeof(log);
	fd = bpf_call(BPF_PROG_LOAD, &a);
	ASSERT_MSG(fd >= 0, "%ld: %s", fd, log);
	skep_free(insns);
	return fd;
}

static void start(int engine, uint32_t type, uint32_t entries)
{
	core_start(&(struct skep_kernel_opts){ .engine = engine });
	btf = load_types();
	ASSERT_GE(btf, 0);
	map = make_map(type, entries);
	ASSERT_GE(map, 0);
	prog = load_prog();
}

static long ask(struct ask *ctx)
{
	union core_attr a = attr_zero;
	long err;

	a.a.test.prog_fd = (uint32_t)prog;
	a.a.test.ctx_in = PTR(ctx);
	a.a.test.ctx_size_in = sizeof(*ctx);
	err = bpf_call(BPF_PROG_TEST_RUN, &a);
	return err ? err : (int32_t)a.a.test.retval;
}

static long arm(uint32_t key, uint64_t nsecs, uint64_t flags)
{
	return ask(&(struct ask){ key, 0, nsecs, flags });
}

static long cancel(uint32_t key)
{
	return ask(&(struct ask){ key, 1, 0, 0 });
}

static void put(uint32_t key, uint64_t period)
{
	const struct value v = { .period = period };
	int err;

	/* A full map stays full while another thread has what it deletes in its hands. */
	while ((err = map_update(map, &key, &v, BPF_ANY)) == -E2BIG)
		sys_rest();
	ASSERT_EQ(err, 0);
}

static uint64_t fired(uint32_t key)
{
	struct value v;

	ASSERT_EQ(map_lookup(map, &key, &v, 0), 0);
	return v.fired;
}

static void sleep_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * MS };

	nanosleep(&t, NULL);
}

/* The test's time limit ends it where that never comes. */
static void wait_for(uint32_t key, uint64_t calls)
{
	while (fired(key) < calls)
		sleep_ms(1);
}

static struct obj_store *store(void)
{
	return core_run_env(k)->objects;
}

static const struct skep_map *the_map(void)
{
	struct object_ref ref;

	ASSERT_EQ(object_get(k, (int)map, OBJ_MAP, &ref), 0);
	map_put(ref.payload); /* the descriptor holds it */
	return ref.payload;
}

/* --- what fires ------------------------------------------------------------------------------- */

static const uint32_t types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH };
/*
 * Programs read and write values while bpf(2) does, which is theirs to do; of the interpreter's
 * accesses a race detector would tell.
 */
#ifdef __has_feature
#define DETECTS_RACES __has_feature(thread_sanitizer)
#else
#define DETECTS_RACES 0
#endif
static const int engines[] = { SKEP_ENGINE_DEFAULT,
			       DETECTS_RACES ? SKEP_ENGINE_DEFAULT : SKEP_ENGINE_INTERP };

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

static void fires(void)
{
	const uint64_t begin = now();

	put(0, 0);
	put(1, 0);
	put(2, MS / 10);
	put(3, 0);
	ASSERT_EQ(arm(0, 20 * MS, 0), 0);
	ASSERT_EQ(arm(1, begin + 10 * MS, ABS), 0);
	ASSERT_EQ(arm(2, 0, 0), 0);
	ASSERT_EQ(arm(3, FOREVER, 0), 0);
	wait_for(0, 1);
	ASSERT_GE(now() - begin, 20 * MS);
	wait_for(1, 1);
	wait_for(2, 20);
	ASSERT_EQ(cancel(2) & ~1L, 0); /* it may be between being armed and being armed again */
	ASSERT_EQ(cancel(3), 1);
	ASSERT_EQ(cancel(3), 0);
	ASSERT_EQ(fired(0), 1);
	ASSERT_EQ(fired(3), 0);
}

TEST(timers_fire)
{
	for (size_t e = 0; e < ARRAY_SIZE(engines); e++)
		for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
			start(engines[e], types[t], 8);
			fires();
			core_stop();
		}
}

TEST(timers_stay_on_their_cpu)
{
	struct ask what = { .flags = CPU_PIN };
	const uint32_t key = 0;
	struct value v;

	start(SKEP_ENGINE_DEFAULT, BPF_MAP_TYPE_ARRAY, 1);
	for (uint64_t i = 1; i <= 20; i++) {
		ASSERT_EQ(ask(&what), 0);
		wait_for(0, i);
		ASSERT_EQ(map_lookup(map, &key, &v, 0), 0);
		ASSERT_EQ(v.cpu, what.cpu);
	}
	ASSERT_EQ(arm(0, 0, 4), -EINVAL);
	core_stop();
}

/* --- what does not any more ------------------------------------------------------------------- */

/* All are armed for soon; whatever takes them away, none fires. */
static void leaves(uint32_t type)
{
	for (uint32_t key = 0; key < 4; key++) {
		put(key, 0);
		ASSERT_EQ(arm(key, 200 * MS, 0), 0);
	}
	ASSERT_EQ(obj_timers_live(store()), 4);
	ASSERT_EQ(cancel(0), 1);
	put(1, 0);
	ASSERT_EQ(arm(2, FOREVER, 0), 0);
	ASSERT_EQ(map_delete(map, &(uint32_t){ 3 }), type == BPF_MAP_TYPE_ARRAY ? -EINVAL : 0);
	if (type == BPF_MAP_TYPE_ARRAY)
		put(3, 0);
	ASSERT_EQ(obj_timers_live(store()), 2);
	sleep_ms(300);
	put(3, 0);
	for (uint32_t key = 0; key < 4; key++)
		ASSERT_EQ(fired(key), 0);
}

TEST(timers_go_with_their_elements)
{
	for (size_t e = 0; e < ARRAY_SIZE(engines); e++)
		for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
			start(engines[e], types[t], 8);
			leaves(types[t]);
			core_stop();
		}
}

/* The program holds the map, and the map's timer the program: nothing of it is left. */
TEST(timers_go_with_the_maps_last_descriptor)
{
	struct core_counts counts;

	for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
		start(SKEP_ENGINE_DEFAULT, types[t], 8);
		put(0, MS / 10);
		put(1, 0);
		ASSERT_EQ(arm(0, 0, 0), 0);
		ASSERT_EQ(arm(1, FOREVER, 0), 0);
		wait_for(0, 3);
		close((int)prog);
		core_count(k, &counts);
		ASSERT_EQ(counts.progs, 1);
		close((int)map);
		/* The periodic one is asked for its map before it is called again. */
		while (obj_timers_live(store()))
			sleep_ms(1);
		/* Who called it lets go of both a little later. */
		for (int i = 0; i < 10000; i++) {
			core_count(k, &counts);
			if (!counts.progs && !counts.maps)
				break;
			sleep_ms(1);
		}
		ASSERT_EQ(counts.progs, 0);
		ASSERT_EQ(counts.maps, 0);
		core_stop();
	}
}

TEST(timers_need_a_map_that_user_space_holds)
{
	struct core_counts counts;

	start(SKEP_ENGINE_DEFAULT, BPF_MAP_TYPE_ARRAY, 1);
	close((int)map);
	ASSERT_EQ(arm(0, 0, 0), -EPERM);
	ASSERT_EQ(obj_timers_live(store()), 0);
	core_count(k, &counts);
	ASSERT_EQ(counts.maps, 1);
	core_stop();
}

TEST(timers_are_armed_when_the_kernel_goes)
{
	for (size_t e = 0; e < ARRAY_SIZE(engines); e++) {
		start(engines[e], BPF_MAP_TYPE_HASH, 8);
		for (uint32_t key = 0; key < 8; key++) {
			put(key, key % 2 ? 0 : 1);
			ASSERT_EQ(arm(key, key % 2 ? FOREVER : 0, 0), 0);
		}
		wait_for(0, 10);
		core_stop();
	}
}

/* --- many ------------------------------------------------------------------------------------- */

#define MANY   256
#define ROUNDS 2000

static void *churn(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t key;
		long ret;

		seed = seed * 1103515245 + 12345;
		key = seed >> 16 & (MANY - 1);
		if (seed >> 28 == 0) {
			map_delete(map, &key);
			put(key, seed >> 27 & 1 ? 1000 : 0);
		}
		ret = seed >> 24 & 3 ? arm(key, seed >> 20 & 0xfff, seed >> 19 & CPU_PIN)
				     : cancel(key);
		/* the other thread may have taken the element, or its timer, away meanwhile */
		ASSERT_MSG(ret == 0 || ret == 1 || ret == -EINVAL || ret == -ENOENT, "%ld", ret);
	}
	return NULL;
}

TEST(timers_on_two_threads)
{
	for (size_t e = 0; e < ARRAY_SIZE(engines); e++)
		for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
			pthread_t other;

			start(engines[e], types[t], MANY);
			for (uint32_t key = 0; key < MANY; key++)
				put(key, 0);
			ASSERT_EQ(pthread_create(&other, NULL, churn, (void *)7), 0);
			churn((void *)3);
			pthread_join(other, NULL);
			ASSERT_LE(obj_timers_live(store()), MANY);
			put(0, 0);
			ASSERT_EQ(arm(0, 0, 0), 0);
			wait_for(0, 1);
			core_stop();
		}
}

/* --- what members of a hive may write --------------------------------------------------------- */

static struct timer_table *table(void)
{
	return store()->timers.table;
}

static struct obj_timer *row_of(uint32_t key)
{
	const struct skep_map *m = the_map();

	return *(struct obj_timer **)(m->values + key * m->elem_size + 8);
}

/* Writes a row that is armed for long ago, as only the kernel's code should. */
static void forge(uint64_t m, uint64_t value, uint32_t id, uint64_t func)
{
	struct obj_timer *t = row_of(0);

	t->map = m;
	t->value = value;
	t->prog = id;
	t->func = func;
	t->expires = 1;
	t->at = -1;
	t->state = (t->state | TIMER_ARMED) + TIMER_STEP;
	timer_mark(&store()->timers, t);
	obj_timers_wake(store());
}

/* The thread has looked at all that there was, once another timer fires behind it. */
static void settle(void)
{
	const uint64_t before = fired(1);

	for (uint64_t i = 1; i <= 2; i++) {
		ASSERT_EQ(arm(1, 0, 0), 0);
		wait_for(1, before + i);
	}
}

TEST(timers_are_not_believed)
{
	struct obj_timer good;
	const struct skep_map *m;
	uint64_t value;

	for (size_t e = 0; e < ARRAY_SIZE(engines); e++) {
		start(engines[e], BPF_MAP_TYPE_ARRAY, 4);
		put(0, 0);
		put(1, 0);
		ASSERT_EQ(arm(0, FOREVER, 0), 0);
		settle();
		m = the_map();
		value = (uintptr_t)m->values;
		memcpy((void *)&good, (void *)row_of(0), sizeof(good));
		ASSERT_EQ(good.value, value);
		/* Another map, program, function, or value: nothing is called. */
		forge(good.map + 64, value, good.prog, good.func);
		settle();
		forge((uintptr_t)&good, value, good.prog, good.func);
		settle();
		forge(good.map, value, good.prog + 1, good.func);
		settle();
		forge(good.map, value, 0, good.func);
		settle();
		forge(good.map, value, good.prog, good.func + 16);
		settle();
		forge(good.map, value, good.prog, (uintptr_t)&settle);
		settle();
		forge(good.map, (uintptr_t)&good, good.prog, good.func);
		settle();
		forge(good.map, value + (1 << 20), good.prog, good.func);
		settle();
		forge(good.map, value - 8, good.prog, good.func);
		settle();
		ASSERT_EQ(fired(0), 0);
		/* All as it was. */
		forge(good.map, value, good.prog, good.func);
		wait_for(0, 1);
		core_stop();
	}
}

/* Words of anything, in rows and beside them; afterwards timers are as ever. */
TEST(timers_survive_what_is_written)
{
	uint32_t seed = 1;

	start(SKEP_ENGINE_DEFAULT, BPF_MAP_TYPE_ARRAY, 8);
	for (uint32_t key = 0; key < 8; key++) {
		put(key, MS);
		ASSERT_EQ(arm(key, 0, 0), 0);
	}
	for (int i = 0; i < 200000; i++) {
		const uint32_t row = (seed = seed * 1664525 + 1013904223) >> 26;
		_Atomic uint32_t *words = (_Atomic uint32_t *)&table()->row[row];

		seed = seed * 1664525 + 1013904223;
		words[seed >> 28] = seed >> 20 & 1 ? seed : seed >> 24 & 7;
		if (seed >> 21 & 1)
			timer_mark(&store()->timers, &table()->row[row]);
		if ((seed >> 8) % 64 == 0)
			obj_timers_wake(store());
		table()->used[seed >> 19 & 3] = seed;
	}
	obj_timers_mend(store());
	for (uint32_t i = 0; i < TIMER_WORDS; i++)
		table()->used[i] = 0;
	for (uint32_t i = 0; i < 64 * sizeof(struct obj_timer) / 4; i++)
		((_Atomic uint32_t *)table()->row)[i] = 0;
	for (uint32_t key = 0; key < 8; key++) {
		put(key, 0);
		ASSERT_EQ(arm(key, 0, 0), 0);
	}
	settle();
	core_stop();
}

/* --- what there is not ------------------------------------------------------------------------ */

TEST(timers_without_memory)
{
	const struct timer_place place = { .map = &raw, .value = &raw };
	static uint64_t field[TIMERS_MAX];
	uint32_t n = 0;

	start(SKEP_ENGINE_DEFAULT, BPF_MAP_TYPE_ARRAY, 2);
	ASSERT_EQ(arm(0, FOREVER, 0), 0);
	/* There is a last one, and one more when another has gone. */
	while (obj_timer_init(store(), &field[n], &place, VCPU_NONE) == 0)
		n++;
	ASSERT_EQ(n, TIMERS_MAX - 1);
	ASSERT_EQ(obj_timers_live(store()), TIMERS_MAX);
	ASSERT_EQ(arm(1, 0, 0), -ENOMEM);
	ASSERT_EQ(arm(0, 0, 0), 0);
	wait_for(0, 1);
	obj_timer_free(store(), &field[4711], VCPU_NONE);
	ASSERT_EQ(arm(1, 0, 0), 0);
	wait_for(1, 1);
	core_stop();
}

/* The thread that calls comes with the map, or the map does not come. */
TEST(timers_without_a_thread)
{
	long fd = -ENOMEM;

	core_start(&(struct skep_kernel_opts){ 0 });
	btf = load_types();
	for (int n = 1; fd < 0; n++) {
		skep_alloc_fail_at(n);
		fd = make_map(BPF_MAP_TYPE_ARRAY, 2);
		ASSERT_EQ(fd >= 0, !skep_alloc_failed());
		ASSERT(fd >= 0 || fd == -ENOMEM);
	}
	skep_alloc_fail_at(0);
	map = fd;
	prog = load_prog();
	ASSERT_EQ(arm(0, 0, 0), 0);
	wait_for(0, 1);
	core_stop();
}

/* In a child nobody would call them; those of its parent are not its own. */
TEST(timers_are_the_process_that_began)
{
	pid_t child;
	int status;

	start(SKEP_ENGINE_DEFAULT, BPF_MAP_TYPE_ARRAY, 2);
	ASSERT_EQ(arm(0, FOREVER, 0), 0);
	child = fork();
	if (child == 0) {
		const bool ok = arm(1, 0, 0) == -EOPNOTSUPP && cancel(0) == -EINVAL;

		core_stop();
		_exit(!ok);
	}
	ASSERT_EQ(waitpid(child, &status, 0), child);
	ASSERT_EQ(status, 0);
	ASSERT_EQ(cancel(0), 1);
	core_stop();
}

/* What it holds at that moment would be held for ever in the child. */
TEST(timers_wait_while_somebody_forks)
{
	int status;

	start(SKEP_ENGINE_DEFAULT, BPF_MAP_TYPE_HASH, 8);
	for (uint32_t key = 0; key < 8; key++) {
		put(key, 1000);
		ASSERT_EQ(arm(key, 0, 0), 0);
	}
	for (int i = 0; i < 1000; i++) {
		const pid_t child = fork();

		if (child == 0) {
			bool ok;

			alarm(20);
			for (uint32_t cpu = 0; cpu < k->vcpus->nr; cpu++)
				vcpu_put(vcpu_get_at(k->vcpus, cpu));
			ok = arm(1, 0, 0) == -EOPNOTSUPP;
			core_stop();
			_exit(!ok);
		}
		ASSERT_EQ(waitpid(child, &status, 0), child);
		ASSERT_EQ(status, 0);
	}
	core_stop();
}
