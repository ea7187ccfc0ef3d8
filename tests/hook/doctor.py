#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`skep doctor` on machines that forbid this or that, made here by filters and limits.  TAP.

usage: doctor.py BUILD [NAME...]
"""
import ctypes
import json
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
from nobody import become, folder_of_nobody
from tap import Skip, case, main, remove

build = pathlib.Path(sys.argv[1]).resolve()
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-doctor-', dir='/tmp'))
env = {**os.environ, 'LC_ALL': 'C', 'XDG_RUNTIME_DIR': str(work)}
skep, target = build / 'src/cli/skep', build / 'tests/hook/target'
needed = {'preload', 'runtime', 'memory', 'memfd', 'pidfd', 'proc_fd'}


def forbid(*calls):
    """The process that is about to be begun gets EPERM from these system calls."""
    rows = [(0x20, 0, 0, 0)]
    for i, nr in enumerate(calls):
        rows.append((0x15, len(calls) - i, 0, nr))
    rows += [(0x06, 0, 0, 0x7fff0000), (0x06, 0, 0, 0x00050001)]
    code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *r) for r in rows))
    prog = ctypes.create_string_buffer(struct.pack('HxxxxxxQ', len(rows), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)

    def apply(kept=code):
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, prog, 0, 0):
            os._exit(99)

    return apply


def doctor(*args, e=None, before=None):
    p = subprocess.run([str(skep), '-j', 'doctor', *map(str, args)], capture_output=True, text=True,
                       timeout=60, env={**env, **(e or {})}, preexec_fn=before)
    assert p.returncode in (0, 1), p
    rows = {r['check']: r for r in json.loads(p.stdout)}
    assert all('fix' in r for r in rows.values() if r['result'] != 'ok'), rows
    return p.returncode, rows


@case
def what_run_needs_is_here():
    status, rows = doctor()
    run = subprocess.run([skep, 'run', '--', 'true'], env=env, capture_output=True).returncode
    assert (status == 0) == (run == 0), (status, run, rows)
    assert needed <= set(rows) and len(rows) == 18, rows
    text = subprocess.run([skep, 'doctor'], env=env, capture_output=True, text=True).stdout
    assert text.count('\n') >= 20 and 'ptrace, own children' in text, text


@case
def ptrace_forbidden():
    """As in containers of old; hives work, probes do not."""
    status, rows = doctor(before=forbid(101))
    assert status == 0 and rows['trace_child']['result'] == 'note', rows
    assert 'SYS_PTRACE' in rows['trace_child']['fix'], rows
    assert rows['filter']['result'] == 'note' and 'seccomp mode 2' in rows['filter']['found'], rows


@case
def memory_of_others_forbidden():
    status, rows = doctor(before=forbid(310, 317, 321))
    assert status == 0, rows
    for name in 'vm_read', 'notify', 'host_bpf':
        assert rows[name]['result'] == 'note' and 'not permitted' in rows[name]['found'], rows[name]


@case
def memfds_forbidden():
    status, rows = doctor(before=forbid(319))
    assert status == 1 and rows['memfd']['result'] == 'fail', rows
    assert 'memfd_noexec' in rows['memfd']['fix'], rows


@case
def addresses_limited():
    status, rows = doctor(before=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 32,) * 2))
    assert status == 1 and rows['memory']['result'] == 'fail', rows
    assert 'ulimit -v' in rows['memory']['fix'], rows
    p = subprocess.run(['sh', '-c', f'ulimit -v 4194304; {skep} run -- true'], env=env,
                       capture_output=True)
    assert p.returncode, 'what doctor says is so'


@case
def a_folder_with_a_long_name():
    there = work / ('x' * 90)
    there.mkdir()
    status, rows = doctor(e={'XDG_RUNTIME_DIR': str(there)})
    assert status == 1 and 'XDG_RUNTIME_DIR' in rows['runtime']['fix'], rows


@case
def one_process():
    p = subprocess.Popen([target, '10', 'wait'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert p.stdout.readline() == b'ready\n'
        status, rows = doctor('-p', p.pid)
        if status and 'ptrace' in rows['process']['found']:
            raise Skip(rows['process']['found'])
        assert status == 0 and rows['process']['result'] == 'ok', rows
        out, _ = p.communicate(b'x', timeout=20)
        assert p.returncode == 0 and out, 'it goes on as it was'
    finally:
        p.kill()
        p.wait()
    status, rows = doctor('-p', p.pid)
    assert status == 1 and 'there is no process' in rows['process']['found'], rows


@case
def as_nobody():
    with folder_of_nobody(build) as there:
        p = subprocess.run([*become, there / 'src/cli/skep', '-j', 'doctor'],
                           capture_output=True, text=True,
                           env={**env, 'XDG_RUNTIME_DIR': str(there), 'HOME': str(there)}, cwd='/')
        rows = {r['check']: r['result'] for r in json.loads(p.stdout)}
        assert p.returncode == 0 and all(rows[n] == 'ok' for n in needed), rows


sanitized = 'built with a sanitizer, which has its own needs of addresses'
sys.exit(main(sys.argv[2:], lambda: remove(work),
              sanitized if os.environ.get('SKEP_SANITIZED') else None))
