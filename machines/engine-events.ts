// What happens to the engine itself and to its ledger. Numbers 300 to 399.
import { z } from 'zod'
import { eventType, whole, word, type MachineEventOf } from './events.ts'
import { pathCounts } from './path-events.ts'
import { MULTIPATH_MODES } from './words.ts'

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
] as const

export type EngineEvent = MachineEventOf<typeof ENGINE_EVENTS>
