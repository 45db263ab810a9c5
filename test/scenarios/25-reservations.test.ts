// A reservation over three paths: the holder's path dies, a new path comes, and another engine takes over. Two engines
// share the LUN's own storage; after each step both report the same.
import { expectExplainedIn } from '../explained.ts'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { errorFilter } from '../../adapters/filters/error.ts'
import { filePath } from '../../adapters/paths/file-path.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { Multipath } from '../../engine/multipath.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { openLedgerReader } from '../../store/read/reader.ts'

const WWID = 'naa.60014050000000000000000000000025'
const KEY_ONE = '0x00000000000000a1'
const KEY_TWO = '0x00000000000000b2'
const TYPE = 'exclusive-access-reg-only'

let folder: string
const lun = virtualLun({ wwid: WWID })
let open: Multipath[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-25-'))
  writeFileSync(join(folder, 'lun.img'), Buffer.alloc(65_536))
  open = []
})
afterEach(async () => {
  for (const mp of open) await mp.close()
  rmSync(folder, { recursive: true })
})

async function engine(name: string): Promise<Multipath> {
  const mp = await Multipath.open({
    ledger: join(folder, `${name}.ledger`),
    lunFolder: join(folder, 'luns'),
    initiator: name,
    multipath: 'always',
    iopolicy: 'round-robin',
    checker: { minMs: 20, maxMs: 50 },
    reservationWaitMs: 5_000,
  })
  open.push(mp)
  return mp
}

async function add(mp: Multipath, hctl: string) {
  const { path, control } = errorFilter(await filePath(join(folder, 'lun.img'), { lun, hctl }))
  return { path: await mp.addPath(path), error: control, device: path }
}

const write = (mp: Multipath) => mp.head(WWID).write({ offset: 0, data: new Uint8Array(512).fill(1) })
const read = (mp: Multipath) => mp.head(WWID).read({ offset: 0, length: 512 })
const EBADE = { code: 'IO_ERROR', errno: 'EBADE' }

/** Resolves with the next event of this type on this engine. */
function next(mp: Multipath, type: string): Promise<unknown> {
  return new Promise((resolve) => {
    const leave = mp.subscribe(({ event }) => {
      if (event.type !== type) return
      leave()
      resolve(event)
    })
  })
}

test('scenario 25: register, reserve, holder dies, new path, release, preempt, clear: reports equal after each', async () => {
  const [one, two] = [await engine('one'), await engine('two')]
  const a = await add(one, '8:0:0:0')
  await add(one, '9:0:0:0')
  await add(one, '10:0:0:0')
  await add(two, '20:0:0:0')
  const mine = one.head(WWID).reservations
  const theirs = two.head(WWID).reservations
  const expectSame = (keys: readonly string[], type: string | null) => {
    for (const reservations of [mine, theirs]) {
      expect(reservations.readKeys().keys).toEqual(keys)
      expect(reservations.readReservation()?.type ?? null).toBe(type)
    }
    expect(mine.readKeys()).toEqual(theirs.readKeys())
    expect(mine.readFullStatus()).toEqual(theirs.readFullStatus())
  }

  // 1. Registered on every path.
  await mine.register(KEY_ONE)
  expectSame([KEY_ONE, KEY_ONE, KEY_ONE], null)
  // 2. Reserved: I/O goes down each of our paths; the other engine gets EBADE, at once and on no other path.
  await mine.reserve(KEY_ONE, TYPE)
  expectSame([KEY_ONE, KEY_ONE, KEY_ONE], TYPE)
  for (let turn = 0; turn < 6; turn += 1) await write(one)
  expect(one.head(WWID).paths.every(({ counters }) => counters.writes >= 2)).toBe(true)
  await expect(write(two)).rejects.toMatchObject(EBADE)
  await expect(read(two)).rejects.toMatchObject(EBADE)
  expect(two.head(WWID).paths.map(({ state }) => state.health)).toEqual(['online'])
  // 3. The holder's path dies.
  a.error.enable({ errno: 'EIO' })
  const failed = next(one, 'path.failed')
  while (a.path.state.health === 'online') await write(one)
  await failed
  expectSame([KEY_ONE, KEY_ONE, KEY_ONE], TYPE)
  // 4. A new path is registered before its first I/O.
  const order: string[] = []
  one.subscribe(({ event }) => void order.push(event.type))
  const d = await add(one, '11:0:0:0')
  while (d.path.counters.writes === 0) await write(one)
  expectSame([KEY_ONE, KEY_ONE, KEY_ONE, KEY_ONE], TYPE)
  expect(order).toContain('reservation.pathRegistered')
  // 5. Released and taken again with the holder's path down.
  await mine.release(KEY_ONE, TYPE)
  expectSame([KEY_ONE, KEY_ONE, KEY_ONE, KEY_ONE], null)
  await write(two)
  await mine.reserve(KEY_ONE, TYPE)
  // 6. The other engine preempts: our keys are gone from every path.
  await theirs.register(KEY_TWO)
  await theirs.preempt(KEY_TWO, KEY_ONE, TYPE)
  expectSame([KEY_TWO], TYPE)
  await expect(write(one)).rejects.toMatchObject(EBADE)
  await write(two)
  // The dead path returns, and does not bring its key back.
  const healed = next(one, 'path.probeSucceeded')
  a.error.disable()
  await healed
  await expect(write(one)).rejects.toMatchObject(EBADE)
  expectSame([KEY_TWO], TYPE)
  // 7. Cleared: everybody may.
  await theirs.clear(KEY_TWO)
  expectSame([], null)
  await write(one)
  await write(two)

  const unregistered = await mine.reserve(KEY_ONE, TYPE).catch((error: unknown) => error)
  expect(unregistered).toMatchObject({ code: 'RESERVATION_CONFLICT', errno: 'EBADE' })
  for (const mp of open.splice(0)) await mp.close()
  const dead = { kind: 'pathError', errno: 'EIO', op: 'write', path: '8:0:0:0' } as const
  expectExplainedIn(join(folder, 'one.ledger'), { stream: `path/${WWID}/8:0:0:0` }, dead, 'path.failed')
  for (const name of ['one', 'two']) {
    const file = join(folder, `${name}.ledger`)
    expect(verifyLedger(file)).toMatchObject({ chain: 'ok', replay: 'equal', firstBad: null })
    const reader = openLedgerReader(file)
    const types = reader.read({ stream: `reservation/${WWID}` }).map(({ type }) => type)
    expect(types).toContain('reservation.settled')
    const [firstConflict] = reader.read({ type: 'reservation.conflict', limit: 1 })
    reader.close()
    // Each was refused because of the other, and is told so of the I/O, whatever its paths do.
    const refused = { kind: 'reservation', path: null } as const
    const { bio } = JSON.parse(firstConflict!.data) as { bio: number }
    const { chain } = expectExplainedIn(file, { io: bio, head: `head/${WWID}` }, refused)
    expect(chain.map(({ type }) => type)).toEqual(['reservation.conflict', 'reservation.adopted'])
    expect(chain[1]?.says).toMatch(/: \w+ holds /)
  }
})
