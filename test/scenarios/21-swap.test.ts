// Three heads over three media, six ways to them, and everything changes places eleven times. What a path is joined to is
// seen in the bytes: a block written through a head is on that head's medium and on no other.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filePath } from '../../adapters/paths/file-path.ts'
import type { MemoryLun } from '../../adapters/paths/memory.ts'
import type { Random } from '../../adapters/ports.ts'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { ledgerSysfs, type SysfsTree } from '../../engine/views/sysfs/view.ts'
import { PathledgerError } from '../../errors.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { BLOCK, bytesOf, Rig, testLun } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const ROUNDS = 11
const SLOTS = ['8:0:0:0', '9:0:0:0', '10:0:0:0', '11:0:0:0', '12:0:0:0', '13:0:0:0']

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items]
  return items.flatMap(() => left.splice(random.nextUint32() % left.length, 1))
}

/** Which of the three LUNs each of the six slots leads to: two each. */
function dealt(random: Random): number[] {
  return shuffled([0, 0, 1, 1, 2, 2], random)
}

async function openTable() {
  const rig = await Rig.open({ multipath: 'on', iopolicy: 'round-robin' })
  return { rig, random: seededRandom('scenario 21') }
}

test('scenario 21: 11 rounds of detaching all in random order, new identities, swaps on one number: no path joins a wrong head', async () => {
  const { rig, random } = await openTable()
  let deal = dealt(random)
  let swaps = 0
  const tops: { position: number; paths: string[] }[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { paths } of rig.mp.heads) {
      for (const path of shuffled(paths, random)) await rig.drive(path.remove())
    }
    expect(rig.mp.heads).toEqual([])
    const next = dealt(random)
    swaps += next.filter((lun, slot) => lun !== deal[slot]).length
    deal = next
    const luns = [0, 1, 2].map((lun) =>
      testLun({ wwid: `naa.6001405000000000000000000${round + 10}0000${lun}` }),
    )
    for (const slot of shuffled(SLOTS, random))
      await rig.add(slot, { lun: luns[deal[SLOTS.indexOf(slot)]!]! })
    await checkPlaces(rig, luns, deal)
    await rig.settle()
    tops.push({ position: rig.position, paths: links(rig.mp.sysfs.tree()) })
  }
  expect(swaps).toBeGreaterThan(ROUNDS * 2)
  // The record says the same of each round.
  const reader = memoryReader(rig.rows())
  for (const { position, paths } of tops) expect(links(ledgerSysfs(reader, position))).toEqual(paths)
  expect(rig.rows('engine.pathRefused')).toEqual([])
})

/** Which hidden disk of which head each SCSI device has: '8:0:0:0/block/sda:1'. */
function links({ entries }: SysfsTree): string[] {
  const found = entries.flatMap(
    ({ target = '' }) => /target[\d:]+\/([\d:]+\/block\/sd.*)$/.exec(target)?.[1] ?? [],
  )
  expect(new Set(found).size).toBe(SLOTS.length)
  return [...new Set(found)].sort()
}

/** 'sda/8:0:0:0 naa...' for every path there is. */
function places(rig: Rig): string[] {
  return rig.mp.heads.flatMap(({ name, wwid, paths }) => paths.map(({ hctl }) => `${name}/${hctl} ${wwid}`))
}

/** Each head has the two paths that it was dealt, and what is written through it is on its own medium alone. */
async function checkPlaces(rig: Rig, luns: readonly MemoryLun[], deal: readonly number[]): Promise<void> {
  for (const [at, lun] of luns.entries()) {
    const head = rig.mp.head(lun.wwid)
    expect(head.paths.map(({ hctl }) => hctl).sort()).toEqual(
      SLOTS.filter((_, slot) => deal[slot] === at).sort(),
    )
    // Down one path and down the other.
    for (const turn of [0, 1])
      await rig.drive(head.write({ offset: turn * BLOCK, data: bytesOf(100 + at * 10 + turn) }))
  }
  for (const [at, { medium }] of luns.entries()) {
    for (const turn of [0, 1]) {
      const block = medium.subarray(turn * BLOCK, (turn + 1) * BLOCK)
      expect(Buffer.compare(block, bytesOf(100 + at * 10 + turn))).toBe(0)
    }
  }
}

