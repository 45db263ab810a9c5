// The production engine once more over a recorded run: the same paths, operators and I/O, on a virtual clock, under the settings
// that are asked about.
import type { ErrorCode } from '../errors/codes.ts'
import { recordedPath } from '../adapters/paths/recorded-path.ts'
import { VirtualClock } from '../adapters/virtual-clock.ts'
import { hasCode } from '../errors.ts'
import type { AccessState, Failback, Quantum } from '../machines/words.ts'
import { memoryStore } from '../store/write/memory-store.ts'
import type { StoredEvent } from '../store/types.ts'
import { Multipath } from '../engine/multipath.ts'
import type { Head } from '../engine/api/head.ts'
import type { Path } from '../engine/api/path.ts'
import type { SettingsInput } from '../engine/core/settings.ts'
import { VERSION, XSTATE_VERSION } from '../engine/core/version.ts'
import { failbackSetting, type Happening, type RecordedIo, type Recording } from './recording.ts'

/** What became of one I/O in a run. */
export interface IoOutcome {
  /** H:C:I:L of every attempt, in order. */
  readonly paths: readonly string[]
  /** 'OK', or the code that the caller got; 'OPEN' where it had not ended when the record did. */
  readonly status: string
  readonly tookUs: number
}

export interface Rerun {
  readonly rows: readonly StoredEvent[]
  /** In the order of the recording's I/Os. */
  readonly outcomes: readonly IoOutcome[]
}

/** Time that I/O may still take when the record has ended. */
const GRACE_US = 60_000_000

/** Runs it. What a program or an operator did to a path that is not there in this run is left out. */
export async function rerun(recording: Recording, settings: SettingsInput): Promise<Rerun> {
  const { startedUs, startedWallUs, endedUs, happenings, ios, traced } = recording
  const clock = new VirtualClock({ wallUs: startedWallUs, monoUs: startedUs })
  let ids = 0
  const newId = (): string => `again-${(ids += 1)}`
  const versions = { engine: VERSION, xstate: XSTATE_VERSION }
  const header = {
    eventId: newId(),
    recordedAtUs: startedWallUs,
    monoUs: startedUs,
    bootId: 'again',
    ...versions,
  }
  const store = memoryStore({ header })
  const ports = { clock, newId, bootId: 'again', pid: 0, allocate: (bytes: number) => new ArrayBuffer(bytes) }
  const opening = Multipath.open({ ...settings, ledger: store, ioTrace: 'full', ports })
  await clock.settle()
  const mp = await opening
  const ended: Promise<void>[] = []
  const outcomes = new Map<RecordedIo, IoOutcome>()
  const script = [
    ...happenings.map((happening) => ({
      atUs: happening.atUs,
      act: () => happen(mp, recording, clock, happening),
    })),
    ...ios.map((io) => ({
      atUs: io.atUs,
      act: () => {
        // Without traces one I/O tells of the others: as many as there are paths, so that each may meet the error.
        const copies = traced ? 1 : Math.max(1, pathsOf(mp, io.wwid))
        for (let copy = 0; copy < copies; copy += 1) ended.push(send(mp, clock, io, outcomes))
      },
    })),
  ].sort((one, other) => one.atUs - other.atUs)
  for (const { atUs, act } of script) {
    await clock.drain(Math.max(atUs, clock.monoUs()))
    act()
    await clock.settle()
  }
  await clock.drain(Math.max(endedUs, clock.monoUs()))
  const rows = [...store.rows()]
  // What was on its way when the record ended may end; the lives of paths are compared up to there.
  await clock.drain(clock.monoUs() + GRACE_US)
  const all = store.rows()
  const open: IoOutcome = { paths: [], status: 'OPEN', tookUs: 0 }
  const told = ios.map((io) => outcomes.get(io) ?? { ...open, tookUs: clock.monoUs() - io.atUs })
  return { rows, outcomes: withPaths(told, ios, all) }
}

function pathsOf(mp: Multipath, wwid: string): number {
  return mp.heads.find((head) => head.wwid === wwid)?.paths.length ?? 0
}

async function send(
  mp: Multipath,
  clock: VirtualClock,
  io: RecordedIo,
  outcomes: Map<RecordedIo, IoOutcome>,
): Promise<void> {
  const { op, offset, length, node, fua, wwid } = io
  const sentUs = clock.monoUs()
  const end = (status: string): void => {
    if (!outcomes.has(io)) outcomes.set(io, { paths: [], status, tookUs: clock.monoUs() - sentUs })
  }
  const head = mp.heads.find((one) => one.wwid === wwid)
  if (head === undefined) {
    end('HEAD_NOT_FOUND')
    return
  }
  try {
    if (op === 'read') await head.read({ offset, length, node })
    else if (op === 'write') await head.write({ offset, data: new Uint8Array(length), fua, node })
    else if (op === 'flush') await head.flush({ node })
    else await head[op]({ offset, length, node })
    end('OK')
  } catch (error) {
    end((error as { code?: string }).code ?? 'UNKNOWN')
  }
}

