// Random stories on a clock: when each event happens, and which armed timer a timer event is aimed at.
import type { RecordedInput } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import type { RandomEvent } from './arbitraries.ts'

/** The inputs of a story, one by one; `state` is asked before each for the timers that are armed then. */
export function* aim(story: readonly RandomEvent[], state: () => StreamState): Generator<RecordedInput> {
  let atUs = 0
  for (const { type, data, afterUs, aimed } of story) {
    atUs += afterUs
    const [armed] = type.endsWith('.timerFired') && aimed ? armedTimers(state()) : []
    if (armed === undefined) {
      yield { type, atUs, data }
    } else {
      const [timer, dueUs] = armed
      atUs = Math.max(atUs, dueUs)
      yield { type, atUs, data: { timer, dueUs } }
    }
  }
}

/** Name and deadline of each armed timer. */
export function armedTimers({ context }: StreamState): [string, number][] {
  return Object.entries((context['timers'] ?? {}) as Record<string, number>)
}
