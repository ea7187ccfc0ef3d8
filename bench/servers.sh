#!/bin/sh
# Requests that a server answers in a second: while it is looked at, while nobody does, and of another one that
# is in no hive.  A line of three numbers for each round, as loads of a second take turns.
# usage: bench/servers.sh BUILD nginx|redis ROUNDS
set -eu
build=$1 what=$2 rounds=$3
hooks=$build/tests/hook
name=bench-$$
dir=$(mktemp -d /tmp/skep-bench-XXXXXX)
export XDG_RUNTIME_DIR="$dir"
pids=

cleanup() {
	exec 3>&- || true
	for p in $pids; do kill "$p" 2>/dev/null || true; done
	"$build/src/cli/skep" hive stop $name >/dev/null 2>&1 || true
	wait
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# A port that nobody listens to: of the range that the kernel gives to nobody by itself.
port=$((20000 + $$ % 5000 * 2))

nginx_conf() {
	user=
	[ "$(id -u)" != 0 ] || user='user root;'
	mkdir -p "$dir/www"
	yes small | head -100 >"$dir/www/small"
	cat >"$dir/$1.conf" <<CONF
daemon off; $user worker_processes 1; pid $dir/$1.pid; error_log $dir/error;
events { worker_connections 128; }
http { access_log off; client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f;
uwsgi_temp_path $dir/u; scgi_temp_path $dir/s; sendfile on; keepalive_requests 1000000;
server { listen 127.0.0.1:$1; root $dir/www; } }
CONF
}

# The server has a CPU and who asks another, where there are two: who shares one with whom would be chance.
cpus=$(taskset -cp $$ | sed 's/.*: //')
server_cpu=${cpus%%[-,]*} asking_cpu=${cpus##*[-,]}
on() {
	cpu=$1
	shift
	if [ "$server_cpu" = "$asking_cpu" ]; then "$@"; else taskset -c "$cpu" "$@"; fi
}

missing() {
	echo "servers: $1 is not installed: tools/setup --programs" >&2
	exit 77
}

case $what in
nginx)
	server=$(command -v nginx || echo /usr/sbin/nginx)
	if [ ! -x "$server" ] || ! command -v wrk >/dev/null; then missing "nginx or wrk"; fi
	prepare() { nginx_conf "$1"; }
	command_of() { echo "$server -c $dir/$1.conf -e $dir/error"; }
	# The path of a request, entries and a return.
	programs="bump@ngx_http_process_request=$server,bump@ngx_http_handler=$server"
	programs="$programs,bump@ngx_http_core_content_phase=$server,bump@ngx_http_send_header=$server"
	programs="$programs,bump@ngx_http_output_filter=$server,bump@ngx_http_finalize_request=$server"
	programs="$programs,ret:bump@ngx_http_handler=$server"
	ask() { on "$asking_cpu" wrk -t 1 -c 8 -d 1s "http://127.0.0.1:$1/small" | awk '/^Requests.sec/ { print $2 }'; }
	ready() { curl -s -o /dev/null "http://127.0.0.1:$1/small"; }
	;;
redis)
	server=$(command -v redis-server || true)
	[ -n "$server" ] || missing redis-server
	prepare() { printf 'bind 127.0.0.1\nport %s\nsave ""\ndir %s\n' "$1" "$dir" >"$dir/$1.conf"; }
	command_of() { echo "$server $dir/$1.conf"; }
	programs="call:bump_call@sys_enter,call:bump_call@sys_exit"
	ask() { on "$asking_cpu" redis-benchmark -p "$1" -n 100000 -c 8 -t get --csv | awk -F '"' '/GET/ { print $4 }'; }
	ready() { redis-cli -p "$1" ping >/dev/null 2>&1; }
	;;
*) echo "servers: what is $what? It knows nginx and redis" >&2; exit 2 ;;
esac

await() {
	for _ in $(seq 100); do
		if ready "$1"; then return 0; fi
		sleep 0.05
	done
	echo "servers: $what does not answer: $(cat "$dir/log")" >&2
	exit 1
}

# Half a second after what came before, which may be a tool's beginning or end, with all that they leave to do.
measure() {
	sleep 0.5
	ask "$1"
}

# Starts the server at a port, behind what else is given.
start() {
	at=$1
	shift
	prepare "$at"
	# shellcheck disable=SC2046
	"$@" taskset -c "$server_cpu" $(command_of "$at") >"$dir/log" 2>&1 &
	pids="$pids $!"
	await "$at"
}

start $port env
start $((port + 1)) "$build/src/cli/skep" run -n $name --

mkfifo "$dir/end" "$dir/said"
attach() {
	"$build/src/cli/skep" exec $name -- "$hooks/tool" "$hooks/probe.bpf.o" "$server" -p -1 "$programs" \
		<"$dir/end" >"$dir/said" 2>"$dir/log" &
	tool=$!
	exec 3>"$dir/end" 4<"$dir/said"
	read -r said <&4 || said=
	[ "$said" = attached ] || { echo "servers: $(cat "$dir/log")" >&2; exit 1; }
}

detach() {
	echo >&3
	cat <&4 >/dev/null
	exec 3>&- 4<&-
	wait "$tool" || true
}

# The other one comes first in each second round: who comes where must not matter.
for i in $(seq "$rounds"); do
	if [ $((i % 2)) -eq 0 ]; then native=$(measure $port); fi
	attach
	looked=$(measure $((port + 1)))
	detach
	alone=$(measure $((port + 1)))
	if [ $((i % 2)) -eq 1 ]; then native=$(measure $port); fi
	echo "$looked $alone $native"
done
