// Health of a path: suspected, failed, probed at doubling intervals, back. Given / when / then.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { given, type Happening, type Life } from './given.ts'
import { added, CHECKER, EVIDENCE, failed, rules, WHY } from './payloads.ts'

const ADDED: Happening = ['path.added', added()]
const FAILED: Happening = ['path.failed', failed()]
const NO_ANSWER = { errno: null, detail: 'no answer within 2000 ms' }

describe('suspicion', () => {
  test('a real error probes the path and fails nothing yet', () => {
    given('path', ADDED)
      .when('path.suspected', EVIDENCE)
      .leadsTo({ context: { suspect: EVIDENCE, failure: null }, effects: ['probe'] })
  })

  test('a probe that answers clears it; without one there is nothing to clear', () => {
    given('path', ADDED, ['path.suspected', EVIDENCE])
      .when('path.cleared', { errors: 1, bios: 1, resent: 1 })
      .leadsTo({ context: { suspect: null }, effects: [] })
    given('path', ADDED).when('path.cleared', { errors: 0, bios: 0, resent: 0 }).isRefused()
  })

  test('a path that is not there, or has failed already, is not suspected', () => {
    given('path').when('path.suspected', EVIDENCE).isRefused()
    given('path', ADDED, FAILED).when('path.suspected', EVIDENCE).isRefused()
  })
})

describe('failure', () => {
  test('keeps the first evidence, leaves every cache, wakes parked I/O and arms the first probe', () => {
    const dueUs = 5_000_000 + CHECKER.minUs
    given('path', ADDED, ['path.suspected', EVIDENCE])
      .when('path.failed', failed({ verdict: 'failThreshold' }), 5_000_000)
      .leadsTo({
        value: { health: 'failed' },
        context: {
          ...{
            failure: EVIDENCE,
            suspect: null,
            why: 'failed: failThreshold',
            probeIntervalUs: CHECKER.minUs,
          },
          timers: { probe: dueUs },
        },
        effects: [{ type: 'startTimer', timer: 'probe', dueUs }, 'clearCurrentPath', 'wakeRequeue'],
      })
  })

  test('happens once: a failed path does not fail again, and none that is not there', () => {
    given('path', ADDED, FAILED).when('path.failed', failed()).isRefused()
    given('path').when('path.failed', failed()).isRefused()
    given('path', ADDED, FAILED).whenTimerFires('probe').when('path.failed', failed()).isRefused()
  })

  test('happens to a marginal path too, which comes back online', () => {
    given('path', ADDED, ['path.becameMarginal', WHY], FAILED)
      .whenTimerFires('probe')
      .when('path.probeSucceeded', { reads: 3 })
      .leadsTo({ value: { health: 'online' }, effects: ['searchCurrentPath', 'wakeRequeue'] })
  })
})

describe('probing', () => {
  test('the timer that is armed probes; the path is neither usable nor armed meanwhile', () => {
    given('path', ADDED, FAILED)
      .whenTimerFires('probe')
      .leadsTo({ value: { health: 'probing' }, context: { timers: {} }, effects: ['probe'] })
  })

  test('each failed probe doubles the interval, up to the longest', () => {
    let life: Life = given('path', ADDED, FAILED)
    const intervals = [life.timers['probe']! - life.atUs]
    for (let probe = 0; probe < 5; probe += 1) {
      life = life.whenTimerFires('probe').when('path.probeFailed', NO_ANSWER)
      intervals.push(life.timers['probe']! - life.atUs)
    }
    expect(intervals).toEqual([1_000_000, 2_000_000, 4_000_000, 8_000_000, 8_000_000, 8_000_000])
  })

  test('the longest interval holds when doubling would pass it', () => {
    const checker = { minUs: 3_000, maxUs: 10_000 }
    let life: Life = given('path', ['path.added', added({ checker })], FAILED)
    const intervals = []
    for (let probe = 0; probe < 3; probe += 1) {
      life = life.whenTimerFires('probe').when('path.probeFailed', NO_ANSWER)
      intervals.push(life.timers['probe']! - life.atUs)
    }
    expect(intervals).toEqual([6_000, 10_000, 10_000])
  })

  test('a probe that succeeds brings the path back and forgets the interval', () => {
    const slow = given('path', ADDED, FAILED).whenTimerFires('probe').when('path.probeFailed', NO_ANSWER)
    const back = slow.whenTimerFires('probe').when('path.probeSucceeded', { reads: 3 })
    back.leadsTo({
      value: { health: 'online' },
      context: { failure: null, probeIntervalUs: CHECKER.minUs, timers: {}, why: 'probe succeeded' },
      effects: ['searchCurrentPath', 'wakeRequeue'],
    })
    const again = back.when('path.failed', failed())
    expect(again.timers['probe']).toBe(again.atUs + CHECKER.minUs)
  })

  test('only the deadline that is armed counts: a timer of before is refused', () => {
    const first = given('path', ADDED, FAILED)
    const dueUs = first.timers['probe']!
    const second = first.whenTimerFires('probe').when('path.probeFailed', NO_ANSWER)
    second.when('path.timerFired', { timer: 'probe', dueUs }).isRefused()
    second.when('path.timerFired', { timer: 'other', dueUs: second.timers['probe']! }).isRefused()
    given('path', ADDED).when('path.timerFired', { timer: 'probe', dueUs }).isRefused()
  })

  test('an answer that nobody waits for is refused', () => {
    given('path', ADDED).when('path.probeSucceeded', { reads: 3 }).isRefused()
    given('path', ADDED, FAILED).when('path.probeSucceeded', { reads: 3 }).isRefused()
    given('path', ADDED, FAILED).when('path.probeFailed', NO_ANSWER).isRefused()
  })

  test('deadlines are the time of the event and the interval, whole numbers for any checker', () => {
    const interval = fc.integer({ min: 1, max: 86_400_000_000 })
    fc.assert(
      fc.property(interval, interval, fc.nat(4_000_000_000_000), (minUs, maxUs, atUs) => {
        let life: Life = given('path', ['path.added', added({ checker: { minUs, maxUs } })])
        life = life.when('path.failed', failed(), atUs)
        for (let expected = minUs, probe = 0; probe < 4; probe += 1) {
          expect(life.timers['probe']).toBe(life.atUs + expected)
          expect(Number.isSafeInteger(life.timers['probe'])).toBe(true)
          life = life.whenTimerFires('probe').when('path.probeFailed', NO_ANSWER)
          expected = Math.min(expected * 2, maxUs)
        }
      }),
    )
  })
})

