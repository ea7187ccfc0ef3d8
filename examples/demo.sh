#!/bin/bash
# The main job, on real traffic: captures what this script itself sends over loopback, then runs
# an XDP program, a traffic classifier and a socket filter over the capture; then counts system calls
# and times a function of programs that know nothing of it, as an ordinary user.
#
# usage: examples/demo.sh [BUILD]
#
# Where tcpdump may not capture (no right to), a capture that was recorded by this same script
# (DEMO_SAVE=FILE keeps it) is used instead, and that is said.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-build}
skep=$build/src/cli/skep
objects=$build/examples
drop_port=5399	# where the DNS-like datagrams go

say() { printf '\n=== %s\n' "$*"; }
die() { printf 'demo: failed: %s\n' "$*" >&2; exit 1; }

[ -x "$skep" ] || die "$skep is not there: run 'make' first"
for tool in python3 curl; do
	command -v $tool >/dev/null || die "$tool is missing: run 'tools/setup' as root"
done

work=$(mktemp -d) || die "no temporary folder"
pids=()
# Ends only what was started here.
finish() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$work"
}
trap finish EXIT

# A web server on a port that the system chooses; its number is in $work/port.
serve() {
	mkdir "$work/www"
	head -c 8000 /dev/zero >"$work/www/page"
	python3 - "$work/www" "$work/port" >/dev/null 2>&1 <<-'END' &
		import functools, http.server, sys
		handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
		server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
		open(sys.argv[2] + '.new', 'w').write(str(server.server_port))
		import os
		os.rename(sys.argv[2] + '.new', sys.argv[2])
		server.serve_forever()
	END
	pids+=($!)
	for _ in $(seq 100); do
		[ -s "$work/port" ] && return
		sleep 0.05
	done
	die "the web server did not start"
}

# tcpdump on loopback; false where it may not capture.
capture() {
	local tcpdump
	tcpdump=$(PATH=$PATH:/usr/sbin:/sbin command -v tcpdump) || return 1
	"$tcpdump" -i lo -U --immediate-mode -s 0 --time-stamp-precision=nano -w "$work/live.pcap" \
		"port $1 or port $drop_port or icmp or icmp6" 2>"$work/tcpdump.log" &
	dump=$!
	pids+=($dump)
	for _ in $(seq 60); do
		grep -qs 'listening on' "$work/tcpdump.log" && return 0
		kill -0 $dump 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}

traffic() {
	for _ in 1 2 3 4 5; do
		curl -sS -o /dev/null "http://127.0.0.1:$1/page" || die "curl failed"
	done
	command -v ping >/dev/null && ping -q -c 3 -i 0.2 127.0.0.1 >/dev/null 2>&1
	# Datagrams with the header of a DNS query: each to a port that nobody serves.
	python3 - $drop_port <<-'END'
		import socket, struct, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for i in range(20):
		    name = b'\x07example\x03com\x00'
		    s.sendto(struct.pack('!6H', i, 0x0100, 1, 0, 0, 0) + name + struct.pack('!2H', 1, 1),
		             ('127.0.0.1', int(sys.argv[1])))
	END
}

# Until the capture has not grown for a second, 10 seconds at most.
settle() {
	local before=-1 now
	for _ in $(seq 10); do
		now=$(stat -c %s "$work/live.pcap")
		[ "$now" = "$before" ] && return
		before=$now
		sleep 1
	done
}

say "traffic over loopback: HTTP, ping, datagrams to port $drop_port"
serve
port=$(cat "$work/port")
if capture "$port"; then
	traffic "$port"
	settle
	kill -INT $dump
	wait $dump 2>/dev/null
	pcap=$work/live.pcap
	source="captured just now"
	tail -n 3 "$work/tcpdump.log"
	[ -z "${DEMO_SAVE:-}" ] || cp "$pcap" "$DEMO_SAVE"
else
	pcap=$here/demo.pcap
	source="the recorded examples/demo.pcap"
	echo "tcpdump may not capture here ($(tail -n 1 "$work/tcpdump.log" 2>/dev/null || echo 'not installed'))"
	echo "using $source instead, recorded by this script on another machine"
fi

say "XDP: counts flows, drops port $drop_port ($source)"
"$skep" prog run "$objects/xdp_flow.bpf.o" --pcap "$pcap" --set drop_port=$drop_port \
	--pcap-out "$work/passed.pcap" --rows 12 || die "xdp_flow did not run"

say "the same 1,000 times: compiled, then interpreted with every memory access checked"
"$skep" prog run "$objects/xdp_flow.bpf.o" --pcap "$pcap" --repeat 1000 --no-maps ||
	die "xdp_flow did not run"
"$skep" --interp prog run "$objects/xdp_flow.bpf.o" --pcap "$pcap" --repeat 100 --no-maps ||
	die "xdp_flow did not run in the interpreter"

