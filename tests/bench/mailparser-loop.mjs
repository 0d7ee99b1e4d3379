// The peer in JavaScript: parse each file with mailparser.
//
// mailparser-loop.mjs READERS REPEAT FILE...    prints "MESSAGES BYTES CPU-SECONDS"; READERS has node_modules
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [readers, repeat, ...paths] = process.argv.slice(2)
const { simpleParser } = createRequire(readers + '/')('mailparser')
const options = { skipImageLinks: true, skipHtmlToText: true, skipTextToHtml: true, skipTextLinks: true }
let bytes = 0
const begin = process.cpuUsage()
for (let i = 0; i < repeat; i++) {
  for (const path of paths) {
    const data = readFileSync(path)
    bytes += data.length
    await simpleParser(data, options)
  }
}
const { user, system } = process.cpuUsage(begin)
console.log(repeat * paths.length, bytes, (user + system) / 1e6)
