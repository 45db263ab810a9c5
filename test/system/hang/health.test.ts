// Scenarios of path health on real loop devices: sick, dead, lying and healed paths. Order is asserted here, not time: what takes
// time is tested on virtual time (test/scenarios).
import { describe, expect, test } from 'vitest'
import { errorFilter, type ErrorControl } from '../../../adapters/filters/error.ts'
import { attachLoop, loopPath } from '../../../adapters/paths/loops.ts'
import { seededRandom } from '../../../adapters/seeded-random.ts'
import type { Path } from '../../../engine/api/path.ts'
import { VerifyLoad } from '../../engine/load.ts'
import { BLOCK, filled, HangRig, LUN_BYTES, until, WWID } from './rig.ts'

const NAMES = ['A', 'B', 'C', 'D'] as const
const [ONE, OTHER] = ['8:0:0:0', '9:0:0:0'] as const
/** nbdkit's error filter and ours answer before anything is done: what an error leaves behind is over soon. */
const OVER_SOON = { ghostQuiesceMs: 20, checker: { minMs: 20, maxMs: 40 } } as const

/** A verify load over a head of real devices. */
function loadOn(rig: HangRig): VerifyLoad {
  const lun = {
    get medium() {
      return rig.medium(0, LUN_BYTES)
    },
  }
  return new VerifyLoad({ head: rig.head, lun }, { workers: 4, seed: 5 })
}

/** A loop device over the image itself, with an error filter on it. */
async function filtered(rig: HangRig, hctl: string): Promise<{ path: Path; error: ErrorControl }> {
  const attached = await attachLoop({ image: rig.image, wwid: WWID })
  try {
    const device = await loopPath(attached.device, { lun: { wwid: WWID, implicitAlua: true }, hctl })
    const { path, control } = errorFilter(device, {}, { random: seededRandom(hctl) })
    return { path: await rig.mp.addPath(path, { trustIdentity: true }), error: control }
  } finally {
    await attached.release()
  }
}

const read = (rig: HangRig, offset = 0) => rig.head.read({ offset, length: BLOCK })
const isFailed = ({ state: { health } }: Path) => health === 'failed' || health === 'probing'

describe('paths under load', () => {
  test('scenario 5: each of four paths in turn gives EIO and heals: no error at the caller, all data right', async () => {
    const rig = await HangRig.make({ paths: NAMES, logged: false })
    await rig.open({ ...OVER_SOON, iopolicy: 'round-robin', noPathRetry: 'queue' })
    const load = loadOn(rig)
    load.start()
    for (const name of [...NAMES, ...NAMES]) {
      rig.served(name).eio(true)
      await until(`${name} has failed`, () => isFailed(rig.path(name)))
      rig.served(name).heal()
      await until(`${name} is back`, () => rig.path(name).usable)
    }
    await load.stop()
    expect(load.tally).toMatchObject({ errors: [], mismatched: 0 })
    expect(load.tally.writes).toBeGreaterThan(0)
    expect(load.verifyMedium()).toBe(0)
    expect(rig.head.counters.callerErrors).toBe(0)
    const failures = rig.events.filter(({ event }) => event.type === 'path.failed')
    expect(failures.length).toBeGreaterThanOrEqual(2 * NAMES.length)
    for (const { event } of failures) expect(event.cause, `position ${event.position}`).not.toBeNull()
    await rig.close()
    for (const name of NAMES)
      rig.explains(name, 'path.failed', { kind: 'pathError', path: rig.hctl(name), errno: 'EIO' })
  })

  test('scenario 6: each path dies, is taken away, made anew and attached again: no duplicate, all data right', async () => {
    const rig = await HangRig.make({ paths: NAMES, logged: false })
    await rig.open({ ...OVER_SOON, iopolicy: 'round-robin', noPathRetry: 'queue' })
    const load = loadOn(rig)
    load.start()
    for (const [turn, name] of NAMES.entries()) {
      // DEAD is its server, GONE what is between that and the loop device.
      await (turn % 2 === 0 ? rig.served(name).dead() : rig.served(name).gone())
      await until(`${name} has failed`, () => isFailed(rig.path(name)))
      await rig.path(name).remove({ reason: 'its device is gone' })
      await rig.recreate(name)
      await rig.add(name)
      expect(rig.head.paths.map(({ hctl }) => hctl).sort()).toEqual(NAMES.map((one) => rig.hctl(one)).sort())
      await until(`${name} carries I/O`, () => rig.path(name).counters.reads > 0)
    }
    await load.stop()
    expect(load.tally).toMatchObject({ errors: [], mismatched: 0 })
    expect(load.verifyMedium()).toBe(0)
    expect(rig.seen('path.added')).toHaveLength(2 * NAMES.length)
    expect(rig.seen('path.removed')).toHaveLength(NAMES.length)
    expect(rig.seen('engine.pathRefused')).toEqual([])
    await rig.close()
    for (const name of NAMES)
      rig.explains(name, 'path.failed', { kind: 'pathError', path: rig.hctl(name), errno: 'EIO' })
  })
})

