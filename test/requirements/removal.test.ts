// Section D of the spec, removal: what may go wrong when a path, a head or an engine goes.
import { describe, expect, test } from 'vitest'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { FaultyStore } from '../engine/faulty-store.ts'
import { BLOCK, bytesOf, Rig, testLun, WWID } from '../engine/rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'

/** Counts how often the device is closed. */
function counting() {
  const closed: string[] = []
  const wrap = (device: PathDevice): PathDevice => ({
    ...wrapPath(device, (request, done) => device.submit(request, done)),
    close: async () => void closed.push(device.hctl),
  })
  return { closed, wrap }
}

async function withFaultyStore() {
  const stores: FaultyStore[] = []
  const rig = await Rig.open({
    ledgerStallMs: 500,
    store: (inner) => {
      stores.push(new FaultyStore(inner))
      return stores[0]!
    },
  })
  return { rig, store: stores[0]! }
}

const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error as { code: string }).code,
  )

describe('the last path of a head', () => {
  test('D-38: removed under load: every I/O ends, none is left parked or held, and the disk goes once', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A, { latencyUs: 5_000 })
    const { head } = rig
    const ends = Array.from({ length: 40 }, (_, at) =>
      outcome(head.write({ offset: at * BLOCK, data: bytesOf(at) })),
    )
    await rig.pass(1)
    await rig.drive(a.path.remove())
    const codes = new Set(await rig.drive(Promise.all(ends)))
    expect([...codes].filter((code) => code !== 'ok' && code !== 'HEAD_REMOVED')).toEqual([])
    expect([head.queued, head.held]).toEqual([
      { bios: 0, bytes: 0 },
      { bios: 0, bytes: 0 },
    ])
    const removals = rig.rows().filter(({ decision }) => decision.includes('removeDisk'))
    expect(removals).toHaveLength(1)
  })

  test('D-39: nothing touches a head after the last reference to it is gone', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A, { latencyUs: 50_000 })
    const { head } = rig
    const late = outcome(head.write({ offset: 0, data: bytesOf(1) }))
    await rig.pass(1)
    const removing = a.path.remove()
    await rig.settle()
    // The head is gone while its last I/O is still in the kernel; a new head of the LUN is there already.
    expect(rig.mp.heads).toEqual([])
    const next = await rig.add(B)
    await rig.drive(removing)
    expect(await rig.drive(late)).toBe('ok')
    await rig.pass(1_000)
    expect(rig.head.state).toEqual({ life: 'live', service: 'serving' })
    expect([rig.head.counters.writes, next.path.counters.writes, next.path.inFlight]).toEqual([0, 0, 0])
    expect(head.counters.writes).toBe(1)
  })

  test('D-45: an engine that closes while a head waits strands nobody: the next one waits the rest, and ends it', async () => {
    const first = await Rig.open({ delayedRemovalMs: 10_000, checked: false })
    const a = await first.add(A)
    await first.drive(a.path.remove())
    const parked = outcome(first.head.write({ offset: 0, data: bytesOf(1) }))
    await first.settle()
    await first.drive(first.mp.close())
    expect([await parked, first.clock.pendingTimers()]).toEqual(['CLOSED', 0])
    const rig = await Rig.open({ rows: first.rows(), lun: first.lun })
    expect(rig.mp.heads.map(({ state }) => state.life)).toEqual(['removalPending'])
    await rig.pass(10_000)
    expect(rig.mp.heads).toEqual([])
  })
})

describe('a path or a disk that cannot be made', () => {
  test('D-47: a path whose record does not become durable has left its head again, and its index is free', async () => {
    const { rig, store } = await withFaultyStore()
    await rig.add(A)
    store.mode = 'hangs'
    const made = rig.makePath(B)
    expect(await rig.errorOf(rig.mp.addPath(made.device))).toMatchObject({ code: 'LEDGER_STALLED' })
    expect(rig.head.paths.map(({ name }) => name)).toEqual(['sda:0'])
    store.heal()
    await rig.settle()
    const again = await rig.add(B)
    expect(again.path.name).toBe('sda:1')
  })

  test('D-48: a device is closed by whoever has it: once by a removal, not at all where it was not taken', async () => {
    const { closed, wrap } = counting()
    const { rig, store } = await withFaultyStore()
    const a = await rig.add(A, { wrap })
    store.mode = 'hangs'
    await rig.errorOf(rig.mp.addPath(rig.makePath(B, { wrap }).device))
    expect(closed).toEqual([])
    store.heal()
    await rig.settle()
    const path = a.path
    await rig.drive(path.remove())
    expect(await rig.errorOf(path.remove())).toMatchObject({ code: 'PATH_REMOVED' })
    await rig.end()
    expect(closed).toEqual([A])
  })

  test('D-49: a head that could not be made is no head: nothing half-made is found under its name', async () => {
    const { rig, store } = await withFaultyStore()
    store.mode = 'hangs'
    await rig.errorOf(rig.mp.addPath(rig.makePath(A).device))
    expect(rig.mp.heads).toEqual([])
    for (const name of [WWID, 'sda']) {
      expect(() => rig.mp.head(name)).toThrow(expect.objectContaining({ code: 'HEAD_NOT_FOUND' }) as Error)
    }
    store.heal()
  })

  test('D-50: after that a later path makes the head, live and under the same name', async () => {
    const { rig, store } = await withFaultyStore()
    store.mode = 'hangs'
    await rig.errorOf(rig.mp.addPath(rig.makePath(A).device))
    store.heal()
    await rig.settle()
    await rig.add(A)
    expect([rig.head.name, rig.head.state]).toEqual(['sda', { life: 'live', service: 'serving' }])
    await rig.write(0, bytesOf(3))
    expect(await rig.read(0)).toEqual(bytesOf(3))
  })
})

describe('indexes of heads and paths', () => {
  const other = (last: string) => testLun({ wwid: `naa.6001405000000000000000000000000${last}` })

  test('are used again, lowest first, and nobody gets one that is in use', async () => {
    const rig = await Rig.open()
    const [one, two, three] = [other('1'), other('2'), other('3')]
    await rig.add('8:0:0:1', { lun: one })
    await rig.add('8:0:0:2', { lun: two })
    await rig.add('9:0:0:2', { lun: two })
    await rig.add('10:0:0:2', { lun: two })
    await rig.drive(rig.mp.path('9:0:0:2').remove())
    await rig.drive(rig.mp.path('8:0:0:1').remove())
    expect(rig.mp.heads.map(({ name }) => name)).toEqual(['sdb'])
    const back = await rig.add('11:0:0:2', { lun: two })
    expect(back.path.name).toBe('sdb:1')
    await rig.add('8:0:0:3', { lun: three })
    expect(rig.mp.head(three.wwid).name).toBe('sda')
  })

  test('stay with what the last run left: a new LUN and a new path get others', async () => {
    const first = await Rig.open({ checked: false })
    const [one, two] = [other('1'), other('2')]
    await first.add('8:0:0:1', { lun: one })
    await first.add('9:0:0:1', { lun: one })
    const rig = await Rig.open({ rows: first.rows() })
    await rig.add('8:0:0:2', { lun: two })
    expect(rig.mp.head(two.wwid).name).toBe('sdb')
    const stranger = await rig.add('10:0:0:1', { lun: one })
    expect(stranger.path.name).toBe('sda:2')
    const known = await rig.add('9:0:0:1', { lun: one })
    expect(known.path.name).toBe('sda:1')
  })
})