test('scenario 21: a device that is not what was opened, one of another size, and one that is there already are refused, with an event each', async () => {
  const { rig } = await openTable()
  const [lun, other] = [testLun(), testLun({ wwid: 'naa.600140500000000000000000000000b2' })]
  await rig.add('8:0:0:0', { lun })
  await rig.add('9:0:0:0', { lun: other })
  const swapped = rig.makePath('10:0:0:0', { lun })
  swapped.memory.setIdentity(other.wwid)
  const small = rig.makePath('10:0:0:0', { lun: testLun({ sizeBytes: 64 * BLOCK }) })
  const twice = rig.makePath('9:0:0:0', { lun })
  const wrongBlocks = rig.makePath('10:0:0:0', { lun: testLun({ logicalBlockBytes: 4096 }) })
  // Opened by a program that had another LUN in mind: it never becomes a device, and the ledger tells all the same.
  const unopened = new PathledgerError('PATH_WRONG_LUN', {
    message: '/dev/loop7 belongs to another LUN.',
    why: 'It carries another label.',
    todo: 'Check which device is meant.',
    details: { device: '/dev/loop7', hctl: '10:0:0:0', wwid: lun.wwid },
  })
  const codes: string[] = []
  for (const { device } of [swapped, small, twice, wrongBlocks])
    codes.push((await rig.errorOf(rig.mp.addPath(device))).code)
  codes.push((await rig.errorOf(rig.mp.addPath(Promise.reject(unopened)))).code)
  await rig.settle()
  expect(codes).toEqual([
    'PATH_WRONG_LUN',
    'PATH_SIZE_MISMATCH',
    'PATH_DUPLICATE',
    'PATH_BLOCK_MISMATCH',
    'PATH_WRONG_LUN',
  ])
  expect(rig.events('engine.pathRefused').map(({ code, hctl, wwid }) => [code, hctl, wwid])).toEqual(
    codes.map((code) => [code, code === 'PATH_DUPLICATE' ? '9:0:0:0' : '10:0:0:0', lun.wwid]),
  )
  expect(places(rig)).toEqual([`sda/8:0:0:0 ${lun.wwid}`, `sdb/9:0:0:0 ${other.wwid}`])
})

test('scenario 21: a path whose device changes its identity while it is attached carries no more I/O once it has failed', async () => {
  const { rig } = await openTable()
  const [lun, other] = [testLun(), testLun({ wwid: 'naa.600140500000000000000000000000b2' })]
  const a = await rig.add('8:0:0:0', { lun })
  await rig.add('9:0:0:0', { lun })
  a.fail()
  await rig.write(0, bytesOf(1))
  await rig.write(0, bytesOf(2))
  // The number comes back, over the other LUN's bytes.
  a.memory.setIdentity(other.wwid)
  a.heal()
  await rig.pass(60_000)
  expect(a.path.state.health).toBe('failed')
  expect(rig.events('path.probeFailed', '8:0:0:0').at(-1)).toMatchObject({
    detail: expect.stringContaining(other.wwid),
  })
  // The link is well again: what keeps it out now is what stands there.
  const now = {
    kind: 'identity',
    errno: null,
    path: '8:0:0:0',
    reason: expect.stringContaining(other.wwid) as string,
  } as const
  expectExplained(rig.memory, { stream: `path/${lun.wwid}/8:0:0:0` }, now)
  const before = a.ios.length
  for (const mark of [3, 4, 5]) await rig.write(0, bytesOf(mark))
  expect(a.ios.length).toBe(before)
})

test('scenario 21: a file that was put in the place of the one that was opened is no path', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-swap-'))
  try {
    const { rig } = await openTable()
    const [image, another] = ['lun.img', 'another.img'].map((name) => join(folder, name)) as [string, string]
    for (const file of [image, another]) writeFileSync(file, Buffer.alloc(64 * BLOCK))
    const lun = testLun({ sizeBytes: 64 * BLOCK })
    const device = await filePath(image, { lun, hctl: '8:0:0:0' })
    renameSync(another, image)
    expect(await rig.mp.addPath(device).catch(codeOf)).toBe('PATH_WRONG_LUN')
    await device.close()
    await rig.settle()
    expect(rig.events('engine.pathRefused')).toMatchObject([{ code: 'PATH_WRONG_LUN', device: image }])
    expect(rig.mp.heads).toEqual([])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code
}
