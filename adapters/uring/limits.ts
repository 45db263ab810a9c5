// What a block device's queue takes, from sysfs, which never waits for a server.
import { readFileSync } from 'node:fs'

/** In flight on one path at most, however deep its queue is. */
export const IN_FLIGHT_MAX = 4096

/** Requests of the device's queue that are left to others: its own flushes, probes, and programs beside us. */
export const QUEUE_RESERVE = 8

/** In flight at most on a path without a queue in sysfs: a plain file. */
export const FILE_IN_FLIGHT_MAX = 64

const PAGE_BYTES = 4096

/** The kernel puts at most 256 pages into what it hands to a device at once. */
const BIO_BYTES_MAX = 256 * PAGE_BYTES

/** What sysfs says of a device's queue. */
export interface QueueFacts {
  /** Requests it takes before it makes others wait. */
  readonly requests: number
  /** Bytes of the largest read or write that is one request, wherever its pages lie. */
  readonly transferBytesMax: number
  /** Bytes of the largest discard that is one request; 0 where it discards nothing. */
  readonly discardBytesMax: number
}

/** The queue of a block device, 'major:minor'; null where sysfs has none. */
export function readQueue(number: string, sysRoot = '/sys'): QueueFacts | null {
  const read = (attribute: string): number =>
    Number(readFileSync(`${sysRoot}/dev/block/${number}/queue/${attribute}`, 'latin1'))
  try {
    return {
      requests: read('nr_requests'),
      transferBytesMax: Math.max(
        PAGE_BYTES,
        Math.min(read('max_sectors_kb') * 1024, read('max_segments') * PAGE_BYTES, BIO_BYTES_MAX),
      ),
      discardBytesMax: read('discard_max_bytes'),
    }
  } catch {
    return null
  }
}

/**
 * How many I/Os may be in flight on a path: min(4096, nr_requests - 8), at least one. More would wait inside the kernel,
 * where nothing can take them back.
 */
export function inFlightLimit(queue: QueueFacts | null): number {
  if (queue === null) return FILE_IN_FLIGHT_MAX
  return Math.max(1, Math.min(IN_FLIGHT_MAX, queue.requests - QUEUE_RESERVE))
}

/** What the path's device takes, which its operator may change at any time. */
export interface DeviceTakes {
  /** I/Os of this path in flight at most; the others wait here, in order. */
  readonly inFlightMax: number
  /** Bytes of the largest read or write that the device takes as one; larger ones go in pieces. */
  readonly transferBytesMax: number
  /** Bytes of the largest discard done on the ring; 0 sends them all to the helper. */
  readonly discardBytesMax: number
}

/** What the path's device takes at first, and what it means. */
export interface UringLimits extends DeviceTakes {
  /**
   * What EAGAIN means. On a block device the queue is full, and it will pass. On a plain file it may also be a block to
   * allocate or a dirty page, and then it never does: the I/O goes to the helper.
   */
  readonly again: 'queueFull' | 'helper'
}
