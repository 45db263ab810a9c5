// What people and transports did while a run was recorded is done again: asked with nothing changed, everything goes as it went.
import { expect, test } from 'vitest'
import { whatIf } from '../../what-if/what-if.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { bytesOf, Rig } from './rig.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const

async function operated(): Promise<Rig> {
  const rig = await Rig.open({ ioTrace: 'full', noPathRetry: 'fail', delayedRemovalMs: 1_000 })
  const a = (await rig.add(A)).path
  const b = (await rig.add(B)).path
  const word = { actor: 'operator:7', reason: 'a test of cables' }
  const some = async () => {
    await rig.write(0, bytesOf(1))
    await rig.read(512)
    await rig.pass(50)
  }
  for (const act of [
    () => a.fail(word),
    () => a.reinstate(word),
    () => a.block(),
    () => a.unblock(),
    () => a.quiesce(),
    () => a.resume(),
    () => a.setOffline(word),
    () => a.setOnline(word),
    () => a.setTransportOffline(),
    () => a.setOnline(),
    () => a.setAccessState('standby', { preferred: true, why: 'its controller restarts' }),
    () => a.setAccessState('optimal'),
    () => rig.head.setIoPolicy('round-robin', word),
    () => rig.head.setDelayedRemoval(2_000, word),
    () => rig.head.setNoPathRetry('queue'),
  ]) {
    act()
    await some()
  }
  await rig.drive(rig.head.discard({ offset: 4096, length: 512 }))
  await rig.drive(rig.head.writeZeroes({ offset: 8192, length: 512 }))
  // A flush goes down every path that has written, which turns the round of the policy: last, before only one is left.
  await rig.drive(rig.head.flush())
  // Nothing is usable, what comes waits, and is ended.
  for (const path of [a, b]) path.fail()
  const waiting = rig.head.read({ offset: 0, length: 512 }).catch((error: unknown) => error)
  await rig.pass(100)
  rig.head.drain(word)
  expect(await waiting).toMatchObject({ code: 'DRAINED' })
  b.reinstate()
  await some()
  await rig.drive(a.remove(word))
  await some()
  await rig.end()
  return rig
}

test('pulled, blocked, offline, another state, another policy, drained, removed: all of it happens again', async () => {
  const rig = await operated()
  const answer = await whatIf(memoryReader(rig.memory.rows()), { settings: {} })
  expect(answer).toMatchObject({ traced: true, firstDivergence: null, differingCount: 0 })
  expect(answer.fidelity.same).toBe(answer.fidelity.of)
  expect(answer.then.outcomes).toEqual({ OK: 38, DRAINED: 1 })
  expect(answer.instead.outcomes).toEqual(answer.then.outcomes)
})

test('with multipathing off there is no head: what was asked of it is answered so', async () => {
  const rig = await operated()
  const answer = await whatIf(memoryReader(rig.memory.rows()), { settings: { multipath: 'off' } })
  expect(answer.fidelity.same).toBe(answer.fidelity.of)
  expect(Object.keys(answer.instead.outcomes)).toEqual(['HEAD_NOT_FOUND'])
  expect(answer.firstDivergence).not.toBeNull()
})
