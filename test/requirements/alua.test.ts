// Section D of the specification, "ALUA" (D-55 to D-63), through the public API and the target's own bytes.
import { describe, expect, test } from 'vitest'
import { buildDescriptorSense, buildFixedSense, senseOf } from '../../adapters/scsi/sense.ts'
import { TRANSITION_US } from '../../machines/lun/groups.ts'
import { isDisabled } from '../../machines/predicates.ts'
import { ACCESS_STATES } from '../../machines/words.ts'
import { A, aluaRig, B, C, D } from '../engine/alua-rig.ts'
import { BLOCK, bytesOf, WWID, type Rig } from '../engine/rig.ts'

const CHANGED = { asc: 0x2a, ascq: 0x06 }
const POWER_ON = { asc: 0x29, ascq: 0x00 }
const accessOf = (rig: Rig) => rig.head.paths.map(({ state }) => state.access)

describe('an access state', () => {
  test('D-55: counts only together with the device state: both must be usable', async () => {
    const { rig, target } = await aluaRig()
    const a = await rig.add(A)
    for (const access of ACCESS_STATES) {
      target.setGroup(1, { access })
      a.path.reportSense(buildFixedSense(senseOf(6, 0x2a, 6)))
      await rig.pass(10)
      expect(a.path.state.access).toBe(access)
      expect(a.path.usable).toBe(access === 'optimal' || access === 'active')
      a.path.block()
      expect(a.path.usable).toBe(false)
      expect(isDisabled(a.path.state)).toBe(true)
      a.path.unblock()
    }
  })

  test('D-56: is told as the state itself, for each there is', async () => {
    for (const access of ACCESS_STATES) {
      const { rig } = await aluaRig({ groups: [{ id: 1, paths: [A], access }] })
      const a = await rig.add(A)
      expect(a.path.state.access).toBe(access)
      expect(rig.events('path.added', A)).toEqual([expect.objectContaining({ access })])
    }
  })

  test('D-20: is compared without the preferred bit, which is kept beside it', async () => {
    const { rig } = await aluaRig({ groups: [{ id: 1, paths: [A], access: 'active', preferred: true }] })
    const a = await rig.add(A)
    expect([a.path.state.access, a.path.preferred, a.path.usable]).toEqual(['active', true, true])
  })
})

