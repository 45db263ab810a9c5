// What people read of a sweep. What was violated comes with all that is needed to see it again: seed, commit and options,
// the changes of state that led there, and the command.
import { VERSION } from '../../index.ts'
import type { SimulateResult, Violation } from '../../doors/simulate.ts'
import { commit } from './commit.ts'
import { counted, paint } from '../text.ts'

/** As they were typed. */
export interface Typed {
  readonly seeds: string
  readonly steps?: string
  readonly plant?: string
  readonly from?: string
}

/** A line of a seed's story, with its step. */
export interface Told {
  readonly step: number
  readonly line: string
}

/** Changes of state that are shown of a seed where nobody says from which step on. */
const CHANGES_SHOWN = 40
/** Steps before a violation from which its story is worth reading. */
const STEPS_BEFORE = 10

/** What was run: the first line of each output for people. */
export function heading({ seeds, steps, plant }: Typed): string {
  const what = `${/^\d+$/.test(seeds) ? 'seed' : 'seeds'} ${seeds}`
  return `${what}, pathledger ${VERSION}, commit ${commit()}, steps ${steps ?? 'default'}, plant ${plant ?? 'none'}\n`
}

const TOLD = /^(?<host>\S+) \d+ (?<stream>\S+) \S+ -> (?<state>.*)$/

/**
 * Of a seed's story, up to its first violation, what changes a state: a stream that comes to another one, an engine that
 * dies.
 */
export function changesIn(story: readonly Told[]): Told[] {
  const states = new Map<string, string>()
  const end = story.findIndex(({ line }) => line.startsWith('!'))
  return story.slice(0, end === -1 ? story.length : end + 1).filter(({ line }) => {
    if (/^[ .]/.test(line)) return false
    const { host = '', stream = '', state = '' } = TOLD.exec(line)?.groups ?? {}
    if (state === '') return true
    const key = `${host} ${stream}`
    if (states.get(key) === state) return false
    states.set(key, state)
    return true
  })
}

/** The changes of state of the seed whose first violation this is; all of them from a step on, or the last ones. */
export function describeChanges({ seed }: Violation, changes: readonly Told[], from: number | null): string {
  const shown = from === null ? changes.slice(-CHANGES_SHOWN) : changes.filter(({ step }) => step >= from)
  const before = changes.length - shown.length
  const earlier = before === 0 ? '' : ` (${before} more before these: --from 1)`
  const lines = shown.map(({ step, line }) => `    ${step} ${line}\n`).join('')
  return `  seed ${seed}, changes of state, by step, up to its first violation${earlier}:\n${lines}`
}

export function describe(result: SimulateResult, color: boolean, typed: Typed, changes: string): string {
  const { seeds, violations, sometimes, ios, faults, crashes, trace } = result
  const { good, bad, dim } = paint(color)
  const head = `${counted(seeds, 'seed')}, ${counted(ios, 'I/O')}, ${counted(faults, 'fault')}, ${counted(crashes, 'crash', 'crashes')}: `
  const verdict =
    violations.length === 0 ? good('nothing was violated') : bad(counted(violations.length, 'violation'))
  const counts = Object.values(sometimes)
  const reached = `${counts.filter((count) => count > 0).length} of ${counts.length} rare situations came up`
  const found = violations.map((violation) => describeViolation(violation, typed)).join('')
  return `${head}${verdict}\n${reached}\n${found}${changes}${dim(`trace ${trace}`)}\n`
}

function describeViolation({ seed, step, invariant, detail }: Violation, typed: Typed): string {
  const what = `  seed ${seed}, step ${step}: ${invariant}: ${detail}\n`
  if (invariant === 'sometimes') return what
  const from = Math.max(1, step - STEPS_BEFORE)
  return `${what}    again: npx pathledger simulate --seeds ${seed}${options(typed)} --trace --from ${from}\n`
}

/** The options that make a seed what it is, as they were typed. */
function options({ steps, plant }: Typed): string {
  return `${steps === undefined ? '' : ` --steps ${steps}`}${plant === undefined ? '' : ` --plant ${plant}`}`
}
