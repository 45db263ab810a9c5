// Paths that have another size than their head: one that is smaller cannot reach all of it, one that is larger waits for the others.
import { lastPart, regionOf, type History, type Told } from './history.ts'
import type { Reason } from './reasons.ts'

/** What is wrong with the sizes of a head's paths now, by the path that is behind. */
export function sizeTroubles(history: History, wwid: string): (Reason & { readonly path: string })[] {
  const head = history.of(`head/${wwid}`).at(-1)
  const paths = history.pathsOf(wwid).flatMap((stream) => {
    const last = history.of(stream).at(-1)
    const isThere = last !== undefined && regionOf(last.decision.state, 'device') !== 'deleted'
    return isThere && last.context['present'] === true ? [{ stream, bytes: sizeOf(last) }] : []
  })
  const headBytes = Number(head?.context['sizeBytes'] ?? 0)
  const largest = paths.toSorted((one, other) => other.bytes - one.bytes)[0]
  if (head === undefined || largest === undefined) return []
  const headName = history.nameOf(`head/${wwid}`)
  return paths.flatMap(({ stream, bytes }) => {
    const name = history.nameOf(stream)
    const own = changed(history, stream)
    if (bytes < headBytes && own !== null) {
      const says = `${name} has ${bytes} bytes, and ${headName} has ${headBytes}: what lies behind cannot be reached through it.`
      const refused = history
        .of(`head/${wwid}`)
        .findLast(({ type, cause }) => type === 'head.shrinkRefused' && cause === own.position)
      return [{ path: stream, says, event: refused ?? own, advice: SHRUNK }]
    }
    const grown = changed(history, largest.stream)
    if (bytes >= largest.bytes || largest.bytes <= headBytes || grown === null) return []
    const says =
      `${name} is behind in size: it has ${bytes} bytes, and ${history.nameOf(largest.stream)} has ${largest.bytes}. ` +
      `${headName} keeps its ${headBytes} bytes until all its paths have more.`
    const advice = `Let the device of ${name} (${lastPart(stream)}) see the new size (rescan it), or take that path away.`
    return [{ path: stream, says, event: grown, advice }]
  })
}

const SHRUNK =
  'Look at the device of that path: it became smaller than what the head promises. Give it back its size, or take the path away.'

function sizeOf({ context }: Told): number {
  return Number(context['newSizeBytes'] ?? context['sizeBytes'] ?? 0)
}

/** The event with which a path had another size last. */
function changed(history: History, stream: string): Told | null {
  return history.of(stream).findLast(({ type }) => type === 'path.capacityChanged') ?? null
}
