// A head's two counters as its samples on the ledger add up to: what a running engine had counted at the last sample.
import type { StoredEvent } from '../../../store/types.ts'
import type { HeadExtras } from './tree.ts'

interface Count {
  requeued: number
  failedNoPath: number
}

/** Never below 0, though what a set counter leaves to the next sample may be more than it was set to. */
function shown({ requeued, failedNoPath }: Count): HeadExtras {
  return { requeued: Math.max(0, requeued), failedNoPath: Math.max(0, failedNoPath) }
}

/** By wwid, after the last of these events. */
export function sampledCounters(pages: Iterable<readonly StoredEvent[]>): ReadonlyMap<string, HeadExtras> {
  const counts = new Map<string, Count>()
  for (const page of pages) {
    for (const event of page) if (event.stream.startsWith('head/')) count(counts, event)
  }
  return new Map([...counts].map(([wwid, count]) => [wwid, shown(count)]))
}

function count(counts: Map<string, Count>, { stream, type, data }: StoredEvent): void {
  const wwid = stream.slice('head/'.length)
  // A head counts from its creation.
  if (type === 'head.created') counts.set(wwid, { requeued: 0, failedNoPath: 0 })
  const of = counts.get(wwid)
  if (of === undefined) return
  if (type === 'head.ioSampled') {
    const { requeued, failedNoPath } = JSON.parse(data) as Count
    of.requeued += requeued
    of.failedNoPath += failedNoPath
  }
  if (type === 'head.countersSet') {
    const { was, now } = JSON.parse(data) as { was: Partial<Count>; now: Partial<Count> }
    for (const key of ['requeued', 'failedNoPath'] as const) {
      // What had been counted and not sampled before comes with a later sample, and is not of the new count.
      of[key] = (now[key] ?? of[key]) - ((was[key] ?? of[key]) - of[key])
    }
  }
}
