// Held bios: newer writes, discards and zeroings that overlap a ghost wait here for its end, in order, for a limited time.
import { isMutation, type Bio } from './bio.ts'
import { guarded, usOfMs } from '../core/core.ts'
import { finishBio } from './finish.ts'
import type { Ghost } from '../lun/ghosts.ts'
import type { HeadRuntime } from '../heads/runtime.ts'
import { ghostHoldError, noPathError } from './errors.ts'
import { headGoneError } from '../heads/gone.ts'
import { headQueue } from './queues.ts'

/** What a bio must wait for: a ghost that is not its own, or an older held bio that it overlaps. Null: it may go. */
export function holderOf(head: HeadRuntime, bio: Bio): Ghost | 'older' | null {
  if (head.core.guardsOff || !isMutation(bio)) return null
  head.lun.refresh()
  const ghost = head.lun.ghosts.index.conflict(bio, bio.id)
  if (ghost !== null) return ghost
  return headQueue(head).held.hasOlder(bio) ? 'older' : null
}

/** How often a held bio's engine looks whether another engine has ended the ghost that it waits for. */
const LOOK_US = 5_000

/** Puts a bio on the held list, in the order of submission. */
export function hold(head: HeadRuntime, bio: Bio): void {
  bio.heldSinceUs = head.core.clock.monoUs()
  headQueue(head).held.add(bio)
  armHoldTimer(head)
  armLookTimer(head)
}

/** A write that was overtaken by the opening of a ghost goes again when the ghost has ended. */
export function holdAgain(head: HeadRuntime, bio: Bio): void {
  hold(head, bio)
}

/** Ghosts have ended: sends on, in order, what need not wait any longer. */
export function releaseHeld(head: HeadRuntime): void {
  const waiting = headQueue(head).held.takeAll()
  for (const bio of waiting) {
    if (bio.ended) continue
    if (holderOf(head, bio) === null) headQueue(head).again(head, bio)
    else headQueue(head).held.add(bio)
  }
  armLookTimer(head)
}

/** Takes everything off the list, in order. */
export function takeHeld(head: HeadRuntime): Bio[] {
  const held = headQueue(head).held.takeAll()
  headQueue(head).holdTimer?.cancel()
  headQueue(head).holdTimer = null
  headQueue(head).lookTimer?.cancel()
  headQueue(head).lookTimer = null
  return held
}

/** Takes a bio off the list; false when it was not there. */
export function unhold(head: HeadRuntime, bio: Bio): boolean {
  return headQueue(head).held.delete(bio)
}

function armHoldTimer(head: HeadRuntime): void {
  const { core } = head
  const limitUs = usOfMs(core.settings.ghostHoldMaxMs)
  const { oldest } = headQueue(head).held
  if (headQueue(head).holdTimer !== null || oldest === null) return
  headQueue(head).holdTimer = core.clock.setTimer(oldest.heldSinceUs + limitUs, () => {
    headQueue(head).holdTimer = null
    guarded(core, () => {
      expireHeld(head, core.clock.monoUs() - limitUs)
      armHoldTimer(head)
    })
  })
}

/**
 * Nobody tells this engine when another one's ghost has ended, and where all writes are held none comes that would look.
 * So it looks by itself, as long as something is held and a ghost of another engine is there.
 */
function armLookTimer(head: HeadRuntime): void {
  const { core } = head
  if (
    headQueue(head).lookTimer !== null ||
    headQueue(head).held.oldest === null ||
    !head.lun.ghosts.index.hasForeign()
  )
    return
  headQueue(head).lookTimer = core.clock.setTimer(core.clock.monoUs() + LOOK_US, () => {
    headQueue(head).lookTimer = null
    head.lun.tend()
    guarded(core, () => armLookTimer(head))
  })
}

function expireHeld(head: HeadRuntime, beforeUs: number): void {
  for (const bio of headQueue(head).held.all()) {
    if (bio.heldSinceUs > beforeUs) continue
    const ghost = head.lun.ghosts.index.conflict(bio, bio.id)
    unhold(head, bio)
    if (head.errorRows.take()) {
      const { id, offset, length } = bio
      const data = { bio: id, offset, length, ghost: ghost?.id ?? 'older' }
      const { recorded } = head.lun.stream.record('lun.holdExpired', data)
      bio.trace?.led(recorded)
    }
    finishBio(head, bio, ghostHoldError(head, bio, ghost))
  }
  releaseHeld(head)
}

/** Puts a bio on the requeue list: something will wake it. */
export function park(head: HeadRuntime, bio: Bio): void {
  head.counters.requeued += 1
  head.core.log.debug({ head: head.name, bio: bio.id }, 'no usable path, I/O put back')
  headQueue(head).requeue.park(bio)
  bio.trace?.parked(bio)
}

/** Ends what is parked: no path will come. Where the head itself is gone, what is held for a ghost ends as well. */
export function failParked(head: HeadRuntime): void {
  const over = head.core.broken !== null || !head.live
  const held = over ? takeHeld(head) : []
  for (const bio of [...headQueue(head).requeue.takeAll(), ...held]) {
    if (!over) head.counters.failedNoPath += 1
    finishBio(head, bio, head.core.broken ?? (over ? headGoneError(head) : noPathError(head, bio)))
  }
}
