// What the golden histories tell. Each story runs on memory paths and a virtual clock, so that its ledger is the same
// bytes every time; scripts/golden.ts writes it into test/histories/, once, for ever.
import { delayFilter } from '../../adapters/filters/delay.ts'
import { errorFilter, type ErrorControl } from '../../adapters/filters/error.ts'
import { hangFilter, type HangControl } from '../../adapters/filters/hang.ts'
import { memoryLun, memoryPath, type MemoryLun } from '../../adapters/paths/memory.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'
import type { Ports } from '../../engine/assemble.ts'
import { Multipath } from '../../engine/multipath.ts'
import type { Path } from '../../engine/api/path.ts'
import type { SettingsInput } from '../../engine/core/settings.ts'
import { VERSION, XSTATE_VERSION } from '../../engine/core/version.ts'
import { memoryStore } from '../../store/write/memory-store.ts'
import { memoryReservations } from '../../store/lun/memory-reservations.ts'
import { NO_GROUPS } from '../engine/lun-storage.ts'
import type { LunStore, ReservationStore } from '../../store/lun/types.ts'
import type { StoredEvent } from '../../store/types.ts'

const WWID = 'naa.600140500000000000000000000001d0'
const BLOCK = 512
const START_US = 1_760_000_000_000_000
const BOOT_ID = '0a1b2c3d-history'

interface StoryPath {
  readonly path: Path
  readonly error: ErrorControl
  readonly hang: HangControl
}

/** One run of an engine, told by what is done to it. */
class Story {
  readonly clock: VirtualClock
  readonly mp: Multipath
  readonly rows: () => readonly StoredEvent[]
  readonly lun: MemoryLun

  private constructor(parts: { clock: VirtualClock; mp: Multipath; rows: Story['rows']; lun: MemoryLun }) {
    this.clock = parts.clock
    this.mp = parts.mp
    this.rows = parts.rows
    this.lun = parts.lun
  }

  static async begin(
    settings: SettingsInput,
    more: { rows?: readonly StoredEvent[]; ports?: Partial<Ports>; lun?: MemoryLun } = {},
  ): Promise<Story> {
    const { rows, ports = {} } = more
    const last = rows?.at(-1)
    const [wallUs, monoUs] = [(last?.recordedAtUs ?? START_US) + 1_000_000, (last?.monoUs ?? 0) + 1_000_000]
    const clock = new VirtualClock({ wallUs, monoUs })
    let id = (rows?.length ?? 0) * 10
    const newId = () => `golden-${String((id += 1)).padStart(6, '0')}`
    const header = { eventId: newId(), recordedAtUs: wallUs, monoUs, bootId: BOOT_ID }
    const versions = { engine: VERSION, xstate: XSTATE_VERSION }
    const store = memoryStore({ header: { ...header, ...versions }, ...(rows === undefined ? {} : { rows }) })
    const given = { clock, newId, bootId: BOOT_ID, pid: 4711, allocate: (bytes: number) => new ArrayBuffer(bytes) }
    const opening = Multipath.open({
      ledger: store,
      multipath: 'always',
      poolBytes: 2 ** 20,
      ...settings,
      ports: { ...given, ...ports },
    })
    const lun = more.lun ?? memoryLun({ wwid: WWID, sizeBytes: 256 * BLOCK, logicalBlockBytes: BLOCK })
    return new Story({ clock, mp: await driveOn(clock, opening), rows: () => store.rows(), lun })
  }

  async add(hctl: string, more: { numaNode?: number; errorsAreFinal?: boolean } = {}): Promise<StoryPath> {
    const { clock } = this
    const memory = memoryPath(this.lun, { hctl, clock, latencyUs: 150, ...more })
    const hang = hangFilter(memory)
    const delay = delayFilter(hang.path, { delayUs: 0 }, { clock })
    const error = errorFilter(delay.path)
    const path = await this.drive(this.mp.addPath(error.path))
    return { path, error: error.control, hang: hang.control }
  }

  /** A write whose end does not matter here; the ledger has it. */
  write(offset: number, more: { fua?: boolean } = {}): Promise<string> {
    return outcome(this.mp.head(WWID).write({ offset, data: new Uint8Array(BLOCK).fill(7), ...more }))
  }

  read(offset: number): Promise<string> {
    return outcome(this.mp.head(WWID).read({ offset, length: BLOCK }))
  }

  drive<Value>(promise: Promise<Value>): Promise<Value> {
    return driveOn(this.clock, promise)
  }

