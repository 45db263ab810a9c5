// From a device to a path: who it says it is, what the LUN's storage knows, its place under a head, and the record of
// all that before anybody is told.
import type { PathDevice } from '../../adapters/ports.ts'
import { checkDevice } from '../../adapters/scsi/device-shape.ts'
import { hasCode, PathledgerError } from '../../errors.ts'
import type { AccessState } from '../../machines/words.ts'
import type { Alua, Introduced } from '../alua/alua.ts'
import { closedError } from '../core/closed.ts'
import type { Core } from '../core/core.ts'
import { inTime } from '../core/within.ts'
import type { PathRuntime } from '../heads/runtime.ts'
import { openRefused, proveByClaim } from './claim.ts'
import { followSizes } from '../heads/resize.ts'
import type { PathContext } from '../../machines/path/path.ts'
import type { Recorded } from '../ledger/recorder.ts'
import { isSameMedium, proveSameMedium, type Sameness } from '../health/same-medium.ts'
import { restingOf, type Attach } from '../lun/attach.ts'
import type { LunState } from '../lun/lun-state.ts'
import type { Luns } from '../lun/luns.ts'
import type { Streams } from '../ledger/streams.ts'
import { otherMedium, unprovedMedium } from './qualify.ts'
import { refusedOf, type Registry } from './registry.ts'

/** How a path begins its life. */
export interface AddPathOptions {
  /** Access state, where the program knows better than the target; default: what it reports, else what it was before a restart, else 'optimal'. */
  readonly access?: AccessState
  readonly preferred?: boolean
  /**
   * The transport holds the device back while it is found (SDEV_CREATED_BLOCK): it is added blocked, and
   * {@link Path.unblock} lets I/O go down it. Default false.
   */
  readonly blocked?: boolean
  /**
   * The program answers for it that the device leads to the LUN's medium, where nothing else shows it, or where its file has
   * taken the place of another one with the same bytes. The ledger and `show` say so. Default false: it is then refused.
   */
  readonly trustIdentity?: boolean
}

export interface AddPathParts {
  readonly core: Core
  readonly registry: Registry
  readonly streams: Streams
  readonly luns: Luns
  readonly alua: Alua
  /** Throws when the engine is over. */
  readonly refuseIfOver: () => void
}

/** Takes a device as a path; resolves when that is durable. Rejects with why not, which is on the ledger too. */
export async function addPath(
  parts: AddPathParts,
  given: PathDevice | Promise<PathDevice>,
  options: AddPathOptions,
): Promise<PathRuntime> {
  const { core, registry, luns, streams, refuseIfOver } = parts
  const introduced = await introduce(parts, await opened(parts, given), options)
  await proveIdentity(core, registry, introduced.device)
  refuseIfOver()
  const { device } = introduced
  const { lun, geometry } = device
  const shared = lun.wwid === '' ? null : await luns.of(lun.wwid).open(geometry.sizeBytes, device.kind)
  refuseIfOver()
  const { trustIdentity = false } = options
  const rests = restingOf(device)
  refuseOther(registry, shared, device, trustIdentity)
  shared?.share(lun.scsi)
  const { incarnation } = streams.of(`path/${lun.wwid}/${device.hctl}`).state
    .context as unknown as PathContext
  const attach = luns.attaches.of(device, incarnation + 1)
  // Before its first I/O: an engine that dies with one under way has told the others what it had.
  await shared?.attach(attach, device.guarantees.claimsExclusively === true, rests)
  const letGo = () => shared?.detach(attach).catch(() => undefined)
  const { path, recorded } = await takeOr(letGo, async () => {
    let sameness = await proveMedium(registry, device, trustIdentity)
    // Another path may have come first meanwhile.
    while (sameness === 'known' && mustBeProved(registry, device)) {
      sameness = await proveMedium(registry, device, trustIdentity)
    }
    return added(parts, introduced, attach, { ...options, sameness })
  })
  try {
    await core.recorder.durable(recorded)
  } catch (error) {
    // Its caller hears that it was not taken, and has the device again.
    await registry.remove(path, 'its record did not become durable', {}, true).catch(() => undefined)
    // What is in flight may still land: then it stays in the LUN's storage, for whoever comes after us.
    if (path.inFlight === 0) await letGo()
    throw error
  }
  proveByClaim(path)
  const { backendWhy } = device.facts
  if (typeof backendWhy === 'string') {
    core.log.info({ path: path.name, backend: device.guarantees.backend }, backendWhy)
  }
  return path
}

