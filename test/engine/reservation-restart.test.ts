// A reservation outlasts the engine that made it: the engine's name is the id of its ledger's first event.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { filePath } from '../../adapters/file-path.ts'
import { virtualLun } from '../../adapters/virtual-lun.ts'
import { Multipath } from '../../engine/multipath.ts'

const WWID = 'naa.60014050000000000000000000000026'
const KEY = '0x00000000000000a1'

test('an engine that reserves and is closed holds the reservation when it is opened again, and another is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-restart-'))
  const opened: Multipath[] = []
  onTestFinished(async () => {
    for (const mp of opened) await mp.close()
    rmSync(folder, { recursive: true })
  })
  const image = join(folder, 'lun.img')
  writeFileSync(image, Buffer.alloc(65_536))
  const lun = virtualLun({ wwid: WWID })
  const engine = async (name: string, hctl: string) => {
    const ledger = join(folder, `${name}.ledger`)
    const mp = await Multipath.open({ ledger, lunFolder: join(folder, 'luns'), multipath: 'always' })
    opened.push(mp)
    await mp.addPath(await filePath(image, { lun, hctl }))
    return mp
  }
  const write = (mp: Multipath) => mp.head(WWID).write({ offset: 0, data: new Uint8Array(512) })

  const before = await engine('one', '8:0:0:0')
  await before.head(WWID).reservations.register(KEY)
  await before.head(WWID).reservations.reserve(KEY, 'exclusive-access')
  const held = before.head(WWID).reservations.readReservation()
  expect(held).toMatchObject({ key: KEY, type: 'exclusive-access' })
  await before.close()

  const other = await engine('two', '20:0:0:0')
  await expect(write(other)).rejects.toMatchObject({ code: 'IO_ERROR', errno: 'EBADE' })
  const after = await engine('one', '8:0:0:0')
  expect(after.head(WWID).reservations.readReservation()).toEqual(held)
  await write(after)
  await after.head(WWID).reservations.release(KEY, 'exclusive-access')
  await write(other)
})
