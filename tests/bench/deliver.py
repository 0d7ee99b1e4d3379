"""From SMTP to the mailbox, until everything is committed there, against Postfix handing over to Dovecot by LMTP."""
import pwd
import shutil
import subprocess
import time

from common import RUNS, SCALE, Group, figure, finish, median, say, scratch, smtp_source
from house import House, wait_until
from peers import Postfix

USERS = [f"u{i}" for i in range(10)]
DOMAIN = "bench.example"


def load(port, count, size):
    jobs = [smtp_source(port, 5, count // len(USERS), size, f"{user}@{DOMAIN}") for user in USERS]
    for job in jobs:
        finish(job)


def timed(group, count, deliver):
    cpu, begin = group.cpu(), time.monotonic()
    deliver()
    return count / (time.monotonic() - begin), (group.cpu() - cpu) / count * 1e6


def delivered(house):
    programs = house.command("status", "--json")["programs"]
    return next(p["messages_in"] for p in programs if p["name"] == "ofs")


def ours(count, size):
    group = Group("ours")
    try:
        with House(users=USERS, internet_domain=DOMAIN, settings={"log": {"level": "warning"}}) as house:
            house.start(prefix=group.prefix())
            port = house.port()
            load(port, 200, size)
            wait_until(lambda: delivered(house) >= 200, 60, "warm-up is delivered")

            def deliver():
                load(port, count, size)
                wait_until(lambda: delivered(house) >= 200 + count, 300, "all is delivered")
            result = timed(group, count, deliver)
            found = sum(len(house.command("list", user, "--json")) for user in USERS)
            assert found == count + 200, f"{found} items in the mailboxes, not {count + 200}"
            return result
    finally:
        group.close()


class Dovecot:
    """Dovecot with LMTP on a local socket, one Maildir per user."""

    def __init__(self, root, prefix):
        self.root, self.prefix = root, prefix
        owner = pwd.getpwnam("postfix")
        for name in ("home", "run", "state"):
            (root / name).mkdir(parents=True)
        shutil.chown(root / "home", owner.pw_uid, owner.pw_gid)
        self.config = root / "dovecot.conf"
        self.config.write_text(f"""
protocols = lmtp
base_dir = {root}/run
state_dir = {root}/state
ssl = no
log_path = {root}/log
mail_location = maildir:~/mail
first_valid_uid = 1
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={root}/home/%n
}}
namespace inbox {{
  inbox = yes
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
protocol lmtp {{
  auth_username_format = %n
}}
""")

    def __enter__(self):
        self.process = subprocess.Popen([*self.prefix, "dovecot", "-F", "-c", str(self.config)])
        wait_until((self.root / "run" / "lmtp").exists, 20, "Dovecot listens")
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.root, ignore_errors=True)

    def count(self):
        return sum(1 for _ in (self.root / "home").glob("*/mail/new/*"))


def peer(root, count, size):
    group = Group("peer")
    try:
        with Dovecot(root / "dovecot", group.prefix()) as dovecot, \
             Postfix(root / "postfix", DOMAIN, USERS, prefix=group.prefix(), extra=f"""
default_process_limit = 250
virtual_transport = lmtp:unix:{dovecot.root}/run/lmtp
""") as postfix:
            load(postfix.port, 100, size)
            wait_until(lambda: dovecot.count() >= 100, 60, "warm-up is delivered")

            def deliver():
                load(postfix.port, count, size)
                wait_until(lambda: dovecot.count() >= 100 + count, 300, "all is delivered")
            return timed(group, count, deliver)
    finally:
        group.close()


def run():
    root = scratch()
    for size, name, count in ((4096, "4k", 6000), (102400, "100k", 1000)):
        results = {"ours": [], "peer": []}
        for _ in range(RUNS):
            results["ours"].append(ours(int(count * SCALE), size))
            results["peer"].append(peer(root, int(count / 5 * SCALE) // 10 * 10, size))
        for who, runs in results.items():
            say(f"deliver, {size} bytes, {who}: " + ", ".join(f"{r:.0f} msg/s {c:.0f} us" for r, c in runs))
        rate = {who: median([r for r, _ in runs]) for who, runs in results.items()}
        cpu = {who: median([c for _, c in runs]) for who, runs in results.items()}
        goals = (">=5", "<=0.2") if size == 4096 else (">=4", "<=0.25")
        figure(f"deliver-{name}-rate", rate["ours"], rate["peer"], goals[0], "messages per second into mailboxes")
        figure(f"deliver-{name}-cpu", cpu["ours"], cpu["peer"], goals[1], "microseconds of CPU per message, all processes")
