// Page by page through a ledger: no statement stays open between two pages.
import { checkFields } from '../errors/arguments.ts'
import { PAGE_ROWS } from './limits.ts'
import type { LedgerReader, ReadQuery, StoredEvent } from './types.ts'

/** A position beyond every ledger. */
export const NO_LIMIT = Number.MAX_SAFE_INTEGER

/** All rows of a query, in pages that are not empty. What is appended meanwhile comes too, up to `toPosition`. */
export function* pages(
  reader: Pick<LedgerReader, 'read'>,
  query: Omit<ReadQuery, 'limit'>,
): Generator<readonly StoredEvent[], void, undefined> {
  checkFields('pages', 'reader', reader, { read: 'call' })
  checkFields('pages', 'query', query, { fromPosition: 'whole?' })
  let fromPosition = query.fromPosition ?? 1
  while (true) {
    const page = reader.read({ ...query, fromPosition })
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    if (page.length < PAGE_ROWS) return
    fromPosition = last.position + 1
  }
}
