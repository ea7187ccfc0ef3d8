# SPDX-License-Identifier: BSD-2-Clause
# Loads and stores: RFC 9669 sections 5.1 and 5.2.

case load u8
	r0 = *(u8 *)(r1 +0)
	exit
mem 81 82 83 84 85 86 87 88 11 12 13 14 15 16 17 18
r0 0x81

case load u16
	r0 = *(u16 *)(r1 +0)
	exit
mem 81 82 83 84 85 86 87 88 11 12 13 14 15 16 17 18
r0 0x8281

case load u32
	r0 = *(u32 *)(r1 +0)
	exit
mem 81 82 83 84 85 86 87 88 11 12 13 14 15 16 17 18
r0 0x84838281

case load u64
	r0 = *(u64 *)(r1 +0)
	exit
mem 81 82 83 84 85 86 87 88 11 12 13 14 15 16 17 18
r0 0x8887868584838281

case load s8
	r0 = *(s8 *)(r1 +0)
	exit
mem 81 82 83 84 85 86 87 88 11 12 13 14 15 16 17 18
r0 0xffffffffffffff81

case load s16
	r0 = *(s16 *)(r1 +0)
	exit
mem 81 82 83 84 85 86 87 88 11 12 13 14 15 16 17 18
r0 0xffffffffffff8281

case load s32
	r0 = *(s32 *)(r1 +0)
	exit
mem 81 82 83 84 85 86 87 88 11 12 13 14 15 16 17 18
r0 0xffffffff84838281

case load s8, positive
	r0 = *(s8 *)(r1 +8)
	exit
mem 81 82 83 84 85 86 87 88 11 12 13 14 15 16 17 18
r0 0x11

case load s16, positive
	r0 = *(s16 *)(r1 +8)
	exit
mem 81 82 83 84 85 86 87 88 11 12 13 14 15 16 17 18
r0 0x1211

case load s32, positive
	r0 = *(s32 *)(r1 +8)
	exit
mem 81 82 83 84 85 86 87 88 11 12 13 14 15 16 17 18
r0 0x14131211

case load u16, not aligned
	r1 = 0x8887868584838281 ll
	r2 = map[id:0][0]+0
	*(u64 *)(r2 +0) = r1
	*(u64 *)(r2 +8) = 0x11
	r0 = *(u16 *)(r2 +1)
	exit
map array 4 16 1
r0 0x8382

case load u32, not aligned
	r1 = 0x8887868584838281 ll
	r2 = map[id:0][0]+0
	*(u64 *)(r2 +0) = r1
	*(u64 *)(r2 +8) = 0x11
	r0 = *(u32 *)(r2 +1)
	exit
map array 4 16 1
r0 0x85848382

case load u64, not aligned
	r1 = 0x8887868584838281 ll
	r2 = map[id:0][0]+0
	*(u64 *)(r2 +0) = r1
	*(u64 *)(r2 +8) = 0x11
	r0 = *(u64 *)(r2 +1)
	exit
map array 4 16 1
r0 0x1188878685848382

case load s32, not aligned
	r1 = 0x8887868584838281 ll
	r2 = map[id:0][0]+0
	*(u64 *)(r2 +0) = r1
	*(u64 *)(r2 +8) = 0x11
	r0 = *(s32 *)(r2 +1)
	exit
map array 4 16 1
r0 0xffffffff85848382

# the last byte of the 512, and the first
case both ends of the stack
	*(u8 *)(r10 -1) = 0x5a
	*(u64 *)(r10 -512) = 0x77
	r0 = *(u8 *)(r10 -1)
	r2 = *(u64 *)(r10 -512)
	r0 <<= 8
	r0 |= r2
	exit
r0 0x5a77

case store u8, immediate 0x7f
	*(u8 *)(r1 +0) = 0x7f
	r0 = 0
	exit
mem 81 82 83 84 85 86 87 88
r0 0
after 7f 82 83 84 85 86 87 88

case store u16, immediate 0x1234
	*(u16 *)(r1 +0) = 0x1234
	r0 = 0
	exit
mem 81 82 83 84 85 86 87 88
r0 0
after 34 12 83 84 85 86 87 88

case store u32, immediate 0x12345678
	*(u32 *)(r1 +0) = 0x12345678
	r0 = 0
	exit
mem 81 82 83 84 85 86 87 88
r0 0
after 78 56 34 12 85 86 87 88

case store u64, immediate 0x12345678
	*(u64 *)(r1 +0) = 0x12345678
	r0 = 0
	exit
mem 81 82 83 84 85 86 87 88
r0 0
after 78 56 34 12 00 00 00 00

case store u64, immediate -2
	*(u64 *)(r1 +0) = -2
	r0 = 0
	exit
mem 81 82 83 84 85 86 87 88
r0 0
after fe ff ff ff ff ff ff ff

