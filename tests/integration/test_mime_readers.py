#!/usr/bin/python3
"""Another reader takes the mail that Postern composes: every native and MIME sample is composed anew; what Python's
email package (and icalendar) reads in it is compared with the JSON view of the sample.  Prints TAP."""

import email
import email.policy
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback
from datetime import date, datetime
from zoneinfo import ZoneInfo

try:
    import icalendar
except ImportError:
    icalendar = None

TOP = pathlib.Path(__file__).resolve().parents[2]
POSTERN = os.environ.get("POSTERN", str(TOP / "build" / "postern"))
DOMAIN = "example.com"


def convert(*arguments):
    """Runs postern convert; losses are no failure here."""
    environment = dict(os.environ, SOURCE_DATE_EPOCH="1767225600")
    done = subprocess.run([POSTERN, "convert", "--domain", DOMAIN, *map(str, arguments)], capture_output=True,
                          env=environment)
    assert done.returncode in (0, 1), done.stderr.decode()
    return done.stdout


def samples():
    kinds = (("native", "*.pnm"), ("api", "*.api"), ("mime", "*.eml"), ("demo", "*.eml"))
    return [path for kind, pattern in kinds for path in sorted((TOP / "samples" / kind).glob(pattern))]


# --- the header ------------------------------------------------------------------------------------------------

def written_address(person):
    """The addr-spec that stands for a person of the JSON view."""
    if person["address"]:
        return person["address"] if "@" in person["address"] else f"{person['address']}@{DOMAIN}"
    if not person.get("native"):
        return "unknown@address.invalid"
    domain, office, user = person["native"].split(".", 2)
    if "@" in user:
        return user
    return f"{user}.{office}.{domain}@{DOMAIN}".replace(" ", "_")


def addresses(mail, name):
    return [(a.display_name or None, a.addr_spec) for header in mail.get_all(name, []) for a in header.addresses]


def check_addresses(mail, view):
    for field, key in (("From", "from"), ("Sender", "sender"), ("To", "to"), ("Cc", "cc"), ("Bcc", "bcc"),
                       ("Reply-To", "reply_to")):
        people = view[key] if isinstance(view[key], list) else [view[key]] if view[key] else []
        wanted = [(p["name"], written_address(p)) for p in people]
        if field == "From" and not wanted:
            wanted = [(None, "postmaster@" + DOMAIN)]
        assert addresses(mail, field) == wanted, f"{field}: {addresses(mail, field)} and {wanted}"


def check_head(mail, view):
    for name, value in mail.items():
        assert not getattr(value, "defects", None), f"{name}: {value.defects}"
    if view["subject"] is not None:
        assert mail["Subject"].strip() == view["subject"].strip(), f"Subject: {mail['Subject']} and {view['subject']}"
    if view["date"]:
        assert mail["Date"].datetime == datetime.fromisoformat(view["date"]), f"Date: {mail['Date']}"
    if view["message_id"]:
        assert mail["Message-ID"].strip() == f"<{view['message_id']}>", f"Message-ID: {mail['Message-ID']}"
    if view["in_reply_to"]:
        assert mail["In-Reply-To"].strip() == f"<{view['in_reply_to']}>"
    references = [r.strip("<>") for r in (mail["References"] or "").split()]
    assert references == view["references"], f"References: {references}"
    assert (mail["Importance"] or "normal") == view["priority"]
    check_addresses(mail, view)


# --- the parts -------------------------------------------------------------------------------------------------

def text_of(part):
    return part.get_payload(decode=True).decode(part.get_content_charset("us-ascii")).replace("\r\n", "\n")


def is_sealed(mail):
    """Signed and encrypted parts stand in composed mail as they came, with whatever names and dispositions they have."""
    return any(p.get_content_type() in ("multipart/signed", "multipart/encrypted", "application/pkcs7-mime") for p in mail.walk())


def check_bodies(mail, view):
    if any(p.get_content_type() == "application/pkcs7-mime" for p in mail.walk()):
        return  # the text is in what was signed, which this reader does not open
    for key, kind in (("text", "text/plain"), ("html", "text/html")):
        if view[key] is None:
            continue
        bodies = [text_of(p) for p in mail.walk() if p.get_content_type() == kind and not p.is_attachment()]
        assert bodies, f"no {kind}"
        body, wanted = bodies[0], view[key]
        if view["type"] == "phone":
            assert wanted in body
        else:
            assert body in (wanted, wanted + "\n"), f"{kind}: {body!r} and {wanted!r}"


def content_of(part):
    if part.get_content_maintype() == "message":
        return part.get_payload(0).as_bytes(policy=email.policy.SMTP.clone(refold_source="none"))
    return part.get_payload(decode=True)


def check_files(mail, view):
    sealed = is_sealed(mail)
    files = [p for p in mail.walk() if (sealed or p.get_filename()) and not p.is_multipart()]
    for wanted in view["attachments"]:
        if wanted["type"].startswith(("message/", "multipart/")) or not wanted["name"]:
            continue
        if sealed:
            assert wanted["sha256"] in [hashlib.sha256(content_of(p)).hexdigest() for p in files], wanted["name"]
            continue
        found = [p for p in files if p.get_filename() == wanted["name"]
                 and hashlib.sha256(content_of(p)).hexdigest() == wanted["sha256"]]
        assert found, f"{wanted['name']} is missing among {[p.get_filename() for p in files]}"
        part = found[0]
        assert part.get_content_type() == wanted["type"]
        assert len(content_of(part)) == wanted["size"]
        if part.get_content_type() == "text/rfc822-headers":
            continue  # a report shows them
        assert part.get_content_disposition() == ("inline" if wanted["inline"] else "attachment")
        if wanted["content_id"]:
            assert part["Content-ID"].strip() == f"<{wanted['content_id']}>"


