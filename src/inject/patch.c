/* SPDX-License-Identifier: BSD-2-Clause */
/* patch.c - see patch.h */
#include "inject/patch.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define REACH	  ((uint64_t)1 << 30)	/* of a site: stubs, so that what these refer to is in 2 */
#define LOWEST	  ((uint64_t)64 * 1024) /* nothing is mapped below by who may not */
#define HIGHEST	  (((uint64_t)1 << 47) - 4096)
#define STUB_STEP 64u  /* stubs begin at multiples */
#define JUMP	  0xe9 /* jmp rel32 */
#define TRAP	  0xcc /* int3 */

void patches_fini(struct patches *ps)
{
	for (size_t i = 0; i < PATCH_BUCKETS; i++) {
		while (ps->bucket[i]) {
			struct patch *p = ps->bucket[i];

			ps->bucket[i] = p->next;
			skep_free(p);
		}
	}
	ps->n = 0;
	vec_free(&ps->pools);
}

/* --- all of a process --------------------------------------------------------------------------
 */

#define GRANULE 128u /* bytes that a bucket stands for; no site has more than half of it */
static_assert(2 * SITE_TEXT <= GRANULE, "who overlaps is of this one or a neighbour");

static uint64_t granule_of(const struct site *site)
{
	return site->at / GRANULE;
}

static void add_patch(struct patches *ps, struct patch *p)
{
	struct patch **first = &ps->bucket[granule_of(&p->site) % PATCH_BUCKETS];

	p->next = *first;
	*first = p;
	ps->n++;
}

bool patches_in(const struct patches *ps, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < PATCH_BUCKETS; i++)
		for (const struct patch *p = ps->bucket[i]; p; p = p->next)
			if (p->at >= start && p->at < end)
				return true;
	return false;
}

/* --- memory near a site ----------------------------------------------------------------------- */

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/*
 * Of the gap [start, end): the address in it for a pool, 0: none is near enough.  Below a site its
 * upper end, where mappings that grow down ended; above, the middle, as a heap may grow into it.
 */
static uint64_t place_in(uint64_t start, uint64_t end, uint64_t site)
{
	uint64_t at;

	start = MAX(start, site > REACH ? site - REACH + POOL_SIZE : LOWEST);
	end = MIN(end, site + REACH - POOL_SIZE);
	if (end < start || end - start < POOL_SIZE)
		return 0;
	at = end <= site ? end - POOL_SIZE : start + (end - start - POOL_SIZE) / 2;
	return at & ~UINT64_C(4095) & (at >= start ? UINT64_MAX : 0);
}

/* The best free place for a pool: the nearest below, else the nearest above. */
static uint64_t find_place(const struct images *m, uint64_t site)
{
	uint64_t best = 0, last = LOWEST, at;

	for (size_t i = 0; i <= m->n; i++) {
		const uint64_t start = i < m->n ? m->at[i].start : HIGHEST;

		at = start > last ? place_in(last, start, site) : 0;
		/* Gaps come in order: each one below is nearer than the last, of those above the
		 * first. */
		if (at && (at < site || !best))
			best = at;
		if (i < m->n)
			last = MAX(last, m->at[i].end);
	}
	return best;
}

static int map_pool(struct tracee *t, uint64_t site, uint64_t *ret, struct skep_diag *d)
{
	struct images m;
	int64_t at = 0;
	int err = images_read(&m, t->pid, d);
	uint64_t place;

	if (err)
		return err;
	place = find_place(&m, site);
	images_fini(&m);
	if (!place)
		return diag_set(d, -ENOMEM, SKEP_AT_NONE, 0,
				"no address within 1 GiB of 0x%llx is free",
				(unsigned long long)site);
	err = tracee_syscall(t, SYS_mmap,
			     (const uint64_t[6]){ place, POOL_SIZE, PROT_READ | PROT_EXEC,
						  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
						  UINT64_MAX, 0 },
			     &at, d);
	if (!err && at < 0)
		err = diag_set(d, (int)at, SKEP_AT_NONE, 0, "process %d may not map code: %s",
			       t->pid, strerror((int)-at));
	if (!err)
		*ret = (uint64_t)at;
	return err;
}

