// Target port groups are the LUN's, not an engine's: what one engine's target makes of a group every other engine hears of
// as of any change, by a unit attention and a report, and so does the next run. Each engine has a target of its own, as in
// a process of its own.
import Database from 'better-sqlite3'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { filePath } from '../../adapters/paths/file-path.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { Multipath } from '../../engine/multipath.ts'
import { lunFileName, openLunFile } from '../../store/lun/lun-file.ts'
import { openLedgerReader } from '../../store/read/reader.ts'

const WWID = 'naa.60014050000000000000000000000027'
let folder: string
let open: Multipath[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-groups-'))
  writeFileSync(join(folder, 'lun.img'), Buffer.alloc(65_536))
  open = []
})
afterEach(async () => {
  for (const mp of open) await mp.close()
  rmSync(folder, { recursive: true })
})

const luns = () => join(folder, 'luns')

/** An engine with a path through each of two groups. */
async function engine(name: string, host: number) {
  const groups = [
    { id: 1, paths: [`${host}:0:0:0`] },
    { id: 2, paths: [`${host + 1}:0:0:0`], access: 'active' as const },
  ]
  const lun = virtualLun({ wwid: WWID, groups })
  const mp = await Multipath.open({
    ledger: join(folder, `${name}.ledger`),
    lunFolder: luns(),
    initiator: name,
    multipath: 'always',
  })
  open.push(mp)
  for (const { paths } of groups)
    await mp.addPath(await filePath(join(folder, 'lun.img'), { lun, hctl: paths[0]! }))
  const head = mp.head(WWID)
  return {
    mp,
    target: lun.scsi,
    read: () => head.read({ offset: 0, length: 512 }),
    access: () => head.paths.map(({ state }) => state.access),
  }
}

/** Reads, which is how a path hears of a unit attention, until it is so. */
async function until(one: { read(): Promise<unknown>; access(): string[] }, access: readonly string[]) {
  while (one.access().join() !== access.join()) await one.read()
}

test('what one engine’s target makes of a group the others hear of, by unit attention and report; a restart keeps it', async () => {
  const one = await engine('one', 8)
  const two = await engine('two', 20)
  expect([one.access(), two.access()]).toEqual([
    ['optimal', 'active'],
    ['optimal', 'active'],
  ])
  one.target.setGroup(1, { access: 'standby' })
  await until(one, ['standby', 'active'])
  await until(two, ['standby', 'active'])
  two.target.setGroup(2, { access: 'optimal', preferred: true })
  await until(two, ['standby', 'optimal'])
  await until(one, ['standby', 'optimal'])
  expect(one.target.access(2)).toBe('optimal')
  for (const mp of open.splice(0)) await mp.close()
  const reader = openLedgerReader(join(folder, 'two.ledger'))
  const types = reader
    .read({ stream: `lun/${WWID}` })
    .map(({ type, data }) => [type, JSON.parse(data) as object])
  reader.close()
  expect(types).toContainEqual([
    'lun.senseReceived',
    expect.objectContaining({ key: 6, asc: 0x2a, ascq: 0x06 }),
  ])

  const again = await engine('one', 8)
  await until(again, ['standby', 'optimal'])
})

test('a file of an older pathledger is brought up to this one with what it has; a newer one is left alone', async () => {
  const old = await openLunFile(luns(), WWID, 'old')
  const command = { action: 'register', initiator: 'one', nexus: '8:0:0:0', nexuses: [] } as const
  const keys = { key: '0x0000000000000000', serviceKey: '0x00000000000000a1', type: null, aptpl: true }
  await old.reservations.request({ kind: 'command', command: { ...command, ...keys } })
  await old.close()
  const file = lunFileName(luns(), WWID)
  const db = new Database(file)
  db.exec('DROP TABLE port_groups; PRAGMA user_version = 2')
  db.close()
  const now = await openLunFile(luns(), WWID, 'new')
  expect(now.reservations.read().state.registrants).toHaveLength(1)
  now.groups.begin([{ id: 7, access: 'standby', preferred: false, listed: true }])
  await now.close()
  const changed = new Database(file)
  expect(changed.prepare('SELECT id, access FROM port_groups').all()).toEqual([{ id: 7, access: 'standby' }])
  expect(changed.pragma('user_version', { simple: true })).toBe(5)
  changed.exec('PRAGMA user_version = 6')
  changed.close()
  await expect(openLunFile(luns(), WWID, 'newer')).rejects.toMatchObject({
    code: 'LUN_STORAGE',
    why: expect.stringContaining('has schema 6'),
  })
  const kept = new Database(file)
  expect(kept.pragma('user_version', { simple: true })).toBe(6)
  kept.close()
})
