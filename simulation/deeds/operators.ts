// What operators do: they pull paths and put them back, change policies, remove and add devices, release ghosts, kill
// engines, and pull the plug.
import { PathledgerError } from '../../errors.ts'
import { ACCESS_STATES, IO_POLICIES } from '../../machines/words.ts'
import { letGoLater, notAdded, reboot } from '../world/hosts.ts'
import { below, pick } from '../world/mix.ts'
import { REMOVERS_HEAR } from './expected.ts'
import type { Scene } from './scene.ts'
import { addSlot } from '../world/slot.ts'
import type { Slot } from '../world/parts.ts'
import { inTime, report } from '../world/parts.ts'

const WORD = { actor: 'operator:0', reason: 'simulated' }

function withPath(
  { world, random }: Scene,
  act: (path: NonNullable<Slot['now']['path']>, slot: Slot) => void,
): void {
  const slots = world.hosts.flatMap((host) => host.slots)
  const slot = slots[below(random, slots.length)]
  const path = slot?.now.path ?? null
  if (slot !== undefined && path !== null && path.state.device !== 'deleted') act(path, slot)
}

export function operate(scene: Scene): void {
  withPath(scene, (path) => {
    if (path.state.admin === 'enabled') path.fail(WORD)
    else path.reinstate(WORD)
  })
}

export function access(scene: Scene): void {
  withPath(scene, (path) => {
    path.setAccessState(pick(scene.random, ACCESS_STATES), {
      why: 'simulated',
    })
  })
}

/** A transport blocks a device and lets it go again. */
export function block(scene: Scene): void {
  withPath(scene, (path) => {
    if (path.state.device === 'running') path.block(WORD)
    else if (path.state.device === 'blocked') path.unblock(WORD)
  })
}

export function policy({ world, random }: Scene): void {
  const heads = world.hosts.flatMap(({ mp }) => mp?.heads ?? [])
  heads[below(random, Math.max(1, heads.length))]?.setIoPolicy(pick(random, IO_POLICIES))
}

/** What waits on a head is ended. */
export function drain({ world, random }: Scene): void {
  const heads = world.hosts.flatMap(({ mp }) => mp?.heads ?? [])
  heads[below(random, Math.max(1, heads.length))]?.drain(WORD)
}

export function remove(scene: Scene): void {
  withPath(scene, (path, { now, host, hctl }) => {
    if (now.spared || host.life === null) return
    now.path = null
    now.error.disable()
    letGoLater(scene.world, now)
    inTime(scene.world, host.life, `the removal of ${hctl}`, path.remove(WORD)).catch((error: unknown) => {
      if (error instanceof PathledgerError && REMOVERS_HEAR.includes(error.code)) return
      report(scene.world, 'errorsAreExpected', `a path was not removed: ${String(error)}`)
    })
  })
}

/** Every path of a head at once: what waits for one is tested when one comes back soon. */
export function removeAll(scene: Scene): void {
  const { world, random } = scene
  const lun = world.luns[below(random, world.luns.length)]
  for (const { lun: of, now } of world.hosts.flatMap(({ slots }) => slots)) {
    const { path } = now
    if (of !== lun || path === null || now.spared || path.state.device === 'deleted') continue
    now.path = null
    now.error.disable()
    letGoLater(scene.world, now)
    path.remove(WORD).catch(() => undefined)
  }
}

export function add({ world }: Scene): void {
  for (const host of world.hosts) {
    if (host.mp === null || host.opening) continue
    const slot = host.slots.find(({ now, adding }) => now.path === null && !adding)
    if (slot === undefined) continue
    addSlot(world, slot).catch((error: unknown) => notAdded(world, error))
    return
  }
}

/** They look first, and are right: the device has nothing any more. */
export function releaseGhosts({ world, random }: Scene): void {
  const host = world.hosts[below(random, world.hosts.length)]
  const mp = host?.mp ?? null
  if (host === undefined || mp === null) return
  const over = mp.ghosts.filter(({ path, foreign }) => {
    const slot = host.slots.find(({ hctl }) => hctl === path)
    return !foreign && slot !== undefined && [slot.now, ...slot.before].every(isEmpty)
  })
  const one = over[below(random, Math.max(1, over.length))]
  if (one !== undefined) mp.releaseGhosts({ reason: 'simulated', ids: [one.id] })
}

function isEmpty({ tap, hang, sim }: Slot['now']): boolean {
  return tap.inFlight === 0 && hang.held === 0 && sim.pending === 0
}

/** An engine dies at once, or at one of its next calls. */
export function crash({ world, random }: Scene): void {
  const host = world.hosts[below(random, world.hosts.length)]
  const life = host?.life ?? null
  if (host?.mp === undefined || host.mp === null || life === null) return
  if (below(random, 4) === 0) life.end('moment')
  else life.light(1 + below(random, 60))
}

/** Everything stops at once: what was only in a cache may be gone, what was being written may be torn. */
export function powerCut({ world, random, workload }: Scene): void {
  world.tell?.('the power goes')
  for (const host of world.hosts) {
    host.life?.end('moment')
    reboot(world, host)
  }
  workload.buryDead()
  for (const { disk, shadow } of world.luns) {
    const { lost, torn } = disk.powerCut(random)
    shadow.powerCut()
    if (lost > 0) world.sometimes.reach('powerCutLost')
    if (torn > 0) world.sometimes.reach('powerCutTore')
  }
  for (const host of world.hosts) {
    host.limbo = []
    for (const slot of host.slots) {
      slot.before = []
      slot.bystanderUs = null
      slot.now.tap.inFlight = 0
    }
  }
}