describe('removal', () => {
  test('D-42: cancels the probe timer by its name and deadline', () => {
    const life = given('path', ADDED, FAILED)
    life.when('path.removed', WHY).leadsTo({
      value: { device: 'deleted', health: 'online' },
      context: { present: false, failure: null, suspect: null, timers: {} },
      effects: [
        'clearCurrentPath',
        'wakeRequeue',
        { type: 'cancelTimer', timer: 'probe', dueUs: life.timers['probe']! },
      ],
    })
  })

  test('D-42: a timer that fires all the same finds nobody', () => {
    const life = given('path', ADDED, FAILED)
    const dueUs = life.timers['probe']!
    life.when('path.removed', WHY).when('path.timerFired', { timer: 'probe', dueUs }).isRefused()
    const returned = life.when('path.removed', WHY).when('path.added', added())
    returned.when('path.timerFired', { timer: 'probe', dueUs }).isRefused()
  })

  test('while a probe is out cancels nothing, and its answer is refused', () => {
    const removed = given('path', ADDED, FAILED).whenTimerFires('probe').when('path.removed', WHY)
    removed.leadsTo({
      value: { device: 'deleted', health: 'online' },
      effects: ['clearCurrentPath', 'wakeRequeue'],
    })
    removed.when('path.probeSucceeded', { reads: 3 }).isRefused()
  })

  test('forgets a suspicion and a margin', () => {
    const margin: Happening = ['path.becameMarginal', WHY]
    given('path', ADDED, margin, ['path.suspected', EVIDENCE])
      .when('path.removed', WHY)
      .leadsTo({
        value: { device: 'deleted', health: 'online' },
        context: { suspect: null },
        effects: ['clearCurrentPath', 'wakeRequeue'],
      })
  })
})

describe('marginal', () => {
  test('is still usable, is left again, and is for paths that are there', () => {
    const marginal = given('path', ADDED).when('path.becameMarginal', WHY)
    marginal.leadsTo({
      value: { health: 'marginal' },
      context: WHY,
      effects: ['clearCurrentPath', 'sample'],
    })
    marginal
      .when('path.becameSteady', WHY)
      .leadsTo({ value: { health: 'online' }, effects: ['searchCurrentPath'] })
    given('path', ADDED).when('path.becameSteady', WHY).isRefused()
    given('path').when('path.becameMarginal', WHY).isRefused()
  })
})

describe('a fenced path', () => {
  const fence = { detail: 'its server was killed' }
  const life = given('path', ADDED, FAILED)

  test('is left alone by the checker, whether armed or probing', () => {
    const fenced = life.when('path.fenced', fence)
    fenced.leadsTo({
      context: { fenced: true, timers: {}, why: 'fenced: its server was killed' },
      effects: [{ type: 'cancelTimer', timer: 'probe', dueUs: life.timers['probe']! }],
    })
    fenced.when('path.fenced', fence).isRefused()
    fenced.when('path.timerFired', { timer: 'probe', dueUs: life.timers['probe']! }).isRefused()

    const probing = life.whenTimerFires('probe').when('path.fenced', fence)
    probing.leadsTo({ value: { health: 'failed' }, context: { fenced: true, timers: {} }, effects: [] })
    probing.when('path.probeSucceeded', { reads: 3 }).isRefused()
  })

  test('comes back only by a new attach', () => {
    const removed = life.when('path.fenced', fence).when('path.removed', WHY)
    removed.leadsTo({
      value: { device: 'deleted', health: 'online' },
      effects: ['clearCurrentPath', 'wakeRequeue'],
    })
    removed.when('path.added', added()).leadsTo({
      value: { device: 'running' },
      context: { fenced: false, incarnation: 2 },
      effects: ['searchCurrentPath', 'wakeRequeue'],
    })
  })

  test('has failed before: a healthy one is not fenced', () => {
    given('path', ADDED).when('path.fenced', fence).isRefused()
  })
})

