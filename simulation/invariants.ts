// What must hold after every step, whatever the seed does. Each is named, and each can fail: a planted bug shows it
// (docs/simulator.md).
import { isAccessUsable, isAvailable, isDisabled } from '../machines/predicates.ts'
import type { PathValue } from '../machines/words.ts'
import { foldAll } from '../store/state/fold.ts'
import type { LedgerState } from '../store/types.ts'
import { memoryReader } from '../store/write/memory-store.ts'
import { verifyRows } from '../store/verify/verify.ts'
import type { Scene } from './deeds/scene.ts'
import { BLOCK, generationOf, isLegal, legalWords } from './world/shadow.ts'
import { IO_BYTES_MAX } from './deeds/workload.ts'
import type { Host } from './world/parts.ts'

/** An invariant that did not hold: in which seed, after which step, and how. */
export interface Violation {
  readonly seed: number
  readonly step: number
  readonly invariant: string
  readonly detail: string
}

type Check = (scene: Scene) => string | null

/** Checked after every step. What is reported as it is seen is told here too: see {@link SEEN}. */
export const EVERY_STEP: Readonly<Record<string, Check>> = {
  engineRuns: ({ world }) => first(world.hosts, engineRuns),
  countersEqualInFlight,
  headFollowsPaths,
  queuesAreBounded,
  completionsAreSingle,
}

/** Reported as they are seen: by taps, by callers, by listeners of the ledgers. */
export const SEEN = [
  'readsAreLegal',
  'onlyUsablePaths',
  'rightIdentity',
  'keyBeforeIo',
  'preemptedNeverLands',
  'gatesBeforeEffects',
  'sentInOrder',
  'holdsEnd',
  'refusalsAreRemembered',
  'flushTellsLoss',
  'durableIsOnMedium',
  'errorsAreExpected',
  'recoveryEqualsFold',
  'lossStops',
  'storageWaitsEnd',
  'ghostsOutliveRuns',
  'timeIsNoProof',
] as const

/** Checked at the end, after every fault is gone and every I/O has had its time. */
export const AT_THE_END: Readonly<Record<string, Check>> = {
  everyIoSettles: ({ workload: { tally } }) => {
    const open = tally.started - tally.settled - tally.orphaned
    return open === 0 ? null : `${open} I/Os never settled`
  },
  nothingLost: mediumIsLegal,
  healedPathsServe,
  ledgerIsWhole: ({ world }) => first(world.hosts, ledgerIsWhole),
  replayEqualsLive: ({ world }) => first(world.hosts, replayEqualsLive),
  timersFireWhenDue: ({ world }) => first(world.hosts, timersFireWhenDue),
}

/** Checked when every engine has been closed. */
export const WHEN_CLOSED: Readonly<Record<string, Check>> = {
  noTimerIsLeft: ({ world }) =>
    first(world.hosts, ({ life, name }) =>
      life === null || life.timers === 0
        ? null
        : `${life.timers} timers of ${name} are armed after it was closed`,
    ),
}

function first(hosts: readonly Host[], check: (host: Host) => string | null): string | null {
  for (const host of hosts) {
    const wrong = check(host)
    if (wrong !== null) return wrong
  }
  return null
}

/** What its surroundings did to it is a reason to stop; whether it does then is said by those who did it. */
const REASONS_TO_STOP = ['LUN_STORAGE_LOST']

function engineRuns({ mp }: Host): string | null {
  const broken = mp?.broken ?? null
  return broken === null || REASONS_TO_STOP.includes(broken.code) ? null : broken.message
}

function countersEqualInFlight({ world }: Scene): string | null {
  for (const { hctl, now } of world.hosts.flatMap(({ slots }) => slots)) {
    if (now.path !== null && now.path.inFlight !== now.tap.inFlight) {
      return `${hctl} counts ${now.path.inFlight} in flight, and ${now.tap.inFlight} are`
    }
  }
  return null
}

function headFollowsPaths({ world }: Scene): string | null {
  for (const head of world.hosts.flatMap(({ mp }) => mp?.heads ?? [])) {
    const paths = head.paths.map(({ state, flags }) => ({ state, flags }))
    const usable = paths.filter(({ state, flags }) => !isDisabled(state, flags)).length
    const { service, life } = head.state
    const up = service === 'serving' || service === 'degraded'
    if (up !== usable > 0) return `${head.name} is ${service} with ${usable} usable paths`
    if (service === 'serving' && usable !== paths.length)
      return `${head.name} is serving, not all its paths are usable`
    // Where checks are counted, they are counted for a path that only its access state keeps out as well.
    const counts = typeof head.noPathRetry === 'number'
    const lasts = ({ access }: PathValue) =>
      !counts || isAccessUsable({ access }) || access === 'transitioning'
    const waiting =
      life === 'live' && paths.some(({ state, flags }) => lasts(state) && isAvailable(state, flags))
    if (service === 'failing' && waiting) return `${head.name} fails I/O although a path is worth waiting for`
  }
  return null
}

