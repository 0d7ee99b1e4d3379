"""Whatever is wrong gets a clear error where it came in, and nothing that was accepted is lost."""
import contextlib
import os
import pathlib
import smtplib
import subprocess
import tempfile
import unittest

from house import POSTERN, TOP, House, main, wait_until

MAIL = b"From: carol@peer.example\r\nTo: anna@example.com\r\nSubject: %s\r\n\r\nbody\r\n"


def submit(house, subject, to=("anna@example.com",), body=None):
    with smtplib.SMTP("127.0.0.1", house.port(), timeout=30) as client:
        return client.sendmail("carol@peer.example", list(to), body or MAIL % subject.encode())


def subjects(house, user="anna"):
    return [item["subject"] for item in house.command("list", user, "--json")]


class AtTheDoor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = House(settings={"smtp": {"max-message-size": "200000"}})
        cls.house.start()
        cls.addClassCleanup(cls.house.close)

    def test_unknown_recipient(self):
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
            submit(self.house, "nobody", ["nobody@example.com"])
        code, text = caught.exception.recipients["nobody@example.com"]
        self.assertEqual(code, 550)
        self.assertIn(b"5.1.1", text)

    def test_foreign_recipient_is_not_relayed(self):
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
            submit(self.house, "relay", ["someone@elsewhere.example"])
        self.assertEqual(caught.exception.recipients["someone@elsewhere.example"][0], 550)

    def test_one_unknown_among_known_ones(self):
        refused = submit(self.house, "one of two", ["anna@example.com", "nobody@example.com"])
        self.assertEqual(list(refused), ["nobody@example.com"])
        wait_until(lambda: "one of two" in subjects(self.house), what="the known one gets it")

    def test_over_the_limit(self):
        with self.assertRaises(smtplib.SMTPException) as caught:
            submit(self.house, "large", body=MAIL % b"large" + b"x" * 300000 + b"\r\n")
        self.assertEqual(getattr(caught.exception, "smtp_code", 552), 552)
        # A client that announces no size learns it at the end of the data.
        with smtplib.SMTP("127.0.0.1", self.house.port(), timeout=30) as client:
            client.helo("client.example")
            client.mail("carol@peer.example")
            client.rcpt("anna@example.com")
            code, text = client.data(b"Subject: large\r\n\r\n" + (b"x" * 998 + b"\r\n") * 400)
        self.assertEqual(code, 552)
        self.assertIn(b"5.3.4", text)
        self.assertNotIn("large", subjects(self.house))


class InTheQueues(unittest.TestCase):
    """Files that were damaged between two programs."""

    def setUp(self):
        self.house = House()
        self.addCleanup(self.house.close)

    def queue_file(self, subject="damaged"):
        """A sealed queue file as the mailbox leaves it in WPCSIN, and its path."""
        done = self.house.run("send", "--from", "anna", "--to", "bert@example.com", "--subject", subject, "--body", "text " * 20000)
        self.assertEqual(done.returncode, 0, done.stderr)
        files = [p for p in self.house.office("WPCSIN").rglob("*.*") if p.is_file() and p.parent.name in "01234567"]
        self.assertEqual(len(files), 1)
        return files[0]

    def replace(self, path, data):
        path.unlink()
        path.write_bytes(data)
        path.chmod(0o400)

    def problem(self, where="Production/WPCSOUT/PROBLEM"):
        directory = self.house.dir / where
        texts = wait_until(lambda: list(directory.glob("*.TXT")) if directory.is_dir() else [], what="a file in PROBLEM")
        files = [p for p in directory.iterdir() if p.suffix != ".TXT"]
        self.assertEqual((len(texts), len(files)), (1, 1))
        return files[0], texts[0].read_text()

    def check_put_aside(self, original, damaged, reason):
        self.replace(original, damaged)
        self.house.start()
        kept, text = self.problem()
        self.assertEqual(kept.read_bytes(), damaged, "the original is kept")
        self.assertRegex(text, reason)
        listed = self.house.command("queue", "--json")
        self.assertTrue(any(e["reason"] and "PROBLEM" in e["file"] for e in listed))
        queues = self.house.command("status", "--json")["queues"]
        self.assertEqual(len({q["path"] for q in queues}), len(queues), "each queue is listed once")
        self.assertEqual([q["files"] for q in queues if q["path"] == "Production/WPCSOUT/PROBLEM"], [1])

    def test_truncated_queue_file(self):
        path = self.queue_file()
        self.check_put_aside(path, path.read_bytes()[:-5000], "cut|altered")

    def test_queue_file_cut_to_a_few_bytes(self):
        path = self.queue_file()
        self.check_put_aside(path, path.read_bytes()[:20], "cut")

    def test_altered_queue_file(self):
        path = self.queue_file()
        data = bytearray(path.read_bytes())
        data[100] ^= 1
        self.check_put_aside(path, bytes(data), "altered")

    def test_file_that_is_no_queue_file(self):
        path = self.queue_file()
        self.check_put_aside(path, b"this is not a queue file", "sealed|keyword|line 1")

    def test_wrong_key(self):
        path = self.queue_file()
        sealed = path.read_bytes()
        key = self.house.dir / "postern.key"
        right = key.read_bytes()
        key.write_bytes(bytes(32))
        self.house.start("ms")
        kept, text = self.problem()
        self.assertIn("another key", text)
        self.assertEqual(kept.read_bytes(), sealed)
        self.house.stop()
        # With the right key it is sent on, and arrives.
        key.write_bytes(right)
        name = str(kept.relative_to(self.house.dir))
        self.house.command("queue", "requeue", name)
        self.house.start()
        wait_until(lambda: "damaged" in subjects(self.house, "bert"), what="the message arrives after all")

    def test_key_that_others_may_read(self):
        (self.house.dir / "postern.key").chmod(0o644)
        done = self.house.run("list", "anna")
        self.assertEqual(done.returncode, 3)
        self.assertIn("open to others", done.stderr)


