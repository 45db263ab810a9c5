// The record against what was seen: the chain of the file, and the replay against the live state at every position.
import { isDeepStrictEqual } from 'node:util'
import { pages, Redecider } from '../../doors/ledger.ts'
import { openLedgerReader, verifyLedger } from '../../index.ts'
import type { LedgerReader, LiveEvent } from '../../index.ts'
import type { LedgerReport } from './report.ts'

/**
 * Verifies a ledger, and replays it in one pass. At each position one stream changes, so when each of these equals what
 * the subscriber saw, the whole state does at every position. What was recorded before anybody watched has no witness.
 */
export function compareLedger(
  file: string,
  seen: ReadonlyMap<number, LiveEvent>,
): Omit<LedgerReport, 'file'> {
  const { events, chain, replay, firstBad, why } = verifyLedger(file)
  if (firstBad !== null) return { events, chain, replay, firstBad, why }
  const reader = openLedgerReader(file)
  try {
    const difference = firstDifference(reader, seen)
    return { events, chain, ...(difference === null ? { replay } : { replay: 'different', ...difference }) }
  } finally {
    reader.close()
  }
}

function firstDifference(
  reader: LedgerReader,
  seen: ReadonlyMap<number, LiveEvent>,
): { firstBad: number; why: string } | null {
  const [watchedFrom = Infinity] = seen.keys()
  const redecider = new Redecider()
  for (const page of pages(reader, {})) {
    for (const event of page) {
      redecider.decide(event)
      const { position, stream } = event
      if (position < watchedFrom) continue
      const live = seen.get(position)
      if (live === undefined) return { firstBad: position, why: 'The subscriber never saw it.' }
      const { value, context } = redecider.state().streams[stream] ?? {}
      if (!isDeepStrictEqual({ value, context }, live.state)) {
        return { firstBad: position, why: `${stream} was something else while the engine ran.` }
      }
    }
  }
  return seen.size > 0 ? null : { firstBad: 1, why: 'The subscriber saw nothing.' }
}