describe('a report of target port groups', () => {
  test('D-57: is asked for again without the extended header when that was refused, and remembered so', async () => {
    const { rig, asked } = await aluaRig({ extendedHeader: false })
    await rig.add(A)
    expect(asked()).toBe(2)
    expect(rig.events('lun.groupsReported')).toEqual([expect.objectContaining({ extended: false })])
    await rig.add(B)
    expect(asked()).toBe(3)
    const other = await aluaRig({ transitionSeconds: 7 })
    await other.rig.add(A)
    expect(other.asked()).toBe(1)
    expect(other.rig.events('lun.groupsReported')).toEqual([
      expect.objectContaining({ extended: true, transitionUs: 7_000_000 }),
    ])
  })

  test('D-58: that says transitioning is stored as transitioning, never as optimal', async () => {
    const { rig, target } = await aluaRig()
    const a = await rig.add(A)
    target.setGroup(1, { access: 'transitioning' }, { announce: false })
    // The first I/O is told NOT READY, 04/0A; the state is there before any report.
    const read = rig.head.read({ offset: 0, length: BLOCK })
    await rig.pass(1)
    expect(a.path.state.access).toBe('transitioning')
    expect(a.path.usable).toBe(false)
    expect(rig.events('lun.senseReceived')).toEqual([{ path: A, key: 2, asc: 4, ascq: 0x0a }])
    target.setGroup(1, { access: 'optimal' })
    await rig.drive(read)
    expect(a.path.state).toMatchObject({ access: 'optimal', health: 'online' })
    expect(rig.rows('path.suspected')).toEqual([])
  })

  test('D-59: is asked for again after a unit attention, and its failure loses no LUN', async () => {
    const { rig, target, asked } = await aluaRig()
    const made = rig.makePath(A)
    target.raise(POWER_ON)
    await rig.addMade(made)
    // INQUIRY is answered in spite of it; the report met it and was sent again.
    expect(asked()).toBe(2)
    expect(made.path.state.access).toBe('optimal')

    // A target that answers no report: the path is taken, behind any that is known to be optimal.
    const deaf = await aluaRig()
    const mute = deaf.rig.makePath(C, {
      wrap: (device) => ({
        ...device,
        command: (command, done) => {
          if (command.cdb[0] !== 0xa3) device.command?.(command, done)
          else queueMicrotask(() => done({ errno: 'EIO', status: 0, sense: null, data: new Uint8Array(0) }))
        },
        submit: (request, done) => device.submit(request, done),
      }),
    })
    await deaf.rig.addMade(mute)
    expect([mute.path.state.access, mute.path.usable]).toEqual(['active', true])
    expect(deaf.rig.events('lun.reportFailed')).toEqual([{ via: [C], why: 'EIO' }])
    await deaf.rig.write(0, bytesOf(1))
    expect(mute.ios).toHaveLength(1)
  })

  test('D-60: that does not list a group does not leave it optimal', async () => {
    const { rig, target } = await aluaRig()
    const [a, c] = [await rig.add(A), await rig.add(C)]
    target.setGroup(1, { listed: false })
    await rig.read(0)
    await rig.pass(10)
    expect([a.path.state.access, c.path.state.access]).toEqual(['unavailable', 'active'])
    expect(rig.events('path.accessChanged', A)).toEqual([
      { access: 'unavailable', preferred: false, why: 'target port group 1 is not in the report' },
    ])
    const b = await rig.add(B)
    expect(b.path.state.access).toBe('unavailable')
    target.setGroup(1, { listed: true })
    await rig.read(0)
    await rig.pass(10)
    expect([a.path.state.access, b.path.state.access]).toEqual(['optimal', 'optimal'])
  })

  test('D-61: through any live path updates every path whose group it describes, dead ones too', async () => {
    const { rig, target } = await aluaRig()
    const paths = [await rig.add(A), await rig.add(B), await rig.add(C), await rig.add(D)]
    const [a, b, c] = paths
    // A and B are dead, and their commands with them: only C and D can be asked.
    a!.fail()
    b!.fail()
    await rig.read(0)
    await rig.pass(100)
    expect([a!.path.state.health, b!.path.state.health]).not.toContain('online')
    target.setGroup(1, { access: 'standby' })
    target.setGroup(2, { access: 'optimal' })
    c!.path.reportSense(buildDescriptorSense(senseOf(6, 0x2a, 6)))
    await rig.pass(10)
    expect(accessOf(rig)).toEqual(['standby', 'standby', 'optimal', 'optimal'])
    const last = rig.events('lun.groupsReported').at(-1)
    expect([C, D]).toContain(last?.['via'])
  })

  test('D-61: is got through another path when the one that the news came by does not answer', async () => {
    const { rig, target } = await aluaRig()
    const [a, c] = [await rig.add(A), await rig.add(C)]
    const before = rig.events('lun.groupsReported').length
    a.fail()
    target.setGroup(1, { access: 'active' }, { announce: false })
    a.path.reportSense(buildFixedSense(senseOf(6, 0x2a, 6)))
    await rig.pass(10)
    expect(rig.events('lun.groupsReported')).toHaveLength(before + 1)
    expect(rig.events('lun.groupsReported').at(-1)).toMatchObject({ via: C })
    expect([a.path.state.access, c.path.state.access]).toEqual(['active', 'active'])
  })

  test('D-63: touches the caches of a path only where its state changed', async () => {
    const { rig, target } = await aluaRig({}, { numaNodes: 2 })
    const [a, c] = [await rig.add(A), await rig.add(C)]
    expect([a.path.numaNodes, c.path.numaNodes]).toEqual([[0, 1], []])
    const changes = () => rig.rows('path.accessChanged').length
    // The same once more: no event, no cache touched.
    a.path.reportSense(buildFixedSense(senseOf(6, 0x2a, 6)))
    await rig.pass(10)
    expect([changes(), a.path.numaNodes]).toEqual([0, [0, 1]])
    // Group 2 becomes unusable: A keeps its place.
    target.setGroup(2, { access: 'standby' })
    await rig.read(0)
    await rig.pass(10)
    expect([changes(), a.path.numaNodes, c.path.state.access]).toEqual([1, [0, 1], 'standby'])
    // Group 1 becomes unusable: A leaves every node's cache. Group 2 becomes optimal: every node looks and finds C.
    target.setGroup(1, { access: 'standby' })
    target.setGroup(2, { access: 'optimal' })
    await rig.read(0)
    await rig.pass(10)
    expect([a.path.numaNodes, c.path.numaNodes]).toEqual([[], [0, 1]])
  })
})