/** Nothing may wait but I/O whose caller waits as well: bytes that are never given back would show here. */
function queuesAreBounded({ world, workload }: Scene): string | null {
  const bound = workload.waiting * IO_BYTES_MAX
  for (const { name, queued, held } of world.hosts.flatMap(({ mp }) => mp?.heads ?? [])) {
    const bytes = queued.bytes + held.bytes
    if (bytes < 0 || bytes > bound) return `${name} has ${bytes} bytes queued, ${bound} at the most are open`
  }
  return first(world.hosts, ({ mp, life, name }) => {
    const [timers, ghosts] = [life?.timers ?? 0, mp?.ghosts.length ?? 0]
    if (timers > TIMERS_MAX) return `${name} has ${timers} timers`
    return ghosts > GHOSTS_MAX ? `${name} has ${ghosts} ghosts` : null
  })
}

/** Each I/O, path and head has a few at the most, and so many I/Os are open that one more is refused. */
const TIMERS_MAX = 300
/** A ghost ends, in this world, within a tenth of a second; so many writes at the most can leave one in that time. */
const GHOSTS_MAX = 600

function completionsAreSingle({ world, workload: { tally } }: Scene): string | null {
  const twice = world.hosts.flatMap(({ slots }) => slots).find(({ now: { tap } }) => tap.inFlight < 0)
  if (twice !== undefined) return `${twice.hctl} completed an I/O twice`
  const { started, settled, succeeded, failed, orphaned } = tally
  return settled + orphaned <= started && succeeded + failed === settled ? null : 'an I/O was completed twice'
}

function mediumIsLegal({ world }: Scene): string | null {
  for (const { disk, shadow } of world.luns) {
    for (let block = 0; block < shadow.blocks; block += 1) {
      const generation = generationOf(disk.medium.subarray(block * BLOCK, (block + 1) * BLOCK), block)
      const legal = shadow.legal(block)
      if (isLegal(legal, generation)) continue
      return `block ${block} holds generation ${String(generation)}; legal: ${legalWords(legal)}`
    }
  }
  return null
}

function healedPathsServe({ world }: Scene): string | null {
  for (const { now, hctl, host } of world.hosts.flatMap(({ slots }) => slots)) {
    if (now.path === null) return `${hctl} of ${host.name} is not a path after healing`
    const { health, device, admin } = now.path.state
    const well = health === 'online' || health === 'marginal'
    if (!well || device !== 'running' || admin !== 'enabled') {
      return `${hctl} of ${host.name} is ${JSON.stringify(now.path.state)} after healing`
    }
  }
  const head = world.hosts
    .flatMap(({ mp }) => mp?.heads ?? [])
    .find(({ state }) => state.service !== 'serving')
  return head === undefined ? null : `${head.name} is ${head.state.service} after healing`
}

function ledgerIsWhole({ ledger, name }: Host): string | null {
  const result = verifyRows(memoryReader(ledger.rows()))
  return result.chain === 'ok' && result.replay === 'equal'
    ? null
    : `${name}, position ${String(result.firstBad)}: ${result.why}`
}

function replayEqualsLive({ ledger, mp, slots }: Host): string | null {
  const reader = memoryReader(ledger.rows())
  // That the machines decide all of it again, to the byte, is ledgerIsWhole's.
  const live: LedgerState['streams'] = foldAll(reader).streams
  for (const { now, hctl, lun } of slots) {
    const value = live[`path/${lun.wwid}/${hctl}`]?.value
    if (now.path !== null && JSON.stringify(value) !== JSON.stringify(now.path.state)) {
      return `${hctl} is ${JSON.stringify(now.path.state)}, the ledger says ${JSON.stringify(value)}`
    }
  }
  for (const head of mp?.heads ?? []) {
    const value = live[`head/${head.wwid}`]?.value
    if (JSON.stringify(value) !== JSON.stringify(head.state)) return `${head.name} differs from the ledger`
  }
  return null
}

/** A timer that fires is one that its machine has armed, at the time it was armed for: none was forgotten or moved. */
function timersFireWhenDue({ ledger, name }: Host): string | null {
  for (const { type, position, data, decision, monoUs } of ledger.rows()) {
    if (!type.endsWith('.timerFired')) continue
    const { timer, dueUs } = JSON.parse(data) as { timer: string; dueUs: number }
    if (decision.includes('"refused":true'))
      return `${name}, position ${position}: ${timer} fired and was not armed`
    if (monoUs < dueUs) return `${name}, position ${position}: ${timer} fired ${dueUs - monoUs} us early`
  }
  return null
}
