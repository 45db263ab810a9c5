// Which devices are taken as paths. A refused one loses nothing: the error says why and what to do, the ledger has it,
// the device is still its owner's, and every head goes on as before.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import { memoryLun, memoryPath } from '../../adapters/paths/memory.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'
import { Multipath } from '../../engine/multipath.ts'
import type { PathledgerError } from '../../errors.ts'
import type { MultipathMode } from '../../machines/words.ts'
import { fieldsOf } from './device-fields.ts'
import { bytesOf, Rig, testLun, WWID } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'

/** What a case needs beside the device it offers. */
interface Offer {
  readonly rig: Rig
  readonly code: string
  readonly mode?: MultipathMode
}

/** Offers the device beside a healthy path and checks that nothing is lost by its refusal. */
async function refused({ rig, code }: Offer, device: PathDevice): Promise<PathledgerError> {
  await rig.write(0, bytesOf(1))
  const { heads } = rig.mp
  const names = heads.map(({ paths }) => paths.map(({ name }) => name))
  const closed: string[] = []
  const watched = wrapPath(device, (request, done) => device.submit(request, done))
  const offered = { ...fieldsOf(watched), close: async () => void closed.push('closed') }

  const error = await rig.errorOf(rig.mp.addPath(offered))
  expect(error.code).toBe(code)
  expect(error.message).toContain(error.why)
  expect(error.todo, 'says whose the device is').toContain('still belongs to your program')
  expect(closed, 'the device is still its owner’s').toEqual([])

  await rig.settle()
  const [row, ...more] = rig.events('engine.pathRefused')
  expect(more).toEqual([])
  expect(row).toMatchObject({ code, hctl: device.hctl || '-', why: error.why.slice(0, 512) })
  expect(rig.rows('path.added')).toHaveLength(names.flat().length)
  expect(rig.mp.heads.map(({ paths }) => paths.map(({ name }) => name))).toEqual(names)
  expect(await rig.read(0)).toEqual(bytesOf(1))
  return error
}

function deviceLike(rig: Rig, hctl: string, more: Partial<PathDevice>): PathDevice {
  return { ...fieldsOf(rig.makePath(hctl).device), ...more }
}

