"""What leaves the house in another form than MIME: sealed for another Postern, as mail before MIME, forwarded flat."""
import binascii
import email
import email.policy
import os
import pathlib
import smtplib
import socket
import subprocess
import tempfile
import unittest

from house import POSTERN, House, main, wait_until
from peers import Postfix

KEY = bytes(range(1, 33))


class Peers(unittest.TestCase):
    """Two Posterns: example.com and other.example."""

    @classmethod
    def setUpClass(cls):
        cls.far = House(users=("zoe:secret-z",), internet_domain="other.example")
        cls.addClassCleanup(cls.far.close)
        cls.share(cls.far, "example.com")
        cls.far.start()
        cls.near = House(settings={"smtp": {"routes": f"other.example 127.0.0.1:{cls.far.port()}"}})
        cls.addClassCleanup(cls.near.close)
        cls.share(cls.near, "other.example")
        cls.near.start()

    @staticmethod
    def share(house, domain):
        key = house.dir / "peer.key"
        key.write_bytes(KEY)
        key.chmod(0o600)
        house.set({"agent": {"native-peers": f"{domain} peer.key"}})

    def arrived(self, subject):
        return wait_until(lambda: next((i for i in self.far.command("list", "zoe", "--json") if i["subject"] == subject), None),
                          what=f"{subject} at zoe's")

    def test_phone(self):
        self.near.command("send", "--from", "anna", "--to", "zoe@other.example", "--type", "phone", "--subject", "Call back",
                          "--caller", "Mr Gray", "--company", "Gray & Sons", "--phone", "+49 30 1234", "--body", "He will ring again.")
        item = self.arrived("Call back")
        self.assertEqual(item["type"], "phone")
        shown = self.far.command("read", "zoe", str(item["number"]))
        for text in ("Mr Gray", "Gray & Sons", "+49 30 1234", "He will ring again.", "anna@example.com"):
            self.assertIn(text, shown)

    def test_attachment(self):
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            data = os.urandom(300000)
            file.write(data)
            file.flush()
            self.near.command("send", "--from", "anna", "--to", "zoe@other.example", "--subject", "Secret plans",
                              "--body", "enclosed", "--attach", file.name)
            name = pathlib.Path(file.name).name
        item = self.arrived("Secret plans")
        with tempfile.TemporaryDirectory() as out:
            subprocess.run([POSTERN, "read", "-C", self.far.dir, "zoe", str(item["number"]), "--save", out], check=True,
                           capture_output=True)
            self.assertEqual((pathlib.Path(out) / name).read_bytes(), data)

    def test_appointment(self):
        self.near.command("send", "--from", "anna", "--to", "zoe@other.example", "--type", "appointment", "--subject", "Meeting",
                          "--start", "2027-01-06 09:00", "--place", "Room 2")
        item = self.arrived("Meeting")
        self.assertEqual((item["type"], item["place"]), ("appointment", "Room 2"))

    def test_nothing_shows_on_the_wire(self):
        with tempfile.TemporaryDirectory() as out:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            sink = subprocess.Popen(["smtp-sink", "-u", "root", "-d", f"{out}/mail", f"127.0.0.1:{port}", "10"],
                                    stderr=subprocess.DEVNULL)
            house = House(settings={"smtp": {"relay": f"127.0.0.1:{port}"}})
            try:
                self.share(house, "dark.example")
                house.start()
                house.command("send", "--from", "anna", "--to", "q@dark.example", "--subject", "Xylophone", "--body", "Zeppelin")
                data = wait_until(lambda: b"".join(p.read_bytes() for p in pathlib.Path(out).glob("mail*") if p.stat().st_size > 900),
                                  what="the mail at the sink")
            finally:
                house.close()
                sink.terminate()
                sink.wait()
        start = data.index(b"\n\n", data.index(b"Content-Disposition: attachment"))
        sealed = binascii.a2b_base64(data[start:data.index(b"\n--", start)])
        self.assertTrue(sealed.startswith(b"PNSEAL1\n"))
        for word in (b"Xylophone", b"Zeppelin"):
            self.assertNotIn(word, data)
            self.assertNotIn(word, sealed)

    def test_stranger_cannot(self):
        """The same mail from a domain that shares no key stays a mail with an attachment."""
        carrier = email.message.EmailMessage(policy=email.policy.SMTP)
        carrier["From"], carrier["To"], carrier["Subject"] = "eve@evil.example", "zoe@other.example", "From a stranger"
        carrier.set_content("x")
        carrier.add_attachment(b"PNSEAL1\n" + bytes(300), maintype="application", subtype="x-postern-message", filename="message.pnm")
        for sender in ("eve@evil.example", "eve@example.com"):
            carrier.replace_header("Subject", f"From {sender}")
            with smtplib.SMTP("127.0.0.1", self.far.port(), timeout=30) as client:
                client.sendmail(sender, ["zoe@other.example"], bytes(carrier))
            self.assertEqual(self.arrived(f"From {sender}")["type"], "mail")


