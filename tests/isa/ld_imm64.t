# SPDX-License-Identifier: BSD-2-Clause
# 64-bit immediates and their pseudo sources: RFC 9669 section 5.4.

case immediate 0x0
	r0 = 0x0 ll
	exit
r0 0x0

case immediate 0x1
	r0 = 0x1 ll
	exit
r0 0x1

case immediate 0x7fffffff
	r0 = 0x7fffffff ll
	exit
r0 0x7fffffff

case immediate 0x80000000
	r0 = 0x80000000 ll
	exit
r0 0x80000000

case immediate 0xffffffff
	r0 = 0xffffffff ll
	exit
r0 0xffffffff

case immediate 0x100000000
	r0 = 0x100000000 ll
	exit
r0 0x100000000

case immediate 0x7fffffffffffffff
	r0 = 0x7fffffffffffffff ll
	exit
r0 0x7fffffffffffffff

case immediate 0x8000000000000000
	r0 = 0x8000000000000000 ll
	exit
r0 0x8000000000000000

case immediate 0xffffffffffffffff
	r0 = 0xffffffffffffffff ll
	exit
r0 0xffffffffffffffff

case immediate 0xffffffff80000000
	r0 = 0xffffffff80000000 ll
	exit
r0 0xffffffff80000000

case immediate 0xffffffff7fffffff
	r0 = 0xffffffff7fffffff ll
	exit
r0 0xffffffff7fffffff

case immediate 0x123456789abcdef0
	r0 = 0x123456789abcdef0 ll
	exit
r0 0x123456789abcdef0

case into r1
	r1 = 0x8877665544332211 ll
	r0 = r1
	exit
r0 0x8877665544332211

case into r2
	r2 = 0x8877665544332211 ll
	r0 = r2
	exit
r0 0x8877665544332211

case into r3
	r3 = 0x8877665544332211 ll
	r0 = r3
	exit
r0 0x8877665544332211

case into r4
	r4 = 0x8877665544332211 ll
	r0 = r4
	exit
r0 0x8877665544332211

case into r5
	r5 = 0x8877665544332211 ll
	r0 = r5
	exit
r0 0x8877665544332211

case into r6
	r6 = 0x8877665544332211 ll
	r0 = r6
	exit
r0 0x8877665544332211

case into r7
	r7 = 0x8877665544332211 ll
	r0 = r7
	exit
r0 0x8877665544332211

case into r8
	r8 = 0x8877665544332211 ll
	r0 = r8
	exit
r0 0x8877665544332211

case into r9
	r9 = 0x8877665544332211 ll
	r0 = r9
	exit
r0 0x8877665544332211

case a jump over both slots
	r0 = 1
	goto skip
back:
	exit
skip:
	if r0 == 1 goto back
	r0 = 0x123456789abcdef0 ll
	goto back
r0 1

case map by descriptor
	*(u32 *)(r10 -4) = 1
	r1 = map[id:0]
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem#1
	if r0 == 0 goto out
	r1 = 0x1122334455667788 ll
	*(u64 *)(r0 +0) = r1
	r0 = *(u64 *)(r0 +0)
	exit
out:
	r0 = -1
	exit
map array 4 8 2
r0 0x1122334455667788

case map by index
	*(u32 *)(r10 -4) = 1
	r1 = map[idx:1]
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem#1
	if r0 == 0 goto out
	*(u64 *)(r0 +0) = 5
	r0 = *(u64 *)(r0 +0)
	exit
out:
	r0 = -1
	exit
map array 4 4 1
map array 4 8 2
r0 5

case the same map twice
	r6 = map[id:0]
	*(u32 *)(r10 -4) = 0
	*(u64 *)(r10 -16) = 77
	r1 = r6
	r2 = r10
	r2 += -4
	r3 = r10
	r3 += -16
	r4 = 0
	call bpf_map_update_elem#2
	if r0 != 0 goto out
	r0 = map[id:0][0]+0
	r0 = *(u64 *)(r0 +0)
out:
	exit
map array 4 8 1
r0 77

case address in a map's value
	r1 = map[id:0][0]+8
	*(u32 *)(r1 +0) = 0x5a
	*(u32 *)(r1 +4) = 0x33
	r2 = map[id:0][0]+0
	r0 = *(u64 *)(r2 +8)
	exit
map array 4 16 1
r0 0x330000005a

case address in a map's value, map by index
	r1 = map[idx:1]+4
	*(u32 *)(r1 +0) = 0x5a
	r2 = map[idx:1]+0
	r0 = *(u64 *)(r2 +0)
	exit
map array 4 4 1
map array 4 8 1
r0 0x5a00000000

case address of a function
	r1 = 3
	r2 = subprog[add]
	r3 = r10
	r3 += -8
	*(u64 *)(r10 -8) = 0
	r4 = 0
	call bpf_loop#181
	r0 = *(u64 *)(r10 -8)
	exit
add:
	r0 = *(u64 *)(r2 +0)
	r0 += 14
	*(u64 *)(r2 +0) = r0
	r0 = 0
	exit
ret 42

case address of a kernel function
	r1 = btf[id:0][fd:0]
	r0 = 1
	if r1 != 0 goto +1
	r0 = 0
	exit
ksym bpf_iter_num_new
r0 1
