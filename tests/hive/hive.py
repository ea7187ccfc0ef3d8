#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Hives as people and processes use them: many processes, one kernel, and any of them may die.  TAP.

usage: hive.py BUILD [NAME...]
"""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
from tap import Skip, case, main, remove

build = pathlib.Path(sys.argv[1]).resolve()
skep = build / 'src/cli/skep'
member = build / 'tests/hive/member'
count = build / 'examples/count.bpf.o'
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-hive-', dir='/tmp'))  # sockets have short names
env = {**os.environ, 'LC_ALL': 'C', 'XDG_RUNTIME_DIR': str(work)}


def call(*argv, stdin=None):
    return subprocess.run([str(a) for a in argv], input=stdin, capture_output=True, text=True,
                          timeout=120, env=env, cwd=build)


def ok(*argv, **kw):
    p = call(*argv, **kw)
    assert p.returncode == 0, f'{argv}: status {p.returncode}\n{p.stdout}{p.stderr}'
    return p.stdout


def start(*argv):
    return subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True, env=env)


def hives():
    return {h['name']: h for h in json.loads(ok(skep, '-j', 'hive', 'list'))}


def until(what, condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f'{what}: not within {seconds} s'
        time.sleep(0.05)


def bpftool():
    path = shutil.which('bpftool', path=os.environ.get('PATH', '') + ':/usr/sbin')
    if not path:
        raise Skip('bpftool is not installed')
    return path


@case
def where_no_hive_can_be_is_said():
    (work / 'taken').mkdir()
    (work / 'taken/skep').write_text('no folder')
    p = subprocess.run([skep, 'run', '--', 'true'], capture_output=True, text=True, timeout=60,
                       env={**env, 'XDG_RUNTIME_DIR': str(work / 'taken')})
    assert p.returncode and f'cannot start a hive in {work}/taken/skep: ' in p.stderr, p


@case
def two_tools_see_the_same():
    tool = bpftool()
    out = ok(skep, 'run', '--', 'sh', '-ec', f'''
        {tool} prog load {count} /sys/fs/bpf/here
        {tool} -j prog show pinned /sys/fs/bpf/here
        echo
        {tool} -j prog show
        echo
        {tool} -j map show''')
    pinned, progs, maps = map(json.loads, filter(None, out.splitlines()))
    assert [p['id'] for p in progs] == [pinned['id']], out
    assert pinned['name'] == 'count' and [m['id'] for m in maps] == pinned['map_ids'], out


@case
def others_do_not_see_them():
    tool = bpftool()
    ok(skep, 'run', '--keep', '--name', 'mine', '--', tool, 'prog', 'load', count, '/sys/fs/bpf/x')
    for name in (['mine'], ['-n', 'mine'], ['--name=mine']):
        assert json.loads(ok(skep, 'exec', *name, '--', tool, '-j', 'prog', 'show'))
    assert ok(skep, 'run', '--', tool, '-j', 'prog', 'show').strip() == '[]'
    ok(skep, 'hive', 'stop', 'mine')
    assert 'mine' not in hives()


@case
def a_pin_keeps_a_hive():
    tool = bpftool()
    ok(skep, 'run', '--name', 'pinned', '--', tool, 'prog', 'load', count, '/sys/fs/bpf/x')
    time.sleep(2)
    h = hives()['pinned']
    assert (h['members'], h['programs'], h['maps'], h['pins']) == (0, 1, 1, 1), h
    ok(skep, 'exec', 'pinned', '--', 'python3', '-c',
       'import ctypes; assert ctypes.CDLL(None).unlink(b"/sys/fs/bpf/x") == 0')
    until('the hive ends', lambda: 'pinned' not in hives())
    assert not (work / 'skep/pinned').exists()


def shell(script):
    """What a script of bash says in a hive of its own, whose folder is `$folder`."""
    return ok(skep, 'run', '--', 'bash', '-c', f'''
        load() {{ {bpftool()} prog load {count} "$1"; }}
        id() {{ {bpftool()} -j prog show pinned "$1" | grep -o '"id":[0-9]*' | cut -d: -f2; }}
        why() {{ "$@" 2>&1 | sed 's/.*: //'; }}
        folder=$SKEP_HIVE
        exec 2>&1
        cd /
        umask 022
        {script}
        true''').splitlines()


@case
def pins_are_files_to_tools():
    said = shell('''
        load /sys/fs/bpf/flow
        mkdir /sys/fs/bpf/d /sys/fs/bpf/d/e
        chmod 750 /sys/fs/bpf/d
        stat -c '%A %h %n' /sys/fs/bpf/flow
        stat -c '%A %n' /sys/fs/bpf/d
        stat -f -c %T /sys/fs/bpf /sys/fs/bpf/d
        mv /sys/fs/bpf/flow /sys/fs/bpf/d/moved
        ls -A /sys/fs/bpf /sys/fs/bpf/d
        chmod 640 /sys/fs/bpf/d/moved
        find /sys/fs/bpf -name moved -perm 640
        test -e /sys/fs/bpf/flow || echo gone
        echo /sys/fs/bpf/d/*
        [ "$(id /sys/fs/bpf/d/moved)" -gt 0 ] && echo found
        rm -r /sys/fs/bpf/d
        ls -A /sys/fs/bpf''')
    assert said == [
        '-rw------- 1 /sys/fs/bpf/flow', 'drwxr-x--- /sys/fs/bpf/d', 'bpf_fs', 'bpf_fs',
        '/sys/fs/bpf:', 'd', '', '/sys/fs/bpf/d:', 'e', 'moved',
        '/sys/fs/bpf/d/moved', 'gone', '/sys/fs/bpf/d/e /sys/fs/bpf/d/moved', 'found'], said


@case
def pins_keep_the_rules_of_their_file_system():
    """Those of Linux's bpffs: it makes no files, so neither do commands that copy."""
    elsewhere = work / 'elsewhere'
    elsewhere.mkdir()
    said = shell(f'''
        load /sys/fs/bpf/flow
        mkdir /sys/fs/bpf/d /sys/fs/bpf/d/e
        echo hi >{elsewhere}/file
        why touch /sys/fs/bpf/x
        why eval 'echo hi >/sys/fs/bpf/x'
        why mkfifo /sys/fs/bpf/x
        why mkdir /sys/fs/bpf/x.y
        why stat /sys/fs/bpf/x.y
        why mkdir /sys/fs/bpf/d
        why rmdir /sys/fs/bpf/d
        why rmdir /sys/fs/bpf
        why cat /sys/fs/bpf/flow
        why mv /sys/fs/bpf/flow {elsewhere}
        why mv {elsewhere}/file /sys/fs/bpf/d
        why ln {elsewhere}/file /sys/fs/bpf/hard
        cd /sys/fs/bpf/d
        why touch x
        why mv {elsewhere}/file .
        load here
        ls
        cd /
        ls -A {elsewhere} /sys/fs/bpf''')
    refused = 'Operation not permitted'
    assert said == [
        refused, refused, refused, refused, refused, 'File exists', 'Directory not empty',
        'Device or resource busy', 'Input/output error',
        'Input/output error', refused, 'Invalid cross-device link', refused, refused, 'e', 'here',
        '/sys/fs/bpf:', 'd', 'flow', '', f'{elsewhere}:', 'file'], said


