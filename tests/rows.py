#!/usr/bin/env python3
"""Whether every test that tests/conversion.tsv names ran and passed.  Usage: rows.py FILE, which run.py --passed wrote."""
import importlib.machinery
import importlib.util
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[1]


def load_page():
    path = str(TOP / "scripts" / "make-conversion-page")
    spec = importlib.util.spec_from_loader("page", importlib.machinery.SourceFileLoader("page", path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    passed = set(pathlib.Path(sys.argv[1]).read_text().split("\n"))
    count = 0
    for number, capability, how, tests in load_page().rows():
        missing = [test for test in tests if test not in passed]
        bad = missing or not tests or how.startswith("NO")
        count += 1
        print(f"{'not ok' if bad else 'ok'} {count} row {number}: {capability}")
        if missing:
            print("# did not run or did not pass: " + " ".join(missing))
        elif bad:
            print("# " + (how if how.startswith("NO") else "no test is named"))
    print(f"1..{count}")
    sys.exit(0)


main()
