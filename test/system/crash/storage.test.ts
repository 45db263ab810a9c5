// Storage that does not take what it is given: a ledger on a read-only file system or in somebody else's hands, and a LUN's
// image on one that is full. Needs root: it mounts.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { attachLoop, loopPath, Multipath, openLedgerReader, verifyLedger } from '../../../index.ts'
import { recordStory } from '../../cli/harness.ts'

const SHIM = join(import.meta.dirname, '../../../bin/pathledger.js')
const NOBODY = 65_534
const WWID = 'naa.60014050000000000000000000005f11'
const MIB = 1024 * 1024

let folder: string
let undo: (() => Promise<void> | void)[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-storage-'))
  chmodSync(folder, 0o755)
  undo = []
})
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
  rmSync(folder, { recursive: true })
})

/** A small file system of its own. */
function mounted(bytes: number): string {
  const place = join(folder, 'small')
  mkdirSync(place)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0755`, 'pathledger-test', place])
  undo.push(() => void execFileSync('umount', [place]))
  return place
}

function pathledger(argv: readonly string[], uid?: number) {
  const options = { encoding: 'utf8', cwd: '/', ...(uid === undefined ? {} : { uid, gid: uid }) } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [SHIM, ...argv], options)
  return { status, stdout, stderr }
}

describe('a ledger that cannot be written', () => {
  test('on a read-only file system: the engine says so and makes nothing; a verb ends with 6', async () => {
    const place = mounted(16 * MIB)
    const ledger = join(place, 'mp.ledger')
    await recordStory(ledger)
    execFileSync('mount', ['-o', 'remount,ro', place])
    const before = readdirSync(place)
    await expect(Multipath.open({ ledger })).rejects.toMatchObject({ code: 'LEDGER_PERMISSION' })
    await expect(Multipath.open({ ledger: join(place, 'new.ledger') })).rejects.toMatchObject({
      code: 'LEDGER_PERMISSION',
      errno: 'EROFS',
    })
    const { status, stdout, stderr } = pathledger(['log', ledger, '--json'])
    // Whoever may not write beside the file cannot look into its log of commits either.
    expect({ status, stdout }).toEqual({ status: 6, stdout: '' })
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'LEDGER_PERMISSION' })
    expect(readdirSync(place)).toEqual(before)
    execFileSync('mount', ['-o', 'remount,rw', place])
    expect(verifyLedger(ledger)).toMatchObject({ chain: 'ok', replay: 'equal' })
  })

  test("somebody else's: 6, in words, and not a byte of it", async () => {
    const ledger = join(folder, 'mp.ledger')
    await recordStory(ledger)
    const refused = pathledger(['log', ledger], NOBODY)
    expect({ status: refused.status, stdout: refused.stdout }).toEqual({ status: 6, stdout: '' })
    expect(refused.stderr).toMatch(/mp\.ledger/)
    // His to read, and nothing to be written beside it.
    chmodSync(ledger, 0o444)
    expect(pathledger(['verify', ledger], NOBODY).status).toBe(6)
    // In a folder of his own he reads it, and still cannot write it.
    const his = join(folder, 'his')
    mkdirSync(his)
    chownSync(his, NOBODY, NOBODY)
    const copy = join(his, 'copy.ledger')
    execFileSync('cp', [ledger, copy])
    chownSync(copy, NOBODY, NOBODY)
    chmodSync(copy, 0o400)
    expect(pathledger(['verify', copy], NOBODY).status).toBe(0)
    expect(pathledger(['backup', copy, join(folder, 'backup.ledger')], NOBODY).status).toBe(6)
    expect(existsSync(join(folder, 'backup.ledger'))).toBe(false)
  })
})

test('an image on a full file system: ENOSPC goes to the caller, no path fails for it, and what was there stays', async () => {
  const place = mounted(2 * MIB)
  const image = join(place, 'lun.img')
  writeFileSync(image, '')
  // As sparse as it may be: four times what there is room for.
  truncateSync(image, 8 * MIB)
  const ledger = join(folder, 'mp.ledger')
  const mp = await Multipath.open({ ledger, multipath: 'always', iopolicy: 'round-robin' })
  undo.push(() => mp.close())
  for (const hctl of ['8:0:0:0', '9:0:0:0']) {
    const attached = await attachLoop({ image, wwid: WWID })
    await mp.addPath(await loopPath(attached.device, { lun: { wwid: WWID, implicitAlua: true }, hctl }))
    await attached.release()
  }
  const head = mp.head(WWID)
  const LENGTH = 64 * 1024
  const ends: string[] = []
  for (let offset = 0; offset < head.sizeBytes; offset += LENGTH) {
    const data = new Uint8Array(LENGTH).fill(1 + ((offset / LENGTH) % 250))
    ends.push(
      await head.write({ offset, data }).then(
        () => 'ok',
        (error: unknown) => (error as { errno: string }).errno,
      ),
    )
  }
  expect(new Set(ends)).toEqual(new Set(['ok', 'ENOSPC']))
  expect(head.paths.map(({ usable }) => usable)).toEqual([true, true])
  for (const [at, end] of ends.entries()) {
    if (end !== 'ok') continue
    const bytes = await head.read({ offset: at * LENGTH, length: LENGTH })
    expect(
      bytes.every((byte) => byte === 1 + (at % 250)),
      `64 KiB at ${at * LENGTH}`,
    ).toBe(true)
  }
  // Room is made, and nothing has to be told to go on.
  await head.discard({ offset: 0, length: MIB })
  await head.write({ offset: 7 * MIB, data: new Uint8Array(LENGTH).fill(7) })
  await mp.close()
  expect(verifyLedger(ledger)).toMatchObject({ chain: 'ok', replay: 'equal' })
  const reader = openLedgerReader(ledger)
  undo.push(() => reader.close())
  expect(reader.read({ type: 'path.failed' })).toEqual([])
})
