import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { exportLedger } from '../../store/life/ndjson.ts'
import { verifyLedger, type Verification } from '../../store/verify/verify.ts'
import { PathledgerError } from '../../errors.ts'
import { startChild } from './child.ts'
import { HEADER } from './events.ts'
import { story } from './story.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()
const random = seededRandom('crash')
/** Damaged copies per kind; PATHLEDGER_DAMAGES=1000 for a long look. */
const DAMAGES = Number(process.env['PATHLEDGER_DAMAGES'] ?? 40)

describe('crash', () => {
  it('an engine killed while it appends loses nothing that it acknowledged, four times over', async () => {
    const file = tempFile()
    const acknowledged = new Map<number, string>()
    for (let run = 1; run <= 4; run += 1) {
      const child = startChild('append-until-killed.ts', file, String(run))
      // On a machine that is busy with other things too: some of them, and then anywhere in the middle.
      await child.printed(/(?:.*\n){30}/)
      await new Promise((resolve) => setTimeout(resolve, random.nextUint32() % 150))
      child.process.kill('SIGKILL')
      expect(await child.ended).toBe('SIGKILL')
      // The last line may be cut: it was not read as acknowledged by anybody.
      for (const line of child.output().split('\n').slice(0, -1)) {
        const [position, eventId] = line.split(' ')
        acknowledged.set(Number(position), eventId!)
      }
      expectWhole(file, acknowledged)
    }
    expect(acknowledged.size).toBeGreaterThan(100)
  }, 120_000)

  it('a WAL cut or garbled anywhere leaves whole commits, and a chain that ends where the head says', () => {
    const source = tempFile()
    const ledger = LedgerFile.open(source, { header: HEADER })
    const ends = new Set([1])
    for (const events of story()) {
      ledger.appendBatch([{ events }])
      ends.add(ledger.head().events)
    }
    const seen = new Set<number>()
    for (let round = 0; round < DAMAGES; round += 1) {
      const file = tempFile()
      copyFileSync(source, file)
      writeFileSync(`${file}-wal`, damaged(readFileSync(`${source}-wal`)))
      const recovered = LedgerFile.open(file, { header: HEADER, create: false })
      const { events } = recovered.head()
      recovered.close()
      expect(ends.has(events)).toBe(true)
      expect(verifyLedger(file)).toMatchObject({ events, chain: 'ok', replay: 'equal' })
      seen.add(events)
    }
    ledger.close()
    expect(seen.size).toBeGreaterThan(5)
  }, 600_000)

  it('a ledger with a bit flipped is refused, or its first bad position told, or it is what it was', () => {
    const source = tempFile()
    const ledger = LedgerFile.open(source, { header: HEADER })
    for (const events of story()) ledger.appendBatch([{ events }])
    const { events } = ledger.head()
    ledger.close()
    const bytes = readFileSync(source)
    const whole = rowsOf(source)
    const told = { refused: 0, position: 0, same: 0 }
    for (let round = 0; round < DAMAGES; round += 1) {
      const file = tempFile()
      const flipped = Buffer.from(bytes)
      flipped[random.nextUint32() % bytes.length]! ^= 1 << (random.nextUint32() % 8)
      writeFileSync(file, flipped)
      const found = verified(file)
      if (found === null) told.refused += 1
      else if (found.firstBad !== null) {
        told.position += 1
        expect(found.firstBad).toBeLessThanOrEqual(events + 1)
      } else {
        // It hit what no row is made of: an index, a free byte. Never a silent gap.
        told.same += 1
        expect(found.events).toBe(events)
        expect(rowsOf(file)).toBe(whole)
      }
    }
    expect(told.position).toBeGreaterThan(DAMAGES / 10)
    expect(told.refused + told.position + told.same).toBe(DAMAGES)
  }, 600_000)
})

/** What verification finds; null when the file is refused with a code of ours. */
function verified(file: string): Verification | null {
  try {
    return verifyLedger(file)
  } catch (error) {
    expect(error).toBeInstanceOf(PathledgerError)
    expect((error as PathledgerError).code).toMatch(/^(LEDGER_|NOT_A_LEDGER)/)
    return null
  }
}

function rowsOf(file: string): string {
  const reader = openLedgerReader(file)
  try {
    return [...exportLedger(reader)].join('')
  } finally {
    reader.close()
  }
}

/** Every acknowledged event at its position, and the whole ledger in order. */
function expectWhole(file: string, acknowledged: ReadonlyMap<number, string>): void {
  const found = verifyLedger(file)
  expect(found).toMatchObject({ chain: 'ok', replay: 'equal' })
  const reader = openLedgerReader(file)
  const missing = [...acknowledged].filter(([position, eventId]) => {
    return reader.read({ fromPosition: position, limit: 1 })[0]?.eventId !== eventId
  })
  expect(missing).toEqual([])
  expect(reader.head().events).toBe(found.events)
  reader.close()
}

function damaged(wal: Buffer): Buffer {
  const at = random.nextUint32() % wal.length
  if (random.nextUint32() % 2 === 0) return wal.subarray(0, at)
  const garbled = Buffer.from(wal)
  garbled[at]! ^= 1 << (random.nextUint32() % 8)
  return garbled
}
