// What the thread of a LUN's storage does with its file, in the test's own thread.
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, expect, test } from 'vitest'
import { NO_RESERVATION } from '../../machines/reservation/rules.ts'
import { Claims } from '../../store/lun/claims.ts'
import { LunKeeper } from '../../store/lun/keeper.ts'
import { RESERVATION_SCHEMA } from '../../store/lun/reservations.ts'
import { LUN_APPLICATION_ID, LUN_SCHEMA_VERSION } from '../../store/lun/schema.ts'
import type { LunAttachment, LunGhost } from '../../store/lun/types.ts'
import { tempFiles } from './tmp.ts'

const temp = tempFiles()
const ATTACH = { attach: 'attach-1', device: '/dev/loop0', deviceKey: 'loop:7:0 diskseq 5', final: 1 }
const opened: LunKeeper[] = []

afterEach(() => {
  for (const keeper of opened.splice(0)) keeper.close()
})

function keeperOf(file: string, engine: string, old: readonly string[] = []): LunKeeper {
  const keeper = new LunKeeper({ file, engine, old })
  opened.push(keeper)
  return keeper
}

/** Closes one before the test has ended. */
function close(keeper: LunKeeper): void {
  opened.splice(opened.indexOf(keeper), 1)
  keeper.close()
}

function ghost(id: string, engine = 'engine-a'): LunGhost {
  const place = { path: '8:0:0:0', incarnation: 1, op: 'write', offset: 4096, length: 512 }
  return {
    id,
    ...ATTACH,
    ...place,
    engine,
    reason: 'timeout',
    openedAtUs: 1_700_000_000_000_000,
    bootId: 'b',
  }
}

function attachment(attach: string, engine: string): LunAttachment {
  return { ...ATTACH, attach, engine, path: '8:0:0:0', incarnation: 3, bootId: 'b' }
}

/** A file as version 1 (no reservations) or 2 (with them) left it. */
function oldFile(file: string, version: 1 | 2): void {
  const db = new Database(file)
  db.exec(`PRAGMA application_id = ${LUN_APPLICATION_ID}; PRAGMA user_version = ${version};
    CREATE TABLE ghosts (id TEXT PRIMARY KEY, engine TEXT NOT NULL, path TEXT NOT NULL, incarnation INTEGER NOT NULL, op TEXT NOT NULL,
      offset INTEGER NOT NULL, length INTEGER NOT NULL, reason TEXT NOT NULL, openedAtUs INTEGER NOT NULL, bootId TEXT NOT NULL) STRICT;
    CREATE TABLE attachments (engine TEXT NOT NULL, path TEXT NOT NULL, incarnation INTEGER NOT NULL, device TEXT NOT NULL,
      bootId TEXT NOT NULL, final INTEGER NOT NULL, PRIMARY KEY (engine, path)) STRICT;
    INSERT INTO ghosts VALUES ('g', 'gone', '8:0:0:0', 2, 'write', 0, 512, 'timeout', 1, 'boot');
    INSERT INTO attachments VALUES ('gone', '8:0:0:0', 2, '/dev/loop7', 'boot', 1)`)
  if (version === 2) {
    db.exec(RESERVATION_SCHEMA)
    db.prepare('INSERT INTO reservation VALUES (1, 7, ?)').run(JSON.stringify(NO_RESERVATION))
  }
  db.close()
}

test('ghosts and attachments are there for the next engine until they end', () => {
  const file = temp('a.lun')
  const a = keeperOf(file, 'engine-a')
  expect(a.opened()).toMatchObject({ fresh: true, picture: { contentsCount: 0, alive: [] } })
  expect(a.write({ kind: 'openGhosts', ghosts: [ghost('one'), ghost('two')] }).contentsCount).toBe(1)
  a.write({ kind: 'attach', attachment: attachment('first', 'engine-a') })
  a.write({ kind: 'attach', attachment: attachment('next', 'engine-a') })
  a.write({ kind: 'detach', attach: 'first' })
  const b = keeperOf(file, 'engine-b')
  expect(b.opened()).toMatchObject({ fresh: false, name: a.opened().name })
  b.write({ kind: 'endGhosts', ids: ['one', 'never there'], by: 'engine-b' })
  b.write({ kind: 'endGhosts', ids: ['two'], by: 'engine-a' })
  // Only the end by another engine is kept for the ledger of the ghost's own.
  const contents = { ghosts: [], attachments: [attachment('next', 'engine-a')], ended: ['one'] }
  expect(a.picture().contents).toEqual(contents)
  a.write({ kind: 'forgetEnded', ids: ['one'] })
  expect(b.picture().contents.ended).toEqual([])
})

