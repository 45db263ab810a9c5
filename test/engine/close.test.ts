// The end of a run, clean or not, and the beginning of the next one on the same ledger.
import { describe, expect, test } from 'vitest'
import type { PathDevice } from '../../adapters/ports.ts'
import { foldAll } from '../../store/state/fold.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { FaultyStore } from './faulty-store.ts'
import { BLOCK, bytesOf, Rig, testLun, WWID } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'

const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error as { code: string }).code,
  )

describe('close', () => {
  test('waits for what is in flight, ends what is parked with CLOSED, and lets go of every device', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const closed: string[] = []
    const wrap = (device: PathDevice): PathDevice => ({
      ...spread(device),
      close: async () => void closed.push(device.hctl),
    })
    const a = await rig.add(A, { wrap, latencyUs: 500_000 })
    const other = testLun({ wwid: 'naa.600140500000000000000000000000b2' })
    await rig.add(B, { wrap, lun: other })
    rig.mp.path(B).fail()
    const inFlight = outcome(rig.head.write({ offset: 0, data: bytesOf(1) }))
    const parked = outcome(rig.mp.head(other.wwid).read({ offset: 0, length: BLOCK }))
    await rig.settle()
    const closing = rig.mp.close()
    expect(await rig.drive(parked)).toBe('CLOSED')
    expect(a.inFlight).toBe(1)
    await rig.drive(closing)
    expect(await rig.drive(inFlight)).toBe('ok')
    expect(rig.lun.medium.subarray(0, BLOCK)).toEqual(bytesOf(1))
    expect(closed.sort()).toEqual([A, B])
  })

  test('is on the ledger as it was done: paths, heads, and the engine last', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    await rig.add(B)
    await rig.write(0, bytesOf(1))
    await rig.end()
    const types = rig.rows().map(({ type }) => type)
    expect(types.at(-1)).toBe('engine.stopped')
    expect(types.filter((type) => type === 'path.removed')).toHaveLength(2)
    const { streams } = foldAll(memoryReader(rig.rows()))
    expect(streams['engine']?.value).toBe('stopped')
    expect(streams[`head/${WWID}`]?.value).toMatchObject({ life: 'removed' })
    for (const hctl of [A, B])
      expect(streams[`path/${WWID}/${hctl}`]?.value).toMatchObject({ device: 'deleted' })
  })

  test('leaves no timer behind: a process may end at once', async () => {
    const rig = await Rig.open({ noPathRetry: 5, delayedRemovalMs: 60_000 })
    const a = await rig.add(A)
    const b = await rig.add(B)
    // A busy path, a failed one, a suspicion, a probe: all have timers.
    a.fail({ errno: 'EAGAIN', count: 2 })
    await rig.write(0, bytesOf(1))
    b.fail()
    a.fail()
    void outcome(rig.head.write({ offset: 0, data: bytesOf(2) }))
    await rig.pass(1_500)
    await rig.drive(rig.mp.close())
    expect(rig.clock.pendingTimers()).toBe(0)
  })

  test('a second time gives the same promise, and the engine stops once', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const [one, two] = [rig.mp.close(), rig.mp.close()]
    expect(one).toBe(two)
    await rig.drive(one)
    await rig.drive(rig.mp.close())
    expect(rig.rows('engine.stopped')).toHaveLength(1)
  })

  test('a hung path does not keep it: after closeGraceMs it is given up', async () => {
    const rig = await Rig.open({ closeGraceMs: 2_000 })
    const a = await rig.add(A)
    a.hang.enable()
    const hung = outcome(rig.head.read({ offset: 0, length: BLOCK }))
    await rig.settle()
    const startUs = rig.clock.monoUs()
    await rig.drive(rig.mp.close())
    expect((rig.clock.monoUs() - startUs) / 1_000_000).toBeCloseTo(2, 1)
    expect(await rig.drive(hung)).not.toBe('ok')
    a.hang.disable()
  })

  test('a device that cannot be closed does not keep the others', async () => {
    const rig = await Rig.open()
    const closed: string[] = []
    const wrap = (device: PathDevice): PathDevice => ({
      ...spread(device),
      close: async () => {
        closed.push(device.hctl)
        if (device.hctl === A) throw new Error('EBUSY')
      },
    })
    await rig.add(A, { wrap })
    await rig.add(B, { wrap })
    await rig.drive(rig.mp.close())
    expect(closed.sort()).toEqual([A, B])
    expect(rig.rows('engine.stopped')).toHaveLength(1)
  })

  test('a path whose device cannot be closed is removed all the same, and then its caller hears of it', async () => {
    const stores: FaultyStore[] = []
    const rig = await Rig.open({
      store: (inner) => {
        stores.push(new FaultyStore(inner))
        return stores[0]!
      },
    })
    const wrap = (device: PathDevice): PathDevice => ({
      ...spread(device),
      close: async () => {
        throw new Error('EBUSY')
      },
    })
    const a = await rig.add(A, { wrap })
    stores[0]!.mode = 'hangs'
    let heard = ''
    const removing = a.path.remove().catch((error: unknown) => void (heard = (error as Error).message))
    await rig.pass(1_000)
    expect([heard, rig.mp.heads]).toEqual(['', []])
    stores[0]!.heal()
    await rig.drive(removing)
    expect(heard).toBe('EBUSY')
    expect(rig.rows('path.removed')).toHaveLength(1)
    await rig.add(A)
    await rig.read(0)
  })

  test('a head that waits for a path to come back is closed with what waits on it', async () => {
    const rig = await Rig.open({ delayedRemovalMs: 60_000 })
    const a = await rig.add(A)
    await rig.drive(a.path.remove())
    const parked = outcome(rig.head.read({ offset: 0, length: BLOCK }))
    await rig.settle()
    await rig.drive(rig.mp.close())
    expect(await parked).toBe('CLOSED')
    expect(rig.clock.pendingTimers()).toBe(0)
  })
})

