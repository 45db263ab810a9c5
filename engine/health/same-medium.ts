// Do two paths lead to one medium? Their LUN's id is what the target says, and two disks may say the same. Where neither an inode
// nor the program can tell, blocks are compared that do not change meanwhile: one that differs is proof of another medium, and
// equal ones prove something only where there is something in them.
import { alignedBytes } from '../../adapters/aligned.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { guarded, type Core } from '../core/core.ts'
import { within } from '../core/within.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { probeLength } from './places.ts'

/** True or false where that is certain; null where nothing but their blocks can tell. */
export function isSameMedium(one: PathDevice, other: PathDevice): boolean | null {
  const [mine, theirs] = [one.coherence.inode, other.coherence.inode]
  if (mine !== null && theirs !== null) {
    // Of one file another part is another medium.
    if (mine === theirs) return partOf(one) === partOf(other)
    // Errors are final where a file lies on local disks alone: there an inode tells one medium from another.
    if (one.guarantees.errorsAreFinal && other.guarantees.errorsAreFinal) return false
  }
  if (one.medium !== undefined && other.medium !== undefined) return one.medium === other.medium
  return null
}

function partOf({ facts }: PathDevice): number {
  const { offset } = facts
  return typeof offset === 'number' ? offset : 0
}

/** Of so many places the first pages are compared, where labels and tables lie, and of so many more the rest is. */
export const PAGES_COMPARED = 16
const PLACES_COMPARED = 16
/** So often a block that differs is read anew on both: somebody may be writing it. */
const TRIES = 3

/** What a comparison came to: the same bytes, other bytes, nothing in them that could tell, or no answer. */
export type Compared = 'same' | 'other' | 'blank' | 'unread'

/** Where the blocks lie that are compared. */
export function placesCompared({ geometry }: PathDevice): readonly number[] {
  const bytes = probeLength(geometry)
  const blocks = Math.floor(geometry.sizeBytes / bytes)
  const first = Array.from({ length: Math.min(PAGES_COMPARED, blocks) }, (_, at) => at * bytes)
  const spread = Array.from(
    { length: PLACES_COMPARED },
    (_, at) => Math.floor(((blocks - 1) * at) / (PLACES_COMPARED - 1)) * bytes,
  )
  return [...new Set([...first, ...spread])]
}

/** Compares a device with a path. Each read has `probeTimeoutMs`. */
export async function compareBlocks(device: PathDevice, path: PathRuntime): Promise<Compared> {
  const bytes = probeLength(device.geometry)
  const places = placesCompared(device)
  const memory = alignedBytes(2 * bytes * places.length)
  const blocks = places.map((offset, index) => {
    const mine = memory.subarray(2 * index * bytes, (2 * index + 1) * bytes)
    const theirs = memory.subarray((2 * index + 1) * bytes, (2 * index + 2) * bytes)
    return compareBlock(
      () => readOf(path.core, device, offset, mine),
      () => readOfPath(path, offset, theirs),
    )
  })
  const found = new Set(await Promise.all(blocks))
  return (['other', 'unread', 'same'] as const).find((word) => found.has(word)) ?? 'blank'
}

type Read = () => Promise<Uint8Array | null>

/** 'blank' also for a block that is never the same twice: it is being written. */
async function compareBlock(readMine: Read, readTheirs: Read): Promise<Compared> {
  let last = ''
  for (let turn = 0; turn < TRIES; turn += 1) {
    const [mine, theirs] = await Promise.all([readMine(), readTheirs()])
    if (mine === null || theirs === null) return 'unread'
    if (Buffer.compare(mine, theirs) === 0) return mine.some((byte) => byte !== mine[0]) ? 'same' : 'blank'
    const now = Buffer.from(theirs).toString('latin1')
    // It has not changed since it was read before, and so it is no write that came in between.
    if (now === last) return 'other'
    last = now
  }
  return 'blank'
}

/** Null when it cannot be read, or not in time. */
function readOf(
  core: Core,
  device: PathDevice,
  offset: number,
  into: Uint8Array,
): Promise<Uint8Array | null> {
  const request = { op: 'read', offset, length: into.length, data: into, fua: false } as const
  return new Promise((resolve) => {
    within<boolean>(
      core,
      core.settings.probeTimeoutMs,
      (answer) =>
        device.submit(request, ({ errno, status, bytes }) =>
          answer(errno === null && (status ?? 'OK') === 'OK' && bytes === into.length),
        ),
      (well) => resolve(well === true ? into : null),
    )
  })
}

/** The same of a path of a head, which is not let go of before the read is back. */
function readOfPath(path: PathRuntime, offset: number, into: Uint8Array): Promise<Uint8Array | null> {
  const device: Pick<PathDevice, 'submit'> = {
    submit: (request, done) => {
      path.inFlight += 1
      path.device.submit(request, (completion) => {
        path.inFlight -= 1
        if (path.inFlight === 0) path.onQuiet?.()
        done(completion)
      })
    },
  }
  return readOf(path.core, device as PathDevice, offset, into)
}

/** What speaks for a device being another way to the medium of a head: nothing was needed, its blocks, or the program's word. */
export type Sameness = 'known' | 'blocks' | 'trusted' | 'unproved' | 'other'

/** Proves it, where it is not known already, by the first path of the head that answers. */
export async function proveSameMedium(
  device: PathDevice,
  { paths }: HeadRuntime,
  trusted: boolean,
): Promise<Sameness> {
  const known = paths.map((path) => isSameMedium(device, path.device))
  // Where it is certain that they are two, the head refuses it by itself.
  if (known.length === 0 || known.some((same) => same !== null)) return 'known'
  if (trusted) return 'trusted'
  for (const path of paths.filter(({ disabled }) => !disabled)) {
    const compared = await compareBlocks(device, path)
    if (compared === 'same') return 'blocks'
    if (compared === 'other') return 'other'
    if (compared === 'blank') return 'unproved'
  }
  return 'unproved'
}

/** A path is about to be used again: calls `then` with why its blocks show another medium, or null. At once where they need not be asked. */
export function whenCompared(path: PathRuntime, then: (anotherBecause: string | null) => void): void {
  const { core, device, head } = path
  const others = head.paths.filter((other) => other !== path && !other.disabled)
  const [other] = others
  if (other === undefined || others.some((one) => isSameMedium(device, one.device) !== null))
    return then(null)
  compareBlocks(device, other).then(
    (compared) => {
      const differ = `its blocks differ from those of ${other.name}`
      guarded(core, () => then(compared === 'other' ? differ : null))
    },
    (error: unknown) =>
      guarded(core, () => {
        throw error
      }),
  )
}
