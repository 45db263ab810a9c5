import { expect, test } from 'vitest'
import { bytesOf, Rig, WWID } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const
const OFFSET = 8192

test('scenario 2: the active path fails before the first I/O: one write call succeeds, one failover is told', async () => {
  const rig = await Rig.open()
  const a = await rig.add(A)
  const b = await rig.add(B, { access: 'active' })
  const before = rig.position
  a.fail({ errno: 'EIO' })

  await rig.write(OFFSET, bytesOf(7))

  expect(rig.lun.medium.subarray(OFFSET, OFFSET + 512)).toEqual(bytesOf(7))
  expect(a.ios).toHaveLength(1)
  expect(b.ios).toHaveLength(1)
  expect(a.path.state).toMatchObject({ health: 'failed', device: 'running', access: 'optimal' })
  expect(a.path.usable).toBe(false)
  expect(b.path.state).toMatchObject({ health: 'online', access: 'active' })
  expect(rig.head.state).toEqual({ life: 'live', service: 'degraded' })
  expect(rig.head.counters).toMatchObject({ writes: 1, resent: 1, callerErrors: 0, requeued: 0 })

  // Exactly one failover event; its first evidence is what was injected.
  const first = { errno: 'EIO', status: 'IOERR', op: 'write', offset: OFFSET, length: 512 }
  expect(rig.rows('path.failed').map(({ stream }) => stream)).toEqual([`path/${WWID}/${A}`])
  expect(rig.events('path.failed')[0]).toMatchObject({
    first,
    verdict: 'probe',
    errors: 1,
    bios: 1,
    resent: 1,
  })
  expect(a.path.failure).toEqual(first)

  rig.expectReplayEqualsLive()
  const [suspected] = rig.rows('path.suspected')
  const [failed] = rig.rows('path.failed')
  expect(failed?.cause).toBe(suspected?.position)
  expect(rig.stateAt(before)).toEqual({ life: 'live', service: 'serving' })
  expect(rig.stateAt(before, A)).toMatchObject({ health: 'online' })
  // While the verdict is out nothing has failed yet.
  expect(rig.stateAt(suspected!.position, A)).toMatchObject({ health: 'online' })
  expect(rig.stateAt(failed!.position, A)).toMatchObject({ health: 'failed' })
  expect(rig.stateAt(rig.position)).toEqual({ life: 'live', service: 'degraded' })
  const root = {
    ...first,
    kind: 'pathError',
    path: A,
    incarnation: 1,
    position: suspected!.position,
  } as const
  for (const stream of [`path/${WWID}/${A}`, `head/${WWID}`]) expectExplained(rig.memory, { stream }, root)
  expectExplained(rig.memory, { stream: `path/${WWID}/${B}` }, { kind: 'nothing' })

  // The first write is acknowledged only with the record of why it was re-sent; the next one needs none.
  await rig.write(OFFSET, bytesOf(8))
  expect(a.ios).toHaveLength(1)
  expect(rig.rows('path.failed')).toHaveLength(1)

  a.heal()
  await rig.pass(1_500)
  expect(a.path.state).toMatchObject({ health: 'online' })
  expect(rig.head.state).toEqual({ life: 'live', service: 'serving' })
  // Also when all is well again it is told what the last trouble was.
  expect(expectExplained(rig.memory, { stream: `head/${WWID}` }, root)).toMatchObject({ now: false })
  rig.expectReplayEqualsLive()
})
