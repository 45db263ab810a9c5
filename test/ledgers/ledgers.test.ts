// Golden ledgers: one real file of every format there ever was, kept for ever. Each is opened, verified, folded and written
// to by what we are today. A file here is never made anew: what made it is long gone.
import { copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { foldAll, redecide } from '../../store/state/fold.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { FORMAT } from '../../store/rows/schema.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { openLedger } from '../../store/write/open.ts'
import { behaviourOf } from '../../machines/behaviour.ts'
import { HEADER, PATH_A, Scribe, twoPaths } from '../store/events.ts'
import { tempFiles } from '../store/tmp.ts'

const tempFile = tempFiles()
const FOLDER = import.meta.dirname
const FORMATS = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.ledger'))
  .map((name) => [Number(/^format-(\d+)/.exec(name)?.[1]), name] as const)

function copy(name: string): string {
  const file = tempFile()
  copyFileSync(join(FOLDER, name), file)
  return file
}

it('there is one of each format', () => {
  expect(new Set(FORMATS.map(([format]) => format))).toEqual(
    new Set(Array.from({ length: FORMAT }, (_, before) => before + 1)),
  )
})

describe.each(FORMATS)('a ledger of format %i', (format, name) => {
  it('is whole, and replays to the same as it was decided', () => {
    const file = copy(name)
    const found = verifyLedger(file)
    expect(found).toMatchObject({ chain: 'ok', replay: 'equal', firstBad: null })
    expect(found.events).toBeGreaterThan(50)
    // Machines change, and say so; the file itself is as it was made.
    expect(found.warnings.filter((warning) => !warning.includes('with other machines'))).toEqual([])
    const reader = openLedgerReader(file)
    expect(reader.header.format).toBe(format)
    expect(foldAll(reader)).toEqual(redecide(reader))
    expect(
      reader.positionAt(reader.read({ fromPosition: 20, limit: 1 })[0]!.recordedAtUs),
    ).toBeGreaterThanOrEqual(20)
    expect(reader.read({ type: 'path.failed' }).length).toBeGreaterThan(0)
    reader.close()
  })

  it('is gone on with as it was begun, and stays whole', async () => {
    const file = copy(name)
    const ledger = LedgerFile.open(file, { header: { ...HEADER, eventId: 'another' } })
    const scribe = new Scribe(behaviourOf(ledger.header.flags))
    const events = twoPaths(scribe).map((event) => ({ ...event, eventId: `later ${event.eventId}` }))
    const other = events.map((event) => ({ ...event, stream: event.stream.replace('naa.6', 'naa.7') }))
    expect(ledger.appendBatch([{ events: other }])).toMatchObject([{ ok: true }])
    expect(ledger.created).toBe(false)
    ledger.close()
    const store = await openLedger(file, { header: HEADER })
    const removed = { ...scribe.event(PATH_A, 'path.removed', { why: 'test' }), eventId: 'last' }
    await store.append({ events: [{ ...removed, stream: other[0]!.stream }] })
    await store.close()
    expect(verifyLedger(file)).toMatchObject({ chain: 'ok', replay: 'equal' })
  })
})
