// What happens to the engine itself and to its ledger. Numbers 300 to 399.
import { z } from 'zod'
import { eventType, whole, word, type MachineEventOf } from '../events.ts'
import { carriedGhost } from '../lun/events.ts'
import { pathCounts } from '../path/events.ts'
import { MULTIPATH_MODES } from '../words.ts'

/** Where a segment's ledger goes on from: the file before it, its format, how many events it had, and its last hash. */
const previousSegment = z.strictObject({
  file: word,
  format: whole,
  events: whole,
  hash: word,
})

export const ENGINE_EVENTS = [
  // Position 1 of every ledger, inside the chain.
  eventType(
    300,
    'ledger.header',
    {},
    z.strictObject({
      format: whole,
      machines: z.record(z.string(), word),
      xstate: word,
      engine: word,
      flags: z.array(word),
      previous: previousSegment.optional(),
    }),
  ),
  eventType(
    301,
    'engine.started',
    { gate: true },
    z.strictObject({
      version: word,
      multipath: z.enum(MULTIPATH_MODES),
      /** The run before this one did not close: what it left is taken up by this start. */
      unclean: z.boolean(),
      pid: whole,
    }),
  ),
  eventType(302, 'engine.stopped', { gate: true }, z.strictObject({ why: word })),
  eventType(
    303,
    'engine.pathRefused',
    {},
    z.strictObject({ wwid: z.string().max(512), hctl: word, device: word, code: word, why: word }),
  ),
  eventType(304, 'engine.ledgerDegraded', {}, z.strictObject({ why: word })),
  eventType(
    305,
    'engine.ledgerRecovered',
    {},
    z.strictObject({ sinceUs: whole, waited: whole, dropped: whole }),
  ),
  eventType(306, 'engine.broke', { gate: true }, z.strictObject({ code: word, detail: word })),
  // An adapter has no stream of its own: that its counters were set is kept here.
  eventType(
    310,
    'engine.adapterCountersSet',
    {},
    z.strictObject({ host: word, was: pathCounts, now: pathCounts }),
  ),
  // The last event of a segment: what comes next is in another file.
  eventType(325, 'ledger.segmentClosed', { gate: true }, z.strictObject({ next: word })),
  // The first events of a segment behind its header: where every stream stood, so that the file can be read by itself.
  eventType(
    326,
    'ledger.stateCarried',
    {},
    z.strictObject({
      streams: z.record(
        z.string(),
        z.strictObject({
          version: whole,
          value: z.union([z.string(), z.record(z.string(), z.string())]),
          context: z.record(z.string(), z.unknown()),
        }),
      ),
      /** Ghosts that are open, by the stream of their LUN: what may land does not end with a file. */
      ghosts: z.record(z.string(), z.array(carriedGhost)).optional(),
    }),
  ),
  // This ledger is what could be proved of another one, which was damaged.
  eventType(
    327,
    'ledger.repaired',
    { gate: true },
    z.strictObject({
      source: word,
      firstBad: whole,
      why: z.string().max(4096),
      kept: whole,
      claimed: whole.nullable(),
      dropped: whole,
    }),
  ),
  // The engine went on without its record: gates that nobody waited for any more.
  eventType(328, 'engine.proceededWithoutRecord', {}, z.strictObject({ gates: whole, why: word })),
] as const

export type EngineEvent = MachineEventOf<typeof ENGINE_EVENTS>
