// The I/O statistics of a head's disk, as /sys/block/*/stat has them. A bio is begun when it is first sent down a path and
// ended when its caller hears of it, once, however often it was sent in between, with the bytes that were really done
// (D-30). Constant time, no garbage: plain numbers, added to in the hot path.
import type { IoOp } from '../../machines/words.ts'

/** Bytes of a sector, whatever the logical block is. */
const SECTOR_BYTES = 512
const US_PER_MS = 1000

/** What counts as one group: zeroings are writes, as in the kernel. */
interface Group {
  ios: number
  bytes: number
  /** Time that these I/Os took, summed. */
  ticksUs: number
}

/** The I/O statistics of a disk: counts, sectors of 512 bytes, milliseconds. In the order of /sys/block/*\/stat. */
export interface DiskStat {
  readonly readIos: number
  readonly readSectors: number
  /** Time that the reads took, summed. */
  readonly readTicksMs: number
  readonly writeIos: number
  readonly writeSectors: number
  readonly writeTicksMs: number
  /** Sent and not answered. */
  readonly inFlight: number
  /** Time during which anything was in flight. */
  readonly ioTicksMs: number
  /** Time that all of them took, summed. */
  readonly timeInQueueMs: number
  readonly discardIos: number
  readonly discardSectors: number
  readonly discardTicksMs: number
  readonly flushIos: number
  readonly flushTicksMs: number
}

/** What is timed: a bio from when it is first sent to its end. */
interface Timed {
  readonly op: IoOp
  /** Null before and after. */
  statSinceUs: number | null
}

export class DiskStats {
  readonly #read: Group = { ios: 0, bytes: 0, ticksUs: 0 }
  readonly #write: Group = { ios: 0, bytes: 0, ticksUs: 0 }
  readonly #discard: Group = { ios: 0, bytes: 0, ticksUs: 0 }
  readonly #flush: Group = { ios: 0, bytes: 0, ticksUs: 0 }
  #inFlight = 0
  #busySinceUs = 0
  #busyUs = 0

  /** Begins a bio that is sent for the first time; later times change nothing. */
  begin(bio: Timed, nowUs: number): void {
    if (bio.statSinceUs !== null) return
    bio.statSinceUs = nowUs
    if (this.#inFlight === 0) this.#busySinceUs = nowUs
    this.#inFlight += 1
  }

  /** Ends a bio; one that was never sent was never begun. */
  end(bio: Timed, bytes: number, nowUs: number): void {
    if (bio.statSinceUs === null) return
    const group = this.#groupOf(bio)
    group.ios += 1
    group.bytes += bytes
    group.ticksUs += nowUs - bio.statSinceUs
    bio.statSinceUs = null
    this.#inFlight -= 1
    if (this.#inFlight === 0) this.#busyUs += nowUs - this.#busySinceUs
  }

  /** Begun and not ended. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** What it comes to now. */
  read(nowUs: number): DiskStat {
    const [read, write, discard, flush] = [this.#read, this.#write, this.#discard, this.#flush]
    const busyUs = this.#busyUs + (this.#inFlight > 0 ? nowUs - this.#busySinceUs : 0)
    return {
      ...{ readIos: read.ios, readSectors: sectors(read), readTicksMs: milliseconds(read.ticksUs) },
      ...{ writeIos: write.ios, writeSectors: sectors(write), writeTicksMs: milliseconds(write.ticksUs) },
      ...{ inFlight: this.#inFlight, ioTicksMs: milliseconds(busyUs) },
      timeInQueueMs: milliseconds(read.ticksUs + write.ticksUs + discard.ticksUs + flush.ticksUs),
      discardIos: discard.ios,
      discardSectors: sectors(discard),
      discardTicksMs: milliseconds(discard.ticksUs),
      ...{ flushIos: flush.ios, flushTicksMs: milliseconds(flush.ticksUs) },
    }
  }

  #groupOf({ op }: Timed): Group {
    switch (op) {
      case 'read':
        return this.#read
      case 'write':
      case 'writeZeroes':
        return this.#write
      case 'discard':
        return this.#discard
      case 'flush':
        return this.#flush
    }
  }
}

function sectors({ bytes }: Group): number {
  return Math.floor(bytes / SECTOR_BYTES)
}

function milliseconds(us: number): number {
  return Math.floor(us / US_PER_MS)
}
