// The storage that the engines of a LUN share: what one writes the others see, and the kernel says who is alive.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NO_RESERVATION } from '../../machines/reservation/rules.ts'
import { filePath } from '../../adapters/paths/file-path.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { Multipath } from '../../engine/multipath.ts'
import { writeFileSync } from 'node:fs'
import { lunFileName, openLunFile } from '../../store/lun/lun-file.ts'
import { GROUP_SCHEMA } from '../../store/lun/groups.ts'
import { RESERVATION_SCHEMA } from '../../store/lun/reservations.ts'
import { LUN_APPLICATION_ID } from '../../store/lun/schema.ts'
import type { LunAttachment, LunGhost } from '../../store/lun/types.ts'
import { expectExplainedIn } from '../explained.ts'

const WWID = 'naa.60014050000000000000000000001f11'
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-lun-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const ATTACH = { attach: 'attach-1', device: '/dev/loop0', deviceKey: 'loop:7:0 diskseq 5', final: 1 }

function ghost(id: string): LunGhost {
  const place = { path: '8:0:0:0', incarnation: 1, op: 'write', offset: 4096, length: 512 }
  const of = { engine: 'engine-a', reason: 'timeout', openedAtUs: 1_700_000_000_000_000, bootId: 'boot' }
  return { id, ...ATTACH, ...place, ...of }
}

function attachment(attach: string, engine = 'engine-a'): LunAttachment {
  return { ...ATTACH, attach, engine, path: '8:0:0:0', incarnation: 3, bootId: 'boot' }
}

