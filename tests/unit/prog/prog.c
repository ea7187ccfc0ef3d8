/* SPDX-License-Identifier: BSD-2-Clause */
/* prog.c - what the last reference of a program lets go; maps and BTF are counted by stand-ins */
#include "prog/prog.h"
#include "base/alloc.h"
#include "btf/btf.h"
#include "map/map.h"
#include "tests/harness/test.h"

static int maps_put, btfs_put, released;

void map_put(struct skep_map *m)
{
	maps_put++;
}

void btf_put(struct skep_btf *b)
{
	btfs_put += b != NULL;
}

static void release(struct skep_prog *p)
{
	/* The engine still sees the image. */
	ASSERT(p->image.insns);
	released++;
}

static const struct engine_ops engine = { .name = "test", .release = release };

TEST(prog_lives_until_its_last_reference)
{
	struct skep_prog *p = NULL;

	ASSERT_EQ(prog_new(BPF_PROG_TYPE_XDP, NULL, &p), 0);
	ASSERT(p->kind == prog_type(BPF_PROG_TYPE_XDP));
	p->engine = &engine;
	p->image.insns = skep_alloc(8);
	p->image.aux = skep_alloc(8);
	p->image.sub = skep_alloc(8);
	p->func_info = skep_alloc(8);
	p->line_info = skep_alloc(8);
	p->maps = skep_alloc_array(2, sizeof(*p->maps));
	p->map_cnt = 2;
	p->btf = (struct skep_btf *)p;

	ASSERT(prog_get(p) == p);
	prog_put(p);
	ASSERT_EQ(released, 0);
	prog_put(p);
	ASSERT_EQ(released, 1);
	ASSERT_EQ(maps_put, 2);
	ASSERT_EQ(btfs_put, 1);
}

TEST(prog_new_without_memory_gives_enomem)
{
	struct skep_prog *p = NULL;

	skep_alloc_fail_at(1);
	ASSERT_EQ(prog_new(BPF_PROG_TYPE_XDP, NULL, &p), -ENOMEM);
	ASSERT(!p);
}

TEST(prog_put_accepts_null_and_half_built)
{
	_cleanup_(prog_put_p) struct skep_prog *p = NULL;

	prog_put(NULL);
	ASSERT_EQ(prog_new(BPF_PROG_TYPE_SYSCALL, NULL, &p), 0);
}
