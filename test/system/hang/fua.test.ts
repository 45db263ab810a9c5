// A write with force unit access is on the medium before it is acknowledged: the server behind the device sees so, whichever way
// its bytes took. Needs root, loop devices, nbdkit and nbdfuse.
import { describe, expect, onTestFinished, test } from 'vitest'
import { fsBackend } from '../../../adapters/fs-backend.ts'
import { loopPath } from '../../../adapters/paths/loops.ts'
import type { LoopPathSettings } from '../../../adapters/paths/loops.ts'
import { probeUring } from '../../../adapters/uring/index.ts'
import { Multipath } from '../../../engine/multipath.ts'
import { BLOCK, HangRig, WWID } from './rig.ts'

/** Every adapter that does real I/O, by the name it goes by, and what makes a loop path take it. */
const BACKENDS: readonly (readonly [name: string, settings: Partial<LoopPathSettings>])[] = [
  ['io_uring', {}],
  [
    'child-fs',
    { probe: () => ({ available: false, why: 'the test says so', readWrite: false, commands: false }) },
  ],
  ['fs', { backend: fsBackend() }],
]

describe.each(BACKENDS)('force unit access by %s', (name, settings) => {
  test('RWF_DSYNC reaches the device: the server is told to flush before the write is acknowledged, and without it it is not', async () => {
    if (name === 'io_uring') expect(probeUring()).toMatchObject({ available: true })
    const rig = await HangRig.make({ paths: ['A'] })
    const attached = await rig.a.attach()
    const opening = loopPath(attached.device, {
      lun: { wwid: WWID, implicitAlua: true },
      hctl: '8:0:0:0',
      ...settings,
    })
    await opening.finally(() => attached.release())
    const mp = await Multipath.open({ ledger: rig.ledger, multipath: 'always' })
    onTestFinished(() => mp.close())
    await mp.addPath(opening)
    expect((await opening).guarantees.backend).toBe(name)
    const head = mp.head(WWID)
    const seen = () => [rig.a.answered('Write'), rig.a.answered('Flush')] as const
    const data = new Uint8Array(BLOCK).fill(7)
    const [, before] = seen()
    for (const at of [0, 1, 2]) await head.write({ offset: at * BLOCK, data })
    const [, plain] = seen()
    expect(plain - before).toBe(0)
    for (const at of [3, 4, 5]) {
      const [, flushed] = seen()
      await head.write({ offset: at * BLOCK, data, fua: true })
      const [writes, flushes] = seen()
      expect(flushes).toBeGreaterThan(flushed)
      expect(writes).toBeGreaterThan(0)
    }
    // What was on its way by then is on the medium, and the bytes are those.
    expect(rig.medium(3 * BLOCK, BLOCK).every((byte) => byte === 7)).toBe(true)
  })
})
