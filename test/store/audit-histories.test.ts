// Each audit query against a computation by hand, in JavaScript and without SQL, over random histories.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flagsOf, isDisabled } from '../../machines/predicates.ts'
import type { HeadValue, PathValue } from '../../machines/words.ts'
import {
  availability,
  changes,
  correlated,
  flapping,
  ghosts,
  invariants,
  ioByInterval,
  outages,
  reservations,
  timeInState,
  timers,
  topology,
} from '../../store/audit/index.ts'
import type { OutageRow } from '../../store/audit/index.ts'
import { foldAll } from '../../store/state/fold.ts'
import { PROJECTIONS } from '../../store/projections/index.ts'
import { stepProjection } from '../../store/projections/projection.ts'
import { openLedgerReader, type FileReader } from '../../store/read/reader.ts'
import type { StoredEvent } from '../../store/types.ts'
import { memoryStore } from '../../store/write/memory-store.ts'
import {
  added,
  EVIDENCE,
  failed,
  HEAD,
  HEADER,
  LUN,
  PATH_A,
  sampled,
  Scribe,
  WWID,
  type Extras,
} from './events.ts'
import { headCreated } from './story.ts'
import { histories, restartedHistories, writeLedger } from './random-histories.ts'

interface History {
  readonly name: string
  readonly rows: readonly StoredEvent[]
  readonly reader: FileReader
}