@case
def pins_have_other_names():
    """Hard links are pins too; a rename onto a pin unpins what it was of."""
    said = shell('''
        load /sys/fs/bpf/a
        load /sys/fs/bpf/b
        a=$(id /sys/fs/bpf/a) b=$(id /sys/fs/bpf/b)
        ln -s a /sys/fs/bpf/soft
        readlink /sys/fs/bpf/soft
        [ $(id /sys/fs/bpf/soft) = $a ] && echo soft
        ln /sys/fs/bpf/a /sys/fs/bpf/hard
        rm /sys/fs/bpf/a
        [ $(id /sys/fs/bpf/hard) = $a ] && echo hard
        mv /sys/fs/bpf/hard /sys/fs/bpf/b
        [ $(id /sys/fs/bpf/b) = $a ] && echo over
        BPFTOOL prog show id $b
        cp $folder/b $folder/copy
        BPFTOOL prog show pinned /sys/fs/bpf/copy'''.replace('BPFTOOL', bpftool()))
    assert said[:4] == ['a', 'soft', 'hard', 'over'], said
    assert 'No such file' in said[4] and 'Permission denied' in said[5], said


@case
def pins_are_seen_from_outside():
    p = start(skep, 'run', '--keep', '--name', 'seen', '--', 'sh', '-c',
              f'{bpftool()} prog load {count} /sys/fs/bpf/a; mkdir /sys/fs/bpf/d;'
              f'{bpftool()} prog load {count} /sys/fs/bpf/d/b; echo ready; cat')
    assert p.stdout.readline() == 'ready\n'
    folder = work / 'skep/seen'
    assert sorted(os.listdir(folder)) == ['a', 'd'] and os.listdir(folder / 'd') == ['b']
    shown = json.loads(ok(skep, 'exec', 'seen', '--', bpftool(), '-j', 'prog', 'show', 'pinned',
                          '/sys/fs/bpf/d/b'))
    assert (folder / 'd/b').read_text() == f'prog {shown["id"]}\n'
    (folder / 'a').rename(folder / 'd/a')
    assert hives()['seen']['pins'] == 2
    shutil.rmtree(folder / 'd')
    h = hives()['seen']
    assert (h['pins'], h['programs']) == (0, 0), h
    p.communicate('')
    ok(skep, 'hive', 'stop', 'seen')
    assert not folder.exists()


