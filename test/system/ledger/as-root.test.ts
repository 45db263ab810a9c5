// Root looks after somebody's ledger: what it makes beside it is theirs, or their engine could not go on.
import { chownSync, copyFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { makeFolder, recordStory, removeFolder, run } from '../../cli/harness.ts'

const NOBODY = 65_534
const folder = makeFolder()
afterAll(() => removeFolder(folder))

it('F-35: what root makes of a ledger, and beside it, is its owner’s: backup, caches, segment, repair, lock', async () => {
  const story = join(folder, 'story.ledger')
  await recordStory(story)
  for (const verb of ['backup', 'snapshot', 'segment', 'repair', 'log', 'verify']) {
    const [file, next] = [join(folder, `${verb}.ledger`), join(folder, `${verb}-next.ledger`)]
    copyFileSync(story, file)
    chownSync(file, NOBODY, NOBODY)
    const more = { snapshot: ['--make'], log: [], verify: [] }[verb] ?? [next]
    expect((await run(verb, file, ...more)).code).toBe(0)
    const made = readdirSync(folder).filter((name) => name.startsWith(verb))
    const owners = made.map((name) => [name, statSync(join(folder, name)).uid])
    expect(owners).toEqual(made.map((name) => [name, NOBODY]))
    for (const name of made) rmSync(join(folder, name))
  }
})