let folder: string
const all: History[] = []
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-audit-'))
  for (const [name, rows] of [...(await histories()), ...(await restartedHistories())]) {
    const file = join(folder, `${all.length}.ledger`)
    writeLedger(file, rows)
    all.push({ name, rows, reader: openLedgerReader(file) })
  }
}, 60_000)
afterAll(() => {
  for (const { reader } of all) reader.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Asks the same of every history, and says of which one an answer is not right. At least one answer must not be empty. */
function compare<Row>(
  ask: (history: History) => readonly Row[],
  byHand: (history: History) => readonly Row[],
): void {
  let found = 0
  for (const history of all) {
    const answer = ask(history)
    expect(answer, history.name).toEqual(byHand(history))
    found += answer.length
  }
  expect(found).toBeGreaterThan(0)
}

type Data = Readonly<Record<string, never>>
const dataOf = (row: StoredEvent) => JSON.parse(row.data) as Readonly<Record<string, unknown>>
const stateOf = (row: StoredEvent) => (JSON.parse(row.decision) as { state: Data }).state
const refused = (row: StoredEvent) => (JSON.parse(row.decision) as { refused?: true }).refused === true
const streamsOf = (rows: readonly StoredEvent[], kind: string) =>
  [...new Set(rows.map(({ stream }) => stream))].filter((stream) => stream.startsWith(`${kind}/`)).sort()
const pathUsable = (row: StoredEvent, context: Readonly<Record<string, unknown>>) =>
  !isDisabled(stateOf(row) as unknown as PathValue, flagsOf(context))
const headUp = (row: StoredEvent) => {
  const { life, service } = stateOf(row) as unknown as HeadValue
  if (life !== 'live' && life !== 'removalPending') return null
  return service === 'serving' || service === 'degraded'
}
const pathUp = (row: StoredEvent) => {
  const { device, health } = stateOf(row) as unknown as PathValue
  if (['created', 'createdBlocked', 'deleted'].includes(device)) return null
  return health === 'online' || health === 'marginal'
}

/** Of one boot the monotonic clock tells, and of two nothing but the wall clock, which may have stepped back. */
const spanUs = (from: StoredEvent, to: StoredEvent) =>
  from.bootId === to.bootId ? to.monoUs - from.monoUs : Math.max(0, to.recordedAtUs - from.recordedAtUs)

test('topology: which heads and paths there were at any position', () => {
  for (const share of [0.1, 0.5, 0.9, 1]) {
    compare(
      ({ reader, rows }) => topology(reader, { position: Math.ceil(rows.length * share) }),
      ({ rows }) => {
        const position = Math.ceil(rows.length * share)
        const until = rows.slice(0, position)
        const { streams } = foldAll({
          read: ({ fromPosition = 1 }) => until.slice(fromPosition - 1, fromPosition + 999),
        })
        const kinds = ['head', 'path'] as const
        const found = kinds.flatMap((kind) =>
          streamsOf(until, kind).map((stream) => {
            const last = until.findLast((row) => row.stream === stream)!
            const { wwid, hctl, name } = streams[stream]!.context as {
              wwid: string
              hctl?: string
              name: string
            }
            return {
              ...{
                kind,
                stream,
                wwid,
                hctl: hctl ?? null,
                name,
                position: last.position,
                state: stateOf(last),
              },
              recordedAtUs: last.recordedAtUs,
              present:
                kind === 'path'
                  ? pathUp(last) !== null
                  : (stateOf(last) as unknown as HeadValue).life !== 'removed',
              usable: kind === 'path' ? pathUsable(last, streams[stream]!.context) : headUp(last) === true,
            }
          }),
        )
        return found
      },
    )
  }
})

test('availability: time up and down, failures, MTBF and MTTR', () => {
  compare(
    ({ reader }) => availability(reader),
    ({ rows }) => {
      const end = rows.at(-1)!
      return [...streamsOf(rows, 'head'), ...streamsOf(rows, 'path')].flatMap((stream) => {
        const kind = stream.slice(0, 4) as 'head' | 'path'
        const own = rows.filter((row) => row.stream === stream)
        let [upUs, downUs, failures, there] = [0, 0, 0, false]
        own.forEach((row, at) => {
          const up = kind === 'path' ? pathUp(row) : headUp(row)
          const before = own[at - 1]
          const upBefore = before === undefined ? null : kind === 'path' ? pathUp(before) : headUp(before)
          if (up === null) return
          there = true
          const us = spanUs(row, own[at + 1] ?? end)
          if (up) upUs += us
          else downUs += us
          if (upBefore === true && !up) failures += 1
        })
        if (!there) return []
        const by = (us: number) => (failures === 0 ? null : Math.floor(us / failures))
        const thereUs = upUs + downUs
        const availabilityPpm = thereUs === 0 ? null : Math.floor((upUs * 1_000_000) / thereUs)
        return [
          {
            ...{ kind, stream, thereUs, upUs, downUs, unknownUs: 0, failures },
            ...{ mtbfUs: by(upUs), mttrUs: by(downUs), availabilityPpm },
          },
        ]
      })
    },
  )
})

test('outages: windows without a usable path, what led to them, and what waited', () => {
  compare(
    ({ reader }) => outages(reader),
    ({ rows }) => {
      const found = streamsOf(rows, 'head').flatMap((head) => outagesByHand(rows, head))
      return found.sort((one, other) => one.position - other.position)
    },
  )
})

function outagesByHand(rows: readonly StoredEvent[], head: string): OutageRow[] {
  const own = rows.filter(({ stream }) => stream === head)
  const starts = own.filter(
    (row, at) => headUp(row) === false && (at === 0 || headUp(own[at - 1]!) !== false),
  )
  return starts.map((start) => {
    const later = own.filter(({ position }) => position > start.position)
    const ended = later.find((row) => headUp(row) !== false) ?? null
    const until = ended?.position ?? Infinity
    const lastSample = later.find(({ type, position }) => type === 'head.ioSampled' && position > until)
    const samples = later.filter(
      ({ type, position }) => type === 'head.ioSampled' && position <= (lastSample?.position ?? Infinity),
    )
    const drains = later.filter(({ type, position }) => type === 'head.drained' && position < until)
    const sum = (of: readonly StoredEvent[], key: string) =>
      of.reduce((total, row) => total + Number(dataOf(row)[key]), 0)
    const during = [start, ...later.filter(({ position }) => position < until)]
    const failing = during.some((row) => (stateOf(row) as unknown as HeadValue).service === 'failing')
    return {
      ...{ position: start.position, recordedAtUs: start.recordedAtUs, head, ...causeOf(rows, start) },
      ...{
        worst: failing ? ('failing' as const) : ('queueing' as const),
        sure: true,
        ...endOf(start, ended),
      },
      requeued: sum(samples, 'requeued'),
      failedNoPath: sum(samples, 'failedNoPath'),
      drained: sum(drains, 'bios'),
    }
  })
}

function causeOf(rows: readonly StoredEvent[], { cause }: StoredEvent) {
  const event = rows[(cause ?? 0) - 1]
  return { cause, causeType: event?.type ?? null, causeStream: event?.stream ?? null }
}

function endOf(start: StoredEvent, ended: StoredEvent | null) {
  if (ended === null) return { endedPosition: null, endedAtUs: null, endedBy: null, tookUs: null }
  const tookUs = spanUs(start, ended)
  return { endedPosition: ended.position, endedAtUs: ended.recordedAtUs, endedBy: ended.type, tookUs }
}

test('io-by-interval: sums of samples, by path and interval', () => {
  const intervalUs = 70_000
  compare(
    ({ reader }) => ioByInterval(reader, { intervalUs }),
    ({ rows }) => {
      const sums = new Map<string, Record<string, unknown>>()
      for (const row of rows.filter(({ type }) => type === 'path.ioSampled')) {
        const fromUs = row.recordedAtUs - (row.recordedAtUs % intervalUs)
        const key = `${String(fromUs)} ${row.stream}`
        const sum = sums.get(key) ?? { path: row.stream, fromUs, samples: 0 }
        const { sinceUs: _since, ...figures } = dataOf(row)
        for (const [name, value] of Object.entries({ samples: 1, ...figures })) {
          sum[name] = Number(sum[name] ?? 0) + value
        }
        sums.set(key, sum)
      }
      return [...sums].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, sum]) => sum as never)
    },
  )
})

