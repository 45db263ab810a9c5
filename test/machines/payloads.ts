// Payloads that tests hand to the machines: plausible ones, and the whole list that a search for paths draws from.
import type { EventType } from '../../machines/events.ts'
import { ACCESS_STATES } from '../../machines/words.ts'
import type { Data, Happening } from './given.ts'

export const WWID = 'naa.600140505200a986f0043c9afa1fd077'
export const EVIDENCE = { errno: 'EIO', status: 'IOERR', op: 'write', offset: 4096, length: 512 }
export const GHOST = { id: 'ghost-1', op: 'write', offset: 4096, length: 512 }
export const WHY = { why: 'a test says so' }
export const CHECKER = { minUs: 1_000_000, maxUs: 8_000_000 }
export const CHECK_INTERVAL_US = 5_000_000
export const DELAY_US = 30_000_000

/** Rules of health with everything switched on. */
export function rules(other: Data = {}): Data {
  return {
    check: { minUs: 1_000_000, maxUs: 4_000_000 },
    marginal: {
      ...{ doubleFailureUs: 60_000_000, sampleUs: 10_000_000, errorsPerThousand: 20 },
      ...{ recheckUs: 5_000_000, recheckMaxUs: 40_000_000 },
    },
    loss: { loss: 30, delay: 2, fastFail: 10 },
    ...other,
  }
}

export function added(other: Data = {}): Data {
  return {
    ...{ wwid: WWID, hctl: '8:0:0:0', name: 'sda:0', index: 0, kind: 'loop', device: '/dev/loop0' },
    ...{ numaNode: 0, sizeBytes: 1_048_576, logicalBlockBytes: 512, errorsAreFinal: false, backend: 'fs' },
    ...{ access: 'optimal', preferred: false, checker: CHECKER, facts: { diskseq: 17 } },
    ...other,
  }
}

export function failed(other: Data = {}): Data {
  return {
    ...{ first: EVIDENCE, verdict: 'probe', detail: null, errors: 3, bios: 2, resent: 2 },
    ...{ firstUs: 900_000, lastUs: 990_000, samples: [EVIDENCE] },
    ...other,
  }
}

export function created(other: Data = {}): Data {
  return {
    ...{ wwid: WWID, name: 'sda', index: 0, iopolicy: 'numa', noPathRetry: 'fail' },
    ...{
      checkIntervalUs: CHECK_INTERVAL_US,
      delayedRemovalUs: 0,
      sizeBytes: 1_048_576,
      logicalBlockBytes: 512,
    },
    ...other,
  }
}

/** What the paths of a head come to: all of them, usable now, of those optimized, worth waiting for. */
export function paths(all: number, usable = all, optimized = usable, available = usable): Data {
  return { paths: all, usable, optimized, available }
}

/** A report of two groups: the first in this state, the second optimal. */
export function reported(access: string, other: Data = {}): Data {
  const group = { preferred: false, supported: 0xdf }
  const groups = [
    { ...group, group: 1, access },
    { ...group, group: 2, access: 'optimal' },
  ]
  return { via: '8:0:0:0', extended: true, transitionUs: 10_000_000, groups, ...other }
}

const KEY = '0x00000000000000a1'
const NO_KEY = '0x0000000000000000'
const NEXUS = { initiator: 'one', nexus: '8:0:0:0' }

/** What the LUN's storage says of its reservations. */
export function adopted(state: Data): Data {
  const none = { generation: 1, registrants: [], holder: null, type: null, aptpl: true, attentions: [] }
  return { initiator: 'one', epoch: 2, ...WHY, state: { ...none, ...state } }
}

/** A command of engine one on its path 8:0:0:0, with its key. */
export function commanded(action: string, other: Data): Data {
  const none = { key: KEY, serviceKey: NO_KEY, kind: null, aptpl: true, epoch: 3 }
  return { action, ...NEXUS, nexuses: ['8:0:0:0', '9:0:0:0'], ...none, ...other }
}

