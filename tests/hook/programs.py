#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real programs, all of whose system calls are looked at: they do what they do without, and where
it is the same each time, as many calls are seen as strace(1) sees.  TAP.

usage: programs.py BUILD [NAME...]
"""
import collections
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / 'harness'))
from nobody import become
from tap import Skip, case, main, remove

build = pathlib.Path(sys.argv[1]).resolve()
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-programs-', dir='/tmp'))
env = {**os.environ, 'LC_ALL': 'C', 'XDG_RUNTIME_DIR': str(work), 'HOME': str(work)}
skep, tool, obj, acts, sandbox, made = build / 'src/cli/skep', *(
    build / 'tests/hook' / name for name in ('calls', 'calls.bpf.o', 'acts', 'sandbox', 'made'))

# Calls that do not come back, which strace does not count, or that signals begin again.
NO_RETURN = {'exit', 'exit_group', 'rt_sigreturn'}
NOT_COUNTED = NO_RETURN - {'rt_sigreturn'} | {'restart_syscall'}
FORKS = {'clone', 'clone3', 'fork', 'vfork'}
# How often threads and children meet.
RACES = {'futex', 'sched_yield'}
# Where memory lies, and which thread's has been given back when the next one asks.
MEMORY = {'brk', 'mmap', 'munmap', 'mprotect', 'madvise'}


def need(*names):
    for name in names:
        if not shutil.which(name):
            raise Skip(f'{name} is not installed')


who = []  # runs what comes behind it as somebody else


def call(*argv):
    return subprocess.run([str(a) for a in (*who, *argv)], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, env=env, cwd=build)


def names():
    p = subprocess.run(['cc', '-E', '-dM', '-include', 'sys/syscall.h', '-x', 'c', '/dev/null'],
                       capture_output=True, text=True, check=True)
    return {int(n): name for name, n in re.findall(r'#define __NR_(\w+) (\d+)', p.stdout)}


class Seen:
    """What the tool printed: how often calls began and ended, by name, and by process."""

    def __init__(self, text):
        self.entered, self.left = collections.Counter(), collections.Counter()
        self.by_pid = collections.defaultdict(collections.Counter)
        for pid, nr, entered, left in re.findall(r'^(\d+) (\d+) (\d+) (\d+)$', text, re.M):
            name = known.get(int(nr), nr)
            self.entered[name] += int(entered)
            self.left[name] += int(left)
            self.by_pid[int(pid)][name] += int(entered)
        self.lost, self.missed = (int(re.search(rf'^{what} (\d+)$', text, re.M).group(1))
                                  for what in ('lost', 'missed'))


def traced(*argv):
    """The run, and what was seen of it."""
    out = work / 'seen'
    out.unlink(missing_ok=True)
    p = call(skep, 'run', '--', tool, obj, out, *argv)
    if 'Operation not permitted' in p.stderr and not out.exists():
        raise Skip('ptrace is not permitted here')
    assert out.exists(), p
    seen = Seen(out.read_text())
    assert not seen.lost, out.read_text()
    return p, seen


def same(*argv):
    """As without; returns what was seen."""
    plain = call(skep, 'run', '--', *argv)
    p, seen = traced(*argv)
    ends = plain.returncode if plain.returncode >= 0 else 128 - plain.returncode
    assert (p.returncode, p.stdout, p.stderr) == (
        ends, plain.stdout, plain.stderr), f'{plain}\n{p}'
    assert sum(seen.entered.values()) > 10, seen.entered
    return seen


def counted(*argv, but=(), ends_it=None):
    """As without, and as strace counts, but for calls of these names; one may be its end."""
    need('strace')
    seen = same(*argv)
    call(skep, 'run', '--', 'strace', '-f', '-c', '-o', work / 'strace', *argv)
    rows = [l.split() for l in (work / 'strace').read_text().splitlines()]
    strace = {r[-1]: int(r[3]) for r in rows if len(r) >= 5 and r[3].isdigit() and r[-1] != 'total'}
    assert len(strace) > 1, rows
    for name in sorted(set(strace) | set(seen.entered) - set(but) - NOT_COUNTED):
        if name in but or name in NOT_COUNTED:
            continue
        assert seen.entered[name] == strace.get(name, 0), \
            f'{name}: {seen.entered[name]}, strace: {strace.get(name, 0)}'
        n, ends = seen.entered[name], seen.left[name]
        # A thread that begins on its own stack ends the call where its number is in the text.
        assert name == ends_it or ends in ((n, 2 * n) if name in FORKS else (0,) if name in NO_RETURN else (n,)), \
            f'{name}: {n} {ends}'
    # A handler that came in the midst of a run has none of its own: who has one counts without it.
    assert not seen.missed or 'rt_sigreturn' in but, seen.missed
    return seen


@case
def ls():
    assert counted('ls', '-la', '/usr').entered['getdents64'] >= 2


@case
def bash_pipelines():
    need('bash')
    seen = counted('bash', '-c', 'for i in 1 2 3; do echo $i | cat | wc -c; done; '
                   'x=$(ls / | sort | head -3); echo $x', but={'clone', 'rt_sigreturn', 'wait4'})
    assert seen.entered['execve'] == 10 and len(seen.by_pid) == 14, seen.by_pid


@case
def python():
    counted(sys.executable, '-c', 'import subprocess, threading\n'
            'print(subprocess.run(["echo", "hi"], capture_output=True).stdout)\n'
            't = [threading.Thread(target=lambda: sum(range(1000))) for _ in range(10)]\n'
            '[x.start() for x in t]; [x.join() for x in t]; print("end")',
            but=RACES | MEMORY | {'poll', 'read'})


@case
def the_vdso():
    """Clocks that it knows nothing of it asks the kernel for."""
    seen = counted(sys.executable, '-c', 'import time\nfor i in range(500): time.process_time()',
                   but=MEMORY)
    assert seen.entered['clock_gettime'] >= 500, seen.entered


@case
def threads_that_come_and_go():
    seen = counted(acts, 'threads', 200,
                   but=RACES | MEMORY | {'rt_sigprocmask'})
    assert seen.entered['getppid'] == seen.left['getppid'] == 8000, seen.entered


def signals_of(program):
    """Out of a handler by force the end of a call is not seen, as it comes after the handler."""
    seen = same(program, 'signals')
    kills = seen.entered['tgkill'] + seen.entered['tkill']
    assert seen.missed or kills == 3050, (kills, seen.missed)


@case
def signals():
    signals_of(acts)


@case
def jumps_out_of_runs():
    """A run that a handler left for good does not keep the thread from running others."""
    # Where it left between two instructions nobody can tell for a while: that is rare.
    for attempt in range(4):
        seen = same(acts, 'leaps', 50)
        if seen.missed < 500:
            break
    assert seen.missed < 500, seen.missed


@case
def handlers_of_its_own():
    seen = counted(acts, 'handlers')
    assert seen.entered['rt_sigreturn'] == 100, seen.entered


@case
def faults_of_its_own():
    """Programs of ours fault at each system call, and nobody else hears of it."""
    for how in 'masks', 'threads', 'cleared', 'over', 'once', 'again', 'ignored', 'trap', 'kill', 'end':
        seen = same(build / 'tests/hook/faults', how)
        assert seen.entered['rt_sigaction'] or how in ('trap', 'kill', 'end'), (how, seen.entered)


@case
def who_has_rights_of_its_own():
    """Is left alone, as tracing would take them away, and said to be."""
    own = work / 'own-rights'
    shutil.copy('/bin/true', own)
    own.chmod(0o4755)
    out = work / 'seen'
    p = call(skep, 'run', '-t', '--', tool, obj, out, 'sh', '-c', f'{own}; echo {own}')
    assert p.returncode == 0, p
    said = re.findall(r'^ +sh-\d+ .*: skep: not probed, as it runs with rights of its own: (.*)$',
                      p.stderr, re.M)
    assert said == [str(own)], p.stderr


@case
def who_becomes_another_user():
    """Cannot have the hive's memory as that one's program, and is said to be unseen."""
    need('setpriv')
    if os.geteuid():
        raise Skip('only root becomes another user')
    p = call(skep, 'run', '-t', '--', tool, obj, work / 'seen', 'setpriv', '--reuid', '65534',
             '--regid', '65534', '--clear-groups', '/bin/echo', 'there')
    assert p.returncode == 0 and p.stdout == 'there\n', p
    assert re.search(r'^ +echo-\d+ .*: skep: not probed: process \d+ cannot open the hive.s memory, '
                     r'which is for one user, .*: Permission denied$', p.stderr, re.M), p.stderr


@case
def filters_of_its_own():
    """The agent's own calls would end it: it is left alone from there on."""
    for how in 'filter', 'strict', 'emulates':
        seen = same(acts, how)
        assert seen.entered['prctl'] and not seen.entered['getppid'], seen.entered


