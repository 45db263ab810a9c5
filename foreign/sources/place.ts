// All statements of a host on one time line. Within a source the order of its lines always wins over equal stamps.
import type { Zone } from '../time/civil.ts'
import type { LineRef, Placed } from '../types.ts'
import type { ClockSettings } from './clock.ts'
import type { Found, SourceRead } from './read-source.ts'

const SECOND_US = 1_000_000
/** Receipt of a kernel line may lag behind the kernel by this and more; below it the stamp of receipt stands. */
const LAG_US = 1_000
/** A lag of more than this is no lag but a step of the clock. */
const STEP_US = 10 * SECOND_US
/** Copies of a line in two files: their loggers wrote it within this, and the coarser precision. */
const COPY_US = SECOND_US
/** Kernel lines of a burst, and of the boot, are stamped when a logger gets to them. */
const KERNEL_COPY_US = 20 * SECOND_US

export interface PlaceSettings {
  readonly zone: Zone | null
  readonly nowUs: number
  /** The day a snapshot without a date was taken, by source name. */
  readonly takenAt?: ReadonlyMap<string, number>
}

export interface PlacedHost {
  readonly host: string
  readonly placed: Placed[]
  /** False where only uptimes are known. */
  readonly wall: boolean
  readonly endUs: number | null
  readonly firstUs: number | null
}

interface Item extends Placed {
  readonly key: number
  readonly text: string
  readonly rank: number
}

/** The clock settings of one source: its own header's zone before the one that was given. */
export function clockOf(source: SourceRead, settings: PlaceSettings): ClockSettings {
  return { zone: source.zone?.zone ?? settings.zone, nowUs: settings.nowUs }
}

/** Places what all sources say on the time lines of their hosts. */
export function place(sources: readonly SourceRead[], settings: PlaceSettings): PlacedHost[] {
  const hosts = hostsOf(sources)
  const only = hosts.length === 1 ? (hosts[0] ?? '') : ''
  const offsets = bootOffsets(sources, settings)
  const perHost = new Map<string, Item[][]>()
  for (const [index, source] of sources.entries()) {
    const items = itemsOf(source, index, settings, { only, offsets })
    for (const [host, list] of items) perHost.set(host, [...(perHost.get(host) ?? []), list])
  }
  if (perHost.size === 0) return [{ host: only, placed: [], wall: true, endUs: null, firstUs: null }]
  const ends = endsOf(sources, settings, offsets)
  return [...perHost].map(([host, lists]) => {
    const placed = merged(lists)
    const wall = placed.some(({ zone, atUs }) => zone !== 'none' && atUs !== null && atUs > YEAR_US)
    const end = ends.get(host) ?? ends.get('')
    return { host, placed, wall, endUs: end?.last ?? null, firstUs: end?.first ?? null }
  })
}

const YEAR_US = 366 * 86_400 * SECOND_US

/** Hosts in the order of their names; empty where no line names one. */
export function hostsOf(sources: readonly SourceRead[]): string[] {
  const counts = new Map<string, number>()
  for (const { found, hosts } of sources) {
    for (const { host } of found) if (host !== null) counts.set(host, (counts.get(host) ?? 0) + 1)
    // A source with nothing to say still tells whose it is.
    for (const [host] of hosts) if (!counts.has(host)) counts.set(host, 0)
  }
  const speaking = [...counts].filter(([, count]) => count > 0).map(([host]) => host)
  return (speaking.length > 0 ? speaking : [...counts.keys()].slice(0, 1)).sort()
}

interface Offsets {
  /** Wall clock minus uptime, by host; of the boot that was read last. */
  readonly of: ReadonlyMap<string, number>
  readonly any: number | null
}

/** Where lines have both clocks, the least distance between them is the time of boot: all else is lag. */
function bootOffsets(sources: readonly SourceRead[], settings: PlaceSettings): Offsets {
  const precise = offsetsOf(sources, settings, true)
  // Whole seconds are cut off, so they make the boot too early by up to one: only where nothing better is there.
  const of = precise.size > 0 ? precise : offsetsOf(sources, settings, false)
  return { of, any: [...of.values()][0] ?? null }
}

