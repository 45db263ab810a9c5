// The groups of docs/settings.md, in the order in which a reader needs them. A test holds that each setting is in one of them.

/** A group of settings: what it is about, and the names it holds. */
export interface SettingsGroup {
  readonly title: string
  readonly about: string
  readonly names: readonly string[]
}

export const SETTINGS_GROUPS: readonly SettingsGroup[] = [
  {
    title: 'Heads and the choice of a path',
    about:
      'Which devices get a head, which path an I/O takes, and when I/O goes back to a path that has healed.',
    names: [
      ...['multipath', 'iopolicy', 'quantum', 'failback', 'restoreOnError', 'numaNodes', 'firstDiskIndex'],
    ],
  },
  {
    title: 'When no path is left',
    about: 'How long I/O waits, and how long heads and paths that are gone are kept.',
    names: [
      'noPathRetry',
      'noPathCheckMs',
      'loss',
      'delayedRemovalMs',
      'reattachMs',
      'accessWaitMs',
      'requeueBytesMax',
    ],
  },
  {
    title: 'Is a path well?',
    about:
      'Checks of paths, verdicts on errors, and paths that work badly. [Path health](health.md) explains them.',
    names: [
      ...['checker', 'marginal', 'probeTimeoutMs', 'failThreshold', 'failWindowMs', 'errorRowsPerMinute'],
    ],
  },
  {
    title: 'One I/O: tries, times, ghosts',
    about: 'How often and how long an I/O is tried, and the limits for writes that may still land.',
    names: [
      ...[
        'attemptTimeoutMs',
        'silentMs',
        'attemptsMax',
        'resourceRetryMs',
        'resourceRetriesMax',
        'closeGraceMs',
        'flushWaitMs',
      ],
      ...['ghostHoldMaxMs', 'ghostQuiesceMs', 'fenceTimeoutMs'],
    ],
  },
  {
    title: 'Memory and queues',
    about: 'The bounds on bytes in flight, lent and waiting.',
    names: [
      ...['poolBytes', 'bioBytesMax', 'lentBytesMax', 'inFlightBytesMax', 'heldBytesMax', 'waitMaxMs'],
      ...['waitersMax', 'waitersBytesMax'],
    ],
  },
  {
    title: 'Devices, targets, reservations',
    about: 'How devices are found and targets are asked.',
    names: [
      ...[
        'discoveryPollMs',
        'ueventPollMs',
        'groupPoll',
        'commandTimeoutMs',
        'reportsInFlightMax',
        'lunStallMs',
        'reservationWaitMs',
      ],
    ],
  },
  {
    title: 'The ledger and tracing',
    about: 'What is recorded of ordinary I/O, and what happens while the ledger cannot be written.',
    names: [
      ...['sampleMs', 'ioTrace', 'ioTraceEvery', 'ioTracePerSecond'],
      ...['ledgerStallMs', 'ledgerStall', 'ledgerPendingMax'],
    ],
  },
]

/** The group of settings that none of the above names: none may be there (test/docs/pages.test.ts). */
export function ungrouped(names: readonly string[]): string[] {
  const known = SETTINGS_GROUPS.flatMap((group) => group.names)
  return names.filter((name) => !known.includes(name))
}
