// How a seed is played: step by step, engines that have died are started again, in the end they are closed.
import { hasCode, messageOf } from '../errors.ts'
import { startHost, makeSlots } from './world/hosts.ts'
import { below } from './world/mix.ts'
import { sceneOf, type Scene } from './deeds/scene.ts'
import { Script } from './deeds/script.ts'
import { drive } from './world/world.ts'
import type { World } from './world/parts.ts'

export interface Play {
  readonly scene: Scene
  readonly script: Script
}

/** Starts the engines of a world. `never`: names of what is not to happen in it. */
export async function begin(world: World, never: readonly string[] = []): Promise<Play> {
  makeSlots(world)
  const scene = sceneOf(world)
  const script = new Script(world, never)
  for (const host of world.hosts) await startHost(world, host, null)
  return { scene, script }
}

/** One thing happens, and some time passes. */
export async function playStep({ scene, script }: Play): Promise<void> {
  const { world, random } = scene
  const { clock, mix } = world
  const name = script.step(scene)
  world.tell?.(`. ${name}`)
  await clock.drain(clock.monoUs() + below(random, mix.pauseUs))
  await restartDead(scene)
}

/** Closes every engine that is alive. One whose record has a gap at its end says so, and that is wrong: its ledger is well. */
export async function close({ scene: { world } }: Play): Promise<void> {
  for (const { mp } of world.hosts) {
    if (mp !== null) await drive(world.clock, mp.close().catch(incomplete(world)))
  }
}

function incomplete(world: World): (error: unknown) => void {
  return (error) => {
    if (!hasCode(error, 'CLOSE_INCOMPLETE')) throw error
    world.wrong.push({ invariant: 'ledgerIsWhole', detail: messageOf(error) })
  }
}

/** Engines that have died are started again when their time has come; now and then the next one dies as it starts. */
async function restartDead({ world, workload, random }: Scene): Promise<void> {
  for (const host of world.hosts) {
    const fromUs = Math.max(host.restartAtUs, host.keptDownUntilUs)
    if (host.life?.alive === true || fromUs > world.clock.monoUs()) continue
    workload.buryDead()
    const fuse = below(random, world.mix.diesInRecovery) === 0 ? 1 + below(random, 40) : null
    await startHost(world, host, fuse)
  }
  workload.buryDead()
}