test('a change by another engine is noticed until it is looked at', () => {
  const file = temp('a.lun')
  const [a, b] = [keeperOf(file, 'engine-a'), keeperOf(file, 'engine-b')]
  b.picture()
  expect(b.changed()).toBe(false)
  a.write({ kind: 'join', engine: 'engine-a', initiator: 'host-a' })
  expect(b.changed()).toBe(true)
  expect(b.picture().engines).toEqual([{ engine: 'engine-a', initiator: 'host-a', acked: 0 }])
  expect(b.changed()).toBe(false)
  // Somebody who raises no word is noticed as well.
  const other = new Database(file)
  other.exec("DELETE FROM engines WHERE engine = 'engine-a'")
  other.close()
  expect(b.changed()).toBe(true)
  expect(b.picture().engines).toEqual([])
})

test('reservations count their changes, and an engine says up to which it has caught up', () => {
  const a = keeperOf(temp('a.lun'), 'engine-a')
  a.write({ kind: 'join', engine: 'engine-a', initiator: 'host-a' })
  const its = { initiator: 'host-a', nexus: 'host-a 1', nexuses: ['host-a 1'], type: null, aptpl: false }
  const keys = { key: '0x0000000000000000', serviceKey: '0x0000000000000001' }
  const command = { ...its, ...keys, action: 'registerIgnore' } as const
  const { value } = a.write({ kind: 'reserve', request: { kind: 'command', command } })
  expect(value).toMatchObject({ status: 'GOOD', epoch: 1, changed: true })
  const hear = { kind: 'hearAttentions', initiator: 'host-a' } as const
  expect(a.write({ kind: 'reserve', request: hear }).value).toMatchObject({ epoch: 1, changed: false })
  const nexus = { kind: 'registerNexus', initiator: 'host-a', nexus: 'host-a 2' } as const
  expect(a.write({ kind: 'reserve', request: nexus }).value).toMatchObject({ status: 'GOOD', epoch: 2 })
  const restore = { kind: 'restore', state: NO_RESERVATION } as const
  expect(a.write({ kind: 'reserve', request: restore }).value).toMatchObject({ status: 'CONFLICT', epoch: 2 })
  a.write({ kind: 'acknowledge', engine: 'engine-a', epoch: 2 })
  a.write({ kind: 'acknowledge', engine: 'engine-a', epoch: 1 })
  expect(a.picture()).toMatchObject({ reservation: { epoch: 2 }, engines: [{ acked: 2 }] })
  a.write({ kind: 'leave', engine: 'engine-a' })
  expect(a.picture().engines).toEqual([])
})

test('port groups that are kept stay as they are unless they are to be replaced', () => {
  const a = keeperOf(temp('a.lun'), 'engine-a')
  const group = { id: 1, access: 'standby', preferred: false, listed: true } as const
  const written = a.write({ kind: 'groups', groups: [group], replace: false })
  expect(written).toEqual({ contentsCount: null, value: [group] })
  const other = { ...group, access: 'unavailable' } as const
  expect(a.write({ kind: 'groups', groups: [other], replace: false }).value).toEqual([group])
  expect(a.write({ kind: 'groups', groups: [other], replace: true }).value).toEqual([other])
})

test('who holds its claim is alive; a claim file that nobody holds is that of a dead engine', () => {
  const file = temp('a.lun')
  const [a, b] = [keeperOf(file, 'engine-a'), keeperOf(file, 'engine-b')]
  a.write({ kind: 'attach', attachment: attachment('of a', 'engine-a') })
  writeFileSync(join(`${file}.engines`, 'dead'), '')
  a.write({ kind: 'openGhosts', ghosts: [ghost('one', 'dead')] })
  a.write({ kind: 'join', engine: 'left', initiator: 'host-l' })
  // No proof of death: its claim cannot be looked at.
  symlinkSync('nowhere', join(`${file}.engines`, 'unseen'))
  a.write({ kind: 'join', engine: 'unseen', initiator: 'host-u' })
  expect(b.picture().alive).toEqual(['engine-a', 'unseen'])
  expect(b.livesChanged()).toBe(false)
  close(a)
  expect(b.livesChanged()).toBe(true)
  expect(b.picture().alive).toEqual(['unseen'])
  // The id of a dead engine can be taken.
  keeperOf(file, 'dead')
  expect(b.picture().alive).toEqual(['dead', 'unseen'])
})

test('an id that is in use, or cannot name a file, is refused; a claim that is let go of twice is gone once', () => {
  const file = temp('a.lun')
  keeperOf(file, 'engine-a')
  expect(() => keeperOf(file, 'engine-a')).toThrow('The engine id engine-a is in use already.')
  expect(() => keeperOf(file, '../escape')).toThrow("'../escape' cannot be the id of an engine.")
  const claims = new Claims(`${file}.engines`)
  claims.take('engine-c')
  claims.release()
  claims.release()
  expect([claims.own, existsSync(join(`${file}.engines`, 'engine-c'))]).toEqual([null, false])
})

