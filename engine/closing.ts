// How an engine ends: in order, when it is closed; at once, when a promise broke.
import type { ControlServer } from '../adapters/control/server.ts'
import type { PathledgerError } from '../errors.ts'
import type { LedgerStore } from '../store/types.ts'
import type { Discoveries } from './attach/discovery.ts'
import type { Registry } from './attach/registry.ts'
import { closedError, closedWithout } from './core/closed.ts'
import type { Core } from './core/core.ts'
import { giveUpLost, recordHead } from './heads/lifecycle.ts'
import type { Sampler } from './heads/samples.ts'
import { ALL_WAITS, failParked } from './io/waiting.ts'

/** The engine's own stream: its end is told there. */
interface OwnStream {
  record(type: string, data: Readonly<Record<string, unknown>>): unknown
}

/** What there is to end. */
export interface ClosingParts {
  readonly core: Core
  readonly engine: OwnStream
  readonly registry: Registry
  /** What the engines of each LUN share. */
  readonly luns: { close(): Promise<void> }
  readonly alua: { stop(): void }
  readonly discoveries: Discoveries
  readonly sampler: Sampler
  readonly store: LedgerStore
  readonly control: ControlServer | null
}

/**
 * Ends what waits, waits for what is in flight, removes every path and head, writes the last events and lets go of the
 * ledger. New I/O, new paths and what was lent are refused from the first line on. Rejects with CLOSE_INCOMPLETE where events never
 * reached the ledger.
 */
export async function closeEngine(parts: ClosingParts): Promise<void> {
  const { core, luns, store } = parts
  const { recorder } = core
  try {
    await windDown(parts)
  } finally {
    // Whatever went wrong, the next engine finds neither the LUNs' storage nor the ledger taken.
    try {
      await luns.close()
    } finally {
      core.broken ??= closedError()
      recorder.close()
      await store.close()
    }
  }
  if (recorder.lost > 0) throw closedWithout(recorder.lost, recorder.brokenBy)
}

/** All that goes on ends, in order, and is on the ledger, or never will be. */
async function windDown(parts: ClosingParts): Promise<void> {
  const { core, registry, sampler, engine } = parts
  const { recorder } = core
  const out = core.lender.close(closedError())
  if (out.buffers > 0) core.log.warn(out, 'lent buffers were neither written nor released')
  await parts.control?.close()
  await parts.discoveries.stop()
  sampler.stop()
  sampler.sampleAll()
  sampler.stop()
  await removeAll(registry)
  // A run that went on without its record leaves no word of a clean end: the next start looks at everything.
  if (!recorder.wentOn) engine.record('engine.stopped', { why: core.broken?.code ?? 'closed' })
  await recorder.drained()
  parts.alua.stop()
}

async function removeAll(registry: Registry): Promise<void> {
  const entries = [...registry.heads()]
  // A head that waits for its last path to come back goes on waiting in the next run, for as long as it had left.
  const waiting = entries.filter(({ runtime }) => runtime.value.life === 'removalPending')
  for (const { io } of entries) io.drain(closedError(), ALL_WAITS)
  const removals = entries.flatMap(({ runtime }) =>
    [...runtime.paths].map((path) => registry.remove(path, 'closed')),
  )
  await Promise.allSettled(removals)
  for (const entry of entries) {
    const { runtime } = entry
    giveUpLost(runtime, 'closed', null)
    if (waiting.includes(entry)) runtime.timers?.cancelAll()
    else if (!runtime.gone) recordHead(runtime, 'head.closed', { why: 'closed' })
  }
}

/** Stops the engine with a stable code: better no I/O than I/O on a broken promise. */
export function breakEngine(core: Core, engine: OwnStream, registry: Registry, error: PathledgerError): void {
  if (core.broken !== null) return
  core.broken = error
  core.log.error({ code: error.code, why: error.why }, 'the engine stopped')
  engine.record('engine.broke', { code: error.code, detail: error.message.slice(0, 512) })
  for (const { runtime, io } of registry.heads()) {
    io.refuseWaiting(error)
    failParked(runtime)
  }
}
