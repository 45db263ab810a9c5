// States and events of a ledger of observations: what lines said, who says so, and where it stands.
import type { LedgerState, StreamAt } from '../../store/types.ts'
import { lines, table } from '../text.ts'

/** True where the streams are observations: nothing on them was decided here. */
export function isObserved({ streams }: LedgerState): boolean {
  return Object.values(streams).some(({ context }) => context['observed'] === true)
}

/** A map as it was last told, with its paths; what no line told is unknown, and so is whether a path can be used. */
export interface ObservedHead {
  readonly stream: string
  readonly name: string
  readonly state: unknown
  /** Position of the last statement about it. */
  readonly asOf: number
  readonly paths: readonly ObservedPath[]
}

export interface ObservedPath {
  readonly stream: string
  readonly name: string | null
  readonly state: unknown
  /** Null where it is not known. */
  readonly usable: boolean | null
  readonly asOf: number
}

/** Maps and paths that were observed. */
export function observedHeads({ streams }: LedgerState): ObservedHead[] {
  const all = Object.entries(streams)
  const lunOf = (stream: string): string => stream.split('/')[1] ?? ''
  const luns = [
    ...new Set(all.flatMap(([stream]) => (/^(?:path|head)\//.test(stream) ? [lunOf(stream)] : []))),
  ]
  return luns.map((lun) => {
    const head = streams[`head/${lun}`]
    const paths = all.filter(([stream]) => stream.startsWith('path/') && lunOf(stream) === lun)
    return {
      stream: `head/${lun}`,
      name: nameOf(head ?? paths[0]?.[1]) ?? lun,
      state: head?.value ?? { life: 'unknown', service: 'unknown' },
      asOf: head?.position ?? 0,
      paths: paths.map(([stream, at]) => pathOf(stream, at)),
    }
  })
}

function nameOf(at: StreamAt | undefined): string | null {
  const map = at?.context['map']
  return typeof map === 'string' ? map : null
}

function pathOf(stream: string, { value, context, position }: StreamAt): ObservedPath {
  const dev = context['dev']
  const health = typeof value === 'string' ? 'unknown' : value['health']
  const device = typeof value === 'string' ? 'unknown' : value['device']
  const out = health === 'failed' || device === 'offline' || device === 'deleted'
  const usable = out ? false : health === 'online' ? true : null
  return { stream, name: typeof dev === 'string' ? dev : null, state: value, usable, asOf: position }
}

/** The table for people. */
export function describeObserved(state: LedgerState): string {
  const heads = observedHeads(state)
  if (heads.length === 0) return 'No map and no path was told of by then.\n'
  return heads
    .map(({ name, state: own, paths }) => {
      const rows = paths.map((path) => [
        ...[path.name ?? '', path.stream.split('/').slice(2).join('/'), words(path.state)],
        path.usable === null ? 'not known whether usable' : path.usable ? 'usable' : 'not usable',
        `as of ${path.asOf}`,
      ])
      return `${lines([`${name}  ${words(own)}`])}${table(rows, '  ')}`
    })
    .join('\n')
}

function words(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? Object.values(value).map(String).join('/')
    : String(value)
}

const LEFT_OUT = new Set([
  'fact',
  'kind',
  'seen',
  'wwid',
  'hctl',
  'devt',
  'host',
  'noiseByTemplate',
  'envelopes',
])

/** What an observation says, and where its first line stands. */
export function observationWords(data: Readonly<Record<string, unknown>>): string {
  const seen = data['seen'] as { source?: unknown; line?: unknown; rule?: unknown } | undefined
  const parts = Object.entries(data)
    .filter(([key, value]) => !LEFT_OUT.has(key) && value !== null)
    .map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const fact = typeof data['fact'] === 'string' ? [data['fact']] : []
  const where = seen === undefined ? [] : [`source ${String(seen.source)} line ${String(seen.line)}`]
  const rule = typeof seen?.rule === 'string' ? [`by the rule ${seen.rule}`] : []
  return [...fact, ...parts, ...where, ...rule].join(', ')
}
