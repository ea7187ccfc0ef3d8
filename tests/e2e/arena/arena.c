/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An arena whose place nobody said before: mmap(2) finds one, and programs allocate there. Whatever
 * kernel is below, the text is to be the same.  By bpf(2) alone, as older libraries know no arenas.
 *
 * usage: arena
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES 8
#define SIZE  (PAGES * 4096ul)

static long sys_bpf(int cmd, union bpf_attr *attr)
{
	const long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : r;
}

static int arena_new(void)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = 33; /* BPF_MAP_TYPE_ARENA: older headers lack it */
	a.max_entries = PAGES;
	a.map_flags = BPF_F_MMAPABLE;
	return (int)sys_bpf(BPF_MAP_CREATE, &a);
}

/* Allocates a page, writes 42 behind its beginning, and tells where it is. */
static int load(int arena, int kfunc)
{
	const struct bpf_insn insns[] = {
		{ .code = 0xbf, .dst_reg = 6, .src_reg = 1 },
		{ .code = 0x18, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = arena },
		{ 0 },
		{ .code = 0xb7, .dst_reg = 2 },
		{ .code = 0xb7, .dst_reg = 3, .imm = 1 },
		{ .code = 0xb7, .dst_reg = 4, .imm = -1 },
		{ .code = 0xb7, .dst_reg = 5 },
		{ .code = 0x85, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = kfunc },
		{ .code = 0x7b, .dst_reg = 6, .src_reg = 0 },
		{ .code = 0xbf, .dst_reg = 1, .src_reg = 0, .off = 1, .imm = 1 }, /* the cast */
		{ .code = 0xb7, .dst_reg = 2, .imm = 42 },
		{ .code = 0x7b, .dst_reg = 1, .src_reg = 2, .off = 8 },
		{ .code = 0xb7, .dst_reg = 0 },
		{ .code = 0x95 },
	};
	static char log[65536];
	union bpf_attr a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_SYSCALL;
	a.prog_flags = BPF_F_SLEEPABLE;
	a.insns = (unsigned long)insns;
	a.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	a.license = (unsigned long)"GPL";
	a.log_level = 1;
	a.log_buf = (unsigned long)log;
	a.log_size = sizeof(log);
	fd = (int)sys_bpf(BPF_PROG_LOAD, &a);
	if (fd < 0)
		printf("load: %d %.*s\n", fd, (int)strcspn(log, "\n"), log);
	return fd;
}

static unsigned long run(int prog)
{
	unsigned long at = 0;
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (unsigned)prog;
	a.test.ctx_in = (unsigned long)&at;
	a.test.ctx_size_in = sizeof(at);
	printf("run: %ld %u\n", sys_bpf(BPF_PROG_TEST_RUN, &a), a.test.retval);
	return at;
}

/* Where a second time is refused, and why. */
static void again(const char *what, char *addr, unsigned long size, int flags, int fd, off_t off)
{
	void *at = mmap(addr, size, PROT_READ | PROT_WRITE, flags, fd, off);

	printf("%s: %d\n", what, at == MAP_FAILED ? errno : 0);
	if (at != MAP_FAILED)
		munmap(at, size);
}

int main(void)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	int kfunc = kernel ? btf__find_by_name_kind(kernel, "bpf_arena_alloc_pages", BTF_KIND_FUNC)
			   : -ENOENT;
	int arena = arena_new(), prog;
	char *mem, *at;

	if (arena < 0 || kfunc < 0) {
		fprintf(stderr, "no arenas: %d, %d\n", arena, kfunc);
		return 1;
	}
	load(arena, kfunc);
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, arena, 0);
	if (mem == MAP_FAILED)
		return 1;
	mem[0] = 1; /* the first page is ours */
	prog = load(arena, kfunc);
	for (int i = 1; i <= 8; i++) {
		at = (char *)run(prog);
		if (at)
			printf("page %ld: %ld\n", (at - mem) / 4096, *(long *)(at + 8));
		else
			printf("no page\n");
	}
	again("elsewhere", mem + (1ul << 31), SIZE, MAP_SHARED | MAP_FIXED, arena, 0);
	again("less", mem, SIZE / 2, MAP_SHARED | MAP_FIXED, arena, 0);
	again("more", mem, SIZE * 2, MAP_SHARED | MAP_FIXED, arena, 0);
	again("anywhere", NULL, SIZE, MAP_SHARED, arena, 0);
	again("behind", mem, SIZE, MAP_SHARED | MAP_FIXED, arena, 4096);
	printf("there: %d %ld\n", mem[0], *(long *)(mem + 4096 + 8));
	btf__free(kernel);
	return 0;
}
