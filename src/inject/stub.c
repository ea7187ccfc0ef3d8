/* SPDX-License-Identifier: BSD-2-Clause */
/* stub.c - see stub.h */
#include "inject/stub.h"

#include "inject/emit_int.h"

#include <asm/ptrace.h>

#define RED_ZONE 128
#define REGS	 ((uint32_t)sizeof(struct pt_regs))
static_assert(sizeof(struct pt_regs) == 168, "what the pushes below leave");

/* Where a literal will be; known in the second round. */
static uint64_t literal(const struct stub *s, const struct emit *e, size_t which)
{
	return e->at + s->literals + which;
}

/* struct pt_regs, from its end down, below the red zone; rip is the literal there. */
static void push_regs(struct emit *e, const struct stub *s, size_t rip)
{
	const uint32_t up = REGS + RED_ZONE, rsp = offsetof(struct pt_regs, rsp);

	EMIT(e, 0x48, 0x8d, 0x64, 0x24, (uint8_t)-RED_ZONE); /* lea -128(%rsp),%rsp */
	EMIT(e, 0x6a, 0x2b);				     /* push ss */
	EMIT(e, 0x54);					     /* push %rsp: mended below */
	EMIT(e, 0x9c);					     /* pushfq */
	EMIT(e, 0x6a, 0x33);				     /* push cs */
	EMIT(e, 0xff, 0x35);				     /* push rip */
	emit_rel32(e, literal(s, e, rip), 0);
	EMIT(e, 0x6a, 0xff);		       /* push orig_rax */
	EMIT(e, 0x57, 0x56, 0x52, 0x51, 0x50); /* push %rdi, %rsi, %rdx, %rcx, %rax */
	EMIT(e, 0x41, 0x50, 0x41, 0x51);       /* push %r8, %r9 */
	EMIT(e, 0x41, 0x52, 0x41, 0x53);       /* push %r10, %r11 */
	EMIT(e, 0x53, 0x55);		       /* push %rbx, %rbp */
	EMIT(e, 0x41, 0x54, 0x41, 0x55);       /* push %r12, %r13 */
	EMIT(e, 0x41, 0x56, 0x41, 0x57);       /* push %r14, %r15 */
	EMIT(e, 0x48, 0x8d, 0x84, 0x24);       /* lea up(%rsp),%rax */
	emit_bytes(e, &up, sizeof(up));
	EMIT(e, 0x48, 0x89, 0x84, 0x24); /* mov %rax,rsp(%rsp) */
	emit_bytes(e, &rsp, sizeof(rsp));
}

static void call_handler(struct emit *e, struct stub *s, size_t handler)
{
	EMIT(e, 0xfc);			 /* cld */
	EMIT(e, 0x48, 0x89, 0xe7);	 /* mov %rsp,%rdi */
	EMIT(e, 0x48, 0x89, 0xe3);	 /* mov %rsp,%rbx */
	EMIT(e, 0x48, 0x83, 0xe4, 0xf0); /* and $-16,%rsp */
	EMIT(e, 0x48, 0x8b, 0x35);	 /* mov cookie,%rsi */
	emit_rel32(e, literal(s, e, offsetof(struct stub_literals, calls.cookie)), 0);
	EMIT(e, 0xff, 0x15); /* call *handler */
	emit_rel32(e, literal(s, e, handler), 0);
	s->call_end = (uint16_t)e->n;
	EMIT(e, 0x48, 0x89, 0xdc); /* mov %rbx,%rsp */
}

/* Where the handler says so, the function that begins here is not called. */
static void leave_if_told(struct emit *e, const struct stub *s)
{
	EMIT(e, 0x84, 0xc0, 0x74, 0x06); /* test %al,%al; jz +6 */
	EMIT(e, 0xff, 0x25);		 /* jmp *leave */
	emit_rel32(e, literal(s, e, offsetof(struct stub_literals, calls.leave)), 0);
}

