/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fields.c - special fields: kptrs of map values, objects that the program allocates, lists and
 * trees that own them, locks that guard those.
 */
#include "tests/unit/verifier/rules.h"

#define TC    BPF_PROG_TYPE_SCHED_CLS
#define CALL  BPF_PROG_TYPE_SYSCALL
#define SLEEP BPF_F_SLEEPABLE

#define OUT   "r0 = 0\nexit"
/* r6 is the value of an OWNER, which is there. */
#define OWN                                                                               \
	"*(u32 *)(r10 -4) = 0\nr1 = OWNER ll\nr2 = r10\nr2 += -4\ncall map_lookup_elem\n" \
	"if r0 != 0 goto +2\nr0 = 0\nexit\nr6 = r0\n"
#define AT(reg, off) reg " = r6\n" reg " += " off "\n"
/* r7 is an object of that type, which is there; "nothing" is what else holds references. */
#define NEW(id)                                                                                  \
	"r1 = " id " ll\nr2 = 0\ncall bpf_obj_new_impl\nif r0 != 0 goto +2\nr0 = 0\nexit\nr7 = " \
	"r0\n"
#define NODE	       NEW("10")
#define PLAIN_NEW      NEW("11")
#define SOLE	       NEW("15")
#define IF_THERE(reg)  "if " reg " != 0 goto +2\nr0 = 0\nexit\n"
#define DROP(reg)      "r1 = " reg "\nr2 = 0\ncall bpf_obj_drop_impl\n"
#define LOCK	       "r1 = r6\ncall spin_lock\n"
#define UNLOCK	       "r1 = r6\ncall spin_unlock\n"
#define XCHG(off, reg) AT("r1", off) "r2 = " reg "\ncall kptr_xchg\n"
#define NULL_XCHG(off) AT("r1", off) "r2 = 0\ncall kptr_xchg\n"
#define PUSH(at, node) \
	AT("r1", at) "r2 = r7\nr2 += " node "\nr3 = 0\nr4 = 0\ncall bpf_list_push_front_impl\n"
#define ADD(less)      \
	AT("r1", "24") \
	"r2 = r7\nr2 += 8\nr3 = subprog[" less "]\nr4 = 0\nr5 = 0\ncall bpf_rbtree_add_impl\n"

