/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state.c - values, frames of slots, and the states that rest where paths meet.
 *
 * A state at rest is the registers and as many values as slots are tracked, in the order of
 * their bits.  It only ever grows in the lattice, so the walk ends.
 */
#include "verifier/verifier_int.h"

const char *val_name(enum val_kind kind)
{
	static const char *const names[_VAL_MAX] = {
		[VAL_UNINIT] = "?",    [VAL_CONST] = "scalar",	[VAL_SCALAR] = "scalar",
		[VAL_CTX] = "ctx",     [VAL_MAP] = "map_ptr",	[VAL_MEM] = "map_value",
		[VAL_FUNC] = "func",   [VAL_STACK] = "fp",	[VAL_STACK_VAR] = "fp",
		[VAL_ANY] = "unknown", [VAL_MIXED] = "unknown",
	};

	return names[kind];
}

static bool val_equal(const struct val *a, const struct val *b)
{
	return a->kind == b->kind && a->sub == b->sub && a->v == b->v;
}

/*
 * Two pointers into one frame.  A loop that walks down would sink one step a round: it falls in
 * doubling steps instead, to the end of the frame.
 */
static struct val join_stack(const struct val *a, const struct val *b)
{
	struct val r = *a;

	r.off = MIN(a->off, b->off);
	if (a->kind == VAL_STACK_VAR && b->off < a->off)
		r.off = MAX(2 * b->off, -SKEP_STACK_MAX);
	r.kind = VAL_STACK_VAR;
	return r;
}

struct val val_join(const struct val *a, const struct val *b)
{
	bool ctx = a->kind == VAL_CTX || b->kind == VAL_CTX;

	if (val_equal(a, b))
		return *a;
	if (a->kind == VAL_UNINIT)
		return b->kind == VAL_CONST ? val_of(VAL_SCALAR) : *b;
	if (b->kind == VAL_UNINIT)
		return a->kind == VAL_CONST ? val_of(VAL_SCALAR) : *a;
	if (val_is_number(a) && val_is_number(b))
		return val_of(VAL_SCALAR);
	if (ctx && val_is_number(a))
		return *b;
	if (ctx && val_is_number(b))
		return *a;
	if (ctx || a->kind == VAL_MIXED || b->kind == VAL_MIXED)
		return val_of(VAL_MIXED);
	if ((a->kind == VAL_STACK || a->kind == VAL_STACK_VAR) &&
	    (b->kind == VAL_STACK || b->kind == VAL_STACK_VAR) && a->sub == b->sub)
		return join_stack(a, b);
	return val_of(VAL_ANY);
}

void slots_set(struct slots *s, unsigned n, const struct val *v)
{
	const uint64_t bit = UINT64_C(1) << n;

	s->written |= bit;
	s->tracked &= ~bit;
	if (v->kind == VAL_ANY || v->kind == VAL_UNINIT || val_is_number(v))
		return;
	s->tracked |= bit;
	s->at[n] = *v;
}

struct val slots_get(const struct slots *s, unsigned n)
{
	if (s->tracked >> n & 1)
		return s->at[n];
	return val_of(s->written >> n & 1 ? VAL_ANY : VAL_UNINIT);
}

bool slots_join(struct slots *a, const struct slots *b)
{
	bool changed = (b->written & ~a->written) != 0;
	uint64_t bits = a->tracked | b->tracked;

	for (; bits; bits &= bits - 1) {
		unsigned n = (unsigned)__builtin_ctzll(bits);
		struct val va = slots_get(a, n), vb = slots_get(b, n), r = val_join(&va, &vb);

		if (val_equal(&r, &va))
			continue;
		slots_set(a, n, &r);
		changed = true;
	}
	a->written |= b->written;
	return changed;
}

struct saved {
	struct val reg[SKEP_REG_CNT - 1];
	uint64_t written, tracked; /* as in struct slots */
	uint32_t cap;		   /* slots that fit */
	struct val slot[];	   /* popcount(tracked) values */
};

#define CHUNK_BYTES 65536

