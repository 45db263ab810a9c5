// What a head's paths come to, and what follows from it for I/O that finds none of them usable.
import type { HeadEvent } from './events.ts'
import type { HeadContext } from './context.ts'

type Counts = Pick<HeadContext, 'paths' | 'usable' | 'available' | 'lost'>

/** The counts as they are after this event. Guards run before any action, so they look at the event first. */
export function counts(context: HeadContext, event: HeadEvent): Counts {
  switch (event.type) {
    case 'head.pathsChanged':
      // Each by its name: spread, an event that is watched (registry.ts) is asked for all it has, several times over.
      return { paths: event.paths, usable: event.usable, available: event.available, lost: context.lost }
    case 'head.lostPathsChanged':
      return event
    case 'head.recovered':
      // Whatever the last run had attached went with it.
      return { paths: 0, usable: 0, available: 0, lost: event.lost }
    default:
      return context
  }
}

/** Paths that are attached, and those that the last run left and that may be attached again. */
export function known(context: HeadContext, event: HeadEvent): number {
  const { paths, lost } = counts(context, event)
  return paths + lost
}

/**
 * Whether I/O without a usable path should wait: `noPathRetry` as it is after this event. Retries that ran out stay out
 * until a path is worth waiting for again, or the operator says otherwise.
 */
export function waits(context: HeadContext, event: HeadEvent): boolean {
  const { available } = counts(context, event)
  if (known(context, event) === 0) return context.delayedRemovalUs > 0
  if (available > 0) return true
  const loss = event.type === 'head.lossChanged' ? event.to : context.loss
  const changed = event.type === 'head.noPathRetryChanged' ? event.to : null
  // Counting checks is for paths that may come back; who says 'queue' waits for new ones too.
  if (loss === 'permanent' && (changed ?? context.noPathRetry) !== 'queue') return false
  if (changed !== null) return changed !== 'fail'
  return context.noPathRetry !== 'fail' && !context.exhausted
}

/** How many checks the waiting lasts: nothing will come back by itself, and `noPathRetry` is a number. Else 0. */
export function checksToCount({ paths, lost, available, noPathRetry }: HeadContext): number {
  return paths + lost > 0 && available === 0 && typeof noPathRetry === 'number' ? noPathRetry : 0
}
