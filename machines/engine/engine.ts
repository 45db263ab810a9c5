// The engine as the ledger sees it: one run after another, each ended by a stop, a broken invariant or the next start.
import { assign, setup } from 'xstate'
import type { EngineEvent } from './events.ts'

export interface EngineContext {
  readonly runs: number
  readonly uncleanStarts: number
  readonly refusedPaths: number
  readonly ledgerGaps: number
  /** Why the last run ended. */
  readonly why: string
}

const engine = setup({
  types: { context: {} as EngineContext, events: {} as EngineEvent },
  actions: {
    /** The header is kept for its facts and changes nothing. */
    keep: assign({}),
    countStart: assign(({ context, event }) => ({
      runs: context.runs + 1,
      uncleanStarts: context.uncleanStarts + (event.type === 'engine.started' && event.unclean ? 1 : 0),
      why: '',
    })),
    countRefusal: assign(({ context }) => ({ refusedPaths: context.refusedPaths + 1 })),
    countGap: assign(({ context }) => ({ ledgerGaps: context.ledgerGaps + 1 })),
    noteWhy: assign(({ event }) => ('why' in event ? { why: event.why } : {})),
    noteBreak: assign(({ event }) =>
      event.type === 'engine.broke' ? { why: `${event.code}: ${event.detail}` } : {},
    ),
  },
})

export const engineMachine = engine.createMachine({
  id: 'engine',
  version: '1',
  context: { runs: 0, uncleanStarts: 0, refusedPaths: 0, ledgerGaps: 0, why: '' },
  initial: 'stopped',
  on: {
    'ledger.header': { actions: 'keep' },
    'ledger.segmentClosed': { actions: 'keep' },
    'ledger.stateCarried': { actions: 'keep' },
    'ledger.repaired': { actions: 'keep' },
    'engine.proceededWithoutRecord': { actions: 'keep' },
  },
  states: {
    stopped: { on: { 'engine.started': { target: 'running', actions: 'countStart' } } },
    running: {
      on: {
        // The run before ended without a word: this start says so.
        'engine.started': { actions: 'countStart' },
        'engine.stopped': { target: 'stopped', actions: 'noteWhy' },
        'engine.pathRefused': { actions: 'countRefusal' },
        'engine.adapterCountersSet': { actions: 'keep' },
        'engine.ledgerDegraded': { target: 'degraded', actions: 'noteWhy' },
        'engine.broke': { target: 'broken', actions: 'noteBreak' },
      },
    },
    degraded: {
      on: {
        'engine.started': { target: 'running', actions: 'countStart' },
        'engine.ledgerRecovered': { target: 'running', actions: 'countGap' },
        'engine.stopped': { target: 'stopped', actions: 'noteWhy' },
        'engine.pathRefused': { actions: 'countRefusal' },
        'engine.adapterCountersSet': { actions: 'keep' },
        'engine.broke': { target: 'broken', actions: 'noteBreak' },
      },
    },
    broken: {
      on: {
        'engine.started': { target: 'running', actions: 'countStart' },
        'engine.stopped': { target: 'stopped', actions: 'noteWhy' },
      },
    },
  },
})
