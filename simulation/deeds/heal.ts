// After the faults: everything is put right, and given time. Then every I/O must end and every path must serve.
import { healFaults } from './faults.ts'
import { startHost } from '../world/hosts.ts'
import { clearReservations } from './initiators.ts'
import type { Scene } from './scene.ts'
import { addSlot } from '../world/slot.ts'
import type { Slot, World } from '../world/parts.ts'
import { drive } from '../world/world.ts'

/** Virtual time in which everything must end once the faults are gone. */
const HEAL_US = 1_000_000
const WORD = { actor: 'operator:0', reason: 'healed' }
/** Rounds in which operators put right what they find. */
const ROUNDS = 12

/** Takes every fault away, starts engines that are dead, lets operators put back what they pulled, and gives it time. */
export async function heal(scene: Scene): Promise<void> {
  const { world, workload } = scene
  const { clock } = world
  world.healed = true
  healFaults(scene)
  // Longer than the ledger takes to be tried again.
  await clock.drain(clock.monoUs() + 400_000)
  for (const host of world.hosts) {
    workload.buryDead()
    host.life?.light(null)
    for (let tries = 0; host.mp === null && tries < 3; tries += 1) await startHost(world, host, null)
  }
  await drive(clock, clearReservations(world))
  for (let round = 0; round < ROUNDS; round += 1) {
    let right = true
    // A path of a LUN that grew may only come when its head has followed.
    for (const head of world.hosts.flatMap(({ mp }) => mp?.heads ?? [])) head.rescan()
    for (const slot of world.hosts.flatMap(({ slots }) => slots)) {
      right = isRight(slot) && right
      await putRight(world, slot)
    }
    if (right) break
    await clock.drain(clock.monoUs() + 100_000)
  }
  await clock.drain(clock.monoUs() + HEAL_US)
}

function isRight({ now: { path, sim } }: Slot): boolean {
  if (path === null || sim.killed) return false
  const { device, access, health, admin } = path.state
  return device === 'running' && access === 'optimal' && health === 'online' && admin === 'enabled'
}

async function putRight(world: World, slot: Slot): Promise<void> {
  const { clock } = world
  const { path } = slot.now
  if (path === null || path.state.device === 'deleted') {
    slot.now.path = null
    await drive(clock, addSlot(world, slot)).catch(() => undefined)
    return
  }
  // A path that was fenced is not probed any more: it needs a new attach.
  if (slot.now.sim.killed || (path.state.health === 'failed' && path.timers['probe'] === undefined)) {
    slot.now.path = null
    await drive(clock, path.remove(WORD)).catch(() => undefined)
    return
  }
  if (path.state.device === 'blocked') path.unblock(WORD)
  if (path.state.access !== 'optimal') path.setAccessState('optimal')
  if (path.state.admin === 'disabled') path.reinstate(WORD)
}
