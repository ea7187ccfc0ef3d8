#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Compile the kernel-tree BPF selftest programs into stand-alone objects.
# usage: build_objs.sh KSRC OUTDIR VMLINUX_H_DIR LIBBPF_INCLUDE_DIR CPU [pattern]
# The flags are the ones the selftest build uses; -Wno-error keeps objects
# whose source merely warns with this compiler.
set -u
KSRC=$1; OUT=$2; VH=$3; LB=$4; CPU=$5; PAT=${6:-*.c}
CLANG=${CLANG:-clang-19}
ST=$KSRC/tools/testing/selftests/bpf
mkdir -p "$OUT/log"
SYS=$($CLANG -v -E - </dev/null 2>&1 | sed -n '/<...> search starts here:/,/End of search list./{ s| \(/.*\)|-idirafter \1|p }' | tr '\n' ' ')
build() {
	f=$1; b=$(basename "$f" .c)
	extra=
	case $b in test_l4lb_noinline|test_xdp_noinline) extra=-fno-inline;; esac
	# A kernel newer than the sources may have changed a kfunc prototype; then
	# drop the prototypes vmlinux.h carries and rely on the program's own.
	for v in '' -DBPF_NO_KFUNC_PROTOTYPES; do
		if $CLANG -g -Wall -Wno-error -D__TARGET_ARCH_x86 -mlittle-endian $v \
			-I"$VH" -I"$LB" -I"$ST" -I"$KSRC/tools/include/uapi" -I"$KSRC/tools/include" \
			-Wno-compare-distinct-pointer-types $SYS -DENABLE_ATOMICS_TESTS $extra \
			-O2 --target=bpf -c "$f" -mcpu=$CPU -o "$OUT/$b.bpf.o" >"$OUT/log/$b.log" 2>&1
		then echo "ok $b $v"; return; fi
	done
	rm -f "$OUT/$b.bpf.o"; echo "FAIL $b"
}
export -f build; export CLANG ST VH LB KSRC SYS OUT CPU
ls $ST/progs/$PAT | xargs -P "$(nproc)" -I{} bash -c 'build {}' | sort >"$OUT/build.txt"
awk '{n[$1]++} END{for(k in n) print k, n[k]}' "$OUT/build.txt"
