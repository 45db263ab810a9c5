// The life of one path, on one screen: four regions side by side, each in the kernel's own words.
//
//   device   created running blocked createdBlocked quiesced offline transportOffline cancelled deleted    device.ts
//   access   optimal active standby unavailable lbaDependent offline transitioning                         below
//   health   online marginal failed probing                                                                health-region.ts
//   admin    enabled disabled                                                                              health-region.ts
//
// What a transition does is in actions.ts; what it asks of the world is an effect.
import { NO_PATH } from './context.ts'
import { DEVICE_REGION } from './device.ts'
import { HEALTH_EVENTS_OF_THE_PATH } from './health-moves.ts'
import { ADMIN_REGION, HEALTH_REGION } from './health-region.ts'
import { path } from './actions.ts'

export type { PathContext } from './context.ts'

const usableNow = { actions: ['noteWhy', 'notePreferred', 'searchCurrentPath', 'wakeRequeue'] } as const
const changed = { actions: ['noteWhy', 'notePreferred', 'wakeRequeue'] } as const
const unusableNow = { actions: ['noteWhy', 'notePreferred', 'forgetCached', 'wakeRequeue'] } as const

/** D-63: to optimal runs the search for every node. No change clears a cache (before `outages`, one to unusable did). */
const ACCESS_TRANSITIONS = [
  { access: 'optimal', target: '.optimal', ...usableNow },
  { access: 'active', target: '.active', ...changed },
  { access: 'standby', target: '.standby', ...unusableNow },
  { access: 'unavailable', target: '.unavailable', ...unusableNow },
  { access: 'lbaDependent', target: '.lbaDependent', ...unusableNow },
  { access: 'offline', target: '.offline', ...unusableNow },
  { access: 'transitioning', target: '.transitioning', ...unusableNow },
] as const

const FIRST_ACCESS = ACCESS_TRANSITIONS.map(({ access, target }) => ({
  guard: { type: 'firstAccess' as const, params: { access } },
  target,
}))

export const pathMachine = path.createMachine({
  id: 'path',
  version: '1',
  type: 'parallel',
  context: NO_PATH,
  on: {
    'path.ioSampled': { actions: 'keep' },
    'path.episodeEnded': { actions: 'keep' },
    'path.transitionRefused': { actions: 'keep' },
    'path.countersSet': { actions: 'keep' },
    ...HEALTH_EVENTS_OF_THE_PATH,
  },
  states: {
    device: DEVICE_REGION,
    access: {
      initial: 'optimal',
      on: {
        'path.added': FIRST_ACCESS,
        'path.returned': FIRST_ACCESS,
        'path.accessChanged': ACCESS_TRANSITIONS.map(({ access, target, actions }) => ({
          guard: { type: 'accessIs' as const, params: { access } },
          target,
          actions,
        })),
      },
      states: {
        optimal: {},
        active: {},
        standby: {},
        unavailable: {},
        lbaDependent: {},
        offline: {},
        transitioning: {},
      },
    },
    health: HEALTH_REGION,
    admin: ADMIN_REGION,
  },
})
