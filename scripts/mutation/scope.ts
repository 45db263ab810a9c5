// What is mutated, and by which tests it is held.
import { NAMED_OF_IO, type Named } from './named.ts'

/** One run of `npm run mutation`. */
export interface Scope {
  readonly sources: readonly string[]
  /** Events, effects and the like are shapes, which other tests hold; what decides is mutated. */
  readonly shapes: RegExp
  readonly tests: readonly string[]
  /** Long lives and storms: seconds each, and what decides is noticed by others. */
  readonly long: readonly string[]
  /** What is about the mutated code alone runs whole; of the rest, the cheapest that come by, for so long. */
  readonly own: RegExp
  readonly restMs: number
  /** These compare a machine with itself: what it decides is as it is to them, but for how it is asked. */
  readonly twins: readonly string[]
  readonly twinsHold: readonly string[]
  /** The simulator runs seeds from 1 to this one as tests. */
  readonly seeds: number
  /** Sources whose code also runs in threads and processes that a test starts, and the tests that start them. */
  readonly elsewhere: readonly (readonly [source: RegExp, tests: RegExp])[]
  /** Mistakes that somebody could make, by name; each of them must be noticed. */
  readonly named: readonly Named[]
  /** Where the result is kept, beside this file. */
  readonly result: string
}

const TESTS = [
  'test/machines/*.test.ts',
  'test/histories/*.test.ts',
  'test/requirements/*.test.ts',
  'test/engine/*.test.ts',
  'test/scenarios/*.test.ts',
]
const LONG = [
  'test/engine/reservations.test.ts',
  'test/engine/restart-anywhere.test.ts',
  'test/engine/shared-groups.test.ts',
  'test/requirements/counters-in-flight.test.ts',
  'test/requirements/set-up.test.ts',
  'test/scenarios/5-heal-in-turn.test.ts',
  'test/scenarios/6-gone-and-back.test.ts',
  'test/scenarios/16-loss.test.ts',
  'test/scenarios/27-two-loops.test.ts',
  'test/scenarios/35-log-flood.test.ts',
]

export const SCOPES = {
  machines: {
    sources: ['machines/**/*.ts', 'engine/select/*.ts'],
    shapes: /-events\.ts$|\/(events|effects|words)\.ts$/,
    tests: TESTS,
    long: LONG,
    own: /^test\/(machines|histories)\/|^test\/engine\/select/,
    restMs: 3_000,
    twins: ['test/machines/step.test.ts', 'test/machines/purity.test.ts', 'test/machines/redecide.test.ts'],
    twinsHold: [
      'machines/step.ts',
      'machines/decision.ts',
      'machines/redecide.ts',
      'machines/registry.ts',
      'machines/behaviour.ts',
      'machines/upcast.ts',
    ],
    seeds: 0,
    elsewhere: [],
    named: [],
    result: 'result.json',
  },
  // The way of the data: what may lose an acknowledged write, or give back bytes that are not those.
  io: {
    sources: [
      'engine/io/*.ts',
      'engine/lun/*.ts',
      'engine/health/*.ts',
      'engine/heads/*.ts',
      'adapters/uring/*.ts',
      'adapters/child/*.ts',
      'store/lun/*.ts',
    ],
    shapes: /\/(abi|schema|types|limits|errors)\.ts$/,
    tests: [
      'test/requirements/*.test.ts',
      'test/engine/*.test.ts',
      'test/scenarios/*.test.ts',
      'test/adapters/backend-*.test.ts',
      'test/adapters/uring-*.test.ts',
      'test/store/lun-*.test.ts',
    ],
    // Reservations and groups are part of this way.
    long: LONG.filter((file) => !/reservations|shared-groups/.test(file)),
    own: /^simulation/,
    restMs: 10_000,
    twins: [],
    twinsHold: [],
    seeds: 50,
    elsewhere: [
      [/^store\/lun\//, /^test\/store\/lun-|^test\/engine\/(foreign-ghosts|ghosts)/],
      [/^adapters\/child\//, /^test\/adapters\/backend-/],
    ],
    named: NAMED_OF_IO,
    result: 'io-result.json',
  },
} as const satisfies Record<string, Scope>

export type ScopeName = keyof typeof SCOPES

/** The scope of that name. */
export function scopeOf(name: string): Scope {
  if (name in SCOPES) return SCOPES[name as ScopeName]
  throw new Error(`there is no scope ${name}: ${Object.keys(SCOPES).join(', ')}`)
}
