// Modes of everything an engine makes, and what a hostile LUN file can do to it (SECURITY.md).
import Database from 'better-sqlite3'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { filePath } from '../../adapters/paths/file-path.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { Multipath } from '../../engine/multipath.ts'
import { lunFileName, openLunFile } from '../../store/lun/lun-file.ts'
import { makeKeys } from '../../store/life/signed-head.ts'

const WWID = 'naa.60014050000000000000000000005ec1'
let folder = ''
let umask = 0
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-modes-'))
  // The worst one: what is not said to be private is everybody's.
  umask = process.umask(0)
})
afterEach(() => {
  process.umask(umask)
  rmSync(folder, { recursive: true, force: true })
})

const luns = () => join(folder, 'luns')
const file = () => lunFileName(luns(), WWID)

/** Every file and folder below, with its mode. */
function modes(): Record<string, string> {
  const names = readdirSync(folder, { recursive: true }) as string[]
  return Object.fromEntries(
    names.map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]),
  )
}

async function openEngine(): Promise<Multipath> {
  writeFileSync(join(folder, 'lun.img'), Buffer.alloc(65_536))
  chmodSync(join(folder, 'lun.img'), 0o600)
  const mp = await Multipath.open({
    ledger: join(folder, 'mp.ledger'),
    lunFolder: luns(),
    multipath: 'always',
    controlSocket: join(folder, 'mp.sock'),
  })
  await mp.addPath(
    await filePath(join(folder, 'lun.img'), { lun: virtualLun({ wwid: WWID }), hctl: '8:0:0:0' }),
  )
  return mp
}

test('with a umask of 0 nothing that an engine makes can be read, written or entered by anybody else', async () => {
  const mp = await openEngine()
  await mp.head(WWID).reservations.register('0xa1')
  const found = modes()
  await mp.close()
  const names = Object.keys(found).join(' ')
  for (const what of [
    'mp.ledger',
    'mp.ledger-wal',
    'mp.ledger-shm',
    'mp.ledger.lock',
    'mp.sock',
    '.lun',
    '.lun-wal',
    '.lun-shm',
    '.lun.epoch',
    '.lun.engines',
  ]) {
    expect(names).toContain(what)
  }
  const folders = Object.keys(found).filter((name) => name === 'luns' || name.endsWith('.engines'))
  for (const [name, mode] of Object.entries(found)) {
    expect({ name, mode }).toEqual({ name, mode: folders.includes(name) ? '700' : '600' })
  }
})

test('a private key is its owner’s alone', () => {
  makeKeys(join(folder, 'key'))
  expect(modes()).toEqual({ key: '600', 'key.pub': '644' })
})

test('a LUN file that is a symbolic link is not followed', async () => {
  mkdirSync(luns(), { mode: 0o700 })
  symlinkSync(join(folder, 'elsewhere'), file())
  await expect(openLunFile(luns(), WWID, 'engine')).rejects.toMatchObject({ code: 'LUN_STORAGE' })
  expect(readdirSync(folder)).toEqual(['luns'])
})

test.each([
  ['a state that is not JSON', `INSERT INTO reservation VALUES (1, 1, '{')`],
  ['a state of another shape', `INSERT INTO reservation VALUES (1, 1, '{"__proto__":{"polluted":true}}')`],
  ['a holder that is nobody', `INSERT INTO reservation VALUES (1, 1, '{"generation":-1}')`],
])('%s is LUN_STORAGE when the LUN is opened, and the path is not taken', async (_what, sql) => {
  await (await openLunFile(luns(), WWID, 'engine')).close()
  change(sql)
  const mp = await openEngine().catch((error: unknown) => error)
  expect(mp).toMatchObject({ code: 'LUN_STORAGE' })
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

const GHOST = `INSERT INTO ghosts (id, engine, path, incarnation, op, offset, length, reason, openedAtUs, bootId) VALUES`

test.each([
  [
    'an operation that does not exist',
    `${GHOST} ('a', 'e', '8:0:0:0', 1, 'format', 0, 1, 'timeout', 1, 'b')`,
  ],
  ['a negative offset', `${GHOST} ('a', 'e', '8:0:0:0', 1, 'write', -1, 1, 'timeout', 1, 'b')`],
  [
    'an id of a megabyte',
    `${GHOST} (printf('%.*c', 1000000, 'x'), 'e', '8:0:0:0', 1, 'write', 0, 1, 'timeout', 1, 'b')`,
  ],
])('a ghost with %s stops a running engine with LUN_STORAGE; it is not believed', async (_what, sql) => {
  const mp = await openEngine()
  change(sql)
  await until(() => mp.broken !== null)
  const write = mp.head(WWID).write({ offset: 0, data: new Uint8Array(512) })
  await expect(write).rejects.toMatchObject({ code: 'LUN_STORAGE' })
  expect(mp.broken).toMatchObject({ code: 'LUN_STORAGE' })
  await mp.close()
})

test('a well-formed lie holds writes off or refuses them; it makes nobody write, and ends with the file', async () => {
  const mp = await openEngine()
  change(`${GHOST} ('lie', 'nobody', '8:0:0:0', 1, 'write', 0, 65536, 'timeout', 1, 'b')`)
  await until(() => mp.ghosts.length > 0)
  const write = mp.head(WWID).write({ offset: 0, data: new Uint8Array(512) })
  expect(mp.head(WWID).held.bios).toBe(1)
  expect(mp.ghosts).toMatchObject([{ id: 'lie', foreign: true }])
  mp.releaseGhosts({ reason: 'nobody opened it' })
  await write
  await mp.close()
})

/** Whoever writes to the file behind our back is seen by the thread that looks at it. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 5))
  expect(holds()).toBe(true)
}

function change(sql: string): void {
  const db = new Database(file())
  db.exec(sql)
  db.close()
}
