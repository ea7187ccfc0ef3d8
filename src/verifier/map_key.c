/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_key.c - keys that are known: an array has all its elements, so a lookup of one below
 * max_entries does not fail (get_constant_map_key of the kernel).
 */
#include "verifier/verifier_int.h"

/* Bytes of that kind from byte b of the slot on, upwards. */
static uint32_t run_of(const struct slot *s, unsigned b, uint8_t kind)
{
	uint32_t n = 0;

	while (n <= b && s->kind[b - n] == kind)
		n++;
	return n;
}

int map_key_const(struct verifier *v, const struct skep_map *map, uint32_t n, int64_t *ret)
{
	const struct reg *r = &cur_regs(v)[n];
	const struct frame *f = v->st->frame[r->frame];
	const struct slot *s;
	uint32_t at;

	*ret = -1;
	if ((map->type != BPF_MAP_TYPE_ARRAY && map->type != BPF_MAP_TYPE_PERCPU_ARRAY) ||
	    !v->opts->rights.bpf_capable || r->type != PTR_TO_STACK || !bounds_is_const(&r->n))
		return 0;
	at = (uint32_t)(-(r->off + r->n.full.smin) - 1);
	s = &f->slot[at / 8];
	if (run_of(s, at % 8, STACK_ZERO) >= map->key_size) {
		*ret = 0;
		return 0;
	}
	if (s->kind[7] != STACK_SPILL || !reg_is_const(&s->reg) ||
	    run_of(s, at % 8, STACK_SPILL) != map->key_size)
		return 0;
	*ret = (int64_t)s->reg.n.bits.value;
	return precise_mark_slot(v, r->frame, at / 8);
}
