// Where I/O waits: each waiter has a reason, and each reason a limit or somebody who wakes it. What is woken is decided again from
// the start, one by one in the order of submission; those that are not yet are still in the way of younger writes.
import type { PathledgerError } from '../../errors.ts'
import { isMutation, type Bio, type WaitList, type WaitReason } from './bio.ts'
import { guarded, usOfMs } from '../core/core.ts'
import type { Settings } from '../core/settings.ts'
import { finishBio } from './finish.ts'
import type { Ghost } from '../lun/ghosts.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { ghostHoldError, noPathError, waitTooLongError } from './errors.ts'
import { headGoneError } from '../heads/gone.ts'
import { headQueue, pathQueue } from './queues.ts'
import type { Ahead } from './waiters.ts'

/** No path takes these: they are what an operator sees queued, and what a number of checks ends. */
export const WITHOUT_PATH: readonly WaitReason[] = ['path', 'reservation', 'memory']
/** These are held back from a path that would take them. */
export const HELD: readonly WaitReason[] = ['ghost', 'older']
/** All of them. */
export const ALL_WAITS: readonly WaitReason[] = [...WITHOUT_PATH, ...HELD, 'turn', 'room', 'busy', 'verdict']

/** The limit of a wait, and what is done with a bio whose limit is over. */
interface Limit {
  readonly ms: (settings: Settings) => number
  /** It counts from when something last left the list: who is only behind many others is not stuck. */
  readonly whileNothingMoves: boolean
  readonly over: (head: HeadRuntime, bio: Bio) => void
}

const STUCK: Limit = {
  ms: ({ waitMaxMs }) => waitMaxMs,
  whileNothingMoves: true,
  over: (head, bio) => {
    const reason = bio.waitsIn?.reason ?? 'path'
    headQueue(head).waiters.delete(bio)
    finishBio(head, bio, waitTooLongError(head, bio, reason))
  },
}

/** No limit of its own: noPathRetry says how long I/O waits for a path, and the limit of the older one ends the younger's. */
const LIMITS: Readonly<Record<WaitReason, Limit | null>> = {
  path: null,
  older: null,
  turn: null,
  reservation: STUCK,
  memory: STUCK,
  room: STUCK,
  verdict: STUCK,
  ghost: { ms: ({ ghostHoldMaxMs }) => ghostHoldMaxMs, whileNothingMoves: false, over: endHeld },
  busy: { ms: ({ resourceRetryMs }) => resourceRetryMs, whileNothingMoves: false, over: goOn },
}

/** What a write must wait for: a ghost of an older one, or an older one that waits itself. Null: it may go. */
export function inTheWay(head: HeadRuntime, bio: Bio): Ghost | Ahead | null {
  if (head.core.guardsOff || !isMutation(bio)) return null
  head.lun.refresh()
  return head.lun.ghosts.index.holder(bio, bio.id) ?? headQueue(head).waiters.aheadOf(bio)
}

/** What may still land under a write although it is older; null when nothing may. */
export function overtakerOf(head: HeadRuntime, bio: Bio): Ghost | Ahead | null {
  return head.lun.ghosts.index.conflict(bio, bio.id) ?? headQueue(head).waiters.aheadOf(bio)
}

/** Keeps a write back until what is in its way is gone. */
export function hold(head: HeadRuntime, bio: Bio, holder: Ghost | Ahead): void {
  const { waiters } = headQueue(head)
  if ('followers' in holder) return waiters.follow(bio, holder)
  waitFor(head, bio, 'ghost')
  armLookTimer(head)
}

/** Puts a bio where it waits for that; a limit runs. */
export function waitFor(
  head: HeadRuntime,
  bio: Bio,
  reason: Exclude<WaitReason, 'older' | 'turn'>,
  on: PathRuntime | null = null,
): void {
  const { waiters } = headQueue(head)
  const list = waiters.list(reason)
  waiters.add(bio, reason, on === null ? null : pathQueue(on).room)
  if (list.timer === null) armLimit(head, list)
}

/** Puts a bio back for which there is no path: something will wake it. */
export function park(head: HeadRuntime, bio: Bio, reason: 'path' | 'reservation' = 'path'): void {
  head.counters.requeued += 1
  head.core.log.debug({ head: head.name, bio: bio.id }, 'no usable path, I/O put back')
  waitFor(head, bio, reason)
  bio.trace?.parked(bio)
}

/** Takes a bio off, wherever it waits, and sends it anew. */
export function goOn(head: HeadRuntime, bio: Bio): void {
  const queue = headQueue(head)
  if (queue.waiters.delete(bio)) queue.again(head, bio)
}

