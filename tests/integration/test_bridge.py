"""The whole way, both ways, with real peers: swaks, smtp-source, Postfix, and Python as reader of what comes out."""
import base64
import email
import email.policy
import hashlib
import os
import pathlib
import smtplib
import subprocess
import tempfile
import time
import unittest

import icalendar

from house import TOP, House, main, preloaded, wait_until
from peers import Postfix

MAIL = "From: carol@peer.example\r\nTo: anna@example.com\r\nSubject: %s\r\nMessage-ID: <%s@peer.example>\r\n\r\nbody\r\n"


def read(path):
    return email.message_from_bytes(pathlib.Path(path).read_bytes(), policy=email.policy.default)


class Bridge(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="postern-peer-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.peer = Postfix(pathlib.Path(cls.scratch.name) / "postfix", users=("carol", "dora")).start()
        cls.addClassCleanup(cls.peer.stop)
        cls.house = House(settings={"smtp": {"relay": f"127.0.0.1:{cls.peer.port}"}})
        cls.addClassCleanup(cls.house.close)
        cls.house.start()

    def submit(self, message, sender="carol@peer.example", to=("anna@example.com",), **options):
        with smtplib.SMTP("127.0.0.1", self.house.port(), timeout=30) as client:
            client.ehlo()
            client.mail(sender, options.get("mail", []))
            for address in to:
                code, text = client.rcpt(address, options.get("rcpt", []))
                self.assertEqual(code, 250, text)
            code, text = client.data(message)
            self.assertEqual(code, 250, text)
        return text.decode().rsplit(" ", 1)[1]

    def find(self, user, box="in", **wanted):
        def look():
            for item in self.house.command("list", user, "--box", box, "--json"):
                if all(item.get(k) == v for k, v in wanted.items()):
                    return item
            return None
        return wait_until(look, what=f"an item {wanted} of {user}")

    def arrived(self, user, what, test):
        def look():
            for path in self.peer.messages(user):
                message = read(path)
                if test(message):
                    return message
            return None
        return wait_until(look, 30, what)

    def info(self, user, number):
        return self.house.command("info", user, str(number), "--json")

    def send(self, *arguments):
        return self.house.command("send", *arguments).strip().splitlines()[-1].split()[-1]

    # --- inwards ---------------------------------------------------------------------------------------------------

    def test_given_back_byte_for_byte(self):
        for path in sorted((TOP / "samples" / "demo").glob("*.eml")):
            data = path.read_bytes()
            subject = read(path)["Subject"]
            self.submit(data)
            item = self.find("anna", subject=subject)
            done = subprocess.run([self.house_program(), "read", "-C", self.house.dir, "anna", str(item["number"]), "--raw"],
                                  capture_output=True, check=True)
            self.assertTrue(done.stdout.endswith(data), f"{path.name} came back changed")

    @staticmethod
    def house_program():
        import house
        return house.POSTERN

    def test_swaks(self):
        done = subprocess.run(["swaks", "--server", "127.0.0.1", "--port", str(self.house.port()), "--from", "carol@peer.example",
                               "--to", "anna@example.com,bert@example.com", "--header", "Subject: by swaks", "--tls", "--attach",
                               "@" + str(TOP / "README.md")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:])
        for user in ("anna", "bert"):
            item = self.find(user, subject="by swaks")
            with tempfile.TemporaryDirectory() as scratch:
                self.house.command("read", user, str(item["number"]), "--save", scratch)
                saved = [p.read_bytes() for p in pathlib.Path(scratch).iterdir()]
            self.assertIn((TOP / "README.md").read_bytes(), saved)

    def test_smtp_source_many_sessions(self):
        done = subprocess.run(["smtp-source", "-s", "20", "-m", "200", "-l", "3000", "-S", "by smtp-source", "-f", "a@peer.example",
                               "-t", "bert@example.com", f"127.0.0.1:{self.house.port()}"], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)

        def count():
            return sum(i["subject"] == "by smtp-source" for i in self.house.command("list", "bert", "--json"))
        wait_until(lambda: count() >= 200, what="all are delivered")
        time.sleep(0.5)
        self.assertEqual(count(), 200)

    def test_trace_names_every_hop(self):
        number = self.submit((MAIL % ("traced", "traced")).encode())
        self.find("anna", subject="traced")
        trace = wait_until(lambda: (t := self.house.command("trace", number, "--json")) and len(t["hops"]) >= 4 and t, what="four hops")
        self.assertEqual([hop["program"] for hop in trace["hops"]], ["smtp", "agent", "ms", "ofs"])
        self.assertEqual([hop["next"] for hop in trace["hops"]], ["agent", "ms", "ofs", None])
        self.assertIsNone(trace["next"])

    def test_dsn_success_is_reported(self):
        self.submit((MAIL % ("with dsn", "with-dsn")).encode(), sender="dora@peer.example", mail=["RET=HDRS", "ENVID=abc123"],
                    rcpt=["NOTIFY=SUCCESS,FAILURE"])
        report = self.arrived("dora", "the delivery report", lambda m: m.get_content_type() == "multipart/report")
        parts = list(report.walk())
        status = next(p for p in parts if p.get_content_type() == "message/delivery-status")
        text = status.as_string()
        self.assertIn("Action: delivered", text)
        self.assertIn("abc123", text)
        self.assertIn("anna@example.com", text)
        self.assertEqual(report["Auto-Submitted"].split(";")[0], "auto-replied" if "replied" in report["Auto-Submitted"] else "auto-generated")

    # --- outwards --------------------------------------------------------------------------------------------------

    def test_native_mail_with_attachment(self):
        data = bytes(range(256)) * 500
        with tempfile.NamedTemporaryFile(suffix=" Plän.bin") as file:
            file.write(data)
            file.flush()
            self.send("--from", "anna", "--to", "carol@peer.example", "--cc", "bert@example.com", "--bcc", "dora@peer.example",
                      "--subject", "Plän Σ", "--body", "Grüße", "--attach", file.name)
            name = pathlib.Path(file.name).name
        message = self.arrived("carol", "the mail", lambda m: m["Subject"] == "Plän Σ")
        attachment = next(message.iter_attachments())
        self.assertEqual(hashlib.sha256(attachment.get_content()).digest(), hashlib.sha256(data).digest())
        self.assertEqual(attachment.get_filename(), name)
        self.assertEqual(message.get_body(("plain",)).get_content().strip(), "Grüße")
        self.assertEqual([a.addr_spec for a in message["From"].addresses], ["anna@example.com"])
        self.assertNotIn("dora", message.as_string(), "the blind copy shows")
        self.arrived("dora", "the blind copy", lambda m: m["Subject"] == "Plän Σ")
        self.find("bert", subject="Plän Σ")
        sent = self.find("anna", box="out", subject="Plän Σ")

        def states():
            text = str(self.info("anna", sent["number"]))
            return text.count("Transferred") >= 2 and "Delivered" in text
        wait_until(states, what="Transferred outside, Delivered inside")

    def test_undeliverable_comes_back(self):
        self.send("--from", "anna", "--to", "nobody@peer.example", "--subject", "to nobody", "--body", "x")
        sent = self.find("anna", box="out", subject="to nobody")
        info = wait_until(lambda: (i := str(self.info("anna", sent["number"]))) and "Undeliverable" in i and i, what="the status")
        self.assertIn("5.1.1", info)

    def test_appointment_to_the_internet_and_its_answer(self):
        self.send("--from", "anna", "--to", "carol@peer.example", "--type", "appointment", "--subject", "Look at the wall", "--start",
                  "2026-12-03T14:00", "--end", "2026-12-03T15:30", "--timezone", "Europe/Berlin", "--place", "South wall", "--body", "Come.")
        message = self.arrived("carol", "the invitation", lambda m: m["Subject"] == "Look at the wall")
        part = next(p for p in message.walk() if p.get_content_type() == "text/calendar")
        self.assertEqual((part.get_param("method"), part.get_param("charset").lower()), ("REQUEST", "utf-8"))
        calendar = icalendar.Calendar.from_ical(part.get_payload(decode=True))
        event = calendar.walk("VEVENT")[0]
        self.assertEqual(calendar["METHOD"], "REQUEST")
        self.assertEqual(event["DTSTART"].dt.isoformat(), "2026-12-03T14:00:00+01:00")
        self.assertEqual(event["DTEND"].dt.isoformat(), "2026-12-03T15:30:00+01:00")
        self.assertEqual(event["LOCATION"], "South wall")
        self.assertIn("anna@example.com", event["ORGANIZER"].lower())
        self.assertEqual(len(calendar.walk("VTIMEZONE")), 1)
        # The answer, as Outlook writes it: without ORGANIZER.
        reply = ("BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nPRODID:Microsoft Exchange Server 2010\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n"
                 f"ATTENDEE;PARTSTAT=TENTATIVE;CN=Carol:mailto:carol@peer.example\r\nUID:{event['UID']}\r\nSUMMARY:Tentative: Look at the wall\r\n"
                 "DTSTART:20261203T130000Z\r\nDTEND:20261203T143000Z\r\nSEQUENCE:0\r\nDTSTAMP:20261124T100000Z\r\nCOMMENT:Perhaps.\r\n"
                 "END:VEVENT\r\nEND:VCALENDAR\r\n")
        self.submit(("From: carol@peer.example\r\nTo: anna@example.com\r\nSubject: Tentative: Look at the wall\r\nMIME-Version: 1.0\r\n"
                     "Content-Type: text/calendar; charset=utf-8; method=REPLY\r\n\r\n" + reply).encode())
        sent = self.find("anna", box="out", subject="Look at the wall")
        info = wait_until(lambda: (i := str(self.info("anna", sent["number"]))) and "Tentative" in i and i, what="the answer is noted")
        self.assertIn("Perhaps.", info)

    def test_invitation_accepted_declined_and_cancelled(self):
        text = (TOP / "samples" / "demo" / "meeting.eml").read_text()
        head, rest = text.split("Content-Transfer-Encoding: base64\n\n" if "\r\n" not in text else "Content-Transfer-Encoding: base64\r\n\r\n")
        encoded, tail = rest.split("--_000", 1)
        ics = base64.b64decode(encoded).decode()
        uid = icalendar.Calendar.from_ical(ics).walk("VEVENT")[0]["UID"]
        for verb, partstat in (("decline", "DECLINED"), ("tentative", "TENTATIVE"), ("accept", "ACCEPTED")):
            new_uid = f"{partstat}-{uid}"
            changed = ics.replace("\r\n ", "").replace(uid, new_uid).replace("Acceptance of the gate", f"To {verb}")
            body = head.replace("Acceptance of the gate", f"To {verb}").replace("DB9PR0101MB0001@", f"{verb}@") \
                + "Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(changed.encode()).decode() + "\n--_000" + tail
            self.submit(body.replace("\r\n", "\n").replace("\n", "\r\n").encode())
            item = self.find("anna", subject=f"To {verb}")
            self.house.command(verb, "anna", str(item["number"]), "--comment", f"I {verb}")

            def is_reply(m):
                part = next((p for p in m.walk() if p.get_content_type() == "text/calendar"), None)
                return part and new_uid in part.get_content().replace("\r\n", "\n").replace("\n ", "") and part
            reply = self.arrived("carol", f"the reply to {verb}", is_reply)
            part = is_reply(reply)
            calendar = icalendar.Calendar.from_ical(part.get_payload(decode=True))
            event = calendar.walk("VEVENT")[0]
            self.assertEqual((calendar["METHOD"], part.get_param("method")), ("REPLY", "REPLY"))
            self.assertEqual(event["ATTENDEE"].params["PARTSTAT"], partstat)
            self.assertIn("carol@peer.example", event["ORGANIZER"].lower())
            self.assertEqual(event["COMMENT"], f"I {verb}")
        cancel = changed.replace("METHOD:REQUEST", "METHOD:CANCEL").replace("SEQUENCE:0", "SEQUENCE:1").replace("STATUS:CONFIRMED", "STATUS:CANCELLED")
        self.submit(("From: carol@peer.example\r\nTo: anna@example.com\r\nSubject: Cancelled: To accept\r\nMIME-Version: 1.0\r\nContent-Type: "
                     "text/calendar; charset=utf-8; method=CANCEL\r\n\r\n" + cancel).encode())
        wait_until(lambda: "cancel" in str(self.house.command("list", "anna", "--json")).lower().split(new_uid.lower())[0]
                   or any("cancel" in str(i).lower() and i["subject"] == "To accept" for i in self.house.command("list", "anna", "--json")),
                   what="the appointment is cancelled")


class Deferral(unittest.TestCase):
    def test_peer_that_is_away(self):
        with tempfile.TemporaryDirectory(prefix="postern-peer-") as scratch:
            peer = Postfix(pathlib.Path(scratch) / "postfix")
            with House(settings={"smtp": {"relay": f"127.0.0.1:{peer.port}", "retry": "1 1 1"}}) as house:
                house.start()
                house.command("send", "--from", "anna", "--to", "carol@peer.example", "--subject", "later", "--body", "x")
                waiting = wait_until(lambda: [e for e in house.command("queue", "--json") if "/defer/" in e["file"] and e["reason"]],
                                     what="it is deferred")
                self.assertRegex(waiting[0]["reason"], "refused|connect")
                with peer:
                    wait_until(lambda: len(peer.messages("carol")) == 1, 40, "it is delivered when the peer is back")
                    wait_until(lambda: not house.leftovers(), 20, "nothing is left")


class CrashingMessage(unittest.TestCase):
    def test_moved_to_gwprob_after_three_deaths(self):
        """A message that the agent dies of three times is put aside with the reason; the others go on."""
        with House() as house:
            house.start(env=preloaded(house.root, "die-on-marker"))
            for name in ("marker-that-kills", "harmless"):
                text = (MAIL % (name, name)).replace("\r\n\r\nbody", f"\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nТекст {name}")
                with smtplib.SMTP("127.0.0.1", house.port(), timeout=30) as client:
                    client.sendmail("carol@peer.example", ["anna@example.com"], text.encode("koi8-r"))
            reason = wait_until(lambda: [p.read_text() for p in house.gateway("gwprob").glob("*.TXT")], 60, "it is in gwprob")
            self.assertRegex(reason[0], "3|three")
            wait_until(lambda: [i["subject"] for i in house.command("list", "anna", "--json")] == ["harmless"], what="the other one arrives")
            agent = next(p for p in house.command("status", "--json")["programs"] if p["name"] == "agent")
            self.assertEqual(agent["restarts"], 3)
            # Once the cause is gone, it is sent on.
            house.stop()
            house.start()
            waiting = [e["file"] for e in house.command("queue", "--json") if "/gwprob/" in e["file"]]
            house.command("queue", "requeue", *waiting)
            wait_until(lambda: len(house.command("list", "anna", "--json")) == 2, what="it arrives after all")


if __name__ == "__main__":
    main()
