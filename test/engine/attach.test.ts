// An attach is a thing of its own: what a dead engine left is held off by the device that it had, whatever that was called,
// and proof speaks of that device or of nothing. What the ledger knows holds, whatever becomes of the LUN's storage.
import { expect, test } from 'vitest'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { SharedLuns } from './lun-storage.ts'
import { bytesOf, Rig, WWID, type RigOptions, type RigPathSettings } from './rig.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0']

interface Kind {
  readonly final?: boolean
  readonly diskseq?: number
}

/** A path that looks like loop device number `loop`, claimed exclusively. */
function loop(number: number, { final = true, diskseq = 1 }: Kind = {}): RigPathSettings {
  const wrap = (device: PathDevice): PathDevice => ({
    ...wrapPath(device, (request, done) => device.submit(request, done)),
    device: `/dev/loop${number}`,
    deviceKey: `loop:7:${number}`,
    facts: { diskseq },
    guarantees: { ...device.guarantees, claimsExclusively: true, errorsAreFinal: final },
  })
  return { errorsAreFinal: final, wrap }
}

const keyOf = (number: number, diskseq = 1) => `loop:7:${number} diskseq ${diskseq}`
const SLOW: RigOptions = { ghostQuiesceMs: 1_000, ghostHoldMaxMs: 3_600_000 }

const killed = (luns: SharedLuns, options: RigOptions = {}) =>
  Rig.open({ luns, checked: false, firstId: 1_000, ...options })
const after = (first: Rig, luns: SharedLuns, options: RigOptions = {}) =>
  Rig.open({ luns, rows: first.rows(), lun: first.lun, firstId: 5_000, ...SLOW, ...options })
const devicesOf = (rig: Rig) => rig.mp.ghosts.map(({ path, device }) => `${path} ${device}`)
const proofsOf = (rig: Rig) => rig.events('lun.ghostsEnded').map(({ proof }) => proof)

test('attach 32: no I/O goes down a path before the LUN’s storage knows its attach', async () => {
  const luns = new SharedLuns()
  const rig = await Rig.open({ luns })
  await rig.add(A)
  let store: () => void = () => undefined
  luns.slow = new Promise((resolve) => (store = resolve))
  const made = rig.makePath(B)
  const adding = rig.mp.addPath(made.device)
  await rig.settle()
  expect(rig.mp.heads[0]?.paths.map(({ hctl }) => hctl)).toEqual([A])
  expect(luns.attachments.map(({ path }) => path)).toEqual([A])
  store()
  await rig.drive(adding)
  expect(luns.attachments.map(({ path }) => path)).toEqual([A, B])
  luns.slow = null
})

test('attach 32: a device that is refused leaves no attach behind', async () => {
  const luns = new SharedLuns()
  const rig = await Rig.open({ luns })
  await rig.add(A)
  const again = rig.mp.addPath(rig.makePath(A).device)
  expect(await rig.errorOf(again)).toMatchObject({ code: 'PATH_DUPLICATE' })
  expect(luns.attachments).toHaveLength(1)
})

test('attach 16: the claim of another device under the same H:C:I:L proves nothing', async () => {
  const luns = new SharedLuns()
  const first = await killed(luns)
  await first.add(A, loop(0))
  luns.busy.add(keyOf(0))
  const rig = await after(first, luns)
  await rig.add(A, loop(1))
  const newer = rig.head.write({ offset: 0, data: bytesOf(2) })
  await rig.pass(60_000)
  expect([devicesOf(rig), rig.head.held.bios]).toEqual([[`${A} /dev/loop0`], 1])
  luns.busy.clear()
  await rig.drive(newer)
  expect([devicesOf(rig), proofsOf(rig)]).toEqual([[], ['claim']])
})

test('attach 28: of two dead engines with one H:C:I:L, the device of one speaks for that one alone', async () => {
  const luns = new SharedLuns()
  const [b, c] = [await killed(luns), await Rig.open({ luns, beside: true, checked: false, firstId: 2_000 })]
  await b.add(A, loop(0))
  await c.add(A, loop(1))
  luns.busy.add(keyOf(1))
  const rig = await Rig.open({ luns, firstId: 5_000, ...SLOW })
  await rig.add(B, loop(2))
  await rig.pass(60_000)
  expect([devicesOf(rig), proofsOf(rig)]).toEqual([[`${A} /dev/loop1`], ['claim']])
  luns.busy.clear()
  await rig.pass(5_000)
  expect(devicesOf(rig)).toEqual([])
})

