// What sense data and reports make of target port groups. Given / when / then.
import { describe, expect, test } from 'vitest'
import { POLL_US } from '../../machines/lun/groups.ts'
import { given, type Happening, type Life } from './given.ts'
import { reported, WWID } from './payloads.ts'

const PATH = '8:0:0:0'
const FOUND: Happening = ['lun.found', { wwid: WWID, sizeBytes: 4096, logicalBlockBytes: 512 }]
const GROUPED: Happening = ['lun.pathGrouped', { path: PATH, group: 1, port: 1, tpgs: 1 }]
const OPTIMAL: Happening = ['lun.groupsReported', reported('optimal')]
const ASKS = 'reportGroups'
const SPREADS = 'spreadGroups'

const sense = (key: number, asc: number, ascq: number) => ({ path: PATH, key, asc, ascq })
const groupsOf = ({ context }: Life) => context['groups']

describe('sense data', () => {
  const known = given('lun', FOUND, GROUPED, OPTIMAL)

  test.each([
    ['standby', 0x0b],
    ['unavailable', 0x0c],
  ])(
    'D-57: not ready, %s: its group is that, all else of it stays, and a report is asked for',
    (access, ascq) => {
      const told = known.when('lun.senseReceived', sense(0x2, 0x04, ascq))
      told.leadsTo({ effects: [SPREADS, ASKS] })
      const before = groupsOf(known) as Record<string, object>
      expect(groupsOf(told)).toEqual({ ...before, 1: { ...before[1], access } })
      // Said again it changes nothing, and asks all the same.
      told
        .when('lun.senseReceived', sense(0x2, 0x04, ascq))
        .leadsTo({ context: told.context, effects: [ASKS] })
    },
  )

  test('D-58: in transition: the group has the time that the target gave, and is looked at after each report', () => {
    const told = known.when('lun.senseReceived', sense(0x2, 0x04, 0x0a), 3_000_000)
    const untilUs = 3_000_000 + 10_000_000
    told.leadsTo({
      context: { timers: { transition: untilUs } },
      effects: [SPREADS, { type: 'startTimer', timer: 'transition', dueUs: untilUs }, ASKS],
    })
    const failed = told.when('lun.reportFailed', { via: [PATH], why: 'EIO' })
    const pollUs = failed.atUs + POLL_US
    failed.leadsTo({
      context: { timers: { transition: untilUs, poll: pollUs } },
      effects: [{ type: 'startTimer', timer: 'poll', dueUs: pollUs }],
    })
    failed.whenTimerFires('poll').leadsTo({ context: { timers: { transition: untilUs } }, effects: [ASKS] })
    const over = failed.whenTimerFires('transition')
    over.leadsTo({
      context: { timers: {} },
      effects: [SPREADS, { type: 'cancelTimer', timer: 'poll', dueUs: pollUs }],
    })
    expect(groupsOf(over)).toMatchObject({
      1: { access: 'standby', untilUs: null },
      2: { access: 'optimal' },
    })
  })

  test('D-58: a group that is still in transition when the time of another is over keeps its own, and its looks', () => {
    const later = {
      ...reported('transitioning'),
      groups: [group(1, 'transitioning'), group(2, 'transitioning')],
    }
    const first = given('lun', FOUND, GROUPED, ['lun.groupsReported', reported('transitioning'), 2_000_000])
    const both = first.when('lun.groupsReported', later, 3_000_000)
    const over = both.whenTimerFires('transition')
    const pollUs = 3_000_000 + POLL_US
    over.leadsTo({
      context: { timers: { transition: 13_000_000, poll: pollUs } },
      effects: [SPREADS, { type: 'startTimer', timer: 'transition', dueUs: 13_000_000 }],
    })
    expect(groupsOf(over)).toMatchObject({ 1: { access: 'standby' }, 2: { access: 'transitioning' } })
  })

  test.each([
    ['another key with the code of a state', sense(0x5, 0x04, 0x0b), []],
    ['another key with the code of a change', sense(0x2, 0x2a, 0x06), []],
    ['a unit attention about something else', sense(0x6, 0x29, 0x00), []],
    ['a unit attention that a state has changed', sense(0x6, 0x2a, 0x06), [ASKS]],
    ['a unit attention that a change of a state failed', sense(0x6, 0x2a, 0x07), [ASKS]],
  ] as const)('D-57: %s says no state', (_what, data, effects) => {
    known.when('lun.senseReceived', data).leadsTo({ context: { groups: groupsOf(known) }, effects })
  })

  test('D-57: of a group that was never reported is not taken for preferred, nor for able to do anything', () => {
    const told = given('lun', FOUND, GROUPED).when('lun.senseReceived', sense(0x6, 0x04, 0x0b))
    told.leadsTo({ effects: [SPREADS, ASKS] })
    expect(groupsOf(told)).toEqual({
      1: { access: 'standby', preferred: false, supported: 0, untilUs: null },
    })
  })

  test('D-57: of a path whose group nobody knows, even one named like what every object has, changes nothing', () => {
    const path = 'toString'
    known
      .when('lun.senseReceived', { ...sense(0x2, 0x04, 0x0b), path })
      .leadsTo({ context: { groups: groupsOf(known) }, effects: [ASKS] })
  })
})

function group(number: number, access: string) {
  return { group: number, access, preferred: false, supported: 0xdf }
}
