/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_gen_dynptr.c - blocks on dynptrs: they are made, asked, copied, looked into, and
 * destroyed; records of a ring buffer have a block around them and are given back at its end.
 *
 * What a slice is of may be gone, or the packet may have moved, when it is looked at: other blocks
 * come in between, and it is the verifier who must see it.
 */
#include "helper/helper.h"
#include "tests/fuzz/verifier_gen_int.h"

#include <string.h>

static int place_of(uint32_t i)
{
	return -(BYTES + 16 * ((int)i + 1));
}

static void point_to(struct gen *g, uint32_t reg, uint32_t i)
{
	mov_reg(g, reg, 10);
	add_imm(g, reg, place_of(i) + (rarely(g, 60) ? 8 : 0));
}

static void call(struct gen *g, int helper)
{
	emit(g, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

static void call_kfunc(struct gen *g, const char *name)
{
	uint32_t n = 0;

	while (strcmp(kfunc_at(n)->name, name))
		n++;
	emit(g, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, (int)n);
}

/* One that may be overwritten. */
static uint32_t any_place(struct gen *g)
{
	const uint32_t free = ~g->records & ((1u << DYNPTRS) - 1);

	return pick_of(g, free && !rarely(g, 40) ? free : (1u << DYNPTRS) - 1);
}

/* One that is made, or nearly always. */
static uint32_t any_made(struct gen *g)
{
	return pick_of(g, g->dynptrs && !rarely(g, 40) ? g->dynptrs : (1u << DYNPTRS) - 1);
}

/* An offset or a size: any number, or a likely one. */
static void extent(struct gen *g, uint32_t reg)
{
	if (rarely(g, 3) && g->nums & ~g->busy)
		mov_reg(g, reg, pick_of(g, g->nums & ~g->busy));
	else
		mov_imm(g, reg, (int)pick(g, rarely(g, 4) ? 100 : 20));
}

static bool cannot(struct gen *g)
{
	return cannot_call(g) || g->sub;
}

/* --- beginnings ------------------------------------------------------------------------------- */

static void from_value(struct gen *g, uint32_t i)
{
	const int off = (int)pick(g, 3) * 8;

	mov_reg(g, 1, 7);
	add_imm(g, 1, off);
	mov_imm(g, 2, GEN_ARRAY_VALUE - off + (rarely(g, 30) ? 1 : -(int)pick(g, 9)));
	mov_imm(g, 3, rarely(g, 12));
	point_to(g, 4, i);
	call(g, BPF_FUNC_dynptr_from_mem);
}

static void from_packet(struct gen *g, uint32_t i)
{
	mov_reg(g, 1, 6);
	mov_imm(g, 2, rarely(g, 12));
	point_to(g, 3, i);
	call_kfunc(g, "bpf_dynptr_from_xdp");
}

static void from_other(struct gen *g, uint32_t i)
{
	const uint32_t of = any_made(g);

	if (!g->dynptrs) {
		from_value(g, i);
		return;
	}
	point_to(g, 1, of);
	point_to(g, 2, i);
	call_kfunc(g, "bpf_dynptr_clone");
	g->records |= (g->records >> of & 1) << i;
}

void gen_dynptr_again(struct gen *g, uint32_t i)
{
	from_value(g, i);
	after_call(g, true);
	g->dynptrs |= 1u << i;
}

void gen_dynptr_make(struct gen *g)
{
	static void (*const ways[])(struct gen *, uint32_t) = { from_value, from_packet,
								from_packet, from_other };
	uint32_t i;

	if (cannot(g))
		return;
	i = any_place(g);
	ways[pick(g, ARRAY_SIZE(ways))](g, i);
	after_call(g, true);
	g->dynptrs |= 1u << i;
}

/* --- questions and copies --------------------------------------------------------------------- */

/* Memory of so many bytes that are written: of the stack, or of the value. */
static bool memory(struct gen *g, uint32_t reg, unsigned bytes)
{
	const unsigned at = pick(g, (BYTES - bytes) / 8 + 1) * 8;

	if ((g->bytes & mask_of(at, bytes)) == mask_of(at, bytes)) {
		mov_reg(g, reg, 10);
		add_imm(g, reg, (int)at - BYTES);
		return true;
	}
	if (bytes > g->mem)
		return false;
	mov_reg(g, reg, 7);
	return true;
}

static void use_read(struct gen *g, uint32_t i)
{
	const unsigned bytes = 1 + pick(g, 32);

	extent(g, 4);
	if (!memory(g, 1, bytes))
		mov_reg(g, 1, 7);
	mov_imm(g, 2, (int)MIN(bytes, g->mem));
	point_to(g, 3, i);
	mov_imm(g, 5, rarely(g, 12));
	call(g, BPF_FUNC_dynptr_read);
}

static void use_write(struct gen *g, uint32_t i)
{
	const unsigned bytes = 1 + pick(g, 32);

	extent(g, 2);
	if (!memory(g, 3, bytes))
		mov_reg(g, 3, 7);
	mov_imm(g, 4, (int)MIN(bytes, g->mem));
	point_to(g, 1, i);
	mov_imm(g, 5, rarely(g, 12));
	call(g, BPF_FUNC_dynptr_write);
}

static void use_adjust(struct gen *g, uint32_t i)
{
	extent(g, 3);
	mov_imm(g, 2, (int)pick(g, 8));
	point_to(g, 1, i);
	call_kfunc(g, "bpf_dynptr_adjust");
}

static void use_ask(struct gen *g, uint32_t i)
{
	static const char *const names[] = { "bpf_dynptr_is_null", "bpf_dynptr_is_rdonly",
					     "bpf_dynptr_size" };

	point_to(g, 1, i);
	call_kfunc(g, names[pick(g, ARRAY_SIZE(names))]);
}

static void use_copy(struct gen *g, uint32_t i)
{
	extent(g, 5);
	mov_imm(g, 2, (int)pick(g, 16));
	mov_imm(g, 4, (int)pick(g, 16));
	point_to(g, 1, i);
	point_to(g, 3, any_made(g));
	call_kfunc(g, "bpf_dynptr_copy");
}

static void use_set(struct gen *g, uint32_t i)
{
	extent(g, 3);
	mov_imm(g, 2, (int)pick(g, 16));
	mov_imm(g, 4, gen_number(g));
	point_to(g, 1, i);
	call_kfunc(g, "bpf_dynptr_memset");
}

void gen_dynptr_use(struct gen *g)
{
	static void (*const ways[])(struct gen *, uint32_t) = { use_read, use_write, use_adjust,
								use_ask,  use_copy,  use_set };

	if (cannot(g))
		return;
	if (!g->dynptrs)
		gen_dynptr_make(g);
	ways[pick(g, ARRAY_SIZE(ways))](g, any_made(g));
	after_call(g, true);
}

/* --- slices ----------------------------------------------------------------------------------- */

/* A call whose r0 is a slice of so many bytes, or NULL; true: it may be written. */
static bool call_for_slice(struct gen *g, uint32_t i, unsigned bytes)
{
	const bool data = rarely(g, 3), write = rarely(g, 2);

	extent(g, 2);
	if (data) {
		mov_imm(g, 3, (int)bytes);
	} else {
		if (rarely(g, 2) || !memory(g, 3, bytes))
			mov_imm(g, 3, 0);
		mov_imm(g, 4, (int)bytes);
	}
	point_to(g, 1, i);
	if (data)
		call(g, BPF_FUNC_dynptr_data);
	else
		call_kfunc(g, write ? "bpf_dynptr_slice_rdwr" : "bpf_dynptr_slice");
	after_call(g, false);
	return data || write;
}

/* Looks at byte `off` and what follows of the slice at r, by a constant or a number. */
static void look(struct gen *g, uint32_t r, unsigned bytes, bool write)
{
	uint8_t size = sizes[pick(g, 4)];
	uint32_t value, out[4], nr = 0;
	int room;

	while (bytes_of(size) > bytes)
		size = sizes[pick(g, 4)];
	room = (int)(bytes - bytes_of(size)) + rarely(g, 30);
	value = gen_num(g);
	if (g->busy >> value & 1)
		return;
	if (rarely(g, 3)) {
		nr = gen_bound(g, value, room, out);
		emit(g, BPF_ALU64 | BPF_ADD | BPF_X, r, value, 0, 0);
		room = 0;
	} else {
		room = (int)pick(g, (uint32_t)room + 1);
	}
	if (write || rarely(g, 30))
		gen_access(g, r, room, size, value, false);
	else
		emit(g, BPF_LDX | BPF_MEM | size, value, r, room, 0);
	land_all(g, out, nr);
}

/* The same behind a check that r is not NULL, and perhaps behind other blocks. */
static void look_checked(struct gen *g, uint32_t r, unsigned bytes, bool write)
{
	const uint32_t skip =
		jump(g, BPF_JMP | (rarely(g, 40) ? BPF_JNE : BPF_JEQ) | BPF_K, r, 0, 0);
	const struct known before = gen_known(g);

	if (r)
		gen_blocks(g, pick(g, 2));
	look(g, r, bytes, write);
	land(g, skip);
	gen_meet(g, &before);
	give(g, r);
}

/* Keeps r0 in a register that calls leave alone; 0: there is none. */
static uint32_t keep(struct gen *g)
{
	const uint32_t free = CALLEE & ~g->busy, r = free ? pick_of(g, free) : 0;

	if (r)
		mov_reg(g, r, 0);
	g->nums &= ~(1u << r);
	g->busy |= 1u << r;
	return r;
}

void gen_dynptr_slice(struct gen *g)
{
	const unsigned bytes = 1 + pick(g, 24);
	uint32_t r = 0;
	bool write;

	if (cannot(g))
		return;
	if (!g->dynptrs)
		gen_dynptr_make(g);
	write = call_for_slice(g, any_made(g), bytes);
	if (rarely(g, 2))
		r = keep(g);
	else
		g->busy |= 1;
	look_checked(g, r, bytes, write);
}

/* --- records, and ends ------------------------------------------------------------------------ */

/* Submits or discards it; now and then somebody still looks at what was there. */
static void give_back(struct gen *g, uint32_t i)
{
	const unsigned bytes = 1 + pick(g, 8);
	const bool late = rarely(g, 12);
	bool write = false;
	uint32_t r = 0;

	if (late) {
		write = call_for_slice(g, i, bytes);
		r = keep(g);
	}
	point_to(g, 1, i);
	mov_imm(g, 2, (int)pick(g, 3));
	call(g, rarely(g, 2) ? BPF_FUNC_ringbuf_submit_dynptr : BPF_FUNC_ringbuf_discard_dynptr);
	after_call(g, false);
	g->dynptrs &= ~g->records;
	g->records = 0;
	if (late)
		look_checked(g, r, bytes, write);
}

void gen_dynptr_record(struct gen *g)
{
	uint32_t i;

	if (cannot(g) || g->records)
		return;
	i = any_place(g);
	load_map(g, 1, GEN_RING);
	if (rarely(g, 8))
		mov_imm(g, 2, rarely(g, 2) ? 0 : 8000);
	else
		mov_imm(g, 2, 1 + (int)pick(g, 60));
	mov_imm(g, 3, rarely(g, 12));
	point_to(g, 4, i);
	call(g, BPF_FUNC_ringbuf_reserve_dynptr);
	after_call(g, true);
	g->dynptrs |= 1u << i;
	g->records = 1u << i;
	gen_blocks(g, 1 + pick(g, 3));
	if (rarely(g, 30)) /* a clone that may not be there */
		i = pick(g, DYNPTRS);
	give_back(g, i);
}

void gen_dynptr_spoil(struct gen *g)
{
	const uint8_t size = sizes[pick(g, 4)];
	uint32_t i;

	if (g->sub)
		return;
	i = any_place(g);
	emit(g, BPF_ST | BPF_MEM | size, 10, 0, place_of(i) + 8 * (int)pick(g, 2), gen_number(g));
	g->dynptrs &= ~(1u << i);
}
