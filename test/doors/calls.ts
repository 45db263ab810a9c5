// Every function that the five doors export and every method of what they give, each with arguments that it takes. What is
// undefined in them may be left out; it stands there so that garbage is put in its place too.
import * as ledger from '../../doors/ledger.ts'
import * as scsi from '../../doors/scsi.ts'
import * as main from '../../index.ts'
import { ledgerFacts, systemPorts } from '../../engine/assemble.ts'
import type { World } from './world.ts'

/** What is called, with what. */
export interface Call {
  readonly with: (world: World) => readonly unknown[]
  readonly on: (world: World) => (...given: never[]) => unknown
}

export type Calls = Readonly<Record<string, Call>>

export const word = { actor: undefined, reason: undefined }
export const range = { fromPosition: undefined, toPosition: undefined }
const manner = { node: undefined, signal: undefined }
export const page = scsi.buildDeviceIdentification([
  scsi.designatorOf('naa.600140505200a986f0043c9afa1fd077'),
])
export const cdb = scsi.reserveInCdb(0, 64)
const path = { device: 'running', access: 'optimal', health: 'online', admin: 'enabled' }
export const sense = { key: 6, asc: 0x2a, ascq: 6, deferred: false }
export const nowhere = '/dev/null/nowhere'
const otel = { startSpan: () => ({ setAttribute: () => undefined, end: () => undefined }) }
export const sysfsTree = ({ reader }: World) => ledger.ledgerSysfs(reader, reader.head().events)

/** A function as it is exported. */
export function plain(
  call: (...given: never[]) => unknown,
  given: (world: World) => readonly unknown[],
): Call {
  return { on: () => call, with: given }
}

/** A method of something of the world. */
export function method<Of extends keyof World>(
  of: Of,
  on: (of: World[Of]) => (...given: never[]) => unknown,
  ...given: readonly unknown[]
): Call {
  return { on: (world) => on(world[of]), with: () => given }
}

const operator = (
  name:
    | 'fail'
    | 'prefer'
    | 'reinstate'
    | 'block'
    | 'unblock'
    | 'quiesce'
    | 'resume'
    | 'setOffline'
    | 'setTransportOffline'
    | 'setOnline'
    | 'cancel'
    | 'remove'
    | 'resetCounters',
): [string, Call] => [`Path.${name}`, method('path', (of) => of[name].bind(of), word)]

