/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layout.h - the memory of a hive, as its server and every member see it: the same bytes at the
 * same addresses.
 *
 *	base                                                                    base + HIVE_RANGE
 *	| text      | meta          | data              | maps ................................ |
 *	  the agent,  descriptors     what changes:       each map's own memfd
 *	  compiled    of maps and     vCPUs, timers,
 *	  programs    programs        heads of rings
 *	  r-x         r--             rw-                 rw-, r-- where values are pointers
 *
 * The server alone writes text and meta: both memfds are sealed against new writable mappings
 * before anybody else sees them.  Nothing in data is a pointer that anybody follows before it has
 * looked where it leads to.
 *
 * base is chosen once for each hive, where nothing else is: neither what the kernel gives to
 * processes by itself, nor where sanitizers, Go and Java put their heaps.  A process where
 * something is there cannot be a member.
 *
 * What is shared has its magic and version at the beginning, and its size is asserted here.
 */
#ifndef SKEP_HIVE_LAYOUT_H
#define SKEP_HIVE_LAYOUT_H

#include "hive/vcpu.h"

#define HIVE_MEM_MAGIC UINT32_C(0x50454b53) /* "SKEP" */
#define HIVE_LAYOUT    5		    /* version of everything in this file */

/* The range, and where in it each part begins; all reserved, committed where it is used. */
#define HIVE_TEXT_AT ((uintptr_t)0)
#define HIVE_META_AT ((uintptr_t)256 << 20)
#define HIVE_DATA_AT ((uintptr_t)512 << 20)
#define HIVE_MAPS_AT ((uintptr_t)64 << 30)
#define HIVE_RANGE   ((uintptr_t)8 << 40)
#define HIVE_DESK_AT \
	(HIVE_RANGE - 65536) /* a member's own, where the server lays what it shall do */

/* Bases are multiples of HIVE_BASE_STEP in [HIVE_BASE_LOW, HIVE_BASE_HIGH). */
#define HIVE_BASE_STEP ((uintptr_t)64 << 30)
#define HIVE_BASE_LOW  ((uintptr_t)0x200000000000)
#define HIVE_BASE_HIGH ((uintptr_t)0x480000000000)

/* The parts that are one memfd each. */
enum hive_segment { HIVE_TEXT, HIVE_META, HIVE_DATA, _HIVE_SEGMENTS };

/* Where in the range each is, and what members may do there (PROT_* of mmap(2)). */
struct hive_part {
	uintptr_t at, end;
	int prot;
};
extern const struct hive_part hive_part[_HIVE_SEGMENTS];

struct hive_head {
	uint32_t magic;	  /* HIVE_MEM_MAGIC */
	uint32_t version; /* HIVE_LAYOUT */
	uint32_t segment; /* enum hive_segment */
	uint32_t size;	  /* of the struct that begins with this */
	uint64_t base;	  /* of the hive */
};
static_assert(sizeof(struct hive_head) == 24, "layout 1");

/*
 * A piece of [base + HIVE_MAPS_AT, ...) that members map: the first `size` bytes of a descriptor
 * of the server's.
 */
struct hive_area {
	uint64_t at;   /* address; 0: the row is free */
	uint64_t size; /* bytes */
	uint64_t off;  /* of the first one in the file */
	int32_t fd;    /* in the server; -1: zeroes that each process has for itself */
	uint32_t gen;  /* changes when the row or its addresses get another meaning */
	bool write;    /* members may map it for writing */
	uint8_t pad[7];
};
static_assert(sizeof(struct hive_area) == 40, "layout 1");

#define HIVE_AREAS ((uint32_t)1 << 16)

/* At the beginning of meta. */
struct hive_meta {
	struct hive_head head;
	struct vcpus vcpus;    /* of the kernel; its slots are in data */
	uint64_t door;	       /* struct agent_door, in text */
	uint64_t private_at;   /* memory that every process has for itself: zero at first... */
	uint64_t private_size; /* ...whole pages, in text's range */
	uint64_t trace;	       /* struct skep_map, a ring buffer of lines for the server; 0: none */
	uint64_t syscalls;     /* struct hive_syscalls, in meta; 0: there is none */
	uint64_t events;       /* struct hive_events, in meta; 0: there are none */
	uint64_t tasks;	       /* struct skep_map, a hash of struct hive_task by thread id */
	uint64_t objects;      /* struct obj_store, in meta: where timers are; 0: there is none */
	uint64_t types;	       /* struct btf_view, in meta; 0: programs show none */
	int32_t server;	       /* its process id, in its own namespace */
	_Atomic uint32_t areas;	 /* rows that were ever used */
	_Atomic uint32_t change; /* counts changes of the rows */
	uint32_t pad;
	struct hive_area area[HIVE_AREAS];
};
static_assert(sizeof(struct hive_meta) == 144 + HIVE_AREAS * sizeof(struct hive_area), "layout 5");

#define HIVE_MEMBERS ((uint32_t)1 << 16) /* processes; fewer than vcpu_who() can tell apart */

/* A thread that is about to become another program, and wants that one to be a member too. */
enum hive_exec_state {
	HIVE_EXEC_ASKS,
	HIVE_EXEC_FOLLOWED, /* the server comes along; it empties the row */
	HIVE_EXEC_DECLINED, /* the server does not; the thread empties the row */
	HIVE_EXEC_FAILED,   /* the thread is still here; the server empties the row, and wakes it */
};
struct hive_exec {
	_Atomic uint32_t tid;	/* 0: the row is free */
	_Atomic uint32_t state; /* enum hive_exec_state, a futex */
	uint64_t path;		/* its argument, in its memory */
	int32_t dir;		/* what that is relative to: a descriptor, or AT_FDCWD */
	uint32_t pad;
	char comm[16]; /* the thread's name, which exec changes */
};
#define HIVE_EXECS 64

/* At the beginning of data. */
struct hive_data {
	struct hive_head head;
	_Atomic uint32_t bell;	 /* a futex: somebody rang for the server (map/wait.c) */
	_Atomic uint32_t births; /* counts who enrolled */
	_Atomic uint32_t
		loads; /* a futex: the process that waits as it loaded libraries; 0: none */
	_Atomic uint32_t execs; /* counts who asked in `exec` */
	_Atomic uint32_t asked; /* counts who waits for vCPUs (vcpu.c) */
	uint32_t pad[5];
	_Atomic uint32_t member[HIVE_MEMBERS]; /* process ids; member n is at n - 1; 0: free */
	struct hive_exec exec[HIVE_EXECS];
};
static_assert(sizeof(struct hive_data) == 64 + HIVE_MEMBERS * 4 + HIVE_EXECS * 40, "layout 5");

#endif