class Basic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="postern-peer-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.peer = Postfix(pathlib.Path(cls.scratch.name) / "postfix", users=("carol",)).start()
        cls.addClassCleanup(cls.peer.stop)
        cls.house = House(settings={"smtp": {"relay": f"127.0.0.1:{cls.peer.port}"},
                                    "agent": {"basic-domains": "old.example peer.example", "flat-forwarding": "true", "past-invitations": "7"}})
        cls.addClassCleanup(cls.house.close)
        cls.house.start()

    def arrived(self, test, what):
        def look():
            for path in self.peer.messages("carol"):
                data = pathlib.Path(path).read_bytes()
                if test(data):
                    return data
            return None
        return wait_until(look, 30, what)

    def test_uuencoded(self):
        data = os.urandom(5000)
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            file.write(data)
            file.flush()
            self.house.command("send", "--from", "anna", "--to", "carol@peer.example", "--subject", "Basic", "--body",
                               "Grüße\nEnd", "--attach", file.name)
        mail = self.arrived(lambda m: b"Subject: Basic" in m, "the mail without MIME")
        head, _, body = mail.replace(b"\r\n", b"\n").partition(b"\n\n")
        self.assertNotIn(b"MIME-Version", head)
        self.assertNotIn(b"Content-", head)
        self.assertTrue(body.startswith("Grüße\nEnd\n".encode("cp1252")))
        lines = body.split(b"\nbegin 644 ")[1].split(b"\n")[1:]
        decoded = b"".join(binascii.a2b_uu(line) for line in lines[:lines.index(b"`")])
        self.assertEqual(decoded, data)

    def test_past_invitation_is_held_back(self):
        for subject, start in (("Long over", "2020-03-02 09:00"), ("Still to come", "2090-03-02 09:00")):
            self.house.command("send", "--from", "anna", "--to", "carol@peer.example", "--type", "appointment", "--subject",
                               subject, "--start", start)
        self.arrived(lambda m: b"Subject: Still to come" in m, "the invitation that is not over")
        wait_until(lambda: not self.house.leftovers(), what="everything is dealt with")
        self.assertFalse(any(b"Long over" in pathlib.Path(p).read_bytes() for p in self.peer.messages("carol")))

    def test_flat_forwarding(self):
        inner = b"From: bert@example.com\r\nTo: anna@example.com\r\nSubject: Inner\r\nMessage-ID: <in@example.com>\r\n\r\nthe text\r\n"
        with tempfile.NamedTemporaryFile(suffix=".eml") as file:
            file.write(inner)
            file.flush()
            self.house.command("send", "--from", "anna", "--to", "carol@peer.example", "--subject", "Fwd: Inner", "--body", "",
                               "--attach", file.name)
        mail = self.arrived(lambda m: b"\nSubject: Inner" in m.replace(b"\r", b""), "the inner message itself")
        message = email.message_from_bytes(mail, policy=email.policy.default)
        self.assertEqual(message["From"], "bert@example.com")
        self.assertIn("anna@example.com", message["Resent-From"])
        self.assertEqual(message.get_content().strip(), "the text")


if __name__ == "__main__":
    main()
