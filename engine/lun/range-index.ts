// What lies where: items that have a range of bytes, found by overlap. By the pages of 64 KiB that a range touches, so that
// a look-up costs what lies there, not what there is.

/** Some bytes of a device. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

const PAGE = 65_536
/** A range over more pages than this is kept apart: an unclean start makes a ghost of the whole LUN. */
const PAGES_MAX = 64

export class RangeIndex<Item extends ByteRange> {
  readonly #pages = new Map<number, Set<Item>>()
  readonly #wide = new Set<Item>()

  add(item: Item): void {
    if (isWide(item)) this.#wide.add(item)
    else for (const page of pagesOf(item)) this.#page(page).add(item)
  }

  delete(item: Item): void {
    if (isWide(item)) {
      this.#wide.delete(item)
      return
    }
    for (const page of pagesOf(item)) {
      const set = this.#pages.get(page)
      set?.delete(item)
      if (set?.size === 0) this.#pages.delete(page)
    }
  }

  /** An item that overlaps the range and counts; null when there is none. */
  find(range: ByteRange, counts: (item: Item) => boolean): Item | null {
    for (const item of this.#wide) if (overlaps(item, range) && counts(item)) return item
    for (const page of pagesOf(range)) {
      for (const item of this.#pages.get(page) ?? []) if (overlaps(item, range) && counts(item)) return item
    }
    return null
  }

  #page(page: number): Set<Item> {
    const known = this.#pages.get(page)
    if (known !== undefined) return known
    const made = new Set<Item>()
    this.#pages.set(page, made)
    return made
  }
}

/** True when two byte ranges share a byte. */
export function overlaps(one: ByteRange, other: ByteRange): boolean {
  return one.offset < other.offset + other.length && other.offset < one.offset + one.length
}

function* pagesOf({ offset, length }: ByteRange): Generator<number> {
  const last = Math.floor((offset + length - 1) / PAGE)
  for (let page = Math.floor(offset / PAGE); page <= last; page += 1) yield page
}

function isWide({ offset, length }: ByteRange): boolean {
  return Math.floor((offset + length - 1) / PAGE) - Math.floor(offset / PAGE) >= PAGES_MAX
}
