// What the tests come by without a mutant, and so which of them may notice one.
import type { Scope } from './scope.ts'

/** What a run without a mutant came to: of each file its suites, which are looked into, and its tests. */
export interface Baseline {
  /** Mutants that are passed while modules load. */
  readonly statics: readonly number[]
  readonly suites: Readonly<Record<string, Covered>>
  readonly tests: Readonly<Record<string, Readonly<Record<string, Covered>>>>
}

export interface Covered {
  readonly ms: number
  readonly ids: readonly number[]
}

/** A test; or, where it has no name, all of a file whose suites pass the mutant. */
export interface Candidate {
  readonly file: string
  readonly name: string | null
  readonly ms: number
  readonly ids: ReadonlySet<number>
  kills: number
}

/** A mutant, and the others of its source. */
export interface Asked {
  readonly id: number
  readonly source: string
  readonly beside: readonly number[]
}

export class Candidates {
  readonly #statics: ReadonlySet<number>
  readonly #all: readonly Candidate[]
  readonly #scope: Scope

  constructor({ statics, suites, tests }: Baseline, scope: Scope) {
    this.#scope = scope
    this.#statics = new Set(statics)
    this.#all = Object.entries(suites).flatMap(([file, suite]) => {
      const inside = Object.entries(tests[file] ?? {})
      const all = inside.reduce((sum, [, { ms }]) => sum + ms, suite.ms)
      return [
        { file, name: null, ms: all, ids: new Set(suite.ids), kills: 0 },
        ...inside.map(([name, { ms, ids }]) => ({ file, name, ms, ids: new Set(ids), kills: 0 })),
      ]
    })
  }

  /** Passed while modules load: it must be on before they do. */
  isStatic(id: number): boolean {
    return this.#statics.has(id)
  }

  /** The tests that may notice a mutant, the likeliest and cheapest first. */
  for({ id, source, beside }: Asked): Candidate[] {
    // What was settled while a source was loaded shows wherever the source is used.
    const ids = this.isStatic(id) ? beside : [id]
    const { own, restMs: mostMs, twins, twinsHold, elsewhere } = this.#scope
    const starting = elsewhere.find(([of]) => of.test(source))?.[1]
    const passes = ({ file, name, ids: passed }: Candidate) =>
      ids.some((one) => passed.has(one)) || (name !== null && starting?.test(file) === true)
    const passing = this.#all.filter(passes)
    const whole = new Set(passing.filter(({ name }) => name === null).map(({ file }) => file))
    let restMs = 0
    const isWithin = ({ file, ms }: Candidate): boolean => {
      if (own.test(file)) return true
      restMs += ms
      return restMs <= mostMs
    }
    return passing
      .filter(({ file, name }) => whole.has(file) === (name === null))
      .filter(({ file }) => !twins.includes(file) || twinsHold.includes(source))
      .sort((one, other) => one.ms - other.ms)
      .filter(isWithin)
      .sort((one, other) => one.ms / (1 + one.kills) - other.ms / (1 + other.kills))
  }
}