/** Which paths each I/O went down, from the traces of this run: the same words at the same time are the same I/O. */
function withPaths(
  outcomes: readonly IoOutcome[],
  ios: readonly RecordedIo[],
  rows: readonly StoredEvent[],
): IoOutcome[] {
  const traces = new Map<string, string[][]>()
  for (const { type, stream, data } of rows) {
    if (type !== 'head.ioTraced') continue
    const { startedUs, op, offset, length, attempts } = JSON.parse(data) as RecordedIo & {
      startedUs: number
      attempts: { path: string }[]
    }
    const key = `${stream.slice('head/'.length)} ${startedUs} ${op} ${offset} ${length}`
    traces.set(key, [...(traces.get(key) ?? []), attempts.map(({ path }) => path)])
  }
  return outcomes.map((outcome, at) => {
    const { wwid, atUs, op, offset, length } = ios[at] as RecordedIo
    const paths = traces.get(`${wwid} ${atUs} ${op} ${offset} ${length}`)?.shift() ?? []
    return { ...outcome, paths }
  })
}

const REFUSED_NOW: readonly ErrorCode[] = [
  'TRANSITION_REFUSED',
  'HEAD_REMOVED',
  'PATH_REMOVED',
  'PATH_NOT_FOUND',
]

/** Does again what was done from outside. What is refused now is refused: that is part of the answer. */
function happen(mp: Multipath, recording: Recording, clock: VirtualClock, happening: Happening): void {
  const { stream, type, data, actor, reason, atUs } = happening
  const word = { actor, ...(reason === null ? {} : { reason }) }
  try {
    if (type === 'path.added' || type === 'path.returned') return added(mp, recording, clock, happening)
    if (type.startsWith('path.')) {
      const path = findPath(mp, stream)
      if (path !== null) touch(path, type, data, word)
      return
    }
    const head = mp.heads.find(({ wwid }) => `head/${wwid}` === stream)
    if (head === undefined) return
    onHead(head, type, data, word)
  } catch (error) {
    if (!REFUSED_NOW.some((code) => hasCode(error, code))) {
      throw Object.assign(new Error(`${type} at ${atUs} cannot be done again`), { cause: error })
    }
  }
}

/** What an operator said of a head, said again. */
function onHead(
  head: Head,
  type: string,
  data: Readonly<Record<string, unknown>>,
  word: { readonly actor: string; readonly reason?: string },
): void {
  const acts: Readonly<Record<string, () => unknown>> = {
    'head.iopolicyChanged': () => head.setIoPolicy(data['to'] as never, word),
    'head.noPathRetryChanged': () => head.setNoPathRetry(data['to'] as never),
    'head.delayedRemovalChanged': () => head.setDelayedRemoval(Number(data['us']) / 1000, word),
    'head.drained': () => head.drain(word),
    'head.pathPreferred': () => head.prefer(data['path'] as string | null, word),
    'head.failbackSet': () => head.setFailback(failbackSetting(data['to'] as Failback), word),
    'head.quantumSet': () => head.setQuantum(data as unknown as Quantum, word),
  }
  acts[type]?.()
}

function added(mp: Multipath, recording: Recording, clock: VirtualClock, { data, atUs }: Happening): void {
  const { wwid, hctl, access, preferred } = data as never as {
    wwid: string
    hctl: string
    access: never
    preferred: boolean
  }
  const record = recording.pathOf(wwid, hctl, atUs)
  if (record === null) return
  // What is refused is an event of this run.
  mp.addPath(recordedPath(record, clock), { access, preferred }).catch(() => undefined)
}

function findPath(mp: Multipath, stream: string): Path | null {
  const paths = mp.heads.flatMap((head) =>
    head.paths.map((path) => ({ path, name: `path/${head.wwid}/${path.hctl}` })),
  )
  return paths.find(({ name }) => name === stream)?.path ?? null
}

function touch(
  path: Path,
  type: string,
  data: Readonly<Record<string, unknown>>,
  word: { readonly actor: string; readonly reason?: string },
): void {
  const acts: Readonly<Record<string, () => void>> = {
    'path.removed': () => void path.remove(word).catch(() => undefined),
    'path.disabled': () => path.fail(word),
    'path.enabled': () => path.reinstate(word),
    'path.accessChanged': () => {
      const { access, preferred, why } = data as { access: AccessState; preferred: boolean; why: string }
      path.setAccessState(access, { preferred, why })
    },
    'path.blocked': () => path.block(word),
    'path.unblocked': () => path.unblock(word),
    'path.quiesced': () => path.quiesce(word),
    'path.resumed': () => path.resume(word),
    'path.wentOffline': () => path.setOffline(word),
    'path.transportWentOffline': () => path.setTransportOffline(word),
    'path.cameOnline': () => path.setOnline(word),
  }
  acts[type]?.()
}
