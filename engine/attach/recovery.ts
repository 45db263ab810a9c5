// What the last run left, taken up again: heads come back as they were, with their timers and the deadlines they had;
// their paths are known and lost until they are attached again. What a crash kept from being done is decided here, once:
//
//   a timer that was armed         runs again, by its original deadline; one that is past fires at once
//   a probe without an answer      is sent again when its path is there
//   a fence without an answer      runs again when its path is there, still failed, with ghosts
//   a disk that was not published  is published with its first path
//   I/O that was parked or held    went with its callers; what may still land of it is a ghost (lun-state.ts)
import type { HeadContext } from '../../machines/head/head.ts'
import type { PathContext } from '../../machines/path/path.ts'
import type { StreamAt, LedgerState, LedgerStore, StoredEvent } from '../../store/types.ts'
import { pages } from '../../store/pages.ts'
import { usOfMs, type Core } from '../core/core.ts'
import { boundDeadlines, isSameBoot, rebaseDeadlines, type Moment } from './deadlines.ts'
import { recordHead, giveUpLost } from '../heads/lifecycle.ts'
import type { HeadRuntime } from '../heads/runtime.ts'
import { LostPath } from '../heads/lost-path.ts'
import type { Recorded } from '../ledger/recorder.ts'
import type { Streams } from '../ledger/streams.ts'
import type { HeadEntry, Registry } from './registry.ts'

export interface RecoveryParts {
  readonly core: Core
  readonly registry: Registry
  readonly streams: Streams
  readonly store: LedgerStore
  readonly before: LedgerState
  readonly bootId: string
  /** The start that found it. */
  readonly cause: Recorded
  readonly why: string
}

/** Takes up every head and path that the ledger says is there. Doing it again, after a crash in it, comes to the same. */
export function recoverLastRun(parts: RecoveryParts): void {
  const heads = presentHeads(parts)
  forgetGroups(parts)
  for (const [name, at] of Object.entries(parts.before.streams)) {
    const { present, lost, wwid } = at.context as unknown as PathContext
    if (!name.startsWith('path/')) continue
    if (!present && isHeld(at))
      parts.streams.of(name).record('path.removed', { why: parts.why }, { cause: parts.cause })
    if (!present && !lost) continue
    const path = losePath(parts, name, at)
    const head = heads.get(wwid)
    if (head === undefined) path.forget('its head is gone', parts.cause)
    else keepLost(head.runtime, path)
  }
  for (const entry of heads.values()) recoverHead(parts, entry)
}

/** What the last run knew of target port groups is asked for anew. */
function forgetGroups({ streams, before, why, cause }: RecoveryParts): void {
  for (const [name, { context }] of Object.entries(before.streams)) {
    const known = Object.keys(context['members'] ?? {}).length > 0 || (context['wait'] ?? null) !== null
    if (!name.startsWith('lun/') || !known) continue
    streams.of(name).record('lun.groupsForgotten', { why }, { cause })
  }
}

/** A device may have been found and held back by its transport, and never become a path. */
function isHeld({ value }: StreamAt): boolean {
  return (
    typeof value === 'object' &&
    ['created', 'createdBlocked', 'offline', 'transportOffline'].includes(String(value['device']))
  )
}

function keepLost(head: HeadRuntime, path: LostPath): void {
  head.lost.set(path.hctl, path)
  const { inode } = path.last.facts
  head.lun.writes.lose(path.hctl, typeof inode === 'string' ? inode : null)
  path.onOver = (cause) => giveUpLost(head, 'its time is over', cause, (other) => other === path)
}

/** The heads that are there, as they were: index, name and settings. */
function presentHeads({ before, registry }: RecoveryParts): Map<string, HeadEntry> {
  const heads = new Map<string, HeadEntry>()
  for (const [name, { context }] of Object.entries(before.streams)) {
    const { present, ...facts } = context as unknown as HeadContext
    if (!name.startsWith('head/') || !present) continue
    heads.set(facts.wwid, registry.makeHead(facts))
  }
  return heads
}

function losePath(parts: RecoveryParts, name: string, { context }: StreamAt): LostPath {
  const { core, streams, why, cause } = parts
  const added = lastAdded(parts.store, name)
  const { facts } = JSON.parse(added?.data ?? '{"facts":{}}') as { facts: Record<string, unknown> }
  const sameBoot = added !== null && isSameBoot(momentOfRow(added), now(parts))
  const path = new LostPath(core, streams.of(name), { facts, sameBoot, known: added !== null })
  const { timers: armed, probeIntervalUs } = context as unknown as PathContext
  const timers = deadlinesOf(parts, name, armed, { probe: probeIntervalUs })
  path.record('path.lost', { why, timers }, { cause })
  return path
}

function recoverHead(parts: RecoveryParts, { runtime }: HeadEntry): void {
  const { core, cause, why } = parts
  const lost = runtime.lost.size
  if (runtime.value.life === 'allocated' && lost === 0) {
    recordHead(runtime, 'head.closed', { why }, { cause })
    return
  }
  const { delayedRemovalUs, checkIntervalUs, timers: armed } = runtime.context
  const runUs = { removal: delayedRemovalUs, noPath: checkIntervalUs }
  const timers = deadlinesOf(parts, runtime.stream.name, armed, runUs)
  const reattachUs = usOfMs(core.settings.reattachMs)
  recordHead(runtime, 'head.recovered', { why, lost, reattachUs, timers }, { cause })
}

/** The event with which the device of a path came last. */
function lastAdded(store: LedgerStore, stream: string): StoredEvent | null {
  const rows = ['path.added', 'path.returned'].flatMap((type) => [...pages(store, { stream, type })].flat())
  return rows.reduce<StoredEvent | null>(
    (last, row) => (last === null || row.position > last.position ? row : last),
    null,
  )
}

/**
 * The deadlines of a stream in the time of this boot: they are in that of its last event. Where the ledger's segment only
 * carries its state on, nobody knows which boot that was.
 */
function deadlinesOf(
  parts: RecoveryParts,
  stream: string,
  armed: Readonly<Record<string, number>>,
  runUs: Readonly<Record<string, number>>,
): Record<string, number> {
  const position = parts.before.streams[stream]?.position ?? 0
  const [row] = parts.store.read({ fromPosition: position, toPosition: position })
  const here = now(parts)
  const timers = rebaseDeadlines(armed, row === undefined ? here : momentOfRow(row), here)
  return row?.stream === stream ? timers : boundDeadlines(timers, runUs, here.monoUs)
}

function momentOfRow({ bootId, monoUs, recordedAtUs }: StoredEvent): Moment {
  return { bootId, monoUs, wallUs: recordedAtUs }
}

function now({ core: { clock }, bootId }: RecoveryParts): Moment {
  return { bootId, monoUs: clock.monoUs(), wallUs: clock.wallUs() }
}