@case
def calls_of_the_agent_are_known():
    """By which filters are judged: all that its sources and what the server has members do name."""
    root = here.parent.parent
    listed = set(re.findall(r'^OWN_CALL(?:_WITH)?\((\w+),', (root / 'src/hive/own.def').read_text(), re.M))
    sources = {pathlib.Path(c['directory'], c['file']) for c in json.loads((build / 'compile_commands.json').read_text())
               if 'libagent-hot.a.p' in c['output']}
    sources |= {root / 'src/base/sys.h', root / 'src/hook/process.c', root / 'src/hook/take.c',
                root / 'src/inject/patch.c', root / 'src/inject/tracee_run.c'}
    made = set()
    for text in (s.read_text() for s in sources):
        made |= set(re.findall(r'sys_call6\(SYS_(\w+)', text))
        made |= set(re.findall(r'(?:\bcall\(t, |tracee_syscall(?:_alone)?\(&?\w+(?:->t)?, |what = )SYS_(\w+)', text))
    made -= {'pidfd_open'}  # of a function that others use
    assert len(sources) > 50 and made, sources
    assert made <= listed, made - listed


def sandboxed(how, calls, ends_it=None):
    """All calls are seen, those behind the filter too."""
    seen = counted(sandbox, how, but=RACES | MEMORY, ends_it=ends_it)
    assert seen.entered['getsid'] == calls, (how, seen.entered)