describe('a transition', () => {
  test('is looked at every 2 s until its deadline; then the group counts as standby', async () => {
    const { rig, target, asked } = await aluaRig({ transitionSeconds: 7 })
    const a = await rig.add(A)
    target.setGroup(1, { access: 'transitioning' })
    const read = rig.head.read({ offset: 0, length: BLOCK })
    await rig.pass(20)
    const first = asked()
    const timers = () => streamContext(rig)['timers'] as Record<string, number>
    expect(Object.keys(timers()).sort()).toEqual(['poll', 'transition'])
    await rig.pass(6_000)
    expect(asked()).toBe(first + 3)
    expect(a.path.state.access).toBe('transitioning')
    await rig.pass(1_000)
    expect(a.path.state.access).toBe('standby')
    // I/O waits for it: it is asked about less and less often, and a target that goes on saying so is not believed (F-10).
    expect(Object.keys(timers()).sort()).toEqual(['poll', 'wait'])
    const fired = rig.events('lun.timerFired').map(({ timer }) => timer)
    expect(fired).toEqual(['poll', 'poll', 'poll', 'transition'])
    await rig.pass(30_000)
    expect(asked()).toBe(first + 3 + 6)
    expect(a.path.state.access).toBe('standby')
    target.setGroup(1, { access: 'optimal' })
    await rig.drive(read)
    expect(timers()).toEqual({})
    const over = asked()
    await rig.pass(60_000)
    expect(asked()).toBe(over)
    target.setGroup(1, { access: 'optimal' })
    a.path.reportSense(buildFixedSense(senseOf(6, CHANGED.asc, CHANGED.ascq)))
    await rig.drive(read)
    expect(a.path.state.access).toBe('optimal')
  })

  test('without a time of the target ends after 60 s', async () => {
    const { rig, target } = await aluaRig({ extendedHeader: false })
    const a = await rig.add(A)
    target.setGroup(1, { access: 'transitioning' })
    a.path.reportSense(buildFixedSense(senseOf(2, 0x04, 0x0a)))
    await rig.pass(TRANSITION_US / 1000 - 1)
    expect(a.path.state.access).toBe('transitioning')
    await rig.pass(1)
    expect(a.path.state.access).toBe('standby')
  })

  test('that ends in time cancels both timers', async () => {
    const { rig, target } = await aluaRig({ transitionSeconds: 30 })
    const a = await rig.add(A)
    target.setGroup(1, { access: 'transitioning' })
    a.path.reportSense(buildFixedSense(senseOf(6, 0x2a, 6)))
    await rig.pass(3_000)
    target.setGroup(1, { access: 'active' }, { announce: false })
    await rig.pass(2_000)
    expect(a.path.state.access).toBe('active')
    expect(streamContext(rig)['timers']).toEqual({})
    const events = rig.rows('lun.timerFired').length
    await rig.pass(60_000)
    expect(rig.rows('lun.timerFired')).toHaveLength(events)
  })
})

describe('sense data', () => {
  test('with an I/O costs no path its health: the I/O waits or goes elsewhere', async () => {
    const { rig, target } = await aluaRig()
    const [a, c] = [await rig.add(A), await rig.add(C)]
    target.setGroup(1, { access: 'standby' })
    target.setGroup(2, { access: 'optimal' })
    await rig.write(0, bytesOf(3))
    expect(c.ios.filter(({ op }) => op === 'write')).not.toEqual([])
    expect(await rig.read(0)).toEqual(bytesOf(3))
    expect([a.path.state, c.path.state].map(({ health }) => health)).toEqual(['online', 'online'])
    expect(rig.head.counters.callerErrors).toBe(0)
    expect(rig.rows('path.failed')).toEqual([])
    expect(rig.rows('lun.ghostsOpened')).toEqual([])
  })

  test('in a storm asks once at a time: a thousand make a few reports, and bounded rows', async () => {
    const { rig, asked } = await aluaRig({}, { errorRowsPerMinute: 50 })
    const a = await rig.add(A)
    const before = asked()
    for (let n = 0; n < 1_000; n += 1) a.path.reportSense(buildFixedSense(senseOf(6, 0x2a, 6)))
    await rig.pass(100)
    expect(asked() - before).toBe(2)
    expect(rig.rows('lun.senseReceived').length).toBeLessThanOrEqual(50)
  })

  test('that is none, or about an earlier command, is nothing', async () => {
    const { rig, asked } = await aluaRig()
    const a = await rig.add(A)
    const before = [asked(), rig.position]
    a.path.reportSense(new Uint8Array(0))
    a.path.reportSense(Uint8Array.of(1, 2, 3))
    a.path.reportSense(buildFixedSense({ key: 6, asc: 0x2a, ascq: 6, deferred: true }))
    await rig.pass(10)
    expect([asked(), rig.position]).toEqual(before)
  })
})

test('a run that died in a transition leaves no timer: the next one forgets the groups and asks anew', async () => {
  const { rig, target } = await aluaRig({ transitionSeconds: 7 }, { checked: false })
  const a = await rig.add(A)
  target.setGroup(1, { access: 'transitioning' })
  a.path.reportSense(buildFixedSense(senseOf(6, 0x2a, 6)))
  await rig.pass(100)
  const next = await aluaRig({}, { rows: rig.memory.rows() })
  expect(next.rig.rows('lun.groupsForgotten')).toHaveLength(1)
  await next.rig.pass(60_000)
  expect(next.rig.rows('lun.timerFired').length).toBe(rig.rows('lun.timerFired').length)
  const again = await next.rig.add(A)
  expect(again.path.state.access).toBe('optimal')
})

function streamContext(rig: Rig): Record<string, unknown> {
  const last = rig.lives.findLast(({ event }) => event.stream === `lun/${WWID}`)
  return last?.state.context ?? {}
}
