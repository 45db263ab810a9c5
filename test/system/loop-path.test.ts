// Loop devices for real: needs root, loop devices, losetup, mkfs.ext4 and mount.
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { attachLoop, detachLoop, labelOf, listLoops, loopPath } from '../../adapters/paths/loops.ts'
import type { AttachedLoop, LoopListing, LoopPathSettings } from '../../adapters/paths/loops.ts'
import { tryIoctl } from '../../adapters/loop/ioctl.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { probeUring } from '../../adapters/uring/index.ts'
import { makeRequest, makeWrite, pathContract, perform } from '../adapters/contract.ts'

const SIZE = 1_048_576
const LUN = { wwid: 'naa.60014050a1b2c3d4', implicitAlua: true }

/** What a test leaves to be undone, newest first. */
const undo: (() => Promise<void> | void)[] = []
let directory: string

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

function makeImage(name = 'lun.img', sizeBytes = SIZE): string {
  const image = join(directory, name)
  writeFileSync(image, '')
  truncateSync(image, sizeBytes)
  return image
}

async function attach(
  image: string,
  more: { wwid?: string; readOnly?: boolean } = {},
): Promise<AttachedLoop> {
  const attached = await attachLoop({ image, wwid: LUN.wwid, ...more })
  undo.push(() => attached.release())
  return attached
}

/** Attaches with losetup: no AUTOCLEAR, no label. */
function losetup(image: string, ...options: string[]): string {
  const device = run('losetup', '--find', '--show', ...options, image)
  undo.push(() => detachLoop(device))
  return device
}

async function openPath(device: string, more: Partial<LoopPathSettings> = {}): Promise<PathDevice> {
  const path = await loopPath(device, { lun: LUN, hctl: '8:0:0:0', ...more })
  undo.push(() => path.close())
  return path
}

/** Formats and mounts a device. */
function mount(device: string): string {
  const place = join(directory, 'mnt')
  mkdirSync(place)
  run('mkfs.ext4', '-q', '-F', device)
  run('mount', device, place)
  undo.push(() => void run('umount', place))
  return place
}

const listed = (image: string): LoopListing | undefined =>
  listLoops().find(({ backingFile }) => backingFile === image)

function startUp(): void {
  directory = mkdtempSync(join(tmpdir(), 'pathledger-loop-'))
}

async function tearDown(): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step()
  rmSync(directory, { recursive: true })
}

pathContract('a loop path', async () => {
  startUp()
  const attached = await attach(makeImage())
  const path = await loopPath(attached.device, { lun: LUN, hctl: '8:0:0:0' })
  await attached.release()
  return { path, cleanUp: tearDown }
})

