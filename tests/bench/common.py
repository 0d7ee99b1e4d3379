"""What the benchmarks share: CPU accounting by control group, medians, the line of a figure."""
import atexit
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "integration"))

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
SCALE = float(os.environ.get("BENCH_SCALE", "1"))


def scratch():
    """A directory on the disk to be measured ($BENCH_DIR, else the temporary directory); removed at the end."""
    base = os.environ.get("BENCH_DIR")
    path = pathlib.Path(tempfile.mkdtemp(prefix="postern-bench-", dir=base))
    path.chmod(0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def figure(name, ours, peer, goal, unit=""):
    """One line per figure: the medians of ours and the peer, their ratio, and the goal for it."""
    ratio = ours / peer if peer else float("inf")
    met = ratio >= float(goal[2:]) if goal.startswith(">=") else ratio <= float(goal[2:])
    print(f"bench {name} ours {ours:.6g} peer {peer:.6g} ratio {ratio:.3f} goal {goal}")
    print(f"      {unit + ', ' if unit else ''}goal {'met' if met else 'MISSED'}", flush=True)
    return met


def say(text):
    print(f"# {text}", flush=True)


class Group:
    """A control group: the CPU time of every process that was ever in it."""

    @staticmethod
    def base():
        for line in pathlib.Path("/proc/mounts").read_text().splitlines():
            fields = line.split()
            if fields[2] == "cgroup2":
                return pathlib.Path(fields[1])
        path = pathlib.Path(tempfile.mkdtemp(prefix="postern-cgroup-"))
        subprocess.run(["mount", "-t", "cgroup2", "none", str(path)], check=True)
        return path

    def __init__(self, name):
        self.path = self.base() / f"postern-bench-{name}-{os.getpid()}-{time.monotonic_ns()}"
        self.path.mkdir()

    def enter(self):
        """For preexec_fn: the process and all its children belong to the group."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def prefix(self):
        return ("sh", "-c", f'echo $$ > "{self.path}/cgroup.procs" && exec "$@"', "sh")

    def cpu(self):
        """Seconds."""
        text = (self.path / "cpu.stat").read_text()
        return int(re.search(r"usage_usec (\d+)", text)[1]) / 1e6

    def close(self):
        for _ in range(50):
            pids = (self.path / "cgroup.procs").read_text().split()
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(int(pid), 9)
                except ProcessLookupError:
                    pass
            time.sleep(0.1)
        try:
            self.path.rmdir()
        except OSError:
            pass


def smtp_source(port, sessions, messages, size, recipient):
    return subprocess.Popen(["smtp-source", "-s", str(sessions), "-m", str(messages), "-l", str(size), "-f", "a@sender.example",
                             "-t", recipient, f"127.0.0.1:{port}"], stderr=subprocess.PIPE)


def finish(process):
    _, errors = process.communicate(timeout=300)
    if process.returncode:
        raise RuntimeError(f"smtp-source: {errors.decode()[:300]}")


def median(values):
    return statistics.median(values)
