// What a target may answer when it is asked what it is, how its port groups stand, or what a caller wants to know:
// refusals, too much, too little.
import { describe, expect, test } from 'vitest'
import type { ScsiAnswer } from '../../adapters/ports.ts'
import { buildFixedSense, senseOf } from '../../adapters/scsi/sense.ts'
import type { VirtualLunSettings } from '../../adapters/paths/virtual-lun.ts'
import { ASSOCIATIONS, DESIGNATOR_TYPES } from '../../adapters/scsi/designators.ts'
import { Turnstile } from '../../engine/alua/turnstile.ts'
import { A, aluaRig, B, C } from './alua-rig.ts'
import { WWID } from './rig.ts'

const REPORT = 0xa3
const good = (...bytes: number[]): ScsiAnswer => ({
  ...{ errno: null, status: 0, sense: null, data: Uint8Array.from(bytes) },
})
const BUSY = { ...good(), status: 8 }
const ILLEGAL = { ...good(), status: 2, sense: buildFixedSense(senseOf(5, 0x24, 0)) }

type Asked = 'inquiry' | 'page83' | 'groups'
/** An answer to the question that is asked for the so-and-so-many-th time; null leaves it to the target. */
type Answers = (asked: Asked, time: number) => ScsiAnswer | null

async function pathWith(answers: Answers, settings: Partial<VirtualLunSettings> = {}) {
  const { rig } = await aluaRig(settings)
  const times = { inquiry: 0, page83: 0, groups: 0 }
  const made = rig.makePath(A, {
    wrap: (device) => ({
      ...device,
      command: (command, done) => {
        const [code, flags = 0] = command.cdb
        const asked = code === REPORT ? 'groups' : (flags & 1) === 1 ? 'page83' : 'inquiry'
        const answer = answers(asked, (times[asked] += 1))
        if (answer === null) device.command?.(command, done)
        else queueMicrotask(() => done(answer))
      },
      submit: (request, done) => device.submit(request, done),
    }),
  })
  return { rig, made, times }
}

const only =
  (which: Asked, answer: ScsiAnswer): Answers =>
  (asked) =>
    asked === which ? answer : null

describe('a device', () => {
  test.each([
    ['is busy when it is asked what it is', only('inquiry', BUSY), /INQUIRY was answered with status 0x08\./],
    ['knows no INQUIRY', only('inquiry', ILLEGAL), /INQUIRY was answered with sense 5\/24\/00\./],
    ['gives a page 0x83 without its header', only('page83', good(0, 0x83)), /does not say what it is/],
  ])('that %s is not taken as a path', async (_what, answers, why) => {
    const { rig, made } = await pathWith(answers)
    const error = await rig.errorOf(rig.mp.addPath(made.device))
    expect(error).toMatchObject({ code: 'PATH_NOT_IDENTIFIED' })
    expect(error.message).toMatch(why)
  })

  test('without page 0x83 has no id to be found by', async () => {
    const { rig, made } = await pathWith(only('page83', ILLEGAL))
    expect(await rig.errorOf(rig.mp.addPath(made.device))).toMatchObject({ code: 'PATH_NO_ID' })
  })
})

describe('a report of target port groups', () => {
  test('that is longer than was asked for is asked for again in full', async () => {
    const groups = Array.from({ length: 20 }, (_, at) => ({ id: at + 1, paths: at === 0 ? [A] : [] }))
    const { rig, made, times } = await pathWith(() => null, { groups })
    await rig.addMade(made)
    expect(times.groups).toBe(2)
    const [report] = rig.events('lun.groupsReported')
    expect(report?.['groups']).toHaveLength(20)
  })

  test.each([
    ['says that it has two gigabytes', only('groups', good(0x7f, 0xff, 0xff, 0xff)), /has 2147483651 bytes/],
    ['does not say how long it is', only('groups', good(0, 0)), /\d bytes/],
    [
      'is refused when the rest of it is asked for',
      (asked: Asked, time: number) =>
        asked !== 'groups' ? null : time === 1 ? good(0, 0, 1, 0, ...new Uint8Array(124)) : BUSY,
      /^status 0x08$/,
    ],
  ])('that %s is none: the path is taken behind those known to be optimal', async (_what, answers, why) => {
    const { rig, made } = await pathWith(answers)
    await rig.addMade(made)
    expect(rig.events('lun.reportFailed')).toEqual([{ via: [A], why: expect.stringMatching(why) as unknown }])
    expect([made.path.state.access, made.path.usable]).toEqual(['active', true])
  })

  test('is asked for through one path at a time, also when paths are added at once', async () => {
    const { rig } = await aluaRig()
    const now = { asking: 0, most: 0 }
    const devices = [A, B, C].map(
      (hctl) =>
        rig.makePath(hctl, {
          wrap: (device) => ({
            ...device,
            command: (command, done) => {
              const asks = command.cdb[0] === REPORT ? 1 : 0
              now.most = Math.max(now.most, (now.asking += asks))
              // Later, so that a second question could come in between.
              rig.clock.setTimer(rig.clock.monoUs() + 1_000, () =>
                device.command?.(command, (answer) => {
                  now.asking -= asks
                  done(answer)
                }),
              )
            },
            submit: (request, done) => device.submit(request, done),
          }),
        }).device,
    )
    await rig.drive(Promise.all(devices.map((device) => rig.mp.addPath(device))))
    expect(now).toEqual({ asking: 0, most: 1 })
    expect(rig.head.paths.map(({ state }) => state.access)).toEqual(['optimal', 'optimal', 'active'])
  })

  test('is asked for elsewhere when the path that the news came by has failed', async () => {
    const { rig, target } = await aluaRig()
    const [a] = [await rig.add(A), await rig.add(C)]
    a.fail()
    await rig.read(0)
    await rig.pass(50)
    expect(a.path.state.health).not.toBe('online')
    target.setGroup(1, { access: 'standby' }, { announce: false })
    a.path.reportSense(buildFixedSense(senseOf(6, 0x2a, 6)))
    await rig.pass(10)
    expect(rig.events('lun.groupsReported').at(-1)).toMatchObject({ via: C })
    expect(a.path.state.access).toBe('standby')
  })
})