@case
def filters_that_let_the_agent_call():
    for how in 'denies', 'by-argument', 'allows', 'refused':
        sandboxed(how, 200)
    sandboxed('stacks', 200, ends_it='umask')


@case
def filters_that_trap():
    """Handlers are shown where a call stands in the program, and emulate it there."""
    p, seen = traced(sandbox, 'emulates')
    assert p.stdout == f'sum {4 * sum(range(1000, 1100))} hits 400 wrong 0\n', p
    sandboxed('emulates', 400)
    sandboxed('trapped', 1, ends_it='getsid')
    sandboxed('traps-itself', 2, ends_it='getsid')
    sandboxed('leaps', 20, ends_it='getsid')


@case
def filters_of_all_threads():
    sandboxed('tsync', 1600)


@case
def filters_that_are_inherited():
    seen = counted(sandbox, 'inherits')
    assert seen.entered['getsid'] == 210 and len(seen.by_pid) == 2, seen.entered


@case
def filters_that_may_end_it():
    """Nothing of ours is left in it, and it is said why."""
    for how, calls, why in (('allows-little', 0, 'its seccomp filter may end it for '), ('from-where', 0, 'its seccomp filter goes by where calls come from'),
                            ('tsync-forbids', 800, 'its seccomp filter may end it for getppid')):
        seen = same(sandbox, how)
        assert seen.entered['getsid'] == calls, (how, seen.entered)
        p = call(skep, 'run', '-t', '--', tool, obj, work / 'seen', sandbox, how)
        said = re.findall(r'^ +sandbox-\d+ .*: skep: not seen any more, as (.*)$',
                          p.stderr, re.M)
        assert len(said) == 1 and said[0].startswith(why), (how, p.stderr)