/* What sahf and an addition can set, and what is the same at every place: IF, and bit 1. */
#define PLAIN_FLAGS (0x8d5u | 0x202u)

/* Flags by sahf, which takes a quarter of popfq's time, where there are no others. */
static void pop_plain(struct emit *e)
{
	EMIT(e, 0x8b, 0x44, 0x24, 0x40);       /* mov 64(%rsp),%eax: the flags */
	EMIT(e, 0x89, 0xc1, 0xc1, 0xe9, 0x0b); /* mov %eax,%ecx; shr $11,%ecx */
	EMIT(e, 0x83, 0xe1, 0x01);	       /* and $1,%ecx: OF */
	EMIT(e, 0x88, 0xc4, 0x88, 0xc8);       /* mov %al,%ah; mov %cl,%al */
	EMIT(e, 0x04, 0x7f, 0x9e);	       /* add $127,%al: OF; sahf: the others */
	EMIT(e, 0x58, 0x59, 0x5a, 0x5e, 0x5f); /* pop %rax, %rcx, %rdx, %rsi, %rdi */
	EMIT(e, 0x48, 0x8b, 0x64, 0x24, 0x20); /* mov 32(%rsp),%rsp */
}

static void pop_any(struct emit *e)
{
	EMIT(e, 0x58, 0x59, 0x5a, 0x5e, 0x5f); /* pop %rax, %rcx, %rdx, %rsi, %rdi */
	EMIT(e, 0x48, 0x8d, 0x64, 0x24, 0x18); /* lea 24(%rsp),%rsp: orig_rax, rip, cs */
	EMIT(e, 0x9d);			       /* popfq */
	EMIT(e, 0x5c);			       /* pop %rsp */
}

static void pop_regs(struct emit *e)
{
	const uint32_t others = ~PLAIN_FLAGS;
	size_t to_any, to_end;

	EMIT(e, 0x41, 0x5f, 0x41, 0x5e); /* pop %r15, %r14 */
	EMIT(e, 0x41, 0x5d, 0x41, 0x5c); /* pop %r13, %r12 */
	EMIT(e, 0x5d, 0x5b);		 /* pop %rbp, %rbx */
	EMIT(e, 0x41, 0x5b, 0x41, 0x5a); /* pop %r11, %r10 */
	EMIT(e, 0x41, 0x59, 0x41, 0x58); /* pop %r9, %r8 */
	EMIT(e, 0xf7, 0x44, 0x24, 0x40); /* testl others,64(%rsp) */
	emit_bytes(e, &others, sizeof(others));
	EMIT(e, 0x75, 0x00); /* jnz any */
	to_any = e->n;
	pop_plain(e);
	EMIT(e, 0xeb, 0x00); /* jmp end */
	to_end = e->n;
	emit_mend8(e, to_any);
	pop_any(e);
	emit_mend8(e, to_end);
}

/* The relocated instructions [from, from + n) of the site's text, at what was emitted so far. */
static int move(struct emit *e, struct reloc *r, const struct site *site, size_t from, size_t n,
		struct skep_diag *d)
{
	/* The call is the last one and returns behind the jump, or the lead has none (site.c). */
	const size_t forbidden = from < JUMP_SIZE ? JUMP_SIZE - from : 0;
	const int err = reloc_insns(r, site->text + from, site->size - from, site->patch + from,
				    e->at + e->n, n, forbidden, d);

	if (!err)
		emit_bytes(e, r->code, r->size);
	return err;
}

static void call(struct emit *e, struct stub *s, size_t rip, size_t handler, bool leaves)
{
	push_regs(e, s, rip);
	call_handler(e, s, handler);
	if (leaves)
		leave_if_told(e, s);
	pop_regs(e);
}