test('attach 15: an idle engine notices that another one of its LUN has died, and holds off what that left', async () => {
  const luns = new SharedLuns()
  const other = await killed(luns)
  await other.add(A, loop(0, { final: false }))
  const rig = await Rig.open({ luns, beside: true, firstId: 5_000, ...SLOW })
  await rig.add(B, loop(1))
  luns.busy.add(keyOf(0))
  luns.killOne(luns.attachments[0]?.engine ?? '')
  // At once, before anything is written.
  expect(devicesOf(rig)).toEqual([`${A} /dev/loop0`])
  await rig.settle()
  expect(rig.events('lun.ghostsOpened')).toMatchObject([
    { path: A, reason: 'unclean', attach: { device: '/dev/loop0', deviceKey: keyOf(0) } },
  ])
  const newer = rig.head.write({ offset: 0, data: bytesOf(2) })
  await rig.pass(60_000)
  expect(rig.head.held.bios).toBe(1)
  // The kernel has let go, and an error of it proves nothing: from now on time counts.
  luns.busy.clear()
  await rig.drive(newer)
  expect(proofsOf(rig)).toEqual(['time'])
})

test('attach 15: what another engine claims after its owner’s death is let go of by that claim', async () => {
  const luns = new SharedLuns()
  const other = await killed(luns)
  await other.add(A, loop(0))
  const rig = await Rig.open({ luns, beside: true, firstId: 5_000, ...SLOW })
  // It is claimed, by us: nobody else can, and the storage is not asked.
  await rig.add(B, loop(0))
  luns.busy.add(keyOf(0))
  luns.kill()
  await rig.pass(1_000)
  expect([devicesOf(rig), [...new Set(proofsOf(rig))]]).toEqual([[], ['claim']])
})

test('attach 33b: the late end of one life of a path leaves the attach of the next', async () => {
  const luns = new SharedLuns()
  const rig = await Rig.open({ luns, closeGraceMs: 1_000, attemptTimeoutMs: 0 })
  const [b, a] = [await rig.add(B), await rig.add(A)]
  a.path.prefer()
  a.hang.enable()
  const read = rig.head.read({ offset: 0, length: 512 })
  await rig.settle()
  const removing = a.path.remove()
  await rig.settle()
  await rig.add(A)
  await rig.drive(removing)
  await rig.drive(read)
  expect(luns.attachments.map(({ path }) => path)).toEqual([B, A])
  expect(new Set(luns.attachments.map(({ attach }) => attach)).size).toBe(2)
  a.hang.disable()
  expect(b.path.state.health).toBe('online')
})

test('attach 24: a LUN storage that hangs fails what needs it in time, and nothing else; and close() ends', async () => {
  const luns = new SharedLuns()
  const rig = await Rig.open({
    luns,
    checked: false,
    attemptTimeoutMs: 200,
    lunStallMs: 1_000,
    closeGraceMs: 100,
  })
  const [a] = [await rig.add(A, { errorsAreFinal: false }), await rig.add(B)]
  a.path.prefer()
  luns.deaf = true
  a.hang.enable()
  const needs = rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
  expect(await needs).toMatchObject({ code: 'LUN_STORAGE_STALLED', outcome: 'unknown' })
  // Of what is asked while it is silent nobody waits in turn.
  expect(await rig.errorOf(rig.head.reservations.register('0xa1'))).toMatchObject({
    code: 'LUN_STORAGE_STALLED',
  })
  expect(rig.mp.broken).toBeNull()
  await rig.drive(rig.head.write({ offset: 8_192, data: bytesOf(2) }))
  const before = rig.clock.monoUs()
  await rig.drive(rig.mp.close())
  expect(rig.clock.monoUs() - before).toBeLessThan(3_000_000)
})

