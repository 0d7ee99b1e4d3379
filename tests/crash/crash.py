#!/usr/bin/env python3
"""Kills the programs at random while messages flow in, and counts what is in the mailbox at the end.

Messages of 1 KB to 1 MB come from smtp-source, swaks and a client that repeats a message until it is taken.  Every
200 ms one program, chosen at random, gets SIGKILL.  At the end each message that was answered with 250 must be in the
mailbox exactly once, with the bytes it was sent with, and no queue directory may hold a leftover.

CRASH_MESSAGES (2000), CRASH_SEED (random, printed), CRASH_INTERVAL (0.2 s).
"""
import concurrent.futures
import hashlib
import os
import pathlib
import random
import re
import signal
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import peers  # noqa: E402
from house import House, POSTERN, main, wait_until  # noqa: E402

MESSAGES = int(os.environ.get("CRASH_MESSAGES", "2000"))
SEED = int(os.environ.get("CRASH_SEED", str(random.randrange(1 << 30))))
INTERVAL = float(os.environ.get("CRASH_INTERVAL", "0.2"))
PROGRAMS = ("smtp", "agent", "ms", "ofs")


def digest(body):
    """Of the body without its last line ends, which some clients add to."""
    return hashlib.sha256(body.rstrip(b"\r\n")).hexdigest()


def line_text(rng, size):
    """SIZE bytes of text lines that no other message has."""
    lines = []
    left = size
    while left > 0:
        line = "%x" % rng.getrandbits(64 * 4)
        lines.append(line[:max(1, min(left - 2, 64))])
        left -= len(lines[-1]) + 2
    return "\r\n".join(lines) + "\r\n"


class Killer(threading.Thread):
    """Ends one program after the other until it is stopped."""

    def __init__(self, house, rng):
        super().__init__(daemon=True)
        self.house, self.rng, self.kills, self.done = house, rng, 0, threading.Event()

    def run(self):
        state = self.house.dir / "ACME" / "RUN" / "supervisor.state"
        while not self.done.wait(INTERVAL):
            program = self.rng.choice(PROGRAMS)
            found = re.search(rf"\[{program}\]\npid=(\d+)", state.read_text()) if state.exists() else None
            if not found or int(found[1]) == 0:
                continue
            try:
                os.kill(int(found[1]), signal.SIGKILL)
                self.kills += 1
            except ProcessLookupError:
                pass


class Senders:
    def __init__(self, house, rng):
        self.port = house.port()
        self.rng = rng
        self.lock = threading.Lock()
        self.number = 0
        self.accepted = {}   # subject -> digest of the body
        self.uncertain = set()  # no 250 was seen: once or not at all

    def next(self):
        with self.lock:
            self.number += 1
            size = int(1024 * 1024 ** self.rng.random())  # 1 KB to 1 MB, each magnitude alike
            return f"crash-{self.number:05d}", size, random.Random(self.rng.getrandbits(64))

    def note(self, subject, ok, body):
        with self.lock:
            if ok:
                self.accepted[subject] = digest(body.encode())
            else:
                self.uncertain.add(subject)

    def enough(self):
        return len(self.accepted) >= MESSAGES

    def compose(self, extra=""):
        subject, size, rng = self.next()
        body = line_text(rng, size)
        head = f"From: sender@peer.example\r\nTo: anna@example.com\r\nSubject: {subject}\r\n{extra}\r\n"
        return subject, body, head.replace("%s", subject) + body

    def smtp_source(self):
        with tempfile.NamedTemporaryFile() as file:
            while not self.enough():
                subject, body, message = self.compose()
                pathlib.Path(file.name).write_text(message.replace("\r\n", "\n"))
                done = subprocess.run(["smtp-source", "-m", "1", "-s", "1", "-F", file.name, "-f", "sender@peer.example",
                                       "-t", "anna@example.com", f"127.0.0.1:{self.port}"], capture_output=True, timeout=120)
                self.note(subject, done.returncode == 0, body)

    def swaks(self):
        for _ in range(max(10, MESSAGES // 20)):
            subject, body, message = self.compose()
            done = subprocess.run(["swaks", "--server", "127.0.0.1", "--port", str(self.port), "--from", "sender@peer.example",
                                   "--to", "anna@example.com", "--data", "-", "--silent", "3"],
                                  input=message.replace("\r\n", "\n").encode(), capture_output=True, timeout=120)
            self.note(subject, done.returncode == 0, body)

    def repeat(self):
        """Sends the very same message again until it is answered: a lost answer must not double it."""
        while not self.enough():
            subject, body, message = self.compose(f"Message-ID: <%s.{SEED}@peer.example>\r\n")
            while True:
                try:
                    with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as client:
                        client.sendmail("sender@peer.example", ["anna@example.com"], message.encode())
                    break
                except (OSError, smtplib.SMTPException):
                    time.sleep(0.02)
            self.note(subject, True, body)


class CrashTest(unittest.TestCase):
    def test_nothing_lost_nothing_doubled(self):
        print(f"# seed {SEED}", flush=True)
        rng = random.Random(SEED)
        # The port must stay the same over restarts of the SMTP program.
        port = peers.free_port()
        with House(settings={"smtp": {"listen": f"127.0.0.1:{port}"}}) as house:
            house.start()
            senders = Senders(house, rng)
            killer = Killer(house, random.Random(SEED + 1))
            killer.start()
            begin = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                jobs = [pool.submit(senders.smtp_source) for _ in range(4)] + [pool.submit(senders.swaks)]
                jobs += [pool.submit(senders.repeat) for _ in range(3)]
                for job in jobs:
                    job.result()
            killer.done.set()
            killer.join()
            print(f"# {len(senders.accepted)} accepted, {len(senders.uncertain)} without an answer, {killer.kills} kills, "
                  f"{time.monotonic() - begin:.0f} s", flush=True)
            self.assertGreaterEqual(len(senders.accepted), MESSAGES)
            self.check_mailbox(house, senders)
            house.stop()
            self.assertEqual(house.leftovers(), [])

    def check_mailbox(self, house, senders):
        try:
            wait_until(lambda: not house.leftovers(), 60, "queues are empty")
        except AssertionError:
            self.fail("leftovers: " + "\n".join(house.leftovers()[:50]))
        wait_until(lambda: len(house.command("list", "anna", "--json")) >= len(senders.accepted), 60, "all are delivered")
        items = house.command("list", "anna", "--json")
        found = {}
        for item in items:
            found.setdefault(item["subject"], []).append(item)
        missing = [s for s in senders.accepted if s not in found]
        doubled = [s for s, i in found.items() if len(i) > 1]
        strange = [s for s in found if s not in senders.accepted and s not in senders.uncertain]
        self.assertEqual((missing, doubled, strange), ([], [], []))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            wrong = [s for s in pool.map(lambda s: self.is_wrong(house, senders, s, found[s][0]), senders.accepted) if s]
        self.assertEqual(wrong, [])

    def is_wrong(self, house, senders, subject, item):
        """The subject if the stored bytes are not those that were sent."""
        done = subprocess.run([POSTERN, "read", "-C", str(house.dir), "anna", str(item["number"]), "--raw"],
                              capture_output=True, check=True)
        body = done.stdout.split(b"\r\n\r\n", 1)[1]
        return None if digest(body) == senders.accepted[subject] else subject


if __name__ == "__main__":
    main()
