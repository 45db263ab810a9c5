// Implicit ALUA of every LUN of an engine, and what a device says of itself before it becomes a path.
import type { PathDevice } from '../../adapters/ports.ts'
import { groupOf, type LunGroups } from '../../machines/lun/groups.ts'
import type { Core } from '../core/core.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import type { Recorded } from '../ledger/recorder.ts'
import { asIdentified, identify, type Identity } from './identify.ts'
import { LunAlua, standingOf, type Standing } from './lun-alua.ts'
import type { Report } from './report.ts'
import { Turnstile } from './turnstile.ts'

/** A device that was asked what it is. */
export interface Introduced {
  /** The device, as one of the LUN that its own bytes name. */
  readonly device: PathDevice
  readonly identity: Identity
  readonly report: Report | null
}

export class Alua {
  readonly #core: Core
  readonly #turnstile: Turnstile
  readonly #luns = new Map<string, LunAlua>()

  constructor(core: Core) {
    this.#core = core
    this.#turnstile = new Turnstile(core.settings.reportsInFlightMax)
  }

  /**
   * Asks a device who it is and where it goes in; with multipath 'off' nothing is asked. `asked` false leaves out the
   * report of its groups. Throws PATH_NOT_IDENTIFIED.
   */
  async introduce(device: PathDevice, asked: boolean): Promise<Introduced> {
    if (this.#core.settings.multipath === 'off') {
      return { device, identity: { lun: device.lun, tpgs: null, port: null }, report: null }
    }
    const identity = await identify(this.#core, device)
    const { wwid } = identity.lun
    const report = asked && wwid !== '' ? await this.#lun(wwid).reportFor(device, identity) : null
    return { device: asIdentified(device, identity), identity, report }
  }

  /** The access state in which an introduced device begins as a path. */
  standing({ device, identity, report }: Introduced, head: HeadRuntime | null): Standing {
    const groups = head?.lun.stream.state.context as LunGroups | undefined
    return standingOf(identity, report, groups === undefined ? null : groupOf(groups, device.hctl))
  }

  /** The device is a path now. */
  joined(path: PathRuntime, { identity, report }: Introduced): void {
    this.#lun(path.head.lun.wwid).joined(path, identity, report)
  }

  /** A path was removed. */
  left(path: PathRuntime): void {
    this.#luns.get(path.head.lun.wwid)?.left(path.hctl)
  }

  /** Sense data came on a path. */
  sense(path: PathRuntime, bytes: Uint8Array): void {
    this.#luns.get(path.head.lun.wwid)?.sense(path, bytes)
  }

  /** The head has no usable path but for access states; or has one again. */
  awaitGroups(head: HeadRuntime, waits: boolean, cause: Recorded): void {
    this.#lun(head.lun.wwid).awaitGroups(head, waits, cause)
  }

  stop(): void {
    for (const lun of this.#luns.values()) lun.stop()
  }

  #lun(wwid: string): LunAlua {
    const known = this.#luns.get(wwid)
    if (known !== undefined) return known
    const made = new LunAlua(this.#core, this.#turnstile)
    this.#luns.set(wwid, made)
    return made
  }
}