describe('loop devices', () => {
  beforeEach(startUp)
  afterEach(tearDown)

  describe('attach', () => {
    test('a file is attached direct, labelled, and to be cleared at its last close', async () => {
      const image = makeImage()
      const { device, number, label } = await attach(image)
      expect(device).toBe(`/dev/loop${number}`)
      expect(label).toBe(LUN.wwid)
      expect(listed(image)).toMatchObject({
        number,
        device,
        direct: true,
        autoclear: true,
        readOnly: false,
        sizeBytes: SIZE,
        offset: 0,
        sizeLimit: 0,
      })
    })

    test('its label is in the device, as the driver’s other status call shows too', async () => {
      const { device } = await attach(makeImage())
      const fd = openSync(device, 'r')
      // The older structure has its name elsewhere: an offset that was wrong twice would not be found there.
      const info = Buffer.alloc(256)
      expect(tryIoctl(fd, { name: 'LOOP_GET_STATUS', number: 0x4c03 }, info).errno).toBeNull()
      closeSync(fd)
      expect(info.toString('latin1')).toContain(`${LUN.wwid}\0`)
    })

    test('released before it was opened, nothing stays attached', async () => {
      const image = makeImage()
      const attached = await attach(image)
      await attached.release()
      await attached.release()
      expect(listed(image)).toBeUndefined()
    })

    test('nothing stays attached after the path is closed', async () => {
      const image = makeImage()
      const attached = await attach(image)
      const path = await loopPath(attached.device, { lun: LUN, hctl: '8:0:0:0' })
      await attached.release()
      expect(listed(image)).toBeDefined()
      await path.close()
      expect(listed(image)).toBeUndefined()
    })

    test('nothing stays attached after SIGKILL', async () => {
      const image = makeImage()
      const module = new URL('../../adapters/paths/loops.ts', import.meta.url).href
      const program = `
        const { attachLoop, loopPath } = await import(${JSON.stringify(module)})
        const lun = ${JSON.stringify(LUN)}
        const attached = await attachLoop({ image: ${JSON.stringify(image)}, wwid: lun.wwid })
        const path = await loopPath(attached.device, { lun, hctl: '8:0:0:0' })
        console.log(attached.device)
        setInterval(() => path, 1000)`
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await new Promise((resolve) => child.stdout.once('data', resolve))
      expect(listed(image)).toBeDefined()
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
      // The helper process dies with it, a moment later.
      await vi.waitFor(() => expect(listed(image)).toBeUndefined(), { timeout: 2000 })
    })

    test('many attachers at once each get a device of their own', async () => {
      const images = ['a', 'b', 'c'].map((name) => makeImage(name))
      const attached = await Promise.all(images.map((image) => attach(image)))
      expect(new Set(attached.map(({ number }) => number)).size).toBe(3)
    })

    test('a file on a disk of large blocks gets its block, and a smaller one is refused, not buffered', async () => {
      const disk = losetup(makeImage('disk.img', 64 * SIZE), '--direct-io=on', '--sector-size=4096')
      const image = join(mount(disk), 'lun.img')
      writeFileSync(image, new Uint8Array(SIZE))
      const refused = attachLoop({ image, wwid: LUN.wwid, logicalBlockBytes: 512 })
      await expect(refused).rejects.toMatchObject({ code: 'LOOP_NOT_DIRECT' })
      expect(listed(image)).toBeUndefined()
      const attached = await attachLoop({ image, wwid: LUN.wwid, logicalBlockBytes: 4096 })
      const path = await loopPath(attached.device, { lun: LUN, hctl: '8:0:0:0' })
      await attached.release()
      expect(path.geometry.logicalBlockBytes).toBe(4096)
      await path.close()
    })

    test.each([
      ['a file that is not there', 'PATH_NOT_FOUND', () => join(directory, 'nothing')],
      ['an empty file', 'PATH_SIZE', () => makeImage('empty', 0)],
      ['a file of broken blocks', 'PATH_SIZE', () => makeImage('broken', 1000)],
    ])('%s is refused with %s', async (_what, code, image) => {
      await expect(attachLoop({ image: image(), wwid: LUN.wwid })).rejects.toMatchObject({ code })
    })

    test('a device that is not attached can be detached', async () => {
      const device = losetup(makeImage())
      await detachLoop(device)
      await detachLoop(device)
      expect(listLoops().some((loop) => loop.device === device)).toBe(false)
    })
  })

  describe('label', () => {
    test('a wwid of up to 63 bytes is its own label, a longer one is hashed and never cut', () => {
      const long = 'naa.'.padEnd(64, '6')
      expect(labelOf('naa.'.padEnd(63, '6'))).toBe('naa.'.padEnd(63, '6'))
      expect(labelOf(long)).toMatch(/^sha256:[0-9a-f]{56}$/)
      expect(labelOf(long)).not.toBe(labelOf(`${long}7`))
      expect(labelOf('é'.repeat(32))).toMatch(/^sha256:/)
    })

    test('a wwid that would look like a path of losetup, or like none, is hashed', () => {
      expect(['/dev/x', '', 'a\0b'].map(labelOf)).toEqual(
        Array(3).fill(expect.stringMatching(/^sha256:.{56}$/)),
      )
    })

    test('a long wwid travels with the device', async () => {
      const wwid = 't10.'.padEnd(200, 'ab')
      const { device } = await attach(makeImage(), { wwid })
      const path = await openPath(device, { lun: { wwid, implicitAlua: true } })
      expect(path.facts).toMatchObject({ labelled: true, label: labelOf(wwid) })
      const other = { wwid: `${wwid}c`, implicitAlua: true }
      await path.close()
      await expect(loopPath(device, { lun: other, hctl: '8:0:0:0' })).rejects.toMatchObject({
        code: 'PATH_WRONG_LUN',
      })
      undo.splice(-1)
    })
  })
  describe('open', () => {
    test('it says what it is', async () => {
      const image = makeImage()
      const { device, number } = await attach(image)
      const path = await openPath(device, { numaNode: 1 })
      expect(path).toMatchObject({
        kind: 'loop',
        device,
        hctl: '8:0:0:0',
        lun: LUN,
        numaNode: 1,
        geometry: { sizeBytes: SIZE, logicalBlockBytes: 512, readOnly: false },
        guarantees: {
          errorsAreFinal: true,
          isolatesExit: true,
          backend: probeUring().available ? 'io_uring' : 'child-fs',
        },
        coherence: { direct: true },
        deviceKey: `loop:7:${number}`,
        facts: {
          direct: true,
          autoclear: true,
          backingFile: image,
          labelled: true,
          label: LUN.wwid,
          offset: 0,
        },
      })
      expect(path.facts.diskseq).toBe(listed(image)?.diskseq)
    })

    test('two loop devices over one file share the inode and the bytes', async () => {
      const image = makeImage()
      const [one, two] = [await attach(image), await attach(image)]
      const [first, second] = [await openPath(one.device), await openPath(two.device)]
      expect(first.coherence.inode).toBe(second.coherence.inode)
      expect(first.deviceKey).not.toBe(second.deviceKey)
      await perform({ path: first }, makeWrite(4096, 4096, 5))
      const read = makeRequest({ op: 'read', offset: 4096, length: 4096 })
      await perform({ path: second }, read)
      expect(read.data).toEqual(new Uint8Array(4096).fill(5))
    })

    test('the label of another LUN is refused, and both are named', async () => {
      const { device } = await attach(makeImage(), { wwid: 'naa.other' })
      await expect(openPath(device)).rejects.toMatchObject({
        code: 'PATH_WRONG_LUN',
        details: { found: 'naa.other', expected: LUN.wwid },
      })
    })

    test('a device of losetup has no label and is accepted, and so is a buffered one', async () => {
      const path = await openPath(losetup(makeImage(), '--direct-io=off'))
      expect(path.facts).toMatchObject({ labelled: false, label: null, direct: false, autoclear: false })
      expect(path.coherence.direct).toBe(false)
    })

    test('a second claim is busy', async () => {
      const { device } = await attach(makeImage())
      await openPath(device)
      await expect(openPath(device)).rejects.toMatchObject({ code: 'PATH_BUSY', errno: 'EBUSY' })
    })

    test('a mounted device is busy, and the error says where it is mounted', async () => {
      const device = losetup(makeImage('lun.img', 16 * SIZE))
      const place = mount(device)
      await expect(openPath(device)).rejects.toMatchObject({
        code: 'PATH_BUSY',
        why: `It is mounted on ${place}.`,
      })
    })

    test('a claimed device cannot be mounted', async () => {
      const { device } = await attach(makeImage('lun.img', 16 * SIZE))
      run('mkfs.ext4', '-q', '-F', device)
      await openPath(device)
      const place = join(directory, 'mnt')
      mkdirSync(place)
      expect(() => run('mount', device, place)).toThrow(/busy|mounted/)
    })

    test('a read-only device is refused, unless a path for reading is asked for', async () => {
      const { device } = await attach(makeImage(), { readOnly: true })
      await expect(openPath(device)).rejects.toMatchObject({ code: 'PATH_READ_ONLY' })
      const path = await openPath(device, { readOnly: true })
      expect(path.geometry.readOnly).toBe(true)
      expect(await perform({ path }, makeRequest({ op: 'read', length: 512 }))).toMatchObject({ errno: null })
      expect((await perform({ path }, makeWrite(0, 512, 1))).errno).toMatch(/^E/)
    })

    test.each([
      [
        'a device without a file',
        'PATH_NOT_ATTACHED',
        async () => {
          const device = losetup(makeImage())
          await detachLoop(device)
          return device
        },
      ],
      ['a name that is not there', 'PATH_NOT_FOUND', async () => '/dev/loop-none'],
      ['a regular file', 'PATH_NOT_A_LOOP', async () => makeImage()],
      ['a character device', 'PATH_NOT_A_LOOP', async () => '/dev/null'],
    ])('%s is refused with %s', async (_what, code, device) => {
      await expect(openPath(await device())).rejects.toMatchObject({ code })
    })

    test('a refused path leaves no claim behind', async () => {
      const { device } = await attach(makeImage(), { wwid: 'naa.other' })
      await expect(openPath(device)).rejects.toMatchObject({ code: 'PATH_WRONG_LUN' })
      await openPath(device, { lun: { wwid: 'naa.other', implicitAlua: true } })
    })
  })

  describe('identity', () => {
    test('attached again, the same name has another disk sequence number', async () => {
      const image = makeImage()
      const device = losetup(image)
      const before = await loopPath(device, { lun: LUN, hctl: '8:0:0:0' })
      await before.close()
      await detachLoop(device)
      run('losetup', device, image)
      const after = await openPath(device)
      expect(after.facts.diskseq).not.toBe(before.facts.diskseq)
      expect(after.coherence.inode).toBe(before.coherence.inode)
    })

    test('a detach under an open path is noticed, though I/O goes on', async () => {
      const device = losetup(makeImage())
      const path = await openPath(device)
      expect(await path.identify()).toEqual({ same: true })
      await detachLoop(device)
      expect(await perform({ path }, makeWrite(0, 4096, 1))).toMatchObject({ errno: null, bytes: 4096 })
      expect(await path.identify()).toEqual({ same: false, why: 'autoclear was false and is true now' })
    })

    test('a smaller size is noticed; a larger one is the same device', async () => {
      const image = makeImage()
      const { device } = await attach(image)
      const path = await openPath(device)
      truncateSync(image, SIZE * 2)
      run('losetup', '--set-capacity', device)
      expect(await path.identify()).toEqual({ same: true })
      truncateSync(image, SIZE / 2)
      expect(await path.identify()).toEqual({ same: true })
      run('losetup', '--set-capacity', device)
      expect(await path.identify()).toEqual({
        same: false,
        why: `sizeBytes was ${SIZE} and is ${SIZE / 2} now`,
      })
    })

    test('direct I/O switched off is noticed', async () => {
      const { device } = await attach(makeImage())
      const path = await openPath(device)
      run('losetup', '--direct-io=off', device)
      expect(await path.identify()).toEqual({ same: false, why: 'direct was true and is false now' })
    })
  })

  describe('what a path carries', () => {
    test('a ledger on a filesystem on the path’s own file is found through another loop device', async () => {
      const image = makeImage('lun.img', 16 * SIZE)
      const { device } = await attach(image)
      run('mkfs.ext4', '-q', '-F', device)
      const path = await openPath(device)
      const second = losetup(image)
      const place = join(directory, 'mnt')
      mkdirSync(place)
      run('mount', second, place)
      undo.push(() => void run('umount', place))
      const ledger = join(place, 'not', 'there', 'yet.ledger')
      expect(path.carries(ledger)).toBe(`${ledger} lies on it: ${ledger} -> ${second} -> ${image}`)
    })

    test('a ledger on a loop device over a file on the mounted path is found', async () => {
      const outer = losetup(makeImage('outer.img', 64 * SIZE))
      const place = mount(outer)
      const inner = join(place, 'inner.img')
      writeFileSync(inner, new Uint8Array(SIZE))
      const path = await openPath((await attach(inner)).device)
      expect(path.carries(inner)).toBe(`${inner} is the very file behind the path`)
      expect(path.carries(join(place, 'a.ledger'))).toBeNull()
    })

    test('a ledger beside the image is on the same disk, not on the path', async () => {
      const path = await openPath((await attach(makeImage())).device)
      expect(path.carries(join(directory, 'a.ledger'))).toBeNull()
    })
  })
})
