// A bio on its way: held back for a ghost or an older write, sent down a path, or parked until one comes. Its tries are
// attempts.ts, what happens after a path error is failover.ts, its end is finish.ts.
import { isFull, startAttempt } from './attempts.ts'
import type { Bio } from './bio.ts'
import { guarded } from '../core/core.ts'
import { isAvoided } from './busy.ts'
import { refusedBy, stuck } from './failover.ts'
import { finishBio } from './finish.ts'
import { sendFlush } from './flush-way.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { goOn, hold, inTheWay, park, waitFor, WITHOUT_PATH } from './waiting.ts'
import { noPathError } from './errors.ts'
import { headGoneError } from '../heads/gone.ts'
import { whyChosen } from '../select/choice.ts'
import { selectPath } from '../select/select.ts'
import type { IoTrace } from '../accounting/trace.ts'
import { headQueue, pathQueue } from './queues.ts'

/** Sends a bio down the path its head's policy picks, holds or parks it, or ends it. */
export function submitBio(head: HeadRuntime, bio: Bio): void {
  const { core } = head
  // First: what the LUN's storage says may be the end of the engine.
  const holder = inTheWay(head, bio)
  if (core.broken !== null) return finishBio(head, bio, core.broken)
  if (!head.live) return finishBio(head, bio, headGoneError(head))
  if (holder !== null) return hold(head, bio, holder)
  // It waits for memory, not for a path, and is not counted as one that does.
  if (!hasMemory(head, bio)) return waitFor(head, bio, 'memory')
  if (bio.cache !== null) return sendFlush(head, bio, bio.cache)
  const path = bio.trace === null ? choosePath(head, bio) : chooseAndTell(head, bio, bio.trace)
  if (path !== null) return startAttempt(head, bio, path)
  const usableButRefused = head.paths.some((candidate) => !candidate.disabled)
  if (usableButRefused) return stuck(head, bio)
  if (head.value.service !== 'failing') return park(head, bio)
  head.counters.failedNoPath += 1
  finishBio(head, bio, noPathError(head, bio))
}

/** Sends what is parked again, in order. Bios that find no path are parked again, behind those before them. */
export function resubmitParked(head: HeadRuntime): void {
  const queue = headQueue(head)
  if (queue.waiters.count(WITHOUT_PATH).bios === 0) return
  queue.scheduleWork(() => {
    const parked = queue.waiters.inOrder(WITHOUT_PATH)
    for (const bio of parked) if (bio.waitsIn !== null) goOn(head, bio)
  })
}

/** Reads that waited for memory ask for it again, in order. */
export function resubmitStarved(head: HeadRuntime): void {
  const { waiters } = headQueue(head)
  if (waiters.list('memory').bios.size === 0) return
  for (const bio of waiters.inOrder(['memory'])) if (bio.waitsIn?.reason === 'memory') goOn(head, bio)
}

/** What waited for room on a path goes on, in order, as far as there is room: there while it is usable, else where the policy says. */
export function drainBacklog(path: PathRuntime): void {
  const { core, head } = path
  const queue = pathQueue(path)
  if (queue.draining || queue.room.size === 0) return
  queue.draining = true
  queueMicrotask(() => {
    queue.draining = false
    guarded(core, () => {
      let left = queue.room.size
      for (const bio of queue.room) {
        // Those that come back to the end of the list are not tried twice; and full is full for the others too.
        if (left === 0 || (!path.disabled && isFull(path, bio))) return
        left -= 1
        bio.waitedFor = path
        goOn(head, bio)
      }
    })
  })
}

/** The policy's choice; if that one has refused this bio already, another one that has not (D-37). */
function choosePath(head: HeadRuntime, bio: Bio): PathRuntime | null {
  const { waitedFor } = bio
  if (waitedFor !== null) {
    bio.waitedFor = null
    if (!waitedFor.disabled && !refusedBy(bio, waitedFor)) return waitedFor
  }
  const chosen = selectPath(head, bio.node, bio.op !== 'read', bio.length)
  if (chosen === null || !isAvoided(bio, chosen)) return chosen
  let other: PathRuntime | null = null
  for (const path of head.paths) {
    if (path.disabled || isAvoided(bio, path)) continue
    if (other === null || path.rank < other.rank) other = path
  }
  // Those that were busy, rather than none.
  return other ?? head.paths.find((path) => !path.disabled && !refusedBy(bio, path)) ?? null
}

/** The same for an I/O that is traced: why it is this path goes into its trace. */
function chooseAndTell(head: HeadRuntime, bio: Bio, trace: IoTrace): PathRuntime | null {
  const cached = head.current[bio.node] ?? null
  const path = choosePath(head, bio)
  const refused = bio.refusals.some((refusal) => refusal.epoch === refusal.path.epoch)
  if (path !== null) trace.chose(whyChosen(head, path, refused ? { by: 'elsewhere' } : { cached }))
  return path
}

/** A read whose memory stayed with a hung path needs fresh memory before it can go again. */
function hasMemory(head: HeadRuntime, bio: Bio): boolean {
  if (bio.op !== 'read' || bio.block !== null) return true
  bio.block = head.core.pool.take(bio.length, head.memory)
  if (bio.block !== null) return true
  head.core.pool.want()
  return false
}
