/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uprobe.c - uprobes and uretprobes: programs at places in files, in the members that have those
 * files mapped.
 *
 *	struct uprobe --- one for each attachment: what runs, and its points in the file
 *	struct spot ----- one for each instruction that ever was probed: who runs there, for agents
 *	struct process -- one for each member that is known, with the jumps in its text
 *
 * A program is at its spots before any process jumps there, and gone from them before the jumps
 * go.  Children of fork() have the jumps with their memory, known or not, and the spots lead to
 * the programs that are there by now.
 */
#include "hook/uprobe.h"
#include "base/alloc.h"
#include "hook/function.h"

/* One place where a program is to run, which returns may make many. */
struct point {
	uint64_t off, ref_ctr; /* in the file */
	struct hive_probe probe;
	enum hive_when when;
	struct sites sites; /* addresses in them are offsets in the file */
};

struct uprobe {
	struct uprobe *next;
	pid_t pid;   /* -1: all */
	bool yields; /* there is another way for it, if it is in others' */
	struct image_file file;
	struct {
		VEC(struct point);
	} points;
};

static struct {
	struct spots *spots;
	struct function_file functions; /* of the file that was asked for last */
	struct uprobe *first;
} all;

/* --- where ------------------------------------------------------------------------------------ */

bool uprobe_concerns(const struct uprobe *u, const struct process *p)
{
	return u->pid == -1 || u->pid == p->pid;
}

const struct skep_prog *uprobe_prog(const struct uprobe *u)
{
	return u->points.at->probe.prog;
}

/* Is there anything that u would be put at? */
bool uprobe_fits_in(const struct uprobe *u, const struct process *p, const struct images *images)
{
	vec_foreach (point, &u->points) {
		uint64_t at = 0;

		if (uprobe_concerns(u, p) && images_next(images, &u->file, point->off, &at))
			return true;
	}
	return false;
}

/* The same of a process that goes on meanwhile. */
bool uprobe_fits(const struct uprobe *u, const struct process *p)
{
	struct images images = { 0 };
	const bool ret = !images_read(&images, p->pid, NULL) && uprobe_fits_in(u, p, &images);

	images_fini(&images);
	return ret;
}

/* Wherever the file is mapped, until one fails. */
static int at_point(struct still *s, const struct uprobe *u, const struct point *p, spot_fn fn,
		    struct skep_diag *diag)
{
	uint64_t at = 0;
	int err = 0;

	while (!err && images_next(&s->images, &u->file, p->off, &at))
		err = still_at_spots(s, all.spots, &u->file, &p->sites, at - p->off, fn, diag);
	return err;
}

int uprobe_at_sites(struct still *s, const struct uprobe *u, spot_fn fn, struct skep_diag *diag)
{
	int err = 0;

	s->yields = u->yields;
	vec_foreach (p, &u->points)
		err = err ? err : at_point(s, u, p, fn, diag);
	s->yields = false;
	return err;
}

void uprobe_at_all(struct still *s, const struct uprobe *u, spot_fn fn)
{
	vec_foreach (p, &u->points) {
		struct skep_diag why = { 0 };

		if (at_point(s, u, p, fn, &why))
			still_leave_out(s, &why);
	}
}

/* --- programs --------------------------------------------------------------------------------- */

static int add_point(const struct uprobe *u, struct point *p)
{
	int err = 0;

	vec_foreach (site, &p->sites) {
		struct spot *spot = spot_of(all.spots, &u->file, site->at);

		if (!err)
			err = spot ? spot_add(all.spots, spot, p->when, &p->probe) : -ENOMEM;
		if (!err && !spot->ref_ctr)
			spot->ref_ctr = p->ref_ctr;
	}
	return err;
}

static int add_to_spots(struct uprobe *u)
{
	int err = 0;

	vec_foreach (p, &u->points)
		err = err ? err : add_point(u, p);
	return err;
}

/* Those where somebody else runs too lose their sites: the jumps there are that one's. */
static bool remove_from_spots(struct uprobe *u)
{
	bool alone = false;

	vec_foreach (p, &u->points) {
		size_t n = 0;

		vec_foreach (site, &p->sites) {
			struct spot *spot = spot_of(all.spots, &u->file, site->at);

			if (spot && !spot_remove(all.spots, spot, p->when, &p->probe))
				p->sites.at[n++] = *site;
		}
		p->sites.n = n;
		alone |= n > 0;
	}
	return alone;
}

/* --- points ----------------------------------------------------------------------------------- */

static void uprobe_free(struct uprobe *u)
{
	if (!u)
		return;
	vec_foreach (p, &u->points)
		vec_free(&p->sites);
	vec_free(&u->points);
	skep_free(u);
}

static enum hive_frame frame_at(const struct point *p, enum function_part part)
{
	if (part == FUNCTION_RETURNS || part == FUNCTION_RETURN_TRAPS)
		return HIVE_LEAVES;
	return part == FUNCTION_HERE && function_begins(&all.functions, p->off) ? HIVE_BEGINS
										: HIVE_INSIDE;
}

