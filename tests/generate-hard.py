#!/usr/bin/python3
"""generate-hard.py [--seed S] COUNT DIRECTORY: writes COUNT messages that are hard to convert.

The same seed gives the same bytes.  Each file is named NNNNN-KIND.eml after the first of its troubles; the
converter has to take every one of them, and to give back the same bytes."""
import argparse
import base64
import os
import random
import sys

WORDS = ('meeting budget project contract delivery invoice quarter report schedule room agenda deadline '
         'customer release server mailbox calendar Übergabe façade naïve коллега 会議 날씨 日本語').split()
CHARSETS = ['us-ascii', 'utf-8', 'UTF8', 'iso-8859-1', 'ISO-8859-15', 'windows-1252', 'win-1251', 'koi8-r', 'gb2312',
            'ks_c_5601-1987', 'Shift_JIS', 'iso-2022-jp', 'utf-7', 'utf-16', 'x-unknown', 'unknown-8bit', '"utf-8',
            "'latin1'", 'big5', 'euc-kr', 'cp-850', 'unicode', '', 'x' * 200, '../../etc/passwd', 'iso-8859-8-i']
ENCODINGS = ['7bit', '8bit', 'binary', 'quoted-printable', 'base64', 'BASE64', 'x-uuencode', 'x-nothing', '8-bit', '']
TYPES = ['application/octet-stream', 'image/png', 'application/pdf', 'text/csv', 'text/calendar; method=REQUEST',
         'message/rfc822', 'application/ms-tnef', 'message/partial; id=x; number=1', 'message/delivery-status',
         'application/pkcs7-mime; smime-type=signed-data', 'nonsense', 'text', 'image/', '/png']


METHODS = ['PUBLISH', 'REQUEST', 'REQUEST', 'REPLY', 'CANCEL', 'ADD', 'REFRESH', 'COUNTER', 'DECLINECOUNTER', 'request', 'NONSENSE', '']
ZONES = ['Europe/Rome', 'America/New_York', 'Asia/Kolkata', 'W. Europe Standard Time', 'Customized Time Zone', 'tzone://Microsoft/Utc',
         '(UTC+01:00) Amsterdam, Berlin, Bern', 'GMT+0100 (Standard)', 'Mars/Olympus', '/example.org/20050809/Europe/Paris', 'Büro']
RULES = ['FREQ=DAILY', 'FREQ=DAILY;COUNT=3', 'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;UNTIL=20261231T225959Z', 'FREQ=MONTHLY;BYDAY=-1FR;COUNT=10',
         'FREQ=MONTHLY;BYMONTHDAY=31', 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', 'FREQ=HOURLY',
         'FREQ=SECONDLY;COUNT=1000000000', 'FREQ=NEVER', 'COUNT=3', 'FREQ=WEEKLY;BYDAY=99XX', 'RSCALE=CHINESE;FREQ=YEARLY', 'FREQ=DAILY;UNTIL=x', '']


