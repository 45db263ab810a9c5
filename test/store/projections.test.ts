// What a projection holds is what the events come to, and an answer is the same with it and without it: over simulated lives
// with reboots, clocks that step, pulled and overridden paths, and from the first event to the last.
import { copyFileSync, rmSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { HEADER, workload } from '../../bench/ledger/workload.ts'
import {
  availability,
  changes,
  correlated,
  failovers,
  flapping,
  invariants,
  ioByInterval,
  ioByPath,
  outages,
  timeInState,
  timers,
} from '../../store/audit/index.ts'
import { catchUp, dropCaches } from '../../store/state/caches.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { SNAPSHOT_INTERVAL } from '../../store/limits.ts'
import { PROJECTIONS } from '../../store/projections/index.ts'
import { HOUR_US } from '../../store/projections/io-by-path.ts'
import { openLedgerReader, type FileReader } from '../../store/read/reader.ts'
import type { NewEvent } from '../../store/types.ts'

const EVENTS = 2 * SNAPSHOT_INTERVAL + 1_500
const folder = mkdtempSync(join(tmpdir(), 'pathledger-projections-'))
const [bare, kept] = [join(folder, 'bare.ledger'), join(folder, 'kept.ledger')]
let [withOut, withThem]: (FileReader | null)[] = [null, null]

/** Time goes on by minutes, the machine is booted now and then, the wall clock steps back, and operators pull and override. */
function* hardLife(): Generator<NewEvent, never> {
  let at = 0
  for (const event of workload('projections')) {
    at += 1
    const boot = Math.floor(at / 4_000)
    const stepped = at > 7_000 && at < 7_400 ? -9 * HOUR_US : 0
    const shrunk = event.type === 'path.episodeEnded' && at % 4 === 1
    yield {
      ...event,
      recordedAtUs: event.recordedAtUs + at * 7_000_000 + stepped,
      monoUs: event.monoUs + at * 7_000_000 - boot * 20_000_000_000,
      bootId: `boot-${boot}`,
      decision: JSON.stringify(hardDecision(event, at)),
      ...(shrunk ? { data: JSON.stringify({ ...(JSON.parse(event.data) as object), errors: 0 }) } : {}),
      cause: at % 50 === 0 ? at + (at % 40) - 20 : null,
      ...(at % 97 === 0 ? { actor: 'operator:0', reason: 'test' } : {}),
    }
  }
  throw new Error('the workload has ended')
}

interface Hard {
  readonly state: Record<string, string>
  context?: object
  refused?: true
}

/** Decisions of a machine that this file does not ask: what counts is that both ways read them alike. */
function hardDecision({ stream, type, decision, monoUs }: NewEvent, at: number): Hard {
  const hard = JSON.parse(decision) as Hard
  const isPath = stream.startsWith('path/') && type !== 'path.ioSampled'
  if (isPath) changePath(hard, at)
  if (type === 'head.pathsChanged' && at % 3 === 0) {
    hard.state['service'] = at % 2 === 0 ? 'failing' : 'queueing'
  }
  // A timer is taken back, armed for another time, or armed and forgotten.
  if (type === 'path.episodeEnded' && at % 3 > 0) {
    hard.context = { timers: at % 3 === 1 ? {} : { probe: monoUs } }
  }
  if (type === 'path.probeSucceeded' && at % 2 === 0) hard.context = { timers: { probe: 7 } }
  if (type === 'path.failed' && at % 4 === 0) hard.refused = true
  return hard
}

function changePath(hard: Hard, at: number): void {
  if (at % 5 === 0) hard.state['admin'] = 'disabled'
  if (at % 7 === 0) hard.context = { ...hard.context, override: at % 2 === 0 ? 'on' : 'none' }
  if (at % 131 === 0) hard.state['device'] = 'deleted'
}

beforeAll(() => {
  const ledger = LedgerFile.open(bare, { header: HEADER, checked: true })
  const events = hardLife()
  for (let left = EVENTS - 1; left > 0; left -= 500) {
    const batch = Array.from({ length: Math.min(left, 500) }, () => events.next().value)
    expect(ledger.appendBatch([{ events: batch }])).toMatchObject([{ ok: true }])
  }
  ledger.close()
  copyFileSync(bare, kept)
  const db = new Database(kept)
  catchUp(db, EVENTS)
  db.close()
  ;[withOut, withThem] = [openLedgerReader(bare), openLedgerReader(kept)]
})

afterAll(() => {
  withOut?.close()
  withThem?.close()
  rmSync(folder, { recursive: true })
})

/** The same question to both. */
function alike(ask: (reader: FileReader) => readonly unknown[]): number {
  const answer = ask(withThem!)
  expect(answer).toEqual(ask(withOut!))
  return answer.length
}

/** Times around the projections' ends, the reboots and the step of the clock, and none at all. */
function times(): (number | undefined)[] {
  const positions = [
    2,
    300,
    7_001,
    12_345,
    2 * SNAPSHOT_INTERVAL - 1,
    2 * SNAPSHOT_INTERVAL,
    EVENTS - 700,
    EVENTS,
  ]
  const us = positions.map((at) => withOut!.read({ fromPosition: at, limit: 1 })[0]!.recordedAtUs)
  return [undefined, ...us, us.at(-1)! + 3 * HOUR_US]
}

it('the projections have come as far as they can, in the one and not in the other', () => {
  for (const projection of PROJECTIONS) {
    expect(withThem!.atOnce(({ projectedTo }) => projectedTo(projection))).toBe(2 * SNAPSHOT_INTERVAL)
    expect(withOut!.atOnce(({ projectedTo }) => projectedTo(projection))).toBe(0)
  }
})

it('time in state is the same up to any time, of all paths and of one, overridden or not', () => {
  const path = timeInState(withOut!)[0]!.path
  for (const endUs of times()) {
    const until = endUs === undefined ? {} : { endUs }
    alike((reader) => timeInState(reader, until))
    alike((reader) => timeInState(reader, { ...until, path }))
  }
  expect(timeInState(withThem!).map(({ state }) => state)).toContain('unusable')
})

it('availability is the same up to any time, of paths and of heads', () => {
  for (const endUs of times()) alike((reader) => availability(reader, endUs === undefined ? {} : { endUs }))
  const [head] = availability(withOut!)
  expect(alike((reader) => availability(reader, { stream: head!.stream }))).toBe(1)
  expect(availability(withThem!).some(({ failures }) => failures > 0)).toBe(true)
})

it('I/O by path and by interval is the same over any range of times, to the sample', () => {
  const path = ioByPath(withOut!)[0]!.path
  const given = times()
  for (const [index, fromUs] of given.entries()) {
    if (index % 2 === 1) continue
    const toUs = given[(index * 3 + 4) % given.length]
    const range = { ...(fromUs === undefined ? {} : { fromUs }), ...(toUs === undefined ? {} : { toUs }) }
    alike((reader) => ioByPath(reader, range))
    alike((reader) => ioByPath(reader, { ...range, path }))
    for (const intervalUs of [5 * HOUR_US, 1_800_000_000])
      alike((reader) => ioByInterval(reader, { ...range, intervalUs }))
  }
  expect(ioByPath(withThem!)).toHaveLength(32)
})

it('who changed what is the same over any range of positions', () => {
  const all = alike((reader) => changes(reader))
  expect(all).toBeGreaterThan(100)
  const one = changes(withOut!)[0]!.stream
  for (const [fromPosition, toPosition] of [
    [1, 300],
    [9_000, 11_000],
    [19_990, 20_010],
    [20_001, EVENTS],
  ] as const) {
    alike((reader) => changes(reader, { fromPosition, toPosition }))
    alike((reader) => changes(reader, { fromPosition, toPosition, stream: one }))
  }
})

it('timers are the same, all and those of one path, some of them overdue', () => {
  const [first] = timers(withOut!)
  expect(alike((reader) => timers(reader))).toBeGreaterThan(300)
  expect(alike((reader) => timers(reader, { stream: first!.stream }))).toBeGreaterThan(1)
  expect(alike((reader) => timers(reader, { stream: 'path/none/0:0:0:0' }))).toBe(0)
  expect(new Set(timers(withThem!).map(({ outcome }) => outcome)).size).toBe(5)
})

it('invariants are the same, those that hold and those that do not', () => {
  alike((reader) => invariants(reader))
  const [broken, whole] = [true, false].map((is) =>
    invariants(withThem!).filter((row) => row.violated > 0 === is),
  )
  expect(broken!.length).toBeGreaterThan(1)
  expect(whole!.length).toBeGreaterThan(1)
})

it('what fell together, what flaps and what had no path is the same', () => {
  const path = failovers(withOut!)[0]!.path
  for (const windowUs of [HOUR_US / 4, HOUR_US]) {
    expect(alike((reader) => correlated(reader, { windowUs }))).toBeGreaterThan(0)
    alike((reader) => flapping(reader, { windowUs, failures: 2 }))
    alike((reader) => flapping(reader, { windowUs, failures: 1, path }))
  }
  expect(alike((reader) => outages(reader))).toBeGreaterThan(3)
  const [head] = outages(withOut!)
  alike((reader) => outages(reader, { head: head!.head, fromPosition: head!.position + 1 }))
})

it('a projection of another version is no projection', () => {
  const file = join(folder, 'older.ledger')
  copyFileSync(kept, file)
  const db = new Database(file)
  db.exec(
    'UPDATE projections SET version = version - 1; UPDATE path_times SET us = 1; UPDATE up_times SET up_us = 1',
  )
  db.close()
  const reader = openLedgerReader(file)
  expect(timeInState(reader)).toEqual(timeInState(withOut!))
  expect(availability(reader)).toEqual(availability(withOut!))
  reader.close()
  const again = new Database(file)
  dropCaches(again)
  again.close()
})
