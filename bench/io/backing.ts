// What lies under a benchmark, and is named with its figures: a file that is fully written, on tmpfs or on disk, and loop
// devices over it that do direct I/O.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { randomFillSync } from 'node:crypto'
import { join } from 'node:path'
import { attachLoop, loopPath, virtualLun } from '../../index.ts'
import type { PathDevice } from '../../index.ts'
import { alignedBytes } from '../../adapters/aligned.ts'

const MIB = 1024 * 1024
const TMPFS_MAGIC = 0x0102_1994
export const WWID = 'naa.600140500000be9c'

/** What is told of a backing with its figures. */
export interface BackingFacts {
  readonly filesystem: string
  readonly imageMiB: number
  readonly fullyWritten: true
  readonly loopDio: readonly string[]
  readonly nrRequests: number
}

export class Backing {
  readonly facts: BackingFacts
  readonly devices: readonly PathDevice[]
  readonly folder: string
  /** Every engine of the run takes its I/O memory from here, so that each finds it registered with the rings. */
  readonly memory: Uint8Array

  private constructor(
    folder: string,
    devices: readonly PathDevice[],
    facts: BackingFacts,
    memory: Uint8Array,
  ) {
    this.folder = folder
    this.devices = devices
    this.facts = facts
    this.memory = memory
  }

  /** Writes an image under `place` and attaches it `paths` times. */
  static async make(place: string, imageMiB: number, paths: number): Promise<Backing> {
    const folder = mkdtempSync(join(place, 'pathledger-bench-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    const image = join(folder, 'lun.img')
    writeAll(image, imageMiB)
    const devices: PathDevice[] = []
    const memory = alignedBytes(POOL_BYTES)
    for (let index = 0; index < paths; index += 1) devices.push(await attach(image, index))
    for (const device of devices) device.useMemory?.(memory.buffer)
    const names = devices.map(({ device }) => device.replace('/dev/', ''))
    const queue = (name: string, file: string) => readFileSync(`/sys/block/${name}/${file}`, 'latin1').trim()
    const facts: BackingFacts = {
      filesystem: statfsSync(folder).type === TMPFS_MAGIC ? 'tmpfs' : 'disk',
      imageMiB,
      fullyWritten: true,
      loopDio: names.map((name) => queue(name, 'loop/dio')),
      nrRequests: Number(queue(names[0] ?? '', 'queue/nr_requests')),
    }
    if (facts.loopDio.some((dio) => dio !== '1')) throw new Error(`loop/dio is ${facts.loopDio.join(', ')}`)
    return new Backing(folder, devices, facts, memory)
  }

  /** The first `count` devices, for one more engine: they stay open when it closes. */
  lend(count: number): PathDevice[] {
    return this.devices.slice(0, count).map((device) => ({
      ...device,
      useMemory: () => undefined,
      close: async () => undefined,
    }))
  }

  async close(): Promise<void> {
    for (const device of this.devices) await device.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** As much as the pool of an engine has. */
export const POOL_BYTES = 96 * MIB

async function attach(image: string, index: number): Promise<PathDevice> {
  const attached = await attachLoop({ image, wwid: WWID })
  try {
    return await loopPath(attached.device, { lun: virtualLun({ wwid: WWID }), hctl: `${8 + index}:0:0:0` })
  } finally {
    await attached.release()
  }
}

/** Random bytes to the last block: a hole would be read without a device. */
function writeAll(image: string, imageMiB: number): void {
  const fd = openSync(image, 'w')
  const bytes = randomFillSync(Buffer.alloc(MIB))
  for (let written = 0; written < imageMiB; written += 1) writeSync(fd, bytes)
  closeSync(fd)
}
