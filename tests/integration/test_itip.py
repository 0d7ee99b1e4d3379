#!/usr/bin/env python3
"""iMIP conversations over SMTP with a running Postern: an organizer outside, an attendee inside, and the reverse."""
import datetime
import email
import email.policy
import smtplib
import socketserver
import threading
import unittest

from house import House, main, wait_until

UTC = datetime.timezone.utc
ORGANIZER = "olga@example.org"


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 sink.example\r\n")
        recipients = []
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"MAIL":
                recipients = []
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                data = b""
                for part in self.rfile:
                    if part == b".\r\n":
                        break
                    data += part[1:] if part.startswith(b"..") else part
                self.server.recipients.append(recipients)
                self.server.messages.append(data)
            if verb == b"RCPT" and b"nobody@" in line:
                self.wfile.write(b"550 5.1.1 no such user\r\n")
                continue
            if verb == b"RCPT":
                recipients.append(line.split(b"<")[1].split(b">")[0].decode())
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 sink.example\r\n")
            if verb == b"QUIT":
                return


class Sink(socketserver.ThreadingTCPServer):
    """Takes every mail and keeps it."""
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.messages, self.recipients = [], []  # the envelope's, for each message
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


def text(mail):
    parsed = email.message_from_bytes(mail, policy=email.policy.SMTP)
    bodies = [p.get_payload(decode=True).decode() for p in parsed.walk() if p.get_content_maintype() == "text"]
    return f"Subject: {parsed['Subject']}\n" + "\n".join(bodies).replace("\r\n ", "")


def stamp(time):
    return time.strftime("%Y%m%dT%H%M%SZ")


