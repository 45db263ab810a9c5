// Stepping forward and back, differences between two points, and what a replay that compares comes to.
import Database from 'better-sqlite3'
import { afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { MACHINES, type Decided, type RecordedInput } from '../../machines/registry.ts'
import { genesis, hashRow } from '../../store/rows/encoding.ts'
import { foldAll, redecide } from '../../store/state/fold.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { openLedgerReader, type FileReader } from '../../store/read/reader.ts'
import { changesBetween } from '../../store/replay/changes.ts'
import { Stepper } from '../../store/replay/stepper.ts'
import { replayVerdict } from '../../store/replay/verdict.ts'
import type { StoredEvent } from '../../store/types.ts'
import { simulatedRows, writeLedger } from './random-histories.ts'
import { tempFiles } from './tmp.ts'

let rows: readonly StoredEvent[]
beforeAll(async () => {
  rows = await simulatedRows(21, 400)
})

describe('stepping', () => {
  test('forward, back and by jumps in any order, the state is the one that deciding up to there gives', () => {
    const reader = memoryReader(rows)
    const stepper = new Stepper(reader)
    const random = seededRandom(4)
    let position = 0
    for (let turn = 0; turn < 300; turn += 1) {
      const [kind, far] = [random.nextUint32() % 10, random.nextUint32() % (rows.length + 10)]
      if (kind < 5) position = stepper.next() === null ? position : position + 1
      else if (kind < 9) position = stepper.back() === null ? position : position - 1
      else {
        stepper.goTo(far)
        position = Math.min(far, rows.length)
      }
      expect(stepper.position).toBe(position)
      if (turn % 5 === 0) expect(stepper.state).toEqual(redecide(reader, { toPosition: position }))
    }
  })

  test('each step tells what it changed, and taken back it changes that back', () => {
    const stepper = new Stepper(memoryReader(rows))
    for (const row of rows.slice(0, 200)) {
      const before = stepper.state
      const step = stepper.next()!
      expect(step.event).toBe(row)
      const [change] = changesBetween(before, stepper.state)
      expect(step.change).toEqual(change)
      stepper.back()
      expect(stepper.state).toEqual(before)
      expect(stepper.next()!.change).toEqual(change)
    }
  })

  test('remembers as many steps as it may, and further back goes through the ledger again', () => {
    const reader = memoryReader(rows)
    const stepper = new Stepper(reader, 10)
    stepper.goTo(60)
    for (let position = 59; position >= 20; position -= 1) {
      expect(stepper.back()?.event.position).toBe(position + 1)
      expect([stepper.position, stepper.last?.event.position]).toEqual([position, position])
    }
    expect(stepper.state).toEqual(redecide(reader, { toPosition: 20 }))
  })

  test.each([
    ['of a newer schema', { schema: 99 }, 'EVENT_FROM_THE_FUTURE'],
    ['whose payload is no JSON', { data: '{' }, 'LEDGER_DAMAGED'],
    ['on a stream that no machine has', { stream: 'moon/1' }, 'LEDGER_DAMAGED'],
  ])('stops before an event %s', (_what, change, code) => {
    const stepper = new Stepper(memoryReader(rows.with(4, { ...rows[4]!, ...change })))
    expect(() => stepper.goTo(9)).toThrow(expect.objectContaining({ code }))
    expect(stepper.position).toBe(4)
  })

  test('stops at both ends', () => {
    const stepper = new Stepper(memoryReader(rows))
    expect([stepper.back(), stepper.last, stepper.position]).toEqual([null, null, 0])
    stepper.goTo(rows.length + 5)
    expect([stepper.next(), stepper.position]).toEqual([null, rows.length])
    expect(stepper.last!.event).toBe(rows.at(-1))
  })
})

test('the difference of two points is what separates their states, both ways', () => {
  const reader = memoryReader(rows)
  const [early, late] = [60, 240].map((toPosition) => foldAll(reader, { toPosition })) as [never, never]
  const there = changesBetween(early, late)
  expect(there.length).toBeGreaterThan(1)
  expect(changesBetween(early, early)).toEqual([])
  // To before the first event: every stream goes from what it was to nothing.
  const away = changesBetween(early, { position: 0, streams: {} })
  expect(away.map(({ stream }) => stream)).toEqual(Object.keys(foldAll(reader, { toPosition: 60 }).streams))
  for (const { events, state } of away)
    expect([events < 0, state.every(({ to }) => to === null)]).toEqual([true, true])
  const back = changesBetween(late, early)
  expect(back.map(({ stream, events }) => [stream, -events])).toEqual(
    there.map(({ stream, events }) => [stream, events]),
  )
  for (const [at, { state, context }] of there.entries()) {
    const turned = [...state, ...context].map(({ key, from, to }) => ({ key, from: to, to: from }))
    expect([...back[at]!.state, ...back[at]!.context]).toEqual(turned)
  }
  const types = rows.slice(60, 240).map(({ stream }) => stream)
  expect(there.reduce((sum, { events }) => sum + events, 0)).toBe(types.length)
})

describe('replay that compares', () => {
  const tempFile = tempFiles()
  const readers: FileReader[] = []
  afterEach(() => readers.splice(0).forEach((reader) => reader.close()))

  function ledger(change?: (db: Database.Database) => void, written = rows): FileReader {
    const file = tempFile()
    writeLedger(file, written)
    if (change !== undefined) {
      const db = new Database(file)
      db.exec('DROP TRIGGER events_no_update')
      change(db)
      db.close()
    }
    const reader = openLedgerReader(file)
    readers.push(reader)
    return reader
  }

  test('is equal where nothing was changed', () => {
    expect(replayVerdict(ledger())).toMatchObject({ equal: true, position: null, reason: null })
  })

  test('names tampering where a row was changed behind the chain’s back, with both decisions', () => {
    const { position } = rows.find(({ type }) => type === 'path.failed')!
    const reader = ledger((db) => {
      db.prepare(
        `UPDATE events SET decision = replace(decision, '"failed"', '"online"') WHERE position = ?`,
      ).run(position)
    })
    const verdict = replayVerdict(reader)
    expect(verdict).toMatchObject({ equal: false, position, reason: 'tampering' })
    expect(verdict.difference!.stored).toContain('"health":"online"')
    expect(verdict.difference!.decided).toContain('"health":"failed"')
  })

  test('does not guess where an event cannot be decided again at all', () => {
    let before = genesis()
    const newer = rows.map((row) => {
      const changed = row.position === 5 ? { ...row, schema: 99 } : row
      return { ...changed, hash: (before = hashRow(before, changed)) }
    })
    const verdict = replayVerdict(memoryReader(newer))
    expect(verdict).toMatchObject({ equal: false, position: 5, reason: 'unknown', difference: null })
  })

  // The chain is made anew over the changed row, as an engine with other logic would have written it.
  const otherwise = (row: StoredEvent): StoredEvent =>
    row.type === 'path.failed' ? { ...row, decision: row.decision.replace('"failed"', '"online"') } : row

  test('cannot tell a chain that was made anew from code that the hash does not cover, and says so', () => {
    const { position } = rows.find(({ type }) => type === 'path.failed')!
    const verdict = replayVerdict(ledger(undefined, rows.map(otherwise)))
    expect(verdict).toMatchObject({ equal: false, position, reason: 'unknown' })
    expect(verdict.says).toContain('compare its head with one kept elsewhere')
  })

  test('names nondeterminism where a machine is no function of its input, with both decisions', () => {
    const { position } = rows.find(({ type }) => type === 'path.failed')!
    const machine = MACHINES.path
    let turn = 0
    // As if it had looked at a clock or thrown a die: the definition, and so its hash, is the one that the header names.
    const byChance = <Made extends Decided>(made: Made, { type }: RecordedInput): Made => {
      if (type !== 'path.failed') return made
      const why = `failed, for the ${(turn += 1)}th time`
      const { state, decision } = made
      return {
        ...made,
        state: { ...state, context: { ...state.context, why } },
        decision: { ...decision, context: { ...decision.context, why } },
      }
    }
    const { decide, decideWatched } = machine
    onTestFinished(() => void vi.restoreAllMocks())
    vi.spyOn(machine, 'decide').mockImplementation((state, input) => byChance(decide(state, input), input))
    vi.spyOn(machine, 'decideWatched').mockImplementation((state, input) =>
      byChance(decideWatched(state, input), input),
    )
    const verdict = replayVerdict(ledger())
    expect(verdict).toMatchObject({ equal: false, position, reason: 'nondeterminism' })
    expect(verdict.difference!.stored).toContain('"why":"failed: ')
    expect(verdict.difference!.decided).toContain('"why":"failed, for the 1th time"')
    expect(verdict.says).toContain('not a function of its input')
  })

  test('names the logic where the header tells of another machine', () => {
    const reader = memoryReader(rows.map(otherwise))
    const [header] = rows
    const data = header!.data.replace(/"path":"[0-9a-f]+"/, `"path":"${'0'.repeat(64)}"`)
    const file = ledger(undefined, rows.map(otherwise))
    const seen = { ...reader, read: (query: object) => file.read(query) }
    expect(replayVerdict({ ...seen, head: () => file.head(), file: file.file }).reason).toBe('unknown')
    const other = {
      ...seen,
      head: () => file.head(),
      file: file.file,
      read: (query: { limit?: number; fromPosition?: number }) =>
        file.read(query).map((row) => (row.position === 1 ? { ...row, data } : row)),
    }
    expect(replayVerdict(other as never)).toMatchObject({ equal: false, reason: 'logic' })
  })
})