/* Memory of saved states; they are freed together. */
struct chunk {
	struct chunk *next;
	uint8_t mem[];
};

static struct saved *saved_new(struct states *s, unsigned cap)
{
	size_t bytes = sizeof(struct saved) + cap * sizeof(struct val);
	struct saved *r;

	if (s->room < bytes) {
		/* The first is small: most programs are. */
		size_t size = s->mem ? CHUNK_BYTES : CHUNK_BYTES / 16;
		struct chunk *c = skep_alloc(sizeof(*c) + size);

		if (!c)
			return NULL;
		c->next = s->mem;
		s->mem = c;
		s->room = size;
	}
	s->room -= bytes;
	r = (struct saved *)(s->mem->mem + s->room);
	r->cap = cap;
	return r;
}

static int save(struct states *s, uint32_t i, const struct state *st)
{
	unsigned n = (unsigned)__builtin_popcountll(st->slots.tracked);
	struct saved *to = s->at[i];

	if (!to || to->cap < n)
		to = saved_new(s, n);
	if (!to)
		return -ENOMEM;
	memcpy(to->reg, st->reg, sizeof(to->reg));
	to->written = st->slots.written;
	to->tracked = st->slots.tracked;
	n = 0;
	for (uint64_t bits = to->tracked; bits; bits &= bits - 1)
		to->slot[n++] = st->slots.at[__builtin_ctzll(bits)];
	s->at[i] = to;
	s->pending[i / 64] |= UINT64_C(1) << i % 64;
	return 0;
}

void states_load(const struct states *s, uint32_t i, struct state *ret)
{
	const struct saved *from = s->at[i];
	unsigned n = 0;

	memcpy(ret->reg, from->reg, sizeof(ret->reg));
	ret->slots.written = from->written;
	ret->slots.tracked = from->tracked;
	for (uint64_t bits = from->tracked; bits; bits &= bits - 1)
		ret->slots.at[__builtin_ctzll(bits)] = from->slot[n++];
}

int states_meet(struct states *s, uint32_t i, const struct state *st)
{
	bool changed = false;
	struct state joined;

	if (!s->at) {
		s->at = skep_alloc_array(s->cnt, sizeof(struct saved *));
		s->pending = skep_alloc_array(s->cnt / 64 + 1, sizeof(*s->pending));
		if (!s->at || !s->pending)
			return -ENOMEM;
	}
	if (!s->at[i])
		return save(s, i, st);
	states_load(s, i, &joined);
	for (unsigned r = 0; r < ARRAY_SIZE(joined.reg); r++) {
		struct val v;

		if (val_equal(&joined.reg[r], &st->reg[r]))
			continue;
		v = val_join(&joined.reg[r], &st->reg[r]);
		changed |= !val_equal(&v, &joined.reg[r]);
		joined.reg[r] = v;
	}
	changed |= slots_join(&joined.slots, &st->slots);
	return changed ? save(s, i, &joined) : 0;
}

void states_again(struct states *s, uint32_t i)
{
	if (s->at && s->at[i])
		s->pending[i / 64] |= UINT64_C(1) << i % 64;
}

bool states_next(struct states *s, uint32_t *at)
{
	const uint32_t words = s->cnt / 64 + 1;
	uint32_t word = *at / 64;
	uint64_t mask = ~UINT64_C(0) << *at % 64;

	if (!s->pending)
		return false;
	/* One word more than there are: the first again, below *at. */
	for (uint32_t n = 0; n <= words; n++, word = (word + 1) % words, mask = ~UINT64_C(0)) {
		uint64_t bits = s->pending[word] & mask;

		if (!bits)
			continue;
		*at = word * 64 + (uint32_t)__builtin_ctzll(bits);
		s->pending[word] &= ~(UINT64_C(1) << *at % 64);
		return true;
	}
	return false;
}

void states_free(struct states *s)
{
	while (s->mem) {
		struct chunk *next = s->mem->next;

		skep_free(s->mem);
		s->mem = next;
	}
	skep_free(s->at);
	skep_free(s->pending);
}
