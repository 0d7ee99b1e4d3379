"""The daemon's SMTP server on its own, against real clients: smtplib, bare sockets, swaks and smtp-source."""
import base64
import contextlib
import glob
import os
import shutil
import smtplib
import socket
import ssl
import subprocess
import time
import unittest
import warnings

from house import House, main, preloaded, wait_until


class Client:
    """A bare connection that shows what was said."""

    def __init__(self, port, greeting="220 "):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=15)
        self.buffer = b""
        if greeting is not None:
            self.expect(greeting)

    def line(self):
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(self.buffer.decode())
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode().rstrip("\r")

    def reply(self):
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def expect(self, beginning):
        reply = self.reply()
        if not reply.startswith(beginning):
            raise AssertionError(f"{reply!r} does not begin with {beginning!r}")
        return reply

    def say(self, text, beginning=None):
        self.socket.sendall(text if isinstance(text, bytes) else (text + "\r\n").encode())
        return self.expect(beginning) if beginning else None

    def begin(self, *recipients):
        self.say("EHLO client.example", "250-")
        self.say("MAIL FROM:<x@example.org>", "250 2.1.0")
        for recipient in recipients or ("anna@example.com",):
            self.say(f"RCPT TO:<{recipient}>", "250 2.1.5")

    def is_closed(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def insecure():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def plain(user, password):
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def counter(house, name):
    """One of its SMTP program."""
    status = house.command("status", "--json")
    return next(p for p in status["programs"] if p["name"] == "smtp")[name]


class Server(unittest.TestCase):
    """One server for many short tests."""
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.house = House(settings={"smtp": dict(cls.settings)})
        cls.house.start("smtp")
        cls.port = cls.house.port()
        cls.submission = cls.house.port("submission")

    @classmethod
    def tearDownClass(cls):
        cls.house.stop()
        assert "runtime error" not in cls.house.log() and "Sanitizer" not in cls.house.log(), cls.house.log()
        cls.house.close()

    def log(self):
        return "".join(open(p).read() for p in glob.glob(str(self.house.gateway("000.prc/*log.smtp"))))

    def counter(self, name):
        return counter(self.house, name)

    def active(self):
        return self.counter("sessions_active")


class Basics(Server):
    def test_smtplib(self):
        with smtplib.SMTP("127.0.0.1", self.port) as client:
            refused = client.sendmail("x@example.org", ["anna@example.com", "nobody@example.com"], "Subject: a\r\n\r\nb\r\n")
            self.assertEqual(list(refused), ["nobody@example.com"])
            self.assertEqual(refused["nobody@example.com"][0], 550)

    def test_accepted_line(self):
        with Client(self.port) as client:
            client.begin()
            client.say("DATA", "354")
            reply = client.say("Subject: a\r\n\r\nb\r\n.", "250 2.0.0 Accepted as ")
        id = reply.split()[-1]
        line = next(l for l in self.log().splitlines() if f"event=accepted id={id} " in l)
        for word in ("peer=127.0.0.1", 'helo="client.example"', 'from="x@example.org"', 'to="anna@example.com"',
                     "recipients=1", "size=17"):
            self.assertIn(word, line)

    def test_refused_line(self):
        with Client(self.port) as client:
            client.begin()
            client.say("RCPT TO:<x@example.net>", "550 5.7.1")
        self.assertRegex(self.log(), r'event=refused peer=127.0.0.1 helo="client.example" from="x@example.org" '
                                     r'to="x@example.net" code=550 status=5.7.1 reason=')

    def test_trace(self):
        with Client(self.port) as client:
            client.begin()
            client.say("DATA", "354")
            id = client.say("x\r\n.", "250 2.0.0 Accepted as ").split()[-1]
        def traced():
            return "accepted" in self.house.run("trace", id).stdout
        wait_until(traced, 5, "trace")

    def test_large_message_is_a_file(self):
        before = set(glob.glob(str(self.house.gateway("receive/*.RCV"))))
        body = b"".join(b"line %d of it\r\n" % i for i in range(100000))
        with Client(self.port) as client:
            client.begin()
            client.say("DATA", "354")
            client.say(body + b".\r\n", "250 2.0.0 Accepted")
        after = set(glob.glob(str(self.house.gateway("receive/*.RCV"))))
        self.assertEqual(len(after - before), 1)
        sealed = open((after - before).pop(), "rb").read()
        self.assertTrue(sealed.startswith(b"PNSEAL1\n"))
        self.assertNotIn(b"line 5 of it", sealed)

    def test_pipelined_in_one_write(self):
        with Client(self.port) as client:
            client.say(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\nfirst\r\n.\r\n"
                       b"MAIL FROM:<>\r\nRCPT TO:<bert@example.com>\r\nDATA\r\nsecond\r\n.\r\nQUIT\r\n")
            for beginning in ("250-", "250", "250", "354", "250 2.0.0 Accepted", "250", "250", "354",
                              "250 2.0.0 Accepted", "221"):
                client.expect(beginning)
            self.assertTrue(client.is_closed())

    def test_byte_by_byte(self):
        with Client(self.port) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n..a\r\n.\r\nQUIT\r\n":
                client.socket.sendall(bytes([byte]))
            for beginning in ("250", "250", "250", "354", "250 2.0.0 Accepted", "221"):
                client.expect(beginning)

    def test_smuggling(self):
        forms = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r.\n", b"\n.\r", b"\r\n.\r", b"\r\n\0.\r\n",
                 b"\r\n.\0\r\n", b"\n\n.\r\n"]
        for form in forms:
            with self.subTest(form=form), Client(self.port) as client:
                client.begin()
                client.say("DATA", "354")
                client.say(b"Subject: a\r\n\r\nb" + form + b"MAIL FROM:<evil@example.org>\r\n"
                           b"RCPT TO:<bert@example.com>\r\nDATA\r\nc\r\n.\r\n")
                client.expect("250 2.0.0 Accepted")
                client.say("NOOP", "250 2.0.0 Ok")
        self.assertNotIn("evil", self.log())

    def test_chunking(self):
        with Client(self.port) as client:
            client.begin()
            client.say(b"BDAT 10\r\nSubject: a", "250 2.0.0 10 bytes")
            client.say(b"BDAT 100000\r\n" + b"x" * 100000, "250 2.0.0 100010 bytes")
            client.say(b"BDAT 2 LAST\r\n\r\n", "250 2.0.0 Accepted")

    def test_user_added_while_it_runs(self):
        with Client(self.port) as client:
            client.begin()
            client.say("RCPT TO:<new.comer@example.com>", "550 5.1.1")
            self.house.command("user", "add", "ncomer", "--given", "New", "--family", "Comer")
            def known():
                client.say("RCPT TO:<new.comer@example.com>")
                return client.reply().startswith("250")
            wait_until(known, 5, "the new user")

    def test_vanished_clients(self):
        for text in (b"", b"EHLO x\r\n", b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\nabc",
                     b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\nabc\r\n.\r\n",
                     b"EHLO x\r\nSTARTTLS\r\n\x16\x03", b"EHLO x\r\nAUTH PLAIN " + plain("anna", "x").encode() + b"\r\n"):
            for linger in (False, True):
                client = Client(self.port)
                client.say(text)
                if linger:
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.close()
        wait_until(lambda: self.active() == 0, 10, "no sessions left")

    def test_vanished_before_the_answer(self):
        """Whoever leaves while the message is flushed sends it again: it is the same one."""
        with House() as house:
            house.start("smtp", env=preloaded(house.root, "slow-flush"))
            def send(number, size):
                client = Client(house.port())
                client.begin()
                client.say("DATA", "354")
                client.say(f"Message-ID: <{number}@peer.example>\r\n\r\n" + "x" * 70 + "\r\n" + "body\r\n" * size + ".")
                return client
            for number, size in enumerate((1, 1, 100000, 100000)):
                with send(number, size) as client:
                    time.sleep(0.3)
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wait_until(lambda: counter(house, "sessions_active") == 0, what="they are gone")
            for number, size in enumerate((1, 1, 100000, 100000)):
                with send(number, size) as client:
                    client.expect("250 2.0.0 Accepted as ")
            log = "".join(p.read_text() for p in house.gateway("000.prc").glob("*log.smtp"))
            self.assertIn("event=accepted_before", log)
            house.stop()
            house.start()
            wait_until(lambda: not house.leftovers(), 30, "nothing is left")
            self.assertEqual(len(house.command("list", "anna", "--json")), 4)

    def test_reader_that_does_not_read(self):
        with Client(self.port) as client:
            client.socket.settimeout(2)
            with self.assertRaises(TimeoutError):
                while True:
                    client.socket.sendall(b"NOOP\r\n" * 1000)
            client.socket.settimeout(15)
            for _ in range(1000):
                client.expect("250 2.0.0 Ok")

    def test_stop_says_421(self):
        with contextlib.closing(House()) as house:
            house.start("smtp")
            with Client(house.port()) as client:
                client.begin()
                house.stop()
                client.expect("421 4.3.2")
                self.assertTrue(client.is_closed())