export const MAIN: Calls = {
  'Multipath.open': plain(main.Multipath.open.bind(main.Multipath), () => [
    {
      ...{ ledger: main.memoryStore(ledgerFacts(systemPorts())), lunFolder: undefined, initiator: undefined },
      ...{ controlSocket: undefined, logger: undefined, numaDistance: undefined, ports: undefined },
      ...{ multipath: 'always', iopolicy: 'numa', checker: {}, reattachMs: 1 },
    },
  ]),
  'Multipath.addPath': {
    on: ({ mp }) => mp.addPath.bind(mp),
    with: (world) => [world.device(), { access: 'optimal', preferred: undefined, blocked: undefined }],
  },
  'Multipath.watch': method(
    'mp',
    (mp) => mp.watch.bind(mp),
    { list: () => [], covers: () => false, open: async () => null },
    { uevents: undefined, pollMs: undefined },
  ),
  'Multipath.head': method('mp', (mp) => mp.head.bind(mp), 'sda'),
  'Multipath.path': method('mp', (mp) => mp.path.bind(mp), 'sda:0'),
  'Multipath.adapter': method('mp', (mp) => mp.adapter.bind(mp), '8'),
  'Multipath.releaseGhosts': method('mp', (mp) => mp.releaseGhosts.bind(mp), {
    reason: 'it is over',
    ids: undefined,
    actor: undefined,
  }),
  'Multipath.subscribe': method(
    'mp',
    (mp) => mp.subscribe.bind(mp),
    () => undefined,
  ),
  'Multipath.close': method('mp', (mp) => mp.close.bind(mp)),
  'Head.rescan': method('head', (head) => head.rescan.bind(head)),
  'Head.setCounters': method('head', (head) => head.setCounters.bind(head), { requeued: 0 }, word),
  'Head.resetCounters': method('head', (head) => head.resetCounters.bind(head), word),
  'Head.read': method('head', (head) => head.read.bind(head), {
    offset: 0,
    length: 512,
    into: undefined,
    ...manner,
  }),
  'Head.write': method('head', (head) => head.write.bind(head), {
    offset: 0,
    data: new Uint8Array(512),
    buffer: undefined,
    ghostSafe: undefined,
    fua: undefined,
    ...manner,
  }),
  'Head.submit': method('head', (head) => head.submit.bind(head), [
    {
      op: 'write',
      offset: 0,
      length: 512,
      data: new Uint8Array(512),
      buffer: undefined,
      ghostSafe: undefined,
      ...manner,
      fua: undefined,
      done: () => undefined,
    },
  ]),
  'Head.room': method('head', (head) => head.room.bind(head), 512),
  'Head.alloc': method('head', (head) => head.alloc.bind(head), 512),
  'Head.flush': method('head', (head) => head.flush.bind(head), { node: undefined }),
  'Head.discard': method('head', (head) => head.discard.bind(head), { offset: 0, length: 512, ...manner }),
  'Head.writeZeroes': method('head', (head) => head.writeZeroes.bind(head), {
    offset: 0,
    length: 512,
    ...manner,
  }),
  'Head.ioctl': method('head', (head) => head.ioctl.bind(head), {
    command: 'BLKGETSIZE64',
    argument: undefined,
    node: undefined,
    rawIo: undefined,
  }),
  'Head.sendCommand': method('head', (head) => head.sendCommand.bind(head), {
    cdb: new Uint8Array(6),
    dataOut: undefined,
    node: undefined,
  }),
  'Head.getGeometry': method('head', (head) => head.getGeometry.bind(head), { node: undefined }),
  'Head.getUniqueId': method('head', (head) => head.getUniqueId.bind(head), 'naa', { node: undefined }),
  'Head.partition': method('head', (head) => head.partition.bind(head), {
    start: 0,
    length: 512,
    number: undefined,
  }),
  'Head.drain': method('head', (head) => head.drain.bind(head), word),
  'Head.setIoPolicy': method('head', (head) => head.setIoPolicy.bind(head), 'round-robin', word),
  'Head.setNoPathRetry': method('head', (head) => head.setNoPathRetry.bind(head), 'queue'),
  'Head.setTracing': method(
    'head',
    (head) => head.setTracing.bind(head),
    { mode: 'full', every: undefined, perSecond: undefined },
    word,
  ),
  'Head.setDelayedRemoval': method('head', (head) => head.setDelayedRemoval.bind(head), 5, word),
  'Head.prefer': method('head', (head) => head.prefer.bind(head), 'sda:0', word),
  'Head.setFailback': method('head', (head) => head.setFailback.bind(head), 'manual', word),
  'Head.setQuantum': method('head', (head) => head.setQuantum.bind(head), { unit: 'ios', size: 4 }, word),
  'LentBuffer.release': {
    on: ({ head }) => {
      const buffer = head.alloc(512)
      return buffer.release.bind(buffer)
    },
    with: () => [],
  },
  'Reservations.register': method(
    'head',
    ({ reservations }) => reservations.register.bind(reservations),
    '0x1',
    { oldKey: undefined, ignore: undefined, aptpl: undefined, ...word },
  ),
  'Reservations.unregister': method(
    'head',
    ({ reservations }) => reservations.unregister.bind(reservations),
    '0x1',
    word,
  ),
  'Reservations.reserve': method(
    'head',
    ({ reservations }) => reservations.reserve.bind(reservations),
    '0x1',
    'write-exclusive',
    word,
  ),
  'Reservations.release': method(
    'head',
    ({ reservations }) => reservations.release.bind(reservations),
    '0x1',
    'write-exclusive',
    word,
  ),
  'Reservations.preempt': method(
    'head',
    ({ reservations }) => reservations.preempt.bind(reservations),
    '0x1',
    '0x2',
    'write-exclusive',
    { abort: undefined, ...word },
  ),
  'Reservations.clear': method(
    'head',
    ({ reservations }) => reservations.clear.bind(reservations),
    '0x1',
    word,
  ),
  'Reservations.readKeys': method('head', ({ reservations }) => reservations.readKeys.bind(reservations)),
  'Reservations.readReservation': method('head', ({ reservations }) =>
    reservations.readReservation.bind(reservations),
  ),
  'Reservations.readFullStatus': method('head', ({ reservations }) =>
    reservations.readFullStatus.bind(reservations),
  ),
  'Reservations.reportCapabilities': method('head', ({ reservations }) =>
    reservations.reportCapabilities.bind(reservations),
  ),
  'Reservations.execute': method(
    'head',
    ({ reservations }) => reservations.execute.bind(reservations),
    cdb,
    null,
    word,
  ),
  'Path.setCounters': method('path', (of) => of.setCounters.bind(of), { reads: 0 }, word),
  'Path.setAccessState': method('path', (of) => of.setAccessState.bind(of), 'standby', {
    preferred: undefined,
    why: undefined,
  }),
  'Path.reportSense': method('path', (of) => of.reportSense.bind(of), scsi.buildFixedSense(sense)),
  ...Object.fromEntries(
    (
      [
        'fail',
        'prefer',
        'reinstate',
        'block',
        'unblock',
        'quiesce',
        'resume',
        'setOffline',
        'setTransportOffline',
        'setOnline',
        'cancel',
        'remove',
        'resetCounters',
      ] as const
    ).map(operator),
  ),
  'Partition.read': method('partition', (of) => of.read.bind(of), {
    offset: 0,
    length: 512,
    into: undefined,
    ...manner,
  }),
  'Partition.write': method('partition', (of) => of.write.bind(of), {
    offset: 0,
    data: new Uint8Array(512),
    buffer: undefined,
    ...manner,
  }),
  'Partition.flush': method('partition', (of) => of.flush.bind(of), { node: undefined }),
  'Partition.discard': method('partition', (of) => of.discard.bind(of), {
    offset: 0,
    length: 512,
    ...manner,
  }),
  'Partition.writeZeroes': method('partition', (of) => of.writeZeroes.bind(of), {
    offset: 0,
    length: 512,
    ...manner,
  }),
  'Partition.ioctl': method('partition', (of) => of.ioctl.bind(of), {
    command: 'BLKGETSIZE64',
    argument: undefined,
    node: undefined,
    rawIo: true,
  }),
  'Partition.getGeometry': method('partition', (of) => of.getGeometry.bind(of), { node: undefined }),
  'Adapter.setCounters': {
    on: ({ mp }) => {
      const of = mp.adapter('8')
      return of.setCounters.bind(of)
    },
    with: () => [{ reads: 0 }, word],
  },
  'Adapter.resetCounters': {
    on: ({ mp }) => {
      const of = mp.adapter('8')
      return of.resetCounters.bind(of)
    },
    with: () => [word],
  },
  'SysfsView.tree': method('mp', ({ sysfs }) => sysfs.tree.bind(sysfs)),
  'SysfsView.get': method(
    'mp',
    ({ sysfs }) => sysfs.get.bind(sysfs),
    '/sys/module/scsi_mod/parameters/multipath',
  ),
  'SysfsView.set': method(
    'mp',
    ({ sysfs }) => sysfs.set.bind(sysfs),
    '/sys/class/scsi_mpath_device/0/iopolicy',
    'numa\n',
    word,
  ),
  openTelemetry: plain(main.openTelemetry, () => [otel]),
  askEngine: plain(main.askEngine, () => [nowhere, { verb: 'show' }, main.systemClock]),
  materialiseSysfs: plain(main.materialiseSysfs, (world) => [sysfsTree(world), world.files.fresh()]),
  alignedBytes: plain(main.alignedBytes, () => [512]),
  virtualLun: plain(main.virtualLun, () => [
    {
      wwid: 'naa.600140505200a986f0043c9afa1fd077',
      implicitAlua: undefined,
      tpgs: undefined,
      designators: undefined,
      groups: [{ id: 1, paths: ['8:0:0:0'] }],
      extendedHeader: undefined,
      transitionSeconds: undefined,
      descriptorSense: undefined,
    },
  ]),
  attachLoop: plain(main.attachLoop, () => [{ image: nowhere, wwid: 'naa.6001' }, {}]),
  detachLoop: plain(main.detachLoop, () => [nowhere, {}]),
  listLoops: plain(main.listLoops, () => [nowhere]),
  loopPath: plain(main.loopPath, ({ lun }) => [
    nowhere,
    { lun, hctl: '8:0:0:0', numaNode: undefined, clock: undefined, readOnly: undefined, backend: undefined },
  ]),
  loopSource: plain(main.loopSource, () => [{ match: () => null, sysRoot: undefined, open: undefined }]),
  kernelUevents: plain(main.kernelUevents, () => [undefined]),
  filePath: plain(main.filePath, ({ files, lun }) => [
    files.image,
    {
      lun,
      hctl: '8:0:0:0',
      numaNode: undefined,
      logicalBlockBytes: undefined,
      readOnly: undefined,
      backend: undefined,
      isolate: undefined,
      clock: undefined,
      turns: undefined,
    },
  ]),
  memoryLun: plain(main.memoryLun, () => [
    {
      wwid: 'naa.6001',
      sizeBytes: 4096,
      logicalBlockBytes: undefined,
      implicitAlua: undefined,
      scsi: undefined,
    },
  ]),
  memoryPath: plain(main.memoryPath, ({ lun }) => [
    lun,
    {
      hctl: '8:0:0:0',
      clock: main.systemClock,
      latencyUs: undefined,
      numaNode: undefined,
      readOnly: undefined,
      errorsAreFinal: undefined,
      ioctl: undefined,
      limits: undefined,
      onSubmit: undefined,
    },
  ]),
  plainDevice: plain(main.plainDevice, (world) => [world.device(), undefined]),
  'PlainDevice.read': method('plain', (of) => of.read.bind(of), { offset: 0, length: 512 }),
  'PlainDevice.write': method('plain', (of) => of.write.bind(of), { offset: 0, data: new Uint8Array(512) }),
  'PlainDevice.flush': method('plain', (of) => of.flush.bind(of)),
  'PlainDevice.close': method('plain', (of) => of.close.bind(of)),
  fenceFromConfig: plain(main.fenceFromConfig, ({ files }) => [files.image, { clock: undefined }]),
  errorFilter: plain(main.errorFilter, (world) => [
    world.device(),
    { op: undefined, errno: undefined, active: undefined },
    {},
  ]),
  delayFilter: plain(main.delayFilter, (world) => [
    world.device(),
    { delayUs: 1, op: undefined, active: undefined },
    { clock: main.systemClock },
  ]),
  hangFilter: plain(main.hangFilter, (world) => [world.device(), { op: undefined, active: undefined }]),
  numaFromSysfs: plain(main.numaFromSysfs, () => [nowhere]),
  VirtualClock: plain(
    (settings: never) => new main.VirtualClock(settings),
    () => [{ wallUs: 0, monoUs: 0 }],
  ),
  'VirtualClock.setTimer': plain(
    (due: never, fire: never) => new main.VirtualClock({ wallUs: 0, monoUs: 0 }).setTimer(due, fire),
    () => [5, () => undefined],
  ),
  'VirtualClock.stepWall': plain(
    (by: never) => new main.VirtualClock({ wallUs: 0, monoUs: 0 }).stepWall(by),
    () => [5],
  ),
  'VirtualClock.advanceTo': plain(
    (to: never) => new main.VirtualClock({ wallUs: 0, monoUs: 0 }).advanceTo(to),
    () => [5],
  ),
  'VirtualClock.advanceBy': plain(
    (by: never) => new main.VirtualClock({ wallUs: 0, monoUs: 0 }).advanceBy(by),
    () => [5],
  ),
  'VirtualClock.drain': plain(
    (until: never, limit: never) => new main.VirtualClock({ wallUs: 0, monoUs: 0 }).drain(until, limit),
    () => [5, 5],
  ),
  seededRandom: plain(main.seededRandom, () => ['seed']),
  flagsOf: plain(main.flagsOf, () => [{}]),
  isAvailable: plain(main.isAvailable, () => [path, undefined]),
  isDisabled: plain(main.isDisabled, () => [path, undefined]),
  isOptimized: plain(main.isOptimized, () => [path, undefined]),
}