  async pass(milliseconds: number): Promise<void> {
    await this.clock.drain(this.clock.monoUs() + milliseconds * 1000)
  }
}

/** Failures, recoveries, and errors that were nobody's path: the life of two paths over two minutes. */
async function failover(): Promise<readonly StoredEvent[]> {
  const story = await Story.begin({ iopolicy: 'round-robin', failThreshold: 3, numaNodes: 2 })
  const a = await story.add('8:0:0:0', { numaNode: 0 })
  const b = await story.add('9:0:0:0', { numaNode: 1 })
  for (let turn = 0; turn < 10; turn += 1) await story.drive(story.write(turn * BLOCK))
  a.error.enable({ errno: 'ENOLINK' })
  await story.drive(Promise.all([0, 1, 2, 3].map((at) => story.write(at * BLOCK))))
  await story.pass(8_000)
  a.error.disable()
  await story.pass(10_000)
  // One odd error, then a path on which every write fails although it reads well.
  b.error.enable({ errno: 'EIO', op: 'write', count: 1 })
  await story.drive(Promise.all([story.write(0), story.write(BLOCK)]))
  b.error.enable({ errno: 'EIO', op: 'write', count: null })
  for (let turn = 0; turn < 8; turn += 1) await story.drive(story.write(turn * BLOCK))
  b.error.disable()
  await story.pass(5_000)
  // A bad block through both, an error that the target reports, a flush that is lost.
  for (const { error } of [a, b]) {
    error.enable({ errno: 'EIO', op: 'read', range: { offset: 0, length: 1 } })
  }
  await story.drive(story.read(0))
  for (const { error } of [a, b]) error.enable({ op: 'read', status: 'MEDIUM', range: null })
  await story.drive(story.read(8 * BLOCK))
  for (const { error } of [a, b]) error.enable({ op: 'flush', status: null, count: 1 })
  await story.drive(outcome(story.mp.head(WWID).flush()))
  story.mp.head(WWID).setIoPolicy('numa')
  b.path.setAccessState('active', { preferred: true, why: 'RTPG' })
  b.path.setAccessState('standby', { why: 'RTPG' })
  await story.drive(story.mp.addPath(memoryPath(story.lun, { hctl: '9:0:0:0', clock: story.clock })).catch(() => null))
  await story.pass(1_500)
  await story.drive(story.mp.close())
  return story.rows()
}

/** I/O without a path, heads that wait for one, an operator, and a run that ends without a word. */
async function queueing(): Promise<readonly StoredEvent[]> {
  const story = await Story.begin({
    noPathRetry: 4,
    noPathCheckMs: 1_000,
    delayedRemovalMs: 30_000,
    checker: { minMs: 500, maxMs: 4_000 },
  })
  const a = await story.add('8:0:0:0')
  a.error.enable({ errno: 'EIO' })
  await story.drive(story.write(0))
  story.mp.head(WWID).setNoPathRetry('queue')
  const waiting = story.write(BLOCK)
  await story.pass(6_000)
  a.error.disable()
  await story.drive(waiting)
  a.path.fail({ actor: 'operator:1000', reason: 'cable swap' })
  const parked = story.read(0)
  await story.pass(2_000)
  story.mp.head(WWID).drain({ actor: 'operator:1000', reason: 'do not wait for me' })
  await story.drive(parked)
  a.path.reinstate({ actor: 'operator:1000', reason: 'cable swapped' })
  a.path.block({ reason: 'transport recovers' })
  const blocked = story.read(0)
  await story.pass(100)
  a.path.unblock({ reason: 'transport is back' })
  await story.drive(blocked)
  // Gone and back in time; gone, and the head with it; then a new one of the same LUN, and no clean end.
  await story.drive(a.path.remove({ actor: 'operator:1000', reason: 'moved to another port' }))
  await story.pass(10_000)
  const back = await story.add('8:0:0:0')
  story.mp.head(WWID).setDelayedRemoval(2_000)
  await story.drive(back.path.remove())
  await story.pass(5_000)
  const again = await story.add('8:0:0:0')
  const other = await story.add('9:0:0:0')
  other.path.fail({ actor: 'operator:0', reason: 'out of service' })
  again.error.enable({ errno: 'ETIMEDOUT' })
  await story.drive(Promise.race([story.write(0), story.pass(2_000)]))
  const next = await Story.begin({ noPathRetry: 'fail' }, { rows: story.rows() })
  await next.add('8:0:0:0')
  await next.add('9:0:0:0')
  await next.drive(next.read(0))
  await next.drive(next.mp.close())
  return next.rows()
}

