// Rows of an SQLite file as they lie in the file alone are what SQLite says of them; what is no such file says nothing.
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { withMainFile } from '../../store/file/main-file.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()

const VALUES = [
  ...[0, 1, -1, 127, -128, 300, -40_000, 8_000_000, 2_000_000_000, 140_000_000_000, 2 ** 52],
  ...['', 'short', 'ö'.repeat(100), 'long '.repeat(5_000)],
  ...[null, Buffer.alloc(0), Buffer.from([1, 2, 3]), Buffer.alloc(9_000, 7)],
]

/** A ledger has whole numbers only; better-sqlite3 stores one of JavaScript as a fraction. */
const stored = (value: (typeof VALUES)[number]) => (typeof value === 'number' ? BigInt(value) : value)

/** A file with rows of every kind, in a tree of several levels; `pageBytes` is SQLite's page. */
function fileOf(pageBytes: number, rows: number): string {
  const file = tempFile()
  const db = new Database(file)
  db.pragma(`page_size = ${pageBytes}`)
  db.exec('CREATE TABLE one (id INTEGER PRIMARY KEY, value, after)')
  for (let more = 0; more < 60; more += 1)
    db.exec(`CREATE TABLE more_${more} (id INTEGER PRIMARY KEY, value)`)
  const insert = db.prepare('INSERT INTO one VALUES (?, ?, ?)')
  db.transaction(() => {
    for (let row = 1; row <= rows; row += 1)
      insert.run(row, stored(VALUES[row % VALUES.length] ?? null), `row ${row}`)
  })()
  db.exec('INSERT INTO more_59 VALUES (1, 5)')
  db.close()
  return file
}

describe.each([
  [512, 3_000],
  [4_096, 3_000],
  [65_536, 300],
])('in pages of %i bytes', (pageBytes, rows) => {
  it('every row is what SQLite says', () => {
    const file = fileOf(pageBytes, rows)
    const db = new Database(file, { readonly: true })
    const said = db.prepare('SELECT * FROM one ORDER BY id').raw().all() as unknown[][]
    db.close()
    const plain = (values: readonly unknown[] | null) =>
      values?.map((value) => (value instanceof Uint8Array ? [...value] : value))
    withMainFile(file, (main) => {
      for (const row of said) expect(plain(main.row('one', row[0] as number))).toEqual(plain(row))
      expect(plain(main.row('one', 'last'))).toEqual(plain(said.at(-1)!))
      expect(main.row('more_59', 1)).toEqual([1, 5])
      expect([main.row('one', rows + 1), main.row('more_3', 'last'), main.row('none', 1)]).toEqual([
        null,
        null,
        null,
      ])
    })
  })

  it('a file that was cut short, or is none, says nothing that is untrue', () => {
    const file = fileOf(pageBytes, rows)
    const whole = withMainFile(file, (main) => [main.row('one', 1), main.row('one', 'last')])
    for (const share of [0, 0.001, 0.3, 0.9]) {
      const cut = tempFile()
      copyFileSync(file, cut)
      truncateSync(cut, Math.floor(readFileSync(file).length * share))
      const [first, last] = withMainFile(cut, (main) => [main.row('one', 1), main.row('one', 'last')])
      expect([null, whole[0]]).toContainEqual(first)
      expect(last === null || last[0] === null || last[0] === rows).toBe(true)
    }
    const noise = tempFile()
    writeFileSync(noise, Buffer.alloc(100_000, 0xff))
    expect(withMainFile(noise, (main) => main.row('one', 1))).toBeNull()
  })
})

describe('of a file that was written to mislead', () => {
  const PAGE = 512

  it('a page whose children are all the page itself is given up', () => {
    const file = tempFile()
    copyFileSync(fileOf(PAGE, 10), file)
    const bytes = readFileSync(file)
    // The first page lists the tables: an interior page with 60 children, each of them page 1.
    bytes.writeUInt8(0x05, 100)
    bytes.writeUInt16BE(60, 103)
    bytes.writeUInt32BE(1, 108)
    for (let cell = 0; cell < 60; cell += 1) bytes.writeUInt16BE(300, 112 + 2 * cell)
    bytes.writeUInt32BE(1, 300)
    writeFileSync(file, bytes)
    expect(withMainFile(file, (main) => main.row('one', 1))).toBeNull()
  })

  it('a row that goes on in a page which names itself is given up', () => {
    const file = fileOf(PAGE, 3_000)
    const db = new Database(file, { readonly: true })
    const root = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'one'").pluck().get() as number
    db.close()
    const bytes = readFileSync(file)
    const last = bytes.length / PAGE
    const page = bytes.subarray((root - 1) * PAGE, root * PAGE)
    // One cell at 100: a row of 39 + 508 * 2^26 bytes with key 1, of which 39 are here. The rest is in the last page ...
    page.writeUInt8(0x0d, 0)
    page.writeUInt16BE(1, 3)
    page.writeUInt16BE(100, 8)
    const length = varintOf(39 + 508 * 2 ** 26)
    Buffer.from([...length, 1]).copy(page, 100)
    page.writeUInt32BE(last, 100 + length.length + 1 + 39)
    // ... which goes on in itself.
    bytes.writeUInt32BE(last, (last - 1) * PAGE)
    writeFileSync(file, bytes)
    expect(withMainFile(file, (main) => main.row('one', 1))).toBeNull()
  })

  it('and a good file may be asked as often as one likes', () => {
    withMainFile(fileOf(PAGE, 100), (main) => {
      for (let time = 0; time < 1_000; time += 1) expect(main.row('one', 1)?.[0]).toBe(1)
    })
  })
})

/** A number as SQLite writes it: seven bits a byte, the last byte without its highest bit. */
function varintOf(value: number): number[] {
  const bytes = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    bytes.unshift((rest % 128) | 0x80)
  return bytes
}
