// Which older write lies under a range: what waits, by the pages of 64 KiB that it touches, each page in the order of submission.
// To add and to take one costs the same however many wait; the look-up begins with the youngest of the older ones, which is
// where a queue of writes to one place has its end.
import { overlaps, type ByteRange } from '../lun/range-index.ts'

/** Bytes with their place in the order of submission. */
export interface Ranged extends ByteRange {
  readonly id: number
}

const PAGE = 65_536
/** A range over more pages than this is kept apart. */
const PAGES_MAX = 64
/** Gaps of a lane are closed when it is at least so long, and half of it is gaps. */
const LANE_MIN = 32

/** Items by their number. One that is taken leaves a gap, so that the others stay where they are. */
class Lane<Item extends Ranged> {
  #ids: number[] = []
  #items: (Item | null)[] = []
  #gaps = 0
  /** Before this one there are gaps alone: the oldest go first, nearly always. */
  #from = 0

  get isEmpty(): boolean {
    return this.#gaps === this.#items.length
  }

  add(item: Item): void {
    const at = this.#find(item.id)
    if (this.#ids[at] !== item.id) {
      this.#ids.splice(at, 0, item.id)
      this.#items.splice(at, 0, item)
      this.#from = Math.min(this.#from, at)
      return
    }
    if (this.#items[at] === null) this.#gaps -= 1
    this.#items[at] = item
    this.#from = Math.min(this.#from, at)
  }

  delete({ id }: Item): void {
    const at = this.#find(id)
    if (this.#ids[at] !== id || this.#items[at] === null) return
    this.#items[at] = null
    this.#gaps += 1
    while (this.#items[this.#from] === null) this.#from += 1
    if (this.#items.length >= LANE_MIN && this.#gaps * 2 > this.#items.length) this.#close()
  }

  /** The youngest that is older than the number and overlaps the range. */
  youngestBefore(id: number, range: ByteRange): Item | null {
    for (let at = this.#find(id) - 1; at >= this.#from; at -= 1) {
      const item = this.#items[at]
      if (item !== null && item !== undefined && overlaps(item, range)) return item
    }
    return null
  }

  /** The first place whose number is not below this one. */
  #find(id: number): number {
    let low = 0
    let high = this.#ids.length
    // What comes is younger than what is there, nearly always.
    if (high === 0 || (this.#ids[high - 1] as number) < id) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ids[middle] as number) < id) low = middle + 1
      else high = middle
    }
    return low
  }

  #close(): void {
    const left = this.#items.filter((item) => item !== null)
    this.#items = left
    this.#ids = left.map(({ id }) => id)
    this.#gaps = 0
    this.#from = 0
  }
}

export class WaitingRanges<Item extends Ranged> {
  readonly #pages = new Map<number, Lane<Item>>()
  readonly #wide = new Lane<Item>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(item: Item): void {
    this.#size += 1
    if (isWide(item)) return this.#wide.add(item)
    const last = lastPage(item)
    for (let page = firstPage(item); page <= last; page += 1) {
      const lane = this.#pages.get(page) ?? new Lane<Item>()
      this.#pages.set(page, lane)
      lane.add(item)
    }
  }

  delete(item: Item): void {
    this.#size -= 1
    if (isWide(item)) return this.#wide.delete(item)
    const last = lastPage(item)
    for (let page = firstPage(item); page <= last; page += 1) {
      const lane = this.#pages.get(page)
      lane?.delete(item)
      if (lane?.isEmpty === true) this.#pages.delete(page)
    }
  }

  /** The youngest item that overlaps the range and was submitted before it; null when there is none. */
  youngestBefore(range: Ranged): Item | null {
    if (this.#size === 0) return null
    let found = this.#wide.youngestBefore(range.id, range)
    const look = (lane: Lane<Item> | undefined) => {
      const here = lane?.youngestBefore(range.id, range) ?? null
      if (here !== null && (found === null || here.id > found.id)) found = here
    }
    const first = firstPage(range)
    const last = lastPage(range)
    // A large range has more pages than there are with something in them.
    if (last - first >= this.#pages.size) for (const lane of this.#pages.values()) look(lane)
    else for (let page = first; page <= last; page += 1) look(this.#pages.get(page))
    return found
  }
}

function firstPage({ offset }: ByteRange): number {
  return Math.floor(offset / PAGE)
}

function lastPage({ offset, length }: ByteRange): number {
  return Math.floor((offset + length - 1) / PAGE)
}

function isWide(range: ByteRange): boolean {
  return lastPage(range) - firstPage(range) >= PAGES_MAX
}
