/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view.c - see view.h; which maps can be viewed, and what is done on a view, is core/view.h's.
 *
 * A table of slots, found by the file position that names map and mode (core/home.h): a number
 * among descriptors says nothing, as programs close and reuse it.  Positions are never given out
 * again, so what is known of one stays true; a view does not keep its map alive, as its mapping is
 * of a description without a lock.
 *
 * Invariant: a slot's view stays while somebody counts as its user, who has seen the slot's
 * position after it was counted.  Who empties a slot takes the position away first, and looks for
 * users then.  Nobody waits: one at a time makes views, everybody else asks the kernel meanwhile, a
 * handler of a signal in the middle of that included.  Children that were forked go on with the
 * table, whose mappings are theirs too.
 */
#include "bpf/view.h"
#include "base/sys.h"
#include "bpf/door.h"
#include "bpf/member.h"
#include "core/known.h"
#include "core/view.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SETS	  16
#define WAYS	  4 /* slots that a position can be in */
#define WORTH	  8 /* calls that the kernel answers before the map is worth a view */
#define UNUSED_MS 10000
#define NO_VIEW	  (-1)

struct slot {
	_Atomic uint64_t position;    /* of descriptors; 0: the slot is empty */
	_Atomic uint32_t users;	      /* calls under way */
	_Atomic uint32_t used;	      /* when last, in ms */
	_Atomic int32_t calls;	      /* that the kernel answered; NO_VIEW: it has none to give */
	_Atomic bool writable;	      /* bpf(2) may write through the view */
	struct skep_map *_Atomic map; /* the view; NULL: there is none (yet) */
} __attribute__((aligned(64)));

static struct slot table[SETS][WAYS];

/* Who makes views at the moment: a thread of that process; 0: nobody. */
static _Atomic pid_t maker;

/* There was a view: before that, nobody need look for one. */
static atomic_bool made;

