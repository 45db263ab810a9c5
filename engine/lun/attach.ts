// An attach: one device as one path of one engine, from its opening to its close. It is what every ghost, proof, fence and
// claim names. H:C:I:L is a label for people, which several devices, engines and lives share.
import type { PathDevice } from '../../adapters/ports.ts'
import type { AttachName, LunMedium } from '../../store/lun/types.ts'
import type { Attach } from '../../store/state/open-ghosts.ts'

export type { Attach } from '../../store/state/open-ghosts.ts'

/** What may prove over what an attach left: the device that was claimed, fenced, or let go of. */
export type DeviceName = Pick<Attach, 'device' | 'deviceKey'>

/** Names the attaches of one engine, each once. */
export class AttachNames {
  readonly #engine: string
  readonly #bootId: string
  #made = 0

  constructor(engine: string, bootId: string) {
    this.#engine = engine
    this.#bootId = bootId
  }

  /** Of a device that is to be a path in its next life. */
  of(device: PathDevice, incarnation: number): Attach {
    const place = { path: device.hctl, incarnation, device: device.device.slice(0, 4096) }
    const final = device.guarantees.errorsAreFinal
    return this.#named({ ...place, deviceKey: deviceKeyOf(device), final })
  }

  /** Of a device that somebody has, nobody knows who: it could not be opened. */
  ofUnknown(place: Pick<Attach, 'path' | 'incarnation' | 'device'>): Attach {
    return this.#named({ ...place, deviceKey: '', final: false })
  }

  #named(rest: Omit<Attach, 'id' | 'bootId'>): Attach {
    this.#made += 1
    return { id: `${this.#engine}.${this.#made}`, ...rest, bootId: this.#bootId }
  }
}

/** Names a device, and which life of it: 'loop:7:0 diskseq 12'. Two paths over one file are two devices. */
function deviceKeyOf(device: PathDevice): string {
  const { kind, hctl, facts, coherence } = device
  const { diskseq } = facts
  const life = typeof diskseq === 'number' ? ` diskseq ${diskseq}` : ''
  const what = device.deviceKey ?? `${kind}:${coherence.inode ?? device.device}@${hctl}`
  return `${what.slice(0, 480)}${life}`
}

/** Whether the kernel keeps its I/O beyond the death of a process, behind a claim. */
export function isKernelDevice({ device }: DeviceName): boolean {
  return device.startsWith('/dev/')
}

/** The same life of the same device. */
export function isSameDevice(one: DeviceName, other: DeviceName): boolean {
  return one.deviceKey !== '' && one.deviceKey === other.deviceKey
}

/**
 * Whether a claim of a device speaks of what an attach left: it is the same one, or an earlier life of it, for which the
 * kernel let go of everything before the next one began.
 */
export function claimSpeaksOf(claimed: DeviceName, left: DeviceName): boolean {
  if (isSameDevice(claimed, left)) return true
  if (left.deviceKey === '') return claimed.device === left.device
  return isKernelDevice(left) && placeOf(claimed) === placeOf(left)
}

function placeOf({ deviceKey }: DeviceName): string {
  return deviceKey.split(' ', 1)[0] ?? ''
}

/** As the LUN's storage has it. */
export function attachName({ id, device, deviceKey, final }: Attach): AttachName {
  return { attach: id, device, deviceKey, final: final ? 1 : 0 }
}

/** Out of the LUN's storage. */
export function attachFrom(
  row: AttachName & { readonly path: string; readonly incarnation: number; readonly bootId: string },
): Attach {
  const { attach: id, path, incarnation, device, deviceKey, final, bootId } = row
  return { id, path, incarnation, device, deviceKey, final: final === 1, bootId }
}

/** A file that a path rests on, on a file system of this machine. */
export type Resting = Pick<LunMedium, 'name' | 'inode'>

/** What a device rests on; null where an inode cannot tell one medium from another: behind a server, or without one. */
export function restingOf({ kind, device, facts, coherence, guarantees }: PathDevice): Resting | null {
  const { inode } = coherence
  const name = kind === 'loop' ? facts['backingFile'] : device
  // Errors are final where a file lies on local disks alone: there an inode tells one medium from another.
  if (inode === null || !guarantees.errorsAreFinal || typeof name !== 'string' || name === '') return null
  return { name: name.slice(0, 4096), inode }
}

/** What a file system is called may be counted anew at each boot; the number of a file in it is not. */
export function isSameInode(
  one: { readonly inode: string; readonly bootId: string },
  other: { readonly inode: string; readonly bootId: string },
): boolean {
  return one.bootId === other.bootId
    ? one.inode === other.inode
    : numberIn(one.inode) === numberIn(other.inode)
}

export function numberIn(inode: string): string {
  return inode.slice(inode.lastIndexOf(':') + 1)
}
