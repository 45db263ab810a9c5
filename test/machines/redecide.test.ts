// Deciding again without asking the machine each time comes to what asking it each time comes to.
import { describe, expect, test } from 'vitest'
import { behaviourOf, NEWEST_BEHAVIOUR } from '../../machines/behaviour.ts'
import { decisionText } from '../../machines/decision.ts'
import { DecisionMemo } from '../../machines/redecide.ts'
import { machineOf, type Decider } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import { upcast } from '../../machines/upcast.ts'
import { workload } from '../../bench/ledger/workload.ts'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { MODELS } from './models.ts'
import { samplesOf } from './payloads.ts'

interface Event {
  readonly type: string
  readonly monoUs: number
  readonly data: string
}

/** Decides each event both ways, and gives how often the answer was known. */
function bothWays(machine: Decider, events: Iterable<Event>): number {
  const memo = new DecisionMemo(NEWEST_BEHAVIOUR)
  let [plain, again]: [StreamState, StreamState] = [machine.initial(), machine.initial()]
  for (const event of events) {
    const data = JSON.parse(event.data) as Record<string, unknown>
    const decided = machine.decide(plain, { type: event.type, atUs: event.monoUs, data })
    const redecided = memo.decide(machine, again, { ...event, schema: 1 })
    expect(redecided.text).toBe(decisionText(decided.decision))
    expect(redecided.state).toEqual(decided.state)
    plain = decided.state
    again = redecided.state
  }
  return memo.counts.known
}

describe('deciding again', () => {
  test.each(MODELS.map((model) => [model.name, model] as const))(
    '%s: any events in any order, each sample of each type several times over',
    (name, model) => {
      const samples = samplesOf(model.types)
      const random = seededRandom(`redecide ${name}`)
      const events = Array.from({ length: 4_000 }, (_, at): Event => {
        const [type, data] = samples[random.nextUint32() % samples.length]!
        return { type, monoUs: 1_000 * at, data: JSON.stringify(data) }
      })
      expect(bothWays(machineOf(name), events)).toBeGreaterThan(0)
    },
  )

  test('a long life: most answers are known', () => {
    const events = workload('redecide')
    const own = Array.from({ length: 20_000 }, () => events.next().value)
    for (const stream of new Set(own.map((event) => event.stream))) {
      const known = bothWays(
        machineOf(stream),
        own.filter((event) => event.stream === stream),
      )
      if (stream.startsWith('path/')) expect(known).toBeGreaterThan(200)
    }
  })

  test('an answer is kept only for an event of which nothing but the type was looked at', () => {
    const machine = machineOf('path/a/8:0:0:0')
    const sampled = { type: 'path.ioSampled', atUs: 1, data: { reads: 1 } }
    expect(machine.decideWatched(machine.initial(), sampled).byTypeAlone).toBe(true)
    const added = { type: 'path.added', atUs: 1, data: samplesOf(MODELS[0]!.types)[0]![1] ?? {} }
    expect(machine.decideWatched(machine.initial(), added).byTypeAlone).toBe(false)
  })

  test('an older ledger keeps its long decisions', () => {
    const machine = machineOf('engine')
    const input = { type: 'engine.stopped', schema: 1, monoUs: 1, data: '{"why":"closed"}' }
    const texts = [[], ['1:short-decisions']].map((flags) => {
      return new DecisionMemo(behaviourOf(flags)).decide(machine, machine.initial(), input).text
    })
    expect(texts).toEqual([
      '{"state":"stopped","context":{},"effects":[],"digest":"","refused":true}',
      '{"state":"stopped","refused":true}',
    ])
  })
})

describe('an older payload', () => {
  // As if `why` had once been called `cause`, and before that a number.
  const upcasters = {
    'engine.stopped': [
      ({ cause }: Readonly<Record<string, unknown>>) => ({ cause: `reason ${String(cause)}` }),
      ({ cause }: Readonly<Record<string, unknown>>) => ({ why: cause }),
    ],
  }
  const event = (schema: number, data: Readonly<Record<string, unknown>>) => ({
    type: 'engine.stopped',
    schema,
    data,
  })

  test("is lifted step by step, and decided as today's", () => {
    expect(upcast(event(1, { cause: 4 }), upcasters)).toEqual({ why: 'reason 4' })
    expect(upcast(event(2, { cause: 'closed' }), upcasters)).toEqual({ why: 'closed' })
    expect(upcast(event(3, { why: 'closed' }), upcasters)).toEqual({ why: 'closed' })
    const machine = machineOf('engine')
    const running = { value: 'running', context: machine.initial().context }
    const memo = new DecisionMemo(NEWEST_BEHAVIOUR, upcasters)
    const old = { type: 'engine.stopped', schema: 2, monoUs: 1, data: '{"cause":"closed"}' }
    const now = { ...old, schema: 3, data: '{"why":"closed"}' }
    expect(memo.decide(machine, running, old)).toEqual(memo.decide(machine, running, now))
    expect(memo.decide(machine, running, old).text).toContain('"why":"closed"')
  })

  test('of a version that nobody knows is refused, not guessed', () => {
    expect(() => upcast(event(4, {}), upcasters)).toThrow(
      expect.objectContaining({ code: 'EVENT_FROM_THE_FUTURE' }),
    )
    expect(() => upcast(event(0, {}), upcasters)).toThrow(expect.objectContaining({ code: 'EVENT_TOO_OLD' }))
  })
})