class Conversion(unittest.TestCase):
    def convert(self, data, *arguments, name="in.api"):
        with tempfile.TemporaryDirectory() as scratch:
            path = pathlib.Path(scratch) / name
            path.write_bytes(data)
            return subprocess.run([POSTERN, "convert", *arguments, str(path)], capture_output=True, text=True)

    def test_unreadable_keyword_files(self):
        for text, reason in ((b"WPC-API= 1.2;\r\nMsg-Type= Mail;\r\nSubject= no end", r"(line|Line) 0*\d"),
                             (b"\x00\x01\x02", r"line 1"), (b"", r"\w")):
            done = self.convert(text, "--from", "api", "--to", "mime")
            self.assertEqual(done.returncode, 3, text)
            self.assertIn("in.api", done.stderr)
            self.assertRegex(done.stderr, reason)
            self.assertEqual(done.stdout, "")

    def test_truncated_and_altered_native_files(self):
        mail = MAIL % b"native" + b"x" * 2000
        with tempfile.TemporaryDirectory() as scratch:
            path = pathlib.Path(scratch) / "in.eml"
            path.write_bytes(mail)
            native = subprocess.run([POSTERN, "convert", "--to", "native", str(path)], capture_output=True, check=True).stdout
        short = self.convert(native[:-500], "--from", "native", "--to", "mime", name="short.native")
        self.assertEqual(short.returncode, 3)
        self.assertRegex(short.stderr, "missing|ends|cut|truncated")
        altered = native.replace(b"xxxx", b"xxxy", 1)
        self.assertNotEqual(altered, native)
        wrong = self.convert(altered, "--from", "native", "--to", "mime", name="altered.native")
        self.assertEqual(wrong.returncode, 3)
        self.assertRegex(wrong.stderr, "SHA-256|digest")

    def test_a_bad_file_does_not_stop_the_run(self):
        with tempfile.TemporaryDirectory() as scratch:
            top = pathlib.Path(scratch)
            (top / "in").mkdir()
            (top / "in" / "a.api").write_bytes(b"nonsense")
            (top / "in" / "b.api").write_bytes((TOP / "samples" / "api").glob("*.api").__next__().read_bytes())
            (top / "in" / "c.eml").write_bytes(MAIL % b"c")
            done = subprocess.run([POSTERN, "convert", "--to", "json", "-o", str(top / "out"), "--report", str(top / "report"),
                                   str(top / "in")], capture_output=True, text=True)
            self.assertEqual(done.returncode, 3)
            self.assertIn("a.api", done.stderr)
            report = (top / "report").read_text().splitlines()
            self.assertEqual(len(report), 3)
            self.assertTrue((top / "out" / "c.json").exists() or (top / "out" / "c.eml.json").exists(), os.listdir(top / "out"))


@contextlib.contextmanager
def small_disk(size):
    with tempfile.TemporaryDirectory() as mount:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", mount], check=True)
        try:
            yield mount
        finally:
            subprocess.run(["umount", "-l", mount], check=True)


@unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
class FullDisk(unittest.TestCase):
    def test_refused_at_the_door_and_nothing_lost(self):
        with small_disk("64m") as mount:
            old = tempfile.tempdir
            tempfile.tempdir = mount
            try:
                house = House(settings={"smtp": {"journal-segment": "2097152", "disk-reserve": "0"}})
            finally:
                tempfile.tempdir = old
            with house:
                house.start()
                port = house.port()
                body = b"".join(b"line %06d of a message that fills the disk\r\n" % i for i in range(700))
                accepted, refused = [], 0
                for i in range(4000):
                    subject = f"full-{i}"
                    try:
                        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
                            client.sendmail("carol@peer.example", ["anna@example.com"], MAIL % subject.encode() + body)
                        accepted.append(subject)
                    except smtplib.SMTPResponseException as error:
                        self.assertEqual(error.smtp_code, 452, error)
                        refused += 1
                        if refused >= 5:
                            break
                self.assertGreaterEqual(refused, 5, f"the disk never filled; {len(accepted)} accepted")
                self.assertGreater(len(accepted), 20)
                # Room again: everything that was accepted arrives.
                subprocess.run(["mount", "-o", "remount,size=512m", mount], check=True)
                try:
                    wait_until(lambda: len(subjects(house)) >= len(accepted), 60, "all that was accepted is delivered")
                except AssertionError:
                    self.fail(f"{len(accepted)} accepted, {len(subjects(house))} delivered, missing "
                              f"{sorted(set(accepted) - set(subjects(house)))[:5]}, in the queues {house.leftovers()[:5]}")
                found = subjects(house)
                self.assertEqual(sorted(set(accepted) - set(found)), [])
                self.assertEqual(len(found), len(set(found)), "something was doubled")
                submit(house, "after")
                wait_until(lambda: "after" in subjects(house), what="mail flows again")


if __name__ == "__main__":
    main()
