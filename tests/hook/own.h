/* SPDX-License-Identifier: BSD-2-Clause */
/* own.h - what own.bpf.c reads of a task. */
#ifndef SKEP_TESTS_OWN_H
#define SKEP_TESTS_OWN_H

enum {
	OWN_UTS,
	OWN_IPC,
	OWN_MNT,
	OWN_PID,
	OWN_PID_FOR_CHILDREN,
	OWN_NET,
	OWN_TIME,
	OWN_TIME_FOR_CHILDREN,
	OWN_CGROUP,
	OWN_NS,
};

/* Descriptors that the process opens, from OWN_FD on: a file, one that is gone, ... */
enum { OWN_FILE, OWN_GONE, OWN_PIPE, OWN_EVENT, OWN_SOCKET, OWN_CLOSED, OWN_FDS };
#define OWN_FD 100

struct own_fd {
	unsigned long ino; /* 0: it is not open */
	unsigned dev, name_len;
	char name[32];
};

struct own {
	unsigned tgid, tid;
	unsigned ns[OWN_NS];	      /* inodes */
	int nr, leader_nr, parent_nr; /* in the task's namespace of process ids */
	unsigned long ino;
	unsigned dev; /* as the kernel has it */
	unsigned name_len;
	unsigned long args, env; /* bytes */
	unsigned differ;	 /* what plain loads found otherwise */
	unsigned long cgroup;	 /* its id */
	int level;
	char cgroup_name[32];
	char shown[64]; /* its ids as bpf_snprintf_btf() shows them */
	char name[64], arg0[128];
	struct own_fd fd[OWN_FDS];
};

#endif
