#!/usr/bin/env python3
"""postern convert as a user calls it: kinds, trees, streams, what is never overwritten, exit codes, the report."""
import email
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from house import POSTERN, TOP, main

MAIL = TOP / "samples" / "mime"
DONE, LOSSES, USAGE, NOT_DONE = 0, 1, 2, 3


class Convert(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="postern-convert-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def convert(self, *arguments, code=DONE, stdin=None):
        environment = {k: v for k, v in os.environ.items() if k != "POSTERN_DIR"}
        done = subprocess.run([POSTERN, "convert", *map(str, arguments)], capture_output=True, env=environment)
        self.assertEqual(done.returncode, code, done.stderr.decode())
        self.errors = done.stderr.decode()
        return done.stdout

    def key(self):
        path = self.dir / "key"
        path.write_bytes(bytes(range(32)))
        path.chmod(0o600)
        return path

    def test_there_and_back_is_the_same(self):
        """Every sample of mail gives its bytes back, through native files, sealed or not, and through API files."""
        for kind, options in (("native", []), ("native", ["--key", self.key()]), ("api", [])):
            out, back = self.dir / f"{kind}{len(options)}", self.dir / f"{kind}{len(options)}-back"
            self.convert(*options, "--to", kind, "-o", out, MAIL, code=LOSSES)
            self.convert(*options, "--to", "mime", "-o", back, out, code=LOSSES)
            for path in MAIL.glob("*.eml"):
                self.assertEqual((back / path.name).read_bytes(), path.read_bytes(), path.name)

    def test_sealed_files_are_not_in_the_clear(self):
        out = self.dir / "sealed.native"
        self.convert("--key", self.key(), "--to", "native", "-o", out, MAIL / "plain-ascii.eml")
        self.assertNotIn(b"Subject", out.read_bytes())
        self.assertEqual(out.stat().st_mode & 0o777, 0o600)
        self.convert("--to", "mime", out, code=NOT_DONE)
        self.assertIn("sealed", self.errors)
        other = self.dir / "other"
        other.write_bytes(bytes(32))
        other.chmod(0o600)
        self.convert("--key", other, "--to", "mime", out, code=NOT_DONE)
        self.assertIn("key", self.errors)

    def test_one_input_goes_to_standard_output(self):
        path = MAIL / "plain-ascii.eml"
        self.assertEqual(self.convert("--to", "mime", path), path.read_bytes())
        view = json.loads(self.convert("--to", "json", path))
        self.assertEqual(view["type"], "mail")

    def test_json_lines_keep_the_order(self):
        paths = sorted(MAIL.glob("*.eml"))
        one = self.convert("-j1", "--to", "json", MAIL, code=LOSSES).splitlines()
        four = self.convert("-j", "4", "--to", "json", MAIL, code=LOSSES).splitlines()
        self.assertEqual(len(one), len(paths))
        self.assertEqual(one, four)
        for path, line in zip(paths, one):
            alone = json.loads(self.convert("--to", "json", path, code=LOSSES if json.loads(line)["losses"] else DONE))
            self.assertEqual(json.loads(line), alone)

    def test_tree_is_kept(self):
        tree = self.dir / "in"
        (tree / "a" / "b").mkdir(parents=True)
        for name in ("1.eml", "a/2.eml", "a/b/3.eml", "a/b/3.msg"):
            shutil.copy(MAIL / "plain-ascii.eml", tree / name)
        out = self.dir / "out"
        self.convert("--to", "native", "-o", out, tree)
        self.assertEqual(sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()),
                         ["1.native", "a/2.native", "a/b/3.msg.native", "a/b/3.native"])

    def test_nothing_is_overwritten(self):
        path = self.dir / "mail.eml"
        shutil.copy(MAIL / "plain-latin1-8bit.eml", path)
        before = path.read_bytes()
        for force in ([], ["--force"]):
            self.convert(*force, "--to", "mime", "--anew", "-o", path, path, code=NOT_DONE)
            self.assertEqual(path.read_bytes(), before)
        link = self.dir / "link.eml"
        link.symlink_to(path)
        self.convert("--force", "--to", "mime", "--anew", "-o", link, path, code=NOT_DONE)
        self.assertEqual(path.read_bytes(), before)

        other = self.dir / "other.eml"
        other.write_bytes(b"kept")
        self.convert("--to", "mime", "-o", other, path, code=NOT_DONE)
        self.assertEqual(other.read_bytes(), b"kept")
        self.convert("--force", "--to", "mime", "-o", other, path)
        self.assertEqual(other.read_bytes(), before)
        self.assertEqual(sorted(p.name for p in self.dir.iterdir()), ["link.eml", "mail.eml", "other.eml"])

    def test_a_bad_file_does_not_stop_the_others(self):
        tree = self.dir / "in"
        tree.mkdir()
        shutil.copy(MAIL / "plain-ascii.eml", tree / "good.eml")
        (tree / "bad.bin").write_bytes(bytes(range(256)))
        (tree / "truncated.native").write_bytes(b"WPC-API= 1.2;\r\nMsg-Type= Mail;\r\n")
        report = self.dir / "report"
        self.convert("--to", "native", "-o", self.dir / "out", "--report", report, tree, self.dir / "nowhere",
                     code=NOT_DONE)
        self.assertTrue((self.dir / "out" / "good.native").exists())
        lines = [json.loads(line) for line in report.read_text().splitlines()]
        self.assertEqual([(pathlib.Path(x["file"]).name, x["result"]) for x in lines],
                         [("bad.bin", "failed"), ("good.eml", "converted"), ("truncated.native", "failed"),
                          ("nowhere", "failed")])
        for line in lines:
            self.assertEqual(set(line), {"file", "kind", "result", "losses", "output", "error"})
            self.assertEqual(line["error"] is None, line["result"] == "converted")
        for name in ("bad.bin", "truncated.native", "nowhere"):
            self.assertIn(name, self.errors)

    def test_verify_tells_what_differs(self):
        samples = TOP / "samples"
        report = self.dir / "report"
        self.convert("--verify", "--report", report, samples / "mime", samples / "ical", code=LOSSES)
        results = [json.loads(line)["result"] for line in report.read_text().splitlines()]
        self.assertEqual(set(results), {"identical"})
        self.convert("--verify", "--report", report, samples / "native", samples / "api", code=LOSSES)
        results = [json.loads(line)["result"] for line in report.read_text().splitlines()]
        self.assertEqual(set(results), {"equivalent"})

    def test_usage(self):
        for arguments in ([], ["--to", "mime"], ["--to", "pdf", "x"], ["--from", "pdf", "--to", "mime", "x"], ["--to", "maildir", "x"],
                          ["--continue", "--force", "--to", "mime", "-o", "y", "x"], ["x"],
                          ["--to", "api", "x"], ["--to", "mime", MAIL], ["--nonsense"]):
            self.convert(*arguments, code=USAGE)
            self.assertIn("postern convert:", self.errors)

    def test_mail_is_no_calendar(self):
        self.convert("--to", "ical", MAIL / "plain-ascii.eml", code=NOT_DONE)
        self.assertIn("calendar", self.errors)
        ics = self.convert("--to", "ical", MAIL / "meeting-outlook-request.eml")
        self.assertTrue(ics.startswith(b"BEGIN:VCALENDAR"))

    def test_composing_is_reproducible(self):
        path = TOP / "samples" / "native" / "mail-attachments.pnm"
        os.environ["SOURCE_DATE_EPOCH"] = "1767225600"
        self.addCleanup(os.environ.pop, "SOURCE_DATE_EPOCH")
        self.assertEqual(self.convert("--to", "mime", path), self.convert("--to", "mime", path))


