#!/usr/bin/env python3
"""Writes the samples of TNEF: streams by the published layout (MS-OXTNEF, MS-OXRTFCP) and mails around them into
samples/tnef, rich text into samples/rtf.  It shares no table with the reader.  Usage: make-tnef.py SAMPLES"""
import base64
import binascii
import datetime
import os
import struct
import sys

MESSAGE, ATTACHMENT = 1, 2
KEY = 0x0102
APPOINTMENT = '00062002-0000-0000-C000-000000000046'
TASK = '00062003-0000-0000-C000-000000000046'
COMMON = '00062008-0000-0000-C000-000000000046'
LOG = '0006200A-0000-0000-C000-000000000046'
ADDRESS = '00062004-0000-0000-C000-000000000046'
STRINGS = '00020329-0000-0000-C000-000000000046'
MEETING = '6ED8DA90-450B-101B-98DA-00AA003F1305'
IMESSAGE = '00020307-0000-0000-C000-000000000046'


# --- the container -------------------------------------------------------------------------------------------

def attribute(level, ident, data):
    return struct.pack('<BII', level, ident, len(data)) + data + struct.pack('<H', sum(data) & 0xFFFF)


def stream(*attributes):
    return struct.pack('<IH', 0x223E9F78, KEY) + b''.join(attributes)


def head(message_class, codepage=1252):
    return (attribute(MESSAGE, 0x00089006, struct.pack('<I', 0x00010000))
            + attribute(MESSAGE, 0x00069007, struct.pack('<II', codepage, 0))
            + attribute(MESSAGE, 0x00078008, message_class.encode() + b'\0'))


def guid(text):
    a, b, c, d, e = text.split('-')
    return struct.pack('<IHH', int(a, 16), int(b, 16), int(c, 16)) + bytes.fromhex(d + e)


def padded(data):
    return data + b'\0' * (-len(data) % 4)


def filetime(year, month, day, hour=0, minute=0):
    moment = datetime.datetime(year, month, day, hour, minute, tzinfo=datetime.timezone.utc)
    return int((moment - datetime.datetime(1601, 1, 1, tzinfo=datetime.timezone.utc)).total_seconds()) * 10**7


def dtr(year, month, day, hour=0, minute=0):
    return struct.pack('<7H', year, month, day, hour, minute, 0, 0)


def value(kind, data, codepage='cp1252'):
    if kind == 'long':
        return struct.pack('<i', data)
    if kind == 'short':
        return padded(struct.pack('<h', data))
    if kind == 'bool':
        return padded(struct.pack('<H', 1 if data else 0))
    if kind == 'double':
        return struct.pack('<d', data)
    if kind == 'time':
        return struct.pack('<Q', data)
    if kind == 'unicode':
        data = data.encode('utf-16le') + b'\0\0'
    elif kind == 'string':
        data = data.encode(codepage) + b'\0'
    elif kind == 'object':
        data = guid(IMESSAGE) + data
    return struct.pack('<II', 1, len(data)) + padded(data)


TYPES = {'short': 2, 'long': 3, 'double': 5, 'bool': 0x0B, 'object': 0x0D, 'string': 0x1E, 'unicode': 0x1F, 'time': 0x40,
         'binary': 0x102}


def prop(ident, kind, data, codepage='cp1252'):
    """IDENT: a number, or (set, number) or (set, name) of a named property."""
    if isinstance(ident, int):
        return struct.pack('<HH', TYPES[kind], ident) + value(kind, data, codepage)
    owner, name = ident
    out = struct.pack('<HH', TYPES[kind], 0x8000 + (hash_of(name) & 0x7FF)) + guid(owner)
    if isinstance(name, int):
        out += struct.pack('<II', 0, name)
    else:
        text = name.encode('utf-16le') + b'\0\0'
        out += struct.pack('<II', 1, len(text)) + padded(text)
    return out + value(kind, data, codepage)


def hash_of(name):
    return name if isinstance(name, int) else sum(map(ord, name))


def many(ident, values):
    """A property with several 16-bit numbers."""
    return struct.pack('<HHI', 0x1002, ident, len(values)) + b''.join(value('short', v) for v in values)


def texts(ident, values):
    """A property with several texts."""
    owner, name = ident
    text = name.encode('utf-16le') + b'\0\0'
    out = struct.pack('<HH', 0x101F, 0x8000 + (hash_of(name) & 0x7FF)) + guid(owner)
    out += struct.pack('<II', 1, len(text)) + padded(text) + struct.pack('<I', len(values))
    for one in values:
        data = one.encode('utf-16le') + b'\0\0'
        out += struct.pack('<I', len(data)) + padded(data)
    return out


def block(*props):
    return struct.pack('<I', len(props)) + b''.join(props)


def properties(*props):
    return attribute(MESSAGE, 0x00069003, block(*props))


def recipients(*rows):
    return attribute(MESSAGE, 0x00069004, struct.pack('<I', len(rows)) + b''.join(block(*row) for row in rows))


def person(name, email, kind=1):
    return (prop(0x0C15, 'long', kind), prop(0x3001, 'unicode', name), prop(0x3002, 'unicode', 'SMTP'),
            prop(0x3003, 'unicode', email))


def sender(name, email):
    return [prop(0x0042, 'unicode', name), prop(0x0064, 'unicode', 'SMTP'), prop(0x0065, 'unicode', email)]


def pair(name, email):
    name, email = name.encode() + b'\0', b'SMTP:' + email.encode() + b'\0'
    return struct.pack('<H', len(name)) + name + struct.pack('<H', len(email)) + email