class Calendar:
    """Calendar objects with the troubles that calendar objects have."""

    def calendar_text(self):
        plain = self.text(6) or 'Plan'
        return self.random.choice([plain, plain, plain.replace(' ', '\\n'), plain + '\\, and\\; more\\\\', '"' + plain + '"', 'x' * 400, '',
                                   plain + ': a;b,c', plain + '\\', '<b>' + plain + '</b>'])

    def offset(self):
        return '%s%02d%02d' % (self.random.choice('+-'), self.random.randint(0, 14), self.random.choice([0, 30, 45]))

    def vtimezone(self, zone):
        out = ['BEGIN:VTIMEZONE', 'TZID:' + zone]
        rule = self.random.choice(['RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=%d', 'RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=%d', ''])
        kinds = self.random.choice([['STANDARD', 'DAYLIGHT'], ['STANDARD', 'DAYLIGHT'], ['STANDARD'], ['DAYLIGHT'], [], ['STANDARD'] * 5])
        for number, kind in enumerate(kinds):
            out += ['BEGIN:' + kind, 'DTSTART:%s' % self.random.choice(['16010101T030000', '19701025T030000', '20200101T000000']),
                    'TZOFFSETFROM:' + self.offset(), 'TZOFFSETTO:' + self.offset()]
            if rule:
                out.append(rule % (number % 12 + 1))
            out.append('END:' + kind)
        return out + ['END:VTIMEZONE']

    def moment(self, name, zone, day, hour):
        date, time = '2026%02d%02d' % (day % 12 + 1, day % 28 + 1), 'T%02d3000' % (hour % 24)
        return name + self.random.choice([';TZID=%s:%s%s' % (zone, date, time), ';TZID=%s:%s%s' % (zone, date, time),
                                          ';TZID="%s":%s%s' % (zone, date, time), ':%s%sZ' % (date, time), ':%s%s' % (date, time),
                                          ';VALUE=DATE:%s' % date, ':%s' % date, ':%s%s\\n' % (date, time), ':tomorrow', ':99999999T999999Z'])

    def person(self, name):
        parameters = self.random.sample([';CN=%s' % (self.text(1) or 'Anna'), ';CN="Doe, %s"' % self.text(1), ';PARTSTAT=ACCEPTED', ';PARTSTAT=x-odd',
                                         ';RSVP=TRUE', ';ROLE=CHAIR', ';CUTYPE=RESOURCE', ';SENT-BY="mailto:c@example.com"', ";X-A=^'b^'^nc",
                                         ';DELEGATED-TO="mailto:d@example.org"', ';MEMBER="mailto:l@example.org","mailto:m@example.org"'],
                                        self.random.randint(0, 4))
        return name + ''.join(parameters) + ':' + self.random.choice(
            ['mailto:a@example.org', 'MAILTO:b@example.com', 'c@example.com', 'invalid:nomail', '', 'mailto:ä@exämple.example', 'CN=x'])

    def item(self, uid, zone, instance=None):
        kind = self.random.choice(['VEVENT', 'VEVENT', 'VEVENT', 'VTODO', 'VJOURNAL', 'VFREEBUSY'])
        day, hour = self.random.randint(0, 300), self.random.randint(0, 23)
        lines = ['UID:' + uid, 'DTSTAMP:2026010%dT000000Z' % self.random.randint(1, 9), self.moment('DTSTART', zone, day, hour),
                 'SUMMARY:' + self.calendar_text()]
        more = [lambda: self.moment('DTEND' if kind != 'VTODO' else 'DUE', zone, day, hour + 1), lambda: 'DURATION:PT90M', lambda: 'DURATION:-P1W',
                lambda: 'DESCRIPTION:' + self.calendar_text(), lambda: 'DESCRIPTION;LANGUAGE=de;ALTREP="cid:x@y":' + self.calendar_text(),
                lambda: 'LOCATION:' + self.calendar_text(), lambda: self.person('ORGANIZER'), lambda: self.person('ATTENDEE'),
                lambda: self.person('ATTENDEE'), lambda: 'SEQUENCE:%s' % self.random.choice(['0', '7', '-1', 'x', '99999999999']),
                lambda: 'STATUS:%s' % self.random.choice(['CONFIRMED', 'CANCELLED', 'TENTATIVE', 'NEEDS-ACTION', 'odd']),
                lambda: 'CLASS:%s' % self.random.choice(['PRIVATE', 'CONFIDENTIAL', 'PUBLIC', 'X-SECRET']), lambda: 'TRANSP:TRANSPARENT',
                lambda: 'PRIORITY:%s' % self.random.choice(['1', '5', '9', '99']), lambda: 'X-MICROSOFT-CDO-BUSYSTATUS:OOF',
                lambda: 'X-MICROSOFT-CDO-ALLDAYEVENT:TRUE', lambda: 'CATEGORIES:a,b\\,c', lambda: 'GEO:1.5;2.5', lambda: 'URL:https://example.org/',
                lambda: 'ATTACH:https://example.org/file.pdf', lambda: 'ATTACH;FMTTYPE=text/plain;FILENAME=a.txt:cid:a@example.org',
                lambda: 'ATTACH;VALUE=BINARY;ENCODING=BASE64;X-FILENAME=%s:%s' % (self.text(1), base64.b64encode(self.noise(300)).decode()),
                lambda: 'COMMENT:' + self.calendar_text(), lambda: 'PERCENT-COMPLETE:%d' % self.random.randint(-5, 120),
                lambda: 'COMPLETED:20260102T000000Z', lambda: 'RELATED-TO:other@example.org', lambda: 'x-lower-case:1', lambda: 'no colon here',
                lambda: 'FREEBUSY;FBTYPE=BUSY:20260101T080000Z/PT1H,20260102T080000Z/20260102T090000Z', lambda: 'X-EMPTY:', lambda: ';:',
                lambda: 'BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:%s\nDESCRIPTION:x\nEND:VALARM' % self.random.choice(['-PT15M', 'PT0S', 'x', '-P1D']),
                lambda: 'BEGIN:VALARM\nACTION:EMAIL\nTRIGGER;VALUE=DATE-TIME:20260101T000000Z\nATTENDEE:mailto:a@example.org\nEND:VALARM']
        lines += [self.random.choice(more)() for _ in range(self.random.randint(0, 12))]
        if instance:
            lines.append(self.moment('RECURRENCE-ID', zone, *instance))
        elif self.random.random() < .4:
            lines.append('RRULE:' + self.random.choice(RULES))
            lines += [self.moment(name, zone, day + i, hour) for i, name in enumerate(self.random.choice([[], ['EXDATE'], ['EXDATE', 'RDATE']]))]
        if self.random.random() < .2:
            self.random.shuffle(lines)
        ends = self.random.choice(['END:' + kind] * 12 + ['END:VTODO', ''])
        return ['BEGIN:' + kind] + lines + [ends], (day, hour)

    def calendar_object(self, method):
        zone = self.random.choice(ZONES)
        out = ['BEGIN:VCALENDAR', 'VERSION:' + self.random.choice(['2.0', '2.0', '2.0', '1.0', '']), 'PRODID:-//Example//Hard//EN']
        if method:
            out.append('METHOD:' + method)
        if self.random.random() < .7:
            out += self.vtimezone(zone)
        for number in range(self.random.choice([1, 1, 1, 1, 2, 3, 0])):
            uid = self.random.choice(['item%d@example.org' % number, '040000008200E00074C5B7101A82E008%016X' % number, 'ü %d' % number, ''])
            lines, at = self.item(uid, zone)
            out += lines
            for _ in range(self.random.choice([0, 0, 0, 1, 3])):
                out += self.item(uid, zone, at)[0]
        return out + self.random.choice([['END:VCALENDAR']] * 9 + [[]])

    def folded(self, lines):
        """Lines folded as senders do it: at 75 bytes, early, late, never, inside of a character, with a tab."""
        kind, out = self.random.choice(['75', '75', '75', 'early', 'never', 'character', 'tab', 'empty']), []
        for line in '\n'.join(lines).split('\n'):
            data = line.encode()
            if kind == 'never':
                out.append(data)
                continue
            width = 10 if kind == 'early' else 74 if kind != 'character' else 7
            pieces = []
            while data:
                cut = width
                while kind not in ('character', 'early') and cut < len(data) and data[cut] & 0xc0 == 0x80:
                    cut -= 1
                pieces.append(data[:cut])
                data = data[cut:]
            out.append({'tab': b'\n\t', 'empty': b'\n \n '}.get(kind, b'\n ').join(pieces))
        return b'\n'.join(out) + self.random.choice([b'\n', b'\n', b''])

    def calendar_part(self, method):
        data = self.folded(self.calendar_object(method))
        if self.random.random() < .1:
            data = data.decode('utf-8', 'replace').encode('latin-1', 'replace')
        encoding = self.random.choice(['7bit', '8bit', 'base64', 'quoted-printable', 'base64'])
        said = self.random.choice([b'; method=' + method.encode()] * 3 + [b'', b'; method=PUBLISH', b'; component=VEVENT; method="%s"' % method.encode()])
        kind = self.random.choice([b'text/calendar'] * 6 + [b'application/ics', b'text/x-vcalendar'])
        if encoding == 'base64':
            data = data.replace(b'\n', b'\r\n')
        head = b'Content-Type: ' + kind + said + self.random.choice([b'; charset=utf-8', b'; charset="UTF-8"', b'', b'; charset=us-ascii'])
        head += self.random.choice([b'', b'', b'\nContent-Disposition: attachment; filename=invite.ics', b'; name="meeting.ics"'])
        return head + b'\nContent-Transfer-Encoding: ' + encoding.encode() + b'\n\n' + self.encode(data, encoding)

    def calendar(self):
        """A mail with one calendar part or several, as iMIP has them and as it has not."""
        method = self.random.choice(METHODS)
        part, head = self.calendar_part(method), self.header()
        shape = self.random.choice(['alone', 'alternative', 'alternative', 'mixed', 'twice'])
        if shape == 'alone':
            return head + part
        pieces = [self.body()] + ([self.body()] if self.random.random() < .5 else []) + [part]
        if shape == 'twice':
            pieces.append(self.random.choice([part, self.calendar_part(method)]))
        if shape == 'mixed':
            pieces.append(self.file())
        kind = b'alternative' if shape in ('alternative', 'twice') else b'mixed'
        out = head + b'Content-Type: multipart/' + kind + b'; boundary="cal"\n\n'
        for piece in pieces:
            out += b'--cal\n' + piece + b'\n'
        return out + self.random.choice([b'--cal--\n', b'--cal--\n', b''])