static const struct rule kptrs[] = {
	{ "an object goes in, another comes out", TC, 0, NULL,
	  OWN PLAIN_NEW XCHG("40", "r7") IF_THERE("r0") DROP("r0") OUT },
	{ "what comes out is leaked", TC, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak",
	  OWN NULL_XCHG("40") OUT },
	{ "what comes out may be NULL", TC, -EACCES, "Possibly NULL pointer passed to trusted arg0",
	  OWN NULL_XCHG("40") DROP("r0") OUT },
	{ "what went in is gone", TC, -EACCES, "R7 invalid mem access 'scalar'",
	  OWN PLAIN_NEW XCHG("40", "r7") "*(u64 *)(r7 +0) = 1\n" OUT },
	{ "an object of another type", TC, -EACCES,
	  "invalid kptr access, R2 type=ptr_own_sole expected=ptr_own_plain",
	  OWN SOLE XCHG("40", "r7") OUT },
	{ "an object for the kernel's", TC, -EACCES,
	  "invalid kptr access, R2 type=ptr_own_plain expected=ptr_task_struct",
	  OWN PLAIN_NEW XCHG("48", "r7") OUT },
	{ "the inside of an object", TC, -EACCES,
	  "invalid kptr access, R2 type=ptr_own_plain expected=ptr_own_plain",
	  OWN PLAIN_NEW "r7 += 8\n" XCHG("40", "r7") OUT },
	{ "no kptr there", TC, -EACCES, "off=88 doesn't point to kptr", OWN NULL_XCHG("88") OUT },
	{ "one that owns nothing", TC, -EACCES, "off=56 kptr isn't referenced kptr",
	  OWN NULL_XCHG("56") OUT },
	{ "somewhere", TC, -EINVAL,
	  "R1 doesn't have constant offset. kptr has to be at the constant offset",
	  OWN "call get_prandom_u32\nr0 &= 8\n" AT("r1", "40") "r1 += r0\nr2 = 0\n"
							       "call kptr_xchg\n" OUT },
	{ "a value without kptrs", TC, -EINVAL, "R1 has no valid kptr",
	  "r1 = GUARD ll\nr2 = 0\ncall kptr_xchg\n" OUT },
	{ "a map without types", TC, -EINVAL, "has to have BTF in order to use bpf_kptr_xchg",
	  "r1 = VALUE ll\nr2 = 0\ncall kptr_xchg\n" OUT },
	{ "the stack", TC, -EACCES, "R1 type=fp expected=map_value, ptr_",
	  "*(u64 *)(r10 -8) = 0\nr1 = r10\nr1 += -8\nr2 = 0\ncall kptr_xchg\n" OUT },
	{ "a task goes in", TC, 0, NULL,
	  OWN "r1 = 1\ncall bpf_task_from_pid\n" IF_THERE("r0") "r7 = r0\n" XCHG("48", "r7")
		  IF_THERE("r0") "r1 = r0\ncall bpf_task_release\n" OUT },
	{ "a task that may be NULL", TC, -EACCES, "Possibly NULL pointer passed to helper arg2",
	  OWN "r1 = 1\ncall bpf_task_from_pid\nr7 = r0\n" XCHG("48", "r7") OUT },
	{ "while a lock is held", TC, -EINVAL,
	  "function calls are not allowed while holding a lock", OWN LOCK NULL_XCHG("40") OUT },

	/* loads and stores */
	{ "a load is protected by RCU", TC, 0, NULL,
	  OWN "r1 = *(u64 *)(r6 +40)\n" IF_THERE("r1") "*(u64 *)(r1 +8) = 1\n" OUT },
	{ "it may be NULL", TC, -EACCES, "R1 invalid mem access 'rcu_ptr_or_null_'",
	  OWN "r1 = *(u64 *)(r6 +40)\n*(u64 *)(r1 +8) = 1\n" OUT },
	{ "it is not owned", TC, -EINVAL, "R1 must be referenced or trusted",
	  OWN "r7 = *(u64 *)(r6 +40)\n" IF_THERE("r7") DROP("r7") OUT },
	{ "it ends where the object does", TC, -EACCES,
	  "access beyond struct own_plain at off 16 size 8",
	  OWN "r1 = *(u64 *)(r6 +40)\n" IF_THERE("r1") "r1 = *(u64 *)(r1 +16)\n" OUT },
	{ "one that owns is not stored", TC, -EACCES, "store to referenced kptr disallowed",
	  OWN "*(u64 *)(r6 +40) = 0\n" OUT },
	{ "nor is one that owns for each CPU", TC, -EACCES, "store to referenced kptr disallowed",
	  OWN "r1 = 0\n*(u64 *)(r6 +64) = r1\n" OUT },
	{ "one that does not own is", TC, 0, NULL,
	  OWN "r1 = *(u64 *)(r6 +48)\n*(u64 *)(r6 +56) = r1\n*(u64 *)(r6 +56) = 0\n" OUT },
	{ "a number is not", TC, -EACCES,
	  "invalid kptr access, R1 type=scalar expected=ptr_task_struct or "
	  "untrusted_ptr_task_struct",
	  OWN "r1 = 1\n*(u64 *)(r6 +56) = r1\n" OUT },
	{ "nor is a constant", TC, -EACCES, "BPF_ST imm must be 0 when storing to kptr at off=56",
	  OWN "*(u64 *)(r6 +56) = 1\n" OUT },
	{ "half of it", TC, -EACCES, "kptr access size must be BPF_DW",
	  OWN "r1 = *(u32 *)(r6 +56)\n" OUT },
	{ "beside it", TC, -EACCES, "kptr access misaligned expected=56 off=60",
	  OWN "r1 = *(u64 *)(r6 +60)\n" OUT },
	{ "around it", TC, -EACCES, "kptr access cannot have variable offset",
	  OWN "call get_prandom_u32\nr0 &= 8\nr6 += r0\nr1 = *(u64 *)(r6 +48)\n" OUT },
	{ "at once", TC, -EACCES, "kptr in map can only be accessed using BPF_MEM instruction mode",
	  OWN "r1 = 1\nlock *(u64 *)(r6 +56) += r1\n" OUT },
	{ "by a helper", TC, -EACCES, "kptr cannot be accessed indirectly by helper",
	  OWN AT("r1", "56") "r2 = 8\nr3 = 0\ncall probe_read_kernel\n" OUT },
	{ "outside of RCU it is not to be trusted", CALL, -EACCES, "only read is supported",
	  OWN "r1 = *(u64 *)(r6 +40)\n" IF_THERE("r1") "*(u64 *)(r1 +8) = 1\n" OUT, SLEEP },
	{ "inside it is", CALL, 0, NULL,
	  "call bpf_rcu_read_lock\n*(u32 *)(r10 -4) = 0\nr1 = OWNER ll\nr2 = r10\nr2 += -4\n"
	  "call map_lookup_elem\nif r0 == 0 goto +3\nr1 = *(u64 *)(r0 +40)\nif r1 == 0 goto +1\n"
	  "*(u64 *)(r1 +8) = 1\ncall bpf_rcu_read_unlock\n" OUT,
	  SLEEP },

	/* one for each CPU */
	{ "this CPU's", TC, 0, NULL,
	  OWN
	  "r1 = *(u64 *)(r6 +64)\n" IF_THERE("r1") "call this_cpu_ptr\n*(u64 *)(r0 +8) = 1\n" OUT },
	{ "all of them", TC, -EACCES, "R1 is ptr_own_plain access percpu memory: off=8",
	  OWN "r1 = *(u64 *)(r6 +64)\n" IF_THERE("r1") "r0 = *(u64 *)(r1 +8)\n" OUT },
	{ "of what is for all", TC, -EACCES,
	  "R1 type=rcu_ptr_ expected=percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_",
	  OWN "r1 = *(u64 *)(r6 +40)\n" IF_THERE("r1") "call this_cpu_ptr\n" OUT },
	{ "made for each", TC, 0, NULL,
	  OWN "r1 = 11 ll\nr2 = 0\ncall bpf_percpu_obj_new_impl\n" IF_THERE("r0") "r7 = r0\n" XCHG(
		  "64", "r7")
		  IF_THERE("r0") "r1 = r0\nr2 = 0\ncall bpf_percpu_obj_drop_impl\n" OUT },
	{ "for each, with special fields", TC, -EINVAL,
	  "bpf_percpu_obj_new type ID argument must not contain special fields",
	  "r1 = OWNER ll\nr1 = 15 ll\nr2 = 0\ncall bpf_percpu_obj_new_impl\n" OUT },
	{ "for each, dropped as one", TC, -EINVAL, "arg#0 expected for bpf_percpu_obj_drop_impl()",
	  "r1 = OWNER ll\nr1 = 11 ll\nr2 = 0\ncall bpf_percpu_obj_new_impl\n" IF_THERE("r0")
		  DROP("r0") OUT },
};