static int no_memory(struct skep_diag *d)
{
	diag_set(d, -ENOMEM, SKEP_AT_NONE, 0, "out of memory");
	return -ENOMEM;
}

/* A pool that has room for one more stub of this site. */
static int find_pool(struct patches *ps, struct tracee *t, uint64_t site, struct pool **ret,
		     struct skep_diag *d)
{
	struct pool *new;
	int err;

	vec_foreach (p, &ps->pools) {
		if (p->used + STUB_MAX > POOL_SIZE || distance(p->at, site) > REACH - POOL_SIZE)
			continue;
		*ret = p;
		return 0;
	}
	new = vec_push(&ps->pools);
	if (!new)
		return no_memory(d);
	err = map_pool(t, site, &new->at, d);
	if (err)
		ps->pools.n--;
	else
		*ret = new;
	return err;
}

/* --- threads ---------------------------------------------------------------------------------- */

/* Can all threads go on when the jump is there? */
static int check_threads(const struct tracee *t, const struct patch *p, struct skep_diag *d)
{
	vec_foreach (th, t) {
		const uint64_t off = th->regs.rip - p->site.patch;

		if (off < site_bytes(&p->site) && stub_enter(&p->stub, &p->site, off) < 0)
			return diag_set(d, -EBUSY, SKEP_AT_NONE, 0,
					"thread %d is in the middle of an instruction", th->tid);
	}
	if (p->stub.after.calls && tracee_has_shadow_stack(t))
		return diag_set(d, -EOPNOTSUPP, SKEP_AT_NONE, 0,
				"a call is at 0x%llx, and process %d has shadow stacks",
				(unsigned long long)p->site.at, t->pid);
	return 0;
}

/* Those inside what the jump replaced go on in the stub. */
static int threads_enter(struct tracee *t, const struct patch *p)
{
	int err = 0;

	vec_foreach (th, t) {
		const uint64_t off = th->regs.rip - p->site.patch;

		if (!off || off >= site_bytes(&p->site))
			continue;
		th->regs.rip = p->at + (uint64_t)stub_enter(&p->stub, &p->site, off);
		err = tracee_set(t, th) ? -ESRCH : err;
	}
	return err;
}

/* Those at one of the moved instructions go on in the original. */
static void threads_leave(struct tracee *t, const struct patch *p)
{
	vec_foreach (th, t) {
		const uint64_t off = th->regs.rip - p->at;
		const int to = off < p->stub.size ? stub_leave(&p->stub, &p->site, off) : -1;

		if (to < 0)
			continue;
		th->regs.rip = p->site.patch + (uint64_t)to;
		tracee_set(t, th);
	}
}

/* Is one on its way to the handler, perhaps with half of what it will be called with? */
static bool is_being_entered(const struct tracee *t, const struct patch *p)
{
	vec_foreach (th, t)
		if (th->regs.rip - p->at < p->stub.call_end &&
		    (!p->stub.again || th->regs.rip - p->at != p->stub.again))
			return true;
	return false;
}

/* --- one patch -------------------------------------------------------------------------------- */

static bool overlap(const struct site *a, const struct site *b)
{
	return a->patch < b->patch + b->size && b->patch < a->patch + a->size;
}

static bool same_site(const struct site *a, const struct site *b)
{
	return a->at == b->at && a->around == b->around && a->trap == b->trap &&
	       a->patch == b->patch && a->size == b->size && !memcmp(a->text, b->text, a->size);
}

/* The first patch of the site's bucket, and of those beside it, that fits. */
typedef bool (*fits_fn)(const struct patch *p, const struct site *site, const struct tracee *t);

static struct patch *first_of(const struct patches *ps, const struct site *site, fits_fn fits,
			      const struct tracee *t)
{
	for (uint64_t g = granule_of(site) - 1, n = 0; n < 3; g++, n++)
		for (struct patch *p = ps->bucket[g % PATCH_BUCKETS]; p; p = p->next)
			if (fits(p, site, t))
				return p;
	return NULL;
}

static bool is_in_way(const struct patch *p, const struct site *site, const struct tracee *t)
{
	(void)t;
	return p->on && overlap(&p->site, site);
}

