// In every test file of a run: switches on the mutant of the moment, and writes down which ones the file comes by.
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'

const folder = process.env['PATHLEDGER_MUTATION'] ?? ''
const active = Number(readFileSync(join(folder, 'active'), 'utf8'))
/** A loop that a mutant never lets end asks for it again and again. */
const HITS_MAX = 5_000_000
const reached = new Set<number>()
let hits = 0

Object.assign(globalThis, {
  __m: (id: number): boolean => {
    if (active === 0) reached.add(id)
    if (id !== active) return false
    hits += 1
    if (hits > HITS_MAX) throw new Error('the mutant runs for ever')
    return true
  },
})

afterAll(() => {
  if (active !== 0) return
  const file = expect.getState().testPath
  appendFileSync(join(folder, 'reached'), `${JSON.stringify({ file, ids: [...reached] })}\n`)
})