class Itip(unittest.TestCase):
    def setUp(self):
        self.sink = Sink()
        self.house = House(settings={"smtp": {"relay": f"127.0.0.1:{self.sink.port}"}}).start()
        self.addCleanup(self.sink.close)
        self.addCleanup(self.house.close)
        self.count = 0
        self.first = (datetime.datetime.now(UTC) + datetime.timedelta(days=7)).replace(
            hour=9, minute=0, second=0, microsecond=0)

    # -- the other side --

    def event(self, sequence=0, start=None, lines=(), kind="VEVENT", uid="series@example.org"):
        self.count += 1
        start = start or self.first
        now = datetime.datetime.now(UTC) + datetime.timedelta(seconds=self.count)
        end = start + datetime.timedelta(hours=1)
        text = [f"BEGIN:{kind}", f"UID:{uid}", f"DTSTAMP:{stamp(now)}", f"SEQUENCE:{sequence}",
                f"DTSTART:{stamp(start)}", f"{'DUE' if kind == 'VTODO' else 'DTEND'}:{stamp(end)}",
                f"ORGANIZER;CN=Olga:mailto:{ORGANIZER}",
                "ATTENDEE;CN=Anna;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:mailto:anna@example.com"]
        if not any(line.startswith("SUMMARY") for line in lines):
            text.append("SUMMARY:Weekly talk")
        return text + list(lines) + [f"END:{kind}"]

    def post(self, method, lines, sender=ORGANIZER, to="anna@example.com"):
        calendar = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//EN", f"METHOD:{method}", *lines, "END:VCALENDAR"]
        self.count += 1
        message = "\r\n".join([f"From: Olga <{sender}>", f"To: {to}", "Subject: Weekly talk",
                               f"Message-ID: <{self.count}@example.org>", "MIME-Version: 1.0",
                               f"Content-Type: text/calendar; method={method}; charset=utf-8", "", *calendar, ""])
        with smtplib.SMTP("127.0.0.1", self.house.port()) as smtp:
            smtp.sendmail(sender, [to], message.encode())

    def received(self, method, after=0):
        """The calendar of the first mail of this method that left."""
        def find():
            for mail in self.sink.messages[after:]:
                parsed = email.message_from_bytes(mail, policy=email.policy.SMTP)
                for part in parsed.walk():
                    if part.get_content_type() == "text/calendar":
                        text = part.get_payload(decode=True).decode().replace("\r\n ", "")
                        if f"METHOD:{method}\r\n" in text:
                            return text
            return None
        return wait_until(find, 20, f"a {method} outside")

    # -- our side --

    def items(self, user="anna", box="in"):
        return self.house.command("list", user, "--box", box, "--json")

    def wait_items(self, condition, what, user="anna", box="in"):
        def find():
            items = self.items(user, box)
            return items if condition(items) else None
        return wait_until(find, 20, what)

    def test_series_inside(self):
        self.post("REQUEST", self.event(lines=["RRULE:FREQ=WEEKLY;COUNT=4"]))
        items = self.wait_items(lambda i: len(i) == 4, "four instances")
        weeks = [stamp(self.first + datetime.timedelta(weeks=n)) for n in range(4)]
        self.assertEqual([i["instance"] for i in items], weeks)
        self.assertEqual(len({i["id"] for i in items}), 1)
        # The whole series, then one instance.
        self.house.command("accept", "anna", str(items[0]["number"]))
        reply = self.received("REPLY")
        self.assertIn("PARTSTAT=ACCEPTED", reply)
        self.assertNotIn("RECURRENCE-ID", reply)
        self.assertTrue(all("accepted" in i["flags"] for i in self.items()))
        before = len(self.sink.messages)
        self.house.command("decline", "anna", "--instance", str(items[1]["number"]))
        reply = self.received("REPLY", before)
        self.assertIn(f"RECURRENCE-ID:{weeks[1]}", reply)
        self.assertEqual(["declined" in i["flags"] for i in self.items()], [False, True, False, False])
        # One moved, one cancelled, and at last all.
        moved = self.first + datetime.timedelta(weeks=2, hours=3)
        self.post("REQUEST", self.event(1, moved, [f"RECURRENCE-ID:{weeks[2]}", "SUMMARY:Talk at noon"]))
        items = self.wait_items(lambda i: i[2]["subject"] == "Talk at noon", "the moved instance")
        self.assertEqual(len(items), 4)
        self.assertNotIn("accepted", items[2]["flags"])
        self.assertIn("accepted", items[0]["flags"])
        self.post("CANCEL", self.event(1, self.first + datetime.timedelta(weeks=3),
                                       [f"RECURRENCE-ID:{weeks[3]}", "STATUS:CANCELLED"]))
        items = self.wait_items(lambda i: "cancelled" in i[3]["flags"], "the cancelled instance")
        self.assertEqual(["cancelled" in i["flags"] for i in items], [False, False, False, True])
        self.post("CANCEL", self.event(2, lines=["RRULE:FREQ=WEEKLY;COUNT=4", "STATUS:CANCELLED"]))
        self.wait_items(lambda i: all("cancelled" in one["flags"] for one in i), "all cancelled")

    def test_stale_and_open_series(self):
        self.house.close()
        self.house = House(settings={"ofs": {"series-days": "40", "series-instances": "3"}}).start()
        self.addCleanup(self.house.close)
        self.post("REQUEST", self.event(3, lines=["RRULE:FREQ=DAILY"]))
        items = self.wait_items(lambda i: len(i) == 3, "as many instances as there may be")
        self.post("REQUEST", self.event(2, lines=["RRULE:FREQ=DAILY", "SUMMARY:Old"]))
        self.post("REQUEST", self.event(0, uid="other@example.org"))
        items = self.wait_items(lambda i: len(i) == 4, "the other meeting")
        self.assertNotIn("Old", [i["subject"] for i in items])

    def test_propose_and_delegate(self):
        self.post("REQUEST", self.event())
        number = str(self.wait_items(lambda i: len(i) == 1, "the meeting")[0]["number"])
        when = (self.first + datetime.timedelta(days=1)).strftime("%Y-%m-%d %H:%MZ")
        end = (self.first + datetime.timedelta(days=1, hours=1)).strftime("%Y-%m-%d %H:%MZ")
        self.house.command("propose", "anna", number, "--start", when, "--end", end, "--comment", "Later?")
        counter = self.received("COUNTER")
        self.assertIn(f"DTSTART:{stamp(self.first + datetime.timedelta(days=1))}", counter)
        self.assertIn(f"X-MS-OLK-ORIGINALSTART:{stamp(self.first)}", counter)
        self.assertIn("COMMENT:Later?", counter)
        self.post("DECLINECOUNTER", self.event())
        self.wait_items(lambda i: len(i) == 2, "the refusal")
        self.house.command("delegate", "anna", number, "--to", "emil@example.net")
        reply = self.received("REPLY")
        self.assertIn("PARTSTAT=DELEGATED", reply)
        self.assertIn('DELEGATED-TO="mailto:emil@example.net"', reply)
        request = self.received("REQUEST")
        self.assertIn('DELEGATED-FROM="mailto:anna@example.com"', request)
        self.house.command("refresh", "anna", number)
        self.assertIn("UID:series@example.org", self.received("REFRESH"))

    def invite(self, *more):
        start = self.first.strftime("%Y-%m-%d %H:%MZ")
        sent = self.house.command("send", "--from", "anna", "--to", f"{ORGANIZER},bert", "--subject", "Our talk",
                                  "--type", "appointment", "--start", start, *more, "--json")
        return sent["uid"], str(sent["number"])

    def answer(self, uid, partstat, lines=(), sender=ORGANIZER, method="REPLY", seconds=5):
        now = datetime.datetime.now(UTC) + datetime.timedelta(seconds=seconds)
        self.post(method, ["BEGIN:VEVENT", f"UID:{uid}", f"DTSTAMP:{stamp(now)}",
                           f"ATTENDEE;PARTSTAT={partstat}:MAILTO:{sender}", *lines, "END:VEVENT"], sender)

    def answers(self, number, wanted, what):
        def find():
            answers = self.house.command("info", "anna", number, "--json")["answers"]
            return answers if any(wanted(a) for a in answers) else None
        return wait_until(find, 20, what)

    def test_organizer(self):
        uid, number = self.invite("--repeat", "FREQ=WEEKLY;COUNT=3")
        request = self.received("REQUEST")
        self.assertIn("RRULE:FREQ=WEEKLY;COUNT=3", request)
        second = stamp(self.first + datetime.timedelta(weeks=1))
        self.answer(uid, "ACCEPTED")
        self.answers(number, lambda a: a["address"] == ORGANIZER and a["answer"] == "ACCEPTED", "the answer")
        self.answer(uid, "DECLINED", [f"RECURRENCE-ID:{second}", "COMMENT:Away"], seconds=10)
        self.answers(number, lambda a: a["instance"] == second and a["answer"] == "DECLINED" and a["comment"] == "Away",
                     "the answer for one instance")
        status = self.house.command("info", "anna", number, "--json")["recipients"]
        self.assertIn("Accepted", [s["status"] for s in status])
        self.assertNotIn("Declined", [s["status"] for s in status])
        # Somebody who was not invited.
        self.answer(uid, "ACCEPTED", sender="mallory@example.net")
        crasher = self.answers(number, lambda a: a["address"] == "mallory@example.net", "the party crasher")
        self.assertFalse([a for a in crasher if a["address"] == "mallory@example.net"][0]["invited"])
        # A proposal, declined.
        later = self.first + datetime.timedelta(hours=5)
        self.answer(uid, "TENTATIVE", [f"DTSTART:{stamp(later)}", f"DTEND:{stamp(later + datetime.timedelta(hours=1))}"],
                    method="COUNTER", seconds=20)
        self.answers(number, lambda a: a["proposed_start"] == later.strftime("%Y-%m-%dT%H:%M:%SZ"), "the proposal")
        self.house.command("decline-proposal", "anna", number, "--to", ORGANIZER)
        self.received("DECLINECOUNTER")
        # REFRESH is answered.
        before = len(self.sink.messages)
        self.answer(uid, "NEEDS-ACTION", method="REFRESH")
        self.assertIn(f"UID:{uid}", self.received("REQUEST", before))
        # One instance is retracted, then all; the attendee inside follows.
        when = (self.first + datetime.timedelta(weeks=1)).strftime("%Y-%m-%d %H:%MZ")
        self.wait_items(lambda i: len(i) == 3, "bert's instances", "bert")
        self.house.command("retract", "anna", number, "--instance", when)
        self.assertIn(f"RECURRENCE-ID:{second}", self.received("CANCEL"))
        items = self.wait_items(lambda i: "cancelled" in i[1]["flags"], "bert's cancelled instance", "bert")
        self.assertEqual(["cancelled" in i["flags"] for i in items], [False, True, False])
        self.house.command("retract", "anna", number)
        self.wait_items(lambda i: all("cancelled" in one["flags"] for one in i), "all cancelled", "bert")

    def test_reschedule_inside(self):
        _, number = self.invite()
        items = self.wait_items(lambda i: len(i) == 1, "bert's meeting", "bert")
        self.house.command("accept", "bert", str(items[0]["number"]))
        self.answers(number, lambda a: "bert" in a["address"] and a["answer"] == "ACCEPTED", "bert's answer")
        moved = self.first + datetime.timedelta(days=2)
        self.house.command("reschedule", "anna", number, "--start", moved.strftime("%Y-%m-%d %H:%MZ"), "--end",
                           (moved + datetime.timedelta(hours=2)).strftime("%Y-%m-%d %H:%MZ"))
        items = self.wait_items(lambda i: i[0]["start"] == moved.strftime("%Y-%m-%dT%H:%M:%SZ"), "the new time", "bert")
        self.assertEqual(len(items), 1)
        self.assertNotIn("accepted", items[0]["flags"])

    def bounce(self, message, recipient):
        """Another server tells the sender of MESSAGE, which it had taken, that it got no further."""
        sent = email.message_from_bytes(message, policy=email.policy.SMTP)
        text = "\r\n".join([
            "From: MAILER-DAEMON@relay.example", "To: anna@example.com", "Subject: Undelivered Mail Returned to Sender",
            "Message-ID: <bounce1@relay.example>", "MIME-Version: 1.0",
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"', "",
            "--b", "Content-Type: text/plain", "", "It could not be delivered.", "",
            "--b", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; relay.example", "",
            f"Final-Recipient: rfc822; {recipient}", "Action: failed", "Status: 5.1.1",
            "Diagnostic-Code: smtp; 550 5.1.1 mailbox unknown", "",
            "--b", "Content-Type: text/rfc822-headers", "", f"Message-ID: {sent['Message-ID']}",
            f"Subject: {sent['Subject']}", "", "--b--", ""])
        with smtplib.SMTP("127.0.0.1", self.house.port()) as smtp:
            smtp.sendmail("", ["anna@example.com"], text.encode())

    def test_undeliverable_attendee(self):
        """An invitation refused at once, and one that comes back later: the attendees are shown as not reached."""
        start = self.first.strftime("%Y-%m-%d %H:%MZ")
        sent = self.house.command("send", "--from", "anna", "--to", f"{ORGANIZER},nobody@example.org,late@example.net",
                                  "--subject", "Our talk", "--type", "appointment", "--start", start, "--json")
        uid, number = sent["uid"], str(sent["number"])
        self.received("REQUEST")
        self.answers(number, lambda a: a["address"] == "nobody@example.org" and a["undeliverable"], "the refusal")
        self.answer(uid, "ACCEPTED")
        self.answers(number, lambda a: a["address"] == ORGANIZER and a["answer"] == "ACCEPTED", "the answer")
        self.bounce(self.sink.messages[0], "late@example.net")
        answers = self.answers(number, lambda a: a["address"] == "late@example.net" and a["undeliverable"], "the bounce")
        self.assertEqual({a["address"]: a["undeliverable"] for a in answers},
                         {ORGANIZER: False, "nobody@example.org": True, "late@example.net": True})
        status = {r["address"]: r["status"] for r in self.house.command("info", "anna", number, "--json")["recipients"]}
        self.assertEqual(status["late@example.net"], "Undeliverable")
        # He is reached by another way after all.
        self.answer(uid, "ACCEPTED", sender="late@example.net", seconds=30)
        self.answers(number, lambda a: a["address"] == "late@example.net" and not a["undeliverable"], "his answer")
        # A change that comes back counts for the same invitation.
        before = len(self.sink.messages)
        self.house.command("reschedule", "anna", number, "--place", "Hall")
        self.received("REQUEST", before)
        self.bounce(self.sink.messages[before], "late@example.net")
        self.answers(number, lambda a: a["address"] == "late@example.net" and a["undeliverable"], "the second bounce")

    def test_outlook(self):
        """Who writes with Outlook, or has his address there, gets only what it understands."""
        start = self.first.strftime("%Y-%m-%d %H:%MZ")
        sent = self.house.command("send", "--from", "anna", "--to", f"{ORGANIZER},olaf@tenant.onmicrosoft.com",
                                  "--subject", "Our talk", "--type", "appointment", "--start", start,
                                  "--repeat", "FREQ=WEEKLY;COUNT=3", "--json")
        uid, number = sent["uid"], str(sent["number"])
        self.received("REQUEST")
        before = len(self.sink.messages)
        extra = self.first + datetime.timedelta(days=1)
        self.house.command("add-instance", "anna", number, "--start", extra.strftime("%Y-%m-%d %H:%MZ"))
        self.received("ADD", before)
        wait_until(lambda: len(self.recipients(before, "olaf@tenant.onmicrosoft.com")) > 0, 20, "Olaf's mail")
        self.assertNotIn("METHOD:ADD", "".join(self.recipients(before, "olaf@tenant.onmicrosoft.com")))
        self.assertNotIn("METHOD:REQUEST", "".join(self.recipients(before, ORGANIZER)))
        # His proposal is declined in words.
        later = self.first + datetime.timedelta(hours=5)
        before = len(self.sink.messages)
        self.answer(uid, "TENTATIVE", [f"DTSTART:{stamp(later)}", f"DTEND:{stamp(later + datetime.timedelta(hours=1))}"],
                    method="COUNTER", sender="olaf@tenant.onmicrosoft.com", seconds=20)
        self.answers(number, lambda a: a["proposed_start"], "the proposal")
        self.house.command("decline-proposal", "anna", number, "--to", "olaf@tenant.onmicrosoft.com")
        wait_until(lambda: len(self.recipients(before, "olaf@tenant.onmicrosoft.com")) >= 2, 20, "a mail and what holds")
        mails = self.recipients(before, "olaf@tenant.onmicrosoft.com")
        self.assertTrue(any("Subject: Proposal declined" in mail for mail in mails))
        self.assertFalse(any("METHOD:DECLINECOUNTER" in mail for mail in mails))

    def recipients(self, after, address):
        return [text(mail) for mail, to in zip(self.sink.messages[after:], self.sink.recipients[after:]) if address in to]

    def test_own(self):
        """What the reader sets for himself stays over updates and does not leave."""
        alarm = ["BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT15M", "END:VALARM"]
        self.post("REQUEST", self.event(lines=alarm))
        number = str(self.wait_items(lambda i: len(i) == 1, "the meeting")[0]["number"])
        shown = self.house.command("read", "anna", number, "--json")
        self.assertEqual((shown["show_as"], shown["alarm"]), ("busy", 15))
        self.house.command("accept", "anna", number, "--show-as", "free", "--alarm", "60")
        self.received("REPLY")
        shown = self.house.command("read", "anna", number, "--json")
        self.assertEqual((shown["show_as"], shown["alarm"]), ("free", 60))
        moved = self.first + datetime.timedelta(hours=3)
        self.post("REQUEST", self.event(1, moved, ["TRANSP:OPAQUE", *alarm]))
        item = self.wait_items(lambda i: i[0]["start"] == moved.strftime("%Y-%m-%dT%H:%M:%SZ"), "the update")[0]
        shown = self.house.command("read", "anna", str(item["number"]), "--json")
        self.assertEqual((shown["show_as"], shown["alarm"]), ("free", 60))
        self.house.command("accept", "anna", number, "--show-as", "oof", "--alarm", "none")
        shown = self.house.command("read", "anna", str(item["number"]), "--json")
        wait_until(lambda: len(self.sink.messages) == 2, 20, "the second answer")
        for mail in self.sink.messages:
            self.assertNotIn("TRANSPARENT", text(mail))
            self.assertNotIn("VALARM", text(mail))
        self.assertEqual(shown["show_as"], "oof")
        self.assertNotIn("alarm", shown)
        self.assertEqual(self.house.run("accept", "anna", number, "--show-as", "away").returncode, 2)
        self.assertEqual(self.house.run("accept", "anna", number, "--alarm", "soon").returncode, 2)

    def test_sent_item(self):
        """The item in the Out Box says what holds now."""
        _, number = self.invite()
        self.received("REQUEST")
        moved = self.first + datetime.timedelta(days=2)
        self.house.command("reschedule", "anna", number, "--start", moved.strftime("%Y-%m-%d %H:%MZ"), "--subject", "Moved",
                           "--place", "Hall")
        items = self.items(box="out")
        self.assertEqual([(i["subject"], i["place"], i["start"]) for i in items],
                         [("Moved", "Hall", moved.strftime("%Y-%m-%dT%H:%M:%SZ"))])
        self.house.command("retract", "anna", number)
        items = self.items(box="out")
        self.assertEqual(len(items), 1)
        self.assertIn("cancelled", items[0]["flags"])
        self.assertEqual(self.house.command("info", "anna", number, "--json")["subject"], "Moved")

    def test_several_calendars_and_broken(self):
        """Several calendar objects in one part; one that cannot be read stays a file."""
        inner = self.event(uid="one@example.org")
        other = self.event(uid="two@example.org", lines=["SUMMARY:Second"])
        self.post("PUBLISH", inner + ["END:VCALENDAR", "BEGIN:VCALENDAR", "VERSION:2.0", "METHOD:PUBLISH", *other])
        items = self.wait_items(lambda i: len(i) == 2, "both calendars")
        self.assertEqual({(i["uid"], i["type"]) for i in items},
                         {("one@example.org", "appointment"), ("two@example.org", "appointment")})
        broken = "this is\r\nno calendar: Gr\u00fc\u00dfe"
        message = "\r\n".join(["From: olga@example.org", "To: anna@example.com", "Subject: Broken", "Message-ID: <x@example.org>",
                               "MIME-Version: 1.0", 'Content-Type: text/calendar; method=REQUEST; name="talk.ics"',
                               "Content-Transfer-Encoding: 8bit", "", broken, ""]).encode()
        with smtplib.SMTP("127.0.0.1", self.house.port()) as smtp:
            smtp.sendmail("olga@example.org", ["anna@example.com"], message)
        item = self.wait_items(lambda i: len(i) == 3, "the mail")[2]
        shown = self.house.command("read", "anna", str(item["number"]), "--json")
        self.assertEqual([a["name"] for a in shown["attachments"]], ["talk.ics"])
        folder = self.house.root / "saved"
        self.house.command("read", "anna", str(item["number"]), "--save", str(folder))
        self.assertEqual((folder / "talk.ics").read_bytes().rstrip(), broken.encode())

    def test_no_charset(self):
        """text/calendar that names no charset, or says us-ascii, is UTF-8."""
        for charset, uid in (("", "a@example.org"), ("; charset=us-ascii", "b@example.org")):
            calendar = "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "METHOD:REQUEST",
                                    *self.event(uid=uid, lines=["SUMMARY:Gr\u00fc\u00dfe \u4f1a\u8bae"]), "END:VCALENDAR", ""])
            message = "\r\n".join(["From: olga@example.org", "To: anna@example.com", f"Message-ID: <{uid}>", "MIME-Version: 1.0",
                                   f"Content-Type: text/calendar; method=REQUEST{charset}",
                                   "Content-Transfer-Encoding: 8bit", "", calendar])
            with smtplib.SMTP("127.0.0.1", self.house.port()) as smtp:
                smtp.sendmail("olga@example.org", ["anna@example.com"], message.encode())
        items = self.wait_items(lambda i: len(i) == 2, "both")
        self.assertEqual({i["subject"] for i in items}, {"Gr\u00fc\u00dfe \u4f1a\u8bae"})

    def test_task(self):
        self.post("REQUEST", self.event(kind="VTODO", uid="task@example.org"))
        items = self.wait_items(lambda i: len(i) == 1, "the task")
        self.house.command("complete", "anna", str(items[0]["number"]))
        reply = self.received("REPLY")
        self.assertIn("PARTSTAT=COMPLETED", reply)
        self.assertIn("STATUS:COMPLETED", reply)

    def test_several_uids(self):
        self.post("PUBLISH", self.event(uid="a@example.org") + self.event(uid="b@example.org", lines=["SUMMARY:Second"]))
        items = self.wait_items(lambda i: len(i) == 2, "both")
        self.assertEqual({i["uid"] for i in items}, {"a@example.org", "b@example.org"})
        self.post("CANCEL", self.event(1, uid="b@example.org"))
        items = self.wait_items(lambda i: any("cancelled" in one["flags"] for one in i), "one cancelled")
        self.assertEqual([i["uid"] for i in items if "cancelled" in i["flags"]], ["b@example.org"])


if __name__ == "__main__":
    main()
