// One simulated way to a disk: an I/O is done some microseconds after its submit, and what can happen to a device happens
// to this one. It may be fenced, may come back as another device, and may change its size.
import { completed, failed, IO_DONE, isOutOfRange } from '../../adapters/completions.ts'
import type {
  Clock,
  IoCompletion,
  IoDone,
  IoRequest,
  PathDevice,
  PathGuarantees,
} from '../../adapters/ports.ts'
import { uniqueIdOf } from '../../adapters/unique-id.ts'
import { BLOCK } from './shadow.ts'
import type { Disk } from './disk.ts'

export interface DeviceSettings {
  readonly wwid: string
  readonly hctl: string
  readonly clock: Clock
  readonly latencyUs: (request: IoRequest) => number
  readonly numaNode: number | null
  readonly guarantees: PathGuarantees
  /** Another one for each attach. */
  readonly diskseq: number
  /** Called as a mutation reaches the medium. */
  readonly onLand: (request: IoRequest) => void
  /** Called as a flush fails and the cache is lost. */
  readonly onLost: () => void
  /** The cache behind it. */
  readonly cache: Behind
}

/** What stands between a device and the medium. */
export interface Behind {
  /** Its name, where it is this device's own: it dies with its server. Undefined: every path of the LUN shares one. */
  readonly own?: string
  /** As the device says it. */
  readonly inode: string | null
  /** Called as it dies. */
  readonly onDead: () => void
}

export interface SimulatedDevice {
  readonly device: PathDevice
  /** Null: the device that was opened. Else what it says it is now; its bytes are then another disk's. */
  swapped: string | null
  /** Bytes that this path alone says it has; null: what the disk has. */
  claimsBytes: number | null
  /** I/Os that it is doing. */
  readonly pending: number
  /** Its server was killed: it needs a new attach. */
  readonly killed: boolean
  /** Its server was killed: nothing that it has lands any more. */
  kill(): void
}

/** Makes a device on a disk. */
export function simulatedDevice(disk: Disk, settings: DeviceSettings): SimulatedDevice {
  const { wwid, hctl, clock, latencyUs, onLand, onLost, cache } = settings
  const openedBytes = disk.sizeBytes
  const { epoch } = disk
  const now = {
    swapped: null as string | null,
    claimsBytes: null as number | null,
    pending: 0,
    killed: false,
    open: true,
  }
  const sizeNow = () => now.claimsBytes ?? disk.sizeBytes

  function submit(request: IoRequest, done: IoDone): void {
    const { op, offset, length, data } = request
    const isChange = op === 'write' || op === 'discard' || op === 'writeZeroes'
    // The power went since it was opened: whoever waits for it is dead as well.
    if (disk.epoch !== epoch) return
    now.pending += 1
    const writesBefore = disk.writes
    const pending = isChange ? disk.begin(offset, data ?? new Uint8Array(length)) : null
    clock.setTimer(clock.monoUs() + latencyUs(request), () => {
      if (disk.epoch !== epoch) return
      now.pending -= 1
      if (pending !== null) disk.end(pending)
      done(perform(request, writesBefore))
    })
  }

  function perform(request: IoRequest, writesBefore: number): IoCompletion {
    if (now.killed) return failed('ENOLINK')
    if (!now.open) return failed('EBADF')
    if (isOutOfRange(request, sizeNow())) return failed('EIO')
    if (now.swapped !== null) return elsewhere(request)
    return request.op === 'flush' ? flush(writesBefore) : move(request)
  }

  function move(request: IoRequest): IoCompletion {
    const { op, offset, length, data, fua } = request
    if (op === 'read') data?.set(disk.medium.subarray(offset, offset + length))
    else {
      onLand(request)
      if (op === 'write' && data !== null) disk.write(offset, data, fua, cache.own)
      else disk.zero(offset, length, cache.own)
    }
    return completed(length)
  }

  function flush(writesBefore: number): IoCompletion {
    if (disk.flush(cache.own, writesBefore)) return IO_DONE
    onLost()
    return failed('EIO')
  }

  const device: PathDevice = {
    kind: 'memory',
    device: `/dev/sim${hctl}`,
    hctl,
    lun: { wwid, implicitAlua: true },
    numaNode: settings.numaNode,
    geometry: { sizeBytes: openedBytes, logicalBlockBytes: BLOCK, readOnly: false },
    guarantees: settings.guarantees,
    coherence: { inode: cache.inode, direct: true },
    medium: disk,
    deviceKey: null,
    facts: { diskseq: settings.diskseq, ...(cache.inode === null ? {} : { inode: cache.inode }) },
    submit,
    uniqueId: async (type) => uniqueIdOf(now.swapped ?? wwid, type),
    sizeNow,
    identify: async () => {
      if (now.swapped !== null) return { same: false, why: `it was ${wwid} and says ${now.swapped} now` }
      if (sizeNow() >= openedBytes) return { same: true }
      return { same: false, why: `it had ${openedBytes} bytes and has ${sizeNow()} now` }
    },
    carries: () => null,
    close: async () => void (now.open = false),
  }
  return Object.assign(now, { device, kill: () => dieWith(cache, disk, now) })
}

/** A server dies, and its own cache with it. */
function dieWith({ own, onDead }: Behind, disk: Disk, server: { killed: boolean }): void {
  server.killed = true
  if (own === undefined) return
  disk.lose(own)
  onDead()
}

/** The disk of somebody else: its bytes are zeroes, and what is written to it is lost to us. */
function elsewhere({ op, length, data }: IoRequest): IoCompletion {
  if (op === 'flush') return IO_DONE
  if (op === 'read') data?.fill(0)
  return completed(length)
}
