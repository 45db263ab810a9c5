import { afterEach, describe, expect, it } from 'vitest'
import { isDisabled } from '../../machines/predicates.ts'
import type { PathValue } from '../../machines/words.ts'
import {
  auditSql,
  AUDIT_QUERIES,
  failovers,
  ioByPath,
  pathHistory,
  timeInState,
} from '../../store/audit/index.ts'
import type { AuditQuery, TimeInStateRow } from '../../store/audit/index.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import type { FileReader } from '../../store/read/reader.ts'
import type { NewEvent, StoredEvent } from '../../store/types.ts'
import { added, EVIDENCE, failed, HEADER, PATH_A, PATH_B, sampled, Scribe } from './events.ts'
import { story } from './story.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()
const readers: FileReader[] = []
afterEach(() => readers.splice(0).forEach((reader) => reader.close()))

function ledgerOf(appends: readonly (readonly NewEvent[])[]): FileReader {
  const file = tempFile()
  const ledger = LedgerFile.open(file, { header: HEADER })
  for (const outcome of ledger.appendBatch(appends.map((events) => ({ events })))) {
    if (!outcome.ok) throw outcome.error
  }
  ledger.close()
  const reader = openLedgerReader(file)
  readers.push(reader)
  return reader
}

const SECOND = 1_000_000

describe('audit path-history', () => {
  it('tells every event of one path with the state before and after', () => {
    const reader = ledgerOf(story())
    const rows = pathHistory(reader, { path: PATH_A })
    expect(rows.map(({ position }) => position)).toEqual(
      reader.read({ stream: PATH_A }).map(({ position }) => position),
    )
    const online = { device: 'running', access: 'optimal', health: 'online', admin: 'enabled' }
    expect(rows[0]).toEqual({
      ...{ position: 5, path: PATH_A, type: 'path.added', before: null, after: online, refused: false },
      ...{ recordedAtUs: HEADER.recordedAtUs + 4_000, actor: 'engine', reason: null, cause: null },
      ...{ why: null, evidence: null },
    })
    const [suspected, fails] = rows.slice(1)
    expect(suspected).toMatchObject({
      type: 'path.suspected',
      before: online,
      after: online,
      evidence: EVIDENCE,
    })
    expect(fails).toMatchObject({
      ...{ type: 'path.failed', before: online, after: { ...online, health: 'failed' }, evidence: EVIDENCE },
      ...{ cause: suspected!.position },
    })
    expect(rows.find(({ type }) => type === 'path.probeFailed')).toMatchObject({
      ...{ actor: 'checker', evidence: { errno: 'EIO', detail: null } },
    })
    expect(rows.find(({ type }) => type === 'path.disabled')).toMatchObject({
      ...{
        actor: 'operator:0',
        reason: 'Kabel prüfen',
        why: 'maintenance',
        after: { ...online, admin: 'disabled' },
      },
    })
  })

  it('tells of all paths, of a range, and of events that were refused', () => {
    const scribe = new Scribe()
    const reader = ledgerOf([...story(scribe), [scribe.event(PATH_B, 'path.failed', failed())]])
    const rows = pathHistory(reader)
    const paths = allRows(reader).filter(({ stream }) => stream.startsWith('path/'))
    expect(rows.map(({ position }) => position)).toEqual(paths.map(({ position }) => position))
    expect(rows.filter(({ refused }) => refused)).toHaveLength(1)
    expect(rows.at(-1)).toMatchObject({ type: 'path.failed', refused: true })
    const range = pathHistory(reader, { fromPosition: 10, toPosition: 20 })
    expect(range).toEqual(rows.filter(({ position }) => position >= 10 && position <= 20))
  })

  it('reads more than a page', () => {
    const scribe = new Scribe()
    const samples = Array.from({ length: 1_100 }, () =>
      scribe.event(PATH_A, 'path.ioSampled', sampled(1, 1, 1)),
    )
    const rows = pathHistory(ledgerOf([[scribe.event(PATH_B, 'path.added', added('9:0:0:0', 1))], samples]))
    expect(rows).toHaveLength(1_101)
    expect(rows.at(-1)!.position).toBe(1_102)
  })
})

