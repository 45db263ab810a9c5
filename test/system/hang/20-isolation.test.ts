// A hung path holds up nothing else: not the other path, no verb, not the end of the process, and not the next engine.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EngineChild } from './engine-child.ts'
import { BLOCK, HangRig, until } from './rig.ts'

/** Nothing is given up by time: what is sent to A stays there. */
const PATIENT = { attemptTimeoutMs: 600_000, probeTimeoutMs: 600_000 }
const READS = 64

/** An engine whose path A hangs with reads on it, and B carries everything else. */
async function hangWithReads(rig: HangRig, more: (child: EngineChild) => void = () => undefined) {
  const child = await EngineChild.start(rig, { options: PATIENT })
  expect(await child.ask('write', { offset: 0, mark: 7 })).toMatchObject({ ok: true })
  // What A has acknowledged must be durable before it hangs: a later flush would have to wait for it there.
  expect(await child.ask('flush')).toMatchObject({ ok: true })
  rig.a.hang()
  let answered = 0
  for (let index = 0; index < READS; index += 1) {
    void child.ask('read', { offset: index * 2 * BLOCK }).then(() => (answered += 1))
  }
  more(child)
  const shown = await child.ask('show')
  expect(shown).toMatchObject({ ok: true })
  expect(await child.ask('fail', { path: { device: '', hctl: rig.hctl('A') } })).toMatchObject({ ok: true })
  // B serves while A hangs.
  for (let index = 0; index < 32; index += 1) {
    const offset = (2000 + index) * BLOCK
    expect(await child.ask('write', { offset, mark: index + 1 })).toMatchObject({ ok: true })
    expect(await child.ask('read', { offset })).toMatchObject({ ok: true, value: index + 1 })
  }
  expect(await child.ask('flush')).toMatchObject({ ok: true })
  expect(answered).toBe(0)
  return { child, answered: () => answered }
}

/** Flush, zeroing and status calls that hang on A, besides the reads. */
function hangMore(rig: HangRig): (child: EngineChild) => void {
  return (child) => {
    void child.ask('flush')
    void child.ask('zero', { offset: 1024 * BLOCK })
    void child.ask('discard', { offset: 1100 * BLOCK })
    void child.ask('attach', { image: join(rig.folder, 'A', 'nbd') })
  }
}

async function nextEngine(rig: HangRig): Promise<void> {
  const next = await EngineChild.start(rig, { with: ['B'] })
  expect(await next.ask('read', { offset: 0 })).toMatchObject({ ok: true, value: 7 })
  expect(await next.ask('ghosts')).toMatchObject({ value: [{ reason: 'unclean' }, { reason: 'unclean' }] })
  await next.kill()
  rig.verify()
  // The operator pulled it while it hung; that outlives the engine.
  rig.explains('A', 'path.disabled', { kind: 'operator', path: rig.hctl('A') })
}

describe('a path that hangs', () => {
  test('scenario 20: B serves and verbs answer while 64 reads hang on A, which then all complete', async () => {
    const rig = await HangRig.make()
    const { answered } = await hangWithReads(rig)
    rig.a.resume()
    await until('every read is answered', () => answered() === READS)
  })

  test('scenario 20: the process ends within a second, and the next engine opens the ledger', async () => {
    const rig = await HangRig.make()
    const { child } = await hangWithReads(rig)
    void child.ask('exit')
    expect(await child.exited()).toBeLessThan(1000)
    await nextEngine(rig)
  })

  test.each(['exit', 'SIGKILL'])(
    'scenario 20b: with flush, zeroing, discard and attach pending, %s ends it within a second',
    async (how) => {
      const rig = await HangRig.make()
      const { child } = await hangWithReads(rig, hangMore(rig))
      if (how === 'exit') void child.ask('exit')
      expect(how === 'exit' ? await child.exited() : await child.kill()).toBeLessThan(1000)
      await nextEngine(rig)
    },
  )

  test('scenario 37: 300 writes hang on a path with 128 tags; a flush on B completes', async () => {
    const rig = await HangRig.make()
    await rig.open({ ...PATIENT, inFlightBytesMax: 64 * 1024 * 1024 })
    rig.a.hang()
    const hung = Array.from({ length: 300 }, (_, index) => rig.begin(rig.write(index * 2 * BLOCK, 1)))
    await rig.inFlight('A', 300)
    rig.path('A').fail()
    await rig.write(4000 * BLOCK, 2)
    await rig.head.flush()
    expect(rig.b.answered('Flush')).toBeGreaterThan(0)
    expect(rig.mark(4000 * BLOCK)).toBe(2)
    expect(hung.filter(({ state }) => state !== 'pending')).toEqual([])
    rig.a.resume()
    await Promise.all(hung.map(({ promise }) => promise))
    for (let index = 0; index < 300; index += 1) expect(rig.mark(index * 2 * BLOCK)).toBe(1)
    await rig.close()
    rig.explains('A', 'path.disabled', { kind: 'operator', path: rig.hctl('A') })
  })
})
