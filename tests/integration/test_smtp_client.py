#!/usr/bin/env python3
"""The way out: the agent and the sending side of the daemon, against Postfix and against peers that misbehave."""
import base64
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from dns_server import DnsServer
from house import House, main, wait_until
from peers import Postfix, free_port

FAST = {"retry": "1", "retry-limit": "60", "delay-notice": "0"}
HAVE_POSTFIX = os.path.exists("/usr/lib/postfix/sbin/master") and os.geteuid() == 0


class Peer:
    """A small SMTP server: answers by a function (command line -> reply, None closes) and keeps what it takes."""

    def __init__(self, address=("127.0.0.1", 0), answer=lambda line: "", capabilities=("PIPELINING", "8BITMIME"), context=None,
                 name="mx.peer.example", backlog=128):
        self.answer, self.capabilities, self.context, self.name = answer, capabilities, context, name
        self.messages, self.lines, self.connections = [], [], 0
        self.listener = socket.create_server(address, backlog=backlog)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.session, args=(connection,), daemon=True).start()

    def session(self, connection):
        try:
            self.talk(connection)
        except OSError:
            pass
        connection.close()

    def talk(self, connection):
        stream = connection.makefile("rwb")

        def say(text):
            stream.write(text.encode() + b"\r\n")
            stream.flush()

        say(self.answer("") or f"220 {self.name} ESMTP")
        secure = False
        sender, recipients = None, []
        while True:
            line = stream.readline().decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                return
            self.lines.append(line)
            verb = line.split(" ")[0].upper()
            reply = self.answer(line)
            if reply is None:
                return
            if reply:
                say(reply)
            elif verb == "EHLO":
                names = [c for c in self.capabilities if not (c == "STARTTLS" and secure)]
                say("\r\n".join(["250-" + self.name] + ["250-" + n for n in names] + ["250 HELP"]))
            elif verb == "STARTTLS":
                say("220 go on")
                connection = self.context.wrap_socket(connection, server_side=True)
                stream = connection.makefile("rwb")
                secure = True
            elif verb == "DATA":
                say("354 go on")
                data = []
                while (part := stream.readline()) != b".\r\n":
                    if not part:
                        return
                    data.append(part[1:] if part.startswith(b".") else part)
                final = self.answer(".")
                if final is None:
                    return
                if not final or final.startswith("2"):
                    self.messages.append((sender, recipients, b"".join(data)))
                sender, recipients = None, []
                say(final or "250 2.0.0 taken")
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                if verb == "MAIL":
                    sender, recipients = line[line.index("<") + 1:line.index(">")], []
                elif verb == "RCPT":
                    recipients.append(line[line.index("<") + 1:line.index(">")])
                say("250 2.0.0 fine")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def send(house, to, subject="a subject", *more):
    return house.command("send", "--from", "anna", "--to", to, "--subject", subject, "--body", "text", *more).strip()


def statuses(house, number=1):
    """{recipient: latest state} of a sent message."""
    info = house.command("info", "anna", str(number), "--json")
    return {r["address"]: r["status"] for r in info["recipients"]}


def wait_status(house, recipient, state, number=1, seconds=20):
    wait_until(lambda: statuses(house, number).get(recipient) == state, seconds, f"{recipient} is {state}")


def quiet(house):
    wait_until(lambda: not house.leftovers(), 20, "nothing waits")


