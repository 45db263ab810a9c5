// Explanations that once were wrong: each of them told something that was not so.
import { expect, test } from 'vitest'
import { explain } from '../../store/explain/explain.ts'
import { bytesOf, Rig, WWID } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const [A, B, C] = ['8:0:0:0', '9:0:0:0', '10:0:0:0'] as const
const path = (hctl: string) => ({ stream: `path/${WWID}/${hctl}` })
const HEAD = { stream: `head/${WWID}` }

test('F-41: an outage of two dead links beside a path that was pulled an hour ago is the links, not the operator', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin' })
  const [a, b, c] = [await rig.add(A), await rig.add(B), await rig.add(C)]
  c.path.fail({ actor: 'operator:2', reason: 'spare' })
  await rig.pass(3_600_000)
  for (const { fail } of [a, b]) fail({ errno: 'ENOLINK' })
  await rig.errorOf(rig.head.read({ offset: 0, length: 512 }))
  await rig.pass(300)
  const { advice, also } = expectExplained(rig.memory, HEAD, {
    kind: 'pathError',
    errno: 'ENOLINK',
    actor: null,
  })
  expect(advice).not.toContain('This was wanted')
  expect(also).toContainEqual(expect.stringMatching(/^sda:2 was disabled by its operator/))
})

test('F-41: a path that failed and stands for another device now is told by that, with no hope that it comes back', async () => {
  const rig = await Rig.open({ checker: { minMs: 300, maxMs: 300 } })
  const a = await rig.add(A)
  await rig.add(B)
  a.fail({ errno: 'ENOLINK' })
  await rig.write(0, bytesOf(1))
  await rig.pass(1_000)
  expect(explain(rig.memory, path(A), { position: rig.position }).advice).toContain(
    'brings it back by itself',
  )
  a.heal()
  a.memory.setIdentity('naa.bad')
  await rig.pass(2_000)
  const { symptom, advice } = expectExplained(rig.memory, path(A), { kind: 'identity', errno: null, path: A })
  expect(symptom).toContain('another device stands there now')
  expect(advice).not.toContain('brings it back by itself')
  expect(rig.events('path.probeFailed', A).at(-1)).toMatchObject({ found: 'identity' })
})

test('F-41: becoming marginal has an error of its own window as its cause, or none', async () => {
  const marginal = { on: true, windowMs: 1_000, windowIosMin: 5, sampleMs: 60_000, doubleFailureMs: 0 }
  const rig = await Rig.open({ iopolicy: 'round-robin', checker: { minMs: 50, maxMs: 100 }, marginal })
  const a = await rig.add(A)
  await rig.add(B)
  a.fail({ errno: 'ENOLINK' })
  for (let turn = 0; turn < 2; turn += 1) await rig.read(4096)
  await rig.pass(300)
  a.heal()
  await rig.pass(5_000)
  for (let turn = 0; turn < 12; turn += 1) await rig.read(0)
  a.fail({ errno: 'EIO', op: 'read', range: { offset: 524_288, length: 512 } })
  for (let turn = 0; turn < 2; turn += 1) await rig.read(524_288)
  const [became] = rig.rows('path.becameMarginal', A)
  const cause = rig.rows().find(({ position }) => position === became?.cause)
  expect(JSON.parse(cause?.data ?? '{}')).toMatchObject({ errno: 'EIO', offset: 524_288 })
  expectExplained(rig.memory, path(A), { kind: 'pathError', errno: 'EIO', offset: 524_288 }, became!.position)
})

test('F-41: a traced I/O names the event that it led to, and why the policy chose each path', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin', ioTrace: 'full', checker: { minMs: 50, maxMs: 100 } })
  const a = await rig.add(A)
  await rig.add(B)
  for (const [errno, offset] of [
    ['ENOLINK', 4096],
    ['EIO', 65_536],
  ] as const) {
    a.fail({ errno })
    for (let turn = 0; turn < 2; turn += 1) await rig.read(offset)
    a.heal()
    await rig.pass(2_000)
  }
  const refused = rig.events('head.ioTraced').filter(({ attempts }) => (attempts as unknown[]).length > 1)
  expect(refused).toHaveLength(2)
  for (const { bio, offset, attempts } of refused) {
    const [{ errno }] = attempts as [{ errno: string }]
    const { chain, root } = expectExplained(
      rig.memory,
      { io: bio as number },
      { kind: 'pathError', errno, offset: offset as number },
    )
    expect(chain.at(-1)?.type).toBe('path.suspected')
    expect(rig.rows().find(({ position }) => position === root.position)?.data).toContain(errno)
    expect(chain[0]?.says).toMatch(/Chosen by round-robin: another path had refused it \(rank 0, /)
    expect(chain[1]?.says).toMatch(/Chosen by round-robin: its turn came \(rank 0, 2 paths usable\)\.$/)
  }
})

test('F-26: an error of the medium, also of a traced I/O, is no cable', async () => {
  const rig = await Rig.open({ ioTrace: 'full' })
  const a = await rig.add(A)
  await rig.add(B)
  a.fail({ errno: 'EIO', status: 'MEDIUM', op: 'read' })
  await rig.errorOf(rig.head.read({ offset: 512, length: 512 }))
  for (const target of [HEAD, { io: 1 }]) {
    const { layer, advice } = expectExplained(rig.memory, target, {
      kind: 'lunError',
      status: 'MEDIUM',
      offset: 512,
    })
    expect([layer, advice]).toEqual(['medium', expect.stringContaining('bad block')])
  }
})