describe('audit failovers', () => {
  it('tells each failure with its evidence, its figures, and when the path came back', () => {
    const reader = ledgerOf(story())
    const rows = failovers(reader)
    expect(rows.map(({ path }) => path)).toEqual([PATH_A, PATH_B, PATH_A, PATH_B])
    const [failure] = reader.read({ type: 'path.failed' })
    const [success] = reader.read({ type: 'path.probeSucceeded' })
    expect(rows[0]).toEqual({
      ...{ position: failure!.position, recordedAtUs: failure!.recordedAtUs, path: PATH_A, verdict: 'probe' },
      ...{ detail: null, errno: 'EIO', status: 'IOERR', op: 'write', offset: 4096, length: 4096 },
      // From path.episodeEnded: they had grown since.
      ...{ errors: 7, bios: 5, resent: 4 },
      ...{
        endedBy: 'path.probeSucceeded',
        endedPosition: success!.position,
        endedAtUs: success!.recordedAtUs,
      },
      ...{ reinstatedAtUs: success!.recordedAtUs, tookUs: success!.monoUs - failure!.monoUs },
    })
    expect(rows[0]!.tookUs).toBe(3 * SECOND + 5_000)
    expect(failovers(reader, { path: PATH_B })).toEqual([rows[1], rows[3]])
    expect(failovers(reader, { fromPosition: rows[1]!.position, toPosition: rows[2]!.position })).toEqual(
      rows.slice(1, 3),
    )
  })

  it('tells of a failure that is not over, one ended by removal, and none for one that was refused', () => {
    const scribe = new Scribe()
    const reader = ledgerOf([
      [
        scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0)),
        scribe.event(PATH_B, 'path.added', added('9:0:0:0', 1)),
        scribe.event(PATH_A, 'path.failed', failed()),
        scribe.event(PATH_A, 'path.failed', failed()),
        scribe.event(PATH_B, 'path.failed', failed()),
        scribe.event(PATH_A, 'path.removed', { why: 'gone' }, { afterUs: 4 * SECOND }),
      ],
    ])
    const never = { endedBy: null, endedPosition: null, endedAtUs: null, reinstatedAtUs: null, tookUs: null }
    expect(failovers(reader)).toMatchObject([
      { path: PATH_A, errors: 3, endedBy: 'path.removed', reinstatedAtUs: null, tookUs: 4 * SECOND + 2_000 },
      { path: PATH_B, errors: 3, ...never },
    ])
  })

  it('measures by the wall clock over a boot, and never below zero', () => {
    const scribe = new Scribe()
    const back = (wallUs: number) => [
      scribe.event(PATH_A, 'path.failed', failed()),
      scribe.event(
        PATH_A,
        'path.removed',
        { why: 'boot' },
        { bootId: 'boot-2', monoUs: 5, recordedAtUs: wallUs },
      ),
      scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0)),
    ]
    const reader = ledgerOf([
      [scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0))],
      back(HEADER.recordedAtUs + 9 * SECOND),
      back(HEADER.recordedAtUs - SECOND),
    ])
    expect(failovers(reader).map(({ tookUs }) => tookUs)).toEqual([9 * SECOND - 2_000, 0])
  })
})

describe('audit time-in-state', () => {
  it('adds up to the time each path was there', () => {
    const reader = ledgerOf(story())
    const rows = timeInState(reader)
    expect(rows).toEqual(byHand(allRows(reader)))
    expect(rows.map(({ path, region, state }) => [path, region, state])).toContainEqual([
      PATH_B,
      'usable',
      'unusable',
    ])
    expect(timeInState(reader, { path: PATH_A })).toEqual(rows.filter(({ path }) => path === PATH_A))
  })

  it('says how often a path came into a state', () => {
    const rows = timeInState(ledgerOf(story()), { path: PATH_A })
    const entered = Object.fromEntries(rows.map(({ state, entered }) => [state, entered]))
    expect(entered).toEqual({ online: 3, failed: 4, probing: 4, usable: 4, unusable: 3 })
  })

  it('goes up to a given end, before and behind the last event', () => {
    const scribe = new Scribe()
    const reader = ledgerOf([
      [
        scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0), { afterUs: SECOND }),
        scribe.event(PATH_A, 'path.failed', failed(), { afterUs: 2 * SECOND }),
      ],
    ])
    const upTo = (seconds: number) =>
      timeInState(reader, { endUs: HEADER.recordedAtUs + seconds * SECOND })
        .filter(({ region }) => region === 'health')
        .map(({ state, us }) => [state, us / SECOND])
    expect(upTo(0)).toEqual([])
    expect(upTo(2)).toEqual([['online', 1]])
    expect(upTo(10)).toEqual([
      ['failed', 7],
      ['online', 2],
    ])
  })

  it('measures by the wall clock over a boot, and never below zero', () => {
    const scribe = new Scribe()
    const rebooted = { bootId: 'boot-2', monoUs: 10 }
    const wall = (seconds: number) => ({ recordedAtUs: HEADER.recordedAtUs + seconds * SECOND })
    const reader = ledgerOf([
      [
        scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0), wall(1)),
        scribe.event(PATH_A, 'path.failed', failed(), { ...wall(8), ...rebooted }),
        scribe.event(PATH_B, 'path.added', added('9:0:0:0', 1), wall(9)),
        scribe.event(PATH_B, 'path.failed', failed(), { ...wall(3), ...rebooted }),
      ],
    ])
    const online = timeInState(reader).filter(({ state }) => state === 'online')
    expect(online.map(({ path, us }) => [path, us])).toEqual([
      [PATH_A, 7 * SECOND],
      [PATH_B, 0],
    ])
  })
})

