import {
  linkSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { filePath } from '../../adapters/paths/file-path.ts'
import type { FilePathSettings } from '../../adapters/paths/file-path.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { makeRequest, makeWrite, pathContract, perform } from './contract.ts'

const SIZE = 131_072
const LUN = { wwid: 'naa.6000', implicitAlua: true }

let directory: string
let file: string
const open: PathDevice[] = []

function makeFile(): void {
  directory = mkdtempSync(join(tmpdir(), 'pathledger-'))
  file = join(directory, 'lun.img')
  writeFileSync(file, new Uint8Array(SIZE))
}

async function openPath(name = file, settings: Partial<FilePathSettings> = {}): Promise<PathDevice> {
  const path = await filePath(name, { lun: LUN, hctl: '9:0:0:0', ...settings })
  open.push(path)
  return path
}

pathContract('a file path', async () => {
  makeFile()
  const path = await filePath(file, { lun: LUN, hctl: '9:0:0:0' })
  const cleanUp = (): void => {
    rmSync(directory, { recursive: true })
  }
  return { path, cleanUp }
})

describe('file path', () => {
  beforeEach(makeFile)

  afterEach(async () => {
    for (const path of open.splice(0)) await path.close()
    rmSync(directory, { recursive: true })
  })

  test('it says what it is', async () => {
    const path = await openPath(file, { logicalBlockBytes: 4096, numaNode: 1 })
    const inode = String(statSync(file).ino)
    expect(path).toMatchObject({
      kind: 'file',
      device: file,
      numaNode: 1,
      geometry: { sizeBytes: SIZE, logicalBlockBytes: 4096, readOnly: false },
      guarantees: { isolatesExit: false, backend: 'fs' },
      deviceKey: null,
    })
    expect(path.coherence.inode).toMatch(new RegExp(`^\\d+:\\d+:${inode}$`))
  })

  test('two paths by two names of one file share the inode and the bytes', async () => {
    const other = join(directory, 'other-name.img')
    linkSync(file, other)
    const [one, two] = [await openPath(), await openPath(other)]
    expect(one.coherence.inode).toBe(two.coherence.inode)
    await perform({ path: one }, makeWrite(4096, 4096, 5))
    const read = makeRequest({ op: 'read', offset: 4096, length: 4096 })
    await perform({ path: two }, read)
    expect(read.data).toEqual(new Uint8Array(4096).fill(5))
  })

  test('a write past the end does not grow the file', async () => {
    const path = await openPath()
    expect(await perform({ path }, makeWrite(SIZE, 4096, 5))).toMatchObject({ errno: 'EIO', bytes: 0 })
    expect(statSync(file).size).toBe(SIZE)
  })

  test('blocks too small for direct I/O on this filesystem go through the page cache', async () => {
    const path = await openPath(file, { logicalBlockBytes: 256 })
    const read = makeRequest({ op: 'read', offset: 256, length: 256 })
    expect(await perform({ path }, read)).toEqual({ errno: null, status: null, bytes: 256 })
    expect(path.facts.direct).toBe(path.coherence.direct)
  })

  test('a path for reading does not write', async () => {
    const path = await openPath(file, { readOnly: true })
    expect(path.geometry.readOnly).toBe(true)
    expect(await perform({ path }, makeWrite(0, 4096, 5))).toMatchObject({ errno: 'EBADF' })
  })

  test('the backend that is passed in moves the bytes', async () => {
    const ops: string[] = []
    const path = await openPath(file, {
      backend: {
        name: 'noting',
        isolatesExit: true,
        submit: (_fd, { op }, done) => {
          ops.push(op)
          queueMicrotask(() => {
            done({ errno: null, status: null, bytes: 0 })
          })
        },
      },
    })
    await perform({ path }, makeRequest({ op: 'flush' }))
    expect([ops, path.guarantees]).toMatchObject([['flush'], { backend: 'noting', isolatesExit: true }])
  })

  test('another size is noticed', async () => {
    const path = await openPath()
    truncateSync(file, 4096)
    expect(await path.identify()).toEqual({ same: false, why: `${file} had 131072 bytes and has 4096 now` })
  })

  test('another file under its name is noticed, and none', async () => {
    const path = await openPath()
    const other = join(directory, 'new.img')
    writeFileSync(other, new Uint8Array(SIZE))
    renameSync(other, file)
    expect(await path.identify()).toMatchObject({ same: false, why: expect.stringContaining('was inode') })
    rmSync(file)
    expect(await path.identify()).toMatchObject({ same: false, why: expect.stringContaining('ENOENT') })
  })

  test('it carries itself by any name, and not its neighbours', async () => {
    const path = await openPath()
    const other = join(directory, 'link')
    symlinkSync(file, other)
    expect(path.carries(other)).toBe(`${other} is the very file behind the path`)
    expect(path.carries(join(directory, 'a.ledger'))).toBeNull()
  })

  test.each([
    ['nothing', 'PATH_NOT_FOUND', () => join(directory, 'nothing')],
    ['a name below a file', 'PATH_NOT_FOUND', () => join(file, 'x')],
    ['a directory', 'PATH_NOT_A_FILE', () => directory],
    ['a character device', 'PATH_NOT_A_FILE', () => '/dev/null'],
  ])('%s is refused with %s', async (_what, code, name) => {
    await expect(openPath(name())).rejects.toMatchObject({ code })
  })

  test.each([0, 100, 513])('a file of %d bytes is refused', async (sizeBytes) => {
    truncateSync(file, sizeBytes)
    await expect(openPath()).rejects.toMatchObject({ code: 'PATH_SIZE' })
  })

  test('a file that is not whole blocks of the size asked for is refused', async () => {
    truncateSync(file, 6144)
    await expect(openPath(file, { logicalBlockBytes: 4096 })).rejects.toMatchObject({ code: 'PATH_SIZE' })
    expect((await openPath()).geometry.sizeBytes).toBe(6144)
  })
})
