#!/bin/sh
# How long a process stands still while it is taken into a hive: a line of milliseconds for each round.
# usage: bench/stops.sh BUILD wait|busy ROUNDS		one that waits, or one with four threads that work
set -eu
build=$1 how=$2 rounds=$3
dir=$(mktemp -d /tmp/skep-bench-XXXXXX)
export XDG_RUNTIME_DIR="$dir"
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

mkfifo "$dir/told" "$dir/said"
for _ in $(seq "$rounds"); do
	"$build/tests/hook/target" 1000 "$how" <"$dir/told" >"$dir/said" &
	exec 3>"$dir/told" 4<"$dir/said"
	read -r _ <&4
	"$build/src/cli/skep" attach -v -p $! | awk '/stood still for/ { print $(NF - 1) }'
	echo >&3
	exec 3>&- 4<&-
	wait
done
