// What waits on a head: one queue with one order, that of submission. Each waiter is in one list, which says for what it waits
// and since when something of it has moved; writes are besides in one index of what lies where, so that a younger write finds
// every older one that it overlaps, wherever that waits. To put one on and to take it off costs the same however many wait.
import { Bio, isMutation, weightOf, type WaitList, type WaitReason } from './bio.ts'
import { WaitingRanges, type Ranged } from './waiting-ranges.ts'

/** What waits before others: a bio, or the part of a long I/O that is still to be cut. */
export interface Ahead extends Ranged {
  /** Writes that overlap it and are younger: they go on when it waits no longer. */
  followers: Bio[] | null
}

export class Waiters {
  readonly #lists: Readonly<Record<WaitReason, WaitList>>
  readonly #ahead = new WaitingRanges<Ahead>()
  readonly #nowUs: () => number
  /** Called with writes whose older one waits no longer. */
  readonly #onFree: (followers: readonly Bio[]) => void
  #length = 0

  constructor(nowUs: () => number, onFree: (followers: readonly Bio[]) => void) {
    this.#nowUs = nowUs
    this.#onFree = onFree
    this.#lists = {
      path: newWaitList('path'),
      reservation: newWaitList('reservation'),
      memory: newWaitList('memory'),
      ghost: newWaitList('ghost'),
      older: newWaitList('older'),
      turn: newWaitList('turn'),
      room: newWaitList('room'),
      busy: newWaitList('busy'),
      verdict: newWaitList('verdict'),
    }
  }

  /** How many wait, for whatever. */
  get length(): number {
    return this.#length
  }

  list(reason: WaitReason): WaitList {
    return this.#lists[reason]
  }

  /** How many wait for one of these, and their bytes. */
  count(reasons: readonly WaitReason[]): { bios: number; bytes: number } {
    const sum = { bios: 0, bytes: 0 }
    for (const reason of reasons) {
      sum.bios += this.#lists[reason].bios.size
      sum.bytes += this.#lists[reason].bytes
    }
    return sum
  }

  /** Puts a bio that waits nowhere on a list; a write is ahead of younger ones from now on. `beside`: a list of a path, of those that wait for its room alone. */
  add(bio: Bio, reason: WaitReason, beside: Set<Bio> | null = null): void {
    const list = this.#lists[reason]
    bio.waitsIn = list
    bio.waitsBeside = beside
    bio.waitsSinceUs = this.#nowUs()
    bio.waits += 1
    list.bios.add(bio)
    list.bytes += weightOf(bio)
    beside?.add(bio)
    this.#length += 1
    if (bio.isAhead || !isMutation(bio)) return
    bio.isAhead = true
    this.#ahead.add(bio)
  }

  /** Takes a bio off, wherever it waits; false when it does not. */
  delete(bio: Bio): boolean {
    const { waitsIn: list, waitsBeside } = bio
    if (list === null) return false
    list.bios.delete(bio)
    list.bytes -= weightOf(bio)
    list.movedUs = this.#nowUs()
    waitsBeside?.delete(bio)
    bio.waitsIn = null
    bio.waitsBeside = null
    this.#length -= 1
    // One that was tried already stays ahead until it has ended: a younger one must not land before it lands again.
    if (bio.attempts === 0) this.pass(bio)
    return true
  }

  /** A bio is sent for the first time, or has ended: younger ones need not stay behind it any more. */
  pass(bio: Bio): void {
    if (!bio.isAhead) return
    bio.isAhead = false
    this.leave(bio)
  }

  /** Something that is no bio yet is ahead of younger writes. */
  enter(ahead: Ahead): void {
    this.#ahead.add(ahead)
  }

  /** It is not ahead any more. */
  leave(ahead: Ahead): void {
    this.#ahead.delete(ahead)
    const { followers } = ahead
    if (followers === null) return
    ahead.followers = null
    this.#onFree(followers)
  }

  /** The youngest of the older ones that wait for bytes that this write overlaps; null when it may go. */
  aheadOf(bio: Bio): Ahead | null {
    return this.#ahead.size === 0 ? null : this.#ahead.youngestBefore(bio)
  }

  /** A write waits for an older one: held back where that one is, else only for its turn. */
  follow(bio: Bio, ahead: Ahead): void {
    this.add(bio, reasonBehind(ahead))
    ahead.followers ??= []
    ahead.followers.push(bio)
  }

  /** It waited for one, and now waits for another. It has not gone, so those behind it have nothing to look at. */
  followOn(bio: Bio, ahead: Ahead): void {
    const from = bio.waitsIn
    const to = this.#lists[reasonBehind(ahead)]
    if (from !== null && from !== to) {
      from.bios.delete(bio)
      from.bytes -= weightOf(bio)
      to.bios.add(bio)
      to.bytes += weightOf(bio)
      bio.waitsIn = to
    }
    ahead.followers ??= []
    ahead.followers.push(bio)
  }

  /** Those that wait for one of these, in the order of submission. They stay where they are. */
  inOrder(reasons: readonly WaitReason[]): Bio[] {
    const bios = reasons.flatMap((reason) => [...this.#lists[reason].bios])
    return bios.sort((one, other) => one.id - other.id)
  }
}

function reasonBehind(ahead: Ahead): WaitReason {
  return ahead instanceof Bio && isHeldBack(ahead) ? 'older' : 'turn'
}

function isHeldBack({ waitsIn }: Bio): boolean {
  return waitsIn !== null && HELD_BACK.has(waitsIn.reason)
}

/** For these it is not known when they end. */
const HELD_BACK: ReadonlySet<WaitReason> = new Set(['path', 'reservation', 'memory', 'ghost', 'older'])

function newWaitList(reason: WaitReason): WaitList {
  return { reason, bios: new Set(), bytes: 0, movedUs: 0, timer: null }
}
