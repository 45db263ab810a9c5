// A device becomes a path of its head: for the first time, anew, or again after a restart. Then the ledger is compared
// with what is there, and what the last run left undone for it is done.
import type { AccessState } from '../../machines/words.ts'
import { usOfMs } from '../core/core.ts'
import { fenceIfNeeded } from '../health/fencing.ts'
import { createBlocked, HELD_BACK, noteLeft, recordPath } from '../heads/lifecycle.ts'
import type { LostPath } from '../heads/lost-path.ts'
import type { PathRuntime } from '../heads/runtime.ts'
import { WORD_MAX } from '../core/spoken.ts'
import type { StreamStep } from '../ledger/stream.ts'
import type { Sameness } from '../health/same-medium.ts'
import { Suspicion } from '../heads/suspicion.ts'

/** How a path begins its life. */
export interface AddOptions {
  /** Null: optimal, or what it was before a restart. */
  readonly access: AccessState | null
  readonly preferred: boolean
  readonly blocked: boolean
  readonly trustIdentity: boolean
  /** What speaks for its being the LUN's medium. */
  readonly sameness: Sameness
}

/** Differences that one event tells of. */
const CHANGED_MAX = 64

/** Records that the path is there, and lists it with its head. */
export function arrive(path: PathRuntime, { access, preferred, blocked, sameness }: AddOptions): StreamStep {
  const { lost: allLost, paths } = path.head
  const lost = allLost.get(path.hctl)
  const facts = {
    ...addedFacts(path, access ?? lost?.access ?? 'optimal', preferred),
    ...sayIfShown(sameness),
  }
  const { same, changed } = lost?.reconcile(path.device) ?? { same: false, changed: [] }
  path.cache = path.head.lun.writes.join(path, same)
  if (lost !== undefined && same) {
    allLost.delete(path.hctl)
    paths.push(path)
    const step = comeBack(path, lost, { ...facts, changed: changed.slice(0, CHANGED_MAX).map(cut) })
    return blocked ? recordPath(path, 'path.blocked', { why: HELD_BACK }) : step
  }
  // Another device in its place, or the same one attached anew: nothing that was known of it holds.
  const how = changed.join(', ') || unsaid(lost)
  if (lost !== undefined) noteLeft(path.head, path.hctl, cut(`another attach: ${how}`))
  const cause = lost?.forget(cut(`another attach: ${how}`), null) ?? null
  if (blocked) createBlocked(path)
  // Not before: a head that knows of no path would go.
  allLost.delete(path.hctl)
  paths.push(path)
  return recordPath(path, 'path.added', facts, { cause })
}

/** What an inode tells needs no word. */
function sayIfShown(sameness: Sameness): { sameness?: Sameness } {
  return sameness === 'blocks' || sameness === 'trusted' ? { sameness } : {}
}

/** What speaks of another attach where nothing that is known of the two differs. */
function unsaid(lost: LostPath | undefined): string {
  return lost?.last.known === false
    ? 'what the last one was is told by an earlier segment'
    : 'the machine was started anew'
}

/** The same device as before: its health goes on where it stood, and so does what was asked of it and not answered. */
function comeBack(path: PathRuntime, lost: LostPath, facts: Readonly<Record<string, unknown>>): StreamStep {
  const { suspect } = lost.context
  const { clock } = path.core
  for (const [timer, dueUs] of lost.handOver()) path.timers?.start(timer, dueUs)
  if (suspect !== null) {
    path.health.suspicion = new Suspicion(suspect, clock.monoUs())
    path.health.suspicion.count(0, suspect, clock.monoUs())
  }
  const step = recordPath(path, 'path.returned', facts)
  if (path.health.suspicion !== null) path.health.suspicion.recorded = step.recorded
  fenceIfNeeded(path)
  return step
}

function cut(word: string): string {
  return word.slice(0, WORD_MAX)
}

function addedFacts(path: PathRuntime, access: AccessState, preferred: boolean): Record<string, unknown> {
  const { device, attach, head, index, name, core } = path
  const { minMs, maxMs } = core.settings.checker
  return {
    wwid: head.lun.wwid,
    hctl: device.hctl,
    name,
    index,
    kind: device.kind,
    device: device.device.slice(0, WORD_MAX) || '-',
    numaNode: device.numaNode,
    sizeBytes: device.geometry.sizeBytes,
    logicalBlockBytes: device.geometry.logicalBlockBytes,
    errorsAreFinal: device.guarantees.errorsAreFinal,
    backend: device.guarantees.backend,
    access,
    preferred,
    checker: { minUs: usOfMs(minMs), maxUs: usOfMs(maxMs) },
    facts: device.facts,
    attach: { id: attach.id, deviceKey: attach.deviceKey },
    ...(head.lun.shared === null ? {} : { storage: head.lun.shared.name }),
  }
}