@case
def pins_of_a_killed_server_are_none():
    ok(skep, 'run', '--keep', '--name', 'left', '--', bpftool(), 'prog', 'load', count,
       '/sys/fs/bpf/a')
    os.kill(hives()['left']['pid'], signal.SIGKILL)
    until('it is gone', lambda: 'left' not in hives())
    assert (work / 'skep/left/a').exists()
    assert ok(skep, 'run', '--name', 'left', '--', 'ls', '-A', '/sys/fs/bpf') == ''


@case
def a_hive_ends_with_its_last_process():
    p = start(skep, 'run', '--name', 'sleeper', '--', 'sh', '-c', 'sleep 60 & echo $!')
    sleeper = int(p.stdout.readline())
    assert p.wait() == 0
    time.sleep(2)
    assert hives()['sleeper']['members'] == 1
    os.kill(sleeper, signal.SIGKILL)
    until('the hive ends', lambda: 'sleeper' not in hives())


@case
def who_has_ended_costs_nothing():
    """The server keeps nothing of processes that came and went while another stayed."""
    p = start(skep, 'run', '--name', 'busy', '--', 'sh', '-c', 'echo ready; cat')
    assert p.stdout.readline() == 'ready\n'
    fds = pathlib.Path(f'/proc/{hives()["busy"]["pid"]}/fd')
    before = len(list(fds.iterdir()))
    ok(skep, 'exec', 'busy', '--', 'sh', '-c', 'for i in $(seq 100); do /bin/true; done')
    until('they are forgotten', lambda: len(list(fds.iterdir())) <= before + 3)
    p.communicate('')


@case
def status_and_signals_are_the_programs_own():
    assert call(skep, 'run', '--', 'sh', '-c', 'exit 7').returncode == 7
    assert call(skep, 'run', '--', 'sh', '-c', 'kill -9 $$').returncode == -signal.SIGKILL
    assert call(skep, 'run', '--', '/no/such/program').returncode == 127
    assert call(skep, 'run', '--', '/').returncode == 126
    # The server is nobody's child.
    assert ok(skep, 'run', '--', 'python3', '-c', '''
import os
try:
    os.wait()
except ChildProcessError:
    print("none")''').strip() == 'none'


@case
def errors_say_what_to_do():
    ok(skep, 'run', '--keep', '--name', 'taken', '--', 'true')
    p = call(skep, 'run', '--name', 'taken', '--', 'true')
    assert p.returncode == 1 and 'skep exec taken' in p.stderr, p
    p = call(skep, 'run', '--name', '../up', '--', 'true')
    assert p.returncode == 2 and 'letters' in p.stderr, p
    p = call(skep, 'exec', 'nobody', '--', 'true')
    assert p.returncode == 1 and 'skep hive list' in p.stderr, p
    p = call(skep, 'run', '--private', '--keep', '--', 'true')
    assert p.returncode == 2 and '--private' in p.stderr, p
    assert ok(skep, 'hive', 'show', 'taken').split()[-10] == 'taken'
    ok(skep, 'hive', 'stop', 'taken')
    assert call(skep, 'hive', 'stop', 'taken').returncode == 1


def does(*names):
    out = ok(skep, 'run', '--', member, *names)
    assert out == ''.join(f'did {n}\n' for n in names), out


for name in ('elements', 'large', 'bad_addresses', 'moved_positions', 'mapped', 'closes_everything',
             'children', 'threads', 'signals', 'pins', 'views_are_shared', 'views_freeze',
             'views_of_hashes', 'views_write', 'views_of_queues', 'views_follow_descriptors', 'views_are_many',
             'views_and_signals', 'views_have_values'):
    f = lambda name=name: does(name)
    f.__name__ = f'member_{name}'
    case(f)


