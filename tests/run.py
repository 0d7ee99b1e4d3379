#!/usr/bin/env python3
"""Runs test programs that print TAP and adds up.  Usage: run.py [-j N] [--timeout S] NAME=COMMAND ...

A program that prints no test, ends with an error though all its tests are ok, or does not end, counts as one failed test.
The output of what fails is shown.  Results are appended to --totals FILE as "passed failed".
"""
import argparse
import concurrent.futures
import re
import shlex
import signal
import subprocess
import sys
import os
import time

LINE = re.compile(r"^\s*(not ok|ok)\b(.*)$")
NAME = re.compile(r"^\s*ok \d+ (?:__main__\.)?([^\s:]+)", re.M)


def run(name, command, timeout):
    begin = time.monotonic()
    process = subprocess.Popen(shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True)
    try:
        output, _ = process.communicate(timeout=timeout)
        late = False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        late = True
    text = output.decode("utf-8", "replace")
    passed = failed = 0
    for line in text.splitlines():
        match = LINE.match(line)
        if match and "# SKIP" not in match[2]:
            passed += match[1] == "ok"
            failed += match[1] == "not ok"
    reason = ""
    if late:
        reason = f"did not end within {timeout} s"
    elif process.returncode != 0 and failed == 0:
        reason = f"ended with {process.returncode}"
    elif passed + failed == 0 and "# SKIP" not in text:
        reason = "ran no test"
    if reason:
        failed += 1
    return name, passed, failed, reason, text, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=300)
    parser.add_argument("--totals")
    parser.add_argument("--passed", help="append the names of the tests that passed")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    total_passed = total_failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        jobs = []
        for test in options.tests:
            name, _, command = test.partition("=")
            jobs.append(pool.submit(run, name, command, options.timeout))
        for job in concurrent.futures.as_completed(jobs):
            name, passed, failed, reason, text, seconds = job.result()
            total_passed += passed
            total_failed += failed
            print(f"  {'FAIL' if failed else 'ok  '} {name}: {passed} passed, {failed} failed, {seconds:.1f} s {reason}", flush=True)
            if options.passed:
                with open(options.passed, "a") as out:
                    for test in NAME.findall(text):
                        out.write((name if test == name else f"{name}:{test}") + "\n")
            if failed:
                print("    | " + "\n    | ".join(text.splitlines()[-60:]), flush=True)
    if options.totals:
        with open(options.totals, "a") as out:
            out.write(f"{total_passed} {total_failed}\n")
    sys.exit(1 if total_failed else 0)


main()
