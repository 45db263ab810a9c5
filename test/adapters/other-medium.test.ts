// Real files under one wwid.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { errorsAreFinalOn } from '../../adapters/final-errors.ts'
import { filePath } from '../../adapters/paths/file-path.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { Multipath } from '../../engine/multipath.ts'

const WWID = 'naa.600140500000000000000000000000f1'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'pathledger-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

async function open(at: string): Promise<Multipath> {
  return Multipath.open({ ledger: join(at, 'mp.ledger'), lunFolder: join(at, 'luns'), multipath: 'always' })
}

test('F-01: two images with one wwid do not become one LUN; one that took the place of the other after a restart does neither', async () => {
  const at = folder()
  const [one, two] = ['one.img', 'two.img'].map((name) => join(at, name)) as [string, string]
  for (const file of [one, two]) writeFileSync(file, new Uint8Array(65_536))
  // Whether this folder lies on local disks decides: elsewhere an inode is no proof, and test/engine/qualify.test.ts has the rule.
  const local = errorsAreFinalOn(one)
  expect(errorsAreFinalOn(two)).toBe(local)
  if (!local) return
  const lun = virtualLun({ wwid: WWID })
  const mp = await open(at)
  await mp.addPath(filePath(one, { lun, hctl: '8:0:0:0' }))
  await expect(mp.addPath(filePath(two, { lun, hctl: '9:0:0:0' }))).rejects.toMatchObject({
    code: 'PATH_OTHER_MEDIUM',
  })
  await mp.addPath(filePath(one, { lun, hctl: '9:0:0:0' }))
  const head = mp.head(WWID)
  await head.write({ offset: 0, data: new Uint8Array(4096).fill(7) })
  expect((await head.read({ offset: 0, length: 4096 }))[0]).toBe(7)
  // The name is another file now: a path that joins by it is refused as well.
  await mp.path('9:0:0:0').remove()
  renameSync(two, one)
  await expect(mp.addPath(filePath(one, { lun, hctl: '9:0:0:0' }))).rejects.toMatchObject({
    code: 'PATH_OTHER_MEDIUM',
  })
  await mp.close()
})

/** A file as on a disk of this machine, wherever the tests are run. */
async function localFile(file: string, hctl: string): Promise<PathDevice> {
  const device = await filePath(file, { lun: virtualLun({ wwid: WWID }), hctl })
  return { ...device, guarantees: { ...device.guarantees, errorsAreFinal: true } }
}

test("F-01: the LUN's file remembers what its paths rested on: another file under that name is told and not taken, by no engine", async () => {
  const at = folder()
  const [one, two] = ['one.img', 'two.img'].map((name) => join(at, name)) as [string, string]
  for (const file of [one, two]) writeFileSync(file, new Uint8Array(65_536))
  const engine = (name: string) =>
    Multipath.open({ ledger: join(at, name), lunFolder: join(at, 'luns'), multipath: 'always' })
  const first = await engine('first.ledger')
  await first.addPath(localFile(one, '8:0:0:0'))
  // While it lives another engine of the LUN is not let in over another file either.
  const second = await engine('second.ledger')
  const refused: string[] = []
  second.subscribe(({ event }) => {
    if (event.type === 'engine.pathRefused') refused.push(event.type)
  })
  await expect(second.addPath(localFile(two, '8:0:0:0'))).rejects.toMatchObject({
    code: 'PATH_OTHER_MEDIUM',
    why: expect.stringContaining('another engine of the LUN has') as string,
  })
  await first.close()
  renameSync(two, one)
  const device = localFile(one, '8:0:0:0')
  await expect(second.addPath(device)).rejects.toMatchObject({
    code: 'PATH_OTHER_MEDIUM',
    why: expect.stringContaining('when a path of the LUN last rested on it') as string,
  })
  // It was put back from a backup: the program answers for it, and it is what the LUN rests on from then on.
  const path = await second.addPath(device, { trustIdentity: true })
  await path.remove()
  await second.addPath(localFile(one, '9:0:0:0'))
  await second.close()
  expect(refused).toHaveLength(2)
})