function offsetsOf(
  sources: readonly SourceRead[],
  settings: PlaceSettings,
  precise: boolean,
): Map<string, number> {
  const of = new Map<string, number>()
  for (const source of sources) {
    const lastMono = new Map<string, number>()
    const resolve = source.clock.resolver(clockOf(source, settings))
    for (const { tick, host, program } of source.found) {
      const us = tick === null || program !== 'kernel' ? null : resolve(tick)
      const mono = tick?.stamp.monoUs ?? null
      if (us === null || mono === null || (precise && tick?.stamp.precisionUs !== 1)) continue
      const key = host ?? ''
      const before = lastMono.get(key) ?? 0
      lastMono.set(key, mono)
      // Uptime that went back is another boot.
      if (isBetter(of.get(key), us - mono, mono < before - SECOND_US)) of.set(key, us - mono)
    }
  }
  return of
}

function isBetter(known: number | undefined, offset: number, newBoot: boolean): boolean {
  if (known === undefined || newBoot) return true
  return offset < known && known - offset < STEP_US
}

function itemsOf(
  source: SourceRead,
  index: number,
  settings: PlaceSettings,
  { only, offsets }: { only: string; offsets: Offsets },
): Map<string, Item[]> {
  const resolve = source.clock.resolver(clockOf(source, settings))
  const given = settings.takenAt?.get(source.name) ?? null
  const keys = new Map<string, number>()
  const items = new Map<string, Item[]>()
  for (const found of source.found) {
    const host = found.host ?? only
    const atUs = timeOf(found, resolve, offsets.of.get(host) ?? offsets.any) ?? given
    // A journal gets the kernel's lines late and has their own time: they are in order among themselves.
    const lane = found.cursor !== null && found.program === 'kernel' ? `${host}|kernel` : host
    const key = Math.max(keys.get(lane) ?? -Infinity, atUs ?? -Infinity)
    keys.set(lane, key)
    const list = items.get(host) ?? []
    if (list.length === 0) items.set(host, list)
    list.push(itemOf(found, index, { host, atUs, key, source, given: settings.zone !== null }))
  }
  return items
}

function timeOf(
  found: Found,
  resolve: (tick: NonNullable<Found['tick']>) => number | null,
  offset: number | null,
): number | null {
  const { tick } = found
  if (tick === null) return null
  const wall = resolve(tick)
  const mono = tick.stamp.monoUs
  if (wall === null) return mono === null ? null : mono + (offset ?? 0)
  if (mono === null || offset === null || found.program !== 'kernel' || tick.stamp.precisionUs > 1)
    return wall
  const lag = wall - (offset + mono)
  return lag > LAG_US && lag < STEP_US ? offset + mono : wall
}

function itemOf(
  found: Found,
  index: number,
  {
    host,
    atUs,
    key,
    source,
    given,
  }: { host: string; atUs: number | null; key: number; source: SourceRead; given: boolean },
): Item {
  const stamp = found.tick?.stamp
  const named = stamp?.zone ?? 'none'
  return {
    ...{ statement: found.statement, host, atUs, key, text: found.text },
    ...{ monoUs: stamp?.monoUs ?? null, boot: found.boot, precisionUs: stamp?.precisionUs ?? 0 },
    lines: [[index, found.line]],
    ...{ program: found.program, device: found.device },
    zone: named !== 'none' ? named : source.zone !== null ? 'stated' : given ? 'given' : 'none',
    approximate: stamp?.approximate ?? false,
    rank: rankOf(found),
  }
}

/** The better clock tells the time of a line that stands in several files. */
function rankOf({ tick, cursor, program }: Found): number {
  if (tick === null || program === 'snapshot') return 9
  const { stamp } = tick
  if (stamp.approximate) return 5
  if (cursor !== null) return 0
  if (stamp.us !== null && stamp.precisionUs === 1) return 1
  if (stamp.monoUs !== null && stamp.precisionUs === 1) return 2
  return stamp.precisionUs === 1 ? 3 : 4
}