class Limits(Server):
    settings = {"max-sessions-per-address": "20", "max-message-size": "100000", "max-errors": "5",
                "max-recipients": "3", "idle-timeout": "3"}

    def test_size(self):
        with Client(self.port) as client:
            client.begin()
            client.say("RSET", "250")
            client.say("MAIL FROM:<> SIZE=100001", "552 5.3.4")
            client.begin()
            client.say("DATA", "354")
            client.say(b"x" * 70 + b"\r\n" + b"y" * 200000 + b"\r\n.\r\n", "552 5.3.4")
            client.begin()
        self.assertIn("status=5.3.4", self.log())

    def test_recipients(self):
        with Client(self.port) as client:
            client.begin("anna@example.com", "bert@example.com", "anna@example.com")
            client.say("RCPT TO:<bert@example.com>", "452 4.5.3")
            client.say("DATA", "354")
            client.say("x\r\n.", "250 2.0.0 Accepted")

    def test_errors(self):
        with Client(self.port) as client:
            for _ in range(5):
                client.say("FOO", "500")
            client.expect("421 4.7.0")
            self.assertTrue(client.is_closed())

    def test_sessions_per_address(self):
        clients = [Client(self.port) for _ in range(20)]
        with Client(self.port, "421 4.7.0") as client:
            self.assertTrue(client.is_closed())
        for client in clients:
            client.say("NOOP", "250")
            client.close()
        wait_until(lambda: self.active() == 0, 10, "no sessions left")
        Client(self.port).close()

    def test_idle(self):
        with Client(self.port) as client:
            start = time.monotonic()
            client.expect("421 4.4.2")
            self.assertTrue(2 < time.monotonic() - start < 8)
            self.assertTrue(client.is_closed())


