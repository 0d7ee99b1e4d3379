"""Messages that come in pieces (message/partial): put together whatever their order, and never lost."""
import email
import email.policy
import os
import random
import signal
import smtplib
import subprocess
import unittest

from house import POSTERN, House, main, wait_until

random.seed(20)
ATTACHMENT = random.randbytes(150000)


def whole():
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = "The plans, complete"
    message["From"] = "carol@peer.example"
    message["To"] = "anna@example.com"
    message["Message-ID"] = "<whole@peer.example>"
    message.set_content("The plans are enclosed.\n")
    message.add_attachment(ATTACHMENT, maintype="application", subtype="octet-stream", filename="plans.bin")
    return bytes(message)


def pieces(identifier, count):
    """The pieces of whole(), as RFC 2046 5.2.2.1 has a sender make them."""
    data = whole()
    lines = data.splitlines(keepends=True)
    size = len(lines) // count + 1
    for number in range(1, count + 1):
        total = f"; total={count}" if number == count else ""
        header = (f"From: carol@peer.example\r\nTo: anna@example.com\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n"
                  f"Subject: The plans (part {number} of {count})\r\nMessage-ID: <{identifier}.{number}@peer.example>\r\n"
                  f"X-Trace: outer {number}\r\nMIME-Version: 1.0\r\n"
                  f'Content-Type: message/partial; id="{identifier}@peer.example";\r\n number={number}{total}\r\n\r\n')
        yield header.encode() + b"".join(lines[(number - 1) * size:number * size])


class Partial(unittest.TestCase):
    def house(self, **settings):
        house = House(settings={"agent": settings} if settings else None)
        self.addCleanup(house.close)
        return house.start()

    def submit(self, house, data, to="anna@example.com"):
        with smtplib.SMTP("127.0.0.1", house.port(), timeout=30) as client:
            client.sendmail("carol@peer.example", [to], data)

    @staticmethod
    def kill_agent(house):
        pid = house.pid("agent")
        try:
            return pid and not os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False

    def items(self, house, user="anna"):
        return house.command("list", user, "--json")

    def parts_waiting(self, house):
        return sorted(p.name for p in house.gateway("work/PARTIAL").glob("*/*.RCV"))

    def check_whole(self, house, user="anna"):
        item = wait_until(lambda: next((i for i in self.items(house, user) if i["subject"] == "The plans, complete"), None),
                          what="the whole message")
        raw = subprocess.run([POSTERN, "read", "-C", house.dir, user, str(item["number"]), "--raw"],
                             capture_output=True, check=True).stdout
        message = email.message_from_bytes(raw, policy=email.policy.default)
        self.assertEqual([a.get_content() for a in message.iter_attachments()], [ATTACHMENT])
        self.assertEqual(message["X-Trace"], "outer 1")
        self.assertEqual(message["Message-ID"], "<whole@peer.example>")
        self.assertEqual(message.get_all("Subject"), ["The plans, complete"])
        self.assertEqual(len(self.items(house, user)), 1)

    def test_any_order(self):
        house = self.house()
        three = list(pieces("a", 3))
        for data in (three[2], three[0], three[0], three[1]):
            self.submit(house, data)
        self.check_whole(house)
        wait_until(lambda: not self.parts_waiting(house), what="no piece is left")

    def test_a_piece_comes_once_more(self):
        house = self.house()
        two = list(pieces("g", 2))
        for data in two:
            self.submit(house, data)
        self.check_whole(house)
        self.submit(house, two[0])
        self.submit(house, two[0].replace(b"The plans are", b"The plots are"))
        wait_until(lambda: len(self.items(house)) == 2, what="the piece that is another")
        self.assertEqual(self.parts_waiting(house), [])

    def test_other_recipients_are_another_message(self):
        house = self.house()
        two = list(pieces("b", 2))
        self.submit(house, two[0])
        self.submit(house, two[1], "bert@example.com")
        wait_until(lambda: len(self.parts_waiting(house)) == 2, what="both pieces wait")
        self.assertEqual(self.items(house), [])
        self.submit(house, two[1])
        self.check_whole(house)
        self.assertEqual(len(self.parts_waiting(house)), 1)
        self.assertEqual(self.items(house, "bert"), [])

    def test_killed_in_between(self):
        house = self.house()
        for number, data in enumerate(pieces("c", 4)):
            self.submit(house, data)
            if number % 2 == 0:  # three deaths while it is busy would put a piece aside
                continue
            wait_until(lambda: self.kill_agent(house), what="the agent runs")
        self.check_whole(house)

    def test_never_kept_when_switched_off(self):
        house = self.house(**{"partial-age": "0"})
        for data in pieces("d", 2):
            self.submit(house, data)
        wait_until(lambda: len(self.items(house)) == 2, what="the pieces as they came")
        self.assertEqual(sorted(i["subject"] for i in self.items(house)),
                         ["The plans (part 1 of 2)", "The plans (part 2 of 2)"])

    def test_too_large(self):
        house = self.house(**{"partial-limit": "100000"})
        for data in pieces("e", 3):
            self.submit(house, data)
        wait_until(lambda: len(self.items(house)) == 3, what="the pieces as they came")
        self.assertEqual(self.parts_waiting(house), [])

    def test_the_others_do_not_come(self):
        house = self.house()
        self.submit(house, list(pieces("f", 2))[0])
        wait_until(lambda: self.parts_waiting(house), what="the piece waits")
        house.stop()
        path = next(house.gateway("work/PARTIAL").glob("*/*.RCV"))
        house.set({"agent": {"partial-age": "1"}})
        long_ago = path.stat().st_mtime - 2 * 86400
        os.utime(path, (long_ago, long_ago))
        house.start()
        wait_until(lambda: [i["subject"] for i in self.items(house)] == ["The plans (part 1 of 2)"],
                   what="the piece as it came")


if __name__ == "__main__":
    main()
