// What a run of an engine tells of the world around it: its paths and how they answered, what operators did, and which I/O there
// was. From it the same engine can be asked what it would have done otherwise.
import { keyOf, type PathRecord, type RecordedAnswer, type Trouble } from '../adapters/paths/recorded-path.ts'
import { PathledgerError } from '../errors.ts'
import type { Evidence } from '../machines/events.ts'
import type { Failback, IoOp } from '../machines/words.ts'
import { pages } from '../store/pages.ts'
import type { LedgerReader, StoredEvent } from '../store/types.ts'
import { usOfMs } from '../engine/core/core.ts'
import { parseSettings, type SettingsInput } from '../engine/core/settings.ts'

/** Something that happened to the engine from outside. */
export interface Happening {
  readonly atUs: number
  readonly stream: string
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly actor: string
  readonly reason: string | null
}

/** One I/O of a program, as it was traced; or, without traces, one that an error on the ledger tells of. */
export interface RecordedIo {
  readonly atUs: number
  readonly wwid: string
  readonly op: IoOp
  readonly offset: number
  readonly length: number
  readonly node: number
  readonly fua: boolean
  /** Null where it was not traced. */
  readonly outcome: {
    readonly firstPath: string | null
    readonly status: string
    readonly tookUs: number
  } | null
}

export interface Recording {
  readonly startedUs: number
  readonly startedWallUs: number
  readonly endedUs: number
  readonly happenings: readonly Happening[]
  readonly ios: readonly RecordedIo[]
  readonly traced: boolean
  readonly pathOf: (wwid: string, hctl: string, atUs: number) => PathRecord | null
  /** The settings as far as the ledger tells them. */
  readonly settings: SettingsInput
}

interface Row extends Omit<StoredEvent, 'data'> {
  readonly data: Readonly<Record<string, unknown>>
}

/** What people and transports do; the rest the engine does by itself. */
const FROM_OUTSIDE =
  /^(path\.(added|removed|disabled|enabled|accessChanged|blocked|unblocked|quiesced|resumed|wentOffline|transportWentOffline|cameOnline)|head\.(iopolicyChanged|noPathRetryChanged|delayedRemovalChanged|drained|pathPreferred|failbackSet|quantumSet))$/
/** Microseconds for an I/O where no trace tells any. */
const USUAL_US = 200

/** Reads the last run of the engine; `recorded` are settings of then. Throws WHAT_IF_EMPTY where there was none. */
export function readRecording(reader: LedgerReader, recorded: SettingsInput = {}): Recording {
  const rows = lastRun(reader)
  const [start] = rows
  const end = rows.at(-1)
  if (start === undefined || end === undefined) {
    throw new PathledgerError('WHAT_IF_EMPTY', {
      message: 'This ledger has no run of an engine.',
      why: 'What-if repeats a recorded run of the engine, and there is none.',
      todo: 'Use another ledger.',
    })
  }
  const traces = rows.filter(({ type }) => type === 'head.ioTraced')
  const traced = traces.length > 0
  const settings: SettingsInput = { ...settingsOf(rows, traces), ...recorded }
  const limitUs = usOfMs(parseSettings(settings).attemptTimeoutMs)
  const records = pathRecords(rows, traces, limitUs)
  return {
    ...{ startedUs: start.monoUs, startedWallUs: start.recordedAtUs, endedUs: end.monoUs, traced },
    happenings: rows.filter(isFromOutside).map(({ monoUs: atUs, stream, type, data, actor, reason }) => {
      return { atUs, stream, type, data, actor, reason }
    }),
    ios: traced
      ? traces.map(tracedIo).sort((one, other) => one.atUs - other.atUs)
      : evidenceIos(rows, limitUs),
    pathOf: (wwid, hctl, atUs) =>
      records.findLast(
        ({ record, addedUs }) => record.wwid === wwid && record.hctl === hctl && addedUs <= atUs,
      )?.record ?? null,
    settings,
  }
}

function lastRun(reader: LedgerReader): Row[] {
  const starts = [...pages(reader, { type: 'engine.started' })].flat()
  const fromPosition = starts.at(-1)?.position
  if (fromPosition === undefined) return []
  const rows = [...pages(reader, { fromPosition })].flat()
  return rows.map((row) => ({ ...row, data: JSON.parse(row.data) as Row['data'] }))
}

