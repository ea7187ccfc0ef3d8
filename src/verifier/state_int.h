/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state_int.h - what the walk knows at one instruction: values of registers and stack slots, the
 * frames that hold them, and the state that all of it makes.
 */
#ifndef SKEP_VERIFIER_STATE_INT_H
#define SKEP_VERIFIER_STATE_INT_H

#include "base/vec.h"
#include "btf/btf.h"
#include "helper/dynptr.h"
#include "helper/helper.h"
#include "isa/isa.h"
#include "map/map.h"
#include "verifier/bounds.h"

#define SLOTS (SKEP_STACK_MAX / 8)

/* --- values --------------------------------------------------------------------------------- */

/* What a register holds (enum bpf_reg_type), with flags above. */
enum reg_type {
	NOT_INIT,
	SCALAR_VALUE,
	PTR_TO_CTX,
	CONST_PTR_TO_MAP,
	PTR_TO_MAP_VALUE,
	PTR_TO_MAP_KEY,
	PTR_TO_STACK,
	PTR_TO_PACKET_META,
	PTR_TO_PACKET,
	PTR_TO_PACKET_END,
	PTR_TO_MEM,
	PTR_TO_BTF_ID,
	PTR_TO_FUNC,
	PTR_TO_SOCKET,
	PTR_TO_SOCK_COMMON,
	PTR_TO_TCP_SOCK,
	PTR_TO_XDP_SOCK,
	PTR_TO_FLOW_KEYS,
	PTR_TO_ARENA,
	PTR_TO_TP_BUFFER,
	PTR_TO_BUF,	     /* of an iterator: whoever attaches the program knows its size */
	CONST_PTR_TO_DYNPTR, /* one of the caller's, on its stack or the kernel's */
	_REG_TYPE_MAX,
};

#define TYPE_MASK      0xffu
#define PTR_MAYBE_NULL (1u << 8)
#define MEM_RDONLY     (1u << 9)
#define MEM_RINGBUF    (1u << 10) /* from ringbuf_reserve */
#define PTR_TRUSTED    (1u << 11)
#define PTR_UNTRUSTED  (1u << 12) /* may point anywhere: reads are probes */
#define MEM_RCU	       (1u << 13) /* valid inside the RCU region */
#define MEM_USER       (1u << 14) /* of the user's address space */
#define MEM_PERCPU     (1u << 15) /* an offset into the memory of a CPU */
#define MEM_ALLOC      (1u << 20) /* what the program allocated: its type is the program's */
#define NON_OWN_REF    (1u << 21) /* owned by a list or tree, valid while that is locked */

/* Of PTR_TO_MEM: a slice of a dynptr, by its kind (DYNPTR_TYPE_*). */
#define MEM_DYNPTR(kind) (1u << (26 + (kind)))
#define MEM_PKT_SLICE \
	(MEM_DYNPTR(DYNPTR_SKB) | MEM_DYNPTR(DYNPTR_XDP) | MEM_DYNPTR(DYNPTR_SKB_META))
#define MEM_SLICE (MEM_PKT_SLICE | MEM_DYNPTR(DYNPTR_LOCAL) | MEM_DYNPTR(DYNPTR_RINGBUF))

/* reg.range of a packet pointer that is known to lie at, or beyond, the packet's end. */
#define AT_PKT_END     (-1)
#define BEYOND_PKT_END (-2)

/* reg.id of a scalar that is another one plus reg.off, in 64 or 32 bits (linked registers). */
#define ID_ADD_64    (1u << 31)
#define ID_ADD_32    (1u << 30)
#define ID_ADD_CONST (ID_ADD_64 | ID_ADD_32)

struct reg {
	uint32_t type; /* enum reg_type | flags */
	int32_t off;   /* pointer: fixed offset; scalar with ID_ADD_CONST: the constant */
	union {
		int32_t range; /* PTR_TO_PACKET*: bytes that may be read from the base */
		struct {
			uint32_t mem_size;  /* PTR_TO_MEM */
			uint32_t dynptr_id; /* ...the dynptr whose slice it is, 0: none */
		};
		struct {
			uint32_t dynptr; /* enum dynptr_kind of CONST_PTR_TO_DYNPTR, STACK_DYNPTR */
			bool first;	 /* slot: the one at the lowest address */
		};
		uint32_t sub; /* PTR_TO_FUNC */
		struct {
			uint32_t btf_id;     /* PTR_TO_BTF_ID, STACK_ITER: its type, in btf */
			uint32_t iter_depth; /* STACK_ITER: rounds of the loop that asks it */
		};
		uint64_t raw;
	};
	union {
		struct skep_map *map; /* CONST_PTR_TO_MAP, PTR_TO_MAP_*: it, or the template */
		const struct skep_btf *btf; /* PTR_TO_BTF_ID: where btf_id is, NULL: the kernel's */
	};
	uint32_t map_uid; /* tells inner maps of one template apart */
	uint32_t id;	  /* what is learnt of one is learnt of all with this id; 0: of none */
	uint32_t ref_id;  /* the reference that it stands for, 0: none */
	uint32_t frame;	  /* PTR_TO_STACK: whose */
	uint8_t iter;	  /* enum iter_state of a STACK_ITER slot */
	bool precise;	  /* some check depended on the number */
	struct bounds n;  /* the number; of a pointer, the variable part of its offset */
};