static uint32_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint32_t)((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
}

/* --- the table -------------------------------------------------------------------------------- */

/* Serials lie four apart, and maps that are used together were made together. */
static struct slot *set_of(uint64_t position)
{
	return table[position / 4 % SETS];
}

static void slot_put(struct slot *s)
{
	atomic_fetch_sub_explicit(&s->users, 1, memory_order_release);
}

/* Counts as a user of the slot until slot_put(); NULL: nothing is known of that position. */
static struct slot *slot_get(uint64_t position)
{
	struct slot *set = set_of(position);

	for (struct slot *s = set; s < set + WAYS; s++) {
		if (atomic_load_explicit(&s->position, memory_order_relaxed) != position)
			continue;
		/* Counted first: slot_empty() sees the user, or the user that it is gone. */
		atomic_fetch_add(&s->users, 1);
		if (atomic_load(&s->position) == position)
			return s;
		slot_put(s);
	}
	return NULL;
}

/* For the maker.  False where somebody uses it. */
static bool slot_empty(struct slot *s)
{
	const uint64_t position = atomic_load(&s->position);

	atomic_store(&s->position, 0);
	if (atomic_load(&s->users)) {
		atomic_store(&s->position, position);
		return false;
	}
	map_view_free(atomic_exchange(&s->map, NULL));
	return true;
}

/* For the maker: a slot for a position that has none yet, emptied if need be; or NULL. */
static struct slot *slot_new(uint64_t position, uint32_t now)
{
	struct slot *set = set_of(position), *oldest = set;

	for (struct slot *s = set; s < set + WAYS; s++) {
		if (!atomic_load(&s->position)) {
			oldest = s;
			break;
		}
		if (now - atomic_load(&s->used) > now - atomic_load(&oldest->used))
			oldest = s;
	}
	if (!slot_empty(oldest))
		return NULL;
	atomic_store(&oldest->calls, 0);
	atomic_store(&oldest->used, now);
	atomic_store(&oldest->position, position);
	return oldest;
}

/* For the maker: nobody needs what nobody has used for long. */
static void sweep(uint32_t now)
{
	static uint32_t last;

	if (now - last < UNUSED_MS / 4)
		return;
	last = now;
	for (struct slot *s = table[0]; s < table[0] + SETS * WAYS; s++)
		if (atomic_load(&s->position) && now - atomic_load(&s->used) > UNUSED_MS)
			slot_empty(s);
}

/* --- making ----------------------------------------------------------------------------------- */

/* Only one at a time; false where another is at it.  A maker that a fork left behind is none. */
static bool make_begin(void)
{
	const pid_t me = getpid();
	pid_t who = 0;

	return atomic_compare_exchange_strong(&maker, &who, me) ||
	       (who != me && atomic_compare_exchange_strong(&maker, &who, me));
}

static void make_end(void)
{
	atomic_store(&maker, 0);
}

/* What the memory alone does not let us do, the agent does, if it can come in. */
static void find_way(struct map_far *far)
{
	const struct agent_door *door;

	if (far->map && !member_try_join(&door) && !door->sync())
		far->call = door->map_call;
	else
		far->map = NULL;
}

static void make(struct slot *s, int fd, uint64_t position)
{
	struct map_facts facts = { 0 };
	struct skep_map *m = NULL;
	const long memory = DOOR(ENTRY_MAP_VIEW, "", (uint64_t)fd, (uintptr_t)&facts);
	bool write;

	atomic_store(&s->calls, NO_VIEW);
	write = facts.write;
	if (memory < 0)
		return;
	find_way(&facts.far);
	/* The number may be another map's by now. */
	if (facts.position == position && map_view(&facts, (int)memory, write, &m)) {
		write = false;
		map_view(&facts, (int)memory, write, &m);
	}
	sys_call6(SYS_close, memory, 0, 0, 0, 0, 0);
	atomic_store(&s->writable, write);
	atomic_store(&s->map, m);
	atomic_store(&made, true);
}

void view_consider(int fd, int64_t position)
{
	const uint32_t now = now_ms();
	struct slot *s;

	if (position <= 0 || !make_begin())
		return;
	sweep(now);
	s = slot_get((uint64_t)position);
	if (!s && slot_new((uint64_t)position, now))
		s = slot_get((uint64_t)position);
	if (s) {
		atomic_store(&s->used, now);
		if (atomic_load(&s->calls) != NO_VIEW && atomic_fetch_add(&s->calls, 1) >= WORTH)
			make(s, fd, (uint64_t)position);
		slot_put(s);
	}
	make_end();
}

/* --- using ------------------------------------------------------------------------------------ */

/* A freeze seals the memory; who else sealed it has the kernel asked for no reason. */
static bool sealed(int fd)
{
	const long seals = sys_call6(SYS_fcntl, fd, F_GET_SEALS, 0, 0, 0, 0);

	return seals < 0 || seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
}

/* What is done by a run sees a freeze itself. */
static bool may_write(const struct slot *s, const struct skep_map *m, int fd)
{
	return map_view_is_far(m) || (atomic_load(&s->writable) && !sealed(fd));
}

static struct skep_map *begin(int fd, bool write, void **ret_use)
{
	const int64_t position =
		known_position(fd) ?: sys_call6(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
	struct slot *s = position > 0 ? slot_get((uint64_t)position) : NULL;
	struct skep_map *m = s ? atomic_load_explicit(&s->map, memory_order_acquire) : NULL;
	uint32_t now;

	if (m && write && !may_write(s, m, fd))
		m = NULL;
	if (!m) {
		if (s)
			slot_put(s);
		return NULL;
	}
	known_is(fd, position);
	now = now_ms();
	if (atomic_load_explicit(&s->used, memory_order_relaxed) != now)
		atomic_store_explicit(&s->used, now, memory_order_relaxed);
	*ret_use = s;
	return m;
}

static void end(void *use)
{
	slot_put(use);
}

bool view_answer(int cmd, uint64_t uattr, uint32_t size, long *ret)
{
	static const struct core_views views = { .begin = begin, .end = end };

	return atomic_load_explicit(&made, memory_order_relaxed) &&
	       core_view_call(&views, cmd, uattr, size, ret);
}