def attached(title, data, *props, created=None):
    out = attribute(ATTACHMENT, 0x00069002, struct.pack('<HiHHI', 1, -1, 32, 32, 0))
    out += attribute(ATTACHMENT, 0x00018010, title.encode('cp1252') + b'\0')
    if created:
        out += attribute(ATTACHMENT, 0x00038012, created)
    if data is not None:
        out += attribute(ATTACHMENT, 0x0006800F, data)
    if props:
        out += attribute(ATTACHMENT, 0x00069005, block(*props))
    return out


def embedded(name, inner):
    return attached(name, None, prop(0x3705, 'long', 5), prop(0x3701, 'object', inner), prop(0x3001, 'unicode', name))


# --- rich text -----------------------------------------------------------------------------------------------

PRESET = (b'{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript '
          b'\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par '
          b'\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx')


def crc(data):
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ 0xEDB88320 if i & 1 else i >> 1
        table.append(i)
    result = 0
    for byte in data:
        result = table[(result ^ byte) & 0xFF] ^ result >> 8
    return result


def compress(text):
    """LZFu.  Matches are looked for in all of the window, so that references wrap and overlap."""
    history = bytearray(PRESET)
    out, flags, run = bytearray(), 0, []
    at = 0

    def put(token):
        run.append(token)
        if len(run) == 8:
            flush()

    def flush():
        byte = 0
        for i, token in enumerate(run):
            byte |= (len(token) == 2) << i
        out.append(byte)
        for token in run:
            out.extend(token)
        run.clear()

    while at < len(text):
        best, where = 0, 0
        start = max(0, len(history) - 4095)
        for length in range(min(17, len(text) - at), 1, -1):
            found = bytes(history[start:]).rfind(text[at:at + length])
            if found >= 0:
                best, where = length, start + found
                break
        if best >= 2:
            put(struct.pack('>H', (where % 4096) << 4 | (best - 2)))
            history += text[at:at + best]
            at += best
        else:
            put(text[at:at + 1])
            history += text[at:at + 1]
            at += 1
    put(struct.pack('>H', (len(history) % 4096) << 4))
    if run:
        flush()
    return struct.pack('<IIII', len(out) + 12, len(text), 0x75465A4C, crc(out)) + bytes(out)


def stored(text):
    return struct.pack('<IIII', len(text) + 12, len(text), 0x414C454D, 0) + text


RTF_HTML = (rb'{\rtf1\ansi\ansicpg1252\fromhtml1 \fbidi \deff0{\fonttbl{\f0\fswiss\fcharset0 Arial;}'
            rb'{\f1\fmodern\fcharset204 Courier New;}}{\colortbl\red0\green0\blue0;}\uc1\pard\plain\deftab360 \f0\fs24 '
            rb'{\*\htmltag19 <html>}{\*\htmltag34 <head>}{\*\htmltag1 <title>}{\*\htmltag41 </head>}'
            rb'{\*\htmltag50 <body>}\htmlrtf {\htmlrtf0 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Gr\'fc\'dfe, '
            rb'{\*\htmltag148 <b>}\htmlrtf {\b \htmlrtf0 bold{\*\htmltag156 </b>}\htmlrtf }\htmlrtf0  '
            rb'{\*\htmltag84 &lt;}\htmlrtf <\htmlrtf0 tag{\*\htmltag84 &gt;}\htmlrtf >\htmlrtf0  \u8364? '
            rb'\u-10179?\u-8704?{\f1 \'c4\'e0}\htmlrtf\par}\htmlrtf0{\*\htmltag72 </p>}\par '
            rb'{\*\htmltag84 <img src="cid:picture@example.com">}{\*\mhtmltag84 <img src="gone">}'
            rb'\htmlrtf }\htmlrtf0{\*\htmltag58 </body>}{\*\htmltag27 </html>}}')

RTF_TEXT = (rb'{\rtf1\ansi\ansicpg1252\fromtext \deff0{\fonttbl{\f0\fswiss Arial;}}\uc1\pard\plain\f0\fs20 '
            rb'Only text\par\tab with \{braces\} and a \\ \endash  \rquote\par }')

RTF_PLAIN = (rb'{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fnil\fcharset128 MS Gothic;}}'
             rb'{\*\generator Sample;}{\stylesheet{\s0 Normal;}}\pard\f0\fs20 First \b bold \i both\b0\i0  & <plain>\par'
             rb' \tab Caf\'e9 \f1\'93\'fa\'96\'7b\f0\line second\~line {\v hidden}\emdash  end\par {\pict 0102} }')


# --- series (MS-OXOCAL 2.2.1.44) -----------------------------------------------------------------------------

def minutes(year, month, day, hour=0, minute=0):
    return filetime(year, month, day, hour, minute) // (60 * 10**7)


def pattern(frequency, kind, period, specific, start, *, count=0, until=None, calendar=0, deleted=(), modified=(), first_day=0,
            sliding=0):
    """SPECIFIC: none for days, (mask) for weeks, (day) for months, (mask, n) for the nth weekday."""
    end_type = 0x2022 if count else 0x2021 if until else 0x2023
    out = struct.pack('<5H', 0x3004, 0x3004, frequency, kind, calendar) + struct.pack('<III', 0, period, sliding)
    out += b''.join(struct.pack('<I', n) for n in specific) + struct.pack('<III', end_type, count or 10, first_day)
    for dates in (deleted, modified):
        out += struct.pack('<I', len(dates)) + b''.join(struct.pack('<I', minutes(*date)) for date in dates)
    return out + struct.pack('<II', minutes(*start), minutes(*until) if until else 0x5AE980DF)