const counts = { reads: 1, writes: 2, flushes: 0, readBytes: 512, writeBytes: 1024 }
const found = { wwid: WWID, sizeBytes: 1_048_576, logicalBlockBytes: 512 }
const accessChanged = ACCESS_STATES.map((access) => ({ access, preferred: access === 'active', ...WHY }))

/** At least one payload of every event type: those that lead somewhere else than the first are all here. */
const SAMPLES: Readonly<Record<string, readonly Data[]>> = {
  'path.added': ACCESS_STATES.map((access) => added({ access })),
  'path.removed': [WHY],
  'path.blocked': [WHY],
  'path.unblocked': [WHY],
  'path.quiesced': [WHY],
  'path.resumed': [WHY],
  'path.wentOffline': [WHY],
  'path.transportWentOffline': [WHY],
  'path.cameOnline': [WHY],
  'path.cancelled': [WHY],
  'path.accessChanged': accessChanged,
  'path.suspected': [EVIDENCE],
  'path.cleared': [{ errors: 1, bios: 1, resent: 1 }],
  'path.failed': [failed()],
  'path.timerFired': [{ timer: 'probe', dueUs: 1 }],
  'path.probeFailed': [{ errno: 'EIO', detail: null }],
  'path.probeSucceeded': [{ reads: 3 }],
  'path.disabled': [WHY],
  'path.enabled': [WHY],
  'path.ioSampled': [{ sinceUs: 0, ...counts, errors: 0, resent: 0 }],
  'path.episodeEnded': [{ errors: 3, bios: 2, resent: 2, firstUs: 1, lastUs: 2 }],
  'path.becameMarginal': [WHY],
  'path.becameSteady': [WHY],
  'path.found': [WHY],
  'path.transitionRefused': [{ asked: 'path.unblocked', ...WHY }],
  'path.countersSet': [{ was: { errors: 3 }, now: { errors: 0 } }],
  'path.fenced': [{ detail: 'its server was killed' }],
  'path.rulesSet': [rules()],
  'path.checkPassed': [{ reads: 3 }],
  'path.checkFailed': [EVIDENCE],
  'path.sampled': [
    { reads: 100, errors: 0, slow: 0 },
    { reads: 100, errors: 5, slow: 0 },
  ],
  'path.heldBack': [{ forUs: 5_000_000, ...WHY }],
  'path.failedBack': [WHY],
  'path.overridden': [WHY],
  'path.overrideEnded': [WHY],
  'path.goingAway': [WHY],
  'path.triedAtOnce': [WHY],
  'path.placeUnreadable': [EVIDENCE],
  'path.silent': [{ ...WHY, forUs: 1_000_000, inFlight: 3 }],
  'path.answersAgain': [{}],
  'path.busy': [EVIDENCE],
  'path.busyEnded': [{ times: 3, sinceUs: 1 }],
  'path.lateError': [EVIDENCE],
  'path.capacityChanged': [{ fromBytes: 1_048_576, toBytes: 2_097_152 }],
  'path.lost': [{ ...WHY, timers: {} }],
  'path.returned': ACCESS_STATES.map((access) => ({ ...added({ access }), changed: [] })),
  'path.forgotten': [WHY],
  'head.created': (['fail', 'queue', 2] as const).flatMap((noPathRetry) =>
    [0, DELAY_US].map((delayedRemovalUs) => created({ noPathRetry, delayedRemovalUs })),
  ),
  'head.published': [{}],
  'head.pathsChanged': [paths(0), paths(1), paths(2), paths(2, 1), paths(2, 0), paths(2, 0, 0, 1)],
  'head.iopolicyChanged': [{ to: 'numa' }, { to: 'round-robin' }],
  'head.noPathRetryChanged': [{ to: 'fail' }, { to: 'queue' }, { to: 2 }],
  'head.delayedRemovalChanged': [{ us: 0 }, { us: DELAY_US }],
  'head.timerFired': [
    { timer: 'removal', dueUs: 1 },
    { timer: 'noPath', dueUs: 1 },
  ],
  'head.closed': [WHY],
  'head.recovered': [0, 1].map((lost) => ({ ...WHY, lost, reattachUs: DELAY_US, timers: {} })),
  'head.lostPathsChanged': [
    { ...paths(0), lost: 0 },
    { ...paths(1), lost: 0 },
    { ...paths(1), lost: 1 },
    { ...paths(1, 0), lost: 0 },
    { ...paths(1, 0, 0, 1), lost: 0 },
  ],
  'head.ioTraced': [
    {
      ...{ bio: 1, op: 'write', offset: 0, length: 512, node: 0, fua: false, startedUs: 900_000, tookUs: 90 },
      ...{ parkedUs: 0, status: 'OK', errno: null, dropped: 0 },
      attempts: [
        { path: '8:0:0:0', incarnation: 1, startedUs: 900_010, tookUs: 80, status: 'OK', errno: null },
      ],
    },
  ],
  'head.ioParked': [{ bio: 1, op: 'write', offset: 0, length: 512 }],
  'head.tracingChanged': [{ mode: 'sampled', every: 10, perSecond: 100 }],
  'head.resized': [{ fromBytes: 1_048_576, toBytes: 2_097_152 }],
  'head.shrinkRefused': [{ path: 'sda:0', fromBytes: 1_048_576, toBytes: 512 }],
  'head.drained': [{ bios: 3, bytes: 1536, ...WHY }],
  'head.ioSampled': [{ sinceUs: 0, ...counts, callerErrors: 0, requeued: 0, failedNoPath: 0, resent: 0 }],
  'head.countersSet': [{ was: { requeued: 3 }, now: { requeued: 0 } }],
  'head.failbackSet': [{ to: 'manual' }, { to: 5_000_000 }],
  'head.pathPreferred': [
    { path: '8:0:0:0', ...WHY },
    { path: null, ...WHY },
  ],
  'head.quantumSet': [{ unit: 'ios', size: 2 }],
  'head.lossChanged': [
    { to: 'allPathsDown', ...WHY },
    { to: 'permanent', ...WHY },
  ],
  'head.ueventAsked': [{ object: '/sys/devices/virtual/scsi_mpath_device/0', action: 'change' }],
  'lun.found': [found],
  'lun.bioPoisoned': [{ bio: 1, evidence: EVIDENCE, paths: ['sda:0', 'sda:1'] }],
  'lun.flushFailed': [{ path: 'sda:0', evidence: EVIDENCE }],
  'lun.writesLeft': [{ path: '8:0:0:0', acknowledged: 7, covered: 3, why: 'removed' }],
  'lun.writesCovered': [{ path: '8:0:0:0', acknowledged: 7, covered: 7 }],
  'lun.flushFellShort': [{ path: '8:0:0:0', acknowledged: 7, covered: 3, why: 'it is gone' }],
  'lun.ioFailed': [{ bio: 1, path: 'sda:0', evidence: EVIDENCE }],
  'lun.ghostsOpened': [{ path: 'sda:0', incarnation: 1, reason: 'timeout', ghosts: [GHOST] }],
  'lun.ghostsEnded': [{ ids: [GHOST.id], proof: 'laterIo', detail: null }],
  'lun.ghostsSuperseded': [{ ids: [GHOST.id], detail: 'the whole LUN is held instead' }],
  'lun.holdExpired': [{ bio: 2, offset: 4096, length: 512, ghost: GHOST.id }],
  'lun.pathGrouped': [
    { path: '8:0:0:0', group: 1, port: 1, tpgs: 1 },
    { path: '9:0:0:0', group: 2, port: null, tpgs: 3 },
  ],
  'lun.pathUngrouped': [{ path: '8:0:0:0' }, { path: '9:0:0:0' }],
  'lun.groupsReported': [reported('optimal'), reported('transitioning')],
  'lun.reportFailed': [{ via: ['8:0:0:0'], why: 'EIO' }],
  'lun.senseReceived': [
    { path: '8:0:0:0', key: 6, asc: 0x2a, ascq: 6 },
    { path: '8:0:0:0', key: 2, asc: 4, ascq: 0x0a },
  ],
  'lun.timerFired': [{ timer: 'poll', dueUs: 1 }],
  'lun.groupsForgotten': [WHY],
  'lun.waitBegan': [{ ...WHY, minUs: 1_000_000, maxUs: 10_000_000, forUs: 60_000_000 }],
  'lun.waitEnded': [WHY],
  'reservation.adopted': [
    adopted({}),
    adopted({ registrants: [{ ...NEXUS, key: KEY }], type: 'write-exclusive', holder: NEXUS }),
    adopted({ attentions: [{ ...NEXUS, asc: 0x2a, ascq: 5 }] }),
  ],
  'reservation.commanded': [
    commanded('register', { key: NO_KEY, serviceKey: KEY }),
    commanded('reserve', { kind: 'write-exclusive' }),
    commanded('reserve', { kind: 'exclusive-access-all-regs' }),
    commanded('release', { kind: 'write-exclusive' }),
    commanded('preempt', { serviceKey: KEY, kind: 'write-exclusive-reg-only' }),
    commanded('clear', {}),
  ],
  'reservation.pathRegistered': [{ initiator: 'one', nexus: '9:0:0:0', epoch: 3 }],
  'reservation.acknowledged': [{ epoch: 3 }],
  'reservation.settled': [{ action: 'preempt', epoch: 3, status: 'GOOD', why: 'every engine has it' }],
  'reservation.conflict': [{ bio: 1, op: 'write', offset: 0, length: 512 }],
  'reservation.attentionsHeard': [{ initiator: 'one', epoch: 3 }],
  'reservation.asked': [
    { action: 'registerPath', initiator: 'one', nexus: '9:0:0:0', key: NO_KEY, serviceKey: KEY, kind: null },
  ],
  'ledger.header': [{ format: 1, machines: { path: 'hash' }, xstate: '5.33.3', engine: '0.1.0', flags: [] }],
  'ledger.segmentClosed': [{ next: 'second.ledger' }],
  'ledger.stateCarried': [{ streams: { 'lun/a': { version: 3, value: 'known', context: { ghosts: 0 } } } }],
  'ledger.repaired': [{ source: 'a.ledger', firstBad: 9, why: 'garbled', kept: 8, claimed: 12, dropped: 4 }],
  'engine.proceededWithoutRecord': [{ gates: 2, why: 'the disk hangs' }],
  'engine.started': [false, true].map((unclean) => ({ version: '0.1.0', multipath: 'on', unclean, pid: 7 })),
  'engine.stopped': [WHY],
  'engine.pathRefused': [
    { wwid: WWID, hctl: '8:0:0:0', device: '/dev/loop0', code: 'PATH_DUPLICATE', why: 'again' },
  ],
  'engine.ledgerDegraded': [WHY],
  'engine.ledgerRecovered': [{ sinceUs: 1, waited: 2, dropped: 3 }],
  'engine.adapterCountersSet': [{ host: '8', was: { resent: 3 }, now: { resent: 0 } }],
  'engine.broke': [{ code: 'INVARIANT_BROKEN', detail: 'a bug' }],
}

/** Every sample of these event types. Throws for a type that has none. */
export function samplesOf(types: readonly EventType[]): Happening[] {
  return types.flatMap(({ type }) => {
    const samples = SAMPLES[type]
    if (samples === undefined) throw new Error(`${type} has no sample in test/machines/payloads.ts`)
    return samples.map((data): Happening => [type, data])
  })
}