/** Ghosts have ended: sends on, in order, what need not wait any longer. */
export function releaseHeld(head: HeadRuntime): void {
  const { waiters } = headQueue(head)
  for (const bio of waiters.inOrder(['ghost'])) {
    if (bio.waitsIn?.reason !== 'ghost') continue
    if (head.lun.ghosts.index.conflict(bio, bio.id) === null) goOn(head, bio)
  }
  armLookTimer(head)
}

/** Those that waited for older ones, in order: each goes, or waits for the next one that is in its way. */
export function releaseFreed(head: HeadRuntime, freed: readonly Bio[]): void {
  const { waiters } = headQueue(head)
  for (const bio of [...freed].sort((one, other) => one.id - other.id)) {
    const reason = bio.waitsIn?.reason
    if (reason !== 'older' && reason !== 'turn') continue
    const ahead = waiters.aheadOf(bio)
    if (ahead === null) goOn(head, bio)
    else waiters.followOn(bio, ahead)
  }
}

/** Ends what waits for any of these, in the order of submission, each with its error. Returns how many, and their bytes. */
export function endWaiting(
  head: HeadRuntime,
  reasons: readonly WaitReason[],
  errorOf: (bio: Bio) => PathledgerError,
): { bios: number; bytes: number } {
  const { waiters } = headQueue(head)
  const ended = waiters.count(reasons)
  for (const bio of waiters.inOrder(reasons)) {
    if (waiters.delete(bio)) finishBio(head, bio, errorOf(bio))
  }
  for (const reason of reasons) disarm(waiters.list(reason))
  return ended
}

/** Ends what waits without a path: none will come. Where the head itself is gone, all that waits ends with it. */
export function failParked(head: HeadRuntime): void {
  const { broken } = head.core
  if (broken !== null || !head.live) {
    endWaiting(head, ALL_WAITS, () => broken ?? headGoneError(head))
    return
  }
  const { bios } = endWaiting(head, WITHOUT_PATH, (bio) => noPathError(head, bio))
  head.counters.failedNoPath += bios
}

/** No limit keeps a program from ending when nothing waits any more. */
function disarm(list: WaitList): void {
  list.timer?.cancel()
  list.timer = null
}

function armLimit(head: HeadRuntime, list: WaitList): void {
  const { core } = head
  const limit = LIMITS[list.reason]
  const [oldest] = list.bios
  if (limit === null || oldest === undefined) return
  const limitUs = usOfMs(limit.ms(core.settings))
  if (limitUs === 0) return
  const sinceUs = limit.whileNothingMoves ? Math.max(oldest.waitsSinceUs, list.movedUs) : oldest.waitsSinceUs
  list.timer = core.clock.setTimer(sinceUs + limitUs, () => {
    list.timer = null
    guarded(core, () => {
      expire(head, list, limit, core.clock.monoUs() - limitUs)
      if (list.timer === null) armLimit(head, list)
    })
  })
}

/** Those whose limit is over; none is, where something of the list has moved meanwhile. */
function expire(head: HeadRuntime, list: WaitList, limit: Limit, beforeUs: number): void {
  if (limit.whileNothingMoves && list.movedUs > beforeUs) return
  for (const bio of list.bios) {
    // One that comes back is at the end, and waits from now on.
    if (bio.waitsSinceUs > beforeUs) return
    limit.over(head, bio)
  }
}

/** The ghost did not end in time: the write never went anywhere. */
function endHeld(head: HeadRuntime, bio: Bio): void {
  const ghost = head.lun.ghosts.index.holder(bio, bio.id)
  headQueue(head).waiters.delete(bio)
  if (head.errorRows.take()) {
    const { id, offset, length } = bio
    const data = { bio: id, offset, length, ghost: ghost?.id ?? 'older' }
    const { recorded } = head.lun.stream.record('lun.holdExpired', data)
    bio.trace?.led(recorded)
  }
  finishBio(head, bio, ghostHoldError(head, bio, ghost))
}

/** How often a held bio's engine looks whether another engine has ended the ghost that it waits for. */
const LOOK_US = 5_000

/**
 * Nobody tells this engine when another one's ghost has ended, and where all writes are held none comes that would look.
 * So it looks by itself, as long as something is held and a ghost of another engine is there.
 */
function armLookTimer(head: HeadRuntime): void {
  const { core } = head
  const queue = headQueue(head)
  const isHeld = queue.waiters.list('ghost').bios.size > 0
  if (queue.lookTimer !== null || !isHeld || !head.lun.ghosts.index.hasForeign()) return
  queue.lookTimer = core.clock.setTimer(core.clock.monoUs() + LOOK_US, () => {
    queue.lookTimer = null
    head.lun.tend()
    guarded(core, () => armLookTimer(head))
  })
}