/* The probed instruction and the rest of them, and back. */
static int emit_rest(struct emit *e, struct stub *s, const struct site *site, struct skep_diag *d)
{
	static const uint8_t syscall[SYSCALL_SIZE] = { 0x0f, 0x05 };
	size_t from = site->lead;

	s->rest = (uint16_t)e->n;
	if (site->around) {
		emit_bytes(e, syscall, sizeof(syscall));
		from += sizeof(syscall);
		s->again = (uint16_t)e->n;
		call(e, s, offsetof(struct stub_literals, rip_after),
		     offsetof(struct stub_literals, calls.after), false);
	}
	s->behind = (uint16_t)e->n;
	return move(e, &s->after, site, from, site->size - from, d);
}

static int emit_all(struct stub *s, const struct site *site, const struct stub_literals *lit,
		    uint64_t to, struct skep_diag *d)
{
	struct emit e = { .code = s->code, .cap = sizeof(s->code), .at = to };
	int err = move(&e, &s->before, site, 0, site->lead, d);

	if (err)
		return err;
	s->probe = (uint16_t)e.n;
	call(&e, s, offsetof(struct stub_literals, rip),
	     offsetof(struct stub_literals, calls.handler), lit->calls.leave != 0);
	err = emit_rest(&e, s, site, d);
	if (err)
		return err;
	EMIT(&e, 0xe9);
	emit_rel32(&e, site->patch + site->size, 0);
	while (e.n % sizeof(uint64_t) && !e.err)
		EMIT(&e, 0xcc);
	s->literals = (uint16_t)e.n;
	emit_bytes(&e, lit, sizeof(*lit));
	s->size = (uint16_t)e.n;
	return e.err ? diag_set(d, e.err, SKEP_AT_NONE, 0, "the stub is too far from its site") : 0;
}

int stub_emit(struct stub *ret, const struct site *site, uint64_t to,
	      const struct stub_calls *calls, struct skep_diag *reterr_diag)
{
	const struct stub_literals lit = { site->at, site->at + SYSCALL_SIZE, *calls };
	struct stub s = { 0 };
	/* Twice, as the literals' place is known at the end; no code depends on how far it is. */
	int err = emit_all(&s, site, &lit, to, reterr_diag);

	if (!err)
		err = emit_all(&s, site, &lit, to, reterr_diag);
	if (!err)
		*ret = s;
	return err;
}

bool stub_is_in(const uint8_t *code, size_t n)
{
	static const uint8_t push[] = { 0x48, 0x8d, 0x64, 0x24, (uint8_t)-RED_ZONE,
					0x6a, 0x2b, 0x54, 0x9c, 0x6a,
					0x33, 0xff, 0x35 };

	return memmem(code, n, push, sizeof(push)) != NULL;
}

static int look_up(const struct reloc *r, uint64_t off, bool back)
{
	for (uint8_t i = 0; i <= r->n; i++)
		if ((back ? r->step[i].to : r->step[i].from) == off)
			return back ? r->step[i].from : r->step[i].to;
	return -1;
}

int stub_enter(const struct stub *s, const struct site *site, uint64_t off)
{
	const uint64_t behind = site->lead + (site->around ? SYSCALL_SIZE : 0u);
	int to;

	if (off < site->lead)
		return look_up(&s->before, off, false);
	if (off == site->lead)
		return s->probe;
	/* One that waits in the system call stands behind it. */
	if (site->around && off == behind)
		return s->again;
	to = off > behind || !site->around ? look_up(&s->after, off - behind, false) : -1;
	return to < 0 ? -1 : s->behind + to;
}

int stub_leave(const struct stub *s, const struct site *site, uint64_t off)
{
	const int behind = site->lead + (site->around ? (int)SYSCALL_SIZE : 0);
	int to;

	if (off < s->rest)
		return off <= s->probe ? look_up(&s->before, off, true) : -1;
	if (site->around && off == s->rest)
		return site->lead;
	if (off < s->behind)
		return off == s->again ? behind : -1;
	to = look_up(&s->after, off - s->behind, true);
	return to < 0 ? -1 : behind + to;
}