test('attach 24: one that is opened too late is let go of, and the path is not taken', async () => {
  const luns = new SharedLuns()
  const rig = await Rig.open({ luns, lunStallMs: 1_000 })
  let closed = 0
  luns.opening = new Promise<void>(() => undefined)
  const add = () => rig.errorOf(rig.mp.addPath(rig.makePath(A).device))
  expect(await add()).toMatchObject({ code: 'LUN_STORAGE_STALLED' })
  let open: () => void = () => undefined
  luns.opening = new Promise((resolve) => (open = resolve))
  luns.onClose = () => void (closed += 1)
  expect(await add()).toMatchObject({ code: 'LUN_STORAGE_STALLED' })
  open()
  await rig.settle()
  expect(closed).toBe(1)
})

test('attach 24: a new storage that does not take the reservations of the ledger is let go of, and opened anew', async () => {
  const luns = new SharedLuns()
  const first = await killed(luns)
  await first.add(A)
  await first.drive(first.head.reservations.register('0xa1'))
  const again = new SharedLuns()
  Object.assign(again, { name: 'storage-2', fresh: true })
  let closed = 0
  again.onClose = () => void (closed += 1)
  const { request } = again.reservations
  again.reservations.request = () => new Promise(() => undefined)
  const rig = await after(first, again, { lunStallMs: 1_000 })
  const add = rig.errorOf(rig.mp.addPath(rig.makePath(A).device))
  expect(await add).toMatchObject({ code: 'LUN_STORAGE_STALLED' })
  expect(closed).toBe(1)
  again.reservations.request = request
  await rig.add(B)
  expect(rig.head.reservations.readKeys().keys).toEqual(['0x00000000000000a1'])
})

test('attach 24: what another engine wrote and this one cannot read holds its writes, for a limited time', async () => {
  const luns = new SharedLuns()
  const rig = await Rig.open({ luns, ghostHoldMaxMs: 500, lunStallMs: 200 })
  await rig.add(A)
  const other = await Rig.open({ luns, beside: true, checked: false, firstId: 7_000 })
  luns.quiet = true
  await other.add(B)
  luns.deaf = true
  expect(await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))).toMatchObject({
    code: 'GHOST_HOLD',
  })
  const later = rig.head.write({ offset: 0, data: bytesOf(2) })
  await rig.pass(100)
  expect(rig.head.held.bios).toBe(1)
  luns.hear()
  await rig.drive(later)
  luns.unreadable = new Error('its ghosts are not what an engine writes')
  luns.touch()
  expect(await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(3) }))).toMatchObject({
    code: 'LUN_STORAGE',
  })
  expect(rig.mp.broken).toMatchObject({ code: 'LUN_STORAGE' })
})

test('F-02: ghosts of the ledger outlive the loss of the LUN’s storage, and are put into the new one', async () => {
  const luns = new SharedLuns()
  const first = await killed(luns, { attemptTimeoutMs: 200, ghostQuiesceMs: 0 })
  const a = await first.add(A, loop(0, { final: false }))
  await first.add(B, loop(1))
  a.path.prefer()
  a.hang.enable()
  await first.drive(first.head.write({ offset: 0, data: bytesOf(1) }))
  expect(first.mp.ghosts).toMatchObject([{ path: A, reason: 'timeout', offset: 0 }])

  const lost = new SharedLuns()
  lost.fresh = true
  lost.name = 'storage-2'
  lost.busy.add(keyOf(0))
  const rig = await after(first, lost)
  await rig.add(B, loop(2))
  // The one that is known, and the whole LUN for each path that nobody let go of.
  expect(rig.mp.ghosts.map(({ reason, device }) => `${reason} ${device}`).sort()).toEqual([
    'timeout /dev/loop0',
    'unclean /dev/loop0',
  ])
  expect([...lost.ghosts.values()].map(({ device }) => device)).toContain('/dev/loop0')
  expect(rig.events('lun.ghostsSuperseded')).toEqual([])
  const newer = rig.head.write({ offset: 0, data: bytesOf(2) })
  await rig.pass(60_000)
  expect(rig.head.held.bios).toBe(1)
  rig.mp.releaseGhosts({ reason: 'the server has done what it held' })
  await rig.drive(newer)
  expect(lost.ghosts.size).toBe(0)
})