class SeveralItems(unittest.TestCase):
    """One mail whose calendar part holds several UIDs: none of them is lost."""

    def convert(self, *arguments):
        return subprocess.run([POSTERN, "convert", *map(str, arguments)], capture_output=True, text=True)

    def test_every_uid_comes_out(self):
        mail = TOP / "samples" / "mime" / "meeting-several-uids.eml"
        for options in ((), ("--anew",), ("--simple-recurrence",)):
            with self.subTest(options):
                done = self.convert("--to", "ical", *options, mail)
                self.assertEqual([line.strip() for line in done.stdout.splitlines() if line.startswith("UID:")],
                                 ["UID:first@example.org", "UID:second@example.org", "UID:second@example.org", "UID:third@example.org"])
        view = json.loads(self.convert("--to", "json", mail).stdout)
        self.assertEqual(view["calendar"]["uid"], "first@example.org")
        self.assertTrue(any("2 components with other UIDs" in loss["reason"] or "3 components with other UIDs" in loss["reason"]
                            for loss in view["losses"]), view["losses"])

    def test_composed_mail_holds_them_all(self):
        mail = TOP / "samples" / "mime" / "meeting-several-uids.eml"
        composed = email.message_from_string(self.convert("--to", "mime", "--anew", mail).stdout)
        text = next(p for p in composed.walk() if p.get_content_type() == "text/calendar").get_payload(decode=True).decode()
        for uid in ("first", "second", "third"):
            self.assertIn(f"UID:{uid}@example.org", text)


if __name__ == "__main__":
    main()
