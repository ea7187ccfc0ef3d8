/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * later.c - what does not run in its place: callbacks of timers and work queues, exceptions, and
 * regions without interrupts, whose ends must come.
 */
#include "tests/unit/verifier/rules.h"

#define TC  BPF_PROG_TYPE_SCHED_CLS
#define RAW BPF_PROG_TYPE_RAW_TRACEPOINT

#define OUT "r0 = 0\nexit"
/* r6 is the value of a map, with `out` lines behind it to leave by */
#define FIND(map)                                                                                \
	"*(u32 *)(r10 -4) = 0\nr1 = " map " ll\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nr6 = " \
	"r0\n"
#define TIMER(callback) "r1 = r6\nr2 = subprog[" callback "]\ncall timer_set_callback\n"
#define WORK(callback)                                                    \
	"r1 = r6\nr1 += 16\nr2 = subprog[" callback "]\nr3 = 0\nr4 = 0\n" \
	"call bpf_wq_set_callback_impl\n"
/* f1 sleeps */
#define SLEEPER \
	"call +2\nr0 = 0\nexit\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\ncall copy_from_user\n" OUT
#define SAVE(at)    "r1 = r10\nr1 += " at "\ncall bpf_local_irq_save\n"
#define RESTORE(at) "r1 = r10\nr1 += " at "\ncall bpf_local_irq_restore\n"