/** Waits for what a storage tells by itself. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !holds(); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 5))
  expect(holds()).toBe(true)
}

test('what one engine writes another one sees, and asking whether is cheap', async () => {
  const a = await openLunFile(folder, WWID, 'engine-a')
  const b = await openLunFile(folder, WWID, 'engine-b')
  expect([a.fresh, b.fresh, a.id === b.id]).toEqual([true, false, true])
  expect(b.load()).toEqual({ ghosts: [], attachments: [], ended: [] })
  expect(b.changed()).toBe(false)
  const heard: number[] = []
  b.onChange(() => void heard.push(b.load().ghosts.length))
  await a.openGhosts([ghost('one'), ghost('two')])
  // At once, before anybody has told it.
  expect([a.changed(), b.changed()]).toEqual([false, true])
  await b.catchUp()
  expect(b.load().ghosts).toEqual([ghost('one'), ghost('two')])
  expect(b.changed()).toBe(false)
  await expect(a.openGhosts([{ ...ghost('bad'), length: null as never }])).rejects.toMatchObject({
    code: 'LUN_STORAGE',
  })
  expect(await a.isLetGo(join(folder, 'no device'), '')).toBe(true)
  await a.endGhosts(['one'], 'engine-a')
  await until(() => heard.at(-1) === 1)
  expect(b.load()).toMatchObject({ ghosts: [{ id: 'two' }], ended: [] })
  await a.close()
  expect(a.changed()).toBe(false)
  await b.close()
})

test("the end of another engine's ghost is kept until its own ledger has heard of it", async () => {
  const a = await openLunFile(folder, WWID, 'engine-a')
  const b = await openLunFile(folder, WWID, 'engine-b')
  await a.openGhosts([ghost('one')])
  await b.endGhosts(['one', 'never there'], 'engine-b')
  await b.catchUp()
  expect(b.load()).toEqual({ ghosts: [], attachments: [], ended: ['one'] })
  await a.forgetEnded(['one'])
  await b.catchUp()
  expect(b.load().ended).toEqual([])
  await a.close()
  await b.close()
})

test('attach 33b: attachments outlive an engine that did not let go, and the end of one is not that of the next', async () => {
  const a = await openLunFile(folder, WWID, 'engine-a')
  await a.attach(attachment('first life'))
  await a.attach(attachment('next life'))
  await a.detach('first life')
  const b = await openLunFile(folder, WWID, 'engine-b')
  expect([b.isAlive('engine-a'), b.isAlive('engine-b')]).toEqual([true, false])
  await b.attach(attachment('of b', 'engine-b'))
  await a.close()
  await until(() => !b.isAlive('engine-a'))
  expect(b.load().attachments).toEqual([attachment('next life'), attachment('of b', 'engine-b')])
  expect(b.isAlive('engine-b')).toBe(true)
  await b.close()
})

test('F-07: what is taken away under an engine is told, and nothing is written to it any more', async () => {
  for (const part of ['', '.epoch', '-wal', '.engines/engine-a']) {
    const a = await openLunFile(folder, WWID, 'engine-a')
    let lost = ''
    a.onLost(({ why }) => (lost = why))
    const file = `${lunFileName(folder, WWID)}${part}`
    rmSync(file)
    await expect(a.openGhosts([ghost('one')])).rejects.toMatchObject({ code: 'LUN_STORAGE_LOST' })
    await until(() => lost !== '')
    expect(lost).toContain('is not there any more')
    writeFileSync(file, '')
    await expect(a.attach(attachment('one'))).rejects.toThrow(/is another file now/)
    await a.close()
    rmSync(folder, { recursive: true })
  }
})

test('F-03: what an older version kept beside a ledger is taken over once, with its ghosts and reservations', async () => {
  const old = join(folder, 'old')
  mkdirSync(old)
  const db = new Database(lunFileName(old, WWID))
  db.exec(`PRAGMA application_id = ${LUN_APPLICATION_ID}; PRAGMA user_version = 3;
    CREATE TABLE ghosts (id TEXT PRIMARY KEY, engine TEXT NOT NULL, path TEXT NOT NULL, incarnation INTEGER NOT NULL, op TEXT NOT NULL,
      offset INTEGER NOT NULL, length INTEGER NOT NULL, reason TEXT NOT NULL, openedAtUs INTEGER NOT NULL, bootId TEXT NOT NULL) STRICT;
    CREATE TABLE attachments (engine TEXT NOT NULL, path TEXT NOT NULL, incarnation INTEGER NOT NULL, device TEXT NOT NULL,
      bootId TEXT NOT NULL, final INTEGER NOT NULL, PRIMARY KEY (engine, path)) STRICT;
    INSERT INTO ghosts VALUES ('g', 'gone', '8:0:0:0', 2, 'write', 0, 512, 'timeout', 1, 'boot');
    INSERT INTO attachments VALUES ('gone', '8:0:0:0', 2, '/dev/loop7', 'boot', 1);
    ${RESERVATION_SCHEMA}${GROUP_SCHEMA}
    INSERT INTO port_groups VALUES (1, 'standby', 0, 1, 1)`)
  db.prepare('INSERT INTO reservation VALUES (1, 7, ?)').run(JSON.stringify(NO_RESERVATION))
  db.close()
  const name = '8:0:0:0 2'
  for (const opened of ['engine-a', 'engine-b']) {
    const a = await openLunFile(folder, WWID, opened, [old, join(folder, 'never there')])
    expect(a.fresh).toBe(false)
    expect(a.reservations.read()).toEqual({ epoch: 7, state: NO_RESERVATION })
    expect(a.reservations.word()).toBe(7)
    expect(a.groups.read()).toMatchObject([{ id: 1, access: 'standby' }])
    const { ghosts, attachments } = a.load()
    if (opened === 'engine-a') {
      expect(ghosts).toMatchObject([{ id: 'g', attach: 'gone 8:0:0:0 2', path: '8:0:0:0', deviceKey: '' }])
      expect(attachments).toMatchObject([{ attach: `gone ${name}`, device: '/dev/loop7', final: 1 }])
    } else expect([...ghosts, ...attachments]).toEqual([])
    await a.endGhosts(['g'], 'gone')
    await a.detach(`gone ${name}`)
    await a.close()
  }
  // Opened in its own place, the old file is brought up to this version.
  const b = await openLunFile(old, WWID, 'engine-b')
  expect(b.load().ghosts).toMatchObject([{ attach: `gone ${name}` }])
  await b.close()
  // And what this version kept elsewhere moves as well.
  const c = await openLunFile(join(folder, 'new'), WWID, 'engine-c', [old])
  expect(c.load().ghosts).toMatchObject([{ attach: `gone ${name}` }])
  await c.close()
})

test('what another engine has reserved is read in both, and in one that is closed as it was last', async () => {
  const a = await openLunFile(folder, WWID, 'engine-a')
  const b = await openLunFile(folder, WWID, 'engine-b')
  expect(b.reservations.readNow().epoch).toBe(0)
  const its = { initiator: 'host-a', nexus: 'n', nexuses: ['n'], type: null, aptpl: false }
  const keys = { key: '0x0000000000000000', serviceKey: '0x0000000000000001' }
  const command = { ...its, ...keys, action: 'registerIgnore' } as const
  const { status } = await a.reservations.request({ kind: 'command', command })
  await b.catchUp()
  expect([status, b.reservations.word(), b.reservations.readNow().epoch]).toEqual(['GOOD', 1, 1])
  await b.close()
  expect([b.reservations.word(), b.reservations.readNow().epoch]).toEqual([1, 1])
  await a.close()
})

test('an engine id is taken once; the files are for their owner alone', async () => {
  const a = await openLunFile(folder, WWID, 'engine-a')
  await expect(openLunFile(folder, WWID, 'engine-a')).rejects.toMatchObject({ code: 'LUN_CLAIMED' })
  await expect(openLunFile(folder, WWID, '../escape')).rejects.toMatchObject({ code: 'ENGINE_ID' })
  expect(statSync(`${lunFileName(folder, WWID)}.engines`).mode & 0o077).toBe(0)
  await a.close()
  expect(readdirSync(`${lunFileName(folder, WWID)}.engines`)).toEqual([])
})

test('a folder that is a file, and a thread that ends, are told', async () => {
  writeFileSync(join(folder, 'file'), '')
  await expect(openLunFile(join(folder, 'file'), WWID, 'a')).rejects.toMatchObject({ code: 'LUN_STORAGE' })
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
