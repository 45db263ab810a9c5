import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { encodeValues, hashRow, hashValues } from '../../store/rows/encoding.ts'
import type { Hashed } from '../../store/rows/encoding.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { RowBytes } from '../../store/rows/row-bytes.ts'
import { HEADER } from './events.ts'
import { story } from './story.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()

// What an auditor writes after reading docs/ledger.md, without a line of ours.
const HASHED =
  'position event_id stream version type schema recorded_at_us mono_us boot_id cause actor reason data decision'.split(
    ' ',
  )

function auditorsHash(previous: Buffer, row: Record<string, Hashed>): Buffer {
  const sha = createHash('sha256').update(previous)
  for (const column of HASHED) {
    if (row[column] === null) {
      sha.update('-')
      continue
    }
    const bytes = Buffer.from(String(row[column]), 'utf8')
    sha.update(`${bytes.length}:`).update(bytes)
  }
  return sha.digest()
}

it('hashes a value of any length, ASCII or not, as an implementation from the documentation does', () => {
  for (const text of ['x'.repeat(100_000), 'ä€\u{1f600}'.repeat(20_000)]) {
    const row = Object.fromEntries(HASHED.map((column) => [column, column === 'data' ? text : column]))
    const before = Buffer.alloc(32, 7)
    expect(Buffer.from(hashValues(before, Object.values(row))).equals(auditorsHash(before, row))).toBe(true)
  }
})

describe('canonical encoding', () => {
  it('gives the hashes that an implementation from the documentation gives', () => {
    const file = tempFile()
    const ledger = LedgerFile.open(file, { header: HEADER })
    ledger.appendBatch(story().map((events) => ({ events })))
    ledger.close()
    const db = new Database(file, { readonly: true })
    const rows = db.prepare('SELECT * FROM events ORDER BY position').all() as Record<string, Hashed>[]
    db.close()
    let hash: Buffer = Buffer.alloc(32)
    for (const row of rows) {
      hash = auditorsHash(hash, row)
      expect(hash.equals(row['hash'] as unknown as Buffer), `position ${String(row['position'])}`).toBe(true)
    }
    expect(rows.length).toBeGreaterThan(50)
  })

  it('is as the worked example of docs/ledger.md says', () => {
    const page = readFileSync(new URL('../../docs/ledger.md', import.meta.url), 'utf8')
    const example = page.slice(page.indexOf('### A worked example'))
    const block = (name: string) => {
      const found = new RegExp(`${name}[^\n]*:\\s+\`\`\`\\w*\\n([^]*?)\\n\`\`\``).exec(example)?.[1]
      return found ?? expect.fail(`docs/ledger.md has no block '${name}'`)
    }
    const row = JSON.parse(block('The row')) as Record<string, Hashed>
    const previous = Buffer.from(block('The hash of the row before'), 'hex')
    const values = HASHED.map((column) => row[column]!)
    expect(encodeValues(values)).toBe(block('Its encoding').replaceAll('\n', ''))
    expect(Buffer.from(hashValues(previous, values)).toString('hex')).toBe(block('Its hash'))
    expect(auditorsHash(previous, row).toString('hex')).toBe(block('Its hash'))
  })

  it('tells apart what could be mistaken for each other', () => {
    const cases: Hashed[][] = [
      ['', null],
      [null, ''],
      ['a', 'b'],
      ['ab', ''],
      ['', 'ab'],
      ['1:a', ''],
      ['-', ''],
      [null, '-'],
      ['0:', ''],
      ['ä', ''],
      ['a\u0308', ''],
    ]
    const texts = cases.map((values) => encodeValues(values))
    expect(new Set(texts).size).toBe(cases.length)
    expect(encodeValues(['ä', 12, -7n, null, ''])).toBe('2:ä2:122:-7-0:')
  })

  it('is the same by the quick way for any row, ASCII or not, short or too long for it', () => {
    const random = seededRandom('rows')
    const pick = (below: number) => random.nextUint32() % below
    const text = (max: number) =>
      Array.from({ length: pick(max) }, () =>
        pick(40) === 0 ? ['ä', '€', '😀', '\u007f'][pick(4)] : 'aZ0":{}'[pick(7)],
      ).join('')
    const integer = () =>
      Math.floor([9, 10, 99_999_999, 100_000_000, 2 ** 31, 2 ** 53 - 1, pick(1e9)][pick(7)]! / (1 + pick(2)))
    const bytes = new RowBytes()
    let quick = 0
    for (let at = 0; at < 500; at += 1) {
      const row = {
        ...{
          position: integer(),
          eventId: text(20),
          stream: text(40),
          version: integer(),
          type: text(20),
          schema: integer(),
        },
        ...{
          recordedAtUs: integer(),
          monoUs: integer(),
          bootId: text(9),
          cause: pick(2) === 0 ? null : integer(),
        },
        ...{ actor: text(9), reason: pick(2) === 0 ? null : text(9), data: text(pick(9) === 0 ? 3_000 : 60) },
        decision: pick(50) === 0 ? 'x'.repeat(70_000) : text(60),
      }
      const previous = new Uint8Array(32).fill(pick(256))
      const { eventId, recordedAtUs, monoUs, bootId, ...same } = row
      const renamed = { event_id: eventId, recorded_at_us: recordedAtUs, mono_us: monoUs, boot_id: bootId }
      const byAuditor = auditorsHash(Buffer.from(previous), { ...same, ...renamed })
      expect(Buffer.from(hashRow(previous, row)).equals(byAuditor), JSON.stringify(row)).toBe(true)
      quick += bytes.ofAscii(previous, row) === null ? 0 : 1
    }
    expect(quick).toBeGreaterThan(20)
    expect(quick).toBeLessThan(480)
  })
})
