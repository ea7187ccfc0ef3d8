/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * patch.h - jumps in the text of a stopped process, and back out.
 *
 * Stubs lie in memory that the process got for them, within 1 GiB of the site, never writable: it
 * is written through /proc/PID/mem.  A stub is never taken back: a thread may be in its handler
 * when the jump goes, and returns to it.  So there is one for each site that ever was probed; the
 * next probe of the site gets it again.
 *
 * Where no jump fits there is an int3 (site.trap), and somebody else who leads the thread from its
 * signal to the stub.
 *
 * A struct patches is what one process has, from its first probe to its exec(2) or end.  Nothing
 * here locks.
 */
#ifndef SKEP_INJECT_PATCH_H
#define SKEP_INJECT_PATCH_H

#include "inject/image.h"
#include "inject/stub.h"
#include "inject/tracee.h"

struct patch {
	struct patch *next;	 /* of its bucket */
	struct site asked;	 /* what was asked for... */
	struct site site;	 /* ...and where it is, and what was there */
	struct stub_calls calls; /* what it is for */
	struct stub stub;	 /* what the jump leads to... */
	uint64_t at;		 /* ...its address */
	uint64_t counted;	 /* address of a counter that was told so; 0: none was */
	bool on;		 /* the jump is there */
};

/* Memory for stubs, filled from its beginning. */
struct pool {
	uint64_t at;   /* address */
	uint32_t used; /* bytes, of POOL_SIZE */
};
#define POOL_SIZE     (64u * 1024)

#define PATCH_BUCKETS 1024u /* by the 128 bytes that the probed instruction begins in */

struct patches {
	struct patch *bucket[PATCH_BUCKETS]; /* all that ever were */
	size_t n;			     /* of them */
	struct {
		VEC(struct pool);
	} pools;
};

/** Forgets, in this process: the other one keeps what it has. */
void patches_fini(struct patches *ps);

/** Is some stub in [start, end)? */
bool patches_in(const struct patches *ps, uint64_t start, uint64_t end);

/**
 * Text that was unmapped since, or mapped anew (dlclose(3), and dlopen(3) again, which comes to the
 * same address), has no jumps, and they are on no more.
 *
 * @param m  what the process has mapped; in images where jumps were it sets `fresh`
 */
void patches_look(struct patches *ps, const struct tracee *t, struct images *m);

/**
 * What `calls` says is called at each execution of the site from now on.
 *
 * @param ret  the patch, ps's
 * @return 0; -EBUSY: another jump is in the way, or a thread in the middle of an instruction;
 *	-EOPNOTSUPP: the site calls, and the process has shadow stacks; -ESTALE: the text is not
 *	what the site says; -ENOMEM: no address near the site is free; or an error of stub_emit()
 *	or tracee_syscall().  On failure the text is what it was
 */
int patch_put(struct patches *ps, struct tracee *t, const struct site *site,
	      const struct stub_calls *calls, struct patch **ret, struct skep_diag *reterr_diag);
/** The same by the int3 that site_narrow() says: its errors, too. */
int patch_put_narrow(struct patches *ps, struct tracee *t, const struct site *site,
		     const struct stub_calls *calls, struct patch **ret,
		     struct skep_diag *reterr_diag);

/** The jump, or int3, that calls that at the site's instruction; NULL: there is none. */
struct patch *patch_find(const struct patches *ps, const struct site *site,
			 const struct stub_calls *calls);
/** One that has some of the site's bytes; NULL: there is none. */
struct patch *patch_in_way(const struct patches *ps, const struct site *site);

/**
 * The same in a process that has its jumps from whom it was forked from: as patch_put() would have
 * made it, or patch_put_narrow(), compared byte for byte.  NULL: it has none there, or memory is
 * out.
 *
 * @param stub  the address of the stub that an int3 there is known to lead to; 0: none
 */
struct patch *patch_adopt(struct patches *ps, const struct tracee *t, const struct site *site,
			  const struct stub_calls *calls, uint64_t stub);

/**
 * The original text again.  Threads that are in a handler go on there, and may call it until they
 * have left; who unmaps the handler has to know that they have.  0 or -EFAULT.
 */
int patch_undo(struct tracee *t, struct patch *p, struct skep_diag *reterr_diag);

#endif
