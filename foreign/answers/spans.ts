// How long a path could not be used, and how long a map had no path. Unknown ends stay unknown.
import type { Fact, Subject } from '../types.ts'

/** What counts as failed: an orderly removal ends a path's use, but nothing failed. */
const FAILED = new Set(['failed', 'offlined', 'connectivityLost', 'errorRecovery'])
const OUT = new Set([...FAILED, 'removed'])
const IN = new Set(['back', 'added', 'reconnected'])

export interface Span {
  readonly from: Fact
  to: Fact | null
  /** It was over at the latest by this statement. */
  by: Fact | null
  endedByBoot: boolean
}

export interface Unusable {
  readonly key: string
  readonly path: Subject
  readonly names: string[]
  readonly spans: Span[]
  /** It came back before anything else was said of it. */
  before: Fact | null
}

export interface Darkness {
  readonly map: Subject
  readonly from: Fact
  to: Fact | null
  /** The map itself was removed. */
  removed: Fact | null
}

/** What a path is over all its names: the LUN and the way to it, else its device. */
export function pathKey(subject: Subject): string {
  const { host, ctrl, wwid, map, hctl, devt, dev } = subject
  if (ctrl !== undefined) return `${String(host)}|ctrl|${String(ctrl)}`
  const lun = wwid ?? (map === null || map === undefined ? null : `map:${String(map)}`)
  if (hctl !== null && hctl !== undefined && lun !== null)
    return `${String(host)}|${String(lun)}|${String(hctl)}`
  return `${String(host)}|dev|${String(devt ?? dev ?? hctl)}`
}

/** The first failure: not an orderly removal. */
export function firstFailed(facts: readonly Fact[]): Fact | null {
  return facts.find(({ what, subject }) => FAILED.has(what) && subject.kind === 'path') ?? null
}

/** Spans of each path during which it could not be used, in the order in which paths were first out. */
export function unusable(facts: readonly Fact[]): Unusable[] {
  const paths = new Map<string, Unusable>()
  for (const fact of facts) {
    if (fact.subject.kind !== 'path' || fact.atUs === null) continue
    if (OUT.has(fact.what)) out(paths, fact)
    else if (IN.has(fact.what)) back(paths, fact)
    else if (fact.what === 'attached' && fact.subject.ctrl !== undefined) back(paths, fact)
  }
  for (const path of paths.values()) settle(path)
  return [...paths.values()]
}

function of(paths: Map<string, Unusable>, fact: Fact): Unusable {
  const key = pathKey(fact.subject)
  const known = paths.get(key)
  const dev = fact.subject.dev
  if (known !== undefined) {
    if (typeof dev === 'string' && !known.names.includes(dev)) known.names.push(dev)
    return known
  }
  const path: Unusable = {
    key,
    path: fact.subject,
    names: typeof dev === 'string' ? [dev] : [],
    spans: [],
    before: null,
  }
  paths.set(key, path)
  return path
}

function out(paths: Map<string, Unusable>, fact: Fact): void {
  const path = of(paths, fact)
  const open = path.spans.at(-1)
  if (open?.to === null && open.by === null) return
  path.spans.push({ from: fact, to: null, by: null, endedByBoot: false })
}

function back(paths: Map<string, Unusable>, fact: Fact): void {
  const path = paths.get(pathKey(fact.subject))
  const { dev } = fact.subject
  if (path !== undefined && typeof dev === 'string' && !path.names.includes(dev)) path.names.push(dev)
  const open = path?.spans.at(-1)
  if (open?.to === null) open.to = fact
  else if (fact.what === 'back' && path === undefined) of(paths, fact).before = fact
}

function settle({ spans }: Unusable): void {
  for (const span of spans) {
    const by = span.from.detail.backBy as Fact | undefined
    const boot = span.from.detail.endedBy as Fact | undefined
    if (span.to === null && by !== undefined) span.by = by
    if (span.to === null && boot !== undefined) span.endedByBoot = true
  }
}

/** Spans during which maps had no usable path. */
export function darkness(facts: readonly Fact[]): Darkness[] {
  const found: Darkness[] = []
  const open = new Map<string, Darkness>()
  for (const fact of facts) {
    if (fact.subject.kind !== 'map') continue
    const key = `${fact.host}|${String(fact.subject.map ?? fact.subject.dm)}`
    if (fact.what === 'dark') {
      const span: Darkness = { map: fact.subject, from: fact, to: null, removed: null }
      open.set(key, span)
      found.push(span)
    } else if (fact.what === 'lit') {
      const span = open.get(key)
      if (span !== undefined) span.to = fact
      open.delete(key)
    } else if (fact.what === 'mapRemoved') {
      const span = open.get(key)
      if (span !== undefined) span.removed = fact
      open.delete(key)
    }
  }
  return found
}

/** Microseconds that a span lasted; null where an end is not known. */
export function lengthUs(span: Span | Darkness): number | null {
  const from = span.from.atUs
  const to = span.to?.atUs ?? null
  return from === null || to === null ? null : to - from
}
