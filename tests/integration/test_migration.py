#!/usr/bin/env python3
"""postern convert as a migration tool: mailboxes, Maildirs, calendars of many items, JSON, rejects, interrupted runs,
the progress bar."""
import base64
import json
import mailbox
import os
import pathlib
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from house import POSTERN, TOP, main

DONE, LOSSES, USAGE, NOT_DONE = 0, 1, 2, 3
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "POSTERN_DIR"} | {"SOURCE_DATE_EPOCH": "1767225600"}
SANITIZED = b"__asan_init" in pathlib.Path(POSTERN).read_bytes()


def message(number, body="text\n"):
    return (f"From: Person {number} <p{number}@example.org>\nTo: a@example.com\nSubject: number {number}\n"
            f"Date: Mon, 2 Mar 2026 10:00:{number % 60:02d} +0100\nMessage-ID: <{number}@example.org>\n\n{body}")


def files(directory):
    """Every file below DIRECTORY and its bytes."""
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


class Migration(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="postern-migration-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def convert(self, *arguments, code=DONE, stdin=None):
        done = subprocess.run([POSTERN, "convert", *map(str, arguments)], capture_output=True, env=ENVIRONMENT, input=stdin)
        self.errors = done.stderr.decode()
        self.assertEqual(done.returncode, code, self.errors)
        return done.stdout

    def write(self, name, data):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path


class Mailboxes(Migration):
    def bodies(self, path, *options):
        """What is read as the messages of a mailbox."""
        out = pathlib.Path(tempfile.mkdtemp(dir=self.dir))
        self.convert("--to", "mime", "-o", out, *options, path)
        return [p.read_bytes().decode() for p in sorted(out.rglob("*.eml"))]

    def test_quoting_is_undone_and_done_again(self):
        one, two = message(1, ">From here\n>>From there\nFromage\n> From x\n"), message(2, "\n\nlast\n\n")
        box = self.write("a.mbox", f"From p1@example.org Mon Mar  2 10:00:00 2026\n{one}\nFrom p2@example.org Mon Mar  2 10:00:00 2026\n{two}\n")
        self.assertEqual(self.bodies(box), [one.replace(">From here", "From here").replace(">>From", ">From"), two])
        self.assertEqual(self.convert("--to", "mbox", box), box.read_bytes())
        self.convert("--to", "native", "-o", self.dir / "native", box)
        again = self.convert("--to", "mbox", self.dir / "native")
        self.assertEqual(re.sub(rb"(?m)^From .*", b"", again), re.sub(rb"(?m)^From .*", b"", box.read_bytes()))

    def test_every_sample_goes_through_a_mailbox(self):
        text = b""
        for path in sorted((TOP / "samples" / "mime").glob("*.eml")):
            data = re.sub(rb"(?m)^(>*From )", rb">\1", path.read_bytes())
            text += b"From a@example.com Mon Mar  2 10:00:00 2026\n" + data + (b"" if data.endswith(b"\n") else b"\n") + b"\n"
        box = self.write("samples.mbox", text)
        self.assertEqual(self.convert("--to", "mbox", box, code=LOSSES), text)
        self.convert("--verify", box, code=LOSSES)
        self.assertIn(" 0 equivalent, 0 different, 0 failed", self.errors)

    def test_mboxo(self):
        box = self.write("o.mbox", f"From a@example.org Mon Mar  2 10:00:00 2026\n{message(1, '>From x' + chr(10) + '>>From y' + chr(10))}\n")
        self.assertEqual(self.bodies(box, "--from", "mboxo"), [message(1, "From x\n>>From y\n")])

    def test_content_length(self):
        body = "From nobody Mon Mar  2 10:00:00 2026\n\nFrom x@y Mon Mar  2 10:00:00 2026\nSubject: no message\n>From kept\n"
        first = message(1).replace("\n\ntext\n", f"\nContent-Length: {len(body)}\n\n{body}")
        wrong = message(2).replace("\n\ntext\n", "\nContent-Length: 99999\n\ntext\n")
        box = self.write("cl.mbox", f"From a@example.org Mon Mar  2 10:00:00 2026\n{first}\nFrom b@example.org Mon Mar  2 10:00:00 2026\n{wrong}\n")
        self.assertEqual(self.bodies(box), [first, wrong])
        self.assertEqual(self.bodies(box, "--from", "mboxcl2"), [first, wrong])

    def test_odd_separators(self):
        lines = ["From a@example.org Mon Mar 02 10:00:00 +0100 2026", "From - Mon Mar  2 10:00:00 2026",
                 "From ???@??? Mon Mar 02 10:00:00 2026", "From MAILER-DAEMON Mon Mar  2 10:00 2026 remote from x",
                 "From b@example.org Mon, 2 Mar 2026 10:00:00 GMT", "From c@example.org"]
        messages = [message(i, "text\n\nFrom my point of view\nthis is prose: 10 of them\n") for i in range(len(lines))]
        box = self.write("odd.mbox", "\n".join(f"{line}\n{text}" for line, text in zip(lines, messages)))
        self.assertEqual(self.bodies(box), messages)

    def test_no_empty_line_before_the_separator(self):
        one, two = message(1), message(2)
        box = self.write("tight.mbox", f"From a@example.org Mon Mar  2 10:00:00 2026\n{one}From b@example.org Mon Mar  2 10:00:00 2026\n{two}")
        self.assertEqual(self.bodies(box), [one, two])

    def test_crlf(self):
        text = "".join(f"From a@example.org Mon Mar  2 10:00:00 2026\n{message(i, 'x' + chr(10) + '>From y' + chr(10))}\n" for i in range(3))
        box = self.write("crlf.mbox", text.replace("\n", "\r\n"))
        self.assertEqual(self.bodies(box)[2], message(2, "x\nFrom y\n").replace("\n", "\r\n"))
        self.assertEqual(self.convert("--to", "mbox", box), box.read_bytes())

    def test_one_mail_with_a_separator_stays_as_it_is(self):
        path = self.write("single", f"From a@example.org Mon Mar  2 10:00:00 2026\n{message(1)}")
        self.convert("--verify", path)
        self.assertIn("1 identical", self.errors)

    def test_standard_input(self):
        text = "".join(f"From a@example.org Mon Mar  2 10:00:00 2026\n{message(i)}\n" for i in range(5))
        self.assertEqual(len(self.convert("--from", "mbox", "--to", "json", "-", stdin=text.encode()).splitlines()), 5)

    def test_folders_become_mailboxes(self):
        for name in ("inbox/1.eml", "inbox/2.eml", "work/a/3.eml", "4.eml"):
            self.write(f"in/{name}", message(int(re.search(r"\d", name)[0])))
        self.convert("--to", "mbox", "-o", f"{self.dir}/out/", self.dir / "in")
        out = files(self.dir / "out")
        self.assertEqual({k: v.count(b"\nSubject") for k, v in out.items()}, {"inbox.mbox": 3, "work/a.mbox": 1})

    def test_python_reads_what_is_written(self):
        box = self.dir / "out.mbox"
        self.convert("--to", "mbox", "-o", box, TOP / "samples" / "mime", TOP / "samples" / "native", code=LOSSES)
        names = [*(TOP / "samples" / "mime").glob("*.eml"), *(TOP / "samples" / "native").glob("*.pnm")]
        self.assertEqual(len(mailbox.mbox(box)), len(names))

    def test_memory_does_not_grow(self):
        """A mailbox with a large message, once with lines to be unquoted: less than 64 MiB."""
        size = 4 if SANITIZED else 100
        box = self.dir / "large.mbox"
        line = base64.b64encode(bytes(range(57))) + b"\n"
        with open(box, "wb") as out:
            for quoted in (b"", b">From x\n"):
                out.write(b"From a@example.org Mon Mar  2 10:00:00 2026\nSubject: large\nMIME-Version: 1.0\nContent-Type: application/octet-stream; "
                          b"name=x\nContent-Transfer-Encoding: base64\n\n" + quoted)
                for _ in range(size * 1024 * 1024 // 77000):
                    out.write(line * 1000)
                out.write(b"\n")
        for arguments in (["--to", "mbox", "-o", self.dir / "again.mbox", box], ["--to", "json", "-o", self.dir / "x.json", box],
                          ["--to", "mbox", "-o", self.dir / "back.mbox", self.dir / "x.json"]):
            pid = os.spawnve(os.P_NOWAIT, POSTERN, [POSTERN, "convert", *map(str, arguments)], ENVIRONMENT)
            _, status, usage = os.wait4(pid, 0)
            self.assertIn(os.waitstatus_to_exitcode(status), (DONE, LOSSES))
            if not SANITIZED:
                self.assertLess(usage.ru_maxrss, 64 * 1024, arguments)
        self.assertEqual(subprocess.run(["cmp", box, self.dir / "again.mbox"]).returncode, 0)


class Maildirs(Migration):
    def test_there_and_back(self):
        for folder in ("", ".Work/", ".Work.Old/"):
            for sub in ("cur", "new", "tmp"):
                (self.dir / "in" / folder / sub).mkdir(parents=True)
        self.write("in/cur/1.a.host:2,RS", message(1))
        self.write("in/new/2.b.host", message(2))
        self.write("in/tmp/3.c.host", message(3))
        self.write("in/.Work/cur/4.d.host:2,", message(4))
        self.write("in/.Work.Old/cur/5.e.host:2,FS", message(5))
        self.write("in/dovecot-uidlist", "not a message")
        self.convert("--from", "maildir", "--to", "maildir", "-o", self.dir / "out", self.dir / "in")
        wanted = {k: v for k, v in files(self.dir / "in").items() if "/cur/" in "/" + k or "/new/" in "/" + k}
        found = {k: v for k, v in files(self.dir / "out").items() if not k.endswith("maildirfolder")}
        self.assertEqual(found, wanted)
        self.convert("--to", "native", "-o", self.dir / "native", self.dir / "in", code=LOSSES)
        self.assertIn("2 losses in 2 messages", self.errors)
        self.assertEqual(sorted(files(self.dir / "native")), ["1.a.host.native", "2.b.host.native", "Work/4.d.host.native",
                                                              "Work/Old/5.e.host.native"])

    def test_flags_of_a_mailbox(self):
        text = message(1).replace("\n\n", "\nStatus: RO\nX-Status: AF\n\n", 1)
        box = self.write("a.mbox", f"From a@example.org Mon Mar  2 10:00:00 2026\n{text}\n")
        self.convert("--to", "maildir", "-o", self.dir / "out", box)
        names = [p.name for p in (self.dir / "out" / "cur").iterdir()]
        self.assertEqual([n.split(":")[1] for n in names], ["2,FRS"])
        self.assertEqual(len(mailbox.Maildir(self.dir / "out", create=False)), 1)

    def test_an_input_is_not_overwritten(self):
        for sub in ("cur", "new", "tmp"):
            (self.dir / "in" / sub).mkdir(parents=True)
        path = self.write("in/cur/1.a:2,S", message(1))
        for force in ([], ["--force"]):
            self.convert(*force, "--anew", "--to", "maildir", "-o", self.dir / "in", self.dir / "in", code=NOT_DONE)
            self.assertEqual(path.read_text(), message(1))


ZONE = "BEGIN:VTIMEZONE\r\nTZID:Here\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"


def event(uid, more="", start="20260310T100000"):
    return (f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260301T000000Z\r\nDTSTART;TZID=Here:{start}\r\nDTEND;TZID=Here:20260310T110000\r\n"
            f"SUMMARY:Item {uid}\r\n{more}END:VEVENT\r\n")


def calendar(*components):
    return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y\r\nMETHOD:PUBLISH\r\n" + "".join(components) + "END:VCALENDAR\r\n"


class Calendars(Migration):
    def test_one_message_for_each_item(self):
        path = self.write("all.ics", calendar(ZONE, event("a", "RRULE:FREQ=DAILY;COUNT=5\r\n"), event("b"),
                                              event("a", "RECURRENCE-ID;TZID=Here:20260311T100000\r\n", "20260311T120000"))
                          + calendar(event("c"), "BEGIN:VTODO\r\nUID:d\r\nDTSTAMP:20260301T000000Z\r\nSUMMARY:Item d\r\nEND:VTODO\r\n"))
        views = [json.loads(line) for line in self.convert("--brief", "--to", "json", path, code=LOSSES).splitlines()]
        self.assertEqual([v["calendar"]["uid"] for v in views], ["a", "b", "c", "d"])
        self.assertEqual([v["type"] for v in views], ["appointment"] * 3 + ["task"])
        out = self.dir / "out"
        self.convert("--to", "ical", "-o", out, path, code=LOSSES)
        series = (out / "000001.ics").read_text()
        self.assertEqual((series.count("BEGIN:VEVENT"), series.count("BEGIN:VTIMEZONE")), (2, 1))
        self.assertEqual((out / "000003.ics").read_text().count("BEGIN:VTIMEZONE"), 1)
        self.convert("--to", "ical", "-o", self.dir / "again.ics", out, code=LOSSES)
        views = [json.loads(line) for line in self.convert("--brief", "--to", "json", self.dir / "again.ics", code=LOSSES).splitlines()]
        self.assertEqual([v["calendar"]["uid"] for v in views], ["a", "b", "c", "d"])

    def test_one_item_is_kept_as_it_is(self):
        path = self.write("one.ics", calendar(ZONE, event("a")))
        self.assertEqual(self.convert("--to", "ical", path), path.read_bytes())

    def test_free_busy(self):
        """A search is written as VFREEBUSY and read again."""
        done = 0
        for path in sorted((TOP / "samples" / "api").glob("search-*.api")) + sorted((TOP / "samples" / "native").glob("search*.pnm")):
            out = self.dir / f"{path.name}.ics"
            self.convert("--to", "ical", "-o", out, path, code=self.code_of("--to", "ical", path))
            self.assertIn(b"BEGIN:VFREEBUSY", out.read_bytes(), path.name)
            first, second = (json.loads(self.convert("--brief", "--to", "json", p, code=self.code_of("--to", "json", p))) for p in (path, out))
            for member in ("type", "begin_time", "end_time", "busy"):
                self.assertEqual(first[member], second[member], f"{path.name}: {member}")
            done += 1
        self.assertGreater(done, 2)

    def code_of(self, *arguments):
        return subprocess.run([POSTERN, "convert", *map(str, arguments)], capture_output=True, env=ENVIRONMENT).returncode


class Cards(Migration):
    def test_there_and_back(self):
        """Cards to an entry of the Address Book in a native file, and back."""
        cards = "".join(f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Person {i}\r\nN:{i};Person;;;\r\nEMAIL:p{i}@example.org\r\nTEL;TYPE=CELL:+49 {i}\r\n"
                        f"X-OTHER:kept {i}\r\nEND:VCARD\r\n" for i in range(3))
        path = self.write("all.vcf", cards)
        self.convert("--to", "native", "-o", self.dir / "all.native", path)
        back = self.convert("--to", "vcard", self.dir / "all.native").decode()
        self.assertEqual(back.count("BEGIN:VCARD"), 3)
        for i in range(3):
            for text in (f"FN:Person {i}", f"p{i}@example.org", f"+49 {i}", f"X-OTHER:kept {i}"):
                self.assertIn(text, back)
        self.convert("--verify", path, code=LOSSES)
        self.assertIn("1 equivalent", self.errors)


class Json(Migration):
    def test_every_sample_comes_back(self):
        source = TOP / "samples" / "mime"
        view = self.dir / "all.jsonl"
        self.convert("--to", "json", "-o", view, source, code=LOSSES)
        self.convert("--to", "mime", "-o", self.dir / "back", view, code=LOSSES)
        names = sorted(source.glob("*.eml"))
        back = sorted((self.dir / "back").glob("*.eml"))
        self.assertEqual([p.read_bytes() for p in back], [p.read_bytes() for p in names])

    def test_native_samples_come_back(self):
        for path in sorted((TOP / "samples" / "native").glob("*.pnm")):
            view = self.dir / f"{path.stem}.json"
            there = subprocess.run([POSTERN, "convert", "--to", "json", "-o", view, path], capture_output=True, env=ENVIRONMENT)
            self.assertIn(there.returncode, (DONE, LOSSES), there.stderr)
            outs = [subprocess.run([POSTERN, "convert", "--to", "native", p], capture_output=True, env=ENVIRONMENT).stdout for p in (path, view)]
            self.assertEqual(outs[0], outs[1], path.name)

    def test_a_view_alone_makes_a_message(self):
        view = {"type": "appointment", "from": {"name": "Anna", "address": "anna@example.com"},
                "to": [{"name": None, "address": "b@example.org"}], "subject": "Grüße", "date": "2026-03-02T10:00:00+01:00",
                "text": "Hello\n", "html": None, "priority": "high",
                "attachments": [{"name": "x.bin", "type": "application/octet-stream", "content": base64.b64encode(b"\0\1\2").decode()}],
                "calendar": {"method": "REQUEST", "component": "VEVENT", "uid": "u1", "sequence": 2, "start": "2026-06-01T09:00:00",
                             "end": "2026-06-01T10:00:00", "timezone": "Europe/Berlin", "summary": "Grüße",
                             "organizer": {"name": "Anna", "address": "anna@example.com"},
                             "attendees": [{"address": "b@example.org", "name": None, "partstat": "NEEDS-ACTION", "rsvp": True}]}}
        path = self.write("view.json", json.dumps(view))
        mail = self.convert("--to", "mime", path)
        back = json.loads(self.convert("--brief", "--to", "json", self.write("x.eml", mail)))
        for member in ("type", "from", "subject", "date", "text", "priority"):
            self.assertEqual(back[member], view[member], member)
        for member in ("method", "uid", "sequence", "start", "end", "timezone"):
            self.assertEqual(back["calendar"][member], view["calendar"][member], member)
        self.assertEqual([(a["name"], a["size"]) for a in back["attachments"]], [("x.bin", 3)])

    def test_a_view_of_a_report_keeps_every_member(self):
        view = {"type": "status", "from": {"address": "b@example.org"}, "to": [{"address": "anna@example.com"}],
                "reports": [{"action": "Opened", "time": "2026-03-02T10:00:00+01:00", "recipient": {"address": "b@example.org"},
                             "original_recipient": "list@example.org", "wording": "manual-action/MDN-sent-manually; displayed",
                             "status_code": "5.1.1", "diagnostic": "550 no", "remote_mta": "mx.example.org", "comment": "why"}]}
        back = json.loads(self.convert("--brief", "--to", "json", self.write("view.json", json.dumps(view))))
        self.assertEqual(len(back["reports"]), 1)
        for member in set(view["reports"][0]) - {"recipient"}:
            self.assertEqual(back["reports"][0][member], view["reports"][0][member], member)

    def test_bad_json(self):
        for text in ('{"type": "mail"', '{"a": [}', '{"queue_file": "AAAA"}', "{]"):
            self.convert("--from", "json", "--to", "mime", self.write("bad.json", text), code=NOT_DONE)
            self.assertIn("bad.json: ", self.errors)


class Runs(Migration):
    def corpus(self, count=1200):
        tree = self.dir / "in"
        for i in range(count):
            self.write(f"in/{i % 7}/{i:05d}.eml", message(i, "line\n" * (i % 400)))
        self.write("in/box.mbox", "".join(f"From a@example.org Mon Mar  2 10:00:00 2026\n{message(i)}\n" for i in range(300)))
        self.write("in/3/bad.bin", bytes(range(256)))
        return tree

    def test_rejects(self):
        tree, rejects = self.corpus(20), self.dir / "rejects"
        self.write("in/4/cut.native", "WPC-API= 1.2;\r\nMsg-Type= Mail;\r\n")
        self.write("in/b.json", '{"type":"mail"}\n{"queue_file":"AAAA"}\n')
        self.convert("--to", "native", "-o", self.dir / "out", "--rejects", rejects, tree, self.dir / "nowhere", code=NOT_DONE)
        kept = files(rejects)
        self.assertEqual(sorted(kept), ["3/bad.bin", "3/bad.bin.reason", "4/cut.native", "4/cut.native.reason", "b.json#2",
                                        "b.json#2.reason", "nowhere.reason"])
        self.assertEqual(kept["3/bad.bin"], bytes(range(256)))
        self.assertEqual(kept["b.json#2"], b'{"queue_file":"AAAA"}')
        for name in kept:
            if name.endswith(".reason"):
                self.assertRegex(kept[name].decode(), r": failed: .{10,}\n")

    def test_report_names_messages_of_a_mailbox(self):
        tree, report = self.corpus(5), self.dir / "report"
        self.convert("--to", "native", "-o", self.dir / "out", "--report", report, tree, code=NOT_DONE)
        lines = [json.loads(line) for line in report.read_text().splitlines()]
        self.assertEqual(len(lines), 306)
        self.assertEqual([pathlib.Path(x["file"]).name for x in lines if "#" in x["file"]][:2], ["box.mbox#1", "box.mbox#2"])
        self.assertEqual([x["result"] for x in lines if x["result"] != "converted"], ["failed"])

    def killed(self, arguments, rng, whole, signal_number=signal.SIGKILL):
        """Runs it again and again with --continue, killed at a random moment each time, until it ends by itself; WHOLE:
        seconds of a run that is not."""
        kills = 0
        for turn in range(400):
            process = subprocess.Popen([POSTERN, "convert", "-j2", "--continue", *map(str, arguments)], stderr=subprocess.PIPE,
                                       env=ENVIRONMENT)
            try:
                process.wait(timeout=whole * rng.uniform(0.05, 0.5) * (1 + turn / 50))
            except subprocess.TimeoutExpired:
                process.send_signal(signal_number)
            code = process.wait(timeout=60)
            errors = process.stderr.read().decode()
            process.stderr.close()
            ended = "; --continue goes on" not in errors
            if code >= 0 and ended:
                return code, kills, errors
            kills += 1
            if code < 0 and " converted" in errors and not list(pathlib.Path(arguments[3]).parent.rglob("*.postern-convert")):
                return NOT_DONE, kills, errors  # killed when all was done, between its last word and its end
        self.fail(f"it never ended: {code} {errors}")

    def test_killed_and_continued(self):
        """Killed at any moment, continued, and in the end the same as a run that was not: no output twice, none missing."""
        tree, rng, total = self.corpus(), random.Random(5), 0
        for to, out, name in (("native", "out", "files"), ("mbox", "out.mbox", "stream"), ("json", "out.jsonl", "lines"),
                              ("mbox", "folders/", "folders"), ("api", "api", "api")):
            with self.subTest(name):
                whole, parts = self.dir / f"{name}-whole", self.dir / f"{name}-parts"
                whole.mkdir()
                parts.mkdir()
                arguments = ["--to", to, "-o"]
                begin = time.monotonic()
                self.convert("-j2", *arguments, f"{whole}/{out}", "--report", whole / "report", tree, code=NOT_DONE)
                duration = time.monotonic() - begin
                summary = re.search(r"postern convert: (\d+ files, \d+ messages).*?(, \d+ converted.*)", self.errors).groups()
                code, kills, errors = self.killed([*arguments, f"{parts}/{out}", "--report", parts / "report", tree], rng, duration)
                self.assertEqual(code, NOT_DONE)  # one file is bad
                total += kills
                self.assertEqual(re.search(r"postern convert: (\d+ files, \d+ messages).*?(, \d+ converted.*)", errors).groups(), summary)
                first, second = files(whole), files(parts)
                for report in (first, second):
                    report["report"] = report["report"].replace(b"-whole", b"").replace(b"-parts", b"")
                self.assertEqual(sorted(first), sorted(second))
                self.assertEqual([n for n in first if first[n] != second[n]], [])
        self.assertGreater(total, 5)

    def test_interrupted_by_the_user(self):
        tree, rng = self.corpus(), random.Random(6)
        begin = time.monotonic()
        self.convert("-j2", "--to", "mbox", "-o", self.dir / "whole.mbox", tree, code=NOT_DONE)
        whole = time.monotonic() - begin
        stops = 0
        for turn in range(20):  # a machine may be too fast for the first try
            out = self.dir / f"out{turn}.mbox"
            stops += self.killed(["--to", "mbox", "-o", out, tree], rng, whole / (1 + turn), signal.SIGINT)[1]
            self.assertEqual(out.read_bytes(), (self.dir / "whole.mbox").read_bytes())
            if stops:
                break
        self.assertGreater(stops, 0)

    def test_continue_refuses_other_inputs(self):
        tree = self.corpus(50)
        out = self.dir / "out"
        out.mkdir()
        (out / ".postern-convert").write_text("postern convert journal 1 0123\nat 0 1 0 0 0 0 0 0 0 0 0 0 0\n")
        self.convert("--to", "native", "-o", out, tree, code=NOT_DONE)
        self.assertIn("interrupted", self.errors)
        self.convert("--continue", "--to", "native", "-o", out, tree, code=NOT_DONE)
        self.assertIn("not those of the run", self.errors)
        self.convert("--force", "--to", "native", "-o", out, tree, code=NOT_DONE)
        self.assertFalse((out / ".postern-convert").exists())
        self.assertEqual(len(files(out)), 350)

    def test_continuing_wants_the_same_options(self):
        """An early end leaves a journal: only the same conversion goes on with it."""
        bad = self.write("in/bad.bin", "of no kind")
        way = self.write("file", "")
        run = ["--to", "ical", "-o", self.dir / "out", bad.parent]
        self.convert("--simple-recurrence", "--rejects", way, *run, code=NOT_DONE)
        self.assertTrue((self.dir / "out" / ".postern-convert").exists(), self.errors)
        for others in ([], ["--simple-recurrence", "--anew"], ["--simple-recurrence", "--timezone", "Europe/Berlin"]):
            self.convert("--continue", *others, *run, code=NOT_DONE)
            self.assertIn("not those of the run", self.errors)
        self.convert("--continue", "--simple-recurrence", *run, code=NOT_DONE)
        self.assertIn("1 failed", self.errors)
        self.assertFalse((self.dir / "out" / ".postern-convert").exists())

    def test_foreign_files_are_not_replaced_by_continuing(self):
        tree = self.corpus(10)
        other = self.write("out/0/00000.native", "mine")
        self.convert("--continue", "--to", "native", "-o", self.dir / "out", tree, code=NOT_DONE)
        self.convert("--continue", "--to", "native", "-o", self.dir / "out", tree, code=NOT_DONE)
        self.assertEqual(other.read_text(), "mine")

    def on_terminal(self, *arguments):
        """What a terminal would get on standard error."""
        master, slave = pty.openpty()
        process = subprocess.Popen([POSTERN, "convert", *map(str, arguments)], stderr=slave, stdin=subprocess.PIPE, env=ENVIRONMENT)
        os.close(slave)
        text = b""
        while True:
            try:
                ready, _, _ = select.select([master], [], [], 60)
                data = os.read(master, 65536) if ready else b""
            except OSError:
                data = b""
            if not data:
                break
            text += data
        os.close(master)
        process.stdin.close()
        process.wait()
        return text.decode()

    def test_progress_bar(self):
        """On a terminal: a bar with rate and time left, which the summary replaces; elsewhere none."""
        box = self.dir / "big.mbox"
        one = f"From a@example.org Mon Mar  2 10:00:00 2026\n{message(1, 'line of text ' * 400 + chr(10))}\n"
        box.write_text(one * (8000 if SANITIZED else 20000))
        shown = self.on_terminal("-j1", "--to", "json", "-o", self.dir / "out.json", box)
        bars = re.findall(r"\r\[[#.]{24}\] +\d+% (\d+) messages, [\d.]+.[KMG]iB, [\d.]+.[KMG]iB/s, (?:\d+:\d\d|-:--) left", shown)
        self.assertTrue(bars, shown)
        self.assertEqual(sorted(map(int, bars)), list(map(int, bars)))
        self.assertRegex(shown.splitlines()[-1], r"\x1b\[Kpostern convert: 1 file, \d+ messages, ")
        quiet = subprocess.run([POSTERN, "convert", "--brief", "--to", "json", "-o", self.dir / "again.json", box], capture_output=True,
                               env=ENVIRONMENT).stderr
        self.assertNotIn(b"\r", quiet)


if __name__ == "__main__":
    main()
