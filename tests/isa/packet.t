# SPDX-License-Identifier: BSD-2-Clause
# LD_ABS and LD_IND: RFC 9669 section 5.5, kernel/bpf/core.c, net/core/filter.c.

case absolute u8
	r6 = r1
	r0 = *(u8 *)skb[14]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf1

case absolute u16
	r6 = r1
	r0 = *(u16 *)skb[14]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf1f2

case absolute u32
	r6 = r1
	r0 = *(u32 *)skb[14]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf1f2f3f4

case not aligned
	r6 = r1
	r0 = *(u32 *)skb[15]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf2f3f4f5

case the first byte
	r6 = r1
	r0 = *(u8 *)skb[0]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0x01

case the last byte
	r6 = r1
	r0 = *(u8 *)skb[21]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf8

case the last word
	r6 = r1
	r0 = *(u32 *)skb[18]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf5f6f7f8

case zero-extension
	r6 = r1
	r0 = *(u32 *)skb[14]
	r0 >>= 32
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0

case indirect u8
	r6 = r1
	r2 = 14
	r0 = *(u8 *)skb[r2 + 1]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf2

case indirect u16
	r6 = r1
	r7 = 14
	r0 = *(u16 *)skb[r7 + 2]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf3f4

case indirect u32
	r6 = r1
	r9 = 14
	r0 = *(u32 *)skb[r9 + 4]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf5f6f7f8

case indirect through r0
	r6 = r1
	r0 = 14
	r0 = *(u8 *)skb[r0 + 0]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf1

case indirect, negative immediate
	r6 = r1
	r3 = 20
	r0 = *(u16 *)skb[r3 + -6]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf1f2

case indirect, the upper half of the register does not count
	r6 = r1
	r3 = 0x10000000e ll
	r0 = *(u8 *)skb[r3 + 0]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf1

case beyond the packet ends the program with 0: r0 = *(u8 *)skb[22]
	r6 = r1
	r0 = *(u8 *)skb[22]
	r0 = 5
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0

case beyond the packet ends the program with 0: r0 = *(u16 *)skb[21]
	r6 = r1
	r0 = *(u16 *)skb[21]
	r0 = 5
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0

case beyond the packet ends the program with 0: r0 = *(u32 *)skb[19]
	r6 = r1
	r0 = *(u32 *)skb[19]
	r0 = 5
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0

case beyond the packet ends the program with 0: r0 = *(u8 *)skb[0x7fffffff]
	r6 = r1
	r0 = *(u8 *)skb[0x7fffffff]
	r0 = 5
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0

case beyond the packet ends the program with 0: r0 = *(u8 *)skb[-1]
	r6 = r1
	r0 = *(u8 *)skb[-1]
	r0 = 5
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0

case beyond the packet ends the program with 0: r2 = 22; r0 = *(u8 *)skb[r2 + 0]
	r6 = r1
	r2 = 22
	r0 = *(u8 *)skb[r2 + 0]
	r0 = 5
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0

case from the network header
	r6 = r1
	r0 = *(u16 *)skb[-1048576]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0xf1f2

case from the link header
	r6 = r1
	r0 = *(u16 *)skb[-2097140]
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0x88b5

case beyond the packet from the network header
	r6 = r1
	r0 = *(u8 *)skb[-1048568]
	r0 = 5
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 0

case r6 to r9 survive
	r6 = r1
	r7 = 7
	r8 = 8
	r9 = 9
	r0 = *(u8 *)skb[0]
	r0 += r7
	r0 += r8
	r0 += r9
	r1 = *(u32 *)(r6 +0)
	r0 += r1
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 47

case several loads
	r6 = r1
	r0 = *(u8 *)skb[0]
	r7 = r0
	r0 = *(u8 *)skb[1]
	r7 += r0
	r0 = *(u8 *)skb[2]
	r0 += r7
	exit
type sched_cls
mem 01 02 03 04 05 06 07 08 09 0a 0b 0c 88 b5 f1 f2 f3 f4 f5 f6 f7 f8
ret 6

case other program types have no packet
	r6 = r1
	r0 = *(u8 *)skb[0]
	exit
reject EINVAL BPF_LD_[ABS|IND] instructions not allowed for this program type
