#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The command as a person uses it: every line below runs the built `skep` and looks at what it
says, writes and returns.  TAP.

usage: e2e.py BUILD [NAME...]
"""
import collections
import ipaddress
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
from tap import Skip, case, main, remove

build = pathlib.Path(sys.argv[1]).resolve()
source = pathlib.Path(__file__).resolve().parent.parent.parent
skep = build / 'src/cli/skep'
objects = build / 'examples'
xdp_flow, count, tc_mark, sockfilter = (
    str(objects / f'{n}.bpf.o') for n in ('xdp_flow', 'count', 'tc_mark', 'sockfilter'))
skel_obj = str(build / 'tests/e2e/skel.bpf.o')
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-e2e-', dir='/tmp'))  # sockets have short names
os.chmod(work, 0o755)
os.environ['XDG_RUNTIME_DIR'] = str(work)
Result = collections.namedtuple('Result', 'status out err')


def call(argv, stdin=None, env=None):
    p = subprocess.run([str(a) for a in argv], input=stdin, capture_output=True, text=True,
                       errors='replace', timeout=120, cwd=work,
                       env={**os.environ, 'LC_ALL': 'C', **(env or {})})
    return Result(p.returncode, p.stdout, p.stderr)


def run(*args, status=0, stdin=None):
    r = call([skep, *args], stdin)
    assert r.status == status, f'skep {" ".join(map(str, args))}: status {r.status}\n{r.out}{r.err}'
    return r


def run_json(*args, **kw):
    return json.loads(run('-j', *args, **kw).out)


def has(text, *parts):
    for part in parts:
        assert part in text, f'"{part}" is not in:\n{text}'


def stop_hives(*mine):
    """Those that a pin keeps; `mine`: the command, and as whom."""
    for h in json.loads(call([*mine, '-j', 'hive', 'list']).out or '[]'):
        call([*mine, 'hive', 'stop', h['name']])


def preloadable():
    """A sanitizer's runtime must come first in a process: it cannot be preloaded into others."""
    if os.environ.get('SKEP_SANITIZED'):
        raise Skip('built with a sanitizer, whose runtime cannot be preloaded')


# --- packets and captures, made by hand -----------------------------------------------------------

def ethernet(payload, kind=0x0800, vlans=()):
    tags = b''.join(struct.pack('!HH', 0x8100, v) for v in vlans)
    return bytes(range(12)) + tags + struct.pack('!H', kind) + payload


def ipv4(src, dst, protocol, payload):
    return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                       ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed) + payload


def ipv6(src, dst, protocol, payload):
    return struct.pack('!IHBB16s16s', 6 << 28, len(payload), protocol, 64,
                       ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed) + payload


def udp(sport, dport, payload=b''):
    return struct.pack('!HHHH', sport, dport, 8 + len(payload), 0) + payload


def tcp(sport, dport, payload=b''):
    return struct.pack('!HHIIBBHHH', sport, dport, 1, 2, 0x50, 0x10, 1024, 0, 0) + payload


