// What is done to a ledger as a whole: segments, export and import, signed heads, backup, repair.
import {
  chmodSync,
  readdirSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { Multipath } from '../../engine/multipath.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { backupLedger } from '../../store/life/backup.ts'
import { openSegments } from '../../store/life/chain-reader.ts'
import { exportLedger, importLedger } from '../../store/life/ndjson.ts'
import { NewFile, removeIfThere } from '../../store/life/new-file.ts'
import { repairLedger } from '../../store/life/repair.ts'
import { openGhosts } from '../../store/state/open-ghosts.ts'
import { closeSegment } from '../../store/life/segments.ts'
import { checkHead, makeKeys, parseSignedHead, signHead } from '../../store/life/signed-head.ts'
import { verifySegments } from '../../store/life/verify-segments.ts'
import { foldAll, redecide } from '../../store/state/fold.ts'
import { openLedger } from '../../store/write/open.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { added, HEADER, HEAD, PATH_A, Scribe } from './events.ts'
import { story } from './story.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()
const code = (name: string) => expect.objectContaining({ code: name }) as Error

function storied(name = 'one.ledger'): string {
  const file = tempFile(name)
  const ledger = LedgerFile.open(file, { header: HEADER })
  for (const events of story()) expect(ledger.appendBatch([{ events }])).toMatchObject([{ ok: true }])
  ledger.close()
  return file
}

function beside(file: string, name: string): string {
  return join(dirname(file), name)
}

function change(file: string, sql: string): void {
  const db = new Database(file)
  for (const name of ['no_update', 'no_delete', 'no_overwrite'])
    db.exec(`DROP TRIGGER IF EXISTS events_${name}`)
  db.exec(sql)
  db.close()
}

function ids(prefix: string): () => string {
  let made = 0
  return () => `${prefix}-${(made += 1)}`
}

const facts = (prefix: string) => ({
  ...HEADER,
  recordedAtUs: HEADER.recordedAtUs + 60_000_000,
  newId: ids(prefix),
})

/** A story that goes on over two seams. */
function segmented(): string[] {
  const one = storied()
  const two = beside(one, 'two.ledger')
  const three = beside(one, 'three.ledger')
  closeSegment(one, two, facts('second'))
  const ledger = LedgerFile.open(two, { header: HEADER })
  const reader = openLedgerReader(two)
  const scribe = new Scribe()
  for (const [stream, { value, context }] of Object.entries(foldAll(reader).streams))
    scribe.states.set(stream, { value, context })
  reader.close()
  const event = { ...scribe.event(PATH_A, 'path.disabled', { why: 'again' }), eventId: 'later' }
  const expected = { [PATH_A]: versionOf(one, PATH_A) }
  expect(ledger.appendBatch([{ events: [event], expected }])).toMatchObject([{ ok: true }])
  ledger.close()
  closeSegment(two, three, facts('third'))
  return [one, two, three]
}

function versionOf(file: string, stream: string): number {
  const reader = openLedgerReader(file)
  const version = foldAll(reader).streams[stream]?.version ?? 0
  reader.close()
  return version
}

describe('segments', () => {
  it('go on where the one before ended: states, versions, and one chain of files', () => {
    const [one, two, three] = segmented() as [string, string, string]
    expect(verifySegments(three).map(({ file, why }) => [file, why])).toEqual([
      [three, ''],
      [two, ''],
      [one, ''],
    ])
    const [first, last] = [openLedgerReader(one), openLedgerReader(three)]
    expect(last.header.previous).toMatchObject({ file: 'two.ledger', format: 2 })
    const before = foldAll(first).streams
    const after = foldAll(last).streams
    expect(after[HEAD]).toMatchObject({
      version: before[HEAD]?.version,
      value: before[HEAD]?.value,
      context: before[HEAD]?.context,
    })
    expect(after[PATH_A]).toMatchObject({
      version: before[PATH_A]!.version + 1,
      value: { admin: 'disabled' },
    })
    expect(foldAll(last)).toEqual(redecide(last))
    first.close()
    last.close()
  })

  it('F-02: carry open ghosts on, by the attach that they are of, over any number of files', () => {
    const one = storied()
    const ledger = LedgerFile.open(one, { header: HEADER })
    const reader = openLedgerReader(one)
    const scribe = new Scribe()
    const stream = 'lun/naa.6001'
    for (const [name, { value, context }] of Object.entries(foldAll(reader).streams))
      scribe.states.set(name, { value, context })
    reader.close()
    const attach = { id: 'e.1', device: '/dev/loop0', deviceKey: 'loop:7:0', final: false, bootId: 'boot' }
    const ghost = (id: string) => ({ id, op: 'write', offset: 0, length: 512 })
    const opened = { path: '8:0:0:0', incarnation: 3, reason: 'timeout', ghosts: ['a', 'b'].map(ghost) }
    const events = [
      scribe.event(stream, 'lun.found', { wwid: 'naa.6001', sizeBytes: 4096, logicalBlockBytes: 512 }),
      scribe.event(stream, 'lun.ghostsOpened', { ...opened, attach }),
      scribe.event(stream, 'lun.ghostsEnded', { ids: ['a'], proof: 'completion', detail: null }),
    ].map((event, at) => ({ ...event, eventId: `ghost-${at}` }))
    expect(ledger.appendBatch([{ events, expected: { [stream]: 0 } }])).toMatchObject([{ ok: true }])
    ledger.close()
    const two = beside(one, 'two.ledger')
    const three = beside(one, 'three.ledger')
    closeSegment(one, two, facts('second'))
    closeSegment(two, three, facts('third'))
    const last = openLedgerReader(three)
    expect([...openGhosts(last, stream).open.values()]).toEqual([
      { ...ghost('b'), reason: 'timeout', attach: { ...attach, path: '8:0:0:0', incarnation: 3 } },
    ])
    expect(foldAll(last)).toEqual(redecide(last))
    last.close()
    expect(verifySegments(three).map(({ why }) => why)).toEqual(['', '', ''])
  })

  it('are read as one', () => {
    const [one, two, three] = segmented() as [string, string, string]
    const chain = openSegments(three)
    const counts = [one, two, three].map((file) => {
      const reader = openLedgerReader(file)
      const { events } = reader.head()
      reader.close()
      return events
    })
    expect(chain.head().events).toBe(counts.reduce((sum, count) => sum + count))
    const rows = chain.read({})
    expect(rows.map(({ position }) => position)).toEqual(rows.map((_row, at) => at + 1))
    expect(chain.read({ stream: PATH_A }).map(({ version }) => version)).toEqual(
      Array.from({ length: versionOf(three, PATH_A) }, (_, at) => at + 1),
    )
    expect(foldAll(chain).streams[PATH_A]).toMatchObject({ value: { admin: 'disabled' } })
    expect(chain.read({ fromPosition: counts[0]! + 1, limit: 1 })).toMatchObject([{ type: 'ledger.header' }])
    const { recordedAtUs: begun } = HEADER
    expect([0, begun, begun + 60_000_000].map((timeUs) => chain.positionAt(timeUs))).toEqual([
      ...[0, 1, chain.head().events],
    ])
    chain.close()
  })

  it('are read by stream from a position on, though a stream begins with a later version in each', () => {
    const [, two] = segmented() as [string, string, string]
    const reader = openLedgerReader(two)
    const [last] = reader.read({ stream: PATH_A })
    expect(last?.version).toBeGreaterThan(2)
    const from = (fromPosition: number) => reader.read({ stream: PATH_A, fromPosition })
    expect([from(last!.position), from(last!.position + 1)]).toEqual([[last], []])
    expect(reader.read({ stream: PATH_A, toPosition: last!.position - 1 })).toEqual([])
    reader.close()
  })

  it('that are missing, swapped, cut or otherwise carried are found', () => {
    const [one, two, three] = segmented() as [string, string, string]
    const broken = (): string[] => verifySegments(three).map(({ why }) => why)
    const kept = readFileSync(one)
    renameSync(one, `${one}.away`)
    expect(broken().at(-1)).toBe('The segment is missing.')
    copyFileSync(storied(), one)
    expect(broken().at(-1)).toContain('goes on from')
    writeFileSync(one, kept)
    expect(broken().every((why) => why === '')).toBe(true)
    change(
      two,
      `UPDATE events SET data = replace(data, '"numa"', '"round-robin"') WHERE type = 'ledger.stateCarried'`,
    )
    change(one, `UPDATE events SET data = replace(data, '"EIO"', '"EXX"') WHERE position = 9`)
    expect(
      broken()
        .slice(1)
        .every((why) => why !== ''),
    ).toBe(true)
  })

  it('whose seams do not fit say what does not', () => {
    const [one, two, three] = segmented() as [string, string, string]
    const header = (file: string, path: string, json: string) =>
      change(file, `UPDATE events SET data = json_set(data, '$.${path}', json('${json}')) WHERE position = 1`)
    header(two, 'previous.format', '1')
    expect(verifySegments(three).at(-1)?.why).toContain('Its format is not the one that two.ledger names.')
    const other = beside(three, 'other.ledger')
    copyFileSync(three, other)
    expect(verifySegments(other)[1]?.why).toContain('does not say that it goes on in other.ledger.')
    writeFileSync(one, 'no ledger, but as long as one has to be to be looked at. '.repeat(4))
    expect(verifySegments(three).at(-1)).toMatchObject({ verification: null, why: /is not a ledger/ })
    header(two, 'previous.file', '"three.ledger"')
    expect(() => openSegments(three)).toThrow(/form a circle/)
    expect(verifySegments(three)).toHaveLength(2)
  })

  it('hand on states of any number, in as many events as they need, and are imported however long', async () => {
    const one = tempFile('one.ledger')
    const two = beside(one, 'two.ledger')
    const ledger = LedgerFile.open(one, { header: HEADER })
    const scribe = new Scribe()
    const hctls = Array.from({ length: 1_500 }, (_, at) => `8:0:0:${at}`)
    ledger.append(hctls.map((hctl, at) => scribe.event(`path/naa.6/${hctl}`, 'path.added', added(hctl, at))))
    ledger.close()
    const { nextEvents } = closeSegment(one, two, facts('second'))
    expect(nextEvents).toBeGreaterThan(2)
    expect(verifySegments(two).map((check) => check.why)).toEqual(['', ''])
    const reader = openLedgerReader(two)
    expect(Object.keys(foldAll(reader).streams)).toHaveLength(1 + hctls.length)
    reader.close()
    // More lines than are committed at once.
    const old = openLedgerReader(one)
    const lines = [...exportLedger(old)].join('').trimEnd().split('\n')
    old.close()
    const { events } = await importLedger(beside(one, 'copy.ledger'), lines)
    expect(verifyLedger(beside(one, 'copy.ledger'))).toMatchObject({ events, chain: 'ok', replay: 'equal' })
  })

  it('are not begun over a file, nor behind an end that is not where the head says', () => {
    const one = storied()
    const two = beside(one, 'two.ledger')
    writeFileSync(two, '')
    expect(() => closeSegment(one, two, facts('x'))).toThrow(code('FILE_EXISTS'))
    expect(() => closeSegment(two, beside(one, 'three.ledger'), facts('x'))).toThrow(code('LEDGER_NOT_FOUND'))
    change(one, 'UPDATE ledger_head SET events = events + 1')
    expect(() => closeSegment(one, beside(one, 'three.ledger'), facts('x'))).toThrow(code('LEDGER_DAMAGED'))
    expect(existsSync(beside(one, 'three.ledger'))).toBe(false)
  })

  it('once closed are written to no more, and say where it goes on', async () => {
    const [one, two] = segmented() as [string, string, string]
    expect(() => LedgerFile.open(one, { header: HEADER })).toThrow(code('SEGMENT_CLOSED'))
    await expect(openLedger(one, { header: HEADER })).rejects.toMatchObject({
      code: 'SEGMENT_CLOSED',
      details: { next: 'two.ledger' },
    })
    expect(() => closeSegment(one, beside(one, 'other.ledger'), facts('x'))).toThrow(code('SEGMENT_CLOSED'))
    expect(() => closeSegment(storied(), two, facts('x'))).toThrow(code('SEGMENT_ELSEWHERE'))
  })

  it('may be closed again after an interruption', () => {
    const one = storied()
    const two = beside(one, 'two.ledger')
    closeSegment(one, two, facts('second'))
    renameSync(two, `${two}.lost`)
    expect(closeSegment(one, two, facts('again'))).toMatchObject({ nextEvents: 2 })
    expect(verifySegments(two).map(({ why }) => why)).toEqual(['', ''])
  })

  it('are not closed under an engine, and take an engine afterwards', async () => {
    const one = tempFile('one.ledger')
    const two = beside(one, 'two.ledger')
    const first = await Multipath.open({ ledger: one })
    expect(() => closeSegment(one, two, facts('x'))).toThrow(code('LEDGER_LOCKED'))
    await first.close()
    closeSegment(one, two, facts('second'))
    const second = await Multipath.open({ ledger: two })
    await second.close()
    expect(verifySegments(two).map(({ why }) => why)).toEqual(['', ''])
    const reader = openLedgerReader(two)
    expect(foldAll(reader).streams['engine']).toMatchObject({
      value: 'stopped',
      context: { runs: 2, uncleanStarts: 0 },
    })
    reader.close()
  })
})

describe('export and import', () => {
  const textOf = (file: string): string => {
    const reader = openLedgerReader(file)
    const text = [...exportLedger(reader)].join('')
    reader.close()
    return text
  }
  const linesOf = (text: string): string[] => text.trimEnd().split('\n')

  it('are byte for byte a round trip, of a segment too, and the chain is kept', async () => {
    for (const file of [storied(), ...segmented()]) {
      const copy = `${file}.copy`
      const { events } = await importLedger(copy, linesOf(textOf(file)))
      expect(textOf(copy)).toBe(textOf(file))
      expect(verifyLedger(copy)).toMatchObject({ events, chain: 'ok', replay: 'equal', warnings: [] })
      expect(verifyLedger(copy).head).toBe(verifyLedger(file).head)
      expect(statSync(copy).mode & 0o777).toBe(0o600)
      const reader = openLedgerReader(file)
      await importLedger(`${file}.given`, exportLedger(reader))
      reader.close()
      expect(textOf(`${file}.given`)).toBe(textOf(file))
    }
  })

  it.each([
    ['a changed actor', (lines: string[]) => lines.with(8, lines[8]!.replace('"engine"', '"nobody"')), 9],
    [
      'a skipped version',
      (lines: string[]) => lines.with(8, lines[8]!.replace(/"version":\d+/, '"version":77')),
      9,
    ],
    ['a missing line', (lines: string[]) => lines.toSpliced(8, 1), 9],
    ['no end', (lines: string[]) => lines.slice(0, -1), 57 + 1],
    ['a lost tail', (lines: string[]) => lines.toSpliced(-3, 2), 56],
    ['something behind the end', (lines: string[]) => [...lines, lines[0]!], 59],
    ['a line that is not JSON', (lines: string[]) => lines.with(20, 'pardon?'), 21],
    ['a field that no row has', (lines: string[]) => lines.with(3, lines[3]!.replace('{', '{"x":1,')), 4],
  ])('refuse %s, name the line and leave no file', async (_what, spoil, line) => {
    const file = storied()
    const copy = beside(file, 'copy.ledger')
    const wrong = importLedger(copy, spoil(linesOf(textOf(file))))
    await expect(wrong).rejects.toMatchObject({ code: 'IMPORT_INVALID', details: { line } })
    expect([copy, `${copy}.partial`].map((name) => existsSync(name))).toEqual([false, false])
    await expect(importLedger(file, linesOf(textOf(file)))).rejects.toMatchObject({ code: 'FILE_EXISTS' })
  })
})

describe('a signed head', () => {
  it('holds for as long as the ledger only grows', () => {
    const { file, check } = signed()
    expect(check()).toMatchObject({ verdict: 'holds', events: 57, signedEvents: 57 })
    const ledger = LedgerFile.open(file, { header: HEADER })
    ledger.appendBatch([
      {
        events: [
          {
            ...new Scribe().event('engine', 'engine.started', {
              version: '1',
              multipath: 'on',
              unclean: false,
              pid: 1,
            }),
            eventId: 'more',
          },
        ],
      },
    ])
    ledger.close()
    expect(check()).toMatchObject({ verdict: 'holds', events: 58, signedEvents: 57 })
  })

  it('shows a lost tail, and a file that was rewritten as a whole', async () => {
    const { file, check } = signed()
    const reader = openLedgerReader(file)
    const rows = reader.read({})
    reader.close()
    // Both files are whole by themselves: nothing but the head that was kept elsewhere tells.
    const rewrite = async (events: number, actor: string) => {
      const forged = `${file}.forged`
      const ledger = LedgerFile.open(forged, { header: HEADER })
      for (const { position, version, hash, ...row } of rows.slice(1, events)) {
        const changed = position === 20 ? { ...row, actor } : row
        expect(ledger.appendBatch([{ events: [changed] }]), `${version} ${hash.length}`).toMatchObject([
          { ok: true },
        ])
      }
      ledger.close()
      renameSync(forged, file)
      expect(verifyLedger(file)).toMatchObject({ chain: 'ok', events })
    }
    await rewrite(50, 'engine')
    expect(check()).toMatchObject({ verdict: 'truncated' })
    await rewrite(57, 'nobody')
    expect(check()).toMatchObject({ verdict: 'rewritten' })
    change(
      file,
      `UPDATE events SET hash = x'${Buffer.from(rows[56]!.hash).toString('hex')}' WHERE position = 57`,
    )
    expect(check()).toMatchObject({ verdict: 'damaged' })
  })

  it('that was changed, or signed with another key, or of another ledger, is none', () => {
    const { file, check, head, keys } = signed()
    expect(check({ ...head, events: 56 })).toMatchObject({ verdict: 'bad signature' })
    const other = makeKeys(beside(file, 'other.key'))
    const reader = openLedgerReader(file)
    expect(checkHead(reader, head, other.publicKey)).toMatchObject({ verdict: 'other key' })
    reader.close()
    const foreign = tempFile()
    const ledger = LedgerFile.open(foreign, { header: { ...HEADER, eventId: 'foreign' } })
    ledger.close()
    const stranger = openLedgerReader(foreign)
    expect(checkHead(stranger, head, keys.publicKey)).toMatchObject({ verdict: 'other ledger' })
    stranger.close()
    expect(() => parseSignedHead('{"kind":"something"}')).toThrow(code('SIGNED_HEAD_INVALID'))
  })

  it('wants a key that nobody else can read', () => {
    const { file, keys } = signed()
    const reader = openLedgerReader(file)
    expect(statSync(keys.privateKey).mode & 0o777).toBe(0o600)
    chmodSync(keys.privateKey, 0o640)
    expect(() => signHead(reader, keys.privateKey, 1)).toThrow(code('KEY_PERMISSION'))
    expect(() => signHead(reader, keys.publicKey, 1)).toThrow(/KEY_|cannot be used|holds no/)
    writeFileSync(beside(file, 'no.key'), 'no key', { mode: 0o600 })
    expect(() => signHead(reader, beside(file, 'no.key'), 1)).toThrow(code('KEY_INVALID'))
    expect(() => signHead(reader, beside(file, 'none.key'), 1)).toThrow(code('KEY_PERMISSION'))
    expect(() => makeKeys(join(file, 'below.key'))).toThrow(code('KEY_PERMISSION'))
    expect(() => parseSignedHead('{')).toThrow(code('SIGNED_HEAD_INVALID'))
    expect(() => makeKeys(keys.privateKey)).toThrow(code('FILE_EXISTS'))
    reader.close()
  })

  function signed() {
    const file = storied()
    const keys = makeKeys(beside(file, 'auditor.key'))
    const reader = openLedgerReader(file)
    const head = parseSignedHead(JSON.stringify(signHead(reader, keys.privateKey, 1_763_848_985_000_000)))
    reader.close()
    const check = (one = head) => {
      const now = openLedgerReader(file)
      try {
        return checkHead(now, one, keys.publicKey)
      } finally {
        now.close()
      }
    }
    return { file, keys, head, check }
  }
})

describe('a name for a new file', () => {
  it('is taken only when it is free, and in a folder that is there', async () => {
    const file = tempFile()
    writeFileSync(file, 'somebody was quicker')
    const ours = new NewFile(`${file}.late`)
    writeFileSync(`${file}.late`, 'theirs')
    expect(() => ours.take()).toThrow(code('FILE_EXISTS'))
    expect(readFileSync(`${file}.late`, 'utf8')).toBe('theirs')
    expect(readFileSync(file, 'utf8')).toBe('somebody was quicker')
    expect(() => removeIfThere(dirname(file))).toThrow(code('LEDGER_IO'))
    for (const name of [join(file, 'below'), beside(file, 'no/folder')])
      await expect(importLedger(name, [])).rejects.toMatchObject({ code: 'LEDGER_IO' })
    expect(() => backupLedger(`${file}.none`, `${file}.copy`)).toThrow(code('LEDGER_NOT_FOUND'))
  })
})

describe('a backup', () => {
  it('is of one moment, while the engine writes, and verifies', async () => {
    const file = tempFile()
    const store = await openLedger(file, { header: HEADER })
    const copy = beside(file, 'copy.ledger')
    const appending = story().map((events) => store.append({ events }))
    await appending[10]
    const backup = backupLedger(file, copy)
    await Promise.all(appending)
    await store.close()
    expect(verifyLedger(copy)).toMatchObject({
      events: backup.events,
      head: backup.head,
      chain: 'ok',
      replay: 'equal',
      warnings: [],
    })
    expect(backup.events).toBeGreaterThan(10)
    expect(statSync(copy).mode & 0o777).toBe(0o600)
    expect(() => backupLedger(file, copy)).toThrow(code('FILE_EXISTS'))
  })

  it('of a ledger that does not verify is none', () => {
    const file = storied()
    change(file, `UPDATE events SET actor = 'nobody' WHERE position = 9`)
    const copy = beside(file, 'copy.ledger')
    expect(() => backupLedger(file, copy)).toThrow(code('BACKUP_DAMAGED'))
    expect([copy, `${copy}.partial`].map((name) => existsSync(name))).toEqual([false, false])
  })
})

describe('repair', () => {
  const facts = { ...HEADER, eventId: 'repair', actor: 'operator:0' }

  it('keeps what is provable, says for ever what it lost, and leaves the rest beside it', () => {
    const file = storied()
    change(file, `UPDATE events SET actor = 'nobody' WHERE position = 30`)
    const before = readFileSync(file)
    const made = beside(file, 'made.ledger')
    const repair = repairLedger(file, made, facts)
    expect(repair).toMatchObject({ kept: 29, firstBad: 30, claimed: 57, dropped: 28 })
    expect(readFileSync(file).equals(before)).toBe(true)
    expect(verifyLedger(made)).toMatchObject({ events: 30, chain: 'ok', replay: 'equal' })
    const reader = openLedgerReader(made)
    const [last] = reader.read({ fromPosition: 30 })
    expect(last).toMatchObject({ type: 'ledger.repaired', actor: 'operator:0' })
    expect(JSON.parse(last!.data)).toMatchObject({
      source: 'one.ledger',
      firstBad: 30,
      kept: 29,
      claimed: 57,
      dropped: 28,
    })
    reader.close()
    const lines = readFileSync(repair.droppedFile!, 'utf8').trimEnd().split('\n')
    expect(lines).toHaveLength(28)
    expect(JSON.parse(lines[0]!)).toContain('nobody')
  })

  it('tells of a tail that is gone without a trace', () => {
    const file = storied()
    change(file, 'DELETE FROM events WHERE position > 50')
    expect(repairLedger(file, beside(file, 'made.ledger'), facts)).toMatchObject({
      kept: 50,
      firstBad: 51,
      claimed: 57,
      dropped: 0,
      droppedFile: null,
    })
  })

  it('makes nothing of a ledger that is whole, or of which nothing can be proved', () => {
    const file = storied()
    const made = beside(file, 'made.ledger')
    expect(repairLedger(file, made, facts)).toMatchObject({ firstBad: null, kept: 57 })
    change(file, `UPDATE events SET actor = 'nobody' WHERE position = 1`)
    expect(() => repairLedger(file, made, facts)).toThrow(code('REPAIR_IMPOSSIBLE'))
    expect(
      [made, `${made}.partial`, `${made}.dropped.ndjson.partial`].map((name) => existsSync(name)),
    ).toEqual([false, false, false])
  })

  it('says who repaired only where it was told, and writes bytes of what it dropped in hex', () => {
    const file = storied()
    change(file, `DELETE FROM ledger_head; UPDATE events SET actor = 'nobody' WHERE position = 57`)
    const made = beside(file, 'made.ledger')
    const { droppedFile, claimed } = repairLedger(file, made, { ...HEADER, eventId: 'repair' })
    expect(claimed).toBeNull()
    const row = JSON.parse(readFileSync(droppedFile!, 'utf8')) as unknown[]
    expect([row[0], row[10], row.at(-1)]).toEqual([
      57,
      'nobody',
      { hex: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ])
    const reader = openLedgerReader(made)
    expect(reader.read({ fromPosition: 57 })).toMatchObject([{ type: 'ledger.repaired', actor: 'operator' }])
    reader.close()
  })

  it('leaves nothing behind where what it dropped cannot be written, or the ledger is from the future', () => {
    const file = storied()
    change(file, `UPDATE events SET actor = 'nobody' WHERE position = 30`)
    const [made, long] = [beside(file, 'made.ledger'), beside(file, 'm'.repeat(235))]
    writeFileSync(`${made}.dropped.ndjson`, 'kept')
    expect(() => repairLedger(file, made, facts)).toThrow(code('FILE_EXISTS'))
    expect(() => repairLedger(file, long, facts)).toThrow(code('LEDGER_IO'))
    expect(() => repairLedger(file, `${long}23456`, facts)).toThrow(code('LEDGER_IO'))
    const newer = tempFile('newer.ledger')
    const header = { ...HEADER, flags: ['tomorrow'] }
    expect(() => LedgerFile.open(newer, { header })).toThrow(code('LEDGER_FROM_THE_FUTURE'))
    expect(() => repairLedger(newer, beside(newer, 'made.ledger'), facts)).toThrow(
      code('LEDGER_FROM_THE_FUTURE'),
    )
    expect(readdirSync(dirname(file)).filter((name) => /^m/.test(name))).toEqual([
      'made.ledger.dropped.ndjson',
    ])
    expect(readdirSync(dirname(newer)).filter((name) => /made/.test(name))).toEqual([])
  })

  it('reads as far as a page that is damaged', () => {
    const file = storied()
    const bytes = readFileSync(file)
    // The page of rows on which an operator's words are.
    const page = Math.floor(bytes.indexOf('Kabel') / 8_192) * 8_192
    bytes.fill(0xa5, page, page + 8_192)
    writeFileSync(file, bytes)
    const { firstBad } = verifyLedger(file)
    expect(firstBad).toBeGreaterThan(20)
    const made = beside(file, 'made.ledger')
    expect(repairLedger(file, made, facts)).toMatchObject({ kept: firstBad! - 1, firstBad, claimed: 57 })
    expect(verifyLedger(made)).toMatchObject({ chain: 'ok', replay: 'equal', events: firstBad })
  })
})
