// What scenario 25 leaves out: a restart, a foreign preempt in the middle of a command, a new key and a new type. Engines
// share the LUN's own storage, as engines of one machine do.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { filePath } from '../../adapters/paths/file-path.ts'
import { errorFilter } from '../../adapters/filters/error.ts'
import { hangFilter } from '../../adapters/filters/hang.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { Multipath } from '../../engine/multipath.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { expectExplainedIn } from '../explained.ts'

const WWID = 'naa.60014050000000000000000000000026'
const [KEY_A, KEY_B, KEY_C] = ['0x00000000000000a1', '0x00000000000000b2', '0x00000000000000c3'] as const
const TYPE = 'write-exclusive-reg-only'
const lun = virtualLun({ wwid: WWID })
const EBADE = { code: 'IO_ERROR', errno: 'EBADE' }

let folder: string
let open: Multipath[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-reservations-'))
  writeFileSync(join(folder, 'lun.img'), Buffer.alloc(65_536))
  open = []
})
afterEach(async () => {
  for (const mp of open) await mp.close()
  rmSync(folder, { recursive: true })
})

/** An engine with the name that its ledger gives it, in every run. */
async function engine(name: string): Promise<Multipath> {
  const mp = await Multipath.open({
    ledger: join(folder, `${name}.ledger`),
    lunFolder: join(folder, 'luns'),
    multipath: 'always',
    checker: { minMs: 20, maxMs: 50 },
    reservationWaitMs: 10_000,
  })
  open.push(mp)
  return mp
}

const device = (hctl: string) => filePath(join(folder, 'lun.img'), { lun, hctl })
const of = (mp: Multipath) => mp.head(WWID).reservations
const write = (mp: Multipath) => mp.head(WWID).write({ offset: 0, data: new Uint8Array(512).fill(1) })

/** Resolves when an event of this type is durable on this engine. */
function next(mp: Multipath, type: string): Promise<void> {
  return new Promise((resolve) => {
    const leave = mp.subscribe(({ event }) => {
      if (event.type !== type) return
      leave()
      resolve()
    })
  })
}

test('scenario 25: an engine that closes and starts again has its key, its reservation and the same name', async () => {
  const one = await engine('one')
  await one.addPath(await device('8:0:0:0'))
  await of(one).register(KEY_A)
  await of(one).reserve(KEY_A, TYPE)
  const before = of(one).readFullStatus()
  const generation = of(one).readKeys().generation
  await one.close()

  const two = await engine('two')
  await two.addPath(await device('20:0:0:0'))
  await expect(write(two)).rejects.toMatchObject(EBADE)

  const again = await engine('one')
  await again.addPath(await device('8:0:0:0'))
  expect(of(again).readFullStatus()).toEqual(before)
  expect(of(again).readKeys()).toEqual({ generation, keys: [KEY_A] })
  expect(of(again).readReservation()).toMatchObject({ type: TYPE, key: KEY_A })
  await write(again)
  await expect(write(two)).rejects.toMatchObject(EBADE)
  // It is the one that may give it back.
  await of(again).release(KEY_A, TYPE)
  await write(two)
  await two.close()
  const root = { kind: 'reservation', path: null } as const
  const head = { stream: `head/${WWID}` }
  expectExplainedIn(join(folder, 'two.ledger'), head, root, 'reservation.conflict')
})

test('scenario 25: a foreign preempt in the middle of a command wins, and the command ends in conflict', async () => {
  const [one, two, three] = [await engine('one'), await engine('two'), await engine('three')]
  await one.addPath(await device('8:0:0:0'))
  await two.addPath(await device('20:0:0:0'))
  const slow = hangFilter(await device('30:0:0:0'))
  await three.addPath(slow.path)
  await of(one).register(KEY_A)
  await of(two).register(KEY_B)
  await of(three).register(KEY_C)
  await of(three).reserve(KEY_C, TYPE)

  // An older write of the third engine is open, so nothing that takes access away is proved yet.
  slow.control.enable()
  const hung = write(three)
  const commanded = next(one, 'reservation.commanded')
  const mine = of(one)
    .preempt(KEY_A, KEY_C, TYPE)
    .catch((error: unknown) => error)
  await commanded
  const theirs = of(two).preempt(KEY_B, KEY_A, TYPE)
  while (of(one).readKeys().keys.includes(KEY_A)) await new Promise((resolve) => setImmediate(resolve))
  slow.control.disable()
  await hung
  await theirs
  expect(await mine).toMatchObject({ code: 'RESERVATION_CONFLICT', errno: 'EBADE' })
  for (const mp of [one, two, three]) {
    expect(of(mp).readKeys().keys).toEqual([KEY_B])
    expect(of(mp).readReservation()).toMatchObject({ type: TYPE, key: KEY_B })
  }
  await expect(write(one)).rejects.toMatchObject(EBADE)
  await expect(write(three)).rejects.toMatchObject(EBADE)
  await write(two)
})

test('a new key while the holder’s path is down, and a new type while I/O goes on: nobody else gets in between', async () => {
  const [one, two] = [await engine('one'), await engine('two')]
  const a = errorFilter(await device('8:0:0:0'))
  await one.addPath(a.path)
  await one.addPath(await device('9:0:0:0'))
  await two.addPath(await device('20:0:0:0'))
  await of(one).register(KEY_A)
  await of(one).reserve(KEY_A, 'write-exclusive')
  const failed = next(one, 'path.failed')
  a.control.enable({ errno: 'EIO' })
  await write(one)
  await failed

  await of(one).register(KEY_C, { oldKey: KEY_A })
  expect(of(two).readKeys().keys).toEqual([KEY_C, KEY_C])
  expect(of(two).readReservation()).toMatchObject({ type: 'write-exclusive', key: KEY_C })

  const writes = Array.from({ length: 20 }, () => write(one))
  await of(one).preempt(KEY_C, KEY_C, 'exclusive-access')
  await Promise.all([...writes, write(one)])
  expect(of(two).readReservation()).toMatchObject({ type: 'exclusive-access' })
  await expect(two.head(WWID).read({ offset: 0, length: 512 })).rejects.toMatchObject(EBADE)
  await one.close()
  expect(verifyLedger(join(folder, 'one.ledger'))).toMatchObject({ chain: 'ok', replay: 'equal' })
})