static const struct rule objects[] = {
	{ "made and dropped", TC, 0, NULL, "r1 = OWNER ll\n" PLAIN_NEW DROP("r7") OUT },
	{ "kept", TC, -EINVAL, "BPF_EXIT instruction in main prog would lead to reference leak",
	  "r1 = OWNER ll\n" PLAIN_NEW OUT },
	{ "dropped twice", TC, -EINVAL, "R1 must be referenced or trusted",
	  "r1 = OWNER ll\n" PLAIN_NEW DROP("r7") DROP("r7") OUT },
	{ "written and read", TC, 0, NULL,
	  "r1 = OWNER ll\n" PLAIN_NEW "*(u64 *)(r7 +8) = 3\nr8 = *(u32 *)(r7 +4)\n" DROP("r7")
		  OUT },
	{ "behind it", TC, -EACCES, "access beyond struct own_plain at off 16 size 8",
	  "r1 = OWNER ll\n" PLAIN_NEW "*(u64 *)(r7 +16) = 3\n" OUT },
	{ "before it", TC, -EACCES, "R7 is ptr_own_plain invalid negative access: off=-8",
	  "r1 = OWNER ll\n" PLAIN_NEW "*(u64 *)(r7 -8) = 3\n" OUT },
	{ "somewhere in it", TC, -EACCES,
	  "R7 is ptr_own_plain invalid variable offset: off=0, var_off=(0x0; 0x8)",
	  "r1 = OWNER ll\n" PLAIN_NEW "call get_prandom_u32\nr0 &= 8\nr7 += r0\n"
	  "*(u64 *)(r7 +0) = 3\n" OUT },
	{ "before it is known to be there", TC, -EACCES, "R0 invalid mem access 'ptr_or_null_'",
	  "r1 = OWNER ll\nr1 = 11 ll\nr2 = 0\ncall bpf_obj_new_impl\n*(u64 *)(r0 +0) = 1\n" OUT },
	{ "its node", TC, -EACCES, "direct access to bpf_rb_node is disallowed",
	  "r1 = OWNER ll\n" NODE "r0 = *(u64 *)(r7 +16)\n" OUT },
	{ "its count", TC, -EACCES, "direct access to bpf_refcount is disallowed",
	  "r1 = OWNER ll\n" NODE "*(u32 *)(r7 +64) = 5\n" OUT },
	{ "dropped by its inside", TC, -EINVAL,
	  "R1 must have zero offset when passed to release func or trusted arg to kfunc",
	  "r1 = OWNER ll\n" PLAIN_NEW "r7 += 8\n" DROP("r7") OUT },
	{ "a task is no object of the program's", TC, -EINVAL,
	  "arg#0 expected pointer to allocated object",
	  "r1 = OWNER ll\nr1 = 1\ncall bpf_task_from_pid\n" IF_THERE("r0") DROP("r0") OUT },
	{ "an object of the program's is no task", TC, -EINVAL,
	  "kernel function bpf_task_release args#0 expected pointer to STRUCT task_struct but R1 "
	  "has a pointer to STRUCT own_plain",
	  "r1 = OWNER ll\n" PLAIN_NEW "r1 = r7\ncall bpf_task_release\n" OUT },
	{ "of no struct", TC, -EINVAL,
	  "bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct",
	  "r1 = OWNER ll\nr1 = 1 ll\nr2 = 0\ncall bpf_obj_new_impl\n" OUT },
	{ "of no type", TC, -EINVAL, "local type ID argument must be in range [0, U32_MAX]",
	  "r1 = OWNER ll\nr1 = 0x100000001 ll\nr2 = 0\ncall bpf_obj_new_impl\n" OUT },
	{ "of a type that is not known", TC, -EINVAL, "R1 must be a known constant",
	  "r1 = OWNER ll\ncall get_prandom_u32\nr1 = r0\nr2 = 0\ncall bpf_obj_new_impl\n" OUT },

	/* held more than once */
	{ "once more", TC, 0, NULL,
	  "r1 = OWNER ll\n" NODE "r1 = r7\nr2 = 0\ncall bpf_refcount_acquire_impl\n"
	  "*(u64 *)(r0 +0) = 1\n" DROP("r0") DROP("r7") OUT },
	{ "once more, dropped once", TC, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak",
	  "r1 = OWNER ll\n" NODE "r1 = r7\nr2 = 0\ncall bpf_refcount_acquire_impl\n" DROP("r7")
		  OUT },
	{ "without a count", TC, -EINVAL, "arg#0 doesn't point to a type with bpf_refcount field",
	  "r1 = OWNER ll\n" SOLE "r1 = r7\nr2 = 0\ncall bpf_refcount_acquire_impl\n" OUT },
	{ "of the kernel's", TC, -EINVAL, "arg#0 is neither owning or non-owning ref",
	  OWN
	  "r1 = *(u64 *)(r6 +48)\n" IF_THERE("r1") "r2 = 0\ncall bpf_refcount_acquire_impl\n" OUT },
};

