/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cgroup.h - the cgroup that a task is in, of the machine's unified hierarchy, and those above it:
 * the C twins of model/kernel.bpf.c's types, which tests/unit/model holds together.
 *
 * As files they are made as they are read, at addresses of the kernel's half (cgroup.c).
 */
#ifndef SKEP_HELPER_CGROUP_H
#define SKEP_HELPER_CGROUP_H

#include "base/base.h"

struct skep_run;

#define CGROUP_LEVELS 32 /* whose task is further down has a cgroup that is not known */

struct model_kernfs_node {
	uint64_t id;			  /* bpf_get_current_cgroup_id() */
	const char *name;		  /* the last part of its path; of the root "" */
	struct model_kernfs_node *parent; /* NULL: it is the root */
};

struct model_cgroup {
	struct model_kernfs_node *kn;
	int32_t level;				       /* how far below the root */
	struct model_cgroup *ancestors[CGROUP_LEVELS]; /* by their level, itself the last */
};

struct model_css_set {
	struct model_cgroup *dfl_cgrp; /* NULL: not known */
};

/* Where programs find struct css_set of the task whose run it is, and what that leads to. */
#define CGROUPS_AT   UINT64_C(0xfffffffff0000000)
#define CGROUPS_SIZE UINT64_C(0x10000)

/** Copies n bytes from there: 0, or -EFAULT where nothing is.  Hot. */
long cgroups_read(struct skep_run *run, void *to, uint64_t addr, size_t n);

/**
 * Who the cgroup is to local storage: number of its inode, device (map/storage_sys.c).
 *
 * @param addr	what a program has for a pointer to one
 * @return false: it is none that the task whose run it is is in
 */
bool cgroup_owner(struct skep_run *run, uint64_t addr, uint64_t owner[2]);

#endif
