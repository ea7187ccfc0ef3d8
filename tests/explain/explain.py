#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Common mistakes, each a small program, and how `skep verify` explains them: NAME.txt holds what
a person should read.  TAP.

usage: explain.py BUILD
"""
import difflib
import json
import pathlib
import subprocess
import sys

build = pathlib.Path(sys.argv[1]).resolve()
here = pathlib.Path(__file__).resolve().parent
# How a program is judged where that is not the default.
options = {'uninit_stack': ['--unpriv'], 'sleep_atomic': ['--kernel', 'linux'],
           'old_kernel': ['--kernel', '5.15']}

goldens = sorted(here.glob('*.txt'))
print(f'1..{len(goldens)}')
failed = False
for nr, golden in enumerate(goldens, 1):
    name = golden.stem
    obj = build / 'tests/explain' / f'{name}.bpf.o'
    p = subprocess.run([build / 'src/cli/skep', 'verify', '--json', *options.get(name, []), obj],
                       capture_output=True, text=True, timeout=60)
    rows = [json.loads(line) for line in p.stdout.splitlines()]
    text = rows[0].get('text', '') if len(rows) == 1 else p.stdout + p.stderr
    ok = p.returncode == 1 and text == golden.read_text()
    print(f'{"ok" if ok else "not ok"} {nr} {name}', flush=True)
    if not ok:
        failed = True
        for line in difflib.unified_diff(golden.read_text().splitlines(), text.splitlines(),
                                         'wanted', 'said', lineterm=''):
            print(f'# {line}')
sys.exit(failed)
