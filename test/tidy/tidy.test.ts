// The lint that no linter brings: the rules of design.md, over the whole working tree.
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { bannedCalls } from './bans.ts'
import { unexplainedScenarios } from './explained.ts'
import { filtersWithoutPage, machineNames, undocumentedExports } from './documents.ts'
import { hiddenImports } from './hidden-imports.ts'
import { circles, deadFiles, importDirections, strayFiles } from './imports.ts'
import { leftovers } from './leftovers.ts'
import { oversize } from './size.ts'
import { ROOT, repositoryFiles } from './source.ts'

const files = repositoryFiles()

/** Where a program gets in. */
const DOORS = files.map(({ path }) => path).filter((path) => path === 'index.ts' || path.startsWith('doors/'))

// Whoever measures coverage waits for all that parsing.
describe('tidy', { timeout: 120_000 }, () => {
  it('reads the whole tree', () => {
    expect(files.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        'index.ts',
        'errors.ts',
        'test/tidy/tidy.test.ts',
        'machines/words.ts',
        '.ci/run',
      ]),
    )
  })

  it('imports point one way', () => {
    expect(files.flatMap(importDirections)).toEqual([])
  })

  it('every import of the product says plainly which file it means', () => {
    expect(files.flatMap(hiddenImports)).toEqual([])
  })

  it('every file stands in a room', () => {
    expect(strayFiles(files.map(({ path }) => path))).toEqual([])
  })

  it('no file imports in a circle', () => {
    expect(circles(files)).toEqual([])
  })

  it('time, chance and the world are injected, never reached for', () => {
    expect(files.flatMap(bannedCalls)).toEqual([])
  })

  it('files and functions are short', () => {
    expect(files.flatMap(oversize)).toEqual([])
  })

  it('nothing is left over', () => {
    expect(files.flatMap(leftovers)).toEqual([])
  })

  it('every file is reached', () => {
    expect(deadFiles(files)).toEqual([])
  })

  it('every public name says what it promises', () => {
    const host = ts.createCompilerHost({}, true)
    expect(DOORS.flatMap((door) => undocumentedExports(`${ROOT}/${door}`, host))).toEqual([])
  })

  it('every filter has its page', () => {
    expect(filtersWithoutPage(files.map(({ path }) => path))).toEqual([])
  })

  it('every scenario with a fault asks explain', () => {
    expect(files.flatMap(unexplainedScenarios)).toEqual([])
  })

  it('nothing names the machine it was written on', () => {
    expect(files.flatMap(machineNames)).toEqual([])
  })
})
