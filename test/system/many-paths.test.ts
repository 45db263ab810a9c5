// As many paths as a large host has, all of them failing at once: minutes on a slow machine, so not among the quick tests.
import { expect, test } from 'vitest'
import { memoryLun, memoryPath } from '../../adapters/paths/memory.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { Rig } from '../engine/rig.ts'

test(
  'review 09: 8,000 paths that fail together are told, and come back together; nothing stops the engine',
  { timeout: 600_000 },
  async () => {
    const [luns, paths] = [1_000, 8]
    const rig = await Rig.open({
      ...{ poolBytes: 128 * 1024 * 1024, attemptTimeoutMs: 500, probeTimeoutMs: 500, checked: false },
      ...{ noPathRetry: 'queue', checker: { minMs: 1_000, maxMs: 4_000 } },
    })
    let hang = false
    const kept: (() => void)[] = []
    const made = Array.from({ length: luns }, (_, at) =>
      memoryLun({ wwid: `naa.6001405${at}`, sizeBytes: 16_384 }),
    )
    const adding = made.flatMap((lun, at) =>
      Array.from({ length: paths }, (_unused, way) => {
        const inner = memoryPath(lun, { hctl: `${way}:0:0:${at}`, clock: rig.clock })
        const submit: PathDevice['submit'] = (request, done) =>
          hang ? void kept.push(() => inner.submit(request, done)) : inner.submit(request, done)
        return rig.mp.addPath({ ...inner, submit })
      }),
    )
    await rig.drive(Promise.all(adding))
    const all = () => rig.mp.heads.flatMap((head) => head.paths)
    expect(all()).toHaveLength(luns * paths)
    hang = true
    for (const head of rig.mp.heads) head.setIoPolicy('round-robin')
    const ended: string[] = []
    const reads = rig.mp.heads.flatMap((head) =>
      Array.from({ length: paths }, () =>
        head.read({ offset: 0, length: 512 }).then(
          () => void ended.push('ok'),
          (error: unknown) => void ended.push((error as { code: string }).code),
        ),
      ),
    )
    await rig.pass(5_000)
    expect(rig.mp.broken).toBeNull()
    expect(all().filter(({ usable }) => usable)).toEqual([])
    expect(rig.rows('path.failed')).toHaveLength(luns * paths)
    hang = false
    for (const go of kept.splice(0)) go()
    await rig.drive(Promise.all(reads))
    await rig.pass(10_000)
    expect(new Set(ended)).toEqual(new Set(['ok']))
    expect(all().every(({ usable }) => usable)).toBe(true)
    expect(rig.mp.broken).toBeNull()
    await rig.drive(rig.mp.close())
  },
)