case store u32, immediate -2
	*(u32 *)(r1 +0) = -2
	r0 = 0
	exit
mem 81 82 83 84 85 86 87 88
r0 0
after fe ff ff ff 85 86 87 88

case store u16, immediate -2
	*(u16 *)(r1 +0) = -2
	r0 = 0
	exit
mem 81 82 83 84 85 86 87 88
r0 0
after fe ff 83 84 85 86 87 88

case store u8, immediate -2
	*(u8 *)(r1 +0) = -2
	r0 = 0
	exit
mem 81 82 83 84 85 86 87 88
r0 0
after fe 82 83 84 85 86 87 88

case store u8 from a register
	r2 = 0x123456789abcdef0 ll
	*(u8 *)(r1 +0) = r2
	r0 = r2
	exit
mem 81 82 83 84 85 86 87 88
r0 0x123456789abcdef0
after f0 82 83 84 85 86 87 88

case store u16 from a register
	r2 = 0x123456789abcdef0 ll
	*(u16 *)(r1 +0) = r2
	r0 = r2
	exit
mem 81 82 83 84 85 86 87 88
r0 0x123456789abcdef0
after f0 de 83 84 85 86 87 88

case store u32 from a register
	r2 = 0x123456789abcdef0 ll
	*(u32 *)(r1 +0) = r2
	r0 = r2
	exit
mem 81 82 83 84 85 86 87 88
r0 0x123456789abcdef0
after f0 de bc 9a 85 86 87 88

case store u64 from a register
	r2 = 0x123456789abcdef0 ll
	*(u64 *)(r1 +0) = r2
	r0 = r2
	exit
mem 81 82 83 84 85 86 87 88
r0 0x123456789abcdef0
after f0 de bc 9a 78 56 34 12

# every register as value and as base: low bytes of some have special encodings on x86
case byte store of r0
	r0 = 0x1a5
	*(u8 *)(r1 +1) = r0
	r0 = 0
	exit
mem 01 02 03
r0 0
after 01 a5 03

case r0 as base
	r0 = r1
	r2 = *(u8 *)(r0 +1)
	r1 = 7
	r0 = r2
	exit
mem 01 f2 03
r0 0xf2

case r0 as base of stores
	r0 = r1
	*(u64 *)(r0 +0) = -1
	*(u32 *)(r0 +0) = r0
	*(u32 *)(r0 +0) = 5
	r0 = 0
	exit
mem 00 00 00 00 00 00 00 00
r0 0
after 05 00 00 00 ff ff ff ff
host skip storing a pointer in the context is refused there

case byte store of r2
	r2 = 0x1a5
	*(u8 *)(r1 +1) = r2
	r0 = 0
	exit
mem 01 02 03
r0 0
after 01 a5 03

case byte store of r3
	r3 = 0x1a5
	*(u8 *)(r1 +1) = r3
	r0 = 0
	exit
mem 01 02 03
r0 0
after 01 a5 03

case r3 as base
	r3 = r1
	r2 = *(u8 *)(r3 +1)
	r1 = 7
	r0 = r2
	exit
mem 01 f2 03
r0 0xf2

case byte store of r4
	r4 = 0x1a5
	*(u8 *)(r1 +1) = r4
	r0 = 0
	exit
mem 01 02 03
r0 0
after 01 a5 03

case r4 as base
	r4 = r1
	r2 = *(u8 *)(r4 +1)
	r1 = 7
	r0 = r2
	exit
mem 01 f2 03
r0 0xf2

case r4 as base of stores
	r4 = r1
	*(u64 *)(r4 +0) = -1
	*(u32 *)(r4 +0) = r4
	*(u32 *)(r4 +0) = 5
	r0 = 0
	exit
mem 00 00 00 00 00 00 00 00
r0 0
after 05 00 00 00 ff ff ff ff
host skip storing a pointer in the context is refused there

case byte store of r5
	r5 = 0x1a5
	*(u8 *)(r1 +1) = r5
	r0 = 0
	exit
mem 01 02 03
r0 0
after 01 a5 03

case r5 as base
	r5 = r1
	r2 = *(u8 *)(r5 +1)
	r1 = 7
	r0 = r2
	exit
mem 01 f2 03
r0 0xf2

case r5 as base of stores
	r5 = r1
	*(u64 *)(r5 +0) = -1
	*(u32 *)(r5 +0) = r5
	*(u32 *)(r5 +0) = 5
	r0 = 0
	exit
mem 00 00 00 00 00 00 00 00
r0 0
after 05 00 00 00 ff ff ff ff
host skip storing a pointer in the context is refused there

case byte store of r6
	r6 = 0x1a5
	*(u8 *)(r1 +1) = r6
	r0 = 0
	exit
