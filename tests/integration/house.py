"""A house for a test: a domain with a post office in a temporary directory, its programs on loopback ports."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
POSTERN = os.environ.get("POSTERN", str(TOP / "build" / "postern"))


def wait_until(condition, seconds=20, what="condition"):
    """The first true value of condition(); fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def preloaded(root, name):
    """The environment in which programs begin with tests/integration/NAME.c, built in ROOT."""
    library = root / f"{name}.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, TOP / "tests" / "integration" / f"{name}.c", "-ldl"], check=True)
    asan = os.environ.get("ASAN_OPTIONS", "")
    return {**os.environ, "LD_PRELOAD": str(library), "ASAN_OPTIONS": asan + ":verify_asan_link_order=0:handle_segv=0"}


class House:
    def __init__(self, users=("anna:secret-a", "bert:secret-b"), settings=None, internet_domain="example.com"):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="postern-test-"))
        self.dir = self.root / "house"
        self.domain = internet_domain
        self.process = None
        arguments = ["init", str(self.dir), "--domain", "ACME", "--post-office", "Production",
                     "--internet-domain", internet_domain]
        for user in users:
            arguments += ["--user", user]
        subprocess.run([POSTERN, *arguments], check=True, stdout=subprocess.DEVNULL)
        values = {"smtp": {"listen": "127.0.0.1:0", "submission": "127.0.0.1:0", "auth-without-tls": "true"}}
        for group, keys in (settings or {}).items():
            values.setdefault(group, {}).update(keys)
        self.set(values)

    def set(self, values):
        """Writes settings into postern.conf."""
        path = self.dir / "postern.conf"
        lines = path.read_text().splitlines()
        for group, keys in values.items():
            at = lines.index(f"[{group}]") + 1
            for key, value in keys.items():
                end = next((i for i in range(at, len(lines)) if lines[i].startswith("[")), len(lines))
                for i in range(at, end):
                    if lines[i].split("=")[0] in (key, "#" + key):
                        lines[i] = f"{key}={value}"
                        break
                else:
                    lines.insert(at, f"{key}={value}")
        path.write_text("\n".join(lines) + "\n")

    def start(self, *programs, prefix=(), env=None):
        self.output = open(self.root / "run.out", "a+")
        self.process = subprocess.Popen([*prefix, POSTERN, "run", "-C", str(self.dir), *programs],
                                        stdout=self.output, stderr=subprocess.STDOUT, env=env)
        def ready():
            if self.process.poll() is not None:
                raise AssertionError("postern run ended: " + self.log())
            return "\nready\n" in "\n" + (self.root / "run.out").read_text()
        wait_until(ready, 30, "postern run is ready")
        return self

    def log(self):
        return (self.root / "run.out").read_text()

    def port(self, name="listen"):
        path = self.dir / "ACME" / "RUN" / "smtp.ports"
        def find():
            if path.exists():
                for line in path.read_text().splitlines():
                    key, _, address = line.partition(" ")
                    if key == name:
                        return int(address.rsplit(":", 1)[1])
            return None
        return wait_until(find, 10, f"port of {name}")

    def pid(self, program):
        status = self.command("status", "--json")
        return next(p["pid"] for p in status["programs"] if p["name"] == program)

    def command(self, *arguments, check=True):
        """Runs a postern command in this house; JSON answers are parsed."""
        done = self.run(*arguments)
        if check and done.returncode != 0:
            raise AssertionError(f"postern {' '.join(arguments)}: {done.returncode}: {done.stderr}")
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    def run(self, *arguments, **options):
        name, *rest = arguments
        return subprocess.run([POSTERN, name, "-C", str(self.dir), *rest], capture_output=True, text=True, **options)

    def gateway(self, below=""):
        return self.dir / "ACME" / "WPGATE" / "GWIA" / below

    def office(self, below=""):
        return self.dir / "Production" / below

    def leftovers(self):
        """Every file that waits in a queue directory."""
        found = []
        for base, _, names in os.walk(self.dir):
            parts = pathlib.Path(base).relative_to(self.dir).parts
            if any(p in ("WPCSIN", "WPCSOUT", "send", "result", "defer", "gwprob", "gwhold") for p in parts):
                found += [os.path.join(base, n) for n in names if n != "CLAIM" and not n.startswith(".")]
            elif "receive" in parts:
                found += [os.path.join(base, n) for n in names if not n.endswith(".SEG") and not n.startswith("JOURNAL.")]
        return found

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise AssertionError("postern run did not end: " + self.log()[-2000:])
        if self.process:
            self.output.close()
        self.process = None

    def close(self):
        self.stop()
        if os.environ.get("KEEP_HOUSES"):
            print("kept", self.root, file=sys.stderr)
        else:
            shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if exc[0] and self.process:
            sys.stderr.write(self.log()[-4000:])
        self.close()


class TapResult(unittest.TextTestResult):
    """One line of TAP per test, so that every suite is counted alike."""
    count = 0

    def _line(self, word, test, note=""):
        TapResult.count += 1
        print(f"{word} {TapResult.count} {test.id()}{note}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._line("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._line("not ok", test)

    def addError(self, test, err):
        super().addError(test, err)
        self._line("not ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("ok", test, f" # SKIP {reason}")


def main():
    runner = unittest.TextTestRunner(resultclass=TapResult, stream=sys.stderr, verbosity=0)
    program = unittest.main(module="__main__", testRunner=runner, exit=False)
    print(f"1..{TapResult.count}")
    sys.exit(0 if program.result.wasSuccessful() else 1)
