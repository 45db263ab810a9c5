// What failures have in common: one adapter, one sector, one path again and again.
import type { Fact } from '../types.ts'
import { pathKey } from './spans.ts'

const SECOND_US = 1_000_000
const DAY_US = 86_400 * SECOND_US
/** Paths that failed within this failed together. */
export const TOGETHER_US = 2 * SECOND_US
/** So many failures of a path are flapping. */
export const FLAPPING = 3

export interface Together {
  readonly adapter: string
  readonly host: string
  readonly paths: number
  readonly of: number
  readonly times: number
  readonly withinSeconds: number
  readonly members: readonly string[]
  readonly first: Fact
}

function hostOf(fact: Fact): string | null {
  return typeof fact.subject.hctl === 'string' ? (fact.subject.hctl.split(':')[0] ?? null) : null
}

/** Failures of two or more paths of one adapter within two seconds. */
export function together(facts: readonly Fact[]): Together[] {
  const byAdapter = new Map<string, Fact[]>()
  const known = new Map<string, Set<string>>()
  for (const fact of facts) {
    const host = hostOf(fact)
    if (host === null || fact.subject.kind !== 'path') continue
    const key = `${fact.host}|${host}`
    known.set(key, (known.get(key) ?? new Set()).add(pathKey(fact.subject)))
    if (fact.what === 'failed') byAdapter.set(key, [...(byAdapter.get(key) ?? []), fact])
  }
  return [...byAdapter].flatMap(([key, failures]) => groupOf(key, failures, known.get(key)?.size ?? 0))
}

function groupOf(key: string, failures: readonly Fact[], of: number): Together[] {
  const bursts: Fact[][] = []
  for (const fact of failures) {
    const burst = bursts.at(-1)
    const last = burst?.at(-1)
    if (burst !== undefined && (fact.atUs ?? 0) - (last?.atUs ?? 0) <= TOGETHER_US) burst.push(fact)
    else bursts.push([fact])
  }
  const several = bursts.filter((burst) => new Set(burst.map(({ subject }) => pathKey(subject))).size > 1)
  const [first] = several
  if (first?.[0] === undefined) return []
  const members = new Set(several.flat().map(({ subject }) => String(subject.dev)))
  const spread = Math.max(...several.map((burst) => (burst.at(-1)?.atUs ?? 0) - (burst[0]?.atUs ?? 0)))
  return [
    {
      adapter: `host${key.split('|')[1] ?? ''}`,
      host: key.split('|')[0] ?? '',
      paths: members.size,
      of,
      times: several.length,
      withinSeconds: Math.max(1, Math.ceil(spread / SECOND_US)),
      members: [...members],
      first: first[0],
    },
  ]
}

export interface Flapping {
  readonly path: string
  readonly failures: number
  readonly facts: readonly Fact[]
  readonly nights: number | null
  /** From the second of the first to the end of the second of the last. */
  readonly withinSeconds: number
}

/** Paths that failed three times or more. */
export function flapping(facts: readonly Fact[]): Flapping[] {
  const byPath = new Map<string, Fact[]>()
  for (const fact of facts) {
    if (fact.what !== 'failed' || fact.atUs === null) continue
    const key = pathKey(fact.subject)
    byPath.set(key, [...(byPath.get(key) ?? []), fact])
  }
  return [...byPath.values()].flatMap((failures) => {
    const [first, last] = [failures[0]?.atUs ?? 0, failures.at(-1)?.atUs ?? 0]
    if (failures.length < FLAPPING) return []
    const days = new Set(failures.map(({ atUs }) => Math.floor((atUs ?? 0) / DAY_US))).size
    return [
      {
        path: String(failures[0]?.subject.dev ?? failures[0]?.subject.devt),
        failures: failures.length,
        facts: failures,
        nights: last - first > DAY_US ? days : null,
        withinSeconds:
          Math.ceil(last / SECOND_US + (last % SECOND_US === 0 ? 1 : 0)) - Math.floor(first / SECOND_US),
      },
    ]
  })
}

export interface BadSector {
  readonly sector: number
  readonly map: string
  readonly paths: readonly string[]
  readonly times: number
  readonly first: Fact
}

/** Errors of a target or a medium on one sector through two or more paths: the LUN's, not the paths'. */
export function badSectors(facts: readonly Fact[]): BadSector[] {
  const found = new Map<string, Fact[]>()
  for (const fact of facts) {
    if (fact.what !== 'ioErrors' || typeof fact.detail.sector !== 'number' || !targetSaid(fact)) continue
    const key = `${fact.host}|${String(fact.subject.map)}|${fact.detail.sector}`
    found.set(key, [...(found.get(key) ?? []), fact])
  }
  return [...found.values()].flatMap((errors) => {
    const paths = [...new Set(errors.map(({ subject }) => String(subject.dev)))]
    const [first] = errors
    if (paths.length < 2 || first === undefined) return []
    const times = Math.max(
      ...paths.map((path) => errors.filter(({ subject }) => subject.dev === path).length),
    )
    return [{ sector: Number(first.detail.sector), map: String(first.subject.map), paths, times, first }]
  })
}

function targetSaid({ detail }: Fact): boolean {
  const [key] = Array.isArray(detail.sense) ? (detail.sense as unknown[]) : []
  if (/medium|target/.test(String(detail.status))) return true
  return /Medium Error|Hardware Error|Aborted Command/.test(String(key))
}

/** Paths that the kernel failed for I/O errors and the checker found well, three times and never otherwise. */
export function lying(facts: readonly Fact[], bad: readonly BadSector[]): string[] {
  const failures = new Map<string, { fails: number; backs: number; downs: number; name: string }>()
  for (const { what, subject, detail, cause } of facts) {
    if (subject.kind !== 'path') continue
    const key = pathKey(subject)
    const known = failures.get(key) ?? { fails: 0, backs: 0, downs: 0, name: String(subject.dev) }
    failures.set(key, known)
    if (what === 'failed' && detail.by === 'kernel' && cause?.what === 'ioErrors' && cause.cause === null)
      known.fails += 1
    else if (what === 'back' && detail.by === 'checker') known.backs += 1
    else if (what === 'checkerDown') known.downs += 1
  }
  const blamed = new Set(bad.flatMap(({ paths }) => paths))
  return [...failures.values()]
    .filter(
      ({ fails, backs, downs, name }) =>
        fails >= FLAPPING && backs >= FLAPPING && downs === 0 && !blamed.has(name),
    )
    .map(({ name }) => name)
}