describe('a unique id', () => {
  const ATTENTION = { ...good(), status: 2, sense: buildFixedSense(senseOf(6, 0x29, 0)) }

  async function asked(answer: ScsiAnswer, times = 1) {
    const now = { left: 0 }
    const { rig, made } = await pathWith((which) =>
      which === 'page83' && (now.left -= 1) >= 0 ? answer : null,
    )
    await rig.addMade(made)
    now.left = times
    return { rig, id: rig.head.getUniqueId('naa') }
  }

  test.each([
    ['at once, where a unit attention came first', ATTENTION, WWID.slice('naa.'.length)],
    ['empty, where the target is busy', BUSY, ''],
    ['empty, where it complains without a word', { ...BUSY, status: 2 }, ''],
  ])('is had %s', async (_what, answer, id) => {
    const { rig, id: found } = await asked(answer)
    expect(Buffer.from(await rig.drive(found)).toString('hex')).toBe(id)
  })

  test('is an error where the path does not answer, or tells of nothing but attentions', async () => {
    const { rig, id } = await asked({ ...good(), errno: 'EIO' })
    expect(await rig.errorOf(id)).toMatchObject({ code: 'IOCTL_FAILED', errno: 'EIO' })
    const other = await asked(ATTENTION, 99)
    expect(await other.rig.drive(other.id)).toEqual(new Uint8Array(0))
  })

  test('is none of a length that no id has', async () => {
    const designators = ['600140500000000000000000000000a1', '0102030405'].map((hex, at) => ({
      ...{
        association: ASSOCIATIONS.logicalUnit,
        type: at === 0 ? DESIGNATOR_TYPES.naa : DESIGNATOR_TYPES.eui64,
      },
      bytes: new Uint8Array(Buffer.from(hex, 'hex')),
    }))
    const { rig, made } = await pathWith(() => null, { designators, groups: [] })
    await rig.addMade(made)
    expect(await rig.drive(rig.head.getUniqueId('eui64'))).toEqual(new Uint8Array(0))
  })
})

test('a command that its path does not answer is an error, and says nothing of the path', async () => {
  const now = { mute: false }
  const { rig, made } = await pathWith(() => (now.mute ? { ...good(), errno: 'ENOLINK' } : null))
  await rig.addMade(made)
  now.mute = true
  const error = await rig.errorOf(rig.head.sendCommand({ cdb: new Uint8Array(6) }))
  expect(error).toMatchObject({ code: 'IOCTL_FAILED', errno: 'ENOLINK' })
  expect(made.path.state.health).toBe('online')
})

test('so many questions are asked at once, and the rest in the order in which they came', async () => {
  const turnstile = new Turnstile(2)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const passes = [1, 2, 3, 4].map((one) =>
    turnstile.pass(() => {
      begun.push(one)
      return new Promise<number>((resolve) => ends.push(() => resolve(one)))
    }),
  )
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  await turn()
  expect(begun).toEqual([1, 2])
  ends[1]?.()
  expect(await passes[1]).toBe(2)
  await turn()
  expect(begun).toEqual([1, 2, 3])
  for (const at of [0, 2]) ends[at]?.()
  await turn()
  ends[3]?.()
  expect([await Promise.all(passes), begun]).toEqual([
    [1, 2, 3, 4],
    [1, 2, 3, 4],
  ])
  // Every place is free again.
  expect(await turnstile.pass(async () => 5)).toBe(5)
})
