// Whether to wait asleep or to watch: tried in turn, and then whichever takes less.

/**
 * How much is done in the same manner before the other has its chance, in waits or in microseconds: where the scheduler
 * puts who does the I/O depends on it.
 */
export interface Span {
  /** The first of it does not count: the scheduler has to get used to it. */
  readonly settle: number
  readonly block: number
}

/** With few in flight nearly every I/O is waited for. */
export const BY_WAITS: Span = { settle: 8, block: 32 }
/** With many in flight most batches need no wait, but how it is waited decides what all of them take. */
export const BY_TIME: Span = { settle: 2000, block: 10_000 }

/** One block of so many is done in the other manner, to know what it would take. */
const BLOCKS_PER_TRIAL = 16
/** Of fewer where it would take hardly longer: then a trial costs little, and one that was disturbed should not decide. */
const BLOCKS_PER_TRIAL_NEAR = 4
/** What takes so many times as long takes hardly longer. */
const NEAR = 1.125

/** Whether to sleep or to watch: whichever took less of late. */
export class Manner {
  watches = false
  readonly #span: Span
  #sleepUs = 0
  #watchUs = 0
  #sumUs = 0
  #gained = 0
  #done = 0
  #blocks = 0

  constructor(span: Span) {
    this.#span = span
  }

  /** A wait of so much of the span took so long, for so many completions. */
  took(us: number, gained: number, done: number): void {
    this.#done += done
    if (this.#done > this.#span.settle) {
      this.#sumUs += us
      this.#gained += gained
    }
    if (this.#done >= this.#span.block) this.#choose()
  }

  #choose(): void {
    const eachUs = this.#gained === 0 ? Infinity : this.#sumUs / this.#gained
    if (this.watches) this.#watchUs = smoothed(this.#watchUs, eachUs)
    else this.#sleepUs = smoothed(this.#sleepUs, eachUs)
    this.#sumUs = 0
    this.#gained = 0
    this.#done = 0
    this.#blocks += 1
    const better = this.#watchUs < this.#sleepUs
    const [less, more] = better ? [this.#watchUs, this.#sleepUs] : [this.#sleepUs, this.#watchUs]
    const blocks = more < less * NEAR ? BLOCKS_PER_TRIAL_NEAR : BLOCKS_PER_TRIAL
    this.watches = this.#blocks % blocks === 1 ? !better : better
  }
}

/** Half of it is of before; nothing, and what never ended, is not. */
function smoothed(beforeUs: number, nowUs: number): number {
  return beforeUs === 0 || beforeUs === Infinity ? nowUs : (beforeUs + nowUs) / 2
}
