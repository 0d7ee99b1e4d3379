#!/usr/bin/python3
"""Writes convert/timezone-names.inc: the IANA zone names and the Windows names that stand for them.

usage: make-windows-zones.py [WINDOWSZONES.XML [TZDATA.ZI]] > convert/timezone-names.inc

Sources: CLDR windowsZones.xml (Debian package unicode-cldr-core) and tzdata.zi (package tzdata).  The result is
kept in the repository, so that building needs neither.
"""

import sys
import xml.etree.ElementTree as tree

WINDOWS = "/usr/share/unicode/cldr/common/supplemental/windowsZones.xml"
IANA = "/usr/share/zoneinfo/tzdata.zi"
# Windows' own names for the zones whose display names hold no city.
DISPLAY = {
    "Alaska": "America/Anchorage",
    "Arizona": "America/Phoenix",
    "Atlantic Time (Canada)": "America/Halifax",
    "Central America": "America/Guatemala",
    "Central Time (US & Canada)": "America/Chicago",
    "Central Time (US and Canada)": "America/Chicago",
    "Eastern Time (US & Canada)": "America/New_York",
    "Eastern Time (US and Canada)": "America/New_York",
    "Greenwich Mean Time": "Europe/London",
    "Hawaii": "Pacific/Honolulu",
    "Indiana (East)": "America/Indiana/Indianapolis",
    "Mountain Time (US & Canada)": "America/Denver",
    "Mountain Time (US and Canada)": "America/Denver",
    "Newfoundland": "America/St_Johns",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Pacific Time (US and Canada)": "America/Los_Angeles",
    "Saskatchewan": "America/Regina",
    "West Central Africa": "Africa/Lagos",
    "Coordinated Universal Time": "UTC",
}


def iana_names (path):
    names = {"UTC"}
    for line in open (path, encoding="utf-8"):
        fields = line.split ()
        if fields and fields[0] == "Z":
            names.add (fields[1])
        elif fields and fields[0] == "L":
            names.add (fields[2])
    names.discard ("Factory")
    return names


def windows_rows (path, known):
    rows = []
    for zone in tree.parse (path).iter ("mapZone"):
        first = zone.get ("territory") == "001"
        for name in zone.get ("type").split ():
            if name == "Etc/UTC":
                name = "UTC"
            if name in known:
                rows.append ((zone.get ("other"), 0 if first else 1, name))
    seen, result = set (), []
    for windows, _, name in sorted (rows, key=lambda row: (row[0].lower (), row[1])):
        if (windows, name) not in seen:
            seen.add ((windows, name))
            result.append ((windows, name))
    return result


def main ():
    arguments = sys.argv[1:]
    known = iana_names (arguments[1] if len (arguments) > 1 else IANA)
    rows = windows_rows (arguments[0] if arguments else WINDOWS, known)
    print ("/* Made by scripts/make-windows-zones.py from CLDR windowsZones.xml and tzdata.zi; do not edit. */")
    print ("static const char *const iana_names[] = {")
    for name in sorted (known, key=str.lower):
        print (f'  "{name}",')
    print ("};\n\n/* In the order of the Windows name; the zone that stands for the name anywhere comes first. */")
    print ("static const ZoneName windows_names[] = {")
    for windows, name in rows:
        print (f'  {{ "{windows}", "{name}" }},')
    print ("};\n\nstatic const ZoneName display_names[] = {")
    for display, name in sorted (DISPLAY.items (), key=lambda item: item[0].lower ()):
        print (f'  {{ "{display}", "{name}" }},')
    print ("};")


main ()