def needs_dispatch():
    """PR_SYS_DISPATCH_INCLUSIVE_ON is there since Linux 6.17."""
    code = 'import ctypes, sys; sys.exit(ctypes.CDLL(None).prctl(59, 2, 4096, 4096, 0) != 0)'
    if call(sys.executable, '-c', code).returncode:
        raise Skip('the kernel has no Syscall User Dispatch for a stretch of addresses')


@case
def code_made_at_run_time():
    needs_dispatch()
    for how, calls in ('each', 600), ('threads', 1800), ('early-thread', 200), ('children', 80), ('handlers', 60):
        seen = counted(made, how, but=RACES | MEMORY | {'rt_sigreturn', 'rt_sigprocmask'})
        assert seen.entered['getsid'] == calls, (how, seen.entered)


@case
def signals_in_code_made_at_run_time():
    needs_dispatch()
    seen = same(made, 'signals')
    # A handler that came in the midst of a run of programs has none of its own.
    assert seen.missed or (seen.entered['getsid'], seen.entered['tgkill'], seen.entered['nanosleep']) == (
        71, 100, 1), (seen.entered, seen.missed)


@case
def who_dispatches_system_calls_itself():
    needs_dispatch()
    seen = same(made, 'dispatches')
    assert seen.entered['getsid'] == 20, seen.entered


def bomb_of(program, levels, children):
    processes = sum(children ** i for i in range(levels + 1))
    seen = same(program, 'bomb', levels, children)
    # The system begins a call again that a child's end interrupts, unseen by us.
    forks = sum(seen.entered[name] for name in FORKS), sum(seen.left[name] for name in FORKS)
    assert forks == (processes - 1, 2 * (processes - 1)), forks
    assert len(seen.by_pid) == seen.entered['getppid'] == processes, seen.entered
    assert not seen.missed, seen.missed


@case
def many_children():
    bomb_of(acts, 3, 6)


def children_of(program):
    """Who calls is who it is, whosever memory it has."""
    p, seen = traced(program, 'children')
    pids = {how: int(pid) for how, pid in re.findall(r'^(\S+) (\d+)$', p.stdout, re.M)}
    assert p.returncode == 0 and len(pids) == 6, p
    times = {how: seen.by_pid[pid]['getpgid'] for how, pid in pids.items()}
    assert times == {'fork': 1, 'vfork': 1, 'vfork-exec': 2, 'spawn': 1, 'clone': 1, 'self': 1}, times
    assert len(seen.by_pid) == 6, seen.by_pid


@case
def children_in_the_memory_of_others():
    children_of(acts)


@case
def who_shares_memory_and_storage():
    """Neither is taken for the other, that has been stopped while programs ran for it."""
    seen = same(acts, 'beside', 200000)
    assert (seen.entered['getsid'], seen.left['getsid'], seen.missed) == (400000, 400000, 0), (seen.entered, seen.missed)
    assert len(seen.by_pid) == 2, seen.by_pid


def as_built(cc, *flags):
    need(cc)
    to = work / '-'.join(['acts', cc, *(f.strip('-') for f in flags)])
    p = call(cc, '-O2', *flags, '-pthread', '-o', to, here / 'acts.c')
    if p.returncode:
        raise Skip(f'{cc} {" ".join(flags)} does not work: {p.stderr[-60:].strip()}')
    seen = counted(to, 'threads', 40,
                   but=RACES | MEMORY | {'rt_sigprocmask'})
    assert seen.entered['getppid'] == 1600, seen.entered
    assert counted(to, 'handlers').entered['rt_sigreturn'] >= 100
    signals_of(to)
    bomb_of(to, 2, 4)
    children_of(to)


@case
def linked_statically():
    as_built('gcc', '-static')


@case
def linked_statically_anywhere():
    as_built('gcc', '-static-pie', '-fPIE')


@case
def linked_with_musl():
    as_built('musl-gcc', '-static')
    # A thread that unmaps its stack: strace(1) counts no exit(2).
    seen = counted(work / 'acts-musl-gcc-static', 'detached', 20,
                   but=RACES | MEMORY - {'munmap'} | {'rt_sigprocmask', 'nanosleep', 'clock_nanosleep'})
    assert seen.entered['exit'] == 20 and seen.entered['munmap'] >= 20, seen.entered


