#!/usr/bin/env python3
"""What a hostile file may cost: every case of the table ends within a bound of time and of memory beyond its own size, and
mail still gives its bytes back."""
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import unittest

from house import POSTERN, main

N = 100_000
MIB = 1 << 20
# Of a release build.  Sanitizers take several times as much of both; LIMITS_FACTOR says how many.
FACTOR = float(os.environ.get("LIMITS_FACTOR", "1"))
SECONDS, MEMORY = 1.0 * FACTOR, 64 * MIB * FACTOR

HEADER = b"From: a@example.com\r\nTo: b@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
MIXED = HEADER + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
END = b"--b--\r\n"


def garbage():
    return random.Random(1).randbytes(MIB)


def each(pattern, count=N):
    """PATTERN with the numbers 0 to COUNT in it."""
    return b"".join(pattern.replace(b"#", b"%d" % i) for i in range(count))


def parts(fields, body=b"x", count=N):
    return MIXED + each(b"--b\r\n" + fields + b"\r\n" + body + b"\r\n", count) + b"--b--\r\n"


def page(html):
    """HTML of a message that has a picture."""
    return (MIXED + b"--b\r\nContent-Type: text/html\r\n\r\n" + html
            + b"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <x>\r\nContent-Location: x.png\r\n\r\nx\r\n--b--\r\n")


def text(body, kind=b"text/plain"):
    return HEADER + b"Content-Type: " + kind + b"\r\n\r\n" + body