describe('rules of health', () => {
  const RULES: Happening = ['path.rulesSet', rules()]
  const well = given('path', ADDED, RULES)

  test('set on a path that has failed check it only when it is back', () => {
    const broken = given('path', ADDED, FAILED).when('path.rulesSet', rules())
    broken.leadsTo({ effects: [] })
    expect(Object.keys(broken.timers)).toEqual(['probe'])
    expect(Object.keys(well.timers)).toEqual(['check'])
  })

  /** Fails, and comes back with the first probe. */
  const back = (life: Life, atUs: number) =>
    life.when('path.failed', failed(), atUs).whenTimerFires('probe').when('path.probeSucceeded', { reads: 3 })

  test('two failures within the time bring it back marginal, two that are further apart do not', () => {
    const once = back(well, 10_000_000)
    expect(once.state.value).toMatchObject({ health: 'online' })
    expect(back(once, 10_000_000 + 60_000_000).state.value).toMatchObject({ health: 'marginal' })
    const apart = back(once, 10_000_000 + 60_000_001)
    expect(apart.state.value).toMatchObject({ health: 'online' })
    expect(apart.context).toMatchObject({ flaps: 1 })
  })

  test('however often it fails, its failures are counted to sixteen', () => {
    let life: Life = well
    for (let time = 1; time <= 20; time += 1) life = back(life, life.atUs + 10_000_000)
    expect(life.context).toMatchObject({ flaps: 16 })
  })

  test.each([
    ['none that were taken is no sampling', { reads: 0, errors: 0, slow: 0 }, 'marginal'],
    ['twenty bad ones of a thousand are few enough', { reads: 1_000, errors: 12, slow: 8 }, 'online'],
    ['twenty-one are not', { reads: 1_000, errors: 12, slow: 9 }, 'marginal'],
  ])('samples of a marginal path: %s', (_what, sampled, health) => {
    const marginal = well.when('path.becameMarginal', WHY)
    const asked = marginal.whenTimerFires('sample').when('path.sampled', sampled)
    expect(asked.state.value).toMatchObject({ health })
  })

  test('two timers that are due at the same moment are told apart', () => {
    const life = well.when('path.failed', failed(), 10_000_000)
    const { fastFail, loss } = life.timers
    expect([fastFail, loss]).toEqual([20_000_000, 40_000_000])
    life.when('path.timerFired', { timer: 'loss', dueUs: fastFail }, fastFail).isRefused()
    life.when('path.timerFired', { timer: 'fastFail', dueUs: loss }, loss).isRefused()
  })
})

describe('a path that its operator has pulled', () => {
  const pulled = given('path', ADDED, ['path.disabled', WHY])

  test('may be overridden, and not again once he has pulled an overridden one', () => {
    const overridden = pulled.when('path.overridden', WHY)
    expect(overridden.context).toMatchObject({ override: 'on' })
    const again = overridden.when('path.disabled', WHY)
    expect(again.context).toMatchObject({ override: 'refused' })
    again.when('path.overridden', WHY).isRefused()
    const back = again.when('path.enabled', WHY).when('path.disabled', WHY)
    expect(back.context).toMatchObject({ override: 'none' })
  })
})

describe('a path that is held back', () => {
  const heldBack: Happening = ['path.heldBack', { forUs: 5_000_000, ...WHY }]

  test('is so once, until its time is over or it has failed', () => {
    const held = given('path', ADDED).when(...heldBack)
    held.when(...heldBack).isRefused()
    const back = held.when('path.failedBack', WHY)
    back.when('path.failedBack', WHY).isRefused()
    held.when('path.failed', failed()).when('path.failedBack', WHY).isRefused()
    given('path').when('path.failedBack', WHY).isRefused()
    given('path').when('path.overridden', WHY).isRefused()
  })
})

describe('a restart', () => {
  const lost: Happening = ['path.lost', { ...WHY, timers: {} }]
  const returned = { ...added(), changed: [] }
  const asked = (life: Life) =>
    life
      .when(...lost)
      .when('path.returned', returned)
      .decided.effects.map(({ type }) => type)

  test('asks again for the check, the probe and the samples that the last run has not answered', () => {
    const well = given('path', ADDED, ['path.rulesSet', rules()])
    expect(asked(well.whenTimerFires('check'))).toContain('check')
    expect(asked(given('path', ADDED, ['path.suspected', EVIDENCE]))).toContain('probe')
    const marginal = well.when('path.becameMarginal', WHY)
    expect(asked(marginal.whenTimerFires('sample'))).toContain('tally')
  })

  test('asks for nothing that nobody had asked for', () => {
    expect(asked(given('path', ADDED))).not.toContain('check')
    expect(asked(given('path', ADDED))).not.toContain('probe')
    expect(asked(given('path', ADDED))).not.toContain('tally')
  })
})
