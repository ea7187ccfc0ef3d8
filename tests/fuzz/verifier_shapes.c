/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_shapes.c - see verifier_shapes.h
 *
 * libbpf links and relocates; the bpf(2) that it finds (--wrap=syscall) says yes to everything and
 * keeps the instructions that it is given.  Descriptors are memfds that nobody looks at but by
 * number.
 */
#include "tests/fuzz/verifier_shapes.h"
#include "tests/fuzz/verifier_check.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHAPES_MAX 8192
#define FDS	   4096

static struct gen_prog *shapes[SHAPES_MAX];
static uint32_t nr_shapes;

/* Which of the checker's maps stands in for that descriptor: 1 + GEN_*. */
static uint8_t map_at[FDS];

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

/* --- into the checker's world ----------------------------------------------------------------- */

static uint8_t stand_in(uint32_t map_type)
{
	switch (map_type) {
	case BPF_MAP_TYPE_RINGBUF:
		return 1 + GEN_RING;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
		return 1 + GEN_HASH;
	default:
		return 1 + GEN_ARRAY;
	}
}

/* Calls whose results are the same on every engine. */
static bool repeatable(int32_t helper)
{
	return helper == BPF_FUNC_map_lookup_elem || helper == BPF_FUNC_map_update_elem ||
	       helper == BPF_FUNC_map_delete_elem || helper == BPF_FUNC_loop;
}

/* False where the instruction names what the checker has no such thing of. */
static bool adapt(struct gen_prog *p, uint32_t i)
{
	struct bpf_insn *in = &p->insns[i];

	if (in->code == (BPF_JMP | BPF_CALL)) {
		p->loose |= in->src_reg == 0 && !repeatable(in->imm);
		return in->src_reg == 0 || in->src_reg == BPF_PSEUDO_CALL;
	}
	if (in->code != (BPF_LD | BPF_IMM | BPF_DW))
		return true;
	if (in->src_reg == BPF_PSEUDO_MAP_FD && in->imm >= 0 && in->imm < FDS && map_at[in->imm]) {
		in->imm = map_at[in->imm] - 1;
		return true;
	}
	return in->src_reg == 0 || in->src_reg == BPF_PSEUDO_FUNC;
}

static void keep(const struct bpf_insn *insns, uint32_t n)
{
	struct gen_prog *p;

	if (n > GEN_INSNS || n < 4 || nr_shapes == SHAPES_MAX)
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	memcpy(p->insns, insns, n * sizeof(*insns));
	p->n = n;
	for (uint32_t i = 0; i < n; i++) {
		if (!adapt(p, i)) {
			free(p);
			return;
		}
		i += p->insns[i].code == (BPF_LD | BPF_IMM | BPF_DW);
	}
	shapes[nr_shapes++] = p;
}

/* --- the kernel that libbpf finds ------------------------------------------------------------- */

static bool loading;

static long yes(int cmd, const union bpf_attr *attr)
{
	const int fd = memfd_create("shape", MFD_CLOEXEC);

	if (cmd == BPF_MAP_CREATE && fd >= 0 && fd < FDS)
		map_at[fd] = stand_in(attr->map_type);
	if (cmd == BPF_PROG_LOAD)
		keep((const struct bpf_insn *)(uintptr_t)attr->insns, attr->insn_cnt);
	if (cmd == BPF_MAP_CREATE || cmd == BPF_PROG_LOAD || cmd == BPF_BTF_LOAD)
		return fd;
	close(fd);
	return 0;
}

long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_bpf && loading)
		return yes((int)a[0], (const union bpf_attr *)a[1]);
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* --- the door --------------------------------------------------------------------------------- */

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return 0;
}

/* One program at a time: what one of them needs from the kernel shall not cost the others. */
static bool add_nth(const char *path, int n)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *prog;
	int i = 0;

	if (!obj)
		return false;
	bpf_object__for_each_program(prog, obj) bpf_program__set_autoload(prog, i++ == n);
	if (n < i) {
		loading = true;
		bpf_object__load(obj);
		loading = false;
	}
	bpf_object__close(obj);
	return n < i;
}

void shapes_add(const char *path)
{
	libbpf_set_print(quiet);
	for (int n = 0; add_nth(path, n); n++)
		;
}

uint32_t shapes_count(void)
{
	return nr_shapes;
}

void shapes_program(struct gen_source *src, struct gen_prog *ret)
{
	*ret = *shapes[gen_choice(src, nr_shapes)];
	if (!src->no_mutations)
		gen_mutate(src, ret, gen_choice(src, 4));
}
