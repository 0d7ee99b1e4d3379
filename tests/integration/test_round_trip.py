"""MIME to native and back gives the same bytes, for the samples and for generated hard messages, in memory that does not grow
with the size of an attachment."""
import base64
import filecmp
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from house import POSTERN, TOP, main

HARD = int(os.environ.get("HARD_MESSAGES", "400"))
THOUSANDS = int(os.environ.get("THOUSANDS", "5000"))
LARGE = int(os.environ.get("LARGE_MIB", "1024"))
MEMORY = 64 * 1024 * 1024
SANITIZED = b"__asan_init" in pathlib.Path(POSTERN).read_bytes()


def convert(*arguments):
    return subprocess.run([POSTERN, "convert", *map(str, arguments)], capture_output=True, text=True)


def peak(arguments):
    """Runs a command; bytes of its largest resident size."""
    pid = os.spawnv(os.P_NOWAIT, arguments[0], arguments)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024


class RoundTrip(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="postern-round-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def there_and_back(self, source, *options):
        native, back = self.scratch / "native", self.scratch / "back"
        there = convert("--from", "mime", "--to", "native", "-o", native, *options, source)
        self.assertIn(there.returncode, (0, 1), there.stderr)
        again = convert("--from", "native", "--to", "mime", "-o", back, *options, native)
        self.assertIn(again.returncode, (0, 1), again.stderr)
        names = sorted(p.relative_to(source) for p in source.rglob("*.eml"))
        different = [str(n) for n in names if not filecmp.cmp(source / n, back / n, shallow=False)]
        self.assertEqual(different, [])
        return len(names)

    def test_samples(self):
        for kind in ("mime", "demo"):
            with self.subTest(kind):
                self.scratch = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
                self.assertGreater(self.there_and_back(TOP / "samples" / kind), 2)

    def test_generated_hard_messages(self):
        hard = self.scratch / "hard"
        subprocess.run([sys.executable, TOP / "tests" / "generate-hard.py", str(HARD), hard], check=True, stdout=subprocess.DEVNULL)
        self.assertGreaterEqual(self.there_and_back(hard), min(HARD, 200))

    def test_generated_hard_messages_sealed(self):
        hard, key = self.scratch / "hard", self.scratch / "key"
        subprocess.run([sys.executable, TOP / "tests" / "generate-hard.py", "--seed", "7", str(HARD // 4), hard], check=True,
                       stdout=subprocess.DEVNULL)
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        self.assertGreaterEqual(self.there_and_back(hard, "--key", key), HARD // 4)

    def test_thousands_are_identical(self):
        """Five thousand generated messages: MIME to native to MIME gives the same bytes of every one."""
        hard, count = self.scratch / "hard", 500 if SANITIZED else THOUSANDS
        subprocess.run([sys.executable, TOP / "tests" / "generate-hard.py", "--seed", "3", str(count), hard], check=True,
                       stdout=subprocess.DEVNULL)
        done = convert("--verify", hard)
        self.assertIn(f" {count} messages,", done.stderr)
        self.assertIn(f" {count} identical, 0 equivalent, 0 different, 0 failed", done.stderr)

    def test_composed_anew_is_equivalent(self):
        """What was understood of sound mail comes back from mail composed anew, field by field."""
        for kind in ("demo", "mime"):
            done = convert("--verify", "--anew", TOP / "samples" / kind)
            self.assertIn(" 0 different, 0 failed", done.stderr)

    def test_hard_messages_composed_anew_are_equivalent(self):
        """Also of the worst mail nothing is lost that was understood: two thousand generated messages."""
        hard, count = self.scratch / "hard", 200 if SANITIZED else 2000
        subprocess.run([sys.executable, TOP / "tests" / "generate-hard.py", "--seed", "1", str(count), hard], check=True,
                       stdout=subprocess.DEVNULL)
        done = convert("--verify", "--anew", hard)
        self.assertIn(f" {count} equivalent, 0 different, 0 failed", done.stderr)

    def test_native_messages_composed_are_equivalent(self):
        """Native messages made of hard mail, and the samples, go through mail and come back."""
        hard, native, count = self.scratch / "hard", self.scratch / "native", 100 if SANITIZED else 1000
        subprocess.run([sys.executable, TOP / "tests" / "generate-hard.py", "--seed", "5", str(count), hard], check=True,
                       stdout=subprocess.DEVNULL)
        made = convert("--anew", "--from", "mime", "--to", "native", "-o", native, hard)
        self.assertIn(made.returncode, (0, 1), made.stderr)
        done = convert("--verify", native)
        self.assertIn(f" {count} equivalent, 0 different, 0 failed", done.stderr)
        self.assertIn(" 0 different, 0 failed", convert("--verify", TOP / "samples" / "native").stderr)

    def test_verify_agrees(self):
        done = convert("--verify", "--to", "native", TOP / "samples" / "mime")
        self.assertIn(" 0 different, 0 failed", done.stderr)

    def test_constant_memory(self):
        # The sanitizer keeps what was freed for a while; there the size is small and only the bytes are compared.
        size = 16 if SANITIZED else LARGE
        message, native, back = (self.scratch / n for n in ("large.eml", "large.native", "back.eml"))
        line = base64.b64encode(bytes(range(57))) + b"\r\n"
        with open(message, "wb") as out:
            out.write(b"From: a@example.org\r\nTo: b@example.com\r\nSubject: large\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
                      b"boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nsee file\r\n--x\r\nContent-Type: application/octet-stream; "
                      b"name=big.bin\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=big.bin\r\n\r\n")
            block = line * 1000
            for _ in range(size * 1024 * 1024 // (57 * 1000) + 1):
                out.write(block)
            out.write(b"\r\n--x--\r\n")
        for arguments in (["--from", "mime", "--to", "native", "-o", native, message], ["--from", "native", "--to", "mime", "-o", back, native],
                          ["--to", "json", "-o", self.scratch / "json", message]):
            code, memory = peak([POSTERN, "convert", *map(str, arguments)])
            self.assertEqual(code, 0)
            if not SANITIZED:
                self.assertLess(memory, MEMORY, f"{' '.join(map(str, arguments))}: {memory / 2**20:.0f} MiB")
        self.assertTrue(filecmp.cmp(message, back, shallow=False))


if __name__ == "__main__":
    main()
