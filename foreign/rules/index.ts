// From what a host's lines say to what happened on it.
import { Names } from '../identity/names.ts'
import type { Fact, Placed } from '../types.ts'
import { FactBuilder } from './builder.ts'

export interface HostFacts {
  readonly facts: Fact[]
  readonly names: Names
  readonly builder: FactBuilder
}

/** Two passes over a time line: who is who, then what happened. */
export function factsOf(host: string, placed: readonly Placed[]): HostFacts {
  const names = new Names()
  for (const [at, one] of placed.entries()) names.learn(one, at)
  names.settle(placed.length)
  const builder = new FactBuilder(host, names)
  for (const [at, one] of placed.entries()) builder.take(one, at)
  return { facts: ordered(builder.end()), names, builder }
}

/** In order of time; what has none comes where its snapshot stands in the sources. */
function ordered(facts: readonly Fact[]): Fact[] {
  return facts
    .map((fact, index) => ({ fact, index }))
    .sort((a, b) => (a.fact.atUs ?? -1) - (b.fact.atUs ?? -1) || a.index - b.index)
    .map(({ fact }) => fact)
}
