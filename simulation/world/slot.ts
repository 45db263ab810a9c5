// A place for a path on a host: it keeps its H:C:I:L while devices come and go in it. Each device has its switches, and a
// tap that checks every I/O that the engine sends down it.
import { delayFilter } from '../../adapters/filters/delay.ts'
import { errorFilter } from '../../adapters/filters/error.ts'
import { hangFilter } from '../../adapters/filters/hang.ts'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { IoCompletion, IoRequest, PathDevice } from '../../adapters/ports.ts'
import { PathledgerError } from '../../errors.ts'
import type { Path } from '../../engine/api/path.ts'
import { simulatedDevice } from './device.ts'
import { forgottenGhost } from './kept-ghosts.ts'
import { below } from './mix.ts'
import { BLOCK, generationIn } from './shadow.ts'
import { tapPath, type Tap } from './tap.ts'
import { inTime, report } from './parts.ts'
import type { World, Host, SimLun, Attachment, Slot } from './parts.ts'

/** Bytes of a read that checks a path; the workload never does an I/O of that size. */
const PROBE_BYTES = 4096

/** A cache takes so long to write back: time for more writes, and for more flushes. */
const WRITE_BACK_US = 2_000

export function makeSlot(world: World, host: Host, lun: SimLun, hctl: string): Slot {
  const slot: Omit<Slot, 'now'> & { now?: Attachment } = {
    hctl,
    host,
    lun,
    before: [],
    bystanderUs: null,
    adding: false,
    diskseq: 0,
    cache: `${host.name} ${hctl}`,
  }
  slot.now = attachment(world, slot as Slot)
  return slot as Slot
}

/** Whether a device can be claimed: the kernel holds nothing of it for engines that are gone, and nobody else has it open. */
export function isLetGo(slot: Slot, device: string): boolean {
  return device !== `/dev/sim${slot.hctl}` || (!isHeld(slot) && slot.bystanderUs === null)
}

/** A device that was there before has I/O; or the one that is there, and its engine is dead. */
function isHeld({ host, now, before }: Slot): boolean {
  const left = host.life?.alive === true && now.path !== null ? before : [now, ...before]
  return left.some(({ tap }) => tap.inFlight > 0)
}

/** Puts a new device into the slot; `again`: the same attach as before, opened anew. */
export function attach(world: World, slot: Slot, again = false): Attachment {
  slot.before = [...slot.before, slot.now].filter(
    ({ tap, hang, sim }) => tap.inFlight + hang.held + sim.pending > 0,
  )
  // What was killed does not come back: another server is another attach.
  if (!again || slot.now.sim.killed) {
    slot.diskseq += 1
    newServer(world, slot)
  }
  slot.now = attachment(world, slot)
  return slot.now
}

/** Another server serves it; the one before may be dead, and its cache with it, once it has nothing to do any more. */
function newServer({ mix, random, attaches, tell }: World, slot: Slot): void {
  if (mix.caches !== 'own') return
  const { host, hctl, lun } = slot
  const dies = below(random.fork(`server ${host.name} ${hctl} ${attaches}`), 2) === 0
  // Not where the engine did not take the new device, for it has the old one still.
  if (dies && slot.before.length === 0 && pathOf(slot) === null) {
    lun.disk.lose(slot.cache)
    lun.shadow.killCache()
    tell?.(`  what was in the cache of ${hctl} is gone`)
  }
  slot.cache = `${host.name} ${hctl} ${slot.diskseq}`
}

/** Adds the slot's device to its host's engine. Rejects as addPath does. */
export async function addSlot(world: World, slot: Slot, again = false): Promise<void> {
  const { host, lun } = slot
  const { mp, life } = host
  if (mp === null || life === null || slot.adding) return
  slot.adding = true
  try {
    const refused = claimRefused(world, slot)
    const made = attach(world, slot, again)
    const device = world.plant.device?.(made.tap.device, world.clock) ?? made.tap.device
    const adding = mp.addPath(refused === null ? life.hold(device) : Promise.reject(refused))
    const path = await inTime(world, life, `a path at ${slot.hctl}`, adding)
    if (!life.alive) return
    made.path = path
    const forgotten = forgottenGhost(host, mp, lun)
    if (forgotten !== null) report(world, 'ghostsOutliveRuns', `${host.name} does not hold ${forgotten}`)
    // From here on the engine holds off what the one before it left.
    for (const left of host.limbo) if (left.lun === lun) lun.shadow.fail(left.write)
    host.limbo = host.limbo.filter((left) => left.lun !== lun)
  } finally {
    if (life.alive) slot.adding = false
  }
}

