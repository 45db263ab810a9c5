// What failed together, and who is still well: an adapter is to blame where all its paths failed and those of others did not, a
// controller where all paths to it failed by whichever adapter. Time is the monotonic clock's, and only within one boot.
import { isUsable } from './reasons.ts'
import { lastPart, regionOf, type History, type Told } from './history.ts'

/** What a set of failed paths has in common that nobody else has. */
export interface Together {
  readonly what: 'adapter' | 'target' | 'unit' | 'host' | 'none'
  readonly says: string
  readonly failed: readonly string[]
}

/** Failures so close together are looked at as one incident. */
export const TOGETHER_US = 2_000_000

/** Events with which a path goes down by itself. */
const FALLS = ['path.failed', 'path.wentOffline', 'path.transportWentOffline', 'path.blocked']

/** Whether an event is the fall of a path. */
export function isFall({ type, decision }: Told): boolean {
  return FALLS.includes(type) && decision.refused !== true
}

/** When a path fell: with its first error, where that is told. */
function fellUs({ data, monoUs }: Told): number {
  return typeof data['firstUs'] === 'number' ? data['firstUs'] : monoUs
}

/** The falls around one, the first of each path, in their order. */
export function fallsAround(history: History, event: Told): Told[] {
  const atUs = fellUs(event)
  const near = FALLS.flatMap((type) => history.ofType(type))
    .filter((fall) => isFall(fall) && fall.bootId === event.bootId)
    .filter((fall) => Math.abs(fellUs(fall) - atUs) <= TOGETHER_US)
    .sort((one, other) => one.position - other.position)
  return near.filter(({ stream }, at) => near.findIndex((fall) => fall.stream === stream) === at)
}

/** What else failed with this path, and what that excludes. Null where it failed alone. */
export function togetherWith(history: History, event: Told): Together | null {
  if (!isFall(event)) return null
  const falls = fallsAround(history, event)
  if (falls.length < 2) return null
  const failed = falls.map(({ stream }) => stream)
  const [first, last] = [falls[0] as Told, falls.at(-1) as Told]
  // Who was there and well just before the first of them: those are compared.
  const there = history.paths().filter((stream) => {
    if (failed.includes(stream)) return true
    const before = history.lastOf(stream, first.position - 1)
    return before !== null && isUsable(before)
  })
  const well = there.filter((stream) => {
    const now = history.lastOf(stream, last.position)
    return !failed.includes(stream) && now !== null && isUsable(now)
  })
  const names = (streams: readonly string[]) =>
    streams.map((stream) => history.nameOf(stream, last.position)).join(', ')
  const what = sharedBy(history, failed, there, last.position)
  const others =
    well.length === 0 ? 'No other path was left to compare them with.' : `${names(well)} stayed well.`
  return {
    what,
    failed,
    says: `${names(failed)} failed within two seconds${TOLD[what](history, failed, last)}. ${others}`,
  }
}

type Tell = (history: History, failed: readonly string[], last: Told) => string

const TOLD: Readonly<Record<Together['what'], Tell>> = {
  adapter: (_history, failed) => `: all ${failed.length} paths of adapter ${adapterOf(failed[0] ?? '')}`,
  target: (history, failed, { position }) =>
    `: all ${failed.length} paths to ${targetOf(history, failed[0] ?? '', position)}, by adapters ${listed(failed.map(adapterOf))}`,
  unit: (_history, failed) =>
    `: all ${failed.length} paths of this logical unit, by adapters ${listed(failed.map(adapterOf))}`,
  host: (_history, failed) =>
    `: all ${failed.length} paths that there were, by adapters ${listed(failed.map(adapterOf))}`,
  none: () => '',
}

/** The one thing of which exactly these paths are all there are. */
function sharedBy(
  history: History,
  failed: readonly string[],
  there: readonly string[],
  position: number,
): Together['what'] {
  const units = new Set(failed.map(unitOf))
  // Another unit may not have been asked for anything yet: its paths say nothing of an adapter.
  const asked = there.filter((stream) => units.has(unitOf(stream)))
  const idle = there.filter((stream) => !units.has(unitOf(stream)))
  const isAllOf = (keyOf: (stream: string) => string): boolean => {
    const keys = new Set(failed.map(keyOf))
    return keys.size === 1 && asked.filter((stream) => keys.has(keyOf(stream))).length === failed.length
  }
  const all = failed.length === asked.length
  const target = (stream: string) => targetOf(history, stream, position)
  const manyAdapters = new Set(asked.map(adapterOf)).size > 1
  if (!all && isAllOf(adapterOf)) return 'adapter'
  if (!all && isAllOf(target)) return 'target'
  if (!all) return 'none'
  if (units.size === 1 && idle.some((stream) => failed.some((one) => adapterOf(one) === adapterOf(stream))))
    return 'unit'
  return manyAdapters ? 'host' : 'adapter'
}

/** The H of H:C:I:L. */
export function adapterOf(stream: string): string {
  return lastPart(stream).replace(/:.*/s, '')
}

/** What a path leads to: its target port group, where the target told it, else the C:I of H:C:I:L. */
function targetOf(history: History, stream: string, position: number): string {
  const lun = history.lastOf(`lun/${unitOf(stream)}`, position)
  const members = (lun?.context['members'] ?? {}) as Readonly<Record<string, number>>
  const hctl = lastPart(stream)
  if (Object.hasOwn(members, hctl)) return `target port group ${String(members[hctl])}`
  return `target ${hctl.split(':').slice(1, 3).join(':')}`
}

function unitOf(stream: string): string {
  return stream.slice('path/'.length, stream.lastIndexOf('/'))
}

function listed(words: readonly string[]): string {
  return [...new Set(words)].join(' and ')
}

/** Whether a path is down, as far as its state tells. */
export function isDown(event: Told | null): boolean {
  return event !== null && ['failed', 'probing'].includes(regionOf(event.decision.state, 'health'))
}