/** What throws is undone first; then the caller hears of it. */
async function takeOr<Value>(
  undo: () => Promise<void> | undefined,
  take: () => Promise<Value>,
): Promise<Value> {
  try {
    return await take()
  } catch (error) {
    await undo()
    throw error
  }
}

/** It takes its place under a head: nothing is awaited in here, so that two paths added at once share one. */
function added(
  { registry, alua, refuseIfOver }: AddPathParts,
  introduced: Introduced,
  attach: Attach,
  options: AddPathOptions & { readonly sameness: Sameness },
): { path: PathRuntime; recorded: Recorded } {
  refuseIfOver()
  const { device } = introduced
  const standing = alua.standing(introduced, registry.find(device.lun.wwid)?.runtime ?? null)
  const { access = tells(introduced) ? standing.access : null, preferred = standing.preferred } = options
  const { blocked = false, trustIdentity = false, sameness } = options
  const { path, recorded } = registry.add(device, attach, {
    ...{ access, preferred, blocked, trustIdentity, sameness },
  })
  alua.joined(path, introduced)
  // Before anybody else comes: the other paths of a LUN that grew must find its head as large as they are.
  followSizes(path.head)
  return { path, recorded }
}

/** Throws where the LUN's storage knows another medium of it. */
function refuseOther(
  registry: Registry,
  shared: LunState | null,
  device: PathDevice,
  trusted: boolean,
): void {
  const rests = restingOf(device)
  const before = rests === null || trusted ? null : (shared?.otherThan(rests) ?? null)
  if (before !== null) throw registry.refused(refusedOf(device), otherMedium(device, before, true))
}

/** Only its blocks can tell whether it is another way to the medium of the head that there is. */
function mustBeProved(registry: Registry, device: PathDevice): boolean {
  const paths = registry.find(device.lun.wwid)?.runtime.paths ?? []
  return paths.length > 0 && paths.every((path) => isSameMedium(device, path.device) === null)
}

/** Throws where it is not the LUN's medium, or nothing shows that it is and nobody answers for it. */
async function proveMedium(registry: Registry, device: PathDevice, trusted: boolean): Promise<Sameness> {
  const refuse = (refusal: PathledgerError) => registry.refused(refusedOf(device), refusal)
  const head = registry.find(device.lun.wwid)?.runtime
  if (head === undefined) return trusted ? 'trusted' : 'known'
  const sameness = await proveSameMedium(device, head, trusted)
  if (sameness === 'other')
    throw refuse(otherMedium(device, 'its blocks differ from those of the other paths', false))
  if (sameness === 'unproved') throw refuse(unprovedMedium(device))
  return trusted ? 'trusted' : sameness
}

/** Between its opening and this call it may have become another device. */
async function proveIdentity(core: Core, registry: Registry, device: PathDevice): Promise<void> {
  const { probeTimeoutMs } = core.settings
  const asked = device
    .identify()
    .catch((error: unknown) => ({ same: false as const, why: `it cannot be looked at: ${String(error)}` }))
  const late = `it did not say what it is within probeTimeoutMs, ${probeTimeoutMs} ms`
  const verdict = (await inTime(core, probeTimeoutMs, asked))?.value ?? { same: false, why: late }
  if (verdict.same) return
  throw registry.refused(
    refusedOf(device),
    new PathledgerError('PATH_WRONG_LUN', {
      message: `${device.device} was refused as a path.`,
      why: `It is not what was opened: ${verdict.why}.`,
      todo: 'Check which device you want, and open it again. This one still belongs to your program: close it.',
      errno: 'ESTALE',
    }),
  )
}

/** Whether the target tells access states. Where it does not, one that comes back after a restart has what it had. */
function tells({ identity: { tpgs } }: Introduced): boolean {
  return tpgs !== null && tpgs !== 0
}

/** What could not be opened, or is another LUN's, is on the ledger as any other device that was not taken. */
async function opened(parts: AddPathParts, given: PathDevice | Promise<PathDevice>): Promise<PathDevice> {
  try {
    const device = await given
    checkDevice('addPath', device)
    return device
  } catch (error) {
    if (hasCode(error, 'ARGUMENT_INVALID')) throw error
    throw await openRefused(parts, error)
  }
}

async function introduce(
  { registry, alua, core }: AddPathParts,
  device: PathDevice,
  { access }: AddPathOptions,
): Promise<Introduced> {
  try {
    return await alua.introduce(device, access === undefined)
  } catch (error) {
    if (core.broken !== null) throw closedError()
    throw error instanceof PathledgerError ? registry.refused(refusedOf(device), error) : error
  }
}