static const struct rule graphs[] = {
	{ "pushed", TC, 0, NULL, OWN NODE LOCK PUSH("8", "40") UNLOCK OUT },
	{ "pushed, and used while locked", TC, 0, NULL,
	  OWN NODE LOCK PUSH("8", "40") "*(u64 *)(r7 +0) = 1\n" UNLOCK OUT },
	{ "pushed, and used when unlocked", TC, -EACCES, "R7 invalid mem access 'scalar'",
	  OWN NODE LOCK PUSH("8", "40") UNLOCK "*(u64 *)(r7 +0) = 1\n" OUT },
	{ "pushed without the lock", TC, -EINVAL,
	  "bpf_spin_lock at off=0 must be held for bpf_list_head", OWN NODE PUSH("8", "40") OUT },
	{ "pushed under another lock", TC, -EINVAL,
	  "held lock and object are not in the same allocation",
	  OWN "r8 = r6\n*(u32 *)(r10 -4) = 0\nr1 = OWNER ll\nr2 = r10\nr2 += -4\n"
	      "call map_lookup_elem\nif r0 != 0 goto +2\nr0 = 0\nexit\nr9 = r0\n" NODE LOCK
	      "r6 = r9\n" PUSH("8", "40") OUT },
	{ "pushed twice", TC, -EINVAL, "arg#1 expected pointer to allocated object",
	  OWN NODE LOCK PUSH("8", "40") PUSH("8", "40") OUT },
	{ "another type", TC, -EINVAL,
	  "operation on bpf_list_head expects arg#1 bpf_list_node at offset=40 in struct own_node, "
	  "but arg is at offset=8 in struct own_sole",
	  OWN SOLE LOCK PUSH("8", "8") OUT },
	{ "no node there", TC, -EINVAL, "bpf_list_node not found at offset=8",
	  OWN NODE LOCK PUSH("8", "8") OUT },
	{ "no list there", TC, -EINVAL, "bpf_list_head not found at offset=24",
	  OWN NODE LOCK PUSH("24", "40") OUT },
	{ "a list somewhere", TC, -EINVAL,
	  "R1 doesn't have constant offset. bpf_list_head has to be at the constant offset",
	  OWN NODE "call get_prandom_u32\nr0 &= 8\nr8 = r0\n" LOCK "r6 += r8\n" PUSH("8", "40")
		  OUT },
	{ "popped", TC, 0, NULL,
	  OWN LOCK AT("r1", "8") "call bpf_list_pop_front\nr7 = r0\n" UNLOCK IF_THERE(
		  "r7") "r7 += -40\n" DROP("r7") OUT },
	{ "popped, dropped by its node", TC, -EINVAL,
	  "R1 must have zero offset when passed to release func or trusted arg to kfunc",
	  OWN LOCK AT("r1", "8") "call bpf_list_pop_front\nr7 = r0\n" UNLOCK IF_THERE("r7")
		  DROP("r7") OUT },
	{ "popped and kept", TC, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak",
	  OWN LOCK AT("r1", "8") "call bpf_list_pop_front\n" UNLOCK OUT },
	{ "looked at", TC, 0, NULL,
	  OWN LOCK AT("r1", "72") "call bpf_list_front\nif r0 == 0 goto +1\n"
				  "*(u64 *)(r0 -8) = 1\n" UNLOCK OUT },
	{ "looked at for too long", TC, -EACCES, "R7 invalid mem access 'scalar'",
	  OWN LOCK AT("r1", "72") "call bpf_list_front\nr7 = r0\n" UNLOCK
				  "if r7 == 0 goto +1\n*(u64 *)(r7 -8) = 1\n" OUT },
	{ "in global data", TC, 0, NULL, "r6 = ONE ll\n" NODE LOCK PUSH("8", "40") UNLOCK OUT },
	{ "in global data, under the lock of a value", TC, -EINVAL,
	  "held lock and object are not in the same allocation",
	  OWN NODE LOCK "r6 = ONE ll\n" PUSH("8", "40") OUT },
	{ "a list on the stack", TC, -EINVAL,
	  "arg#0 expected pointer to map value or allocated object",
	  "r1 = OWNER ll\nr1 = r10\nr1 += -16\ncall bpf_list_pop_front\n" OUT },

	/* trees; `less` stands behind the exit of each */
	{ "added", TC, 0, NULL,
	  OWN NODE LOCK ADD("+8") UNLOCK OUT "\nr1 = *(u64 *)(r1 -8)\nr2 = *(u64 *)(r2 -8)\nr0 = "
					     "0\nif r1 >= r2 goto +1\nr0 = 1\nexit" },
	{ "compared by anything", TC, -EINVAL, "At callback return the register R0 has",
	  OWN NODE LOCK ADD("+8") UNLOCK OUT "\nr0 = 2\nexit" },
	{ "compared with a node that is removed", TC, -EINVAL,
	  "bpf_rbtree_remove not allowed in rbtree cb",
	  "r6 = ONE ll\n" NODE LOCK ADD("+8") UNLOCK OUT
	  "\nr2 = r1\nr1 = ONE ll\nr1 += 24\ncall bpf_rbtree_remove\n" OUT },
	{ "compared by a helper", TC, -EINVAL,
	  "function calls are not allowed while holding a lock",
	  OWN NODE LOCK ADD("+8") UNLOCK OUT "\ncall ktime_get_ns\n" OUT },
	{ "compared without the lock", TC, -EACCES, "can't spin_{lock,unlock} in rbtree cb",
	  OWN NODE LOCK ADD("+8") UNLOCK OUT "\nr1 = ONE ll\ncall spin_unlock\n" OUT },
	{ "compared by a number", TC, -EINVAL, "arg2 expected pointer to func",
	  OWN NODE LOCK AT("r1", "24") "r2 = r7\nr2 += 8\nr3 = 0\nr4 = 0\nr5 = 0\n"
				       "call bpf_rbtree_add_impl\n" OUT },
	{ "removed", TC, 0, NULL,
	  OWN LOCK AT("r1", "24") "call bpf_rbtree_first\nif r0 != 0 goto +4\n" UNLOCK OUT "\n"
				  "r2 = r0\n" AT("r1",
						 "24") "call bpf_rbtree_remove\nr7 = r0\n" UNLOCK
					  IF_THERE("r7") "r7 += -8\n" DROP("r7") OUT },
	{ "removed, though never there", TC, 0, NULL,
	  OWN NODE LOCK
	  "r2 = r7\nr2 += 8\n" AT("r1", "24") "call bpf_rbtree_remove\nr8 = r0\n" UNLOCK DROP("r7")
		  IF_THERE("r8") "r8 += -8\n" DROP("r8") OUT },
	{ "removed after the lock", TC, -EINVAL,
	  "bpf_rbtree_remove can only take non-owning or refcounted bpf_rb_node pointer",
	  OWN LOCK AT("r1", "24") "call bpf_rbtree_first\nr7 = r0\n" UNLOCK LOCK AT(
		  "r1", "24") "r2 = r7\ncall bpf_rbtree_remove\n" OUT },
	{ "left of what may not be there", TC, -EACCES,
	  "dereference of modified rcu_ptr_or_null_ ptr R2 off=8 disallowed",
	  OWN LOCK AT("r1", "24") "call bpf_rbtree_first\nr2 = r0\n" AT(
		  "r1", "24") "call bpf_rbtree_left\n" OUT },
	{ "held once more while borrowed", TC, 0, NULL,
	  OWN LOCK AT("r1",
		      "24") "call bpf_rbtree_first\nr7 = 0\nif r0 == 0 goto +5\nr0 += -8\n"
			    "r1 = r0\nr2 = 0\ncall bpf_refcount_acquire_impl\nr7 = r0\n" UNLOCK
				    IF_THERE("r7") DROP("r7") OUT },
};

