# SPDX-License-Identifier: BSD-2-Clause
# Calls: subprograms, helpers, kfuncs, callbacks, tail calls.

case a subprogram gets its arguments
	r1 = 1
	r2 = 2
	r3 = 3
	r4 = 4
	r5 = 5
	call sum
	exit
sum:
	r0 = r1
	r0 <<= 4
	r0 |= r2
	r0 <<= 4
	r0 |= r3
	r0 <<= 4
	r0 |= r4
	r0 <<= 4
	r0 |= r5
	exit
r0 0x12345

case r6 to r9 survive a call
	r6 = 6
	r7 = 7
	r8 = 8
	r9 = 9
	call spoil
	r0 = r6
	r0 <<= 4
	r0 |= r7
	r0 <<= 4
	r0 |= r8
	r0 <<= 4
	r0 |= r9
	exit
spoil:
	r6 = -1
	r7 = -1
	r8 = -1
	r9 = -1
	r0 = 0
	exit
r0 0x6789

case r6 to r9 survive a helper
	r6 = 6
	r7 = 7
	r8 = 8
	r9 = 9
	call bpf_ktime_get_ns#5
	r0 = r6
	r0 <<= 4
	r0 |= r7
	r0 <<= 4
	r0 |= r8
	r0 <<= 4
	r0 |= r9
	exit
r0 0x6789

case a helper gives 64 bits
	call bpf_ktime_get_ns#5
	if r0 == 0 goto +2
	r0 = 1
	exit
	exit
r0 1

case every frame has a stack of its own
	*(u64 *)(r10 -8) = 1
	*(u64 *)(r10 -256) = 2
	call callee
	r1 = *(u64 *)(r10 -8)
	r0 <<= 8
	r0 |= r1
	r1 = *(u64 *)(r10 -256)
	r0 <<= 8
	r0 |= r1
	exit
callee:
	*(u64 *)(r10 -8) = 3
	r0 = *(u64 *)(r10 -8)
	exit
ret 0x30102

case a pointer to the caller's stack
	*(u64 *)(r10 -8) = 5
	r1 = r10
	r1 += -8
	call callee
	r0 = *(u64 *)(r10 -8)
	exit
callee:
	r2 = *(u64 *)(r1 +0)
	r2 *= 3
	*(u64 *)(r1 +0) = r2
	r0 = 0
	exit
r0 15

case a call backwards
	goto main
helper:
	r0 = r1
	r0 += 2
	exit
main:
	r1 = 40
	call helper
	exit
host reject jump out of range: a subprogram begins inside the main program
reject EINVAL jump out of range

case eight frames
	r1 = 0
	call f1
	exit
f1:
	r1 += 1
	call f2
	r0 += 1
	exit
f2:
	r1 += 1
	call f3
	r0 += 1
	exit
f3:
	r1 += 1
	call f4
	r0 += 1
	exit
f4:
	r1 += 1
	call f5
	r0 += 1
	exit
f5:
	r1 += 1
	call f6
	r0 += 1
	exit
f6:
	r1 += 1
	call f7
	r0 += 1
	exit
f7:
	r1 += 1
	r0 = r1
	exit
ret 13

case nine frames
	call f1
	exit
f1:
	call f2
	exit
f2:
	call f3
	exit
f3:
	call f4
	exit
f4:
	call f5
	exit
f5:
	call f6
	exit
f6:
	call f7
	exit
f7:
	call f8
	exit
f8:
	r0 = 0
	exit
reject E2BIG too deep

case a function that calls itself
	r1 = 0
	call f
	exit
f:
	call f
	exit
reject E2BIG too deep

case one function from two places
	r1 = 3
	call square
	r6 = r0
	r1 = 4
	call square
	r0 += r6
	exit
square:
	r0 = r1
	r0 *= r1
	exit
r0 25

case a function that is only reached through another
	r1 = 2
	call twice
	exit
inc:
	r0 = r1
	r0 += 1
	exit
twice:
	call inc
	r1 = r0
	call inc
	exit
r0 4

case a loop helper calls back
	*(u64 *)(r10 -8) = 0
	r1 = 10
	r2 = subprog[add]
	r3 = r10
	r3 += -8
	r4 = 0
	call bpf_loop#181
	r1 = *(u64 *)(r10 -8)
	r0 <<= 32
	r0 |= r1
	exit
add:
	r0 = *(u64 *)(r2 +0)
	r0 += r1
	*(u64 *)(r2 +0) = r0
	r0 = 0
	exit
r0 0xa0000002d

case a callback ends its loop
	*(u64 *)(r10 -8) = 0
	r1 = 100
	r2 = subprog[stop]
	r3 = r10
	r3 += -8
	r4 = 0
	call bpf_loop#181
	exit
stop:
	r0 = 0
	if r1 < 4 goto +1
	r0 = 1
	exit