/** One list in order of time, each line once. */
function merged(lists: readonly Item[][]): Placed[] {
  const ordered = [...lists].sort(
    (a, b) => rankOfList(a) - rankOfList(b) || startOf(a) - startOf(b) || endOf(a) - endOf(b),
  )
  const kept = withoutCopies(ordered)
  const parts = kept.sort((a, b) => startOf(a) - startOf(b) || endOf(a) - endOf(b))
  if (parts.length === 1) return parts[0] ?? []
  return parts
    .flatMap((list, part) => list.map((item, at) => ({ item, part, at })))
    .sort((a, b) => a.item.key - b.item.key || a.part - b.part || a.at - b.at)
    .map(({ item }) => item)
}

function rankOfList(list: readonly Item[]): number {
  return list[0]?.rank ?? 9
}

function startOf(list: readonly Item[]): number {
  return list.find(({ key }) => key > -Infinity)?.key ?? Infinity
}

function endOf(list: readonly Item[]): number {
  return list.at(-1)?.key ?? -Infinity
}

function withoutCopies(lists: readonly Item[][]): Item[][] {
  const kept: Item[][] = []
  for (const list of lists)
    kept.push(kept.some((other) => overlap(other, list)) ? newIn(list, kept) : [...list])
  return kept.filter((list) => list.length > 0)
}

/** Two sources can hold copies of a line only where they tell of the same time, and of more than an instant of it. */
function overlap(a: readonly Item[], b: readonly Item[]): boolean {
  const from = Math.max(startOf(a), startOf(b))
  const to = Math.min(endOf(a), endOf(b))
  if (from === Infinity) return false
  if (to > from + 2 * SECOND_US) return true
  // A short source within another.
  return to >= from && (startOf(a) < startOf(b) === endOf(a) > endOf(b) || startOf(a) === startOf(b))
}

/** What of a source is not a copy; a copy gives its line to the one that was there. */
function newIn(list: readonly Item[], others: readonly Item[][]): Item[] {
  const known = new Map<string, Item[]>()
  for (const other of others) {
    for (const item of other) {
      const same = known.get(sameText(item))
      if (same === undefined) known.set(sameText(item), [item])
      else same.push(item)
    }
  }
  for (const same of known.values()) same.sort((a, b) => a.key - b.key)
  const taken = new Set<Item>()
  return list.filter((item) => {
    const same = item.program === 'snapshot' ? undefined : known.get(sameText(item))
    const original = same?.find((other) => !taken.has(other) && isCopy(item, other))
    if (original === undefined) return true
    taken.add(original)
    for (const line of item.lines) original.lines.push(line)
    return false
  })
}

function sameText({ program, text }: Item): string {
  return `${program}\n${text.trim()}`
}

function isCopy(a: Item, b: Item): boolean {
  if (a.monoUs !== null && b.monoUs !== null && a.program === 'kernel')
    return Math.abs(a.monoUs - b.monoUs) <= 1
  if (a.approximate) return true
  if (a.atUs === null || b.atUs === null) return false
  const lag = a.program === 'kernel' ? KERNEL_COPY_US : COPY_US
  return Math.abs(a.atUs - b.atUs) <= lag + a.precisionUs + b.precisionUs
}

/** First and last moment of each host's lines, known noise and all. */
function endsOf(
  sources: readonly SourceRead[],
  settings: PlaceSettings,
  offsets: Offsets,
): Map<string, { first: number; last: number }> {
  const ends = new Map<string, { first: number; last: number }>()
  for (const source of sources) {
    const resolve = source.clock.resolver(clockOf(source, settings))
    const at = (tick: SourceRead['firstTick']): number | null =>
      tick === null || tick.stamp.approximate
        ? null
        : (resolve(tick) ?? uptime(tick.stamp.monoUs, offsets.any))
    const [first, last] = [at(source.firstTick), at(source.lastTick)]
    if (first === null || last === null) continue
    const known = ends.get('')
    ends.set('', { first: Math.min(known?.first ?? first, first), last: Math.max(known?.last ?? last, last) })
  }
  return ends
}

function uptime(mono: number | null, offset: number | null): number | null {
  return mono === null ? null : mono + (offset ?? 0)
}

/** References to lines as text: for those who print them. */
export function namedLines(
  lines: readonly LineRef[],
  sources: readonly { name: string }[],
): [string, number][] {
  return lines.map(([source, line]) => [sources[source]?.name ?? '', line])
}
