"""A mixed corpus of messages, the same for the same seed: plain text in several charsets, HTML with pictures, files,
invitations, bounces."""
import base64
import pathlib
import quopri
import random

WORDS = ("the gate office message server queue letter meeting agenda project budget report figure room table window morning "
         "please find attached regards question answer number plan review draft version change note list").split()
NAMES = ("Ana Example", "Bert Sample", "Jürgen Müller", "Zoë Noël", "田中 太郎", "Олег Пример")


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.count = 0

    def text(self, words):
        rng = self.rng
        out, line = [], ""
        for _ in range(words):
            line += rng.choice(WORDS) + " "
            if len(line) > 68:
                out.append(line.rstrip())
                line = ""
        return "\r\n".join(out + [line]) + "\r\n"

    def header(self, kind, subject):
        self.count += 1
        name = self.rng.choice(NAMES)
        word = "=?UTF-8?B?" + base64.b64encode(name.encode()).decode() + "?=" if not name.isascii() else f'"{name}"'
        received = "".join(f"Received: from relay{i}.example.net (relay{i}.example.net [192.0.2.{i}])\r\n\tby mx{i}.example.com "
                           f"with ESMTPS id {self.rng.getrandbits(48):x}\r\n\tfor <user@example.com>; Mon, 2 Mar 2026 10:0{i}:00 +0100\r\n"
                           for i in range(3))
        return (f"Return-Path: <sender@example.org>\r\n{received}From: {word} <sender@example.org>\r\nTo: user@example.com, "
                f"\"Second, Person\" <second@example.com>\r\nSubject: {subject}\r\nDate: Mon, 2 Mar 2026 10:00:{self.count % 60:02d} +0100\r\n"
                f"Message-ID: <{self.count}.{self.rng.getrandbits(64):x}@example.org>\r\nMIME-Version: 1.0\r\nX-Mailer: {kind}\r\n")

    def base64_lines(self, data, ending="\r\n"):
        text = base64.b64encode(data).decode()
        return ending.join(text[i:i + 76] for i in range(0, len(text), 76)) + ending

    def plain(self):
        words = self.rng.randrange(50, 1200)
        return self.header("plain", "A plain message") + "Content-Type: text/plain; charset=us-ascii\r\n\r\n" + self.text(words)

    def charset(self):
        name, sample = self.rng.choice((("iso-8859-1", "Grüße aus Köln, à bientôt. "), ("utf-8", "Grüße, привет, 日本語. "),
                                        ("iso-2022-jp", "日本語の文章です。"), ("windows-1251", "Привет из города. ")))
        body = (sample * 3 + "\r\n") * self.rng.randrange(5, 60)
        data = body.encode(name)
        if name == "iso-2022-jp":
            coding, text = "7bit", data.decode("latin-1")
        elif self.rng.random() < 0.5:
            coding, text = "quoted-printable", quopri.encodestring(data.replace(b"\r\n", b"\n")).decode().replace("\n", "\r\n")
        else:
            coding, text = "base64", self.base64_lines(data)
        subject = "=?UTF-8?B?" + base64.b64encode(sample.encode()).decode() + "?="
        return self.header("charset", subject) + f"Content-Type: text/plain; charset={name}\r\nContent-Transfer-Encoding: {coding}\r\n\r\n{text}"

    def html(self):
        rng = self.rng
        outer, inner = f"=_rel{rng.getrandbits(60):x}", f"=_alt{rng.getrandbits(60):x}"
        pictures = rng.randrange(1, 4)
        html = "<html><body>" + "".join(f"<p>{self.text(40)}</p><img src=\"cid:p{i}@x\">" for i in range(pictures)) + "</body></html>\r\n"
        parts = (f"--{outer}\r\nContent-Type: multipart/alternative; boundary=\"{inner}\"\r\n\r\n--{inner}\r\nContent-Type: text/plain; "
                 f"charset=utf-8\r\n\r\n{self.text(120)}\r\n--{inner}\r\nContent-Type: text/html; charset=utf-8\r\n"
                 f"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                 + quopri.encodestring(html.replace("\r\n", "\n").encode()).decode().replace("\n", "\r\n") + f"\r\n--{inner}--\r\n")
        for i in range(pictures):
            parts += (f"\r\n--{outer}\r\nContent-Type: image/png; name=\"p{i}.png\"\r\nContent-Transfer-Encoding: base64\r\nContent-ID: "
                      f"<p{i}@x>\r\nContent-Disposition: inline; filename=\"p{i}.png\"\r\n\r\n" + self.base64_lines(rng.randbytes(rng.randrange(2000, 60000))))
        return self.header("html", "Pictures") + f"Content-Type: multipart/related; boundary=\"{outer}\"\r\n\r\n{parts}\r\n--{outer}--\r\n"

    def files(self, low, high):
        rng = self.rng
        boundary = f"=_mix{rng.getrandbits(60):x}"
        parts = f"--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{self.text(80)}"
        for i in range(rng.randrange(1, 3)):
            parts += (f"\r\n--{boundary}\r\nContent-Type: application/pdf; name=\"report {i}.pdf\"\r\nContent-Transfer-Encoding: base64\r\n"
                      f"Content-Disposition: attachment; filename*=UTF-8''report%20%E2%82%AC%20{i}.pdf\r\n\r\n"
                      + self.base64_lines(rng.randbytes(rng.randrange(low, high))))
        return self.header("files", "Files") + f"Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n{parts}\r\n--{boundary}--\r\n"

    def invitation(self):
        boundary = f"=_inv{self.rng.getrandbits(60):x}"
        attendees = "".join(f"ATTENDEE;CN=\"Guest {i}\";ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:guest{i}@example.com\r\n"
                            for i in range(self.rng.randrange(1, 8)))
        calendar = ("BEGIN:VCALENDAR\r\nPRODID:-//Example//EN\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\n"
                    "BEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n"
                    "END:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;"
                    "BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nORGANIZER;CN=\"Sender\":mailto:sender@example.org\r\n"
                    f"{attendees}SUMMARY:Review\r\nDTSTART;TZID=W. Europe Standard Time:20260410T100000\r\nDTEND;TZID=W. Europe Standard Time:20260410T110000\r\n"
                    f"UID:{self.rng.getrandbits(128):032X}\r\nDTSTAMP:20260302T090000Z\r\nSEQUENCE:0\r\nLOCATION:Room 4\r\nDESCRIPTION:{'Agenda line. ' * 5}\\n\r\n"
                    "PRIORITY:5\r\nCLASS:PUBLIC\r\nX-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
        return (self.header("invitation", "Review") + f"Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\nContent-Type: "
                f"text/plain; charset=utf-8\r\n\r\n{self.text(60)}\r\n--{boundary}\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\r\n"
                f"Content-Transfer-Encoding: base64\r\n\r\n{self.base64_lines(calendar.encode())}\r\n--{boundary}--\r\n")

    def bounce(self):
        boundary = f"=_dsn{self.rng.getrandbits(60):x}"
        return (self.header("bounce", "Undelivered Mail Returned to Sender") + f"Content-Type: multipart/report; report-type=delivery-status; "
                f"boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n{self.text(70)}\r\n--{boundary}\r\n"
                "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\nArrival-Date: Mon, 2 Mar 2026 09:00:00 +0100\r\n\r\n"
                "Final-Recipient: rfc822; nobody@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 unknown user\r\n\r\n"
                f"--{boundary}\r\nContent-Type: message/rfc822\r\n\r\nFrom: user@example.com\r\nTo: nobody@example.net\r\nSubject: Hello\r\n\r\n{self.text(60)}\r\n"
                f"--{boundary}--\r\n")


def make(directory, count=1000, seed=1):
    """Writes COUNT messages into DIRECTORY, returns their paths."""
    maker = Maker(seed)
    kinds = ([maker.plain] * 35 + [maker.charset] * 15 + [maker.html] * 22 + [maker.invitation] * 14 + [maker.bounce] * 6
             + [lambda: maker.files(20_000, 400_000)] * 5 + [lambda: maker.files(1_000_000, 5_000_000)] * 3)
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for i in range(count):
        path = directory / f"{i:05d}.eml"
        path.write_bytes(kinds[i * 7919 % len(kinds)]().encode())
        paths.append(str(path))
    return paths