@unittest.skipUnless(HAVE_POSTFIX, "Postfix and root are needed")
class WithPostfix(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="postern-peer-"))
        self.addCleanup(shutil.rmtree, self.root, True)

    def peer(self, back=None, extra="", **options):
        if back:
            extra += f"transport_maps = inline:{{example.com=smtp:[127.0.0.1]:{back}}}\n"
        peer = Postfix(self.root / "postfix", extra=extra, **options)
        self.addCleanup(peer.stop)
        return peer.start()

    def test_transferred_and_delivered(self):
        port = free_port()
        peer = self.peer(port)
        with House(settings={"smtp": {"listen": f"127.0.0.1:{port}", "relay": f"127.0.0.1:{peer.port}"}}) as house:
            house.start()
            send(house, "carol@peer.example")
            wait_status(house, "carol@peer.example", "Delivered")
            text = peer.messages("carol")[0].read_text()
            self.assertIn("Return-Path: <anna@example.com>", text)
            self.assertIn("Subject: a subject\n", text)
            quiet(house)
            self.assertEqual(len(peer.messages("carol")), 1)

    def test_undeliverable(self):
        peer = self.peer()
        with House(settings={"smtp": {"relay": f"127.0.0.1:{peer.port}"}}) as house:
            house.start()
            send(house, "carol@peer.example,nobody@peer.example")
            wait_status(house, "nobody@peer.example", "Undeliverable")
            wait_status(house, "carol@peer.example", "Transferred")
            self.assertIn("nobody@peer.example", house.command("info", "anna", "1"))
            self.assertEqual(len(peer.messages("carol")), 1)
            quiet(house)

    def test_later_failure(self):
        """Postfix takes the mail and reports the failure afterwards: its DSN becomes the status."""
        port = free_port()
        peer = self.peer(port, extra="smtpd_reject_unlisted_recipient = no\n")
        with House(settings={"smtp": {"listen": f"127.0.0.1:{port}", "relay": f"127.0.0.1:{peer.port}"}}) as house:
            house.start()
            send(house, "nobody@peer.example")
            wait_status(house, "nobody@peer.example", "Undeliverable")
            self.assertEqual(house.command("list", "anna", "--json"), [])
            quiet(house)

    def test_tls(self):
        cert = self.root / "cert.pem"
        make_certificate(cert, "mx.peer.example")
        peer = self.peer(extra=f"smtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {cert}\nsmtpd_tls_security_level = encrypt\n"
                               "smtpd_tls_received_header = yes\n")
        with House(settings={"smtp": {"relay": f"127.0.0.1:{peer.port}"}}) as house:
            house.start()
            send(house, "carol@peer.example")
            wait_status(house, "carol@peer.example", "Transferred")
            self.assertRegex(wait_until(lambda: peer.messages("carol"))[0].read_text(), "with ESMTPS")

    def test_large_and_many(self):
        peer = self.peer()
        with House(settings={"smtp": {"relay": f"127.0.0.1:{peer.port}"}}) as house:
            house.start()
            big = self.root / "big.bin"
            big.write_bytes(os.urandom(6_000_000))
            send(house, "carol@peer.example", "big", "--attach", str(big))
            for i in range(20):
                send(house, "carol@peer.example", f"number {i}")
            wait_until(lambda: len(peer.messages("carol")) == 21, 60)
            quiet(house)
            subjects = sorted(line for m in peer.messages("carol") for line in m.read_text().splitlines()
                              if line.startswith("Subject: "))
            self.assertEqual(len(set(subjects)), 21)


