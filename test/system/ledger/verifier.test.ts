// docs/verify-ledger.py, which knows pathledger by docs/ledger.md alone, against honest and tampered ledgers.
import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyLedger } from '../../../store/verify/verify.ts'
import { makeFolder, recordStory, removeFolder, run } from '../../cli/harness.ts'
import { tamper } from '../../store/tamper.ts'

const VERIFIER = join(import.meta.dirname, '../../../docs/verify-ledger.py')
const folder = makeFolder()
const story = join(folder, 'story.ledger')
beforeAll(async () => {
  await recordStory(story)
})
afterAll(() => removeFolder(folder))

function verifier(...argv: string[]): { code: number | null; said: string } {
  const ran = spawnSync('python3', [VERIFIER, ...argv], { encoding: 'utf8' })
  if (ran.error !== undefined)
    throw new Error('python3 is missing: apt-get install python3', { cause: ran.error })
  return { code: ran.status, said: ran.stdout + ran.stderr }
}

describe('F-33: the verifier of one page', () => {
  it('says of an honest ledger, its segments and its export what `verify` says', async () => {
    const { events, head } = verifyLedger(story)
    const said = `${events} events, chain ok, head ${head}\n`
    expect(verifier(story)).toEqual({ code: 0, said })
    const text = join(folder, 'story.ndjson')
    writeFileSync(text, (await run('export', story)).stdout)
    expect(verifier(text, `${events}:${head}`)).toEqual({ code: 0, said })
    expect(verifier(story, `${events}:${'0'.repeat(64)}`)).toMatchObject({ code: 5 })
    expect(verifier(story, `${events + 1}:${head}`)).toMatchObject({ code: 5 })
    const [first, second] = ['first.ledger', 'second.ledger'].map((name) => join(folder, name)) as [
      string,
      string,
    ]
    copyFileSync(story, first)
    await run('segment', first, second)
    for (const segment of [first, second]) expect(verifier(segment).code).toBe(0)
    for (const format of [1, 2]) {
      const old = join(folder, `format-${format}.ledger`)
      copyFileSync(join(import.meta.dirname, `../../ledgers/format-${format}.ledger`), old)
      expect(verifier(old).code).toBe(0)
    }
  })

  it('finds every change that `verify` finds, whatever was changed', () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const file = join(folder, 'tampered.ledger')
      copyFileSync(story, file)
      const { what } = tamper(file, seed)
      expect([what, verifier(file).code]).toEqual([what, 5])
    }
  })

  it('finds a line of an export that was changed, taken out or put in', async () => {
    const { stdout } = await run('export', story)
    const lines = stdout.trimEnd().split('\n')
    const file = join(folder, 'changed.ndjson')
    for (const changed of [
      lines.with(4, lines[4]!.replace('"actor":"', '"actor":"x')),
      lines.toSpliced(7, 1),
      lines.toSpliced(7, 0, lines[7]!),
      lines.slice(0, -1),
      [...lines, lines.at(-1)!],
    ]) {
      writeFileSync(file, `${changed.join('\n')}\n`)
      expect(verifier(file).code).toBe(5)
    }
    expect(readFileSync(VERIFIER, 'utf8').split('\n').length).toBeLessThan(140)
  })
})
