// Where a flush goes: down a path to the cache that it is for, and to no other cache. A path that its operator pulled takes
// it, too: what was acknowledged there is brought home, and nothing else goes there. Without a way it waits for one, for a
// limited time, and then its caller hears that their writes are not known to be durable.
import { isDisabled } from '../../machines/predicates.ts'
import { usOfMs, guarded } from '../core/core.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import type { WriteCache } from '../lun/write-caches.ts'
import { whyChosen } from '../select/choice.ts'
import { selectPath } from '../select/select.ts'
import { startAttempt } from './attempts.ts'
import type { Bio } from './bio.ts'
import { noPathError, notDurableError } from './errors.ts'
import { refusedBy, stuck } from './failover.ts'
import { finishBio } from './finish.ts'
import { headQueue } from './queues.ts'
import { park } from './waiting.ts'

/** True for a path that a flush for its own cache may go down. */
export function takesFlush({ disabled, value, context }: PathRuntime): boolean {
  return !disabled || !isDisabled({ ...value, admin: 'enabled' }, context)
}

/** True when some path to the cache can be flushed now. */
export function isWithinReach(head: HeadRuntime, cache: WriteCache): boolean {
  return head.paths.some((path) => path.cache === cache && takesFlush(path))
}

/** Sends a flush to its cache, or has it wait for a path there, or ends it. */
export function sendFlush(head: HeadRuntime, bio: Bio, cache: WriteCache): void {
  // The path went, and was flushed as it did.
  if (!cache.uncovered) return end(head, bio, null)
  const path = wayTo(head, bio, cache)
  if (path !== null) {
    stopWaiting(bio)
    bio.trace?.chose(whyChosen(head, path, { by: 'cache' }))
    return startAttempt(head, bio, path)
  }
  if (isWithinReach(head, cache)) return stuck(head, bio)
  if (head.paths.every(({ disabled }) => disabled)) return withoutAnyPath(head, bio)
  if (mayComeBack(head, cache)) return waitForWay(head, bio, cache)
  fallShort(head, bio, cache)
}

/** The policy's choice where that leads to the cache, else another path that does and has not refused the flush. */
function wayTo(head: HeadRuntime, bio: Bio, cache: WriteCache): PathRuntime | null {
  const ways = head.paths.filter((path) => path.cache === cache && takesFlush(path) && !refusedBy(bio, path))
  const usable = ways.filter(({ disabled }) => !disabled)
  if (usable.length > 1) {
    const chosen = selectPath(head, bio.node, true, 0)
    if (chosen !== null && usable.includes(chosen)) return chosen
  }
  return usable[0] ?? ways[0] ?? null
}

/** As for all I/O when no path is usable. */
function withoutAnyPath(head: HeadRuntime, bio: Bio): void {
  if (head.value.service !== 'failing') return park(head, bio)
  head.counters.failedNoPath += 1
  end(head, bio, noPathError(head, bio))
}

/** Whether a path to the cache may be usable soon. */
function mayComeBack(head: HeadRuntime, cache: WriteCache): boolean {
  const { attached, lost } = cache
  if (attached === 0) return lost !== null && head.lost.has(lost)
  const paths = head.paths.filter((path) => path.cache === cache)
  // None is listed any more: the last one is just being flushed and let go.
  if (paths.length === 0) return true
  const waits = head.context.noPathRetry !== 'fail'
  return paths.some(({ available, lost: other }) => available || (waits && other === null))
}

function waitForWay(head: HeadRuntime, bio: Bio, cache: WriteCache): void {
  const { clock, settings } = head.core
  park(head, bio)
  bio.wayTimer ??= clock.setTimer(clock.monoUs() + usOfMs(settings.flushWaitMs), () => {
    bio.wayTimer = null
    guarded(head.core, () => {
      if (headQueue(head).waiters.delete(bio)) fallShort(head, bio, cache)
    })
  })
}

/** The cache is out of reach: that is on the ledger before the caller hears of it. */
function fallShort(head: HeadRuntime, bio: Bio, cache: WriteCache): void {
  stopWaiting(bio)
  const { acknowledged, covered, label } = cache
  const why = whyNot(head, cache)
  const error = notDurableError(head, cache, why)
  // In a storm of them the rows are bounded; each caller hears of their own all the same.
  if (!head.errorRows.take()) return finishBio(head, bio, error)
  const { recorded } = head.lun.stream.record('lun.flushFellShort', {
    path: label,
    acknowledged,
    covered,
    why,
  })
  bio.trace?.led(recorded)
  head.core.recorder.whenDurable(recorded, () => {
    if (!bio.ended) finishBio(head, bio, error)
  })
}

function whyNot(head: HeadRuntime, cache: WriteCache): string {
  const path = head.paths.find((one) => one.cache === cache)
  if (path !== undefined) {
    const { device, access, health, admin } = path.value
    return `it is ${device}, ${access}, ${health}, ${admin}`
  }
  return cache.lost === null ? 'it is gone' : 'the last run left it, and it is not attached again'
}

function end(head: HeadRuntime, bio: Bio, error: Parameters<typeof finishBio>[2]): void {
  stopWaiting(bio)
  finishBio(head, bio, error)
}

/** It waits for no way any more. */
export function stopWaiting(bio: Bio): void {
  bio.wayTimer?.cancel()
  bio.wayTimer = null
}