say "TC: marks by length, drops what is longer than 1514 bytes"
"$skep" prog run "$objects/tc_mark.bpf.o" --pcap "$pcap" --set max_len=1514 ||
	die "tc_mark did not run"

say "socket filter: the socket gets UDP only"
"$skep" prog run "$objects/sockfilter.bpf.o" --pcap "$pcap" --pcap-out "$work/udp.pcap" ||
	die "sockfilter did not run"

# What attaches is run as an ordinary user: root becomes nobody, with copies that nobody may read.
ordinary_user() {
	home=$work/user
	as_user=(env "HOME=$home" "XDG_RUNTIME_DIR=$home/run")
	user_build=$(cd "$build" && pwd)
	mkdir -p "$home/run"
	[ "$(id -u)" = 0 ] || return 0
	command -v setpriv >/dev/null || die "setpriv is missing: run 'tools/setup'"
	mkdir -p "$home/src/cli" "$home/src/bpf" "$home/examples"
	cp "$skep" "$home/src/cli/"
	cp "$build/src/bpf/libskep-bpf.so" "$home/src/bpf/"
	for tool in counter funclatency; do
		cp "$objects/$tool" "$objects/$tool.bpf.o" "$home/examples/"
	done
	chmod 711 "$work"
	chown -R 65534:65534 "$home"
	as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups "${as_user[@]}")
	user_build=$home
}

# An example in a new hive, in that user's home.
attach() {
	local tool=$1
	shift
	(cd "$home" && "${as_user[@]}" "$user_build/src/cli/skep" run -- \
		"$user_build/examples/$tool" "$user_build/examples/$tool.bpf.o" "$@" </dev/null)
}

libc=$(ldd "$(command -v sort)" | awk '$1 ~ /^libc\.so/ { print $3 }')
say "tools of libbpf's, unmodified, as an ordinary user"
if [ -n "${SKEP_SANITIZED:-}" ]; then
	echo "not here: built with a sanitizer, whose runtime cannot be preloaded"
elif [ "$(uname -m)" = x86_64 ] && [ -n "$libc" ]; then
	ordinary_user
	say "tracepoints: the system calls of each user, while all of /usr/include is packed"
	attach counter sh -c 'tar -C /usr -cf - include | gzip -1 >packed' \
		>"$work/counted" || die "counter did not run"
	cat "$work/counted"
	files=$(gzip -dc "$home/packed" | tar -tf - | grep -c '[^/]$')
	uid=$("${as_user[@]}" id -u)
	counted=$(awk -v uid="$uid" '$1 == uid { n = $3 } END { print n + 0 }' "$work/counted")
	# Each file is opened, read and closed.
	[ "$counted" -ge $((3 * files)) ] || die "$counted calls were seen, of $files files"

	say "uprobes: how long malloc() takes in sort(1)"
	attach funclatency "$libc" malloc sort -o sorted /etc/passwd >"$work/latency" ||
		die "funclatency did not run"
	cat "$work/latency"
	sort /etc/passwd | cmp -s - "$home/sorted" || die "the probed program does something else"
	grep -q '^calls: [1-9]' "$work/latency" || die "no call was seen"
else
	echo "not on this machine: x86-64 and a C library in a file of its own are needed"
fi

# What was told must be true: the counts in JSON against the captures.
python3 - "$skep" "$objects" "$pcap" "$work" $drop_port <<'END' || die "the results do not agree"
import json, subprocess, sys

skep, objects, pcap, work, port = sys.argv[1:]

def run(obj, capture, *more):
    out = subprocess.run([skep, '-j', 'prog', 'run', f'{objects}/{obj}.bpf.o', '--pcap', capture,
                          *more], capture_output=True, text=True, check=True).stdout
    return json.loads(out)

def packets(r, verdict):
    return sum(v['packets'] for v in r['verdicts'] if v['verdict'] == verdict)

flow = run('xdp_flow', pcap, '--set', f'drop_port={port}')
dropped, passed = packets(flow, 'XDP_DROP'), packets(flow, 'XDP_PASS')
assert dropped > 0, 'nothing was dropped'
assert dropped + passed == flow['packets'], 'packets are missing'
flows = next(m for m in flow['maps'] if m['name'] == 'flows')
counted = sum(e['formatted']['value']['packets'] for e in flows['elements'])
other = next(m for m in flow['maps'] if m['name'].endswith('.bss'))
assert counted + other['elements'][0]['formatted']['value']['.bss'][0]['other'] == flow['packets']
again = run('xdp_flow', f'{work}/passed.pcap', '--set', f'drop_port={port}')
assert again['packets'] == passed and packets(again, 'XDP_DROP') == 0, 'the output capture is wrong'
udp = run('sockfilter', f'{work}/udp.pcap')
assert packets(udp, 'drop') == 0, 'the filtered capture holds other packets'
print(f'\ndemo: ok: {flow["packets"]} packets, {len(flows["elements"])} flows, {dropped} dropped, '
      f'{passed} passed')
END
