/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jump.c - jumps into a process that stands still, and out of it; see process.h.
 *
 * A site says where a jump would be if it were alone.  Among others, whoever comes when, it is
 *
 *	a jump ─▶ an int3, where the bytes around its instruction are others'
 *	       ─▶ the same, and theirs become int3, where one of theirs has moved that instruction
 */
#include "agent/agent.h"
#include "hook/guard.h"
#include "hook/process.h"

/* The jump that is at the site: ours, or from whom the process was forked; NULL. */
static struct patch *jump_of(struct still *s, const struct site *site,
			     const struct stub_calls *calls)
{
	struct patch *patch = patch_find(&s->p->patches, site, calls);

	return patch || !s->p->inherits ? patch
					: patch_adopt(&s->p->patches, &s->t, site, calls,
						      still_trapped(s, site->at));
}

/* Where no jump fits, or none beside others. */
static int put_trap(struct still *s, const struct site *site, const struct stub_calls *calls,
		    struct patch **ret, struct skep_diag *diag)
{
	int err;

	if (!s->p->guarded)
		return diag_set(diag, -EOPNOTSUPP, SKEP_AT_NONE, 0,
				"no jump fits at 0x%llx, and not all that process %d does about "
				"signals can be seen, so no int3",
				(unsigned long long)site->at, (int)s->p->pid);
	err = (site->trap ? patch_put : patch_put_narrow)(&s->p->patches, &s->t, site, calls, ret,
							  diag);
	if (err || !still_trap(s, site->at, (*ret)->at))
		return err;
	patch_undo(&s->t, *ret, NULL);
	return diag_set(diag, -ENOSPC, SKEP_AT_NONE, 0, "process %d has %u int3 already",
			(int)s->p->pid, AGENT_TRAPS);
}

/* A jump has moved an instruction that is to be probed too: an int3 takes its place. */
static int give_way(struct still *s, struct patch *jump, struct skep_diag *diag)
{
	const struct patch was = *jump;
	struct patch *now = NULL;
	int err = patch_undo(&s->t, jump, diag);

	if (err)
		return err;
	jump->counted = 0;
	err = put_trap(s, &was.asked, &was.calls, &now, diag);
	if (err && patch_put(&s->p->patches, &s->t, &was.asked, &was.calls, &now, NULL))
		return err;
	if (now)
		now->counted = was.counted;
	return err;
}

/* Where the bytes around the instruction are others'. */
static int put_beside(struct still *s, const struct site *site, const struct stub_calls *calls,
		      struct patch **ret, struct skep_diag *diag)
{
	struct site one = *site;
	struct patch *jump;
	int err = site->trap ? 0 : site_narrow(site, &one);

	while (!err && (jump = patch_in_way(&s->p->patches, &one)))
		err = jump->site.trap ? -EBUSY : give_way(s, jump, diag);
	return err ? err : put_trap(s, site, calls, ret, diag);
}

static int put(struct still *s, const struct site *site, const struct stub_calls *calls,
	       struct patch **ret, struct skep_diag *diag)
{
	const int err = site->trap ? put_trap(s, site, calls, ret, diag)
				   : patch_put(&s->p->patches, &s->t, site, calls, ret, diag);

	return err == -EBUSY && !s->yields ? put_beside(s, site, calls, ret, diag) : err;
}

void still_leave_out(struct still *s, const struct skep_diag *why)
{
	if (!s->left++)
		s->why = *why;
}

int still_put(struct still *s, const struct site *site, const struct stub_calls *calls,
	      struct skep_diag *diag)
{
	struct patch *patch;

	return jump_of(s, site, calls) ? 0 : put(s, site, calls, &patch, diag);
}

int still_undo(struct still *s, const struct site *site, const struct stub_calls *calls,
	       struct skep_diag *diag)
{
	struct patch *patch = jump_of(s, site, calls);

	return patch ? patch_undo(&s->t, patch, diag) : 0;
}

/* --- spots ------------------------------------------------------------------------------------ */

static struct patch *jump_to(struct still *s, const struct site *site, const struct spot *spot,
			     const struct stub_calls *calls)
{
	const size_t known = s->p->patches.n;
	struct patch *patch = jump_of(s, site, calls);

	/* What was adopted was counted by whom it was forked from. */
	if (patch && s->p->patches.n > known && spot->ref_ctr)
		patch->counted = images_data(&s->images, &spot->file, spot->ref_ctr);
	return patch;
}

/* The program may ask for its semaphore before it comes to the probe: one more, or one less. */
static void count(struct still *s, uint64_t at, int by)
{
	uint16_t n;

	if (at && !tracee_read(&s->t, at, &n, sizeof(n))) {
		n = (uint16_t)(n + by);
		tracee_write(&s->t, at, &n, sizeof(n));
	}
}

static struct stub_calls calls_of(const struct still *s, uint64_t handler, const struct spot *spot)
{
	const struct agent_door *door = agent_of(s->space);

	return (struct stub_calls){ .handler = handler,
				    .cookie = (uintptr_t)spot->site,
				    .leave = (uintptr_t)door->return_now };
}

int still_put_spot(struct still *s, const struct site *site, const struct spot *spot,
		   uint64_t handler, struct skep_diag *diag)
{
	const struct stub_calls calls = calls_of(s, handler, spot);
	struct patch *patch = jump_to(s, site, spot, &calls);
	int err = patch ? 0 : put(s, site, &calls, &patch, diag);

	if (!err && spot->ref_ctr && !patch->counted) {
		patch->counted = images_data(&s->images, &spot->file, spot->ref_ctr);
		count(s, patch->counted, 1);
	}
	return err;
}

int still_undo_spot(struct still *s, const struct site *site, const struct spot *spot,
		    uint64_t handler, struct skep_diag *diag)
{
	const struct stub_calls calls = calls_of(s, handler, spot);
	struct patch *patch = jump_to(s, site, spot, &calls);

	if (!patch)
		return 0;
	count(s, patch->counted, -1);
	patch->counted = 0;
	return patch_undo(&s->t, patch, diag);
}

int still_at_spots(struct still *s, struct spots *spots, const struct image_file *file,
		   const struct sites *sites, uint64_t by, spot_fn fn, struct skep_diag *diag)
{
	const struct agent_door *door = agent_of(s->space);
	int err = 0;

	vec_foreach (site, sites) {
		const struct spot *spot = spot_of(spots, file, site->at);
		struct site here = *site;

		here.at += by;
		here.patch += by;
		if (!err)
			err = spot ? fn(s, &here, spot, (uintptr_t)door->probe, diag) : -ENOMEM;
	}
	return err;
}