/** Why it cannot be opened exclusively. A bystander hides what else has it. */
function claimRefused({ mix, sometimes }: World, slot: Slot): PathledgerError | null {
  if (!mix.claims) return null
  const { lun, hctl, bystanderUs } = slot
  const { wwid } = lun
  const device = `/dev/sim${hctl}`
  if (bystanderUs !== null) {
    if (isHeld(slot)) sometimes.reach('bystanderHidClaim')
    return new PathledgerError('PATH_BUSY', {
      message: `${device} cannot be opened.`,
      why: 'Another program has it open.',
      todo: 'Stop that program.',
      details: { wwid, hctl, device },
    })
  }
  if (!isHeld(slot)) return null
  return new PathledgerError('PATH_GHOST_CLAIM', {
    message: `${device} cannot be opened.`,
    why: 'The kernel has it open for an engine that is dead.',
    todo: 'Wait until it has let go.',
    details: { wwid, hctl, device },
  })
}

function attachment(world: World, slot: Slot): Attachment {
  const { clock, mix } = world
  const { hctl, lun, host } = slot
  world.attaches += 1
  const random = world.random.fork(`device ${host.name} ${hctl} ${world.attaches}`)
  // Behind one connection nothing overtakes.
  const inOrder = mix.errorsAre === 'connection'
  const sim = simulatedDevice(lun.disk, {
    wwid: lun.wwid,
    hctl,
    clock,
    latencyUs: ({ op }) => {
      const writesBack = op === 'flush' && mix.caches === 'own' ? WRITE_BACK_US : 0
      return inOrder ? 100 : 20 + below(random, 300) + writesBack
    },
    numaNode: hctl.startsWith('8') ? 1 : null,
    diskseq: slot.diskseq,
    guarantees: {
      errorsAreFinal: mix.errorsAre === 'final' || world.plant.errorsAreFinal === true,
      claimsExclusively: mix.claims,
      oneConnection: inOrder,
      isolatesExit: true,
      backend: 'memory',
    },
    onLand: (request) => landed(world, slot, request),
    onLost: () => lost(slot),
    cache: {
      inode: mix.caches === 'inode' ? `sim:${lun.wwid}` : null,
      onDead: () => {
        lun.shadow.killCache()
        world.tell?.(`  the server of ${hctl} dies with its cache`)
      },
      ...(mix.caches === 'own' ? { own: slot.cache } : {}),
    },
  })
  const hang = hangFilter(truthful(sim.device, mix.errorsAre === 'final'))
  const delay = delayFilter(declared(hang.path, sim.device), { delayUs: 2_000 }, { clock })
  const error = errorFilter(delay.path, {}, { random: random.fork('errors') })
  const made: Omit<Attachment, 'tap'> & { tap?: Tap } = {
    sim,
    hang: hang.control,
    delay: delay.control,
    error: error.control,
    path: null,
    spared: false,
    failedAtUs: -1,
  }
  made.tap = tapPath(error.path, () => clock.monoUs(), {
    onSubmit: (request) => submitted(world, slot, made as Attachment, request),
    onDone: (request, completion, startedUs) => {
      const { op, data } = request
      if (op === 'write' && data !== null) world.onAnswered(generationIn(data), completion.errno === null)
      done(world, slot, made as Attachment, { request, completion, startedUs })
    },
  })
  return made as Attachment
}

/** The device below the filters says what is so; what the engine is told may be planted. */
function truthful(device: PathDevice, errorsAreFinal: boolean): PathDevice {
  const guarantees = { ...device.guarantees, errorsAreFinal }
  return Object.defineProperty(
    wrapPath(device, (request, then) => device.submit(request, then)),
    'guarantees',
    {
      value: guarantees,
    },
  )
}

function declared(path: PathDevice, { guarantees }: PathDevice): PathDevice {
  return Object.defineProperty(
    wrapPath(path, (request, then) => path.submit(request, then)),
    'guarantees',
    {
      value: guarantees,
    },
  )
}

export function isProbe({ op, length }: IoRequest): boolean {
  return op === 'read' && length === PROBE_BYTES
}

