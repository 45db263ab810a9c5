// What goes wrong with devices, caches, ledgers and clocks, and how it is put right.
import { below, LATENESS_MAX_US, pick } from '../world/mix.ts'
import type { Scene } from './scene.ts'
import { BLOCK } from '../world/shadow.ts'
import type { Slot, World, SimLun } from '../world/parts.ts'
import { LEDGER_FAULTS } from '../world/sim-ledger.ts'

/** A slot whose device is a path, and of which nothing else is expected just now. */
function ready({ world, random }: Scene): Slot | null {
  const slots = world.hosts.flatMap((host) => host.slots)
  const slot = slots[below(random, slots.length)]
  // The switches of a path that is gone would catch its last I/Os, and nobody would ever let them go.
  return slot === undefined || slot.now.path === null || slot.now.spared ? null : slot
}

function withSlot(scene: Scene, act: (slot: Slot) => void): void {
  const slot = ready(scene)
  if (slot !== null) act(slot)
}

const ALWAYS = { ratePerMillion: 1_000_000, count: null, range: null, op: 'all' } as const

export function toggleError(scene: Scene): void {
  withSlot(scene, ({ now: { error } }) => {
    if (error.active) return error.disable()
    error.enable({ ...ALWAYS, errno: pick(scene.random, ['EIO', 'ENOLINK', 'ETIMEDOUT', 'ENODEV']) })
  })
}

export function rareErrors(scene: Scene): void {
  withSlot(scene, ({ now: { error } }) =>
    error.enable({ ...ALWAYS, errno: 'EIO', ratePerMillion: 50_000, count: 5 }),
  )
}

export function busy(scene: Scene): void {
  withSlot(scene, ({ now: { error } }) => error.enable({ ...ALWAYS, errno: 'EAGAIN', count: 3 }))
}

/** The same bad blocks through every path: the LUN's error, for which no path may fail. */
export function badBlock({ world, random }: Scene): void {
  const [lun] = world.luns
  if (lun === undefined) return
  const offset = below(random, lun.disk.sizeBytes / BLOCK) * BLOCK
  const op = pick(random, ['read', 'write'])
  for (const { now } of slotsOf(world, lun)) {
    if (!now.spared) now.error.enable({ ...ALWAYS, errno: 'EIO', op, range: { offset, length: 16 * BLOCK } })
  }
}

export function toggleDelay(scene: Scene): void {
  // Behind one connection nothing overtakes.
  if (scene.world.mix.errorsAre === 'connection') return
  withSlot(scene, ({ now: { delay } }) => {
    if (delay.active) delay.disable()
    else delay.enable({ delayUs: 500 + below(scene.random, 30_000) })
  })
}

export function toggleHang(scene: Scene): void {
  withSlot(scene, ({ now: { hang } }) => {
    if (hang.active) hang.disable()
    else hang.enable()
  })
}

/** Fails and heals, a few times, quicker than anybody can follow. */
export function flap(scene: Scene): void {
  withSlot(scene, ({ now }) => {
    const { clock } = scene.world
    const half = 500 + below(scene.random, 6_000)
    const turn = (left: number) => {
      if (left % 2 === 1 && !now.spared && !scene.world.healed) now.error.enable({ ...ALWAYS, errno: 'EIO' })
      else now.error.disable()
      if (left > 0) clock.setTimer(clock.monoUs() + half, () => turn(left - 1))
    }
    turn(1 + 2 * below(scene.random, 4))
  })
}

/** Error now, lands later: what a hung path holds is answered with an error, and done all the same within a while. */
export function landLater(scene: Scene): void {
  const { world, random } = scene
  if (world.mix.errorsAre === 'final') return
  withSlot(scene, ({ now: { hang } }) => {
    if (hang.held === 0) return
    hang.answer('EIO')
    const { clock } = world
    clock.setTimer(clock.monoUs() + below(random, LATENESS_MAX_US), () => void hang.release())
  })
}

/** A path that has failed, and has nothing under way, comes back as another device; after a while it is the old one again. */
export function swap(scene: Scene): void {
  const { world, random } = scene
  const failed = world.hosts
    .flatMap(({ slots }) => slots)
    .filter(({ now: { path, spared, tap } }) => {
      // What is under way would be done on the other device, and be called done: nothing could tell.
      const idle = tap.inFlight === 0
      return path !== null && !spared && idle && /^(failed|probing)$/.test(path.state.health)
    })
  const slot = failed[below(random, Math.max(1, failed.length))]
  if (slot === undefined) return
  const { now } = slot
  now.sim.swapped = 'naa.60014050000000000000000000000bad'
  now.hang.disable()
  now.error.disable()
  const { clock } = world
  clock.setTimer(clock.monoUs() + below(random, 60_000), () => void (now.sim.swapped = null))
}