def write_pcap(path, packets, link=1):
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b23c4d, 2, 4, 0, 0, 262144, link))
        for ns, data in packets:
            f.write(struct.pack('<IIII', ns // 10**9, ns % 10**9, len(data), len(data)) + data)


def read_pcap(path):
    raw = pathlib.Path(path).read_bytes()
    assert struct.unpack_from('<I', raw)[0] == 0xa1b23c4d, 'no nanosecond pcap'
    at, out = 24, []
    while at < len(raw):
        sec, ns, n, _ = struct.unpack_from('<IIII', raw, at)
        out.append((sec * 10**9 + ns, raw[at + 16:at + 16 + n]))
        at += 16 + n
    return out


T = 1700000000123456789
TRAFFIC = [
    (T + 1, ethernet(ipv4('10.0.0.1', '10.0.0.2', 6, tcp(1000, 80, b'x' * 5000)))),
    (T + 2, ethernet(ipv4('10.0.0.1', '10.0.0.2', 6, tcp(1000, 80)))),
    (T + 3, ethernet(ipv4('10.0.0.3', '10.0.0.2', 17, udp(2000, 53, b'query')))),
    (T + 4, ethernet(ipv6('2001:db8::1', '2001:db8::2', 17, udp(3000, 53)), kind=0x86dd)),
    (T + 5, ethernet(ipv4('10.0.0.4', '10.0.0.2', 17, udp(4000, 9)), vlans=(7, 8))),
    (T + 6, ethernet(b'\x00' * 46, kind=0x0806)),
    (T + 7, ethernet(ipv4('10.0.0.5', '10.0.0.2', 1, b'\x08\x00' + b'\x00' * 6))),
]


def traffic():
    path = work / 'traffic.pcap'
    write_pcap(path, TRAFFIC)
    return path


def verdicts(answer):
    return {v['verdict']: v['packets'] for v in answer['verdicts']}


def elements(answer, name):
    m = next(m for m in answer['maps'] if m['name'] == name)
    return [e['formatted'] for e in m['elements']]


# --- the command line -------------------------------------------------------------------------------

@case
def help_everywhere():
    top = run('--help').out
    commands = re.findall(r'^  (\w+) ', top.split('options')[0], re.M)
    assert len(commands) == 12, commands
    for c in commands:
        text = run(c, '--help').out
        has(text, f'usage: skep {c}')
        if 'COMMAND' in text:
            for sub in re.findall(r'^  (\w+) ', text.split('options')[0], re.M):
                has(run(c, sub, '--help').out, f'usage: skep {c} {sub}', '--json')


@case
def version():
    assert re.fullmatch(r'skep \d+\.\d+\.\d+\n', run('--version').out)
    assert run('-V').out == run('--version').out


@case
def mistyped_words_get_a_suggestion():
    has(run('porg', status=2).err, "did you mean 'prog'?")
    has(run('prog', 'laod', 'x', status=2).err, "did you mean 'load'?")
    has(run('prog', 'run', 'x', '--pcpa', 'y', status=2).err, 'did you mean --pcap?')
    has(run('quite-another-thing', status=2).err, '--help')
    has(run(status=2).err, 'usage')


@case
def wrong_options():
    has(run('prog', 'run', count, '--repeat', '0', status=2).err, '1 to 1000000000')
    has(run('prog', 'run', count, '--repeat', '-3', status=2).err, '--repeat')
    has(run('prog', 'run', count, '--repeat', status=2).err, 'needs a value')
    has(run('prog', 'run', count, '--no-maps=1', status=2).err, 'takes no value')
    has(run('prog', 'run', count, '--data-in', '0g', status=2).err, 'hex digits')
    has(run('prog', 'run', count, '--data-in', 'abc', status=2).err, 'byte 1')
    has(run('prog', 'run', status=2).err, 'missing')
    has(run('prog', 'run', count, 'count', 'more', status=2).err, "'more'")


@case
def options_stand_anywhere():
    a = run('-j', 'prog', 'run', count, '--no-maps').out
    for line in (['prog', '-j', 'run', count, '--no-maps'], ['prog', 'run', '--no-maps', '-j', count],
                 ['prog', 'run', '--json', '--no-maps', '--', count]):
        assert json.loads(run(*line).out)['verdicts'] == json.loads(a)['verdicts']


@case
def errors_in_json():
    assert 'error' in run_json('prog', 'load', '/nonexistent', status=1)
    assert 'error' in run_json('porg', status=2)


@case
def a_closed_output_is_an_error():
    with open('/dev/full', 'w') as full:
        p = subprocess.run([skep, 'feature'], stdout=full, stderr=subprocess.PIPE)
    assert p.returncode == 1, p


# --- programs ---------------------------------------------------------------------------------------

@case
def load_says_what_it_did():
    has(run('prog', 'load', xdp_flow).out, 'loaded xdp_flow as program')
    answer = run_json('prog', 'load', xdp_flow)
    assert answer[0]['name'] == 'xdp_flow' and answer[0]['bytes_xlated'] % 8 == 0


@case
def load_refuses_what_is_no_object():
    (work / 'empty').write_bytes(b'')
    has(run('prog', 'load', '/nonexistent.o', status=1).err, '/nonexistent.o', 'No such file')
    has(run('prog', 'load', 'empty', status=1).err, 'empty')
    has(run('prog', 'load', '/bin/sh', status=1).err, 'not for BPF')
    has(run('prog', 'load', str(source / 'README.md'), status=1).err, 'no ELF object')
    has(run('prog', 'load', '.', status=1).err, 'Error')


@case
def a_refused_program_is_explained():
    (work / 'bad.bpf.c').write_text('''
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        SEC("xdp") int bad(struct xdp_md *ctx)
        {
            asm volatile("r0 = *(u32 *)(r1 + 200)" ::: "r0", "r1");
            return 0;
        }
        char LICENSE[] SEC("license") = "GPL";''')
    run('cc', 'bad.bpf.c', '-o', 'bad.bpf.o')
    r = run('prog', 'load', 'bad.bpf.o', status=1)
    has(r.err, 'cannot load bad.bpf.o', 'insn', 'invalid bpf_context access', "prog 'bad'")
    assert 'bad.bpf.o' in run_json('prog', 'load', 'bad.bpf.o', status=1)['error']


@case
def show_has_bpftools_shape():
    line = run('-O', xdp_flow, 'prog', 'show').out
    assert re.match(r'\d+: xdp  name xdp_flow  tag [0-9a-f]{16}  gpl\n'
                    r'\tloaded_at \S+  uid \d+\n\txlated \d+B  (jited \d+B|not jited)  map_ids ',
                    line), line
    one = run_json('-O', xdp_flow, 'prog', 'show', 'name', 'xdp_flow')[0]
    assert one['type'] == 'xdp' and one['gpl_compatible'] is True and len(one['map_ids']) == 3
    same = run_json('-O', xdp_flow, 'prog', 'show', 'id', str(one['id']))
    assert same['tag'] == one['tag'], 'one object, not a list'
    has(run('-O', xdp_flow, 'prog', 'show', 'tag', one['tag']).out, 'xdp_flow')
    has(run('-O', xdp_flow, 'prog', 'show', 'name', 'other', status=1).err, 'no program has name')
    has(run('-O', xdp_flow, 'prog', 'show', 'id', '999999', status=1).err, '999999')
    has(run('-O', xdp_flow, 'prog', 'show', 'id', 'abc', status=2).err, "'abc'")
    assert run_json('prog', 'show') == []


@case
def long_names_are_shown_whole():
    (work / 'long.bpf.c').write_text('''
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        SEC("xdp") int a_name_of_more_than_15_letters(void *ctx) { return XDP_PASS; }
        char LICENSE[] SEC("license") = "GPL";''')
    run('cc', 'long.bpf.c')
    has(run('-O', 'long.bpf.o', 'prog', 'show', 'name', 'a_name_of_more_than_15_letters').out,
        'name a_name_of_more_than_15_letters')


@case
def xlated_shows_source_and_instructions():
    out = run('-O', count, 'prog', 'dump', 'xlated', 'name', 'count', 'opcodes').out
    has(out, 'int count(struct xdp_md *ctx):', '; packets++;', '(95) exit', '95 00 00 00')
    lines = run_json('-O', count, 'prog', 'dump', 'xlated', 'name', 'count', '--linum')
    assert lines[0]['proto'].startswith('int count') and lines[-1]['disasm'] == '(95) exit'
    assert any(l.get('src') == 'packets++;' and l['line_num'] > 10 for l in lines)
    run('-O', count, 'prog', 'dump', 'xlated', 'name', 'count', 'file', 'insns')
    size = run_json('-O', count, 'prog', 'show', 'name', 'count')[0]['bytes_xlated']
    assert (work / 'insns').stat().st_size == size
    has(run('-O', count, 'prog', 'dump', 'name', 'count', status=2).err, 'xlated')


@case
def jited_is_machine_code():
    show = run_json('-O', count, 'prog', 'show')[0]
    if not show['jited']:
        raise Skip('no compiler for this machine')
    code = run_json('-O', count, 'prog', 'dump', 'jited', 'name', 'count')
    assert sum(len(f['bytes']) for f in code) == show['bytes_jited']
    text = run('-O', count, 'prog', 'dump', 'jited', 'name', 'count').out
    has(text, 'count:')
    bare = call([skep, '-O', count, 'prog', 'dump', 'jited', 'name', 'count'],
                env={'PATH': '/nonexistent'})
    assert bare.status == 0 and 'objdump' in bare.err, bare
    has(run('--interp', '-O', count, 'prog', 'dump', 'jited', 'name', 'count', status=1).err,
        'interpreted')


# --- prog run -----------------------------------------------------------------------------------------

@case
def run_counts_flows_and_drops():
    for engine in ([], ['--interp']):
        answer = run_json(*engine, 'prog', 'run', xdp_flow, '--pcap', traffic(), '--pcap-out',
                          'passed.pcap', '--set', 'drop_port=53')
        assert verdicts(answer) == {'XDP_PASS': 5, 'XDP_DROP': 2}, answer['verdicts']
        assert answer['packets'] == 7 and answer['bytes'] == sum(len(p) for _, p in TRAFFIC)
        flows = {(f['key']['sport'], f['key']['protocol']): f['value']['packets']
                 for f in elements(answer, 'flows')}
        swap = lambda port: struct.unpack('<H', struct.pack('>H', port))[0]
        assert flows == {(swap(1000), 'TCP'): 2, (swap(2000), 'UDP'): 1, (swap(3000), 'UDP'): 1,
                         (swap(4000), 'UDP'): 1, (0, 'ICMP'): 1}, flows
        assert read_pcap(work / 'passed.pcap') == [p for p in TRAFFIC if p[0] not in (T + 3, T + 4)]


@case
def run_prints_a_table_for_people():
    out = run('prog', 'run', xdp_flow, '--pcap', traffic()).out
    has(out, 'XDP_PASS', 'million packets/s', '10.0.0.1', '2001:db8::1', 'TCP', 'xdp_flow.bss')
    row = next(l for l in out.splitlines() if '10.0.0.1 ' in l).split()
    assert row == ['10.0.0.1', '10.0.0.2', '1000', '80', 'TCP', '2', str(5054 + 54)], row
    has(run('prog', 'run', xdp_flow, '--pcap', traffic(), '--rows', '1').out, '... and 4 more')
    assert 'map' not in run('prog', 'run', xdp_flow, '--pcap', traffic(), '--no-maps').out


@case
def run_repeats_rounds():
    answer = run_json('prog', 'run', count, '--pcap', traffic(), '--repeat', '100')
    assert answer['runs'] == 700
    assert elements(answer, 'count.bss')[0]['value']['.bss'][0] == {'packets': 700}


@case
def run_takes_one_packet_by_hand():
    packet = ethernet(ipv4('1.2.3.4', '5.6.7.8', 17, udp(1, 2))).hex()
    answer = run_json('prog', 'run', xdp_flow, '--data-in', packet)
    key = elements(answer, 'flows')[0]['key']
    assert key['dport'] == 0x200 and key['protocol'] == 'UDP'
    assert verdicts(run_json('prog', 'run', count)) == {'XDP_PASS': 1}
    has(run('prog', 'run', count, '--data-in', '0011').out, '1 packets shorter')
    has(run('prog', 'run', count, '--data-in', '00', '--pcap', 'x', status=2).err, 'not both')


@case
def run_knows_traffic_classifiers():
    answer = run_json('prog', 'run', tc_mark, '--pcap', traffic(), '--set', 'max_len=1514')
    assert verdicts(answer) == {'TC_ACT_OK': 6, 'TC_ACT_SHOT': 1}
    per_class = [sum(c['value']['packets'] for c in e['values'])
                 for e in elements(answer, 'classes')]
    assert per_class == [6, 0, 1], per_class
    has(run('prog', 'run', tc_mark, '--pcap', traffic()).out, 'summed over CPUs')


@case
def run_knows_socket_filters():
    answer = run_json('prog', 'run', sockfilter, '--pcap', traffic(), '--pcap-out', 'udp.pcap')
    assert verdicts(answer) == {'drop': 6, 'accept': 1}, answer['verdicts']
    kept = read_pcap(work / 'udp.pcap')
    assert kept == [(t, p[:64]) for t, p in TRAFFIC if t == T + 3], kept


@case
def run_sets_globals():
    has(run('prog', 'run', xdp_flow, '--set', 'no_such=1', status=1).err, "'no_such'")
    has(run('prog', 'run', xdp_flow, '--set', 'drop_port=70000', status=2).err, 'does not fit')
    has(run('prog', 'run', xdp_flow, '--set', 'drop_port', status=2).err, 'NAME=NUMBER')
    has(run('prog', 'run', xdp_flow, '--set', 'drop_port=x', status=2).err, 'no number')
    answer = run_json('prog', 'run', xdp_flow, '--set', 'other=40,drop_port=1')
    assert elements(answer, 'xdp_flow.bss')[0]['value']['.bss'][0] == {'other': 41}


@case
def run_chooses_the_program():
    (work / 'two.bpf.c').write_text('''
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        SEC("xdp") int first(void *ctx) { return XDP_PASS; }
        SEC("xdp") int second(void *ctx) { return 77; }
        char LICENSE[] SEC("license") = "GPL";''')
    run('cc', 'two.bpf.c')
    has(run('prog', 'run', 'two.bpf.o', status=2).err, 'first, second')
    has(run('prog', 'run', 'two.bpf.o', 'third', status=1).err, "'third'", 'first, second')
    assert verdicts(run_json('prog', 'run', 'two.bpf.o', 'second')) == {'77': 1}


@case
def run_takes_programs_without_packets():
    answer = run_json('prog', 'run', skel_obj, '--ctx-in', '00' * 16)
    assert answer['retval'] == 0 and answer['type'] == 'raw_tracepoint'
    has(run('prog', 'run', skel_obj, '--ctx-in', '00' * 16).out, 'returned  0', 'wait for a reader')
    has(run('prog', 'run', skel_obj, '--pcap', traffic(), status=2).err, 'no packets')


@case
def run_refuses_bad_captures():
    has(run('prog', 'run', count, '--pcap', '/nonexistent', status=1).err, 'No such file')
    has(run('prog', 'run', count, '--pcap', count, status=1).err, 'not a capture file')
    write_pcap(work / 'sll.pcap', TRAFFIC, link=113)
    has(run('prog', 'run', count, '--pcap', 'sll.pcap', status=1).err, 'LINUX_SLL', 'not Ethernet')
    raw = traffic().read_bytes()
    (work / 'cut.pcap').write_bytes(raw[:-10])
    r = run('prog', 'run', count, '--pcap', 'cut.pcap')
    has(r.err, 'after packet 6', 'going on with 6')
    has(run('prog', 'run', count, '--pcap', traffic(), '--pcap-out', '/nonexistent/x',
            status=1).err, '/nonexistent/x')


@case
def run_refuses_a_bad_access():
    (work / 'wild.bpf.c').write_text('''
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        SEC("xdp") int wild(struct xdp_md *ctx)
        {
            void *data = (void *)(long)ctx->data;
            return *(volatile unsigned char *)(data + 100000000);
        }
        char LICENSE[] SEC("license") = "GPL";''')
    run('cc', 'wild.bpf.c')
    has(run('prog', 'run', 'wild.bpf.o', status=1).err, 'invalid access to packet',
        'offset is outside of the packet')


# --- maps -----------------------------------------------------------------------------------------------

def batch(*lines, obj=None, status=0, json_out=False):
    args = (['-j'] if json_out else []) + (['-O', obj] if obj else []) + ['batch', '-']
    return run(*args, stdin='\n'.join(lines) + '\n', status=status)


@case
def maps_take_bytes():
    out = batch('map create /sys/fs/bpf/h type hash key 4 value 8 entries 2 name h',
                'map update name h key 1 0 0 0 value hex 0a 0b 0c 0d 00 00 00 ff',
                'map lookup name h key 0x1 0 0 0',
                'map update pinned /sys/fs/bpf/h key 2 0 0 0 value 1 1 1 1 1 1 1 1 noexist',
                'map getnext name h', 'map dump name h', 'map delete name h key 1 0 0 0',
                'map dump name h', 'map show name h').out
    has(out, 'key: 01 00 00 00  value: 0a 0b 0c 0d 00 00 00 ff', 'Found 2 elements',
        'Found 1 element\n', 'next key:', 'hash  name h  flags 0x0', 'key 4B  value 8B  max_entries 2')


@case
def maps_refuse_what_does_not_fit():
    make = 'map create /sys/fs/bpf/h type hash key 4 value 4 entries 1 name h'
    put = 'map update name h key 1 0 0 0 value 1 0 0 0'
    for line, status, text in (
            ('map update name h key 1 0 0 value 1 0 0 0', 2, 'key: 4 bytes are needed, 3 are given'),
            ('map update name h key 1 0 0 0 value 1 0 0', 2, 'value: 4 bytes'),
            ('map update name h key 256 0 0 0 value 1 0 0 0', 2, '256'),
            ('map update name h key 1 0 0 0', 2, 'value'),
            (put + ' sometimes', 2, 'sometimes'),
            (put + ' exist', 1, 'No such file'),
            ('map lookup name nothing key 1', 1, 'nothing'),
            ('map delete name h key 1 0 0 0', 1, 'No such file'),
            ('map create /sys/fs/bpf/x type hsah key 4 value 4 entries 1', 2, 'hsah'),
            ('map create /sys/fs/bpf/x type hash key 4 value 4 entries 0', 1, 'Invalid argument'),
            ('map create /sys/fs/bpf/h type array key 4 value 4 entries 1', 1, 'File exists'),
            ('map update name h key "1 0', 2, 'quote')):
        has(batch(make, line, status=status).err, text, 'line 2 failed')
    has(batch(make, put, put + ' noexist', status=1).err, 'File exists')
    has(batch(make, put, 'map update name h key 2 0 0 0 value 1 0 0 0', status=1).err, 'too long')
    has(batch(make, put, 'map freeze name h', put, status=1).err, 'Operation not permitted')
    has(batch(make, 'map lookup name h key 9 0 0 0', status=1).out, 'Not found')


@case
def maps_without_keys():
    queue = 'map create /sys/fs/bpf/q type queue key 0 value 4 entries 2 name q'
    push = 'map enqueue name q value {} 0 0 0'
    out = batch(queue, push.format(1), push.format(2), 'map peek name q', 'map dequeue name q',
                'map pop name q').out
    assert out.split('\n')[-4:] == ['value: 01 00 00 00', 'value: 01 00 00 00',
                                    'value: 02 00 00 00', ''], out
    stack = 'map create /sys/fs/bpf/s type stack key 0 value 4 entries 2 name s'
    put = 'map push name s value {} 0 0 0'
    out = batch(stack, put.format(1), put.format(2), put.format(3) + ' exist', 'map pop name s',
                'map pop name s').out
    has(out, 'value: 03 00 00 00\nvalue: 02 00 00 00')
    answer = json.loads(batch(queue, push.format(7), 'map pop name q', json_out=True).out)
    assert answer[-1]['output'] == {'value': ['0x07', '0x00', '0x00', '0x00']}, answer
    has(batch(queue, 'map pop name q', status=1).err, 'the map is empty')
    has(batch(queue, push.format(1), push.format(1), push.format(1), status=1).err, 'too long')
    hashed = 'map create /sys/fs/bpf/h type hash key 4 value 4 entries 1 name h'
    has(batch(hashed, 'map pop name h', status=1).err, 'have keys')


@case
def maps_show_values_by_their_types():
    key = ' '.join(['0'] * 10 + ['255', '255', '1', '2', '3', '4'] + ['0'] * 16
                   + ['0', '1', '0', '2', '17', '0', '0', '0'])
    out = batch(f'map update name flows key {key} value 7 {"0 " * 7} 9 {"0 " * 7}',
                'map dump name flows', obj=xdp_flow).out
    value = json.loads(out)[0]
    assert value['value'] == {'packets': 7, 'bytes': 9} and value['key']['protocol'] == 'UDP'
    out = json.loads(batch('map dump name classes', obj=tc_mark).out)
    assert [v['cpu'] for v in out[0]['values']] == list(range(len(out[0]['values'])))
    assert out[2] == {'key': 2, 'values': [{'cpu': v['cpu'], 'value': {'packets': 0, 'bytes': 0}}
                                           for v in out[2]['values']]}


@case
def pins_have_folders():
    lines = [f'prog load {xdp_flow} /sys/fs/bpf/dir --all pinmaps /sys/fs/bpf/maps',
             'prog show pinned /sys/fs/bpf/dir/xdp_flow', 'map show pinned /sys/fs/bpf/maps/flows']
    has(batch(*lines).out, 'name xdp_flow', 'hash  name flows')
    make = 'map create {} type array key 4 value 4 entries 1 name a'
    for path, text in (('/sys/fs/bpf/none/a', 'No such file'), ('/tmp/a', 'Operation not permitted'),
                       ('/sys/fs/bpf', 'File exists'), ('/nonexistent/a', 'No such file')):
        has(batch(make.format(path), status=1).err, text)
    has(batch(make.format('/sys/fs/bpf/a'), make.format('/sys/fs/bpf/a/b'), status=1).err,
        'Not a directory')


@case
def maps_hold_maps_and_programs():
    out = batch('map create /sys/fs/bpf/i type array key 4 value 4 entries 1 name i',
                'map create /sys/fs/bpf/o type array_of_maps key 4 value 4 entries 2 name o '
                'inner_map name i',
                'map update name o key 1 0 0 0 value name i', 'map dump name o',
                'map create /sys/fs/bpf/p type prog_array key 4 value 4 entries 2 name p',
                'map update name p key 0 0 0 0 value name count', 'map dump name p', obj=count).out
    has(out, 'inner_map_id:', 'Found 1 element')


@case
def batch_answers_in_json():
    out = json.loads(batch('map create /sys/fs/bpf/a type array key 4 value 4 entries 1 name a',
                           'map lookup name a key 0 0 0 0', json_out=True).out)
    assert [len(e['command']) for e in out] == [13, 9]
    assert out[1]['output'] == {'key': ['0x00'] * 4, 'value': ['0x00'] * 4}
    out = json.loads(batch('prog show', 'prog sohw', json_out=True, status=2).out)
    assert 'did you mean' in out[1]['error']
    has(run('batch', '/nonexistent', status=1).err, '/nonexistent')


# --- types, features, cc -------------------------------------------------------------------------------------

@case
def btf_dump_is_bpftools():
    bpftool = shutil.which('bpftool', path=os.environ['PATH'] + ':/usr/sbin')
    if not bpftool:
        raise Skip('no bpftool here')
    for obj in (xdp_flow, skel_obj):
        theirs = call([bpftool, 'btf', 'dump', 'file', obj]).out
        assert run('btf', 'dump', 'file', obj).out == theirs
        theirs = json.loads(call([bpftool, '-j', 'btf', 'dump', 'file', obj]).out)
        assert run_json('btf', 'dump', 'file', obj) == theirs
        theirs = call([bpftool, 'btf', 'dump', 'file', obj, 'format', 'c']).out
        assert run('btf', 'dump', 'file', obj, 'format', 'c').out == theirs


@case
def btf_has_other_sources():
    has(run('btf', 'dump', 'kernel', 'format', 'c').out, 'struct task_struct {', '__VMLINUX_H__')
    has(run('btf', 'dump', 'kernel').out, "STRUCT 'task_struct'")
    has(run('-O', xdp_flow, 'btf', 'dump', 'prog', 'name', 'xdp_flow').out, "STRUCT 'flow'")
    has(run('-O', xdp_flow, 'btf', 'dump', 'map', 'name', 'flows').out, "STRUCT 'flow'")
    has(run('-O', xdp_flow, 'btf', 'show').out, 'vmlinux')
    has(run('btf', 'dump', 'file', '/etc/passwd', status=1).err, 'BTF')
    has(run('btf', 'dump', 'id', '12345', status=1).err, 'Error')
    has(run('btf', 'dump', 'kernel', 'format', 'pascal', status=2).err, 'raw')
    has(run('-j', 'btf', 'dump', 'kernel', 'format', 'c', status=2).out, 'error')


@case
def feature_tells():
    out = run('feature').out
    has(out, 'every path', 'xdp', 'hash', 'map_lookup_elem', '6.12.0-skep')
    answer = run_json('feature')
    assert 'ringbuf' in answer['map_types'] and 'xdp' in answer['program_types_run']


@case
def cc_compiles():
    shutil.copy(source / 'examples/xdp_flow.bpf.c', work)
    run('cc', 'xdp_flow.bpf.c', '-o', 'mine.o')
    has(run('prog', 'load', 'mine.o').out, 'loaded xdp_flow')
    (work / 'vm.bpf.c').write_text('''
        #include <vmlinux.h>
        #include <bpf/bpf_helpers.h>
        #include <bpf/bpf_core_read.h>
        SEC("raw_tp/x") int vm(void *ctx)
        {
            struct task_struct *t = (void *)bpf_get_current_task();
            return BPF_CORE_READ(t, real_parent, tgid) < 0;
        }
        char LICENSE[] SEC("license") = "GPL";''')
    run('cc', 'vm.bpf.c', '--', '-Werror')
    assert run_json('prog', 'run', 'vm.bpf.o')['retval'] == 0
    has(run('cc', 'vm.bpf.c', '--print').err, '-target bpf', '-mcpu=v3')
    (work / 'broken.c').write_text('int main( {')
    r = run('cc', 'broken.c', status=1)
    has(r.err, 'broken.c:1', 'error')
    has(run('cc', '/nonexistent.c', status=1).err, 'No such file')
    bare = call([skep, 'cc', 'vm.bpf.c'], env={'PATH': '/nonexistent'})
    assert bare.status == 1 and 'apt-get install clang' in bare.err, bare
    assert not list(pathlib.Path('/tmp').glob('skep-cc-*')), 'the temporary folder was left'


@case
def a_task_leads_to_its_namespaces_and_its_program():
    """By plain loads, on both engines: `skep` runs them in its own process."""
    (work / 'own.bpf.c').write_text('''
        #include <vmlinux.h>
        #include <bpf/bpf_helpers.h>
        SEC("raw_tp/x") int mnt(void *ctx)
        {
            return bpf_get_current_task_btf()->nsproxy->mnt_ns->ns.inum;
        }
        SEC("raw_tp/x") int pid(void *ctx)
        {
            struct task_struct *t = bpf_get_current_task_btf();
            return t->thread_pid->numbers[0].ns->ns.inum;
        }
        SEC("raw_tp/x") int exe(void *ctx)
        {
            struct qstr *q = &bpf_get_current_task_btf()->mm->exe_file->f_path.dentry->d_name;
            char name[8] = "";
            bpf_probe_read_kernel_str(name, sizeof(name), q->name);
            return bpf_strncmp(name, 5, "skep") ? 0 : q->len;
        }
        SEC("raw_tp/x") int inode(void *ctx)
        {
            return bpf_get_current_task_btf()->mm->exe_file->f_inode->i_ino;
        }
        char LICENSE[] SEC("license") = "GPL";''')
    run('cc', 'own.bpf.c', '--', '-Werror')
    for name, want in (('mnt', os.stat('/proc/self/ns/mnt').st_ino), ('pid', os.stat('/proc/self/ns/pid').st_ino),
                       ('exe', len('skep')), ('inode', os.stat(skep).st_ino & 0xffffffff)):
        for engine in (), ('--interp',):
            r = run_json(*engine, 'prog', 'run', 'own.bpf.o', name)
            assert r['retval'] & 0xffffffff == want, (name, engine, r, want)


# --- unmodified programs ---------------------------------------------------------------------------------------

@case
def run_hands_over_status_and_signals():
    preloadable()
    assert call([skep, 'run', '--', 'sh', '-c', 'exit 7']).status == 7
    assert call([skep, 'run', 'sh', '-c', 'kill -TERM $$']).status == -signal.SIGTERM
    assert call([skep, 'run', '--', 'printf', '%s|', 'a', '--json', '-O', '']).out == 'a|--json|-O||'
    assert call([skep, 'run', '--', '/nonexistent']).status == 127
    assert call([skep, 'run', '--', '/etc/passwd']).status == 126
    assert call([skep, 'run']).status == 2
    r = call([skep, 'run', '--', 'cat'], stdin='passed through')
    assert r == (0, 'passed through', ''), r


def tap(r):
    bad = re.findall(r'^not ok.*', r.out, re.M)
    assert r.status == 0 and not bad and re.search(r'^1\.\.\d+$', r.out, re.M), (r, bad)


@case
def a_skeleton_with_the_wrap():
    tap(call([build / 'tests/e2e/skel-static']))


@case
def a_skeleton_unmodified():
    preloadable()
    tap(call([skep, 'run', '--', build / 'tests/e2e/skel-dynamic']))
    tap(call([skep, 'run', '--interp', '--', build / 'tests/e2e/skel-dynamic']))


@case
def objects_are_given_back():
    r = call([build / 'tests/e2e/objects-static', build / 'tests/e2e/objects.bpf.o'])
    assert r.status == 0 and ', returned 0' in r.out, r
    assert r.out.endswith('\nleft: 0\n'), r.out


def as_on_the_host(name):
    preloadable()
    objects = [o for o in [build / f'tests/e2e/{name}.bpf.o'] if o.exists()]
    argv = [build / f'tests/e2e/{name}-dynamic', *objects]
    jit, interp = (call([skep, 'run', *how, '--', *argv]) for how in ([], ['--interp']))
    assert jit.status == 0 and jit == interp, (jit, interp)
    host = call(argv)
    if host.status:
        raise Skip('the host loads no such programs')
    assert host == jit, (host.out, jit.out)


@case
def objects_as_on_the_host():
    as_on_the_host('objects')


@case
def storage_as_on_the_host():
    as_on_the_host('storage')


@case
def data_by_its_type_as_on_the_host():
    as_on_the_host('show')


@case
def sockets_as_on_the_host():
    as_on_the_host('sockets')


@case
def stacks_as_on_the_host():
    as_on_the_host('stacks')


@case
def arena_as_on_the_host():
    preloadable()
    # Where the kernel is in the process itself, its own mappings pass through the door too.
    alone = call(['env', f'LD_PRELOAD={build / "src/bpf/libskep-bpf.so"}',
                  build / 'tests/e2e/arena-dynamic'])
    assert alone == call([skep, 'run', '--', build / 'tests/e2e/arena-dynamic']), alone
    as_on_the_host('arena')


@case
def maps_as_on_the_host():
    as_on_the_host('maps')


@case
def timers_as_on_the_host():
    as_on_the_host('timers')


ITERS = """== elems numbers
sum 210 of 20
== elems numbers
sum 630 of 20
== elems slots
sum 730 of 2
== elems queue
attach: Invalid argument
== elems
attach: Bad file descriptor
== long_keys numbers
attach: Permission denied
"""


@case
def iterators():
    preloadable()
    obj = build / 'tests/e2e/iters.bpf.o'
    static, dynamic = (build / f'tests/e2e/iters-{how}' for how in ('static', 'dynamic'))
    said = [call([static, obj]), call([static, obj], env={'SKEP_ENGINE': 'interp'}),
            call([skep, 'run', '--', dynamic, obj]),
            call([skep, 'run', '--interp', '--', dynamic, obj])]
    assert all(r.status == 0 and r.out == said[0].out for r in said), said
    out = said[0].out
    assert out.startswith(ITERS), out
    parts = dict(p.split('\n', 1) for p in out.split('== ')[1:])
    assert parts['maps'].startswith('0 numbers 64\n1 slots 2\n2 queue 2\n'), parts
    assert parts['maps'].endswith('\nend\n'), parts
    assert 'elems 1\n' in parts['progs'] and ' 0\n' not in parts['progs'], parts
    assert parts['links'].split()[1:] == ['links'], parts
    assert parts['walks'] == 'x 0 5 x\n', parts
    assert parts['shown slots'] == '(__u32)0(__u32)1 -14 -22 -22\n', parts
    assert parts['twice'].startswith('0.1\n1.2\n'), parts
    assert parts['for_ever'] == 'iter: Resource temporarily unavailable\n', parts
    assert parts['much numbers'] == '81920 bytes\n', parts
    assert parts['too_much numbers'] == 'iter: Argument list too long\n', parts
    assert parts['link'] == ('type 4, bpf_map_elem, 13, map 1\nbpf: No space left on device\n'
                             'update: Invalid argument\nupdate: Permission denied\n'
                             'detach: Operation not supported\n'), parts
    for how in ('tid', 'pid', 'pidfd'):
        assert parts[f'tasks {how}'] == 'it is me\n', parts
    assert parts['tasks tid and pid'] == 'attach: Invalid argument\n', parts
    assert parts['tasks map'] == 'attach: Bad file descriptor\n', parts
    assert parts['parts'] == 'file: yes\nnone: no\nmapping: yes\nshared: yes\nmany: yes\n', parts


@case
def iterators_are_pinned_and_read():
    preloadable()
    tool, obj = find_bpftool(), build / 'tests/e2e/pinned.bpf.o'
    out = call([skep, 'run', '--', 'sh', '-ec', f'''
        {tool} iter pin {obj} /sys/fs/bpf/it
        {tool} link show
        echo
        cat /sys/fs/bpf/it /sys/fs/bpf/it
        head -c 1 < /sys/fs/bpf/it
        ! cat /sys/fs/bpf/none''']).out
    show, text = out.split('\n\n', 1)
    assert 'iter' in show and 'target_name bpf_map' in show, out
    assert text == '0 pinned.rodata\n' * 2 + '0', out


@case
def embedding():
    has(call([objects / 'embed']).out, 'a packet of 100 bytes: the program says 100')
    has(call([objects / 'embed', count]).out, 'counted 1000 packets and 64000 bytes')
    r = call([objects / 'embed', '/nonexistent'])
    assert r.status == 1 and 'No such file' in r.err, r


@case
def installed():
    preloadable()
    call(['meson', 'install', '-C', build, '--no-rebuild', '--destdir', work / 'root'])
    prefix = next((work / 'root').rglob('bin/skep')).parent.parent
    pc = next(prefix.rglob('skep.pc'))
    libdir = pc.parent.parent
    has(call([prefix / 'bin/skep', 'run', '--', find_bpftool(), 'btf', 'show']).out, '[vmlinux]')
    assert next(prefix.rglob('man1/skep.1')).stat().st_size
    flags = call(['pkg-config', '--libs', 'skep'], env={'PKG_CONFIG_PATH': str(pc.parent)}).out.split()
    # As README says, with the library where it was put.
    for lib in ('-lskep', '-l:libskep.a'):
        r = call(['cc', source / 'examples/embed.c', '-o', 'embed', f'-I{prefix}/include',
                  f'-L{libdir}', *(lib if f == '-lskep' else f for f in flags), '-l:libbpf.a',
                  '-lelf', '-lz'])
        assert r.status == 0, r
        has(call(['./embed', count], env={'LD_LIBRARY_PATH': str(libdir)}).out,
            'counted 1000 packets')


@case
def the_kernels_files():
    preloadable()
    r = call([skep, 'run', '--', 'python3', '-c', '''
import ctypes, errno, os, platform, resource
btf = '/sys/kernel/btf/vmlinux'
data = open(btf, 'rb').read()
assert data[:2] == b'\\x9f\\xeb' and os.stat(btf).st_size == len(data), len(data)
assert os.access(btf, os.R_OK) and not os.access(btf, os.W_OK)
try:
    open(btf, 'r+b')
    assert False
except PermissionError:
    pass
release = os.uname().release
assert release == '6.12.0-skep' and 'CONFIG_HZ=' in open('/boot/config-' + release).read()
assert ' bpf_map_lookup_elem\\n' in open('/proc/kallsyms').read()
for tracing in '/sys/kernel/tracing', '/sys/kernel/debug/tracing':
    names = open(tracing + '/available_filter_functions').read().split()
    assert '__x64_sys_openat' in names and all(n.startswith('__x64_sys_') for n in names), names
    assert open(tracing + '/kprobe_events').read() == open(tracing + '/uprobe_events').read() == ''
assert os.access('/sys/fs/bpf', os.W_OK) and not os.access('/sys/fs/bpf/none', os.F_OK)
os.mkdir('/sys/fs/bpf/d')
os.mkdir('/sys/fs/bpf/d/e')
for call, code in ((lambda: os.rmdir('/sys/fs/bpf/d'), errno.ENOTEMPTY),
                   (lambda: os.mkdir('/sys/fs/bpf/d'), errno.EEXIST),
                   (lambda: os.mkdir('/sys/fs/bpf/x/y'), errno.ENOENT),
                   (lambda: os.unlink('/sys/fs/bpf/d'), errno.EISDIR),
                   (lambda: os.unlink('/sys/fs/bpf/no'), errno.ENOENT),
                   (lambda: os.rmdir('/sys/fs/bpf'), errno.EBUSY),
                   (lambda: os.stat('/sys/fs/bpf/no'), errno.ENOENT)):
    try:
        call()
        assert False, code
    except OSError as e:
        assert e.errno == code, (e, code)
os.rmdir('/sys/fs/bpf/d/e')
os.rmdir('/sys/fs/bpf/d')
libc = ctypes.CDLL(None, use_errno=True)
tracepoint = (ctypes.c_uint32 * 32)(2, 128, 5)
assert libc.syscall(298 if platform.machine() == 'x86_64' else 241, tracepoint, 0, -1, -1, 0) == -1
assert ctypes.get_errno() == errno.EINVAL, 'of another id than the host\\'s'
assert libc.mount(b'bpf', b'/nonexistent', b'bpf', 0, None) == -1 and ctypes.get_errno() == errno.EPERM
assert libc.mount(b'bpf', b'/sys/fs/bpf', b'bpf', 0, None) == 0
resource.setrlimit(resource.RLIMIT_MEMLOCK, resource.getrlimit(resource.RLIMIT_MEMLOCK))
# What is not about eBPF is the host's.
assert open('/proc/self/comm').read() == 'python3\\n' and os.stat('/').st_ino
print('good')
'''])
    assert r == (0, 'good\n', ''), r


BPFTOOL = '''prog load {obj} /sys/fs/bpf/flow
prog show
prog show pinned /sys/fs/bpf/flow
prog loadall {obj} /sys/fs/bpf/all pinmaps /sys/fs/bpf/maps
map show pinned /sys/fs/bpf/maps/flows
map create /sys/fs/bpf/h type hash key 4 value 4 entries 16 name h
map update pinned /sys/fs/bpf/h key 1 0 0 0 value 1 2 3 4
map lookup pinned /sys/fs/bpf/h key 1 0 0 0
map show
map dump pinned /sys/fs/bpf/h
map dump name xdp_flow.bss
btf show
btf dump id 1
prog dump xlated pinned /sys/fs/bpf/flow
'''


def find_bpftool():
    bpftool = shutil.which('bpftool', path=os.environ['PATH'] + ':/usr/sbin')
    if not bpftool:
        raise Skip('no bpftool here')
    return bpftool


@case
def bpftool_unmodified():
    preloadable()
    r = call([skep, 'run', '--', find_bpftool(), 'batch', 'file', '-'],
             stdin=BPFTOOL.format(obj=xdp_flow))
    assert r.status == 0, r
    has(r.out, 'xdp  name xdp_flow  tag', 'key: 01 00 00 00  value: 01 02 03 04', 'name [vmlinux]',
        'call bpf_map_lookup_elem#', "STRUCT 'task_struct'", 'int xdp_flow(struct xdp_md * ctx):')


@case
def bpftool_and_skep_say_the_same():
    preloadable()
    lines = ['prog load {} /sys/fs/bpf/flow', 'map dump name flows', 'map dump name xdp_flow.bss',
             'map show name flows', 'prog show pinned /sys/fs/bpf/flow',
             'prog dump xlated pinned /sys/fs/bpf/flow']
    text = '\n'.join(lines).format(xdp_flow) + '\n'
    theirs = call([skep, 'run', '--', find_bpftool(), '-j', 'batch', 'file', '-'], stdin=text)
    ours = json.loads(run('-j', 'batch', '-', stdin=text).out)
    theirs = [e.get('output') for e in json.loads(theirs.out)]
    ours = [e.get('output') for e in ours]
    assert theirs[1] == ours[1] and theirs[2] == ours[2], (theirs[2], ours[2])
    assert {k: v for k, v in theirs[3].items() if k != 'frozen'} == ours[3][0], (theirs[3], ours[3])
    skip = ('id', 'loaded_at', 'pinned', 'bytes_memlock', 'pids', 'orphaned')
    assert {k: v for k, v in theirs[4].items() if k not in skip} == \
        {k: v for k, v in ours[4].items() if k not in skip}, (theirs[4], ours[4])
    assert [l['disasm'] for l in theirs[5]] == [l['disasm'] for l in ours[5]]


@case
def as_nobody():
    preloadable()
    if os.getuid():
        raise Skip('only root can become nobody')
    # The build tree may be closed to others.
    there = work / 'install'
    for f in ('src/cli/skep', 'src/bpf/libskep-bpf.so', 'examples/xdp_flow.bpf.o',
              'tests/e2e/skel-static', 'tests/e2e/skel-dynamic'):
        (there / f).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(build / f, there / f)
    runtime = work / 'runtime'
    runtime.mkdir(mode=0o700)
    os.chown(runtime, 65534, 65534)
    nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups',
              'env', f'XDG_RUNTIME_DIR={runtime}']
    mine = there / 'src/cli/skep'
    obj = there / 'examples/xdp_flow.bpf.o'
    r = call([*nobody, mine, '-j', 'prog', 'run', obj, '--pcap', traffic()])
    assert r.status == 0 and verdicts(json.loads(r.out)) == {'XDP_PASS': 7}, r
    r = call([*nobody, mine, '-O', obj, 'prog', 'show'])
    has(r.out, 'uid 65534')
    tap(call([*nobody, there / 'tests/e2e/skel-static']))
    tap(call([*nobody, mine, 'run', '--', there / 'tests/e2e/skel-dynamic']))
    r = call([*nobody, mine, 'run', '--', find_bpftool(), 'batch', 'file', '-'],
             stdin=BPFTOOL.format(obj=obj))
    stop_hives(*nobody, mine)
    assert r.status == 0, r
    has(r.out, 'name xdp_flow', 'value: 01 02 03 04')


# --- damage ---------------------------------------------------------------------------------------------------------

def damaged(raw, i):
    """The i-th damaged copy: cut off, or with some bytes changed; the same in every run."""
    rnd = random.Random(i)
    if i % 4 == 0:
        return raw[:rnd.randrange(len(raw))]
    copy = bytearray(raw)
    for _ in range(rnd.choice((1, 1, 2, 4))):
        at = rnd.randrange(len(copy))
        copy[at] = rnd.choice((0, 0xff, copy[at] ^ 1 << rnd.randrange(8), rnd.randrange(256)))
    return bytes(copy)


@case
def damaged_objects_are_errors_not_crashes():
    refused = 0
    for obj in (xdp_flow, skel_obj):
        raw = pathlib.Path(obj).read_bytes()
        for i in range(100):
            (work / 'damaged.o').write_bytes(damaged(raw, i))
            for line in (['prog', 'load', 'damaged.o'], ['btf', 'dump', 'file', 'damaged.o']):
                r = call([skep, *line])
                assert r.status in (0, 1), f'{obj} {i}: {line[0]}: status {r.status}\n{r.err}'
                assert (r.status == 1) == r.err.startswith('Error: '), r
                refused += r.status
    assert refused > 50, refused


# ---------------------------------------------------------------------------------------------------------------------

@case
def verify_table_and_json():
    r = run('verify', count, xdp_flow)
    assert r.out.splitlines()[0].split() == ['FILE', 'PROGRAM', 'VERDICT', 'TIME', '(us)', 'INSNS',
                                             'STATES', 'STACK'], r.out
    assert [line.split()[1:3] for line in r.out.splitlines()[1:]] == [
        ['count', 'accept'], ['xdp_flow', 'accept']], r.out
    rows = [json.loads(line) for line in run('verify', '--json', count, xdp_flow).out.splitlines()]
    assert [row['prog'] for row in rows] == ['count', 'xdp_flow']
    for row in rows:
        assert set(row) == {'file', 'prog', 'verdict', 'errno', 'insns', 'states', 'time_us',
                            'stack', 'log'}, row
        assert (row['verdict'], row['errno']) == ('accept', 0)
        has(row['log'], f"processed {row['insns']} insns")


@case
def verify_compares_with_earlier():
    before = work / 'before.json'
    before.write_text(run('verify', '--json', count, xdp_flow).out)
    has(run('verify', count, xdp_flow, '--compare', before).out,
        '2 programs in both, 0 new; 0 verdicts changed')
    rows = [json.loads(line) for line in before.read_text().splitlines()]
    rows[0]['verdict'] = 'reject'
    rows[1]['insns'] *= 2
    rows.append({**rows[1], 'prog': 'gone'})
    before.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    has(run('verify', count, xdp_flow, '--compare', before, status=1).out,
        'count:  verdict reject -> accept', '(-50.0%)', 'gone:  gone, was accept',
        '2 verdicts changed')
    has(run('verify', count, '--compare', source / 'README.md', status=1).err, 'README.md:1: not')


@case
def verify_explains_and_goes_on():
    """A rejected program does not hide the others, and the status says that there was one."""
    bad = build / 'tests/explain/null_check.bpf.o'
    r = run('verify', bad, count, status=1)
    assert [line.split()[1:3] for line in r.out.splitlines()[1:3]] == [
        ['count', 'reject'], ['count', 'accept']], r.out
    has(r.out, 'error: a pointer that may be NULL is used', 'null_check.bpf.c:19:5',
        'check that n is not NULL after line 17', "kernel: R0 invalid mem access")
    r = run('verify', '-v', bad, status=1)
    has(r.out, 'log of the verifier:', 'call bpf_map_lookup_elem#1')


@case
def verify_shows_costs():
    r = run('verify', '--explain', xdp_flow)
    row = r.out.splitlines()[1].split()
    has(r.out, f'{row[4]} instructions walked; by line:', 'times both ways of line')


@case
def verify_for_linux_and_for_the_unprivileged():
    run('verify', '--kernel', 'linux', xdp_flow, count)
    bad = build / 'tests/explain/uninit_stack.bpf.o'
    run('verify', bad)
    has(run('verify', '--unpriv', bad, status=1).out, 'stack memory that was never written')

def compiled(name, text):
    """An object of a program that needs no more than the usual headers."""
    (work / f'{name}.bpf.c').write_text('#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n'
                                        f'{text}\nchar _license[] SEC("license") = "GPL";\n')
    run('cc', f'{name}.bpf.c')
    return work / f'{name}.bpf.o'


@case
def verify_for_a_release():
    obj = str(build / 'tests/explain/old_kernel.bpf.o')
    run('verify', '--kernel', '5.17', obj)
    run('verify', '--kernel', 'host', count)
    has(run('verify', '--kernel', '5.16', obj, status=1).out, 'this kernel has no bpf_loop() yet',
        'it came with Linux 5.17', 'kernel: invalid func unknown#181')
    # What only newer kernels see is not looked at.
    guarded = compiled('guarded', """
        extern int LINUX_KERNEL_VERSION __kconfig;
        static int step(__u32 i, void *ctx) { return 0; }
        SEC("xdp") int guarded(struct xdp_md *ctx)
        {
            if (LINUX_KERNEL_VERSION >= 0x051100)
                bpf_loop(3, step, NULL, 0);
            return XDP_PASS;
        }""")
    run('verify', '--kernel', '5.16', guarded)
    run('verify', '--kernel', '5.17', guarded)


@case
def verify_for_the_types_of_a_kernel():
    """A field that only the kernel of --btf has: CO-RE finds it there, and there alone."""
    (work / 'kernel.bpf.c').write_text("""
        struct task_struct { int pid; unsigned long long only_here; };
        int keep(struct task_struct *task) { return task->pid; }""")
    run('cc', 'kernel.bpf.c')
    kernel = work / 'kernel.bpf.o'
    reader = compiled('reader', """
        #include <bpf/bpf_core_read.h>
        struct task_struct { unsigned long long only_here; } __attribute__((preserve_access_index));
        SEC("raw_tp") int reader(void *ctx)
        {
            struct task_struct *task = (void *)bpf_get_current_task();
            unsigned long long value = 0;

            bpf_core_read(&value, sizeof(value), &task->only_here);
            return 0;
        }""")
    run('verify', '--btf', kernel, reader)
    run('verify', '--btf', kernel, '--kernel', '6.12', reader)
    has(run('verify', reader, status=1).out, 'reader')


@case
def verify_usage():
    has(run('verify', status=2).err, 'object file')
    has(run('verify', count, '--kernel', '2.6', status=2).err, '--kernel 2.6', 'from 4.4 on')
    has(run('verify', count, '--kernel', 'skep', '--btf', 'x', status=2).err, '--btf x')
    has(run('verify', count, '--btf', source / 'README.md', status=1).err, 'README.md')
    has(run('verify', count, '--btf', work / 'none.btf', status=1).err, 'none.btf')
    has(run('verify', work / 'none.o', status=1).err, 'No such file')


def clean_up():
    stop_hives(skep)
    remove(work)


sys.exit(main(sys.argv[2:], clean_up))
