// What the doors beside the main one export.
import * as audit from '../../doors/audit.ts'
import * as ledger from '../../doors/ledger.ts'
import * as scsi from '../../doors/scsi.ts'
import * as simulate from '../../doors/simulate.ts'
import * as main from '../../index.ts'
import { ledgerFacts, systemPorts } from '../../engine/assemble.ts'
import { method, nowhere, page, plain, range, sense, sysfsTree, type Call, type Calls } from './calls.ts'
import type { World } from './world.ts'

const state = ({ reader }: World) => ledger.stateAt(reader, { position: reader.head().events })
const signed = ({ files }: World) => ledger.signHead(files.ledger, files.key)
const withReader = (call: (...given: never[]) => unknown, ...given: readonly unknown[]): Call =>
  plain(call, ({ reader }) => [reader, ...given])

export const LEDGER: Calls = {
  memoryStore: plain(ledger.memoryStore, () => [
    { ...ledgerFacts(systemPorts()), rows: undefined, schedule: undefined, limits: undefined },
  ]),
  openLedgerReader: plain(ledger.openLedgerReader, ({ files }) => [files.ledger]),
  'FileReader.read': method('reader', (of) => of.read.bind(of), {
    stream: undefined,
    type: undefined,
    ...range,
    fromTimeUs: undefined,
    toTimeUs: undefined,
    limit: 5,
  }),
  'FileReader.positionAt': method('reader', (of) => of.positionAt.bind(of), 5),
  'FileReader.snapshot': method('reader', (of) => of.snapshot.bind(of), 5),
  'FileReader.decisions': method('reader', (of) => of.decisions.bind(of), 1, 5),
  'FileReader.inputs': method('reader', (of) => of.inputs.bind(of), 1, 5),
  'FileReader.select': method('reader', (of) => of.select.bind(of), 'SELECT 1 AS one', {}),
  'FileReader.atOnce': method(
    'reader',
    (of) => of.atOnce.bind(of),
    () => 1,
  ),
  'FileReader.follow': {
    on:
      ({ reader }) =>
      (...given: never[]) =>
        reader.follow(given[0] as never, given[1] as never)(),
    with: () => [
      () => undefined,
      { clock: main.systemClock, intervalUs: undefined, fromPosition: undefined, onError: undefined },
    ],
  },
  openSegments: plain(ledger.openSegments, ({ files }) => [files.ledger]),
  pages: {
    on:
      () =>
      (...given: never[]) => [...(ledger.pages as (...all: never[]) => Iterable<unknown>)(...given)],
    with: ({ reader }) => [reader, { stream: undefined, ...range }],
  },
  exportLedger: {
    on:
      () =>
      (...given: never[]) => [...(ledger.exportLedger as (...all: never[]) => Iterable<unknown>)(...given)],
    with: ({ reader }) => [reader],
  },
  importLedger: plain(ledger.importLedger, ({ files }) => [files.fresh(), [files.text]]),
  stateAt: withReader(ledger.stateAt, { position: 5, timeUs: undefined }),
  changesBetween: plain(ledger.changesBetween, (world) => [state(world), state(world)]),
  ledgerSysfs: withReader(ledger.ledgerSysfs, 5),
  readSysfs: plain(ledger.readSysfs, (world) => [
    sysfsTree(world),
    '/sys/module/scsi_mod/parameters/multipath',
  ]),
  redecide: withReader(ledger.redecide, { toPosition: 5 }),
  Redecider: plain(
    (options: never) => new ledger.Redecider(options),
    () => [{}],
  ),
  'Redecider.decide': plain(
    (input: never) => new ledger.Redecider().decide(input),
    ({ reader }) => [{ ...reader.inputs(2, 2)[0] }],
  ),
  'Redecider.decideAll': plain(
    (reader: never, to: never) => new ledger.Redecider().decideAll(reader, to),
    ({ reader }) => [reader, 5],
  ),
  'Redecider.resume': plain(
    (stream: never, at: never) => new ledger.Redecider().resume(stream, at),
    () => ['engine', { version: 1, position: 1, value: 'running', context: {} }],
  ),
  Stepper: plain(
    (reader: never) => new ledger.Stepper(reader),
    ({ reader }) => [reader],
  ),
  'Stepper.goTo': {
    on: ({ reader }) => {
      const of = new ledger.Stepper(reader)
      return of.goTo.bind(of)
    },
    with: () => [3],
  },
  replayVerdict: withReader(ledger.replayVerdict),
  verifyLedger: plain(ledger.verifyLedger, ({ files }) => [files.ledger]),
  verifySegments: plain(ledger.verifySegments, ({ files }) => [files.ledger]),
  checkHead: plain(ledger.checkHead, (world) => [world.reader, signed(world), `${world.files.key}.pub`]),
  makeKeys: plain(ledger.makeKeys, ({ files }) => [files.fresh()]),
  parseSignedHead: plain(ledger.parseSignedHead, (world) => [JSON.stringify(signed(world))]),
  signHead: plain(ledger.signHead, ({ files }) => [files.ledger, files.key]),
  checkCaches: plain(ledger.checkCaches, ({ files }) => [files.ledger]),
  ledgerCaches: plain(ledger.ledgerCaches, ({ files }) => [files.ledger, 'list']),
  repairLedger: plain(ledger.repairLedger, ({ files }) => [files.ledger, files.fresh(), undefined]),
  segmentLedger: plain(ledger.segmentLedger, ({ files }) => [files.ledger, files.ledger, undefined]),
  backupLedger: plain(ledger.backupLedger, ({ files }) => [files.ledger, files.fresh()]),
  ingest: plain(ledger.ingest, ({ files }) => [
    files.fresh(),
    { filesOf: async () => [], bytesOf: async function* () {}, zones: () => null },
    [nowhere],
    {
      zone: undefined,
      nowUs: undefined,
      host: undefined,
      takenAt: undefined,
      progress: undefined,
      leaveOut: undefined,
      engine: '1',
      xstate: '5',
      lockedAtUs: 1,
    },
  ]),
}

