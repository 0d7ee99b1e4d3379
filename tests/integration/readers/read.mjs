// Reads mail with mailparser and calendars with ical.js.  One line of JSON on standard output for each file named on
// standard input, one per line: what these readers found in it.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import mailparser from 'mailparser'
import ICAL from 'ical.js'

const list = (field) => (field ? [field].flat().flatMap((f) => f.value) : [])
const person = (a) => (a.group ? a.group.map(person).flat() : [{ name: a.name || null, address: a.address || null }])
const people = (field) => list(field).flatMap(person)
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

function time (value) {
  return value && { text: value.toString(), date: value.isDate, zone: value.zone?.tzid ?? null, unix: value.toUnixTime() }
}

function calendar (text) {
  const object = new ICAL.Component(ICAL.parse(text))
  for (const zone of object.getAllSubcomponents('vtimezone')) ICAL.TimezoneService.register(new ICAL.Timezone(zone), zone.getFirstPropertyValue('tzid'))
  const item = object.getAllSubcomponents().find((c) => c.name !== 'vtimezone')
  const people = (name) => item.getAllProperties(name).map((p) => ({ address: String(p.getFirstValue()), partstat: p.getParameter('partstat') ?? null, role: p.getParameter('role') ?? null }))
  const text_of = (name) => item.getFirstPropertyValue(name)?.toString() ?? null
  const result = {
    method: object.getFirstPropertyValue('method'), component: item.name.toUpperCase(), uid: text_of('uid'),
    sequence: item.getFirstPropertyValue('sequence') ?? 0, summary: text_of('summary'), location: text_of('location'), rrule: text_of('rrule'),
    start: time(item.getFirstPropertyValue('dtstart')), end: time(item.getFirstPropertyValue(item.name === 'vtodo' ? 'due' : 'dtend')),
    organizer: people('organizer')[0] ?? null, attendees: people('attendee')
  }
  ICAL.TimezoneService.reset()
  return result
}

async function read (path) {
  const bytes = readFileSync(path)
  if (path.endsWith('.ics')) return { calendar: calendar(bytes.toString('utf8')) }
  const mail = await mailparser.simpleParser(bytes, { skipImageLinks: true, skipHtmlToText: true, skipTextToHtml: true, skipTextLinks: true })
  const parts = mail.attachments.map((a) => ({ name: a.filename ?? null, type: a.contentType, size: a.content.length, sha256: sha256(a.content), content_id: a.cid ?? null }))
  const invitation = mail.attachments.find((a) => a.contentType === 'text/calendar' && a.contentDisposition !== 'attachment')
  return {
    subject: mail.subject ?? null, date: mail.date?.toISOString() ?? null, message_id: mail.messageId ?? null, in_reply_to: mail.inReplyTo ?? null,
    references: [mail.references ?? []].flat(), from: people(mail.from), to: people(mail.to), cc: people(mail.cc), bcc: people(mail.bcc),
    reply_to: people(mail.replyTo), text: mail.text ?? null, html: mail.html || null, attachments: parts,
    calendar: invitation ? calendar(invitation.content.toString('utf8')) : null
  }
}

for (const path of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  try {
    console.log(JSON.stringify(await read(path)))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.stack ?? error) }))
  }
}
