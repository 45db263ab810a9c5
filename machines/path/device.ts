// The device region of a path: the states of a SCSI device, and every step between them that the kernel's
// scsi_device_set_state takes. The machine refuses the rest.
//
// A device that is not a path yet (`absent`) is created, perhaps blocked or offline already, and then added or thrown
// away. Every other step is one of a path that is there: nothing runs that was not added.

/** The kernel clears its caches only on block; parked I/O is woken when the path may take it, or never will. */
const toRunning = { target: 'running', actions: ['noteWhy', 'wakeRequeue'] } as const
const toBlocked = { target: 'blocked', actions: ['noteWhy', 'clearCurrentPath'] } as const
const toQuiesced = { target: 'quiesced', actions: 'noteWhy' } as const
const toOffline = { target: 'offline', actions: ['noteWhy', 'wakeRequeue'] } as const
const toTransportOffline = { target: 'transportOffline', actions: ['noteWhy', 'wakeRequeue'] } as const
const toCancelled = { target: 'cancelled', actions: 'noteWhy' } as const
const toDeleted = {
  target: 'deleted',
  actions: ['noteWhy', 'clearCurrentPath', 'leave', 'wakeRequeue', 'keepHealth'],
} as const
const toAdded = {
  guard: 'absent',
  target: 'running',
  actions: ['remember', 'searchCurrentPath', 'wakeRequeue'],
} as const

/** Of two devices that are offline, one a path and one not yet: what only the path may do. */
const ofAPath = <Step extends object>(step: Step) => ({ ...step, guard: 'present' }) as const

export const DEVICE_REGION = {
  initial: 'created',
  on: {
    'path.lost': [
      { guard: 'present', target: '.deleted', actions: ['lose', 'runTimers'] },
      // Lost once more: the engine that was to attach it again is gone as well.
      { guard: 'lost', actions: ['lose', 'runTimers'] },
    ],
    'path.returned': {
      guard: 'lost',
      target: '.running',
      actions: ['rejoin', 'searchCurrentPath', 'wakeRequeue', 'checkAgain'],
    },
    'path.forgotten': { guard: 'lost', actions: ['noteWhy', 'keepHealth', 'forget'] },
  },
  states: {
    created: {
      on: {
        'path.added': toAdded,
        'path.blocked': { target: 'createdBlocked', actions: 'noteWhy' },
        'path.wentOffline': toOffline,
        'path.transportWentOffline': toTransportOffline,
        'path.cancelled': toCancelled,
        'path.removed': toDeleted,
      },
    },
    createdBlocked: {
      on: {
        // The kernel's scan does so too: what cannot run yet is added blocked.
        'path.added': { guard: 'absent', target: 'blocked', actions: ['remember', 'wakeRequeue'] },
        'path.unblocked': { target: 'created', actions: 'noteWhy' },
        'path.removed': toDeleted,
      },
    },
    running: {
      on: {
        'path.blocked': toBlocked,
        'path.quiesced': toQuiesced,
        'path.wentOffline': toOffline,
        'path.transportWentOffline': toTransportOffline,
        'path.cancelled': toCancelled,
        'path.removed': toDeleted,
      },
    },
    blocked: {
      on: {
        'path.unblocked': toRunning,
        'path.wentOffline': toOffline,
        'path.transportWentOffline': toTransportOffline,
        'path.removed': toDeleted,
      },
    },
    quiesced: {
      on: {
        'path.resumed': toRunning,
        'path.blocked': toBlocked,
        'path.wentOffline': toOffline,
        'path.transportWentOffline': toTransportOffline,
        'path.cancelled': toCancelled,
        // Removal cancels first, as the kernel's does, and that is a step from here.
        'path.removed': toDeleted,
      },
    },
    offline: {
      on: {
        'path.added': toAdded,
        'path.cameOnline': ofAPath(toRunning),
        'path.blocked': ofAPath(toBlocked),
        'path.quiesced': ofAPath(toQuiesced),
        'path.cancelled': toCancelled,
        'path.removed': toDeleted,
      },
    },
    transportOffline: {
      on: {
        'path.added': toAdded,
        'path.cameOnline': ofAPath(toRunning),
        'path.quiesced': ofAPath(toQuiesced),
        'path.cancelled': toCancelled,
        'path.removed': toDeleted,
      },
    },
    cancelled: { on: { 'path.added': toAdded, 'path.removed': toDeleted } },
    deleted: {
      on: {
        // A device that is cancelled or deleted never comes back; what is found or added in its place is another one.
        'path.found': { guard: 'absent', target: 'created', actions: 'noteWhy' },
        'path.added': toAdded,
      },
    },
  },
} as const