/** A LUN grows; every path sees it, and heads look when they next do. */
export function grow({ world, random }: Scene): void {
  const lun = world.luns[below(random, world.luns.length)]
  if (lun === undefined || lun.disk.sizeBytes + 16 * BLOCK > lun.disk.medium.length) return
  lun.disk.sizeBytes += 16 * BLOCK
  for (const { mp } of world.hosts) mp?.heads.find(({ wwid }) => wwid === lun.wwid)?.rescan()
}

/** One path says that it has fewer bytes than there are. */
export function shrink(scene: Scene): void {
  withSlot(scene, ({ now: { sim }, host, lun }) => {
    sim.claimsBytes = sim.claimsBytes === null ? lun.disk.sizeBytes - 8 * BLOCK : null
    host.mp?.heads.find(({ wwid }) => wwid === lun.wwid)?.rescan()
  })
}

/**
 * A cache cannot write back: the next flush fails, and what was in the cache is lost. Every path of the LUN is well while
 * that happens, so that whose error it was is beyond doubt.
 */
export function loseCache({ world, random, workload }: Scene): void {
  const lun = world.luns[below(random, world.luns.length)]
  if (lun === undefined || lun.lossFlush !== null || slotsOf(world, lun).some(({ now }) => now.spared)) return
  const { clock } = world
  const spared = slotsOf(world, lun).map(({ now }) => now)
  for (const now of spared) {
    heal(now)
    now.spared = true
  }
  // Long enough for every probe that is out to have come back.
  clock.setTimer(clock.monoUs() + 45_000, () => {
    const slots = slotsOf(world, lun)
    const isWell = slots.every(
      ({ now }) => now.spared && now.path !== null && now.path.state.health === 'online',
    )
    // A flush of an engine that is dead, or that was answered before, would take the error with it.
    const isLeft = slots.some(({ now, before }) =>
      [now, ...before].some(({ tap, hang, sim }) => tap.flushes + hang.held + sim.pending > 0),
    )
    const flushing = [...workload.open].some((io) => io.lun === lun && io.op === 'flush')
    if (isWell && !flushing && !isLeft) {
      lun.disk.losesNextFlush = true
      lun.lossFlush = workload.flush(lun)
      if (lun.lossFlush === null) lun.disk.losesNextFlush = false
    }
    const spareNoLonger = () => {
      // It has failed, and whose error that was is being found out; or it never came so far, and is an ordinary one.
      if (lun.lossFlush?.lost === true) return void clock.setTimer(clock.monoUs() + 10_000, spareNoLonger)
      lun.disk.losesNextFlush = false
      lun.lossFlush = null
      for (const now of spared) now.spared = false
    }
    clock.setTimer(clock.monoUs() + 10_000, spareNoLonger)
  })
}

/** The server of a path dies, with what is in its cache: what it had is answered with an error, and it needs a new attach. */
export function killServer(scene: Scene): void {
  withSlot(scene, ({ now: { sim, hang } }) => {
    if (sim.killed) return
    sim.kill()
    hang.drop('ENOLINK')
    scene.world.sometimes.reach('serverDied')
  })
}

export function breakLedger({ world, random }: Scene): void {
  const { ledger } = hostOf({ world, random })
  if (ledger.mode !== 'ok') return ledger.heal()
  ledger.break(pick(random, LEDGER_FAULTS))
  const { clock } = world
  // Briefly, or longer than a gate waits.
  clock.setTimer(clock.monoUs() + below(random, pick(random, [2_000, 60_000])), () => ledger.heal())
}

/** Somebody sets the clock, forward or back, by up to an hour. */
export function jumpClock({ world, random }: Scene): void {
  world.clock.stepWall((below(random, 7_200) - 3_600) * 1_000_000)
  const waits = world.hosts.some(({ mp }) =>
    mp?.heads.some(
      ({ countdown, paths }) =>
        countdown !== null || paths.some(({ timers }) => Object.keys(timers).length > 0),
    ),
  )
  if (waits) world.sometimes.reach('clockJumpedOverDeadline')
}

function hostOf({ world, random }: Pick<Scene, 'world' | 'random'>): World['hosts'][number] {
  return world.hosts[below(random, world.hosts.length)] as World['hosts'][number]
}

export function slotsOf(world: World, lun: SimLun): Slot[] {
  return world.hosts.flatMap(({ slots }) => slots).filter((slot) => slot.lun === lun)
}

function heal({ error, delay, hang, sim }: Slot['now']): void {
  error.disable()
  delay.disable()
  hang.disable()
  sim.swapped = null
  sim.claimsBytes = null
}

/** Takes every fault away. */
export function healFaults({ world }: Pick<Scene, 'world'>): void {
  for (const { slots, ledger } of world.hosts) {
    ledger.heal()
    for (const { now, before } of slots) for (const one of [now, ...before]) heal(one)
  }
  for (const { shared } of world.luns) shared.heal()
  // Until the end they stay: that others have a device open is no fault.
  if (world.healed) for (const slot of world.hosts.flatMap(({ slots }) => slots)) slot.bystanderUs = null
}