test('scenario 22: two failures make a path marginal: last in line while its samples err, and back when they are clean', async () => {
  const rig = await HangRig.make({ paths: [] })
  await rig.open({
    ...{ ...OVER_SOON, iopolicy: 'round-robin', with: [] },
    marginal: { on: true, sampleMs: 500, sampleIntervalMs: 10, recheckMs: 50, recheckMaxMs: 100 },
  })
  const [a, b] = [await filtered(rig, ONE), await filtered(rig, OTHER)]
  for (let failure = 0; failure < 2; failure += 1) {
    a.error.enable({ op: 'read', ratePerMillion: 1_000_000 })
    for (let turn = 0; turn < 2; turn += 1) await read(rig)
    await until('it has failed', () => isFailed(a.path))
    a.error.disable()
    await until('it is back', () => a.path.usable)
  }
  a.error.enable({ op: 'read', ratePerMillion: 500_000 })
  expect(a.path.state.health).toBe('marginal')
  const before = a.path.counters.reads
  for (let turn = 0; turn < 6; turn += 1) await read(rig)
  expect(a.path.counters.reads).toBe(before)
  await until('it was sampled', () => rig.seen('path.sampled').some(({ errors }) => Number(errors) > 0))
  expect(a.path.state.health).toBe('marginal')
  // Alone it carries everything, as it is.
  b.path.fail({ reason: 'a try' })
  a.error.disable()
  await read(rig)
  expect(a.path.counters.reads).toBeGreaterThan(before)
  b.path.reinstate({ reason: 'a try' })
  await until('its samples were clean', () => rig.seen('path.sampled').at(-1)?.['errors'] === 0)
  expect(a.path.state.health).toBe('online')
  expect(rig.head.counters.callerErrors).toBe(0)
  await rig.close()
  rig.explains(ONE, 'path.failed', { kind: 'pathError', path: ONE, errno: 'EIO', op: 'read' })
})

test('scenario 31: no check undoes an operator, however well the path answers', async () => {
  const rig = await HangRig.make()
  const checker = { minMs: 20, maxMs: 40, healthyMaxMs: 40 }
  await rig.open({ ...OVER_SOON, iopolicy: 'round-robin', checker })
  const [a, word] = [rig.path('A'), { actor: 'operator:1000', reason: 'cable swap' }]
  a.fail(word)
  const checks = () => rig.events.filter(({ event }) => event.type === 'path.checkPassed').length
  await until('it was checked again and again', () => checks() >= 10)
  rig.a.eio(true)
  await until('a check has found it sick', () => isFailed(a))
  rig.a.heal()
  await until('a check has found it well', () => a.state.health === 'online')
  for (let turn = 0; turn < 6; turn += 1) await read(rig, turn * BLOCK)
  expect(a).toMatchObject({ usable: false, state: { admin: 'disabled', health: 'online' } })
  expect(a.counters.reads).toBe(0)
  a.reinstate({ ...word, reason: 'cable swapped' })
  for (let turn = 0; turn < 6; turn += 1) await read(rig, turn * BLOCK)
  expect(a.counters.reads).toBeGreaterThan(0)
  await rig.close()
  rig.explains('A', 'path.disabled', { kind: 'operator', path: rig.hctl('A'), ...word })
})

test('scenario 32: a path whose reads of one block fail and whose writes succeed is found out, and not reinstated', async () => {
  const rig = await HangRig.make({ paths: [] })
  await rig.open({ ...OVER_SOON, with: [] })
  const [a, b] = [await filtered(rig, ONE), await filtered(rig, OTHER)]
  const offset = 300 * BLOCK
  a.error.enable({ op: 'read', range: { offset, length: BLOCK } })
  for (let turn = 1; turn < 40 && !isFailed(a.path); turn += 1) {
    await rig.head.write({ offset, data: filled(turn) })
    expect(Buffer.compare(await read(rig, offset), filled(turn))).toBe(0)
  }
  await until('it has failed', () => isFailed(a.path))
  const { reads, writes } = a.path.counters
  await until('it was probed', () => rig.seen('path.probeFailed').length >= 5)
  await rig.head.write({ offset, data: filled(99) })
  expect(Buffer.compare(await read(rig, offset), filled(99))).toBe(0)
  expect(a.path.counters).toMatchObject({ reads, writes })
  expect(rig.seen('path.probeSucceeded')).toEqual([])
  expect(b.path.state.health).toBe('online')
  a.error.disable()
  await until('it is back', () => a.path.usable)
  await rig.close()
  rig.explains(ONE, 'path.failed', { kind: 'pathError', path: ONE, errno: 'EIO', op: 'read' })
})

test('scenario 35: thousands of identical errors make a bounded number of rows, and each is counted', async () => {
  const [ERRORS, ROWS_A_MINUTE] = [5_000, 100]
  const rig = await HangRig.make({ paths: [] })
  await rig.open({
    ...{ ...OVER_SOON, with: [], failThreshold: 1_000_000, errorRowsPerMinute: ROWS_A_MINUTE },
    sampleMs: 100,
  })
  const [a] = [await filtered(rig, ONE), await filtered(rig, OTHER)]
  a.error.enable({ op: 'write' })
  const data = filled(35)
  while (a.path.counters.errors < ERRORS) {
    await Promise.all(Array.from({ length: 100 }, (_, at) => rig.head.write({ offset: at * BLOCK, data })))
  }
  const { errors } = a.path.counters
  expect(rig.head.counters.callerErrors).toBe(0)
  expect(a.path.state.health).toBe('online')
  await rig.close()
  const told = rig.events.filter(({ event }) => event.type === 'path.suspected')
  const [first, last] = [told[0]?.event.monoUs ?? 0, told.at(-1)?.event.monoUs ?? 0]
  expect(told.length).toBeGreaterThan(0)
  expect(told.length).toBeLessThanOrEqual(ROWS_A_MINUTE * (1 + Math.ceil((last - first) / 60_000_000)))
  const counted = rig.seen('path.ioSampled').reduce((sum, sample) => sum + Number(sample['errors'] ?? 0), 0)
  expect(counted, 'what no row tells of is in the counts').toBe(errors)
  rig.explains(ONE, 'path.suspected', { kind: 'pathError', path: ONE, errno: 'EIO', op: 'write' })
})
