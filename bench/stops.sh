#!/bin/sh
# How long a process stands still while it is taken into a hive: a line of milliseconds for each round.
# usage: bench/stops.sh BUILD wait|busy ROUNDS		one that waits, or one with four threads that work
#
# One hive takes all of them: one that ends works for a while.
set -eu
if [ $# -ne 3 ]; then
	sed -n '2,4s/^# //p' "$0" >&2
	exit 2
fi
build=$1 how=$2 rounds=$3
dir=$(mktemp -d /tmp/skep-bench-XXXXXX)
export XDG_RUNTIME_DIR="$dir"
unset SKEP_HIVE # of an earlier suite

end() {
	"$build/src/cli/skep" hive stop stops || :
	while "$build/src/cli/skep" hive show stops >/dev/null 2>&1; do
		sleep 0.1
	done
	rm -rf "$dir"
}
trap end EXIT
trap 'exit 1' INT TERM

mkfifo "$dir/told" "$dir/said"
"$build/src/cli/skep" run -k -n stops -- true
for _ in $(seq "$rounds"); do
	"$build/tests/hook/target" 1000 "$how" <"$dir/told" >"$dir/said" &
	exec 3>"$dir/told" 4<"$dir/said"
	read -r _ <&4
	"$build/src/cli/skep" attach -v -n stops -p $! | awk '/stood still for/ { print $(NF - 1) }'
	echo >&3
	exec 3>&- 4<&-
	wait
done