def check_structure(mail):
    for part in mail.walk():
        assert not part.defects, f"{part.get_content_type()}: {part.defects}"
        if part.get_content_maintype() in ("multipart", "message"):
            assert part.get("Content-Transfer-Encoding", "7bit") in ("7bit", "8bit")
    if "multipart/mixed" == mail.get_content_type():
        assert len(list(mail.iter_parts())) > 0


# --- calendar and status -----------------------------------------------------------------------------------------

def check_time(item, name, text, zone):
    value = item.decoded(name)
    if "T" not in text:
        assert isinstance(value, date) and not isinstance(value, datetime) and value.isoformat() == text, f"{name}: {value}"
        return
    assert value.replace(tzinfo=None).isoformat() == text, f"{name}: {value} and {text}"
    if zone:
        local = value.replace(tzinfo=ZoneInfo(zone))
        assert value.utcoffset() == local.utcoffset(), f"{name}: {value} is not in {zone}"


def check_calendar(mail, view):
    wanted = view["calendar"]
    if not wanted:
        return
    parts = [p for p in mail.walk() if p.get_content_type() == "text/calendar" and not p.is_attachment()]
    assert len(parts) == 1, f"{len(parts)} calendar parts"
    part = parts[0]
    assert part["Content-Disposition"] is None and part["Content-ID"] is None
    assert part.get_content_charset() == "utf-8"
    if mail.is_multipart():
        holder = next(p for p in mail.walk() if p.is_multipart() and part in p.get_payload())
        assert holder.get_content_type() == "multipart/alternative" and holder.get_payload()[-1] is part
    if not icalendar:
        return
    calendar = icalendar.Calendar.from_ical(part.get_payload(decode=True))
    assert part.get_param("method") == calendar["METHOD"]
    item = next(i for i in calendar.walk() if i.name == wanted["component"])
    assert not item.errors, item.errors
    if wanted["uid"]:
        assert item["UID"] == wanted["uid"]
    if wanted["start"]:
        check_time(item, "DTSTART", wanted["start"], wanted["timezone"])
    end = "DUE" if item.name == "VTODO" else "DTEND"
    if wanted["end"] and end in item:
        check_time(item, end, wanted["end"], wanted.get("end_timezone", wanted["timezone"]))
    if wanted["summary"]:
        assert str(item["SUMMARY"]) == wanted["summary"]
    if wanted["organizer"] and "ORGANIZER" in item:
        assert item["ORGANIZER"].lower() == "mailto:" + written_address(wanted["organizer"]).lower()
    listed = item.get("ATTENDEE", [])
    listed = listed if isinstance(listed, list) else [listed]
    if wanted["method"] == "REQUEST" and wanted["attendees"]:
        assert ([a.lower() for a in listed]
                == ["mailto:" + written_address(a).lower() for a in wanted["attendees"]]), listed


ACTIONS = {"Delivered": "delivered", "Undeliverable": "failed", "Transferred": "relayed",
           "Transfer Delayed": "delayed"}


def check_reports(mail, view):
    if view["type"] != "status" or view["calendar"]:
        return
    wanted = [r for r in view["reports"] if r["action"] in ACTIONS]
    status = [p for p in mail.walk() if p.get_content_type() == "message/delivery-status"]
    if wanted:
        assert mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "delivery-status"
        blocks = status[0].get_payload()
        assert blocks[0]["Reporting-MTA"]
        assert [b["Action"] for b in blocks[1:]] == [ACTIONS[r["action"]] for r in wanted]
        for block, report in zip(blocks[1:], wanted):
            kind, _, address = block["Final-Recipient"].partition(";")
            assert kind == "rfc822"
            if report["recipient"]:
                assert address.strip() == written_address(report["recipient"])
            if report["status_code"]:
                assert block["Status"] == report["status_code"]
    elif any(r["action"] in ("Opened", "Deleted") for r in view["reports"]):
        assert mail.get_param("report-type") == "disposition-notification"


def check(mime, view):
    mail = email.message_from_bytes(mime, policy=email.policy.default)
    check_structure(mail)
    check_head(mail, view)
    check_bodies(mail, view)
    check_files(mail, view)
    check_calendar(mail, view)
    check_reports(mail, view)


def main():
    paths = samples()
    print(f"1..{len(paths)}")
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for number, path in enumerate(paths, 1):
            name = path.relative_to(TOP)
            try:
                composed = pathlib.Path(directory) / "composed.eml"
                convert("--force", "--to", "mime", "--anew", "-o", composed, path)
                view = json.loads(convert("--to", "json", path))
                check(composed.read_bytes(), view)
                print(f"ok {number} {name}")
            except Exception as error:  # each sample is a test of its own
                failed += 1
                line = traceback.extract_tb(error.__traceback__)[-1].line
                print(f"not ok {number} {name}\n# {type(error).__name__}: {error} in: {line}")
    sys.exit(1 if failed else 0)


main()