def series(recurrence, begin, end, exceptions=(), version=0x3009):
    """Exceptions: (start, end, original, {flag: value})."""
    out = recurrence + struct.pack('<IIIIH', 0x3006, version, begin, end, len(exceptions))
    extended = b''
    for start, stop, original, values in exceptions:
        times = struct.pack('<III', minutes(*start), minutes(*stop), minutes(*original))
        out += times + struct.pack('<H', sum(values))
        extended += (struct.pack('<II', 4, 0) if version >= 0x3009 else b'') + struct.pack('<I', 0)
        wide = b''
        for flag in sorted(values):
            data = values[flag]
            if flag in (1, 0x10):
                narrow = data.encode('cp1252', 'replace')
                out += struct.pack('<HH', len(narrow) + 1, len(narrow)) + narrow
                wide += struct.pack('<H', len(data)) + data.encode('utf-16le')
            else:
                out += struct.pack('<I', data)
        if wide:
            extended += times + wide + struct.pack('<I', 0)
    return out + struct.pack('<I', 0) + extended + struct.pack('<I', 0)


def recurring(blob, *more, start=filetime(2026, 7, 14, 8), end=filetime(2026, 7, 14, 9, 30), **options):
    return stream(head('IPM.Schedule.Meeting.Request'),
                  properties(*meeting(*sender(*ANNE), prop((APPOINTMENT, 0x8216), 'binary', blob),
                                      prop((APPOINTMENT, 0x8223), 'bool', True), *more, start=start, end=end, **options)),
                  recipients(person(*BERT)))


# --- objects of other programs -------------------------------------------------------------------------------

def counted(text):
    return struct.pack('<I', len(text) + 1) + text + b'\0'


def package(name, data):
    path = b'C:\\Orchard\\' + name
    return (struct.pack('<H', 2) + name + b'\0' + path + b'\0' + struct.pack('<HH', 0, 3) + struct.pack('<I', len(path) + 1)
            + path + b'\0' + struct.pack('<I', len(data)) + data)


def ole1(kind, native):
    return struct.pack('<II', 0x0501, 2) + counted(kind) + counted(b'') + counted(b'') + struct.pack('<I', len(native)) + native