/** Writes that ended without proof: late ones, fenced ones, released by time and by an operator. */
async function ghosts(): Promise<readonly StoredEvent[]> {
  const fence = async () => 'killed 4242'
  const settings = { attemptTimeoutMs: 1_000, ghostQuiesceMs: 5_000, ghostHoldMaxMs: 3_000, probeTimeoutMs: 500 }
  const story = await Story.begin(settings)
  const a = await story.add('8:0:0:0', { errorsAreFinal: false })
  await story.add('9:0:0:0')
  // Late, and proved over by its own completion.
  a.hang.enable()
  const first = story.write(0)
  await story.pass(3_000)
  const newer = story.write(0)
  await story.pass(100)
  a.hang.disable()
  await story.drive(Promise.all([first, newer]))
  await story.pass(20_000)
  // An error that proves nothing: released by time.
  a.error.enable({ errno: 'EIO' })
  await story.drive(story.write(8 * BLOCK))
  await story.pass(6_000)
  a.error.disable()
  await story.pass(20_000)
  // Held too long, then released by an operator.
  a.hang.enable()
  const hung = story.write(16 * BLOCK)
  await story.pass(2_500)
  const held = story.write(16 * BLOCK)
  await story.pass(4_000)
  story.mp.releaseGhosts({ actor: 'operator:0', reason: 'the array is powered off' })
  await story.drive(Promise.all([hung, held]))
  a.hang.disable()
  await story.pass(10_000)
  await story.drive(story.mp.close())
  // A run with a fence.
  const fenced = await Story.begin(settings, { rows: story.rows(), ports: { fence } })
  const c = await fenced.add('8:0:0:0', { errorsAreFinal: false })
  await fenced.add('9:0:0:0')
  c.hang.enable()
  const last = fenced.write(24 * BLOCK)
  await fenced.pass(4_000)
  await fenced.drive(last)
  c.hang.disable()
  await fenced.pass(2_000)
  await fenced.drive(fenced.mp.close())
  return fenced.rows()
}

/** A device through all its states, with steps that it does not take. */
async function devices(): Promise<readonly StoredEvent[]> {
  const story = await Story.begin({ iopolicy: 'queue-depth', delayedRemovalMs: 5_000 })
  const by = (reason: string) => ({ actor: 'operator:1000', reason })
  const { path } = await story.add('8:0:0:0', { numaNode: 1 })
  const other = await story.add('9:0:0:0')
  other.path.fail(by('not in use yet'))
  path.quiesce(by('firmware of the array'))
  const waiting = story.read(0)
  await story.pass(1_000)
  path.resume(by('done'))
  await story.drive(waiting)
  path.block(by('port is bouncing'))
  path.setTransportOffline(by('it did not come back'))
  await story.drive(story.read(0))
  path.setOnline(by('cable'))
  path.setOffline(by('recovery did not help'))
  path.setOnline(by('power cycled'))
  await story.drive(outcome(Promise.resolve().then(() => path.unblock(by('is it blocked?')))))
  path.cancel(by('it goes'))
  await story.drive(path.remove(by('gone')))
  await story.pass(1_000)
  const held = memoryPath(story.lun, { hctl: '8:0:0:0', clock: story.clock, latencyUs: 150 })
  const found = await story.drive(story.mp.addPath(held, { blocked: true }))
  await story.pass(1_000)
  found.unblock(by('transport is back'))
  await story.drive(story.write(0))
  found.resetCounters(by('new shift'))
  story.mp.head(WWID).setCounters({ requeued: 0, failedNoPath: 7 }, by('as it was before the restart'))
  story.mp.adapter('8').resetCounters(by('new shift'))
  await story.drive(story.write(0))
  await story.drive(story.mp.close())
  return story.rows()
}

