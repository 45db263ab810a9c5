// Loop devices as sysfs shows them, which never waits for a server.
import { readFileSync, readdirSync } from 'node:fs'

/** A loop device that is attached, as sysfs shows it. */
export interface LoopListing {
  readonly number: number
  /** '/dev/loop0'. */
  readonly device: string
  /** The kernel adds ' (deleted)' to the name of a file that has none any more. */
  readonly backingFile: string
  readonly direct: boolean
  /** Detaches at the last close: set so at attach, or by a detach while it is open. */
  readonly autoclear: boolean
  readonly readOnly: boolean
  readonly sizeBytes: number
  /** Bytes of the backing file before the device's first. */
  readonly offset: number
  /** Bytes of the backing file at most; 0 for all. */
  readonly sizeLimit: number
  readonly diskseq: number
}

/** All attached loop devices, by number. Reads sysfs only, so a hung server behind one does not hold it up. */
export function listLoops(sysRoot = '/sys'): readonly LoopListing[] {
  return readdirSync(`${sysRoot}/block`)
    .flatMap((name) => readLoop(name, sysRoot) ?? [])
    .sort((a, b) => a.number - b.number)
}

/** One loop device by its kernel name, 'loop0', from sysfs; null when it is not attached. */
export function readLoop(name: string, sysRoot = '/sys'): LoopListing | null {
  const number = /^loop(\d+)$/.exec(name)?.[1]
  if (number === undefined) return null
  const read = (attribute: string): string =>
    readFileSync(`${sysRoot}/block/${name}/${attribute}`, 'utf8').replace(/\n$/, '')
  try {
    return {
      number: Number(number),
      device: `/dev/${name}`,
      backingFile: read('loop/backing_file'),
      direct: read('loop/dio') === '1',
      autoclear: read('loop/autoclear') === '1',
      readOnly: read('ro') === '1',
      sizeBytes: Number(read('size')) * 512,
      offset: Number(read('loop/offset')),
      sizeLimit: Number(read('loop/sizelimit')),
      diskseq: Number(read('diskseq')),
    }
  } catch {
    // No `loop` directory, or it went while it was read: not attached.
    return null
  }
}