test('a file of version 1 or 2 is brought up to this version with all that is in it', () => {
  for (const version of [1, 2] as const) {
    const file = temp('old.lun')
    oldFile(file, version)
    const a = keeperOf(file, 'engine-a')
    const { fresh, picture } = a.opened()
    expect(fresh).toBe(false)
    expect(picture.contents.ghosts).toMatchObject([{ id: 'g', attach: 'gone 8:0:0:0 2', length: 512 }])
    expect(picture.contents.attachments).toMatchObject([{ attach: 'gone 8:0:0:0 2', device: '/dev/loop7' }])
    expect(picture.reservation).toEqual({ epoch: version === 2 ? 7 : 0, state: NO_RESERVATION })
    close(a)
    const db = new Database(file, { readonly: true })
    expect(db.pragma('user_version', { simple: true })).toBe(LUN_SCHEMA_VERSION)
    db.close()
  }
})

test('what other storages of the LUN hold is taken over once, whatever their version', () => {
  const [one, current, none, file] = [temp('1.lun'), temp('4.lun'), temp('0.lun'), temp('a.lun')]
  oldFile(one, 1)
  new Database(none).close()
  const before = keeperOf(current, 'engine-b')
  before.write({ kind: 'openGhosts', ghosts: [ghost('one'), ghost('two')] })
  before.write({ kind: 'endGhosts', ids: ['two'], by: 'engine-b' })
  before.write({ kind: 'attach', attachment: attachment('of b', 'engine-b') })
  close(before)
  const old = [one, current, none, file, join(none, 'never there')]
  const a = keeperOf(file, 'engine-a', old)
  const { fresh, picture } = a.opened()
  expect(fresh).toBe(false)
  expect(picture.contents.ghosts.map(({ id }) => id)).toEqual(['g', 'one'])
  expect(picture.contents.attachments.map(({ attach }) => attach)).toEqual(['gone 8:0:0:0 2', 'of b'])
  expect(picture.contents.ended).toEqual(['two'])
  a.write({ kind: 'endGhosts', ids: ['g'], by: 'gone' })
  close(a)
  expect(keeperOf(file, 'engine-a', old).picture().contents.ghosts).toEqual([ghost('one')])
})

test('a newer schema, a database of something else and a damaged file are refused, and the claim is let go of', () => {
  const newer = temp('newer.lun')
  close(keeperOf(newer, 'engine-a'))
  const db = new Database(newer)
  db.pragma('user_version = 99')
  db.close()
  const foreign = temp('foreign.lun')
  new Database(foreign).exec('CREATE TABLE theirs (x)').close()
  const damaged = temp('damaged.lun')
  writeFileSync(damaged, 'not a database, and long enough to be looked at as one')
  for (const [file, why] of [
    [newer, /has schema 99, and this version knows 5/],
    [foreign, /is not the storage of a LUN/],
    [damaged, /not a database/],
  ] as const) {
    expect(() => keeperOf(file, 'engine-a')).toThrow(why)
    expect(existsSync(join(`${file}.engines`, 'engine-a'))).toBe(false)
  }
})

test('rows that no engine writes are not believed', () => {
  const file = temp('a.lun')
  const a = keeperOf(file, 'engine-a')
  a.write({ kind: 'openGhosts', ghosts: [{ ...ghost('one'), length: -1 }] })
  expect(() => a.picture()).toThrow(/its ghosts are not what an engine writes/)
  a.write({ kind: 'endGhosts', ids: ['one'], by: 'engine-a' })
  const other = new Database(file)
  other.exec("INSERT INTO reservation VALUES (1, 1, 'no JSON')")
  other.close()
  expect(() => a.picture()).toThrow(/its reservations are not what an engine writes/)
})

test('a request that is none of those known changes nothing that is kept', () => {
  const a = keeperOf(temp('a.lun'), 'engine-a')
  a.write({ kind: 'openGhosts', ghosts: [ghost('one')] })
  const before = a.picture().contents
  expect(a.write({ kind: 'format' } as never).value).toBe(undefined)
  expect(() =>
    a.write({ kind: 'openGhosts', ghosts: [ghost('two'), { ...ghost('x'), op: null as never }] }),
  ).toThrow(/NOT NULL/)
  expect(a.picture().contents).toEqual(before)
})

test('a folder that is taken away, or another file in its place, is told and not written to', () => {
  const file = temp('lun/a.lun')
  const a = keeperOf(file, 'engine-a')
  expect(a.lost()).toBe(null)
  const folder = join(file, '..')
  renameSync(folder, `${folder}-moved`)
  expect(a.lost()).toBe(`${file} is not there any more`)
  const write = { kind: 'openGhosts', ghosts: [ghost('one')] } as const
  expect(() => a.write(write)).toThrow(expect.objectContaining({ code: 'LUN_STORAGE_LOST' }))
  mkdirSync(folder)
  writeFileSync(file, '')
  expect(a.lost()).toBe(`${file} is another file now`)
  rmSync(`${folder}-moved`, { recursive: true })
})