@case
def member_out_of_reach():
    """A process that may not be traced, of a user without rights: the server cannot look into it."""
    if os.getuid():
        return does('out_of_reach')
    there = pathlib.Path(tempfile.mkdtemp(prefix='skep-nobody-', dir='/tmp'))
    try:
        for d, f in (('bin', skep), ('bin', member), ('lib', build / 'src/bpf/libskep-bpf.so')):
            (there / d).mkdir(exist_ok=True)
            shutil.copy(f, there / d)
        run = there / 'run'
        run.mkdir()
        os.chmod(there, 0o755)
        os.chown(run, 65534, 65534)
        os.chmod(run, 0o700)
        p = subprocess.run(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups',
                            there / 'bin/skep', 'run', '--', there / 'bin/member', 'elements',
                            'out_of_reach'], capture_output=True, text=True, timeout=120,
                           env={**env, 'XDG_RUNTIME_DIR': str(run)})
        assert p.stdout == 'did elements\ndid out_of_reach\n', (p.stdout, p.stderr)
    finally:
        shutil.rmtree(there)


def runs(*names, who='runner'):
    others = set(hives())
    p = call(skep, 'run', '-t', '--', build / 'tests/hive' / who, build / f'tests/hive/{who}.bpf.o', *names)
    assert p.returncode == 0 and 'not ok' not in p.stdout, p.stdout + p.stderr
    # Maps that were written over are found, and no others.
    found = 'wrote over map' in p.stderr
    assert not found if 'scribble' not in names else found or who != 'runner', p.stdout + p.stderr
    until('the hive ends', lambda: not set(hives()) - others)


for name in ('everything', 'later_maps', 'many', 'alarms', 'alarms_stay', 'storage', 'objects', 'arenas', 'arena_deaths',
             'deaths', 'scribble', 'cost'):
    f = lambda name=name: runs(name)
    f.__name__ = f'members_run_{name}'
    case(f)

for name in ('counts', 'all_of_it', 'maps_go', 'deaths', 'scribble', 'cost'):
    f = lambda name=name: runs(name, who='juggle')
    f.__name__ = f'members_juggle_{name}'
    case(f)


@case
def members_die_at_any_moment():
    ok(skep, 'run', '--keep', '--name', 'deaths', '--', 'true')
    end = time.monotonic() + 5
    deaths = 0
    running = []
    while time.monotonic() < end:
        running.append(start(skep, 'exec', 'deaths', '--', member, 'hammer'))
        time.sleep(random.uniform(0.02, 0.1))
        if len(running) > 3:
            p = running.pop(random.randrange(len(running)))
            p.kill()
            p.wait()
            deaths += 1
        began = time.monotonic()
        assert 'deaths' in hives()
        assert time.monotonic() - began < 5, 'the server hangs'
    for p in running:
        assert p.poll() is None, 'a member was refused'
        p.kill()
        p.wait()
    assert deaths > 10, deaths
    until('nothing is left', lambda: hives()['deaths']['maps'] == 0)
    assert hives()['deaths']['members'] == 0
    assert ok(skep, 'exec', 'deaths', '--', member, 'elements') == 'did elements\n'
    ok(skep, 'hive', 'stop', 'deaths')


def outlives(name):
    """What a member does when its server was killed; the hive was called `mortal`."""
    ok(skep, 'run', '--keep', '--name', 'mortal', '--', 'true')
    p = start(skep, 'exec', 'mortal', '--', member, name)
    assert p.stdout.readline() == 'ready\n'
    os.kill(hives()['mortal']['pid'], signal.SIGKILL)
    until('it is gone', lambda: 'mortal' not in hives())
    out, _ = p.communicate('x')
    assert p.returncode == 0, out


@case
def the_server_dies():
    outlives('orphan')
    # Its place is free again.
    ok(skep, 'run', '--keep', '--name', 'mortal', '--', member, 'elements')
    ok(skep, 'hive', 'stop', 'mortal')


@case
def views_say_what_the_kernel_says():
    private = ok(skep, 'run', '--private', '--', member, 'errors').splitlines()
    viewed = ok(skep, 'run', '--', member, 'errors').splitlines()
    assert len(private) == 19 * 5 + 1, private
    for a, b in zip(private, viewed, strict=True):
        assert a == b, f'\n{a}\n{b}'
    numbers = {n for line in private[:-1] for n in line.split(':')[1].split()}
    assert {'0', '1', '2', '7', '14', '17', '22'} <= numbers, numbers


