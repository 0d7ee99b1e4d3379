"""MIME to native, sealing and skeleton included, against a bare GMime loop that parses and decodes the same files; CPU time
of one core each."""
import pathlib
import subprocess

import corpus
from common import RUNS, SCALE, TOP, figure, median, say, scratch


def loop(program, repeat, paths):
    done = subprocess.run([TOP / "build" / program, str(repeat), *paths], capture_output=True, text=True, check=True)
    messages, size, cpu = done.stdout.split()
    return int(messages) / float(cpu), int(size) / float(cpu) / 1e6


def run():
    subprocess.run(["make", "-s", "-C", TOP / "build", "tests/bench/gmime-loop", "tests/bench/convert-loop"], check=True)
    paths = corpus.make(scratch() / "corpus", int(1000 * SCALE))
    small = [p for p in paths if pathlib.Path(p).stat().st_size < 200_000]
    for name, files, repeat in (("mixed", paths, 2), ("small", small, 6)):
        ours, peer = [], []
        for _ in range(RUNS):
            ours.append(loop("tests/bench/convert-loop", repeat, files))
            peer.append(loop("tests/bench/gmime-loop", repeat, files))
        for who, runs in (("ours", ours), ("GMime", peer)):
            say(f"convert, {name}, {who}: " + ", ".join(f"{n:.0f} msg/s {b:.0f} MB/s" for n, b in runs))
        figure(f"convert-mime-native-{name}", median([b for _, b in ours]), median([b for _, b in peer]), ">=0.6",
               "MB per second of one core")