static const struct rule locks[] = {
	{ "locked and unlocked", TC, 0, NULL, OWN LOCK UNLOCK OUT },
	{ "left locked", TC, -EINVAL,
	  "BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region",
	  OWN LOCK OUT },
	{ "unlocked only", TC, -EINVAL, "bpf_spin_unlock without taking a lock", OWN UNLOCK OUT },
	{ "another value's", TC, -EINVAL, "bpf_spin_unlock of different lock",
	  OWN "r8 = r6\n*(u32 *)(r10 -4) = 0\nr1 = OWNER ll\nr2 = r10\nr2 += -4\n"
	      "call map_lookup_elem\nif r0 != 0 goto +2\nr0 = 0\nexit\nr9 = r0\n" LOCK
	      "r1 = r9\ncall spin_unlock\n" OUT },
	{ "no lock there", TC, -EINVAL,
	  "off 8 doesn't point to 'struct bpf_spin_lock' that is at 0",
	  OWN AT("r1", "8") "call spin_lock\n" OUT },
	{ "no lock in the value", TC, -EINVAL, "map 'own' has no valid bpf_spin_lock",
	  "r1 = GUARD ll\ncall spin_lock\n" OUT },
	{ "no lock in the object", TC, -EINVAL, "local 'kptr' has no valid bpf_spin_lock",
	  "r1 = OWNER ll\n" PLAIN_NEW "r1 = r7\ncall spin_lock\n" OUT },
	{ "a lock is no number", TC, -EACCES,
	  "bpf_spin_lock cannot be accessed directly by load/store",
	  OWN "r0 = *(u32 *)(r6 +0)\n" OUT },
	{ "a list is no number", TC, -EACCES,
	  "bpf_list_head cannot be accessed directly by load/store",
	  OWN "r0 = *(u32 *)(r6 +8)\n" OUT },
	{ "beside the lock", TC, 0, NULL, OWN LOCK "*(u64 *)(r6 +88) = 1\n" UNLOCK OUT },
	{ "a helper", TC, -EINVAL, "function calls are not allowed while holding a lock",
	  OWN LOCK "call ktime_get_ns\n" OUT },
	{ "an allocation", TC, -EINVAL, "function calls are not allowed while holding a lock",
	  OWN LOCK NODE OUT },
	{ "a global function", TC, -EINVAL, "use static function instead",
	  OWN LOCK "r1 = 0\ncall +4\n" UNLOCK OUT "\n" OUT, .global = 2 },

	{ "a resilient lock", TC, 0, NULL,
	  "r1 = GUARD ll\ncall bpf_res_spin_lock\nif r0 != 0 goto +3\nr1 = GUARD ll\n"
	  "call bpf_res_spin_unlock\n" OUT },
	{ "that may not be had", TC, -EINVAL, "bpf_res_spin_unlock without taking a lock",
	  "r1 = GUARD ll\ncall bpf_res_spin_lock\nr1 = GUARD ll\ncall bpf_res_spin_unlock\n" OUT },
	{ "twice", TC, -EINVAL, "Acquiring the same lock again, AA deadlock detected",
	  "r1 = GUARD ll\ncall bpf_res_spin_lock\nif r0 != 0 goto +3\nr1 = GUARD ll\n"
	  "call bpf_res_spin_lock\n" OUT },
	{ "a plain one in its place", TC, -EINVAL, "map 'own' has no valid bpf_res_spin_lock",
	  OWN "r1 = r6\ncall bpf_res_spin_lock\n" OUT },
	{ "beside a plain one", TC, 0, NULL,
	  OWN LOCK "r1 = GUARD ll\ncall bpf_res_spin_lock\nif r0 != 0 goto +3\nr1 = GUARD ll\n"
		   "call bpf_res_spin_unlock\n" UNLOCK OUT },
	{ "in the wrong order", TC, -EINVAL, "bpf_spin_unlock cannot be out of order",
	  OWN LOCK "r1 = GUARD ll\ncall bpf_res_spin_lock\nif r0 == 0 goto +4\n" UNLOCK OUT
		   "\n" UNLOCK OUT },
};

TEST(kptrs_own_by_exchange)
{
	rules_ours(kptrs, ARRAY_SIZE(kptrs));
}

TEST(kptrs_own_by_exchange_on_the_host)
{
	rules_host(kptrs, ARRAY_SIZE(kptrs));
}

TEST(objects_are_made_held_and_dropped)
{
	rules_ours(objects, ARRAY_SIZE(objects));
}

TEST(objects_are_made_held_and_dropped_on_the_host)
{
	rules_host(objects, ARRAY_SIZE(objects));
}

TEST(lists_and_trees_own_under_their_lock)
{
	rules_ours(graphs, ARRAY_SIZE(graphs));
}

TEST(lists_and_trees_own_under_their_lock_on_the_host)
{
	rules_host(graphs, ARRAY_SIZE(graphs));
}

TEST(locks_guard_one_allocation)
{
	rules_ours(locks, ARRAY_SIZE(locks));
}

TEST(locks_guard_one_allocation_on_the_host)
{
	rules_host(locks, ARRAY_SIZE(locks));
}