describe('audit io-by-path', () => {
  it('adds up the samples of each path, also those of an interval', () => {
    const scribe = new Scribe()
    const reader = ledgerOf([
      [
        scribe.event(PATH_B, 'path.ioSampled', sampled(1, 1, 2), { afterUs: SECOND }),
        scribe.event(PATH_A, 'path.ioSampled', sampled(1, 10, 20), { afterUs: SECOND }),
        scribe.event(PATH_A, 'path.ioSampled', sampled(2, 100, 200), { afterUs: SECOND }),
      ],
    ])
    const none = { flushes: 0, errors: 0, resent: 0 }
    const both = { ...none, path: PATH_A, samples: 2, reads: 110, writes: 220, readBytes: 110 * 4096 }
    const second = {
      ...none,
      path: PATH_B,
      samples: 1,
      reads: 1,
      writes: 2,
      readBytes: 4096,
      writeBytes: 8192,
    }
    expect(ioByPath(reader)).toEqual([{ ...both, writeBytes: 220 * 4096 }, second])
    expect(ioByPath(reader, { path: PATH_B })).toEqual([second])
    const at = (seconds: number) => HEADER.recordedAtUs + seconds * SECOND
    expect(ioByPath(reader, { fromUs: at(2), toUs: at(2) })).toMatchObject([{ path: PATH_A, reads: 10 }])
    expect(ioByPath(reader, { fromUs: at(3) })).toMatchObject([{ path: PATH_A, reads: 100 }])
    expect(ioByPath(reader, { toUs: at(1) })).toMatchObject([{ path: PATH_B, reads: 1 }])
  })
})

describe('audit queries', () => {
  it('begin with the question that they answer, and name every parameter that they take', () => {
    for (const name of Object.keys(AUDIT_QUERIES) as AuditQuery[]) {
      const sql = auditSql(name)
      const comment = sql.slice(0, sql.indexOf('\nSELECT') < 0 ? sql.indexOf('WITH') : undefined)
      expect(sql.split('\n\n')[0] ?? '').toMatch(/^-- [^]*\?/)
      const used = new Set(
        [...sql.replaceAll(/--.*|'[^']*'/g, '').matchAll(/:(\w+)/g)].map(([, parameter]) => parameter),
      )
      for (const parameter of used) expect(comment, name).toMatch(new RegExp(`^-- :${parameter!} `, 'm'))
    }
  })

  it('refuse a row that they do not understand', () => {
    const reader = ledgerOf(story())
    const broken = { ...reader, read: () => [], head: () => null, select: () => [{ path: 7 }] }
    expect(() => ioByPath(broken as never)).toThrow(expect.objectContaining({ code: 'AUDIT_FAILED' }))
  })
})

function allRows(reader: FileReader): readonly StoredEvent[] {
  return reader.read({})
}

/** Time in state without SQL, by the machines' own rule of what may be used. */
function byHand(rows: readonly StoredEvent[]): TimeInStateRow[] {
  const end = rows.at(-1)!.monoUs
  return [PATH_A, PATH_B].flatMap((path) => {
    const own = rows.filter(({ stream }) => stream === path)
    const spans = own.map((row, index) => ({
      us: (own[index + 1]?.monoUs ?? end) - row.monoUs,
      state: (JSON.parse(row.decision) as { state: PathValue }).state,
    }))
    const there = ({ device }: PathValue) => !['created', 'createdBlocked', 'deleted'].includes(device)
    const regions = {
      health: spans.map(({ us, state }) => ({ us, state: there(state) ? state.health : null })),
      usable: spans.map(({ us, state }) => {
        return { us, state: there(state) ? (isDisabled(state) ? 'unusable' : 'usable') : null }
      }),
    }
    return [
      ...sums(regions.health).map((sum) => ({ path, region: 'health' as const, ...sum })),
      ...sums(regions.usable).map((sum) => ({ path, region: 'usable' as const, ...sum })),
    ]
  })
}

function sums(spans: readonly { us: number; state: string | null }[]) {
  const states = [...new Set(spans.flatMap(({ state }) => (state === null ? [] : [state])))].sort()
  return states.map((state) => ({
    state,
    us: spans.reduce((sum, span) => sum + (span.state === state ? span.us : 0), 0),
    entered: spans.filter((span, index) => span.state === state && spans[index - 1]?.state !== state).length,
  }))
}
