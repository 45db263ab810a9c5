// Loop devices as sysfs shows them, which never waits for a server.
import { argumentInvalid, checkArguments } from '../../errors/arguments.ts'
import { messageOf } from '../../errors.ts'
import { readFileSync, readdirSync } from 'node:fs'
import type { DeviceLimits } from '../ports.ts'

/** A loop device that is attached, as sysfs shows it. */
export interface LoopListing {
  readonly number: number
  /** '/dev/loop0'. */
  readonly device: string
  /** 'major:minor' of the block device. */
  readonly blockNumber: string
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
  checkArguments('listLoops', { sysRoot }, { sysRoot: 'file' })
  return namesIn(`${sysRoot}/block`)
    .flatMap((name) => readLoop(name, sysRoot) ?? [])
    .sort((a, b) => a.number - b.number)
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    throw argumentInvalid(
      'listLoops',
      `sysRoot is where sysfs is mounted, and there it said: ${messageOf(error)}.`,
    )
  }
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
      blockNumber: read('dev'),
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

/** What one I/O of a loop device may be, from sysfs; what is not there is left out. */
export function readLimits(name: string, sysRoot = '/sys'): Partial<DeviceLimits> {
  const read = (attribute: string, unit = 1): number | undefined => {
    try {
      const value = Number(readFileSync(`${sysRoot}/block/${name}/queue/${attribute}`, 'utf8'))
      return Number.isSafeInteger(value * unit) ? value * unit : undefined
    } catch {
      return undefined
    }
  }
  const limits = {
    physicalBlockBytes: read('physical_block_size'),
    ioMinBytes: read('minimum_io_size'),
    ioOptBytes: read('optimal_io_size'),
    maxTransferBytes: read('max_sectors_kb', 1024),
    discardMaxBytes: read('discard_max_bytes'),
    discardGranularityBytes: read('discard_granularity'),
  }
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
}
