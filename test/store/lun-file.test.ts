// The storage that the engines of a LUN share: what one writes the others see, and the kernel says who is alive.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { filePath } from '../../adapters/paths/file-path.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { Multipath } from '../../engine/multipath.ts'
import { writeFileSync } from 'node:fs'
import { lunFileName, openLunFile } from '../../store/lun/lun-file.ts'
import type { LunGhost } from '../../store/lun/types.ts'
import { expectExplainedIn } from '../explained.ts'

const WWID = 'naa.60014050000000000000000000001f11'
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-lun-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function ghost(id: string): LunGhost {
  const place = { path: '8:0:0:0', incarnation: 1, op: 'write', offset: 4096, length: 512 }
  return {
    id,
    engine: 'engine-a',
    ...place,
    reason: 'timeout',
    openedAtUs: 1_700_000_000_000_000,
    bootId: 'boot',
  }
}

test('what one engine writes another one sees, and asking whether is cheap', async () => {
  const a = await openLunFile(folder, WWID, 'engine-a')
  const b = await openLunFile(folder, WWID, 'engine-b')
  expect(b.load()).toEqual({ ghosts: [], attachments: [] })
  expect(b.changed()).toBe(false)
  await a.openGhosts([ghost('one'), ghost('two')])
  expect(b.changed()).toBe(true)
  expect(b.load().ghosts).toEqual([ghost('one'), ghost('two')])
  expect(b.changed()).toBe(false)
  await expect(a.openGhosts([{ ...ghost('bad'), length: null as never }])).rejects.toMatchObject({
    code: 'LUN_STORAGE',
  })
  expect(await a.isLetGo(join(folder, 'no device'))).toBe(true)
  await a.endGhosts(['one'])
  expect(b.load().ghosts.map(({ id }) => id)).toEqual(['two'])
  await a.close()
  await b.close()
})

test('attachments come and go, and outlive the engine that did not let go', async () => {
  const a = await openLunFile(folder, WWID, 'engine-a')
  const path = {
    engine: 'engine-a',
    path: '8:0:0:0',
    incarnation: 3,
    device: '/dev/loop0',
    bootId: 'boot',
    final: 1,
  }
  await a.attach(path)
  await a.attach({ ...path, path: '9:0:0:0' })
  await a.detach('engine-a', '9:0:0:0')
  await a.close()
  const b = await openLunFile(folder, WWID, 'engine-b')
  expect(b.load().attachments).toEqual([path])
  expect(b.isAlive('engine-a')).toBe(false)
  expect(b.isAlive('engine-b')).toBe(true)
  await b.close()
})

test('an engine id is taken once; the files are for their owner alone', async () => {
  const a = await openLunFile(folder, WWID, 'engine-a')
  await expect(openLunFile(folder, WWID, 'engine-a')).rejects.toMatchObject({ code: 'LUN_CLAIMED' })
  await expect(openLunFile(folder, WWID, '../escape')).rejects.toMatchObject({ code: 'ENGINE_ID' })
  expect(statSync(`${lunFileName(folder, WWID)}.engines`).mode & 0o077).toBe(0)
  await a.close()
  expect(readdirSync(`${lunFileName(folder, WWID)}.engines`)).toEqual([])
})

test('a file that is not a LUN of ours is refused', async () => {
  writeFileSync(lunFileName(folder, WWID), 'not a database, and long enough to be looked at as one')
  await expect(openLunFile(folder, WWID, 'engine-a')).rejects.toMatchObject({ code: 'LUN_STORAGE' })
})

test('scenario 19c: after SIGKILL the whole LUN is a ghost until the path is claimed again', async () => {
  const image = join(folder, 'lun.img')
  const ledger = join(folder, 'a.ledger')
  writeFileSync(image, Buffer.alloc(1 << 20))
  await killed(
    [
      `import { filePath, Multipath, virtualLun } from ${JSON.stringify(new URL('../../index.ts', import.meta.url).href)}`,
      `const mp = await Multipath.open({ ledger: ${JSON.stringify(ledger)}, multipath: 'always' })`,
      `const lun = virtualLun({ wwid: ${JSON.stringify(WWID)} })`,
      `await mp.addPath(await filePath(${JSON.stringify(image)}, { lun, hctl: '8:0:0:0' }))`,
      `process.kill(process.pid, 'SIGKILL')`,
    ].join('\n'),
  )
  const mp = await Multipath.open({ ledger, multipath: 'always' })
  const lun = virtualLun({ wwid: WWID })
  // Another path first: nothing proves the old one over, and writes wait.
  await mp.addPath(await filePath(image, { lun, hctl: '9:0:0:0' }))
  expect(mp.ghosts).toMatchObject([{ path: '8:0:0:0', reason: 'unclean', offset: 0, length: 1 << 20 }])
  const head = mp.head(WWID)
  const write = head.write({ offset: 0, data: new Uint8Array(512).fill(9) })
  expect(head.held.bios).toBe(1)
  await mp.addPath(await filePath(image, { lun, hctl: '8:0:0:0' }))
  await write
  expect(mp.ghosts).toEqual([])
  await mp.close()
  const root = { kind: 'engine', path: null } as const
  const { chain } = expectExplainedIn(ledger, { stream: `path/${WWID}/8:0:0:0` }, root, 'path.lost')
  expect(chain.map(({ type }) => type)).toEqual(['path.lost', 'engine.started'])
})

/** Runs a program that kills itself, and waits for its end. */
function killed(program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
    child.on('exit', (_code, signal) =>
      signal === 'SIGKILL' ? resolve() : reject(new Error(`ended by ${String(signal)}`)),
    )
  })
}
