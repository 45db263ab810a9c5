// How sure an explanation is: what the evidence excludes, and what it leaves open.
import { lastPart, type History, type Told } from './history.ts'
import { isUsable } from './reasons.ts'
import { adapterOf, type Together } from './together.ts'
import type { ExplainRoot } from './types.ts'

/** Kinds of which a path is the suspect: what of it, other paths may tell. */
const OF_A_PATH = ['pathError', 'identity', 'deviceState', 'slow', 'silent']

/** A sentence or two about it; '' where nothing is wrong. `event` is what brought the symptom about. */
export function certaintyOf(
  history: History,
  { root, event, together }: { root: ExplainRoot; event: Told | null; together: Together | null },
): string {
  if (root.kind === 'nothing' || event === null) return ''
  if (together !== null && together.what !== 'none') return SHARED[together.what]
  if (OF_A_PATH.includes(root.kind)) return ofOnePath(history, event)
  if (root.kind === 'lunError') {
    return event.type === 'lun.bioPoisoned'
      ? 'It is none of the paths that tried: each of them was healthy and was answered alike.'
      : event.type === 'lun.flushFailed'
        ? 'The path answered its probe, so the error is not known to be its own; which write is lost the ledger does not tell.'
        : 'By its status the target said so itself: the path brought the answer, and is not to blame.'
  }
  return SURE[root.kind] ?? ''
}

const SHARED: Readonly<Record<Exclude<Together['what'], 'none'>, string>> = {
  adapter:
    'Excluded: the logical unit and its target, which answer by others. Left open: the adapter, its cable, its switch port.',
  target:
    'Excluded: the adapters, by which other paths answer. Left open: the controller, its ports, what leads to them alone.',
  unit: 'Excluded: the adapters, by which other units answer. Left open: the unit itself, or what the target does with it.',
  host: 'Nothing is excluded: no path was left to compare with. Left open: the fabric, the target as a whole, this host.',
}

const SURE: Readonly<Record<string, string>> = {
  operator: 'It was asked for, and the ledger names who asked.',
  accessState: 'The target, or who speaks for it, said so. Why it did the ledger does not tell.',
  noAnswer: 'That nobody answered is certain; whether the target or the way to it is to blame is left open.',
  notDurable: 'That no flush covered them is certain; whether they are on the medium nobody knows.',
  ghost: 'Whether it lands, and when, nobody can tell before there is proof.',
  reservation: 'The LUN is reserved so, by the record; whether that is wanted is left open.',
  refused: 'What was found there was looked at, and is not what the path must be.',
  ledger: 'That events waited is certain; what held the file up the ledger cannot tell.',
  engine: 'That the engine ended is certain; what ended it the ledger does not tell.',
  timer: 'That the time ran out is certain; what kept the paths away is told by their own events.',
  earlierSegment: 'This file does not have the evidence.',
}

function ofOnePath(history: History, event: Told): string {
  const { stream, position } = event
  if (!stream.startsWith('path/')) return ''
  const wwid = stream.slice('path/'.length, stream.lastIndexOf('/'))
  const well = history.paths().filter((other) => {
    const then = history.lastOf(other, position)
    return other !== stream && then !== null && isUsable(then)
  })
  const siblings = well.filter((other) => other.startsWith(`path/${wwid}/`))
  const byAdapter = well.filter((other) => adapterOf(other) === adapterOf(stream))
  const toTarget = siblings.filter(
    (other) => targetPart(other) === targetPart(stream) && adapterOf(other) !== adapterOf(stream),
  )
  const named = (streams: readonly string[]) => history.nameOf(streams[0] ?? '', position)
  const excluded = [
    ...(siblings.length > 0 ? [`the logical unit (${named(siblings)} was usable)`] : []),
    ...(byAdapter.length > 0
      ? [`adapter ${adapterOf(stream)} as a whole (${named(byAdapter)} was usable)`]
      : []),
    ...(toTarget.length > 0 ? [`the target port as a whole (${named(toTarget)} was usable)`] : []),
  ]
  const open = [
    'the device of this path and what leads to it',
    ...(byAdapter.length > 0 ? [] : [`adapter ${adapterOf(stream)}`]),
    ...(siblings.length > 0 ? [] : ['the logical unit itself']),
  ]
  return `${excluded.length === 0 ? 'Nothing is excluded' : `Excluded: ${excluded.join(', ')}`}. Left open: ${open.join(', ')}.`
}

function targetPart(stream: string): string {
  return lastPart(stream).split(':').slice(1, 3).join(':')
}
