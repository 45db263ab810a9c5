import { expect, test } from 'vitest'
import { bytesOf, Rig } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const HCTLS = ['8:0:0:0', '9:0:0:0', '10:0:0:0'] as const
const BAD = 64 * 1024
const SERVING = { life: 'live', service: 'serving' }
const ONLINE = { device: 'running', access: 'optimal', health: 'online', admin: 'enabled' }

test('scenario 36: one bad block read through every path: the caller gets the error, no path is failed', async () => {
  const rig = await Rig.open({ noPathRetry: 'queue' })
  const paths = [await rig.add(HCTLS[0]), await rig.add(HCTLS[1]), await rig.add(HCTLS[2])]
  const before = rig.position
  for (const path of paths) path.fail({ errno: 'EIO', op: 'read', range: { offset: BAD, length: 512 } })

  const error = await rig.errorOf(rig.head.read({ offset: BAD, length: 512 }))
  expect(error).toMatchObject({ code: 'IO_ERROR', errno: 'EIO', details: { status: 'IOERR', offset: BAD } })
  expect(paths.map(({ path }) => path.state)).toEqual([ONLINE, ONLINE, ONLINE])
  // The second path's same refusal says that it is the LUN's: the third one is not asked.
  expect(paths.map(({ ios }) => ios.length)).toEqual([1, 1, 0])
  expect(rig.head.counters).toMatchObject({ callerErrors: 1, reads: 0, requeued: 0 })

  expect(rig.rows('path.failed')).toEqual([])
  const evidence = { errno: 'EIO', status: 'IOERR', op: 'read', offset: BAD, length: 512 }
  expect(rig.events('lun.bioPoisoned')).toEqual([
    expect.objectContaining({ evidence, paths: ['sda:0', 'sda:1'] }),
  ])
  const stream = `head/${rig.lun.wwid}`
  expectExplained(rig.memory, { stream }, { ...evidence, kind: 'lunError' })

  // Everything else on the LUN goes on, and the block itself can be written.
  await rig.write(BAD, bytesOf(9))
  expect(await rig.read(BAD + 512)).toEqual(new Uint8Array(512))
  rig.expectReplayEqualsLive()
  const [poisoned] = rig.rows('lun.bioPoisoned')
  for (const position of [before, poisoned!.position, rig.position]) {
    expect(rig.stateAt(position)).toEqual(SERVING)
    expect(HCTLS.map((hctl) => rig.stateAt(position, hctl))).toEqual([ONLINE, ONLINE, ONLINE])
  }
})

test('scenario 36: a medium error that the target itself reports goes to the caller through the first path', async () => {
  const rig = await Rig.open()
  const paths = [await rig.add(HCTLS[0]), await rig.add(HCTLS[1])]
  for (const path of paths) {
    path.fail({ errno: 'EIO', status: 'MEDIUM', op: 'read', range: { offset: BAD, length: 512 } })
  }
  const error = await rig.errorOf(rig.head.read({ offset: BAD, length: 512 }))
  expect(error).toMatchObject({ code: 'IO_ERROR', errno: 'ENODATA', details: { status: 'MEDIUM' } })
  expect(paths.map(({ requests }) => requests.length)).toEqual([1, 0])
  const evidence = { errno: 'EIO', status: 'MEDIUM', op: 'read', offset: BAD, length: 512 }
  expect(rig.events('lun.ioFailed')).toEqual([expect.objectContaining({ evidence, path: 'sda:0' })])
  expect(rig.rows('path.suspected')).toEqual([])
  const root = { ...evidence, kind: 'lunError', path: HCTLS[0] } as const
  expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, root)
  rig.expectReplayEqualsLive()
  expect(rig.stateAt(rig.position)).toEqual(SERVING)
})

test('scenario 36: the same bad block a hundred times fails no path either', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin' })
  const paths = [await rig.add(HCTLS[0]), await rig.add(HCTLS[1])]
  for (const path of paths) path.fail({ errno: 'EIO', op: 'read', range: { offset: BAD, length: 512 } })
  for (let turn = 0; turn < 100; turn += 1) {
    const error = await rig.errorOf(rig.head.read({ offset: BAD, length: 512 }))
    expect(error.errno).toBe('EIO')
  }
  expect(paths.map(({ path }) => path.state)).toEqual([ONLINE, ONLINE])
  expect(rig.head.counters).toMatchObject({ callerErrors: 100 })
  expect(rig.rows('path.failed')).toEqual([])
})
