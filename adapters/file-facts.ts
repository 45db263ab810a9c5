// What stat says of a file, in the words the rest of adapters/ compares.
import { realpathSync, statSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'

/** Who a file is and where it lies. */
export interface FileFacts {
  /** Without links. */
  readonly realPath: string
  /** 'major:minor' of the filesystem it lies on. */
  readonly device: string
  /** 'major:minor:inode'. */
  readonly inode: string
  /** 'major:minor' of the block device it is, or null when it is none. */
  readonly blockNumber: string | null
}

/** Facts of a file, links followed; null when it cannot be reached. Waits for as long as its filesystem does. */
export function inspectFile(path: string): FileFacts | null {
  try {
    const realPath = realpathSync(path)
    const stats = statSync(realPath, { bigint: true })
    return {
      realPath,
      device: deviceNumber(stats.dev),
      inode: inodeName(stats),
      blockNumber: stats.isBlockDevice() ? deviceNumber(stats.rdev) : null,
    }
  } catch {
    return null
  }
}

/** 'major:minor:inode' of what was stat'ed: two names of one file have the same. */
export function inodeName({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  return `${deviceNumber(dev)}:${ino}`
}

/** 'major:minor' of a device number, in the encoding that stat(2) and the loop driver share. */
export function deviceNumber(encoded: bigint): string {
  const major = ((encoded >> 8n) & 0xfffn) | ((encoded >> 32n) & 0xffff_f000n)
  const minor = (encoded & 0xffn) | ((encoded >> 12n) & 0xffff_ff00n)
  return `${major}:${minor}`
}