static bool is_free(const struct patch *p, const struct site *site, const struct tracee *t)
{
	return !p->on && same_site(&p->site, site) && !is_being_entered(t, p);
}

struct patch *patch_in_way(const struct patches *ps, const struct site *site)
{
	return first_of(ps, site, is_in_way, NULL);
}

/* Whether the site may be patched, and the stub that it has from earlier. */
static int look_around(const struct patches *ps, const struct tracee *t, const struct site *site,
		       struct patch **ret, struct skep_diag *d)
{
	const struct patch *other = patch_in_way(ps, site);
	uint8_t text[SITE_TEXT];

	if (other)
		return diag_set(d, -EBUSY, SKEP_AT_NONE, 0, "another probe is in the way at 0x%llx",
				(unsigned long long)other->site.at);
	if (tracee_read(t, site->patch, text, site->size) || memcmp(text, site->text, site->size))
		return diag_set(d, -ESTALE, SKEP_AT_NONE, 0,
				"the code at 0x%llx is not what its file says",
				(unsigned long long)site->patch);
	*ret = first_of(ps, site, is_free, t);
	return 0;
}

/* A patch with a stub of its own. */
static int new_patch(struct patches *ps, struct tracee *t, const struct site *site,
		     const struct stub_calls *calls, struct patch **ret, struct skep_diag *d)
{
	_cleanup_(skep_free_p) struct patch *p = skep_alloc(sizeof(*p));
	struct pool *pool;
	int err;

	if (!p)
		return no_memory(d);
	err = find_pool(ps, t, site->patch, &pool, d);
	if (err)
		return err;
	p->site = *site;
	p->at = pool->at + pool->used;
	err = stub_emit(&p->stub, site, p->at, calls, d);
	if (err)
		return err;
	pool->used += ALIGN_UP(p->stub.size, STUB_STEP);
	add_patch(ps, p);
	*ret = TAKE_PTR(p);
	return 0;
}

/* What is at the site by then: site_bytes() of it. */
static void jump_bytes(const struct patch *p, uint8_t ret[JUMP_SIZE])
{
	const int32_t rel = (int32_t)(p->at - (p->site.patch + JUMP_SIZE));

	ret[0] = p->site.trap ? TRAP : JUMP;
	memcpy(ret + 1, &rel, sizeof(rel));
}

/* The stub, and the jump to it. */
static int write_patch(struct tracee *t, const struct patch *p, struct skep_diag *d)
{
	uint8_t jump[JUMP_SIZE];

	jump_bytes(p, jump);
	if (!tracee_write(t, p->at, p->stub.code, p->stub.size) &&
	    !tracee_write(t, p->site.patch, jump, site_bytes(&p->site)))
		return 0;
	return diag_set(d, -EFAULT, SKEP_AT_NONE, 0,
			"the text of process %d at 0x%llx cannot be written", t->pid,
			(unsigned long long)p->site.patch);
}

static int put(struct patches *ps, struct tracee *t, const struct site *asked,
	       const struct site *site, const struct stub_calls *calls, struct patch **ret,
	       struct skep_diag *reterr_diag)
{
	struct patch *p = NULL;
	int err = look_around(ps, t, site, &p, reterr_diag);

	if (err)
		return err;
	/* Of a stub that is there already only the literals become others. */
	err = p ? stub_emit(&p->stub, site, p->at, calls, reterr_diag)
		: new_patch(ps, t, site, calls, &p, reterr_diag);
	if (!err)
		err = check_threads(t, p, reterr_diag);
	if (!err)
		err = write_patch(t, p, reterr_diag);
	if (err)
		return err;
	p->asked = *asked;
	p->calls = *calls;
	p->on = true;
	if (threads_enter(t, p))
		return diag_set(reterr_diag, -ESRCH, SKEP_AT_NONE, 0, "process %d ended", t->pid);
	*ret = p;
	return 0;
}

static bool is_written(const struct tracee *t, const struct patch *p)
{
	uint8_t jump[JUMP_SIZE], text[JUMP_SIZE];

	jump_bytes(p, jump);
	return !tracee_read(t, p->site.patch, text, site_bytes(&p->site)) &&
	       !memcmp(text, jump, site_bytes(&p->site));
}