def make_certificate(path, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(path), "-out", str(path) + ".crt",
                    "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    path.write_text(path.read_text() + pathlib.Path(str(path) + ".crt").read_text())


class WithPeer(unittest.TestCase):
    def house(self, peer=None, settings=None, users=("anna:secret-a",), **smtp):
        values = {"smtp": {**FAST, **smtp}, **(settings or {})}
        if peer:
            values["smtp"]["relay"] = f"127.0.0.1:{peer.port}"
        house = House(users=users, settings=values)
        self.addCleanup(house.close)
        return house.start()

    def test_greylisted(self):
        seen = set()

        def answer(line):
            if line.startswith("RCPT TO:<b@") and line not in seen:
                seen.add(line)
                return "450 4.2.0 greylisted"
            return ""
        with Peer(answer=answer) as peer:
            house = self.house(peer)
            send(house, "a@peer.example,b@peer.example")
            wait_status(house, "b@peer.example", "Transferred")
            self.assertEqual(sorted(r for _, rs, _ in peer.messages for r in rs), ["a@peer.example", "b@peer.example"])
            quiet(house)

    def test_delayed_and_given_up(self):
        with Peer(answer=lambda line: "451 4.3.0 never" if line.startswith("MAIL") else "") as peer:
            house = self.house(peer, **{"retry": "1", "retry-limit": "4", "delay-notice": "1"})
            send(house, "a@peer.example")
            wait_status(house, "a@peer.example", "Transfer Delayed")
            wait_status(house, "a@peer.example", "Undeliverable")
            quiet(house)

    def test_mailbox_names_the_reason(self):
        with Peer(answer=lambda line: "550 5.7.1 go away" if line.startswith("RCPT") else "") as peer:
            house = self.house(peer)
            send(house, "a@peer.example")
            wait_status(house, "a@peer.example", "Undeliverable")
            self.assertIn("go away", house.command("info", "anna", "1"))

    def test_auth(self):
        root = pathlib.Path(tempfile.mkdtemp(prefix="postern-peer-"))
        self.addCleanup(shutil.rmtree, root, True)
        make_certificate(root / "cert.pem", "mx.peer.example")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(root / "cert.pem")
        plain = base64.b64encode(b"\0us\0pass word").decode()
        for mechanism in ("PLAIN", "LOGIN"):
            words = iter(["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0 welcome"])

            def answer(line):
                if line.startswith("AUTH PLAIN"):
                    return "235 2.7.0 welcome" if line == "AUTH PLAIN " + plain else "535 5.7.8 no"
                if line.startswith("AUTH LOGIN") or line in (base64.b64encode(b"us").decode(), base64.b64encode(b"pass word").decode()):
                    return next(words)
                return ""
            with Peer(answer=answer, context=context, capabilities=("PIPELINING", "STARTTLS", "AUTH " + mechanism)) as peer:
                house = self.house(peer, **{"relay-user": "us", "relay-password": "pass word"})
                send(house, "a@peer.example")
                wait_status(house, "a@peer.example", "Transferred")
                self.assertIn("STARTTLS", peer.lines)
                self.assertTrue(any(line.startswith("AUTH " + mechanism) for line in peer.lines))

    def test_tls_must_verify(self):
        root = pathlib.Path(tempfile.mkdtemp(prefix="postern-peer-"))
        self.addCleanup(shutil.rmtree, root, True)
        make_certificate(root / "cert.pem", "mx.peer.example")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(root / "cert.pem")
        with Peer(context=context, capabilities=("STARTTLS",)) as peer:
            house = self.house(peer, **{"tls-verify": "true", "retry-limit": "3"})
            send(house, "a@peer.example")
            wait_status(house, "a@peer.example", "Undeliverable")
            self.assertIn("does not verify", house.command("info", "anna", "1"))
            self.assertEqual(peer.messages, [])

    def test_tls_broken(self):
        """A peer that offers TLS and cannot do it gets the message without."""
        def answer(line):
            return "454 4.7.0 no TLS today" if line == "STARTTLS" else ""
        with Peer(answer=answer, capabilities=("PIPELINING", "STARTTLS")) as peer:
            house = self.house(peer)
            send(house, "a@peer.example")
            wait_status(house, "a@peer.example", "Transferred")
            self.assertEqual(len(peer.messages), 1)

    def test_starttls_injection(self):
        """Text ahead of the handshake is not taken for an answer over TLS."""
        def answer(line):
            return "220 go on\r\n250-mx.peer.example\r\n250 AUTH PLAIN" if line == "STARTTLS" else ""
        with Peer(answer=answer, capabilities=("STARTTLS",)) as peer:
            house = self.house(peer, **{"tls-verify": "true", "retry-limit": "2"})
            send(house, "a@peer.example")
            wait_status(house, "a@peer.example", "Undeliverable")
            self.assertIn("between the answer to STARTTLS", house.command("info", "anna", "1"))

    def test_nobody_there(self):
        house = self.house(**{"relay": f"127.0.0.1:{free_port()}", "retry-limit": "3"})
        send(house, "a@peer.example")
        wait_status(house, "a@peer.example", "Undeliverable")
        self.assertIn("cannot connect", house.command("info", "anna", "1"))

    def test_routes(self):
        with Peer() as one, Peer() as two:
            house = self.house(relay=f"127.0.0.1:{one.port}", routes=f"special.example [127.0.0.1]:{two.port}\\; .peer.example [127.0.0.1]:{two.port}".replace("\\;", ";"))
            send(house, "a@peer.example,b@sub.peer.example,c@special.example")
            wait_until(lambda: len(one.messages) == 1 and len(two.messages) == 2)
            self.assertEqual([rs for _, rs, _ in one.messages], [["a@peer.example"]])

    def flow(self, count, programs, prefix=""):
        """Sends COUNT messages while PROGRAMS are killed again and again; returns (ids, ids that arrived, kills)."""
        with Peer() as peer:
            house = self.house(peer, **{"send-threads": "4"})
            stop = threading.Event()
            kills = []

            def murder():
                while not stop.wait(0.3):
                    for program in programs:
                        try:
                            os.kill(house.pid(program), signal.SIGKILL)
                            kills.append(program)
                        except (ProcessLookupError, StopIteration, AssertionError, TypeError):
                            pass  # not up again yet
            thread = threading.Thread(target=murder)
            thread.start()
            ids = [send(house, "a@peer.example", f"number {i}") for i in range(count)]
            stop.set()
            thread.join()

            def arrived():
                return [data.split(b"Message-ID: <")[1].split(b"@")[0].decode() for _, _, data in list(peer.messages)]
            wait_until(lambda: set(arrived()) >= set(ids), 60, "every message arrives")
            quiet(house)
            for number in (1, count // 2, count):
                wait_status(house, "a@peer.example", "Transferred", number)
            self.assertGreater(len(kills), 5)
            return ids, arrived(), kills

    def test_agent_killed(self):
        """Whenever the agent dies, each message is sent, and sent once."""
        ids, arrived, kills = self.flow(240, ["agent"])
        self.assertEqual(sorted(arrived), sorted(ids), f"{len(kills)} kills")

    def test_daemon_killed(self):
        """When the daemon dies, only what the peer has taken and it could not write down yet is sent again."""
        ids, arrived, kills = self.flow(240, ["smtp"])
        print(f"# {len(kills)} kills, {len(arrived) - len(ids)} of {len(ids)} messages twice", flush=True)
        self.assertEqual(set(arrived), set(ids))
        self.assertLessEqual(len(arrived) - len(ids), len(kills))


@unittest.skipUnless(os.geteuid() == 0, "port 25 is needed")
class WithNameServer(unittest.TestCase):
    RECORDS = {
        "good.example": {"MX": [(20, "mx2.good.example"), (10, "mx1.good.example")]},
        "mx1.good.example": {"A": ["127.0.0.61"]},
        "mx2.good.example": {"A": ["127.0.0.62"]},
        "no-mx.example": {"A": ["127.0.0.62"]},
        "null.example": {"MX": [(0, ".")]},
        "ours.example": {"MX": [(10, "mail.example.com"), (20, "mx2.good.example")]},
        "backup.example": {"MX": [(10, "mx2.good.example"), (20, "mail.example.com"), (30, "mx1.good.example")]},
        "lame.example": {"MX": [(10, "nowhere.example")]},
        "broken.example": None,
    }

    def setUp(self):
        self.server = DnsServer(self.RECORDS)
        self.addCleanup(self.server.close)
        self.peer = Peer(("127.0.0.62", 25))
        self.addCleanup(self.peer.close)
        self.house = House(users=("anna:x",), settings={"smtp": FAST, "dns": {"server": self.server.address}})
        self.addCleanup(self.house.close)
        self.house.start()

    def result(self, domain, number=1):
        send(self.house, f"a@{domain}")
        wait_until(lambda: statuses(self.house, number).get(f"a@{domain}") not in (None, "Pending"), 20, domain)
        return statuses(self.house, number)[f"a@{domain}"], self.house.command("info", "anna", str(number))

    def test_mx(self):
        # The first host is down, the second takes it.
        self.assertEqual(self.result("good.example")[0], "Transferred")
        self.assertEqual(self.result("no-mx.example", 2)[0], "Transferred")
        # A backup for the domain hands on to better hosts only.
        self.assertEqual(self.result("backup.example", 3)[0], "Transferred")
        self.assertEqual(self.peer.messages[0][1], ["a@good.example"])

    def test_no_way(self):
        for number, (domain, code, words) in enumerate([("null.example", "5.1.10", "null MX"), ("ours.example", "5.4.6", "loops back"),
                                                        ("unknown.example", "5.1.2", "no such domain"),
                                                        ("lame.example", "5.4.4", "no such domain")], 1):
            state, info = self.result(domain, number)
            self.assertEqual(state, "Undeliverable", domain)
            self.assertIn(code, info)
            self.assertIn(words, info)

    def test_name_server_failure(self):
        send(self.house, "a@broken.example")
        wait_until(lambda: list(self.house.gateway("defer").glob("*.TRY")), 20, "deferred")
        text = list(self.house.gateway("defer").glob("*.TRY"))[0].read_text()
        self.assertIn("no answer from the name servers", text)


if __name__ == "__main__":
    main()