const isFailure = (row: StoredEvent) => row.type === 'path.failed' && !refused(row)

test('flapping: the while with the most failures of each path', () => {
  const windowUs = 2_000_000
  compare(
    ({ reader }) => flapping(reader, { windowUs, failures: 2 }),
    ({ rows }) =>
      streamsOf(rows, 'path')
        .flatMap((path) => {
          const failures = rows.filter((row) => row.stream === path && isFailure(row))
          const whiles = failures.map((first) => {
            const within = failures.filter(
              ({ monoUs, bootId }) =>
                bootId === first.bootId && monoUs >= first.monoUs && monoUs <= first.monoUs + windowUs,
            )
            return { first, within }
          })
          const most = Math.max(0, ...whiles.map(({ within }) => within.length))
          const worst = whiles.find(({ within }) => within.length === most)
          if (worst === undefined || most < 2) return []
          const { first, within } = worst
          const [fromPosition, fromUs, toUs] = [
            first.position,
            first.recordedAtUs,
            within.at(-1)!.recordedAtUs,
          ]
          const tookUs = within.at(-1)!.monoUs - first.monoUs
          return [{ path, failures: failures.length, worst: most, fromPosition, fromUs, toUs, tookUs }]
        })
        .sort((one, other) => other.worst - one.worst || (one.path < other.path ? -1 : 1)),
  )
})

test('changes: what was done by somebody who is not the engine', () => {
  compare(
    ({ reader }) => changes(reader),
    ({ rows }) =>
      rows
        .filter(({ actor }) => actor !== 'engine' && actor !== 'checker')
        .map((row) => {
          const before = rows.findLast((one) => one.stream === row.stream && one.version === row.version - 1)
          return {
            ...{ position: row.position, recordedAtUs: row.recordedAtUs, stream: row.stream, type: row.type },
            ...{ actor: row.actor, reason: row.reason, what: dataOf(row), refused: refused(row) },
            before: before === undefined ? null : stateOf(before),
            after: stateOf(row),
          }
        }),
  )
})

test('timers: each one that was armed, and what became of it', () => {
  compare(
    ({ reader }) => timers(reader),
    ({ rows }) => timersByHand(rows),
  )
})

