// Who or what brought paths and maps back, by the causes that the lines tell.
import type { Fact } from '../types.ts'
import { called, shortName } from './print.ts'
import { pathKey, type Darkness, type Unusable } from './spans.ts'

/** Who or what brought a map, or paths, back. */
export interface BroughtBack {
  readonly subject: string
  readonly by: string
  readonly kind: 'transport' | 'array' | 'checker' | 'timer' | 'operator' | 'none' | 'unknown'
}

interface Why {
  readonly kind: BroughtBack['kind']
  readonly by: string
}

/** Why a path could be used again. */
export function whyBack(fact: Fact, facts: readonly Fact[]): Why {
  if (fact.what === 'reconnected') return { kind: 'transport', by: reconnected(fact) }
  if (fact.what === 'added' || fact.what === 'attached') {
    return { kind: 'transport', by: 'it was found again, and multipathd put it into the map' }
  }
  if (fact.detail.by === 'operator') return { kind: 'operator', by: 'an operator reinstated it' }
  const checker = fact.cause
  if (checker === null)
    return { kind: 'unknown', by: `unknown: ${speaker(fact)} says reinstated, and not who asked for it` }
  const root = checker.cause
  const word = `the ${String(checker.detail.checker)} checker`
  if (root?.what === 'linkUp') return { kind: 'transport', by: `the link came up; then ${word} found it up` }
  if (root?.what === 'operational') return { kind: 'transport', by: session(root, word) }
  if (root?.what === 'accessState')
    return { kind: 'array', by: `the array: its port group was usable again, and ${word} reinstated it` }
  if (root?.what === 'steady') return { kind: 'timer', by: 'the recovery time of multipathd ran out' }
  const login = likelyLogin(fact, facts)
  return login === null ? { kind: 'checker', by: word } : { kind: 'transport', by: session(login, word) }
}

function speaker(fact: Fact): string {
  return fact.actor === 'observed:multipathd' ? 'multipathd' : 'the kernel'
}

function reconnected(fact: Fact): string {
  return `the kernel's own reconnect, at attempt ${String(fact.detail.attempts)}`
}

function session(fact: Fact, word: string): string {
  return `iscsid logged in again (${String(fact.detail.attempts)} attempts), then ${word}`
}

/** A session that timed out as the path failed and was operational again before the checker's word: times alone link them. */
function likelyLogin(back: Fact, facts: readonly Fact[]): Fact | null {
  const at = back.atUs ?? 0
  const failed = facts.findLast(
    (fact) =>
      fact.what === 'failed' && pathKey(fact.subject) === pathKey(back.subject) && (fact.atUs ?? 0) <= at,
  )
  if (failed === undefined) return null
  const from = failed.atUs ?? 0
  const timedOut = facts.find(
    (fact) => fact.what === 'sessionTimedOut' && Math.abs((fact.atUs ?? 0) - from) <= 2_000_000,
  )
  if (timedOut === undefined) return null
  const { sid } = timedOut.subject
  return (
    facts.find(
      (fact) =>
        fact.what === 'operational' &&
        fact.subject.sid === sid &&
        (fact.atUs ?? 0) >= from &&
        (fact.atUs ?? 0) <= at,
    ) ?? null
  )
}

/** A map that had been dark is told as a whole; paths of other maps by what they have in common. */
export function broughtBack(
  paths: readonly Unusable[],
  dark: readonly Darkness[],
  facts: readonly Fact[],
): BroughtBack[] {
  const maps = new Map<string, Darkness[]>()
  for (const span of dark) {
    const key = mapKey(span.from)
    maps.set(key, [...(maps.get(key) ?? []), span])
  }
  const found = [...maps.values()].map((spans) => mapBack(spans, facts))
  const entries = paths
    .filter(({ path }) => !maps.has(`${String(path.host)}|${String(path.map)}`))
    .flatMap((path) => pathBack(path, facts))
  const groups = new Map<string, { why: Why; names: string[] }>()
  for (const { why, name, host } of entries) {
    const key = `${host}|${why.kind}|${why.by}`
    const group = groups.get(key) ?? { why, names: [] }
    groups.set(key, group)
    if (!group.names.includes(name)) group.names.push(name)
  }
  for (const { why, names } of groups.values()) {
    const subject = names.length > 6 ? `${names.length} paths` : names.join(', ')
    found.push({ subject, by: why.by, kind: why.kind })
  }
  return found
}

function mapKey(fact: Fact): string {
  return `${fact.host}|${String(fact.subject.map)}`
}

function mapBack(spans: readonly Darkness[], facts: readonly Fact[]): BroughtBack {
  const last = spans.at(-1)
  const times = spans.length > 1 ? ` (${spans.length} times)` : ''
  const subject = `map ${String(last?.map.map)}${times}`
  const first = last?.to?.cause ?? null
  if (last === undefined || (last.to === null && last.removed === null))
    return { subject, by: 'nobody: it had no path again', kind: 'none' }
  if (last.to === null) return { subject, by: 'nobody: the map was removed', kind: 'none' }
  if (first === null) return { subject, by: 'unknown: the count of paths says so', kind: 'unknown' }
  const { kind, by } = whyBack(first, facts)
  return { subject, by: `${by} (${called(first.subject)})`, kind }
}

function pathBack(
  { path, spans, before }: Unusable,
  facts: readonly Fact[],
): { why: Why; name: string; host: string }[] {
  const backs = spans.flatMap(({ to }) => (to === null ? [] : [to]))
  if (before !== null) backs.unshift(before)
  const whys = backs.map((fact) => ({ fact, why: whyBack(fact, facts) }))
  const added = whys.filter(({ fact }) => fact.what !== 'back')
  const reinstated = whys.filter(({ fact }) => fact.what === 'back')
  // Of several returns the last tells what ended it.
  const last = reinstated.at(-1)
  const chosen = [
    ...(added.at(-1) === undefined ? [] : [added.at(-1)]),
    ...(last === undefined ? [] : [last]),
  ]
  const host = String(path.host)
  return chosen.flatMap((one) =>
    one === undefined ? [] : [{ why: one.why, name: shortName(one.fact.subject), host }],
  )
}