def binhex_bomb():
    """A run of 255 bytes for four characters."""
    return text(b"(This file must be converted with BinHex 4.0)\r\n:" + b"3!*$" * (MIB // 4) + b":\r\n")


# Name: what makes the bytes.  A row for every way in which mail can be made to grow.
MAIL = {
    "multiparts in each other": lambda: HEADER + each(b'Content-Type: multipart/mixed; boundary="b#"\r\n\r\n--b#\r\n'),
    "multiparts of one boundary": lambda: HEADER + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n' * N,
    "messages in each other": lambda: HEADER + b"Content-Type: message/rfc822\r\n\r\n" * N,
    "plain parts": lambda: parts(b""),
    "HTML parts": lambda: parts(b"Content-Type: text/html\r\n", b"<p>x"),
    "plain and HTML parts": lambda: parts(b"Content-Type: text/html\r\n", b"<p>x\r\n--b\r\n\r\ny", N // 2),
    "files": lambda: parts(b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n", b"AAAA"),
    "pictures between pages": lambda: parts(b"Content-Type: image/png\r\nContent-Disposition: inline\r\n",
                                            b"x\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>", N // 2),
    "files with ids": lambda: parts(b"Content-Type: image/png\r\nContent-ID: <i#>\r\n", b"AAAA"),
    "files with locations": lambda: parts(b"Content-Type: image/png\r\nContent-Base: http://example.com/\r\nContent-Location: i#\r\n"),
    "messages": lambda: parts(b"Content-Type: message/rfc822\r\n", b"Subject: x\r\n\r\nx"),
    "calendars": lambda: parts(b"Content-Type: text/calendar; method=REQUEST\r\n", b"BEGIN:VCALENDAR"),
    "reports": lambda: parts(b"Content-Type: message/delivery-status\r\n",
                             b"Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822;a@b.example\r\nAction: failed"),
    "links": lambda: parts(b'Content-Type: message/external-body; access-type=URL; URL="http://example.com/"\r\n',
                           b"Content-Type: text/plain\r\n"),
    "Macintosh headers": lambda: parts(b"Content-Type: application/applefile\r\n", b"\0\5\x16\7"),
    "header fields": lambda: HEADER + each(b"X-H#: value\r\n") + b"\r\nx\r\n",
    "recipients' fields": lambda: HEADER + each(b"To: u#@example.com\r\n") + b"\r\nx\r\n",
    "content types": lambda: HEADER + b"Content-Type: text/plain\r\n" * N + b"\r\nx\r\n",
    "stray lines": lambda: HEADER + b"stray line without colon\r\n" * N + b"Subject: x\r\n\r\nx\r\n",
    "odd field names": lambda: HEADER + b"\xff: x\r\n" * N + b"\r\nx\r\n",
    "blank lines before": lambda: b"\r\n" * N + HEADER + b"\r\nx\r\n",
    "folds": lambda: HEADER + b"X: a\r\n" + b" folded\r\n" * N + b"\r\nx\r\n",
    "parameters": lambda: HEADER + b"Content-Type: application/x" + each(b"; p#=v") + b"\r\n\r\nx\r\n",
    "continued parameters": lambda: HEADER + b"Content-Type: application/x" + each(b"; p*#=v") + b"\r\n\r\nx\r\n",
    "open comments": lambda: HEADER + b"Content-Type: text/plain" + b"; (" * N + b"\r\n\r\nx\r\n",
    "encoded words": lambda: HEADER + b"Subject: " + b"=?utf-8?Q?x?= " * N + b"\r\n\r\nx\r\n",
    "addresses": lambda: HEADER + b"Cc: " + each(b"u#@example.com,") + b"\r\n\r\nx\r\n",
    "references": lambda: HEADER + b"References: " + each(b"<u#@example.com> ") + b"\r\n\r\nx\r\n",
    "garbage": garbage,
    "garbage in a part": lambda: MIXED + b"--b\r\n" + garbage(),
    "line feeds": lambda: b"\n" * MIB,
    "carriage returns": lambda: b"\r" * MIB,
    "fields between carriage returns": lambda: b"a: b\r" * (MIB // 5),
    "zeros": lambda: b"\0" * MIB,
    "colons": lambda: b":\n" * (MIB // 2),
    "hyphens": lambda: MIXED + b"--" * (MIB // 2),
    "lines of hyphens": lambda: MIXED + b"--\r\n" * (MIB // 4),
    "half boundaries": lambda: MIXED + b"--bb\n" * (MIB // 5),
    "tags that do not end": lambda: text(b"<" * MIB, b"text/html"),
    "references that do not end": lambda: page(b"=" * MIB),
    "references to nothing": lambda: page(b"=x.y " * (MIB // 5)),
    "ids of nothing": lambda: page(b"cid:" * (MIB // 4)),
    "styles": lambda: parts(b"Content-Type: text/html\r\n", b"<style>" * 10 + b"<body>", N // 10),
    "uuencode that does not end": lambda: text(b"begin 644 x\r\n" * N),
    "uuencoded files": lambda: text(b"begin 644 x\r\n`\r\nend\r\n" * N),
    "yEnc that does not end": lambda: text(b"=ybegin line=128 size=10 name=x\r\nabc\r\n" * N),
    "parts of yEnc": lambda: text(each(
        b"=ybegin part=# line=128 size=100000 name=x\r\n=ypart begin=#1 end=#1\r\nk\r\n=yend size=1 part=#\r\n")),
    "BinHex that is none": lambda: text(b"(This file must be converted with BinHex 4.0)\r\n:abc\r\n" * N),
    "BinHex that is much": binhex_bomb,
    "enriched commands": lambda: text(b"<bold>" * N, b"text/enriched"),
    "enriched parameters": lambda: text(b"<color><param>" * N + b"</param>" * N, b"text/enriched"),
    "flowed quotes": lambda: text(b"> x \r\n>> x \r\n" * N, b"text/plain; format=flowed"),
}


class Limits(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="postern-limits-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def measure(self, *arguments):
        """Runs postern; its exit code, seconds of CPU and peak of memory in bytes."""
        child = subprocess.Popen([POSTERN, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        return child.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024

    def check(self, table, extension, *arguments):
        for name, make in table.items():
            with self.subTest(name):
                path = self.dir / ("case" + extension)
                path.write_bytes(make())
                code, seconds, memory = self.measure(*arguments, path)
                self.assertIn(code, (0, 1))
                self.assertLess(seconds, SECONDS)
                self.assertLess(memory - path.stat().st_size, MEMORY)

    def test_mail_there_and_back(self):
        self.check(MAIL, ".eml", "convert", "--verify")

    def test_mail_to_json(self):
        self.check(MAIL, ".eml", "convert", "--to", "json")


if __name__ == "__main__":
    main()