function timersByHand(rows: readonly StoredEvent[]) {
  type Timer = ReturnType<typeof timers>[number]
  const end = rows.at(-1)!
  const open = new Map<string, { timer: Timer; row: StoredEvent }>()
  const found: Timer[] = []
  const armed = new Map<string, Record<string, number>>()
  for (const row of rows) {
    const { context = {} } = JSON.parse(row.decision) as { context?: { timers?: Record<string, number> } }
    if (context.timers === undefined) continue
    const before = armed.get(row.stream) ?? {}
    armed.set(row.stream, context.timers)
    for (const name of [...new Set([...Object.keys(before), ...Object.keys(context.timers)])].sort()) {
      const dueUs = context.timers[name]
      if (dueUs === before[name]) continue
      const key = `${row.stream} ${name}`
      const was = open.get(key)
      open.delete(key)
      if (was !== undefined) {
        const fired = row.type.endsWith('.timerFired') && dataOf(row)['timer'] === name
        Object.assign(was.timer, {
          outcome: fired ? 'fired' : dueUs === undefined ? 'cancelled' : 'replaced',
          ...{ endedPosition: row.position, endedAtUs: row.recordedAtUs },
          lateUs: fired ? row.monoUs - was.timer.dueUs : null,
        })
      }
      if (dueUs === undefined) continue
      const timer: Timer = {
        ...{ position: row.position, recordedAtUs: row.recordedAtUs, stream: row.stream, timer: name, dueUs },
        ...{ afterUs: dueUs - row.monoUs, outcome: dueUs < end.monoUs ? 'overdue' : 'armed' },
        ...{ endedPosition: null, endedAtUs: null, lateUs: null },
      }
      open.set(key, { timer, row })
      found.push(timer)
    }
  }
  return found
}

test('ghosts: each one, and what proved that it was over', () => {
  compare(
    ({ reader }) => ghosts(reader),
    ({ rows }) =>
      rows
        .filter(({ type }) => type === 'lun.ghostsOpened')
        .flatMap((row) => {
          const {
            path: hctl,
            incarnation,
            reason,
            ghosts: opened,
          } = dataOf(row) as never as {
            path: string
            incarnation: number
            reason: string
            ghosts: { id: string; op: string; offset: number; length: number }[]
          }
          return opened.map(({ id, op, offset, length }) => {
            const ended = rows.find(
              (one) => one.type === 'lun.ghostsEnded' && (dataOf(one)['ids'] as string[]).includes(id),
            )
            const how =
              ended === undefined ? {} : (dataOf(ended) as { proof?: string; detail?: string | null })
            return {
              ...{ position: row.position, recordedAtUs: row.recordedAtUs, lun: row.stream, ghost: id, hctl },
              ...{ incarnation, reason, op, offset, length, endedPosition: ended?.position ?? null },
              ...{
                endedAtUs: ended?.recordedAtUs ?? null,
                proof: how.proof ?? null,
                detail: how.detail ?? null,
              },
              endedBy: ended?.actor ?? null,
              tookUs: ended === undefined ? null : spanUs(row, ended),
            }
          })
        }),
  )
})

test('correlated: paths of one adapter that went down together', () => {
  const windowUs = 400_000
  compare(
    ({ reader }) =>
      correlated(reader, { windowUs }).map(({ streams, ...row }) => ({
        ...row,
        streams: [...streams].sort(),
      })),
    ({ rows }) => correlatedByHand(rows, windowUs),
  )
})