/** Two port groups: a switch, a transition that ends in time, one that does not, a group that is not listed. */
async function alua(): Promise<readonly StoredEvent[]> {
  const [a, b] = ['8:0:0:0', '9:0:0:0'] as const
  const { scsi } = virtualLun({
    wwid: WWID,
    transitionSeconds: 5,
    groups: [
      { id: 1, paths: [a] },
      { id: 2, paths: [b], access: 'active', preferred: true },
    ],
  })
  const lun = memoryLun({ wwid: WWID, sizeBytes: 256 * BLOCK, logicalBlockBytes: BLOCK, scsi })
  const story = await Story.begin({ multipath: 'on' }, { lun })
  const [first, second] = [await story.add(a), await story.add(b)]
  await story.drive(story.write(0))
  scsi.setGroup(1, { access: 'standby' })
  scsi.setGroup(2, { access: 'optimal' })
  await story.drive(story.write(BLOCK))
  scsi.setGroup(1, { access: 'transitioning' })
  await story.drive(story.write(0))
  await story.pass(3_000)
  scsi.setGroup(1, { access: 'optimal' }, { announce: false })
  await story.pass(2_500)
  scsi.setGroup(2, { access: 'transitioning' })
  await story.drive(story.write(0))
  await story.pass(6_000)
  // Both dead: nobody can be asked.
  for (const { hang } of [first, second]) hang.enable()
  second.path.reportSense(Uint8Array.of(0x72, 6, 0x2a, 6, 0, 0, 0, 0))
  await story.pass(130_000)
  for (const { hang } of [first, second]) hang.disable()
  scsi.setGroup(2, { listed: false })
  await story.drive(story.read(0))
  await story.pass(1_000)
  await story.drive(second.path.remove())
  // It dies here; the next run forgets the groups, and asks anew.
  const next = await Story.begin({ multipath: 'on' }, { rows: story.rows(), lun })
  await next.add(a)
  await next.drive(next.mp.close())
  return next.rows()
}

/** Killed three times, in the machine's one boot and in the next: what was there is taken up, and given up in the end. */
async function restart(): Promise<readonly StoredEvent[]> {
  const settings = {
    noPathRetry: 3,
    noPathCheckMs: 1_000,
    delayedRemovalMs: 20_000,
    checker: { minMs: 1_500, maxMs: 6_000 },
    reattachMs: 4_000,
  }
  const story = await Story.begin(settings)
  const a = await story.add('8:0:0:0')
  const b = await story.add('9:0:0:0')
  story.mp.head(WWID).setIoPolicy('round-robin')
  a.error.enable({ errno: 'ENOLINK' })
  await story.drive(story.write(0))
  b.path.fail({ actor: 'operator:1000', reason: 'out of service' })
  await story.pass(700)
  // Killed. Both come back, one failed and one pulled; a probe falls due before its path is there.
  const second = await Story.begin(settings, { rows: story.rows() })
  await second.pass(2_000)
  await second.add('8:0:0:0')
  const pulled = await second.add('9:0:0:0')
  await second.pass(1_000)
  pulled.path.reinstate({ actor: 'operator:1000', reason: 'in service' })
  await second.drive(second.read(0))
  await second.drive(pulled.path.remove())
  await second.drive(second.mp.path('8:0:0:0').remove())
  await second.pass(3_000)
  // Killed while the head waits; the machine is started anew, and its wall clock stands where it stood.
  const third = await Story.begin(settings, { rows: second.rows(), ports: { bootId: 'another-boot' } })
  const back = await third.add('9:0:0:0')
  await third.drive(third.read(0))
  await third.drive(back.path.remove())
  await third.pass(100)
  await third.add('8:0:0:0')
  // Killed, and nobody comes back: the path is given up, and then the head.
  const last = await Story.begin(settings, { rows: third.rows(), ports: { bootId: 'another-boot' } })
  await last.pass(30_000)
  await last.drive(last.mp.close())
  return last.rows()
}

/** Every attribute that can be written, by an operator, and a value that is none. */
async function sysfs(): Promise<readonly StoredEvent[]> {
  const story = await Story.begin({ delayedRemovalMs: 1_000, firstDiskIndex: 2 })
  const by = (reason: string) => ({ actor: 'operator:1000', reason })
  const { path } = await story.add('8:0:0:0', { numaNode: 1 })
  await story.add('9:0:0:0')
  const set = (attribute: string, value: string) =>
    story.mp.sysfs.set(`/sys/${attribute}`, value, by(`echo > ${attribute}`))
  set('class/scsi_mpath_device/0/iopolicy', 'round-robin\n')
  await story.drive(outcome(Promise.resolve().then(() => set('block/sdc/delayed_removal_secs', 'soon\n'))))
  set('block/sdc/delayed_removal_secs', '0x1e\n')
  set('block/sdc/io_requeue_no_usable_path_count', '3\n')
  set('block/sdc:0/device/state', 'offline\n')
  set('block/sdc/uevent', 'change\n')
  await story.drive(story.read(0))
  set('block/sdc:0/device/state', 'running\n')
  await story.drive(path.remove(by('done')))
  await story.pass(1_000)
  await story.drive(story.mp.close())
  return story.rows()
}