/** What the engine's own close does is not done to it, nor what its settings put on a new head. */
function isFromOutside({ type, data, actor }: Row): boolean {
  const bySettings = BY_SETTINGS.includes(type) && actor === 'engine'
  return FROM_OUTSIDE.test(type) && data['why'] !== 'closed' && !bySettings
}

/** Said of a head when it is made, where the settings say otherwise than it is by itself. */
const BY_SETTINGS = ['head.failbackSet', 'head.quantumSet']

function tracedIo({ stream, data }: Row): RecordedIo {
  const { startedUs, op, offset, length, node, fua, status, tookUs, attempts } = data as unknown as {
    startedUs: number
    op: IoOp
    offset: number
    length: number
    node: number
    fua: boolean
    status: string
    tookUs: number
    attempts: { path: string }[]
  }
  const outcome = { firstPath: attempts[0]?.path ?? null, status, tookUs }
  return { atUs: startedUs, wwid: stream.slice('head/'.length), op, offset, length, node, fua, outcome }
}

/** Without traces only errors tell of I/O: what failed first is asked of as many paths as there may be. */
function evidenceIos(rows: readonly Row[], limitUs: number): RecordedIo[] {
  return rows
    .filter(({ type }) => type === 'path.suspected')
    .map(({ monoUs, stream, data }) => {
      const { op, offset, length, status } = data as unknown as Evidence
      const wwid = stream.split('/').slice(1, -1).join('/')
      // What was given up had been sent so long before.
      const atUs = status === 'TIMEOUT' ? monoUs - limitUs : monoUs
      return { atUs, wwid, op: op as IoOp, offset, length, node: 0, fua: false, outcome: null }
    })
}

/** What ends a failure: the path is well, or gone. */
const ENDS = ['path.probeSucceeded', 'path.removed', 'path.lost']

/** One record for each life of a path. */
function pathRecords(
  rows: readonly Row[],
  traces: readonly Row[],
  limitUs: number,
): { record: PathRecord; addedUs: number }[] {
  return rows
    .filter(({ type }) => type === 'path.added' || type === 'path.returned')
    .map((added) => {
      const { wwid, hctl, kind, device, numaNode, sizeBytes, logicalBlockBytes, errorsAreFinal } =
        added.data as unknown as PathRecord
      const own = rows.filter(({ stream, position }) => stream === added.stream && position > added.position)
      const answers = answersOf(traces, own, wwid, hctl)
      const facts = { wwid, hctl, kind, device, numaNode, sizeBytes, logicalBlockBytes, errorsAreFinal }
      return {
        record: { ...facts, troubles: troublesOf(own, answers, limitUs), answers, usualUs: usualOf(answers) },
        addedUs: added.monoUs,
      }
    })
}

/** From the first I/O that each failure met to the probe that was answered well. */
function troublesOf(
  own: readonly Row[],
  answers: ReadonlyMap<string, readonly RecordedAnswer[]>,
  limitUs: number,
): Trouble[] {
  const hung = [...answers.values()].flat().filter(({ status }) => status === 'TIMEOUT')
  return own.flatMap((row, at) => {
    if (row.type !== 'path.failed') return []
    const { first, verdict, firstUs } = row.data as unknown as {
      first: Evidence
      verdict: string
      firstUs: number
    }
    const later = own.slice(at + 1)
    const well = later.findIndex(({ type }) => ENDS.includes(type))
    const ended = later[well]
    const asked = later.slice(0, Math.max(0, well)).findLast(({ type }) => type === 'path.timerFired')
    const untilUs =
      ended?.type === 'path.probeSucceeded' ? (asked ?? ended).monoUs : (ended?.monoUs ?? Infinity)
    // It answered reads well, and failed all the same: what failed is one kind of I/O.
    const op = verdict === 'failThreshold' ? first.op : null
    const { errno, status } = first
    // A hang is noticed when its time is up; it began before.
    const met = hung.filter(({ atUs, tookUs }) => atUs + tookUs >= firstUs && atUs < row.monoUs)
    const beganUs =
      status === 'TIMEOUT' ? Math.min(firstUs - limitUs, ...met.map(({ atUs }) => atUs)) : firstUs
    const answer = status === 'TIMEOUT' ? ('hang' as const) : { errno, status }
    const took = firstTook(answers, { firstUs, status })
    return [{ fromUs: beganUs, untilUs, op, answer, ...(took === undefined ? {} : { tookUs: took }) }]
  })
}

