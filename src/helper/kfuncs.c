/* SPDX-License-Identifier: BSD-2-Clause */
/* kfuncs.c - kfuncs, and their table (kernel/bpf/helpers.c, kernel/bpf/bpf_iter.c) */
#include "helper/helper_int.h"

static const struct kfunc kfuncs[] = {
#define KFUNC(func, ...) { .name = #func, .fn = kfunc_##func, .arg = __VA_ARGS__ },
#include "helper/kfuncs.def"
#undef KFUNC
};

const struct kfunc *kfunc_at(uint32_t i)
{
	return i < ARRAY_SIZE(kfuncs) ? &kfuncs[i] : NULL;
}

static bool same_name(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

const struct kfunc *kfunc_by_name(const char *name)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(kfuncs); i++)
		if (same_name(kfuncs[i].name, name))
			return &kfuncs[i];
	return NULL;
}

/* struct bpf_iter_num: 8 bytes on the program's stack. */
struct iter_num {
	int32_t cur; /* the number given last */
	int32_t end; /* one past the last to give */
};

KFUNC_FN(bpf_iter_num_new)
{
	struct iter_num *it = PTR(r1);
	int32_t start = (int32_t)r2, end = (int32_t)r3;

	*it = (struct iter_num){ 0, 0 };
	if (start > end)
		return RET(-EINVAL);
	if ((int64_t)end - start > SKEP_MAY_GOTO_MAX)
		return RET(-E2BIG);
	/* next() comes first and steps onto start; the wrap at INT_MIN is undone by it. */
	it->cur = (int32_t)((uint32_t)start - 1);
	it->end = end;
	return 0;
}

KFUNC_FN(bpf_iter_num_next)
{
	struct iter_num *it = PTR(r1);
	int32_t next = (int32_t)((uint32_t)it->cur + 1);

	if (next >= it->end) {
		*it = (struct iter_num){ 0, 0 };
		return 0;
	}
	it->cur = next;
	return (uintptr_t)&it->cur;
}

KFUNC_FN(bpf_iter_num_destroy)
{
	*(struct iter_num *)PTR(r1) = (struct iter_num){ 0, 0 };
	return 0;
}

/* A run is one read-side section and does not migrate: nothing is left to do. */
KFUNC_FN(bpf_rcu_read_lock)
{
	return 0;
}

KFUNC_FN(bpf_rcu_read_unlock)
{
	return 0;
}

KFUNC_FN(bpf_preempt_disable)
{
	return 0;
}

KFUNC_FN(bpf_preempt_enable)
{
	return 0;
}

/* The task lives as long as the run that got it. */
KFUNC_FN(bpf_task_acquire)
{
	return r1;
}

KFUNC_FN(bpf_task_release)
{
	return 0;
}