/** Single I/Os, each on the ledger: well, re-sent, parked, failed; then only some of them. */
async function tracing(): Promise<readonly StoredEvent[]> {
  const story = await Story.begin({ ioTrace: 'full', noPathRetry: 3, noPathCheckMs: 1_000 })
  const a = await story.add('8:0:0:0')
  const b = await story.add('9:0:0:0')
  await story.drive(story.write(0))
  a.error.enable({ errno: 'EIO' })
  await story.drive(Promise.all([story.write(0), story.read(8 * BLOCK)]))
  b.path.fail({ actor: 'operator:0', reason: 'both are gone now' })
  const waiting = story.write(16 * BLOCK)
  await story.pass(4_000)
  await story.drive(waiting)
  a.error.disable()
  b.path.reinstate({ actor: 'operator:0', reason: 'one is back' })
  story.mp.head(WWID).setTracing({ mode: 'sampled', every: 4 }, { actor: 'operator:0' })
  for (let turn = 0; turn < 10; turn += 1) await story.drive(story.read(turn * BLOCK))
  await story.pass(2_000)
  await story.drive(story.mp.close())
  return story.rows()
}

/** A reservation of one engine, a path that joins it, another engine that preempts it, and what that costs the first. */
async function reservations(): Promise<readonly StoredEvent[]> {
  const shared = memoryReservations()
  const lunStorage = async () => storageWith(shared)
  const story = await Story.begin({}, { ports: { lunStorage } })
  await story.add('8:0:0:0')
  const one = story.mp.head(WWID).reservations
  const [mine, theirs] = ['0xa1', '0xb2']
  await story.drive(one.register(mine))
  await story.drive(one.reserve(mine, 'write-exclusive-reg-only'))
  await story.add('9:0:0:0')
  story.mp.head(WWID).setIoPolicy('round-robin')
  for (let turn = 0; turn < 3; turn += 1) await story.drive(story.write(turn * BLOCK))
  // Another engine, by the same storage.
  const other = { initiator: 'other', nexus: '20:0:0:0', nexuses: ['20:0:0:0'], aptpl: true, type: null }
  const nothing = '0x0000000000000000'
  const its = { ...other, serviceKey: `0x${theirs.slice(2).padStart(16, '0')}` }
  await shared.request({ kind: 'command', command: { ...its, action: 'register', key: nothing } })
  const victim = `0x${mine.slice(2).padStart(16, '0')}`
  const command = { ...other, action: 'preempt', key: its.serviceKey, serviceKey: victim } as const
  await shared.request({ kind: 'command', command: { ...command, type: 'exclusive-access' } })
  await story.drive(story.write(0))
  await story.drive(story.mp.close())
  return story.rows()
}

/** Checks of paths that are well, flapping, failback, an operator who is overridden, loss, and devices that change. */
async function health(): Promise<readonly StoredEvent[]> {
  const story = await Story.begin({
    ...{ failback: 'manual', restoreOnError: true, quantum: { unit: 'ios', size: 2 }, discoveryPollMs: 1_000 },
    checker: { minMs: 500, maxMs: 2_000, healthyMaxMs: 8_000 },
    marginal: { on: true, sampleMs: 2_000, recheckMs: 2_000 },
    loss: { lossSeconds: 30, reconnectSeconds: 1, fastFailSeconds: 10 },
  })
  const a = await story.add('8:0:0:0')
  const b = await story.add('9:0:0:0')
  await story.pass(3_000)
  // A check finds out that B is dead, though nothing was sent there; then A fails twice, and comes back marginal.
  b.error.enable({ errno: 'EIO' })
  await story.pass(6_000)
  b.error.disable()
  await story.pass(3_000)
  for (let life = 0; life < 2; life += 1) {
    a.error.enable({ errno: 'EIO' })
    a.path.prefer({ actor: 'operator:0', reason: 'the short way' })
    await story.drive(story.write(0))
    a.error.disable()
    await story.pass(3_000)
  }
  a.error.enable({ errno: 'EIO', op: 'read', range: { offset: 64 * BLOCK, length: 32 * BLOCK } })
  await story.pass(4_000)
  a.error.disable()
  await story.pass(20_000)
  // B's operator is overridden, insists, and then nothing is left for a while.
  b.path.fail({ actor: 'operator:0', reason: 'cable swap' })
  a.error.enable({ errno: 'EIO', op: 'all', range: null })
  await story.drive(story.write(0))
  a.error.disable()
  await story.pass(3_000)
  a.error.enable({ errno: 'EIO', op: 'all', range: null })
  await story.drive(story.write(0))
  b.path.fail({ actor: 'operator:0', reason: 'I mean it' })
  await story.drive(story.write(0))
  await story.pass(40_000)
  await devicesThatChange(story)
  await story.drive(story.mp.close())
  return story.rows()
}