class NoSpace(Server):
    settings = {"disk-reserve": str(1 << 60)}

    def test_put_off(self):
        with Client(self.port) as client:
            client.say("EHLO x", "250-")
            client.say("MAIL FROM:<>", "452 4.3.1")


class Secure(Server):
    settings = {"auth-without-tls": "false", "listen-tls": "127.0.0.1:0"}

    def test_starttls_and_auth(self):
        with smtplib.SMTP("127.0.0.1", self.submission) as client:
            client.ehlo("client.example")
            self.assertFalse(client.has_extn("auth"))
            self.assertEqual(client.docmd("AUTH PLAIN " + plain("anna", "secret-a"))[0], 538)
            client.starttls(context=insecure())
            client.ehlo("client.example")
            self.assertTrue(client.has_extn("auth"))
            self.assertFalse(client.has_extn("starttls"))
            self.assertIn(client.sock.version(), ("TLSv1.2", "TLSv1.3"))
            with self.assertRaises(smtplib.SMTPRecipientsRefused):
                client.sendmail("anna@example.com", ["x@example.net"], "Subject: a\r\n\r\nb\r\n")
            client.login("anna@example.com", "secret-a")
            client.sendmail("anna@example.com", ["x@example.net"], "Subject: a\r\n\r\n" + "b\r\n" * 100000)
        self.assertIn('event=auth service=smtp user="ACME.Production.anna" addr=127.0.0.1', self.log())

    def test_wrong_password(self):
        with smtplib.SMTP("127.0.0.1", self.submission) as client:
            client.starttls(context=insecure())
            start = time.monotonic()
            with self.assertRaises(smtplib.SMTPAuthenticationError):
                client.login("anna", "wrong")
            self.assertGreater(time.monotonic() - start, 0.9)
        self.assertRegex(self.log(), r'warning event=auth_fail service=smtp user="anna" addr=127\.0\.0\.1\n')

    def test_starttls_injection(self):
        with Client(self.port) as client:
            client.say("EHLO x", "250-")
            client.say(b"STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n")
            client.expect("220 2.0.0")
            secure = insecure().wrap_socket(client.socket)
            secure.sendall(b"EHLO y\r\nRCPT TO:<anna@example.com>\r\n")
            client.socket = secure
            client.expect("250-")
            client.expect("503 5.5.1")

    def test_old_tls_is_refused(self):
        context = insecure()
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with Client(self.port) as client:
            client.say("EHLO x", "250-")
            client.say("STARTTLS", "220")
            with self.assertRaises(OSError):
                context.wrap_socket(client.socket)

    def test_implicit_tls(self):
        with smtplib.SMTP_SSL("127.0.0.1", self.house.port("listen-tls"), context=insecure()) as client:
            client.login("bert", "secret-b")
            client.sendmail("bert@example.com", ["anna@example.com"], "Subject: a\r\n\r\nb\r\n")

    def test_pipelined_over_tls(self):
        with Client(self.port) as client:
            client.say("EHLO x", "250-")
            client.say("STARTTLS", "220")
            client.socket = insecure().wrap_socket(client.socket)
            body = b"z" * 14000 + b"\r\n"
            client.say(b"EHLO x\r\n" + (b"MAIL FROM:<>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n" + body + b".\r\n") * 20)
            client.expect("250-")
            for _ in range(20):
                for beginning in ("250", "250", "354", "250 2.0.0 Accepted"):
                    client.expect(beginning)


