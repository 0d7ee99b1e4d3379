"""Durable acceptance by SMTP: messages of 4 KiB, one per session, flushed to disk before the 250, against Postfix that
accepts and holds."""
import time

from common import RUNS, SCALE, Group, figure, finish, median, say, scratch, smtp_source
from house import House
from peers import Postfix

SIZE = 4096
SESSIONS = (10, 50, 200)


def measure(group, port, sessions, count):
    cpu, begin = group.cpu(), time.monotonic()
    finish(smtp_source(port, sessions, count, SIZE, "u0@bench.example"))
    seconds = time.monotonic() - begin
    time.sleep(0.5)  # what the server still does for these messages is on its bill
    return count / seconds, (group.cpu() - cpu) / count * 1e6


def ours(sessions, count):
    group = Group("ours")
    try:
        with House(users=("u0",), internet_domain="bench.example", settings={"log": {"level": "warning"}}) as house:
            house.start("smtp", prefix=group.prefix())
            port = house.port()
            measure(group, port, sessions, max(sessions, count // 10))
            return measure(group, port, sessions, count)
    finally:
        group.close()


def postfix(root, sessions, count):
    group = Group("postfix")
    peer = Postfix(root / "postfix", "bench.example", ("u0",), extra="""
default_process_limit = 250
smtpd_recipient_restrictions = static:HOLD
""", prefix=group.prefix())
    try:
        with peer:
            measure(group, peer.port, sessions, max(sessions, count // 10))
            return measure(group, peer.port, sessions, count)
    finally:
        group.close()


def run():
    root = scratch()
    rates = {}
    for sessions in SESSIONS:
        results = {"ours": [], "peer": []}
        for _ in range(RUNS):
            results["ours"].append(ours(sessions, int(8000 * SCALE)))
            results["peer"].append(postfix(root, sessions, int(2000 * SCALE)))
        for name, runs in results.items():
            say(f"accept, {sessions} sessions, {name}: " + ", ".join(f"{r:.0f} msg/s {c:.0f} us" for r, c in runs))
        rate = {name: median([r for r, _ in runs]) for name, runs in results.items()}
        cpu = {name: median([c for _, c in runs]) for name, runs in results.items()}
        figure(f"accept-{sessions}-rate", rate["ours"], rate["peer"], ">=4", "messages per second")
        figure(f"accept-{sessions}-cpu", cpu["ours"], cpu["peer"], "<=0.25", "microseconds of CPU per message, all processes")
        rates[sessions] = rate["ours"]
    figure("accept-200-against-10", rates[200], rates[10], ">=0.9", "our messages per second with 200 sessions against ours with 10")
