# SPDX-License-Identifier: BSD-2-Clause
# What does not load, with Linux's errno and words.  Field by field this is in tests/unit/isa/rows.c;
# here is what the whole pipeline says.

case a call through a register
	r2 = 5
	callx r2
	exit
reject EINVAL unknown opcode 8d

case address space cast without an arena
	r1 = addr_space_cast(r1, 0, 1)
	r0 = 0
	exit
reject EINVAL addr_space_cast insn can only be used in a program that has an associated arena

case division by an immediate 0
	r0 = 1
	r0 /= 0
	exit
reject EINVAL div by zero

case signed division by an immediate 0
	w0 = 1
	w0 s/= 0
	exit
reject EINVAL div by zero

case modulo an immediate 0
	r0 = 1
	r0 %= 0
	exit
reject EINVAL div by zero

case a shift of 64
	r0 = 1
	r0 <<= 64
	exit
reject EINVAL invalid shift 64

case a shift of 32 on 32 bits
	w0 = 1
	w0 s>>= 32
	exit
reject EINVAL invalid shift 32

case a negative shift
	r0 = 1
	r0 >>= -1
	exit
reject EINVAL invalid shift -1

case a register that is not there
	r0 = r11
	exit
reject EINVAL R11 is invalid

case a destination that is not there
	r12 = 0
	r0 = 0
	exit
reject EINVAL R12 is invalid

case the frame pointer is read only
	r10 = 0
	r0 = 0
	exit
reject EACCES frame pointer is read only

case the frame pointer is read only for loads
	r10 = *(u64 *)(r1 +0)
	r0 = 0
	exit
reject EACCES frame pointer is read only
mem 00 00 00 00 00 00 00 00

case the frame pointer is read only for arithmetic
	r10 += 8
	r0 = 0
	exit
reject EACCES frame pointer is read only

case a jump before the program
	goto -2
	exit
reject EINVAL jump out of range from insn 0 to -1

case a jump behind the program
	goto +5
	exit
reject EINVAL jump out of range from insn 0 to 6

case a conditional jump behind the program
	r0 = 0
	if r0 == 0 goto +7
	exit
reject EINVAL jump out of range from insn 1 to 9

case a gotol behind the program
	gotol +100000
	exit
reject EINVAL jump out of range from insn 0 to 100001

case a jump into a 64-bit immediate
	r0 = 0
	if r0 == 1 goto +1
	r1 = 1 ll
	exit
reject EINVAL jump into the middle of ldimm64 insn 2

case the end is not an exit
	r0 = 0
reject EINVAL last insn is not an exit or jmp

case falling off the end behind a condition
	r0 = 0
	if r0 == 0 goto -2
reject EINVAL last insn is not an exit or jmp

case code that cannot be reached
	r0 = 0
	exit
	r0 = 1
	exit
reject EINVAL unreachable insn 2

case a jump into another function
	r0 = 0
	if r0 == 1 goto f
	call f
	exit
f:
	exit
reject EINVAL jump out of range from insn 1 to 4

case a call behind the program
	call pc+5
	exit
reject EINVAL call to invalid destination

case a function that runs into the next
	call f
	exit
f:
	r0 = 0
g:
	call g
	exit
reject EINVAL last insn is not an exit or jmp

case a helper that is not there
	call bpf_unheard_of#100000
	exit
reject EINVAL invalid func unknown#100000

case helper 0
	call bpf_unspec#0
	exit
reject EINVAL bpf_unspec#0

case a map that is not there
	r1 = map[id:9999]
	r0 = 0
	exit
reject EBADF fd 9999 is not pointing to valid bpf_map

case beyond the value of a map
	r1 = map[id:0][0]+16
	r0 = 0
	exit
reject EINVAL invalid access to map value pointer, value_size=16 off=16
map array 4 16 1

case a value of a map that has no address
	r1 = map[id:0][0]+0
	r0 = 0
	exit
reject EINVAL no direct value access support for this map type
map hash 4 8 4

case a callback that is the main program
	r1 = 1
	r2 = subprog[-2]
	r3 = 0
	r4 = 0
	call bpf_loop#181
	r0 = 0
	exit
reject E2BIG too deep

case a kernel variable that is not there
	r0 = btf[id:99999999][fd:0]
	r0 = 0
	exit
reject ENOENT ldimm64 insn specifies invalid btf_id 99999999

case may_goto elsewhere
	may_goto -5
	r0 = 0
	exit
reject EINVAL jump out of range from insn 0 to -4