test('F-26: what an operator set offline is set online again, and what a transport says nobody wanted', async () => {
  const rig = await Rig.open()
  const [a, b] = [await rig.add(A), await rig.add(B)]
  a.path.setOffline({ actor: 'operator:0', reason: 'a test' })
  b.path.setTransportOffline({ reason: 'dev_loss_tmo' })
  await rig.settle()
  expect(expectExplained(rig.memory, path(A), { kind: 'operator' }).advice).toContain(
    '`pathledger path online`',
  )
  const { advice } = expectExplained(rig.memory, path(B), { kind: 'deviceState', reason: 'dev_loss_tmo' })
  expect(advice).not.toContain('wanted')
})

test('F-21: a path behind the others in size is a trouble of its head and of itself', async () => {
  const rig = await Rig.open()
  const a = await rig.add(A)
  await rig.add(B)
  a.memory.resize(2 * 1024 * 1024)
  rig.head.rescan()
  await rig.settle()
  for (const target of [HEAD, path(B)]) {
    const { now, symptom, advice } = expectExplained(rig.memory, target, { kind: 'deviceState', path: A })
    expect([now, symptom]).toEqual([true, expect.stringContaining('sda:1 is behind in size')])
    expect(advice).toContain('rescan')
  }
  expect(explain(rig.memory, path(A), { position: rig.position }).now).toBe(false)
})

test('F-21: what callers of a head got, and devices that were refused, are told with it', async () => {
  const rig = await Rig.open({ sampleMs: 100 })
  const a = await rig.add(A)
  await rig.add(B)
  a.fail({ errno: 'EREMOTEIO' })
  for (let turn = 0; turn < 3; turn += 1) await rig.errorOf(rig.head.read({ offset: 0, length: 512 }))
  a.heal()
  await rig.pass(1_000)
  expect(expectExplained(rig.memory, HEAD, { kind: 'lunError', status: 'TARGET' }).also).toContainEqual(
    expect.stringMatching(/^Its callers got \d errors? from position \d+ on, among them I\/O /),
  )
  const wrong = rig.makePath(C, {
    wrap: (device) => ({ ...device, geometry: { ...device.geometry, sizeBytes: 4096 } }),
  })
  await rig.errorOf(rig.mp.addPath(wrong.device))
  const { now, symptom } = expectExplained(rig.memory, HEAD, { kind: 'refused', path: C })
  expect([now, symptom]).toEqual([true, expect.stringContaining('was refused as path 10:0:0:0')])
})

test('F-20: an explanation uses the names that were in force at each of its positions', async () => {
  const first = await Rig.open({ checked: false })
  const a = await first.add(A)
  await first.add(B)
  a.fail({ errno: 'ENOLINK' })
  await first.write(0, bytesOf(1))
  const then = first.position
  await first.drive(first.mp.close())
  const rig = await Rig.open({ rows: first.rows(), lun: first.lun, firstDiskIndex: 1 })
  for (const hctl of [B, A]) await rig.add(hctl)
  await rig.pass(1_000)
  expect(explain(rig.memory, path(A), { position: then })).toMatchObject({
    subject: 'sda:0',
    symptom: 'sda:0 has failed.',
  })
  const now = explain(rig.memory, HEAD, { position: rig.position })
  expect(now.subject).toBe('sdb')
  expect(now.chain[0]?.says).toMatch(/^sda:0 failed/)
})

test('F-22: two failures an hour apart by the monotonic clock did not fail together, whatever the wall clock says', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin', checker: { minMs: 60_000, maxMs: 60_000 } })
  const [a, b] = [await rig.add(A), await rig.add('8:0:1:0')]
  await rig.add(B)
  a.fail({ errno: 'ENOLINK' })
  for (let turn = 0; turn < 3; turn += 1) await rig.write(0, bytesOf(1))
  await rig.pass(3_600_000)
  rig.clock.stepWall(-3_600_000_000)
  b.fail({ errno: 'ENOLINK' })
  for (let turn = 0; turn < 3; turn += 1) await rig.write(0, bytesOf(1))
  const { also, layer } = explain(rig.memory, path('8:0:1:0'), { position: rig.position })
  expect(layer).toBe('path')
  expect(also.filter((one) => one.includes('within two seconds'))).toEqual([])
})

test('F-23: a controller that dies behind two adapters is no adapter', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin' })
  const paths = []
  for (const hctl of ['8:0:0:0', '8:0:1:0', '9:0:0:0', '9:0:1:0']) paths.push(await rig.add(hctl))
  for (const { fail, hctl } of paths) if (hctl.split(':')[2] === '1') fail({ errno: 'ENOLINK' })
  for (let turn = 0; turn < 6; turn += 1) await rig.write(0, bytesOf(1))
  const { layer, advice, certainty, also } = explain(rig.memory, HEAD, { position: rig.position })
  expect([layer, advice]).toEqual(['target', expect.stringContaining('controller of the array first')])
  expect(certainty).toMatch(/^Excluded: the adapters/)
  expect(also.at(-1)).toBe(
    'sda:1, sda:3 failed within two seconds: all 2 paths to target 0:1, by adapters 8 and 9. sda:0, sda:2 stayed well.',
  )
})