/** How long the error took that a failure began with: its probes were answered so, too. */
function firstTook(
  answers: ReadonlyMap<string, readonly RecordedAnswer[]>,
  { firstUs, status }: { readonly firstUs: number; readonly status: string },
): number | undefined {
  const first = [...answers.values()]
    .flat()
    .find((one) => one.status === status && one.atUs + one.tookUs === firstUs)
  return first?.tookUs
}

function answersOf(
  traces: readonly Row[],
  own: readonly Row[],
  wwid: string,
  hctl: string,
): Map<string, RecordedAnswer[]> {
  const answers = new Map<string, RecordedAnswer[]>()
  const add = (key: string, answer: RecordedAnswer): void => {
    answers.set(key, [...(answers.get(key) ?? []), answer])
  }
  for (const { stream, data } of traces) {
    if (stream !== `head/${wwid}`) continue
    const { op, offset, length, attempts } = data as unknown as RecordedIo & {
      attempts: (RecordedAnswer & { path: string; startedUs: number })[]
    }
    for (const { path, startedUs, tookUs, status, errno } of attempts) {
      if (path === hctl) add(keyOf({ op, offset, length }), { atUs: startedUs, tookUs, status, errno })
    }
  }
  if (traces.length > 0) return answers
  // An error that was not the path's in the end was met once.
  own.forEach(({ type, data, monoUs }, at) => {
    const verdict = own.slice(at + 1).find((row) => /^path\.(cleared|failed|removed)$/.test(row.type))
    if (type !== 'path.suspected' || verdict?.type !== 'path.cleared') return
    const { op, offset, length, status, errno } = data as unknown as Evidence
    add(keyOf({ op, offset, length }), { atUs: monoUs, tookUs: USUAL_US, status, errno })
  })
  return answers
}

function usualOf(answers: ReadonlyMap<string, readonly RecordedAnswer[]>): number {
  const times = [...answers.values()]
    .flat()
    .flatMap(({ status, tookUs }) => (status === 'OK' ? [tookUs] : []))
  times.sort((one, other) => one - other)
  return times[Math.floor(times.length / 2)] ?? USUAL_US
}

/** As a setting has it: milliseconds, where the ledger has microseconds. */
export function failbackSetting(failback: Failback): Exclude<SettingsInput['failback'], undefined> {
  return typeof failback === 'number' ? failback / 1000 : failback
}

/** What the run was set to, as far as its events say; a time limit is known where an attempt met it. */
function settingsOf(rows: readonly Row[], traces: readonly Row[]): SettingsInput {
  const head = rows.find(({ type }) => type === 'head.created')?.data as
    { iopolicy: never; noPathRetry: never; checkIntervalUs: number; delayedRemovalUs: number } | undefined
  const path = rows.find(({ type }) => type === 'path.added')?.data as
    { checker: { minUs: number; maxUs: number } } | undefined
  const limitUs = traces
    .flatMap(({ data }) => data['attempts'] as { status: string; tookUs: number }[])
    .find(({ status }) => status === 'TIMEOUT')?.tookUs
  const made = (type: string) => rows.find((row) => row.type === type && row.actor === 'engine')?.data
  const failback = made('head.failbackSet')?.['to'] as Failback | undefined
  const quantum = made('head.quantumSet') as SettingsInput['quantum']
  const multipath = rows[0]?.data['multipath'] as SettingsInput['multipath']
  return {
    ...(multipath === undefined ? {} : { multipath }),
    ...(head === undefined
      ? {}
      : {
          ...{ iopolicy: head.iopolicy, noPathRetry: head.noPathRetry },
          ...{ noPathCheckMs: head.checkIntervalUs / 1000, delayedRemovalMs: head.delayedRemovalUs / 1000 },
        }),
    ...(path === undefined
      ? {}
      : { checker: { minMs: path.checker.minUs / 1000, maxMs: path.checker.maxUs / 1000 } }),
    ...(failback === undefined ? {} : { failback: failbackSetting(failback) }),
    ...(quantum === undefined ? {} : { quantum }),
    ...(limitUs === undefined ? {} : { attemptTimeoutMs: Math.ceil(limitUs / 1000) }),
  }
}
