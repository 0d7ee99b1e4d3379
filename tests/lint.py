#!/usr/bin/env python3
"""What the tree promises of itself: layers, documents, the converter's purity, shape."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests" / "integration"))
from house import main  # noqa: E402

# What each room may include of the house; convert is open to all of src.
LAYERS = {
    "convert": set(),
    "core": {"core"},
    "queue": {"core", "queue"},
    "directory": {"core", "directory"},
    "store": {"core", "queue", "store"},
    "net": {"core", "net"},
    "domain": {"core", "queue", "directory", "domain"},
    "postoffice": {"core", "queue", "directory", "store", "postoffice"},
    "agent": {"core", "queue", "directory", "store", "agent", "smtp"},
    "smtp": {"core", "queue", "directory", "net", "smtp"},
    "cmd": {"core", "queue", "directory", "store", "net", "domain", "postoffice", "agent", "smtp", "cmd"},
}
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def tracked():
    if shutil.which("git"):
        out = subprocess.run(["git", "-C", TOP, "ls-files"], capture_output=True, text=True)
        if out.returncode == 0 and out.stdout:
            return [TOP / name for name in out.stdout.splitlines() if (TOP / name).exists()]
    return [p for p in TOP.rglob("*") if p.is_file() and not p.relative_to(TOP).parts[0].startswith(("build", ".git", "autom4te"))]


class Lint(unittest.TestCase):
    def sources(self, *suffixes):
        return [p for p in tracked() if p.suffix in suffixes]

    def test_includes_point_downwards(self):
        wrong = []
        for path in self.sources(".c", ".h"):
            parts = path.relative_to(TOP).parts
            room = parts[1] if parts[0] == "src" else parts[0]
            if room not in LAYERS:
                continue
            for name in INCLUDE.findall(path.read_text()):
                other = name.split("/")[0] if "/" in name else room
                if other != "convert" and other != room and other not in LAYERS[room]:
                    wrong.append(f"{path.relative_to(TOP)} includes {name}")
        self.assertEqual(wrong, [])

    def test_protocols_and_sql_stay_in_their_rooms(self):
        wrong = [str(p.relative_to(TOP)) for p in self.sources(".c", ".h")
                 if "sqlite3" in p.read_text() and p.relative_to(TOP).parts[:2] not in (("src", "store"), ("src", "directory"))
                 and p.relative_to(TOP).parts[0] != "tests"]
        self.assertEqual(wrong, [])

    def test_every_source_is_built(self):
        makefile = (TOP / "Makefile.am").read_text()
        missing = [str(p.relative_to(TOP)) for p in self.sources(".c", ".h")
                   if p.relative_to(TOP).parts[:2] != ("tests", "integration") and p.name != "alone.c"
                   and str(p.relative_to(TOP)) not in makefile]
        self.assertEqual(missing, [])

    def test_documents_name_files_that_exist(self):
        missing = []
        for name in ("README.md", "HACKING.md"):
            text = (TOP / name).read_text()
            for path in re.findall(r"`((?:src|convert|tests|scripts|samples|man|\.ci)/[\w./-]*)`", text):
                if "NAME" not in path and not (TOP / path).exists():
                    missing.append(f"{name}: {path}")
        self.assertEqual(missing, [])

    def test_first_screen_names_the_two_commands(self):
        screen = "\n".join((TOP / "README.md").read_text().splitlines()[:40])
        self.assertIn("scripts/demo", screen)
        self.assertIn("scripts/check", screen)

    def test_every_command_has_a_man_page(self):
        commands = re.findall(r'\{ "([\w-]+)",\s+pn_cmd', (TOP / "src" / "cmd" / "main.c").read_text())
        self.assertGreater(len(commands), 20)
        missing = [c for c in commands if not (TOP / "man" / f"postern-{c}.1").exists()]
        self.assertEqual(missing, [])

    def test_man_pages_are_well_formed(self):
        wrong = []
        for path in self.sources(".1", ".5", ".7"):
            text = path.read_text()
            if text.startswith(".so "):
                continue
            for section in (".TH", ".SH NAME"):
                if section not in text:
                    wrong.append(f"{path.name}: no {section}")
        self.assertEqual(wrong, [])

    def test_settings_page_is_current(self):
        done = subprocess.run([sys.executable, TOP / "scripts" / "make-conf-page", "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_conversion_page_is_current(self):
        done = subprocess.run([sys.executable, TOP / "scripts" / "make-conversion-page", "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_shape(self):
        """Files ask to be divided by meaning at 800 lines, tests at 1000."""
        long = {str(p.relative_to(TOP)): n for p in self.sources(".c", ".h", ".py")
                if (n := p.read_text().count("\n")) > (1000 if "tests" in p.parts else 800)}
        self.assertEqual(long, {})

    def test_public_functions_are_documented(self):
        """In a public header of the library each function stands in a block (no empty line within) with a comment before or behind it."""
        declaration = re.compile(r"/\*(?P<comment>.*?)\*/|^(?!\s|#|typedef\b|static\b|extern\b|\}|G_)[A-Za-z_][^;{}/]*?\b(?P<name>pn_\w+) "
                                 r"\([^;{}]*\)[^;{}]*;(?P<behind>[^\n]*)", re.S | re.M)
        plain = re.compile(r"_(new|free|clear|copy|ref|unref|init|to_string|from_string)$")
        wrong = []
        for path in sorted((TOP / "convert").glob("*.h")):
            if path.stem.endswith(("-private", "-writer", "-reader")):
                continue
            for block in re.split(r"\n\s*\n", path.read_text()):
                said = False
                for match in declaration.finditer(block):
                    if match["name"] is None:
                        said = said or len(re.findall(r"[A-Za-z]{2,}", match["comment"])) >= 3
                    elif not said and "/*" not in match["behind"] and not plain.search(match["name"]):
                        wrong.append(f"{path.name}: {match['name']}")
        self.assertEqual(wrong, [])

    def test_no_leftover_marks(self):
        marks = re.compile(r"\b(TODO|FIXME)\b")
        wrong = [str(p.relative_to(TOP)) for p in self.sources(".c", ".h", ".py") if marks.search(p.read_text()) and p.name != "lint.py"]
        self.assertEqual(wrong, [])


class Purity(unittest.TestCase):
    def test_convert_links_alone(self):
        """The conversion library needs GLib and libical and nothing of src."""
        import tempfile
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "glib-2.0", "libical"], capture_output=True,
                               text=True, check=True).stdout.split()
        with tempfile.TemporaryDirectory() as scratch:
            program = os.path.join(scratch, "alone")
            done = subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", f"-I{TOP}", "-o", program, str(TOP / "tests" / "alone.c"),
                                   *map(str, sorted((TOP / "convert").glob("*.c"))), *flags], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr[-2000:])
            out = subprocess.run([program], capture_output=True, text=True)
            self.assertEqual((out.returncode, out.stdout.strip()), (0, "identical"))

    def test_a_program_links_with_the_archive(self):
        """Another program builds against the installed shape: libconvert.a and the headers of convert/, and nothing else."""
        import tempfile
        archives = [p for p in (TOP / "build" / "libconvert.a", pathlib.Path("libconvert.a").resolve()) if p.exists()]
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "glib-2.0", "libical"], capture_output=True,
                               text=True, check=True).stdout.split()
        with tempfile.TemporaryDirectory() as scratch:
            os.symlink(TOP / "convert", os.path.join(scratch, "convert"))
            program = os.path.join(scratch, "alone")
            archive = archives[0] if archives else None
            if not archive or b"__asan_init" in archive.read_bytes():
                self.skipTest("no plain libconvert.a was built")
            done = subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", f"-I{scratch}", "-o", program, str(TOP / "tests" / "alone.c"),
                                   str(archive), *flags], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr[-2000:])
            out = subprocess.run([program], capture_output=True, text=True)
            self.assertEqual((out.returncode, out.stdout.strip()), (0, "identical"))

    def test_headers_stand_alone(self):
        """Another program can include each header of the library by itself, with nothing of the house but convert/."""
        import tempfile
        flags = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], capture_output=True, text=True, check=True).stdout.split()
        with tempfile.TemporaryDirectory() as scratch:
            os.symlink(TOP / "convert", os.path.join(scratch, "convert"))
            for header in sorted((TOP / "convert").glob("*.h")):
                done = subprocess.run(["gcc", "-std=gnu17", "-Wall", "-Werror", "-fsyntax-only", f"-I{scratch}", *flags, "-x", "c", "-"],
                                      input=f'#include "convert/{header.name}"\n', capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, f"{header.name}: {done.stderr[-800:]}")


if __name__ == "__main__":
    main()
