// A logical unit: known or not yet, and how many of its errors were its own.
import { assign, setup } from 'xstate'
import type { LunEvent } from './lun-events.ts'

export interface LunContext {
  readonly wwid: string
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  readonly poisoned: number
  readonly flushErrors: number
  readonly ioErrors: number
  /** Attempts that may still change the medium; the list is in their events. */
  readonly ghosts: number
  readonly holdsExpired: number
}

const lun = setup({
  types: { context: {} as LunContext, events: {} as LunEvent },
  actions: {
    remember: assign(({ event }) => {
      if (event.type !== 'lun.found') return {}
      const { wwid, sizeBytes, logicalBlockBytes } = event
      return { wwid, sizeBytes, logicalBlockBytes }
    }),
    countPoisoned: assign(({ context }) => ({ poisoned: context.poisoned + 1 })),
    countFlushError: assign(({ context }) => ({ flushErrors: context.flushErrors + 1 })),
    countGhosts: assign(({ context, event }) =>
      event.type === 'lun.ghostsOpened' ? { ghosts: context.ghosts + event.ghosts.length } : {},
    ),
    uncountGhosts: assign(({ context, event }) =>
      event.type === 'lun.ghostsEnded' ? { ghosts: Math.max(0, context.ghosts - event.ids.length) } : {},
    ),
    countHold: assign(({ context }) => ({ holdsExpired: context.holdsExpired + 1 })),
    countIoError: assign(({ context }) => ({ ioErrors: context.ioErrors + 1 })),
  },
})

export const lunMachine = lun.createMachine({
  id: 'lun',
  version: '1',
  context: {
    wwid: '',
    sizeBytes: 0,
    logicalBlockBytes: 0,
    poisoned: 0,
    flushErrors: 0,
    ioErrors: 0,
    ghosts: 0,
    holdsExpired: 0,
  },
  initial: 'unknown',
  states: {
    unknown: { on: { 'lun.found': { target: 'known', actions: 'remember' } } },
    known: {
      on: {
        'lun.found': { actions: 'remember' },
        'lun.bioPoisoned': { actions: 'countPoisoned' },
        'lun.flushFailed': { actions: 'countFlushError' },
        'lun.ioFailed': { actions: 'countIoError' },
        'lun.ghostsOpened': { actions: 'countGhosts' },
        'lun.ghostsEnded': { actions: 'uncountGhosts' },
        'lun.holdExpired': { actions: 'countHold' },
      },
    },
  },
})
