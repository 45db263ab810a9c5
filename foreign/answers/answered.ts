// What was asked and found of one host: facts, and answers that are made from them alone.
import type { Fact } from '../types.ts'
import type { BroughtBack } from './brought-back.ts'
import type { BadSector, Flapping, Together } from './groups.ts'
import type { Darkness, Unusable } from './spans.ts'

export interface Answered {
  readonly host: string
  readonly severalHosts: boolean
  readonly facts: readonly Fact[]
  readonly sources: readonly { readonly name: string }[]
  readonly first: Fact | null
  readonly unusable: readonly Unusable[]
  readonly dark: readonly Darkness[]
  readonly groups: readonly Together[]
  readonly flapping: readonly Flapping[]
  readonly bad: readonly BadSector[]
  readonly lying: readonly string[]
  readonly broughtBack: readonly BroughtBack[]
  readonly wall: boolean
  readonly endUs: number | null
  readonly gaps: readonly { readonly name: string; readonly line: number; readonly why: string }[]
  readonly unread: readonly { readonly name: string; readonly line: number }[]
  readonly hostOfPci: (pci: string) => string | null
}
