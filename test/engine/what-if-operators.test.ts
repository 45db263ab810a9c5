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
    () => rig.head.setQuantum({ unit: 'ios', size: 4 }, word),
    () => rig.head.prefer('sda:1', word),
    () => rig.head.setFailback(5_000, word),
    () => rig.head.prefer(null, word),
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

test('F-27: pulled, blocked, offline, another state, another policy, drained, removed: all of it happens again', async () => {
  const rig = await operated()
  const answer = await whatIf(memoryReader(rig.memory.rows()), { settings: {} })
  expect(answer).toMatchObject({ traced: true, firstDivergence: null, differingCount: 0 })
  expect(answer.fidelity.same).toBe(answer.fidelity.of)
  expect(answer.trust).toBe('exact')
  expect(answer.then.outcomes).toEqual({ OK: 46, DRAINED: 1 })
  expect(answer.instead.outcomes).toEqual(answer.then.outcomes)
})

test('with multipathing off there is no head: what was asked of it is answered so', async () => {
  const rig = await operated()
  const answer = await whatIf(memoryReader(rig.memory.rows()), { settings: { multipath: 'off' } })
  expect(answer.fidelity.same).toBe(answer.fidelity.of)
  expect(Object.keys(answer.instead.outcomes)).toEqual(['HEAD_NOT_FOUND'])
  expect(answer.firstDivergence).not.toBeNull()
})

test('F-27: a quantum and a failback that were settings are the settings of then, and what cannot be done again is refused', async () => {
  const quantum = { unit: 'ios', size: 4 } as const
  const rig = await Rig.open({ ioTrace: 'full', iopolicy: 'round-robin', quantum, failback: 2_000 })
  for (const hctl of [A, B]) await rig.add(hctl)
  for (let turn = 0; turn < 20; turn += 1) await rig.read(turn * 512)
  await rig.end()
  const reader = memoryReader(rig.memory.rows())
  const answer = await whatIf(reader, { settings: { iopolicy: 'numa' } })
  expect(answer).toMatchObject({ trust: 'exact', settings: { then: { quantum, failback: 2_000 } } })
  const unlike = whatIf(reader, { settings: {}, recorded: { iopolicy: 'numa' } })
  await expect(unlike).rejects.toMatchObject({ code: 'WHAT_IF_UNLIKE', details: { of: 20 } })
})