@case
def go():
    need('go')
    to = work / 'serve'
    p = subprocess.run(['go', 'build', '-o', to, here / 'serve.go'], capture_output=True, text=True,
                       timeout=200, stdin=subprocess.DEVNULL,
                       env={**env, 'CGO_ENABLED': '0', 'GO111MODULE': 'off',
                            'GOCACHE': str(work / 'go')})
    assert p.returncode == 0, p.stderr
    seen = same(to)
    assert seen.entered['write'] > 1600 and seen.entered['accept4'] > 0, seen.entered


@case
def rust():
    need('rustc')
    to = work / 'busy'
    p = subprocess.run(['rustc', '-O', '-o', to, here / 'busy.rs'], capture_output=True, text=True,
                       timeout=200, stdin=subprocess.DEVNULL, env={**os.environ, 'TMPDIR': str(work)})
    if p.returncode and 'error[' not in p.stderr:
        raise Skip(f'rustc does not work: {p.stderr.strip()[-60:]}')
    assert p.returncode == 0, p.stderr
    seen = same(to)
    assert seen.entered['write'] >= 3 and seen.left['wait4'] + seen.left['waitid'] > 0, seen.entered


@case
def gcc_of_a_room():
    """Some of Skep by gcc, two at a time: the same objects, byte by byte."""
    need('gcc', 'xargs')
    src = here.parent.parent / 'src'
    files = ' '.join(str(f) for f in sorted((src / 'btf').glob('*.c')))
    seen = same('sh', '-c', f"""mkdir -p {work}/o; cd {work}/o || exit
ls {files} | xargs -P 2 -n 1 gcc -std=gnu17 -O2 -D_GNU_SOURCE -I {src} -c
status=$?; cat *.o | cksum; ls | wc -l; rm -r {work}/o; exit $status""")
    assert seen.entered['execve'] >= 30, seen.entered


@case
def gcc():
    need('gcc')
    argv = 'gcc', '-O2', '-c', '-o', work / 'acts.o', here / 'acts.c'
    # Names of temporary files are tried until one is new.
    seen = counted(*argv, but=MEMORY | {'getrandom'})
    assert seen.entered['execve'] >= 3, seen.entered


@case
def perl():
    need('perl')
    counted('perl', '-e', 'print join ",", map { `echo $_` } 1 .. 3', but={'rt_sigreturn', 'clone'})


@case
def awk():
    need('mawk')  # gawk reads its own maps, which are more lines with a hive's
    counted('mawk', 'BEGIN { for (i = 0; i < 3; i++) { "echo " i | getline x; print x } }',
            but={'rt_sigreturn', 'clone'})


@case
def node():
    need('node')
    seen = same('node', '-e', 'require("child_process").execFile("echo", ["hi"], (e, out) => '
                'require("fs").readFile("/proc/self/comm", "utf8", (e, s) => console.log(out, s)))')
    assert seen.entered['clone'] + seen.entered['clone3'] + seen.entered['vfork'] > 4, seen.entered


@case
def java():
    need('java')
    seen = same('java', '-XX:+UseSerialGC', '-Xshare:auto', '-version')
    assert seen.entered['futex'] > 0 and seen.entered['clone3'] + seen.entered['clone'] > 4


# --- servers --------------------------------------------------------------------------------------

def port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def served(start, ready, ask, stop):
    """A shell starts the server, asks it, and stops it; what it says is the same without."""
    return same('bash', '-c', f'''
{start} > {work}/server.log 2>&1 &
pid=$!
for i in $(seq 200); do {ready} > /dev/null 2>&1 && break; sleep 0.05; done
{ask}
{stop}
wait $pid
echo status $?
''')