function submitted(world: World, slot: Slot, to: Attachment, request: IoRequest): void {
  const { hctl, host, lun } = slot
  const { offset, op, data } = request
  if (isProbe(request)) return
  world.tell?.(`  ${describe(request)} is sent down ${hctl}`)
  // What it acknowledged is flushed as a path goes.
  if (host.mp?.broken?.code === 'LUN_STORAGE_LOST' && op !== 'flush') {
    report(world, 'lossStops', `${op} at ${offset} was sent down ${hctl} by an engine that has stopped`)
  }
  const path = to.path ?? pathOf(slot)
  if (path !== null && !mayTakeIo(path, op)) {
    report(world, 'onlyUsablePaths', `${op} at ${offset} was sent down ${hctl}, which is not usable`)
  }
  if (to.sim.swapped !== null) {
    report(world, 'rightIdentity', `${op} at ${offset} was sent down ${hctl}, which is another LUN's now`)
  }
  const mine = lun.shared.reservation.registrants.filter(({ initiator }) => initiator === host.name)
  if (mine.length > 0 && !mine.some(({ nexus }) => nexus === hctl)) {
    report(world, 'keyBeforeIo', `${op} at ${offset} was sent down ${hctl}, where the key is not registered`)
  }
  if (op !== 'write' || data === null) return
  const generation = generationIn(data)
  world.sometimes.sent(generation, hctl)
  world.onSent(generation)
}

function describe({ op, offset, length, data }: IoRequest): string {
  const generation = op === 'write' && data !== null ? ` ${generationIn(data)}` : ''
  return `${op}${generation} of blocks ${offset / BLOCK}..${(offset + length) / BLOCK - 1}`
}

function pathOf({ host, hctl }: Slot): Path | null {
  const paths = host.mp?.heads.flatMap((head) => head.paths) ?? []
  return paths.find((path) => path.hctl === hctl) ?? null
}

/** The rule again, in words of its own: this checker believes neither the engine's fields nor its predicates. */
function mayTakeIo({ state: { device, access, health, admin }, flags }: Path, op: string): boolean {
  // A path that was pulled, or is just being let go, takes a flush of what it has acknowledged, and nothing else.
  const flushes = op === 'flush'
  const adminOk = admin === 'enabled' || flags.override === 'on' || flushes
  return (
    (device === 'running' || (flushes && device === 'deleted')) &&
    adminOk &&
    /^(optimal|active)$/.test(access) &&
    /^(online|marginal)$/.test(health)
  )
}

/** A path that has refused an I/O does not get it again before it has failed and come back. */
const REFUSALS_MAX = 4

interface Ended {
  readonly request: IoRequest
  readonly completion: IoCompletion
  readonly startedUs: number
}

function done(world: World, { hctl, host }: Slot, { path, failedAtUs }: Attachment, ended: Ended): void {
  const { request, completion, startedUs } = ended
  const { op, offset, length, data } = request
  if (completion.errno !== null) world.tell?.(`  ${describe(request)} on ${hctl}: ${completion.errno}`)
  if (completion.errno === null) {
    if (!isProbe(request) && failedAtUs > startedUs && path?.state.health === 'online') {
      world.sometimes.reach('lateCompletionAfterReturn')
    }
    return
  }
  world.faults += 1
  if (op !== 'write' || data === null) return
  const generation = generationIn(data)
  world.sometimes.refused(generation, hctl, completion.errno)
  // A busy path is tried again: nothing to explain.
  if (completion.errno === 'EAGAIN') return
  const seen = { hctl, atUs: world.clock.monoUs(), offset, length }
  const all = [...(world.errors.get(generation) ?? []), seen]
  world.errors.set(generation, all)
  // Of a ledger that does not take events nobody hears that the path has failed meanwhile.
  if (host.ledger.lastFaultUs >= 0) return
  const again = all.filter((one) => one.hctl === hctl && one.atUs > failedAtUs).length
  if (again > REFUSALS_MAX) {
    report(
      world,
      'refusalsAreRemembered',
      `write ${generation} was refused by ${hctl} ${again} times, and sent there again`,
    )
  }
}

/** The cache could not write back: a flush has failed for it. */
function lost({ lun }: Slot): void {
  lun.shadow.loseCache()
  if (lun.lossFlush !== null) lun.lossFlush.lost = true
}

/** A change reaches the medium. */
function landed(world: World, { host, lun, hctl }: Slot, request: IoRequest): void {
  const { op, offset, data } = request
  world.tell?.(`  ${describe(request)} lands through ${hctl}`)
  if (op === 'write' && data !== null && world.failedWrites.has(generationIn(data))) {
    world.sometimes.reach('lateWriteLanded')
  }
  if (!lun.shared.isBarredSince(host.name, lun.settledEpoch)) return
  report(
    world,
    'preemptedNeverLands',
    `${op} at ${offset} of ${host.name} landed after it had been preempted`,
  )
}
