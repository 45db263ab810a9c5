// What is mutated, and by which tests it is held.

/** Events and effects are shapes, which other tests hold; what decides is mutated. */
export const SOURCES = ['machines/**/*.ts', 'engine/select/*.ts']
export const SHAPES = /-events\.ts$|\/(events|effects|words)\.ts$/

export const TESTS = [
  'test/machines/*.test.ts',
  'test/histories/*.test.ts',
  'test/requirements/*.test.ts',
  'test/engine/*.test.ts',
  'test/scenarios/*.test.ts',
]
/** Long lives and storms: seconds each, and what decides is noticed by others. */
export const LONG: readonly string[] = [
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
/** What is about the mutated code alone runs whole; of the rest, the cheapest that come by, for so long. */
export const OWN = /^test\/(machines|histories)\/|^test\/engine\/select/
export const REST_MS = 3_000

/** These compare a machine with itself: what it decides is as it is to them, but for how it is asked. */
export const TWINS: readonly string[] = [
  'test/machines/step.test.ts',
  'test/machines/purity.test.ts',
  'test/machines/redecide.test.ts',
]
export const TWINS_HOLD: readonly string[] = [
  'machines/step.ts',
  'machines/decision.ts',
  'machines/redecide.ts',
  'machines/registry.ts',
  'machines/behaviour.ts',
  'machines/upcast.ts',
]