static const struct rule rules[] = {
	/* an array has all its elements */
	{ "an element that is there", RAW, 0, NULL, FIND("MAP") "*(u64 *)(r6 +0) = 1\n" OUT },
	{ "an element that may be", RAW, -EACCES, "R6 invalid mem access 'map_value_or_null'",
	  "call get_prandom_u32\n*(u32 *)(r10 -4) = r0\nr1 = MAP ll\nr2 = r10\nr2 += -4\n"
	  "call map_lookup_elem\nr6 = r0\n*(u64 *)(r6 +0) = 1\n" OUT },
	{ "an element behind the last", RAW, -EACCES, "R6 invalid mem access 'map_value_or_null'",
	  "*(u32 *)(r10 -4) = 1\nr1 = MAP ll\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nr6 = r0\n"
	  "*(u64 *)(r6 +0) = 1\n" OUT },
	{ "a key that is known on one path", RAW, -EACCES,
	  "R6 invalid mem access 'map_value_or_null'",
	  "r6 = 0\ncall get_prandom_u32\nif r0 == 0 goto +1\nr6 = 7\n*(u32 *)(r10 -4) = r6\n"
	  "r1 = MAP ll\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nr6 = r0\n"
	  "*(u64 *)(r6 +0) = 1\n" OUT },

	/* timers */
	{ "a timer", TC, 0, NULL,
	  FIND("LATER") "r1 = r6\nr2 = LATER ll\nr3 = 0\ncall timer_init\n" TIMER(
		  "+8") "r1 = r6\nr2 = 0\nr3 = 0\ncall timer_start\n" OUT "\n" OUT },
	{ "a timer of another map", TC, -EINVAL,
	  "timer pointer in R1 map_uid=0 doesn't match map pointer in R2 map_uid=0",
	  FIND("LATER") "r1 = r6\nr2 = PLAIN ll\nr3 = 0\ncall timer_init\n" OUT },
	{ "no timer there", TC, -EINVAL, "off 8 doesn't point to 'struct bpf_timer' that is at 0",
	  FIND("LATER") "r1 = r6\nr1 += 8\nr2 = LATER ll\nr3 = 0\ncall timer_init\n" OUT },
	{ "no timer in the value", TC, -EINVAL, "map 'm' has no valid bpf_timer",
	  FIND("PLAIN") "r1 = r6\nr2 = PLAIN ll\nr3 = 0\ncall timer_init\n" OUT },
	{ "no types of the value", TC, -EINVAL, "has to have BTF in order to use bpf_timer",
	  FIND("MAP") "r1 = r6\nr2 = MAP ll\nr3 = 0\ncall timer_init\n" OUT },
	{ "a timer somewhere", TC, -EINVAL,
	  "R1 doesn't have constant offset. bpf_timer has to be at the constant offset",
	  FIND("LATER") "call get_prandom_u32\nr0 &= 8\nr6 += r0\nr1 = r6\nr2 = LATER ll\nr3 = 0\n"
			"call timer_init\n" OUT },
	{ "a timer on the stack", TC, -EACCES, "R1 type=fp expected=map_value",
	  "r1 = r10\nr1 += -16\nr2 = LATER ll\nr3 = 0\ncall timer_init\n" OUT },
	{ "a timer's callback gives anything", TC, -EINVAL,
	  "At async callback return the register R0 has smin=1 smax=1 should have been in [0, 0]",
	  FIND("LATER") TIMER("+4") OUT "\nr0 = 1\nexit" },
	{ "a callback looks at the value", TC, 0, NULL,
	  FIND("LATER") TIMER("+4") OUT "\nr0 = *(u64 *)(r3 +40)\nr0 = *(u32 *)(r2 +0)\n" OUT },
	{ "a callback looks behind the value", TC, -EACCES,
	  "invalid access to map value, value_size=64 off=64 size=8",
	  FIND("LATER") TIMER("+4") OUT "\nr0 = *(u64 *)(r3 +64)\n" OUT },
	{ "a callback has no context", TC, -EACCES, "R4 !read_ok",
	  FIND("LATER") TIMER("+4") OUT "\nr0 = r4\n" OUT },
	{ "a callback keeps a record", TC, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak",
	  FIND("LATER") TIMER("+4") OUT
	  "\nr1 = RING ll\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\n" OUT },
	{ "a timer's callback sleeps", TC, -EINVAL,
	  "helper call might sleep in a non-sleepable prog",
	  FIND("LATER") TIMER("+4") OUT
	  "\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\ncall copy_from_user\n" OUT },
	{ "a callback sets itself again", TC, 0, NULL,
	  FIND("LATER") TIMER("+4") OUT
	  "\nr1 = r3\nr2 = subprog[-2]\ncall timer_set_callback\n" OUT },
	{ "a timer is no number", TC, -EACCES,
	  "bpf_timer cannot be accessed directly by load/store",
	  FIND("LATER") "r0 = *(u32 *)(r6 +0)\n" OUT },

	/* frames: what runs later has the stack for itself */
	{ "a deep callback", TC, 0, NULL,
	  "*(u64 *)(r10 -400) = 0\n" FIND("LATER") TIMER("+4") OUT
	  "\n*(u64 *)(r10 -400) = 0\n" OUT },
	{ "a callback that is also called", TC, -EACCES,
	  "combined stack size of 2 calls is 800. Too large",
	  "*(u64 *)(r10 -400) = 0\n" FIND("LATER")
		  TIMER("+5") "call +2\nr0 = 0\nexit\n*(u64 *)(r10 -400) = 0\n" OUT },
	{ "a callback's callee is too deep", TC, -EACCES,
	  "combined stack size of 2 calls is 800. Too large",
	  FIND("LATER") TIMER("+4") OUT
	  "\n*(u64 *)(r10 -400) = 0\ncall +2\nr0 = 0\nexit\n*(u64 *)(r10 -400) = 0\n" OUT },
	{ "frames of tracing have stacks of their own", RAW, 0, NULL,
	  "*(u64 *)(r10 -400) = 0\ncall +2\nr0 = 0\nexit\n*(u64 *)(r10 -400) = 0\n" OUT },
	{ "spills that Linux takes out", TC, 0, NULL,
	  "*(u64 *)(r10 -8) = r1\ncall get_smp_processor_id\nr1 = *(u64 *)(r10 -8)\n"
	  "call +2\nr0 = 0\nexit\n*(u64 *)(r10 -512) = 0\n" OUT },
	{ "spills that are looked at", TC, -EACCES,
	  "combined stack size of 2 calls is 528. Too large",
	  "*(u64 *)(r10 -8) = r1\ncall get_smp_processor_id\nr1 = *(u64 *)(r10 -8)\n"
	  "r2 = *(u64 *)(r10 -8)\ncall +2\nr0 = 0\nexit\n*(u64 *)(r10 -512) = 0\n" OUT },
	{ "spills around another call", TC, -EACCES,
	  "combined stack size of 2 calls is 528. Too large",
	  "*(u64 *)(r10 -8) = r1\ncall get_prandom_u32\nr1 = *(u64 *)(r10 -8)\n"
	  "call +2\nr0 = 0\nexit\n*(u64 *)(r10 -512) = 0\n" OUT },
	{ "spills of what the call clobbers", TC, -EACCES,
	  "combined stack size of 2 calls is 528. Too large",
	  "r0 = 0\n*(u64 *)(r10 -8) = r0\ncall get_smp_processor_id\nr0 = *(u64 *)(r10 -8)\n"
	  "call +2\nr0 = 0\nexit\n*(u64 *)(r10 -512) = 0\n" OUT },

	/* work queues */
	{ "a work queue", TC, 0, NULL,
	  FIND("LATER") "r1 = r6\nr1 += 16\nr2 = LATER ll\nr3 = 0\ncall bpf_wq_init\n" WORK(
		  "+10") "r1 = r6\nr1 += 16\nr2 = 0\ncall bpf_wq_start\n" OUT
			 "\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\ncall copy_from_user\n" OUT },
	{ "a work queue's callback gives anything", TC, -EINVAL,
	  "At async callback return the register R0 has smin=1 smax=1 should have been in [0, 0]",
	  FIND("LATER") WORK("+6") OUT "\nr0 = 1\nexit" },
	{ "no work queue there", TC, -EINVAL,
	  "off 0 doesn't point to 'struct bpf_wq' that is at 16",
	  FIND("LATER") "r1 = r6\nr2 = 0\ncall bpf_wq_start\n" OUT },
	{ "a work queue on the stack", TC, -EINVAL, "arg#0 doesn't point to a map value",
	  "r1 = r10\nr1 += -16\nr2 = 0\ncall bpf_wq_start\n" OUT },
	{ "a number for a callback", TC, -EINVAL, "arg1 expected pointer to func",
	  FIND("LATER") "r1 = r6\nr1 += 16\nr2 = 0\nr3 = 0\nr4 = 0\n"
			"call bpf_wq_set_callback_impl\n" OUT },

	/* exceptions */
	{ "a throw", TC, 0, NULL, "r1 = 0\ncall bpf_throw\n" OUT },
	{ "nothing comes after a throw", TC, 0, NULL, "r1 = 0\ncall bpf_throw\nr0 = r5\nexit" },
	{ "a throw with a record", TC, -EINVAL, "bpf_throw would lead to reference leak",
	  "r1 = RING ll\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\nif r0 == 0 goto +2\nr1 = 0\n"
	  "call bpf_throw\n" OUT },
	{ "a callee throws with the caller's record", TC, -EINVAL,
	  "bpf_throw would lead to reference leak",
	  "r1 = RING ll\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\nif r0 == 0 goto +1\ncall +2\n" OUT
	  "\nr1 = 0\ncall bpf_throw\n" OUT },
	{ "a throw under RCU", TC, -EINVAL,
	  "bpf_throw cannot be used inside bpf_rcu_read_lock-ed region",
	  "call bpf_rcu_read_lock\nr1 = 0\ncall bpf_throw\n" OUT },
	{ "a throw out of a loop", RAW, -EACCES, "calling kernel function bpf_throw is not allowed",
	  "r1 = 0\ncall bpf_throw\n" OUT },
	{ "a throw out of a callback", TC, -EINVAL,
	  "bpf_throw kfunc (insn 9) cannot be called from callback subprog 1",
	  "r1 = 4\nr2 = subprog[+6]\nr3 = 0\nr4 = 0\ncall loop\nr0 = 0\nexit\nr1 = 0\n"
	  "call bpf_throw\n" OUT },
	{ "what is thrown is returned", BPF_PROG_TYPE_CGROUP_SKB, -EINVAL,
	  "At program exit the register R1 has smin=64 smax=64 should have been in [0, 1]",
	  "r1 = 64\ncall bpf_throw\n" OUT },
	{ "an exception callback", TC, 0, NULL,
	  "r1 = 0\ncall bpf_throw\nr0 = 0\nexit\nr0 = r1\nexit", 0, 2, "exception_callback:f1", 4 },
	{ "what a callback returns counts", BPF_PROG_TYPE_CGROUP_SKB, -EINVAL,
	  "At program exit the register R0 has smin=64 smax=64 should have been in [0, 1]",
	  "r1 = 64\ncall bpf_throw\nr0 = 0\nexit\nr0 = 64\nexit", 0, 2, "exception_callback:f1",
	  4 },
	{ "no such callback", TC, -ENOENT, "exception callback 'f7' could not be found in BTF", OUT,
	  0, 0, "exception_callback:f7", 0 },
	{ "a static callback", TC, -EINVAL, "exception callback 'f1' must have global linkage",
	  "r0 = 0\nexit\nr0 = 0\nexit", 0, 0, "exception_callback:f1", 2 },
	{ "a callback that is called", TC, -EINVAL, "insn 1 cannot call exception cb directly",
	  "r1 = 0\ncall +2\nr0 = 0\nexit\nr0 = 0\nexit", 0, 2, "exception_callback:f1", 0 },

	/* interrupts */
	{ "off and on", TC, 0, NULL, SAVE("-8") RESTORE("-8") OUT },
	{ "never on", TC, -EINVAL,
	  "BPF_EXIT instruction in main prog cannot be used inside bpf_local_irq_save-ed region",
	  SAVE("-8") OUT },
	{ "on, that never were off", TC, -EINVAL, "expected an initialized irq flag as arg#0",
	  "*(u64 *)(r10 -8) = 0\n" RESTORE("-8") OUT },
	{ "one flag for two", TC, -EINVAL, "expected uninitialized irq flag as arg#0",
	  SAVE("-8") SAVE("-8") RESTORE("-8") OUT },
	{ "nested", TC, 0, NULL, SAVE("-8") SAVE("-16") RESTORE("-16") RESTORE("-8") OUT },
	{ "the outer first", TC, -EACCES,
	  "cannot restore irq state out of order, expected id=2 acquired at insn_idx=5",
	  SAVE("-8") SAVE("-16") RESTORE("-8") RESTORE("-16") OUT },
	{ "a flag is overwritten", TC, -EINVAL, "expected an initialized irq flag as arg#0",
	  SAVE("-8") "*(u8 *)(r10 -8) = 0\n" RESTORE("-8") OUT },
	{ "a flag is read", TC, -EACCES, "invalid read from stack off -8+0 size 8",
	  SAVE("-8") "r0 = *(u64 *)(r10 -8)\n" RESTORE("-8") OUT },
	{ "a flag in a map", TC, -EINVAL, "arg#0 doesn't point to an irq flag on stack",
	  "r1 = VALUE ll\ncall bpf_local_irq_save\n" OUT },
	{ "sleep without interrupts", BPF_PROG_TYPE_SYSCALL, -EINVAL,
	  "sleepable helper bpf_copy_from_user#148 in IRQ-disabled region",
	  SAVE("-8") "r1 = r10\nr1 += -16\nr2 = 8\nr3 = 0\ncall copy_from_user\n" RESTORE("-8") OUT,
	  BPF_F_SLEEPABLE },

	/* what global functions do is known before they are walked */
	{ "a global function sleeps", BPF_PROG_TYPE_SYSCALL, 0, NULL, "r1 = 0\n" SLEEPER,
	  BPF_F_SLEEPABLE, 2 },
	{ "a global function sleeps under RCU", BPF_PROG_TYPE_SYSCALL, -EINVAL,
	  "global functions that may sleep are not allowed in non-sleepable context",
	  "call bpf_rcu_read_lock\nr1 = 0\n" SLEEPER, BPF_F_SLEEPABLE, 2 },
	{ "a global function sleeps where none may", TC, -EINVAL,
	  "global functions that may sleep are not allowed in non-sleepable context",
	  "r1 = 0\n" SLEEPER, 0, 2 },
};

TEST(later_rules)
{
	rules_ours(rules, ARRAY_SIZE(rules));
}

TEST(later_rules_are_the_hosts)
{
	rules_host(rules, ARRAY_SIZE(rules));
}
