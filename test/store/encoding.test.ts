import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { encodeValues, hashValues } from '../../store/encoding.ts'
import type { Hashed } from '../../store/encoding.ts'
import { LedgerFile } from '../../store/ledger-file.ts'
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
})
