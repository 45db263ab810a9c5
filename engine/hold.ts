// Held bios: newer writes, discards and zeroings that overlap a ghost wait here for its end, in order, for a limited time.
import { isMutation, weightOf, type Bio } from './bio.ts'
import { guarded, usOfMs } from './core.ts'
import { submitBio } from './dispatch.ts'
import { finishBio } from './finish.ts'
import { overlaps, type Ghost } from './ghosts.ts'
import type { HeadRuntime } from './head-runtime.ts'
import { ghostHoldError } from './io-errors.ts'

/** What a bio must wait for: a ghost that is not its own, or an older held bio that it overlaps. Null: it may go. */
export function holderOf(head: HeadRuntime, bio: Bio): Ghost | 'older' | null {
  if (head.core.guardsOff || !isMutation(bio)) return null
  head.refreshGhosts()
  const ghost = head.ghosts.index.conflict(bio, bio.id)
  if (ghost !== null) return ghost
  for (const held of head.held) {
    if (held === bio) return null
    if (held.id < bio.id && overlaps(held, bio)) return 'older'
  }
  return null
}

/** Puts a bio on the held list, in the order of submission. */
export function hold(head: HeadRuntime, bio: Bio): void {
  bio.heldSinceUs = head.core.clock.monoUs()
  head.held.push(bio)
  head.heldBytes += weightOf(bio)
  armHoldTimer(head)
}

/** A write that was overtaken by the opening of a ghost goes again when the ghost has ended. */
export function holdAgain(head: HeadRuntime, bio: Bio): void {
  hold(head, bio)
}

/** Ghosts have ended: sends on, in order, what need not wait any longer. */
export function releaseHeld(head: HeadRuntime): void {
  if (head.held.length === 0) return
  const waiting = head.held
  head.held = []
  head.heldBytes = 0
  for (const bio of waiting) {
    if (bio.ended) continue
    if (holderOf(head, bio) === null) {
      submitBio(head, bio)
      continue
    }
    head.held.push(bio)
    head.heldBytes += weightOf(bio)
  }
}

/** Takes everything off the list, in order. */
export function takeHeld(head: HeadRuntime): Bio[] {
  const { held } = head
  head.held = []
  head.heldBytes = 0
  head.holdTimer?.cancel()
  head.holdTimer = null
  return held
}

/** Takes a bio off the list; false when it was not there. */
export function unhold(head: HeadRuntime, bio: Bio): boolean {
  const at = head.held.indexOf(bio)
  if (at < 0) return false
  head.held.splice(at, 1)
  head.heldBytes -= weightOf(bio)
  return true
}

function armHoldTimer(head: HeadRuntime): void {
  const { core } = head
  const limitUs = usOfMs(core.settings.ghostHoldMaxMs)
  const oldest = head.held[0]
  if (head.holdTimer !== null || oldest === undefined) return
  head.holdTimer = core.clock.setTimer(oldest.heldSinceUs + limitUs, () => {
    head.holdTimer = null
    guarded(core, () => {
      expireHeld(head, core.clock.monoUs() - limitUs)
      armHoldTimer(head)
    })
  })
}

function expireHeld(head: HeadRuntime, beforeUs: number): void {
  for (const bio of [...head.held]) {
    if (bio.heldSinceUs > beforeUs) continue
    const ghost = head.ghosts.index.conflict(bio, bio.id)
    unhold(head, bio)
    if (head.errorRows.take()) {
      const { id, offset, length } = bio
      head.lunStream.record('lun.holdExpired', { bio: id, offset, length, ghost: ghost?.id ?? 'older' })
    }
    finishBio(head, bio, ghostHoldError(head, bio, ghost))
  }
  releaseHeld(head)
}
