// Two regions of a path: what real I/O and the checker say of it, and what its operator wants.
import type { PathContext } from './context.ts'

/** Arms the probe timer: in the context, so that the deadline is on the ledger, and as an effect. */
const armProbe = [
  'armProbe',
  {
    type: 'startTimer',
    params: ({ context }: { context: PathContext }) => ({
      timer: 'probe',
      dueUs: context.timers['probe'] ?? 0,
    }),
  },
] as const
const cancelProbe = [
  {
    type: 'cancelTimer',
    params: ({ context }: { context: PathContext }) => ({
      timer: 'probe',
      dueUs: context.timers['probe'] ?? 0,
    }),
  },
  'disarmProbe',
] as const

const toFailed = {
  guard: 'present',
  target: 'failed',
  actions: ['keepHealth', 'noteFailure', ...armProbe, 'clearCurrentPath', 'wakeRequeue'],
} as const

const toReturned = ['keepHealth', 'forgetFailure', 'searchCurrentPath', 'wakeRequeue'] as const
const toMarginal = ['noteWhy', 'keepHealth', 'clearCurrentPath', 'sample'] as const
const toSteady = ['noteWhy', 'keepHealth', 'searchCurrentPath'] as const

/** Health: online, marginal, failed, probing. */
export const HEALTH_REGION = {
  initial: 'online',
  on: {
    'path.added': { guard: 'absent', target: '.online' },
  },
  states: {
    online: {
      on: {
        'path.suspected': { guard: 'present', actions: ['suspect', 'probe'] },
        'path.cleared': { guard: 'suspected', actions: 'unsuspect' },
        'path.failed': toFailed,
        'path.becameMarginal': { guard: 'present', target: 'marginal', actions: toMarginal },
        'path.returned': { guard: 'suspected', actions: 'probe' },
      },
    },
    marginal: {
      on: {
        'path.suspected': { guard: 'present', actions: ['suspect', 'probe'] },
        'path.cleared': { guard: 'suspected', actions: 'unsuspect' },
        'path.failed': toFailed,
        'path.becameSteady': { target: 'online', actions: toSteady },
        'path.sampled': [
          { guard: 'sampledClean', target: 'online', actions: toSteady },
          { guard: 'isSampling', actions: 'keepHealth' },
        ],
        'path.returned': { guard: 'lost', actions: 'sampleAgain' },
        'path.removed': 'online',
        'path.forgotten': { guard: 'lost', target: 'online' },
      },
    },
    failed: {
      on: {
        'path.timerFired': {
          guard: 'isProbeTimer',
          target: 'probing',
          actions: ['disarmProbe', 'probe'],
        },
        'path.triedAtOnce': {
          guard: 'presentAndUnfenced',
          target: 'probing',
          actions: [...cancelProbe, 'hurryUp', 'probe'],
        },
        'path.fenced': { guard: 'unfenced', actions: [...cancelProbe, 'noteFence'] },
        'path.removed': [
          { guard: 'presentAndFenced', target: 'online' },
          { guard: 'present', target: 'online', actions: [...cancelProbe] },
        ],
        'path.forgotten': [
          { guard: 'lostAndFenced', target: 'online' },
          { guard: 'lost', target: 'online', actions: [...cancelProbe] },
        ],
      },
    },
    probing: {
      on: {
        'path.probeSucceeded': [
          { guard: 'comesBackMarginal', target: 'marginal', actions: [...toReturned, 'sample'] },
          { target: 'online', actions: toReturned },
        ],
        'path.fenced': { target: 'failed', actions: 'noteFence' },
        'path.probeFailed': { target: 'failed', actions: ['slowDown', ...armProbe] },
        'path.returned': { guard: 'lost', actions: 'probe' },
        'path.removed': { guard: 'present', target: 'online' },
        'path.forgotten': { guard: 'lost', target: 'online' },
      },
    },
  },
} as const

/** The operator's word. Nothing automatic changes it; an override is a flag beside it, and an event. */
export const ADMIN_REGION = {
  initial: 'enabled',
  states: {
    enabled: {
      on: {
        'path.disabled': { target: 'disabled', actions: ['noteWhy', 'clearCurrentPath', 'wakeRequeue'] },
      },
    },
    disabled: {
      on: {
        'path.enabled': {
          target: 'enabled',
          actions: ['noteWhy', 'keepHealth', 'searchCurrentPath', 'wakeRequeue'],
        },
        'path.overridden': {
          guard: 'mayOverride',
          actions: ['keepHealth', 'searchCurrentPath', 'wakeRequeue'],
        },
        'path.overrideEnded': {
          guard: 'overridden',
          actions: ['keepHealth', 'clearCurrentPath', 'wakeRequeue'],
        },
        'path.disabled': {
          guard: 'overridden',
          actions: ['noteWhy', 'keepHealth', 'clearCurrentPath', 'wakeRequeue'],
        },
      },
    },
  },
} as const
