"""Conversion, side by side: MIME to native, sealing and skeleton included, against bare loops of GMime, Python's email and
mailparser over the same files; calendars to native and back against a bare libical loop; two cores against one; the memory of a
1 GiB attachment.  CPU time of one core each, but for the two cores, where it is the clock's."""
import base64
import os
import pathlib
import shutil
import subprocess
import time

import corpus
from common import RUNS, SCALE, TOP, figure, median, say, scratch

POSTERN = TOP / "build" / "postern"
READERS = TOP / "tests" / "integration" / "readers"
LOOPS = ("convert-loop", "gmime-loop", "imip-loop", "ical-loop")


def loop(command, repeat, paths):
    """Messages and megabytes per second of CPU time."""
    done = subprocess.run([*map(str, command), str(repeat), *map(str, paths)], capture_output=True, text=True, check=True)
    messages, size, cpu = done.stdout.split()
    return int(messages) / float(cpu), int(size) / float(cpu) / 1e6


def side_by_side(name, ours, peers, repeat, paths, per_message=False):
    """PEERS: (name, command, files, goal); each is run in turns with ours over the same files."""
    for who, command, count, goal in peers:
        files = paths[:count]
        mine, theirs = [], []
        for _ in range(RUNS):
            mine.append(loop(ours, repeat, files))
            theirs.append(loop(command, max(1, repeat // 3), files))
        for label, runs in (("ours", mine), (who, theirs)):
            say(f"convert, {name}, {label}: " + ", ".join(f"{n:.0f} msg/s {b:.0f} MB/s" for n, b in runs))
        which = 0 if per_message else 1
        figure(f"convert-{name}-{who}", median([r[which] for r in mine]), median([r[which] for r in theirs]), goal,
               "messages per second of one core" if per_message else "MB per second of one core")


def two_cores(paths, directory):
    times = {1: [], 2: []}
    for _ in range(RUNS):
        for n in times:
            out = directory / "out"
            begin = time.monotonic()
            subprocess.run([POSTERN, "convert", f"-j{n}", "--to", "native", "-o", out, directory / "corpus"], capture_output=True)
            times[n].append(time.monotonic() - begin)
            shutil.rmtree(out)
    say("convert, one and two cores: " + ", ".join(f"{a:.2f} s {b:.2f} s" for a, b in zip(times[1], times[2])))
    figure("convert-two-cores", len(paths) / median(times[2]), len(paths) / median(times[1]), ">=1.8", "messages per second")


def memory(directory):
    large = directory / "large.eml"
    block = (base64.b64encode(bytes(range(57))) + b"\r\n") * 1000
    with open(large, "wb") as out:
        out.write(b"From: a@example.org\r\nSubject: large\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=x\r\n"
                  b"Content-Transfer-Encoding: base64\r\n\r\n")
        for _ in range(int(1024 * 1024 * 1024 * min(SCALE, 1)) // 57000):
            out.write(block)
    for to in ("native", "json", "mbox"):
        out = directory / f"large.{to}"
        pid = os.spawnv(os.P_NOWAIT, POSTERN, [str(POSTERN), "convert", "--to", to, "-o", str(out), str(large)])
        _, _, usage = os.wait4(pid, 0)
        figure(f"convert-memory-{to}", usage.ru_maxrss / 1024, 64, "<=1.0", "MiB resident at most, 1 GiB attachment")
        out.unlink()


def run():
    subprocess.run(["make", "-s", "-C", TOP / "build", *(f"tests/bench/{name}" for name in LOOPS)], check=True)
    programs = {name: [TOP / "build" / "tests" / "bench" / name] for name in LOOPS}
    directory = scratch()
    paths = corpus.make(directory / "corpus", int(1000 * SCALE))
    small = [p for p in paths if pathlib.Path(p).stat().st_size < 200_000]
    ours, gmime = programs["convert-loop"], programs["gmime-loop"]
    python = ("python-email", ["/usr/bin/python3", TOP / "tests" / "bench" / "email_loop.py"], 300, ">=10")
    node = ("mailparser", ["node", TOP / "tests" / "bench" / "mailparser-loop.mjs", READERS], 300, ">=8")
    side_by_side("mixed", ours, [("gmime", gmime, None, ">=1.0"), python, node], 3, paths)
    side_by_side("small", ours, [("gmime", gmime, None, ">=1.0"), python, node], 6, small)
    calendars = sorted((TOP / "samples" / "ical").glob("*.ics"))
    side_by_side("imip", programs["imip-loop"], [("libical", programs["ical-loop"], None, ">=0.8")], 60, calendars, per_message=True)
    two_cores(paths, directory)
    memory(directory)
