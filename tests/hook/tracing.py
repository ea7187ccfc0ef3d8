#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs of type tracing see what a process does, as it knows it itself.  TAP.

usage: tracing.py BUILD [NAME...]
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
from tap import Skip, case, main, remove

build = pathlib.Path(sys.argv[1]).resolve()
work = pathlib.Path(tempfile.mkdtemp(prefix='skep-tracing-', dir='/tmp'))
env = {**os.environ, 'LC_ALL': 'C', 'XDG_RUNTIME_DIR': str(work),
       'PATH': '/usr/bin:/bin:/usr/sbin:/sbin'}
skep, here = build / 'src/cli/skep', build / 'tests/hook'
tool, obj = here / 'tracing', here / 'tracing.bpf.o'


def run(*argv):
    p = subprocess.run([str(a) for a in (skep, 'run', '--', *argv)], capture_output=True, text=True,
                       timeout=60, env=env, cwd=work, stdin=subprocess.DEVNULL)
    if 'Operation not permitted' in p.stderr:
        raise Skip('ptrace is not permitted here')
    return p


@case
def they_see_what_happens():
    """Arguments, results, cookies, another result, names; and in Linux's order."""
    p = run(tool, obj)
    own, seen = (re.findall(rf'^{who} (.*)$', p.stdout, re.M) for who in ('own', 'seen'))
    assert p.returncode == 0 and len(own) == 18, p
    assert own == seen, p.stdout + p.stderr
    assert {line.split()[0] for line in seen} == {
        'enter', 'exit', 'fentry', 'fexit', 'fmod_ret', 'fork', 'exec', 'end', 'rename', 'signal'}


@case
def links_say_what_they_are():
    """Stock bpftool's list, and the same as JSON."""
    p = run(tool, obj, 'bpftool', '-j', 'link')
    links = json.loads(p.stdout.splitlines()[-1])
    assert sorted(l['tp_name'] for l in links if l['type'] == 'raw_tracepoint') == sorted(
        ('sys_enter', 'sys_exit', 'sched_process_fork', 'sched_process_exec',
         'sched_process_exit', 'task_rename', 'signal_generate')), p
    assert sorted(l['attach_type'] for l in links if l['type'] == 'tracing') == [
        'modify_return', 'trace_fentry', 'trace_fexit'], p


sanitized = 'built with a sanitizer, whose runtime cannot be preloaded'
sys.exit(main(sys.argv[2:], lambda: remove(work),
              sanitized if os.environ.get('SKEP_SANITIZED') else None))
