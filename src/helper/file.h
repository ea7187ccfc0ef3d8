/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file.h - files as programs see them: the C twins of model/kernel.bpf.c's types, which
 * tests/unit/model holds together.
 */
#ifndef SKEP_HELPER_FILE_H
#define SKEP_HELPER_FILE_H

#include "base/base.h"

struct model_super_block {
	uint32_t s_dev; /* as the kernel has it: major << 20 | minor */
};

struct model_inode {
	uint64_t i_ino;
	struct model_super_block *i_sb;
};

struct model_qstr {
	uint32_t len; /* of the name, without its NUL */
	const char *name;
};

struct model_dentry {
	struct model_qstr d_name; /* the last part of the path */
	struct model_inode *d_inode;
};

struct model_path {
	struct model_dentry *dentry; /* NULL: the name is not known */
};

struct model_file {
	struct model_inode *f_inode;
	struct model_path f_path;
};

/* The files of a process (files.c). */
struct model_fdtable {
	uint32_t max_fds;	/* how many there may be */
	struct model_file **fd; /* NULL: not open */
};

struct model_files {
	struct model_fdtable *fdt;
};

#endif
