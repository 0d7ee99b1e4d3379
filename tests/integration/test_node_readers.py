#!/usr/bin/python3
"""Readers from npm take what Postern composes: mailparser every sample composed anew, ical.js every golden calendar; what they
find is compared with the JSON view of the sample.  Prints TAP.  scripts/deps check installs them; without them this fails."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback
from datetime import datetime, timezone

TOP = pathlib.Path(__file__).resolve().parents[2]
READERS = TOP / "tests" / "integration" / "readers"
POSTERN = os.environ.get("POSTERN", str(TOP / "build" / "postern"))
DOMAIN = "example.com"


def convert(*arguments):
    environment = dict(os.environ, SOURCE_DATE_EPOCH="1767225600")
    done = subprocess.run([POSTERN, "convert", "--domain", DOMAIN, *map(str, arguments)], capture_output=True, env=environment)
    assert done.returncode in (0, 1), done.stderr.decode()
    return done.stdout


def written_address(person):
    if person["address"]:
        return person["address"] if "@" in person["address"] else f"{person['address']}@{DOMAIN}"
    if not person.get("native"):
        return "unknown@address.invalid"
    domain, office, user = person["native"].split(".", 2)
    return user if "@" in user else f"{user}.{office}.{domain}@{DOMAIN}".replace(" ", "_")


def words(text):
    """mailparser decodes, folds and trims white space in its own ways; the words have to be the same."""
    return " ".join((text or "").split())


def check_people(found, view, key):
    people = view[key] if isinstance(view[key], list) else [view[key]] if view[key] else []
    wanted = [(words(p["name"]), written_address(p).lower()) for p in people]
    if key == "from" and not wanted:
        wanted = [("", "postmaster@" + DOMAIN)]
    if any('"' in address or " " in address for _, address in wanted):
        return  # mailparser takes a quoted local part for a name
    read = [(words(p["name"]), (p["address"] or "").lower()) for p in found[key]]
    assert read == wanted, f"{key}: {read} and {wanted}"


def check_head(found, view):
    if view["subject"] is not None:
        assert words(found["subject"]) == words(view["subject"]), f"subject: {found['subject']!r} and {view['subject']!r}"
    if view["date"]:
        assert datetime.fromisoformat(found["date"]) == datetime.fromisoformat(view["date"]), f"date: {found['date']}"
    if view["message_id"]:
        assert found["message_id"] == f"<{view['message_id']}>", found["message_id"]
    assert [r.strip("<>") for r in found["references"]] == view["references"], found["references"]
    for key in ("from", "to", "cc", "bcc", "reply_to"):
        check_people(found, view, key)


def check_bodies(found, view):
    if any("pkcs7" in a["type"] for a in view["attachments"]):
        return  # mailparser does not look into signed data
    for key in ("text", "html"):
        if view[key] is None or not view[key].strip():
            continue
        assert words(view[key]) in words(found[key]), f"{key}: {found[key]!r} and {view[key]!r}"


def check_files(found, view):
    for wanted in view["attachments"]:
        if wanted["type"].startswith(("message/", "multipart/", "text/calendar")) or not wanted["name"]:
            continue
        same = [a for a in found["attachments"] if a["sha256"] == wanted["sha256"] and a["size"] == wanted["size"]
                and wanted["type"] in (a["type"], "application/octet-stream") and words(a["name"] or wanted["name"]) == words(wanted["name"])]
        assert same, f"{wanted['name']} is missing among {[(a['name'], a['size']) for a in found['attachments']]}"


def check_time(found, name, text, zone):
    if not text:
        return
    assert found[name], f"{name} is missing"
    if "T" not in text:
        assert found[name]["date"] and found[name]["text"] == text, f"{name}: {found[name]} and {text}"
    elif found[name]["zone"] == "UTC" and zone not in (None, "UTC"):
        assert datetime.fromtimestamp(found[name]["unix"], timezone.utc), name
    else:
        assert found[name]["text"].rstrip("Z") == text, f"{name}: {found[name]} and {text}"


def check_calendar(found, wanted):
    assert found, "no calendar"
    assert found["method"] == wanted["method"] and found["component"] == wanted["component"], (found["method"], found["component"])
    if wanted["uid"]:
        assert found["uid"] == wanted["uid"], found["uid"]
    if wanted["component"] != "VFREEBUSY":
        assert found["sequence"] == wanted["sequence"], found["sequence"]
    check_time(found, "start", wanted["start"], wanted["timezone"])
    if found["end"]:
        check_time(found, "end", wanted["end"], wanted.get("end_timezone", wanted["timezone"]))
    if wanted["summary"]:
        assert found["summary"] == wanted["summary"], found["summary"]
    if wanted["method"] in ("REQUEST", "PUBLISH", "CANCEL") and wanted["attendees"]:
        assert ([a["address"].lower() for a in found["attendees"]]
                == ["mailto:" + (a["address"] or written_address(a)).lower() for a in wanted["attendees"]]), found["attendees"]


def check_view(found, view):
    if "subject" not in found:  # a calendar alone
        check_calendar(found["calendar"], view["calendar"])
        return
    check_head(found, view)
    check_bodies(found, view)
    check_files(found, view)
    if view["calendar"]:
        check_calendar(found["calendar"], view["calendar"])


def check_golden(found, path):
    """A golden calendar against the text beside it."""
    shown = path.with_suffix(".txt").read_text()
    kind = re.search(r"^(\S+) (V\S+) sequence (\d+)$", shown, re.M)
    calendar = found["calendar"]
    assert (calendar["method"], calendar["component"]) == (kind[1], kind[2]), calendar["method"]
    assert calendar["uid"] == re.search(r"^uid: (.*)$", shown, re.M)[1], calendar["uid"]
    for part, day, clock, instant in re.findall(r"^(start|end): (\d{4}-\d\d-\d\d)( \d\d:\d\d:\d\d [^=]*?)? = (\S+)$", shown, re.M):
        value = calendar[part]
        if not value:
            continue
        if not clock:
            assert value["date"] and value["text"] == day, value
        elif "floating" in clock:
            assert value["zone"] in (None, "floating"), value
        else:
            wanted = datetime.strptime(instant, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
            assert value["unix"] == wanted, f"{part} is {value}, not {instant}"


def samples():
    kinds = (("native", "*.pnm"), ("api", "*.api"), ("mime", "*.eml"), ("demo", "*.eml"), ("ical", "*.ics"))
    return [path for kind, pattern in kinds for path in sorted((TOP / "samples" / kind).glob(pattern))
            if path.name != "several-calendars.ics"]  # tests/integration/test_migration.py has it


def can_run():
    """Installs the readers where they are missing; the reason why they cannot run, or None."""
    try:
        if not (READERS / "node_modules" / "mailparser").is_dir():
            done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=READERS, capture_output=True, text=True, timeout=300)
            if done.returncode:
                return "npm cannot install mailparser and ical.js: " + done.stderr.strip().splitlines()[-1]
        return None
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{error}; scripts/deps check installs nodejs and npm"


def main():
    reason = can_run()
    if reason:
        print(f"1..1\nnot ok 1 the readers cannot run: {reason}")
        sys.exit(1)
    golden = sorted((TOP / "tests" / "golden").glob("ical-*.ics"))
    jobs, failed = [], 0
    with tempfile.TemporaryDirectory() as directory:
        for number, path in enumerate(samples()):
            to = "ical" if path.suffix == ".ics" else "mime"
            composed = pathlib.Path(directory) / f"{number}{'.ics' if to == 'ical' else '.eml'}"
            try:
                convert("--to", to, "--anew", "-o", composed, path)
                view = json.loads(convert("--brief", "--to", "json", path))
                jobs.append((path, composed, lambda found, view=view: check_view(found, view)))
            except Exception as error:  # told below
                jobs.append((path, None, error))
        for path in golden:
            jobs.append((path, path, lambda found, path=path: check_golden(found, path)))
        names = "".join(f"{job[1]}\n" for job in jobs if job[1])
        done = subprocess.run(["node", READERS / "read.mjs"], input=names, capture_output=True, text=True, timeout=300)
        lines = iter(done.stdout.splitlines())
        print(f"1..{len(jobs)}")
        for number, (path, composed, check) in enumerate(jobs, 1):
            try:
                if not composed:
                    raise check
                found = json.loads(next(lines, '{"error": "the reader ended early"}'))
                assert "error" not in found, found["error"]
                check(found)
                print(f"ok {number} {path.relative_to(TOP)}")
            except Exception as error:  # each sample is a test of its own
                failed += 1
                line = traceback.extract_tb(error.__traceback__)[-1].line
                print(f"not ok {number} {path.relative_to(TOP)}\n# {type(error).__name__}: {str(error)[:600]} in: {line}")
    sys.exit(1 if failed else 0)


main()
