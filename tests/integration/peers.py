#!/usr/bin/env python3
"""Real peers from their packages, each in a directory of its own and on loopback ports.

As a program: peers.py postfix DIR PORT DOMAIN USER... runs Postfix, which delivers mail for USER@DOMAIN to DIR/mail/USER/
(a Maildir each) until it is ended.
"""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


class Postfix:
    """Postfix as an Internet peer.  extra: further lines of main.cf; prefix: a command to start it with."""

    def __init__(self, root, domain="peer.example", users=("carol",), port=None, extra="", prefix=()):
        self.prefix = prefix
        self.root = pathlib.Path(root)
        self.domain, self.users = domain, users
        self.port = port or free_port()
        self.etc = self.root / "etc"
        self.mail = self.root / "mail"
        owner = pwd.getpwnam("postfix")
        for path in (self.root, self.etc, self.root / "spool", self.root / "data", self.mail):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o755)
        # The delivery agent runs as postfix; every directory above must let it pass.
        for parent in self.root.resolve().parents:
            if parent != pathlib.Path("/") and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
        os.chown(self.root / "data", owner.pw_uid, owner.pw_gid)
        os.chown(self.mail, owner.pw_uid, owner.pw_gid)
        boxes = "".join(f"{u}@{domain} {u}/\n" for u in users)
        (self.etc / "boxes").write_text(boxes)
        (self.etc / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {self.root}/spool
data_directory = {self.root}/data
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
myhostname = mx.{domain}
mydestination =
alias_maps =
alias_database =
maillog_file = {self.root}/maillog
maillog_file_prefixes = {self.root}
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {self.mail}
virtual_mailbox_maps = texthash:{self.etc}/boxes
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
virtual_minimum_uid = 1
message_size_limit = 100000000
virtual_mailbox_limit = 0
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_tls_security_level = none
""" + extra)
        master = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text().splitlines()
        lines = []
        for line in master:
            fields = line.split()
            if line[:1].isalpha() and len(fields) >= 8:
                if fields[0] == "smtp" and fields[1] == "inet":
                    fields[0] = f"127.0.0.1:{self.port}"
                fields[4] = "n"
                line = " ".join(fields)
            lines.append(line)
        lines.append("postlog unix-dgram n - n - 1 postlogd")
        (self.etc / "master.cf").write_text("\n".join(lines) + "\n")
        (self.etc / "dynamicmaps.cf").touch()

    def start(self):
        # "check" makes the directories of the queue.
        subprocess.run(["postfix", "-c", str(self.etc), "check"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(self.root / "master.err", "w") as errors:
            self.process = subprocess.Popen([*self.prefix, "/usr/lib/postfix/sbin/master", "-c", str(self.etc), "-d"],
                                            stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True,
                                            env={**os.environ, "MAIL_CONFIG": str(self.etc)})
        wait_port(self.port)
        return self

    def messages(self, user):
        """The paths of what was delivered to USER, oldest first."""
        new = self.mail / user / "new"
        return sorted(new.iterdir(), key=lambda p: p.stat().st_mtime_ns) if new.is_dir() else []

    def log(self):
        path = self.root / "maillog"
        return path.read_text() if path.exists() else ""

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        if exc[0]:
            sys.stderr.write(self.log()[-3000:])
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)


def main():
    if len(sys.argv) < 6 or sys.argv[1] != "postfix":
        sys.exit("usage: peers.py postfix DIR PORT DOMAIN USER...")
    peer = Postfix(sys.argv[2], sys.argv[4], sys.argv[5:], int(sys.argv[3])).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("ready", flush=True)
    try:
        signal.pause()
    finally:
        peer.stop()


if __name__ == "__main__":
    main()