static int find_sites(struct point *p, enum function_part part, struct skep_diag *diag)
{
	p->probe.frame = (uint16_t)frame_at(p, part);
	p->probe.func = p->off;
	p->when = part == FUNCTION_ENTRY ? HIVE_RETURNS : HIVE_HERE;
	p->sites.n = 0;
	return function_sites(&all.functions, p->off, part, &p->sites, diag);
}

/* Does it say that returns cannot be seen in that way? */
static bool is_no_way(int err)
{
	return err == -EOPNOTSUPP || err == -ENOENT || err == -ENOEXEC;
}

/* Where not all returns can be seen where they stand, return addresses tell. */
static int find_returns(struct point *p, struct skep_diag *diag)
{
	static const enum function_part ways[] = { FUNCTION_RETURNS, FUNCTION_ENTRY,
						   FUNCTION_RETURN_TRAPS };
	int err = -EOPNOTSUPP;

	for (size_t i = 0; i < ARRAY_SIZE(ways) && is_no_way(err); i++)
		err = find_sites(p, ways[i], diag);
	return err;
}

typedef int (*find_fn)(struct point *p, struct skep_diag *diag);

static int find_here(struct point *p, struct skep_diag *diag)
{
	return find_sites(p, FUNCTION_HERE, diag);
}

static int find_entry(struct point *p, struct skep_diag *diag)
{
	return find_sites(p, FUNCTION_ENTRY, diag);
}

static void detach(struct uprobe *u, const struct uprobe_ops *ops)
{
	if (remove_from_spots(u))
		ops->take(u);
}

static int attach_by(struct uprobe *u, const struct uprobe_ops *ops, find_fn find,
		     struct skep_diag *diag)
{
	int err = 0;

	vec_foreach (p, &u->points)
		err = err ? err : find(p, diag);
	if (!err)
		err = add_to_spots(u);
	if (!err)
		err = ops->put(u, diag);
	if (err)
		detach(u, ops);
	return err;
}

/* Where jumps of others are in the way: by return addresses, else theirs give way. */
static int attach_returns(struct uprobe *u, const struct uprobe_ops *ops, struct skep_diag *diag)
{
	int err;

	u->yields = true;
	err = attach_by(u, ops, find_returns, diag);
	u->yields = false;
	if (err != -EBUSY)
		return err;
	err = attach_by(u, ops, find_entry, diag);
	return is_no_way(err) ? attach_by(u, ops, find_returns, diag) : err;
}

static int add_points(struct uprobe *u, const struct probe_spec *spec, struct skep_prog *prog)
{
	for (uint32_t i = 0; i < spec->n; i++) {
		const struct probe_point *from = &spec->points[i];
		struct point *p = vec_push(&u->points);

		if (!p)
			return -ENOMEM;
		p->off = from->off;
		p->ref_ctr = from->ref_ctr;
		p->probe.prog = prog;
		p->probe.cookie = from->cookie;
		p->probe.pid = u->pid > 0 ? (uint32_t)u->pid : HIVE_ALL;
	}
	return 0;
}

static int attach_spec(struct uprobe *u, const struct probe_spec *spec,
		       const struct uprobe_ops *ops, struct skep_diag *diag)
{
	int err = function_file_open(&all.functions, spec->path, diag);

	if (err)
		return err;
	u->file = all.functions.id;
	return spec->returns ? attach_returns(u, ops, diag) : attach_by(u, ops, find_here, diag);
}

/* --- the door --------------------------------------------------------------------------------- */

DEFINE_CLEANUP(struct uprobe, uprobe_free)

int uprobe_attach(const struct probe_spec *spec, struct skep_prog *prog,
		  const struct uprobe_ops *ops, struct uprobe **ret, struct skep_diag *reterr_diag)
{
	_cleanup_(uprobe_free_p) struct uprobe *u = skep_alloc(sizeof(*u));
	int err;

	if (!u)
		return -ENOMEM;
	u->pid = spec->pid;
	err = add_points(u, spec, prog);
	if (!err)
		err = attach_spec(u, spec, ops, reterr_diag);
	if (err)
		return err;
	u->next = all.first;
	*ret = all.first = TAKE_PTR(u);
	return 0;
}

void uprobe_detach(struct uprobe *u, const struct uprobe_ops *ops)
{
	struct uprobe **at = &all.first;

	while (*at && *at != u)
		at = &(*at)->next;
	if (*at) {
		*at = u->next;
		detach(u, ops);
	}
	uprobe_free(u);
}

void uprobes_stop(const struct uprobe_ops *ops)
{
	while (all.first) {
		struct uprobe *u = all.first;

		all.first = u->next;
		detach(u, ops);
	}
}

const struct uprobe *uprobe_next(const struct uprobe *u)
{
	return u ? u->next : all.first;
}

void uprobes_start(struct spots *spots)
{
	all.spots = spots;
}
