#!/usr/bin/python3
"""Other readers take what Postern writes: Python icalendar reads every golden calendar, finds the same start,
end and attendees as the text beside it says, and its zones agree.  Prints TAP."""

import glob
import os
import re
import sys

try:
    import icalendar
except ImportError:
    print("1..0 # SKIP python3-icalendar is not installed")
    sys.exit(0)
from datetime import date, datetime, timezone

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
TIME = re.compile(r"^(start|end): (\d{4}-\d\d-\d\d)( \d\d:\d\d:\d\d [^=]*?)? = (\S+)$", re.M)


def check_time(component, name, day, clock, instant):
    value = component.decoded(name)
    if not clock:
        assert isinstance(value, date) and not isinstance(value, datetime), f"{name} is no date"
        assert value.isoformat() == day, f"{name} is {value}"
    elif "floating" in clock:
        assert value.tzinfo is None, f"{name} has a zone"
    else:
        expected = datetime.strptime(instant, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        assert value.astimezone(timezone.utc) == expected, f"{name} is {value}, not {expected}"


def check(path):
    shown = open(path[:-4] + ".txt", encoding="utf-8").read()
    calendar = icalendar.Calendar.from_ical(open(path, "rb").read())
    assert calendar["VERSION"] == "2.0"
    kind = re.search(r"^(\S+) (V\S+) sequence (\d+)$", shown, re.M)
    assert calendar["METHOD"] == kind[1]
    items = [item for item in calendar.walk() if item.name == kind[2]]
    assert len(items) == 1, f"{len(items)} components"
    item = items[0]
    assert not item.errors, item.errors
    assert item["UID"] == re.search(r"^uid: (.*)$", shown, re.M)[1]
    for part, day, clock, instant in TIME.findall(shown):
        name = {"start": "DTSTART", "end": "DUE" if item.name == "VTODO" else "DTEND"}[part]
        if name in item:
            check_time(item, name, day, clock, instant)
        else:
            assert name == "DTEND" and ("no-end" in path or item.name == "VJOURNAL"), f"{name} is missing"
    attendees = item.get("ATTENDEE", [])
    attendees = attendees if isinstance(attendees, list) else [attendees]
    wanted = len(re.findall(r"^attendee: ", shown, re.M))
    assert len(attendees) == (1 if kind[1] == "REPLY" else wanted), f"{len(attendees)} attendees"


def main():
    paths = sorted(glob.glob(os.path.join(GOLDEN, "ical-*.ics")))
    print(f"1..{len(paths)}")
    failed = 0
    for number, path in enumerate(paths, 1):
        try:
            check(path)
            print(f"ok {number} - {os.path.basename(path)}")
        except Exception as error:
            failed += 1
            print(f"not ok {number} - {os.path.basename(path)}: {type(error).__name__}: {error}")
    sys.exit(1 if failed else 0)


main()