@case
def views_need_no_server():
    outlives('views_alone')


@case
def views_keep_no_map():
    ok(skep, 'run', '--keep', '--name', 'views', '--', 'true')
    p = start(skep, 'exec', 'views', '--', member, 'views_let_go')
    assert p.stdout.readline() == 'ready\n'
    assert hives()['views']['members'] == 1 and hives()['views']['maps'] == 0
    out, _ = p.communicate('x')
    assert p.returncode == 0, out
    ok(skep, 'hive', 'stop', 'views')


@case
def members_die_in_views():
    ok(skep, 'run', '--keep', '--name', 'killed', '--', member, 'views_pin')
    running = [start(skep, 'exec', 'killed', '--', member, 'views_hammer') for _ in range(3)]
    try:
        for _ in range(30):
            time.sleep(random.uniform(0.02, 0.1))
            p = running[random.randrange(len(running))]
            assert p.poll() is None, p.stdout.read()
            p.kill()
            p.wait()
            running.remove(p)
            running.append(start(skep, 'exec', 'killed', '--', member, 'views_hammer'))
    finally:
        for p in running:
            p.kill()
            p.wait()
    h = hives()['killed']
    assert (h['maps'], h['pins']) == (4, 4), h
    assert ok(skep, 'exec', 'killed', '--', member, 'views_survive') == 'did views_survive\n'
    ok(skep, 'hive', 'stop', 'killed')


@case
def a_hive_without_a_door_ends():
    ok(skep, 'run', '--keep', '--name', 'walled', '--', 'true')
    pid = hives()['walled']['pid']
    (work / 'skep/.walled').unlink()
    until('it ends', lambda: not pathlib.Path(f'/proc/{pid}').exists())


@case
def packets_that_are_none():
    """The door takes whatever comes: random bytes, well-formed nonsense, answers nobody asked for."""
    ok(skep, 'run', '--keep', '--name', 'noise', '--', 'true')
    seed = int(os.environ.get('SKEP_SEED', '1'))
    rnd = random.Random(seed)
    head = struct.Struct('<IHHIIiIq6Q')
    small = (0, 1, 2, 3, 7, 8, 16, 28, 255, 4096, 2 ** 32 - 1, 2 ** 63, 2 ** 64 - 1)
    for i in range(1500):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(str(work / 'skep/.noise'))
        s.settimeout(0.02)
        for _ in range(rnd.randrange(1, 4)):
            data = rnd.randbytes(rnd.choice((0, 1, 40, 300)))
            op = rnd.choice((1, 2, 2, 2, 2, 3, 5, 10, 11, 12, 77))
            args = [rnd.choice(small) for _ in range(6)]
            packet = head.pack(0x76696853, op, rnd.randrange(12), len(data), 1,
                               rnd.randrange(-1, 9), 0, rnd.choice((-9, 0, 2 ** 61)), *args) + data
            if rnd.randrange(4) == 0:
                packet = bytearray(packet)
                packet[rnd.randrange(len(packet))] ^= 1 << rnd.randrange(8)
            if rnd.randrange(16) == 0:
                packet = rnd.randbytes(rnd.randrange(1, 200))
            try:
                s.send(packet)
                s.recv(65536)
            except (BrokenPipeError, ConnectionResetError, socket.timeout):
                break
        s.close()
    assert 'noise' in hives(), f'seed {seed}: the server is gone'
    assert ok(skep, 'exec', 'noise', '--', member, 'elements') == 'did elements\n'
    ok(skep, 'hive', 'stop', 'noise')


@case
def private_kernels_are_as_before():
    tool = bpftool()
    before = hives().keys()
    out = ok(skep, 'run', '--private', '--', 'sh', '-ec', f'''
        {tool} prog load {count} /sys/fs/bpf/here
        {tool} -j prog show''')
    assert out.strip() == '[]', out
    assert hives().keys() == before


def clean_up():
    for name in hives():
        call(skep, 'hive', 'stop', name)
    remove(work)


sanitized = 'built with a sanitizer, whose runtime cannot be preloaded'
sys.exit(main(sys.argv[2:], clean_up, sanitized if os.environ.get('SKEP_SANITIZED') else None))
