// What docs/health.md says of timers, asked of every ledger that an engine test leaves: each timer of a machine is armed with
// its deadline in the decision, fires at it or is cancelled, and none is left when the engine has closed.
import { expect } from 'vitest'
import type { Decided } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import type { StoredEvent } from '../../store/types.ts'

/** With these a new engine takes a stream over: what the last one had armed is told anew, or went with it. */
const TOLD_ANEW = ['path.lost', 'path.returned', 'head.recovered', 'lun.groupsForgotten']

export class TimerBook {
  readonly #streams = new Map<string, { armed: Map<string, number>; state: StreamState }>()

  /** Takes the next row, with what it was decided to come to. */
  take({ stream, type, monoUs, data }: StoredEvent, decided: Decided, where: string): void {
    const { armed } = this.#streams.get(stream) ?? { armed: new Map<string, number>() }
    if (type.endsWith('.timerFired') && decided.decision.refused !== true) {
      const { timer, dueUs } = JSON.parse(data) as { timer: string; dueUs: number }
      expect(armed.get(timer), `${where}: ${timer} was armed for this time`).toBe(dueUs)
      expect(monoUs, `${where}: not before its time`).toBeGreaterThanOrEqual(dueUs)
      armed.delete(timer)
    }
    for (const { type: effect, timer = '', dueUs = 0 } of decided.effects) {
      if (effect === 'startTimer') armed.set(timer, dueUs)
      if (effect !== 'cancelTimer') continue
      if (!TOLD_ANEW.includes(type)) expect(armed.get(timer), `${where}: ${timer} is cancelled`).toBe(dueUs)
      armed.delete(timer)
    }
    const told = timersOf(decided.state)
    if (TOLD_ANEW.includes(type)) armed.clear()
    for (const [timer, dueUs] of TOLD_ANEW.includes(type) ? told : []) armed.set(timer, dueUs)
    const isSame = told.length === armed.size && told.every(([timer, dueUs]) => armed.get(timer) === dueUs)
    if (!isSame) expect(told, `${where}: what is armed is in the context`).toEqual([...armed])
    this.#streams.set(stream, { armed, state: decided.state })
  }

  /** That nothing was left armed, but by what the next run goes on with. */
  expectNoneLeft(): void {
    for (const [stream, { armed, state }] of this.#streams) {
      if (goesOn(state)) continue
      expect([...armed.keys()], `timers of ${stream} when all is over`).toEqual([])
    }
  }
}

function timersOf({ context }: StreamState): [string, number][] {
  return Object.entries((context['timers'] ?? {}) as Record<string, number>)
}

/** A head that waits out its delayed removal, and a path that the last run left, are the next run's too. */
function goesOn({ value, context }: StreamState): boolean {
  const life = typeof value === 'string' ? value : value['life']
  return life === 'removalPending' || context['lost'] === true
}