r0 5

case r6 to r9 survive a callback
	r6 = 6
	r7 = 7
	r8 = 8
	r9 = 9
	r1 = 3
	r2 = subprog[spoil]
	r3 = 0
	r4 = 0
	call bpf_loop#181
	r0 = r6
	r0 <<= 4
	r0 |= r7
	r0 <<= 4
	r0 |= r8
	r0 <<= 4
	r0 |= r9
	exit
spoil:
	r6 = -1
	r7 = -1
	r8 = -1
	r9 = -1
	*(u64 *)(r10 -8) = -1
	r0 = 0
	exit
r0 0x6789

case a callback with a loop helper inside
	*(u64 *)(r10 -8) = 0
	r1 = 5
	r2 = subprog[outer]
	r3 = r10
	r3 += -8
	r4 = 0
	call bpf_loop#181
	r0 = *(u64 *)(r10 -8)
	exit
outer:
	r3 = r2
	r1 = 4
	r2 = subprog[inner]
	r4 = 0
	call bpf_loop#181
	r0 = 0
	exit
inner:
	r0 = *(u64 *)(r2 +0)
	r0 += 1
	*(u64 *)(r2 +0) = r0
	r0 = 0
	exit
r0 20

case a kfunc
	r6 = 0
	r1 = r10
	r1 += -8
	r2 = 3
	r3 = 7
	call bpf_iter_num_new
next:
	r1 = r10
	r1 += -8
	call bpf_iter_num_next
	if r0 == 0 goto done
	r1 = *(u32 *)(r0 +0)
	r6 <<= 4
	r6 |= r1
	goto next
done:
	r1 = r10
	r1 += -8
	call bpf_iter_num_destroy
	r0 = r6
	exit
r0 0x3456

case tail calls end after 33
	r6 = map[id:1][0]+0
	r0 = *(u64 *)(r6 +0)
	r0 += 1
	*(u64 *)(r6 +0) = r0
	r2 = map[id:0]
	r3 = 0
	call bpf_tail_call#12
	r6 = map[id:1][0]+0
	r0 = *(u64 *)(r6 +0)
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 0e 0f
map prog_array 4 4 1 self
map array 4 8 1
ret 34

case a tail call to an empty slot goes on
	r2 = map[id:0]
	r3 = 1
	call bpf_tail_call#12
	r0 = 17
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 0e 0f
map prog_array 4 4 2 self
ret 17

case a tail call beyond the map goes on
	r2 = map[id:0]
	r3 = 2
	call bpf_tail_call#12
	r0 = 18
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 0e 0f
map prog_array 4 4 2 self
ret 18

case a tail call far beyond the map goes on
	r2 = map[id:0]
	r3 = -1
	call bpf_tail_call#12
	r0 = 18
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 0e 0f
map prog_array 4 4 2 self
ret 18

case the index of a tail call has 32 bits
	r6 = map[id:1][0]+0
	r0 = *(u64 *)(r6 +0)
	r0 += 1
	*(u64 *)(r6 +0) = r0
	if r0 == 2 goto done
	r2 = map[id:0]
	r3 = 0x100000000 ll
	call bpf_tail_call#12
	r0 = 19
done:
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 0e 0f
map prog_array 4 4 1 self
map array 4 8 1
ret 2

case a tail call has a new stack and the same context
	r6 = r1
	r7 = map[id:1][0]+0
	r0 = *(u64 *)(r7 +0)
	r0 += 1
	*(u64 *)(r7 +0) = r0
	if r0 == 2 goto second
	*(u64 *)(r10 -8) = 5
	r2 = map[id:0]
	r3 = 0
	call bpf_tail_call#12
	r0 = 1
	exit
second:
	r0 = *(u32 *)(r6 +0)
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 0e 0f
map prog_array 4 4 1 self
map array 4 8 1
ret 16

case a tail call from a subprogram returns to its caller
	r6 = map[id:1][0]+0
	r0 = *(u64 *)(r6 +0)
	r0 += 1
	*(u64 *)(r6 +0) = r0
	if r0 == 3 goto done
	call sub
	r0 += 10
done:
	exit
sub:
	r2 = map[id:0]
	r3 = 0
	call bpf_tail_call#12
	r0 = 100
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 0e 0f
map prog_array 4 4 1 self
map array 4 8 1
ret 23

case tail calls from subprograms share the limit
	r6 = r1
	r7 = map[id:1][0]+0
	r0 = *(u64 *)(r7 +0)
	r0 += 1
	*(u64 *)(r7 +0) = r0
	call sub
	r0 = *(u64 *)(r7 +0)
	exit
sub:
	r2 = map[id:0]
	r3 = 0
	call bpf_tail_call#12
	r0 = 100
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 0e 0f
map prog_array 4 4 1 self
map array 4 8 1
ret 34