/* Where one is there all are; where one is not, each is looked at. */
static bool is_there_still(struct image *i, const struct tracee *t, const struct patch *p)
{
	if (i->looked && !i->fresh)
		return true;
	i->looked = true;
	i->fresh = !is_written(t, p);
	return !i->fresh;
}

void patches_look(struct patches *ps, const struct tracee *t, struct images *m)
{
	for (size_t b = 0; b < PATCH_BUCKETS; b++)
		for (struct patch *p = ps->bucket[b]; p; p = p->next) {
			struct image *i = p->on ? images_at(m, p->site.patch) : NULL;

			if (i && is_there_still(i, t, p))
				continue;
			p->on = false;
			p->counted = 0;
		}
}

int patch_put(struct patches *ps, struct tracee *t, const struct site *site,
	      const struct stub_calls *calls, struct patch **ret, struct skep_diag *reterr_diag)
{
	return put(ps, t, site, site, calls, ret, reterr_diag);
}

int patch_put_narrow(struct patches *ps, struct tracee *t, const struct site *site,
		     const struct stub_calls *calls, struct patch **ret,
		     struct skep_diag *reterr_diag)
{
	struct site narrow;
	const int err = site_narrow(site, &narrow);

	return err ? err : put(ps, t, site, &narrow, calls, ret, reterr_diag);
}

struct patch *patch_find(const struct patches *ps, const struct site *site,
			 const struct stub_calls *calls)
{
	struct patch *p = ps->bucket[granule_of(site) % PATCH_BUCKETS];

	while (p && !(p->on && p->site.at == site->at && p->calls.handler == calls->handler &&
		      p->calls.cookie == calls->cookie))
		p = p->next;
	return p;
}

/* Where the jump at the site leads to; 0: there is none. */
static uint64_t target_of(const struct tracee *t, const struct site *site)
{
	uint8_t jump[JUMP_SIZE];
	int32_t rel;

	if (tracee_read(t, site->patch, jump, sizeof(jump)) || jump[0] != JUMP)
		return 0;
	memcpy(&rel, jump + 1, sizeof(rel));
	return site->patch + JUMP_SIZE + (uint64_t)(int64_t)rel;
}

/* Is p's stub what the process has there? */
static bool is_there(const struct tracee *t, const struct patch *p)
{
	uint8_t code[STUB_MAX];

	return !tracee_read(t, p->at, code, p->stub.size) &&
	       !memcmp(code, p->stub.code, p->stub.size);
}

static struct patch *adopt(struct patches *ps, const struct tracee *t, const struct site *asked,
			   const struct site *site, const struct stub_calls *calls, uint64_t stub)
{
	_cleanup_(skep_free_p) struct patch *p = stub ? skep_alloc(sizeof(*p)) : NULL;

	if (!p)
		return NULL;
	p->asked = *asked;
	p->site = *site;
	p->calls = *calls;
	p->at = stub;
	if (stub_emit(&p->stub, site, p->at, calls, NULL) || !is_there(t, p))
		return NULL;
	p->on = true;
	add_patch(ps, p);
	return TAKE_PTR(p);
}

struct patch *patch_adopt(struct patches *ps, const struct tracee *t, const struct site *site,
			  const struct stub_calls *calls, uint64_t stub)
{
	struct patch *p = adopt(ps, t, site, site, calls, site->trap ? stub : target_of(t, site));
	struct site narrow;

	return p || !stub || site_narrow(site, &narrow) ? p
							: adopt(ps, t, site, &narrow, calls, stub);
}

int patch_undo(struct tracee *t, struct patch *p, struct skep_diag *reterr_diag)
{
	if (!p->on)
		return 0;
	if (tracee_write(t, p->site.patch, p->site.text, site_bytes(&p->site)))
		return diag_set(reterr_diag, -EFAULT, SKEP_AT_NONE, 0,
				"the text of process %d at 0x%llx cannot be written", t->pid,
				(unsigned long long)p->site.patch);
	threads_leave(t, p);
	p->on = false;
	return 0;
}
