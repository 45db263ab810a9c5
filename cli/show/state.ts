// Heads and paths out of the state of a ledger's streams: for programs, and as a table for people.
import { describeObserved, isObserved, observedHeads, type ObservedHead } from './observed.ts'
import { flagsOf, isAvailable, isDisabled, isOptimized } from '../../index.ts'
import type { HeadValue, LedgerState, Loss, NoPathRetry, PathFlags, PathValue } from '../../index.ts'
import { flagWords } from './flag-words.ts'
import type { StreamAt } from '../../store/types.ts'
import type { HeadContext } from '../../machines/head/head.ts'
import type { PathContext } from '../../machines/path/path.ts'
import { describeEvidence } from './describe-event.ts'
import { bytes, lines, table } from '../text.ts'
import type { Paint } from '../text.ts'

/** A path as `show --json` prints it. */
export interface ShownPath {
  readonly name: string
  readonly hctl: string
  /** 'loop /dev/loop0'. */
  readonly device: string
  readonly state: PathValue
  readonly preferred: boolean
  /** I/O may be sent down it. */
  readonly usable: boolean
  readonly optimized: boolean
  /** It is worth waiting for. */
  readonly available: boolean
  readonly flags: PathFlags
  /** The program answers for its leading to the LUN's medium: nothing else shows it. */
  readonly trustIdentity: boolean
  /** Armed timers and the monotonic microseconds each is due at. */
  readonly timers: PathContext['timers']
  readonly failure: PathContext['failure']
  readonly why: string
}

/** A head as `show --json` prints it. */
export interface ShownHead {
  readonly name: string
  readonly wwid: string
  readonly state: HeadValue
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  readonly iopolicy: string
  readonly noPathRetry: NoPathRetry
  /** Checks left before parked I/O fails; 0 while none are counted. */
  readonly checksLeft: number
  readonly failback: HeadContext['failback']
  /** H:C:I:L of the path that the operator prefers. */
  readonly preferredPath: string | null
  readonly loss: Loss
  readonly timers: HeadContext['timers']
  readonly why: string
  readonly paths: readonly ShownPath[]
}

/** Every head that the streams tell of, removed ones included, with the paths of its LUN. */
function headsOf({ streams }: LedgerState): ShownHead[] {
  const all = Object.entries(streams)
  const paths = all.flatMap(([name, at]) => (name.startsWith('path/') ? [at] : []))
  return all.flatMap(([name, at]) => (name.startsWith('head/') ? [headOf(at, paths)] : []))
}

function headOf({ value, context }: StreamAt, paths: readonly StreamAt[]): ShownHead {
  const { name, wwid, sizeBytes, logicalBlockBytes, iopolicy, noPathRetry, why } =
    context as unknown as HeadContext
  const { checksLeft, failback, preferred: preferredPath, loss, timers } = context as unknown as HeadContext
  const state = value as unknown as HeadValue
  const own = paths.filter((path) => path.context['wwid'] === wwid).map(pathOf)
  own.sort((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }))
  const facts = { name, wwid, state, iopolicy, noPathRetry, sizeBytes, logicalBlockBytes }
  return { ...facts, checksLeft, failback, preferredPath, loss, timers, why, paths: own }
}

function pathOf({ value, context }: StreamAt): ShownPath {
  const { name, hctl, device, preferred, failure, why, timers } = context as unknown as PathContext
  const flags = flagsOf(context)
  const state = value as unknown as PathValue
  const derived = {
    usable: !isDisabled(state, flags),
    optimized: isOptimized(state, flags),
    available: isAvailable(state, flags),
  }
  const trustIdentity = context['trusted'] === true
  return { name, hctl, device, state, preferred, ...derived, flags, trustIdentity, timers, failure, why }
}

/** Heads as they are told to programs: those of an engine, or what was observed of somebody else's. */
export function shownHeads(state: LedgerState): (ShownHead | ObservedHead)[] {
  return isObserved(state) ? observedHeads(state) : headsOf(state)
}

/** The table for people. */
export function describeState(state: LedgerState, paint: Paint): string {
  if (isObserved(state)) return describeObserved(state)
  const heads = headsOf(state)
  if (heads.length === 0) return 'No head yet.\n'
  return heads.map((head) => describeHead(head, paint)).join('\n')
}

function describeHead(head: ShownHead, paint: Paint): string {
  const { name, wwid, sizeBytes, iopolicy, noPathRetry, paths } = head
  const { life, service } = head.state
  const serves = { serving: paint.good, degraded: paint.warn, queueing: paint.bad, failing: paint.bad }[
    service
  ]
  const status = life === 'live' ? serves(service) : paint.dim(life)
  const facts = [paint.bold(name), wwid, bytes(sizeBytes), status, iopolicy, `noPathRetry ${noPathRetry}`]
  if (head.checksLeft > 0) facts.push(paint.bad(`${head.checksLeft} checks left`))
  if (head.loss === 'permanent') facts.push(paint.bad('no path will come back by itself'))
  const rows = paths.map((path) => pathRow(path, paint))
  return `${lines([facts.join('  ')])}${table(rows, '  ')}`
}

function pathRow(path: ShownPath, paint: Paint): string[] {
  const { name, hctl, state, usable, failure, why } = path
  const { device, access, health, admin } = state
  const gone = device === 'deleted' || device === 'created'
  const mark = gone ? paint.dim : usable ? paint.good : paint.bad
  const words = gone ? [device, '', '', ''] : [device, access, health, admin]
  const trust = path.trustIdentity ? ['its identity is taken on trust (trustIdentity)'] : []
  const because = failure === null ? why : describeEvidence(failure)
  return [
    mark(gone ? '-' : usable ? '*' : 'x'),
    paint.bold(name),
    hctl,
    path.device,
    ...words.map(mark),
    paint.dim([...(usable ? [] : [because]), ...flagWords(path.flags), ...trust].join('; ')),
  ]
}
