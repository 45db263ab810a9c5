// What is done to whom and for how long, drawn from the seed. Every class as often as every other,
// and a kill for each second round of them: a kill ends all that is under way.
import type { Random } from '../../index.ts'
import { FAULTS } from './report.ts'
import type { Fault } from './report.ts'

export interface Step {
  readonly what: Fault | 'KILL'
  /** Wait so long before it. */
  readonly afterMs: number
  /** How long the fault lasts. */
  readonly lastsMs: number
  /** Which of the paths that are free; a coin for each fault's own choice; whether the last good path may be taken. */
  readonly pick: number
  readonly coin: boolean
  readonly takesLast: boolean
}

const GAP_MS = [400, 2_000] as const
const LASTS_MS = [200, 1_800] as const

export function* plan(random: Random): Generator<Step, never> {
  const between = ([from, to]: readonly [number, number]) => from + (random.nextUint32() % (to - from))
  while (true) {
    const bag: Step['what'][] = [...FAULTS, ...FAULTS, 'KILL']
    while (bag.length > 0) {
      const [what = 'KILL'] = bag.splice(random.nextUint32() % bag.length, 1)
      yield {
        what,
        afterMs: between(GAP_MS),
        lastsMs: between(LASTS_MS),
        pick: random.nextUint32(),
        coin: random.nextUint32() % 2 === 0,
        takesLast: random.nextUint32() % 8 === 0,
      }
    }
  }
}