def compound(*streams):
    """A compound file (MS-CFB) of sectors of 512 bytes; short streams stand in the mini stream."""
    sector = 512
    mini, mini_table, chains, entries = b'', [], [], []
    for name, data in streams:
        if len(data) < 4096:
            first, n = len(mini_table), max(1, -(-len(data) // 64))
            mini_table += [first + i + 1 for i in range(n - 1)] + [0xFFFFFFFE]
            mini += data.ljust(n * 64, b'\0')
            entries.append((name, 2, first, len(data)))
        else:
            entries.append((name, 2, ('chain', len(chains)), len(data)))
            chains.append(data)
    def chunks(data):
        return [data[i:i + sector].ljust(sector, b'\0') for i in range(0, len(data), sector)]
    sectors, table = [], []
    def put(data):
        first = len(sectors)
        parts = chunks(data)
        sectors.extend(parts)
        table.extend(list(range(first + 1, first + len(parts))) + [0xFFFFFFFE])
        return first
    starts = [put(data) for data in chains]
    mini_start = put(mini) if mini else 0xFFFFFFFE
    mini_table_start = put(struct.pack(f'<{len(mini_table)}I', *mini_table)) if mini else 0xFFFFFFFE

    def entry(name, kind, first, size, child=0xFFFFFFFF):
        wide = name.encode('utf-16le')
        return (wide.ljust(64, b'\0') + struct.pack('<HBBIII', len(wide) + 2, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
                + b'\0' * 36 + struct.pack('<IQ', first, size))
    directory = entry('Root Entry', 5, mini_start, len(mini), 1)
    for name, kind, first, size in entries:
        directory += entry(name, kind, starts[first[1]] if isinstance(first, tuple) else first, size)
    directory_start = put(directory)
    table_start = len(sectors)
    table.append(0xFFFFFFFD)
    sectors.append(struct.pack(f'<{len(table)}I', *table).ljust(sector, b'\xFF'))
    header = (bytes.fromhex('D0CF11E0A1B11AE1') + b'\0' * 16 + struct.pack('<HHHHH', 0x3E, 3, 0xFFFE, 9, 6) + b'\0' * 6
              + struct.pack('<IIIIIIIIII', 0, 1, directory_start, 0, 4096, mini_table_start, 1 if mini else 0, 0xFFFFFFFE, 0,
                            table_start)).ljust(512, b'\xFF')
    return header + b''.join(sectors)


def objected(title, data, method=6, kind='object', render=2):
    out = attribute(ATTACHMENT, 0x00069002, struct.pack('<HiHHI', render, -1, 32, 32, 0))
    out += attribute(ATTACHMENT, 0x00018010, title.encode('cp1252') + b'\0')
    storage = guid('0000000B-0000-0000-C000-000000000046') + data if kind == 'object' else data
    body = struct.pack('<HH', TYPES[kind], 0x3701) + struct.pack('<II', 1, len(storage)) + padded(storage)
    return out + attribute(ATTACHMENT, 0x00069005, block(prop(0x3705, 'long', method), body))


def verbs(*names):
    out = struct.pack('<HI', 0x0102, len(names))
    for i, name in enumerate(names):
        text = bytes([len(name)]) + name.encode()
        out += (struct.pack('<I', 4) + text + b'\x08IPM.Note' + b'\0' + text + struct.pack('<IBIIIIII', 0, 0, 0, 1, 2, 2, i + 1,
                                                                                        0xFFFFFFFF))
    return out + struct.pack('<H', 0x0104)


# --- samples -----------------------------------------------------------------------------------------------

ZONE_STRUCT = (struct.pack('<iiiH', -60, 0, -60, 0) + struct.pack('<8H', 0, 10, 0, 5, 3, 0, 0, 0)
               + struct.pack('<H', 0) + struct.pack('<8H', 0, 3, 0, 5, 2, 0, 0, 0))


def zone_definition(name):
    rule = (struct.pack('<BBHHH', 2, 1, 0x3E, 2, 2026) + b'\0' * 14 + struct.pack('<iii', -60, 0, -60)
            + struct.pack('<8H', 0, 10, 0, 5, 3, 0, 0, 0) + struct.pack('<8H', 0, 3, 0, 5, 2, 0, 0, 0))
    text = name.encode('utf-16le')
    return struct.pack('<BBHHH', 2, 1, 6 + len(text), 2, len(name)) + text + struct.pack('<H', 1) + rule


ID_CLASS = bytes.fromhex('040000008200E00074C5B7101A82E008')


def global_id(data=None, date=None):
    data = data or bytes(range(16))
    when = struct.pack('>HBB', *date) if date else b'\0' * 4
    return ID_CLASS + when + struct.pack('<Q', filetime(2026, 3, 1)) + b'\0' * 8 + struct.pack('<I', len(data)) + data


def foreign_id(uid):
    return global_id(b'vCal-Uid' + struct.pack('<I', 1) + uid.encode() + b'\0')


ANNE = ('Anne Adler', 'anne@example.com')
BERT = ('Bert Brook', 'bert@example.org')
CARA = ('Cara Cole', 'cara@example.org')


def meeting(*more, uid=None, start=filetime(2026, 7, 14, 8), end=filetime(2026, 7, 14, 9, 30),
            zone=prop((APPOINTMENT, 0x825E), 'binary', zone_definition('W. Europe Standard Time'))):
    return [prop(0x0037, 'unicode', 'Planning the harvest'), prop(0x0E1D, 'unicode', 'Planning the harvest'),
            prop((APPOINTMENT, 0x820D), 'time', start), prop((APPOINTMENT, 0x820E), 'time', end),
            prop((APPOINTMENT, 0x8208), 'unicode', 'Barn, upper floor'), prop((APPOINTMENT, 0x8201), 'long', 3),
            prop((MEETING, 3), 'binary', uid or global_id()), prop((MEETING, 0x1A), 'time', filetime(2026, 7, 1, 12)),
            prop((MEETING, 1), 'time', filetime(2026, 7, 2, 15)), *([zone] if zone else []), *more]


def note(*props, message_class='IPM.Microsoft Mail.Note'):
    return head(message_class) + properties(*props)


def answer(message_class, *more):
    return stream(head(message_class), attribute(MESSAGE, 0x00060000, pair(*ANNE)),
                  properties(*meeting(*sender(*BERT), *more), prop(0x003D, 'unicode', 'Accepted: '),
                             prop(0x1000, 'unicode', 'I will bring bread.')),
                  recipients(person(*ANNE)))


def task_body(*more):
    return [prop((COMMON, 0x8519), 'binary', bytes(range(0xA0, 0xB0))), prop((TASK, 0x8104), 'time', filetime(2026, 8, 3)),
            prop((TASK, 0x8105), 'time', filetime(2026, 8, 7)), prop((TASK, 0x8101), 'long', 0),
            prop((TASK, 0x8102), 'double', 0.25), prop(0x0037, 'unicode', 'Count the hens'), *more]


def task_request(message_class, *task):
    inner = stream(head('IPM.Task'), properties(*task_body(*task)))
    return stream(head(message_class), properties(prop(0x0037, 'unicode', 'Task Request: Count the hens'), *sender(*ANNE),
                                                  prop(0x0026, 'long', 0)),
                  recipients(person(*BERT)), embedded('Count the hens', inner))


def samples():
    picture = bytes(range(256)) * 3
    deep = stream(note(prop(0x0037, 'unicode', 'Level 12'), prop(0x1000, 'unicode', 'the innermost')))
    for level in range(11, 0, -1):
        deep = stream(note(prop(0x0037, 'unicode', f'Level {level}')), embedded(f'level {level + 1}', deep))
    request = meeting(*sender(*ANNE), prop((APPOINTMENT, 0x8205), 'long', 1), prop((APPOINTMENT, 0x8224), 'long', 2),
                      prop((COMMON, 0x8501), 'long', 15), prop((COMMON, 0x8503), 'bool', True),
                      prop(0x1000, 'unicode', 'Bring your own chair.'), prop(0x0017, 'long', 2))
    both = recipients(person(*BERT), person(*CARA, 2))
    table = {
        'plain': stream(head('IPM.Microsoft Mail.Note'), attribute(MESSAGE, 0x00018004, b'Apples and pears\0'),
                        attribute(MESSAGE, 0x00038005, dtr(2026, 5, 4, 10, 20)),
                        attribute(MESSAGE, 0x0004800D, struct.pack('<H', 1)),
                        attribute(MESSAGE, 0x0002800C, 'Good apples,\r\nfine p\xears.\r\n'.encode('cp1252') + b'\0'),
                        properties(*sender(*ANNE), prop(0x0036, 'long', 2), many(0x6001, [1, 2, 3]),
                                   prop(0x1035, 'string', '<one@example.com>'),
                                   prop(('00020386-0000-0000-C000-000000000046', 'X-Crop'), 'unicode', 'apples')),
                        recipients(person(*BERT), person(*CARA, 2)),
                        attached('ORCHAR~1.TXT', b'rows and rows', prop(0x3707, 'unicode', 'Orchard in spring.txt'),
                                 prop(0x370E, 'string', 'text/plain'), prop(0x3705, 'long', 1),
                                 created=dtr(2026, 5, 1, 8)),
                        attached('plan.bin', picture)),
        'html': stream(note(prop(0x0037, 'unicode', 'A page'), prop(0x3FDE, 'long', 28591),
                            prop(0x1013, 'binary', '<p>caf\xe9 <img src="cid:p1@example.com"></p>'.encode('latin-1'))),
                       attached('p.png', picture, prop(0x3712, 'unicode', 'p1@example.com'), prop(0x370E, 'string', 'image/png'),
                                prop(0x7FFE, 'bool', True)),
                       attached('q.png', picture[:99], prop(0x3712, 'unicode', 'other@example.com'))),
        'rtf-html': stream(note(prop(0x0037, 'unicode', 'Rich page'), prop(0x1009, 'binary', compress(RTF_HTML))),
                           attached('picture.png', picture, prop(0x3712, 'unicode', 'picture@example.com'))),
        'rtf-plain': stream(note(prop(0x0037, 'unicode', 'Rich text'), prop(0x1009, 'binary', compress(RTF_PLAIN)))),
        'rtf-stored': stream(note(prop(0x1009, 'binary', stored(RTF_PLAIN)))),
        'rtf-long': stream(note(prop(0x1009, 'binary', compress(
            b'{\\rtf1\\ansi ' + b''.join(b'Line %d of the long story.\\par ' % i for i in range(400)) + b'}')))),
        'codepage-1251': stream(head('IPM.Microsoft Mail.Note', 1251),
                                attribute(MESSAGE, 0x00018004, 'Сад и поле'.encode('cp1251') + b'\0'),
                                properties(prop(0x1000, 'string', 'Добрый день', 'cp1251'))),
        'codepage-932': stream(attribute(MESSAGE, 0x00018004, '果樹園'.encode('cp932') + b'\0'),
                               attribute(MESSAGE, 0x00069007, struct.pack('<II', 932, 0)),
                               properties(prop(0x1000, 'string', '林檎と梨', 'cp932'))),
        'disordered': stream(attached('a.txt', b'first'), properties(prop(0x1000, 'unicode', 'behind its files')),
                             attribute(ATTACHMENT, 0x0006800F, b'second'), attribute(ATTACHMENT, 0x00018010, b'b.txt\0'),
                             attribute(ATTACHMENT, 0x0006800F, b'third'), attribute(ATTACHMENT, 0x00018010, b'c.txt\0'),
                             head('IPM.Microsoft Mail.Note')),
        'embedded': stream(note(prop(0x0037, 'unicode', 'Forwarded'), prop(0x1000, 'unicode', 'see below')),
                           embedded('An older mail', stream(
                               note(prop(0x0037, 'unicode', 'An older mail'), *sender(*CARA),
                                    prop(0x0039, 'time', filetime(2026, 2, 3, 4, 5)), prop(0x1000, 'unicode', 'Inner text')),
                               recipients(person(*ANNE)), attached('inner.txt', b'inner file')))),
        'deep': deep,
        'request': stream(head('IPM.Microsoft Schedule.MtgReq'), attribute(MESSAGE, 0x00060000, pair(*ANNE)),
                          properties(*request), both),
        'request-struct': stream(head('IPM.Schedule.Meeting.Request'), properties(
            *meeting(*sender(*ANNE), zone=prop((APPOINTMENT, 0x8233), 'binary', ZONE_STRUCT))), both),
        'request-utc': stream(head('IPM.Schedule.Meeting.Request'), properties(*meeting(*sender(*ANNE), zone=None)), both),
        'request-foreign': stream(head('IPM.Schedule.Meeting.Request'), properties(
            *meeting(*sender(*ANNE), uid=foreign_id('harvest-2026@example.net'))), both),
        'request-day': stream(head('IPM.Schedule.Meeting.Request'), properties(
            *meeting(*sender(*ANNE), prop((APPOINTMENT, 0x8215), 'bool', True),
                     start=filetime(2026, 7, 13, 22), end=filetime(2026, 7, 14, 22))), both),
        'request-series': stream(head('IPM.Schedule.Meeting.Request'), properties(
            *meeting(*sender(*ANNE), prop((APPOINTMENT, 0x8216), 'binary', b'\x04\x30\x04\x30' + b'\0' * 60),
                     prop((APPOINTMENT, 0x8232), 'unicode', 'every Tuesday'))), both),
        'request-instance': stream(head('IPM.Schedule.Meeting.Request'), properties(
            *meeting(*sender(*ANNE), prop((APPOINTMENT, 0x8228), 'time', filetime(2026, 7, 14, 7)),
                     uid=global_id(date=(2026, 7, 14)))), both),
        'cancel': stream(head('IPM.Microsoft Schedule.MtgCncl'), properties(*meeting(*sender(*ANNE))), both),
        'accept': answer('IPM.Microsoft Schedule.MtgRespP'),
        'decline': answer('IPM.Schedule.Meeting.Resp.Neg'),
        'tentative': answer('IPM.Microsoft Schedule.MtgRespA'),
        'counter': answer('IPM.Schedule.Meeting.Resp.Tent', prop((APPOINTMENT, 0x8257), 'bool', True),
                          prop((APPOINTMENT, 0x8250), 'time', filetime(2026, 7, 15, 12)),
                          prop((APPOINTMENT, 0x8251), 'time', filetime(2026, 7, 15, 13))),
        'appointment': stream(head('IPM.Appointment'), properties(*meeting())),
        'task': stream(head('IPM.Task'), properties(*task_body())),
        'task-request': task_request('IPM.TaskRequest'),
        'task-accept': task_request('IPM.TaskRequest.Accept'),
        'task-decline': task_request('IPM.TaskRequest.Decline'),
        'task-done': task_request('IPM.TaskRequest.Update', prop((TASK, 0x811C), 'bool', True),
                                  prop((TASK, 0x810F), 'time', filetime(2026, 8, 6))),
    }
    table |= more_samples(picture)
    damaged = bytearray(table['plain'])
    damaged[-3] ^= 0x55
    table['bad-checksum'] = bytes(damaged)
    table['cut-off'] = table['plain'][:-300]
    table['bad-length'] = table['plain'].replace(
        struct.pack('<BII', 2, 0x00018010, 13), struct.pack('<BII', 2, 0x00018010, 313), 1)
    table['bad-rtf'] = stream(note(prop(0x1009, 'binary', compress(RTF_PLAIN)[:-40])))
    return table


def more_samples(picture):
    both = recipients(person(*BERT), person(*CARA, 2))
    weekly = pattern(0x200B, 1, 2, (0b0010100,), (2026, 7, 14), count=8, first_day=1,
                     deleted=((2026, 7, 16), (2026, 7, 28), (2026, 7, 30)), modified=((2026, 7, 29),))
    moved = ((2026, 7, 29, 11), (2026, 7, 29, 12), (2026, 7, 28, 10), {1: 'Planning again \u2013 late', 0x10: 'Mill', 0x20: 3})
    own = stream(head('IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}'),
                 properties(prop(0x1000, 'unicode', 'Bring boots this time.')))
    changed = attached('Untitled', None, prop(0x3705, 'long', 5), prop(0x3701, 'object', own), prop(0x7FFD, 'long', 2),
                       prop(0x7FFB, 'time', filetime(2026, 7, 29, 5)), prop(0x7FF9, 'time', filetime(2026, 7, 28, 8)))
    report = [prop(0x1046, 'string', '<0a1b2c3d@example.com>'), prop(0x0032, 'time', filetime(2026, 7, 3, 9)),
              prop(0x0037, 'unicode', 'Report')]
    package_data = package(b'notes.txt', b'apples, pears')
    return {
        'series-weekly': recurring(series(weekly, 600, 690, [moved])) + changed,
        'series-daily': recurring(series(pattern(0x200A, 0, 3 * 1440, (), (2026, 7, 14), until=(2026, 8, 1)), 600, 690)),
        'series-workdays': recurring(series(pattern(0x200A, 1, 1, (0x3E,), (2026, 7, 14)), 600, 690)),
        'series-late': recurring(series(pattern(0x200B, 1, 2, (0b0000010,), (2026, 7, 14), first_day=0), 600, 690)),
        'series-month-day': recurring(series(pattern(0x200C, 2, 1, (30,), (2026, 7, 30), count=5), 600, 690)),
        'series-month-31': recurring(series(pattern(0x200C, 2, 1, (31,), (2026, 7, 31)), 600, 690)),
        'series-month-nth': recurring(series(pattern(0x200C, 3, 2, (0b100, 5), (2026, 7, 28)), 600, 690)),
        'series-month-workday': recurring(series(pattern(0x200C, 3, 1, (0x3E, 1), (2026, 8, 3)), 600, 690)),
        'series-month-last': recurring(series(pattern(0x200C, 3, 1, (0x7F, 5), (2026, 7, 31)), 600, 690)),
        'series-month-end': recurring(series(pattern(0x200C, 4, 1, (31,), (2026, 7, 31)), 600, 690)),
        'series-year': recurring(series(pattern(0x200D, 2, 12, (14,), (2026, 7, 14)), 600, 690)),
        'series-year-nth': recurring(series(pattern(0x200D, 3, 12, (0b100, 2), (2026, 7, 14)), 600, 690)),
        'series-hijri': recurring(series(pattern(0x200C, 10, 1, (15,), (2026, 7, 14)), 600, 690)),
        'series-offset': recurring(series(pattern(0x200A, 0, 1440, (), (2026, 7, 14), count=3), 600, 690), zone=None),
        'series-day': recurring(series(pattern(0x200B, 1, 1, (0b100,), (2026, 7, 14), until=(2026, 8, 4),
                                               deleted=((2026, 7, 21),)), 0, 1440),
                                prop((APPOINTMENT, 0x8215), 'bool', True), start=filetime(2026, 7, 13, 22),
                                end=filetime(2026, 7, 14, 22)),
        'series-cut': recurring(series(weekly, 600, 690, [moved])[:-60]),
        'series-lies': recurring(pattern(0x200B, 1, 2, (0b0010100,), (2026, 7, 14))[:38] + b'\xFF' * 8),
        'task-series': stream(head('IPM.Task'), properties(*task_body(
            prop((TASK, 0x8116), 'binary', pattern(0x200C, 2, 1, (3,), (2026, 8, 3), count=6))))),
        'task-sliding': stream(head('IPM.Task'), properties(*task_body(
            prop((TASK, 0x8116), 'binary', pattern(0x200A, 0, 1440 * 7, (), (2026, 8, 3), sliding=1))))),
        'old-request': stream(head('Microsoft Mail v3.0 IPM.Microsoft Schedule.MtgReq'), attribute(MESSAGE, 0x00060000, pair(*ANNE)),
                              attribute(MESSAGE, 0x00030006, dtr(2026, 7, 14, 8)), attribute(MESSAGE, 0x00030007, dtr(2026, 7, 14, 9)),
                              attribute(MESSAGE, 0x00050008, struct.pack('<I', 0x1234ABCD)),
                              attribute(MESSAGE, 0x00040009, struct.pack('<H', 1)),
                              attribute(MESSAGE, 0x00018004, b'Old meeting\0'),
                              attribute(MESSAGE, 0x00008000, struct.pack('<4H', 4, 0, 11, 22) + b'Anne Adler\0'
                                        + b'SMTP:anne@example.com\0')),
        'old-accept': stream(head('IPM.Microsoft Schedule.MtgRespP'), attribute(MESSAGE, 0x00060000, pair(*ANNE)),
                             attribute(MESSAGE, 0x00060001, pair(*BERT)), attribute(MESSAGE, 0x00030006, dtr(2026, 7, 14, 8)),
                             attribute(MESSAGE, 0x00050008, struct.pack('<I', 0x1234ABCD)),
                             attribute(MESSAGE, 0x00018004, b'Accepted: Old meeting\0')),
        'request-number': stream(head('IPM.Schedule.Meeting.Request'), properties(
            *meeting(*sender(*ANNE), prop((MEETING, 0x0C), 'long', 10), prop((MEETING, 5), 'bool', True), zone=None)), recipients(person(*BERT))),
        'request-deputy': stream(head('IPM.Schedule.Meeting.Request'), properties(
            *meeting(*sender(*ANNE), prop(0x0C1A, 'unicode', CARA[0]), prop(0x0C1E, 'unicode', 'SMTP'),
                     prop(0x0C1F, 'unicode', CARA[1]), texts((STRINGS, 'Keywords'), ['Fruit', 'Work, hard']))),
            recipients((*person(*ANNE), prop(0x5FFD, 'long', 3)), (*person(*BERT), prop(0x5FFF, 'long', 3)),
                       person('Barn', 'barn@example.com', 3))),
        'receipt': stream(head('IPM.Microsoft Mail.Read Receipt'),
                          properties(*report, *sender(*BERT), prop(0x002A, 'time', filetime(2026, 7, 2, 8)))),
        'unread': stream(head('REPORT.IPM.Note.IPNNRN'), properties(*report, *sender(*BERT))),
        'delivered': stream(head('Report.IPM.Note.DR'), properties(*report), recipients(
            (*person(*BERT), prop(0x0010, 'time', filetime(2026, 7, 2, 7))))),
        'undeliverable': stream(head('IPM.Microsoft Mail.Non-Delivery'), properties(*report), recipients(
            (*person(*BERT), prop(0x0C05, 'long', 0), prop(0x0C04, 'long', 1),
             prop(0x0C1B, 'unicode', '<mail.example.org #5.1.10 smtp;550 5.1.10 no such box>')),
            (*person(*CARA), prop(0x0C20, 'long', 522), prop(0x0C05, 'long', 7)))),
        'package': stream(note(prop(0x0037, 'unicode', 'Objects')), objected('Package', ole1(b'Package', package_data), kind='binary'),
                          objected('Picture', compound(('\1Ole10Native', struct.pack('<I', 770) + b'BM' + picture))),
                          objected('Sheet', compound(('Workbook', b'x' * 5000))),
                          objected('Stored', compound(('\1CompObj', b'y' * 90), ('\1Ole10Native', struct.pack('<I', 5000)
                                                                                 + package(b'long.bin', picture * 20)))),
                          objected('Unknown', compound(('\1CompObj', b'z' * 99)))),
        'links': stream(note(prop(0x0037, 'unicode', 'Links')), attached(
            'plan', None, prop(0x3705, 'long', 4), prop(0x370D, 'unicode', '\\\\barn\\plans\\new plan.doc')), attached(
            'web', None, prop(0x3705, 'long', 7), prop(0x370D, 'unicode', 'https://example.com/plan'))),
        'votes': stream(note(prop(0x0037, 'unicode', 'Lunch?'), prop((COMMON, 0x8520), 'binary', verbs('Yes', 'No', 'Maybe')))),
        'contact': stream(head('IPM.Contact'), properties(
            prop(0x3001, 'unicode', 'Cara Cole'), prop(0x3A06, 'unicode', 'Cara'), prop(0x3A11, 'unicode', 'Cole'),
            prop(0x3A16, 'unicode', 'Mill; Sons'), prop(0x3A08, 'unicode', '+49 30 123456'),
            prop((ADDRESS, 0x8083), 'unicode', 'cara@example.org'), prop((ADDRESS, 0x8046), 'unicode', 'Berlin'),
            prop(0x3A42, 'time', filetime(1980, 5, 6)))),
        'journal': stream(head('IPM.Activity'), properties(
            prop(0x0037, 'unicode', 'Call about hens'), prop((LOG, 0x8700), 'unicode', 'Phone call'),
            prop((LOG, 0x8706), 'time', filetime(2026, 7, 14, 8)), prop(0x1000, 'unicode', 'They lay well.'))),
        'exchange': stream(note(
            prop(0x0037, 'unicode', 'Inside'), prop(0x0042, 'unicode', 'Dora Dell'), prop(0x0064, 'unicode', 'EX'),
            prop(0x0065, 'unicode', '/O=FARM/OU=BARN/CN=DORA.D'), prop(0x0029, 'bool', True), prop(0x0030, 'time', filetime(2026, 8, 1)),
            prop(0x0015, 'time', filetime(2026, 9, 1)), prop(0x1039, 'string', '<one@example.com> <two@example.com>')),
            recipients((prop(0x3001, 'unicode', 'Emil'), prop(0x3002, 'unicode', 'EX'), prop(0x3003, 'unicode', '/O=FARM/CN=EMIL'),
                        prop(0x39FE, 'unicode', 'emil@example.com')),
                       (prop(0x3001, 'unicode', 'Fay'), prop(0x3002, 'unicode', 'FAX'), prop(0x3003, 'unicode', 'Fay@+49 30')))),
        'wrapped': stream(note(prop(0x0037, 'unicode', 'Passed on')), attached('winmail.dat', stream(
            note(prop(0x0037, 'unicode', 'First hand'), prop(0x1000, 'unicode', 'Hello')), attached('a.txt', b'apple')))),
    }


def mail(tnef, subject, content_type='application/ms-tnef; name="winmail.dat"', body='See the attachment.', extra=''):
    text = base64.encodebytes(tnef).decode().replace('\n', '\r\n')
    return (f'From: Anne Adler <anne@example.com>\r\nTo: Bert Brook <bert@example.org>\r\n'
            f'Cc: Cara Cole <cara@example.org>\r\nSubject: {subject}\r\nDate: Wed, 01 Jul 2026 12:00:00 +0000\r\n'
            f'Message-ID: <tnef-{len(tnef)}@example.com>\r\nMIME-Version: 1.0\r\n{extra}'
            f'Content-Type: multipart/mixed; boundary="==b"\r\n\r\n--==b\r\nContent-Type: text/plain; charset=us-ascii\r\n'
            f'\r\n{body}\r\n--==b\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n'
            f'Content-Disposition: attachment; filename="winmail.dat"\r\n\r\n{text}--==b--\r\n').encode()


def uuencoded(data):
    lines = b''.join(binascii.b2a_uu(data[i:i + 45]) for i in range(0, len(data), 45))
    text = b'Old mail\n\nbegin 600 WINMAIL.DAT\n' + lines + b'`\nend\n'
    return b'From: anne@example.com\r\nSubject: old\r\n\r\n' + text.replace(b'\n', b'\r\n')


def main():
    table = samples()
    first = [name for name in table if name not in more_samples(b'')] + ['series-weekly', 'undeliverable', 'package']
    files = {f'{name}.tnef': data for name, data in table.items()}
    rich = {'html.rtf': RTF_HTML, 'plain.rtf': RTF_PLAIN, 'text.rtf': RTF_TEXT}
    rich |= {name + '.lzfu': compress(text) for name, text in rich.items()}
    rich['plain.mela'] = stored(RTF_PLAIN)
    for name in first:
        files[f'mail-{name}.eml'] = mail(table[name], f'Sample {name}')
    keyed = stream(head('IPM.Microsoft Mail.Note'), properties(prop(0x007F, 'binary', b'<key@example.com>\0'),
                                                               prop(0x1013, 'string', '<p>keyed</p>')))
    files['mail-correlated.eml'] = mail(keyed, 'keyed', extra='X-MS-TNEF-Correlator: <key@example.com>\r\n')
    files['mail-uncorrelated.eml'] = mail(keyed, 'keyed', extra='X-MS-TNEF-Correlator: <lock@example.com>\r\n')
    files['mail-octets.eml'] = mail(table['plain'], 'octets', 'application/octet-stream', body='')
    files['mail-renamed.eml'] = mail(table['plain'], 'renamed', 'application/octet-stream; name="x.bin"').replace(
        b'filename="winmail.dat"', b'filename="x.bin"')
    other = base64.encodebytes(table['html']).replace(b'\n', b'\r\n')
    files['mail-two.eml'] = mail(table['plain'], 'two').replace(
        b'--==b--', b'--==b\r\nContent-Type: application/vnd.ms-tnef\r\nContent-Transfer-Encoding: base64\r\n\r\n' + other + b'--==b--')
    files['mail-zero.eml'] = mail(b'', 'zero')
    files['mail-root.eml'] = (b'From: anne@example.com\r\nSubject: root\r\nMIME-Version: 1.0\r\nContent-Type: application/ms-tnef\r\n'
                              b'Content-Transfer-Encoding: base64\r\n\r\n' + base64.encodebytes(table['html']).replace(b'\n', b'\r\n'))
    files['mail-uuencoded.eml'] = uuencoded(table['plain'])
    files['mail-rich.eml'] = (b'From: anne@example.com\r\nSubject: rich\r\nMIME-Version: 1.0\r\nContent-Type: application/rtf\r\n\r\n'
                              + RTF_PLAIN + b'\r\n')
    files['mail-not-tnef.eml'] = mail(b'just some bytes', 'none')
    for directory, entries in (('tnef', files), ('rtf', rich)):
        os.makedirs(os.path.join(sys.argv[1], directory), exist_ok=True)
        for name, data in entries.items():
            with open(os.path.join(sys.argv[1], directory, name), 'wb') as out:
                out.write(data)


if __name__ == '__main__':
    main()
