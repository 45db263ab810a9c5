// Stands for vitest while mutants are tried (runner.ts): collects the tests of a file, and runs them one by one in this process,
// so that a mutant costs the tests that come by it and no start of anything. `expect` and `vi` are vitest's own.
import { expect, vi } from 'vitest'

export { expect, vi }

type Body = (...given: unknown[]) => unknown
type Hook = () => unknown

export interface Test {
  /** Titles from the outside in, and which of the tests of that title it is. */
  readonly name: string
  readonly body: Hook
  readonly before: readonly Hook[]
  readonly after: readonly Hook[]
}

interface Suite {
  readonly titles: readonly string[]
  readonly before: Hook[]
  readonly after: Hook[]
}

/** What a file holds: it is looked into only when its tests are wanted. */
export type Entry = () => void

const NOWHERE: Suite = { titles: [], before: [], after: [] }
const collected: { entries: Entry[]; tests: Test[]; suite: Suite | null } = {
  entries: [],
  tests: [],
  suite: null,
}
let finished: Hook[] = []

/** What the modules that were imported since the last call hold. */
export function takeEntries(): Entry[] {
  const { entries } = collected
  collected.entries = []
  return entries
}

/** Runs the bodies of the suites: what they work out is worked out again. */
export function testsOf(entries: readonly Entry[]): Test[] {
  collected.tests = []
  collected.suite = { ...NOWHERE, before: [], after: [] }
  for (const entry of entries) entry()
  collected.suite = null
  const seen = new Map<string, number>()
  return collected.tests.map((test) => {
    const count = (seen.get(test.name) ?? 0) + 1
    seen.set(test.name, count)
    return count === 1 ? test : { ...test, name: `${test.name} (${count})` }
  })
}

/** Rejects with what went wrong. */
export async function runTest({ body, before, after }: Test): Promise<void> {
  finished = []
  try {
    for (const hook of before) await hook()
    await body()
  } finally {
    for (const hook of [...after, ...finished.reverse()]) await hook()
  }
}

export function onTestFinished(hook: Hook): void {
  finished.push(hook)
}

export const beforeEach = (hook: Hook): void => enter(({ before }) => void before.push(hook))
export const afterEach = (hook: Hook): void => enter(({ after }) => void after.unshift(hook))

export const describe = withTable((title, body) =>
  enter((outer) => {
    collected.suite = {
      titles: [...outer.titles, title],
      before: [...outer.before],
      after: [...outer.after],
    }
    body()
    collected.suite = outer
  }),
)

export const test = withTable((title, body) =>
  enter(({ titles, before, after }) => {
    collected.tests.push({ name: [...titles, title].join(' > '), body, before, after })
  }),
)
export const it = test

/** Now, or for the top of a file when its tests are wanted. */
function enter(act: (suite: Suite) => void): void {
  if (collected.suite === null) collected.entries.push(() => act(collected.suite ?? NOWHERE))
  else act(collected.suite)
}

type Declare = (title: string, ...given: unknown[]) => void

function withTable(
  declare: (title: string, body: Hook) => void,
): Declare & { each(rows: readonly unknown[]): Declare } {
  const bodyOf = (given: readonly unknown[]) => given.find((one) => typeof one === 'function') as Body
  const each =
    (rows: readonly unknown[]): Declare =>
    (title, ...given) => {
      for (const row of rows) {
        const values: unknown[] = Array.isArray(row) ? row : [row]
        declare(title, () => bodyOf(given)(...values))
      }
    }
  return Object.assign((title: string, ...given: unknown[]) => declare(title, () => bodyOf(given)()), {
    each,
  })
}
