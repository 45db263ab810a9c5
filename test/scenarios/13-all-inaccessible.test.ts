// Every path is inaccessible and none has failed: I/O waits, and goes on when one becomes optimized, or ends when the
// transition deadline has passed.
import { expect, test } from 'vitest'
import { A, aluaRig, B } from '../engine/alua-rig.ts'
import { BLOCK, bytesOf, WWID } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const TRANSITION_SECONDS = 10
const groups = [
  { id: 1, paths: [A] },
  { id: 2, paths: [B] },
]

test('scenario 13: all inaccessible: no I/O on any path, nothing fails; one optimized, and what waited completes', async () => {
  const { rig, target } = await aluaRig({ groups })
  const [a, b] = [await rig.add(A), await rig.add(B)]
  for (const id of [1, 2]) target.setGroup(id, { access: 'unavailable' })
  // The first I/Os hear of it; nothing of them reaches the medium.
  const waiting = Array.from({ length: 16 }, (_, at) =>
    rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
  )
  await rig.pass(100)
  const [position, sent] = [rig.position, a.ios.length + b.ios.length]
  waiting.push(...[16, 17].map((at) => rig.head.write({ offset: at * BLOCK, data: bytesOf(at) })))
  await rig.pass(30_000)
  expect(a.ios.length + b.ios.length).toBe(sent)
  expect(rig.lun.medium.every((byte) => byte === 0)).toBe(true)
  expect(rig.head.queued.bios).toBe(18)
  expect([a.path.state, b.path.state].map(({ health, access }) => [health, access])).toEqual([
    ['online', 'unavailable'],
    ['online', 'unavailable'],
  ])

  target.setGroup(2, { access: 'optimal' })
  b.path.reportSense(Uint8Array.of(0x72, 6, 0x2a, 6, 0, 0, 0, 0))
  await rig.drive(Promise.all(waiting))
  for (let at = 0; at < 18; at += 1) {
    expect(rig.lun.medium.subarray(at * BLOCK, (at + 1) * BLOCK)).toEqual(bytesOf(at))
  }
  expect(rig.rows('path.failed')).toEqual([])
  expect(rig.head.counters).toMatchObject({ callerErrors: 0, failedNoPath: 0 })
  rig.expectReplayEqualsLive()
  expect((rig.stateAt(position, A) as { access: string }).access).toBe('unavailable')
  for (const hctl of [A, B]) {
    const stream = `path/${WWID}/${hctl}`
    expectExplained(rig.memory, { stream }, { kind: 'accessState', path: hctl }, position)
  }
  expectExplained(rig.memory, { stream: `head/${WWID}` }, { kind: 'accessState' }, position)
})

test('scenario 13: the transition deadline passes first: a timer event shows it, and an operator ends what waits', async () => {
  const { rig, target } = await aluaRig({ groups, transitionSeconds: TRANSITION_SECONDS })
  const [a, b] = [await rig.add(A), await rig.add(B)]
  for (const id of [1, 2]) target.setGroup(id, { access: 'transitioning' })
  const write = rig.head.write({ offset: 0, data: bytesOf(1) }).catch((error: unknown) => error)
  await rig.pass(TRANSITION_SECONDS * 1000 - 100)
  expect([a, b].map(({ path }) => path.state.access)).toEqual(['transitioning', 'transitioning'])
  const before = rig.position
  await rig.pass(200)
  expect([a, b].map(({ path }) => path.state.access)).toEqual(['standby', 'standby'])
  const deadline = rig.rows('lun.timerFired').find(({ data }) => data.includes('"transition"'))
  expect(deadline?.stream).toBe(`lun/${WWID}`)
  expect(deadline!.position).toBeGreaterThan(before - 1)
  for (const hctl of [A, B]) {
    const last = rig.rows('path.accessChanged', hctl).at(-1)
    expect(last?.cause).toBe(deadline?.position)
  }
  // From the time that ran out back to what the target had said.
  const root = { kind: 'accessState', timer: 'transition', path: A } as const
  const { chain } = expectExplained(rig.memory, { stream: `path/${WWID}/${A}` }, root)
  expect(chain.map(({ position }) => position)).toContain(deadline!.position)
  // A standby path is still worth waiting for; the operator decides otherwise.
  expect(rig.head.drain({ reason: 'the array does not come back' }).bios).toBe(1)
  expect(await rig.drive(write)).toMatchObject({ code: 'DRAINED' })
  expect(rig.lun.medium.every((byte) => byte === 0)).toBe(true)
  rig.expectReplayEqualsLive()
})