describe('a device that is not taken as a path', () => {
  test('another size of the same LUN: names both sizes', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const other = rig.makePath(B, { lun: testLun({ sizeBytes: 512 * 1024 }) })
    const { message } = await refused({ rig, code: 'PATH_SIZE_MISMATCH' }, other.device)
    expect(message).toContain('524288')
    expect(message).toContain('1048576')
  })

  test('another block size of the same LUN: names both', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const other = rig.makePath(B, { lun: testLun({ logicalBlockBytes: 4096 }) })
    const { message } = await refused({ rig, code: 'PATH_BLOCK_MISMATCH' }, other.device)
    expect(message).toContain('4096')
    expect(message).toContain('512')
  })

  test('the same address a second time: names who has it', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const { message, errno } = await refused({ rig, code: 'PATH_DUPLICATE' }, rig.makePath(A).device)
    expect(message).toContain('sda:0')
    expect(message).toContain(A)
    expect(errno).toBe('EEXIST')
  })

  test('the same address under another LUN', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const lun = testLun({ wwid: 'naa.600140500000000000000000000000ff' })
    await refused({ rig, code: 'PATH_DUPLICATE' }, rig.makePath(A, { lun }).device)
  })

  test('the same kernel device under another address: one way, not two', async () => {
    const rig = await Rig.open()
    await rig.add(A, { wrap: (device) => ({ ...fieldsOf(device), deviceKey: 'loop:7:0' }) })
    const { message } = await refused(
      { rig, code: 'PATH_DUPLICATE' },
      deviceLike(rig, B, { deviceKey: 'loop:7:0' }),
    )
    expect(message).toContain('sda:0')
  })

  test('a read-only device', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const { geometry } = rig.makePath(B).device
    const device = deviceLike(rig, B, { geometry: { ...geometry, readOnly: true } })
    expect((await refused({ rig, code: 'PATH_READ_ONLY' }, device)).errno).toBe('EROFS')
  })

  test('a device without bytes', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const device = deviceLike(rig, B, {
      geometry: { sizeBytes: 0, logicalBlockBytes: 512, readOnly: false },
    })
    await refused({ rig, code: 'PATH_EMPTY' }, device)
  })

  test.each(['', '8', '8:0:0', '8:0:0:0:0', 'a:b:c:d', '8:0:0:-1', '8:0:0:0 ', '8:0:0:1234567890'])(
    'an address that is not H:C:I:L: %j',
    async (hctl) => {
      const rig = await Rig.open()
      await rig.add(A)
      await refused({ rig, code: 'HCTL_INVALID' }, deviceLike(rig, B, { hctl }))
    },
  )

  test('a LUN with an empty id: an empty id is no id (D-10)', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const lun = { wwid: '', implicitAlua: true }
    const { message } = await refused({ rig, code: 'PATH_NO_ID' }, deviceLike(rig, B, { lun }))
    expect(message).toContain('no id')
  })

  test('an id longer than can be compared in full', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const lun = { wwid: 'x'.repeat(257), implicitAlua: true }
    const { message } = await refused({ rig, code: 'PATH_NO_ID' }, deviceLike(rig, B, { lun }))
    expect(message).toContain('257')
  })

  test.each(['with space', 'a/b', 'a\0b', 'naa.\n', 'ähnlich', '\ud800'])(
    'an id that cannot name a stream: %j',
    async (wwid) => {
      const rig = await Rig.open()
      await rig.add(A)
      await refused(
        { rig, code: 'PATH_ID_INVALID' },
        deviceLike(rig, B, { lun: { wwid, implicitAlua: true } }),
      )
    },
  )

  test.each([-1, 0.5, Number.NaN])('a NUMA node that is none: %j', async (numaNode) => {
    const rig = await Rig.open()
    await rig.add(A)
    await refused({ rig, code: 'NUMA_NODE_INVALID' }, deviceLike(rig, B, { numaNode }))
  })

  test('a device with a name longer than the ledger keeps is a path all the same', async () => {
    const rig = await Rig.open()
    const device = '/srv/'.padEnd(2_000, 'x')
    const path = await rig.drive(rig.mp.addPath(deviceLike(rig, A, { device })))
    expect(path.device).toBe(device)
    expect(rig.events('path.added')).toEqual([expect.objectContaining({ device: device.slice(0, 512) })])
  })

  test('mode on, a LUN without implicit ALUA: the message names the condition that was tested', async () => {
    const rig = await Rig.open({ multipath: 'on' })
    await rig.add(A)
    const device = deviceLike(rig, B, { lun: { wwid: WWID, implicitAlua: false } })
    const { message } = await refused({ rig, code: 'PATH_NO_ALUA' }, device)
    expect(message).toContain('implicit bit of TPGS')
  })

  test('mode off takes no path at all, and says so', async () => {
    const rig = await Rig.open({ multipath: 'off' })
    const error = await rig.errorOf(rig.mp.addPath(rig.makePath(A).device))
    expect(error.code).toBe('MULTIPATH_OFF')
    expect(rig.mp.heads).toEqual([])
    await rig.settle()
    expect(rig.events('engine.pathRefused')).toEqual([expect.objectContaining({ code: 'MULTIPATH_OFF' })])
  })

  test('mode always takes a LUN without ALUA', async () => {
    const rig = await Rig.open({ multipath: 'always' })
    const device = deviceLike(rig, A, { lun: { wwid: WWID, implicitAlua: false } })
    const path = await rig.drive(rig.mp.addPath(device))
    expect(path.usable).toBe(true)
  })

  test('a buffered path over another file than the others: its reads would be stale', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const coherence = { inode: '8:1:99', direct: false }
    const { message } = await refused({ rig, code: 'PATH_INCOHERENT' }, deviceLike(rig, B, { coherence }))
    expect(message).toContain('page cache')
  })

  test('F-01: a second inode on local file systems is another medium, direct or not, and is refused', async () => {
    const rig = await Rig.open()
    const on = (inode: string) => ({ coherence: { inode, direct: true } })
    await rig.add(A, { errorsAreFinal: true, wrap: (device) => ({ ...fieldsOf(device), ...on('8:1:99') }) })
    const other = deviceLike(rig, B, on('8:1:100'))
    const { message } = await refused({ rig, code: 'PATH_OTHER_MEDIUM' }, other)
    expect(message).toContain('8:1:99')
    expect(rig.head.paths).toHaveLength(1)
    // Behind a server an inode says nothing.
    await rig.add(B, { errorsAreFinal: false, wrap: (device) => ({ ...fieldsOf(device), ...on('0:55:1') }) })
    expect(rig.head.paths).toHaveLength(2)
  })

  test('buffered paths over one file are coherent, and are taken', async () => {
    const rig = await Rig.open()
    const coherence = { inode: '8:1:99', direct: false }
    for (const hctl of [A, B]) {
      await rig.add(hctl, { wrap: (device) => ({ ...fieldsOf(device), coherence }) })
    }
    expect(rig.head.paths).toHaveLength(2)
  })

  test('words of any length and kind in a refused device do not stop the engine', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const lun = { wwid: 'y'.repeat(2_000), implicitAlua: true }
    await refused(
      { rig, code: 'PATH_NO_ID' },
      deviceLike(rig, B, { lun, device: '/dev/'.padEnd(3_000, 'z') }),
    )
    expect(rig.mp.broken).toBeNull()
  })
})

describe('a path that would carry the ledger', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pathledger-engine-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  test('is refused with what lies on what, and the ledger goes on', async () => {
    const ledger = join(directory, 'mp.ledger')
    const mp = await Multipath.open({ ledger, multipath: 'always' })
    const lun = memoryLun({ wwid: WWID, sizeBytes: 65_536 })
    const memory = memoryPath(lun, { hctl: A, clock: new VirtualClock() })
    const asked: string[] = []
    const carries = (file: string) => {
      asked.push(file)
      return `${file} lies on /dev/loop9, partition 1`
    }
    await expect(mp.addPath({ ...memory, carries })).rejects.toMatchObject({
      code: 'LEDGER_ON_PATH',
      why: expect.stringContaining('/dev/loop9, partition 1') as string,
      todo: expect.stringContaining('another disk') as string,
    })
    expect(asked).toEqual([ledger])
    expect(mp.heads).toEqual([])
    const path = await mp.addPath(memory)
    expect(path.name).toBe('sda:0')
    await mp.close()
  })
})
