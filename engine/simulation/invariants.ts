// What must hold after every step, whatever the seed does. Each is named, and each can fail: test/simulation plants a bug
// for it.
import { isAvailable, isDisabled } from '../../machines/predicates.ts'
import { foldAll, redecide, type LedgerState } from '../../store/fold.ts'
import { verifyRows } from '../../store/verify.ts'
import { BLOCK, generationOf } from './shadow.ts'
import { IO_BYTES_MAX, type Workload } from './workload.ts'
import { WWID, type World } from './world.ts'

/** An invariant that did not hold: in which seed, after which step, and how. */
export interface Violation {
  readonly seed: number
  readonly step: number
  readonly invariant: string
  readonly detail: string
}

type Check = (world: World, workload: Workload) => string | null

/** Checked after every step. */
export const EVERY_STEP: Readonly<Record<string, Check>> = {
  readsAreLegal: (_world, workload) => workload.wrong.shift() ?? null,
  onlyUsablePaths: ({ seen }) => seen.wrong.shift() ?? null,
  engineRuns: ({ mp }) => mp.broken?.message ?? null,
  countersEqualInFlight,
  headFollowsPaths,
  queuesAreBounded,
  completionsAreSingle,
}

/** Checked at the end, after every fault is gone and every I/O has had its time. */
export const AT_THE_END: Readonly<Record<string, Check>> = {
  everyIoSettles: (_world, { tally }) =>
    tally.started === tally.settled ? null : `${tally.started - tally.settled} I/Os never settled`,
  nothingLost: mediumIsLegal,
  healedPathsServe,
  ledgerIsWhole,
  replayEqualsLive,
}

function countersEqualInFlight({ slots }: World): string | null {
  for (const { path, tap, hctl } of slots) {
    if (path !== null && path.inFlight !== tap.inFlight) {
      return `${hctl} counts ${path.inFlight} in flight, and ${tap.inFlight} are`
    }
  }
  return null
}

function headFollowsPaths({ mp }: World): string | null {
  for (const head of mp.heads) {
    const states = head.paths.map(({ state }) => state)
    const usable = states.filter((state) => !isDisabled(state)).length
    const { service, life } = head.state
    const up = service === 'serving' || service === 'degraded'
    if (up !== usable > 0) return `${head.name} is ${service} with ${usable} usable paths`
    if (service === 'serving' && usable !== states.length)
      return `${head.name} is serving, not all its paths are usable`
    const waiting = states.some((state) => isAvailable(state)) && life === 'live'
    if (service === 'failing' && waiting) return `${head.name} fails I/O although a path is worth waiting for`
  }
  return null
}

/** Nothing may wait but I/O whose caller waits as well: bytes that are never given back would show here. */
function queuesAreBounded({ mp }: World, { tally }: Workload): string | null {
  const bound = (tally.started - tally.settled) * IO_BYTES_MAX
  for (const { name, queued, held } of mp.heads) {
    const bytes = queued.bytes + held.bytes
    if (bytes < 0 || bytes > bound) return `${name} has ${bytes} bytes queued, ${bound} at the most are open`
  }
  return null
}

function completionsAreSingle({ slots }: World, { tally }: Workload): string | null {
  const twice = slots.find(({ tap }) => tap.inFlight < 0)
  if (twice !== undefined) return `${twice.hctl} completed an I/O twice`
  const { started, settled, succeeded, failed } = tally
  return settled <= started && succeeded + failed === settled ? null : 'an I/O was completed twice'
}

function mediumIsLegal({ lun, shadow }: World): string | null {
  for (let block = 0; block < shadow.blocks; block += 1) {
    const generation = generationOf(lun.medium.subarray(block * BLOCK, (block + 1) * BLOCK), block)
    const legal = shadow.legal(block)
    if (generation !== null && legal.has(generation)) continue
    return `block ${block} holds generation ${String(generation)}; legal: ${[...legal].join(', ')}`
  }
  return null
}

function healedPathsServe({ slots }: World): string | null {
  for (const { path, hctl } of slots) {
    if (path !== null && path.state.health !== 'online')
      return `${hctl} is ${path.state.health} after healing`
  }
  return null
}

function ledgerIsWhole({ store }: World): string | null {
  const result = verifyRows(store)
  return result.chain === 'ok' && result.replay === 'equal'
    ? null
    : `position ${String(result.firstBad)}: ${result.why}`
}

function replayEqualsLive({ store, mp, slots }: World): string | null {
  const folded = foldAll(store)
  if (JSON.stringify(folded) !== JSON.stringify(redecide(store))) return 'fold and replay differ'
  const live: LedgerState['streams'] = folded.streams
  for (const { path, hctl } of slots) {
    const value = live[`path/${WWID}/${hctl}`]?.value
    if (path !== null && JSON.stringify(value) !== JSON.stringify(path.state)) {
      return `${hctl} is ${JSON.stringify(path.state)}, the ledger says ${JSON.stringify(value)}`
    }
  }
  for (const head of mp.heads) {
    const value = live[`head/${WWID}`]?.value
    if (JSON.stringify(value) !== JSON.stringify(head.state)) return `${head.name} differs from the ledger`
  }
  return null
}