class Tools(Server):
    @unittest.skipUnless(shutil.which("swaks"), "swaks is not there")
    def test_swaks(self):
        done = subprocess.run(["swaks", "--server", f"127.0.0.1:{self.submission}", "--tls", "--auth", "PLAIN",
                               "--auth-user", "anna", "--auth-password", "secret-a", "--from", "anna@example.com",
                               "--to", "x@example.net,bert@example.com", "--pipeline"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Accepted as", done.stdout)

    @unittest.skipUnless(os.environ.get("SMTP_SOURCE") or shutil.which("smtp-source"), "smtp-source is not there")
    def test_smtp_source(self):
        source = os.environ.get("SMTP_SOURCE") or shutil.which("smtp-source")
        before = self.counter("messages_in")
        subprocess.run([source, "-s", "200", "-m", "2000", "-l", "4096", "-f", "x@example.org", "-t", "anna@example.com",
                        f"127.0.0.1:{self.port}"], check=True, timeout=120)
        self.assertEqual(self.counter("messages_in") - before, 2000)

    def test_many_idle_sessions(self):
        pid = self.house.pid("smtp")
        def memory():
            with open(f"/proc/{pid}/status") as status:
                return next(int(l.split()[1]) for l in status if l.startswith("VmRSS"))
        before = memory()
        clients = [Client(self.port) for _ in range(800)]
        for client in clients:
            client.say("EHLO x", "250-")
        self.assertLess(memory() - before, 800 * 16)
        for client in clients:
            client.say("QUIT", "221")
            client.close()


if __name__ == "__main__":
    main()