describe('the next run on the same ledger', () => {
  test('after a clean end starts clean, and paths go on in the streams they have', async () => {
    const first = await Rig.open()
    await first.add(A)
    await first.write(0, bytesOf(1))
    await first.end()

    const rig = await Rig.open({ rows: first.rows(), lun: first.lun })
    expect(rig.events('engine.started').map(({ unclean }) => unclean)).toEqual([false, false])
    await rig.add(A)
    expect(await rig.read(0)).toEqual(bytesOf(1))
    expect(rig.rows('path.added').map(({ version }) => version)).toEqual([1, expect.any(Number)])
    const { streams } = foldAll(memoryReader(rig.rows()))
    expect(streams[`path/${WWID}/${A}`]?.context['incarnation']).toBe(2)
  })

  test('after an end without a word is unclean: what was there is taken up, with that start as its cause', async () => {
    const first = await Rig.open({ checked: false, noPathRetry: 'queue' })
    await first.add(A)
    await first.add(B)
    await first.write(0, bytesOf(1))
    const rows = first.rows()

    const rig = await Rig.open({ rows, lun: first.lun })
    const [start, ...taken] = rig.rows().slice(rows.length)
    expect(start).toMatchObject({ type: 'engine.started' })
    expect(JSON.parse(start!.data)).toMatchObject({ unclean: true })
    expect(taken.map(({ type, stream, cause }) => [type, stream, cause]).sort()).toEqual([
      ['head.recovered', `head/${WWID}`, start!.position],
      ['path.lost', `path/${WWID}/${A}`, start!.position],
      ['path.lost', `path/${WWID}/${B}`, start!.position],
    ])
    for (const row of taken)
      expect(JSON.parse(row.data)).toMatchObject({ why: 'the engine ended without closing' })
    await rig.add(A)
    await rig.add(B)
    expect(rig.head.state).toEqual({ life: 'live', service: 'serving' })
    expect(await rig.read(0)).toEqual(bytesOf(1))
    await rig.end()

    const third = await Rig.open({ rows: rig.rows(), lun: first.lun })
    expect(third.events('engine.started').at(-1)).toMatchObject({ unclean: false })
    expect(third.mp.heads).toEqual([])
  })

  test('an operator’s word outlives an unclean end', async () => {
    const first = await Rig.open({ checked: false })
    const a = await first.add(A)
    a.path.fail({ reason: 'out of service' })
    await first.settle()
    const rig = await Rig.open({ rows: first.rows(), lun: first.lun })
    const back = await rig.add(A)
    expect(back.path.state.admin).toBe('disabled')
  })

  test('a run that broke is over: the next start is unclean', async () => {
    const first = await Rig.open({ checked: false })
    const a = await first.add(A)
    a.fail({ errno: 'EINVAL', count: 1 })
    await outcome(first.drive(first.head.read({ offset: 0, length: BLOCK })))
    await first.settle()
    const rig = await Rig.open({ rows: first.rows(), lun: first.lun })
    expect(rig.events('engine.started').at(-1)).toMatchObject({ unclean: true })
    await rig.add(A)
    expect(await rig.read(0)).toEqual(new Uint8Array(BLOCK))
  })
})

function spread(device: PathDevice): PathDevice {
  const { kind, hctl, lun, numaNode, geometry, guarantees, coherence, deviceKey, facts } = device
  const { submit, identify, carries, medium } = device
  return {
    ...{
      kind,
      device: device.device,
      hctl,
      lun,
      numaNode,
      geometry,
      guarantees,
      coherence,
      deviceKey,
      facts,
    },
    ...{ submit, identify, carries, close: () => device.close() },
    ...(medium === undefined ? {} : { medium }),
  }
}
