import Database from 'better-sqlite3'
import { afterEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { openLedger } from '../../store/write/open.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import type { FileReader } from '../../store/read/reader.ts'
import type { ReadQuery, StoredEvent } from '../../store/types.ts'
import { failed, HEADER, PATH_A, Scribe, twoPaths } from './events.ts'
import { story } from './story.ts'
import { tempFiles } from './tmp.ts'
import { loosely } from './tamper.ts'

const tempFile = tempFiles()
const readers: FileReader[] = []
afterEach(() => readers.splice(0).forEach((reader) => reader.close()))

function readerOf(file: string): FileReader {
  const reader = openLedgerReader(file)
  readers.push(reader)
  return reader
}

const code = (name: string) => expect.objectContaining({ code: name }) as Error

describe('ledger reader', () => {
  it.each([
    ['a text as bytes', "actor = x'00'"],
    ['a cause as text', "cause = 'one'"],
    ['a number as text', "mono_us = 'soon'"],
    ['a hash as text', "hash = 'none'"],
  ])('refuses a row with %s, and names its position', (_what, change) => {
    const file = tempFile()
    const ledger = LedgerFile.open(file, { header: HEADER })
    ledger.append(twoPaths(new Scribe()))
    ledger.close()
    loosely(file, (db) => db.exec(`UPDATE events SET ${change} WHERE position = 3`))
    const reader = readerOf(file)
    expect(reader.read({ toPosition: 2 })).toHaveLength(2)
    expect(() => reader.read({})).toThrow(
      expect.objectContaining({ code: 'LEDGER_DAMAGED', details: { position: 3 } }),
    )
  })

  it('asks nothing of a file that it has let go of, and makes no ledger that must be there', async () => {
    const file = tempFile()
    await expect(openLedger(file, { header: HEADER, create: false })).rejects.toMatchObject({
      code: 'LEDGER_NOT_FOUND',
    })
    const store = await openLedger(file, { header: HEADER })
    expect(store.atOnce!(() => store.select('SELECT count(*) AS n FROM events'))).toEqual([{ n: 1 }])
    await store.close()
    const reader = openLedgerReader(file)
    reader.close()
    expect(() => reader.atOnce(() => 1)).toThrow(code('LEDGER_CLOSED'))
  })

  it('reads while an engine writes, as often as one likes', async () => {
    const store = await openLedger(tempFile(), { header: HEADER })
    const [one, other] = [readerOf(store.file), readerOf(store.file)]
    await store.append({ events: twoPaths(new Scribe()) })
    expect(one.read({})).toEqual(store.read({}))
    expect(other.head()).toEqual(store.head())
    expect(one.header).toEqual(store.header)
    expect(other.positionAt(HEADER.recordedAtUs)).toBe(1)
    await store.close()
    expect(one.head().events).toBe(3)
  })

  it('gives what deciding needs as the rows have it, the payloads of samples when they are asked for', () => {
    const file = tempFile()
    const ledger = LedgerFile.open(file, { header: HEADER })
    ledger.appendBatch([{ events: story().flat() }])
    ledger.close()
    const reader = readerOf(file)
    const rows = reader.read({})
    expect(rows.some(({ type }) => type === 'path.ioSampled')).toBe(true)
    const needed = rows.map(({ position, stream, version, type, schema, monoUs, data }) => {
      return { position, stream, version, type, schema, monoUs, data }
    })
    const inputs = reader.inputs(1, rows.length)
    expect(inputs.map((input) => ({ ...input, data: input.data }))).toEqual(needed)
    expect(reader.inputs(5, 9).map(({ position }) => position)).toEqual([5, 6, 7, 8, 9])
  })

  it('gives the rows that the filters mean, whatever is combined, also where the wall clock stepped back', () => {
    const file = tempFile()
    const ledger = LedgerFile.open(file, { header: HEADER })
    const random = seededRandom('queries')
    const pick = (below: number) => random.nextUint32() % below
    const events = story().flat()
    const jumps = events.map((event, index) => {
      return index % 7 === 0 ? { ...event, recordedAtUs: event.recordedAtUs - pick(3_000_000) } : event
    })
    ledger.appendBatch([{ events: jumps }])
    ledger.close()
    const reader = readerOf(file)
    const rows = reader.read({})
    const memory = memoryReader(rows)
    const any = () => rows[pick(rows.length)]!
    const filters: (() => ReadQuery)[] = [
      () => ({ stream: any().stream }),
      () => ({ type: any().type }),
      () => ({ fromPosition: pick(rows.length + 4) - 2 }),
      () => ({ toPosition: pick(rows.length + 4) - 2 }),
      () => ({ fromTimeUs: any().recordedAtUs + pick(3) - 1 }),
      () => ({ toTimeUs: any().recordedAtUs + pick(3) - 1 }),
      () => ({ limit: 1 + pick(10) }),
    ]
    for (let round = 0; round < 1_000; round += 1) {
      const query: ReadQuery = Object.assign({}, ...filters.map((make) => (pick(2) === 0 ? make() : {})))
      expect({ query, rows: reader.read(query) }).toEqual({ query, rows: memory.read(query) })
      expect(reader.positionAt(query.fromTimeUs ?? 0)).toBe(memory.positionAt(query.fromTimeUs ?? 0))
    }
  })

  it('answers SQL, reading only', () => {
    const file = tempFile()
    LedgerFile.open(file, { header: HEADER }).close()
    const reader = readerOf(file)
    expect(reader.select('SELECT type FROM events WHERE stream = :stream', { stream: 'engine' })).toEqual([
      { type: 'ledger.header' },
    ])
    expect(() => reader.select('CREATE TABLE mine (a) RETURNING 1')).toThrow(code('LEDGER_IO'))
    expect(() => reader.select('DELETE FROM ledger_head RETURNING 1')).toThrow(code('LEDGER_PERMISSION'))
  })

  it('refuses what is not there, is no ledger, or is closed', () => {
    const file = tempFile()
    expect(() => openLedgerReader(file)).toThrow(code('LEDGER_NOT_FOUND'))
    LedgerFile.open(file, { header: HEADER }).close()
    const reader = openLedgerReader(file)
    reader.close()
    reader.close()
    expect(() => reader.read({})).toThrow(code('LEDGER_CLOSED'))
    expect(() => reader.select('SELECT 1')).toThrow(code('LEDGER_CLOSED'))
  })
})

describe('following a ledger', () => {
  function scene() {
    const file = tempFile()
    const ledger = LedgerFile.open(file, { header: HEADER })
    const scribe = new Scribe()
    const append = (count: number) => {
      const events = Array.from({ length: count }, () => scribe.event(PATH_A, 'path.failed', failed()))
      ledger.appendBatch([{ events }])
    }
    const heard: StoredEvent[] = []
    const pages: number[] = []
    const listen = (events: readonly StoredEvent[]) => {
      heard.push(...events)
      pages.push(events.length)
    }
    return { ledger, append, reader: readerOf(file), clock: new VirtualClock(), heard, pages, listen }
  }

  it('delivers what is appended from now on, page by page, looking at each interval', () => {
    const { ledger, append, reader, clock, heard, pages, listen } = scene()
    append(2)
    const stop = reader.follow(listen, { clock, intervalUs: 1_000 })
    append(1)
    clock.advanceBy(999)
    expect(heard).toEqual([])
    clock.advanceBy(1)
    expect(heard.map(({ position }) => position)).toEqual([4])
    append(2_100)
    append(1)
    clock.advanceBy(1_000)
    expect(pages).toEqual([1, 1_000, 1_000, 101])
    expect(heard.map(({ position }) => position)).toEqual(heard.map((_event, index) => index + 4))
    clock.advanceBy(10_000)
    expect(pages).toHaveLength(4)
    stop()
    append(1)
    clock.advanceBy(10_000)
    expect(pages).toHaveLength(4)
    expect(clock.pendingTimers()).toBe(0)
    ledger.close()
  })

  it('begins at a position, and stops where the listener says', () => {
    const { ledger, append, reader, clock, heard } = scene()
    append(1_500)
    const stop = reader.follow(
      (events) => {
        heard.push(...events)
        stop()
      },
      { clock, fromPosition: 1 },
    )
    clock.advanceBy(1_000_000)
    expect(heard).toHaveLength(1_000)
    expect(clock.pendingTimers()).toBe(0)
    ledger.close()
  })

  it('tells of an error of the ledger, and looks again', () => {
    const { ledger, append, reader, clock, pages, listen } = scene()
    const errors: string[] = []
    reader.follow(listen, { clock, intervalUs: 1_000, onError: (error) => errors.push(error.code) })
    append(3)
    const other = new Database(reader.file)
    other.exec('ALTER TABLE events RENAME TO away')
    clock.advanceBy(2_000)
    expect([errors, pages]).toEqual([['LEDGER_IO', 'LEDGER_IO'], []])
    other.exec('ALTER TABLE away RENAME TO events')
    other.close()
    clock.advanceBy(1_000)
    expect(pages).toEqual([3])
    reader.close()
    clock.advanceBy(1_000)
    expect(errors.at(-1)).toBe('LEDGER_CLOSED')
    ledger.close()
  })

  it("throws a listener's error where the timer fires, and does not deliver the page twice", () => {
    const { ledger, append, reader, clock, pages } = scene()
    const stop = reader.follow(
      (events) => {
        pages.push(events.length)
        throw new Error('my mistake')
      },
      { clock, intervalUs: 1_000, onError: () => expect.fail('not an error of the ledger') },
    )
    append(3)
    expect(() => clock.advanceBy(1_000)).toThrow('my mistake')
    clock.advanceBy(1_000)
    expect(pages).toEqual([3])
    stop()
    ledger.close()
  })
})
