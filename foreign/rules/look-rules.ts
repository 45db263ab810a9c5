// What was looked at on a live host: states of devices in sysfs, and I/O that stands still. No line of a log says these.
import type { Placed } from '../types.ts'
import type { Book } from './book.ts'
import { plain } from './path-rules.ts'

/** What sysfs says of a path: no line of a log does. */
export function stateStated(book: Book, placed: Placed): void {
  const { device, access, was } = placed.statement.fields
  const detail = {
    ...(device === undefined ? {} : { device }),
    ...(access === undefined ? {} : { access }),
    was,
  }
  plain(book, placed, 'stateStated', detail)
}

/** I/O that stands still on a path or a map: seen in its counters, which no log tells. */
export function standsStill(book: Book, placed: Placed, what: string, detail: Record<string, unknown>): void {
  const { map, dm, inflight } = placed.statement.fields
  const more = { ...detail, ...(inflight === undefined ? {} : { inflight: Number(inflight) }) }
  if (dm === undefined) plain(book, placed, what, more)
  else book.fact(placed, what, book.mapSubject(map ?? book.names.mapOfDm(dm, book.at), dm), more)
}
