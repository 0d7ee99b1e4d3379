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
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                data = b""
                for part in self.rfile:
                    if part == b".\r\n":
                        break
                    data += part[1:] if part.startswith(b"..") else part
                self.server.messages.append(data)
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 sink.example\r\n")
            if verb == b"QUIT":
                return


class Sink(socketserver.ThreadingTCPServer):
    """Takes every mail and keeps it."""
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.messages = []
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


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