@case
def http_of_python():
    need('curl', 'bash')
    (work / 'www').mkdir(exist_ok=True)
    (work / 'www/file').write_text('x' * 100000)
    at = f'http://127.0.0.1:{(n := port())}'
    seen = served(f'{sys.executable} -m http.server --bind 127.0.0.1 -d {work}/www {n}',
                  f'curl -s {at}/', f'curl -s {at}/file?[1-20] | cksum', 'kill $pid')
    assert seen.entered['accept4'] >= 20, seen.entered


@case
def redis():
    need('redis-server', 'redis-cli', 'redis-benchmark', 'bash')
    n = port()
    seen = served(f'redis-server --bind 127.0.0.1 --port {n} --save "" --dir {work}',
                  f'redis-cli -p {n} ping',
                  f'redis-benchmark -p {n} -n 5000 -q -t incr > {work}/benchmark; echo $?\n'
                  f'redis-cli -p {n} get counter:__rand_int__',
                  f'redis-cli -p {n} shutdown nosave')
    assert seen.entered['read'] > 5000 and seen.entered['write'] > 5000, seen.entered


@case
def nginx():
    need('nginx', 'curl', 'bash')
    n = port()
    user = 'user root;' if os.geteuid() == 0 else ''
    (work / 'www').mkdir(exist_ok=True)
    (work / 'www/small').write_text('small\n' * 100)
    (work / 'nginx.conf').write_text(f'''
daemon off; {user} worker_processes 2; pid {work}/nginx.pid; error_log {work}/nginx.error;
events {{ worker_connections 128; }}
http {{ access_log {work}/nginx.access; client_body_temp_path {work}/b; proxy_temp_path {work}/p;
fastcgi_temp_path {work}/f; uwsgi_temp_path {work}/u; scgi_temp_path {work}/s; sendfile on;
server {{ listen 127.0.0.1:{n}; root {work}/www; }} }}
''')
    load = f'wrk -t 1 -c 8 -d 1s http://127.0.0.1:{n}/small | grep -c -e Non-2xx -e errors' \
        if shutil.which('wrk') else 'echo 0'
    seen = served(f'nginx -c {work}/nginx.conf -e {work}/nginx.error', f'curl -s 127.0.0.1:{n}/small',
                  f'curl -s 127.0.0.1:{n}/small?[1-50] | cksum; {load}', 'kill -QUIT $pid')
    assert seen.entered['sendfile'] >= 50, seen.entered


@case
def postgresql():
    """A server that root may not run: hive and all are nobody's then."""
    need('pgbench', 'psql', 'bash')
    bins = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin/initdb'))
    if not bins:
        raise Skip('postgresql is not installed')
    home = pathlib.Path(tempfile.mkdtemp(prefix='skep-pg-', dir='/tmp'))
    before = env['XDG_RUNTIME_DIR']
    if os.geteuid() == 0:
        os.chown(home, 65534, 65534)
        os.chmod(work, 0o777)
        who[:] = become
    env['XDG_RUNTIME_DIR'] = str(home)
    try:
        seen = same('bash', '-c', f"""
export PATH={bins[-1].parent}:$PATH PGHOST={home} PGUSER=skep PGDATABASE=postgres
initdb -D {home}/data -U skep --no-sync > {home}/log || exit
postgres -D {home}/data -k {home} -c listen_addresses= -c fsync=off > {home}/log 2>&1 &
pid=$!
for i in $(seq 200); do pg_isready -q && break; sleep 0.05; done
pgbench -i -q -s 1 2> {home}/log || cat {home}/log
pgbench -n -c 4 -j 2 -t 100 2> {home}/log | grep processed
psql -Atc 'select count(*), sum(delta) = (select sum(abalance) from pgbench_accounts) from pgbench_history'
kill -INT $pid
wait $pid
echo status $?
rm -rf {home}/data
""")
    finally:
        who[:] = []
        env['XDG_RUNTIME_DIR'] = before
        remove(home)
    assert seen.entered['recvfrom'] > 400 and seen.entered['sendto'] > 400, seen.entered


known = names()
sanitized = 'built with a sanitizer, whose runtime cannot be preloaded'
sys.exit(main(sys.argv[2:], lambda: remove(work),
              sanitized if os.environ.get('SKEP_SANITIZED') else None))
