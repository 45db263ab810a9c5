// What the rooms have made better stays better; and the figures are measured, not wished: small trees with known answers.
import { describe, expect, it } from 'vitest'
import { comparison, worse } from '../../scripts/structure/comparison.ts'
import { structureOf, type Structure } from '../../scripts/structure/measures.ts'
import { repositoryFiles } from './source.ts'

const of = (files: Readonly<Record<string, string>>): Structure =>
  structureOf(Object.entries(files).map(([path, text]) => ({ path, text })))

describe('the house in figures', { timeout: 120_000 }, () => {
  it('is no worse than it may be', () => {
    const rows = comparison(structureOf(repositoryFiles()))
    expect(worse(rows)).toEqual([])
    // Every figure was measured on something.
    expect(rows.filter(({ measure }) => /: rooms$/.test(measure)).every(({ now }) => now > 3)).toBe(true)
  })

  it('counts rooms, floors, arrows and what runs back up', () => {
    const { engine } = of({
      'engine/multipath.ts': "import './io/bio.ts'\nimport type { Head } from './heads/runtime.ts'",
      'engine/io/bio.ts': "import { a } from './queues.ts'\nimport { b } from '../core/core.ts'",
      'engine/io/queues.ts': '',
      'engine/core/core.ts': "import type { HeadRuntime } from '../heads/runtime.ts'",
      'engine/heads/runtime.ts': '',
    }).houses
    expect(engine).toMatchObject({
      files: 5,
      flatFiles: 1,
      rooms: 4,
      largestRoom: { name: 'engine/io', files: 2 },
      floors: 4,
      arrows: 4,
      arrowsBackUp: 1,
      roomsInCircles: 0,
      importPairs: 5,
      longestChain: 4,
    })
  })

  it('counts circles with types and without them', () => {
    const it = of({
      'store/a.ts': "import type { B } from './b.ts'",
      'store/b.ts': "import { a } from './a.ts'",
      'store/c.ts': "import { type D } from './d.ts'\nimport './d.ts'",
      'store/d.ts': "import './e.ts'",
      'store/e.ts': "import './c.ts'",
    })
    expect([it.circles, it.circlesOfValues]).toEqual([[3, 2], [3]])
    expect(worse(comparison(it)).map(({ measure }) => measure)).toContain('circles of files, types included')
  })

  it('counts the names of a door, through export *', () => {
    const { doors } = of({
      'index.ts': "export { a, type B } from './store/a.ts'\nexport * from './adapters/scsi/index.ts'",
      'adapters/scsi/index.ts': "export { c } from './c.ts'\nexport type { a } from './a.ts'",
      'doors/audit.ts': "export { d as e } from '../store/d.ts'",
    })
    expect(doors).toEqual({ 'doors/audit.ts': 1, 'index.ts': 3 })
  })
})
