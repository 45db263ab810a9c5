// A logical unit: known or not yet, how many of its errors were its own, and its target port groups (lun-groups.ts).
import { assign, enqueueActions, setup } from 'xstate'
import { effect, timerEffect } from '../effects.ts'
import type { LunEvent } from './events.ts'
import { advance, isArmed, NO_GROUPS, type LunGroups } from './groups.ts'

export interface LunContext extends LunGroups {
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
  guards: {
    isArmed: ({ context, event }) => isArmed(context, event),
    waits: ({ context }) => (context.wait ?? null) !== null,
    waitsNot: ({ context }) => (context.wait ?? null) === null,
  },
  actions: {
    // Effects: named here, performed by the engine.
    startTimer: timerEffect,
    cancelTimer: timerEffect,
    reportGroups: effect,
    spreadGroups: effect,
    recountPaths: effect,
    /** What the event makes of the target port groups, and the effects of that, in their order. */
    advanceGroups: enqueueActions(({ context, event, enqueue }) => {
      const { next, effects } = advance(context, event)
      enqueue.assign({ ...next })
      for (const { type, timer = '', dueUs = 0 } of effects) {
        if (type === 'startTimer' || type === 'cancelTimer') enqueue({ type, params: { timer, dueUs } })
        if (type === 'reportGroups' || type === 'spreadGroups' || type === 'recountPaths') enqueue(type)
      }
    }),
    remember: assign(({ event }) => {
      if (event.type !== 'lun.found') return {}
      const { wwid, sizeBytes, logicalBlockBytes } = event
      return { wwid, sizeBytes, logicalBlockBytes }
    }),
    /** For the record: nothing is decided by it. */
    keep: assign({}),
    countPoisoned: assign(({ context }) => ({ poisoned: context.poisoned + 1 })),
    countFlushError: assign(({ context }) => ({ flushErrors: context.flushErrors + 1 })),
    countGhosts: assign(({ context, event }) =>
      event.type === 'lun.ghostsOpened' ? { ghosts: context.ghosts + event.ghosts.length } : {},
    ),
    uncountGhosts: assign(({ context, event }) =>
      event.type === 'lun.ghostsEnded' || event.type === 'lun.ghostsSuperseded'
        ? { ghosts: Math.max(0, context.ghosts - event.ids.length) }
        : {},
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
    ...NO_GROUPS,
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
        'lun.ghostsSuperseded': { actions: 'uncountGhosts' },
        'lun.holdExpired': { actions: 'countHold' },
        'lun.pathGrouped': { actions: 'advanceGroups' },
        'lun.pathUngrouped': { actions: 'advanceGroups' },
        'lun.groupsReported': { actions: 'advanceGroups' },
        'lun.reportFailed': { actions: 'advanceGroups' },
        'lun.senseReceived': { actions: 'advanceGroups' },
        'lun.groupsForgotten': { actions: 'advanceGroups' },
        'lun.waitBegan': { guard: 'waitsNot', actions: 'advanceGroups' },
        'lun.waitEnded': { guard: 'waits', actions: 'advanceGroups' },
        'lun.writesLeft': { actions: 'keep' },
        'lun.flushFellShort': { actions: 'keep' },
        'lun.writesCovered': { actions: 'keep' },
        'lun.timerFired': { guard: 'isArmed', actions: 'advanceGroups' },
      },
    },
  },
})