function storageWith(reservations: ReservationStore): LunStore {
  const done = async () => undefined
  return {
    id: 'storage',
    fresh: false,
    load: () => ({ ghosts: [], attachments: [], ended: [] }),
    changed: () => false,
    ...{ openGhosts: done, endGhosts: done, attach: done, detach: done, join: done, close: done },
    ...{ catchUp: done, forgetEnded: done, onChange: () => undefined, onLost: () => undefined },
    isLetGo: async () => true,
    isAlive: () => true,
    reservations,
    groups: NO_GROUPS,
  }
}

/** A third path, as discovery sees it: another capacity, a lazy detach, another file. */
async function devicesThatChange(story: Story): Promise<void> {
  const { clock, lun } = story
  const facts = { diskseq: 17, direct: true, autoclear: false }
  const seen = { device: '/dev/loop9', deviceKey: 'loop:9', sizeBytes: lun.medium.length, ...facts }
  const device = memoryPath(lun, { hctl: '10:0:0:0', clock, latencyUs: 150 })
  await story.drive(story.mp.addPath({ ...device, facts, deviceKey: 'loop:9' }))
  let now = seen
  const stop = story.mp.watch({
    list: () => [now],
    covers: (key) => key === 'loop:9',
    open: async () => null,
  })
  now = { ...seen, sizeBytes: seen.sizeBytes * 2 }
  await story.pass(2_000)
  now = { ...now, autoclear: true }
  await story.pass(2_000)
  now = { ...now, diskseq: 18 }
  device.setIdentity('naa.another')
  await story.pass(2_000)
  await story.drive(stop())
}

/** Paths with caches of their own that go before they were flushed, and one that its operator pulled. */
async function flushes(): Promise<readonly StoredEvent[]> {
  const story = await Story.begin({ iopolicy: 'round-robin', noPathRetry: 'queue' })
  const a = await story.add('8:0:0:0')
  const b = await story.add('9:0:0:0')
  const head = story.mp.head(WWID)
  const write = async () => {
    for (let turn = 0; turn < 4; turn += 1) await story.drive(story.write(turn * BLOCK))
  }
  await write()
  a.path.fail({ reason: 'maintenance' })
  await story.drive(outcome(head.flush()))
  a.path.reinstate()
  await write()
  b.error.enable({ errno: 'ENOLINK' })
  await story.drive(story.read(0))
  await story.drive(story.read(0))
  await story.drive(outcome(head.flush()))
  await story.drive(b.path.remove())
  await story.drive(outcome(head.flush()))
  const c = await story.add('10:0:0:0')
  await write()
  await story.drive(c.path.remove())
  a.error.enable({ errno: 'EIO', op: 'flush' })
  await story.drive(a.path.remove())
  await story.drive(story.mp.close())
  return story.rows()
}

/** Every story by the name of its file. */
export const STORIES: Readonly<Record<string, () => Promise<readonly StoredEvent[]>>> = {
  '1-failover': failover,
  '1-queueing': queueing,
  '1-ghosts': ghosts,
  '1-devices': devices,
  '1-alua': alua,
  '1-reservations': reservations,
  '2-reservations': reservations,
  '1-restart': restart,
  '1-sysfs': sysfs,
  '1-health': health,
  '1-tracing': tracing,
  '1-flush': flushes,
}

/** One row as a line of NDJSON: the columns in their order, the hash in hex. */
export function lineOf({ hash, ...row }: StoredEvent): string {
  return JSON.stringify({ ...row, hash: Buffer.from(hash).toString('hex') })
}

function outcome(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'ok',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  )
}

async function driveOn<Value>(clock: VirtualClock, promise: Promise<Value>): Promise<Value> {
  const state = { settled: false }
  const watched = promise.finally(() => void (state.settled = true))
  watched.catch(() => undefined)
  await clock.settle()
  while (!state.settled) {
    if (!clock.runNext()) throw new Error('nothing is left that could settle it')
    await clock.settle()
  }
  return watched
}
