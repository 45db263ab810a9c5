// What is wrong at a head now, of ledgers written by hand; and in which layer a status or a root lies.
import { describe, expect, test } from 'vitest'
import { History, incarnationOf, isIdentity, type Told } from '../../store/explain/history.ts'
import { isBusy, isOfTheLun, layerOf } from '../../store/explain/layers.ts'
import { reasonsAgainst } from '../../store/explain/reasons.ts'
import { togetherWith } from '../../store/explain/together.ts'
import { callersErrors, headTrouble, standingTroubles } from '../../store/explain/troubles.ts'
import type { NewEvent } from '../../store/types.ts'
import { memoryStore } from '../../store/write/memory-store.ts'
import { added, EVIDENCE, HEAD, HEADER, LUN, PATH_A, Scribe, WWID } from './events.ts'

async function historyOf(make: (scribe: Scribe) => readonly NewEvent[]): Promise<History> {
  const store = memoryStore({ header: HEADER })
  await store.append({ events: make(new Scribe()) })
  return new History(store, store.head().events)
}

const troublesOf = async (make: (scribe: Scribe) => readonly NewEvent[]): Promise<string[]> =>
  standingTroubles(await historyOf(make), HEAD).map(({ says }) => says)

const ghost = (id: string) => ({ id, op: 'write', offset: 0, length: 512 })
const opened = (ids: readonly string[]) => ({
  ...{ path: 'sda:0', incarnation: 1, reason: 'timeout', ghosts: ids.map(ghost) },
})

describe('F-21: something has to be done', () => {
  test('while the engine has stopped itself, or its ledger takes nothing', async () => {
    expect(
      await troublesOf((scribe) => [
        scribe.event('engine', 'engine.broke', { code: 'LEDGER_IO', detail: 'the disk is gone' }),
        scribe.event('engine', 'engine.ledgerDegraded', { why: 'EIO' }),
      ]),
    ).toEqual([
      'The engine has stopped itself, and serves nobody.',
      'The ledger takes no events: what needs its record waits or fails.',
    ])
    const recovered = await troublesOf((scribe) => [
      scribe.event('engine', 'engine.ledgerDegraded', { why: 'EIO' }),
      scribe.event('engine', 'engine.ledgerRecovered', { sinceUs: 0, waited: 1, dropped: 0 }),
    ])
    expect(recovered).toEqual([])
  })

  test('F-26: all attempts that may still land are counted, and those that have ended are not', async () => {
    const ended = { proof: 'completion', detail: 'it came back', ids: ['a', 'b', 'c'] }
    expect(
      await troublesOf((scribe) => [
        scribe.event(LUN, 'lun.ghostsOpened', opened(['a', 'b'])),
        scribe.event(LUN, 'lun.ghostsOpened', opened(['c', 'd', 'e'])),
        scribe.event(LUN, 'lun.ghostsEnded', ended),
      ]),
    ).toEqual([
      expect.stringMatching(/^2 attempts on sda:0 may still land: .*Newer writes over them wait\.$/),
    ])
    const one = await troublesOf((scribe) => [scribe.event(LUN, 'lun.ghostsOpened', opened(['d']))])
    expect(one[0]).toMatch(/^1 attempt on sda:0/)
    const none = await troublesOf((scribe) => [
      scribe.event(LUN, 'lun.ghostsOpened', opened(['a'])),
      scribe.event(LUN, 'lun.ghostsEnded', ended),
    ])
    expect(none).toEqual([])
  })

  test('while the target does not answer about its groups, and of devices that were refused and are no paths', async () => {
    const refused = { wwid: WWID, device: '/dev/loop7', code: 'PATH_WRONG_LUN', why: 'another label' }
    expect(
      await troublesOf((scribe) => [
        scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0)),
        scribe.event('engine', 'engine.pathRefused', { ...refused, hctl: '8:0:0:0' }),
        scribe.event('engine', 'engine.pathRefused', { ...refused, hctl: '7:0:0:0' }),
        scribe.event('engine', 'engine.pathRefused', { ...refused, wwid: 'naa.other', hctl: '6:0:0:0' }),
        scribe.event(LUN, 'lun.reportFailed', { via: ['8:0:0:0'], why: 'no answer' }),
        scribe.event(LUN, 'lun.reportFailed', { via: ['8:0:0:0'], why: 'no answer still' }),
      ]),
    ).toEqual([
      'The target does not answer about its port groups: no answer still.',
      '/dev/loop7 was refused as path 7:0:0:0 of it: PATH_WRONG_LUN.',
    ])
    const asked = await troublesOf((scribe) => [
      scribe.event(LUN, 'lun.reportFailed', { via: [], why: 'no answer' }),
      scribe.event(LUN, 'lun.groupsForgotten', { why: 'a new run' }),
    ])
    expect(asked).toEqual([])
  })
})

test('what callers met is the last of it, and nothing where there is nothing', async () => {
  const calm = await historyOf((scribe) => [scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0))])
  expect([headTrouble(calm, HEAD), callersErrors(calm, HEAD, 1)]).toEqual([null, null])
  const met = await historyOf((scribe) => [
    scribe.event(LUN, 'lun.ioFailed', { bio: 7, path: 'sda:0', evidence: EVIDENCE }),
    scribe.event('engine', 'engine.ledgerDegraded', { why: 'EIO' }),
  ])
  expect(headTrouble(met, HEAD)?.type).toBe('engine.ledgerDegraded')
})

test('a word that is no status is neither of the LUN nor busy, and a LUN error without one is of the medium', () => {
  expect([isOfTheLun('MEDIUM'), isOfTheLun('IOERR'), isOfTheLun('nonsense')]).toEqual([true, false, false])
  expect([isBusy('AGAIN'), isBusy('IOERR'), isBusy('nonsense')]).toEqual([true, false, false])
  const root = { kind: 'lunError', status: null } as unknown as Parameters<typeof layerOf>[0]
  expect([layerOf(root), layerOf({ ...root, status: 'TARGET' })]).toEqual(['medium', 'target'])
})

test('F-41: ledgers of before did not say what a probe found; only a read has an errno, or says where it was', () => {
  const probe = (data: object) => isIdentity({ type: 'path.probeFailed', data } as Told)
  expect(probe({ found: 'identity', errno: null, detail: null })).toBe(true)
  expect(probe({ found: 'error', errno: 'EIO', detail: null })).toBe(false)
  expect(probe({ errno: null, detail: 'diskseq was 5 and is 6 now' })).toBe(true)
  expect(probe({ errno: null, detail: 'read at 0: IOERR' })).toBe(false)
  expect([probe({ errno: 'EIO', detail: 'x' }), probe({ errno: null, detail: null })]).toEqual([false, false])
  expect(isIdentity({ type: 'path.failed', data: { verdict: 'identity' } } as unknown as Told)).toBe(true)
  expect(isIdentity({ type: 'path.added', data: {} } as Told)).toBe(false)
})

test('of a path that no event tells of nothing is said, and what is no failure failed with nobody', async () => {
  expect([reasonsAgainst([], 'sda:0'), incarnationOf([], 9)]).toEqual([[], 0])
  const calm = await historyOf((scribe) => [scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0))])
  expect(togetherWith(calm, calm.of(PATH_A)[0]!)).toBeNull()
})
