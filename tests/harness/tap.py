# SPDX-License-Identifier: BSD-2-Clause
"""Cases that a script runs in order, as TAP.  In a script beside tests/harness:

    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'harness'))
    from tap import Skip, case, main

    @case
    def it_works():
        assert ...

    sys.exit(main(sys.argv[2:], clean_up))
"""
import shutil
import traceback

cases = []


class Skip(Exception):
    """Ends a case that cannot be run here; the argument is the reason."""


def case(f):
    cases.append(f)
    return f


def remove(folder):
    """Hives' servers may take their own part of it away at the same time."""
    shutil.rmtree(folder, ignore_errors=True)


def main(names, clean_up, skip=None):
    """Runs the cases of those names, or all; true where one failed.  `skip`: why none can run."""
    chosen = [c for c in cases if not names or c.__name__ in names]
    failed = 0
    print(f'1..{len(chosen)}')
    for i, c in enumerate(chosen, 1):
        try:
            if skip:
                raise Skip(skip)
            c()
            print(f'ok {i} {c.__name__}', flush=True)
        except Skip as e:
            print(f'ok {i} {c.__name__} # SKIP {e}', flush=True)
        except Exception:
            failed += 1
            print(f'not ok {i} {c.__name__}')
            print('\n'.join('# ' + l for l in traceback.format_exc().splitlines()), flush=True)
    clean_up()
    return bool(failed)
