/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults.h - what members that are killed do (faults.c has the killing, and says what must hold).
 *
 * A member lives in a slot of memory that all share and that outlives it: the next one in the slot
 * goes on there.  Before each change a member notes in its slot what it is about to do, and
 * afterwards that it is done; what it finds later is one of the two.  The server may come to a call
 * after its caller has died, and after the next one has begun: for LATE_NS that is no surprise.
 *
 * Kinds of work are rows.  One more, say a member that runs a program itself, is a file like
 * faults_ring.c and a line in the table of faults.c.
 */
#ifndef SKEP_TESTS_HIVE_FAULTS_H
#define SKEP_TESTS_HIVE_FAULTS_H

#include "tests/hive/calls.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#define SLOTS_MAX  16
#define KEYS	   4  /* of each slot in each keyed map */
#define KEYED_MAX  12 /* keyed maps */
#define LATES	   4
#define LATE_NS	   UINT64_C(1000000000)
#define UNSURE_MAX (1u << 16)
#define SLOWS	   4096
#define BEATS_MAX  16
#define STOODS	   4096u

/* A serial number that is there, or will be. */
struct intent {
	uint64_t done, next; /* equal while nothing is under way; 0: there is no element */
	/* What those that died were about to do, round and round. */
	struct {
		uint64_t next;
		uint64_t until; /* ns */
	} late[LATES];
	uint32_t nr_late; /* ever */
};

struct slot {
	pid_t pid;
	uint32_t index;
	_Atomic uint64_t began; /* ns: when the call under way began; 0: none is */
	uint64_t queued;	/* ns: what the process had waited for a CPU by then */
	const char *work;	/* that it is part of */
	unsigned nr_call;	/* of that step */
	_Atomic uint64_t steps;
	uint64_t random; /* state */
	uint64_t serial; /* given out last */
	struct intent key[KEYED_MAX][KEYS];
	struct intent pushed, popped; /* how often */
	struct intent sent;	      /* records */
	/* Records of which nobody knows: whoever sent them died before it heard. */
	uint64_t unsure[UNSURE_MAX];
	uint32_t nr_unsure;
	char said[240]; /* what is wrong; empty: nothing */
};

/* A call that took long, also one that ended with its process. */
struct slow {
	const char *work;
	unsigned nr_call;
	uint64_t from, to, queued; /* ns */
};

/* A CPU did not run for ns nanoseconds, between the two. */
struct stood {
	uint64_t from, to, ns;
};

struct machine {
	_Atomic uint64_t longest;	     /* ns: from a question to its answer */
	struct stood cpu[BEATS_MAX][STOODS]; /* the last ones */
	unsigned nr[BEATS_MAX];		     /* ever */
};

struct common {
	struct slot slot[SLOTS_MAX];
	unsigned slots;
	uint64_t received[SLOTS_MAX]; /* the last record of each slot that was consumed */
	uint64_t deaths;	      /* of members, by now */
	struct slow slow[SLOWS];
	_Atomic unsigned nr_slow; /* ever */
	struct machine machine;
};

extern struct common *shared;

/* One kind of work. */
struct work {
	const char *name;
	void (*make)(void);		/* before there are members */
	void (*begin)(struct slot *s);	/* a member begins; NULL: nothing to do */
	void (*step)(struct slot *s);	/* one thing of it */
	void (*finish)(struct slot *s); /* all members are gone: is it as it should be? */
};

extern const struct work keyed_work, queue_work, churn_work, ring_work, objects_work;

uint64_t now_ns(void);

/* How long the process was ready to run and had no CPU, ever; 0 where the kernel does not say. */
uint64_t queued_ns(pid_t pid);

/* What the machine makes wait (faults_machine.c): watched from the first to the second. */
void machine_start(void);
void machine_end(void);

/* How long a CPU did not run between the two, ns; of several the one that stood longest. */
uint64_t machine_stood(uint64_t from, uint64_t to);

/* Between two calls of one step: each may take LIMIT_NS. */
void next_call(struct slot *s);

/* Something is wrong: says so and ends the process.  s: the slot it is about. */
_Noreturn void wrong(struct slot *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline uint32_t below(struct slot *s, uint32_t n)
{
	s->random = s->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((s->random >> 32) * n >> 32);
}

/* Word i of the value that `owner` wrote as its `serial`: other words are nobody's. */
static inline uint64_t seal(uint64_t owner, uint64_t serial, uint32_t i)
{
	const uint64_t mixed = (owner * 64 + i + serial * UINT64_C(0x9e3779b97f4a7c15)) *
			       UINT64_C(0xd6e8feb86659fd93);

	return serial ? serial << 24 | mixed >> 40 : 0;
}

static inline uint64_t serial_of(uint64_t word)
{
	return word >> 24;
}

#endif
