// A ledger whose file is not where its name says any more: nothing is told to be durable then, and nothing of it is destroyed.
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { memoryLun, memoryPath } from '../../adapters/paths/memory.ts'
import { systemClock } from '../../adapters/system.ts'
import { Multipath } from '../../engine/multipath.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { openLedger } from '../../store/write/open.ts'
import { startChild } from './child.ts'
import { HEADER, Scribe, started } from './events.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error as { code: string }).code,
  )

/** A ledger whose engine was killed: what it had committed last is in the log beside it. */
async function killed(file = tempFile()): Promise<string> {
  const child = startChild('append-until-killed.ts', file)
  await child.printed(/\d/)
  child.process.kill('SIGKILL')
  await child.ended
  expect(statSync(`${file}-wal`).size).toBeGreaterThan(0)
  return file
}

describe('F-05: under an engine', () => {
  const aside = (file: string) => `${file}.aside`
  const deeds: Record<string, (file: string) => void> = {
    renamed: (file) => renameSync(file, aside(file)),
    deleted: (file) => rmSync(file),
    'deleted with its log': (file) => ['', '-wal', '-shm'].forEach((end) => rmSync(`${file}${end}`)),
    'hard-linked': (file) => linkSync(file, aside(file)),
    'replaced by another file': (file) => {
      copyFileSync(file, aside(file))
      renameSync(aside(file), file)
    },
    'deprived of its log': (file) => rmSync(`${file}-wal`),
    'deprived of its lock': (file) => rmSync(`${file}.lock`),
    'moved with its folder': (file) => renameSync(dirname(file), `${dirname(file)}-2`),
  }
  it.each(Object.keys(deeds))('a ledger that was %s takes no event more', async (deed) => {
    const folder = tempFile()
    mkdirSync(folder)
    const file = join(folder, 'l')
    const store = await openLedger(file, { header: HEADER })
    const scribe = new Scribe()
    await store.append({ events: [started(scribe)] })
    const told: number[] = []
    store.subscribe((events) => told.push(...events.map(({ position }) => position)))
    deeds[deed]!(file)
    expect(await codeOf(store.append({ events: [started(scribe)] }))).toBe('LEDGER_MOVED')
    expect(told).toEqual([])
    await store.close()
  })

  it('the engine stops with that code, and what was told before is in the file, wherever that is now', async () => {
    const file = tempFile()
    const mp = await Multipath.open({ ledger: file, multipath: 'always' })
    let last = 0
    mp.subscribe(({ event }) => void (last = event.position))
    const lun = memoryLun({ wwid: 'naa.1', sizeBytes: 1 << 20 })
    await mp.addPath(memoryPath(lun, { hctl: '8:0:0:0', clock: systemClock }))
    renameSync(file, `${file}.1`)
    mp.path('8:0:0:0').fail({ reason: 'pulled' })
    expect(await codeOf(mp.head('naa.1').read({ offset: 0, length: 512 }))).not.toBe('ok')
    expect(await codeOf(mp.close())).toBe('CLOSE_INCOMPLETE')
    expect(mp.broken?.code).toBe('LEDGER_MOVED')
    const told = openLedgerReader(`${file}.1`)
    expect(told.head().events).toBe(last)
    told.close()
    expect(existsSync(`${file}-wal`)).toBe(true)
  })
})

describe('F-05: before an engine', () => {
  it('a ledger with two names is refused, and neither is changed', async () => {
    const file = tempFile()
    await (await openLedger(file, { header: HEADER })).close()
    linkSync(file, `${file}.2`)
    const before = readFileSync(file)
    for (const name of [file, `${file}.2`]) {
      expect(await codeOf(openLedger(name, { header: HEADER }))).toBe('LEDGER_LINKED')
    }
    expect(readFileSync(file)).toEqual(before)
  })

  it.each(['nothing', 'an empty file'])(
    'a log whose ledger was moved is not destroyed: %s is there',
    async (what) => {
      const file = await killed()
      renameSync(file, `${file}.moved`)
      if (what !== 'nothing') writeFileSync(file, '')
      const before = readFileSync(`${file}-wal`)
      expect(await codeOf(openLedger(file, { header: HEADER }))).toBe('LEDGER_WAL_FOREIGN')
      expect(readFileSync(`${file}-wal`)).toEqual(before)
      // Put back, it is the same ledger with all its events.
      rmSync(file, { force: true })
      renameSync(`${file}.moved`, file)
      expect(verifyLedger(file)).toMatchObject({ chain: 'ok' })
      await (await openLedger(file, { header: HEADER })).close()
    },
  )

  it('a log beside another ledger is neither taken for its own nor destroyed, by a writer or a reader', async () => {
    const file = await killed()
    const other = tempFile()
    const store = await openLedger(other, { header: { ...HEADER, eventId: 'other' } })
    const scribe = new Scribe()
    for (let turn = 0; turn < 20; turn += 1)
      await store.append({ events: [started(scribe, { eventId: `o${turn}` })] })
    await store.close()
    copyFileSync(other, file)
    const [main, log] = [readFileSync(file), readFileSync(`${file}-wal`)]
    expect(() => openLedgerReader(file)).toThrow(expect.objectContaining({ code: 'LEDGER_WAL_FOREIGN' }))
    expect(() => verifyLedger(file)).toThrow(expect.objectContaining({ code: 'LEDGER_WAL_FOREIGN' }))
    expect(await codeOf(openLedger(file, { header: HEADER }))).toBe('LEDGER_WAL_FOREIGN')
    expect([readFileSync(file), readFileSync(`${file}-wal`)]).toEqual([main, log])
  })

  it('an older copy put back over a ledger does not take the newer log', async () => {
    const file = tempFile()
    await (await openLedger(file, { header: HEADER })).close()
    copyFileSync(file, `${file}.old`)
    const store = await openLedger(file, { header: HEADER })
    const scribe = new Scribe()
    for (let turn = 0; turn < 300; turn += 1) {
      void store.append({ events: [started(scribe, { eventId: `o${turn}` })] })
    }
    await store.close()
    await killed(file)
    copyFileSync(`${file}.old`, file)
    expect(await codeOf(openLedger(file, { header: HEADER }))).toBe('LEDGER_WAL_FOREIGN')
  })
})
