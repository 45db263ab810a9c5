// What a head keeps about failback, its preferred path, its quantum and the loss of its paths. Pure, for head.ts.
import type { HeadEvent } from './events.ts'
import type { Failback, Loss, Quantum } from '../words.ts'

export interface HeadFailback {
  readonly failback: Failback
  /** H:C:I:L of the path that the operator prefers. It may be away. */
  readonly preferred: string | null
  readonly quantum: Quantum
  readonly loss: Loss
}

export const NO_FAILBACK: HeadFailback = {
  failback: 'immediate',
  preferred: null,
  quantum: { unit: 'ios', size: 1 },
  loss: 'none',
}

/** What an event changes of it. */
export function failbackAfter(event: HeadEvent): Partial<HeadFailback> {
  switch (event.type) {
    case 'head.failbackSet':
      return { failback: event.to }
    case 'head.pathPreferred':
      return { preferred: event.path }
    case 'head.quantumSet':
      return { quantum: { unit: event.unit, size: event.size } }
    case 'head.lossChanged':
      return { loss: event.to }
    default:
      return {}
  }
}

/** Events that change nothing else. */
export const FAILBACK_EVENTS = {
  'head.failbackSet': { guard: 'present', actions: 'noteFailback' },
  'head.pathPreferred': { guard: 'present', actions: ['noteFailback', 'clearCurrentPath', 'wakeRequeue'] },
  'head.quantumSet': { guard: 'present', actions: 'noteFailback' },
} as const
