// A ledger file that is damaged anywhere: every verb ends, with an exit code that means something, and never as a bug of ours.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { EXIT } from '../../cli/exit-codes.ts'
import { documentIn, errorIn, makeFolder, recordStory, removeFolder, run } from './harness.ts'

/** Damaged copies; PATHLEDGER_DAMAGES=1000 for a long look. */
const DAMAGES = Number(process.env['PATHLEDGER_DAMAGES'] ?? 12)
const VERBS = [
  ['verify'],
  ['show'],
  ['log'],
  ['topology'],
  ['explain', 'sda'],
  ['audit', 'failovers'],
  ['replay', '--verify'],
  ['export'],
] as const

let folder = ''
let whole: Buffer
beforeAll(async () => {
  folder = makeFolder()
  const file = join(folder, 'story.ledger')
  await recordStory(file)
  whole = readFileSync(file)
})
afterAll(() => removeFolder(folder))

const random = seededRandom('damaged ledgers')
const below = (limit: number): number => random.nextUint32() % limit

/** One to four bits or runs of bytes changed; one copy in five is cut short as well. */
function damaged(): Buffer {
  const bytes = Buffer.from(whole)
  for (let count = 1 + below(4); count > 0; count -= 1) {
    const at = below(bytes.length)
    if (below(2) === 0) bytes[at]! ^= 1 << below(8)
    else bytes.fill(below(256), at, Math.min(bytes.length, at + 1 + below(64)))
  }
  return below(5) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes
}

const PAGE_BYTES = 4096
/** First byte of a page that holds rows of a table. */
const TABLE_LEAF = 0x0d

/** The second half of a page of rows reads as nothing: rows without a position, which do not grow. */
function pageOfZeros(): Buffer {
  const bytes = Buffer.from(whole)
  for (let page = 0; page < bytes.length; page += PAGE_BYTES) {
    const end = page + PAGE_BYTES
    const holdsRows = bytes[page] === TABLE_LEAF && bytes.subarray(page, end).includes('"errno":"EIO"')
    if (holdsRows) return bytes.fill(0, page + PAGE_BYTES / 2, end)
  }
  throw new Error('the ledger has no page of rows')
}

async function expectNoBug(bytes: Buffer, name: string): Promise<void> {
  const file = join(folder, `${name}.ledger`)
  writeFileSync(file, bytes)
  for (const [verb, ...more] of VERBS) {
    const { code, stderr } = await run(verb, ...more, file)
    expect([EXIT.bug, EXIT.failure], `${name}: ${verb} says ${stderr}`).not.toContain(code)
  }
}

describe('a damaged ledger', () => {
  test('at random places: no verb takes it for a bug of its own, and each ends', async () => {
    for (let copy = 0; copy < DAMAGES; copy += 1) await expectNoBug(damaged(), `copy-${copy}`)
  }, 900_000)

  test('a page of which half is zeros ends every verb, and verify tells the position', async () => {
    await expectNoBug(pageOfZeros(), 'zeros')
    const file = join(folder, 'zeros.ledger')
    const verified = await run('verify', file, '--json')
    expect(verified.code).toBe(EXIT.verification)
    expect(documentIn(verified)).toMatchObject({ chain: 'broken', firstBad: expect.any(Number) as number })
    const log = await run('log', file, '--json')
    expect(errorIn(log)).toMatchObject({ code: 'LEDGER_DAMAGED' })
  })
})