test('F-02: only what the storage says is told of the end of a ghost by another engine', async () => {
  const luns = new SharedLuns()
  const first = await killed(luns, { attemptTimeoutMs: 200, ghostQuiesceMs: 0 })
  const a = await first.add(A, { errorsAreFinal: false })
  await first.add(B)
  a.path.prefer()
  a.hang.enable()
  await first.drive(first.head.write({ offset: 0, data: bytesOf(1) }))
  luns.attachments = []
  const other = await Rig.open({ luns, checked: false, firstId: 7_000 })
  await other.add('10:0:0:0')
  other.mp.releaseGhosts({ reason: 'a test' })
  await other.settle()
  expect([luns.ghosts.size, luns.ended.size]).toEqual([0, 1])
  await other.drive(other.mp.close())
  const rig = await after(first, luns)
  await rig.add(B)
  await rig.settle()
  expect(rig.mp.ghosts).toEqual([])
  expect(rig.events('lun.ghostsSuperseded')).toMatchObject([
    { detail: 'another engine of the LUN has ended them' },
  ])
  expect(luns.ended.size).toBe(0)
})

test('F-03: a reservation outlives the loss of the LUN’s storage, unless somebody has made another since', async () => {
  const luns = new SharedLuns()
  const first = await killed(luns, { initiator: 'first' })
  await first.add(A)
  await first.drive(first.head.reservations.register('0xa1'))
  await first.drive(first.head.reservations.reserve('0xa1', 'write-exclusive'))
  const lost = new SharedLuns()
  lost.fresh = true
  lost.name = 'storage-2'
  const rig = await after(first, lost, { initiator: 'first' })
  await rig.add(A)
  expect(lost.reservations.read()).toMatchObject({ epoch: 1, state: { type: 'write-exclusive' } })
  expect(rig.events('reservation.adopted').at(-1)).toMatchObject({
    why: expect.stringContaining('what this ledger knew was put there'),
  })
  rig.mp.releaseGhosts({ reason: 'a test' })
  const taken = new SharedLuns()
  taken.name = 'storage-3'
  const other = await Rig.open({ luns: taken, checked: false, firstId: 7_000, initiator: 'other' })
  await other.add(B)
  await other.drive(other.head.reservations.register('0xb1'))
  const late = await Rig.open({
    ...{ luns: taken, beside: true, rows: first.rows(), lun: first.lun, firstId: 8_000, initiator: 'first' },
  })
  await late.add(A)
  expect(late.head.reservations.readKeys().keys).toHaveLength(1)
  late.mp.releaseGhosts({ reason: 'a test' })
})

test('F-04: a device that is busy for whatever reason is not let go of, and time releases nothing of it', async () => {
  const luns = new SharedLuns()
  const first = await killed(luns)
  await first.add(A, loop(0, { final: false }))
  luns.busy.add(keyOf(0))
  const rig = await after(first, luns)
  await rig.add(B, loop(1))
  await rig.pass(600_000)
  expect(rig.mp.ghosts).toMatchObject([{ device: '/dev/loop0', returned: false }])
  rig.mp.releaseGhosts({ reason: 'a test' })
})

test('F-07: a LUN storage that is taken away stops the engine with its code', async () => {
  const luns = new SharedLuns()
  const rig = await Rig.open({ luns })
  await rig.add(A)
  luns.loseNow()
  expect(rig.mp.broken).toMatchObject({ code: 'LUN_STORAGE_LOST' })
  expect(await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))).toMatchObject({
    code: 'LUN_STORAGE_LOST',
  })
  expect(rig.events('engine.broke')).toMatchObject([{ code: 'LUN_STORAGE_LOST' }])
})

test('review 23: the end of a ghost that the storage does not take holds writes until it has it', async () => {
  const luns = new SharedLuns()
  const first = await killed(luns)
  await first.add(A)
  const rig = await after(first, luns)
  await rig.add(B)
  luns.fails = 'the disk is full'
  rig.mp.releaseGhosts({ reason: 'a test' })
  const newer = rig.head.write({ offset: 0, data: bytesOf(1) })
  await rig.pass(2_000)
  expect([rig.head.held.bios, rig.mp.ghosts.length]).toEqual([1, 1])
  luns.fails = null
  await rig.drive(newer)
  expect(rig.mp.ghosts).toEqual([])
  expect(WWID).toBe(rig.lun.wwid)
})