/* Kinds of a byte of stack. */
enum slot_kind {
	STACK_INVALID, /* never written */
	STACK_SPILL,   /* part of the register in slot.reg */
	STACK_MISC,    /* written, whatever it is */
	STACK_ZERO,    /* written, 0 */
	STACK_ITER,    /* part of an iterator: reg.ref_id and reg.iter are its own */
	STACK_DYNPTR,  /* part of a dynptr: reg.dynptr, reg.id and reg.ref_id are its own */
	STACK_IRQ,     /* an IRQ flag: reg.ref_id and reg.raw are its own */
};

enum iter_state { ITER_ACTIVE = 1, ITER_DRAINED };

/* Eight bytes of stack; slot n of a frame is at r10 - 8 * (n + 1), its byte b at kind[b]. */
struct slot {
	struct reg reg;	 /* of STACK_SPILL bytes */
	uint8_t kind[8]; /* enum slot_kind; a spill of 1, 2, 4 or 8 bytes is aligned to the top */
};

/* One call frame. */
struct frame {
	struct reg reg[SKEP_REG_CNT];
	struct slot *slot; /* [nr_slots] those touched so far, from r10 down */
	uint32_t nr_slots;
	uint32_t callsite;	  /* the call instruction; BPF_MAIN_FUNC for frame 0 */
	uint16_t sub;		  /* the subprogram */
	uint8_t no;		  /* its number in the state */
	bool callback;		  /* called by a helper: returns into it... */
	uint8_t async;		  /* ...or later, when the program is gone: set in a row */
	int32_t ret_min, ret_max; /* what it may return then */
	uint32_t callback_depth;  /* iterations of callbacks that this frame has asked for */
};
#define MAIN_CALLSITE UINT32_MAX
#define NOWHERE	      UINT32_MAX /* before the first instruction */

/* What must be given back. */
enum ref_kind {
	REF_PTR = 1u << 0,  /* a reference to an object */
	REF_LOCK = 1u << 1, /* a bpf_spin_lock */
	REF_RES_LOCK = 1u << 2,
	REF_RES_LOCK_IRQ = 1u << 3,
	REF_IRQ = 1u << 4, /* interrupts are disabled until it is restored */
};
#define REF_LOCKS (REF_LOCK | REF_RES_LOCK | REF_RES_LOCK_IRQ)

struct ref {
	uint32_t id;	 /* REF_PTR, REF_IRQ: as reg.ref_id; locks: reg.id of what holds it */
	uint32_t insn;	 /* where it was acquired */
	uint32_t kind;	 /* enum ref_kind */
	const void *ptr; /* locks: the map, or the BTF of the object, that holds it */
};

/* The machine at one point of one path. */
struct vstate {
	struct frame *frame[SKEP_FRAMES_MAX];
	uint32_t cur; /* innermost frame */
	struct {
		VEC(struct ref);
	} refs;
	uint32_t locks;	     /* of refs */
	bool rcu;	     /* inside bpf_rcu_read_lock */
	uint32_t preempt;    /* bpf_preempt_disable calls open */
	uint32_t irq_id;     /* the IRQ flag that is restored next, 0: interrupts are on */
	bool sleepable;	     /* the program, or callback, may sleep */
	bool speculative;    /* a path that only a mispredicting CPU takes */
	uint32_t insn;	     /* explored: where; waiting: where to go on */
	uint32_t prev_insn;  /* waiting: where it comes from */
	uint32_t first_insn; /* first of the straight history that began with the parent */
	uint32_t last_insn;
	struct vstate *parent;	       /* the explored state that this path went through last */
	uint32_t branches;	       /* explored: paths from here that are not at an end */
	uint32_t hist_start, hist_end; /* this path's part of the history... */
	struct hist *hist;	 /* ...kept with it (explored, back edges); NULL: that is v->hist */
	bool clean;		 /* explored: what nobody reads any more is forgotten */
	uint32_t may_goto_depth; /* rounds of may_goto loops */
	uint32_t unroll_depth;	 /* rounds of callbacks */
	uint64_t log_pos;	 /* waiting: where the log was */
	uint32_t observed;	 /* name of the last state that opts->observe saw on this path */
};

#endif