class Generator(Calendar):
    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self, count=30):
        return ' '.join(self.random.choice(WORDS) for _ in range(self.random.randint(0, count)))

    def lines(self):
        return ''.join(self.text(12) + '\n' for _ in range(self.random.randint(0, 12)))

    def noise(self, most):
        return self.random.randbytes(self.random.randint(0, most))

    def encoded_in(self, text):
        charset = self.random.choice(['utf-8', 'latin-1', 'cp1251', 'shift_jis', 'gb18030', 'utf-16', 'iso2022_jp'])
        return text.encode(charset, 'replace')

    # Base64 in the ways in which it is written wrongly.
    def base64(self, data):
        width = self.random.choice([76, 76, 76, 72, 60, 64, 4, 75, 3, 1, 1000, 0])
        plain = base64.b64encode(data)
        lines = [plain[i:i + width] for i in range(0, len(plain), width)] if width else [plain]
        trouble = self.random.choice(['none', 'none', 'none', 'blanks', 'foreign', 'chunks', 'no padding', 'odd line',
                                      'empty lines', 'truncated', 'more padding'])
        if trouble == 'blanks':
            lines = [line + b' ' * self.random.randint(0, 2) for line in lines]
        elif trouble == 'foreign' and lines:
            at = self.random.randrange(len(lines))
            lines[at] = lines[at][:5] + self.random.choice([b'*', b'\0', b'\xff', b'-', b'='])+ lines[at][5:]
        elif trouble == 'chunks':
            lines += [base64.b64encode(self.noise(50))]
        elif trouble == 'no padding' and lines:
            lines[-1] = lines[-1].rstrip(b'=')
        elif trouble == 'odd line' and len(lines) > 2:
            lines[1:3] = [lines[1][:7], lines[1][7:] + lines[2]]
        elif trouble == 'empty lines':
            lines = [line for pair in zip(lines, [b''] * len(lines)) for line in pair]
        elif trouble == 'truncated' and lines:
            lines[-1] = lines[-1][:self.random.randint(0, 5)]
        elif trouble == 'more padding':
            lines += [b'====']
        return b'\n'.join(lines) + self.random.choice([b'\n', b'', b'\n\n'])

    def quoted_printable(self, data):
        out = b''
        for byte in data:
            if byte == 10:
                out += self.random.choice([b'\n', b'\n', b' \n', b'=\n'])
            elif 32 < byte < 127 and byte != 61 or self.random.random() < .1:
                out += bytes([byte])
            else:
                out += b'=%02X' % byte if self.random.random() < .9 else b'=%x' % byte
        return out + self.random.choice([b'', b'=', b'=3', b'\n'])

    def uuencode(self, data):
        import binascii
        out = b'begin 644 ' + self.random.choice([b'file.bin', b'a b', b'']) + b'\n'
        for i in range(0, len(data), 45):
            out += binascii.b2a_uu(data[i:i + 45])
        return out + self.random.choice([b'`\nend\n', b' \nend\n', b'end', b'', b'\nend\n'])

    def encode(self, data, encoding):
        kind = encoding.lower()
        if kind == 'base64':
            return self.base64(data)
        if kind == 'quoted-printable':
            return self.quoted_printable(data)
        return self.uuencode(data) if kind == 'x-uuencode' else data

    def word(self, text):
        charset = self.random.choice(['utf-8', 'iso-8859-1', 'UTF-8*de', 'x-none', 'shift_jis', 'us-ascii'])
        try:
            data = text.encode(charset.split('*')[0], 'replace')
        except LookupError:
            data = text.encode()
        if self.random.random() < .3 and len(data) > 2:
            cut = self.random.randrange(len(data))
            return self.one_word(charset, data[:cut]) + self.random.choice([b' ', b'\n ', b'', b'\n\t']) \
                + self.one_word(charset, data[cut:])
        return self.one_word(charset, data)

    def one_word(self, charset, data):
        if self.random.random() < .5:
            coded = base64.b64encode(data)
            if self.random.random() < .2:
                coded = coded.rstrip(b'=')
            out = b'=?%s?B?%s?=' % (charset.encode(), coded)
        else:
            out = b'=?%s?Q?%s?=' % (charset.encode(), b''.join(b'=%02X' % c for c in data))
        return out[:-2] if self.random.random() < .05 else out

    def value(self):
        return self.random.choice([lambda: self.text(8).encode(), lambda: self.encoded_in(self.text(8)),
                                   lambda: self.word(self.text(4)), lambda: b'"' + self.word(self.text(2)) + b'"',
                                   lambda: b'', lambda: b'\n ' + self.text(3).encode() + b'\n\t' + self.text(3).encode(),
                                   lambda: self.noise(40).replace(b'\n', b''), lambda: b' ' * 300,
                                   lambda: b'=?utf-8?Q?' * 20])()

    def address(self):
        user = self.random.choice([b'a', b'"a b"', b'a.b', b'a,b', 'ä'.encode(), b''])
        host = self.random.choice([b'example.com', b'[192.0.2.1]', 'exämple.example'.encode(), b''])
        form = self.random.choice([b'%(n)s <%(u)s@%(h)s>', b'<%(u)s@%(h)s>', b'%(u)s@%(h)s', b'%(u)s@%(h)s (%(n)s)',
                                   b'"%(n)s" <%(u)s@%(h)s', b'<@x.example:%(u)s@%(h)s>', b'%(n)s: %(u)s@%(h)s;',
                                   b'%(n)s', b'((((%(u)s@%(h)s'])
        return form % {b'n': self.value(), b'u': user, b'h': host}

    def addresses(self):
        return self.random.choice([b', ', b',', b'; ', b',\n ', b' ']).join(
            self.address() for _ in range(self.random.randint(0, 5)))

    def name(self):
        text = self.text(2) or 'x'
        safe = text.encode()
        percent = b''.join(b'%%%02X' % c for c in safe)
        return self.random.choice([
            lambda: b'filename="%s"' % safe, lambda: b'filename=%s' % safe, lambda: b'filename="%s' % safe,
            lambda: b"filename*=utf-8''%s" % percent, lambda: b'filename*=%s' % percent,
            lambda: b"filename*1*=%s;\n filename*0*=utf-8''%s" % (percent, percent),
            lambda: b'filename="%s"' % self.word(text), lambda: b'filename="../../%s"' % safe,
            lambda: b'filename="C:\\%s"' % safe, lambda: b'filename="%s"' % self.encoded_in(text),
            lambda: b';;filename = "a"; filename=b;', lambda: b'filename*0=' + b'x' * 500,
            lambda: b''.join(b'filename*%d=y;' % i for i in range(300))])()

    def charset(self):
        return self.random.choice(CHARSETS).encode()

    def body(self):
        encoding = self.random.choice(ENCODINGS)
        data = self.random.choice([lambda: self.encoded_in(self.lines()), lambda: self.lines().encode(),
                                   lambda: self.noise(300), lambda: b'', lambda: b'\0' * 10,
                                   lambda: self.uuencode(self.noise(200)),
                                   lambda: b'From x\n>From y\n.\n..\n--\n-- \n' + self.lines().encode()])()
        subtype = self.random.choice([b'plain', b'plain', b'html', b'enriched'])
        head = b'Content-Type: text/' + subtype + b'; charset=' + self.charset()
        if self.random.random() < .2:
            head += b'; format=flowed; delsp=yes'
        return head + b'\nContent-Transfer-Encoding: ' + encoding.encode() + b'\n\n' + self.encode(data, encoding)

    def file(self):
        encoding = self.random.choice(ENCODINGS)
        kind = self.random.choice(TYPES)
        data = self.message(1) if kind == 'message/rfc822' else self.noise(self.random.choice([10, 1000, 20000]))
        return (b'Content-Type: ' + kind.encode() + b'\nContent-Disposition: ' +
                self.random.choice([b'attachment', b'inline', b'weird', b'']) + b'; ' + self.name() +
                b'\nContent-Transfer-Encoding: ' + encoding.encode() + b'\n\n' + self.encode(data, encoding))

    def part(self, depth):
        if depth > 0 and self.random.random() < .35:
            return self.multipart(depth - 1)
        return self.random.choice([self.body, self.file, self.file, lambda: b'', lambda: b'\n', lambda: b'no header',
                                   lambda: b'\n' + self.lines().encode()])()

    def multipart(self, depth):
        kind = self.random.choice([b'mixed', b'alternative', b'related', b'signed; protocol=x; micalg=y', b'report',
                                   b'digest', b'encrypted', b'x-strange', b''])
        boundary = self.random.choice([b'b', b'bb', b'b--', b'=_b', b'b%d' % self.random.randrange(5), b' b ', b"b'()",
                                       b'x' * 70, b'x' * 200, b'=?utf-8?Q?b?='])
        said = self.random.choice([b'"%s"', b'"%s"', b'"%s"', b'%s', b'"%s']) % boundary
        out = b'Content-Type: multipart/' + kind
        if self.random.random() < .93:
            out += b'; boundary=' + said
        if self.random.random() < .1:
            out += b'\nContent-Transfer-Encoding: base64'
        out += b'\n\n' + self.random.choice([b'', b'preamble\n', b'--\n', b'--not' + boundary + b'\n'])
        for _ in range(self.random.choice([0, 1, 2, 2, 3, 4])):
            out += b'--' + boundary + self.random.choice([b'\n', b'\n', b'\n', b' \n', b'x\n']) + self.part(depth)
            out += self.random.choice([b'\n', b'\n', b'\n', b'', b'\n\n'])
        if self.random.random() < .85:
            out += b'--' + boundary + b'--'
        return out + self.random.choice([b'\n', b'', b'\nepilogue\n', b'\n--' + boundary + b'\n\nlate part\n'])

    def deep(self):
        out = b''
        for i in range(self.random.choice([30, 30, 150])):
            out += b'Content-Type: multipart/mixed; boundary=d%d\n\n--d%d\n' % (i, i)
        return out + b'\ninnermost\n'

    def header(self):
        fields = [b'From: ' + self.address(), b'To: ' + self.addresses(), b'Subject: ' + self.value(),
                  b'Date: ' + self.random.choice([b'Mon, 15 Jan 2024 10:20:30 +0100', b'', b'yesterday',
                                                  b'15 Jan 24 10:20 EST', b'99 Foo 99999', b'2024-01-15T10:20:30Z']),
                  b'Message-ID: ' + self.random.choice([b'<a@b>', b'a@b', b'<a', b'<\n a@b>', b'', self.value()]),
                  b'MIME-Version: 1.0']
        more = [lambda: b'Cc: ' + self.addresses(), lambda: b'Subject: ' + self.value(),
                lambda: b'X-Any: ' + self.value(), lambda: b'References: ' + b'<r@x> ' * self.random.randint(0, 40),
                lambda: b'Received: ' + self.value(), lambda: b': no name', lambda: b'Bad Name: x',
                lambda: b'X-Blank : x', lambda: b'X-NUL: a\0b', lambda: b'X-CR: a\rb',
                lambda: b'Content-Type: text/html', lambda: b'Importance: high', lambda: b'Sensitivity: private',
                lambda: b'X-Long: ' + b'x' * self.random.choice([998, 5000]), lambda: b' continues nothing']
        for _ in range(self.random.randint(0, 6)):
            fields.insert(self.random.randint(0, len(fields)), self.random.choice(more)())
        for _ in range(self.random.choice([0, 0, 0, 1, 3])):
            fields.pop(self.random.randrange(len(fields)))
        return b'\n'.join(fields) + (b'\n' if fields else b'')

    def message(self, depth=4):
        head = self.header()
        content = self.random.choice([self.body, self.file, lambda: self.multipart(depth),
                                      lambda: self.multipart(depth)])()
        return head + content

    def line_ends(self, data):
        kind = self.random.choice(['crlf', 'crlf', 'lf', 'mixed', 'cr'])
        if kind == 'crlf':
            data = data.replace(b'\n', b'\r\n')
        elif kind == 'cr':
            data = data.replace(b'\n', b'\r')
        elif kind == 'mixed':
            pieces = data.split(b'\n')
            data = b''.join(piece + self.random.choice([b'\n', b'\r\n', b'\r\r\n']) for piece in pieces[:-1]) + pieces[-1]
        return data if self.random.random() < .8 else data.rstrip(b'\r\n')

    def special(self):
        return self.random.choice([
            ('empty', lambda: b''), ('line-end', lambda: b'\r\n'), ('two-line-ends', lambda: b'\r\n\r\n'),
            ('lf', lambda: b'\n'), ('body-only', lambda: self.line_ends(self.lines().encode())),
            ('header-only', lambda: self.line_ends(self.header())), ('noise', lambda: self.noise(5000)),
            ('long-line', lambda: b'X-Long: ' + b'x' * 1000000 + b'\r\n\r\ntext\r\n'),
            ('long-word', lambda: b'Subject: ' + b'=?utf-8?Q?=41?= ' * 60000 + b'\r\n\r\ntext\r\n'),
            ('many-fields', lambda: b''.join(b'X-%d: y\r\n' % i for i in range(20000)) + b'\r\ntext'),
            ('many-recipients', lambda: b'To: ' + b', '.join(b'a%d@example.com' % i for i in range(20000)) + b'\r\n\r\n'),
            ('many-parts', lambda: b'Content-Type: multipart/mixed; boundary=b\r\n\r\n' + b'--b\r\n\r\nx\r\n' * 20000),
            ('deep', lambda: self.line_ends(self.deep())),
            ('delimiters', lambda: b'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n' + b'--c\r\n' * 50000),
            ('dashes', lambda: b'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n' + b'-' * 300000),
            ('mbox-line', lambda: self.line_ends(b'From a@b Mon Jan  1\n' + self.message())),
            ('cut', lambda: self.cut(self.line_ends(self.message())))])

    def cut(self, data):
        return data[:self.random.randrange(len(data) + 1)]

    def damaged(self, data):
        data = bytearray(data)
        for _ in range(self.random.randint(1, 10)):
            if data:
                data[self.random.randrange(len(data))] = self.random.choice([0, 10, 13, 45, 61, 255, 27])
        return bytes(data)

    def one(self):
        choice = self.random.random()
        if choice < .2:
            kind, make = self.special()
            return kind, make()
        if choice < .4:
            data = self.line_ends(self.calendar())
            return ('calendar', data) if choice < .37 else ('damaged-calendar', self.damaged(data))
        data = self.line_ends(self.message())
        if choice < .5:
            return 'damaged', self.damaged(data)
        return 'message', data


def main():
    parser = argparse.ArgumentParser(description='Writes messages that are hard to convert.')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('count', type=int)
    parser.add_argument('directory')
    arguments = parser.parse_args()
    os.makedirs(arguments.directory, exist_ok=True)
    for number in range(arguments.count):
        # One generator for each message: a single one can be made again.
        kind, data = Generator(arguments.seed * 1000003 + number).one()
        with open(os.path.join(arguments.directory, '%05d-%s.eml' % (number, kind)), 'wb') as file:
            file.write(data)
    return 0


if __name__ == '__main__':
    sys.exit(main())
