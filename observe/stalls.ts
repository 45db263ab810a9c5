// I/O that stands still. A hung path writes no line, and its neighbours none either; its counters tell: I/O is under way and
// none ends. They are read each second, and reading them touches no device.
import type { Statement } from '../foreign/types.ts'
import type { Device, Sysfs } from './sysfs.ts'

/** I/O under way of which none ends for so long stands still. Longer than a slow disk's single I/O, shorter than any timeout. */
export const STALL_US = 5_000_000

interface Counter {
  /** I/Os that have ended, ever. */
  ended: number
  /** When one ended last, or none was under way. */
  sinceUs: number
  stalled: boolean
}

/** Reads the counters of devices, second by second. */
export class Stalls {
  readonly #sysfs: Sysfs
  readonly #counters = new Map<string, Counter>()

  constructor(sysfs: Sysfs) {
    this.#sysfs = sysfs
  }

  /** One reading of all devices. */
  look(devices: ReadonlyMap<string, Device>, atUs: number): Statement[] {
    for (const name of this.#counters.keys()) if (!devices.has(name)) this.#counters.delete(name)
    return [...devices.values()].flatMap((device) => this.#one(device, atUs))
  }

  #one(device: Device, atUs: number): Statement[] {
    const inflight = sum(this.#sysfs.text(`block/${device.name}/inflight`), [0, 1])
    // Reads, writes, discards and flushes that have ended.
    const ended = sum(this.#sysfs.text(`block/${device.name}/stat`), [0, 4, 11, 15])
    if (inflight === null || ended === null) return []
    const counter = this.#counters.get(device.name)
    if (counter === undefined) {
      this.#counters.set(device.name, { ended, sinceUs: atUs, stalled: false })
      return []
    }
    if (inflight > 0 && ended === counter.ended) {
      if (counter.stalled || atUs - counter.sinceUs < STALL_US) return []
      counter.stalled = true
      return [said('stalled', device, { sinceUs: String(counter.sinceUs), inflight: String(inflight) })]
    }
    const moved = counter.stalled
      ? [said('movedAgain', device, { stoodUs: String(atUs - counter.sinceUs) })]
      : []
    Object.assign(counter, { ended, sinceUs: atUs, stalled: false })
    return moved
  }
}

function sum(text: string | null, columns: readonly number[]): number | null {
  if (text === null) return null
  const fields = text.trim().split(/\s+/).map(Number)
  return columns.reduce((total, column) => total + (fields[column] ?? 0), 0)
}

function said(
  says: string,
  { kind, name, devt, hctl, map }: Device,
  more: Record<string, string>,
): Statement {
  const who =
    kind === 'map'
      ? { dm: name, ...(map === null ? {} : { map }) }
      : { dev: name, devt, ...(hctl === null ? {} : { hctl }) }
  return { template: `sysfs.${says}`, says, fields: { ...who, ...more } }
}