export const AUDIT: Calls = {
  availability: withReader(audit.availability, { stream: undefined, endUs: undefined }),
  blockPath: withReader(audit.blockPath, { ...range, head: undefined, offset: 0, length: undefined }),
  changes: withReader(audit.changes, { ...range, stream: undefined }),
  correlated: withReader(audit.correlated, { windowUs: undefined }),
  failovers: withReader(audit.failovers, { ...range, path: undefined }),
  flapping: withReader(audit.flapping, { path: undefined, windowUs: undefined, failures: undefined }),
  ghosts: withReader(audit.ghosts, { lun: undefined }),
  invariants: withReader(audit.invariants),
  ioByInterval: withReader(audit.ioByInterval, {
    path: undefined,
    fromUs: undefined,
    toUs: undefined,
    intervalUs: undefined,
  }),
  ioByPath: withReader(audit.ioByPath, { path: undefined, fromUs: undefined, toUs: undefined }),
  outages: withReader(audit.outages, { ...range, head: undefined }),
  pathHistory: withReader(audit.pathHistory, { ...range, path: undefined }),
  reservations: withReader(audit.reservations, { ...range, stream: undefined }),
  timeInState: withReader(audit.timeInState, { path: undefined, endUs: undefined }),
  timers: withReader(audit.timers, { stream: undefined }),
  topology: withReader(audit.topology, { position: 5 }),
  explain: withReader(
    audit.explain,
    { stream: 'head/naa.600140505200a986f0043c9afa1fd077' },
    { position: 5 },
  ),
  'explain io': withReader(audit.explain, { io: 1, head: undefined }, { position: 5 }),
  askSql: plain(audit.askSql, ({ files }) => [files.ledger, 'SELECT 1 AS one', {}]),
}

export const SCSI: Calls = {
  buildDeviceIdentification: plain(scsi.buildDeviceIdentification, () => [
    [{ association: 0, type: 3, bytes: new Uint8Array(8) }],
  ]),
  designatorOf: plain(scsi.designatorOf, () => ['naa.600140505200a986f0043c9afa1fd077']),
  parseDeviceIdentification: plain(scsi.parseDeviceIdentification, () => [page]),
  buildInquiry: plain(scsi.buildInquiry, () => [
    { deviceType: 0, tpgs: 1, vendor: 'A', product: 'B', revision: '1' },
  ]),
  parseInquiry: plain(scsi.parseInquiry, () => [
    scsi.buildInquiry({ deviceType: 0, tpgs: 1, vendor: 'A', product: 'B', revision: '1' }),
  ]),
  lunId: plain(scsi.lunId, () => [page, undefined]),
  targetPort: plain(scsi.targetPort, () => [page]),
  buildPortGroups: plain(scsi.buildPortGroups, () => [
    {
      extended: true,
      transitionSeconds: 5,
      groups: [{ group: 1, access: 'optimal', preferred: false, supported: 1, ports: [1] }],
    },
  ]),
  parsePortGroups: plain(scsi.parsePortGroups, () => [
    scsi.buildPortGroups({ extended: false, transitionSeconds: null, groups: [] }),
  ]),
  supportedStates: plain(scsi.supportedStates, () => [0x4f]),
  buildDescriptorSense: plain(scsi.buildDescriptorSense, () => [sense]),
  buildFixedSense: plain(scsi.buildFixedSense, () => [sense]),
  parseSense: plain(scsi.parseSense, () => [scsi.buildFixedSense(sense)]),
  senseOf: plain(scsi.senseOf, () => [6, 0x2a, 6]),
  buildReserveOut: plain(scsi.buildReserveOut, () => [
    {
      action: 'register',
      type: null,
      key: '0x0000000000000000',
      serviceKey: '0x0000000000000001',
      aptpl: false,
      allPorts: false,
    },
  ]),
  parseKeys: plain(scsi.parseKeys, () => [new Uint8Array(8)]),
  parseReservation: plain(scsi.parseReservation, () => [new Uint8Array(8)]),
  parseReserveOut: plain(scsi.parseReserveOut, () => {
    const { cdb: out, dataOut } = scsi.buildReserveOut({
      action: 'register',
      type: null,
      key: '0x0000000000000000',
      serviceKey: '0x0000000000000001',
      aptpl: false,
      allPorts: false,
    })
    return [out, dataOut]
  }),
  reserveInCdb: plain(scsi.reserveInCdb, () => [0, 64]),
}

export const SIMULATE: Calls = {
  simulate: plain(simulate.simulate, () => [
    {
      from: 1,
      to: 1,
      steps: 1,
      plant: undefined,
      onSeed: undefined,
      lanes: undefined,
      onLine: undefined,
    },
  ]),
  whatIf: withReader(simulate.whatIf, { settings: { iopolicy: 'round-robin' }, recorded: undefined }),
}
