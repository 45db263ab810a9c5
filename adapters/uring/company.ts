// The rings of one event loop. While one waits in the kernel the others are not looked at: so before it waits it looks for
// them, and none waits while another has something to hand over. Where waiting is watching, all of them are watched.
import type { Turns } from '../ports.ts'
import { BY_TIME, Manner } from './manner.ts'

/** A ring, to the others. */
export interface Member {
  /** Tells what has completed. Answers how many there were. */
  look(): number
  /** True when a look would find some. */
  isReady(): boolean
}

/** Where more than so many have something in flight, none of them waits in the kernel. */
const COMPANY_MAX = 8

/** What takes longer from one wait to the next tells nothing of the rings: the program had nothing to do, or something else. */
const PACE_US_MAX = 5000

export class Company {
  readonly #awake: Member[] = []
  /** Rings that have something to hand over in this tick. */
  due = 0
  /** Of the completions that were told last. Only the ring that keeps telling is waited for, not one that may hang. */
  latest: Member | null = null
  /** Completions that were told, of all rings. */
  told = 0
  /** How to wait with many in flight: it is the same for all of them, for what one saves another may pay. */
  readonly manner = new Manner(BY_TIME)
  /** When such a wait ended last, and what had been told by then. */
  #paceUs = 0
  #paceTold = 0

  /** Rings that have something in flight and look for it; those that sleep, as on a hung path, do not count. */
  get awake(): number {
    return this.#awake.length
  }

  get mayWait(): boolean {
    return this.due === 0 && this.#awake.length <= COMPANY_MAX
  }

  enter(member: Member): void {
    this.#awake.push(member)
  }

  leave(member: Member): void {
    const index = this.#awake.indexOf(member)
    if (index >= 0) this.#awake.splice(index, 1)
    if (this.latest === member) this.latest = null
  }

  isAnyReady(): boolean {
    for (const member of this.#awake) if (member.isReady()) return true
    return false
  }

  /** A wait with many in flight has ended: what one completion takes, from one wait to the next, is its manner's. */
  waited(nowUs: number): void {
    const us = nowUs - this.#paceUs
    if (us <= PACE_US_MAX) this.manner.took(us, this.told - this.#paceTold, us)
    this.#paceUs = nowUs
    this.#paceTold = this.told
  }

  /** Looks for all but one of those that are awake. Answers how many completions there were. */
  lookForOthers(than: Member): number {
    let found = 0
    // From behind: one that has nothing in flight any more leaves.
    for (let index = this.#awake.length - 1; index >= 0; index -= 1) {
      const member = this.#awake[index]
      if (member !== undefined && member !== than) found += member.look()
    }
    return found
  }
}

const companies = new WeakMap<Turns, Company>()

/** The company of all rings whose event loop has these turns. */
export function companyOf(turns: Turns): Company {
  const known = companies.get(turns)
  if (known !== undefined) return known
  const made = new Company()
  companies.set(turns, made)
  return made
}