function correlatedByHand(rows: readonly StoredEvent[], windowUs: number) {
  const adapterOf = (stream: string) => stream.split('/').at(-1)!.split(':')[0]!
  const down = rows.filter(
    (row) =>
      ['path.failed', 'path.wentOffline', 'path.transportWentOffline'].includes(row.type) && !refused(row),
  )
  const adapters = [...new Set(down.map(({ stream }) => adapterOf(stream)))]
  const found = adapters.flatMap((adapter) => {
    const bursts: StoredEvent[][] = []
    const own = down.filter(({ stream }) => adapterOf(stream) === adapter)
    // A burst begins with a failure that one of another path follows within the window, by one boot's monotonic clock.
    for (let at = 0; at < own.length;) {
      const first = own[at]!
      const burst = own.filter(
        ({ bootId, monoUs, position }) =>
          bootId === first.bootId && position >= first.position && monoUs <= first.monoUs + windowUs,
      )
      const several = new Set(burst.map(({ stream }) => stream)).size > 1
      if (several) bursts.push(burst)
      at += several ? burst.length : 1
    }
    return bursts.map((burst) => ({ adapter, burst }))
  })
  return found
    .flatMap(({ adapter, burst }) => {
      const streams = [...new Set(burst.map(({ stream }) => stream))].sort()
      if (streams.length < 2) return []
      const [first, last] = [burst[0]!, burst.at(-1)!]
      const there = new Set<string>()
      for (const row of rows.slice(0, first.position)) {
        if (refused(row) || !row.stream.startsWith('path/') || adapterOf(row.stream) !== adapter) continue
        if (['path.added', 'path.returned'].includes(row.type)) there.add(row.stream)
        if (['path.removed', 'path.lost', 'path.forgotten'].includes(row.type)) there.delete(row.stream)
      }
      const tookUs = Math.max(...burst.map(({ monoUs }) => monoUs)) - first.monoUs
      const [position, toPosition, recordedAtUs, toUs] = [
        ...[first.position, last.position, first.recordedAtUs, last.recordedAtUs],
      ] as [number, number, number, number]
      return [
        {
          adapter,
          position,
          toPosition,
          recordedAtUs,
          toUs,
          tookUs,
          paths: streams.length,
          of: there.size,
          streams,
        },
      ]
    })
    .sort((one, other) => one.position - other.position)
}

test('reservations: none on a ledger that has none', () => {
  for (const { reader, rows } of all) {
    expect(reservations(reader)).toHaveLength(
      rows.filter(({ stream }) => stream.startsWith('reservation/')).length,
    )
  }
})

test('a pulled path whose operator was overridden counts as usable, until it is not any more', async () => {
  const scribe = new Scribe()
  const pathsChanged = (usable: number) =>
    scribe.event(HEAD, 'head.pathsChanged', { paths: 1, usable, optimized: usable, available: usable })
  const events = [
    scribe.event(HEAD, 'head.created', headCreated()),
    scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0)),
    pathsChanged(1),
    scribe.event(PATH_A, 'path.disabled', { why: 'cable' }),
    pathsChanged(0),
    scribe.event(PATH_A, 'path.overridden', { why: 'every other path failed' }),
    pathsChanged(1),
    scribe.event(PATH_A, 'path.ioSampled', sampled(1_000_000, 1, 1)),
    scribe.event(PATH_A, 'path.overrideEnded', { why: 'another path is back' }),
    pathsChanged(0),
  ]
  const store = memoryStore({ header: HEADER })
  await store.append({ events })
  const file = join(folder, 'override.ledger')
  writeLedger(file, store.rows())
  const reader = openLedgerReader(file)
  const usableAt = (position: number) =>
    topology(reader, { position }).find(({ stream }) => stream === PATH_A)?.usable
  expect([4, 6, 8, 9, 10].map(usableAt)).toEqual([true, false, true, true, false])
  expect(invariants(reader).filter(({ violated }) => violated > 0)).toEqual([])
  const spans = timeInState(reader).filter(({ region }) => region === 'usable')
  expect(spans.map(({ state, us, entered }) => [state, us, entered])).toEqual([
    ['unusable', 3_000, 2],
    ['usable', 5_000, 2],
  ])
  reader.close()
})

