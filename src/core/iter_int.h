/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iter_int.h - iterators: one read of all elements, and what each target brings to it.
 *
 *	link ──BPF_ITER_CREATE──▶ struct iter: next ▸ enter ▸ program ▸ text, element by element
 *
 * Adding a target costs a row in iter.c's table, a file with its operations, its struct and
 * function in model/kernel.bpf.c, a test.
 */
#ifndef SKEP_CORE_ITER_INT_H
#define SKEP_CORE_ITER_INT_H

#include "core/core_int.h"
#include "core/iter_model.h"
#include "helper/seq.h"

#define ITER_ARGS 3 /* that a target has at most, behind meta */

/* All that programs are handed, in one piece: pointers in it lead into it. */
struct iter_mem {
	uint64_t ctx[1 + ITER_ARGS]; /* meta, then the target's arguments */
	struct model_iter_meta meta;
	struct skep_seq seq;
	union {
		struct model_map map;
		struct model_prog prog;
		struct {
			struct model_link link;
			struct model_prog link_prog;
		};
		struct {
			struct model_vma vma;
			struct model_file file;
			struct model_inode inode;
			struct model_super_block super;
		};
	};
};

struct iter_ops;
struct iter_task;

/* What LINK_CREATE's iter_info said. */
struct iter_link {
	const struct iter_ops *ops;
	struct skep_map *map; /* bpf_map_elem: counted; else NULL */
	uint32_t tid, tgid;   /* task: only this one, only of this process; 0: all */
};

/* One iterator: it lives for a read. */
struct iter {
	struct call *c;
	const struct iter_ops *ops;
	const struct iter_link *link;
	struct iter_mem mem;
	struct object_ref ref;	 /* the element, where it is an object: held while it is shown */
	uint32_t id;		 /* its id */
	uint8_t *key, *value;	 /* bpf_map_elem: one key, and a value as it is copied */
	uint8_t *keys;		 /* all of them, of the moment when the read began */
	struct iter_task *tasks; /* task: all of them, as programs see them; [0] is idle */
	uint32_t nr_keys, at;	 /* how many; the next one */
	const struct skep_task *task; /* whose parts are shown, by targets that show such */
	void *parts;		      /* all of them, of the moment when its turn came */
	uint32_t nr_parts, part;      /* how many; the next one */
	int err;		      /* -errno of next() */
	bool copies;		      /* the program gets the copy */
	struct run_region extra[2];   /* what else it may reach while the element is shown */
};

struct iter_ops {
	const char *target; /* bpf_iter_TARGET() */
	bool may_sleep;	    /* programs that do attach */
	/* Checks what iter_info says, and keeps it; NULL: nothing is looked at. */
	int (*attach)(struct call *c, const struct skep_prog *p,
		      const union bpf_iter_link_info *info, struct iter_link *l);
	/* May the program have that map's elements? NULL: there are none. */
	int (*fits)(struct call *c, const struct skep_prog *p, const struct skep_map *m);
	/* BPF_OBJ_GET_INFO_BY_FD's part; NULL: there is none. */
	void (*info)(const struct iter_link *l, struct bpf_link_info *info);
	/* Before the first element: 0 or -errno; NULL: nothing is to be done. */
	int (*begin)(struct iter *it);
	/* The next element, and the arguments that tell of it; false: that was the last, or
	 * it->err. */
	bool (*next)(struct iter *it);
	/* The same in the run's vCPU; false: the element is gone. NULL: nothing is to be done. */
	bool (*enter)(struct iter *it, uint32_t cpu);
};

extern const struct iter_ops iter_bpf_map, iter_bpf_prog, iter_bpf_link, iter_bpf_map_elem,
	iter_task, iter_task_file, iter_task_vma;

/* -- iter_task.c: what the targets that show parts of tasks have in common with it -- */
int iter_task_attach(struct call *c, const struct skep_prog *p,
		     const union bpf_iter_link_info *info, struct iter_link *l);
void iter_task_info(const struct iter_link *l, struct bpf_link_info *info);
int iter_task_begin(struct iter *it);
/** The next task, NULL: that was the last. */
const struct skep_task *iter_task_next(struct iter *it);
/**
 * The next part of a task, its index in *ret_part: read() finds those of a task.  Threads have the
 * parts of their process, and are shown where one is asked for by its id.
 */
bool iter_part_next(struct iter *it, int (*read)(struct iter *it), uint32_t *ret_part);
/** The file with that inode, as programs see it. */
struct model_file *iter_fill_file(struct iter_mem *mem, uint32_t major, uint32_t minor,
				  uint64_t ino);

/** The map as programs see it. */
void iter_fill_map(struct model_map *to, const struct skep_map *m);

#endif