mem 01 02 03
r0 0
after 01 a5 03

case r6 as base
	r6 = r1
	r2 = *(u8 *)(r6 +1)
	r1 = 7
	r0 = r2
	exit
mem 01 f2 03
r0 0xf2

case byte store of r7
	r7 = 0x1a5
	*(u8 *)(r1 +1) = r7
	r0 = 0
	exit
mem 01 02 03
r0 0
after 01 a5 03

case r7 as base
	r7 = r1
	r2 = *(u8 *)(r7 +1)
	r1 = 7
	r0 = r2
	exit
mem 01 f2 03
r0 0xf2

case byte store of r8
	r8 = 0x1a5
	*(u8 *)(r1 +1) = r8
	r0 = 0
	exit
mem 01 02 03
r0 0
after 01 a5 03

case r8 as base
	r8 = r1
	r2 = *(u8 *)(r8 +1)
	r1 = 7
	r0 = r2
	exit
mem 01 f2 03
r0 0xf2

case byte store of r9
	r9 = 0x1a5
	*(u8 *)(r1 +1) = r9
	r0 = 0
	exit
mem 01 02 03
r0 0
after 01 a5 03

case r9 as base
	r9 = r1
	r2 = *(u8 *)(r9 +1)
	r1 = 7
	r0 = r2
	exit
mem 01 f2 03
r0 0xf2

case r9 as base of stores
	r9 = r1
	*(u64 *)(r9 +0) = -1
	*(u32 *)(r9 +0) = r9
	*(u32 *)(r9 +0) = 5
	r0 = 0
	exit
mem 00 00 00 00 00 00 00 00
r0 0
after 05 00 00 00 ff ff ff ff
host skip storing a pointer in the context is refused there

case load into r0, base and destination
	r0 = r10
	*(u64 *)(r0 -8) = 3
	r0 = *(u64 *)(r0 -8)
	exit
r0 3

case load into r1, base and destination
	r1 = r10
	*(u64 *)(r1 -8) = 4
	r1 = *(u64 *)(r1 -8)
	r0 = r1
	exit
r0 4

case load into r2, base and destination
	r2 = r10
	*(u64 *)(r2 -8) = 5
	r2 = *(u64 *)(r2 -8)
	r0 = r2
	exit
r0 5

case load into r3, base and destination
	r3 = r10
	*(u64 *)(r3 -8) = 6
	r3 = *(u64 *)(r3 -8)
	r0 = r3
	exit
r0 6

case load into r4, base and destination
	r4 = r10
	*(u64 *)(r4 -8) = 7
	r4 = *(u64 *)(r4 -8)
	r0 = r4
	exit
r0 7

case load into r5, base and destination
	r5 = r10
	*(u64 *)(r5 -8) = 8
	r5 = *(u64 *)(r5 -8)
	r0 = r5
	exit
r0 8

case load into r6, base and destination
	r6 = r10
	*(u64 *)(r6 -8) = 9
	r6 = *(u64 *)(r6 -8)
	r0 = r6
	exit
r0 9

case load into r7, base and destination
	r7 = r10
	*(u64 *)(r7 -8) = 10
	r7 = *(u64 *)(r7 -8)
	r0 = r7
	exit
r0 10

case load into r8, base and destination
	r8 = r10
	*(u64 *)(r8 -8) = 11
	r8 = *(u64 *)(r8 -8)
	r0 = r8
	exit
r0 11

case load into r9, base and destination
	r9 = r10
	*(u64 *)(r9 -8) = 12
	r9 = *(u64 *)(r9 -8)
	r0 = r9
	exit
r0 12

case displacements of one and of four bytes
	r2 = r10
	r2 += -256
	*(u64 *)(r2 +120) = 1
	*(u64 *)(r2 +128) = 2
	*(u64 *)(r2 -128) = 4
	*(u64 *)(r2 -136) = 8
	r0 = *(u8 *)(r2 +120)
	r3 = *(u8 *)(r2 +128)
	r0 += r3
	r3 = *(u8 *)(r2 -128)
	r0 += r3
	r3 = *(u8 *)(r2 -136)
	r0 += r3
	exit
r0 15

case a displacement of 32 kilobytes
	r1 = map[id:0][0]+0
	*(u64 *)(r1 +32760) = 0x77
	r0 = map[id:0][0]+32760
	r0 = *(u64 *)(r0 +0)
	exit
map array 4 32768 1
r0 0x77

case the most negative displacement
	*(u32 *)(r10 -4) = 0
	r1 = map[id:0]
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem#1
	if r0 == 0 goto out
	*(u64 *)(r0 +0) = 0x78
	r0 += 32767
	r0 += 1
	r0 = *(u64 *)(r0 -32768)
out:
	exit
map array 4 32784 1
r0 0x78
