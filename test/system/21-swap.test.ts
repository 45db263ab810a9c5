// Scenario 21 on real loop devices: six of them over three files, needs root. What a path is joined to is seen in the files.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { attachLoop, listLoops, loopPath } from '../../adapters/paths/loops.ts'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { Multipath } from '../../engine/multipath.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { expectExplained, expectExplainedIn } from '../explained.ts'

const ROUNDS = 11
const BLOCK = 4096
const SIZE = 64 * BLOCK
const SLOTS = ['8:0:0:0', '9:0:0:0', '10:0:0:0', '11:0:0:0', '12:0:0:0', '13:0:0:0']

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-swap-'))
})
afterEach(() => {
  expect(listLoops().filter(({ backingFile }) => backingFile.startsWith(folder))).toEqual([])
  rmSync(folder, { recursive: true })
})

test('scenario 21: six loop devices over three files change places 11 times, numbers are used again, and nobody joins a wrong head', async () => {
  const random = seededRandom('scenario 21 on loop devices')
  const shuffled = <Item>(items: readonly Item[]): Item[] => {
    const left = [...items]
    return items.flatMap(() => left.splice(random.nextUint32() % left.length, 1))
  }
  const images = [0, 1, 2].map((at) => join(folder, `lun${at}.img`))
  for (const image of images) writeFileSync(image, Buffer.alloc(SIZE))
  const ledger = join(folder, 'mp.ledger')
  const mp = await Multipath.open({ ledger, multipath: 'always', iopolicy: 'round-robin' })
  /** Which file each loop number had in the round before. */
  let before = new Map<string, number>()
  let [reused, refused] = [0, 0]
  for (let round = 0; round < ROUNDS; round += 1) {
    await Promise.all(shuffled(mp.heads.flatMap(({ paths }) => paths)).map((path) => path.remove()))
    expect(mp.heads).toEqual([])
    const luns = [0, 1, 2].map((at) => ({
      wwid: `naa.6001405000000000000000000${round + 10}0000${at}`,
      implicitAlua: true,
    }))
    const now = new Map<string, number>()
    const deal = shuffled([0, 0, 1, 1, 2, 2])
    const attach = (at: number) => attachLoop({ image: images[at]!, wwid: luns[at]!.wwid })
    const attached = await Promise.all(deal.map(attach))
    for (const slot of shuffled([0, 1, 2, 3, 4, 5])) {
      const [at, { device }, hctl] = [deal[slot]!, attached[slot]!, SLOTS[slot]!]
      // A program that remembers the number from the last round opens it for the LUN that it had then.
      const stale = before.get(device)
      if (stale !== undefined && stale !== at) {
        reused += 1
        const wrong = loopPath(device, { lun: luns[stale]!, hctl })
        expect(await mp.addPath(wrong).catch(codeOf)).toBe('PATH_WRONG_LUN')
        refused += 1
      }
      await mp.addPath(loopPath(device, { lun: luns[at]!, hctl }))
      now.set(device, at)
    }
    await Promise.all(attached.map((loop) => loop.release()))
    before = now
    for (const [at, { wwid }] of luns.entries()) {
      const head = mp.head(wwid)
      expect(head.paths.map(({ hctl }) => hctl).sort()).toEqual(
        SLOTS.filter((_, slot) => deal[slot] === at).sort(),
      )
      for (const turn of [0, 1]) await head.write({ offset: turn * BLOCK, data: mark(round, at, turn) })
    }
    for (const [at, image] of images.entries()) {
      const bytes = readFileSync(image)
      for (const turn of [0, 1]) {
        expect(Buffer.compare(bytes.subarray(turn * BLOCK, (turn + 1) * BLOCK), mark(round, at, turn))).toBe(
          0,
        )
      }
    }
  }
  expect(reused).toBeGreaterThan(ROUNDS)
  await mp.close()
  const reader = openLedgerReader(ledger)
  const rows = reader
    .read({ type: 'engine.pathRefused' })
    .map(({ data }) => JSON.parse(data) as { code: string; wwid: string; hctl: string })
  // A path that was there in the round before is told of as it went; the refusal of the stale device stands beside it.
  const { wwid, hctl } = rows[0]!
  const told = expectExplained(reader, { stream: `path/${wwid}/${hctl}` }, {})
  expect([told.symptom, ...told.also, ...told.chain.map(({ says }) => says)].join('\n')).toContain(
    'PATH_WRONG_LUN',
  )
  expect(rows.map(({ code }) => code)).toEqual(Array.from({ length: refused }, () => 'PATH_WRONG_LUN'))
  reader.close()
  expect(verifyLedger(ledger)).toMatchObject({ chain: 'ok', replay: 'equal', firstBad: null })
})

test('scenario 21: a loop device of another size, and one that is a path already, are refused with an event', async () => {
  const images = ['lun.img', 'small.img'].map((name) => join(folder, name)) as [string, string]
  writeFileSync(images[0], Buffer.alloc(SIZE))
  writeFileSync(images[1], Buffer.alloc(SIZE / 2))
  const lun = { wwid: 'naa.600140500000000000000000000021aa', implicitAlua: true }
  const ledger = join(folder, 'mp.ledger')
  const mp = await Multipath.open({ ledger, multipath: 'always' })
  const loops = await Promise.all(images.map((image) => attachLoop({ image, wwid: lun.wwid })))
  const [one, two] = loops.map(({ device }) => device) as [string, string]
  await mp.addPath(loopPath(one, { lun, hctl: '8:0:0:0' }))
  const small = await loopPath(two, { lun, hctl: '9:0:0:0' })
  expect(await mp.addPath(small).catch(codeOf)).toBe('PATH_SIZE_MISMATCH')
  await small.close()
  // The claim of the first path keeps a second one off.
  expect(await mp.addPath(loopPath(one, { lun, hctl: '9:0:0:0' })).catch(codeOf)).toBe('PATH_BUSY')
  for (const loop of loops) await loop.release()
  await mp.close()
  const reader = openLedgerReader(ledger)
  const codes = reader
    .read({ type: 'engine.pathRefused' })
    .map(({ data }) => (JSON.parse(data) as { code: string }).code)
  expect(codes).toEqual(['PATH_SIZE_MISMATCH', 'PATH_BUSY'])
  reader.close()
  // No path came of it, and still it is told why.
  const root = { kind: 'refused', path: '9:0:0:0' } as const
  const { chain } = expectExplainedIn(ledger, { stream: `path/${lun.wwid}/9:0:0:0` }, root)
  expect(chain[0]?.says).toContain('PATH_BUSY')
})

function mark(round: number, at: number, turn: number): Uint8Array {
  return Uint8Array.from({ length: BLOCK }, (_, byte) => (round * 37 + at * 11 + turn * 5 + byte) % 251)
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code
}