describe('invariants', () => {
  test('hold over every history, and were asked about something', () => {
    const checked = new Map<string, number>()
    for (const { name, reader } of all) {
      for (const { invariant, checked: facts, violated, firstPosition } of invariants(reader)) {
        expect({ name, invariant, violated, firstPosition }).toEqual({
          name,
          invariant,
          violated: 0,
          firstPosition: null,
        })
        checked.set(invariant, (checked.get(invariant) ?? 0) + facts)
      }
    }
    const asked = [...checked].flatMap(([invariant, facts]) => (facts > 0 ? [invariant] : []))
    expect(asked).toEqual([
      ...['causes-come-first', 'suspicions-are-settled', 'heads-count-their-paths'],
      ...['no-io-to-disabled-paths', 'requeues-end'],
      ...['ghosts-end-once', 'episodes-only-grow', 'timers-close'],
    ])
  })

  test('tell the first position that breaks one', async () => {
    const scribe = new Scribe()
    const ghost = { ids: ['g1'], proof: 'time', detail: null }
    const ghosts = [{ id: 'g1', op: 'write', offset: 0, length: 512 }]
    const steps: [stream: string, type: string, data: Record<string, unknown>, more?: Extras][] = [
      [PATH_A, 'path.added', added('8:0:0:0', 0)],
      [PATH_A, 'path.suspected', EVIDENCE],
      [PATH_A, 'path.suspected', EVIDENCE],
      [PATH_A, 'path.failed', failed()],
      [PATH_A, 'path.episodeEnded', { errors: 1, bios: 1, resent: 0, firstUs: 1, lastUs: 2 }],
      [HEAD, 'head.created', headCreated()],
      [HEAD, 'head.pathsChanged', { paths: 1, usable: 1, optimized: 1, available: 1 }],
      [LUN, 'lun.found', { wwid: WWID, sizeBytes: 1_048_576, logicalBlockBytes: 512 }],
      [LUN, 'lun.ghostsEnded', ghost],
      [LUN, 'lun.ghostsOpened', { path: '8:0:0:0', incarnation: 1, reason: 'error', ghosts }],
      [PATH_A, 'path.disabled', { why: 'late' }, { afterUs: 90_000_000 }],
    ]
    const events = steps.map(([stream, type, data, more]) => scribe.event(stream, type, data, more))
    const store = memoryStore({ header: HEADER })
    // Written row by row: the store itself would not take a cause that is not there.
    const file = join(folder, 'broken.ledger')
    await store.append({ events: events.map((event) => ({ ...event, cause: null })) })
    writeLedger(file, store.rows())
    const db = new Database(file)
    db.exec('DROP TRIGGER events_no_update')
    db.exec(`UPDATE events SET cause = 99 WHERE type = 'path.failed'`)
    db.close()
    const reader = openLedgerReader(file)
    const broken = invariants(reader).filter(({ violated }) => violated > 0)
    reader.close()
    expect(
      broken.map(({ invariant, violated, firstPosition }) => [invariant, violated, firstPosition]),
    ).toEqual([
      ['causes-come-first', 1, 5],
      ['suspicions-are-settled', 1, 4],
      ['heads-count-their-paths', 1, 8],
      ['ghosts-end-once', 1, 10],
      ['episodes-only-grow', 1, 6],
      ['timers-close', 1, 5],
    ])
  })
})

test('every answer is the same with projections, however far they have come', () => {
  const ask = (reader: FileReader, path: string) => ({
    time: timeInState(reader),
    up: availability(reader),
    io: ioByInterval(reader, { intervalUs: 3_600_000_000 }),
    changed: changes(reader),
    dark: outages(reader),
    flaps: flapping(reader, { failures: 2, windowUs: 3_600_000_000 }),
    together: correlated(reader, { windowUs: 5_000_000 }),
    timers: timers(reader),
    ofOne: timers(reader, { stream: path }),
    held: invariants(reader),
  })
  for (const [index, { name, rows, reader }] of all.entries()) {
    // Of the stories, which are short and alike, every third.
    if (index % 3 > 0 && !/^(seed|storm)/.test(name)) continue
    const file = join(folder, `projected-${index}.ledger`)
    copyFileSync(reader.file, file)
    const db = new Database(file)
    const step = Math.ceil(rows.length * (0.2 + (index % 4) * 0.1))
    db.pragma('synchronous = OFF')
    db.transaction(() => {
      for (const projection of PROJECTIONS) while (stepProjection(db, projection, rows.length, 'main', step));
    })()
    db.close()
    const projected = openLedgerReader(file)
    const [path = ''] = streamsOf(rows, 'path')
    expect(ask(projected, path), name).toEqual(ask(reader, path))
    projected.close()
  }
})
